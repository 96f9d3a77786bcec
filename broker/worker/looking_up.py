"""Asks for the records that messages left open, beside the deliveries: a service that hangs holds up none of them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Self

from sqlmodel import Session

from adapters.channels.records import Records, Service, fault
from adapters.port import Answer, Lookup, NoAnswer
from broker import log
from broker.errors import Misconfigured
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import lookups as rows
from broker.storage.lookups import Asking
from broker.worker.guard import guarded
from broker.workflow import looked_up, lookups

_log = log.get("broker.worker")


def services(settings: Settings) -> dict[str, Service]:
    """The services that are set. Misconfigured when one cannot be asked."""
    found = {}
    for name, client in settings.lookup_clients.items():
        found[name] = Service(**dict(client))
        wrong = fault(found[name])
        if wrong is not None:
            raise Misconfigured(f"BATON_LOOKUP_CLIENTS, {name}: {wrong} (docs/lookups.md).")
    return found


class LookingUp:
    """One task of the worker; several workers share what is due."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is opened before the first question."""
        settings = runtime.settings
        self._runtime = runtime
        self._records = Records(services(settings), timeout_seconds=settings.lookup_timeout_seconds)
        # Longer than a question can take, so that nobody else asks it meanwhile.
        self._lease = timedelta(seconds=settings.lookup_timeout_seconds + settings.lease_seconds)

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._records.__aexit__()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await guarded("lookups", self.round()):
                await asyncio.sleep(self._runtime.settings.poll_seconds)

    async def round(self) -> bool:
        """One set of questions from first to last; False when none was due."""
        store, now = self._runtime.store, self._runtime.now()
        if not await store.aread(partial(rows.any_due, now=now)):
            return False
        taken = await store.awrite(self._take)
        await asyncio.gather(*map(self._ask, taken))
        return True

    def _take(self, session: Session) -> Sequence[Asking]:
        ctx = self._runtime.context(session)
        return lookups.take(session, ctx, now=self._runtime.now(), lease=self._lease)

    async def _ask(self, asking: Asking) -> None:
        lookup = Lookup(client=asking.client, subject=asking.subject, reference=asking.reference)
        answer = await self._records.ask(lookup)
        if not await self._record(asking, answer):  # a poisoned record must not be asked for without a pause and a word
            await self._record(asking, NoAnswer("not-taken"))

    async def _record(self, asking: Asking, answer: Answer) -> str | None:
        work = self._runtime.store.awrite(partial(self._answered, asking, answer))
        return await guarded("looked up", work, lookup=asking.id)

    def _answered(self, asking: Asking, answer: Answer, session: Session) -> str:
        # Imported when there is an answer: the adapters bring their formats' libraries.
        from adapters.registry import ADAPTERS

        ctx, now = self._runtime.context(session), self._runtime.now()
        ladder = self._runtime.settings.lookup_ladder
        state = looked_up.answered(session, ctx, asking, answer, adapters=ADAPTERS, ladder=ladder, now=now)
        _log.info("looked up", lookup=asking.id, client=asking.client, outcome=state or "over")
        return state or "over"
