"""Who may sign in, for administrators: the list, somebody new, what they do in which team, and the end of an account."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex
from typing import Final

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.rota import Gone, Practitioner
from broker.errors import Forbidden, NotFound
from broker.runtime import Runtime
from broker.storage import accounts, audit, practitioners
from broker.storage.accounts import Account, Known
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages.admin_names import called
from broker.web.pages.admin_people_page import Asked, PersonRow, asked_of, fields_of, problems_of, row_of
from broker.web.pages.done import DONE
from broker.web.pages.fields import errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.issuers import DEMONSTRATION
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.workflow import access, hand_back
from broker.workflow.context import Context
from schemas.problem import Problem

router = pages()

A_PAGE: Final = 50
NEW: Final = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An account to be changed, or None for somebody new; and how teams are called."""

    account: Known | None
    teams: tuple[tuple[str, str], ...]
    """Open teams as (id, name), by name."""
    names: dict[str, str]


@router.get("/admin/people")
def people(request: Request, running: Running, person: Administrator) -> Response:
    """Accounts, those that have ended too."""
    after, now = request.query_params.get("after", ""), running.now()

    def work(session: Session) -> tuple[list[PersonRow], str]:
        looked(session, person, "account", None, now)
        known, last = accounts.page(session, running.store.codec, after=after, limit=A_PAGE)
        names = called(session, running.context(session))
        return [row_of(one, names, now) for one in known], f"/app/admin/people?after={last}" if last else ""

    rows, next_ = running.store.write(work)
    return page(
        running.settings,
        "admin_people.html",
        title="People",
        person=person,
        here="admin/people",
        rows=rows,
        next=next_,
        first="/app/admin/people" if after else "",
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@router.get("/admin/people/{account_id}")
def form(account_id: RecordId, running: Running, person: Administrator) -> Response:
    """What somebody may do, or an empty form for somebody new."""
    return _page(running, person, account_id, _found(running, person, account_id), None, [])


@router.post("/admin/people/{account_id}")
def save(account_id: RecordId, running: Running, person: Administrator, fields: Fields) -> Response:
    """As the form says from now on. Whoever is signed in by the account signs in again."""
    found = _found(running, person, account_id)
    asked = asked_of(fields, found.account)
    own = account_id == _own(person)
    problems = problems_of(
        asked, found.account, dict(found.teams), running.policy.roles, by_subject=_by_subject(running), own=own
    )
    if not problems:
        problems = running.store.write(lambda session: _write(session, running, person, found.account, asked))
    if problems:
        return _page(running, person, account_id, found, fields, problems)
    return see("/app/admin/people?done=account")


@router.post("/admin/people/{account_id}/end")
def end(account_id: RecordId, running: Running, person: Administrator, _fields: Fields) -> Response:
    """Nobody signs in by it any more, and whoever is signed in is so no longer."""
    if account_id == _own(person):
        raise Forbidden("Somebody else must end your account.")
    now = running.now()

    def work(session: Session) -> None:
        known = accounts.known(session, running.store.codec, account_id)
        if known is None:
            raise NotFound
        accounts.change(session, running.store.codec, replace(known, revoked=True), now)
        _note(session, person, "account", account_id, now)

    running.store.write(work)
    return see("/app/admin/people?done=account-ended")


def _own(person: Person) -> str:
    return person.caller.client.removeprefix("person:")


def _by_subject(running: Runtime) -> bool:
    """In the demonstration people are called by their accounts' ids; elsewhere their issuer has a name for them."""
    return running.settings.oidc_issuer is not None


def _found(running: Runtime, person: Person, account_id: str) -> _Found:
    now = running.now()

    def work(session: Session) -> _Found:
        looked(session, person, "account", None if account_id == NEW else account_id, now)
        known = None if account_id == NEW else accounts.known(session, running.store.codec, account_id)
        if known is None and account_id != NEW:
            raise NotFound
        ctx = running.context(session)
        names = dict(called(session, ctx))
        open_ = [(id_, names[id_]) for id_, team in ctx.directory.teams.items() if not team.closed]
        return _Found(account=known, teams=tuple(sorted(open_, key=lambda one: one[1])), names=names)

    return running.store.write(work)


def _write(session: Session, running: Runtime, person: Person, before: Known | None, asked: Asked) -> list[Problem]:
    """The account and who it is of which team; what keeps it from being written."""
    ctx, now = running.context(session), running.now()
    id_ = before.id if before else f"person-{token_hex(5)}"
    seats = [_of_team(session, ctx, person, before, id_, team, role, asked.name, now) for team, role in asked.seats]
    for team in asked.left:
        _leaves(session, ctx, person, before, team, now)
    session.flush()
    if before is not None:
        _tell(session, ctx, person, before, id_, asked, now)
        changed = Known(id=id_, name=asked.name, scopes=asked.scopes, seats=tuple(seats), revoked=False)
        accounts.change(session, ctx.codec, changed, now)
    else:
        account = Account(
            id=id_,
            issuer=running.settings.oidc_issuer or DEMONSTRATION,
            subject=asked.subject or id_,
            name=asked.name,
            scopes=asked.scopes,
            seats=tuple((one.team_id, one.id) for one in seats),
        )
        if accounts.taken(session, ctx.codec, account):
            return [Problem("subject", "is that of another account", "duplicate")]
        _tell(session, ctx, person, before, id_, asked, now)
        accounts.put(session, ctx.codec, account, now)
    _note(session, person, "account", id_, now)
    return []


def _tell(
    session: Session, ctx: Context, person: Person, before: Known | None, id_: str, asked: Asked, now: datetime
) -> None:
    """Leads of teams for which somebody could not sign in until now."""
    held = {one.team_id for one in before.seats} if before is not None and not before.revoked else set()
    for team, _ in asked.seats:
        if team not in held:
            access.to_person(session, ctx, person.caller, id_, team, now)


def _of_team(
    session: Session,
    ctx: Context,
    person: Person,
    before: Known | None,
    id_: str,
    team: str,
    role: str,
    name: str,
    now: datetime,
) -> Practitioner:
    """Who they are in a team; whoever was of it keeps absences and cover."""
    held = next((one for one in (before.seats if before else ()) if one.team_id == team), None)
    somebody = held or next(
        (one for one in practitioners.of_team(session, ctx.codec, team) if one.id == id_),
        Practitioner(id=id_, team_id=team, name=name, role=role),
    )
    back = None if somebody.gone(now) is Gone.LEFT else somebody.left_at
    wanted = replace(somebody, name=name, role=role, left_at=back)
    if wanted != somebody or held is None:
        hand_back.put(session, ctx, wanted, now)
        _note(session, person, "practitioner", f"{team}/{wanted.id}", now)
    return wanted


def _leaves(session: Session, ctx: Context, person: Person, before: Known | None, team: str, now: datetime) -> None:
    """What they held goes to who covers for them, or back to the team."""
    for one in before.seats if before else ():
        if one.team_id == team:
            hand_back.put(session, ctx, replace(one, left_at=now), now)
            _note(session, person, "practitioner", f"{team}/{one.id}", now)


def _note(session: Session, person: Person, entity: str, id_: str, now: datetime) -> None:
    audit.record(session, action="administer", entity=entity, entity_id=id_, now=now, caller=person.caller)


def _page(
    running: Runtime, person: Person, account_id: str, found: _Found, typed: Form | None, problems: Sequence[Problem]
) -> Response:
    roles = tuple(sorted(running.policy.roles))
    blank = fields_of(found.account, found.teams, found.names, roles, by_subject=_by_subject(running))
    errors, faults = errors_of(problems, blank)
    values = {one.name: typed.every(one.name) for one in blank} if typed else {}
    heading = found.account.name if found.account else "Somebody new"
    return page(
        running.settings,
        "admin_person.html",
        title=f"{'Error: ' if faults else ''}{'A person' if found.account else heading}",
        person=person,
        here="admin/people",
        status=422 if faults else 200,
        heading=heading,
        action=f"/app/admin/people/{account_id}",
        ended=found.account is not None and found.account.revoked,
        may_end=found.account is not None and not found.account.revoked and account_id != _own(person),
        fields=filled(blank, values, errors),
        faults=faults,
    )
