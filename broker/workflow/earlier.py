"""The messages that a message answers or ends: found by any id under which its sender knows them, with who was told of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from sqlmodel import Session

from broker.domain.kinship import children_of
from broker.domain.routing import Earlier
from broker.domain.states import PersonState, View
from broker.domain.world import World
from broker.storage import deliveries, notifications
from broker.storage.tables import Notification
from broker.workflow.context import Context
from schemas.codes import Event
from schemas.message import Message
from schemas.problem import Problem
from schemas.records import is_record

FROM_CONCEPTION: Final = timedelta(days=280)
"""To the expected date: what was told before was of a pregnancy before."""

_REFERENCE: Final = "Bundle.entry[0].resource.extension('reference')"


@dataclass(frozen=True, slots=True)
class Followed:
    """What a message follows."""

    reference: Notification | None
    """The message that it names."""
    ended: tuple[Notification, ...]
    """Messages about the pregnancy that it ends, oldest first; none while another child of it is expected."""
    taken_back: tuple[Notification, ...]
    """Messages that it withdraws: the one it names, or all that still stand of the record it names."""
    told: Earlier | None
    """Who sent these and who was told of them, as routing wants it."""
    problems: tuple[Problem, ...]


def followed(session: Session, ctx: Context, message: Message, world: World, now: datetime) -> Followed:
    """What this message, its persons keyed by their ids, answers or ends."""
    named = _named(session, message)
    reference = named[0] if named else None
    ended = _of_pregnancy(session, ctx, message, world, now) if ctx.policy.events[message.event].quiet else []
    problems = _unknown(message) if message.reference and reference is None else ()
    taken_back = named if message.event is Event.WITHDRAW else ()
    return Followed(reference, tuple(ended), taken_back, _told(session, reference, ended), problems)


def overtaken(session: Session, ctx: Context, message: Message, sender_id: str) -> bool:
    """Whether the sender took the message's record back by what it sent later and what came before: feeds keep no order.

    A record that is told of by what was sent after its withdrawal has been restored.
    """
    record, sent = message.reference, message.sent
    if record is None or sent is None or message.event is Event.WITHDRAW or not is_record(record):
        return False
    taken_back = notifications.withdrawals_of_record(session, sender_id, record)
    times = [notifications.message_of(ctx.codec, row).sent for row in taken_back]
    return any(time is not None and time > sent for time in times)


def _named(session: Session, message: Message) -> tuple[Notification, ...]:
    """A team takes back only what it sent itself; it may answer whatever it was told of. Of a record the newest stands first."""
    if message.reference is None or message.sender is None:
        return ()
    find = notifications.earlier if message.event is Event.WITHDRAW else notifications.known_as
    found = find(session, message.sender, message.reference)
    if found is None and is_record(message.reference):
        return tuple(notifications.of_record(session, message.sender, message.reference))
    return (found,) if found else ()


def _unknown(message: Message) -> tuple[Problem, ...]:
    """An answer that names whom it is for arrives without it; a withdrawal without it takes nothing back.

    Of a record that is no fault: a system cancels, too, what was never told because it was nobody's business.
    """
    of_record = is_record(message.reference)
    if of_record and message.event is not Event.WITHDRAW:
        return ()  # the first that is told of a record
    severe = (message.event is Event.WITHDRAW and not of_record) or (
        message.event is Event.REFERRAL_OUTCOME and not message.to
    )
    reason = "is of no message that your team sent"
    if message.event is not Event.WITHDRAW:
        reason += " or was told of"
    return (Problem(_REFERENCE, reason, "not-found", "warning" if severe else "information"),)


def _told(session: Session, reference: Notification | None, ended: Collection[Notification]) -> Earlier | None:
    """Whoever told of a pregnancy must hear of its end as those who were told."""
    if ended:
        senders = dict.fromkeys((row.sender_team_id for row in ended), View.FULL)
        return Earlier(sender_id=None, told={**deliveries.told(session, [row.id for row in ended]), **senders})
    if reference is None:
        return None
    return Earlier(sender_id=reference.sender_team_id, told=deliveries.told(session, [reference.id]))


def _of_pregnancy(session: Session, ctx: Context, message: Message, world: World, now: datetime) -> list[Notification]:
    children = [child for mother in message.subjects for child in children_of(world, mother)]
    if any(child.state is PersonState.UNBORN for child in children):
        return []
    expected = [c.expected for c in children if c.state is PersonState.PREGNANCY_ENDED and c.expected is not None]
    first = (max(expected) if expected else now.date()) - FROM_CONCEPTION
    events = [event for event, rules in ctx.policy.events.items() if rules.pregnancy and not rules.quiet]
    since = datetime.combine(first, time(), now.tzinfo)
    return notifications.standing_about(session, message.subjects, events, since=since)
