"""A transfer's summary for the parent-held record: each child's own care, who hands over to whom, and nothing a family must not read (F26)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlmodel import Session, col, select

from broker.domain.caller import Caller
from broker.domain.tasks import BusinessStatus
from broker.domain.world import Team
from broker.errors import Conflict, NotFound
from broker.storage import audit, mailbox, tasks
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Scope, Stored
from broker.workflow import outbound, said
from broker.workflow.context import Context
from schemas.codes import TaskCode, TaskStatus
from schemas.events import FACTS
from schemas.message import Coding, Fact, FactValue, Message

_LEFT_OUT = frozenset({BusinessStatus.EXCLUDED, BusinessStatus.LEFT_HOUSEHOLD, BusinessStatus.NO_LONGER_CURRENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One child of the summary. `said` are pairs of words for people."""

    name: str
    born: date | None
    confirmed: bool
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is printed for the parents."""

    sender: Team
    receiver: Team
    sent: datetime
    children: tuple[Child, ...]


def summary(session: Session, ctx: Context, caller: Caller, transfer_id: str, now: datetime) -> Summary:
    """The summary of a transfer for its sender or receiver. NotFound for anybody else; Conflict when no family may read it."""
    whole = tasks.get(session, ctx.codec, transfer_id, Scope(team=caller.team))
    if whole is None or whole.row.code != TaskCode.TRANSFER or whole.row.notification_id is None:
        raise NotFound
    if caller.team not in (whole.row.owner_team_id, whole.requester):
        raise NotFound
    row = session.get_one(Notification, whole.row.notification_id)
    message = said.now(session, ctx.codec, row)
    if ctx.policy.marks.not_for_family in message.labels:
        raise Conflict("The sender has marked this transfer as not to be shown to the family.")
    if row.sender_team_id != caller.team:
        message = _as_told(session, ctx, row, caller.team or "", now)
    lines = tasks.parts_of(session, ctx.codec, whole.row.id, TaskCode.CONFIRM_CHILD)
    children = tuple(_child(ctx, message, line) for line in lines if _shown(message, line))
    audit.record(session, action="disclose", entity="task", entity_id=transfer_id, now=now, caller=caller)
    teams = ctx.directory.teams
    return Summary(
        sender=teams[whole.row.requester_team_id or ""],
        receiver=teams[whole.row.owner_team_id],
        sent=message.sent or whole.row.authored_at,
        children=children,
    )


def _as_told(session: Session, ctx: Context, row: Notification, team_id: str, now: datetime) -> Message:
    """What the receiver was told, as it may know it now. NotFound when it was told nothing, or what it was told was taken back."""
    query = select(Delivery.id).where(
        Delivery.notification_id == row.id,
        Delivery.team_id == team_id,
        Delivery.cause == "",
        col(Delivery.state).not_in(mailbox.NEVER_SHOWN),
    )
    delivery_id = session.exec(query).first()
    message = None if delivery_id is None else outbound.seen(session, ctx, delivery_id, now)
    if message is None:
        raise NotFound
    return message


def _shown(message: Message, line: Stored) -> bool:
    """Whom the sender itself names, unless left out since; a child whom only Baton found is not for this sheet to announce."""
    if line.now().business_status in _LEFT_OUT or line.row.person_id not in message.subjects:
        return False
    return not message.person(line.row.person_id).protected


def _child(ctx: Context, message: Message, line: Stored) -> Child:
    person = message.person(line.row.person_id or "")
    return Child(
        name=" ".join((*person.given, person.family or "")).strip(),
        born=person.birth_date,
        confirmed=line.row.status == TaskStatus.COMPLETED,
        said=tuple(_facts(ctx, message, person.key)),
    )


def _facts(ctx: Context, message: Message, person: str) -> Iterator[tuple[str, str]]:
    """In the policy's order; more than one of a kind in the order of the message."""
    for code in ctx.policy.transfers.summary:
        for fact in message.facts:
            if fact.code == code and fact.about == person:
                yield FACTS[code].text, fact_words(fact)


def fact_words(fact: Fact) -> str:
    """What a fact says, for people: value, unit and time."""
    said = _value(fact.value)
    if fact.unit:
        said = f"{said} {fact.unit.strip('{}')}"
    return f"{said} ({_value(fact.at)})" if fact.at is not None else said


def _value(value: FactValue) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Coding():
            return value.display or value.code
        case Decimal():
            return f"{value.normalize():f}"
        case datetime():
            return f"{value:%-d %B %Y, %H:%M}"
        case date():
            return f"{value:%-d %B %Y}"
    return str(value)
