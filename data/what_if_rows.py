"""What-ifs that were saved under a name, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from data.schema import what_if


def add(
    connection: Connection, *, name: str, question: Mapping[str, str], saved_at: datetime, saved_by: str, key: str
) -> int:
    """One what-if; returns its id."""
    row = {"name": name, "question": dict(question), "saved_at": saved_at, "saved_by": saved_by, "command_key": key}
    return int(connection.execute(insert(what_if).values(row).returning(what_if.c.id)).scalar_one())


def saved(connection: Connection) -> Sequence[Row[Any]]:
    """Those that nobody removed, by name."""
    return connection.execute(
        select(what_if).where(what_if.c.removed_at.is_(None)).order_by(what_if.c.name, what_if.c.id)
    ).all()


def remove(connection: Connection, name: str, *, at: datetime, by: str) -> int:
    """Take what is saved under a name off the list; returns how many there were."""
    wanted = (what_if.c.name == name) & what_if.c.removed_at.is_(None)
    return connection.execute(update(what_if).where(wanted).values(removed_at=at, removed_by=by)).rowcount
