"""The fifteen principles of docs/sharing.md, each by its number: who is told how much, and what that shows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.sharing import may_know, render, visible_recipients
from broker.domain.states import DeliveryState, InvolvementState, PersonState, View
from schemas.codes import Category, Event, Function, RelationshipKind, Standing
from schemas.identifiers import CRN, NHS_NUMBER
from schemas.message import Coding, HouseholdMember, Identifier, PostalAddress, Relationship
from tests.unit.domain.family import (
    DIRECTORY,
    KIN,
    NOW,
    RISK,
    SAFETY,
    TEAMS,
    directory,
    fact,
    home,
    message,
    policy,
    protected_at,
    routed,
    said,
    tasks,
    told,
    withheld,
    works,
    world,
)

FAMILY = home("mother", "father", "grandfather", "baby")
ADMITTED = message("mental-health-admission", "grandfather", sender="cmht", facts=[RISK, SAFETY])


def copy(what, known, team, view, *, reason_code="involved-with-subject", released=False, known_directory=DIRECTORY):
    """What a team is shown."""
    return render(
        what,
        known_directory.teams[team],
        View(view),
        reason_code=reason_code,
        world=known,
        directory=known_directory,
        policy=policy(),
        told_at=NOW,
        released=released,
    )


def shown(what, known, team):
    """What the team is shown by the decision on this message."""
    one = next(one for one in routed(what, known).told if one.team_id == team)
    return copy(what, known, team, one.view, reason_code=one.reason_code)


def codes(rendered):
    """Codes of the facts shown."""
    return {one.code for one in rendered.facts}


def keys(rendered):
    """Who is named."""
    return {person.key for person in rendered.people}


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
    decision = routed(ADMITTED, world(FAMILY, work=[works("visitors", "baby"), works("practice", "mother")]), rules=silent)
    assert told(decision) == {}
    assert set(withheld(decision)) == {"visitors", "practice"}


def test_p01_a_line_that_proposes_more_than_sharing_allows_is_cut_to_it():
    rules = policy().events[Event.MENTAL_HEALTH_ADMISSION]
    bold = replace(rules, tell=tuple(replace(line, view=View.FULL) for line in rules.tell if line.rule.endswith(".home")))
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
    concern = message("concern", "baby", kind="neglect", sender="visitors", facts=[fact("concern-detail", "Seen alone")])
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
    "team", ["midwives", "visitors", "family-nurses", "school-nurses", "neonatal", "paediatrics", "practice", "social-care"]
)
def test_p04_child_facing_functions_get_adult_events_as_risk_and_staff_safety(team):
    facts = [RISK, SAFETY, fact("diagnosis", "Psychosis", "grandfather"), fact("legal-status", Coding(system="s", code="section-2"))]
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
        "pregnancy-booking", "mother", sender="midwives", facts=[fact("gestation", 11, "mother"), fact("note", "Tearful")]
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
    referral = message("referral", "mother", sender="practice", to=("cmht",), facts=[fact("referral-reason", "Low mood")])
    decision = routed(referral, world(FAMILY, work=[works("practice", "mother")]))
    assert [(one.team_id, one.view, one.state) for one in decision.told] == [("cmht", View.FULL, DeliveryState.READY)]


def test_p05_of_a_message_about_several_a_team_reads_what_concerns_its_own_client():
    discharge = message(
        "maternity-discharge", "mother", "baby", facts=[fact("maternal-mood", "Low", "mother"), fact("risk-to-children", "Yes", "baby")]
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
    suspected = fact("suspected-source-of-harm", True, "father")  # noqa: FBT003 - a fact's value
    concern = message(
        "concern", "mother", kind="domestic-abuse", sender="visitors", facts=[suspected], people=[said("mother"), said("father")]
    )
    known = world(FAMILY, work=[works("drugs", "mother"), works("probation", "father")])
    decision = routed(concern, known)
    assert told(decision)["drugs"] == ("full", "information")
    assert withheld(decision)["probation"] == "works-only-with-source-of-harm"


def test_p06_his_own_admission_is_still_his_own_teams_to_know():
    suspected = fact("suspected-source-of-harm", True, "grandfather")  # noqa: FBT003 - a fact's value
    admitted = message("mental-health-admission", "grandfather", sender="cmht", facts=[suspected])
    assert told(routed(admitted, world(FAMILY, work=[works("drugs", "grandfather")])))["drugs"] == ("full", "information")


def test_p06_addressing_such_a_team_asks_the_lead_first():
    suspected = fact("suspected-source-of-harm", True, "father")  # noqa: FBT003 - a fact's value
    concern = message(
        "concern", "father", kind="domestic-abuse", sender="visitors", to=("probation",), facts=[suspected]
    )
    [row] = [one for one in routed(concern, world(FAMILY, work=[works("probation", "father")])).told if one.team_id == "probation"]
    assert row.state is DeliveryState.HELD


# --- 7 held for release


@pytest.mark.parametrize(
    "more",
    [
        {"labels": frozenset({"held-for-release"})},
        {"facts": [fact("restricted-registration", Coding(system="s", code="mappa"), "father")]},
        {"facts": [fact("planned-arrest", True, "father")]},  # noqa: FBT003 - a fact's value
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


# --- 9 recipients as the viewer may know them


@pytest.mark.parametrize(
    ("sender", "team", "may"),
    [
        ("midwives", "visitors", True),
        ("midwives", "social-care", True),
        ("midwives", "probation", False),
        ("midwives", "cmht", False),
        ("cmht", "visitors", True),
        ("cmht", "social-care", False),
        ("cmht", "probation", False),
        ("probation", "midwives", True),
        ("probation", "practice", False),
        ("police", "visitors", False),
    ],
)
def test_p09_a_sender_knows_the_recipients_whose_involvement_it_may_know(sender, team, may):
    assert may_know(TEAMS[sender], TEAMS[team], policy()) is may
    assert may_know(TEAMS[sender], TEAMS[team], policy(), addressed=True)


def test_p09_others_are_neither_named_nor_counted_except_to_leads():
    known = world(
        FAMILY, work=[works("visitors", "baby"), works("practice", "baby"), works("probation", "father"), works("cmht", "grandfather")]
    )
    decision = routed(message("birth", "baby", sender="midwives"), known)
    assert {one.team_id for one in decision.told if one.known_to_sender} == {"visitors", "practice", "records"}

    def seen(viewer):
        rows = visible_recipients(
            decision.told, TEAMS[viewer], sender_id="midwives", directory=DIRECTORY, policy=policy()
        )
        return {one.team_id for one in rows}

    assert seen("midwives") == {"visitors", "practice", "records"}
    assert seen("visitors") == {"visitors", "practice", "records"}
    assert seen("probation") == {"probation", "visitors"}
    assert seen("trust-lead") == {one.team_id for one in decision.told}


def test_p09_a_copy_names_no_other_recipient():
    concern = message("concern", "baby", kind="growth", sender="visitors", to=("paediatrics", "social-care"))
    known = world(FAMILY)
    assert copy(concern, known, "paediatrics", "full", reason_code="addressed").to == ("paediatrics",)
    assert copy(concern, known, "midwives", "full").to == ()


# --- 10 addresses


SECRET_HOME = PostalAddress(lines=("1 Hidden Way",), postcode="B15 2TH", protected=True)


def test_p10_a_protected_address_and_what_gives_it_away_are_never_copied_on():
    hidden = protected_at("p1", "birmingham", "midwives")
    known = world(home("mother", "baby"), work=[works("visitors", "baby"), works("cmht", "mother")], mother=hidden, baby=hidden)
    contact = message(
        "maternity-discharge",
        "mother",
        "baby",
        people=[said("mother", addresses=(SECRET_HOME,), practice="Y00008"), said("baby", addresses=(SECRET_HOME,), practice="Y00008")],
        household=(HouseholdMember(person="mother"), HouseholdMember(person="baby")),
        facts=[fact("contact-person", "Ada Able, Hidden Way Clinic"), fact("feeding-detail", "Well", "baby")],
    )
    decision = routed(contact, known)
    seen = shown(contact, known, "visitors")
    assert all(person.addresses == () and person.practice is None for person in seen.people)
    assert (seen.sender, seen.author, codes(seen)) == (None, None, {"feeding-detail"})
    assert not [one for one in decision.told if one.known_to_sender and one.team_id == "cmht"]


def test_p10_teams_of_a_protected_household_are_not_shown_to_a_sender_that_does_not_know_the_place():
    hidden = protected_at("p1", "birmingham", "visitors")
    known = world(home("mother", "baby"), work=[works("visitors", "baby"), works("practice", "mother")], mother=hidden, baby=hidden)
    decision = routed(message("emergency-attendance", "baby", sender="emergency"), known)
    assert [one.team_id for one in decision.told if one.known_to_sender] == []
    assert told(decision)["visitors"][0] == "full"


def test_p10_a_team_that_holds_the_address_itself_may_know_who_else_is_there():
    hidden = protected_at("p1", "birmingham", "visitors")
    known = world(home("mother", "baby"), work=[works("visitors", "baby")], mother=hidden, baby=hidden)
    seen = shown(message("maternity-discharge", "mother", "baby"), known, "visitors")
    assert seen.sender == "midwives"


def test_p10_an_open_address_is_shown_to_who_works_with_the_child():
    place = PostalAddress(lines=("2 Open Road",), postcode="B15 2TH")
    contact = message("child-contact", "baby", kind="clinic", people=[said("baby", addresses=(place,))])
    assert shown(contact, world(FAMILY, work=[works("visitors", "baby")]), "visitors").person("baby").addresses == (place,)


@pytest.mark.parametrize("standing", [Standing.SHARED_CARE, Standing.LIVES])
def test_p10_a_shared_child_carries_nothing_from_one_parents_household_to_the_others(standing):
    hers, his = home("mother", "baby", id="hers"), home("father", "baby", id="his", standing=standing)
    work = [works("visitors", "baby"), works("drugs", "mother"), works("probation", "father"), works("practice", "mother")]
    known = world(hers, his, work=work)
    about_her = routed(message("concern", "mother", kind="isolation", sender="midwives"), known)
    assert "probation" not in {**told(about_her), **withheld(about_her)}
    assert set(about_her.households) == {"hers"}
    about_the_child = routed(message("concern", "baby", kind="isolation", sender="practice"), known)
    assert "probation" not in {**told(about_the_child), **withheld(about_the_child)}
    assert {"visitors", "drugs"} <= told(about_the_child).keys()


def test_p10_a_child_at_home_in_two_places_of_one_family_is_routed_through_both():
    flat, parents = home("mother", "father", "baby", id="flat"), home("mother", "father", "baby", "grandfather", id="parents")
    known = world(flat, parents, work=[works("cmht", "grandfather")])
    decision = routed(message("birth", "baby"), known)
    assert "cmht" in told(decision)
    assert set(decision.households) == {"flat", "parents"}


# --- 11 sealed records


def test_p11_a_sealed_person_reaches_nobody_and_links_nobody():
    known = world(FAMILY, work=[works("visitors", "baby"), works("social-care", "baby")], baby={"state": PersonState.SEALED})
    decision = routed(message("concern", "baby", kind="growth", sender="paediatrics"), known)
    assert told(decision) == {}
    assert set(withheld(decision).values()) == {"sealed"}
    assert decision.tasks == ()


def test_p11_an_adoption_is_told_to_nobody():
    known = world(FAMILY, work=[works("visitors", "baby"), works("practice", "baby")])
    decision = routed(message("identifier-change", "baby", kind="sealed", sender="records"), known)
    assert (told(decision), set(withheld(decision).values())) == ({}, {"sealed"})


def test_p11_a_sealed_member_of_the_household_is_named_to_nobody():
    sealed = {"state": PersonState.SEALED}
    known = world(home("mother", "grandfather", "baby", "sibling"), work=[works("visitors", "baby")], sibling=sealed)
    admitted = replace(ADMITTED, people=(said("grandfather"), said("sibling")))
    assert keys(shown(admitted, known, "visitors")) == {"grandfather", "baby"}


def test_the_dead_bring_nobody_in():
    known = world(FAMILY, work=[works("cmht", "grandfather")], grandfather={"state": PersonState.DIED})
    assert "cmht" not in {**told(routed(message("birth", "baby"), known)), **withheld(routed(message("birth", "baby"), known))}


# --- 12 siblings in a transfer


@pytest.mark.parametrize(
    ("kin", "evidence", "named"),
    [
        (KIN, "child-contact", True),
        (KIN, "looked-after-start", False),
        (tuple(r for r in KIN if r.to != "sibling"), "child-contact", False),  # no sibling of the child transferred
    ],
)
def test_p12_some_children_are_not_named_to_the_receiver_until_the_lead_agrees(kin, evidence, named):
    known = world(home("mother", "baby", "sibling"), kin=kin, work=[works("social-care", "sibling", evidence=evidence)])
    transfer = message(
        "transfer",
        "baby",
        sender="visitors",
        to=("visitors-sandwell",),
        people=[said("baby"), said("sibling")],
        facts=[fact("care-summary", "Well", "sibling")],
    )
    seen = shown(transfer, known, "visitors-sandwell")
    assert ("sibling" in keys(seen), "care-summary" in codes(seen)) == (named, named)
    assert (("release", "trust-lead") in tasks(routed(transfer, known))) is not named
    agreed = copy(transfer, known, "visitors-sandwell", "full", reason_code="addressed", released=True)
    assert "sibling" in keys(agreed)


# --- 13 family members read records


@pytest.mark.parametrize(
    ("what", "marked"),
    [
        (message("concern", "baby", kind="growth", sender="practice"), True),
        (message("child-contact", "baby", kind="clinic", sender="practice", facts=[SAFETY]), True),
        (message("child-contact", "baby", kind="clinic", sender="practice", facts=[fact("note", "x", "father")], people=[said("baby"), said("father")]), True),
        (message("child-contact", "baby", kind="clinic", sender="practice", facts=[fact("weight", 5000, "baby")]), False),
    ],
)  # fmt: skip
def test_p13_concerns_and_facts_about_third_parties_are_marked(what, marked):
    seen = shown(what, world(FAMILY, work=[works("visitors", "baby")]), "visitors")
    assert ("NOPAT" in seen.labels) is marked


def test_p13_a_channel_that_cannot_keep_the_mark_gets_a_pointer_that_tells_nothing():
    careless = directory(visitors={"honours_marks": False})
    known = world(FAMILY, work=[works("visitors", "baby")])
    decision = routed(ADMITTED, known, known_directory=careless)
    assert told(decision)["visitors"] == ("pointer", "action")
    seen = copy(ADMITTED, known, "visitors", "pointer", reason_code="involved-with-child", known_directory=careless)
    assert (keys(seen), seen.sender, codes(seen)) == ({"baby"}, None, {"contact-person", "contact-phone"})
    assert {one.value for one in seen.facts} == {TEAMS["trust-lead"].name, TEAMS["trust-lead"].telephone}
    unmarked = message("child-contact", "baby", kind="clinic")
    assert told(routed(unmarked, known, known_directory=careless))["visitors"] == ("full", "information")


# --- 14 a pregnancy that ends


def test_p14_everybody_told_of_a_pregnancy_is_told_that_it_is_no_longer_current_and_no_more():
    ended = {"state": PersonState.PREGNANCY_ENDED}
    known = world(
        home("mother", "father", "unborn"),
        work=[works("practice", "mother"), works("visitors", "unborn"), works("probation", "father")],
        unborn=ended,
    )
    loss = message("pregnancy-end", "mother", facts=[fact("note", "At 19 weeks")], kind=None)
    decision = routed(loss, known)
    assert told(decision) == dict.fromkeys(("practice", "visitors", "probation"), ("ended", "information"))
    assert decision.tasks == ()
    for team in told(decision):
        seen = shown(loss, known, team)
        assert (seen.event, seen.facts, seen.sender, seen.occurred) == (Event.PREGNANCY_END, (), None, NOW)
        assert keys(seen) <= {"mother", "father"} | ({"unborn"} if team == "visitors" else set())


def test_p14_universal_services_that_were_told_of_it_are_told_of_its_end():
    known = world(home("mother", "unborn"), unborn={"state": PersonState.PREGNANCY_ENDED})
    decision = routed(message("pregnancy-end", "mother", sender="emergency"), known)
    assert told(decision)["visitors"] == told(decision)["midwives"] == ("ended", "information")


def test_p14_what_speaks_of_an_ended_pregnancy_goes_no_further():
    known = world(
        home("mother", "father", "unborn"), work=[works("visitors", "mother")], unborn={"state": PersonState.PREGNANCY_ENDED}
    )
    late = routed(message("pregnancy-notification", "mother"), known)
    assert (told(late), withheld(late)["visitors"], late.tasks) == ({}, "pregnancy-ended", ())


def test_p14_nobody_bereaved_is_asked_for_anything():
    known = world(home("mother", "baby"), work=[works("visitors", "baby")], baby={"state": PersonState.DIED})
    decision = routed(message("not-brought", "baby", sender="paediatrics"), known)
    assert {purpose for _, purpose in told(decision).values()} <= {"information"}


# --- 15 workload


@pytest.mark.parametrize("event", [event for event, rules in policy().events.items() if rules.routine])
def test_p15_routine_events_make_no_task(event):
    known = world(FAMILY, work=[works("visitors", "baby"), works("practice", "baby"), works("cmht", "grandfather")])
    decision = routed(message(event, "baby", sender="midwives", to=("social-care",)), known)
    assert {purpose for _, purpose in told(decision).values()} <= {"information"}
    assert decision.tasks == ()


def test_p15_measurements_contacts_and_registrations_are_routine():
    routine = {event.value for event, rules in policy().events.items() if rules.routine}
    assert {"measurement", "child-contact", "immunisation", "gp-registration", "6-8-week-examination"} <= routine


# --- rendering


def test_the_sender_gets_what_it_sent():
    assert copy(ADMITTED, world(FAMILY), "cmht", "full") is ADMITTED


@pytest.mark.parametrize(("team", "sees"), [("midwives", False), ("practice", False), ("police", True), ("prison", True)])
def test_case_numbers_are_shown_to_justice_about_its_own_client_only(team, sees):
    numbers = (Identifier(system=CRN, value="X123456"), Identifier(system=NHS_NUMBER, value="9990000018"))
    change = message("supervision-change", "father", sender="probation", people=[said("father", identifiers=numbers)])
    known = world(FAMILY, work=[works(team, "father")])
    seen = copy(change, known, team, "full", reason_code="involved-with-subject")
    assert any(i.system == CRN for person in seen.people for i in person.identifiers) is sees


def test_the_register_gets_no_risk():
    born = message("birth", "baby", facts=[SAFETY, RISK, fact("birth-weight", 3200, "baby")])
    assert codes(shown(born, world(FAMILY), "records")) == {"birth-weight"}


def test_a_full_view_of_a_child_holds_no_adults_record():
    facts = [fact("diagnosis", "Depression", "mother"), fact("concern-detail", "Asleep at noon", "father")]
    concern = message("concern", "baby", kind="neglect", sender="midwives", facts=facts, people=[said("baby"), said("mother"), said("father")])
    known = world(FAMILY, work=[works("visitors", "baby"), works("practice", "baby"), works("practice", "mother")])
    assert codes(shown(concern, known, "visitors")) == {"concern-detail"}
    assert codes(shown(concern, known, "practice")) == {"concern-detail", "diagnosis"}


def test_a_childs_team_reads_no_offences_of_a_mother_it_works_with_unless_they_were_written_to_it():
    concern = message("concern", "mother", kind="other", sender="probation", facts=[fact("offence", "Theft", "mother")])
    known = world(FAMILY, work=[works("midwives", "mother")])
    assert codes(copy(concern, known, "midwives", "full", reason_code="involved-with-subject")) == set()
    assert codes(copy(concern, known, "midwives", "full", reason_code="addressed")) == {"offence"}


def test_a_fact_that_nobody_described_is_shown_to_nobody():
    change = message("supervision-change", "father", sender="probation", facts=[fact("made-up-code", "x", "father")])
    known = world(FAMILY, work=[works("prison", "father")])
    assert codes(copy(change, known, "prison", "full", reason_code="addressed", released=True)) == set()


def test_whoever_is_addressed_reads_what_was_written_to_it():
    facts = [fact("offence", "Burglary", "father"), fact("diagnosis", "Depression", "mother"), RISK]
    referral = message("referral", "baby", sender="probation", to=("social-care",), facts=facts, people=[said("baby"), said("mother"), said("father")])
    seen = shown(referral, world(FAMILY), "social-care")
    assert codes(seen) == {"offence", "diagnosis", "risk-to-others-at-home"}
    assert keys(seen) == {"baby", "mother", "father"}


def test_every_view_of_the_policy_is_one_that_sharing_knows():
    assert set(policy().views) == set(View)
    assert all(isinstance(category, Category) for view in policy().views.values() for category in view)
    assert policy().only_with_child == {Function.GENERAL_PRACTICE}
