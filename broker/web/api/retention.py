"""What is kept how long, and what beyond: `/admin/retention`, `/admin/legal-holds`. Scope `baton/admin`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field
from sqlmodel import Session

from broker.domain.retention import People
from broker.storage import people_retention
from broker.storage import retention as kept
from broker.storage.retention import Hold
from broker.web.api.admin import Admin, Body, Name, is_json, note
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.workflow import retention
from schemas.codes import Event

router = APIRouter(prefix="/admin", tags=["Administration"])
Reason = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]
Id = Annotated[str, Field(min_length=1, max_length=36)]


class PeopleShown(Body):
    """How long people are known, by the policy in force."""

    after_last_days: int = Field(description="After the last that was heard of them")
    children_until_age: int = Field(description="Nobody goes before this birthday")
    maternity_days: int = Field(description="From the birth of her last child, a mother")
    due: int = Field(description="People whose time is over and who go in the next passes, as far as was counted")
    held: int = Field(description="People whose time is over and whom a legal hold names")


class ScheduleShown(Body):
    """How long what messages say is kept, by the policy in force."""

    policy: str
    payload_days: int
    event_days: dict[Event, int]
    unreadable_days: int
    due: int = Field(description="Messages whose time is over and that go in the next passes, as far as was counted")
    held: int = Field(description="Messages whose time is over and that a legal hold keeps")
    people: PeopleShown


class HoldBody(Body):
    """A legal hold; with `lifted_because` it is lifted."""

    person: Id | None = None
    notification: Id | None = None
    reason: Reason
    lifted_because: Reason | None = None


class HoldShown(Body):
    """A legal hold."""

    id: str
    person: str | None
    notification: str | None
    reason: str
    placed_by: str
    placed_at: AwareDatetime
    lifted_by: str | None
    lifted_at: AwareDatetime | None
    lifted_because: str | None


class HoldsShown(Body):
    """Legal holds, the oldest first."""

    holds: list[HoldShown]


COUNTED = 1_000
"""So many due messages are counted at most, and people looked at."""


@router.get("/retention", summary="How long what messages say is kept, and people are known")
def get_schedule(running: Running, caller: Admin) -> ScheduleShown:
    """The retention schedule, and how much of it is due."""

    def work(session: Session) -> ScheduleShown:
        ctx, now = running.context(session), running.now()
        rules = ctx.policy.retention
        note(session, running, caller, "retention", "schedule")
        return ScheduleShown(
            policy=ctx.policy.version,
            payload_days=rules.payloads.days,
            event_days={event: span.days for event, span in rules.events.items()},
            unreadable_days=rules.unreadable.days,
            due=len(kept.due(session, rules, now, COUNTED)),
            held=kept.held_back(session, rules, now),
            people=_people(session, rules.people, now),
        )

    return running.store.write(work)


def _people(session: Session, rules: People, now: datetime) -> PeopleShown:
    return PeopleShown(
        after_last_days=rules.after_last.days,
        children_until_age=rules.children_until,
        maternity_days=rules.maternity.days,
        due=people_retention.due(session, rules, now, COUNTED),
        held=people_retention.held_back(session, rules, now),
    )


@router.get("/legal-holds", summary="What is kept beyond its time")
def get_holds(running: Running, caller: Admin, *, lifted: bool = False) -> HoldsShown:
    """Those in force; with `lifted`, all there were."""

    def work(session: Session) -> list[Hold]:
        note(session, running, caller, "legal-hold", "list")
        return list(kept.holds(session, running.store.codec, lifted=lifted))

    return HoldsShown(holds=[_shown(one) for one in running.store.write(work)])


@router.put(
    "/legal-holds/{hold_id}",
    summary="Keep what is about a person, or one message, until this is lifted",
    dependencies=[Depends(is_json)],
    responses=refusals(404, 409, 422),
)
def put_hold(hold_id: Name, body: HoldBody, running: Running, caller: Admin) -> HoldShown:
    """Idempotent. A hold that was lifted stays so: another needs an id of its own."""

    def work(session: Session) -> Hold:
        ctx, now = running.context(session), running.now()
        if body.lifted_because is not None:
            return retention.lift(session, ctx, caller, hold_id, body.lifted_because, now)
        return retention.place(session, ctx, caller, _wanted(hold_id, body, retention.by(caller), now))

    return _shown(running.store.write(work))


def _wanted(id_: str, body: HoldBody, by: str, now: datetime) -> Hold:
    return Hold(
        id=id_,
        person_id=body.person,
        notification_id=body.notification,
        reason=body.reason,
        placed_by=by,
        placed_at=now,
    )


def _shown(one: Hold) -> HoldShown:
    return HoldShown(
        id=one.id,
        person=one.person_id,
        notification=one.notification_id,
        reason=one.reason,
        placed_by=one.placed_by,
        placed_at=one.placed_at,
        lifted_by=one.lifted_by,
        lifted_at=one.lifted_at,
        lifted_because=one.lifted_because,
    )
