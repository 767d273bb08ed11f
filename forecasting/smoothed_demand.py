"""What smoothing methods know of a series after each of its periods, and what they foresee from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from forecasting.compiled import inline, kernel
from forecasting.panel import BoolArray, FloatArray, IntArray

Seasonal = Literal["none", "additive", "multiplicative"]


@dataclass(frozen=True)
class SmoothedDemand:
    """States of many series after each period; "ragged" arrays are shaped like the panel's values.

    The forecast made at the end of a period for h periods later is level + trend·(φ + φ² + … + φʰ), plus or times the
    index of the season it falls in, and never below 0. Periods before a series' first known one carry the start
    states; a series without any known period has level 0 throughout.

    Attributes:
        offsets: Series i is `level[offsets[i]:offsets[i + 1]]`, shape (series + 1,).
        level: Units per period, free of season, ragged. Below 0 where an additive trend has led there.
        trend: Change of level per period, ragged. A read-only array of zeros in methods without a trend.
        season: The period's seasonal index as corrected by its demand, ragged: in use again a season later.
            A read-only array of 0 (additive) or 1 in methods without a season.
        first_season: Indices in use before the first period, shape (series, season_length): column j is
            that of the series' period j.
        damping: φ, share of the trend left after a period, shape (series,); 1 = a trend that goes on for ever.
        fitted: Forecast of each period made one period before, never negative, ragged.
        season_length: Periods per season; 1 where there is none.
        seasonal: How the indices act.
    """

    offsets: IntArray
    level: FloatArray
    trend: FloatArray
    season: FloatArray
    first_season: FloatArray
    damping: FloatArray
    fitted: FloatArray
    season_length: int
    seasonal: Seasonal

    @property
    def has_season(self) -> BoolArray:
        """Whether a season was found, shape (series,)."""
        neutral = 1.0 if self.seasonal == "multiplicative" else 0.0
        found: BoolArray = (self.first_season != neutral).any(axis=1) & (self.seasonal != "none")
        return found

    def forecast(self, horizon: int) -> FloatArray:
        """Units in each of the next horizon periods, shape (series, horizon); 0 for a series of length 0.

        Raises:
            ValueError: horizon below 1.
        """
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1, got {horizon}")
        ahead = np.zeros((len(self.offsets) - 1, horizon))
        _forecast_from_the_end(*_arrays(self), ahead)
        return ahead


def total_after_each_period(smoothed: SmoothedDemand, windows: ArrayLike) -> FloatArray:
    """Forecast, standing at the end of each period, of the total of the next windows[i] periods.

    Args:
        smoothed: Result of any smoothing method.
        windows: Whole periods, ≥ 0: one number, or one per series.

    Returns:
        Units, never negative, ragged.

    Raises:
        ValueError: A window is negative or no whole number, or their number is not that of the series.
    """
    series = len(smoothed.offsets) - 1
    asked = np.asarray(windows)
    if asked.ndim > 1 or (asked.ndim == 1 and len(asked) != series):
        raise ValueError(f"windows must be one number or one per series ({series}), got shape {asked.shape}")
    whole = np.broadcast_to(asked, series).astype(np.int64)
    if (whole != asked).any() or (whole < 0).any():
        raise ValueError(f"windows must be whole numbers of periods, at least 0, got {windows!r}")
    totals = np.zeros(len(smoothed.level))
    _totals(*_arrays(smoothed), whole, totals)
    return totals


def never(value: float, periods: int) -> FloatArray:
    """A read-only ragged array of one value that takes no room: the state of a method that has no such state."""
    return np.broadcast_to(np.float64(value), periods)


KernelArrays = tuple[IntArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, int, int]


def _arrays(smoothed: SmoothedDemand) -> KernelArrays:
    """The states as kernels take them: an absent trend or season is an array of length 0."""
    none = np.empty(0)
    return (
        smoothed.offsets,
        smoothed.level,
        smoothed.trend if smoothed.trend.flags.writeable else none,
        smoothed.season if smoothed.season.flags.writeable else none,
        smoothed.first_season,
        smoothed.damping,
        smoothed.season_length,
        ("none", "additive", "multiplicative").index(smoothed.seasonal),
    )


@inline
def _index_ahead(
    season: FloatArray, first_season: FloatArray, series: int, start: int, origin: int, ahead: int, length: int
) -> float:
    """Seasonal index in force at the end of period origin for the period ahead (≥ 1) later."""
    position = origin - length + 1 + (ahead - 1) % length
    if position >= start:
        index: float = season[position]
    else:
        index = first_season[series, position - start + length]
    return index


@inline
def _seasoned(plain: float, index: float, kind: int) -> float:
    if kind == 1:
        plain += index
    elif kind == 2:
        plain *= index
    return max(plain, 0.0)


@kernel
def _forecast_from_the_end(
    offsets: IntArray,
    level: FloatArray,
    trend: FloatArray,
    season: FloatArray,
    first_season: FloatArray,
    damping: FloatArray,
    length: int,
    kind: int,
    ahead: FloatArray,
) -> None:
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1] - 1
        if end < start:
            continue
        slope = trend[end] if len(trend) else 0.0
        left, steps = 1.0, 0.0
        for h in range(ahead.shape[1]):
            left = left * damping[i] + 1e-150
            steps += left
            index = _index_ahead(season, first_season, i, start, end, h + 1, length) if len(season) else 0.0
            ahead[i, h] = _seasoned(level[end] + slope * steps, index, kind if len(season) else 0)


@inline
def _seasoned_total(level: float, slope: float, steps: FloatArray, indices: FloatArray, first: int, kind: int) -> float:
    total, j = 0.0, first
    for h in range(len(steps)):
        total += _seasoned(level + slope * steps[h], indices[j], kind)
        j = j + 1 if j + 1 < len(indices) else 0
    return total


@kernel
def _totals(
    offsets: IntArray,
    level: FloatArray,
    trend: FloatArray,
    season: FloatArray,
    first_season: FloatArray,
    damping: FloatArray,
    length: int,
    kind: int,
    windows: IntArray,
    totals: FloatArray,
) -> None:
    steps = np.empty(int(windows.max()) if len(windows) else 0)
    indices = np.empty(length)
    for i in range(len(offsets) - 1):
        start, window = offsets[i], windows[i]
        left, reach, total_steps = 1.0, 0.0, 0.0
        for h in range(window):
            left = left * damping[i] + 1e-150
            reach += left
            steps[h] = reach
            total_steps += reach
        indices[:] = first_season[i]
        next_season = 0
        for t in range(start, offsets[i + 1]):
            slope = trend[t] if len(trend) else 0.0
            if len(season):
                indices[next_season] = season[t]
                next_season = next_season + 1 if next_season + 1 < length else 0
                totals[t] = _seasoned_total(level[t], slope, steps[:window], indices, next_season, kind)
            elif window and level[t] + slope * steps[0] >= 0 and level[t] + slope * steps[window - 1] >= 0:
                totals[t] = window * level[t] + slope * total_steps
            else:
                for h in range(window):
                    totals[t] += max(level[t] + slope * steps[h], 0.0)
