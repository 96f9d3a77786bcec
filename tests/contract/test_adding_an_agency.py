"""`docs/adding-an-agency.md`, executed: what the page says to add is taken out of it, put in place, and an event is sent twice."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from adapters.port import Quarantine
from adapters.registry import ADAPTERS
from broker.storage.tables import Notification
from schemas.codes import Event
from tests.contract.calling import Broker

PAGE = (Path(__file__).parents[2] / "docs" / "adding-an-agency.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
[CODE] = [block for language, block in BLOCKS if language == "python"]
LINE, TEAM = [block for language, block in BLOCKS if language == "json"]


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """The adapter of the page, in a package of its own and registered."""
    package = tmp_path / "one_more_agency"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "childrens_centre.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = importlib.import_module("one_more_agency.childrens_centre").ChildrensCentre()
    monkeypatch.setitem(ADAPTERS, made.kind, made)
    yield made
    for name in ("one_more_agency.childrens_centre", "one_more_agency"):
        sys.modules.pop(name, None)


@pytest.fixture
def centre(broker: Broker) -> str:
    """The team of the page, in the directory."""
    path, headers = "/admin/teams/greenfield-centre", {"Content-Type": "application/json"}
    answer = broker.call("PUT", path, None, content=TEAM, headers=headers, scopes=("baton/admin",))
    assert answer.status_code == 200, answer.text
    return "greenfield-centre"


def test_the_page_is_short():
    assert len(PAGE.splitlines()) < 100


def test_a_line_of_the_register_sent_twice_is_one(broker: Broker, adapter, centre):
    before = broker.ids(Notification)
    answers = [broker.call("POST", f"/adapters/{adapter.kind}/events", centre, content=LINE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].content == answers[1].content
    [row] = [row for row in broker.rows(Notification) if row.id not in before]
    assert (row.event, row.sender_team_id) == (Event.NOT_BROUGHT, centre)


@pytest.mark.parametrize("member", ["id", "at", "attended", "child"])
def test_a_line_that_lacks_something_is_quarantined(member, adapter):
    line = {name: value for name, value in json.loads(LINE).items() if name != member}
    assert isinstance(adapter.translate(json.dumps(line).encode(), None, {}), Quarantine)


def test_a_child_that_came_was_seen(adapter):
    found = adapter.translate(json.dumps(json.loads(LINE) | {"attended": True}).encode(), None, {})
    [message] = found.messages
    assert (message.event, [fact.code for fact in message.facts]) == (Event.CHILD_CONTACT, ["setting", "seen"])
