"""What drafts say, until they are placed and become lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from data.command_rows import as_json
from data.driver import Driver


def write(sql: Driver, order_id: int, request: Mapping[str, Any]) -> None:
    """Keep what a new draft says."""
    sql.execute("INSERT INTO order_draft (sales_order_id, request) VALUES (?, ?)", (order_id, as_json(request)))


def replace(sql: Driver, order_id: int, request: Mapping[str, Any]) -> None:
    """A draft says something else now."""
    sql.execute("UPDATE order_draft SET request = ? WHERE sales_order_id = ?", (as_json(request), order_id))


def read(sql: Driver, order_id: int) -> dict[str, Any]:
    """What a draft says."""
    row = sql.row("SELECT request FROM order_draft WHERE sales_order_id = ?", (order_id,))
    if row is None:
        raise LookupError(f"order {order_id} has no draft")
    return dict(json.loads(row[0]) if isinstance(row[0], str) else row[0])


def remove(sql: Driver, order_id: int) -> None:
    """The draft was placed: its lines say it from now on."""
    sql.execute("DELETE FROM order_draft WHERE sales_order_id = ?", (order_id,))
