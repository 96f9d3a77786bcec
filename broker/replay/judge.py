"""Whether an expect line came true: when and to whom, or why not. Judged at the end of its period, over what is stored and was heard."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlmodel import Session

from broker.domain import tasks as rules
from broker.domain.states import Unheld
from broker.replay import finding
from broker.replay.expects import (
    Climbed,
    Expect,
    MessagePattern,
    Never,
    Raised,
    Refused,
    Responsible,
    Stands,
    said,
)
from broker.replay.forms import names
from broker.replay.record import Heard, Record
from broker.replay.run import Due
from broker.replay.timeline import Period
from broker.storage import escalations, people, responsibility
from broker.storage.codec import Codec
from broker.storage.task_values import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found: `at` and `whom` of the first that fits, else `why` there is none."""

    at: datetime | None = None
    whom: str = ""
    why: str = ""

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
    codec: Codec
    record: Record
    now: datetime

    def judge(self, due: Due) -> Verdict:
        """Whether it came true in its period."""
        never = due.expect.never
        if never is not None:
            finding = self._look(never, due)
            return Verdict(due=due, met=not finding.found, finding=finding)
        finding = self._look(due.expect, due)
        return Verdict(due=due, met=finding.found, finding=finding)

    def _look(self, asked: Expect | Never, due: Due) -> Finding:
        match said(asked):
            case Raised() as pattern:
                return self._raised(pattern, due)
            case Climbed() as pattern:
                return self._climbed(pattern, due)
            case Stands() as pattern:
                return self._stands(pattern)
            case MessagePattern() as pattern:
                return self._told(pattern, due)
            case Responsible() as pattern:
                return self._responsible(pattern)
            case Refused() as pattern:
                return self._refused(pattern, due)

    # --- tasks

    def _raised(self, pattern: Raised, due: Due) -> Finding:
        found = finding.tasks(self.session, self.codec, self.record, pattern)
        inside = [task for task in found if _within(task.row.authored_at, due.period)]
        if inside:
            return Finding(at=inside[0].row.authored_at, whom=_teams(inside))
        return Finding(why=_elsewhen("raised", [task.row.authored_at for task in found]))

    def _climbed(self, pattern: Climbed, due: Due) -> Finding:
        found = finding.tasks(self.session, self.codec, self.record, pattern)
        rungs = escalations.of(self.session, [task.row.id for task in found])
        climbed = [rung for rows in rungs.values() for rung in rows if pattern.to in (None, rung.team_id)]
        inside = sorted((rung.at, rung.team_id or "nobody") for rung in climbed if _within(rung.at, due.period))
        if inside:
            return Finding(at=inside[0][0], whom=", ".join(dict.fromkeys(team for _, team in inside)))
        if not found:
            return Finding(why="there is no such task")
        return Finding(why=_elsewhen("escalated", sorted(rung.at for rung in climbed)))

    def _stands(self, pattern: Stands) -> Finding:
        found = finding.tasks(self.session, self.codec, self.record, pattern)
        if not found:
            return Finding(why="there is no such task")
        for task in found:
            words = _words(task, self.now)
            if words.issuperset(names(pattern.is_)) and words.isdisjoint(names(pattern.is_not)):
                return Finding(at=self.now, whom=task.row.owner_team_id)
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


def _elsewhen(what: str, times: list[datetime]) -> str:
    if not times:
        return f"nothing of the kind was {what}"
    return f"it was {what} at {times[0]:%Y-%m-%d %H:%M}, outside the time expected"


def _words(task: Stored, now: datetime) -> set[str]:
    """How a task stands, in FHIR's words and ours."""
    row = task.row
    words = {row.status.value} | ({row.business_status} if row.business_status else set())
    if rules.overdue(row.status, row.due_at, now):
        words.add("overdue")
    return words | ({"escalated"} if row.level else set())


def _says(one: Heard, pattern: MessagePattern) -> bool:
    text = orjson.dumps(one.body).decode()
    return finding.says(text, pattern.saying) and not any(finding.says(text, word) for word in names(pattern.without))
