"""Who lives together, according to whom, and what must be confirmed by a person before it counts."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from broker.domain.states import MembershipState
from schemas.codes import Event, Standing
from schemas.message import HouseholdMember, Person
from tests.town import (
    BABY,
    CHILD,
    FATHER,
    GRANDFATHER,
    GRANDMOTHER,
    MOTHER,
    NOW,
    TODAY,
    Town,
    booking,
    codes,
    contact,
    father_of,
    lives,
    local,
    message,
    mother_of,
    nhs,
    revision,
    statement,
)

SIBLING = replace(CHILD, key="s", identifiers=(nhs(8),), given=("Sid",), birth_date=TODAY - timedelta(days=2000))


def at_home(*persons, by="visitors"):
    """A town with one household of these persons; their ids in order."""
    town = Town()
    town.send(statement(lives(*(person.key for person in persons)), people=persons), by)
    return town, *(town.id(person.key) for person in persons)


def left(*persons, until=None):
    return tuple(HouseholdMember(person=person, standing=Standing.LEFT, until=until) for person in persons)


def proposed(town):
    return {m.person_id for m in town.world.memberships if m.state is MembershipState.PROPOSED}


# --- joining --------------------------------------------------------------------------------------------------


def test_a_statement_of_a_child_facing_team_makes_a_household_dated_and_sourced():
    town = Town()
    settled = town.send(statement(lives("m", "c", since=date(2026, 1, 5)), people=(CHILD, MOTHER)))
    assert town.homes(town.id("c")) == [{town.id("c"), town.id("m")}]
    assert {(m.since, m.asserted_by) for m in town.world.memberships} == {(date(2026, 1, 5), "visitors")}
    assert codes(settled) == []


def test_without_a_date_it_counts_from_the_day_it_was_said():
    town, *_ = at_home(CHILD, MOTHER)
    assert {m.since for m in town.world.memberships} == {TODAY}


def test_a_statement_of_some_of_a_household_takes_nobody_out():
    town, child, mother, grandmother = at_home(CHILD, MOTHER, GRANDMOTHER)
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    assert town.homes(child) == [{child, mother, grandmother}]


def test_who_is_new_joins_the_household_of_the_others():
    town, child, mother = at_home(CHILD, MOTHER)
    town.send(statement(lives("c", "m", "f"), people=(CHILD, MOTHER, FATHER)))
    assert town.homes(child) == [{child, mother, town.id("f")}]


def test_an_adult_who_moves_in_leaves_a_home_without_children():
    town, father, grandfather = at_home(FATHER, GRANDFATHER)
    town.send(statement(lives("m", "c"), people=(MOTHER, CHILD)))
    town.send(statement(lives("m", "f"), people=(MOTHER, FATHER)))
    assert town.homes(father) == [{town.id("m"), father, next(p.id for p in town.living() if p.given == ("Cara",))}]
    assert town.homes(grandfather) == [{grandfather}]


def test_the_household_with_children_is_the_one_that_others_join():
    town, father, sibling, grandmother = at_home(FATHER, SIBLING, GRANDMOTHER)
    town.send(statement(lives("f", "p"), people=(FATHER, replace(MOTHER, key="p"))))
    partner = town.id("p")
    assert town.homes(father) == [{father, sibling, grandmother, partner}]
    town.send(statement(lives("mgf"), people=(GRANDFATHER,)))
    town.send(statement(lives("p", "mgf"), people=(replace(MOTHER, key="p"), GRANDFATHER)))
    assert town.homes(sibling) == [{father, sibling, grandmother, partner, town.id("mgf")}]
    assert town.homes(town.id("mgf")) == town.homes(sibling)


# --- separated parents ------------------------------------------------------------------------------------------


def test_separated_parents_are_two_households_and_the_child_is_in_both():
    town, child, mother = at_home(CHILD, MOTHER)
    town.send(statement(lives("c", "f"), people=(CHILD, FATHER)))
    father = town.id("f")
    assert town.homes(mother) == [{child, mother}]
    assert town.homes(father) == [{child, father}]
    assert sorted(town.standing(child)) == [Standing.LIVES, Standing.SHARED_CARE]


def test_a_separated_parent_who_has_a_home_keeps_its_members_where_they_are():
    town, child, mother = at_home(CHILD, MOTHER)
    town.send(statement(lives("f", "g"), people=(FATHER, replace(GRANDFATHER, key="g"))))
    grandfather = town.id("g")
    town.send(statement(lives("c", "f"), people=(CHILD, FATHER)))
    assert town.homes(town.id("f")) == [{child, town.id("f"), grandfather}]
    assert town.homes(mother) == [{child, mother}]


def test_the_same_statement_again_adds_nothing():
    town, child, _ = at_home(CHILD, MOTHER)
    said = statement(lives("c", "f"), people=(CHILD, FATHER))
    town.send(said)
    assert town.send(replace(said, id="again")).changes == ()
    assert len(town.homes(child)) == 2


def test_parents_who_live_together_again_are_one_household():
    town, child, mother = at_home(CHILD, MOTHER)
    town.send(statement(lives("c", "f"), people=(CHILD, FATHER)))
    town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)))
    father = town.id("f")
    assert town.homes(child) == [{child, mother, father}]
    assert town.homes(father) == [{child, mother, father}]


def test_shared_care_that_is_said_outright_is_kept():
    town, child, mother = at_home(CHILD, MOTHER)
    said = statement(lives("f"), lives("c", standing=Standing.SHARED_CARE), people=(CHILD, FATHER))
    town.send(said)
    assert sorted(town.standing(child)) == [Standing.LIVES, Standing.SHARED_CARE]
    assert town.homes(mother) == [{child, mother}]


# --- what must be confirmed -------------------------------------------------------------------------------------


def test_an_adult_service_that_says_who_lives_together_is_asked_to_confirm():
    town, child, mother = at_home(CHILD, MOTHER)
    settled = town.send(statement(lives("f", "m"), people=(FATHER, MOTHER)), "probation")
    assert town.homes(mother) == [{child, mother}]
    assert proposed(town) == {town.id("f")}
    [task] = settled.tasks
    assert (task.code.value, task.owner) == ("confirm-household", "probation")
    assert task.options == {
        "household": town.world.households_of(child)[0],
        "members": [town.id("f")],
        "asks": "join",
        "choices": ["confirm", "reject"],
    }


def test_an_adult_who_lives_alone_joins_nobody_and_nobody_need_confirm_it():
    town = Town()
    settled = town.send(statement(lives("f"), people=(FATHER,)), "probation")
    assert codes(settled) == []
    assert town.homes(town.id("f")) == [{town.id("f")}]


def test_a_child_said_to_live_alone_is_asked_about():
    town = Town()
    assert codes(town.send(statement(lives("c"), people=(CHILD,)), "probation")) == ["confirm-household"]


def test_who_will_live_there_is_asked_about_whoever_says_it():
    town, _child, mother = at_home(CHILD, MOTHER)
    said = statement(lives("f", standing=Standing.WILL_LIVE), lives("m"), people=(FATHER, MOTHER))
    settled = town.send(said, "visitors")
    assert codes(settled) == ["confirm-household"]
    assert town.id("f") not in town.homes(mother)[0]


def test_a_date_to_come_is_will_live_too():
    town, *_ = at_home(CHILD, MOTHER)
    said = statement(lives("f", since=TODAY + timedelta(days=10)), lives("m"), people=(FATHER, MOTHER))
    assert codes(town.send(said)) == ["confirm-household"]


def test_two_families_are_joined_by_people_only():
    town, child, mother = at_home(CHILD, MOTHER)
    town.send(statement(lives("f", "s"), people=(SIBLING, FATHER)))
    father, sibling = town.id("f"), town.id("s")
    said = statement(lives("m", "f", "c", "s"), people=(MOTHER, FATHER, CHILD, SIBLING))
    settled = town.send(said)
    assert codes(settled) == ["confirm-household"]
    assert town.homes(mother) + town.homes(father) == [{child, mother}, {father, sibling}]
    assert town.send(replace(said, id="again")).tasks == ()


def test_a_newborn_joins_though_two_families_wait_to_be_joined():
    town, _child, mother = at_home(CHILD, MOTHER)
    town.send(statement(lives("f", "s"), people=(SIBLING, FATHER)))
    town.send(statement(lives("m", "f", "b"), people=(MOTHER, FATHER, BABY)))
    assert any(town.id("b") in home for home in town.homes(mother) + town.homes(town.id("f")))


def test_people_nobody_knows_are_proposed_in_a_household_that_routes_nothing():
    town = Town()
    said = statement(lives("f", "m"), people=(FATHER, MOTHER))
    assert codes(town.send(said, "probation")) == ["confirm-household"]
    assert town.homes(town.id("f")) == []
    assert proposed(town) == {town.id("f"), town.id("m")}
    assert town.send(replace(said, id="again"), "probation").changes == ()


def test_a_child_facing_team_confirms_what_was_proposed_by_saying_it():
    town = Town()
    said = statement(lives("f", "m"), people=(FATHER, MOTHER))
    town.send(said, "probation")
    town.send(replace(said, id="again"), "visitors")
    assert proposed(town) == set()
    assert town.homes(town.id("f")) == [{town.id("f"), town.id("m")}]


@pytest.mark.parametrize(
    ("by", "counts"), [("practice", False), ("cmht", False), ("police", False), ("visitors", True)]
)
def test_a_practice_that_knows_only_the_adults_is_an_adults_practice(by, counts):
    town, *_ = at_home(FATHER, GRANDFATHER, by=by)
    assert (proposed(town) == set()) is counts


def test_a_practice_speaks_for_a_child():
    town, child, mother = at_home(CHILD, MOTHER, by="practice")
    assert town.homes(child) == [{child, mother}]


# --- leaving ----------------------------------------------------------------------------------------------------


def test_who_left_is_no_member_and_the_history_stays():
    town, child, mother, father = at_home(CHILD, MOTHER, FATHER)
    town.now = NOW + timedelta(days=40)
    later = TODAY + timedelta(days=30)
    town.send(statement(lives("c", "m"), left("f", until=later), people=(CHILD, MOTHER, FATHER), occurred=town.now))
    assert town.homes(child) == [{child, mother}]
    [old] = [m for m in town.world.memberships if m.person_id == father]
    assert (old.state, old.until) == (MembershipState.ENDED, later)


def test_a_mother_who_left_takes_the_children_who_left_with_her():
    town, child, mother, grandmother = at_home(CHILD, MOTHER, GRANDMOTHER)
    said = statement(
        lives("mgm"), left("m", "c"), people=(CHILD, MOTHER, GRANDMOTHER), relationships=mother_of("m", "c")
    )
    town.send(said)
    assert town.homes(child) == [{child, mother}]
    assert town.homes(grandmother) == [{grandmother}]


def test_an_adult_service_that_says_somebody_left_is_asked_once():
    town, child, mother, father = at_home(CHILD, MOTHER, FATHER)
    said = statement(lives("m"), left("f"), people=(FATHER, MOTHER))
    first = town.send(said, "probation")
    second = town.send(replace(said, id="again"), "probation")
    assert town.homes(child) == [{child, mother, father}]
    assert [task.dedupe_key for task in first.tasks] == [task.dedupe_key for task in second.tasks]
    assert first.tasks[0].options["asks"] == "leave"


def test_an_older_statement_that_arrives_late_brings_nobody_back():
    town, child, mother, father = at_home(CHILD, MOTHER, FATHER)
    town.now = NOW + timedelta(days=40)
    town.send(statement(lives("c", "m"), left("f"), people=(CHILD, MOTHER, FATHER), occurred=town.now))
    town.send(statement(lives("c", "m", "f"), people=(CHILD, MOTHER, FATHER), occurred=NOW + timedelta(days=10)))
    assert town.homes(child) == [{child, mother}]
    town.send(statement(lives("c", "m", "f"), people=(CHILD, MOTHER, FATHER), occurred=NOW + timedelta(days=50)))
    assert town.homes(child) == [{child, mother, father}]


def test_an_older_leaving_that_arrives_late_takes_nobody_out():
    town, child, mother, father = at_home(CHILD, MOTHER, FATHER)
    old = NOW - timedelta(days=20)
    town.send(statement(lives("c", "m"), left("f"), people=(CHILD, MOTHER, FATHER), occurred=old))
    assert town.homes(child) == [{child, mother, father}]


# --- refuges ----------------------------------------------------------------------------------------------------


def fled(by="visitors"):
    town, child, mother, father = at_home(CHILD, MOTHER, FATHER)
    said = statement(lives("m", "c"), people=(CHILD, MOTHER), labels=frozenset({"refuge"}))
    town.send(said, by)
    return town, child, mother, father


@pytest.mark.parametrize("by", ["visitors", "refuge"])
def test_a_refuge_is_a_household_of_its_own(by):
    town, child, mother, father = fled(by)
    assert town.homes(child) == [{child, mother}]
    assert town.homes(father) == [{father}]
    [home] = town.world.households_of(child)
    assert town.world.households[home].refuge


def test_a_refuge_joins_no_other_household_and_does_not_say_so():
    town, child, mother, father = fled()
    town.send(contact(CHILD))
    settled = town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)))
    assert town.homes(child) == [{child, mother}]
    assert town.homes(father) == [{father}]
    assert [problem.severity for problem in settled.problems] == ["information"]
    assert "refuge" not in str(settled.problems) + str(settled.tasks)


def test_who_works_with_nobody_in_a_refuge_is_answered_as_if_there_were_none():
    town, child, mother, _ = fled()
    settled = town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)), "children")
    assert town.homes(child) == [{child, mother}]
    assert not settled.problems
    assert not settled.tasks


def test_a_baby_born_in_a_refuge_belongs_there():
    town, child, mother, _ = fled()
    town.send(statement(lives("m", "b"), people=(BABY, MOTHER), relationships=mother_of("m", "b")))
    assert town.homes(mother) == [{child, mother, town.id("b")}]


def test_other_adult_services_move_nobody_to_a_refuge():
    town, child, mother, father = fled(by="probation")
    assert town.homes(child) == [{child, mother, father}]


# --- the rest ---------------------------------------------------------------------------------------------------


def test_the_dead_and_the_unborn_are_placed_by_other_rules():
    town, _child, mother = at_home(CHILD, MOTHER)
    town.send(booking(), "midwives")
    town.send(message(Event.DEATH, GRANDMOTHER), "practice")
    unborn = Person(key="u", unborn=True)
    said = statement(
        lives("f", "u", "mgm"),
        people=(FATHER, MOTHER, unborn, GRANDMOTHER),
        subjects=("f",),
        relationships=(*mother_of("m", "u"), *father_of("f", "u")),
    )
    town.send(said)
    assert town.homes(town.id("f")) == [{town.id("f")}]
    assert town.homes(town.id("u")) == town.homes(mother)


def test_a_child_that_a_message_is_about_has_a_household_so_that_services_are_found():
    town = Town()
    town.send(contact(CHILD))
    assert town.homes(town.id("c")) == [{town.id("c")}]
    town.send(contact(FATHER))
    assert town.homes(town.id("f")) == []


def test_settling_a_message_on_the_world_it_made_changes_nothing():
    town, *_ = at_home(CHILD, MOTHER, FATHER)
    said = statement(
        lives("m", "c"), left("f"), people=(CHILD, replace(MOTHER, identifiers=(nhs(1), local("trust", "1"))), FATHER)
    )
    town.send(said)
    assert town.send(said).changes == ()


def test_what_changes_says_which_versions_it_read():
    town, child, _mother = at_home(CHILD, MOTHER)
    settled = town.send(statement(lives("c", "m", "f"), people=(CHILD, MOTHER, FATHER)))
    [home] = town.world.households_of(child)
    assert revision(settled).households == {home: 1}
    assert revision(settled).people == {}


def test_another_teams_number_for_a_known_child_raises_no_household():
    town, *_ = at_home(CHILD, MOTHER)
    settled = town.send(message(Event.MEASUREMENT, CHILD), "practice")
    assert revision(settled).households == {}
    assert len(revision(settled).people) == 1
