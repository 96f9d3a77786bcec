"""Scenario files: what is wrong is named by line and key; dates are moved wherever the file has them."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from broker.errors import Misconfigured
from broker.replay import reading, telling, timeline
from broker.replay.model import Sends
from schemas.codes import RelationshipKind

TEXT = """\
title: One birth
homes:
  terrace: {address: [7 Lightwoods Terrace, Birmingham], postcode: B17 8PS}
people:
  nasreen: {name: Nasreen Begum, born: 1991-03-27, nhs-number: "9990001103", home: terrace}
  zayn: {name: Zayn Begum, born: 2019-05-06, expected: 2019-05-20, mother: nasreen, home: terrace}
timeline:
- id: booking
  at: 2018-11-05 10:00
  team: swbh-midwifery
  sends: pregnancy-booking
  about: nasreen
  with: zayn
  facts: {expected-date: 2019-05-20, gestation: 11 weeks}
- id: birth
  at: 2019-05-06 13:20
  team: swbh-midwifery
  sends: birth
  about: zayn
  with: nasreen
  facts: {birth-weight: 2.41 kg, feeding: breast}
  expect:
  - {id: told, told: {team: bcht-health-visiting, of: birth}}
"""
FILE = Path("one-birth.yaml")


def read(text=TEXT, later=timedelta()):
    return reading.parse(text, FILE, later)


def said(story, name):
    [one] = [one for one in timeline.dated(story.scenario) if one.name == name]
    assert isinstance(one.step, Sends)
    return telling.message(story.scenario, story.directory, name, one.step, one.at, one.at)


FAULTS = [
    ("sends: birth", "sends: brith", "one-birth.yaml:18 timeline[1].sends", "is none of"),
    ("sends: birth", "sands: birth", "one-birth.yaml:15 timeline[1]", "must say one of sends"),
    ("title: One birth\n", "", "one-birth.yaml:1 title", "is required"),
    ("  about: zayn\n", "  about: zayn\n  abuot: zayn\n", "one-birth.yaml:20 timeline[1].abuot", "is not known here"),
    ("  about: zayn", "  about: zane", "one-birth.yaml:19 timeline[1].about", "'zane' is nobody of this file"),
    ("mother: nasreen", "mother: naz", "one-birth.yaml:6 people.zayn.mother", "'naz' is nobody"),
    ("home: terrace}\n  zayn", "home: terrace, moves: [{to: castle, since: 2019-05-01}]}\n  zayn", "one-birth.yaml:5 people.nasreen.moves[0].to", "is no home"),
    ("of: birth}}", "of: birth}}\nthroughout:\n- {id: never, never: {told: {team: bcht}}}", "one-birth.yaml:25 throughout[0].never.told.team", "no team of the directory"),
    ("of: birth}}", "of: birth}}\nthroughout:\n- {id: never, never: {stands: {is: recieved}}}", "one-birth.yaml:25 throughout[0].never.stands.is", "'recieved' is no status"),
    ("of: birth}}", "of: birth}}\nthroughout:\n- {id: told, never: {climbed: {}}}", "one-birth.yaml:25 throughout[0].id", "another expect line's id"),
    ("home: terrace}\n  zayn", "home: castle}\n  zayn", "one-birth.yaml:5 people.nasreen.home", "is no home"),
    ("team: swbh-midwifery\n  sends: birth", "team: midwives\n  sends: birth", "one-birth.yaml:17 timeline[1].team", "no team of the directory"),
    ("2.41 kg", "2.41 stone", "one-birth.yaml:21 timeline[1].facts.birth-weight", "is not counted in 'stone'"),
    ("2.41 kg", "heavy", "one-birth.yaml:21 timeline[1].facts.birth-weight", "must be a number"),
    ("feeding: breast", "feeding: tea", "one-birth.yaml:21 timeline[1].facts.feeding", "is none of breast"),
    ("feeding: breast", "sleeping: well", "one-birth.yaml:21 timeline[1].facts.sleeping", "is no fact"),
    ("feeding: breast", "seen: {susan: true}", "one-birth.yaml:21 timeline[1].facts.seen", "whom the message does not name"),
    ("feeding: breast", "neonatal-unit: perhaps", "one-birth.yaml:21 timeline[1].facts.neonatal-unit", "true or false"),
    ("expected: 2019-05-20, mother", "mother", "one-birth.yaml:8 timeline[0]", "has no expected date"),
    ("at: 2019-05-06 13:20", "at: 2018-05-06 13:20", "one-birth.yaml:16 timeline[1].at", "before the step before it"),
    ("at: 2019-05-06 13:20", "at: christening +2d", "one-birth.yaml:16 timeline[1].at", "which is no step before this one"),
    ("at: 2019-05-06 13:20", "at: in May", "one-birth.yaml:16 timeline[1].at", "pattern"),
    ("at: 2019-05-06 13:20", "at: 2019-02-30", "one-birth.yaml:16 timeline[1].at", "is no day or hour that exists"),
    ("at: 2019-05-06 13:20", "at: 2019-05-06 25:20", "one-birth.yaml:16 timeline[1].at", "is no day or hour that exists"),
    ("born: 1991-03-27", "born: 1991-02-29", "one-birth.yaml:5 people.nasreen.born", "is no day or hour that exists"),
    ("id: birth", "id: booking", "one-birth.yaml:15 timeline[1].id", "another step's id"),
    ("of: birth}", "of: christening}", "one-birth.yaml:23 timeline[1].expect[0].told.of", "is no step that sends"),
    ("team: bcht-health-visiting", "team: bcht", "one-birth.yaml:23 timeline[1].expect[0].told.team", "no team of the directory"),
    ("{id: told, told", "{id: told, raised: {}, told", "one-birth.yaml:23 timeline[1].expect[0]", "exactly one of raised, told"),
    ("told: {team: bcht-health-visiting, of: birth}", "stands: {is: recieved}", "one-birth.yaml:23 timeline[1].expect[0].stands.is", "'recieved' is no status"),
    ("of: birth}}", "of: birth}, until: 2019-05-01}", "one-birth.yaml:23 timeline[1].expect[0]", "ends before it begins"),
    ("about: nasreen\n", "about: nasreen\n  about: zayn\n", "one-birth.yaml:13", "stands twice"),
    ("title: One birth", "title: [One birth", "one-birth.yaml:2", "is not YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "why"), FAULTS)
def test_a_fault_is_named_by_line_and_key(old, new, where, why):
    assert old in TEXT
    with pytest.raises(Misconfigured) as refused:
        read(TEXT.replace(old, new, 1))
    named = [(problem.path, problem.reason) for problem in refused.value.problems]
    assert any(path == where and why in reason for path, reason in named), named


def test_every_fault_is_named_at_once():
    with pytest.raises(Misconfigured) as refused:
        read(TEXT.replace("feeding: breast", "feeding: tea").replace("11 weeks", "long"))
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("text", ["", "a story", "- a\n- b\n", "title: x\npeople: {}\ntimeline: []\n"])
def test_what_is_no_story_is_refused(text):
    with pytest.raises(Misconfigured) as refused:
        read(text)
    assert refused.value.problems


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(Misconfigured, match=r"cannot be read"):
        reading.read(tmp_path / "none.yaml")


def test_before_the_birth_a_child_is_unborn_and_nothing_else_is_said_of_it():
    mother, child = said(read(), "booking").people
    assert (child.unborn, child.expected, child.given, child.addresses) == (True, date(2019, 5, 20), (), ())
    assert mother.addresses[0].postcode == "B17 8PS"


def test_people_live_where_they_have_moved_to():
    text = TEXT.replace("home: terrace}\n", "home: terrace, moves: [{to: tower, since: 2019-05-06}]}\n")
    text = text.replace("homes:\n", "homes:\n  tower: {address: [31 Cape Hill Tower, Smethwick], postcode: B66 4PB}\n")
    story = read(text)
    assert said(story, "booking").people[0].addresses[0].postcode == "B17 8PS"
    assert {person.addresses[0].postcode for person in said(story, "birth").people} == {"B66 4PB"}


def test_from_the_birth_on_the_child_has_a_name_and_its_mother():
    message = said(read(), "birth")
    child, mother = message.people
    assert (child.unborn, child.birth_date, child.given, child.family) == (False, date(2019, 5, 6), ("Zayn",), "Begum")
    [relation] = message.relationships
    assert (relation.person, relation.kind, relation.to) == (mother.key, RelationshipKind.MOTHER, child.key)


def test_facts_come_in_the_unit_of_their_specification():
    weight, feeding = said(read(), "birth").facts
    assert (str(weight.value), weight.unit) == ("2410", "g")
    assert feeding.value.code == "breast"


def test_the_same_story_has_the_same_ids():
    assert said(read(), "birth").id == said(read(), "birth").id != said(read(), "booking").id


def test_every_date_moves_with_the_story():
    moved = read(later=timedelta(days=10))
    assert [one.at.date() for one in timeline.dated(moved.scenario)] == [date(2018, 11, 15), date(2019, 5, 16)]
    booking = said(moved, "booking")
    assert booking.facts[0].value == booking.people[1].expected == date(2019, 5, 30)
    assert said(moved, "birth").people[0].birth_date == date(2019, 5, 16)


def test_numbers_of_an_agency_are_its_own_to_tell():
    text = TEXT.replace('"9990001103"', '"9990001103", case-number: X123456, numbers: {bcht: H7}')
    mother = said(read(text), "birth").people[1]
    assert [identifier.value for identifier in mother.identifiers] == ["9990001103"]
