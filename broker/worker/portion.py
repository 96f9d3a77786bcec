"""How much of one team a look takes, so that a flooded one has the processors to itself only while nobody else needs them."""

from collections.abc import Mapping
from statistics import median_low

from broker.worker.limits import Limits


class Portion:
    """Follows what teams took of late. Times are the event loop's, in seconds."""

    def __init__(self, limits: Limits) -> None:
        """Half of what may be under way at a time, so that its limit holds without counting each."""
        self._most = max(1, limits.per_team // 2)
        self._least = min(self._most, limits.beside)
        self._quiet = limits.beside_seconds
        self._portion = self._most
        self._until = float("-inf")
        """Until then others count as present, though the last looks had nothing of theirs."""

    def at(self, time: float) -> int:
        """For each team, at this time."""
        return self._portion if time < self._until else self._most

    def took(self, counts: Mapping[str, int], time: float) -> None:
        """What a look took of each team: twice what is usual among them is for everybody, more is a backlog and waits for the next."""
        if len(counts) < 2:
            return
        self._portion = min(self._most, max(self._least, 2 * median_low(counts.values())))
        self._until = time + self._quiet
