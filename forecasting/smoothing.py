"""Exponential smoothing without a season: a level, a level with a trend, a level with a trend that dies out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel
from forecasting.parameter_lanes import (
    ALPHA,
    BETA,
    LANES,
    NEGLIGIBLE,
    PHI,
    PRIOR,
    STATE_ROWS,
    TINY,
    place_lanes,
    scale_of,
)
from forecasting.smoothed_demand import SmoothedDemand, never

PRIOR_PERIODS = 4.0
PRIOR_PLACES = np.array([0.35, 0.0, np.nan, np.nan])
"""Likeliest constants before seeing a series, on the scales of `parameter_lanes`: α = 0.15, β* = 0."""
ROUNDING = 1e-11
"""Share of a sum of squares below which a difference of such sums tells nothing."""
LEAST_FOR_TREND = 6
"""Known periods from which a series may have a trend."""


@dataclass(frozen=True)
class ExponentialSmoothing(SmoothedDemand):
    """Attributes:
    alpha: Share of a one-step error that the level takes over, shape (series,).
    beta: Share of it that the trend takes over (α·β*), shape (series,); 0 in methods without a trend.
    gamma: Share of it that the seasonal index takes over, shape (series,); 0 in methods without a season.
    """

    alpha: FloatArray
    beta: FloatArray
    gamma: FloatArray


def simple_exponential_smoothing(panel: Panel, *, prior_periods: float = PRIOR_PERIODS) -> ExponentialSmoothing:
    """Level ← level + α·(demand − level), α and the first level per series by least one-step squared error.

    The first level is the exact minimiser given α, so only α is searched. A short or intermittent history hardly tells
    one α from another, and its least error is then luck; so the error is weighed by 1 + prior_periods·d²/n, where
    n are the series' known periods and d the distance of α from 0.15 on the scale of `parameter_lanes`. Unknown
    periods leave the level alone. Up to two known periods give their mean.

    Args:
        panel: Histories; an intermittent one is smoothed towards its mean rate.
        prior_periods: How many further periods the prior is worth; 0 = least squares alone.

    Raises:
        ValueError: prior_periods is negative or not finite.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.1.
    """
    check_prior(prior_periods)
    series, periods = len(panel.ids), len(panel.values)
    level, fitted, alpha = np.zeros(periods), np.zeros(periods), np.zeros(series)
    _smooth_level(panel.values, panel.offsets, prior_periods, level, fitted, alpha)
    return _unseasonal(panel, level, never(0.0, periods), fitted, np.ones(series), alpha, np.zeros(series))


def holt(panel: Panel, *, prior_periods: float = PRIOR_PERIODS) -> ExponentialSmoothing:
    """Holt's linear trend: as `damped_trend` with a trend that goes on for ever (φ = 1).

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.2.
    """
    return _with_trend(panel, prior_periods, damped=False)


def damped_trend(panel: Panel, *, prior_periods: float = PRIOR_PERIODS) -> ExponentialSmoothing:
    """Level and damped trend with additive error.

    forecast = level + φ·trend; level ← forecast + α·error; trend ← φ·trend + β·error. Per series the start level and
    trend are the exact minimisers of the one-step squared error given the constants, which are searched over
    0 ≤ α ≤ 1, 0 ≤ β ≤ α and 0.8 ≤ φ ≤ 0.98. In an unknown period the error counts as 0: the level moves by the trend.
    Series of fewer than `LEAST_FOR_TREND` known periods get simple exponential smoothing.

    Args:
        panel: Histories.
        prior_periods: Further periods that speak for α = 0.15, no change of the trend and a start trend of 0;
            0 = least squares alone.

    Raises:
        ValueError: prior_periods is negative or not finite.

    Source: Gardner & McKenzie (1985), Management Science 31(10); Hyndman & Athanasopoulos, Forecasting: Principles
    and Practice, 3rd ed., section 8.2.
    """
    return _with_trend(panel, prior_periods, damped=True)


def _with_trend(panel: Panel, prior_periods: float, *, damped: bool) -> ExponentialSmoothing:
    check_prior(prior_periods)
    series, periods = len(panel.ids), len(panel.values)
    level, trend, fitted = np.zeros(periods), np.zeros(periods), np.zeros(periods)
    alpha, beta, phi = np.zeros(series), np.zeros(series), np.ones(series)
    _smooth_trend(panel.values, panel.offsets, prior_periods, damped, level, trend, fitted, alpha, beta, phi)
    return _unseasonal(panel, level, trend, fitted, phi, alpha, beta)


def check_prior(prior_periods: float) -> None:
    """Refuse a weight of the prior that is none."""
    if not (np.isfinite(prior_periods) and prior_periods >= 0):
        raise ValueError(f"prior_periods must be finite and not negative, got {prior_periods}")


def _unseasonal(
    panel: Panel,
    level: FloatArray,
    trend: FloatArray,
    fitted: FloatArray,
    phi: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
) -> ExponentialSmoothing:
    series = len(panel.ids)
    return ExponentialSmoothing(
        offsets=panel.offsets,
        level=level,
        trend=trend,
        season=never(0.0, len(level)),
        first_season=np.zeros((series, 1)),
        damping=phi,
        fitted=fitted,
        season_length=1,
        seasonal="none",
        alpha=alpha,
        beta=beta,
        gamma=np.zeros(series),
    )


LEVEL_GRID = 16
BASE, SENSE, RR, RS, SS = (LANES * row for row in range(STATE_ROWS, STATE_ROWS + 5))


@inline
def best_alpha(demand: FloatArray, prior_periods: float, block: FloatArray, places: FloatArray) -> tuple[float, float]:
    """α and first level of least weighted one-step squared error over the known periods `demand` (mean about 0)."""
    counts = np.array([LEVEL_GRID, 1, 1, 1])
    centre = np.full(4, 0.5)
    prior = np.array([0.35, np.nan, np.nan, np.nan])
    reach = np.full(4, 0.5)
    best_level, best = 0.0, 0
    for _ in range(2):
        lanes = place_lanes(block, places, counts, centre, reach, prior)
        _level_errors(demand, block, lanes)
        least = np.inf
        for k in range(lanes):
            first = block[RS + k] / block[SS + k]
            error = max(block[RR + k] - block[RS + k] * first, 0.0) + NEGLIGIBLE * len(demand)
            error *= 1.0 + prior_periods * block[PRIOR + k] / len(demand)
            if error < least:
                least, best, best_level = error, k, first
        centre[0] = places[0, best]
        reach /= LEVEL_GRID - 1
    return block[ALPHA + best], best_level


@inline
def _level_errors(demand: FloatArray, block: FloatArray, lanes: int) -> None:
    """Run the level from 0 and its sensitivity to the first level; sum the products of what they leave as error."""
    for k in range(lanes):
        block[BASE + k] = 0.0
        block[SENSE + k] = 1.0
        block[RR + k] = 0.0
        block[RS + k] = 0.0
        block[SS + k] = 0.0
    for t in range(len(demand)):
        y = demand[t]
        for k in range(lanes):
            alpha, sense = block[ALPHA + k], block[SENSE + k]
            error = y - block[BASE + k]
            block[RR + k] += error * error
            block[RS + k] += error * sense
            block[SS + k] += sense * sense
            block[BASE + k] += alpha * error + TINY
            block[SENSE + k] = sense - alpha * sense + TINY


@kernel
def _smooth_level(
    values: FloatArray,
    offsets: IntArray,
    prior_periods: float,
    level: FloatArray,
    fitted: FloatArray,
    alpha: FloatArray,
) -> None:
    longest = 0
    for i in range(len(alpha)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    block, places = np.empty(SS + LANES), np.empty((4, LANES))
    buffer = np.empty(longest)
    for i in range(len(alpha)):
        alpha[i] = smooth_level_of_one(
            values, offsets[i], offsets[i + 1], prior_periods, level, fitted, buffer, block, places
        )


@inline
def smooth_level_of_one(
    values: FloatArray,
    start: int,
    end: int,
    prior_periods: float,
    level: FloatArray,
    fitted: FloatArray,
    buffer: FloatArray,
    block: FloatArray,
    places: FloatArray,
) -> float:
    """Fill states and one-step forecasts of the series values[start:end], all 0 until now; α, 0 without demand."""
    known, scale, mean = scale_of(values, start, end)
    if mean == 0.0:
        return 0.0
    seen = 0
    for t in range(start, end):
        if not np.isnan(values[t]):
            buffer[seen] = values[t] / scale - mean
            seen += 1
    alpha, now = 0.0, 0.0
    if known > 2:
        alpha, now = best_alpha(buffer[:known], prior_periods, block, places)
    for t in range(start, end):
        fitted[t] = max((now + mean) * scale, 0.0)
        if not np.isnan(values[t]):
            now += alpha * (values[t] / scale - mean - now) + TINY
        level[t] = max((now + mean) * scale, 0.0)
    return alpha


(BASE_LEVEL, BASE_TREND, LEVEL_BY_LEVEL, TREND_BY_LEVEL, LEVEL_BY_TREND, TREND_BY_TREND, EE, EX, EZ, XX, XZ, ZZ) = (
    LANES * row for row in range(STATE_ROWS, STATE_ROWS + 12)
)


@inline
def _trend_errors(demand: FloatArray, block: FloatArray, lanes: int) -> None:
    """Run level and trend from 0 and their sensitivities to the first level and trend; sum the products of errors.

    An unknown demand (NaN) moves the states on and adds no error.
    """
    block[BASE_LEVEL:] = 0.0
    for k in range(lanes):
        block[LEVEL_BY_LEVEL + k] = 1.0
        block[TREND_BY_TREND + k] = 1.0
    for t in range(len(demand)):
        y = demand[t]
        if np.isnan(y):
            for k in range(lanes):
                phi = block[PHI + k]
                block[BASE_TREND + k] *= phi
                block[BASE_LEVEL + k] += block[BASE_TREND + k]
                block[TREND_BY_LEVEL + k] = phi * block[TREND_BY_LEVEL + k] + TINY
                block[LEVEL_BY_LEVEL + k] += block[TREND_BY_LEVEL + k]
                block[TREND_BY_TREND + k] = phi * block[TREND_BY_TREND + k] + TINY
                block[LEVEL_BY_TREND + k] += block[TREND_BY_TREND + k]
            continue
        for k in range(lanes):
            alpha, beta, phi = block[ALPHA + k], block[BETA + k], block[PHI + k]
            trend = phi * block[BASE_TREND + k]
            forecast = block[BASE_LEVEL + k] + trend
            e = y - forecast
            block[BASE_LEVEL + k] = forecast + alpha * e
            block[BASE_TREND + k] = trend + beta * e + TINY
            trend = phi * block[TREND_BY_LEVEL + k]
            x = block[LEVEL_BY_LEVEL + k] + trend
            block[LEVEL_BY_LEVEL + k] = x - alpha * x + TINY
            block[TREND_BY_LEVEL + k] = trend - beta * x + TINY
            trend = phi * block[TREND_BY_TREND + k]
            z = block[LEVEL_BY_TREND + k] + trend
            block[LEVEL_BY_TREND + k] = z - alpha * z + TINY
            block[TREND_BY_TREND + k] = trend - beta * z + TINY
            block[EE + k] += e * e
            block[EX + k] += e * x
            block[EZ + k] += e * z
            block[XX + k] += x * x
            block[XZ + k] += x * z
            block[ZZ + k] += z * z


@inline
def best_start(
    ee: float, ex: float, ez: float, xx: float, xz: float, zz: float, prior_periods: float
) -> tuple[float, float, float]:
    """Least squared error and the first level and trend that reach it, the trend drawn to 0 by prior_periods errors.

    Arguments are sums of products of the error from states 0 (e) and its sensitivities to level (x) and trend (z). An
    error far below that from states 0 is lost in rounding: constants under which the states swing ever wider must not
    seem perfect.
    """
    zz += prior_periods
    determinant = xx * zz - xz * xz
    level, trend = ex / xx, 0.0
    if determinant > 1e-10 * xx * zz:
        level = (ex * zz - ez * xz) / determinant
        trend = (ez * xx - ex * xz) / determinant
    return max(ee - ex * level - ez * trend, ROUNDING * ee), level, trend


TREND_ROUNDS = 5


@inline
def best_trend(
    demand: FloatArray, prior_periods: float, damped: bool, block: FloatArray, places: FloatArray
) -> tuple[float, float, float, float, float]:
    """α, β, φ, first level and first trend of least weighted one-step squared error over `demand` (mean about 0).

    A grid over all constants, then ever smaller ones round the best.
    """
    known = 0
    for t in range(len(demand)):
        known += not np.isnan(demand[t])
    counts = np.array([7, 3, 3, 1]) if damped else np.array([8, 8, 1, 1])
    centre = np.full(4, 0.5)
    prior = np.array([0.35, 0.0, np.nan, np.nan])
    best_places = centre.copy()
    reach = np.full(4, 0.5)
    least = np.inf
    alpha, beta, phi, level, trend = 0.0, 0.0, 1.0, 0.0, 0.0
    for turn in range(TREND_ROUNDS):
        lanes = place_lanes(block, places, counts, centre, reach, prior)
        if not damped:
            for k in range(lanes):
                block[PHI + k] = 1.0
        _trend_errors(demand, block, lanes)
        for k in range(lanes):
            error, first_level, first_trend = best_start(
                block[EE + k], block[EX + k], block[EZ + k], block[XX + k], block[XZ + k], block[ZZ + k], prior_periods
            )
            error = (error + NEGLIGIBLE * known) * (1.0 + prior_periods * block[PRIOR + k] / known)
            if error < least:
                least, level, trend = error, first_level, first_trend
                alpha, beta, phi = block[ALPHA + k], block[BETA + k], block[PHI + k]
                for one in range(3):
                    best_places[one] = places[one, k]
        centre[:] = best_places
        if turn == 0:
            reach[:] = 0.6 / np.maximum(counts - 1, 1)
            counts = np.array([3, 3, 3, 1]) if damped else np.array([5, 5, 1, 1])
        else:
            reach *= 0.5
    return alpha, beta, phi, level, trend


@kernel
def _smooth_trend(
    values: FloatArray,
    offsets: IntArray,
    prior_periods: float,
    damped: bool,
    level: FloatArray,
    trend: FloatArray,
    fitted: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
    phi: FloatArray,
) -> None:
    longest = 0
    for i in range(len(alpha)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    block, places = np.empty(ZZ + LANES), np.empty((4, LANES))
    buffer = np.empty(longest)
    for i in range(len(alpha)):
        start, end = offsets[i], offsets[i + 1]
        alpha[i], beta[i], phi[i] = smooth_trend_of_one(
            values, start, end, prior_periods, damped, level, trend, fitted, buffer, block, places
        )


@inline
def smooth_trend_of_one(
    values: FloatArray,
    start: int,
    end: int,
    prior_periods: float,
    damped: bool,
    level: FloatArray,
    trend: FloatArray,
    fitted: FloatArray,
    buffer: FloatArray,
    block: FloatArray,
    places: FloatArray,
) -> tuple[float, float, float]:
    """Fill states and one-step forecasts of the series values[start:end]; α, β and φ."""
    known, scale, mean = scale_of(values, start, end)
    if known < LEAST_FOR_TREND or mean == 0.0:
        alpha = smooth_level_of_one(values, start, end, prior_periods, level, fitted, buffer, block, places)
        return alpha, 0.0, 1.0
    first = start
    while np.isnan(values[first]):
        first += 1
    for t in range(first, end):
        buffer[t - first] = values[t] / scale - mean
    alpha, beta, phi, now, slope = best_trend(buffer[: end - first], prior_periods, damped, block, places)
    for t in range(start, first):
        level[t], trend[t] = (now + mean) * scale, slope * scale
        fitted[t] = max((now + mean) * scale, 0.0)
    for t in range(first, end):
        slope *= phi
        now += slope
        fitted[t] = max((now + mean) * scale, 0.0)
        if not np.isnan(values[t]):
            error = buffer[t - first] - now
            now += alpha * error
            slope += beta * error + TINY
        level[t], trend[t] = (now + mean) * scale, slope * scale
    return alpha, beta, phi
