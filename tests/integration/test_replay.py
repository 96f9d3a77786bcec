"""Stories replayed on both databases: what happens between steps, what is judged when, and what the report says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.errors import BatonError, Misconfigured
from broker.replay import playing, reading, report
from broker.replay.report import Standing
from broker.settings import Settings

PEOPLE = """\
title: A birth that nobody answers
homes:
  terrace: {address: [7 Lightwoods Terrace, Birmingham], postcode: B17 8PS}
people:
  nasreen: {name: Nasreen Begum, born: 1991-03-27, nhs-number: "9990001103", practice: harborne-practice, home: terrace}
  zayn: {name: Zayn Begum, born: 2019-05-06, nhs-number: "9990001200", mother: nasreen, home: terrace}
timeline:
"""
BIRTH = """\
- id: birth
  at: 2019-05-06 13:20
  team: swbh-midwifery
  sends: birth
  about: zayn
  with: nasreen
  by: Alison Frost, midwife
  facts: {birth-weight: 2.41 kg, gestation: 36 weeks}
"""
ANSWER = """\
- id: answer
  at: birth +10d 09:00
  team: bcht-health-visiting
  answers: {task: acknowledge, of: birth}
  move: accept
  by: Farah Malik, health-visitor
  meaning: We see her on the fourteenth day.
  actions:
  - {action: New-birth visit, owner: "Farah Malik, health-visitor", due: +2d}
"""


@pytest.fixture
def settings(database_url):
    return Settings(database_url=database_url, demo=True)


def replayed(settings, *steps):
    story = reading.parse(PEOPLE + "".join(steps), Path("story.yaml"))
    return playing.replay(story, settings)


def expecting(step, *expects):
    return step + "  expect:\n" + "".join(f"  - {{id: e{index}, {expect}}}\n" for index, expect in enumerate(expects))


def verdict(settings, step, expect, *more):
    [one] = replayed(settings, expecting(step, expect), *more).verdicts
    return one


# --- one story on both databases ---------------------------------------------------------------------------------------


def test_a_story_is_played_and_every_kind_of_expect_line_judged(settings):
    found = replayed(
        settings,
        expecting(
            BIRTH,
            "told: {team: bcht-health-visiting, of: birth, saying: Zayn, without: Daniel}",
            "raised: {task: acknowledge, owner: bcht-health-visiting, about: zayn, of: birth, due-within: 3 working days}",
            "stands: {task: acknowledge, of: birth, is: received, is-not: overdue}",
            "stands: {task: acknowledge, of: birth, is: [received, overdue, escalated]}, at: +5d",
            "climbed: {task: acknowledge, of: birth, to: bcht-safeguarding-lead}, within: 1w",
            "never: {raised: {task: release}}, within: 1w",
            "responsible: {person: zayn, function: midwifery, team: swbh-midwifery}",
            "responsible: {person: zayn, function: health-visiting, nobody: not-known}, at: +5d",
        ),
        expecting(
            ANSWER,
            "told: {team: swbh-midwifery, of: birth, saying: fourteenth day}",
            "raised: {task: agreed-action, owner: bcht-health-visiting, saying: new-birth VISIT}",
            "climbed: {task: agreed-action, to: birmingham-partnership}, until: +3w",
        ).replace("{id: e", "{id: f"),
    )
    assert [(one.due.expect.id, one.finding.why) for one in found.verdicts if not one.met] == []
    assert len(found.verdicts) == 11
    assert found.tasks == 3  # and the new-birth contact, of which nobody sends word


def test_what_is_expected_of_the_whole_story_is_judged_at_its_last_step(settings):
    later = "- at: birth +2w\n  silence: Nobody has answered.\n"
    never = (
        "raised: {task: acknowledge}",
        "raised: {task: acknowledge, without: NEW-birth}",
        "climbed: {task: acknowledge}",
        "stands: {task: acknowledge, is: overdue}",
        "stands: {task: release}",
    )
    whole = "throughout:\n" + "".join(f"- {{id: n{at}, never: {{{one}}}}}\n" for at, one in enumerate(never))
    found = replayed(settings, BIRTH, later, whole + "- {id: told, told: {team: bcht-health-visiting, of: birth}}\n")
    met = {one.due.expect.id: one.met for one in found.verdicts}
    assert met == {"n0": False, "n1": True, "n2": False, "n3": False, "n4": True, "told": True}
    assert {(one.due.period.start, one.due.period.end) for one in found.verdicts} == {(found.start, found.end)}
    text = "\n".join(report.lines(found))
    assert "bcht-health-visiting acknowledge: Say who will make the new-birth contact" in text


def test_each_task_that_fits_is_answered_alike_if_the_step_says_so(settings):
    actions = ANSWER.replace(
        "due: +2d}", 'due: +2d}\n  - {action: Clinic, owner: "Farah Malik, health-visitor", due: +2d}'
    )
    each = (
        "- at: +1h\n  team: bcht-health-visiting\n  answers: {task: agreed-action}\n  each: true\n  move: complete\n"
        "  by: Farah Malik, health-visitor\n  text: Done.\n"
    )
    done = expecting(each, "never: {stands: {task: agreed-action, is-not: completed}}")
    assert not replayed(settings, BIRTH, actions, done).unmet


def test_a_person_is_chosen_by_name(settings):
    """Two agencies know her: which of the records it is, is chosen by the name that the file has for her."""
    other = (
        "- at: +1d\n  team: bcht-health-visiting\n  sends: household-update\n  about: zayn\n  with: tom\n"
        "  household: {lives: [zayn, tom]}\n"
    )
    known = "- at: 2019-05-01\n  team: lcrc-probation\n  sends: supervision-end\n  about: tom\n"
    chosen = expecting(
        "- at: +1h\n  team: bcht-health-visiting\n  answers: {task: resolve-identity}\n  move: complete\n"
        "  choice: tom\n  by: Farah Malik, health-visitor\n",
        "never: {stands: {task: resolve-identity, is-not: completed}}",
    )
    text = PEOPLE.replace(
        "timeline:", "  tom: {name: Tom Begum, born: 1990-02-03, case-number: X320741, father: []}\ntimeline:"
    )
    story = reading.parse(text + known + BIRTH + other + chosen, Path("story.yaml"))
    assert not playing.replay(story, settings).unmet


def test_what_was_expected_and_did_not_happen_says_why(settings):
    found = replayed(
        settings,
        expecting(
            BIRTH,
            "raised: {task: transfer}",
            "raised: {task: acknowledge, of: birth}, from: +1d, until: +2d",
            "told: {team: bcht-health-visiting, of: birth, saying: Daniel}",
            "told: {team: lcrc-probation}",
            "climbed: {task: acknowledge, of: birth}, within: 1d",
            "stands: {task: acknowledge, of: birth, is: accepted}",
            "responsible: {person: zayn, function: midwifery, team: bcht-health-visiting}",
            "refused: {}",
            "never: {raised: {task: acknowledge}}",
        ),
    )
    whys = {one.due.expect.id: one.finding.why for one in found.verdicts}
    assert len(found.unmet) == 9
    assert whys["e0"] == "nothing of the kind was raised"
    assert whys["e1"] == "it was raised at 2019-05-06 13:20, outside the time expected"
    assert whys["e2"] == "1 message(s) came, and none says so"
    assert whys["e3"] == "nothing of the kind was told"
    assert whys["e4"].startswith("nothing of the kind was escalated")
    assert whys["e5"] == "it is received"
    assert whys["e6"] == "it is swbh-midwifery"
    assert whys["e7"] == "it was not refused"
    [never] = [one for one in found.verdicts if one.due.expect.id == "e8"]
    assert never.finding.whom == "bcht-health-visiting"


def test_rungs_are_climbed_at_their_own_time_and_not_at_the_next_step(settings):
    one = verdict(settings, BIRTH, "climbed: {task: acknowledge, of: birth, to: bcht-safeguarding-lead}, within: 4w")
    # Born on a bank holiday: due three working days after the next morning at nine by the clocks of summer, the lead a working day later.
    assert one.finding.at == datetime(2019, 5, 13, 8, 0, tzinfo=UTC)


def test_a_child_looked_after_elsewhere_is_asked_for_where_it_lives(settings):
    people = PEOPLE.replace("people:", "  foster: {address: [51 Galton Street, Smethwick], postcode: B66 4QT}\npeople:")
    moved = people.replace(
        "mother: nasreen, home: terrace", "mother: nasreen, home: terrace, moves: [{to: foster, since: 2019-05-10}]"
    )
    placed = """\
- at: 2019-05-10 10:00
  team: birmingham-csc
  sends: looked-after-start
  about: zayn
  by: Sandra Bishop, social-worker
  facts: {placement-type: foster, child-legal-status: accommodated}
  expect:
  - {id: where-it-lives, raised: {task: expected-event, about: zayn, owner: swbh-health-visiting}, within: 2w}
  - {id: no-more-where-it-was, never: {raised: {task: expected-event, about: zayn, owner: bcht-health-visiting}}, within: 2w}
"""
    story = reading.parse(moved + BIRTH + placed, Path("story.yaml"))
    assert not playing.replay(story, settings).unmet


def test_a_system_that_is_down_takes_its_messages_when_it_is_up_again(settings):
    down = "- at: 2019-05-05\n  down: bcht-health-visiting\n  until: 2019-05-08 10:00\n"
    found = replayed(
        settings,
        down,
        expecting(
            BIRTH,
            "stands: {task: acknowledge, of: birth, is: requested}, at: +1d",
            "told: {team: bcht-health-visiting, of: birth}, until: +3d",
            "stands: {task: acknowledge, of: birth, is: received}, at: +2d",
            "raised: {task: undeliverable, of: birth, owner: bcht-safeguarding-lead}, until: +3d",
            "stands: {task: undeliverable, of: birth, is: cancelled}, at: +2d",
        ),
    )
    assert not found.unmet
    at = {one.due.expect.id: one.finding.at for one in found.verdicts}
    assert at["e1"] == datetime(2019, 5, 8, 10, tzinfo=UTC)
    # Sent on a bank holiday: to be delivered a working day after the next morning at nine.
    assert at["e3"] == datetime(2019, 5, 8, 8, tzinfo=UTC)


def test_what_baton_refuses_is_expected_or_an_error(settings):
    without_owner = ANSWER.replace(', owner: "Farah Malik, health-visitor", due: +2d', "")
    expected = without_owner + "  expect: [{id: no-owner, refused: {saying: [owner, due]}}]\n"
    found = replayed(settings, BIRTH, expected)
    assert not found.unmet
    assert found.verdicts[0].finding.whom == "bcht-health-visiting"


def test_a_refusal_that_nothing_expects_ends_the_replay(settings):
    without_owner = ANSWER.replace(', owner: "Farah Malik, health-visitor"', "")
    with pytest.raises(BatonError, match=r"story\.yaml:16 answer: was refused.*agreed-action\[0\]\.owner"):
        replayed(settings, BIRTH, without_owner)


def test_an_answer_to_no_task_ends_the_replay(settings):
    with pytest.raises(BatonError, match=r"story\.yaml:16 answer: 0 open tasks of bcht-health-visiting"):
        replayed(settings, BIRTH, ANSWER.replace("acknowledge", "release"))


def test_a_native_event_comes_through_its_adapter(settings):
    sample = Path(__file__).parents[1] / "samples" / "nems-stu3" / "BirthNotificationWithMother.xml"
    native = (
        "- id: national-feed\n  at: 2019-05-07 08:00\n  team: swbh-midwifery\n  native: midwifery\n"
        f"  file: {sample}\n  type: application/fhir+xml\n"
    )
    found = replayed(settings, expecting(native, "raised: {of: national-feed}"))
    assert not found.unmet


def test_a_team_that_closes_is_told_nothing_more(settings):
    closes = "- at: 2019-05-01\n  closes: bcht-health-visiting\n"
    one = verdict(
        settings, BIRTH.replace("- id", closes + "- id", 1), "never: {told: {team: bcht-health-visiting}}, within: 2w"
    )
    assert one.met


def test_a_database_that_holds_something_is_refused(settings):
    replayed(settings, BIRTH)
    with pytest.raises(Misconfigured, match="empty database"):
        replayed(settings, BIRTH)


# --- the report --------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(tmp_path):
    """A report with one expect line of each standing."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'story.db'}", demo=True)
    return replayed(
        settings,
        expecting(
            BIRTH,
            "case: F8, says: The birth is told., told: {team: bcht-health-visiting, of: birth}",
            "raised: {task: transfer}",
            "raised: {task: expected-event}, not-yet: expected events",
            "raised: {task: acknowledge}, not-yet: a better clock",
            "case: F22, says: The meeting's agenda names them., not-yet: meeting agendas",
        ),
    )


def test_each_expect_line_has_one_standing(told):
    assert [report.standing(one) for one in told.verdicts] == [
        Standing.MET,
        Standing.UNMET,
        Standing.NOT_YET,
        Standing.ALREADY,
        Standing.NOT_YET,
    ]


def test_the_report_for_people_says_each_in_a_line(told):
    text = "\n".join(report.lines(told))
    assert "met         F8   2019-05-06 13:20  e0  bcht-health-visiting\n                 The birth is told." in text
    assert "NOT MET     -    2019-05-06 13:20  e1\n                 nothing of the kind was raised" in text
    assert "not yet     -    2019-05-06 13:20  e2 (expected events)" in text
    assert "MET ALREADY -    2019-05-06 13:20  e3 (a better clock)  bcht-health-visiting" in text
    assert (
        "not yet     F22  2019-05-06 13:20  e4 (meeting agendas)\n                 The meeting's agenda names them."
        in text
    )
    assert text.endswith("1 met, 1 not met, 2 not yet, 1 met already")


def test_the_report_for_programs_has_the_same(told):
    plain = report.as_json(told)
    assert plain["counts"] == {"met": 1, "not met": 1, "not yet": 2, "met already": 1}
    assert (plain["steps"], plain["tasks"], plain["from"]) == (1, 1, "2019-05-06T13:20:00+00:00")
    first, second = plain["expects"][:2]
    assert first == {
        "id": "e0",
        "case": "F8",
        "says": "The birth is told.",
        "step": "birth",
        "cites": [],
        "standing": "met",
        "met": True,
        "waitsFor": None,
        "expectedFrom": "2019-05-06T13:20:00+00:00",
        "expectedUntil": "2019-05-06T13:20:00+00:00",
        "at": "2019-05-06T13:20:00+00:00",
        "to": "bcht-health-visiting",
        "why": None,
    }
    assert (second["met"], second["why"]) == (False, "nothing of the kind was raised")


def test_a_period_lasts_as_long_as_it_says(settings):
    one = verdict(
        settings, BIRTH, "climbed: {task: acknowledge, of: birth, to: bcht-health-visiting}, within: 3d19h40m"
    )
    assert one.met
    assert one.finding.at == one.due.step.at + timedelta(days=3, hours=19, minutes=40)


# --- every answer that a team can give --------------------------------------------------------------------------------

TWINS = """\
title: Two teams talk
homes:
  terrace: {address: [7 Lightwoods Terrace, Birmingham], postcode: B17 8PS}
people:
  nasreen: {name: Nasreen Begum, born: 1991-03-27, nhs-number: "9990001103", practice: harborne-practice, home: terrace}
  zayn: {name: Zayn Begum, born: 2019-05-06, birth-order: 1, nhs-number: "9990001200", mother: nasreen, home: terrace}
  aisha: {name: Aisha Begum, born: 2019-05-06, birth-order: 2, nhs-number: "9990001308", mother: nasreen, home: terrace}
timeline:
- {id: caseload, at: 2019-06-01, team: bcht-health-visiting, sends: involvement-start, about: [zayn, aisha], with: nasreen,
   facts: {involvement-evidence: caseload}}
- {id: transfer, at: +1d, team: bcht-health-visiting, sends: transfer, about: [zayn, aisha], with: nasreen, to: swbh-health-visiting,
   facts: {transfer-reason: moved, concerns: {zayn: false, aisha: false}}}
- {at: +1h, team: swbh-health-visiting, answers: {task: confirm-child, about: zayn}, move: ask, by: "Joanne Pike, health-visitor",
   text: "Is he weighed weekly?"}
- at: +1h
  team: bcht-health-visiting
  answers: {task: confirm-child, about: zayn}
  move: answer
  by: Farah Malik, health-visitor
  text: Not any more.
  expect: [{id: answered, told: {team: swbh-health-visiting, of: transfer, saying: Not any more}}]
- at: +1h
  team: swbh-health-visiting
  answers: {task: confirm-child, about: zayn}
  move: caretake
  by: Joanne Pike, health-visitor
  text: We see him until the flat is theirs.
  due: +30d
  expect: [{id: looked-after, stands: {task: confirm-child, about: zayn, is: [on-hold, caretaking]}}]
- {at: +1h, team: swbh-health-visiting, answers: {task: confirm-child, about: aisha}, move: exclude, by: "Joanne Pike, health-visitor",
   reason: "30013", text: She stays with her father.}
- at: +1h
  team: bcht-health-visiting
  answers: {task: confirm-child, about: aisha}
  move: exclude
  by: Farah Malik, health-visitor
  expect:
  - {id: left-out-by-both, stands: {task: confirm-child, about: aisha, is-not: [requested, received, accepted, on-hold]}}
  - {id: still-birminghams, responsible: {person: aisha, function: health-visiting, team: bcht-health-visiting}}
- {id: bruise, at: +1d, team: bcht-health-visiting, sends: concern, kind: bruising, about: zayn, with: nasreen, by: "Farah Malik, health-visitor",
   facts: {concern-detail: A bruise on the arm., independently-mobile: false, injury-site: Left arm, explanation-given: "None."}}
- at: +2h
  team: bcht-safeguarding-lead
  answers: {task: discuss-with-safeguarding-lead, of: bruise}
  move: complete
  by: Ann Cole, named-nurse
  discussion: {with: Farah Malik, outcome: referred}
  expect: [{id: discussed, stands: {task: discuss-with-safeguarding-lead, of: bruise, is: completed}}]
- {at: +1h, team: harborne-practice, answers: {task: acknowledge, of: bruise}, move: extend, by: "Dr Anil Mehta, general-practitioner",
   text: He is seen on Friday., due: +3d}
- at: +1h
  team: harborne-practice
  answers: {task: acknowledge, of: bruise}
  move: decline
  by: Dr Anil Mehta, general-practitioner
  reason: "30003"
  expect:
  - {id: declined, stands: {task: acknowledge, of: bruise, owner: harborne-practice, is: rejected}}
  - {id: sender-hears, told: {team: bcht-health-visiting, of: bruise, saying: "30003"}}
"""


def test_every_answer_of_a_team_can_be_told(settings):
    story = reading.parse(TWINS, Path("twins.yaml"))
    found = playing.replay(story, settings)
    assert [(one.due.expect.id, one.finding.why) for one in found.unmet] == []
    assert len(found.verdicts) == 7
