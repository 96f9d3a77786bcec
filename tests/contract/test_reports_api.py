"""`/reports/…` over HTTP on both databases: who gets which rows, as JSON and CSV, page by page, and what stands in the audit."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import update

from broker.storage.tables import Audit, Involvement, Notification, Person, Responsibility, Task, Team
from tests.contract.calling import MIDWIVES, VISITORS, Broker, Json, copied, message, opened, sender, sent_at
from tests.contract.conftest import town

AUDIT = ("baton/audit",)
STORY = (
    "pregnancy-booking",
    "birth",
    "child-contact",
    "concern",
    "emergency-attendance",
    "supervision-start",
    "no-access",
    "birth-twins",
)
TOLD = sorted(map(message, STORY), key=sent_at)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database in which it was told, to be copied for each test."""
    with town(request.param, request, tmp_path_factory.mktemp("story")) as url:
        with opened(url) as broker:
            for bundle in TOLD:
                broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
                answer = broker.post(bundle, sender(bundle))
                assert answer.status_code == 200, answer.text
        yield url


@pytest.fixture
def told(story: str, tmp_path: Path) -> Iterator[Broker]:
    with copied(story, tmp_path) as url, opened(url) as broker:
        broker.clock.time = sent_at(TOLD[-1]) + timedelta(minutes=1, weeks=7)
        yield broker


def report(broker: Broker, path: str, team: str | None = VISITORS, **more) -> Json:
    scopes = {"scopes": AUDIT} if team is None else {}
    answer = broker.call("GET", f"/reports/{path}", team, **scopes, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def whole(broker: Broker, path: str, key: str, team: str | None = VISITORS) -> list[Json]:
    """Every page of it, one row each."""
    found, following = [], f"/reports/{path}{'&' if '?' in path else '?'}limit=1"
    while following:
        page = report(broker, following.removeprefix("/reports/"), team)
        assert len(page[key]) <= 1
        found += page[key]
        following = page["next"]
    return found


def lines(broker: Broker, path: str, team: str | None = VISITORS) -> list[dict[str, str]]:
    scopes = {"scopes": AUDIT} if team is None else {}
    answer = broker.call("GET", f"/reports/{path}", team, headers={"Accept": "text/csv"}, **scopes)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


# --- births


def test_an_auditor_has_every_child_without_a_practice_by_ids_alone(told):
    rows = report(told, "births", None)["births"]
    recent = (told.clock() - timedelta(weeks=52)).date()
    registered = {
        row.person_id
        for row in told.rows(Responsibility, function="general-practice")
        if row.until is None and row.team_id
    }
    expected = {
        row.id
        for row in told.rows(Person)
        if row.state == "unborn"
        or (row.state == "living" and row.born and row.born >= recent and row.id not in registered)
    }
    assert {row["person"] for row in rows} == expected
    assert rows == sorted(rows, key=lambda row: (row["day"], row["person"]))
    assert all(row["name"] is None for row in rows)
    assert "Hartley" not in str(rows)
    assert whole(told, "births", "births", None) == rows


def test_a_team_has_those_whom_it_works_with_by_name(told):
    mine = report(told, "births", MIDWIVES)["births"]
    assert mine
    assert all(row["name"] for row in mine if row["state"] == "born")
    people = {row.person_id for row in told.rows(Involvement, team_id=MIDWIVES)}
    assert {row["person"] for row in mine} >= {
        row["person"] for row in report(told, "births", None)["births"] if row["person"] in people
    }
    assert report(told, "births", "wmp-police")["births"] == []
    born = report(told, "births?state=born", MIDWIVES)["births"]
    assert born == [row for row in mine if row["state"] == "born"]
    assert all(row["late"] == (row["weeks"] >= 6 and (told.clock().date() - _day(row)).days > 42) for row in born)


def _day(row):
    return date.fromisoformat(row["day"])


def test_who_is_registered_is_in_it_no_more(told):
    before = {row["person"] for row in report(told, "births", None)["births"]}
    registration = message("gp-registration")
    answer = told.post(registration, sender(registration))
    assert answer.status_code == 200
    after = {row["person"] for row in report(told, "births", None)["births"]}
    assert after < before or not before & _named(told, registration)
    assert not after & _named(told, registration)


def _named(broker, bundle):
    [row] = broker.rows(Notification, event="gp-registration")
    return {subject.person_id for subject in broker.rows(Responsibility, notification_id=row.id)}


# --- the agenda


def test_the_families_of_a_teams_list_with_what_there_is_to_speak_of(told):
    [family] = [one for one in report(told, "agenda")["families"] if "concern" in one["because"]]
    assert "concern" in [line["event"] for line in family["concerns"]]
    assert {person["name"] for person in family["persons"]} >= {"Chloe Louise Hartley"}
    shown = told.call("GET", f"/households/{family['household']}/chronology", VISITORS).json()["lines"]
    ids = {line["id"] for line in shown}
    assert {line["id"] for line in (*family["concerns"], *family["events"])} <= ids
    for task in family["tasks"]:
        assert told.call("GET", f"/fhir/Task/{task['id']}", VISITORS).status_code == 200


def test_what_happened_before_the_last_meeting_is_no_news(told):
    everything = report(told, "agenda?since=2000-01-01")["families"]
    nothing = report(told, f"agenda?since={told.clock().date().isoformat()}")["families"]
    assert sum(len(one["events"]) for one in nothing) == 0 < sum(len(one["events"]) for one in everything)


def test_a_team_without_families_has_none_and_who_may_not_see_brings_nobody(told):
    assert (
        report(told, "agenda", "birmingham-housing" if told.rows(Team, id="birmingham-housing") else "wmp-police")[
            "families"
        ]
        == []
    )
    for team in told.rows(Team):
        for family in report(told, "agenda", team.id)["families"]:
            assert told.call("GET", f"/households/{family['household']}", team.id).status_code == 200


def test_the_agenda_as_csv_has_a_line_for_each_thing(told):
    families = report(told, "agenda")["families"]
    things = sum(len(one[key]) for one in families for key in ("concerns", "patterns", "events", "tasks", "missed"))
    assert len(lines(told, "agenda")) == things > 0
    assert whole(told, "agenda", "families") == families


# --- timeliness


def test_timeliness_agrees_with_a_plain_recount(told):
    rows = told.rows(Task, code="acknowledge")
    agencies = {team.id: team.agency_id for team in told.rows(Team)}

    def answer(session):
        for index, row in enumerate(sorted(rows, key=lambda row: row.id)):
            if index % 3:
                late = timedelta(hours=7 * index)
                values = {"status": "completed", "answered_at": row.authored_at + late}
                session.execute(update(Task).where(Task.id == row.id).values(**values))

    told.runtime.store.write(answer)
    path = "timeliness?by=all&since=2000-01-01"
    found = report(told, path, None)["timeliness"]
    rows = [row for row in told.rows(Task, code="acknowledge") if row.requester_team_id]
    events = {row.id: row.event for row in told.rows(Notification)}
    assert sum(line["sent"] for line in found) == len(rows) > 5
    for line in found:
        mine = [
            row
            for row in rows
            if (agencies[row.owner_team_id], events[row.notification_id]) == (line["agency"], line["kind"])
        ]
        answered = [row for row in mine if row.answered_at]
        in_time = [row for row in answered if row.answered_at <= row.due_at]
        overdue = [row for row in mine if not row.answered_at and row.due_at < told.clock()]
        assert (line["sent"], line["answered"], line["inTime"], line["overdue"]) == (
            len(mine), len(answered), len(in_time), len(overdue),
        )  # fmt: skip
        if len(answered) % 2:
            half = median((row.answered_at - row.authored_at) for row in answered)
            assert line["median"] == _duration(half)
    assert whole(told, path, "timeliness", None) == found


def _duration(span):
    days, hours = span.days, span.seconds // 3600
    return f"P{f'{days}D' if days else ''}{f'T{hours}H' if hours else ''}" if span else "PT0M"


# --- what is expected


def test_what_is_expected_is_there_for_who_owes_it_and_for_auditors(told):
    every = report(told, "expectations", None)["expectations"]
    assert every == sorted(every, key=lambda row: (row["due"], row["id"]))
    mine = report(told, "expectations", VISITORS)["expectations"]
    assert {row["owedBy"] for row in mine} <= {VISITORS, "health-visiting"}
    assert {row["id"] for row in mine} <= {row["id"] for row in every}
    assert mine
    assert all(row["name"] is None for row in every)
    assert whole(told, "expectations", "expectations", None) == every
    rule = every[0]["rule"]
    assert report(told, f"expectations?rule={rule}", None)["expectations"] == [
        row for row in every if row["rule"] == rule
    ]


# --- what all have in common


@pytest.mark.parametrize("path", ["births", "agenda", "expectations", "timeliness"])
def test_every_page_is_in_the_audit(told, path):
    team = None if path == "timeliness" else VISITORS
    before = told.ids(Audit)
    report(told, path, team)
    fresh = [row for row in told.rows(Audit) if row.id not in before]
    assert fresh
    assert {row.detail["report"] for row in fresh} == {path}
    assert {row.team_id for row in fresh} == {team}


@pytest.mark.parametrize(
    ("path", "team"), [("births", None), ("expectations", None), ("timeliness", None), ("births", VISITORS)]
)
def test_the_csv_has_the_rows_of_all_pages(told, path, team):
    key = path
    assert len(lines(told, path, team)) == len(report(told, f"{path}?limit=500", team)[key])


@pytest.mark.parametrize(
    "query",
    [
        "births?state=dead",
        "births?limit=0",
        "births?cursor=x",
        "expectations?state=met",
        "agenda?since=soon",
        "agenda?cursor=a%20b",
        "births?x=1",
    ],
)
def test_what_cannot_be_asked_is_refused(told, query):
    assert told.call("GET", f"/reports/{query}", VISITORS).status_code == 400


def test_another_format_is_not_acceptable_and_no_team_has_no_report(told):
    assert told.call("GET", "/reports/births", VISITORS, headers={"Accept": "text/html"}).status_code == 406
    for path in ("births", "expectations"):
        assert told.call("GET", f"/reports/{path}", None, scopes=("system/Patient.s",)).status_code == 403
    assert report_of_nobody(told) == []


def report_of_nobody(broker: Broker) -> list[Json]:
    """A client of no team has no list, and so no meeting."""
    return broker.call("GET", "/reports/agenda", None, scopes=("system/Patient.s",)).json()["families"]
