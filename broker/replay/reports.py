"""Whether somebody is in a report as a team of the story gets it; the reports are the ones that are served."""

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlmodel import Session

from broker.domain.world import Team
from broker.replay import finding
from broker.replay.expects import Reported
from broker.replay.record import system
from broker.storage import agenda as lists
from broker.storage.agenda import AgendaQuery
from broker.storage.birth_report import BirthQuery
from broker.storage.expectation_report import ExpectationQuery
from broker.workflow import agenda, birth_report, expectation_report
from broker.workflow.context import Context

ALL = 10_000
"""Rows of a report of a whole story."""


def has(session: Session, ctx: Context, pattern: Reported, persons: Collection[str], now: datetime) -> bool:
    """Whether a row is about one of these persons and says what it should."""
    team = ctx.directory.teams[pattern.team]
    rows = _ROWS[pattern.report](session, ctx, team, now)
    return any(not about.isdisjoint(persons) and finding.says(text, pattern.saying) for about, text in rows)


def _births(session: Session, ctx: Context, team: Team, now: datetime) -> Iterator[tuple[set[str], str]]:
    query = BirthQuery(now=now, since=ctx.policy.reports.born_since, team=team.id, limit=ALL)
    rows, _ = birth_report.rows(session, ctx, query, team)
    for row in rows:
        yield {row.person}, f"{row.state} {row.day} {'late' if row.late else ''}"


def _agenda(session: Session, ctx: Context, team: Team, now: datetime) -> Iterator[tuple[set[str], str]]:
    since, rules = now - ctx.policy.reports.look_back, ctx.policy.reports
    oldest = min(since, now - rules.concerns_for)
    query = AgendaQuery(team=team.id, events=rules.events | rules.concerns, since=oldest, limit=ALL)
    for household in lists.households(session, query):
        family = agenda.of_household(session, ctx, system(team.id), household, since, now)
        if family is not None and family.because:
            events = [line.message.event.value for line in (*family.concerns, *family.events)]
            yield {one.id for one in family.persons}, " ".join((*family.because, *events))


def _expectations(session: Session, ctx: Context, team: Team, now: datetime) -> Iterator[tuple[set[str], str]]:
    query = ExpectationQuery(owed_by=(team.id, team.function.value), team=team.id, limit=ALL)
    rows, _ = expectation_report.rows(session, ctx, query, team, now)
    for row in rows:
        yield {row.person}, f"{row.rule} {row.state}"


_ROWS = {"births": _births, "agenda": _agenda, "expectations": _expectations}
