"""The teams' systems of a story: each takes at once whatever waits in its mailbox and says that it has it, unless it is down."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.replay.record import Heard, Record, system
from broker.runtime import Runtime
from broker.storage import audit, channel_health, mailbox
from broker.storage.audit import Action, Entry
from broker.storage.mailbox import Undelivered
from broker.workflow import deliver, number, outbound
from broker.workflow.context import Context

Wanted = Mapping[str, frozenset[str] | None]
"""Team → the steps of whose messages something is expected of it; None: of any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """The systems of all teams. Every message is taken; what it says is read only where something is expected of it."""

    runtime: Runtime
    record: Record
    read_for: Wanted

    def take(self, session: Session, down: Collection[str]) -> list[Heard]:
        """Everything that waits is taken; what waits for a system that is down goes on waiting."""
        items = mailbox.undelivered(session, but=down)
        if not items:
            return []
        number.number(session)
        ctx, now = self.runtime.context(session), self.runtime.now()
        said = self._read(session, ctx, items, now)
        by = {item.id: system(item.team_id) for item in items}
        arrived = deliver.has_arrived(session, ctx, list(by), now)
        audit.record_each(session, [_entry("acknowledge", id_, by[id_]) for id_ in arrived], now=now)
        channel_health.heard(session, sorted({item.team_id for item in items}), now)
        return [_heard(item, said.get(item.id), now) for item in items]

    def _read(self, session: Session, ctx: Context, items: Sequence[Undelivered], now: datetime) -> dict[str, Any]:
        """What those say of which something is expected."""
        asked = [item for item in items if self._is_asked_for(item)]
        found = outbound.compose_all(session, ctx, [item.id for item in asked], now) if asked else {}
        audit.record_each(session, [_entry("read", item.id, system(item.team_id)) for item in asked], now=now)
        return {id_: orjson.loads(composed.body) for id_, composed in found.items()}

    def _is_asked_for(self, item: Undelivered) -> bool:
        steps = self.read_for.get(item.team_id, frozenset())
        if steps is None:
            return True
        return any(item.notification_id in self.record.notifications.get(step, ()) for step in steps)


def _entry(action: Action, delivery_id: str, caller: Caller) -> Entry:
    return Entry(action=action, entity="delivery", entity_id=delivery_id, caller=caller)


def _heard(item: Undelivered, said: Any, now: datetime) -> Heard:  # noqa: ANN401 - any JSON
    return Heard(at=now, team=item.team_id, notification=item.notification_id, cause=item.cause, body=said)
