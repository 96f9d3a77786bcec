"""What should come after what, of whom and by when; decided as values. What did not come is a task, and nothing here reads a clock.

An expectation is about one person: of a pregnancy, an unborn child. What it waits for may come early, late or from
somebody else than was thought; a death, a birth or a withdrawal ends it at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal, TypeAlias

from broker.domain.conditions import ALWAYS, Condition, Flag
from broker.domain.kinship import children_of, mothers_of, unborn_of
from broker.domain.states import GONE, PersonState
from broker.domain.terms import Term
from broker.domain.world import KnownPerson, Team, World
from schemas.codes import Event, Function, Priority
from schemas.message import Message

FROM_CONCEPTION: Final = timedelta(days=280)
"""Weeks of pregnancy are counted back from the expected date."""
UNDER_FIVE_DAYS: Final = 1826
_NOT_BORN: Final = frozenset({PersonState.UNBORN, PersonState.PREGNANCY_ENDED})

Whom: TypeAlias = Literal["subject", "pregnancy", "children"]
"""The subjects; of a pregnancy one unborn child, who stands for all of it; or every child under five of the home, born or not."""
Since: TypeAlias = Literal["event", "birth", "pregnancy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLine:
    """When it is due, where the conditions hold."""

    when: Condition = ALWAYS
    since: Since
    """The event that it follows; the birth; or the beginning of the pregnancy."""
    fact: str | None = None
    """A fact of the event that is a date: it counts in place of the event's own."""
    after: timedelta
    at_least: Term | None = None
    """Not before so long after the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationRule:
    """After one of these events about somebody, one of those is expected."""

    name: str
    after: frozenset[Event]
    when: Condition = ALWAYS
    about: Whom
    expects: frozenset[Event]
    kinds: frozenset[str] = frozenset()
    without_kinds: frozenset[str] = frozenset()
    by: frozenset[Function] = frozenset()
    """Functions from which it counts; empty: from any."""
    one_at_a_time: bool
    """No second one about the same person of the same team while that is looked for."""
    answers: bool = False
    """Only an answer to the very message that it follows counts, where it names the message that it answers."""
    owner: Literal["sender", "addressed"] | Function
    """Who owes it, and is asked when it does not come."""
    due: tuple[DueLine, ...]
    """The first whose conditions hold."""
    until: timedelta | None = None
    """So long after it was due nobody is asked any more whom nobody has asked before."""
    ended_by: frozenset[Event] = frozenset()
    again: timedelta
    """Between one alert and the next."""
    alerts: int
    """How often its team is asked at most; then the task's ladder alone goes on."""
    within: Term
    """Time to answer the first alert."""
    priority: Priority = Priority.ROUTINE
    ask: str
    """What the team is asked, in words without a name."""
    cites: str

    @property
    def anchored(self) -> bool:
        """Whether each event has an expectation of its own; else there is one in a life."""
        return all(line.since == "event" for line in self.due)

    def counts(self, message: Message, function: Function) -> bool:
        """Whether a message from a team of this function is what is waited for, of whomever it is."""
        return (
            message.event in self.expects
            and (not self.kinds or message.kind in self.kinds)
            and message.kind not in self.without_kinds
            and (not self.by or function in self.by)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """The rules by name, with look-ups made ready."""

    rules: Mapping[str, ExpectationRule]
    opening: Mapping[Event, tuple[ExpectationRule, ...]] = field(init=False)
    heard: frozenset[Event] = field(init=False)
    """Events that open, meet or end any."""

    def __post_init__(self) -> None:
        """The look-ups."""
        rules = self.rules.values()
        opening = {event: tuple(rule for rule in rules if event in rule.after) for event in Event}
        object.__setattr__(self, "opening", opening)
        heard = {event for rule in rules for event in (*rule.after, *rule.expects, *rule.ended_by)}
        object.__setattr__(self, "heard", frozenset(heard | _OF_LIFE))


_OF_LIFE: Final = frozenset({Event.BIRTH, Event.DEATH, Event.PREGNANCY_END, Event.IDENTIFIER_CHANGE})
"""Events after which some expectations cannot be met any more, whatever a rule says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a message makes expected."""

    rule: ExpectationRule
    person_id: str
    line: DueLine
    not_before: datetime | None
    due_at: datetime


def expected(
    rules: Expectations, message: Message, flags: frozenset[Flag], sender: Team, world: World, now: datetime
) -> Iterator[Expected]:
    """What follows from a message, its persons keyed by their ids, in the world as it is after it."""
    for rule in rules.opening[message.event]:
        if not rule.when.holds(flags, message.kind, sender.function):
            continue
        for person in _persons(rule, message, world):
            found = _expected(rule, person, message, flags, sender)
            if found is not None and not too_late(rule, found.due_at, now):
                yield found


def concerned(message: Message, world: World) -> frozenset[str]:
    """Whose expectations a message may meet, move or end: its subjects, and whom they expect."""
    children = (child for subject in message.subjects for child in children_of(world, subject))
    expected = {child.id for child in children if child.state in _NOT_BORN}
    named = {person.key for person in message.people if person.unborn}
    return frozenset({*message.subjects, *expected, *named})


def due_by(since: Since, after: timedelta, person: KnownPerson) -> datetime | None:
    """When what counts from the birth or from the beginning of the pregnancy is due, by the dates as they are known now.

    None when the date is not known, and of what counts from an event: that date stands.
    """
    begins = {"birth": person.born, "pregnancy": person.expected and person.expected - FROM_CONCEPTION}.get(since)
    return None if begins is None else _end_of(begins + after)


def over(rule: ExpectationRule, person: KnownPerson | None, event: Event | None = None) -> bool:
    """Whether it cannot come any more, or need not: by what became of the person, or by this event about them."""
    if person is None or person.state in GONE:
        return True
    if rule.about == "pregnancy" and person.state is not PersonState.UNBORN and Event.BIRTH not in rule.expects:
        return True
    return event in rule.ended_by


def too_late(rule: ExpectationRule, due_at: datetime, now: datetime) -> bool:
    """Whether so much time has passed that nobody is asked any more whom nobody has asked before."""
    return rule.until is not None and due_at + rule.until < now


def _expected(
    rule: ExpectationRule, person: KnownPerson, message: Message, flags: frozenset[Flag], sender: Team
) -> Expected | None:
    """None when no line holds, or the date that it counts from is not known."""
    line = next((line for line in rule.due if line.when.holds(flags, message.kind, sender.function)), None)
    if line is None:
        return None
    at = _after_event(line, message) if line.since == "event" else due_by(line.since, line.after, person)
    if at is None:
        return None
    least = None if line.at_least is None else line.at_least.after(message.occurred, sender.calendar)
    due_at = at if least is None else max(at, least)
    return Expected(rule=rule, person_id=person.id, line=line, not_before=least, due_at=due_at)


def _persons(rule: ExpectationRule, message: Message, world: World) -> Iterator[KnownPerson]:
    for id_ in dict.fromkeys(_ids(rule, message, world)):
        known = world.people.get(id_)
        if known is not None and known.state not in GONE:
            yield known


def _ids(rule: ExpectationRule, message: Message, world: World) -> Iterable[str]:
    match rule.about:
        case "subject":
            return message.subjects
        case "pregnancy":
            return _pregnancies(message, world)
        case "children":
            return _children(message, world)


def _pregnancies(message: Message, world: World) -> Iterator[str]:
    """One unborn child for each that expects: twins are one pregnancy."""
    for subject in message.subjects:
        known = world.people.get(subject)
        mothers = mothers_of(world, subject) if known and known.state is PersonState.UNBORN else (subject,)
        for mother in mothers:
            expecting = unborn_of(world, mother)
            if expecting:
                yield min(child.id for child in expecting)


def _children(message: Message, world: World) -> Iterator[str]:
    for subject in message.subjects:
        for home in world.households_of(subject) or ("",):
            for id_ in (subject, *world.members_of(home)):
                known = world.people.get(id_)
                if known is not None and _under_five(known, message.occurred):
                    yield id_


def _under_five(known: KnownPerson, at: datetime) -> bool:
    age = known.age_days(at)
    return known.state is PersonState.LIVING and age is not None and age < UNDER_FIVE_DAYS


def _after_event(line: DueLine, message: Message) -> datetime:
    stated = next((fact.value for fact in message.facts if fact.code == line.fact), None)
    if isinstance(stated, datetime):
        return stated + line.after
    return _end_of(stated + line.after) if isinstance(stated, date) else message.occurred + line.after


def _end_of(day: date) -> datetime:
    """What is due on a day is missed when that day is over."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
