"""How many messages a second are accepted, over HTTP on the loopback, beside a reference that decides nothing: stretch by stretch in turn, so that drift hits both."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlmodel import Session

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_reference, bench_town
from broker.cli.bench_load import Answers, send
from broker.cli.bench_servers import database, server
from broker.clock import utc_now
from broker.errors import BatonError
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients, migrate, notifications, synthetic
from broker.storage.codec import AesCodec
from broker.storage.store import Store, open_store
from broker.web import tokens

GOAL_RATIO: Final = 1.0
STRETCH_SECONDS: Final = 2.0
"""How long one of the two has the machine before it is the other's turn."""
MOST_A_SECOND: Final = 2_000
"""So many messages are made for each second of a stretch, before its time begins; when they are used up it ends."""
WARM_UP: Final = 40
"""Messages to each server before anything is counted."""
WARM_UP_SECONDS: Final = 60.0
POSTGRES_PROCESSES: Final = 2
"""Of each of the two; with SQLite it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What one of the two did. `rounds`: accepted a second, stretch by stretch; p50 and p99 in milliseconds."""

    accepted: int
    refused: int
    seconds: float
    per_second: float
    p50: float
    p99: float
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Both on one database."""

    database: str
    processes: int
    rows: dict[str, int]
    """What one message writes, by table: the same for both."""
    ours: Speed
    reference: Speed

    @property
    def ratio(self) -> float:
        """Ours to the reference's, in messages a second."""
        return round(self.ours.per_second / self.reference.per_second, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    callers: int
    message_bytes: int
    told: int
    cpus: int
    load_before: float
    """Load average of the last minute when the run began: what else the machine was doing."""
    load_after: float
    compared: tuple[Compared, ...]

    @property
    def met(self) -> bool:
        """Whether Baton was at least as fast as the reference everywhere."""
        return all(one.ratio >= GOAL_RATIO for one in self.compared)


Progress = Callable[[int, int, str], None]


def plain(measured: Measured) -> dict[str, Any]:
    """For JSON."""
    compared = [asdict(one) | {"ratio": one.ratio} for one in measured.compared]
    return asdict(measured) | {"compared": compared, "met": measured.met}


def measure(servers: Sequence[str | None], seconds: float, callers: int, progress: Progress) -> Measured:
    """Measure on each of these: a PostgreSQL server by its address, None for SQLite. `seconds`: for each of the two on each."""
    log.configure("text", quiet=True)
    load_before = os.getloadavg()[0]
    compared = tuple([_compare(one, seconds, callers, progress) for one in servers])
    return Measured(
        callers=callers,
        message_bytes=len(bench_town.bodies(utc_now(), 1)[0]),
        told=len(bench_town.TOLD),
        cpus=os.cpu_count() or 1,
        load_before=round(load_before, 1),
        load_after=round(os.getloadavg()[0], 1),
        compared=compared,
    )


# --- one database ------------------------------------------------------------------------------------------------------


def _compare(address: str | None, seconds: float, callers: int, progress: Progress) -> Compared:
    processes = 1 if address is None else POSTGRES_PROCESSES
    with TemporaryDirectory(prefix="baton-bench-") as name, ExitStack() as stack:
        folder, key = Path(name), secrets.token_urlsafe(32)
        url = stack.enter_context(database(address, folder))
        filled = fill(url, AesCodec(key.encode()))
        copy = stack.enter_context(database(address, folder, url))
        ours = stack.enter_context(serving(["broker.cli"], url, key, filled.token, processes, folder))
        reference = stack.enter_context(_reference(copy, filled.sample, processes, folder))
        for side in (ours, reference):
            send(side.port, side.head, bench_town.bodies(utc_now(), WARM_UP), callers=callers, seconds=WARM_UP_SECONDS)
        before = {side: _stored(side.database, key) for side in (ours, reference)}
        take_turns((ours, reference), seconds, callers, lambda done, of: progress(done, of, filled.name))
        for side, count in before.items():
            if _stored(side.database, key) - count != sum(one.accepted for one in side.answers):
                raise BatonError("What was answered is not what was stored: these figures are worth nothing.")
        return Compared(
            database=filled.name, processes=processes, rows=filled.rows, ours=ours.speed(), reference=reference.speed()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a database was filled with."""

    name: str
    sample: str
    """Id of a notification whose rows the reference copies."""
    rows: dict[str, int]
    token: str


def fill(url: str, codec: AesCodec) -> Filled:
    """A database for a side that keeps what it writes by this codec."""
    with closing(open_store(url, codec)) as store:
        migrate.upgrade(store.engine)
        runtime = Runtime(Settings(database_url=url), store, load(None), EmbeddedBus())
        sample = bench_town.fill(runtime)
        synthetic.gather_statistics(store)
        rows = {insert.table: len(insert.rows) for insert in bench_reference.sample(url, sample)}
        return Filled(name=store.engine.dialect.name, sample=sample, rows=rows, token=store.write(_token))


def _token(session: Session) -> str:
    scopes = frozenset({"baton/message.write"})
    sender = clients.Registered(name="bench", team=bench_town.SENDER, jwks={"keys": []}, scopes=scopes)
    clients.put(session, sender, utc_now())
    session.flush()
    return tokens.grant(session, sender, None, seconds=86_400, now=utc_now()).token


def _stored(url: str, key: str) -> int:
    with _store(url, key) as store:
        return store.read(notifications.count)


@contextmanager
def _store(url: str, key: str) -> Iterator[Store]:
    store = open_store(url, AesCodec(key.encode()))
    try:
        yield store
    finally:
        store.close()


# --- the two that are compared -----------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Side:
    """A server that listens, and what it has answered so far."""

    database: str
    port: int
    head: bytes
    answers: list[Answers] = field(default_factory=list)

    def speed(self) -> Speed:
        waited = sorted(one for answers in self.answers for one in answers.milliseconds)
        if not waited:
            raise BatonError("Nothing was accepted: give it more seconds.")
        accepted, seconds = len(waited), sum(answers.seconds for answers in self.answers)
        p50, p99 = (waited[min(accepted - 1, int(accepted * share))] for share in (0.5, 0.99))
        return Speed(
            accepted=accepted,
            refused=sum(answers.refused for answers in self.answers),
            seconds=round(seconds, 2),
            per_second=round(accepted / seconds, 1),
            p50=round(p50, 1),
            p99=round(p99, 1),
            rounds=tuple(round(answers.accepted / answers.seconds, 1) for answers in self.answers),
        )


@contextmanager
def serving(program: Sequence[str], url: str, key: str, token: str, processes: int, folder: Path) -> Iterator[Side]:
    """Baton on a database that was filled, started by this program."""
    settings = {"BATON_DATABASE_URL": url, "BATON_SECRET_KEY": key, "BATON_CALLS_PER_SECOND": "100000"}
    arguments = [*program, "serve", "--no-worker", "--workers", str(processes)]
    with server(arguments, settings, folder / f"{'-'.join(program)}.log") as port:
        yield Side(url, port, _head(f"Authorization: Bearer {token}"))


@contextmanager
def _reference(url: str, sample: str, processes: int, folder: Path) -> Iterator[Side]:
    settings = {bench_reference.DATABASE: url, bench_reference.SAMPLE: sample}
    arguments = ["broker.cli.bench_reference", "--workers", str(processes)]
    with server(arguments, settings, folder / "reference.log") as port:
        yield Side(url, port, _head())


def _head(*more: str) -> bytes:
    lines = ["POST /fhir/$process-message HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/fhir+json", *more]
    return "".join(f"{line}\r\n" for line in lines).encode()


def take_turns(sides: Sequence[Side], seconds: float, callers: int, progress: Callable[[int, int], None]) -> None:
    """Stretch by stretch, every other round in the other order, so that what comes after what counts for nobody."""
    rounds = max(1, round(seconds / STRETCH_SECONDS))
    stretch = seconds / rounds
    for done in range(rounds):
        for side in sides if done % 2 == 0 else reversed(sides):
            posted = bench_town.bodies(utc_now(), ceil(stretch * MOST_A_SECOND))
            side.answers.append(send(side.port, side.head, posted, callers=callers, seconds=stretch))
        progress(done + 1, rounds)
