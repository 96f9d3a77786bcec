"""Changing the policy, for administrators: one proposes a whole text, its effect on the last month is shown, another approves or turns it down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from typing import Any, Final

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.caller import PERSON
from broker.domain.states import PolicyState
from broker.errors import Invalid
from broker.runtime import Runtime
from broker.storage import accounts, policies
from broker.storage.policies import Version
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.admin_names import Called, called
from broker.web.pages.fields import Fault, Field, errors_of, filled
from broker.web.pages.forms import Fields
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.workflow import policy_change
from schemas.problem import Problem

router = pages()

ADDRESS: Final = "/app/admin/policy/versions"
DONE: Final = {
    "proposed": "It is proposed, and changes nothing before somebody else approves it.",
    "approved": "It is in force.",
    "rejected": "It is turned down.",
}
_STATES: Final = {
    PolicyState.PROPOSED: "Waits for a second person",
    PolicyState.ACTIVE: "In force",
    PolicyState.SUPERSEDED: "Was in force",
    PolicyState.REJECTED: "Turned down",
}
_HOW: Final = {
    "newly-told": "told who is not told now",
    "no-longer-told": "no longer told",
    "told-more": "told more",
    "told-less": "told less",
    "waits-for-release": "told only after a safeguarding lead has released it",
    "waits-no-longer": "told without waiting for a release",
    "must-answer-now": "must answer who need not now",
    "need-not-answer-now": "need not answer any more",
}
_FIELDS: Final = (
    Field(kind="textarea", name="policy", label="Policy", hint="The whole text, with a version of its own."),
    Field(kind="text", name="reason", label="Why it is to change", hint="Stays in the history."),
)
_REJECTING: Final = (Field(kind="text", name="reason", label="Why it is turned down"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One version in the history."""

    href: str
    version: str
    state: str
    by: str
    at: datetime
    reason: str
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsView:
    """The history, and a form for the next."""

    in_force: str
    by_file: bool
    versions: tuple[VersionLine, ...]
    fields: tuple[Field, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One line of a table: what, and how many."""

    what: str
    many: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """One team and one message."""

    team: str
    event: str
    how: str
    views: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One proposal: its effect, its text against the one it changes, and what can be done."""

    id: str
    line: VersionLine
    messages: str
    how: tuple[Counted, ...]
    teams: tuple[Counted, ...]
    tasks: tuple[Counted, ...]
    changes: tuple[ChangeLine, ...]
    difference: tuple[str, ...]
    open: bool
    own: bool
    by_file: bool


@router.get("/admin/policy/versions")
def versions(request: Request, running: Running, person: Administrator) -> Response:
    """Every version that was proposed, and the text in force to begin the next from."""

    def work(session: Session) -> VersionsView:
        looked(session, person, "policy", None, running.now())
        text = _text(running, session, None)
        return _versions(running, session, {"policy": [text]}, [])

    return _page(running, person, running.store.write(work), done=DONE.get(request.query_params.get("done", ""), ""))


@router.post("/admin/policy/versions")
def propose(running: Running, person: Administrator, fields: Fields) -> Response:
    """Keep a proposal; what is wrong with it is named by its place."""
    text, reason = fields.one("policy"), fields.one("reason")

    def work(session: Session) -> str:
        ctx = running.context(session)
        return policy_change.propose(session, ctx, person.caller, text, reason, running.now()).id

    try:
        id_ = running.store.write(work)
    except Invalid as error:
        typed, problems = {"policy": [text], "reason": [reason]}, _located(error.problems)
        view = running.store.read(lambda session: _versions(running, session, typed, problems))
        return _page(running, person, view, status=422)
    return see(f"{ADDRESS}/{id_}?done=proposed")


@router.get("/admin/policy/versions/{version_id}")
def shown(version_id: RecordId, request: Request, running: Running, person: Administrator) -> Response:
    """A version with its effect."""
    return _version(running, person, version_id, done=DONE.get(request.query_params.get("done", ""), ""))


@router.post("/admin/policy/versions/{version_id}/approve")
def approve(version_id: RecordId, running: Running, person: Administrator, _fields: Fields) -> Response:
    """Put it in force."""

    def work(session: Session) -> None:
        ctx, now = running.context(session), running.now()
        policy_change.approve(session, ctx, person.caller, version_id, by_file=running.by_file, now=now)

    running.store.write(work)
    return see(f"{ADDRESS}/{version_id}?done=approved")


@router.post("/admin/policy/versions/{version_id}/reject")
def reject(version_id: RecordId, running: Running, person: Administrator, fields: Fields) -> Response:
    """Turn it down, with the reason."""
    reason, now = fields.one("reason"), running.now()
    try:
        running.store.write(lambda session: policy_change.reject(session, person.caller, version_id, reason, now))
    except Invalid:
        problem = Problem("reason", "Say why it is turned down", "required")
        return _version(running, person, version_id, problems=[problem])
    return see(f"{ADDRESS}/{version_id}?done=rejected")


def _version(
    running: Runtime, person: Person, version_id: str, *, done: str = "", problems: Sequence[Problem] = ()
) -> Response:
    def work(session: Session) -> VersionView:
        row = policy_change.one(session, version_id)
        looked(session, person, "policy", row.id, running.now())
        base = _text(running, session, row.base_version)
        names, people = called(session, running.context(session)), _people(running, session, [row])
        return view_of(row, base, names, people, person, by_file=running.by_file)

    errors, faults = errors_of(problems, _REJECTING)
    return page(
        running.settings,
        "admin_policy_version.html",
        title=f"{'Error: ' if faults else ''}A version of the policy",
        person=person,
        here="admin/policy",
        status=422 if faults else 200,
        view=running.store.write(work),
        fields=filled(_REJECTING, {}, errors),
        faults=faults,
        done=done,
    )


def view_of(
    row: Version, base: str, names: Called, people: Mapping[str, str], person: Person, *, by_file: bool
) -> VersionView:
    """The page of one version."""
    effect: Mapping[str, Any] = row.effect
    nobody = effect["reachedNobody"]
    said = f"{effect['messages']} message{'' if effect['messages'] == 1 else 's'} of the last month{'' if effect['everyMessage'] else ', the newest'}; "
    said += f"{effect['changed']} would have been told otherwise. "
    said += f"Reached nobody: {nobody['before']} now, {nobody['after']} by this policy."
    return VersionView(
        id=row.id,
        line=_line(row, people),
        messages=said,
        how=tuple(Counted(what=_HOW[how].capitalize(), many=str(n)) for how, n in effect["how"].items()),
        teams=tuple(
            Counted(what=f"{names.get(one['team'], one['team'])}: {_HOW[one['how']]}", many=str(one["messages"]))
            for one in effect["teams"]
        ),
        tasks=tuple(
            Counted(what=words.title(one["code"]), many=f"{one['before']} now, {one['after']} by this policy")
            for one in effect["tasks"]
            if one["before"] != one["after"]
        ),
        changes=tuple(_change(one, names) for one in effect["changes"]),
        difference=tuple(_difference(base, row.text)),
        open=row.state is PolicyState.PROPOSED,
        own=row.proposed_by == person.caller.client,
        by_file=by_file,
    )


def _change(one: Mapping[str, str], names: Called) -> ChangeLine:
    before, after = (words.plain(one[name]) if one[name] else "not told" for name in ("before", "after"))
    return ChangeLine(
        team=names.get(one["team"], one["team"]),
        event=words.title(one["event"]),
        how=_HOW[one["how"]].capitalize(),
        views=f"{before} → {after}",
    )


def _difference(before: str, after: str) -> list[str]:
    old, new = (text.rstrip().splitlines() for text in (before, after))
    return list(unified_diff(old, new, "in force when it was proposed", "proposed", lineterm="", n=2))


def _line(row: Version, people: Mapping[str, str]) -> VersionLine:
    decided = f"{_STATES[row.state]}, by {people[row.decided_by]}" if row.decided_by else _STATES[row.state]
    return VersionLine(
        href=f"{ADDRESS}/{row.id}",
        version=row.version,
        state=decided,
        by=people[row.proposed_by],
        at=row.proposed_at,
        reason=row.reason,
        decision=row.decision,
    )


def _versions(
    running: Runtime, session: Session, typed: Mapping[str, Sequence[str]], problems: Sequence[Problem]
) -> VersionsView:
    errors, faults = errors_of(problems, _FIELDS, every=True)
    rows = policies.every(session)
    people = _people(running, session, rows)
    return VersionsView(
        in_force=running.context(session).policy.version,
        by_file=running.by_file,
        versions=tuple(_line(row, people) for row in rows),
        fields=filled(_FIELDS, typed, errors),
        faults=faults,
    )


def _people(running: Runtime, session: Session, rows: Sequence[Version]) -> dict[str, str]:
    """Who proposed and decided, by name; whoever has no account by their id."""
    clients = {client for row in rows for client in (row.proposed_by, row.decided_by) if client}
    ids = {client: client.removeprefix(PERSON) for client in clients}
    known = {
        client: accounts.known(session, running.store.codec, id_) if client.startswith(PERSON) else None
        for client, id_ in ids.items()
    }
    return {client: one.name if one else ids[client] for client, one in known.items()}


def _located(problems: Sequence[Problem]) -> list[Problem]:
    """At the field where it is; of the text with the place in it."""
    return [
        Problem("reason", "Say why it is to change", one.code)
        if one.path == "reason"
        else Problem("policy", f"{one.path} {one.reason}".strip(), one.code)
        for one in problems
    ]


def _text(running: Runtime, session: Session, version: str | None) -> str:
    """Of the file that rules, else of that stored version, else of the policy that ships."""
    if running.settings.policy is not None:
        return running.settings.policy.read_text(encoding="utf-8")
    return policy_change.text_of(session, version)


def _page(running: Runtime, person: Person, view: VersionsView, *, status: int = 200, done: str = "") -> Response:
    return page(
        running.settings,
        "admin_policy_versions.html",
        title=f"{'Error: ' if view.faults else ''}Versions of the policy",
        person=person,
        here="admin/policy",
        status=status,
        view=view,
        done=done,
    )
