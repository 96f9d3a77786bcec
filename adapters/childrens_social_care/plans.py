"""Which plan of a child a Bundle is about, as Child Protection - Information Sharing (CP-IS) has it in FHIR R4.

The specification: NHS England, "Patient Flag Implementation Guide", CP-IS: a Flag whose `flag-detail` leads to a CarePlan, whose
category says which of three plans it is and whose CareTeam is the local authority. The CP-IS API answers with a CareTeam
alone, which then has category, subject and period itself. What a plan comes to is said in `messages`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.r4 import Parsed, codes_of
from schemas.bundle.elements import JsonObject, codings, extension, object_in, objects_in, text_in
from schemas.bundle.entries import Entry
from schemas.problem import Problem

FLAG_DETAIL: Final = "http://hl7.org/fhir/StructureDefinition/flag-detail"
SNOMED: Final = "http://snomed.info/sct"

_FLAGS: Final = frozenset(
    {"child-protection-information-system-flag", "child-protection-information-sharing-flag", "CP-IS"}
)
"""England-FlagCategoryPatient as its example and its text write it, and PatientFlagCategory before it."""


class Kind(StrEnum):
    """The three plans of CP-IS, by their SNOMED CT codes."""

    PROTECTION = "342191000000101"  # Subject to child protection plan
    LOOKED_AFTER = "764841000000100"  # Looked after child
    UNBORN = "818901000000100"  # Unborn child subject to child protection plan


_KINDS: Final = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One plan, with what stands round it."""

    kind: Kind
    entry: Entry
    """The CarePlan; the CareTeam where there is no CarePlan."""
    flag: Entry | None
    team: Entry | None
    """The local authority that answers for the plan, where the Bundle holds it."""
    team_name: str | None
    """What the reference to it calls it."""

    @property
    def resource(self) -> JsonObject:
        """The CarePlan, or the CareTeam, as it came."""
        return self.entry.resource

    def at(self, name: str) -> str:
        """Path of an element of it."""
        return f"{self.entry.place}.{name}"


def plan_of(parsed: Parsed, foci: tuple[Entry, ...]) -> Plan | Problem | None:
    """The plan the Bundle is about: that of the message's focus, or the only one; None in a Bundle that holds nothing at all."""
    found = tuple(_plans(parsed))
    about = tuple(plan for plan in found if plan.entry in foci or plan.flag in foci) if foci else found
    if len(about) == 1:
        return about[0]
    if about:
        # Which of them changed is not said; and a second message of the same plans could not be told from the first.
        return Problem("Bundle.entry", "holds more than one plan: send each in a message of its own", "not-supported")
    return _no_plan(parsed)


def _no_plan(parsed: Parsed) -> Problem | None:
    flags = [entry for entry in parsed.entries.of_type("Flag") if is_flag(entry)]
    if flags:
        reason = "leads to no CarePlan with a category of CP-IS, so which plan it is of is not known"
        return Problem(f"{flags[0].place}.extension('{FLAG_DETAIL}')", reason, "not-found")
    if parsed.entries.all:
        return Problem("Bundle.entry", "holds no plan of a category of CP-IS", "not-supported")
    return None


def is_flag(entry: Entry) -> bool:
    """Whether a Flag is that of CP-IS."""
    concepts = (object_in(entry.resource, "code"), *(item for _, item in objects_in(entry.resource, "category")))
    return bool(codes_of(*concepts) & _FLAGS)


def _plans(parsed: Parsed) -> Iterator[Plan]:
    flags = [entry for entry in parsed.entries.of_type("Flag") if is_flag(entry)]
    teams: list[Entry] = []
    for entry in parsed.entries.of_type("CarePlan"):
        kind = _kind(entry)
        if kind is None:
            continue
        reference = next((item for _, item in objects_in(entry.resource, "careTeam")), {})
        team = parsed.entries.resolve(reference)
        teams += [team] if team else []
        flag = next((flag for flag in flags if parsed.entries.resolve(_detail(flag)) is entry), None)
        yield Plan(kind=kind, entry=entry, flag=flag, team=team, team_name=text_in(reference, "display"))
    for entry in parsed.entries.of_type("CareTeam"):
        kind = _kind(entry)
        if kind is not None and entry not in teams:
            yield Plan(kind=kind, entry=entry, flag=None, team=entry, team_name=None)


def _detail(flag: Entry) -> JsonObject:
    return object_in(extension(flag.resource, FLAG_DETAIL), "valueReference")


def _kind(entry: Entry) -> Kind | None:
    """The one plan that the categories name; none where they name two."""
    said = {
        text_in(coding, "code")
        for _, concept in objects_in(entry.resource, "category")
        for coding in codings(concept)
        if text_in(coding, "system") == SNOMED
    }
    named = [code for code in said if code in _KINDS]
    return Kind(named[0]) if len(named) == 1 and named[0] else None
