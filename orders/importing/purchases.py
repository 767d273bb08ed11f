"""A file of past and open purchase orders becomes supply: receipts in the ledger, lead times, what is on order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from data import master_rows, purchase_rows, stock_rows
from data.connection import Database
from data.importers.problems import Problems
from data.importers.sheets import read_sheet
from data.staging import stage, unstage
from orders.importing.files import FileImport, import_file
from orders.importing.report import ImportReport
from orders.master import ensure_locations
from orders.model import Actor
from orders.terms import read_terms

COLUMNS = (
    "po_number", "supplier", "sku", "location", "quantity", "unit_cost", "ordered_at", "expected_date",
    "received_at", "received_quantity",
)  # fmt: skip


def _refuse_several(numbers: Sequence[str], name: str, values: Sequence[Any], errors: Problems) -> None:
    """An error for each line whose purchase order says something else on its first line; missing cells have theirs."""
    first: dict[str, Any] = {}
    differs = [
        row
        for row, (number, value) in enumerate(zip(numbers, values, strict=True))
        if number and value not in ("", "NaT") and first.setdefault(number, value) != value
    ]
    errors.add(f"lines of one purchase order differ in {name}", positions=differs, column=name, values=values)


def import_purchases(database: Database, request: FileImport, *, actor: Actor, at: datetime) -> ImportReport:
    """Import purchase orders; a line with `received_at` was received, and what came short is closed.

    Columns: po_number, supplier, sku, location, quantity, ordered_at (required), unit_cost, expected_date,
    received_at, received_quantity (the quantity, when a received line leaves it empty).

    Raises:
        UnreadableFile: the file as a whole cannot be read.
    """
    errors, warnings = Problems(), Problems()
    sheet = read_sheet(
        request.path,
        COLUMNS,
        required=["po_number", "supplier", "sku", "location", "quantity", "ordered_at"],
        errors=errors,
    )
    with database.reading() as connection:
        terms = read_terms(connection)
    numbers = [value or "" for value in sheet.text("po_number", required=True)]
    suppliers = [value or "" for value in sheet.text("supplier", required=True)]
    codes, locations = sheet.code("sku"), sheet.code("location")
    quantity = np.array([value or 0 for value in sheet.whole("quantity", least=1, required=True)], dtype=np.int64)
    cost = [value or 0 for value in sheet.price("unit_cost")]
    ordered_at = sheet.moment("ordered_at", terms.time_zone, required=True)
    received_at, expected = sheet.moment("received_at", terms.time_zone), sheet.day("expected_date")
    is_received = ~np.isnat(received_at)
    order_moments = ordered_at.astype(str).tolist()
    for name, values in (("supplier", suppliers), ("location", locations), ("ordered_at", order_moments)):
        _refuse_several(numbers, name, values, errors)
    stated = sheet.whole("received_quantity", least=0)
    received = np.where(
        is_received,
        [whole if value is None else value for value, whole in zip(stated, quantity.tolist(), strict=True)],
        0,
    ).astype(np.int64)

    def store(connection: Connection, batch: int, errors: Problems, warnings: Problems) -> dict[str, int]:
        skus = master_rows.known_skus(connection)
        unknown = [row for row, code in enumerate(codes) if code not in skus]
        errors.add("unknown SKU: import its item first", positions=unknown, column="sku", values=codes)
        stored = purchase_rows.stored_numbers(connection)
        again = [row for row, number in enumerate(numbers) if number in stored]
        errors.add("this purchase order is stored already", positions=again, column="po_number", values=numbers)
        if errors.total:
            return {}
        ensure_locations(connection, sorted(set(locations)), time_zone=terms.time_zone, warnings=warnings)
        places = master_rows.location_ids(connection)
        supplier_ids = master_rows.party_ids(
            connection,
            "supplier",
            [{"external_ref": name, "name": name, "country": None} for name in sorted(set(suppliers))],
        )
        first: dict[str, int] = {}
        line_no = np.empty(len(numbers), dtype=np.int64)
        seen: dict[str, int] = {}
        is_open: dict[str, bool] = {}
        for row, number in enumerate(numbers):
            first.setdefault(number, row)
            line_no[row] = seen[number] = seen.get(number, 0) + 1
            is_open[number] = is_open.get(number, False) or not is_received[row]
        heads = list(first.values())
        stage(
            connection,
            "staged_purchase",
            {
                "number": ("text", [numbers[row] for row in heads]),
                "supplier_id": ("int", [supplier_ids[suppliers[row]] for row in heads]),
                "location_id": ("int", [places[locations[row]] for row in heads]),
                "status": ("text", ["ordered" if is_open[numbers[row]] else "received" for row in heads]),
                "ordered_at": ("moment", ordered_at[heads]),
            },
            ids_for=purchase_rows.PURCHASE_ORDER,
        )
        stage(
            connection,
            "staged_purchase_line",
            {
                "number": ("text", numbers),
                "line_no": ("int", line_no),
                "sku_id": ("int", [skus[code] for code in codes]),
                "quantity": ("int", quantity),
                "quantity_received": ("int", received),
                "quantity_cancelled": ("int", np.where(is_received, np.maximum(quantity - received, 0), 0)),
                "unit_cost_micros": ("int", cost),
                "expected_date": ("date", expected),
                "received_at": ("moment", received_at),
            },
            ids_for=purchase_rows.PURCHASE_ORDER_LINE,
        )
        purchase_rows.write_staged_orders(connection, currency=terms.currency, created_by=actor.name, batch=batch)
        before = stock_rows.last_move_id(connection)
        stock_rows.write_staged_receipts(connection, currency=terms.currency, batch=batch, recorded_at=at)
        unstage(connection, "staged_purchase", "staged_purchase_line")
        stock_rows.add_batch_to_balances(connection, batch, after=before)
        done = int(is_received.sum())
        return {"received lines": done, "open lines": len(numbers) - done}

    return import_file(
        database,
        request,
        store,
        kind="purchases",
        lines=sheet.rows,
        errors=errors,
        warnings=warnings,
        actor=actor,
        at=at,
    )
