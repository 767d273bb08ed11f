"""Rows of an answer as a table for people, or as CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.command_line import ListFormat


def print_rows(rows: Sequence[Mapping[str, Any]], format: ListFormat, *, nothing: str) -> None:
    """Print rows of the same columns.

    Args:
        nothing: What to say to people when there is none.
    """
    if format is ListFormat.JSON:
        print(json.dumps([as_plain(row) for row in rows], indent=1))
    elif format is ListFormat.CSV:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(as_plain(row) for row in rows)
    elif not rows:
        print(nothing)
    else:
        console().print(_table(rows))


def console() -> Console:
    """Where people read."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def print_answer(said: str, answer: object, format: ListFormat) -> None:
    """What a command did: a sentence for people, the whole answer for programs."""
    if format is ListFormat.JSON:
        print(json.dumps(as_plain(answer), indent=1))
    else:
        print(said)


def as_plain(value: object) -> Any:
    """A value as JSON knows it."""
    if is_dataclass(value):
        return {field.name: as_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): as_plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(*(name.replace("_", " ") for name in rows[0]), box=None, pad_edge=False)
    for column, name in zip(table.columns, rows[0], strict=True):
        if all(isinstance(row[name], int | float | None) for row in rows):
            column.justify = "right"
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
