"""What every bus must do, as tests that a module takes over with a fixture `bus`: a context manager of a started bus."""

import asyncio
import threading
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from broker.bus.port import Bus
from broker.domain.due import Due

LONG = 30  # seconds that no passing test waits

Opened: TypeAlias = AbstractAsyncContextManager[Bus]


def _due(*ids: str) -> list[Due]:
    return [Due(f"home-{id_}", id_) for id_ in ids]


async def received(bus: Bus, count: int) -> list[str]:
    """So many ids, as they come."""
    ids: list[str] = []
    while len(ids) < count:
        got = await bus.receive(LONG)
        assert got, "nothing came"
        ids += got
        await bus.done()
    return ids


class Suite:
    """Each is run in a loop of its own."""

    def test_what_is_published_from_another_thread_wakes_who_waits(self, bus):
        async def go() -> list[str]:
            async with bus() as opened:
                waiting = asyncio.create_task(opened.receive(LONG))
                await asyncio.sleep(0)
                thread = threading.Thread(target=opened.publish, args=[_due("one")])
                thread.start()
                thread.join()
                return await waiting

        assert asyncio.run(go()) == ["one"]

    def test_it_says_when_it_carries_what_is_published(self, bus):
        async def go() -> bool:
            async with bus() as opened:
                opened.publish(_due("one"))
                await received(opened, 1)
                return opened.up

        assert asyncio.run(go())

    def test_what_is_published_while_nobody_waits_is_kept(self, bus):
        async def go() -> list[str]:
            async with bus() as opened:
                opened.publish(_due("one", "two"))
                opened.publish(_due("three"))
                return await received(opened, 3)

        assert sorted(asyncio.run(go())) == ["one", "three", "two"]

    def test_nothing_comes_when_nothing_is_published(self, bus):
        async def go() -> list[str]:
            async with bus() as opened:
                return await opened.receive(0.05)

        assert asyncio.run(go()) == []

    def test_a_wait_that_is_cancelled_loses_nothing(self, bus):
        async def go() -> list[str]:
            async with bus() as opened:
                waiting = asyncio.create_task(opened.receive(LONG))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                opened.publish(_due("one"))
                return await received(opened, 1)

        assert asyncio.run(go()) == ["one"]

    def test_of_one_lane_things_come_in_order(self, bus):
        async def go() -> list[str]:
            async with bus() as opened:
                for number in range(20):
                    opened.publish([Due("home", str(number))])
                return await received(opened, 20)

        assert asyncio.run(go()) == [str(number) for number in range(20)]

    def test_publishing_after_the_end_is_harmless(self, bus):
        async def go() -> None:
            async with bus() as opened:
                pass
            opened.publish(_due("one"))

        asyncio.run(go())
