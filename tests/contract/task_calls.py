"""What tests of `/fhir/Task` share: callers, moves as Parameters, and answers looked at as FHIR."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.testclient import TestClient
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.task import Task
from httpx import Response
from sqlmodel import Session

from broker.bus.embedded import EmbeddedBus
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients
from broker.storage.store import Store
from broker.web import outcomes, tokens
from broker.web.api import tasks
from schemas.structure import check_resource
from tests.conftest import NOON, Clock
from tests.integration.task_rows import POLICY, ready

Json: TypeAlias = dict[str, Any]

SCOPES = ("system/Task.rs", "system/Task.u")
NOBODY = "00000000-0000-4000-8000-00000000ffff"
FHIR = {"Content-Type": "application/fhir+json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_MODELS: dict[str, Any] = {"Task": Task, "Bundle": Bundle}


class Callers:
    """An application with the task calls alone, on a database with a directory and a notification."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Nothing else runs: no worker, no other calls."""
        ready(store)
        settings = Settings(public_url="https://baton.example")
        self.store = store
        self.app = FastAPI()
        self.app.state.runtime = Runtime(settings, store, POLICY, EmbeddedBus(), clock)
        self.app.include_router(tasks.router)
        outcomes.install(self.app)

    def __call__(self, team: str | None, scopes: Iterable[str] = SCOPES) -> TestClient:
        """An HTTP client for a team's system with these scopes."""
        client = clients.Registered(name=f"system-of-{team}", team=team, jwks={"keys": []}, scopes=frozenset(scopes))

        def grant(session: Session) -> str:
            clients.put(session, client, NOON)
            session.flush()
            return tokens.grant(session, client, None, seconds=10 * 86400, now=NOON).token

        headers = {"Authorization": f"Bearer {self.store.write(grant)}"}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)


def practitioner(name: str = "Nora Nurse", role: str = "health-visitor") -> Json:
    """The parameter that names who does it."""
    return {
        "name": "practitioner",
        "part": [{"name": "name", "valueString": name}, {"name": "role", "valueCode": role}],
    }


def operate(
    client: TestClient, task_id: str, move: str, *parts: Json, who: Json | None = None, match: str | None = None
) -> Response:
    """A move as an operation; `match` is the If-Match header."""
    body = {"resourceType": "Parameters", "parameter": [who or practitioner(), *parts]}
    headers = FHIR | ({"If-Match": match} if match else {})
    return client.post(f"/fhir/Task/{task_id}/${move}", json=body, headers=headers)


def valid(answer: Response) -> Json:
    """The resource of a 200, sound by HL7's schema and by the R4B model."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    resource: Json = answer.json()
    assert check_resource(resource) == []
    _MODELS[resource["resourceType"]].model_validate(resource)
    return resource


def refused(answer: Response, status: int) -> list[tuple[str, str]]:
    """The issues of a refusal: (expression, reason)."""
    assert answer.status_code == status, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    return [(issue.get("expression", [""])[0], issue["diagnostics"]) for issue in outcome["issue"]]


def details(task: Json, place: str = "output") -> dict[str, Json]:
    """Inputs or outputs of a task by their code."""
    return {item["type"]["coding"][0]["code"]: item for item in task.get(place, [])}


def milestones(task: Json) -> dict[str, dict[str, str]]:
    """The facts delivered, opened, answered, each with its parts."""
    found = {}
    for extension in task.get("extension", ()):
        parts = {part["url"]: next(v for k, v in part.items() if k != "url") for part in extension["extension"]}
        found[parts.pop("kind")] = parts
    return found
