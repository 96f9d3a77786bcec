"""What one person's identifiers are worth against the known persons who carry the same; the rest of matching is in `matching.py`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from broker.domain.names import same_family
from broker.domain.states import PersonState
from broker.domain.world import KnownIdentifier, KnownPerson, Team
from schemas.codes import Event, Function
from schemas.identifiers import (
    CRN,
    NHS_NUMBER,
    NOMS_NUMBER,
    Crn,
    MalformedError,
    NhsNumber,
    NomsNumber,
    agency_of,
    nhs_number_state,
)
from schemas.message import Coding, Identifier, Message, Person

JUSTICE: Final = frozenset({Function.PROBATION, Function.PRISON, Function.YOUTH_JUSTICE})
"""Functions whose word on a CRN or NOMS number binds it: the two numbers go with the case from team to team."""
_FORMS: Final = {NHS_NUMBER: NhsNumber, CRN: Crn, NOMS_NUMBER: NomsNumber}


class Worth(IntEnum):
    """By which kind of identifier somebody is found, the strongest first."""

    NHS_NUMBER = 1
    OWN_NUMBER = 2
    FAULTY_NUMBER = 3
    NOTHING = 4


@dataclass(frozen=True, slots=True)
class Found:
    """Who the identifiers say it is, and whom they might also mean."""

    who: KnownPerson | None = None
    also: tuple[KnownPerson, ...] = ()
    """Found by a weaker identifier, and somebody else: perhaps two records of one person."""
    doubtful: tuple[KnownPerson, ...] = ()
    """They carry the number, and something speaks against it."""
    restricted: tuple[KnownPerson, ...] = ()
    """They would be found, and must never be linked."""


def normal(identifier: Identifier) -> Identifier:
    """The identifier with its value as it is stored and compared: without spaces, in capitals where its kind has a form."""
    form = _FORMS.get(identifier.system)
    value = identifier.value.strip()
    if form is not None:
        try:
            value = form.parse(value).value
        except MalformedError:
            value = "".join(value.split())
    return identifier if value == identifier.value else replace(identifier, value=value)


def is_valid(identifier: Identifier) -> bool:
    """Whether the value can be a number of its kind; one that fails its check digit matches nobody by itself."""
    if identifier.system == NHS_NUMBER:
        return nhs_number_state(identifier.value) == "valid"
    form = _FORMS.get(identifier.system)
    if form is None:
        return bool(identifier.value)
    try:
        form.parse(identifier.value)
    except MalformedError:
        return False
    return True


def may_bind(identifier: Identifier, sender: Team) -> bool:
    """Whether this team's word makes the identifier one by which others find the person."""
    return is_valid(identifier) and worth(identifier, sender) in (Worth.NHS_NUMBER, Worth.OWN_NUMBER)


def worth(identifier: Identifier, sender: Team) -> Worth:
    """What the identifier is worth from this sender."""
    if identifier.system == NHS_NUMBER:
        return Worth.NHS_NUMBER if is_valid(identifier) else Worth.FAULTY_NUMBER
    if identifier.system in (CRN, NOMS_NUMBER):
        return Worth.OWN_NUMBER if sender.function in JUSTICE else Worth.NOTHING
    return Worth.OWN_NUMBER if agency_of(identifier.system) == sender.agency_id else Worth.NOTHING


def previous_numbers(message: Message, key: str) -> tuple[Identifier, ...]:
    """Numbers by which the person was known before, as an identifier-change says; none where it seals or parts records."""
    if message.event is not Event.IDENTIFIER_CHANGE or message.kind in ("sealed", "unmerge"):
        return ()
    said = [fact for fact in message.facts if fact.about in (key, None) and fact.code in _PREVIOUS]
    return tuple(normal(identifier) for fact in said for identifier in _PREVIOUS[fact.code](fact.value))


def _previous_nhs_number(value: object) -> Iterator[Identifier]:
    if isinstance(value, str):
        yield Identifier(system=NHS_NUMBER, value=value)


def _previous_case_number(value: object) -> Iterator[Identifier]:
    if isinstance(value, Coding):
        yield Identifier(system=value.system, value=value.code)
    elif isinstance(value, str):  # said as text: its form tells which of the two it is
        yield from (i for i in (Identifier(system=s, value=value) for s in (CRN, NOMS_NUMBER)) if is_valid(i))


_PREVIOUS: Final = {
    "previous-nhs-number": _previous_nhs_number,
    "previous-case-number": _previous_case_number,
    "previous-local-number": _previous_case_number,
}


def find(person: Person, known: Sequence[KnownPerson], sender: Team) -> Found:
    """Who the person is by identifiers alone."""
    found: dict[str, KnownPerson] = {}
    doubtful: dict[str, KnownPerson] = {}
    restricted: dict[str, KnownPerson] = {}
    for identifier in sorted((normal(i) for i in person.identifiers), key=lambda i: worth(i, sender)):
        holders = list(_holders(identifier, known, sender))
        open_to_all = [(k, held) for k, held in holders if not _closed(person, k, held, sender)]
        restricted |= {k.id: k for k, held in holders if (k, held) not in open_to_all}
        agreed = [(k, held) for k, held in open_to_all if _agrees(person, identifier, k, held, sender)]
        found |= {k.id: k for k, _held in sorted(agreed, key=lambda pair: not _binds(pair[0], identifier))}
        if worth(identifier, sender) is not Worth.NOTHING:
            doubtful |= {k.id: k for k, _held in open_to_all}
    who, *also = found.values() or [None]
    return Found(
        who=who,
        also=tuple(k for k in also if k is not None),
        doubtful=tuple(k for k in doubtful.values() if k.id not in found),
        restricted=tuple(k for k in restricted.values() if k.id not in found),
    )


def numbers_conflict(person: Person, known: KnownPerson) -> bool:
    """Both have a valid NHS number, and not the same: two people, however alike."""
    mine = {i.value for i in map(normal, person.identifiers) if i.system == NHS_NUMBER and is_valid(i)}
    theirs = {i.value for i in known.identifiers if i.system == NHS_NUMBER and i.valid}
    return bool(mine) and bool(theirs) and not mine & theirs


def birth_agrees(person: Person, known: KnownPerson) -> bool | None:
    """Whether the dates of birth are the same; None when one is not known."""
    if person.birth_date is None or known.born is None:
        return None
    return person.birth_date in (known.born, *known.also_born)


def _holders(
    identifier: Identifier, known: Iterable[KnownPerson], sender: Team
) -> Iterator[tuple[KnownPerson, KnownIdentifier]]:
    """Who carries the number, each with the assertion that says most: the sender's agency's own, else the binding one."""
    for k in known:
        same = [i for i in k.identifiers if (i.system, i.value) == (identifier.system, identifier.value)]
        if same:
            yield k, min(same, key=lambda i: (i.agency != sender.agency_id, not i.binding))


def _closed(person: Person, k: KnownPerson, held: KnownIdentifier, sender: Team) -> bool:
    """Whether the two must not be linked (principle 11). Who gave the number of a protected record itself still finds it."""
    protected = person.protected or k.state is PersonState.SEALED
    return protected and held.agency != sender.agency_id


def _agrees(person: Person, identifier: Identifier, k: KnownPerson, held: KnownIdentifier, sender: Team) -> bool:
    """Whether this identifier, with what else is said, makes the two one person."""
    birth = birth_agrees(person, k)
    same_agency = held.agency == sender.agency_id
    if same_agency and _both_bare(person, k):
        return True
    match worth(identifier, sender):
        case Worth.NHS_NUMBER:
            return birth is True or (birth is None and same_family(person, k))
        case Worth.OWN_NUMBER:
            return birth is True or (birth is None and (_binds(k, identifier) or same_agency))
        case _:  # repeated by the agency that gave it before, with the same particulars
            return birth is True and same_family(person, k) and same_agency


def _binds(k: KnownPerson, identifier: Identifier) -> bool:
    return any(i.binding and (i.system, i.value) == (identifier.system, identifier.value) for i in k.identifiers)


def _both_bare(person: Person, k: KnownPerson) -> bool:
    """A number and nothing else, twice from one agency: the second message makes no second person."""
    return not any((person.family, person.birth_date, k.family, k.born))
