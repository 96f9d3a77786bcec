"""A simulated area: households over years, made from a seed, whose agencies mostly do their part; a story as any, only longer.

Rates are round figures of the order of an English town's: what counts is how much Baton asks of people where nothing goes wrong,
and where one thing in twenty does. Nobody here exists.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any, Final, TypeAlias

from broker.replay.model import Scenario
from broker.replay.reading import DEMO, Story
from broker.storage import directory_file
from schemas.codes import ConcernKind, ContactKind, Event
from schemas.identifiers import synthetic_nhs_number

START: Final = date(2024, 1, 1)
DAY: Final = timedelta(days=1)
PREGNANT_BEFORE: Final = 200
"""Days before the beginning from which there are pregnancies, so that babies are born from the first week on."""
Entry: TypeAlias = dict[str, Any]
"""As a scenario file has it."""
YEAR: Final = 365
MIDWIVES, VISITORS, PRACTICE, HOSPITAL = (
    "swbh-midwifery",
    "bcht-health-visiting",
    "harborne-practice",
    "swbh-emergency-department",
)
OUTWARD: Final = "B17"
"""Of the area that these teams serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often what happens in a household, in a year; and how often an agency does its part."""

    births: float = 0.16
    moves: float = 0.06
    attendances: float = 0.35
    missed: float = 0.12
    concerns: float = 0.05
    admissions: float = 0.006
    supervisions: float = 0.008
    done: float = 0.96
    """That what should be sent is sent at all, and in time."""


@dataclass(slots=True)
class _Made:
    """What is made so far."""

    homes: dict[str, Entry] = field(default_factory=dict)
    people: dict[str, Entry] = field(default_factory=dict)
    steps: list[Entry] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(10_000))


def area(households: int, seed: int, *, years: int = 2, rates: Rates | None = None) -> Story:
    """So many households over so many years, the same for the same seed."""
    made = _Made()
    random = Random(seed)  # noqa: S311 - a story that is the same each time, not a secret
    for number in range(households):
        _Household(number, made, random, years * YEAR, rates or Rates()).live()
    scenario = Scenario.model_validate(
        {
            "title": f"A simulated area of {households} households, seed {seed}",
            "homes": made.homes,
            "people": made.people,
            "timeline": sorted(made.steps, key=lambda step: str(step["at"])),
        }
    )
    places = tuple(f"step {index + 1}" for index in range(len(scenario.timeline)))
    return Story(
        scenario=scenario, folder=DEMO.parent, directory=directory_file.read(DEMO), later=timedelta(), places=places
    )


class _Household:
    """A mother, mostly a father, and children as they come."""

    def __init__(self, number: int, made: _Made, random: Random, days: int, rates: Rates) -> None:
        self._name = f"h{number}"
        self._made, self._random, self._days, self._rates = made, random, days, rates
        self._mother = f"{self._name}-mother"
        self._father = f"{self._name}-father" if random.random() < 0.85 else None
        self._children: list[tuple[str, date]] = []
        self._moved: date | None = None
        """When the family moved; from then on everybody says the new address."""

    def live(self) -> None:
        """Everything that happens there."""
        self._made.homes[self._name] = self._home("Acacia Road")
        self._adult(self._mother, "female")
        if self._father:
            self._adult(self._father, "male")
        for index in range(self._random.choice((0, 0, 1, 1, 2))):
            self._known_child(index)
        self._on_caseload()
        for at in self._times(self._rates.moves, most=1):
            self._made.homes[f"{self._name}-new"] = self._home("Willow Drive")
            self._moved = at
        for at in self._times(self._rates.births, since=-PREGNANT_BEFORE):
            self._pregnancy(at)
        self._adults()
        for child, born in self._children:
            self._childhood(child, born)

    # --- people

    def _home(self, street: str) -> Entry:
        number = self._random.randrange(1, 9_000)
        return {
            "address": [f"{number} {street}", "Birmingham"],
            "postcode": f"{OUTWARD} {self._random.randrange(1, 9)}AA",
        }

    def _adult(self, name: str, sex: str) -> None:
        born = date(self._random.randrange(1980, 2003), self._random.randrange(1, 13), self._random.randrange(1, 28))
        self._add(name, born=born, sex=sex, practice=PRACTICE)

    def _add(self, name: str, **said: Any) -> None:  # noqa: ANN401 - fields of the entry
        number = synthetic_nhs_number(next(self._made.numbers))
        family, given = self._name.upper(), name.rsplit("-", maxsplit=1)[-1].capitalize()
        named = {"name": f"{given} {family}", "nhs-number": number, "home": self._name}
        self._made.people[name] = named | _plain(said)

    def _child(self, index: int, born: date, **said: Any) -> str:  # noqa: ANN401 - as above
        name = f"{self._name}-child{index}"
        parents = {"mother": self._mother} | ({"father": self._father} if self._father else {})
        self._add(name, born=born, sex=self._random.choice(("female", "male")), **parents, **said)
        return name

    def _known_child(self, index: int) -> None:
        """Born before the story."""
        born = START - timedelta(days=self._random.randrange(60, 1_500))
        child = self._child(index, born, practice=PRACTICE)
        self._children.append((child, born))

    def _on_caseload(self) -> None:
        """Health visiting has the children on its caseload, and says so at the beginning."""
        if self._children:
            at = START + timedelta(days=self._random.randrange(0, 20))
            said = {"household": self._everybody(at), "facts": {"involvement-evidence": "caseload"}}
            children = tuple(child for child, _ in self._children)
            self._say(at, VISITORS, Event.INVOLVEMENT_START, children, with_=self._parents(), **said)

    def _parents(self) -> tuple[str, ...]:
        return (self._mother, self._father) if self._father else (self._mother,)

    def _everybody(self, at: date) -> Entry:
        """Who lives there, as somebody says it who has asked."""
        return {"lives": [*self._parents(), *(child for child, born in self._children if born <= at)]}

    # --- time

    def _times(self, a_year: float, most: int = 9, since: int = 0) -> list[date]:
        """Days on which something happens that happens so often a year, from so many days after the beginning."""
        found: list[date] = []
        at = float(since)
        while len(found) < most:
            at += self._random.expovariate(a_year) * YEAR
            if at >= self._days:
                break
            found.append(START + timedelta(days=int(at)))
        return found

    def _after(self, born: date, a_year: float) -> list[date]:
        """The same of a child, who was born before."""
        return [at for at in self._times(a_year) if at > born]

    def _does(self) -> bool:
        return self._random.random() < self._rates.done

    def _say(
        self,
        day: date,
        team: str,
        event: Event,
        about: str | tuple[str, ...],
        **said: Any,  # noqa: ANN401 - fields of the step
    ) -> None:
        """Somebody's system sends a message that day, if the story goes so far."""
        if not START <= day < START + timedelta(days=self._days):
            return
        at = datetime.combine(day, time(self._random.randrange(8, 18), self._random.randrange(0, 60)), UTC)
        said = {"by": f"Worker of {self._name}, {_ROLES[team]}"} | said
        id_ = f"{self._name}-{len(self._made.steps)}"
        if self._moved is not None and day >= self._moved:
            said = {"home": f"{self._name}-new"} | said
        step = {"id": id_, "at": f"{at:%Y-%m-%d %H:%M}", "team": team, "sends": event.value, "about": about}
        self._made.steps.append(step | _plain(said))

    # --- a pregnancy and what follows

    def _pregnancy(self, booked: date) -> None:
        """Booked at eight to eleven weeks, or late."""
        late = self._random.random() < 0.05
        weeks = self._random.randrange(22, 30) if late else self._random.randrange(8, 12)
        began = booked - timedelta(weeks=weeks)
        expected = began + timedelta(days=280)
        born = expected + timedelta(days=self._random.randrange(-20, 10))
        child = self._child(len(self._children), born, expected=expected)
        if booked < START:  # told when the story begins
            booked = START + timedelta(days=self._random.randrange(0, 10))
            weeks = (booked - began).days // 7
        self._say(
            booked,
            MIDWIVES,
            Event.PREGNANCY_BOOKING,
            self._mother,
            with_=(child, *self._parents()[1:]),
            household=self._everybody(booked),
            facts={"expected-date": expected, "gestation": f"{weeks} weeks"},
        )
        if self._does():
            after = booked + DAY if late else booked + timedelta(days=self._random.randrange(14, 50))
            said = {"expected-date": expected, "concerns": {self._mother: False}}
            self._say(after, MIDWIVES, Event.PREGNANCY_NOTIFICATION, self._mother, with_=(child,), facts=said)
        if self._random.random() < 0.04:
            lost = booked + timedelta(days=self._random.randrange(5, 40))
            self._made.steps = [s for s in self._made.steps if child not in s.get("with", ()) or s["at"] < f"{lost}"]
            self._say(lost, MIDWIVES, Event.PREGNANCY_END, self._mother, with_=(child,))
            return
        if self._does():
            at = began + timedelta(days=self._random.randrange(28 * 7, 35 * 7))
            self._contact(
                at, ContactKind.ANTENATAL, self._mother, (child, *self._parents()[1:]), {"expected-date": expected}
            )
        self._birth(child, born)

    def _birth(self, child: str, born: date) -> None:
        self._children.append((child, born))
        grams = self._random.randrange(2_600, 4_300)
        facts = {"birth-weight": f"{grams} g", "gestation": "39 weeks", "neonatal-unit": False}
        self._say(born, MIDWIVES, Event.BIRTH, child, with_=self._parents(), facts=facts)
        if self._does():
            self._say(
                born + timedelta(days=10),
                MIDWIVES,
                Event.MATERNITY_DISCHARGE,
                (child, self._mother),
                to=(VISITORS,),
                with_=self._parents()[1:],
                household=self._everybody(born),
                facts={
                    "birth-weight": {child: f"{grams} g"},
                    "weight": {child: f"{grams + 150} g"},
                    "feeding": {child: "breast"},
                    "concerns": {child: False, self._mother: False},
                    "staff-safety": False,
                },
            )
        if self._does():
            at = born + timedelta(days=self._random.randrange(5, 38))
            self._made.people[child]["practice"] = PRACTICE
            self._say(at, PRACTICE, Event.GP_REGISTRATION, child, kind="registered", with_=(self._mother,))

    # --- childhood

    def _contact(self, at: date, kind: ContactKind, about: str, others: tuple[str, ...], facts: dict[str, Any]) -> None:
        said = {"kind": kind, "with_": others, "household": self._everybody(at), "facts": facts}
        self._say(at, VISITORS, Event.CHILD_CONTACT, about, **said)

    def _childhood(self, child: str, born: date) -> None:
        weight = {"weight": "5 kg", "concerns": {child: False}}
        contacts = (
            (12, 15, ContactKind.NEW_BIRTH, {"feeding": "breast", "level-of-service": "universal"} | weight),
            (43, 56, ContactKind.SIX_TO_EIGHT_WEEK, weight),
            (290, 365, ContactKind.NINE_TO_TWELVE_MONTH, {"development": "as-expected"}),
            (740, 900, ContactKind.TWO_YEAR, {"development": "as-expected"}),
        )
        for first, last, kind, facts in contacts:
            if self._does():
                at = born + timedelta(days=self._random.randrange(first, last))
                self._contact(at, kind, child, self._parents(), facts | {"seen": {child: True, self._mother: True}})
        if self._does():
            at = born + timedelta(days=self._random.randrange(43, 56))
            said = {"examination-outcome": "satisfactory"}
            self._say(at, PRACTICE, Event.SIX_TO_EIGHT_WEEK_EXAMINATION, child, with_=(self._mother,), facts=said)
        for weeks in (8, 12, 16, 52):
            given = {"immunisation": "As scheduled", "immunisations-up-to-date": True}
            at = born + timedelta(days=weeks * 7 + self._random.randrange(0, 14))
            self._say(at, PRACTICE, Event.IMMUNISATION, child, facts=given)
        for at in self._after(born, self._rates.missed):
            self._say(at, PRACTICE, Event.NOT_BROUGHT, child, kind="immunisation", facts={"reason-given": "forgot"})
        for at in self._after(born, self._rates.attendances):
            facts = {"presenting-problem": "A cough", "attendance-outcome": "discharged"}
            self._say(at, HOSPITAL, Event.EMERGENCY_ATTENDANCE, child, with_=(self._mother,), facts=facts)
        for at in self._after(born, self._rates.concerns):
            what = self._random.choice((ConcernKind.HOME_CONDITIONS, ConcernKind.ISOLATION, ConcernKind.OTHER))
            said = {"concern-detail": "Something small."}
            self._say(at, PRACTICE, Event.CONCERN, child, kind=what, with_=(self._mother,), facts=said)

    # --- the adults

    def _adults(self) -> None:
        if self._moved is not None:
            family = tuple(self._everybody(self._moved)["lives"])
            self._say(self._moved, PRACTICE, Event.CHANGE_OF_ADDRESS, family)
        for at in self._times(self._rates.admissions, most=1):
            facts = {"risk-to-others-at-home": False, "staff-safety": False, "ward": "Acute ward"}
            self._say(at, "bsmhft-cmht", Event.MENTAL_HEALTH_ADMISSION, self._mother, facts=facts)
            back = facts | {"discharge-destination": "usual-home"}
            self._say(at + 20 * DAY, "bsmhft-cmht", Event.MENTAL_HEALTH_DISCHARGE, self._mother, facts=back)
        for at in self._times(self._rates.supervisions, most=1):
            if self._father:
                facts = {"order": "community-order", "children-in-contact": "Lives with his partner."}
                self._say(at, "bcrc-probation", Event.SUPERVISION_START, self._father, facts=facts)


def _plain(said: Mapping[str, Any]) -> Entry:
    """As a file writes it."""
    return {name.rstrip("_").replace("_", "-"): _written(value) for name, value in said.items()}


def _written(value: Any) -> Any:  # noqa: ANN401 - whatever a file may hold
    if isinstance(value, dict):
        return {name: _written(each) for name, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value


_ROLES: Final = {
    MIDWIVES: "midwife",
    VISITORS: "health-visitor",
    PRACTICE: "general-practitioner",
    HOSPITAL: "emergency-physician",
    "bsmhft-cmht": "care-coordinator",
    "bcrc-probation": "probation-practitioner",
}


def under_fives(story: Story, at: date) -> Iterator[str]:
    """Children of the story who are born and not five years old on that day."""
    for name, person in story.scenario.people.items():
        born = None if person.born is None else date.fromisoformat(person.born)
        if born is not None and "child" in name and born <= at < born + timedelta(days=5 * YEAR + 1):
            yield name
