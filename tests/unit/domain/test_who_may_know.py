"""Who may know which team is responsible (principles 9 and 10): as of recipients, and nothing where an address is protected."""

from dataclasses import replace

import pytest

from broker.domain.responsibility import HELD
from broker.domain.sight import hides_address
from broker.domain.visibility import may_know_holder
from broker.domain.world import Team
from schemas.codes import Event, Function
from tests.town import CHILD, MOTHER, TEAMS, Town, home, lives, message, mother_of, policy, statement

HOLDERS = {
    Function.MIDWIFERY: "midwives",
    Function.HEALTH_VISITING: "visitors",
    Function.GENERAL_PRACTICE: "practice",
    Function.MENTAL_HEALTH: "cmht",
    Function.PROBATION: "probation",
}
SERVICES = {Function.MIDWIFERY, Function.HEALTH_VISITING}


def known(viewer: Team, *, held: bool, hidden: bool = False) -> set[Function]:
    return {
        function
        for function in HELD
        if may_know_holder(viewer, function, TEAMS[HOLDERS[function]] if held else None, policy(), hidden=hidden)
    }


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(
    ("viewer", "functions"),
    [
        ("south-visitors", {*SERVICES, Function.GENERAL_PRACTICE}),
        ("children", {*SERVICES, Function.GENERAL_PRACTICE}),
        ("cmht", {*SERVICES, Function.MENTAL_HEALTH}),
        ("probation-london", {*SERVICES, Function.PROBATION}),
        ("police", set()),
        ("trust-lead", set(HELD)),
    ],
)
def test_each_knows_what_its_group_may_and_its_own_work(viewer, functions, held):
    assert known(TEAMS[viewer], held=held) == functions


def test_who_may_know_of_one_service_learns_nothing_of_another_that_does_the_same_work():
    """Family nurses hold what health visitors do: a viewer that may know of these alone is not told of those."""
    viewer = TEAMS["cmht"]
    rules = policy()
    group = rules.groups[viewer.function]
    narrow = replace(rules, visible={**rules.visible, group: frozenset({Function.HEALTH_VISITING})})
    nurses = replace(TEAMS["visitors"], id="nurses", function=Function.FAMILY_NURSE_PARTNERSHIP)
    seen = {
        holder and holder.id: may_know_holder(viewer, Function.HEALTH_VISITING, holder, narrow, hidden=False)
        for holder in (TEAMS["visitors"], nurses, None)
    }
    assert seen == {"visitors": True, "nurses": False, None: True}


def test_at_a_protected_address_each_knows_of_itself_alone():
    assert known(TEAMS["visitors"], held=True, hidden=True) == {Function.HEALTH_VISITING}
    assert known(TEAMS["south-visitors"], held=True, hidden=True) == set()
    assert known(TEAMS["visitors"], held=False, hidden=True) == set()


def test_a_protected_address_of_anybody_at_home_hides_from_who_does_not_hold_it():
    town = Town()
    people = (CHILD, replace(MOTHER, addresses=(home(protected=True),)))
    town.send(statement(lives("c", "m"), people=people, relationships=mother_of("m", "c")), "children")
    child = town.id("c")
    assert hides_address(town.world, child, TEAMS["visitors"])
    assert not hides_address(town.world, child, TEAMS["children"])


def test_where_none_is_protected_nothing_is_hidden():
    town = Town()
    town.send(message(Event.CHANGE_OF_ADDRESS, replace(CHILD, addresses=(home(),))), "children")
    assert not hides_address(town.world, town.id("c"), TEAMS["visitors"])
