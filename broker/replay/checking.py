"""What must fit together in a scenario: names that exist, times in order, facts that can be said. Each fault with its place."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from adapters.registry import ADAPTERS
from broker.domain.tasks import BusinessStatus
from broker.replay import telling, timeline
from broker.replay.expects import Expect, MessagePattern, Never, PatternLists, Stands, TaskPattern
from broker.replay.facts import Unsaid
from broker.replay.forms import names
from broker.replay.model import Answers, Closes, Down, Native, Scenario, Sends, Step
from broker.replay.moments import Unknown, moment
from broker.replay.timeline import Dated, Line
from broker.storage.directory_file import DirectoryFile
from schemas.codes import RelationshipKind, TaskStatus

_STATUSES: Final = frozenset({*TaskStatus, *BusinessStatus, "escalated"})

Fault: TypeAlias = tuple[tuple[int | str, ...], str]


def faults(scenario: Scenario, directory: DirectoryFile, folder: Path) -> Iterator[Fault]:
    """What does not fit, with the place of each."""
    broken = list(_people(scenario, directory))
    yield from broken
    yield from _twice(scenario)
    try:
        steps = timeline.dated(scenario)
    except Unknown as unknown:
        yield ("timeline", len(list(_up_to_the_fault(scenario))), "at"), str(unknown)
        return
    known = timeline.times(steps)
    looking = _Looking(scenario, directory, folder, steps, known, people_fit=not broken)
    for before, one in zip([None, *steps], steps, strict=False):
        if before is not None and one.at < before.at:
            yield (
                ("timeline", one.index, "at"),
                "lies before the step before it: write steps in the order of their times",
            )
        for place, reason in looking.at_step(one):
            yield ("timeline", one.index, *place), reason
    for index, expect in enumerate(scenario.throughout):
        for place, reason in looking.of_the_whole(steps, expect):
            yield ("throughout", index, *place), reason


def _up_to_the_fault(scenario: Scenario) -> Iterator[Dated]:
    try:
        yield from timeline.walk(scenario)
    except Unknown:
        return


def _people(scenario: Scenario, directory: DirectoryFile) -> Iterator[Fault]:
    teams = {team.id for team in directory.teams}
    for name, person in scenario.people.items():
        if person.home is not None and person.home not in scenario.homes:
            yield ("people", name, "home"), "is no home of this file"
        for at, moved in enumerate(person.moves):
            if moved.to not in scenario.homes:
                yield ("people", name, "moves", at, "to"), "is no home of this file"
        if person.practice is not None and person.practice not in teams:
            yield ("people", name, "practice"), "is no team of the directory"
        for kind in RelationshipKind:
            for other in names(getattr(person, kind.value, ())):
                if other not in scenario.people:
                    yield ("people", name, kind.value), f"{other!r} is nobody of this file"


def _twice(scenario: Scenario) -> Iterator[Fault]:
    steps: set[str] = set()
    expects: set[str] = set()
    for index, step in enumerate(scenario.timeline):
        if step.id is not None and step.id in steps:
            yield ("timeline", index, "id"), "is another step's id already"
        steps.add(step.id or "")
        for at, expect in enumerate(step.expect):
            if expect.id in expects:
                yield ("timeline", index, "expect", at, "id"), "is another expect line's id already"
            expects.add(expect.id)
    for at, expect in enumerate(scenario.throughout):
        if expect.id in expects:
            yield ("throughout", at, "id"), "is another expect line's id already"
        expects.add(expect.id)


def _words(pattern: Stands) -> Iterator[Fault]:
    for key, words in (("is", pattern.is_), ("is-not", pattern.is_not)):
        for word in names(words):
            if word not in _STATUSES:
                yield ("stands", key), f"{word!r} is no status of a task"


class _Looking:
    """One look through the steps, with what they may name."""

    def __init__(
        self,
        scenario: Scenario,
        directory: DirectoryFile,
        folder: Path,
        steps: list[Dated],
        known: Mapping[str, datetime],
        *,
        people_fit: bool,
    ) -> None:
        self._scenario, self._directory, self._folder = scenario, directory, folder
        self._teams = {team.id for team in directory.teams}
        self._order = {one.name: one.index for one in steps}
        self._senders = {one.name for one in steps if isinstance(one.step, Sends | Native)}
        self._known = known
        self._people_fit = people_fit

    def at_step(self, one: Dated) -> Iterator[Fault]:
        step = one.step
        yield from self._named(step)
        match step:
            case Sends():
                yield from self._message(one, step)
            case Native():
                yield from self._native(step)
            case Answers():
                yield from self._pattern(("answers",), step.answers)
                yield from self._moments(one, step)
            case Down():
                yield from self._moment(("until",), step.until, one)
            case _:
                pass
        for index, expect in enumerate(step.expect):
            for place, reason in self._expect(Line(expect=expect, step=one)):
                yield ("expect", index, *place), reason

    def of_the_whole(self, steps: list[Dated], expect: Expect) -> Iterator[Fault]:
        """What does not fit in an expect line of the whole story."""
        yield from self._expect(Line(expect=expect, step=steps[-1], begun=steps[0].at))

    def _named(self, step: Step) -> Iterator[Fault]:
        teams = {
            "team": getattr(step, "team", None),
            "down": step.down if isinstance(step, Down) else None,
            "closes": step.closes if isinstance(step, Closes) else None,
        }
        for key, team in teams.items():
            yield from self._team((key,), team)
        if isinstance(step, Sends | Answers):
            for team in names(step.to or ()):
                yield from self._team(("to",), team)

    def _team(self, place: tuple[int | str, ...], team: str | None) -> Iterator[Fault]:
        if team is not None and team not in self._teams:
            yield place, f"{team!r} is no team of the directory"

    def _persons(self, place: tuple[int | str, ...], said: tuple[str, ...]) -> Iterator[Fault]:
        for name in said:
            if name not in self._scenario.people:
                yield place, f"{name!r} is nobody of this file"

    def _message(self, one: Dated, step: Sends) -> Iterator[Fault]:
        missing = [*self._persons(("about",), names(step.about)), *self._persons(("with",), names(step.with_))]
        if step.household is not None:
            members = step.household
            said = (*members.lives, *members.shared_care, *members.will_live, *members.left)
            missing += self._persons(("household",), said)
        if step.home is not None and step.home not in self._scenario.homes:
            missing.append((("home",), "is no home of this file"))
        missing += self._moment(("happened",), step.happened, one)
        missing += self._earlier(("answering",), step.answering, one)
        yield from missing
        if missing or not self._people_fit or step.team not in self._teams:
            return  # named already
        happened = one.at if step.happened is None else moment(step.happened, self._known, one.at)
        if happened > one.at:
            yield ("happened",), "lies after the message"
        try:
            telling.message(self._scenario, self._directory, one.name, step, one.at, happened)
        except Unsaid as unsaid:
            yield () if unsaid.fact is None else ("facts", unsaid.fact), str(unsaid)

    def _native(self, step: Native) -> Iterator[Fault]:
        if step.native not in ADAPTERS:
            yield ("native",), f"is none of {', '.join(ADAPTERS)}"
        if step.file is not None and not (self._folder / step.file).is_file():
            yield ("file",), "is no file beside the scenario"

    def _moments(self, one: Dated, step: Answers) -> Iterator[Fault]:
        yield from self._moment(("due",), step.due, one)
        for index, action in enumerate(step.actions):
            yield from self._moment(("actions", index, "due"), action.due, one)
        for key in ("conversation", "discussion"):
            held = getattr(step, key)
            if held is not None:
                yield from self._moment((key, "at"), held.at, one)

    def _moment(self, place: tuple[int | str, ...], text: str | None, one: Dated) -> Iterator[Fault]:
        if text is None:
            return
        try:
            moment(text, self._known, one.at)
        except Unknown as unknown:
            yield place, str(unknown)

    def _earlier(self, place: tuple[int | str, ...], name: str | None, one: Dated) -> Iterator[Fault]:
        if name is not None and self._order.get(name, one.index) >= one.index:
            yield place, "is no step before this one"

    # --- expect lines

    def _expect(self, line: Line) -> Iterator[Fault]:
        one, expect = line.step, line.expect
        for key in ("at", "from", "until"):
            yield from self._moment((key,), getattr(expect, key if key != "from" else "from_"), one)
        yield from self._period(line)
        asked = expect.never or expect
        under: tuple[int | str, ...] = ("never",) if expect.never else ()
        for key in ("raised", "climbed", "stands"):
            pattern = getattr(asked, key, None)
            if pattern is not None:
                yield from self._pattern((*under, key), pattern)
                yield from self._team((*under, key, "to"), getattr(pattern, "to", None))
        if asked.told is not None:
            yield from self._told((*under, "told"), asked.told)
        yield from self._at_a_time(expect, asked, under)
        if expect.reported is not None:
            yield from self._team(("reported", "team"), expect.reported.team)
            yield from self._persons(("reported", "about"), (expect.reported.about,))
        if expect.refused is not None and expect.refused.step not in (None, *self._order):
            yield ("refused", "step"), "is no step of this file"

    def _period(self, line: Line) -> Iterator[Fault]:
        try:
            found = line.period(self._known)
        except Unknown:
            return  # named already, with its key
        if found.end < found.start:
            yield (), "ends before it begins"

    def _at_a_time(self, expect: Expect, asked: Expect | Never, under: tuple[int | str, ...]) -> Iterator[Fault]:
        """What is so or not so at one moment."""
        if asked.stands is not None and expect.not_yet is None:
            for place, reason in _words(asked.stands):
                yield (*under, *place), reason
        if expect.responsible is not None:
            yield from self._persons(("responsible", "person"), (expect.responsible.person,))
            yield from self._team(("responsible", "team"), expect.responsible.team)
            if (expect.responsible.team is None) == (expect.responsible.nobody is None):
                yield ("responsible",), "must say either team or nobody"
        flagged = asked.flagged
        if flagged is not None:
            yield from self._persons((*under, "flagged", "person"), (flagged.person,))
            yield from self._team((*under, "flagged", "team"), flagged.team)
        if expect.pattern is not None:
            yield from self._listed(expect.pattern)

    def _listed(self, pattern: PatternLists) -> Iterator[Fault]:
        yield from self._team(("pattern", "team"), pattern.team)
        if pattern.about is not None:
            yield from self._persons(("pattern", "about"), (pattern.about,))
        for step in names(pattern.lists):
            if step not in self._senders:
                yield ("pattern", "lists"), f"{step!r} is no step that sends"

    def _told(self, place: tuple[int | str, ...], pattern: MessagePattern) -> Iterator[Fault]:
        yield from self._team((*place, "team"), pattern.team)
        if pattern.of is not None and pattern.of not in self._senders:
            yield (*place, "of"), "is no step that sends"

    def _pattern(self, place: tuple[int | str, ...], pattern: TaskPattern) -> Iterator[Fault]:
        yield from self._team((*place, "owner"), pattern.owner)
        yield from self._team((*place, "asked-by"), pattern.asked_by)
        if pattern.about is not None:
            yield from self._persons((*place, "about"), (pattern.about,))
        if pattern.of is not None and pattern.of not in self._senders:
            yield (*place, "of"), "is no step that sends"
