"""What is in stock, on order and still to ship at the close of a day, per SKU and location."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, TextClause, bindparam, text

from data.schema import UtcDateTime


def stocking_points(connection: Connection) -> pd.DataFrame:
    """Every SKU at every place where it was ever ordered from, stocked or bought for.

    Returns:
        sku_id, sku, name, category, location_id, location (both missing for a SKU without any such place).
    """
    return _frame(
        connection,
        text(
            "SELECT s.id AS sku_id, s.display_code AS sku, s.name, s.category, k.location_id, p.code AS location"
            " FROM sku s LEFT JOIN ("
            " SELECT DISTINCT sku_id, location_id FROM order_line UNION"
            " SELECT sku_id, location_id FROM stock_balance WHERE NOT is_external UNION"
            " SELECT l.sku_id, o.location_id FROM purchase_order_line l"
            " JOIN purchase_order o ON o.id = l.purchase_order_id) AS k ON k.sku_id = s.id"
            " LEFT JOIN location p ON p.id = k.location_id ORDER BY s.code, p.code"
        ),
        ["sku_id", "sku", "name", "category", "location_id", "location"],
    )


def supply_terms(connection: Connection) -> pd.DataFrame:
    """Supplier and terms of each SKU that has any.

    Returns:
        sku_id, supplier_id, supplier, lead_time_days, moq, pack_size, unit_cost_micros; what is not known is
        missing.
    """
    return _frame(
        connection,
        text(
            "SELECT t.sku_id, t.supplier_id, p.name AS supplier, t.lead_time_days, t.moq, t.pack_size,"
            " t.unit_cost_micros FROM supplier_sku t LEFT JOIN party p ON p.id = t.supplier_id"
        ),
        ["sku_id", "supplier_id", "supplier", "lead_time_days", "moq", "pack_size", "unit_cost_micros"],
    )


def on_hand(connection: Connection, *, closed_at: datetime) -> pd.DataFrame:
    """Units at each place of ours at that moment, from the movements up to it.

    An opening count stands for the time before it as well: whoever starts with today's count and plans as of
    yesterday's close would else be told that every shelf was empty.

    Returns:
        sku_id, location_id, on_hand; a row for everything that was ever counted, received or moved there.
    """
    return _frame(
        connection,
        text(
            "SELECT b.sku_id, b.location_id, sum(b.on_hand) - coalesce(max(later.change), 0) AS on_hand"
            " FROM stock_balance b LEFT JOIN ("
            "  SELECT m.sku_id, p.id AS location_id,"
            "  sum(CASE WHEN m.destination_location_id = p.id THEN m.quantity ELSE -m.quantity END) AS change"
            "  FROM location p JOIN stock_move m ON p.id IN (m.source_location_id, m.destination_location_id)"
            "  WHERE NOT p.is_external AND m.effective_at >= :closed_at AND m.kind <> 'opening' GROUP BY m.sku_id, p.id"
            " ) AS later ON later.sku_id = b.sku_id AND later.location_id = b.location_id"
            " WHERE NOT b.is_external GROUP BY b.sku_id, b.location_id"
        ).bindparams(bindparam("closed_at", type_=UtcDateTime())),
        ["sku_id", "location_id", "on_hand"],
        closed_at=closed_at,
    )


def on_order(connection: Connection, *, closed_at: datetime) -> pd.DataFrame:
    """What was bought and had not come by that moment; drafts count whenever they were written.

    Returns:
        sku_id, location_id, on_order (units), expected_date, number and status of the purchase order.
    """
    return _frame(
        connection,
        text(
            "SELECT l.sku_id, o.location_id, l.expected_date, o.number, o.status,"
            " CASE WHEN l.received_at >= :closed_at THEN l.quantity - (SELECT coalesce(sum(CASE WHEN m.kind = 'receipt'"
            " THEN m.quantity ELSE -m.quantity END), 0) FROM stock_move m WHERE m.sku_id = l.sku_id"
            " AND m.purchase_order_line_id = l.id AND m.effective_at < :closed_at)"
            " ELSE l.quantity - l.quantity_received - l.quantity_cancelled END AS on_order"
            " FROM purchase_order_line l JOIN purchase_order o ON o.id = l.purchase_order_id"
            " WHERE (o.status = 'draft' OR o.ordered_at < :closed_at) AND o.status <> 'cancelled'"
            " AND (l.received_at >= :closed_at OR l.quantity_received + l.quantity_cancelled < l.quantity)"
            " ORDER BY l.sku_id, o.location_id, l.expected_date"
        ).bindparams(bindparam("closed_at", type_=UtcDateTime())),
        ["sku_id", "location_id", "expected_date", "number", "status", "on_order"],
        closed_at=closed_at,
    )


def unshipped(connection: Connection, *, as_of: date, closed_at: datetime) -> pd.DataFrame:
    """Units ordered by that day's close that had not left a place of ours.

    Returns:
        sku_id, location_id, unshipped.
    """
    return _frame(
        connection,
        text(
            "SELECT sku_id, location_id, sum(quantity) AS unshipped FROM ("
            " SELECT l.sku_id, l.location_id, l.quantity - l.quantity_cancelled - l.quantity_shipped AS quantity"
            " FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id"
            " WHERE o.status NOT IN ('draft', 'closed', 'cancelled') AND o.business_date <= :as_of UNION ALL"
            " SELECT m.sku_id, m.source_location_id, m.quantity FROM stock_move m"
            " JOIN location p ON p.id = m.source_location_id AND NOT p.is_external"
            " JOIN order_line l ON l.id = m.order_line_id JOIN sales_order o ON o.id = l.sales_order_id"
            " WHERE m.kind = 'sale' AND m.effective_at >= :closed_at AND o.business_date <= :as_of"
            " AND NOT EXISTS (SELECT 1 FROM stock_move r WHERE r.reverses_id = m.id)"
            ") AS open WHERE quantity > 0 GROUP BY sku_id, location_id"
        ).bindparams(bindparam("closed_at", type_=UtcDateTime())),
        ["sku_id", "location_id", "unshipped"],
        closed_at=closed_at,
        as_of=as_of.isoformat() if connection.dialect.name == "sqlite" else as_of,
    )


def received_lead_times(connection: Connection, *, closed_at: datetime) -> pd.DataFrame:
    """How long each purchase order received by that moment took, once per order and arrival.

    Returns:
        supplier_id, lead_time_days.
    """
    rows = _frame(
        connection,
        text(
            "SELECT DISTINCT o.id, o.supplier_id, o.ordered_at, l.received_at FROM purchase_order o"
            " JOIN purchase_order_line l ON l.purchase_order_id = o.id"
            " WHERE l.received_at < :closed_at AND o.supplier_id IS NOT NULL"
        ).bindparams(bindparam("closed_at", type_=UtcDateTime())),
        ["id", "supplier_id", "ordered_at", "received_at"],
        closed_at=closed_at,
    )
    ordered, received = (
        pd.to_datetime(rows[name].astype(object), utc=True, format="ISO8601") for name in ("ordered_at", "received_at")
    )
    days = (received - ordered).dt.total_seconds() / 86_400
    return pd.DataFrame({"supplier_id": rows["supplier_id"], "lead_time_days": days})


def _frame(connection: Connection, statement: TextClause, columns: Sequence[str], **values: Any) -> pd.DataFrame:
    rows = connection.execute(statement, values).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=list(columns))
