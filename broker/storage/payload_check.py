"""Whether every payload is what was stored: each is opened under its own row's context, and nothing of what it says leaves this file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage import row_check
from broker.storage.codec import Codec, Sealer, Tampered, message_name
from broker.storage.tables import metadata

MOST: Final = 20
"""Rows that are named; of the others only their number."""
_AT_ONCE: Final = 500

_Context = Callable[[sa.RowMapping], str]

PAYLOADS: Final[Mapping[tuple[str, str], _Context]] = {
    ("person", "details"): lambda row: f"person:{row['id']}",
    ("identifier", "value"): lambda row: f"identifier:{row['id']}",
    ("address", "value"): lambda row: f"address:{row['id']}",
    ("notification", "raw"): lambda row: f"raw:{row['id']}",
    ("notification", "content"): lambda row: f"notification:{row['id']}",
    ("notification", "answer"): lambda row: f"answer:{row['id']}",
    ("task", "content"): lambda row: f"task:{row['id']}",
    ("taskevent", "detail"): lambda row: f"task-event:{row['task_id']}:{row['version']}",
    ("practitioner", "details"): lambda row: f"practitioner:{row['team_id']}:{row['id']}",
    ("lookup", "asks"): lambda row: f"lookup:{row['id']}",
    ("account", "details"): lambda row: f"account:{row['id']}",
    ("breakglass", "details"): lambda row: f"break-glass:{row['id']}",
    ("legalhold", "details"): lambda row: f"legal-hold:{row['id']}",
    ("subjectrequest", "details"): lambda row: f"subject-request:{row['id']}",
    ("subjectrequest", "export"): lambda row: f"subject-export:{row['id']}",
    ("channel", "secret"): lambda row: f"channel:{row['team_id']}",
}
"""Every sealed column, and under which context its rows are sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """A payload that is not what was stored; a code or reference that is none."""

    table: str
    id: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check came to."""

    checked: int
    count: int
    """Of those that are spoilt."""
    spoilt: tuple[Spoilt, ...]
    """The first of them."""


def check(session: Session, codec: Codec) -> Checked:
    """Open every payload there is, and look whether every code and reference beside them is one."""
    checked, count = 0, 0
    first: list[Spoilt] = []
    for spoilt in _opened(session, codec):
        checked += 1
        if spoilt is not None:
            count += 1
            first += [spoilt][: MOST - len(first)]
    for name, id_, column in row_check.strays(session):
        count += 1
        first += [Spoilt(table=name, id=id_, column=column)][: MOST - len(first)]
    return Checked(checked=checked, count=count, spoilt=tuple(first))


def opener(codec: Codec, table: str, row: sa.RowMapping) -> Sealer:
    """What opens the row's columns: of a message its own key."""
    if table != "notification":
        return codec
    return codec.message(message_name(row["id"], row["sender_team_id"], row["message_id"]), row["data_key"])


def _opened(session: Session, codec: Codec) -> Iterator[Spoilt | None]:
    for (name, column), context in PAYLOADS.items():
        table = metadata.tables[name]
        [key, *_] = table.primary_key.columns
        readable = [
            one for one in table.columns if not isinstance(one.type, sa.Enum)
        ]  # a code that is none stops no check
        kept = sa.select(*readable).where(table.c[column].is_not(None)).order_by(key)
        for row in session.execute(kept, execution_options={"yield_per": _AT_ONCE}).mappings():
            try:
                opener(codec, name, row).open(row[column], context(row))
            except Tampered:
                yield Spoilt(table=name, id=str(row[key.name]), column=column)
            else:
                yield None
