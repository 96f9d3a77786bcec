"""A three-node RabbitMQ cluster of the tests' own on loopback, whose nodes can be killed, frozen, cut off from each other and started again.

Each node has an address of its own in 127.0.0.0/8, so that packets between two of them can be dropped and nobody else's are. Names, ports,
cookie, folders and even the port mapper (epmd) are the cluster's own: a RabbitMQ that the machine runs is neither seen nor disturbed.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError

from deploy.dev import machine

NODES = 3
START_UP = 240.0  # seconds until a node must let us in; all three take some 10 s on two processors, one under load on a slow machine more than 90
NODE_PORT = 35_672  # AMQP; each node has its own address, so the port can be the same
DISTRIBUTION_PORTS = range(20_000, 30_000)
"""Between nodes: below what the system gives to clients. A node looks for a taken one whatever its address, so each has its own."""
CONTROL = 60.0  # seconds one rabbitmqctl may take
SETTLED = 8.0
"""Seconds after which a new quorum queue is known on the nodes' disks. RabbitMQ 3.10 notes it there only every few seconds: all nodes killed
before that come back with a queue of which nobody is the leader, for good, and what it had confirmed is gone (seen four times of four)."""
TICK = 4  # seconds after which a node that says nothing is taken for gone (RabbitMQ's default of 60 suits a test less)

CONFIGURATION = """\
listeners.tcp.default = {address}:{port}
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.file.level = warning
loopback_users.guest = false
"""
CLUSTERED = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {nodes[0]}
cluster_formation.classic_config.nodes.2 = {nodes[1]}
cluster_formation.classic_config.nodes.3 = {nodes[2]}
cluster_formation.discovery_retry_interval = 500
cluster_formation.randomized_startup_delay_range.min = 0
cluster_formation.randomized_startup_delay_range.max = 1
cluster_partition_handling = pause_minority
net_ticktime = {tick}
"""


def programs() -> Path:
    """The folder of the real programs; the test skips where RabbitMQ is not installed."""
    debian = Path("/usr/lib/rabbitmq/bin")
    if debian.exists():
        return debian
    on_path = shutil.which("rabbitmq-server")
    if on_path is None or shutil.which("epmd") is None:
        pytest.skip("no RabbitMQ is installed here from which a cluster could be started")
    return Path(on_path).parent


class Node:
    """One node: a process of ours, or none while it is down."""

    def __init__(self, name: str, address: str, folder: Path, environment: dict[str, str]) -> None:
        """Nothing is started yet."""
        self.name = name
        self.address = address
        self.folder = folder
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its AMQP address."""
        return f"amqp://guest:guest@{self.address}:{NODE_PORT}/"

    def start(self) -> None:
        """Start the process; see `Cluster.wait` for when it lets us in."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [str(programs() / "rabbitmq-server")],
                env=self._environment | {"RUNNING_UNDER_SYSTEMD": "true"},  # the process is the node itself, no shell
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(which)

    def control(self, *command: str, program: str = "rabbitmqctl") -> str:
        """What one `rabbitmqctl` (or `rabbitmq-queues` …) says; `CalledProcessError` when it refuses."""
        done = subprocess.run(
            [str(programs() / program), *command],
            env=self._environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=CONTROL,
        )
        return done.stdout

    def started(self) -> bool:
        """Whether it was started, and not killed since."""
        return self._process is not None

    def ended(self) -> bool:
        """Whether it was started and ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def lets_us_in(self) -> bool:
        """Whether a client can connect and open a channel."""

        async def connect() -> None:
            async with asyncio.timeout(5), await aio_pika.connect(self.url, timeout=3) as connection:
                await connection.channel()

        if not machine.listens(NODE_PORT, self.address):
            return False
        try:
            asyncio.run(connect())
        except (AMQPError, OSError, TimeoutError):
            return False
        return True

    def said(self) -> str:
        """The end of its output and logs, for an error."""
        texts = [path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.rglob("*")) if _is_log(path)]
        return "\n".join(texts)


def _is_log(path: Path) -> bool:
    return path.is_file() and (path.name == "output" or path.suffix == ".log")


class Cluster:
    """Three nodes that know each other."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Started by `cluster`."""
        self.nodes = nodes
        self._dropped: list[list[str]] = []

    @property
    def urls(self) -> list[str]:
        """The AMQP address of each node."""
        return [node.url for node in self.nodes]

    def virtual_host(self) -> list[str]:
        """The addresses of a new virtual host, empty and not yet known to anybody."""
        name = f"faults-{secrets.token_hex(4)}"
        self.nodes[0].control("add_vhost", name)
        self.nodes[0].control("set_permissions", "--vhost", name, "guest", ".*", ".*", ".*")
        return [f"{url}{name}" for url in self.urls]

    def start(self, *nodes: Node) -> None:
        """Start these (all, unless some are named) at once, and wait until each lets us in."""
        for node in nodes or self.nodes:
            node.start()
        self.wait(*nodes)

    def mend(self) -> None:
        """Whole again, whatever was done to it."""
        self.join_up()
        self.thaw()
        for node in self.nodes:
            if node.ended() or not node.started():
                node.start()
        self.wait()
        self.wait_until(lambda: len(self.running()) == NODES, "the nodes do not find each other again")

    def wait_until(self, holds: Callable[[], bool], otherwise: str) -> None:
        """Until something is so that the nodes come to by themselves."""
        give_up = time.monotonic() + START_UP
        while not holds():
            if time.monotonic() > give_up:
                raise AssertionError(otherwise)
            time.sleep(0.2)

    def wait(self, *nodes: Node) -> None:
        """Until each of these (all, unless some are named) lets us in."""
        give_up = time.monotonic() + START_UP
        for node in nodes or self.nodes:
            while not node.lets_us_in():
                if node.ended() or time.monotonic() > give_up:
                    raise AssertionError(f"{node.name} did not start: {node.said()}")
                time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL all nodes at once."""
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(Node.kill, self.nodes))

    def freeze(self) -> None:
        """SIGSTOP all nodes."""
        for node in self.nodes:
            node.freeze()

    def thaw(self) -> None:
        """SIGCONT all nodes."""
        for node in self.nodes:
            node.thaw()

    def cut_off(self, node: Node) -> None:
        """Drop every packet between this node and the others, both ways; clients still reach all of them. Skips where that is not allowed."""
        for other in self.nodes:
            if other is not node:
                for source, destination in ((node, other), (other, node)):
                    self._drop(["--source", source.address, "--destination", destination.address])

    def join_up(self) -> None:
        """Let packets through again."""
        while self._dropped:
            _iptables("--delete", self._dropped.pop())

    def _drop(self, packets: list[str]) -> None:
        if os.geteuid() != 0 or shutil.which("iptables") is None:
            pytest.skip("dropping packets takes root and iptables")
        _iptables("--insert", packets)
        self._dropped.append(packets)

    def running(self) -> set[str]:
        """Names of the nodes that the first one that answers counts as running."""
        for node in self.nodes:
            with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
                asked = 'lists:foreach(fun(N) -> io:format("~s~n", [N]) end, rabbit_nodes:all_running()).'
                return {line.strip() for line in node.control("eval", asked).splitlines() if "@" in line}
        return set()


def _iptables(action: str, packets: list[str]) -> None:
    subprocess.run(
        ["iptables", "--wait", action, "INPUT", "--in-interface", "lo", *packets, "--jump", "DROP"],
        check=True,
        capture_output=True,
        timeout=10,
    )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster, gone with everything it kept when the block is left."""
    with _nodes(NODES, CONFIGURATION + CLUSTERED) as nodes:
        made = Cluster(nodes)
        try:
            made.start()
            yield made
        finally:
            made.join_up()


@contextmanager
def single(
    configuration: str = "", plugins: Sequence[str] = (), before: Callable[[str], object] = lambda _: None
) -> Iterator[Node]:
    """One running node, gone like a cluster.

    Args:
        configuration: more of it; `{address}` stands for the node's address.
        plugins: what is enabled.
        before: called with the node's address before it starts.
    """
    with _nodes(1, CONFIGURATION + configuration, plugins) as nodes:
        before(nodes[0].address)
        Cluster(nodes).start()
        yield nodes[0]


@contextmanager
def _nodes(count: int, configuration: str, plugins: Sequence[str] = ()) -> Iterator[list[Node]]:
    """Nodes to be started, killed in the end."""
    net = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
    addresses = [f"{net}.{number}" for number in range(1, count + 1)]
    folder = Path(tempfile.mkdtemp(prefix="baton-rabbit-"))
    mapper_port = _free_port(addresses[0])
    mapper = _port_mapper(mapper_port, addresses)
    names = [f"n{number}@{address}" for number, address in enumerate(addresses, start=1)]
    (folder / ".erlang.cookie").write_text(secrets.token_hex(16))
    (folder / ".erlang.cookie").chmod(0o400)
    nodes = []
    for name, address in zip(names, addresses, strict=True):
        said = configuration.format(address=address, port=NODE_PORT, nodes=names, tick=TICK)
        nodes.append(_node(name, address, folder, said, plugins, mapper_port))
    try:
        yield nodes
    finally:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(Node.kill, nodes))
        mapper.kill()
        mapper.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _node(name: str, address: str, folder: Path, configuration: str, plugins: Sequence[str], mapper_port: int) -> Node:
    own = folder / name.partition("@")[0]
    own.mkdir()
    (own / "rabbitmq.conf").write_text(configuration)
    (own / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
    octets = "{" + address.replace(".", ",") + "}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
    environment |= {
        "HOME": str(folder),  # the cookie lies here
        "RABBITMQ_CONF_ENV_FILE": str(own / "no-such-file"),  # nothing of /etc/rabbitmq applies
        "RABBITMQ_CONFIG_FILE": str(own / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(own / "enabled_plugins"),
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_NODENAME": name,
        "RABBITMQ_NODE_IP_ADDRESS": address,
        "RABBITMQ_NODE_PORT": str(NODE_PORT),
        "RABBITMQ_DIST_PORT": str(_distribution_port()),
        "RABBITMQ_MNESIA_BASE": str(own / "data"),
        "RABBITMQ_LOG_BASE": str(own / "log"),
        # Both ends of what nodes say to each other have the nodes' own addresses, so that it can be told apart and dropped.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {octets}"
        f" -kernel inet_dist_connect_options [{{ip,{octets}}}] +S 1:1",
        "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": address,
    }
    return Node(name, address, own, environment)


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _distribution_port() -> int:
    while True:
        port = secrets.choice(DISTRIBUTION_PORTS)
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def _port_mapper(port: int, addresses: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Erlang's epmd in the foreground, so that it ends with us."""
    programs()
    return subprocess.Popen(
        ["epmd", "-port", str(port), "-address", ",".join(addresses)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
