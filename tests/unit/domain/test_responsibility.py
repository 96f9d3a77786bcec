"""Who is responsible: what takes a person on, hands over and ends it, and what moves nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.responsibility import HELD, HELD_AS, held_as
from broker.domain.states import HeldBy, Unheld
from schemas.codes import Event, Function
from schemas.message import Person
from tests.ledger import Ledgered
from tests.town import (
    BABY,
    CHILD,
    EXPECTED,
    FATHER,
    MOTHER,
    NOW,
    TODAY,
    TWIN,
    birth,
    booking,
    contact,
    crn,
    fact,
    message,
)

MIDWIFERY, VISITING, PRACTICE = Function.MIDWIFERY, Function.HEALTH_VISITING, Function.GENERAL_PRACTICE
MENTAL_HEALTH, PROBATION = Function.MENTAL_HEALTH, Function.PROBATION


@pytest.fixture
def town():
    return Ledgered()


def start(person=CHILD, **more):
    """A team says that it began to work with somebody."""
    return message(Event.INVOLVEMENT_START, person, **more)


def end(person=CHILD, **more):
    """A team says that it no longer works with somebody."""
    return message(Event.INVOLVEMENT_END, person, **more)


def registered(person=CHILD, practice="M85001", kind="registered", **more):
    """A registration with a practice."""
    return message(Event.GP_REGISTRATION, replace(person, practice=practice), kind=kind, **more)


def unborn_of(town):
    [child] = [r.to for r in town.world.relationships if r.person_id == town.id("m")]
    return child


# --- the functions ------------------------------------------------------------------------------------------------


def test_who_does_the_work_of_health_visiting_is_responsible_in_it():
    assert {function for function in Function if held_as(function) is VISITING} == {
        Function.HEALTH_VISITING,
        Function.FAMILY_NURSE_PARTNERSHIP,
        Function.SCHOOL_NURSING,
    }
    assert held_as(Function.POLICE) is None
    assert len(HELD) == 5 == len(set(HELD_AS.values()))


# --- taking on ------------------------------------------------------------------------------------------------------


def test_a_booking_is_for_her_and_for_whom_she_expects(town):
    town.send(booking(), "midwives")
    assert town.who("m", MIDWIFERY) == town.who(unborn_of(town), MIDWIFERY) == "midwives"
    held = town.current("m", MIDWIFERY)
    assert (held.held_by, held.since, held.task_id) == (HeldBy.REGISTRATION, NOW, None)
    assert town.who("m", VISITING) is Unheld.NOT_KNOWN


def test_a_practice_that_tells_of_a_pregnancy_books_nobody(town):
    town.send(booking(), "practice")
    assert town.chains == {}


def test_the_child_that_is_born_stays_whose_it_was(town):
    town.send(booking(expected=TODAY), "midwives")
    child = unborn_of(town)
    town.send(birth(BABY), "records")
    assert town.id("b") == child
    assert town.who(child, MIDWIFERY) == "midwives"
    assert len(town.chains[child, MIDWIFERY]) == 1


def test_a_twin_whom_nobody_expected_is_its_mothers_midwives(town):
    town.send(booking(expected=TODAY), "midwives")
    town.send(birth(BABY, TWIN), "records")
    assert town.who("b", MIDWIFERY) == town.who("t", MIDWIFERY) == "midwives"


def test_a_baby_that_nobody_booked_is_of_the_midwives_who_say_that_it_was_born(town):
    town.send(birth(BABY), "midwives")
    assert town.who("b", MIDWIFERY) == "midwives"
    assert town.who("m", MIDWIFERY) is Unheld.NOT_KNOWN


def test_a_baby_of_a_mother_of_whom_nobody_is_known_is_nobodys(town):
    town.send(birth(BABY), "records")
    assert town.chains == {}


def test_a_birth_that_is_told_again_brings_nobody_back(town):
    town.send(birth(BABY), "midwives")
    town.confirm(town.id("b"), "midwives", "visitors")
    town.send(birth(BABY, occurred=NOW + timedelta(days=40)), "midwives")
    assert town.who("b", MIDWIFERY) is Unheld.DISCHARGED


@pytest.mark.parametrize(
    ("by", "function"),
    [("visitors", VISITING), ("midwives", MIDWIFERY), ("probation", PROBATION), ("cmht", MENTAL_HEALTH)],
)
def test_beginning_to_work_with_somebody_is_acceptance_whoever_held_before(town, by, function):
    others = {"visitors": "south-visitors", "probation": "probation-london"}
    person = replace(MOTHER, key="p")
    if by in others:
        town.send(start(person), others[by])
    town.send(start(person), by)
    assert town.who("p", function) == by


@pytest.mark.parametrize("by", ["police", "children", "prison", "refuge", "practice"])
def test_who_holds_nothing_takes_nothing(town, by):
    town.send(start(), by)
    assert town.chains == {}


def test_the_practice_follows_registration(town):
    town.send(registered(), "records")
    assert town.who("c", PRACTICE) == "practice"
    town.send(registered(practice="M85002", occurred=NOW + timedelta(days=3)), "other-practice")
    assert town.who("c", PRACTICE) == "other-practice"


def test_removed_from_the_list_is_not_registered(town):
    town.send(registered(), "records")
    town.send(registered(practice="M85002", kind="removed"), "records")
    assert town.who("c", PRACTICE) == "practice"  # another practice's list
    town.send(registered(kind="removed"), "records")
    assert town.who("c", PRACTICE) is Unheld.NOT_REGISTERED


def test_registered_with_a_practice_that_is_not_in_the_directory(town):
    """Whoever held before does no longer, and who does is not here."""
    town.send(registered(), "records")
    town.send(registered(practice="Z99999"), "records")
    assert town.who("c", PRACTICE) is Unheld.ELSEWHERE
    town.send(registered(practice=None), "records")
    assert town.who("c", PRACTICE) is Unheld.ELSEWHERE


def test_admission_holds_and_discharge_goes_on(town):
    town.send(message(Event.MENTAL_HEALTH_ADMISSION, FATHER), "cmht")
    town.send(message(Event.MENTAL_HEALTH_DISCHARGE, FATHER, occurred=NOW + timedelta(days=9)), "cmht")
    assert town.who("f", MENTAL_HEALTH) == "cmht"
    town.send(end(FATHER, occurred=NOW + timedelta(days=10)), "cmht")
    assert town.who("f", MENTAL_HEALTH) is Unheld.ENDED


def test_supervision_is_held_from_its_start_to_its_end(town):
    case = Person(key="x", identifiers=(crn("X123456"),))
    town.send(message(Event.SUPERVISION_START, case), "probation-london")
    assert town.who("x", PROBATION) == "probation-london"
    town.send(message(Event.SUPERVISION_END, case), "probation")
    assert town.who("x", PROBATION) == "probation-london"  # another's end is not its own
    town.send(message(Event.SUPERVISION_END, case), "probation-london")
    assert town.who("x", PROBATION) is Unheld.ENDED


def test_what_others_say_of_a_registration_moves_nobody_who_is_responsible(town):
    town.send(registered(), "practice")
    for day, said in ((1, "M85002"), (2, "Z99999")):
        town.send(registered(practice=said, occurred=NOW + timedelta(days=day)), "visitors")
        assert town.who("c", PRACTICE) == "practice"
    town.send(registered(practice="M85002", occurred=NOW + timedelta(days=3)), "records")
    assert town.who("c", PRACTICE) == "other-practice"


# --- what moves nothing ---------------------------------------------------------------------------------------------

MOVING = {
    Event.PREGNANCY_BOOKING,
    Event.BIRTH,
    Event.GP_REGISTRATION,
    Event.MENTAL_HEALTH_ADMISSION,
    Event.SUPERVISION_START,
    Event.SUPERVISION_END,
    Event.INVOLVEMENT_START,
    Event.INVOLVEMENT_END,
    Event.PREGNANCY_END,
    Event.DEATH,
}


@pytest.mark.parametrize("event", sorted(set(Event) - MOVING))
@pytest.mark.parametrize("by", ["visitors", "midwives", "practice", "cmht", "probation"])
def test_no_other_event_moves_anything(town, event, by):
    town.send(start(), "south-visitors")
    before = town.chains
    town.send(message(event, CHILD, occurred=NOW + timedelta(days=1)), by)
    town.send(message(event, FATHER, occurred=NOW + timedelta(days=1)), by)
    assert town.chains == before


def test_the_same_word_again_begins_no_second_period(town):
    town.send(start(), "visitors")
    town.send(start(occurred=NOW + timedelta(days=5)), "visitors")
    assert len(town.chains[town.id("c"), VISITING]) == 1


# --- transfers ------------------------------------------------------------------------------------------------------


def test_one_function_to_another_ends_the_senders_at_the_moment_the_receivers_begins(town):
    town.send(birth(BABY), "midwives")
    town.now += timedelta(days=12)
    child = town.id("b")
    town.confirm(child, "midwives", "visitors")
    assert (town.who(child, MIDWIFERY), town.who(child, VISITING)) == (Unheld.DISCHARGED, "visitors")
    ended, begun = town.current(child, MIDWIFERY), town.current(child, VISITING)
    assert ended.since == begun.since == town.now
    assert begun.held_by is ended.held_by is HeldBy.TRANSFER
    assert begun.task_id == ended.task_id == "line"


def test_area_to_area_is_one_chain(town):
    town.send(start(), "visitors")
    town.confirm(town.id("c"), "visitors", "south-visitors")
    assert [p.team_id for p in town.chains[town.id("c"), VISITING]] == ["visitors", "south-visitors"]


def test_a_sender_that_does_not_hold_discharges_nobody(town):
    town.send(contact(), "visitors")
    town.confirm(town.id("c"), "midwives", "visitors")
    assert town.everything("c") == dict.fromkeys(HELD, Unheld.NOT_KNOWN) | {VISITING: "visitors"}


@pytest.mark.parametrize("receiver", ["practice", "children"])
def test_who_is_not_made_responsible_by_confirming_takes_nothing_away(town, receiver):
    town.send(birth(BABY), "midwives")
    town.confirm(town.id("b"), "midwives", receiver)
    assert town.who("b", MIDWIFERY) == "midwives"
    assert town.who("b", PRACTICE) is Unheld.NOT_KNOWN


def test_nobody_is_dropped_half_way(town):
    town.send(start(), "visitors")
    child = town.id("c")
    town.in_transfer = {(child, "visitors")}
    town.send(end(), "visitors")
    assert town.who(child, VISITING) == "visitors"
    town.confirm(child, "visitors", "south-visitors")
    town.send(end(occurred=NOW + timedelta(days=1)), "visitors")
    assert town.who(child, VISITING) == "south-visitors"


def test_an_order_that_ended_has_ended_even_half_way(town):
    town.send(message(Event.SUPERVISION_START, FATHER), "probation-london")
    town.in_transfer = {(town.id("f"), "probation-london")}
    town.send(message(Event.SUPERVISION_END, FATHER), "probation-london")
    assert town.who("f", PROBATION) is Unheld.ENDED


def test_ending_with_a_pregnant_woman_ends_for_whom_she_expects(town):
    town.send(booking(), "midwives")
    child = unborn_of(town)
    town.send(end(MOTHER, occurred=NOW + timedelta(days=1)), "midwives")
    assert town.who("m", MIDWIFERY) is town.who(child, MIDWIFERY) is Unheld.ENDED


# --- late facts -----------------------------------------------------------------------------------------------------


def test_nothing_is_backdated(town):
    town.send(start(occurred=NOW - timedelta(days=30)), "visitors")
    held = town.current("c", VISITING)
    assert (held.since, held.occurred_at) == (NOW, NOW - timedelta(days=30))


def test_a_registration_that_another_has_overtaken_moves_nothing(town):
    town.send(registered(practice="M85002", occurred=NOW - timedelta(days=5)), "records")
    town.send(registered(occurred=NOW - timedelta(days=50)), "records")
    assert town.who("c", PRACTICE) == "other-practice"


def test_an_end_before_the_beginning_is_of_an_earlier_time(town):
    town.send(start(occurred=NOW - timedelta(days=5)), "visitors")
    town.send(end(occurred=NOW - timedelta(days=50)), "visitors")
    assert town.who("c", VISITING) == "visitors"


def test_a_beginning_that_its_own_end_has_overtaken_moves_nothing(town):
    town.send(start(occurred=NOW - timedelta(days=50)), "visitors")
    town.send(end(occurred=NOW - timedelta(days=5)), "visitors")
    town.send(start(occurred=NOW - timedelta(days=20)), "visitors")
    assert town.who("c", VISITING) is Unheld.ENDED


def test_a_beginning_is_not_overtaken_by_the_end_of_anothers_work(town):
    """Registered there in spring, removed here in summer, and the first of the two heard last."""
    town.send(registered(occurred=NOW - timedelta(days=90)), "records")
    town.send(registered(kind="removed", occurred=NOW - timedelta(days=5)), "records")
    town.send(registered(practice="M85002", occurred=NOW - timedelta(days=20)), "records")
    assert town.who("c", PRACTICE) == "other-practice"


# --- lives ----------------------------------------------------------------------------------------------------------


def test_a_death_ends_everything(town):
    town.send(start(), "visitors")
    town.send(message(Event.DEATH, CHILD, kind="formal"), "practice")
    assert set(town.everything("c").values()) == {Unheld.DIED}
    town.send(start(occurred=NOW + timedelta(days=2)), "south-visitors")
    assert set(town.everything("c").values()) == {Unheld.DIED}


def test_a_death_that_was_none_brings_back_who_was_responsible(town):
    first = start()
    town.send(first, "visitors")
    town.send(message(Event.DEATH, CHILD, kind="informal"), "practice")
    town.now += timedelta(days=1)
    town.send(message(Event.DEATH, CHILD, kind="removal", occurred=town.now), "practice")
    assert town.everything("c") == dict.fromkeys(HELD, Unheld.NOT_KNOWN) | {VISITING: "visitors"}
    held = town.current("c", VISITING)
    assert (held.since, held.notification_id, held.held_by) == (town.now, first.id, HeldBy.REGISTRATION)


def test_a_pregnancy_that_ended(town):
    town.send(booking(), "midwives")
    child = unborn_of(town)
    town.send(message(Event.PREGNANCY_END, MOTHER), "practice")
    assert town.who("m", MIDWIFERY) is Unheld.PREGNANCY_ENDED
    assert set(town.everything(child).values()) == {Unheld.PREGNANCY_ENDED}
    assert town.who("m", VISITING) is Unheld.NOT_KNOWN
    later = NOW + timedelta(days=90)
    town.send(booking(expected=EXPECTED + timedelta(days=300), occurred=later), "midwives")
    assert town.who("m", MIDWIFERY) == "midwives"


def test_one_of_twins_that_ended_leaves_her_midwives_hers(town):
    town.send(booking(fetuses=2), "midwives")
    town.send(message(Event.PREGNANCY_END, MOTHER, facts=(fact("number-of-fetuses", 1),)), "midwives")
    children = [r.to for r in town.world.relationships if r.person_id == town.id("m")]
    assert {town.who(child, MIDWIFERY) for child in children} == {"midwives", Unheld.PREGNANCY_ENDED}
    assert town.who("m", MIDWIFERY) == "midwives"


def test_a_pregnancy_that_ended_beside_a_baby_leaves_her_midwives_hers(town):
    town.send(booking(expected=TODAY, fetuses=2), "midwives")
    town.send(birth(BABY), "midwives")
    town.send(message(Event.PREGNANCY_END, MOTHER), "midwives")
    assert town.who("m", MIDWIFERY) == "midwives"


def test_a_sealed_person_is_nobodys(town):
    town.send(start(), "visitors")
    town.send(message(Event.IDENTIFIER_CHANGE, CHILD, kind="sealed"), "records")
    assert set(town.everything("c").values()) == {Unheld.SEALED}


def test_two_records_that_are_one(town):
    """The survivor keeps whom it has, and has the other's where it has none."""
    case = Person(key="x", identifiers=(crn("X123456"),))
    town.send(message(Event.SUPERVISION_START, case), "probation")
    gone = town.id("x")
    town.send(registered(FATHER), "records")
    known = replace(FATHER, identifiers=(*FATHER.identifiers, crn("X123456")))
    town.send(message(Event.SUPERVISION_CHANGE, known, kind="manager"), "probation")
    alive = town.id("f")
    assert alive != gone
    assert town.everything(alive) == dict.fromkeys(HELD, Unheld.NOT_KNOWN) | {
        PRACTICE: "practice",
        PROBATION: "probation",
    }
    assert set(town.everything(gone).values()) == {Unheld.MERGED}


# --- taken back -----------------------------------------------------------------------------------------------------


def test_what_was_taken_back_is_mended_and_kept(town):
    wrong = start(occurred=NOW + timedelta(days=1))
    town.send(start(), "visitors")
    town.send(wrong, "south-visitors")
    town.take_back(wrong)
    chain = town.chains[town.id("c"), VISITING]
    assert [p.team_id for p in chain] == ["visitors", "south-visitors", "visitors"]


def test_what_ended_a_holding_that_never_was_did_not_happen(town):
    wrong = start(occurred=NOW + timedelta(days=1))
    town.send(start(), "visitors")
    town.send(wrong, "south-visitors")
    town.send(end(occurred=NOW + timedelta(days=2)), "south-visitors")
    town.take_back(wrong)
    assert town.who("c", VISITING) == "visitors"


def test_what_came_after_what_was_taken_back_stays(town):
    wrong = start(occurred=NOW + timedelta(days=1))
    town.send(start(), "visitors")
    town.send(wrong, "south-visitors")
    town.confirm(town.id("c"), "south-visitors", "visitors")
    before = town.chains
    town.take_back(wrong)
    assert town.chains == before


def test_with_nothing_before_it_nothing_is_known(town):
    wrong = start()
    town.send(wrong, "visitors")
    town.take_back(wrong)
    held = town.current("c", VISITING)
    assert (held.unheld, held.held_by) == (Unheld.NOT_KNOWN, HeldBy.CORRECTION)


def test_two_that_are_taken_back_one_after_the_other(town):
    first, second = start(), start(occurred=NOW + timedelta(days=1))
    town.send(first, "visitors")
    town.send(second, "south-visitors")
    town.take_back(second)
    assert town.who("c", VISITING) == "visitors"
    town.take_back(first, second)
    assert town.who("c", VISITING) is Unheld.NOT_KNOWN
