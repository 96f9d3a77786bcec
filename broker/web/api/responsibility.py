"""`GET /responsibility`: which team is responsible for a person in each function that is held, or that none is, because."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.responsibility import HELD, WHY, Holding
from broker.domain.states import HeldBy, Unheld
from broker.errors import NotFound, Unreadable
from broker.storage import audit
from broker.web import documented
from broker.web.deps import Running, require
from broker.workflow import holders
from broker.workflow.context import Context
from broker.workflow.holders import AUDIT, Answer
from schemas.codes import Function
from schemas.problem import Problem

router = APIRouter(tags=["People"])
Asker = Annotated[Caller, Depends(require("system/Patient.s", AUDIT))]

_ID = r"^[A-Za-z0-9.-]{1,64}$"


class Holder(BaseModel):
    """The team that is responsible."""

    id: str
    name: str
    telephone: str | None
    closed: bool
    """True: the directory says that there is no such team any more. It stays responsible until another confirms."""


class Because(BaseModel):
    """Why nobody is responsible."""

    code: Unheld
    text: str


class Period(BaseModel):
    """One answer and how long it holds."""

    team: Holder | None
    because: Because | None
    """Why there is no team."""
    since: datetime | None
    """When it was recorded; None where nothing was ever said."""
    until: datetime | None
    occurred: datetime | None
    """When it happened, according to what made it known; it may lie before `since`, for nothing is backdated."""
    by: HeldBy | None
    """What made it so."""
    task: str | None
    """The line of the transfer that was confirmed."""


class Responsible(Period):
    """The answer of one function."""

    function: Function
    history: list[Period] | None = None
    """Everything that was ever answered and that the caller may know, oldest first; only when asked for."""


class Responsibility(BaseModel):
    """Who is responsible for a person at a moment."""

    person: str
    at: datetime
    functions: list[Responsible]


@router.get(
    "/responsibility",
    summary="Who is responsible for a person, since when and by what; or none, because",
    responses=documented.refusals(404),
)
def responsibility(
    running: Running,
    caller: Asker,
    person: Annotated[str, Query(pattern=_ID, description="Baton's id of the person")],
    function: Annotated[Function | None, Query(description="One of the functions that are held")] = None,
    at: Annotated[
        AwareDatetime | None, Query(description="The moment asked for, with its zone; now when left out")
    ] = None,
    history: Annotated[bool | None, Query(description="true: everything that was ever answered, too")] = None,
) -> Responsibility:
    """Every function that is held has exactly one answer, and those are left out that the caller's function may not know.

    `since` is when it was recorded. Not having been confirmed excuses nobody who sees a child from acting.
    """
    if function is not None and function not in HELD:
        raise Unreadable(problems=[Problem("function", f"must be one of {', '.join(HELD)}", "value")])
    now = running.now()
    moment = min(at, now) if at is not None else now

    def work(session: Session) -> Responsibility:
        ctx = running.context(session)
        found = holders.of_person(session, ctx, caller, person, moment, now)
        shown = [answer for answer in found or () if function in (None, answer.function)]
        if found is None or (function is not None and not shown):
            raise NotFound
        audit.record(
            session,
            action="read",
            entity="person",
            entity_id=person,
            caller=caller,
            now=now,
            detail={"responsibility": [answer.function.value for answer in shown]},
        )
        functions = [_responsible(answer, ctx, history=bool(history)) for answer in shown]
        return Responsibility(person=person, at=moment, functions=functions)

    return running.store.write(work)


def _responsible(answer: Answer, ctx: Context, *, history: bool) -> Responsible:
    said = _period(answer.now, ctx).model_dump()
    everything = [_period(period, ctx) for period in answer.chain] if history else None
    return Responsible(function=answer.function, history=everything, **said)


def _period(holding: Holding | None, ctx: Context) -> Period:
    team = ctx.directory.teams[holding.team_id] if holding is not None and holding.team_id else None
    why = (holding.unheld if holding is not None else None) or Unheld.NOT_KNOWN
    return Period(
        team=Holder(id=team.id, name=team.name, telephone=team.telephone, closed=team.closed) if team else None,
        because=None if team else Because(code=why, text=WHY[why]),
        since=holding.since if holding else None,
        until=holding.until if holding else None,
        occurred=holding.occurred_at if holding else None,
        by=holding.held_by if holding else None,
        task=holding.task_id if holding else None,
    )
