"""Messages and events that could not be read or routed, as far as somebody who runs the broker may see them: where and why, never what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col, select

from broker.domain.states import LookupState, NotificationState
from broker.domain.tasks import TERMINAL
from broker.storage import notifications
from broker.storage.codec import Codec
from broker.storage.keyset import Position, behind
from broker.storage.lookups import Asking, asking_of
from broker.storage.tables import Lookup, Notification, Rereading, Task
from schemas.codes import TaskCode


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at one place."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """One of them."""

    id: str
    sender: str
    """The team that sent it."""
    via: str
    """`fhir`, an adapter's kind, or kind and client of a lookup whose record it is."""
    standing: str
    """`unreadable` or `unroutable`, as it was last read."""
    since: datetime
    faults: tuple[Fault, ...]
    """As they were last found."""
    attempts: int
    """How often it was read again."""
    last_at: datetime | None
    became: str | None
    """The notification that it was taken as when it was read again."""
    tasks: tuple[str, ...]
    """Open tasks of those who look into it."""


def page(
    session: Session,
    codec: Codec,
    *,
    team_id: str | None = None,
    via: str | None = None,
    after: Position | None = None,
    limit: int,
) -> tuple[list[Quarantined], Position | None]:
    """Those that were not taken since, oldest first, and where the next page begins; None when this is the last."""
    of_team = () if team_id is None else (col(Notification.sender_team_id) == team_id,)
    by_way = () if via is None else (col(Notification.via) == via,)
    at = col(Notification.received_at)
    where = () if after is None else (behind(at, col(Notification.id), after, descending=False),)
    query = _rows().where(col(Rereading.became_id).is_(None), *of_team, *by_way, *where)
    rows = session.execute(query.order_by(at, col(Notification.id)).limit(limit + 1)).all()
    found = _shown(session, codec, [(row, again) for row, again in rows[:limit]])
    return found, Position(found[-1].since, found[-1].id) if len(rows) > limit else None


def find(session: Session, codec: Codec, id_: str) -> Quarantined | None:
    """One, whether or not it was taken since; None when none was refused by that id."""
    rows = session.execute(_rows().where(col(Notification.id) == id_)).all()
    return next(iter(_shown(session, codec, [(row, again) for row, again in rows])), None)


def count(session: Session, *, team_id: str | None = None) -> int:
    """How many there are that were not taken since."""
    of_team = () if team_id is None else (col(Notification.sender_team_id) == team_id,)
    rows = _rows().where(col(Rereading.became_id).is_(None), *of_team).subquery()
    found: int = session.execute(sa.select(sa.func.count()).select_from(rows)).scalar_one()
    return found


def is_one(session: Session, id_: str) -> bool:
    """Whether something was refused by that id."""
    refused = (Notification.id == id_, col(Notification.state) == NotificationState.REFUSED)
    return session.exec(select(Notification.id).where(*refused)).first() is not None


def row(session: Session, id_: str) -> Notification:
    """The refused notification, locked: read again by one at a time."""
    return session.exec(select(Notification).where(Notification.id == id_).with_for_update()).one()


def lookup_behind(session: Session, codec: Codec, id_: str) -> tuple[str, Asking] | None:
    """Of a record that a lookup brought: the notification that left it open, and what was asked. None for any other."""
    found = session.exec(select(Lookup).where(Lookup.kept_id == id_).order_by(Lookup.id).limit(1)).first()
    return None if found is None else (found.notification_id, asking_of(codec, found))


def settle_lookups(session: Session, id_: str) -> None:
    """The record could be read after all."""
    session.execute(
        sa.update(Lookup).where(col(Lookup.kept_id) == id_).values(state=LookupState.ANSWERED),
        execution_options={"synchronize_session": False},
    )


def read_again(
    session: Session, id_: str, *, standing: str, faults: Sequence[Fault], became: str | None, now: datetime
) -> None:
    """Write down that it was read again, what was found, and what became of it."""
    before = session.get(Rereading, id_)
    attempts = 1 if before is None else before.attempts + 1
    found = [[fault.path, fault.reason] for fault in faults]
    session.merge(
        Rereading(notification_id=id_, attempts=attempts, at=now, standing=standing, faults=found, became_id=became)
    )


def _rows() -> sa.Select[Notification, Rereading | None]:
    return (
        sa.select(Notification, Rereading)
        .outerjoin(Rereading, col(Rereading.notification_id) == col(Notification.id))
        .where(col(Notification.state) == _REFUSED)
    )


# In the words of `uq_notification_refused`: neither database uses a partial index for bound parameters.
_REFUSED: sa.BindParameter[NotificationState] = sa.bindparam(
    "refused",
    NotificationState.REFUSED,
    literal_execute=True,
    type_=Notification.__table__.c.state.type,  # type: ignore[attr-defined]
)


def _shown(session: Session, codec: Codec, rows: Sequence[tuple[Notification, Rereading | None]]) -> list[Quarantined]:
    tasks = _tasks(session, [row.id for row, _ in rows])
    return [
        Quarantined(
            id=row.id,
            sender=row.sender_team_id,
            via=row.via,
            standing=row.standing if again is None else again.standing,
            since=row.received_at,
            faults=_faults(notifications.answer_of(codec, row)) if again is None else _found(again),
            attempts=0 if again is None else again.attempts,
            last_at=None if again is None else again.at,
            became=None if again is None else again.became_id,
            tasks=tasks.get(row.id, ()),
        )
        for row, again in rows
    ]


def _faults(answer: bytes) -> tuple[Fault, ...]:
    """The errors of the OperationOutcome that the sender was answered: our own words, which hold nothing that came in."""
    issues = [issue for issue in orjson.loads(answer).get("issue", ()) if issue["severity"] in ("error", "fatal")]
    return tuple(Fault(path="".join(issue.get("expression", ())[:1]), reason=issue["diagnostics"]) for issue in issues)


def _found(again: Rereading) -> tuple[Fault, ...]:
    return tuple(Fault(path, reason) for path, reason in again.faults)


def _tasks(session: Session, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    query = select(Task.notification_id, Task.id).where(
        col(Task.notification_id).in_(ids), col(Task.code) == TaskCode.DATA_QUALITY, col(Task.status).not_in(TERMINAL)
    )
    found: dict[str, tuple[str, ...]] = {}
    for about, id_ in session.exec(query.order_by(col(Task.id))):
        found[about or ""] = (*found.get(about or "", ()), id_)
    return found
