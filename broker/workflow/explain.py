"""Why each team is told or not told: of a message that was received, and of one that was not; nothing is written or sent here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict
from uuid import uuid4

from sqlmodel import Session, col, select

from broker.domain import households, matching
from broker.domain.reasons import Why
from broker.domain.routing import Routing, Told, Withheld, route
from broker.domain.rules import Policy, Relation, Tell
from broker.domain.wanted import TaskWanted
from broker.domain.world import Directory, Team, World
from broker.errors import NotFound
from broker.storage import people, tasks
from broker.storage.tables import Delivery, Notification
from broker.workflow.context import Context
from schemas.codes import Event, TaskCode
from schemas.message import Message
from schemas.problem import Problem


class Row(TypedDict):
    """One team. Absent values are empty text; times are ISO 8601 in UTC."""

    team: str
    name: str
    decision: str
    view: str
    purpose: str
    due: str
    reason: str
    reason_code: str
    rule: str
    cites: str


class TaskRow(TypedDict):
    """One task that the decision raises besides the recipients' own."""

    code: str
    owner: str
    requester: str
    due: str
    description: str
    cites: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every team that came into question, in the order of ids, and what else follows."""

    event: str
    kind: str
    policy_version: str
    rows: tuple[Row, ...]
    tasks: tuple[TaskRow, ...]
    problems: tuple[Problem, ...] = ()


def simulate(
    message: Message, sender: Team, ctx: Context, now: datetime, session: Session | None = None
) -> Explanation:
    """What would happen to a message, were it received now: on the people of a database, or without one on nobody known.

    `message` is as read from a Bundle or a native event. The session is only read.
    """
    said = replace(message, sender=sender.id)
    found = people.candidates(session, ctx.codec, said) if session else []
    world = _world(session, ctx, [person.id for person in found])
    matches = matching.match(said, found, world, sender, _new_id)
    settled = matching.rekey(said, matches.ids)
    settlement = households.settle(
        settled,
        matches,
        world,
        sender=sender,
        directory=ctx.directory,
        policy=ctx.policy,
        now=now,
        place=lambda address: people.place(ctx.codec, address),
        new_id=_new_id,
    )
    decided = route(settled, settlement.world, sender=sender, directory=ctx.directory, policy=ctx.policy, now=now)
    explained = of_routing(settled, decided, ctx.directory)
    return replace(
        explained,
        tasks=(*_task_rows(settlement.tasks), *explained.tasks),
        problems=(*settlement.problems, *explained.problems),
    )


def of_routing(message: Message, decided: Routing, directory: Directory) -> Explanation:
    """A decision as rows."""
    rows = sorted((*map(_told, decided.told), *map(_withheld, decided.withheld)), key=lambda row: row["team"])
    for row in rows:
        row["name"] = _name(directory, row["team"])
    return Explanation(
        event=message.event.value,
        kind=message.kind or "",
        policy_version=decided.policy_version,
        rows=tuple(rows),
        tasks=tuple(_task_rows(decided.tasks)),
        problems=decided.problems,
    )


def explain(session: Session, ctx: Context, notification_id: str) -> Explanation:
    """Why each team was told or not told of a past notification, as it was stored. NotFound when there is none of that id.

    Lines of the policy are named where the policy in force is the one that decided.
    """
    notification = session.get(Notification, notification_id)
    if notification is None or notification.event is None:
        raise NotFound("There is no such notification, or nothing was decided on it.")
    event = Event(notification.event)
    deliveries = session.exec(
        select(Delivery)
        .where(Delivery.notification_id == notification_id, Delivery.cause == "")
        .order_by(col(Delivery.team_id))
    )
    raised = tasks.about(session, ctx.codec, notification_id, list(TaskCode))
    due = {task.row.delivery_id: task.row.due_at for task in raised if task.row.code == TaskCode.ACKNOWLEDGE}
    return Explanation(
        event=event.value,
        kind=notification.kind or "",
        policy_version=notification.policy_version,
        rows=tuple(_stored(row, event, ctx, due.get(row.id)) for row in deliveries),
        tasks=tuple(
            TaskRow(
                code=TaskCode(task.row.code).value,
                owner=task.row.owner_team_id,
                requester=task.row.requester_team_id or "",
                due=_at(task.row.due_at),
                description=task.content.get("description", ""),
                cites=task.row.cites,
            )
            for task in raised
            if task.row.code != TaskCode.ACKNOWLEDGE
        ),
    )


def lines_for(policy: Policy, event: Event, team: Team, reason_code: str, view: str) -> tuple[Tell, ...]:
    """The lines of a policy by which a team that stands so may have got that view."""
    relation = _RELATION.get(reason_code)
    return tuple(
        line
        for line in policy.events[event].tell
        if relation in line.of
        and (team.function in line.functions or policy.groups[team.function] in line.groups)
        and line.view.value == view
    )


_RELATION = {
    Why.INVOLVED_WITH_SUBJECT.value: Relation.OWN,
    Why.INVOLVED_WITH_CHILD.value: Relation.HOUSEHOLD,
    Why.INVOLVED_IN_HOUSEHOLD.value: Relation.HOUSEHOLD,
    Why.UNIVERSAL_SERVICE.value: Relation.UNIVERSAL,
    Why.ADDRESSED.value: Relation.ADDRESSED,
    Why.ADDED.value: Relation.ADDED,
    Why.EARLIER.value: Relation.EARLIER,
}


def _new_id() -> str:
    return str(uuid4())


def _world(session: Session | None, ctx: Context, person_ids: Sequence[str]) -> World:
    if session is None:
        return World(people={}, households={})
    return people.load_world(session, ctx.codec, person_ids)


def _told(told: Told) -> Row:
    return Row(
        team=told.team_id,
        name="",
        decision="told" if told.state.value == "ready" else told.state.value,
        view=told.view.value,
        purpose=told.purpose.value,
        due=_at(told.due_at),
        reason=told.reason,
        reason_code=told.reason_code,
        rule=told.rule,
        cites=told.cites,
    )


def _withheld(withheld: Withheld) -> Row:
    return Row(
        team=withheld.team_id,
        name="",
        decision="withheld",
        view="",
        purpose="",
        due="",
        reason=withheld.reason,
        reason_code=withheld.reason_code,
        rule="",
        cites="",
    )


def _stored(row: Delivery, event: Event, ctx: Context, due: datetime | None) -> Row:
    withheld = row.state.value == "withheld"
    team = ctx.directory.teams.get(row.team_id)
    same = team is not None and row.policy_version == ctx.policy.version and not withheld
    lines = lines_for(ctx.policy, event, team, row.reason_code, row.view.value) if same and team else ()
    return Row(
        team=row.team_id,
        name=_name(ctx.directory, row.team_id),
        decision="withheld" if withheld else "held" if row.state.value == "held" else "told",
        view="" if withheld else row.view.value,
        purpose="" if withheld else row.purpose.value,
        due=_at(due),
        reason=row.reason,
        reason_code=row.reason_code,
        rule=", ".join(line.rule for line in lines),
        cites=", ".join(dict.fromkeys(", ".join(line.cites for line in lines).split(", "))) if lines else "",
    )


def _task_rows(wanted: Iterable[TaskWanted]) -> list[TaskRow]:
    return [
        TaskRow(
            code=task.code.value,
            owner=task.owner,
            requester=task.requester or "",
            due=_at(task.due_at),
            description=task.description,
            cites=task.cites,
        )
        for task in wanted
    ]


def _name(directory: Directory, team_id: str) -> str:
    team = directory.teams.get(team_id)
    return team.name if team else ""


def _at(time: datetime | None) -> str:
    return time.isoformat() if time else ""
