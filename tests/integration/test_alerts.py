"""What is asked for again and again: no more often than its rule has it, and once for one handover; told as stories, on SQLite alone."""

import shutil
from pathlib import Path

import pytest
from sqlmodel import select

from broker.domain.states import ExpectationState
from broker.replay import reading
from broker.replay.record import SimulatedClock
from broker.replay.run import Player
from broker.replay.timeline import dated
from broker.runtime import Runtime, start
from broker.settings import Settings
from broker.storage.tables import Expectation, Task
from broker.workflow import expect

PEOPLE = """\
title: Nobody sends what is asked for
homes:
  terrace: {address: [7 Lightwoods Terrace, Birmingham], postcode: B17 8PS}
  flat: {address: [2 High Street, Smethwick], postcode: B66 1AA}
people:
  nasreen: {name: Nasreen Begum, born: 1991-03-27, nhs-number: "9990001103", home: terrace}
  zayn: {name: Zayn Begum, born: 2019-05-06, nhs-number: "9990001200", mother: nasreen, home: terrace}
timeline:
"""
LETTER = """\
- id: {id}
  at: {at} 10:00
  team: {team}
  sends: transfer
  kind: health-visiting
  about: zayn
  with: nasreen
  home: flat
  to: {to}
  by: Farah Malik, health-visitor
  facts:
    transfer-reason: moved
    care-summary: No concerns; not weighed since.
    weight: 3480 g on 2019-06-06
    last-contact: 2019-06-06
    concerns: false
    conversation-held: By telephone.
"""
PUT_OFF = """\
- id: put-off
  at: {at} 10:00
  team: swbh-health-visiting
  answers: {{task: expected-event, saying: handed over}}
  move: extend
  by: Joanne Pike, health-visitor
  text: The family is abroad.
  due: {due} 10:00
"""
ACCEPTED = """\
- at: 2019-07-02 10:00
  team: swbh-health-visiting
  answers: {task: confirm-child}
  move: accept
  by: Joanne Pike, health-visitor
  meaning: He is ours.
"""
SEEN = """\
- at: 2019-07-20 10:00
  team: swbh-health-visiting
  sends: child-contact
  kind: new-to-area
  about: zayn
  with: nasreen
  by: Joanne Pike, health-visitor
  household: {lives: [zayn, nasreen]}
  facts: {seen: {zayn: true, nasreen: true}, weight: 5.1 kg, concerns: {zayn: false}}
"""
SILENCE = "- at: {at} 10:00\n  silence: Nobody says anything.\n"
OLD, NEW = "bcht-health-visiting", "swbh-health-visiting"
FIRST = LETTER.format(id="first", at="2019-07-01", team=OLD, to=NEW)
RULE = "new-to-area-contact"


@pytest.fixture
def runtimes():
    """What stories of this test run in."""
    started: list[Runtime] = []
    yield started
    for runtime in started:
        runtime.store.close()


@pytest.fixture
def played(sqlite_template: Path, tmp_path: Path, runtimes: list[Runtime]):
    """Plays these steps; what is expected of the new area at the end, and the messages that asked for it once more."""

    def play(*steps: str) -> tuple[list[Expectation], list[str]]:
        path = tmp_path / "baton.db"
        shutil.copy(sqlite_template, path)
        story = reading.parse(PEOPLE + "".join(steps), Path("story.yaml"))
        clock = SimulatedClock(dated(story.scenario)[0].at)
        runtime = start(Settings(database_url=f"sqlite:///{path}", demo=True), clock=clock)
        runtimes.append(runtime)
        player = Player(story, runtime, clock)
        player.settle_in()
        list(player.play())
        query = select(Expectation).where(Expectation.rule == RULE).order_by(Expectation.opened_at)
        found = runtime.store.read(lambda session: list(session.exec(query)))
        tasks = {one.task_id for one in found}
        asked = [one.cause for one in player.record.heard if one.cause.startswith("alert:")]
        return found, [cause for cause in asked if cause.split(":")[1] in tasks]

    return play


def test_it_is_asked_for_as_often_as_its_rule_has_it_and_then_only_looked_at(played):
    [one], asked = played(FIRST, SILENCE.format(at="2021-07-01"))
    assert (one.state, one.alerts) == (ExpectationState.MISSED, 6)
    assert len(asked) == 5  # the first came with the task
    looks = one.looks_at - one.due_at
    assert looks > expect.QUIETLY  # it goes on being looked at, without a word


def test_what_was_put_off_after_the_last_alert_is_asked_for_at_that_date(played):
    put_off = PUT_OFF.format(at="2020-06-01", due="2020-07-15")
    [one], asked = played(FIRST, put_off, SILENCE.format(at="2021-07-01"))
    assert (one.alerts, len(asked)) == (7, 6)


def test_what_is_asked_for_again_at_that_date_is_reminded_of_before_its_new_one(played, runtimes):
    put_off = PUT_OFF.format(at="2020-06-01", due="2020-07-15")
    [one], _ = played(FIRST, put_off, SILENCE.format(at="2020-07-16"))
    task = runtimes[0].store.read(lambda session: session.get_one(Task, one.task_id))
    assert task.due_at.isoformat() > "2020-07-16"
    assert task.climbs_at == task.remind_at < task.due_at


def test_to_have_accepted_a_child_is_no_first_contact(played):
    [one], asked = played(FIRST, ACCEPTED, SILENCE.format(at="2019-08-20"))
    assert (one.state, one.owed_by, len(asked)) == (ExpectationState.MISSED, NEW, 1)
    assert one.task_id is not None
    assert one.due_at.date().isoformat() == "2019-07-29"  # four weeks after the letter


def test_who_accepted_a_child_and_saw_it_is_asked_nothing(played):
    [one], asked = played(FIRST, ACCEPTED, SEEN, SILENCE.format(at="2019-08-20"))
    assert (one.state, one.task_id, asked) == (ExpectationState.MET, None, [])


def test_a_second_letter_about_one_handover_asks_for_no_second_contact(played):
    again = LETTER.format(id="again", at="2019-07-10", team=OLD, to=NEW)
    found, _ = played(FIRST, again, SILENCE.format(at="2019-07-20"))
    assert len(found) == 1


def test_a_handover_to_another_team_asks_that_one_too(played):
    back = LETTER.format(id="back", at="2019-07-10", team=NEW, to=OLD)
    found, _ = played(FIRST, back, SILENCE.format(at="2019-07-20"))
    assert sorted(one.owed_by for one in found) == [OLD, NEW]
