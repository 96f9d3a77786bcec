"""What holds a team's channel back, on both databases: a pause after failures, one probe after it, a rate; nothing is dropped and no try used up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from adapters.port import Refused, Taken, Unanswered, Unreachable
from broker.domain.breaker import Breaker, Sign
from broker.domain.states import ChannelKind, DeliveryState
from broker.storage import channel_health, claims, directory
from broker.storage.leasing import Share
from broker.storage.tables import Channel, ChannelHealth, Delivery, Task
from broker.workflow import deliver, number
from broker.workflow.channel_watch import NOT_COMPOSED, sign
from broker.workflow.context import Context
from broker.workflow.deliver import Ladder, Pushed
from schemas.codes import TaskCode, TaskStatus
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import add, delivery, prepared, row, tell

HV, GP, PROBATION = "swbh-health-visiting", "cape-hill-practice", "sandwell-probation"
LEASE = timedelta(seconds=30)
BREAKER = Breaker(failures=3, ladder=[timedelta(seconds=10), timedelta(minutes=5)])
LADDER = Ladder(waits=[timedelta(seconds=1)] * 3, receipts=[timedelta(minutes=2)], daily=timedelta(days=1))
KINDS = (ChannelKind.WEBHOOK, ChannelKind.EMAIL)
POLICY = default_policy()


def claim(store, *, now=NOON, limit=100, per_team=100, among=None):
    store.write(number.number)
    share = Share(limit=limit, per_team=per_team, kinds=KINDS)
    return store.write(lambda session: claims.claim(session, share, now=now, lease=LEASE, among=among))


def conclude(store, claimed, outcome, now=NOON):
    def work(session):
        ctx = Context(codec=store.codec, directory=directory.load(session), policy=POLICY, public_url="https://b")
        tried = [Pushed(claimed=one, outcome=outcome, jitter=0.5) for one in claimed]
        deliver.conclude(session, ctx, tried, now=now, ladder=LADDER, breaker=BREAKER)

    store.write(work)


def health(store, team=HV):
    [found] = store.read(lambda session: session.exec(select(ChannelHealth).where(ChannelHealth.team_id == team)).all())
    return found


def set_channel(store, team, **columns):
    def work(session):
        found = session.get_one(Channel, team)
        for name, value in columns.items():
            setattr(found, name, value)
        session.add(found)

    store.write(work)


def opened(store, count=6):
    """A team whose channel has just been paused, with so many deliveries waiting."""
    prepared(store, HV, GP)
    ids = tell(store, *(delivery(HV) for _ in range(count)))
    conclude(store, claim(store), Unreachable("refused"))
    return ids


def tasks_of(store):
    return store.read(lambda session: session.exec(select(Task).where(Task.code == TaskCode.UNDELIVERABLE)).all())


# --- the breaker ---------------------------------------------------------------------------------------------------


def test_after_failures_in_a_row_a_team_is_paused_alone_and_no_try_is_used_up(store):
    ids = opened(store)
    found = health(store)
    assert (found.failures, found.failing_since, found.paused_until) == (3, NOON, NOON + timedelta(seconds=10))
    tries = {id_: row(store, id_).attempts for id_ in ids}
    [other] = add(store, delivery(GP))
    just_before = NOON + timedelta(seconds=9)
    assert [one.id for one in claim(store, now=just_before)] == [other]
    assert claim(store, now=just_before, among=ids) == []
    assert {id_: row(store, id_).attempts for id_ in ids} == tries


def test_when_the_pause_ends_one_probe_goes_from_whichever_worker(store):
    opened(store)
    later = NOON + timedelta(seconds=10)
    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(lambda _: claim(store, now=later), range(4)))
    probes = [one for share in shares for one in share]
    assert [(one.team_id, one.probe) for one in probes] == [(HV, True)]


def test_a_probe_that_comes_through_lets_everything_go(store):
    ids = opened(store)
    later = NOON + timedelta(seconds=10)
    [probe] = claim(store, now=later)
    conclude(store, [probe], Taken(), later)
    assert (health(store).failures, health(store).paused_until) == (0, None)
    assert {one.id for one in claim(store, now=later)} == set(ids) - {probe.id}
    assert health(store).delivered_at == later


def test_a_probe_that_fails_makes_the_pause_longer(store):
    opened(store)
    later = NOON + timedelta(seconds=10)
    conclude(store, claim(store, now=later), Refused(503), later)
    assert health(store).paused_until == later + timedelta(minutes=5)
    assert claim(store, now=later + timedelta(minutes=4)) == []


def test_a_probe_whose_worker_died_is_followed_by_another_when_its_lease_ends(store):
    opened(store)
    later = NOON + timedelta(seconds=10)
    claim(store, now=later)
    assert claim(store, now=later + LEASE - timedelta(seconds=1)) == []
    assert len(claim(store, now=later + LEASE)) == 1


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Taken(), Sign.ANSWERED),
        (Unanswered(receipt_follows=True), Sign.ANSWERED),
        (Unanswered(), Sign.FAILED),
        (Unreachable("refused"), Sign.FAILED),
        (NOT_COMPOSED, None),  # our own fault, whatever the team's system does
        (Refused(400), Sign.ANSWERED),
        (Refused(404), Sign.ANSWERED),
        (Refused(410), Sign.ANSWERED),
        (Refused(422), Sign.ANSWERED),
        (Refused(408), Sign.FAILED),
        (Refused(425), Sign.FAILED),
        (Refused(429, 30.0), Sign.FAILED),
        (Refused(500), Sign.FAILED),
        (Refused(503), Sign.FAILED),
    ],
)
def test_what_an_outcome_says_of_the_channel(outcome, says):
    assert sign(outcome) is says


def test_messages_that_are_refused_one_by_one_pause_nobody(store):
    prepared(store, HV)
    tell(store, *(delivery(HV) for _ in range(9)))
    conclude(store, claim(store), Refused(422))
    assert store.read(lambda session: channel_health.read(session, [HV])) == {}


def test_a_busy_channel_that_is_well_is_not_written_with_each_batch(store):
    prepared(store, HV)
    tell(store, *(delivery(HV) for _ in range(3)))
    one, two, three = claim(store)
    for claimed, seconds in ((one, 0), (two, 4), (three, 5)):
        conclude(store, [claimed], Taken(), NOON + timedelta(seconds=seconds))
        assert health(store).delivered_at == NOON + timedelta(seconds=seconds if seconds != 4 else 0)


def test_a_channel_that_fails_for_an_hour_is_one_task_which_ends_when_it_works_again(store):
    ids = opened(store, 4)
    about_channel = []
    for minutes in (30, 55, 65, 90, 120):
        at = NOON + timedelta(minutes=minutes)
        conclude(store, claim(store, now=at), Unreachable("refused"), at)
        about_channel = [task for task in tasks_of(store) if task.dedupe_key.startswith("channel:")]
        assert len(about_channel) == (0 if minutes < 60 else 1)
    [task] = about_channel
    assert (task.owner_team_id, task.status) == ("swbh-safeguarding", TaskStatus.REQUESTED)
    at = NOON + timedelta(minutes=150)
    conclude(store, claim(store, now=at), Taken(), at)
    [task] = [task for task in tasks_of(store) if task.dedupe_key.startswith("channel:")]
    assert (task.status, task.business_status) == (TaskStatus.CANCELLED, "reached-after-all")
    assert len(claim(store, now=at + timedelta(days=2))) == len(ids) - 1


# --- the rate ------------------------------------------------------------------------------------------------------


def test_workers_together_keep_a_team_to_its_rate_and_others_have_none(store):
    prepared(store, HV, GP)
    set_channel(store, HV, rate_per_second=5.0)
    add(store, *(delivery(HV) for _ in range(40)), *(delivery(GP) for _ in range(40)))

    def claimed(now):
        with ThreadPoolExecutor(4) as pool:
            shares = list(pool.map(lambda _: claim(store, now=now, per_team=3), range(8)))
        return [one.team_id for share in shares for one in share]

    first = claimed(NOON)
    assert 1 <= first.count(HV) <= 5
    rest = [one.team_id for _ in range(4) for one in claim(store, per_team=3)]
    assert first.count(HV) + rest.count(HV) == 5
    assert rest.count(GP) == 12  # as much as four claims may take
    later = [one.team_id for _ in range(4) for one in claim(store, now=NOON + timedelta(seconds=0.4), per_team=3)]
    assert later.count(HV) == 2


def test_a_slow_team_gets_one_at_a_time_and_what_was_announced_for_it_is_no_exception(store):
    prepared(store, HV)
    set_channel(store, HV, rate_per_second=0.5)
    ids = add(store, *(delivery(HV) for _ in range(3)))
    assert [one.id for one in claim(store, among=ids)] == ids[:1]
    assert claim(store, now=NOON + timedelta(seconds=1.9), among=ids) == []
    assert [one.id for one in claim(store, now=NOON + timedelta(seconds=2))] == ids[1:2]
    assert [row(store, id_).attempts for id_ in ids] == [1, 1, 0]


def test_a_team_at_its_limit_uses_up_nothing_of_the_worker_s_room(store):
    prepared(store, HV, GP)
    set_channel(store, HV, rate_per_second=2.0)
    add(store, *(delivery(HV) for _ in range(50)))
    [late] = add(store, delivery(GP))
    assert len(claim(store, limit=3)) == 3
    assert claim(store, limit=3) == []
    assert row(store, late).state is DeliveryState.SENDING


def test_whoever_is_limited_is_served_beside_a_backlog_that_would_fill_everything(store):
    prepared(store, HV, GP)
    set_channel(store, HV, rate_per_second=2.0)
    add(store, *(delivery(GP) for _ in range(50)))
    add(store, *(delivery(HV, NOON + timedelta(seconds=1)) for _ in range(5)))
    claimed = [one.team_id for one in claim(store, now=NOON + timedelta(seconds=1), limit=8)]
    assert (claimed.count(HV), claimed.count(GP)) == (2, 6)


def test_a_clock_that_was_a_day_ahead_holds_nobody_back(store):
    prepared(store, HV, GP)
    set_channel(store, HV, rate_per_second=1.0)
    tell(store, *(delivery(HV) for _ in range(3)), *(delivery(GP) for _ in range(6)))
    tomorrow = NOON + timedelta(days=1)
    conclude(store, claim(store, now=tomorrow), Unreachable("refused"), tomorrow)
    assert health(store, GP).paused_until > tomorrow
    assert health(store, HV).send_from > tomorrow

    def due_again(session):
        session.execute(update(Delivery).values(next_attempt_at=NOON))

    store.write(due_again)
    assert sorted(one.team_id for one in claim(store)) == sorted([HV, GP])


# --- what was stuck ------------------------------------------------------------------------------------------------


def parked(store, *rows):
    ids = tell(store, *rows)
    at = NOON
    while any(row(store, id_).state is not DeliveryState.PARKED for id_ in ids):
        at += timedelta(minutes=10)
        conclude(store, claim(store, now=at), Refused(400), at)
    return ids, at


def test_a_team_that_is_reached_after_all_ends_the_task_about_it(store):
    prepared(store, HV)
    _, at = parked(store, delivery(HV))
    [task] = tasks_of(store)
    assert task.status == TaskStatus.REQUESTED
    tomorrow = at + timedelta(days=2)
    [claimed] = claim(store, now=tomorrow)
    conclude(store, [claimed], Taken(), tomorrow)
    [task] = tasks_of(store)
    assert (task.status, task.business_status) == (TaskStatus.CANCELLED, "reached-after-all")
    told = store.read(lambda session: session.exec(select(Delivery).where(col(Delivery.cause).like("outcome:%"))).all())
    assert [one.team_id for one in told] == ["swbh-safeguarding"]


def test_while_another_message_about_it_is_stuck_the_task_stays(store):
    prepared(store, HV)
    [first], at = parked(store, delivery(HV))
    again = delivery(HV, notification_id=row(store, first).notification_id)
    add(store, again)
    for minutes in range(10, 60, 10):
        now = at + timedelta(minutes=minutes)
        conclude(store, claim(store, now=now), Refused(400), now)
    assert len(tasks_of(store)) == 1
    at += timedelta(days=3)
    one, two = claim(store, now=at)
    conclude(store, [one], Taken(), at)
    assert tasks_of(store)[0].status == TaskStatus.REQUESTED
    conclude(store, [two], Taken(), at)
    assert tasks_of(store)[0].status == TaskStatus.CANCELLED


def test_what_is_stuck_once_more_is_told_once_more(store):
    prepared(store, HV)
    [id_], at = parked(store, delivery(HV))
    at += timedelta(days=2)
    conclude(store, claim(store, now=at), Taken(), at)
    add(store, delivery(HV, at, notification_id=row(store, id_).notification_id))
    for minutes in range(0, 60, 10):
        now = at + timedelta(minutes=minutes)
        conclude(store, claim(store, now=now), Refused(400), now)
    assert sorted(task.status for task in tasks_of(store)) == [TaskStatus.CANCELLED, TaskStatus.REQUESTED]
