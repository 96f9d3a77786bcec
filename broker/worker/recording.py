"""Writes down what pushes came to, as many in one transaction as have come back meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from sqlmodel import Session

from broker.domain.breaker import Breaker
from broker.runtime import Runtime
from broker.worker.guard import guarded
from broker.worker.limits import Limits
from broker.workflow import deliver
from broker.workflow.deliver import Ladder, Pushed


class Recorder:
    """One task of the worker. What it could not write is due again when its lease ends."""

    def __init__(self, runtime: Runtime, limits: Limits, recorded: Callable[[Sequence[Pushed]], None]) -> None:
        """`recorded` is told of each batch that is through, written or not."""
        settings = runtime.settings
        self._runtime = runtime
        self._limits = limits
        self._recorded = recorded
        self._ladder = Ladder(waits=settings.retry_ladder, receipts=settings.receipt_ladder, daily=settings.daily_retry)
        self._breaker = Breaker(failures=settings.breaker_failures, ladder=settings.breaker_ladder)
        self._come_back: asyncio.Queue[Pushed] = asyncio.Queue()
        self._writing = asyncio.Lock()

    def add(self, pushed: Pushed) -> None:
        """A push has ended."""
        self._come_back.put_nowait(pushed)

    async def run(self) -> None:
        """Until cancelled, which waits for nobody: `flush` first."""
        while True:
            batch = [await self._come_back.get()]
            await self._write(batch + self._waiting(self._limits.records - 1))

    async def flush(self) -> None:
        """Write what has come back; what is being written is through when this returns."""
        async with self._writing:
            pass
        while batch := self._waiting(self._limits.records):
            await self._write(batch)

    def _waiting(self, most: int) -> list[Pushed]:
        return [self._come_back.get_nowait() for _ in range(min(most, self._come_back.qsize()))]

    async def _write(self, batch: Sequence[Pushed]) -> None:
        async with self._writing:
            await self._write_at_once(batch)
        self._recorded(batch)

    async def _write_at_once(self, batch: Sequence[Pushed]) -> None:
        store = self._runtime.store
        done = await guarded("record", store.awrite(partial(self._conclude, batch)))
        if done is None and len(batch) > 1:
            for one in batch:
                await guarded("record", store.awrite(partial(self._conclude, [one])), delivery=one.claimed.id)

    def _conclude(self, batch: Sequence[Pushed], session: Session) -> bool:
        ctx, now = self._runtime.context(session), self._runtime.now()
        deliver.conclude(session, ctx, batch, now=now, ladder=self._ladder, breaker=self._breaker)
        return True
