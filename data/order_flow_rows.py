"""How orders flow through a place: when they came, what they asked for, how parcels travelled, what came back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, func, select

from data.schema import location, order_line, parcel, rma, rma_line, sales_order, sku

_RETURNED_AFTER = ("delivered", "returned_to_sender")


def lines_placed(connection: Connection, *, since: datetime, until: datetime) -> pd.DataFrame:
    """Lines of the orders placed from one moment to before another, cancelled units left out.

    Returns:
        order_id, placed_at (UTC), location, sku, units (above 0), returned (units), by order and line.
    """
    line, order = order_line.c, sales_order.c
    statement = (
        select(
            order.id,
            order.placed_at,
            location.c.code,
            sku.c.display_code,
            line.quantity - line.quantity_cancelled,
            line.quantity_returned,
        )
        .select_from(sales_order)
        .join(order_line, line.sales_order_id == order.id)
        .join(location, location.c.id == line.location_id)
        .join(sku, sku.c.id == line.sku_id)
        .where(order.placed_at >= since, order.placed_at < until, line.quantity > line.quantity_cancelled)
        .order_by(order.id, line.line_no)
    )
    return _frame(connection, statement, ["order_id", "placed_at", "location", "sku", "units", "returned"])


def parcels_shipped(connection: Connection, *, since: datetime, until: datetime) -> pd.DataFrame:
    """Parcels shipped from one moment to before another.

    Returns:
        order_id, carrier, shipped_at, delivered_at (UTC; None where it did not arrive), status.
    """
    box = parcel.c
    statement = (
        select(box.sales_order_id, box.carrier, box.shipped_at, box.delivered_at, box.status)
        .where(box.shipped_at >= since, box.shipped_at < until)
        .order_by(box.id)
    )
    return _frame(connection, statement, ["order_id", "carrier", "shipped_at", "delivered_at", "status"])


def returns_received(connection: Connection, *, since: datetime, until: datetime) -> pd.DataFrame:
    """Lines of returns received from one moment to before another, with the delivery of what they undo.

    Returns:
        received_at, delivered_at (UTC; that of the order's last parcel, None where it is not known), quantity,
        disposition.
    """
    delivered = (
        select(parcel.c.sales_order_id, func.max(parcel.c.delivered_at).label("delivered_at"))
        .where(parcel.c.status.in_(_RETURNED_AFTER))
        .group_by(parcel.c.sales_order_id)
        .subquery()
    )
    statement = (
        select(rma.c.received_at, delivered.c.delivered_at, rma_line.c.quantity, rma_line.c.disposition)
        .select_from(rma)
        .join(rma_line, rma_line.c.rma_id == rma.c.id)
        .outerjoin(order_line, order_line.c.id == rma_line.c.order_line_id)
        .outerjoin(delivered, delivered.c.sales_order_id == order_line.c.sales_order_id)
        .where(rma.c.received_at >= since, rma.c.received_at < until)
        .order_by(rma_line.c.id)
    )
    return _frame(connection, statement, ["received_at", "delivered_at", "quantity", "disposition"])


def _frame(connection: Connection, statement: Select[Any], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame([tuple(row) for row in connection.execute(statement).all()], columns=columns)
    for name in columns:
        if name.endswith("_at"):
            frame[name] = pd.to_datetime(frame[name].astype(object), utc=True)
    return frame
