"""Bring a database to the newest schema, and say whether it is there; the steps live in `migrations/versions`."""

import random
from pathlib import Path
from time import monotonic, sleep

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from broker.errors import Away, BatonError
from broker.storage import engines, runtime_role, second_lock, steps
from broker.storage.outage import is_lost
from broker.storage.tables import metadata

_HERE = Path(__file__).parent / "migrations"
_LOCK = 42_140_115  # one number for all processes of all deployments: two must not migrate one database at once

LOCK_SECONDS = 2
"""Whoever asks for a lock holds up everybody who asks after it: callers wait longer than this for an answer anyway."""
STATEMENT_SECONDS = 300
"""What takes longer is no step of a running system: an index is built beside it (`migrations.online`), data moves in parts."""
TURN_SECONDS = 3600
"""How long another process may work at it: an index on a table of years takes minutes."""
TRIES = 20
"""Some 80 s in all."""

_IN_USE = {"55P03", "40P01"}
"""Lock not available in time, deadlock."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> None:
    """Apply every step that is missing, each in a transaction of its own; none to a database that newer code has migrated.

    Several processes may call it at once on PostgreSQL: one works, the others wait and find it done. A step that does not
    get its lock in `LOCK_SECONDS` lets everybody pass whom it held up, and tries again.

    Raises:
        Away: the database does not answer.
        BatonError: a table was in use for all of `TRIES`; what is done already stays.
    """
    if engine.dialect.name != "postgresql":
        with engine.connect() as connection:
            _upgrade(connection)
        return
    unhurried = engines.unhurried(engine)
    for attempt in range(TRIES):
        try:
            with unhurried.connect() as connection:
                _upgrade_postgres(connection)
        except OperationalError as error:
            if is_lost(error):
                raise Away from error
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
            sleep((0.5 + random.random()) * min(attempt + 1, 5))  # noqa: S311 - jitter, not a secret
        else:
            return
    raise BatonError("A table is in use all the time: end long transactions in the database, then run `baton migrate`.")


def _upgrade_postgres(connection: Connection) -> None:
    """In sessions, not transactions, because the steps have their own; all of it ends with the connection."""
    _take_turn(connection)
    connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_SECONDS}s'"))
    connection.commit()
    _upgrade(connection)
    if steps.is_enough(MigrationContext.configure(connection).get_current_revision()):
        connection.commit()
        second_lock.install(connection)
        runtime_role.install(connection)


def _take_turn(connection: Connection) -> None:
    """Asked for again and again: who waits inside of a statement is waited for by an index that is built concurrently."""
    give_up = monotonic() + TURN_SECONDS
    while not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar():
        connection.rollback()
        if monotonic() > give_up:
            raise BatonError(
                "Another process has been migrating this database for an hour: see whether it still works."
            )
        sleep(0.1)
    connection.commit()


def _upgrade(connection: Connection) -> None:
    at = MigrationContext.configure(connection).get_current_revision()
    connection.commit()  # a step finds no transaction that it has not begun
    if not steps.is_enough(at):
        command.upgrade(_config(connection), "head")
        connection.commit()


def head() -> str | None:
    """The newest step's name."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(engine: Engine) -> str | None:
    """The step the database is at; None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def drift(engine: Engine) -> list[str]:
    """What the tables say and the migrated database does not, or the other way round; empty when they agree."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, metadata)]


def new_step(engine: Engine, message: str) -> None:
    """Write the next step from the difference between the tables and this database (a developer's tool)."""
    with engine.connect() as connection:
        command.revision(_config(connection), message=message, autogenerate=True, rev_id=_next_id())


def _next_id() -> str:
    newest = head()
    return f"{int(newest.split('_')[0]) + 1:04d}" if newest else "0001"
