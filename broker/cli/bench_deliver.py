"""How many deliveries a second reach agencies, and how long each takes from acceptance, over each kind of channel; every server a process of its own on the loopback."""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydantic import SecretStr
from sqlmodel import Session

from broker import log
from broker.bus.embedded import EmbeddedBus
from broker.bus.rabbit import look, opening
from broker.cli import bench_agencies, bench_town
from broker.cli.bench_load import send_paced
from broker.cli.bench_servers import database, free_port, process, server
from broker.clock import utc_now
from broker.domain.states import ChannelKind
from broker.errors import BatonError
from broker.policy.model import load
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import channels, clients, deliveries, migrate, waits
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.store import Store, open_store
from broker.web import tokens

GOAL_PER_SECOND: Final = 1_000
"""Webhook deliveries a second."""
GOAL_MILLISECONDS: Final = 250
"""Accepted to delivered, 99 in 100, at `PACE`."""
GOAL_SHARE: Final = 1.1
"""The others' p99 beside agencies that are dead and flooded, to theirs without."""
PACE: Final = 50.0
"""Notifications a second while times are taken."""
CALLERS: Final = 16
PATIENCE: Final = 120.0
"""Seconds without any delivery after which a run is given up."""
LOOK_SECONDS: Final = 1.0
"""Between two counts of what is left, which the database must count beside what it is measured by; times are the deliveries' own."""
RESOLUTION: Final = 0.001
"""Seconds: nothing is told apart that is closer."""
SECRET: Final = "whsec_" + "YmF0b24tYmVuY2gtc2VjcmV0LW9mLTMyLWJ5dGVzLi4="


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of channel at one fan-out. Times are from acceptance to the receiver's word, in milliseconds, at `PACE`."""

    channel: str
    fan_out: int
    deliveries: int
    per_second: float
    """While as many waited as there were."""
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Whether agencies that are dead or flooded cost the others anything: 99 in 100 of the others' times, in milliseconds."""

    alone: float
    beside: float

    @property
    def share(self) -> float:
        """With, to without."""
        return round(self.beside / self.alone, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    database: str
    workers: int
    cpus: int
    load_before: float
    load_after: float
    lines: tuple[Line, ...]
    crowd: Crowd | None

    @property
    def met(self) -> bool:
        """Whether all goals were met."""
        webhooks = [line for line in self.lines if line.channel == ChannelKind.WEBHOOK and line.fan_out > 1]
        fast = all(line.per_second >= GOAL_PER_SECOND and line.p99 <= GOAL_MILLISECONDS for line in webhooks)
        return fast and (self.crowd is None or self.crowd.share <= GOAL_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure."""

    server: str | None
    """A PostgreSQL server by its address; None for SQLite, where the worker runs inside the one process."""
    amqp: str | None
    """A RabbitMQ virtual host of our own by its address, over which work is announced too; None for the embedded bus."""
    channels: Sequence[ChannelKind]
    fan_outs: Sequence[int]
    deliveries: int
    """How many wait when a channel's speed is measured."""
    seconds: float
    """How long times are taken."""
    workers: int
    crowd: bool
    """Whether to measure also what agencies that are dead and flooded cost the others."""


Progress = Callable[[int, int, str], None]


def plain(measured: Measured) -> dict[str, Any]:
    """For JSON."""
    crowd = measured.crowd and asdict(measured.crowd) | {"share": measured.crowd.share}
    return asdict(measured) | {"crowd": crowd, "met": measured.met}


def kind(name: str) -> ChannelKind:
    """A channel by its name; BatonError when there is none such, or none to measure."""
    if name not in ("webhook", "mailbox", "amqp"):
        raise BatonError("Channels that can be measured are webhook, mailbox and amqp.")
    return ChannelKind(name)


def told(measured: Measured) -> str:
    """For people."""
    workers = "1 worker" if measured.workers < 2 else f"{measured.workers} workers"
    machine = f"{measured.cpus} processors, load {measured.load_before} before and {measured.load_after} after"
    lines = [
        f"{measured.database}, {workers}; {machine}; times at {PACE:g} notifications a second",
        f"{'':10}{'told':>6}{'deliveries':>12}{'per second':>12}{'p50 ms':>10}{'p99 ms':>10}",
    ]
    for line in measured.lines:
        counts = f"{line.fan_out:>6}{line.deliveries:>12}{line.per_second:>12}"
        lines.append(f"{line.channel:10}{counts}{line.p50:>10}{line.p99:>10}")
    crowd, slower = measured.crowd, round(100 * GOAL_SHARE - 100)
    goals = f"by webhook to several teams {GOAL_PER_SECOND} a second and {GOAL_MILLISECONDS} ms, the others {slower} % slower at most"
    if crowd is not None:
        compared = f"{crowd.beside} ms; without them {crowd.alone} ms ({crowd.share})"
        lines.append(f"The others' p99 beside a dead and a flooded agency: {compared}.")
    lines.append(f"The goals, {goals}, are {'met' if measured.met else 'not met'}.")
    return "\n".join(lines)


def measure(plan: Plan, progress: Progress) -> Measured:
    """Measure, in databases that are made for it and dropped."""
    log.configure("text", quiet=True)
    _must_answer(plan)
    load_before = os.getloadavg()[0]
    steps = [(kind, fan_out) for kind in plan.channels for fan_out in plan.fan_outs]
    of = len(steps) + plan.crowd
    lines = []
    for done, (kind, fan_out) in enumerate(steps, start=1):
        lines.append(_line(plan, kind, fan_out))
        progress(done, of, f"{kind.value}, {fan_out} teams told")
    crowd = _crowd(plan) if plan.crowd else None
    progress(of, of, "done")
    return Measured(
        database=("sqlite" if plan.server is None else "postgresql") + (", RabbitMQ" if plan.amqp else ""),
        workers=plan.workers if plan.server else 0,
        cpus=os.cpu_count() or 1,
        load_before=round(load_before, 1),
        load_after=round(os.getloadavg()[0], 1),
        lines=tuple(lines),
        crowd=crowd,
    )


def _must_answer(plan: Plan) -> None:
    """BatonError when RabbitMQ does not let us in: work that is announced to nobody is found by looking for it, a second later."""
    if plan.amqp is None:
        return
    server = opening.server(Settings(amqp_url=SecretStr(plan.amqp)))
    if look.look(server, None, opening.virtual_host(server.addresses[0]), ()).version is None:
        raise BatonError(
            "RabbitMQ does not let us in at this address: is there such a virtual host, and may this user use it?"
        )


def _line(plan: Plan, kind: ChannelKind, fan_out: int) -> Line:
    with _bench(plan, fan_out) as bench:
        bench.agencies(kind, bench.teams)
        waiting = bench.fill(max(1, plan.deliveries // fan_out))
        with bench.deliverers():
            per_second = bench.drained(waiting)
            p50, p99 = bench.paced(plan.seconds, bench.teams)
    return Line(channel=kind.value, fan_out=fan_out, deliveries=len(waiting), per_second=per_second, p50=p50, p99=p99)


def _crowd(plan: Plan) -> Crowd:
    """Six teams by webhook; then one of them never answers, and another has a backlog."""
    with _bench(plan, len(bench_town.TOLD)) as bench:
        dead, flooded, *others = bench.teams
        bench.agencies(ChannelKind.WEBHOOK, bench.teams)
        with bench.deliverers():
            _, alone = bench.paced(plan.seconds, others)
    with _bench(plan, len(bench_town.TOLD)) as bench:
        bench.agencies(ChannelKind.MAILBOX, others)
        bench.fill(max(1, plan.deliveries // 2))  # nobody of the others waits for these
        bench.settle(others)
        bench.agencies(ChannelKind.WEBHOOK, [flooded, *others])
        bench.agencies(ChannelKind.WEBHOOK, [dead], path="silent")
        with bench.deliverers():
            _, beside = bench.paced(plan.seconds, others)
    return Crowd(alone=alone, beside=beside)


# --- one database ------------------------------------------------------------------------------------------------------


@contextmanager
def _bench(plan: Plan, fan_out: int) -> "Iterator[_Bench]":
    with TemporaryDirectory(prefix="baton-bench-") as name, ExitStack() as stack:
        folder, key = Path(name), secrets.token_urlsafe(32)
        url = stack.enter_context(database(plan.server, folder))
        store = open_store(url, AesCodec(key.encode()), SERVING)
        stack.callback(store.close)
        migrate.upgrade(store.engine)
        runtime = Runtime(Settings(database_url=url), store, load(None), EmbeddedBus())
        teams = bench_town.told(fan_out)
        bench = _Bench(plan, stack, folder, url, key, runtime, teams)
        bench_town.fill(runtime, teams, bench.households)
        bench.settle([*teams, bench_town.SENDER])
        yield bench


class _Bench:
    """A database that is to be filled, the agencies it tells, and the processes that serve it."""

    def __init__(
        self, plan: Plan, stack: ExitStack, folder: Path, url: str, key: str, runtime: Runtime, teams: Sequence[str]
    ) -> None:
        """Nothing runs yet."""
        self._plan = plan
        self._stack = stack
        self._folder = folder
        self._runtime = runtime
        self._port = free_port()
        self._settings = {
            "BATON_DATABASE_URL": url,
            "BATON_SECRET_KEY": key,
            "BATON_ALLOW_PRIVATE_ADDRESSES": "true",
            "BATON_CANARY_SECONDS": "86400",
            **({} if plan.amqp is None else {bench_agencies.AMQP: plan.amqp}),
        }
        self._hooks: int | None = None
        self._readers: list[str] = []
        self._queues: list[str] = []
        self.teams = teams
        self.households = bench_town.spread(plan.deliveries // len(teams) + round(plan.seconds * PACE))

    @property
    def store(self) -> Store:
        """The database."""
        return self._runtime.store

    def settle(self, teams: Sequence[str]) -> None:
        """What these teams have been told so far is delivered."""

        def work(session: Session) -> None:
            deliveries.settle(session, teams, utc_now())

        self.store.write(work)

    def agencies(self, kind: ChannelKind, teams: Sequence[str], *, path: str = "taken") -> None:
        """Have these teams told so; a team told by its mailbox has a system that empties it."""
        now = utc_now()

        def work(session: Session) -> None:
            for team in teams:
                hook = kind is ChannelKind.WEBHOOK
                url = f"http://127.0.0.1:{self._listening()}/{path}/{team}" if hook else None
                secret = SECRET if hook else None
                channels.put(
                    session,
                    self.store.codec,
                    team,
                    kind,
                    url=url,
                    secret=secret,
                    enabled=True,
                    rate_per_second=None,
                    now=now,
                )
                deliveries.align(session, now=now, team_id=team)

        self.store.write(work)
        self._readers = list(teams) if kind is ChannelKind.MAILBOX else []
        self._queues = list(teams) if kind is ChannelKind.AMQP else []

    def _listening(self) -> int:
        """The port of the webhooks' receivers, started when they are first wanted."""
        if self._hooks is None:
            self._hooks = self._stack.enter_context(
                server(["broker.cli.bench_agencies"], {}, self._folder / "agencies.log")
            )
        return self._hooks

    def fill(self, notifications: int) -> "list[datetime]":
        """Accept so many, told to every team; when each was received, once for each team."""
        began = utc_now()
        for body in bench_town.bodies(began, notifications, self.households):
            bench_town.send(self._runtime, body)
        return [began] * (notifications * len(self.teams))

    @contextmanager
    def deliverers(self) -> Iterator[None]:
        """The processes that serve and deliver, and the systems that empty mailboxes."""
        with ExitStack() as stack:
            apart = self._plan.server is not None
            arguments = ["broker.cli", "serve", *(["--no-worker"] if apart else [])]
            self._port = stack.enter_context(server(arguments, self._settings, self._folder / "serve.log"))
            if self._readers:
                stack.enter_context(process(self._mailbox_systems(), {}, self._folder / "readers.log"))
            if self._queues:
                own = ["broker.cli.bench_agencies", "--port", str(free_port())]
                named = [word for team in self._queues for word in ("--team", team)]
                stack.enter_context(process([*own, *named], self._settings, self._folder / "queues.log"))
            for number in range(self._plan.workers if apart else 0):
                log_file = self._folder / f"worker-{number}.log"
                stack.enter_context(process(["broker.cli", "worker"], self._settings, log_file))
            yield

    def _mailbox_systems(self) -> list[str]:
        given = [self.store.write(_grant(team, "baton/mailbox")) for team in self._readers]
        pairs = [word for token in given for word in ("--token", token)]
        own = ["--port", str(free_port()), "--broker", f"http://127.0.0.1:{self._port}"]
        return ["broker.cli.bench_agencies", *own, *pairs]

    def drained(self, waiting: Sequence[datetime]) -> float:
        """Deliveries a second, from the first of these that arrives to the last."""
        since = min(waiting)
        self._until_all_are_delivered()
        arrived = self.store.read(lambda session: waits.delivered(session, self.teams, since=since))
        times = sorted(one.delivered_at for one in arrived)
        if len(times) != len(waiting):
            raise BatonError("Not everything was delivered once: these figures are worth nothing.")
        # What is written down in one transaction arrives at one time.
        return round((len(times) - 1) / max((times[-1] - times[0]).total_seconds(), RESOLUTION), 1)

    def _until_all_are_delivered(self, teams: Sequence[str] | None = None) -> None:
        last, since = -1, time.monotonic()
        while left := self.store.read(lambda session: waits.undelivered(session, teams or self.teams)):
            if left != last:
                last, since = left, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise BatonError(f"{left} deliveries did not arrive.")
            time.sleep(LOOK_SECONDS)

    def paced(self, seconds: float, teams: Sequence[str]) -> tuple[float, float]:
        """Send at `PACE` for so long; p50 and p99 of what these teams waited for."""
        token = self.store.write(_grant(bench_town.SENDER, "baton/message.write"))
        lines = ("POST /fhir/$process-message HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/fhir+json")
        head = "".join(f"{line}\r\n" for line in (*lines, f"Authorization: Bearer {token}")).encode()
        send_paced(
            self._port, head, bench_town.bodies(utc_now(), CALLERS, self.households), per_second=PACE, callers=CALLERS
        )
        self._until_all_are_delivered(teams)  # or the time that workers take to start would be measured
        began = utc_now()
        bodies = bench_town.bodies(began, round(seconds * PACE), self.households)
        answers = send_paced(self._port, head, bodies, per_second=PACE, callers=CALLERS)
        if answers.refused:
            raise BatonError(f"{answers.refused} messages were not accepted: these figures are worth nothing.")
        self._until_all_are_delivered(teams)
        arrived = self.store.read(lambda session: waits.delivered(session, teams, since=began))
        waited = sorted((one.delivered_at - one.received_at).total_seconds() * 1000 for one in arrived)
        return round(waited[len(waited) // 2], 1), round(waited[int(len(waited) * 0.99)], 1)


def _grant(team: str, scope: str) -> Callable[[Session], str]:
    def work(session: Session) -> str:
        caller = clients.Registered(
            name=f"{team}-{scope.replace('/', '-').replace('.', '-')}",
            team=team,
            jwks={"keys": []},
            scopes=frozenset({scope}),
        )
        clients.put(session, caller, utc_now())
        session.flush()
        return tokens.grant(session, caller, None, seconds=86_400, now=utc_now()).token

    return work
