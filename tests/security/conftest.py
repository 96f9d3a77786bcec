"""The brokers of the contract tests."""

from tests.contract.conftest import (  # noqa: F401 - fixtures
    broker,
    either_broker,
    postgres_town,
    shared_broker,
    sqlite_town,
    standing_broker,
)
