"""Households of which messages came, all of them answered, with nothing open: what retention is about. `LATER` is when the time of all is over."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_town
from broker.clock import utc_now
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage.store import Store
from broker.storage.tables import metadata
from tests.default_policy import default_policy

LATER: Final = timedelta(days=30 * 366)

_TASK, _DELIVERY, _EXPECTATION, _PATTERN = (
    metadata.tables[name] for name in ("task", "delivery", "expectation", "pattern")
)


def answered(store: Store, households: int = 1, teams: Sequence[str] = bench_town.TOLD) -> Runtime:
    """An empty database becomes it; so many teams are told besides the sender."""
    running = Runtime(Settings(), store, default_policy(), EmbeddedBus())
    bench_town.fill(running, teams, households)
    pushed = _DELIVERY.c.state.not_in(("withheld", "held"))
    arrived = {"state": "delivered", "delivered_at": utc_now(), "next_attempt_at": None, "lease_until": None}
    over = {"state": "ended", "looks_at": None, "ended_at": utc_now(), "ended_because": "test"}
    with store.engine.begin() as connection:
        connection.execute(_TASK.update().values(status="completed"))
        connection.execute(_DELIVERY.update().where(pushed).values(**arrived))
        connection.execute(_EXPECTATION.update().values(**over))
        connection.execute(_PATTERN.update().values(closed_at=utc_now(), outcome="merged"))
    return running
