"""A RabbitMQ of one module's own, with the management interface and TLS, which the machine's need not have."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.authority import Authority
from tests.faults.rabbit_cluster import Node, single

MANAGEMENT_PORT = 35_690
TLS_PORT = 35_671

CONFIGURATION = """\
management.tcp.ip = {{address}}
management.tcp.port = {management_port}
listeners.ssl.1 = {{address}}:{tls_port}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {server}
ssl_options.keyfile = {server}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
"""


@dataclass(frozen=True)
class Own:
    """The node and its addresses."""

    node: Node
    authority: Authority

    @property
    def url(self) -> str:
        return self.node.url

    @property
    def tls_url(self) -> str:
        return f"amqps://guest:guest@{self.node.address}:{TLS_PORT}/"

    @property
    def management(self) -> str:
        return f"http://guest:guest@{self.node.address}:{MANAGEMENT_PORT}"

    def address_of(self, user: str, password: str) -> str:
        return self.url.replace("guest:guest", f"{user}:{password}")


@contextmanager
def own(folder: Path) -> Iterator[Own]:
    """Running, its management interface too."""
    authority = Authority(folder)
    server = folder / "server.pem"
    configuration = CONFIGURATION.format(
        management_port=MANAGEMENT_PORT, tls_port=TLS_PORT, ca=authority.ca, server=server
    )
    with single(configuration, ["rabbitmq_management"], lambda address: authority.issue("server", address)) as node:
        made = Own(node, authority)
        while not _answers(made.management):
            time.sleep(0.2)
        yield made


def _answers(management: str) -> bool:
    try:
        return httpx.get(f"{management}/api/whoami", trust_env=False).is_success
    except httpx.HTTPError:
        return False
