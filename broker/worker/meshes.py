"""The MESH mailbox that a worker's teams are told from, where the file of gateways names one."""

from typing import TYPE_CHECKING

from adapters.port import PushOutcome, Unreachable
from broker import gateway_file
from broker.settings import Settings

if TYPE_CHECKING:
    from adapters.channels.mesh import MeshChannel

NO_MAILBOX = Unreachable("no-mesh-mailbox")


class Meshes:
    """MESH messages of one process."""

    def __init__(self, settings: Settings, *, timeout_seconds: float) -> None:
        """Misconfigured when the file cannot be used or a secret is missing."""
        self._channel = _channel(settings, timeout_seconds)

    @property
    def offered(self) -> bool:
        """Whether there is a mailbox to send from."""
        return self._channel is not None

    async def push(
        self, url: str, message_id: str, body: bytes, content_type: str, workflow: str | None
    ) -> PushOutcome:
        """One message."""
        if self._channel is None:
            return NO_MAILBOX
        return await self._channel.push(url, message_id, body, content_type=content_type, workflow=workflow)

    async def probe(self) -> PushOutcome:
        """Whether MESH would take one."""
        return NO_MAILBOX if self._channel is None else await self._channel.probe()

    def close(self) -> None:
        """Close connections; what is under way ends by itself."""
        if self._channel is not None:
            self._channel.close()


def _channel(settings: Settings, timeout_seconds: float) -> "MeshChannel | None":
    entry = gateway_file.load(settings.gateways).sender
    if entry is None:
        return None
    # Imported when it is used: NHS England's client takes a tenth of a second.
    from adapters.channels.mesh import MeshChannel
    from adapters.wires.mesh import Mailbox
    from broker.gateway.accounts import account

    return MeshChannel(Mailbox(account(entry, longest_seconds=timeout_seconds)), workflow=entry.send_workflow)
