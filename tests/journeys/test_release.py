"""Sharing principle 7: what is restricted waits for the safeguarding lead of the agency that it comes from; nothing leaks before."""

from dataclasses import replace

import pytest

from schemas.codes import Event
from schemas.examples.cast import KAYLA, LACEY, RYAN, TYLER
from schemas.examples.story import MESSAGES
from schemas.examples.telling import fact, father, mother, tell, together, when
from tests.journeys.copies import due, inputs, is_open

TOGETHER = tell(
    "mortons",
    Event.CHILD_CONTACT,
    "swbh-health-visiting",
    when(2019, 8, 1),
    kind="2-year",
    subjects=[LACEY],
    people=[KAYLA, TYLER, RYAN],
    relationships=mother(KAYLA, TYLER, LACEY) + father(RYAN, LACEY),
    household=together(KAYLA, TYLER, LACEY, RYAN),
)
RECALL = replace(
    MESSAGES["enforcement-recall"],
    facts=(*MESSAGES["enforcement-recall"].facts, fact("risk-to-children", "Said that he will fetch Lacey.", RYAN)),
)


@pytest.fixture
def held(office):
    """A recall is open and an arrest planned, of a man who lives with two children; his agency's lead has not decided."""
    visitors, probation = office.system("swbh-health-visiting"), office.system("bcrc-probation")
    probation.tells(replace(MESSAGES["custody-release"], household=()))
    visitors.tells(TOGETHER)
    resolve = [task for task in visitors.tasks("resolve-identity") if is_open(task)]
    for task in resolve:  # the man of the visit is the man whom probation knows
        visitors.chooses(task, inputs(task, "choices")[0])
    everybody = [
        office.system(team) for team in ("swbh-health-visiting", "sandwell-practice", "sandwell-csc", "swbh-midwifery")
    ]
    before = {team.team: len(team.heard()) for team in everybody}
    reply = probation.tells(RECALL)
    return office, probation, everybody, before, reply


def test_nothing_leaks_before_it_is_released(held):
    office, _probation, everybody, before, reply = held
    for team in everybody:
        assert len(team.heard()) == before[team.team]
        assert [entry["number"] for entry in team.inbox(after=0)] == list(range(1, before[team.team] + 1))
        assert not [task for task in team.tasks() if task["authoredOn"] >= "2019-09-01"]
    assert reply.names("bcrc-safeguarding-lead")  # the sender's own lead has the task
    assert all(not reply.names(team) for team in ("sandwell-practice", "sandwell-csc", "wmp-police"))
    task = office.system("bcrc-safeguarding-lead").task("release")
    assert task["priority"] == "urgent"
    assert due(task) > office.admin.clock()


def test_released_to_named_functions_it_goes_to_those_and_no_others(held, clock):
    office, _probation, _everybody, before, _reply = held
    lead = office.system("bcrc-safeguarding-lead")
    task = lead.task("release")
    functions = inputs(task, "functions")
    assert "health-visiting" in functions
    clock.forward(hours=3)
    lead.releases(task, "health-visiting")
    visitors = office.system("swbh-health-visiting")
    copy = visitors.copy_of(Event.ENFORCEMENT)
    assert copy.facts["risk-to-children"] == "Said that he will fetch Lacey."
    assert copy.marked
    assert len(office.system("sandwell-practice").heard()) == before["sandwell-practice"]
    assert office.system("sandwell-practice").heard(Event.ENFORCEMENT) == []


def test_refused_it_goes_to_nobody_and_the_reason_stays(held):
    office, _probation, everybody, before, _reply = held
    lead = office.system("bcrc-safeguarding-lead")
    task = lead.task("release")
    bare = lead.moves(task, "complete")
    assert bare.status == 422
    assert "name the functions to release to, or refuse with a reason" in bare.text
    lead.releases(task, because="The arrest is tomorrow.")
    for team in everybody:
        assert len(team.heard()) == before[team.team]
    assert not is_open(lead.again(task))


def test_only_a_safeguarding_lead_releases(held):
    office, probation, *_ = held
    task = office.system("bcrc-safeguarding-lead").task("release")
    decision = {"name": "decision", "part": [{"name": "release-to", "valueCode": "health-visiting"}]}
    assert probation.moves(task, "complete", decision).status in (403, 404, 409)
    assert office.system("swbh-health-visiting").moves(task, "complete", decision).status == 404
    assert office.system("swbh-health-visiting").heard(Event.ENFORCEMENT) == []
