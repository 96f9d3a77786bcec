"""Which teams come into question, and what becomes of a message that cannot reach everybody."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.routing import Earlier
from broker.domain.states import DeliveryState, InvolvementState, MembershipState, PersonState, View
from broker.domain.world import KnownHousehold, KnownMembership, World
from schemas.codes import Function, Standing
from tests.unit.domain.family import (
    ADMITTED,
    DIRECTORY,
    FAMILY,
    NOW,
    PEOPLE,
    PRACTICE,
    SAFETY,
    asked,
    directory,
    home,
    message,
    policy,
    routed,
    told,
    told_by,
    withheld,
    works,
    world,
    years,
)

# --- universal services


@pytest.mark.parametrize(
    ("household", "changed", "teams"),
    [
        (home("grandfather", "unborn", "mother"), {}, {"midwives", "visitors", "practice"}),
        (home("grandfather", "baby"), {}, {"visitors", "practice"}),
        (home("grandfather", "baby"), {"baby": {"born": years(5), "practice": None}}, {"school-nurses"}),
        (home("grandfather", "baby"), {"baby": {"born": years(4), "practice": None}}, {"visitors"}),
        (home("grandfather", "sibling"), {}, {"school-nurses", "practice"}),
        (home("grandfather", "sibling"), {"sibling": {"born": years(18)}}, set()),
        (home("grandfather", "baby", area="sandwell"), {}, {"visitors-sandwell", "practice"}),
        (home("grandfather", "baby"), {"baby": {"state": PersonState.DIED}}, set()),
        (home("grandfather", "unborn"), {"unborn": {"state": PersonState.PREGNANCY_ENDED}}, set()),
    ],
)
def test_universal_services_are_found_from_the_directory(household, changed, teams):
    assert set(told(routed(ADMITTED, world(household, **changed)))) == teams


def test_a_team_that_already_works_there_is_not_doubled_by_the_areas():
    known = world(home("grandfather", "baby"), work=[works("family-nurses", "baby")])
    assert set(told(routed(ADMITTED, known))) == {"family-nurses", "practice"}


def test_where_an_area_has_no_such_team_it_is_whoever_stands_in_there():
    coverage = {key: team for key, team in DIRECTORY.coverage.items() if key != ("sandwell", Function.HEALTH_VISITING)}
    nurses = {("sandwell", Function.FAMILY_NURSE_PARTNERSHIP): "family-nurses"}
    known = world(home("grandfather", "baby", area="sandwell"), work=[works("visitors", "baby")])
    decision = routed(ADMITTED, known, known_directory=replace(DIRECTORY, coverage=coverage | nurses))
    assert {"visitors", "family-nurses"} <= told(decision).keys()
    moved = message("change-of-address", "baby", sender="visitors")
    asked = routed(moved, known, known_directory=replace(DIRECTORY, coverage=coverage | nurses))
    assert told(asked)["family-nurses"] == ("full", "action")


def test_a_team_of_the_old_area_does_not_stand_for_the_new_one():
    known = world(home("grandfather", "baby", area="sandwell"), work=[works("visitors", "baby")])
    assert {"visitors", "visitors-sandwell"} <= told(routed(ADMITTED, known)).keys()


def test_an_unconfirmed_team_does_not_stand_in_the_way_of_the_areas():
    known = world(
        home("grandfather", "baby"), work=[works("family-nurses", "baby", state=InvolvementState.UNCONFIRMED)]
    )
    decision = routed(ADMITTED, known)
    assert told(decision)["visitors"] == ("risk", "action")
    assert told(decision)["family-nurses"] == ("existence", "information")


def test_a_family_between_two_areas_is_told_to_both():
    flat, parents = home("mother", "baby", called="flat", area="sandwell"), home("mother", "baby", called="parents")
    decision = routed(message("birth", "baby"), world(flat, parents))
    assert {"visitors", "visitors-sandwell"} <= told(decision).keys()
    assert decision.households == {"flat": 7, "parents": 7}


def test_without_an_area_the_sender_is_asked_for_an_address_and_it_is_not_silence():
    decision = routed(ADMITTED, world(home("grandfather", "baby", area=None), work=[works("practice", "baby")]))
    texts = [task.description for task in decision.tasks if task.code.value == "undeliverable"]
    assert len(texts) == 1
    assert "No area of the directory is known" in texts[0]
    assert asked(decision, "undeliverable")["cmht"].cites == "invariant 3"


def test_where_the_directory_names_nobody_the_sender_and_the_partnership_are_told():
    bare = replace(DIRECTORY, coverage={("birmingham", Function.PARTNERSHIP): "partnership"})
    decision = routed(ADMITTED, world(home("grandfather", "baby")), known_directory=bare)
    assert set(asked(decision, "undeliverable")) == {"cmht", "partnership"}


def test_the_services_of_a_child_that_died_are_told_so_and_asked_nothing():
    known = world(home("mother", "baby"), work=[works("probation", "mother")], baby={"state": PersonState.DIED})
    decision = routed(message("death", "baby", sender="emergency"), known)
    assert told(decision)["visitors"] == told(decision)["practice"] == ("full", "information")
    assert told(decision)["probation"] == ("ended", "information")
    assert decision.tasks == ()


# --- recipients


def test_the_addressed_are_told_and_the_unknown_and_the_closed_are_a_task():
    shut = directory(neonatal={"closed": True})
    concern = message(
        "concern", "baby", kind="growth", sender="visitors", to=("neonatal", "nobody", "paediatrics", "visitors")
    )
    decision = routed(concern, world(FAMILY), known_directory=shut)
    assert told(decision)["paediatrics"] == ("full", "action")
    assert [problem.severity for problem in decision.problems] == ["warning", "warning", "information"]
    assert [task.owner for task in decision.tasks if task.code.value == "undeliverable"] == ["visitors", "visitors"]
    assert "nobody" not in str(decision.problems) + str([task.description for task in decision.tasks])


def test_a_closed_team_that_still_has_clients_is_not_told_and_its_lead_is_asked():
    shut = directory(visitors={"closed": True})
    decision = routed(ADMITTED, world(FAMILY, work=[works("visitors", "baby")]), known_directory=shut)
    assert withheld(decision)["visitors"] == "team-closed"
    assert "trust-lead" in asked(decision, "undeliverable")


def test_several_ties_give_one_decision_with_the_broadest_view_and_the_earliest_date():
    known = world(
        FAMILY, work=[works("practice", "grandfather"), works("practice", "baby"), works("practice", "mother")]
    )
    decision = routed(ADMITTED, known)
    assert [one.team_id for one in decision.told].count("practice") == 1
    practice = told_by(decision, "practice")
    assert (practice.view, practice.purpose.value, practice.due_at) == (View.FULL, "action", NOW + timedelta(days=2))
    assert practice.reason_code == "involved-with-subject"


def test_decisions_come_in_a_stable_order_with_the_policys_version():
    work = [works(team, "baby") for team in ("visitors", "paediatrics", "early-help", "social-care")]
    one, other = routed(ADMITTED, world(FAMILY, work=work)), routed(ADMITTED, world(FAMILY, work=work[::-1]))
    assert one == other
    assert [row.team_id for row in one.told] == sorted(row.team_id for row in one.told)
    assert one.policy_version == policy().version


def test_an_unknown_childs_age_in_the_message_counts_where_nothing_is_stored():
    stranger = World(people={}, households={})
    decision = routed(message("concern", "baby", kind="growth", sender="emergency"), stranger)
    assert told(decision) == {}
    assert set(asked(decision, "undeliverable")) == {"emergency", "trust-lead"}


# --- nobody


def test_a_message_that_reaches_nobody_is_an_incident_for_the_sender_and_its_lead():
    lonely = World(people={"baby": PEOPLE["baby"]}, households={})
    decision = routed(
        message("concern", "baby", kind="growth", sender="visitors"),
        replace(lonely, people={"baby": replace(PEOPLE["baby"], practice=None)}),
    )
    assert set(asked(decision, "undeliverable")) == {"visitors", "trust-lead"}


@pytest.mark.parametrize(
    ("known", "incident"),
    [
        (world(home("grandfather")), False),  # it is known that no child lives there
        (World(people={"grandfather": PEOPLE["grandfather"]}, households={}), True),  # nobody knows who lives there
    ],
)
def test_an_adult_known_to_live_without_children_is_no_incident(known, incident):
    decision = routed(ADMITTED, known)
    assert told(decision) == {}
    assert set(asked(decision, "undeliverable")) == ({"cmht", "mental-trust-lead"} if incident else set())


@pytest.mark.parametrize(
    ("event", "subject", "incident"),
    [
        ("gp-registration", "grandfather", False),
        ("involvement-start", "baby", True),
        ("emergency-attendance", "father", False),
    ],
)
def test_what_happens_to_adults_every_day_is_an_incident_only_where_a_child_is_known(event, subject, incident):
    unregistered = {subject: replace(PEOPLE[subject], practice=None)}
    decision = routed(message(event, subject, sender="practice"), World(people=unregistered, households={}))
    assert told(decision) == {}
    assert bool(asked(decision, "undeliverable")) is incident


def test_an_answer_asks_for_no_answer():
    answer = message("information", "baby", sender="visitors", to=("paediatrics",))
    assert told(routed(answer, world(FAMILY)))["paediatrics"] == ("full", "information")


def test_being_routed_again_is_no_incident_and_tells_nobody_twice():
    known = world(FAMILY, work=[works("visitors", "baby")])
    first = routed(ADMITTED, known)
    again = routed(ADMITTED, known, already_told=frozenset(told(first)))
    assert told(again) == {}
    assert asked(again, "undeliverable") == {}
    assert [task.dedupe_key for task in again.tasks] == [task.dedupe_key for task in first.tasks]


def test_a_withdrawal_has_no_recipients_of_its_own():
    decision = routed(message("withdraw", people=[], sender="cmht"), world(FAMILY, work=[works("visitors", "baby")]))
    assert (decision.told, decision.withheld, decision.tasks) == ((), (), ())


# --- questions and answers


def test_a_question_goes_to_whom_it_is_put_to_and_its_answer_back():
    known = world(FAMILY, work=[works("visitors", "baby"), works("practice", "baby")])
    question = routed(message("information-request", "baby", sender="paediatrics", to=("visitors",)), known)
    assert told(question) == {"visitors": ("full", "action")}
    assert withheld(question)["practice"] == "no-rule"
    answer = message("information", "baby", sender="visitors")
    back = routed(answer, known, earlier=Earlier(sender_id="paediatrics", told={"visitors": View.FULL}))
    assert told(back) == {"paediatrics": ("full", "information")}


def test_whoever_was_told_of_the_earlier_message_is_told_no_more_of_this_one():
    earlier = Earlier(sender_id="cmht", told={"visitors": View.RISK, "probation": View.SAFETY})
    answer = message("information", "grandfather", sender="practice", facts=[SAFETY])
    decision = routed(answer, world(FAMILY), earlier=earlier)
    assert {team: view for team, (view, _) in told(decision).items()} == {
        "cmht": "full",
        "visitors": "risk",
        "probation": "safety",
    }


def test_held_recipients_are_told_once_released():
    change = message("supervision-start", "father", sender="probation", labels=frozenset({"held-for-release"}))
    decision = routed(change, world(FAMILY, work=[works("visitors", "baby")]))
    assert told_by(decision, "visitors").state is DeliveryState.HELD
    assert told_by(decision, "police").state is DeliveryState.HELD  # not its own client


def test_a_household_without_members_known_still_counts_as_read():
    bare = World(
        people={"grandfather": PEOPLE["grandfather"]},
        households={"home": KnownHousehold(id="home", version=3)},
        memberships=(
            KnownMembership(
                household_id="home", person_id="grandfather", standing=Standing.LIVES, state=MembershipState.CURRENT
            ),
        ),
    )
    assert routed(ADMITTED, bare).households == {"home": 3}


def test_the_practice_of_a_child_is_found_by_its_code():
    assert PRACTICE is not None
    assert told(routed(message("birth", "baby"), world(home("mother", "baby"))))["practice"] == ("full", "information")
