"""The level expected over a coming window: many smoothers, each heard as well as it had forecast by then.

Nothing in it was chosen with a look at what came later, so that its errors at past origins are those that a planner
standing there would have made.
"""

from __future__ import annotations

import numpy as np

from forecasting.combine import free_of_season
from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

_FORGETTING = (0.003, 0.01, 0.03, 0.08, 0.2, 0.4)
_TRENDS = ((0.0, 0.0), (0.1, 0.9), (0.25, 0.98))
ALPHAS = np.array([alpha for _ in _TRENDS for alpha in _FORGETTING])
"""Share of an error that each smoother's level takes over; in the first 1/α periods it is the plain mean."""
TREND_SHARES = np.array([share for share, _ in _TRENDS for _ in _FORGETTING])
"""Share of that by which its trend moves."""
DAMPINGS = np.array([damping for _, damping in _TRENDS for _ in _FORGETTING])
HALF_LIFE = 30.0
"""Periods in which the weight of an error halves."""
MOST_EVIDENCE = 20.0
"""Periods of errors that a weight counts at most, so that none silences the others."""


def expected_level(panel: Panel, windows: IntArray, *, lead: IntArray | int, season: FloatArray) -> FloatArray:
    """Mean level per period of a coming window, free of season, as it was expected after each period.

    Simple and damped-trend exponential smoothers of fixed constants run side by side. Each one's forecast counts with
    weight S^(−n/2), S being its discounted mean squared error of single periods and n their number: the likelihood of
    normal errors, as in Bayesian averaging.

    Args:
        panel: Histories; unknown periods teach nothing.
        windows: Whole periods of each series' window, ≥ 1, shape (series,).
        lead: Periods between an origin and its window, one for all or shape (series,).
        season: Multiplicative indices of the periods after the last, shape (series, season length).

    Returns:
        Units per period, never negative, shaped like the panel's values.
    """
    plain = free_of_season(panel, season)
    level = np.zeros(len(panel.values))
    kept = 0.5 ** (1 / HALF_LIFE)
    leads = np.ascontiguousarray(np.broadcast_to(lead, windows.shape), dtype=np.int64)
    _average(plain.values, plain.offsets, windows, leads, ALPHAS, TREND_SHARES, DAMPINGS, kept, MOST_EVIDENCE, level)
    return level


@inline
def _mean_reach(dampings: FloatArray, lead: int, window: int, reach: FloatArray) -> None:
    """Trends that a window's mean period is ahead of the level: the mean of φ + φ² + … over its periods."""
    for k in range(len(dampings)):
        left, steps, total = 1.0, 0.0, 0.0
        for h in range(lead + window):
            left = left * dampings[k] + 1e-150
            steps += left
            if h >= lead:
                total += steps
        reach[k] = total / window


@kernel
def _average(
    values: FloatArray,
    offsets: IntArray,
    windows: IntArray,
    leads: IntArray,
    alphas: FloatArray,
    shares: FloatArray,
    dampings: FloatArray,
    kept: float,
    most_evidence: float,
    expected: FloatArray,
) -> None:
    count = len(alphas)
    level, trend, squares, reach = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for i in range(len(offsets) - 1):
        _mean_reach(dampings, leads[i], windows[i], reach)
        known, evidence = 0.0, 0.0
        level[:], trend[:], squares[:] = 0.0, 0.0, 0.0
        for t in range(offsets[i], offsets[i + 1]):
            units = values[t]
            if not np.isnan(units):
                known += 1.0
                for k in range(count):
                    ahead = level[k] + dampings[k] * trend[k]
                    error = units - ahead
                    gain = max(alphas[k], 1.0 / known)
                    level[k] = ahead + gain * error + 1e-150
                    if known > 2.0:
                        squares[k] = kept * squares[k] + error * error
                        trend[k] = dampings[k] * trend[k] + alphas[k] * shares[k] * error + 1e-150
                if known > 2.0:
                    evidence = kept * evidence + 1.0
            least = squares.min() + 1e-9
            power = min(evidence, most_evidence) / 2.0
            total, weights = 0.0, 0.0
            for k in range(count):
                weight = (least / (squares[k] + 1e-9)) ** power
                weights += weight
                total += weight * max(level[k] + trend[k] * reach[k], 0.0)
            expected[t] = total / weights
