"""What an obligation looks like whose next step is missing or late: asked by queries of its own, beside the code that takes those steps.

Each asks for what is recent or due, by index, and for so many at most: a pass costs what is wrong, not what there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from broker.domain.handovers import UNANSWERED
from broker.domain.states import ChannelKind
from broker.domain.tasks import TERMINAL
from broker.storage.deliveries import OPEN, changes
from broker.storage.escalations import OPENING
from broker.storage.tables import (
    TASK_PAST_STEP,
    TASK_UNCLIMBED,
    TASK_UNTIMED,
    Channel,
    ChannelHealth,
    Delivery,
    Escalation,
    Expectation,
    Lookup,
    Notification,
    PatternDue,
    PatternLook,
    Practitioner,
    Task,
)
from schemas.codes import Function, TaskCode, TaskStatus

MOST: Final = 1000
"""Found by one query; where there are more, that is enough to know."""
MOST_CLIMBING: Final = 5000
"""Tasks whose next step is counted out again in one pass, those that wait longest for it first."""
RECENT: Final = timedelta(days=14)
"""How far back a deadline may lie that is looked at again: longer than any ladder climbs."""
BUSY: Final = timedelta(minutes=15)
"""How late a push may be to a team whose system takes messages all the time: they go out one behind the other."""
SETTLING: Final = timedelta(minutes=3)
"""Until rows that do not fit their team's channel are made to fit: a worker looks every minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One obligation whose next step is missing or late."""

    id: str
    team_id: str
    """Whose it is; of what is expected perhaps a function instead, whose team is found when it is asked."""
    since: datetime
    """When the step should have been taken, or the deadline that has none."""


def tasks_without_step(session: Session, now: datetime, rungs: int) -> list[Broken]:
    """Open tasks that nobody has answered, that have a date, and that the clock will never look at again although the ladder goes on.

    A transfer that is in hand has none: its lines have their own. `rungs`: of a task that keeps no ladder of its own.
    """
    line = aliased(Task)
    in_hand = sa.select(col(line.id)).where(col(line.part_of) == col(Task.id), col(line.status).not_in(TERMINAL))
    waits = sa.or_(
        col(Task.status).in_(UNANSWERED),
        sa.and_(col(Task.code) == TaskCode.AGREED_ACTION, col(Task.status) == TaskStatus.ACCEPTED),
        sa.and_(col(Task.progress_by).is_not(None), col(Task.status) == TaskStatus.ACCEPTED),
    )
    query = sa.select(col(Task.id), col(Task.owner_team_id), col(Task.due_at)).where(
        sa.text(TASK_UNCLIMBED),
        col(Task.due_at) >= now - RECENT,
        col(Task.level) < sa.func.coalesce(col(Task.rungs), rungs),
        waits,
        sa.not_(sa.and_(col(Task.code) == TaskCode.TRANSFER, in_hand.exists())),
    )
    return _broken(session, query.order_by(col(Task.due_at)))


def tasks_untimed(session: Session, now: datetime) -> list[Broken]:
    """Tasks that are not delivered yet, and at which the clock will not look by the time by which they were to be."""
    query = sa.select(col(Task.id), col(Task.owner_team_id), col(Task.deliver_by)).where(
        sa.text(TASK_UNTIMED), col(Task.deliver_by) >= now - RECENT
    )
    return _broken(session, query.order_by(col(Task.deliver_by)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepping:
    """An open task at which the clock looks next past one of its times, with all that says when it should."""

    id: str
    team_id: str
    climbs_at: datetime
    passes: datetime
    """The date past which it climbs."""
    level: int
    clocks: str
    remind_at: datetime | None
    open_by: datetime | None
    """None too where its team has opened it, or has been told."""


def tasks_past_a_step(session: Session, now: datetime) -> list[Stepping]:
    """Tasks that have a next step later than one of their times, and not yet; the furthest first. Of before clocks were kept with a task none."""
    told = sa.select(col(Escalation.id)).where(
        col(Escalation.task_id) == col(Task.id),
        col(Escalation.rung) == OPENING,
        col(Escalation.due_at) == col(Task.open_by),
    )
    waits = sa.and_(
        col(Task.opened_at).is_(None), col(Task.status).in_((TaskStatus.REQUESTED, TaskStatus.RECEIVED)), ~told.exists()
    )
    reminded = sa.or_(col(Task.status).in_(UNANSWERED), col(Task.code) == TaskCode.AGREED_ACTION)
    query = sa.select(
        col(Task.id),
        col(Task.owner_team_id).label("team_id"),
        col(Task.climbs_at),
        sa.func.coalesce(col(Task.progress_by), col(Task.due_at)).label("passes"),
        col(Task.level),
        col(Task.clocks),
        sa.case((reminded, col(Task.remind_at))).label("remind_at"),
        sa.case((waits, col(Task.open_by))).label("open_by"),
    ).where(sa.text(TASK_PAST_STEP), col(Task.climbs_at) > now, col(Task.clocks).is_not(None))
    found = session.execute(query.order_by(col(Task.climbs_at).desc()).limit(MOST_CLIMBING))
    return [Stepping(**row._mapping) for row in found]  # noqa: SLF001 - its public name for what it holds


def tasks_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Tasks at which the clock should have looked and did not, longest waiting first."""
    query = sa.select(col(Task.id), col(Task.owner_team_id), col(Task.climbs_at)).where(
        col(Task.climbs_at).is_not(None), col(Task.climbs_at) < now - allowed
    )
    return _broken(session, query.order_by(col(Task.climbs_at)))


def stand_ins_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Urgent tasks of closed teams of which who stands in should have been told."""
    query = sa.select(col(Task.id), col(Task.owner_team_id), col(Task.covers_at)).where(
        col(Task.covers_at).is_not(None), col(Task.covers_at) < now - allowed
    )
    return _broken(session, query.order_by(col(Task.covers_at)))


def hand_backs_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Practitioners whose tasks should have gone back to their team; by the team's id, because theirs is a person's."""
    team = col(Practitioner.team_id)
    query: sa.Select[str, str, datetime | None] = sa.select(
        team, team.label("of"), col(Practitioner.hands_back_at)
    ).where(col(Practitioner.hands_back_at).is_not(None), col(Practitioner.hands_back_at) < now - allowed)
    return _broken(session, query.order_by(col(Practitioner.hands_back_at)))


def expectations_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """What was expected and should have been looked for again by the clock. One that is open without a next look the database refuses."""
    query = sa.select(col(Expectation.id), col(Expectation.owed_by), col(Expectation.looks_at)).where(
        col(Expectation.looks_at).is_not(None), col(Expectation.looks_at) < now - allowed
    )
    return _broken(session, query.order_by(col(Expectation.looks_at)))


def pattern_looks_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Persons at whom the clock should have looked again, because something may not have come."""
    whose = sa.literal(Function.HEALTH_VISITING.value)
    looks = sa.select(col(PatternLook.person_id), whose, col(PatternLook.at)).where(col(PatternLook.at) < now - allowed)
    return _broken(session, looks.order_by(col(PatternLook.at)))


def patterns_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Notifications of which it should have been seen what they make of those before them."""
    query = sa.select(col(PatternDue.notification_id), col(Notification.sender_team_id), col(PatternDue.at))
    query = query.join(Notification, col(Notification.id) == col(PatternDue.notification_id))
    return _broken(session, query.where(col(PatternDue.at) < now - allowed).order_by(col(PatternDue.at)))


def lookups_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Records that should have been asked for elsewhere and were not; a service that does not answer is asked all the same."""
    query = sa.select(col(Lookup.id), col(Lookup.team_id), col(Lookup.next_at))
    return _broken(session, query.where(col(Lookup.next_at) < now - allowed).order_by(col(Lookup.next_at)))


def look_again(session: Session, found: Sequence[Broken], now: datetime) -> int:
    """Have the clock look at these tasks at once: it finds by itself what comes next. This is no move, and changes no version."""
    these = (
        col(Task.id).in_([one.id for one in found]),
        sa.or_(*(sa.text(broken) for broken in (TASK_UNCLIMBED, TASK_UNTIMED, TASK_PAST_STEP))),
    )
    return changes(session, sa.update(Task).where(*these).values(climbs_at=now))


def deliveries_late(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Messages that should have been pushed and that nobody has claimed. What a channel's pause or limit holds back is not late."""
    due = col(Delivery.next_attempt_at)
    health = ChannelHealth
    held_back = sa.or_(col(health.paused_until) >= now - allowed, col(health.send_from) > now)
    busy = sa.and_(col(health.delivered_at) >= now - allowed, due >= now - BUSY)
    query = (
        sa.select(col(Delivery.id), col(Delivery.team_id), due)
        .select_from(sa.join(Channel, Delivery, col(Channel.team_id) == col(Delivery.team_id)))
        .outerjoin(health, col(health.team_id) == col(Channel.team_id))
        .where(
            due.is_not(None),
            due < now - allowed,
            sa.or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) < now - allowed),
            *_pushed(),
            sa.func.coalesce(held_back, sa.false()).is_(False),
            sa.func.coalesce(busy, sa.false()).is_(False),
        )
    )
    return _broken(session, query)


def deliveries_without_step(session: Session, now: datetime) -> list[Broken]:
    """Messages for a team with a push that no worker will ever have to do with."""
    query = (
        sa.select(col(Delivery.id), col(Delivery.team_id), col(Delivery.created_at))
        .select_from(sa.join(Channel, Delivery, col(Channel.team_id) == col(Delivery.team_id)))
        .where(
            _is_open(),
            col(Delivery.next_attempt_at).is_(None),
            col(Delivery.created_at) < now - SETTLING,
            col(Channel.changed_at) < now - SETTLING,
            *_pushed(),
        )
    )
    return _broken(session, query)


def unnumbered(session: Session, now: datetime, allowed: timedelta) -> list[Broken]:
    """Messages that have no number in their team's mailbox, and so are nowhere for it."""
    query = sa.select(col(Delivery.id), col(Delivery.team_id), col(Delivery.created_at)).where(
        sa.text("number IS NULL AND state NOT IN ('withheld', 'held', 'cancelled')"),
        col(Delivery.created_at) < now - allowed,
    )
    return _broken(session, query)


def _pushed() -> tuple[sa.ColumnElement[bool], ...]:
    return col(Channel.kind) != ChannelKind.MAILBOX, col(Channel.disabled_at).is_(None)


def _is_open() -> sa.ColumnElement[bool]:
    """As constants, in the words of `ix_delivery_waiting`: neither database uses a partial index for bound parameters."""
    constants: sa.BindParameter[Any] = sa.bindparam("open", list(OPEN), expanding=True, literal_execute=True)
    return col(Delivery.state).in_(constants)


def _broken(session: Session, query: sa.Select[Any, Any, Any]) -> list[Broken]:
    return [Broken(id=id_, team_id=team, since=since) for id_, team, since in session.execute(query.limit(MOST))]
