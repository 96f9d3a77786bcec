"""The open tasks of a team as its people see them: a page of them, how many there are, and of whom and what each is, as far as they may know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.rota import Practitioner
from broker.domain.states import View
from broker.domain.tasks import SHOWS_PATIENT, SHOWS_REQUESTER, TERMINAL
from broker.domain.world import KnownPerson, Team
from broker.storage import audit, inbox, task_search
from broker.storage.inbox import Silence, Tally
from broker.storage.keyset import Position
from broker.storage.task_search import SortBy, TaskQuery
from broker.storage.task_values import HELD_BY, Stored
from broker.storage.world import load_world
from broker.workflow import acknowledge, view
from broker.workflow.context import Context
from schemas.codes import Event, TaskCode, TaskStatus

CODES: Final = frozenset(TaskCode) - {TaskCode.CONFIRM_CHILD}
"""What an inbox lists: the lines of a transfer are answered on the transfer's own page."""
OPEN: Final = frozenset(TaskStatus) - TERMINAL
MOST_HELD: Final = 500
"""Agreed actions that are looked through for those that somebody holds: who holds one is sealed with it."""
_TELLS_EVENT: Final = SHOWS_PATIENT | {View.SAFETY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A task and what its reader may know of it."""

    task: Stored
    person: KnownPerson | None
    event: Event | None
    kind: str | None
    sender: Team | None
    held_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of an inbox. `next`: after which the next page begins; None on the last."""

    items: tuple[Item, ...]
    next: Position | None
    tally: Tally


def page(session: Session, ctx: Context, caller: Caller, query: TaskQuery, now: datetime) -> Page:
    """A page of the open tasks of the caller's team, and an audit row with the ids it got."""
    narrowed = replace(query, owner=caller.team, statuses=OPEN, codes=query.codes or CODES)
    found, last = acknowledge.search(session, ctx, caller, narrowed, now)
    return Page(items=items(session, ctx, caller, found, now), next=last, tally=tally(session, caller, now))


def held(session: Session, ctx: Context, caller: Caller, somebody: Practitioner, now: datetime) -> Page:
    """What somebody of the team has agreed to do and not done yet, due first, on one page."""
    query = TaskQuery(owner=caller.team, statuses=OPEN, codes=frozenset({TaskCode.AGREED_ACTION}), count=MOST_HELD)
    found, _ = task_search.search(session, ctx.codec, query, acknowledge.scope_of(caller))
    theirs = [task for task in found if somebody.holds(held_by(task))]
    acknowledge.note_found(session, caller, theirs, now)
    return Page(items=items(session, ctx, caller, theirs, now), next=None, tally=tally(session, caller, now))


SENT: Final = frozenset({TaskCode.ACKNOWLEDGE, TaskCode.TRANSFER, TaskCode.SUPPLY_INFORMATION})
"""What a team waits for: answers to what it told, and to what it asked."""


def sent(
    session: Session, ctx: Context, caller: Caller, query: TaskQuery, now: datetime
) -> tuple[tuple[Item, ...], Position | None]:
    """A page of what the caller's team waits for from teams that it may know of, latest sent first; the same audit row."""
    narrowed = replace(query, requester=caller.team, codes=SENT, sort=SortBy.AUTHORED, descending=True)
    found, last = acknowledge.search(session, ctx, caller, narrowed, now)
    return items(session, ctx, caller, found, now), last


def raised(
    session: Session, ctx: Context, caller: Caller, query: TaskQuery, now: datetime
) -> tuple[tuple[Item, ...], Position | None]:
    """A page of what was raised to the caller's team because nobody answered, due first; the same audit row."""
    narrowed = replace(query, raised_to=caller.team, statuses=OPEN)
    found, last = acknowledge.search(session, ctx, caller, narrowed, now)
    return items(session, ctx, caller, found, now), last


def silences(session: Session, ctx: Context, caller: Caller, now: datetime) -> list[tuple[Team, Silence]]:
    """Of whom how much was raised to the caller's team; an audit row with how much in all."""
    found = inbox.silences(session, caller.team or "")
    detail = {"count": sum(one.raised for one in found), audit.PATIENTS: []}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)
    return [(ctx.directory.teams[one.team], one) for one in found]


def items(session: Session, ctx: Context, caller: Caller, found: Sequence[Stored], now: datetime) -> tuple[Item, ...]:
    """These tasks with what their reader may know of each."""
    team = caller.team or ""
    ids = {task.row.person_id for task in found if task.row.person_id}
    said = inbox.events(session, {task.row.notification_id for task in found if task.row.notification_id})
    own = inbox.clients(session, team, ids) if ids else frozenset()
    met = _met(session, team, found, said) - own
    hidden = {id_ for id_ in met if not _sees(session, ctx, team, id_, now)}
    known = inbox.persons(session, ctx.codec, {id_ for task in found if (id_ := _person(task, team, own))} - hidden)
    return tuple(_item(ctx, task, team, known.get(_person(task, team, own) or ""), said) for task in found)


def _met(
    session: Session, team: str, found: Sequence[Stored], said: Mapping[str, tuple[Event, str | None, str]]
) -> frozenset[str]:
    """Persons of whom the team waits to hear because Baton added them to what it told: it has not named them itself."""
    waits = {
        (task.row.notification_id, task.row.person_id)
        for task in found
        if task.row.person_id
        and task.requester == team
        and said.get(task.row.notification_id or "", ("", "", ""))[2] == team
    }
    named = inbox.named(session, {id_ for id_, _ in waits if id_})
    return frozenset(person for notification, person in waits if (notification, person) not in named)


def _sees(session: Session, ctx: Context, team: str, person_id: str, now: datetime) -> bool:
    """Whether the team sees somebody in their household: sending grants no access (principle 3)."""
    world = load_world(session, ctx.codec, [person_id])
    return view.sees(session, world, person_id, ctx.directory.teams[team], ctx, now)


def held_by(task: Stored) -> str | None:
    """Who of the team has it, as the task names them."""
    name = task.content.get("options", {}).get(HELD_BY)
    return name if isinstance(name, str) else None


def tally(session: Session, caller: Caller, now: datetime) -> Tally:
    """How much the caller's team has to do."""
    return inbox.tally(session, caller.team or "", CODES, now)


def _person(task: Stored, team: str, own: frozenset[str]) -> str | None:
    """Whom it is about, where its reader may know by name: by the message that carries it, because it waits for it, or as a client; `items` leaves out whom it only waits for."""
    id_ = task.row.person_id
    if id_ is None or id_ in own or task.requester == team:
        return id_
    return id_ if task.row.owner_team_id == team and task.view in SHOWS_PATIENT else None


def _item(
    ctx: Context,
    task: Stored,
    team: str,
    person: KnownPerson | None,
    said: dict[str, tuple[Event, str | None, str]],
) -> Item:
    event, kind, sender = said.get(task.row.notification_id or "", (None, None, None))
    tells = sender == team or (task.row.owner_team_id == team and task.view in _TELLS_EVENT)
    waits = task.row.requester_team_id if task.view is None or task.view in SHOWS_REQUESTER else None
    return Item(
        task=task,
        person=person,
        event=event if tells else None,
        kind=kind if tells and (sender == team or task.view is View.FULL) else None,
        sender=ctx.directory.teams.get(waits or ""),
        held_by=held_by(task),
    )
