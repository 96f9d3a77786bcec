"""One set of kept connections for each team, so that what one team's receiver does to them no other feels."""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import httpx

Make: TypeAlias = Callable[[], httpx.AsyncBaseTransport]

IDLE_TEAMS = 256
"""Teams whose connections are kept while nothing is under way; beyond that the one longest unused is closed.

An idle team costs some 20 KB and, for the seconds that connections are kept, their descriptors.
"""


class Pool:
    """Transports by team, made when first used."""

    def __init__(self, make: Make, *, idle: int = IDLE_TEAMS) -> None:
        """`make` gives a transport with connections of its own; `idle` is how many teams are kept without a push under way."""
        self._make = make
        self._idle = idle
        self._kept: OrderedDict[str, httpx.AsyncBaseTransport] = OrderedDict()
        self._busy: Counter[str] = Counter()

    def __len__(self) -> int:
        """Teams that have a transport."""
        return len(self._kept)

    @asynccontextmanager
    async def of(self, team: str) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """The team's transport, kept from being closed until the block ends."""
        transport = self._kept.get(team)
        if transport is None:
            transport = self._kept[team] = self._make()
        self._kept.move_to_end(team)
        self._busy[team] += 1
        try:
            yield transport
        finally:
            self._busy[team] -= 1
            if not self._busy[team]:
                del self._busy[team]
                await self._close_spare()

    async def _close_spare(self) -> None:
        while len(self._kept) - len(self._busy) > self._idle:
            team = next(team for team in self._kept if team not in self._busy)
            await self._kept.pop(team).aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        kept, self._kept = list(self._kept.values()), OrderedDict()
        for transport in kept:
            await transport.aclose()
