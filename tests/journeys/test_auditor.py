"""The auditor sees a forgotten child until somebody has answered for her, and what led there."""

import pytest

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, NOAH
from schemas.examples.story import MESSAGES
from schemas.examples.telling import HEALTH_VISITOR, choice, fact, mother, tell, together, when
from tests.journeys.handing_over import NEW, OLD, at_home, taken_on


@pytest.fixture
def auditor(office):
    return office.auditor()


@pytest.fixture
def sent(office):
    """A household of two children, of whom the transfer forgets one."""
    old = office.system(OLD)
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    old.tells(
        MESSAGES["involvement-start"],
        at_home("together", when(2019, 2, 21), together(CHLOE, AVA, NOAH)),
        taken_on("noah-taken-on", OLD, when(2019, 2, 22), NOAH),
        tell(
            "transfer-of-noah",
            Event.TRANSFER,
            OLD,
            when(2019, 4, 29),
            kind="health-visiting",
            subjects=[NOAH],
            people=[CHLOE],
            relationships=mother(CHLOE, NOAH),
            author=HEALTH_VISITOR,
            to=(NEW,),
            facts=(choice("transfer-reason", "moved"), fact("care-summary", "New birth visit on 6 March.", NOAH)),
        ),
    )
    return office


def open_transfers(auditor):
    rows = auditor.get("/audit/handovers", params={"state": "unacknowledged", "kind": "transfer", "team": NEW})
    return rows["handovers"]


def line(system, child):
    known = system.looks_up(child)["id"]
    [found] = [task for task in system.tasks("confirm-child") if task["for"]["reference"] == f"Patient/{known}"]
    return found


def test_the_auditor_sees_it_until_every_child_is_answered_for(sent, auditor, clock):
    new = sent.system(NEW)
    [row] = open_transfers(auditor)
    assert (row["childrenNamed"], row["childrenInTransfer"], row["childrenConfirmed"]) == (1, 2, 0)
    assert {holder["team"] for holder in row["holders"]} == {OLD}
    clock.forward(days=3)
    new.accepts(line(new, NOAH))
    [row] = open_transfers(auditor)
    assert (row["businessStatus"], row["childrenConfirmed"]) == ("partly-confirmed", 1)
    assert "overdue" in row["states"]
    assert {holder["team"] for holder in row["holders"]} == {OLD, NEW}
    new.accepts(line(new, AVA))
    assert open_transfers(auditor) == []


def test_the_evidence_tells_it_line_by_line(sent, auditor, clock):
    new = sent.system(NEW)
    [row] = open_transfers(auditor)
    new.takes()
    clock.forward(hours=5)
    new.accepts(line(new, NOAH))
    evidence = auditor.get(f"/audit/handovers/{row['id']}/evidence")
    lines = [task for task in evidence["tasks"] if task["code"] == "confirm-child"]
    assert sorted(task["status"] for task in lines) == ["completed", "received"]
    [done] = [task for task in lines if task["status"] == "completed"]
    [period] = evidence["responsibility"]
    assert (period["team"], period["task"], period["function"]) == (NEW, done["id"], "health-visiting")
    assert [event["move"] for event in done["events"]] == ["raised", "delivered", "accept"]
    for kept_back in ("Noah", "Ava", "9990000"):
        assert kept_back not in str(evidence)


def test_the_figures_agree(sent, auditor, clock):
    clock.forward(days=10)
    counts = auditor.get("/audit/handovers/counts", params={"by": "kind", "state": "unacknowledged"})
    rows = auditor.get("/audit/handovers", params={"state": "unacknowledged", "limit": 500})["handovers"]
    assert counts["total"] == len(rows)
    assert {c["key"]: c["count"] for c in counts["counts"]} == {
        kind: sum(row["kind"] == kind for row in rows) for kind in {row["kind"] for row in rows}
    }
    by_age = auditor.get("/audit/handovers/counts", params={"by": "age", "state": "unacknowledged"})
    assert by_age["total"] == counts["total"]


def test_a_table_for_a_meeting(sent, auditor):
    answer = auditor.call("GET", "/audit/handovers", headers={"Accept": "text/csv"}, params={"kind": "transfer"})
    assert answer.headers["content-type"].startswith("text/csv")
    header, *rows = answer.text.splitlines()
    assert "confirmed" in header.casefold()
    assert any(NEW in row for row in rows)


def test_a_team_may_not_look(sent):
    assert sent.system(NEW).call("GET", "/audit/handovers").status_code == 403
