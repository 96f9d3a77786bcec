"""What a person's choice changes, change by change: who lives together, who somebody is, whose address is old, who still works with whom."""

from dataclasses import replace

import pytest

from broker.domain import changes as c
from broker.domain.addresses import BOTH, MINE_IS_OLD, MINE_IS_RIGHT
from broker.domain.decisions import INVOLVED, NOT_INVOLVED, NotPossible, decide, persons_of
from broker.domain.draft import Draft, Given
from broker.domain.places import normalise
from broker.domain.statements import CONFIRM, JOIN, LEAVE, REJECT
from broker.domain.states import GONE, InvolvementState, MembershipState, PersonState
from broker.domain.world import KnownAddress
from schemas.codes import Standing, TaskCode
from tests.unit.domain.family import DIRECTORY, NOW, TEAMS, home, message, policy, works, world


def chosen(known, code, options, choice, *, person=None, team="visitors"):
    """The changes that a choice brings, in their order."""
    given = Given(
        message=message("household-update", sender=team),
        sender=TEAMS[team],
        directory=DIRECTORY,
        policy=policy(),
        now=NOW,
        place=normalise,
        new_id=iter(f"new-{n}" for n in range(9)).__next__,
    )
    draft = Draft(given=given, before=known, world=known)
    decide(draft, code, options, choice, person)
    return [change for change in draft.changes if not isinstance(change, c.SetArea | c.Revise)]


def proposed(known, *people, standing=Standing.WILL_LIVE, called="home"):
    """The same, with people who are said to belong to a household and not confirmed."""
    added = home(*people, called=called, standing=standing)[1]
    waiting = tuple(replace(one, state=MembershipState.PROPOSED) for one in added)
    return replace(known, memberships=(*known.memberships, *waiting))


def household(*members, asks=JOIN, of="home"):
    return {"household": of, "members": list(members), "asks": asks}


# --- who lives together ----------------------------------------------------------------------------------------------

APART = world(home("mother", "baby"), home("father", called="his"), home("sibling", "grandmother", called="hers"))


def test_who_is_confirmed_is_a_member_and_whom_it_leaves_alone_has_moved():
    changes = chosen(proposed(APART, "father"), TaskCode.CONFIRM_HOUSEHOLD, household("father"), CONFIRM)
    assert changes[:1] == [c.ConfirmMembership(household_id="home", person_id="father", standing=Standing.LIVES)]
    assert [(one.household_id, one.person_id) for one in changes if isinstance(one, c.EndMembership)] == [
        ("his", "father")
    ]


def test_who_was_not_proposed_joins_as_one_who_lives_there():
    changes = chosen(APART, TaskCode.CONFIRM_HOUSEHOLD, household("father"), CONFIRM)
    assert changes[0] == c.OpenMembership(
        household_id="home",
        person_id="father",
        standing=Standing.LIVES,
        state=MembershipState.CURRENT,
        since=NOW.date(),
    )


@pytest.mark.parametrize("said", [None, Standing.WILL_LIVE])
def test_a_child_who_lives_with_an_adult_who_is_not_named_is_shared(said):
    known = APART if said is None else proposed(APART, "sibling", standing=said)
    changes = chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("sibling"), CONFIRM)
    assert [one.standing for one in changes] == [Standing.SHARED_CARE]
    assert not any(isinstance(one, c.EndMembership) for one in changes), "it is taken out of no home"


@pytest.mark.parametrize("said", [None, Standing.WILL_LIVE])
def test_a_child_who_comes_with_that_adult_lives_there(said):
    known = APART if said is None else proposed(APART, "sibling", "grandmother", standing=said)
    changes = chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("sibling", "grandmother"), CONFIRM)
    assert [one.standing for one in changes[:2]] == [Standing.LIVES, Standing.LIVES]


def test_a_child_whose_adult_lives_here_already_comes_to_live_here():
    known = world(home("mother", "baby", "grandmother"), home("sibling", "grandmother", called="hers"))
    changes = chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("sibling"), CONFIRM)
    assert [(one.person_id, one.standing) for one in changes[:1]] == [("sibling", Standing.LIVES)]


def test_what_was_said_to_be_shared_care_stays_that():
    known = proposed(APART, "father", standing=Standing.SHARED_CARE)
    [change] = chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("father"), CONFIRM)[:1]
    assert change.standing is Standing.SHARED_CARE


def test_a_question_that_does_not_say_which_way_is_whether_they_join():
    options = {"household": "home", "members": ["father"]}
    assert chosen(APART, TaskCode.CONFIRM_HOUSEHOLD, options, CONFIRM) == chosen(
        APART, TaskCode.CONFIRM_HOUSEHOLD, household("father"), CONFIRM
    )


def test_who_is_a_member_already_is_no_change():
    assert chosen(APART, TaskCode.CONFIRM_HOUSEHOLD, household("baby"), CONFIRM) == []


def test_what_was_proposed_is_rejected_and_nothing_else_is():
    known = proposed(APART, "father")
    assert chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("father", "mother", "sibling"), REJECT) == [
        c.RejectMembership(household_id="home", person_id="father")
    ]
    assert chosen(APART, TaskCode.CONFIRM_HOUSEHOLD, household("mother", "sibling"), REJECT) == []


def test_who_is_said_to_leave_and_does_not_stays_as_they_were():
    """Also somebody who is proposed there: the question was another one."""
    known = proposed(APART, "father")
    assert chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("father", "mother", asks=LEAVE), REJECT) == []


def test_who_leaves_leaves_and_who_does_not_live_there_does_not():
    changes = chosen(APART, TaskCode.CONFIRM_HOUSEHOLD, household("mother", "father", asks=LEAVE), CONFIRM)
    ended = [one for one in changes if isinstance(one, c.EndMembership)]
    assert [(one.household_id, one.person_id) for one in ended] == [("home", "mother")]


@pytest.mark.parametrize("state", sorted(GONE))
def test_who_is_gone_meanwhile_is_left_out(state):
    known = world(home("mother", "baby"), home("father", called="his"), father={"state": state})
    assert chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("father"), CONFIRM) == []


def test_a_household_that_is_no_more_is_joined_by_nobody():
    with pytest.raises(NotPossible, match=r"^Nobody lives in that household any more: send who lives together now\.$"):
        chosen(APART, TaskCode.CONFIRM_HOUSEHOLD, household("father", of="gone"), CONFIRM)


@pytest.mark.parametrize("which", ["home", "his"])
def test_a_refuge_joins_no_other_household(which):
    refuge = replace(APART.households[which], refuge=True)
    known = replace(APART, households={**APART.households, which: refuge})
    with pytest.raises(NotPossible, match=r"^These persons cannot be joined to this household\.$"):
        chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("father"), CONFIRM)


def test_within_a_refuge_people_are_confirmed_as_elsewhere():
    known = world(home("mother", "baby"), home("father", called="his"))
    known = replace(known, households={**known.households, "home": replace(known.households["home"], refuge=True)})
    assert chosen(known, TaskCode.CONFIRM_HOUSEHOLD, household("baby"), CONFIRM) == []


# --- who somebody is ---------------------------------------------------------------------------------------------------

WHO = {"person": "father", "choices": ["grandfather", "different"]}
TWO = world(home("mother", "father", "grandfather"))


def test_two_records_become_one_and_the_one_that_is_known_goes_on():
    assert chosen(TWO, TaskCode.RESOLVE_IDENTITY, WHO, "grandfather") == [
        c.MergePersons(gone="father", into="grandfather")
    ]
    unresolved = world(home("mother", "father", "grandfather"), grandfather={"resolved": False})
    assert chosen(unresolved, TaskCode.RESOLVE_IDENTITY, WHO, "grandfather") == [
        c.MergePersons(gone="grandfather", into="father")
    ]
    neither = world(
        home("mother", "father", "grandfather"), grandfather={"resolved": False}, father={"resolved": False}
    )
    assert chosen(neither, TaskCode.RESOLVE_IDENTITY, WHO, "grandfather") == [
        c.MergePersons(gone="father", into="grandfather")
    ]


@pytest.mark.parametrize("choice", ["different", "father", "nobody-known"])
def test_none_of_them_and_the_same_again_change_nothing(choice):
    assert chosen(TWO, TaskCode.RESOLVE_IDENTITY, WHO, choice) == []


@pytest.mark.parametrize("which", ["father", "grandfather"])
def test_a_sealed_identity_is_never_joined(which):
    known = world(home("mother", "father", "grandfather"), **{which: {"state": PersonState.SEALED}})
    with pytest.raises(NotPossible, match=r"^A sealed identity is never joined to another\.$"):
        chosen(known, TaskCode.RESOLVE_IDENTITY, WHO, "grandfather")


# --- which address -----------------------------------------------------------------------------------------------------


def lives_at(place, *teams):
    return {
        "addresses": tuple(
            KnownAddress(place=place, area_id="birmingham", protected=False, asserted_by=team) for team in teams
        )
    }


def test_who_gives_up_an_address_ends_it_for_the_family_and_for_their_agency_alone():
    known = world(
        home("mother", "baby"),
        home("father", called="his"),
        home("grandfather", called="other"),
        mother=lives_at("old", "visitors", "practice"),
        baby=lives_at("old", "midwives", "gone"),
        father=lives_at("old", "visitors"),
        grandfather=lives_at("old", "visitors"),
    )
    options = {"place": "old", "members": ["mother", "father"]}
    assert chosen(known, TaskCode.RESOLVE_ADDRESS, options, MINE_IS_OLD) == [
        c.EndAddress(person_id="baby", place="old", held_by="midwives"),  # of the same trust
        c.EndAddress(person_id="father", place="old", held_by="visitors"),
        c.EndAddress(person_id="mother", place="old", held_by="visitors"),
    ]


def test_another_place_of_the_same_agency_stays():
    known = world(home("mother", "baby"), mother=lives_at("new", "visitors"))
    assert chosen(known, TaskCode.RESOLVE_ADDRESS, {"place": "old", "members": ["mother"]}, MINE_IS_OLD) == []


def test_somebody_of_no_household_is_of_the_family_too():
    known = world(home("mother", "baby"), home("father", called="his"), father=lives_at("old", "visitors"))
    homeless = replace(known, memberships=tuple(m for m in known.memberships if m.person_id != "father"))
    assert chosen(homeless, TaskCode.RESOLVE_ADDRESS, {"place": "old", "members": "father"}, MINE_IS_OLD) == [
        c.EndAddress(person_id="father", place="old", held_by="visitors")
    ]


@pytest.mark.parametrize("choice", [MINE_IS_RIGHT, BOTH])
def test_who_holds_on_to_an_address_ends_nothing(choice):
    known = world(home("mother", "baby"), mother=lives_at("old", "visitors"))
    assert chosen(known, TaskCode.RESOLVE_ADDRESS, {"place": "old", "members": ["mother"]}, choice) == []


# --- who still works with whom -------------------------------------------------------------------------------------------

WORKS = world(home("mother", "baby"), work=[works("visitors", "baby", state=InvolvementState.UNCONFIRMED)])


def test_a_team_that_still_works_with_somebody_renews_it_now():
    assert chosen(WORKS, TaskCode.CONFIRM_INVOLVEMENT, {}, INVOLVED, person="baby") == [
        c.RenewInvolvement(team_id="visitors", person_id="baby", at=NOW, evidence="confirm-involvement", revives=True)
    ]


def test_a_team_that_no_longer_does_ends_it_now():
    assert chosen(WORKS, TaskCode.CONFIRM_INVOLVEMENT, {}, NOT_INVOLVED, person="baby") == [
        c.EndInvolvement(team_id="visitors", person_id="baby", at=NOW)
    ]


@pytest.mark.parametrize(("team", "person"), [("visitors", "mother"), ("practice", "baby"), ("visitors", None)])
def test_of_work_that_nobody_knows_nothing_changes(team, person):
    for choice in (INVOLVED, NOT_INVOLVED):
        assert chosen(WORKS, TaskCode.CONFIRM_INVOLVEMENT, {}, choice, person=person, team=team) == []


# --- what it is about ------------------------------------------------------------------------------------------------------


def test_persons_among_the_options_are_members_candidates_and_the_one_it_is_about():
    options = {
        "household": "home",
        "place": "old",
        "members": ["mother", "father"],
        "choices": ["grandfather"],
        "person": "baby",
    }
    assert persons_of(options) == {"mother", "father", "grandfather", "baby"}
    assert persons_of({}) == set()
    assert persons_of({"members": "mother"}) == {"mother"}, "one of them may stand alone"


def test_a_task_that_asks_for_no_such_choice_says_so():
    with pytest.raises(NotPossible, match=r"^This task asks for no choice about people or households\.$"):
        chosen(WORKS, TaskCode.ACKNOWLEDGE, {}, CONFIRM)
