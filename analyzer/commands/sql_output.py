"""How `tapio sql` prints rows: a table or lines for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from formats.text import escape_text
from formats.times import format_time

CELL_CHARACTERS = 120
"""Characters of a cell of a table; `to_lines` prints values whole."""

FIRST_TIME_NS, LAST_TIME_NS = 1_000_000_000_000_000_000, 4_000_000_000_000_000_000
"""September 2001 to October 2096: an integer between these in a column `…_ns` is a time, and not a duration."""

_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
_Rows = Sequence[Sequence[Any]]


def to_table(names: Sequence[str], rows: _Rows) -> list[str]:
    """Aligned columns; the last one is not filled up."""
    cells = [[escape_text(name) for name in names]]
    cells += [[_to_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "  ".join("─" * width for width in widths), *lines[1:]]


def to_lines(names: Sequence[str], rows: _Rows) -> Iterator[str]:
    """One line per value, with the name of its column; an empty line between rows."""
    labels = [escape_text(name) for name in names]
    width = max(map(len, labels), default=0)
    for number, row in enumerate(rows):
        if number:
            yield ""
        for label, name, value in zip(labels, names, row, strict=True):
            yield f"{label.rjust(width)} = {_to_cell(name, value, limit=None)}"


def to_json_lines(names: Sequence[str], rows: _Rows) -> Iterator[str]:
    """One JSON object per row."""
    for row in rows:
        yield json.dumps(dict(zip(names, row, strict=True)), default=_to_json)


def to_csv(names: Sequence[str], rows: _Rows) -> Iterator[str]:
    """RFC 4180, one record per item, without its line feed.

    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    for row in (names, *rows):
        text = io.StringIO()
        csv.writer(text).writerow([_guard(value) for value in row])
        yield text.getvalue().removesuffix("\n")


def _to_cell(name: str, value: Any, limit: int | None = CELL_CHARACTERS) -> str:
    if value is None:
        return "NULL"
    is_time = name.endswith(("_ns", "_nano")) and isinstance(value, int) and FIRST_TIME_NS <= value <= LAST_TIME_NS
    text = format_time(value) if is_time else str(value)
    return escape_text(text) if limit is None else escape_text(text, limit=limit)


def _guard(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def _to_json(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
