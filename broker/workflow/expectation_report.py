"""The report of what is expected and has not come: of everybody for auditors, of whom it works with for the team that owes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.states import ExpectationState
from broker.domain.world import Team
from broker.storage import audit, expectation_report
from broker.storage.expectation_report import ExpectationQuery
from broker.storage.keyset import Position
from broker.storage.world import load_world
from broker.workflow import view
from broker.workflow.context import Context

NAME: Final = "expectations"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationRow:
    """One thing that should come."""

    id: str
    rule: str
    person: str
    name: str | None
    """As a team knows it; an auditor gets no names."""
    state: ExpectationState
    owed_by: str
    """A team, or a function of which the team is found when it is asked."""
    due: datetime
    alerts: int
    next_look: datetime | None
    task: str | None
    cites: str


def page(
    session: Session, ctx: Context, caller: Caller, query: ExpectationQuery, team: Team | None, now: datetime
) -> tuple[list[ExpectationRow], Position | None]:
    """One page; an audit row with whom it names. A page of a team may have fewer rows than asked for: whom it may not look up is left out."""
    shown, last = rows(session, ctx, query, team, now)
    detail = {"report": NAME, "found": sorted({row.person for row in shown})}
    audit.record(session, action="search", entity="person", entity_id=None, now=now, caller=caller, detail=detail)
    return shown, last


def rows(
    session: Session, ctx: Context, query: ExpectationQuery, team: Team | None, now: datetime
) -> tuple[list[ExpectationRow], Position | None]:
    """The same, written down nowhere."""
    found, last = expectation_report.expectations(session, query)
    world = load_world(session, ctx.codec, {one.person_id for one in found})
    rules = ctx.policy.expectations.rules
    shown = [
        ExpectationRow(
            id=one.id,
            rule=one.rule,
            person=one.person_id,
            name=None if team is None else view.name_of(world.people[one.person_id]),
            state=one.state,
            owed_by=one.owed_by,
            due=one.due_at,
            alerts=one.alerts,
            next_look=one.looks_at,
            task=one.task_id,
            cites=rules[one.rule].cites if one.rule in rules else "",
        )
        for one in found
        if team is None or view.sees(session, world, one.person_id, team, ctx, now)
    ]
    return shown, last
