"""Dead letters looked at and tried again by those who run the broker; each look and each retry is in the audit, and none shows content."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotFound
from broker.storage import audit, dead_letters
from broker.storage.dead_letters import Letter, Tried
from broker.storage.keyset import Position

ENTITY = "dead-letter"
"""What the audit calls them."""


def page(
    session: Session,
    caller: Caller | None,
    *,
    team_id: str | None,
    after: Position | None,
    limit: int,
    now: datetime,
) -> tuple[list[Letter], Position | None]:
    """One page of them, oldest first, of one team or of all."""
    found, last = dead_letters.page(session, team_id=team_id, after=after, limit=limit)
    detail = {"team": team_id, "count": len(found)}
    audit.record(session, action="search", entity=ENTITY, entity_id=None, now=now, caller=caller, detail=detail)
    return found, last


def show(session: Session, caller: Caller | None, delivery_id: str, now: datetime) -> tuple[Letter, list[Tried]]:
    """One with every try. What has been delivered since is shown as that; NotFound when no team was ever to have it."""
    letter = dead_letters.find(session, delivery_id)
    if letter is None:
        raise NotFound("There is no such delivery: see `baton dead-letters list`.")
    audit.record(session, action="read", entity=ENTITY, entity_id=delivery_id, now=now, caller=caller)
    return letter, dead_letters.tries(session, delivery_id)


def retry(session: Session, caller: Caller | None, delivery_ids: Sequence[str], now: datetime) -> list[Letter]:
    """Have these tried at once, and how each stands then; a second time changes nothing. NotFound when one of them is none.

    One whose channel is switched off stays as it is: it goes out when the channel is switched on.
    """
    due = set(dead_letters.make_due(session, now=now, ids=delivery_ids))
    letters = [dead_letters.find(session, id_) for id_ in dict.fromkeys(delivery_ids)]
    if any(letter is None for letter in letters):
        raise NotFound("There is no such delivery: see `baton dead-letters list`.")
    _note(session, caller, sorted(due), now)
    return [letter for letter in letters if letter is not None]


def retry_all(session: Session, caller: Caller | None, team_id: str | None, now: datetime) -> list[str]:
    """Have all parked deliveries of a team, or of all, tried at once; ids of those that were not due already."""
    due = dead_letters.make_due(session, now=now, team_id=team_id)
    _note(session, caller, due, now)
    return due


def _note(session: Session, caller: Caller | None, due: Sequence[str], now: datetime) -> None:
    audit.record_many(session, action="retry", entity=ENTITY, entity_ids=due, now=now, caller=caller)
