"""Transfers while life goes on: who comes back, who is placed, what is taken back, who was registered first. Nobody drops out unseen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.cast import AVA, CHLOE, DANIEL, FLAT, NOAH, fixed_id, living, nhs_number
from schemas.examples.story import MESSAGES
from schemas.examples.telling import (
    HEALTH_VISITOR,
    SOCIAL_WORKER,
    choice,
    fact,
    father,
    gone,
    mother,
    tell,
    together,
    when,
)
from tests.journeys.copies import business_status, is_open, requester
from tests.journeys.test_transfers import NEW, OLD, responsible, transfer

PERSONS: dict[str, str] = {}
"""The children's ids by name: who has left a home may be nobody for its teams to look up."""


@pytest.fixture
def family(office):
    """Birmingham health visiting works with Ava and Noah, who live with their mother."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system(OLD).tells(MESSAGES["involvement-start"], home("both", when(2019, 2, 21), together(CHLOE, AVA, NOAH)))
    office.system(OLD).tells(taken_on("noah-taken-on", OLD, when(2019, 2, 22), NOAH))
    PERSONS.update({child.given[0]: office.system(OLD).looks_up(child)["id"] for child in (AVA, NOAH)})
    return office


@pytest.fixture
def sent(family):
    """A transfer of Noah, which says nothing of Ava."""
    family.system(OLD).tells(transfer("of-noah", NEW, when(2019, 4, 29), NOAH))
    return family


def home(name, at, who):
    return tell(
        name,
        Event.HOUSEHOLD_UPDATE,
        OLD,
        at,
        subjects=[NOAH],
        people=[AVA, CHLOE],
        relationships=mother(CHLOE, AVA, NOAH),
        household=who,
    )


def taken_on(name, team, at, *children):
    return tell(name, Event.INVOLVEMENT_START, team, at, subjects=list(children), author=HEALTH_VISITOR)


def withdrawn(name, of, at):
    return tell(name, Event.WITHDRAW, of.sender, at, subjects=(), reference=of.id, author=HEALTH_VISITOR)


def line_of(system, person):
    """The newest line about somebody, an open one first."""
    given = person.given[0]
    found = [line for line in system.tasks("confirm-child") if line["for"]["reference"] == f"Patient/{PERSONS[given]}"]
    return max(found, key=lambda line: (is_open(line), line["authoredOn"]))


def whole(system):
    [task] = system.tasks("transfer")
    return task


def test_a_child_who_comes_back_is_part_of_it_again(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    old.tells(home("ava-leaves", when(2019, 5, 1), (*together(CHLOE, NOAH), gone(AVA, when(2019, 5, 1).date()))))
    assert business_status(line_of(new, AVA)) == "left-household"
    old.tells(home("ava-is-back", when(2019, 5, 3), together(CHLOE, NOAH, AVA)))
    assert is_open(line_of(new, AVA))
    new.accepts(line_of(new, NOAH))
    assert whole(new)["status"] == "in-progress"
    assert whole(new)["businessStatus"]["text"].endswith("1 of 2 confirmed")
    new.accepts(line_of(new, AVA))
    assert whole(new)["status"] == "completed"


def test_a_child_who_becomes_looked_after_meanwhile_does_not_drop_out(sent):
    new = sent.system(NEW)
    sent.system("birmingham-csc").tells(
        tell(
            "ava-accommodated",
            Event.LOOKED_AFTER_START,
            "birmingham-csc",
            when(2019, 5, 1),
            subjects=[AVA],
            people=[NOAH, CHLOE],
            relationships=mother(CHLOE, NOAH, AVA),
            household=together(CHLOE, NOAH, AVA),
            author=SOCIAL_WORKER,
            facts=(choice("child-legal-status", "accommodated", AVA),),
        )
    )
    assert is_open(line_of(new, AVA))
    new.accepts(line_of(new, NOAH))
    assert whole(new)["status"] == "in-progress"


def test_who_was_registered_before_it_came_needs_no_answer(family):
    old, new = family.system(OLD), family.system(NEW)
    new.tells(taken_on("already-here", NEW, when(2019, 4, 28), NOAH, AVA))
    old.tells(transfer("of-both", NEW, when(2019, 4, 29), NOAH, AVA))
    assert {business_status(line) for line in new.tasks("confirm-child")} == {"held-here"}
    assert whole(new)["status"] == "completed"


def test_a_transfer_that_waited_for_release_is_one_once_it_is_released(family):
    old, new, lead = family.system(OLD), family.system(NEW), family.system("bcht-safeguarding-lead")
    old.tells(transfer("of-noah", NEW, when(2019, 4, 29), NOAH, labels=frozenset({"held-for-release"})))
    assert new.tasks() == []
    lead.releases(lead.task("release"), "health-visiting")
    assert business_status(line_of(new, AVA)) == "nothing-supplied"
    assert not new.tasks("acknowledge")
    new.accepts(line_of(new, NOAH))
    assert responsible(new, NOAH) == NEW


def test_what_is_taken_back_is_read_no_more_in_any_version(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    old.tells(home("ava-leaves", when(2019, 5, 1), (*together(CHLOE, NOAH), gone(AVA, when(2019, 5, 1).date()))))
    assert len(new.heard(Event.TRANSFER)) == 2
    old.tells(withdrawn("taken-back", transfer("of-noah", NEW, when(2019, 4, 29), NOAH), when(2019, 5, 2)))
    assert new.heard(Event.TRANSFER) == []


def test_who_was_confirmed_before_it_was_taken_back_is_still_worked_with(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.accepts(line_of(new, NOAH))
    old.tells(withdrawn("taken-back", transfer("of-noah", NEW, when(2019, 4, 29), NOAH), when(2019, 5, 2)))
    assert responsible(new, NOAH) == NEW
    family_doctor = sent.system("birmingham-csc")
    family_doctor.tells(
        tell(
            "concern",
            Event.CONCERN,
            "birmingham-csc",
            when(2019, 5, 5),
            kind="growth",
            subjects=[NOAH],
            author=SOCIAL_WORKER,
            facts=(fact("concern-detail", "Thin.", NOAH),),
        )
    )
    assert new.heard(Event.CONCERN)


def test_a_registration_that_is_taken_back_confirms_nobody(sent):
    new = sent.system(NEW)
    registered = taken_on("noah-here", NEW, when(2019, 4, 30), NOAH)
    new.tells(registered)
    assert business_status(line_of(new, NOAH)) == "held-here"
    new.tells(withdrawn("not-here", registered, when(2019, 5, 1)))
    assert responsible(new, NOAH) == OLD
    assert is_open(line_of(new, NOAH))
    new.accepts(line_of(new, AVA))
    assert whole(new)["status"] == "in-progress"


def test_a_third_team_that_takes_its_registration_back_holds_nothing_up(sent):
    new = sent.system(NEW)
    sent.put("/admin/agencies/leeds", {"name": "Leeds Community Healthcare"})
    leeds_team = {"agency": "leeds", "function": "health-visiting", "name": "Leeds health visiting"}
    sent.put("/admin/teams/leeds-health-visiting", leeds_team)
    sent.onboard("leeds-health-visiting")
    leeds = sent.system("leeds-health-visiting")
    registered = taken_on("ava-in-leeds", "leeds-health-visiting", when(2019, 4, 30), AVA)
    leeds.tells(registered)
    assert business_status(line_of(new, AVA)) == "held-elsewhere"
    leeds.tells(withdrawn("not-in-leeds", registered, when(2019, 5, 1)))
    assert responsible(new, AVA) == OLD
    new.accepts(line_of(new, AVA))
    assert responsible(new, AVA) == NEW


def test_nobody_need_supply_what_was_declined_or_replaced(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.declines(line_of(new, AVA), ResponseReason.NOT_ACCEPTED, "Not ours.")
    assert not [
        t for t in old.tasks("supply-information") if is_open(t) and "nothing of this child" in t["description"]
    ]
    again = transfer("again", NEW, when(2019, 5, 2), NOAH, AVA, reference=fixed_id("of-noah"))
    old.tells(again)
    open_ = [task for task in old.tasks("supply-information") if is_open(task)]
    [now] = [task for task in new.tasks("transfer") if is_open(task)]
    lines = {task["id"] for task in new.tasks("confirm-child") if is_open(task)} | {now["id"]}
    assert {task["partOf"][0]["reference"].removeprefix("Task/") for task in open_} <= lines


def test_nobody_need_supply_of_the_home_what_was_declined_line_by_line(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    for child in (AVA, NOAH):
        new.declines(line_of(new, child), ResponseReason.NOT_ACCEPTED, "Not ours.")
    assert whole(new)["status"] == "rejected"
    assert not [task for task in old.tasks("supply-information") if is_open(task)]


def test_a_child_of_whom_nobody_knew_joins_a_transfer_of_nobody(office):
    """The transfer is about the mother, and no child is known of yet."""
    old, new = office.system(OLD), office.system(NEW)
    old.tells(
        transfer(
            "of-chloe",
            NEW,
            when(2019, 4, 29),
            subjects=[living(CHLOE, FLAT)],
            people=[],
            relationships=(),
        )
    )
    assert is_open(whole(new))
    assert new.tasks("confirm-child") == []
    old.tells(home("there-are-two", when(2019, 5, 1), together(CHLOE, AVA, NOAH)))
    assert len(new.tasks("confirm-child")) == 2


def test_confirming_one_child_loses_no_other_of_separated_parents(office):
    """Noah is at both parents' homes; of the others the sender works with Ava alone, and a third child is new to it."""
    old, new, midwives = office.system(OLD), office.system(NEW), office.system("swbh-midwifery")
    mia = replace(AVA, key=fixed_id("Mia"), identifiers=(), given=("Mia",), birth_date=AVA.birth_date.replace(2016))
    dad = replace(DANIEL, identifiers=(nhs_number(77),), addresses=())
    midwives.tells(
        tell(
            "at-mothers",
            Event.HOUSEHOLD_UPDATE,
            "swbh-midwifery",
            when(2019, 3, 1),
            subjects=[NOAH],
            people=[AVA, mia, CHLOE],
            relationships=mother(CHLOE, AVA, NOAH, mia),
            household=together(CHLOE, AVA, NOAH, mia),
        ),
        tell(
            "at-fathers",
            Event.HOUSEHOLD_UPDATE,
            "swbh-midwifery",
            when(2019, 3, 2),
            subjects=[dad],
            people=[NOAH],
            relationships=father(dad, NOAH),
            household=together(dad, NOAH),
        ),
    )
    old.tells(taken_on("two-of-them", OLD, when(2019, 3, 3), NOAH, AVA))
    PERSONS.update({child.given[0]: old.looks_up(child)["id"] for child in (AVA, NOAH)})
    assert len(old.homes_of(NOAH)) == 2
    old.tells(transfer("of-noah", NEW, when(2019, 4, 29), NOAH))
    assert len(new.tasks("confirm-child")) == 3
    new.accepts(line_of(new, AVA))
    assert len([line for line in new.tasks("confirm-child") if is_open(line)]) == 2


def test_a_death_told_in_error_brings_the_child_back(sent, clock):
    old, new = sent.system(OLD), sent.system(NEW)
    died = clock.forward(days=2)
    told = replace(
        MESSAGES["death"],
        id=fixed_id("ava died"),
        sender=OLD,
        subjects=(AVA.key,),
        people=(replace(AVA, deceased=died.date()),),
        relationships=(),
        household=(),
        occurred=died - timedelta(hours=3),
        sent=died,
        facts=(),
    )
    old.tells(told)
    assert business_status(line_of(new, AVA)) == "no-longer-current"
    mistaken = replace(told, id=fixed_id("ava did not die"), kind="removal", sent=clock.forward(days=1), people=(AVA,))
    old.tells(mistaken)
    assert is_open(line_of(new, AVA))


def test_whom_another_team_of_the_agency_holds_is_its_to_confirm(sent):
    new = sent.system(NEW)
    west_team = {"agency": "swbh", "function": "health-visiting", "name": "Sandwell west", "area": "sandwell"}
    sent.put("/admin/teams/swbh-health-visiting-west", west_team)
    sent.onboard("swbh-health-visiting-west")
    west = sent.system("swbh-health-visiting-west")
    west.tells(taken_on("ava-in-the-west", west.team, when(2019, 4, 30), AVA))
    assert business_status(line_of(new, AVA)) == "held-elsewhere"
    owner = {"name": "owner", "valueIdentifier": {"system": "https://fhir.baton.example/Id/team", "value": west.team}}
    assert new.moves(whole(new), "reassign", owner, {"name": "note", "valueString": "West."}).status == 200
    assert business_status(line_of(west, AVA)) == "held-here"
    old = sent.system(OLD)
    [asked] = [t for t in old.tasks("supply-information") if is_open(t) and "for" not in t]
    assert requester(asked) == west.team
    west.accepts(line_of(west, NOAH))
    assert whole(west)["status"] == "completed"


def test_registration_is_acceptance_for_midwifery_too(office):
    """Health visiting registers the baby and does not answer the discharge: the midwives' work is done as by a confirmation."""
    midwives, visitors = office.system("swbh-midwifery"), office.system(OLD)
    midwives.tells(MESSAGES["pregnancy-booking"], MESSAGES["birth"], MESSAGES["maternity-discharge"])
    assert held(visitors, AVA) == "swbh-midwifery"
    visitors.tells(MESSAGES["involvement-start"])
    assert {task["status"] for task in visitors.tasks("transfer")} == {"completed"}
    assert (held(visitors, AVA), held(visitors, CHLOE)) == ("discharged", "discharged")


def test_who_was_registered_before_the_discharge_is_not_the_midwives_after_it(office):
    midwives, visitors = office.system("swbh-midwifery"), office.system(OLD)
    midwives.tells(MESSAGES["pregnancy-booking"], MESSAGES["birth"])
    visitors.tells(replace(MESSAGES["involvement-start"], occurred=when(2018, 2, 15), sent=when(2018, 2, 15)))
    midwives.tells(MESSAGES["maternity-discharge"])
    assert {task["status"] for task in visitors.tasks("transfer")} == {"completed"}
    assert (held(visitors, AVA), held(visitors, CHLOE)) == ("discharged", "discharged")


def held(system, person):
    """Who is responsible for somebody in midwifery."""
    found = system.get("/responsibility", params={"person": system.looks_up(person)["id"], "function": "midwifery"})
    [row] = found["functions"]
    return row["team"]["id"] if row["team"] else row["because"]["code"]
