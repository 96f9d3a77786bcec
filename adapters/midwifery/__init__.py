"""Midwifery: NEMS birth notifications in FHIR STU3 XML, as messages; other events of the same feed are named and not read yet.

**The same event again.** The key of a `new` event message is made of its event code and the id of its focus resource, that of
an `update` or `delete` of the id in its header too: what updates or deletes names the same focus. So a notification
that comes again, however spaced and under whichever Bundle or header id, is one. Content is all the Bundle says
without Bundle.id, Bundle.meta and the header's id, meta and timestamp. NEMS keeps no order: an update or a delete may come before what it is about.
"""

from collections.abc import Mapping
from typing import Final

from adapters.midwifery.births import Birth, birth, withdrawal
from adapters.nems import HEADER, EventMessage, read_header
from adapters.port import Notifications, Quarantine, Translation
from adapters.stu3 import read
from schemas.problem import Problem

BIRTH_NOTIFICATION: Final = "pds-birth-notification-1"

NOT_READ_YET: Final = ("newborn-hearing-1", "nipe-outcome-1", "blood-spot-test-outcome-1")
"""Other events of the midwifery feed: kept, and read when the adapter can."""

_JSON_BEGINS: Final = b"{"


class Midwifery:
    """Reads what the National Events Management Service sends about births."""

    kind = "midwifery"

    def translate(self, body: bytes, content_type: str | None, headers: Mapping[str, str]) -> Translation:  # noqa: ARG002 - the port's
        """What the event message says. The XML says its own encoding, which holds whatever the Content-Type says."""
        if body.lstrip()[:1] == _JSON_BEGINS:
            return Quarantine(
                (Problem("Bundle", "is JSON, which this adapter does not read yet; send XML", "not-supported"),)
            )
        parsed = read(body)
        if isinstance(parsed, tuple):
            return Quarantine(parsed)
        event = read_header(parsed)
        if isinstance(event, tuple):
            return Quarantine((*event, *parsed.warnings))
        return _translated(event, parsed.warnings)


def _translated(event: EventMessage, warnings: tuple[Problem, ...]) -> Translation:
    if event.code != BIRTH_NOTIFICATION:
        known = "is of an event that this adapter does not read yet"
        reason = known if event.code in NOT_READ_YET else "is of an event that is not midwifery's"
        return Quarantine((Problem(f"{HEADER}.event.code", reason, "not-supported"),))
    if event.change == "delete":
        return Notifications((withdrawal(event),), warnings, key=event.id, content_key=event.content_key)
    found = birth(event)
    if not isinstance(found, Birth):
        return Quarantine((*found, *warnings))
    return Notifications((found.message,), (*warnings, *found.warnings), key=event.id, content_key=event.content_key)
