"""The recursion that finds the best levels of a serial system stage by stage, downstream first.

Let C_j(y) be the expected cost rate of stages 1 to j when the echelon of stage j starts from y and its own supplier
never fails, and S_j the level of stage j. With demand D_j over the lead time of stage j and g_j = C_j′:

    g_0(u) = −(p + Σh)  below 0, and 0 above
    g_j(y) = h_j + E[g_{j−1}(y − D_j); y − D_j < S_{j−1}]
    S_j    = where g_j crosses zero

The slope alone is carried: far below it is the constant −(p + h_{j+1} + … + h_N), the level is its zero, and the
cost is its integral, so that nothing large cancels. For whole-number demand the slope is a difference, and exact.
For normal demand it is a polynomial on each of some panels, split until its last Legendre coefficients vanish, and the
expectation is Gauss-Legendre quadrature over those panels: no grid, and no step to choose.
"""

import math

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
TO_COEFFICIENTS = (
    np.polynomial.legendre.legvander(NODES, 15).T * WEIGHTS * (np.arange(16)[:, None] + 0.5)
)  # values at the nodes to Legendre coefficients
REACH = 9.5  # standard deviations beyond which the normal density counts as nothing: 1e-20 of its mass
RESOLVED = 1e-13  # last coefficients, relative to the values
CERTAIN = 1e-10  # of the whole system's standard deviation: a stage with less counts as certain
MOST_PANELS = 1024
EDGES = (-REACH, -6.0, -3.0, 0.0, 3.0, 6.0, REACH)  # around a kink that demand has smoothed, in its sd


@kernel
def _legendre(coefficients: FloatArray, x: float) -> float:
    """Σ c_k P_k(x) by Clenshaw's recurrence."""
    after, after_next = 0.0, 0.0
    for k in range(15, 0, -1):
        after, after_next = coefficients[k] + (2 * k + 1) / (k + 1) * x * after - (k + 1) / (k + 2) * after_next, after
    return float(coefficients[0] + x * after - after_next / 2)


@kernel
def _slope(
    y: float,
    own: float,
    sd: float,
    limit: float,
    low: float,
    high: float,
    edges: FloatArray,
    values: FloatArray,
    coefficients: FloatArray,
    panels: int,
) -> float:
    """own + E[g(u); u < high] for u normal around y, where g is `limit` below low and given by panels from there."""
    if sd == 0.0:
        if y >= high:
            return own
        if y < low:
            return own + limit
        at = 0
        while at < panels - 1 and edges[at + 1] <= y:
            at += 1
        centre, half = (edges[at] + edges[at + 1]) / 2, (edges[at + 1] - edges[at]) / 2
        return own + _legendre(coefficients[at], (y - centre) / half)
    total = 0.0
    for panel in range(panels):
        left, right = edges[panel], edges[panel + 1]
        if right < y - REACH * sd:
            continue
        if left > y + REACH * sd:
            break
        if right - left <= 2 * sd:
            centre, half = (left + right) / 2, (right - left) / 2
            part = 0.0
            for node in range(16):
                distance = (centre + half * NODES[node] - y) / sd
                part += WEIGHTS[node] * values[panel, node] * math.exp(-0.5 * distance * distance)
            total += half * part
            continue
        centre, half = (left + right) / 2, (right - left) / 2
        start, stop = max(left - y, -REACH * sd), min(right - y, REACH * sd)  # from y: exact where sd is minute
        pieces = max(math.ceil((stop - start) / (2 * sd)), 1)
        short = (stop - start) / (2 * pieces)
        for piece in range(pieces):
            middle = start + (2 * piece + 1) * short
            part = 0.0
            for node in range(16):
                away = middle + short * NODES[node]
                density = math.exp(-0.5 * (away / sd) * (away / sd))
                part += WEIGHTS[node] * _legendre(coefficients[panel], (y - centre + away) / half) * density
            total += short * part
    below = 0.5 * math.erfc((y - low) / sd * math.sqrt(0.5))
    return own + limit * below + total / (sd * math.sqrt(2 * math.pi))


@kernel
def _zero(
    under: float,
    over: float,
    own: float,
    sd: float,
    limit: float,
    low: float,
    high: float,
    edges: FloatArray,
    values: FloatArray,
    coefficients: FloatArray,
    panels: int,
) -> float:
    """The smallest y at which the slope is not negative, to the last bit, by bisection."""
    while True:
        middle = (under + over) / 2
        if middle <= under or middle >= over:
            return over
        if _slope(middle, own, sd, limit, low, high, edges, values, coefficients, panels) < 0:
            under = middle
        else:
            over = middle


@kernel
def _cuts(kinks: FloatArray, spread: FloatArray, low: float, high: float, waiting: FloatArray) -> int:
    """Right ends of panels to begin with, falling, around each kink that demand has smoothed; how many they are."""
    waiting[0], count = high, 1
    for kink in range(len(kinks)):
        for times in EDGES:
            cut = kinks[kink] + times * math.sqrt(spread[kink])
            if low < cut < high:
                place = count
                while waiting[place - 1] < cut:
                    waiting[place] = waiting[place - 1]
                    place -= 1
                waiting[place] = cut
                count += 1
    return count


@kernel
def _resolve(values: FloatArray, own: float, noise: float, floor: float, coefficients: FloatArray) -> bool:
    """Legendre coefficients of values at the nodes; whether the last of them are nothing, or rounding alone."""
    largest = 0.0
    for node in range(16):
        largest = max(largest, abs(values[node]))
    last = 0.0
    for k in range(16):
        coefficient = 0.0
        for node in range(16):
            coefficient += TO_COEFFICIENTS[k, node] * values[node]
        coefficients[k] = coefficient
        if k > 12:
            last = max(last, abs(coefficient))
    return last <= (RESOLVED + noise) * (largest + own) + floor


@kernel
def normal_recursion(
    echelon_holding_cost: FloatArray, sd: FloatArray, shortage_cost: float, given: FloatArray, optimise: bool
) -> tuple[FloatArray, float]:
    """Levels and cost of one serial system, both without the means.

    Args:
        echelon_holding_cost: h, downstream first, ≥ 0, shape (stage,).
        sd: Standard deviation of demand over each stage's lead time, ≥ 0, shape (stage,).
        shortage_cost: p, > 0 (≥ 0 where levels are given).
        given: Echelon levels above mean demand, shape (stage,); read only where not optimise.

    Returns:
        Echelon level minus mean demand over the lead times up to that stage, shape (stage,), high enough for any
        demand where the stage's own holding cost is zero; and the cost rate without the goods in transit.
    """
    stages, least = len(sd), CERTAIN * math.sqrt((sd * sd).sum())
    levels = np.zeros(stages)
    edges, new_edges = np.zeros(MOST_PANELS + 1), np.zeros(MOST_PANELS + 1)
    values, new_values = np.zeros((MOST_PANELS, 16)), np.zeros((MOST_PANELS, 16))
    coefficients, new_coefficients = np.zeros((MOST_PANELS, 16)), np.zeros((MOST_PANELS, 16))
    waiting = np.zeros(MOST_PANELS + len(EDGES) * (stages + 1))
    kinks, spread = np.zeros(stages), np.zeros(stages)  # where slopes bend, and the variance that smooths it
    panels = 0
    low = high = 0.0
    for stage in range(stages):
        own, deviation = echelon_holding_cost[stage], (sd[stage] if sd[stage] > least else 0.0)
        limit = -(shortage_cost + echelon_holding_cost[stage:].sum())
        bottom, top = low - REACH * deviation, high + REACH * deviation
        level = top if optimise else given[stage]
        if optimise and own > 0.0:
            level = _zero(bottom, top, own, deviation, limit, low, high, edges, values, coefficients, panels)
        levels[stage] = level
        bottom = min(bottom, level)
        kinks[stage] = high
        spread[: stage + 1] += deviation * deviation

        waited, count, left = _cuts(kinks[: stage + 1], spread, bottom, level, waiting), 0, bottom
        while waited > 0:
            right = waiting[waited - 1]
            centre, half = (left + right) / 2, (right - left) / 2
            if half <= 1e-14 * (abs(left) + abs(right)):
                waited -= 1
                continue
            for node in range(16):
                y = centre + half * NODES[node]
                new_values[count, node] = _slope(
                    y, own, deviation, limit, low, high, edges, values, coefficients, panels
                )
            divisible = half > 1e-10 * (level - bottom) and count + waited < MOST_PANELS - 1
            noise = 1e-15 * (abs(left) + abs(right)) / deviation if deviation > 0.0 else 0.0
            if not _resolve(new_values[count], own, noise, -1e-17 * limit, new_coefficients[count]) and divisible:
                waiting[waited] = centre
                waited += 1
                continue
            new_edges[count], left = left, right
            count += 1
            waited -= 1
        new_edges[count] = level
        edges, new_edges = new_edges, edges
        values, new_values = new_values, values
        coefficients, new_coefficients = new_coefficients, coefficients
        panels, low, high = count, (bottom if count > 0 else level), level
    cost = -shortage_cost * low
    for panel in range(panels):
        part = 0.0
        for node in range(16):
            part += WEIGHTS[node] * values[panel, node]
        cost += part * (edges[panel + 1] - edges[panel]) / 2
    return levels, max(cost, 0.0)


@kernel
def discrete_recursion(
    echelon_holding_cost: FloatArray,
    probabilities: FloatArray,
    starts: IntArray,
    smallest: IntArray,
    shortage_cost: float,
    given: IntArray,
    optimise: bool,
) -> tuple[IntArray, int, float]:
    """Levels and cost of one serial system under whole-number demand.

    Args:
        echelon_holding_cost: h, downstream first, ≥ 0, shape (stage,).
        probabilities: Demand over each stage's lead time, one stage after the other, shape (outcome,).
        starts: Where each stage's probabilities begin, and the length of all, shape (stage + 1,).
        smallest: Demand that each stage's first probability belongs to, shape (stage,).
        shortage_cost: p, > 0 (≥ 0 where levels are given).
        given: Echelon levels, never falling, shape (stage,); read only where not optimise.

    Returns:
        Echelon levels, shape (stage,), high enough for any demand where the stage's own holding cost is zero; a
        level up to which the last stage's cost falls by p per unit; and what the cost changes by from there to its
        level.
    """
    stages = len(smallest)
    levels = np.zeros(stages, dtype=np.int64)
    slopes = np.zeros(0)
    low = high = 0
    tie = 1e-14 * (shortage_cost + echelon_holding_cost.sum())
    for stage in range(stages):
        own = echelon_holding_cost[stage]
        limit = -(shortage_cost + echelon_holding_cost[stage:].sum())
        chance = probabilities[starts[stage] : starts[stage + 1]]
        first, outcomes = smallest[stage], len(chance)
        more = np.zeros(outcomes)  # P(D > first + k)
        for k in range(outcomes - 2, -1, -1):
            more[k] = more[k + 1] + chance[k + 1]
        new_low, top = low + first, high + first + outcomes - 1
        end = top if optimise else given[stage]
        new_low = min(new_low, end)
        new_slopes = np.zeros(end - new_low)
        level = end
        for y in range(new_low, end):
            beyond = y - low - first  # demands above first + beyond leave the tabulated slopes below
            slope = own + limit * (1.0 if beyond < 0 else (more[beyond] if beyond < outcomes else 0.0))
            for u in range(max(low, y - first - outcomes + 1), min(high - 1, y - first) + 1):
                slope += chance[y - u - first] * slopes[u - low]
            if optimise and own > 0.0 and slope >= -tie:
                level = y
                break
            new_slopes[y - new_low] = slope
        slopes = new_slopes[: level - new_low]
        levels[stage] = level
        low, high = new_low, level
    return levels, low, slopes.sum()
