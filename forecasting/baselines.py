"""Forecasts so plain that anything better has to show it."""

from dataclasses import dataclass

import numpy as np

from forecasting.panel import BoolArray, FloatArray, Panel


@dataclass(frozen=True)
class TrailingMean:
    """Attributes:
    level: Mean of the last known periods, units per period, shape (series,); 0 where none is known.
    fitted: The level as it stood before each period, shaped like the panel's values; NaN before the
        first known period.
    """

    level: FloatArray
    fitted: FloatArray


def trailing_mean(panel: Panel, *, periods: int = 13) -> TrailingMean:
    """Mean demand over the last `periods` periods, unknown ones left out.

    Raises:
        ValueError: periods below 1.
    """
    if periods < 1:
        raise ValueError(f"periods must be at least 1, got {periods}")
    demand = panel.aligned()
    known = ~np.isnan(demand)
    nothing = np.zeros((len(panel.ids), 1))
    total = np.concatenate((nothing, np.cumsum(np.where(known, demand, 0.0), axis=1)), axis=1)
    count = np.concatenate((nothing, np.cumsum(known, axis=1)), axis=1)
    before = np.maximum(np.arange(total.shape[1]) - periods, 0)
    total, seen, count = total - total[:, before], count > 0, count - count[:, before]
    level = np.where(count > 0, np.maximum(total, 0.0) / np.maximum(count, 1), np.nan)
    level = _carried_forward(level, seen)
    return TrailingMean(level=np.nan_to_num(level[:, -1]), fitted=panel.ragged(level[:, :-1]))


def _carried_forward(level: FloatArray, seen: BoolArray) -> FloatArray:
    """Level with gaps after the first known period filled by the last level before them."""
    gap = np.isnan(level)
    if not (gap & seen).any():
        return level
    source = np.maximum.accumulate(np.where(gap, 0, np.arange(level.shape[1])), axis=1)
    return np.take_along_axis(level, source, axis=1)
