"""Principles 1 to 8 of docs/sharing.md by number: who may be told, and how much."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.chronology import Before, seen
from broker.domain.states import DeliveryState, InvolvementState, View
from schemas.codes import Event, RelationshipKind
from schemas.message import Coding, Relationship, RestrictedParty
from tests.unit.domain.family import (
    ADMITTED,
    DIRECTORY,
    FAMILY,
    NOW,
    PRACTICE,
    RISK,
    SAFETY,
    TEAMS,
    codes,
    copy,
    fact,
    home,
    keys,
    message,
    policy,
    routed,
    said,
    shown,
    tasks,
    told,
    withheld,
    works,
    world,
)

# --- 1 deny by default


@pytest.mark.parametrize(
    ("team", "person", "event"),
    [
        ("police", "father", "birth"),
        ("housing", "mother", "measurement"),
        ("drugs", "father", "immunisation"),
        ("youth", "sibling", "pregnancy-booking"),
        ("prison", "grandfather", "child-contact"),
    ],
)
def test_p01_what_no_rule_allows_is_not_sent_and_that_is_recorded(team, person, event):
    known = world(home("mother", "father", "grandfather", "baby", "sibling"), work=[works(team, person)])
    decision = routed(message(event, "baby" if event != "pregnancy-booking" else "mother"), known)
    assert team not in told(decision)
    assert withheld(decision)[team] in {"no-rule", "adult-only-function"}
    assert all(one.reason for one in decision.withheld)


def test_p01_a_policy_without_lines_tells_nobody():
    silent = replace(
        policy(), events={event: replace(rules, tell=(), adds=(), asks=()) for event, rules in policy().events.items()}
    )
    decision = routed(
        ADMITTED, world(FAMILY, work=[works("visitors", "baby"), works("practice", "mother")]), rules=silent
    )
    assert told(decision) == {}
    assert set(withheld(decision)) == {"visitors", "practice"}


def test_p01_a_line_that_proposes_more_than_sharing_allows_is_cut_to_it():
    rules = policy().events[Event.MENTAL_HEALTH_ADMISSION]
    bold = replace(
        rules, tell=tuple(replace(line, view=View.FULL) for line in rules.tell if line.rule.endswith(".home"))
    )
    known = world(FAMILY, work=[works("visitors", "baby")])
    decision = routed(ADMITTED, known, rules=replace(policy(), events={**policy().events, rules.event: bold}))
    assert told(decision)["visitors"] == ("risk", "action")


# --- 2 the unit is the team


def test_p02_only_the_sending_team_is_excluded_not_its_trust():
    known = world(FAMILY, work=[works("midwives", "mother"), works("visitors", "baby")])
    decision = routed(message("birth", "baby", sender="midwives"), known)
    assert "visitors" in told(decision)
    assert "midwives" not in {**told(decision), **withheld(decision)}
    assert TEAMS["visitors"].agency_id == TEAMS["midwives"].agency_id


# --- 3 sending grants no access; unconfirmed is told that there is something, no more


def test_p03_a_team_that_once_sent_is_not_involved():
    known = world(FAMILY, work=[works("visitors", "baby")])
    decision = routed(message("concern", "baby", kind="neglect", sender="visitors"), known)
    assert "emergency" not in {**told(decision), **withheld(decision)}


@pytest.mark.parametrize(
    "work",
    [
        works("early-help", "baby", state=InvolvementState.UNCONFIRMED),
        works("early-help", "baby", renewed=NOW - timedelta(days=201)),  # lapsed, though nobody has noticed yet
    ],
)
def test_p03_an_unconfirmed_team_is_told_that_there_is_something_and_asked_to_confirm(work):
    concern = message(
        "concern", "baby", kind="neglect", sender="visitors", facts=[fact("concern-detail", "Seen alone")]
    )
    known = world(FAMILY, work=[work])
    decision = routed(concern, known)
    assert told(decision)["early-help"] == ("existence", "information")
    assert ("confirm-involvement", "early-help") in tasks(decision)
    seen = shown(concern, known, "early-help")
    assert (seen.event, seen.kind, seen.facts, seen.sender, seen.author) == (Event.INFORMATION, None, (), None, None)
    assert keys(seen) == {"baby"}


def test_p03_the_question_is_asked_once_for_each_time_it_lapsed():
    def asked(renewed):
        work = works("early-help", "baby", renewed=renewed)
        decision = routed(message("concern", "baby", kind="neglect", sender="visitors"), world(FAMILY, work=[work]))
        return next(task.dedupe_key for task in decision.tasks if task.code.value == "confirm-involvement")

    lapsed = NOW - timedelta(days=300)
    assert asked(lapsed) == asked(lapsed)
    assert asked(lapsed) != asked(lapsed - timedelta(days=1))


def test_p03_a_routine_event_does_not_trouble_the_unconfirmed():
    known = world(FAMILY, work=[works("early-help", "baby", state=InvolvementState.UNCONFIRMED)])
    decision = routed(message("child-contact", "baby", kind="clinic", sender="visitors"), known)
    assert withheld(decision)["early-help"] == "unconfirmed"
    assert decision.tasks == ()


def test_p03_a_registration_does_not_lapse():
    known = world(FAMILY, work=[works("practice", "baby", renewed=NOW - timedelta(days=5000))])
    assert told(routed(message("concern", "baby", kind="growth", sender="visitors"), known))["practice"][0] == "full"


# --- 4 child-facing functions


@pytest.mark.parametrize(
    "team",
    ["midwives", "visitors", "family-nurses", "school-nurses", "neonatal", "paediatrics", "practice", "social-care"],
)
def test_p04_child_facing_functions_get_adult_events_as_risk_and_staff_safety(team):
    facts = [
        RISK,
        SAFETY,
        fact("diagnosis", "Psychosis", "grandfather"),
        fact("legal-status", Coding(system="s", code="section-2")),
    ]
    admitted = message("mental-health-admission", "grandfather", sender="cmht", facts=facts)
    known = world(FAMILY, work=[works(team, "baby")])
    assert told(routed(admitted, known))[team] == ("risk", "action")
    seen = shown(admitted, known, team)
    assert codes(seen) == {"risk-to-others-at-home", "staff-safety"}
    assert keys(seen) == {"baby", "grandfather"}
    adult = seen.person("grandfather")
    assert (adult.family, adult.birth_date, adult.identifiers, adult.addresses) == ("Moss", None, (), ())
    assert Relationship(person="grandfather", kind=RelationshipKind.GRANDPARENT, to="baby") in seen.relationships


def test_p04_a_practice_that_knows_only_an_adult_is_an_adults_practice():
    known = world(FAMILY, work=[works("other-practice", "father")])
    decision = routed(message("concern", "baby", kind="growth", sender="visitors"), known)
    assert told(decision)["other-practice"] == ("pointer", "information")


# --- 5 adult-only functions


@pytest.mark.parametrize(
    ("event", "subject", "team", "client", "view"),
    [
        ("pregnancy-booking", "mother", "probation", "father", "pointer"),
        ("pregnancy-booking", "mother", "cmht", "grandfather", "pointer"),
        ("birth", "baby", "drugs", "father", "pointer"),
        ("supervision-start", "father", "drugs", "father", "full"),
        ("mental-health-discharge", "grandfather", "drugs", "grandfather", "full"),
        ("supervision-start", "father", "cmht", "grandfather", None),
        ("concern", "baby", "probation", "father", None),
    ],
)
def test_p05_adult_only_functions_get_their_own_clients_events_and_pointers(event, subject, team, client, view):
    kind = "neglect" if event == "concern" else None
    sender = "prison" if event.startswith("supervision") else "midwives"
    known = world(home("mother", "father", "grandfather", "baby", "unborn"), work=[works(team, client)])
    decision = routed(message(event, subject, sender=sender, kind=kind), known)
    assert told(decision).get(team, (None,))[0] == view
    assert (view is None) == (team in withheld(decision))


def test_p05_a_pointer_says_whom_to_contact_and_names_only_the_teams_own_client():
    booked = message(
        "pregnancy-booking",
        "mother",
        sender="midwives",
        facts=[fact("gestation", 11, "mother"), fact("note", "Tearful")],
    )
    known = world(home("mother", "father", "unborn"), work=[works("probation", "father"), works("midwives", "mother")])
    seen = shown(booked, known, "probation")
    assert codes(seen) == {"pregnancy-in-household", "contact-person", "contact-phone"}
    assert {one.value for one in seen.facts if one.code == "contact-person"} == {TEAMS["midwives"].name}
    assert (keys(seen), seen.event, seen.sender, seen.occurred) == ({"father"}, Event.INFORMATION, None, NOW)


def test_p05_another_persons_facts_wait_for_the_senders_lead_even_when_addressed():
    concern = message("concern", "mother", kind="isolation", sender="midwives", to=("probation",), facts=[RISK])
    known = world(FAMILY, work=[works("probation", "father")])
    decision = routed(concern, known)
    assert [one.state for one in decision.told if one.team_id == "probation"] == [DeliveryState.HELD]
    assert ("release", "trust-lead") in tasks(decision)


def test_p05_whoever_is_asked_to_take_somebody_on_is_told_at_once():
    referral = message(
        "referral", "mother", sender="practice", to=("cmht",), facts=[fact("referral-reason", "Low mood")]
    )
    decision = routed(referral, world(FAMILY, work=[works("practice", "mother")]))
    assert [(one.team_id, one.view, one.state) for one in decision.told] == [("cmht", View.FULL, DeliveryState.READY)]


def test_p05_of_a_message_about_several_a_team_reads_what_concerns_its_own_client():
    discharge = message(
        "maternity-discharge",
        "mother",
        "baby",
        facts=[fact("maternal-mood", "Low", "mother"), fact("risk-to-children", "Yes", "baby")],
    )
    seen = shown(discharge, world(FAMILY, work=[works("cmht", "mother")]), "cmht")
    assert (codes(seen), keys(seen)) == ({"maternal-mood"}, {"mother"})


# --- 6 who works only with a suspected source of harm


@pytest.mark.parametrize("kind", ["domestic-abuse", "injury", "bruising", "neglect", "substance-misuse"])
@pytest.mark.parametrize("team", ["probation", "cmht", "drugs", "other-practice", "housing", "refuge"])
def test_p06_whoever_works_only_with_a_possible_source_of_harm_learns_nothing(kind, team):
    concern = message("concern", "baby", kind=kind, sender="visitors", facts=[SAFETY])
    decision = routed(concern, world(FAMILY, work=[works(team, "father")]))
    assert withheld(decision)[team] == "works-only-with-source-of-harm"


def test_p06_a_team_that_also_works_with_the_child_is_told():
    concern = message("concern", "baby", kind="domestic-abuse", sender="visitors")
    known = world(FAMILY, work=[works("social-care", "father"), works("social-care", "baby")])
    assert told(routed(concern, known))["social-care"] == ("full", "action")


def test_p06_who_is_suspected_by_name_is_the_source_and_the_other_parents_team_is_told():
    suspected = fact("suspected-source-of-harm", True, "father")
    concern = message(
        "concern",
        "mother",
        kind="domestic-abuse",
        sender="visitors",
        facts=[suspected],
        people=[said("mother"), said("father")],
    )
    known = world(FAMILY, work=[works("drugs", "mother"), works("probation", "father")])
    decision = routed(concern, known)
    assert told(decision)["drugs"] == ("full", "information")
    assert withheld(decision)["probation"] == "works-only-with-source-of-harm"


def test_p06_his_own_admission_is_still_his_own_teams_to_know():
    suspected = fact("suspected-source-of-harm", True, "grandfather")
    admitted = message("mental-health-admission", "grandfather", sender="cmht", facts=[suspected])
    assert told(routed(admitted, world(FAMILY, work=[works("drugs", "grandfather")])))["drugs"] == (
        "full",
        "information",
    )


def test_p06_addressing_such_a_team_asks_the_lead_first():
    suspected = fact("suspected-source-of-harm", True, "father")
    concern = message(
        "concern", "father", kind="domestic-abuse", sender="visitors", to=("probation",), facts=[suspected]
    )
    [row] = [
        one
        for one in routed(concern, world(FAMILY, work=[works("probation", "father")])).told
        if one.team_id == "probation"
    ]
    assert row.state is DeliveryState.HELD


# --- 7 held for release


@pytest.mark.parametrize(
    "more",
    [
        {"labels": frozenset({"held-for-release"})},
        {"facts": [fact("restricted-registration", Coding(system="s", code="mappa"), "father")]},
        {"facts": [fact("planned-arrest", True, "father")]},
        {"facts": [fact("recall", Coding(system="s", code="raised"), "father")]},
    ],
)
def test_p07_what_is_restricted_waits_for_the_originating_agencys_lead(more):
    change = message("supervision-change", "father", sender="probation", kind="registration", **more)
    known = world(FAMILY, work=[works("visitors", "baby"), works("prison", "father"), works("refuge", "father")])
    decision = routed(change, known)
    states = {one.team_id: one.state for one in decision.told}
    assert states["visitors"] is DeliveryState.HELD
    assert states["prison"] is DeliveryState.READY  # responsible authorities about their own client
    assert withheld(decision)["refuge"] == "held-not-for-this-function"
    release = next(task for task in decision.tasks if task.code.value == "release")
    assert (release.owner, release.due_at) == ("probation-lead", NOW + timedelta(days=1))
    assert "visitors" in release.options["teams"]


@pytest.mark.parametrize("label", ["V", "unrecognised"])
def test_p07_the_strictest_label_and_one_that_nobody_knows_hold_the_message_for_the_lead(label):
    concern = message("concern", "baby", kind="neglect", sender="visitors", labels=frozenset({label}))
    decision = routed(concern, world(FAMILY, work=[works("practice", "baby")]))
    assert {one.state for one in decision.told} == {DeliveryState.HELD}
    assert ("release", "trust-lead") in tasks(decision)


def test_p07_what_is_restricted_goes_at_once_to_who_works_with_its_subject_or_is_addressed_alone():
    known = world(FAMILY, work=[works("visitors", "baby"), works("other-cmht", "grandfather")])

    def states(label):
        decision = routed(replace(ADMITTED, to=("social-care",), labels=frozenset({label})), known)
        assert (("release", "mental-trust-lead") in tasks(decision)) == (label == "R")
        return {one.team_id: one.state for one in decision.told}

    at_once = {"other-cmht": DeliveryState.READY, "social-care": DeliveryState.READY}
    assert states("N") == {**dict.fromkeys(states("N"), DeliveryState.READY)}
    assert states("R") == {**dict.fromkeys(states("N"), DeliveryState.HELD), **at_once}
    assert "visitors" in states("N")


def test_p07_a_team_that_is_not_sure_is_not_even_told_that_something_restricted_is_there():
    unsure = works("early-help", "baby", state=InvolvementState.UNCONFIRMED)
    concern = message("concern", "baby", kind="neglect", sender="visitors", labels=frozenset({"R"}))
    assert withheld(routed(concern, world(FAMILY, work=[unsure])))["early-help"] == "unconfirmed"


def test_p07_the_label_goes_on_with_what_it_restricts_and_does_not_say_that_there_is_more():
    concern = message("concern", "baby", kind="neglect", sender="visitors", labels=frozenset({"R"}))
    known = world(FAMILY, work=[works("practice", "baby")])
    assert "R" in copy(concern, known, "practice", "full").labels
    assert "R" not in copy(concern, known, "early-help", "existence", reason_code="unconfirmed-involvement").labels


def test_p07_a_recall_that_is_over_holds_nothing():
    over = fact("recall", Coding(system="s", code="concluded"), "father")
    decision = routed(message("enforcement", "father", sender="probation", facts=[over, RISK]), world(FAMILY))
    assert {one.state for one in decision.told} == {DeliveryState.READY}


def test_p07_restricted_facts_are_shown_only_once_released():
    change = message(
        "supervision-change",
        "father",
        sender="probation",
        kind="registration",
        facts=[fact("restricted-registration", Coding(system="s", code="mappa"), "father")],
    )
    known = world(FAMILY, work=[works("visitors", "baby")])
    assert codes(copy(change, known, "visitors", "risk", reason_code="involved-with-child")) == set()
    assert codes(copy(change, known, "visitors", "risk", reason_code="involved-with-child", released=True)) == {
        "restricted-registration"
    }


# --- 8 human judgement


def test_p08_the_professionals_view_that_only_those_addressed_are_told_is_kept():
    known = world(FAMILY, work=[works("visitors", "baby"), works("practice", "baby")])
    concern = message(
        "concern", "baby", kind="neglect", sender="visitors", to=("social-care",), labels=frozenset({"addressed-only"})
    )
    decision = routed(concern, known)
    assert set(told(decision)) == {"social-care"}
    assert withheld(decision)["practice"] == "professional-view"


def kept_from(person, employer=None, **more):
    """A concern about the baby that goes to no agency of somebody."""
    party = RestrictedParty(person=person, employer=employer)
    more = {"sender": "visitors", "to": ("drugs",), **more}
    return message("concern", "baby", kind="neglect", kept_from=(party,), **more)


WORKING = (works("practice", "baby"), works("cmht", "mother"), works("midwives", "mother"))


@pytest.mark.parametrize(
    ("work", "changed", "employer", "barred"),
    [
        ([works("drugs", "father")], {}, None, {"drugs"}),  # its team works with him, addressed or not
        ([works("drugs", "father", state=InvolvementState.UNCONFIRMED)], {}, None, {"drugs"}),
        ([works("duty", "father")], {}, None, {"early-help"}),  # another team of the same agency
        ([], {"father": {"practice": PRACTICE}}, None, {"practice"}),  # he is registered there
        ([], {}, "council", {"early-help"}),  # it employs him
    ],
)
def test_p08_no_agency_of_a_restricted_party_is_told(work, changed, employer, barred):
    known = world(FAMILY, work=[*WORKING, works("early-help", "baby"), *work], **changed)
    decision = routed(kept_from("father", employer), known)
    assert {team for team, why in withheld(decision).items() if why == "agency-of-restricted-party"} >= barred
    assert barred.isdisjoint(told(decision))
    assert barred <= told(routed(replace(kept_from("father", employer), kept_from=()), known)).keys()


def test_p08_whoever_is_no_agency_of_theirs_is_told_as_ever_and_never_of_whom_it_is_kept_from():
    known = world(FAMILY, work=[*WORKING, works("probation", "father")])
    concern = kept_from("father", people=[said("baby"), said("father")])
    decision = routed(concern, known)
    assert told(decision)["practice"] == ("full", "action")
    seen = shown(concern, known, "practice")
    assert "father" not in keys(seen)
    assert seen.kept_from == ()
    assert "father" in keys(shown(replace(concern, kept_from=()), known, "practice"))


def test_p08_an_employer_that_the_directory_does_not_have_is_named_to_the_sender():
    decision = routed(kept_from("father", "nobody"), world(FAMILY, work=WORKING))
    assert [one.code for one in decision.problems if "employer" in one.reason] == ["not-found"]


def test_p08_a_team_that_came_later_never_looks_back_on_what_was_kept_from_its_agency():
    known = world(FAMILY, work=[*WORKING, works("drugs", "father")])
    before = Before(
        id="1", state=DeliveryState.WITHHELD, view=View.EXISTENCE, reason_code="agency-of-restricted-party", at=NOW
    )
    for earlier in (before, None):
        assert (
            seen(
                kept_from("father"),
                known,
                TEAMS["drugs"],
                earlier,
                policy=policy(),
                directory=DIRECTORY,
                now=NOW,
                refused="x",
            )
            is None
        )


@pytest.mark.parametrize("missing", ["author", "basis"])
def test_p08_where_no_rule_is_approved_others_are_told_on_a_named_professionals_word_only(missing):
    known = world(FAMILY, work=[works("practice", "baby")])
    transfer = message("transfer", "baby", sender="visitors", to=("visitors-sandwell",))
    assert set(told(routed(transfer, known))) == {"visitors-sandwell", "practice", "midwives"} - {"midwives"}
    decision = routed(replace(transfer, **{missing: None}), known)
    assert set(told(decision)) == {"visitors-sandwell"}
    assert "practice" in withheld(decision)


def test_p08_every_decision_names_the_rule_it_rests_on():
    known = world(FAMILY, work=[works("visitors", "baby"), works("practice", "mother"), works("probation", "father")])
    for one in routed(ADMITTED, known).told:
        assert one.rule
        assert one.cites
