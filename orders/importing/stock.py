"""A stock file becomes opening stock or a count, and what is on order from before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from data import master_rows, purchase_rows, stock_rows
from data.connection import Database
from data.importers.problems import Problems
from data.importers.sheets import read_sheet
from orders.importing.files import FileImport, import_file
from orders.importing.report import ImportReport
from orders.master import ensure_locations
from orders.model import Actor
from orders.terms import read_terms

COLUMNS = ("sku", "location", "on_hand", "on_order", "expected_date")
ON_ORDER_SERIES = "OPENING-"
"""Purchase orders that stand for a stock file's `on_order` have numbers that begin with this."""


@dataclass(frozen=True)
class StockImport(FileImport):
    """A stock file and the moment at which it was counted, with a time zone; the same figures counted at another
    moment are another count."""

    counted_at: datetime | None = None


def import_stock(database: Database, request: StockImport, *, actor: Actor, at: datetime) -> ImportReport:
    """Set what is on hand, and add what is on order, per SKU and location.

    The first count of a SKU at a location is its opening stock; a later one moves what differs from the
    stock of the ledger at the moment of the count from or to `adjustment`. `on_order` becomes one purchase
    order per location and expected date, in place of what an earlier stock file said of the same SKU and place.

    Columns: sku, location and on_hand (required), on_order, expected_date.

    Raises:
        UnreadableFile: the file as a whole cannot be read.
    """
    errors, warnings = Problems(), Problems()
    sheet = read_sheet(request.path, COLUMNS, required=["sku", "location", "on_hand"], errors=errors)
    codes, locations = sheet.code("sku"), sheet.code("location")
    sheet.refuse_repeats(zip(codes, locations, strict=True), "sku and location")
    on_hand = sheet.whole("on_hand", least=0, required=True)
    on_order = sheet.whole("on_order", least=0)
    expected = sheet.day("expected_date")
    counted_at = (request.counted_at or at).replace(microsecond=0)

    def store(connection: Connection, batch: int, errors: Problems, warnings: Problems) -> dict[str, int]:
        known = master_rows.known_skus(connection)
        unknown = [row for row, code in enumerate(codes) if code not in known]
        errors.add("unknown SKU: import its item or its orders first", positions=unknown, column="sku", values=codes)
        if errors.total:
            return {}
        terms = read_terms(connection)
        ensure_locations(connection, sorted(set(locations)), time_zone=terms.time_zone, warnings=warnings)
        places = master_rows.location_ids(connection)
        sku = np.array([known[code] for code in codes], dtype=np.int64)
        place = np.array([places[code] for code in locations], dtype=np.int64)
        counted = np.array([quantity or 0 for quantity in on_hand], dtype=np.int64)
        first = _book_counts(connection, sku, place, counted, batch, counted_at, at, errors)
        _book_on_order(connection, sku, place, on_order, expected, batch, counted_at, actor)
        return {"opening stock": first, "counted again": sheet.rows - first}

    return import_file(
        database,
        request,
        store,
        kind="stock",
        lines=sheet.rows,
        errors=errors,
        warnings=warnings,
        actor=actor,
        at=at,
        occasion="" if request.counted_at is None else str(_naive_utc(counted_at)),
    )


def _book_counts(
    connection: Connection,
    sku: Any,
    place: Any,
    counted: Any,
    batch: int,
    counted_at: datetime,
    recorded_at: datetime,
    errors: Problems,
) -> int:
    """Move what differs from the stock at that moment; how many SKU-locations were counted for the first time."""
    balances = stock_rows.balances(connection, at=counted_at)
    costs = purchase_rows.unit_costs(connection)
    keys = list(zip(sku.tolist(), place.tolist(), strict=True))
    is_first = np.array([key not in balances for key in keys])
    difference = counted - np.array([balances.get(key, 0) for key in keys], dtype=np.int64)
    adjustment = master_rows.external_location_id(connection, "adjustment")
    currency = read_terms(connection).currency
    cost = [costs.get(key) for key in sku.tolist()]
    moves = {
        "sku_id": ("int", sku),
        "quantity": ("int", np.abs(difference)),
        "source_location_id": ("int", np.where(difference > 0, adjustment, place)),
        "destination_location_id": ("int", np.where(difference > 0, place, adjustment)),
        "effective_at": ("moment", np.full(len(sku), _naive_utc(counted_at))),
        "kind": ("text", ["opening" if first else "count" for first in is_first]),
        "unit_cost_micros": ("int", cost),
        "currency": ("text", [None if value is None else currency for value in cost]),
    }
    before = stock_rows.last_move_id(connection)
    stock_rows.write_moves(connection, moves, batch=batch, recorded_at=recorded_at)
    for item in stock_rows.add_batch_to_balances(connection, batch, after=before):
        errors.add(
            f"{item.sku} at {item.location}: what left since this count exceeds it by {-item.on_hand}",
            positions=[keys.index((item.sku_id, item.location_id))],
            column="on_hand",
            values=counted,
        )
    stock_rows.open_balances(connection, [key for key, first in zip(keys, is_first, strict=True) if first])
    return int(is_first.sum())


def _book_on_order(
    connection: Connection,
    sku: Any,
    place: Any,
    on_order: list[int | None],
    expected: Any,
    batch: int,
    counted_at: datetime,
    actor: Actor,
) -> None:
    """What the file says is on order, in place of what an earlier stock file said of the same SKU-locations."""
    said = {(int(sku[row]), int(place[row])) for row, quantity in enumerate(on_order) if quantity is not None}
    purchase_rows.cancel_open_lines(connection, said, series=ON_ORDER_SERIES)
    rows = [row for row, quantity in enumerate(on_order) if quantity]
    costs = purchase_rows.unit_costs(connection)
    groups: dict[tuple[int, str], list[int]] = {}
    for row in rows:
        groups.setdefault((int(place[row]), str(expected[row])), []).append(row)
    for number, ((location, _), members) in enumerate(sorted(groups.items()), start=1):
        purchase_rows.write_order(
            connection,
            number=f"{ON_ORDER_SERIES}{batch}-{number}",
            supplier_id=None,
            location_id=location,
            status="ordered",
            currency=read_terms(connection).currency,
            ordered_at=counted_at,
            created_by=actor.name,
            batch=batch,
            lines=[
                {
                    "sku_id": int(sku[row]),
                    "quantity": on_order[row],
                    "unit_cost_micros": costs.get(int(sku[row]), 0),
                    "expected_date": None if np.isnat(expected[row]) else expected[row].item(),
                }
                for row in members
            ],
        )


def _naive_utc(moment: datetime) -> np.datetime64:
    from datetime import UTC

    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "s")
