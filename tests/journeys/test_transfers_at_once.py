"""Transfers when two act at the same moment: whoever comes second decides on what the first left."""

from concurrent.futures import ThreadPoolExecutor

from schemas.examples.cast import AVA, CHLOE, NOAH
from schemas.examples.story import MESSAGES
from schemas.examples.telling import together, when
from tests.journeys.handing_over import NEW, OLD, accommodated, at_home, taken_on, transfer


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
    office.system("birmingham-csc").tells(accommodated("noah-looked-after", when(2019, 3, 1), NOAH))
    office.system(OLD).tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    line, gate = new.task("confirm-child"), lead.task("release")
    at_once(lambda: new.accepts(line), lambda: lead.releases(gate, because="He lives with foster carers."))
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"


def test_two_lines_that_are_confirmed_at_once_complete_it(office):
    known(office)
    office.system(OLD).tells(
        at_home("both", when(2019, 2, 21), together(CHLOE, AVA, NOAH)),
        transfer("of-both", NEW, when(2019, 3, 5), AVA, NOAH),
    )
    new = office.system(NEW)
    one, other = new.tasks("confirm-child")
    at_once(lambda: new.accepts(one), lambda: new.accepts(other))
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"
    assert {new.holder_of(child) for child in (AVA, NOAH)} == {NEW}


def test_a_confirmation_and_a_registration_at_once_are_one_acceptance(office):
    known(office)
    office.system(OLD).tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    new = office.system(NEW)
    line = new.task("confirm-child")
    registered = taken_on("ava-here", NEW, when(2019, 3, 6), AVA)
    _, reply = at_once(lambda: new.tries_to_accept(line), lambda: new.sends(registered))
    assert reply.status == 200
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"
    assert new.holder_of(AVA) == NEW
