"""F2 (7.1.3): a meeting heard that Father was to move in with a pregnant partner, and nobody followed it up.

Probation records it, is asked to confirm it, and then everybody who works for the child is told, with a task and a date.
"""

from datetime import timedelta

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.story import MESSAGES
from tests.journeys.actors import Action, Somebody
from tests.journeys.copies import business_status, due, inputs, is_open, outputs, owner, requester

ENGLAND = bank_holidays.calendar()

OFFENCE = ("Possession", "class A", "community-order", "unpaid-work", "Missed three of eight", "X320741")
"""What is Father's own and nobody else's."""


def heard_at_the_meeting(office):
    """Father is under supervision in London, Mother is pregnant in Birmingham, and he says that he will move in."""
    probation, midwifery = office.system("lcrc-probation"), office.system("swbh-midwifery")
    probation.tells(MESSAGES["supervision-start"])
    midwifery.tells(MESSAGES["pregnancy-booking"])
    reply = probation.tells(MESSAGES["supervision-change"])
    assert "has a task by 23 October 2017, 15:20 UTC: Confirm who lives, or will live, in this household." in reply.text
    return probation, midwifery


def test_nobody_is_told_before_it_is_confirmed(office):
    probation, midwifery = heard_at_the_meeting(office)
    task = probation.task("confirm-household")
    assert task["status"] == "requested"
    assert due(task) > office.admin.clock()
    assert set(inputs(task, "choices")) == {"confirm", "reject"}
    for team in (midwifery, office.system("bcht-health-visiting"), office.system("harborne-practice")):
        assert not [copy for copy in team.heard() if copy.event in (Event.SUPERVISION_START, Event.SUPERVISION_CHANGE)]
        assert probation.team not in [requester(task) for task in team.tasks()]


def test_once_confirmed_those_who_work_for_the_child_have_a_task_with_a_date(office, clock):
    probation, midwifery = heard_at_the_meeting(office)
    probation.chooses(probation.task("confirm-household"), "confirm")
    for team in (midwifery, office.system("bcht-health-visiting"), office.system("harborne-practice")):
        copy = team.copy_of(Event.SUPERVISION_CHANGE)
        assert copy.sender == "lcrc-probation"
        assert "daniel" in copy.text  # whom to expect there
        assert copy.facts["substance-misuse"] == "Drug rehabilitation is a requirement of his order."
        assert copy.silent_about(*OFFENCE)
        assert copy.marked
        assert owner(copy.task) == team.team
        assert due(copy.task) == working_days(3).after(clock(), ENGLAND)
        started = team.copy_of(Event.SUPERVISION_START)  # what still describes him is told as well
        assert started.silent_about(*OFFENCE)


def test_agreed_actions_are_tasks_and_the_officer_sees_them(office, clock):
    probation, _ = heard_at_the_meeting(office)
    probation.chooses(probation.task("confirm-household"), "confirm")
    visitors = office.system("bcht-health-visiting")
    task = visitors.copy_of(Event.SUPERVISION_CHANGE).task
    by = clock() + timedelta(days=10)
    action = Action("Ask Mother about Father at the antenatal contact", Somebody("Farah Malik", "health-visitor"), by)
    accepted = visitors.accepts(task, "We did not know that a father will live there.", action)
    assert (accepted["status"], business_status(accepted)) == ("accepted", "actions-open")
    agreed = visitors.task("agreed-action")
    assert (owner(agreed), due(agreed)) == ("bcht-health-visiting", by)
    assert agreed["owner"]["display"] == "Farah Malik, health-visitor"
    outcome = next(copy for copy in probation.heard(Event.SUPERVISION_CHANGE) if copy.sender == visitors.team)
    assert outputs(outcome.task)["meaning"] == "We did not know that a father will live there."
    visitors.does(agreed, "Father was there and is known now.")
    assert not is_open(probation.again(task))


def test_the_officer_learns_of_the_pregnancy_and_whom_to_contact_only(office):
    probation, _ = heard_at_the_meeting(office)
    probation.chooses(probation.task("confirm-household"), "confirm")
    pointers = [copy for copy in probation.heard() if "pregnancy-in-household" in copy.facts]
    assert pointers
    for pointer in pointers:
        assert set(pointer.facts) == {"pregnancy-in-household", "contact-person", "contact-phone"}
        assert pointer.silent_about("Hartley", "expected-date", "2018-02-12", "housing")


def test_what_is_rejected_tells_nobody(office):
    probation, midwifery = heard_at_the_meeting(office)
    probation.chooses(probation.task("confirm-household"), "reject")
    assert not midwifery.heard(Event.SUPERVISION_CHANGE)
    assert not office.system("bcht-health-visiting").heard(Event.SUPERVISION_CHANGE)
