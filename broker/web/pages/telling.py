"""Telling others from a page: a concern, or handing over care. What is sent goes the way of every message."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import orjson
from fastapi import Response
from sqlmodel import Session

from broker.errors import Conflict, NotFound
from broker.runtime import Runtime
from broker.web.deps import Running
from broker.web.pages.fields import errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.tasks import Id, seated
from broker.web.pages.tell_page import HEADINGS, Offered, Telling, fields_of, message_of, problems_of
from broker.workflow import arrive, intake, tell
from schemas import bundle
from schemas.limits import Limits
from schemas.problem import Problem

router = pages()

LONGEST: Final = timedelta(hours=12)
"""So old a form may be; no session lasts longer unless somebody says so."""
FHIR: Final = "application/fhir+json"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@router.get("/households/{household_id}/{telling}")
def form(household_id: Id, telling: Telling, running: Running, person: SignedInPerson) -> Response:
    """The form, about those of the household of whom the team may tell."""
    seated(person)
    return _page(running, person, household_id, telling, _offered(running, person, household_id), Form([]), [])


@router.post("/households/{household_id}/{telling}")
def send(household_id: Id, telling: Telling, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """The message, once; or the form again, with what was typed."""
    seated(person)
    offered = _offered(running, person, household_id)
    problems = problems_of(telling, fields, offered)
    begun = _begun(fields, running.now())
    if begun is None:
        problems.append(Problem("", "load the form again, then send it", "value"))
    if not problems and begun is not None:
        problems = _send(running, person, telling, fields, offered, begun)
    if problems:
        return _page(running, person, household_id, telling, offered, fields, problems)
    return see("/app/sent?done=told")


def _send(
    running: Runtime, person: Person, telling: Telling, fields: Form, offered: Offered, begun: tuple[str, datetime]
) -> list[Problem]:
    """What keeps it from being taken; nothing when it was, now or before."""
    (message_id, at), now, settings = begun, running.now(), running.settings
    message = message_of(telling, fields, offered, person.caller, message_id, at)
    written = bundle.write(
        message, source=settings.public_url, source_name=settings.service_name, timestamp=at, bundle_id=message_id
    )
    limits = Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
    incoming = intake.read_fhir(orjson.dumps(written), FHIR, limits, now)
    if incoming.standing != "usable":
        return [Problem("", "this could not be sent as it is; telephone, and tell whoever looks after Baton", "value")]
    try:
        arrive.arrive(running.store, running.context, incoming, person.caller, running.now)
    except Conflict:  # the same form with other words
        return [Problem("", "this form was sent before with other words; load it again to send another", "value")]
    return []


def _begun(fields: Form, now: datetime) -> tuple[str, datetime] | None:
    """The id of the message and the time at which the form was loaded: the same form sent twice is the same message."""
    message_id = fields.one("message")
    try:
        at = datetime.fromisoformat(fields.one("at"))
    except ValueError:
        return None
    fits = at.tzinfo is not None and now - LONGEST <= at <= now
    return (message_id, at) if fits and _UUID.fullmatch(message_id) else None


def _offered(running: Runtime, person: Person, household_id: str) -> Offered:
    def work(session: Session) -> Offered | None:
        ctx = running.context(session)
        people = tell.of_household(session, ctx, person.caller, household_id, running.now())
        return None if people is None else Offered(people=people, receivers=tell.receivers(ctx, person.caller))

    offered = running.store.read(work)
    if offered is None:
        raise NotFound
    return offered


def _page(
    running: Runtime,
    person: Person,
    household_id: str,
    telling: Telling,
    offered: Offered,
    typed: Form,
    problems: Sequence[Problem],
) -> Response:
    blank = fields_of(telling, offered)
    errors, faults = errors_of(problems, blank)
    values = {one.name: typed.every(one.name) for one in blank} if problems else {}
    heading = HEADINGS[telling]
    return page(
        running.settings,
        "tell.html",
        title=f"{'Error: ' if faults else ''}{heading}",
        person=person,
        status=422 if faults else 200,
        heading=heading,
        action=f"/app/households/{household_id}/{telling.value}",
        back=f"/app/households/{household_id}",
        fields=filled(blank, values, errors),
        faults=faults,
        message=typed.one("message") or str(uuid4()),
        at=typed.one("at") or running.now().isoformat(timespec="seconds"),
        nobody=not offered.people,
    )
