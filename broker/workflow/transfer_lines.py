"""What follows when a line of a transfer is answered: who is responsible, who is involved, and what the whole has come to."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import uuid4

from sqlmodel import Session

from broker.domain import transfers as rules
from broker.domain.households import conclude
from broker.domain.involvements import hand_over, let_go
from broker.domain.responsibility import held_as
from broker.domain.states import Purpose, View
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.transfers import Part
from broker.errors import Conflict
from broker.storage import deliveries, notifications, people, tasks
from broker.storage import responsibility as ledger
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import EVERYTHING, Content, Counted, Stored
from broker.storage.tasks import Change, Value
from broker.workflow import closing, outcomes, responsibility, settle, undeliverable
from broker.workflow.context import Context
from broker.workflow.gates import gates
from schemas.codes import ResponseReason, TaskCode, TaskStatus


def may_confirm(session: Session, ctx: Context, line: Stored) -> None:
    """Conflict when a third team has become responsible: whoever confirms first takes over, and nobody takes it from them."""
    function = held_as(ctx.directory.teams[line.row.owner_team_id].function)
    person = people.survivors(session, [line.row.person_id or ""]).get(line.row.person_id or "")
    if function is None or person is None:
        return
    held = ledger.holders(session, [person]).get((person, function))
    if held is not None and held.team_id not in (None, line.row.owner_team_id, line.row.requester_team_id):
        raise Conflict("Another team is responsible for this person by now; exclude them, or register them yourself.")


def confirmed(session: Session, ctx: Context, line: Stored, now: datetime) -> set[str]:
    """The receiver has taken this person on: it is responsible and involved, the sender no longer; ids of the households that changed."""
    row = line.row
    assert row.person_id is not None
    assert row.requester_team_id is not None
    responsibility.confirmed(
        session,
        ctx,
        person_id=row.person_id,
        sender_team=row.requester_team_id,
        receiver_team=row.owner_team_id,
        task_id=row.id,
        notification_id=None,  # the professional's word made it so, and the sender cannot take that back with the message
        now=now,
    )
    person = people.survivors(session, [row.person_id]).get(row.person_id, row.person_id)
    world = people.load_world(session, ctx.codec, [person])
    draft = settle.draft(ctx, world, row.owner_team_id, now)
    hand_over(draft, person, ctx.directory.teams[row.requester_team_id], ctx.directory.teams[row.owner_team_id])
    changes = conclude(draft).changes
    return people.apply(
        session,
        ctx.codec,
        changes,
        notification_id=None,  # nor this
        sender_id=row.owner_team_id,
        now=now,
    )


def discharged(session: Session, ctx: Context, whole: Stored, covered: Collection[str], now: datetime) -> set[str]:
    """The transfer is complete: the sender's work with the adults whom it was about is done too; ids of the households that changed."""
    sender = whole.row.requester_team_id
    if whole.row.notification_id is None or sender is None:
        return set()
    message = notifications.message_of(ctx.codec, session.get_one(Notification, whole.row.notification_id))
    alive = people.survivors(session, list(message.subjects))
    others = sorted(set(alive.values()) - set(people.survivors(session, list(covered)).values()))
    if not others:
        return set()
    responsibility.discharged(session, ctx, others, sender, whole.row.id, now)
    draft = settle.draft(ctx, people.load_world(session, ctx.codec, others), sender, now)
    for person in others:
        let_go(draft, person, ctx.directory.teams[sender])
    changes = conclude(draft).changes
    return people.apply(
        session, ctx.codec, changes, notification_id=whole.row.notification_id, sender_id=sender, now=now
    )


# --- the whole -------------------------------------------------------------------------------------------------------


def counted(session: Session, ctx: Context, whole_id: str, now: datetime) -> set[str]:
    """Bring a transfer to what its lines have come to; ids of the households that changed when it is complete by that."""
    complete = whole_again(session, ctx, whole_id, now)
    if complete is None:
        return set()
    lines = tasks.parts_of(session, ctx.codec, whole_id, TaskCode.CONFIRM_CHILD)
    return discharged(session, ctx, complete, [line.row.person_id for line in lines if line.row.person_id], now)


def whole_again(
    session: Session, ctx: Context, whole_id: str, now: datetime, *, move: str = "counted"
) -> Stored | None:
    """Bring a transfer to what its lines have come to; the transfer when it is complete by that, else None."""
    whole = tasks.get(session, ctx.codec, whole_id, EVERYTHING)
    assert whole is not None
    lines = tasks.parts_of(session, ctx.codec, whole_id, TaskCode.CONFIRM_CHILD)
    columns, content = _as_it_stands(session, ctx, whole, lines, now)
    if not columns and content == whole.content:
        return None
    what = Change(move=move, content=content, columns=columns, detail={"lines": dict(content["lines"])})
    version = tasks.change(session, ctx.codec, whole, what, now)
    status = columns.get("status")
    if status is not None:
        undeliverable.answered(session, ctx, whole, now)
    if status in TERMINAL:
        outcomes.tell(session, ctx, whole, whole.requester, version, now)
        closing.over(session, ctx, whole, now)
        if status is not TaskStatus.COMPLETED:
            supply_no_more(session, ctx, whole_id, now)
    return whole if status is TaskStatus.COMPLETED else None


def _as_it_stands(
    session: Session, ctx: Context, whole: Stored, lines: Collection[Stored], now: datetime
) -> tuple[dict[str, Value], Content]:
    """The columns of the whole that differ, and its content with the lines counted."""
    parts = [part(line) for line in newest(lines).values()]
    counted = Counted(of=len(parts), confirmed=sum(part.status is TaskStatus.COMPLETED for part in parts))
    content = Content(**{**whole.content, "lines": counted})
    status, business = TaskStatus(whole.row.status), whole.now().business_status
    found = rules.whole(parts, undecided=gates(session, ctx.codec, whole.row.notification_id or "").undecided)
    if status in TERMINAL:
        partly = 0 < counted["confirmed"] < counted["of"]
        found = status, BusinessStatus.PARTLY_CONFIRMED if partly else business
    elif found is None:
        found = status, business
    columns: dict[str, Value] = {"status": found[0], "business_status": found[1]} if found != (status, business) else {}
    if found[0] in (TaskStatus.COMPLETED, TaskStatus.REJECTED) and status not in TERMINAL:
        columns["answered_at"] = now
    if found[0] is TaskStatus.REJECTED and status is not TaskStatus.REJECTED:
        columns["reason_code"] = _why_declined(lines)
    if found[0] not in TERMINAL:
        climbs = None if rules.in_hand(parts) else whole.row.climbs_at or tasks.next_look(whole.row, now)
        columns |= {"climbs_at": climbs} if climbs != whole.row.climbs_at else {}
    return columns, content


def newest(lines: Collection[Stored]) -> dict[str, Stored]:
    """The line that counts for each person, of lines in the order in which they were raised: one that is open, else the last that was answered."""
    by_weight = sorted(lines, key=lambda line: (line.row.status not in TERMINAL, not rules.ended_by_itself(part(line))))
    return {line.row.person_id: line for line in by_weight if line.row.person_id}


def part(line: Stored) -> Part:
    """A line as the rules see it."""
    return Part(TaskStatus(line.row.status), line.now().business_status)


def _why_declined(lines: Collection[Stored]) -> ResponseReason:
    """The first reason of a decline; each line keeps its own."""
    declined = [line.row.reason_code for line in lines if line.row.status == TaskStatus.REJECTED]
    return ResponseReason(declined[0] or ResponseReason.REJECTED)


def end_lines(
    session: Session,
    ctx: Context,
    whole_id: str,
    now: datetime,
    *,
    move: str,
    status: TaskStatus,
    business: BusinessStatus | None,
    reason: ResponseReason | None = None,
) -> None:
    """End every open line in one way, with what was still to be supplied of it."""
    for line in tasks.parts_of(session, ctx.codec, whole_id, TaskCode.CONFIRM_CHILD):
        if line.row.status not in TERMINAL:
            end_line(session, ctx, line, now, move=move, status=status, business=business, reason=reason)


def end_line(
    session: Session,
    ctx: Context,
    line: Stored,
    now: datetime,
    *,
    move: str,
    status: TaskStatus,
    business: BusinessStatus | None,
    reason: ResponseReason | None = None,
) -> None:
    """End one line by something else than an answer to it."""
    columns: dict[str, Value] = {"status": status, "business_status": business}
    columns |= {"reason_code": reason} if reason else {}
    tasks.change(session, ctx.codec, line, Change(move=move, content=line.content, columns=columns, detail={}), now)
    if status is not TaskStatus.COMPLETED:
        supply_no_more(session, ctx, line.row.id, now)


def ended(session: Session, ctx: Context, whole: Stored, now: datetime) -> None:
    """A transfer has ended as a whole: what was asked for its sake is asked no more, neither of its sender nor of the sender's lead."""
    supply_no_more(session, ctx, whole.row.id, now)
    closing.over(session, ctx, whole, now)
    notification_id = whole.row.notification_id or ""
    others = tasks.about(session, ctx.codec, notification_id, [TaskCode.TRANSFER])
    if all(other.row.id == whole.row.id or other.row.status in TERMINAL for other in others):
        for gate in tasks.about(session, ctx.codec, notification_id, [TaskCode.RELEASE]):
            if "persons" in gate.content.get("options", {}):
                _ask_no_more(session, ctx, gate, now)


def supply_no_more(session: Session, ctx: Context, part_of: str, now: datetime) -> None:
    """Nobody need supply what is no longer wanted."""
    for task in tasks.parts_of(session, ctx.codec, part_of, TaskCode.SUPPLY_INFORMATION):
        _ask_no_more(session, ctx, task, now)


def _ask_no_more(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    if task.row.status in TERMINAL:
        return
    columns: dict[str, Value] = {"status": TaskStatus.CANCELLED, "reason_code": ResponseReason.NOT_NEEDED}
    what = Change(move="no-longer-asked", content=task.content, columns=columns, detail={})
    tasks.change(session, ctx.codec, task, what, now)


# --- what the sender supplies ----------------------------------------------------------------------------------------


def supplied(session: Session, ctx: Context, supply: Stored, now: datetime, *, answered: bool) -> None:
    """The sender has answered what was asked of a line: it says so, and so does what the receiver reads."""
    line = tasks.get(session, ctx.codec, supply.row.part_of or "", EVERYTHING)
    if line is None or line.row.code != TaskCode.CONFIRM_CHILD or line.row.status in TERMINAL:
        return
    columns: dict[str, Value] = {}
    if answered and line.row.business_status == BusinessStatus.NOTHING_SUPPLIED:
        columns["business_status"] = BusinessStatus.SUPPLIED
    options = {**line.content.get("options", {}), "supplied": "by-answer" if answered else "declined"}
    what = Change(
        move="supplied" if answered else "not-supplied",
        content=Content(**{**line.content, "options": options}),
        columns=columns,
        detail={"supply": supply.row.id},
        team_id=supply.row.owner_team_id,
    )
    tasks.change(session, ctx.codec, line, what, now)


# --- telling the receiver --------------------------------------------------------------------------------------------


def message_to_receiver(session: Session, ctx: Context, whole: Stored, now: datetime) -> str:
    """The transfer as it stands now, for its receiver; id of the delivery, which belongs to the whole's next version."""
    carrier = session.get_one(Delivery, whole.row.delivery_id)
    row: Mapping[str, object] = tasks.message_row(
        notification_id=carrier.notification_id,
        team_id=whole.row.owner_team_id,
        cause=f"transfer:{whole.row.id}:{whole.row.version + 1}",
        purpose=Purpose.ACTION,
        view=View(carrier.view),
        reason_code=carrier.reason_code,
        reason="A transfer to your team has changed.",
        policy_version=ctx.policy.version,
        now=now,
    )
    made = {**row, "id": str(uuid4()), "known_to_sender": carrier.known_to_sender}
    deliveries.insert(session, [made])
    return str(made["id"])
