"""Midwifery: NEMS births and newborn screening in FHIR STU3, XML or JSON, and what a trust's systems send of stays in HL7 v2, as messages.

**The same event again.** The key of a `new` birth notification is made of its event code and the id of its focus resource, that of
an `update` or `delete` of the id in its header too: what updates or deletes names the same focus. So a notification
that comes again, however spaced and under whichever Bundle or header id, is one. A screening result is known by the identifier of its
Encounter, and each change of it by `meta.lastUpdated`. Content is all the Bundle says
without Bundle.id, Bundle.meta and the header's id, meta and timestamp. NEMS keeps no order: an update or a delete may come before what it is about.
What makes an HL7 v2 message the same again says `adapters.hl7v2`.
"""

from collections.abc import Mapping
from typing import Final

from adapters.hl7v2 import begins_as_v2
from adapters.midwifery import screening, stays
from adapters.midwifery.births import Birth, birth, withdrawal
from adapters.nems import HEADER, EventMessage, read_header
from adapters.port import Adapter, Notifications, Quarantine, Translation
from adapters.stu3 import read
from schemas.problem import Problem

BIRTH_NOTIFICATION: Final = "pds-birth-notification-1"


class Midwifery(Adapter):
    """Reads what the National Events Management Service sends about births and newborns, and trusts of stays."""

    kind = "midwifery"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:  # noqa: ARG002 - the port's
        """What the event says. XML says its own encoding and JSON has one only, whatever the Content-Type says; HL7 v2 may leave it to the Content-Type."""
        if begins_as_v2(body):
            return stays.translated(body, content_type)
        parsed = read(body)
        if isinstance(parsed, tuple):
            return Quarantine(parsed)
        event = read_header(parsed)
        if isinstance(event, tuple):
            return Quarantine((*event, *parsed.warnings))
        return _translated(event, parsed.warnings)


def _translated(event: EventMessage, warnings: tuple[Problem, ...]) -> Translation:
    if event.code in screening.EVENTS:
        result = screening.screening(event)
        if not isinstance(result, screening.Screening):
            return Quarantine((*result, *warnings))
        told = result.message
        return Notifications((told,), (*warnings, *result.warnings), key=told.id, content_key=event.content_key)
    if event.code != BIRTH_NOTIFICATION:
        reason = "is of an event that is not midwifery's"
        return Quarantine((Problem(f"{HEADER}.event.code", reason, "not-supported"),))
    if event.change == "delete":
        return Notifications((withdrawal(event),), warnings, key=event.id, content_key=event.content_key)
    found = birth(event)
    if not isinstance(found, Birth):
        return Quarantine((*found, *warnings))
    return Notifications((found.message,), (*warnings, *found.warnings), key=event.id, content_key=event.content_key)
