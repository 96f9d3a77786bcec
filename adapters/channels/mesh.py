"""Tells a team by a message in its MESH mailbox: the FHIR message itself, by our delivery's id as MESH's local id and subject.

That MESH has taken it says nothing about the team: MESH says later that the team's system has acknowledged it, or
that nobody collected it for five days. Until then it is MESH's, and is not sent again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from adapters.channels import mesh_address
from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable
from adapters.wires.mesh import Mailbox, MeshFailed

KEPT_SECONDS: Final = 7 * 86_400
"""How long MESH's word is waited for: it gives up after five days, and says so; two more for its saying to be read."""
AT_ONCE: Final = 4
"""Messages on their way to MESH; a thread each."""
MEDIA_TYPE: Final = "application/fhir+json"


class MeshChannel:
    """Sends from one mailbox of ours."""

    def __init__(self, mailbox: Mailbox, *, workflow: str) -> None:
        """`workflow`: the MESH workflow id of what is sent."""
        self._mailbox = mailbox
        self._workflow = workflow
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mesh")

    async def push(
        self, url: str, message_id: str, body: bytes, *, content_type: str = MEDIA_TYPE, workflow: str | None = None
    ) -> PushOutcome:
        """Hand one message to MESH. Never raises for what MESH does.

        Args:
            url: the team's `mesh:` address.
            message_id: its id, the same at every try, by which a repeat is known.
            body: the message as it was rendered for this team.
            content_type: of `body`.
            workflow: MESH workflow id, where it is not that of everything.

        `Unanswered(receipt_follows=True)` when MESH took it, with MESH's own id of it.
        """
        if mesh_address.problem(url) is not None:
            return Unreachable("address-not-usable")
        sending = partial(self._mailbox.send, mesh_address.mailbox(url), body, workflow=workflow or self._workflow)
        return await self._done(partial(sending, local_id=message_id, content_type=content_type))

    async def probe(self) -> PushOutcome:
        """Whether MESH lets us in: nobody is to get a test message each quarter of an hour."""
        return await self._done(self._mailbox.knock)

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._mailbox.close()

    async def _done(self, work: Callable[[], str | None]) -> PushOutcome:
        try:
            taken = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except MeshFailed as error:
            return _outcome(error)
        return (
            Taken() if taken is None else Unanswered(receipt_follows=True, within_seconds=KEPT_SECONDS, wire_id=taken)
        )


def _outcome(error: MeshFailed) -> PushOutcome:
    if error.status is not None:
        return Refused(error.status)
    return Unanswered() if error.sent else Unreachable(error.reason)
