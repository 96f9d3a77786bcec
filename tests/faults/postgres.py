"""A PostgreSQL server of the test's own on loopback: started, stopped, killed, frozen and started again on what is on its disk."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from deploy.dev import machine, postgres
from deploy.dev.services import SETTING, required

START_UP = 60.0  # seconds a server may take to recover and let us in
One = TypeVar("One", bound="Cluster")

PATIENCE = 60.0  # seconds that stopping may take


class Cluster:
    """One server with its data directory. Every fault hits its own processes, found as children of the one started here."""

    def __init__(self, folder: Path, programs: Path, **settings: str) -> None:
        """A new data directory in `folder`. `settings` are `postgresql.conf` names: `Cluster(…, fsync="off")`."""
        self.port = _free_port()
        self.data = folder / "data"
        self.settings = settings
        self._log = folder / "log"
        self._programs = programs
        self._server: subprocess.Popen[bytes] | None = None
        self._make()

    def _make(self) -> None:
        make = [str(self._programs / "initdb"), "--pgdata", str(self.data), "--username=postgres", "--auth=trust"]
        machine.run([*make, "--encoding=UTF8", "--locale=C", "--no-sync"], user=postgres.owner())

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Address of one of its databases."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start it on what its data directory holds, and wait until it lets us in; a crashed one recovers first."""
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        given = [part for name, value in {**options, **self.settings}.items() for part in ("-c", f"{name}={value}")]
        owner = postgres.owner()
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self.data), *given],
                user=owner,
                group=pwd.getpwnam(owner).pw_gid if owner else None,
                extra_groups=[] if owner else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the keyboard's interrupt ends the tests, which then end it
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop as an administrator does: connections are cut, everything is written out."""
        children = self._children()
        self._signal(signal.SIGINT)
        self._ended(children)

    def kill(self) -> None:
        """SIGKILL all of it at once: nothing is written out, the next start recovers from the log."""
        self.freeze()
        children = self._children()
        self._signal(signal.SIGKILL)
        for pid in children:
            _signal(pid, signal.SIGKILL)
        self._ended(children)

    def cut(self, database: str) -> None:
        """End every connection to one database, as an administrator does; the server goes on."""
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def freeze(self) -> None:
        """SIGSTOP all of it: the kernel still takes connections and data, nobody answers."""
        self._signal(signal.SIGSTOP)  # first, so that it starts no child while they are listed
        for pid in self._children():
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        for pid in self._children():
            _signal(pid, signal.SIGCONT)
        self._signal(signal.SIGCONT)

    def pids(self) -> list[int]:
        """Its processes, those of connections among them."""
        return [] if self._server is None else [self._server.pid, *self._children()]

    def log(self) -> str:
        """What the server said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _signal(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(how)  # does nothing when it has ended already

    def _children(self) -> list[int]:
        return [] if self._server is None else [pid for pid in _all_pids() if _parent(pid) == self._server.pid]

    def _ended(self, children: list[int]) -> None:
        """Wait until all of it is gone: a new server refuses to start while one process of the old holds its memory."""
        if self._server is not None:
            self._server.wait(PATIENCE)
        self._server = None
        give_up = time.monotonic() + PATIENCE
        while any(_alive(pid) for pid in children) and time.monotonic() < give_up:
            time.sleep(0.02)

    def _wait_until_it_answers(self) -> None:
        give_up = time.monotonic() + START_UP
        while time.monotonic() < give_up:
            if self._server is None or self._server.poll() is not None:
                break
            with suppress(psycopg.OperationalError):
                self.run("SELECT 1")
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start on port {self.port}:\n{self.log()[-2000:]}")


class Standby(Cluster):
    """A copy of a running server that follows it until it is promoted."""

    def __init__(self, primary: Cluster, folder: Path, programs: Path) -> None:
        """Copied now."""
        self._primary = primary
        super().__init__(folder, programs)

    def _make(self) -> None:
        copy = [str(self._programs / "pg_basebackup"), "--pgdata", str(self.data), "--write-recovery-conf"]
        machine.run([*copy, "--checkpoint=fast", "--no-sync", "--dbname", self._primary.url()], user=postgres.owner())

    def promote(self) -> None:
        """Take over; returns when it takes writes."""
        self.run("SELECT pg_promote()")


@contextmanager
def standby(primary: Cluster) -> Iterator[Standby]:
    """A started standby of a started server."""
    with _folder() as folder, _started(Standby(primary, folder, _programs())) as made:
        yield made


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """A started server of the caller's own; skips (or fails, when PostgreSQL is required) where its programs are not installed."""
    programs = _programs()
    with _folder() as folder, _started(Cluster(folder, programs, **settings)) as made:
        yield made


def _programs() -> Path:
    programs = postgres.programs()
    if programs is None:
        reason = "no PostgreSQL programs to start a server of the test's own"
        if "postgres" in required():
            pytest.fail(f"{reason} ({SETTING} says it is required)")
        pytest.skip(reason)
    return programs


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="baton-postgres-"))
    if (owner := postgres.owner()) is not None:
        shutil.chown(folder, owner, pwd.getpwnam(owner).pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(made: One) -> Iterator[One]:
    try:
        made.start()
        yield made
    finally:
        made.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat behind the name (state, parent, …); none for a process that has gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return []


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _alive(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def _signal(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, how)
