"""The worker's loop: hears what is due, claims it, pushes it side by side, and has it recorded.

What is under way is known to this process only by leases in the database: killed at any point, its work is due again
when they end. A team may have only so many pushes under way, so one that hangs uses up its own share and no other's.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from broker.domain.states import ChannelKind
from broker.runtime import Runtime
from broker.storage import outbox
from broker.storage.leasing import Claimed
from broker.worker.canaries import Canaries
from broker.worker.chores import Chores
from broker.worker.claiming import Claiming, in_turn
from broker.worker.guard import guarded
from broker.worker.limits import Limits
from broker.worker.looking_up import LookingUp
from broker.worker.pushing import Pushing
from broker.worker.receiving import Receiving
from broker.worker.recording import Recorder
from broker.worker.watching import Watching
from broker.workflow.deliver import Parcel, Pushed


class Worker:
    """One loop. `run` in a task; `stop` ends it, with what is under way finished or given back."""

    def __init__(
        self, runtime: Runtime, *, limits: Limits | None = None, lot: Callable[[], float] = random.random
    ) -> None:
        """`lot` draws the jitter of retries, from 0 up to but not including 1."""
        limits = limits or Limits()
        self._runtime = runtime
        self._limits = limits
        self._lot = lot
        self._pushing = Pushing(runtime)
        self._claiming = Claiming(runtime, limits, self._pushing.kinds)
        self._recorder = Recorder(runtime, limits, self._recorded)
        self._receiving = Receiving(runtime)
        self._canaries = Canaries(runtime, self._pushing.kinds, self._pushing.push_canary)
        holder = str(uuid4())
        self._chores = Chores(runtime, limits, holder)
        self._watching = Watching(runtime, holder)
        self._looking_up = LookingUp(runtime)
        self._under_way: dict[str, Claimed] = {}
        """Claimed and not recorded, by delivery id."""
        self._begun: set[asyncio.Task[None]] = set()
        """Messages that are being made, and pushes."""
        self._began_to_look = 0.0
        """Time of the event loop."""
        self._wake = asyncio.Event()
        self._time_to_look = asyncio.Event()
        self._time_to_seal = asyncio.Event()
        self._stopping = False
        self.looked_at: datetime | None = None
        """When it last looked for work and the database answered: the worker is well while this is fresh."""

    def stop(self) -> None:
        """Claim no more and end; from the loop that runs it."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped (or cancelled, which ends it the same way)."""
        beside = (self._recorder, self._receiving, self._canaries, self._watching, self._looking_up)
        work = (self._listen(), self._keep_time(), self._seal(), *(each.run() for each in beside))
        helpers = [asyncio.create_task(each) for each in work]
        try:
            async with self._pushing, self._watching, self._looking_up:
                try:
                    while not self._stopping:
                        await self._look()
                        await self._rest()
                finally:
                    await self._wind_down()
        finally:
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._chores.end()

    async def _listen(self) -> None:
        bus = self._runtime.bus
        while True:
            if ids := await bus.receive(self._runtime.settings.poll_seconds):
                self._claiming.heard(ids)
                self._wake.set()

    async def _rest(self) -> None:
        """Until something is announced, something ends, or it is time to look at everything again."""
        try:
            async with asyncio.timeout(self._runtime.settings.poll_seconds):
                await self._wake.wait()
        except TimeoutError:
            self._claiming.look_at_everything()
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self._began_to_look + self._limits.gather_seconds - now)
        self._wake.clear()

    async def _look(self) -> None:
        """Everything there is to begin now. What fails is left for the next look and holds up nothing else."""
        self._began_to_look = asyncio.get_running_loop().time()
        self._claiming.gather()
        if await guarded("number", self._chores.number()):
            self._claiming.look_at_everything()
            self._wake.set()
        claimed = await guarded("claim", self._claiming.take(self._teams_under_way))
        if claimed is not None:
            self._take_on(claimed)
            await guarded("done", self._runtime.bus.done())
            self.looked_at = self._runtime.now()
        self._time_to_look.set()
        self._time_to_seal.set()

    async def _seal(self) -> None:
        """Seal the audit beside everything else: nobody's work makes it wait."""
        while True:
            self._time_to_seal.clear()
            if not await self._chores.seal():
                await asyncio.sleep(self._limits.seal_seconds)
                await self._time_to_seal.wait()

    async def _keep_time(self) -> None:
        """What time brings about, beside the pushes and at a pace that leaves most of the processor to them."""
        loop = asyncio.get_running_loop()
        while True:
            self._time_to_look.clear()
            began = loop.time()
            more = await self._chores.keep_time()
            rest = self._limits.rest if self._chores.late < self._limits.behind else 1
            await asyncio.sleep(rest * (loop.time() - began))
            if not more:
                await self._time_to_look.wait()

    def _teams_under_way(self) -> list[str]:
        # Deliveries that an e-mail is about share one push, and a team has one in a quarter of an hour.
        return [one.team_id for one in self._under_way.values() if one.kind is not ChannelKind.EMAIL]

    def _take_on(self, claimed: Sequence[Claimed]) -> None:
        """They are made and pushed beside the next look."""
        if not claimed:
            return
        self._under_way |= {one.id: one for one in claimed}
        self._spawn(self._begin(claimed))
        if self._claiming.more:
            self._wake.set()

    async def _begin(self, claimed: Sequence[Claimed]) -> None:
        """A few at a time, so that those of a team that gets one do not wait until all of a flooded one's are made."""
        turns, most = in_turn(claimed), self._limits.made_at_once
        for first in range(0, len(turns), most):
            few = turns[first : first + most]
            parcels = await self._pushing.prepare(few)
            for one in few:
                self._spawn(self._push(one, parcels.get(one.id)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _push(self, claimed: Claimed, parcel: Parcel | None) -> None:
        outcome = await self._pushing.push(parcel)
        self._recorder.add(Pushed(claimed=claimed, outcome=outcome, jitter=self._lot()))

    def _recorded(self, batch: Sequence[Pushed]) -> None:
        for one in batch:
            self._under_way.pop(one.claimed.id, None)
        if self._claiming.more:
            self._wake.set()

    async def _wind_down(self) -> None:
        """Let what is under way finish, then give back the rest, so that nobody waits for leases to end."""
        time = asyncio.get_running_loop().time
        end = time() + self._limits.grace_seconds
        while self._begun and (left := end - time()) > 0:  # what is made meanwhile is pushed
            await asyncio.wait(self._begun, timeout=left)
        for task in self._begun:
            task.cancel()
        await asyncio.gather(*self._begun, return_exceptions=True)
        await self._recorder.flush()
        now = self._runtime.now()
        for claimed in list(self._under_way.values()):
            back = self._runtime.store.awrite(partial(outbox.give_back, claimed=claimed, now=now))
            await guarded("give back", back, delivery=claimed.id)
