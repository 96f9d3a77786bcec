"""The report of timeliness: how soon each agency answers what is handed to it, for auditors; figures alone, nobody's handover."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from broker.domain import timeliness as rules
from broker.domain.caller import Caller
from broker.domain.timeliness import Period, Timeliness
from broker.storage import audit
from broker.storage import timeliness as handovers
from broker.workflow.context import Context
from schemas.codes import Event

NAME: Final = "timeliness"
USUAL: Final = timedelta(weeks=13)
"""How far back it looks unless asked otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for: sent from `since` up to but not including `until`."""

    since: datetime
    until: datetime
    period: Period
    agency: str | None = None
    kind: Event | None = None


def report(session: Session, ctx: Context, caller: Caller, asked: Asked, now: datetime) -> list[Timeliness]:
    """Every line of it, periods first, then agencies and kinds; an audit row with how many there are."""
    agencies = {id_: team.agency_id for id_, team in ctx.directory.teams.items()}
    sent = handovers.sent(session, agencies, since=asked.since, until=asked.until, kind=asked.kind)
    chosen = (one for one in sent if asked.agency in (None, one.agency))
    lines = list(rules.timeliness(chosen, asked.period, asked.since, now))
    detail = {"report": NAME, "count": len(lines)}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)
    return lines
