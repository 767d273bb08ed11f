"""What the commands share: options, the database they open, who acts, and how a refusal ends them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from uuid import uuid4

import typer

from service.settings import DATABASE_VARIABLE, read_settings

if TYPE_CHECKING:
    from data.connection import Database
    from orders.model import Actor


class ReportFormat(StrEnum):
    """How an import report is printed."""

    TABLE = "table"
    JSON = "json"


class ListFormat(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help=f"sqlite:///file.db or postgresql://user@host/name; default ${DATABASE_VARIABLE}"
        " or sqlite:///stockwright.db.",
    ),
]
DayOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Last day that counts; default the last complete business day."),
]
FileArgument = Annotated[Path, typer.Argument(help="A CSV, XLSX or Parquet file.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check and report; store nothing.")]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="Idempotency key: the same command with the same key is carried out once, and answered alike.",
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the timeline.")]
ListOption = Annotated[ListFormat, typer.Option("--format", help="How to print the answer.")]
ReportOption = Annotated[ReportFormat, typer.Option("--format", help="How to print the report.")]


def refuse(message: str) -> NoReturn:
    """End with one line on stderr and exit code 1."""
    print(f"stockwright: {message}", file=sys.stderr)
    raise SystemExit(1)


@contextmanager
def opened_database(url: str | None) -> Iterator[Database]:
    """The database of the command, made when it is new, and a driver's late refusals as one line."""
    from sqlalchemy.exc import OperationalError

    from data.connection import open_database
    from data.errors import DatabaseUnavailable

    database = open_database(url or read_settings().database_url)
    try:
        yield database
    except OperationalError as error:
        why = " ".join(str(error.orig).split())
        raise DatabaseUnavailable(f"database {database} refused: {why}; nothing was changed") from error
    finally:
        database.close()


def actor() -> Actor:
    """Who the settings say acts."""
    from orders.model import Actor

    return Actor(read_settings().actor)


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def day_named(option: str, text: str | None) -> date | None:
    """The day that an option names; anything else ends the command."""
    if text is None:
        return None
    try:
        named = date.fromisoformat(text)
    except ValueError:
        named = date.min
    if not 1900 <= named.year <= 2200:  # beyond, time zones and weeks run out of calendar
        refuse(f"{option} must be a date such as 2026-11-22, got {text!r}")
    return named


def key_of(given: str | None) -> str:
    """The key that the caller named, else one of this call alone."""
    return given or f"cli:{uuid4()}"
