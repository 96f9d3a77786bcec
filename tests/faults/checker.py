"""The one checker of every row of the failure matrix: what was accepted is all there, once, for those entitled and nobody else, and nothing is stuck.

It reads the database as it is, beside what clients were answered and what receivers have on their own disks; it asks the broker nothing.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.clock import utc_now
from broker.domain.states import DeliveryState, NotificationState
from broker.storage import audit_log, notifications, row_audit, signing
from broker.storage.codec import AesCodec, Tampered
from broker.storage.store import Store, open_store
from broker.storage.tables import Audit, Delivery, MailboxNumber, Notification, Task
from broker.workflow import verify
from schemas.codes import TaskCode, TaskStatus
from tests.faults.load import Sent
from tests.faults.receivers import Received
from tests.faults.size import size
from tests.faults.town import LEASE_SECONDS, PUSHED, SENDER, TOLD, Town

DRAIN: Final = float(size(300, 1800))
"""Seconds after the end of a fault until all must be where it belongs."""
SLACK: Final = timedelta(seconds=2)
"""Beyond its lease: the worker looks again every 0.2 s, and the machine is busy."""
_CHUNK: Final = 500
_ENDED: Final = (TaskStatus.COMPLETED, TaskStatus.REJECTED, TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run came to; the report prints these and no others."""

    accepted: int
    lost: int
    repeated: int
    """Messages that clients sent more than once, because they had no answer."""
    effects_twice: int
    shown_to_strangers: int
    deliveries: int
    duplicates_on_the_wire: int
    parked: int
    stuck: int
    longest_stall: float
    """Seconds from the commit to the longest-waiting receiver that was there."""
    longest_silence: float
    """Seconds a client waited for one answer, at most."""
    audit_entries: int

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    notification_id: str
    team: str
    state: DeliveryState
    number: int | None
    waited: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen outside the broker."""

    sent: Sequence[Sent]
    received: Callable[[], Sequence[Received]]
    waits: Sequence[tuple[int, float]] = ()
    pushed: frozenset[str] = frozenset(PUSHED)
    """Teams that are pushed to, and must have everything."""
    away: frozenset[str] = frozenset()
    """Those whose receiver never answered: their messages must be parked, each with a task for a person."""
    noted_since: datetime | None = None
    """From when on every process noted what it wrote; None where each did from the beginning."""
    behind: timedelta = verify.ALL_RIGHT
    """How far a process's clock is known to have been behind."""

    @property
    def present(self) -> frozenset[str]:
        """Those who answered."""
        return self.pushed - self.away


def check(town: Town, evidence: Evidence, *, drain: float = DRAIN) -> Figures:
    """Wait until what was accepted is handed over, then check all of it. Fails with a sentence for each promise that was broken."""
    with opened(town) as store:
        _wait_until_drained(store, evidence, drain)
        earlier = evidence.received()
        broken, figures = store.read(lambda session: _checked(session, store, town, evidence))
        broken += store.read(lambda session: _misnumbered(session, earlier))
        broken += store.read(lambda session: _audit(session, store, evidence))
        assert not broken, "\n".join(broken)
        return figures


@contextmanager
def opened(town: Town) -> Iterator[Store]:
    """The town's database."""
    store = open_store(town.database_url, AesCodec(town.key.encode()))
    try:
        yield store
    finally:
        store.close()


# --- the end of the run --------------------------------------------------------------------------------------------------


def _wait_until_drained(store: Store, evidence: Evidence, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while left := store.read(lambda session: _left(session, evidence)):
        if time.monotonic() > give_up:
            raise AssertionError(f"still to be done after {seconds:.0f} s: {left}")
        time.sleep(0.2)


def _left(session: Session, evidence: Evidence) -> dict[str, int]:
    """What workers have still to do."""
    state, number = col(Delivery.state), col(Delivery.number)
    never = (DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED)
    unsaid = sa.and_(col(Delivery.team_id).in_(evidence.present), state.not_in((DeliveryState.DELIVERED, *never)))
    unparked = sa.and_(
        col(Delivery.team_id).in_(evidence.away),
        state.not_in((DeliveryState.PARKED, DeliveryState.SENDING, DeliveryState.DELIVERED, *never)),
    )
    counted = {
        "to be pushed": unsaid,
        "to be parked": unparked,
        "without a number": sa.and_(number.is_(None), state.not_in(never)),
    }
    found = {
        name: session.scalar(sa.select(sa.func.count()).select_from(Delivery).where(which))
        for name, which in counted.items()
    }
    # A receiver that fails for ever makes an entry at every try: one that was just written is not left over.
    late = sa.select(sa.func.count()).where(col(Audit.unsealed), col(Audit.at) < utc_now() - SLACK)
    found["audit entries unsealed"] = session.scalar(late) or 0
    return {name: count for name, count in found.items() if count}


# --- what must be so -----------------------------------------------------------------------------------------------------


def _checked(session: Session, store: Store, town: Town, evidence: Evidence) -> tuple[list[str], Figures]:
    audit_log.one_snapshot(session)  # workers go on meanwhile: escalations, outcomes and their numbers
    accepted = {one.id: one for one in evidence.sent if one.accepted is not None}
    kept = _notifications(session, town.before)
    lost = accepted.keys() - kept.keys()
    strange = kept.keys() - {one.id for one in evidence.sent}
    rows = _deliveries(session, kept.values())
    all_rows = _all(session)
    ours = {row.id: row for row in all_rows}
    notified = set(kept.values())
    pushed = [row for row in all_rows if row.notification_id in notified and row.team in evidence.present]
    wire = Counter((one.team, one.id) for one in evidence.received() if one.id in ours)
    wrong_people = _wrong_people(rows, ours, wire)
    twice = _twice(session, rows)
    broken = [
        *_some("accepted and not in the database", lost),
        *_some("in the database and never sent", strange),
        *_some("kept otherwise than it was sent", _altered(session, store, kept, accepted)),
        *_some("not decided for every team that must be told", _undecided(rows, kept)),
        *_some("shown to a team that is not entitled", wrong_people),
        *_some("had two effects", twice),
        *_some("said to be delivered and not on the receiver's disk", _unreceived(pushed, wire)),
        *_some("leased for longer than a lease", stuck := _stuck(session)),
        *_some("mailbox numbers with a gap", _gaps(session, all_rows)),
        *_some("with no task that somebody has answered or that climbs", _untracked(session, kept, accepted)),
        *_some("parked without a task for a person", _unnoticed(session, all_rows)),
    ]
    figures = Figures(
        accepted=len(accepted),
        lost=len(lost),
        repeated=sum(len(one.answers) > 1 for one in evidence.sent),
        effects_twice=len(twice),
        shown_to_strangers=len(wrong_people),
        deliveries=sum(len(teams) for teams in rows.values()),
        duplicates_on_the_wire=sum(count - 1 for count in wire.values()),
        parked=sum(row.state is DeliveryState.PARKED for row in all_rows),
        stuck=len(stuck),
        longest_stall=round(max((row.waited or 0.0 for row in pushed), default=0.0), 1),
        longest_silence=round(max((seconds for _, seconds in evidence.waits), default=0.0), 1),
        audit_entries=audit_log.sealed_count(session),
    )
    return broken, figures


def _some(what: str, which: Collection[str]) -> list[str]:
    return [f"{len(which)} {what}, as {', '.join(sorted(which)[:3])}"] if which else []


def _notifications(session: Session, before: Collection[str]) -> dict[str, str]:
    """Messages of the load that are kept: message id → our id."""
    found = sa.select(col(Notification.message_id), col(Notification.id)).where(
        col(Notification.sender_team_id) == SENDER, col(Notification.state) != NotificationState.REFUSED
    )
    return {message: id_ for message, id_ in session.execute(found) if message not in before}


def _deliveries(session: Session, ids: Collection[str]) -> Mapping[str, dict[str, DeliveryState]]:
    """For each notification, what was decided for whom: our id → team → state."""
    found: dict[str, dict[str, DeliveryState]] = defaultdict(dict)
    wanted = set(ids)
    columns = sa.select(col(Delivery.notification_id), col(Delivery.team_id), col(Delivery.state))
    for notification, team, state in session.execute(columns.where(col(Delivery.cause) == "")):
        if notification in wanted:
            found[notification][team] = DeliveryState(state)
    return found


def _all(session: Session) -> list[_Row]:
    found = session.execute(
        sa.select(
            col(Delivery.id),
            col(Delivery.notification_id),
            col(Delivery.team_id),
            col(Delivery.state),
            col(Delivery.number),
            col(Delivery.created_at),
            col(Delivery.delivered_at),
        )
    )
    return [
        _Row(id_, about, team, DeliveryState(state), number, (at - created).total_seconds() if at else None)
        for id_, about, team, state, number, created, at in found
    ]


def _altered(session: Session, store: Store, kept: Mapping[str, str], accepted: Mapping[str, Sent]) -> set[str]:
    """Messages whose bytes are not those that were accepted."""
    wrong = set()
    ids = [message for message in kept if message in accepted]
    for begin in range(0, len(ids), _CHUNK):
        found = sa.select(Notification).where(col(Notification.message_id).in_(ids[begin : begin + _CHUNK]))
        for row in session.scalars(found):
            if _stored(store, row) != accepted[row.message_id or ""].body:
                wrong.add(row.message_id or "")
    return wrong


def _stored(store: Store, row: Notification) -> bytes | None:
    try:
        return notifications.raw_of(store.codec, row)
    except Tampered:
        return None


_NOT_TOLD: Final = (DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED)


def _undecided(rows: Mapping[str, dict[str, DeliveryState]], kept: Mapping[str, str]) -> set[str]:
    told = {id_: {team for team, state in teams.items() if state not in _NOT_TOLD} for id_, teams in rows.items()}
    return {id_ for id_ in kept.values() if not told.get(id_, set()) >= TOLD}


def _wrong_people(
    rows: Mapping[str, dict[str, DeliveryState]], ours: Mapping[str, _Row], wire: Mapping[tuple[str, str], int]
) -> set[str]:
    """Told in the database and not entitled, or pushed to another team's server than the row's own."""
    told = {
        f"{id_} to {team}"
        for id_, teams in rows.items()
        for team, state in teams.items()
        if team not in TOLD and state not in _NOT_TOLD
    }
    return told | {f"{id_} at {team}" for team, id_ in wire if id_ not in ours or ours[id_].team != team}


def _twice(session: Session, rows: Mapping[str, dict[str, DeliveryState]]) -> set[str]:
    """Messages that are kept twice, or that ask one team twice for the same acknowledgement."""
    message = col(Notification.message_id)
    kept = (
        sa.select(message)
        .where(col(Notification.sender_team_id) == SENDER, message.is_not(None))
        .group_by(message)
        .having(sa.func.count() > 1)
    )
    asked = (
        sa.select(col(Task.notification_id))
        .where(col(Task.code) == TaskCode.ACKNOWLEDGE)
        .group_by(col(Task.notification_id), col(Task.owner_team_id))
        .having(sa.func.count() > 1)
    )
    told = (
        sa.select(col(Delivery.notification_id))
        .group_by(col(Delivery.notification_id), col(Delivery.team_id), col(Delivery.cause))
        .having(sa.func.count() > 1)
    )
    return {str(id_) for query in (kept, asked, told) for id_ in session.scalars(query)}


def _unreceived(rows: Sequence[_Row], wire: Mapping[tuple[str, str], int]) -> set[str]:
    return {row.id for row in rows if row.state is DeliveryState.DELIVERED and (row.team, row.id) not in wire}


def _misnumbered(session: Session, received: Sequence[Received]) -> list[str]:
    """A receiver can tell order and loss only by the number; None where an earlier version pushed.

    What was received before this looks: workers go on meanwhile, and number what they push after it.
    """
    numbers = dict(session.execute(sa.select(col(Delivery.id), col(Delivery.number))).all())
    wrong = {one.id for one in received if one.id in numbers and one.sequence not in (None, numbers[one.id])}
    return _some("pushed under another number than their own", wrong)


def _stuck(session: Session) -> set[str]:
    late = utc_now() - timedelta(seconds=LEASE_SECONDS) - SLACK
    found = sa.select(col(Delivery.id)).where(
        col(Delivery.state) == DeliveryState.SENDING, col(Delivery.lease_until) < late
    )
    return set(session.scalars(found))


def _gaps(session: Session, rows: Sequence[_Row]) -> set[str]:
    """Teams whose numbers are not 1, 2, 3 … up to the last that was given."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.number is not None:
            numbers[row.team].append(row.number)
    last = dict(session.execute(sa.select(col(MailboxNumber.team_id), col(MailboxNumber.last))).all())
    return {team for team, given in numbers.items() if sorted(given) != list(range(1, last.get(team, 0) + 1))}


def _untracked(session: Session, kept: Mapping[str, str], accepted: Mapping[str, Sent]) -> set[str]:
    """Accepted messages of which no task is answered, withdrawn, or open with a time at which it climbs to somebody else."""
    tracked = sa.or_(
        col(Task.status).in_(_ENDED),
        col(Task.answered_at).is_not(None),
        col(Task.climbs_at).is_not(None),
        col(Task.level) > 0,
    )
    found = set(
        session.scalars(sa.select(col(Task.notification_id)).where(col(Task.code) == TaskCode.ACKNOWLEDGE, tracked))
    )
    return {message for message, id_ in kept.items() if message in accepted and id_ not in found}


def _unnoticed(session: Session, rows: Sequence[_Row]) -> set[str]:
    keys = session.scalars(sa.select(col(Task.dedupe_key)).where(col(Task.code) == TaskCode.UNDELIVERABLE))
    raised = {tuple(str(key).split(":")[1:3]) for key in keys}
    return {
        row.id for row in rows if row.state is DeliveryState.PARKED and (row.notification_id, row.team) not in raised
    }


def _audit(session: Session, store: Store, evidence: Evidence) -> list[str]:
    """What `baton audit verify` and `baton audit rows` find wrong."""
    public = signing.Signer(store.codec).public
    found = verify.of_database(session, {signing.key_id(public): public}, behind=evidence.behind)
    differing = row_audit.compare(session, evidence.noted_since).differing
    return [
        *(f"the audit does not verify: {fault.what}" for fault in found.faults),
        *(f"{one.kind} {one.id} is not what the audit says of it: {one.what}" for one in differing),
    ]
