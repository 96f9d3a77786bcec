"""Everything that somebody of a team sees with a task: what was told and why to them, who else, the household and what happened there.

Each part is decided as the calls of systems decide it: what a team's system may not have, its people do not see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from broker.domain import matching, quiet, sight
from broker.domain.answers import Move, MoveRequest
from broker.domain.caller import Caller
from broker.domain.states import DeliveryState, NotificationState, View
from broker.domain.tasks import SHOWS_PATIENT
from broker.domain.visibility import LEADS, visible_recipients
from broker.domain.world import Team
from broker.errors import Conflict, Invalid
from broker.storage import audit, mailbox, notifications, people, practitioners, tasks
from broker.storage.chronology import Window
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Stored
from broker.storage.world import load_world
from broker.workflow import acknowledge, chronology, inbox, outbound, view
from broker.workflow.chronology import Chronology, Line
from broker.workflow.context import Context
from broker.workflow.inbox import Item
from schemas.codes import Function, TaskCode
from schemas.message import Message

MOST_HOMES: Final = 3
_BESIDE: Final = Window(most=40)
"""Events that are read for the few beside a task, of which some are not for its reader."""
_ANSWERED_BY: Final = (TaskCode.ACKNOWLEDGE, TaskCode.TRANSFER)
"""Tasks by which a recipient answers."""
_ON_CALL: Final = (Function.MASH, Function.CHILDRENS_SOCIAL_CARE, Function.EMERGENCY_DUTY_TEAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A team that was told, and how it stands with it. `task` None: it was told for information."""

    team: Team
    state: DeliveryState
    task: Stored | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeen:
    """The last contact with somebody that the viewer's team may see."""

    at: datetime
    by: Team | None
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A household as the viewer's team sees it: `shown` as `/households/{id}` says it, its events, and who was last seen when."""

    id: str
    shown: dict[str, Any]
    events: Chronology
    seen: dict[str, LastSeen]
    emergency_until: datetime | None = None
    """Until when it is seen by break-glass; None where the team may anyhow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephone:
    """Whom to ring."""

    team: Team
    sender: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task with everything round it."""

    item: Item
    allowed: frozenset[Move]
    why: str | None
    """Why the team was told of what the task is about; None where the task came alone."""
    message: Message | None
    withdrawn: bool
    recipients: tuple[Recipient, ...]
    parts: tuple[Item, ...]
    """What was agreed and asked, and the lines of a transfer."""
    homes: tuple[Home, ...]
    telephones: tuple[Telephone, ...]
    owner: Team
    closed: bool
    own: bool
    """Whether it is the viewer's own team's."""
    told: str | None
    """The notification, where the viewer's own team told it."""


def opened(session: Session, ctx: Context, caller: Caller, task_id: str, now: datetime) -> Stored:
    """The task, of which it is known from now on that somebody of its team has looked at it. NotFound when it is not for them."""
    task = acknowledge.read(session, ctx, caller, task_id, now)
    if Move.OPEN.value not in acknowledge.allowed(task, caller) or task.row.owner_team_id != caller.team:
        return task
    try:
        return acknowledge.answer(session, ctx, caller, task_id, MoveRequest(move=Move.OPEN), now)
    except (Conflict, Invalid):  # a role that the policy does not list may look, and counts as nobody
        return task


def see(
    session: Session, ctx: Context, caller: Caller, task: Stored, now: datetime, *, at_home: bool = True
) -> TaskView:
    """What somebody of the caller's team sees of a task that they may read. `at_home`: with the households and what happened there."""
    viewer = ctx.directory.teams[caller.team or ""]
    notification = session.get(Notification, task.row.notification_id) if task.row.notification_id else None
    told = _told(session, notification, viewer)
    message = _message(session, ctx, notification, told, viewer, now)
    parts = tasks.parts_of_any(session, ctx.codec, task.row.id, acknowledge.scope_of(caller))
    [item] = inbox.items(session, ctx, caller, [task], now)
    subjects = _subjects(session, task, item, message)
    return TaskView(
        item=item,
        allowed=acknowledge.offered(ctx, task, caller),
        why=told.reason if told is not None else None,
        message=message,
        withdrawn=notification is not None and notification.state is NotificationState.WITHDRAWN,
        recipients=_recipients(session, ctx, notification, told, viewer, subjects),
        parts=inbox.items(session, ctx, caller, parts, now),
        homes=homes(session, ctx, caller, subjects, now) if at_home else (),
        telephones=_telephones(ctx, viewer, item.sender, message),
        owner=ctx.directory.teams[task.row.owner_team_id],
        closed=task.now().ended,
        own=task.row.owner_team_id == viewer.id,
        told=notification.id if notification is not None and notification.sender_team_id == viewer.id else None,
    )


def _told(session: Session, notification: Notification | None, viewer: Team) -> Delivery | None:
    """The delivery by which the viewer's team was told of the notification itself."""
    if notification is None:
        return None
    query = select(Delivery).where(
        Delivery.notification_id == notification.id,
        Delivery.team_id == viewer.id,
        Delivery.cause == "",
        col(Delivery.state).not_in(mailbox.NEVER_SHOWN),
    )
    return session.exec(query).first()


def _message(
    session: Session,
    ctx: Context,
    notification: Notification | None,
    told: Delivery | None,
    viewer: Team,
    now: datetime,
) -> Message | None:
    """What was said, as the viewer's team may see it: its own words, or what it was told."""
    if notification is None or notification.event is None:
        return None
    if notification.sender_team_id == viewer.id:
        said = notifications.message_of(ctx.codec, notification)
        return matching.rekey(said, people.survivors(session, [person.key for person in said.people]))
    return outbound.seen(session, ctx, told.id, now) if told is not None else None


def _subjects(session: Session, task: Stored, item: Item, message: Message | None) -> tuple[str, ...]:
    """Whom it is about, as far as the viewer may know."""
    named = message.subjects if message is not None else ()
    about = (task.row.person_id,) if item.person is not None and task.row.person_id else ()
    alive = people.survivors(session, {*named, *about})
    return tuple(dict.fromkeys(alive[id_] for id_ in (*about, *named) if id_ in alive))


def _recipients(
    session: Session,
    ctx: Context,
    notification: Notification | None,
    told: Delivery | None,
    viewer: Team,
    subjects: Sequence[str],
) -> tuple[Recipient, ...]:
    """Who was told besides, as far as the viewer may know (principle 9). Whoever sees no more than that there is something sees nobody."""
    if notification is None or not _sees_recipients(notification, told, viewer):
        return ()
    rows = session.exec(select(Delivery).where(Delivery.notification_id == notification.id, Delivery.cause == "")).all()
    world = load_world(session, ctx.codec, subjects)
    shown = visible_recipients(
        rows,
        viewer,
        sender_id=notification.sender_team_id,
        directory=ctx.directory,
        policy=ctx.policy,
        hidden=any(sight.hides_address(world, person, viewer) for person in subjects if person in world.people),
    )
    carried = {task.row.delivery_id: task for task in tasks.about(session, ctx.codec, notification.id, _ANSWERED_BY)}
    teams = ctx.directory.teams
    found = (
        Recipient(team=teams[row.team_id], state=row.state, task=carried.get(row.id), reason=row.reason)
        for row in shown
    )
    return tuple(sorted(found, key=lambda one: (one.task is None, one.team.name, one.team.id)))


def _sees_recipients(notification: Notification, told: Delivery | None, viewer: Team) -> bool:
    if notification.sender_team_id == viewer.id or viewer.function in LEADS:
        return True
    return told is not None and View(told.view) in SHOWS_PATIENT


def homes(session: Session, ctx: Context, caller: Caller, persons: Iterable[str], now: datetime) -> tuple[Home, ...]:
    """The households of these persons that the caller's team may know of, each read in the audit."""
    world = load_world(session, ctx.codec, list(persons))
    ids = dict.fromkeys(home for person in persons for home in world.households_of(person))
    found = (home_of(session, ctx, caller, id_, now, _BESIDE) for id_ in list(ids)[:MOST_HOMES])
    return tuple(home for home in found if home is not None)


def home_of(
    session: Session, ctx: Context, caller: Caller, household_id: str, now: datetime, window: Window
) -> Home | None:
    """One household, which is in the audit as read; None when the caller's team may not know of it."""
    found = view.home(session, ctx, caller, household_id, now)
    if found is None:
        return None
    events, emergency = chronology.of_home(session, ctx, found, household_id, now, window=window), found.emergency
    detail: dict[str, object] = {
        "chronology": [line.notification for line in (*events.behind, *events.lines)],
        audit.PATIENTS: sorted(found.seen.persons),
    }
    audit.record(
        session,
        action="read",
        entity="household",
        entity_id=household_id,
        caller=caller,
        now=now,
        detail=detail | ({"purpose": audit.EMERGENCY, "emergency": emergency.id} if emergency else {}),
    )
    shown = view.household_of(found, ctx, household_id, now)
    return Home(
        id=household_id,
        shown=shown,
        events=events,
        seen=_seen(ctx, events),
        emergency_until=emergency.until if emergency else None,
    )


def _seen(ctx: Context, events: Chronology) -> dict[str, LastSeen]:
    """Person → the last contact with them that the team may see."""
    found: dict[str, LastSeen] = {}
    for line in sorted((*events.behind, *events.lines), key=lambda line: line.at):
        contact = quiet.contact(line.message, line.view, ctx.policy.chronology)
        for person in contact.persons if contact is not None else ():
            found[person] = LastSeen(at=line.at, by=ctx.directory.teams.get(line.message.sender or ""), line=line)
    return found


def _telephones(ctx: Context, viewer: Team, sender: Team | None, message: Message | None) -> tuple[Telephone, ...]:
    """Whom to ring about a child: whoever told it, the area's social care by day and night, one's own safeguarding lead."""
    teller = sender or ctx.directory.teams.get((message.sender if message else None) or "")
    directory = ctx.directory
    around = [directory.provider(viewer.area_id, function) for function in _ON_CALL]
    lead = directory.safeguarding_lead(viewer.agency_id)
    found = [Telephone(team=teller, sender=True)] if teller is not None and teller.id != viewer.id else []
    found += [Telephone(team=team) for team in (*around, lead) if team is not None and team.id != viewer.id]
    unique = {one.team.id: one for one in reversed(found)}
    return tuple(one for one in reversed(unique.values()) if one.team.telephone)


def colleagues(session: Session, ctx: Context, caller: Caller, now: datetime) -> list[str]:
    """The people of the caller's team who are there, as a task names whoever holds it."""
    of_team = practitioners.of_team(session, ctx.codec, caller.team or "")
    return [somebody.held_as for somebody in of_team if somebody.gone(now) is None]
