"""`/healthz`, `/readyz` and `/metrics`, and what callers meet while the database is away, not migrated, or busy."""

import re
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from broker.runtime import wires
from broker.settings import Settings
from broker.storage.store import Busy
from broker.storage.tables import Notification
from broker.workflow import watchdog
from tests.contract.calling import MIDWIVES, Broker, issues, message, opened, sender
from tests.services import postgres_database, require

CALLS = [
    ("POST", "/fhir/$process-message", {"json": message()}),
    ("GET", "/fhir/Task", {}),
    ("GET", "/mailbox/inbox", {}),
    ("GET", "/households/1", {}),
    ("POST", "/fhir/Patient/_search", {"data": {"identifier": "a|b"}}),
]


def watched(broker: Broker) -> None:
    """The watchdog makes a pass, as in a worker's process."""
    runtime = broker.runtime
    runtime.store.write(lambda session: watchdog.watch(session, runtime.context(session), runtime.now()))


def readiness(broker: Broker) -> tuple[int, dict[str, bool]]:
    answer = broker.http.get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_a_broker_with_its_database_is_alive_and_ready(either_broker: Broker):
    assert either_broker.http.get("/healthz").json() == {"status": "ok"}
    watched(either_broker)
    assert readiness(either_broker) == (200, {"database": True, "migrations": True, "watchdog": True})


def test_where_nothing_was_watched_for_three_minutes_nothing_is_ready(either_broker: Broker):
    assert readiness(either_broker) == (503, {"database": True, "migrations": True, "watchdog": False})
    watched(either_broker)
    either_broker.clock.forward(minutes=3)
    assert readiness(either_broker)[0] == 200
    either_broker.clock.forward(seconds=1)
    assert readiness(either_broker) == (503, {"database": True, "migrations": True, "watchdog": False})


def test_what_the_watchdog_found_is_in_the_figures(either_broker: Broker):
    said = message()
    assert either_broker.post(said, sender(said)).status_code == 200
    watched(either_broker)
    assert figures(either_broker)["baton_watchdog_found", 'check="task-late"'] == 0
    either_broker.clock.forward(days=60)
    watched(either_broker)
    either_broker.clock.forward(seconds=30)
    shown = figures(either_broker)
    assert shown["baton_watchdog_found", 'check="task-late"'] > 0
    assert shown["baton_watchdog_age_seconds", ""] == 30
    assert shown["baton_clock_late_seconds", ""] == 0


def test_a_bus_that_is_away_is_said_and_takes_nobody_out_of_service(broker: Broker):
    watched(broker)
    assert broker.http.get("/readyz").json()["bus"] == "up"
    broker.runtime.bus = wires(Settings(amqp_url=SecretStr("amqp://127.0.0.1:1/")), broker.runtime.store)[0]

    answer = broker.http.get("/readyz")

    assert (answer.status_code, answer.json()["bus"]) == (200, "away")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_empty_database_is_not_ready(kind, tmp_path):
    if kind == "sqlite":
        with opened(f"sqlite:///{tmp_path}/empty.db") as broker:
            assert readiness(broker) == (503, {"database": True, "migrations": False, "watchdog": False})
        return
    with postgres_database() as url, opened(url) as broker:
        assert readiness(broker) == (503, {"database": True, "migrations": False, "watchdog": False})


def test_without_its_database_it_lives_is_not_ready_and_asks_callers_to_come_back(postgres_town):
    """Really gone: dropped under open connections, as after a failed restore."""
    with postgres_database(postgres_town) as url, opened(url) as broker:
        token = broker.headers()
        watched(broker)
        assert readiness(broker)[0] == 200
        drop(url)
        assert broker.http.get("/healthz").status_code == 200
        assert readiness(broker) == (503, {"database": False, "migrations": False, "watchdog": False})
        for method, path, body in CALLS:
            answer = broker.http.request(method, path, headers=token | {"Content-Type": content_type(body)}, **body)
            assert answer.status_code == 503, path
            assert answer.headers["retry-after"].isdigit()
            assert issues(answer)[0]["code"] == "transient"
            assert "SELECT" not in answer.text
            assert make_url(url).database not in answer.text
        assert broker.http.get("/metrics").status_code == 200
        assert broker.http.get("/fhir/metadata").status_code == 200
        with opened_admin(url) as connection:  # for the fixture that drops it
            connection.execute(f'CREATE DATABASE "{make_url(url).database}"')


def content_type(body: dict[str, object]) -> str:
    return "application/x-www-form-urlencoded" if "data" in body else "application/fhir+json"


def opened_admin(url: str):
    import psycopg

    there = make_url(url).set(drivername="postgresql", database="postgres")
    return psycopg.connect(there.render_as_string(hide_password=False), autocommit=True)


def drop(url: str) -> None:
    require("postgres")
    with opened_admin(url) as connection:
        connection.execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')


def test_a_worker_that_looks_no_more_is_not_ready(broker: Broker):
    watched(broker)
    now = broker.clock()
    for looked_at, ready in (
        (now, True),
        (now - timedelta(seconds=59), True),
        (now - timedelta(seconds=60), False),
        (None, False),
    ):
        broker.app.state.worker = SimpleNamespace(looked_at=looked_at)
        status, checks = readiness(broker)
        assert (checks["worker"], status) == (ready, 200 if ready else 503)


def test_what_keeps_colliding_is_503_and_nothing_is_kept(broker: Broker):
    def busy(work, **_):
        raise Busy("kept colliding with Quillon Xanthe")

    token = broker.headers()
    write, broker.runtime.store.write = broker.runtime.store.write, busy
    answer = broker.http.post(
        "/fhir/$process-message", json=message(), headers=token | {"Content-Type": "application/json"}
    )
    broker.runtime.store.write = write
    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdigit()
    assert "Quillon" not in answer.text
    assert broker.rows(Notification) == []
    assert broker.post(message()).status_code == 200


# --- figures -------------------------------------------------------------------------------------------------------

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ([0-9.e+-]+|NaN|\+Inf)$")


def figures(broker: Broker) -> dict[tuple[str, str], float]:
    answer = broker.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    samples = [SAMPLE.match(line) for line in lines]
    assert all(samples)
    return {(sample[1], sample[2] or ""): float(sample[3]) for sample in samples if sample}


def test_requests_are_counted_by_route_method_and_status(broker: Broker):
    where = ("baton_http_requests_total", 'method="GET",route="/fhir/Task/{task_id}",status="404"')
    before = figures(broker).get(where, 0)
    for _ in range(3):
        assert broker.call("GET", f"/fhir/Task/{uuid4()}").status_code == 404
    assert figures(broker)[where] == before + 3


def test_no_label_holds_what_a_caller_wrote(broker: Broker):
    canary = "9990000018"
    number = f"QUILLON{canary}"
    for method, path in (
        ("GET", f"/fhir/Task/{number}"),
        ("GET", f"/households/{number}"),
        ("GET", f"/mailbox/inbox/{number}"),
        ("GET", f"/{number}"),
        ("GET", f"/fhir/CodeSystem/{number}"),
        ("POST", f"/adapters/{number}/events"),
        ("GET", f"/fhir/Task?patient={number}"),
        (number, "/fhir/metadata"),
        (number, "/nowhere"),
        ("PUT", f"/admin/teams/{number}"),
    ):
        broker.call(method, path, headers={"X-Request-ID": number, "User-Agent": number, "Host": number})
    text = broker.http.get("/metrics").text
    assert canary not in text
    assert "QUILLON" not in text
    assert MIDWIVES not in text
    methods = set(re.findall(r'method="([^"]*)"', text))
    assert methods <= {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"}
