"""General practice: GP Connect documents in ITK3, bookings and referrals (BaRS) and registrations in R4, HL7 v2, as messages.

**The same event again.** The key of a document is the identifier that its sender gave it (of the document Bundle, else of its
Composition), so that a document sent again in another message, or by itself, is one. A document entered in error has a key
of its own and withdraws the one of that identifier; a next version has another identifier and names the one it replaces. Content
is the document without its Bundle's id and meta.

The key of an R4 message that is `new` is made of its event and the identifier, or id, of what it is about; of an `update` or `delete`
of its header's id too, because both name the same. Content is all it says without Bundle.id, meta, timestamp and the
header's id.

The key of an HL7 v2 referral that has a number (RF1-6) is made of that, the sending application and facility; of any other v2 message it
is that of `adapters.hl7v2`.
"""

from collections.abc import Mapping

from adapters import itk3, itk3_answers, r4
from adapters.gp import answers, documents, referrals, rendering, v2
from adapters.hl7v2 import begins_as_v2, parse
from adapters.port import Acknowledgement, Adapter, Quarantine, Rendered, Translation
from schemas.message import Message


class GeneralPractice(Adapter):
    """Reads what practices and those who write to them send."""

    kind = "gp"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:
        """What the message says. XML says its own encoding and JSON is UTF-8, whatever the Content-Type says."""
        if begins_as_v2(body):
            message = parse(body, headers.get("content-type") or content_type)
            return Quarantine(message) if isinstance(message, tuple) else v2.translate(message)
        if r4.is_message(body):
            parsed = r4.read(body)
            return Quarantine(parsed) if isinstance(parsed, tuple) else referrals.translate(parsed)
        found = itk3.read(body)
        return Quarantine(found) if isinstance(found, tuple) else documents.translate(found)

    def render(self, message: Message) -> Rendered | None:
        """A referral, or the outcome of one, as a BaRS message."""
        return rendering.render(message)

    def respond(self, answer: Acknowledgement, original: bytes, content_type: str) -> Rendered | None:
        """An ITK Response to an ITK3 message, a response to a BaRS referral, an RRI to a referral in HL7 v2."""
        if begins_as_v2(original):
            return answers.to_v2(answer, original, content_type)
        if r4.is_message(original):
            return answers.to_r4(answer, original)
        return itk3_answers.respond(answer, original)
