"""The Theta method: half the way between smoothing and the straight line, or the best part of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.decomposition import LEAST_INDEX, seasonal_indices
from forecasting.panel import FloatArray, IntArray, Panel
from forecasting.parameter_lanes import ALPHA, LANES, NEGLIGIBLE, PRIOR, STATE_ROWS, TINY, place_lanes, scale_of
from forecasting.smoothed_demand import SmoothedDemand, never
from forecasting.smoothing import LEVEL_GRID, PRIOR_PERIODS, best_alpha, check_prior

LEAST_FOR_LINE = 5
"""Known periods from which a series may have a line."""
MOST_LINE = 0.99
"""Largest share of the line, 1 − 1/θ: θ is at most 100."""


@dataclass(frozen=True)
class Theta(SmoothedDemand):
    """Attributes:
    alpha: Smoothing constant, shape (series,).
    theta: How far the smoothed line's curvature is stretched, shape (series,): the straight line counts 1 − 1/θ.
        2 is the classical method, 1 simple exponential smoothing.
    """

    alpha: FloatArray
    theta: FloatArray


def theta(panel: Panel, *, season_length: int = 1, prior_periods: float = PRIOR_PERIODS) -> Theta:
    """The classical Theta method: the mean of the straight line and of the smoothed theta line of 2.

    Demand is divided by its `seasonal_indices`. The line is that of least squares over all known periods; the theta
    line of 2 is twice demand less that line and is smoothed as by `simple_exponential_smoothing`. So the
    states after a period know the line of the whole history: where that matters use `dynamic_optimised_theta`.
    Series of fewer than `LEAST_FOR_LINE` known periods have no line (θ = 1).

    Args:
        panel: Histories. Periods whose seasonal index is the least possible teach nothing of the level.
        season_length: Periods per season; 1 = no season.
        prior_periods: Further periods that speak for α = 0.15 and for a line without slope; 0 = none.

    Raises:
        ValueError: season_length below 1; prior_periods is negative or not finite.

    Source: Assimakopoulos & Nikolopoulos (2000), International Journal of Forecasting 16(4).
    """
    return _theta(panel, season_length, prior_periods, dynamic=False)


def dynamic_optimised_theta(panel: Panel, *, season_length: int = 1, prior_periods: float = PRIOR_PERIODS) -> Theta:
    """Theta with θ ≥ 1 chosen per series, and at each period the line of the periods up to it.

    The one-step forecast is level + (1 − 1/θ)·(line − line smoothed like the level). Given α the first level and
    1 − 1/θ are the exact minimisers of the squared error from the third known period on, so only α is searched.
    Later steps keep the line as it stands at the origin, whereas the source lets it learn from its own forecasts.
    Before the third known period the forecast is the last known demand. Series of fewer than `LEAST_FOR_LINE` known
    periods have no line (θ = 1).

    Args:
        panel: Histories, divided by their `seasonal_indices`.
        season_length: Periods per season; 1 = no season.
        prior_periods: Further periods that speak for α = 0.15, θ = 2 and lines without slope; 0 = none.

    Raises:
        ValueError: season_length below 1; prior_periods is negative or not finite.

    Source: Fiorucci et al. (2016), International Journal of Forecasting 32(4), the model DOTM.
    """
    return _theta(panel, season_length, prior_periods, dynamic=True)


def _theta(panel: Panel, season_length: int, prior_periods: float, *, dynamic: bool) -> Theta:
    check_prior(prior_periods)
    ahead = seasonal_indices(panel, season_length, kind="multiplicative")
    series, periods = len(panel.ids), len(panel.values)
    level, trend, fitted = np.zeros(periods), np.zeros(periods), np.zeros(periods)
    season = np.ones(periods) if season_length > 1 else never(1.0, periods)
    first_season = np.ones((series, season_length))
    if season_length > 1:
        _lay_out_season(panel.offsets, ahead, season, first_season)
    alpha, share = np.zeros(series), np.zeros(series)
    smooth = _smooth_dynamic if dynamic else _smooth_classical
    smooth(panel.values, panel.offsets, ahead, prior_periods, level, trend, fitted, alpha, share)
    return Theta(
        offsets=panel.offsets,
        level=level,
        trend=trend,
        season=season,
        first_season=first_season,
        damping=np.ones(series),
        fitted=fitted,
        season_length=season_length,
        seasonal="multiplicative" if season_length > 1 else "none",
        alpha=alpha,
        theta=1.0 / (1.0 - share),
    )


@kernel
def _lay_out_season(offsets: IntArray, ahead: FloatArray, season: FloatArray, first_season: FloatArray) -> None:
    length = ahead.shape[1]
    for i in range(len(ahead)):
        start, end = offsets[i], offsets[i + 1]
        for j in range(length):
            first_season[i, j] = ahead[i, (start + j - end) % length]
        for t in range(start, end):
            season[t] = first_season[i, (t - start) % length]


@inline
def _deseasonalise(
    values: FloatArray, start: int, end: int, ahead: FloatArray, demand: FloatArray
) -> tuple[int, int, float, float]:
    """Fill demand with values[start:end] over their indices, scaled and centred; NaN where the index is the least.

    Returns known periods, first known period (from start), scale and mean: value = (demand + mean)·scale·index.
    """
    known, largest, _ = scale_of(values, start, end)
    length = len(ahead)
    j = (start - end) % length
    for t in range(start, end):
        demand[t - start] = values[t] / largest / ahead[j] if ahead[j] > LEAST_INDEX else np.nan
        j = j + 1 if j + 1 < length else 0
    known, largest_again, mean = scale_of(demand, 0, end - start)
    first = 0
    while first < end - start and np.isnan(demand[first]):
        first += 1
    for t in range(first, end - start):
        demand[t] = demand[t] / largest_again - mean
    return known, first, largest * largest_again, mean


@inline
def _longest(offsets: IntArray) -> int:
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


@kernel
def _smooth_classical(
    values: FloatArray,
    offsets: IntArray,
    ahead: FloatArray,
    prior_periods: float,
    level: FloatArray,
    trend: FloatArray,
    fitted: FloatArray,
    alphas: FloatArray,
    shares: FloatArray,
) -> None:
    longest, length = _longest(offsets), ahead.shape[1]
    block, places = np.empty((STATE_ROWS + 5) * LANES), np.empty((4, LANES))
    demand, stretched = np.empty(longest), np.empty(longest)
    for i in range(len(alphas)):
        start, end = offsets[i], offsets[i + 1]
        known, _, scale, mean = _deseasonalise(values, start, end, ahead[i], demand)
        if mean == 0.0:
            continue
        share = 0.5 if known >= LEAST_FOR_LINE else 0.0
        at_first, slope = _straight_line(demand[: end - start], prior_periods) if share else (0.0, 0.0)
        seen = 0
        for t in range(end - start):
            if not np.isnan(demand[t]):
                stretched[seen] = (demand[t] - share * (at_first + slope * t)) / (1.0 - share)
                seen += 1
        alpha, now = 0.0, 0.0
        if known > 2:
            alpha, now = best_alpha(stretched[:known], prior_periods, block, places)
        alphas[i], shares[i] = alpha, share
        j = (start - end) % length
        seen = 0
        for t in range(end - start):
            both = (1.0 - share) * now + share * (at_first + slope * t)
            fitted[start + t] = max((both + mean) * scale, 0.0) * ahead[i, j]
            if not np.isnan(demand[t]):
                now += alpha * (stretched[seen] - now) + TINY
                seen += 1
            both = (1.0 - share) * now + share * (at_first + slope * t)
            level[start + t] = (both + mean) * scale
            trend[start + t] = share * slope * scale
            j = j + 1 if j + 1 < length else 0


@inline
def _straight_line(demand: FloatArray, prior_periods: float) -> tuple[float, float]:
    """Least-squares line through known demand (mean 0): value at position 0 and slope.

    The slope is drawn to 0 as by prior_periods flat periods spread over time like the known ones.
    """
    known, middle = 0, 0.0
    for t in range(len(demand)):
        if not np.isnan(demand[t]):
            known += 1
            middle += t
    middle /= known
    spread, rise = 0.0, 0.0
    for t in range(len(demand)):
        if not np.isnan(demand[t]):
            spread += (t - middle) ** 2
            rise += (t - middle) * demand[t]
    slope = rise / (spread * (1.0 + prior_periods / known))
    return -slope * middle, slope


BASE, SENSE, LEAD, RR, RX, RG, XX, XG, GG = (LANES * row for row in range(STATE_ROWS, STATE_ROWS + 9))


@kernel
def _smooth_dynamic(
    values: FloatArray,
    offsets: IntArray,
    ahead: FloatArray,
    prior_periods: float,
    level: FloatArray,
    trend: FloatArray,
    fitted: FloatArray,
    alphas: FloatArray,
    shares: FloatArray,
) -> None:
    longest, length = _longest(offsets), ahead.shape[1]
    block, places = np.empty(GG + LANES), np.empty((4, LANES))
    demand, height, slope = np.empty(longest), np.empty(longest + 1), np.empty(longest + 1)
    for i in range(len(alphas)):
        start, end = offsets[i], offsets[i + 1]
        known, first, scale, mean = _deseasonalise(values, start, end, ahead[i], demand)
        if mean == 0.0:
            continue
        periods = end - start - first
        own = demand[first : end - start]
        alpha, share, now = 0.0, 0.0, 0.0
        height[: periods + 1] = 0.0
        slope[: periods + 1] = 0.0
        lined = known >= LEAST_FOR_LINE
        if lined:
            _lines_so_far(own, prior_periods, height, slope)
            alpha, share, now = _best_share(own, known, height, slope, prior_periods, block, places)
        elif known > 2:
            seen = 0
            for t in range(periods):
                if not np.isnan(own[t]):
                    height[seen] = own[t]
                    seen += 1
            alpha, now = best_alpha(height[:known], prior_periods, block, places)
            height[: periods + 1] = 0.0
        alphas[i], shares[i] = alpha, share
        sense, lead, seen, last = 1.0, 1.0, 0, own[0] if lined else now
        one_ahead = last
        for t in range(start, start + first):
            level[t] = (last + mean) * scale
            fitted[t] = last
        for t in range(periods):
            at = start + first + t
            fitted[at] = one_ahead
            if not np.isnan(own[t]):
                now += alpha * (own[t] - now) + TINY
                sense += TINY - alpha * sense
                lead -= alpha * lead
                seen += 1
                last = own[t]
            lead += 1.0
            drift = share * slope[t + 1]
            one_ahead = now + share * (height[t + 1] * sense + slope[t + 1] * lead)
            if lined and seen < 2:
                one_ahead, drift = last, 0.0
            level[at] = (one_ahead - drift + mean) * scale
            trend[at] = drift * scale
        j = (start - end) % length
        for t in range(start, end):
            fitted[t] = max((fitted[t] + mean) * scale, 0.0) * ahead[i, j]
            j = j + 1 if j + 1 < length else 0


@inline
def _lines_so_far(demand: FloatArray, prior_periods: float, height: FloatArray, slope: FloatArray) -> None:
    """Least-squares line through the known ones of the first t periods, numbered from 1: value at 0 and slope, at t.

    Slopes are drawn to 0 as by prior_periods flat periods spread over time like the known ones.
    """
    known, middle, mean, spread, rise = 0, 0.0, 0.0, 0.0, 0.0
    height[0], slope[0] = 0.0, 0.0
    for t in range(len(demand)):
        height[t + 1], slope[t + 1] = height[t], slope[t]
        if np.isnan(demand[t]):
            continue
        known += 1
        from_middle = t + 1.0 - middle
        middle += from_middle / known
        spread += from_middle * (t + 1.0 - middle)
        rise += (t + 1.0 - middle) * (demand[t] - mean)
        mean += (demand[t] - mean) / known
        if known > 1:
            slope[t + 1] = rise / (spread * (1.0 + prior_periods / known))
        height[t + 1] = mean - slope[t + 1] * middle


@inline
def _best_share(
    demand: FloatArray,
    known: int,
    height: FloatArray,
    slope: FloatArray,
    prior_periods: float,
    block: FloatArray,
    places: FloatArray,
) -> tuple[float, float, float]:
    """α, share of the line and first level of least weighted one-step squared error."""
    counts = np.array([LEVEL_GRID, 1, 1, 1])
    centre = np.full(4, 0.5)
    prior = np.array([0.35, np.nan, np.nan, np.nan])
    judged = known - 2
    reach = np.full(4, 0.5)
    alpha, share, first = 0.0, 0.0, 0.0
    for _ in range(2):
        lanes = place_lanes(block, places, counts, centre, reach, prior)
        _theta_errors(demand, height, slope, block, lanes)
        least = np.inf
        for k in range(lanes):
            error, own_share, own_first = _solve(
                block[RR + k],
                block[RX + k],
                block[RG + k],
                block[XX + k],
                block[XG + k],
                block[GG + k],
                prior_periods / judged,
            )
            error = (error + NEGLIGIBLE * judged) * (1.0 + prior_periods * block[PRIOR + k] / judged)
            if error < least:
                least, alpha, share, first = error, block[ALPHA + k], own_share, own_first
                centre[0] = places[0, k]
        reach /= LEVEL_GRID - 1
    return alpha, share, first


@inline
def _theta_errors(demand: FloatArray, height: FloatArray, slope: FloatArray, block: FloatArray, lanes: int) -> None:
    """Sums of products, from the third known period on, of three parts of the one-step error.

    r, demand less the level that starts at 0; x, the level's sensitivity to its start; g, the line less the line
    smoothed like the level. The error is r − x·(first level) − g·(share of the line).
    """
    block[BASE:] = 0.0
    for k in range(lanes):
        block[SENSE + k] = 1.0
        block[LEAD + k] = 1.0
    seen = 0
    for t in range(len(demand)):
        y, at_zero, rise = demand[t], height[t], slope[t]
        if np.isnan(y):
            for k in range(lanes):
                block[LEAD + k] += 1.0
            continue
        if seen < 2:
            for k in range(lanes):
                alpha = block[ALPHA + k]
                block[BASE + k] += alpha * (y - block[BASE + k])
                block[SENSE + k] -= alpha * block[SENSE + k]
                block[LEAD + k] += 1.0 - alpha * block[LEAD + k]
            seen += 1
            continue
        for k in range(lanes):
            alpha, x, lead = block[ALPHA + k], block[SENSE + k], block[LEAD + k]
            r = y - block[BASE + k]
            g = at_zero * x + rise * lead
            block[BASE + k] += alpha * r + TINY
            block[SENSE + k] = x - alpha * x + TINY
            block[LEAD + k] = lead - alpha * lead + 1.0
            block[RR + k] += r * r
            block[RX + k] += r * x
            block[RG + k] += r * g
            block[XX + k] += x * x
            block[XG + k] += x * g
            block[GG + k] += g * g


@inline
def _solve(
    rr: float, rx: float, rg: float, xx: float, xg: float, gg: float, prior_share: float
) -> tuple[float, float, float]:
    """Least squared error, share of the line in [0, MOST_LINE] and first level that reach it.

    The share is drawn to a half by prior_share times the weight the errors have on it.
    """
    xx += 1e-12
    weight = gg * (1.0 + prior_share) - xg * xg / xx
    share = 0.5
    if weight > 1e-10 * gg and gg > 1e-18:
        share = (rg + 0.5 * prior_share * gg - xg * rx / xx) / weight
        share = min(max(share, 0.0), MOST_LINE)
    first = (rx - share * xg) / xx
    error = rr - 2.0 * (first * rx + share * rg) + first * first * xx + 2.0 * first * share * xg + share * share * gg
    return max(error, 0.0), share, first
