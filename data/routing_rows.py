"""What routing asks of the tables: lanes and their costs, and where demand is coming."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data.driver import Driver, marks


class Lane(NamedTuple):
    """From a place of ours to a country; cost (minor units) and days are None where nobody set them."""

    location_id: int
    location: str
    location_country: str | None
    parcel_cost_minor: int | None
    transit_days: float | None


def lanes(sql: Driver, location_ids: Sequence[int], *, country: str | None) -> list[Lane]:
    """The lanes from these places to that country, by code of the place."""
    wanted = sorted(set(location_ids))
    rows = sql.rows(
        "SELECT p.id, p.code, p.country, l.parcel_cost_minor, l.transit_days FROM location p"
        " LEFT JOIN shipping_lane l ON l.location_id = p.id AND l.country = ?"
        f" WHERE p.id IN ({marks(len(wanted))}) ORDER BY p.code",
        (country, *wanted),
    )
    return [Lane._make(row) for row in rows]


def expected_demand(sql: Driver, sku_ids: Sequence[int]) -> dict[tuple[int, int], float]:
    """(SKU, location) → units that the newest plan expects to be asked for there until the next delivery.

    A reorder point is that demand and the safety stock on top of it, so it is what remains without the latter.
    """
    wanted = sorted(set(sku_ids))
    rows = sql.rows(
        "SELECT r.sku_id, r.location_id, r.reorder_point - r.safety_stock FROM recommendation r"
        f" WHERE r.sku_id IN ({marks(len(wanted))}) AND r.plan_run_id = (SELECT max(id) FROM plan_run)",
        wanted,
    )
    return {(sku, location): max(float(units), 0.0) for sku, location, units in rows}
