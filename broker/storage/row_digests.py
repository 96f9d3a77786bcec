"""What rows that record decisions and answers say, as digests: the audit entries of the step that writes a row carry its own, and are sealed.

A step's storage notes what it writes; `storage.audit` takes it into its entries. Whether rows still say the same is `row_audit`'s.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

import orjson
import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.sealing import instant
from broker.domain.states import DeliveryState
from broker.storage.codec import Codec
from broker.storage.person_tables import DELIVERY, ESCALATION, NOTIFICATION, TASK, TASK_EVENT
from broker.storage.tables import metadata

Noted: TypeAlias = dict[str, dict[str, str | None]]
"""Kind → id → digest; None of a row that was taken away on purpose."""

_NOTED: Final = "row-digests"
"""Where a session keeps what its step has written and no entry carries yet."""

CODEC: Final = "codec"
"""Where a session has what the digests' key is derived from."""

_BYTES: Final = 16
"""Of the digest: nobody makes another row of the same 128 bits."""


@dataclass(slots=True)
class _Waiting:
    """What no entry carries yet."""

    noted: Noted
    at: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one kind: what of them lasts, and the time at which they came to say it."""

    table: sa.Table
    columns: tuple[str, ...]
    at: str
    versioned: bool = False
    """Each later version replaces what was noted before."""


KINDS: Final[Mapping[str, Kind]] = {
    "notification": Kind(
        NOTIFICATION,
        (
            "sender_team_id",
            "message_id",
            "via",
            "event",
            "kind",
            "priority",
            "occurred_at",
            "received_at",
            "content_hash",
            "standing",
            "policy_version",
            "reference_id",
        ),
        "received_at",
    ),
    "delivery": Kind(
        DELIVERY,
        (
            "notification_id",
            "team_id",
            "cause",
            "purpose",
            "view",
            "reason_code",
            "reason",
            "policy_version",
            "known_to_sender",
            "created_at",
            "withheld",
        ),
        "created_at",
    ),
    "arrival": Kind(DELIVERY, ("team_id", "delivered_at"), "delivered_at"),
    "task": Kind(
        TASK,
        (
            "code",
            "status",
            "business_status",
            "reason_code",
            "owner_team_id",
            "requester_team_id",
            "notification_id",
            "delivery_id",
            "part_of",
            "person_id",
            "household_id",
            "priority",
            "policy_version",
            "cites",
            "authored_at",
            "due_at",
            "opened_at",
            "answered_at",
            "changed_at",
            "version",
        ),
        "changed_at",
        versioned=True,
    ),
    "task-event": Kind(TASK_EVENT, ("task_id", "version", "move", "at", "team_id", "client_name"), "at"),
    "escalation": Kind(ESCALATION, ("task_id", "level", "due_at", "rung", "team_id", "channel", "at"), "at"),
    "responsibility": Kind(
        metadata.tables["responsibility"],
        (
            "person_id",
            "function",
            "team_id",
            "unheld",
            "since",
            "occurred_at",
            "held_by",
            "notification_id",
            "task_id",
            "previous_id",
        ),
        "since",
    ),
}
"""Every kind of row that is covered. `withheld` is whether a delivery's state is that; until when somebody is responsible is since when their successor is."""

_WITHHELD: Final = "withheld"


def _default(column: sa.Column[Any]) -> object:
    """What the database has of a column that was left out."""
    return getattr(column.default, "arg", None)


_DEFAULTS: Final = {
    name: tuple((column, _default(kind.table.c[column])) for column in kind.columns if column in kind.table.c)
    for name, kind in KINDS.items()
}


def digest(session: Session, name: str, row: Mapping[str, Any]) -> str:
    """HMAC-SHA-256 of the row as a JSON array (kind, id, values), its first 128 bits in base64url; a versioned one behind its version.

    Under a key, because a decision has few values: whoever was handed the audit could try them all.
    """
    kind = KINDS[name]
    values = [name, row["id"], *[row.get(column, default) for column, default in _DEFAULTS[name]]]
    if _WITHHELD in kind.columns:
        values.append(row["state"] == DeliveryState.WITHHELD)
    data = orjson.dumps(values, _time, orjson.OPT_PASSTHROUGH_DATETIME)
    tag = hmac.digest(_key(session.info[CODEC]), data, "sha256")[:_BYTES]
    short = base64.urlsafe_b64encode(tag).rstrip(b"=").decode()
    return f"{row['version']}.{short}" if kind.versioned else short


@lru_cache(maxsize=8)
def _key(codec: Codec) -> bytes:
    return codec.key("baton row digests v1")


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError(type(value).__name__)


def note(session: Session, name: str, rows: Iterable[Mapping[str, Any]], now: datetime | None = None) -> None:
    """These rows were written by this step, all of their lasting columns as given; `now` where they do not have the time themselves."""
    written = list(rows)
    if written:
        at = now or written[-1][KINDS[name].at]
        _of(session, at).setdefault(name, {}).update({str(row["id"]): digest(session, name, row) for row in written})


def note_stored(session: Session, name: str, which: sa.ColumnElement[bool], now: datetime) -> None:
    """Rows that a statement of this step has changed, as they stand now."""
    rows = session.execute(sa.select(KINDS[name].table).where(which)).mappings()
    note(session, name, [dict(row) for row in rows], now)


def note_gone(session: Session, name: str, ids: Iterable[str], now: datetime) -> None:
    """These rows were taken away by this step."""
    if gone := dict.fromkeys(ids):
        _of(session, now).setdefault(name, {}).update(gone)


def _of(session: Session, at: datetime) -> Noted:
    waiting: _Waiting = session.info.setdefault(_NOTED, _Waiting({}, at))
    waiting.at = at
    return waiting.noted


def taken(session: Session) -> Noted:
    """What was noted since it was last taken."""
    waiting: _Waiting | None = session.info.pop(_NOTED, None)
    return waiting.noted if waiting else {}


def noted_at(session: Session) -> datetime | None:
    """When what waits to be taken was last added to; None when nothing waits."""
    waiting: _Waiting | None = session.info.get(_NOTED)
    return waiting.at if waiting else None
