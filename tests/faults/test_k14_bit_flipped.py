"""K14: one bit flipped in a stored payload, in a message's key, in a code or reference, in what was decided and answered, or in what the audit keeps is found, named, and never handed on as if it were what was sent."""

import random
from typing import Any

import sqlalchemy as sa

from broker.clock import utc_now
from broker.storage import payload_check, row_audit
from broker.storage.row_digests import KINDS, Kind
from broker.storage.store import Store
from broker.storage.tables import metadata
from broker.storage.types import UtcDateTime
from tests.faults.checker import opened
from tests.faults.size import record, size
from tests.faults.town import Town
from tests.sealed import sealed, unguarded, verified

FLIPS = size(20, 500)
IN_AUDIT = ("action", "outcome", "client_name", "team_id", "entity", "entity_id")


def flip(value: bytes) -> bytes:
    """The same but for one bit, anywhere."""
    changed = bytearray(value)
    at = random.randrange(8 * len(changed))
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def filled(store: Store, name: str, column: str) -> bool:
    """Whether the town has any of it."""
    kept = sa.select(metadata.tables[name].c[column]).where(metadata.tables[name].c[column].is_not(None)).limit(1)
    return bool(store.read(lambda session: session.execute(kept).first()))


def test_in_a_payload(on_sqlite: Town) -> None:
    with opened(on_sqlite) as store:
        payloads = [place for place in payload_check.PAYLOADS if place[0] != "channel" and filled(store, *place)]
        for number in range(FLIPS):
            name, column = payloads[number % len(payloads)]
            table = metadata.tables[name]
            [key, *_] = table.primary_key.columns
            with store.engine.begin() as connection:
                rows = connection.execute(sa.select(key, table.c[column]).where(table.c[column].is_not(None))).all()
                id_, kept = random.choice(rows)
                connection.execute(table.update().where(key == id_).values({column: flip(kept)}))
            found = store.read(lambda session: payload_check.check(session, store.codec))
            assert [(one.table, one.id, one.column) for one in found.spoilt] == [(name, id_, column)]
            with store.engine.begin() as connection:
                connection.execute(table.update().where(key == id_).values({column: kept}))
        assert store.read(lambda session: payload_check.check(session, store.codec)).count == 0
    record("K14", "payloads", flips=FLIPS, found=FLIPS)


def test_in_a_message_key(on_sqlite: Town) -> None:
    table = metadata.tables["notification"]
    parts = [table.c.raw, table.c.content, table.c.answer]
    with opened(on_sqlite) as store:
        for _ in range(FLIPS):
            with store.engine.begin() as connection:
                rows = connection.execute(sa.select(table.c.id, table.c.data_key, *parts)).all()
                id_, kept, *sealed_by_it = random.choice([row for row in rows if row.data_key is not None])
                connection.execute(table.update().where(table.c.id == id_).values(data_key=flip(kept)))
            found = store.read(lambda session: payload_check.check(session, store.codec))
            assert {one.id for one in found.spoilt} == {id_}
            assert found.count == sum(part is not None for part in sealed_by_it)
            with store.engine.begin() as connection:
                connection.execute(table.update().where(table.c.id == id_).values(data_key=kept))
    record("K14", "message keys", flips=FLIPS, found=FLIPS)


def test_in_a_code_or_reference(on_sqlite: Town) -> None:
    """Of deliveries and tasks: who is told, in which view, and how it stands."""
    with opened(on_sqlite) as store:
        plain = [
            column
            for name in ("delivery", "task")
            for column in metadata.tables[name].columns
            if (isinstance(column.type, sa.Enum) or column.foreign_keys) and filled(store, name, column.name)
        ]
        assert {"view", "state", "team_id", "status", "owner_team_id"} <= {column.name for column in plain}
        for number in range(FLIPS):
            column = plain[number % len(plain)]
            id_, kept = flipped_unseen(store, column)
            found = store.read(lambda session: payload_check.check(session, store.codec))
            assert (column.table.name, id_, column.name) in {(one.table, one.id, one.column) for one in found.spoilt}
            written_unseen(store, column, id_, kept)
        assert store.read(lambda session: payload_check.check(session, store.codec)).count == 0
    record("K14", "codes and references", flips=FLIPS, found=FLIPS)


def test_in_a_time_a_number_or_a_sentence(on_sqlite: Town) -> None:
    """Of deliveries, tasks and who is responsible: what no key seals and no list of codes holds is what the audit says of it."""
    with opened(on_sqlite) as store:
        plain = {
            name: [kind.table.c[one] for one in kind.columns if one in kind.table.c and said_in(store, kind, one)]
            for name, kind in KINDS.items()
        }
        kinds = [name for name, columns in plain.items() if columns]
        assert 3 < len(kinds) <= FLIPS
        for number in range(FLIPS):
            name = kinds[number % len(kinds)]
            column = random.choice(plain[name])
            id_, kept = random.choice(said_in(store, KINDS[name], column.name))
            written_unseen(store, column, id_, flipped(column, kept))
            found = store.read(row_audit.compare)
            assert (name, id_) in {(one.kind, one.id) for one in found.differing}, column
            written_unseen(store, column, id_, kept)
        assert store.read(row_audit.compare).count == 0
    record("K14", "decisions and answers", flips=FLIPS, found=FLIPS)


def said_in(store: Store, kind: Kind, column: str) -> list[tuple[str, Any]]:
    """Ids of rows of the kind, and what the column holds there as the database has it, where that is anything."""
    are = f"{kind.at} IS NOT NULL AND {column} <> ''"
    query = sa.text(f"SELECT id, {column} FROM {kind.table.name} WHERE {are}")
    return store.read(lambda session: [(id_, kept) for id_, kept in session.execute(query)])


def flipped(column: sa.Column[Any], kept: str | int) -> bytes | int:
    """With one bit flipped; of a time a bit of its figures, for its punctuation is not read, and of a flag the one that it has."""
    if isinstance(column.type, sa.Boolean):
        return int(kept) ^ 1
    if isinstance(kept, int):
        return kept ^ 1 << random.randrange(16)
    changed = bytearray(kept.encode())
    places = [at for at, byte in enumerate(changed) if chr(byte).isdigit() or not isinstance(column.type, UtcDateTime)]
    changed[random.choice(places)] ^= 1 << random.randrange(8)
    return bytes(changed)


def flipped_unseen(store: Store, column: sa.Column[Any]) -> tuple[str, str]:
    """A row of which one bit of this column is flipped as a disk would, and what it held."""
    [key, *_] = column.table.primary_key.columns
    plain = sa.type_coerce(column, sa.String)
    rows = store.read(lambda session: session.execute(sa.select(key, plain).where(column.is_not(None))).all())
    id_, kept = random.choice(rows)
    written_unseen(store, column, id_, flip(kept.encode()).decode("latin-1"))
    return id_, kept


def written_unseen(store: Store, column: sa.Column[Any], id_: str, value: str | bytes | int) -> None:
    """Written past every constraint; bytes as a text, though they may be none."""
    [key, *_] = column.table.primary_key.columns
    with store.engine.connect() as connection:
        for pragma in ("foreign_keys=OFF", "ignore_check_constraints=ON"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        given = "CAST(:value AS TEXT)" if isinstance(value, bytes) else ":value"
        update = f"UPDATE {column.table.name} SET {column.name} = {given} WHERE {key.name} = :id"
        connection.execute(sa.text(update), {"value": value, "id": id_})
        connection.commit()
        for pragma in ("foreign_keys=ON", "ignore_check_constraints=OFF"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")


def test_in_an_audit_entry(on_sqlite: Town) -> None:
    audit, leaf = metadata.tables["audit"], metadata.tables["auditleaf"]
    with opened(on_sqlite) as store:
        sealed(store, now=utc_now())
        with store.engine.begin() as connection:
            unguarded(connection)
        places = store.read(lambda session: dict(session.execute(sa.select(leaf.c.audit_id, leaf.c.position)).all()))
        for number in range(FLIPS):
            column = audit.c[IN_AUDIT[number % len(IN_AUDIT)]]
            with store.engine.begin() as connection:
                rows = connection.execute(sa.select(audit.c.id, column).where(column.is_not(None), column != "")).all()
                id_, kept = random.choice(rows)
                changed = flip(kept.encode()).decode("latin-1")
                connection.execute(audit.update().where(audit.c.id == id_).values({column.name: changed}))
            [fault] = verified(store).faults
            assert (fault.kind, fault.position) == ("changed", places[id_])
            with store.engine.begin() as connection:
                connection.execute(audit.update().where(audit.c.id == id_).values({column.name: kept}))
        assert verified(store).fault_count == 0
    record("K14", "audit", flips=FLIPS, found=FLIPS)
