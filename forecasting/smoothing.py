"""Simple exponential smoothing of many series side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.panel import BoolArray, FloatArray, IntArray, Panel

ALPHAS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
STARTING_PERIODS = 4
POOLED_PERIODS = 26.0


@dataclass(frozen=True)
class SmoothedLevel:
    """Attributes:
    level: Level after the last period, units per period, shape (series,); 0 where nothing is known.
    alpha: Smoothing constant chosen, shape (series,).
    fitted: The level as it stood before each period, that is the one-step forecast, shaped like the
        panel's values; NaN where the series has no known period at all.
    """

    level: FloatArray
    alpha: FloatArray
    fitted: FloatArray


def exponential_smoothing(panel: Panel, *, alphas: Sequence[float] = ALPHAS) -> SmoothedLevel:
    """Simple exponential smoothing, α per series by one-step squared error.

    Level ← level + α·(demand − level) at each known period; unknown ones leave it alone. It starts from the
    mean of the first `STARTING_PERIODS` known periods, whose own errors choose nothing.

    A short or intermittent history hardly tells one α from another, and its least error is then luck. So
    each series' errors, relative to their mean over the grid, are joined by the panel's average relative
    error counted as `POOLED_PERIODS` further periods: long series choose for themselves, short ones follow
    the panel.

    Args:
        panel: Histories; an intermittent one is smoothed towards its mean rate.
        alphas: Grid to choose from, each in (0, 1].

    Raises:
        ValueError: The grid is empty or leaves (0, 1].

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 8.1.
    """
    grid = np.asarray(alphas, dtype=np.float64)
    if grid.ndim != 1 or not len(grid) or not ((grid > 0) & (grid <= 1)).all():
        raise ValueError(f"alphas must be numbers in (0, 1], got {list(alphas)}")
    demand = panel.aligned()
    known = ~np.isnan(demand)
    seen = np.cumsum(known, axis=1)
    squared_error = np.zeros((len(demand), len(grid)))
    level = np.repeat(_starting_level(demand, known, seen)[:, None], len(grid), axis=1)
    path = np.empty((demand.shape[1] + 1, *level.shape))
    for period in range(demand.shape[1]):
        path[period] = level
        error = np.where(known[:, period, None], demand[:, period, None] - level, 0.0)
        squared_error += np.where(seen[:, period, None] > STARTING_PERIODS, error * error, 0.0)
        level = level + grid * error
    path[-1] = level
    judged = np.maximum(known.sum(axis=1) - STARTING_PERIODS, 0)
    chosen = _choice(squared_error, judged)
    own = path[:, np.arange(len(demand)), chosen].T
    return SmoothedLevel(level=np.nan_to_num(own[:, -1]), alpha=grid[chosen], fitted=panel.ragged(own[:, :-1]))


def _starting_level(demand: FloatArray, known: BoolArray, seen: IntArray) -> FloatArray:
    first = known & (seen <= STARTING_PERIODS)
    count = first.sum(axis=1)
    total = np.where(first, demand, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _choice(squared_error: FloatArray, judged: IntArray) -> IntArray:
    """Grid number per series with the least error, shrunk towards the panel's; shape (series,)."""
    usual = squared_error.mean(axis=1)
    informed = (usual > 0) & (judged > 0)
    relative = np.ones_like(squared_error)
    relative[informed] = squared_error[informed] / usual[informed, None]
    weights = judged * informed
    pooled = weights @ relative / weights.sum() if weights.any() else np.ones(squared_error.shape[1])
    return np.asarray(np.argmin(judged[:, None] * relative + POOLED_PERIODS * pooled, axis=1))
