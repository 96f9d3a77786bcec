"""The worker against real receivers on loopback and both databases: whatever they do, everything due is delivered, retried or told."""

import asyncio
import json
import logging
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select, update
from standardwebhooks import Webhook

from broker.bus.embedded import EmbeddedBus
from broker.clock import utc_now
from broker.domain.due import Due
from broker.domain.states import AttemptOutcome, DeliveryState
from broker.domain.wanted import TaskWanted
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import audit_head, claims, deliveries, leases, outbox, tasks
from broker.storage.leasing import Share
from broker.storage.tables import Attempt, Audit, Channel, Delivery, Notification, Task
from broker.worker import Limits, Worker
from broker.worker.chores import Chores
from broker.worker.pushing import Pushing
from broker.workflow import acknowledge, number, seal
from schemas.codes import TaskCode, TaskStatus
from schemas.structure import check_bundle
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import (
    SECRET,
    SENDER,
    add,
    channel,
    delivery,
    message,
    notification,
    prepared,
    row,
    tell,
)
from tests.sealed import noted, sealed
from tests.unit.channels.receiver import receiving, silence, status

HV, GP, PROBATION = "swbh-health-visiting", "cape-hill-practice", "sandwell-probation"
LADDER = [timedelta(seconds=5), timedelta(minutes=1)]
BOUND = 60  # seconds after which a test that hangs is given up; nothing is measured by it


@pytest.fixture
def runtime(store, clock):
    settings = Settings(
        lease_seconds=60,
        retry_ladder=LADDER,
        poll_seconds=0.05,
        webhook_timeout_seconds=40,
        allow_private_addresses=True,
        public_url="https://baton.example",
        canary_seconds=10**9,  # tests of their own: the receivers here count what they get
    )
    return Runtime(settings, store, default_policy(), EmbeddedBus(), clock)


@asynccontextmanager
async def working(runtime, **limits):
    """A worker that runs for as long as the block does."""
    await runtime.bus.start()
    worker = Worker(runtime, limits=Limits(**{"grace_seconds": 0.2, **limits}), lot=lambda: 0.5)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


@asynccontextmanager
async def waiting(store, runtime):
    """A worker that has looked and found nothing, and a health visiting team whose webhook takes everything."""
    async with receiving(status(200)) as receiver:
        prepared(store)
        point(store, HV, receiver)
        async with working(runtime) as worker:
            await until(lambda: worker.looked_at is not None)
            yield


async def until(check, *values):
    """Wait until a check holds."""
    async with asyncio.timeout(BOUND):
        while not await asyncio.to_thread(check, *values):  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.01)


def point(store, team, receiver):
    store.write(lambda session: channel(session, store, team, receiver.url))


def states(store, ids):
    return Counter(row(store, id_).state for id_ in ids)


def all_in(store, ids, state):
    return states(store, ids) == {state: len(ids)}


def read(store, query):
    return store.read(lambda session: session.exec(query).all())


def attempts(store, id_):
    found = read(store, select(Attempt).where(Attempt.delivery_id == id_).order_by(col(Attempt.at)))
    return [(attempt.outcome, attempt.detail) for attempt in found]


def acknowledge_task(store, delivery_id, team=HV):
    [carrier] = read(store, select(Delivery).where(Delivery.id == delivery_id))
    wanted = TaskWanted(
        code=TaskCode.ACKNOWLEDGE,
        owner=team,
        requester=SENDER,
        description="Say what this means for your work.",
        notification_id=carrier.notification_id,
        delivery_id=delivery_id,
    )
    [task] = store.write(
        lambda session: tasks.raise_tasks(session, store.codec, [wanted], policy_version="test", now=NOON)
    )
    return task


def task_status(store, task):
    [found] = read(store, select(Task).where(Task.id == task))
    return found.status


# --- the good way --------------------------------------------------------------------------------------------------


def test_what_is_due_reaches_its_webhook_once_signed_and_marked_as_received(store, runtime, clock):
    async def go():
        async with receiving(status(204)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            clock.time = utc_now()  # the other side checks that the signature is young
            noted(store, "one", at=clock())
            sealed(store, now=clock())
            [id_] = tell(store, delivery(HV, clock()))
            task = acknowledge_task(store, id_)
            async with working(runtime):
                await until(all_in, store, [id_], DeliveryState.DELIVERED)
            return id_, task, receiver.got

    id_, task, got = asyncio.run(go())
    [request] = got
    said = Webhook(SECRET).verify(request.body, request.headers)
    assert request.headers["webhook-id"] == id_ == said["entry"][0]["resource"]["id"]
    assert audit_head.read(request.headers["baton-audit-head"]).number >= 1
    assert check_bundle(said) == []
    assert [e["resource"]["id"] for e in said["entry"] if e["resource"]["resourceType"] == "Task"] == [task]
    assert task_status(store, task) is TaskStatus.RECEIVED
    assert attempts(store, id_) == [(AttemptOutcome.TAKEN, "")]
    [disclosed] = read(store, select(Audit).where(Audit.action == "disclose"))
    assert (disclosed.entity_id, disclosed.team_id) == (id_, HV)
    assert "Testerly" not in json.dumps(disclosed.detail)


def test_a_commit_that_is_announced_is_delivered_without_waiting_for_the_next_look(store, runtime):
    runtime.settings.poll_seconds = 3600

    async def go():
        async with waiting(store, runtime):
            [id_] = tell(store, delivery(HV))
            await until(all_in, store, [id_], DeliveryState.DELIVERED)

    asyncio.run(go())


def test_what_is_committed_between_the_numbers_and_the_claim_is_not_left_for_the_next_look_at_everything(
    store, runtime, monkeypatch
):
    runtime.settings.poll_seconds = 3600
    number_them = Chores.number
    late: list[str] = []

    async def numbers_and_then_one_more_comes(chores):
        more = await number_them(chores)
        if not late and await asyncio.to_thread(read, store, select(Delivery)):
            late.extend(await asyncio.to_thread(tell, store, delivery(HV)))
            await asyncio.sleep(0.1)  # it is heard of
        return more

    async def go():
        async with waiting(store, runtime):
            monkeypatch.setattr(Chores, "number", numbers_and_then_one_more_comes)
            [first] = await asyncio.to_thread(tell, store, delivery(HV))
            await until(lambda: late and all_in(store, [first, *late], DeliveryState.DELIVERED))

    asyncio.run(go())


def test_messages_that_take_long_to_make_hold_up_nobody_who_is_told_meanwhile(store, runtime, monkeypatch):
    runtime.settings.poll_seconds = 3600
    make, made, slow = Pushing.prepare, asyncio.Event(), []

    async def slowly(pushing, claimed):
        if any(one.id in slow for one in claimed):
            await made.wait()
        return await make(pushing, claimed)

    monkeypatch.setattr(Pushing, "prepare", slowly)

    async def go():
        async with waiting(store, runtime):
            slow.extend(tell(store, delivery(HV)))
            await until(lambda: row(store, slow[0]).state is DeliveryState.SENDING)
            [other] = tell(store, delivery(HV))
            await until(all_in, store, [other], DeliveryState.DELIVERED)
            assert row(store, slow[0]).state is DeliveryState.SENDING
            made.set()
            await until(all_in, store, slow, DeliveryState.DELIVERED)

    asyncio.run(go())


def test_who_gets_one_message_does_not_wait_until_all_of_a_flooded_team_are_made(store, runtime, monkeypatch):
    make, made = Pushing.prepare, []

    async def watched(pushing, claimed):
        made.append([one.team_id for one in claimed])
        return await make(pushing, claimed)

    monkeypatch.setattr(Pushing, "prepare", watched)

    async def go():
        async with receiving(status(200)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            point(store, GP, receiver)
            ids = tell(store, *(delivery(HV) for _ in range(5)), delivery(GP))
            async with working(runtime, made_at_once=2):
                await until(all_in, store, ids, DeliveryState.DELIVERED)

    asyncio.run(go())

    assert [sorted(teams) for teams in made] == [sorted([HV, GP]), [HV, HV], [HV, HV]]


def test_the_worker_numbers_every_mailbox_whatever_its_channel(store, runtime):
    async def go():
        async with receiving(status(200)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            ids = tell(store, delivery(HV), delivery(GP), delivery(GP))
            async with working(runtime):
                await until(lambda: all(row(store, id_).number for id_ in ids))
            return [row(store, id_).number for id_ in ids]

    assert asyncio.run(go()) == [1, 1, 2]


# --- receivers that do not take it ---------------------------------------------------------------------------------


def test_a_receiver_that_hangs_holds_up_nobody_else(store, runtime):
    """The good team's messages all arrive while every push to the dead one is still waiting for its answer."""

    async def go():
        async with receiving(silence) as dead, receiving(status(200)) as alive:
            prepared(store)
            point(store, HV, dead)
            point(store, GP, alive)
            stuck = tell(store, *(delivery(HV) for _ in range(40)))
            good = tell(store, *(delivery(GP, NOON + timedelta(seconds=1)) for _ in range(30)))
            runtime.now.forward(seconds=1)
            async with working(runtime, slots=20, per_team=8):
                await until(all_in, store, good, DeliveryState.DELIVERED)
                under_way = states(store, stuck)
                arrived = len(dead.got)
            return under_way, arrived, states(store, stuck)

    under_way, arrived, afterwards = asyncio.run(go())
    assert under_way == {DeliveryState.SENDING: 8, DeliveryState.READY: 32}
    assert arrived <= 8
    assert afterwards == {DeliveryState.READY: 40}  # the stop gave back what still waited


def test_a_failure_is_repeated_up_the_ladder_with_the_same_id_until_it_is_taken(store, runtime, clock):
    async def go():
        async with receiving(status(500)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            [id_] = tell(store, delivery(HV))
            async with working(runtime):
                await until(lambda: len(attempts(store, id_)) == 1)
                first = row(store, id_)
                receiver.answer = status(200)
                clock.forward(seconds=4)
                await asyncio.sleep(0.2)  # several looks: too early for a second try
                early = len(receiver.got)
                clock.forward(seconds=1)
                await until(all_in, store, [id_], DeliveryState.DELIVERED)
            return id_, first, early, receiver.got

    id_, first, early, got = asyncio.run(go())
    assert (first.state, first.next_attempt_at) == (DeliveryState.READY, NOON + LADDER[0])
    assert early == 1
    assert [request.headers["webhook-id"] for request in got] == [id_, id_]
    assert got[0].body == got[1].body
    assert attempts(store, id_) == [(AttemptOutcome.REFUSED, "500"), (AttemptOutcome.TAKEN, "")]


def test_what_is_to_be_repeated_is_found_however_much_is_announced_meanwhile(store, runtime, clock):
    async def chatter():
        while True:
            runtime.bus.publish([Due("household", "no-such-delivery")])
            await asyncio.sleep(runtime.settings.poll_seconds / 5)

    async def go():
        async with receiving(status(500)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            [id_] = tell(store, delivery(HV))
            async with working(runtime):
                await until(lambda: len(attempts(store, id_)) == 1)
                receiver.answer = status(200)
                talking = asyncio.create_task(chatter())
                clock.forward(minutes=1)
                await until(all_in, store, [id_], DeliveryState.DELIVERED)
                talking.cancel()

    asyncio.run(go())


def test_after_the_ladder_a_person_is_told_once_and_it_is_tried_once_a_day_for_ever(store, runtime, clock):
    async def go():
        async with receiving(status(503)) as receiver:
            prepared(store)
            point(store, GP, receiver)
            [id_] = tell(store, delivery(GP))
            seen = []
            async with working(runtime):
                for count in (1, 2, 3, 4, 5):
                    await until(lambda n=count: len(attempts(store, id_)) == n)
                    await until(lambda: row(store, id_).state is not DeliveryState.SENDING)
                    seen.append(row(store, id_).state)
                    clock.forward(days=1)
                receiver.answer = status(200)
                await until(all_in, store, [id_], DeliveryState.DELIVERED)
            return seen

    assert asyncio.run(go()) == [DeliveryState.READY] * 2 + [DeliveryState.PARKED] * 3
    found = read(store, select(Task).where(Task.code == TaskCode.UNDELIVERABLE))
    [task] = [task for task in found if task.notification_id is not None]  # another is about the channel as such
    # The practice has no safeguarding lead in the directory: the partnership of its area is asked.
    assert (task.owner_team_id, task.requester_team_id) == ("sandwell-partnership", None)
    assert task.due_at == task.authored_at + timedelta(days=1)
    told = read(store, select(Delivery).where(Delivery.cause == f"task:{task.id}"))
    assert [found.team_id for found in told] == ["sandwell-partnership"]


@pytest.mark.parametrize(
    ("team", "known", "owner", "requester"),
    [
        (HV, True, "swbh-safeguarding", SENDER),
        (HV, False, "swbh-safeguarding", None),
        ("swbh-safeguarding", True, "sandwell-partnership", SENDER),
        ("sandwell-partnership", True, SENDER, None),
        ("sandwell-partnership", False, "sandwell-partnership", None),
    ],
)
def test_who_is_told_of_a_team_that_cannot_be_reached(store, runtime, team, known, owner, requester):
    async def go():
        async with receiving(status(410)) as receiver:
            prepared(store)
            point(store, team, receiver)
            [id_] = tell(store, delivery(team, known_to_sender=known))
            async with working(runtime):
                await until(all_in, store, [id_], DeliveryState.PARKED)
            return id_

    id_ = asyncio.run(go())
    assert len(attempts(store, id_)) == 1  # gone for good: no ladder
    found = read(store, select(Task).where(Task.code == TaskCode.UNDELIVERABLE))
    assert [(task.owner_team_id, task.requester_team_id) for task in found] == [(owner, requester)]


def test_a_receiver_that_asks_for_time_is_given_it(store, runtime, clock):
    async def go():
        async with receiving(status(429, "retry-after: 600")) as receiver:
            prepared(store)
            point(store, HV, receiver)
            [id_] = tell(store, delivery(HV))
            async with working(runtime):
                await until(lambda: attempts(store, id_))
            return row(store, id_)

    assert asyncio.run(go()).next_attempt_at >= NOON + timedelta(minutes=10)


def test_a_redirect_is_not_followed(store, runtime):
    async def go():
        async with receiving(status(200)) as elsewhere:
            async with receiving(status(307, f"location: {elsewhere.url}")) as receiver:
                prepared(store)
                point(store, HV, receiver)
                [id_] = tell(store, delivery(HV))
                async with working(runtime):
                    await until(lambda: attempts(store, id_))
            return id_, elsewhere.got

    id_, got = asyncio.run(go())
    assert got == []
    assert attempts(store, id_) == [(AttemptOutcome.REFUSED, "307")]


def test_a_team_without_a_usable_secret_is_not_sent_to(store, runtime):
    def forget(session):
        session.execute(update(Channel).values(secret=None))

    async def go():
        async with receiving(status(200)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            store.write(forget)
            [id_] = tell(store, delivery(HV))
            async with working(runtime):
                await until(lambda: attempts(store, id_))
            return id_, receiver.got

    id_, got = asyncio.run(go())
    assert got == []
    assert attempts(store, id_) == [(AttemptOutcome.UNREACHABLE, "secret-not-usable")]
    assert read(store, select(Audit).where(Audit.action == "disclose")) == []


# --- faults and races ------------------------------------------------------------------------------------------------


def test_a_message_that_cannot_be_made_is_parked_as_a_task_and_harms_no_other(store, runtime, clock, caplog):
    """Poison: its stored content is no message. It climbs the ladder like a dead receiver's (K10)."""
    bad = "11111111-0000-4000-8000-000000000666"

    def poison(session: Session):
        notification(session, store, bad, message(id="poisoned"))
        session.execute(update(Notification).where(col(Notification.id) == bad).values(content=b"{"))

    async def go():
        async with receiving(status(200)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            store.write(poison)
            [poisoned] = add(store, delivery(HV, cause="", notification_id=bad))
            good = tell(store, delivery(HV), *(delivery(GP) for _ in range(3)))
            async with working(runtime):
                await until(all_in, store, good[:1], DeliveryState.DELIVERED)
                for count in (1, 2, 3):
                    await until(lambda n=count: len(attempts(store, poisoned)) == n)
                    clock.forward(hours=1)
                await until(all_in, store, [poisoned], DeliveryState.PARKED)
            return poisoned, good, receiver.got

    with caplog.at_level(logging.ERROR):
        poisoned, good, got = asyncio.run(go())
    assert [request.headers["webhook-id"] for request in got] == [good[0]]
    assert attempts(store, poisoned) == [(AttemptOutcome.UNREACHABLE, "not-composed")] * 3
    [task] = read(store, select(Task).where(Task.code == TaskCode.UNDELIVERABLE))
    assert (task.owner_team_id, task.notification_id) == ("swbh-safeguarding", bad)


def test_what_a_dead_worker_had_claimed_is_delivered_when_its_lease_ends_without_anyone_acting(store, runtime, clock):
    async def go():
        async with receiving(status(200)) as receiver:
            prepared(store)
            point(store, HV, receiver)
            [id_] = tell(store, delivery(HV))
            store.write(number.number)
            store.write(  # another process claims, and is never heard of again
                lambda session: claims.claim(session, Share(limit=9, per_team=9), now=NOON, lease=timedelta(seconds=60))
            )
            async with working(runtime) as worker:
                await until(lambda: worker.looked_at is not None)
                held = len(receiver.got)
                clock.forward(seconds=60)
                await until(all_in, store, [id_], DeliveryState.DELIVERED)
            return held, receiver.got

    held, got = asyncio.run(go())
    assert (held, len(got)) == (0, 1)


def test_a_team_that_acknowledges_in_its_mailbox_while_it_is_pushed_to_has_it_once(store, runtime):
    answer_now = asyncio.Event()

    async def slow(writer):
        await answer_now.wait()
        await status(200)(writer)

    def acknowledges(session, id_):
        assert outbox.delivered(session, [id_], now=NOON)
        acknowledge.mark_delivered(session, store.codec, [id_], NOON)

    async def go():
        async with receiving(slow) as receiver:
            prepared(store)
            point(store, HV, receiver)
            [id_] = tell(store, delivery(HV))
            task = acknowledge_task(store, id_)
            async with working(runtime, grace_seconds=BOUND):
                await until(lambda: receiver.got)
                store.write(lambda session: acknowledges(session, id_))
                answer_now.set()
                await until(lambda: attempts(store, id_))
            return id_, task

    id_, task = asyncio.run(go())
    assert row(store, id_).state is DeliveryState.DELIVERED
    events = store.read(lambda session: tasks.events(session, store.codec, task))
    assert [event.move for event in events] == ["raised", "delivered"]


def test_a_message_withdrawn_while_it_is_pushed_stays_withdrawn_and_its_arrival_is_known(store, runtime):
    answer_now = asyncio.Event()

    async def slow(writer):
        await answer_now.wait()
        await status(200)(writer)

    async def go():
        async with receiving(slow) as receiver:
            prepared(store)
            point(store, HV, receiver)
            [id_] = tell(store, delivery(HV))
            async with working(runtime, grace_seconds=BOUND):
                await until(lambda: receiver.got)
                withdrawn = row(store, id_).notification_id
                told = store.write(lambda session: deliveries.withdraw(session, withdrawn, NOON))
                answer_now.set()
                await until(lambda: attempts(store, id_))
            return row(store, id_), told

    found, told = asyncio.run(go())
    assert told == [HV]
    assert (found.state, found.delivered_at) == (DeliveryState.CANCELLED, NOON)


def test_a_stop_lets_what_is_under_way_finish_and_gives_back_the_rest(store, runtime):
    finish = asyncio.Event()

    async def slow(writer):
        await finish.wait()
        await status(200)(writer)

    async def go():
        async with receiving(slow) as slow_one, receiving(silence) as dead:
            prepared(store)
            point(store, GP, slow_one)
            point(store, HV, dead)
            finishing, hanging = tell(store, delivery(GP), delivery(HV))
            await runtime.bus.start()
            worker = Worker(runtime, limits=Limits(grace_seconds=2))
            task = asyncio.create_task(worker.run())
            await until(lambda: slow_one.got and dead.got)
            worker.stop()
            finish.set()
            await task
            assert store.write(
                lambda s: leases.take(s, seal.LEASE, "next", now=NOON, until=NOON)
            )  # nobody waits for it
            [late] = tell(store, delivery(GP))
            return row(store, finishing), row(store, hanging), row(store, late)

    finished, given_back, late = asyncio.run(go())
    assert finished.state is DeliveryState.DELIVERED
    assert (given_back.state, given_back.next_attempt_at, given_back.lease_until) == (DeliveryState.READY, NOON, None)
    assert late.attempts == 0


def test_a_worker_whose_task_is_cancelled_gives_back_what_it_held(store, runtime):
    async def go():
        async with receiving(silence) as dead:
            prepared(store)
            point(store, HV, dead)
            [id_] = tell(store, delivery(HV))
            await runtime.bus.start()
            task = asyncio.create_task(Worker(runtime, limits=Limits(grace_seconds=0.1)).run())
            await until(lambda: dead.got)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return row(store, id_)

    assert asyncio.run(go()).state is DeliveryState.READY


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)  # SQLite serves one process with one worker
def test_two_workers_share_the_work_and_send_nothing_twice(store, runtime, clock):
    async def go():
        other = Runtime(runtime.settings, store, runtime.policy, EmbeddedBus(), clock)
        async with receiving(status(200)) as one, receiving(status(200)) as two:
            prepared(store)
            point(store, HV, one)
            point(store, GP, two)
            ids = tell(store, *(delivery(team) for team in (HV, GP) for _ in range(40)))
            async with working(runtime), working(other):
                await until(all_in, store, ids, DeliveryState.DELIVERED)
            return ids, [request.headers["webhook-id"] for request in one.got + two.got]

    ids, sent = asyncio.run(go())
    assert sorted(sent) == sorted(ids)
