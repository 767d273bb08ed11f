"""The discrepancy queue: what is wrong or doubtful about an order, and what would put it right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from data.command_rows import as_json
from data.driver import Driver


class OpenDiscrepancy(NamedTuple):
    """Something that nobody decided on yet."""

    id: int
    sales_order_id: int
    line_no: int | None
    kind: str
    is_blocking: bool
    message: str
    suggestion: str
    fix: Mapping[str, Any]


_OPEN = (
    "SELECT id, sales_order_id, line_no, kind, is_blocking, message, suggestion, fix FROM discrepancy"
    " WHERE status = 'open'"
)


def open_of(sql: Driver, order_id: int) -> list[OpenDiscrepancy]:
    """What is open of an order, in the order in which it was found."""
    return [_read(row) for row in sql.rows(f"{_OPEN} AND sales_order_id = ? ORDER BY id", (order_id,))]


def find(sql: Driver, discrepancy_id: int) -> OpenDiscrepancy | None:
    """An open discrepancy; None when there is none of that id, or it was decided on."""
    row = sql.row(f"{_OPEN} AND id = ?", (discrepancy_id,))
    return None if row is None else _read(row)


def insert(sql: Driver, order_id: int, rows: Sequence[Sequence[Any]], *, at: Any) -> None:
    """Rows of line_no, kind, is blocking, message, suggestion, fix."""
    sql.insert(
        "discrepancy (sales_order_id, line_no, kind, is_blocking, message, suggestion, fix, status, raised_at)",
        [(order_id, *row[:5], as_json(row[5]), "open", at) for row in rows],
    )


def decide(sql: Driver, discrepancy_id: int, status: str, *, at: Any, by: str, reason: str) -> bool:
    """End an open discrepancy as fixed, accepted or dropped; whether it was open."""
    decided = sql.execute(
        "UPDATE discrepancy SET status = ?, decided_at = ?, decided_by = ?, decision_reason = ?"
        " WHERE id = ? AND status = 'open'",
        (status, at, by, reason, discrepancy_id),
    )
    return decided == 1


def _read(row: Any) -> OpenDiscrepancy:
    fix = json.loads(row[7]) if isinstance(row[7], str) else row[7]
    return OpenDiscrepancy._make((*row[:4], bool(row[4]), row[5], row[6], fix))
