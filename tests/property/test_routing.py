"""Whatever the household and the message: who may be told, how often, and that it is never silent."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from broker.domain.addressees import function_asked
from broker.domain.reasons import Why
from broker.domain.states import InvolvementState, MembershipState, PersonState, View
from broker.domain.world import KnownHousehold, KnownMembership, KnownPerson, World
from schemas.codes import Event, Function, Priority, Standing
from schemas.events import SPECS
from schemas.message import (
    Coding,
    Fact,
    Professional,
)
from tests.property.effort import TIMES
from tests.unit.domain.family import (
    NOW,
    PEOPLE,
    TEAMS,
    home,
    message,
    policy,
    routed,
    works,
    world,
)

EVERYBODY = tuple(PEOPLE)
WORKING = sorted(set(TEAMS) - {"partnership", "mash"})
UNIVERSAL = {
    Function.MIDWIFERY,
    Function.HEALTH_VISITING,
    Function.GENERAL_PRACTICE,
    Function.SCHOOL_NURSING,
}


@st.composite
def households(draw):
    """Some of the people in one home, and one perhaps in another too."""
    inside = draw(st.lists(st.sampled_from(EVERYBODY), min_size=1, unique=True))
    homes = [home(*inside)]
    if draw(st.booleans()):
        standing = draw(st.sampled_from([Standing.LIVES, Standing.SHARED_CARE]))
        homes.append(home(draw(st.sampled_from(inside)), called="elsewhere", area="sandwell", standing=standing))
    return homes, inside


works_of = st.builds(
    lambda team, person, state, age: works(team, person, state=state, renewed=NOW - timedelta(days=age)),
    st.sampled_from(WORKING),
    st.sampled_from(EVERYBODY),
    st.sampled_from([InvolvementState.CONFIRMED, InvolvementState.CONFIRMED, InvolvementState.UNCONFIRMED]),
    st.integers(0, 1000),
)

simple_facts = st.lists(
    st.sampled_from(
        [
            Fact(code="staff-safety", value="Visit in pairs"),
            Fact(code="risk-to-others-at-home", value="Shouts"),
            Fact(code="recall", value=Coding(system="s", code="raised")),
            Fact(code="suspected-source-of-harm", value=True, about="father"),
            Fact(code="diagnosis", value="Psychosis", about="grandfather"),
        ]
    ),
    max_size=3,
    unique=True,
)


@st.composite
def settings_of_a_message(draw):
    """A message and the world it meets."""
    homes, inside = draw(households())
    subjects = draw(st.lists(st.sampled_from(inside), min_size=1, max_size=2, unique=True))
    event = draw(st.sampled_from(list(Event)))
    kinds = SPECS[event].kinds
    what = message(
        event.value,
        *subjects,
        kind=draw(st.sampled_from([None, *kinds.values.codes])) if kinds else None,
        sender=draw(st.sampled_from(sorted(TEAMS))),
        facts=draw(simple_facts),
        to=tuple(draw(st.lists(st.sampled_from([*sorted(TEAMS), "unheard-of"]), max_size=2, unique=True))),
        labels=frozenset(draw(st.sets(st.sampled_from(["NOPAT", "held-for-release", "addressed-only"]), max_size=1))),
        priority=draw(st.sampled_from(list(Priority))),
        author=draw(st.sampled_from([None, Professional(name="Ada Able", role="midwife")])),
    )
    work = {(i.team_id, i.person_id): i for i in draw(st.lists(works_of, max_size=8))}
    return what, world(*homes, work=work.values())


def decided(decision):
    """Team → its one decision."""
    return {one.team_id: one for one in (*decision.told, *decision.withheld)}


@settings(max_examples=150 * TIMES, deadline=None)
@given(settings_of_a_message())
def test_every_team_that_works_there_has_exactly_one_decision_and_the_sender_none(case):
    what, known = case
    decision = routed(what, known)
    rows = [one.team_id for one in (*decision.told, *decision.withheld)]
    assert len(rows) == len(set(rows))
    assert what.sender not in rows
    concerned = set(what.subjects)
    for household in decision.households:
        members = known.members_of(household)
        assert set(what.subjects) & set(members)
    working = {i.team_id for i in known.involvements if i.person_id in concerned} - {what.sender}
    assert working <= set(rows)
    assert all(one.reason and one.reason_code for one in (*decision.told, *decision.withheld))


@settings(max_examples=150 * TIMES, deadline=None)
@given(settings_of_a_message())
def test_nobody_is_told_who_has_no_part_in_it(case):
    what, known = case
    people = set(what.subjects)
    for subject in what.subjects:
        for household in known.households_of(subject):
            people |= set(known.members_of(household))
    working = {i.team_id for i in known.involvements if i.person_id in people}
    added = {
        function for line in policy().events[what.event].tell if ".add." in line.rule for function in line.functions
    }
    for one in routed(what, known).told:
        function = TEAMS[one.team_id].function
        addressed = one.team_id in what.to or function is function_asked(what)
        assert one.team_id in working or addressed or function in UNIVERSAL or function in added


@settings(max_examples=150 * TIMES, deadline=None)
@given(settings_of_a_message(), st.sampled_from(WORKING), st.integers(0, 300))
def test_a_team_that_works_with_nobody_there_changes_nothing_for_others(case, team, age):
    what, known = case
    assume("stranger" not in known.people)
    stranger = KnownPerson(id="stranger", state=PersonState.LIVING, born=date(2020, 1, 1))
    apart = replace(
        known,
        people={**known.people, "stranger": stranger},
        households={**known.households, "far": KnownHousehold(id="far", version=1, area_id="birmingham")},
        memberships=(
            *known.memberships,
            KnownMembership(
                household_id="far", person_id="stranger", standing=Standing.LIVES, state=MembershipState.CURRENT
            ),
        ),
        involvements=(*known.involvements, works(team, "stranger", renewed=NOW - timedelta(days=age))),
    )
    assert routed(what, apart) == routed(what, known)


@settings(max_examples=100 * TIMES, deadline=None)
@given(settings_of_a_message(), st.randoms(use_true_random=False))
def test_the_decision_does_not_hang_on_the_order_in_which_things_are_known(case, random):
    what, known = case

    def shuffled(rows):
        rows = list(rows)
        random.shuffle(rows)
        return tuple(rows)

    other = World(
        people=dict(shuffled(known.people.items())),
        households=dict(shuffled(known.households.items())),
        memberships=shuffled(known.memberships),
        relationships=shuffled(known.relationships),
        involvements=shuffled(known.involvements),
    )
    one, two = routed(what, known), routed(what, other)
    assert {k: (v.view, v.reason_code) for k, v in decided(one).items()} == {
        k: (v.view, v.reason_code) for k, v in decided(two).items()
    }
    assert [(t.team_id, t.purpose, t.due_at, t.state, t.known_to_sender) for t in one.told] == [
        (t.team_id, t.purpose, t.due_at, t.state, t.known_to_sender) for t in two.told
    ]
    assert sorted(t.dedupe_key or "" for t in one.tasks) == sorted(t.dedupe_key or "" for t in two.tasks)


@settings(max_examples=150 * TIMES, deadline=None)
@given(settings_of_a_message())
def test_no_task_is_without_an_owner_a_date_or_a_key_and_none_tells_a_name(case):
    what, known = case
    for task in routed(what, known).tasks:
        assert task.owner in TEAMS
        assert task.due_at is not None
        assert task.due_at > NOW
        assert task.dedupe_key
        assert not any(p.family and p.family in task.description for p in PEOPLE.values())


@settings(max_examples=150 * TIMES, deadline=None)
@given(settings_of_a_message())
def test_whoever_is_not_child_facing_sees_no_more_than_safety_or_a_pointer_of_others(case):
    what, known = case
    groups = policy().groups
    for one in routed(what, known).told:
        if one.reason_code in (Why.INVOLVED_IN_HOUSEHOLD, Why.INVOLVED_WITH_CHILD):
            child_facing = groups[TEAMS[one.team_id].function].value == "child-facing"
            assert child_facing or one.view in (View.SAFETY, View.POINTER, View.EXISTENCE, View.ENDED)


@settings(max_examples=100 * TIMES, deadline=None)
@given(settings_of_a_message())
def test_a_message_that_reaches_nobody_is_never_silent_unless_the_policy_accepts_it(case):
    what, known = case
    decision = routed(what, known)
    rules = policy().events[what.event]
    quiet = rules.nobody.value != "incident" or {one.reason_code for one in decision.withheld} & {
        "sealed",
        "pregnancy-ended",
    }
    if not decision.told and not quiet:
        assert any(task.code.value == "undeliverable" for task in decision.tasks)
