"""The test message that goes to every webhook and queue now and then: whether a team can be reached is known before it matters."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from sqlmodel import Session

from adapters.port import PushOutcome, Taken
from broker.domain.breaker import Breaker
from broker.domain.caller import Caller
from broker.domain.states import ChannelKind
from broker.errors import Conflict, NotFound
from broker.storage import audit, canaries, channels, directory
from broker.storage.canaries import Canary
from broker.workflow import channel_watch
from broker.workflow.channel_watch import Try
from broker.workflow.context import Context
from broker.workflow.outbound import NAME
from broker.workflow.task_wire import instant
from schemas.bundle.answers import event_element
from schemas.codes import CANONICAL, Event
from schemas.identifiers import TEAM

TEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"}


def body(canary: Canary, public_url: str, now: datetime) -> bytes:
    """A FHIR message that says by its security label that it is a test, about nobody."""
    address = f"urn:uuid:{canary.id}"
    header = {
        "resourceType": "MessageHeader",
        "id": canary.id,
        "meta": {"security": [TEST]},
        **event_element(Event.INFORMATION),
        "destination": [
            {
                "endpoint": f"{CANONICAL}/team/{canary.team_id}",
                "receiver": {"type": "Organization", "identifier": {"system": TEAM, "value": canary.team_id}},
            }
        ],
        "source": {"name": NAME, "endpoint": public_url},
    }
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "id": canary.id,
            "meta": {"security": [TEST]},
            "type": "message",
            "timestamp": instant(now),
            "entry": [{"fullUrl": address, "resource": header}],
        }
    )


def ask(session: Session, caller: Caller, team_id: str, *, every: timedelta, now: datetime) -> None:
    """Have a test message go out when a worker next looks whose turn it is. Conflict where nothing is pushed, NotFound for no team.

    `every`: how long a channel waits between two of them.
    """
    if not directory.has_team(session, team_id):
        raise NotFound
    setting = channels.get(session, team_id)
    if setting.kind is ChannelKind.MAILBOX:
        raise Conflict("This team is told by its mailbox alone: there is nothing to test.")
    if setting.disabled_at is not None:
        raise Conflict("The channel is switched off: nothing goes out through it.")
    canaries.bring_forward(session, team_id, now=now, every=every)
    audit.record(session, action="administer", entity="channel", entity_id=team_id, now=now, caller=caller)


def returned(
    session: Session, ctx: Context, outcomes: Sequence[tuple[Canary, PushOutcome]], *, now: datetime, breaker: Breaker
) -> None:
    """What test messages came to. They are tries like any other for the channel's health, and no message for the team's."""
    for canary, outcome in outcomes:
        if isinstance(outcome, Taken):
            canaries.came_through(session, canary.id, now)
    tries = [
        Try(team=canary.team_id, kind=canary.kind, outcome=outcome, probe=True, canary=True)
        for canary, outcome in outcomes
    ]
    channel_watch.tried(session, ctx, tries, now=now, breaker=breaker)
