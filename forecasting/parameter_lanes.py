"""Sets of smoothing constants tried side by side: a set is a lane, and lanes share one SIMD pass over a series.

Constants are searched on scales where equal steps matter equally. For α that is the angle with α = 1 − cos(angle):
by the Fisher information 1 / (α·(2 − α)) of simple exponential smoothing, being off by d radians costs d² of a
period's squared error per period, wherever on the scale. So a penalty of w·d² is what w further periods would say
whose best constant is the prior's.
"""

import numpy as np

from forecasting.compiled import inline
from forecasting.panel import FloatArray, IntArray

LANES = 64
ALPHA, BETA, PHI, GAMMA, PRIOR = (LANES * row for row in range(5))
"""Where the rows of a block begin: the constants, and the squared distance from the prior's.

A block is one flat array, so that the compiler sees the rows apart and runs four lanes or more at a time.
"""
STATE_ROWS = 5
"""First row free for a method's own states and sums."""

LEAST_DAMPING, MOST_DAMPING = 0.8, 0.98
NEGLIGIBLE = 1e-20
"""Mean squared error, relative to the largest demand's square, below which sets count as equally good."""
TINY = 1e-150
"""Added where a recursion decays, since subnormal numbers are slow; its square is still a normal number."""


@inline
def constant(place: float) -> float:
    """Smoothing constant in [0, 1] at place in [0, 1]: 1 − cos(π/2·place) to within 0.0015, and 0 and 1 at the ends."""
    square = place * place
    return square * (1.2337 - 0.2337 * square)


@inline
def damping(place: float) -> float:
    """φ at place in [0, 1]."""
    return LEAST_DAMPING + (MOST_DAMPING - LEAST_DAMPING) * place


@inline
def place_lanes(
    block: FloatArray, places: FloatArray, counts: IntArray, centre: FloatArray, reach: FloatArray, prior: FloatArray
) -> int:
    """Lay a grid of counts points per constant over centre ± reach; the number of lanes filled.

    That is a multiple of four (the first is repeated), as processors take four or eight at a time.

    Args:
        block: Filled up to row PRIOR.
        places: Where on the scales the lanes lie, shape (4, LANES), filled.
        counts: Points per constant (α, β*, φ, γ*), product ≤ LANES; 1 = the centre only.
        centre: In [0, 1], per constant.
        reach: Half the width of the grid, per constant; points beyond 0 or 1 are moved there.
        prior: Per constant, the place believed likeliest; NaN = no opinion.
    """
    points = np.empty((4, LANES))
    distances = np.zeros((4, LANES))
    for one in range(4):
        for step in range(counts[one]):
            place = centre[one]
            if counts[one] > 1:
                place = min(max(place + reach[one] * (2.0 * step / (counts[one] - 1) - 1.0), 0.0), 1.0)
            points[one, step] = place
            if not np.isnan(prior[one]):
                angle = 0.5 * np.pi * (place - prior[one])
                distances[one, step] = angle * angle
    lane = 0
    for g in range(counts[3]):
        for p in range(counts[2]):
            for b in range(counts[1]):
                for a in range(counts[0]):
                    places[0, lane], places[1, lane] = points[0, a], points[1, b]
                    places[2, lane], places[3, lane] = points[2, p], points[3, g]
                    block[ALPHA + lane] = constant(points[0, a])
                    block[BETA + lane] = block[ALPHA + lane] * constant(points[1, b])
                    block[PHI + lane] = damping(points[2, p])
                    block[GAMMA + lane] = (1.0 - block[ALPHA + lane]) * constant(points[3, g])
                    block[PRIOR + lane] = distances[0, a] + distances[1, b] + distances[2, p] + distances[3, g]
                    lane += 1
    while lane % 4:
        for row in range(STATE_ROWS):
            block[row * LANES + lane] = block[row * LANES]
        places[:, lane] = places[:, 0]
        lane += 1
    return lane


@inline
def scale_of(values: FloatArray, start: int, end: int) -> tuple[int, float, float]:
    """Known periods, largest demand (1 where that is 0) and mean of values[start:end] over the largest."""
    known, largest = 0, 0.0
    for t in range(start, end):
        if not np.isnan(values[t]):
            known += 1
            largest = max(largest, values[t])
    if largest == 0.0:
        return known, 1.0, 0.0
    total = 0.0
    for t in range(start, end):
        if not np.isnan(values[t]):
            total += values[t] / largest
    return known, largest, total / known
