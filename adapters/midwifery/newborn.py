"""What a birth notification says of one baby besides who it is: whether it lived, its time of birth, weight, gestation and place of birth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from fhir.resources.STU3.episodeofcare import EpisodeOfCare
from fhir.resources.STU3.observation import Observation
from fhir.resources.STU3.organization import Organization
from fhir.resources.STU3.patient import Patient

from adapters.nems import EventMessage, Part, codes, extension, instant
from adapters.patients import person
from schemas.events import coded
from schemas.message import Fact, Person
from schemas.problem import Problem

_BIRTH_TIME: Final = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"

SNOMED: Final = "http://snomed.info/sct"
_STILLBIRTH: Final = "237364002"
_ABNORMALITY: Final = "1097291000000101"
_MEASURES: Final = (("364589006", "birth-weight", "g"), ("412726003", "gestation", "wk"))
"""SNOMED CT code of the Observation, our fact, its unit in UCUM."""

_LIVE: Final = "1"
_STILLBORN: Final = frozenset({"2", "3", "4"})
"""EMS-PDS-StillBornIndicator-1: 1 live; stillborn 2 before labour, 3 during it, 4 indeterminate."""

_DELIVERY_PLACES: Final[Mapping[str | None, str]] = {
    "0": "midwife-led-unit",
    "2": "hospital",
    "4": "hospital",
    **dict.fromkeys(("3", "5", "6", "7", "8"), "other"),
}
"""ACTUAL DELIVERY PLACE of the NHS Data Dictionary. 1, a domestic address, does not say whether that was planned; 9 is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newborn:
    """A baby of the notification."""

    part: Part
    person: Person
    born: datetime | None
    """The time of birth."""
    stillborn: bool
    warnings: tuple[Problem, ...]


def newborn(event: EventMessage, part: Part, key: str) -> Newborn | Problem:
    """The baby that a Patient describes; a problem when it is not said whether it lived."""
    stillborn = _stillborn(event, part)
    if isinstance(stillborn, Problem):
        return stillborn
    somebody, warnings = person(part, key, event)
    return Newborn(part=part, person=somebody, born=_birth_time(part), stillborn=stillborn, warnings=warnings)


def _birth_time(baby: Part) -> datetime | None:
    beside = baby.resource.birthDate__ext if isinstance(baby.resource, Patient) else None
    return instant(extension(beside, _BIRTH_TIME, "valueDateTime")) if beside else None


def _stillborn(event: EventMessage, baby: Part) -> bool | Problem:
    said: set[str | None] = set()
    for part, observation in observations(event, baby, _STILLBIRTH):
        said |= codes(observation.valueCodeableConcept)
        if not said or not (said <= {_LIVE} or said <= _STILLBORN):
            # Either mistake is cruel: a new-birth visit to a bereaved home, or none to a living baby.
            return Problem(
                f"{part.path}.valueCodeableConcept", "must say whether the baby was stillborn", "code-invalid"
            )
    return bool(said & _STILLBORN)


def observations(event: EventMessage, subject: Part, code: str) -> Iterator[tuple[Part, Observation]]:
    """The Observations of a SNOMED CT code about one person."""
    for part in event.parts:
        observation = part.resource
        if isinstance(observation, Observation) and event.resolve(observation.subject) == subject:
            codings = observation.code.coding or ()
            if any(coding.system == SNOMED and coding.code == code for coding in codings):
                yield part, observation


def facts(event: EventMessage, baby: Newborn) -> tuple[tuple[Fact, ...], tuple[Problem, ...]]:
    """What the notification says of the baby, and what was left out because it cannot be read with certainty."""
    found = list(_measures(event, baby))
    key = baby.person.key
    for _, observation in observations(event, baby.part, _ABNORMALITY):
        if "Y" in codes(observation.valueCodeableConcept):
            found.append(Fact(code="note", value="A congenital abnormality is suspected", about=key))
    place = _delivery_place(event, baby.part)
    if place:
        found.append(Fact(code="place-of-birth", value=coded("place-of-birth", place), about=key))
    problems = tuple(item for item in found if isinstance(item, Problem))
    return tuple(item for item in found if isinstance(item, Fact)), problems


def _measures(event: EventMessage, baby: Newborn) -> Iterator[Fact | Problem]:
    for code, fact, unit in _MEASURES:
        for part, observation in observations(event, baby.part, code):
            value = _quantity(observation, unit)
            if value is None:
                reason = f"is no quantity in {unit} and was left out"
                yield Problem(f"{part.path}.valueQuantity", reason, "value", "warning")
            else:
                yield Fact(code=fact, value=value, about=baby.person.key, unit=unit)


def _quantity(observation: Observation, unit: str) -> Decimal | None:
    """The value in `unit`; None in another, because kilograms read as grams could do harm."""
    quantity = observation.valueQuantity
    value = quantity.value if quantity and quantity.code == unit else None
    return value if isinstance(value, Decimal) and value.is_finite() else None


def _delivery_place(event: EventMessage, baby: Part) -> str | None:
    for part in event.parts:
        episode = part.resource
        if not isinstance(episode, EpisodeOfCare) or event.resolve(episode.patient) != baby:
            continue
        place = event.resolve(episode.managingOrganization)
        if "delivery-place" in codes(*(episode.type or ())) and place and isinstance(place.resource, Organization):
            known = codes(*(place.resource.type or ())) & _DELIVERY_PLACES.keys()
            return _DELIVERY_PLACES[known.pop()] if len(known) == 1 else None
    return None
