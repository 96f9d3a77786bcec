"""The sealed audit: entries that wait, their places in the tree, signed heads; what all that means is `domain.sealing`'s."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.audit_check import Batch
from broker.domain.merkle import Tree
from broker.domain.sealing import Entry, Head, Leaf
from broker.storage import direct
from broker.storage.person_tables import AUDIT, AUDIT_LEAF, AUDIT_SEAL
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.tables import Audit, AuditLeaf, AuditSeal

AT_ONCE = 1000
"""Rows fetched at a time while streaming, some 500 bytes each."""

ENTRY = (
    AUDIT.c.id,
    AUDIT.c.at,
    AUDIT.c.action,
    AUDIT.c.outcome,
    AUDIT.c.client_name,
    AUDIT.c.team_id,
    AUDIT.c.entity,
    AUDIT.c.entity_id,
    AUDIT.c.detail,
)
"""The columns of an entry, for `entry`."""

_NAMES = ("id", "at", "action", "outcome", "client", "team", "entity", "entity_id", "detail")


@dataclass(frozen=True, slots=True)
class Tail:
    """Entries that wait for the sealer."""

    count: int
    oldest: datetime | None


# --- sealing -----------------------------------------------------------------------------------------------------


def waiting(session: Session) -> bool:
    """Whether anything waits for the sealer."""
    return bool(direct.rows(session, _WAITING, most=1))


def unsealed(session: Session, *, limit: int) -> list[Entry]:
    """The oldest entries that have no place yet, whenever they were committed."""
    return [entry(row) for row in direct.rows(session, _UNSEALED, most=limit)]


def _unsealed() -> tuple[sa.ColumnElement[bool], ...]:
    """Marked as waiting; a mark that somebody set again on a sealed entry does not count.

    A place is asked after entry by entry: PostgreSQL would otherwise read all there are, when it supposes that much waits.
    """
    placed = (
        sa.select(AUDIT_LEAF.c.position).where(AUDIT_LEAF.c.audit_id == AUDIT.c.id).limit(1).offset(0).scalar_subquery()
    )
    return sa.text("unsealed"), placed.is_(None)  # type: ignore[return-value]  # text, so that its index is used


def _oldest(*columns: sa.ColumnElement[Any]) -> Query:
    found = sa.select(*columns).where(*_unsealed()).order_by(AUDIT.c.at, AUDIT.c.id)
    return Query(found.limit(sa.bindparam("most", type_=sa.Integer())).offset(0))


_WAITING = _oldest(AUDIT.c.id)
_UNSEALED = _oldest(*ENTRY)


def _heads() -> sa.Select[*tuple[Any, ...]]:
    seal = AUDIT_SEAL.c
    return sa.select(seal.number, seal.size, seal.root, seal.at, seal.complete, seal.key, seal.signature, seal.peaks)


def _head(row: Sequence[Any]) -> Head:
    number, size, root, at, complete, key, signature, peaks = row
    return Head(
        number=number, size=size, root=root, at=at, complete=complete, key=key, signature=signature, peaks=peaks
    )


_LAST = Query(_heads().order_by(AUDIT_SEAL.c.number.desc()).limit(1).offset(0))


def last_head(session: Session) -> Head | None:
    """The newest signed head."""
    found = direct.rows(session, _LAST)
    return _head(found[0]) if found else None


def head_before(session: Session, at: datetime) -> Head | None:
    """The newest head that was signed before then; the first of all when none was."""
    before = _heads().where(col(AuditSeal.at) < at).order_by(col(AuditSeal.number).desc()).limit(1)
    row = session.execute(before).first() or session.execute(_heads().order_by(col(AuditSeal.number)).limit(1)).first()
    return None if row is None else _head(row)


def head(session: Session, number: int) -> Head | None:
    """The head with that number."""
    row = session.execute(_heads().where(col(AuditSeal.number) == number)).first()
    return None if row is None else _head(row)


def subtree(session: Session, start: int, end: int) -> bytes | None:
    """The hash of the subtree over these leaves, as they were sealed; None when one of them is gone."""
    found = sa.select(col(AuditLeaf.hash)).where(col(AuditLeaf.position) >= start, col(AuditLeaf.position) < end)
    rows = session.execute(found.order_by(col(AuditLeaf.position)), execution_options={"yield_per": AT_ONCE})
    tree = Tree().grown(rows.scalars())
    return tree.root if tree.size == end - start else None


def append(session: Session, leaves: Sequence[Leaf], head: Head) -> None:
    """Put leaves to the right of the tree with the head over them. Whoever does the same at the same time fails on its number."""
    seal = {
        "number": head.number,
        "size": head.size,
        "root": head.root,
        "peaks": head.peaks,
        "at": head.at,
        "complete": head.complete,
        "key": head.key,
        "signature": head.signature,
    }
    direct.insert(session, AUDIT_SEAL, [seal])
    ids = [leaf.entry.id for leaf in leaves if leaf.entry is not None]
    rows = [
        {"position": leaf.position, "audit_id": id_, "hash": leaf.hash} for leaf, id_ in zip(leaves, ids, strict=True)
    ]
    direct.insert(session, AUDIT_LEAF, rows)
    direct.change(session, _SEALED, entries=ids)


_SEALED = Query(sa.update(AUDIT).where(among(AUDIT.c.id, "entries")).values(unsealed=False))


# --- reading -----------------------------------------------------------------------------------------------------


def one_snapshot(session: Session) -> None:
    """Let all that this session reads be of one moment; before its first statement. SQLite's transactions are so anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def batches(session: Session, *, after: Head | None = None, until: int | None = None) -> Iterator[Batch]:
    """Heads with the leaves each added, from the beginning or behind a head, to the head with number `until` or all."""
    start = after.size if after else 0
    waiting_leaves = _leaves(session, start)
    leaf = next(waiting_leaves, None)
    for head in heads(session, after=after.number if after else 0, until=until):
        batch = []
        while leaf is not None and leaf.position < head.size:
            batch.append(leaf)
            leaf = next(waiting_leaves, None)
        yield head, batch
    if until is None and leaf is not None:
        yield from ((None, [each]) for each in chain([leaf], waiting_leaves))


def heads(session: Session, *, after: int = 0, until: int | None = None) -> Iterator[Head]:
    """Heads by number."""
    found = _heads().where(col(AuditSeal.number) > after).order_by(col(AuditSeal.number))
    if until is not None:
        found = found.where(col(AuditSeal.number) <= until)
    return map(_head, session.execute(found, execution_options={"yield_per": AT_ONCE}))


def _leaves(session: Session, first: int) -> Iterator[Leaf]:
    """Places in their order. Where SQLite keeps what is no entry any more, that part is read one by one."""
    at = first
    while True:
        try:
            for leaf in _streamed(session, at):
                at = leaf.position + 1
                yield leaf
        except (ValueError, TypeError):
            for leaf in _one_by_one(session, at):
                at = leaf.position + 1
                yield leaf
        else:
            return


def _streamed(session: Session, first: int) -> Iterator[Leaf]:
    found = (
        sa.select(col(AuditLeaf.position), col(AuditLeaf.hash), *ENTRY)
        .outerjoin(Audit, col(Audit.id) == col(AuditLeaf.audit_id))
        .where(col(AuditLeaf.position) >= first)
        .order_by(col(AuditLeaf.position))
    )
    for position, digest, *row in session.execute(found, execution_options={"yield_per": AT_ONCE}):
        yield Leaf(position, digest, None if row[0] is None else entry(row))


def _one_by_one(session: Session, first: int) -> Iterator[Leaf]:
    """The next places, each with its entry if that can be read."""
    places = sa.select(col(AuditLeaf.position), col(AuditLeaf.hash), col(AuditLeaf.audit_id))
    places = places.where(col(AuditLeaf.position) >= first).order_by(col(AuditLeaf.position)).limit(AT_ONCE)
    for position, digest, id_ in session.execute(places).all():
        try:
            row = session.execute(sa.select(*ENTRY).where(col(Audit.id) == id_)).first()
        except (ValueError, TypeError):
            row = None
        yield Leaf(position, digest, None if row is None else entry(row))


def sealed_count(session: Session) -> int:
    """How many entries have a place."""
    return session.scalar(sa.select(sa.func.count()).select_from(AuditLeaf)) or 0


def tail(session: Session) -> Tail:
    """What waits for the sealer."""
    count, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(AUDIT.c.at)).select_from(AUDIT).where(*_unsealed())
    ).one()
    return Tail(count, oldest)


def unplaced(session: Session, *, limit: int) -> list[str]:
    """Ids of entries that neither have a place nor wait for one."""
    found = (
        sa.select(col(Audit.id))
        .outerjoin(AuditLeaf, col(AuditLeaf.audit_id) == col(Audit.id))
        .where(col(AuditLeaf.audit_id).is_(None), col(Audit.unsealed).is_(False))
        .order_by(col(Audit.at), col(Audit.id))
    )
    return list(session.scalars(found.limit(limit)))


def around(session: Session, since: datetime | None, until: datetime | None) -> tuple[Head | None, Head | None]:
    """The head before the first entry from `since` on, and the head that covers the last one before `until`.

    The first is None when that entry is in the first batch, both when there is no such entry.
    """
    span = sa.select(sa.func.min(col(AuditLeaf.position)), sa.func.max(col(AuditLeaf.position))).join(
        Audit, col(Audit.id) == col(AuditLeaf.audit_id)
    )
    if since is not None:
        span = span.where(col(Audit.at) >= since)
    if until is not None:
        span = span.where(col(Audit.at) < until)
    first, last = session.execute(span).one()
    if first is None:
        return None, None
    before = _heads().where(col(AuditSeal.size) <= first).order_by(col(AuditSeal.size).desc()).limit(1)
    behind = _heads().where(col(AuditSeal.size) > last).order_by(col(AuditSeal.size)).limit(1)
    rows = session.execute(before).first(), session.execute(behind).first()
    base, end = (None if row is None else _head(row) for row in rows)
    return base, end


def entry(row: Sequence[Any]) -> Entry:
    """The entry in a row of `ENTRY`."""
    return Entry(**dict(zip(_NAMES, row, strict=True)))
