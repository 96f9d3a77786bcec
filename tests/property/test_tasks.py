"""Any sequence of moves by any callers, delivered late or never, repeated or made up, keeps what tasks promise."""

import shutil
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlmodel import col, select

from broker.domain import tasks as rules
from broker.domain.answers import AgreedAction, Conversation, Move, MoveRequest
from broker.domain.tasks import TERMINAL
from broker.errors import Conflict, Invalid, NotFound, Stale
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.storage.tables import Delivery, Task, TaskEvent
from broker.workflow import acknowledge
from schemas.codes import Priority, ResponseReason, TaskCode, TaskStatus
from schemas.message import Professional
from tests.conftest import NOON, SECRET
from tests.integration.delivery_rows import NOTIFICATION, SENDER
from tests.integration.task_rows import (
    CLERK,
    GP,
    HV,
    LEAD,
    MIDWIFE,
    NURSE,
    SPOKEN,
    action,
    caller,
    context,
    one,
    ready,
    told,
)
from tests.property.effort import TIMES

TEAMS = st.sampled_from([HV, GP, SENDER, LEAD])
PEOPLE = st.sampled_from([NURSE, MIDWIFE, CLERK, Professional(name="Nobody Known", role="astrologer"), None])
DAYS = st.integers(-2, 900).map(lambda days: NOON + timedelta(days=days))
WORDS = st.sampled_from([None, "We visit weekly.", "Which flat?"])
OWNERS = st.sampled_from([None, NURSE, Professional(role="health-visitor")])
ACTIONS = st.builds(
    AgreedAction, action=WORDS, owner=OWNERS, team=st.sampled_from([None, HV, GP]), due_at=DAYS | st.none()
)
REQUESTS = st.builds(
    MoveRequest,
    move=st.sampled_from(Move),
    practitioner=PEOPLE,
    expected_version=st.none() | st.integers(1, 4),
    meaning=WORDS,
    actions=st.lists(ACTIONS, max_size=2).map(tuple),
    conversation=st.none() | st.builds(Conversation, with_whom=WORDS, at=DAYS),
    reason=st.none() | st.sampled_from(ResponseReason),
    text=WORDS,
    due_at=DAYS | st.none(),
)
"""Of any quality: most are refused, and nothing of those may be left behind."""

POSITIVE = frozenset({TaskStatus.ACCEPTED, TaskStatus.COMPLETED})
NEGATIVE = frozenset({TaskStatus.REJECTED})


def usable(move, **said):
    """A request that is refused only for its moment or its mover."""
    return MoveRequest(move=move, practitioner=NURSE, **said)


GOOD = (
    usable(Move.OPEN),
    usable(Move.ACCEPT, meaning="We visit weekly.", conversation=SPOKEN),
    usable(Move.ACCEPT, actions=(action("Weigh", 300), action("Visit", 300)), conversation=SPOKEN),
    usable(Move.DECLINE, reason=ResponseReason.NOT_KNOWN),
    usable(Move.ASK, text="Which flat?"),
    usable(Move.ANSWER, text="Ground floor."),
    usable(Move.COMPLETE, text="Weighed."),
    usable(Move.CANCEL),
    usable(Move.EXTEND, due_at=NOON + timedelta(days=600), text="On leave."),
)


class Answering(RuleBasedStateMachine):
    """Two recipients, one of them unknown to the sender, and everything that can be done with their tasks."""

    template: ClassVar[Path]
    folder: ClassVar[Path]
    with_clocks: ClassVar[bool] = False
    names = count()

    def __init__(self):
        super().__init__()
        path = self.folder / f"{next(self.names)}.db"
        shutil.copy(self.template, path)
        self.store = open_store(f"sqlite:///{path}", AesCodec(SECRET))
        self.now = NOON
        ready(self.store)
        told(self.store, HV, with_clocks=self.with_clocks)
        told(self.store, GP, with_clocks=self.with_clocks, known_to_sender=False, priority=Priority.URGENT)
        self.ended = {}
        self.answered = {}
        self.versions = {}

    def teardown(self):
        self.store.close()

    def rows(self):
        return self.store.read(lambda s: s.exec(select(Task).order_by(col(Task.authored_at), col(Task.id))).all())

    def attempt(self, team, task_id, request):
        def work(session):
            return acknowledge.answer(
                session, context(session, self.store.codec), caller(team), task_id, request, self.now
            )

        try:
            return self.store.write(work)
        except (Conflict, Invalid, NotFound, Stale):
            return None

    @rule(which=st.integers(0, 9), how=st.integers(0, 20))
    def the_owner_does_what_it_may(self, which, how):
        rows = self.rows()
        row = rows[which % len(rows)]
        task = one(self.store, row.id).now()
        possible = [good for good in GOOD if good.move in rules.allowed(task, task.owner)]
        if possible:
            self.twice(row.owner_team_id, row.id, possible[how % len(possible)])

    @rule(team=TEAMS, which=st.integers(0, 9), request=REQUESTS | st.sampled_from(GOOD))
    def anybody_tries_anything(self, team, which, request):
        rows = self.rows()
        self.twice(team, rows[which % len(rows)].id, request)

    def twice(self, *attempt):
        done = self.attempt(*attempt)
        if done is not None:
            again = self.attempt(*attempt)
            assert (again.row.version, again.content) == (done.row.version, done.content)

    @rule(hours=st.integers(1, 400))
    def time_passes(self, hours):
        self.now += timedelta(hours=hours)

    @rule(which=st.integers(0, 9))
    def delivered(self, which):
        rows = self.store.read(
            lambda s: s.exec(select(Delivery).order_by(col(Delivery.created_at), col(Delivery.id))).all()
        )
        id_ = rows[which % len(rows)].id
        self.store.write(lambda s: acknowledge.mark_delivered(s, self.store.codec, [id_], self.now))

    @rule(really=st.integers(0, 15))
    def withdrawn(self, really):
        if really == 0:
            self.store.write(
                lambda s: acknowledge.cancel_for_notification(s, context(s, self.store.codec), NOTIFICATION, self.now)
            )

    @invariant()
    def one_outcome_for_ever(self):
        """A late delivery is still a fact about an ended task; its status and answer stay."""
        for row in self.rows():
            outcome = (row.status, row.reason_code, row.answered_at)
            if row.status in TERMINAL or row.id in self.ended:
                assert self.ended.setdefault(row.id, outcome) == outcome

    @invariant()
    def never_negative_after_positive(self):
        for row in self.rows():
            seen = self.answered.setdefault(row.id, set())
            seen.add(row.status)
            if row.code == TaskCode.ACKNOWLEDGE:
                assert not (seen & POSITIVE and seen & NEGATIVE)

    @invariant()
    def an_event_for_every_version_and_none_lost(self):
        events = self.store.read(lambda s: s.exec(select(TaskEvent)).all())
        for row in self.rows():
            assert row.version >= self.versions.get(row.id, 1)
            self.versions[row.id] = row.version
            assert sorted(e.version for e in events if e.task_id == row.id) == list(range(1, row.version + 1))

    @invariant()
    def every_agreed_action_has_owner_and_due_date(self):
        for row in self.rows():
            if row.code == TaskCode.AGREED_ACTION:
                assert row.owner_team_id in (HV, GP)
                assert row.due_at > row.authored_at
                assert row.part_of

    @invariant()
    def what_waits_waits_for_something(self):
        """On hold for a question only while it is open; accepted only while an action is."""
        rows = self.rows()
        for row in rows:
            if row.code != TaskCode.ACKNOWLEDGE:
                continue
            parts = [part for part in rows if part.part_of == row.id and part.status not in TERMINAL]
            codes = {part.code for part in parts}
            assert (row.business_status == "question-asked") == (TaskCode.SUPPLY_INFORMATION in codes)
            assert (row.status == TaskStatus.ACCEPTED) == (TaskCode.AGREED_ACTION in codes)

    @invariant()
    def the_sender_learns_nothing_of_the_other(self):
        """Of the recipient that it may not know it has no message and no task, whatever that one does."""
        hidden = {row.id for row in self.rows() if row.owner_team_id == GP}
        deliveries = self.store.read(lambda s: s.exec(select(Delivery).where(Delivery.team_id == SENDER)).all())
        assert not {row.cause.split(":")[1] for row in deliveries if row.cause} & hidden
        for task_id in hidden:
            assert one(self.store, task_id).requester is None


def test_whatever_anybody_does(sqlite_template, tmp_path_factory):
    class Here(Answering):
        template = sqlite_template
        folder = tmp_path_factory.mktemp("tasks")

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25 * TIMES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
