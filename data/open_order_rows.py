"""Open orders counted: what waits for goods, and what waits for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text


def backordered(connection: Connection) -> Sequence[Row[Any]]:
    """What open orders wait for.

    Returns:
        Per currency: currency, orders, units, value_minor of these units at what their lines cost, without tax.
    """
    statement = text(
        "SELECT o.currency, count(DISTINCT o.id) AS orders, sum(l.quantity_backordered) AS units,"
        " sum(l.amount_minor * l.quantity_backordered / l.quantity) AS value_minor"
        " FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id WHERE l.quantity_backordered > 0"
        " GROUP BY o.currency ORDER BY o.currency"
    )
    return connection.execute(statement).all()


def discrepancies(connection: Connection) -> tuple[int, int]:
    """How many discrepancies are open, and how many of them block their order."""
    statement = text(
        "SELECT count(*), sum(CASE WHEN d.is_blocking THEN 1 ELSE 0 END) FROM discrepancy d WHERE d.status = 'open'"
    )
    total, blocking = connection.execute(statement).one()
    return int(total), int(blocking or 0)
