"""`/audit/withheld` over HTTP on both databases: whom a message was kept from, why, by which principle and by whom; as JSON and CSV."""

import csv
import io
import json
from uuid import uuid4

import pytest
from httpx import Response
from sqlalchemy import text

from broker.domain.reasons import NotTold, principle_of
from broker.storage.tables import Audit, Delivery, Notification, Task, Team
from schemas.bundle.profile import LABEL
from tests.contract.calling import FHIR, VISITORS, Broker, Json, issues, message, sender
from tests.contract.task_calls import practitioner

AUDIT = ("baton/audit",)
ROLE = "named-nurse"
FAMILY = ("Hartley", "Ava", "Clent View", "9990000409", "An arrest is planned.")
"""Who and where the golden messages are about, and what a lead said of it."""


def ask(broker: Broker, query: str = "", **headers: str) -> Response:
    return broker.call("GET", f"/audit/withheld{query}", None, scopes=AUDIT, headers=headers)


def rows(broker: Broker, query: str = "") -> list[Json]:
    answer = ask(broker, query)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["withheld"]
    return found


def held() -> Json:
    """A concern that waits for the sender's lead."""
    said = message("concern")
    header = said["entry"][0]["resource"]
    header["id"] = str(uuid4())
    said["entry"][0]["fullUrl"] = f"urn:uuid:{header['id']}"
    header["meta"]["security"].append({"system": LABEL, "code": "held-for-release"})
    return said


def decides(broker: Broker, *parts: Json, name: str = "Lena Lead") -> Task:
    """The lead's answer to the one release task there is."""
    [task] = broker.rows(Task, code="release")
    body = {
        "resourceType": "Parameters",
        "parameter": [practitioner(name, ROLE), {"name": "decision", "part": list(parts)}],
    }
    answer = broker.call(
        "POST", f"/fhir/Task/{task.id}/$complete", task.owner_team_id, content=json.dumps(body).encode(), headers=FHIR
    )
    assert answer.status_code == 200, answer.text
    [task] = broker.rows(Task, code="release")
    return task


REFUSED = {"name": "because", "valueString": "An arrest is planned."}


@pytest.fixture
def kept(either_broker: Broker) -> Broker:
    """A birth and a concern of which the policy keeps some teams, and one more concern that waits."""
    for said in (message("birth"), message("involvement-start"), message("concern"), held()):
        assert either_broker.post(said, sender(said)).status_code == 200
        either_broker.clock.forward(minutes=1)
    return either_broker


def test_a_row_says_who_was_not_told_of_what_why_and_who_decided(kept):
    decided = {row.id: row for row in kept.rows(Delivery, state="withheld")}
    sent = {row.id: row for row in kept.rows(Notification)}
    found = rows(kept)
    assert decided
    assert {row["id"] for row in found} == decided.keys()
    for row in found:
        of = decided[row["id"]]
        assert (row["notification"], row["notTold"]["team"]) == (of.notification_id, of.team_id)
        assert (row["kind"], row["from"]["team"]) == (
            sent[of.notification_id].event,
            sent[of.notification_id].sender_team_id,
        )
        assert row["reason"] == {"code": of.reason_code, "text": of.reason}
        assert row["cites"] == principle_of(of.reason_code)
        assert row["cites"] in of.reason
        assert (row["decidedBy"], row["policy"], row["lead"]) == ("policy", of.policy_version, None)
        assert row["at"] == row["decided"]


def test_what_a_lead_refuses_says_who_and_when_and_not_why(kept):
    waiting = {row.id for row in kept.rows(Delivery, state="held")}
    assert waiting
    assert waiting.isdisjoint(row["id"] for row in rows(kept))
    kept.clock.forward(hours=3)
    task = decides(kept, REFUSED)
    found = {row["id"]: row for row in rows(kept, f"?reason={NotTold.RELEASE_REFUSED}")}
    assert found.keys() == waiting
    for row in found.values():
        assert (row["decidedBy"], row["cites"]) == ("lead", "principle 7")
        assert row["lead"] == {
            "team": task.owner_team_id,
            "name": "Lena Lead",
            "role": ROLE,
            "task": task.id,
        }
        assert row["decided"] > row["at"]


def test_what_a_lead_releases_to_some_is_decided_for_the_others(kept):
    functions = {one.id: one.function for one in kept.rows(Team)}
    waiting = {row.id: functions[row.team_id] for row in kept.rows(Delivery, state="held")}
    chosen = min(set(waiting.values()))
    decides(kept, {"name": "release-to", "valueCode": chosen})
    found = {row["id"]: row["decidedBy"] for row in rows(kept, "?limit=500")}
    assert {id_: found.get(id_) for id_, function in waiting.items() if function != chosen} == {
        id_: "lead" for id_, function in waiting.items() if function != chosen
    }
    assert found.keys().isdisjoint(id_ for id_, function in waiting.items() if function == chosen)


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("agency", lambda row: row["notTold"]["agency"]),
        ("team", lambda row: row["notTold"]["team"]),
        ("from_agency", lambda row: row["from"]["agency"]),
        ("from_team", lambda row: row["from"]["team"]),
        ("kind", lambda row: row["kind"]),
        ("reason", lambda row: row["reason"]["code"]),
    ],
)
def test_each_filter_narrows_to_its_own(kept, name, of):
    decides(kept, REFUSED)
    everything = rows(kept, "?limit=500")
    for value in {of(row) for row in everything}:
        assert rows(kept, f"?limit=500&{name}={value}") == [row for row in everything if of(row) == value]
    assert rows(kept, f"?{name}={'death' if name == 'kind' else 'sealed' if name == 'reason' else 'nobody'}") == []


def test_since_and_until_are_of_the_time_of_the_decision(kept):
    everything = rows(kept, "?sort=at&limit=500")
    times = [row["at"] for row in everything]
    assert times == sorted(times)
    assert rows(kept, f"?sort=at&limit=500&since={times[-1]}") == [row for row in everything if row["at"] == times[-1]]
    assert rows(kept, f"?sort=at&limit=500&until={times[0]}") == [row for row in everything if row["at"] == times[0]]
    assert rows(kept, "?until=2020-01-01") == []


@pytest.mark.parametrize("sort", ["at", "-at"])
def test_pages_follow_each_other_without_gap_or_repeat(kept, sort):
    decides(kept, REFUSED)
    whole, found, address = rows(kept, f"?sort={sort}&limit=500"), [], f"/audit/withheld?sort={sort}&limit=2"
    assert len(whole) > 2
    while address:
        page = kept.call("GET", address, None, scopes=AUDIT).json()
        found += page["withheld"]
        address = page["next"]
    assert found == whole


def test_csv_is_the_whole_result_with_the_same_rows(kept, monkeypatch):
    monkeypatch.setattr("broker.web.api.withheld.MOST", 2)
    decides(kept, REFUSED)
    answer = ask(kept, Accept="text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="withheld.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    monkeypatch.undo()
    found = rows(kept, "?limit=500")
    assert [line["id"] for line in lines] == [row["id"] for row in found]
    for line, row in zip(lines, found, strict=True):
        assert (line["team"], line["reasonCode"], line["cites"]) == (
            row["notTold"]["team"],
            row["reason"]["code"],
            row["cites"],
        )
        assert line["leadName"] == (row["lead"]["name"] if row["lead"] else "")


def test_a_name_that_a_spreadsheet_would_take_for_a_formula_is_text(kept):
    decides(kept, REFUSED, name="=cmd|' /C calc'!A0")
    lines = csv.DictReader(io.StringIO(ask(kept, Accept="text/csv").text, newline=""))
    assert {line["leadName"] for line in lines} == {"", "'=cmd|' /C calc'!A0"}


def test_nothing_that_was_said_of_anybody_is_in_it(kept):
    decides(kept, REFUSED)
    for accept in ("application/json", "text/csv"):
        assert not [word for word in FAMILY if word in ask(kept, Accept=accept).text]


@pytest.mark.parametrize(
    "query",
    [
        "?agency=a/b",
        "?reason=because",
        "?kind=party",
        "?since=soon",
        "?sort=team",
        "?limit=0",
        "?cursor=x",
        "?name=Hartley",
        "?team=a&team=b",
    ],
)
def test_what_cannot_be_served_is_refused_by_name_and_not_ignored(shared_broker, query):
    answer = ask(shared_broker, query)
    assert answer.status_code == 400
    assert issues(answer)
    assert "Hartley" not in answer.text


@pytest.mark.parametrize("query", ["?limit=5", "?cursor=x"])
def test_a_file_has_no_pages(shared_broker, query):
    assert ask(shared_broker, query, Accept="text/csv").status_code == 400


def test_neither_json_nor_csv_is_not_acceptable(shared_broker):
    assert ask(shared_broker, Accept="text/html").status_code == 406


def test_it_is_for_auditors_alone_and_every_page_is_in_the_audit(kept):
    assert kept.call("GET", "/audit/withheld", VISITORS).status_code == 403
    before = kept.ids(Audit)
    found = [row["id"] for row in rows(kept)]
    [made] = [row for row in kept.rows(Audit) if row.id not in before]
    assert (made.action, made.entity, made.client_name) == ("search", "delivery", Broker.name(None, AUDIT))
    assert made.detail["found"] == found


def test_the_list_is_found_by_its_own_index(kept):
    """However much was told, what was not is read from one end."""
    store = kept.runtime.store
    query = "SELECT id FROM delivery WHERE delivery.state = 'withheld' ORDER BY created_at DESC, id DESC LIMIT 50"
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {query}")))
        else:
            plan = "\n".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    assert "ix_delivery_withheld" in plan
    assert "Sort" not in plan
