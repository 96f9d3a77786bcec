"""A worker that runs alone shows its figures on the loopback: those of its own process, and what watchdog and clock came to."""

from datetime import timedelta
from urllib.request import urlopen

import pytest

from broker.bus.embedded import EmbeddedBus
from broker.cli import worker_metrics
from broker.errors import Misconfigured
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage.store import Store
from broker.workflow import watchdog
from tests.conftest import Clock
from tests.default_policy import default_policy
from tests.integration.task_rows import context, ready


@pytest.fixture
def runtime(store: Store, clock: Clock) -> Runtime:
    ready(store)
    return Runtime(Settings(), store, default_policy(), EmbeddedBus(), clock)


def figures(port: int | None) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_it_shows_what_the_watchdog_came_to_and_what_the_process_counted(runtime, clock):
    store = runtime.store
    store.write(lambda session: watchdog.watch(session, context(session, store.codec), clock()))
    clock.forward(seconds=90)
    with worker_metrics.shown(runtime, 0) as port:
        shown = figures(port)
    assert f"baton_watchdog_age_seconds {timedelta(seconds=90).total_seconds()}" in shown
    assert 'baton_watchdog_found{check="task-late"} 0.0' in shown
    assert "process_cpu_seconds_total" in shown


def test_without_the_database_it_still_shows_what_the_process_counted(runtime):
    runtime.store.close()
    with worker_metrics.shown(runtime, 0) as port:
        shown = figures(port)
    assert "process_cpu_seconds_total" in shown


def test_without_a_port_there_is_nothing_to_ask(runtime):
    with worker_metrics.shown(runtime, None) as port:
        assert port is None


def test_a_port_that_is_taken_is_said_before_anything_is_delivered(runtime):
    taken = worker_metrics.shown
    with taken(runtime, 0) as port, pytest.raises(Misconfigured, match="is taken"), taken(runtime, port):
        pass
