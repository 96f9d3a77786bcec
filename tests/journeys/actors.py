"""Who takes part in a journey: an administrator who onboards, teams that send, read their mailbox and answer. HTTP only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.web.tokens import JWT_BEARER
from schemas import bundle
from schemas.codes import Event, ResponseReason
from schemas.identifiers import NHS_NUMBER
from schemas.message import Message, Person
from tests.conftest import Clock
from tests.journeys.copies import Copy, Json, Reply, is_open, requester

TEAM_SCOPES = [
    "baton/message.write",
    "baton/mailbox",
    "system/Task.rs",
    "system/Task.u",
    "system/Patient.s",
    "system/Flag.rs",
]
DEMO_DIRECTORY = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
FHIR = "application/fhir+json"


@dataclass(frozen=True)
class Somebody:
    """A practitioner whom a system names when it answers for one."""

    name: str
    role: str

    @property
    def part(self) -> Json:
        """As a parameter of an operation."""
        return _part("practitioner", _text("name", self.name), _code("role", self.role))


RECEPTIONIST = Somebody("Kim Reception", "receptionist")
ROLES = {
    "midwifery": "midwife",
    "health-visiting": "health-visitor",
    "practice": "general-practitioner",
    "cmht": "care-coordinator",
    "probation": "probation-practitioner",
    "csc": "social-worker",
    "police": "police-officer",
    "safeguarding-lead": "named-nurse",
}
"""The role of whoever answers for a team, by the end of its name."""


@dataclass(frozen=True)
class Action:
    """Something a team agrees to do; what is left out is left out on the wire."""

    what: str
    by: Somebody | None = None
    due: datetime | None = None

    @property
    def part(self) -> Json:
        """As a parameter of `$accept`."""
        parts = [_text("action", self.what)]
        if self.by is not None:
            parts += [{"name": "owner", "valueReference": {"display": self.by.name}}, _code("role", self.by.role)]
        if self.due is not None:
            parts.append(_time("due", self.due))
        return _part("agreed-action", *parts)


@dataclass
class System:
    """A team's system with a key, a token and the calls it makes."""

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

    @property
    def worker(self) -> Somebody:
        """Who answers for the team unless a journey says otherwise."""
        role = next((role for end, role in ROLES.items() if str(self.team).endswith(end)), "team-manager")
        return Somebody(f"A worker of {self.team}", role)

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

    def call(self, method: str, path: str, *, headers: Json | None = None, **more: Any) -> Any:
        """One call; a token that has run out is renewed first, as a client library would."""

        def attempt() -> Any:
            sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
            return self.http.request(method, path, headers=sent, **more)

        answer = attempt() if self.token else None
        if answer is None or answer.status_code == 401:
            self.sign_in()
            answer = attempt()
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """GET that must succeed; its JSON."""
        answer = self.call("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # --- sending -------------------------------------------------------------------------------------------

    def sends(self, message: Message) -> Reply:
        """Post a message at the time it was sent, or now when that is past."""
        if message.sent is not None:
            self.clock.time = max(self.clock.time, message.sent)
        return self.posts(written(message, self.clock()))

    def posts(self, body: Json) -> Reply:
        """Post a Bundle as it is."""
        return _reply(self.call("POST", "/fhir/$process-message", json=body, headers={"Content-Type": FHIR}))

    def tells(self, *messages: Message) -> Reply:
        """Send messages that must be accepted; the answer to the last."""
        replies = [self.sends(message) for message in messages]
        for message, reply in zip(messages, replies, strict=True):
            assert reply.status == 200, f"{message.event}: {reply.status} {reply.text}"
        return replies[-1]

    def sends_native(self, kind: str, body: bytes, content_type: str) -> Reply:
        """Post a native event."""
        headers = {"Content-Type": content_type}
        return _reply(self.call("POST", f"/adapters/{kind}/events", content=body, headers=headers))

    # --- receiving -----------------------------------------------------------------------------------------

    def inbox(self, **query: Any) -> list[Json]:
        """Entries of the mailbox: those not acknowledged, or all after a number."""
        return list(self.get("/mailbox/inbox", params=query)["messages"])

    def reads(self, entry: Json) -> Copy:
        """The FHIR message of a mailbox entry."""
        return Copy(entry["number"], entry["id"], entry["purpose"], self.get(f"/mailbox/inbox/{entry['id']}"))

    def takes(self, *which: Json | Copy) -> None:
        """Acknowledge receipt, which is delivery and nothing more; of all that waits unless some are given."""
        for one in which or self.inbox():
            id_ = one.id if isinstance(one, Copy) else one["id"]
            answer = self.call("PUT", f"/mailbox/inbox/{id_}/acknowledged")
            assert answer.status_code == 200, answer.text

    def heard(self, event: Event | None = None) -> list[Copy]:
        """All messages of the mailbox from the first on, read; of one event where it is given."""
        copies = [self.reads(entry) for entry in self.inbox(after=0, limit=500)]
        return [copy for copy in copies if event in (None, copy.event)]

    def copy_of(self, event: Event) -> Copy:
        """The only message of that event."""
        copies = self.heard(event)
        assert len(copies) == 1, f"{self.team} has {len(copies)} messages of {event}"
        return copies[0]

    # --- tasks ---------------------------------------------------------------------------------------------

    def tasks(self, code: str | None = None, **query: str) -> list[Json]:
        """Its own team's tasks, by code."""
        return self.found(owner=str(self.team), **({"code": code} if code else {}), **query)

    def waits_for(self, code: str | None = None) -> list[Json]:
        """Tasks of others that the team waits for."""
        return self.found(requester=str(self.team), **({"code": code} if code else {}))

    def found(self, **query: str) -> list[Json]:
        """A search for tasks, every page of it."""
        page = self.get("/fhir/Task", params=query)
        tasks = [entry["resource"] for entry in page.get("entry", [])]
        while next_page := next((link["url"] for link in page["link"] if link["relation"] == "next"), None):
            page = self.get(next_page)
            tasks += [entry["resource"] for entry in page.get("entry", [])]
        return tasks

    def task(self, code: str, asked_by: str | None = None) -> Json:
        """The only open task of that code."""
        found = [task for task in self.tasks(code) if is_open(task) and asked_by in (None, requester(task))]
        assert len(found) == 1, f"{len(found)} open {code} tasks for {self.team}"
        return found[0]

    def again(self, task: Json) -> Json:
        """A task as it is now."""
        return dict(self.get(f"/fhir/Task/{task['id']}"))

    # --- answering -----------------------------------------------------------------------------------------

    def moves(self, task: Json, move: str, *parts: Json, by: Somebody | None = None) -> Reply:
        """A move on a task by a named practitioner."""
        parameters = {"resourceType": "Parameters", "parameter": [(by or self.worker).part, *parts]}
        return _reply(self.call("POST", f"/fhir/Task/{task['id']}/${move}", json=parameters))

    def opens(self, task: Json, by: Somebody | None = None) -> Json:
        """A person looks at it."""
        return _moved(self.moves(task, "open", by=by))

    def accepts(self, task: Json, meaning: str | None = None, *actions: Action, spoke_with: str | None = None) -> Json:
        """Acknowledge: what it means here, and what will be done."""
        return _moved(self.tries_to_accept(task, meaning, *actions, spoke_with=spoke_with))

    def tries_to_accept(
        self,
        task: Json,
        meaning: str | None = None,
        *actions: Action,
        spoke_with: str | None = None,
        by: Somebody | None = None,
    ) -> Reply:
        """Acknowledge, whatever comes of it."""
        parts = [_text("meaning", meaning)] if meaning else []
        parts += [action.part for action in actions]
        if spoke_with is not None:
            parts.append(_part("conversation", _text("with", spoke_with), _time("at", self.clock())))
        return self.moves(task, "accept", *parts, by=by)

    def declines(self, task: Json, reason: ResponseReason, note: str | None = None) -> Json:
        """Say no, with a coded reason."""
        return _moved(
            self.moves(task, "decline", _code("reason", reason.value), *([_text("note", note)] if note else []))
        )

    def extends(self, task: Json, until: datetime, note: str | None) -> Reply:
        """Put it off to a date, whatever comes of it."""
        return self.moves(task, "extend", _time("due", until), *([_text("note", note)] if note else []))

    def looks_after(self, task: Json, until: datetime, note: str) -> Json:
        """Caretaking: until a review date, and the sender stays responsible."""
        return _moved(self.moves(task, "caretake", _time("review-date", until), _text("note", note)))

    def leaves_out(self, task: Json, reason: ResponseReason, note: str) -> Json:
        """Propose that a person is not part of a transfer."""
        return _moved(self.moves(task, "exclude", _code("reason", reason.value), _text("note", note)))

    def agrees_to_leave_out(self, task: Json) -> Json:
        """Agree to what the other side proposed."""
        return _moved(self.moves(task, "exclude"))

    def asks(self, task: Json, question: str) -> Json:
        """Ask back."""
        return _moved(self.moves(task, "ask", _text("question", question)))

    def answers(self, task: Json, answer: str) -> Json:
        """Answer a question."""
        return _moved(self.moves(task, "answer", _text("answer", answer)))

    def chooses(self, task: Json, choice: str) -> Json:
        """Settle a question of who, where or with whom."""
        return _moved(self.moves(task, "complete", _code("choice", choice)))

    def does(self, task: Json, note: str) -> Json:
        """Complete a task with what was done."""
        return _moved(self.moves(task, "complete", _text("note", note)))

    def releases(self, task: Json, *functions: str, because: str | None = None) -> Json:
        """Decide to whom what is held may go; to nobody needs a reason."""
        parts = [_code("release-to", function) for function in functions]
        parts += [_text("because", because)] if because else []
        return _moved(self.moves(task, "complete", _part("decision", *parts)))

    # --- people --------------------------------------------------------------------------------------------

    def looks_up(self, person: Person) -> Json | None:
        """Somebody by NHS number or case number: ids of person and households; None when there is nobody for this team."""
        first = next((one for one in person.identifiers if one.system == NHS_NUMBER), person.identifiers[0])
        answer = self.call("POST", "/fhir/Patient/_search", data={"identifier": f"{first.system}|{first.value}"})
        assert answer.status_code == 200, answer.text
        found = [entry["resource"] for entry in answer.json().get("entry", [])]
        return found[0] if found else None

    def holder_of(self, person: Person, function: str = "health-visiting") -> str:
        """Who is responsible for somebody whom the team may look up: the team, else the code why nobody is."""
        found = self.looks_up(person) or {}
        answer = self.get("/responsibility", params={"person": found["id"], "function": function})
        [row] = answer["functions"]
        return str(row["team"]["id"] if row["team"] else row["because"]["code"])

    def homes_of(self, person: Person) -> list[Json]:
        """The households of somebody, as the team sees them."""
        found = self.looks_up(person) or {"identifier": []}
        ids = [one["value"] for one in found["identifier"] if one["system"].endswith("/household")]
        return [self.get(f"/households/{id_}") for id_ in ids]


def written(message: Message, at: datetime) -> Json:
    """The Bundle of a message, sent at that time."""
    return bundle.write(message, source="https://sender.example/fhir", timestamp=at)


def new_key(name: str) -> ECKey:
    """A key for a system."""
    return ECKey.generate_key("P-384", {"kid": f"{name}-1", "use": "sig", "alg": "ES384"})


def _reply(answer: Any) -> Reply:
    return Reply(answer.status_code, answer.json())


def _moved(reply: Reply) -> Json:
    assert reply.status == 200, f"{reply.status} {reply.text}"
    return reply.body


def _part(name: str, *parts: Json) -> Json:
    return {"name": name, "part": list(parts)}


def _text(name: str, text: str) -> Json:
    return {"name": name, "valueString": text}


def _code(name: str, code: str) -> Json:
    return {"name": name, "valueCode": code}


def _time(name: str, at: datetime) -> Json:
    return {"name": name, "valueDateTime": at.isoformat()}


@dataclass
class Office:
    """The administrator and everybody onboarded so far."""

    admin: System
    keys: dict[str, ECKey] = field(default_factory=dict)
    systems: dict[str, System] = field(default_factory=dict)

    def onboard_directory(self, path: Path = DEMO_DIRECTORY) -> list[str]:
        """Put every agency, team and area of a directory file over HTTP; the teams' ids."""
        directory = yaml.safe_load(path.read_text(encoding="utf-8"))
        for agency in directory["agencies"]:
            self.put(f"/admin/agencies/{agency.pop('id')}", agency)
        for area in directory["areas"]:
            self.put(f"/admin/areas/{area['id']}", {"name": area["name"]})
        teams = [team.pop("id") for team in directory["teams"]]
        for team_id, team in zip(teams, directory["teams"], strict=True):
            self.put(f"/admin/teams/{team_id}", team)
        for area in directory["areas"]:
            self.put(f"/admin/areas/{area.pop('id')}", area)
        return teams

    def onboard(self, team: str) -> System:
        """Register a system for a team."""
        system = self.system(team)
        self.put(f"/admin/clients/{system.name}", {"team": team, "jwks": system.jwks, "scopes": TEAM_SCOPES})
        return system

    def system(self, team: str) -> System:
        """The system of a team that is onboarded already; it signs in with its first call."""
        if team not in self.systems:
            name = f"{team}-system"
            key = self.keys.setdefault(name, new_key(name))
            self.systems[team] = System(self.admin.http, self.admin.clock, name, key, team)
        return self.systems[team]

    def auditor(self) -> System:
        """A system that audits and is bound to no team."""
        key = self.keys.setdefault("auditor", new_key("auditor"))
        system = System(self.admin.http, self.admin.clock, "auditor", key)
        self.put("/admin/clients/auditor", {"jwks": system.jwks, "scopes": ["baton/audit"]})
        return system

    def put(self, path: str, body: Json) -> None:
        """An administrator's PUT that must succeed."""
        answer = self.admin.call("PUT", path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"


Systems = Sequence[System]
DAY = timedelta(days=1)
