"""What state a handover is in, how old it is, and which of the people it names are children."""

from datetime import date, timedelta

import pytest

from broker.domain.handovers import UNANSWERED, HandoverState, LineNow, Named, children, states
from broker.domain.states import PersonState
from schemas.codes import TaskStatus
from tests.conftest import NOON

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("status", UNANSWERED)
@pytest.mark.parametrize(
    ("due", "level", "more"),
    [
        (None, 0, ()),
        (NOON, 0, ()),
        (NOON - HOUR, 0, (HandoverState.OVERDUE,)),
        (NOON + HOUR, 1, (HandoverState.ESCALATED,)),
        (NOON - HOUR, 2, (HandoverState.OVERDUE, HandoverState.ESCALATED)),
    ],
)
def test_what_nobody_answered_is_unacknowledged_and_may_be_overdue_and_escalated(status, due, level, more):
    assert states(status, due, level, NOON) == (HandoverState.UNACKNOWLEDGED, *more)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (TaskStatus.REJECTED, HandoverState.DECLINED),
        (TaskStatus.ACCEPTED, HandoverState.COMPLETE),
        (TaskStatus.COMPLETED, HandoverState.COMPLETE),
        (TaskStatus.CANCELLED, HandoverState.WITHDRAWN),
        (TaskStatus.ENTERED_IN_ERROR, HandoverState.WITHDRAWN),
    ],
)
def test_what_was_answered_late_is_neither_overdue_nor_escalated_any_more(status, state):
    assert states(status, NOON - HOUR, 3, NOON) == (state,)


def test_every_status_has_a_state():
    assert all(states(status, None, 0, NOON) for status in TaskStatus)


def test_children_are_the_unborn_and_those_under_eighteen_each_once():
    on = date(2026, 3, 2)
    named = [
        Named(id="baby", state=PersonState.LIVING, born=on),
        Named(id="grown", state=PersonState.LIVING, born=date(2008, 3, 1)),
        Named(id="nearly", state=PersonState.LIVING, born=date(2008, 3, 3)),
        Named(id="unborn", state=PersonState.UNBORN, born=None),
        Named(id="unborn", state=PersonState.MERGED, born=on),
        Named(id="nobody-said", state=PersonState.LIVING, born=None),
    ]
    assert children(named, on) == {"baby", "nearly", "unborn"}


@pytest.mark.parametrize("status", TaskStatus)
def test_only_a_completed_line_is_confirmed_and_only_a_cancelled_one_is_out(status):
    line = LineNow(person_id="x", status=status)
    assert line.confirmed is (status is TaskStatus.COMPLETED)
    assert line.stands is (status not in (TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR))
