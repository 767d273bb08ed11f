"""How much better than the program's optimum whole levels could be, since it takes stock along straight lines."""

from __future__ import annotations

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.level_problem import LevelProblem
from optimization.lot_shortage import backordered, unmet_share
from optimization.segments import FILL, HOLD, LEVEL, net_costs


def stock_error(problem: LevelProblem, price: FloatArray) -> float:
    """Most by which whole levels within all limits can fall below the program's bound at these prices.

    Between the hull's corners units backordered are convex, and the program's straight line lies above them: it takes
    stock to be a little more than it is. At given prices every SKU's best level is found by itself among all whole
    numbers, with its stock as it is; what all of them gain over their best corners is the error (weak duality). Fill
    rates are taken along the hull, which is above them, so that the bound holds for them as well.

    Args:
        problem: With its program.
        price: Of each limit, shape (limit,).
    """
    program, curves = problem.program, problem.curves
    gained = _gained_between_corners(
        curves.shortage.knots, curves.shortage.shortage, curves.lot, curves.offsets, curves.level, curves.backorders,
        program.offsets, program.fill, program.hold, net_costs(program, price),
    )  # fmt: skip
    return float(gained)


@kernel
def _unit_costs(knots: IntArray, shortage: FloatArray, lot: float, level: int, slope: float, of_hold: float) -> bool:
    """Whether one unit above a level costs, net of the prices and of the backorders that it spares."""
    return slope - of_hold * unmet_share(knots, shortage, lot, level + 1.0) >= 0


@kernel
def _gained_between_corners(
    knots: IntArray,
    shortage: FloatArray,
    lot: FloatArray,
    points: IntArray,
    level: IntArray,
    backorders: FloatArray,
    segments: IntArray,
    fill: FloatArray,
    hold: FloatArray,
    worth: FloatArray,
) -> float:
    """Convex in the level as fill rate and stock are, a SKU's best whole level lies beside its best corner."""
    total = 0.0
    for sku in range(len(lot)):
        of_fill, of_hold, of_level = worth[FILL, sku], worth[HOLD, sku], worth[LEVEL, sku]
        if of_hold <= 0:
            continue
        first, count = segments[sku], segments[sku + 1] - segments[sku]
        best = 0
        while best < count and of_fill * fill[first + best] + of_hold * hold[first + best] + of_level < 0:
            best += 1
        gain = 0.0
        for segment in (best - 1, best):
            if segment < 0 or segment >= count:
                continue
            corner = points[sku] + segment
            slope = of_fill * fill[first + segment] + of_level + of_hold
            low, high = level[corner], level[corner + 1]
            # the first whole level from which one unit more costs, net of the prices
            left, right = low, high
            if _unit_costs(knots[sku], shortage[sku], lot[sku], low, slope, of_hold):
                continue
            if not _unit_costs(knots[sku], shortage[sku], lot[sku], high - 1, slope, of_hold):
                continue
            while left < right:
                middle = (left + right) // 2
                if _unit_costs(knots[sku], shortage[sku], lot[sku], middle, slope, of_hold):
                    right = middle
                else:
                    left = middle + 1
            there = backordered(knots[sku], shortage[sku], lot[sku], float(left))
            from_low = slope * (left - low) + of_hold * (there - backorders[corner])
            to_high = slope * (high - low) + of_hold * (backorders[corner + 1] - backorders[corner])
            gain = max(gain, min(0.0, to_high) - from_low)
        total += gain
    return total
