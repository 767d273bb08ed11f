"""Demand unmet and units backordered by reorder point, when orders come in lots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.shortage import ShortageCurves

ROUNDING = 1e-9
"""Slopes that differ by less, relative to their size, are one slope."""


@dataclass(frozen=True, eq=False)
class LotCurves:
    """What a reorder point r leaves unmet and backordered, with lots of Q units.

    A position that starts at r + Q after an order and falls to r takes each of r+1 … r+Q equally often (unit demands,
    Hadley & Whitin), so that with n(y) = E[(X − y)+]

        unmet(r)      = (n(r) − n(r + Q)) / Q         share of demand that finds no stock
        backorders(r) = mean of n over r+1 … r+Q      units

    unmet need not be convex where r is low; between `level`s it is taken along its lower convex hull, which never
    asks for more stock than is needed and is `hull_gap` too hopeful at most.

    Attributes:
        shortage: n, of each SKU.
        lot: Q, units, shape (sku,).
        lowest: Whole reorder point that starts each curve, shape (sku,).
        offsets: Where each SKU's points begin, shape (sku + 1,).
        level: Whole reorder points at the hull's corners, rising within a SKU, shape (point,).
        unmet: Share of demand unmet there, shape (point,).
        backorders: Units backordered there, shape (point,).
        hull_gap: Most by which unmet exceeds the hull between its corners, shape (sku,).
    """

    shortage: ShortageCurves
    lot: FloatArray
    lowest: IntArray
    offsets: IntArray
    level: IntArray
    unmet: FloatArray
    backorders: FloatArray
    hull_gap: FloatArray

    def unmet_at(self, reorder_point: FloatArray | IntArray) -> FloatArray:
        """Share of demand unmet at one reorder point per SKU, not along the hull, shape (sku,)."""
        found, _ = _at(
            self.shortage.knots, self.shortage.shortage, self.lot, np.asarray(reorder_point, dtype=np.float64)
        )
        return np.asarray(found)

    def backorders_at(self, reorder_point: FloatArray | IntArray) -> FloatArray:
        """Units backordered at one reorder point per SKU, shape (sku,)."""
        _, found = _at(
            self.shortage.knots, self.shortage.shortage, self.lot, np.asarray(reorder_point, dtype=np.float64)
        )
        return np.asarray(found)

    def of_sku(self, sku: int) -> LotCurves:
        """The curves of one SKU alone."""
        one, points = slice(sku, sku + 1), slice(self.offsets[sku], self.offsets[sku + 1])
        return LotCurves(
            shortage=ShortageCurves(self.shortage.knots[one], self.shortage.shortage[one]),
            lot=self.lot[one],
            lowest=self.lowest[one],
            offsets=np.array([0, self.offsets[sku + 1] - self.offsets[sku]]),
            level=self.level[points],
            unmet=self.unmet[points],
            backorders=self.backorders[points],
            hull_gap=self.hull_gap[one],
        )


def lot_curves(curves: ShortageCurves, lot: FloatArray, lowest: IntArray, highest: IntArray) -> LotCurves:
    """Curves from a lowest to a highest whole reorder point; above the last quantiles' tail nothing is known.

    Args:
        curves: Expected shortage of each SKU.
        lot: Units, > 0, shape (sku,).
        lowest: Whole, ≥ 0, shape (sku,).
        highest: Whole, ≥ lowest, shape (sku,).
    """
    lot = np.ascontiguousarray(lot, dtype=np.float64)
    width = 4 * curves.knots.shape[1] + 2
    level = np.empty((len(lot), width), dtype=np.int64)
    unmet, backorders = np.empty((len(lot), width)), np.empty((len(lot), width))
    count, gap = np.empty(len(lot), dtype=np.int64), np.empty(len(lot))
    _corners(
        curves.knots, curves.shortage, lot, lowest.astype(np.int64), highest.astype(np.int64), level, unmet,
        backorders, count, gap,
    )  # fmt: skip
    used = np.arange(width) < count[:, None]
    return LotCurves(
        shortage=curves,
        lot=lot,
        lowest=lowest.astype(np.int64),
        offsets=np.concatenate(([0], np.cumsum(count))),
        level=level[used],
        unmet=unmet[used],
        backorders=backorders[used],
        hull_gap=gap,
    )


def lowest_for(curves: ShortageCurves, lot: FloatArray, most_unmet: FloatArray) -> IntArray:
    """Smallest whole reorder point that leaves no more than a share of demand unmet; −1 where none is known to.

    Args:
        curves: Expected shortage of each SKU.
        lot: Units, > 0, shape (sku,).
        most_unmet: Share, shape (sku,).
    """
    return np.asarray(_lowest(curves.knots, curves.shortage, np.ascontiguousarray(lot, dtype=np.float64), most_unmet))


@kernel
def _short(knots: IntArray, shortage: FloatArray, position: float) -> float:
    """n at a position: linear between knots, going on to nothing beyond the last one."""
    last = len(knots) - 1
    if position <= knots[0]:
        return float(shortage[0] + (knots[0] - position))
    if position >= knots[last]:
        before = last - 1
        while before > 0 and knots[before] == knots[last]:
            before -= 1
        run = knots[last] - knots[before]
        slope = (shortage[before] - shortage[last]) / run if run > 0 else 0.0
        return float(max(0.0, shortage[last] - slope * (position - knots[last])))
    above = np.searchsorted(knots, position, side="right")
    below = above - 1
    run = knots[above] - knots[below]
    return float(shortage[below] + (shortage[above] - shortage[below]) * (position - knots[below]) / run)


@kernel
def _sum_to(knots: IntArray, shortage: FloatArray, position: float) -> float:
    """Sum of n over the whole numbers 1 … position, its last summand in part where the position is no whole number."""
    total = 0.0
    whole = int(np.floor(position))
    at = 0
    for knot in range(1, len(knots)):
        end = min(knots[knot], whole)
        if end > at:
            first = _short(knots, shortage, at + 1.0)
            total += (end - at) * 0.5 * (first + _short(knots, shortage, float(end)))
            at = end
    last = len(knots) - 1
    if whole > at and shortage[last] > 0:
        before = last - 1
        while before > 0 and knots[before] == knots[last]:
            before -= 1
        run = knots[last] - knots[before]
        slope = (shortage[before] - shortage[last]) / run if run > 0 else 0.0
        steps = whole - at
        if slope > 0:
            steps = min(steps, int(np.floor(shortage[last] / slope)))
        total += steps * shortage[last] - slope * steps * (steps + 1) / 2
    return total + (position - whole) * _short(knots, shortage, whole + 1.0)


@kernel
def unmet_share(knots: IntArray, shortage: FloatArray, lot: float, position: float) -> float:
    """Share of demand unmet at a reorder point of one SKU: what one unit less would add to its backorders."""
    share = (_short(knots, shortage, position) - _short(knots, shortage, position + lot)) / lot
    return min(max(share, 0.0), 1.0)


@kernel
def backordered(knots: IntArray, shortage: FloatArray, lot: float, position: float) -> float:
    """Units backordered at a reorder point of one SKU."""
    return (_sum_to(knots, shortage, position + lot) - _sum_to(knots, shortage, position)) / lot


@kernel
def _at(
    knots: IntArray, shortage: FloatArray, lot: FloatArray, reorder_point: FloatArray
) -> tuple[FloatArray, FloatArray]:
    unmet, backorders = np.empty(len(lot)), np.empty(len(lot))
    for sku in range(len(lot)):
        unmet[sku] = unmet_share(knots[sku], shortage[sku], lot[sku], reorder_point[sku])
        backorders[sku] = backordered(knots[sku], shortage[sku], lot[sku], reorder_point[sku])
    return unmet, backorders


@kernel
def _lowest(knots: IntArray, shortage: FloatArray, lot: FloatArray, most_unmet: FloatArray) -> IntArray:
    found = np.empty(len(lot), dtype=np.int64)
    for sku in range(len(lot)):
        low, high = np.int64(0), knots[sku, -1]
        most = most_unmet[sku] * (1 + 1e-12)
        if unmet_share(knots[sku], shortage[sku], lot[sku], float(high)) > most:
            found[sku] = -1
            continue
        while low < high:
            middle = (low + high) // 2
            if unmet_share(knots[sku], shortage[sku], lot[sku], float(middle)) <= most:
                high = middle
            else:
                low = middle + 1
        found[sku] = low
    return found


@kernel
def _corners(
    knots: IntArray,
    shortage: FloatArray,
    lot: FloatArray,
    lowest: IntArray,
    highest: IntArray,
    level: IntArray,
    unmet: FloatArray,
    backorders: FloatArray,
    count: IntArray,
    gap: FloatArray,
) -> None:
    """The lower convex hull's corners of each SKU's unmet share, among the points where its slope may change."""
    size = knots.shape[1]
    points = np.empty(level.shape[1], dtype=np.int64)
    share = np.empty(level.shape[1])
    for sku in range(len(lot)):
        first, last = lowest[sku], highest[sku]
        used = 0
        points[used] = first
        points[used + 1] = last
        used += 2
        for one in range(size):
            shifted = int(np.floor(knots[sku, one] - lot[sku]))
            for point in (knots[sku, one], shifted, shifted + 1):
                if first < point < last:
                    points[used] = point
                    used += 1
        points[:used].sort()
        known = 0
        for one in range(used):
            if one == 0 or points[one] != points[known - 1]:
                points[known] = points[one]
                share[known] = unmet_share(knots[sku], shortage[sku], lot[sku], float(points[one]))
                known += 1
        corners = 0
        for one in range(known):
            while corners >= 2:
                run = level[sku, corners - 1] - level[sku, corners - 2]
                rise = unmet[sku, corners - 1] - unmet[sku, corners - 2]
                steepness = rise / run
                beyond = (share[one] - unmet[sku, corners - 2]) / (points[one] - level[sku, corners - 2])
                if steepness < beyond - ROUNDING * abs(steepness):
                    break
                corners -= 1
            level[sku, corners] = points[one]
            unmet[sku, corners] = share[one]
            corners += 1
        while corners >= 2 and unmet[sku, corners - 1] >= unmet[sku, corners - 2]:
            corners -= 1
        count[sku] = corners
        for one in range(corners):
            backorders[sku, one] = backordered(knots[sku], shortage[sku], lot[sku], float(level[sku, one]))
        gap[sku] = 0.0
        corner = 0
        for one in range(known):
            while corner + 1 < corners and level[sku, corner + 1] <= points[one]:
                corner += 1
            if corner + 1 < corners:
                run = level[sku, corner + 1] - level[sku, corner]
                slope = (unmet[sku, corner + 1] - unmet[sku, corner]) / run
                hull = unmet[sku, corner] + slope * (points[one] - level[sku, corner])
                gap[sku] = max(gap[sku], share[one] - hull)
