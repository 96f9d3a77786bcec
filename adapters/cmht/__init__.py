"""Mental health: HL7 v2 ADT, Transfer of Care discharge summaries (ITK3, FHIR STU3) and R4 messages about an Encounter, as messages.

**The same event again.** An HL7 v2 message is known as `adapters.hl7v2` says, an R4 message by the id of its header, a discharge summary
by the identifier of its document. What they tell of the beginning, the end or a leave of a stay is a record (`schemas.records`), so that
what comes later follows it and a cancellation takes it back. Content is, of HL7 v2, that of `adapters.hl7v2`; of R4 what the Bundle says without
its id, meta and timestamp and without the id and meta of its header; of a document all it says without the id and meta of its Bundle.
"""

from collections.abc import Mapping

from adapters import hl7v2, itk3, itk3_answers, r4
from adapters.cmht import adt, documents, encounters
from adapters.port import Acknowledgement, Adapter, Quarantine, Rendered, Translation


class MentalHealth(Adapter):
    """Reads what mental health trusts send of stays on their wards."""

    kind = "cmht"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:
        """What the message says. The bytes tell which of the three formats it is."""
        if hl7v2.begins_as_v2(body):
            message = hl7v2.parse(body, headers.get("content-type") or content_type)
            return Quarantine(message) if isinstance(message, tuple) else adt.translate(message)
        if r4.is_message(body):
            return _encounter(body)
        document = itk3.read(body)
        return Quarantine(document) if isinstance(document, tuple) else documents.translate(document)

    def respond(self, answer: Acknowledgement, original: bytes, content_type: str) -> Rendered | None:  # noqa: ARG002 - the port's
        """An ITK Response to a discharge summary; HL7 v2 is answered by the listener, R4 by the HTTP answer."""
        if hl7v2.begins_as_v2(original) or r4.is_message(original):
            return None
        return itk3_answers.respond(answer, original)


def _encounter(body: bytes) -> Translation:
    parsed = r4.read(body)
    if isinstance(parsed, tuple):
        return Quarantine(parsed)
    message = r4.read_message(parsed)
    if isinstance(message, tuple):
        return Quarantine((*message, *parsed.warnings))
    return encounters.translate(message)
