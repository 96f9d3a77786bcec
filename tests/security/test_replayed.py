"""Every request of a story is replayed as every other agency, by one of its teams (all in `make deep`): not one id more than it may have, and what is not for it cannot be told from what is not."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from broker.storage.tables import Delivery, Household, Membership, Notification, Person, Subject, Task
from schemas.identifiers import NHS_NUMBER
from tests.conftest import NOON
from tests.contract.calling import Broker, Json, message, sender, sent_at
from tests.security.test_scoping import seen as seen_of
from tests.security.test_scoping import shown_to, tied_to

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


SEARCHES = ("/fhir/Task/_search", "/fhir/Flag/_search", "/fhir/Patient/_search", "/fhir/AuditEvent/_search")
EVERY_TEAM = os.environ.get("BATON_REPLAYED") == "full"
"""Each request as every other team (`make deep`); else as one of every agency, and lists as every team all the same."""
NEVER_GIVEN = "9990000018"
"""An NHS number that nobody in the story has."""


@dataclass(frozen=True, order=True)
class Request:
    """What was asked: an address, and of a search by POST what stood in its body."""

    path: str
    form: str | None = None

    @property
    def text(self) -> str:
        """All that was said."""
        return f"{self.path} {self.form or ''}"

    def put(self, broker: Broker, team: str) -> Any:
        """The answer to it for a team."""
        if self.form is None:
            return broker.call("GET", self.path, team)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return broker.call("POST", self.path, team, content=self.form.encode(), headers=headers)


@dataclass
class Recorded:
    """A town, what was asked in it by whom, and for each team what it may know of: by the rows alone."""

    broker: Broker
    agencies: dict[str, list[str]]
    """Agency → its teams."""
    asked: dict[Request, set[str]] = field(default_factory=dict)
    """Request → teams that asked it in the story and were answered."""

    @property
    def teams(self) -> list[str]:
        """All there are."""
        return sorted(team for teams in self.agencies.values() for team in teams)

    def ask(self, request: Request, team: str) -> None:
        """Ask, and remember who got something."""
        asked = self.asked.setdefault(request, set())
        if request.put(self.broker, team).status_code == 200:
            asked.add(team)


@pytest.fixture(scope="module")
def story(shared_broker: Broker) -> Recorded:
    broker = shared_broker
    bundles = sorted(map(message, STORY), key=sent_at)
    for bundle in bundles:
        broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
        assert broker.post(bundle, sender(bundle)).status_code == 200
    broker.clock.time = NOON
    agencies: dict[str, list[str]] = {}
    for team in broker.runtime.store.read(broker.runtime.context).directory.teams.values():
        agencies.setdefault(team.agency_id, []).append(team.id)
    told = Recorded(broker, {agency: sorted(teams) for agency, teams in sorted(agencies.items())})
    for team in sorted(
        {row.team_id for row in broker.rows(Delivery)} | {row.sender_team_id for row in broker.rows(Notification)}
    ):
        for path in LISTS:
            told.ask(Request(path), team)
        for request in _own(broker, team):
            told.ask(request, team)
    for bundle in bundles:
        for number in numbers(bundle):
            told.ask(Request("/fhir/Patient/_search", form=f"identifier={NHS_NUMBER}|{number}"), sender(bundle))
    return told


def numbers(bundle: Json) -> set[str]:
    """The NHS numbers that a message says."""
    said = (i for e in bundle["entry"] for i in e["resource"].get("identifier", []) if isinstance(i, dict))
    return {i["value"] for i in said if i.get("system") == NHS_NUMBER}


def _own(broker: Broker, team: str) -> Iterator[Request]:
    """What a team opens of what it was given."""
    for row in broker.rows(Delivery, team_id=team):
        if row.state not in NOT_TOLD:
            yield Request(f"/mailbox/inbox/{row.id}")
    for row in broker.rows(Task, owner_team_id=team):
        yield Request(f"/fhir/Task/{row.id}")
        yield Request("/fhir/AuditEvent/_search", form=f"entity=Task/{row.id}")
        if row.person_id:
            yield Request(f"/fhir/Flag?patient={row.person_id}")
            yield Request("/fhir/Flag/_search", form=f"patient={row.person_id}")
            yield Request("/fhir/Task/_search", form=f"patient={row.person_id}")
        if row.code == "transfer":
            yield Request(f"/transfers/{row.id}/summary")
    for row in broker.rows(Household):
        if team in tied_to(broker, row.id):
            yield from (Request(f"/households/{row.id}"), Request(f"/households/{row.id}/chronology"))
            for member in broker.rows(Membership, household_id=row.id, state="current"):
                yield Request(f"/responsibility?person={member.person_id}&function=health-visiting")


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


@dataclass(frozen=True)
class Replayed:
    """A recorded request by a team that did not make it: the answer, and the statements that it took, in their order."""

    request: Request
    team: str
    answer: Any
    statements: list[str]


def others(story: Recorded, request: Request, turn: int) -> Iterator[str]:
    """Teams that did not ask it: one of every agency, another one each turn, or all of them."""
    for teams in story.agencies.values():
        left = [team for team in teams if team not in story.asked[request]]
        if EVERY_TEAM or request.path in LISTS:
            yield from left
        elif left:
            yield left[turn % len(left)]


@pytest.fixture(scope="module")
def replayed(story: Recorded) -> list[Replayed]:
    return [
        Replayed(request, team, *counted(story.broker, request, team))
        for turn, request in enumerate(sorted(story.asked, key=lambda one: one.text))
        for team in others(story, request, turn)
    ]


def counted(broker: Broker, request: Request, team: str) -> tuple[Any, list[str]]:
    """The answer, and the statements that it took."""
    run: list[str] = []
    engine = broker.runtime.store.engine

    def note(_connection, _cursor, statement, *_more):
        run.append(statement)

    broker.headers(team)
    event.listen(engine, "before_cursor_execute", note)
    try:
        return request.put(broker, team), run
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_every_request_is_tried_by_every_other_agency(story, replayed):
    """But for agencies all of whose teams asked it themselves."""
    agency_of = {team: agency for agency, teams in story.agencies.items() for team in teams}
    tried: dict[Request, set[str]] = {}
    for one in replayed:
        tried.setdefault(one.request, set()).add(agency_of[one.team])
    for request, asked in story.asked.items():
        assert tried[request] == {agency for agency, teams in story.agencies.items() if set(teams) - asked}, request
    paths = {one.request.path for one in replayed}
    assert paths >= {*LISTS, *SEARCHES}
    assert any(path.endswith("/chronology") for path in paths)
    assert any(path.startswith("/responsibility") for path in paths)


def test_no_other_team_gets_an_id_more_than_is_its_own(known, replayed):
    own = {team: known.of(team) for team in {one.team for one in replayed}}
    for one in replayed:
        path, team = one.request.path, one.team
        assert one.answer.status_code in (200, 404), (path, team)
        if one.answer.status_code == 200:
            asked = {id_ for id_ in known.everything if id_ in one.request.text}
            foreign = {id_ for id_ in known.everything - own[team] - asked if id_ in one.answer.text}
            assert not foreign, (path, team)
            search = "?" in path or one.request.form is not None  # it finds nothing
            assert search or asked <= own[team], f"{path} is there for {team}"


def test_what_is_not_theirs_is_answered_as_what_is_not_there_by_the_same_statements(story, known, replayed):
    """Status, bytes and headers are equal, and so are the statements that were run, in their order: no time to measure."""
    compared: Counter[str] = Counter()
    for one in replayed:
        if one.request.path in LISTS or not nothing(one.answer):
            continue
        missing, names = unknown(one.request, known)
        nowhere, statements = counted(story.broker, missing, one.team)
        assert seen(one.answer) == seen(nowhere, names), (one.request, one.team)
        assert one.statements == statements, (one.request, one.team)
        compared[one.request.path.split("?")[0].split("/")[1]] += 1
    assert {"mailbox", "fhir", "households", "responsibility", "transfers"} <= compared.keys(), compared
    assert compared.total() > 500, compared


def nothing(answer: Any) -> bool:
    """Not there, or a search that found nothing."""
    return answer.status_code == 404 or answer.json().get("total") == 0


def unknown(request: Request, known: Known) -> tuple[Request, dict[str, str]]:
    """The same request with ids and numbers that nobody has, and for each of these the one in whose place it stands."""
    names = {str(uuid4()): id_ for id_ in known.everything if id_ in request.text}
    if NHS_NUMBER in request.text:
        names[NEVER_GIVEN] = request.text.rpartition("|")[2]
    path, form = request.path, request.form
    for new, old in names.items():
        path, form = path.replace(old, new), form and form.replace(old, new)
    return Request(path, form), names


def seen(answer: Any, names: Mapping[str, str] = MappingProxyType({})) -> tuple[int, bytes, dict[str, str]]:
    """All that a caller can tell of an answer, with what it asked for by these other names."""
    status, said, headers = seen_of(answer)
    for new, old in names.items():
        said = said.replace(new.encode(), old.encode())
    return status, said, headers


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
    for turn, row in enumerate(rows):
        for teams in story.agencies.values():
            team = teams[turn % len(teams)]
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
