"""K8: copies of the SQLite file taken at random instants of a running writer open, and hold all that had been accepted by then."""

import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

from tests.faults.receivers import Receivers
from tests.faults.running import Run, running
from tests.faults.size import record, size
from tests.faults.town import Town

COPIES = size(15, 300)
A_PARTIAL_FRAME = 1000
"""Bytes at the end of a log that a power cut left half written; a frame is 4,120."""


def copied(run: Run, folder: Path, *, torn: bool) -> tuple[Path, set[str]]:
    """The files as they are at one instant, and what had been accepted before it."""
    folder.mkdir()
    file = Path(run.town.database_url.removeprefix("sqlite:///"))
    accepted = {one.id for one in run.accepted}
    run.apis[0].send(signal.SIGSTOP)
    try:
        for name in (file.name, f"{file.name}-wal"):
            shutil.copy(file.with_name(name), folder)
    finally:
        run.apis[0].send(signal.SIGCONT)
    if torn:
        with (folder / f"{file.name}-wal").open("ab") as log:
            log.write(random.randbytes(A_PARTIAL_FRAME))
    return folder / file.name, accepted


def test_copies_of_a_running_writer_hold_all_that_was_accepted(
    on_sqlite: Town, hooks: Receivers, tmp_path: Path
) -> None:
    missing, held = set(), 0
    with running(on_sqlite, hooks, tmp_path, workers=0, per_second=size(60, 200)) as run:
        for number in range(COPIES):
            time.sleep(random.uniform(0, 0.3))
            copy, accepted = copied(run, tmp_path / str(number), torn=number % 2 == 1)
            with sqlite3.connect(copy) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert connection.execute("PRAGMA foreign_key_check").fetchone() is None
                kept = {id_ for (id_,) in connection.execute("SELECT message_id FROM notification")}
            connection.close()
            shutil.rmtree(copy.parent)
            missing |= accepted - kept
            held = max(held, len(accepted))
        figures = run.finish()
    assert not missing
    assert held
    record("K8", "copies", figures, copies=COPIES, missing=len(missing))
