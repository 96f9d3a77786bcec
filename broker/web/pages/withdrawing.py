"""Taking back what one's team has told, from a page: a message of its own, as a system would send it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fastapi import Response

from broker.runtime import Runtime
from broker.web.api.parameters import RecordId
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.fields import Field, errors_of, filled
from broker.web.pages.forms import Fields, Form
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages, see
from broker.web.pages.seats import Person
from broker.web.pages.sending import begun, once, sent
from broker.web.pages.sessions import SignedInPerson
from broker.web.pages.tasks import team_of
from broker.workflow import tell
from broker.workflow.tell import Told
from schemas.codes import Event
from schemas.events import FACTS, coded
from schemas.message import Fact, Message
from schemas.problem import Problem

router = pages()

_REASONS: Final = FACTS["withdraw-reason"].binding
_EXPLAINED: Final = (
    "Every team that was told is told that you take it back, and need not answer any more. What they have agreed to do "
    "stays theirs, and nothing is deleted. Telephone those who may have acted on it."
)


@router.get("/sent/{notification_id}/withdraw")
def form(notification_id: RecordId, running: Running, person: SignedInPerson) -> Response:
    """Why it is taken back."""
    return _page(running, person, _told(running, person, notification_id), Form([]), [])


@router.post("/sent/{notification_id}/withdraw")
def send(notification_id: RecordId, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """Take it back, once; or the form again."""
    told = _told(running, person, notification_id)
    reason, first = fields.one("withdraw-reason"), begun(fields, running.now())
    problems = [] if _REASONS and reason in _REASONS.codes else [Problem("withdraw-reason", "Say why", "required")]
    if first is None:
        problems.append(once())
    elif not problems:
        problems = sent(running, person.caller, _message(told, reason, person, *first), first[1])
    if problems:
        return _page(running, person, told, fields, problems)
    return see("/app/sent?done=withdrawn")


def _told(running: Runtime, person: Person, notification_id: str) -> Told:
    """What the team itself told and has not taken back."""
    team_of(person)
    now = running.now()
    return running.store.write(lambda session: tell.own(session, person.caller, notification_id, now))


def _message(told: Told, reason: str, person: Person, message_id: str, at: datetime) -> Message:
    return Message(
        id=message_id,
        event=Event.WITHDRAW,
        sender=person.caller.team,
        occurred=at,
        sent=at,
        subjects=(),
        people=(),
        facts=(Fact(code="withdraw-reason", value=coded("withdraw-reason", reason)),),
        author=person.caller.practitioner,
        reference=told.message_id,
    )


def _page(running: Runtime, person: Person, told: Told, typed: Form, problems: Sequence[Problem]) -> Response:
    options = tuple(_REASONS.codes.items()) if _REASONS else ()
    blank = (Field(kind="radios", name="withdraw-reason", label="Why do you take it back?", options=options),)
    errors, faults = errors_of(problems, blank)
    values = {one.name: typed.every(one.name) for one in blank}
    return page(
        running.settings,
        "tell.html",
        title=f"{'Error: ' if faults else ''}Take back what you told",
        person=person,
        status=422 if faults else 200,
        heading=f"Take back: {words.title(told.event)}",
        explained=_EXPLAINED,
        action=f"/app/sent/{told.id}/withdraw",
        back="/app/sent",
        back_words="Back to what was sent",
        fields=filled(blank, values, errors),
        faults=faults,
        message=typed.one("message"),
        at=typed.one("at"),
        nobody=False,
        now=running.now(),
    )
