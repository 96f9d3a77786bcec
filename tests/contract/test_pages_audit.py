"""The auditor's pages over HTTP: whom they are for, that they show what the calls for systems do, and nothing of what was said about anybody."""

from datetime import timedelta

import pytest
from lxml import html
from sqlalchemy import update

from broker.storage.tables import Audit, Task
from broker.workflow import watchdog
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, sender, town_copy
from tests.contract.visiting import employ, text, visitor
from tests.sealed import sealed, unguarded

AUDIT = ("baton/audit",)
FAMILY = ("Hartley", "Ava", "Clent View", "9990000409")
"""Who and where the golden birth is about."""
PAGES = (
    "/app/audit/handovers",
    "/app/audit/handovers.csv",
    "/app/audit/handovers/{id}",
    "/app/audit/timeliness",
    "/app/audit/timeliness.csv",
    "/app/audit/declines",
    "/app/audit/withheld",
    "/app/audit/withheld.csv",
    "/app/audit/watch",
)


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A birth and more in other households, three days ago."""
    with town_copy(request, tmp_path_factory.mktemp("audit")) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS)
        employ(broker, "nadia", scopes=AUDIT)
        employ(broker, "chris", scopes=("baton/admin",))
        for name in ("birth", "concern-bruising", "emergency-attendance"):
            said = message(name)
            assert broker.post(said, sender(said)).status_code == 200
        broker.clock.time += timedelta(days=3)
        yield broker


@pytest.fixture
def nadia(town):
    return visitor(town, "nadia")


def listed(page):
    return [link.get("href").rsplit("/", 1)[1] for link in page.xpath("//table[contains(@class,'baton-tasks')]//a")]


def by_the_call(town, **asked):
    answer = town.call("GET", "/audit/handovers", None, scopes=AUDIT, params=asked)
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["handovers"]]


@pytest.mark.parametrize("who", ["ruth", "chris"])
@pytest.mark.parametrize("address", PAGES)
def test_they_are_for_auditors_alone(town, who, address):
    [task] = town.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    answer = visitor(town, who).http.get(address.format(id=task.id))
    assert answer.status_code == 403
    assert "This page is for auditors." in text(html.fromstring(answer.text))


def test_an_auditor_begins_with_what_nobody_has_acknowledged(town, nadia):
    assert nadia.sign_in("nadia").request.url.path == "/app/audit/handovers"
    page = nadia.get("/app/audit/handovers")
    expected = by_the_call(town, state="unacknowledged")
    assert expected
    assert listed(page) == expected
    assert f"{len(expected)} not acknowledged." in text(page)


@pytest.mark.parametrize(
    "asked",
    [
        {"state": "overdue", "agency": "bcht"},
        {"kind": "birth"},
        {"older_than": "PT48H", "sort": "due"},
        {"older_than": "P7D"},
        {"from_agency": "swbh"},
        {"until": "2020-01-01"},
    ],
)
def test_filters_are_those_of_the_call_and_stand_in_the_form(town, nadia, asked):
    page = nadia.get("/app/audit/handovers", **asked)
    assert listed(page) == by_the_call(town, **{"state": "unacknowledged"} | asked)
    [form] = [one for one in page.forms if one.method == "GET"]
    assert {name: value for name, value in form.form_values() if value}.items() >= asked.items()


def test_every_state_is_asked_for_by_name(town, nadia):
    assert listed(nadia.get("/app/audit/handovers", state="all", team="")) == by_the_call(town)


@pytest.mark.parametrize("asked", [{"state": "<script>"}, {"since": "soon"}, {"cursor": "x"}, {"older_than": "P"}])
def test_a_filter_that_cannot_be_read_shows_no_rows_and_says_why(nadia, asked):
    answer = nadia.http.get("/app/audit/handovers", params=asked)
    page = html.fromstring(answer.text)
    assert answer.status_code == 400
    assert page.find_class("nhsuk-error-summary")
    assert listed(page) == []


def test_the_charts_count_what_the_list_holds_in_a_table_too(town, nadia):
    page = nadia.get("/app/audit/handovers", state="all")
    for chart in page.find_class("baton-chart"):
        [picture] = chart.xpath(".//*[local-name()='svg']")
        numbers = [int(cell.text) for cell in chart.xpath(".//tbody/tr/td[2]")]
        assert sum(numbers) == len(by_the_call(town))
        assert all(f": {number}" in picture.get("aria-label") for number in numbers)


def test_pages_follow_each_other_without_gap_or_repeat(town, nadia, monkeypatch):
    monkeypatch.setattr("broker.web.api.handover_query.USUAL", 1)
    seen, address = [], "/app/audit/handovers?state=all"
    while address:
        page = nadia.get(address)
        seen += listed(page)
        following = page.xpath("//a[@rel='next']")
        address = following[0].get("href") if following else ""
    assert seen == by_the_call(town, limit=500)


def test_the_file_is_that_of_the_call(town, nadia):
    page = nadia.get("/app/audit/handovers", kind="birth")
    [link] = page.xpath("//a[contains(text(),'CSV')]")
    answer = nadia.http.get(link.get("href"))
    asked = {"state": "unacknowledged", "kind": "birth"}
    call = town.call("GET", "/audit/handovers", None, scopes=AUDIT, params=asked, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.text == call.text


def test_the_evidence_of_one_goes_from_the_first_byte_on_and_says_nothing_of_anybody(town, nadia):
    [task] = town.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    page = nadia.get(f"/app/audit/handovers/{task.id}")
    said = text(page)
    [trail] = page.find_class("baton-trail")
    assert "The message came" in trail[0].text_content()
    call = town.call("GET", f"/audit/handovers/{task.id}/evidence", None, scopes=AUDIT).json()
    decided = [row[part] for row in call["routing"]["teams"] for part in ("name", "reason")]
    assert decided
    for expected in (task.id, call["message"]["sha256"], call["routing"]["policyVersion"], *decided):
        assert " ".join(expected.split()) in said
    assert not [word for word in FAMILY if word in said]
    assert MIDWIVES not in page.findtext(".//title")


def test_what_is_no_handover_has_no_evidence(nadia):
    assert nadia.http.get("/app/audit/handovers/0f0f0f0f").status_code == 404


def test_looking_is_in_the_audit(town, nadia):
    [task] = town.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    nadia.get("/app/audit/handovers")
    nadia.get(f"/app/audit/handovers/{task.id}")
    rows = [(row.action, row.entity_id) for row in town.rows(Audit, client_name="person:nadia")]
    assert ("search", None) in rows
    assert ("read", task.id) in rows


def test_timeliness_has_the_lines_of_the_report_and_its_file(town, nadia):
    page = nadia.get("/app/audit/timeliness", since="2026-01-01", by="week")
    asked = {"since": "2026-01-01", "by": "week"}
    lines = town.call("GET", "/reports/timeliness", None, scopes=AUDIT, params=asked).json()["timeliness"]
    rows = page.xpath("//table[contains(@class,'baton-tasks')]/tbody/tr")
    assert [row[2].text_content().split()[-1] for row in rows] == [str(line["sent"]) for line in lines]
    assert f"{sum(line['sent'] for line in lines)} handovers were sent." in text(page)
    [link] = page.xpath("//a[contains(text(),'CSV')]")
    call = town.call("GET", "/reports/timeliness", None, scopes=AUDIT, params=asked, headers={"Accept": "text/csv"})
    assert nadia.http.get(link.get("href")).text == call.text


def test_a_time_that_is_none_shows_no_figure(nadia):
    answer = nadia.http.get("/app/audit/timeliness", params={"since": "soon"})
    assert answer.status_code == 400
    assert "handovers were sent" not in answer.text


def test_declines_are_counted_by_reason_and_agency(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, role="health-visitor")
        employ(broker, "nadia", scopes=AUDIT)
        assert broker.post(message("birth")).status_code == 200
        [task] = broker.rows(Task, owner_team_id=VISITORS, code="acknowledge")
        ruth, nadia = visitor(broker, "ruth"), visitor(broker, "nadia")
        assert "0 handovers were declined." in text(nadia.get("/app/audit/declines"))
        asking = ruth.get(f"/app/tasks/{task.id}/ask")
        ruth.send(asking, f"/app/tasks/{task.id}/ask", question="Which hospital was it?")
        assert "1 waits for the answer to a question." in text(nadia.get("/app/audit/declines"))
        assert "Question asked" in text(nadia.get("/app/audit/handovers"))
        form = ruth.get(f"/app/tasks/{task.id}/decline")
        done = ruth.send(form, f"/app/tasks/{task.id}/decline", reason="30002", text="We have no such child.")
        assert "done=decline" in str(done.request.url)
        page = nadia.get("/app/audit/declines")
    assert "1 handover was declined." in text(page)
    tables = {table.findtext("caption"): table.text_content() for table in page.iter("table")}
    assert "Not known" in tables["Why they were declined"]
    assert "Birmingham Community Healthcare" in tables["Agencies that declined"]
    assert "We have no such child" not in text(page)


def test_the_audit_is_checked_from_a_page_and_what_was_changed_shows(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "nadia", scopes=AUDIT)
        assert broker.post(message("birth")).status_code == 200
        nadia = visitor(broker, "nadia")
        assert "It has never watched" in text(nadia.get("/app/audit/watch"))
        store = broker.runtime.store
        sealed(store, now=broker.clock())
        store.write(lambda session: watchdog.watch(session, broker.runtime.context(session), broker.clock()))
        page = nadia.get("/app/audit/watch")
        assert "It watches" in text(page)
        good = html.fromstring(nadia.send(page, "/app/audit/watch/verify").text)
        assert "entries are as they were sealed." in text(good)
        entry = broker.rows(Audit, action="receive")[0].id
        with store.engine.begin() as connection:
            unguarded(connection)
            connection.execute(update(Audit).where(Audit.id == entry).values(action="read"))
        bad = html.fromstring(nadia.send(page, "/app/audit/watch/verify").text)
    assert "The audit is not what was sealed" in text(bad)
    assert entry in text(bad)


# --- decisions not to share -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(request, tmp_path_factory):
    """Messages of which the policy keeps some teams."""
    with town_copy(request, tmp_path_factory.mktemp("kept")) as url, opened(url, demo=True) as broker:
        employ(broker, "nadia", scopes=AUDIT)
        for name in ("birth", "supervision-start", "mental-health-admission", "emergency-attendance", "transfer"):
            said = message(name)
            assert broker.post(said, sender(said)).status_code == 200
            broker.clock.forward(minutes=1)
        yield broker


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"kind": "transfer"},
        {"reason": "no-rule", "since": "2026-01-01"},
        {"agency": "swbh"},
        {"until": "2020-01-01"},
    ],
)
def test_decisions_not_to_share_are_those_of_the_call_with_its_file(kept, asked):
    nadia = visitor(kept, "nadia")
    page = nadia.get("/app/audit/withheld", **asked)
    call = kept.call("GET", "/audit/withheld", None, scopes=AUDIT, params=asked).json()["withheld"]
    lines = page.xpath("//table[contains(@class,'baton-tasks')]/tbody/tr")
    assert len(lines) == len(call)
    for line, row in zip(lines, call, strict=True):
        said = " ".join(line.text_content().split())
        assert row["notTold"]["name"] in said
        assert " ".join(row["reason"]["text"].split()) in said
        assert f"Policy {row['policy']}" in said
    [form] = [one for one in page.forms if one.method == "GET"]
    assert {name: value for name, value in form.form_values() if value}.items() >= asked.items()
    assert not [word for word in FAMILY if word in text(page)]
    for link in page.xpath("//a[contains(text(),'CSV')]"):
        file = kept.call("GET", "/audit/withheld", None, scopes=AUDIT, params=asked, headers={"Accept": "text/csv"})
        assert nadia.http.get(link.get("href")).text == file.text


def test_decisions_not_to_share_are_paged_and_a_filter_that_cannot_be_read_shows_none(kept, monkeypatch):
    nadia = visitor(kept, "nadia")
    whole = len(nadia.get("/app/audit/withheld").xpath("//tbody/tr"))
    monkeypatch.setattr("broker.web.api.withheld.USUAL", 1)
    seen, address = 0, "/app/audit/withheld"
    while address:
        page = nadia.get(address)
        seen += len(page.xpath("//tbody/tr"))
        following = page.xpath("//a[@rel='next']")
        address = following[0].get("href") if following else ""
    assert seen == whole > 1
    answer = nadia.http.get("/app/audit/withheld", params={"reason": "<script>"})
    assert answer.status_code == 400
    assert html.fromstring(answer.text).find_class("nhsuk-error-summary")
    assert "<script>" not in answer.text
