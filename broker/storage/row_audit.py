"""Whether rows that record decisions and answers still say what the audit's entries carry of them; what is carried is `row_digests`'.

The entries are taken as they stand: that they are what was sealed is for `workflow.verify` to say.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DataError, OperationalError
from sqlmodel import Session, col

from broker.storage.audit import ROWS
from broker.storage.phrases import among
from broker.storage.row_digests import KINDS, Kind, digest
from broker.storage.tables import Audit

MOST: Final = 20
"""Rows that are named; of the others only their number."""
_AT_ONCE: Final = 500
_APART: Final = timedelta(days=1)
"""How far from its row's time an entry is looked for that is not at it: where a clock was put back the two may differ."""
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)

Row: TypeAlias = tuple[str, str]
"""Kind and id."""

_Rank: TypeAlias = tuple[int, datetime]
"""By which of two entries about a row the later is known: the row's version where it has one, and the entry's time."""

_Made = TypeVar("_Made")


class Wrong(StrEnum):
    """What is wrong with a row."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """A row that is not what the last entry about it says, is gone, or of which no entry speaks."""

    kind: str
    id: str
    what: Wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison came to."""

    since: datetime | None
    """The first entry that speaks of rows; None when none does."""
    rows: int
    """From then on."""
    before: int
    """From before, of which nothing is known."""
    count: int
    """Of those that differ."""
    differing: Sequence[Differs]
    """The first of them."""


@dataclass(slots=True)
class _Findings:
    """What was found so far."""

    wrong: dict[Row, Wrong] = field(default_factory=dict)
    unlike: dict[Row, _Rank] = field(default_factory=dict)
    """Of rows that are wrong, the rank of the entry by which they are."""
    ahead: set[Row] = field(default_factory=set)
    """Rows of a later version than the entries that were looked at have."""


def compare(session: Session, since: datetime | None = None, *, every: bool = False) -> Compared:
    """Compare every row with the last entry about it, and look for an entry about every row.

    `since`: as if no entry had carried digests before. `every`: for one about rows from before the first that does, too.
    """
    first = session.scalar(sa.select(sa.func.min(col(Audit.at))).where(*_carrying(since)))
    found = _Findings()
    rows = 0
    if first is not None:
        _judge_said(session, first, found)
    if first is not None or every:
        rows = sum(_judge_unsaid(session, name, None if every else first, found) for name in KINDS)
    everything = sum(_count(session, name) for name in KINDS)
    differing = [Differs(kind=kind, id=id_, what=found.wrong[kind, id_]) for kind, id_ in sorted(found.wrong)[:MOST]]
    return Compared(since=first, rows=rows, before=everything - rows, count=len(found.wrong), differing=differing)


# --- what entries say ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Said:
    """What the last of some entries says of a row; entries of one moment are one step's, and either may be the last."""

    rank: _Rank
    digests: set[str | None] = field(default_factory=set)

    def add(self, rank: _Rank, said: str | None) -> None:
        if rank > self.rank:
            self.rank, self.digests = rank, set()
        if rank == self.rank:
            self.digests.add(said)


def _chunks(session: Session, first: datetime) -> Iterator[dict[Row, _Said]]:
    """What entries say from then on, in the order of their times; what is said at one moment is in one chunk."""
    chunk: dict[Row, _Said] = {}
    last = first
    for at, noted in _entries(session, col(Audit.at) >= first):
        if at > last and len(chunk) >= _AT_ONCE:
            yield chunk
            chunk = {}
        last = at
        for name, rows in noted.items():
            for id_, said in rows.items():
                rank = _version(KINDS[name], said), at
                chunk.setdefault((name, id_), _Said(rank)).add(rank, said)
    yield chunk


def _entries(session: Session, *which: sa.ColumnElement[bool]) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    """The time of each entry that speaks of rows, and what it says."""
    found = sa.select(col(Audit.at), col(Audit.detail)).where(*_carrying(None), *which)
    for at, detail in session.execute(
        found.order_by(col(Audit.at), col(Audit.id)), execution_options={"yield_per": _AT_ONCE}
    ):
        if isinstance(noted := detail.get(ROWS), dict):
            yield at, {name: rows for name, rows in noted.items() if name in KINDS}


def _carrying(since: datetime | None) -> list[sa.ColumnElement[bool]]:
    carries = sa.cast(col(Audit.detail), sa.Text).contains(f'"{ROWS}"')
    return [carries] if since is None else [carries, col(Audit.at) >= since]


def _version(kind: Kind, said: str | None) -> int:
    """Of a digest; 0 where there is none, or what stands there is no number."""
    version = (said or "").partition(".")[0] if kind.versioned else ""
    return int(version) if version.isdecimal() else 0


# --- what rows say ------------------------------------------------------------------------------------------------


def _judge_said(session: Session, first: datetime, found: _Findings) -> None:
    """Compare every row of which entries from then on speak."""
    for chunk in _chunks(session, first):
        for name in KINDS:
            _judge(session, name, {id_: said for (kind, id_), said in chunk.items() if kind == name}, found)
    for name in KINDS:
        for id_ in _unsaid(session, name, {id_ for kind, id_ in found.ahead if kind == name}):
            found.wrong[name, id_] = Wrong.CHANGED


def _judge(session: Session, name: str, said: Mapping[str, _Said], found: _Findings) -> None:
    """Compare rows with what was said of them; what was found wrong before and is right by a later entry is right."""
    now = _digests(session, name, said)
    for id_, last in said.items():
        row = name, id_
        if _is_ahead(KINDS[name], now.get(id_), last):
            found.ahead.add(row)
            continue
        found.ahead.discard(row)
        if last.rank < found.unlike.get(row, last.rank):
            continue
        if (verdict := _verdict(now.get(id_), last)) is None:
            found.wrong.pop(row, None)
        else:
            found.wrong[row], found.unlike[row] = verdict, last.rank


def _verdict(now: str | None, last: _Said) -> Wrong | None:
    if now in last.digests:
        return None
    return Wrong.MISSING if now is None else Wrong.CHANGED


def _is_ahead(kind: Kind, now: str | None, last: _Said) -> bool:
    """Whether it was said of a version that the row has left behind; of the one that it has, another entry must speak."""
    return last.rank[0] < _version(kind, now)


def _unsaid(session: Session, name: str, ids: Collection[str]) -> Collection[str]:
    """Those of these rows that no entry of any time says to be as they are."""
    if not ids:
        return ()
    left = _digests(session, name, ids)
    for _, noted in _entries(session):
        for id_, said in noted.get(name, {}).items():
            if id_ in left and left[id_] == said:
                del left[id_]
    return left


_UNREADABLE: Final = "?"


def _digests(session: Session, name: str, ids: Collection[str]) -> dict[str, str]:
    """The digest of each of these rows as it stands; of one that cannot be read something that is none."""
    kind = KINDS[name]
    plain = [sa.type_coerce(one, sa.String) if isinstance(one.type, sa.Enum) else one for one in _columns(kind)]
    rows = _readable(session, kind, sa.select(*plain), ids, partial(digest, session, name))
    return {id_: _UNREADABLE if made is None else made for id_, made in rows.items()}


def _columns(kind: Kind) -> list[sa.Column[Any]]:
    """Those of which the digest is made."""
    wanted = {"id", "state", *kind.columns}
    return [column for column in kind.table.columns if column.name in wanted]


def _readable(
    session: Session,
    kind: Kind,
    found: sa.Select[Any],
    ids: Collection[str],
    make: Callable[[Mapping[str, Any]], _Made],
) -> dict[str, _Made | None]:
    """What is made of each of these rows, by id; None of one that holds what its columns cannot (SQLite keeps anything)."""
    these = list(ids)
    try:
        rows = session.execute(found.where(among(kind.table.c.id, "ids")), {"ids": these}).mappings().all()
        return {str(row["id"]): make(dict(row)) for row in rows}
    except (ValueError, TypeError, OverflowError, DataError):
        pass
    except OperationalError as error:
        if _NO_UTF8 not in str(error.orig):
            raise
    if len(these) == 1:
        return dict.fromkeys(these)
    half = len(these) // 2
    halves = [_readable(session, kind, found, some, make) for some in (these[:half], these[half:])]
    return halves[0] | halves[1]


_NO_UTF8: Final = "Could not decode"
"""How sqlite3 words it; the class of its error is that of a database that cannot be used."""


# --- rows of which nothing is said ----------------------------------------------------------------------------------


class _Written(NamedTuple):
    """A row, its version where it has one, and when it came to say what it says."""

    id: str
    version: int
    at: datetime


def _judge_unsaid(session: Session, name: str, first: datetime | None, found: _Findings) -> int:
    """Look for an entry about each row from then on, whenever none is given; how many rows these are."""
    kind = KINDS[name]
    at, version = kind.table.c[kind.at], kind.table.c.version if kind.versioned else sa.literal(0)
    columns = sa.select(kind.table.c.id, version.label("version"), at.label("at"))
    count = 0
    for ids in _ids(session, kind, first):
        count += len(ids)
        rows = _readable(session, kind, columns, ids, lambda row: _Written(row["id"], row["version"], row["at"]))
        for id_ in ids:
            if rows.get(id_) is None:
                found.wrong.setdefault((name, id_), Wrong.CHANGED)
        for id_ in _unspoken(session, name, [row for row in rows.values() if row is not None]):
            found.wrong.setdefault((name, id_), Wrong.ADDED)
    return count


def _ids(session: Session, kind: Kind, first: datetime | None) -> Iterator[list[str]]:
    """Rows from then on in the order of their times, some at once."""
    at, key = kind.table.c[kind.at], kind.table.c.id
    embedded = session.get_bind().dialect.name == "sqlite"  # where an id may be no text
    query = sa.select(sa.cast(key, sa.LargeBinary) if embedded else key).order_by(at)
    query = query.where(at.is_not(None) if first is None else at >= first)
    for some in session.execute(query, execution_options={"yield_per": _AT_ONCE}).scalars().partitions():
        yield [id_ if isinstance(id_, str) else id_.decode(errors="backslashreplace") for id_ in some]


def _unspoken(session: Session, name: str, rows: Collection[_Written]) -> list[str]:
    """Those of which no entry speaks in this version: looked for at their own times, and what is not there around them."""
    left = _without(session, name, rows, timedelta())
    return [row.id for row in _without(session, name, left, _APART)] if left else []


def _without(session: Session, name: str, rows: Collection[_Written], apart: timedelta) -> list[_Written]:
    if not rows:
        return []
    begins = max(min(row.at for row in rows), _EARLIEST + apart) - apart
    ends = min(max(row.at for row in rows), _LATEST - apart) + apart
    spoken = {
        (id_, _version(KINDS[name], said))
        for _, noted in _entries(session, col(Audit.at).between(begins, ends))
        for id_, said in noted.get(name, {}).items()
    }
    return [row for row in rows if (row.id, row.version) not in spoken]


def _count(session: Session, name: str) -> int:
    kind = KINDS[name]
    counted = sa.select(sa.func.count()).select_from(kind.table).where(kind.table.c[kind.at].is_not(None))
    return session.scalar(counted) or 0
