"""Keys that rotate while rows are read and written: nothing is lost, what was written before encryption comes over, a kill costs a batch."""

import json
import sys

import pytest
import sqlalchemy as sa

from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_town
from broker.clock import utc_now
from broker.errors import Conflict, Misconfigured
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import epochs, payload_check, rekeying
from broker.storage.codec import AesCodec, KeyMissing, Tampered, tag_of
from broker.storage.key_sources import Command, KeyFile, KeysInSettings, source
from broker.storage.keyring import Keyring, derived
from broker.storage.tables import metadata
from broker.workflow import keys
from tests.conftest import NOON, SECRET
from tests.default_policy import default_policy

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What the database has no part in needs one."""
ONE, TWO = "1:" + "QUFB" * 10 + "QUE=", "2:" + "QkJC" * 10 + "QkI="
NOTIFICATION = metadata.tables["notification"]


@pytest.fixture
def town(store, tmp_path, monkeypatch):
    """A store with a message and a key file."""
    monkeypatch.setattr(bench_town, "HOUSEHOLDS", 1)
    store.codec = AesCodec(SECRET, Keyring(SECRET, KeyFile(tmp_path / "keys.json")))
    running = Runtime(Settings(), store, default_policy(), EmbeddedBus())
    bench_town.fill(running)
    return running


def whole(store):
    checked = store.read(lambda session: payload_check.check(session, store.codec))
    return checked.checked > 20 and checked.count == 0


def rows(store):
    return dict(store.read(rekeying.counted))


def test_a_rotation_brings_everything_over_and_what_was_before_can_then_be_destroyed(town):
    assert rows(town.store).keys() == {0}
    done = keys.rotate(town.store, NOON)
    assert (done.epoch, done.unreadable) == (1, 0)
    assert rows(town.store).keys() == {1}
    assert whole(town.store)
    bench_town.send(town, bench_town.bodies(utc_now(), 1)[0])
    assert rows(town.store).keys() == {1}
    assert keys.rotate(town.store, NOON).epoch == 2
    before = town.store.read(lambda session: session.execute(sa.select(NOTIFICATION)).mappings().first())
    keys.forget(town.store, 1, NOON)
    assert whole(town.store)
    assert "1" not in str(json.loads(town.store.codec.keys.source._path.read_text())["keys"][0]["epoch"])
    assert before["data_key"][5:9] == (2).to_bytes(4, "big")


@ON_SQLITE
def test_a_key_that_rows_need_is_not_destroyed(town):
    keys.rotate(town.store, NOON)
    with pytest.raises(Conflict, match="active"):
        keys.forget(town.store, 1, NOON)
    town.store.write(
        lambda session: epochs.activate(session, town.store.codec, town.store.codec.keys.source.add(), NOON)
    )
    town.store.read(lambda session: epochs.follow(session, town.store.codec))
    with pytest.raises(Conflict, match="rows"):
        keys.forget(town.store, 1, NOON)


@ON_SQLITE
def test_an_old_copy_of_a_row_opens_nothing_once_its_key_is_destroyed(town):
    keys.rotate(town.store, NOON)
    backup = town.store.read(lambda session: session.execute(sa.select(NOTIFICATION)).mappings().first())
    keys.rotate(town.store, NOON)
    keys.forget(town.store, 1, NOON)
    afresh = AesCodec(SECRET, Keyring(SECRET, town.store.codec.keys.source))
    with pytest.raises(KeyMissing):
        payload_check.opener(afresh, "notification", backup).open(backup["raw"], f"raw:{backup['id']}")


class Killed(Exception):
    """In the middle of it."""


@ON_SQLITE
def test_what_was_killed_goes_on_where_it_was_while_messages_are_accepted(town, monkeypatch):
    monkeypatch.setattr(rekeying, "BATCH", 2)
    steps = []

    def two_then_killed(done, _left):
        steps.append(done)
        if len(steps) == 2:
            raise Killed

    with pytest.raises(Killed):
        keys.rotate(town.store, NOON, two_then_killed)
    assert rows(town.store).keys() == {0, 1}
    bench_town.send(town, bench_town.bodies(utc_now(), 1)[0])  # written under the new key meanwhile
    assert whole(town.store)
    [epoch] = town.store.read(epochs.listed)
    assert epoch.progress
    assert keys.rotate(town.store, NOON).epoch == 1
    assert rows(town.store).keys() == {1}
    assert whole(town.store)


def test_rows_of_before_encryption_are_read_and_brought_over(town):
    store, tag_key = town.store, derived_tag_key()
    with store.engine.begin() as connection:
        plain_messages(connection, store, tag_key)
        for (name, column), context in payload_check.PAYLOADS.items():
            if name != "notification":
                plain_column(connection, store, name, column, context, tag_key)
    assert rows(store).keys() == {None}
    assert whole(store)
    keys.rotate(store, NOON)
    assert rows(store).keys() == {1}
    assert whole(store)


def derived_tag_key():
    return AesCodec(SECRET)._tag_key


def plain(data, context, tag_key):
    return tag_of(tag_key, data, context) + data


def plain_messages(connection, store, tag_key):
    for row in connection.execute(sa.select(NOTIFICATION)).mappings().all():
        opener, values = payload_check.opener(store.codec, "notification", row), {"data_key": None}
        for column, begins in rekeying.PARTS.items():
            if row[column] is not None:
                context = f"{begins}:{row['id']}"
                values[column] = plain(opener.open(row[column], context), context, tag_key)
        connection.execute(NOTIFICATION.update().where(NOTIFICATION.c.id == row["id"]).values(**values))


def plain_column(connection, store, name, column, context, tag_key):
    table = metadata.tables[name]
    for row in connection.execute(sa.select(table).where(table.c[column].is_not(None))).mappings().all():
        value = plain(store.codec.open(row[column], context(row)), context(row), tag_key)
        key = [each == row[each.name] for each in table.primary_key.columns]
        connection.execute(table.update().where(*key).values({column: value}))


@ON_SQLITE
def test_a_row_that_cannot_be_opened_is_left_and_counted(town):
    with town.store.engine.begin() as connection:
        connection.execute(NOTIFICATION.update().values(message_id=NOTIFICATION.c.message_id + "!"))
    done = keys.rotate(town.store, NOON)
    assert done.unreadable >= 1
    with pytest.raises(Conflict, match="rows"):
        keys.forget(town.store, 0, NOON)


@ON_SQLITE
def test_a_process_without_the_active_key_or_with_another_one_refuses(town):
    keys.rotate(town.store, NOON)
    for ring in (Keyring(SECRET), Keyring(SECRET, KeysInSettings(ONE))):
        with pytest.raises(Misconfigured, match="epoch 1"):
            town.store.read(lambda session, ring=ring: epochs.follow(session, AesCodec(SECRET, ring)))


@ON_SQLITE
def test_keys_from_the_environment_rotate_to_the_newest_and_none_is_made(town):
    town.store.codec = AesCodec(SECRET, Keyring(SECRET, KeysInSettings(ONE)))
    assert keys.rotate(town.store, NOON).epoch == 1
    with pytest.raises(Misconfigured, match="no key newer"):
        keys.rotate(town.store, NOON)
    town.store.codec = AesCodec(SECRET, Keyring(SECRET, KeysInSettings(f"{ONE}, {TWO}")))
    assert keys.rotate(town.store, NOON).epoch == 2
    assert whole(town.store)


WRAPPER = """
import base64, sys
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
data = base64.b64decode(sys.stdin.read())
done = {"wrap": aes_key_wrap, "unwrap": aes_key_unwrap}[sys.argv[1]](b"k" * 32, data)
print(base64.b64encode(done).decode())
"""


def test_a_key_management_service_keeps_the_file_from_opening_anything_alone(tmp_path):
    path, script = tmp_path / "keys.json", tmp_path / "kms.py"
    script.write_text(WRAPPER)
    wrapped = KeyFile(path, Command(f"{sys.executable} {script}"))
    assert wrapped.add() == 1
    key = wrapped.keys()[1]
    assert len(key) == 32
    assert "key" not in json.loads(path.read_text())["keys"][0]
    with pytest.raises(Misconfigured, match="BATON_KEY_COMMAND"):
        KeyFile(path).keys()
    with pytest.raises(Misconfigured, match="could not unwrap"):
        KeyFile(path, Command("/bin/false")).keys()


@pytest.mark.parametrize(
    "text", ["1", "x:QUJD", "1:QUJD", "1:!", f"{ONE} {ONE}", "0:" + ONE[2:]], ids=["no-key", "no-epoch", "short", "no-base64", "twice", "zero"]
)  # fmt: skip
def test_keys_that_are_none_are_refused_without_repeating_them(text):
    with pytest.raises(Misconfigured) as refused:
        KeysInSettings(text).keys()
    assert "QU" not in str(refused.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "keys.json"
    KeyFile(path).add()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        KeyFile(path).keys()


def test_settings_name_one_source(tmp_path):
    with pytest.raises(Misconfigured, match="keep one"):
        source(Settings(keys=ONE, key_file=tmp_path / "keys.json"))
    with pytest.raises(Misconfigured, match="BATON_KEY_FILE"):
        source(Settings(key_command="kms"))


@ON_SQLITE
def test_a_key_of_one_kind_of_row_opens_no_other(town):
    codec = AesCodec(SECRET)
    sealed = codec.seal(b"what is said", "person:1")
    for context in ("task:1", "person:2"):
        with pytest.raises(Tampered):
            codec.open(sealed, context)
    assert derived(SECRET, "a") != derived(SECRET, "b")
