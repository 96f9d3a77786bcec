"""Who somebody is: particulars, numbers, changes of numbers, merges, seals, deaths."""

from dataclasses import replace
from datetime import date

import pytest

from broker.domain import changes as c
from broker.domain.merging import joined
from broker.domain.states import MembershipState, PersonState
from broker.domain.world import KnownPerson
from schemas.codes import Event, Standing
from schemas.identifiers import CRN
from schemas.message import Coding, Person
from tests.town import (
    BABY,
    CHILD,
    EXPECTED,
    FATHER,
    MOTHER,
    NOW,
    TODAY,
    Town,
    birth,
    booking,
    codes,
    contact,
    crn,
    fact,
    faulty,
    home,
    lives,
    local,
    message,
    mother_of,
    nhs,
    statement,
)


def changed(person, *facts, kind="merge", **more):
    return message(Event.IDENTIFIER_CHANGE, person, facts=facts, kind=kind, **more)


def bound(town, person_id):
    return {i.value for i in town.world.people[person_id].identifiers if i.binding}


# --- particulars ------------------------------------------------------------------------------------------------


def test_what_is_missing_is_filled_in_and_what_differs_stays():
    town = Town()
    town.send(contact(replace(MOTHER, given=(), gender=None)))
    town.send(contact(replace(MOTHER, family="Elm")), "practice")
    known = town.person("m")
    assert (known.family, known.given, known.gender) == ("Ash", ("Mary",), "female")


def test_traced_particulars_replace_a_name_and_the_old_one_is_still_found():
    town = Town()
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    mother = town.id("m")
    town.send(message(Event.GP_REGISTRATION, replace(MOTHER, family="Elm")), "practice")
    assert town.person("m").family == "Elm"
    town.send(contact(CHILD, replace(MOTHER, identifiers=())))
    assert town.id("m") == mother


@pytest.mark.parametrize(
    ("by", "said", "practice"),
    [("practice", None, "M85001"), ("records", "M85002", "M85002"), ("records", None, None)],
)
def test_a_registration_notes_the_practice(by, said, practice):
    town = Town()
    town.send(message(Event.GP_REGISTRATION, replace(CHILD, practice=said)), by)
    assert town.person("c").practice == practice


def test_a_removal_from_the_list_leaves_no_practice_and_only_of_that_practice():
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    town.send(message(Event.GP_REGISTRATION, CHILD, kind="removed"), "other-practice")
    assert town.person("c").practice == "M85001"
    town.send(message(Event.GP_REGISTRATION, CHILD, kind="removed"), "practice")
    assert town.person("c").practice is None


# --- numbers ----------------------------------------------------------------------------------------------------


def test_a_number_binds_once_and_every_team_that_gives_it_is_kept():
    town = Town()
    town.send(contact(CHILD))
    town.send(contact(CHILD), "practice")
    given = town.person("c").identifiers
    assert [(i.asserted_by, i.binding) for i in given] == [("visitors", True), ("practice", False)]


@pytest.mark.parametrize(
    ("identifier", "by", "binds"),
    [
        (nhs(5), "police", True),
        (faulty(5), "visitors", False),
        (local("trust", "1"), "visitors", True),
        (local("trust", "1"), "cmht", False),
        (crn("X123456"), "probation", True),
        (crn("X123456"), "prison", True),
        (crn("X123456"), "children", False),
        (crn("NONSENSE"), "probation", False),
    ],
)
def test_whose_word_binds_a_number(identifier, by, binds):
    town = Town()
    town.send(contact(replace(CHILD, identifiers=(identifier,))), by)
    assert [i.binding for i in town.person("c").identifiers] == [binds]


def test_a_number_that_is_bound_to_somebody_else_binds_nobody_again():
    town = Town()
    town.send(contact(MOTHER))
    town.send(contact(replace(MOTHER, birth_date=TODAY)))
    assert [i.binding for i in town.person("m").identifiers] == [False]


# --- changes of numbers -----------------------------------------------------------------------------------------


def test_a_new_number_binds_the_same_person():
    town = Town()
    town.send(contact(CHILD))
    child = town.id("c")
    said = changed(
        replace(CHILD, identifiers=(nhs(50),)), fact("previous-nhs-number", nhs(5).value, "c"), kind="replaced"
    )
    town.send(said, "records")
    assert town.id("c") == child
    assert bound(town, child) == {nhs(5).value, nhs(50).value}
    town.send(contact(replace(CHILD, identifiers=(nhs(50),))), "practice")
    assert town.id("c") == child


def two(town, first=CHILD, second=None, by="visitors"):
    """Two records of one child, by two numbers; their ids."""
    town.send(contact(first), by)
    one = town.id("c")
    town.send(contact(second or replace(first, identifiers=(nhs(50),))), by)
    return one, town.id("c")


MERGE = changed(replace(CHILD, identifiers=(nhs(50),)), fact("previous-nhs-number", nhs(5).value, "c"))


@pytest.mark.parametrize(
    ("by", "merges"), [("records", True), ("practice", True), ("visitors", False), ("cmht", False)]
)
def test_nhs_numbers_are_merged_by_themselves_only_where_they_were_traced(by, merges):
    town = Town()
    old, new = two(town)
    settled = town.send(replace(MERGE, id=f"merge-{by}"), by)
    assert (town.world.people[old].state is PersonState.MERGED) is merges
    assert ("resolve-identity" in codes(settled)) is not merges
    assert town.id("c") == new


def test_a_number_that_was_not_verified_merges_nobody():
    town = Town()
    two(town)
    person = replace(CHILD, identifiers=(nhs(50, verified=None),))
    settled = town.send(changed(person, fact("previous-nhs-number", nhs(5).value, "c")), "records")
    assert codes(settled) == ["resolve-identity"]


def case(value, **more):
    return Person(key="c", identifiers=(crn(value),), **more)


def test_probation_merges_its_own_cases():
    town = Town()
    old, new = two(town, case("A000001"), case("B000002"), "probation")
    said = changed(case("B000002"), fact("previous-case-number", Coding(system=CRN, code="A000001"), "c"))
    town.send(said, "probation")
    assert town.world.people[old].state is PersonState.MERGED
    assert bound(town, new) == {"A000001", "B000002"}
    town.send(message(Event.SUPERVISION_CHANGE, case("A000001")), "prison")
    assert town.id("c") == new


def test_a_case_number_in_words_is_read_by_its_form():
    town = Town()
    old, _ = two(town, case("A000001"), case("B000002"), "probation")
    town.send(changed(case("B000002"), fact("previous-case-number", "A000001", "c")), "probation")
    assert town.world.people[old].state is PersonState.MERGED


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (case("A000001", birth_date=date(1990, 1, 1)), case("B000002", birth_date=date(1991, 1, 1))),
        (case("A000001", addresses=(replace(home(), protected=True),)), case("B000002")),
        (case("A000001", protected=True), case("B000002")),
    ],
)
def test_what_speaks_against_a_merge_is_for_people(first, second):
    town = Town()
    old, _ = two(town, first, second, "probation")
    said = changed(second, fact("previous-case-number", "A000001", "c"))
    settled = town.send(said, "probation")
    assert town.world.people[old].state is not PersonState.MERGED
    assert "resolve-identity" in codes(settled)


def test_parting_a_record_is_for_people():
    town = Town()
    town.send(contact(CHILD))
    [task] = town.send(changed(CHILD, kind="unmerge"), "records").tasks
    assert (task.code.value, task.options["choices"]) == ("resolve-identity", ["reviewed"])


def test_what_hangs_on_a_merged_person_hangs_on_the_survivor():
    town = Town()
    town.send(statement(lives("m", "c"), people=(CHILD, MOTHER), relationships=mother_of("m", "c")))
    old, mother = town.id("c"), town.id("m")
    town.send(contact(CHILD))
    town.send(contact(replace(CHILD, identifiers=(nhs(50),))), "midwives")
    new = town.id("c")
    town.send(replace(MERGE, id="merge"), "records")
    assert town.homes(mother) == [{mother, new}]
    assert {i.team_id for i in town.world.involvements if i.person_id == new} == {"visitors", "midwives"}
    assert [(r.person_id, r.to) for r in town.world.relationships] == [(mother, new)]
    assert town.world.people[old].identifiers == ()


def test_two_records_in_one_household_leave_one_member():
    town = Town()
    town.send(statement(lives("m", "c"), people=(CHILD, MOTHER)))
    mother = town.id("m")
    town.send(statement(lives("m", "c"), people=(replace(CHILD, identifiers=(nhs(50),), given=("Kara",)), MOTHER)))
    new = town.id("c")
    assert len(town.homes(mother)[0]) == 3
    town.send(replace(MERGE, id="merge"), "records")
    assert town.homes(mother) == [{mother, new}]
    assert [m.state for m in town.world.memberships if m.person_id == new].count(MembershipState.CURRENT) == 1


def test_of_two_memberships_the_current_one_stays_whichever_record_it_was():
    town = Town()
    town.send(statement(lives("m", "c"), people=(CHILD, MOTHER)))
    mother = town.id("m")
    other = replace(CHILD, identifiers=(nhs(50),), given=("Kara",))
    coming = lives("c", standing=Standing.WILL_LIVE)
    town.send(statement(lives("m"), coming, people=(other, MOTHER)))
    town.send(replace(MERGE, id="merge"), "records")
    assert town.homes(mother) == [{mother, town.id("c")}]


def test_a_merge_keeps_what_differs_findable():
    one = KnownPerson(id="1", state=PersonState.LIVING, born=TODAY, family="Ash", given=("Mary",))
    other = KnownPerson(
        id="2", state=PersonState.LIVING, born=date(1990, 1, 1), family="Elm", given=("Mary",), practice="M85001"
    )
    both = joined(one, other)
    assert (both.born, both.family, both.practice) == (TODAY, "Ash", "M85001")
    assert both.also_born == (date(1990, 1, 1),)
    assert both.also_known == ("elm|mary",)


# --- somebody known by a case number only ------------------------------------------------------------------------


def test_a_case_number_alone_is_somebody_not_resolved():
    town = Town()
    town.send(message(Event.SUPERVISION_START, case("X123456")), "probation")
    assert town.person("c").resolved is False


@pytest.mark.parametrize(
    ("said", "resolved"),
    [
        (replace(FATHER, key="c", identifiers=(crn("X123456"),)), True),
        (Person(key="c", identifiers=(crn("X123456"), nhs(2))), True),
        (Person(key="c", identifiers=(crn("X123456"),), family="Birch"), False),
        (Person(key="c", identifiers=(crn("X123456"), faulty(2))), False),
    ],
)
def test_name_and_birth_or_an_nhs_number_say_who_it_is(said, resolved):
    town = Town()
    town.send(message(Event.SUPERVISION_START, case("X123456")), "probation")
    unknown = town.id("c")
    settled = town.send(message(Event.SUPERVISION_CHANGE, said), "probation")
    assert town.id("c") == unknown
    assert town.person("c").resolved is resolved
    assert codes(settled) == []


def test_a_case_that_turns_out_to_be_somebody_known_is_joined_to_them():
    town = Town()
    town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)))
    father = town.id("f")
    town.send(message(Event.SUPERVISION_START, case("X123456")), "probation")
    unknown = town.id("c")
    town.send(
        message(Event.SUPERVISION_CHANGE, replace(FATHER, key="c", identifiers=(crn("X123456"), nhs(2)))), "probation"
    )
    assert town.id("c") == father
    assert town.world.people[unknown].state is PersonState.MERGED
    assert "probation" in {i.team_id for i in town.world.involvements if i.person_id == father}


def test_a_case_that_may_be_somebody_known_by_name_is_for_people():
    town = Town()
    town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)))
    town.send(message(Event.SUPERVISION_START, case("X123456")), "probation")
    settled = town.send(
        message(Event.SUPERVISION_CHANGE, replace(FATHER, key="c", identifiers=(crn("X123456"),))), "probation"
    )
    assert codes(settled) == ["resolve-identity"]


# --- sealed identities --------------------------------------------------------------------------------------------


def test_a_record_that_is_sealed_links_nothing_and_asks_the_lead():
    town = Town()
    town.send(contact(CHILD))
    child = town.id("c")
    [task] = town.send(changed(CHILD, kind="sealed"), "records").tasks
    assert town.world.people[child].state is PersonState.SEALED
    assert task.options["restricted"] == "true"
    town.send(contact(CHILD), "practice")
    assert town.id("c") != child


def test_a_sealing_that_names_an_old_number_still_links_nothing():
    town = Town()
    old, new = two(town)
    town.send(replace(MERGE, id="seal", kind="sealed"), "records")
    assert [town.world.people[id_].state for id_ in (old, new)] == [PersonState.LIVING, PersonState.SEALED]


@pytest.mark.parametrize("sender", ["records", "children"])
def test_what_is_sealed_is_a_lead_s_question_even_where_the_sender_s_agency_has_none(sender):
    town = Town()
    town.send(contact(CHILD))
    [task] = town.send(changed(CHILD, kind="sealed"), sender).tasks
    assert task.owner == "children-lead"


# --- deaths -------------------------------------------------------------------------------------------------------


def test_a_death_ends_the_life_and_nothing_that_must_be_told():
    town = Town()
    town.send(statement(lives("m", "c"), people=(CHILD, MOTHER)))
    town.send(contact(CHILD))
    town.send(message(Event.DEATH, replace(CHILD, deceased=NOW), kind="formal"), "practice")
    child = town.id("c")
    assert town.world.people[child].state is PersonState.DIED
    assert len(town.homes(child)[0]) == 2
    assert {i.team_id for i in town.world.involvements if i.person_id == child} == {"visitors"}


def test_a_death_notified_in_error_is_taken_back():
    town = Town()
    town.send(message(Event.DEATH, CHILD), "practice")
    town.send(message(Event.DEATH, CHILD, kind="removal"), "practice")
    assert town.person("c").state is PersonState.LIVING


def test_anybody_may_be_said_to_have_died_and_a_sealed_record_stays_sealed():
    town = Town()
    town.send(contact(CHILD, replace(MOTHER, deceased=True)))
    assert town.person("m").state is PersonState.DIED
    town.send(contact(replace(BABY, protected=True, identifiers=(local("trust", "9"),))))
    town.send(message(Event.DEATH, replace(BABY, protected=True, identifiers=(local("trust", "9"),))))
    assert town.person("b").state is PersonState.SEALED


def test_nothing_new_begins_for_the_dead():
    town = Town()
    town.send(message(Event.DEATH, CHILD), "practice")
    settled = town.send(contact(CHILD))
    assert not any(isinstance(change, c.OpenInvolvement | c.OpenMembership) for change in settled.changes)


def test_a_mother_who_died_at_birth_leaves_a_child_with_a_household():
    town = Town()
    town.send(booking(expected=EXPECTED), "midwives")
    town.send(birth(BABY, mother=replace(MOTHER, deceased=True)), "midwives")
    assert town.homes(town.id("b"))
