"""K7: the disk is full or fails at the commit; nothing is accepted that is not stored, the answer says so, and all goes on afterwards."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.postgres import Cluster
from tests.faults.receivers import Receivers
from tests.faults.running import Run, running
from tests.faults.size import record, size
from tests.faults.town import Town

FAILS_FOR = size(3, 20)
"""Seconds."""
SYNCS = "fsync,fdatasync"
WRITES = "write,pwrite64,writev,pwritev"
WRITES_OF_POSTGRES = "pwrite64,pwritev"
"""To its files; what it answers and what it says of itself goes by other calls."""


@contextmanager
def failing(pids: Sequence[int], calls: str, error: str, *, only: str = "") -> Iterator[None]:
    """These system calls of running processes fail while the block runs. `only` narrows it to a file. Skips where that is not possible."""
    if shutil.which("strace") is None or os.geteuid() != 0:
        pytest.skip("failing system calls take root and strace")
    attached = [part for pid in pids for part in ("--attach", str(pid))]
    narrowed = ["--trace-path", only] if only else []
    inject = ["--follow-forks", "--quiet=all", f"--trace={calls}", f"--inject={calls}:error={error}", *narrowed]
    with subprocess.Popen(
        ["strace", *inject, *attached], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as tracer:
        try:
            while not all(_traced(pid) for pid in pids) and tracer.poll() is None:
                time.sleep(0.02)
            yield
        finally:
            tracer.send_signal(signal.SIGINT)  # it lets them go


def _traced(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True
    return "TracerPid:\t0" not in status


def answers_during(run: Run, seconds: float) -> set[int]:
    """What clients were answered meanwhile, once any was; 0 where the connection broke."""
    before = len(run.load.waits)
    time.sleep(seconds)
    give_up = time.monotonic() + 30
    while len(run.load.waits) == before and time.monotonic() < give_up:
        time.sleep(0.05)
    return {status for status, _ in run.load.waits[before:]}


@pytest.mark.parametrize(("calls", "error"), [(SYNCS, "EIO"), (WRITES, "ENOSPC")], ids=["sync-fails", "no-space"])
def test_sqlite_whose_disk_fails_answers_unavailable(
    calls: str, error: str, on_sqlite: Town, hooks: Receivers, tmp_path: Path
) -> None:
    log = on_sqlite.database_url.removeprefix("sqlite:///") + "-wal"
    with running(on_sqlite, hooks, tmp_path, workers=0) as run:
        with failing([run.apis[0].pid], calls, error, only=log):
            run.load.until_status(503, seconds=30)
            answered = answers_during(run, FAILS_FOR)
        run.more(20)
        figures = run.finish()
        assert run.keeper.deaths == 0
    assert answered == {503}
    record("K7", f"sqlite-{error}", figures, failed_for=FAILS_FOR, unavailable_answers=run.load.statuses[503])


@pytest.mark.parametrize(
    ("calls", "error"), [(SYNCS, "EIO"), (WRITES_OF_POSTGRES, "ENOSPC")], ids=["sync-fails", "no-space"]
)
def test_postgres_whose_log_cannot_be_written_recovers_with_everything(
    calls: str, error: str, on_postgres: Town, postgres_server: Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    """PostgreSQL ends itself when its log cannot be written or synced (PANIC), because what the kernel dropped cannot be written again; its own recovery follows."""
    said = len(postgres_server.log())
    with running(on_postgres, hooks, tmp_path) as run:
        with failing(postgres_server.pids(), calls, error):
            run.load.until_status(503, seconds=30)
        postgres_server.kill()  # what it was before the operator came: the start-up may have met the same disk
        postgres_server.start()
        run.more(20)
        figures = run.finish()
    assert set(run.load.statuses) <= {0, 200, 503}
    assert "PANIC" in postgres_server.log()[said:]
    record("K7", f"postgresql-{error}", figures, unavailable_answers=run.load.statuses[503])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a file system of the test's own takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(file: Path) -> None:
    """Write until there is no space left."""
    with file.open("wb", buffering=0) as filling, suppress(OSError):
        while True:
            filling.write(bytes(65_536))


def test_a_disk_that_fills_up_and_is_cleared(
    sqlite_town: Town, small_disk: Path, hooks: Receivers, tmp_path: Path
) -> None:
    shutil.copy(sqlite_town.database_url.removeprefix("sqlite:///"), small_disk / "baton.db")
    with running(sqlite_town.on(f"sqlite:///{small_disk}/baton.db"), hooks, tmp_path, workers=0) as run:
        ballast = small_disk / "ballast"
        fill_up(ballast)
        run.load.until_status(503, seconds=30)
        answered = answers_during(run, FAILS_FOR)
        ballast.unlink()
        run.more(10)
        figures = run.finish()
        assert run.keeper.deaths == 0
    assert answered == {503}
    record("K7", "sqlite-full", figures, unavailable_answers=run.load.statuses[503])
