"""Every request of a story is replayed as every other team: not one id or name more than it may have, and what is not for it cannot be told from what is not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from broker.storage.tables import Delivery, Household, Membership, Notification, Person, Subject, Task
from tests.conftest import NOON
from tests.contract.calling import Broker, message, sender, sent_at
from tests.security.test_scoping import seen, shown_to, tied_to

STORY = ("pregnancy-booking", "supervision-start", "mental-health-admission", "birth", "concern", "transfer")
LISTS = (
    "/mailbox/inbox?after=0&limit=500",
    "/mailbox/inbox",
    "/fhir/Task?_count=100",
    "/fhir/Task?_summary=count",
    "/fhir/AuditEvent?_count=20",
    "/reports/births",
    "/reports/expectations",
    "/reports/agenda",
)
NOT_TOLD = ("withheld", "held")


@dataclass
class Recorded:
    """A town, what was asked in it by whom, and for each team what it may know of: by the rows alone."""

    broker: Broker
    teams: list[str]
    asked: dict[str, set[str]] = field(default_factory=dict)
    """Path → teams that asked it in the story."""

    def get(self, path: str, team: str) -> Any:
        """Ask, and remember."""
        self.asked.setdefault(path, set()).add(team)
        return self.broker.call("GET", path, team)


@pytest.fixture(scope="module")
def story(shared_broker: Broker) -> Recorded:
    broker = shared_broker
    for bundle in sorted(map(message, STORY), key=sent_at):
        broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
        assert broker.post(bundle, sender(bundle)).status_code == 200
    broker.clock.time = NOON
    directory = broker.runtime.store.read(broker.runtime.context).directory
    told = Recorded(broker, sorted(directory.teams))
    for team in sorted(
        {row.team_id for row in broker.rows(Delivery)} | {row.sender_team_id for row in broker.rows(Notification)}
    ):
        for path in LISTS:
            told.get(path, team)
        for path in _own(broker, team):
            told.get(path, team)
    return told


def _own(broker: Broker, team: str) -> Iterator[str]:
    """What a team opens of what it was given."""
    for row in broker.rows(Delivery, team_id=team):
        if row.state not in NOT_TOLD:
            yield f"/mailbox/inbox/{row.id}"
    for row in broker.rows(Task, owner_team_id=team):
        yield f"/fhir/Task/{row.id}"
        yield f"/fhir/Flag?patient={row.person_id}" if row.person_id else "/fhir/Task?_count=100"
        yield (
            f"/responsibility?person={row.person_id}&function=health-visiting"
            if row.person_id
            else "/fhir/Task?_count=100"
        )
        if row.code == "transfer":
            yield f"/transfers/{row.id}/summary"
    for row in broker.rows(Household):
        if team in tied_to(broker, row.id):
            yield from (f"/households/{row.id}", f"/households/{row.id}/chronology")


@dataclass
class Known:
    """What is whose, by the rows alone; nothing of the rules that decide is asked."""

    broker: Broker
    everything: set[str] = field(init=False)
    homes: dict[str, set[str]] = field(init=False)
    members: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        broker = self.broker
        self.everything = set().union(
            *(broker.ids(table) for table in (Delivery, Task, Person, Household, Notification))
        )
        self.homes = {row.id: tied_to(broker, row.id) for row in broker.rows(Household)}
        self.members = {home: {m.person_id for m in broker.rows(Membership, household_id=home)} for home in self.homes}

    def of(self, team: str) -> set[str]:
        """Ids that a team may meet: its own deliveries and tasks, homes that it is tied to, whom its messages are about."""
        broker = self.broker
        mine = [row for row in broker.rows(Delivery, team_id=team) if row.state not in NOT_TOLD]
        sent = [row for row in broker.rows(Notification) if row.sender_team_id == team]
        notes = {row.notification_id for row in mine} | {row.id for row in sent}
        tasks = [row for row in broker.rows(Task) if team in shown_to(broker, row)]
        homes = {home for home, teams in self.homes.items() if team in teams}
        persons = {row.person_id for row in broker.rows(Subject) if row.notification_id in notes}
        persons |= {row.person_id for row in tasks} | set().union(*(self.members[home] for home in homes))
        near = {home for home, there in self.members.items() if there & persons}
        persons |= set().union(*(self.members[home] for home in near))
        ids = (
            {row.id for row in (*mine, *sent, *tasks)}
            | {row.delivery_id for row in tasks}
            | {row.part_of for row in tasks}
        )
        about = {row.notification_id for row in tasks}
        return ids | homes | near | persons | notes | about


@pytest.fixture(scope="module")
def known(story: Recorded) -> Known:
    return Known(story.broker)


def replays(story: Recorded) -> Iterator[tuple[str, str]]:
    """Each recorded path with every team that did not ask it: lists with all, the rest with every fifth in turn and all who asked anything."""
    active = set().union(*story.asked.values())
    for index, (path, asked) in enumerate(sorted(story.asked.items())):
        others = [team for team in story.teams if team not in asked]
        chosen = (
            others
            if path in LISTS
            else [t for i, t in enumerate(others) if (i + index) % 5 == 0 or (t in active and (i + index) % 2)]
        )
        yield from ((path, team) for team in chosen)


def unknown(path: str, known: Known) -> str:
    """The same address with ids that nobody has."""
    for id_ in known.everything:
        path = path.replace(id_, str(uuid4()))
    return path


def test_no_other_team_gets_an_id_more_than_is_its_own(story, known):
    tried = 0
    for path, team in replays(story):
        answer = story.broker.call("GET", path, team)
        tried += 1
        assert answer.status_code in (200, 404), (path, team)
        if answer.status_code == 200:
            own = known.of(team)
            asked = {id_ for id_ in known.everything if id_ in path}
            foreign = {id_ for id_ in known.everything - own - asked if id_ in answer.text}
            assert not foreign, (path, team)
            assert "?" in path or asked <= own, f"{path} is there for {team}"  # a search finds nothing
    assert tried > 300


def test_what_is_not_theirs_is_answered_as_what_is_not_there_by_the_same_statements(story, known):
    """Status, bytes and headers are equal, and so are the statements that were run, in their order: no time to measure."""
    compared = 0
    for path, team in replays(story):
        if path in LISTS or compared > 120:
            continue
        found, statements = counted(story.broker, path, team)
        if found.status_code != 404:
            continue
        nowhere, others = counted(story.broker, unknown(path, known), team)
        assert seen(found) == seen(nowhere), (path, team)
        if not path.startswith("/households"):
            assert statements == others, (path, team)
        compared += 1
    assert compared > 50


def counted(broker: Broker, path: str, team: str) -> tuple[Any, list[str]]:
    """The answer, and the statements that it took."""
    run: list[str] = []
    engine = broker.runtime.store.engine

    def note(_connection, _cursor, statement, *_more):
        run.append(statement)

    broker.headers(team)
    event.listen(engine, "before_cursor_execute", note)
    try:
        return broker.call("GET", path, team), run
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_counters_count_what_the_rows_say_is_theirs(story):
    for team in story.teams:
        mine = [row for row in story.broker.rows(Task) if team in shown_to(story.broker, row)]
        assert story.broker.call("GET", "/fhir/Task?_summary=count", team).json()["total"] == len(mine)
        box = [row for row in story.broker.rows(Delivery, team_id=team) if row.state not in NOT_TOLD]
        listed = story.broker.call("GET", "/mailbox/inbox?after=0&limit=500", team).json()["messages"]
        assert [one["number"] for one in listed] == list(range(1, len(box) + 1))


def test_refused_writes_change_nothing_and_say_nothing(story, known):
    rows = sorted(story.broker.rows(Task), key=lambda row: row.id)
    before = {row.id: row.version for row in rows}
    for index, row in enumerate(rows[::3]):
        for team in story.teams[index % 6 :: 6]:
            if team in shown_to(story.broker, row):
                continue
            moves = [
                story.broker.call(
                    "POST",
                    f"/fhir/Task/{id_}/$open",
                    team,
                    content=b'{"resourceType":"Parameters"}',
                    headers={"Content-Type": "application/fhir+json"},
                )
                for id_ in (row.id, str(uuid4()))
            ]
            assert seen(moves[0]) == seen(moves[1])
            assert moves[0].status_code == 404
    assert {row.id: row.version for row in story.broker.rows(Task)} == before
