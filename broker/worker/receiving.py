"""Takes receipts off the teams' queue and has them written down; only then are they acknowledged, so that none is lost."""

import asyncio
from collections.abc import Sequence
from functools import partial

from prometheus_client import Counter
from sqlmodel import Session

from broker import log
from broker.domain.receipt import Receipt
from broker.runtime import Runtime
from broker.worker.guard import guarded
from broker.workflow import receipts
from broker.workflow.receipts import Counted

RECEIPTS = Counter("baton_receipts", "Receipts of teams' queues, by what they came to", ["came_to"])

_log = log.get(__name__)


class Receiving:
    """One task of the worker; nothing to do where there are no queues."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is consumed before `run`."""
        self._runtime = runtime

    async def run(self) -> None:
        """Until cancelled."""
        queues, seconds = self._runtime.queues, self._runtime.settings.poll_seconds
        if queues is None:
            return
        try:
            while True:
                if batch := await queues.receipts(seconds):
                    await self._write_at_last(batch)
                    await queues.recorded()
        finally:
            await queues.stop()

    async def _write_at_last(self, batch: Sequence[Receipt]) -> None:
        """However long the database is away: meanwhile they stay ours, and unacknowledged."""
        while not await self._write(batch):  # noqa: ASYNC110 - nothing tells when a database is back
            await asyncio.sleep(self._runtime.settings.poll_seconds)

    async def _write(self, batch: Sequence[Receipt]) -> bool:
        counted = await guarded("receipts", self._runtime.store.awrite(partial(self._record, batch)))
        if counted is None:
            return False
        for came_to in ("first", "again", "unknown", "refused"):
            RECEIPTS.labels(came_to).inc(getattr(counted, came_to))
        if counted.unknown or counted.refused:
            _log.warning("receipts of nothing that was theirs", unknown=counted.unknown, refused=counted.refused)
        return True

    def _record(self, batch: Sequence[Receipt], session: Session) -> Counted:
        return receipts.record(session, self._runtime.context(session), batch, self._runtime.now())
