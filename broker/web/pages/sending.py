"""What a form makes is a message like any other: sent once, however often the form is."""

import re
from datetime import datetime, timedelta
from typing import Final

import orjson

from broker.domain.caller import Caller
from broker.errors import Conflict
from broker.runtime import Runtime
from broker.web.pages.forms import Form
from broker.workflow import arrive, intake
from schemas import bundle
from schemas.limits import Limits
from schemas.message import Message
from schemas.problem import Problem

LONGEST: Final = timedelta(hours=12)
"""So old a form may be; no session lasts longer unless somebody says so."""
FHIR: Final = "application/fhir+json"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def begun(fields: Form, now: datetime) -> tuple[str, datetime] | None:
    """The id of the message and the time at which the form was loaded: the same form sent twice is the same message."""
    message_id = fields.one("message")
    try:
        at = datetime.fromisoformat(fields.one("at"))
    except ValueError:
        return None
    fits = at.tzinfo is not None and now - LONGEST <= at <= now
    return (message_id, at) if fits and _UUID.fullmatch(message_id) else None


def once() -> Problem:
    """What is wrong with a form that is too old, or none of ours."""
    return Problem("", "load the form again, then send it", "value")


def sent(running: Runtime, caller: Caller, message: Message, at: datetime) -> list[Problem]:
    """What keeps it from being taken; nothing when it was, now or before."""
    now, settings = running.now(), running.settings
    written = bundle.write(
        message, source=settings.public_url, source_name=settings.service_name, timestamp=at, bundle_id=message.id
    )
    limits = Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
    incoming = intake.read_fhir(orjson.dumps(written), FHIR, limits, now)
    if incoming.standing != "usable":
        return [Problem("", "this could not be sent as it is; telephone, and tell whoever looks after Baton", "value")]
    try:
        arrive.arrive(running.store, running.context, incoming, caller, running.now)
    except Conflict:  # the same form with other words
        return [Problem("", "this form was sent before with other words; load it again to send another", "value")]
    return []
