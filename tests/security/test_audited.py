"""Every call and every page leaves its audit entry, and so does every refusal: a new one that nobody thought of fails here (IHE BALP)."""

from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from ipaddress import ip_network

import pytest
import structlog
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from broker import log
from broker.storage import audit_head, audit_log
from broker.storage.audit_head import Newest
from broker.storage.signing import Signer, is_signed
from broker.storage.tables import Audit, Household
from broker.web import refusals
from broker.web.pages import families
from broker.workflow import watchdog
from tests.conftest import Clock
from tests.contract.calling import (
    ADMIN_SCOPES,
    FHIR,
    MIDWIVES,
    TEAM_SCOPES,
    VISITORS,
    Broker,
    issues,
    message,
    opened,
    sender,
    town_copy,
)
from tests.contract.visiting import employ, visitor
from tests.sealed import sealed

OPEN = "says nothing of anybody"
COUNTS = "ids, times, states of channels and how many wait; no person"
OWN = "the team's own staff list"
THROUGH = "what it leads to is written down there"
FORM = "an empty form"
SELF = "when oneself signed in"
IN_VAIN = "nothing is there"

OPENED = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "practitioner",
            "part": [{"name": "name", "valueString": "A B"}, {"name": "role", "valueCode": "health-visitor"}],
        }
    ],
}

API = {
    "POST /oauth2/token": "grant token",
    "POST /oauth2/revoke": "revoke token",
    "GET /fhir/.well-known/smart-configuration": OPEN,
    "POST /fhir/$process-message": "receive notification",
    "POST /adapters/{kind}/events": "receive notification",
    "GET /fhir/Task": "search task",
    "POST /fhir/Task/_search": "search task",
    "GET /fhir/Task/{task_id}": "read task",
    "PUT /fhir/Task/{task_id}": "answer task",
    **{
        f"POST /fhir/Task/{{task_id}}/${move}": "answer task"
        for move in (
            "open",
            "accept",
            "decline",
            "ask",
            "answer",
            "complete",
            "reassign",
            "caretake",
            "exclude",
            "extend",
        )
    },
    "GET /fhir/Flag": "search flag",
    "POST /fhir/Flag/_search": "search flag",
    "GET /fhir/Flag/{flag_id}": "read flag",
    "GET /transfers/{id_}/summary": "disclose task",
    "GET /fhir/AuditEvent": "search audit",
    "POST /fhir/AuditEvent/_search": "search audit",
    "GET /fhir/AuditEvent/{event_id}": "read audit",
    "GET /mailbox/inbox": COUNTS,
    "GET /mailbox/inbox/{message_id}": "read delivery",
    "PUT /mailbox/inbox/{message_id}/acknowledged": "acknowledge delivery",
    "POST /fhir/Patient/_search": "search person",
    "GET /households/{household_id}": "read household",
    "GET /households/{household_id}/chronology": "read household",
    "GET /responsibility": "read person",
    "GET /audit/handovers": "search task",
    "GET /audit/handovers/counts": "search task",
    "GET /audit/handovers/{handover_id}/evidence": "read task",
    "GET /reports/births": "search person",
    "GET /audit/withheld": "search delivery",
    "GET /reports/expectations": "search person",
    "GET /reports/agenda": "search household",
    "GET /reports/timeliness": "search task",
    "PUT /admin/agencies/{agency_id}": "administer agency",
    "PUT /admin/areas/{area_id}": "administer area",
    "PUT /admin/teams/{team_id}": "administer team",
    "PUT /admin/clients/{name}": "administer client",
    "PUT /admin/teams/{team_id}/channel": "administer channel",
    "GET /admin/teams/{team_id}/channel": COUNTS,
    "PUT /admin/teams/{team_id}/practitioners/{practitioner_id}": "administer practitioner",
    "GET /admin/teams/{team_id}/practitioners": "administer team",
    "PUT /admin/accounts/{account_id}": "administer account",
    "GET /admin/channels": COUNTS,
    "GET /admin/subject-access": "read subject-access",
    "POST /admin/subject-access": "administer subject-access",
    "GET /admin/subject-access/{request_id}": "read subject-access",
    "POST /admin/subject-access/{request_id}/release": "administer subject-access",
    "POST /admin/subject-access/{request_id}/refuse": "administer subject-access",
    "GET /admin/subject-access/{request_id}/export": "disclose subject-access",
    "GET /admin/retention": "administer retention",
    "GET /admin/legal-holds": "administer legal-hold",
    "PUT /admin/legal-holds/{hold_id}": "administer legal-hold",
    "GET /admin/policy": "read policy",
    "POST /admin/policy/proposals": "administer policy",
    "GET /admin/policy/proposals/{proposal_id}": "read policy",
    "POST /admin/policy/proposals/{proposal_id}/$approve": "administer policy",
    "POST /admin/policy/proposals/{proposal_id}/$reject": "administer policy",
    "GET /admin/dead-letters/quarantined": "search dead-letter",
    "GET /admin/dead-letters/quarantined/{quarantined_id}": "read dead-letter",
    "POST /admin/dead-letters/quarantined/$retry": "retry dead-letter",
    "POST /admin/dead-letters/quarantined/{quarantined_id}/$retry": "retry dead-letter",
    "GET /admin/dead-letters": "search dead-letter",
    "GET /admin/dead-letters/{delivery_id}": "read dead-letter",
    "POST /admin/dead-letters/$retry": "retry dead-letter",
    "POST /admin/dead-letters/{delivery_id}/$retry": "retry dead-letter",
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": OPEN,
    "GET /fhir/metadata": OPEN,
    "GET /fhir/{kind}/{name}": OPEN,
}
"""What each call leaves, as action and entity; or why it need not."""

PAGES = {
    "GET /": OPEN,
    "GET /app/assets/{name}": OPEN,
    "GET /app": OPEN,
    "GET /app/sign-in": OPEN,
    "GET /app/sign-in/go": OPEN,
    "GET /app/sign-in/back": "sign-in account",
    "GET /app/demo/people": "invented people, and in --demo alone",
    "POST /app/demo/people": THROUGH,
    "POST /app/sign-out": "sign-out account",
    "GET /app/signed-out": OPEN,
    "GET /app/sessions": SELF,
    "POST /app/sessions/end": "sign-out account",
    "POST /app/seat": OPEN,
    "POST /app/stay": OPEN,
    "GET /app/who": OPEN,
    "GET /app/inbox": "search task",
    "GET /app/tasks/{task_id}": "read task",
    "GET /app/households/{household_id}": "read household",
    "GET /app/sent": "search task",
    "GET /app/raised": "search task",
    "GET /app/households/{household_id}/{telling}": "read household",
    "POST /app/households/{household_id}/{telling}": "receive notification",
    "GET /app/households/{household_id}/tell": "read household",
    "GET /app/sent/{notification_id}/withdraw": "read notification",
    "POST /app/sent/{notification_id}/withdraw": "receive notification",
    "GET /app/transfers/{task_id}/sheet": "disclose task",
    "GET /app/admin/people": "read account",
    "GET /app/admin/people/{account_id}": "read account",
    "POST /app/admin/people/{account_id}": "administer account",
    "POST /app/admin/people/{account_id}/end": "administer account",
    "GET /app/break-glass": FORM,
    "POST /app/break-glass": "break-glass household",
    "GET /app/rota": OWN,
    "POST /app/rota": "administer practitioner",
    "GET /app/overview": "search task",
    "GET /app/agenda": "search household",
    "GET /app/tasks/{task_id}/{move}": "read task",
    "POST /app/tasks/{task_id}/{move}": "answer task",
    "GET /app/transfers/{task_id}": "read task",
    "POST /app/transfers/{task_id}/check": "read task",
    "POST /app/transfers/{task_id}/send": "answer task",
    "GET /app/audit/handovers": "search task",
    "GET /app/audit/handovers.csv": "search task",
    "GET /app/audit/handovers/{task_id}": "read task",
    "GET /app/audit/timeliness": "search task",
    "GET /app/audit/timeliness.csv": "search task",
    "GET /app/audit/declines": "search task",
    "GET /app/audit/watch": "read audit",
    "POST /app/audit/watch/verify": "read audit",
    "GET /app/admin/teams": "read directory",
    "GET /app/audit/withheld": "search delivery",
    "GET /app/audit/withheld.csv": "search delivery",
    "GET /app/admin/areas": "read directory",
    "GET /app/admin/teams/{team_id}": "read team",
    "GET /app/admin/directory/{listed}": "read team",
    "GET /app/admin/directory/{listed}/{entry_id}": "read team",
    "POST /app/admin/directory/{listed}": "administer team",
    "POST /app/admin/directory/{listed}/{entry_id}": "administer team",
    "GET /app/admin/channels": "read channel",
    "POST /app/admin/channels/{team_id}/test": "administer channel",
    "GET /app/admin/dead-letters": "search dead-letter",
    "POST /app/admin/dead-letters/{delivery_id}/retry": "retry dead-letter",
    "POST /app/admin/dead-letters/quarantined/{refused_id}/retry": "retry dead-letter",
    "GET /app/admin/branding": "read settings",
    "GET /app/admin/policy": "read policy",
    "POST /app/admin/policy/simulate": "read policy",
    "GET /app/admin/retention": "read retention",
    "GET /app/admin/policy/versions": "read policy",
    "POST /app/admin/policy/versions": "administer policy",
    "GET /app/admin/policy/versions/{version_id}": "read policy",
    "POST /app/admin/policy/versions/{version_id}/approve": "administer policy",
    "POST /app/admin/policy/versions/{version_id}/reject": "administer policy",
    "GET /app/live": COUNTS,
    "GET /app/help": OPEN,
    "GET /app/accessibility": OPEN,
    "POST /app/{rest:path}": IN_VAIN,
    "GET /app/{rest:path}": IN_VAIN,
}


@dataclass
class Audited:
    """A broker with something to find, and the ids of it."""

    broker: Broker
    ids: dict[str, str]

    def path(self, template: str) -> str:
        """An address with ids in it."""
        for name, value in self.ids.items():
            template = template.replace(f"{{{name}}}", value)
        return template

    def written(self, before: set[str]) -> list[Audit]:
        """What was written since."""
        return [row for row in self.broker.rows(Audit) if row.id not in before]


@pytest.fixture(scope="module")
def audited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with town_copy(request, tmp_path_factory.mktemp("audited")) as url, opened(url, demo=True) as broker:
        for name in ("birth", "concern-bruising"):
            told = message(name)
            assert broker.post(told, sender(told)).status_code == 200
        runtime = broker.runtime
        runtime.store.write(lambda session: watchdog.watch(session, runtime.context(session), runtime.now()))
        employ(broker, "joe", VISITORS)
        employ(broker, "lena", "bcht-safeguarding-lead")
        employ(broker, "nadia", scopes=ADMIN_SCOPES)
        yield Audited(broker, ids_of(broker))


def ids_of(broker: Broker) -> dict[str, str]:
    tasks = broker.call("GET", "/fhir/Task?code=acknowledge", VISITORS).json()["entry"]
    task = tasks[0]["resource"]["id"]
    return {
        "task_id": task,
        "handover_id": task,
        "message_id": broker.call("GET", "/mailbox/inbox", VISITORS).json()["messages"][0]["id"],
        "event_id": broker.call("GET", "/fhir/AuditEvent", VISITORS).json()["entry"][0]["resource"]["id"],
        "household_id": broker.rows(Household)[0].id,
        "person_id": tasks[0]["resource"]["for"]["reference"].partition("/")[2],
        "team_id": VISITORS,
        "account_id": "joe",
        "listed": "team",
        "entry_id": VISITORS,
        "move": "accept",
        "telling": "concern",
    }


def declared(table):
    return {address: tuple(left.split()) for address, left in table.items() if left not in NOTHING}


NOTHING = (OPEN, COUNTS, OWN, SELF, THROUGH, FORM, IN_VAIN, PAGES["GET /app/demo/people"])


def test_every_call_says_what_it_leaves(shared_broker):
    paths = shared_broker.app.openapi()["paths"]
    assert set(API) == {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}


def test_every_page_says_what_it_leaves():
    routes = [route for router in families.ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert set(PAGES) == {
        f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}
    }


def test_nothing_but_what_is_open_or_a_table_of_its_own_leaves_nothing():
    """Whoever declares that a read leaves nothing has one of the reasons above."""
    assert all(len(left) == 2 for left in declared(API | PAGES).values())


READ: list[tuple[str, str, dict]] = [
    ("GET /fhir/Task", "", {}),
    ("POST /fhir/Task/_search", "", {"data": {"code": "acknowledge"}}),
    ("GET /fhir/Task/{task_id}", "", {}),
    ("GET /fhir/Flag", "?patient={person_id}", {}),
    ("POST /fhir/Flag/_search", "", {"data": {"patient": "{person_id}"}}),
    ("GET /fhir/AuditEvent", "", {}),
    ("POST /fhir/AuditEvent/_search", "", {"data": {"action": "R"}}),
    ("GET /fhir/AuditEvent/{event_id}", "", {}),
    ("GET /mailbox/inbox/{message_id}", "", {}),
    ("PUT /mailbox/inbox/{message_id}/acknowledged", "", {}),
    ("POST /fhir/Patient/_search", "", {"data": {"identifier": "https://fhir.nhs.uk/Id/nhs-number|9990000409"}}),
    ("GET /households/{household_id}", "", {}),
    ("GET /households/{household_id}/chronology", "", {}),
    ("GET /responsibility", "?person={person_id}", {}),
    ("GET /audit/handovers", "", {}),
    ("GET /audit/handovers/counts", "?by=agency", {}),
    ("GET /audit/handovers/{handover_id}/evidence", "", {}),
    ("GET /reports/births", "", {}),
    ("GET /reports/expectations", "", {}),
    ("GET /reports/agenda", "", {}),
    ("GET /audit/withheld", "", {}),
    ("GET /reports/timeliness", "", {}),
    ("GET /admin/teams/{team_id}/practitioners", "", {}),
    ("GET /admin/dead-letters/quarantined", "", {}),
    ("GET /admin/dead-letters", "", {}),
    ("GET /admin/policy", "", {}),
    ("GET /admin/retention", "", {}),
    ("GET /admin/subject-access", "", {}),
    ("GET /admin/legal-holds", "", {}),
    ("PUT /admin/agencies/{team_id}", "", {"json": {"name": "An agency"}}),
    ("POST /fhir/$process-message", "", {"content": b"{}", "headers": FHIR}),
    ("POST /fhir/Task/{task_id}/$open", "", {"headers": FHIR, "json": OPENED}),
]


@pytest.mark.parametrize(("address", "query", "more"), READ, ids=[address for address, _, _ in READ])
def test_a_call_leaves_what_it_says(audited, address, query, more):
    method, template = address.split()
    office = template.startswith(("/admin", "/audit", "/reports/timeliness"))
    team, scopes = (None, ADMIN_SCOPES) if office else (VISITORS, TEAM_SCOPES)
    more = {
        name: {key: audited.path(value) if isinstance(value, str) else value for key, value in given.items()}
        if isinstance(given, dict)
        else given
        for name, given in more.items()
    }
    before = audited.broker.ids(Audit)
    answer = audited.broker.call(method, audited.path(template + query), team, scopes=scopes, **more)
    [*left] = audited.written(before)
    wanted = declared(API).get(address) or declared(API)[address.replace("{team_id}", "{agency_id}")]
    assert wanted in {(row.action, row.entity) for row in left}, (answer.status_code, answer.text)
    assert all(row.client_name == audited.broker.name(team, scopes) and row.team_id == team for row in left)


VISITED = [
    ("joe", "GET /app/inbox", ""),
    ("joe", "GET /app/tasks/{task_id}", ""),
    ("joe", "GET /app/tasks/{task_id}/{move}", ""),
    ("joe", "GET /app/households/{household_id}", ""),
    ("joe", "GET /app/households/{household_id}/{telling}", ""),
    ("joe", "GET /app/households/{household_id}/tell", ""),
    ("joe", "GET /app/sent", ""),
    ("joe", "GET /app/raised", ""),
    ("joe", "GET /app/agenda", ""),
    ("lena", "GET /app/overview", ""),
    ("nadia", "GET /app/audit/handovers", ""),
    ("nadia", "GET /app/audit/handovers.csv", ""),
    ("nadia", "GET /app/audit/handovers/{task_id}", ""),
    ("nadia", "GET /app/audit/timeliness", ""),
    ("nadia", "GET /app/audit/timeliness.csv", ""),
    ("nadia", "GET /app/audit/declines", ""),
    ("nadia", "GET /app/audit/watch", ""),
    ("nadia", "GET /app/admin/people", ""),
    ("nadia", "GET /app/admin/people/{account_id}", ""),
    ("nadia", "GET /app/audit/withheld", ""),
    ("nadia", "GET /app/audit/withheld.csv", ""),
    ("nadia", "GET /app/admin/teams", ""),
    ("nadia", "GET /app/admin/areas", ""),
    ("nadia", "GET /app/admin/teams/{team_id}", ""),
    ("nadia", "GET /app/admin/directory/{listed}", ""),
    ("nadia", "GET /app/admin/directory/{listed}/{entry_id}", ""),
    ("nadia", "GET /app/admin/channels", ""),
    ("nadia", "GET /app/admin/dead-letters", ""),
    ("nadia", "GET /app/admin/branding", ""),
    ("nadia", "GET /app/admin/policy", ""),
    ("nadia", "GET /app/admin/retention", ""),
    ("nadia", "GET /app/admin/policy/versions", ""),
]


def test_every_page_that_is_read_is_among_those_tried():
    elsewhere = {
        "GET /app/transfers/{task_id}",
        "GET /app/sign-in/back",
        "GET /app/admin/policy/versions/{version_id}",
        "GET /app/transfers/{task_id}/sheet",
        "GET /app/sent/{notification_id}/withdraw",
    }
    tried = {address for _, address, _ in VISITED} | elsewhere
    assert {address for address in declared(PAGES) if address.startswith("GET")} == tried


@pytest.mark.parametrize(("who", "address", "query"), VISITED, ids=[address for _, address, _ in VISITED])
def test_a_page_leaves_what_it_says(audited, who, address, query):
    browser = visitor(audited.broker, who)
    before = audited.broker.ids(Audit)
    answer = browser.http.get(audited.path(address.removeprefix("GET ") + query))
    assert answer.status_code == 200
    left = audited.written(before)
    assert declared(PAGES)[address] in {(row.action, row.entity) for row in left}
    assert all(row.client_name == f"person:{who}" for row in left)


# --- refusals -----------------------------------------------------------------------------------------------------


def test_who_has_no_token_is_written_down_without_what_they_sent(audited):
    before = audited.broker.ids(Audit)
    address = audited.path("/fhir/Task/{task_id}?patient=9990000409")
    assert audited.broker.http.get(address, headers={"Authorization": "Bearer 9990000409"}).status_code == 401
    [row] = audited.written(before)
    assert (row.action, row.outcome, row.client_name, row.entity_id) == (
        "refuse",
        "failure",
        None,
        audited.ids["task_id"],
    )
    assert row.detail == {"method": "GET", "route": "/fhir/Task/{task_id}", "status": 401, "address": "testclient"}


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """Log lines as the program writes them, whatever other tests have made of it."""
    before, said = structlog.get_config(), StringIO()
    with redirect_stderr(said):
        log.configure("json")
    yield said
    structlog.configure(**before)


def test_the_address_of_a_call_is_in_the_audit_and_in_no_log_line(audited, logged, monkeypatch):
    """As a proxy of ours says it, for calls that are answered and for those that are refused, whoever asks."""
    broker, asked = audited.broker, "203.0.113.77"
    proxies = {"trusted_proxies": [ip_network("10.0.0.0/8")]}
    monkeypatch.setattr(broker.runtime, "settings", broker.runtime.settings.model_copy(update=proxies))
    proxied = TestClient(broker.app, client=("10.0.0.1", 5000))
    before, nobody = broker.ids(Audit), dict[str, str]()
    for headers in (broker.headers(VISITORS), nobody):
        proxied.get("/fhir/Task", headers={**headers, "X-Forwarded-For": f"192.0.2.1, {asked}"})
    rows = audited.written(before)
    assert {row.action for row in rows} == {"search", "refuse"}
    assert {row.detail["address"] for row in rows} == {asked}
    assert "/fhir/Task" in logged.getvalue()
    assert asked not in logged.getvalue()


def test_who_has_not_the_scope_is_written_down_by_name(audited):
    before = audited.broker.ids(Audit)
    answer = audited.broker.call("GET", "/audit/handovers?team=9990000409", VISITORS)
    assert (answer.status_code, issues(answer)[0]["code"]) == (403, "forbidden")
    [row] = audited.written(before)
    assert (row.action, row.team_id, row.detail["status"], row.entity_id) == ("deny", VISITORS, 403, None)


@pytest.mark.parametrize("id_", ["{task_id}", "00000000-0000-4000-8000-00000000ffff"])
def test_what_is_not_there_for_somebody_is_written_down_whether_it_exists_or_not(audited, id_):
    before = audited.broker.ids(Audit)
    assert audited.broker.call("GET", audited.path(f"/fhir/Task/{id_}"), "bsmhft-safeguarding-lead").status_code == 404
    [row] = audited.written(before)
    assert (row.action, row.entity, row.entity_id) == ("deny", "task", audited.path(id_))


def test_an_id_that_is_none_is_not_kept(audited):
    before = audited.broker.ids(Audit)
    assert audited.broker.call("GET", "/fhir/Task/9990000409", VISITORS).status_code == 404
    [row] = audited.written(before)
    assert (row.entity, row.entity_id) == ("call", None)
    assert "999" not in str(row.detail)


NOBODYS = "00000000-0000-4000-8000-00000000ffff"
BY_ID = (
    "GET /fhir/Task/{id}",
    "GET /fhir/Flag/{id}",
    "GET /fhir/AuditEvent/{id}",
    "GET /mailbox/inbox/{id}",
    "GET /households/{id}",
    "GET /households/{id}/chronology",
    "GET /transfers/{id}/summary",
    "GET /responsibility?person={id}",
    "GET /audit/handovers/{id}/evidence",
    "GET /admin/dead-letters/{id}",
    "GET /admin/dead-letters/quarantined/{id}",
    "GET /admin/policy/proposals/{id}",
    "GET /admin/subject-access/{id}",
    "GET /admin/subject-access/{id}/export",
)
"""Every read of one thing by its id."""
PAGES_BY_ID = (
    ("joe", "/app/tasks/{id}"),
    ("joe", "/app/tasks/{id}/accept"),
    ("joe", "/app/households/{id}"),
    ("joe", "/app/households/{id}/tell"),
    ("joe", "/app/households/{id}/concern"),
    ("joe", "/app/transfers/{id}"),
    ("joe", "/app/transfers/{id}/sheet"),
    ("joe", "/app/sent/{id}/withdraw"),
    ("nadia", "/app/audit/handovers/{id}"),
    ("nadia", "/app/admin/people/{id}"),
    ("nadia", "/app/admin/teams/{id}"),
    ("nadia", "/app/admin/policy/versions/{id}"),
)


@pytest.mark.parametrize("address", BY_ID)
def test_one_read_that_is_refused_leaves_one_entry(audited, address):
    method, template = address.split()
    office = template.startswith(("/admin", "/audit"))
    team, scopes = (None, ADMIN_SCOPES) if office else (VISITORS, TEAM_SCOPES)
    before = audited.broker.ids(Audit)
    assert audited.broker.call(method, template.format(id=NOBODYS), team, scopes=scopes).status_code == 404
    [row] = audited.written(before)
    assert (row.action, row.outcome, row.client_name) == ("deny", "failure", audited.broker.name(team, scopes))
    assert row.entity_id in (NOBODYS, None)


@pytest.mark.parametrize(("who", "address"), PAGES_BY_ID)
def test_one_page_that_is_refused_leaves_one_entry(audited, who, address):
    browser = visitor(audited.broker, who)
    before = audited.broker.ids(Audit)
    assert browser.http.get(address.format(id=NOBODYS)).status_code == 404
    [row] = audited.written(before)
    assert (row.action, row.outcome, row.client_name) == ("deny", "failure", f"person:{who}")


def test_a_page_that_is_refused_is_written_down(audited):
    joe = visitor(audited.broker, "joe")
    before = audited.broker.ids(Audit)
    assert joe.http.get("/app/admin/teams").status_code == 403
    [row] = audited.written(before)
    assert (row.action, row.client_name, row.detail["route"]) == ("deny", "person:joe", "/app/admin/teams")


def test_a_flood_of_the_unknown_is_counted_and_does_not_fill_the_audit(audited, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(refusals, "elapsed", clock)
    before = audited.broker.ids(Audit)
    for _ in range(refusals.UNKNOWN.burst + 20):
        assert audited.broker.http.get("/fhir/Task").status_code == 401
    clock.forward(seconds=1)
    assert audited.broker.http.get("/fhir/Task").status_code == 401
    *rest, last = sorted(audited.written(before), key=lambda row: row.detail.get("more", 0))
    assert len(rest) == refusals.UNKNOWN.burst
    assert last.detail["more"] == 20


# --- receipts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def next_hour(audited, monkeypatch):
    """Everything is sealed, and an hour has begun since."""
    sealed(audited.broker.runtime.store, now=audited.broker.clock())
    audited.broker.clock.forward(hours=1)
    monkeypatch.setattr(audited.broker.runtime, "newest_head", Newest(audited.broker.clock))
    monkeypatch.setattr(audit_head, "EVERY_SECONDS", 0.0)


@pytest.mark.usefixtures("next_hour")
def test_every_receipt_brings_the_last_head_of_before_this_hour(audited):
    broker, message_id = audited.broker, audited.ids["message_id"]
    store = broker.runtime.store
    newest = store.read(audit_log.last_head)
    signer = Signer(store.codec)
    answers = [
        broker.post(message("birth"), sender(message("birth"))),
        broker.post(b"{}"),
        broker.call("GET", "/mailbox/inbox", VISITORS),
        broker.call("GET", f"/mailbox/inbox/{message_id}", VISITORS),
        broker.call("PUT", f"/mailbox/inbox/{message_id}/acknowledged", VISITORS),
    ]
    for answer in answers:
        head = audit_head.read(answer.headers["baton-audit-head"])
        assert head == replace(newest, peaks=None)
        assert is_signed(head, {signer.key: signer.public})
    assert "baton-audit-head" not in broker.http.get("/fhir/metadata").headers


@pytest.mark.usefixtures("next_hour")
def test_the_head_of_a_receipt_does_not_count_what_the_message_before_caused(audited):
    """A head says how many entries there are; how many were told of a message is for nobody to count (principle 9)."""
    broker = audited.broker

    def known():
        sealed(broker.runtime.store, now=broker.clock())
        return audit_head.read(broker.call("GET", "/mailbox/inbox", MIDWIVES).headers["baton-audit-head"])

    before = known()
    told = message("emergency-attendance")
    assert broker.post(told, sender(told)).status_code == 200
    broker.clock.forward(seconds=2)
    assert known() == before
    broker.clock.forward(hours=1)
    assert known().size > before.size


@pytest.mark.parametrize(
    "text", ["", "number=1", "x", 'number=1, size=1, root=:!:, at="x", complete=?1, key="a", signature=:A:']
)
def test_what_is_no_head_is_none(text):
    assert audit_head.read(text) is None
