"""Proposed changes of orders as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from data.command_rows import as_json
from data.driver import Driver


class StoredChange(NamedTuple):
    """A change as it was proposed."""

    id: int
    sales_order_id: int
    status: str
    request: Mapping[str, Any]
    difference_minor: int
    order_version: int


def insert(
    sql: Driver,
    *,
    order_id: int,
    request: Mapping[str, Any],
    priced: Mapping[str, Any],
    difference_minor: int,
    version: int,
    reason: str,
    at: Any,
    by: str,
) -> int:
    """A new proposal's id."""
    written = sql.insert(
        "order_change (sales_order_id, status, request, priced, difference_minor, order_version, reason, proposed_at,"
        " proposed_by)",
        [(order_id, "proposed", as_json(request), as_json(priced), difference_minor, version, reason, at, by)],
        returning="id",
    )
    return int(written[0][0])


def find(sql: Driver, change_id: int) -> StoredChange | None:
    """A change by its id."""
    row = sql.row(
        "SELECT id, sales_order_id, status, request, difference_minor, order_version FROM order_change WHERE id = ?",
        (change_id,),
    )
    if row is None:
        return None
    request = json.loads(row[3]) if isinstance(row[3], str) else row[3]
    return StoredChange._make((*row[:3], request, *row[4:]))


def decide(sql: Driver, change_id: int, status: str, *, at: Any, by: str) -> bool:
    """Confirm or reject a proposal; whether it was still one."""
    decided = sql.execute(
        "UPDATE order_change SET status = ?, decided_at = ?, decided_by = ? WHERE id = ? AND status = 'proposed'",
        (status, at, by, change_id),
    )
    return decided == 1
