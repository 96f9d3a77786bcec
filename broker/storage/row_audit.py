"""Whether rows that record decisions and answers still say what the audit's entries carry of them; what is carried is `row_digests`'.

The entries are taken as they stand: that they are what was sealed is for `workflow.verify` to say.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.storage.audit import ROWS
from broker.storage.row_digests import KINDS, Kind, digest
from broker.storage.tables import Audit

MOST: Final = 20
"""Rows that are named; of the others only their number."""
_AT_ONCE: Final = 500
_APART: Final = timedelta(days=1)
"""How far from its row's time an entry is looked for that is not at it: where a clock was put back the two may differ."""

Row: TypeAlias = tuple[str, str]
"""Kind and id."""


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


def compare(session: Session, since: datetime | None = None) -> Compared:
    """Compare every row with the last entry about it, and look for an entry about every row; `since`: as if none had been carried before."""
    first = session.scalar(sa.select(sa.func.min(col(Audit.at))).where(*_carrying(since)))
    if first is None:
        return Compared(since=None, rows=0, before=sum(_count(session, name) for name in KINDS), count=0, differing=())
    wrong: dict[Row, Wrong] = {}
    for chunk in _chunks(session, first):
        for name in KINDS:
            _judge(session, name, {id_: said for (kind, id_), said in chunk.items() if kind == name}, wrong)
    rows = 0
    for name in KINDS:
        for some in _rows(session, name, first):
            rows += len(some)
            for id_ in _unspoken(session, name, some):
                wrong.setdefault((name, id_), Wrong.ADDED)
    everything = sum(_count(session, name) for name in KINDS)
    differing = [Differs(kind=kind, id=id_, what=wrong[kind, id_]) for kind, id_ in sorted(wrong)[:MOST]]
    return Compared(since=first, rows=rows, before=everything - rows, count=len(wrong), differing=differing)


# --- what entries say ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Said:
    """What the last of some entries says of a row; entries of one moment are one step's, and either may be the last."""

    rank: Any
    """Its version, or else the time of the entry."""
    digests: set[str | None] = field(default_factory=set)

    def add(self, rank: Any, said: str | None) -> None:  # noqa: ANN401 - as `rank`
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
                rank = _version(said) if KINDS[name].versioned else at
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


def _version(said: str | None) -> int:
    return int((said or "0").partition(".")[0])


# --- what rows say ------------------------------------------------------------------------------------------------


def _judge(session: Session, name: str, said: Mapping[str, _Said], wrong: dict[Row, Wrong]) -> None:
    """Compare rows with what was said of them; what was found wrong before and is right by a later entry is right."""
    now = _digests(session, name, said)
    for id_, last in said.items():
        verdict = _verdict(KINDS[name], now, id_, last)
        if verdict is not None:
            wrong[name, id_] = verdict
        elif not _is_older(KINDS[name], now.get(id_), last):
            wrong.pop((name, id_), None)


def _verdict(kind: Kind, now: Mapping[str, str], id_: str, last: _Said) -> Wrong | None:
    if id_ not in now:
        return None if None in last.digests else Wrong.MISSING
    if _is_older(kind, now[id_], last) or now[id_] in last.digests:
        return None
    return Wrong.CHANGED


def _is_older(kind: Kind, now: str | None, last: _Said) -> bool:
    """Whether it was said of a version that the row has left behind; of the one that it has, another entry speaks."""
    return kind.versioned and bool(now) and bool(last.rank < _version(now))


_UNREADABLE: Final = "?"


def _digests(session: Session, name: str, ids: Collection[str]) -> dict[str, str]:
    """The digest of each of these rows as it stands; of one that cannot be read something that is none."""
    kind = KINDS[name]
    plain = [sa.type_coerce(one, sa.String) if isinstance(one.type, sa.Enum) else one for one in _columns(kind)]
    found = sa.select(*plain)
    return {
        id_: digest(name, row) if row is not None else _UNREADABLE
        for id_, row in _readable(session, kind, found, ids).items()
    }


def _columns(kind: Kind) -> list[sa.Column[Any]]:
    """Those of which the digest is made."""
    wanted = {"id", "state", *kind.columns}
    return [column for column in kind.table.columns if column.name in wanted]


def _readable(
    session: Session, kind: Kind, found: sa.Select[Any], ids: Collection[str]
) -> dict[str, Mapping[str, Any] | None]:
    """These rows by id; None for one that holds what its columns cannot (SQLite keeps anything)."""
    key = kind.table.c.id
    try:
        rows = session.execute(found.where(key.in_(ids))).mappings().all()
    except (ValueError, TypeError):
        if len(ids) == 1:
            return dict.fromkeys(ids)
        return {id_: row for one in ids for id_, row in _readable(session, kind, found, [one]).items()}
    return {str(row["id"]): dict(row) for row in rows}


# --- rows of which nothing is said ----------------------------------------------------------------------------------


class _Written(NamedTuple):
    """A row, its version where it has one, and when it came to say what it says."""

    id: str
    version: int
    at: datetime


def _rows(session: Session, name: str, first: datetime) -> Iterator[list[_Written]]:
    """Rows from then on in the order of their times, some at once. One whose time cannot be read has been judged."""
    kind = KINDS[name]
    at, version = kind.table.c[kind.at], kind.table.c.version if kind.versioned else sa.literal(0)
    ids = sa.select(kind.table.c.id).where(at >= first).order_by(at)
    found = sa.select(kind.table.c.id, version.label("version"), at.label("at"))
    for some in session.execute(ids, execution_options={"yield_per": _AT_ONCE}).scalars().partitions():
        rows = _readable(session, kind, found, some).values()
        yield [_Written(row["id"], row["version"], row["at"]) for row in rows if row is not None]


def _unspoken(session: Session, name: str, rows: Collection[_Written]) -> list[str]:
    """Those of which no entry speaks in this version: looked for at their own times, and what is not there around them."""
    left = _without(session, name, rows, timedelta())
    return [row.id for row in _without(session, name, left, _APART)] if left else []


def _without(session: Session, name: str, rows: Collection[_Written], apart: timedelta) -> list[_Written]:
    if not rows:
        return []
    begins, ends = min(row.at for row in rows) - apart, max(row.at for row in rows) + apart
    spoken = {
        (id_, _version(said) if KINDS[name].versioned else 0)
        for _, noted in _entries(session, col(Audit.at).between(begins, ends))
        for id_, said in noted.get(name, {}).items()
    }
    return [row for row in rows if (row.id, row.version) not in spoken]


def _count(session: Session, name: str) -> int:
    kind = KINDS[name]
    counted = sa.select(sa.func.count()).select_from(kind.table).where(kind.table.c[kind.at].is_not(None))
    return session.scalar(counted) or 0
