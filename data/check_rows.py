"""Questions whose answers must be empty: where the ledger, its cache and the order lines disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text


@dataclass(frozen=True)
class Question:
    """What must hold, and SQL that finds the rows where it does not; their columns say where and by how much."""

    promise: str
    sql: str


_MOVED = (
    "SELECT sku_id, location_id, lot_id, sum(quantity) AS quantity FROM ("
    " SELECT sku_id, destination_location_id AS location_id, lot_id, quantity FROM stock_move UNION ALL"
    " SELECT sku_id, source_location_id, lot_id, -quantity FROM stock_move"
    ") AS sides GROUP BY sku_id, location_id, lot_id"
)

QUESTIONS = (
    Question(
        "a balance is the sum of its movements",
        "SELECT s.code AS sku, p.code AS location, k.lot_id AS lot, coalesce(b.on_hand, 0) AS on_hand,"
        " coalesce(m.quantity, 0) AS moved FROM ("
        " SELECT sku_id, location_id, lot_id FROM stock_balance UNION"
        f" SELECT sku_id, location_id, lot_id FROM ({_MOVED}) AS moved) AS k"
        " LEFT JOIN stock_balance b ON b.sku_id = k.sku_id AND b.location_id = k.location_id AND b.lot_id = k.lot_id"
        f" LEFT JOIN ({_MOVED}) AS m ON m.sku_id = k.sku_id AND m.location_id = k.location_id AND m.lot_id = k.lot_id"
        " JOIN sku s ON s.id = k.sku_id JOIN location p ON p.id = k.location_id"
        " WHERE coalesce(b.on_hand, 0) <> coalesce(m.quantity, 0) ORDER BY s.code, p.code",
    ),
    Question(
        "over all locations every SKU adds up to zero",
        "SELECT s.code AS sku, sum(b.on_hand) AS on_hand FROM stock_balance b JOIN sku s ON s.id = b.sku_id"
        " GROUP BY s.code HAVING sum(b.on_hand) <> 0 ORDER BY s.code",
    ),
    Question(
        "at a place of ours 0 ≤ allocated ≤ on hand",
        "SELECT s.code AS sku, p.code AS location, b.on_hand, b.allocated FROM stock_balance b"
        " JOIN sku s ON s.id = b.sku_id JOIN location p ON p.id = b.location_id"
        " WHERE NOT p.is_external AND (b.allocated < 0 OR b.allocated > b.on_hand) ORDER BY s.code, p.code",
    ),
    Question(
        "a balance says whether its location is ours",
        "SELECT s.code AS sku, p.code AS location FROM stock_balance b JOIN sku s ON s.id = b.sku_id"
        " JOIN location p ON p.id = b.location_id WHERE p.is_external <> b.is_external ORDER BY s.code, p.code",
    ),
    Question(
        "an order line's cancelled quantity is the sum of its cancellations",
        "SELECT o.external_ref AS order_ref, l.line_no, l.quantity_cancelled, coalesce(c.quantity, 0) AS cancelled"
        " FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id LEFT JOIN"
        " (SELECT order_line_id, sum(quantity) AS quantity FROM cancellation GROUP BY order_line_id) AS c"
        " ON c.order_line_id = l.id WHERE l.quantity_cancelled <> coalesce(c.quantity, 0) ORDER BY l.id",
    ),
    Question(
        "an order line's returned quantity is the sum of its returns, and no more than was shipped",
        "SELECT o.external_ref AS order_ref, l.line_no, l.quantity_returned, coalesce(r.quantity, 0) AS returned,"
        " l.quantity_shipped FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id LEFT JOIN"
        " (SELECT order_line_id, sum(quantity) AS quantity FROM rma_line WHERE order_line_id IS NOT NULL"
        " GROUP BY order_line_id) AS r ON r.order_line_id = l.id"
        " WHERE l.quantity_returned <> coalesce(r.quantity, 0) OR l.quantity_returned > l.quantity_shipped"
        " ORDER BY l.id",
    ),
    Question(
        "an order line's shipped quantity is what the ledger moved to the customer for it",
        "SELECT o.external_ref AS order_ref, l.line_no, l.quantity_shipped, coalesce(m.quantity, 0) AS moved"
        " FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id LEFT JOIN"
        " (SELECT order_line_id, sum(CASE WHEN kind = 'sale' THEN quantity ELSE -quantity END) AS quantity"
        " FROM stock_move WHERE kind IN ('sale', 'reversal') AND order_line_id IS NOT NULL GROUP BY order_line_id) AS m"
        " ON m.order_line_id = l.id WHERE l.quantity_shipped <> coalesce(m.quantity, 0) ORDER BY l.id",
    ),
)


def offending(connection: Connection, question: Question, *, most: int) -> tuple[int, Sequence[Row[Any]]]:
    """How many rows break a promise, and the first of them."""
    total = connection.execute(text(f"SELECT count(*) FROM ({question.sql}) AS broken")).scalar_one()
    rows = connection.execute(text(f"{question.sql} LIMIT {most}")).all() if total else []
    return int(total), rows
