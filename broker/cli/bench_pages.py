"""How long people wait for the two largest pages: the inbox of a team with very many open tasks, and a household to which very much happened."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Final

import httpx
from sqlmodel import Session

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_town
from broker.cli.bench_servers import database
from broker.domain.rota import Practitioner
from broker.errors import BatonError
from broker.main import create_app
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import DEMO_KEY, Settings
from broker.storage import accounts, migrate, practitioners, synthetic, synthetic_pages
from broker.storage.accounts import Account
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.store import open_store
from broker.web.pages import pinning, sessions

WARM: Final = 2
"""Tries that are not counted: they prepare what all later ones use."""
SOMEBODY: Final = "bench-person"
INBOX, CHRONOLOGY = "inbox", "household"
GOALS: Final = {INBOX: 100, CHRONOLOGY: 200}
"""Milliseconds within which half of the pages must have come."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One page: milliseconds from the request to the whole answer, in half of the tries and in 99 of 100."""

    page: str
    rows: int
    """Tasks that are open; events of the household."""
    kilobytes: int
    p50: float
    p99: float
    processor: float
    """Milliseconds of this process's processor time, in half of the tries: what else the machine does is not in it."""
    goal: int

    @property
    def met(self) -> bool:
        """Whether half of them came within the goal."""
        return self.p50 <= self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    database: str
    rounds: int
    pages: Sequence[Timed]


def measure(server: str | None, tasks: int, events: int, rounds: int, progress: Progress) -> Measured:
    """Over the whole path in one process, one request at a time; on SQLite, or in a database made on that server."""
    log.configure("text", quiet=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="baton-bench-")))
        url = stack.enter_context(database(server, folder)) if server else f"sqlite:///{folder / 'bench.db'}"
        store = stack.enter_context(closing(open_store(url, AesCodec(DEMO_KEY.encode()), SERVING)))
        migrate.upgrade(store.engine)
        runtime = Runtime(Settings(), store, load(None), EmbeddedBus())
        paths = _filled(runtime, tasks, events, progress)
        timed = asyncio.run(_ask(runtime, paths, {INBOX: tasks, CHRONOLOGY: events}, rounds))
        return Measured(database=store.engine.dialect.name, rounds=rounds, pages=timed)


def plain(measured: Measured) -> dict[str, Any]:
    """As JSON has it."""
    return asdict(measured) | {"pages": [asdict(one) | {"met": one.met} for one in measured.pages]}


def told(measured: Measured) -> str:
    """As a table."""
    head = f"{measured.database}, {measured.rounds} times each"
    columns = f"{'':12}{'rows':>10}{'kB':>10}{'p50 ms':>10}{'p99 ms':>10}{'processor':>12}{'goal':>8}"
    lines = [
        f"{one.page:12}{one.rows:>10,}{one.kilobytes:>10,}{one.p50:>10.1f}{one.p99:>10.1f}{one.processor:>12.1f}{one.goal:>8}"
        f"  {'met' if one.met else 'not met'}"
        for one in measured.pages
    ]
    return "\n".join([head, columns, *lines])


def _filled(runtime: Runtime, tasks: int, events: int, progress: Progress) -> dict[str, str]:
    """Addresses of the pages."""
    about = bench_town.fill(runtime)
    now, viewer = runtime.now(), bench_town.TOLD[0]
    for done in synthetic_pages.tell_again(runtime.store, about, events - 1, now):
        progress(done, events, "events")
    for done in synthetic_pages.ask(runtime.store, viewer, about, tasks, now):
        progress(done, tasks, "tasks")
    synthetic.gather_statistics(runtime.store)
    home = runtime.store.read(lambda session: synthetic_pages.home_of(session, about))
    return {INBOX: "/app/inbox", CHRONOLOGY: f"/app/households/{home}"}


async def _ask(runtime: Runtime, paths: dict[str, str], rows: dict[str, int], rounds: int) -> tuple[Timed, ...]:
    token = runtime.store.write(lambda session: _signed_in(runtime, session, bench_town.TOLD[0]))
    transport = httpx.ASGITransport(create_app(runtime, worker=False))
    cookies = {sessions.cookie_name(runtime.settings): token}
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", cookies=cookies) as http:
        return tuple([await _timed(http, page, path, rows[page], rounds) for page, path in paths.items()])


async def _timed(http: httpx.AsyncClient, page: str, path: str, rows: int, rounds: int) -> Timed:
    taken: list[float] = []
    worked: list[float] = []
    size = 0
    for number in range(WARM + rounds):
        began, idle = perf_counter(), process_time()
        answer = await http.get(path)
        if answer.status_code != httpx.codes.OK:
            raise BatonError(f"The page {page} was answered with {answer.status_code}.")
        size = len(answer.content)
        if number >= WARM:
            taken.append(1000 * (perf_counter() - began))
            worked.append(1000 * (process_time() - idle))
    ordered = sorted(taken)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return Timed(
        page=page,
        rows=rows,
        kilobytes=size // 1000,
        p50=round(p50, 1),
        p99=round(p99, 1),
        processor=round(median(worked), 1),
        goal=GOALS[page],
    )


def _signed_in(runtime: Runtime, session: Session, team: str) -> str:
    """Somebody of the team, signed in; the session's token."""
    codec, now = runtime.store.codec, runtime.now()
    somebody = Practitioner(id=SOMEBODY, team_id=team, name="Amina Yusuf", role="midwife")
    practitioners.put(session, codec, somebody, None)
    session.flush()
    account = Account(
        id=SOMEBODY,
        issuer=pinning.main_issuer(runtime.settings),
        subject=SOMEBODY,
        name=somebody.name,
        scopes=frozenset(),
        seats=((team, SOMEBODY),),
    )
    accounts.put(session, codec, account, now)
    session.flush()
    token = sessions.begin(runtime, session, SOMEBODY)
    if token is None:
        raise BatonError("Nobody can sign in.")
    return token
