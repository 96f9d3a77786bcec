"""F18 (7.5.11), F23 (learning 15): not brought three times, by two agencies; one task lists them, and a flag stands in the records.

F19 (8.3): the new-birth contact asks for the father. F16 (7.5.9): what closes it is a recorded discussion.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, MARTIN
from schemas.examples.story import MESSAGES
from schemas.examples.telling import tell, when
from tests.journeys.copies import is_open

VISITORS, PRACTICE, CMHT = "bcht-health-visiting", "harborne-practice", "bsmhft-cmht"
MISSED = [
    tell(f"missed-{index}", Event.NOT_BROUGHT, team, when(2018, 5, 2 + 7 * index), kind="clinic", subjects=[AVA])
    for index, team in enumerate((VISITORS, PRACTICE, VISITORS))
]


@pytest.fixture
def known(office):
    """A baby whom health visiting and a practice work with, and her grandfather's team."""
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    office.system(VISITORS).tells(MESSAGES["child-contact"])
    office.system(PRACTICE).tells(MESSAGES["gp-registration"])
    office.system(CMHT).tells(
        tell("cmht-knows-martin", Event.INVOLVEMENT_START, CMHT, when(2018, 4, 1), subjects=[MARTIN])
    )
    return office


@pytest.fixture
def missed(known, eventually):
    """She is not brought, three times."""
    for message in MISSED:
        known.system(message.sender).tells(message)
    eventually(lambda: known.system(VISITORS).tasks("pattern-review") != [])
    return known


def flags(system, person):
    found = system.get("/fhir/Flag", params={"patient": person})
    return [entry["resource"] for entry in found.get("entry", [])]


def talk(outcome, because=None):
    parts = [
        {"name": "with", "valueString": "The named nurse"},
        {"name": "at", "valueDateTime": "2018-05-17T10:00:00Z"},
        {"name": "outcome", "valueCode": outcome},
    ]
    parts += [{"name": "because", "valueString": because}] if because else []
    return {"name": "discussion", "part": parts}


def test_one_task_lists_what_each_agency_knew(missed):
    review = missed.system(VISITORS).task("pattern-review")
    shown = [one["valueString"] for one in review["input"] if one["type"]["text"] == "Evidence"]
    assert [line[:10] for line in shown] == ["2018-05-02", "2018-05-09", "2018-05-16"]
    assert "Harborne Practice" in shown[1]
    [rule] = [one["valueString"] for one in review["input"] if one["type"]["text"] == "Rule"]
    assert rule.startswith("missed-appointments, policy ")
    assert "Ava" not in review["description"]
    assert missed.system(PRACTICE).tasks("pattern-review") == []


def test_the_flag_stands_in_the_records_until_it_was_talked_about(missed, clock):
    practice, visitors = missed.system(PRACTICE), missed.system(VISITORS)
    ava = practice.looks_up(AVA)["id"]
    [flag] = flags(practice, ava)
    assert (flag["status"], flag["subject"]["reference"]) == ("active", f"Patient/{ava}")
    assert flag["meta"]["security"][0]["code"] == "NOPAT"
    assert flag["code"]["coding"][0]["code"] == "missed-appointments"
    [told] = [copy for copy in practice.heard(Event.INFORMATION) if copy.of_type("Flag")]
    assert told.marked
    assert told.of_type("Flag")[0]["id"] == flag["id"]
    assert told.silent_about("Ava", "9990000")

    clock.forward(days=1)
    review = visitors.task("pattern-review")
    assert visitors.moves(review, "complete", talk("not-referred-because")).status == 422
    done = visitors.moves(review, "complete", talk("not-referred-because", "A new bus now goes to the clinic."))
    assert not is_open(done.body)
    assert [one["status"] for one in flags(practice, ava)] == ["inactive"]
    assert practice.get("/fhir/Flag", params={"patient": ava, "status": "active"})["total"] == 0
    ended = [copy for copy in practice.heard(Event.INFORMATION) if copy.of_type("Flag")][-1]
    assert ended.of_type("Flag")[0]["status"] == "inactive"


def test_nobody_else_learns_of_it(missed):
    """The grandfather's team, and a practice that works with nobody there."""
    ava = missed.system(PRACTICE).looks_up(AVA)["id"]
    [flag] = flags(missed.system(PRACTICE), ava)
    for team in (CMHT, "sandwell-practice"):
        system = missed.system(team)
        assert flags(system, ava) == []
        assert system.call("GET", f"/fhir/Flag/{flag['id']}").status_code == 404
        assert not [copy for copy in system.heard() if copy.of_type("Flag")]


def test_who_looks_at_flags_stands_in_the_audit(missed):
    practice = missed.system(PRACTICE)
    ava = practice.looks_up(AVA)["id"]
    [flag] = flags(practice, ava)
    practice.get(f"/fhir/Flag/{flag['id']}")
    found = missed.auditor().get("/fhir/AuditEvent", params={"agent": f"Organization/{PRACTICE}", "entity": flag["id"]})
    assert {entry["resource"]["subtype"][0]["code"] for entry in found["entry"]} == {"read", "search"}


def test_flags_are_asked_about_one_person(missed):
    assert missed.system(PRACTICE).call("GET", "/fhir/Flag").status_code == 400


def test_a_contact_asks_for_the_father_once(office, clock):
    """F19: nobody has seen him; the second such contact asks again only when the first is answered."""
    alone = replace(MESSAGES["birth"], people=(AVA, CHLOE), relationships=MESSAGES["birth"].relationships[:1])
    office.system("swbh-midwifery").tells(alone)
    visitors = office.system(VISITORS)
    contact = replace(MESSAGES["child-contact"], people=(AVA, CHLOE), relationships=(), household=(), kind="new-birth")
    visitors.tells(replace(contact, facts=tuple(f for f in contact.facts if f.about in (None, AVA.key, CHLOE.key))))
    [asked] = [task for task in visitors.tasks("supply-information") if "father" in task["description"]]
    again = replace(contact, id="00000000-0000-4000-8000-000000000019", kind="new-to-area", facts=())
    visitors.tells(again)
    assert len([t for t in visitors.tasks("supply-information") if "father" in t["description"]]) == 1
    clock.forward(days=1)
    visitors.moves(asked, "complete", {"name": "answer", "valueString": "He lives in London and visits."})
    next_week = again.occurred + timedelta(days=9)
    later = replace(
        again, id="00000000-0000-4000-8000-000000000020", kind="antenatal", occurred=next_week, sent=next_week
    )
    visitors.tells(later)
    assert len([t for t in visitors.tasks("supply-information") if "father" in t["description"]]) == 2
