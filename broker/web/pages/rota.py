"""Cover and absence: who of the team is there, and that somebody is away and who does their work meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import Request, Response
from sqlmodel import Session

from broker.domain.rota import Gone, Practitioner
from broker.errors import Forbidden
from broker.runtime import Runtime
from broker.storage import audit, practitioners
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.done import DONE
from broker.web.pages.fields import Fault, Field, Typed, errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sessions import SignedInPerson
from broker.workflow import hand_back
from schemas.problem import Problem

router = pages()


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """Somebody of the team, and whether they are there."""

    name: str
    role: str
    standing: str
    away: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaView:
    """The team, and the form of whoever is signed in."""

    colleagues: tuple[Colleague, ...]
    fields: tuple[Field, ...]
    faults: tuple[Fault, ...]
    away: bool
    """Whether an absence of theirs is written down."""


@router.get("/rota")
def rota(request: Request, running: Running, person: SignedInPerson) -> Response:
    """Who is there, and a form for one's own absence."""
    return _page(running, person, done=DONE.get(request.query_params.get("done", ""), ""))


@router.post("/rota")
def change(running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """From when until when somebody is away, and who covers; or that they are back."""
    own, now, typed = _own(person), running.now(), Typed()
    if fields.one("back"):
        asked = replace(own, absent_from=None, absent_until=None, cover_id=None)
    else:
        asked = replace(
            own,
            absent_from=typed.begins("from", fields.one("from")),
            absent_until=typed.day("until", fields.one("until")),
            cover_id=fields.given("cover"),
        )
    problems = [Problem(path, reason, "value") for path, reason in typed.faults.items()]
    if not fields.one("back"):
        problems += _wrong(asked, typed)

    def work(session: Session) -> bool:
        ctx = running.context(session)
        ids = {one.id for one in practitioners.of_team(session, ctx.codec, own.team_id)} - {own.id}
        if asked.cover_id is not None and asked.cover_id not in ids:
            return False
        hand_back.put(session, ctx, asked, now)
        detail = {"team": own.team_id}
        audit.record(
            session,
            action="administer",
            entity="practitioner",
            entity_id=own.id,
            now=now,
            caller=person.caller,
            detail=detail,
        )
        return True

    if not problems and not running.store.write(work):
        problems = [Problem("cover", "is nobody else of the team", "not-found")]
    if problems:
        return _page(running, person, fields, problems)
    return see(f"/app/rota?done={'back' if fields.one('back') else 'away'}")


def _wrong(asked: Practitioner, typed: Typed) -> list[Problem]:
    if asked.absent_from is None and "from" not in typed.faults:
        return [Problem("from", "say from when you are away", "required")]
    if asked.absent_from and asked.absent_until and asked.absent_until <= asked.absent_from:
        return [Problem("until", "must not lie before the first day", "business-rule")]
    return []


def _own(person: Person) -> Practitioner:
    if person.seat.practitioner is None:
        raise Forbidden("Auditors and administrators act for no team.")
    return person.seat.practitioner


def _page(
    running: Runtime, person: Person, typed: Form | None = None, problems: Sequence[Problem] = (), *, done: str = ""
) -> Response:
    own, now = _own(person), running.now()
    team = running.store.read(lambda session: practitioners.of_team(session, running.store.codec, own.team_id))
    view = view_of(team, own, typed, problems, now)
    return page(
        running.settings,
        "rota.html",
        title=f"{'Error: ' if view.faults else ''}Who is there",
        person=person,
        here="rota",
        status=422 if view.faults else 200,
        view=view,
        done=done,
    )


def view_of(
    team: Sequence[Practitioner], own: Practitioner, typed: Form | None, problems: Sequence[Problem], now: datetime
) -> RotaView:
    """The page's view; whoever has left is not of the team any more."""
    there = [one for one in team if one.gone(now) is not Gone.LEFT]
    covers = tuple((one.id, one.name) for one in there if one.id != own.id)
    blank = (
        Field(kind="date", name="from", label="First day away"),
        Field(kind="date", name="until", label="Last day away", hint="Leave it empty if you do not know yet."),
        Field(
            kind="select",
            name="cover",
            label="Who does what you agreed to do meanwhile?",
            hint="Without anybody it goes back to the team, and shows as held by nobody.",
            options=(("", "Nobody yet"), *covers),
        ),
    )
    errors, faults = errors_of(problems, blank)
    values = {one.name: typed.every(one.name) for one in blank} if typed else {}
    names = {one.id: one.name for one in there}
    return RotaView(
        colleagues=tuple(_colleague(one, names, now) for one in there),
        fields=filled(blank, values, errors),
        faults=faults,
        away=own.absent_from is not None,
    )


def _colleague(one: Practitioner, names: dict[str, str], now: datetime) -> Colleague:
    gone = one.gone(now)
    return Colleague(
        name=one.name, role=words.plain(one.role), standing=_standing(one, gone, names, now), away=gone is not None
    )


def _standing(one: Practitioner, gone: Gone | None, names: dict[str, str], now: datetime) -> str:
    cover = f"; {names[one.cover_id]} covers" if one.cover_id and one.cover_id in names else "; nobody covers"
    until = f" until {words.day(one.absent_until)}" if one.absent_until else ""
    if gone is Gone.ABSENT:
        return f"Away{until}{cover}"
    if gone is not None:
        return "Shift is over"
    if one.absent_from is not None and one.absent_from > now:
        return f"There; away from {words.day(one.absent_from)}{until}{cover}"
    return "There"
