"""The embedded bus: an announcement wakes the worker, from any thread, and none made meanwhile is forgotten."""

import asyncio
import threading

from broker.bus.embedded import EmbeddedBus
from broker.bus.port import Bus

LONG = 60  # seconds that no passing test waits


def test_it_is_a_bus():
    bus: Bus = EmbeddedBus()
    bus.announce()  # before there is a loop: the worker's first look finds what there is


def test_an_announcement_from_another_thread_wakes_who_waits():
    async def go():
        bus = EmbeddedBus()
        bus.attach()
        waiting = asyncio.create_task(bus.wait(LONG))
        await asyncio.sleep(0)
        thread = threading.Thread(target=bus.announce)
        thread.start()
        thread.join()
        return await waiting

    assert asyncio.run(go()) is True


def test_what_is_announced_while_nobody_waits_is_remembered_once():
    async def go():
        bus = EmbeddedBus()
        bus.attach()
        bus.announce()
        bus.announce(shard=3)
        return [await bus.wait(LONG), await bus.wait(0.01)]

    assert asyncio.run(go()) == [True, False]


def test_a_wait_that_is_cancelled_loses_no_announcement():
    async def go():
        bus = EmbeddedBus()
        bus.attach()
        waiting = asyncio.create_task(bus.wait(LONG))
        await asyncio.sleep(0)
        bus.announce()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return await bus.wait(LONG)

    assert asyncio.run(go()) is True


def test_announcing_after_the_loop_has_ended_is_harmless():
    bus = EmbeddedBus()

    async def go():
        bus.attach()

    asyncio.run(go())
    bus.announce()
