"""What a copy shows beyond what the principles say by number."""

from dataclasses import replace

import pytest

from broker.domain.states import PersonState, View
from schemas.codes import Category, Function
from schemas.identifiers import CRN, NHS_NUMBER, local_system
from schemas.message import HouseholdMember, Identifier
from tests.unit.domain.family import (
    ADMITTED,
    FAMILY,
    RISK,
    SAFETY,
    codes,
    copy,
    fact,
    home,
    keys,
    message,
    policy,
    said,
    shown,
    works,
    world,
)


def test_the_sender_gets_what_it_sent():
    assert copy(ADMITTED, world(FAMILY), "cmht", "full") is ADMITTED


@pytest.mark.parametrize(
    ("team", "sees"), [("midwives", False), ("practice", False), ("police", True), ("prison", True)]
)
def test_case_numbers_are_shown_to_justice_about_its_own_client_only(team, sees):
    numbers = (Identifier(system=CRN, value="X123456"), Identifier(system=NHS_NUMBER, value="9990000018"))
    change = message("supervision-change", "father", sender="probation", people=[said("father", identifiers=numbers)])
    known = world(FAMILY, work=[works(team, "father")])
    seen = copy(change, known, team, "full", reason_code="involved-with-subject")
    assert any(i.system == CRN for person in seen.people for i in person.identifiers) is sees


@pytest.mark.parametrize(("event", "kind"), [("mental-health-leave", "absent"), ("supervision-change", "registration")])
def test_a_kind_that_tells_of_health_or_offences_is_not_shown_with_the_risk(event, kind):
    known = world(FAMILY, work=[works("visitors", "baby"), works("drugs", "grandfather"), works("drugs", "father")])
    subject, sender = ("grandfather", "cmht") if event.startswith("mental") else ("father", "probation")
    happened = message(event, subject, sender=sender, kind=kind, facts=[RISK])
    assert shown(happened, known, "visitors").kind is None
    assert shown(happened, known, "drugs").kind == kind
    assert shown(message("concern", "baby", sender="practice", kind="growth"), known, "visitors").kind == "growth"


def test_the_register_gets_no_risk():
    born = message("birth", "baby", facts=[SAFETY, RISK, fact("birth-weight", 3200, "baby")])
    assert codes(shown(born, world(FAMILY), "records")) == {"birth-weight"}


def test_a_full_view_of_a_child_holds_no_adults_record():
    facts = [fact("diagnosis", "Depression", "mother"), fact("concern-detail", "Asleep at noon", "father")]
    concern = message(
        "concern",
        "baby",
        kind="neglect",
        sender="midwives",
        facts=facts,
        people=[said("baby"), said("mother"), said("father")],
    )
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
    referral = message(
        "referral",
        "baby",
        sender="probation",
        to=("social-care",),
        facts=facts,
        people=[said("baby"), said("mother"), said("father")],
    )
    seen = shown(referral, world(FAMILY), "social-care")
    assert codes(seen) == {"offence", "diagnosis", "risk-to-others-at-home"}
    assert keys(seen) == {"baby", "mother", "father"}


def test_every_view_of_the_policy_is_one_that_sharing_knows():
    assert set(policy().views) == set(View)
    assert all(isinstance(category, Category) for view in policy().views.values() for category in view)
    assert policy().only_with_child == {Function.GENERAL_PRACTICE}


def test_a_practice_is_not_told_of_another_patient_whom_it_does_not_concern():
    concern = message("concern", "mother", kind="isolation", sender="midwives")
    known = world(FAMILY, work=[works("practice", "mother"), works("practice", "grandfather")])
    assert keys(shown(concern, known, "practice")) == {"mother", "baby"}


def test_a_practice_reads_for_whose_sake_it_is_told_though_the_child_has_not_been_seen_there():
    known = world(FAMILY, work=[works("practice", "grandfather")])
    assert keys(shown(ADMITTED, known, "practice")) >= {"grandfather", "baby"}


def test_a_parent_of_another_home_is_not_brought_in():
    known = world(home("father", "baby", called="his"), home("mother", called="hers"), work=[works("visitors", "baby")])
    concern = message("concern", "baby", kind="growth", sender="paediatrics")
    assert keys(shown(concern, known, "visitors")) == {"baby"}
    both = replace(concern, people=(said("baby"), said("mother")))
    assert keys(shown(both, known, "visitors")) == {"baby", "mother"}


@pytest.mark.parametrize(("team", "person", "named"), [("visitors", "baby", False), ("social-care", "sibling", True)])
def test_whose_identity_is_protected_is_named_only_to_who_works_with_them(team, person, named):
    concern = message(
        "concern", "baby", kind="growth", sender="paediatrics", people=[said("baby"), said("sibling", protected=True)]
    )
    known = world(home("mother", "baby", "sibling"), work=[works(team, person)])
    assert ("sibling" in keys(shown(concern, known, team))) is named


def test_a_sealed_person_is_not_named_even_where_the_message_does():
    concern = message("concern", "baby", kind="growth", sender="paediatrics", people=[said("baby"), said("sibling")])
    sealed = world(
        home("mother", "baby", "sibling"), work=[works("visitors", "baby")], sibling={"state": PersonState.SEALED}
    )
    assert "sibling" not in keys(shown(concern, sealed, "visitors"))


def test_other_agencies_numbers_are_not_passed_on():
    numbers = [(NHS_NUMBER, "9990000018"), (local_system("trust"), "T1"), (local_system("practice"), "P1")]
    contact = message(
        "child-contact",
        "baby",
        kind="clinic",
        people=[said("baby", identifiers=tuple(Identifier(system=s, value=v) for s, v in numbers))],
    )
    seen = shown(contact, world(FAMILY, work=[works("practice", "baby")]), "practice")
    assert {i.value for i in seen.person("baby").identifiers} == {"9990000018", "P1"}


def test_who_lives_there_is_not_told_to_who_works_with_one_adult():
    update = message(
        "household-update",
        "father",
        sender="midwives",
        household=(HouseholdMember(person="father"), HouseholdMember(person="mother")),
    )
    known = world(FAMILY, work=[works("probation", "father")])
    assert copy(update, known, "probation", "full").household == ()


def test_a_safety_fact_says_nothing_of_whom_it_is_about_where_that_is_not_told():
    admitted = replace(ADMITTED, facts=(fact("staff-safety", "Visit in pairs", "grandfather"),))
    [seen] = shown(admitted, world(FAMILY, work=[works("probation", "father")]), "probation").facts
    assert (seen.code, seen.about) == ("staff-safety", None)
