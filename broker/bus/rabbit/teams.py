"""Queues of the teams that chose AMQP: what is pushed into them, and the receipts that come back."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel

from adapters.port import PushOutcome, Unanswered, Unreachable
from broker.bus.rabbit import receipts, topology
from broker.bus.rabbit.foreign import BusError, Missing, NotTaken, Unroutable, translated
from broker.bus.rabbit.hearing import Hearing
from broker.bus.rabbit.link import Link, close
from broker.bus.rabbit.names import RECEIPTS, TEAMS, team_queue
from broker.domain.receipt import Receipt

PREFETCH = 200
"""Receipts that one process holds while it records them, many in one transaction."""

MOMENT_SECONDS = 2.0
"""A push waits so long for a connection: longer would take up a worker's slots that other channels need."""

ELECTION_SECONDS = 0.5
"""Until a queue that was refused is tried again: its replicas may be choosing a leader."""

AWAY = Unreachable("queue-server-away")
NO_QUEUE = Unreachable("no-queue")


class TeamQueues:
    """Pushes over the bus's own connection. RabbitMQ's confirm says only that the queue has it: the team's receipt follows."""

    def __init__(self, link: Link, *, longest: float) -> None:
        """The link is the bus's, which starts and stops it. `longest` bounds one whole push, in seconds."""
        self._link = link
        self._longest = longest
        self._hearing = Hearing(link, [RECEIPTS], receipts.read, prefetch=PREFETCH)
        self._channel: AbstractChannel | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._declared: set[str] = set()

    async def push(
        self,
        team: str,
        message_id: str,
        body: bytes,
        headers: Mapping[str, str | int],
        *,
        now: datetime,
        content_type: str = "application/fhir+json",
    ) -> PushOutcome:
        """Put one message into a team's queue once, making the queue when it is not there. Never raises for what the network does.

        Args:
            team: its id.
            message_id: the delivery's id, the same at every try.
            body: the message as it was rendered for this team.
            headers: `baton-sequence`, and `traceparent` where there is one.
            now: the message's timestamp.
            content_type: of `body`.
        """
        message = Message(
            body,
            headers=dict(headers),
            content_type=content_type,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=message_id,
            timestamp=now,
            app_id="baton",
        )
        try:
            async with asyncio.timeout(self._longest):
                return await self._put(team, message) if await self._is_up() else AWAY
        except TimeoutError:
            return Unanswered()

    def prepare(self, team: str) -> None:
        """Have the team's queue declared, so that its system can consume before the first message; from any thread, soon."""
        self._link.soon(self._prepare(team))

    def remove(self, team: str) -> None:
        """Have the team's queue deleted with what lies in it; from any thread, soon. Whatever was not receipted is still to be delivered."""
        self._link.soon(self._remove(team))

    async def _prepare(self, team: str) -> None:
        with suppress(BusError, TimeoutError):  # else the first message makes it
            await self._ready(team, again=True)

    async def _remove(self, team: str) -> None:
        self._declared.discard(team)
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(self._longest):
                channel = await self._link.channel(confirms=False)
                with translated():
                    async with channel:
                        await channel.queue_delete(team_queue(team).name)

    async def _is_up(self) -> bool:
        """Whether there is a connection, or will be in a moment: a start and a renewal use up nobody's tries."""
        try:
            async with asyncio.timeout(min(MOMENT_SECONDS, self._longest / 2)):
                await self._link.wait()
        except TimeoutError:
            return False
        return True

    async def _put(self, team: str, message: Message) -> PushOutcome:
        """At most two tries: one that has no queue makes it, one that is refused takes another channel."""
        outcome: PushOutcome = NO_QUEUE
        missing = False
        for _ in range(2):
            try:
                channel = await self._ready(team, again=missing)
            except (BusError, TimeoutError):
                return AWAY
            try:
                await self._publish(channel, team, message)
            except Unroutable:
                missing = True
            except NotTaken:
                outcome = Unanswered()
                self._retire(channel)
                await asyncio.sleep(ELECTION_SECONDS)
            except Missing:
                self._link.renew()  # the exchange itself is gone
                return AWAY
            except (BusError, TimeoutError):
                self._retire(channel)  # it may be one of a connection that is gone
                return Unanswered()
            else:
                return Unanswered(receipt_follows=True)
        return outcome

    async def receipts(self, seconds: float) -> list[Receipt]:
        """What has come, as soon as there is any; nothing when `seconds` pass without."""
        return await self._hearing.receive(seconds)

    async def recorded(self) -> None:
        """The receipts handed over are in the database: they need not come again."""
        await self._hearing.done()

    async def stop(self) -> None:
        """Take no more receipts; those not recorded come again."""
        for task in self._closing:
            task.cancel()  # the connection ends in a moment
        await self._hearing.stop()

    async def _ready(self, team: str, *, again: bool) -> AbstractChannel:
        """An open channel, and the team's queue declared; one team's slow queue holds up no other's."""
        async with asyncio.timeout(self._link.server.timeout_seconds):
            if again or team not in self._declared:
                await topology.declare_queue(await self._link.wait(), team_queue(team))
                self._declared.add(team)
            async with self._opening:
                if self._channel is None or self._channel.is_closed:
                    self._channel = await self._link.channel(confirms=True)
                return self._channel

    async def _publish(self, channel: AbstractChannel, team: str, message: Message) -> None:
        with translated():
            exchange = await channel.get_exchange(TEAMS, ensure=False)
            await exchange.publish(
                message, team_queue(team).key, mandatory=True, timeout=self._link.server.timeout_seconds
            )

    def _retire(self, channel: AbstractChannel) -> None:
        """Publish over another one from now on, and close this once what is under way on it has ended.

        A channel whose first message to a queue met a dead leader is refused by RabbitMQ 3.10 until that node is back,
        however many others could take it; a new channel is not.
        """
        if self._channel is channel:
            self._channel = None
            task = asyncio.create_task(self._close_later(channel))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close_later(self, channel: AbstractChannel) -> None:
        await asyncio.sleep(self._longest)
        await close(channel)
