"""Who stands behind a number, and what an event points to, is asked elsewhere: written with the message, asked in its own time, taken as if the sender had said it.

What an answer says goes in by `receive`, which calls `ask` here; so what comes of an answer is in `looked_up.py`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from adapters.port import Lookup
from broker.domain.states import LookupState
from broker.domain.world import World
from broker.storage import lookups, people
from broker.storage.lookups import Asking
from broker.workflow.context import Context
from schemas.message import Identifier, Message

AT_ONCE = 8
"""Questions under way in one process: what is asked is a case management system, and nobody waits behind it."""


def ask(
    session: Session,
    ctx: Context,
    notification_id: str,
    team_id: str,
    wanted: Sequence[Lookup],
    message: Message,
    world: World,
    now: datetime,
) -> None:
    """Write down what a message leaves open: whoever in it is known by a number alone is asked about, and whoever is known is not."""
    numbers = _unknown_by(message, world) if wanted else set()
    for lookup in wanted:
        if lookup.completes:
            _add(session, ctx, notification_id, team_id, lookup, now, alone=True)
        elif lookup.subject is None or (lookup.subject.system, lookup.subject.value) in numbers:
            _add(session, ctx, notification_id, team_id, lookup, now, alone=False)


def ask_for_it(
    session: Session, ctx: Context, notification_id: str, team_id: str, wanted: Sequence[Lookup], now: datetime
) -> None:
    """Write down what an event only points to: nothing can be told before that has been read."""
    for lookup in wanted:
        _add(session, ctx, notification_id, team_id, lookup, now, alone=True)


def _unknown_by(message: Message, world: World) -> set[tuple[str, str]]:
    nobodies = [person for person in message.people if not world.people[person.key].resolved]
    return {(number.system, number.value) for person in nobodies for number in person.identifiers}


def _add(
    session: Session, ctx: Context, notification_id: str, team_id: str, lookup: Lookup, now: datetime, *, alone: bool
) -> None:
    lookups.add(
        session,
        ctx.codec,
        notification_id=notification_id,
        team_id=team_id,
        client=lookup.client,
        subject=lookup.subject,
        reference=lookup.reference,
        alone=alone,
        now=now,
    )


def take(session: Session, ctx: Context, *, now: datetime, lease: timedelta) -> list[Asking]:
    """What a worker asks next. Who has become known meanwhile need not be asked about any more."""
    return [
        asking
        for asking in lookups.take(session, ctx.codec, now=now, lease=lease, limit=AT_ONCE)
        if asking.alone or asking.subject is None or not _said_since(session, ctx, asking, asking.subject, now)
    ]


def _said_since(session: Session, ctx: Context, asking: Asking, subject: Identifier, now: datetime) -> bool:
    known = people.resolved_by(session, ctx.codec, subject.system, subject.value)
    if known:
        lookups.end(session, asking.id, LookupState.NEEDLESS, last="", now=now)
    return known
