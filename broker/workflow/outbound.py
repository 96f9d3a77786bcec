"""Compose the FHIR message of one delivery as its team may see it; the same whenever it is asked for, unless what is known has changed.

Five kinds by the delivery's cause: the notification itself, a task of ours, the outcome of a task, a flag, a withdrawal.
MessageHeader.id is the delivery's id, so that every try and every reading of one delivery is the same message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from adapters.port import Rendered
from broker.domain import rendering, sharing
from broker.domain.rendering import Original
from broker.domain.states import DeliveryState, NotificationState, View
from broker.domain.world import Team
from broker.storage import mailbox, notifications, patterns, people, tasks
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import EVERYTHING, Happened, Scope, Stored
from broker.workflow import flag_pointer, native, outcomes, pattern_flags, task_wire, transfer_homes, unnamed
from broker.workflow.context import Context
from broker.workflow.flag_wire import flag_resource
from broker.workflow.reply import NO_REFERRAL
from broker.workflow.stock import Stock
from schemas import bundle
from schemas.bundle.addresses import address
from schemas.bundle.answers import event_element
from schemas.bundle.profile import NOTICE, REFERENCE
from schemas.codes import CANONICAL, Event, Priority, TaskCode
from schemas.identifiers import PERSON, TEAM
from schemas.message import Message

FHIR_JSON: Final = "application/fhir+json"

NAME = "Baton"
"""MessageHeader.source.name of everything that leaves."""

WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A message ready to leave."""

    message_id: str
    body: bytes
    """FHIR JSON, an R4 Bundle; or what `content_type` says."""
    event: Event
    content_type: str = FHIR_JSON
    workflow: str | None = None
    """MESH workflow id, where an agency's own format has one."""
    patients: tuple[str, ...] | None = None
    """Ids of the persons that it shows; None where that is not known."""


def compose(session: Session, ctx: Context, delivery_id: str, now: datetime) -> Composed:
    """The message of a delivery. KeyError when there is no such delivery; whether its team may have it is the caller's question."""
    return compose_all(session, ctx, [delivery_id], now)[delivery_id]


def compose_all(session: Session, ctx: Context, delivery_ids: Sequence[str], now: datetime) -> dict[str, Composed]:
    """The messages of several deliveries by their ids; what they have in common is read once. KeyError when one is not there."""
    stock = Stock.of(session, ctx.codec, delivery_ids)
    return {id_: _composed(_Making(session, ctx, stock.deliveries[id_], stock, now)) for id_ in delivery_ids}


def seen(session: Session, ctx: Context, delivery_id: str, now: datetime) -> Message | None:
    """The notification of a delivery as its team may see it now; None when it was withdrawn, or the delivery brings a task alone."""
    stock = Stock.of(session, ctx.codec, [delivery_id])
    making = _Making(session, ctx, stock.deliveries[delivery_id], stock, now)
    found, gone = making.delivery, making.notification.state is NotificationState.WITHDRAWN
    if found.cause or gone or found.state is DeliveryState.CANCELLED:
        return None
    return making.as_seen(stock.carried.get(delivery_id, []))


def _composed(making: "_Making") -> Composed:
    found = making.delivery
    if found.notification_id is None:
        return making.of_task()
    notification = making.notification
    gone = notification.state is NotificationState.WITHDRAWN
    if found.cause == WITHDRAWN:
        return making.withdrawal(_first_told(making.session, notification.id, found.team_id))
    if found.cause.startswith("transfer:"):
        return making.withdrawal(found.id) if gone else making.of_transfer()
    if found.cause.partition(":")[0] in (pattern_flags.FLAG, pattern_flags.ENDED):
        return making.of_flag()
    if found.cause == native.RECEIPT:
        return making.of_receipt()
    if found.cause:
        return making.of_task()
    if found.state is DeliveryState.CANCELLED or gone:
        return making.withdrawal(found.id)
    return making.of_notification()


@dataclass(frozen=True, slots=True)
class _Making:
    """One delivery while its message is made."""

    session: Session
    ctx: Context
    delivery: Delivery
    stock: Stock
    now: datetime

    @property
    def notification(self) -> Notification:
        """What it is about; only a task may be about none."""
        return self.stock.notifications[self.delivery.notification_id or ""]

    # --- the notification itself

    def of_notification(self) -> Composed:
        """What was said, reduced to what the team may see, with the tasks that it brings."""
        return self._said_to_team(self.stock.carried.get(self.delivery.id, []))

    def of_transfer(self) -> Composed:
        """A transfer as it stands now, after it changed: what was said, with the whole and every line."""
        whole_id = self.delivery.cause.split(":")[1]
        whole = tasks.get(self.session, self.ctx.codec, whole_id, EVERYTHING)
        if whole is None or whole.row.owner_team_id != self.delivery.team_id:
            return self.withdrawal(self.delivery.id)  # given to another team since
        lines = tasks.parts_of(self.session, self.ctx.codec, whole_id, TaskCode.CONFIRM_CHILD)
        return self._said_to_team([whole, *lines])

    def _said_to_team(self, brought: list[Stored]) -> Composed:
        message = self.as_seen(brought)
        own = native.notification(self.ctx, self.delivery.team_id, message)
        if own is not None:
            return self._in_its_own_format(own, message.event, _shown(message))
        named = frozenset(person.key for person in message.people)
        return self._written(message, [self._task(task, named) for task in brought])

    def as_seen(self, brought: list[Stored]) -> Message:
        """What was said, as far as the team may see it, under the id by which the team knows it."""
        ctx, delivery = self.ctx, self.delivery
        decided = self.stock.gates(self.notification.id)
        team = ctx.directory.teams[delivery.team_id]
        copy = rendering.copy_of(
            self._original(brought),
            team,
            View(delivery.view),
            reason_code=delivery.reason_code,
            directory=ctx.directory,
            policy=ctx.policy,
            released=decided.released_to(team),
            agreed=decided.named_to(team),
            unnamed=self._unnamed(team),
        )
        return replace(copy, id=delivery.id, reference=self._earlier() if copy.reference else None)

    def _unnamed(self, team: Team) -> frozenset[str]:
        """Children whom a transfer to the team does not name, of before this message or with it."""
        told_at = self.delivery.created_at
        before = {one.notification_id for one in self.stock.reserved if one.team_id == team.id and one.since <= told_at}
        before.discard(self.notification.id)
        return unnamed.of_transfers(self.session, self.ctx, before, team, told_at, self.now) if before else frozenset()

    def _original(self, brought: list[Stored]) -> Original:
        """What was said and what is known round it; of a transfer with the homes that it covers besides."""
        told_at, id_ = self.delivery.created_at, self.notification.id
        if not any(task.row.code == TaskCode.TRANSFER for task in brought):
            # A copy that says what happened says at whose home: whoever reads it late is told what others were at once.
            telling = View(self.delivery.view) in sharing.TELLING
            return self.stock.original(self.ctx, id_, told_at, as_it_was=telling)
        said = self.stock.said[id_]
        named = [person.key for person in said.people]
        world, homes = transfer_homes.around(self.session, self.ctx.codec, brought, named)
        directory, policy = self.ctx.directory, self.ctx.policy
        return rendering.original(said, world=world, directory=directory, policy=policy, told_at=told_at, homes=homes)

    def _earlier(self) -> str | None:
        """The message that this one answers or replaces, by the id under which this team knows it."""
        earlier = self.notification.reference_id
        if earlier is None:
            return None
        original = self.session.get_one(Notification, earlier)
        return known_as(self.session, original, self.delivery.team_id)

    # --- withdrawal

    def withdrawal(self, reference: str) -> Composed:
        """That an earlier message no longer counts, and nothing of what it said: it may have named somebody wrongly."""
        message = Message(
            id=self.delivery.id,
            event=Event.WITHDRAW,
            sender=None,
            occurred=self.notification.withdrawn_at or self.delivery.created_at,
            sent=self.delivery.created_at,
            subjects=(),
            people=(),
            to=(self.delivery.team_id,),
            reference=reference,
        )
        return self._written(message, [])

    # --- a task, and what became of it

    def of_task(self) -> Composed:
        """A task as the message's focus: of ours, or with its outcome as the answer to the message that the team sent."""
        behind = outcomes.behind(self.session, self.ctx.codec, self.delivery.cause)
        if behind is None:
            raise KeyError("there is no such task")
        task, happened = behind
        escalated = self.delivery.cause.startswith("escalated:")
        if not escalated and self.delivery.team_id not in (task.row.owner_team_id, task.requester):
            return self.withdrawal(
                self.delivery.id
            )  # given to another team since: what becomes of it there is not told here
        outcome = self.delivery.cause.startswith("outcome:")
        if self.delivery.notification_id is None:
            return self._task_alone(task, Event.INFORMATION, happened.team_id if outcome else None, {})
        own = self.notification.sender_team_id == self.delivery.team_id
        written = self._natively(task, happened, outcome=outcome)
        if written is not None:
            return written
        answers = outcome and own and self.notification.event is not None
        event = Event(self.notification.event) if answers and self.notification.event else Event.INFORMATION
        more: dict[str, Any] = {}
        about = known_as(self.session, self.notification, self.delivery.team_id)
        if answers:
            more["response"] = {"identifier": about, "code": "ok"}
        elif about is not None:
            more["extension"] = [{"url": REFERENCE, "valueId": about}]
        return self._task_alone(task, event, happened.team_id if outcome else None, more)

    def _task_alone(self, task: Stored, event: Event, sender: str | None, more: Mapping[str, Any]) -> Composed:
        resource = self._task(task, frozenset())
        url = address("Task", task.row.id)
        header = {**self._header(event, sender), "focus": [{"reference": url}], **more}
        return self._bundled(event, header, {url: resource}, self._about(task))

    def _natively(self, task: Stored, happened: Happened, *, outcome: bool) -> Composed | None:
        """The answer to what the team sent, or why that was refused, in its agency's own format, where that has one."""
        about = self.notification
        if outcome:
            own = native.answer(self.session, self.ctx, self.delivery, about, task, happened)
        elif task.row.code == TaskCode.DATA_QUALITY and about.state is NotificationState.REFUSED:
            own = native.receipt(self.ctx, self.delivery, about)
        else:
            own = None
        event = Event(about.event) if about.event else Event.INFORMATION
        return self._in_its_own_format(own, event, self._about(task)) if own is not None else None

    def of_receipt(self) -> Composed:
        """That an event has been taken; as the call was answered, where the team is no longer told in its own format."""
        about = self.notification
        event = Event(about.event) if about.event else Event.INFORMATION
        own = native.receipt(self.ctx, self.delivery, about)
        if own is not None:
            return self._in_its_own_format(own, event, None)
        answered = notifications.answer_of(self.ctx.codec, about)
        return Composed(message_id=self.delivery.id, body=answered, event=event)

    def _in_its_own_format(self, own: Rendered, event: Event, patients: tuple[str, ...] | None) -> Composed:
        return Composed(
            message_id=self.delivery.id,
            body=own.body,
            event=event,
            content_type=own.content_type,
            workflow=own.workflow,
            patients=patients,
        )

    def of_flag(self) -> Composed:
        """A flag as the message's focus, as it is now: raised, or withdrawn since; to a system that cannot keep the mark a pointer."""
        kind, _, id_ = self.delivery.cause.partition(":")
        found = patterns.flag(self.session, id_)
        if found is None:
            raise KeyError("there is no such flag")
        if not self.ctx.directory.teams[self.delivery.team_id].honours_marks:
            raised = _raised_by(self.session, self.delivery, id_) if kind == pattern_flags.ENDED else None
            return self.withdrawal(raised) if raised is not None else self._pointer(found[0].person_id)
        resource = _placed(flag_resource(*found, self.ctx), self.ctx.public_url, frozenset())
        url = address("Flag", resource["id"])
        header = self._header(Event.INFORMATION, None)
        header["meta"] = {"security": resource["meta"]["security"]}
        header["focus"] = [{"reference": url}]
        return self._bundled(Event.INFORMATION, header, {url: resource}, (found[0].person_id,))

    def _pointer(self, person_id: str) -> Composed:
        child = people.load_world(self.session, self.ctx.codec, [person_id]).people[person_id]
        return self._written(flag_pointer.pointer(self.delivery, child, self.ctx.directory), [])

    def _header(self, event: Event, sender: str | None) -> dict[str, Any]:
        team = self.delivery.team_id
        header: dict[str, Any] = {
            "resourceType": "MessageHeader",
            "id": self.delivery.id,
            **event_element(event),
            "destination": [{"endpoint": f"{CANONICAL}/team/{team}", "receiver": _organisation(team)}],
            "source": {"name": NAME, "endpoint": self.ctx.public_url},
        }
        return header if sender is None else {**header, "sender": _organisation(sender)}

    def _about(self, task: Stored) -> tuple[str, ...]:
        return tuple(task_wire.patients_of([task], Scope(team=self.delivery.team_id)))

    def _task(self, task: Stored, named: frozenset[str]) -> dict[str, Any]:
        """The Task as this team sees it, its references made to resolve inside a message or at this broker."""
        resource = task_wire.task_resource(task, Scope(team=self.delivery.team_id), self.now)
        placed: dict[str, Any] = _placed(resource, self.ctx.public_url, named)
        return placed

    # --- on the wire

    def _written(self, message: Message, extra: list[dict[str, Any]]) -> Composed:
        said = bundle.write(
            message,
            source=self.ctx.public_url,
            source_name=NAME,
            timestamp=self.delivery.created_at,
            bundle_id=self.delivery.id,
            extra=extra,
            kept=self.stock.written,
        )
        if message.priority is not Priority.ROUTINE:
            _remind(said)
        return Composed(message_id=message.id, body=orjson.dumps(said), event=message.event, patients=_shown(message))

    def _bundled(
        self,
        event: Event,
        header: Mapping[str, Any],
        others: Mapping[str, Mapping[str, Any]],
        patients: tuple[str, ...],
    ) -> Composed:
        entries = {address("MessageHeader", self.delivery.id): header, **others}
        said = {
            "resourceType": "Bundle",
            "id": self.delivery.id,
            "type": "message",
            "timestamp": task_wire.instant(self.delivery.created_at),
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
        }
        return Composed(message_id=self.delivery.id, body=orjson.dumps(said), event=event, patients=patients)


def _shown(message: Message) -> tuple[str, ...]:
    return tuple(sorted({person.key for person in message.people}))


def known_as(session: Session, notification: Notification, team_id: str) -> str | None:
    """The MessageHeader.id under which a team knows a notification: its own, or that of its delivery; None when it was not told."""
    if notification.sender_team_id == team_id:
        return notification.message_id
    return mailbox.copy_of(session, notification.id, team_id)


def _raised_by(session: Session, ended: Delivery, flag_id: str) -> str | None:
    """The message by which the team heard of a flag that is withdrawn now."""
    return session.scalar(
        sa.select(col(Delivery.id)).where(
            col(Delivery.notification_id) == ended.notification_id,
            col(Delivery.team_id) == ended.team_id,
            col(Delivery.cause) == f"{pattern_flags.FLAG}:{flag_id}",
        )
    )


def _first_told(session: Session, notification_id: str, team_id: str) -> str:
    """The delivery by which a team first heard of a notification that is now withdrawn."""
    first = session.scalar(
        sa.select(col(Delivery.id))
        .where(
            col(Delivery.notification_id) == notification_id,
            col(Delivery.team_id) == team_id,
            col(Delivery.cause) != WITHDRAWN,
            col(Delivery.state).not_in(mailbox.NEVER_SHOWN),
        )
        .order_by(col(Delivery.cause), col(Delivery.created_at), col(Delivery.id))
        .limit(1)
    )
    if first is None:
        raise KeyError("nothing was told that could be withdrawn")
    return first


def _remind(said: dict[str, Any]) -> None:
    """What is urgent says that this is not the referral."""
    header = said["entry"][0]["resource"]
    header.setdefault("extension", []).append({"url": NOTICE, "valueString": NO_REFERRAL})


def _organisation(team_id: str) -> dict[str, Any]:
    return {"type": "Organization", "identifier": {"system": TEAM, "value": team_id}}


def _placed(element: Any, public_url: str, named: frozenset[str]) -> Any:  # noqa: ANN401 - any JSON value
    """The same with relative references made absolute; of a Patient, inside the Bundle when it is there, else by identifier."""
    if isinstance(element, list):
        return [item if isinstance(item, str) else _placed(item, public_url, named) for item in element]
    if not isinstance(element, dict):
        return element
    reference = element.get("reference")
    kind, _, id_ = reference.partition("/") if isinstance(reference, str) else ("", "", "")
    if kind in ("Patient", "Task"):
        return _reference(kind, id_, public_url, named)
    return {
        name: value if isinstance(value, str) else _placed(value, public_url, named) for name, value in element.items()
    }


def _reference(kind: str, id_: str, public_url: str, named: frozenset[str]) -> dict[str, Any]:
    if kind == "Task":
        return {"reference": f"{public_url}/fhir/Task/{id_}"}
    if id_ in named:
        return {"reference": f"urn:uuid:{id_}"}
    return {"type": "Patient", "identifier": {"system": PERSON, "value": id_}}
