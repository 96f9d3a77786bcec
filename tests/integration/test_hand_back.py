"""F20: what somebody holds goes to who covers or back to the team when they leave, are away, or their shift is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.answers import AgreedAction, Move
from broker.domain.rota import Practitioner
from broker.domain.tasks import BusinessStatus
from broker.errors import Invalid
from broker.storage import practitioners, upcoming
from broker.storage.task_values import HELD_BY
from broker.workflow import clock, hand_back
from schemas.codes import TaskStatus
from schemas.message import Professional
from tests.conftest import NOON
from tests.integration.task_rows import HV, NURSE, action, context, history, messages, moves, one, ready, told

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NORA = Practitioner(id="nora", team_id=HV, name="Nora Nurse", role="health-visitor")
DAWN = Practitioner(id="dawn", team_id=HV, name="Dawn Ellis", role="health-visitor")


def put(store, somebody, now=NOON):
    store.write(lambda session: hand_back.put(session, context(session, store.codec), somebody, now))


def held_by(store, task_id):
    return one(store, task_id).content.get("options", {}).get(HELD_BY)


def agreed(store, *actions):
    ready(store)
    task = told(store, HV)
    return moves(store, HV, task, Move.ACCEPT, actions=actions).content["actions"]


@pytest.fixture
def tasks(store):
    """Two actions of hers, one of the team's, one of somebody else's."""
    others = AgreedAction(
        action="Ring", owner=Professional(name="Dawn Ellis", role="health-visitor"), due_at=NOON + DAY
    )
    team = AgreedAction(action="Write", team=HV, due_at=NOON + DAY)
    return agreed(store, action("Weigh"), action("Visit"), others, team)


def test_a_leavers_tasks_are_the_teams_and_unheld(store, tasks):
    put(store, replace(NORA, left_at=NOON))
    states = [(held_by(store, task), one(store, task).row.business_status) for task in tasks]
    assert states == [(None, "unheld"), (None, "unheld"), ("Dawn Ellis, health-visitor", None), (None, None)]
    for task in tasks[:2]:
        row = one(store, task).row
        assert (row.owner_team_id, row.status, row.climbs_at is not None) == (HV, TaskStatus.ACCEPTED, True)
        assert history(store, task) == ["raised", "unheld"]
        assert f"outcome:{task}:2" in messages(store, HV)


def test_absence_hands_them_to_who_covers(store, tasks):
    put(store, DAWN)
    put(store, replace(NORA, absent_from=NOON, absent_until=NOON + 14 * DAY, cover_id="dawn"))
    assert held_by(store, tasks[0]) == "Dawn Ellis, health-visitor"
    assert one(store, tasks[0]).row.business_status is None
    put(store, replace(DAWN, absent_from=NOON + HOUR), NOON + HOUR)  # and she is away too, with nobody to cover
    assert [one(store, task).row.business_status for task in tasks] == ["unheld", "unheld", "unheld", None]


def test_at_the_end_of_the_shift_the_clock_gives_them_back(store, tasks):
    put(store, replace(NORA, shift_ends=NOON + 3 * HOUR))
    assert held_by(store, tasks[0]) == "Nora Nurse, health-visitor"
    assert store.read(lambda session: upcoming.earliest(session, "hand-back")) == NOON + 3 * HOUR
    assert store.read(clock.next_due) <= NOON + 3 * HOUR
    store.write(lambda session: clock.tick(session, context(session, store.codec), NOON + 3 * HOUR))
    assert one(store, tasks[0]).row.business_status == "unheld"
    assert store.read(lambda session: upcoming.earliest(session, "hand-back")) is None


def test_the_same_again_changes_nothing(store, tasks):
    for _ in range(2):
        put(store, replace(NORA, left_at=NOON))
    assert history(store, tasks[0]) == ["raised", "unheld"]
    assert store.read(lambda s: practitioners.of_team(s, store.codec, HV)) == [replace(NORA, left_at=NOON)]


def test_nothing_is_agreed_in_the_name_of_somebody_who_is_not_there(store):
    ready(store)
    put(store, replace(NORA, left_at=NOON - DAY))
    [task] = moves(store, HV, told(store, HV), Move.ACCEPT, actions=(action(),)).content["actions"]
    assert (held_by(store, task), one(store, task).row.business_status) == (None, "unheld")


def test_somebody_of_the_team_takes_it(store, tasks):
    put(store, replace(NORA, left_at=NOON))
    taken = moves(store, HV, tasks[0], Move.REASSIGN, holder=Professional(name="Dawn Ellis", role="health-visitor"))
    assert (taken.row.status, taken.row.business_status, taken.row.owner_team_id) == (TaskStatus.ACCEPTED, None, HV)
    assert held_by(store, tasks[0]) == "Dawn Ellis, health-visitor"
    done = moves(store, HV, tasks[0], Move.COMPLETE, text="Weighed.")
    assert done.row.status == TaskStatus.COMPLETED


@pytest.mark.parametrize("holder", [Professional(name="Dawn Ellis"), Professional(role="health-visitor")])
def test_whoever_takes_it_is_named(store, tasks, holder):
    with pytest.raises(Invalid):
        moves(store, HV, tasks[0], Move.REASSIGN, holder=holder)


def test_only_what_was_agreed_is_held_by_somebody(store):
    ready(store)
    with pytest.raises(Invalid):
        moves(store, HV, told(store, HV), Move.REASSIGN, holder=NURSE)


def test_unheld_is_shown_beside_overdue(store, tasks):
    from broker.storage.task_values import Scope
    from broker.workflow.task_wire import task_resource

    put(store, replace(NORA, left_at=NOON))
    shown = task_resource(one(store, tasks[0]), Scope(team=HV), NOON + 30 * DAY)
    assert [code["code"] for code in shown["businessStatus"]["coding"]] == ["overdue", BusinessStatus.UNHELD]
    assert "display" not in shown["owner"]
