"""Leases of work that one process at a time should do, on both databases."""

from datetime import timedelta

from broker.storage import leases
from tests.conftest import NOON

UNTIL = NOON + timedelta(seconds=30)


def test_whoever_meets_work_that_is_not_committed_yet_goes_away_at_once(store):
    if store.engine.dialect.name != "postgresql":
        return  # one writes at a time

    def meet(session):
        assert leases.take(session, "clock", "one", now=NOON, until=UNTIL)
        return store.write(lambda other: leases.take(other, "clock", "two", now=NOON, until=UNTIL)), store.write(
            lambda other: leases.take(other, "seal", "two", now=NOON, until=UNTIL)
        )

    assert store.write(meet) == (False, True)


def test_a_lease_is_its_holders_until_it_ends_or_is_given_up(store):
    def take(holder, now=NOON):
        return store.write(
            lambda session: leases.take(session, "clock", holder, now=now, until=now + timedelta(seconds=30))
        )

    assert take("one")
    assert not take("two")
    assert take("one", NOON + timedelta(seconds=20))
    assert not take("two", NOON + timedelta(seconds=40))
    assert take("two", NOON + timedelta(seconds=51))
    assert not store.write(lambda session: leases.give_up(session, "clock", "one", now=NOON + timedelta(seconds=52)))
    assert store.write(lambda session: leases.give_up(session, "clock", "two", now=NOON + timedelta(seconds=52)))
    assert take("one", NOON + timedelta(seconds=52))
