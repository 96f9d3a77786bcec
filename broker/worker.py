"""The worker's loop: numbers mailboxes, seals the audit, claims what is due, pushes it to teams side by side; every step lives in `workflow`.

What is under way is known to this process only by leases in the database: killed at any point, its work is due again
when they end. A team may have only so many pushes under way, so one that hangs uses up its own share and no other's.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

from sqlmodel import Session

from adapters.channels.webhook import WebhookChannel
from adapters.port import PushOutcome
from broker import log
from broker.runtime import Runtime
from broker.storage import audit_log, deliveries, leases, mailbox, outbox
from broker.storage.outbox import Claimed
from broker.workflow import deliver, escalate, number, seal
from broker.workflow.deliver import NOT_COMPOSED, Ladder

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once."""

    slots: int = 200
    """Pushes under way. One is a task, a connection and a rendered message, some 100 KB."""
    per_team: int = 8
    """Pushes to one team: with the longest time-out, a dead team costs at most this many slots."""
    grace_seconds: float = 5.0
    """How long pushes under way may still take once the worker is told to stop."""
    align_seconds: float = 60.0
    """How often waiting rows are checked against their teams' channels."""
    seal_seconds: float = 0.2
    """Shortest time between two heads of the audit, so that a busy hour does not sign one for each delivery."""


PUSH_PART_OF_LEASE = 0.8
"""A push ends before its lease, or it would go out twice while both are alive; the rest of the lease is for the commit."""


class Worker:
    """One loop. `run` in a task; `stop` ends it, with what is under way finished or given back."""

    def __init__(
        self, runtime: Runtime, *, limits: Limits | None = None, lot: Callable[[], float] = random.random
    ) -> None:
        """`lot` draws the jitter of retries, from 0 up to but not including 1."""
        settings = runtime.settings
        self._runtime = runtime
        self._limits = limits or Limits()
        self._lot = lot
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._ladder = Ladder(waits=settings.retry_ladder, daily=settings.daily_retry)
        self._channel = WebhookChannel(
            timeout_seconds=min(settings.webhook_timeout_seconds, PUSH_PART_OF_LEASE * settings.lease_seconds),
            allow_private=settings.allow_private_addresses,
        )
        self._holder = str(uuid4())
        self._under_way: dict[asyncio.Task[None], Claimed] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._align_at: datetime | None = None
        self._seal_at = 0.0
        """Time of the event loop from which the audit may be sealed again."""
        self._log = log.get(__name__)
        self.looked_at: datetime | None = None
        """When it last looked for work and the database answered: the worker is well while this is fresh."""

    def stop(self) -> None:
        """Claim no more and end; from the loop that runs it."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped (or cancelled, which ends it the same way)."""
        listening = asyncio.create_task(self._listen())
        try:
            async with self._channel:
                try:
                    while not self._stopping:
                        await self._look()
                        await self._rest()
                finally:
                    await self._wind_down()
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        while True:
            if await self._runtime.bus.wait(self._runtime.settings.poll_seconds):
                self._wake.set()

    async def _rest(self) -> None:
        """Until something is announced, something ends, or it is time to look again."""
        try:
            async with asyncio.timeout(self._runtime.settings.poll_seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _look(self) -> None:
        """Everything there is to begin now. What fails is left for the next look and holds up nothing else."""
        await self._guarded("number", self._number())
        await self._guarded("align", self._align())
        await self._guarded("clock", self._climb())
        await self._guarded("seal", self._seal_in_time())
        claimed = await self._guarded("claim", self._claim())
        if claimed is None:
            return
        for each in claimed:
            task = asyncio.create_task(self._deliver(each))
            self._under_way[task] = each
            task.add_done_callback(self._ended)
        self.looked_at = self._runtime.now()

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._wake.set()

    # --- steps, each a transaction in a thread -------------------------------------------------------------------

    async def _number(self) -> None:
        """Number what was committed; once a look, so that a flood of messages does not keep others from being pushed."""
        store = self._runtime.store
        # Asked first without writing, because mostly there is nothing.
        if not await store.aread(lambda session: mailbox.unnumbered_teams(session, limit=1)):
            return
        step = partial(number.number, holder=self._holder, now=self._runtime.now(), lease=self._lease)
        if await store.awrite(step):
            self._wake.set()  # there may be more than one look takes

    async def _align(self) -> None:
        now = self._runtime.now()
        if self._align_at is None or now >= self._align_at:
            await self._runtime.store.awrite(partial(deliveries.align, now=now))
            self._align_at = now + timedelta(seconds=self._limits.align_seconds)

    async def _climb(self) -> None:
        """Escalate what is overdue; asked first without writing, because mostly nothing is."""
        store, now = self._runtime.store, self._runtime.now()
        at = await store.aread(escalate.next_due)
        if at is None or at > now:
            return
        if await store.awrite(self._climb_once):
            self._wake.set()  # there may be more than one pass takes

    def _climb_once(self, session: Session) -> int:
        ctx, now = self._runtime.context(session), self._runtime.now()
        return escalate.climb_alone(session, ctx, holder=self._holder, now=now, lease=self._lease)

    async def _seal_in_time(self) -> None:
        at = asyncio.get_running_loop().time()
        if at < self._seal_at:
            return
        if await self._seal():
            self._wake.set()  # there is more than one batch takes
        else:
            self._seal_at = at + self._limits.seal_seconds

    async def _seal(self) -> bool:
        """One batch of the audit; True when more may wait. Asked first without writing, because mostly nothing does."""
        store = self._runtime.store
        if not await store.aread(audit_log.waiting):
            return False
        now = self._runtime.now()
        return await store.awrite(
            partial(seal.seal, codec=store.codec, holder=self._holder, now=now, lease=self._lease)
        )

    async def _claim(self) -> list[Claimed]:
        """As much as there is room for: half of a team's share at a time, so that its limit holds without counting each."""
        share = max(1, self._limits.per_team // 2)
        counts = Counter(claimed.team_id for claimed in self._under_way.values())
        room = self._limits.slots - len(self._under_way)
        if self._stopping or room <= 0:
            return []
        return await self._runtime.store.awrite(
            partial(
                outbox.claim,
                now=self._runtime.now(),
                lease=self._lease,
                limit=room,
                per_team=share,
                busy=[team for team, count in counts.items() if count > self._limits.per_team - share],
            )
        )

    async def _deliver(self, claimed: Claimed) -> None:
        """One try from preparing to recording. When recording fails too, the lease ends and it is tried again."""
        store = self._runtime.store
        parcel = await self._guarded("prepare", store.aread(partial(self._prepare, claimed)), delivery=claimed.id)
        if parcel is None:
            outcome: PushOutcome = NOT_COMPOSED
        else:
            outcome = await self._channel.push(parcel.endpoint, parcel.message_id, parcel.body, now=self._runtime.now())
        conclusion = store.awrite(partial(self._conclude, claimed, outcome, self._lot()))
        await self._guarded("record", conclusion, delivery=claimed.id)

    def _prepare(self, claimed: Claimed, session: Session) -> deliver.Parcel:
        return deliver.prepare(session, self._runtime.context(session), claimed, self._runtime.now())

    def _conclude(self, claimed: Claimed, outcome: PushOutcome, jitter: float, session: Session) -> None:
        ctx, now = self._runtime.context(session), self._runtime.now()
        deliver.conclude(session, ctx, claimed, outcome, now=now, ladder=self._ladder, jitter=jitter)

    async def _guarded(self, step: str, work: Awaitable[T], **ids: str) -> T | None:
        """The one place where any error is caught: one poisoned message or a database away must not end the loop."""
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - the worker's loop (architecture, last trap)
            self._log.error("worker step failed", step=step, error=error, **ids)
            return None

    async def _wind_down(self) -> None:
        """Let what is under way finish, then give back the rest, so that nobody waits for leases to end."""
        store, now = self._runtime.store, self._runtime.now()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._limits.grace_seconds)
        left = dict(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for claimed in left.values():
            back = store.awrite(partial(outbox.give_back, claimed=claimed, now=now))
            await self._guarded("give back", back, delivery=claimed.id)
        await self._guarded("seal", self._seal())
        for name in (number.LEASE, escalate.LEASE, seal.LEASE):
            lease = store.awrite(partial(leases.give_up, name=name, holder=self._holder, now=now))
            await self._guarded("give up lease", lease)
