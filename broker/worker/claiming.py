"""What a worker takes on: announced deliveries by their ids, and now and then whatever is due, fairly between teams."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
from operator import itemgetter

from broker.domain.states import ChannelKind
from broker.runtime import Runtime
from broker.storage import claims
from broker.storage.leasing import Claimed, Share
from broker.worker.limits import Limits
from broker.worker.portion import Portion

AT_ONCE = 500
"""Announced ids in one claim."""


class Claiming:
    """Remembers what was announced, and whether a look at everything is wanted."""

    def __init__(self, runtime: Runtime, limits: Limits, kinds: Collection[ChannelKind]) -> None:
        """`kinds`: channels that this worker can push to."""
        self._runtime = runtime
        self._limits = limits
        self._kinds = kinds
        self._lease = timedelta(seconds=runtime.settings.lease_seconds)
        self._fresh: dict[str, None] = {}
        """Announced since numbers were last given: it may have none yet, without which it cannot be claimed."""
        self._announced: dict[str, None] = {}
        self._portion = Portion(limits)
        self._sweep = True
        self._sweep_by = 0.0
        """Time of the event loop by which everything is looked at again, however much is announced meanwhile."""

    @property
    def more(self) -> bool:
        """Whether another claim would be worth its while before anybody announces anything."""
        return self._sweep or bool(self._announced) or bool(self._fresh)

    def heard(self, ids: Iterable[str]) -> None:
        """These were announced."""
        for id_ in ids:
            if id_:
                self._fresh[id_] = None
            else:
                self.look_at_everything()

    def gather(self) -> None:
        """Before numbers are given: what was announced until now will have one, and is claimed next."""
        self._announced |= self._fresh
        self._fresh = {}

    def look_at_everything(self) -> None:
        """What was announced may be lost, what is to be repeated is announced by nobody: the next claim is of all that is due."""
        self._announced = {}
        self._sweep = True

    async def take(self, teams_under_way: Callable[[], Iterable[str]]) -> list[Claimed]:
        """As much as there is room for, and of each team no more than its portion."""
        loop_time = asyncio.get_running_loop().time()
        if loop_time >= self._sweep_by:
            self.look_at_everything()
            self._sweep_by = loop_time + self._runtime.settings.poll_seconds
        under_way = Counter(teams_under_way())
        room = self._limits.slots - under_way.total()
        if room <= 0 or not self.more:
            return []
        most = self._portion.at(loop_time)
        busy = [team for team, count in under_way.items() if count > self._limits.per_team - most]
        share = Share(limit=room, per_team=most, busy=busy, kinds=self._kinds)
        ids = None if self._sweep else [id_ for id_, _ in zip(self._announced, range(AT_ONCE), strict=False)]
        now = self._runtime.now()
        claimed = await self._runtime.store.awrite(
            partial(claims.claim, share=share, now=now, lease=self._lease, among=ids)
        )
        for id_ in ids or ():
            self._announced.pop(id_, None)
        counts = Counter(one.team_id for one in claimed)
        self._portion.took(counts, loop_time)
        # A limit that was met may have left something behind.
        full = max(counts.values(), default=0) >= most
        self._sweep = bool(busy) or full or len(claimed) >= room
        return claimed


def in_turn(claimed: Sequence[Claimed]) -> list[Claimed]:
    """The first of every team before the second of any, each team's in their order."""
    place: Counter[str] = Counter()
    placed = []
    for one in claimed:
        placed.append((place[one.team_id], one))
        place[one.team_id] += 1
    return [one for _, one in sorted(placed, key=itemgetter(0))]
