"""Prison movements: who came into custody, who left it and how, and who died there.

Movement types, and the codes of death, merge, hospital and absconding, are those of HMPPS's prison-custody-status-to-delius;
the other reason codes of NOMIS as its welcome-to-prison and calculate-release-dates read them. Other codes say nothing here, and the fact is left out.
"""

from collections.abc import Mapping
from typing import Final

from adapters.probation.drafts import Draft, NotOurs, Outcome, Reader, code, fact, lacks
from adapters.probation.envelope import DomainEvent
from schemas.codes import Event
from schemas.message import Fact

_BETWEEN: Final = "A movement between prison and court or between prisons changes nothing at home."
_STILL_INSIDE: Final = ("TRANSFERRED", "SENT_TO_COURT", "RETURN_FROM_COURT")

_ON_PAPER: Final = (
    "A release that only closes a duplicate prison record frees nobody; that it was merged is told by itself."
)

DIED: Final = "DEC"
MERGED: Final = "MRG"
AT_LARGE: Final = ("UAL", "UAL_ECL")

CUSTODY_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("N", "V"), "remand"),
    **dict.fromkeys(("I", "25", "26", "27", "29", "J"), "sentence"),
    **dict.fromkeys(("L", "B", "24", "ETB", "ETRLR"), "recall"),
}
RELEASE_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("CR", "CE", "AR", "FR1", "FR2", "ECSL", "PX", "PD"), "licence"),
    **dict.fromkeys(("HR", "HU", "HD", "HE"), "home-detention-curfew"),
    "BD": "bail",
}
HOSPITAL: Final = ("HO", "HP", "HQ")


def received(event: DomainEvent) -> Outcome:
    """Somebody came into prison: taken into custody, or back from leave."""
    reason = event.information.get("reason")
    if reason in _STILL_INSIDE:
        return NotOurs(_BETWEEN)
    if reason is None:
        return lacks(event, "reason")
    custody = CUSTODY_TYPES.get(event.information.get("nomisMovementReasonCode", ""))
    facts = (code("custody-type", custody),) if custody else ()
    return (Draft(event=Event.CUSTODY_START, facts=(*facts, *_establishment(event))),)


def released(event: DomainEvent) -> Outcome:
    """Somebody left prison: released, on leave, to hospital, unlawfully, or dead."""
    reason = event.information.get("reason")
    movement = event.information.get("nomisMovementReasonCode", "")
    if movement == DIED:
        return (Draft(event=Event.DEATH, kind="informal", deceased=True),)
    if movement == MERGED:
        return NotOurs(_ON_PAPER)
    if reason in _STILL_INSIDE:
        return NotOurs(_BETWEEN)
    if reason is None:
        return lacks(event, "reason")
    facts = (*_release(reason, movement), *_establishment(event))
    # Who is unlawfully at large is to be arrested, perhaps at home: held, as every planned arrest (sharing principle 7).
    return (Draft(event=Event.CUSTODY_RELEASE, facts=facts, held=movement in AT_LARGE),)


def _release(reason: str, movement: str) -> tuple[Fact, ...]:
    if movement in AT_LARGE:
        return (fact("planned-arrest", True),)
    if reason == "RELEASED_TO_HOSPITAL" or movement in HOSPITAL:
        return (code("discharge-destination", "hospital"),)
    kind = "temporary" if reason == "TEMPORARY_ABSENCE_RELEASE" else RELEASE_TYPES.get(movement)
    return (code("release-type", kind),) if kind else ()


def _establishment(event: DomainEvent) -> tuple[Fact, ...]:
    prison = event.information.get("prisonId")
    return (fact("establishment", prison),) if prison else ()


READERS: Final[Mapping[str, Reader]] = {
    "prison-offender-events.prisoner.received": received,
    "prison-offender-events.prisoner.released": released,
}
