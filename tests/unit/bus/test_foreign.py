"""The client library's errors and silences in our words."""

import asyncio
from contextlib import suppress

import pytest
from aio_pika.exceptions import AMQPConnectionError

from broker.bus.rabbit.foreign import Lost, translated


async def _swallowing() -> str:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return "as if nothing had been"


async def _cancelled_by_the_library() -> None:
    raise asyncio.CancelledError


async def _lost() -> None:
    raise AMQPConnectionError


def test_a_cancellation_that_the_library_swallows_is_one_all_the_same():
    async def call():
        with translated():
            await _swallowing()
        await asyncio.sleep(60)

    async def go():
        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        return task.cancelled()

    assert asyncio.run(go())


def test_a_time_limit_that_the_library_swallows_is_over_all_the_same():
    async def go():
        async with asyncio.timeout(0.01):
            with translated():
                await _swallowing()

    with pytest.raises(TimeoutError):
        asyncio.run(go())


@pytest.mark.parametrize("call", [_cancelled_by_the_library, _lost])
def test_what_the_library_ends_by_itself_is_a_loss(call):
    async def go():
        with translated():
            await call()

    with pytest.raises(Lost):
        asyncio.run(go())
