"""What a later message of the sender does to the transfer it refers to: another takes its place, information supplies what was missing."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from broker.domain import transfers as rules
from broker.domain.rules import TransferRule
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.transfers import Supplied
from broker.storage import notifications, tasks
from broker.storage.tables import Notification
from broker.storage.task_values import Content, Stored
from broker.storage.tasks import Change, Value
from broker.workflow import outcomes, transfer_lines
from broker.workflow.context import Context
from schemas.codes import Event, TaskCode, TaskStatus
from schemas.message import Message


def followed(session: Session, ctx: Context, earlier: Notification | None, message: Message, now: datetime) -> None:
    """What a later message of the sender does to the transfer it refers to: another takes its place, information supplies what was missing."""
    if earlier is None or message.sender != earlier.sender_team_id:
        return
    for whole in tasks.about(session, ctx.codec, earlier.id, [TaskCode.TRANSFER]):
        if whole.row.status in TERMINAL:
            continue
        if message.event is Event.TRANSFER:
            _replace(session, ctx, whole, now)
        elif message.event is Event.INFORMATION:
            _supplied(session, ctx, whole, message, now)


def _replace(session: Session, ctx: Context, whole: Stored, now: datetime) -> None:
    """The sender has sent another in its place. Who was confirmed stays confirmed."""
    columns: dict[str, Value] = {"status": TaskStatus.CANCELLED, "business_status": BusinessStatus.REPLACED}
    what = Change(
        move="replaced", content=whole.content, columns=columns, detail={}, team_id=whole.row.requester_team_id
    )
    version = tasks.change(session, ctx.codec, whole, what, now)
    transfer_lines.end_lines(
        session,
        ctx,
        whole.row.id,
        now,
        move="replaced",
        status=TaskStatus.CANCELLED,
        business=BusinessStatus.REPLACED,
    )
    transfer_lines.ended(session, ctx, whole, now)
    outcomes.tell(session, ctx, whole, whole.row.owner_team_id, version, now)


def _supplied(session: Session, ctx: Context, whole: Stored, message: Message, now: datetime) -> None:
    """Facts about persons of a transfer that the sender sent after it: what they meet is no longer missing."""
    receiver = ctx.directory.teams[whole.row.owner_team_id]
    origin = notifications.message_of(ctx.codec, session.get_one(Notification, whole.row.notification_id))
    sender = ctx.directory.teams[whole.row.requester_team_id or ""]
    rule = ctx.policy.transfers.rule(origin.event, sender.function, receiver.function)
    if rule is None:
        return
    only = message.subjects[0] if len(message.subjects) == 1 else None
    for line in tasks.parts_of(session, ctx.codec, whole.row.id, TaskCode.CONFIRM_CHILD):
        said = {fact.code for fact in message.facts if (fact.about or only) == line.row.person_id}
        if said and line.row.status not in TERMINAL:
            _said_of(session, ctx, line, rule, said, now)


def _said_of(
    session: Session, ctx: Context, line: Stored, rule: TransferRule, said: Collection[str], now: datetime
) -> None:
    options = dict(line.content.get("options", {}))
    missing = rules.still_missing(rule, options.pop("missing", ()), said)
    options |= {"supplied": Supplied.NAMED.value, **({"missing": list(missing)} if missing else {})}
    nothing = line.row.business_status == BusinessStatus.NOTHING_SUPPLIED
    columns: dict[str, Value] = {"business_status": BusinessStatus.SUPPLIED} if nothing else {}
    content = Content(**{**line.content, "options": options})
    tasks.change(session, ctx.codec, line, Change(move="supplied", content=content, columns=columns, detail={}), now)
    for supply in tasks.parts_of(session, ctx.codec, line.row.id, TaskCode.SUPPLY_INFORMATION):
        if supply.row.status not in TERMINAL and not missing:
            done: dict[str, Value] = {"status": TaskStatus.COMPLETED, "answered_at": now}
            what = Change(move="supplied", content=supply.content, columns=done, detail={})
            tasks.change(session, ctx.codec, supply, what, now)
