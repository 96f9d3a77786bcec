"""Telling others from a page: a concern, handing over care, and what else the events' definitions have. What is sent goes the way of every message."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fastapi import Response
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotFound
from broker.runtime import Runtime
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages import event_form, words
from broker.web.pages.event_form import may_tell, subjects_of
from broker.web.pages.fields import errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sending import begun, once, sent
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.tasks import seated, team_of
from broker.web.pages.tell_page import HEADINGS, Offered, Telling, fields_of, message_of, problems_of
from broker.workflow import tell
from schemas.codes import Event
from schemas.events import SPECS
from schemas.message import Message
from schemas.problem import Problem

router = pages()

OWN_FORMS: Final = frozenset(Event(one.value) for one in Telling)


@router.get("/households/{household_id}/tell")
def choose(household_id: RecordId, running: Running, person: SignedInPerson) -> Response:
    """What can be told of this household by form, in the words of the events' definitions."""
    offered = _offered(running, person, household_id, concern=False)
    function = team_of(person).function
    events = [event for event in event_form.TOLD if may_tell(event, function) and subjects_of(event, offered.people)]
    return page(
        running.settings,
        "tell_choice.html",
        title="Tell of something",
        person=person,
        back=f"/app/households/{household_id}",
        own=[(one.value, HEADINGS[one]) for one in Telling],
        events=[(event.value, words.title(event.value), SPECS[event].text) for event in events],
    )


@router.get("/households/{household_id}/{telling}")
def form(household_id: RecordId, telling: Event, running: Running, person: SignedInPerson) -> Response:
    """The form, about those of the household of whom the team may tell."""
    _possible(telling, person)
    offered = _offered(running, person, household_id, concern=telling is Event.CONCERN)
    return _page(running, person, household_id, telling, offered, Form([]), [])


@router.post("/households/{household_id}/{telling}")
def send(household_id: RecordId, telling: Event, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """The message, once; or the form again, with what was typed."""
    _possible(telling, person)
    offered = _offered(running, person, household_id, concern=telling is Event.CONCERN)
    problems = _problems(telling, fields, offered, running.now())
    first = begun(fields, running.now())
    if first is None:
        problems.append(once())
    elif not problems:
        problems = sent(running, person.caller, _message(telling, fields, offered, person.caller, *first), first[1])
    if problems:
        return _page(running, person, household_id, telling, offered, fields, problems)
    return see("/app/sent?done=told")


def _possible(telling: Event, person: Person) -> None:
    """NotFound for what is not told by form, or not by teams of that function."""
    if telling not in OWN_FORMS and not may_tell(telling, team_of(person).function):
        raise NotFound


def _problems(telling: Event, fields: Form, offered: Offered, now: datetime) -> list[Problem]:
    if telling in OWN_FORMS:
        return problems_of(Telling(telling), fields, offered)
    return event_form.problems_of(telling, fields, offered.people, now)


def _message(telling: Event, fields: Form, offered: Offered, caller: Caller, message_id: str, at: datetime) -> Message:
    if telling in OWN_FORMS:
        return message_of(Telling(telling), fields, offered, caller, message_id, at)
    return event_form.message_of(telling, fields, offered.people, caller, message_id, at)


def _offered(running: Runtime, person: Person, household_id: str, *, concern: bool) -> Offered:
    seated(person)

    def work(session: Session) -> Offered | None:
        ctx = running.context(session)
        people = tell.of_household(session, ctx, person.caller, household_id, running.now(), concern=concern)
        return None if people is None else Offered(people=people, receivers=tell.receivers(ctx, person.caller))

    offered = running.store.write(work)
    if offered is None:
        raise NotFound
    return offered


def _page(
    running: Runtime,
    person: Person,
    household_id: str,
    telling: Event,
    offered: Offered,
    typed: Form,
    problems: Sequence[Problem],
) -> Response:
    own = telling in OWN_FORMS
    blank = fields_of(Telling(telling), offered) if own else event_form.fields_of(telling, offered.people)
    errors, faults = errors_of(problems, blank)
    values = {one.name: typed.every(one.name) for one in blank} if problems else {}
    heading = HEADINGS[Telling(telling)] if own else words.title(telling)
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
        back_words="Back to the household",
        message=typed.one("message"),
        at=typed.one("at"),
        now=running.now(),
        nobody=not (offered.people if own else subjects_of(telling, offered.people)),
        explained="" if own else SPECS[telling].text,
    )
