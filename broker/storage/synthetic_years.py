"""Years behind the town of `synthetic`, and work that waits in it, by statements of PostgreSQL; for benches and for trying plans."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from broker.storage.store import Store
from broker.storage.tables import metadata

AT_ONCE: Final = 10
"""Years in one transaction."""
MOST: Final = 9_999
"""The year stands in four digits of each id."""

_OVER: Final = {
    "delivery": ({"cause": "t.cause || y", "number": "t.number + 1000000 * y"}, "t.state = 'delivered'"),
    "task": (
        {"dedupe_key": "t.dedupe_key || y", "delivery_id": "NULL"},
        "t.status IN ('completed', 'rejected', 'cancelled')",
    ),
}
"""What is over, and what must differ from one year to the next."""


def repeat(store: Store, years: int) -> Iterator[int]:
    """Everything that is over once more for each year, with the times it had; how many years are in after each transaction."""
    for first in range(1, years + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, years)
        store.write(lambda session, first=first, last=last: _years(session, first, last))  # type: ignore[misc]
        yield last


def _years(session: Session, first: int, last: int) -> None:
    for table, (changed, over) in _OVER.items():
        columns = [column.name for column in metadata.tables[table].columns if column.name != "id"]
        copied = ", ".join(changed.get(name, f"t.{name}") for name in columns)
        session.execute(
            text(
                f"INSERT INTO {table} (id, {', '.join(columns)})"  # noqa: S608 - names of our own tables
                f" SELECT overlay(t.id placing lpad(y::text, 4, '0') from 10), {copied}"
                f" FROM {table} t, generate_series(CAST(:first AS int), CAST(:last AS int)) y"
                f" WHERE substr(t.id, 10, 4) = '0000' AND {over}"
            ),
            {"first": first, "last": last},
        )


def begin(session: Session, waiting: int, now: datetime) -> None:
    """So many of the newest deliveries wait: for a webhook, in the mailboxes of one agency without any, the newest thirty for their numbers."""
    session.execute(
        text(
            "INSERT INTO channel (team_id, kind, url, changed_at)"
            " SELECT id, 'webhook', 'https://receiver.example', :now FROM team WHERE agency_id <> 'agency-0'"
        ),
        {"now": now},
    )
    session.execute(
        text("INSERT INTO mailboxnumber (team_id, last) SELECT team_id, max(number) FROM delivery GROUP BY team_id")
    )
    session.execute(
        text(
            "UPDATE delivery SET state = 'ready', delivered_at = NULL, attempts = 0,"
            " next_attempt_at = CASE WHEN team_id LIKE 'agency-0-%' THEN NULL ELSE CAST(:now AS timestamptz) END,"
            " number = CASE WHEN newest.place <= 30 THEN NULL ELSE number END"
            " FROM (SELECT id, row_number() OVER (ORDER BY created_at DESC, id) AS place FROM delivery"
            " WHERE substr(id, 10, 4) = '0000') newest"
            " WHERE newest.id = delivery.id AND newest.place <= :waiting"
        ),
        {"now": now, "waiting": waiting},
    )
    session.execute(text("UPDATE task SET climbs_at = due_at WHERE answered_at IS NULL AND due_at IS NOT NULL"))
