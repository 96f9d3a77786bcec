"""What could not be read is read again once its adapter is mended, from the bytes that were kept, and taken as if it came now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from adapters.port import Adapter, Lookup, Record
from broker.domain.caller import Caller
from broker.domain.tasks import TERMINAL
from broker.errors import Conflict, NotFound
from broker.storage import audit, notifications, quarantine, tasks
from broker.storage.keyset import Position
from broker.storage.quarantine import Fault, Quarantined
from broker.storage.tables import Notification
from broker.storage.task_values import Content
from broker.workflow import intake, outcomes, receive
from broker.workflow.context import Context
from broker.workflow.dead_letters import ENTITY
from broker.workflow.intake import Incoming
from schemas.codes import TaskCode, TaskStatus
from schemas.limits import Limits

OPERATOR = "baton dead-letters"
"""Who the audit says has had it read, when it was done on the machine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """What reads messages and events today."""

    adapters: Mapping[str, Adapter]
    limits: Limits
    ways: Mapping[str, str] = field(default_factory=dict)
    """The kind of adapter by what stands in `via`, of ways whose adapter is set and not built in."""


def page(
    session: Session,
    ctx: Context,
    caller: Caller | None,
    *,
    team_id: str | None,
    via: str | None,
    after: Position | None,
    limit: int,
    now: datetime,
) -> tuple[list[Quarantined], Position | None]:
    """One page of them, oldest first, of one sender and way or of all."""
    found, last = quarantine.page(session, ctx.codec, team_id=team_id, via=via, after=after, limit=limit)
    detail = {"team": team_id, "via": via, "count": len(found)}
    audit.record(session, action="search", entity=ENTITY, entity_id=None, now=now, caller=caller, detail=detail)
    return found, last


def show(session: Session, ctx: Context, caller: Caller | None, id_: str, now: datetime) -> Quarantined:
    """One, also when it was taken since; NotFound when none was refused by that id."""
    found = quarantine.find(session, ctx.codec, id_)
    if found is None:
        raise NotFound("Nothing was refused by that id: see `baton dead-letters list`.")
    audit.record(session, action="read", entity=ENTITY, entity_id=id_, now=now, caller=caller)
    return found


def retry(
    session: Session, ctx: Context, caller: Caller | None, id_: str, readers: Readers, now: datetime
) -> Quarantined:
    """Read it once more, and how it stands then. What was taken before stays as it is; what still cannot be read is kept on."""
    found = quarantine.find(session, ctx.codec, id_)
    if found is None:
        raise NotFound("Nothing was refused by that id: see `baton dead-letters list`.")
    if found.became is not None:
        return found
    row = quarantine.row(session, id_)
    incoming = _read(session, ctx, row, readers, now)
    became = None
    if incoming.standing not in ("unreadable", "unroutable"):
        became = _taken(session, ctx, caller, row, incoming, now)
        quarantine.settle_lookups(session, id_)
        _end_tasks(session, ctx, id_, now)
    faults = [Fault(one.path, one.reason) for one in incoming.problems if one.severity == "error"]
    quarantine.read_again(session, id_, standing=incoming.standing, faults=faults, became=became, now=now)
    audit.record(
        session,
        action="retry",
        entity=ENTITY,
        entity_id=id_,
        now=now,
        caller=caller,
        detail={"standing": incoming.standing},
    )
    session.flush()
    after = quarantine.find(session, ctx.codec, id_)
    assert after is not None  # it was there a moment ago, and nothing refused is removed
    return after


def _read(session: Session, ctx: Context, row: Notification, readers: Readers, now: datetime) -> Incoming:
    """What is made of the bytes today. The headers that they came with were not kept: no adapter may need them."""
    raw = notifications.raw_of(ctx.codec, row)
    if row.via == "fhir":
        return intake.read_fhir(raw, row.content_type, readers.limits, now)
    behind = quarantine.lookup_behind(session, ctx.codec, row.id)
    kind, _, client = readers.ways.get(row.via, row.via).partition("/")
    adapter = readers.adapters.get(kind)
    if adapter is None or (client and behind is None):
        raise Conflict("Nothing here reads what came this way any more.")
    if behind is None:
        return intake.read_native(adapter, raw, row.content_type, {}, now)
    about, asking = notifications.get(session, behind[0]), behind[1]
    event = notifications.raw_of(ctx.codec, about)
    lookup = Lookup(client=asking.client, subject=asking.subject, reference=asking.reference)
    return intake.read_record(adapter, event, about.content_type, lookup, Record(raw, row.content_type), now)


def _taken(
    session: Session, ctx: Context, caller: Caller | None, row: Notification, incoming: Incoming, now: datetime
) -> str:
    """The id of the notification that it became, or of the one that its sender has sent in its place meanwhile."""
    sender = ctx.directory.teams[row.sender_team_id]
    by = caller or Caller(client=OPERATOR, team=None)
    as_sender = replace(by, team=sender.id, agency=sender.agency_id)
    key = incoming.messages[0].id if incoming.messages else incoming.key or ""
    if notifications.answered(session, sender.id, key) is None:
        receive.receive(session, ctx, incoming, as_sender, now)
    taken = notifications.answered(session, sender.id, key)
    assert taken is not None  # what is received is answered under its key
    return taken.id


def _end_tasks(session: Session, ctx: Context, id_: str, now: datetime) -> None:
    """Nobody need send it again: whoever was asked to is told so."""
    for task in tasks.about(session, ctx.codec, id_, [TaskCode.DATA_QUALITY]):
        if task.row.status in TERMINAL:
            continue
        what = tasks.Change(
            move="read-again",
            content=Content(**{**task.content, "meaning": READ}),
            columns={"status": TaskStatus.COMPLETED, "business_status": None},
            detail={},
        )
        version = tasks.change(session, ctx.codec, task, what, now)
        outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)


READ = "What was sent has been read again and taken: it need not be sent once more."
