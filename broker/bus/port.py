"""What every bus offers: saying what a commit made due, and hearing of it. A wire and no record: the rows in the database are what there is to do.

Anything may be lost or come twice. What was lost is found by the worker's own looks, what comes twice is claimed once.
"""

from collections.abc import Sequence
from typing import Protocol

from broker.domain.due import Due


class Bus(Protocol):
    """Carries "this is due" from whoever commits to whoever delivers."""

    @property
    def up(self) -> bool:
        """Whether what is published is carried at this moment; when not, workers find it by looking, a little later."""
        ...

    async def start(self) -> None:
        """Begin in the running event loop; called once by the entry point. What cannot be reached now is tried again later, by itself."""
        ...

    def publish(self, due: Sequence[Due]) -> None:
        """Say after a commit what it made due. From any thread; never waits and never raises."""
        ...

    async def receive(self, seconds: float) -> list[str]:
        """Ids of deliveries announced since the last call, as soon as there are any; none when `seconds` pass without.

        An empty id says that something is due without saying what.
        """
        ...

    async def done(self) -> None:
        """All that was received is claimed, or can wait for the next look: it need not come again."""
        ...

    async def stop(self) -> None:
        """End; what is announced afterwards goes nowhere."""
        ...
