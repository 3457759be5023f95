"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

Row = Mapping[str, Any]
# Amounts are numbers with exactly their digits, as in the API's JSON.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Output:
    """stdout for the answer, stderr for everything else."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def rows(self, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
        """Print a list: JSON with every field, or a table of ``columns`` (title → field, dotted for inner ones)."""
        if self.as_json:
            self.json(rows)
            return
        from rich.console import Console  # noqa: PLC0415 - --json does without its 50 ms
        from rich.table import Table  # noqa: PLC0415

        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(cell(pick(row, field)) for field in columns.values()))
        if rows:
            # A pipe has no width: programs like grep want a row on a line.
            Console(width=None if sys.stdout.isatty() else 1000, markup=False, highlight=False).print(table)
        else:
            self.note("none yet")

    def record(self, row: Row, sentence: str) -> None:
        """Print one thing: JSON with every field, or the sentence."""
        if self.as_json:
            self.json(row)
        else:
            print(sentence)

    def json(self, value: object) -> None:
        """Print JSON, indented for people who look at it on a terminal."""
        text = _ENCODER.encode(value)
        print((msgspec.json.format(text) if sys.stdout.isatty() else text).decode())

    def note(self, text: str) -> None:
        """Say something that is not the answer."""
        print(text, file=sys.stderr)


def pick(row: Row, field: str) -> object:
    """The value at a dotted field, None where a part of the way is missing."""
    value: Any = row
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def cell(value: object) -> str:
    """A value as a table shows it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    text = str(value)
    return local_time(text) if _is_time(text) else text


def local_time(iso: str) -> str:
    """A time of the API (ISO 8601, UTC) on this machine's clock, to the second."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _is_time(text: str) -> bool:
    if len(text) < len("2024-01-01T00:00:00Z") or text[10] != "T" or not text.endswith("Z"):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
