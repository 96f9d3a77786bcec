"""What a clock that was wrong has left behind holds up nobody once it is right: leases of tomorrow, and messages due tomorrow that came today."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from broker.domain.states import DeliveryState
from broker.storage import leases, outbox
from broker.storage.person_tables import DELIVERY
from tests.conftest import NOON
from tests.integration.delivery_rows import add, delivery, prepared

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


@pytest.mark.parametrize(("ahead", "free"), [(DAY, True), (LEASE, False)])
def test_a_lease_that_was_taken_tomorrow_is_free_today(store, ahead, free):
    def take(holder, now):
        return store.write(lambda session: leases.take(session, "sealer", holder, now=now, until=now + LEASE))

    assert take("died tomorrow", NOON + ahead - LEASE)
    assert take("works today", NOON) is free
