"""Outcomes of the checks, for whoever wants to know when everything last added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from data.schema import check_run


def write(
    connection: Connection,
    *,
    checked_at: datetime,
    checked_by: str,
    seconds: float,
    broken: int,
    findings: Sequence[Mapping[str, Any]],
) -> None:
    """Keep the outcome of a check: how many promises were broken, and each finding."""
    connection.execute(
        insert(check_run).values(
            checked_at=checked_at, checked_by=checked_by, seconds=seconds, broken=broken, findings=list(findings)
        )
    )


def latest(connection: Connection) -> Row[Any] | None:
    """The newest outcome; None when nothing was ever checked."""
    return connection.execute(select(check_run).order_by(check_run.c.id.desc()).limit(1)).one_or_none()
