"""Whom a transfer covers, what is missing of each, and what the whole has come to."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain import transfers
from broker.domain.situation import situation
from broker.domain.states import PersonState
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.transfers import Part, Supplied
from schemas.codes import Event, Function, TaskStatus
from schemas.message import HouseholdMember
from tests.unit.domain.family import KIN, NOW, TEAMS, fact, home, message, policy, said, works, world

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
