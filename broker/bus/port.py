"""What every bus offers: a wake-up, and nothing that could be lost; the rows in the database are what there is to do."""

from typing import Protocol


class Bus(Protocol):
    """Carries "there is work" from whoever commits to whoever works."""

    def attach(self) -> None:
        """Begin in the running event loop; called once by the entry point before anybody waits."""
        ...

    def announce(self, shard: int | None = None) -> None:
        """Say after a commit that there is work, for the workers of one shard or for all. From any thread; never waits."""
        ...

    async def wait(self, seconds: float) -> bool:
        """Return at the next announcement (one made since the last return counts), or after `seconds`; whether there was one."""
        ...
