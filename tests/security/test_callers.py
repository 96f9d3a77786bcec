"""Calling without a token, with none that is one, or without the scope (threat T2): every call is secured, and says with what."""

import pytest

from tests.contract.calling import issues

SECURED = {
    ("POST", "/fhir/$process-message"): "baton/message.write",
    ("POST", "/adapters/probation/events"): "baton/message.write",
    ("GET", "/fhir/Task"): "system/Task.rs",
    ("POST", "/fhir/Task/_search"): "system/Task.rs",
    ("GET", "/fhir/Task/1"): "system/Task.rs",
    ("PUT", "/fhir/Task/1"): "system/Task.u",
    ("POST", "/fhir/Task/1/$accept"): "system/Task.u",
    ("GET", "/fhir/AuditEvent"): "system/AuditEvent.rs",
    ("POST", "/fhir/AuditEvent/_search"): "system/AuditEvent.rs",
    ("GET", "/fhir/AuditEvent/1"): "system/AuditEvent.rs",
    ("GET", "/transfers/1/summary"): "system/Task.rs",
    ("GET", "/mailbox/inbox"): "baton/mailbox",
    ("GET", "/mailbox/inbox/1"): "baton/mailbox",
    ("PUT", "/mailbox/inbox/1/acknowledged"): "baton/mailbox",
    ("POST", "/fhir/Patient/_search"): "system/Patient.s",
    ("GET", "/households/1"): "system/Patient.s",
    ("GET", "/households/1/chronology"): "system/Patient.s",
    ("GET", "/responsibility"): "system/Patient.s",
    ("GET", "/reports/births"): "system/Patient.s",
    ("GET", "/reports/expectations"): "system/Patient.s",
    ("GET", "/reports/agenda"): "system/Patient.s",
    ("GET", "/reports/timeliness"): "baton/audit",
    ("GET", "/audit/handovers"): "baton/audit",
    ("GET", "/audit/handovers/counts"): "baton/audit",
    ("GET", "/audit/handovers/1/evidence"): "baton/audit",
    ("GET", "/audit/withheld"): "baton/audit",
    ("PUT", "/admin/agencies/x"): "baton/admin",
    ("GET", "/fhir/Flag"): "system/Flag.rs",
    ("POST", "/fhir/Flag/_search"): "system/Flag.rs",
    ("GET", "/fhir/Flag/1"): "system/Flag.rs",
    ("PUT", "/admin/areas/x"): "baton/admin",
    ("PUT", "/admin/teams/x"): "baton/admin",
    ("PUT", "/admin/teams/x/channel"): "baton/admin",
    ("GET", "/admin/teams/x/channel"): "baton/admin",
    ("PUT", "/admin/teams/x/practitioners/p"): "baton/admin",
    ("GET", "/admin/teams/x/practitioners"): "baton/admin",
    ("PUT", "/admin/accounts/x"): "baton/admin",
    ("GET", "/admin/channels"): "baton/admin",
    ("GET", "/admin/dead-letters"): "baton/admin",
    ("GET", "/admin/dead-letters/quarantined"): "baton/admin",
    ("GET", "/admin/dead-letters/quarantined/1"): "baton/admin",
    ("POST", "/admin/dead-letters/quarantined/$retry"): "baton/admin",
    ("POST", "/admin/dead-letters/quarantined/1/$retry"): "baton/admin",
    ("GET", "/admin/dead-letters/1"): "baton/admin",
    ("POST", "/admin/dead-letters/$retry"): "baton/admin",
    ("POST", "/admin/dead-letters/1/$retry"): "baton/admin",
    ("PUT", "/admin/clients/x"): "baton/admin",
    ("GET", "/admin/policy"): "baton/admin",
    ("POST", "/admin/policy/proposals"): "baton/admin",
    ("GET", "/admin/policy/proposals/1"): "baton/admin",
    ("POST", "/admin/policy/proposals/1/$approve"): "baton/admin",
    ("POST", "/admin/policy/proposals/1/$reject"): "baton/admin",
    ("GET", "/admin/retention"): "baton/admin",
    ("GET", "/admin/legal-holds"): "baton/admin",
    ("PUT", "/admin/legal-holds/1"): "baton/admin",
    ("POST", "/admin/subject-access"): "baton/admin",
    ("GET", "/admin/subject-access"): "baton/admin",
    ("GET", "/admin/subject-access/1"): "baton/admin",
    ("POST", "/admin/subject-access/1/release"): "baton/admin",
    ("POST", "/admin/subject-access/1/refuse"): "baton/admin",
    ("GET", "/admin/subject-access/1/export"): "baton/admin",
}
OPEN = {
    "/oauth2/token",
    "/oauth2/revoke",
    "/fhir/metadata",
    "/fhir/{kind}/{name}",
    "/fhir/.well-known/smart-configuration",
}
OPEN |= {"/healthz", "/readyz", "/metrics"}
_TASKS, _AUDIT = ("/fhir/Task", "/fhir/Task/_search", "/fhir/Task/1"), "/fhir/AuditEvent"
_READ_BY_AUDITORS = (
    *_TASKS,
    _AUDIT,
    f"{_AUDIT}/_search",
    f"{_AUDIT}/1",
    "/responsibility",
    "/reports/births",
    "/reports/expectations",
)
ALSO = dict.fromkeys(_READ_BY_AUDITORS, "baton/audit")
"""A second scope that opens a call."""


def test_every_other_call_is_in_the_table_above(shared_broker):
    """A new call that nobody thought of securing fails here."""
    document = shared_broker.app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert ("security" in operation) == (path not in OPEN), f"{method} {path}"
            if path not in OPEN:
                [scheme] = operation["security"]
                [scopes] = scheme.values()
                named = [scope for (m, p), scope in SECURED.items() if m == method.upper() and matches(path, p)]
                assert named[:1] == scopes, f"{method} {path}"


def matches(template: str, path: str) -> bool:
    left, right = template.split("/"), path.split("/")
    same = (
        a == b or a.startswith("{") or (a.startswith("$") and b.startswith("$"))
        for a, b in zip(left, right, strict=False)
    )
    return len(left) == len(right) and all(same)


@pytest.mark.parametrize(("method", "path"), SECURED)
def test_without_a_token_nothing_is_said_but_where_to_get_one(shared_broker, method, path):
    headers = {"Content-Type": "application/json"}
    answer = shared_broker.http.request(method, path, headers=headers, content=b"{}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Baton"'
    assert issues(answer)[0]["code"] == "login"


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer x", "bearer \x00".replace("\x00", "%00"), "Basic eDp5", "x", "Bearer " + "a" * 5000],
)
def test_a_token_that_is_none_is_said_to_be_none(shared_broker, authorization):
    answer = shared_broker.http.get("/mailbox/inbox", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Baton", error="invalid_token"'


@pytest.mark.parametrize(("call", "scope"), SECURED.items(), ids=[" ".join(call) for call in SECURED])
def test_without_the_scope_it_is_named(shared_broker, call, scope):
    method, path = call
    others = sorted({*SECURED.values()} - {scope, ALSO.get(path)})
    answer = shared_broker.call(
        method, path, scopes=tuple(others), content=b"{}", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 403
    assert issues(answer)[0]["code"] == "forbidden"
    assert scope in issues(answer)[0]["diagnostics"]


def test_a_token_in_the_address_or_the_body_opens_nothing(shared_broker):
    token = shared_broker.headers()["Authorization"].removeprefix("Bearer ")
    assert shared_broker.http.get(f"/mailbox/inbox?access_token={token}").status_code == 401
    form = {"access_token": token, "identifier": "a|b"}
    assert shared_broker.http.post("/fhir/Patient/_search", data=form).status_code == 401
