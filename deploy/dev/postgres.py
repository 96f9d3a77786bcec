"""PostgreSQL for tests: found where one listens, else a cluster of our own on another port."""

import getpass
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.dev import machine
from deploy.dev.machine import CannotProvide

SETTING = "BATON_TEST_POSTGRES_URL"
PORT = 5432
OWN_PORT = 15432  # apart from 5432, and from 5433 where Debian puts a second cluster
OWN_URL = f"postgresql://postgres@127.0.0.1:{OWN_PORT}/postgres"
CONTAINER = "baton-dev-postgres"
IMAGE = "postgres:15-alpine"
START_UP = 60.0  # seconds a new server may take until it lets us in


def find() -> str | None:
    """The address of a server that lets us in and lets us create databases, or None. Changes nothing."""
    if named := os.environ.get(SETTING):
        return named if _may_create_databases(named) else None
    return next((url for url in _candidates() if _may_create_databases(url)), None)


def _candidates() -> list[str]:
    """The ways development servers let somebody in, likeliest first: trust, the image's usual password, one's own name."""
    host = f"127.0.0.1:{PORT}/postgres"
    users = ("postgres", "postgres:postgres", getpass.getuser())
    return [*(f"postgresql://{user}@{host}" for user in users), OWN_URL]


def _may_create_databases(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and bool(row[0])


@contextmanager
def database(server: str, template: str | None = None) -> Iterator[str]:
    """A database of the caller's own, empty or copied from `template`, for as long as the block runs; gives its address.

    A template that is connected to cannot be copied: dispose of its engine first.
    """
    name = create(server, template)
    try:
        yield address(server, name)
    finally:
        drop(server, name)


def address(server: str, name: str) -> str:
    """That of a database of a server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def create(server: str, template: str | None = None) -> str:
    """Make a database as `database` says; gives its name, which nobody has had before."""
    name = _new_name()
    make = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        make += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    _on(server, make)
    return name


def drop(server: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    _on(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def rename(server: str, name: str) -> str:
    """Give a database that nobody is connected to a name that nobody has had before."""
    new = _new_name()
    _on(server, sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))
    return new


def _new_name() -> str:
    return f"baton_test_{secrets.token_hex(6)}"


def _on(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def start() -> str:
    """Start a server of our own and give its address: a cluster where PostgreSQL is or can be installed, else a container.

    Raises:
        CannotProvide: neither is possible here.
    """
    if programs() is None and machine.can_install():
        machine.install("postgresql")
    if (folder := programs()) is not None:
        _start_cluster(folder)
    else:
        machine.start_container(CONTAINER, IMAGE, ports={OWN_PORT: PORT}, env={"POSTGRES_HOST_AUTH_METHOD": "trust"})
    return _once_it_answers()


def stop() -> None:
    """Stop the server that `start` started; a found one is not ours to stop."""
    data = machine.state_folder("postgres", user=owner()) / "data"
    folder = programs()
    if folder is not None and (data / "postmaster.pid").exists():
        machine.run([str(folder / "pg_ctl"), "--pgdata", str(data), "--mode=fast", "stop"], user=owner())
    machine.stop_container(CONTAINER)


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest version first; Debian keeps them off PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def owner() -> str | None:
    """Whom its programs run as, None for ourselves: PostgreSQL refuses to run as root; Debian's package brings the user for it."""
    return "postgres" if machine.is_root() and programs() is not None else None


def _start_cluster(installed: Path) -> None:
    folder = machine.state_folder("postgres", user=owner())
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        initdb = [str(installed / "initdb"), "--pgdata", str(data), "--username=postgres", "--auth=trust"]
        machine.run([*initdb, "--encoding=UTF8", "--locale=C"], user=owner())
    options = f"-p {OWN_PORT} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    pg_ctl = [str(installed / "pg_ctl"), "--pgdata", str(data), "--log", str(folder / "log"), "--options", options]
    machine.run([*pg_ctl, "--wait", "start"], user=owner())


def _once_it_answers() -> str:
    give_up = time.monotonic() + START_UP
    while time.monotonic() < give_up:
        if _may_create_databases(OWN_URL):
            return OWN_URL
        time.sleep(0.2)
    raise CannotProvide(f"PostgreSQL was started on port {OWN_PORT} and did not answer within {START_UP:.0f} s")
