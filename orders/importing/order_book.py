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
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from data import import_rows, master_rows, order_rows, stock_rows
from data.connection import Database
from data.importers.order_files import OrderRows, first_rows, read_order_rows, resolve_time_zone
from data.importers.problems import WHOLE_FILE, Problems
from data.importers.reading import MISSING, Coded
from data.staging import unstage
from orders.importing.book import Book, Ids, IntArray, OrderImport, decide, mapped
from orders.importing.credits import linked_credits, write_returns
from orders.importing.lines import Sales, heads, sales, write_charges, write_corrections, write_order_lines
from orders.importing.report import ImportReport, file_sha256, rejected
from orders.master import ensure_locations
from orders.model import Actor, LineKind, Permission
from orders.money import currency_code
from orders.returns import CreditPart
from orders.terms import adopt_terms, read_terms

UNCHANGED = "stored already: left as it is"


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
    lines, book = read_book(database, request, errors=errors, warnings=warnings)
    if book is None:
        return rejected("orders", lines, errors, warnings, dry_run=request.dry_run)
    return store_orders(database, book, request, actor=actor, at=at, errors=errors, warnings=warnings)


def read_book(
    database: Database, request: OrderImport, *, errors: Problems, warnings: Problems
) -> tuple[int, Book | None]:
    """Read and check an order file, and decide what its lines are; nothing is written.

    Args:
        database: Whose terms and channels say what the file does not.
        request: The file and how to read it.
        errors: Receives what is wrong with the file.
        warnings: Receives what is odd.

    Returns:
        How many lines the file has, and the book to store, None when an error keeps the whole file out.

    Raises:
        UnreadableFile: the file as a whole cannot be read.
    """
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
        return len(rows), None
    book = decide(rows, request, terms, time_zone=time_zone, currency=currency, errors=errors, warnings=warnings)
    return len(rows), None if errors.total else book


def store_orders(
    database: Database,
    book: Book,
    request: OrderImport,
    *,
    actor: Actor,
    at: datetime,
    errors: Problems,
    warnings: Problems,
) -> ImportReport:
    """Write a checked file in one transaction, whole or not at all; what `import_orders` does once it has read it.

    Args:
        database: Where to.
        book: The file's lines.
        request: The file that they are from.
        actor: Who imports.
        at: Now, with a time zone.
        errors: Receives what the database says against it; anything here keeps the whole file out.
        warnings: Receives what is odd.
    """
    with database.writing() as connection:
        import_rows.hold_imports(connection)
        report = _write(connection, book, request, actor, at, errors, warnings)
        if report.status == "rejected" or report.stored_lines == 0 or request.dry_run:
            connection.rollback()
    return report


def _write(
    connection: Connection,
    book: Book,
    request: OrderImport,
    actor: Actor,
    at: datetime,
    errors: Problems,
    warnings: Problems,
) -> ImportReport:
    _adopt_company_terms(connection, request, actor, at, warnings)
    channels = master_rows.channel_ids(
        connection, book.channel_of_order.values, time_zone=book.time_zone, currency=book.currency
    )
    channel_of_order = mapped(book.channel_of_order, channels)
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
    ensure_locations(connection, book.location.values, time_zone=book.time_zone, warnings=warnings)
    ids = _resolve(connection, book, batch, channel_of_order, fresh)
    parts = linked_credits(connection, book, ids, fresh, warnings)
    before = stock_rows.last_move_id(connection)
    sold = sales(book, fresh, parts)
    order_ids = _write_orders(connection, book, ids, sold)
    _write_documents(connection, book, ids, is_new, fingerprints)
    write_order_lines(connection, book, ids, sold, order_ids, at)
    write_returns(connection, book, ids, parts, sold, order_ids, at)
    write_charges(connection, book, ids, fresh, order_ids)
    write_corrections(connection, book, ids, fresh, at)
    unstage(connection, "staged_line", "staged_part", "staged_charge", "staged_correction")
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


def _fingerprints(book: Book) -> IntArray:
    """One number for each order's content, whatever the order of its lines; shape (order,)."""
    sums = np.zeros(len(book.rows.order.values), dtype=np.uint64)
    np.add.at(sums, book.rows.order.codes, book.rows.line_hash)
    return sums.view(np.int64)


def _new_orders(
    connection: Connection, book: Book, channel_of_order: IntArray, fingerprints: IntArray, errors: Problems
) -> NDArray[np.bool_]:
    """Which orders the database does not hold; one that it holds with other lines is an error."""
    channels = set(channel_of_order.tolist())
    stored, entered = (
        import_rows.stored_documents(connection, channels),
        import_rows.entered_orders(connection, channels),
    )
    is_new = np.ones(len(fingerprints), dtype=bool)
    if not stored and not entered:
        return is_new
    changed, taken = [], []
    keys = zip(channel_of_order.tolist(), book.rows.order.values, strict=True)
    for number, (key, fingerprint) in enumerate(zip(keys, fingerprints.tolist(), strict=True)):
        known = stored.get(key)
        is_new[number] = known is None
        if known is not None and known != fingerprint:
            changed.append(number)
        if key in entered:
            taken.append(number)
    errors.add(
        "an order of this number was entered here: what was placed is not imported again",
        positions=book.first_row[taken],
        column="order_id",
        values=book.rows.order,
    )
    errors.add(
        "this order is stored already with other content: history is not changed by an import",
        positions=book.first_row[changed],
        column="order_id",
        values=book.rows.order,
    )
    return is_new


def _resolve(
    connection: Connection, book: Book, batch: int, channel_of_order: IntArray, fresh: NDArray[np.bool_]
) -> Ids:
    rows = book.rows
    goods = fresh & (book.kinds != LineKind.CHARGE)
    skus = master_rows.sku_ids(connection, _new_sku_rows(rows, goods))
    parties = master_rows.party_ids(connection, "customer", _customer_rows(rows))
    return Ids(
        batch=batch,
        channel=channel_of_order,
        sku=mapped(rows.sku, skus),
        location=mapped(book.location, master_rows.location_ids(connection)),
        party=mapped(rows.text("customer_id"), parties),
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


def _write_orders(connection: Connection, book: Book, ids: Ids, sold: Sales) -> IntArray:
    """Write the headers of the orders that sell something; their ids, shape (order,), -1 for the others."""
    rows = book.rows
    numbers, order = np.unique(sold.order, return_inverse=True)
    head = book.first_row[numbers]
    country = rows.text("country")
    derived = heads(
        order,
        len(numbers),
        quantity=sold.quantity,
        cancelled=sold.cancelled,
        shipped=sold.shipped,
        amount_minor=sold.amount_minor,
    )
    order_ids = np.full(len(rows.order.values), MISSING, dtype=np.int64)
    order_ids[numbers] = order_rows.write_orders(
        connection,
        {
            "channel_id": ("int", ids.channel[numbers]),
            "external_ref": ("text", [rows.order.values[number] for number in numbers]),
            "party_id": ("int", ids.party[head]),
            "placed_at": ("moment", rows.at[head]),
            "business_date": ("date", rows.day[head]),
            "country": ("text", [country[int(position)] for position in head]),
            "status": ("text", derived.status),
            "line_count": ("int", derived.line_count),
            "value_minor": ("int", derived.value_minor),
        },
        currency=book.currency,
        batch=ids.batch,
    )
    return order_ids


def _write_documents(
    connection: Connection, book: Book, ids: Ids, is_new: NDArray[np.bool_], fingerprints: IntArray
) -> None:
    numbers = np.flatnonzero(is_new)
    order_rows.write_documents(
        connection,
        channel=ids.channel[numbers],
        refs=[book.rows.order.values[number] for number in numbers],
        fingerprints=fingerprints[numbers],
        batch=ids.batch,
    )


def _rows_of(book: Book, sku_code: str) -> NDArray[np.intp]:
    return np.flatnonzero(book.rows.sku.codes == book.rows.sku.values.index(sku_code))


def _counts(book: Book, fresh: NDArray[np.bool_], parts: list[CreditPart]) -> dict[str, int]:
    """What became of the file's lines; the counts add up to all of them."""
    kinds = book.kinds[fresh]
    lines_of = {kind: int((kinds == kind).sum()) for kind in LineKind}
    by_credit: dict[int, list[CreditPart]] = defaultdict(list)
    for part in parts:
        by_credit[part.credit].append(part)
    credits = {
        "cancellations": 0,
        "returns linked to an order": 0,
        "returns linked in part": 0,
        "returns not linked": 0,
    }
    for line in by_credit.values():
        credits[credit_outcome(line)] += 1
    return {
        "order lines": lines_of[LineKind.SALE],
        **credits,
        "charges": lines_of[LineKind.CHARGE],
        "write-offs": lines_of[LineKind.WRITE_OFF],
        "goods found": lines_of[LineKind.FOUND],
        UNCHANGED: int((~fresh).sum()),
    }


def credit_outcome(line: list[CreditPart]) -> str:
    unlinked = [part for part in line if part.unlinked_reason]
    if unlinked:
        return "returns not linked" if len(unlinked) == len(line) else "returns linked in part"
    return "cancellations" if all(part.is_cancellation for part in line) else "returns linked to an order"


def _totals(book: Book) -> dict[str, Any]:
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
