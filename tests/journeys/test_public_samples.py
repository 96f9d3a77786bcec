"""Messages that nobody of this project wrote, through HTTP only: teams are onboarded, the public samples posted, and everybody answers.

Births as the National Events Management Service sends them, supervision as HMPPS publishes it, bare and in an SNS envelope.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.codes import Event, LawfulBasis, ResponseReason
from schemas.examples.cast import CHLOE, crn, living
from schemas.examples.telling import fact, father, mother, tell, together, when
from schemas.message import Person, PostalAddress
from tests.journeys.actors import Action, Somebody
from tests.journeys.copies import business_status, due, inputs, is_open, milestones, requester

SAMPLES = Path(__file__).parents[1] / "samples"
DIRECTORY = Path(__file__).parent / "leeds.yaml"
BIRTH = (SAMPLES / "nems-stu3/BirthNotificationWithMother.xml").read_bytes()
BIRTH_WITHOUT_MOTHER = (SAMPLES / "nems-stu3/BirthNotificationWithoutMother.xml").read_bytes()
ALLOCATED = (SAMPLES / "hmpps/event-allocation-message.json").read_bytes()
XML, JSON = "application/fhir+xml", "application/json"


@pytest.fixture
def start():
    """An empty database."""
    return "template"


@pytest.fixture
def leeds(office):
    """Everybody of a city that the samples speak of, onboarded over HTTP."""
    for team in office.onboard_directory(DIRECTORY):
        office.onboard(team)
    return office


def numbers(team):
    """Numbers of everything in a mailbox."""
    return [entry["number"] for entry in team.inbox(after=0, limit=500)]


def test_a_birth_is_polled_taken_opened_asked_about_and_acknowledged(leeds, clock):
    clock.time = datetime(2017, 10, 2, 20, 30, tzinfo=UTC)
    midwifery, visitors, practice = (
        leeds.system(f"leeds-{name}") for name in ("midwifery", "health-visiting", "practice")
    )
    reply = midwifery.sends_native("midwifery", BIRTH, XML)
    assert reply.status == 200
    assert all(reply.names(team) for team in ("leeds-health-visiting", "leeds-practice", "leeds-child-health"))

    [entry] = visitors.inbox()
    assert (entry["number"], entry["purpose"]) == (1, "action")
    copy = visitors.reads(entry)
    assert copy.event is Event.BIRTH
    assert copy.facts["birth-weight"] == 3980
    visitors.takes(entry)
    assert visitors.inbox() == []
    visitors.opens(copy.task)
    visitors.asks(copy.task, "Does the family stay in Leeds?")

    question = midwifery.task("supply-information")
    assert inputs(question, "question") == ["Does the family stay in Leeds?"]
    midwifery.answers(question, "Yes, at Sandmoor Drive.")
    visit = Action("New-birth visit", Somebody("Ruth Lane", "health-visitor"), clock() + timedelta(days=11))
    visitors.accepts(copy.task, "First child, a full-term boy.", visit)

    [seen] = midwifery.waits_for("acknowledge")  # what the sender sees of each recipient that has to answer
    assert (seen["status"], business_status(seen)) == ("accepted", "actions-open")
    assert {"delivered", "opened", "answered"} == set(milestones(seen))
    visitors.does(visitors.task("agreed-action"), "Visited: well, gaining weight.")
    assert not is_open(midwifery.again(seen))
    told = [copy.task["status"] for copy in midwifery.heard(Event.BIRTH) if copy.task["id"] == seen["id"]]
    assert told[-1] == "completed"  # and as messages of its mailbox
    assert practice.copy_of(Event.BIRTH).purpose == "information"
    assert not practice.tasks()


def test_numbers_have_no_gaps_and_everything_can_be_read_again(leeds, clock):
    clock.time = datetime(2020, 1, 13, 15, 0, tzinfo=UTC)
    midwifery, visitors = leeds.system("leeds-midwifery"), leeds.system("leeds-health-visiting")
    for sample in (BIRTH, BIRTH_WITHOUT_MOTHER, BIRTH):
        assert midwifery.sends_native("midwifery", sample, XML).status == 200
    visitors.asks(visitors.task("acknowledge"), "Which ward?")
    midwifery.answers(midwifery.task("supply-information"), "None, they are at home.")
    before = [copy.body for copy in visitors.heard()]
    visitors.takes()
    assert [copy.body for copy in visitors.heard()][1:] == before[
        1:
    ]  # the first brings its task, which has been delivered since
    for team in leeds.systems.values():
        assert numbers(team) == list(range(1, len(numbers(team)) + 1))
    half = len(before) // 2
    assert [entry["number"] for entry in visitors.inbox(after=half)] == numbers(visitors)[half:]


def test_of_a_baby_that_died_nobody_is_asked_for_a_visit(leeds, clock):
    """The public sample without a known mother says that the baby has died."""
    clock.time = datetime(2020, 1, 13, 15, 0, tzinfo=UTC)
    reply = leeds.system("leeds-midwifery").sends_native("midwifery", BIRTH_WITHOUT_MOTHER, XML)
    assert reply.status == 200
    assert any("deceased" in path for issue in reply.issues for path in issue.get("expression", []))
    visitors = leeds.system("exeter-health-visiting")
    assert visitors.copy_of(Event.BIRTH).purpose == "information"
    assert not visitors.tasks("acknowledge")


def test_an_event_of_probation_in_an_envelope_and_bare_is_one_and_reaches_the_family(leeds, clock):
    """A father with a case number; what HMPPS says of the case reaches those who work for his child, and one of them declines."""
    clock.time = datetime(2022, 7, 28, 12, 0, tzinfo=UTC)
    home = PostalAddress(lines=("1 Street Lane", "Leeds"), postcode="LS17 6BA")
    parent = living(replace(CHLOE, practice="B86056"), home)
    child = Person(key="child", family="Hartley", given=("Eve",), birth_date=when(2021, 9, 1).date(), addresses=(home,))
    man = Person(
        key="man", identifiers=(crn("X540660"),), family="Cole", given=("Sam",), birth_date=when(1994, 5, 5).date()
    )
    visitors, probation, practice = (
        leeds.system(f"leeds-{name}") for name in ("health-visiting", "probation", "practice")
    )
    visitors.tells(
        tell("seen", Event.CHILD_CONTACT, visitors.team, when(2022, 7, 1), kind="9-12-month", subjects=[child],
             people=[parent], relationships=mother(parent, child), household=together(child, parent))
    )  # fmt: skip
    probation.tells(
        tell("lives-there", Event.SUPERVISION_START, probation.team, when(2022, 7, 20), subjects=[man], people=[parent, child],
             relationships=father(man, child), household=together(man, parent, child),
             basis=LawfulBasis.CHILDREN_ACT_2004_S16LA, facts=(fact("substance-misuse", "Heroin; on a script.", man),))
    )  # fmt: skip
    probation.chooses(probation.task("confirm-household"), "confirm")
    task = practice.copy_of(Event.SUPERVISION_START).task
    practice.declines(task, ResponseReason.NOT_KNOWN, "He is registered elsewhere.")
    assert visitors.copy_of(Event.SUPERVISION_START).facts["substance-misuse"] == "Heroin; on a script."

    enveloped = probation.sends_native("probation", ALLOCATED, JSON)
    bare = probation.sends_native("probation", json.loads(ALLOCATED)["Message"].encode(), JSON)
    assert (enveloped.status, bare.status) == (200, 200)
    assert bare.body == enveloped.body
    for team in (visitors, practice):
        copy = team.copy_of(Event.SUPERVISION_CHANGE)  # once
        assert copy.silent_about("X540660")
        assert "sam" in copy.text


def test_a_case_that_nobody_here_knows_is_an_incident_and_not_a_success(leeds, clock):
    clock.time = datetime(2023, 9, 20, 16, 0, tzinfo=UTC)
    probation = leeds.system("leeds-probation")
    registered = (SAMPLES / "hmpps/registration-added.json").read_bytes()
    assert probation.sends_native("probation", registered, JSON).status == 200
    task = probation.task("undeliverable")
    assert "reached nobody" in task["description"]
    assert leeds.system("leeds-probation-safeguarding-lead").task("undeliverable")
    assert requester(task) is None
    assert due(task) > clock()


@pytest.mark.parametrize(
    ("sample", "status"),
    [
        ("hmpps/tier-calculation.json", 200),
        ("hmpps/recall-domain-calculation-event.json", 400),
        ("hmpps/cas3-person-arrived.json", 200),  # its address is asked for
    ],
)
def test_what_is_none_of_our_business_is_ignored_and_what_cannot_be_read_becomes_a_task(leeds, clock, sample, status):
    clock.time = datetime(2025, 3, 1, tzinfo=UTC)
    probation = leeds.system("leeds-probation")
    reply = probation.sends_native("probation", (SAMPLES / sample).read_bytes(), JSON)
    assert reply.status == status
    assert reply.issues
    assert len(probation.tasks("data-quality")) == (0 if status == 200 else 1)
    assert len(leeds.system("leeds-partnership").tasks("data-quality")) == (0 if status == 200 else 1)
