"""The outbox on both databases: claimed by one, fairly, with a lease that ends by itself, and ended by whoever says so first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from broker.domain.retry import Park, RetryAt
from broker.domain.states import AttemptOutcome, DeliveryState
from broker.storage import claims, deliveries, outbox
from broker.storage.leasing import Share
from broker.storage.outbox import Again, Tried
from broker.storage.store import Busy
from broker.storage.tables import Attempt
from broker.workflow import number
from tests.conftest import NOON
from tests.integration.delivery_rows import (
    NOTIFICATION,
    SENDER,
    add,
    channel,
    delivery,
    message,
    notification,
    only_mailbox,
    prepared,
    row,
)

HV, GP, PROBATION = "swbh-health-visiting", "cape-hill-practice", "sandwell-probation"
LEASE = timedelta(seconds=30)


def claim(store, *, now=NOON, limit=100, per_team=100, busy=(), among=None, numbering=True):
    if numbering:
        store.write(number.number)
    return store.write(
        lambda session: claims.claim(
            session, Share(limit=limit, per_team=per_team, busy=busy), now=now, lease=LEASE, among=among
        )
    )


def failed(store, claimed, verdict, *, sent=False):
    again = Again(claimed=claimed, verdict=verdict, sent=sent)
    return store.write(lambda session: outbox.later_alone(session, again))


def test_a_ready_row_of_a_team_with_a_webhook_is_claimed_once_until_its_lease_ends(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    first = claim(store)
    assert [(c.id, c.team_id, c.attempts, c.url) for c in first] == [(id_, HV, 1, "http://127.0.0.1:9/hook")]
    assert claim(store, now=NOON + LEASE - timedelta(seconds=1)) == []
    assert [(c.id, c.attempts) for c in claim(store, now=NOON + LEASE)] == [(id_, 2)]


def test_rows_of_a_team_without_a_push_wait_in_its_mailbox(store):
    prepared(store, HV)
    waiting, pushed = add(store, delivery(GP), delivery(HV))
    assert [c.id for c in claim(store)] == [pushed]
    assert row(store, waiting).next_attempt_at is None


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED])
def test_what_a_team_is_not_told_is_never_claimed(store, state):
    prepared(store, HV)
    add(store, delivery(HV, state=state))
    assert claim(store, now=NOON + timedelta(days=400)) == []


def test_each_team_gets_its_first_before_any_gets_its_second(store):
    prepared(store, HV, GP, PROBATION)
    flood = add(store, *(delivery(HV) for _ in range(50)))
    late = NOON + timedelta(seconds=1)
    others = add(store, delivery(GP, late), delivery(PROBATION, late))
    claimed = claim(store, now=late, limit=4)
    assert {c.id for c in claimed} == {flood[0], flood[1], *others}


def test_one_team_gets_at_most_its_share_of_a_claim_and_nothing_while_it_is_busy(store):
    prepared(store, HV, GP)
    flood = add(store, *(delivery(HV) for _ in range(9)))
    [other] = add(store, delivery(GP))
    assert sorted(c.id for c in claim(store, per_team=4)) == sorted([*flood[:4], other])
    assert claim(store, busy=[HV]) == []
    assert [c.id for c in claim(store)] == flood[4:]


def test_of_what_was_announced_only_what_is_due_and_has_its_number_is_claimed(store):
    prepared(store, HV)
    announced, later, other = add(
        store, delivery(HV), delivery(HV, next_attempt_at=NOON + LEASE), delivery(HV, NOON - LEASE)
    )
    ids = [announced, later, "no-such-delivery", ""]
    assert claim(store, among=ids, numbering=False) == []
    assert [(c.id, c.number) for c in claim(store, among=ids)] == [(announced, 2)]
    assert claim(store, among=[]) == []
    assert [c.id for c in claim(store)] == [other]


def test_what_a_wire_took_is_due_again_when_its_receipt_does_not_come(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    [claimed] = claim(store)
    again = NOON + timedelta(minutes=2)
    assert failed(store, claimed, RetryAt(again), sent=True)
    assert row(store, id_).state is DeliveryState.SENT
    assert claim(store, now=again - timedelta(seconds=1)) == []
    assert [(c.id, c.number, c.attempts) for c in claim(store, now=again)] == [(id_, claimed.number, 2)]


def test_claims_of_many_workers_at_once_are_disjoint_and_miss_nothing(store):
    prepared(store, HV, GP, PROBATION)
    ids = add(store, *(delivery(team) for team in (HV, GP, PROBATION) for _ in range(40)))

    def until_none_is_left(_):
        found = []
        while batch := claim(store, limit=7, per_team=3):
            found += [c.id for c in batch]
        return found

    with ThreadPoolExecutor(6) as pool:
        shares = list(pool.map(until_none_is_left, range(6)))
    everything = [id_ for share in shares for id_ in share]
    # A worker that meets only rows others are just locking may stop early: what it left is still there to claim.
    everything += until_none_is_left(None)
    assert sorted(everything) == sorted(ids)


def test_a_failure_is_noted_only_by_who_still_holds_the_lease(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    [slow] = claim(store)
    [quick] = claim(store, now=NOON + LEASE)
    again = RetryAt(NOON + timedelta(minutes=5))
    assert not failed(store, slow, again)
    assert row(store, id_).state is DeliveryState.SENDING
    assert failed(store, quick, again)
    found = row(store, id_)
    assert (found.state, found.next_attempt_at, found.lease_until) == (DeliveryState.READY, again.at, None)


def test_a_parked_row_is_claimed_again_on_the_next_day(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    [claimed] = claim(store)
    tomorrow = NOON + timedelta(days=1)
    assert failed(store, claimed, Park(tomorrow))
    assert row(store, id_).state is DeliveryState.PARKED
    assert claim(store, now=tomorrow - timedelta(seconds=1)) == []
    assert [c.id for c in claim(store, now=tomorrow)] == [id_]


def test_what_was_delivered_is_delivered_even_when_the_lease_was_lost_and_never_twice(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    claim(store)
    claim(store, now=NOON + LEASE)  # somebody else took over; now the first one's receiver answers
    later = NOON + LEASE + timedelta(seconds=1)
    assert store.write(lambda session: outbox.delivered(session, [id_], now=later)) == [id_]
    assert not store.write(lambda session: outbox.delivered(session, [id_], now=later + LEASE))
    found = row(store, id_)
    assert (found.state, found.delivered_at) == (DeliveryState.DELIVERED, later)
    assert claim(store, now=NOON + timedelta(days=2)) == []


def test_of_many_who_say_delivered_at_once_one_is_first(store):
    prepared(store, HV)
    ids = add(store, *(delivery(HV) for _ in range(5)))
    with ThreadPoolExecutor(8) as pool:
        for id_ in ids:
            said = list(pool.map(lambda _, i=id_: store.write(lambda s: outbox.delivered(s, [i], now=NOON)), range(8)))
            assert sorted(said) == [[]] * 7 + [[id_]]


def test_a_failure_after_the_team_acknowledged_in_its_mailbox_changes_nothing(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    [claimed] = claim(store)
    store.write(lambda session: outbox.delivered(session, [id_], now=NOON))
    assert not failed(store, claimed, Park(NOON))
    assert row(store, id_).state is DeliveryState.DELIVERED


def test_a_lease_given_back_is_due_at_once(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    [claimed] = claim(store)
    assert store.write(lambda session: outbox.give_back(session, claimed, now=NOON))
    assert [(c.id, c.attempts) for c in claim(store)] == [(id_, 2)]


def test_every_attempt_is_a_row_and_the_first_that_left_us_sets_when_it_was_sent(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    tries = [AttemptOutcome.UNREACHABLE, AttemptOutcome.REFUSED, AttemptOutcome.TAKEN]
    for minute, outcome in enumerate(tries):
        now = NOON + timedelta(minutes=minute)
        tried = Tried(delivery_id=id_, outcome=outcome, detail="500")
        store.write(lambda session, one=tried, n=now: outbox.attempted(session, [one], now=n))
    found = store.read(lambda session: session.exec(select(Attempt).order_by(col(Attempt.at))).all())
    assert [attempt.outcome for attempt in found] == tries
    assert row(store, id_).sent_at == NOON + timedelta(minutes=1)


def test_the_database_refuses_a_delivery_that_was_decided_twice(store):
    prepared(store, HV)
    add(store, delivery(HV, cause=""))
    with pytest.raises(Busy) as caught:  # a write that collides is tried again, in case it was a race
        add(store, delivery(HV, cause=""))
    assert isinstance(caught.value.__cause__, IntegrityError)


def test_a_held_row_is_released_once_and_then_due(store):
    prepared(store, HV)
    held, boxed, ready = add(
        store, delivery(HV, state=DeliveryState.HELD), delivery(GP, state=DeliveryState.HELD), delivery(HV)
    )
    later = NOON + timedelta(hours=2)
    ids = [held, boxed, ready]
    assert store.write(lambda session: deliveries.release_held(session, ids, now=later)) == sorted([held, boxed])
    assert store.write(lambda session: deliveries.release_held(session, ids, now=later)) == []
    assert row(store, held).next_attempt_at == later
    assert row(store, boxed).next_attempt_at is None
    assert {c.id for c in claim(store, now=later)} == {held, ready}


def test_a_release_that_was_refused_tells_nobody(store):
    prepared(store, HV)
    [held] = add(store, delivery(HV, state=DeliveryState.HELD))
    assert store.write(lambda session: deliveries.refuse_held(session, [held], "An arrest is planned.", now=NOON)) == 1
    assert row(store, held).state is DeliveryState.WITHHELD
    assert store.write(lambda session: deliveries.release_held(session, [held], now=NOON)) == []


def test_what_was_decided_for_whom_and_a_withheld_decision_that_makes_room(store):
    prepared(store)
    add(store, delivery(HV, cause=""), delivery(GP, cause="", state=DeliveryState.WITHHELD), delivery(GP))
    expected = {HV: DeliveryState.READY, GP: DeliveryState.WITHHELD}
    assert store.read(lambda session: deliveries.decisions(session, NOTIFICATION)) == expected
    store.write(lambda session: deliveries.drop_withheld(session, NOTIFICATION, [HV, GP], now=NOON))
    assert store.read(lambda session: deliveries.decisions(session, NOTIFICATION)) == {HV: DeliveryState.READY}


def test_withdrawing_stops_what_is_on_its_way_and_names_who_may_have_seen_it(store):
    prepared(store, HV, GP)
    unseen, held, tried, acknowledged, listed, own, outcome = add(
        store,
        delivery("sandwell-mash", cause=""),
        delivery("swbh-safeguarding", cause="", state=DeliveryState.HELD),
        delivery(HV, cause=""),
        delivery(GP, cause=""),
        delivery(PROBATION, cause=""),
        delivery(SENDER, cause="task:1"),
        delivery(SENDER, cause="outcome:1:2"),
    )
    for team in (HV, GP, PROBATION, SENDER):
        store.write(lambda session, team=team: number.number_team(session, team))
    assert {claimed.id for claimed in claim(store, numbering=False)} == {tried, acknowledged}
    store.write(lambda session: outbox.delivered(session, [acknowledged], now=NOON))
    told = store.write(lambda session: deliveries.withdraw(session, NOTIFICATION, NOON))
    assert told == sorted([HV, GP, PROBATION])
    states = {id_: row(store, id_).state for id_ in (unseen, held, tried, acknowledged, listed, own, outcome)}
    assert states == {
        **dict.fromkeys([unseen, held, tried, listed, own], DeliveryState.CANCELLED),
        acknowledged: DeliveryState.DELIVERED,
        outcome: DeliveryState.READY,
    }
    # The push that was under way when it was withdrawn arrives: that is known, and the row stays cancelled.
    assert not store.write(lambda session: outbox.delivered(session, [tried], now=NOON + LEASE))
    assert (row(store, tried).state, row(store, tried).delivered_at) == (DeliveryState.CANCELLED, NOON + LEASE)


def test_withdrawing_touches_no_other_notification(store):
    prepared(store)
    other = "11111111-0000-4000-8000-000000000002"
    store.write(lambda session: notification(session, store, other, message(id="birth-2")))
    [id_] = add(store, delivery(HV, cause="", notification_id=other))
    assert store.write(lambda session: deliveries.withdraw(session, NOTIFICATION, NOON)) == []
    assert row(store, id_).state is DeliveryState.READY


def test_a_team_that_gets_a_webhook_gets_what_waited_and_one_that_loses_it_keeps_its_mailbox(store):
    prepared(store, GP)
    waiting, pushed = add(store, delivery(HV), delivery(GP))

    def swap(session):
        channel(session, store, HV)
        only_mailbox(session, GP)
        return deliveries.align(session, now=NOON)

    assert store.write(swap) == 2
    assert [c.id for c in claim(store)] == [waiting]
    assert row(store, pushed).next_attempt_at is None
    assert store.write(lambda session: deliveries.align(session, now=NOON)) == 0
