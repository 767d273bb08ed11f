"""Credits find the sales that they undo, and become cancellations and RMAs."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from data import order_rows, stock_rows
from data.importers.problems import Problems
from data.importers.reading import MISSING
from data.staging import stage
from orders.importing.book import Book, Ids
from orders.model import Disposition, LineKind
from orders.money import split_amounts_minor
from orders.returns import CreditLine, CreditPart, SoldLine, link_credits


def linked_credits(
    connection: Connection, book: Book, ids: Ids, fresh: NDArray[np.bool_], warnings: Problems
) -> list[CreditPart]:
    """Every fresh credit line split into the sales that it undoes. Sales are known by row, stored ones by −id."""
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
    for key, lines in _stored_sales(connection, ids, wanted).items():
        sales[key].extend(lines)
    parts = link_credits(credits, sales)
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
    first = book.first_row[rows.order.codes[candidates]]
    for position, head in zip(candidates.tolist(), first.tolist(), strict=True):
        sku, order = int(ids.sku[position]), rows.order[position]
        channel = int(ids.channel[rows.order.codes[position]])
        keys = [("party", int(ids.party[position])), *([("order", (channel, order))] if by_order else [])]
        for buyer in keys:
            if (buyer, sku) in wanted:
                sales[buyer, sku].append(
                    SoldLine(
                        handle=position,
                        order=str(order),
                        sold_at=rows.at[head].item(),
                        business_date=rows.day[head].item(),
                        quantity=int(open_quantity[position]),
                        unit_price_micros=int(rows.unit_price_micros[position]),
                    )
                )
    return sales


def _buys(ids: Ids, pairs: set[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which rows are of one of these (party, SKU) pairs, shape (row,)."""
    width = int(ids.sku.max(initial=0)) + 2
    return np.isin(ids.party * width + ids.sku, [party * width + sku for party, sku in pairs])


def _stored_sales(
    connection: Connection, ids: Ids, wanted: set[tuple[Any, int]]
) -> dict[tuple[Any, int], list[SoldLine]]:
    """Sales stored by earlier imports, of the wanted (buyer, SKU) pairs."""
    sales: dict[tuple[Any, int], list[SoldLine]] = defaultdict(list)
    for line in order_rows.undoable_lines(connection, {sku for _, sku in wanted}, except_batch=ids.batch):
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
    return sales


def write_returns(
    connection: Connection,
    book: Book,
    ids: Ids,
    parts: list[CreditPart],
    at: datetime,
) -> None:
    """Write cancellations and RMAs; the sales that earlier imports stored learn what was undone."""
    if not parts:
        return
    rows = book.rows
    credit = np.array([part.credit for part in parts], dtype=np.int64)
    quantity = np.array([part.quantity for part in parts], dtype=np.int64)
    price = rows.unit_price_micros[credit]
    sale = np.array([MISSING if part.sale is None else part.sale for part in parts], dtype=np.int64)
    is_stored = np.array([part.sale is not None and part.sale < 0 for part in parts])
    has_sale = np.array([part.sale is not None for part in parts])
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
            "sale_row": ("int", np.where(has_sale & ~is_stored, sale, MISSING)),
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
    stock_rows.undo_cancelled_shipments(connection, batch=ids.batch, recorded_at=at)
