"""What a message adds to who somebody is: particulars, numbers, merges, seals, deaths; whom it means was decided in `matching.py`."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypeVar

from broker.domain import changes as c
from broker.domain import sight
from broker.domain.asks import lead_of
from broker.domain.draft import Draft
from broker.domain.identifying import JUSTICE, Worth, is_valid, may_bind, normal, previous_numbers, worth
from broker.domain.kinship import mothers_of
from broker.domain.matching import Doubt, Matches
from broker.domain.pregnancy_match import birth_date, expected_date
from broker.domain.registrations import practice_of, settles
from broker.domain.states import InvolvementState, PersonState
from broker.domain.visibility import LEADS
from broker.domain.world import KnownPerson
from schemas.codes import Event, Function, RelationshipKind, TaskCode
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, Person

T = TypeVar("T")

REGISTERING: Final = frozenset({Event.GP_REGISTRATION, Event.IDENTIFIER_CHANGE})
"""Events whose particulars were traced, so that a name they give replaces the one that is known."""
NATIONAL: Final = frozenset({Function.CHILD_HEALTH_INFORMATION, Function.GENERAL_PRACTICE})
"""Functions that pass on what the Personal Demographics Service decided about NHS numbers."""
RESTRICTED: Final[Mapping[str, str | list[str]]] = {"restricted": "true"}
"""Among a task's options: that there is such a question is not for the sender to know."""
DIFFERENT: Final = "different"
REVIEWED: Final = "reviewed"
"""Choices of a `resolve-identity` task besides the candidates' ids."""


def settle_persons(draft: Draft, matches: Matches) -> None:
    """Everybody named becomes known, and what is newly said of the known is kept."""
    new = {matches.ids[key] for key in matches.new}
    for person in draft.given.message.people:
        if person.key in new:
            _add(draft, person)
        else:
            _update(draft, person)
        _assert_numbers(draft, person)
    _seal(draft)


def settle_relationships(draft: Draft) -> None:
    """What the message says that one is to another."""
    for relationship in draft.given.message.relationships:
        relate(draft, relationship.person, relationship.kind, relationship.to)


def _add(draft: Draft, person: Person) -> None:
    message = draft.given.message
    draft.do(
        c.AddPerson(
            person_id=person.key,
            state=_first_state(person),
            born=None if person.unborn else birth_date(message, person),
            expected=expected_date(message, person) if person.unborn else None,
            family=person.family,
            given=person.given,
            gender=person.gender,
            practice=None if message.kind == "removed" else _practice(draft, person),
            birth_order=person.birth_order,
            resolved=_is_somebody(person) or bool(person.family or person.given or person.birth_date),
        )
    )


def _first_state(person: Person) -> PersonState:
    """A pregnancy is routed whoever is protected; its mother is the one who is sealed."""
    if person.unborn:
        return PersonState.UNBORN
    return PersonState.SEALED if person.protected else PersonState.LIVING


def _is_somebody(person: Person) -> bool:
    """Whether enough is said to know who it is: name and date of birth, or an NHS number. A case number alone is not."""
    numbered = any(i.system == NHS_NUMBER and is_valid(i) for i in map(normal, person.identifiers))
    return numbered or person.unborn or bool(person.family and person.birth_date)


def _update(draft: Draft, person: Person) -> None:
    """What was missing is filled in. What differs stays, unless the event is one that traces particulars."""
    known = draft.person(person.key)
    # What probation holds is what the person said of themselves: it fills in, and replaces nothing.
    traced = draft.given.message.event in REGISTERING and draft.given.sender.function not in JUSTICE
    born_now = known.state is not PersonState.UNBORN and known.born is None
    change = c.UpdatePerson(
        person_id=known.id,
        born=person.birth_date if born_now else None,
        family=_better(known.family, person.family, traced=traced),
        given=() if (known.given and not traced) or person.given == known.given else person.given,
        gender=_better(known.gender, person.gender, traced=False),
        practice=_new_practice(draft, person, known),
        birth_order=_better(known.birth_order, person.birth_order, traced=False),
        resolved=True if not known.resolved and _is_somebody(person) else None,
    )
    if change.says():
        draft.do(change)


def _better(known: T | None, said: T | None, *, traced: bool) -> T | None:
    """What to change to; None when nothing changes."""
    return said if said != known and (known is None or traced) else None


def _practice(draft: Draft, person: Person) -> str | None:
    """ODS code of the practice the person is registered with, as the message says; a practice may speak for itself."""
    given = draft.given
    own = given.sender.ods_code if given.sender.function is Function.GENERAL_PRACTICE else None
    registers = given.message.event is Event.GP_REGISTRATION and person.key in given.message.subjects
    return person.practice or (own if registers else None)


def _new_practice(draft: Draft, person: Person, known: KnownPerson) -> str | None:
    """The practice to note; '' when the person was removed from the list of the one that is noted."""
    said = _practice(draft, person)
    message = draft.given.message
    if message.event is not Event.GP_REGISTRATION or person.key not in message.subjects:
        return said if known.practice is None else None
    sender, directory = draft.given.sender, draft.given.directory
    noted = directory.practice(known.practice)
    said_of, held_by = practice_of(person, sender, directory), noted.id if noted else known.practice
    if not settles(sender, said_of, held_by, looked_up=draft.given.looked_up):
        return None
    if message.kind == "removed":
        return "" if known.practice is not None and known.practice == said else None
    return said if said != known.practice else None


def _assert_numbers(draft: Draft, person: Person) -> None:
    """Each number once for each team that gives it; it binds when the team's word can, and nobody else has it."""
    sender = draft.given.sender
    for identifier in map(normal, person.identifiers + previous_numbers(draft.given.message, person.key)):
        known = draft.person(person.key)
        said = {(i.system, i.value, i.asserted_by) for i in known.identifiers}
        if not identifier.value or (identifier.system, identifier.value, sender.id) in said:
            continue
        draft.do(
            c.AssertIdentifier(
                person_id=person.key,
                system=identifier.system,
                value=identifier.value,
                valid=is_valid(identifier),
                verified=identifier.verified,
                binding=may_bind(identifier, sender) and not _bound(draft, identifier),
            )
        )


def _bound(draft: Draft, identifier: Identifier) -> bool:
    same = (identifier.system, identifier.value)
    return any(i.binding and (i.system, i.value) == same for k in draft.world.people.values() for i in k.identifiers)


def relate(draft: Draft, person_id: str, kind: RelationshipKind, to: str) -> None:
    """Say what one person is to another. A second mother of an unborn child is a doubt about who she is, not a fact."""
    if any((r.person_id, r.kind, r.to) == (person_id, kind, to) for r in draft.world.relationships):
        return
    mother = mothers_of(draft.world, to) if kind is RelationshipKind.MOTHER else ()
    if mother and draft.person(to).state is PersonState.UNBORN:
        _ask_who(draft, person_id, mother, "Two different mothers are named for one pregnancy: are they one person?")
        return
    draft.do(c.AddRelationship(person_id=person_id, kind=kind, to=to))


def _seal(draft: Draft) -> None:
    """Whoever the message marks as protected is sealed (principle 11)."""
    message = draft.given.message
    sealing = message.event is Event.IDENTIFIER_CHANGE and message.kind == "sealed"
    marked = {p.key for p in message.people if p.protected and not p.unborn} | (
        set(message.subjects) if sealing else set()
    )
    for id_ in sorted(marked):
        if draft.person(id_).state is PersonState.LIVING:
            draft.do(c.SealPerson(person_id=id_))
            _ask_lead(draft, id_)


def settle_doubts(draft: Draft, matches: Matches) -> None:
    """What is certain is merged; what is not becomes a task; what is restricted is sealed and told to the lead alone."""
    for doubt in matches.doubts:
        id_ = matches.ids[doubt.key]
        if doubt.kind == "restricted":
            _restrict(draft, id_, doubt)
            continue
        rest = tuple(other for other in doubt.candidates if not _merge(draft, doubt, id_, other))
        _ask_who(draft, id_, rest, f"Who this is, is not certain: {doubt.reason}.")
    if draft.given.message.kind == "unmerge" and draft.given.message.event is Event.IDENTIFIER_CHANGE:
        for id_ in draft.given.message.subjects:
            _ask_apart(draft, id_)


def _merge(draft: Draft, doubt: Doubt, id_: str, other: str) -> bool:
    """Whether the two records were joined without asking anybody (principle 11 forbids it for protected identities)."""
    if other == id_ or draft.person(other).state is PersonState.MERGED:
        return True
    named_too = any(person.key == other for person in draft.given.message.people)
    if doubt.kind != "duplicate" or named_too or not _may_be_one(draft.person(id_), draft.person(other)):
        return False
    if not (_changed_by_its_registrar(draft, id_, draft.person(other)) or _resolves(draft, id_, draft.person(other))):
        return False
    draft.do(c.MergePersons(gone=other, into=id_))
    return True


def _may_be_one(one: KnownPerson, other: KnownPerson) -> bool:
    """Neither is sealed, at a protected address or gone, and their dates of birth do not differ."""
    open_to_it = all(k.state is PersonState.LIVING and not any(a.protected for a in k.addresses) for k in (one, other))
    births = [{k.born, *k.also_born} - {None} for k in (one, other)]
    return open_to_it and (not all(births) or bool(births[0] & births[1]))


def _changed_by_its_registrar(draft: Draft, id_: str, other: KnownPerson) -> bool:
    """An identifier-change of the sender's own numbers, or of NHS numbers as they were traced nationally."""
    given = draft.given
    held = {(i.system, i.value) for i in other.identifiers}
    ties = [i for i in previous_numbers(given.message, id_) if (i.system, i.value) in held]
    person = given.message.person(id_)
    traced = given.sender.function in NATIONAL and any(
        i.system == NHS_NUMBER and i.verified for i in person.identifiers
    )
    return any(
        worth(i, given.sender) is Worth.OWN_NUMBER or (i.system == NHS_NUMBER and is_valid(i) and traced) for i in ties
    )


def _resolves(draft: Draft, id_: str, other: KnownPerson) -> bool:
    """Probation says who its case is: an NHS number with its date of birth is of somebody known, the case number of nobody yet."""
    person = draft.given.message.person(id_)
    if draft.given.sender.function not in JUSTICE or other.resolved or person.birth_date is None:
        return False
    mine = {normal(i).value for i in person.identifiers if i.system == NHS_NUMBER and i.verified is not False}
    return any(i.system == NHS_NUMBER and i.valid and i.value in mine for i in draft.person(id_).identifiers)


def _ask_who(draft: Draft, id_: str, candidates: tuple[str, ...], description: str) -> None:
    """Ask the sender whether the person is one of the candidates; of somebody at an address that it may not know, its lead alone.

    To be asked is to learn that somebody of that name and day of birth is known here, and to answer is to be tied to them.
    """
    candidates = tuple(other for other in candidates if draft.person(other).state is not PersonState.MERGED)
    if not candidates:
        return
    protected = any(_kept_from(draft, other) for other in candidates)
    draft.ask(
        TaskCode.RESOLVE_IDENTITY,
        description,
        key=":".join((id_, *candidates)),
        owner=_lead(draft) if protected else None,
        person_id=id_,
        options={"person": id_, "choices": [*candidates, DIFFERENT], **(RESTRICTED if protected else {})},
        cites="principle 11",
    )


def _kept_from(draft: Draft, id_: str) -> bool:
    """Whether somebody has an address that the sender may not know, and is not a client of the sender anyhow."""
    sender, world = draft.given.sender, draft.world
    works = any(
        (i.team_id, i.person_id, i.state) == (sender.id, id_, InvolvementState.CONFIRMED) for i in world.involvements
    )
    return not works and sight.hides_address(world, id_, sender)


def _ask_apart(draft: Draft, id_: str) -> None:
    draft.ask(
        TaskCode.RESOLVE_IDENTITY,
        "One record was of two persons. Baton parts nothing by itself: review what is held here, and send what is right.",
        key=f"unmerge:{draft.given.message.id}:{id_}",
        person_id=id_,
        options={"person": id_, "choices": [REVIEWED]},
        cites="principle 11",
    )


def _restrict(draft: Draft, id_: str, doubt: Doubt) -> None:
    """Nothing is linked: the old identity is sealed, and only the sender's safeguarding lead hears of it."""
    for candidate in doubt.candidates:
        if draft.person(candidate).state is PersonState.LIVING:
            draft.do(c.SealPerson(person_id=candidate))
    _ask_lead(draft, id_)


def _ask_lead(draft: Draft, id_: str) -> None:
    draft.ask(
        TaskCode.RESOLVE_IDENTITY,
        "An identity is sealed or protected. Nothing was linked or merged, and nothing will be: review who may hold it.",
        key=f"restricted:{id_}",
        owner=_lead(draft),
        person_id=id_,
        options={"person": id_, "choices": [REVIEWED], **RESTRICTED},
        cites="principle 11",
    )


def _lead(draft: Draft) -> str | None:
    """Who hears of what its sender must not: the lead of the sender's agency or area, or whoever leads anywhere."""
    directory, sender = draft.given.directory, draft.given.sender
    lead = lead_of(sender, directory) or next(
        (team for _, team in sorted(directory.teams.items()) if team.function in LEADS and not team.closed), None
    )
    return lead.id if lead else None


def settle_mistaken_deaths(draft: Draft) -> None:
    """Deaths that had been notified in error."""
    message = draft.given.message
    if message.event is Event.DEATH and message.kind == "removal":
        for id_ in message.subjects:
            if draft.person(id_).state is PersonState.DIED:
                draft.do(c.PersonLives(person_id=id_))


def settle_deaths(draft: Draft) -> None:
    """Deaths.

    Who belongs to the household and who works with whom stays, because they must be told; the state ends universal
    services and what is expected. A sealed record stays sealed.
    """
    message = draft.given.message
    for person in message.people:
        subject = message.event is Event.DEATH and person.key in message.subjects
        mistaken = subject and message.kind == "removal"
        if (subject or person.deceased) and not mistaken and draft.person(person.key).state is PersonState.LIVING:
            on = _day(person.deceased) or (draft.given.on if subject else None)
            draft.do(c.PersonDied(person_id=person.key, on=on))


def _day(said: object) -> date | None:
    if isinstance(said, datetime):
        return said.date()
    return said if isinstance(said, date) else None
