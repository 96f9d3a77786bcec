"""Versions of the policy that were proposed, and which of them is in force; what a change needs is `workflow.policy_change`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from broker.domain.states import PolicyState
from broker.storage import directory
from broker.storage.tables import Notification, PolicyVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A policy that somebody proposed, and what became of it."""

    id: str
    version: str
    text: str
    reason: str
    state: PolicyState
    base_version: str
    effect: dict[str, Any]
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str


def active(session: Session) -> PolicyVersion | None:
    """The version in force; None while nobody has approved one."""
    return session.exec(select(PolicyVersion).where(PolicyVersion.state == PolicyState.ACTIVE)).first()


def every(session: Session) -> list[Version]:
    """All of them, the newest first."""
    newest = col(PolicyVersion.proposed_at).desc()
    return [version_of(row) for row in session.exec(select(PolicyVersion).order_by(newest, col(PolicyVersion.id)))]


def version_of(row: PolicyVersion) -> Version:
    """The value of a row."""
    return Version(
        id=row.id,
        version=row.version,
        text=row.text,
        reason=row.reason,
        state=PolicyState(row.state),
        base_version=row.base_version,
        effect=row.effect,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision=row.decision,
    )


def get(session: Session, id_: str) -> PolicyVersion | None:
    """One of them, as nobody else changes it meanwhile."""
    return session.exec(select(PolicyVersion).where(PolicyVersion.id == id_).with_for_update()).first()


def named(session: Session, version: str) -> PolicyVersion | None:
    """The one that is called so; None when none ever was."""
    return session.exec(select(PolicyVersion).where(PolicyVersion.version == version)).first()


def add(session: Session, row: PolicyVersion) -> None:
    """Keep a proposal."""
    session.add(row)
    session.flush()


def decide(session: Session, row: PolicyVersion, state: PolicyState, by: str, reason: str, now: datetime) -> None:
    """Reject it, or put it in force in place of the one before, for every process: they read it with the directory's revision."""
    if state is PolicyState.ACTIVE:
        before = active(session)
        if before is not None:
            before.state = PolicyState.SUPERSEDED
            session.add(before)
            session.flush()
        directory.touch(session)
    row.state, row.decided_by, row.decision, row.decided_at = state, by, reason, now
    session.add(row)
    session.flush()


def received(session: Session, since: datetime, limit: int) -> Sequence[Notification]:
    """Accepted notifications since then, the newest first, so many."""
    query = select(Notification).where(Notification.received_at >= since, col(Notification.content).is_not(None))
    return session.exec(query.order_by(col(Notification.received_at).desc()).limit(limit)).all()


def plain(row: Version) -> dict[str, Any]:
    """What is shown of it in lists: no text."""
    return {
        "id": row.id,
        "version": row.version,
        "state": row.state.value,
        "reason": row.reason,
        "proposedBy": row.proposed_by,
        "proposedAt": row.proposed_at,
        "decidedBy": row.decided_by,
        "decidedAt": row.decided_at,
        "decision": row.decision,
    }
