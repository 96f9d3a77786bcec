"""`/metrics` of a worker that serves nothing else: what this process has counted, and what the watchdog and the clock came to."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from broker.errors import Away, Misconfigured
from broker.runtime import Runtime
from broker.web import watch_metrics

LOOPBACK: Final = "127.0.0.1"
"""For whoever runs on this machine: nobody is asked who they are."""


class Figures(Collector):
    """All that there is to show; without the database what this process has counted."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is read yet."""
        self._runtime = runtime

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        yield from REGISTRY.collect()
        with suppress(SQLAlchemyError, Away, Misconfigured):  # `/readyz` of `baton serve` says so
            yield from self._runtime.store.read(self._watched).collect()

    def _watched(self, session: Session) -> CollectorRegistry:
        return watch_metrics.collected(session, self._runtime.now())


@contextmanager
def shown(runtime: Runtime, port: int | None) -> Iterator[int | None]:
    """Answer on this port of the loopback meanwhile; the port, None for none. 0 is any that is free. Misconfigured where it is taken."""
    if port is None:
        yield None
        return
    registry = CollectorRegistry()
    registry.register(Figures(runtime))
    try:
        server, thread = start_http_server(port, LOOPBACK, registry)
    except OSError as error:
        raise Misconfigured(
            f"BATON_WORKER_METRICS_PORT: port {port} of {LOOPBACK} is taken; choose another."
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
