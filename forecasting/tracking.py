"""Whether forecasts stay on course, and whether they are worth the trouble.

An error is demand minus forecast: above 0 the forecast was too low. (`accuracy.bias` has the other sign, as it
speaks of the forecast.) Periods whose demand or forecast is unknown are left out.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecasting.compiled import kernel
from forecasting.panel import BoolArray, FloatArray, IntArray, Panel

CUMULATIVE_THRESHOLD = 4.0
SMOOTHED_THRESHOLD = 0.7
LEAST_PERIODS = 8


@dataclass(frozen=True)
class TrackingSignals:
    """Attributes:
    ids: unique_id of each series.
    cumulative: Sum of the errors so far over their mean absolute size so far (MAD), after each period, shaped like
        the panel's values; 0 before the first error and while there is none to speak of.
    smoothed: Smoothed error over smoothed absolute error (Trigg's), in [−1, 1], likewise.
    judged: Errors so far, after each period, likewise.
    offsets: Where each series begins and ends, as in the panel.
    """

    ids: tuple[Hashable, ...]
    cumulative: FloatArray
    smoothed: FloatArray
    judged: IntArray
    offsets: IntArray

    def alarms(
        self,
        *,
        cumulative_threshold: float = CUMULATIVE_THRESHOLD,
        smoothed_threshold: float = SMOOTHED_THRESHOLD,
        least_periods: int = LEAST_PERIODS,
    ) -> BoolArray:
        """Whether both signals are past their thresholds, on the same side, after each period.

        The sum of unbiased errors wanders, and sooner or later passes any threshold: on its own the usual 4 would
        sound within a year of weeks for nearly every item that is forecast perfectly. The smoothed signal forgets, but
        jumps after one large error. So an alarm takes both, and `least_periods` errors. With the usual thresholds a
        perfect forecast of steady demand stands in alarm 1 % of the time, of intermittent demand 3 %.

        Returns:
            Shaped like the panel's values.

        Raises:
            ValueError: A threshold that is not positive, or least_periods below 1.
        """
        _check_positive(cumulative_threshold, "cumulative_threshold")
        _check_positive(smoothed_threshold, "smoothed_threshold")
        if least_periods < 1:
            raise ValueError(f"least_periods must be at least 1, got {least_periods}")
        low = (self.cumulative > cumulative_threshold) & (self.smoothed > smoothed_threshold)
        high = (self.cumulative < -cumulative_threshold) & (self.smoothed < -smoothed_threshold)
        alarms: BoolArray = (low | high) & (self.judged >= least_periods)
        return alarms

    def to_frame(self) -> pd.DataFrame:
        """How each series stands now: unique_id, cumulative, smoothed, judged, alarm (with the usual thresholds)."""
        last = self.offsets[1:] - 1
        some = self.offsets[1:] > self.offsets[:-1]
        now = np.where(some, last, 0)
        columns = {
            "cumulative": self.cumulative,
            "smoothed": self.smoothed,
            "judged": self.judged,
            "alarm": self.alarms(),
        }
        standing = {
            name: np.where(some, column[now], column.dtype.type(0))
            if len(column)
            else np.zeros(len(some), column.dtype)
            for name, column in columns.items()
        }
        return pd.DataFrame({"unique_id": pd.Series(list(self.ids), dtype=None if self.ids else object)} | standing)


@dataclass(frozen=True)
class ForecastValueAdded:
    """Attributes:
    ids: unique_id of each series.
    periods: Periods compared, shape (series,).
    forecast_error: Mean absolute error of the forecast, units, shape (series,); 0 where nothing is compared.
    reference_error: That of the reference, likewise.
    added: Reference error minus forecast error, units per period: above 0 the forecast is worth something, likewise.
    standard_error: Of `added`, from the paired differences, shape (series,); infinite of fewer than two periods.
    pooled_added: Error taken away from all series and periods as a share of the demand in them.
    pooled_standard_error: Of `pooled_added`, series being the independent units; infinite of fewer than two series.
    """

    ids: tuple[Hashable, ...]
    periods: IntArray
    forecast_error: FloatArray
    reference_error: FloatArray
    added: FloatArray
    standard_error: FloatArray
    pooled_added: float
    pooled_standard_error: float

    def to_frame(self) -> pd.DataFrame:
        """One row per series: unique_id, periods, forecast_error, reference_error, added, standard_error."""
        names = ("periods", "forecast_error", "reference_error", "added", "standard_error")
        columns = {name: getattr(self, name) for name in names}
        return pd.DataFrame({"unique_id": pd.Series(list(self.ids), dtype=None if self.ids else object)} | columns)


def tracking_signals(panel: Panel, forecast: ArrayLike, *, beta: float = 0.1) -> TrackingSignals:
    """How far the errors of one-step forecasts lean to one side.

    Trigg's averages start as plain means: the n-th error counts 1/n until that falls below β.

    Args:
        panel: What was demanded.
        forecast: What had been forecast of each period, e.g. `fitted`, shaped like the panel's values; NaN = none.
        beta: Smoothing constant of Trigg's signal, in (0, 1].

    Raises:
        ValueError: forecast of another shape or infinite, or beta outside (0, 1].

    Source: Brown (1959), Statistical Forecasting for Inventory Control; Trigg (1964), Operational Research
        Quarterly 15(3).
    """
    if not 0 < beta <= 1:
        raise ValueError(f"beta must lie in (0, 1], got {beta}")
    said = _checked_forecast(panel, forecast, "forecast")
    cumulative, smoothed, judged = _signals(panel.values, said, panel.offsets, float(beta))
    return TrackingSignals(
        ids=panel.ids, cumulative=cumulative, smoothed=smoothed, judged=judged, offsets=panel.offsets
    )


def forecast_value_added(panel: Panel, forecast: ArrayLike, reference: ArrayLike) -> ForecastValueAdded:
    """How much less one forecast errs than another, e.g. the planner's than the statistical one.

    Only periods in which both and the demand are known are compared. Both forecasts meet the same demand, so that
    the standard error is that of the paired differences of absolute errors; these are taken as independent from
    period to period.

    Args:
        panel: What was demanded.
        forecast: What is judged, shaped like the panel's values; NaN = none.
        reference: What it is judged against, likewise.

    Raises:
        ValueError: forecast or reference of another shape or infinite.

    Source: Gilliland (2010), The Business Forecasting Deal, for the measure.
    """
    judged = _checked_forecast(panel, forecast, "forecast")
    against = _checked_forecast(panel, reference, "reference")
    series = len(panel.ids)
    owner = np.repeat(np.arange(series), panel.lengths)
    compared = ~(np.isnan(panel.values) | np.isnan(judged) | np.isnan(against))
    owner, demand = owner[compared], panel.values[compared]
    error, other = np.abs(demand - judged[compared]), np.abs(demand - against[compared])
    periods = np.bincount(owner, minlength=series)
    count = np.maximum(periods, 1)
    gained = _sums(owner, other - error, series)
    added = gained / count
    squares = _sums(owner, (other - error - added[owner]) ** 2, series)
    sampled = np.sqrt(squares / np.maximum(periods - 1, 1) / count)
    demanded = _sums(owner, demand, series)
    pooled, pooled_standard_error = _pooled(gained[periods > 0], demanded[periods > 0])
    return ForecastValueAdded(
        ids=panel.ids,
        periods=periods,
        forecast_error=_sums(owner, error, series) / count,
        reference_error=_sums(owner, other, series) / count,
        added=added,
        standard_error=np.where(periods > 1, sampled, np.inf),
        pooled_added=pooled,
        pooled_standard_error=pooled_standard_error,
    )


def _sums(owner: IntArray, weights: FloatArray, series: int) -> FloatArray:
    return np.bincount(owner, weights, minlength=series).astype(np.float64)


def _pooled(gained: FloatArray, demanded: FloatArray) -> tuple[float, float]:
    """Sum of what was gained over the sum demanded, and the standard error of that ratio over series."""
    total, series = float(demanded.sum()), len(gained)
    if total == 0:
        return 0.0, np.inf
    ratio = float(gained.sum()) / total
    if series < 2:
        return ratio, np.inf
    residual = gained - ratio * demanded
    return ratio, float(np.sqrt(series / (series - 1) * np.sum(residual**2))) / total


def _checked_forecast(panel: Panel, forecast: ArrayLike, name: str) -> FloatArray:
    said: FloatArray = np.asarray(forecast, dtype=np.float64)
    if said.shape != panel.values.shape:
        raise ValueError(f"{name} must have the shape of the panel's values {panel.values.shape}, got {said.shape}")
    infinite = np.isinf(said)
    if infinite.any():
        first = int(np.flatnonzero(infinite)[0])
        series = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        raise ValueError(f"{name} of {panel.ids[series]!r} must be finite, got {said[first]}")
    return said


def _check_positive(threshold: float, name: str) -> None:
    if not threshold > 0:
        raise ValueError(f"{name} must be above 0, got {threshold}")


@kernel
def _signals(
    demand: FloatArray, forecast: FloatArray, offsets: IntArray, beta: float
) -> tuple[FloatArray, FloatArray, IntArray]:
    cumulative, smoothed = np.zeros(len(demand)), np.zeros(len(demand))
    judged = np.zeros(len(demand), np.int64)
    for i in range(len(offsets) - 1):
        count, total, absolute, mean, mean_absolute = 0, 0.0, 0.0, 0.0, 0.0
        for t in range(offsets[i], offsets[i + 1]):
            error = demand[t] - forecast[t]
            if not np.isnan(error):
                count += 1
                total += error
                absolute += abs(error)
                gain = max(beta, 1.0 / count)
                mean += gain * (error - mean)
                mean_absolute += gain * (abs(error) - mean_absolute)
                if mean_absolute < 1e-150:
                    mean, mean_absolute = 0.0, 0.0
            judged[t] = count
            if absolute > 0:
                cumulative[t] = total / (absolute / count)
            if mean_absolute > 0:
                smoothed[t] = min(max(mean / mean_absolute, -1.0), 1.0)
    return cumulative, smoothed, judged
