"""`retain`: what messages say, then who people were, goes when its time is over, a bounded part a pass; a legal hold keeps it, placed and lifted with a reason in the audit."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.responsibility import Cause, Ledger
from broker.domain.states import HeldBy, Unheld
from broker.errors import Conflict, Invalid, NotFound
from broker.storage import audit, leases, people, people_retention, responsibility, retention, subject_access
from broker.storage.audit import Entry
from broker.storage.retention import Hold
from broker.storage.tables import Notification
from broker.workflow.context import Context
from schemas.problem import Problem

LEASE: Final = "retention"
AT_ONCE: Final = 50
"""Messages of one pass, and people: some milliseconds each, so that nobody waits for it."""
EVERY: Final = timedelta(hours=1)
"""Time between two looks when nothing was due."""
OPERATOR: Final = "operator"


def apply(session: Session, ctx: Context, now: datetime) -> int:
    """Destroy what the oldest due messages say; how many. Each is in the audit. Who places a hold meanwhile waits for it."""
    leases.in_turn(session, LEASE)
    subject_access.expire(session, now)
    found = retention.due(session, ctx.policy.retention, now, AT_ONCE)
    for id_ in found:
        retention.shred(session, ctx.codec, id_, now)
    _note_each(session, ctx, "notification", found, "shred", now)
    return len(found)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a look at people came to: how many were looked at, and of how many nothing is known any more."""

    looked: int
    erased: int


def erase(session: Session, ctx: Context, now: datetime) -> Passed:
    """Look at those whose time may be over, and take away who they were where it is. Each is in the audit, and each household in which nobody is left."""
    leases.in_turn(session, LEASE)
    looked = people_retention.take(session, ctx.policy.retention.people, now, AT_ONCE)
    over = [one.id for one in looked if one.is_over(now)]
    people_retention.look_again(session, [one for one in looked if not one.is_over(now)], now)
    if over:
        _release(session, over, now)
        empty = people_retention.erase(session, ctx.codec, over, now)
        _note_each(session, ctx, "person", over, "erase", now)
        _note_each(session, ctx, "household", empty, "erase", now)
    return Passed(len(looked), len(over))


def _release(session: Session, persons: Collection[str], now: datetime) -> None:
    """Nobody is responsible for them any more."""
    ledger = Ledger(responsibility.chains(session, persons), Cause(now=now, occurred_at=now))
    for key in ledger.chains:
        if ledger.holder(key) is not None:
            ledger.unheld(key, Unheld.SEALED, HeldBy.SEALING)
    responsibility.record(session, ledger.made(), now)


def _note_each(session: Session, ctx: Context, entity: str, ids: Iterable[str], did: str, now: datetime) -> None:
    detail = {"did": did, "policy": ctx.policy.version}
    entries = [Entry(action="administer", entity=entity, entity_id=id_, detail=detail) for id_ in ids]
    audit.record_each(session, entries, now=now)


def is_due(session: Session, ctx: Context, now: datetime) -> bool:
    """Whether there is anything to do, without doing it."""
    rules = ctx.policy.retention
    return bool(retention.due(session, rules, now, 1) or people_retention.waiting(session, rules.people, now, 1))


def apply_alone(session: Session, ctx: Context, *, holder: str, now: datetime, lease: timedelta) -> bool:
    """Both where several processes run: one at a time. Whether there may be more."""
    if not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return False
    return max(apply(session, ctx, now), erase(session, ctx, now).looked) >= AT_ONCE


def place(session: Session, ctx: Context, caller: Caller | None, wanted: Hold) -> Hold:
    """Place a hold, once; the same again changes nothing. Conflict when another stands under its id; Invalid when what it names is not there."""
    leases.in_turn(session, LEASE)  # what is held by now is not destroyed after
    before = retention.hold(session, ctx.codec, wanted.id)
    if before is not None:
        if (before.person_id, before.notification_id, before.reason) != _what(wanted) or before.lifted_at is not None:
            raise Conflict("Another hold, or one that was lifted, has this id: give the new one an id of its own.")
        return before
    if (wanted.person_id is None) == (wanted.notification_id is None):
        raise Invalid(problems=[Problem("person", "or notification is required, one of the two", "required")])
    if wanted.person_id is not None:
        if not people.is_known(session, wanted.person_id):
            raise Invalid(problems=[Problem("person", "is nobody here", "not-found")])
        # Whom two records were found to be is one person, of whom everything is kept.
        wanted = replace(wanted, person_id=people.survivors(session, [wanted.person_id])[wanted.person_id])
    if wanted.notification_id is not None and session.get(Notification, wanted.notification_id) is None:
        raise Invalid(problems=[Problem("notification", "is not here", "not-found")])
    retention.place(session, ctx.codec, wanted)
    _note(session, caller, wanted.id, "place", wanted.placed_at)
    return wanted


def lift(session: Session, ctx: Context, caller: Caller | None, id_: str, because: str, now: datetime) -> Hold:
    """Lift a hold; of one that was lifted nothing changes."""
    leases.in_turn(session, LEASE)
    before = retention.hold(session, ctx.codec, id_)
    if before is None:
        raise NotFound("There is no legal hold by that id: see `baton retention holds`.")
    if before.lifted_at is None:
        retention.lift(session, ctx.codec, id_, by=by(caller), because=because, now=now)
        _note(session, caller, id_, "lift", now)
    after = retention.hold(session, ctx.codec, id_)
    assert after is not None
    return after


def by(caller: Caller | None) -> str:
    """Who it was, as the hold keeps it."""
    return OPERATOR if caller is None else caller.client


def _what(hold: Hold) -> tuple[str | None, str | None, str]:
    return hold.person_id, hold.notification_id, hold.reason


def _note(session: Session, caller: Caller | None, id_: str, did: str, now: datetime) -> None:
    detail = {"did": did}
    audit.record(
        session, action="administer", entity="legal-hold", entity_id=id_, now=now, caller=caller, detail=detail
    )
