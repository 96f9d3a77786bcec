"""Which clocks a task has, how they are kept, and that no ladder ends in silence."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.clocks import LAST, ClockRule, Clocks, Rung, Target, chosen, read, set_for
from broker.domain.ladder import who_hears, whom
from broker.domain.terms import EVERY_WEEKDAY, Calendar, Term, elapsed, working_days
from broker.domain.wanted import TaskWanted
from broker.domain.world import Directory, Team
from schemas.codes import Event, Function, Priority, TaskCode
from tests.default_policy import default_policy

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
POLICY = default_policy()
TEAM = Team(id="visitors", agency_id="trust", function=Function.HEALTH_VISITING, name="Visitors", area_id="north")


def rule(name, **fits):
    return ClockRule(
        name=name, clocks=Clocks(rungs=(Rung(to=Target.PARTNERSHIP, wait=working_days(1)),)), cites="", **fits
    )


RULES = (
    rule("area", areas=frozenset({"south"})),
    rule("event", events=frozenset({Event.CONCERN}), priorities=frozenset({Priority.URGENT})),
    rule("function", functions=frozenset({Function.GENERAL_PRACTICE})),
    rule("rest"),
)


@pytest.mark.parametrize(
    ("team", "event", "priority", "name"),
    [
        ({}, None, Priority.ROUTINE, "rest"),
        ({"area_id": "south"}, Event.CONCERN, Priority.URGENT, "area"),
        ({}, Event.CONCERN, Priority.URGENT, "event"),
        ({}, Event.CONCERN, Priority.ROUTINE, "rest"),
        ({"function": Function.GENERAL_PRACTICE}, Event.BIRTH, Priority.URGENT, "function"),
        ({"area_id": None}, None, Priority.STAT, "rest"),
    ],
)
def test_the_first_that_fits_counts(team, event, priority, name):
    owner = Team(
        **{"id": "x", "agency_id": "a", "function": Function.MIDWIFERY, "name": "X", "area_id": "north"} | team
    )
    assert chosen(RULES, owner, event, priority).name == name


TERMS = st.one_of(
    st.builds(working_days, st.integers(1, 20)), st.builds(lambda n: elapsed(minutes=n), st.integers(1, 9999))
)
RUNGS = st.builds(Rung, to=st.sampled_from(Target), wait=TERMS, needed=st.booleans())
CLOCKS = st.builds(
    Clocks,
    deliver_within=st.none() | TERMS,
    open_within=st.none() | TERMS,
    remind_before=st.none() | TERMS,
    lapse_after=st.none() | TERMS,
    rungs=st.lists(RUNGS, min_size=1, max_size=6).map(tuple),
)


@given(CLOCKS)
def test_what_is_kept_is_read_back(clocks):
    assert read(str(clocks), clocks.deliver_within and str(clocks.deliver_within)) == clocks


@given(CLOCKS)
def test_code_of_before_can_read_what_is_kept(clocks):
    """It takes every word but these for a rung's, and stops at one that names none."""
    words = {part.partition(" ")[0].removesuffix("?") for part in str(clocks).split("; ")}
    assert words <= {"open", "remind", "lapse", *Target}


@pytest.mark.parametrize(
    ("code", "given_for", "opening", "reminder"),
    [
        (TaskCode.ACKNOWLEDGE, timedelta(days=7), timedelta(days=2), timedelta(days=4)),
        (TaskCode.ACKNOWLEDGE, timedelta(days=2), None, timedelta(days=1)),  # due when it would have to be opened
        (TaskCode.ACKNOWLEDGE, timedelta(hours=20), None, None),  # reminded at once is no reminder
        (TaskCode.AGREED_ACTION, timedelta(days=7), None, timedelta(days=4)),
        (TaskCode.CONFIRM_CHILD, timedelta(days=7), None, None),
    ],
)
def test_when_a_routine_task_is_to_be_opened_and_its_team_reminded(code, given_for, opening, reminder):
    task = TaskWanted(code=code, owner="visitors", description="", due_at=NOW + given_for)
    times = set_for(task, POLICY.clocks[-1], EVERY_WEEKDAY, NOW)
    assert (times.open_by, times.remind_at) == (opening and NOW + opening, reminder and NOW + reminder)


def test_what_has_no_date_has_no_clocks():
    task = TaskWanted(code=TaskCode.TRANSFER, owner="visitors", description="", notification_id="n-1")
    times = set_for(task, POLICY.clocks[-1], EVERY_WEEKDAY, NOW)
    assert (times.deliver_by, times.open_by, times.remind_at) == (None, None, None)


@pytest.mark.parametrize(
    ("code", "given_for", "delivery"),
    [
        (TaskCode.ACKNOWLEDGE, timedelta(days=7), timedelta(days=1)),
        (TaskCode.TRANSFER, timedelta(days=7), timedelta(days=1)),
        (TaskCode.ACKNOWLEDGE, timedelta(days=1), None),  # past its date everybody is told anyway
        (TaskCode.AGREED_ACTION, timedelta(days=7), None),  # the team has set itself
        (TaskCode.CONFIRM_CHILD, timedelta(days=7), None),  # comes with its transfer
        (TaskCode.UNDELIVERABLE, timedelta(days=7), None),  # that of another would go on for ever
    ],
)
def test_by_when_a_routine_task_is_to_be_delivered(code, given_for, delivery):
    task = TaskWanted(code=code, owner="visitors", description="", notification_id="n-1", due_at=NOW + given_for)
    times = set_for(task, POLICY.clocks[-1], EVERY_WEEKDAY, NOW)
    assert times.deliver_by == (delivery and NOW + delivery)
    alone = set_for(replace(task, notification_id=None), POLICY.clocks[-1], EVERY_WEEKDAY, NOW)
    assert (alone.deliver_by, alone.deliver_within) == (None, None)


EASTER = Calendar(frozenset({date(2026, 4, 3), date(2026, 4, 6)}))


@pytest.mark.parametrize(
    ("priority", "begun", "delivery"),
    [
        # Working days, over the weekend at which the clocks change: nine o'clock stays nine o'clock.
        (Priority.ROUTINE, datetime(2026, 3, 27, 9, tzinfo=UTC), datetime(2026, 3, 30, 8, tzinfo=UTC)),
        (Priority.ROUTINE, datetime(2026, 4, 2, 10, tzinfo=UTC), datetime(2026, 4, 7, 10, tzinfo=UTC)),
        (Priority.ROUTINE, datetime(2026, 4, 2, 20, tzinfo=UTC), datetime(2026, 4, 8, 8, tzinfo=UTC)),
        # What is urgent runs through nights, bank holidays and the hour that is left out.
        (Priority.URGENT, datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (Priority.ASAP, datetime(2026, 4, 3, 23, 50, tzinfo=UTC), datetime(2026, 4, 4, 0, 5, tzinfo=UTC)),
        (Priority.STAT, datetime(2026, 4, 3, 23, 50, tzinfo=UTC), datetime(2026, 4, 4, 0, 5, tzinfo=UTC)),
    ],
)
def test_delivery_is_timed_in_the_areas_calendar(priority, begun, delivery):
    due_at = begun + (timedelta(hours=1) if priority is Priority.STAT else timedelta(days=20))
    task = TaskWanted(code=TaskCode.ACKNOWLEDGE, owner="x", description="", notification_id="n-1", due_at=due_at)
    rule = chosen(POLICY.clocks, TEAM, None, priority)
    assert set_for(task, rule, EASTER, begun).deliver_by == delivery


def test_everything_is_to_be_delivered_before_it_is_opened():
    for one in POLICY.clocks:
        delivery, opening = one.clocks.deliver_within, one.clocks.open_within
        assert delivery
        assert opening is None or delivery.at_least <= opening.at_least


def test_every_ladder_of_the_policy_ends_with_somebody_for_all_agencies():
    for function in Function:
        for priority in Priority:
            owner = Team(id="x", agency_id="a", function=function, name="X")
            last = chosen(POLICY.clocks, owner, None, priority).clocks.rungs[-1]
            assert last.to in LAST
            assert last.needed


DIRECTORIES = st.builds(
    lambda teams, partnership: Directory(
        teams={team.id: team for team in (TEAM, *teams)},
        coverage={("north", Function.PARTNERSHIP): "hub"} if partnership else {},
    ),
    st.lists(
        st.sampled_from(
            [
                Team(id="lead", agency_id="trust", function=Function.SAFEGUARDING_LEAD, name="Lead"),
                Team(id="lead", agency_id="trust", function=Function.SAFEGUARDING_LEAD, name="Lead", closed=True),
                Team(id="hub", agency_id="council", function=Function.PARTNERSHIP, name="Hub"),
                Team(id="hub", agency_id="council", function=Function.PARTNERSHIP, name="Hub", closed=True),
                Team(id="sender", agency_id="other", function=Function.MIDWIFERY, name="Sender"),
            ]
        ),
        unique_by=lambda team: team.id,
    ),
    st.booleans(),
)


@given(DIRECTORIES, st.sampled_from(POLICY.clocks), st.sampled_from([None, "sender", "gone"]))
def test_no_ladder_ends_in_silence(directory, clocks, waits):
    """Whatever the directory lacks: at its last rung somebody is told, or it is an incident that somebody owns."""
    told = whom(clocks.clocks.rungs[-1].to, TEAM, directory) or who_hears(TEAM, waits, directory)
    assert told.id in directory.teams
    assert not told.closed


def test_terms_of_a_rung_are_compared_by_what_they_are_at_least():
    assert Term(working_time=timedelta(hours=4)).at_least < working_days(1).at_least == elapsed(days=1).at_least
