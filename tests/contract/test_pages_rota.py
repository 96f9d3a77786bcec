"""Cover and absence over HTTP: what somebody has agreed to do goes to whoever covers, and who is there is seen by the team."""

import pytest
from lxml import html

from broker.storage.tables import Audit, Practitioner, Task
from tests.contract.calling import VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

PRACTICE = "harborne-practice"


@pytest.fixture
def town(request, tmp_path):
    """Two doctors of a practice, which must answer a bruise."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "jo", PRACTICE, role="general-practitioner", name="Dr Jo Marsh")
        employ(broker, "sam", PRACTICE, role="general-practitioner", name="Dr Sam Lee")
        employ(broker, "ruth", VISITORS)
        employ(broker, "nadia", scopes=("baton/audit",))
        assert broker.post(message("concern-bruising"), team="swbh-health-visiting").status_code == 200
        yield broker


def away(who, **fields):
    return who.send(who.get("/app/rota"), "/app/rota", **fields)


def test_what_was_agreed_goes_to_who_covers_and_back_again_is_said_too(town):
    jo = visitor(town, "jo")
    [asked] = town.rows(Task, owner_team_id=PRACTICE, code="acknowledge")
    form = f"/app/tasks/{asked.id}/accept"
    agreed = {
        "agreed-action[0].action": "See the baby",
        "agreed-action[0].owner": "Dr Jo Marsh, general-practitioner",
        "agreed-action[0].due": "2026-03-09",
        "conversation.with": "Joanne Pike",
        "conversation.at": "2026-03-02T11:45",
    }
    assert jo.send(jo.get(form), form, **agreed).status_code == 200
    done = away(jo, **{"from": "2026-03-02", "until": "2026-03-06", "cover": "sam"})
    assert "Your absence is written down." in done.text
    assert "Away until 6 March 2026; Dr Sam Lee covers" in text(html.fromstring(done.text))
    mine = visitor(town, "sam").get("/app/inbox", show="mine")
    assert len(mine.xpath("//table//a")) == 1
    assert len(jo.get("/app/inbox", show="mine").xpath("//table//a")) == 0
    again = jo.send(jo.get("/app/rota"), "/app/rota", back="1")
    assert "You are there again." in again.text
    assert town.rows(Practitioner, id="jo")[0].absent_from is None
    assert len(town.rows(Audit, action="administer", client_name="person:jo")) == 2


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, "#from"),
        ({"from": "soon"}, "#from"),
        ({"from": "2026-03-09", "until": "2026-03-02"}, "#until"),
        ({"from": "2026-03-09", "cover": "jo"}, "#cover"),
        ({"from": "2026-03-09", "cover": "ruth"}, "#cover"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(town, fields, where):
    wrong = away(visitor(town, "jo"), **fields)
    assert wrong.status_code == 422
    assert f'href="{where}"' in wrong.text
    assert town.rows(Practitioner, id="jo")[0].absent_from is None


def test_who_sits_in_no_team_has_no_rota(town):
    assert visitor(town, "nadia").http.get("/app/rota").status_code == 403
