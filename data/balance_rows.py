"""Balances, reservations and movements as fixed SQL: what is on a shelf changes here, by guarded statements.

Whoever changes balances holds their SKUs first, all of them by one statement and in one order (`lock_skus`, `shelves`):
the SKU's own row is the lock, because a balance that another command makes meanwhile, of a new place or lot, would have
no place in an order of locked balances, and two commands could each wait for the other. SQLite's one writer needs none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from data.driver import Driver, marks

BalanceKey = tuple[int, int, int]
"""SKU, location, lot; lot 0 stands for goods that are not tracked by lot."""


class Shelf(NamedTuple):
    """What a place of ours that sells has of a SKU in one lot."""

    sku_id: int
    location_id: int
    lot_id: int
    on_hand: int
    allocated: int
    expires_on: date | None
    location: str
    location_country: str | None

    @property
    def available(self) -> int:
        return self.on_hand - self.allocated


class Move(NamedTuple):
    """A movement to be written; None where there is nothing to say."""

    sku_id: int
    lot_id: int
    quantity: int
    source_location_id: int
    destination_location_id: int
    effective_at: Any
    kind: str
    reason: str | None = None
    unit_cost_micros: int | None = None
    currency: str | None = None
    order_line_id: int | None = None
    rma_line_id: int | None = None
    purchase_order_line_id: int | None = None
    reverses_id: int | None = None


class Reserved(NamedTuple):
    """An active reservation."""

    id: int
    order_line_id: int | None
    sku_id: int
    location_id: int
    lot_id: int
    quantity: int

    @property
    def key(self) -> BalanceKey:
        return (self.sku_id, self.location_id, self.lot_id)


def lock_skus(sql: Driver, sku_ids: Sequence[int]) -> None:
    """Hold the balances of these SKUs, there or yet to be made, until the transaction ends."""
    if sku_ids and not sql.is_sqlite:
        wanted = sorted(set(sku_ids))
        sql.rows(f"SELECT 1 FROM sku WHERE id IN ({marks(len(wanted))}) ORDER BY id FOR NO KEY UPDATE", wanted)


def shelves(sql: Driver, sku_ids: Sequence[int], *, sold_until: date) -> list[Shelf]:
    """What warehouses and stores hold of these SKUs, but for lots that expire on or before a day.

    The SKUs are held, and their balances are read as they are then.

    Returns:
        Shelves by SKU, location and lot, empty ones too.
    """
    wanted = sorted(set(sku_ids))
    rows = sql.rows(
        "SELECT b.sku_id, b.location_id, b.lot_id, b.on_hand, b.allocated, t.expires_on, p.code, p.country"
        " FROM stock_balance b JOIN location p ON p.id = b.location_id AND p.kind IN ('warehouse', 'store')"
        f" JOIN sku s ON s.id = b.sku_id LEFT JOIN lot t ON t.id = b.lot_id WHERE s.id IN ({marks(len(wanted))})"
        " AND (t.expires_on IS NULL OR t.expires_on > ?) ORDER BY b.sku_id, b.location_id, b.lot_id"
        + ("" if sql.is_sqlite else " FOR NO KEY UPDATE OF s FOR UPDATE OF b"),
        (*wanted, sql.day(sold_until)),
    )
    return [Shelf._make((*row[:5], sql.read_day(row[5]), *row[6:])) for row in rows]


def change_balances(sql: Driver, changes: Mapping[BalanceKey, tuple[int, int]]) -> BalanceKey | None:
    """Change balances that exist, one by one in order, each only if it keeps 0 ≤ allocated ≤ on hand.

    Args:
        sql: The transaction.
        changes: (SKU, location, lot) → change of on hand, change of allocated.

    Returns:
        The first balance that cannot be changed so (nothing else is undone: the caller rolls back), or None.
    """
    for key in sorted(changes):
        on_hand, allocated = changes[key]
        if on_hand == 0 and allocated == 0:
            continue
        changed = sql.execute(
            "UPDATE stock_balance SET on_hand = on_hand + ?, allocated = allocated + ?"
            " WHERE sku_id = ? AND location_id = ? AND lot_id = ?"
            " AND (is_external OR (allocated + ? >= 0 AND on_hand + ? >= allocated + ?))",
            (on_hand, allocated, *key, allocated, on_hand, allocated),
        )
        if changed != 1:
            return key
    return None


def open_balances(sql: Driver, keys: Sequence[BalanceKey]) -> None:
    """Make balances of nothing where there are none, in order."""
    for sku_id, location_id, lot_id in sorted(set(keys)):
        sql.execute(
            "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand, allocated)"
            " SELECT ?, p.id, ?, p.is_external, 0, 0 FROM location p WHERE p.id = ?"
            " ON CONFLICT (sku_id, location_id, lot_id) DO NOTHING",
            (sku_id, lot_id, location_id),
        )


def on_shelf(sql: Driver, key: BalanceKey) -> tuple[int, int]:
    """(on hand, allocated) of one balance; nothing where there is none."""
    row = sql.row(
        "SELECT on_hand, allocated FROM stock_balance WHERE sku_id = ? AND location_id = ? AND lot_id = ?", key
    )
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def write_moves(sql: Driver, moves: Sequence[Move], *, recorded_at: Any, key: str) -> list[int]:
    """Write movements; their ids, in order. The balances are the caller's to change in the same transaction."""
    written = sql.insert(
        "stock_move (sku_id, lot_id, quantity, source_location_id, destination_location_id, effective_at, kind,"
        " reason, unit_cost_micros, currency, order_line_id, rma_line_id, purchase_order_line_id, reverses_id,"
        " recorded_at, command_key)",
        [(*move, recorded_at, key) for move in moves],
        returning="id",
    )
    return [int(row[0]) for row in written]


def external_id(sql: Driver, kind: str) -> int:
    """The one location outside our walls of that kind (supplier, customer, adjustment, …)."""
    row = sql.row("SELECT id FROM location WHERE kind = ? AND is_external", (kind,))
    if row is None:
        raise LookupError(f"there is no external location of kind {kind}")
    return int(row[0])


# Reservations


def reserve(sql: Driver, rows: Sequence[tuple[int | None, BalanceKey, int]], *, at: Any) -> list[int]:
    """Write hard reservations of (order line, balance, units); the balances are the caller's to change."""
    written = sql.insert(
        "reservation (order_line_id, sku_id, location_id, lot_id, quantity, kind, status, reserved_at)",
        [(line, *key, quantity, "hard", "active", at) for line, key, quantity in rows],
        returning="id",
    )
    return [int(row[0]) for row in written]


def reserve_softly(
    sql: Driver, rows: Sequence[tuple[BalanceKey, int]], *, purpose: str, at: Any, until: Any
) -> list[int]:
    """Write soft reservations of (balance, units) that expire; the balances are the caller's to change."""
    written = sql.insert(
        "reservation (sku_id, location_id, lot_id, quantity, kind, status, purpose, reserved_at, expires_at)",
        [(*key, quantity, "soft", "active", purpose, at, until) for key, quantity in rows],
        returning="id",
    )
    return [int(row[0]) for row in written]


_RESERVED = "SELECT id, order_line_id, sku_id, location_id, lot_id, quantity FROM reservation WHERE status = 'active'"


def reserved_for(sql: Driver, line_ids: Sequence[int]) -> list[Reserved]:
    """Active reservations of these order lines, oldest first. Whoever holds the order may change them."""
    if not line_ids:
        return []
    rows = sql.rows(f"{_RESERVED} AND order_line_id IN ({marks(len(line_ids))}) ORDER BY id", list(line_ids))
    return [Reserved(*row) for row in rows]


def reserved_on(sql: Driver, key: BalanceKey) -> list[Reserved]:
    """Active reservations of one balance, newest first."""
    rows = sql.rows(f"{_RESERVED} AND sku_id = ? AND location_id = ? AND lot_id = ? ORDER BY id DESC", key)
    return [Reserved(*row) for row in rows]


def soft_reservations(sql: Driver, ids: Sequence[int]) -> list[Reserved]:
    """The soft reservations of these ids that are still active; lock their SKUs before ending them."""
    if not ids:
        return []
    rows = sql.rows(f"{_RESERVED} AND kind = 'soft' AND id IN ({marks(len(ids))}) ORDER BY id", list(ids))
    return [Reserved(*row) for row in rows]


def lapsed(sql: Driver, *, at: Any, sku_ids: Sequence[int] | None = None) -> list[Reserved]:
    """Soft reservations whose time has passed, of all SKUs or of some; lock their SKUs before ending them."""
    some = "" if sku_ids is None else f" AND sku_id IN ({marks(len(sku_ids))})"
    rows = sql.rows(f"{_RESERVED} AND kind = 'soft' AND expires_at <= ?{some} ORDER BY id", (at, *(sku_ids or ())))
    return [Reserved(*row) for row in rows]


def resolve(sql: Driver, reservation: Reserved, *, status: str, quantity: int, at: Any) -> bool:
    """End a reservation as consumed, released or expired; what is more than `quantity` stays reserved, as another.

    Returns:
        Whether it was still active: a reservation ends once.
    """
    ended = sql.execute(
        "UPDATE reservation SET status = ?, quantity = ?, resolved_at = ? WHERE id = ? AND status = 'active'",
        (status, quantity, at, reservation.id),
    )
    if ended == 1 and quantity < reservation.quantity:
        sql.execute(
            "INSERT INTO reservation (order_line_id, sku_id, location_id, lot_id, quantity, kind, status, purpose,"
            " reserved_at, expires_at) SELECT order_line_id, sku_id, location_id, lot_id, ?, kind, 'active', purpose,"
            " reserved_at, expires_at FROM reservation WHERE id = ?",
            (reservation.quantity - quantity, reservation.id),
        )
    return ended == 1
