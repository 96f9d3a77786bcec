"""The canary's family goes through real journeys, errors among them, and is then looked for wherever things come to rest (T7): log, figures, every column and byte of the database, queues, e-mails, heads and addresses of webhooks, titles and addresses of pages."""

import asyncio
import json
import logging
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from itertools import count
from time import sleep
from typing import Any

import aio_pika
import pytest
import structlog
from fastapi.testclient import TestClient
from httpx import Response
from lxml import html
from pydantic import SecretStr
from sqlalchemy import MetaData, select

from broker import log
from broker.bus.rabbit.names import EXCHANGES, TEAMS, WORK, work_key
from broker.bus.rabbit.topology import declare_exchange
from broker.settings import Settings
from broker.storage.tables import Attempt, Household, Notification, Subject
from broker.web.tokens import JWT_BEARER
from schemas import examples
from schemas.identifiers import NHS_NUMBER
from tests.contract.calling import ADMIN_SCOPES, FHIR, VISITORS, Broker, sender
from tests.contract.visiting import Visitor, employ
from tests.security.canary import CASE, FAMILY, NUMBER, STREET, TELLINGS, WORD, WORDS, WORKER, born, running, seen, told
from tests.services import postgres_database, rabbitmq_virtual_host
from tests.unit.channels.mailserver import MailHost, mail_host

HOOKED, MAILED = VISITORS, "harborne-practice"
SHARDS = 2
TAP = "tap"
"""A queue of the test's own that gets a copy of all that goes to workers and teams."""
TRIES = 600


@dataclass
class Sinks:
    """What was found where."""

    answers: list[Response] = field(default_factory=list)
    moves: Counter[str] = field(default_factory=Counter)
    hooks: list[str] = field(default_factory=list)
    """Request line and head of each webhook; its body is the team's own message."""
    failed: int = 0
    mails: list[bytes] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    log: str = ""
    metrics: str = ""
    columns: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    born: str = ""
    tried: set[str] = field(default_factory=set)


# --- what stands round the broker ----------------------------------------------------------------------------------


@contextmanager
def receiving(sinks: Sinks) -> Iterator[str]:
    """A team's system that fails three times, each time quoting what it got in its answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sinks.hooks.append(f"{self.requestline}\n{self.headers}")
            sinks.failed += sinks.failed < 3
            failing = len(sinks.hooks) <= 3
            self.send_response(500 if failing else 204, f"{FAMILY} {NUMBER}")
            self.send_header("X-Error", f"{FAMILY} {NUMBER}")
            self.send_header("content-length", str(len(body) if failing else 0))
            self.end_headers()
            self.wfile.write(body if failing else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def mailing() -> Iterator[MailHost]:
    """The mail server of the tests, in a thread of its own."""
    loop, ready, hosts = asyncio.new_event_loop(), threading.Event(), []
    done = asyncio.Event()

    async def serve() -> None:
        async with mail_host() as host:
            hosts.append(host)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield hosts[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


async def tap(url: str) -> None:
    """Begin to listen."""
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        for exchange in EXCHANGES:
            await declare_exchange(connection, exchange)
        queue = await channel.declare_queue(TAP, durable=True)
        for shard in range(SHARDS):
            await queue.bind(WORK, routing_key=work_key(shard))
        for exchange in EXCHANGES:
            if exchange.type == "fanout":
                await queue.bind(exchange.name)
        for team in (HOOKED, MAILED):
            await queue.bind(TEAMS, routing_key=f"team.{team}")


async def tapped(url: str) -> list[str]:
    """All that came."""
    heard = []
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(TAP)
        while one := await queue.get(fail=False):
            heard.append(f"{one.routing_key} {one.message_id} {one.headers} {one.body.decode()}")
            await one.ack()
    return heard


# --- the journey ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "postgres-rabbitmq"])
def sinks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sinks:
    """Everything was told, answered, shown and refused once, and pushed."""
    found, said = Sinks(), StringIO()
    folder = tmp_path_factory.mktemp("sinks")
    structure, handler = structlog.get_config(), logging.StreamHandler(said)
    handler.setLevel(logging.WARNING)  # what Python writes when nobody has set anything up, as the program does not
    with ExitStack() as stack:
        stack.callback(structlog.configure, **structure)
        rabbit = None
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_town"), folder / "baton.db")
            url = f"sqlite:///{folder}/baton.db"
        else:
            url = stack.enter_context(postgres_database(request.getfixturevalue("postgres_town")))
            rabbit = stack.enter_context(rabbitmq_virtual_host())
            asyncio.run(tap(rabbit))
        hook, host = stack.enter_context(receiving(found)), stack.enter_context(mailing())
        stack.enter_context(redirect_stderr(said))
        stack.enter_context(redirect_stdout(said))
        log.configure("json")
        logging.getLogger().addHandler(handler)
        stack.callback(logging.getLogger().removeHandler, handler)
        settings = Settings(
            public_url="http://testserver",
            demo=True,
            allow_private_addresses=True,
            poll_seconds=0.05,
            smtp_url=SecretStr(f"smtp://127.0.0.1:{host.port}"),
            amqp_url=SecretStr(rabbit) if rabbit else None,
            amqp_shards=SHARDS,
        )
        with running(url, settings) as broker:
            listen(broker.http, found)
            goes(broker, found, hook)
            until_pushed(broker, found, host)
            found.metrics = broker.http.get("/metrics").text
            found.columns = columns(broker)
            found.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        found.files |= {f"{path.name} at rest": path.read_bytes() for path in folder.iterdir()}
        found.mails = [bytes(message) for message in host.messages]
        found.queued = asyncio.run(tapped(rabbit)) if rabbit else []
        found.log = said.getvalue()
    found.tried = {request.param}
    return found


def listen(http: TestClient, found: Sinks) -> None:
    """Keep every answer."""

    def keep(answer: Response) -> None:
        answer.read()
        found.answers.append(answer)

    http.event_hooks = {"response": [keep]}


def goes(broker: Broker, found: Sinks, hook: str) -> None:
    channel = {"kind": "webhook", "url": hook, "secret": "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBhIHRlc3Qgc2VjcmV0"}
    mail = {"kind": "email", "url": "mailto:duty@surgery.example"}
    for team, body in ((HOOKED, channel), (MAILED, mail)):
        answer = broker.call("PUT", f"/admin/teams/{team}/channel", None, scopes=ADMIN_SCOPES, json=body)
        assert answer.status_code == 200, answer.text
    tells(broker, found)
    errs(broker)
    answers(broker, found)
    administers(broker)
    visits(broker, found)


def tells(broker: Broker, found: Sinks) -> None:
    for name in TELLINGS:
        bundle = told(name)
        broker.post(bundle, sender(bundle))
        broker.post(json.dumps(bundle).encode().replace(b'"entry"', f'"{FAMILY}"'.encode()), sender(bundle))
    found.born = born(told("birth"))


def errs(broker: Broker) -> None:
    """Her in everything that can be wrong."""
    text = json.dumps(told("birth"))
    spoilt = (text[:-100], text.replace('"birth"', f'"{FAMILY}"'), text.replace('"female"', f'"{FAMILY}"'))
    for body in spoilt:
        broker.post(body.encode())
    for kind in ("midwifery", "gp", "probation", "health-visiting", FAMILY):
        for media in ("application/json", "x-application/hl7-v2+er7", "application/fhir+xml", FAMILY):
            headed = {"Content-Type": f'{media}; charset=utf-8; name="{FAMILY}"'}
            broker.call("POST", f"/adapters/{kind}/events", content=f"{text} {media}".encode(), headers=headed)
    for word in (FAMILY, NUMBER, STREET):
        for path in ("", "/fhir/Task", "/households", "/mailbox/inbox", "/app", "/fhir/AuditEvent", "/transfers"):
            broker.call("GET", f"{path}/{word}", headers={"X-Request-ID": NUMBER, "User-Agent": word})
        broker.call("GET", "/fhir/Task", params={"patient": word, word: word})
        broker.call("GET", "/fhir/AuditEvent", None, scopes=ADMIN_SCOPES, params={"agent": word})
        broker.call("POST", "/fhir/Patient/_search", VISITORS, data={"identifier": f"{NHS_NUMBER}|{word}"})
        assertion = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "scope": word}
        broker.http.post("/oauth2/token", data=assertion | {"client_assertion": f"{word}.{word}.{word}"})
        broker.http.get("/fhir/Task", headers={"Authorization": f"Bearer {word.replace(' ', '')}"})
        broker.http.get(f"/app/sign-in/back?code={word}&state={word}")
        broker.call("PUT", f"/admin/agencies/{word}", None, scopes=ADMIN_SCOPES, json={"name": [word]})


def answers(broker: Broker, found: Sinks) -> None:
    """Every move, on as many tasks as there are."""
    turn = count()
    for team in sorted({sender(examples.load(name)) for name in TELLINGS} | {HOOKED, MAILED}):
        for entry in broker.call("GET", "/mailbox/inbox", team).json()["messages"]:
            broker.call("GET", f"/mailbox/inbox/{entry['id']}", team)
        page = broker.call("GET", "/fhir/Task", team, params={"owner": team, "_count": "8"}).json()
        for number, entry in zip(turn, page.get("entry", []), strict=False):
            task = entry["resource"]
            for move, parts in moves(task, number):
                body = {"resourceType": "Parameters", "parameter": [somebody(), *parts]}
                answer = broker.call("POST", f"/fhir/Task/{task['id']}/${move}", team, json=body, headers=FHIR)
                found.moves[move] += answer.status_code == 200


def somebody() -> dict[str, Any]:
    return {"name": "practitioner", "part": [word("name", WORKER), code("role", "health-visitor")]}


def word(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "valueString": text}


def code(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "valueCode": value}


def moves(task: dict[str, Any], number: int) -> list[tuple[str, list[dict[str, Any]]]]:
    said = f"{FAMILY} {NUMBER} {WORD}"
    at = "2026-03-02T12:00:00Z"
    conversation = {"name": "conversation", "part": [word("with", WORKER), {"name": "at", "valueDateTime": at}]}
    action = {
        "name": "agreed-action",
        "part": [
            word("action", said),
            {"name": "owner", "valueReference": {"display": WORKER}},
            code("role", "health-visitor"),
            {"name": "due", "valueDateTime": "2026-03-05"},
        ],
    }
    later = {"name": "due", "valueDateTime": "2026-03-20T12:00:00Z"}
    ends = [
        ("accept", [conversation, word("meaning", said), action]),
        ("decline", [code("reason", "30014"), word("note", said)]),
        ("ask", [word("question", said)]),
        ("complete", [word("note", said), {"name": "decision", "part": [word("because", said)]}]),
        ("complete", [word("note", said)]),
        ("extend", [later, word("note", said)]),
        ("exclude", [code("reason", "30002"), word("note", said)]),
    ]
    turned = ends[number % len(ends) :] + ends[: number % len(ends)]
    return [("open", []), *turned[:4]]


def administers(broker: Broker) -> None:
    """People of teams, accounts, holds and somebody who asks what is held about her."""
    person, about = broker.rows(Subject)[0].person_id, broker.rows(Notification)[0].id
    said = f"{FAMILY} {NUMBER} {WORD}"
    put = {
        f"/admin/teams/{VISITORS}/practitioners/one": {"name": WORKER, "role": "health-visitor"},
        "/admin/legal-holds/one": {"person": person, "reason": said},
        "/admin/legal-holds/two": {"notification": about, "reason": said},
    }
    for path, body in put.items():
        answer = broker.call("PUT", path, None, scopes=ADMIN_SCOPES, json=body)
        assert answer.status_code == 200, (path, answer.text)
    asked = {"person": person, "requested_by": said, "reason": said}
    again = broker.call("POST", "/admin/dead-letters/quarantined/$retry", None, scopes=ADMIN_SCOPES, json={})
    assert again.status_code == 200, again.text
    made = broker.call("POST", "/admin/subject-access", None, scopes=ADMIN_SCOPES, json=asked)
    assert made.status_code == 201, made.text


def visits(broker: Broker, found: Sinks) -> None:
    """Ottoline at the pages, and somebody whom nobody knows."""
    employ(broker, "somebody", VISITORS, name=WORKER)
    visitor = Visitor(broker)
    listen(visitor.http, found)
    visitor.sign_in("somebody")
    visitor.sign_in(FAMILY)
    visitor.sign_in("somebody")
    tasks = [
        entry["resource"]["id"]
        for entry in broker.call("GET", "/fhir/Task", VISITORS, params={"owner": VISITORS}).json()["entry"]
    ]
    homes = [row.id for row in broker.rows(Household)]
    for path in ("inbox", "sent", "raised", "agenda", "rota", "break-glass", *(f"tasks/{id_}" for id_ in tasks[:10])):
        visitor.http.get(f"/app/{path}")
    for home in homes:
        for end in ("", "/tell", "/concern"):
            visitor.http.get(f"/app/households/{home}{end}")
        visitor.http.post(f"/app/households/{home}/concern", data={"csrf": FAMILY, "detail": WORD})
    visitor.http.get("/app/inbox", params={"q": FAMILY})


def until_pushed(broker: Broker, found: Sinks, host: MailHost) -> None:
    """Time passes until the failing system has taken all, and the e-mail has gone."""
    for _ in range(TRIES):
        if found.failed == 3 and len(found.hooks) > 10 and host.got and broker.rows(Attempt):
            return
        broker.clock.forward(seconds=30)
        sleep(0.1)
    raise AssertionError((found.failed, len(found.hooks), len(host.got)))


def columns(broker: Broker) -> dict[tuple[str, str], list[bytes]]:
    """Every value of every table there is, whether ours or not, as bytes."""
    there = MetaData()
    kept: dict[tuple[str, str], list[bytes]] = {}
    with broker.runtime.store.engine.connect() as connection:
        there.reflect(connection)
        rows = (
            (table.name, row) for table in there.sorted_tables for row in connection.execute(select(table)).mappings()
        )
        for table, row in rows:
            for name, value in row.items():
                if value is not None:
                    kept.setdefault((table, name), []).append(as_bytes(value))
    return kept


def as_bytes(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (
        json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    ).encode()


# --- and where they are not ----------------------------------------------------------------------------------------


def test_they_were_taken_in_and_everything_was_tried(sinks):
    """Else nothing below shows anything."""
    assert min(sinks.moves[move] for move in ("open", "accept", "decline", "ask", "complete", "extend")) > 0, (
        sinks.moves
    )
    assert {200, 400, 401, 403, 404, 409, 422} <= {answer.status_code for answer in sinks.answers}
    told_of = [answer.text for answer in sinks.answers if answer.status_code == 200]
    for one in (FAMILY, NUMBER, WORD, WORKER, CASE):
        assert any(one in text for text in told_of), one
    filled = {table for table, _ in sinks.columns}
    assert {"person", "identifier", "address", "task", "taskevent", "notification", "delivery", "attempt", "account",
            "practitioner", "rereading", "legalhold", "subjectrequest", "audit"} <= filled  # fmt: skip


def test_no_column_has_anything_of_them(sinks):
    assert {place: words for place, kept in sinks.columns.items() if (words := seen(*kept))} == {}


def test_dates_of_birth_stand_in_the_one_column_that_is_said_to_have_them(sinks):
    year, month, day = sinks.born.split("-")
    forms = [form.encode() for form in (sinks.born, f"{year}{month}{day}", f"{day}/{month}/{year}")]
    where = {place for place, kept in sinks.columns.items() for one in kept if any(form in one for form in forms)}
    assert where == {("person", "born")}


def test_no_byte_of_the_files_has_anything_of_them(sinks):
    """Of SQLite: the database, what is not yet in it (WAL), and the database at rest."""
    if "sqlite" in sinks.tried:
        assert {"baton.db", "baton.db-wal", "baton.db at rest"} <= sinks.files.keys()
        assert len(sinks.files["baton.db-wal"]) > 10**5
    assert {name: words for name, kept in sinks.files.items() if (words := seen(kept))} == {}


def test_no_log_line_has_anything_of_them(sinks):
    assert sinks.log.count('"event":"request"') > 100
    assert seen(sinks.log) == set()
    assert sinks.born not in sinks.log
    assert "Traceback" not in sinks.log


def test_no_figure_has_anything_of_them(sinks):
    assert "baton_" in sinks.metrics
    assert seen(sinks.metrics) == set()


def test_internal_work_has_nothing_of_them_in_the_queues(sinks):
    if "sqlite" in sinks.tried:
        assert sinks.queued == []
        return
    assert len(sinks.queued) > 10
    assert seen(*sinks.queued) == set()


def test_no_e_mail_has_anything_of_them(sinks):
    assert len(sinks.mails) > 0
    assert seen(*sinks.mails) == set()


def test_no_address_or_head_of_a_webhook_has_anything_of_them(sinks):
    assert len(sinks.hooks) > 3
    assert seen(*sinks.hooks) == set()


def test_no_refusal_has_anything_of_them(sinks):
    for answer in sinks.answers:
        if answer.status_code >= 400 and "html" not in answer.headers.get("content-type", ""):
            assert seen(answer.text, str(answer.headers)) == set(), (answer.request.method, answer.status_code)


def test_no_title_address_or_head_of_a_page_has_anything_of_them(sinks):
    pages = [answer for answer in sinks.answers if "html" in answer.headers.get("content-type", "")]
    assert any(FAMILY in page.text for page in pages)
    for page in pages:
        [title] = html.fromstring(page.text).xpath("//title/text()")
        links = html.fromstring(page.text).xpath("//@href | //@action | //@src")
        assert seen(title, str(page.headers), *links) == set(), title
    leads = [answer.headers["location"] for answer in sinks.answers if "location" in answer.headers]
    assert seen(*leads) == set()


def test_what_is_looked_for_is_found_where_it_is():
    assert seen(f"... {FAMILY.upper()} ...", NUMBER.encode()) == {FAMILY, NUMBER}
    assert len(WORDS) == len(set(WORDS))
