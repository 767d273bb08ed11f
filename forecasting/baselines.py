"""Forecasts so plain that anything better has to show it."""

from dataclasses import dataclass

import numpy as np

from forecasting.compiled import kernel
from forecasting.panel import FloatArray, IntArray, Panel


@dataclass(frozen=True)
class _Flat:
    """Attributes:
    level: Forecast of every period to come, units per period, shape (series,); 0 where nothing is known.
    fitted: The forecast as it stood before each period, shaped like the panel's values; NaN up to and with the
        first known period.
    """

    level: FloatArray
    fitted: FloatArray

    def forecast(self, horizon: int) -> FloatArray:
        """The level repeated, shape (series, horizon)."""
        return repeated(self.level, horizon)


class Naive(_Flat):
    __doc__ = _Flat.__doc__


class HistoricMean(_Flat):
    __doc__ = _Flat.__doc__


class TrailingMean(_Flat):
    __doc__ = _Flat.__doc__


@dataclass(frozen=True)
class SeasonalNaive:
    """Attributes:
    season: Forecast of the next season's periods in order, shape (series, season_length); 0 where nothing is known.
    fitted: The forecast as it stood before each period, shaped like the panel's values; NaN up to and with the
        first known period.
    """

    season: FloatArray
    fitted: FloatArray

    @property
    def level(self) -> FloatArray:
        """Mean of the season, units per period, shape (series,)."""
        mean: FloatArray = self.season.mean(axis=1)
        return mean

    def forecast(self, horizon: int) -> FloatArray:
        """The season over and over, shape (series, horizon)."""
        periods = np.arange(checked_horizon(horizon)) % self.season.shape[1]
        return self.season[:, periods]


def naive(panel: Panel) -> Naive:
    """The last known demand.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """
    level, fitted = _naive(panel.values, panel.offsets)
    return Naive(level=level, fitted=fitted)


def historic_mean(panel: Panel) -> HistoricMean:
    """Mean demand over all known periods.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """
    level, fitted = _historic_mean(panel.values, panel.offsets)
    return HistoricMean(level=level, fitted=fitted)


def trailing_mean(panel: Panel, *, periods: int = 13) -> TrailingMean:
    """Mean demand over the last `periods` periods, unknown ones left out.

    Where all of these are unknown the mean before them stands.

    Raises:
        ValueError: periods below 1.
    """
    if periods < 1:
        raise ValueError(f"periods must be at least 1, got {periods}")
    level, fitted = _trailing_mean(panel.values, panel.offsets, periods)
    return TrailingMean(level=level, fitted=fitted)


def seasonal_naive(panel: Panel, *, season_length: int) -> SeasonalNaive:
    """The last known demand at the same place in the season.

    A place in the season of which nothing is known gets the last known demand of any.

    Args:
        panel: Histories.
        season_length: Periods per season; 1 is the naive forecast.

    Raises:
        ValueError: season_length below 1.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
    """
    if season_length < 1:
        raise ValueError(f"season_length must be at least 1, got {season_length}")
    season, fitted = _seasonal_naive(panel.values, panel.offsets, season_length)
    return SeasonalNaive(season=season, fitted=fitted)


def repeated(level: FloatArray, horizon: int) -> FloatArray:
    """A level per series as its forecast of each period, shape (series, horizon).

    Raises:
        ValueError: horizon below 1.
    """
    return np.repeat(level[:, None], checked_horizon(horizon), axis=1)


def checked_horizon(horizon: int) -> int:
    """The horizon, if it is one."""
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 period, got {horizon}")
    return horizon


@kernel
def _naive(values: FloatArray, offsets: IntArray) -> tuple[FloatArray, FloatArray]:
    series = len(offsets) - 1
    last = np.zeros(series)
    fitted = np.empty(len(values))
    for i in range(series):
        before = np.nan
        for t in range(offsets[i], offsets[i + 1]):
            fitted[t] = before
            if not np.isnan(values[t]):
                before = values[t]
        if not np.isnan(before):
            last[i] = before
    return last, fitted


@kernel
def _historic_mean(values: FloatArray, offsets: IntArray) -> tuple[FloatArray, FloatArray]:
    series = len(offsets) - 1
    level = np.zeros(series)
    fitted = np.empty(len(values))
    for i in range(series):
        total, known = 0.0, 0
        for t in range(offsets[i], offsets[i + 1]):
            fitted[t] = total / known if known else np.nan
            if not np.isnan(values[t]):
                total += values[t]
                known += 1
        if known:
            level[i] = total / known
    return level, fitted


@kernel
def _trailing_mean(values: FloatArray, offsets: IntArray, periods: int) -> tuple[FloatArray, FloatArray]:
    """The window is the end of one block of `periods` periods and the beginning of the next.

    Sums of both are kept apart, so that nothing is ever taken away from a sum: a huge demand leaves no rounding
    error behind when it leaves the window.
    """
    series = len(offsets) - 1
    level = np.zeros(series)
    fitted = np.empty(len(values))
    longest = 0
    for i in range(series):
        longest = max(longest, offsets[i + 1] - offsets[i])
    periods = min(periods, longest + 1)
    end_total = np.zeros(periods + 1)
    end_known = np.zeros(periods + 1)
    for i in range(series):
        end_total[:] = 0.0
        end_known[:] = 0.0
        total, known, place = 0.0, 0.0, 0
        mean = np.nan
        for t in range(offsets[i], offsets[i + 1]):
            fitted[t] = mean
            if not np.isnan(values[t]):
                total += values[t]
                known += 1.0
            place += 1
            seen = known + end_known[place]
            if seen > 0:
                mean = (total + end_total[place]) / seen
            if place == periods:
                for back in range(periods):
                    value = values[t - back]
                    missing = np.isnan(value)
                    at = periods - 1 - back
                    end_total[at] = end_total[at + 1] + (0.0 if missing else value)
                    end_known[at] = end_known[at + 1] + (0.0 if missing else 1.0)
                total, known, place = 0.0, 0.0, 0
        if not np.isnan(mean):
            level[i] = mean
    return level, fitted


@kernel
def _seasonal_naive(values: FloatArray, offsets: IntArray, season_length: int) -> tuple[FloatArray, FloatArray]:
    series = len(offsets) - 1
    season = np.zeros((series, season_length))
    fitted = np.empty(len(values))
    latest = np.empty(season_length)
    for i in range(series):
        latest[:] = np.nan
        before = np.nan
        place = 0
        for t in range(offsets[i], offsets[i + 1]):
            fitted[t] = before if np.isnan(latest[place]) else latest[place]
            if not np.isnan(values[t]):
                before = values[t]
                latest[place] = before
            place = (place + 1) % season_length
        if not np.isnan(before):
            for k in range(season_length):
                known = latest[(place + k) % season_length]
                season[i, k] = before if np.isnan(known) else known
    return season, fitted
