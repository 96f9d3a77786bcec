"""How a parallel run is shared out: what never runs at the same time, because it takes the machine or shares servers that it breaks, and what begins first."""

from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = {
    "tests/faults/test_k04_": "rabbit",  # they share three nodes, and each wants the machine
    "tests/faults/test_k05_": "rabbit",
    "tests/faults/test_k06_rabbit": "rabbit",
    "tests/faults/test_rabbit_": "rabbit",
    "tests/integration/test_rabbit_": "rabbit",
    "tests/integration/test_worker_amqp": "rabbit",
    "tests/contract/test_channels_amqp": "rabbit",  # it starts a RabbitMQ of its own
    "tests/faults/": "faults",  # they share a PostgreSQL of their own and receivers
    "tests/integration/test_database_loss": "faults",  # they count seconds until somebody notices
    "tests/integration/test_postgres_bus": "faults",
    "tests/browser/": "browser",  # they share a demonstration and a browser
    "tests/integration/test_bench_": "bench",  # they count what databases are left, and take the machine
}
"""Beginning of a test's id → the group that one process runs from first to last. The first that fits counts."""
FIRST: Final = (
    "faults",
    "rabbit",
    "browser",
    "bench",
    "tests/integration/test_scenarios.py",
    "tests/contract/test_openapi.py",
    "tests/property/",
    "tests/journeys/",
    "tests/integration/",
    "tests/security/",
    "tests/contract/",
)
"""Groups and beginnings of ids from the longest to the shortest: what is long and begins last is waited for by everybody."""


def group(nodeid: str) -> str:
    """What a test runs together with: a group, or the tests of its file."""
    return next((group for start, group in TOGETHER.items() if nodeid.startswith(start)), nodeid.partition("::")[0])


def turn(nodeid: str) -> int:
    """Its place in `FIRST`; after all of them where it is in none."""
    of = group(nodeid)
    return next((place for place, start in enumerate(FIRST) if of.startswith(start)), len(FIRST))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """A group goes to whichever process is free, in the order in which they were collected."""

    def __init__(self, config: Any, log: Any) -> None:
        """As pytest-xdist makes it."""
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
