"""What a spreadsheet would say of the demand to come: a mean of the past, and z·σ·√L around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from forecasting.backtest import TotalForecast
    from forecasting.panel import Panel

TRAILING_WEEKS = 13
SEASON_WEEKS = 52

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def trailing_mean_totals(panel: Panel, window: int, levels: FloatArray) -> TotalForecast:
    """The mean of the last 13 weeks times the window; the spread that of these weeks, times the root of the window."""
    from forecasting.baselines import trailing_mean

    mean = trailing_mean(panel, periods=TRAILING_WEEKS).level * window
    return _normal(mean, _recent_sd(panel, TRAILING_WEEKS) * np.sqrt(window), levels)


def last_year_totals(panel: Panel, window: int, levels: FloatArray) -> TotalForecast:
    """What the same weeks of last year demanded; the spread that of a year's weeks, times the root of the window."""
    from forecasting.baselines import seasonal_naive

    mean = seasonal_naive(panel, season_length=SEASON_WEEKS).forecast(window).sum(axis=1)
    return _normal(mean, _recent_sd(panel, SEASON_WEEKS) * np.sqrt(window), levels)


def _recent_sd(panel: Panel, periods: int) -> Any:
    """Standard deviation of the last known weeks; 0 where fewer than two are known."""
    aligned = panel.aligned()[:, -periods:]
    known = ~np.isnan(aligned)
    number = known.sum(axis=1)
    demand = np.where(known, aligned, 0.0)
    mean = demand.sum(axis=1) / np.maximum(number, 1)
    squares = (np.where(known, demand - mean[:, None], 0.0) ** 2).sum(axis=1)
    return np.sqrt(squares / np.maximum(number - 1, 1))


def _normal(mean: FloatArray, sd: FloatArray, levels: FloatArray) -> TotalForecast:
    from scipy.special import ndtri

    from forecasting.backtest import TotalForecast

    return TotalForecast(mean, levels, np.maximum(mean[:, None] + sd[:, None] * ndtri(levels), 0.0))
