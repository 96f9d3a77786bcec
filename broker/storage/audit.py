"""Audit rows: who did, read or was refused what; insert-only, ids only, committed with their fact.

The first entry of several carries as `detail["rows"]` the digests of what its step has written until then (`row_digests`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import uuid4

from sqlmodel import Session, col, select

from broker.domain.caller import PERSON, Caller
from broker.storage import direct, row_digests
from broker.storage.person_tables import AUDIT
from broker.storage.tables import Audit

EMERGENCY: Final = "BTG"
"""`detail["purpose"]` of what was done by break-glass (HL7 v3 ActReason)."""


ROWS: Final = "rows"
"""`detail["rows"]`: kind → id → digest of the rows that the step has written."""
PATIENTS: Final = "patients"
"""`detail["patients"]`: ids of the persons who were shown to the caller, of whatever was read or changed; empty when nobody was."""
ADDRESS: Final = "address"
"""`detail["address"]`: the network address that the call came from; every entry of a caller who has one says it."""


Action: TypeAlias = Literal[
    "receive",
    "read",
    "search",
    "answer",
    "acknowledge",
    "disclose",
    "decide",
    "escalate",
    "expect",
    "retry",
    "grant",
    "revoke",
    "sign-in",
    "sign-out",
    "break-glass",
    "refuse",
    "deny",
    "administer",
    "record",
]
"""The words for what was done, as the code system `audit-action` publishes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one audit row says. `detail` holds ids, codes and counts only."""

    action: Action
    entity: str
    entity_id: str | None
    caller: Caller | None = None
    outcome: str = "success"
    detail: Mapping[str, object] = field(default_factory=dict)


def record(
    session: Session,
    *,
    action: Action,
    entity: str,
    entity_id: str | None,
    now: datetime,
    caller: Caller | None = None,
    outcome: str = "success",
    detail: Mapping[str, object] | None = None,
) -> None:
    """One audit row in the transaction of the fact it records."""
    entry = Entry(
        action=action, entity=entity, entity_id=entity_id, caller=caller, outcome=outcome, detail=detail or {}
    )
    record_each(session, [entry], now=now)


def record_many(
    session: Session,
    *,
    action: Action,
    entity: str,
    entity_ids: Sequence[str | None],
    now: datetime,
    caller: Caller | None = None,
    outcome: str = "success",
    detail: Mapping[str, object] | None = None,
) -> None:
    """One audit row an entity, of which the same is to be said."""
    of_all = Entry(action=action, entity=entity, entity_id=None, caller=caller, outcome=outcome, detail=detail or {})
    record_each(session, [replace(of_all, entity_id=entity_id) for entity_id in entity_ids], now=now)


def record_each(session: Session, entries: Sequence[Entry], *, now: datetime) -> None:
    """These audit rows, in one statement; nothing when there are none."""
    if not entries:
        return
    assert all(ROWS not in entry.detail for entry in entries), "what a step has written is not its caller's to say"
    if written := row_digests.taken(session):
        first, *others = entries
        entries = [replace(first, detail={**first.detail, ROWS: written}), *others]
    rows = [
        {
            "id": str(uuid4()),
            "at": now,
            "action": entry.action,
            "outcome": entry.outcome,
            "client_name": entry.caller.client if entry.caller else None,
            "team_id": entry.caller.team if entry.caller else None,
            "entity": entry.entity,
            "entity_id": entry.entity_id,
            "detail": _detail(entry),
        }
        for entry in entries
    ]
    direct.insert(session, AUDIT, rows)


def _detail(entry: Entry) -> dict[str, object]:
    address = entry.caller.address if entry.caller else None
    return dict(entry.detail) | ({ADDRESS: address} if address else {})


def record_rest(session: Session) -> None:
    """An entry of its own for what a step has written behind its last entry."""
    if (now := row_digests.noted_at(session)) is not None:
        record(session, action="record", entity="row", entity_id=None, now=now)


def has_set_up(session: Session, by: str, whom: str, since: datetime) -> bool:
    """Whether one caller has registered or changed another since then: the client or the account by which it calls."""
    entity = "account" if whom.startswith(PERSON) else "client"
    query = select(Audit.id).where(
        Audit.entity_id == whom.removeprefix(PERSON),
        Audit.entity == entity,
        Audit.action == "administer",
        Audit.client_name == by,
        col(Audit.at) > since,
    )
    return session.exec(query.limit(1)).first() is not None
