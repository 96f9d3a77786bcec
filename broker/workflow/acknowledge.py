"""Answer a task: each move in one transaction, with everything it causes; which move is possible is decided in `domain.tasks`."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from broker.domain import tasks as rules
from broker.domain.answers import Move, MoveRequest
from broker.domain.caller import Caller
from broker.domain.tasks import BusinessStatus, Moved, Mover, NotAllowed, OutOfDate, Repeated, Wanting
from broker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from broker.storage import audit, task_search, tasks
from broker.storage.codec import Codec
from broker.storage.keyset import Position
from broker.storage.task_search import TaskQuery
from broker.storage.task_values import EVERYTHING, Content, Scope, Stored
from broker.storage.tasks import Change, Value
from broker.workflow import (
    answer_effects,
    escalate,
    outcomes,
    progress,
    reassign,
    task_record,
    task_wire,
    transfer_answers,
    transfer_lines,
    undeliverable,
)
from broker.workflow.answer_effects import Step
from broker.workflow.context import Context
from schemas.codes import TaskCode, TaskStatus

WITHDRAWN_WITH = (
    TaskCode.ACKNOWLEDGE,
    TaskCode.SUPPLY_INFORMATION,
    TaskCode.DATA_QUALITY,
    TaskCode.CONFIRM_HOUSEHOLD,
    TaskCode.RELEASE,
    TaskCode.UNDELIVERABLE,
    TaskCode.TRANSFER,
    TaskCode.CONFIRM_CHILD,
)
"""Tasks that end when their notification is withdrawn. What a team agreed to stays its own; who somebody is, where they live
and who works with them stay questions; and no reporter ends a discussion with the safeguarding lead alone (F17)."""


def scope_of(caller: Caller) -> Scope:
    """What a caller may see: its team's tasks and those it waits for; with the audit scope, all."""
    return Scope(team=caller.team, everything=caller.may("baton/audit"))


def read(
    session: Session,
    ctx: Context,
    caller: Caller,
    task_id: str,
    now: datetime,
    *,
    expected_version: int | None = None,
) -> Stored:
    """One task, and an audit row that it was read. NotFound when there is none for this caller; Stale at another version."""
    task = tasks.get(session, ctx.codec, task_id, scope_of(caller))
    if task is None:
        raise NotFound
    if expected_version not in (None, task.row.version):
        raise Stale(_what_happened(session, ctx, task, caller))
    detail = {audit.PATIENTS: task_wire.patients_of([task], scope_of(caller))}
    audit.record(session, action="read", entity="task", entity_id=task_id, now=now, caller=caller, detail=detail)
    return task


def search(
    session: Session, ctx: Context, caller: Caller, query: TaskQuery, now: datetime
) -> tuple[list[Stored], Position | None]:
    """One page of what this caller may see, and an audit row with the ids it got."""
    found, last = task_search.search(session, ctx.codec, query, scope_of(caller))
    note_found(session, caller, found, now)
    return found, last


def note_found(session: Session, caller: Caller, found: Sequence[Stored], now: datetime) -> None:
    """An audit row with the ids that a search came to."""
    patients = task_wire.patients_of(found, scope_of(caller))
    detail = {"found": [task.row.id for task in found], audit.PATIENTS: patients}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)


def count(session: Session, caller: Caller, query: TaskQuery, now: datetime) -> int:
    """How many there are for this caller."""
    total = task_search.count(session, query, scope_of(caller))
    detail = {"count": total, audit.PATIENTS: []}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)
    return total


def answer(session: Session, ctx: Context, caller: Caller, task_id: str, request: MoveRequest, now: datetime) -> Stored:
    """Move a task and do what follows from it; the task as it is then.

    NotFound when it is not for this caller; Stale when it was moved since the version the caller names; Conflict with
    the moves that are possible; Invalid with what is missing. The same request again gives the same answer.
    """
    team = caller.team
    if team is None:
        raise Forbidden("This client is bound to no team, so it answers for none.")
    task = _held(session, ctx.codec, task_id, Scope(team=team))
    request = replace(request, practitioner=request.practitioner or caller.practitioner)
    aim, request = _aim(session, ctx, caller, task, request)
    verdict = rules.move(aim.now(), request, mover(ctx, team), now)
    moved = _moved(session, ctx, caller, aim, verdict)
    if moved is not None:
        _carry_out(
            Step(session=session, ctx=ctx, caller=caller, team=team, task=aim, request=request, moved=moved, now=now)
        )
    return _held(session, ctx.codec, task_id, EVERYTHING)


def consider(session: Session, ctx: Context, caller: Caller, task_id: str, request: MoveRequest, now: datetime) -> None:
    """Raise what `answer` would raise, and change nothing: for a page on which somebody checks what they are about to send."""
    task = tasks.get(session, ctx.codec, task_id, Scope(team=caller.team))
    if task is None or caller.team is None:
        raise NotFound
    asked = replace(request, practitioner=request.practitioner or caller.practitioner)
    verdict = rules.move(task.now(), asked, mover(ctx, caller.team), now)
    moved = _moved(session, ctx, caller, task, verdict)
    if moved is not None and task.row.code == TaskCode.CONFIRM_CHILD and request.move is Move.ACCEPT:
        transfer_lines.may_confirm(session, ctx, task)


def _moved(session: Session, ctx: Context, caller: Caller, task: Stored, verdict: rules.Verdict) -> Moved | None:
    """The move that the rules allow; None for one that was made before. Every other verdict is an error."""
    match verdict:
        case Moved():
            return verdict
        case Repeated():
            return None
        case OutOfDate():
            raise Stale(_what_happened(session, ctx, task, caller))
        case NotAllowed():
            raise Conflict(verdict.why, allowed=[move.value for move in verdict.allowed])
        case Wanting():
            raise Invalid(problems=verdict.problems)


def allowed(task: Stored, caller: Caller) -> list[str]:
    """The moves that are open to this caller's team, whatever the role."""
    possible = rules.allowed(task.now(), caller.team or "")
    return [move.value for move in Move if move in possible]


def offered(ctx: Context, task: Stored, caller: Caller) -> frozenset[Move]:
    """The moves that are open to the person who calls, in their role; none for a role that the policy does not list."""
    role = caller.practitioner.role if caller.practitioner else None
    kind = ctx.policy.roles.get(role or "")
    return (
        frozenset() if kind is None or caller.team is None else rules.offered(task.now(), mover(ctx, caller.team), kind)
    )


def mark_delivered(session: Session, codec: Codec, delivery_ids: Collection[str], now: datetime) -> set[str]:
    """The teams' systems have said that they have what these deliveries bring: their tasks are received. Raced when one moved meanwhile.

    Returns those of which somebody had been told that they were not delivered in time.
    """
    arrived = []
    for delivery_id, task in tasks.carried_by(session, codec, tasks.carriers(session, delivery_ids)):
        if task.row.delivered_at is None:
            columns: dict[str, Value] = {"status": rules.delivered(TaskStatus(task.row.status)), "delivered_at": now}
            what = Change(move="delivered", content=task.content, columns=columns, detail={"delivery": delivery_id})
            arrived.append((task, what))
    tasks.mark_delivered(session, codec, arrived, now)
    return {what.detail["delivery"] for task, what in arrived if task.row.undelivered_at is not None}


def cancel_for_notification(session: Session, ctx: Context, notification_id: str, now: datetime) -> list[str]:
    """End the open tasks of a withdrawn notification; ids of those that ended. What was accepted or declined stays so.

    Whoever was told of the notification is told of the withdrawal by a message of its own; the others by the outcome.
    """
    ended = []
    for task in tasks.about(session, ctx.codec, notification_id, WITHDRAWN_WITH):
        status = TaskStatus(task.row.status)
        if status in rules.TERMINAL or status is TaskStatus.ACCEPTED:
            continue
        columns = {"status": TaskStatus.CANCELLED, "business_status": BusinessStatus.WITHDRAWN}
        what = Change(move="withdrawn", content=task.content, columns=columns, detail={})
        version = tasks.change(session, ctx.codec, task, what, now)
        if task.row.delivery_id is None:
            outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)
        ended.append(task.row.id)
    return ended


def mover(ctx: Context, team_id: str) -> Mover:
    """A team as the rules of moving see it."""
    team = ctx.directory.teams[team_id]
    siblings = [other for other in ctx.directory.teams.values() if other.agency_id == team.agency_id]
    leads = team.executive or team == ctx.directory.safeguarding_lead(team.agency_id)
    return Mover(
        team=team_id,
        function=team.function,
        agency_teams=frozenset(other.id for other in siblings if not other.closed),
        roles=ctx.policy.roles,
        caretaking_at_most=ctx.policy.transfers.caretaking_at_most,
        leads=frozenset(other.id for other in siblings if leads),
    )


def _held(session: Session, codec: Codec, task_id: str, scope: Scope) -> Stored:
    """The task, its whole locked first: of two who end the last two actions at once, the second must see the first."""
    task = tasks.get(session, codec, task_id, scope)
    if task is None:
        raise NotFound
    tasks.lock(session, task.row.part_of or task_id)
    again = tasks.get(session, codec, task_id, scope)
    if again is None:
        raise NotFound
    return again


def _aim(
    session: Session, ctx: Context, caller: Caller, task: Stored, request: MoveRequest
) -> tuple[Stored, MoveRequest]:
    """Whoever was asked may answer on the task that waits: the answer goes to the question's own task."""
    questions = task.content.get("questions", ())
    if request.move is not Move.ANSWER or not questions or caller.team == task.row.owner_team_id:
        return task, request
    if request.expected_version not in (None, task.row.version):
        raise Stale(_what_happened(session, ctx, task, caller))
    question = _held(session, ctx.codec, questions[-1]["task"], Scope(team=caller.team))
    return question, replace(request, expected_version=None)


def _carry_out(step: Step) -> None:
    """Write the move, then what follows from it, and tell whoever is on the other side."""
    session, ctx, task, request, now = step.session, step.ctx, step.task, step.request, step.now
    if step.code is TaskCode.CONFIRM_CHILD and request.move is Move.ACCEPT:
        transfer_lines.may_confirm(session, ctx, task)
    after = task_record.content_after(task.content, step.code, request, step.moved, step.team, now)
    made = answer_effects.raise_parts(step)
    what = Change(
        move=request.move.value,
        content=Content(**{**after, **made}),
        columns=_columns(step),
        detail=task_record.detail(request, step.moved, now),
        team_id=step.team,
        client_name=step.caller.client,
    )
    others = outcomes.others(task, step.team) if request.move in outcomes.TOLD else []
    version = tasks.change(session, ctx.codec, task, what, now)
    answer_effects.follow(step)
    transfer_answers.follow(step)
    for to in others:
        outcomes.tell(session, ctx, task, to, version, now)
    if step.moved.status in rules.TERMINAL or step.moved.status is TaskStatus.ACCEPTED:
        undeliverable.answered(session, ctx, task, now)
    patients = task_wire.patients_of([task], Scope(team=step.team))
    detail = {"move": request.move.value, "version": version, audit.PATIENTS: patients}
    audit.record(
        session, action="answer", entity="task", entity_id=task.row.id, now=now, caller=step.caller, detail=detail
    )


def _columns(step: Step) -> dict[str, Value]:
    """The columns that the move changes besides version and content."""
    moved, row = step.moved, step.task.row
    columns: dict[str, Value] = {"status": moved.status, "business_status": moved.business_status}
    if moved.business_status is BusinessStatus.EXCLUSION_REFUSED:  # no answer of the owner's, and the reason falls
        return {**columns, "reason_code": None}
    if moved.reason is not None:
        columns["reason_code"] = moved.reason
    match moved.move:
        case Move.OPEN:
            columns["opened_at"] = row.opened_at or step.now
        case Move.ACCEPT | Move.DECLINE | Move.ANSWER | Move.COMPLETE:
            columns |= _answered(step)
        case Move.EXTEND | Move.CARETAKE:
            columns |= {"due_at": moved.due_at, "remind_at": _reminds_at(step), **_looked_at(step)}
        case Move.ASK:
            columns |= _looked_at(step)
        case Move.REASSIGN if step.request.holder is not None:
            pass
        case Move.REASSIGN:  # the new team has neither got nor opened it
            columns |= {"owner_team_id": moved.owner, "delivered_at": None, "opened_at": None, **_begins_anew(step)}
            columns["delivery_id"] = reassign.hand_over(step)
        case Move.CANCEL | Move.NOTE | Move.EXCLUDE:
            pass
    return columns


def _answered(step: Step) -> dict[str, Value]:
    """When it was answered, and of what was agreed by when it must get on. Whoever ends it in the team's place answers nothing."""
    if step.moved.business_status is BusinessStatus.CLOSED_BY_LEAD:
        return {}
    if step.moved.status is not TaskStatus.ACCEPTED:
        return {"answered_at": step.now}
    dates = [action.due_at for action in step.request.actions if action.due_at is not None]
    return {"answered_at": step.now, "progress_by": progress.lapses_at(step.ctx, step.task, dates, step.now)}


def _looked_at(step: Step) -> dict[str, Value]:
    """Who asks back or takes more time has opened it, whether or not the system said so."""
    return {"opened_at": step.task.row.opened_at or step.now} if step.team == step.task.row.owner_team_id else {}


def _reminds_at(step: Step) -> datetime | None:
    """Of another date another reminder."""
    calendar = step.ctx.directory.teams[step.moved.owner].calendar
    return escalate.clocks_of(step.ctx, step.task).reminds_at(step.now, step.moved.due_at, calendar)


def _begins_anew(step: Step) -> dict[str, Value]:
    """The clocks of delivery and opening begin anew for the team that gets it; an agreed action has none."""
    if step.code is TaskCode.AGREED_ACTION:
        return {}
    row, calendar = step.task.row, step.ctx.directory.teams[step.moved.owner].calendar
    kept = escalate.clocks_of(step.ctx, step.task)
    delivery, opening = kept.delivered_by(step.now, row.due_at, calendar), kept.opens_by(step.now, row.due_at, calendar)
    return {"deliver_by": delivery, "undelivered_at": None, "open_by": opening}


def _what_happened(session: Session, ctx: Context, task: Stored, caller: Caller) -> str:
    """For the loser of a race: what the task is now and who made it so; the other side is not named."""
    last = tasks.events(session, ctx.codec, task.row.id)[-1]
    who = {None: "Baton", caller.team: "your team"}.get(last.team_id, "the other team")
    return f"It was changed since it was read: {who} made it {task.row.status} ({last.move}); it is now version {task.row.version}."
