"""What open pages of this process are told as it happens: how many of them there are, and what each is told when.

Every process looks in the database, so it does not matter in which of them something was done. Nothing is kept: whoever comes again is told how it stands.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeAlias

import orjson

from broker.errors import Away
from broker.storage.inbox import Tally

EVERY_SECONDS: Final = 5.0
"""Between two looks at the database."""
LONGEST_SECONDS: Final = 300.0
"""After so long a browser is to come again, and who they are is asked anew."""
MOST: Final = 500
"""Pages that one process tells at once; the others work as without JavaScript."""
OF_ONE: Final = 6
"""Of one session: browsers open no more connections to one address at a time."""

News: TypeAlias = dict[str, int | str]
Look: TypeAlias = Callable[[], Awaitable[News | None]]
"""What there is to tell now; None when the session is over, or acts for another team."""

ENDED: Final = b"event: ended\ndata:\n\n"
STILL_HERE: Final = b":\n\n"
"""A comment: it keeps what lies between from closing the connection, and shows us when nobody is there."""


@dataclass(slots=True)
class Listening:
    """Whom this process tells, and what it has counted for each team a moment ago."""

    every: float = EVERY_SECONDS
    longest: float = LONGEST_SECONDS
    open: Counter[str] = field(default_factory=Counter)
    counted: dict[str, tuple[float, Tally]] = field(default_factory=dict)

    def full(self, session: str) -> bool:
        """Whether there is no room for another page of this session."""
        return self.open.total() >= MOST or self.open[session] >= OF_ONE

    @contextmanager
    def page(self, session: str) -> Iterator[None]:
        """One page is told something for as long as this lasts."""
        self.open[session] += 1
        try:
            yield
        finally:
            self.open[session] -= 1
            self.open += Counter()  # forgets those that have none

    def tally(self, team: str, count: Callable[[], Tally]) -> Tally:
        """What a team has to do; of many pages of one team one counts."""
        at, known = self.counted.get(team, (0.0, None))
        if known is None or monotonic() - at >= self.every:
            known = count()
            self.counted[team] = (monotonic(), known)
        return known


async def told(listening: Listening, session: str, look: Look) -> AsyncIterator[bytes]:
    """The events of one page: news when there are any, until its time or its session is over."""
    begun = monotonic()
    with listening.page(session):
        yield f"retry: {round(1000 * listening.every)}\n\n".encode()
        last: News | None = None
        while monotonic() - begun < listening.longest:
            try:
                news = await look()
            except Away:  # the page asks again by itself
                return
            if news is None:
                yield ENDED
                return
            yield STILL_HERE if news == last else b"data: " + orjson.dumps(news) + b"\n\n"
            last = news
            await asyncio.sleep(listening.every)
