"""Calling a broker over HTTP in one process: callers by team and scopes, and what stands in the database afterwards."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlmodel import Session, SQLModel

from broker.bus.embedded import EmbeddedBus
from broker.main import create_app
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients, directory_file, notifications
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.storage.tables import Notification, Task
from broker.web import tokens
from schemas import examples
from tests.conftest import NOON, SECRET, Clock
from tests.default_policy import default_policy
from tests.services import postgres_database

Json: TypeAlias = dict[str, Any]

FHIR = {"Content-Type": "application/fhir+json"}
TEAM_SCOPES = (
    "baton/message.write",
    "baton/mailbox",
    "system/Task.rs",
    "system/Task.u",
    "system/Patient.s",
    "system/Flag.rs",
    "system/AuditEvent.rs",
)
ADMIN_SCOPES = ("baton/admin", "baton/audit")
DIRECTORY = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
MIDWIVES, STEWARD = "swbh-midwifery", "sandwell-partnership"
"""Who sends in most tests, and the partnership of its area, which looks after data quality."""
VISITORS = "bcht-health-visiting"
"""Who is told of a birth and must answer."""

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}(T\S+)?$")


def fill(session: Session) -> None:
    """The demonstration directory."""
    directory_file.store(session, directory_file.read(DIRECTORY))


@dataclass
class Broker:
    """A running broker, what is inside it, and its callers."""

    runtime: Runtime
    app: FastAPI
    http: TestClient
    clock: Clock
    _tokens: dict[tuple[str, str | None, tuple[str, ...]], str] = field(default_factory=dict)

    def headers(self, team: str | None = MIDWIVES, scopes: Sequence[str] = TEAM_SCOPES) -> dict[str, str]:
        """A bearer token of a client with these scopes, bound to the team."""
        key = (self.name(team, scopes), team, tuple(scopes))
        if key not in self._tokens:
            self._tokens[key] = self._grant(*key)
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    @staticmethod
    def name(team: str | None, scopes: Sequence[str] = TEAM_SCOPES) -> str:
        """The name of that client."""
        return f"{team or 'nobody'}-{abs(hash(tuple(scopes))) % 10**8}"

    def _grant(self, name: str, team: str | None, scopes: tuple[str, ...]) -> str:
        client = clients.Registered(name=name, team=team, jwks={"keys": []}, scopes=frozenset(scopes))

        def work(session: Session) -> str:
            clients.put(session, client, self.clock())
            session.flush()
            return tokens.grant(session, client, None, seconds=10**9, now=self.clock()).token

        return self.runtime.store.write(work)

    def call(self, method: str, path: str, team: str | None = MIDWIVES, **more: Any) -> Response:
        """A call of a team's system with all scopes of a team."""
        scopes = more.pop("scopes", TEAM_SCOPES)
        headers = self.headers(team, scopes) | more.pop("headers", {})
        return self.http.request(method, path, headers=headers, **more)

    def post(self, body: bytes | Json, team: str = MIDWIVES, **headers: str) -> Response:
        """A message as bytes, or as a Bundle."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", "/fhir/$process-message", team, content=content, headers=FHIR | headers)

    def rows(self, table: type[SQLModel], **where: Any) -> list[Any]:
        """Rows of a table with these column values."""
        query = select(table).filter_by(**where)
        return list(self.runtime.store.read(lambda session: session.execute(query).scalars().all()))

    def ids(self, table: Any) -> set[str]:
        """The ids of all rows of a table."""
        return set(self.runtime.store.read(lambda session: session.execute(select(table.id)).scalars().all()))

    def counts(self, *tables: type[SQLModel]) -> dict[str, int]:
        """How many rows each of the tables has."""
        numbers = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
        row = self.runtime.store.read(lambda session: session.execute(select(*numbers)).one())
        return dict(zip([table.__name__ for table in tables], row, strict=True))

    def raw(self, notification: Notification) -> bytes:
        """The bytes that were kept."""
        return notifications.raw_of(self.runtime.store.codec, notification)

    def tasks_of(self, notification: Notification) -> list[Task]:
        """The tasks that a notification raised."""
        return self.rows(Task, notification_id=notification.id)


@contextmanager
def town_copy(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of a SQLite database of one's own with the demonstration directory."""
    copy = folder / "baton.db"
    shutil.copy(request.getfixturevalue("sqlite_town"), copy)
    yield f"sqlite:///{copy}"


@contextmanager
def copied(url: str, folder: Path) -> Iterator[str]:
    """The address of a copy of one's own of a database that nothing is connected to."""
    if url.startswith("sqlite"):
        shutil.copy(url.removeprefix("sqlite:///"), folder / "copy.db")
        yield f"sqlite:///{folder}/copy.db"
        return
    with postgres_database(make_url(url).database) as copy:
        yield copy


@contextmanager
def opened(url: str, **settings: Any) -> Iterator[Broker]:
    """A broker on a database that is there, without a worker: nothing happens between calls."""
    clock = Clock()
    chosen = Settings(**{"public_url": "http://testserver", **settings})
    runtime = Runtime(chosen, open_store(url, AesCodec(SECRET)), default_policy(), EmbeddedBus(), clock)
    app = create_app(runtime, worker=False)
    with TestClient(app) as http:
        yield Broker(runtime, app, http, clock)


def message(name: str = "birth") -> Json:
    """A golden example, the dates of all moved by the same whole days so that the last was sent on the day before `NOON`."""
    return as_of_yesterday(examples.load(name))


def as_of_yesterday(bundle: Json) -> Json:
    """The same with a bundle made of one of the examples."""
    moved: Json = _moved(bundle, (NOON.date() - _last_day()).days - 1)
    return moved


@cache
def _last_day() -> date:
    return max(date.fromisoformat(examples.load(name)["timestamp"][:10]) for name in examples.names())


def sent_at(bundle: Json) -> datetime:
    """When a message was sent, as it says."""
    return datetime.fromisoformat(bundle["timestamp"])


def _moved(value: Any, days: int) -> Any:
    if isinstance(value, dict):
        return {name: _moved(inner, days) for name, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, days) for inner in value]
    if isinstance(value, str) and _DATE.match(value):
        return (date.fromisoformat(value[:10]) + timedelta(days=days)).isoformat() + value[10:]
    return value


def sender(bundle: Json) -> str:
    """The team that a message is from."""
    return str(bundle["entry"][0]["resource"]["sender"]["identifier"]["value"])


def issues(answer: Response) -> list[Json]:
    """The issues of an OperationOutcome."""
    assert answer.headers["content-type"] == "application/fhir+json"
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"]
    return list(outcome["issue"])
