"""What a transfer must cover: a line for every child of the household, or for each adult it names, and what the receiver needs of each.

Pure: how lines are answered is in `tasks.py`, what they become in the database in `workflow.transfer`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from broker.domain.addressees import function_asked
from broker.domain.naming import unnamed_children
from broker.domain.reasons import Why
from broker.domain.rules import HOUSEHOLD, TransferRule, Transfers
from broker.domain.sharing import Told
from broker.domain.situation import Situation
from broker.domain.states import DeliveryState, PersonState, Purpose
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.world import Directory, KnownPerson, Team
from schemas.codes import Event, TaskStatus
from schemas.message import Message


class Supplied(StrEnum):
    """How a line stands to what the sender sent."""

    NAMED = "named"  # the sender says something of this person
    NOTHING = "nothing-supplied"  # of the household, and the transfer says nothing of them (F12)
    ELSEWHERE = "held-elsewhere"  # a third team is responsible: shown, and not the sender's to give
    HERE = "held-here"  # the receiver is responsible already


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person of a transfer."""

    person_id: str
    supplied: Supplied
    missing: tuple[str, ...] = ()
    """What the receiver needs of this person and was not told."""
    holder: str | None = None
    """The third team that is responsible, of `ELSEWHERE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a transfer to one receiver covers."""

    rule: TransferRule
    receiver: str
    lines: tuple[Line, ...]
    missing: tuple[str, ...]
    """What the receiver needs of the home and was not told."""
    undecided: bool
    """Persons are not named to the receiver until the sender's safeguarding lead has decided (principle 12)."""


# --- who receives, and whom it covers --------------------------------------------------------------------------------


def receivers(
    message: Message, sender: Team, told: Iterable[Told], directory: Directory, transfers: Transfers
) -> dict[str, TransferRule]:
    """The teams that this message asks to take over, with the kind of transfer: those addressed.

    A hand-over that goes with an event, as midwifery's discharge does, needs no address: it goes to one team that provides the service.
    """
    found: dict[str, tuple[Told, TransferRule]] = {}
    for one in told:
        rule = transfers.rule(message.event, sender.function, directory.teams[one.team_id].function)
        if rule is not None and one.purpose is Purpose.ACTION and one.state is DeliveryState.READY:
            found[one.team_id] = (one, rule)
    function = function_asked(message)
    addressed = {
        team: rule
        for team, (_, rule) in found.items()
        if team in message.to or directory.teams[team].function is function
    }
    if addressed or message.event is Event.TRANSFER:
        return addressed
    by_tie = sorted(found, key=lambda team: (found[team][0].reason_code == Why.UNIVERSAL_SERVICE, team))
    return {team: found[team][1] for team in by_tie[:1]}


def persons(met: Situation, rule: TransferRule, *, agreed: Collection[str] = ()) -> tuple[str, ...]:
    """Whom the transfer covers: every child of the household besides those who may not be named yet, or the adults it is about."""
    message = met.message
    if rule.lines == "subjects":
        return tuple(subject for subject in message.subjects if lives(met.world.people.get(subject)))
    hidden = set(unnamed_children(message, met)) - set(agreed)
    left_out = {PersonState.SEALED} | ({PersonState.UNBORN} if rule.lines == "born-children" else set())
    children = [child.id for child in met.children if child.id not in hidden and child.state not in left_out]
    named = [subject for subject in message.subjects if subject in children]
    return (*named, *sorted(set(children) - set(named)))


def undecided(met: Situation, rule: TransferRule) -> frozenset[str]:
    """Children whom the sender's lead must agree to name first."""
    return frozenset(unnamed_children(met.message, met)) if rule.lines != "subjects" else frozenset()


def lives(person: KnownPerson | None) -> bool:
    """Whether anybody can still be transferred under this record."""
    gone = (PersonState.DIED, PersonState.PREGNANCY_ENDED, PersonState.SEALED, PersonState.MERGED)
    return person is not None and person.state not in gone


def lines(
    met: Situation,
    rule: TransferRule,
    covered: Iterable[str],
    *,
    receiver: str,
    holders: Mapping[str, str | None],
    now: datetime,
) -> tuple[Line, ...]:
    """How each person stands. `holders`: who is responsible for them in the function that is transferred."""
    said = told_of(met.message)
    made = []
    for person in covered:
        holder = holders.get(person)
        if holder == receiver:
            made.append(Line(person_id=person, supplied=Supplied.HERE))
        elif holder is not None and holder != met.sender.id:
            made.append(Line(person_id=person, supplied=Supplied.ELSEWHERE, holder=holder))
        else:
            supplied = Supplied.NAMED if person in said else Supplied.NOTHING
            missing = tuple(missing_of(met.message, rule, met.world.people.get(person), person, now))
            made.append(Line(person_id=person, supplied=supplied, missing=missing))
    return tuple(made)


def told_of(message: Message) -> frozenset[str]:
    """Of whom a message says anything: those it is about, and those of whom it states a fact."""
    return frozenset(message.subjects) | {fact.about for fact in message.facts if fact.about is not None}


# --- what is missing -------------------------------------------------------------------------------------------------


def missing_of(
    message: Message, rule: TransferRule, known: KnownPerson | None, person_id: str, now: datetime
) -> Iterator[str]:
    """What the receiver needs of a person and the message does not say."""
    only = message.subjects == (person_id,)
    said = {f.code for f in message.facts if f.about == person_id or (f.about is None and only)}
    unborn = known is not None and known.state is PersonState.UNBORN
    age = None if known is None else known.age_days(now)
    for need in rule.needs:
        if need.of != "person" or unborn or said & need.facts:
            continue
        if need.until is None or age is None or age < need.until.days:
            yield need.words


def missing_at_home(message: Message, rule: TransferRule) -> tuple[str, ...]:
    """What the receiver needs of the home and the message does not say."""
    said = {fact.code for fact in message.facts} | ({HOUSEHOLD} if message.household else set())
    return tuple(need.words for need in rule.needs if need.of == "home" and not said & need.facts)


def still_missing(rule: TransferRule, missing: Collection[str], said: Collection[str]) -> tuple[str, ...]:
    """What is left of it once these facts were supplied."""
    met = {need.words for need in rule.needs if need.facts & set(said)}
    return tuple(words for words in missing if words not in met)


# --- the whole -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A line as it stands."""

    status: TaskStatus
    business_status: BusinessStatus | None


def whole(parts: Collection[Part], *, undecided: bool) -> tuple[TaskStatus, BusinessStatus | None] | None:
    """What the transfer is, given its lines; None while nobody has answered any (invariant 5).

    Complete only when every line is confirmed or excluded. When all have ended and some were declined, so is the whole:
    who was declined stays the sender's.
    """
    waiting = [part for part in parts if _open(part)]
    if waiting and not any(_answered(part) for part in parts):
        return None
    confirmed = any(part.status is TaskStatus.COMPLETED for part in parts)
    partly = BusinessStatus.PARTLY_CONFIRMED if confirmed else None
    if waiting:
        return TaskStatus.IN_PROGRESS, partly
    if undecided:
        return TaskStatus.IN_PROGRESS, BusinessStatus.AWAITING_SENDER
    if any(part.status is TaskStatus.REJECTED for part in parts):
        return TaskStatus.REJECTED, partly
    ended = TaskStatus.COMPLETED if confirmed else TaskStatus.CANCELLED
    return ended, None


def asked_again(line: Line, part: Part) -> bool:
    """Whether somebody whose line ended by itself is part of it once more: who came back, who lives after all, whose registration was none."""
    if not ended_by_itself(part) or line.supplied is Supplied.HERE:
        return False
    return part.business_status is not BusinessStatus.HELD_HERE or line.supplied is not Supplied.ELSEWHERE


def ended_by_itself(part: Part) -> bool:
    """Whether a line has ended by what became of the person, and by no answer."""
    return not _open(part) and part.business_status in _BY_ITSELF


def in_hand(parts: Iterable[Part]) -> bool:
    """Whether every open line is looked after until a review date, which is then the date to keep."""
    waiting = [part for part in parts if _open(part)]
    return bool(waiting) and all(part.business_status is BusinessStatus.CARETAKING for part in waiting)


def _open(part: Part) -> bool:
    return part.status not in TERMINAL


def _answered(part: Part) -> bool:
    """Whether the receiver has said anything of it; what was true from the beginning, or came by itself, is no answer."""
    if part.business_status in (BusinessStatus.HELD_HERE, BusinessStatus.NO_LONGER_CURRENT):
        return False
    return not _open(part) or part.business_status in _IN_HAND


_BY_ITSELF: Final = frozenset(
    {BusinessStatus.HELD_HERE, BusinessStatus.LEFT_HOUSEHOLD, BusinessStatus.NO_LONGER_CURRENT}
)
_IN_HAND: Final = frozenset(
    {BusinessStatus.CARETAKING, BusinessStatus.EXCLUSION_PROPOSED, BusinessStatus.EXCLUSION_REFUSED}
)
