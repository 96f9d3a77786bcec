"""Whatever anybody does while the clock goes: no task without an owner, no ladder that ends in silence, no rung after an answer."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from sqlmodel import col, select

from broker.domain.rota import Practitioner
from broker.domain.tasks import TERMINAL
from broker.storage import directory
from broker.storage.tables import Delivery, Escalation
from broker.workflow import clock, hand_back
from schemas.codes import TaskCode, TaskStatus
from tests.integration.task_rows import HV, NURSE, context
from tests.property.effort import TIMES
from tests.property.test_tasks import Answering

NOT_NEEDED = {"executive", "mash"}
NORA = Practitioner(id="nora", team_id=HV, name=NURSE.name or "", role=NURSE.role or "")


class Climbing(Answering):
    """The same, and the clock looks whenever it likes, late or in time; people leave and come back."""

    with_clocks = True

    def __init__(self):
        super().__init__()
        self.climbed = {}

    @rule(hours=st.integers(0, 200), passes=st.integers(1, 3))
    def the_clock_looks(self, hours, passes):
        self.now += timedelta(hours=hours)
        for _ in range(passes):
            self.store.write(lambda s: clock.tick(s, context(s, self.store.codec), self.now))

    @rule(hours=st.none() | st.integers(-5, 50))
    def she_leaves_or_comes_back(self, hours):
        times = {} if hours is None else {"left_at": self.now + timedelta(hours=hours)}
        gone = Practitioner(id=NORA.id, team_id=HV, name=NORA.name, role=NORA.role, **times)
        self.store.write(lambda s: hand_back.put(s, context(s, self.store.codec), gone, self.now))

    def rungs(self):
        return self.store.read(lambda s: s.exec(select(Escalation).order_by(col(Escalation.at))).all())

    @invariant()
    def every_task_has_an_owner_who_is_there(self):
        teams = self.store.read(directory.load).teams
        for row in self.rows():
            assert not teams[row.owner_team_id].closed

    @invariant()
    def whatever_waits_is_looked_at_again_or_has_climbed_everything(self):
        for row in self.rows():
            if row.status in TERMINAL or row.due_at is None:
                continue
            answered = row.status is TaskStatus.ACCEPTED and row.code is not TaskCode.AGREED_ACTION
            lapses = row.progress_by is not None
            if not answered or lapses:
                assert row.climbs_at is not None or row.level == (row.rungs or 5), (row.code, row.status)

    @invariant()
    def an_end_is_the_end_of_every_clock(self):
        """Of what has ended there is never another rung, reminder or word."""
        rungs = self.rungs()
        for row in self.rows():
            if row.status in TERMINAL:
                assert row.climbs_at is row.covers_at is row.progress_by is None
                found = sum(rung.task_id == row.id for rung in rungs)
                assert self.climbed.setdefault(row.id, found) == found

    @invariant()
    def what_is_told_of_as_not_delivered_is_somebodys_task(self):
        rows = self.rows()
        raised = {(row.dedupe_key or "").rpartition(":")[0] for row in rows if row.code is TaskCode.UNDELIVERABLE}
        for row in rows:
            if row.undelivered_at is not None:
                assert any(f"undeliverable:{row.notification_id}:{row.owner_team_id}" in key for key in raised)

    @invariant()
    def nothing_is_told_of_as_not_delivered_after_it_has_come_or_ended(self):
        for row in self.rows():
            if row.undelivered_at is not None:
                assert row.undelivered_at <= min(filter(None, (row.delivered_at, row.answered_at)), default=self.now)

    @invariant()
    def each_rung_comes_once_and_in_order(self):
        found: dict[tuple[str, object], list[tuple[int, object]]] = {}
        for rung in self.rungs():
            if rung.level > 0:
                found.setdefault((rung.task_id, rung.due_at), []).append((rung.level, rung.at))
        for climbed in found.values():
            assert [level for level, _ in sorted(climbed, key=lambda one: one[0])] == list(range(1, len(climbed) + 1))

    @invariant()
    def whoever_a_rung_names_has_a_message_of_it(self):
        told = self.store.read(lambda s: s.exec(select(Delivery.team_id, Delivery.cause)).all())
        heard = {(team, part) for team, cause in told for part in cause.split(":")}
        for rung in self.rungs():
            if rung.team_id is not None and rung.rung != "out-of-hours":
                assert (rung.team_id, rung.task_id) in heard

    @invariant()
    def that_nobody_was_told_is_somebodys_task(self):
        tasks = {row.id: row for row in self.rows()}
        keys = {row.dedupe_key for row in tasks.values() if row.dedupe_key}
        for rung in self.rungs():
            task = tasks[rung.task_id]
            if rung.team_id is None and rung.rung not in NOT_NEEDED:
                incident = (task.dedupe_key or "").startswith("unreachable:")
                assert incident or any(key.startswith(f"unreachable:{task.id}:") for key in keys)


def test_whatever_anybody_does_while_the_clock_goes(sqlite_template, tmp_path_factory):
    class Here(Climbing):
        template = sqlite_template
        folder = tmp_path_factory.mktemp("clocks")

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15 * TIMES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
