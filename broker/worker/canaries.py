"""Sends test messages through the channels whose turn has come, beside the deliveries: one that hangs holds up none of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from sqlmodel import Session

from adapters.port import PushOutcome
from broker.domain.breaker import Breaker
from broker.domain.states import ChannelKind
from broker.runtime import Runtime
from broker.storage import canaries
from broker.storage.canaries import Canary
from broker.worker.guard import guarded
from broker.workflow import canary

AT_ONCE = 20
"""Test messages under way: a thousand channels have theirs within a minute, and deliveries their processor."""

LOOKS = 60
"""How often in the time between two test messages it is looked whose turn has come."""

Push: TypeAlias = Callable[[Canary], Awaitable[PushOutcome]]


class Canaries:
    """One task of the worker; several workers share the turns."""

    def __init__(self, runtime: Runtime, kinds: frozenset[ChannelKind], push: Push) -> None:
        """`kinds`: channels that this worker can push to, by `push`."""
        settings = runtime.settings
        self._runtime = runtime
        self._kinds = kinds
        self._push = push
        self._every = timedelta(seconds=settings.canary_seconds)
        self._breaker = Breaker(failures=settings.breaker_failures, ladder=settings.breaker_ladder)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await guarded("canaries", self.round()):
                await asyncio.sleep(self._every.total_seconds() / LOOKS)

    async def round(self) -> bool:
        """One set of them from first to last; False when it was nobody's turn."""
        store, now = self._runtime.store, self._runtime.now()
        any_due = partial(canaries.any_due, now=now, every=self._every, kinds=self._kinds)
        if not await store.aread(any_due):
            return False
        begin = partial(canaries.begin, now=now, every=self._every, kinds=self._kinds, limit=AT_ONCE)
        begun = await store.awrite(begin)
        outcomes = await asyncio.gather(*map(self._push, begun))
        await store.awrite(partial(self._returned, list(zip(begun, outcomes, strict=True))))
        return bool(begun)

    def _returned(self, outcomes: Sequence[tuple[Canary, PushOutcome]], session: Session) -> None:
        ctx, now = self._runtime.context(session), self._runtime.now()
        canary.returned(session, ctx, outcomes, now=now, breaker=self._breaker)
