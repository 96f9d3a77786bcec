"""Transfers when two act at the same moment: whoever comes second decides on what the first left."""

from concurrent.futures import ThreadPoolExecutor

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, NOAH
from schemas.examples.story import MESSAGES
from schemas.examples.telling import HEALTH_VISITOR, mother, tell, together, when
from tests.journeys.test_transfers import NEW, OLD, looked_after, responsible, transfer


def at_once(*acts):
    """What each came to, all begun together."""
    with ThreadPoolExecutor(len(acts)) as pool:
        return [begun.result() for begun in [pool.submit(act) for act in acts]]


def known(office):
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system(OLD).tells(MESSAGES["involvement-start"])
    for name in (OLD, NEW, "bcht-safeguarding-lead"):
        office.system(name).sign_in()


def test_the_last_answer_and_the_leads_decision_leave_nothing_waiting(office):
    known(office)
    new, lead = office.system(NEW), office.system("bcht-safeguarding-lead")
    looked_after(office)
    office.system(OLD).tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    line, gate = new.task("confirm-child"), lead.task("release")
    at_once(lambda: new.accepts(line), lambda: lead.releases(gate, because="He lives with foster carers."))
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"


def test_two_lines_that_are_confirmed_at_once_complete_it(office):
    known(office)
    office.system(OLD).tells(
        tell(
            "both",
            Event.HOUSEHOLD_UPDATE,
            OLD,
            when(2019, 2, 21),
            subjects=[NOAH],
            people=[AVA, CHLOE],
            relationships=mother(CHLOE, AVA, NOAH),
            household=together(CHLOE, AVA, NOAH),
        ),
        transfer("of-both", NEW, when(2019, 3, 5), AVA, NOAH),
    )
    new = office.system(NEW)
    one, other = new.tasks("confirm-child")
    at_once(lambda: new.accepts(one), lambda: new.accepts(other))
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"
    assert {responsible(new, child) for child in (AVA, NOAH)} == {NEW}


def test_a_confirmation_and_a_registration_at_once_are_one_acceptance(office):
    known(office)
    office.system(OLD).tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    new = office.system(NEW)
    line = new.task("confirm-child")
    registered = tell("ava-here", Event.INVOLVEMENT_START, NEW, when(2019, 3, 6), subjects=[AVA], author=HEALTH_VISITOR)
    _, reply = at_once(lambda: new.tries_to_accept(line), lambda: new.sends(registered))
    assert reply.status == 200
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"
    assert responsible(new, AVA) == NEW
