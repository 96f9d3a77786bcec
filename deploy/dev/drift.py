"""Whether the migrations make the tables that the code declares: on a fresh SQLite, and on PostgreSQL where one answers.

And whether they make what a database that is not migrated begins with (`broker.storage.fresh`), and the list of bank holidays is
what the library has them to be; `--write` writes those files anew.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from holidays import country_holidays
from sqlalchemy import create_engine, make_url

from broker.domain.terms import Nation
from broker.storage import bank_holidays, fresh, migrate
from deploy.dev import postgres


def main() -> int:
    """Print what differs, one line each; the answer is the exit code."""
    differences = [f"{name}: {difference}" for name, url in _fresh_databases() for difference in _drift(url)]
    for line in differences:
        print(line)
    if differences:
        print("drift: the tables and the migrations disagree; write a migration, or mend the tables.")
    write = "--write" in sys.argv[1:]
    behind = [file.name for file, made in _made() if _is_behind(file, made, write=write)]
    for name in behind:
        print(f"drift: {name} is not what it is made of; run `python -m deploy.dev.drift --write`.")
    return 1 if differences or behind else 0


def _is_behind(file: Path, made: str, *, write: bool) -> bool:
    """Whether a file has to be written anew, and still has to be."""
    if write:
        file.write_text(made, encoding="utf-8")
    return not file.exists() or file.read_text(encoding="utf-8") != made


def _made() -> Iterator[tuple[Path, str]]:
    """Each file that is made of something else, and what it has to be."""
    yield fresh.SCRIPT, _newest_schema()
    yield bank_holidays.LIST, _bank_holidays()


def _newest_schema() -> str:
    with tempfile.TemporaryDirectory(prefix="baton-drift-") as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'fresh.db'}")
        migrate.upgrade(engine)
        made = fresh.script(engine)
        engine.dispose()
    return made


_SUBDIVISIONS = {Nation.ENGLAND: "ENG", Nation.WALES: "WLS", Nation.SCOTLAND: "SCT", Nation.NORTHERN_IRELAND: "NIR"}


def _bank_holidays() -> str:
    kept: dict[date, list[str]] = {}
    for nation in Nation:
        for day in country_holidays("GB", subdiv=_SUBDIVISIONS[nation], years=bank_holidays.YEARS):
            kept.setdefault(day, []).append(nation.value)
    return "".join(f"{day} {' '.join(nations)}\n" for day, nations in sorted(kept.items()))


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
