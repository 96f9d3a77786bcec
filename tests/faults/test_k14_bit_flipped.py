"""K14: one bit flipped in a stored payload or in an audit entry is found, named, and never handed on as if it were what was sent."""

import random

import sqlalchemy as sa

from broker.clock import utc_now
from broker.storage import payload_check
from broker.storage.store import Store
from broker.storage.tables import metadata
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
