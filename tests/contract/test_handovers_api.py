"""`/audit/handovers` over HTTP on both databases: the list as JSON and CSV, every refusal, counts, and the evidence of one."""

import csv
import io
import json
from datetime import timedelta
from hashlib import sha256

import pytest
from httpx import Response

from broker.storage.tables import Audit, Delivery, Notification, Task, Team
from broker.workflow import escalate
from schemas.codes import Event, TaskStatus
from tests.contract.calling import FHIR, MIDWIVES, VISITORS, Broker, Json, issues, message, sender
from tests.contract.task_calls import practitioner

AUDIT = ("baton/audit",)
FAMILY = ("Hartley", "Ava", "Clent View", "9990000409")
"""Who and where the golden birth is about."""
WORDS = "We visit on Thursday, she asked for Bluebell."


def ask(broker: Broker, query: str = "", **headers: str) -> Response:
    return broker.call("GET", f"/audit/handovers{query}", None, scopes=AUDIT, headers=headers)


def page(broker: Broker, query: str = "") -> Json:
    answer = ask(broker, query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: Json = answer.json()
    return found


def rows(broker: Broker, query: str = "") -> list[Json]:
    return list(page(broker, query)["handovers"])


def to(found: list[Json], team: str) -> Json:
    [row] = [row for row in found if row["to"]["team"] == team]
    return row


@pytest.fixture
def born(either_broker: Broker) -> Broker:
    """A birth was notified, and more in other households."""
    for name in ("birth", "concern-bruising", "emergency-attendance"):
        said = message(name)
        assert either_broker.post(said, sender(said)).status_code == 200
    return either_broker


def answered(broker: Broker, move: str, *parts: Json, id_: str | None = None) -> str:
    """A handover answered by its team, that of the birth unless another is named; its id."""
    which = {"id": id_} if id_ else {"owner_team_id": VISITORS, "code": "acknowledge"}
    [task] = broker.rows(Task, **which)
    body = {"resourceType": "Parameters", "parameter": [practitioner(), *parts]}
    answer = broker.call(
        "POST", f"/fhir/Task/{task.id}/${move}", task.owner_team_id, content=json.dumps(body).encode(), headers=FHIR
    )
    assert answer.status_code == 200, answer.text
    return str(task.id)


def test_a_row_says_who_waits_for_whom_since_when_and_why(born):
    born.clock.forward(days=30, hours=1)
    [sent] = born.rows(Notification, event="birth")
    row = to(rows(born, "?state=unacknowledged"), VISITORS)
    [task] = born.rows(Task, id=row["id"])
    teams = {team.id: team for team in born.rows(Team)}
    expected = {
        "id": task.id,
        "notification": sent.id,
        "code": "acknowledge",
        "kind": "birth",
        "states": ["unacknowledged", "overdue"],
        "businessStatus": None,
        "childrenNamed": 1,
        "childrenInTransfer": None,
        "childrenConfirmed": None,
        "sent": "2026-03-02T12:00:00Z",
        "delivered": None,
        "opened": None,
        "answered": None,
        "due": task.due_at.isoformat().replace("+00:00", "Z"),
        "age": "P30DT1H",
        "level": 0,
    }
    assert {name: row[name] for name in expected} == expected
    assert row.keys() - expected.keys() == {"from", "to", "reason", "holders"}
    for side, id_ in (("from", MIDWIVES), ("to", VISITORS)):
        team = teams[id_]
        assert row[side] == {
            "team": id_,
            "name": team.name,
            "agency": team.agency_id,
            "function": team.function,
            "area": team.area_id,
        }
    [delivery] = born.rows(Delivery, id=task.delivery_id)
    assert row["reason"] == {"code": delivery.reason_code, "text": delivery.reason}
    [held] = row["holders"]
    assert (held["person"], held["function"]) == (task.person_id, "health-visiting")
    assert (held["team"] is None) == (held["because"] is not None)
    assert not [word for word in FAMILY if word in json.dumps(row)]


def test_what_was_answered_is_no_longer_unacknowledged_and_what_was_declined_says_so(born):
    accepted = answered(born, "accept", {"name": "meaning", "valueString": WORDS})
    waiting = {row["id"] for row in rows(born, "?state=unacknowledged")}
    assert accepted not in waiting
    [row] = rows(born, "?state=complete")
    assert (row["id"], row["states"], row["answered"]) == (accepted, ["complete"], "2026-03-02T12:00:00Z")
    declined = min(waiting)
    answered(
        born,
        "decline",
        {"name": "reason", "valueCode": "30002"},
        {"name": "note", "valueString": "Not known here."},
        id_=declined,
    )
    assert [row["id"] for row in rows(born, "?state=declined")] == [declined]


def test_a_transfer_counts_the_children_that_were_named_and_those_there_are(either_broker):
    said = message("transfer")
    assert either_broker.post(said, sender(said)).status_code == 200
    [row] = rows(either_broker, "?kind=transfer")
    lines = either_broker.rows(Task, code="confirm-child")
    assert (row["code"], row["childrenInTransfer"], row["childrenConfirmed"]) == ("transfer", len(lines), 0)
    assert {held["person"] for held in row["holders"]} == {line.person_id for line in lines}
    found = ask(either_broker, f"/{row['id']}/evidence").json()
    assert [task["code"] for task in found["tasks"]].count("confirm-child") == len(lines) > 0


def test_a_confirmed_line_is_counted_and_the_period_it_began_is_evidence(either_broker):
    said = message("transfer")
    assert either_broker.post(said, sender(said)).status_code == 200
    line = min(either_broker.rows(Task, code="confirm-child"), key=lambda task: str(task.id))
    either_broker.clock.forward(hours=1)
    answered(either_broker, "accept", {"name": "meaning", "valueString": WORDS}, id_=line.id)
    [row] = rows(either_broker, "?kind=transfer&state=unacknowledged")
    assert row["childrenConfirmed"] == 1 < row["childrenInTransfer"]
    held = {holder["person"]: holder["team"] for holder in row["holders"]}
    assert held[line.person_id] == line.owner_team_id
    found = ask(either_broker, f"/{row['id']}/evidence").json()
    [period] = [period for period in found["responsibility"] if period["task"] == line.id]
    assert (period["person"], period["team"], period["since"], period["heldBy"]) == (
        line.person_id,
        line.owner_team_id,
        "2026-03-02T13:00:00Z",
        "transfer",
    )


def test_a_rung_that_was_climbed_shows_in_the_list_and_in_the_evidence(born):
    assert rows(born, "?state=escalated") == []
    born.clock.forward(days=30)
    running = born.runtime
    running.store.write(lambda session: escalate.climb(session, running.context(session), running.now()))
    row = to(rows(born, "?state=escalated"), VISITORS)
    assert row["states"] == ["unacknowledged", "overdue", "escalated"]
    found = ask(born, f"/{row['id']}/evidence").json()
    own = found["tasks"][0]
    # That nobody had opened it, then the rungs.
    assert [rung["level"] for rung in own["escalations"]] == list(range(row["level"] + 1))
    assert own["escalations"][0]["rung"] == "opening"
    assert own["events"][-1]["move"] == "escalated"
    causes = [delivery["cause"] for delivery in found["deliveries"]]
    assert f"escalated:{row['id']}:{own['events'][-1]['version']}" in causes


def test_filters_narrow_together(born):
    born.clock.forward(days=30)
    everything = rows(born)
    assert len(everything) > 1
    assert len(rows(born, "?state=overdue")) == len(everything)
    assert rows(born, "?state=escalated") == []
    one = to(everything, VISITORS)["to"]
    narrow = (
        f"?state=unacknowledged&agency={one['agency']}&team={one['team']}&area={one['area']}&function=health-visiting"
    )
    assert len(rows(born, f"{narrow}&kind=birth,concern&older_than=P30D&since=2026-03-02&until=2026-03-02")) == 1
    for nothing in (
        "&kind=concern",
        "&older_than=P5W",
        "&since=2026-03-03",
        "&until=2026-03-01",
        "&from_agency=nobody",
        "&from_team=nobody",
    ):
        assert rows(born, narrow + nothing) == [], nothing
    assert rows(born, "?agency=nobody") == rows(born, "?area=nowhere") == []


@pytest.mark.parametrize("sort", ["age", "-age", "due", "-due"])
def test_pages_follow_next_and_hold_each_once(born, sort):
    everything = [row["id"] for row in rows(born, f"?sort={sort}")]
    seen, following = [], f"?sort={sort}&limit=1&state=unacknowledged"
    while following:
        found = page(born, following)
        assert len(found["handovers"]) == 1
        seen += [row["id"] for row in found["handovers"]]
        following = (found["next"] or "").removeprefix("/audit/handovers")
    assert seen == everything
    assert len(set(seen)) == len(seen) > 1


BAD = [
        ("state=open", "state"), ("state=overdue&state=escalated", "state"), ("agency=a b", "agency"),
        ("team=%00", "team"), ("area=a|b", "area"), ("function=magic", "function"), ("kind=party", "kind"),
        ("from_team=%2e%2e%2f", "from_team"), ("from_agency=", "from_agency"), ("older_than=48h", "older_than"),
        ("older_than=P1M", "older_than"), ("older_than=PT0M", "older_than"), ("since=ge2026-01-01", "since"),
        ("since=2026-02-30", "since"), ("until=yesterday", "until"), ("sort=name", "sort"), ("limit=0", "limit"),
        ("limit=many", "limit"), ("limit=-1", "limit"), ("cursor=made-up", "cursor"), ("cursor=", "cursor"),
        ("mood=good", None), ("by=age", None),
    ]  # fmt: skip


def test_what_cannot_be_served_is_refused_by_name_and_never_ignored(shared_broker):
    for query, where in BAD:
        for accept in ("application/json", "text/csv"):
            answer = ask(shared_broker, f"?{query}", Accept=accept)
            assert answer.status_code == 400, query
            found = issues(answer)[0].get("expression")
            assert found == ([where] if where and not (accept == "text/csv" and where in ("limit", "cursor")) else None)
            value = query.partition("=")[2]
            assert len(value) < 6 or value not in answer.text


def test_a_cursor_of_another_order_is_refused(born):
    following = page(born, "?limit=1")["next"]
    assert born.call("GET", f"{following}", None, scopes=AUDIT).status_code == 200
    other = following.removeprefix("/audit/handovers") + "&sort=due"
    assert [issue["expression"] for issue in issues(ask(born, other))] == [["cursor"]]


def test_an_age_longer_than_a_hundred_years_is_refused(shared_broker):
    answer = ask(shared_broker, "?older_than=P99999999D")
    assert answer.status_code == 400
    assert "a hundred years at most" in issues(answer)[0]["diagnostics"]


def test_neither_json_nor_csv_is_not_acceptable(shared_broker):
    answer = ask(shared_broker, Accept="text/html")
    assert answer.status_code == 406
    assert issues(answer)


def test_csv_is_the_whole_result_with_a_header_and_the_same_rows(born, monkeypatch):
    monkeypatch.setattr("broker.web.api.handover_query.MOST", 2)  # so that there are several pages
    answer = ask(born, "?state=unacknowledged&sort=due", Accept="text/csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="handovers.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    shown = rows(born, "?state=unacknowledged&sort=due&limit=2")
    assert len(lines) == len(born.rows(Task, code="acknowledge")) > 2
    for line, row in zip(lines, shown, strict=False):
        assert (line["id"], line["toTeam"], line["fromAgency"]) == (row["id"], row["to"]["team"], row["from"]["agency"])
        assert (line["states"], line["childrenNamed"], line["level"]) == ("unacknowledged", "1", "0")
        assert (line["sent"], line["due"]) == (row["sent"], row["due"])
        assert line["childrenInTransfer"] == line["answered"] == ""
    assert not [word for word in FAMILY if word in answer.text]


def test_a_cell_that_a_spreadsheet_would_execute_is_text(either_broker):
    body = {"agency": "swbh", "function": "midwifery", "name": "=cmd|' /C calc'!A0", "area": "sandwell"}
    put = either_broker.call(
        "PUT", f"/admin/teams/{MIDWIVES}", None, scopes=("baton/admin",), content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert put.status_code == 200, put.text
    assert either_broker.post(message("birth")).status_code == 200
    answer = ask(either_broker, Accept="text/csv")
    names = {line["fromName"] for line in csv.DictReader(io.StringIO(answer.text, newline=""))}
    assert names == {"'=cmd|' /C calc'!A0"}
    assert {row["from"]["name"] for row in rows(either_broker)} == {"=cmd|' /C calc'!A0"}


def test_counts_say_what_the_list_says(born):
    answered(born, "accept", {"name": "meaning", "valueString": WORDS})
    born.clock.forward(days=3)
    everything = rows(born)
    for by, of in (
        ("agency", lambda row: [row["to"]["agency"]]),
        ("kind", lambda row: [row["kind"]]),
        ("state", lambda row: row["states"]),
        ("age", lambda _: ["2-7d"]),
    ):
        for filters, expected in (
            ("", everything),
            ("&state=complete", [r for r in everything if "complete" in r["states"]]),
        ):
            found = ask(born, f"/counts?by={by}{filters}").json()
            assert (found["by"], found["total"]) == (by, len(expected))
            keys = [key for row in expected for key in of(row)]
            assert {line["key"]: line["count"] for line in found["counts"] if line["count"]} == {
                key: keys.count(key) for key in keys
            }
    refused = [ask(born, f"/counts{query}") for query in ("", "?by=mood", "?by=age&limit=3", "?by=age&sort=age")]
    assert [answer.status_code for answer in refused] == [400] * 4


def test_every_page_count_and_evidence_leaves_an_audit_row_with_who_asked(born):
    before = born.ids(Audit)
    found = [row["id"] for row in rows(born)]
    ask(born, "/counts?by=age")
    ask(born, Accept="text/csv")
    ask(born, f"/{found[0]}/evidence")
    made = [row for row in born.rows(Audit) if row.id not in before]
    assert {row.client_name for row in made} == {Broker.name(None, AUDIT)}
    assert sorted((row.action, row.entity, row.entity_id) for row in made if row.entity_id) == [
        ("read", "task", found[0])
    ]
    lists = [row.detail["found"] for row in made if "found" in row.detail]
    assert lists == [found, found]
    counted = {"count": len(found), "by": "age"}
    assert any(counted.items() <= row.detail.items() for row in made)


def test_the_scope_shows_all_whatever_team_the_client_is_bound_to(born):
    """As `/fhir/Task` has it: the scope is what an administrator gave to an auditor."""
    mine = born.call("GET", "/audit/handovers", VISITORS, scopes=AUDIT).json()["handovers"]
    assert mine == rows(born)


# --- evidence -----------------------------------------------------------------------------------------------------


def test_evidence_is_everything_in_its_order_and_no_word_of_what_was_said(either_broker):
    broker = either_broker
    raw = json.dumps(message("birth")).encode()
    assert broker.post(raw).status_code == 200
    [sent] = broker.rows(Notification)
    broker.clock.forward(hours=1)
    [task] = broker.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    broker.call("GET", "/mailbox/inbox?after=0", VISITORS)
    broker.call("PUT", f"/mailbox/inbox/{task.delivery_id}/acknowledged", VISITORS)
    broker.clock.forward(hours=1)
    answered(broker, "open")
    broker.clock.forward(hours=1)
    answered(broker, "ask", {"name": "question", "valueString": WORDS})
    broker.clock.forward(hours=1)
    answered(broker, "accept", {"name": "meaning", "valueString": WORDS})
    answer = ask(broker, f"/{task.id}/evidence")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    said = found["message"]
    assert (said["id"], said["sha256"], said["size"]) == (sent.id, sha256(raw).hexdigest(), len(raw))
    assert (said["clients"], said["received"], said["from"]) == (
        [Broker.name(MIDWIVES)],
        "2026-03-02T12:00:00Z",
        MIDWIVES,
    )
    assert said["event"] == Event.BIRTH
    assert found["routing"]["policyVersion"] == sent.policy_version
    teams = [row["team"] for row in found["routing"]["teams"]]
    assert teams == sorted(teams)
    assert VISITORS in teams
    carried = found["deliveries"][0]
    assert (carried["id"], carried["team"], carried["cause"], carried["mailboxNumber"]) == (
        task.delivery_id,
        VISITORS,
        "",
        1,
    )
    assert carried["delivered"] == "2026-03-02T13:00:00Z"
    own, question = found["tasks"]
    assert (own["id"], own["status"], question["code"], question["partOf"]) == (
        task.id,
        TaskStatus.COMPLETED,
        "supply-information",
        task.id,
    )
    assert [event["move"] for event in own["events"]] == ["raised", "delivered", "open", "ask", "accept"]
    assert own["events"][4]["by"] == {"name": "Nora Nurse", "role": "health-visitor", "kind": "professional"}
    assert own["events"][4]["notShown"] == ["meaning"]
    assert own["events"][3]["notShown"] == ["text"]
    assert [event["version"] for event in own["events"]] == [1, 2, 3, 4, 5]
    assert [event["move"] for event in question["events"]] == ["raised", "no-longer-asked"]
    actions = [(row["action"], row["entity"]) for row in found["audit"]]
    assert actions[0] == ("decide", "notification") or actions[0] == ("receive", "notification")
    assert ("answer", "task") in actions
    times = [row["at"] for row in found["audit"]]
    assert times == sorted(times)
    assert not [word for word in (*FAMILY, "Bluebell", "Thursday") if word in answer.text]


def test_evidence_read_again_is_the_same_but_for_the_reading_itself(born):
    [row] = [row for row in rows(born) if row["to"]["team"] == VISITORS]
    first, second = (ask(born, f"/{row['id']}/evidence").json() for _ in range(2))
    before, after = first.pop("audit"), second.pop("audit")
    assert first == second
    assert [entry["action"] for entry in after if entry not in before] == ["read"]
    assert [entry for entry in after if entry in before] == before


def test_evidence_of_nothing_and_of_what_is_no_handover_is_not_found(born):
    others = [task for task in born.rows(Task) if task.code != "acknowledge"]
    for id_ in ("nobody", "00000000-0000-4000-8000-000000000000", *(task.id for task in others)):
        answer = ask(born, f"/{id_}/evidence")
        assert answer.status_code == 404
        assert issues(answer)
    assert ask(born, "/a%20b/evidence").status_code == 400


def test_an_overdue_one_is_overdue_from_the_moment_after(born):
    row = to(rows(born), VISITORS)
    [task] = born.rows(Task, id=row["id"])
    born.clock.time = task.due_at
    assert to(rows(born), VISITORS)["states"] == ["unacknowledged"]
    born.clock.forward(seconds=1)
    assert to(rows(born), VISITORS)["states"] == ["unacknowledged", "overdue"]
    assert timedelta() < born.clock.time - task.authored_at
