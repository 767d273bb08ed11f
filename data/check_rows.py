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
    Question(
        "what a balance has allocated is what is reserved on it",
        "SELECT s.code AS sku, p.code AS location, b.lot_id AS lot, b.allocated, coalesce(r.quantity, 0) AS reserved"
        " FROM stock_balance b JOIN sku s ON s.id = b.sku_id JOIN location p ON p.id = b.location_id LEFT JOIN"
        " (SELECT sku_id, location_id, lot_id, sum(quantity) AS quantity FROM reservation WHERE status = 'active'"
        " GROUP BY sku_id, location_id, lot_id) AS r ON r.sku_id = b.sku_id AND r.location_id = b.location_id"
        " AND r.lot_id = b.lot_id WHERE b.allocated <> coalesce(r.quantity, 0) ORDER BY s.code, p.code",
    ),
    Question(
        "what an order line has allocated is what is reserved for it",
        "SELECT o.external_ref AS order_ref, l.line_no, l.quantity_allocated, coalesce(r.quantity, 0) AS reserved"
        " FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id LEFT JOIN"
        " (SELECT order_line_id, sum(quantity) AS quantity FROM reservation WHERE status = 'active'"
        " AND order_line_id IS NOT NULL GROUP BY order_line_id) AS r ON r.order_line_id = l.id"
        " WHERE l.quantity_allocated <> coalesce(r.quantity, 0) ORDER BY l.id",
    ),
    Question(
        "a reservation ends at most once",
        "SELECT entity_id AS reservation, count(*) AS ends FROM transition WHERE machine = 'reservation'"
        " GROUP BY entity_id HAVING count(*) > 1 ORDER BY entity_id",
    ),
    Question(
        "the outbox holds the messages of every command, and no others",
        "SELECT k.key AS command, coalesce(c.events, 0) AS announced, coalesce(m.messages, 0) AS messages FROM ("
        " SELECT key FROM command UNION SELECT command_key FROM outbox) AS k LEFT JOIN command c ON c.key = k.key"
        " LEFT JOIN (SELECT command_key, count(*) AS messages FROM outbox GROUP BY command_key) AS m"
        " ON m.command_key = k.key WHERE c.key IS NULL OR c.events <> coalesce(m.messages, 0) ORDER BY k.key",
    ),
    Question(
        "every unit of an order line is cancelled, shipped or open, and none is counted twice",
        "SELECT o.external_ref AS order_ref, l.line_no, l.quantity, l.quantity_cancelled, l.quantity_shipped,"
        " l.quantity_allocated, l.quantity_backordered FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id"
        " WHERE l.quantity_cancelled < 0 OR l.quantity_shipped < 0 OR l.quantity_allocated < 0"
        " OR l.quantity_backordered < 0 OR l.quantity_cancelled + l.quantity_shipped + l.quantity_allocated"
        " + l.quantity_backordered > l.quantity ORDER BY l.id",
    ),
    Question(
        "refunds do not exceed what was captured, nor captures what was authorised, in the order's currency",
        "SELECT o.external_ref AS order_ref, p.external_ref AS payment, p.authorised_minor, p.captured_minor,"
        " p.refunded_minor, p.currency FROM payment p JOIN sales_order o ON o.id = p.sales_order_id"
        " WHERE NOT (0 <= p.refunded_minor AND p.refunded_minor <= p.captured_minor"
        " AND p.captured_minor <= p.authorised_minor) OR p.currency <> o.currency ORDER BY p.id",
    ),
    Question(
        "an order is worth what its lines and the taxes on top add up to",
        "SELECT o.external_ref AS order_ref, o.value_minor, l.amount + coalesce(t.amount, 0) AS lines_and_taxes"
        " FROM sales_order o JOIN (SELECT sales_order_id, sum(quantity_cancelled) AS cancelled,"
        " sum((2 * amount_minor * (quantity - quantity_cancelled) + quantity) / (2 * quantity)) AS amount"
        " FROM order_line GROUP BY sales_order_id) AS l"
        " ON l.sales_order_id = o.id LEFT JOIN (SELECT sales_order_id, sum(amount_minor) AS amount FROM tax_line"
        " WHERE NOT is_included GROUP BY sales_order_id) AS t ON t.sales_order_id = o.id"
        " WHERE (l.cancelled = 0 OR t.amount IS NULL) AND o.value_minor <> l.amount + coalesce(t.amount, 0)"
        " ORDER BY o.id",
    ),
    Question(
        "an order's state is what its lines and holds say",
        "SELECT external_ref AS order_ref, status, derived FROM (SELECT o.id, o.external_ref, o.status, CASE"
        " WHEN l.still_open = 0 AND l.shipped = 0 THEN 'cancelled' WHEN l.still_open = 0 THEN 'shipped'"
        " WHEN EXISTS (SELECT 1 FROM order_hold h WHERE h.sales_order_id = o.id AND h.released_at IS NULL)"
        " THEN 'on_hold' WHEN l.shipped > 0 THEN 'partially_shipped' WHEN l.allocated = l.still_open THEN 'allocated'"
        " WHEN l.allocated > 0 THEN 'partially_allocated' WHEN l.backordered > 0 THEN 'backordered' ELSE 'placed' END"
        " AS derived FROM sales_order o JOIN (SELECT sales_order_id, sum(quantity_shipped) AS shipped,"
        " sum(quantity - quantity_cancelled - quantity_shipped) AS still_open, sum(quantity_allocated) AS allocated,"
        " sum(quantity_backordered) AS backordered FROM order_line GROUP BY sales_order_id) AS l"
        " ON l.sales_order_id = o.id) AS orders"
        " WHERE status <> derived AND NOT (status = 'closed' AND derived = 'shipped') ORDER BY id",
    ),
    Question(
        "changes of state follow each other without a gap, and the last one is where the thing stands",
        "SELECT machine, entity_id, from_state, to_state, expected FROM ("
        " SELECT t.id, t.machine, t.entity_id, t.from_state, t.to_state, lag(t.to_state) OVER w AS expected"
        " FROM transition t WINDOW w AS (PARTITION BY t.machine, t.entity_id ORDER BY t.id)) AS chained"
        " WHERE expected IS NOT NULL AND expected <> from_state UNION ALL"
        " SELECT 'order', o.id, t.from_state, t.to_state, o.status FROM transition t"
        " JOIN sales_order o ON o.id = t.entity_id WHERE t.machine = 'order' AND t.to_state <> o.status"
        " AND t.id = (SELECT max(n.id) FROM transition n WHERE n.machine = 'order' AND n.entity_id = o.id)",
    ),
    Question(
        "a lot belongs to the SKU that is moved in it",
        "SELECT s.code AS sku, m.lot_id AS lot, count(*) AS movements FROM stock_move m JOIN sku s ON s.id = m.sku_id"
        " LEFT JOIN lot t ON t.id = m.lot_id WHERE m.lot_id <> 0 AND (t.id IS NULL OR t.sku_id <> m.sku_id)"
        " GROUP BY s.code, m.lot_id ORDER BY s.code",
    ),
    Question(
        "a reversal undoes exactly the movement that it names",
        "SELECT r.id AS reversal, m.id AS movement, m.quantity, r.quantity AS reversed FROM stock_move r"
        " JOIN stock_move m ON m.id = r.reverses_id WHERE m.quantity <> r.quantity OR m.sku_id <> r.sku_id"
        " OR m.lot_id <> r.lot_id OR m.source_location_id <> r.destination_location_id"
        " OR m.destination_location_id <> r.source_location_id ORDER BY r.id",
    ),
    Question(
        "a purchase order line has received what the ledger moved in for it",
        "SELECT o.number AS purchase_order, l.line_no, l.quantity_received, coalesce(m.quantity, 0) AS moved"
        " FROM purchase_order_line l JOIN purchase_order o ON o.id = l.purchase_order_id LEFT JOIN"
        " (SELECT purchase_order_line_id, sum(CASE WHEN kind = 'receipt' THEN quantity ELSE -quantity END) AS quantity"
        " FROM stock_move WHERE purchase_order_line_id IS NOT NULL GROUP BY purchase_order_line_id) AS m"
        " ON m.purchase_order_line_id = l.id WHERE l.quantity_received <> coalesce(m.quantity, 0) ORDER BY l.id",
    ),
)


def offending(connection: Connection, question: Question, *, most: int) -> tuple[int, Sequence[Row[Any]]]:
    """How many rows break a promise, and the first of them."""
    total = connection.execute(text(f"SELECT count(*) FROM ({question.sql}) AS broken")).scalar_one()
    rows = connection.execute(text(f"{question.sql} LIMIT {most}")).all() if total else []
    return int(total), rows
