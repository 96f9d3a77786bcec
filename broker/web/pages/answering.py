"""The form of a move and its sending. Whoever was quicker is shown beside what was typed, which stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Response
from sqlmodel import Session

from broker.domain.answers import Move
from broker.errors import Conflict, Invalid, NotFound, Stale
from broker.runtime import Runtime
from broker.storage.task_values import Stored
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages.answers import Around, fields_of, request_of
from broker.web.pages.fields import Fault, Field, Typed, errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import live_of, page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.task_page import MOVE_WORDS, TaskPage, move_words, page_of
from broker.web.pages.tasks import seated
from broker.workflow import acknowledge, task_view
from schemas.codes import TaskCode
from schemas.problem import Problem

router = pages()

_EXPLAINED: Final[dict[Move, str]] = {
    Move.ACCEPT: "An acknowledgement says what this means here, or what will be done, by whom and by when. The sender is told at once.",
    Move.DECLINE: "The sender is told at once, with your reason, and has to look at it again.",
    Move.EXTEND: "The sender sees the later date and your reason. The task stays yours.",
    Move.CANCEL: "Whoever was asked is told that you need it no longer.",
}
_IN_ITS_PLACE: Final[dict[Move, str]] = {
    Move.COMPLETE: "Nobody of the team has answered. You close it in its place, with what was discussed; nobody has acknowledged it. The team, and whoever waits for the answer, are told at once with what you write.",
    Move.EXTEND: "The team, and whoever waits for the answer, see the later date and your reason.",
    Move.REASSIGN: "The team that has it now, and whoever waits for the answer, are told. Who takes it over sees what that team saw, and answers in its place.",
}
"""The same for a lead, of what is another team's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """The form of a move."""

    action: str
    back: str
    heading: str
    explained: str
    version: int
    fields: tuple[Field, ...]
    faults: tuple[Fault, ...]
    meanwhile: str
    """What a colleague or the other side did since the form was loaded."""
    possible: bool
    task: TaskPage


@router.get("/tasks/{task_id}/{move}")
def form(task_id: RecordId, move: Move, running: Running, person: SignedInPerson) -> Response:
    """The form, when the move is open to whoever asks."""
    seated(person)
    view = running.store.write(lambda session: _view(session, running, person, task_id, move))
    if not view.possible:
        raise Conflict("This cannot be done with the task (any more), or not in your role.")
    return _page(running, person, view)


@router.post("/tasks/{task_id}/{move}")
def send(task_id: RecordId, move: Move, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """The move; or the form again, with what was typed."""
    seated(person)
    if move not in MOVE_WORDS:
        raise NotFound
    typed = Typed()
    version = int(fields.one("version")) if fields.one("version").isdigit() else None
    asked = request_of(move, fields, typed, team=person.caller.team or "", version=version)
    problems: Sequence[Problem] = [Problem(path, reason, "value") for path, reason in typed.faults.items()]
    meanwhile = ""
    if not problems:
        try:
            moved = running.store.write(
                lambda session: acknowledge.answer(
                    session, running.context(session), person.caller, task_id, asked, running.now()
                )
            )
            return see(f"{_afterwards(person, moved)}?done={move.value}")
        except Invalid as wrong:
            problems = wrong.problems
        except (Stale, Conflict) as late:
            meanwhile = str(late)
    view = running.store.write(
        lambda session: _view(session, running, person, task_id, move, fields, problems, meanwhile)
    )
    return _page(running, person, view, status=409 if meanwhile else 422)


def _afterwards(person: Person, moved: Stored) -> str:
    """Where an answer leads: the transfer of a line, the inbox where the task is theirs no more, else the task."""
    if moved.row.code == TaskCode.CONFIRM_CHILD and moved.row.part_of:
        return f"/app/transfers/{moved.row.part_of}"
    gone = person.caller.team not in {moved.row.owner_team_id, moved.requester}
    return "/app/inbox" if gone and not person.leads else f"/app/tasks/{moved.row.id}"


def _view(
    session: Session,
    running: Runtime,
    person: Person,
    task_id: str,
    move: Move,
    typed: Form | None = None,
    problems: Sequence[Problem] = (),
    meanwhile: str = "",
) -> AnswerView:
    if move not in MOVE_WORDS:
        raise NotFound
    ctx, now, caller = running.context(session), running.now(), person.caller
    task = acknowledge.read(session, ctx, caller, task_id, now)
    seen = task_view.see(session, ctx, caller, task, now, at_home=False)
    siblings = tuple(
        team for team in ctx.directory.teams.values() if team.agency_id == caller.agency and not team.closed
    )
    around = Around(
        colleagues=tuple(task_view.colleagues(session, ctx, caller, now)), teams=siblings, team=caller.team or ""
    )
    blank = fields_of(move, task, around)
    errors, faults = errors_of(problems, blank)
    values = {one.name: typed.every(one.name) for one in blank} if typed else {}
    return AnswerView(
        action=f"/app/tasks/{task_id}/{move.value}",
        back=f"/app/tasks/{task_id}",
        heading=move_words(move, own=seen.own),
        explained=(_EXPLAINED if seen.own else {**_EXPLAINED, **_IN_ITS_PLACE}).get(move, ""),
        version=task.row.version,
        fields=filled(blank, values, errors),
        faults=faults,
        meanwhile=meanwhile,
        possible=move in seen.allowed,
        task=page_of(seen, ctx.directory, now),
    )


def _page(running: Runtime, person: Person, view: AnswerView, status: int = 200) -> Response:
    title = f"{'Error: ' if view.faults else ''}{view.heading}"
    return page(
        running.settings,
        "answer.html",
        title=title,
        person=person,
        live=live_of(view.task.id, view.version),
        status=status,
        form=view,
        view=view.task,
    )
