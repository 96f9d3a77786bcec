"""Decisions not to tell as an auditor sees them: whom, why, by which principle, who decided, and when; every reading is written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.reasons import NotTold, principle_of
from broker.domain.world import Team
from broker.storage import audit, withheld
from broker.storage.keyset import Position
from broker.storage.task_values import Stored
from broker.storage.withheld import Decision, WithheldQuery
from broker.workflow.context import Context
from broker.workflow.gates import Gates, all_gates


class DecidedBy(StrEnum):
    """Who decided that a team is not told."""

    POLICY = "policy"
    LEAD = "lead"
    """The safeguarding lead who was asked about what the policy held back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Who refused, as the agency asserts. What they said of it stands with the task."""

    task_id: str
    team: str
    name: str | None
    role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One decision with all that a list says of it."""

    decision: Decision
    sender: Team | None
    team: Team
    principle: str
    """What of docs/sharing.md it rests on, or which invariant."""
    by: DecidedBy
    lead: Lead | None
    """None also when what the lead said is no longer kept."""
    decided: datetime


def page(
    session: Session, ctx: Context, caller: Caller, query: WithheldQuery, now: datetime
) -> tuple[list[Seen], Position | None]:
    """One page with the position behind which the next begins, and an audit row with the ids that are on it."""
    found, last = withheld.search(session, query)
    detail = {"found": [decision.id for decision in found]}
    audit.record(session, action="search", entity="delivery", entity_id=None, now=now, caller=caller, detail=detail)
    asked = {one.notification_id for one in found if one.gate_id or one.reason_code == NotTold.RELEASE_REFUSED}
    gates = all_gates(session, ctx.codec, asked) if asked else {}
    return [_seen(one, ctx.directory.teams, gates) for one in found], last


def _seen(decision: Decision, teams: Mapping[str, Team], gates: Mapping[str, Gates]) -> Seen:
    if decision.gate_id is not None:
        return _unnamed(decision, teams, gates[decision.notification_id].refused(decision.gate_id))
    team = teams[decision.team]
    held = gates.get(decision.notification_id) if decision.reason_code == NotTold.RELEASE_REFUSED else None
    by_lead = held is not None and not held.released_to(team)
    task = held.refused_to(team) if held is not None and by_lead else None
    return Seen(
        decision=decision,
        sender=teams.get(decision.sender or ""),
        team=team,
        principle=principle_of(NotTold.NO_RULE if held is not None and not by_lead else decision.reason_code),
        by=DecidedBy.LEAD if by_lead else DecidedBy.POLICY,
        lead=_lead(task) if task is not None else None,
        decided=(task.row.answered_at if task is not None else None) or decision.at,
    )


def _unnamed(decision: Decision, teams: Mapping[str, Team], refused: Stored | None) -> Seen:
    """A child whom a transfer does not name: the policy keeps it so until the lead agrees, or has refused."""
    return Seen(
        decision=decision,
        sender=teams.get(decision.sender or ""),
        team=teams[decision.team],
        principle=principle_of(decision.reason_code),
        by=DecidedBy.POLICY if refused is None else DecidedBy.LEAD,
        lead=None if refused is None else _lead(refused),
        decided=(None if refused is None else refused.row.answered_at) or decision.at,
    )


def _lead(task: Stored) -> Lead:
    who = task.content.get("answered")
    return Lead(
        task_id=task.row.id,
        team=task.row.owner_team_id,
        name=who["name"] if who else None,
        role=who["role"] if who else None,
    )
