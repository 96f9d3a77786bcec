"""Bring a database to the newest schema, and say whether it is there; the steps live in `migrations/versions`."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from broker.storage.tables import metadata

_HERE = Path(__file__).parent / "migrations"
_LOCK = 42_140_115  # one number for all processes of all deployments: two must not migrate one database at once


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> None:
    """Apply every step that is missing. Several processes may call it at once on PostgreSQL; waits for a lock at most 5 s a statement."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
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
