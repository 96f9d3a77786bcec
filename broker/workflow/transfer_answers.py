"""What an answer to a transfer or to one of its lines does besides: who is responsible, the other lines, the whole."""

from broker.domain.answers import Move
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.storage import people, tasks
from broker.storage.task_values import EVERYTHING, Stored
from broker.storage.tasks import Change
from broker.workflow import route, transfer_lines, transfer_review
from broker.workflow.answer_effects import Step, ask_no_more
from schemas.codes import ResponseReason, TaskCode, TaskStatus


def follow(step: Step) -> None:
    """Carry on from the move, once it is written."""
    if step.code is TaskCode.CONFIRM_CHILD:
        _of_line(step)
    elif step.code is TaskCode.TRANSFER:
        _of_whole(step)


def _of_line(step: Step) -> None:
    session, ctx, line, now = step.session, step.ctx, step.task, step.now
    move = step.request.move
    if move not in (Move.ACCEPT, Move.DECLINE, Move.CARETAKE, Move.EXCLUDE):
        return
    if line.now().asking and step.moved.status is not TaskStatus.RECEIVED:
        ask_no_more(step)
    if step.moved.business_status is BusinessStatus.EXCLUDED or step.moved.status is TaskStatus.REJECTED:
        transfer_lines.supply_no_more(session, ctx, line.row.id, now)
    changed = transfer_lines.confirmed(session, ctx, line, now) if move is Move.ACCEPT else set()
    changed |= transfer_lines.counted(session, ctx, line.row.part_of or "", now)
    if move is Move.ACCEPT:
        _others_learn(step, line, changed)


def _others_learn(step: Step, line: Stored, changed: set[str]) -> None:
    """The new team is told what still stands of the household, and other open transfers of the same person see who holds by now."""
    session, ctx, now = step.session, step.ctx, step.now
    route.again(session, ctx, changed, now)
    person = line.row.person_id or ""
    transfer_review.review(session, ctx, [people.survivors(session, [person]).get(person, person), person], now)


def _of_whole(step: Step) -> None:
    session, ctx, whole, now = step.session, step.ctx, step.task, step.now
    match step.request.move:
        case Move.DECLINE:
            _end_lines(step, "declined", TaskStatus.REJECTED, step.moved.reason)
        case Move.CANCEL:
            _end_lines(step, "cancelled", TaskStatus.CANCELLED, None)
        case Move.REASSIGN:
            _hand_lines_over(step)
            return
        case _:
            return
    transfer_lines.ended(session, ctx, whole, now)
    transfer_lines.whole_again(session, ctx, whole.row.id, now)


def _end_lines(step: Step, move: str, status: TaskStatus, reason: ResponseReason | None) -> None:
    transfer_lines.end_lines(
        step.session, step.ctx, step.task.row.id, step.now, move=move, status=status, business=None, reason=reason
    )


def _hand_lines_over(step: Step) -> None:
    """The whole goes to another team of the agency, and its open lines with it; what the sender is asked, that team waits for."""
    whole = tasks.get(step.session, step.ctx.codec, step.task.row.id, EVERYTHING)
    assert whole is not None
    lines = tasks.parts_of(step.session, step.ctx.codec, whole.row.id, TaskCode.CONFIRM_CHILD)
    for one in (whole, *lines):
        _hand_questions_over(step, one.row.id)
    for line in lines:
        if line.row.status not in TERMINAL:
            columns = {
                "owner_team_id": step.moved.owner,
                "delivery_id": whole.row.delivery_id,
                "delivered_at": None,
                "opened_at": None,
            }
            what = Change(move="reassigned", content=line.content, columns=columns, detail={}, team_id=step.team)
            tasks.change(step.session, step.ctx.codec, line, what, step.now)
    persons = sorted({line.row.person_id for line in lines if line.row.person_id})
    transfer_review.review(step.session, step.ctx, persons, step.now)


def _hand_questions_over(step: Step, part_of: str) -> None:
    for asked in tasks.parts_of(step.session, step.ctx.codec, part_of, TaskCode.SUPPLY_INFORMATION):
        if asked.row.status not in TERMINAL:
            columns = {"requester_team_id": step.moved.owner}
            what = Change(move="reassigned", content=asked.content, columns=columns, detail={}, team_id=step.team)
            tasks.change(step.session, step.ctx.codec, asked, what, step.now)
