"""Whether the migrations make the tables that the code declares: on a fresh SQLite, and on PostgreSQL where one answers.

And whether they make what a database that is not migrated begins with (`broker.storage.fresh`); `--write` writes that file anew.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, make_url

from broker.storage import fresh, migrate
from deploy.dev import postgres


def main() -> int:
    """Print what differs, one line each; the answer is the exit code."""
    differences = [f"{name}: {difference}" for name, url in _fresh_databases() for difference in _drift(url)]
    for line in differences:
        print(line)
    if differences:
        print("drift: the tables and the migrations disagree; write a migration, or mend the tables.")
    behind = _is_behind(write="--write" in sys.argv[1:])
    if behind:
        print(f"drift: {fresh.SCRIPT.name} is not what the migrations make; run `python -m deploy.dev.drift --write`.")
    return 1 if differences or behind else 0


def _is_behind(*, write: bool) -> bool:
    """Whether the file of the newest schema has to be written anew, and still has to be."""
    with tempfile.TemporaryDirectory(prefix="baton-drift-") as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'fresh.db'}")
        migrate.upgrade(engine)
        made = fresh.script(engine)
        engine.dispose()
    if write:
        fresh.SCRIPT.write_text(made, encoding="utf-8")
    return not fresh.SCRIPT.exists() or fresh.SCRIPT.read_text(encoding="utf-8") != made


def _fresh_databases() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="baton-drift-") as folder:
        yield "SQLite", f"sqlite:///{Path(folder) / 'fresh.db'}"
    server = postgres.find()
    if server is None:
        print("drift: PostgreSQL not looked at, none answers (`make services` finds or starts one)")
        return
    with postgres.database(server) as url:
        yield "PostgreSQL", url


def _drift(url: str) -> list[str]:
    engine = create_engine(_with_our_driver(url))
    try:
        migrate.upgrade(engine)
        return migrate.drift(engine)
    finally:
        engine.dispose()


def _with_our_driver(url: str) -> str:
    parsed = make_url(url)
    driver = "postgresql+psycopg" if parsed.get_backend_name() == "postgresql" else parsed.drivername
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


if __name__ == "__main__":
    sys.exit(main())
