"""F13 (7.5.4): a receptionist took the health visitor's concern, and the doctor never heard of it.

Receipt by a system, opening by a clerk and acknowledgement by a professional are three facts with who and when, none of
which implies another; only a professional role ends the task.
"""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.story import MESSAGES
from tests.journeys.actors import RECEPTIONIST, Somebody
from tests.journeys.copies import business_status, due, milestones, outputs

DOCTOR = Somebody("Dr Anil Mehta", "general-practitioner")
SPOKE_WITH = "Joanne Pike, health visitor"


@pytest.fixture
def visitors(office):
    """Health visiting has told the practice of a concern."""
    visitors = office.system("swbh-health-visiting")
    visitors.tells(MESSAGES["child-contact-new-to-area"], MESSAGES["concern-growth"])
    return visitors


@pytest.fixture
def practice(office, visitors):
    """The practice, which has not looked yet."""
    return office.system("harborne-practice")


def seen_by_sender(visitors, task):
    """The task as the sender sees it: status, and which facts are there."""
    seen = visitors.again(task)
    return seen["status"], set(milestones(seen))


def test_received_opened_and_acknowledged_are_three_facts(practice, visitors, clock):
    copy = practice.copy_of(Event.CONCERN)
    task = copy.task
    assert seen_by_sender(visitors, task) == ("requested", set())
    delivered = clock.forward(minutes=1)
    practice.takes(copy)
    assert seen_by_sender(visitors, task) == ("received", {"delivered"})
    opened = clock.forward(minutes=30)
    practice.opens(task, by=RECEPTIONIST)
    assert seen_by_sender(visitors, task) == ("received", {"delivered", "opened"})
    answered = clock.forward(hours=2)
    assert practice.tries_to_accept(task, "I see Noah tomorrow at 9.", spoke_with=SPOKE_WITH, by=DOCTOR).status == 200
    seen = visitors.again(task)
    facts = milestones(seen)
    assert seen["status"] == "completed"
    assert [datetime.fromisoformat(facts[kind]["at"]) for kind in ("delivered", "opened", "answered")] == [
        delivered,
        opened,
        answered,
    ]
    assert facts["delivered"].keys() == {"at"}  # a system, nobody
    assert (facts["opened"]["by"], facts["opened"]["role-kind"]) == ("Kim Reception", "clerical")
    assert (facts["answered"]["by"], facts["answered"]["role-kind"]) == ("Dr Anil Mehta", "professional")


def test_a_clerk_may_open_it_and_cannot_end_it(practice, visitors):
    task = practice.copy_of(Event.CONCERN).task
    practice.opens(task, by=RECEPTIONIST)
    for reply in (
        practice.tries_to_accept(task, "Noted.", spoke_with=SPOKE_WITH, by=RECEPTIONIST),
        practice.moves(
            task, "decline", {"name": "reason", "valueCode": ResponseReason.NOT_NEEDED.value}, by=RECEPTIONIST
        ),
    ):
        assert reply.status == 409
        assert "needs a professional role" in reply.text
    assert business_status(practice.again(task)) == "opened"


def test_a_role_that_nobody_listed_is_refused(practice):
    task = practice.copy_of(Event.CONCERN).task
    reply = practice.tries_to_accept(task, "Noted.", spoke_with=SPOKE_WITH, by=Somebody("A Neighbour", "neighbour"))
    assert reply.status == 422
    assert "not a role that the policy lists" in reply.text
    assert "neighbour" not in reply.text.casefold()


def test_taking_it_from_the_mailbox_is_not_reading_it(practice, visitors, clock):
    """Everything was taken within the minute; by when it is due nobody has looked, and it shows."""
    task = practice.copy_of(Event.CONCERN).task
    practice.takes()
    clock.time = due(task) + timedelta(minutes=30)
    seen = visitors.again(task)
    assert seen["status"] == "received"
    assert business_status(seen) == "overdue"


def test_the_same_answer_twice_is_one_and_another_is_too_late(practice, clock):
    task = practice.copy_of(Event.CONCERN).task
    at = datetime(2019, 5, 1, 15, 0, tzinfo=UTC)
    spoken = {
        "name": "conversation",
        "part": [{"name": "with", "valueString": SPOKE_WITH}, {"name": "at", "valueDateTime": at.isoformat()}],
    }
    said = {"name": "meaning", "valueString": "I see Noah tomorrow at 9."}
    first = practice.moves(task, "accept", said, spoken, by=DOCTOR)
    clock.forward(minutes=5)
    again = practice.moves(task, "accept", said, spoken, by=DOCTOR)
    assert (first.status, again.status) == (200, 200)
    assert again.body["meta"]["versionId"] == first.body["meta"]["versionId"]
    late = practice.moves(task, "decline", {"name": "reason", "valueCode": ResponseReason.NOT_KNOWN.value}, by=DOCTOR)
    assert late.status == 409
    assert "has ended (completed)" in late.text
    assert outputs(practice.again(task))["meaning"] == "I see Noah tomorrow at 9."
