"""Listens for HL7 v2: a message is answered when it is on disk, accepted or in quarantine; while it cannot be kept it is not answered at all.

No answer is the one thing that every sender takes for a reason to send again. AE and AR are not: many engines drop
what was answered with either, or stop behind it until a person comes.
"""

import asyncio
import ssl
from typing import Final

from adapters.hl7v2 import acknowledgement, answer_code
from adapters.wires.mllp import Listener, NotNow, server_tls
from broker import log
from broker.errors import Misconfigured
from broker.gateway.pulse import EVERY_SECONDS, Pulse
from broker.gateway.taking import REFUSED, Came, Taken, Taking
from broker.gateway_file import Mllp
from broker.runtime import Runtime
from broker.worker.guard import guarded

WAY: Final = "mllp"
MEDIA_TYPE: Final = "x-application/hl7-v2+er7"

_log = log.get("broker.gateway")


class MllpGateway:
    """One listener."""

    def __init__(self, runtime: Runtime, entry: Mllp) -> None:
        """Misconfigured when its certificate cannot be used."""
        self._runtime = runtime
        self._entry = entry
        self._taking = Taking(runtime, entry, WAY)
        self._pulse = Pulse(runtime, entry.name)
        self.listener = Listener(
            self._answer,
            self._refuse,
            host=entry.host,
            port=entry.port,
            tls=_tls(entry),
            most_bytes=entry.max_bytes,
            idle_seconds=entry.idle_seconds,
            connections=entry.connections,
        )

    async def run(self) -> None:
        """Listen until cancelled. OSError when the address is not to be had."""
        async with self.listener:
            _log.info("listening", gateway=self._entry.name, port=self.listener.port)
            while True:
                await guarded("pulse", asyncio.to_thread(self._pulse.worked), gateway=self._entry.name)
                await asyncio.sleep(EVERY_SECONDS)

    async def _answer(self, message: bytes) -> bytes | None:
        came = Came(body=message, content_type=MEDIA_TYPE, headers={})
        taking = asyncio.to_thread(self._taking.event, self._entry.adapter, came)
        taken = await guarded("mllp", taking, gateway=self._entry.name)
        if taken is None:
            raise NotNow
        return self._said(message, taken)

    def _said(self, message: bytes, taken: Taken) -> bytes | None:
        """Accept; of what is in quarantine, where the first error is and why, reject where it is of a kind that is not read here."""
        now = self._runtime.now()
        if taken.standing not in REFUSED:
            code = answer_code(message, "accept")
            return None if code is None else acknowledgement(message, code, at=now)
        problem = next(problem for problem in taken.problems if problem.severity == "error")
        code = answer_code(message, "reject" if problem.code == "not-supported" else "error")
        if code is None:
            return None
        text = f"{problem.path} {problem.reason}".strip()
        return acknowledgement(message, code, text, problem.path, at=now, issue=problem.code)

    def _refuse(self, seen: bytes, reason: str) -> bytes:
        """What is no block is not kept: nobody knows where it ends."""
        return acknowledgement(seen, "AR", f"The message {reason}.", at=self._runtime.now(), issue="structure")


def _tls(entry: Mllp) -> ssl.SSLContext | None:
    if entry.tls is None:
        return None
    try:
        return server_tls(entry.tls.cert_file, entry.tls.key_file, entry.tls.client_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"The certificate of gateway {entry.name} cannot be used: give cert_file, key_file and client_ca_file as PEM files that go together."
        ) from error
