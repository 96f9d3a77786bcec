"""What a message meets: whose household, who is a child there, what is stated, what is restricted; read once, before anybody is decided on."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from broker.domain import parties, vicinity
from broker.domain.conditions import Flag
from broker.domain.flags import flags
from broker.domain.kinship import children_of, mothers_of, unborn_of
from broker.domain.rules import About, EventRules, Hold, Policy, Tell
from broker.domain.states import PersonState
from broker.domain.world import Directory, KnownPerson, Team, World
from schemas.codes import Category, Event
from schemas.events import FACTS, category_of
from schemas.message import Coding, Fact, Message


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A message in the household it meets."""

    message: Message
    rules: EventRules
    sender: Team
    world: World
    now: datetime
    households: tuple[str, ...]
    """Households that it routes through, one hop from its subjects."""
    subjects: frozenset[str]
    """Whom it is about; of a pregnancy, the unborn too."""
    members: frozenset[str]
    """Who else lives there, the dead and the sealed excepted."""
    children: tuple[KnownPerson, ...]
    """Children and unborn children there, subjects included, in stable order."""
    flags: frozenset[Flag]
    categories: tuple[Category, ...]
    """The category of each fact of the message, in its order."""
    about: About
    """CHILD when it is a child's event or any subject is a child."""
    child_subjects: frozenset[str]
    expecting: frozenset[str]
    """Who is pregnant there."""
    lines: tuple[Tell, ...]
    """The lines of the policy whose conditions hold."""
    sources: frozenset[str]
    """Persons who are, or may be, the source of the harm it reports; empty when it reports none."""
    sealed: bool
    over: bool
    """It speaks of a pregnancy that has ended."""
    goes_on: bool
    """It tells the end of one child's part of a pregnancy that goes on with another."""
    bereaved: bool
    """Whom it is about has died, and the event is not the death."""
    addressed_only: bool
    """The sender's professional wants nobody told but those addressed."""
    held: bool
    restricted: bool
    """Marked R: at once only to who works with its subjects or is addressed; others wait for the sender's lead."""
    barred: frozenset[str]
    """Agencies that are told nothing: those of the persons whom the sender keeps it from."""
    marked: bool
    """Not to be shown to patient or family."""
    protected: frozenset[str]
    """Persons whose address, and all that gives it away, must not be copied on."""

    def about_of(self, person_id: str | None) -> About:
        """Whether the event is a child's or an adult's for a team that works with this person."""
        if self.rules.about is not None:
            return self.rules.about
        if person_id is None or person_id not in self.subjects:
            return self.about
        return About.CHILD if person_id in self.child_subjects else About.ADULT

    @cached_property
    def hidden_from_sender(self) -> bool:
        """Whether the sender does not hold a protected address that is in play."""
        return self.hidden_from(self.sender.id)

    def hidden_from(self, team_id: str) -> bool:
        """Whether somebody here has a protected address that this team does not itself hold (principle 10)."""
        here = self.protected & (self.subjects | self.members) if self.protected else self.protected
        return any(not self._holds(team_id, person_id) for person_id in here)

    def _holds(self, team_id: str, person_id: str) -> bool:
        if team_id == self.sender.id and any(p.key == person_id and p.addresses for p in self.message.people):
            return True
        known = self.world.people.get(person_id)
        return known is not None and any(a.protected and a.asserted_by == team_id for a in known.addresses)


def situation(
    message: Message,
    world: World,
    policy: Policy,
    sender: Team,
    now: datetime,
    *,
    homes: Collection[str] = (),
    directory: Directory | None = None,
) -> Situation:
    """Look at the household once; everything that follows reads this.

    `homes`: households it covers besides its subjects'. `directory`: whose agency is whose, without which nobody can be decided on.
    """
    rules = policy.events[message.event]
    households = tuple(sorted({*vicinity.routed_households(world, message.subjects, sender.id), *homes}))
    children_said = frozenset(vicinity.children_among(message, world, now))
    subjects = frozenset(vicinity.about_whom(message, world, rules))
    members = frozenset(vicinity.others(world, households, subjects, quiet=rules.quiet))
    children = tuple(vicinity.children_at_home(world, (*sorted(subjects), *sorted(members)), children_said, now))
    categories = tuple(category_of(message, fact) for fact in message.facts)
    child_subjects = children_said & subjects
    holding = frozenset(flags(message, world, policy, rules, children, child_subjects, categories, now))
    return Situation(
        message=message,
        rules=rules,
        sender=sender,
        world=world,
        now=now,
        households=households,
        subjects=subjects,
        members=members,
        children=children,
        flags=holding,
        categories=categories,
        about=rules.about or (About.CHILD if child_subjects else About.ADULT),
        child_subjects=child_subjects,
        expecting=frozenset(_expecting(message, world, rules, children)),
        lines=tuple(line for line in rules.tell if line.when.holds(holding, message.kind, sender.function)),
        sources=frozenset(_sources(message, rules, members, {child.id for child in children})),
        sealed=_is_sealed(message, world, rules),
        over=rules.pregnancy and not rules.quiet and _is_over(message, world),
        goes_on=rules.pregnancy and rules.quiet and any(unborn_of(world, mother) for mother in message.subjects),
        bereaved=message.event is not Event.DEATH and _all(message.subjects, world, PersonState.DIED),
        addressed_only=bool(message.labels & policy.marks.addressed_only),
        held=_is_held(message, policy),
        restricted=not policy.hold.restricted.isdisjoint(message.labels),
        barred=parties.agencies(message, world, directory),
        marked=_is_marked(message, rules, policy, categories),
        protected=frozenset(vicinity.protected_persons(message, world)),
    )


def _expecting(message: Message, world: World, rules: EventRules, children: tuple[KnownPerson, ...]) -> Iterator[str]:
    if rules.pregnancy:
        yield from message.subjects
    for child in children:
        if child.state is PersonState.UNBORN:
            yield from mothers_of(world, child.id)


def _sources(message: Message, rules: EventRules, members: frozenset[str], children: set[str]) -> Iterator[str]:
    """Whom the message suspects; else, of harm, any adult of the household whom it is not about (principle 6)."""
    said = {f.about for f in message.facts if f.code == "suspected-source-of-harm" and f.value is True and f.about}
    if said:
        yield from said
    elif rules.of_harm(message.kind):
        yield from members - children


def _is_sealed(message: Message, world: World, rules: EventRules) -> bool:
    if message.kind is not None and message.kind in rules.sealing_kinds:
        return True
    return any((p := world.people.get(s)) is not None and p.state is PersonState.SEALED for s in message.subjects)


def _is_over(message: Message, world: World) -> bool:
    """Whether every pregnancy that is known of the subjects, or of their mothers, has ended."""
    ended = _all(message.subjects, world, PersonState.PREGNANCY_ENDED)
    for subject in message.subjects:
        for mother in (subject, *mothers_of(world, subject)):
            states = {child.state for child in children_of(world, mother)}
            if PersonState.UNBORN in states:
                return False
            ended = ended or PersonState.PREGNANCY_ENDED in states
    return ended


def _all(subjects: tuple[str, ...], world: World, state: PersonState) -> bool:
    found = [world.people.get(subject) for subject in subjects]
    return bool(found) and all(person is not None and person.state is state for person in found)


def _is_held(message: Message, policy: Policy) -> bool:
    """A restricted fact holds the message as the sender's label does, for the rest would tell of it (principle 7)."""
    hold = policy.hold
    if message.labels & hold.labels or message.kind in hold.kinds.get(message.event, ()):
        return True
    return any(_restricts(fact, hold) for fact in message.facts)


def _restricts(fact: Fact, hold: Hold) -> bool:
    spec = FACTS.get(fact.code)
    if spec is None or spec.category is not Category.RESTRICTED or fact.value is False:
        return False
    return not (isinstance(fact.value, Coding) and fact.value.code in hold.ended.get(fact.code, ()))


def _is_marked(message: Message, rules: EventRules, policy: Policy, categories: tuple[Category, ...]) -> bool:
    """Whether patient and family must not see it: concerns, and facts about third parties (principle 13)."""
    marks = policy.marks
    return (
        rules.marked
        or marks.not_for_family in message.labels
        or not marks.categories.isdisjoint(categories)
        or any(fact.about is not None and fact.about not in message.subjects for fact in message.facts)
    )
