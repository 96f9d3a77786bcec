"""A copy as a whole, view by view: every part of the message that a reader gets, and every part that it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.states import PersonState, View
from schemas.codes import Event, LawfulBasis, Priority, RelationshipKind
from schemas.message import HouseholdMember, Message, Person, Professional, Relationship
from tests.unit.domain.family import (
    FAMILY,
    NOW,
    TEAMS,
    codes,
    copy,
    fact,
    home,
    keys,
    message,
    protected_at,
    said,
    works,
    world,
)

WITH_CHILD, ADDRESSED, ADDED = "involved-with-subject", "addressed", "added-by-policy"
MOTHER_OF = Relationship(person="mother", kind=RelationshipKind.MOTHER, to="baby")
FATHER_OF = Relationship(person="father", kind=RelationshipKind.FATHER, to="baby")
SENT = NOW - timedelta(minutes=30)

FACTS = {
    one.code: one
    for one in (
        fact("family-aware", True),  # event
        fact("weight", 5000, "baby"),  # care
        fact("risk-to-children", "Left alone"),  # risk
        fact("staff-safety", "Visit in pairs", "father"),
        fact("diagnosis", "Depression", "mother"),  # health
        fact("offence", "Burglary", "father"),
        fact("previous-practice", "Y00009", "baby"),  # location
        fact("children-in-contact", "Two nephews", "father"),  # household
        fact("contact-person", "Ada Able, health visitor"),  # contact
        fact("planned-arrest", True, "father"),  # restricted
        fact("nobody-described-it", "x", "baby"),
    )
}
CONCERN = message(
    "concern",
    "baby",
    kind="growth",
    sender="visitors",
    people=[said("baby"), said("mother"), said("father")],
    facts=FACTS.values(),
    sent=SENT,
    relationships=(MOTHER_OF,),
    household=tuple(HouseholdMember(person=person) for person in ("baby", "mother", "father", "grandfather")),
    priority=Priority.URGENT,
    to=("paediatrics", "practice"),
    reference="message-0",
    conversation="talk-1",
    labels=frozenset({"R", "of-the-senders-own"}),
)
KNOWN = world(FAMILY, work=[works("practice", "baby"), works("practice", "mother"), works("drugs", "father")])


def by_name(person):
    """Somebody who is given by name alone."""
    whole = said(person)
    return Person(key=person, family=whole.family, given=whole.given)


def seen(team, view, *, known=KNOWN, what=CONCERN, reason_code=WITH_CHILD, **decided):
    return copy(what, known, team, view, reason_code=reason_code, **decided)


def facts(*named):
    return tuple(FACTS[code] for code in named)


# --- the whole, view by view ---------------------------------------------------------------------------------------------


def test_a_full_copy_is_the_message_without_what_is_not_this_readers():
    assert seen("practice", "full") == replace(
        CONCERN,
        people=(said("baby"), said("mother"), by_name("father")),
        relationships=(MOTHER_OF, FATHER_OF),  # the message's, then what is known
        household=tuple(HouseholdMember(person=person) for person in ("baby", "mother", "father")),
        facts=facts(
            "family-aware",
            "weight",
            "risk-to-children",
            "staff-safety",
            "diagnosis",
            "previous-practice",
            "children-in-contact",
            "contact-person",
        ),
        to=("practice",),
        labels=frozenset({"R", "NOPAT"}),
    )


def test_a_copy_of_the_risk_says_what_happened_and_who_says_so_and_no_record():
    assert seen("practice", "risk") == replace(
        CONCERN,
        people=(said("baby"), said("mother")),
        relationships=(MOTHER_OF,),
        household=(),
        facts=(
            *facts("family-aware", "risk-to-children"),
            replace(FACTS["staff-safety"], about=None),  # whom it is about is not told
            *facts("contact-person"),
        ),
        to=("practice",),
        labels=frozenset({"R", "NOPAT"}),
    )


def bare(*people, **more):
    """What is left of the message where nothing says what happened, when, or who says so."""
    said_of = tuple(person.key for person in people)
    values = {
        "event": Event.INFORMATION,
        "subjects": said_of,
        "people": people,
        "sent": NOW,
        "labels": frozenset({"NOPAT"}),
    }
    return Message(id="message-1", sender=None, occurred=NOW, priority=Priority.URGENT, **{**values, **more})


def test_a_copy_for_the_safety_of_staff_says_that_and_nothing_else():
    assert seen("drugs", "safety") == bare(said("father"), facts=facts("staff-safety"))


def test_a_pointer_says_that_there_is_a_child_and_whom_to_ask():
    visitors = TEAMS["visitors"]
    pointed = (
        fact("child-in-household", True),
        fact("contact-person", visitors.name),
        fact("contact-phone", visitors.telephone),
    )
    assert seen("drugs", "pointer") == bare(said("father"), facts=pointed)


@pytest.mark.parametrize("view", [View.EXISTENCE, View.ENDED])
def test_that_there_is_something_or_no_longer_names_the_readers_own_client_alone(view):
    assert seen("drugs", view, released=True) == bare(said("father"))


def test_of_whom_the_reader_need_know_nobody_the_copy_names_nobody():
    assert seen("police", "existence") == bare()


def test_the_end_of_a_pregnancy_is_named_for_it_must_be_acted_on_and_the_end_of_anything_else_is_not():
    loss = message(
        "pregnancy-end",
        "mother",
        kind="miscarriage",
        facts=[fact("note", "At 19 weeks")],
        sent=SENT,
        reference="message-0",
        conversation="talk-1",
        to=("practice",),
        priority=Priority.URGENT,
    )
    ended = world(
        home("mother", "unborn"), work=[works("practice", "mother")], unborn={"state": PersonState.PREGNANCY_ENDED}
    )
    expected = bare(said("mother"), event=Event.PREGNANCY_END, to=("practice",))
    assert seen("practice", "ended", what=loss, known=ended) == expected
    assert seen("practice", "existence", what=loss, known=ended).event is Event.INFORMATION
    died = message("death", "baby", sender="emergency")
    assert seen("drugs", "ended", what=died).event is Event.INFORMATION


def test_what_was_sent_at_no_time_that_is_known_was_sent_when_it_was_told():
    assert seen("practice", "full", what=replace(CONCERN, sent=None)).sent == NOW
    assert seen("practice", "full").sent == SENT
    assert seen("practice", "full").occurred == CONCERN.occurred


# --- which facts ------------------------------------------------------------------------------------------------------------

CHILDS = {"family-aware", "weight", "risk-to-children", "staff-safety", "previous-practice", "children-in-contact", "contact-person"}  # fmt: skip


@pytest.mark.parametrize(
    ("team", "view", "how", "shown"),
    [
        ("practice", "full", {}, CHILDS | {"diagnosis"}),
        ("practice", "full", {"released": True}, CHILDS | {"diagnosis", "planned-arrest"}),
        ("paediatrics", "full", {"reason_code": ADDRESSED}, CHILDS | {"diagnosis", "offence"}),  # it was written to it
        ("paediatrics", "full", {"reason_code": ADDED}, CHILDS),
        ("midwives", "full", {}, CHILDS),
        ("records", "full", {"reason_code": ADDED}, {"family-aware", "weight", "previous-practice"}),
        ("records", "full", {"reason_code": ADDRESSED}, CHILDS | {"diagnosis", "offence"}),
        ("police", "full", {"reason_code": ADDED}, {"family-aware", "risk-to-children", "staff-safety", "previous-practice", "contact-person"}),
        ("practice", "risk", {"released": True}, {"family-aware", "risk-to-children", "staff-safety", "contact-person", "planned-arrest"}),
        ("practice", "safety", {}, {"staff-safety"}),
        ("practice", "safety", {"released": True}, {"staff-safety", "planned-arrest"}),
    ],
)  # fmt: skip
def test_a_reader_gets_the_categories_of_its_view_about_whom_it_may_read(team, view, how, shown):
    assert codes(seen(team, view, **how)) == shown


@pytest.mark.parametrize(
    ("team", "client", "shown"),
    [
        ("prison", "father", {"planned-arrest", "offence"}),  # responsible authorities, of their own client
        ("prison", "mother", set()),
        ("visitors", "father", set()),  # any other only once it is released
    ],
)
def test_what_is_restricted_is_the_authorities_to_read_of_their_own_client(team, client, shown):
    change = message(
        "supervision-change",
        "father",
        sender="probation",
        facts=[FACTS["planned-arrest"], FACTS["offence"]],
        people=[said("father"), said("mother")],
    )
    known = world(FAMILY, work=[works(team, client)])
    assert codes(seen(team, "full", what=change, known=known)) == shown


def test_a_fact_about_nobody_in_particular_is_about_all_whom_the_message_is_about():
    both = message(
        "maternity-discharge",
        "mother",
        "baby",
        facts=[fact("risk-to-children", "Left alone"), fact("weight", 5000, "baby")],
    )
    known = world(FAMILY, work=[works("cmht", "mother"), works("visitors", "baby")])
    assert codes(seen("visitors", "full", what=both, known=known)) == {"risk-to-children", "weight"}
    assert codes(seen("cmht", "full", what=both, known=known)) == set(), "of the baby it reads nothing"


# --- what would give a place away -----------------------------------------------------------------------------------------------


def test_of_a_protected_place_nothing_that_leads_there_is_copied_to_who_does_not_hold_it():
    hidden = protected_at("p", "birmingham", "midwives")
    known = replace(KNOWN, people={**KNOWN.people, "baby": replace(KNOWN.people["baby"], **hidden)})
    elsewhere = fact("previous-practice", "Y00010", "mother")
    what = replace(CONCERN, facts=(*CONCERN.facts, elsewhere))
    open_, kept = seen("practice", "full", what=what), seen("practice", "full", what=what, known=known)
    assert kept == replace(
        open_,
        sender=None,
        author=None,
        household=(),
        facts=tuple(one for one in open_.facts if one not in facts("previous-practice", "contact-person")),
    )
    assert elsewhere in kept.facts, "of whom nobody hides"
    risk = seen("practice", "risk", known=known)
    assert (risk.sender, risk.author, "contact-person" in codes(risk)) == (None, None, False)
    holds = replace(
        known,
        people={**known.people, "baby": replace(KNOWN.people["baby"], **protected_at("p", "birmingham", "practice"))},
    )
    assert seen("practice", "full", known=holds).sender == "visitors"


def test_who_keeps_the_register_is_not_told_whom_to_speak_to():
    copied = seen("records", "full", reason_code=ADDED)
    assert (copied.sender, copied.author, copied.household) == (None, None, ())
    assert copied.basis is LawfulBasis.CHILDREN_ACT_2004_S11


def test_the_sender_is_named_with_the_professional_who_wrote():
    copied = seen("practice", "full")
    assert (copied.sender, copied.author) == ("visitors", Professional(name="Ada Able", role="midwife"))


# --- who lives there, who is whose ------------------------------------------------------------------------------------------------


def test_who_lives_there_is_not_for_who_works_with_one_adult_though_it_was_written_to_it():
    assert seen("drugs", "full", reason_code=ADDRESSED).household == ()
    assert seen("paediatrics", "full", reason_code=ADDRESSED).household == seen("practice", "full").household


@pytest.mark.parametrize("view", [View.SAFETY, View.POINTER, View.EXISTENCE, View.ENDED])
def test_who_is_whose_is_told_only_with_what_happened(view):
    assert seen("practice", view).relationships == ()


def test_a_transfer_names_the_children_of_the_other_homes_that_it_covers():
    between = world(
        home("mother", "baby"),
        home("sibling", "grandmother", called="hers"),
        work=[works("practice", "baby")],
    )
    moving = message("transfer", "baby", sender="visitors", to=("visitors-sandwell",))
    alone = copy(moving, between, "visitors-sandwell", "full", reason_code=ADDRESSED)
    both = copy(moving, between, "visitors-sandwell", "full", reason_code=ADDRESSED, homes=frozenset({"hers"}))
    assert keys(alone) == {"baby", "mother"}
    assert keys(both) == {"baby", "mother", "sibling"}


def test_a_child_whom_an_earlier_transfer_does_not_name_to_the_team_is_named_in_no_copy_after_it():
    known = world(home("mother", "baby", "sibling"), work=[works("practice", "baby")])
    what = message("concern", "baby", kind="growth", sender="visitors", people=[said("baby"), said("sibling")])
    assert "sibling" in keys(seen("practice", "full", what=what, known=known))
    assert "sibling" not in keys(seen("practice", "full", what=what, known=known, unnamed=frozenset({"sibling"})))


# --- labels, and the kind of it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "labels"),
    [
        (View.FULL, {"R", "NOPAT"}),
        (View.RISK, {"R", "NOPAT"}),
        (View.SAFETY, {"NOPAT"}),
        (View.POINTER, {"NOPAT"}),
        (View.EXISTENCE, {"NOPAT"}),
        (View.ENDED, {"NOPAT"}),
    ],
)
def test_labels_go_with_the_content_and_every_reduced_copy_is_marked(view, labels):
    assert seen("practice", view).labels == labels


def test_what_family_may_see_is_marked_only_where_it_is_reduced():
    weighed = message("child-contact", "baby", kind="clinic", facts=[FACTS["weight"]])
    assert seen("practice", "full", what=weighed).labels == frozenset()
    assert seen("practice", "risk", what=weighed).labels == {"NOPAT"}
    restricted = replace(weighed, labels=frozenset({"R"}))
    assert seen("practice", "full", what=restricted).labels == {"R"}


@pytest.mark.parametrize(
    ("view", "kind"), [("full", "growth"), ("risk", "growth"), ("safety", None), ("existence", None)]
)
def test_the_kind_goes_with_what_happened(view, kind):
    assert seen("practice", view).kind == kind
