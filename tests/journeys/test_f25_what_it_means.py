"""F25 (8.1.10, learning 8): information was "shared" and neither understood nor acted on.

An acknowledgement says what it means here, what will be done, by whom and by when, or asks back; until then the sender sees
that it has no answer. F14, F15 and F29: what is agreed becomes a dated task of the team that agreed it, or is refused.
"""

from datetime import timedelta

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.story import MESSAGES
from tests.journeys.actors import Action, Somebody
from tests.journeys.copies import business_status, due, inputs, is_open, outputs, owner, requester

FARAH = Somebody("Farah Malik", "health-visitor")


@pytest.fixture
def midwifery(office):
    """Midwifery has told of a concern about a mother's mood."""
    midwifery = office.system("swbh-midwifery")
    office.system("bcht-health-visiting").tells(MESSAGES["child-contact"])
    midwifery.tells(MESSAGES["concern"])
    return midwifery


@pytest.fixture
def visitors(office, midwifery):
    """Health visiting, which has not answered."""
    return office.system("bcht-health-visiting")


@pytest.fixture
def task(visitors):
    """What health visiting has to answer."""
    return visitors.copy_of(Event.CONCERN).task


def outcomes(team, task):
    """What the team was told of a task, in the order of its mailbox."""
    return [copy.task for copy in team.heard(Event.CONCERN) if copy.tasks and copy.task["id"] == task["id"]]


def test_an_empty_answer_is_refused_and_the_sender_still_waits(visitors, midwifery, task):
    reply = visitors.tries_to_accept(task)
    assert reply.status == 422
    assert "say what this means here" in reply.text
    assert is_open(midwifery.again(task))
    assert not outcomes(midwifery, task)


def test_what_it_means_reaches_the_sender_as_a_message(visitors, midwifery, task):
    visitors.accepts(task, "Mother may avoid the clinic: we visit at home instead.")
    [told] = outcomes(midwifery, task)
    assert told["status"] == "completed"
    assert outputs(told)["meaning"] == "Mother may avoid the clinic: we visit at home instead."
    reply = next(copy for copy in midwifery.heard(Event.CONCERN) if copy.tasks)
    assert reply.header["response"] == {"identifier": MESSAGES["concern"].id, "code": "ok"}
    assert reply.sender == "bcht-health-visiting"


def test_each_agreed_action_is_a_dated_task_and_ends_by_itself(visitors, midwifery, task, clock):
    """F14, F10 and F29: a recommended assessment is an agreed action like any other, and one completes no other."""
    visit = Action("Visit at home and ask about her mood", FARAH, clock() + timedelta(days=4))
    carer = Action("Ask for the grandmother's carer's assessment", FARAH, clock() + timedelta(days=14))
    accepted = visitors.accepts(task, "She needs more than the clinic.", visit, carer)
    agreed = sorted(visitors.tasks("agreed-action"), key=due)
    assert [one["description"] for one in agreed] == [visit.what, carer.what]
    assert [due(one) for one in agreed] == [visit.due, carer.due]
    assert {owner(one) for one in agreed} == {"bcht-health-visiting"}
    assert {one["partOf"][0]["reference"] for one in agreed} == {f"Task/{accepted['id']}"}
    visitors.does(agreed[0], "Visited; low, not ill. Stay and play begins on Monday.")
    assert is_open(visitors.again(agreed[1]))
    assert business_status(midwifery.again(task)) == "actions-open"
    clock.time = due(agreed[1]) + timedelta(minutes=30)
    assert business_status(midwifery.again(agreed[1])) == "overdue"
    visitors.does(agreed[1], "The assessment is booked for 12 February.")
    assert outcomes(midwifery, task)[-1]["status"] == "completed"


def test_an_action_without_owner_or_date_is_refused_in_words(visitors, task, clock):
    """F15 (7.5.6): a review "in 10 to 14 days" that nobody was to do."""
    reply = visitors.tries_to_accept(task, None, Action("Review in 10 to 14 days"))
    assert reply.status == 422
    assert "name who will do it" in reply.text
    assert "say by when" in reply.text
    paths = [path for issue in reply.issues for path in issue["expression"]]
    assert "Parameters.parameter.where(name='agreed-action')[0].part.where(name='due')" in paths
    past = visitors.tries_to_accept(task, None, Action("Review", FARAH, clock() - timedelta(days=1)))
    assert past.status == 422
    assert "must lie in the future" in past.text
    assert not visitors.tasks("agreed-action")


def test_a_question_back_is_answered_and_then_the_answer_is_given(visitors, midwifery, task):
    asked = visitors.asks(task, "Does the support worker still see her?")
    assert (asked["status"], business_status(asked)) == ("on-hold", "question-asked")
    question = midwifery.task("supply-information", asked_by="bcht-health-visiting")
    assert inputs(question, "question") == ["Does the support worker still see her?"]
    midwifery.answers(question, "Until the birth, every second week.")
    returned = visitors.again(task)
    assert (returned["status"], business_status(returned)) == ("received", "question-answered")
    assert outputs(returned)["answer"] == "Until the birth, every second week."
    told = next(copy for copy in visitors.heard() if copy.tasks and copy.task["id"] == question["id"])
    assert told.task["status"] == "completed"
    visitors.accepts(task, "Then we begin our visits before the birth.")
    assert not is_open(midwifery.again(task))


def test_a_decline_has_a_coded_reason_and_leaves_it_with_the_sender(visitors, midwifery, task):
    bare = visitors.moves(task, "decline")
    assert bare.status == 422
    assert "choose why it is declined" in bare.text
    visitors.declines(task, ResponseReason.NO_LONGER_HERE, "They moved in February.")
    [told] = outcomes(midwifery, task)
    assert told["status"] == "rejected"
    assert told["statusReason"]["coding"][0]["code"] == "30003"
    late = visitors.tries_to_accept(task, "We visit after all.")
    assert late.status == 409
    assert requester(visitors.again(task)) == "swbh-midwifery"
