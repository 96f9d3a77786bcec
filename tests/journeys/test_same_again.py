"""The same again, at once: systems repeat what they had no answer to, and must find that nothing happened twice.

Contract, "Same message again"; and an answer is only given for what is on disk.
"""

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.engine import make_url
from sqlmodel import Session

from broker.storage import upcoming
from schemas.codes import Event, ResponseReason
from schemas.examples.cast import CHLOE, fixed_id
from schemas.examples.story import MESSAGES
from schemas.examples.telling import tell, when
from schemas.message import Message
from tests.conftest import Clock
from tests.journeys.actors import Office, written
from tests.journeys.brokers import broker
from tests.journeys.copies import Reply, outputs

SAMPLES = Path(__file__).parents[1] / "samples"
PATIENCE = 100.0  # seconds for what comes about by itself, on a busy machine
IN_ORDER = sorted(MESSAGES.values(), key=lambda message: message.sent or message.occurred)
NATIVE = [
    ("midwifery", "swbh-midwifery", "nems-stu3/BirthNotificationWithMother.xml", "application/fhir+xml"),
    ("midwifery", "swbh-midwifery", "nems-stu3/BirthNotificationWithoutMother.xml", "application/fhir+xml"),
    ("health-visiting", "bcht-health-visiting", "nems-stu3/Professional-Contacts-1-new.xml", "application/fhir+xml"),
    ("health-visiting", "bcht-health-visiting", "mns-cloudevents/pdsDeath2Signal.json", "application/cloudevents+json"),
    *(
        ("probation", "bcrc-probation", f"hmpps/{name}.json", "application/json")
        for name in (
            "breach-notice-added",
            "event-allocation-message",
            "prisoner-died",
            "prisoner-released",
            "probation-case.engagement.created",
            "registration-added",
            "sentence-changed",
            "tier-calculation",
        )
    ),
]
T = TypeVar("T")


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What the calls answer when they are made at the same moment."""
    barrier = Barrier(len(calls))

    def wait(call: Callable[[], T]) -> T:
        barrier.wait(timeout=PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(wait, calls))


def told(office: Office) -> dict[str, tuple[int, int]]:
    """How many messages and how many tasks every team has."""
    found = {}
    for name, team in sorted(office.systems.items()):
        numbers = [entry["number"] for entry in team.inbox(after=0, limit=500)]
        assert numbers == list(range(1, len(numbers) + 1))
        tasks = team.get("/fhir/Task", params={"owner": name, "_summary": "count"})["total"]
        found[name] = (len(numbers), tasks)
    return found


def everybody(office: Office) -> None:
    """Sign everybody in, so that calls made at once are the calls alone."""
    for message in IN_ORDER:
        office.system(str(message.sender))
    for team in (
        "bcrc-safeguarding-lead",
        "lcrc-safeguarding-lead",
        "swbh-safeguarding-lead",
        "wmp-police",
        "birmingham-csc",
    ):
        office.system(team)
    for system in office.systems.values():
        system.sign_in()


# --- every kind of message ----------------------------------------------------------------------------------------


def send(office: Office, message: Message) -> Callable[[], Reply]:
    """A call that sends it now."""
    sender = office.system(str(message.sender))
    office.admin.clock.time = max(office.admin.clock(), message.sent or message.occurred)
    body = written(message, office.admin.clock())
    return lambda: sender.posts(body)


def looks(session: Session) -> datetime | None:
    """When the next pattern is looked for."""
    return upcoming.earliest(session, "pattern-look", "pattern-due")


def settled(office: Office) -> None:
    """What a message makes of those before it is seen after its reply, and of several at once: one at a time, so that counts agree."""
    application: FastAPI = office.admin.http.app  # type: ignore[assignment]  # it is the one that was made
    runtime, give_up = application.state.runtime, time.monotonic() + PATIENCE
    while (at := runtime.store.read(looks)) is not None and at <= runtime.now():
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.fixture(scope="module")
def once(sqlite_town, policy, keys, tmp_path_factory) -> dict[str, tuple[int, int]]:
    """What everybody has after every example was sent once."""
    copy = tmp_path_factory.mktemp("once") / "baton.db"
    shutil.copy(sqlite_town, copy)
    with broker(f"sqlite:///{copy}", Clock(when(2017, 7, 1)), policy, keys) as office:
        everybody(office)
        for message in IN_ORDER:
            assert send(office, message)().status == 200
            settled(office)
        return told(office)


def test_every_example_twice_at_once_is_one(office, once):
    everybody(office)
    for message in IN_ORDER:
        call = send(office, message)
        one, other = at_once(call, call)
        assert (one.status, other.status) == (200, 200), message.event
        assert one.body == other.body
        settled(office)
    assert told(office) == once


def test_every_native_sample_twice_at_once_is_one(office, clock):
    clock.time = when(2025, 3, 1)
    for kind, team, sample, content_type in NATIVE:
        system, body = office.system(team), (SAMPLES / sample).read_bytes()
        system.sign_in()
        before = len(system.inbox(after=0, limit=500))
        one, other = at_once(*[lambda: system.sends_native(kind, body, content_type)] * 2)  # noqa: B023 - called at once
        assert (one.status, other.status) == (200, 200), sample
        assert one.body == other.body
        own = [copy.task for copy in system.heard()[before:] if copy.tasks]
        assert len({task["description"] for task in own}) == len(own), sample  # one of each
    assert not office.system("bcrc-probation").heard(Event.DEATH)


def test_in_an_envelope_and_bare_at_once_is_one(office, clock):
    clock.time = when(2025, 3, 1)
    probation = office.system("bcrc-probation")
    probation.sign_in()
    enveloped = (SAMPLES / "hmpps/sentence-changed.json").read_bytes()
    bare = json.loads(enveloped)["Message"].encode()
    one, other = at_once(
        lambda: probation.sends_native("probation", enveloped, "application/json"),
        lambda: probation.sends_native("probation", bare, "application/json"),
    )
    assert (one.status, other.status) == (200, 200)
    assert one.body == other.body
    assert len(probation.tasks("undeliverable")) == 1


# --- identity -----------------------------------------------------------------------------------------------------


def test_the_same_content_in_another_bundle_is_the_same(office, clock):
    midwifery = office.system("swbh-midwifery")
    first = midwifery.tells(MESSAGES["pregnancy-booking"])
    body = written(MESSAGES["pregnancy-booking"], clock.forward(days=3))
    body["id"] = fixed_id("another bundle")
    body["meta"] = {"lastUpdated": "2017-07-30T10:00:00Z"}
    assert midwifery.posts(body).body == first.body


def test_the_same_id_with_other_content_is_refused_and_changes_nothing(office):
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    message = MESSAGES["pregnancy-booking"]
    midwifery.tells(message)
    reply = midwifery.sends(replace(message, facts=message.facts[:-1]))
    assert reply.status == 409
    assert "give the new content a new id" in reply.text
    assert len(visitors.heard()) == 1
    # The identity is the team's own: another may use the same id.
    registered = tell(
        "x", Event.GP_REGISTRATION, "harborne-practice", when(2017, 8, 1), kind="registered", subjects=[CHLOE]
    )
    office.system("harborne-practice").tells(replace(registered, id=message.id))


def test_of_two_contents_with_one_id_at_once_one_is_accepted(office):
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    midwifery.sign_in()
    message = MESSAGES["pregnancy-booking"]
    replies = at_once(send(office, message), send(office, replace(message, facts=message.facts[:-1])))
    assert sorted(reply.status for reply in replies) == [200, 409]
    assert len(visitors.heard()) == 1


def test_a_corrected_message_after_a_refusal_is_new(office, clock):
    midwifery = office.system("swbh-midwifery")
    midwifery.sign_in()
    clock.time = when(2019, 1, 16)
    body = written(MESSAGES["concern"], clock())
    no_event = {name: value for name, value in body["entry"][0]["resource"].items() if name != "eventCoding"}
    unreadable = {**body, "entry": [{**body["entry"][0], "resource": no_event}, *body["entry"][1:]]}
    unroutable = written(replace(MESSAGES["concern"], kind=None), clock())
    for refused, status in ((unreadable, 400), (unroutable, 422)):
        one, other = at_once(*[lambda: midwifery.posts(refused)] * 2)  # noqa: B023 - called at once
        assert (one.status, other.status) == (status, status)
        assert one.body == other.body
        assert one.issues[0]["expression"]
    assert len(midwifery.tasks("data-quality")) == 2  # one for each that was refused
    assert midwifery.posts(body).status == 200


def test_two_agencies_that_first_speak_of_somebody_at_once_speak_of_one_person(office):
    midwifery, practice = office.system("swbh-midwifery"), office.system("harborne-practice")
    registered = tell(
        "reg", Event.GP_REGISTRATION, practice.team, when(2017, 7, 24), kind="registered", subjects=[CHLOE]
    )
    for team in (midwifery, practice):
        team.sign_in()
    replies = at_once(send(office, MESSAGES["pregnancy-booking"]), send(office, registered))
    assert [reply.status for reply in replies] == [200, 200]
    assert midwifery.looks_up(CHLOE)["id"] == practice.looks_up(CHLOE)["id"]


def test_when_everybody_speaks_of_one_family_at_once_everybody_is_accepted(office):
    everybody(office)
    family = [message for message in IN_ORDER if message.event is not Event.WITHDRAW][:36]
    office.admin.clock.time = when(2020, 6, 2)
    for team in office.systems.values():
        team.sign_in()
    calls = [send(office, message) for message in random.Random(1).sample(family, len(family))]
    with ThreadPoolExecutor(12) as pool:
        assert {reply.status for reply in pool.map(lambda call: call(), calls)} == {200}
    assert len({team.looks_up(CHLOE)["id"] for team in office.systems.values() if team.looks_up(CHLOE)}) == 1
    told(office)


# --- answers ------------------------------------------------------------------------------------------------------


def test_of_a_yes_and_a_no_at_once_one_counts_and_the_other_is_told(office):
    office.system("bcht-health-visiting").tells(MESSAGES["child-contact"])
    office.system("swbh-midwifery").tells(MESSAGES["concern"])
    visitors = office.system("bcht-health-visiting")
    task = visitors.copy_of(Event.CONCERN).task
    replies: Sequence[Reply] = at_once(
        lambda: visitors.tries_to_accept(task, "We visit on Monday."),
        lambda: visitors.moves(task, "decline", {"name": "reason", "valueCode": ResponseReason.NOT_KNOWN.value}),
    )
    assert sorted(reply.status for reply in replies) == [200, 409]
    loser = next(reply for reply in replies if reply.status == 409)
    now = visitors.again(task)
    assert f"has ended ({now['status']})" in loser.text
    assert ("meaning" in outputs(now)) == (now["status"] == "completed")
    assert len([copy for copy in office.system("swbh-midwifery").heard(Event.CONCERN) if copy.tasks]) == 1


# --- what is not on disk ------------------------------------------------------------------------------------------


@contextmanager
def commits_fail(url: str) -> Iterator[None]:
    """Every transaction that keeps a notification fails when it commits: the database itself refuses it."""
    engine = sa.create_engine(make_url(url).set(drivername="postgresql+psycopg") if url.startswith("postgres") else url)
    make, drop = _FAULTS[engine.dialect.name]
    with engine.begin() as connection:
        for statement in make:
            connection.execute(sa.text(statement))
    try:
        yield
    finally:
        with engine.begin() as connection:
            for statement in drop:
                connection.execute(sa.text(statement))
        engine.dispose()


_FAULTS = {
    "sqlite": (
        [
            "CREATE TABLE fault (id TEXT REFERENCES agency (id) DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TRIGGER fails AFTER INSERT ON notification BEGIN INSERT INTO fault VALUES ('nowhere'); END",
        ],
        ["DROP TRIGGER fails", "DROP TABLE fault"],
    ),
    "postgresql": (
        [
            "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$",
            "CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON notification DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fails()",
        ],
        ["DROP TRIGGER fails ON notification", "DROP FUNCTION fails"],
    ),
}


def test_what_could_not_be_committed_is_not_answered_as_accepted(office, database_url):
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    with commits_fail(database_url):
        reply = midwifery.sends(MESSAGES["pregnancy-booking"])
        assert reply.status >= 500
        assert reply.text
        assert "disk" not in reply.text
        refused = midwifery.posts({"resourceType": "Bundle"})
        assert refused.status >= 500  # nor is a refusal answered that is not kept
    assert midwifery.looks_up(CHLOE) is None
    assert visitors.heard() == []
    accepted = midwifery.tells(MESSAGES["pregnancy-booking"])
    assert accepted.names("bcht-health-visiting")
    assert [copy.number for copy in visitors.heard()] == [1]
