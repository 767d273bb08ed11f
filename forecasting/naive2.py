"""Naive 2: the last value repeated, in season. What the M competitions measure other forecasts by."""

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

SEASONAL_DEVIATE = 1.645


def naive2(panel: Panel, *, horizon: int, season_length: int) -> FloatArray:
    """Last known value of each series, divided by its month's index and multiplied by those of the months ahead.

    Indices come from classical multiplicative decomposition, and are 1 unless the autocorrelation at
    season_length passes a 90 % test over at least three seasons. They are 1 too where a ratio cannot be formed:
    with unknown periods inside the history, or a moving average or index of 0.

    Args:
        panel: Histories.
        horizon: Periods ahead.
        season_length: Periods in a season; 1 gives the plain naive forecast.

    Returns:
        Units per period, shape (series, horizon); 0 where nothing is known.

    Raises:
        ValueError: horizon or season_length below 1.

    Source: Makridakis, Spiliotis & Assimakopoulos (2020), International Journal of Forecasting 36(1), whose test
        and decomposition are these.
    """
    if horizon < 1 or season_length < 1:
        raise ValueError(f"horizon and season_length must be at least 1, got {horizon} and {season_length}")
    return _naive2(panel.values, panel.offsets, horizon, season_length)


@kernel
def _naive2(values: FloatArray, offsets: IntArray, horizon: int, season_length: int) -> FloatArray:
    result = np.zeros((len(offsets) - 1, horizon))
    for series in range(len(offsets) - 1):
        history = values[offsets[series] : offsets[series + 1]]
        last = len(history) - 1
        while last >= 0 and np.isnan(history[last]):
            last -= 1
        if last < 0:
            continue
        index = np.ones(season_length)
        if season_length > 1 and _is_seasonal(history, season_length):
            index = _indices(history, season_length)
        level = history[last] / index[last % season_length]
        for step in range(horizon):
            result[series, step] = level * index[(len(history) + step) % season_length]
    return result


@inline
def _is_seasonal(history: FloatArray, season_length: int) -> bool:
    """Whether the autocorrelation at season_length stands out beyond those at shorter lags."""
    length = len(history)
    if length < 3 * season_length:
        return False
    mean = np.mean(history)
    variance = 0.0
    for value in history:
        variance += (value - mean) * (value - mean)
    if not variance > 0.0:
        return False
    squares, correlation = 0.0, 0.0
    for lag in range(1, season_length + 1):
        squares += correlation * correlation
        correlation = 0.0
        for period in range(lag, length):
            correlation += (history[period] - mean) * (history[period - lag] - mean)
        correlation /= variance
    return bool(abs(correlation) > SEASONAL_DEVIATE * np.sqrt((1.0 + 2.0 * squares) / length))


@inline
def _indices(history: FloatArray, season_length: int) -> FloatArray:
    """Mean ratio to the centred moving average of each position in the season, averaging 1."""
    half = season_length // 2
    even = season_length % 2 == 0
    ratio, counted = np.zeros(season_length), np.zeros(season_length)
    for period in range(half, len(history) - half):
        total = 0.0
        for near in range(period - half, period + half + 1):
            outer = even and (near == period - half or near == period + half)
            total += 0.5 * history[near] if outer else history[near]
        if not total > 0.0:
            return np.ones(season_length)
        ratio[period % season_length] += history[period] * season_length / total
        counted[period % season_length] += 1.0
    index = ratio / counted
    index /= np.mean(index)
    if not np.min(index) > 0.0:
        return np.ones(season_length)
    return index
