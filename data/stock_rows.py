"""Stock movements and balances as rows. A balance changes only with the movements that explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from data.master_rows import external_location_id
from data.schema import UtcDateTime
from data.staging import insert_from, stage, unstage

_MOVE_COLUMNS = (
    "sku_id", "quantity", "source_location_id", "destination_location_id", "effective_at", "kind", "reason",
    "unit_cost_micros", "currency", "order_line_id", "rma_line_id", "purchase_order_line_id", "recorded_at",
    "import_batch_id",
)  # fmt: skip
_UNDONE = (
    "(SELECT p.order_line_id, l.sku_id, sum(p.quantity) AS quantity FROM staged_part p"
    " JOIN order_line l ON l.id = p.order_line_id WHERE p.is_cancellation = 1 AND p.sales_order_id < 0"
    " GROUP BY p.order_line_id, l.sku_id) AS u"
)
"""What `staged_part` cancels of lines that were stored before this batch."""


def write_staged_sales(connection: Connection, *, with_shipping: bool, batch: int, recorded_at: datetime) -> None:
    """Goods of `staged_line` go to the customer: from their location when it says when, else from history."""
    moment = "coalesce(l.shipped_at, o.placed_at)" if with_shipping else "o.placed_at"
    source = "CASE WHEN l.shipped_at IS NULL THEN :history ELSE l.location_id END" if with_shipping else ":history"
    _insert_moves(
        connection,
        f"SELECT l.sku_id, l.quantity_shipped, {source}, :customer, {moment}, 'sale', NULL, NULL, NULL, l.id, NULL,"
        " NULL, :recorded_at, :batch FROM staged_line l JOIN sales_order o ON o.id = l.sales_order_id"
        " WHERE l.quantity_shipped > 0 ORDER BY l.id",
        history=external_location_id(connection, "before_stockwright"),
        customer=external_location_id(connection, "customer"),
        batch=batch,
        recorded_at=recorded_at,
    )


def write_staged_returns(connection: Connection, *, scrap_disposition: str, batch: int, recorded_at: datetime) -> None:
    """Goods of `staged_part` come back: to their location or to scrap when it says when, else to history."""
    _insert_moves(
        connection,
        "SELECT p.sku_id, p.quantity, :customer, CASE WHEN p.received_at IS NULL THEN :history"
        " WHEN p.disposition = :scrap_disposition THEN :scrap ELSE p.location_id END,"
        " coalesce(p.received_at, p.credited_at), 'return', p.reason, NULL, NULL, nullif(p.order_line_id, -1), p.id,"
        " NULL, :recorded_at, :batch FROM staged_part p WHERE p.is_cancellation = 0 ORDER BY p.id",
        customer=external_location_id(connection, "customer"),
        history=external_location_id(connection, "before_stockwright"),
        scrap=external_location_id(connection, "scrap"),
        scrap_disposition=scrap_disposition,
        batch=batch,
        recorded_at=recorded_at,
    )


def undo_cancelled_shipments(connection: Connection, *, batch: int, recorded_at: datetime) -> None:
    """The goods that `staged_part` cancels of lines which an earlier batch booked as shipped have never left.

    Each line's sale is reversed whole, since a reversal undoes the movement it names, and what remains of the line
    is sold again; both at the moment of the sale, so that the ledger says of any moment what was truly there.
    """
    reversal = (
        "SELECT m.sku_id, m.lot_id, m.quantity, m.destination_location_id, m.source_location_id, m.effective_at,"
        " 'reversal', 'cancelled after it was booked', m.unit_cost_micros, m.currency, m.order_line_id, m.id,"
        f" :recorded_at, :batch FROM {_UNDONE} JOIN stock_move m ON m.sku_id = u.sku_id"
        " AND m.order_line_id = u.order_line_id AND m.kind = 'sale'"
        " WHERE NOT EXISTS (SELECT 1 FROM stock_move r WHERE r.reverses_id = m.id) ORDER BY m.id"
    )
    remainder = (
        "SELECT m.sku_id, m.lot_id, m.quantity - u.quantity, m.source_location_id, m.destination_location_id,"
        " m.effective_at, 'sale', 'what remains after a cancellation', m.unit_cost_micros, m.currency,"
        f" m.order_line_id, NULL, :recorded_at, :batch FROM {_UNDONE} JOIN stock_move m ON m.sku_id = u.sku_id"
        " AND m.order_line_id = u.order_line_id AND m.kind = 'sale'"
        " JOIN stock_move r ON r.reverses_id = m.id AND r.import_batch_id = :batch"
        " WHERE m.quantity > u.quantity ORDER BY m.id"
    )
    columns = (
        "sku_id", "lot_id", "quantity", "source_location_id", "destination_location_id", "effective_at", "kind",
        "reason", "unit_cost_micros", "currency", "order_line_id", "reverses_id", "recorded_at", "import_batch_id",
    )  # fmt: skip
    moment = UtcDateTime().process_bind_param(recorded_at, connection.dialect)
    for movements in (reversal, remainder):
        insert_from(connection, "stock_move", columns, movements, recorded_at=moment, batch=batch)


def write_staged_corrections(connection: Connection, *, batch: int, recorded_at: datetime) -> None:
    """`staged_correction` moves between history and adjustment: negative quantities were written off."""
    _insert_moves(
        connection,
        "SELECT c.sku_id, abs(c.quantity), CASE WHEN c.quantity < 0 THEN :history ELSE :adjustment END,"
        " CASE WHEN c.quantity < 0 THEN :adjustment ELSE :history END, c.effective_at,"
        " CASE WHEN c.quantity < 0 THEN 'write_off' ELSE 'found' END, c.reason, NULL, NULL, NULL, NULL, NULL,"
        " :recorded_at, :batch FROM staged_correction c",
        history=external_location_id(connection, "before_stockwright"),
        adjustment=external_location_id(connection, "adjustment"),
        batch=batch,
        recorded_at=recorded_at,
    )


def write_staged_receipts(connection: Connection, *, currency: str, batch: int, recorded_at: datetime) -> None:
    """Goods of `staged_purchase_line` came from the supplier, each at its own moment and cost."""
    _insert_moves(
        connection,
        "SELECT l.sku_id, l.quantity_received, :supplier, p.location_id, l.received_at, 'receipt', NULL,"
        " l.unit_cost_micros, :currency, NULL, NULL, l.id, :recorded_at, :batch FROM staged_purchase_line l"
        " JOIN staged_purchase p ON p.number = l.number WHERE l.quantity_received > 0 ORDER BY l.id",
        supplier=external_location_id(connection, "supplier"),
        currency=currency,
        batch=batch,
        recorded_at=recorded_at,
    )


def write_moves(
    connection: Connection, moves: Mapping[str, tuple[str, Any]], *, batch: int, recorded_at: datetime
) -> None:
    """Movements given as columns of arrays: sku_id, quantity, source_location_id, destination_location_id,
    effective_at, kind, and where known reason, unit_cost_micros, currency, purchase_order_line_id."""
    stage(connection, "staged_move", moves)
    given = [name if name in moves else "NULL" for name in _MOVE_COLUMNS[:-2]]
    _insert_moves(
        connection,
        f"SELECT {', '.join(given)}, :recorded_at, :batch FROM staged_move WHERE quantity > 0",
        batch=batch,
        recorded_at=recorded_at,
    )
    unstage(connection, "staged_move")


def _insert_moves(connection: Connection, select: str, *, recorded_at: datetime, **values: Any) -> None:
    moment = UtcDateTime().process_bind_param(recorded_at, connection.dialect)
    insert_from(connection, "stock_move", _MOVE_COLUMNS, select, recorded_at=moment, **values)


def add_batch_to_balances(connection: Connection, batch: int, *, after: int) -> Sequence[Row[Any]]:
    """Add a batch's movements to the balances.

    Args:
        connection: The transaction that wrote them.
        batch: The import batch.
        after: `last_move_id` before it wrote any, so that a large ledger is not read for a small file.

    Returns:
        Nothing when all is well; else the (sku, location, on_hand) that would fall below zero at a place of
        ours, and no balance is changed.
    """
    connection.execute(text("DROP TABLE IF EXISTS staged_change"))
    connection.execute(
        text(
            "CREATE TEMP TABLE staged_change AS WITH moved AS ("
            " SELECT sku_id, lot_id, source_location_id, destination_location_id, sum(quantity) AS quantity"
            " FROM stock_move WHERE id > :after AND import_batch_id = :batch"
            " GROUP BY sku_id, lot_id, source_location_id, destination_location_id"
            ") SELECT sku_id, location_id, lot_id, sum(quantity) AS quantity FROM ("
            " SELECT sku_id, destination_location_id AS location_id, lot_id, quantity FROM moved UNION ALL"
            " SELECT sku_id, source_location_id, lot_id, -quantity FROM moved"
            ") AS changes GROUP BY sku_id, location_id, lot_id"
        ).bindparams(batch=batch, after=after)
    )
    short = connection.execute(
        text(
            "SELECT c.sku_id, c.location_id, s.code AS sku, p.code AS location,"
            " c.quantity + coalesce(b.on_hand, 0) AS on_hand"
            " FROM staged_change c JOIN sku s ON s.id = c.sku_id JOIN location p ON p.id = c.location_id"
            " LEFT JOIN stock_balance b ON b.sku_id = c.sku_id AND b.location_id = c.location_id"
            " AND b.lot_id = c.lot_id"
            " WHERE NOT p.is_external AND c.quantity + coalesce(b.on_hand, 0) < coalesce(b.allocated, 0)"
            " ORDER BY s.code, p.code"
        )
    ).all()
    if not short:
        _change_balances(connection)
    unstage(connection, "staged_change")
    return short


def last_move_id(connection: Connection) -> int:
    """The newest movement's id, 0 without any: what this transaction writes from here on has higher ones."""
    return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM stock_move")).scalar_one())


def _change_balances(connection: Connection) -> None:
    """Add `staged_change` to the balances of SKUs that are held, as all who change balances hold them first."""
    if connection.dialect.name == "postgresql":
        staged = "SELECT 1 FROM sku WHERE id IN (SELECT sku_id FROM staged_change) ORDER BY id FOR NO KEY UPDATE"
        connection.execute(text(staged))
    connection.execute(
        text(
            "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand, allocated)"
            " SELECT c.sku_id, c.location_id, c.lot_id, p.is_external, 0, 0 FROM staged_change c"
            " JOIN location p ON p.id = c.location_id WHERE true ORDER BY c.sku_id, c.location_id, c.lot_id"
            " ON CONFLICT (sku_id, location_id, lot_id) DO NOTHING"
        )
    )
    connection.execute(
        text(
            "UPDATE stock_balance SET on_hand = on_hand + c.quantity FROM staged_change c"
            " WHERE c.sku_id = stock_balance.sku_id AND c.location_id = stock_balance.location_id"
            " AND c.lot_id = stock_balance.lot_id"
        )
    )


def balances(connection: Connection, *, at: datetime) -> Mapping[tuple[int, int], int]:
    """(sku, location) → units on hand at our own places at that moment, all lots together."""
    rows = connection.execute(
        text(
            "SELECT b.sku_id, b.location_id, sum(b.on_hand) - coalesce(max(later.change), 0)"
            " FROM stock_balance b LEFT JOIN ("
            "  SELECT m.sku_id, p.id AS location_id,"
            "  sum(CASE WHEN m.destination_location_id = p.id THEN m.quantity ELSE -m.quantity END) AS change"
            "  FROM location p JOIN stock_move m ON p.id IN (m.source_location_id, m.destination_location_id)"
            "  WHERE NOT p.is_external AND m.effective_at > :at GROUP BY m.sku_id, p.id"
            " ) AS later ON later.sku_id = b.sku_id AND later.location_id = b.location_id"
            " WHERE NOT b.is_external GROUP BY b.sku_id, b.location_id"
        ).bindparams(bindparam("at", type_=UtcDateTime())),
        {"at": at},
    )
    return {(sku, location): int(on_hand) for sku, location, on_hand in rows}


def open_balances(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    """A balance of nothing for counted SKU-locations without any movement: counted and empty is not unknown."""
    if keys:
        connection.execute(
            text(
                "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand, allocated)"
                " VALUES (:sku, :location, 0, false, 0, 0) ON CONFLICT (sku_id, location_id, lot_id) DO NOTHING"
            ),
            [{"sku": sku, "location": location} for sku, location in sorted(keys)],
        )
