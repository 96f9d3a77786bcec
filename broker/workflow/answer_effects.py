"""What follows from a move: tasks for what was agreed or asked, the waiting task that goes on, the whole that is done."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from broker.domain import tasks as rules
from broker.domain.answers import AgreedAction, Move, MoveRequest, ReleaseDecision
from broker.domain.caller import Caller
from broker.domain.states import View
from broker.domain.tasks import SHOWS_PATIENT, SHOWS_REQUESTER, BusinessStatus, Moved
from broker.domain.wanted import TaskWanted
from broker.errors import Conflict
from broker.storage import people, tasks
from broker.storage.patterns import TALKS
from broker.storage.task_values import EVERYTHING, HELD_BY, Content, Question, Stored
from broker.storage.tasks import Change, Value
from broker.storage.world import load_world
from broker.workflow import (
    expect,
    hand_back,
    not_named,
    outcomes,
    patterns,
    progress,
    raising,
    release,
    route,
    settle,
    task_record,
    transfer_lines,
    transfer_review,
)
from broker.workflow.context import Context
from schemas.codes import Function, ResponseReason, TaskCode, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One move that the rules allow, and all that its effects need."""

    session: Session
    ctx: Context
    caller: Caller
    team: str
    task: Stored
    request: MoveRequest
    moved: Moved
    now: datetime

    @property
    def code(self) -> TaskCode:
        """Kind of the task that moves."""
        return TaskCode(self.task.row.code)


def raise_parts(step: Step) -> Content:
    """The tasks that the answer itself makes, before it is written; what the answer's content says of them."""
    if step.request.move is Move.ACCEPT and step.request.actions:
        wanted = [_agreed(step, index, action) for index, action in enumerate(step.request.actions)]
        made = _raise(step, wanted)
        hand_back.given_now(step.session, step.ctx, step.team, made, step.now)
        return Content(actions=made)
    if step.request.move is Move.ASK:
        [task_id] = _raise(step, [_question(step)])
        by = task_record.who(step.request, step.moved.kind, step.now)
        asked = Question(task=task_id, text=step.request.text or "", by=by)
        return Content(questions=[*step.task.content.get("questions", ()), asked])
    return Content()


def follow(step: Step) -> None:
    """What the move does to other tasks, once it is written."""
    _follow(step)
    if step.code is TaskCode.AGREED_ACTION and step.task.row.part_of and step.request.move in progress.MOVES:
        progress.made(step.session, step.ctx, step.task.row.part_of, step.now)


def _follow(step: Step) -> None:
    if step.code is TaskCode.EXPECTED_EVENT:
        expect.answered(step.session, step.task.row.id, step.moved, step.now)
    elif step.request.move is Move.COMPLETE and step.code in settle.SETTLED_HERE:
        _settle(step)
    elif step.request.move is Move.COMPLETE and step.request.decision is not None and step.code is TaskCode.RELEASE:
        _release(step, step.request.decision)
    elif step.request.move is Move.COMPLETE and step.code in TALKS:
        patterns.answered(step.session, step.ctx, step.task, step.now)
    elif step.request.move is Move.REASSIGN:
        patterns.handed_on(step.session, step.ctx, step.task, step.moved.owner, step.now)
    elif step.moved.status in rules.TERMINAL and step.task.row.part_of is not None:
        if step.code is TaskCode.SUPPLY_INFORMATION:
            _go_on(step, step.task.row.part_of)
        elif step.code is TaskCode.AGREED_ACTION:
            _finish(step, step.task.row.part_of)
    elif step.request.move in (Move.ACCEPT, Move.DECLINE, Move.COMPLETE) and step.task.now().asking:
        ask_no_more(step)


def _release(step: Step, decision: ReleaseDecision) -> None:
    """What was held back goes; of children whom a transfer may name now, the receiver is told what was said before as well."""
    about = step.task.row.notification_id or ""
    release.release(step.session, step.ctx, step.task, decision, step.now)
    if (gate := tasks.get(step.session, step.ctx.codec, step.task.row.id, EVERYTHING)) is not None:
        not_named.agreed(step.session, step.ctx, gate, step.now)
    patterns.released(step.session, step.ctx, about, step.now)
    transfer_review.decided(step.session, step.ctx, about, step.now)
    children = step.task.content.get("options", {}).get("persons", ())
    if children and decision.functions:
        world = load_world(step.session, step.ctx.codec, children)
        homes = {home for child in children for home in world.households_of(child)}
        route.again(step.session, step.ctx, homes, step.now)


def _settle(step: Step) -> None:
    """Carry out what was chosen; what still describes the households that changed is routed again (F2)."""
    changed = settle.decide(
        step.session,
        step.ctx,
        code=step.code,
        options=step.task.content.get("options", {}),
        choice=step.request.choice or "",
        team_id=step.team,
        person_id=step.task.row.person_id,
        notification_id=step.task.row.notification_id,
        now=step.now,
    )
    route.again(step.session, step.ctx, changed, step.now)
    patterns.changed(step.session, step.ctx, changed, step.now)
    transfer_review.review(step.session, step.ctx, people.members(step.session, changed), step.now)


def _raise(step: Step, wanted: list[TaskWanted]) -> list[str]:
    return raising.raise_tasks(step.session, step.ctx, wanted, step.now)


def _agreed(step: Step, index: int, action: AgreedAction) -> TaskWanted:
    """A task of the team that agreed to it (F14), carried by what carried the task that was answered."""
    row = step.task.row
    return TaskWanted(
        code=TaskCode.AGREED_ACTION,
        owner=step.team,
        requester=row.requester_team_id,
        description=action.action or "",
        dedupe_key=f"agreed-action:{row.id}:{index}",
        person_id=row.person_id,
        household_id=row.household_id,
        notification_id=row.notification_id,
        delivery_id=row.delivery_id,
        part_of=row.id,
        priority=row.priority,
        due_at=action.due_at,
        cites="F14, F15",
        options={HELD_BY: _held_by(action)} if action.owner else {},
    )


def _held_by(action: AgreedAction) -> str:
    named = (action.owner.name, action.owner.role) if action.owner else ()
    return ", ".join(part for part in named if part)


def _question(step: Step) -> TaskWanted:
    row, owner = step.task.row, _who_answers(step)
    within = step.ctx.policy.deadlines[row.priority]
    return TaskWanted(
        code=TaskCode.SUPPLY_INFORMATION,
        owner=owner,
        requester=step.team,
        description="A question back: the team that asks cannot answer before it has this.",
        dedupe_key=f"question:{row.id}:{row.version}",
        person_id=row.person_id if _shows(step, SHOWS_PATIENT) else None,
        household_id=row.household_id,
        notification_id=row.notification_id,
        part_of=row.id,
        priority=row.priority,
        due_at=within.after(step.now, step.ctx.directory.teams[owner].calendar),
        cites="F25",
        options={"question": step.request.text or ""},
    )


def _shows(step: Step, views: frozenset[View]) -> bool:
    """Whether what the team was told shows it what these views do: a question back must tell it no more."""
    return step.task.view is None or step.task.view in views


def _who_answers(step: Step) -> str:
    """The team that waits. Where one of the two may not know of the other: the safeguarding lead of the asking team's agency, or the partnership."""
    if step.task.requester is not None and _shows(step, SHOWS_REQUESTER):
        return step.task.requester
    directory, team = step.ctx.directory, step.ctx.directory.teams[step.team]
    instead = (directory.safeguarding_lead(team.agency_id), directory.provider(team.area_id, Function.PARTNERSHIP))
    for other in instead:
        if other is not None and other.id != step.team:
            return other.id
    possible = rules.allowed(step.task.now(), step.team) - {Move.ASK}
    raise Conflict(
        "You and the sender may not know of each other, and your agency has no safeguarding lead here who could ask for you.",
        allowed=[move.value for move in Move if move in possible],
    )


def _go_on(step: Step, waiting_id: str) -> None:
    """The answer to a question, or that there is none, goes to the task that waits for it, which is its team's again."""
    waiting = tasks.get(step.session, step.ctx.codec, waiting_id, EVERYTHING)
    if waiting is None:
        return
    if all(question["task"] != step.task.row.id for question in waiting.content.get("questions", ())):
        complete = step.moved.status is TaskStatus.COMPLETED
        transfer_lines.supplied(step.session, step.ctx, step.task, step.now, answered=complete)
        return
    if waiting.row.status != TaskStatus.ON_HOLD:
        return
    answered = _answered(step, waiting.content.get("questions", []))
    what = Change(
        move="question-answered",
        content=Content(**{**waiting.content, "questions": answered}),
        columns=_goes_on(waiting),
        detail={"question": step.task.row.id, "answered": step.moved.status.value},
        team_id=step.team,
        client_name=step.caller.client,
    )
    tasks.change(step.session, step.ctx.codec, waiting, what, step.now)


def _goes_on(waiting: Stored) -> dict[str, Value]:
    """What is looked after until a review date goes on being so."""
    if "caretaking" in waiting.content:
        return {"status": TaskStatus.ON_HOLD, "business_status": BusinessStatus.CARETAKING}
    return {"status": TaskStatus.RECEIVED, "business_status": BusinessStatus.QUESTION_ANSWERED}


def _answered(step: Step, questions: list[Question]) -> list[Question]:
    return [_with_answer(step, q) if q["task"] == step.task.row.id else q for q in questions]


def _with_answer(step: Step, question: Question) -> Question:
    by = task_record.who(step.request, step.moved.kind, step.now)
    if step.moved.status is TaskStatus.COMPLETED:
        return Question(**{**question, "answer": step.request.text or "", "answered_by": by})
    reason = step.moved.reason or ResponseReason.NOT_NEEDED
    return Question(**{**question, "declined": reason.value, "answered_by": by})


def _finish(step: Step, whole_id: str) -> None:
    """The acknowledged task is done when the last of what was agreed has ended."""
    whole = tasks.get(step.session, step.ctx.codec, whole_id, EVERYTHING)
    statuses = tasks.parts(step.session, whole_id, TaskCode.AGREED_ACTION).values()
    status, business = rules.after_actions(statuses)
    if whole is None or whole.row.status != TaskStatus.ACCEPTED or status is TaskStatus.ACCEPTED:
        return
    columns = {"status": status, "business_status": business}
    what = Change(move="actions-ended", content=whole.content, columns=columns, detail={"last": step.task.row.id})
    version = tasks.change(step.session, step.ctx.codec, whole, what, step.now)
    outcomes.tell(step.session, step.ctx, whole, whole.requester, version, step.now)


def ask_no_more(step: Step) -> None:
    """The team answered without waiting: nobody need answer its question any more."""
    question_id = step.task.content["questions"][-1]["task"]
    question = tasks.get(step.session, step.ctx.codec, question_id, EVERYTHING)
    if question is None or question.row.status in rules.TERMINAL:
        return
    columns = {"status": TaskStatus.CANCELLED, "reason_code": ResponseReason.NOT_NEEDED}
    what = Change(move="no-longer-asked", content=question.content, columns=columns, detail={}, team_id=step.team)
    version = tasks.change(step.session, step.ctx.codec, question, what, step.now)
    outcomes.tell(step.session, step.ctx, question, question.row.owner_team_id, version, step.now)
