"""Somebody with the database changes the audit (threat T5): whatever is done to what was sealed is found, and named."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from broker.domain.merkle import Tree
from broker.domain.sealing import Head, entry_hash
from broker.storage import audit_log, signing
from broker.storage.codec import AesCodec
from broker.storage.tables import metadata
from tests.conftest import NOON
from tests.contract.calling import VISITORS, Json, message
from tests.sealed import GUARDED, faults, noted, sealed, unguarded, verified

AUDIT, LEAF, SEAL = (metadata.tables[name] for name in ("audit", "auditleaf", "auditseal"))

TABLES = {name: metadata.tables[name] for name in GUARDED}
COLUMNS = [(name, column.name) for name, table in TABLES.items() for column in table.columns]
UNCHANGED = [place for place in COLUMNS if place != ("audit", "unsealed")]


@pytest.fixture
def broker(either_broker):
    """A broker whose audit comes from calls over HTTP, sealed in three batches."""
    either_broker.clock.time = NOON
    for _ in range(3):
        assert either_broker.post(message()).status_code == 200
        for path in ("/fhir/Task", "/mailbox/inbox", "/fhir/AuditEvent"):
            assert either_broker.call("GET", path, VISITORS).status_code == 200
            either_broker.clock.forward(seconds=1)
        [task, *_] = either_broker.call("GET", "/fhir/Task", VISITORS).json()["entry"]
        assert either_broker.call("GET", f"/fhir/Task/{task['resource']['id']}", VISITORS).status_code == 200
        sealed(either_broker.runtime.store, now=either_broker.clock())
        either_broker.clock.forward(minutes=1)
    store = either_broker.runtime.store
    assert faults(store) == []
    assert verified(store).head.number == 3
    assert verified(store).size > 12
    return either_broker


@pytest.fixture
def store(broker):
    return broker.runtime.store


@pytest.fixture
def did(store):
    """Statements by somebody who owns the database: no constraint holds them back."""

    def done(*statements):
        with store.engine.connect() as connection:
            if store.embedded:
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            else:
                connection.execute(text("ALTER TABLE auditleaf DROP CONSTRAINT IF EXISTS fk_auditleaf_audit_id"))
            unguarded(connection)
            for statement in statements:
                connection.execute(statement)
            connection.commit()
            if store.embedded:
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")

    return done


def leaf(store, position):
    query = select(LEAF.c.audit_id, LEAF.c.hash).where(LEAF.c.position == position)
    return store.read(lambda session: session.execute(query).one())


def heads(store):
    return store.read(lambda session: list(audit_log.heads(session)))


def test_a_changed_word_is_found(store, did):
    columns = ["action", "outcome", "client_name", "team_id", "entity", "entity_id"]
    for position, column in enumerate(columns, 2):
        did(update(AUDIT).where(AUDIT.c.id == leaf(store, position).audit_id).values({column: "x"}))
    assert faults(store) == [("changed", position) for position, _ in enumerate(columns, 2)]


def test_one_bit_of_any_column_is_found(store, did):
    """Of every column of entries, places and heads, so that one that is added later is not forgotten."""
    for name, column in UNCHANGED:
        table = TABLES[name]
        [key] = table.primary_key.columns
        filled = select(key, table.c[column]).where(table.c[column].is_not(None)).order_by(key)
        rows = store.read(lambda session, filled=filled: session.execute(filled).all())
        id_, value = next(row for row in rows[1:] if row[1] not in ("", {}))
        for changed in one_bit_off(value):
            did(update(table).where(key == id_).values({column: changed}))
            assert faults(store) != [], (name, column, changed)
            did(update(table).where(key == (changed if column == key.name else id_)).values({column: value}))
    assert faults(store) == []


def one_bit_off(value):
    """The same but for one bit, at its beginning, in its middle and at its end."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value ^ 1 << 20, value ^ 1 << 30]
        case datetime():
            return [
                value + timedelta(microseconds=(1, -1)[value.microsecond % 2]),
                value + timedelta(microseconds=2**36),
            ]
        case str():
            return [of.decode() for of in one_bit_off(value.encode())]
        case bytes():
            places = (0, len(value) // 2, len(value) - 1)
            return [value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in places]
        case dict():
            [first, *_] = value
            return [{one_bit_off(first)[0]: value[first]} | {name: value[name] for name in value if name != first}]
    raise AssertionError(type(value))


def test_a_changed_time_or_detail_is_found(store, did):
    did(update(AUDIT).where(AUDIT.c.id == leaf(store, 4).audit_id).values(at=NOON - timedelta(microseconds=1)))
    did(update(AUDIT).where(AUDIT.c.id == leaf(store, 5).audit_id).values(detail={"found": []}))
    assert faults(store) == [("changed", 4), ("changed", 5)]


def test_an_entry_changed_together_with_its_hash_is_found_in_its_batch(store, did):
    entry_id = leaf(store, 1).audit_id
    did(update(AUDIT).where(AUDIT.c.id == entry_id).values(team_id="somebody-else"))
    [(_, leaves), *_] = store.read(lambda session: list(audit_log.batches(session)))
    did(update(LEAF).where(LEAF.c.position == 1).values(hash=entry_hash(leaves[1].entry)))
    assert faults(store) == [("changed", 0)]


def test_a_deleted_entry_is_missing(store, did):
    did(delete(AUDIT).where(AUDIT.c.id == leaf(store, 4).audit_id))
    assert faults(store) == [("missing", 4)]


def test_an_entry_deleted_with_its_place_is_missing(store, did):
    entry_id = leaf(store, 4).audit_id
    did(delete(LEAF).where(LEAF.c.position == 4), delete(AUDIT).where(AUDIT.c.id == entry_id))
    assert faults(store) == [("missing", 4)]


@pytest.mark.parametrize(("name", "column"), UNCHANGED)
def test_the_database_itself_refuses_to_change_what_the_audit_says(standing_broker, name, column):
    """Of every column, so that one that is added later is not forgotten."""
    refused(standing_broker.runtime.store, update(TABLES[name]).values({column: TABLES[name].c[column]}))


@pytest.mark.parametrize("name", GUARDED)
def test_the_database_itself_refuses_to_remove_any_of_it(standing_broker, name):
    refused(standing_broker.runtime.store, delete(TABLES[name]))
    if not standing_broker.runtime.store.embedded:
        refused(standing_broker.runtime.store, text(f"TRUNCATE {name} CASCADE"))


def test_what_was_sealed_cannot_be_made_to_wait_again(standing_broker):
    refused(standing_broker.runtime.store, update(AUDIT).values(unsealed=True))


def refused(store, statement):
    noted(store, "a-task")
    sealed(store)
    with pytest.raises(DBAPIError, match="the audit is insert-only"), store.engine.begin() as connection:
        connection.execute(statement)


MADE_UP: Json = {
    "id": "ffffffff-0000-4000-8000-000000000000",
    "action": "read",
    "outcome": "success",
    "client_name": "nobody",
    "team_id": None,
    "entity": "task",
    "entity_id": None,
    "detail": {},
}


def test_an_entry_put_in_as_if_it_were_sealed_was_added(store, did):
    did(insert(AUDIT).values(**MADE_UP, at=NOON, unsealed=False))
    assert faults(store) == [("added", None)]


def test_an_entry_put_in_with_an_old_date_was_added_once_the_sealer_took_it(store, did):
    did(insert(AUDIT).values(**MADE_UP, at=NOON - timedelta(days=30)))
    found = verified(store)
    assert (found.fault_count, found.tail.count, found.tail.oldest) == (0, 1, NOON - timedelta(days=30))
    sealed(store, now=NOON + timedelta(hours=1))
    assert faults(store) == [("added", found.size)]


def test_an_entry_put_into_the_middle_of_the_log_is_found_there(store, did):
    size = verified(store).size
    moved = [
        update(LEAF).where(LEAF.c.position == position).values(position=position + 1)
        for position in range(size - 1, 3, -1)
    ]
    extra = insert(LEAF).values(position=4, audit_id=MADE_UP["id"], hash=bytes(32))
    did(insert(AUDIT).values(**MADE_UP, at=NOON, unsealed=False), *moved, extra)
    found = faults(store)
    assert found[0] == ("changed", 4)
    assert ("added", size) in found


def test_two_entries_in_each_others_places_are_reordered(store, did):
    first, second = leaf(store, 1), leaf(store, 3)
    did(
        update(LEAF).where(LEAF.c.position == 1).values(audit_id="aside"),
        update(LEAF).where(LEAF.c.position == 3).values(audit_id=first.audit_id, hash=first.hash),
        update(LEAF).where(LEAF.c.position == 1).values(audit_id=second.audit_id, hash=second.hash),
    )
    assert faults(store) == [("reordered", 1)]


@pytest.mark.parametrize("either_broker", ["sqlite"], indirect=True)  # PostgreSQL keeps nothing of another type
def test_what_a_flipped_bit_makes_unreadable_is_named_too(store, did):
    did(text("UPDATE audit SET at = '2026-13-99' WHERE id = :id").bindparams(id=leaf(store, 4).audit_id))
    did(text("UPDATE audit SET detail = '{' WHERE id = :id").bindparams(id=leaf(store, 6).audit_id))
    assert faults(store) == [("missing", 4), ("missing", 6)]


def test_a_cut_off_end_is_found_by_a_head_that_was_kept_elsewhere(store, did):
    kept, size = heads(store)[-1], heads(store)[-2].size
    cut = select(LEAF.c.audit_id).where(LEAF.c.position >= size)
    ids = store.read(lambda session: session.execute(cut).scalars().all())
    did(delete(SEAL).where(SEAL.c.number == 3), delete(LEAF).where(LEAF.c.position >= size))
    assert set(faults(store)) == {("added", None)}  # the entries are still there
    did(delete(AUDIT).where(AUDIT.c.id.in_(ids)))
    assert faults(store) == []
    assert faults(store, kept=kept) == [("missing", size)]


def test_a_head_in_the_middle_cannot_be_taken_out(store, did):
    did(delete(SEAL).where(SEAL.c.number == 2))
    assert faults(store) == [("head", None)]


def test_a_changed_head_is_found(store, did):
    head, values = heads(store)[2], {"root": bytes(32), "at": NOON, "complete": False, "size": 10**6, "key": "0" * 16}
    for column, value in {**values, "signature": bytes(64)}.items():
        change = update(SEAL).where(SEAL.c.number == 3)
        did(change.values({column: value}))
        assert "signature" in {kind for kind, _ in faults(store)}, column
        did(change.values({column: getattr(head, column)}))
    assert faults(store) == []


def rewritten(store, did, signer):
    """The whole history made anew without its second entry, and signed."""
    everything = store.read(lambda session: list(audit_log.batches(session)))
    entries = [each.entry for _, leaves in everything for each in leaves]
    kept = [each for index, each in enumerate(entries) if index != 1]
    tree = Tree().grown(map(entry_hash, kept))
    last = everything[-1][0]
    head = Head(number=1, size=tree.size, root=tree.root, at=last.at, complete=True, key="", peaks=b"".join(tree.peaks))
    head = signer.signed(head)
    did(
        delete(LEAF),
        delete(SEAL),
        delete(AUDIT).where(AUDIT.c.id == entries[1].id),
        *(insert(LEAF).values(position=p, audit_id=e.id, hash=entry_hash(e)) for p, e in enumerate(kept)),
        insert(SEAL).values(
            number=1,
            size=head.size,
            root=head.root,
            peaks=head.peaks,
            at=head.at,
            complete=True,
            key=head.key,
            signature=head.signature,
        ),
    )


def test_a_rewritten_history_needs_the_key(store, did):
    rewritten(store, did, signing.Signer(AesCodec(b"the key of somebody else, also long")))
    assert faults(store) == [("signature", None)]


def test_a_history_rewritten_with_the_key_is_not_the_one_of_a_head_that_was_kept_elsewhere(store, did):
    kept = heads(store)[0]
    rewritten(store, did, signing.Signer(store.codec))
    assert faults(store) == []  # nothing inside the database can tell
    assert faults(store, kept=kept) == [("head", None)]
