"""Where a household is: by whose address, when in no area that the directory has, and who is asked then."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.codes import Event, TaskCode
from schemas.message import PostalAddress
from tests.town import (
    CHILD,
    FATHER,
    MOTHER,
    TODAY,
    Town,
    booking,
    codes,
    contact,
    father_of,
    home,
    lives,
    living_at,
    message,
    moved,
    revision,
    statement,
)

HERE = home("10 High Street")
THERE = home("3 Elm Road", "NW1 1AA")
AWAY = home("1 Quay Street", "TR1 2AA")
"""In no area of the directory."""


def area(town, key):
    [household] = town.world.households_of(town.id(key))
    return town.world.households[household].area_id


def test_a_household_is_where_its_childrens_address_is_else_where_the_sender_works():
    town = Town()
    town.send(contact(CHILD))
    assert area(town, "c") == "north"
    town.send(moved(CHILD, THERE), "practice")
    assert area(town, "c") == "south"


def test_a_pregnant_mother_moves_her_household_and_its_version_rises():
    town = Town()
    town.send(booking(living_at(MOTHER, HERE)), "midwives")
    assert area(town, "m") == "north"
    settled = town.send(moved(MOTHER, THERE))
    assert area(town, "m") == "south"
    assert len(revision(settled).households) == 1


def test_the_address_of_an_adult_who_joins_does_not_move_the_family():
    town = Town()
    town.send(statement(lives("c", "m"), people=(living_at(CHILD, HERE), living_at(MOTHER, HERE))))
    [household] = town.world.households_of(town.id("c"))
    related = father_of("f", "c")
    town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, living_at(FATHER, THERE)), relationships=related))
    assert area(town, "c") == "north"
    town.send(message(Event.SUPERVISION_CHANGE, living_at(FATHER, THERE)), "probation-london")
    assert town.world.households_of(town.id("f")) == (household,)
    assert area(town, "f") == "north"


def test_an_older_address_that_ended_says_nothing_of_the_area():
    town = Town()
    town.send(contact(living_at(CHILD, replace(THERE, until=TODAY - timedelta(days=9)), HERE)))
    assert area(town, "c") == "north"


def test_a_new_household_at_an_address_in_no_area_is_in_none():
    town = Town()
    town.send(contact(living_at(CHILD, AWAY)))
    assert area(town, "c") is None


def test_a_postcode_without_premises_says_the_area_and_no_fixed_abode_says_none():
    town = Town()
    town.send(contact(living_at(CHILD, PostalAddress(postcode="NW1 1AA"))))
    assert area(town, "c") == "south"
    other = Town()
    other.send(contact(living_at(CHILD, home("1 Quay Street", "ZZ99 3VZ"))))
    assert area(other, "c") == "north"


def test_of_two_current_addresses_the_one_in_an_area_counts():
    town = Town()
    town.send(contact(living_at(CHILD, AWAY, THERE)))
    assert area(town, "c") == "south"


@pytest.mark.parametrize(("known_at", "expected"), [(THERE, "south"), (AWAY, None)])
def test_a_new_household_is_where_its_members_are_known_to_live(known_at, expected):
    """The sender's area stands in only while nobody has said where they live."""
    town = Town()
    town.send(message(Event.GP_REGISTRATION, living_at(MOTHER, known_at)), "practice")
    town.send(booking(), "midwives")
    assert area(town, "m") == expected


def test_a_family_that_moves_to_no_area_leaves_the_old_one_and_the_team_that_knows_it_is_asked_once():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    settled = town.send(moved(CHILD, AWAY), "practice")
    assert area(town, "c") is None
    [task] = [task for task in settled.tasks if task.code is TaskCode.UNDELIVERABLE]
    assert (task.owner, task.cites) == ("visitors", "invariant 3")
    assert len(revision(settled).households) == 1
    assert TaskCode.UNDELIVERABLE.value not in codes(town.send(moved(CHILD, AWAY), "practice"))
    town.send(moved(CHILD, THERE), "practice")
    assert area(town, "c") == "south"


def test_a_refuge_in_no_area_is_nobodys_question():
    town = Town()
    refuge = {"labels": frozenset({"refuge"})}
    at_refuge = (living_at(CHILD, HERE), living_at(MOTHER, HERE))
    town.send(statement(lives("c", "m"), people=at_refuge, **refuge))
    town.send(contact(CHILD))
    assert TaskCode.UNDELIVERABLE.value not in codes(town.send(moved(CHILD, AWAY), "practice"))
    assert area(town, "c") is None
