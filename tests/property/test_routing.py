"""Whatever the household, the message and the policy's line: who may be told, how often, and what a copy may hold."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from broker.domain.reasons import Why
from broker.domain.rules import About
from broker.domain.sharing import render
from broker.domain.states import InvolvementState, MembershipState, PersonState, View
from broker.domain.world import KnownHousehold, KnownIdentifier, KnownMembership, KnownPerson, World
from schemas import content
from schemas.codes import Category, Event, Function, LawfulBasis, Priority, RelationshipKind, Standing
from schemas.events import FACTS, SPECS, FactType, category_of
from schemas.identifiers import CRN, NHS_NUMBER, local_system
from schemas.message import (
    Coding,
    Fact,
    HouseholdMember,
    Identifier,
    Message,
    Person,
    PostalAddress,
    Professional,
    Relationship,
)
from tests.unit.domain.family import (
    DIRECTORY,
    KIN,
    LONG_AGO,
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
        homes.append(home(draw(st.sampled_from(inside)), id="elsewhere", area="sandwell", standing=standing))
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


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=300, deadline=None)
@given(settings_of_a_message())
def test_nobody_is_told_who_has_no_part_in_it(case):
    what, known = case
    people = set(what.subjects)
    for subject in what.subjects:
        for household in known.households_of(subject):
            people |= set(known.members_of(household))
    working = {i.team_id for i in known.involvements if i.person_id in people}
    added = {
        function
        for line in policy().events[what.event].tell
        if ".add." in line.rule
        for function in line.functions
    }
    for one in routed(what, known).told:
        function = TEAMS[one.team_id].function
        assert one.team_id in working or one.team_id in what.to or function in UNIVERSAL or function in added


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=200, deadline=None)
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


@settings(max_examples=300, deadline=None)
@given(settings_of_a_message())
def test_no_task_is_without_an_owner_a_date_or_a_key_and_none_tells_a_name(case):
    what, known = case
    for task in routed(what, known).tasks:
        assert task.owner in TEAMS
        assert task.due_at is not None
        assert task.due_at > NOW
        assert task.dedupe_key
        assert not any(p.family and p.family in task.description for p in PEOPLE.values())


@settings(max_examples=300, deadline=None)
@given(settings_of_a_message())
def test_whoever_is_not_child_facing_sees_no_more_than_safety_or_a_pointer_of_others(case):
    what, known = case
    groups = policy().groups
    for one in routed(what, known).told:
        if one.reason_code in (Why.INVOLVED_IN_HOUSEHOLD, Why.INVOLVED_WITH_CHILD):
            child_facing = groups[TEAMS[one.team_id].function].value == "child-facing"
            assert child_facing or one.view in (View.SAFETY, View.POINTER, View.EXISTENCE, View.ENDED)


@settings(max_examples=200, deadline=None)
@given(settings_of_a_message())
def test_a_message_that_reaches_nobody_is_never_silent_unless_the_policy_accepts_it(case):
    what, known = case
    decision = routed(what, known)
    rules = policy().events[what.event]
    quiet = rules.nobody.value != "incident" or {one.reason_code for one in decision.withheld} & {"sealed", "pregnancy-ended"}
    if not decision.told and not quiet:
        assert any(task.code.value == "undeliverable" for task in decision.tasks)


# --- what a copy may hold

_ADULTS = ("mother", "father", "grandfather")


CANARY = re.compile(r"canary-[a-z0-9-]+")


def canary(*parts):
    """A text that stands nowhere else."""
    return "canary-" + "-".join(parts)


def _value(code, person, count):
    spec = FACTS[code]
    if spec.type is FactType.BOOLEAN:
        return True
    if spec.type is FactType.INTEGER:
        return 7_000_000 + count
    if spec.type is FactType.QUANTITY:
        return Decimal(8_000_000 + count)
    if spec.type is FactType.DATE:
        return date(1900, 1, 1) + timedelta(days=count)
    if spec.type is FactType.DATETIME:
        return datetime(1901, 1, 1, tzinfo=UTC) + timedelta(days=count)
    if spec.type is FactType.CODE:
        return Coding(system="canary", code=canary(code, person))
    return canary(code, person)


def _people():
    for id_, known in PEOPLE.items():
        yield Person(
            key=id_,
            identifiers=(
                Identifier(system=NHS_NUMBER, value=canary("nhs", id_)),
                Identifier(system=CRN, value=canary("crn", id_)),
                Identifier(system=local_system("mental-trust"), value=canary("local", id_)),
            ),
            family=canary("family", id_),
            given=(canary("given", id_),),
            birth_date=known.born,
            unborn=known.state is PersonState.UNBORN,
            expected=known.expected,
            addresses=(PostalAddress(lines=(canary("address", id_),), postcode=canary("postcode", id_)),),
            practice=canary("practice", id_),
        )


def loaded(event, *subjects):
    """A message that says everything about everybody, each thing in its own words; and what each fact is."""
    facts = tuple(
        Fact(code=code, value=_value(code, person, index * 10 + offset), about=person)
        for index, code in enumerate(FACTS)
        for offset, person in enumerate(("baby", "grandfather", "father"))
        if code not in ("suspected-source-of-harm", "independently-mobile")
    )
    kinds = SPECS[event].kinds
    return Message(
        id="message-1",
        event=event,
        sender="cmht",
        occurred=datetime(1999, 9, 9, 9, 9, tzinfo=UTC),
        sent=datetime(1999, 9, 9, 9, 10, tzinfo=UTC),
        kind=next(iter(kinds.values.codes)) if kinds else None,
        subjects=subjects,
        people=tuple(_people()),
        relationships=tuple(Relationship(person=r.person_id, kind=r.kind, to=r.to) for r in KIN),
        household=tuple(HouseholdMember(person=id_, since=date(1902, 1, 1)) for id_ in PEOPLE),
        facts=facts,
        author=Professional(name=canary("author"), role="psychiatrist"),
        basis=LawfulBasis.CHILDREN_ACT_2004_S11,
        to=("police", "social-care"),
        reference=canary("reference"),
        conversation=canary("conversation"),
        labels=frozenset({"held-for-release", "secret-label"}),
    )


def full_world(*work):
    """Everybody in one home, known under other words than the message's."""
    known = world(home(*EVERYBODY), work=work)
    people = {
        id_: replace(
            person,
            family=canary("known-family", id_),
            identifiers=(
                KnownIdentifier(system=NHS_NUMBER, value=canary("known-nhs", id_), valid=True, verified=None, asserted_by="cmht"),
            ),
        )
        for id_, person in known.people.items()
    }
    return replace(known, people=people)


def rendered(what, known, team, view, reason_code):
    """The copy, as value and as text."""
    seen = render(
        what,
        TEAMS[team],
        view,
        reason_code=reason_code,
        world=known,
        directory=DIRECTORY,
        policy=policy(),
        told_at=NOW,
    )
    return seen, content.dump(seen).decode()


def _client_of(function):
    if function in (Function.MENTAL_HEALTH, Function.PROBATION, Function.PRISON, Function.SUBSTANCE_MISUSE, Function.POLICE):
        return "father"
    return "baby"


# The message comes from `cmht`, so the other team of that function reads it.
ONE_TEAM_A_FUNCTION = {team.function: team.id for team in reversed(TEAMS.values()) if team.id != "cmht"}


def _subject(event):
    rules = policy().events[event]
    return "mother" if rules.pregnancy else "baby" if rules.about is About.CHILD else "grandfather"


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("view", list(View))
def test_no_copy_holds_anything_of_a_category_that_its_view_lacks(event, view):
    what = loaded(event, _subject(event))
    lacking = {fact for fact in what.facts if category_of(what, fact) not in policy().views[view]}
    unsaid = {fact.value for fact in lacking if isinstance(fact.value, str)}
    restricted = {fact for fact in lacking if category_of(what, fact) is Category.RESTRICTED}
    told_what = Category.EVENT in policy().views[view]
    for function, team in ONE_TEAM_A_FUNCTION.items():
        known = full_world(works(team, _client_of(function), renewed=LONG_AGO))
        reason = Why.INVOLVED_WITH_CHILD if _client_of(function) == "baby" else Why.INVOLVED_IN_HOUSEHOLD
        seen, text = rendered(what, known, team, view, reason.value)
        may = restricted if function in policy().hold.free else set()
        kept = {(one.code, one.value) for one in seen.facts}
        assert not kept & {(one.code, one.value) for one in lacking - may}, function
        assert not set(CANARY.findall(text)) & unsaid, function
        if Category.LOCATION not in policy().views[view]:
            assert "canary-address" not in text
            assert "canary-practice" not in text
        if Category.HOUSEHOLD not in policy().views[view]:
            assert seen.household == ()
        if not told_what:
            assert "1999" not in text
            assert canary("conversation") not in text
            assert canary("author") not in text
            assert seen.sender is None
            assert seen.event in (Event.INFORMATION, Event.PREGNANCY_END)
            assert seen.kind is None
        assert "secret-label" not in seen.labels
        assert set(seen.to) <= {team}


@pytest.mark.parametrize("event", list(Event))
def test_no_copy_for_an_adult_only_function_names_anybody_but_its_own_client(event):
    what = loaded(event, "mother", "baby")
    for team in ("probation", "drugs", "prison", "police", "housing", "refuge", "other-cmht"):
        known = full_world(works(team, "father", renewed=LONG_AGO))
        for view in View:
            seen, text = rendered(what, known, team, view, Why.INVOLVED_IN_HOUSEHOLD.value)
            assert {person.key for person in seen.people} <= {"father"}
            for other in set(PEOPLE) - {"father"}:
                assert canary("family", other) not in text
                assert canary("nhs", other) not in text
            of_others = {f.code for f in seen.facts if f.about not in (None, "father")}
            assert not of_others
            if view in (View.FULL, View.RISK):
                about_nobody = [f for f in seen.facts if f.about is None]
                assert all(FACTS[f.code].category is Category.STAFF_SAFETY for f in about_nobody)


@pytest.mark.parametrize("event", list(Event))
def test_no_copy_for_a_child_facing_function_holds_an_adults_record_or_case_number(event):
    what = loaded(event, _subject(event))
    for team in ("visitors", "midwives", "school-nurses", "social-care", "practice"):
        known = full_world(works(team, "baby", renewed=LONG_AGO))
        for view in View:
            seen, text = rendered(what, known, team, view, Why.INVOLVED_WITH_CHILD.value)
            of_adults = {category_of(what, f) for f in seen.facts if f.about in _ADULTS}
            assert not of_adults & {Category.HEALTH, Category.OFFENCE, Category.RESTRICTED}
            assert "canary-crn" not in text
            assert "canary-local" not in text
            for adult in _ADULTS:
                assert canary("nhs", adult) not in text or adult == "mother"


@pytest.mark.parametrize("event", list(Event))
def test_no_copy_holds_a_protected_place_or_who_would_tell_of_it(event):
    what = loaded(event, "baby")
    hidden = replace(
        what,
        people=tuple(
            replace(person, addresses=tuple(replace(a, protected=True) for a in person.addresses)) for person in what.people
        ),
    )
    for function, team in ONE_TEAM_A_FUNCTION.items():
        known = full_world(works(team, _client_of(function), renewed=LONG_AGO))
        for view in View:
            seen, text = rendered(hidden, known, team, view, Why.INVOLVED_WITH_SUBJECT.value)
            assert "canary-address" not in text
            assert "canary-practice" not in text
            assert canary("author") not in text
            assert seen.sender is None
            assert "The visitors team" not in text


def test_relationships_of_a_copy_are_between_people_it_names():
    what = loaded(Event.CONCERN, "baby")
    known = full_world(works("visitors", "baby", renewed=LONG_AGO))
    for view in View:
        seen, _ = rendered(what, known, "visitors", view, Why.INVOLVED_WITH_SUBJECT.value)
        named = {person.key for person in seen.people}
        assert {key for r in seen.relationships for key in (r.person, r.to)} <= named
        assert set(seen.subjects) <= named
        assert {f.about for f in seen.facts} - {None} <= named
        assert (RelationshipKind.MOTHER in {r.kind for r in seen.relationships}) == (view in (View.FULL, View.RISK) and "mother" in named)
