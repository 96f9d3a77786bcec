"""`baton serve` and `baton worker` as processes that are killed and frozen, and the keeper that starts what died again, as an operator's does.

They are forked from a process that has done their imports once and nothing else: those cost more than all else that starting takes.
"""

import multiprocessing
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import httpx

from tests.faults import launch

ROOT = Path(__file__).parents[2]
START_UP = 60.0  # seconds a server may take until it answers
STOP = 20.0
_NOT_PASSED_ON = ("BATON_", "PYTHONDONTWRITEBYTECODE")  # what dies often must start fast, and compile nothing again
_IMPORTED: Final = (
    "pytest",
    "tests.faults.launch",
    "broker.cli.serving",
    "broker.main",
    "broker.worker",
    "uvicorn",
    "mesh_client",
)
_PREPARED: Final = multiprocessing.get_context("forkserver")
_PREPARED.set_forkserver_preload(list(_IMPORTED))
_ONE_AT_A_TIME: Final = threading.Lock()
"""`multiprocessing` looks after its children from every thread that starts one, and of two that see one end at once, one sees it wrong."""
WATCH = 0.05  # seconds between looks of the keeper


class Started(Protocol):
    """A process that runs or has ended, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    def poll(self) -> int | None:
        """How it ended: the exit code, or the negative of a signal; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has; `subprocess.TimeoutExpired` after so many seconds."""
        ...


class Forked:
    """The `baton` command forked from what has its imports already."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Started now; `environment` is all it has."""
        given = (list(arguments), dict(environment), str(log))
        self._process = _PREPARED.Process(target=launch.forked, args=given, name=f"baton {arguments[0]}")
        with _ONE_AT_A_TIME:
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """As `Started` says."""
        with _ONE_AT_A_TIME:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """As `Started` says."""
        give_up = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > give_up:
                raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
            time.sleep(0.01)
        return code


class Process:
    """One `baton` process: what it is started with, and what it does now."""

    def __init__(self, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        """Of Baton's settings it has these and no others. Nothing is started yet."""
        self.arguments = list(arguments)
        self.settings = dict(settings)
        self.log = log
        self.starts = 0
        self._process: Started | None = None

    def start(self, **more: str) -> None:
        """Start it, with `more` in its environment this time."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
        self._process = self._started({**environment, **self.settings, **more})
        self.starts += 1

    def _started(self, environment: Mapping[str, str]) -> Started:
        return Forked(self.arguments, environment, self.log)

    @property
    def pid(self) -> int:
        """Its process id, while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self._process is not None and self._process.poll() == -signal.SIGKILL

    def send(self, which: signal.Signals) -> None:
        """A signal; nothing happens when it has ended."""
        if self.runs:
            os.kill(self.pid, which)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """As an operator stops it; killed when it does not."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self.wait(STOP)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait(self, seconds: float | None = None) -> None:
        """Until it has ended."""
        if self._process is not None:
            self._process.wait(seconds)

    def said(self) -> str:
        """The end of what it wrote, for an error."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


class Api(Process):
    """`baton serve` on a port of its own."""

    def __init__(self, settings: Mapping[str, str], log: Path, *options: str) -> None:
        """`options`: more of the command's."""
        self.port = free_port()
        super().__init__(["serve", "--port", str(self.port), *options], settings, log)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Whether it listens and lives."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def once_it_answers(self) -> "Api":
        """Itself, after it was started."""
        give_up = time.monotonic() + START_UP
        while not self.answers():
            if time.monotonic() > give_up or not self.runs:
                raise AssertionError(f"the server did not start: {self.said()}")
            time.sleep(0.05)
        return self


class Worker(Process):
    """`baton worker`."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        """Nothing is started yet."""
        super().__init__(["worker"], settings, log)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Keeper:
    """Starts processes again that ended, each time with the next of the environments it is given: where to die this time."""

    def __init__(self, processes: Sequence[Process], faults: Callable[[], Mapping[str, str]] = dict) -> None:
        """Nothing is watched yet."""
        self._processes = processes
        self._faults = faults
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self.deaths = 0

    def start(self) -> None:
        """Start them all, and watch."""
        for process in self._processes:
            if not process.runs:
                process.start(**self._faults())
        self._thread.start()

    def until(self, deaths: int, seconds: float) -> None:
        """Until so many have died."""
        give_up = time.monotonic() + seconds
        while self.deaths < deaths:
            if time.monotonic() > give_up:
                raise AssertionError(f"{self.deaths} of {deaths} deaths: {[one.said() for one in self._processes]}")
            time.sleep(WATCH)

    def stop(self) -> None:
        """Watch no more; the processes go on."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(WATCH):
            for process in self._processes:
                if not process.runs:
                    self.deaths += 1
                    process.start(**self._faults())


@contextmanager
def kept(processes: Sequence[Process], faults: Callable[[], Mapping[str, str]] = dict) -> Iterator[Keeper]:
    """Processes that are started again whenever they end, until the block is left; then all are killed."""
    keeper = Keeper(processes, faults)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()
        for process in processes:
            process.kill()


def dying_at(steps: Sequence[str], times: int, rounds: int = 1) -> Callable[[], Mapping[str, str]]:
    """One step after the other, so many rounds: each process dies when it has passed its step so many times. Those after them live."""
    turns = iter([{launch.AT: f"{step} {times}"} for _ in range(rounds) for step in steps])
    return lambda: next(turns, {})
