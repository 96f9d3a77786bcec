"""Whom a NEMS event is about: its Patient, checked against the routing demographics in the header and completed from them."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from fhir.resources.STU3.messageheader import MessageHeader
from fhir.resources.STU3.patient import Patient

from adapters.nems import HEADER, EventMessage, Part, extension
from adapters.patients import person
from schemas.identifiers import NHS_NUMBER, nhs_number_state
from schemas.message import Identifier, Person
from schemas.problem import Problem

_SOMEBODY: Final = "person"
_ROUTING: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-RoutingDemographics-1"
_LONDON: Final = ZoneInfo("Europe/London")
_PATH: Final = f"{HEADER}.extension('{_ROUTING}')"


@dataclass(frozen=True, slots=True)
class Subject:
    """The person of an event, and what is doubtful about it."""

    person: Person
    part: Part
    warnings: tuple[Problem, ...]


def subject(event: EventMessage, part: Part | None, path: str, key: str = _SOMEBODY) -> Subject | tuple[Problem, ...]:
    """The person that `part` is; problems when it is none, or when header and Patient are of two different people.

    Args:
        event: the event message.
        part: what the reference to the person leads to.
        path: where that reference stands.
        key: the person's in the message.
    """
    if part is None or not isinstance(part.resource, Patient):
        return (Problem(path, "leads to no Patient in the Bundle", "not-found"),)
    found, doubts = person(part, key, event)
    routed = _routed(event.header)
    contradiction = _contradiction(found, routed, part.path)
    if contradiction is not None and contradiction.severity == "error":
        return (contradiction, *doubts)
    completed = found if contradiction is not None else _completed(found, routed)
    warnings = (*doubts, *((contradiction,) if contradiction else ()), *_other_birth(found, routed, part.path))
    return Subject(completed, part, warnings)


def _routed(header: MessageHeader) -> Person:
    """The routing demographics: what NEMS sought its subscribers by."""
    outer = next((given for given in header.extension or () if given.url == _ROUTING), None)
    if outer is None:
        return Person(key=_SOMEBODY)
    number = extension(outer, "nhsNumber", "valueIdentifier")
    name = extension(outer, "name", "valueHumanName")
    born = extension(outer, "birthDateTime", "valueDateTime")
    return Person(
        key=_SOMEBODY,
        identifiers=(Identifier(system=NHS_NUMBER, value=number.value),) if number and number.value else (),
        family=name.family if name else None,
        given=tuple(given for given in (name.given or ()) if given) if name else (),
        birth_date=_day(born),
    )


def _day(value: object) -> date | None:
    """The day by the clocks of London: half past eleven at night in UTC is the next day in summer."""
    if not isinstance(value, datetime):
        return value if isinstance(value, date) else None
    try:
        return value.astimezone(_LONDON).date() if value.tzinfo else value.date()
    except OverflowError:  # the first or the last day there is
        return None


def nhs_number(person: Person) -> str | None:
    """The person's NHS number as it is written, blanks and hyphens aside; None when there is none."""
    numbers = (identifier.value for identifier in person.identifiers if identifier.system == NHS_NUMBER)
    return next(("".join(number.split()).replace("-", "") for number in numbers), None)


def _contradiction(found: Person, routed: Person, path: str) -> Problem | None:
    """What is said when the two have different numbers.

    A number that was superseded still routes, so that alone is a doubt. Two whole numbers with two families or two
    dates of birth are two people, and to say of one what happened to the other would do harm: of a death most of all.
    """
    one, other = nhs_number(found), nhs_number(routed)
    if one is None or other is None or one == other:
        return None
    apart = _differ(found.birth_date, routed.birth_date) or _differ(_plain(found.family), _plain(routed.family))
    if apart and nhs_number_state(one) == nhs_number_state(other) == "valid":
        return Problem(_PATH, "is of another person than the Patient", "conflict")
    return Problem(f"{path}.identifier", "is not the number of the routing demographics", "conflict", "warning")


def _completed(found: Person, routed: Person) -> Person:
    """With what the header alone says: a death notification has no date of birth in its Patient."""
    if nhs_number(found) is None and _says_other(found, routed):
        return found
    return replace(
        found,
        identifiers=found.identifiers if nhs_number(found) else (*found.identifiers, *routed.identifiers),
        family=found.family or routed.family,
        given=found.given or (routed.given if found.family in (None, routed.family) else ()),
        birth_date=found.birth_date or routed.birth_date,
    )


def _says_other(found: Person, routed: Person) -> bool:
    return _differ(found.birth_date, routed.birth_date) or _differ(_plain(found.family), _plain(routed.family))


def _other_birth(found: Person, routed: Person, path: str) -> tuple[Problem, ...]:
    if nhs_number(found) != nhs_number(routed) or not _differ(found.birth_date, routed.birth_date):
        return ()
    return (Problem(f"{path}.birthDate", "is not that of the routing demographics", "conflict", "warning"),)


def _plain(name: str | None) -> str | None:
    return name.casefold().strip() if name else None


def _differ(one: object, other: object) -> bool:
    """Whether both are there and not the same."""
    return one is not None and other is not None and one != other
