"""The planner's terms as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from data.schema import term


def read(connection: Connection) -> dict[str, str]:
    """Name → value of every term that was ever set."""
    return {name: value for name, value in connection.execute(select(term.c.name, term.c.value))}


def write(connection: Connection, values: Mapping[str, str], set_by: str, set_at: datetime) -> None:
    """Set terms, replacing what they were."""
    if not values:
        return
    connection.execute(delete(term).where(term.c.name.in_(list(values))))
    rows = [{"name": name, "value": value, "set_by": set_by, "set_at": set_at} for name, value in values.items()]
    connection.execute(insert(term), rows)
