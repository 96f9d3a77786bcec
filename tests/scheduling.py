"""Which tests of a parallel run are never run at the same time: those that take the machine, or share servers that they break."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = {
    "tests/faults/": "faults",  # they share servers, and each wants the machine
    "tests/integration/test_database_loss": "faults",  # they count seconds until somebody notices
    "tests/integration/test_postgres_bus": "faults",
    "tests/integration/test_rabbit_": "faults",
    "tests/integration/test_worker_amqp": "faults",
    "tests/contract/test_channels_amqp": "faults",  # it starts a RabbitMQ of its own
    "tests/browser/": "browser",  # they share a demonstration and a browser
    "tests/integration/test_bench_": "bench",  # they count what databases are left, and take the machine
}
"""Beginning of a test's id → the group that one process runs from first to last."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Every other test goes to whichever process is free."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for start, group in TOGETHER.items() if nodeid.startswith(start)), nodeid)
