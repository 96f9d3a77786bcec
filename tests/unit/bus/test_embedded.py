"""What is special to the embedded bus; what every bus must do is in `suite.py`."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from broker.bus.embedded import MOST, EmbeddedBus
from broker.domain.due import Due
from tests.unit.bus.suite import Suite


def test_without_a_loop_nothing_happens():
    bus = EmbeddedBus()
    bus.publish([Due("home", "one")])  # the worker's first look finds what there is

    async def go():
        await bus.start()
        return await bus.receive(0.01)

    assert asyncio.run(go()) == []


def test_announcing_after_the_loop_has_ended_is_harmless():
    bus = EmbeddedBus()
    asyncio.run(bus.start())
    bus.publish([Due("home", "one")])


def test_a_worker_that_does_not_come_costs_no_memory_and_is_told_to_look():
    async def go():
        bus = EmbeddedBus()
        await bus.start()
        for number in range(MOST + 1):
            bus.publish([Due("home", str(number))])
        return await bus.receive(60)

    assert asyncio.run(go()) == [""]


class TestEmbedded(Suite):
    @pytest.fixture
    def bus(self):
        @asynccontextmanager
        async def opened():
            bus = EmbeddedBus()
            await bus.start()
            yield bus
            await bus.stop()

        return opened
