"""What a team may look up (principles 1, 4, 5, 10 and 12 of docs/sharing.md): its own clients; child-facing teams the homes of theirs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.sight import CHILDHOOD_DAYS, Sight, hides_address, of_household, own_clients, without
from broker.domain.states import InvolvementState, PersonState
from tests.unit.domain.family import KIN, NOW, TEAMS, home, policy, protected_at, works, world

HOME = home("mother", "father", "baby", "sibling")
EVERYBODY = frozenset({"mother", "father", "baby", "sibling"})
NOBODY: frozenset[str] = frozenset()


def seen(team, known, *, told=NOBODY, household="home"):
    return of_household(known, household, TEAMS[team], policy(), told=told, now=NOW)


def clients(team, known, told=NOBODY):
    return own_clients(known, TEAMS[team], told)


# --- whose clients ----------------------------------------------------------------------------------------------------


def test_own_clients_are_those_of_confirmed_work_and_of_what_was_told_in_full():
    known = world(
        HOME,
        work=[
            works("cmht", "father"),
            works("cmht", "mother", state=InvolvementState.UNCONFIRMED),
            works("cmht", "sibling", state=InvolvementState.ENDED),
            works("visitors", "baby"),
        ],
    )
    assert clients("cmht", known) == {"father"}
    assert clients("cmht", known, frozenset({"sibling"})) == {"father", "sibling"}
    assert clients("cmht", known, frozenset({"somebody-else"})) == {"father"}, "whom this world does not have"
    assert clients("visitors", known) == {"baby"}
    assert clients("police", known) == NOBODY


@pytest.mark.parametrize("state", [PersonState.SEALED, PersonState.MERGED])
def test_a_record_that_is_sealed_or_merged_is_nobodys_client(state):
    known = world(HOME, work=[works("visitors", "baby")], baby={"state": state})
    assert clients("visitors", known, frozenset({"baby"})) == NOBODY


@pytest.mark.parametrize("state", [PersonState.DIED, PersonState.UNBORN, PersonState.LIVING])
def test_any_other_is(state):
    known = world(HOME, work=[works("visitors", "baby")], baby={"state": state})
    assert clients("visitors", known) == {"baby"}


# --- of a household ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("team", "client", "sees", "whole"),
    [
        ("visitors", "baby", EVERYBODY, True),  # child-facing: who lives there
        ("visitors", "mother", EVERYBODY, True),
        ("social-care", "sibling", EVERYBODY, True),
        ("practice", "baby", EVERYBODY, True),  # a practice as the child's …
        ("practice", "mother", EVERYBODY, True),  # … or the mother's
        ("practice", "father", frozenset({"father"}), False),  # and of a man as his alone
        ("cmht", "mother", frozenset({"mother"}), False),
        ("probation", "father", frozenset({"father"}), False),
        ("police", "father", frozenset({"father"}), False),
        ("housing", "mother", frozenset({"mother"}), False),
    ],
)
def test_a_child_facing_team_sees_the_home_and_any_other_its_own_client(team, client, sees, whole):
    assert seen(team, world(HOME, work=[works(team, client)])) == Sight(sees, whole)


def test_a_home_in_which_a_team_works_with_nobody_is_not_there():
    known = world(HOME, home("grandfather", called="elsewhere"), work=[works("visitors", "grandfather")])
    assert seen("visitors", known) is None
    assert seen("visitors", known, household="elsewhere") == Sight(frozenset({"grandfather"}), whole=True)
    assert seen("visitors", world(HOME)) is None
    assert seen("visitors", world(HOME, work=[works("visitors", "baby", state=InvolvementState.UNCONFIRMED)])) is None


def test_what_was_told_in_full_opens_the_home_as_work_does():
    assert seen("visitors", world(HOME), told=frozenset({"baby"})) == Sight(EVERYBODY, whole=True)
    assert seen("police", world(HOME), told=frozenset({"baby"})) == Sight(frozenset({"baby"}), whole=False)


@pytest.mark.parametrize("state", [PersonState.SEALED, PersonState.MERGED])
def test_who_is_sealed_or_merged_is_not_among_those_who_live_there(state):
    known = world(HOME, work=[works("visitors", "baby")], sibling={"state": state})
    assert seen("visitors", known) == Sight(EVERYBODY - {"sibling"}, whole=True)


@pytest.mark.parametrize(
    ("how", "whole"),
    [
        ({"born": (NOW - timedelta(days=CHILDHOOD_DAYS - 1)).date()}, True),
        ({"born": (NOW - timedelta(days=CHILDHOOD_DAYS)).date()}, False),
        ({"born": None}, False),  # nobody has said that it is a child
        ({"born": None, "state": PersonState.UNBORN}, True),
    ],
)
def test_a_practice_sees_the_home_of_a_child_until_it_is_eighteen(how, whole):
    assert CHILDHOOD_DAYS == 6575
    known = world(home("sibling", "grandmother"), work=[works("practice", "sibling")], sibling=how)
    sight = seen("practice", known)
    assert sight is not None
    assert sight.whole is whole
    assert sight.persons == ({"sibling", "grandmother"} if whole else {"sibling"})


def test_a_practice_sees_a_mothers_home_and_not_that_of_another_relative():
    own = world(home("mother", "baby", "grandfather"), work=[works("practice", "mother")])
    assert seen("practice", own) == Sight(frozenset({"mother", "baby", "grandfather"}), whole=True)
    grandfather = world(home("mother", "baby", "grandfather"), work=[works("practice", "grandfather")])
    assert seen("practice", grandfather) == Sight(frozenset({"grandfather"}), whole=False)
    childless = world(home("mother", "grandfather"), work=[works("practice", "mother")], kin=())
    assert seen("practice", childless) == Sight(frozenset({"mother"}), whole=False)


def test_a_mother_whose_children_are_elsewhere_and_unknown_here_opens_no_home():
    known = replace(world(home("mother", "father"), work=[works("practice", "mother")]), relationships=KIN)
    assert seen("practice", known) == Sight(frozenset({"mother"}), whole=False)


# --- principle 12: children who are not named yet -----------------------------------------------------------------------


def test_without_a_child_who_is_not_named_it_is_not_the_whole():
    everything = Sight(EVERYBODY, whole=True)
    assert without(everything, frozenset({"sibling"})) == Sight(
        EVERYBODY - {"sibling"}, whole=False, unnamed=frozenset({"sibling"})
    )
    assert without(everything, frozenset({"elsewhere"})) == Sight(
        EVERYBODY, whole=True, unnamed=frozenset({"elsewhere"})
    )
    own = Sight(frozenset({"baby"}), whole=False)
    assert without(own, frozenset({"elsewhere"})) == Sight(
        frozenset({"baby"}), whole=False, unnamed=frozenset({"elsewhere"})
    )


# --- principle 10: protected addresses ----------------------------------------------------------------------------------


def test_an_address_hides_from_who_does_not_hold_it_whoever_of_the_home_it_protects():
    held = protected_at("1 Somewhere", "birmingham", "refuge")
    known = world(HOME, home("grandfather", called="elsewhere"), mother=held)
    for person in ("mother", "baby"):
        assert hides_address(known, person, TEAMS["visitors"])
        assert not hides_address(known, person, TEAMS["refuge"])
    assert not hides_address(known, "grandfather", TEAMS["visitors"])


def test_who_holds_one_of_the_home_does_not_see_where_another_holds_the_other():
    known = world(
        HOME,
        mother=protected_at("1 Somewhere", "birmingham", "refuge"),
        father=protected_at("2 Elsewhere", "birmingham", "police"),
    )
    assert hides_address(known, "baby", TEAMS["refuge"])


def test_who_holds_an_address_that_is_not_protected_holds_nothing():
    protected = protected_at("1 Somewhere", "birmingham", "refuge")["addresses"][0]
    open_ = replace(protected, protected=False, asserted_by="visitors")
    assert hides_address(world(HOME, mother={"addresses": (protected, open_)}), "mother", TEAMS["visitors"])
    assert not hides_address(world(HOME, mother={"addresses": (open_,)}), "mother", TEAMS["midwives"])
