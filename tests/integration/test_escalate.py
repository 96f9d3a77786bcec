"""Nobody answered: the ladder is climbed rung by rung, once each, and an answer stops it."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from broker.domain.answers import Move
from broker.storage import tasks
from broker.storage.store import Raced
from broker.storage.tables import Escalation
from broker.storage.task_values import Scope
from broker.storage.tasks import Change
from broker.workflow import escalate
from schemas.codes import ResponseReason, TaskCode, TaskStatus
from tests.conftest import NOON
from tests.integration.delivery_rows import SENDER
from tests.integration.task_rows import (
    ALL,
    DUE,
    HV,
    LEAD,
    PARTNERSHIP,
    SPOKEN,
    action,
    context,
    history,
    messages,
    moves,
    one,
    ready,
    told,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def task(store):
    """A task that is due in five days."""
    ready(store)
    return told(store, HV)


def clock_passes(store, at):
    """Every pass that is due by then, each at its own time; how many tasks were looked at."""
    looked = 0
    while (due := store.read(escalate.next_due)) is not None and due <= at:
        looked += store.write(lambda session: escalate.climb(session, context(session, store.codec), due))
    return looked


def rungs(store, task_id):
    query = select(Escalation).where(col(Escalation.task_id) == task_id).order_by(col(Escalation.level))
    return [(row.level, row.rung, row.team_id, row.at) for row in store.read(lambda s: s.exec(query).all())]


def test_nothing_happens_before_it_is_due(store, task):
    assert clock_passes(store, DUE) == 1  # it is looked at, and climbs nothing
    assert rungs(store, task) == []
    assert one(store, task).row.version == 1
    assert store.read(escalate.next_due) == DUE + HOUR


def test_it_climbs_to_the_team_the_lead_and_the_partnership(store, task):
    clock_passes(store, DUE + 10 * DAY)
    assert rungs(store, task) == [
        (1, "team", HV, DUE + HOUR),
        (2, "lead", LEAD, DUE + DAY),
        (3, "partnership", PARTNERSHIP, DUE + 3 * DAY),
    ]
    assert one(store, task).row.level == 3
    assert store.read(escalate.next_due) is None
    assert history(store, task) == ["raised", "escalated", "escalated", "escalated"]
    assert [cause for cause in messages(store, LEAD) if cause.startswith("escalated")] == [f"escalated:{task}:3"]
    assert f"escalated:{task}:4" in messages(store, PARTNERSHIP)
    # Whoever waits hears of it once it goes beyond the team.
    assert [c for c in messages(store, SENDER) if task in c] == [f"outcome:{task}:3", f"outcome:{task}:4"]


def test_a_clock_that_was_stopped_catches_up_in_one_pass(store, task):
    late = DUE + 2 * DAY
    store.write(lambda session: escalate.climb(session, context(session, store.codec), late))
    assert [(level, team) for level, _, team, _ in rungs(store, task)] == [(1, HV), (2, LEAD)]
    assert store.read(escalate.next_due) == DUE + 3 * DAY


def test_where_nobody_can_be_reached_the_rung_says_so(store):
    """The practice's agency has no safeguarding lead in the directory."""
    ready(store)
    task = told(store, "cape-hill-practice")
    clock_passes(store, DUE + DAY)
    assert [team for _, _, team, _ in rungs(store, task)] == ["cape-hill-practice", None]


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (Move.ACCEPT, {"meaning": "We visit on Monday.", "conversation": SPOKEN}),
        (Move.ACCEPT, {"actions": (action(),), "conversation": SPOKEN}),
        (Move.DECLINE, {"reason": ResponseReason.NOT_KNOWN}),
    ],
)
def test_an_answer_stops_it(store, task, move, said):
    moves(store, HV, task, move, **said)
    clock_passes(store, DUE + 10 * DAY)
    assert rungs(store, task) == []


def test_what_was_agreed_climbs_by_itself(store, task):
    """F14: either, undone, escalates."""
    [agreed] = moves(store, HV, task, Move.ACCEPT, actions=(action(days=7),)).content["actions"]
    moves(store, HV, agreed, Move.OPEN)  # a look is no answer
    clock_passes(store, NOON + 9 * DAY)
    assert [(rung, team) for _, rung, team, _ in rungs(store, agreed)] == [("team", HV), ("lead", LEAD)]


def test_an_extension_begins_the_ladder_anew(store, task):
    clock_passes(store, DUE + 2 * HOUR)
    later = DUE + 4 * DAY
    moves(store, HV, task, Move.EXTEND, now=DUE + 2 * HOUR, due_at=later, text="The family is away until Friday.")
    assert one(store, task).row.level == 0
    clock_passes(store, later + HOUR)
    assert [(level, at) for level, _, _, at in rungs(store, task)] == [(1, DUE + HOUR), (1, later + HOUR)]


def test_no_rung_fires_after_the_answer_committed(store, task):
    """Both read the task; the answer commits first, and the rung finds another version."""

    def rung_too_late(session):
        before = tasks.get(session, store.codec, task, ALL)
        what = Change(move="escalated", content=before.content, columns={"level": 1}, detail={})
        return before, what

    before, what = store.read(rung_too_late)
    moves(store, HV, task, Move.DECLINE, reason=ResponseReason.NOT_KNOWN)
    with pytest.raises(Raced):
        store.read(lambda session: tasks.change(session, store.codec, before, what, DUE + HOUR))
    assert one(store, task).row.status == TaskStatus.REJECTED


def test_two_clocks_at_once_climb_each_rung_once(store, task):
    def passes(holder):
        return lambda session: escalate.climb_alone(
            session, context(session, store.codec), holder=holder, now=DUE + HOUR, lease=timedelta(seconds=30)
        )

    assert [store.write(passes(name)) for name in ("first", "second")] == [1, 0]
    assert len(rungs(store, task)) == 1


def test_the_lead_may_read_what_climbed_to_it(store, task):
    scope = Scope(team=LEAD)
    assert store.read(lambda s: tasks.get(s, store.codec, task, scope)) is None
    clock_passes(store, DUE + DAY)
    seen = store.read(lambda s: tasks.get(s, store.codec, task, scope))
    assert seen is not None
    assert seen.row.code == TaskCode.ACKNOWLEDGE
