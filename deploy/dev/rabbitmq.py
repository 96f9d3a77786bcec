"""RabbitMQ for tests: found where one listens and gives us virtual hosts of our own, else a node of our own on another port.

The broker's queue names are fixed, so tests never share a virtual host with anybody: a server that lets us in but gives
us none is left alone, unless somebody names it.
"""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import httpx
from aio_pika.exceptions import AMQPError

from deploy.dev import machine
from deploy.dev.machine import CannotProvide

SETTING = "BATON_TEST_AMQP_URL"
PORT = 5672
OWN_PORT = 5673
OWN_NODE = "baton@localhost"
TO_MANAGEMENT = 10_000  # the management interface listens that much above the AMQP port, by RabbitMQ's own habit
TO_DISTRIBUTION = 20_000  # as above, between nodes
CONTAINER = "baton-dev-rabbitmq"
IMAGE = "rabbitmq:3-management-alpine"
START_UP = 90.0  # seconds a new node may take until it lets us in


def find() -> str | None:
    """The address of a server that lets us in and gives us virtual hosts, or None. Changes nothing."""
    if named := os.environ.get(SETTING):
        return named if _lets_us_in(named) else None
    candidates = (f"amqp://guest:guest@127.0.0.1:{port}/" for port in (PORT, OWN_PORT))
    return next((url for url in candidates if _lets_us_in(url) and _gives_virtual_hosts(url)), None)


def _lets_us_in(url: str) -> bool:
    async def connect() -> None:
        connection = await aio_pika.connect(url, timeout=5)
        await connection.close()

    if not machine.listens(urlsplit(url).port or PORT, urlsplit(url).hostname or "127.0.0.1"):
        return False
    try:
        asyncio.run(connect())
    except (AMQPError, OSError, TimeoutError):
        return False
    return True


# --- virtual hosts -------------------------------------------------------------------------------------------------


@contextmanager
def virtual_host(url: str) -> Iterator[str]:
    """An empty virtual host for as long as the block runs; gives its address.

    On a server somebody named that gives no virtual hosts, the named address itself.
    """
    if not _gives_virtual_hosts(url):
        yield url
        return
    name = f"baton-test-{secrets.token_hex(6)}"
    _make_virtual_host(url, name)
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        _drop_virtual_host(url, name)


def _gives_virtual_hosts(url: str) -> bool:
    return _has_management(url) or _has_control(url)


def _make_virtual_host(url: str, name: str) -> None:
    user = urlsplit(url).username or "guest"
    if _has_management(url):
        _ask_management(url, "PUT", f"vhosts/{name}")
        _ask_management(url, "PUT", f"permissions/{name}/{user}", {"configure": ".*", "write": ".*", "read": ".*"})
    else:
        _control(url, "add_vhost", name)
        _control(url, "set_permissions", "--vhost", name, user, ".*", ".*", ".*")


def _drop_virtual_host(url: str, name: str) -> None:
    if _has_management(url):
        _ask_management(url, "DELETE", f"vhosts/{name}")
    else:
        _control(url, "delete_vhost", name)


def _has_management(url: str) -> bool:
    try:
        _ask_management(url, "GET", "whoami")
    except (httpx.HTTPError, CannotProvide):
        return False
    return True


def _ask_management(url: str, method: str, path: str, body: dict[str, str] | None = None) -> None:
    server = urlsplit(url)
    port = (server.port or PORT) + TO_MANAGEMENT
    if not machine.listens(port, server.hostname or "127.0.0.1"):
        raise CannotProvide(f"no management interface on port {port}")
    answer = httpx.request(
        method,
        f"http://{server.hostname}:{port}/api/{path}",
        auth=(server.username or "guest", server.password or "guest"),
        json=body,
        timeout=10,
        trust_env=False,  # a proxy for the outside has no business on this machine
    )
    answer.raise_for_status()


def _has_control(url: str) -> bool:
    try:
        _control(url, "list_vhosts")
    except CannotProvide:
        return False
    return True


def _control(url: str, *command: str) -> None:
    """Run rabbitmqctl against the node behind an address of this machine.

    Raises:
        CannotProvide: the node is not on this machine, or does not obey us.
    """
    server = urlsplit(url)
    if server.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise CannotProvide("rabbitmqctl reaches only nodes of this machine")
    if server.port == OWN_PORT:
        machine.run([str(_programs() / "rabbitmqctl"), *command], user=_owner(), env=_own_settings())
    else:
        machine.run(["rabbitmqctl", *command])


# --- a node of our own ---------------------------------------------------------------------------------------------


def start() -> str:
    """Start a node of our own and give its address: where RabbitMQ is or can be installed, else in a container.

    Raises:
        CannotProvide: neither is possible here.
    """
    if not _is_installed() and machine.can_install():
        machine.install("rabbitmq-server")
        if (found := find()) is not None:  # Debian's package starts its node where there is an init system
            return found
    if _is_installed():
        machine.run([str(_programs() / "rabbitmq-server"), "-detached"], user=_owner(), env=_own_settings())
    else:
        machine.start_container(
            CONTAINER, IMAGE, ports={OWN_PORT: PORT, OWN_PORT + TO_MANAGEMENT: PORT + TO_MANAGEMENT}
        )
    return _once_it_answers()


def stop() -> None:
    """Stop the node that `start` started; a found one is not ours to stop."""
    if _is_installed() and machine.listens(OWN_PORT):
        machine.run([str(_programs() / "rabbitmqctl"), "stop"], user=_owner(), env=_own_settings())
    machine.stop_container(CONTAINER)


def _programs() -> Path:
    """The folder of the real programs; Debian's wrappers on PATH are tied to its own node."""
    debian = Path("/usr/lib/rabbitmq/bin")
    if debian.exists():
        return debian
    on_path = shutil.which("rabbitmq-server")
    if on_path is None:
        raise CannotProvide("RabbitMQ is not installed")
    return Path(on_path).parent


def _is_installed() -> bool:
    try:
        _programs()
    except CannotProvide:
        return False
    return True


def _owner() -> str | None:
    return "rabbitmq" if machine.is_root() else None


def _own_settings() -> dict[str, str]:
    """Environment of our node and of its rabbitmqctl: own name, ports, folders and cookie, open on this machine only."""
    folder = machine.state_folder("rabbitmq", user=_owner())
    return {
        "HOME": str(folder),  # the cookie that lets rabbitmqctl in lies here
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-such-file"),  # nothing of /etc/rabbitmq applies
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_NODENAME": OWN_NODE,
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(OWN_PORT),
        "RABBITMQ_DIST_PORT": str(OWN_PORT + TO_DISTRIBUTION),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }


def _once_it_answers() -> str:
    url = f"amqp://guest:guest@127.0.0.1:{OWN_PORT}/"
    give_up = time.monotonic() + START_UP
    while time.monotonic() < give_up:
        if _lets_us_in(url) and _gives_virtual_hosts(url):
            return url
        time.sleep(0.5)
    raise CannotProvide(f"RabbitMQ was started on port {OWN_PORT} and did not answer within {START_UP:.0f} s")
