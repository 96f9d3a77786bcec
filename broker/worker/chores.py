"""What a worker does besides delivering: numbers mailboxes, aligns rows with channels, keeps the clock, seals the audit. Each asks first without writing."""

from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from broker.runtime import Runtime
from broker.storage import audit_log, deliveries, leases, mailbox, outbox
from broker.worker.guard import guarded
from broker.worker.limits import Limits
from broker.workflow import clock, number, retention, seal, watchdog


class Chores:
    """Each step says whether there may be more than it took."""

    def __init__(self, runtime: Runtime, limits: Limits, holder: str) -> None:
        """`holder` names this process in leases."""
        self._runtime = runtime
        self._limits = limits
        self._holder = holder
        self._lease = timedelta(seconds=runtime.settings.lease_seconds)
        self._align_at: datetime | None = None
        self._seen: datetime | None = None
        """The time at the last look."""
        self._put_back = self._fitted = 0
        """How often the clock was put back, and how often of those rows have been made to fit it since."""
        self._retain_at: datetime | None = None
        self.late = timedelta()
        """How long what the clock did last had waited for it."""

    async def number(self) -> bool:
        """Number what was committed; one pass, so that a flood of messages does not keep others from being pushed.

        Whether it met a limit, so that there may be more.
        """
        self._mind_the_clock()
        store = self._runtime.store
        if not await store.aread(lambda session: mailbox.unnumbered_teams(session, limit=1)):
            return False
        return await store.awrite(number.number) >= number.TEAMS_AT_ONCE

    async def keep_time(self) -> bool:
        """What time brings about, each step by itself: what fails is left for the next time and holds up nothing else."""
        steps = {"align": self._align, "clock": self._tick, "retention": self._retain}
        return any([await guarded(name, step()) for name, step in steps.items()])

    async def seal(self) -> bool:
        """One head of the audit, whatever else there is to do."""
        return bool(await guarded("seal", self._seal()))

    async def end(self) -> None:
        """Seal what is left and let others take over at once."""
        store, now = self._runtime.store, self._runtime.now()
        await guarded("seal", self._seal())
        for name in (clock.LEASE, seal.LEASE, watchdog.LEASE, retention.LEASE):
            lease = store.awrite(partial(leases.give_up, name=name, holder=self._holder, now=now))
            await guarded("give up lease", lease)

    async def _align(self) -> bool:
        now, between = self._runtime.now(), timedelta(seconds=self._limits.align_seconds)
        put_back = self._put_back
        # A time further away than that was set before the clock was put back, which no look has seen.
        unseen = self._align_at is not None and self._align_at - now > max(between, self._lease)
        if self._align_at is None or now >= self._align_at or put_back > self._fitted or unseen:
            await self._runtime.store.awrite(partial(deliveries.align, now=now))
            await self._runtime.store.awrite(partial(outbox.mend_times, now=now, lease=self._lease))
            # What was under way when the clock was put back is written a little later, by the clock of before.
            self._align_at = now + (self._lease if put_back > self._fitted or unseen else between)
            self._fitted = put_back
        return False

    def _mind_the_clock(self) -> None:
        """That it was put back is seen at the next look, however busy it was meanwhile: rows are made to fit it at once."""
        now = self._runtime.now()
        if self._seen is not None and now < self._seen - self._lease:
            self._put_back += 1
        self._seen = now

    async def _retain(self) -> bool:
        """A bounded part of what has been kept for long enough; when there was none, not again for a while."""
        now = self._runtime.now()
        if self._retain_at is not None and now < self._retain_at <= now + retention.EVERY:
            return False
        store = self._runtime.store
        waiting = await store.aread(lambda session: retention.is_due(session, self._runtime.context(session), now))
        more = waiting and await store.awrite(self._retain_once)
        self._retain_at = None if more else now + retention.EVERY
        return more

    def _retain_once(self, session: Session) -> bool:
        ctx, now = self._runtime.context(session), self._runtime.now()
        return retention.apply_alone(session, ctx, holder=self._holder, now=now, lease=self._lease)

    async def _tick(self) -> bool:
        """What time alone brings about."""
        store, now = self._runtime.store, self._runtime.now()
        at = await store.aread(clock.next_due)
        self.late = max(timedelta(), now - at) if at is not None else timedelta()
        return at is not None and at <= now and bool(await store.awrite(self._tick_once))

    def _tick_once(self, session: Session) -> int:
        ctx, now = self._runtime.context(session), self._runtime.now()
        return clock.tick_alone(session, ctx, holder=self._holder, now=now, lease=self._lease)

    async def _seal(self) -> bool:
        """One batch of the audit."""
        store = self._runtime.store
        if not await store.aread(audit_log.waiting):
            return False
        now = self._runtime.now()
        return await store.awrite(
            partial(seal.seal, codec=store.codec, holder=self._holder, now=now, lease=self._lease)
        )
