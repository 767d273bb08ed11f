"""Order lines, charges and corrections of stock, staged and written with the movements they cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from data import order_rows, stock_rows
from data.staging import stage
from orders.importing.book import Book, Ids, IntArray
from orders.model import LineKind, OrderStatus
from orders.money import amounts_minor
from orders.pricing import portion
from orders.returns import CreditPart


@dataclass(frozen=True)
class Sales:
    """The order lines that a file adds, in its order, and what has become of their units; shape (line,).

    `row` is the file's row and `order` the number of its order among those of the file.
    """

    row: NDArray[np.intp]
    order: IntArray
    line_no: IntArray
    quantity: IntArray
    cancelled: IntArray
    shipped: IntArray
    returned: IntArray
    unit_price_micros: IntArray
    amount_minor: IntArray


@dataclass(frozen=True)
class Heads:
    """What orders' lines say of their headers, shape (order,): lines that are not cancelled, and what these cost."""

    status: list[OrderStatus]
    line_count: IntArray
    value_minor: IntArray


def sales(book: Book, fresh: NDArray[np.bool_], parts: list[CreditPart]) -> Sales:
    """The fresh rows that sell something, with what the file's own credits undo of them."""
    rows = book.rows
    positions = book.of_kind(LineKind.SALE)
    positions = positions[fresh[positions]]
    cancelled, returned = rows.cancelled_quantity.copy(), np.zeros(len(rows), dtype=np.int64)
    for part in parts:
        if part.sale is not None and part.sale >= 0:
            (cancelled if part.is_cancellation else returned)[part.sale] += part.quantity
    shipped = rows.quantity - cancelled
    if rows.has_shipping:
        shipped = np.where(np.isnat(rows.shipped_at), 0, shipped)
    order, quantity, price = rows.order.codes[positions], rows.quantity[positions], rows.unit_price_micros[positions]
    return Sales(
        row=positions,
        order=order,
        line_no=_line_numbers(order),
        quantity=quantity,
        cancelled=cancelled[positions],
        shipped=shipped[positions],
        returned=returned[positions],
        unit_price_micros=price,
        amount_minor=amounts_minor(quantity, price, book.currency),
    )


def heads(
    order: IntArray, orders: int, *, quantity: IntArray, cancelled: IntArray, shipped: IntArray, amount_minor: IntArray
) -> Heads:
    """What orders come to that hold nothing in reserve.

    Args:
        order: Each line's order, from 0, shape (line,).
        orders: How many there are.
        quantity: Units ordered, shape (line,).
        cancelled: Units cancelled.
        shipped: Units that have left.
        amount_minor: What the ordered units cost.
    """
    is_kept = cancelled < quantity
    is_open = np.bincount(order[cancelled + shipped < quantity], minlength=orders) > 0
    has_shipped = np.bincount(order[shipped > 0], minlength=orders) > 0
    kept = np.where(is_kept, amount_minor, 0)
    for line in np.flatnonzero(is_kept & (cancelled > 0)).tolist():
        kept[line] = portion(int(amount_minor[line]), int(quantity[line] - cancelled[line]), int(quantity[line]))
    value = np.zeros(orders, dtype=np.int64)
    np.add.at(value, order, kept)
    number = 2 * is_open + has_shipped
    statuses = (OrderStatus.CANCELLED, OrderStatus.CLOSED, OrderStatus.PLACED, OrderStatus.PARTIALLY_SHIPPED)
    return Heads(
        status=[statuses[state] for state in number.tolist()],
        line_count=np.bincount(order[is_kept], minlength=orders),
        value_minor=value,
    )


def write_order_lines(
    connection: Connection, book: Book, ids: Ids, sales: Sales, order_ids: IntArray, at: datetime
) -> None:
    """Write the lines under their headers, the movements of what has left, and the cancellations the file states.

    Args:
        connection: The import's transaction.
        book: The file.
        ids: What its rows refer to.
        sales: The lines.
        order_ids: Of the file's orders, -1 for those without a header, shape (order,).
        at: Now.
    """
    rows, positions = book.rows, sales.row
    promotion = rows.text("promotion")
    stage(
        connection,
        "staged_line",
        {
            "sales_order_id": ("int", order_ids[sales.order]),
            "line_no": ("int", sales.line_no),
            "sku_id": ("int", ids.sku[positions]),
            "location_id": ("int", ids.location[positions]),
            "quantity": ("int", sales.quantity),
            "quantity_cancelled": ("int", sales.cancelled),
            "quantity_shipped": ("int", sales.shipped),
            "quantity_returned": ("int", sales.returned),
            "unit_price_micros": ("int", sales.unit_price_micros),
            "amount_minor": ("int", sales.amount_minor),
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
    _write_stated_cancellations(connection, book, sales, order_ids, ids.batch)


def _line_numbers(orders: IntArray) -> IntArray:
    """1, 2, 3 … within each order, in the file's order; shape of `orders`."""
    by_order = np.argsort(orders, kind="stable")
    sorted_orders = orders[by_order]
    starts = np.flatnonzero(np.r_[True, sorted_orders[1:] != sorted_orders[:-1]])
    numbers = np.arange(len(orders)) - np.repeat(starts, np.diff(np.r_[starts, len(orders)])) + 1
    result = np.empty(len(orders), dtype=np.int64)
    result[by_order] = numbers
    return result


def _write_stated_cancellations(
    connection: Connection, book: Book, sales: Sales, order_ids: IntArray, batch: int
) -> None:
    """Cancellations that the file states on the line itself."""
    rows = book.rows
    stated = np.flatnonzero(rows.cancelled_quantity[sales.row] > 0)
    if not len(stated):
        return
    positions, reason = sales.row[stated], rows.text("cancel_reason")
    order_rows.write_stated_cancellations(
        connection,
        {
            "sales_order_id": ("int", order_ids[sales.order[stated]]),
            "line_no": ("int", sales.line_no[stated]),
            "quantity": ("int", rows.cancelled_quantity[positions]),
            "unit_price_micros": ("int", sales.unit_price_micros[stated]),
            "cancelled_at": ("moment", rows.at[positions]),
            "reason": ("text", [reason[int(position)] or "no reason given" for position in positions]),
        },
        batch=batch,
    )


def write_charges(connection: Connection, book: Book, ids: Ids, fresh: NDArray[np.bool_], order_ids: IntArray) -> None:
    """Fresh lines that are no goods, under their order's header where it has one."""
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
            "sales_order_id": ("int", order_ids[orders]),
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
