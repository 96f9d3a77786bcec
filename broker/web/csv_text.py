"""Tables as CSV (RFC 4180) that a spreadsheet shows and never executes; what the columns are is their call's."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

CSV: Final = "text/csv"
Cell: TypeAlias = str | int | None

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection); an apostrophe before it makes it text."""


def text(rows: Iterable[Sequence[Cell]]) -> str:
    """Lines that end in CRLF; None is an empty cell."""
    written = io.StringIO()
    csv.writer(written).writerows([_safe(cell) for cell in row] for row in rows)
    return written.getvalue()


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
