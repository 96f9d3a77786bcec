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
    told: Earlier | None
    """Who sent these and who was told of them, as routing wants it."""
    problems: tuple[Problem, ...]


def followed(session: Session, ctx: Context, message: Message, world: World, now: datetime) -> Followed:
    """What this message, its persons keyed by their ids, answers or ends."""
    reference = _named(session, message)
    ended = _of_pregnancy(session, ctx, message, world, now) if ctx.policy.events[message.event].quiet else []
    problems = _unknown(message) if message.reference and reference is None else ()
    return Followed(reference, tuple(ended), _told(session, reference, ended), problems)


def _named(session: Session, message: Message) -> Notification | None:
    """A team takes back only what it sent itself; it may answer whatever it was told of."""
    if message.reference is None or message.sender is None:
        return None
    find = notifications.earlier if message.event is Event.WITHDRAW else notifications.known_as
    return find(session, message.sender, message.reference)


def _unknown(message: Message) -> tuple[Problem, ...]:
    """An answer that names whom it is for arrives without it; a withdrawal without it takes nothing back."""
    severe = message.event is Event.WITHDRAW or (message.event is Event.REFERRAL_OUTCOME and not message.to)
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
