"""Addresses: history by agency, protection, and the two questions they raise; where a household is: test_areas.py."""

from dataclasses import replace

import pytest

from broker.domain import changes as c
from broker.domain.addresses import CROWD
from schemas.codes import Event
from schemas.message import PostalAddress
from tests.town import (
    BABY,
    CHILD,
    FATHER,
    MOTHER,
    TODAY,
    Town,
    booking,
    codes,
    contact,
    home,
    lives,
    living_at,
    message,
    moved,
    nhs,
    statement,
)

HERE = home("10 High Street")
THERE = home("3 Elm Road", "NW1 1AA")


def held(town, key):
    """Places held of somebody, by team."""
    return sorted((a.asserted_by, a.place) for a in town.person(key).addresses)


@pytest.mark.parametrize(
    "again",
    [
        home("10 high st."),
        PostalAddress(lines=("10, High Street", "West Bromwich", "West Midlands"), postcode="b706aa"),
    ],
)
def test_a_change_of_format_is_no_move(again):
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    settled = town.send(contact(living_at(CHILD, again)))
    assert settled.changes == ()


def test_a_move_ends_the_old_address_of_the_agency_that_says_so():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    town.send(moved(CHILD, THERE), "midwives")  # the same trust
    assert [team for team, _ in held(town, "c")] == ["midwives"]


def test_an_address_that_is_over_ends_and_opens_none():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    town.send(moved(CHILD, replace(HERE, until=TODAY), THERE))
    assert [place.split("|")[2] for _, place in held(town, "c")] == ["NW1 1AA"]


def test_two_current_addresses_of_one_message_are_both_current():
    town = Town()
    town.send(contact(living_at(CHILD, HERE, THERE)))
    assert len(held(town, "c")) == 2


# --- two agencies -----------------------------------------------------------------------------------------------


def test_two_agencies_with_different_addresses_are_both_asked_and_shown_their_own():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    settled = town.send(contact(living_at(CHILD, THERE)), "practice")
    tasks = {task.owner: task for task in settled.tasks}
    assert codes(settled) == ["resolve-address", "resolve-address"]
    assert set(tasks) == {"visitors", "practice"}
    assert tasks["visitors"].options["place"] != tasks["practice"].options["place"]
    assert str(tasks["practice"].options["place"]) not in str(tasks["visitors"].options)
    assert len({task.dedupe_key for task in settled.tasks}) == 2
    assert {team for team, _ in held(town, "c")} == {"visitors", "practice"}


def test_a_family_that_moved_is_one_question_for_each_agency():
    town = Town()
    family = (living_at(CHILD, HERE), living_at(MOTHER, HERE), living_at(BABY, HERE))
    town.send(statement(lives("c", "m", "b"), people=family))
    town.send(contact(*family))
    settled = town.send(contact(*(living_at(person, THERE) for person in family)), "practice")
    assert codes(settled) == ["resolve-address", "resolve-address"]
    assert len(settled.tasks[0].options["members"]) == 3


def test_each_team_is_asked_once_however_many_hold_the_other_address():
    town = Town()
    for team in ("visitors", "children", "other-practice"):
        town.send(contact(living_at(CHILD, HERE)), team)
    settled = town.send(contact(living_at(CHILD, THERE)), "practice")
    assert sorted(task.owner for task in unique(settled)) == ["children", "other-practice", "practice", "visitors"]
    again = town.send(contact(living_at(CHILD, THERE)), "south-visitors")
    assert {task.owner for task in unique(again)} - {task.owner for task in unique(settled)} == {"south-visitors"}


def unique(settled):
    """What storage makes of the tasks: one for each key."""
    return {task.dedupe_key: task for task in settled.tasks}.values()


def test_who_tells_of_a_move_is_asked_nothing():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    settled = town.send(moved(CHILD, THERE), "practice")
    assert [task.owner for task in settled.tasks] == ["visitors"]


def test_an_adult_service_is_asked_about_its_own_clients_and_nobody_it_names_in_passing():
    town = Town()
    passing = message(Event.MENTAL_HEALTH_ADMISSION, living_at(FATHER, HERE), living_at(CHILD, HERE), subjects=("f",))
    town.send(passing, "cmht")
    settled = town.send(contact(living_at(CHILD, THERE), living_at(FATHER, THERE)))
    assert {(task.owner, task.person_id) for task in settled.tasks} == {
        ("cmht", town.id("f")),
        ("visitors", town.id("f")),
    }


def test_who_works_with_them_no_longer_is_not_asked():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    town.send(message(Event.INVOLVEMENT_END, CHILD))
    assert codes(town.send(contact(living_at(CHILD, THERE)), "south-visitors")) == []


def test_the_same_difference_is_asked_about_once():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    first = town.send(contact(living_at(CHILD, THERE)), "practice")
    assert town.send(contact(living_at(CHILD, THERE)), "practice").tasks == ()
    other = Town()
    other.send(contact(living_at(CHILD, THERE)), "practice")
    second = other.send(contact(living_at(CHILD, HERE)))
    assert {task.dedupe_key for task in first.tasks} == {task.dedupe_key for task in second.tasks}


def test_an_agency_that_holds_both_is_not_in_conflict():
    town = Town()
    town.send(contact(living_at(CHILD, HERE, THERE)))
    assert codes(town.send(contact(living_at(CHILD, THERE)), "practice")) == []


# --- protection -------------------------------------------------------------------------------------------------


def test_once_marked_it_is_protected_whoever_holds_it():
    town = Town()
    town.send(contact(living_at(CHILD, HERE)))
    town.send(contact(living_at(CHILD, replace(HERE, protected=True))), "children")
    town.send(contact(living_at(CHILD, HERE)), "practice")
    assert [a.protected for a in town.person("c").addresses] == [True, True, True]


def test_a_protected_address_places_no_household():
    town = Town()
    town.send(contact(living_at(CHILD, replace(THERE, protected=True))))
    [household] = town.world.households_of(town.id("c"))
    assert town.world.households[household].area_id == "north"  # the sender's


def test_a_protected_address_prompts_nobody():
    town = Town()
    town.send(statement(lives("c", "m"), people=(living_at(CHILD, HERE), living_at(MOTHER, HERE))))
    protected = living_at(FATHER, replace(HERE, protected=True))
    assert codes(town.send(message(Event.SUPERVISION_START, protected), "probation")) == []
    town = Town()
    hidden = replace(HERE, protected=True)
    town.send(statement(lives("c", "m"), people=(living_at(CHILD, hidden), living_at(MOTHER, hidden))))
    assert codes(town.send(message(Event.SUPERVISION_START, living_at(FATHER, HERE)), "probation")) == []


# --- one address, two households --------------------------------------------------------------------------------


def neighbours():
    town = Town()
    town.send(statement(lives("c", "m"), people=(living_at(CHILD, HERE), living_at(MOTHER, HERE))))
    return town, town.world.households_of(town.id("c"))[0]


def test_sharing_an_address_makes_nobody_a_household_but_asks_the_childs_team():
    town, household = neighbours()
    town.send(contact(CHILD))  # health visiting works with the child
    settled = town.send(message(Event.SUPERVISION_START, living_at(FATHER, HERE)), "probation")
    [task] = settled.tasks
    assert (task.code.value, task.owner, task.household_id) == ("confirm-household", "visitors", household)
    assert task.options["members"] == [town.id("f")]
    assert town.homes(town.id("f")) == []
    assert not any(isinstance(change, c.OpenMembership) for change in settled.changes)


def test_without_a_childs_team_the_sender_is_asked():
    town, _ = neighbours()
    [task] = town.send(message(Event.SUPERVISION_START, living_at(FATHER, HERE)), "probation").tasks
    assert task.owner == "probation"


def test_it_is_asked_when_the_address_is_new_and_not_with_every_message():
    town, _ = neighbours()
    said = message(Event.SUPERVISION_START, living_at(FATHER, HERE))
    assert len(town.send(said, "probation").tasks) == 1
    assert town.send(said, "probation").tasks == ()


def test_adults_without_children_are_nobodys_business():
    town = Town()
    town.send(statement(lives("m"), people=(living_at(MOTHER, HERE),)))
    assert codes(town.send(message(Event.SUPERVISION_START, living_at(FATHER, HERE)), "probation")) == []
    town.send(booking(), "midwives")
    third = living_at(replace(FATHER, identifiers=(nhs(20),), given=("Tom",)), HERE)
    assert codes(town.send(message(Event.SUPERVISION_START, third), "probation")) == ["confirm-household"]


def test_a_crowd_at_one_address_is_an_institution():
    town = Town()
    for n in range(CROWD):
        town.send(contact(replace(living_at(CHILD, HERE), identifiers=(nhs(100 + n),), given=(f"N{n}",))))
    assert codes(town.send(message(Event.SUPERVISION_START, living_at(FATHER, HERE)), "probation")) == []


def test_a_refuge_prompts_nobody():
    town = Town()
    refuge = frozenset({"refuge"})
    town.send(statement(lives("c", "m"), people=(living_at(CHILD, HERE), living_at(MOTHER, HERE)), labels=refuge))
    assert codes(town.send(message(Event.SUPERVISION_START, living_at(FATHER, HERE)), "probation")) == []
