"""Pregnancies and births: who is expected, who is born, what ends, and where babies belong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain import changes as c
from broker.domain.gaps import gaps
from broker.domain.kinship import mothers_of
from broker.domain.states import PersonState
from schemas.codes import Event
from schemas.message import Person
from tests.town import (
    BABY,
    CHILD,
    DIRECTORY,
    EXPECTED,
    FATHER,
    MOTHER,
    NOW,
    TODAY,
    TWIN,
    Town,
    birth,
    booking,
    codes,
    contact,
    fact,
    lives,
    message,
    mother_of,
    statement,
)


def unborn(town):
    return [person for person in town.living() if person.state is PersonState.UNBORN]


def booked(**more):
    town = Town()
    town.send(booking(**more), "midwives")
    return town, town.id("m")


def test_a_booking_gives_the_mother_a_household_with_her_unborn_child():
    town, mother = booked()
    [child] = unborn(town)
    assert child.expected == EXPECTED
    assert mothers_of(town.world, child.id) == (mother,)
    assert town.homes(mother) == [{mother, child.id}]


def test_a_booking_of_twins_expects_two():
    town, mother = booked(fetuses=2)
    assert len(unborn(town)) == 2
    assert len(town.homes(mother)[0]) == 3


def test_twins_found_at_a_scan_join_the_one_that_was_booked():
    town, _ = booked()
    town.send(booking(fetuses=2), "midwives")
    assert len(unborn(town)) == 2


def test_unborn_children_that_are_listed_are_not_made_up_again():
    town = Town()
    listed = [Person(key=key, unborn=True, expected=EXPECTED) for key in ("u1", "u2")]
    said = message(Event.PREGNANCY_BOOKING, MOTHER, *listed, facts=(fact("number-of-fetuses", 2),))
    town.send(said, "midwives")
    assert {town.id("u1"), town.id("u2")} == {child.id for child in unborn(town)}


def test_a_mother_with_a_home_expects_her_child_there():
    town = Town()
    town.send(statement(lives("c", "m", "f"), people=(CHILD, MOTHER, FATHER)))
    mother = town.id("m")
    town.send(booking(), "midwives")
    [home] = town.homes(mother)
    assert unborn(town)[0].id in home
    assert len(home) == 4


def test_a_pregnancy_moves_with_its_mother():
    town, mother = booked()
    grandparents = replace(FATHER, key="g", identifiers=(), family="Gray")
    [child] = unborn(town)
    town.send(statement(lives("m", "g"), people=(MOTHER, grandparents)))
    refuge = statement(lives("m"), people=(MOTHER,), labels=frozenset({"refuge"}))
    town.send(refuge)
    assert town.homes(mother) == [{mother, child.id}]
    assert town.homes(child.id) == [{mother, child.id}]


@pytest.mark.parametrize("days", [1, 42, -42])
def test_midwifery_corrects_the_date_of_a_pregnancy(days):
    town, _ = booked()
    settled = town.send(booking(expected=EXPECTED + timedelta(days=days)), "midwives")
    assert [child.expected for child in unborn(town)] == [EXPECTED + timedelta(days=days)]
    assert codes(settled) == []


def test_others_do_not_correct_it_but_give_a_missing_one():
    town, _ = booked(expected=None)
    town.send(booking(), "practice")
    town.send(booking(expected=EXPECTED + timedelta(days=9)), "practice")
    assert [child.expected for child in unborn(town)] == [EXPECTED]


@pytest.mark.parametrize("days", [43, -43, 150])
def test_a_date_that_cannot_be_of_this_pregnancy_is_asked_about(days):
    """Nobody conceives before a pregnancy has ended: a slip, or an end that nobody told."""
    town, _ = booked()
    settled = town.send(booking(expected=EXPECTED + timedelta(days=days)), "midwives")
    assert [child.expected for child in unborn(town)] == [EXPECTED]
    assert codes(settled) == ["data-quality"]


def test_after_the_end_another_pregnancy_is_another():
    town, mother = booked()
    [first] = unborn(town)
    town.send(message(Event.PREGNANCY_END, MOTHER), "midwives")
    town.send(booking(expected=EXPECTED + timedelta(days=90)), "midwives")
    [second] = unborn(town)
    assert second.id != first.id
    assert town.world.people[first.id].state is PersonState.PREGNANCY_ENDED
    assert second.id in town.homes(mother)[0]


def test_when_the_first_must_be_over_a_booking_is_of_another():
    town, _ = booked()
    later = NOW + timedelta(days=120 + 43)
    town.send(booking(expected=EXPECTED + timedelta(days=300), occurred=later), "midwives")
    assert len(unborn(town)) == 2
    home = town.world.households_of(town.id("m"))[0]
    assert "pregnancy-overdue" in {gap.code for gap in gaps(town.world, home, DIRECTORY, later)}


def test_a_message_that_arrives_after_the_end_brings_nobody_back():
    town, _ = booked()
    town.send(message(Event.PREGNANCY_END, MOTHER), "midwives")
    town.send(booking(expected=EXPECTED + timedelta(days=3)), "practice")
    listed = Person(key="u", unborn=True)
    town.send(contact(MOTHER, listed, kind="antenatal", relationships=mother_of("m", "u")))
    assert unborn(town) == []


def test_a_pregnancy_ends_as_a_whole_unless_babies_are_still_expected():
    town, _ = booked(fetuses=2)
    town.send(message(Event.PREGNANCY_END, MOTHER, facts=(fact("number-of-fetuses", 1),)), "midwives")
    assert len(unborn(town)) == 1
    town.send(message(Event.PREGNANCY_END, MOTHER), "midwives")
    assert unborn(town) == []


def test_an_ended_pregnancy_stays_in_the_history_so_that_everybody_can_be_told():
    town, mother = booked()
    [child] = unborn(town)
    town.send(message(Event.PREGNANCY_END, MOTHER), "midwives")
    assert child.id in town.homes(mother)[0]
    assert {i.person_id for i in town.world.involvements} == {mother, child.id}


def test_a_baby_keeps_what_hung_on_the_unborn_child():
    town, mother = booked()
    [child] = unborn(town)
    settled = town.send(birth(BABY), "midwives")
    assert c.BecomeChild(person_id=child.id, born=TODAY) in settled.changes
    assert town.world.people[child.id].expected == EXPECTED
    assert town.homes(mother) == [{mother, child.id}]
    assert "midwives" in {i.team_id for i in town.world.involvements if i.person_id == child.id}


def test_a_birth_before_the_booking_is_known():
    town = Town()
    town.send(birth(BABY), "midwives")
    assert town.homes(town.id("m")) == [{town.id("m"), town.id("b")}]


def test_a_birth_without_a_date_of_birth_happened_when_it_happened():
    town, _ = booked()
    town.send(birth(replace(BABY, birth_date=None)), "midwives")
    assert unborn(town) == []
    assert town.person("b").born == TODAY


def test_a_birth_without_the_mother_is_a_child_alone_until_somebody_names_her():
    town, mother = booked()
    town.send(birth(BABY, mother=None), "records")
    baby = town.id("b")
    assert town.homes(baby) == [{baby}]
    home = town.world.households_of(baby)[0]
    assert "mother-not-identified" in {gap.code for gap in gaps(town.world, home, DIRECTORY, NOW)}
    town.send(contact(BABY, MOTHER, kind="new-birth", relationships=mother_of("m", "b")))
    assert [home >= {mother, baby} for home in town.homes(baby)] == [True]


def test_a_birth_is_at_home_with_the_mother_whoever_tells_it():
    town = Town()
    town.send(birth(BABY), "police")
    assert town.homes(town.id("b")) == [{town.id("m"), town.id("b")}]


def test_an_adult_service_that_names_a_mother_moves_no_child():
    town = Town()
    town.send(statement(lives("m", "f"), people=(MOTHER, FATHER)))
    mother = town.id("m")
    town.send(contact(BABY, MOTHER, relationships=mother_of("m", "b")), "probation")
    assert town.id("b") not in town.homes(mother)[0]
    assert town.homes(town.id("b")) == [{town.id("b")}]


def test_an_infant_that_was_said_to_live_elsewhere_does_not_follow_its_mother():
    town = Town()
    carer = replace(FATHER, key="a")
    town.send(statement(lives("b", "a"), people=(BABY, carer)), "children")
    baby, home = town.id("b"), town.id("a")
    town.send(contact(BABY, MOTHER, relationships=mother_of("m", "b")))
    assert town.homes(baby) == [{baby, home}]


def test_an_older_child_of_whose_home_nothing_is_known_has_its_own():
    town = Town()
    town.send(contact(CHILD, MOTHER, relationships=mother_of("m", "c")))
    assert town.homes(town.id("c")) == [{town.id("c")}]


def test_a_second_mother_of_an_unborn_child_is_a_question_not_a_fact():
    town, mother = booked()
    other = replace(MOTHER, key="o", identifiers=(), given=("Maria",), birth_date=None)
    listed = Person(key="u", unborn=True, expected=EXPECTED)
    said = message(
        Event.SUPERVISION_CHANGE,
        FATHER,
        MOTHER,
        other,
        listed,
        relationships=(*mother_of("m", "u"), *mother_of("o", "u")),
    )
    settled = town.send(said, "probation")
    [child] = unborn(town)
    assert mothers_of(town.world, child.id) in {(mother,), (town.id("m"),)}
    assert "resolve-identity" in codes(settled)


def test_a_father_under_supervision_is_not_taken_for_the_pregnant_one():
    town = Town()
    partner, listed = replace(MOTHER, key="p"), Person(key="u", unborn=True, expected=EXPECTED)
    said = message(Event.SUPERVISION_START, FATHER, partner, listed, relationships=mother_of("p", "u"))
    town.send(said, "probation")
    assert mothers_of(town.world, town.id("u")) == (town.id("p"),)
    assert town.homes(town.id("f")) == []


def test_a_stillborn_twin_and_a_living_one():
    town, _ = booked(fetuses=2)
    town.send(birth(BABY, replace(TWIN, deceased=True, given=("Tess",))), "midwives")
    assert town.person("b").state is PersonState.LIVING
    assert town.person("t").state is PersonState.DIED
