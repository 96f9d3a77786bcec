"""Who takes part in a journey: an administrator who onboards, teams that send, read their mailbox and answer. HTTP only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.web.tokens import JWT_BEARER
from schemas import bundle
from schemas.message import Message
from tests.conftest import Clock

TEAM_SCOPES = ["baton/message.write", "baton/mailbox", "system/Task.rs", "system/Task.u", "system/Patient.s"]
DEMO_DIRECTORY = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
Json = dict[str, Any]


@dataclass
class System:
    """A system with a key, a token and the calls it makes."""

    http: TestClient
    clock: Clock
    name: str
    key: ECKey
    team: str | None = None
    token: str = ""

    @property
    def jwks(self) -> Json:
        """Its public keys."""
        return {"keys": [self.key.as_dict(private=False)]}

    def sign_in(self) -> None:
        """Get a token for a signed assertion."""
        now = int(self.clock().timestamp())
        audience = "http://testserver/oauth2/token"
        claims = {
            "iss": self.name,
            "sub": self.name,
            "aud": audience,
            "exp": now + 200,
            "iat": now,
            "jti": str(uuid4()),
        }
        assertion = jwt.encode({"alg": "ES384", "kid": self.key.kid}, claims, self.key, algorithms=["ES384"])
        answer = self.http.post(
            "/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": JWT_BEARER,
                "client_assertion": assertion,
            },
        )
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]

    def call(self, method: str, path: str, *, signed_in: bool = True, **more: Any) -> Any:
        """One call; a token that has run out is renewed first, as a client library would."""
        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        answer = self.http.request(method, path, headers=headers, **more)
        if answer.status_code == 401 and signed_in:
            self.sign_in()
            return self.call(
                method,
                path,
                signed_in=False,
                headers={k: v for k, v in headers.items() if k != "Authorization"},
                **more,
            )
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """GET that must succeed; its JSON."""
        answer = self.call("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # --- sending -------------------------------------------------------------------------------------------

    def sends(self, message: Message) -> Any:
        """Post a message twice at once is tested elsewhere; here once. The HTTP answer."""
        body = bundle.write(message, source="https://sender.example/fhir", timestamp=self.clock())
        return self.call("POST", "/fhir/$process-message", json=body, headers={"Content-Type": "application/fhir+json"})

    def sends_native(self, kind: str, body: bytes, content_type: str) -> Any:
        """Post a native event."""
        return self.call("POST", f"/adapters/{kind}/events", content=body, headers={"Content-Type": content_type})

    # --- receiving -----------------------------------------------------------------------------------------

    def inbox(self, **query: Any) -> list[Json]:
        """Entries of the mailbox."""
        return list(self.get("/mailbox/inbox", params=query)["messages"])

    def reads(self, entry: Json) -> Json:
        """The FHIR message of a mailbox entry."""
        return dict(self.get(f"/mailbox/inbox/{entry['id']}"))

    def takes(self, entry: Json) -> None:
        """Acknowledge receipt, which is delivery and nothing more."""
        answer = self.call("PUT", f"/mailbox/inbox/{entry['id']}/acknowledged")
        assert answer.status_code in (200, 204), answer.text

    def messages(self) -> list[Json]:
        """All messages in the mailbox, read."""
        return [self.reads(entry) for entry in self.inbox(after=0)]

    # --- answering -----------------------------------------------------------------------------------------

    def tasks(self, code: str | None = None, **query: str) -> list[Json]:
        """Its own team's tasks, by code."""
        params = {"owner": str(self.team), **({"code": code} if code else {}), **query}
        return [entry["resource"] for entry in self.get("/fhir/Task", params=params).get("entry", [])]

    def task(self, code: str) -> Json:
        """The only open task of that code."""
        found = [task for task in self.tasks(code) if task["status"] not in ("completed", "rejected", "cancelled")]
        assert len(found) == 1, f"{len(found)} open {code} tasks for {self.team}"
        return found[0]

    def moves(self, task: Json, move: str, *parts: Json, role: str = "health-visitor") -> Any:
        """A move on a task by a named practitioner; the HTTP answer."""
        practitioner = {
            "name": "practitioner",
            "part": [{"name": "name", "valueString": "A Practitioner"}, {"name": "role", "valueCode": role}],
        }
        parameters = {"resourceType": "Parameters", "parameter": [practitioner, *parts]}
        return self.call("POST", f"/fhir/Task/{task['id']}/${move}", json=parameters)


def new_system(http: TestClient, clock: Clock, name: str, team: str | None = None) -> System:
    """A system with a fresh key."""
    key = ECKey.generate_key("P-384", {"kid": f"{name}-1", "use": "sig", "alg": "ES384"})
    return System(http, clock, name, key, team)


@dataclass
class Office:
    """The administrator and everybody onboarded so far."""

    admin: System
    http: TestClient
    clock: Clock

    def onboard_directory(self, path: Path = DEMO_DIRECTORY) -> None:
        """Put every agency, team and area of a directory file over HTTP."""
        directory = yaml.safe_load(path.read_text(encoding="utf-8"))
        for agency in directory["agencies"]:
            self._put(f"/admin/agencies/{agency.pop('id')}", agency)
        for area in directory["areas"]:
            self._put(f"/admin/areas/{area['id']}", {"name": area["name"]})
        for team in directory["teams"]:
            self._put(f"/admin/teams/{team.pop('id')}", team)
        for area in directory["areas"]:
            self._put(f"/admin/areas/{area.pop('id')}", area)

    def onboard(self, team: str) -> System:
        """Register a system for a team and sign it in."""
        system = new_system(self.http, self.clock, f"{team}-system", team)
        self._put(f"/admin/clients/{system.name}", {"team": team, "jwks": system.jwks, "scopes": TEAM_SCOPES})
        system.sign_in()
        return system

    def _put(self, path: str, body: Json) -> None:
        answer = self.admin.call("PUT", path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
