"""How much may be demanded before the next replenishment arrives: the distribution of the total.

Safety stock answers to the quantiles of the total over the protection interval. Adding up quantiles of
single periods overstocks, and treating the forecast errors of successive periods as independent
understocks, because a level that is wrong stays wrong. So the spread is measured on totals directly.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.combine import combined_level
from forecasting.negative_binomial import negative_binomial_quantiles
from forecasting.panel import BoolArray, FloatArray, IntArray, Panel, periodic_panel

PeriodsPerSeries = float | FloatArray
POOLED_WINDOWS = 6.0
LEAST_POOL = 2.0
USUAL_VARIANCE = 2.0
USUAL_EXPONENT = 1.5
HORIZON_EXPONENT = 1.5
FREAK_RATIO = 0.975
MOST_UNSEEN_RATIO = 2.0


@dataclass(frozen=True)
class LeadTimeDemand:
    """Demand over the protection interval (lead time plus review period).

    Attributes:
        ids: unique_id of each series.
        mean: Units, shape (series,).
        sd: Units, shape (series,).
        levels: Probabilities, ascending, shape (level,).
        quantiles: Whole units, never falling along a row, shape (series, level).
    """

    ids: tuple[Hashable, ...]
    mean: FloatArray
    sd: FloatArray
    levels: FloatArray
    quantiles: IntArray


def lead_time_demand(
    demand: pd.DataFrame,
    *,
    as_of: date,
    period_days: int = 7,
    periods: "float | pd.Series[float]",
    periods_sd: "float | pd.Series[float]" = 0.0,
    quantiles: Sequence[float],
) -> pd.DataFrame:
    """Distribution of the total demand after as_of, from a long daily frame.

    Args:
        demand: unique_id, ds, y and optionally in_stock, as `periodic_panel` takes it.
        as_of: Last day known.
        period_days: Length of the periods that demand is summed to.
        periods: Protection interval in periods, maybe fractional; a Series is keyed by unique_id.
        periods_sd: Standard deviation of that interval in periods, likewise.
        quantiles: Levels asked for, in (0, 1).

    Returns:
        One row per series, sorted by unique_id: unique_id, mean, sd and a whole-number column per level,
        named `q0.95` and the like.

    Raises:
        ValueError: What `periodic_panel` refuses, a level outside (0, 1), periods not positive,
            periods_sd negative, or a series missing from either.
    """
    panel = periodic_panel(demand, as_of=as_of, period_days=period_days)
    result = lead_time_demand_of_panel(
        panel,
        periods=_per_series(periods, panel, "periods"),
        periods_sd=_per_series(periods_sd, panel, "periods_sd"),
        quantiles=quantiles,
    )
    columns = {"unique_id": pd.Index(result.ids), "mean": result.mean, "sd": result.sd}
    return pd.DataFrame(columns | _quantile_columns(result.levels, result.quantiles))


def lead_time_demand_of_panel(
    panel: Panel,
    *,
    periods: PeriodsPerSeries,
    periods_sd: PeriodsPerSeries = 0.0,
    quantiles: Sequence[float],
) -> LeadTimeDemand:
    """Distribution of the total demand over the periods after the panel's last.

    The mean is rate · periods, the rate from `combined_level`. The variance comes from rolling origins: the
    error of the forecast made at each past origin for the total of the whole periods following it
    (periods rounded up, then scaled down in proportion). Across the panel such variances follow a power law
    a·mean^b; each series' own ratio to that law is shrunk towards 1 as if `POOLED_WINDOWS` further
    independent windows had shown the law, so that short series lean on the pool and long ones on
    themselves. A series that was still when its errors were seen has no say in how far they grow with its
    rate: beyond `MOST_UNSEEN_RATIO` times the law the variance is at most what was seen. Where the history is
    too short for windows of the length asked, the longest feasible ones are scaled up by
    (periods / window)^1.5, between independent errors (1) and a wrong level (2). Demand steadier than Poisson
    is treated as Poisson: the variance is never below the mean. A varying protection
    interval adds rate² · periods_sd². The distribution is negative binomial with these moments, its outer
    quantiles widened as Student's t is, since the variance is estimated.

    Args:
        panel: Histories; unknown periods are left out.
        periods: Protection interval, > 0, scalar or shape (series,).
        periods_sd: Its standard deviation, ≥ 0, scalar or shape (series,).
        quantiles: Levels asked for, in (0, 1), in any order.

    Returns:
        Zeros throughout for series without a known period or without any demand.

    Raises:
        ValueError: A level outside (0, 1), periods not positive and finite, periods_sd negative.

    Source: the variance law is Taylor's (1961, Nature 189); the negative binomial for lead-time demand:
        Snyder, Ord & Beaumont (2012), International Journal of Forecasting 28(2).
    """
    levels = _checked_levels(quantiles)
    interval = _checked_periods(periods, panel, "periods", positive=True)
    interval_sd = _checked_periods(periods_sd, panel, "periods_sd", positive=False)
    history = _History.of(panel)
    mean = history.rate * interval
    spread = _Spread(np.zeros(len(mean)), np.zeros(len(mean)))
    whole = np.ceil(interval - 1e-9).astype(np.int64)
    for window in np.unique(whole):
        total = _spread_of_total(history, window=int(window), lead=0)
        spread = spread.where(whole != window, total.scaled(interval / window))
    interval_variance = (history.rate * interval_sd) ** 2
    return LeadTimeDemand(
        ids=panel.ids,
        mean=mean,
        sd=np.sqrt(np.maximum(spread.variance, mean) + interval_variance),
        levels=levels,
        quantiles=_quantiles(mean, spread, levels, interval_variance),
    )


def forecast(
    demand: pd.DataFrame,
    *,
    as_of: date,
    horizon: int,
    period_days: int = 7,
    quantiles: Sequence[float],
) -> pd.DataFrame:
    """Distribution of demand in each of the next periods on its own, for a forecast band.

    Not for safety stock: quantiles of single periods do not add up to those of the total
    (`lead_time_demand`).

    Args:
        demand: unique_id, ds, y and optionally in_stock, as `periodic_panel` takes it.
        as_of: Last day known.
        horizon: Periods ahead, at least 1.
        period_days: Length of a period.
        quantiles: Levels asked for, in (0, 1).

    Returns:
        One row per series and future period: unique_id, ds (last day of the period), mean and a whole-number
        column per level. The variance never falls with the horizon.

    Raises:
        ValueError: What `periodic_panel` refuses, a level outside (0, 1), or horizon below 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    levels = _checked_levels(quantiles)
    panel = periodic_panel(demand, as_of=as_of, period_days=period_days)
    history = _History.of(panel)
    values, widest = [], _Spread(np.zeros(len(panel.ids)), np.ones(len(panel.ids)))
    for lead in range(horizon):
        spread = _spread_of_total(history, window=1, lead=lead)
        widest = widest.where(widest.variance >= spread.variance, spread)
        values.append(_quantiles(history.rate, widest, levels, np.zeros(len(panel.ids))))
    ends = np.datetime64(as_of, "D") + period_days * np.arange(1, horizon + 1)
    columns: dict[str, object] = {
        "unique_id": pd.Index(panel.ids).repeat(horizon),
        "ds": pd.DatetimeIndex(np.tile(ends, len(panel.ids))),
        "mean": np.repeat(history.rate, horizon),
    }
    by_series = np.stack(values, axis=1).reshape(-1, len(levels))
    return pd.DataFrame(columns | _quantile_columns(levels, by_series))


@dataclass(frozen=True)
class _History:
    """Attributes:
    rate: Demand per period expected from now on, shape (series,).
    demand: shape (series, period), NaN = unknown.
    fitted: The rate as it stood before each period, NaN at origins too young to learn from.
    """

    rate: FloatArray
    demand: FloatArray
    fitted: FloatArray

    @classmethod
    def of(cls, panel: Panel) -> "_History":
        combined = combined_level(panel)
        demand = panel.aligned()
        fitted = Panel(panel.ids, np.nan_to_num(combined.fitted), panel.offsets).aligned()
        known_before = np.cumsum(~np.isnan(demand), axis=1) - ~np.isnan(demand)
        all_known = (~np.isnan(demand)).sum(axis=1, keepdims=True)
        young = known_before < np.clip(all_known // 2, 2, 8)
        return cls(rate=combined.level, demand=demand, fitted=np.where(young, np.nan, fitted))


@dataclass(frozen=True)
class _PastErrors:
    """Attributes, each of shape (series,):
    variance: Mean squared error of totals.
    mean: Mean forecast total.
    windows: Independent windows they were seen on; 0 where none.
    """

    variance: FloatArray
    mean: FloatArray
    windows: FloatArray


@dataclass(frozen=True)
class _Spread:
    """Attributes, of shape (series,):
    variance: Of the forecast error, units².
    windows: Independent windows that the variance was learnt from, the pool's included.
    """

    variance: FloatArray
    windows: FloatArray

    def where(self, kept: BoolArray, other: "_Spread") -> "_Spread":
        return _Spread(np.where(kept, self.variance, other.variance), np.where(kept, self.windows, other.windows))

    def scaled(self, factor: FloatArray) -> "_Spread":
        return _Spread(self.variance * factor, self.windows)


def _quantiles(mean: FloatArray, spread: _Spread, levels: FloatArray, interval_variance: FloatArray) -> IntArray:
    """Negative binomial, widened towards the ends as Student's t is wider than the normal.

    Like t, this accounts for a variance that is an estimate, with a degree of freedom per window.
    """
    from scipy import special

    normal = special.ndtri(levels)
    student = special.stdtrit(spread.windows[:, None], levels)
    off_centre = np.abs(normal) > 1e-6
    widening = np.where(off_centre, student / np.where(off_centre, normal, 1.0), 1.0) ** 2
    variance = np.maximum(spread.variance[:, None] * widening, mean[:, None]) + interval_variance[:, None]
    return np.maximum.accumulate(negative_binomial_quantiles(mean, variance, levels), axis=1)


def _spread_of_total(history: _History, *, window: int, lead: int) -> _Spread:
    """Forecast error of a total of `window` periods that start `lead` periods on."""
    longest = max(1, history.demand.shape[1] // 3)
    feasible, distance = min(window, longest), min(lead, longest - 1)
    past = _past_errors(history, feasible, distance)
    law = _VarianceLaw.fitted_to(past)
    expected = law.variance(past.mean)
    ratio = np.where(past.windows > 0, past.variance / np.where(expected > 0, expected, 1.0), 1.0)
    windows = past.windows + POOLED_WINDOWS
    ratio = (past.windows * ratio + POOLED_WINDOWS) / windows
    longer = (window / feasible) ** HORIZON_EXPONENT
    pooled = law.variance(history.rate * feasible)
    variance = np.minimum(ratio * pooled, np.maximum(past.variance, MOST_UNSEEN_RATIO * pooled))
    return _Spread(variance * longer, windows)


def _past_errors(history: _History, window: int, lead: int) -> _PastErrors:
    """Forecast errors over all windows wholly known; overlapping ones count once per independent window."""
    origins = history.demand.shape[1] - window - lead + 1
    if origins < 1:
        nothing = np.zeros(len(history.rate))
        return _PastErrors(nothing, nothing, nothing)
    nothing = np.zeros((len(history.rate), 1))
    running = np.concatenate((nothing, np.cumsum(np.nan_to_num(history.demand), axis=1)), axis=1)
    gaps = np.concatenate((nothing, np.cumsum(np.isnan(history.demand), axis=1)), axis=1)
    total = running[:, lead + window :] - running[:, lead : lead + origins]
    whole = gaps[:, lead + window :] == gaps[:, lead : lead + origins]
    expected = history.fitted[:, :origins] * window
    used = whole & ~np.isnan(expected)
    count = used.sum(axis=1)
    error = np.where(used, total - expected, 0.0)
    divisor = np.maximum(count, 1)
    return _PastErrors(
        variance=(error**2).sum(axis=1) / divisor,
        mean=np.where(used, expected, 0.0).sum(axis=1) / divisor,
        windows=count / window,
    )


@dataclass(frozen=True)
class _VarianceLaw:
    """variance = factor · mean^exponent"""

    factor: float
    exponent: float

    def variance(self, mean: FloatArray) -> FloatArray:
        return self.factor * np.maximum(mean, 0.0) ** self.exponent

    @classmethod
    def fitted_to(cls, past: _PastErrors) -> "_VarianceLaw":
        """Least squares on logarithms, weighted by windows, then scaled to the mean ratio.

        Ratios above their `FREAK_RATIO` quantile count as that quantile: otherwise one freak order among
        thousands of series sets the factor for all.

        The usual law of weekly sales counts as `LEAST_POOL` series, which decides where the panel is a
        handful of series and is lost in a large one.
        """
        seen = (past.windows >= 1) & (past.mean > 0) & (past.variance > 0)
        if not seen.any():
            return cls(USUAL_VARIANCE, USUAL_EXPONENT)
        weight = np.minimum(past.windows[seen], 13.0) / 13.0
        x, y = np.log(past.mean[seen]), np.log(past.variance[seen])
        x_mean, y_mean = np.average(x, weights=weight), np.average(y, weights=weight)
        around = x - x_mean
        exponent = float(
            ((weight * around * (y - y_mean)).sum() + LEAST_POOL * USUAL_EXPONENT)
            / ((weight * around**2).sum() + LEAST_POOL)
        )
        exponent = float(np.clip(exponent, 1.0, 2.0))
        ratio = past.variance[seen] / past.mean[seen] ** exponent
        ratio = np.minimum(ratio, np.quantile(ratio, FREAK_RATIO))
        factor = (weight @ ratio + LEAST_POOL * USUAL_VARIANCE) / (weight.sum() + LEAST_POOL)
        return cls(float(factor), exponent)


def _checked_levels(quantiles: Sequence[float]) -> FloatArray:
    levels = np.unique(np.asarray(quantiles, dtype=np.float64))
    if not len(levels) or not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"quantiles must be levels strictly between 0 and 1, got {list(quantiles)}")
    return levels


def _checked_periods(value: PeriodsPerSeries, panel: Panel, name: str, *, positive: bool) -> FloatArray:
    try:
        periods = np.broadcast_to(np.asarray(value, dtype=np.float64), (len(panel.ids),))
    except ValueError:
        raise ValueError(
            f"{name} must be one number or one per series ({len(panel.ids)}), got shape {np.shape(value)}"
        ) from None
    accepted = np.isfinite(periods) & ((periods > 0) if positive else (periods >= 0))
    if not accepted.all():
        first = int(np.flatnonzero(~accepted)[0])
        wanted = "positive" if positive else "not negative"
        raise ValueError(f"{name} of {panel.ids[first]!r} must be finite and {wanted}, got {periods[first]}")
    return periods


def _per_series(value: "float | pd.Series[float]", panel: Panel, name: str) -> PeriodsPerSeries:
    if not isinstance(value, pd.Series):
        return float(value)
    missing = [one for one in panel.ids if one not in value.index]
    if missing:
        raise ValueError(f"{name} must be given for every series, got none for {missing[0]!r}")
    per_series: FloatArray = value.loc[list(panel.ids)].to_numpy(dtype=np.float64)
    return per_series


def _quantile_columns(levels: FloatArray, quantiles: IntArray) -> dict[str, object]:
    return {f"q{level:g}": quantiles[:, column] for column, level in enumerate(levels)}
