"""Single movements and reservations read back, what units cost last, and count sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from data.driver import Driver, marks


class StoredMove(NamedTuple):
    """A movement with the names of what it refers to; `lot` is None for goods that are not tracked by lot."""

    id: int
    sku_id: int
    sku: str
    lot_id: int
    lot: str | None
    quantity: int
    source_location_id: int
    source: str
    destination_location_id: int
    destination: str
    kind: str
    unit_cost_micros: int | None
    currency: str | None
    purchase_order_line_id: int | None


def moves(sql: Driver, ids: Sequence[int]) -> list[StoredMove]:
    """Those of these movements that there are, by id."""
    if not ids:
        return []
    rows = sql.rows(
        "SELECT m.id, m.sku_id, s.display_code, m.lot_id, t.code, m.quantity, m.source_location_id, a.code,"
        " m.destination_location_id, z.code, m.kind, m.unit_cost_micros, m.currency, m.purchase_order_line_id"
        " FROM stock_move m JOIN sku s ON s.id = m.sku_id JOIN location a ON a.id = m.source_location_id"
        " JOIN location z ON z.id = m.destination_location_id LEFT JOIN lot t ON t.id = m.lot_id"
        f" WHERE m.id IN ({marks(len(ids))}) ORDER BY m.id",
        list(ids),
    )
    return [StoredMove(*row) for row in rows]


def names(sql: Driver, *, sku_id: int, location_id: int) -> tuple[str, str]:
    """What people call a SKU and a location."""
    row = sql.row(
        "SELECT s.display_code, p.code FROM sku s, location p WHERE s.id = ? AND p.id = ?", (sku_id, location_id)
    )
    if row is None:
        raise LookupError(f"there is no SKU {sku_id} or no location {location_id}")
    return row[0], row[1]


def reversal_of(sql: Driver, move_id: int) -> int | None:
    """The movement that reverses this one, if it is reversed."""
    row = sql.row("SELECT id FROM stock_move WHERE reverses_id = ?", (move_id,))
    return None if row is None else int(row[0])


def last_cost(sql: Driver, sku_id: int) -> tuple[int, str | None] | None:
    """(unit cost, currency) of a SKU's newest receipt, else as its supplier's terms say; None when neither is known.

    Terms without a currency are in the company's.
    """
    row = sql.row(
        "SELECT unit_cost_micros, currency FROM stock_move WHERE sku_id = ? AND kind = 'receipt'"
        " AND unit_cost_micros IS NOT NULL ORDER BY effective_at DESC, id DESC LIMIT 1",
        (sku_id,),
    ) or sql.row(
        "SELECT unit_cost_micros, currency FROM supplier_sku WHERE sku_id = ? AND unit_cost_micros IS NOT NULL",
        (sku_id,),
    )
    return None if row is None else (int(row[0]), row[1])


def sku_reserved_by(sql: Driver, reservation_id: int) -> int | None:
    """The SKU of a soft reservation, ended or not; None when there is none."""
    row = sql.row("SELECT sku_id FROM reservation WHERE id = ? AND kind = 'soft'", (reservation_id,))
    return None if row is None else int(row[0])


def insert_count_sheet(sql: Driver, *, location_id: int, at: Any, by: str, key: str) -> int:
    """A new count sheet's id."""
    written = sql.insert(
        "count_sheet (location_id, counted_at, counted_by, command_key)",
        [(location_id, at, by, key)],
        returning="id",
    )
    return int(written[0][0])


def insert_count_lines(sql: Driver, rows: Sequence[Sequence[Any]]) -> None:
    """Rows of count sheet, SKU, lot, expected, counted, reason, movement."""
    sql.insert("count_line (count_sheet_id, sku_id, lot_id, expected, counted, reason, stock_move_id)", rows)
