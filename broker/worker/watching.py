"""Has the watchdog make its passes, beside everything that it watches, and tells the outside of those that found nothing."""

import asyncio
from datetime import timedelta
from typing import Self

from sqlmodel import Session

from adapters.channels.heartbeat import Heartbeat
from broker import log
from broker.runtime import Runtime
from broker.storage.pulses import Watched
from broker.worker.guard import guarded
from broker.workflow import watchdog

SOONER = 12
"""After a pass that failed or found something the next comes in this part of the usual time: what catches up is soon well again."""

_log = log.get("broker.worker")


class Watching:
    """One task of the worker; several workers share the passes."""

    def __init__(self, runtime: Runtime, holder: str) -> None:
        """`holder` names this process in leases."""
        settings = runtime.settings
        self._runtime = runtime
        self._holder = holder
        self._every = timedelta(seconds=settings.watchdog_seconds)
        url = settings.heartbeat_url
        longest = min(settings.webhook_timeout_seconds, settings.watchdog_seconds / 2)
        self._heartbeat = Heartbeat(url.get_secret_value(), timeout_seconds=longest) if url else None

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection to the outside."""
        if self._heartbeat is not None:
            await self._heartbeat.__aexit__()

    async def run(self) -> None:
        """Until cancelled. A pass that fails is silent, like one that found something."""
        while True:
            quiet = await guarded("watchdog", self.round())
            every = self._every.total_seconds()
            await asyncio.sleep(every if quiet else every / SOONER)

    async def round(self) -> bool:
        """One pass, and the heartbeat when it found nothing; whether it did not, or another process has just made one."""
        passed = await self._runtime.store.awrite(self._watch)
        if passed is None:
            return True
        if not passed.found:
            await self._beat()
        return not passed.found

    async def _beat(self) -> None:
        if self._heartbeat is not None and not await self._heartbeat.beat():
            _log.warning("heartbeat was not heard")

    def _watch(self, session: Session) -> Watched | None:
        ctx, now = self._runtime.context(session), self._runtime.now()
        lease = timedelta(seconds=self._runtime.settings.lease_seconds)
        return watchdog.watch_alone(session, ctx, holder=self._holder, now=now, lease=lease, every=self._every)
