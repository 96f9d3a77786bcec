"""What a message makes of pregnancies and births: who is expected, who was born, whose pregnancy ended, and where babies belong."""

from datetime import date, timedelta
from typing import Final

from broker.domain import changes as c
from broker.domain.draft import Draft, belong, leave, open_home
from broker.domain.identities import relate
from broker.domain.kinship import children_of, mothers, mothers_of, pregnant_subject, unborn_of
from broker.domain.pregnancy_match import birth_date, expected_date, expected_fact, is_that_pregnancy, same_expected
from broker.domain.statements import has_left
from broker.domain.states import GONE, MembershipState, PersonState
from broker.domain.world import KnownMembership, KnownPerson
from schemas.codes import Event, Function, RelationshipKind, TaskCode

INFANCY: Final = timedelta(days=365)
"""A child younger than this, whose mother is named and of whose home nobody has said anything, is taken to live with her."""
_OPENING = frozenset({Event.PREGNANCY_BOOKING, Event.PREGNANCY_NOTIFICATION})


def settle_pregnancies(draft: Draft) -> None:
    """Unborn persons come, are dated, or end."""
    message = draft.given.message
    for child, named in sorted(mothers(message).items()):
        for parent in named:
            if draft.person(child).state is PersonState.UNBORN:
                relate(draft, parent, RelationshipKind.MOTHER, child)
    mother = pregnant_subject(message)
    if message.event is Event.PREGNANCY_END:
        _end(draft, mother)
    elif mother is not None:
        _expect(draft, mother)


def settle_births(draft: Draft) -> None:
    """Unborn persons of whom the message says that they were born."""
    for person in draft.given.message.people:
        born = birth_date(draft.given.message, person)
        if not person.unborn and born is not None and draft.person(person.key).state is PersonState.UNBORN:
            draft.do(c.BecomeChild(person_id=person.key, born=born))


def _end(draft: Draft, mother: str | None) -> None:
    """The whole pregnancy, unless the message says how many babies are still expected (principle 14: nothing else)."""
    current = [] if mother is None else [child.id for child in unborn_of(draft.world, mother)]
    named = [p.key for p in draft.given.message.people if draft.person(p.key).state is PersonState.UNBORN]
    ending = list(dict.fromkeys([*named, *current]))
    left = _fetuses(draft) or 0
    for id_ in ending[: max(len(ending) - left, 0)]:
        draft.do(c.EndPregnancy(person_id=id_))


def _expect(draft: Draft, mother: str) -> None:
    """Date the pregnancy and, when it is booked, see that all who are expected are known."""
    message = draft.given.message
    listed = [p for p in message.people if p.unborn and mother in mothers_of(draft.world, p.key)]
    expected = expected_date(message, listed[0]) if listed else expected_fact(message, {mother, None})
    opening = message.event in _OPENING
    same = [
        k for k in children_of(draft.world, mother) if is_that_pregnancy(k, expected, draft.given.on, opening=opening)
    ]
    if opening and all(k.state is PersonState.UNBORN for k in same):
        for _missing in range(max(_fetuses(draft) or 1, len(listed)) - len(same)):
            _conceive(draft, mother, expected)
    if expected is not None:
        for known in same:
            _date(draft, known, expected)


def _conceive(draft: Draft, mother: str, expected: date | None) -> None:
    id_ = draft.given.new_id()
    draft.do(c.AddPerson(person_id=id_, state=PersonState.UNBORN, expected=expected))
    relate(draft, mother, RelationshipKind.MOTHER, id_)


def _fetuses(draft: Draft) -> int | None:
    """How many babies are expected, if the message says."""
    said = [f.value for f in draft.given.message.facts if f.code == "number-of-fetuses"]
    return next((value for value in said if isinstance(value, int) and not isinstance(value, bool)), None)


def _date(draft: Draft, known: KnownPerson, expected: date) -> None:
    """A first date, or one that midwifery corrects, is taken; one that cannot be of this pregnancy is asked about."""
    if known.state is not PersonState.UNBORN or known.expected == expected:
        return
    if known.expected is None or (same_expected(known.expected, expected) and _dates(draft)):
        draft.do(c.UpdatePerson(person_id=known.id, expected=expected))
    elif not same_expected(known.expected, expected):
        draft.ask(
            TaskCode.DATA_QUALITY,
            "The expected date is more than six weeks from the one known for this pregnancy. Correct it; or, if the "
            "earlier pregnancy has ended, send its end, so that nobody expects it any more.",
            key=f"expected-date:{known.id}:{expected.isoformat()}:{draft.given.sender.id}",
            person_id=known.id,
            options={"person": known.id},
            cites="principle 14, F1",
        )


def _dates(draft: Draft) -> bool:
    """Midwifery's scan dates a pregnancy; others pass a date on, and may pass on an old one."""
    return draft.given.sender.function is Function.MIDWIFERY


def settle_families(draft: Draft) -> None:
    """Everybody for whom services are found by household has one: mothers-to-be, babies, and children a message is about."""
    message = draft.given.message
    mother = pregnant_subject(message)
    trusted = draft.speaks_for_children()
    stated = {line.person for line in message.household}
    left = {line.person for line in message.household if has_left(draft, line)}
    if mother is not None and (trusted or mother in message.subjects) and message.event is not Event.PREGNANCY_END:
        _home(draft, mother)
    for person in message.people:
        may_follow = (trusted or message.event is Event.BIRTH) and person.key not in stated
        if may_follow and _is_infant(draft, draft.person(person.key)):
            _follow(draft, person.key, left)
    for id_ in message.subjects:
        alone = draft.person(id_).state not in GONE and not draft.world.households_of(id_)
        if alone and draft.is_child(id_):
            open_home(draft, [id_])
    for person in message.people:
        carry(draft, person.key)


def _is_infant(draft: Draft, known: KnownPerson) -> bool:
    return known.state is PersonState.LIVING and known.born is not None and known.born + INFANCY > draft.given.on


def carry(draft: Draft, mother: str) -> None:
    """Her unborn children are where she is, and nowhere else."""
    homes = draft.homes(mother)
    for child in unborn_of(draft.world, mother):
        for home in homes:
            belong(draft, home, child.id)
        for home in draft.homes(child.id):
            if homes and home not in homes:
                leave(draft, home, child.id)


def _follow(draft: Draft, child: str, left: set[str]) -> None:
    """An infant of whose home nobody has said anything lives with its mother; one that was alone until now too."""
    said = (MembershipState.CURRENT, MembershipState.ENDED)
    elsewhere = [
        m for m in draft.world.memberships if m.person_id == child and m.state in said and not _alone(draft, m)
    ]
    mothers_left = left & set(mothers_of(draft.world, child))
    living = [mother for mother in mothers_of(draft.world, child) if draft.person(mother).state not in GONE]
    if elsewhere or mothers_left or not living:
        return
    alone = draft.homes(child)
    for home in _home(draft, living[0]):
        belong(draft, home, child)
    for home in alone:
        leave(draft, home, child)


def _alone(draft: Draft, membership: KnownMembership) -> bool:
    """A household that was opened for the child alone, when its mother was not known yet."""
    members = draft.world.members_of(membership.household_id)
    return membership.state is MembershipState.CURRENT and members == (membership.person_id,)


def _home(draft: Draft, person_id: str) -> tuple[str, ...]:
    """Where the person lives; a household is opened when nobody has said."""
    return draft.homes(person_id) or (open_home(draft, [person_id]),)
