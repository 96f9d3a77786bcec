"""Route a notification: decide who is told what and write the deliveries and tasks; again when its household has changed."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlmodel import Session

from broker.domain import routing
from broker.domain.around import around
from broker.domain.asks import REACHED_NOBODY
from broker.domain.reasons import NotTold
from broker.domain.routing import Earlier, Routing, Told, Withheld
from broker.domain.sharing import withheld
from broker.domain.states import DeliveryState, Purpose
from broker.domain.tasks import TERMINAL
from broker.domain.vicinity import has_come
from broker.domain.wanted import TaskWanted
from broker.domain.world import World
from broker.storage import audit, deliveries, notifications, people, tasks
from broker.storage.tables import Notification
from broker.storage.world import check_versions, load_world
from broker.workflow import asked_before, outcomes, raising, said, transfer, unnamed
from broker.workflow.context import Context
from schemas.codes import TaskCode, TaskStatus
from schemas.message import Message


def decide(
    ctx: Context,
    message: Message,
    world: World,
    now: datetime,
    *,
    already_told: frozenset[str] = frozenset(),
    earlier: Earlier | None = None,
) -> Routing:
    """Who is told what of a message whose persons are keyed by their ids, in the world as this transaction has it."""
    return routing.route(
        message,
        world,
        sender=ctx.directory.teams[message.sender or ""],
        directory=ctx.directory,
        policy=ctx.policy,
        now=now,
        already_told=already_told,
        earlier=earlier,
    )


def write(
    session: Session, ctx: Context, notification_id: str, message: Message, decided: Routing, now: datetime
) -> set[str]:
    """The rows of a decision: a delivery for every team considered, a task for each that must act, and the rule's own tasks.

    Ids of the households that changed by it, see `ask`.
    """
    rows = [_told_row(notification_id, told, decided.policy_version, now) for told in decided.told]
    acting = [
        (told, str(row["id"]))
        for told, row in zip(decided.told, rows, strict=True)
        if told.purpose is Purpose.ACTION and told.state is DeliveryState.READY
    ]
    rows += [_withheld_row(notification_id, withheld, decided.policy_version, now) for withheld in decided.withheld]
    deliveries.insert(session, rows, min(decided.households, default=None), ctx.pushed)
    asked_before.give_back(session, ctx.codec, decided.tasks)
    homes = ask(session, ctx, notification_id, message, acting, now, also=decided.tasks)
    audit.record(
        session,
        action="decide",
        entity="notification",
        entity_id=notification_id,
        now=now,
        detail={"told": len(decided.told), "withheld": len(decided.withheld), "policy": decided.policy_version},
    )
    return homes


def again(session: Session, ctx: Context, household_ids: Collection[str], now: datetime, *, but: str = "") -> set[str]:
    """Route what still describes the members of changed households again: only teams not told yet are told.

    `but` is the notification that caused the change, which is routed by its own step. Ids of the households that changed by it.
    """
    homes: set[str] = set()
    if not household_ids:
        return homes
    members = people.members(session, household_ids)
    longest = timedelta(days=ctx.policy.longest_standing_days)
    found = notifications.standing_about(session, members, ctx.policy.standing_events, since=now - longest)
    standing = [
        (row, message)
        for row, message in said.several(session, ctx.codec, [row for row in found if row.id != but])
        if ctx.policy.still_stands(message, row.received_at, now)
    ]
    everybody = _world_of(session, ctx, standing)
    for done, (row, message) in enumerate(standing, start=1):
        changed = _once_more(session, ctx, row, message, around(everybody, message.weighed), now)
        if changed:
            everybody = _world_of(session, ctx, standing[done:])
        homes |= changed
    return homes


def _world_of(session: Session, ctx: Context, standing: Sequence[tuple[Notification, Message]]) -> World:
    return load_world(session, ctx.codec, {person for _, message in standing for person in message.weighed})


def once_more(session: Session, ctx: Context, row: Notification, now: datetime) -> set[str]:
    """Route one accepted notification again and write what is new; ids of the households that changed by it."""
    message = said.now(session, ctx.codec, row)
    if not ctx.policy.still_stands(message, row.received_at, now):
        return set()
    return _once_more(session, ctx, row, message, load_world(session, ctx.codec, message.weighed), now)


def _once_more(
    session: Session, ctx: Context, row: Notification, message: Message, world: World, now: datetime
) -> set[str]:
    before = deliveries.decisions(session, row.id)
    refused = deliveries.refused_by_lead(session, row.id)
    told_before = refused | {team for team, state in before.items() if state is not DeliveryState.WITHHELD}
    if has_come(message, world, ctx.policy.events[message.event]):
        return set()
    decided = decide(ctx, message, world, now, already_told=told_before)
    decided = asked_before.still_to_ask(session, ctx.codec, decided, now, received_at=row.received_at)
    fresh = [told for told in decided.told if told.team_id not in told_before]
    if not fresh or not notifications.hold_standing(session, [row.id]):
        return set()
    early = [
        told.team_id for told in fresh if _names_a_child_too_early(session, ctx, message, world, told.team_id, now)
    ]
    fresh = [told for told in fresh if told.team_id not in early]
    deliveries.drop_withheld(session, row.id, [told.team_id for told in fresh], now=now)
    new = Routing(
        told=tuple(fresh),
        withheld=tuple(
            held
            for held in (*decided.withheld, *(withheld(team, NotTold.NAMES_A_CHILD) for team in early))
            if held.team_id not in before
        ),
        tasks=decided.tasks,
        households=decided.households,
        problems=(),
        policy_version=decided.policy_version,
    )
    homes = write(session, ctx, row.id, message, new, now)
    if not told_before:
        _reached(session, ctx, row, now)
    return homes


def _names_a_child_too_early(
    session: Session, ctx: Context, message: Message, world: World, team_id: str, now: datetime
) -> bool:
    """Whether what was said before would tell a team of a child whom the transfer to it does not name (principle 12)."""
    team, named = ctx.directory.teams[team_id], {person.key for person in message.people}
    homes = {home for person in named for home in world.households_of(person)}
    return any(named & unnamed.children(session, ctx, world, home, team, now) for home in homes)


def _reached(session: Session, ctx: Context, row: Notification, now: datetime) -> None:
    """A message that had reached nobody has reached somebody: nobody need find out any more who should know of it."""
    for task in tasks.about(session, ctx.codec, row.id, [TaskCode.UNDELIVERABLE]):
        if (task.row.dedupe_key or "").endswith(REACHED_NOBODY) and task.row.status not in TERMINAL:
            columns = {"status": TaskStatus.CANCELLED, "business_status": None}
            what = tasks.Change(move="reached-somebody", content=task.content, columns=columns, detail={})
            version = tasks.change(session, ctx.codec, task, what, now)
            outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)


def ask(
    session: Session,
    ctx: Context,
    notification_id: str,
    message: Message,
    acting: Collection[tuple[Told, str]],
    now: datetime,
    *,
    also: Sequence[TaskWanted] = (),
) -> set[str]:
    """The tasks of those who must act on a message, each with the delivery that carries it: to take over, or to say what it means.

    `also`: tasks that the decision raises besides. Ids of the households that changed by it: a transfer of somebody whom
    its receiver has registered already ends the sender's work with them.
    """
    homes: set[str] = set()
    taking_over = transfer.receivers(ctx, message, [told for told, _ in acting])
    wanted = [
        acknowledge_task(told, delivery_id, notification_id, message)
        for told, delivery_id in acting
        if told.team_id not in taking_over
    ]
    raising.raise_tasks(
        session,
        ctx,
        [_on(task, notification_id) for task in (*also, *wanted)],
        now,
        event=message.event,
        new={delivery_id for _, delivery_id in acting},
    )
    if taking_over:
        world = load_world(session, ctx.codec, message.weighed)
        opening = transfer.meet(session, ctx, notification_id, message, world, now)
        # Whoever joins one of these homes looks for its open transfers, and would not find this one yet.
        check_versions(session, {home: world.households[home].version for home in opening.met.households})
        for told, delivery_id in acting:
            if told.team_id in taking_over:
                homes |= transfer.open_(opening, told, taking_over[told.team_id], delivery_id)
    return homes


def acknowledge_task(told: Told, delivery_id: str, notification_id: str, message: Message) -> TaskWanted:
    """The task of a recipient for action."""
    return TaskWanted(
        code=TaskCode.ACKNOWLEDGE,
        owner=told.team_id,
        requester=message.sender,
        description=told.ask or "Say what this means for your work with the household and what you will do.",
        dedupe_key=f"acknowledge:{delivery_id}",
        person_id=message.subjects[0] if message.subjects else None,
        notification_id=notification_id,
        delivery_id=delivery_id,
        priority=told.priority,
        due_at=told.due_at,
        cites=told.cites,
    )


def _on(task: TaskWanted, notification_id: str) -> TaskWanted:
    """The task tied to the notification that raised it."""
    if task.notification_id is not None:
        return task
    return replace(task, notification_id=notification_id)


def _told_row(notification_id: str, told: Told, policy_version: str, now: datetime) -> dict[str, object]:
    return {
        **_row(notification_id, told.team_id, policy_version, now),
        "state": told.state,
        "purpose": told.purpose,
        "view": told.view,
        "reason_code": told.reason_code,
        "reason": told.reason,
        "known_to_sender": told.known_to_sender,
    }


def _withheld_row(notification_id: str, withheld: Withheld, policy_version: str, now: datetime) -> dict[str, object]:
    return {
        **_row(notification_id, withheld.team_id, policy_version, now),
        "state": DeliveryState.WITHHELD,
        "purpose": Purpose.INFORMATION,
        "view": withheld.view,
        "reason_code": withheld.reason_code,
        "reason": withheld.reason,
        "known_to_sender": False,
    }


def _row(notification_id: str, team_id: str, policy_version: str, now: datetime) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "notification_id": notification_id,
        "team_id": team_id,
        "policy_version": policy_version,
        "created_at": now,
    }
