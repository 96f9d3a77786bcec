"""Mailbox numbers on both databases: from 1, without gaps, in the order of commits, whoever numbers and however many at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import Session

from broker.domain.states import DeliveryState
from broker.storage import deliveries, leases, mailbox, outbox
from broker.workflow import number
from tests.conftest import NOON
from tests.integration.delivery_rows import NOTIFICATION, TEAMS, add, delivery, prepared, row

HV, GP = "swbh-health-visiting", "cape-hill-practice"


LEASE = timedelta(seconds=30)


def sequence(store):
    """Passes of the sequencer until nothing is left."""
    given = 0
    while found := store.write(number.number):
        given += found
    return given


def listed(store, team, after=0, limit=1000):
    return store.read(lambda session: mailbox.page(session, team, after=after, limit=limit))


def waiting(store, team, limit=1000):
    return store.read(lambda session: mailbox.waiting(session, team, limit=limit))


def acknowledge(store, id_):
    return store.write(lambda session: outbox.delivered(session, [id_], now=NOON))


def test_messages_are_numbered_from_one_for_each_team_in_the_order_they_came(store):
    prepared(store, GP)
    early, late = NOON - timedelta(minutes=1), NOON
    second, first = add(store, delivery(HV, late), delivery(HV, early))
    [other] = add(store, delivery(GP))
    assert sequence(store) == 3
    assert [(item.number, item.id) for item in listed(store, HV)] == [(1, first), (2, second)]
    assert [(item.number, item.id) for item in listed(store, GP)] == [(1, other)]
    assert sequence(store) == 0


def test_the_team_that_has_waited_longest_is_numbered_first(store):
    prepared(store)
    names = ["cape-hill-practice", "sandwell-mash", "swbh-health-visiting"]
    add(store, *(delivery(team, NOON - timedelta(minutes=place)) for place, team in enumerate(names)))
    assert store.read(lambda session: mailbox.unnumbered_teams(session, limit=2)) == names[:0:-1]


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD, DeliveryState.CANCELLED])
def test_what_a_team_is_not_told_has_no_number_and_leaves_no_gap(store, state):
    prepared(store)
    hidden, shown = add(store, delivery(HV, state=state), delivery(HV))
    sequence(store)
    assert [(item.number, item.id) for item in listed(store, HV)] == [(1, shown)]
    assert row(store, hidden).number is None


def test_a_held_message_gets_its_number_when_it_is_released(store):
    prepared(store)
    held, shown = add(store, delivery(HV, NOON - timedelta(days=1), state=DeliveryState.HELD), delivery(HV))
    sequence(store)
    assert store.read(lambda session: mailbox.find(session, HV, held)) is None
    store.write(lambda session: deliveries.release_held(session, [held], now=NOON))
    sequence(store)
    assert [(item.number, item.id) for item in listed(store, HV)] == [(1, shown), (2, held)]


def test_what_was_acknowledged_before_it_had_a_number_gets_one_too(store):
    prepared(store, HV)
    [id_] = add(store, delivery(HV))
    assert acknowledge(store, id_)
    sequence(store)
    assert [(item.number, item.state) for item in listed(store, HV)] == [(1, DeliveryState.DELIVERED)]
    assert waiting(store, HV) == []


def test_without_a_number_to_start_from_only_the_unacknowledged_are_listed(store):
    prepared(store)
    ids = add(store, *(delivery(HV) for _ in range(5)))
    sequence(store)
    acknowledge(store, ids[1])
    store.write(lambda session: deliveries.withdraw(session, NOTIFICATION, NOON))  # touches cause '' and tasks only
    assert [item.number for item in waiting(store, HV)] == [1, 3, 4, 5]
    assert [item.number for item in waiting(store, HV, limit=2)] == [1, 3]


def test_any_number_can_be_read_again_for_ever(store):
    prepared(store)
    ids = add(store, *(delivery(HV) for _ in range(7)))
    sequence(store)
    for id_ in ids:
        acknowledge(store, id_)
    pages, after = [], 0
    while page := listed(store, HV, after, limit=3):
        pages.append([item.number for item in page])
        after = pages[-1][-1]
    assert pages == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_withdrawn_message_keeps_its_number(store):
    prepared(store)
    first, second = add(store, delivery(HV, cause=""), delivery(HV, NOON + timedelta(seconds=1)))
    sequence(store)
    store.write(lambda session: deliveries.withdraw(session, NOTIFICATION, NOON))
    assert [(item.number, item.id, item.state) for item in listed(store, HV)] == [
        (1, first, DeliveryState.CANCELLED),
        (2, second, DeliveryState.READY),
    ]
    assert [item.id for item in waiting(store, HV)] == [second]


def test_a_team_finds_its_own_messages_and_no_others(store):
    prepared(store)
    [id_] = add(store, delivery(HV))
    assert store.read(lambda session: mailbox.find(session, HV, id_)).id == id_
    for team in set(TEAMS) - {HV}:
        assert store.read(lambda session, t=team: mailbox.find(session, t, id_)) is None


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD])
def test_a_decision_not_to_tell_a_team_is_not_found_by_it(store, state):
    prepared(store)
    [id_] = add(store, delivery(HV, state=state))
    assert store.read(lambda session: mailbox.find(session, HV, id_)) is None


def test_no_gaps_and_no_doubles_under_concurrent_commits_and_concurrent_sequencers(store):
    """Two sequencers and two polling teams number while six threads commit; what is listed never changes afterwards."""
    prepared(store, HV)
    done = threading.Event()
    seen: dict[str, dict[int, str]] = {HV: {}, GP: {}}
    moved: list[tuple[str, int]] = []

    def commit(thread):
        return [add(store, delivery(HV), delivery(GP)) for _ in range(12)]

    def sequencing():
        while not done.is_set():
            store.write(number.number)

    def polling(team):
        while not done.is_set():
            store.write(lambda session: number.number_team(session, team))
            items = listed(store, team)
            assert [item.number for item in items] == list(range(1, len(items) + 1))
            moved.extend(
                (team, item.number) for item in items if seen[team].setdefault(item.number, item.id) != item.id
            )

    with ThreadPoolExecutor(10) as pool:
        background = [pool.submit(sequencing) for _ in range(2)] + [pool.submit(polling, t) for t in (HV, GP)]
        committed = list(pool.map(commit, range(6)))
        done.set()
        for future in background:
            future.result()
    sequence(store)
    ids = [pair for thread in committed for pair in thread]
    for place, team in enumerate((HV, GP)):
        items = listed(store, team)
        assert [item.number for item in items] == list(range(1, 73))
        assert sorted(item.id for item in items) == sorted(pair[place] for pair in ids)
        assert {number_: items[number_ - 1].id for number_ in seen[team]} == seen[team]
    assert moved == []


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)  # SQLite lets nobody number beside an open write
def test_a_late_commit_never_gets_a_lower_number_than_one_already_listed(store):
    """The older row is committed after the younger one was numbered, as happens when its transaction is slow."""
    prepared(store)
    older = delivery(HV, NOON - timedelta(minutes=5))
    with Session(store.engine, info=store.info) as slow:
        deliveries.insert(slow, [older])
        slow.flush()
        [younger] = add(store, delivery(HV, NOON))
        sequence(store)
        assert [(item.number, item.id) for item in listed(store, HV)] == [(1, younger)]
        slow.commit()
    sequence(store)
    assert [(item.number, item.id) for item in listed(store, HV)] == [(1, younger), (2, older["id"])]


def test_numbers_given_by_a_sequencer_that_dies_are_taken_back_with_its_counter(store):
    prepared(store)
    add(store, delivery(HV), delivery(HV))

    def dies(session):
        assert number.number(session) == 2
        raise RuntimeError("killed before the commit")

    with pytest.raises(RuntimeError):
        store.write(dies)
    assert listed(store, HV) == []
    assert sequence(store) == 2
    assert [item.number for item in listed(store, HV)] == [1, 2]


def test_a_lease_belongs_to_one_until_it_ends_or_is_given_up(store):
    def take(holder, now):
        return store.write(lambda session: leases.take(session, "work", holder, now=now, until=now + LEASE))

    assert take("one", NOON)
    assert not take("two", NOON + LEASE / 2)
    assert take("one", NOON + LEASE / 2)  # renewed
    assert not take("two", NOON + LEASE)
    assert take("two", NOON + LEASE * 1.5)
    assert not take("one", NOON + LEASE * 1.5)
    assert not store.write(lambda session: leases.give_up(session, "work", "one", now=NOON + LEASE * 1.5))
    assert store.write(lambda session: leases.give_up(session, "work", "two", now=NOON + LEASE * 1.5))
    assert take("one", NOON + LEASE * 1.5)


def test_of_many_who_take_a_lease_at_once_one_has_it(store):
    def take(holder):
        return store.write(lambda session: leases.take(session, "work", holder, now=NOON, until=NOON + LEASE))

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, [f"worker-{n}" for n in range(8)])) == [False] * 7 + [True]
