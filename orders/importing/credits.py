"""Credits find the sales that they undo, and become cancellations and RMAs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from data import order_rows, stock_rows
from data.importers.problems import Problems
from data.importers.reading import MISSING
from data.staging import stage
from orders.importing.book import Book, Ids, IntArray
from orders.importing.lines import Sales, heads
from orders.model import Disposition, LineKind
from orders.money import split_amounts_minor
from orders.returns import CreditLine, CreditPart, SoldLine, link_credits


def linked_credits(
    connection: Connection, book: Book, ids: Ids, fresh: NDArray[np.bool_], warnings: Problems
) -> list[CreditPart]:
    """Every fresh credit line split into the sales that it undoes. Sales are known by row, stored ones by −id.

    What a command has shipped has left: crediting it is a return even on the day of the sale.
    """
    rows = book.rows
    returned_order = rows.text("returns_order")
    positions = book.of_kind(LineKind.CREDIT)
    positions = positions[fresh[positions]]
    credits = []
    for position in positions.tolist():
        named, party = returned_order[position], int(ids.party[position])
        channel = int(ids.channel[rows.order.codes[position]])
        buyer = ("order", (channel, named)) if named else ("party", party) if party != MISSING else None
        credits.append(
            CreditLine(
                handle=position,
                buyer=buyer,
                sku=int(ids.sku[position]),
                order=named,
                credited_at=rows.at[position].item(),
                business_date=rows.day[position].item(),
                quantity=-int(rows.quantity[position]),
                unit_price_micros=int(rows.unit_price_micros[position]),
            )
        )
    wanted = {(credit.buyer, credit.sku) for credit in credits if credit.buyer is not None}
    sales = _sales_in_file(book, ids, fresh, wanted)
    stored, has_left = _stored_sales(connection, wanted)
    for key, lines in stored.items():
        sales[key].extend(lines)
    parts = [
        replace(part, is_cancellation=False) if part.sale in has_left else part for part in link_credits(credits, sales)
    ]
    for reason in sorted({part.unlinked_reason for part in parts if part.unlinked_reason}):
        warnings.add(
            f"return not linked to an order: {reason}",
            positions=np.unique([part.credit for part in parts if part.unlinked_reason == reason]),
            column="order_id",
            values=rows.order,
        )
    return parts


def _sales_in_file(
    book: Book, ids: Ids, fresh: NDArray[np.bool_], wanted: set[tuple[Any, int]]
) -> dict[tuple[Any, int], list[SoldLine]]:
    """The file's sales of the wanted (buyer, SKU) pairs."""
    rows = book.rows
    sales: dict[tuple[Any, int], list[SoldLine]] = defaultdict(list)
    by_order = any(buyer[0] == "order" for buyer, _ in wanted)
    is_wanted = _buys(ids, {(buyer[1], sku) for buyer, sku in wanted if buyer[0] == "party"})
    if by_order:
        is_wanted |= np.isin(ids.sku, [sku for _, sku in wanted])
    candidates = np.flatnonzero(fresh & (book.kinds == LineKind.SALE) & is_wanted)
    open_quantity = rows.quantity - rows.cancelled_quantity
    if rows.has_shipping:
        open_quantity = np.where(np.isnat(rows.shipped_at), 0, open_quantity)
    orders = rows.order.codes[candidates]
    first = book.first_row[orders]
    of_each = (
        candidates, orders, ids.channel[orders], ids.party[candidates], ids.sku[candidates],
        rows.at[first], rows.day[first], open_quantity[candidates], rows.unit_price_micros[candidates],
    )  # fmt: skip
    # As lists, since a NumPy array gives its elements to a loop far more slowly.
    for position, number, channel, party, sku, at, day, quantity, price in zip(
        *(values.tolist() for values in of_each), strict=True
    ):
        order = rows.order.values[number]
        keys = [("party", party), *([("order", (channel, order))] if by_order else [])]
        for buyer in keys:
            if (buyer, sku) in wanted:
                sales[buyer, sku].append(SoldLine(position, order, at, day, quantity, price))
    return sales


def _buys(ids: Ids, pairs: set[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which rows are of one of these (party, SKU) pairs, shape (row,)."""
    width = int(ids.sku.max(initial=0)) + 2
    return np.isin(ids.party * width + ids.sku, [party * width + sku for party, sku in pairs])


def _stored_sales(
    connection: Connection, wanted: set[tuple[Any, int]]
) -> tuple[dict[tuple[Any, int], list[SoldLine]], set[int]]:
    """Stored sales of the wanted (buyer, SKU) pairs, and the handles of those that a command has shipped."""
    sales: dict[tuple[Any, int], list[SoldLine]] = defaultdict(list)
    has_left = set()
    for line in order_rows.undoable_lines(connection, {sku for _, sku in wanted}):
        for buyer in (("party", line.party_id), ("order", (line.channel_id, line.external_ref))):
            if (buyer, line.sku_id) in wanted:
                sales[buyer, line.sku_id].append(
                    SoldLine(
                        handle=-line.id,
                        order=line.external_ref,
                        sold_at=line.placed_at.astimezone(UTC).replace(tzinfo=None),
                        business_date=line.business_date,
                        quantity=line.open_quantity,
                        unit_price_micros=line.unit_price_micros,
                    )
                )
                if not line.is_history:
                    has_left.add(-line.id)
    return sales, has_left


def write_returns(
    connection: Connection,
    book: Book,
    ids: Ids,
    parts: list[CreditPart],
    sales: Sales,
    order_ids: IntArray,
    at: datetime,
) -> None:
    """Write cancellations and RMAs; the sales that were stored before learn what was undone.

    Args:
        connection: The import's transaction.
        book: The file.
        ids: What its rows refer to.
        parts: From `linked_credits`.
        sales: The file's own sales, written by now.
        order_ids: Of the file's orders, -1 for those without a header, shape (order,).
        at: Now.
    """
    if not parts:
        return
    rows = book.rows
    line_no = np.full(len(rows), MISSING, dtype=np.int64)
    line_no[sales.row] = sales.line_no
    credit = np.array([part.credit for part in parts], dtype=np.int64)
    quantity = np.array([part.quantity for part in parts], dtype=np.int64)
    price = rows.unit_price_micros[credit]
    sale = np.array([MISSING if part.sale is None else part.sale for part in parts], dtype=np.int64)
    is_stored = np.array([part.sale is not None and part.sale < 0 for part in parts])
    sale_row = np.where(is_stored, MISSING, sale)
    in_file = sale_row != MISSING
    reason, disposition = rows.text("return_reason"), rows.text("disposition")
    orders = rows.order.codes[credit]
    stage(
        connection,
        "staged_part",
        {
            "number": ("text", [rows.order.values[order] for order in orders]),
            "channel_id": ("int", ids.channel[orders]),
            "party_id": ("int", ids.party[book.first_row[orders]]),
            "credited_at": ("moment", rows.at[book.first_row[orders]]),
            "business_date": ("date", rows.day[book.first_row[orders]]),
            "sales_order_id": ("int", np.where(in_file, order_ids[rows.order.codes[sale_row]], MISSING)),
            "line_no": ("int", np.where(in_file, line_no[sale_row], MISSING)),
            "order_line_id": ("int", np.where(is_stored, -sale, MISSING)),
            "is_cancellation": ("int", np.array([part.is_cancellation for part in parts], dtype=np.int64)),
            "sku_id": ("int", ids.sku[credit]),
            "location_id": ("int", ids.location[credit]),
            "quantity": ("int", quantity),
            "unit_price_micros": ("int", price),
            "amount_minor": ("int", split_amounts_minor(credit, quantity, price, book.currency)),
            "reason": ("text", [reason[int(position)] for position in credit]),
            "disposition": ("text", [disposition[int(position)] for position in credit]),
            "unlinked_reason": ("text", [part.unlinked_reason for part in parts]),
            "received_at": ("moment", rows.shipped_at[credit]),
        },
        ids_for=order_rows.RMA_LINE,
    )
    order_rows.write_staged_returns(connection, currency=book.currency, batch=ids.batch)
    stock_rows.write_staged_returns(connection, scrap_disposition=Disposition.SCRAP, batch=ids.batch, recorded_at=at)
    if is_stored.any():
        order_rows.lock_orders_of_stored_sales(connection)
        order_rows.undo_stored_sales(connection)
        stock_rows.undo_cancelled_shipments(connection, batch=ids.batch, recorded_at=at)
        _derive_orders(connection, at)


def _derive_orders(connection: Connection, at: datetime) -> None:
    """Stored orders of which something was cancelled say so in their headers."""
    lines = order_rows.orders_with_undone_sales(connection)
    if not lines:
        return
    columns = np.array(lines, dtype=np.int64).T
    orders, order = np.unique(columns[0], return_inverse=True)
    quantity, cancelled, shipped, amount = columns[1:]
    derived = heads(order, len(orders), quantity=quantity, cancelled=cancelled, shipped=shipped, amount_minor=amount)
    order_rows.set_heads(
        connection,
        [
            {"order": number, "to_status": status, "since": at, "lines": count, "value": value}
            for number, status, count, value in zip(
                orders.tolist(), derived.status, derived.line_count.tolist(), derived.value_minor.tolist(), strict=True
            )
        ],
    )
