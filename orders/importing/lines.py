"""Order lines, charges and corrections of stock, staged and written with the movements they cause."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from data import order_rows, stock_rows
from data.staging import stage
from orders.importing.book import Book, Ids, IntArray
from orders.model import LineKind
from orders.money import amounts_minor
from orders.returns import CreditPart


def write_order_lines(
    connection: Connection,
    book: Book,
    ids: Ids,
    fresh: NDArray[np.bool_],
    parts: list[CreditPart],
    at: datetime,
) -> None:
    rows = book.rows
    positions = book.of_kind(LineKind.SALE)
    positions = positions[fresh[positions]]
    cancelled, returned = rows.cancelled_quantity.copy(), np.zeros(len(rows), dtype=np.int64)
    for part in parts:
        if part.sale is not None and part.sale >= 0:
            (cancelled if part.is_cancellation else returned)[part.sale] += part.quantity
    shipped = rows.quantity - cancelled
    from_stock = ~np.isnat(rows.shipped_at)
    if rows.has_shipping:
        shipped = np.where(from_stock, shipped, 0)
    promotion = rows.text("promotion")
    stage(
        connection,
        "staged_line",
        {
            "file_row": ("int", positions),
            "sales_order_id": ("int", ids.order[rows.order.codes[positions]]),
            "line_no": ("int", _line_numbers(rows.order.codes[positions])),
            "sku_id": ("int", ids.sku[positions]),
            "location_id": ("int", ids.location[positions]),
            "quantity": ("int", rows.quantity[positions]),
            "quantity_cancelled": ("int", cancelled[positions]),
            "quantity_shipped": ("int", shipped[positions]),
            "quantity_returned": ("int", returned[positions]),
            "unit_price_micros": ("int", rows.unit_price_micros[positions]),
            "amount_minor": (
                "int",
                amounts_minor(rows.quantity[positions], rows.unit_price_micros[positions], book.currency),
            ),
            **(
                {"promotion": ("text", [promotion[int(position)] for position in positions])}
                if promotion.values
                else {}
            ),
            **({"shipped_at": ("moment", rows.shipped_at[positions])} if rows.has_shipping else {}),
        },
        ids_for=order_rows.ORDER_LINE,
    )
    order_rows.write_staged_lines(connection, with_promotion=bool(promotion.values))
    stock_rows.write_staged_sales(connection, with_shipping=rows.has_shipping, batch=ids.batch, recorded_at=at)
    order_rows.write_stated_cancellations(connection, _stated_cancellations(book, positions), ids.batch)
    order_rows.set_statuses(connection, ids.batch)


def _line_numbers(orders: IntArray) -> IntArray:
    """1, 2, 3 … within each order, in the file's order; shape of `orders`."""
    by_order = np.argsort(orders, kind="stable")
    sorted_orders = orders[by_order]
    starts = np.flatnonzero(np.r_[True, sorted_orders[1:] != sorted_orders[:-1]])
    numbers = np.arange(len(orders)) - np.repeat(starts, np.diff(np.r_[starts, len(orders)])) + 1
    result = np.empty(len(orders), dtype=np.int64)
    result[by_order] = numbers
    return result


def _stated_cancellations(book: Book, sales: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Cancellations that the file states on the line itself."""
    rows = book.rows
    reason = rows.text("cancel_reason")
    return [
        {
            "file_row": position,
            "quantity": int(rows.cancelled_quantity[position]),
            "cancelled_at": rows.at[position].item().replace(tzinfo=UTC),
            "reason": reason[position] or "no reason given",
        }
        for position in sales[rows.cancelled_quantity[sales] > 0].tolist()
    ]


def write_charges(connection: Connection, book: Book, ids: Ids, fresh: NDArray[np.bool_]) -> None:
    rows = book.rows
    positions = book.of_kind(LineKind.CHARGE)
    positions = positions[fresh[positions]]
    orders, description = rows.order.codes[positions], rows.text("description")
    stage(
        connection,
        "staged_charge",
        {
            "channel_id": ("int", ids.channel[orders]),
            "external_ref": ("text", [rows.order.values[order] for order in orders]),
            "sales_order_id": ("int", ids.order[orders]),
            "party_id": ("int", ids.party[positions]),
            "code": ("text", [rows.sku.values[code] for code in rows.sku.codes[positions]]),
            "description": ("text", [description[int(position)] for position in positions]),
            "quantity": ("int", rows.quantity[positions]),
            "unit_price_micros": ("int", rows.unit_price_micros[positions]),
            "amount_minor": (
                "int",
                amounts_minor(rows.quantity[positions], rows.unit_price_micros[positions], book.currency),
            ),
            "charged_at": ("moment", rows.at[positions]),
        },
    )
    order_rows.write_staged_charges(connection, currency=book.currency, batch=ids.batch)


def write_corrections(connection: Connection, book: Book, ids: Ids, fresh: NDArray[np.bool_], at: datetime) -> None:
    """Write-offs and goods found, between history and `adjustment`."""
    rows = book.rows
    positions = book.of_kind(LineKind.WRITE_OFF, LineKind.FOUND)
    positions = positions[fresh[positions]]
    description = rows.text("description")
    stage(
        connection,
        "staged_correction",
        {
            "sku_id": ("int", ids.sku[positions]),
            "quantity": ("int", rows.quantity[positions]),
            "effective_at": ("moment", rows.at[positions]),
            "reason": ("text", [description[int(position)] for position in positions]),
        },
    )
    stock_rows.write_staged_corrections(connection, batch=ids.batch, recorded_at=at)
