"""Whom a transfer covers, what is missing of each, and what the whole has come to."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain import transfers
from broker.domain.reasons import Why
from broker.domain.sharing import Told
from broker.domain.situation import situation
from broker.domain.states import DeliveryState, PersonState, Purpose, View
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.transfers import Line, Part, Supplied
from broker.domain.world import KnownRelationship
from schemas.codes import Event, Function, RelationshipKind, TaskStatus
from schemas.message import HouseholdMember
from tests.unit.domain.family import DIRECTORY, KIN, NOW, PEOPLE, TEAMS, fact, home, message, policy, said, works, world

SENDER, RECEIVER = "visitors", "visitors-sandwell"
RULES = policy().transfers


def a_transfer(*subjects, facts=(), event="transfer", **other):
    return message(
        event, *subjects, sender=SENDER, to=(RECEIVER,), people=[said(s) for s in subjects], facts=facts, **other
    )


def lines(what, known, holders=None, now=NOW):
    """The lines of a transfer, by person."""
    met = situation(what, known, policy(), TEAMS[SENDER], now)
    rule = RULES.rule(what.event, TEAMS[SENDER].function, TEAMS[RECEIVER].function)
    covered = transfers.persons(met, rule)
    found = transfers.lines(met, rule, covered, receiver=RECEIVER, holders=holders or {}, now=now)
    return {line.person_id: line for line in found}


FAMILY = world(home("mother", "baby", "sibling", "unborn"), kin=KIN, work=[works(SENDER, "baby")])


def test_every_child_of_the_household_has_a_line_named_or_not():
    found = lines(a_transfer("baby"), FAMILY)
    assert {person: line.supplied for person, line in found.items()} == {
        "baby": Supplied.NAMED,
        "sibling": Supplied.NOTHING,
        "unborn": Supplied.NOTHING,
    }
    assert next(iter(found)) == "baby"  # those whom the sender names come first


def test_the_children_it_is_about_come_first_and_an_adult_it_is_about_is_no_line_of_a_childs_transfer():
    assert list(lines(a_transfer("mother", "sibling"), FAMILY)) == ["sibling", "baby", "unborn"]


def test_midwifery_hands_over_those_who_are_born():
    discharge = message("maternity-discharge", "baby", sender="midwives", to=(RECEIVER,), people=[said("baby")])
    met = situation(discharge, FAMILY, policy(), TEAMS["midwives"], NOW)
    rule = RULES.rule(Event.MATERNITY_DISCHARGE, Function.MIDWIFERY, Function.HEALTH_VISITING)
    assert transfers.persons(met, rule) == ("baby", "sibling")


def test_whoever_only_stands_in_a_fact_is_named():
    found = lines(a_transfer("baby", facts=[fact("care-summary", "Well.", "sibling")]), FAMILY)
    assert found["sibling"].supplied is Supplied.NAMED


@pytest.mark.parametrize(
    ("holder", "supplied", "named"),
    [
        (None, Supplied.NOTHING, None),
        (SENDER, Supplied.NOTHING, None),
        (RECEIVER, Supplied.HERE, None),
        ("visitors-leeds", Supplied.ELSEWHERE, "visitors-leeds"),
    ],
)
def test_who_is_responsible_for_a_sibling_shows(holder, supplied, named):
    line = lines(a_transfer("baby"), FAMILY, {"sibling": holder})["sibling"]
    assert (line.supplied, line.holder) == (supplied, named)


@pytest.mark.parametrize("state", [PersonState.DIED, PersonState.SEALED, PersonState.PREGNANCY_ENDED])
def test_nobody_is_handed_over_who_is_no_longer_under_this_record(state):
    gone = world(home("mother", "baby", "sibling"), kin=KIN, work=[works(SENDER, "baby")], sibling={"state": state})
    assert "sibling" not in lines(a_transfer("baby"), gone)


def test_what_is_missing_depends_on_the_age():
    """Nobody asks for the feeding of a child of eight, or for anything of a child who is not born."""
    found = lines(a_transfer("baby"), FAMILY)
    assert found["baby"].missing == (
        "weights",
        "feeding",
        "immunisations",
        "concerns, or that there are none",
        "level of service",
    )
    assert found["sibling"].missing == ("concerns, or that there are none",)
    assert found["unborn"].missing == ()


def test_any_one_of_the_facts_meets_a_need_and_of_one_subject_no_name_is_needed():
    facts = [fact("centile", 25, "baby"), fact("feeding-detail", "Formula", "baby"), fact("concerns", False)]
    assert lines(a_transfer("baby", facts=facts), FAMILY)["baby"].missing == ("immunisations", "level of service")


def test_what_the_receiver_needs_of_the_home():
    rule = RULES.rule(Event.TRANSFER, Function.HEALTH_VISITING, Function.HEALTH_VISITING)
    bare = a_transfer("baby")
    assert transfers.missing_at_home(bare, rule) == (
        "who lives there",
        "safety of visiting staff, or that nothing is known",
    )
    told = replace(bare, household=(HouseholdMember(person="baby"),), facts=(fact("staff-safety", "None known", None),))
    assert transfers.missing_at_home(told, rule) == ()


@pytest.mark.parametrize(
    ("event", "sender", "receiver", "name"),
    [
        ("maternity-discharge", "midwifery", "health-visiting", "maternity-to-health-visiting"),
        ("maternity-discharge", "midwifery", "general-practice", None),
        ("transfer", "midwifery", "family-nurse-partnership", "maternity-to-health-visiting"),
        ("transfer", "health-visiting", "school-nursing", "health-visiting-to-another-area"),
        ("transfer", "probation", "probation", "supervision"),
        ("transfer", "childrens-social-care", "early-help", "children"),
        ("transfer", "mental-health", "mental-health", "adults"),
        ("birth", "midwifery", "health-visiting", None),
    ],
)
def test_kinds_of_transfer(event, sender, receiver, name):
    rule = RULES.rule(Event(event), Function(sender), Function(receiver))
    assert (rule and rule.name) == name


def test_of_adults_those_whom_it_is_about():
    said_of = message("transfer", "father", sender="probation", to=("probation-birmingham",), people=[said("father")])
    met = situation(said_of, world(home("father", "baby"), kin=KIN), policy(), TEAMS["probation"], NOW)
    rule = RULES.rule(Event.TRANSFER, Function.PROBATION, Function.PROBATION)
    assert transfers.persons(met, rule) == ("father",)


# --- the whole -------------------------------------------------------------------------------------------------------

OPEN = Part(TaskStatus.RECEIVED, None)
YES = Part(TaskStatus.COMPLETED, None)
NO = Part(TaskStatus.REJECTED, None)
OUT = Part(TaskStatus.CANCELLED, BusinessStatus.EXCLUDED)
KEPT = Part(TaskStatus.ON_HOLD, BusinessStatus.CARETAKING)
HERE = Part(TaskStatus.COMPLETED, BusinessStatus.HELD_HERE)
GONE = Part(TaskStatus.CANCELLED, BusinessStatus.NO_LONGER_CURRENT)


@pytest.mark.parametrize(
    ("parts", "undecided", "expected"),
    [
        ([OPEN, OPEN], False, None),
        ([OPEN, HERE], False, None),
        ([OPEN, GONE], False, None),
        ([OPEN, YES], False, ("in-progress", "partly-confirmed")),
        ([OPEN, NO], False, ("in-progress", None)),
        ([OPEN, KEPT], False, ("in-progress", None)),
        ([YES, KEPT], False, ("in-progress", "partly-confirmed")),
        ([YES, YES], False, ("completed", None)),
        ([YES, OUT], False, ("completed", None)),
        ([HERE, HERE], False, ("completed", None)),
        ([YES, YES], True, ("in-progress", "awaiting-sender")),
        ([YES, NO], False, ("rejected", "partly-confirmed")),
        ([NO, NO], False, ("rejected", None)),
        ([OUT, OUT], False, ("cancelled", None)),
        ([GONE], False, ("cancelled", None)),
    ],
)
def test_what_a_transfer_has_come_to(parts, undecided, expected):
    assert transfers.whole(parts, undecided=undecided) == expected


PARTS = st.lists(st.sampled_from([OPEN, YES, NO, OUT, KEPT, HERE, GONE]), min_size=1, max_size=6)


@given(parts=PARTS, undecided=st.booleans())
def test_it_is_complete_only_when_everybody_is_confirmed_or_left_out(parts, undecided):
    """Invariant 5."""
    found = transfers.whole(parts, undecided=undecided)
    complete = found is not None and found[0] is TaskStatus.COMPLETED
    settled = all(part in (YES, OUT, HERE, GONE) for part in parts) and any(part in (YES, HERE) for part in parts)
    assert complete == (settled and not undecided)
    ended = found is not None and found[0] in TERMINAL
    assert not ended or all(part.status in TERMINAL for part in parts)


@given(parts=PARTS)
def test_the_review_date_is_the_one_to_keep_only_when_nobody_else_waits(parts):
    waiting = [part for part in parts if part.status not in TERMINAL]
    assert transfers.in_hand(parts) == (bool(waiting) and all(part is KEPT for part in waiting))


def test_the_age_that_counts_is_that_at_the_time():
    later = NOW + timedelta(days=800)
    assert "weights" not in lines(a_transfer("baby"), FAMILY, now=later)["baby"].missing


# --- who receives ----------------------------------------------------------------------------------------------------


def received(what, *told_teams, sender=SENDER):
    """The receivers of a message → the name of the kind of transfer."""
    found = transfers.receivers(what, TEAMS[sender], told_teams, DIRECTORY, RULES)
    return {team: rule.name for team, rule in found.items()}


def told_team(team, **how):
    values = {"purpose": Purpose.ACTION, "view": View.FULL, "reason_code": Why.ADDRESSED.value, "reason": "", **how}
    return Told(team_id=team, **values)


def test_those_addressed_for_action_are_asked_to_take_over():
    what = a_transfer("baby")
    assert received(what, told_team(RECEIVER)) == {RECEIVER: "health-visiting-to-another-area"}
    assert received(what, told_team(RECEIVER, purpose=Purpose.INFORMATION)) == {}
    assert received(what, told_team(RECEIVER, state=DeliveryState.HELD)) == {}, "not before it is released"
    assert received(what, told_team("school-nurses")) == {}, "told, and not addressed"
    assert received(what, told_team("school-nurses"), told_team(RECEIVER)) == {
        RECEIVER: "health-visiting-to-another-area"
    }


def test_a_transfer_to_a_function_asks_its_teams():
    what = message("transfer", "baby", sender=SENDER, kind="health-visiting")
    assert received(what, told_team(RECEIVER), told_team("family-nurses")) == {
        RECEIVER: "health-visiting-to-another-area"
    }


def test_a_discharge_goes_to_one_team_that_works_with_the_child_before_one_that_serves_the_area():
    discharge = message("maternity-discharge", "baby", sender="midwives")
    serves = told_team("visitors", reason_code=Why.UNIVERSAL_SERVICE.value)
    works_there = told_team("visitors-sandwell", reason_code=Why.INVOLVED_WITH_CHILD.value)
    another = told_team("family-nurses", reason_code=Why.INVOLVED_WITH_CHILD.value)
    kind = "maternity-to-health-visiting"
    assert received(discharge, serves, sender="midwives") == {"visitors": kind}
    assert received(discharge, serves, works_there, sender="midwives") == {"visitors-sandwell": kind}
    assert received(discharge, works_there, another, sender="midwives") == {"family-nurses": kind}
    addressed = replace(discharge, to=("visitors",))
    assert received(addressed, serves, works_there, sender="midwives") == {"visitors": kind}
    assert received(discharge, told_team("police"), sender="midwives") == {}


# --- whom it names, and who is left to be asked -------------------------------------------------------------------------


def test_children_who_may_not_be_named_yet_are_undecided_and_have_no_line_until_the_lead_agrees():
    apart = world(
        home("mother", "baby", "sibling", "unborn"),
        kin=[r for r in KIN if r.to != "sibling"],
        work=[works(SENDER, "baby")],
    )
    apart = replace(
        apart,
        relationships=(
            *apart.relationships,
            KnownRelationship(person_id="grandmother", kind=RelationshipKind.MOTHER, to="sibling"),
        ),
    )
    met = situation(a_transfer("baby"), apart, policy(), TEAMS[SENDER], NOW)
    children = RULES.rule(Event.TRANSFER, Function.HEALTH_VISITING, Function.HEALTH_VISITING)
    adults = RULES.rule(Event.TRANSFER, Function.PROBATION, Function.PROBATION)
    assert transfers.undecided(met, children) == {"sibling"}
    assert transfers.undecided(met, adults) == frozenset(), "adults are named by the transfer itself"
    assert transfers.persons(met, children) == ("baby", "unborn")
    assert transfers.persons(met, children, agreed={"sibling"}) == ("baby", "sibling", "unborn")


def test_nobody_is_undecided_where_all_are_one_family():
    met = situation(a_transfer("baby"), FAMILY, policy(), TEAMS[SENDER], NOW)
    assert (
        transfers.undecided(met, RULES.rule(Event.TRANSFER, TEAMS[SENDER].function, TEAMS[RECEIVER].function)) == set()
    )


@pytest.mark.parametrize(
    ("state", "lives"),
    [
        (PersonState.LIVING, True),
        (PersonState.UNBORN, True),
        (PersonState.DIED, False),
        (PersonState.PREGNANCY_ENDED, False),
        (PersonState.SEALED, False),
        (PersonState.MERGED, False),
    ],
)
def test_who_can_still_be_handed_over(state, lives):
    assert transfers.lives(replace(PEOPLE["father"], state=state)) is lives
    assert transfers.lives(None) is False


def test_an_adult_who_is_gone_is_not_handed_over():
    said_of = message("transfer", "father", "mother", sender="probation", to=("probation-london",))
    known = world(home("father", "mother"), father={"state": PersonState.DIED})
    met = situation(said_of, known, policy(), TEAMS["probation"], NOW)
    assert transfers.persons(met, RULES.rule(Event.TRANSFER, Function.PROBATION, Function.PROBATION)) == ("mother",)


def test_of_whom_a_message_says_anything():
    what = a_transfer("baby", facts=[fact("concerns", False, "sibling"), fact("staff-safety", "None known")])
    assert transfers.told_of(what) == {"baby", "sibling"}


# --- what is still missing ----------------------------------------------------------------------------------------------

NEEDS = RULES.rule(Event.TRANSFER, Function.HEALTH_VISITING, Function.HEALTH_VISITING)


@pytest.mark.parametrize(
    ("said_later", "left"),
    [
        ([], ("weights", "feeding", "level of service")),
        (["centile"], ("feeding", "level of service")),
        (["weight", "feeding-detail"], ("level of service",)),
        (["weight", "feeding", "level-of-service"], ()),
        (["birth-weight"], ("weights", "feeding", "level of service")),
    ],
)
def test_what_is_supplied_later_is_no_longer_missing(said_later, left):
    assert transfers.still_missing(NEEDS, ("weights", "feeding", "level of service"), said_later) == left


def test_a_need_of_a_person_ends_with_its_age_to_the_day_and_counts_while_no_age_is_known():
    def needs(age):
        born = None if age is None else (NOW - timedelta(days=age)).date()
        known = replace(PEOPLE["baby"], born=born)
        return list(transfers.missing_of(a_transfer("baby"), NEEDS, known, "baby", NOW))

    assert "feeding" in needs(364)
    assert "feeding" not in needs(365)
    assert needs(None) == needs(1)
    assert list(transfers.missing_of(a_transfer("baby"), NEEDS, None, "baby", NOW)) == needs(1)


def test_a_fact_about_nobody_in_particular_is_about_the_only_subject():
    whole = [fact("concerns", False)]
    assert "concerns, or that there are none" not in lines(a_transfer("baby", facts=whole), FAMILY)["baby"].missing
    both = lines(a_transfer("baby", "sibling", facts=whole), FAMILY)
    assert "concerns, or that there are none" in both["baby"].missing
    assert "concerns, or that there are none" in both["sibling"].missing


# --- lines that ended by themselves -------------------------------------------------------------------------------------

LEFT = Part(TaskStatus.CANCELLED, BusinessStatus.LEFT_HOUSEHOLD)


@pytest.mark.parametrize(
    ("part", "by_itself"),
    [
        (HERE, True),
        (LEFT, True),
        (GONE, True),
        (YES, False),
        (NO, False),
        (OUT, False),
        (OPEN, False),
        (KEPT, False),
        (Part(TaskStatus.RECEIVED, BusinessStatus.LEFT_HOUSEHOLD), False),
    ],
)
def test_a_line_that_ended_by_what_became_of_the_person(part, by_itself):
    assert transfers.ended_by_itself(part) is by_itself


@pytest.mark.parametrize(
    ("supplied", "part", "again"),
    [
        (Supplied.NOTHING, LEFT, True),
        (Supplied.NAMED, GONE, True),
        (Supplied.ELSEWHERE, LEFT, True),
        (Supplied.HERE, LEFT, False),  # the receiver has them
        (Supplied.HERE, HERE, False),
        (Supplied.NAMED, HERE, True),  # the registration was none
        (Supplied.ELSEWHERE, HERE, False),  # a third team has them
        (Supplied.NAMED, YES, False),  # an answer is an answer
        (Supplied.NAMED, OPEN, False),
    ],
)
def test_who_comes_back_is_asked_about_again(supplied, part, again):
    assert transfers.asked_again(Line(person_id="baby", supplied=supplied), part) is again


@pytest.mark.parametrize(
    "status", [BusinessStatus.CARETAKING, BusinessStatus.EXCLUSION_PROPOSED, BusinessStatus.EXCLUSION_REFUSED]
)
def test_what_is_in_hand_is_an_answer(status):
    assert transfers.whole([OPEN, Part(TaskStatus.ON_HOLD, status)], undecided=False) == ("in-progress", None)
    assert transfers.whole([OPEN, Part(TaskStatus.ON_HOLD, BusinessStatus.QUESTION_ASKED)], undecided=False) is None


def test_nothing_is_in_hand_where_nothing_is_open():
    assert not transfers.in_hand([])
    assert not transfers.in_hand([YES])
    assert transfers.in_hand([KEPT, YES])
