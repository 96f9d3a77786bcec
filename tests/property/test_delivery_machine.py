"""Any sequence of claims, crashes, duplicates, late answers, receipts, withdrawals and clock jumps keeps what delivery promises.

Two workers whose processes may end at any step, receivers that answer anything or nothing, and a clock that goes wrong.
"""

import shutil
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlmodel import Session, col, select

from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable
from broker.domain import retry
from broker.domain.breaker import Breaker
from broker.domain.states import DeliveryState
from broker.domain.wanted import TaskWanted
from broker.storage import claims, deliveries, directory, outbox, tasks
from broker.storage.codec import AesCodec
from broker.storage.leasing import Claimed, Share
from broker.storage.store import open_store
from broker.storage.tables import Attempt, Delivery, Task, TaskEvent
from broker.workflow import deliver, number
from broker.workflow.context import Context
from broker.workflow.deliver import Ladder, Pushed
from schemas.codes import TaskCode
from tests.conftest import NOON, SECRET
from tests.default_policy import default_policy
from tests.faults.size import FULL, size
from tests.integration.delivery_rows import SENDER, channel, delivery, only_mailbox, prepared, tell
from tests.property.machines import machine

HV, GP, PROBATION = "swbh-health-visiting", "cape-hill-practice", "sandwell-probation"
LEASE = timedelta(seconds=30)
LADDER = Ladder(
    waits=[timedelta(seconds=5), timedelta(minutes=1)],
    receipts=[timedelta(minutes=2), timedelta(minutes=10)],
    daily=timedelta(days=1),
)
BREAKER = Breaker(failures=2, ladder=[timedelta(seconds=10), timedelta(minutes=1)])
LONGEST = retry.LONGEST * (1 + retry.SPREAD) + LEASE
"""After this long at most, whatever is open is due."""
POLICY = default_policy()
OPEN = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.PARKED)

OUTCOMES = st.sampled_from(
    [
        Taken(),
        Refused(status=500),
        Refused(status=404),
        Refused(status=410),
        Refused(status=410),
        Refused(status=429, retry_after=90_000_000.0),
        Refused(status=503, retry_after=120.0),
        Unreachable("refused"),
        Unanswered(),
        Unanswered(receipt_follows=True),
    ]
)
WORKERS = st.sampled_from(["one", "two"])
JUMPS = st.sampled_from(
    [
        timedelta(seconds=1),
        timedelta(seconds=29),
        timedelta(seconds=31),
        timedelta(minutes=11),
        timedelta(days=1, hours=6),
        timedelta(hours=-1),
        timedelta(days=-1),
    ]
)


class Delivering(RuleBasedStateMachine):
    """Three teams with a push, of which one loses it now and then."""

    template: ClassVar[Path]
    folder: ClassVar[Path]
    names = count()

    def __init__(self):
        super().__init__()
        path = self.folder / f"{next(self.names)}.db"
        shutil.copy(self.template, path)
        self.store = open_store(f"sqlite:///{path}", AesCodec(SECRET))
        self.now: datetime = NOON
        self.latest = NOON
        prepared(self.store, HV, GP, PROBATION)
        self.held: dict[str, list[Claimed]] = {"one": [], "two": []}
        """What each worker believes it holds; a lease that has ended does not take it from here."""
        self.leases: dict[tuple[str, int], datetime] = {}
        """By delivery and try: until when it was to be one worker's alone."""
        self.tries = 0
        self.delivered: dict[str, datetime] = {}
        self.numbers: dict[str, int] = {}
        self.withdrawn: set[str] = set()
        self.tell([HV, GP, PROBATION])

    def teardown(self):
        try:
            self.everything_arrives_in_the_end()
        finally:
            self.store.close()

    def rows(self) -> list[Delivery]:
        return list(self.store.read(lambda s: s.exec(select(Delivery).order_by(col(Delivery.id))).all()))

    def context(self, session) -> Context:
        return Context(
            codec=self.store.codec,
            directory=directory.load(session),
            policy=POLICY,
            public_url="https://baton.example",
        )

    # --- what happens

    @rule(teams=st.lists(st.sampled_from([HV, GP, PROBATION]), min_size=1, max_size=3, unique=True))
    def told(self, teams):
        """More comes in."""
        self.tell(teams)

    def tell(self, teams):
        """A notification of its own for each, with a task that it brings."""
        for id_ in tell(self.store, *(delivery(team, self.now) for team in teams)):
            [row] = [row for row in self.rows() if row.id == id_]
            wanted = TaskWanted(
                code=TaskCode.ACKNOWLEDGE,
                owner=row.team_id,
                requester=SENDER,
                description="Say what this means.",
                notification_id=row.notification_id,
                delivery_id=id_,
            )
            self.store.write(
                partial(tasks.raise_tasks, codec=self.store.codec, wanted=[wanted], policy_version="test", now=self.now)
            )

    @rule(
        worker=WORKERS,
        limit=st.integers(1, 6),
        per_team=st.integers(1, 3),
        announced=st.sampled_from([None, None, "all", "stale"]),
        outcomes=st.lists(OUTCOMES, max_size=4),
        then=st.sampled_from(["records", "records", "dies", "waits"]),
    )
    def looked(self, worker, limit, per_team, announced, outcomes, then):
        """A worker numbers, claims, pushes some of it and writes down what came of it; or dies before, or hangs meanwhile."""
        self.store.write(number.number)
        self.held[worker] += self.claimed(Share(limit=limit, per_team=per_team), announced)
        if then == "records":
            self.pushed(worker, outcomes)
        if then == "dies":
            self.held[worker] = []

    def claimed(self, share: Share, announced: str | None) -> list[Claimed]:
        """By a look at everything, or by ids as they were announced: all of them, long ago, twice, or never there."""
        ids = [row.id for row in self.rows()]
        among = {None: None, "all": ids + ids, "stale": [*ids[:2], "gone", ""]}[announced]
        others = [one for held in self.held.values() for one in held]
        before = {row.id: row for row in self.rows()}
        taken = self.store.write(lambda s: claims.claim(s, share, now=self.now, lease=LEASE, among=among))
        assert len(taken) <= share.limit
        assert all(times <= share.per_team for times in Counter(one.team_id for one in taken).values())
        for one in taken:
            due = before[one.id].next_attempt_at
            assert due is not None
            assert due <= self.now, "it was not due"
            theirs = [self.leases[other.id, other.attempts] for other in others if other.id == one.id]
            assert all(until <= self.now for until in theirs), "somebody else's lease had not ended"
            self.leases[one.id, one.attempts] = self.now + LEASE
        return taken

    @rule(worker=WORKERS, outcomes=st.lists(OUTCOMES, min_size=1, max_size=4))
    def pushed(self, worker, outcomes: list[PushOutcome]):
        """The oldest claims are pushed and recorded, however late: others may have claimed them since."""
        batch = [
            Pushed(claimed=one, outcome=outcome, jitter=0.5)
            for one, outcome in zip(self.held[worker], outcomes, strict=False)
        ]
        del self.held[worker][: len(batch)]
        self.conclude(batch)

    def conclude(self, batch: list[Pushed]):
        self.store.write(
            lambda s: deliver.conclude(s, self.context(s), batch, now=self.now, ladder=LADDER, breaker=BREAKER)
        )
        self.tries += len(batch)
        for one in batch:
            if isinstance(one.outcome, Taken) and one.claimed.id not in self.withdrawn:
                self.delivered.setdefault(one.claimed.id, self.now)

    @rule(worker=WORKERS)
    def stopped(self, worker):
        """Told to stop: what it holds is given back, unless it lost it."""
        for one in self.held[worker]:
            self.store.write(partial(outbox.give_back, claimed=one, now=self.now))
        self.held[worker] = []

    @rule(which=st.integers(0, 5), times=st.integers(1, 3))
    def received(self, which, times):
        """A receipt, or an acknowledgement in the mailbox, as often as it likes and for whatever has its number."""
        shown = [row for row in self.rows() if row.number is not None]
        for _ in range(times if which < len(shown) else 0):
            id_ = shown[which].id
            self.store.write(partial(self.arrive, id_))
            if id_ not in self.withdrawn:
                self.delivered.setdefault(id_, self.now)

    def arrive(self, id_: str, session: Session):
        deliver.has_arrived(session, self.context(session), [id_], self.now)

    @rule(which=st.integers(0, 5))
    def taken_back(self, which):
        """A notification is withdrawn, delivered or not."""
        rows = self.rows()
        if which < len(rows):
            row = rows[which]
            self.store.write(lambda s: deliveries.withdraw(s, row.notification_id, self.now))
            if row.id not in self.delivered:
                self.withdrawn.add(row.id)

    @rule(on=st.booleans())
    def channel_set(self, on):
        """The practice gives its webhook up, or sets it again."""

        def work(session):
            channel(session, self.store, GP) if on else only_mailbox(session, GP)
            deliveries.align(session, now=self.now, team_id=GP)

        self.store.write(work)

    @rule(by=JUMPS)
    def clock(self, by):
        self.now += by
        self.latest = max(self.latest, self.now)

    # --- what holds

    @invariant()
    def promises(self):
        rows = self.rows()
        self.what_arrived_stays_so_and_what_did_not_is_not_said_to(rows)
        self.nothing_is_forgotten(rows)
        self.numbers_have_no_gap_and_never_change(rows)
        self.people_know_what_is_parked_and_each_has_one_effect(rows)

    def what_arrived_stays_so_and_what_did_not_is_not_said_to(self, rows: list[Delivery]):
        for row in rows:
            if row.id in self.delivered:
                assert (row.state, row.delivered_at) == (DeliveryState.DELIVERED, self.delivered[row.id])
            else:
                assert row.state is not DeliveryState.DELIVERED

    def nothing_is_forgotten(self, rows: list[Delivery]):
        """What is open has a time: nobody need remember it (invariant 3)."""
        for row in rows:
            if row.state in OPEN and row.team_id in (HV, PROBATION):
                assert row.next_attempt_at is not None
            if row.state not in OPEN:
                assert row.next_attempt_at is None
            assert (row.state is DeliveryState.SENDING) <= (row.lease_until is not None)

    def numbers_have_no_gap_and_never_change(self, rows: list[Delivery]):
        numbers: dict[str, list[int]] = {}
        for row in rows:
            if row.number is not None:
                numbers.setdefault(row.team_id, []).append(row.number)
                assert self.numbers.setdefault(row.id, row.number) == row.number
        for given in numbers.values():
            assert sorted(given) == list(range(1, len(given) + 1))

    def people_know_what_is_parked_and_each_has_one_effect(self, rows: list[Delivery]):
        def read(session):
            asked = session.exec(select(Task.notification_id).where(Task.code == TaskCode.UNDELIVERABLE)).all()
            moved = session.exec(select(TaskEvent.task_id).where(TaskEvent.move == "delivered")).all()
            return set(asked), moved, session.exec(select(sa.func.count()).select_from(Attempt)).one()

        asked, moved, tries = self.store.read(read)
        assert {row.notification_id for row in rows if row.state is DeliveryState.PARKED} <= asked
        assert max(Counter(moved).values(), default=0) <= 1
        assert tries == self.tries

    # --- and in the end

    def everything_arrives_in_the_end(self):
        """Once receivers take what they get, no sequence of faults leaves anything behind."""
        self.channel_set(on=True)
        self.held = {"one": [], "two": []}
        self.now = self.latest + LONGEST  # a clock that was wrong is put right
        for _ in range(100):
            self.store.write(number.number)
            taken = self.store.write(lambda s: claims.claim(s, Share(limit=50, per_team=50), now=self.now, lease=LEASE))
            if not taken:
                break
            self.conclude([Pushed(claimed=one, outcome=Taken(), jitter=0.5) for one in taken])
        assert [row.id for row in self.rows() if row.state in OPEN and row.team_id in (HV, GP, PROBATION)] == []
        self.promises()


def test_delivery_keeps_its_promises_whatever_happens(sqlite_template, tmp_path):
    Delivering.template, Delivering.folder = sqlite_template, tmp_path
    # The same stories in every run of the suite; in `make deep` new ones, of which one that fails prints what repeats it.
    chosen = settings(machine(examples=size(30, 1_500), steps=30), derandomize=not FULL)
    run_state_machine_as_test(Delivering, settings=chosen)
