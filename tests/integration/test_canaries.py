"""Test messages through every channel, on both databases and to real receivers: sent in turn, seen when they come through, loud when they do not."""

import asyncio
import json
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlmodel import select
from standardwebhooks import Webhook

from broker.bus.embedded import EmbeddedBus
from broker.clock import utc_now
from broker.domain.receipt import Receipt
from broker.domain.states import ChannelKind, DeliveryState
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import canaries, channel_list
from broker.storage.tables import Audit, Channel, ChannelHealth, Delivery
from broker.worker.canaries import Canaries
from broker.worker.pushing import Pushing
from broker.workflow import number, receipts
from schemas.structure import check_bundle
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import SECRET, channel, delivery, prepared, row, tell
from tests.integration.test_worker import read, until, working
from tests.unit.channels.mailserver import mail_host
from tests.unit.channels.receiver import receiving, status

HV, GP = "swbh-health-visiting", "cape-hill-practice"
EVERY = timedelta(minutes=15)
KINDS = (ChannelKind.WEBHOOK, ChannelKind.EMAIL)


def runtime(store, clock, **settings):
    values = {"allow_private_addresses": True, "public_url": "https://baton.example", "poll_seconds": 0.05}
    return Runtime(Settings(**(values | settings)), store, default_policy(), EmbeddedBus(), clock)


async def rounds(run, count=1):
    """Rounds of test messages, one after the other."""
    async with Pushing(run) as pushing:
        canary = Canaries(run, pushing.kinds, pushing.push_canary)
        return [await canary.round() for _ in range(count)]


def listed(store, team=HV):
    [found], _ = store.read(lambda session: channel_list.page(session, limit=1, team_id=team))
    return found


def test_a_canary_is_a_signed_message_about_nobody_that_says_it_is_a_test(store, clock):
    async def go():
        async with receiving(status(204)) as receiver:
            prepared(store)
            store.write(lambda session: channel(session, store, HV, receiver.url))
            clock.time = utc_now()
            done = await rounds(runtime(store, clock), 2)
            return receiver.got, done

    [got], done = asyncio.run(go())
    assert done == [True, False]
    said = Webhook(SECRET).verify(got.body, got.headers)
    assert check_bundle(json.loads(got.body)) == []
    [entry] = said["entry"]
    assert entry["resource"]["eventCoding"]["code"] == "information"
    assert entry["resource"]["meta"]["security"][0]["code"] == "HTEST"
    assert said["meta"]["security"][0]["code"] == "HTEST"
    found = listed(store)
    assert (found.canary_sent_at, found.canary_at, found.failing_since) == (clock(), clock(), None)
    assert found.delivered_at is None  # a test is no message
    assert found.canary_is_late(clock() + timedelta(hours=1)) is False
    assert read(store, select(Delivery)) == []
    assert [entry for entry in read(store, select(Audit)) if entry.action == "disclose"] == []


def test_each_channel_has_its_turn_once_in_the_time_and_a_new_one_waits_that_long(store):
    prepared(store, HV, GP)

    def begin(now, limit=10):
        return store.write(lambda session: canaries.begin(session, now=now, every=EVERY, kinds=KINDS, limit=limit))

    assert begin(NOON + EVERY - timedelta(seconds=1)) == []
    later = NOON + EVERY
    teams = [canary.team_id for canary in begin(later, 1) + begin(later, 1) + begin(later, 1)]
    assert sorted(teams) == sorted([HV, GP])
    assert [canary.team_id for canary in begin(later + EVERY)] == teams
    assert not store.read(lambda session: canaries.any_due(session, now=later + EVERY, every=EVERY, kinds=KINDS))


def test_a_channel_that_is_switched_off_or_no_push_has_none(store):
    prepared(store, HV)

    def off(session):
        found = session.get_one(Channel, HV)
        found.disabled_at = NOON
        session.add(found)

    store.write(off)
    late = NOON + timedelta(days=1)
    assert store.write(lambda session: canaries.begin(session, now=late, every=EVERY, kinds=KINDS, limit=9)) == []


@pytest.mark.parametrize(("code", "fails"), [(500, True), (404, False)])
def test_one_that_is_not_taken_is_late_and_one_that_fails_counts_against_the_channel(store, clock, code, fails):
    async def go():
        async with receiving(status(code)) as receiver:
            prepared(store)
            store.write(lambda session: channel(session, store, HV, receiver.url))
            clock.forward(minutes=15)
            await rounds(runtime(store, clock))

    asyncio.run(go())
    found = listed(store)
    assert (found.canary_sent_at, found.canary_at) == (clock(), None)
    assert found.canary_is_late(clock() + timedelta(minutes=3))
    assert found.failing_since == (clock() if fails else None)


def test_a_paused_channel_that_a_canary_gets_through_is_open_again(store, clock):
    async def go():
        async with receiving(status(200)) as receiver:
            prepared(store)
            store.write(lambda session: channel(session, store, HV, receiver.url))
            paused = NOON + timedelta(days=1)
            store.write(
                lambda session: session.add(
                    ChannelHealth(team_id=HV, failures=9, failing_since=NOON, paused_until=paused)
                )
            )
            [id_] = tell(store, delivery(HV))
            clock.forward(minutes=15)
            async with working(runtime(store, clock)):
                await until(lambda: row(store, id_).state is DeliveryState.DELIVERED)
            return receiver.got

    got = asyncio.run(go())
    assert len(got) == 2  # the test message, and then the real one
    assert listed(store).failing_since is None


def test_by_e_mail_it_is_asked_whether_one_would_be_taken_and_none_is_sent(store, clock):
    async def go():
        async with mail_host() as host:
            prepared(store)
            address = Channel(team_id=GP, kind=ChannelKind.EMAIL, url="mailto:duty@surgery.example", changed_at=NOON)
            store.write(lambda session: session.add(address))
            clock.forward(minutes=15)
            await rounds(runtime(store, clock, smtp_url=SecretStr(f"smtp://127.0.0.1:{host.port}")))
            return host

    host = asyncio.run(go())
    assert (host.asked, host.got) == (["duty@surgery.example"], [])
    assert listed(store, GP).canary_at == clock()


def test_only_the_last_one_that_was_sent_counts_and_only_from_its_own_team(store):
    prepared(store, HV, GP)
    begun = store.write(lambda session: canaries.begin(session, now=NOON + EVERY, every=EVERY, kinds=KINDS, limit=9))
    [mine] = [canary for canary in begun if canary.team_id == HV]

    def through(id_, team=None):
        return store.write(lambda session: canaries.came_through(session, id_, NOON + EVERY, team))

    assert not through("11111111-0000-4000-8000-00000000000f")
    assert not through(mine.id, GP)
    assert listed(store).canary_at is None
    assert through(mine.id, HV)
    assert listed(store).canary_at == NOON + EVERY


def test_pages_of_channels_miss_no_team(store):
    prepared(store, HV, GP)
    tell(store, delivery(HV), delivery(HV, NOON + timedelta(minutes=5)))

    def page(**more):
        return store.read(lambda session: channel_list.page(session, **{"limit": 100, **more}))

    everybody, last = page()
    assert last is None
    found = []
    after: str | None = ""
    while after is not None:
        some, after = page(limit=2, after=after)
        found += some
    assert found == everybody
    assert [one.team_id for one in page(pushed=True)[0]] == [GP, HV]
    assert page(failing=True)[0] == []
    of_visitors = listed(store)
    assert (of_visitors.waiting, of_visitors.oldest_waiting) == (2, NOON)


def test_through_a_queue_it_has_come_through_when_the_team_s_own_receipt_says_so(store, clock):
    prepared(store)
    store.write(lambda session: session.add(Channel(team_id=HV, kind=ChannelKind.AMQP, changed_at=NOON)))
    now = clock.forward(minutes=15)
    [canary] = store.write(
        lambda session: canaries.begin(session, now=now, every=EVERY, kinds=(ChannelKind.AMQP,), limit=9)
    )
    run = runtime(store, clock)

    def receipt(id_, team):
        return store.write(lambda session: receipts.record(session, run.context(session), [Receipt(id_, team)], now))

    assert receipt(canary.id, GP).unknown == 1
    assert listed(store).canary_at is None
    assert receipt(canary.id, HV).first == 1
    assert (listed(store).canary_at, listed(store).delivered_at) == (now, None)
    [id_] = tell(store, delivery(HV))
    store.write(number.number)
    assert receipt(id_, HV).first == 1
    assert listed(store).delivered_at == now
