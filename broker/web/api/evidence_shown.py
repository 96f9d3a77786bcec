"""How the evidence of a handover is shown: ids, codes, times, and practitioners as their agencies assert them; no words about anybody."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import Field

from broker.domain.states import AttemptOutcome, DeliveryState, HeldBy, NotificationState, Purpose, Unheld, View
from broker.storage.task_values import Who
from broker.web.api.handover_rows import HandoverRow, Shown, row
from broker.workflow.evidence import Evidence, Received, TaskTrail
from schemas.codes import Event as MessageEvent
from schemas.codes import Function, TaskCode, TaskStatus

Of = TypeVar("Of", bound=Shown)


class MessageShown(Shown):
    """The message as it came. Its content is for those it was addressed to; the hash shows that it is the one kept."""

    id: str
    message_id: str | None = Field(description="MessageHeader.id, or the key that its adapter documents")
    sender_team_id: str = Field(serialization_alias="from")
    via: str
    clients: list[str] = Field(description="The systems that sent it")
    received_at: datetime = Field(serialization_alias="received")
    occurred_at: datetime | None = Field(serialization_alias="occurred")
    event: MessageEvent | None
    state: NotificationState
    standing: str
    content_type: str
    size: int = Field(description="Bytes")
    sha256: str = Field(description="Of the bytes as they came, in hexadecimal")
    reference_id: str | None = Field(serialization_alias="refersTo")
    withdrawn_at: datetime | None = Field(serialization_alias="withdrawn")


class DecisionShown(Shown):
    """One team that came into question: told, held or withheld, because."""

    team: str
    name: str
    decision: str
    view: str
    purpose: str
    due: str
    reason_code: str
    reason: str
    rule: str
    cites: str


class RoutingShown(Shown):
    """Who was told and who was not, under which policy."""

    policy_version: str
    teams: list[DecisionShown]


class AttemptShown(Shown):
    """One try to hand it over."""

    at: datetime
    outcome: AttemptOutcome
    detail: str


class DeliveryShown(Shown):
    """One message to one team, with each try."""

    id: str
    team_id: str = Field(serialization_alias="team")
    cause: str = Field(description="Empty for the notification itself; else what it tells of")
    state: DeliveryState
    purpose: Purpose
    view: View
    reason_code: str
    reason: str
    policy_version: str
    number: int | None = Field(serialization_alias="mailboxNumber")
    created_at: datetime = Field(serialization_alias="created")
    sent_at: datetime | None = Field(serialization_alias="sent")
    delivered_at: datetime | None = Field(serialization_alias="delivered")
    attempts: list[AttemptShown]


class ByShown(Shown):
    """A practitioner as the agency asserts; whether the role is professional or clerical is the policy's."""

    name: str
    role: str
    kind: str


class EventShown(Shown):
    """One move of a task. `notShown` names what it brought besides: words, which are for the teams concerned."""

    version: int
    move: str
    at: datetime
    team: str | None
    client: str | None
    by: ByShown | None
    brought: dict[str, Any]
    not_shown: list[str]


class EscalationShown(Shown):
    """One rung: who was told, or that nobody could be."""

    level: int
    rung: str
    team_id: str | None = Field(serialization_alias="team")
    channel: str | None
    due_at: datetime
    at: datetime


class TaskShown(Shown):
    """A task of the handover: its own, a line, a question, an agreed action."""

    id: str
    code: TaskCode
    part_of: str | None
    owner_team_id: str = Field(serialization_alias="owner")
    requester_team_id: str | None = Field(serialization_alias="requester")
    person_id: str | None = Field(serialization_alias="person")
    status: TaskStatus
    business_status: str | None
    reason_code: str | None
    level: int
    authored_at: datetime = Field(serialization_alias="authored")
    due_at: datetime | None = Field(serialization_alias="due")
    delivered_at: datetime | None = Field(serialization_alias="delivered")
    opened_at: datetime | None = Field(serialization_alias="opened")
    answered_at: datetime | None = Field(serialization_alias="answered")
    events: list[EventShown]
    escalations: list[EscalationShown]


class PeriodShown(Shown):
    """A period of responsibility that this handover began."""

    person_id: str = Field(serialization_alias="person")
    function: Function
    team_id: str | None = Field(serialization_alias="team")
    unheld: Unheld | None = Field(serialization_alias="because")
    since: datetime
    until: datetime | None
    occurred_at: datetime | None = Field(serialization_alias="occurred")
    held_by: HeldBy
    task_id: str | None = Field(serialization_alias="task")


class AuditShown(Shown):
    """An entry of the audit log about it."""

    id: str
    at: datetime
    action: str
    outcome: str
    client_name: str | None = Field(serialization_alias="client")
    team_id: str | None = Field(serialization_alias="team")
    entity: str
    entity_id: str | None


class EvidenceShown(Shown):
    """Everything about one handover, each part in the order in which it happened."""

    at: datetime
    handover: HandoverRow
    message: MessageShown
    routing: RoutingShown
    deliveries: list[DeliveryShown]
    tasks: list[TaskShown]
    responsibility: list[PeriodShown]
    audit: list[AuditShown]


def shown(evidence: Evidence, at: datetime) -> EvidenceShown:
    """The evidence as it is shown."""
    routing = evidence.routing
    return EvidenceShown(
        at=at,
        handover=row(evidence.handover),
        message=_message(evidence.received),
        routing=RoutingShown(
            policy_version=routing.policy_version, teams=[DecisionShown(**each) for each in routing.rows]
        ),
        deliveries=[
            _of(DeliveryShown, delivery, attempts=[_of(AttemptShown, attempt) for attempt in attempts])
            for delivery, attempts in evidence.deliveries
        ],
        tasks=[_task(trail) for trail in evidence.tasks],
        responsibility=[_of(PeriodShown, period) for period in evidence.periods],
        audit=[_of(AuditShown, entry) for entry in evidence.written_down],
    )


def _of(kind: type[Of], source: object, **more: object) -> Of:
    """What is shown of a row: the fields of the same names."""
    fields = kind.model_fields.keys() - more.keys()
    return kind(**{name: getattr(source, name) for name in fields}, **more)


def _message(received: Received) -> MessageShown:
    more = {"clients": list(received.clients), "size": received.size, "sha256": received.sha256}
    return _of(MessageShown, received.notification, **more)


def _task(trail: TaskTrail) -> TaskShown:
    events = [_of(EventShown, event, by=_by(event.by), not_shown=list(event.not_shown)) for event in trail.events]
    rungs = [_of(EscalationShown, rung) for rung in trail.escalations]
    return _of(TaskShown, trail.task.row, events=events, escalations=rungs)


def _by(who: Who | None) -> ByShown | None:
    return None if who is None else ByShown(name=who["name"], role=who["role"], kind=who["kind"])
