"""The worker: claims what is due, pushes it to teams side by side, records what came of it, and does the clock's work; every step lives in `workflow`."""

from broker.worker.limits import Limits
from broker.worker.loop import Worker

__all__ = ["Limits", "Worker"]
