"""F20 (8.3.4, 8.5.2): seven health visitors, each starting again.

Who takes a family over reads in one line what every agency told of every child before it came, and sees when nobody saw
them; who works with one adult alone reads what is its own.
"""

from dataclasses import replace

import pytest

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, DANIEL, GRANDPARENTS_HOME, NOAH, living
from schemas.examples.story import MESSAGES
from schemas.examples.telling import HEALTH_VISITOR, tell, together, when

BEFORE = ("pregnancy-booking", "birth", "child-contact", "measurement", "6-8-week-examination", "concern")
TAKEN_ON = tell(
    "sandwell-takes-them-on",
    Event.INVOLVEMENT_START,
    "swbh-health-visiting",
    when(2019, 5, 1, 9),
    subjects=[AVA],
    author=HEALTH_VISITOR,
)
LIVES_THERE = tell(
    "father-lives-there",
    Event.HOUSEHOLD_UPDATE,
    "swbh-midwifery",
    when(2017, 10, 9),
    subjects=[CHLOE],
    people=[DANIEL],
    household=together(CHLOE, DANIEL),
)
SUPERVISED = replace(
    MESSAGES["supervision-start"],
    occurred=when(2017, 10, 16),
    sent=when(2017, 10, 16, 11),
    people=(living(DANIEL, GRANDPARENTS_HOME),),
)


@pytest.fixture
def known(office):
    """Years of one family in Birmingham, before Sandwell has heard of it."""
    office.system("swbh-midwifery").tells(MESSAGES["pregnancy-booking"], LIVES_THERE)
    office.system("lcrc-probation").tells(SUPERVISED)
    for name in BEFORE[1:]:
        office.system(MESSAGES[name].sender).tells(MESSAGES[name])
    return office


def chronology(system, person, **query):
    """Of the only household of somebody."""
    [home] = system.homes_of(person)
    return system.get(f"/households/{home['id']}/chronology", params=query)


def test_who_takes_a_family_over_reads_what_was_before(known):
    visitors = known.system("swbh-health-visiting")
    assert visitors.looks_up(AVA) is None
    visitors.tells(TAKEN_ON)
    read = chronology(visitors, AVA)
    events = [(line["event"], line["from"]["team"] if line["from"] else None, line["told"]) for line in read["lines"]]
    assert events == [
        ("pregnancy-booking", "swbh-midwifery", False),
        ("household-update", "swbh-midwifery", False),
        ("supervision-start", "lcrc-probation", False),
        ("birth", "swbh-midwifery", False),
        ("child-contact", "bcht-health-visiting", False),
        ("measurement", "swbh-midwifery", False),
        ("6-8-week-examination", "harborne-practice", False),
        ("concern", "swbh-midwifery", True),  # it still stands, so it was told when they took her on
        ("involvement-start", "swbh-health-visiting", False),
    ]
    assert read["lines"][-1]["own"]
    assert read["lines"][-2]["marked"]
    weights = [fact["value"] for line in read["lines"] for fact in line["facts"] if fact["code"] == "weight"]
    assert len(weights) >= 3
    [gap] = [gap for gap in read["gaps"] if gap["until"] is None and gap["person"] == visitors.looks_up(AVA)["id"]]
    assert gap["weeks"] > 30
    assert "Ava" not in gap["text"]


def test_two_children_and_the_unborn_are_one_line_and_pages_lose_nothing(known):
    known.system("bcht-health-visiting").tells(MESSAGES["child-contact-antenatal"])
    whole = chronology(known.system("bcht-health-visiting"), AVA)
    named = {person["name"] for line in whole["lines"] for person in line["people"]}
    assert {"Ava Rose Hartley", "Chloe Louise Hartley"} <= named
    page = chronology(known.system("bcht-health-visiting"), AVA, limit=3)
    lines = page["lines"]
    while page["next"]:
        page = known.system("bcht-health-visiting").get(page["next"])
        lines += page["lines"]
    assert lines == whole["lines"]
    since = chronology(known.system("bcht-health-visiting"), AVA, since="2018-03-01")
    assert [line["id"] for line in since["lines"]] == [line["id"] for line in lines if line["at"] >= "2018-03-01"]


def test_who_works_with_him_alone_reads_his_order_and_nothing_of_the_children(known):
    probation = known.system("lcrc-probation")
    read = chronology(probation, DANIEL)
    own, *others = read["lines"]
    assert own["event"] == "supervision-start"
    assert {line["view"] for line in others} <= {"pointer", "safety", "existence"}
    assert {line["event"] for line in others} <= {"information"}
    assert read["gaps"] == []
    assert "Ava" not in str(read)


def test_what_is_taken_back_is_no_longer_there(known):
    midwives = known.system("swbh-midwifery")
    visitors = known.system("bcht-health-visiting")
    assert "concern" in [line["event"] for line in chronology(visitors, AVA)["lines"]]
    taken_back = tell(
        "concern-taken-back", Event.WITHDRAW, "swbh-midwifery", when(2019, 1, 16), subjects=[], author=None,
        reference=MESSAGES["concern"].id,
    )  # fmt: skip
    midwives.tells(taken_back)
    for system in (midwives, visitors):
        assert "concern" not in [line["event"] for line in chronology(system, AVA)["lines"]]


def test_as_fhir_it_is_a_searchset_of_the_messages(known):
    visitors = known.system("bcht-health-visiting")
    [home] = visitors.homes_of(CHLOE)
    path = f"/households/{home['id']}/chronology"
    found = visitors.get(path, headers={"Accept": "application/fhir+json"})
    assert found["type"] == "searchset"
    headers = [
        entry["resource"]["entry"][0]["resource"] for entry in found["entry"] if entry["search"]["mode"] == "match"
    ]
    assert [one["eventCoding"]["code"] for one in headers] == [line["event"] for line in visitors.get(path)["lines"]]
    assert NOAH.key not in str(found)
