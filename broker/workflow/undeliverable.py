"""Tells a person when a team is not reached in time or at all, and ends that task by itself when the team is reached after all (invariant 3)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlmodel import Session, col, or_, select

from broker.domain.states import DeliveryState
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.wanted import TaskWanted
from broker.storage import deliveries, tasks
from broker.storage.deliveries import OPEN
from broker.storage.store import Raced
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Stored
from broker.storage.tasks import Change, Value
from broker.workflow import outcomes, raising
from broker.workflow.context import Context
from schemas.codes import Function, Priority, TaskCode, TaskStatus


def parked(session: Session, ctx: Context, delivery_id: str, now: datetime) -> None:
    """One task for a notification and a team, whatever number of messages about it are stuck.

    What tells of a task that is about no message brings none: that task is there, stands in the team's list and climbs.
    """
    row = session.get_one(Delivery, delivery_id)
    if row.notification_id is None:
        return
    notification = session.get_one(Notification, row.notification_id)
    sender = notification.sender_team_id if row.known_to_sender else None
    words = (
        f"{ctx.directory.teams[row.team_id].name} could not be reached by its system for as long as is tried by itself. "
        "Tell the team what waits for it, and have its system mended. It is tried once a day from now on."
    )
    wanted = _wanted(ctx, row, row.notification_id, sender, Priority(notification.priority), words, now)
    _raise(session, ctx, wanted, now)


def late(session: Session, ctx: Context, task: Stored, now: datetime) -> str | None:
    """The same of a message that brings a task and has not come by the time it was to; whoever waits for the task is told too.

    Returns whose it is to look into; None when the message is not on its way: another brought it, or it was taken back.
    """
    row = deliveries.carrying(session, task.row)
    if row is None or row.notification_id is None or row.state not in OPEN:
        return None
    words = (
        f"The system of {ctx.directory.teams[row.team_id].name} has not taken in time what it is to act on, and nobody there has opened it. "
        "Tell the team what waits for it in its mailbox, and find out why. What is pushed goes on being tried."
    )
    wanted = _wanted(ctx, row, row.notification_id, task.requester, Priority(task.row.priority), words, now)
    known = tasks.by_keys(session, ctx.codec, [wanted.dedupe_key or ""])
    raised = _raise(session, ctx, wanted, now)
    if not known:
        outcomes.tell(session, ctx, raised, wanted.requester, raised.row.version, now)
    return wanted.owner


def _raise(session: Session, ctx: Context, wanted: TaskWanted, now: datetime) -> Stored:
    """The task, held. Raced when it was there, and what it was about has just reached the team: there it would end."""
    [task_id] = raising.raise_tasks(session, ctx, [wanted], now)
    tasks.lock(session, task_id)
    found = tasks.by_keys(session, ctx.codec, [wanted.dedupe_key or ""])
    if not found:
        raise Raced
    return found[0]


def _wanted(
    ctx: Context,
    row: Delivery,
    notification_id: str,
    waits: str | None,
    priority: Priority,
    words: str,
    now: datetime,
) -> TaskWanted:
    """`waits`: who may know of the team and waits for it."""
    owner = next(_who_can_act(ctx, row.team_id, waits))
    return TaskWanted(
        code=TaskCode.UNDELIVERABLE,
        owner=owner,
        requester=waits if waits != owner else None,
        description=words,
        dedupe_key=f"{_stuck(notification_id, row.team_id)}{owner}",
        notification_id=notification_id,
        priority=priority,
        due_at=ctx.policy.own_asks.reach.of(priority).after(now, ctx.directory.teams[owner].calendar),
        cites="F12, invariant 3",
        options={"team": row.team_id, "delivery": row.id},
    )


def _who_can_act(ctx: Context, team_id: str, sender: str | None) -> Iterator[str]:
    """Who can do something about a team that is not reached, best first: its agency's safeguarding lead, the partnership,
    the sender when it may know that the team is a recipient (sharing principle 9), else the team itself in its mailbox.
    """
    team = ctx.directory.teams[team_id]
    lead = ctx.directory.safeguarding_lead(team.agency_id)
    partnership = ctx.directory.provider(team.area_id, Function.PARTNERSHIP)
    for other in (lead, partnership):
        if other is not None and other.id != team_id:
            yield other.id
    yield sender if sender is not None else team_id


def reached(session: Session, ctx: Context, delivery_ids: Sequence[str], now: datetime) -> None:
    """These were delivered: where nothing else about the notification is stuck with the team, nobody need look into it any more.

    The task is held before it is asked what is stuck still: of the last two that are delivered at once the second sees the first.
    """
    if not delivery_ids:
        return
    carriers = tasks.carriers(session, delivery_ids)
    pairs = sorted({(one.notification_id, one.team_id) for one in carriers if one.notification_id})
    for task in _open(session, ctx, {about for about, _ in pairs}):
        key = task.row.dedupe_key or ""
        about = [pair for pair in pairs if key.startswith(_stuck(*pair))]
        if about:
            tasks.lock(session, task.row.id)
        if any(not _still_stuck(session, *pair) for pair in about):
            _end(session, ctx, task, now)


def answered(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    """A task that was not delivered in time is answered all the same: nobody need tell the team of it, unless its system is given up."""
    about, team = task.row.notification_id, task.row.owner_team_id
    if task.row.undelivered_at is None or task.row.delivered_at is not None or about is None:
        return
    for told in _open(session, ctx, {about}):
        if (told.row.dedupe_key or "").startswith(_stuck(about, team)):
            tasks.lock(session, told.row.id)  # of the last two who answer at once the second sees the first
            if not tasks.undelivered(session, about, team) and not deliveries.given_up(session, about, team):
                _end(session, ctx, told, now)


def _open(session: Session, ctx: Context, notification_ids: set[str]) -> list[Stored]:
    found = tasks.about_any(session, ctx.codec, notification_ids, [TaskCode.UNDELIVERABLE])
    return [task for task in found if TaskStatus(task.row.status) not in TERMINAL]


def _still_stuck(session: Session, notification_id: str, team_id: str) -> bool:
    """Whether another message about it was tried in vain, or is late, and is still to arrive."""
    others = select(Delivery.id).where(
        Delivery.notification_id == notification_id,
        Delivery.team_id == team_id,
        col(Delivery.state).in_(OPEN),
        or_(col(Delivery.attempts) > 1, col(Delivery.state) == DeliveryState.PARKED),
    )
    tried = session.exec(others.limit(1)).first() is not None
    return tried or tasks.undelivered(session, notification_id, team_id)


def _end(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    """Cancel it and tell whoever has it and whoever waits. Its key is given back: the next time is told again."""
    columns: dict[str, Value] = {
        "status": TaskStatus.CANCELLED,
        "business_status": BusinessStatus.REACHED,
        "dedupe_key": f"{task.row.dedupe_key}:{task.row.id}",
    }
    what = Change(move="reached-after-all", content=task.content, columns=columns, detail={})
    version = tasks.change(session, ctx.codec, task, what, now)
    for team in dict.fromkeys((task.row.owner_team_id, task.requester)):
        outcomes.tell(session, ctx, task, team, version, now)


# --- a channel, whatever waits for it -----------------------------------------------------------------------------


def channel_fails(session: Session, ctx: Context, team_id: str, since: datetime, now: datetime) -> None:
    """One task for a channel that has not worked for so long, once for each time that it begins to fail."""
    owner = next(_who_can_act(ctx, team_id, None))
    wanted = TaskWanted(
        code=TaskCode.UNDELIVERABLE,
        owner=owner,
        description=f"The system of {ctx.directory.teams[team_id].name} has not taken anything for an hour, so it is asked only now and then. "
        "Nothing is lost: what waits is in the team's mailbox. Have its system mended; it is tried again by itself.",
        dedupe_key=_failing(team_id, since),
        priority=Priority.URGENT,
        due_at=ctx.policy.own_asks.reach.urgent.after(now, ctx.directory.teams[owner].calendar),
        cites="F12, invariant 3",
        options={"team": team_id},
    )
    raising.raise_tasks(session, ctx, [wanted], now)


def channel_works(session: Session, ctx: Context, team_id: str, since: datetime, now: datetime) -> None:
    """It has failed since then and does not any more."""
    for task in tasks.by_keys(session, ctx.codec, [_failing(team_id, since)]):
        if TaskStatus(task.row.status) not in TERMINAL:
            _end(session, ctx, task, now)


def _stuck(notification_id: str, team_id: str) -> str:
    return f"undeliverable:{notification_id}:{team_id}:"


def _failing(team_id: str, since: datetime) -> str:
    return f"channel:{team_id}:{since.isoformat()}"
