"""What people's answers change: who lives together, who somebody is, which address, who still works with whom."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain import decisions
from broker.domain.addresses import BOTH, MINE_IS_OLD, MINE_IS_RIGHT
from broker.domain.decisions import INVOLVED, NOT_INVOLVED, NotPossible
from broker.domain.draft import Draft, Given
from broker.domain.identities import DIFFERENT
from broker.domain.places import normalise
from broker.domain.statements import CONFIRM, REJECT
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.wanted import TaskWanted
from schemas.codes import Event, Standing, TaskCode
from schemas.message import HouseholdMember
from tests.town import (
    CHILD,
    DIRECTORY,
    FATHER,
    GRANDMOTHER,
    MOTHER,
    NOW,
    TEAMS,
    TODAY,
    Town,
    booking,
    contact,
    home,
    lives,
    message,
    mother_of,
    policy,
    statement,
)

LATER = NOW + timedelta(days=3)
OTHER_DAY = TODAY - timedelta(days=399)


def answer(town, task, choice):
    """Answer a task as its owner."""
    said = message(Event.HOUSEHOLD_UPDATE, occurred=LATER)
    given = Given(
        message=said,
        sender=TEAMS[task.owner],
        directory=DIRECTORY,
        policy=policy(),
        now=LATER,
        place=normalise,
        new_id=town.new_id,
    )
    draft = Draft(given=given, before=town.world, world=town.world)
    decisions.decide(draft, task.code, task.options, choice, task.person_id)
    town.world = draft.world
    return draft.changes


def proposal(standing=Standing.WILL_LIVE):
    town = Town()
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    child = town.id("c")
    [task] = town.send(statement(lives("f", standing=standing), lives("m"), people=(FATHER, MOTHER)), "probation").tasks
    return town, task, child


def test_f2_a_confirmed_will_live_is_a_member_who_lives_there():
    town, task, child = proposal()
    answer(town, task, CONFIRM)
    assert town.homes(child) == [{child, town.id("m"), town.id("f")}]
    assert town.standing(town.id("f")) == [Standing.LIVES]
    assert answer(town, task, CONFIRM) == []


def test_a_rejected_statement_routes_nothing_and_is_not_asked_again_by_the_same_words():
    town, task, child = proposal(Standing.LIVES)
    answer(town, task, REJECT)
    assert town.homes(child) == [{child, town.id("m")}]
    assert {m.state for m in town.world.memberships if m.person_id == town.id("f")} == {MembershipState.REJECTED}
    again = statement(lives("f", "m"), people=(FATHER, MOTHER))
    assert town.send(again, "probation").changes == ()
    dated = statement(lives("f", "m", since=NOW.date() + timedelta(days=-1)), people=(FATHER, MOTHER))
    assert len(town.send(dated, "probation").tasks) == 1


def test_a_confirmed_neighbour_joins_with_the_home_left_behind():
    town = Town()
    here = (home(),)
    town.send(statement(lives("c", "m"), people=(replace(CHILD, addresses=here), replace(MOTHER, addresses=here))))
    child, mother = town.id("c"), town.id("m")
    town.send(statement(lives("f", "mgm"), people=(FATHER, GRANDMOTHER)))
    grandmother = town.id("mgm")
    [task] = town.send(message(Event.SUPERVISION_START, replace(FATHER, addresses=here)), "probation").tasks
    answer(town, task, CONFIRM)
    assert town.homes(child) == [{child, mother, town.id("f")}]
    assert town.homes(grandmother) == [{grandmother}]


def test_a_confirmed_mother_to_be_brings_her_unborn_child():
    town = Town()
    town.send(statement(lives("mgm"), people=(GRANDMOTHER,)))
    grandmother = town.id("mgm")
    town.send(booking(), "midwives")
    said = statement(lives("m", standing=Standing.WILL_LIVE), lives("mgm"), people=(MOTHER, GRANDMOTHER))
    [task] = town.send(said).tasks
    answer(town, task, CONFIRM)
    assert len(town.homes(grandmother)[0]) == 3


def test_a_confirmed_leaving_takes_mother_and_child_out_together():
    town = Town()
    people = (CHILD, MOTHER, FATHER)
    town.send(statement(lives("c", "m", "f"), people=people, relationships=mother_of("m", "c")))
    child, mother, father = (town.id(key) for key in ("c", "m", "f"))
    gone = tuple(HouseholdMember(person=key, standing=Standing.LEFT) for key in ("m", "c"))
    [task] = town.send(statement(lives("f"), gone, people=people), "probation").tasks
    answer(town, task, REJECT)
    assert len(town.homes(child)[0]) == 3
    answer(town, task, CONFIRM)
    assert town.homes(child) == [{child, mother}]
    assert town.homes(father) == [{father}]


def test_a_refuge_is_joined_by_no_answer():
    town, task, _ = proposal()
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER), labels=frozenset({"refuge"})))
    [refuge] = town.world.households_of(town.id("m"))
    moved = replace(task, options={**task.options, "household": refuge, "members": [town.id("c")]})
    assert answer(town, moved, CONFIRM) == []
    town.send(statement(lives("f", "mgm"), people=(FATHER, GRANDMOTHER)))
    asked = replace(task, options={**task.options, "household": refuge, "members": [town.id("f")]})
    with pytest.raises(NotPossible):
        answer(town, asked, CONFIRM)


# --- who somebody is ----------------------------------------------------------------------------------------------


def doubt():
    town = Town()
    town.send(contact(CHILD))
    old = town.id("c")
    [task] = town.send(contact(replace(CHILD, birth_date=OTHER_DAY))).tasks
    return town, task, old, town.id("c")


def test_one_person_after_all():
    town, task, old, new = doubt()
    answer(town, task, old)
    assert town.world.people[new].state is PersonState.MERGED
    assert town.world.people[old].also_born == (OTHER_DAY,)


def test_and_both_dates_of_birth_are_theirs_from_then_on():
    town, task, old, _ = doubt()
    answer(town, task, old)
    settled = town.send(contact(replace(CHILD, birth_date=OTHER_DAY)), "practice")
    assert town.id("c") == old
    assert settled.tasks == ()


def test_two_persons_stay_two():
    town, task, _, _ = doubt()
    assert answer(town, task, DIFFERENT) == []


def test_a_sealed_identity_is_joined_by_no_answer():
    town, task, old, new = doubt()
    sealed = replace(town.world.people[new], state=PersonState.SEALED)
    town.world = replace(town.world, people={**town.world.people, new: sealed})
    with pytest.raises(NotPossible):
        answer(town, task, old)


def test_whoever_is_known_by_more_than_a_case_number_survives():
    town, task, old, new = doubt()
    bare = replace(town.world.people[old], resolved=False)
    town.world = replace(town.world, people={**town.world.people, old: bare})
    answer(town, task, old)
    assert town.world.people[old].state is PersonState.MERGED
    assert town.world.people[new].state is PersonState.LIVING


# --- which address, who works with whom ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "left"),
    [(MINE_IS_OLD, {"practice"}), (MINE_IS_RIGHT, {"visitors", "practice"}), (BOTH, {"visitors", "practice"})],
)
def test_an_agency_decides_over_its_own_address_only(choice, left):
    town = Town()
    town.send(contact(replace(CHILD, addresses=(home(),))))
    tasks = town.send(contact(replace(CHILD, addresses=(home("3 Elm Road"),))), "practice").tasks
    answer(town, next(task for task in tasks if task.owner == "visitors"), choice)
    assert {a.asserted_by for a in town.person("c").addresses} == left


def test_an_old_address_ends_for_all_of_the_family():
    town = Town()
    old = (replace(CHILD, addresses=(home(),)), replace(MOTHER, addresses=(home(),)))
    town.send(statement(lives("c", "m"), people=old))
    mother = town.id("m")
    town.send(contact(CHILD))  # who works with the family is asked
    tasks = town.send(contact(replace(CHILD, addresses=(home("3 Elm Road"),))), "practice").tasks
    answer(town, next(task for task in tasks if task.owner == "visitors"), MINE_IS_OLD)
    assert town.world.people[mother].addresses == ()


@pytest.mark.parametrize(("choice", "states"), [(INVOLVED, [InvolvementState.CONFIRMED]), (NOT_INVOLVED, [])])
def test_a_team_says_whether_it_still_works_with_somebody(choice, states):
    town = Town()
    town.send(contact(CHILD))
    town.world = replace(
        town.world,
        involvements=tuple(replace(i, state=InvolvementState.UNCONFIRMED) for i in town.world.involvements),
    )
    [known] = town.world.involvements
    wanted = _confirm_involvement(known.team_id, known.person_id)
    answer(town, wanted, choice)
    assert [i.state for i in town.world.involvements] == states


def _confirm_involvement(team_id, person_id):
    return TaskWanted(
        code=TaskCode.CONFIRM_INVOLVEMENT,
        owner=team_id,
        description="",
        person_id=person_id,
        options={"choices": [INVOLVED, NOT_INVOLVED]},
    )


def test_other_tasks_decide_nothing_here():
    town, task, _, _ = doubt()
    with pytest.raises(NotPossible):
        answer(town, replace(task, code=TaskCode.RELEASE), "x")


def test_who_is_said_to_have_left_lives_where_they_are_known_to():
    """An answer to a question opens a household as a message does."""
    town = Town()
    town.send(message(Event.GP_REGISTRATION, replace(MOTHER, addresses=(home("3 Elm Road", "NW1 1AA"),))), "practice")
    people = (CHILD, MOTHER, GRANDMOTHER)
    town.send(statement(lives("c", "m", "mgm"), people=people, relationships=mother_of("m", "c")))
    gone = statement(lives("c", "m", standing=Standing.LEFT), lives("mgm"), people=people)
    [task] = town.send(gone, "probation").tasks
    mother = town.id("m")
    answer(town, task, CONFIRM)
    [household] = town.world.households_of(mother)
    assert town.world.households[household].area_id == "south"


def test_a_household_in_which_nobody_lives_any_more_is_joined_by_no_answer():
    town, task, _ = proposal()
    left = replace(task, options={**task.options, "household": "nobody-lives-there"})
    with pytest.raises(NotPossible, match="lives in that household"):
        answer(town, left, CONFIRM)
