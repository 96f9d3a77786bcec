"""What the page of a transfer shows: a line for every person, what was supplied about each, and what is decided; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.domain.answers import Conversation, Move, MoveRequest
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.world import Directory
from broker.web.pages.answers import REASONS
from broker.web.pages.fields import Field, Typed
from broker.web.pages.forms import Form
from broker.web.pages.task_page import Remark, Said, TaskPage, page_of, remarks, said_of
from broker.web.pages.task_words import Tag, standing, tags, who
from broker.workflow.inbox import Item
from broker.workflow.task_view import TaskView
from schemas.codes import Priority, ResponseReason
from schemas.problem import Problem

DECISIONS: Final[dict[Move, str]] = {
    Move.ACCEPT: "Take over: from then on your team is responsible",
    Move.CARETAKE: "Look after until a review: the sender stays responsible",
    Move.ASK: "Ask the sender a question first",
    Move.DECLINE: "Decline",
    Move.EXCLUDE: "Leave out: not part of this transfer",
}
SHORT: Final[dict[Move, str]] = {
    Move.ACCEPT: "Take over",
    Move.CARETAKE: "Look after until a review",
    Move.ASK: "Ask first",
    Move.DECLINE: "Decline",
    Move.EXCLUDE: "Leave out",
}
_FIELD_OF: Final = {"meaning": "words", "note": "words", "question": "words", "review-date": "review"}
"""Paths of a move's parts → the one field that stands for them here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """One person of the transfer."""

    id: str
    name: str
    standing: str
    tags: tuple[Tag, ...]
    nothing_supplied: bool
    missing: tuple[str, ...]
    said: tuple[Said, ...]
    remarks: tuple[Remark, ...]
    closed: bool
    version: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferView:
    """The transfer. `open` are the names of whoever is not settled yet."""

    id: str
    whole: TaskPage
    lines: tuple[LineView, ...]
    shared: tuple[Field, ...]
    """What is asked once for all: of an urgent transfer the conversation."""
    open: tuple[str, ...]
    can_answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What somebody is about to send for one person."""

    line: str
    request: MoveRequest


def view_of(
    seen: TaskView, lines: Sequence[tuple[Item, frozenset[Move]]], directory: Directory, now: datetime
) -> TransferView:
    """The page of a transfer; `lines` with the moves that are open to whoever looks."""
    shown = tuple(_line(item, moves, seen, now) for item, moves in lines)
    urgent = seen.item.task.row.priority is not Priority.ROUTINE
    can_answer = any(line.fields for line in shown)
    return TransferView(
        id=seen.item.task.row.id,
        whole=page_of(seen, directory, now),
        lines=shown,
        shared=_conversation() if urgent and can_answer else (),
        open=tuple(line.name for line in shown if not line.closed),
        can_answer=can_answer,
    )


def _line(item: Item, moves: frozenset[Move], seen: TaskView, now: datetime) -> LineView:
    task = item.task
    closed = task.row.status in TERMINAL
    name = who(item.person, now) or "Somebody whom you may not know by name"
    options = task.content.get("options", {})
    missing = options.get("missing", ())
    return LineView(
        id=task.row.id,
        name=name,
        standing=standing(task),
        tags=tags(task, now),
        nothing_supplied=task.row.business_status == BusinessStatus.NOTHING_SUPPLIED and not closed,
        missing=() if closed else (missing,) if isinstance(missing, str) else tuple(missing),
        said=tuple(said_of(seen.message, task.row.person_id)) if seen.message else (),
        remarks=tuple(remarks(task.content)),
        closed=closed,
        version=task.row.version,
        fields=_fields(task.row.id, name, moves),
    )


def _fields(id_: str, name: str, moves: frozenset[Move]) -> tuple[Field, ...]:
    """What is asked of one person; nothing when whoever looks can decide nothing."""
    offered = tuple((move.value, said) for move, said in DECISIONS.items() if move in moves)
    if not offered:
        return ()
    found = [
        Field(
            kind="radios",
            name=f"{id_}.decision",
            label=f"What do you decide for {name}?",
            options=(*offered, ("", "Nothing yet")),
            values=("",),
        )
    ]
    if moves & {Move.DECLINE, Move.EXCLUDE}:
        reasons = (("", "Choose"), *((code.value, said) for code, said in REASONS.items()))
        found.append(
            Field(kind="select", name=f"{id_}.reason", label="Reason, if you decline or leave out", options=reasons)
        )
    if Move.CARETAKE in moves:
        found.append(Field(kind="date", name=f"{id_}.review", label="Review on, if you look after them until then"))
    found.append(
        Field(kind="textarea", name=f"{id_}.words", label="In your own words: what it means, why, or what you ask")
    )
    return tuple(found)


def _conversation() -> tuple[Field, ...]:
    group = "The conversation you had (this is urgent, so taking over needs one)"
    return (
        Field(kind="text", name="conversation.with", label="With whom did you speak?", group=group),
        Field(kind="datetime", name="conversation.at", label="When?", group=group),
    )


# --- what is decided ------------------------------------------------------------------------------------------------


def decided(form: Form, lines: Sequence[LineView], typed: Typed) -> tuple[Decided, ...]:
    """What a form decides, in the order of the lines; also of one that somebody has settled since, which is then refused."""
    made = ((line.id, _request(form, line.id, typed)) for line in lines)
    return tuple(Decided(line=line, request=request) for line, request in made if request is not None)


def _request(form: Form, line: str, typed: Typed) -> MoveRequest | None:
    decision = form.one(f"{line}.decision")
    if decision not in set(DECISIONS):
        return None
    move = Move(decision)
    words, reason = form.given(f"{line}.words"), form.one(f"{line}.reason")
    version = form.one(f"{line}.version")
    return MoveRequest(
        move=move,
        expected_version=int(version) if version.isdigit() else None,
        meaning=words if move is Move.ACCEPT else None,
        text=None if move is Move.ACCEPT else words,
        reason=ResponseReason(reason)
        if reason in set(ResponseReason) and move in (Move.DECLINE, Move.EXCLUDE)
        else None,
        due_at=typed.day(f"{line}.review", form.one(f"{line}.review")) if move is Move.CARETAKE else None,
        conversation=_spoken(form, typed) if move is Move.ACCEPT else None,
    )


def _spoken(form: Form, typed: Typed) -> Conversation | None:
    with_whom, at = form.given("conversation.with"), form.one("conversation.at")
    if with_whom is None and not at:
        return None
    return Conversation(with_whom=with_whom, at=typed.moment("conversation.at", at))


def located(line: str, problems: Sequence[Problem]) -> list[Problem]:
    """Problems of a move at the fields of its line."""
    found = []
    for problem in problems:
        shared = problem.path.startswith("conversation.")
        path = problem.path if shared else f"{line}.{_FIELD_OF.get(problem.path, problem.path)}"
        found.append(Problem(path, problem.reason, problem.code))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One line of the page on which somebody looks at what they are about to send."""

    name: str
    decision: str
    details: tuple[tuple[str, str], ...]


def checked(form: Form, view: TransferView, made: Sequence[Decided]) -> tuple[tuple[Checked, ...], tuple[str, ...]]:
    """What will be sent, and who stays open after it."""
    by_line: Mapping[str, MoveRequest] = {one.line: one.request for one in made}
    shown = tuple(_check(form, line, by_line[line.id]) for line in view.lines if line.id in by_line)
    settles = {Move.ACCEPT, Move.DECLINE}
    after = tuple(
        line.name
        for line in view.lines
        if not line.closed and (line.id not in by_line or by_line[line.id].move not in settles)
    )
    return shown, after


def _check(form: Form, line: LineView, request: MoveRequest) -> Checked:
    details = []
    if request.reason is not None:
        details.append(("Reason", REASONS[request.reason]))
    if request.due_at is not None:
        details.append(("Review", form.one(f"{line.id}.review")))
    if said := request.meaning or request.text:
        details.append(("In your own words", said))
    return Checked(name=line.name, decision=SHORT[request.move], details=tuple(details))
