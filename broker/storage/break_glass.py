"""Who reads a household in an emergency, and until when; who may is decided in `domain.break_glass`. Rows are never changed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlmodel import Session, col, func, select

from broker.domain.break_glass import Reason
from broker.domain.caller import PERSON
from broker.storage import tables
from broker.storage.codec import Codec, seal_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What is kept of one."""

    account_id: str
    team_id: str
    household_id: str
    reason: Reason
    name: str
    role: str
    why: str
    begun_at: datetime
    until: datetime


def keep(session: Session, codec: Codec, broken: Broken) -> str:
    """Its id."""
    id_ = str(uuid4())
    said = {"name": broken.name, "role": broken.role, "why": broken.why}
    session.add(
        tables.BreakGlass(
            id=id_,
            account_id=broken.account_id,
            team_id=broken.team_id,
            household_id=broken.household_id,
            reason=broken.reason.value,
            details=seal_json(codec, said, f"break-glass:{id_}"),
            begun_at=broken.begun_at,
            until=broken.until,
        )
    )
    return id_


def in_vain(session: Session, client: str, since: datetime) -> int:
    """How often a caller has asked for somebody who was not found, since then; one who asks at the same time, of whatever process, waits for this step."""
    session.execute(
        select(tables.Account.id).where(col(tables.Account.id) == client.removeprefix(PERSON)).with_for_update()
    )
    query = select(func.count()).where(
        tables.Audit.client_name == client,
        tables.Audit.action == "break-glass",
        tables.Audit.outcome == "failure",
        col(tables.Audit.at) > since,
    )
    return session.exec(query).one()


@dataclass(frozen=True, slots=True)
class Live:
    """One that is not over yet."""

    id: str
    until: datetime


def live(session: Session, client: str, team_id: str, household_id: str, now: datetime) -> Live | None:
    """What lets a caller read that household for now; None for a system, and when nothing does."""
    if not client.startswith(PERSON):
        return None
    query = select(tables.BreakGlass.id, tables.BreakGlass.until).where(
        tables.BreakGlass.account_id == client.removeprefix(PERSON),
        tables.BreakGlass.team_id == team_id,
        tables.BreakGlass.household_id == household_id,
        col(tables.BreakGlass.begun_at) <= now,
        col(tables.BreakGlass.until) > now,
    )
    found = session.exec(query.order_by(col(tables.BreakGlass.until).desc())).first()
    return None if found is None else Live(*found)
