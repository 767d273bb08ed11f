"""An order file becomes orders, cancellations, returns, charges and stock movements, all or nothing.

The file's lines are checked and decided on as arrays, staged, and written by a few set-based statements. The
content is its own idempotency key: an order that is stored already is left alone, so the same file twice
changes nothing.

History is closed: its lines neither allocate nor reserve, and its goods move from `before_stockwright` to the
customer. Where a file says when a line was shipped (`shipped_at`), the goods left that location's counted
stock, and an empty cell says that they have not left yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from data import import_rows, master_rows, order_rows, stock_rows
from data.connection import Database
from data.importers.order_files import (
    OrderRows,
    first_rows,
    read_order_rows,
    resolve_time_zone,
)
from data.importers.problems import WHOLE_FILE, Problems
from data.importers.reading import MISSING, Coded
from data.staging import stage, unstage
from orders.importing.report import ImportReport, file_sha256, rejected
from orders.master import ensure_locations
from orders.model import Actor, Disposition, LineKind, OrderStatus, Permission
from orders.money import amounts_minor, currency_code, split_amounts_minor
from orders.order_book import CHARGE_CODES, line_kinds
from orders.returns import CreditLine, CreditPart, SoldLine, link_credits
from orders.terms import Terms, adopt_terms, read_terms

IntArray = NDArray[np.int64]
UNCHANGED = "stored already: left as it is"


@dataclass(frozen=True)
class OrderImport:
    """What to import, and how to read it; None takes the channel's or the company's value."""

    path: Path
    channel: str = "default"
    location: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    date_format: str | None = None
    charge_codes: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True)
class _Book:
    """The file's rows with everything that was decided about them before writing."""

    rows: OrderRows
    kinds: NDArray[np.int8]
    channel_of_order: Coded
    location: Coded
    currency: str

    def of_kind(self, *kinds: LineKind) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.kinds, kinds))

    @property
    def first_row(self) -> NDArray[np.intp]:
        """Each order's first row, shape (order,)."""
        return first_rows(self.rows.order.codes, len(self.rows.order.values))


@dataclass(frozen=True)
class _Ids:
    """Ids of what the rows refer to; arrays have shape (row,) or (order,), -1 for none."""

    batch: int
    channel: IntArray
    sku: IntArray
    location: IntArray
    party: IntArray
    order: IntArray


def import_orders(database: Database, request: OrderImport, *, actor: Actor, at: datetime) -> ImportReport:
    """Import an order file in one transaction.

    Args:
        database: Where to.
        request: The file and how to read it.
        actor: Who imports.
        at: Now, with a time zone.

    Returns:
        What became of every line; `status` is "rejected" when an error kept the whole file out.

    Raises:
        UnreadableFile: the file as a whole cannot be read (missing, empty, lacking columns).
    """
    actor.require(Permission.IMPORT)
    errors, warnings = Problems(), Problems()
    with database.reading() as connection:
        terms = read_terms(connection)
        known = master_rows.find_channel(connection, request.channel)
    time_zone = resolve_time_zone(request.time_zone or (known.time_zone if known else terms.time_zone))
    currency = currency_code(request.currency or (known.currency if known else terms.currency))
    rows = read_order_rows(
        request.path,
        mapping=request.mapping,
        time_zone=time_zone,
        date_format=request.date_format,
        errors=errors,
        warnings=warnings,
    )
    if errors.total:
        return rejected("orders", len(rows), errors, warnings, dry_run=request.dry_run)
    book = _decide(rows, request, terms, currency, errors, warnings)
    if errors.total:
        return rejected("orders", len(rows), errors, warnings, dry_run=request.dry_run)
    with database.writing() as connection:
        report = _write(connection, book, request, time_zone, actor, at, errors, warnings)
        if report.status == "rejected" or report.stored_lines == 0 or request.dry_run:
            connection.rollback()
    return report


def _decide(
    rows: OrderRows, request: OrderImport, terms: Terms, currency: str, errors: Problems, warnings: Problems
) -> _Book:
    codes = CHARGE_CODES[rows.layout] if request.charge_codes is None else request.charge_codes
    kinds = line_kinds(rows, charge_codes=codes, errors=errors)
    no_customer = rows.text("customer_id").missing
    warnings.add("no customer", positions=np.flatnonzero(no_customer), column="customer_id")
    if "description" in rows.texts:
        warnings.add(
            "no description", positions=np.flatnonzero(rows.texts["description"].missing), column="description"
        )
    default_location = (request.location or terms.default_location).upper()
    return _Book(
        rows=rows,
        kinds=kinds,
        channel_of_order=_per_order(rows, _filled(rows.text("channel"), request.channel), "channel", errors),
        location=_filled(rows.text("location"), default_location),
        currency=currency,
    )


def _filled(coded: Coded, default: str) -> Coded:
    """The same column with `default` where it was empty."""
    values = [*coded.values, *([] if default in coded.values else [default])]
    return Coded(np.where(coded.missing, values.index(default), coded.codes), values)


def _per_order(rows: OrderRows, column: Coded, name: str, errors: Problems) -> Coded:
    """A column that must be the same on all lines of an order, as one value per order."""
    first = first_rows(rows.order.codes, len(rows.order.values))
    of_order = column.codes[first]
    differs = np.flatnonzero(column.codes != of_order[rows.order.codes])
    errors.add(f"lines of one order name several {name}s", positions=differs, column=name, values=column)
    return Coded(of_order, column.values)


# Writing


def _write(
    connection: Connection,
    book: _Book,
    request: OrderImport,
    time_zone: str,
    actor: Actor,
    at: datetime,
    errors: Problems,
    warnings: Problems,
) -> ImportReport:
    _adopt_company_terms(connection, request, actor, at, warnings)
    channels = master_rows.channel_ids(
        connection, book.channel_of_order.values, time_zone=time_zone, currency=book.currency
    )
    channel_of_order = _mapped(book.channel_of_order, channels)
    fingerprints = _fingerprints(book)
    is_new = _new_orders(connection, book, channel_of_order, fingerprints, errors)
    totals = _totals(book)
    lines = len(book.rows)
    if errors.total:
        return rejected("orders", lines, errors, warnings, dry_run=request.dry_run)
    fresh = is_new[book.rows.order.codes]
    if not fresh.any():
        return ImportReport("orders", 0, {UNCHANGED: lines}, totals, errors, warnings, request.dry_run)
    batch = import_rows.open_batch(
        connection,
        kind="orders",
        file_name=request.path.name,
        sha256=file_sha256(request.path),
        imported_by=actor.name,
        imported_at=at,
    )
    ensure_locations(connection, book.location.values, time_zone=time_zone, warnings=warnings)
    ids = _resolve(connection, book, batch, channel_of_order, is_new, fresh)
    parts = _linked_credits(connection, book, ids, fresh, warnings)
    before = stock_rows.last_move_id(connection)
    _write_documents(connection, book, ids, is_new, fingerprints)
    _write_order_lines(connection, book, ids, fresh, parts, at)
    _write_returns(connection, book, ids, fresh, parts, at)
    _write_charges(connection, book, ids, fresh)
    _write_corrections(connection, book, ids, fresh, at)
    unstage(connection, "staged_line", "staged_part", "staged_rma", "staged_charge", "staged_correction")
    short = stock_rows.add_batch_to_balances(connection, batch, after=before)
    for item in short:
        errors.add(
            f"{item.sku} at {item.location}: the lines shipped from it exceed the stock by {-item.on_hand}",
            positions=_rows_of(book, item.sku)[:1],
            column="shipped_at",
        )
    if errors.total:
        return rejected("orders", lines, errors, warnings, dry_run=request.dry_run)
    counts = _counts(book, fresh, parts)
    stored = int(fresh.sum())
    report = ImportReport("orders", stored, counts, totals, errors, warnings, request.dry_run)
    import_rows.close_batch(connection, batch, stored_lines=stored, report=report.as_dict())
    return report


def _adopt_company_terms(
    connection: Connection, request: OrderImport, actor: Actor, at: datetime, warnings: Problems
) -> None:
    """A company's first order file says in which currency and time zone it trades, unless that was set before."""
    if order_rows.first_business_date(connection) is not None:
        return
    said = {"currency": request.currency, "time_zone": request.time_zone}
    given = {name: value for name, value in said.items() if value is not None}
    for name, value in adopt_terms(connection, given, actor=actor, at=at).items():
        warnings.add(
            f"the company had no {name.replace('_', ' ')}: it takes this file's",
            positions=WHOLE_FILE,
            column=name,
            values={-1: value},
        )


def _mapped(coded: Coded, ids: Mapping[str, int]) -> IntArray:
    """Each row's id by its text; -1 where there is no text."""
    return np.array([*(ids.get(value, MISSING) for value in coded.values), MISSING], dtype=np.int64)[coded.codes]


def _fingerprints(book: _Book) -> IntArray:
    """One number for each order's content, whatever the order of its lines; shape (order,)."""
    sums = np.zeros(len(book.rows.order.values), dtype=np.uint64)
    np.add.at(sums, book.rows.order.codes, book.rows.line_hash)
    return sums.view(np.int64)


def _new_orders(
    connection: Connection, book: _Book, channel_of_order: IntArray, fingerprints: IntArray, errors: Problems
) -> NDArray[np.bool_]:
    """Which orders the database does not hold; one that it holds with other lines is an error."""
    stored = import_rows.stored_documents(connection, set(channel_of_order.tolist()))
    is_new = np.ones(len(fingerprints), dtype=bool)
    if not stored:
        return is_new
    changed = []
    keys = zip(channel_of_order.tolist(), book.rows.order.values, strict=True)
    for number, (key, fingerprint) in enumerate(zip(keys, fingerprints.tolist(), strict=True)):
        known = stored.get(key)
        is_new[number] = known is None
        if known is not None and known != fingerprint:
            changed.append(number)
    errors.add(
        "this order is stored already with other content: history is not changed by an import",
        positions=book.first_row[changed],
        column="order_id",
        values=book.rows.order,
    )
    return is_new


def _resolve(
    connection: Connection,
    book: _Book,
    batch: int,
    channel_of_order: IntArray,
    is_new: NDArray[np.bool_],
    fresh: NDArray[np.bool_],
) -> _Ids:
    rows = book.rows
    goods = fresh & (book.kinds != LineKind.CHARGE)
    skus = master_rows.sku_ids(connection, _new_sku_rows(rows, goods))
    party = _mapped(rows.text("customer_id"), master_rows.party_ids(connection, "customer", _customer_rows(rows)))
    sells = np.zeros(len(rows.order.values), dtype=bool)
    sells[rows.order.codes[fresh & (book.kinds == LineKind.SALE)]] = True
    order_id = _write_orders(connection, book, batch, channel_of_order, party, sells & is_new)
    return _Ids(
        batch=batch,
        channel=channel_of_order,
        sku=_mapped(rows.sku, skus),
        location=_mapped(book.location, master_rows.location_ids(connection)),
        party=party,
        order=order_id,
    )


def _new_sku_rows(rows: OrderRows, goods: NDArray[np.bool_]) -> list[dict[str, str]]:
    """Code, first spelling and most frequent description of each SKU among the goods lines."""
    spelling = rows.sku_spelling.codes[first_rows(rows.sku.codes, len(rows.sku.values))]
    names = _most_frequent(rows.sku.codes[goods], rows.text("description"), np.flatnonzero(goods))
    used = np.unique(rows.sku.codes[goods]).tolist()
    return [
        {
            "code": rows.sku.values[number],
            "display_code": rows.sku_spelling.values[spelling[number]],
            "name": names.get(number, rows.sku_spelling.values[spelling[number]]),
        }
        for number in used
    ]


def _most_frequent(groups: IntArray, words: Coded, positions: NDArray[np.intp]) -> dict[int, str]:
    """Each group's most frequent word; the first met of those that tie."""
    codes = words.codes[positions]
    said = codes != MISSING
    width = len(words.values) + 1
    pairs, counts = np.unique(groups[said] * width + codes[said], return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        group, word = divmod(pair, width)
        if count > best.get(group, (0, 0))[0]:
            best[group] = (count, word)
    return {group: words.values[word] for group, (_, word) in best.items()}


def _customer_rows(rows: OrderRows) -> list[dict[str, str | None]]:
    customers, country = rows.text("customer_id"), rows.text("country")
    if not customers.values:
        return []
    named = np.flatnonzero(~customers.missing)
    first = named[first_rows(customers.codes[named], len(customers.values))]
    return [
        {"external_ref": ref, "name": ref, "country": country[int(position)]}
        for ref, position in zip(customers.values, first, strict=True)
    ]


def _write_orders(
    connection: Connection,
    book: _Book,
    batch: int,
    channel: IntArray,
    party: IntArray,
    wanted: NDArray[np.bool_],
) -> IntArray:
    """Write the headers of the orders that sell something; their ids, shape (order,), -1 for the others."""
    rows, first = book.rows, book.first_row
    numbers = np.flatnonzero(wanted)
    head = first[numbers]
    country = rows.text("country")
    refs = [rows.order.values[number] for number in numbers]
    stage(
        connection,
        "staged_order",
        {
            "channel_id": ("int", channel[numbers]),
            "external_ref": ("text", refs),
            "party_id": ("int", party[head]),
            "placed_at": ("moment", rows.at[head]),
            "business_date": ("date", rows.day[head]),
            "country": ("text", [country[int(position)] for position in head]),
        },
        ids_for=order_rows.SALES_ORDER,
    )
    order_rows.write_staged_orders(connection, currency=book.currency, status=OrderStatus.CLOSED, batch=batch)
    written = order_rows.staged_order_ids(connection)
    unstage(connection, "staged_order")
    ids = np.full(len(wanted), MISSING, dtype=np.int64)
    ids[numbers] = [written[channel_id, ref] for channel_id, ref in zip(channel[numbers].tolist(), refs, strict=True)]
    return ids


def _write_documents(
    connection: Connection, book: _Book, ids: _Ids, is_new: NDArray[np.bool_], fingerprints: IntArray
) -> None:
    numbers = np.flatnonzero(is_new)
    order_rows.write_documents(
        connection,
        channel=ids.channel[numbers],
        refs=[book.rows.order.values[number] for number in numbers],
        fingerprints=fingerprints[numbers],
        batch=ids.batch,
    )


def _linked_credits(
    connection: Connection, book: _Book, ids: _Ids, fresh: NDArray[np.bool_], warnings: Problems
) -> list[CreditPart]:
    """Every fresh credit line split into the sales that it undoes. Sales are known by row, stored ones by −id."""
    rows = book.rows
    returned_order = rows.text("returns_order")
    positions = book.of_kind(LineKind.CREDIT)
    positions = positions[fresh[positions]]
    credits = []
    for position in positions.tolist():
        named, party = returned_order[position], int(ids.party[position])
        buyer = ("order", named) if named else ("party", party) if party != MISSING else None
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
    book: _Book, ids: _Ids, fresh: NDArray[np.bool_], wanted: set[tuple[Any, int]]
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
        keys = [("party", int(ids.party[position])), *([("order", order)] if by_order else [])]
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


def _buys(ids: _Ids, pairs: set[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which rows are of one of these (party, SKU) pairs, shape (row,)."""
    width = int(ids.sku.max(initial=0)) + 2
    return np.isin(ids.party * width + ids.sku, [party * width + sku for party, sku in pairs])


def _stored_sales(
    connection: Connection, ids: _Ids, wanted: set[tuple[Any, int]]
) -> dict[tuple[Any, int], list[SoldLine]]:
    """Sales stored by earlier imports, of the wanted (buyer, SKU) pairs."""
    sales: dict[tuple[Any, int], list[SoldLine]] = defaultdict(list)
    for line in order_rows.undoable_lines(connection, {sku for _, sku in wanted}, except_batch=ids.batch):
        for buyer in (("party", line.party_id), ("order", line.external_ref)):
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


def _write_order_lines(
    connection: Connection,
    book: _Book,
    ids: _Ids,
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


def _stated_cancellations(book: _Book, sales: NDArray[np.intp]) -> list[dict[str, Any]]:
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


def _write_returns(
    connection: Connection,
    book: _Book,
    ids: _Ids,
    fresh: NDArray[np.bool_],
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
    stock_rows.write_staged_returns(
        connection, scrap_disposition=Disposition.SCRAP, batch=ids.batch, recorded_at=at
    )
    stock_rows.undo_cancelled_shipments(connection, batch=ids.batch, recorded_at=at)


def _write_charges(connection: Connection, book: _Book, ids: _Ids, fresh: NDArray[np.bool_]) -> None:
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


def _write_corrections(
    connection: Connection, book: _Book, ids: _Ids, fresh: NDArray[np.bool_], at: datetime
) -> None:
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


# Reporting


def _rows_of(book: _Book, sku_code: str) -> NDArray[np.intp]:
    return np.flatnonzero(book.rows.sku.codes == book.rows.sku.values.index(sku_code))


def _counts(book: _Book, fresh: NDArray[np.bool_], parts: list[CreditPart]) -> dict[str, int]:
    """What became of the file's lines; the counts add up to all of them."""
    kinds = book.kinds[fresh]
    lines_of = {kind: int((kinds == kind).sum()) for kind in LineKind}
    by_credit: dict[int, list[CreditPart]] = defaultdict(list)
    for part in parts:
        by_credit[part.credit].append(part)
    credits = {"cancellations": 0, "returns linked to an order": 0, "returns linked in part": 0, "returns not linked": 0}
    for line in by_credit.values():
        credits[_credit_outcome(line)] += 1
    return {
        "order lines": lines_of[LineKind.SALE],
        **credits,
        "charges": lines_of[LineKind.CHARGE],
        "write-offs": lines_of[LineKind.WRITE_OFF],
        "goods found": lines_of[LineKind.FOUND],
        UNCHANGED: int((~fresh).sum()),
    }


def _credit_outcome(line: list[CreditPart]) -> str:
    unlinked = [part for part in line if part.unlinked_reason]
    if unlinked:
        return "returns not linked" if len(unlinked) == len(line) else "returns linked in part"
    return "cancellations" if all(part.is_cancellation for part in line) else "returns linked to an order"


def _totals(book: _Book) -> dict[str, Any]:
    rows = book.rows
    value = sum((rows.quantity * rows.unit_price_micros).tolist())
    return {
        "lines": len(rows),
        "orders": len(rows.order.values),
        "skus": len(np.unique(rows.sku.codes[book.kinds != LineKind.CHARGE])),
        "customers": len(rows.text("customer_id").values),
        "units": int(rows.quantity.sum()),
        "value": round(value / 1e6, 2),
        "currency": book.currency,
        "first_day": str(rows.day.min()),
        "last_day": str(rows.day.max()),
    }
