"""The edges at which a service begins or ends, through whom it is found, and whom a message addresses: one wrong comparison tells nobody, or the wrong team."""

from dataclasses import replace

import pytest

from broker.domain.addressees import Addressees, addressees, function_asked
from broker.domain.recipients import Missing, candidates
from broker.domain.rules import Relation
from broker.domain.situation import situation
from broker.domain.states import InvolvementState
from broker.domain.world import KnownAddress
from schemas.codes import Function
from schemas.message import RestrictedParty
from schemas.problem import Problem
from tests.unit.domain.family import (
    ADMITTED,
    DIRECTORY,
    KIN,
    NOW,
    PEOPLE,
    TEAMS,
    days,
    directory,
    home,
    message,
    policy,
    routed,
    withheld,
    works,
    world,
)

START_OF_SCHOOL = 1826
GROWN = 6574


def met(what, known, known_directory=DIRECTORY):
    return situation(what, known, policy(), known_directory.teams[what.sender], NOW, directory=known_directory)


def found(what, known, known_directory=DIRECTORY):
    return candidates(met(what, known, known_directory), policy(), known_directory)


def ties(what, known, known_directory=DIRECTORY):
    """Team → its ties as (relation, person)."""
    return {
        one.team.id: [(tie.relation, tie.person_id) for tie in one.ties]
        for one in found(what, known, known_directory).recipients
    }


def universal(what, known, known_directory=DIRECTORY):
    """Team → persons through whom it is a universal service."""
    told = ties(what, known, known_directory).items()
    persons = {team: [person for relation, person in its if relation is Relation.UNIVERSAL] for team, its in told}
    return {team: people for team, people in persons.items() if people}


# --- the first and the last day of a service's age


@pytest.mark.parametrize(
    ("age", "teams"),
    [
        (0, {"visitors", "practice"}),
        (START_OF_SCHOOL - 1, {"visitors", "practice"}),
        (START_OF_SCHOOL, {"school-nurses", "practice"}),
        (GROWN - 1, {"school-nurses", "practice"}),
        (GROWN, set()),
    ],
)
def test_a_service_begins_on_its_first_day_and_ends_before_the_first_of_the_next(age, teams):
    known = world(home("grandfather", "baby"), baby={"born": days(age)})
    assert universal(ADMITTED, known).keys() == teams


def test_who_is_not_born_yet_by_the_date_or_whose_date_nobody_knows_is_of_no_age():
    for born in (None, days(-1)):
        known = world(home("grandfather", "baby"), baby={"born": born})
        assert universal(ADMITTED, known) == {}


# --- through whom


def test_an_unborn_childs_services_are_found_through_the_child_and_its_practice_through_the_mother():
    known = world(home("grandfather", "unborn", "mother"))
    assert universal(ADMITTED, known) == {"midwives": ["unborn"], "visitors": ["unborn"], "practice": ["unborn"]}


def test_a_team_that_works_with_the_mother_of_the_unborn_is_that_service():
    known = world(home("grandfather", "unborn", "mother"), work=[works("family-nurses", "mother")])
    assert universal(ADMITTED, known) == {"midwives": ["unborn"], "practice": ["unborn"]}
    assert (Relation.HOUSEHOLD, "mother") in ties(ADMITTED, known)["family-nurses"]


def test_the_mothers_team_is_not_that_of_a_child_who_is_born():
    known = world(home("grandfather", "baby", "mother"), work=[works("family-nurses", "mother")])
    assert universal(ADMITTED, known)["visitors"] == ["baby"]


def test_without_a_mother_that_is_known_the_areas_team_is_the_unborns():
    known = world(home("grandfather", "unborn", "mother"), work=[works("family-nurses", "mother")], kin=())
    assert universal(ADMITTED, known) == {"midwives": ["unborn"], "visitors": ["unborn"]}


def test_a_child_without_a_practice_has_its_mothers():
    known = world(home("grandfather", "baby", "mother"), baby={"practice": None})
    assert universal(ADMITTED, known)["practice"] == ["baby"]
    own = world(home("grandfather", "baby", "mother"), baby={"practice": TEAMS["other-practice"].ods_code})
    assert universal(ADMITTED, own) == {"visitors": ["baby"], "other-practice": ["baby"]}


def test_a_practice_that_works_with_the_child_is_its_practice():
    known = world(home("grandfather", "baby", "mother"), work=[works("other-practice", "baby")])
    assert universal(ADMITTED, known) == {"visitors": ["baby"]}
    unsure = world(
        home("grandfather", "baby", "mother"),
        work=[works("other-practice", "baby", state=InvolvementState.UNCONFIRMED)],
    )
    assert universal(ADMITTED, unsure) == {"visitors": ["baby"], "practice": ["baby"]}


def test_what_the_policy_makes_optional_is_not_missed_and_what_it_does_not_is():
    bare = replace(DIRECTORY, coverage={})
    known = world(home("grandfather", "baby"), baby={"practice": None})
    assert found(ADMITTED, known, bare).missing == (Missing(Function.HEALTH_VISITING, "baby", "birmingham"),)
    schoolchild = world(home("grandfather", "sibling"), sibling={"practice": None})
    assert found(ADMITTED, schoolchild, bare).missing == ()


def test_who_works_with_the_child_is_not_missed_where_the_directory_names_nobody():
    bare = replace(DIRECTORY, coverage={})
    known = world(home("grandfather", "baby"), work=[works("visitors", "baby")])
    assert found(ADMITTED, known, bare).missing == ()


# --- whom a message addresses: by name

CONCERN = message("concern", "baby", kind="growth", sender="visitors", to=("paediatrics",))
BABY = world(home("mother", "baby"))


def to(*teams):
    return replace(CONCERN, to=teams)


def test_teams_are_addressed_in_the_order_of_the_message():
    asked = addressees(met(to("paediatrics", "midwives"), BABY), DIRECTORY)
    assert asked == Addressees(teams=(TEAMS["paediatrics"], TEAMS["midwives"]))


def test_what_cannot_be_reached_is_said_with_its_place_and_never_its_name():
    shut = directory(neonatal={"closed": True})
    asked = addressees(met(to("visitors", "nobody", "neonatal", "midwives"), BABY, shut), shut)
    place = "Bundle.entry[0].resource.destination[{}].receiver"
    assert asked == Addressees(
        teams=(TEAMS["midwives"],),
        problems=(
            Problem(place.format(0), "is the sending team itself", "business-rule", "information"),
            Problem(place.format(1), "is not in the directory: the message was not delivered there", "not-found", "warning"),
            Problem(place.format(2), "is closed: the message was not delivered there", "not-found", "warning"),
        ),
        unreachable=("nobody", "neonatal"),
    )  # fmt: skip


def test_who_is_addressed_is_tied_by_that_alone():
    assert ties(to("refuge"), BABY)["refuge"] == [(Relation.ADDRESSED, None)]


# --- whom a message addresses: by function


def asking(kind, subject="baby", sender="visitors"):
    return message("referral", subject, kind=kind, sender=sender)


def test_a_function_is_asked_where_no_team_is_named_and_the_event_has_addressees():
    assert function_asked(asking("midwifery")) is Function.MIDWIFERY
    assert function_asked(replace(asking("midwifery"), to=("paediatrics",))) is None
    assert function_asked(asking("no-function")) is None
    assert function_asked(message("measurement", "baby", kind="midwifery")) is None


def test_the_function_is_asked_in_every_area_in_which_the_person_lives():
    between = world(home("mother", "baby", called="flat", area="sandwell"), home("mother", "baby", called="parents"))
    asked = addressees(met(asking("health-visiting", sender="practice"), between), DIRECTORY)
    assert asked == Addressees(teams=(TEAMS["visitors"], TEAMS["visitors-sandwell"]))


def test_the_sending_team_does_not_ask_itself():
    asked = addressees(met(asking("health-visiting"), BABY), DIRECTORY)
    reason = "no other team of this function was found where the person lives: nobody was asked"
    assert asked == Addressees(
        problems=(Problem("Bundle.entry[0].resource.destination", reason, "not-found", "warning"),),
        unserved=Function.HEALTH_VISITING,
    )
    assert found(asking("health-visiting"), BABY).unserved is Function.HEALTH_VISITING
    between = world(home("mother", "baby", called="flat", area="sandwell"), home("mother", "baby", called="parents"))
    assert addressees(met(asking("health-visiting"), between), DIRECTORY).teams == (TEAMS["visitors-sandwell"],)


@pytest.mark.parametrize(
    ("child", "mother", "team"),
    [
        ("other-practice", "practice", "other-practice"),
        (None, "other-practice", "other-practice"),
        (None, None, None),
    ],
)
def test_the_practice_asked_is_the_persons_own_or_of_a_child_its_mothers(child, mother, team):
    code = {None: None} | {name: TEAMS[name].ods_code for name in ("practice", "other-practice")}
    known = world(home("mother", "baby"), baby={"practice": code[child]}, mother={"practice": code[mother]})
    asked = addressees(met(asking("general-practice"), known), DIRECTORY)
    assert [one.id for one in asked.teams] == ([team] if team else [])
    assert asked.unserved is (None if team else Function.GENERAL_PRACTICE)


def test_a_closed_practice_is_passed_over_for_the_mothers():
    shut = directory(practice={"closed": True})
    known = world(home("mother", "baby"), mother={"practice": TEAMS["other-practice"].ods_code})
    assert [one.id for one in addressees(met(asking("general-practice"), known, shut), shut).teams] == [
        "other-practice"
    ]


def test_a_mother_of_whom_nothing_is_known_but_that_she_is_leads_to_no_practice():
    known = replace(world(home("baby"), baby={"practice": None}), relationships=KIN)
    assert addressees(met(asking("general-practice"), known), DIRECTORY).unserved is Function.GENERAL_PRACTICE
    assert universal(ADMITTED, replace(known, memberships=home("grandfather", "baby")[1])) == {"visitors": ["baby"]}


# --- in which areas: whoever has no household


@pytest.mark.parametrize("holder", ["baby", "mother"])
def test_without_a_household_the_areas_are_those_of_the_own_or_the_mothers_addresses(holder):
    known = replace(
        world(home("mother", "baby")),
        memberships=(),
        households={},
        people={
            name: replace(
                PEOPLE[name],
                addresses=(KnownAddress(place="p", area_id="sandwell", protected=False, asserted_by="midwives"),)
                if name == holder
                else (),
            )
            for name in ("mother", "baby")
        },
    )
    asked = addressees(met(asking("health-visiting", sender="practice"), known), DIRECTORY)
    assert [one.id for one in asked.teams] == ["visitors-sandwell"]


# --- what the sender learns


def test_a_closed_team_is_not_told_and_the_reason_says_so():
    shut = directory(visitors={"closed": True})
    decision = routed(
        ADMITTED, world(home("grandfather", "baby"), work=[works("visitors", "baby")]), known_directory=shut
    )
    assert [(one.team_id, one.reason_code, one.reason) for one in decision.withheld if one.team_id == "visitors"] == [
        ("visitors", "team-closed", "The team is closed; a task asks who does its work now (invariant 3).")
    ]


def test_the_sender_learns_which_of_the_teams_it_addressed_is_not_told_and_not_why():
    party = RestrictedParty(person="father", employer="trust")
    kept = message(
        "concern", "baby", kind="growth", sender="social-care", to=("refuge", "midwives"), kept_from=(party,)
    )
    decision = routed(kept, world(home("mother", "father", "baby")))
    assert "midwives" in withheld(decision)
    reason = "may not be told of this by this policy: speak to your safeguarding lead"
    place = "Bundle.entry[0].resource.destination[1].receiver"
    assert decision.problems == (Problem(place, reason, "suppressed", "information"),)


def test_an_employer_that_nobody_knows_keeps_nobody_out_and_the_sender_learns_it():
    party = RestrictedParty(person="father", employer="nobody-knows-it")
    kept = message("concern", "baby", kind="neglect", sender="social-care", kept_from=(party,))
    decision = routed(kept, world(home("mother", "father", "baby")))
    reason = "names an employer that is no agency of the directory: nobody is kept out by it"
    assert decision.problems == (Problem("Bundle.entry[0].resource.extension", reason, "not-found", "warning"),)
