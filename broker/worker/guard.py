"""The one place of the worker where any error is caught: one poisoned message or a database away must not end the loop."""

from collections.abc import Awaitable
from typing import TypeVar

from broker import log

T = TypeVar("T")

_log = log.get("broker.worker")


async def guarded(step: str, work: Awaitable[T], **ids: str) -> T | None:
    """What the step gives; None when it failed, which is logged by its kind and place."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - the worker's loop (architecture, last trap)
        _log.error("worker step failed", step=step, error=error, **ids)
        return None
