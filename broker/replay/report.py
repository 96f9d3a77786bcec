"""What a replay found, for people and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from broker.replay.forms import names
from broker.replay.judge import Verdict
from broker.replay.model import Scenario


class Standing(StrEnum):
    """How an expect line came out."""

    MET = "met"
    UNMET = "not met"
    NOT_YET = "not yet"  # known to wait for something
    ALREADY = "met already"  # is marked as not yet and came true: the mark is to go


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All verdicts on one story."""

    scenario: Scenario
    start: datetime
    end: datetime
    messages: int
    tasks: int
    verdicts: Sequence[Verdict]

    @property
    def unmet(self) -> list[Verdict]:
        """What was expected and did not come true."""
        return [verdict for verdict in self.verdicts if standing(verdict) is Standing.UNMET]


def standing(verdict: Verdict) -> Standing:
    """How it came out."""
    if verdict.due.expect.not_yet is not None:
        return Standing.ALREADY if verdict.met else Standing.NOT_YET
    return Standing.MET if verdict.met else Standing.UNMET


def as_json(report: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "title": report.scenario.title,
        "from": report.start.isoformat(),
        "to": report.end.isoformat(),
        "steps": len(report.scenario.timeline),
        "messages": report.messages,
        "tasks": report.tasks,
        "counts": _counts(report),
        "expects": [_expect(verdict) for verdict in report.verdicts],
    }


def _expect(verdict: Verdict) -> dict[str, Any]:
    due, finding = verdict.due, verdict.finding
    return {
        "id": due.expect.id,
        "case": due.expect.case,
        "says": due.expect.says,
        "step": due.step.name,
        "cites": list(names(due.step.step.cites)),
        "standing": standing(verdict).value,
        "met": verdict.met,
        "waitsFor": due.expect.not_yet,
        "expectedFrom": due.period.start.isoformat(),
        "expectedUntil": due.period.end.isoformat(),
        "at": None if finding.at is None else finding.at.isoformat(),
        "to": finding.whom or None,
        "why": finding.why or None,
    }


def _counts(report: Report) -> dict[str, int]:
    found = [standing(verdict) for verdict in report.verdicts]
    return {one.value: found.count(one) for one in Standing}


def lines(report: Report) -> Iterator[str]:
    """The same for people: one after the other, in the order of the cases, and a summary."""
    yield f"{report.scenario.title}"
    yield (
        f"{len(report.scenario.timeline)} steps from {report.start:%d %B %Y} to {report.end:%d %B %Y}, "
        f"{report.messages} messages delivered, {report.tasks} tasks raised"
    )
    yield ""
    for verdict in sorted(report.verdicts, key=_order):
        yield from _line(verdict)
    yield ""
    counts = _counts(report)
    yield ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "not met")


def _order(verdict: Verdict) -> tuple[int, datetime]:
    case = verdict.due.expect.case
    return (int(case[1:]) if case else 0, verdict.due.period.end)


def _line(verdict: Verdict) -> Iterator[str]:
    expect, finding, how = verdict.due.expect, verdict.finding, standing(verdict)
    mark = {
        Standing.MET: "met",
        Standing.UNMET: "NOT MET",
        Standing.NOT_YET: "not yet",
        Standing.ALREADY: "MET ALREADY",
    }
    when = f"{finding.at or verdict.due.period.end:%Y-%m-%d %H:%M}"
    whom = f"  {finding.whom}" if finding.whom else ""
    waits = f" ({expect.not_yet})" if expect.not_yet else ""
    yield f"{mark[how]:<11} {expect.case or '-':<4} {when}  {expect.id}{waits}{whom}"
    cited = ", ".join(names(verdict.due.step.step.cites))
    words = " ".join([expect.says, f"({cited})" if cited else ""]).strip()
    if words:
        yield f"{'':<17}{words}"
    if how is Standing.UNMET:
        yield f"{'':<17}{finding.why or 'it happened, and was expected not to'}"
        yield from (f"{'':<17}{task}" for task in finding.tasks)
    if how is Standing.ALREADY:
        yield f"{'':<17}It is marked not-yet and came true: take the mark away."
