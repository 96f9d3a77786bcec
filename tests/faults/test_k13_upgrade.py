"""K13: an upgrade under load, both versions at once; and the restore of a backup that was taken under load, with every gap named."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlmodel import col

from broker.clock import utc_now
from broker.storage.tables import Notification
from deploy.dev import postgres as programs
from tests.earlier import extract
from tests.faults import town
from tests.faults.checker import Evidence, check, opened
from tests.faults.load import Load
from tests.faults.postgres import Cluster
from tests.faults.processes import ROOT, Api, Process, Started, Worker, kept
from tests.faults.receivers import Receivers
from tests.faults.running import running
from tests.faults.size import record, size
from tests.faults.town import PUSHED, Town


class EarlierApi(Api):
    """`baton serve` of the earlier code, with its worker inside."""

    def __init__(self, code: Path, settings: Mapping[str, str], log: Path) -> None:
        """`code`: its folder."""
        super().__init__({**settings, "PYTHONPATH": str(code)}, log)
        self._code = code

    def _started(self, environment: Mapping[str, str]) -> Started:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "broker.cli", *self.arguments],
                cwd=self._code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of before the newest migration step."""
    return extract(tmp_path_factory.mktemp("earlier"))


@pytest.fixture
def filled_earlier(earlier: Path, postgres_server: Cluster) -> Town:
    """A town that the earlier code has filled, on its schema."""
    name, key = f"earlier_{secrets.token_hex(4)}", secrets.token_urlsafe(32)
    postgres_server.run(f"CREATE DATABASE {name}")
    url = postgres_server.url(name)
    clean = {key_: value for key_, value in os.environ.items() if not key_.startswith("BATON_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / "faults" / "earlier_town.py"), url, key],
        cwd=earlier,
        env=clean | {"PYTHONPATH": str(earlier)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    given = json.loads(done.stdout.splitlines()[-1])
    with psycopg.connect(url) as connection:
        before = connection.execute("SELECT message_id FROM notification").fetchall()
    return Town(
        database_url=url, key=key, tokens=given, built=utc_now(), before=frozenset(message for (message,) in before)
    )


def test_an_upgrade_under_load_with_both_versions_at_once(
    earlier: Path, filled_earlier: Town, hooks: Receivers, tmp_path: Path
) -> None:
    place = filled_earlier
    old = EarlierApi(earlier, place.settings(), tmp_path / "old.log")
    new = Api(place.settings(), tmp_path / "new.log")
    with kept([old]) as keeper:
        old.once_it_answers()
        load = Load([old.port, new.port], place, per_second=size(20, 100)).start()
        load.until(size(20, 2_000), seconds=1_000)
        migrated = Process(["migrate"], place.settings(), tmp_path / "migrate.log")
        migrated.start()
        migrated.wait(60)
        with opened(place) as store:
            urls = {team: hooks.url(team) for team in PUSHED}
            store.write(lambda session: town.webhooks(session, store.codec, urls, utc_now()))
        with kept([new]):
            new.once_it_answers()
            load.until(len(load.accepted) + size(30, 2_000), seconds=1_000)
            assert keeper.deaths == 0  # the earlier code lives with the new schema
            keeper.stop()
            old.stop()
            alone = utc_now()
            load.until(len(load.accepted) + size(20, 2_000), seconds=1_000)
            load.stop()
            evidence = Evidence(sent=load.sent, received=hooks.received, waits=load.waits, noted_since=alone)
            figures = check(place, evidence)
    record("K13", "upgrade", figures)


# --- backups -------------------------------------------------------------------------------------------------------------


def client(program: str, *words: str) -> None:
    """One of PostgreSQL's own programs for backups."""
    folder = programs.programs()
    assert folder is not None
    subprocess.run([str(folder / program), *words], check=True, capture_output=True, timeout=600)


def test_a_backup_taken_under_load_is_whole_and_what_came_after_it_is_named(
    on_postgres: Town, postgres_server: Cluster, hooks: Receivers, tmp_path: Path
) -> None:
    file = str(tmp_path / "backup")
    with running(on_postgres, hooks, tmp_path) as run:
        run.more(size(20, 1_000), seconds=600)
        before = {one.id for one in run.accepted}
        client("pg_dump", "--format=custom", f"--file={file}", on_postgres.database_url)
        run.more(20)
        run.finish()
        everything = run.load.sent
    name = f"restored_{secrets.token_hex(4)}"
    postgres_server.run(f"CREATE DATABASE {name}")
    restored = on_postgres.on(postgres_server.url(name))
    client("pg_restore", "--exit-on-error", f"--dbname={restored.database_url}", file)
    with opened(restored) as store:
        held = store.read(lambda session: set(session.scalars(sa.select(col(Notification.message_id)))))
    accepted = {one.id for one in everything if one.accepted is not None}
    assert before <= held
    gaps = sorted(accepted - held)
    assert gaps  # what was accepted after the backup is not in it, and is known by name
    # What had no number yet when the backup was taken is given one anew: numbers pushed before it are not compared.
    before_it = [replace(one, sequence=None) for one in hooks.received()]
    with kept([Worker(restored.settings(), tmp_path / "restored.log")]):
        sent = [one for one in everything if one.id in held]
        evidence = Evidence(sent=sent, received=lambda: [*before_it, *hooks.received()[len(before_it) :]])
        figures = check(restored, evidence)
    record("K13", "restore", figures, accepted_after_the_backup=len(gaps))
