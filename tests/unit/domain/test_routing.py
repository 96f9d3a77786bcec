"""Who is told of what, and what is asked of whom, by F-number of the review."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.routing import Earlier
from broker.domain.states import MembershipState
from broker.domain.terms import EVERY_WEEKDAY, working_days
from broker.domain.vicinity import has_come
from broker.domain.world import KnownMembership
from schemas.codes import Event, Priority, RelationshipKind, Standing
from schemas.message import Coding, Relationship
from tests.unit.domain.family import (
    ADMITTED,
    FAMILY,
    NOW,
    PEOPLE,
    RISK,
    SAFETY,
    TEAMS,
    asked,
    days,
    fact,
    home,
    message,
    policy,
    routed,
    said,
    told,
    told_by,
    withheld,
    works,
    world,
)

EXPECTING = home("mother", "father", "grandfather", "unborn")
SUPERVISED = message("supervision-start", "father", sender="probation")


def test_f01_a_booking_finds_health_visiting_that_has_never_heard_of_the_family():
    decision = routed(message("pregnancy-booking", "mother", sender="practice"), world(EXPECTING))
    assert told(decision)["visitors"] == ("full", "information")
    assert told(decision)["midwives"] == ("full", "action")
    assert told_by(decision, "visitors").reason_code == "universal-service"
    notified = routed(message("pregnancy-notification", "mother", sender="midwives"), world(EXPECTING))
    assert told(notified)["visitors"] == ("full", "action")


def test_f02_once_it_is_confirmed_that_he_lives_there_the_order_is_told_to_the_childs_teams():
    hers = home("mother", "unborn")
    said_so = KnownMembership(
        household_id="home", person_id="father", standing=Standing.WILL_LIVE, state=MembershipState.PROPOSED
    )
    before = world(hers, work=[works("midwives", "mother")])
    before = replace(
        before, people={**before.people, "father": PEOPLE["father"]}, memberships=(*before.memberships, said_so)
    )
    first = routed(SUPERVISED, before)
    assert told(first) == {}
    assert first.households == {}
    confirmed = replace(before, memberships=(*before.memberships[:-1], replace(said_so, state=MembershipState.CURRENT)))
    again = routed(SUPERVISED, confirmed, already_told=frozenset({"prison"}))
    assert told(again)["midwives"] == told(again)["visitors"] == ("risk", "action")
    assert all(one.due_at for one in again.told if one.purpose.value == "action")
    assert policy().still_stands(SUPERVISED, NOW, NOW + timedelta(days=100))
    assert Event.SUPERVISION_START in policy().standing_events


def test_f02_standing_ends():
    assert not policy().still_stands(SUPERVISED, NOW, NOW + timedelta(days=365))
    assert not policy().still_stands(message("measurement", "baby"), NOW, NOW)
    assert policy().longest_standing_days == 365


@pytest.mark.parametrize("household", [FAMILY, EXPECTING])
def test_f04_supervision_into_a_household_with_a_child_or_a_pregnancy_opens_checks_for_the_officer(household):
    decision = routed(SUPERVISED, world(household, work=[works("midwives", "mother")]))
    checks = asked(decision, "supply-information")
    assert set(checks) == {"social-care", "police"}
    assert {task.requester for task in checks.values()} == {"probation"}
    assert all(task.household_id == "home" and task.person_id == "father" for task in checks.values())
    judgement = asked(decision, "discuss-with-safeguarding-lead")["probation"]
    assert "MASH" in judgement.description
    assert told(decision)["visitors"] == ("risk", "action")
    assert told(decision)["social-care"] == told(decision)["police"] == ("risk", "information")


def test_f04_the_officer_learns_whom_to_contact_and_not_other_peoples_health():
    decision = routed(SUPERVISED, world(EXPECTING, work=[works("midwives", "mother"), works("cmht", "grandfather")]))
    judgement = asked(decision, "discuss-with-safeguarding-lead")["probation"]
    assert f"{TEAMS['midwives'].name}, telephone 0121 496 0000" in judgement.description
    assert {one.team_id for one in decision.told if one.known_to_sender} == {"midwives", "visitors"}
    assert not any(person.family in judgement.description for person in PEOPLE.values() if person.family)
    assert withheld(decision)["cmht"] == "adult-only-function"


def test_f04_nothing_is_opened_where_no_child_is_known():
    decision = routed(SUPERVISED, world(home("father", "grandfather")))
    assert decision.tasks == ()


@pytest.mark.parametrize(
    ("kind", "opens"), [("area", True), ("circumstances", True), ("manager", False), ("order", False), (None, False)]
)
def test_f04_a_change_opens_checks_when_it_brings_a_new_home(kind, opens):
    decision = routed(message("supervision-change", "father", sender="probation", kind=kind), world(FAMILY))
    assert bool(asked(decision, "supply-information")) is opens


def test_f04_a_transfer_between_officers_opens_checks_for_the_receiving_one():
    transfer = message("transfer", "father", sender="probation-london", to=("probation",))
    decision = routed(transfer, world(FAMILY))
    assert {task.requester for task in asked(decision, "supply-information").values()} == {"probation"}
    assert set(asked(decision, "discuss-with-safeguarding-lead")) == {"probation"}
    assert told(decision)["visitors"] == ("risk", "action")
    assert told(decision)["probation"] == ("full", "action")


@pytest.mark.parametrize("event", ["mental-health-admission", "mental-health-leave", "mental-health-discharge"])
def test_f05_a_mental_health_event_of_any_adult_reaches_the_childs_teams_as_risk(event):
    happened = message(event, "grandfather", sender="cmht", facts=[RISK, SAFETY])
    decision = routed(happened, world(FAMILY, work=[works("midwives", "mother"), works("practice", "grandfather")]))
    assert told(decision) == {
        "midwives": ("risk", "action"),
        "visitors": ("risk", "action"),
        "practice": ("full", "action"),
    }


def test_f06_a_discharge_to_a_home_with_a_baby_is_urgent_and_needs_a_conversation():
    home_again = message("mental-health-discharge", "grandfather", sender="cmht", facts=[RISK, SAFETY])
    decision = routed(home_again, world(FAMILY))
    visitors = told_by(decision, "visitors")
    assert (visitors.priority, visitors.due_at) == (Priority.URGENT, NOW + timedelta(hours=8))
    talk = asked(decision, "supply-information")["cmht"]
    assert talk.priority is Priority.URGENT
    assert TEAMS["visitors"].name in talk.description
    older = routed(home_again, world(home("grandfather", "sibling"), work=[works("school-nurses", "sibling")]))
    assert told_by(older, "school-nurses").priority is Priority.ROUTINE
    assert older.tasks == ()


def test_from_one_ward_to_another_nobody_comes_home():
    destination = Coding(system="", code="hospital")
    moved = message(
        "mental-health-discharge", "grandfather", sender="cmht", facts=[fact("discharge-destination", destination)]
    )
    decision = routed(moved, world(FAMILY))
    assert told(decision)["visitors"] == ("risk", "information")
    assert decision.tasks == ()


@pytest.mark.parametrize(("kind", "purpose"), [("leave", "action"), ("absent", "action"), ("returned", "information")])
def test_back_on_the_ward_nobody_need_act(kind, purpose):
    leave = message("mental-health-leave", "grandfather", sender="cmht", kind=kind, facts=[RISK, SAFETY])
    decision = routed(leave, world(FAMILY))
    assert told(decision)["visitors"] == ("risk", purpose)
    assert bool(decision.tasks) is (purpose == "action")


def test_a_pregnancy_of_which_the_child_is_born_need_be_told_to_nobody_new():
    notified = message("pregnancy-notification", "mother", sender="midwives")
    rules = policy().events[notified.event]
    assert not has_come(notified, world(EXPECTING), rules)
    assert has_come(notified, world(FAMILY), rules)
    again = world(home("mother", "baby", "unborn"))
    assert has_come(replace(notified, people=(*notified.people, said("baby", unborn=True))), again, rules)
    ended = message("pregnancy-end", "mother")
    assert not has_come(ended, world(FAMILY), policy().events[ended.event])


def test_f06_admission_starts_discharge_planning_with_the_childs_teams():
    planning = asked(routed(ADMITTED, world(FAMILY)), "supply-information")["cmht"]
    assert TEAMS["visitors"].name in planning.description
    assert "F6" in planning.cites


def test_f07_advice_to_attend_tells_the_practice():
    advice = message(
        "advice-to-attend",
        "baby",
        sender="visitors",
        facts=[fact("advised-places", Coding(system="s", code="urgent-treatment-centre"))],
    )
    assert told(routed(advice, world(FAMILY)))["practice"] == ("full", "action")
    unregistered = world(FAMILY, baby={"practice": None})
    assert told(routed(advice, unregistered))["practice"] == ("full", "action")  # its mother's (F8)


def test_f09_a_referral_is_the_receivers_task_by_its_priority_and_its_outcome_comes_back():
    referral = message("referral", "baby", sender="practice", to=("visitors",))
    assert told_by(routed(referral, world(FAMILY)), "visitors").due_at == working_days(5).after(NOW, EVERY_WEEKDAY)
    urgent = replace(referral, priority=Priority.URGENT)
    assert told_by(routed(urgent, world(FAMILY)), "visitors").due_at == NOW + timedelta(days=1)
    outcome = message("referral-outcome", "baby", sender="visitors")
    back = routed(outcome, world(FAMILY), earlier=Earlier(sender_id="practice", told={}))
    assert told(back) == {"practice": ("full", "action")}  # closed only when it has been seen


@pytest.mark.parametrize(
    ("kind", "subject"),
    [("isolation", "mother"), ("parental-mental-health", "mother"), ("growth", "baby"), ("other", "baby")],
)
def test_f11_a_concern_by_any_agency_comes_to_all_involved_agencies(kind, subject):
    involved = ["visitors", "practice", "social-care", "early-help", "paediatrics"]
    work = [works(team, "baby") for team in involved] + [works("cmht", "grandfather"), works("probation", "father")]
    decision = routed(message("concern", subject, kind=kind, sender="midwives"), world(FAMILY, work=work))
    assert {told(decision)[team][1] for team in involved} == {"action"}
    assert {"cmht", "probation"} <= {**told(decision), **withheld(decision)}.keys()


@pytest.mark.parametrize(
    ("kind", "born", "stated", "raised"),
    [
        ("bruising", days(100), None, True),
        ("injury", days(100), None, True),
        ("bruising", days(269), None, True),
        ("bruising", days(270), None, False),
        ("bruising", days(400), False, True),  # as stated, whatever the age
        ("bruising", days(100), True, False),
        ("growth", days(100), None, False),
    ],
)
def test_f17_a_bruise_in_a_child_not_yet_mobile_is_always_the_safeguarding_leads_urgent_task(
    kind, born, stated, raised
):
    facts = [] if stated is None else [fact("independently-mobile", stated, "baby")]
    bruise = message("concern", "baby", kind=kind, sender="visitors", facts=facts)
    task = asked(routed(bruise, world(FAMILY, baby={"born": born})), "discuss-with-safeguarding-lead").get("trust-lead")
    assert (task is not None) is raised
    if task is not None:
        assert (task.priority, task.requester, task.due_at) == (Priority.URGENT, "visitors", NOW + timedelta(hours=4))
        assert "telephone" in task.description
        assert "not the referral" in task.description


def test_f17_a_child_of_unknown_age_counts_as_not_yet_mobile():
    mother_of = Relationship(person="mother", kind=RelationshipKind.MOTHER, to="baby")
    ageless = message(
        "concern",
        "baby",
        kind="bruising",
        sender="visitors",
        people=[said("baby", birth_date=None)],
        relationships=(mother_of,),
    )
    decision = routed(ageless, world(FAMILY, baby={"born": None}))
    assert "trust-lead" in asked(decision, "discuss-with-safeguarding-lead")


def test_f17_an_agency_without_a_lead_has_its_partnerships():
    bruise = message("concern", "baby", kind="bruising", sender="early-help")
    assert set(asked(routed(bruise, world(FAMILY)), "discuss-with-safeguarding-lead")) == {"partnership"}


@pytest.mark.parametrize("team", ["probation", "drugs", "cmht", "youth", "housing", "police", "refuge"])
def test_f27_staff_safety_reaches_every_team_that_visits_whatever_else_it_may_not_see(team):
    client = "baby" if team == "youth" else "father"
    sender = "cmht" if team != "cmht" else "drugs"
    admitted = replace(ADMITTED, sender=sender)
    decision = routed(admitted, world(FAMILY, work=[works(team, client)]))
    assert told(decision)[team] == ("safety", "information")
    silent = replace(admitted, facts=(RISK, fact("staff-safety", False)))
    assert team not in told(routed(silent, world(FAMILY, work=[works(team, client)])))


def test_f30_what_midwifery_learns_of_an_adult_at_home_is_routed_as_the_cmhts_own_message():
    concern = message("concern", "grandfather", kind="adult-mental-health", sender="midwives", facts=[RISK, SAFETY])
    work = [works("visitors", "baby"), works("practice", "baby"), works("cmht", "grandfather")]
    learnt, reported = routed(concern, world(FAMILY, work=work)), routed(ADMITTED, world(FAMILY, work=work))
    for team in ("visitors", "practice"):
        assert told(learnt)[team] == told(reported)[team] == ("risk", "action")
    assert told(learnt)["cmht"] == ("full", "action")
