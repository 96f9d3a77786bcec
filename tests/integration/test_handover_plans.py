"""An auditor's first page costs what is open, never what was: the plans on both databases, and the work done with ten times the history."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from broker.domain.handovers import HandoverState
from broker.storage import handover_counts, handovers, synthetic
from broker.storage.codec import AesCodec
from broker.storage.handovers import HandoverQuery, SortBy
from broker.storage.keyset import Position
from broker.storage.store import Store, open_store
from broker.storage.synthetic import Amount
from schemas.codes import Event, Function
from tests.conftest import NOON, SECRET

OPEN = HandoverState.UNACKNOWLEDGED
TEAM = synthetic.team_ids()[4]
QUERIES = {
    "oldest first": HandoverQuery(state=OPEN),
    "youngest first": HandoverQuery(state=OPEN, descending=False),
    "next page": HandoverQuery(state=OPEN, after=Position(NOON - timedelta(days=20), "x")),
    "soonest due first": HandoverQuery(state=OPEN, sort=SortBy.DUE, descending=False),
    "overdue": HandoverQuery(state=HandoverState.OVERDUE),
    "escalated": HandoverQuery(state=HandoverState.ESCALATED),
    "older than": HandoverQuery(state=OPEN, older_than=timedelta(hours=48)),
    "a window": HandoverQuery(state=OPEN, since=NOON - timedelta(days=30), until=NOON - timedelta(days=5)),
    "of an agency": HandoverQuery(state=OPEN, agency="agency-3"),
    "of a team": HandoverQuery(state=OPEN, team=TEAM),
    "of an area": HandoverQuery(state=OPEN, area="area-1", functions=frozenset({Function.PROBATION})),
    "from an agency": HandoverQuery(state=OPEN, from_agency="agency-3", from_team=TEAM),
    "of a kind": HandoverQuery(state=OPEN, kinds=frozenset({Event.CONCERN})),
}
COUNTS = (
    handover_counts.by_age,
    handover_counts.by_kind,
    handover_counts.by_receiver,
    handover_counts.by_standing,
)


def filled(store: Store, handover_count: int, open_count: int) -> None:
    for _ in synthetic.load(store, Amount(handovers=handover_count, open=open_count), NOON):
        pass
    synthetic.gather_statistics(store)


def statement(store: Store, work: Any) -> tuple[str, Any]:
    """What is asked of the table of tasks."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_rest: Any) -> None:
        if "FROM task" in text:
            seen.append((text, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        store.read(work)
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    [asked] = seen
    return asked


def explained(store: Store, prefix: str, asked: tuple[str, Any]) -> list[Any]:
    with store.engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(f"{prefix} {asked[0]}", asked[1])
        return list(cursor.fetchall())


def plan(store: Store, work: Any) -> str:
    prefix, column = ("EXPLAIN QUERY PLAN", 3) if store.embedded else ("EXPLAIN (COSTS OFF)", 0)
    return "\n".join(row[column] for row in explained(store, prefix, statement(store, work)))


IN_ORDER = ("oldest first", "youngest first", "next page", "older than", "overdue")


def test_whatever_is_asked_of_what_is_open_is_found_by_its_own_index_the_usual_page_in_its_order(store):
    filled(store, 6000, 120)
    assert store.read(synthetic.amount) == Amount(handovers=6000, open=120)
    for name, query in QUERIES.items():
        found = plan(store, lambda session, query=query: handovers.search(session, query, NOON))
        assert "ix_handover_open" in found, f"{name}: {found}"
        assert "ix_task_" not in found, f"{name}: {found}"
        assert "Seq Scan on task" not in found, f"{name}: {found}"
        assert name not in IN_ORDER or not ("Sort" in found or "B-TREE" in found), f"{name}: {found}"
    for count in COUNTS:
        found = plan(store, lambda session, count=count: count(session, QUERIES["oldest first"], NOON))
        assert "ix_handover_open" in found, f"{count.__name__}: {found}"


@pytest.mark.parametrize("name", QUERIES)
def test_ten_times_the_history_is_no_more_work(sqlite_stores, name):
    """Steps of SQLite's machine, which are the same on every computer; a few more or fewer rows pass a filter by chance."""
    few, many = (steps(store, QUERIES[name]) for store in sqlite_stores)
    assert many <= few * 1.5


def steps(store: Store, query: HandoverQuery) -> int:
    text, parameters = statement(store, lambda session: handovers.search(session, query, NOON))
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    with store.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(count, 1)
        try:
            driver.execute(text, parameters).fetchall()
        finally:
            driver.set_progress_handler(None, 0)
    return taken


@pytest.fixture(scope="module")
def sqlite_stores(sqlite_template, tmp_path_factory):
    """Two towns with the same number of open handovers, one with ten times the history."""
    folder = tmp_path_factory.mktemp("histories")
    stores = []
    for size in (600, 6000):
        path = folder / f"{size}.db"
        shutil.copy(sqlite_template, path)
        store = open_store(f"sqlite:///{path}", AesCodec(SECRET))
        filled(store, size, 60)
        stores.append(store)
    yield stores
    for store in stores:
        store.close()
