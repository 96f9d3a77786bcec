"""What the clock and the watchdog ask is found by the index made for it on SQLite too: a pass over many open tasks costs what is due."""

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from broker.storage import directory, synthetic, synthetic_clock, upcoming
from broker.storage.codec import AesCodec
from broker.storage.store import Store, open_store
from broker.storage.synthetic import Amount
from broker.workflow import clock, watchdog
from broker.workflow.context import Context
from tests.conftest import NOON, SECRET
from tests.default_policy import default_policy

INDEXES = {
    "expect": "ix_expectation_looks",
    "patterns": "ix_patternlook_at",
    "hand-back": "ix_practitioner_hands_back",
    "stand-in": "ix_task_covers",
    "escalate": "ix_task_climbs",
}
"""Of each rule of the clock. Whoever adds a rule names the index by which it finds what is due."""

EARLIER = NOON - timedelta(days=1)
"""Nothing is due then."""


@pytest.fixture(scope="module")
def town(sqlite_template, tmp_path_factory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("clock") / "town.db"
    shutil.copy(sqlite_template, path)
    store = open_store(f"sqlite:///{path}", AesCodec(SECRET))
    for _ in synthetic.load(store, Amount(handovers=1200, open=1200), NOON):
        pass
    store.write(lambda session: synthetic_clock.set_dates(session, 20, NOON))
    yield store
    store.close()


def context(session: Session) -> Context:
    return Context(
        codec=AesCodec(SECRET),
        directory=directory.load(session),
        policy=default_policy(),
        public_url="http://testserver",
    )


def plans(store: Store, work: Callable[[Session], object]) -> list[str]:
    """How SQLite runs each statement that reads, the directory's own left out."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_rest: Any) -> None:
        asked.append((text, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        store.read(work)
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    found = []
    with store.engine.connect() as connection:
        cursor = connection.connection.cursor()
        for text, parameters in asked:
            if text.lstrip().upper().startswith(("SELECT", "WITH")):
                cursor.execute(f"EXPLAIN QUERY PLAN {text}", parameters)
                found.append("\n".join(row[3] for row in cursor.fetchall()))
    return found


def test_every_rule_of_the_clock_finds_what_is_due_by_its_index(town):
    assert {rule.name for rule in clock.RULES} == INDEXES.keys()
    [asked] = plans(town, upcoming.read)
    for rule in clock.RULES:
        assert INDEXES[rule.name] in asked, (rule.name, asked)
    assert "SCAN" not in re.sub("SCAN CONSTANT ROW", "", asked)


@pytest.mark.parametrize("check", watchdog.CHECKS, ids=lambda check: check.name)
def test_no_check_of_the_watchdog_reads_tasks_or_messages_from_end_to_end(town, check):
    ctx = town.read(context)
    for plan in plans(town, lambda session: check.look(session, ctx, EARLIER)):
        scanned = [line for line in plan.splitlines() if line.startswith("SCAN") and "INDEX" not in line]
        assert not [line for line in scanned if "task" in line.casefold() or "delivery" in line.casefold()], plan


def test_a_hundred_times_the_open_tasks_is_no_more_work_for_a_pass(town, sqlite_template, tmp_path):
    """Steps of SQLite's machine, which are the same on every computer."""
    path = tmp_path / "little.db"
    shutil.copy(sqlite_template, path)
    little = open_store(f"sqlite:///{path}", AesCodec(SECRET))
    for _ in synthetic.load(little, Amount(handovers=24, open=24), NOON):
        pass
    little.write(lambda session: synthetic_clock.set_dates(session, 20, NOON))
    few, many = (steps(store) for store in (little, town))
    little.close()
    assert many <= few * 1.2


def steps(store: Store) -> int:
    """Of a pass with twenty tasks due."""
    ctx = store.read(context)
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    class TakenBackError(Exception):
        pass

    def tick(session: Session) -> None:
        driver: Any = session.connection().connection.driver_connection
        driver.set_progress_handler(count, 1)
        try:
            assert clock.tick(session, ctx, NOON) >= 20
        finally:
            driver.set_progress_handler(None, 0)
        raise TakenBackError

    with pytest.raises(TakenBackError):
        store.write(tick)
    return taken
