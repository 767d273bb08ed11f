"""Lots as rows, and which of them a place holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from data.driver import Driver, marks


class Lot(NamedTuple):
    """Goods of a SKU that came together; `expires_on` is None for goods that keep."""

    id: int
    sku_id: int
    code: str
    expires_on: date | None


class HeldLot(NamedTuple):
    """What a place holds of one lot of a SKU; lot 0 stands for goods that are not tracked by lot."""

    lot_id: int
    expires_on: date | None
    on_hand: int
    allocated: int

    @property
    def available(self) -> int:
        return self.on_hand - self.allocated


def lots(sql: Driver, sku_ids: Sequence[int], codes: Sequence[str]) -> dict[tuple[int, str], Lot]:
    """(SKU, code) → lot, of those of these SKUs and codes that there are."""
    if not codes:
        return {}
    rows = sql.rows(
        "SELECT id, sku_id, code, expires_on FROM lot"
        f" WHERE sku_id IN ({marks(len(sku_ids))}) AND code IN ({marks(len(codes))})",
        [*sku_ids, *codes],
    )
    return {(row[1], row[2]): Lot(row[0], row[1], row[2], sql.read_day(row[3])) for row in rows}


def add_lots(sql: Driver, wanted: Mapping[tuple[int, str], date | None]) -> None:
    """Make lots of (SKU, code) → expiry, in order; one that another command made meanwhile stays as it is."""
    for (sku_id, code), expires_on in sorted(wanted.items(), key=lambda item: item[0]):
        sql.execute(
            "INSERT INTO lot (sku_id, code, expires_on) VALUES (?, ?, ?) ON CONFLICT (sku_id, code) DO NOTHING",
            (sku_id, code, sql.day(expires_on)),
        )


def codes(sql: Driver, lot_ids: Sequence[int]) -> dict[int, str]:
    """Lot → its code."""
    if not lot_ids:
        return {}
    rows = sql.rows(f"SELECT id, code FROM lot WHERE id IN ({marks(len(lot_ids))})", list(lot_ids))
    return {int(row[0]): row[1] for row in rows}


def held(sql: Driver, sku_id: int, location_id: int) -> list[HeldLot]:
    """Every lot of a SKU of which a place has units, expired ones too."""
    rows = sql.rows(
        "SELECT b.lot_id, t.expires_on, b.on_hand, b.allocated FROM stock_balance b LEFT JOIN lot t ON t.id = b.lot_id"
        " WHERE b.sku_id = ? AND b.location_id = ? AND b.on_hand > 0 ORDER BY b.lot_id",
        (sku_id, location_id),
    )
    return [HeldLot(row[0], sql.read_day(row[1]), row[2], row[3]) for row in rows]


def untracked_units(sql: Driver, sku_id: int) -> int:
    """Units of a SKU at places of ours that belong to no lot."""
    row = sql.row(
        "SELECT coalesce(sum(on_hand), 0) FROM stock_balance WHERE sku_id = ? AND lot_id = 0 AND NOT is_external",
        (sku_id,),
    )
    return int(row[0])
