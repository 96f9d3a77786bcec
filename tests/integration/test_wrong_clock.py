"""What a clock that was wrong has left behind holds up nobody once it is right: leases of tomorrow, and messages due tomorrow that came today."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from broker.bus.embedded import EmbeddedBus
from broker.cli import doctor
from broker.clock import utc_now
from broker.domain.states import DeliveryState
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import leases, outbox
from broker.storage.person_tables import DELIVERY
from broker.worker.chores import Chores
from broker.worker.limits import Limits
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import add, delivery, prepared
from tests.sealed import faults, noted, sealed

LEASE = timedelta(seconds=30)
DAY = timedelta(days=1)
TEAM = "swbh-midwifery"


@pytest.mark.parametrize(
    ("left", "mended"),
    [
        ({"state": DeliveryState.SENDING, "lease_until": NOON + DAY, "next_attempt_at": NOON + DAY, "attempts": 1}, True),
        ({"state": DeliveryState.READY, "next_attempt_at": NOON + DAY, "attempts": 0}, True),
        ({"state": DeliveryState.READY, "next_attempt_at": NOON + DAY, "attempts": 3}, False),
        ({"state": DeliveryState.PARKED, "next_attempt_at": NOON + DAY, "attempts": 9}, False),
        ({"state": DeliveryState.SENDING, "lease_until": NOON + LEASE, "next_attempt_at": NOON + LEASE, "attempts": 1}, False),
    ],
    ids=["leased-until-tomorrow", "never-tried-and-due-tomorrow", "tried-again-tomorrow", "parked", "leased-now"],
)  # fmt: skip
def test_what_no_right_clock_leaves_is_due_at_once_and_nothing_else(store, left, mended):
    prepared(store, TEAM)
    [id_] = add(store, delivery(TEAM))
    store.write(lambda session: session.execute(sa.update(DELIVERY).where(DELIVERY.c.id == id_).values(**left)))
    assert store.write(lambda session: outbox.mend_times(session, now=NOON, lease=LEASE)) == mended
    due = store.read(lambda session: session.scalar(sa.select(DELIVERY.c.next_attempt_at).where(DELIVERY.c.id == id_)))
    assert due == (NOON if mended else left["next_attempt_at"])


def test_a_clock_that_is_put_back_is_noticed_at_the_next_look_and_what_was_under_way_follows_a_lease_later(
    store, clock
):
    prepared(store, TEAM)
    now, lease = clock.time, timedelta(seconds=2)
    chores = housekeeping(store, clock, lease)
    due = partial(due_at, store)

    async def journey():
        await chores.keep_time()
        await chores.number()
        clock.time = now + DAY
        [before] = add(store, delivery(TEAM, next_attempt_at=clock.time))
        await chores.number()  # it looks, and is too busy to fit rows to their channels meanwhile
        clock.time = now + timedelta(seconds=1)
        await chores.number()
        await chores.keep_time()
        assert due(before) == clock.time
        [under_way] = add(store, delivery(TEAM, cause="under way", next_attempt_at=now + DAY))
        await chores.keep_time()
        assert due(under_way) == now + DAY
        clock.time += lease
        await chores.keep_time()
        assert due(under_way) == clock.time

    asyncio.run(journey())


@pytest.mark.parametrize("seen", [True, False])
def test_a_clock_that_is_put_back_while_rows_are_made_to_fit_stops_nothing(store, clock, seen, monkeypatch):
    """It was ahead for a moment, in which rows were made to fit it: seen by a look that came then, or by none."""
    prepared(store, TEAM)
    now = clock.time
    chores = housekeeping(store, clock, timedelta(seconds=2))
    mended = outbox.mend_times

    def put_back(session, **given):
        clock.time = now + timedelta(seconds=1)
        if seen:
            chores._mind_the_clock()  # a look comes meanwhile
        return mended(session, **given)

    async def journey():
        await chores.keep_time()
        await chores.number()
        clock.time = now + DAY
        if seen:
            await chores.number()
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "mend_times", put_back)
            await chores.keep_time()
        await chores.number()
        [left] = add(store, delivery(TEAM, next_attempt_at=now + DAY))
        await chores.keep_time()
        assert due_at(store, left) == clock.time

    asyncio.run(journey())


def housekeeping(store, clock, lease):
    runtime = Runtime(Settings(lease_seconds=lease.total_seconds()), store, default_policy(), EmbeddedBus(), clock)
    return Chores(runtime, Limits(), "this")


def due_at(store, id_):
    return store.read(lambda session: session.scalar(sa.select(DELIVERY.c.next_attempt_at).where(DELIVERY.c.id == id_)))


@pytest.mark.parametrize(("ahead", "free"), [(DAY, True), (LEASE, False)])
def test_a_lease_that_was_taken_tomorrow_is_free_today(store, ahead, free):
    def take(holder, now):
        return store.write(lambda session: leases.take(session, "sealer", holder, now=now, until=now + LEASE))

    assert take("died tomorrow", NOON + ahead - LEASE)
    assert take("works today", NOON) is free


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("off", "said"),
    [(timedelta(), "ok: "), (-DAY, "s behind the database's"), (timedelta(minutes=1), "s ahead of the database's")],
)
def test_the_doctor_compares_this_machines_clock_with_the_databases(store, database_url, monkeypatch, off, said):
    monkeypatch.setattr(doctor, "utc_now", lambda: utc_now() + off)
    found = doctor._clock(Settings(database_url=database_url))
    assert said in found
    assert found.startswith("ok") == (not off)


def test_on_sqlite_there_is_one_clock(tmp_path):
    assert doctor._clock(Settings(database_url=f"sqlite:///{tmp_path}/one.db")).startswith("ok")


def test_what_a_process_wrote_whose_clock_was_a_day_behind_verifies_once_that_is_known(store):
    """Nothing in the log tells it from what somebody put in and dated back: whoever knows of the clock says so, and what is older is still found."""
    noted(store, "read")
    sealed(store, now=NOON + timedelta(seconds=1))
    noted(store, "a day behind", at=NOON - DAY)
    sealed(store, now=NOON + timedelta(seconds=2))
    assert faults(store) == [("added", 1)]
    assert faults(store, behind=DAY) == []
    noted(store, "dated back", at=NOON - 3 * DAY)
    sealed(store, now=NOON + timedelta(seconds=3))
    assert faults(store, behind=DAY) == [("added", 2)]
