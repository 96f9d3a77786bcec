"""Runs every gateway of the file side by side until told to stop; one that fails is begun again and holds up no other."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from broker import log
from broker.errors import Misconfigured
from broker.gateway.mesh import MeshGateway
from broker.gateway.mllp import MllpGateway
from broker.gateway.sqs import SqsGateway
from broker.gateway_file import Gateways, Mesh, Mllp, Sqs, Way
from broker.runtime import Runtime
from broker.worker.guard import guarded

AGAIN_SECONDS = 5
"""Before a gateway that failed is begun again: an address that is still in use, a mailbox that did not let us in."""

THREADS = 8
"""For what is taken at once, beside one for each gateway; the database writes fewer at a time."""

Run: TypeAlias = Callable[[], Awaitable[None]]

_log = log.get("broker.gateway")


def gateways(runtime: Runtime, file: Gateways) -> dict[str, Run]:
    """What is to be run, by name. Misconfigured when there is none, or a secret is missing."""
    if not file.gateways:
        raise Misconfigured("There is no gateway to run: BATON_GATEWAYS names a file of them (docs/gateways.md).")
    return {entry.name: _gateway(runtime, entry) for entry in file.gateways}


def _gateway(runtime: Runtime, entry: Way) -> Run:
    match entry:
        case Mesh():
            return MeshGateway(runtime, entry).run
        case Mllp():
            return MllpGateway(runtime, entry).run
        case Sqs():
            return SqsGateway(runtime, entry).run


async def run(runtime: Runtime, wanted: dict[str, Run]) -> None:
    """Until SIGTERM, SIGINT or cancellation."""
    # A mailbox that is looked through has a thread for as long, and must not keep a listener waiting for one.
    threads = ThreadPoolExecutor(THREADS + len(wanted), thread_name_prefix="gateway")
    asyncio.get_running_loop().set_default_executor(threads)
    await runtime.bus.start()
    tasks = [asyncio.create_task(_kept_up(name, work)) for name, work in wanted.items()]
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    try:
        await stopping.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runtime.bus.stop()


async def _kept_up(name: str, work: Run) -> None:
    while True:
        await guarded("gateway", work(), gateway=name)
        await asyncio.sleep(AGAIN_SECONDS)
