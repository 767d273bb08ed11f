"""Whether demand has a season, and how high each of its periods stands."""

from __future__ import annotations

from typing import Literal

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel
from forecasting.parameter_lanes import scale_of

LEAST_SEASONS = 3
"""Seasons of known periods without which no season is looked for."""
LEAST_KNOWN_SHARE = 0.75
"""Share of a moving average's periods that must be known."""
SEASONALITY_LIMIT = 1.645
"""Normal quantile of the test at 90 %."""
CLEAR_RATIO = 3.0
"""Variance between seasons over that within them, F, from which a season is seen without the test.

The test can hardly succeed on three or four seasons, however clear: its r is at most 1 − 1/seasons. By chance
F reaches 3 in 3 % of histories of three seasons of 12, and in less of longer ones.
"""
LEAST_INDEX = 0.05
"""Multiplicative indices are held at or above it, so that one may divide by them."""


def seasonal_indices(panel: Panel, season_length: int, *, kind: Literal["additive", "multiplicative"]) -> FloatArray:
    """Seasonal index of each series in each of the periods after its last one.

    A season is seen where the autocorrelation r at its length exceeds 1.645·√((1 + 2·Σ r²) / n), the sum going over
    the shorter lags, or where F (below) reaches `CLEAR_RATIO`. The indices are then those of the classical
    decomposition (mean by season of demand over, or less, its centred moving average; made to average 1, or 0), drawn
    to 1 (or 0) by what they may owe to chance: their departures are multiplied by max(0, 1 − 1/F), F being the variance
    between seasons over that within seasons in the analysis of variance. That is the empirical Bayes estimate when
    departures and errors are normal.

    Args:
        panel: Histories. Unknown periods count as average in the test and not at all in the indices.
        season_length: Periods per season, at least 1.
        kind: Multiplicative indices are ≥ `LEAST_INDEX` and about 1, additive ones about 0, in units.

    Returns:
        Shape (series, season_length): column j belongs to the period j + 1 after the last, and to those whole seasons
        before it. All 1 (or 0) where no season is seen or fewer than `LEAST_SEASONS` seasons are known.

    Raises:
        ValueError: season_length below 1, or another kind.

    Source: Assimakopoulos & Nikolopoulos (2000), International Journal of Forecasting 16(4), for the test;
    Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 3.4, for the decomposition.
    """
    if season_length < 1:
        raise ValueError(f"season_length must be at least 1, got {season_length}")
    if kind not in ("additive", "multiplicative"):
        raise ValueError(f"kind must be 'additive' or 'multiplicative', got {kind!r}")
    indices = np.empty((len(panel.ids), season_length))
    _find_seasons(panel.values, panel.offsets, kind == "multiplicative", indices)
    return indices


@kernel
def _find_seasons(values: FloatArray, offsets: IntArray, multiplicative: bool, indices: FloatArray) -> None:
    length = indices.shape[1]
    longest = 0
    for i in range(len(indices)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    own = np.empty(length)
    demand, running, counted = np.empty(longest), np.empty(longest + 1), np.empty(longest + 1)
    for i in range(len(indices)):
        start, end = offsets[i], offsets[i + 1]
        indices[i] = 1.0 if multiplicative else 0.0
        known, scale, mean = scale_of(values, start, end)
        if length == 1 or known < LEAST_SEASONS * length:
            continue
        running[0], counted[0] = 0.0, 0.0
        for t in range(start, end):
            unknown = np.isnan(values[t])
            demand[t - start] = values[t] / scale
            running[t - start + 1] = running[t - start] + (0.0 if unknown else values[t] / scale)
            counted[t - start + 1] = counted[t - start] + (0.0 if unknown else 1.0)
        found = demand[: end - start]
        ratio = _decompose(found, running, counted, multiplicative, own)
        if ratio <= 1.0:
            continue
        if ratio < CLEAR_RATIO:
            for t in range(end - start):
                found[t] = 0.0 if np.isnan(found[t]) else found[t] - mean
            if not _has_season(found, known, length):
                continue
        kept = 1.0 - 1.0 / ratio
        for j in range(length):
            if multiplicative:
                indices[i, j] = max(1.0 + kept * (own[j] - 1.0), LEAST_INDEX)
            else:
                indices[i, j] = kept * own[j] * scale


@inline
def _has_season(departure: FloatArray, known: int, length: int) -> bool:
    """The test, given departures from the mean, 0 where unknown."""
    products = np.zeros(length + 1)
    periods = len(departure)
    for t in range(periods):
        now = departure[t]
        for lag in range(min(length, periods - 1 - t) + 1):
            products[lag] += now * departure[t + lag]
    if products[0] <= 1e-20 * known:
        return False
    squares = 0.0
    for lag in range(1, length):
        squares += (products[lag] / products[0]) ** 2
    seen: bool = products[length] / products[0] > SEASONALITY_LIMIT * np.sqrt((1.0 + 2.0 * squares) / known)
    return seen


@inline
def _decompose(
    demand: FloatArray, running: FloatArray, counted: FloatArray, multiplicative: bool, indices: FloatArray
) -> float:
    """Fill indices, given demand (NaN = unknown) and its running sums and counts; F, 0 where there are too few."""
    length, periods = len(indices), len(demand)
    total, squares, number = np.zeros(length), np.zeros(length), np.zeros(length)
    half = length // 2
    for t in range(half, periods - half):
        early = t - half
        late = early if length % 2 else early + 1
        known_early = counted[early + length] - counted[early]
        known_late = counted[late + length] - counted[late]
        if np.isnan(demand[t]) or min(known_early, known_late) < LEAST_KNOWN_SHARE * length:
            continue
        average = 0.5 * (running[early + length] - running[early]) / known_early
        average += 0.5 * (running[late + length] - running[late]) / known_late
        if multiplicative and average <= 1e-9:
            continue
        share = demand[t] / average if multiplicative else demand[t] - average
        j = (t - periods) % length
        total[j] += share
        squares[j] += share * share
        number[j] += 1.0
    if number.min() < 2.0:
        return 0.0
    middle = (total / number).mean()
    grand = total.sum() / number.sum()
    between, within = 0.0, 0.0
    for j in range(length):
        own = total[j] / number[j]
        between += number[j] * (own - grand) ** 2 / (length - 1)
        within += max(squares[j] - number[j] * own * own, 0.0) / (number.sum() - length)
        indices[j] = own / middle if multiplicative else own - middle
    return between / max(within, 1e-20) if between > 1e-18 else 0.0
