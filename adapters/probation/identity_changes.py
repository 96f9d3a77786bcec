"""Events by which one person's records are joined, parted or numbered anew, or a sentence is found to be somebody else's."""

from collections.abc import Mapping
from typing import Final

from adapters.probation.drafts import Draft, Outcome, Reader, fact, lacks
from adapters.probation.envelope import DomainEvent
from adapters.probation.subjects import identifier_of
from schemas.codes import Event
from schemas.identifiers import CRN, NOMS_NUMBER
from schemas.message import Coding, Fact, Identifier
from schemas.problem import Problem


def _formerly(identifier: Identifier) -> Fact:
    return fact("previous-case-number", Coding(system=identifier.system, code=identifier.value))


def _joined(number: str, current: str, previous: str) -> Reader:
    """Two records of one person became one: `current` and `previous` name the members that hold the numbers."""

    def read(event: DomainEvent) -> Outcome:
        kept = identifier_of(number, event.information.get(current))
        left = identifier_of(number, event.information.get(previous))
        if kept is None or left is None:
            return lacks(event, current if kept is None else previous)
        others = tuple(known for known in event.identifiers if known not in (kept, left))
        return (Draft(event=Event.IDENTIFIER_CHANGE, kind="merge", facts=(_formerly(left),), subject=(kept, *others)),)

    return read


def _parted(event: DomainEvent) -> Outcome:
    """A merge was undone: the record that remained, and the number that lives again. Who is who is people's work."""
    remained = identifier_of("CRN", event.information.get("unmergedCRN"))
    revived = identifier_of("CRN", event.information.get("reactivatedCRN"))
    if remained is None or revived is None:
        return lacks(event, "unmergedCRN" if remained is None else "reactivatedCRN")
    return (Draft(event=Event.IDENTIFIER_CHANGE, kind="unmerge", facts=(_formerly(revived),), subject=(remained,)),)


def _prison_identifier_added(event: DomainEvent) -> Outcome:
    """A probation record and a prison record were matched: one person, known by both numbers from now on."""
    held = {identifier.system: identifier for identifier in event.identifiers}
    if not {CRN, NOMS_NUMBER} <= held.keys():
        path = f"{event.place}personReference.identifiers"
        return Problem(path, "must have the CRN and the NOMS number that belong together", "required")
    return (Draft(event=Event.IDENTIFIER_CHANGE, kind="merge", facts=(_formerly(held[NOMS_NUMBER]),)),)


def _sentence_moved(event: DomainEvent) -> Outcome:
    """A sentence had been recorded of the wrong person. Both remain who they are: joining them would be wrong."""
    source = identifier_of("CRN", event.information.get("sourceCRN"))
    target = identifier_of("CRN", event.information.get("targetCRN"))
    if source is None or target is None:
        return lacks(event, "sourceCRN" if source is None else "targetCRN")
    return (
        Draft(event=Event.SUPERVISION_START, subject=(target,)),
        Draft(event=Event.SUPERVISION_END, subject=(source,)),
    )


READERS: Final[Mapping[str, Reader]] = {
    "probation-case.merge.completed": _joined("CRN", "targetCRN", "sourceCRN"),
    "prison-offender-events.prisoner.merged": _joined("NOMS", "nomsNumber", "removedNomsNumber"),
    "probation-case.unmerge.completed": _parted,
    "probation-case.prison-identifier.added": _prison_identifier_added,
    "probation-case.prison-identifier.updated": _prison_identifier_added,
    "probation-case.sentence.moved": _sentence_moved,
}
