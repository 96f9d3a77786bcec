"""Agencies, teams and areas by form, for administrators: something new, or what the directory says of something changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from fastapi import Request, Response
from sqlmodel import Session

from broker.errors import Invalid, NotFound, Stale
from broker.runtime import Runtime
from broker.storage import audit, directory
from broker.web.api.admin import AgencyBody, AreaBody, Body, TeamBody, team_of
from broker.web.api.parameters import RecordId
from broker.web.covered import tell_providers
from broker.web.deps import Running
from broker.web.pages import admin_directory_form as forms
from broker.web.pages.admin_names import called
from broker.web.pages.fields import Field, errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.workflow import enlisting
from broker.workflow.context import Context
from schemas.codes import Function
from schemas.problem import Problem

router = pages()


class Kind(StrEnum):
    """What the directory has."""

    AGENCY = "agency"
    TEAM = "team"
    AREA = "area"


_EXPLAINED: Final[dict[Kind, str]] = {
    Kind.AGENCY: "An organisation, whose teams are told and answer.",
    Kind.TEAM: "A team is what is told, what answers, and what holds responsibility.",
    Kind.AREA: "A team that begins to cover a service is told at once of what still stands about families for whom it was looked for in vain.",
}
_MEANWHILE: Final = "Somebody changed this since you loaded it. What you typed is still here: compare it with how it stands now, and save it if it is still right."
_TAKEN: Final = "is that of another one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The form of one entry. `name` is '' for something new."""

    kind: Kind
    id: str
    name: str
    fields: tuple[Field, ...]

    @property
    def action(self) -> str:
        """Where it is sent."""
        return f"/app/admin/directory/{self.kind}" + (f"/{self.id}" if self.id else "")

    @property
    def back(self) -> str:
        """Where it is read."""
        if self.kind is Kind.TEAM and self.id:
            return f"/app/admin/teams/{self.id}"
        return "/app/admin/areas" if self.kind is Kind.AREA else "/app/admin/teams"


@router.get("/admin/directory/{listed}")
def blank(listed: Kind, request: Request, running: Running, person: Administrator) -> Response:
    """An empty form."""
    agency = request.query_params.get("agency", "")
    return _page(running, person, _loaded(running, person, listed, "", agency))


@router.get("/admin/directory/{listed}/{entry_id}")
def form(listed: Kind, entry_id: RecordId, running: Running, person: Administrator) -> Response:
    """What the directory says of something, to be changed."""
    return _page(running, person, _loaded(running, person, listed, entry_id))


@router.post("/admin/directory/{listed}")
def add(listed: Kind, running: Running, person: Administrator, fields: Fields) -> Response:
    """Something new is in the directory from now on."""
    return _saved(running, person, listed, "", fields)


@router.post("/admin/directory/{listed}/{entry_id}")
def save(listed: Kind, entry_id: RecordId, running: Running, person: Administrator, fields: Fields) -> Response:
    """As the form says from now on."""
    return _saved(running, person, listed, entry_id, fields)


def _saved(running: Runtime, person: Person, kind: Kind, entry_id: str, typed: Form) -> Response:
    try:
        made = running.store.write(lambda session: _write(session, running, person, kind, entry_id, typed))
    except Invalid as wrong:
        problems = forms.located(wrong.problems, typed)
        return _page(running, person, _loaded(running, person, kind, entry_id), typed, problems)
    except Stale as late:
        return _page(running, person, _loaded(running, person, kind, entry_id), typed, meanwhile=str(late))
    if kind is Kind.AREA:
        sent = (one for one in Function if typed.given(f"{forms.COVERAGE}{one.value}"))
        tell_providers(running, made.id, tuple(sent))
    return see(f"{made.back}?done={kind}")


def _write(session: Session, running: Runtime, person: Person, kind: Kind, entry_id: str, typed: Form) -> Sheet:
    ctx = running.context(session)
    before = _sheet(session, ctx, kind, entry_id)
    if entry_id and typed.one("was") != forms.print_of(before.fields):
        raise Stale(_MEANWHILE)
    id_ = entry_id or typed.one("id")
    body, wrong = _body(kind, typed, before.fields)
    problems = [*([] if entry_id else _new_problems(session, kind, id_)), *wrong]
    if problems or body is None:
        raise Invalid(problems=problems)
    now = running.now()
    _put(session, ctx, id_, body, now)
    audit.record(session, action="administer", entity=kind, entity_id=id_, now=now, caller=person.caller)
    return replace(before, id=id_)


def _new_problems(session: Session, kind: Kind, id_: str) -> list[Problem]:
    wrong = forms.id_problems(id_)
    return wrong or ([Problem("id", _TAKEN, "duplicate")] if _is_there(session, kind, id_) else [])


def _is_there(session: Session, kind: Kind, id_: str) -> bool:
    match kind:
        case Kind.AGENCY:
            return directory.has_agency(session, id_)
        case Kind.TEAM:
            return directory.has_team(session, id_)
        case Kind.AREA:
            return directory.has_area(session, id_)


def _body(kind: Kind, typed: Form, fields: Sequence[Field]) -> tuple[Body | None, list[Problem]]:
    """What was sent, and what is wrong with it."""
    match kind:
        case Kind.AGENCY:
            return forms.agency_of(typed)
        case Kind.TEAM:
            return forms.team_body(typed)
        case Kind.AREA:
            return forms.area_of(typed, fields)


def _put(session: Session, ctx: Context, id_: str, body: Body, now: datetime) -> None:
    match body:
        case AgencyBody():
            directory.put_agency(session, id_, body.name, body.ods_code)
        case TeamBody():
            enlisting.team(session, ctx, team_of(id_, body), now)
        case AreaBody():
            enlisting.area(session, id_, body.name, body.postcodes, body.coverage, body.nation)


def _loaded(running: Runtime, person: Person, kind: Kind, entry_id: str, agency: str = "") -> Sheet:
    now = running.now()

    def work(session: Session) -> Sheet:
        looked(session, person, kind, entry_id or None, now)
        return _sheet(session, running.context(session), kind, entry_id, agency)

    return running.store.write(work)


def _sheet(session: Session, ctx: Context, kind: Kind, entry_id: str, agency: str = "") -> Sheet:
    """The form of an entry as it stands; NotFound when there is none."""
    if entry_id and not _is_there(session, kind, entry_id):
        raise NotFound
    fields = _fields(session, ctx, kind, entry_id, agency)
    name = next(one.value for one in fields if one.name == "name")
    return Sheet(kind=kind, id=entry_id, name=name, fields=fields)


def _fields(session: Session, ctx: Context, kind: Kind, entry_id: str, agency: str) -> tuple[Field, ...]:
    agencies = {one.id: one for one in directory.agencies(session)}
    areas = {one.id: one for one in directory.areas(session)}
    match kind:
        case Kind.AGENCY:
            return forms.agency_fields(agencies.get(entry_id))
        case Kind.AREA:
            return forms.area_fields(areas.get(entry_id), ctx.directory, called(session, ctx))
        case Kind.TEAM:
            of = [(one.id, one.name) for one in agencies.values()]
            lies = [(one.id, one.name) for one in areas.values()]
            return forms.team_fields(ctx.directory.teams.get(entry_id), of, lies, agency=agency)


def _page(
    running: Runtime,
    person: Person,
    sheet: Sheet,
    typed: Form | None = None,
    problems: Sequence[Problem] = (),
    *,
    meanwhile: str = "",
) -> Response:
    errors, faults = errors_of(problems, sheet.fields)
    values = {one.name: typed.every(one.name) for one in sheet.fields} if typed else {}
    wrong = bool(faults or meanwhile)
    heading = sheet.name or f"A new {sheet.kind}"
    return page(
        running.settings,
        "admin_directory_form.html",
        title=f"{'Error: ' if wrong else ''}{'Change this' if sheet.name else 'A new'} {sheet.kind}",
        person=person,
        here="admin/areas" if sheet.kind is Kind.AREA else "admin/teams",
        status=409 if meanwhile else 422 if faults else 200,
        heading=heading,
        explained=_EXPLAINED[sheet.kind],
        sheet=sheet,
        was=forms.print_of(sheet.fields),
        fields=filled(sheet.fields, values, errors),
        faults=faults,
        meanwhile=meanwhile,
    )
