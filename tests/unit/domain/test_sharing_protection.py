"""Principles 10 to 15 of docs/sharing.md by number: places, sealed records, siblings, marks, endings, workload."""

from dataclasses import replace

import pytest

from broker.domain.states import PersonState
from broker.domain.world import KnownRelationship
from schemas.codes import Event, RelationshipKind, Standing
from schemas.message import HouseholdMember, PostalAddress
from tests.unit.domain.family import (
    ADMITTED,
    FAMILY,
    KIN,
    NOW,
    SAFETY,
    TEAMS,
    codes,
    copy,
    directory,
    fact,
    home,
    keys,
    message,
    policy,
    protected_at,
    routed,
    said,
    shown,
    tasks,
    told,
    withheld,
    works,
    world,
)

# --- 10 addresses


SECRET_HOME = PostalAddress(lines=("1 Hidden Way",), postcode="B15 2TH", protected=True)


def test_p10_a_protected_address_and_what_gives_it_away_are_never_copied_on():
    hidden = protected_at("p1", "birmingham", "midwives")
    known = world(
        home("mother", "baby"), work=[works("visitors", "baby"), works("cmht", "mother")], mother=hidden, baby=hidden
    )
    contact = message(
        "maternity-discharge",
        "mother",
        "baby",
        people=[
            said("mother", addresses=(SECRET_HOME,), practice="Y00008"),
            said("baby", addresses=(SECRET_HOME,), practice="Y00008"),
        ],
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
    known = world(
        home("mother", "baby"),
        work=[works("visitors", "baby"), works("practice", "mother")],
        mother=hidden,
        baby=hidden,
    )
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
    assert shown(contact, world(FAMILY, work=[works("visitors", "baby")]), "visitors").person("baby").addresses == (
        place,
    )


@pytest.mark.parametrize("standing", [Standing.SHARED_CARE, Standing.LIVES])
def test_p10_a_shared_child_carries_nothing_from_one_parents_household_to_the_others(standing):
    hers, his = home("mother", "baby", called="hers"), home("father", "baby", called="his", standing=standing)
    work = [
        works("visitors", "baby"),
        works("drugs", "mother"),
        works("probation", "father"),
        works("practice", "mother"),
    ]
    known = world(hers, his, work=work)
    about_her = routed(message("concern", "mother", kind="isolation", sender="midwives"), known)
    assert "probation" not in {**told(about_her), **withheld(about_her)}
    assert set(about_her.households) == {"hers"}
    about_the_child = routed(message("concern", "baby", kind="isolation", sender="practice"), known)
    assert "probation" not in {**told(about_the_child), **withheld(about_the_child)}
    assert {"visitors", "drugs"} <= told(about_the_child).keys()


def test_p10_a_child_at_home_in_two_places_of_one_family_is_routed_through_both():
    flat, parents = (
        home("mother", "father", "baby", called="flat"),
        home("mother", "father", "baby", "grandfather", called="parents"),
    )
    known = world(flat, parents, work=[works("cmht", "grandfather")])
    decision = routed(message("birth", "baby"), known)
    assert "cmht" in told(decision)
    assert set(decision.households) == {"flat", "parents"}


# --- 11 sealed records


def test_p11_a_sealed_person_reaches_nobody_and_links_nobody():
    known = world(
        FAMILY, work=[works("visitors", "baby"), works("social-care", "baby")], baby={"state": PersonState.SEALED}
    )
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
    assert "cmht" not in {
        **told(routed(message("birth", "baby"), known)),
        **withheld(routed(message("birth", "baby"), known)),
    }


# --- 12 siblings in a transfer


NOT_SAID = tuple(r for r in KIN if r.to != "sibling")


@pytest.mark.parametrize(
    ("kin", "evidence", "named"),
    [
        (KIN, "child-contact", True),
        (KIN, "looked-after-start", False),
        (NOT_SAID, "child-contact", True),  # nobody has said whose child it is: a child of the home like the rest (F12)
        (
            (*NOT_SAID, KnownRelationship(person_id="grandfather", kind=RelationshipKind.FATHER, to="sibling")),
            "child-contact",
            False,
        ),  # a cousin
    ],
)
def test_p12_some_children_are_not_named_to_the_receiver_until_the_lead_agrees(kin, evidence, named):
    known = world(
        home("mother", "grandfather", "baby", "sibling"),
        kin=kin,
        work=[works("social-care", "sibling", evidence=evidence)],
    )
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
    agreed = copy(transfer, known, "visitors-sandwell", "full", reason_code="addressed", agreed=frozenset({"sibling"}))
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


def test_p13_every_reduced_copy_is_marked_because_it_speaks_of_others():
    born = message("birth", "baby", facts=[fact("birth-weight", 3200, "baby")])
    known = world(FAMILY, work=[works("probation", "father"), works("visitors", "baby")])
    assert shown(born, known, "visitors").labels == frozenset()
    assert shown(born, known, "probation").labels == {"NOPAT"}


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
        home("mother", "father", "unborn"),
        work=[works("visitors", "mother")],
        unborn={"state": PersonState.PREGNANCY_ENDED},
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
