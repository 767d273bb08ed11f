"""The company's rule of thumb: minimum and maximum in weeks of recent sales, seen weekly.

It takes quoted lead times at their word and sales for demand, and knows no seasons. That is
the mediocre practice the service is to improve on.
"""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import FloatArray, IntArray
from data.samples.catalogue import Catalogue
from data.samples.network import LOCATIONS, StockingPoints
from data.samples.suppliers import SUPPLIERS

RECENT_DAYS = 42
REVIEW_DAYS = 7
LEAST_MINIMUM = 3.0


@dataclass(frozen=True)
class MinMaxRule:
    """What a buyer has written beside each stocking point.

    Attributes:
        supplier: Index into `SUPPLIERS`, shape (point,).
        location: Index into `LOCATIONS`, shape (point,).
        review_weekday: Shape (supplier,).
        minimum_days: Days of recent sales that trigger an order, shape (point,).
        cover_days: Days of recent sales between minimum and maximum, shape (point,).
        pack_size: Shape (point,).
        moq: Shape (point,).
    """

    supplier: IntArray
    location: IntArray
    review_weekday: IntArray
    minimum_days: FloatArray
    cover_days: FloatArray
    pack_size: IntArray
    moq: IntArray

    def order_quantity(self, rows: IntArray, position: IntArray, daily_sales: FloatArray) -> IntArray:
        """Units to order at stocking points `rows`, whole packs, 0 where there is enough.

        A point at its minimum gets an order; others of the same order ride along when they
        are past the middle of their way down to it.
        """
        minimum = np.maximum(daily_sales * self.minimum_days[rows], LEAST_MINIMUM)
        cover = daily_sales * self.cover_days[rows]
        short = position <= minimum
        order_key = self.order_key(rows)
        rides_along = (position <= minimum + cover / 2) & np.isin(order_key, order_key[short])
        return np.where(short | rides_along, self.in_packs(rows, minimum + cover - position), 0)

    def order_key(self, rows: IntArray) -> IntArray:
        """One number per supplier and location, which share a purchase order."""
        return self.supplier[rows] * len(LOCATIONS) + self.location[rows]

    def in_packs(self, rows: IntArray, units: FloatArray) -> IntArray:
        pack_size = self.pack_size[rows]
        units = np.maximum(units, self.moq[rows])
        return np.ceil(units / pack_size).astype(np.int64) * pack_size


def min_max_rule(rng: np.random.Generator, catalogue: Catalogue, points: StockingPoints) -> MinMaxRule:
    """Fixed weeks of cover per supplier, the safety on top a buyer's habit."""
    safety_days = rng.choice([7, 10, 14, 21], len(SUPPLIERS))
    cover_days = rng.choice([28, 42, 56], len(SUPPLIERS))
    supplier = catalogue.supplier[points.sku]
    quoted = np.asarray(catalogue.items["lead_time_days"], dtype=np.int64)[points.sku]
    return MinMaxRule(
        supplier=supplier,
        location=points.location,
        review_weekday=rng.integers(0, 5, len(SUPPLIERS)),
        minimum_days=(quoted + REVIEW_DAYS + safety_days[supplier]).astype(np.float64),
        cover_days=cover_days[supplier].astype(np.float64),
        pack_size=np.asarray(catalogue.items["pack_size"], dtype=np.int64)[points.sku],
        moq=np.asarray(catalogue.items["moq"], dtype=np.int64)[points.sku],
    )
