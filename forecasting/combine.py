"""Combining forecasts, which on real demand usually beats picking one."""

from dataclasses import dataclass

from forecasting.baselines import trailing_mean
from forecasting.panel import FloatArray, Panel
from forecasting.smoothing import exponential_smoothing


@dataclass(frozen=True)
class CombinedLevel:
    """Attributes:
    level: Mean demand per period expected from now on, shape (series,); 0 where nothing is known.
    fitted: What it was before each period, shaped like the panel's values.
    """

    level: FloatArray
    fitted: FloatArray


def combined_level(panel: Panel) -> CombinedLevel:
    """Average of simple exponential smoothing and the mean of the last 13 periods.

    Neither wins everywhere: smoothing follows a shift, the mean ignores a freak week.
    """
    smoothed = exponential_smoothing(panel)
    trailing = trailing_mean(panel, periods=13)
    return CombinedLevel(level=(smoothed.level + trailing.level) / 2, fitted=(smoothed.fitted + trailing.fitted) / 2)
