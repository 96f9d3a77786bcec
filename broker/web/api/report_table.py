"""A report as a table: a page as JSON or the whole as CSV, by the Accept header, each page read and written down as read in a step of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final, TypeAlias

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlmodel import Session

from broker.errors import NotAcceptable
from broker.runtime import Runtime
from broker.web import csv_text, documented
from broker.web.csv_text import CSV
from broker.web.guard import preferred
from broker.workflow.context import Context
from broker.workflow.task_wire import instant

JSON: Final = "application/json"
AS_CSV: Final[documented.Responses] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}}, "description": "JSON a page, CSV the whole result"}
}
PAGING: Final = {
    "cursor": "Where the page begins, as `next` of the page before says",
    "limit": "Rows of a page",
}

Read: TypeAlias = Callable[[Session, Context, str | None], tuple[Sequence[BaseModel], str | None]]
"""Rows of the page behind a cursor, and the next page's cursor; None on the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One report as it was asked for."""

    name: str
    """Of the file; the rows' key in JSON."""
    at: datetime
    read: Read
    flat: Callable[[Any], Iterator[Mapping[str, csv_text.Cell]]]
    """A row's lines in the CSV: column → cell; every line has the same columns."""
    columns: Sequence[str]
    cursor: str | None
    address: Callable[[str], str]
    """Of the page behind a cursor."""


def answer(request: Request, running: Runtime, table: Table) -> Response:
    """A page as JSON; with `Accept: text/csv` the whole."""
    wanted = preferred(request.headers.getlist("accept"), (JSON, CSV))
    if wanted == JSON:
        rows, following = _read(running, table, table.cursor)
        said = {
            "at": instant(table.at),
            table.name: [row.model_dump(mode="json", by_alias=True) for row in rows],
            "next": table.address(following) if following else None,
        }
        return Response(orjson.dumps(said), media_type=JSON)
    if wanted == CSV:
        return as_csv(running, table)
    raise NotAcceptable("Answers are application/json or text/csv.")


def as_csv(running: Runtime, table: Table) -> Response:
    """The whole, as a file to keep."""
    whole = _whole(running, table)
    # The first page is read before anything is answered, so that what goes wrong is answered as what it is.
    attached = {"Content-Disposition": f'attachment; filename="{table.name}.csv"'}
    return StreamingResponse(chain([next(whole)], whole), media_type=CSV, headers=attached)


def _read(running: Runtime, table: Table, cursor: str | None) -> tuple[Sequence[BaseModel], str | None]:
    return running.store.write(lambda session: table.read(session, running.context(session), cursor))


def _whole(running: Runtime, table: Table) -> Iterator[str]:
    rows, following = _read(running, table, None)
    yield csv_text.text([table.columns])
    yield _lines(table, rows)
    while following is not None:
        rows, following = _read(running, table, following)
        yield _lines(table, rows)


def _lines(table: Table, rows: Sequence[BaseModel]) -> str:
    return csv_text.text([line[name] for name in table.columns] for row in rows for line in table.flat(row))


def plain(row: BaseModel) -> Iterator[Mapping[str, csv_text.Cell]]:
    """A row of simple values as one line; of several values one cell."""
    yield {name: _cell(value) for name, value in row.model_dump(mode="json", by_alias=True).items()}


def names(row: type[BaseModel]) -> list[str]:
    """Its columns, as they are called in JSON."""
    return [field.serialization_alias or name for name, field in row.model_fields.items()]


def _cell(value: object) -> csv_text.Cell:
    match value:
        case None | str() | int():
            return value
        case float():
            return str(value)
        case list():
            return "; ".join(map(str, value))
        case _:
            return str(value)
