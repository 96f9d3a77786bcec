"""A step that sends, as the message its team's system would write: people as they are at that time, facts from their short form."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from broker.replay import facts
from broker.replay.facts import Unsaid
from broker.replay.forms import FactEntry, names
from broker.replay.model import Home, Members, Scenario, Sends
from broker.replay.model import Person as Entry
from broker.storage.directory_file import DirectoryFile, TeamEntry
from schemas.codes import CANONICAL, Event, Function, RelationshipKind, Standing
from schemas.events import FACTS, FactSpec, Whom
from schemas.identifiers import CRN, NHS_NUMBER, local_system
from schemas.message import (
    Fact,
    HouseholdMember,
    Identifier,
    Message,
    Person,
    PostalAddress,
    Professional,
    Relationship,
)

_JUSTICE: Final = frozenset({Function.PROBATION, Function.PRISON, Function.YOUTH_JUSTICE, Function.POLICE})
_WHO: Final = tuple(kind for kind in RelationshipKind if kind is not RelationshipKind.OTHER)


def fixed_id(scenario: Scenario, name: str) -> str:
    """The id of what is called `name`, the same whenever the story is told."""
    return str(uuid5(NAMESPACE_URL, f"{CANONICAL}/scenario/{scenario.title}/{name}"))


def message(
    scenario: Scenario, directory: DirectoryFile, name: str, step: Sends, sent: datetime, happened: datetime
) -> Message:
    """What the step says, as one message. Unsaid when somebody or something of it cannot be said so."""
    about, others = names(step.about), names(step.with_)
    said = dict.fromkeys((*about, *others, *_members(step.household)))
    telling = _Telling(scenario, directory, step, happened.date(), tuple(said))
    home = None if step.home is None else scenario.homes[step.home]
    return Message(
        id=fixed_id(scenario, name),
        event=step.sends,
        sender=step.team,
        occurred=happened,
        sent=sent,
        kind=step.kind,
        subjects=tuple(telling.key(person) for person in about),
        people=tuple(telling.person(person, home) for person in said),
        relationships=tuple(telling.relationships()),
        household=tuple(telling.household(step.household)),
        facts=tuple(telling.facts(step.facts, about)),
        author=None if step.by is None else somebody(step.by),
        basis=step.basis,
        priority=step.priority,
        to=names(step.to),
        reference=None if step.answering is None else fixed_id(scenario, step.answering),
        labels=frozenset(step.labels),
    )


def somebody(text: str) -> Professional:
    """`Farah Malik, health-visitor`."""
    name, _, role = text.partition(", ")
    return Professional(name=name, role=role)


def _members(household: Members | None) -> tuple[str, ...]:
    if household is None:
        return ()
    return (*household.lives, *household.shared_care, *household.will_live, *household.left)


class _Telling:
    """One message while it is put together."""

    def __init__(
        self, scenario: Scenario, directory: DirectoryFile, step: Sends, day: date, said: Sequence[str]
    ) -> None:
        self._scenario, self._day, self._said = scenario, day, said
        self._event, self._about = step.sends, names(step.about)
        self._practices = {team.id: team.ods_code for team in directory.teams}
        self._sender = next(team for team in directory.teams if team.id == step.team)

    def key(self, name: str) -> str:
        return fixed_id(self._scenario, f"person {name}")

    def person(self, name: str, home: Home | None) -> Person:
        """Somebody as they are on the day: unborn before the birth, and nothing said of them then but the expected date."""
        entry = self._scenario.people[name]
        born = None if entry.born is None else date.fromisoformat(entry.born)
        if entry.expected is not None and (born is None or self._day < born):
            return Person(key=self.key(name), unborn=True, expected=date.fromisoformat(entry.expected))
        if born is not None and self._day < born:
            raise Unsaid(f"names {name}, who is not born yet and has no expected date")
        given, _, family = (entry.name or "").rpartition(" ")
        place = home or self._home(entry)
        return Person(
            key=self.key(name),
            identifiers=tuple(_identifiers(entry, self._sender)),
            family=family or None,
            given=tuple(given.split()),
            birth_date=born,
            birth_order=entry.birth_order,
            gender=entry.sex,
            deceased=_died(entry, self._day),
            addresses=() if place is None else (_address(place),),
            practice=self._practice(name, entry),
        )

    def _home(self, entry: Entry) -> Home | None:
        """Where somebody lives on the day."""
        at = [entry.home, *(moved.to for moved in entry.moves if date.fromisoformat(moved.since) <= self._day)][-1]
        return None if at is None else self._scenario.homes[at]

    def _practice(self, name: str, entry: Entry) -> str | None:
        """As a registration says it, with its sender; else as the file does."""
        registering = self._event is Event.GP_REGISTRATION and name in self._about
        return self._practices.get(self._sender.id if registering else entry.practice or "")

    def relationships(self) -> Iterator[Relationship]:
        """What those who are named are to each other."""
        for name in self._said:
            for kind in _WHO:
                for other in names(getattr(self._scenario.people[name], kind.value, ())):
                    if other in self._said:
                        yield Relationship(person=self.key(other), kind=kind, to=self.key(name))

    def household(self, members: Members | None) -> Iterator[HouseholdMember]:
        if members is None:
            return
        since, until = (None if day is None else date.fromisoformat(day) for day in (members.since, members.until))
        for standing in Standing:
            left = standing is Standing.LEFT
            for name in getattr(members, standing.value.replace("-", "_")):
                yield HouseholdMember(
                    person=self.key(name),
                    standing=standing,
                    since=None if left else since,
                    until=until if left else None,
                )

    def facts(self, said: Mapping[str, FactEntry], about: Sequence[str]) -> Iterator[Fact]:
        for code, entry in said.items():
            spec = FACTS.get(code)
            if spec is None:
                raise Unsaid("is no fact", code)
            by_person = entry if isinstance(entry, dict) else {self._whose(spec, about): entry}
            for name, values in by_person.items():
                if name is not None and name not in self._said:
                    raise Unsaid(f"is about {name!r}, whom the message does not name", code)
                for value in values if isinstance(values, list) else [values]:
                    whom = None if name is None else self.key(name)
                    yield facts.fact(spec, value, whom)

    def _whose(self, spec: FactSpec, about: Sequence[str]) -> str | None:
        """Whom a fact is about that names nobody: the mother, if it is a mother's; else the one whom the message is about."""
        if spec.whom is Whom.MOTHER:
            mothers = {one for name in self._said for one in names(self._scenario.people[name].mother)}
            named = [name for name in self._said if name in mothers]
            return named[0] if len(named) == 1 else about[0]
        if len(about) == 1:
            return about[0]
        if spec.whom is Whom.ANY:
            return None
        raise Unsaid("does not say whose it is: write it by person", spec.code)


def _identifiers(entry: Entry, sender: TeamEntry) -> Iterator[Identifier]:
    """The numbers that the sender has: of probation among those who work with its cases, of an agency's own within it."""
    if entry.nhs_number is not None:
        yield Identifier(system=NHS_NUMBER, value=entry.nhs_number, verified=True)
    if entry.case_number is not None and sender.function in _JUSTICE:
        yield Identifier(system=CRN, value=entry.case_number)
    if sender.agency in entry.numbers:
        yield Identifier(system=local_system(sender.agency), value=entry.numbers[sender.agency])


def _address(home: Home) -> PostalAddress:
    since = None if home.since is None else date.fromisoformat(home.since)
    return PostalAddress(lines=tuple(home.address), postcode=home.postcode, since=since)


def _died(entry: Entry, day: date) -> date | None:
    died = None if entry.died is None else date.fromisoformat(entry.died)
    return died if died is not None and died <= day else None
