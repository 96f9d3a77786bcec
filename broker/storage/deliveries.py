"""Delivery rows as they are decided: told, held, withheld, released, withdrawn; how they are handed over lives in `storage.outbox`.

A row that waits for a push is due at `next_attempt_at`. Rows of a team without a push have none: they wait in its mailbox.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.due import Due
from broker.domain.reasons import NotTold
from broker.domain.states import ChannelKind, DeliveryState, View
from broker.storage import direct, row_digests
from broker.storage.objects import Objects
from broker.storage.person_tables import CHANNEL, DELIVERY
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.store import note
from broker.storage.tables import Delivery, Notification, Task
from broker.storage.types import UtcDateTime

OPEN = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.PARKED, DeliveryState.SENT)
"""What the team's system has not said it has. Those of them that a worker has to do with have a time; `ix_delivery_due` holds these alone."""

NOT_TOLD = (DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED)
"""What was decided, and never came to the team."""

QUIET = {"synchronize_session": False}
"""Rows are read afresh after a statement, never from the session's memory."""

RELEASE_REFUSED = NotTold.RELEASE_REFUSED.value
"""Reason code of a decision not to tell that a safeguarding lead took."""

UNNAMED = "unnamed"
"""Cause `unnamed:{task id}`: a child whom the message does not name to the team until whoever has that task agrees."""

_BLANK: Mapping[str, object] = {
    "cause": "",
    "known_to_sender": False,
    "number": None,
    "attempts": 0,
    "lease_until": None,
    "sent_at": None,
    "delivered_at": None,
}
"""Every column that a row may leave out: of rows inserted together all have the same."""


def insert(
    session: Session,
    rows: Sequence[Mapping[str, object]],
    household: str | None = None,
    pushed: Collection[str] | None = None,
) -> None:
    """Delivery rows by column; what is left out has its default. Ready ones of teams with a push are due at once.

    `household`: whom they concern, where it is known: see `Due.lane`. `pushed`: the teams with a push, where they are known.
    """
    if not rows:
        return
    if pushed is None:
        pushed = _with_push(session, {str(row["team_id"]) for row in rows})
    made = [{**_BLANK, **row, "next_attempt_at": _due(row, pushed)} for row in rows]
    direct.insert(session, DELIVERY, made)
    row_digests.note(session, "delivery", made)
    ready = [row for row in rows if row["state"] is DeliveryState.READY]
    note(session, [Due(household or str(row["notification_id"] or row["cause"]), str(row["id"])) for row in ready])


def _due(row: Mapping[str, object], pushed: Collection[str]) -> object:
    """When a new row is first pushed; None when its team is not pushed to, or not (yet) told."""
    if row["state"] is not DeliveryState.READY or row["team_id"] not in pushed:
        return None
    return row.get("next_attempt_at") or row["created_at"]


def _with_push(session: Session, teams: Collection[str]) -> frozenset[str]:
    """Those of the teams that are told by more than the mailbox at present."""
    return frozenset(team for (team,) in direct.rows(session, _WITH_PUSH, teams=teams))


def pushed(session: Session) -> frozenset[str]:
    """Every team that is told by more than the mailbox at present."""
    return frozenset(team for (team,) in direct.rows(session, _PUSHED))


def _push_teams() -> sa.Select[str]:
    return sa.select(CHANNEL.c.team_id).where(CHANNEL.c.kind != ChannelKind.MAILBOX, CHANNEL.c.disabled_at.is_(None))


_PUSHED = Query(_push_teams())
_WITH_PUSH = Query(_push_teams().where(among(CHANNEL.c.team_id, "teams")))


def these(session: Session, delivery_ids: Collection[str]) -> list[Delivery]:
    """These rows, in no order; whoever is not there is left out."""
    return _ROWS.read(session, _THESE, ids=delivery_ids) if delivery_ids else []


_ROWS = Objects(Delivery)
_THESE = Query(sa.select(DELIVERY).where(among(DELIVERY.c.id, "ids")))


def carrying(session: Session, task: Task) -> Delivery | None:
    """What brings a task to its team: the notification, or a message of its own; None when there is none."""
    if task.delivery_id is not None:
        found = these(session, [task.delivery_id])
    else:
        given = {"about": task.notification_id, "team": task.owner_team_id, "cause": f"task:{task.id}"}
        found = _ROWS.read(session, _OWN, **given)
    return found[0] if found else None


_OWN = Query(
    sa.select(DELIVERY).where(
        DELIVERY.c.notification_id == sa.bindparam("about"),
        DELIVERY.c.team_id == sa.bindparam("team"),
        DELIVERY.c.cause == sa.bindparam("cause"),
    )
)


def given_up(session: Session, notification_id: str, team_id: str) -> bool:
    """Whether any message about it is at the end of its ladder with the team."""
    return bool(direct.rows(session, _GIVEN_UP, about=notification_id, team=team_id))


_GIVEN_UP = Query(
    sa.select(DELIVERY.c.id)
    .where(
        DELIVERY.c.notification_id == sa.bindparam("about"),
        DELIVERY.c.team_id == sa.bindparam("team"),
        DELIVERY.c.state == DeliveryState.PARKED,
    )
    .limit(1)
    .offset(0)
)


def decisions(session: Session, notification_id: str) -> dict[str, DeliveryState]:
    """Where the notification itself stands for each team it was decided for: team id → state."""
    return {team: DeliveryState(state) for team, state in direct.rows(session, _DECISIONS, about=notification_id)}


_ABOUT = DELIVERY.c.notification_id == sa.bindparam("about")
_DECISIONS = Query(sa.select(DELIVERY.c.team_id, DELIVERY.c.state).where(_ABOUT, DELIVERY.c.cause == ""))


def told(session: Session, notification_ids: Collection[str]) -> dict[str, View]:
    """Who was told of any of these notifications, and in which view: team id → view."""
    found = sa.select(col(Delivery.team_id), col(Delivery.view)).where(
        col(Delivery.notification_id).in_(notification_ids),
        col(Delivery.cause) == "",
        col(Delivery.state).not_in(NOT_TOLD),
    )
    return {team: View(view) for team, view in session.execute(found)}


def refused_by_lead(session: Session, notification_id: str) -> frozenset[str]:
    """Teams that a safeguarding lead decided not to tell; no later routing overrules that."""
    return frozenset(team for (team,) in direct.rows(session, _REFUSED, about=notification_id))


_REFUSED = Query(sa.select(DELIVERY.c.team_id).where(_ABOUT, DELIVERY.c.reason_code == RELEASE_REFUSED))


def behind(session: Session, delivery_ids: Collection[str]) -> dict[str, tuple[str | None, str]]:
    """What each of these messages is about and why it was made: delivery id → (notification id where there is one, cause)."""
    found = sa.select(col(Delivery.id), col(Delivery.notification_id), col(Delivery.cause))
    return {
        id_: (about, cause) for id_, about, cause in session.execute(found.where(col(Delivery.id).in_(delivery_ids)))
    }


def drop_withheld(
    session: Session, notification_id: str, teams: Collection[str], *, now: datetime, cause: str = ""
) -> None:
    """Take away decisions not to tell these teams, because they are told now."""
    gone = session.scalars(
        sa.delete(Delivery)
        .where(
            col(Delivery.notification_id) == notification_id,
            col(Delivery.cause) == cause,
            col(Delivery.state) == DeliveryState.WITHHELD,
            col(Delivery.team_id).in_(teams),
        )
        .returning(col(Delivery.id)),
        execution_options=QUIET,
    ).all()
    row_digests.note_gone(session, "delivery", gone, now)


def release_held(session: Session, delivery_ids: Collection[str], *, now: datetime) -> list[str]:
    """Make held deliveries ready, as the safeguarding lead decided; those that were. A second time changes nothing."""
    due = sa.case((col(Delivery.team_id).in_(_push_teams()), sa.literal(now, UtcDateTime())))
    released = session.execute(
        sa.update(Delivery)
        .where(col(Delivery.id).in_(delivery_ids), col(Delivery.state) == DeliveryState.HELD)
        .values(state=DeliveryState.READY, next_attempt_at=due)
        .returning(col(Delivery.id), col(Delivery.notification_id)),
        execution_options=QUIET,
    ).all()
    note(session, [Due(about or id_, id_) for id_, about in released])
    return sorted(id_ for id_, _ in released)


def refuse_held(session: Session, delivery_ids: Collection[str], reason: str, *, now: datetime) -> int:
    """Turn held deliveries into decisions not to tell, with the lead's reason; how many were."""
    refused = session.scalars(
        sa.update(Delivery)
        .where(col(Delivery.id).in_(delivery_ids), col(Delivery.state) == DeliveryState.HELD)
        .values(state=DeliveryState.WITHHELD, reason_code=RELEASE_REFUSED, reason=reason)
        .returning(col(Delivery.id)),
        execution_options=QUIET,
    ).all()
    row_digests.note_stored(session, "delivery", DELIVERY.c.id.in_(refused), now)
    return len(refused)


def withdraw(session: Session, notification_id: str, now: datetime) -> list[str]:  # noqa: ARG001 - callers pass the time of every change; the end of a row has none of its own
    """Stop what is not delivered; the teams that may have seen it and must be told so, in stable order.

    A row that has a mailbox number may have been read, and one that was ever claimed may have arrived: only rows with
    neither vanish silently. Outcomes on their way to the sender stay, because what a team answered remains true.
    """
    about_it = (
        col(Delivery.notification_id) == notification_id,
        sa.or_(col(Delivery.cause) == "", col(Delivery.cause).like("task:%")),
    )
    stopped = session.execute(
        sa.update(Delivery)
        .where(*about_it, col(Delivery.state).in_((*OPEN, DeliveryState.HELD)))
        .values(state=DeliveryState.CANCELLED, next_attempt_at=None, lease_until=None)
        .returning(col(Delivery.team_id), col(Delivery.number), col(Delivery.attempts)),
        execution_options=QUIET,
    )
    seen = {team for team, number, attempts in stopped if number is not None or attempts > 0}
    told = sa.select(col(Delivery.team_id)).where(*about_it, col(Delivery.state) == DeliveryState.DELIVERED)
    sender = sa.select(col(Notification.sender_team_id)).where(col(Notification.id) == notification_id)
    return sorted((seen | set(session.scalars(told))) - {session.scalar(sender)})


def align(session: Session, *, now: datetime, team_id: str | None = None) -> int:
    """Make waiting rows fit their teams' channels; how many changed.

    Called when a channel is set, for that team; and by the worker now and then for all, because a message may be
    decided while a channel is being set and then carries the old answer.
    """
    waiting = (_is_open(), col(Delivery.state) != DeliveryState.SENDING)
    whose = () if team_id is None else (col(Delivery.team_id) == team_id,)
    due, pushed = col(Delivery.next_attempt_at), col(Delivery.team_id).in_(_push_teams())
    started = sa.update(Delivery).where(*waiting, *whose, due.is_(None), pushed)
    stopped = sa.update(Delivery).where(*waiting, *whose, due.is_not(None), sa.not_(pushed))
    return changes(session, started.values(next_attempt_at=now)) + changes(
        session, stopped.values(next_attempt_at=None, state=DeliveryState.READY)
    )


def settle(session: Session, teams: Collection[str], now: datetime) -> None:
    """Take what waits for these teams as delivered, whoever has it: for measuring from an empty table on."""
    rows = (
        sa.update(Delivery)
        .where(col(Delivery.team_id).in_(teams), _is_open())
        .values(state=DeliveryState.DELIVERED, delivered_at=now, next_attempt_at=None, lease_until=None)
        .returning(col(Delivery.id), col(Delivery.team_id))
    )
    arrived = session.execute(rows, execution_options=QUIET).all()
    row_digests.note(session, "arrival", [{"id": id_, "team_id": team, "delivered_at": now} for id_, team in arrived])


def _is_open() -> sa.ColumnElement[bool]:
    """As constants, in the words of `ix_delivery_waiting`: neither database uses a partial index for bound parameters."""
    constants: sa.BindParameter[DeliveryState] = sa.bindparam("open", list(OPEN), expanding=True, literal_execute=True)
    return col(Delivery.state).in_(constants)


def changes(session: Session, statement: sa.UpdateBase) -> int:
    """Run a statement that changes rows; how many it did."""
    return cast("sa.CursorResult[tuple[object, ...]]", session.execute(statement, execution_options=QUIET)).rowcount
