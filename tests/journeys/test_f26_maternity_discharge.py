"""F26: the hand-over from midwifery to health visiting was not robust (8.1.11, 8.4.5). Here it is a transfer like any other."""

from dataclasses import replace

import pytest

from schemas.codes import Event, ResponseReason
from schemas.examples.cast import AVA, CHLOE, living
from schemas.examples.story import MESSAGES
from schemas.examples.telling import DOCTOR, MIDWIFE, choice, fact, mother, tell, when
from schemas.message import PostalAddress
from tests.journeys.copies import business_status, is_open

MIDWIVES, VISITORS = "swbh-midwifery", "bcht-health-visiting"


@pytest.fixture
def discharged(office):
    """Booked, born, and discharged from midwifery at twelve days."""
    office.system(MIDWIVES).tells(MESSAGES["pregnancy-booking"], MESSAGES["birth"], MESSAGES["maternity-discharge"])
    return office


def test_the_child_is_a_line_that_health_visiting_must_confirm(discharged):
    midwives, visitors = discharged.system(MIDWIVES), discharged.system(VISITORS)
    line = visitors.task("confirm-child")
    assert visitors.task("transfer")["id"] == line["partOf"][0]["reference"].removeprefix("Task/")
    assert midwives.holder_of(AVA, "midwifery") == MIDWIVES
    assert visitors.holder_of(AVA, "health-visiting") == "not-known"
    visitors.accepts(line)
    assert visitors.holder_of(AVA, "health-visiting") == VISITORS
    assert visitors.holder_of(AVA, "midwifery") == "discharged"
    assert visitors.holder_of(CHLOE, "midwifery") == "discharged"
    assert midwives.again(visitors.again(line))["status"] == "completed"


def test_until_it_is_confirmed_midwifery_is_told_of_the_child(discharged):
    """Nobody is between the two: what comes meanwhile reaches whoever is still responsible."""
    midwives = discharged.system(MIDWIVES)
    concern = tell(
        "not-regained-her-weight",
        Event.CONCERN,
        "harborne-practice",
        when(2018, 3, 1),
        kind="growth",
        subjects=[AVA],
        author=DOCTOR,
        facts=(fact("concern-detail", "Has not regained her birth weight.", AVA),),
    )
    discharged.system(concern.sender).tells(concern)
    assert midwives.heard(Event.CONCERN)


def test_what_health_visiting_needs_and_was_not_told_is_asked_of_midwifery(office):
    """Weights, feeding and concerns are there; the safety of visiting staff is not."""
    midwives, visitors = office.system(MIDWIVES), office.system(VISITORS)
    said = MESSAGES["maternity-discharge"]
    midwives.tells(MESSAGES["pregnancy-booking"], MESSAGES["birth"])
    midwives.tells(
        replace(said, facts=tuple(fact for fact in said.facts if fact.code not in ("feeding", "feeding-detail")))
    )
    of_the_child = [i["valueString"] for i in visitors.task("confirm-child")["input"] if i["type"]["text"] == "Missing"]
    assert of_the_child == ["feeding"]
    of_the_home = [i["valueString"] for i in visitors.task("transfer")["input"] if i["type"]["text"] == "Missing"]
    assert of_the_home == ["safety of visiting staff, or that nothing is known"]
    asked = [task for task in midwives.tasks("supply-information") if "needs what is named" in task["description"]]
    assert len(asked) == 2


def test_parents_get_a_sheet_without_concerns(discharged):
    visitors = discharged.system(VISITORS)
    whole = visitors.task("transfer")
    sheet = visitors.call("GET", f"/transfers/{whole['id']}/summary")
    assert sheet.status_code == 200
    assert sheet.headers["content-type"].startswith("text/html")
    assert "Ava" in sheet.text
    assert "3040 g (26 February 2018)" in sheet.text
    assert "has not yet taken over" in sheet.text
    for kept_back in ("told off", "Haematoma", "Martin", "Susan", "9990000"):
        assert kept_back not in sheet.text
    visitors.accepts(visitors.task("confirm-child"))
    assert "has taken over" in visitors.call("GET", f"/transfers/{whole['id']}/summary").text
    assert discharged.system("harborne-practice").call("GET", f"/transfers/{whole['id']}/summary").status_code == 404


def is_closed(office, closed):
    """Birmingham's health visiting closes, or is there again."""
    team = {"agency": "bcht", "function": "health-visiting", "name": "Birmingham health visiting", "area": "birmingham"}
    office.put(f"/admin/teams/{VISITORS}", {**team, "closed": closed})


def to_be_found(midwives):
    """What midwifery has been asked because the team closed, oldest first."""
    return [task for task in midwives.tasks("undeliverable") if "has closed" in task["description"]]


def test_a_team_that_closes_answers_nobody_and_the_sender_must_find_another(discharged):
    midwives, visitors = discharged.system(MIDWIVES), discharged.system(VISITORS)
    line = visitors.task("confirm-child")
    is_closed(discharged, True)
    [found] = to_be_found(midwives)
    assert found["priority"] == "urgent"
    assert midwives.holder_of(AVA, "midwifery") == MIDWIVES
    assert midwives.again(line)["status"] in ("requested", "received")


def test_a_team_that_closes_twice_is_said_twice_and_not_while_it_is_there(discharged, clock):
    midwives = discharged.system(MIDWIVES)
    is_closed(discharged, True)
    is_closed(discharged, True)
    [first] = to_be_found(midwives)
    midwives.does(first, "We speak to Sandwell.")
    clock.forward(days=1)
    is_closed(discharged, False)
    clock.forward(days=1)
    is_closed(discharged, True)
    second, *others = [task for task in to_be_found(midwives) if is_open(task)]
    assert (others, second["id"] == first["id"]) == ([], False)
    clock.forward(days=1)
    is_closed(discharged, False)
    assert midwives.again(second)["status"] == "cancelled"


def test_who_has_handed_over_elsewhere_need_find_nobody_any_more(discharged, clock):
    midwives = discharged.system(MIDWIVES)
    is_closed(discharged, True)
    [found] = to_be_found(midwives)
    instead = tell(
        "to-sandwell-instead",
        Event.TRANSFER,
        MIDWIVES,
        clock(),
        kind="health-visiting",
        subjects=[AVA],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA),
        author=MIDWIFE,
        to=("swbh-health-visiting",),
        reference=MESSAGES["maternity-discharge"].id,
        facts=(choice("transfer-reason", "service-change"), fact("care-summary", "Well.", AVA)),
    )
    midwives.tells(instead)
    assert midwives.again(found)["status"] == "cancelled"


def test_a_receiver_that_is_not_in_the_directory_is_said_at_once(office):
    midwives = office.system(MIDWIVES)
    midwives.tells(MESSAGES["pregnancy-booking"], MESSAGES["birth"])
    reply = midwives.tells(replace(MESSAGES["maternity-discharge"], to=("nowhere-health-visiting",)))
    assert "is not in the directory" in reply.text
    assert [task for task in midwives.tasks("undeliverable") if "cannot be reached" in task["description"]]
    assert midwives.holder_of(AVA, "midwifery") == MIDWIVES


def test_declined_it_stays_midwiferys(discharged):
    midwives, visitors = discharged.system(MIDWIVES), discharged.system(VISITORS)
    visitors.declines(visitors.task("confirm-child"), ResponseReason.NOT_ACCEPTED, "They have moved to Sandwell.")
    assert midwives.holder_of(AVA, "midwifery") == MIDWIVES
    [whole] = visitors.tasks("transfer")
    assert whole["status"] == "rejected"
    assert business_status(whole) is None


AWAY = PostalAddress(lines=("1 Quay Street",), postcode="TR1 2AA")
"""In no area of the directory."""


def at_the_quay(message):
    """The same message of a mother and child who live there, and nothing else of their home."""
    moved = {CHLOE.key, AVA.key}
    people = tuple(replace(p, addresses=(AWAY,)) if p.key in moved else p for p in message.people)
    return replace(message, to=(), people=people, household=(), relationships=())


def not_found(system):
    return [task for task in system.tasks("undeliverable") if "was not found" in task["description"]]


def test_a_move_to_an_area_that_the_directory_does_not_have_is_said_and_stays_midwiferys(office):
    """Nobody provides health visiting there as far as Baton knows: somebody must find out who does."""
    midwives = office.system(MIDWIVES)
    before = (MESSAGES["pregnancy-booking"], MESSAGES["birth"])
    booked, born = (replace(message, people=at_the_quay(message).people) for message in before)
    midwives.tells(booked, born)
    reply = midwives.tells(at_the_quay(MESSAGES["maternity-discharge"]))
    tasks = not_found(midwives)
    assert len(tasks) == len([booked, born, "the discharge"])
    assert all(is_open(task) and "health visiting team was not found" in task["description"] for task in tasks)
    for visitors in (VISITORS, "swbh-health-visiting"):
        assert not reply.names(visitors)
        assert not office.system(visitors).heard()
        assert not office.system(visitors).tasks()
    assert not midwives.tasks("transfer")
    assert midwives.holder_of(AVA, "midwifery") == MIDWIVES
    assert midwives.holder_of(AVA, "health-visiting") == "not-known"


def test_who_visits_a_family_that_moves_there_is_asked_to_find_who_will_and_stays_responsible(discharged):
    visitors = discharged.system(VISITORS)
    visitors.accepts(visitors.task("confirm-child"))
    registered = tell(
        "ava-registered-away",
        Event.CHANGE_OF_ADDRESS,
        "harborne-practice",
        when(2018, 4, 3),
        subjects=[living(AVA, AWAY)],
        people=[living(CHLOE, AWAY)],
        author=DOCTOR,
    )
    discharged.system(registered.sender).tells(registered)
    [task] = not_found(visitors)
    assert "stays with you" in task["description"]
    assert visitors.holder_of(AVA, "health-visiting") == VISITORS
    assert not not_found(discharged.system(registered.sender))
    visitors.does(task, "Cornwall's health visitors take her on; handed over by telephone.")
    assert not is_open(visitors.again(task))
