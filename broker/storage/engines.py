"""Engines for SQLite and PostgreSQL: durable or refused, and on PostgreSQL no wait without an end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from broker.storage import durability

if TYPE_CHECKING:
    from broker.storage.bounded import BoundedConnection

AT_ONCE: Final = 32
"""Connections of one process to PostgreSQL, half of them kept while nobody needs them."""

CONNECT_SECONDS: Final = 2
"""Longest wait for a connection; libpq knows no shorter one."""


_BY_INDEX: Final = {"enable_seqscan": "off", "random_page_cost": "1.1", "jit": "off"}
"""No table is read whole where an index answers; an index is on a disk without a head; nothing is compiled for what seems dear and is not."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long PostgreSQL may take. The server itself gives up first, because only it can say why."""

    answer_seconds: float = 600.0
    """Longest wait without a word of the answer to a statement: behind it the connection is given up, whatever its server is doing."""
    idle_seconds: float = 0.0
    """How long a transaction may do nothing before the server ends it, so that a frozen process keeps no locks; 0: for ever."""
    by_index: bool = False
    """Whether what is asked finds few rows of many. Of tables that work passes through statistics are wrong within a minute, and a plan that was made
    while everything waited would read them whole for as long as its connection lives."""

    def settings(self) -> Mapping[str, str]:
        """The server's side of it, in milliseconds, with what lets it notice a caller who has gone."""
        return {
            "statement_timeout": f"{850 * self.answer_seconds:.0f}",
            "lock_timeout": f"{700 * self.answer_seconds:.0f}",
            "idle_in_transaction_session_timeout": f"{1000 * self.idle_seconds:.0f}",
            "client_connection_check_interval": "5000",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "tcp_user_timeout": "20000",
            **(_BY_INDEX if self.by_index else {}),
        }


COMMANDS: Final = Patience()
"""For commands that a person started and may stop."""

SERVING: Final = Patience(by_index=True)
"""What serves and works plans so; for measuring and testing what it asks, without its limits."""

_CLIENT: Final = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
    # With several hosts in the address: the one that takes writes. With one: never a standby.
    "target_session_attrs": "read-write",
}
"""libpq's parameters, unless the address has them."""


def sqlite(path: str) -> Engine:
    """An engine for a file, made with its folder, or for `:memory:`."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # A database in memory is its connection's: the writer's thread must have the same one as everybody.
    shared = StaticPool if path == ":memory:" else None
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": 10, "isolation_level": None},
        poolclass=shared,
        **_JSON,
    )
    event.listen(engine, "connect", _or_closed(durability.sqlite))
    return engine


def postgres(url: URL, patience: Patience, **pool: Any) -> Engine:  # noqa: ANN401 - options of SQLAlchemy's pool
    """An engine for a PostgreSQL address. Nothing is asked before a connection is used: what was lost meanwhile shows then."""
    from broker.storage.bounded import (
        BoundedConnection,
    )  # the driver takes a twentieth of a second, and SQLite needs none

    ours = {name: value for name, value in _CLIENT.items() if name not in url.query}
    engine = create_engine(url.set(drivername="postgresql+psycopg"), connect_args=ours, **pool, **_JSON)

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Dialect, _record: ConnectionPoolEntry, args: Any, named: Any) -> "BoundedConnection":  # noqa: ANN401 - libpq's parameters
        connection = BoundedConnection.connect(*args, **named)
        connection.answer_seconds = patience.answer_seconds
        return connection

    event.listen(engine, "connect", _or_closed(lambda connection: durability.postgres(connection, patience.settings())))
    return engine


def pooled(url: URL, patience: Patience) -> Engine:
    """An engine for many threads."""
    return postgres(url, patience, pool_size=AT_ONCE // 2, max_overflow=AT_ONCE // 2, pool_timeout=CONNECT_SECONDS)


def unhurried(engine: Engine) -> Engine:
    """An engine for the same database on which a statement may take its time (migrations); dispose of it afterwards."""
    return postgres(engine.url, COMMANDS, poolclass=NullPool)


def parameters(engine: Engine) -> Mapping[str, Any]:
    """How libpq is told to connect to the same server, for connections beside the pool."""
    _, named = engine.dialect.create_connect_args(engine.url)
    return _CLIENT | {name: value for name, value in named.items() if name != "context"}


def _or_closed(check: Callable[[Any], None]) -> Callable[[Any, ConnectionPoolEntry], None]:
    """A listener for new connections that closes one which is refused."""

    def checked(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's connection
        try:
            check(connection)
        except BaseException:
            connection.close()
            raise

    return checked


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_JSON: Mapping[str, Any] = {"json_serializer": _json, "json_deserializer": orjson.loads}
