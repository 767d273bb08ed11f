"""Fixed SQL on the driver's own cursor, for what runs a thousand times a second.

A statement sent through SQLAlchemy Core costs about three times what the driver alone takes. The few use cases
where that counts write their SQL once, with `?` for each value, and run it here inside the transaction that
SQLAlchemy opened; everything else uses Core.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection


class Driver:
    """The driver's cursor of an open transaction, speaking one dialect of placeholders."""

    __slots__ = ("_cursor", "is_sqlite")

    def __init__(self, connection: Connection) -> None:
        self.is_sqlite = connection.dialect.name == "sqlite"
        self._cursor: Any = connection.connection.cursor()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it wrote."""
        self._cursor.execute(sql if self.is_sqlite else _percent(sql), values)
        return int(self._cursor.rowcount)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run a statement; all the rows it gives."""
        self._cursor.execute(sql if self.is_sqlite else _percent(sql), values)
        return list(self._cursor.fetchall())

    def row(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; the one row it gives, if any."""
        self._cursor.execute(sql if self.is_sqlite else _percent(sql), values)
        return self._cursor.fetchone()

    def insert(self, into: str, rows: Sequence[Sequence[Any]], *, returning: str = "") -> list[Any]:
        """Insert rows by one statement.

        Args:
            into: Table and columns, such as `lot (sku_id, code)`.
            rows: Values of each row, in the order of the columns.
            returning: Columns to give back, in the order of the rows.
        """
        if not rows:
            return []
        sql = _insertion(into, len(rows[0]), len(rows), returning)
        values = [value for row in rows for value in row]
        self._cursor.execute(sql if self.is_sqlite else _percent(sql), values)
        return list(self._cursor.fetchall()) if returning else []

    def moment(self, at: datetime) -> Any:
        """A moment as the driver wants it: UTC text on SQLite, as `UtcDateTime` writes it."""
        if self.is_sqlite:
            return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        return at

    def day(self, day: date | None) -> Any:
        """A day as the driver wants it."""
        return day.isoformat() if self.is_sqlite and day is not None else day

    def read_day(self, stored: Any) -> date | None:
        """A stored day."""
        return date.fromisoformat(stored) if isinstance(stored, str) else stored

    def close(self) -> None:
        self._cursor.close()


@lru_cache(maxsize=512)
def _percent(sql: str) -> str:
    return sql.replace("?", "%s")


@lru_cache(maxsize=512)
def _insertion(into: str, columns: int, rows: int, returning: str) -> str:
    row = f"({', '.join('?' * columns)})"
    given = f" RETURNING {returning}" if returning else ""
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)}{given}"


@lru_cache(maxsize=64)
def marks(count: int) -> str:
    """`?, ?, ?` for an IN of that many values."""
    return ", ".join("?" * count)
