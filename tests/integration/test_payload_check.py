"""A stored payload that was changed, exchanged or cut short is found and named, whichever it is, and is never taken for what was stored."""

import json

import pytest
import sqlalchemy as sa

from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_town
from broker.domain import break_glass
from broker.domain.break_glass import Reason
from broker.domain.rota import Practitioner
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import accounts, directory, lookups, payload_check, practitioners
from broker.storage import break_glass as emergencies
from broker.storage.accounts import Account
from broker.storage.break_glass import Broken
from broker.storage.codec import HEADER_BYTES, KIND_BYTES, AesCodec, Tampered, message_name
from broker.storage.payload_check import PAYLOADS
from broker.storage.tables import metadata
from schemas.identifiers import CRN
from schemas.message import Identifier
from tests.conftest import NOON, SECRET
from tests.default_policy import default_policy

HASHES = {"auditleaf", "auditseal"}
"""Their bytes are hashes and signatures, checked by `baton audit verify`."""

KEYS = {("notification", "data_key"), ("keyepoch", "fingerprint")}
"""Looked at with what they open, and at every start."""


@pytest.fixture
def filled(store, monkeypatch):
    """A database in which every kind of payload is stored."""
    monkeypatch.setattr(bench_town, "HOUSEHOLDS", 1)
    bench_town.fill(Runtime(Settings(), store, default_policy(), EmbeddedBus()))

    def somebody(session):
        team = next(iter(directory.load(session).teams))
        pike = Practitioner(id="one", team_id=team, name="Joanne Pike", role="health-visitor")
        practitioners.put(session, store.codec, pike, None)
        accounts.put(
            session, store.codec, Account(id="pike", issuer="https://sign-in", subject="1", name="Jo Pike"), NOON
        )
        home = session.execute(sa.select(metadata.tables["household"].c.id).limit(1)).scalar_one()
        read = Broken(
            account_id="pike", team_id=team, household_id=home, reason=Reason.DANGER, name="Joanne Pike",
            role="health-visitor", why="She heard of X540660.", begun_at=NOON, until=NOON + break_glass.LASTS,
        )  # fmt: skip
        emergencies.keep(session, store.codec, read)
        about = session.execute(sa.select(metadata.tables["notification"].c.id).limit(1)).scalar_one()
        asked = Identifier(system=CRN, value="X540660")
        lookups.add(
            session, store.codec, notification_id=about, team_id=team, client="probation-person", subject=asked,
            reference=None, alone=False, now=NOON,
        )  # fmt: skip

    store.write(somebody)
    store.write(lambda session: rare(session, store.codec))
    return store


def rare(session, codec):
    """What the town has none of: a channel with a secret, a hold, and somebody who asked what is held and was given it."""
    tables = {name: metadata.tables[name] for name in ("channel", "legalhold", "subjectrequest")}
    person = session.execute(sa.select(metadata.tables["person"].c.id).limit(1)).scalar_one()
    team = next(iter(directory.load(session).teams))
    by = {"person_id": person, "made_by": "one", "made_at": NOON, "decided_by": "two", "decided_at": NOON}
    rows = {
        "channel": {"team_id": team, "kind": "webhook", "changed_at": NOON, "format": "fhir", "secret": b""},
        "legalhold": {"id": "h", "person_id": person, "placed_by": "one", "placed_at": NOON, "details": b""},
        "subjectrequest": {"id": "s", "state": "released", **by, "details": b"", "export": b""},
    }
    for name, row in rows.items():
        sealed = {
            column: codec.seal(b"what is said", context(row))
            for (table, column), context in PAYLOADS.items()
            if table == name
        }
        session.execute(tables[name].insert().values(**(row | sealed)))


def found(store):
    return store.read(lambda session: payload_check.check(session, store.codec))


def test_every_sealed_column_is_looked_at():
    binary = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        if table.name not in HASHES
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary)
    }
    assert binary - KEYS == PAYLOADS.keys()


def test_an_untouched_database_has_nothing_spoilt(filled):
    checked = found(filled)
    assert checked.checked > 20
    assert (checked.count, checked.spoilt) == (0, ())


@pytest.mark.parametrize(
    "bit", [0, 8 * KIND_BYTES, 8 * HEADER_BYTES], ids=["in-the-kind", "in-the-epoch", "in-the-nonce"]
)
def test_one_bit_is_found_and_its_row_named_whichever_payload_it_is_in(filled, bit):
    spoilt = set()
    with filled.engine.begin() as connection:
        for name, column in PAYLOADS:
            table = metadata.tables[name]
            [key, *_] = table.primary_key.columns
            row = connection.execute(sa.select(key, table.c[column]).where(table.c[column].is_not(None))).first()
            if row is not None:
                changed = bytearray(row[1])
                changed[bit // 8] ^= 1 << bit % 8
                connection.execute(table.update().where(key == row[0]).values({column: bytes(changed)}))
                spoilt.add((name, row[0], column))
    assert {(name, column) for name, _, column in spoilt} == PAYLOADS.keys()
    assert {(one.table, one.id, one.column) for one in found(filled).spoilt} == spoilt


def test_payloads_that_were_exchanged_between_rows_are_found(filled):
    table = metadata.tables["notification"]
    with filled.engine.begin() as connection:
        (one, first), (other, second) = connection.execute(sa.select(table.c.id, table.c.raw).limit(2))
        connection.execute(table.update().where(table.c.id == one).values(raw=second))
        connection.execute(table.update().where(table.c.id == other).values(raw=first))
    assert {spoilt.id for spoilt in found(filled).spoilt} == {one, other}


@pytest.mark.parametrize("column", ["sender_team_id", "message_id"])
def test_a_message_put_under_another_sender_or_id_is_found(filled, column):
    table = metadata.tables["notification"]
    with filled.engine.begin() as connection:
        [(id_, sender)] = connection.execute(sa.select(table.c.id, table.c.sender_team_id).limit(1))
        teams = metadata.tables["team"]
        other = connection.execute(sa.select(teams.c.id).where(teams.c.id != sender).limit(1)).scalar_one()
        connection.execute(table.update().where(table.c.id == id_).values({column: other}))
    assert {(one.id, one.column) for one in found(filled).spoilt} == {(id_, "raw"), (id_, "content"), (id_, "answer")}


def test_nothing_that_was_said_can_be_read_in_the_rows(filled):
    kept = b"".join(
        value if isinstance(value, bytes) else str(value).encode()
        for table in metadata.sorted_tables
        for row in filled.read(lambda session, table=table: session.execute(sa.select(table)).all())
        for value in row
    )
    said = filled.read(lambda session: session.execute(sa.select(metadata.tables["notification"])).mappings().first())
    raw = filled.codec.message(
        message_name(said["id"], said["sender_team_id"], said["message_id"]), said["data_key"]
    ).open(said["raw"], f"raw:{said['id']}")
    [patient, *_] = [
        entry["resource"]
        for entry in json.loads(raw)["entry"]
        if entry["resource"]["resourceType"] == "Patient" and "name" in entry["resource"]
    ]
    words = [patient["name"][0]["family"], patient["identifier"][0]["value"], "Joanne Pike", "Jo Pike", "X540660"]
    assert [word for word in words if word.encode() in kept] == []


@pytest.mark.parametrize("sealed", [b"", b"short", b"bytes without any tag of ours"])
def test_what_was_never_sealed_is_refused(sealed):
    with pytest.raises(Tampered):
        AesCodec(SECRET).open(sealed, "raw:1")


def test_another_key_or_context_opens_nothing():
    sealed = AesCodec(SECRET).seal(b"what is said", "raw:1")
    assert AesCodec(SECRET).open(sealed, "raw:1") == b"what is said"
    for codec, context in ((AesCodec(SECRET + b"!"), "raw:1"), (AesCodec(SECRET), "raw:2")):
        with pytest.raises(Tampered):
            codec.open(sealed, context)
