"""Connections by team: how many idle teams are kept, and that none in use is closed."""

import asyncio

import httpx

from adapters.channels.pool import Pool


class Recorded(httpx.AsyncBaseTransport):
    """A transport that only says whether it was closed."""

    closed = False

    async def aclose(self):
        self.closed = True


def test_a_team_keeps_its_transport_and_the_longest_unused_beyond_the_bound_is_closed():
    made = []

    def make():
        made.append(Recorded())
        return made[-1]

    async def go():
        pool = Pool(make, idle=2)
        for team in ("a", "b", "a", "c"):
            async with pool.of(team):
                pass
        assert [transport.closed for transport in made] == [False, True, False]
        assert len(pool) == 2
        await pool.aclose()
        assert all(transport.closed for transport in made)

    asyncio.run(go())


def test_what_is_in_use_is_never_closed_however_many_there_are():
    made: dict[str, Recorded] = {}

    async def go():
        pool = Pool(Recorded, idle=1)
        go_on = asyncio.Event()

        async def use(team):
            async with pool.of(team) as transport:
                made[team] = transport  # type: ignore[assignment]  # what `make` gave
                await go_on.wait()

        users = [asyncio.create_task(use(str(number))) for number in range(10)]
        async with pool.of("late"):
            await asyncio.sleep(0)
        async with pool.of("later"):
            pass
        assert not any(transport.closed for transport in made.values())
        go_on.set()
        await asyncio.gather(*users)
        assert len(pool) == 1

    asyncio.run(go())
