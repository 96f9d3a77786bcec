"""Audit rows: who did, read or was refused what; insert-only, ids only, committed with their fact."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.storage.person_tables import AUDIT

_INSERT = AUDIT.insert()


def record(
    session: Session,
    *,
    action: str,
    entity: str,
    entity_id: str | None,
    now: datetime,
    caller: Caller | None = None,
    outcome: str = "success",
    detail: Mapping[str, object] | None = None,
) -> None:
    """One audit row in the transaction of the fact it records. `detail` holds ids, codes and counts only."""
    record_many(
        session,
        action=action,
        entity=entity,
        entity_ids=[entity_id],
        now=now,
        caller=caller,
        outcome=outcome,
        detail=detail,
    )


def record_many(
    session: Session,
    *,
    action: str,
    entity: str,
    entity_ids: Sequence[str | None],
    now: datetime,
    caller: Caller | None = None,
    outcome: str = "success",
    detail: Mapping[str, object] | None = None,
) -> None:
    """One audit row an entity, in one statement; nothing when there are none."""
    if not entity_ids:
        return
    rows = [
        {
            "id": str(uuid4()),
            "at": now,
            "action": action,
            "outcome": outcome,
            "client_name": caller.client if caller else None,
            "team_id": caller.team if caller else None,
            "entity": entity,
            "entity_id": entity_id,
            "detail": dict(detail or {}),
        }
        for entity_id in entity_ids
    ]
    session.execute(_INSERT, rows)
