"""How long nobody was in contact with a child, as far as one team may see: shown as gaps of a chronology, and no task (F20)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from broker.domain.kinship import mothers_of
from broker.domain.states import PersonState, View
from broker.domain.world import KnownPerson, World
from schemas.codes import Event
from schemas.message import Message

TELLS: Final = frozenset({View.FULL, View.RISK})
"""Views that say what happened and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietRule:
    """How long without contact counts as a gap, for a pregnancy or for a child below an age."""

    name: str
    until: timedelta | None
    """Age up to which it holds; None for a pregnancy."""
    after: timedelta
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChronologyRules:
    """What the policy says of a chronology. `quiet` is in the order of ages."""

    contacts: frozenset[Event]
    """Events in which somebody was in contact with the child or the one who expects it."""
    quiet: tuple[QuietRule, ...]

    def rule(self, child: KnownPerson, at: datetime) -> QuietRule | None:
        """What holds for a child at a time; None when it is older than any rule."""
        if child.born is None and child.state is not PersonState.UNBORN:
            return None
        if child.born is None or at < _midnight(child):
            return next((rule for rule in self.quiet if rule.until is None), None)
        age = at - _midnight(child)
        return next((rule for rule in self.quiet if rule.until is not None and age < rule.until), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody was in contact with these persons."""

    at: datetime
    persons: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """No contact with a child that the team may see, from one until the next, or up to now."""

    person_id: str
    since: datetime
    until: datetime | None
    weeks: int
    rule: QuietRule


def contact(message: Message, view: View, rules: ChronologyRules) -> Contact | None:
    """The contact that a message reports, as it is shown: with its subjects, those that were not seen left out."""
    if message.event not in rules.contacts or view not in TELLS:
        return None
    missed = {fact.about for fact in message.facts if fact.code == "seen" and fact.value is False}
    persons = frozenset() if None in missed else frozenset(message.subjects) - missed
    return Contact(at=message.occurred, persons=frozenset(p for p in persons if p)) if persons else None


def quiet(contacts: Sequence[Contact], world: World, rules: ChronologyRules, now: datetime) -> Iterator[Quiet]:
    """Every gap of every living child of these people that is young enough for any rule, unborn ones included, in the order of persons and times.

    Of an unborn child the contacts with the mother count. Only what the team may see is counted, so that a gap tells
    nothing of contacts that it may not see.
    """
    for person_id in sorted(world.people):
        child = world.people[person_id]
        if child.state in (PersonState.UNBORN, PersonState.LIVING) and rules.rule(child, now) is not None:
            yield from _of_child(child, contacts, world, rules, now)


def _of_child(
    child: KnownPerson, contacts: Sequence[Contact], world: World, rules: ChronologyRules, now: datetime
) -> Iterator[Quiet]:
    mothers = set(mothers_of(world, child.id)) if child.state is PersonState.UNBORN else set()
    times = sorted(one.at for one in contacts if one.at <= now and one.persons & ({child.id} | mothers))
    if child.born is not None:
        birth = _midnight(child)
        times = [birth, *(at for at in times if at >= birth)] if birth <= now else []
    for since, until in zip(times, [*times[1:], None], strict=False):
        rule, end = rules.rule(child, since), until or now
        if rule is not None and end - since > rule.after:
            yield Quiet(person_id=child.id, since=since, until=until, weeks=(end - since).days // 7, rule=rule)


def _midnight(child: KnownPerson) -> datetime:
    assert child.born is not None
    return datetime.combine(child.born, time(), UTC)
