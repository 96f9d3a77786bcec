"""Rows brought over to the active key, a batch a transaction: messages by wrapping their keys anew, other columns by sealing them anew.

A row is only changed when it is still as it was read, so work goes on beside it. What was written before there were keys is encrypted on the way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage import epochs
from broker.storage.codec import HEADER_BYTES, AesCodec, Tampered, epoch_of, message_name
from broker.storage.epochs import Epoch
from broker.storage.payload_check import PAYLOADS
from broker.storage.tables import metadata

BATCH: Final = 200
"""Rows of one transaction: some milliseconds, so that on SQLite nobody waits for it."""

NOTIFICATION: Final = metadata.tables["notification"]
PARTS: Final[Mapping[str, str]] = {"raw": "raw", "content": "notification", "answer": "answer"}
"""The sealed parts of a message, and what their context begins with."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column whose rows are brought over by themselves."""

    table: sa.Table
    column: str

    @property
    def name(self) -> str:
        """As progress calls it."""
        return f"{self.table.name}.{self.column}"

    @property
    def wrapped(self) -> bool:
        """Whether it holds keys of messages."""
        return self.table is NOTIFICATION

    @property
    def key(self) -> tuple[sa.Column[Any], ...]:
        """Columns of the primary key."""
        return tuple(self.table.primary_key.columns)

    @property
    def header(self) -> sa.ColumnElement[Any]:
        """How what is sealed begins: kind and epoch."""
        return sa.func.substr(self.table.c[self.column], 1, HEADER_BYTES, type_=sa.LargeBinary)

    @property
    def sealed(self) -> sa.ColumnElement[bool]:
        """Rows that have something sealed: of messages those that were not shredded."""
        if self.wrapped:
            return sa.or_(NOTIFICATION.c.data_key.is_not(None), sa.func.length(NOTIFICATION.c.raw) > 0)
        return self.table.c[self.column].is_not(None)


THROUGH: Final = "through"
"""In progress, of a place that has no more rows to bring over."""


PLACES: Final = (
    Place(NOTIFICATION, "data_key"),
    *(Place(metadata.tables[table], column) for table, column in PAYLOADS if table != "notification"),
)


def batch(session: Session, codec: AesCodec, epoch: Epoch) -> bool:
    """Bring over the next rows from where the epoch's progress stands; False when the pass is through."""
    progress = dict(epoch.progress)
    waiting = [place for place in PLACES if progress.get(place.name) != THROUGH]
    if not waiting:
        return False
    place = waiting[0]
    rows = _next(session, codec, place, progress.get(place.name))
    spoilt = sum(not _brought(session, codec, place, row) for row in rows)
    progress[place.name] = [rows[-1][column.name] for column in place.key] if len(rows) == BATCH else THROUGH
    epochs.progressed(session, epoch.number, progress, epoch.unreadable + spoilt)
    return True


def left(session: Session, codec: AesCodec) -> int:
    """How many rows are not under the active key."""
    counts = (sa.select(sa.func.count()).select_from(place.table).where(_elsewhere(codec, place)) for place in PLACES)
    return sum(int(session.execute(query).scalar_one()) for query in counts)


def counted(session: Session) -> Mapping[int | None, int]:
    """Rows by the epoch whose key opens them; None: of before there was encryption."""
    found: dict[int | None, int] = {}
    for place in PLACES:
        header = place.header
        for begins, count in session.execute(sa.select(header, sa.func.count()).where(place.sealed).group_by(header)):
            epoch = epoch_of(begins)
            found[epoch] = found.get(epoch, 0) + count
    return found


def _next(session: Session, codec: AesCodec, place: Place, after: Sequence[str] | None) -> Sequence[sa.RowMapping]:
    query = sa.select(place.table).where(_elsewhere(codec, place)).order_by(*place.key).limit(BATCH)
    if after is not None:
        query = query.where(sa.tuple_(*place.key) > sa.tuple_(*(sa.literal(value) for value in after)))
    return session.execute(query).mappings().all()


def _elsewhere(codec: AesCodec, place: Place) -> sa.ColumnElement[bool]:
    return sa.and_(place.sealed, place.header.is_distinct_from(sa.literal(codec.header(wrapped=place.wrapped))))


def _brought(session: Session, codec: AesCodec, place: Place, row: sa.RowMapping) -> bool:
    """False when the row cannot be opened: it stays as it is, and is counted."""
    try:
        if place.wrapped:
            values = _rewrapped(codec, row) if row["data_key"] is not None else _given_a_key(codec, row)
        else:
            context = PAYLOADS[place.table.name, place.column](row)
            values = {place.column: codec.seal(codec.open(row[place.column], context), context)}
    except Tampered:
        return False
    same = [place.table.c[name].is_not_distinct_from(row[name]) for name in values]
    of_row = [column == row[column.name] for column in place.key]
    session.execute(sa.update(place.table).where(*of_row, *same).values(**values))
    return True


def _rewrapped(codec: AesCodec, row: sa.RowMapping) -> dict[str, bytes]:
    name = message_name(row["id"], row["sender_team_id"], row["message_id"])
    return {"data_key": codec.wrap(codec.unwrap(row["data_key"], name), name)}


def _given_a_key(codec: AesCodec, row: sa.RowMapping) -> dict[str, bytes]:
    """A message of before messages had keys: its parts sealed anew under one of its own."""
    data_key, sealer = codec.new_message(message_name(row["id"], row["sender_team_id"], row["message_id"]))
    values = {"data_key": data_key}
    for column, begins in PARTS.items():
        if row[column]:
            context = f"{begins}:{row['id']}"
            values[column] = sealer.seal(codec.open(row[column], context), context)
    return values
