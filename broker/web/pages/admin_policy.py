"""The policy in force and a simulator, for administrators: who would be told of a message, and why. Nothing is sent, and nobody who is known is looked up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fastapi import Request, Response
from sqlmodel import Session

from broker.runtime import Runtime
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.admin_names import Called, called
from broker.web.pages.fields import Fault, Field, filled
from broker.web.pages.forms import Fields
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.seats import Person
from broker.workflow import explain, intake
from broker.workflow.context import Context
from broker.workflow.explain import Explanation, Row, TaskRow
from schemas import examples
from schemas.limits import Limits
from schemas.message import Message
from schemas.problem import Problem
from schemas.shifting import shifted

router = pages()

JSON: Final = "application/fhir+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A team that came into question."""

    team: str
    decision: str
    asked: str
    reason: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A task that would be raised besides."""

    what: str
    owner: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What would happen."""

    what: str
    told: tuple[Told, ...]
    raised: tuple[Raised, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """The page."""

    version: str
    facts: tuple[tuple[str, str], ...]
    example: Field
    fields: tuple[Field, ...]
    simulated: Simulated | None
    faults: tuple[Fault, ...]


@router.get("/admin/policy")
def shown(request: Request, running: Running, person: Administrator) -> Response:
    """The policy in force, and a form to try a message in; an example fills it in."""
    name = request.query_params.get("example", "")
    text = _example(name, running.now().date()) if name in examples.names() else ""

    def work(session: Session) -> PolicyView:
        looked(session, person, "policy", running.policy.version, running.now())
        return view_of(running.context(session), called(session, running.context(session)), name, text, "")

    return _page(running, person, running.store.write(work))


@router.post("/admin/policy/simulate")
def simulate(running: Running, person: Administrator, fields: Fields) -> Response:
    """What would happen to this message, were it received now; on the directory and the policy alone."""
    text, sender, now = fields.one("message"), fields.one("sender"), running.now()
    settings = running.settings
    limits = Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
    incoming = intake.read_fhir(text.encode(), JSON, limits, now)

    def work(session: Session) -> PolicyView:
        ctx = running.context(session)
        looked(session, person, "policy", running.policy.version, now)
        if not incoming.messages:
            return view_of(ctx, called(session, ctx), "", text, sender, faults=_faults(incoming.problems))
        return _tried(ctx, called(session, ctx), incoming.messages[0], text, sender, running)

    view = running.store.write(work)
    return _page(running, person, view, status=422 if view.faults else 200)


def _example(name: str, today: date) -> str:
    """An example as if it had been sent yesterday: what somebody's age decides is decided as it was meant."""
    bundle = examples.load(name)
    later = today - timedelta(days=1) - date.fromisoformat(bundle["timestamp"][:10])
    return json.dumps(shifted(bundle, later), indent=2, ensure_ascii=False)


def _tried(ctx: Context, teams: Called, message: Message, text: str, sender: str, running: Runtime) -> PolicyView:
    """Without the database's people: what is known of a family is for the teams that work with it."""
    team = ctx.directory.teams.get(sender or message.sender or "")
    if team is None:
        fault = Fault(words="The message names no team of this directory as its sender: choose one.", href="#sender")
        return view_of(ctx, teams, "", text, sender, faults=(fault,))
    found = explain.simulate(message, team, ctx, running.now())
    return view_of(ctx, teams, "", text, sender, simulated=simulated(found, teams))


def view_of(
    ctx: Context,
    teams: Called,
    example: str,
    text: str,
    sender: str,
    *,
    simulated: Simulated | None = None,
    faults: Sequence[Fault] = (),
) -> PolicyView:
    """The page, with what was typed."""
    policy = ctx.policy
    senders = sorted((teams[id_], id_) for id_, team in ctx.directory.teams.items() if not team.closed)
    names = tuple((name, words.title(name)) for name in examples.names())
    fields = (
        Field(kind="textarea", name="message", label="Message", hint="A FHIR R4 message Bundle. Use invented people."),
        Field(
            kind="select",
            name="sender",
            label="Sent by",
            options=(("", "The team that the message names"), *((id_, name) for name, id_ in senders)),
        ),
    )
    return PolicyView(
        version=policy.version,
        facts=(
            ("Version", policy.version),
            ("Events with rules", str(len(policy.events))),
            ("Services in groups", str(len(policy.groups))),
            ("Rules of time", str(len(policy.clocks))),
        ),
        example=Field(kind="select", name="example", label="Begin with an example", options=names, values=(example,)),
        fields=filled(fields, {"message": [text], "sender": [sender]}, {}),
        simulated=simulated,
        faults=tuple(faults),
    )


def simulated(found: Explanation, teams: Called) -> Simulated:
    """What would happen, in words."""
    return Simulated(
        what=words.title(found.event) + (f": {words.plain(found.kind)}" if found.kind else ""),
        told=tuple(_told(row, teams) for row in found.rows),
        raised=tuple(_raised(row, teams) for row in found.tasks),
        warnings=tuple(f"{one.path} {one.reason}".strip() for one in found.problems),
    )


def _told(row: Row, teams: Called) -> Told:
    view = f"{words.plain(row['view'])} view" if row["view"] else ""
    return Told(
        team=teams.get(row["team"], row["team"]),
        decision=words.title(row["decision"]),
        asked=", ".join(filter(None, (words.plain(row["purpose"]), view))),
        reason=row["reason"],
        rule=" · ".join(filter(None, (row["rule"], row["cites"]))),
    )


def _raised(row: TaskRow, teams: Called) -> Raised:
    return Raised(
        what=words.title(row["code"]), owner=teams.get(row["owner"], row["owner"]), description=row["description"]
    )


def _faults(problems: Sequence[Problem]) -> tuple[Fault, ...]:
    errors = [one for one in problems if one.severity == "error"]
    return tuple(Fault(words=f"{one.path} {one.reason}".strip(), href="#message") for one in errors)


def _page(running: Runtime, person: Person, view: PolicyView, *, status: int = 200) -> Response:
    return page(
        running.settings,
        "admin_policy.html",
        title=f"{'Error: ' if view.faults else ''}Policy",
        person=person,
        here="admin/policy",
        status=status,
        view=view,
    )
