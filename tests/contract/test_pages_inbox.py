"""The inbox over HTTP: whose tasks it has, in which order, narrowed by its address, and that names and markup in them are text."""

from datetime import timedelta

import pytest
from lxml import html

from broker.domain.wanted import TaskWanted
from broker.storage.tables import Audit, Task
from broker.workflow import raising
from schemas.codes import TaskCode
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, town_copy
from tests.contract.visiting import Visitor, employ, text

PRACTICE = "harborne-practice"


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A birth and a concern that midwives have told of, and people of two teams."""
    with town_copy(request, tmp_path_factory.mktemp("inbox")) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS)
        employ(broker, "jo", PRACTICE, role="general-practitioner")
        employ(broker, "nadia", scopes=("baton/audit",))
        assert broker.post(message("birth")).status_code == 200
        assert broker.post(message("pregnancy-booking")).status_code == 200
        yield broker


@pytest.fixture
def ruth(town):
    visitor = Visitor(town)
    visitor.sign_in("ruth")
    return visitor


def listed(page):
    return [link.get("href").rsplit("/", 1)[1] for link in page.xpath("//table//a")]


def open_tasks(town, team):
    rows = town.rows(Task, owner_team_id=team)
    return {row.id for row in rows if row.status in ("requested", "received", "on-hold", "accepted", "in-progress")}


def test_an_inbox_has_the_teams_open_tasks_and_nobody_elses(town, ruth):
    mine, theirs = open_tasks(town, VISITORS), open_tasks(town, PRACTICE)
    assert mine
    assert set(listed(ruth.get("/app/inbox"))) == mine
    jo = Visitor(town)
    jo.sign_in("jo")
    assert set(listed(jo.get("/app/inbox"))) == theirs


def test_what_is_due_first_stands_first_and_what_is_late_says_so_in_words(town, ruth):
    page = ruth.get("/app/inbox")
    due = {row.id: row.due_at for row in town.rows(Task, owner_team_id=VISITORS)}
    dates = [due[id_] for id_ in listed(page)]
    assert dates == sorted(dates)
    assert "left" in text(page)
    before, town.clock.time = town.clock.time, max(dates) + timedelta(days=1)
    ruth.sign_in("ruth")
    late = ruth.get("/app/inbox", show="overdue")
    assert "Overdue by 1 day" in text(late)
    assert set(listed(late)) == open_tasks(town, VISITORS)
    town.clock.time = before


@pytest.mark.parametrize("asked", [{"show": "overdue"}, {"kind": "transfer"}, {"show": "mine"}])
def test_a_filter_that_nothing_meets_says_so(ruth, asked):
    page = ruth.get("/app/inbox", **asked)
    assert listed(page) == []
    assert "Nothing of this kind is open" in text(page)


@pytest.mark.parametrize("asked", [{"show": "<script>"}, {"kind": "nothing"}, {"after": "x"}, {"after": "é" * 300}])
def test_an_address_that_nobody_wrote_is_the_whole_list(town, ruth, asked):
    assert set(listed(ruth.get("/app/inbox", **asked))) == open_tasks(town, VISITORS)


def test_pages_follow_each_other_without_gap_or_repeat(town, ruth, monkeypatch):
    monkeypatch.setattr("broker.web.pages.inbox.A_PAGE", 1)
    seen, address = [], "/app/inbox"
    while address:
        page = ruth.get(address)
        seen += listed(page)
        following = page.xpath("//a[@rel='next']")
        address = following[0].get("href") if following else ""
    assert len(seen) == len(set(seen))
    assert set(seen) == open_tasks(town, VISITORS)


def test_looking_is_in_the_audit_with_what_was_found(town, ruth):
    found = set(listed(ruth.get("/app/inbox")))
    row = max(town.rows(Audit, action="search", client_name="person:ruth"), key=lambda row: row.detail["found"])
    assert set(row.detail["found"]) == found


def test_an_auditor_has_no_inbox(town):
    nadia = Visitor(town)
    nadia.sign_in("nadia")
    answer = nadia.http.get("/app/inbox")
    assert answer.status_code == 403
    assert "have no inbox" in text(html.fromstring(answer.text))


def test_a_title_names_nobody(town, ruth):
    people = {
        word
        for row in message("birth")["entry"]
        for name in row["resource"].get("name", ())
        if isinstance(name, dict)
        for word in name.get("given", ())
    }
    assert people
    page = ruth.get("/app/inbox")
    assert any(name in text(page) for name in people)
    assert not any(name in page.findtext(".//title") for name in people)
    assert MIDWIVES not in page.findtext(".//title")


def test_what_is_asked_of_several_at_once_has_its_own_words(town, ruth):
    long = "Find out where each child sleeps. " * 10

    def work(session):
        child = town.rows(Task, owner_team_id=VISITORS)[0].person_id
        wanted = [
            TaskWanted(code=code, owner=VISITORS, description=f"{code}: {long}", person_id=child, cites="F5")
            for code in (TaskCode.PATTERN_REVIEW, TaskCode.RESOLVE_ADDRESS)
        ]
        raising.raise_tasks(session, town.runtime.context(session), wanted, town.clock())

    town.runtime.store.write(work)
    said = text(ruth.get("/app/inbox"))
    assert "pattern-review: Find out where each child sleeps." in said
    assert long not in said
    assert "resolve-address: Find out" not in said


@pytest.mark.parametrize("address", ["/app/tasks/nothing", "/app/nothing-here", "/app/admin/teams"])
def test_an_error_page_keeps_the_places_and_the_way_out(town, ruth, address):
    page = html.fromstring(ruth.http.get(address).text)
    assert "/app/inbox" in page.xpath("//nav//a/@href")
    assert page.xpath("//form[@action='/app/sign-out']")
    ruth.http.cookies.clear()
    assert html.fromstring(ruth.http.get("/app/nothing-here").text).xpath("//nav") == []
