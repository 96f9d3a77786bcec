"""Whether a message says what its event asks for and nothing impossible; how it looked in FHIR was judged before."""

from datetime import datetime

from schemas.events import places
from schemas.events.checks.amounts import too_many
from schemas.events.checks.coherence import incoherent
from schemas.events.checks.dates import implausible_dates
from schemas.events.checks.facts import wrong_facts
from schemas.events.checks.identifiers import doubtful_identifiers
from schemas.events.checks.presence import missing
from schemas.events.registry import SPECS
from schemas.message import Message
from schemas.problem import Problem


def check(message: Message, now: datetime) -> list[Problem]:
    """Everything wrong with what a message says; `now` is aware.

    An error means that it cannot be routed or would mislead (422). A warning means that it is routed and a person
    should look: code `required` is what good practice expects, which makes a `data-quality` task for the sender.
    """
    if message.occurred.tzinfo is None:
        return [Problem(places.HEADER, "gives the time of the event without a time zone", "value")]
    if amounts := list(too_many(message)):
        return amounts
    spec = SPECS[message.event]
    return [
        *incoherent(message, spec),
        *missing(message, spec),
        *wrong_facts(message, spec, now),
        *implausible_dates(message, now),
        *doubtful_identifiers(message),
    ]
