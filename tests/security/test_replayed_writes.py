"""Every write of a story, by systems and on pages, is first tried by teams that may not know of it: nothing changes, and what is there cannot be told from what is not.

A team of every agency tries each move on the first task of a kind, each update, receipt and message; of the other tasks, and on pages,
a third of the agencies in turn. In `make deep` every other team tries each.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from broker.storage.tables import Delivery, Escalation, Notification, Task, metadata
from tests.conftest import NOON
from tests.contract.calling import ADMIN_SCOPES, FHIR, Broker, Json, message, opened, sender, sent_at, town_copy
from tests.contract.task_calls import practitioner
from tests.contract.visiting import Visitor, employ, filled, visitor
from tests.security.test_replayed import EVERY_TEAM
from tests.security.test_scoping import STORY as READ_STORY
from tests.security.test_scoping import seen, shown_to

STORY = tuple(one for one in READ_STORY if one != "mental-health-discharge-incomplete")
WRITTEN_BY_READING = frozenset(
    {"audit", "auditleaf", "auditseal", "pagesession", "accesstoken", "client", "account", "mailboxnumber"}
)
"""What calling and signing in alone leave: everything else is what a write would change."""


@dataclass
class Recorded:
    """A town, and the writes of those who may, each tried by the others before it was made."""

    broker: Broker
    agencies: dict[str, list[str]]
    """Agency → its teams."""
    made: Counter[str] = field(default_factory=Counter)
    tried: int = 0

    def strangers(self, insiders: set[str | None], turn: int) -> Iterator[str]:
        """A team of every agency that may not know of it, another one each turn, or all of them (`make deep`)."""
        for teams in self.agencies.values():
            outside = [team for team in teams if team not in insiders]
            if EVERY_TEAM:
                yield from outside
            elif outside:
                yield outside[turn % len(outside)]


@pytest.fixture
def story(request, tmp_path) -> Iterator[Recorded]:
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        for bundle in sorted(map(message, STORY), key=sent_at):
            broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
            assert broker.post(bundle, sender(bundle)).status_code == 200
        broker.clock.time = NOON
        directory = broker.runtime.store.read(broker.runtime.context).directory
        agencies: dict[str, list[str]] = {}
        for team in sorted(directory.teams.values(), key=lambda one: one.id):
            agencies.setdefault(team.agency_id, []).append(team.id)
        assert len(agencies) > 10
        yield Recorded(broker, agencies)


def state(broker: Broker) -> dict[str, str]:
    """Every row of every table that a write could change, as a hash a table."""
    with broker.runtime.store.engine.connect() as connection:
        return {
            table.name: sha256(repr(sorted(map(repr, connection.execute(select(table))))).encode()).hexdigest()
            for table in metadata.sorted_tables
            if table.name not in WRITTEN_BY_READING
        }


def insiders(broker: Broker, task: Task) -> set[str | None]:
    """Whoever may know of a task by its rows."""
    return {*shown_to(broker, task), *(row.team_id for row in broker.rows(Escalation, task_id=task.id))}


# --- systems --------------------------------------------------------------------------------------------------------


def words(name: str) -> Json:
    return {"name": name, "valueString": "Said by nobody."}


def coded(name: str, value: str) -> Json:
    return {"name": name, "valueCode": value}


LATER = {"name": "due", "valueDateTime": "2026-03-20T12:00:00Z"}
CONVERSATION = {
    "name": "conversation",
    "part": [words("with"), {"name": "at", "valueDateTime": "2026-03-02T12:00:00Z"}],
}
MOVES: tuple[tuple[str, list[Json]], ...] = (
    ("ask", [words("question")]),
    ("extend", [LATER, words("note")]),
    ("answer", [words("answer")]),
    ("exclude", [coded("reason", "30002"), words("note")]),
    ("caretake", [LATER, words("note")]),
    ("accept", [CONVERSATION, words("meaning")]),
    ("decline", [coded("reason", "30014"), words("note")]),
    ("complete", [words("note"), {"name": "decision", "part": [words("because")]}]),
    ("complete", [words("note")]),
)


FIRST = [move for move, _ in MOVES].index("answer")
"""The turn in which a question is answered before it is ended otherwise."""


def writes(task: Task, turn: int) -> Iterator[tuple[str, str, str, bytes, dict[str, str]]]:
    """Name, method, path with {id}, body and headers: what could be done to a task, in another order each turn."""
    turned = MOVES[turn % len(MOVES) :] + MOVES[: turn % len(MOVES)]
    for move, parts in (("open", []), *turned):
        body = {"resourceType": "Parameters", "parameter": [practitioner(), *parts]}
        yield move, "POST", f"/fhir/Task/{{id}}/${move}", json.dumps(body).encode(), FHIR


def test_no_operation_on_a_task_is_anybody_elses(story):
    broker = story.broker
    order = sorted(broker.rows(Task), key=lambda row: (row.code, row.owner_team_id, row.id))
    of_code: Counter[str] = Counter()
    for id_, code in [(row.id, row.code) for row in order]:
        turn = FIRST if code == "supply-information" else of_code[code]
        of_code[code] += 1
        for move, method, path, body, headers in writes(broker.rows(Task, id=id_)[0], turn):
            [task] = broker.rows(Task, id=id_)
            others = list(story.strangers(insiders(broker, task), turn))
            before = state(broker)
            for team in others if EVERY_TEAM or of_code[code] == 1 else others[turn % 3 :: 3]:
                there, nowhere = (
                    broker.call(method, path.format(id=one), team, content=body, headers=headers)
                    for one in (id_, str(uuid4()))
                )
                assert there.status_code in (400, 404), (move, team)  # 400: no such move could be read
                assert seen(there) == seen(nowhere), (move, team)
                story.tried += 1
            assert state(broker) == before, move
            made = broker.call(method, path.format(id=id_), task.owner_team_id, content=body, headers=headers)
            story.made[move] += made.status_code == 200
    done = {move for move, count in story.made.items() if count}
    assert {"open", "ask", "accept", "decline", "extend", "answer", "complete"} <= done, story.made
    assert story.tried > 100


def test_no_update_or_receipt_is_anybody_elses(story):
    broker = story.broker
    for turn, task in enumerate(sorted(broker.rows(Task), key=lambda row: row.id)[::2]):
        resource = broker.call("GET", f"/fhir/Task/{task.id}", task.owner_team_id).json()
        note = {"text": "Said by nobody.", "authorString": "Nobody", "time": "2026-03-02T12:00:00Z"}
        resource["note"] = [*resource.get("note", []), note]
        update = (resource, FHIR | {"If-Match": f'W/"{task.version}"'})
        _tried(story, turn, insiders(broker, task), "PUT", "/fhir/Task/{id}", task.id, update)
    told = [row for row in broker.rows(Delivery) if row.state not in ("withheld", "held")]
    for turn, row in enumerate(sorted(told, key=lambda row: row.id)[::2]):
        path = "/mailbox/inbox/{id}/acknowledged"
        _tried(story, turn, {row.team_id}, "PUT", path, row.id, None)
        assert broker.call("PUT", path.format(id=row.id), row.team_id).status_code == 200
    assert story.tried > 50


def _tried(
    story: Recorded, turn: int, insiders_: set[str | None], method: str, path: str, id_: str, update: Any
) -> None:
    broker, before = story.broker, state(story.broker)
    for team in story.strangers(insiders_, turn):
        answers = []
        for one in (id_, str(uuid4())):
            more = {} if update is None else {"content": json.dumps(update[0] | {"id": one}), "headers": update[1]}
            answers.append(broker.call(method, path.format(id=one), team, **more))
        assert answers[0].status_code == 404, (path, team)
        assert seen(answers[0]) == seen(answers[1]), (path, team)
        story.tried += 1
    assert state(broker) == before, path


def test_no_message_can_be_sent_as_somebody_else_and_that_it_was_sent_before_cannot_be_told(story):
    """The very bytes again under another team's token: refused as a message of that form is that nobody has sent."""
    broker = story.broker
    for turn, name in enumerate(STORY):
        said = message(name)
        fresh = json.loads(json.dumps(said).replace(said["entry"][0]["resource"]["id"], str(uuid4())))
        for team in story.strangers({sender(said)}, turn):
            before = state(broker)
            again, new = broker.post(said, team), broker.post(fresh, team)
            assert again.status_code == new.status_code == 403, (name, team, again.text)
            assert seen(again) == seen(new), (name, team)
            assert state(broker) == before, (name, team)
            story.tried += 1
        first = broker.post(said, sender(said))
        assert first.status_code == 200, "its own sender gets the first answer again"
    assert len(broker.rows(Notification)) == len(STORY)


def test_nothing_of_administrators_is_a_teams(story):
    """Their ids exist, and are refused as those are that do not."""
    broker = story.broker
    team = min(team for teams in story.agencies.values() for team in teams)
    puts = {
        "/admin/teams/{id}/channel": ({"kind": "mailbox"}, [team, "no-such-team"]),
        "/admin/agencies/{id}": ({"name": "x"}, [*list(story.agencies)[:1], "no-such-agency"]),
        "/admin/legal-holds/{id}": ({"person": "x", "reason": "x"}, ["one", "two"]),
    }
    held = {"notification": broker.rows(Notification)[0].id, "reason": "It is asked about."}
    assert broker.call("PUT", "/admin/legal-holds/one", None, scopes=ADMIN_SCOPES, json=held).status_code == 200
    before = state(broker)
    for path, (body, ids) in puts.items():
        for turn, stranger in enumerate(story.strangers(set(), 0)):
            answers = [broker.call("PUT", path.format(id=id_), stranger, json=body) for id_ in ids]
            assert {answer.status_code for answer in answers} == {403}
            assert seen(answers[0]) == seen(answers[1]), (turn, path)
    assert state(broker) == before


# --- pages ----------------------------------------------------------------------------------------------------------


def test_no_page_and_no_form_is_anybody_elses_whoever_is_signed_in(story):
    broker = story.broker
    for agency, teams in story.agencies.items():
        for team in teams:
            employ(broker, f"of-{team}", team)
        assert agency
    owners = sorted({row.owner_team_id for row in broker.rows(Task)})
    for team in owners:
        employ(broker, f"of-{team}", team)
    browsers: dict[str, Visitor] = {}

    def browser(team: str) -> Visitor:
        if team not in browsers:
            browsers[team] = visitor(broker, f"of-{team}")
        return browsers[team]

    for turn, task in enumerate(sorted(broker.rows(Task), key=lambda row: row.id)[::2]):
        inside = insiders(broker, task)
        others = list(story.strangers(inside, turn))
        others = others if EVERY_TEAM else others[turn % 3 :: 3]
        for path, form in forms(browser(task.owner_team_id), task):
            before = state(broker)
            for team in others:
                page = browser(team).get("/app/inbox")
                own = filled(page, "/app/sign-out")
                for method, sent in (("GET", None), ("POST", form | own)):
                    there, nowhere = (
                        browser(team).http.request(method, path.replace(task.id, id_), data=sent)
                        for id_ in (task.id, str(uuid4()))
                    )
                    assert there.status_code == 404, (method, path, team)
                    assert plain(there) == plain(nowhere), (method, path, team)
                    story.tried += 1
            assert state(broker) == before, path
    assert story.tried > 100


def test_a_form_of_one_session_is_refused_in_another(story):
    """Its token is the session's: what was stolen from a page writes nothing for somebody else, nor for the same person signed in again."""
    broker = story.broker
    [task, *_] = [row for row in broker.rows(Task, code="acknowledge") if row.status == "requested"]
    employ(broker, "one", task.owner_team_id)
    employ(broker, "two", task.owner_team_id)
    first = visitor(broker, "one")
    path = f"/app/tasks/{task.id}/accept"
    form = filled(first.get(path), path) | {"meaning": "We visit."}
    before = state(broker)
    for other in (visitor(broker, "two"), visitor(broker, "one")):
        assert other.http.post(path, data=form).status_code == 403
    assert state(broker) == before


def forms(browser: Visitor, task: Task) -> Iterator[tuple[str, dict[str, Any]]]:
    """The forms that the task's own team has of it, as it would send them."""
    yield f"/app/tasks/{task.id}", {}
    for move in ("accept", "decline", "ask", "complete"):
        path = f"/app/tasks/{task.id}/{move}"
        answer = browser.http.get(path)
        if answer.status_code == 200:
            yield path, {"meaning": "We visit.", "reason": "30002", "text": "Nobody.", "question": "Who?"}
    if task.code == "transfer":
        yield f"/app/transfers/{task.id}", {}
        yield f"/app/transfers/{task.id}/sheet", {}


def plain(answer: Any) -> tuple[int, str, str]:
    """What can be told of a page; its own session's token and its address are in no comparison."""
    return answer.status_code, re.sub(r'nonce="[^"]*"', "", answer.text), answer.headers.get("location", "")
