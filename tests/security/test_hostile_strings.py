"""Every call is sent what attackers write, in each place where the description lets a text stand: no fault, nothing quoted, nothing kept that breaks later, whichever database (T10)."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from broker.storage.tables import Audit, Delivery, Notification, Task
from broker.workflow import watchdog
from tests.contract.calling import ADMIN_SCOPES, TEAM_SCOPES, VISITORS, Broker, message, opened
from tests.contract.conftest import town
from tests.contract.test_openapi import CALLS, DESCRIBED

HOSTILE = {
    "sql": "x' OR '1'='1",
    "sql-stacked": 'x"; DROP TABLE task; --',
    "sql-sleep": "1) OR pg_sleep(30)--",
    "nul": "nul\x00byte",
    "surrogate": "half \ud800 pair",
    "header": "x\r\nSet-Cookie: baton=1\r\n\r\n",
    "script": "<script>alert(document.domain)</script>",
    "template": "{{7*'7777777'}}${7*7}#{7*7}",
    "lookup": "${jndi:ldap://127.0.0.1/x}",
    "format": "%s%n%x{0.__class__}",
    "path": "../../../../etc/passwd",
    "formula": "=cmd|' /C calc'!A0",
    "entity": "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>",
    "direction": "\u202egnirts\u2066 \u2028\u2029\ufeff",
    "long": "a" * 70_000,
    "number": "9" * 400,
}
QUOTED = ("DROP TABLE", "pg_sleep", "alert(", "jndi", "passwd", "Set-Cookie: baton", "' OR '", "calc'")
"""What an answer would have of them if it quoted."""
ONE = settings(
    deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck), max_examples=1
)


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker on PostgreSQL, which takes less than SQLite does, with something to lose."""
    with town("postgres", request, tmp_path_factory.mktemp("hostile")) as url, opened(url) as broker:
        assert broker.post(message()).status_code == 200
        runtime = broker.runtime  # without a pass of the watchdog it is not ready, whatever is asked
        runtime.store.write(lambda session: watchdog.watch(session, runtime.context(session), runtime.now()))
        yield broker


@pytest.mark.parametrize(("path", "method"), CALLS)
def test_no_text_is_more_than_a_text(filled, path, method):
    operation = DESCRIBED[path][method]
    office = path.startswith(("/admin", "/audit", "/reports/timeliness"))
    headers = filled.headers(None, ADMIN_SCOPES) if office else filled.headers(VISITORS, TEAM_SCOPES)
    tables = (Task, Delivery, Notification)
    before = {table: filled.ids(table) for table in tables}

    @ONE
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def call(case: Any) -> None:
        request = case.as_transport_kwargs(base_url="http://testserver")
        request.pop("cookies", None)
        request["headers"] = {**request["headers"], **headers}
        for name, text in HOSTILE.items():
            for sent in spoilt(request, text, path):
                answered(filled, sent, name)

    call()
    assert all(before[table] <= filled.ids(table) for table in tables)


def answered(broker: Broker, request: dict[str, Any], name: str) -> None:
    answer = broker.http.request(**request)
    assert answer.status_code < 500, (name, answer.text[:300])
    if answer.status_code >= 400:
        assert not [part for part in QUOTED if part in answer.text + str(answer.headers)], name
    assert "baton" not in answer.cookies


def spoilt(request: dict[str, Any], text: str, path: str) -> Iterator[dict[str, Any]]:
    """The request with this text in its address, in its query, in every text of its body, and in its form."""
    params = dict(request.get("params") or {})
    safe = text.encode("utf-8", "replace").decode()[:8_000]  # as long as the client lets an address be
    if "{" in path:
        there = re.sub(r"\{[^}]+\}", quote(safe, safe=""), path)
        yield {**request, "url": f"http://testserver{there}"}
    if params:
        yield {**request, "params": dict.fromkeys(params, safe)}
    else:
        yield {**request, "params": {"patient": safe}}
    if isinstance(request.get("data"), dict):
        yield {**request, "data": dict.fromkeys(request["data"] or ["identifier"], safe)}
    if request.get("json") is not None:
        plain = {key: value for key, value in request.items() if key != "json"}
        body = json.dumps(replaced(request["json"], text)).encode()  # a half pair as an escape, as JSON can write it
        media = {"Content-Type": request["headers"].get("Content-Type", "application/json")}
        yield {**plain, "content": body, "headers": {**request["headers"], **media}}


def replaced(value: Any, text: str) -> Any:
    """Every text in it is this one; names and what chooses a type stay, so that it is read as deep as it was."""
    if isinstance(value, dict):
        return {name: inner if name == "resourceType" else replaced(inner, text) for name, inner in value.items()} or {
            "x": text
        }
    if isinstance(value, list):
        return [replaced(inner, text) for inner in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_of_a_message_is_more_than_a_text(filled, name):
    """One place of a text in a golden message after the other, a quarter of them for each: what is accepted is shown again, and what is not is a refusal of ours."""
    whole = message("birth")
    turn = list(HOSTILE).index(name)
    for place in list(places(whole))[turn % 4 :: 4]:
        said = with_text(whole, place, HOSTILE[name])
        answer = filled.call(
            "POST",
            "/fhir/$process-message",
            content=json.dumps(said).encode(),
            headers={"Content-Type": "application/fhir+json"},
        )
        assert answer.status_code in (200, 400, 403, 409, 413, 422), (place, answer.status_code)
        if answer.status_code >= 400:
            assert not [part for part in QUOTED if part in answer.text], place
    for path in ("/fhir/Task", "/mailbox/inbox", "/fhir/AuditEvent"):
        assert filled.call("GET", path, VISITORS).status_code == 200
    assert filled.rows(Audit)


def places(
    value: Any, path: tuple[Any, ...] = (), kinds: set[tuple[str, ...]] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Where texts stand; of places that differ only in their number the first."""
    kinds = set() if kinds is None else kinds
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name), kinds)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index), kinds)
    elif isinstance(value, str):
        kind = tuple(part for part in path if isinstance(part, str))
        if kind not in kinds:
            kinds.add(kind)
            yield path


def with_text(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """A copy with this text in that place."""
    if not path:
        return text
    first, *rest = path
    made = dict(value) if isinstance(value, dict) else list(value)
    made[first] = with_text(value[first], tuple(rest), text)
    return made
