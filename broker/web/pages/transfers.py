"""A transfer child by child: each is taken over, declined, looked after or left out separately; checked, then sent at once."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import Request, Response
from sqlmodel import Session

from broker.errors import Conflict, Invalid, NotFound, Stale
from broker.runtime import Runtime
from broker.web.api import transfers as parents_sheet
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages.done import DONE
from broker.web.pages.fields import Fault, Typed, errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import live_of, page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.tasks import seated
from broker.web.pages.transfer_page import Decided, TransferView, checked, decided, located, view_of
from broker.workflow import acknowledge, task_view
from broker.workflow.summary import Summary, summary
from schemas.codes import TaskCode
from schemas.problem import Problem

router = pages()


@router.get("/transfers/{task_id}")
def shown(task_id: RecordId, request: Request, running: Running, person: SignedInPerson) -> Response:
    """The transfer with a line for every person, and what remains open."""
    seated(person)
    view = running.store.write(lambda session: _view(session, running, person, task_id))
    return _page(running, person, view, done=DONE.get(request.query_params.get("done", ""), ""))


@router.get("/transfers/{task_id}/sheet")
def sheet(task_id: RecordId, running: Running, person: SignedInPerson) -> Response:
    """The sheet for the parents, to print: the children's own care alone, as `/transfers/{id}/summary` has it."""
    seated(person)

    def work(session: Session) -> Summary:
        return summary(session, running.context(session), person.caller, task_id, running.now())

    return parents_sheet.sheet(running.store.write(work))


@router.post("/transfers/{task_id}/check")
def check(task_id: RecordId, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """What is about to be sent; or the form again, with what was typed: something is wrong, or it is to be changed."""
    seated(person)
    view = running.store.write(lambda session: _view(session, running, person, task_id))
    if fields.one("change"):
        return _again(running, person, view, fields, [], status=200)
    typed = Typed()
    made = decided(fields, view.lines, typed)
    problems = [Problem(path, reason, "value") for path, reason in typed.faults.items()]
    if not made:
        first = next((line for line in view.lines if line.fields), None)
        where = f"{first.id}.decision" if first else ""
        problems.append(Problem(where, "Decide about at least one person", "required"))
    if not problems:
        problems = running.store.write(lambda session: _wrong(session, running, person, made))
    if problems:
        return _again(running, person, view, fields, problems)
    sending, after = checked(fields, view, made)
    return page(
        running.settings,
        "transfer_check.html",
        title="Check before you send",
        person=person,
        live=_live(view),
        view=view,
        sending=sending,
        after=after,
        pairs=fields.pairs(but="csrf"),
    )


@router.post("/transfers/{task_id}/send")
def send(task_id: RecordId, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """All of it in one step, or nothing."""
    seated(person)
    view = running.store.write(lambda session: _view(session, running, person, task_id))
    made = decided(fields, view.lines, Typed())
    try:
        running.store.write(lambda session: _send(session, running, person, made))
    except (Stale, Conflict) as late:
        again = running.store.write(lambda session: _view(session, running, person, task_id))
        return _again(running, person, again, fields, [], meanwhile=str(late))
    except Invalid as wrong:
        return _again(running, person, view, fields, wrong.problems)
    return see(f"/app/transfers/{task_id}?done=sent")


def _send(session: Session, running: Runtime, person: Person, made: Sequence[Decided]) -> None:
    ctx, now = running.context(session), running.now()
    for one in made:
        try:
            acknowledge.answer(session, ctx, person.caller, one.line, one.request, now)
        except Invalid as wrong:
            raise Invalid(problems=located(one.line, wrong.problems)) from wrong


def _wrong(session: Session, running: Runtime, person: Person, made: Sequence[Decided]) -> list[Problem]:
    """What keeps any of it from being sent."""
    ctx, now = running.context(session), running.now()
    found: list[Problem] = []
    for one in made:
        try:
            acknowledge.consider(session, ctx, person.caller, one.line, one.request, now)
        except Invalid as wrong:
            found += located(one.line, wrong.problems)
        except (Stale, Conflict) as late:
            found.append(Problem(f"{one.line}.decision", str(late), "conflict"))
    return list(dict.fromkeys(found))


def _view(session: Session, running: Runtime, person: Person, task_id: str) -> TransferView:
    ctx, now, caller = running.context(session), running.now(), person.caller
    whole = task_view.opened(session, ctx, caller, task_id, now)
    if whole.row.code != TaskCode.TRANSFER:
        raise NotFound
    seen = task_view.see(session, ctx, caller, whole, now)
    lines = [
        (item, acknowledge.offered(ctx, item.task, caller))
        for item in seen.parts
        if item.task.row.code == TaskCode.CONFIRM_CHILD
    ]
    return view_of(seen, lines, ctx.directory, now)


def _again(
    running: Runtime,
    person: Person,
    view: TransferView,
    typed: Form,
    problems: Sequence[Problem],
    *,
    meanwhile: str = "",
    status: int = 422,
) -> Response:
    """The form with what was typed and what is wrong."""
    every = [*view.shared, *(one for line in view.lines for one in line.fields)]
    errors, faults = errors_of(problems, every)
    values = {one.name: typed.every(one.name) for one in every}
    lines = tuple(replace(line, fields=filled(line.fields, values, errors)) for line in view.lines)
    kept = replace(view, lines=lines, shared=filled(view.shared, values, errors))
    return _page(running, person, kept, faults=faults, meanwhile=meanwhile, status=409 if meanwhile else status)


def _live(view: TransferView) -> str:
    """Where the page is told of what becomes of the whole and of each line."""
    return live_of(view.id, view.whole.version, ((line.id, line.version) for line in view.lines))


def _page(
    running: Runtime,
    person: Person,
    view: TransferView,
    *,
    done: str = "",
    faults: tuple[Fault, ...] = (),
    meanwhile: str = "",
    status: int = 200,
) -> Response:
    return page(
        running.settings,
        "transfer.html",
        title=f"{'Error: ' if faults or meanwhile else ''}Transfer",
        person=person,
        live=_live(view),
        status=status,
        transfer=view,
        view=view.whole,
        done=done,
        faults=faults,
        meanwhile=meanwhile,
    )
