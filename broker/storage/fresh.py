"""The newest schema in one go, for a database of SQLite that lives no longer than its process; every other is migrated step by step.

The file is what the steps make: `python -m deploy.dev.drift` says when it is not, and with `--write` writes it.
"""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from broker.storage import migrations, steps

SCRIPT: Final = Path(migrations.__file__).with_name("newest_sqlite.sql")


def build(engine: Engine) -> None:
    """Make every table, index and trigger in an empty database."""
    with engine.connect() as connection:
        _driver(connection.connection).executescript(SCRIPT.read_text(encoding="utf-8"))


def script(engine: Engine) -> str:
    """What makes an empty database the one that this one, just migrated, is; always the same for the same steps."""
    with engine.connect() as connection:
        made = _driver(connection.connection).execute("SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = [(kind, _ordered(sql) if kind == "table" else sql) for kind, sql in made]
    tables = [sql for kind, sql in found if kind == "table"]
    others = sorted(sql for kind, sql in found if kind != "table")
    newest = f"INSERT INTO alembic_version VALUES ('{steps.newest()}')"  # noqa: S608 - our own name
    return "".join(f"{sql};\n" for sql in [*tables, *others, newest])


def _ordered(table: str) -> str:
    """Its columns as they are, then its constraints by name: steps that write a table anew leave these in any order."""
    head, _, rest = table.partition("(")
    body, _, _ = rest.rpartition(")")
    parts = [part.strip() for part in body.split(", \n")]
    constraints = sorted(part for part in parts if part.startswith("CONSTRAINT "))
    columns = [part for part in parts if not part.startswith("CONSTRAINT ")]
    return f"{head}(\n\t" + ",\n\t".join(columns + constraints) + "\n)"


def _driver(connection: Any) -> sqlite3.Connection:  # noqa: ANN401 - the pool's connection
    driver: sqlite3.Connection = connection.driver_connection
    return driver
