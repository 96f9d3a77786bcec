"""The sealer on both databases: every entry that was committed gets one place, whoever seals, dies or commits late."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select, update

from broker.bus.embedded import EmbeddedBus
from broker.errors import Invalid
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import audit_log
from broker.storage.tables import Audit, AuditLeaf, AuditSeal
from broker.worker import Limits, Worker
from broker.workflow import seal
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.sealed import LEASE, faults, note, noted, sealed, unguarded, verified

ROOT = Path(__file__).parents[2]


def rows(store, table):
    return store.read(lambda session: session.exec(select(table)).all())


def places(store):
    """What the entries in the tree are about, by their places."""
    query = select(Audit.entity_id).join(AuditLeaf, col(AuditLeaf.audit_id) == col(Audit.id))
    return store.read(lambda session: list(session.exec(query.order_by(col(AuditLeaf.position))).all()))


def test_what_was_committed_is_sealed_in_order_under_signed_heads(store):
    noted(store, "b", at=NOON + timedelta(seconds=1))
    noted(store, "a")
    assert (verified(store).size, verified(store).tail.count) == (0, 2)
    sealed(store, now=NOON + timedelta(seconds=2))
    noted(store, "c", "d", at=NOON + timedelta(seconds=3))
    sealed(store, now=NOON + timedelta(seconds=4))
    found = verified(store)
    assert (found.size, found.head.number, found.fault_count, found.tail.count) == (4, 2, 0, 0)
    assert places(store)[:2] == ["a", "b"]
    assert set(places(store)[2:]) == {"c", "d"}


def test_nothing_to_seal_leaves_no_head(store):
    sealed(store)
    assert rows(store, AuditSeal) == []


def test_more_than_one_batch_is_sealed_in_several(store):
    noted(store, *map(str, range(seal.AT_ONCE + 3)))
    sealed(store)
    assert [(row.size, row.complete) for row in rows(store, AuditSeal)] == [
        (seal.AT_ONCE, False),
        (seal.AT_ONCE + 3, True),
    ]
    assert faults(store) == []


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)  # SQLite lets nobody seal beside an open write
def test_an_entry_that_is_committed_late_gets_the_next_place(store):
    """It is older than all that is sealed when its transaction ends."""
    with Session(store.engine) as slow:
        note(slow, "older", at=NOON)
        slow.flush()
        noted(store, "younger", at=NOON + timedelta(minutes=5))
        sealed(store, now=NOON + timedelta(minutes=5))
        assert places(store) == ["younger"]
        slow.commit()
    sealed(store, now=NOON + timedelta(minutes=6))
    assert places(store) == ["younger", "older"]
    assert faults(store) == []


def test_while_one_seals_the_other_leaves_it_alone(store):
    noted(store, "a")
    sealed(store, holder="one")
    noted(store, "b")
    sealed(store, holder="two", now=NOON + LEASE / 2)
    assert places(store) == ["a"]
    sealed(store, holder="two", now=NOON + LEASE * 2)
    assert places(store) == ["a", "b"]


def test_two_that_seal_at_once_while_others_commit_make_one_log(store):
    """Both believe that the other's lease is over: the log must not rest on it."""
    done = threading.Event()

    def sealing(turn):
        count = 0
        while not done.is_set():
            count += 1
            sealed(store, holder=f"holder-{turn}", now=NOON + LEASE * 2 * (2 * count + turn))

    def committing(thread):
        for number in range(15):
            noted(store, f"{thread}-{number}")

    with ThreadPoolExecutor(6) as pool:
        background = [pool.submit(sealing, turn) for turn in (0, 1)]
        list(pool.map(committing, range(4)))
        done.set()
        for future in background:
            future.result()
    sealed(store, now=NOON + timedelta(days=99))
    assert sorted(places(store)) == sorted(f"{thread}-{number}" for thread in range(4) for number in range(15))
    # The clocks here are made up, so that entries look late; nothing else may be said of the log.
    assert {kind for kind, _ in faults(store)} <= {"added"}
    numbers = [row.number for row in rows(store, AuditSeal)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


DIES = """
import os, signal, sys
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.conftest import SECRET
from tests.sealed import LEASE, NOON
from broker.workflow import seal
store = open_store(sys.argv[1], AesCodec(SECRET))
def dies(session):
    seal.seal(session, store.codec, holder="dies", now=NOON, lease=LEASE)
    session.flush()
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
store.write(dies)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("when", "left"), [("before", 0), ("after", 2)])
def test_a_sealer_that_is_killed_leaves_a_log_that_verifies_and_goes_on(store, database_url, when, left):
    noted(store, "a", "b")
    died = subprocess.run(
        [sys.executable, "-c", DIES, database_url, when], cwd=ROOT, check=False, capture_output=True, timeout=60
    )
    assert died.returncode == -9, died.stderr
    found = verified(store)
    assert (found.size, found.tail.count, found.fault_count) == (left, 2 - left, 0)
    noted(store, "c")
    sealed(store, now=NOON + LEASE * 2)
    found = verified(store)
    assert (found.size, found.tail.count, found.fault_count) == (3, 0, 0)


def test_a_clock_that_is_put_back_is_told_from_an_entry_that_was_dated_back(store):
    for ahead in (timedelta(days=1), timedelta(), -timedelta(days=1), timedelta()):
        noted(store, f"read {ahead}", at=NOON + ahead)
        sealed(store, now=NOON + ahead + timedelta(seconds=1))
    assert faults(store) == []
    noted(store, "added by hand", at=NOON - timedelta(days=2))
    sealed(store, now=NOON + timedelta(minutes=1))
    assert faults(store) == [("added", 4)]


def by_its_owner(store, statement):
    with store.engine.begin() as connection:
        unguarded(connection)
        connection.execute(statement)


def test_a_mark_that_somebody_set_again_seals_nothing_twice_and_stops_nobody(store):
    noted(store, "a")
    sealed(store)
    by_its_owner(store, update(Audit).values(unsealed=True))
    noted(store, "b")
    sealed(store)
    assert places(store) == ["a", "b"]
    assert not store.read(audit_log.waiting)


def test_nothing_is_built_on_a_head_that_does_not_prove_itself(store):
    noted(store, "a")
    sealed(store)
    by_its_owner(store, update(AuditSeal).values(peaks=bytes(32)))
    noted(store, "b")
    with pytest.raises(Invalid):
        sealed(store)
    assert faults(store) == [("head", None)]


def test_a_worker_seals_what_is_committed_and_the_rest_when_it_is_told_to_stop(store, clock):
    runtime = Runtime(Settings(poll_seconds=0.02), store, default_policy(), EmbeddedBus(), clock)

    def all_sealed():
        return not store.read(audit_log.waiting)

    async def worked():
        await runtime.bus.start()
        worker = Worker(runtime, limits=Limits(seal_seconds=0))
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(all_sealed):  # noqa: ASYNC110 - what is waited for is in the database
                await asyncio.sleep(0.01)
        worker.stop()
        noted(store, "last")
        await task

    noted(store, "a", "b")
    asyncio.run(worked())
    assert places(store)[-1] == "last"
    found = verified(store)
    assert (found.size, found.fault_count, found.tail.count) == (3, 0, 0)
    sealed(store, holder="next")  # its lease was given up
    noted(store, "d")
    sealed(store, holder="next")
    assert places(store)[-1] == "d"
