"""Transfers while life goes on: who comes back, who is placed, what is taken back, who was registered first. Nobody drops out unseen."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.cast import AVA, CHLOE, DANIEL, FLAT, GRANDPARENTS_HOME, NOAH, fixed_id, living, nhs_number
from schemas.examples.story import MESSAGES
from schemas.examples.telling import (
    MIDWIFE,
    SOCIAL_WORKER,
    fact,
    father,
    gone,
    mother,
    tell,
    together,
    when,
)
from schemas.message import PostalAddress
from tests.journeys.copies import business_status, inputs, is_open, requester
from tests.journeys.handing_over import NEW, OLD, accommodated, at_home, taken_on, transfer, whole, withdrawn

PERSONS: dict[str, str] = {}
"""The children's ids by name: who has left a home may be nobody for its teams to look up."""


@pytest.fixture
def family(office):
    """Birmingham health visiting works with Ava and Noah, who live with their mother."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system(OLD).tells(
        MESSAGES["involvement-start"], at_home("both", when(2019, 2, 21), together(CHLOE, AVA, NOAH))
    )
    office.system(OLD).tells(taken_on("noah-taken-on", OLD, when(2019, 2, 22), NOAH))
    PERSONS.update({child.given[0]: office.system(OLD).looks_up(child)["id"] for child in (AVA, NOAH)})
    return office


@pytest.fixture
def sent(family):
    """A transfer of Noah, which says nothing of Ava."""
    family.system(OLD).tells(transfer("of-noah", NEW, when(2019, 4, 29), NOAH))
    return family


def line_of(system, person):
    """The newest line about somebody, an open one first."""
    given = person.given[0]
    found = [line for line in system.tasks("confirm-child") if line["for"]["reference"] == f"Patient/{PERSONS[given]}"]
    return max(found, key=lambda line: (is_open(line), line["authoredOn"]))


def names(system):
    """Who is in the transfer as its receiver has it now."""
    return {" ".join(patient["name"][0]["given"]) for patient in system.heard(Event.TRANSFER)[-1].of_type("Patient")}


def test_a_child_who_comes_back_is_part_of_it_again(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    old.tells(at_home("ava-leaves", when(2019, 5, 1), (*together(CHLOE, NOAH), gone(AVA, when(2019, 5, 1).date()))))
    assert business_status(line_of(new, AVA)) == "left-household"
    old.tells(at_home("ava-is-back", when(2019, 5, 3), together(CHLOE, NOAH, AVA)))
    assert is_open(line_of(new, AVA))
    new.accepts(line_of(new, NOAH))
    assert whole(new)["status"] == "in-progress"
    assert whole(new)["businessStatus"]["text"].endswith("1 of 2 confirmed")
    new.accepts(line_of(new, AVA))
    assert whole(new)["status"] == "completed"


def test_a_child_who_becomes_looked_after_meanwhile_does_not_drop_out(sent):
    new = sent.system(NEW)
    sent.system("birmingham-csc").tells(accommodated("ava-accommodated", when(2019, 5, 1), AVA))
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
    assert new.holder_of(NOAH) == NEW


def test_what_is_taken_back_is_read_no_more_in_any_version(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    old.tells(at_home("ava-leaves", when(2019, 5, 1), (*together(CHLOE, NOAH), gone(AVA, when(2019, 5, 1).date()))))
    assert len(new.heard(Event.TRANSFER)) == 2
    old.tells(withdrawn("taken-back", transfer("of-noah", NEW, when(2019, 4, 29), NOAH), when(2019, 5, 2)))
    assert new.heard(Event.TRANSFER) == []


def test_who_was_confirmed_before_it_was_taken_back_is_still_worked_with(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.accepts(line_of(new, NOAH))
    old.tells(withdrawn("taken-back", transfer("of-noah", NEW, when(2019, 4, 29), NOAH), when(2019, 5, 2)))
    assert new.holder_of(NOAH) == NEW
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
    assert new.holder_of(NOAH) == OLD
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
    assert new.holder_of(AVA) == OLD
    new.accepts(line_of(new, AVA))
    assert new.holder_of(AVA) == NEW


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
    old.tells(at_home("there-are-two", when(2019, 5, 1), together(CHLOE, AVA, NOAH)))
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


def test_who_stays_at_home_stays_in_it_when_the_named_child_leaves(sent):
    """Noah is taken in by relatives while nobody has answered; his sister, of whom nothing was said, is still to be confirmed."""
    old, new = sent.system(OLD), sent.system(NEW)
    old.tells(at_home("noah-leaves", when(2019, 5, 1), (*together(CHLOE, AVA), gone(NOAH, when(2019, 5, 1).date()))))
    assert business_status(line_of(new, NOAH)) == "left-household"
    assert is_open(line_of(new, NOAH))
    assert business_status(line_of(new, AVA)) == "nothing-supplied"
    assert names(new) == {"Ava Rose", "Noah", "Chloe Louise"}  # read again, it still says who she is
    assert new.looks_up(AVA)["id"] == PERSONS["Ava"]
    new.accepts(line_of(new, AVA))
    assert new.holder_of(AVA) == NEW
    assert whole(new)["status"] == "in-progress"


def test_a_child_found_in_the_home_that_the_named_child_has_left_joins_it(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    old.tells(at_home("noah-leaves", when(2019, 5, 1), (*together(CHLOE, AVA), gone(NOAH, when(2019, 5, 1).date()))))
    found = replace(
        AVA, key=fixed_id("Ada"), identifiers=(nhs_number(61),), given=("Ada",), birth_date=date(2016, 1, 9)
    )
    old.tells(
        tell(
            "ada-is-found",
            Event.HOUSEHOLD_UPDATE,
            OLD,
            when(2019, 5, 2),
            subjects=[found],
            people=[AVA, CHLOE],
            relationships=mother(CHLOE, AVA, found),
            household=together(CHLOE, AVA, found),
        )
    )
    joined = [
        line
        for line in new.tasks("confirm-child")
        if line["for"]["reference"] != line_of(new, NOAH)["for"]["reference"]
    ]
    assert len(joined) == 2
    assert all(is_open(line) and business_status(line) == "nothing-supplied" for line in joined)
    assert names(new) == {"Ada", "Ava Rose", "Noah", "Chloe Louise"}
    assert new.looks_up(found) is not None


def test_a_transfer_does_not_follow_the_home_that_all_of_its_children_have_left(sent):
    """They live with their grandmother; who moves in with their mother is none of this receiver's business."""
    old, new = sent.system(OLD), sent.system(NEW)
    day = when(2019, 5, 1)
    old.tells(at_home("all-leave", day, (*together(CHLOE), gone(NOAH, day.date()), gone(AVA, day.date()))))
    other = replace(AVA, key=fixed_id("Zoe"), identifiers=(nhs_number(62),), given=("Zoe",), family="Shaw")
    old.tells(
        tell(
            "zoe-moves-in",
            Event.HOUSEHOLD_UPDATE,
            OLD,
            when(2019, 5, 2),
            subjects=[other],
            people=[CHLOE],
            household=together(CHLOE, other),
        )
    )
    assert len(new.tasks("confirm-child")) == 2
    assert all(copy.silent_about("Zoe") for copy in new.heard())
    assert new.looks_up(other) is None


def asked_of(system, line):
    """Tasks of the sender that name what is missing of a line."""
    asked = [task for task in system.tasks("supply-information") if inputs(task, "missing")]
    return [task for task in asked if task["partOf"][0]["reference"] == f"Task/{line['id']}"]


def test_what_the_receiver_needs_of_a_child_is_asked_for_once_it_is_born(office):
    """Of an unborn child no weight can be missing; of the baby that it has become by the time anybody answers, it is."""
    old, new, midwives = office.system(OLD), office.system(NEW), office.system("swbh-midwifery")
    midwives.tells(MESSAGES["birth"])
    old.tells(MESSAGES["involvement-start"])
    booked = (fact("expected-date", date(2019, 2, 22), CHLOE), fact("number-of-fetuses", 1, CHLOE))
    midwives.tells(
        tell(
            "noah-booked",
            Event.PREGNANCY_BOOKING,
            midwives.team,
            when(2018, 9, 3),
            subjects=[CHLOE],
            author=MIDWIFE,
            facts=booked,
        )
    )
    old.tells(transfer("of-ava", NEW, when(2019, 1, 15), AVA))
    [unborn] = [line for line in new.tasks("confirm-child") if business_status(line) == "nothing-supplied"]
    assert not inputs(unborn, "missing")
    midwives.tells(
        tell(
            "noah-born",
            Event.BIRTH,
            midwives.team,
            when(2019, 2, 20),
            subjects=[NOAH],
            people=[CHLOE],
            relationships=mother(CHLOE, NOAH),
            author=MIDWIFE,
            facts=(fact("birth-weight", 3310, NOAH),),
        )
    )
    line = new.again(unborn)
    assert {"weights", "feeding"} <= set(inputs(line, "missing"))
    [asked] = asked_of(old, line)
    assert inputs(asked, "missing") == inputs(line, "missing")
    old.answers(asked, "3.3 kg at birth; formula.")
    old.tells(at_home("together", when(2019, 2, 27), together(CHLOE, AVA, NOAH)))
    assert [task["id"] for task in asked_of(old, line)] == [asked["id"]]


LONDON_FLAT = PostalAddress(lines=("1 Lea Row", "London"), postcode="SE15 4QL")
"""In an area of the directory that names no health visiting team."""


def to_whom_it_concerns(name, address, *children):
    """A transfer to health visiting, wherever the family has gone."""
    moved = {"subjects": [living(child, address) for child in children], "people": [living(CHLOE, address)]}
    return replace(transfer(name, NEW, when(2019, 4, 29), *children, **moved), to=())


def test_a_transfer_to_a_function_goes_to_its_team_where_the_family_lives(family):
    old, new = family.system(OLD), family.system(NEW)
    assert old.tells(to_whom_it_concerns("of-both", FLAT, AVA, NOAH)).names(NEW)
    assert len([line for line in new.tasks("confirm-child") if is_open(line)]) == 2
    new.accepts(line_of(new, NOAH))
    assert new.holder_of(NOAH) == NEW


CORNWALL = PostalAddress(lines=("1 Quay Street", "Truro"), postcode="TR1 2AA")
"""In no area of the directory."""


@pytest.mark.parametrize(
    "address", [LONDON_FLAT, GRANDPARENTS_HOME, CORNWALL], ids=["nobody's", "its own", "no area's"]
)
def test_a_transfer_that_finds_nobody_is_said_at_once_and_the_children_stay_the_senders(family, address):
    """Others are told, so that it reaches somebody; nobody is asked to take over, and that is never silence."""
    old = family.system(OLD)
    reply = old.tells(to_whom_it_concerns("of-both", address, AVA, NOAH))
    assert any("no other team of this function was found" in warning for warning in reply.warnings)
    [task] = [task for task in old.tasks("undeliverable") if "nobody was asked" in task["description"]]
    assert is_open(task)
    assert not old.waits_for("transfer")
    assert {old.holder_of(child) for child in (AVA, NOAH)} == {OLD}
    assert not family.system(NEW).heard(Event.TRANSFER)
