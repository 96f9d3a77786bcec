"""How long an auditor waits for the first page of what nobody has answered, over many handovers: filled, asked over the whole path, timed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import httpx
from sqlmodel import Session

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.cli import opening
from broker.clock import utc_now
from broker.errors import BatonError
from broker.main import create_app
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import DEMO_KEY
from broker.storage import clients, directory, migrate, synthetic
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.store import Store, open_store
from broker.storage.synthetic import Amount
from broker.web import tokens

GOAL_MILLISECONDS: Final = 50
QUESTIONS: Final = {
    "unacknowledged, oldest first": "?state=unacknowledged",
    "unacknowledged, soonest due first": "?state=unacknowledged&sort=due",
    "overdue, of one agency": "?state=overdue&agency=agency-3",
    "older than 48 hours, of one kind": "?state=unacknowledged&older_than=PT48H&kind=concern",
    "unacknowledged, counted by agency": "/counts?by=agency&state=unacknowledged",
}
"""What is asked. The goal is set for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One question: how long half of the answers, and 99 in 100, took at most. Milliseconds."""

    question: str
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    database: str
    handovers: int
    open: int
    requests: int
    seconds_to_fill: float
    timings: tuple[Timing, ...]

    @property
    def met(self) -> bool:
        """Whether 99 in 100 first pages came within the goal."""
        return self.timings[0].p99 <= GOAL_MILLISECONDS


def measure(url: str | None, amount: Amount, requests: int, progress: Callable[[int], None]) -> Measured:
    """Time each question over a database that is filled first unless it was by an earlier run; `progress` hears how far that is.

    Without `url` it is a temporary one on SQLite.
    """
    log.configure("text", quiet=True)
    with _database(url) as store:
        began = perf_counter()
        if not _filled(store, amount):
            for done in synthetic.load(store, amount, utc_now()):
                progress(done)
            synthetic.gather_statistics(store)
        filled = perf_counter() - began
        timings = asyncio.run(_ask(store, requests))
        return Measured(
            database=store.engine.dialect.name,
            handovers=amount.handovers,
            open=amount.open,
            requests=requests,
            seconds_to_fill=round(filled, 1),
            timings=timings,
        )


@contextmanager
def _database(url: str | None) -> Iterator[Store]:
    with TemporaryDirectory(prefix="baton-bench-") as folder:
        store = open_store(url or f"sqlite:///{Path(folder) / 'bench.db'}", AesCodec(DEMO_KEY.encode()), SERVING)
        try:
            migrate.upgrade(store.engine)
            yield store
        finally:
            store.close()


def _filled(store: Store, amount: Amount) -> bool:
    """Whether an earlier run has made the same; BatonError when something else is in it."""
    teams = store.read(directory.load).teams
    if not teams:
        return False
    if sorted(teams) != sorted(synthetic.team_ids()) or store.read(synthetic.amount) != amount:
        raise BatonError("That database holds something else: name an empty one, which will be filled.")
    return True


async def _ask(store: Store, requests: int) -> tuple[Timing, ...]:
    """The whole path in one process: token, parameters, queries, audit row, JSON. One at a time."""
    runtime = Runtime(opening.settings(), store, load(None), EmbeddedBus())
    transport = httpx.ASGITransport(create_app(runtime, worker=False))
    headers = {"Authorization": f"Bearer {store.write(_token)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as http:
        return tuple([await _timing(http, name, query, requests) for name, query in QUESTIONS.items()])


async def _timing(http: httpx.AsyncClient, question: str, query: str, requests: int) -> Timing:
    """The first answer is not counted: it prepares what every later one uses again."""
    taken: list[float] = []
    for _ in range(requests + 1):
        began = perf_counter()
        (await http.get(f"/audit/handovers{query}")).raise_for_status()
        taken.append(1000 * (perf_counter() - began))
    taken = sorted(taken[1:])
    p50, p99 = (taken[min(len(taken) - 1, int(len(taken) * share))] for share in (0.5, 0.99))
    return Timing(question=question, p50=round(p50, 1), p99=round(p99, 1))


def _token(session: Session) -> str:
    auditor = clients.Registered(name="bench-auditor", team=None, jwks={"keys": []}, scopes=frozenset({"baton/audit"}))
    clients.put(session, auditor, utc_now())
    session.flush()
    return tokens.grant(session, auditor, None, seconds=86_400, now=utc_now()).token
