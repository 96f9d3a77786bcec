"""Who stands behind a case number is asked of a stand-in service on loopback: silent, late, twice, unknown, ambiguous, somebody else's; on both databases."""

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from adapters.port import Found, Pointer, Record
from adapters.port import Lookup as Wanted
from adapters.probation import Probation
from adapters.registry import ADAPTERS
from broker.bus.embedded import EmbeddedBus
from broker.domain.caller import Caller
from broker.domain.states import DeliveryState, LookupState, PersonState
from broker.domain.tasks import TERMINAL
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import directory_file, lookups, notifications
from broker.storage.tables import Delivery, Lookup, Notification, Responsibility, Subject, Task
from broker.storage.tables import Person as PersonRow
from broker.storage.watchdog import lookups_late
from broker.worker.looking_up import LookingUp
from broker.workflow import intake, looked_up
from broker.workflow.intake import Incoming
from broker.workflow.receive import receive
from schemas.codes import Event, Function, TaskCode
from schemas.examples.cast import AVA, CHLOE, SANDWELL, nhs_number
from schemas.examples.telling import father, mother, tell, together
from schemas.message import Person
from tests import mns
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.unit.channels.receiver import hang_up, receiving, status

TOWN = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
VISITORS, PROBATION, STEWARD = "bcht-health-visiting", "bcrc-probation", "birmingham-partnership"
CMHT = "bsmhft-cmht"
MAN = Person(key="man", identifiers=(nhs_number(77),), family="Cole", given=("Sam",), birth_date=date(1994, 5, 5))
POLICY = default_policy()


def event(event_type: str = "probation-case.sentence.created", crn: str = "X540660", **information: str) -> bytes:
    said = {
        "eventType": event_type,
        "version": 1,
        "occurredAt": "2026-03-02T10:00:00Z",
        "personReference": {"identifiers": [{"type": "CRN", "value": crn}]},
        "additionalInformation": information,
    }
    return json.dumps(said).encode()


def record(**other: object) -> bytes:
    said: dict[str, object] = {
        "identifiers": {"deliusId": 1, "crn": "X540660", "nhsNumber": MAN.identifiers[0].value},
        "name": {"forename": "Sam", "surname": "Cole"},
        "dateOfBirth": "1994-05-05",
        "addresses": [],
    }
    return json.dumps(said | other).encode()


class Area:
    """A family that health visiting knows, with a father who has an NHS number, and a probation service that sends case numbers."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        store.write(lambda session: directory_file.store(session, directory_file.read(TOWN)))
        home = tell(
            "seen", Event.CHILD_CONTACT, VISITORS, NOON - timedelta(days=9), kind="9-12-month",
            subjects=[AVA], people=[CHLOE, MAN], relationships=(*mother(CHLOE, AVA), *father(MAN, AVA)),
            household=together(AVA, CHLOE, MAN),
        )  # fmt: skip
        said = Incoming(
            raw=b"{}", content_type="application/fhir+json", via="fhir", standing="usable", content_hash="1", messages=(home,), key=home.id
        )  # fmt: skip
        self.runtime().store.write(lambda session: self.receive(session, said, VISITORS))

    def runtime(self, base: str | None = None) -> Runtime:
        clients = (
            {name: {"base": base} for name in ("probation-person", "prison-person", "probation-manager", "pds")}
            if base
            else {}
        )
        settings = Settings(
            lookup_clients=clients,
            lookup_timeout_seconds=1,
            lookup_ladder=[timedelta(minutes=1), timedelta(minutes=10)],
        )
        return Runtime(settings, self.store, POLICY, EmbeddedBus(), self.clock)

    def receive(self, session, incoming, team):
        ctx = self.runtime().context(session)
        caller = Caller(client="test", team=team, agency=ctx.directory.teams[team].agency_id)
        return receive(session, ctx, incoming, caller, self.clock())

    def sends(self, raw: bytes):
        incoming = intake.read_native(Probation(), raw, "application/json", {}, self.clock())
        return self.store.write(lambda session: self.receive(session, incoming, PROBATION))

    def rounds(self, answer, times: int = 1) -> list[str]:
        """Rounds of the worker against a service that answers so; the lines of the requests it got."""

        async def go():
            async with receiving(answer) as service:
                run = self.runtime(f"http://127.0.0.1:{service.port}/probation-cases/")
                async with LookingUp(run) as looking:
                    for _ in range(times):
                        await looking.round()
                return [got.line for got in service.got]

        return asyncio.run(go())

    def rows(self, table, *where):
        return self.store.read(lambda session: list(session.exec(select(table).where(*where))))

    def told(self, event: Event) -> set[str]:
        [row] = self.rows(Notification, Notification.event == event)
        states = {d.team_id: d.state for d in self.rows(Delivery, Delivery.notification_id == row.id)}
        return {team for team, state in states.items() if state != "withheld"}

    def looked_up(self) -> list[tuple[LookupState, int]]:
        return [(row.state, row.attempts) for row in self.rows(Lookup)]

    def tasks(self, code: TaskCode) -> list[Task]:
        return self.rows(Task, Task.code == code)

    def reached_nobody(self, event: Event) -> bool:
        """Whether somebody must still find out who should know of it."""
        [row] = self.rows(Notification, Notification.event == event)
        found = [task for task in self.tasks(TaskCode.UNDELIVERABLE) if task.notification_id == row.id]
        assert found
        return any(task.status not in TERMINAL for task in found)

    def counted(self) -> dict[str, int]:
        return {table.__name__: len(self.rows(table)) for table in (Notification, Delivery, Task, Lookup)}


@pytest.fixture
def area(store, clock):
    return Area(store, clock)


def test_what_waits_for_an_answer_is_kept_and_routed_by_what_it_says_and_again_when_the_answer_comes(area):
    assert area.sends(event()).standing == "usable"
    assert VISITORS not in area.told(Event.SUPERVISION_START)
    assert area.reached_nobody(Event.SUPERVISION_START)

    assert area.rounds(status(503)) == ["GET /probation-cases/X540660 HTTP/1.1"]
    assert area.looked_up() == [(LookupState.WAITING, 1)]
    assert area.rounds(hang_up) == []  # not before its time
    area.clock.forward(minutes=1)
    area.rounds(hang_up)
    assert area.looked_up() == [(LookupState.WAITING, 2)]
    area.sends(event("probation-case.sentence.amended"))  # asks nothing more, and waits for the same answer
    assert len(area.rows(Lookup)) == 1

    area.clock.forward(minutes=10)
    area.rounds(status(200, "content-type: application/json", body=record()))
    assert area.looked_up() == [(LookupState.ANSWERED, 3)]
    assert {VISITORS} <= area.told(Event.SUPERVISION_START) & area.told(Event.SUPERVISION_CHANGE)
    assert not area.reached_nobody(Event.SUPERVISION_START)
    [said] = area.rows(Notification, Notification.event == Event.IDENTIFIER_CHANGE)
    assert (said.sender_team_id, said.via) == (PROBATION, "probation/probation-person")
    assert notifications.raw_of(area.store.codec, said) == record()
    assert not [task for task in area.tasks(TaskCode.DATA_QUALITY) if task.notification_id == said.id]


def test_what_is_held_for_release_stays_held_when_it_is_known_whose_it_is(area):
    area.sends(event("probation-case.registration.added", registerTypeCode="MAPP", registrationId="1"))
    area.rounds(status(200, body=record()))
    [row] = area.rows(Notification, Notification.event == Event.CONCERN)
    held = [
        one
        for one in area.rows(Delivery, Delivery.notification_id == row.id)
        if one.cause == "" and one.state != "withheld"
    ]
    assert {one.state for one in held} == {DeliveryState.HELD}
    [task] = area.tasks(TaskCode.RELEASE)
    assert task.owner_team_id == "bcrc-safeguarding-lead"
    assert VISITORS in {one.team_id for one in held}


def test_a_case_that_goes_elsewhere_is_asked_about_although_it_is_known_whose_it_is(area):
    area.sends(event())
    area.rounds(status(200, body=record()))
    area.sends(event("person.community.manager.transferred"))
    officer = {"case": {"crn": "X540660"}, "team": {"code": "N07ACH"}, "unallocated": False}
    [line] = area.rounds(status(200, body=json.dumps(officer).encode()))
    assert line == "GET /probation-cases/X540660 HTTP/1.1"
    [told] = area.rows(Notification, Notification.event == Event.TRANSFER)
    assert told.via == "probation/probation-manager"
    assert area.reached_nobody(Event.TRANSFER)  # that team is not in this directory: a task says so


def test_that_a_number_has_a_name_is_nobodys_news(area):
    """Whoever works with him would learn that probation does."""
    said = tell("works", Event.INVOLVEMENT_START, CMHT, NOON, subjects=[MAN])
    incoming = Incoming(
        raw=b"{}", content_type="application/json", via="fhir", standing="usable", content_hash="3", messages=(said,), key=said.id
    )  # fmt: skip
    area.store.write(lambda session: area.receive(session, incoming, CMHT))
    area.sends(event())
    area.rounds(status(200, body=record()))
    [row] = area.rows(Notification, Notification.event == Event.IDENTIFIER_CHANGE)
    assert {one.team_id: one.state.value for one in area.rows(Delivery, Delivery.notification_id == row.id)}[
        CMHT
    ] == "withheld"


def test_answered_twice_or_late_changes_nothing(area):
    area.sends(event())
    taken = area.store.write(
        lambda session: lookups.take(session, area.store.codec, now=NOON, lease=timedelta(minutes=1), limit=5)
    )
    answer = Found(Record(record(), "application/json"))

    def settle(session):
        return looked_up.answered(
            session, area.runtime().context(session), taken[0], answer,
            adapters=ADAPTERS, ladder=[timedelta(minutes=1)], now=area.clock(),
        )  # fmt: skip

    assert area.store.write(settle) is LookupState.ANSWERED
    before = area.counted()
    area.clock.forward(days=2)
    assert area.store.write(settle) is None
    assert area.rounds(status(200, body=record())) == []
    assert area.counted() == before
    area.sends(event("probation-case.sentence.amended"))  # who it is, is known now
    assert area.looked_up() == [(LookupState.ANSWERED, 1)]
    assert VISITORS in area.told(Event.SUPERVISION_CHANGE)


def test_who_was_said_meanwhile_is_asked_about_no_more(area):
    area.sends(event())
    crn = replace(
        MAN,
        key="man",
        identifiers=(*MAN.identifiers, *Probation().translate(event(), None, {}).messages[0].people[0].identifiers),
    )
    said = tell("says", Event.SUPERVISION_CHANGE, PROBATION, NOON, subjects=[crn], kind="order")
    incoming = Incoming(
        raw=b"{}",
        content_type="application/json",
        via="fhir",
        standing="usable",
        content_hash="2",
        messages=(said,),
        key=said.id,
    )
    area.store.write(lambda session: area.receive(session, incoming, PROBATION))
    assert area.rounds(status(200, body=record())) == []
    assert area.looked_up() == [(LookupState.NEEDLESS, 1)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (status(404), LookupState.UNKNOWN),
        (status(301, "location: http://127.0.0.1:1/other"), LookupState.AMBIGUOUS),
        (status(409), LookupState.AMBIGUOUS),
        (status(200, body=record(identifiers={"crn": "X540661"})), LookupState.REFUSED),
        (status(200, body=record(restrictedTo={"users": []})), LookupState.REFUSED),
        (status(200, body=b"[]"), LookupState.REFUSED),
    ],
)
def test_an_answer_that_says_nobody_is_a_task_and_nobody_is_taken_for_somebody(area, answer, state):
    area.sends(event())
    before = len(area.tasks(TaskCode.DATA_QUALITY))
    assert len(area.rounds(answer, times=2)) == 1  # and no redirect is followed
    assert area.looked_up() == [(state, 1)]
    new = area.tasks(TaskCode.DATA_QUALITY)[before:]
    assert PROBATION in {task.owner_team_id for task in new}
    assert VISITORS not in area.told(Event.SUPERVISION_START)


def test_a_name_and_a_birth_alone_are_for_people(area):
    """Without an NHS number it is a likeness: nobody is told before probation has said that he is the one (decision 7)."""
    area.sends(event())
    area.rounds(status(200, body=record(identifiers={"crn": "X540660"})))
    [task] = area.tasks(TaskCode.RESOLVE_IDENTITY)
    assert task.owner_team_id == PROBATION
    assert VISITORS not in area.told(Event.SUPERVISION_START)


def test_what_nobody_asks_is_found_by_the_watchdog(area):
    area.sends(event())

    def found(now):
        return area.store.read(
            lambda session: [one.team_id for one in lookups_late(session, now, timedelta(minutes=1))]
        )

    assert (found(NOON), found(NOON + timedelta(hours=1))) == ([], [PROBATION])


def test_beyond_the_limit_people_are_told_once_and_it_is_asked_on_and_on(area):
    """Also where no service is configured: what is asked waits for one."""
    area.sends(event())
    looking = LookingUp(area.runtime())
    for _ in range(4):
        asyncio.run(looking.round())
        area.clock.forward(hours=3)
    [row] = area.rows(Lookup)
    assert (row.state, row.attempts, row.last) == (LookupState.WAITING, 4, "not-configured")
    silent = [
        task for task in area.tasks(TaskCode.DATA_QUALITY) if (task.dedupe_key or "").startswith("lookup-silent:")
    ]
    assert {task.owner_team_id for task in silent} == {PROBATION, STEWARD}
    area.rounds(status(200, body=record()))
    assert VISITORS in area.told(Event.SUPERVISION_START)


class Pointing:
    """An adapter whose events say nothing but where to read."""

    kind = "pointing"

    def translate(self, body, *_):
        return Pointer(Wanted(client="probation-person", reference=body.decode()), key="pointer-1", content_key="p")

    def complete(self, *given):
        record = given[-1]
        return Probation().translate(record.body, record.content_type, {})


def test_an_event_that_only_points_to_a_record_is_kept_and_told_when_it_has_been_read(area, monkeypatch):
    monkeypatch.setitem(ADAPTERS, "pointing", Pointing())

    async def go():
        async with receiving(status(200, body=event())) as service:
            base = f"http://127.0.0.1:{service.port}/probation-cases/"
            incoming = intake.read_native(Pointing(), f"{base}1".encode(), "text/plain", {}, area.clock())
            answers = [area.store.write(lambda session: area.receive(session, incoming, PROBATION)) for _ in range(2)]
            async with LookingUp(area.runtime(base)) as looking:
                await looking.round()
            return *answers, [got.line for got in service.got]

    first, second, lines = asyncio.run(go())
    assert (first.standing, second.body, second.repeated) == ("pointed", first.body, True)
    assert b"is asked for, and told when" in first.body
    assert lines == ["GET /probation-cases/1 HTTP/1.1"]
    assert area.looked_up() == [(LookupState.ANSWERED, 1)]
    assert area.reached_nobody(Event.SUPERVISION_START)  # it was taken: nobody here knows of whom it speaks


def test_an_address_that_is_not_the_services_own_is_never_fetched(area, monkeypatch):
    monkeypatch.setitem(ADAPTERS, "pointing", Pointing())
    incoming = intake.read_native(Pointing(), b"http://127.0.0.1:1/probation-cases/1", "text/plain", {}, area.clock())
    area.store.write(lambda session: area.receive(session, incoming, PROBATION))
    assert area.rounds(status(200, body=event())) == []
    assert area.looked_up() == [(LookupState.REFUSED, 1)]
    assert [task.owner_team_id for task in area.tasks(TaskCode.DATA_QUALITY)] == [PROBATION]


def test_a_signal_of_a_death_is_told_to_the_family_s_teams_when_its_record_has_been_read(area):
    """The signal holds an NHS number and is sent as well when a death is removed: alone it tells nobody."""
    number = AVA.identifiers[0].value
    signal = mns.raw(mns.cloud_event("pds-death-notification-2", subject=number, time="2026-03-01T09:30:00Z"))
    born = AVA.birth_date.isoformat()
    record = mns.died("2", identifier=[mns.number(number)], birthDate=born, deceasedDateTime="2026-02-28")
    incoming = intake.read_native(ADAPTERS["health-visiting"], signal, "application/cloudevents+json", {}, area.clock())
    answers = [area.store.write(lambda session: area.receive(session, incoming, VISITORS)) for _ in range(2)]
    assert answers[1].repeated
    assert area.rows(Notification, Notification.event == Event.DEATH) == []

    assert area.rounds(status(200, body=mns.raw(record)), times=2) == [f"GET /probation-cases/{number} HTTP/1.1"]
    [row] = area.rows(Notification, Notification.event == Event.DEATH)
    assert (row.kind, row.sender_team_id) == ("formal", VISITORS)
    assert area.told(Event.DEATH) - {VISITORS}
    [ava] = [person for person in area.rows(PersonRow) if person.state is PersonState.DIED]
    assert ava.id == next(subject.person_id for subject in area.rows(Subject, Subject.notification_id == row.id))


def test_a_registration_as_the_record_has_it_settles_it_whoever_was_told_of_the_change(area):
    """Health visiting's own word would not end another practice's work with a child; the record that its signal points to does."""
    ours, theirs = "harborne-practice", "sandwell-practice"
    said = tell(
        "registered",
        Event.GP_REGISTRATION,
        ours,
        NOON - timedelta(days=5),
        kind="registered",
        subjects=[AVA],
        author=None,
    )
    own = Incoming(
        raw=b"{}", content_type="application/fhir+json", via="fhir", standing="usable", content_hash="2", messages=(said,), key=said.id
    )  # fmt: skip
    area.store.write(lambda session: area.receive(session, own, ours))
    number = AVA.identifiers[0].value
    signal = mns.raw(mns.cloud_event("pds-change-of-gp-2", subject=number, time="2026-03-01T09:30:00Z"))
    incoming = intake.read_native(ADAPTERS["health-visiting"], signal, "application/cloudevents+json", {}, area.clock())
    area.store.write(lambda session: area.receive(session, incoming, VISITORS))
    practice = {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": SANDWELL}
    record = mns.patient(
        number,
        birthDate=AVA.birth_date.isoformat(),
        name=[{"use": "usual", "family": AVA.family, "given": list(AVA.given)}],
        generalPractitioner=[{"type": "Organization", "identifier": practice}],
    )
    area.rounds(status(200, body=mns.raw(record)), times=2)
    held = {
        row.team_id
        for row in area.rows(Responsibility, Responsibility.function == Function.GENERAL_PRACTICE)
        if row.until is None
    }
    assert theirs in held
    assert ours not in held
    assert area.tasks(TaskCode.CONFIRM_INVOLVEMENT) == []
