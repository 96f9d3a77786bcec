"""Polls one MESH mailbox: what waits is taken by the adapter of its workflow id, and acknowledged to MESH when it is on disk.

Killed in between, the next look finds it again and it is the same message again. Several processes may look into
one mailbox: whoever comes second finds the message gone, or takes it once more and nothing else happens.
"""

import asyncio
from functools import partial

from adapters.wires.mesh import Fetched, Mailbox, MeshFailed
from broker import log
from broker.gateway.accounts import account
from broker.gateway.mesh_sent import Sent
from broker.gateway.pulse import Pulse
from broker.gateway.taking import LATER, Came, Taking
from broker.gateway_file import Mesh, via
from broker.runtime import Runtime
from broker.worker.guard import guarded
from schemas.problem import Problem

WAY = "mesh"
UNSAID = ("", "application/octet-stream", "binary/octet-stream")
"""Media types that say nothing: MESH's own when its sender gave none."""


_log = log.get("broker.gateway")


class MeshGateway:
    """One mailbox. `run` in a task; cancelling it ends it behind the message that is under way."""

    def __init__(self, runtime: Runtime, entry: Mesh) -> None:
        """Misconfigured when a secret is missing."""
        self._entry = entry
        self._mailbox = Mailbox(account(entry))
        self._taking = Taking(runtime, entry, WAY)
        self._sent = Sent(runtime, self._mailbox)
        self._pulse = Pulse(runtime, entry.name)
        self._stopping = False

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                if await guarded("mesh", asyncio.to_thread(self.look), gateway=self._entry.name) is not None:
                    await guarded("pulse", asyncio.to_thread(self._pulse.worked), gateway=self._entry.name)
                if self._entry.sends:
                    await guarded("mesh tracking", asyncio.to_thread(self.ask), gateway=self._entry.name)
                await asyncio.sleep(self._entry.poll_seconds)
        finally:
            self._stopping = True  # the thread that looks is not cancelled: it ends behind the message that it has
            self.close()

    def close(self) -> None:
        """Close what is connected."""
        self._mailbox.close()

    def look(self) -> int:
        """Take what waits, oldest first; how many were taken. MeshFailed when MESH is away."""
        self._mailbox.knock()
        return sum(self._one(message_id) for message_id in list(self._mailbox.ids()) if not self._stopping)

    def ask(self) -> None:
        """Ask MESH what became of what teams were sent from here. MeshFailed when MESH is away."""
        self._sent.ask()

    def _one(self, message_id: str) -> bool:
        """One message; what cannot be taken now stays where it is, and those behind it are not held up."""
        try:
            message = self._mailbox.fetch(message_id, most=self._entry.max_bytes)
            if message is None or not self._take(message):
                return False
            self._mailbox.acknowledge(message_id)
        except (MeshFailed, *LATER) as error:
            _log.warning("a message stays in its mailbox", gateway=self._entry.name, error=error)
            return False
        return True

    def _take(self, message: Fetched) -> bool:
        """Whether it is wholly on disk."""
        came = _came(message)
        aside = partial(self._taking.unread, came, digest=None)
        kind = self._entry.workflows.get(message.workflow)
        if message.fault == "too-long":
            # Left to MESH, which tells the sender after five days; until then `max_bytes` can be raised.
            reason = "is longer than this gateway takes (max_bytes), and stays in its MESH mailbox"
            self._taking.unread(came, Problem("", reason, "too-long"), digest=message.id)
            return False
        if message.fault:
            aside(Problem("", "says that it is compressed, and does not unpack", "structure"))
        elif message.is_report:
            if not self._sent.reported(message.headers.get("localid", "")):
                aside(Problem("Mex-LocalID", "is of no message that Baton sent, in a report of MESH", "not-found"))
        elif kind is None:
            problem = Problem("Mex-WorkflowID", "is a workflow that this mailbox has no adapter for", "not-supported")
            self._taking.unread(came, problem, via=via(message.workflow))
        else:
            self._taking.event(kind, came)
        return True


def _came(message: Fetched) -> Came:
    headers = {f"mex-{name}": value for name, value in message.headers.items()}
    return Came(body=message.body, content_type=_media_type(message), headers=headers)


def _media_type(message: Fetched) -> str:
    """As its sender says; where it says nothing, by the first byte, which tells FHIR's two forms apart."""
    said = (message.content_type or "").strip()
    if said.partition(";")[0].rstrip().lower() not in UNSAID:
        return said
    first = message.body.lstrip()[:1]
    return "application/fhir+xml" if first == b"<" else "application/fhir+json" if first == b"{" else said
