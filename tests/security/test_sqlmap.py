"""sqlmap tries to inject SQL where callers write what is searched for, and finds nothing; where there is a hole it finds it. `make deep` alone runs this."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.dev import own_environment
from schemas.identifiers import NHS_NUMBER
from tests.contract.server import Server, serving
from tests.services import postgres_database

pytestmark = [
    pytest.mark.skipif("BATON_SQLMAP" not in os.environ, reason="`make deep` sets BATON_SQLMAP: minutes of requests"),
    pytest.mark.timeout(1200),
]

FOUND = "sqlmap identified the following injection point"
NOTHING = "all tested parameters do not appear to be injectable"
LONGEST = 900  # seconds of one run, behind which it has shown nothing

SEARCHES = [
    # whose token, path and query, body, what is tried
    ("swbh-health-visiting", "/fhir/Task?owner=swbh-health-visiting&status=requested", "", "owner,status"),
    ("swbh-health-visiting", "/fhir/Task/_search", "owner=swbh-health-visiting&code=acknowledge", "owner,code"),
    ("-", "/audit/handovers?team=swbh-health-visiting&state=unacknowledged", "", "team,state"),
    ("-", "/fhir/AuditEvent?agent=swbh-health-visiting", "", "agent"),
    ("swbh-health-visiting", "/fhir/Patient/_search", f"identifier={NHS_NUMBER}|9990000018", "identifier"),
    ("swbh-health-visiting", "/mailbox/inbox?after=0&limit=10", "", "after,limit"),
]


def sqlmap(folder: Path, url: str, parameters: str, *more: str) -> str:
    """What it says of these parameters; techniques that wait are left out, because a busy machine waits too."""
    tool = str(own_environment.made("sqlmap") / "sqlmap")
    bounds = ["--batch", "--level=2", "--risk=1", "--technique=BEUQ", "--timeout=20", f"--time-limit={LONGEST}"]
    quiet = ["--skip-waf", "--disable-coloring", "--flush-session", f"--output-dir={folder}/sqlmap"]
    done = subprocess.run(
        [tool, "-u", url, "-p", parameters, *bounds, *quiet, *more],
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST + 60,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A broker on PostgreSQL that holds nobody back, so that every try is answered."""
    with (
        postgres_database() as url,
        serving(
            tmp_path_factory.mktemp("broker"),
            "swbh-health-visiting",
            "-",
            BATON_DATABASE_URL=url,
            BATON_TOKEN_SECONDS="3600",
            BATON_CALLS_PER_SECOND="100000",
        ) as server,
    ):
        yield server


@pytest.mark.postgres
@pytest.mark.parametrize(("caller", "path", "body", "parameters"), SEARCHES, ids=[one[1] for one in SEARCHES])
def test_nothing_is_injected_into_a_search(broker, tmp_path, caller, path, body, parameters):
    as_caller = ["--headers", f"Authorization: {broker.headers(caller)['Authorization']}", "--dbms=PostgreSQL"]
    said = sqlmap(tmp_path, f"{broker.url}{path}", parameters, *as_caller, *(["--data", body] if body else []))
    assert NOTHING in said, said[-3000:]
    assert FOUND not in said
    assert not [code for code in ("401", "403", "404", "429", "500") if f"{code} (" in said], said[-3000:]


def test_a_hole_is_found(tmp_path):
    with injectable() as url:
        said = sqlmap(tmp_path, f"{url}/fhir/Task?owner=visitors", "owner")
    assert FOUND in said, said[-3000:]
    assert NOTHING not in said


class _Injectable(BaseHTTPRequestHandler):
    """A search that puts what it is asked into its statement."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query).get("owner", [""])[0]
        with sqlite3.connect(":memory:") as database:
            database.executescript("CREATE TABLE task (owner, what); INSERT INTO task VALUES ('visitors', 'answer');")
            try:
                found = database.execute(f"SELECT what FROM task WHERE owner = '{asked}'").fetchall()
                status = 200
            except sqlite3.Error:
                found, status = [], 400
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"<p>{found}</p>".encode())

    def log_message(self, *_: object) -> None:
        """It keeps no log."""


@contextmanager
def injectable() -> Iterator[str]:
    """A server with a hole, on this machine alone; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Injectable)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
