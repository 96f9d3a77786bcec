"""Rows broken by hand are found by who watches the watchers; what it says is fresh, outside too, and silent when the clock stands still."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import col, select, update
from structlog.testing import capture_logs

from broker.bus.embedded import EmbeddedBus
from broker.domain.answers import Move
from broker.domain.states import DeliveryState, ExpectationState
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import escalations, leases, pulses, tasks
from broker.storage.store import Store
from broker.storage.tables import ChannelHealth, Delivery, Expectation, PatternLook, Practitioner, Task, TaskEvent, Team
from broker.worker.chores import Chores
from broker.worker.limits import Limits
from broker.worker.watching import Watching
from broker.workflow import clock as clock_rules
from broker.workflow import watchdog
from broker.workflow.number import number
from schemas.codes import Function, Priority, TaskCode, TaskStatus
from tests.conftest import NOON, Clock
from tests.default_policy import default_policy
from tests.integration.delivery_rows import CHILD, NOTIFICATION, SENDER, add, channel, delivery
from tests.integration.task_rows import DUE, HV, PARTNERSHIP, SPOKEN, context, moves, one, ready, told
from tests.unit.channels.receiver import Receiver, receiving, status

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
EVERY = MINUTE
NORTH = "swbh-health-visiting-north"
OTHER = {
    "id": NORTH,
    "agency_id": "swbh",
    "function": Function.HEALTH_VISITING,
    "name": "North",
    "area_id": "sandwell",
}


@pytest.fixture
def task(store: Store) -> str:
    """A task that is due in five days."""
    ready(store)
    return told(store, HV, priority=Priority.URGENT)


def watch(store: Store, now=NOON) -> dict[str, int]:
    """What a pass finds: check → how many. Mailboxes are numbered before, as a worker does all the time."""
    store.write(number)
    passed = store.write(lambda session: watchdog.watch(session, context(session, store.codec), now))
    return {check: found.count for check, found in passed.found.items()}


def change(store: Store, table: Any, row_id: str, **columns: Any) -> None:
    """Break a row by hand."""
    store.write(lambda session: session.execute(update(table).where(col(table.id) == row_id).values(**columns)))


def incidents(store: Store, owner: str = PARTNERSHIP) -> list[Task]:
    query = select(Task).where(Task.owner_team_id == owner, Task.code == TaskCode.DATA_QUALITY)
    return list(store.read(lambda session: session.exec(query).all()))


def test_while_everything_has_its_next_step_it_finds_nothing(store, task):
    assert watch(store) == {}
    assert watch(store, DUE + 59 * timedelta(seconds=1)) == {}
    assert incidents(store) == []


# --- tasks


def test_a_deadline_whose_next_step_is_lost_is_found_told_and_gets_one(store, task):
    change(store, Task, task, climbs_at=None)
    assert watch(store) == {"task-without-step": 1}
    [incident] = incidents(store)
    assert incident.priority.value == "urgent"
    assert one(store, task).row.climbs_at == NOON
    assert watch(store) == {}
    store.write(lambda session: clock_rules.tick(session, context(session, store.codec), NOON))
    assert one(store, task).row.climbs_at == DUE + timedelta(hours=1)  # the ladder goes on where it should


def test_the_incident_says_how_many_and_names_nobody(store, task):
    change(store, Task, task, climbs_at=None)
    watch(store)
    words = one(store, incidents(store)[0].id).content["description"]
    assert "found that 1 open tasks" in words
    assert task not in words


def test_one_task_a_day_is_enough_however_much_is_found(store, task):
    other = told(store, "cape-hill-practice")
    for at in (NOON, NOON + timedelta(hours=2), NOON + DAY):
        for id_ in (task, other):
            change(store, Task, id_, climbs_at=None)
        assert watch(store, at)["task-without-step"] == 2
    told_of = [task for task in incidents(store) if "task-without-step" in (task.dedupe_key or "")]
    assert len(told_of) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"status": TaskStatus.COMPLETED},
        {"status": TaskStatus.ACCEPTED},  # acknowledged: its actions have dates of their own
        {"due_at": None},
        {"level": 3},  # it has climbed the whole ladder
        {"due_at": NOON - timedelta(days=15)},  # long ago: it was looked at in its time
    ],
)
def test_what_needs_no_next_step_is_not_missed(store, task, columns):
    change(store, Task, task, climbs_at=None, **columns)
    assert watch(store) == {}


def test_a_transfer_that_is_in_hand_waits_for_its_lines(store, task):
    change(store, Task, task, climbs_at=None, code=TaskCode.TRANSFER)
    assert watch(store) == {"task-without-step": 1}
    told(store, "cape-hill-practice", part_of=task)
    change(store, Task, task, climbs_at=None)
    assert watch(store) == {}


def test_a_time_for_delivery_without_a_step_is_found_and_gets_one(store):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    by, opening = NOON + timedelta(hours=1), NOON + timedelta(hours=4)
    assert one(store, task).row.climbs_at == by
    for lost, check in ((None, "task-without-step"), (opening, "delivery-unwatched")):
        change(store, Task, task, climbs_at=lost)
        assert watch(store) == {check: 1}
        assert watch(store) == {}
        store.write(lambda session: clock_rules.tick(session, context(session, store.codec), NOON))
        assert one(store, task).row.climbs_at == by
    change(store, Task, task, climbs_at=opening)
    assert watch(store, by + DAY)["delivery-unwatched"] == 1  # passed already: it is told of now
    store.write(lambda session: clock_rules.tick(session, context(session, store.codec), by + DAY))
    assert one(store, task).row.undelivered_at == by + DAY
    assert "delivery-unwatched" not in watch(store, by + DAY)


@pytest.mark.parametrize(
    "columns",
    [
        {"undelivered_at": NOON},  # it was told of
        {"opened_at": NOON},
        {"status": TaskStatus.RECEIVED, "delivered_at": NOON},
        {"status": TaskStatus.ON_HOLD},  # its team has asked, or taken more time
        {"status": TaskStatus.COMPLETED},
        {"deliver_by": None},
        {"deliver_by": NOON - timedelta(days=15)},
    ],
)
def test_what_need_not_be_delivered_any_more_is_not_missed(store, columns):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    change(store, Task, task, climbs_at=DUE, **columns)
    assert "delivery-unwatched" not in watch(store)


def tick(store: Store, now) -> None:
    store.write(lambda session: clock_rules.tick(session, context(session, store.codec), now))


@pytest.mark.parametrize(
    ("at", "broken", "next_step"),
    [
        (NOON, {"climbs_at": DUE, "deliver_by": None}, "open_by"),
        (NOON, {"climbs_at": DUE, "deliver_by": None, "open_by": None}, "remind_at"),
        (DUE, {"climbs_at": DUE + 9 * DAY, "deliver_by": None, "remind_at": None, "opened_at": NOON}, "rung"),
    ],
)
def test_a_step_that_is_set_too_late_is_found_before_it_is_missed_and_set_right(store, at, broken, next_step):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    first_rung = DUE + timedelta(hours=1)
    should = {"open_by": NOON + timedelta(hours=4), "remind_at": DUE - timedelta(hours=2), "rung": first_rung}
    change(store, Task, task, **broken)
    assert watch(store, at) == {"step-too-late": 1}
    assert watch(store, at) == {}  # it is looked at now
    assert incidents(store) == []  # and what comes only once needs nobody
    tick(store, at)
    assert one(store, task).row.climbs_at == should[next_step]
    assert watch(store, at) == {}


def test_a_step_that_is_set_too_late_again_and_again_is_told(store):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    for at in (NOON, NOON + MINUTE):
        change(store, Task, task, climbs_at=DUE, deliver_by=None)
        assert watch(store, at) == {"step-too-late": 1}
    [incident] = incidents(store)
    assert "looked at later than their clocks say" in one(store, incident.id).content["description"]


def test_the_reminder_of_an_agreed_action_is_counted_out_too(store):
    ready(store)
    task = told(store, HV, with_clocks=True, code=TaskCode.AGREED_ACTION, notification_id=None, delivery_id=None)
    assert (before := one(store, task).row.remind_at) is not None
    change(store, Task, task, climbs_at=DUE)
    assert watch(store) == {"step-too-late": 1}
    tick(store, NOON)
    assert one(store, task).row.climbs_at == before


@pytest.mark.parametrize(("asked", "answered"), [(0.5, 5), (0.5, 2), (5, 6)])
def test_who_asks_back_has_looked_whatever_its_system_says(store, asked, answered):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    hours = [NOON + timedelta(hours=after) for after in (asked, answered)]
    for at, team, move, text in ((hours[0], HV, Move.ASK, "Which twin?"), (hours[1], SENDER, Move.ANSWER, "The girl.")):
        for due in sorted({NOON + timedelta(hours=1), NOON + timedelta(hours=4)}):
            if one(store, task).row.climbs_at == due <= at:
                tick(store, due)
        moves(store, team, task, move, now=at, text=text)
    assert one(store, task).row.opened_at == hours[0]
    assert "step-too-late" not in watch(store, hours[1])
    while (due_next := one(store, task).row.climbs_at) is not None and due_next < DUE:
        tick(store, due_next)
    rungs = store.read(lambda session: escalations.of(session, [task])).get(task, [])
    assert ("opening" in {row.rung for row in rungs}) == (asked > 4)


def test_whatever_the_clock_does_with_a_task_leaves_nothing_to_be_found(store):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    looked = []
    while (at := one(store, task).row.climbs_at) is not None:
        looked.append(at)
        assert "step-too-late" not in watch(store, at)
        tick(store, at)
        assert "step-too-late" not in watch(store, at)
    assert len(looked) >= 5  # delivery, opening, reminder and the rungs
    assert one(store, task).row.level > 1


def test_whom_nobody_tells_that_they_have_not_opened_is_found_and_who_was_told_is_not(store):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    opening, reminder = NOON + timedelta(hours=4), DUE - timedelta(hours=2)
    change(store, Task, task, climbs_at=reminder, deliver_by=None)
    assert watch(store, opening + DAY)["step-too-late"] == 1
    tick(store, opening + DAY)
    assert one(store, task).row.climbs_at == reminder  # as before, but now its team has been told
    assert "step-too-late" not in watch(store, opening + DAY)


def test_a_transfer_in_hand_that_another_team_gets_goes_on_waiting_for_its_lines(store):
    ready(store)
    task = told(store, HV, with_clocks=True, code=TaskCode.TRANSFER)
    change(store, Task, task, climbs_at=None, status=TaskStatus.IN_PROGRESS)
    store.write(lambda session: session.add(Team(**OTHER)))
    moves(store, HV, task, Move.REASSIGN, to_team=NORTH, text="They live in the north.")
    assert one(store, task).row.climbs_at is None


@pytest.mark.parametrize("code", [TaskCode.ACKNOWLEDGE, TaskCode.AGREED_ACTION])
def test_another_team_counts_the_rungs_by_its_own_days(store, code):
    ready(store)
    task = told(store, HV, with_clocks=True, priority=Priority.ROUTINE, code=code)
    at = DUE + timedelta(minutes=1)
    tick(store, at)
    climbs_at = one(store, task).row.climbs_at
    assert climbs_at is not None
    assert climbs_at > at
    store.write(lambda session: session.add(Team(**OTHER)))
    moves(store, HV, task, Move.REASSIGN, now=at, to_team=NORTH, text="They live in the north.")
    assert one(store, task).row.climbs_at == at


@pytest.mark.parametrize(
    ("left", "first"),
    [
        ({}, "deliver_by"),
        ({"delivered_at": NOON, "status": TaskStatus.RECEIVED}, "open_by"),
        ({"undelivered_at": NOON}, "open_by"),
        ({"opened_at": NOON}, "remind_at"),
        ({"status": TaskStatus.IN_PROGRESS}, "remind_at"),
        ({"opened_at": NOON, "remind_at": None}, "due_at"),
    ],
)
def test_what_is_looked_at_again_is_looked_at_when_the_first_of_its_times_comes(left, first):
    times = ("deliver_by", "open_by", "remind_at", "due_at")
    row = Task(status=TaskStatus.REQUESTED, **{name: NOON + (n + 1) * DAY for n, name in enumerate(times)})
    for name, value in left.items():
        setattr(row, name, value)
    assert tasks.next_look(row, NOON) == getattr(row, first)
    later = NOON + 9 * DAY
    assert tasks.next_look(row, later) == later  # nobody has been late for it


def test_an_answer_leaves_nothing_to_be_found(store, task):
    moves(store, HV, task, Move.ACCEPT, meaning="Known here.", conversation=SPOKEN)
    assert watch(store, DUE + DAY) == {}


def test_a_step_that_is_late_is_found_and_told_when_it_lasts(store, task):
    late = DUE + MINUTE + timedelta(seconds=1)
    assert watch(store, late) == {"task-late": 1}
    assert incidents(store) == []  # what was late because nothing ran catches up
    assert watch(store, late + MINUTE) == {"task-late": 1}
    [_] = incidents(store)
    assert one(store, task).row.climbs_at == DUE  # taking the step is the clock's


def test_an_urgent_task_of_a_closed_team_that_nobody_was_told_of_is_found(store, task):
    change(store, Task, task, covers_at=NOON)
    assert watch(store, NOON + MINUTE) == {}
    assert watch(store, NOON + MINUTE + timedelta(seconds=1)) == {"stand-in-late": 1}


def test_what_is_expected_and_not_looked_for_is_found(store, task):
    row = Expectation(
        id="e-1",
        rule="new-birth-contact",
        person_id=CHILD,
        notification_id=NOTIFICATION,
        owed_by="health-visiting",
        state=ExpectationState.WAITING,
        since="event",
        after_seconds=60,
        due_at=NOON,
        looks_at=NOON,
        policy_version="test",
        opened_at=NOON,
    )
    store.write(lambda session: session.add(row))
    assert watch(store, NOON + MINUTE) == {}
    assert watch(store, NOON + 2 * MINUTE) == {"expectation-late": 1}
    watch(store, NOON + 3 * MINUTE)
    [_] = incidents(store)


def test_somebody_who_is_not_looked_at_again_is_found(store, task):
    store.write(lambda session: session.add(PatternLook(rule="delayed-care", person_id=CHILD, at=NOON)))
    assert watch(store, NOON + MINUTE) == {}
    assert watch(store, NOON + 2 * MINUTE) == {"pattern-late": 1}
    watch(store, NOON + 3 * MINUTE)
    [_] = incidents(store)


def test_what_has_not_gone_back_to_its_team_is_found_and_nobody_is_named(store, task):
    row = Practitioner(team_id=HV, id="who-left", details=b"", left_at=NOON, hands_back_at=NOON)
    store.write(lambda session: session.add(row))
    assert watch(store, NOON + MINUTE) == {}
    with capture_logs() as said:
        assert watch(store, NOON + 2 * MINUTE) == {"hand-back-late": 1}
    assert "hand-back-late" in str(said)
    assert "who-left" not in str(said)


# --- deliveries


@pytest.fixture
def push(store: Store) -> str:
    """A message that is to be pushed to a team."""
    ready(store)
    store.write(lambda session: channel(session, store, HV))
    [id_] = add(store, delivery(HV))
    return id_


def health(store: Store, **columns: Any) -> None:
    store.write(lambda session: session.merge(ChannelHealth(team_id=HV, **columns)))


LATER = NOON + 5 * MINUTE


def test_a_push_that_nobody_makes_is_found(store, push):
    assert watch(store, NOON + MINUTE) == {}
    assert watch(store, LATER) == {"delivery-late": 1}
    change(store, Delivery, push, state=DeliveryState.SENDING, lease_until=LATER)
    assert watch(store, LATER) == {}
    change(store, Delivery, push, lease_until=LATER - 2 * MINUTE)  # whoever claimed it is dead, and nobody took over
    assert watch(store, LATER) == {"delivery-late": 1}


@pytest.mark.parametrize(
    "columns",
    [{"paused_until": LATER + MINUTE}, {"send_from": LATER + MINUTE}, {"delivered_at": LATER - timedelta(seconds=30)}],
)
def test_what_a_pause_a_limit_or_a_queue_before_it_holds_back_is_not_late(store, push, columns):
    health(store, **columns)
    assert watch(store, LATER) == {}


def test_even_behind_others_it_is_late_after_a_quarter_of_an_hour(store, push):
    at = NOON + timedelta(minutes=16)
    health(store, delivered_at=at - timedelta(seconds=30))
    assert watch(store, at) == {"delivery-late": 1}


def test_a_message_that_waits_for_nothing_or_has_no_number_is_found(store, push):
    change(store, Delivery, push, next_attempt_at=None)
    assert watch(store, NOON + MINUTE) == {}
    assert watch(store, LATER) == {"delivery-without-step": 1}
    change(store, Delivery, push, state=DeliveryState.DELIVERED, delivered_at=NOON)
    assert watch(store, LATER) == {}


def test_a_message_that_is_in_no_mailbox_is_found(store, push):
    def found(now):
        passed = store.write(lambda session: watchdog.watch(session, context(session, store.codec), now))
        return set(passed.found)

    assert found(NOON + MINUTE) == set()
    assert found(LATER) == {"delivery-late", "message-unnumbered"}


# --- several, and the clock that stands still


def test_of_several_processes_one_makes_the_pass_and_not_too_often(store, task):
    def tried(holder, now):
        return store.write(
            lambda session: watchdog.watch_alone(
                session, context(session, store.codec), holder=holder, now=now, lease=timedelta(seconds=30), every=EVERY
            )
        )

    assert tried("one", NOON) is not None
    assert tried("two", NOON) is None
    assert tried("one", NOON + timedelta(seconds=20)) is None
    assert tried("two", NOON + timedelta(seconds=60)) is not None
    change(store, Task, task, climbs_at=None)
    assert tried("two", NOON + timedelta(seconds=120)).found
    assert tried("two", NOON + timedelta(seconds=125)) is not None  # looked at again soon


@pytest.fixture
def runtime(store: Store, task: str, clock: Clock) -> Runtime:
    return Runtime(Settings(lease_seconds=600), store, default_policy(), EmbeddedBus(), clock)


def heard(receiver: Receiver) -> list[tuple[str, bytes]]:
    """What the outside got: how it was asked, and what it was told."""
    return [(got.line.split()[0], got.body) for got in receiver.got]


def beating(runtime: Runtime, url: str) -> Watching:
    """A watchdog that tells this address."""
    runtime.settings = runtime.settings.model_copy(update={"heartbeat_url": SecretStr(url)})
    return Watching(runtime, "this")


def test_a_clock_that_stands_still_is_red_and_silent_until_it_goes_again(runtime, task, clock):
    """Another process has taken the clock's lease and hangs."""
    store = runtime.store

    async def journey() -> None:
        async with receiving(status(200)) as outside, beating(runtime, outside.url) as watching:
            chores = Chores(runtime, Limits(), "this")

            async def passes(**later: float) -> bool:
                clock.forward(**later)
                await chores._tick()
                await chores.number()
                await watching.round()
                return watchdog.well(store.read(pulses.watched), clock(), EVERY)

            assert await passes()
            assert heard(outside) == [("POST", b"")]
            clock.time = DUE - MINUTE
            frozen = timedelta(minutes=10)
            assert store.write(
                lambda s: leases.take(s, clock_rules.LEASE, "frozen", now=clock(), until=clock() + frozen)
            )
            assert await passes()
            assert len(outside.got) == 2
            assert await passes(minutes=3)  # it may only have been asleep
            assert not await passes(minutes=2)
            assert not await passes(minutes=2)
            assert len(outside.got) == 2  # silent since
            assert incidents(store)
            assert await passes(minutes=10)  # the lease has ended, the clock goes
            assert len(outside.got) == 3
            clock.forward(minutes=4)  # nobody watches any more
            assert not watchdog.well(store.read(pulses.watched), clock(), EVERY)

    asyncio.run(journey())


@pytest.mark.parametrize("code", [302, 500])
def test_a_heartbeat_that_is_not_taken_is_followed_nowhere_and_harms_nothing(runtime, code):
    async def journey() -> None:
        async with (
            receiving(status(code, "location: /elsewhere")) as outside,
            beating(runtime, outside.url) as watching,
        ):
            assert await watching.round()
            assert heard(outside) == [("POST", b"")]

    asyncio.run(journey())


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/beat", "ftp://x", "no address"])
def test_an_address_that_is_not_there_is_as_good_as_none(runtime, url):
    async def once() -> bool:
        async with beating(runtime, url) as watching:
            return await watching.round()

    assert asyncio.run(once())
    assert runtime.store.read(pulses.watched).at == NOON


# --- asleep for a day


def test_a_machine_asleep_for_a_day_catches_up_in_order_and_says_how_late_it_was(runtime, task, clock):
    store = runtime.store
    second = told(store, "cape-hill-practice", priority=Priority.URGENT, due_at=DUE + timedelta(hours=3))
    clock.time = DUE
    chores = Chores(runtime, Limits(), "this")
    assert asyncio.run(_until_rest(chores)) > 0
    assert store.read(lambda s: pulses.late(s, clock())) == timedelta()
    clock.forward(days=1)
    with capture_logs() as said:
        asyncio.run(_until_rest(chores))
    assert (one(store, task).row.level, one(store, second).row.level) == (3, 2)
    climbed = store.read(lambda s: s.exec(select(TaskEvent).where(TaskEvent.move == "escalated")).all())
    assert {row.at for row in climbed} == {DUE + DAY}  # nothing is backdated
    assert "clock is late" in [line["event"] for line in said]
    late = store.read(lambda s: pulses.late(s, clock()))
    assert late == timedelta(hours=23)  # the first rung was due an hour after the task
    clock.forward(minutes=61)
    assert store.read(lambda s: pulses.late(s, clock())) == timedelta()


async def _until_rest(chores: Chores) -> int:
    passes = 0
    while await chores._tick():
        passes += 1
    return passes
