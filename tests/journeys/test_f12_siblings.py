"""F12: a transfer of the baby said nothing of the toddler (7.5.1, 8.1.12). Here it cannot be complete without her."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.cast import AVA, CHLOE, DANIEL, FLAT, NOAH, fixed_id, living
from schemas.examples.story import MESSAGES
from schemas.examples.telling import HEALTH_VISITOR, MIDWIFE, choice, fact, father, gone, mother, tell, together, when
from tests.journeys.actors import RECEPTIONIST
from tests.journeys.copies import business_status, is_open, outputs
from tests.journeys.handing_over import NEW, OLD, at_home, taken_on, whole


def of_the_baby(**other):
    """The transfer as it really was: the baby, and not a word of his sister."""
    return tell(
        "transfer-of-noah",
        Event.TRANSFER,
        OLD,
        when(2019, 4, 29, 10),
        **{
            "kind": "health-visiting",
            "subjects": [living(NOAH, FLAT)],
            "people": [living(CHLOE, FLAT), living(DANIEL, FLAT)],
            "relationships": mother(CHLOE, NOAH) + father(DANIEL, NOAH),
            "author": HEALTH_VISITOR,
            "to": (NEW,),
            "facts": (
                choice("transfer-reason", "moved"),
                fact("care-summary", "New birth visit on 6 March.", NOAH),
                fact("weight", 3480, NOAH, date(2019, 3, 6)),
                fact("concerns", False, NOAH),
            ),
            **other,
        },
    )


@pytest.fixture
def family(office):
    """Birmingham health visiting works with both children, who live together."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system(OLD).tells(MESSAGES["involvement-start"])
    office.system(OLD).tells(
        at_home("noah-is-born", when(2019, 2, 21, 9), together(CHLOE, AVA, NOAH)),
        taken_on("noah-taken-on", OLD, when(2019, 2, 22, 9), NOAH),
    )
    return office


def lines(system):
    """Each line of the transfers to this team, by whom it is about."""
    found = {}
    for line in system.tasks("confirm-child"):
        for name, person in (("Ava", AVA), ("Noah", NOAH)):
            known = system.looks_up(person)
            if known and line["for"]["reference"] == f"Patient/{known['id']}":
                found[name] = line
    return found


@pytest.fixture
def sent(family):
    family.system(OLD).tells(of_the_baby())
    return family


def test_the_forgotten_child_is_a_line_that_says_so(sent):
    new = sent.system(NEW)
    found = lines(new)
    assert found.keys() == {"Ava", "Noah"}
    assert business_status(found["Ava"]) == "nothing-supplied"
    assert "NOTHING SUPPLIED" in found["Ava"]["description"]
    assert business_status(found["Noah"]) is None
    assert {line["partOf"][0]["reference"] for line in found.values()} == {f"Task/{whole(new)['id']}"}
    assert not [task for task in new.tasks("acknowledge") if is_open(task) and "transfer" in task["description"]]


def test_the_receiver_knows_who_she_is(sent):
    """She is named with her NHS number and date of birth, so that she can be registered before anybody answers."""
    copy = sent.system(NEW).copy_of(Event.TRANSFER)
    assert {"Noah", "Ava"} <= {given for patient in copy.of_type("Patient") for given in patient["name"][0]["given"]}
    assert {task["code"]["coding"][0]["code"] for task in copy.tasks} >= {"transfer", "confirm-child"}


def test_the_sender_is_told_at_once_and_has_a_task_to_supply_it(family):
    old = family.system(OLD)
    reply = old.tells(of_the_baby())
    assert any("a child of the household is added with nothing supplied" in warning for warning in reply.warnings)
    [task] = [task for task in old.tasks("supply-information") if "says nothing of this child" in task["description"]]
    assert task["partOf"][0]["reference"] == f"Task/{lines(family.system(NEW))['Ava']['id']}"


def test_what_the_receiver_needs_and_was_not_told_is_shown(sent):
    """Weights are there; feeding, immunisations, level of service, who lives there and staff safety are not."""
    missing = [i["valueString"] for i in lines(sent.system(NEW))["Noah"]["input"] if i["type"]["text"] == "Missing"]
    assert missing == ["feeding", "immunisations", "level of service"]
    at_home = [i["valueString"] for i in whole(sent.system(NEW))["input"] if i["type"]["text"] == "Missing"]
    assert at_home == ["who lives there", "safety of visiting staff, or that nothing is known"]


def test_it_is_not_complete_until_she_is_confirmed(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.accepts(lines(new)["Noah"])
    partly = whole(new)
    assert partly["status"] == "in-progress"
    assert business_status(partly) == "partly-confirmed"
    assert partly["businessStatus"]["text"] == "Partly confirmed: 1 of 2 confirmed"
    assert old.holder_of(AVA) == OLD
    assert new.holder_of(NOAH) == NEW
    new.accepts(lines(new)["Ava"])
    assert whole(new)["status"] == "completed"
    assert new.holder_of(AVA) == NEW
    assert old.again(whole(new))["status"] == "completed"


def test_only_a_professional_confirms(sent):
    new = sent.system(NEW)
    reply = new.moves(lines(new)["Noah"], "accept", by=RECEPTIONIST)
    assert reply.status == 409
    assert new.holder_of(NOAH) == OLD


def test_the_sender_supplies_it_and_the_line_says_so(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    [task] = [task for task in old.tasks("supply-information") if "says nothing of this child" in task["description"]]
    old.answers(task, "Two falls in summer 2018; slow to gain weight; two-year review due in February.")
    assert business_status(lines(new)["Ava"]) == "supplied"
    assert old.again(task)["status"] == "completed"
    assert "slow to gain weight" in outputs(new.again(task))["answer"]


def test_information_that_follows_supplies_it(sent, clock):
    old, new = sent.system(OLD), sent.system(NEW)
    later = tell(
        "and-of-ava",
        Event.INFORMATION,
        OLD,
        clock() + timedelta(hours=1),
        subjects=[living(AVA, FLAT)],
        author=HEALTH_VISITOR,
        to=(NEW,),
        reference=of_the_baby().id,
        facts=(
            fact("weight", 9800, AVA, date(2019, 4, 1)),
            fact("immunisations-up-to-date", True, AVA),
            fact("concerns", "Two falls in summer 2018.", AVA),
            choice("level-of-service", "universal", AVA),
        ),
    )
    old.tells(later)
    assert business_status(lines(new)["Ava"]) == "supplied"
    [task] = [task for task in old.tasks("supply-information") if "says nothing of this child" in task["description"]]
    assert task["status"] == "completed"


def test_leaving_her_out_needs_a_reason_and_both_sides(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    line = lines(new)["Ava"]
    assert new.moves(line, "exclude").status == 422
    new.leaves_out(line, ResponseReason.NOT_NEEDED, "She lives with her grandmother.")
    assert business_status(lines(new)["Ava"]) == "exclusion-proposed"
    assert new.moves(line, "exclude").status == 409  # nobody agrees with itself
    new.accepts(lines(new)["Noah"])
    assert whole(new)["status"] == "in-progress"
    old.agrees_to_leave_out(line)
    assert lines(new)["Ava"]["status"] == "cancelled"
    assert business_status(lines(new)["Ava"]) == "excluded"
    assert whole(new)["status"] == "completed"
    assert old.holder_of(AVA) == OLD  # whoever is left out stays whose they were


def test_the_sender_may_say_that_she_does_belong_to_it(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    line = lines(new)["Ava"]
    new.leaves_out(line, ResponseReason.NOT_KNOWN, "We do not know her.")
    old.declines(line, ResponseReason.REJECTED, "She sleeps there every night.")
    assert business_status(lines(new)["Ava"]) == "exclusion-refused"
    assert is_open(lines(new)["Ava"])
    new.accepts(line)
    assert new.holder_of(AVA) == NEW


def test_a_declined_child_stays_the_senders_and_the_transfer_says_so(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.accepts(lines(new)["Noah"])
    new.declines(lines(new)["Ava"], ResponseReason.NOT_ACCEPTED, "She moves back to Birmingham next week.")
    assert whole(new)["status"] == "rejected"
    assert business_status(whole(new)) == "partly-confirmed"
    assert old.holder_of(AVA) == OLD
    assert new.holder_of(NOAH) == NEW


def test_caretaking_leaves_her_with_the_sender(sent, clock):
    """F3 for a child: looked after until a date, and whose she is never in doubt."""
    old, new = sent.system(OLD), sent.system(NEW)
    new.accepts(lines(new)["Noah"])
    line = lines(new)["Ava"]
    assert new.moves(line, "caretake").status == 422
    new.looks_after(line, clock() + timedelta(days=14), "We weigh her until she is registered here.")
    kept = lines(new)["Ava"]
    assert (kept["status"], business_status(kept)) == ("on-hold", "caretaking")
    assert old.holder_of(AVA) == OLD
    assert whole(new)["status"] == "in-progress"
    new.accepts(line)
    assert new.holder_of(AVA) == NEW
    assert whole(new)["status"] == "completed"


def test_a_question_about_one_child_holds_up_no_other(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.asks(lines(new)["Ava"], "Who has seen her since December?")
    new.accepts(lines(new)["Noah"])
    assert new.holder_of(NOAH) == NEW
    old.answers(lines(new)["Ava"], "Nobody of our team.")
    assert business_status(lines(new)["Ava"]) == "question-answered"


def test_a_sibling_who_is_born_meanwhile_joins_it(office, clock):
    """A transfer of the only child; three weeks later her brother is born, and nobody has answered yet."""
    old, new, midwifery = office.system(OLD), office.system(NEW), office.system("swbh-midwifery")
    midwifery.tells(MESSAGES["birth"])
    old.tells(MESSAGES["involvement-start"])
    old.tells(
        of_the_baby(
            subjects=[AVA],
            relationships=mother(CHLOE, AVA),
            people=[living(CHLOE, FLAT)],
            facts=(choice("transfer-reason", "moved"), fact("care-summary", "Well.", AVA)),
        )
    )
    [line] = new.tasks("confirm-child")
    heard = len(new.heard(Event.TRANSFER))
    midwifery.tells(
        tell(
            "noah-born",
            Event.BIRTH,
            "swbh-midwifery",
            clock() + timedelta(days=21),
            subjects=[NOAH],
            people=[CHLOE, AVA],
            relationships=mother(CHLOE, NOAH, AVA),
            household=together(CHLOE, NOAH, AVA),
            author=MIDWIFE,
            facts=(fact("birth-weight", 3310, NOAH),),
        )
    )
    [born] = [task for task in new.tasks("confirm-child") if task["id"] != line["id"]]
    assert business_status(born) == "nothing-supplied"
    again = new.heard(Event.TRANSFER)
    assert len(again) == heard + 1  # the receiver gets the transfer as it stands now
    assert born["id"] in {task.get("id") for task in again[-1].tasks}
    assert {"Noah", "Ava"} <= {
        given for patient in again[-1].of_type("Patient") for given in patient["name"][0]["given"]
    }
    assert [task for task in old.tasks("supply-information") if "says nothing of this child" in task["description"]]
    new.accepts(line)
    assert whole(new)["status"] == "in-progress"


def test_a_sibling_who_leaves_meanwhile_is_no_longer_part_of_it(sent, clock):
    old, new = sent.system(OLD), sent.system(NEW)
    moved, line = clock() + timedelta(days=1), lines(new)["Ava"]
    old.tells(
        tell(
            "ava-left",
            Event.HOUSEHOLD_UPDATE,
            OLD,
            moved,
            subjects=[NOAH],
            people=[AVA, CHLOE],
            relationships=mother(CHLOE, AVA, NOAH),
            household=(*together(CHLOE, NOAH), gone(AVA, moved.date())),
        )
    )
    assert business_status(new.again(line)) == "left-household"
    assert new.again(line)["status"] == "cancelled"
    new.accepts(lines(new)["Noah"])
    assert whole(new)["status"] == "completed"


def test_the_whole_can_be_declined(sent):
    new = sent.system(NEW)
    new.declines(whole(new), ResponseReason.NOT_ACCEPTED, "The flat lies in Dudley.")
    assert {line["status"] for line in lines(new).values()} == {"rejected"}
    assert whole(new)["status"] == "rejected"
    assert sent.system(OLD).holder_of(NOAH) == OLD


def test_the_sender_takes_it_back(sent):
    old, new = sent.system(OLD), sent.system(NEW)
    new.accepts(lines(new)["Noah"])
    old.tells(
        tell(
            "transfer-withdrawn",
            Event.WITHDRAW,
            OLD,
            when(2019, 4, 30, 10),
            subjects=(),
            reference=of_the_baby().id,
            author=HEALTH_VISITOR,
        )
    )
    assert lines(new)["Ava"]["status"] == "cancelled"
    assert lines(new)["Noah"]["status"] == "completed"  # who was taken on stays so
    assert new.holder_of(NOAH) == NEW
    assert old.holder_of(AVA) == OLD


def test_another_in_its_place(sent, clock):
    """What was wrong or forgotten is sent again: the second refers to the first, which ends."""
    old, new = sent.system(OLD), sent.system(NEW)
    first = whole(new)
    both = of_the_baby(subjects=[living(NOAH, FLAT), living(AVA, FLAT)], reference=of_the_baby().id)
    old.tells(replace(both, id=fixed_id("transfer of both"), sent=clock.forward(hours=1)))
    assert business_status(new.again(first)) == "replaced"
    [second] = [task for task in new.tasks("transfer") if is_open(task)]
    open_lines = [line for line in new.tasks("confirm-child") if is_open(line)]
    assert {line["partOf"][0]["reference"] for line in open_lines} == {f"Task/{second['id']}"}
    assert [business_status(line) for line in open_lines] == [None, None]


def test_who_registers_the_child_has_confirmed_it(sent):
    """Invariant 4: registration by the receiver is its acceptance."""
    new = sent.system(NEW)
    new.tells(
        tell(
            "noah-registered",
            Event.INVOLVEMENT_START,
            NEW,
            when(2019, 4, 30, 9),
            subjects=[NOAH],
            author=HEALTH_VISITOR,
        )
    )
    assert lines(new)["Noah"]["status"] == "completed"
    assert business_status(lines(new)["Noah"]) == "held-here"
    assert new.holder_of(NOAH) == NEW
