"""F6: what is urgent and meets a closed team goes to who stands in too, and stays the sender's; told as stories, on both databases."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.replay import playing, reading
from broker.settings import Settings

PEOPLE = """\
title: After hours
homes:
  terrace: {address: [7 Lightwoods Terrace, Birmingham], postcode: B17 8PS}
  galton: {address: [51 Galton Street, Smethwick], postcode: B66 4QT}
people:
  nasreen: {name: Nasreen Begum, born: 1991-03-27, nhs-number: "9990001103", practice: harborne-practice, home: terrace}
  zayn: {name: Zayn Begum, born: 2019-02-06, nhs-number: "9990001200", mother: nasreen, home: terrace}
  imran: {name: Imran Begum, born: 1960-02-02, nhs-number: "9990001308", father: nasreen, home: terrace}
  lacey: {name: Lacey Morton, born: 2019-01-06, nhs-number: "9990002304", home: galton}
timeline:
- {id: born, at: 2019-02-06 09:00, team: swbh-midwifery, sends: birth, about: zayn, with: nasreen, by: "Alison Frost, midwife", facts: {birth-weight: 3.1 kg, gestation: 39 weeks}}
- {id: home, at: 2019-02-06 10:00, team: swbh-midwifery, sends: household-update, about: zayn, with: [nasreen, imran], household: {lives: [zayn, nasreen, imran]}, by: "Alison Frost, midwife"}
"""
BRUISE = """\
- id: bruise
  at: 2019-03-09 11:00
  team: harborne-practice
  sends: concern
  kind: bruising
  about: zayn
  with: nasreen
  by: Jo Marsh, general-practitioner
  facts: {concern-detail: "A bruise on the cheek."}
"""
DISCHARGE = """\
- id: discharge
  at: 2019-03-11 {at}
  team: bsmhft-cmht
  sends: mental-health-discharge
  about: imran
  by: Marcia Grant, care-coordinator
  facts: {{legal-status: revoked, discharge-destination: usual-home, staff-safety: Visit in pairs.}}
"""
EDT = "birmingham-emergency-duty-team"


@pytest.fixture
def told(database_url):
    """Tell a step with what is expected of it; what was not met, with the reason, and when what was met was."""

    def play(step, *expects):
        lines = "".join(f"  - {{id: e{index}, {expect}}}\n" for index, expect in enumerate(expects))
        story = reading.parse(PEOPLE + step + "  expect:\n" + lines, Path("story.yaml"))
        found = playing.replay(story, Settings(database_url=database_url, demo=True)).verdicts
        assert [(one.due.expect.id, one.finding.why) for one in found if not one.met] == []
        return [one.finding.at for one in found]

    return play


def test_what_comes_at_a_weekend_goes_to_the_duty_team_at_once(told):
    at = told(
        BRUISE,
        f"raised: {{task: acknowledge, owner: {EDT}, of: bruise, about: zayn, priority: urgent, saying: out of hours, due-within: 4h}}, within: 1m",
        f"told: {{team: {EDT}, of: bruise, saying: [cheek, Zayn]}}, within: 1m",
        "raised: {task: acknowledge, owner: bcht-health-visiting, of: bruise}",  # whose it goes on being
        "told: {team: bcht-health-visiting, of: bruise, saying: Baton is not a referral}",
        "raised: {task: supply-information, owner: harborne-practice, of: bruise, saying: [stays yours, not a referral, 0121 496 0201]}, within: 1m",
        f"stands: {{task: acknowledge, owner: {EDT}, of: bruise, is: received}}, at: +1h",
    )
    assert at[0] == datetime(2019, 3, 9, 11, tzinfo=UTC)


def test_what_falls_due_before_the_team_is_there_again_goes_when_it_closes(told):
    [at, *_] = told(
        DISCHARGE.format(at="15:00"),
        f"raised: {{task: acknowledge, owner: {EDT}, of: discharge, saying: out of hours}}, within: 1d",
        # As much as sharing allows a team that the policy adds: what matters for the child, and not his record.
        f"told: {{team: {EDT}, of: discharge, saying: Visit in pairs, without: revoked}}, within: 1d",
        # The sender has a conversation to hold already.
        "never: {raised: {task: supply-information, owner: bsmhft-cmht, saying: stays yours}}, within: 1d",
    )
    assert at == datetime(2019, 3, 11, 17, tzinfo=UTC)


ANSWER = """\
- at: +1h
  team: bcht-health-visiting
  answers: {task: acknowledge, of: discharge}
  move: accept
  by: Farah Malik, health-visitor
  meaning: We visit tomorrow in pairs.
  conversation: {with: Marcia Grant}
"""
SEEN = """\
- at: +1h
  team: {team}
  answers: {{task: acknowledge, of: discharge}}
  move: accept
  by: {by}
  meaning: We know.
  conversation: {{with: Marcia Grant}}
"""


def test_what_is_answered_before_closing_wakes_nobody(told):
    practice = SEEN.format(team="harborne-practice", by="Jo Marsh, general-practitioner")
    told(
        DISCHARGE.format(at="09:30") + ANSWER + practice,
        f"never: {{raised: {{owner: {EDT}}}}}, within: 2d",
        f"never: {{told: {{team: {EDT}}}}}, within: 2d",
    )


def test_what_is_routine_waits_until_the_team_is_there(told):
    told(
        BRUISE.replace("bruising", "isolation")
        .replace("zayn\n", "nasreen\n", 1)
        .replace("with: nasreen", "with: zayn"),
        "told: {team: bcht-health-visiting, of: bruise, without: not a referral}",
        f"never: {{raised: {{owner: {EDT}}}}}, within: 2d",
    )


def test_an_on_call_paediatrician_stands_in_for_a_bruise_where_there_is_one(told):
    step = BRUISE.replace("zayn\n  with: nasreen", "lacey").replace("harborne-practice", "swbh-emergency-department")
    told(
        step.replace("Jo Marsh, general-practitioner", "Ann Lee, doctor"),
        "raised: {task: acknowledge, owner: swbh-paediatrics, of: bruise, saying: out of hours}, within: 1m",
        "never: {raised: {owner: sandwell-emergency-duty-team}}, within: 1d",
    )


@pytest.fixture
def without_duty_team(tmp_path):
    directory = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
    text = directory.read_text()
    own = tmp_path / "own.yaml"
    own.write_text("\n".join(line for line in text.splitlines() if "emergency-duty-team" not in line))
    return own


def test_that_nobody_stands_in_is_an_incident(database_url, without_duty_team):
    incident = "raised: {task: undeliverable, owner: birmingham-partnership, of: bruise, saying: who stands in}"
    text = PEOPLE.replace("homes:", f"directory: {without_duty_team.name}\nhomes:", 1) + BRUISE
    story = reading.parse(text + f"  expect:\n  - {{id: e0, {incident}, within: 1m}}\n", without_duty_team)
    [one] = playing.replay(story, Settings(database_url=database_url, demo=True)).verdicts
    assert (one.met, one.finding.why) == (True, "")


def test_who_stands_in_is_told_nothing_that_sharing_refuses(told):
    """Principle 8: the sender's professional tells only those addressed. That nobody stands in is the partnership's to know, and no more."""
    told(
        BRUISE + "  to: bcht-health-visiting\n  labels: [addressed-only]\n",
        "raised: {task: acknowledge, owner: bcht-health-visiting, of: bruise}",
        f"never: {{told: {{team: {EDT}}}}}, within: 1d",
        f"never: {{raised: {{owner: {EDT}}}}}, within: 1d",
        "raised: {task: undeliverable, owner: birmingham-partnership, of: bruise, saying: who stands in}, within: 1m",
        "told: {team: birmingham-partnership, of: bruise, without: [cheek, Zayn]}, within: 1m",
        "raised: {task: supply-information, owner: harborne-practice, of: bruise, saying: stays yours}, within: 1m",
    )
