"""Whether an expect line came true: when and to whom, or why not. Judged at the end of its period, over what is stored and was heard."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlmodel import Session

from broker.domain import tasks as rules
from broker.domain.states import Unheld
from broker.replay import finding, reports
from broker.replay.expects import (
    Climbed,
    Expect,
    Flagged,
    MessagePattern,
    Never,
    PatternLists,
    Raised,
    Refused,
    Reported,
    Responsible,
    Stands,
    said,
)
from broker.replay.forms import names
from broker.replay.record import Heard, Record
from broker.replay.run import Due
from broker.replay.timeline import Period
from broker.storage import escalations, notifications, patterns, people, responsibility
from broker.storage.task_values import Stored
from broker.workflow.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found: `at` and `whom` of the first that fits, else `why` there is none."""

    at: datetime | None = None
    whom: str = ""
    why: str = ""
    tasks: tuple[str, ...] = ()
    """Each task that fits, with its owner and text: what a line that expects none has met."""

    @property
    def found(self) -> bool:
        """Something fits."""
        return self.at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One expect line, judged."""

    due: Due
    met: bool
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Eyes on one run: everything that is stored, as nobody in service sees it."""

    session: Session
    ctx: Context
    record: Record
    now: datetime

    def judge(self, due: Due) -> Verdict:
        """Whether it came true in its period."""
        never = due.expect.never
        if never is not None:
            found = self._look(never, due)
            return Verdict(due=due, met=not found.found, finding=found)
        finding = self._look(due.expect, due)
        return Verdict(due=due, met=finding.found, finding=finding)

    def _look(self, asked: Expect | Never, due: Due) -> Finding:
        match said(asked):
            case Raised() as pattern:
                return self._raised(pattern, due)
            case Climbed() as pattern:
                return self._climbed(pattern, due)
            case MessagePattern() as pattern:
                return self._told(pattern, due)
            case Refused() as pattern:
                return self._refused(pattern, due)
            case None:
                return Finding(why="it is said in words only")
            case pattern:
                return self._now(pattern)

    def _now(self, pattern: Stands | Responsible | Flagged | PatternLists | Reported) -> Finding:
        """What is looked for at one time, and in no period."""
        match pattern:
            case Stands():
                return self._stands(pattern)
            case Responsible():
                return self._responsible(pattern)
            case Flagged():
                return self._flagged(pattern)
            case PatternLists():
                return self._lists(pattern)
            case Reported():
                return self._reported(pattern)

    # --- tasks

    def _raised(self, pattern: Raised, due: Due) -> Finding:
        found = finding.tasks(self.session, self.ctx.codec, self.record, pattern)
        inside = [task for task in found if _within(task.row.authored_at, due.period)]
        if inside:
            return Finding(at=inside[0].row.authored_at, whom=_teams(inside), tasks=_each(inside))
        return Finding(why=_elsewhen("raised", [task.row.authored_at for task in found]))

    def _climbed(self, pattern: Climbed, due: Due) -> Finding:
        found = finding.tasks(self.session, self.ctx.codec, self.record, pattern)
        rungs = escalations.of(self.session, [task.row.id for task in found])
        climbed = [
            rung for rows in rungs.values() for rung in rows if rung.level > 0 and pattern.to in (None, rung.team_id)
        ]
        inside = sorted(
            (rung.at, rung.team_id or "nobody", rung.task_id) for rung in climbed if _within(rung.at, due.period)
        )
        if inside:
            those = {task for _, _, task in inside}
            return Finding(
                at=inside[0][0],
                whom=", ".join(dict.fromkeys(team for _, team, _ in inside)),
                tasks=_each([task for task in found if task.row.id in those]),
            )
        if not found:
            return Finding(why="there is no such task")
        return Finding(why=_elsewhen("escalated", sorted(rung.at for rung in climbed)))

    def _stands(self, pattern: Stands) -> Finding:
        found = finding.tasks(self.session, self.ctx.codec, self.record, pattern)
        if not found:
            return Finding(why="there is no such task")
        those = [task for task in found if _so(_words(task, self.now), pattern)]
        if those:
            return Finding(at=self.now, whom=those[0].row.owner_team_id, tasks=_each(those))
        return Finding(why=f"it is {' '.join(sorted(_words(found[0], self.now)))}")

    # --- messages

    def _told(self, pattern: MessagePattern, due: Due) -> Finding:
        about = None if pattern.of is None else self.record.notifications.get(pattern.of, [])
        heard = [
            one
            for one in self.record.heard
            if one.team == pattern.team and (about is None or one.notification in about)
        ]
        inside = [one for one in heard if _within(one.at, due.period)]
        for one in inside:
            if _says(one, pattern):
                return Finding(at=one.at, whom=one.team)
        if inside:
            return Finding(why=f"{len(inside)} message(s) came, and none says so")
        return Finding(why=_elsewhen("told", [one.at for one in heard if _says(one, pattern)]))

    # --- the rest

    def _responsible(self, pattern: Responsible) -> Finding:
        known = self.record.persons.get(pattern.person)
        if not known:
            return Finding(why="Baton does not know the person yet")
        person = people.survivors(self.session, known)[known[-1]]
        holding = responsibility.holders(self.session, [person], self.now).get((person, pattern.function))
        nobody = Unheld.NOT_KNOWN if holding is None else holding.unheld
        team = None if holding is None else holding.team_id
        if (team, nobody) == (pattern.team, pattern.nobody):
            return Finding(at=self.now if holding is None else holding.since, whom=team or f"nobody, {nobody}")
        return Finding(why=f"it is {team or f'nobody, {nobody}'}")

    def _flagged(self, pattern: Flagged) -> Finding:
        known = self.record.persons.get(pattern.person, ())
        held = [one for person in known for one in patterns.held_by(self.session, pattern.team, person)]
        flags = [flag for flag, of in held if flag.withdrawn_at is None and pattern.rule in (None, of.rule)]
        if flags:
            return Finding(at=flags[-1].opened_at, whom=pattern.team)
        return Finding(why="the team holds no such flag")

    def _lists(self, pattern: PatternLists) -> Finding:
        persons = None if pattern.about is None else self.record.persons.get(pattern.about, ())
        for found in patterns.open_by(self.session, pattern.rule):
            for task in patterns.tasks_of(self.session, self.ctx.codec, found.id):
                if task.row.owner_team_id == pattern.team and (persons is None or task.row.person_id in persons):
                    missing = [step for step in names(pattern.lists) if not self._shows(task, step)]
                    why = f"its task does not show {', '.join(missing)}" if missing else ""
                    return Finding(why=why) if missing else Finding(at=found.opened_at, whom=pattern.team)
        return Finding(why="the team is not asked about such a pattern")

    def _shows(self, task: Stored, step: str) -> bool:
        """Whether the owner sees the step's event among the evidence."""
        lines = task.content.get("options", {}).get("evidence", ())
        happened = notifications.happened(self.session, self.record.notifications.get(step, ()))
        begins = [f"{at:%Y-%m-%d}; {event.value.replace('-', ' ')}" for event, at in happened]
        return any(line.startswith(begin) for begin in begins for line in lines)

    def _reported(self, pattern: Reported) -> Finding:
        known = self.record.persons.get(pattern.about)
        if not known:
            return Finding(why="Baton does not know the person yet")
        persons = people.survivors(self.session, known).values()
        if reports.has(self.session, self.ctx, pattern, set(persons), self.now):
            return Finding(at=self.now, whom=pattern.team)
        return Finding(why="the report does not have it")

    def _refused(self, pattern: Refused, due: Due) -> Finding:
        refusal = self.record.refused.get(pattern.step or due.step.name)
        if refusal is None:
            return Finding(why="it was not refused")
        if not finding.says(refusal.why, pattern.saying):
            return Finding(why=f"it was refused otherwise: {refusal.why}")
        return Finding(at=refusal.at, whom=refusal.team)


def _within(at: datetime, period: Period) -> bool:
    return period.start <= at <= period.end


def _teams(tasks: list[Stored]) -> str:
    return ", ".join(dict.fromkeys(task.row.owner_team_id for task in tasks))


def _each(tasks: list[Stored]) -> tuple[str, ...]:
    return tuple(
        f"{task.row.authored_at:%Y-%m-%d} {task.row.owner_team_id} {task.row.code}: {task.content['description']}"
        for task in tasks
    )


def _so(words: set[str], pattern: Stands) -> bool:
    return words.issuperset(names(pattern.is_)) and words.isdisjoint(names(pattern.is_not))


def _elsewhen(what: str, times: list[datetime]) -> str:
    if not times:
        return f"nothing of the kind was {what}"
    return f"it was {what} at {times[0]:%Y-%m-%d %H:%M}, outside the time expected"


def _words(task: Stored, now: datetime) -> set[str]:
    """How a task stands, in FHIR's words and ours."""
    row = task.row
    words = {row.status.value} | ({row.business_status} if row.business_status else set())
    if rules.overdue(row.status, row.progress_by or row.due_at, now):
        words.add("overdue")
    return words | ({"escalated"} if row.level else set())


def _says(one: Heard, pattern: MessagePattern) -> bool:
    text = orjson.dumps(one.body).decode()
    return finding.says(text, pattern.saying) and not any(finding.says(text, word) for word in names(pattern.without))
