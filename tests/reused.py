"""PostgreSQL databases that tests get one after the other: each time as the original, by another name.

To drop one, the server brings what all of them have written to its disk; to empty one takes a twentieth of that.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from psycopg import Connection

from deploy.dev import postgres

OURS: Final = 16_384  # ids below it are PostgreSQL's own
MOST_PAGES: Final = 200
"""Of a table: what was deleted still takes room until the database is dropped."""
_CLEARED_WITHIN: Final = 20_000  # milliseconds until those who are still connected are gone

_SHAPE: Final = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT (relname, relnamespace, relowner, relkind, relpersistence, relacl, reloptions, relrowsecurity, relforcerowsecurity)::text
        FROM pg_class WHERE oid >= {ours}
    UNION ALL SELECT row::text FROM pg_attribute row WHERE attrelid >= {ours}
    UNION ALL SELECT row::text FROM pg_attrdef row
    UNION ALL SELECT row::text FROM pg_constraint row WHERE oid >= {ours}
    UNION ALL SELECT row::text FROM pg_index row WHERE indexrelid >= {ours}
    UNION ALL SELECT row::text FROM pg_trigger row
    UNION ALL SELECT row::text FROM pg_policy row
    UNION ALL SELECT row::text FROM pg_proc row WHERE oid >= {ours}
    UNION ALL SELECT row::text FROM pg_type row WHERE oid >= {ours}
    UNION ALL SELECT row::text FROM pg_namespace row WHERE nspname !~ '^pg_(toast_)?temp'
    UNION ALL SELECT row::text FROM pg_default_acl row
    UNION ALL SELECT row::text FROM pg_extension row
    UNION ALL SELECT row::text FROM pg_event_trigger row
    UNION ALL SELECT row::text FROM pg_sequences row
    UNION ALL SELECT loid::text FROM pg_largeobject row
    UNION ALL SELECT setting::text FROM pg_db_role_setting setting, pg_database here
        WHERE datname = current_database() AND setdatabase = here.oid
    UNION ALL SELECT (datdba, datacl, datallowconn, datconnlimit)::text FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT (starelid, staattnum)::text FROM pg_statistic WHERE starelid >= {ours}
) AS lines (line)
"""
"""What a database is apart from its rows: its tables, rules, rights and settings, and what the planner has counted."""
_WRITTEN: Final = """
SELECT oid::regclass::text, pg_relation_size(oid) / current_setting('block_size')::int
    FROM pg_class WHERE relkind = 'r' AND oid >= {ours} AND pg_relation_size(oid) > 0
"""
_CLEAR: Final = """
SELECT pg_terminate_backend(pid, {milliseconds}) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def may_reuse(server: str) -> bool:
    """Whether we may write past triggers and foreign keys there, and end other connections."""
    with psycopg.connect(server) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return row == (True,)


class Copies:
    """Copies of one database: those that nobody uses are kept for who comes next."""

    def __init__(self, server: str, original: str) -> None:
        """`original`: the name of a database that nobody is connected to, as long as this is used."""
        self._server = server
        self._original = original
        self._free: list[str] = []
        self._shape = ""
        self._rows: dict[str, bytes] = {}

    @contextmanager
    def one(self) -> Iterator[str]:
        """One for as long as the block runs; gives its address."""
        name = self._free.pop() if self._free else self._copied()
        try:
            yield postgres.address(self._server, name)
        finally:
            if self._restored(name):
                self._free.append(postgres.rename(self._server, name))
            else:
                postgres.drop(self._server, name)

    def drop(self) -> None:
        """Those that nobody uses are gone."""
        while self._free:
            postgres.drop(self._server, self._free.pop())

    def _copied(self) -> str:
        name = postgres.create(self._server, self._original)
        if not self._shape:
            with psycopg.connect(postgres.address(self._server, name)) as connection:
                self._shape = _shape(connection)
                self._rows = {table: _read(connection, table) for table in _written(connection)}
        return name

    def _restored(self, name: str) -> bool:
        """Whether a database is as it was made again: its rows are put back, what else was changed is not."""
        with suppress(psycopg.OperationalError), psycopg.connect(postgres.address(self._server, name)) as connection:
            connection.execute(_CLEAR.format(milliseconds=_CLEARED_WITHIN).encode())
            written = _written(connection)
            if _shape(connection) != self._shape or max(written.values(), default=0) > MOST_PAGES:
                return False
            connection.execute("SET session_replication_role = replica")  # no trigger and no foreign key minds
            for table in written:
                connection.execute(f"DELETE FROM {table}".encode())
            for table, rows in self._rows.items():
                with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode()) as copy:
                    copy.write(rows)
            return True
        return False


def _shape(connection: Connection) -> str:
    [row] = connection.execute(_SHAPE.format(ours=OURS).encode())
    return str(row[0])


def _written(connection: Connection) -> dict[str, int]:
    """Tables that have or had rows, with the pages each takes."""
    return dict(connection.execute(_WRITTEN.format(ours=OURS).encode()).fetchall())


def _read(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as copy:
        return b"".join(bytes(block) for block in copy)
