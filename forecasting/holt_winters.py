"""Exponential smoothing with a season that adds to the level or multiplies it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.decomposition import LEAST_INDEX, seasonal_indices
from forecasting.panel import FloatArray, IntArray, Panel
from forecasting.parameter_lanes import (
    ALPHA,
    BETA,
    GAMMA,
    LANES,
    NEGLIGIBLE,
    PHI,
    PRIOR,
    STATE_ROWS,
    TINY,
    place_lanes,
    scale_of,
)
from forecasting.smoothing import (
    PRIOR_PERIODS,
    ROUNDING,
    ExponentialSmoothing,
    best_start,
    check_prior,
    smooth_level_of_one,
    smooth_trend_of_one,
)

LEAST_LEVEL = 1e-3
"""Least forecast, relative to the mean, that a multiplicative index is corrected by."""

NO_TREND, ADDITIVE_TREND, DAMPED_TREND = 0, 1, 2


def holt_winters(
    panel: Panel,
    *,
    season_length: int,
    seasonal: Literal["additive", "multiplicative"] = "additive",
    trend: Literal["none", "additive", "damped"] = "none",
    prior_periods: float = PRIOR_PERIODS,
) -> ExponentialSmoothing:
    """Level, trend and seasonal indices, each corrected by the one-step error.

    With f = level + φ·trend and s the index, the error e is demand − (f + s) or demand − f·s. Then level ← f + α·e,
    trend ← φ·trend + β·e and s ← s + γ·e, where in the multiplicative case the first two take e / s and the last e / f.
    The indices start as those of the classical decomposition (`seasonal_indices`); the start level and trend minimise
    the squared error given the constants, exactly in the additive case and by Gauss-Newton steps in the
    other; the constants are searched over 0 ≤ α ≤ 1, β ≤ α, γ ≤ 1 − α and, for a damped trend, 0.8 ≤ φ ≤ 0.98.
    In an unknown period the error counts as 0. Series in which no season is seen get the same trend without a season.

    Args:
        panel: Histories.
        season_length: Periods per season.
        seasonal: How the indices act. Multiplicative ones stay within [`LEAST_INDEX`, season_length].
        trend: Additive = a trend that goes on for ever.
        prior_periods: Further periods that speak for α = 0.15, no change of trend and season and a start
            trend of 0; 0 = least squares alone.

    Raises:
        ValueError: season_length below 2, an unknown kind of season or trend, prior_periods negative or not finite.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sections 8.3 and 8.5, models
    (A, N/A/Ad, A) and (A, N/A/Ad, M).
    """
    check_prior(prior_periods)
    if season_length < 2:
        raise ValueError(f"season_length must be at least 2, got {season_length}")
    if seasonal not in ("additive", "multiplicative"):
        raise ValueError(f"seasonal must be 'additive' or 'multiplicative', got {seasonal!r}")
    if trend not in ("none", "additive", "damped"):
        raise ValueError(f"trend must be 'none', 'additive' or 'damped', got {trend!r}")
    ahead = seasonal_indices(panel, season_length, kind=seasonal)
    series, periods = len(panel.ids), len(panel.values)
    level, slope, fitted = np.zeros(periods), np.zeros(periods), np.zeros(periods)
    season, first_season = np.empty(periods), np.empty((series, season_length))
    constants = np.zeros((series, 4))
    _smooth_season(
        panel.values,
        panel.offsets,
        ahead,
        prior_periods,
        seasonal == "multiplicative",
        ("none", "additive", "damped").index(trend),
        level,
        slope,
        season,
        first_season,
        fitted,
        constants,
    )
    alpha, beta, phi, gamma = constants.T.copy()
    return ExponentialSmoothing(
        offsets=panel.offsets,
        level=level,
        trend=slope,
        season=season,
        first_season=first_season,
        damping=phi,
        fitted=fitted,
        season_length=season_length,
        seasonal=seasonal,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
    )


BASE_LEVEL, BASE_TREND, XL, XT, ZL, ZT, E, X, INDEX, EE, EX, EZ, XX, XZ, ZZ = (
    LANES * row for row in range(STATE_ROWS, STATE_ROWS + 15)
)


@kernel
def _smooth_season(
    values: FloatArray,
    offsets: IntArray,
    ahead: FloatArray,
    prior_periods: float,
    multiplicative: bool,
    trend_kind: int,
    level: FloatArray,
    trend: FloatArray,
    season: FloatArray,
    first_season: FloatArray,
    fitted: FloatArray,
    constants: FloatArray,
) -> None:
    length = ahead.shape[1]
    longest = 0
    for i in range(len(ahead)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    block, places = np.empty(ZZ + LANES), np.empty((4, LANES))
    lane_seasons = np.empty(3 * length * LANES)
    buffer, indices = np.empty(longest), np.empty(length)
    neutral = 1.0 if multiplicative else 0.0
    for i in range(len(ahead)):
        start, end = offsets[i], offsets[i + 1]
        seasoned = False
        for j in range(length):
            first_season[i, j] = ahead[i, (start + j - end) % length]
            seasoned = seasoned or ahead[i, j] != neutral
        if not seasoned:
            season[start:end] = neutral
            constants[i, 2] = 1.0
            if trend_kind == NO_TREND:
                constants[i, 0] = smooth_level_of_one(
                    values, start, end, prior_periods, level, fitted, buffer, block, places
                )
            else:
                constants[i, 0], constants[i, 1], constants[i, 2] = smooth_trend_of_one(
                    values,
                    start,
                    end,
                    prior_periods,
                    trend_kind == DAMPED_TREND,
                    level,
                    trend,
                    fitted,
                    buffer,
                    block,
                    places,
                )
            continue
        known, scale, mean = scale_of(values, start, end)
        centre = 0.0 if multiplicative else mean
        first = start
        while np.isnan(values[first]):
            first += 1
        for t in range(first, end):
            buffer[t - first] = values[t] / scale - centre
        for j in range(length):
            index = first_season[i, (first - start + j) % length]
            indices[j] = index if multiplicative else index / scale
        start_states = _best_constants(
            buffer[: end - first],
            known,
            indices,
            mean - centre,
            prior_periods,
            multiplicative,
            trend_kind,
            block,
            places,
            lane_seasons,
            constants[i],
        )
        _run(
            buffer[: end - first],
            indices,
            start_states[0],
            start_states[1],
            constants[i],
            multiplicative,
            LEAST_LEVEL * mean,
            level[first:end],
            trend[first:end],
            season[first:end],
            fitted[first:end],
        )
        for t in range(first, end):
            level[t] = (level[t] + centre) * scale
            trend[t] *= scale
            fitted[t] = max((fitted[t] + centre) * scale, 0.0)
            if not multiplicative:
                season[t] *= scale
        for t in range(start, first):
            level[t] = (start_states[0] + centre) * scale
            trend[t] = start_states[1] * scale
            season[t] = first_season[i, (t - start) % length]
            fitted[t] = max(level[t] * season[t] if multiplicative else level[t] + season[t], 0.0)


@inline
def _run(
    demand: FloatArray,
    indices: FloatArray,
    now: float,
    slope: float,
    constants: FloatArray,
    multiplicative: bool,
    least: float,
    level: FloatArray,
    trend: FloatArray,
    season: FloatArray,
    fitted: FloatArray,
) -> None:
    """States after each period and forecasts before it; indices are used up as working space."""
    alpha, beta, phi, gamma = constants[0], constants[1], constants[2], constants[3]
    length, j = len(indices), 0
    for t in range(len(demand)):
        slope *= phi
        now += slope
        index = indices[j]
        fitted[t] = now * index if multiplicative else now + index
        if not np.isnan(demand[t]):
            error = demand[t] - fitted[t]
            if multiplicative:
                index = min(max(index + gamma * error / max(now, least), LEAST_INDEX), float(length))
                error /= indices[j]
            else:
                index += gamma * error
            now += alpha * error
            slope += beta * error + TINY
        indices[j] = index
        level[t], trend[t], season[t] = now, slope, index
        j = j + 1 if j + 1 < length else 0


@inline
def _best_constants(
    demand: FloatArray,
    known: int,
    indices: FloatArray,
    mean: float,
    prior_periods: float,
    multiplicative: bool,
    trend_kind: int,
    block: FloatArray,
    places: FloatArray,
    lane_seasons: FloatArray,
    constants: FloatArray,
) -> tuple[float, float]:
    """Fill constants (α, β, φ, γ) with those of least weighted one-step squared error; first level and trend."""
    if trend_kind == NO_TREND:
        rounds = np.array([[8, 1, 1, 6], [4, 1, 1, 4], [4, 1, 1, 4]])
    elif trend_kind == ADDITIVE_TREND:
        rounds = np.array([[8, 2, 1, 4], [3, 3, 1, 3], [3, 3, 1, 3], [3, 3, 1, 3]])
    else:
        rounds = np.array([[7, 2, 2, 2], [3, 3, 1, 3], [3, 1, 3, 3], [3, 3, 1, 3], [3, 1, 3, 3]])
    reach = np.full(4, 0.5)
    prior = np.array([0.35, 0.0, np.nan, 0.0])
    centre = np.full(4, 0.5)
    if trend_kind == NO_TREND:
        centre[1] = 0.0
    level, trend = mean, 0.0
    for turn in range(len(rounds)):
        lanes = place_lanes(block, places, rounds[turn], centre, reach, prior)
        if trend_kind != DAMPED_TREND:
            for k in range(lanes):
                block[PHI + k] = 1.0
        if multiplicative:
            _multiplicative_errors(
                demand, indices, level, trend, trend_kind != NO_TREND, LEAST_LEVEL * mean, block, lane_seasons, lanes
            )
        else:
            _additive_errors(demand, indices, level, trend, trend_kind != NO_TREND, block, lane_seasons, lanes)
        least, best = np.inf, 0
        more_level, more_trend = 0.0, 0.0
        for k in range(lanes):
            error, by_level, by_trend = best_start(
                block[EE + k],
                block[EX + k],
                block[EZ + k] - prior_periods * trend,
                block[XX + k],
                block[XZ + k],
                block[ZZ + k],
                prior_periods,
            )
            if trend_kind == NO_TREND:
                by_level, by_trend = block[EX + k] / block[XX + k], 0.0
                error = max(block[EE + k] - block[EX + k] * by_level, ROUNDING * block[EE + k])
            error = (error + NEGLIGIBLE * known) * (1.0 + prior_periods * block[PRIOR + k] / known)
            if error < least:
                least, best, more_level, more_trend = error, k, by_level, by_trend
        level += more_level
        trend += more_trend
        for one in range(4):
            centre[one] = places[one, best]
        if turn == 0:
            reach[:] = 0.6 / np.maximum(rounds[0] - 1, 1)
        else:
            for one in range(4):
                reach[one] *= 0.5 if rounds[turn, one] > 1 else 1.0
        constants[0], constants[1] = block[ALPHA + best], block[BETA + best]
        constants[2], constants[3] = block[PHI + best], block[GAMMA + best]
    return level, trend


@inline
def _clear(block: FloatArray, level: float, trend: float, lanes: int) -> None:
    block[BASE_LEVEL:] = 0.0
    for k in range(lanes):
        block[BASE_LEVEL + k] = level
        block[BASE_TREND + k] = trend
        block[XL + k] = 1.0
        block[ZT + k] = 1.0


@inline
def _pass_over_unknown(block: FloatArray, lanes: int) -> None:
    for k in range(lanes):
        phi = block[PHI + k]
        block[BASE_TREND + k] *= phi
        block[BASE_LEVEL + k] += block[BASE_TREND + k]
        block[XT + k] = phi * block[XT + k] + TINY
        block[XL + k] += block[XT + k]
        block[ZT + k] = phi * block[ZT + k] + TINY
        block[ZL + k] += block[ZT + k]


@inline
def _additive_errors(
    demand: FloatArray,
    indices: FloatArray,
    level: float,
    trend: float,
    with_trend: bool,
    block: FloatArray,
    seasons: FloatArray,
    lanes: int,
) -> None:
    """Run the states from level, trend and indices, with their sensitivities to the first two; sum error products."""
    _clear(block, level, trend, lanes)
    width = 3 * LANES
    for j in range(len(indices)):
        seasons[j * width : j * width + LANES] = indices[j]
        seasons[j * width + LANES : (j + 1) * width] = 0.0
    row = 0
    for t in range(len(demand)):
        y = demand[t]
        if np.isnan(y):
            _pass_over_unknown(block, lanes)
        else:
            own = seasons[row : row + lanes]
            own_x = seasons[row + LANES : row + LANES + lanes]
            own_z = seasons[row + 2 * LANES : row + 2 * LANES + lanes]
            for k in range(lanes):
                slope = block[PHI + k] * block[BASE_TREND + k]
                forecast = block[BASE_LEVEL + k] + slope
                e = y - forecast - own[k]
                block[BASE_LEVEL + k] = forecast + block[ALPHA + k] * e
                block[BASE_TREND + k] = slope + block[BETA + k] * e + TINY
                own[k] += block[GAMMA + k] * e
                block[E + k] = e
                block[EE + k] += e * e
            for k in range(lanes):
                slope = block[PHI + k] * block[XT + k]
                forecast = block[XL + k] + slope
                x = forecast + own_x[k]
                block[XL + k] = forecast - block[ALPHA + k] * x + TINY
                block[XT + k] = slope - block[BETA + k] * x + TINY
                own_x[k] += TINY - block[GAMMA + k] * x
                block[X + k] = x
                block[EX + k] += block[E + k] * x
                block[XX + k] += x * x
            if with_trend:
                for k in range(lanes):
                    slope = block[PHI + k] * block[ZT + k]
                    forecast = block[ZL + k] + slope
                    z = forecast + own_z[k]
                    block[ZL + k] = forecast - block[ALPHA + k] * z + TINY
                    block[ZT + k] = slope - block[BETA + k] * z + TINY
                    own_z[k] += TINY - block[GAMMA + k] * z
                    block[EZ + k] += block[E + k] * z
                    block[XZ + k] += block[X + k] * z
                    block[ZZ + k] += z * z
        row = row + width if row + width < len(indices) * width else 0


@inline
def _multiplicative_errors(
    demand: FloatArray,
    indices: FloatArray,
    level: float,
    trend: float,
    with_trend: bool,
    least: float,
    block: FloatArray,
    seasons: FloatArray,
    lanes: int,
) -> None:
    """As `_additive_errors`; the sensitivities leave out that the indices, too, answer to the first states."""
    _clear(block, level, trend, lanes)
    length = len(indices)
    most = float(length)
    for j in range(length):
        seasons[j * LANES : j * LANES + lanes] = indices[j]
    row = 0
    for t in range(len(demand)):
        y = demand[t]
        if np.isnan(y):
            _pass_over_unknown(block, lanes)
        else:
            own = seasons[row : row + lanes]
            for k in range(lanes):
                index = own[k]
                slope = block[PHI + k] * block[BASE_TREND + k]
                forecast = block[BASE_LEVEL + k] + slope
                floored = forecast if forecast > least else least
                e = y - forecast * index
                by_both = e / (index * floored)
                plain = by_both * floored
                corrected = index + block[GAMMA + k] * by_both * index
                corrected = corrected if corrected > LEAST_INDEX else LEAST_INDEX
                own[k] = corrected if corrected < most else most
                block[BASE_LEVEL + k] = forecast + block[ALPHA + k] * plain
                block[BASE_TREND + k] = slope + block[BETA + k] * plain + TINY
                slope = block[PHI + k] * block[XT + k]
                x = block[XL + k] + slope
                block[XL + k] = x - block[ALPHA + k] * x + TINY
                block[XT + k] = slope - block[BETA + k] * x + TINY
                x *= index
                block[INDEX + k] = index
                block[E + k] = e
                block[X + k] = x
                block[EE + k] += e * e
                block[EX + k] += e * x
                block[XX + k] += x * x
            if with_trend:
                for k in range(lanes):
                    slope = block[PHI + k] * block[ZT + k]
                    z = block[ZL + k] + slope
                    block[ZL + k] = z - block[ALPHA + k] * z + TINY
                    block[ZT + k] = slope - block[BETA + k] * z + TINY
                    z *= block[INDEX + k]
                    block[EZ + k] += block[E + k] * z
                    block[XZ + k] += block[X + k] * z
                    block[ZZ + k] += z * z
        row = row + LANES if row + LANES < length * LANES else 0
