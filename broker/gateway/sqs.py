"""Polls one SQS-shaped queue: a message is deleted when it is on disk, taken or in quarantine; else it shows again by itself, by the queue's own time.

Its body is the event as the adapter reads it: HMPPS's domain events stand in an SNS envelope there, which is the adapter's to open.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from adapters.wires.sigv4 import Credentials
from adapters.wires.sqs import Queue, Received
from broker.gateway.pulse import Pulse
from broker.gateway.taking import Came, Taking
from broker.gateway_file import Sqs
from broker.runtime import Runtime
from broker.worker.guard import guarded
from schemas.problem import Problem

WAY: Final = "sqs"
MEDIA_TYPE: Final = "application/json"
AGAIN_SECONDS: Final = 5.0
"""Before the next look when one failed or something could not be taken."""


class SqsGateway:
    """One queue."""

    def __init__(self, runtime: Runtime, entry: Sqs) -> None:
        """Misconfigured when a secret is missing."""
        self._entry = entry
        self._taking = Taking(runtime, entry, WAY)
        self._pulse = Pulse(runtime, entry.name)
        credentials = _credentials(entry)
        credentials()
        self._queue = Queue(
            entry.queue_url,
            region=entry.region,
            credentials=credentials,
            clock=runtime.now,
            wait_seconds=entry.wait_seconds,
            visibility_seconds=entry.visibility_seconds,
        )

    async def run(self) -> None:
        """Look until cancelled."""
        async with self._queue:
            while True:
                all_taken = await guarded("sqs", self.look(), gateway=self._entry.name)
                if all_taken is not None:
                    await guarded("pulse", asyncio.to_thread(self._pulse.worked), gateway=self._entry.name)
                if not all_taken:
                    await asyncio.sleep(AGAIN_SECONDS)

    async def look(self) -> bool:
        """Take what waits; False when something stays in the queue. SqsFailed when it is away."""
        began = time.monotonic()
        messages = await self._queue.receive()
        all_taken = True
        for message in messages:
            # What is no longer hidden is somebody else's by now.
            ours = time.monotonic() - began < self._entry.visibility_seconds
            all_taken = ours and await self._one(message) and all_taken
        return all_taken

    async def _one(self, message: Received) -> bool:
        taken = await guarded("sqs", asyncio.to_thread(self._take, message), gateway=self._entry.name)
        if taken is None:
            return False
        await self._queue.delete(message)
        return True

    def _take(self, message: Received) -> bool:
        came = Came(body=message.body, content_type=MEDIA_TYPE, headers={})
        if len(message.body) > self._entry.max_bytes:
            self._taking.unread(came, Problem("", "is longer than this gateway takes (max_bytes)", "too-long"))
        else:
            self._taking.event(self._entry.adapter, came)
        return True


def _credentials(entry: Sqs) -> Callable[[], Credentials]:
    """Read anew each time: those that are lent for a while are replaced in their files."""

    def read() -> Credentials:
        token = entry.session_token
        return Credentials(
            access_key_id=entry.access_key_id.read(),
            secret_access_key=entry.secret_access_key.read(),
            session_token=None if token is None else token.read(),
        )

    return read
