"""How good a forecast was."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecasting.compiled import kernel
from forecasting.panel import FloatArray, IntArray, Panel


def pinball_loss(actual: ArrayLike, quantile: ArrayLike, *, level: float) -> FloatArray:
    """Loss of a forecast quantile, in units: level·(actual − quantile)+ + (1 − level)·(quantile − actual)+.

    Raises:
        ValueError: level outside (0, 1), shapes that do not agree, or NaN.

    Source: Koenker & Bassett (1978), Econometrica 46(1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    seen, said = _checked_pair(actual, quantile, "quantile")
    return np.maximum(level * (seen - said), (level - 1) * (seen - said))


def scaled_pinball(actual: ArrayLike, quantile: ArrayLike, *, level: float) -> float:
    """Mean pinball loss per unit of mean actual demand, so that panels of any size compare.

    Raises:
        ValueError: As `pinball_loss`, and when nothing was demanded.
    """
    loss = pinball_loss(actual, quantile, level=level)
    demanded = float(np.sum(np.asarray(actual, dtype=np.float64)))
    if demanded <= 0:
        raise ValueError(f"actual must sum to more than 0 to scale by, got {demanded}")
    return float(loss.sum()) / demanded


def coverage(actual: ArrayLike, quantile: ArrayLike) -> float:
    """Share of actuals at or below their forecast quantile; a good 0.95 quantile covers 0.95 or just more.

    Raises:
        ValueError: Shapes that do not agree, NaN, or nothing to compare.
    """
    seen, said = _checked_pair(actual, quantile, "quantile")
    return float(np.mean(seen <= said))


def mase(actual: ArrayLike, mean: ArrayLike, history: ArrayLike, *, season_periods: int = 1) -> float:
    """Mean absolute error over that of repeating the history's value of one season before.

    Args:
        actual: Units per period, shape (period,).
        mean: Forecast, shape (period,).
        history: What was known at the origin, oldest first, shape (past,).
        season_periods: Length of a season; 1 compares with repeating the last value.

    Raises:
        ValueError: Shapes that do not agree, NaN, or a history too short or too constant to scale by.

    Source: Hyndman & Koehler (2006), International Journal of Forecasting 22(4).
    """
    seen, said = _checked_pair(actual, mean, "mean")
    repeating = float(np.mean(_repeating_errors(history, season_periods)))
    if not repeating > 0:
        raise ValueError(f"history must change from season to season to scale by, got {repeating}")
    return float(np.mean(np.abs(seen - said))) / repeating


def bias(actual: ArrayLike, mean: ArrayLike) -> float:
    """Forecast minus actual as a share of actual demand: above 0 the forecast is too high.

    Raises:
        ValueError: Shapes that do not agree, NaN, or nothing demanded.
    """
    seen, said = _checked_pair(actual, mean, "mean")
    demanded = float(seen.sum())
    if demanded <= 0:
        raise ValueError(f"actual must sum to more than 0 to scale by, got {demanded}")
    return float((said - seen).sum()) / demanded


def rmsse(actual: ArrayLike, mean: ArrayLike, history: ArrayLike, *, season_periods: int = 1) -> float:
    """Root of the mean squared error over that of repeating the history's value of one season before.

    Unlike `mase` it is least at the mean, not at the median, which of intermittent demand is mostly 0.

    Args:
        actual: Units per period, shape (period,).
        mean: Forecast, shape (period,).
        history: What was known at the origin, oldest first, shape (past,).
        season_periods: Length of a season; 1 compares with repeating the last value.

    Raises:
        ValueError: Shapes that do not agree, NaN, or a history too short or too constant to scale by.

    Source: Makridakis, Spiliotis & Assimakopoulos (2022), International Journal of Forecasting 38(4).
    """
    seen, said = _checked_pair(actual, mean, "mean")
    repeating = float(np.mean(_repeating_errors(history, season_periods) ** 2))
    if not repeating > 0:
        raise ValueError(f"history must change from season to season to scale by, got {repeating}")
    return float(np.sqrt(np.mean((seen - said) ** 2) / repeating))


def smape(actual: ArrayLike, mean: ArrayLike) -> float:
    """Mean of 2·|actual − mean| / (|actual| + |mean|), a share between 0 and 2; 0 where both are 0.

    Of little use for intermittent demand: where nothing is demanded any forecast but 0 scores 2.

    Raises:
        ValueError: Shapes that do not agree, or NaN.

    Source: Makridakis, Spiliotis & Assimakopoulos (2020), International Journal of Forecasting 36(1).
    """
    seen, said = _checked_pair(actual, mean, "mean")
    return float(np.mean(_symmetric_errors(seen, said)))


def owa(*, smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """Overall weighted average of the M4 competition: below 1 the forecast beats `naive2`.

    The mean of sMAPE and MASE, each over that of naive 2 and each first averaged over all series.

    Raises:
        ValueError: A measure is negative or NaN, or one of naive 2 is 0.

    Source: Makridakis, Spiliotis & Assimakopoulos (2020), International Journal of Forecasting 36(1).
    """
    for name, value in {"smape": smape, "mase": mase}.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    for name, value in {"naive2_smape": naive2_smape, "naive2_mase": naive2_mase}.items():
        if not value > 0:
            raise ValueError(f"{name} must be more than 0 to compare with, got {value}")
    return 0.5 * (smape / naive2_smape + mase / naive2_mase)


@dataclass(frozen=True)
class RepeatingErrors:
    """How far off it is to repeat the past, which scaled measures divide by.

    Attributes:
        absolute: Mean absolute difference, units, shape (series,); NaN where nothing can be compared.
        squared: Mean squared difference, units², likewise.
    """

    absolute: FloatArray
    squared: FloatArray


def repeating_errors(panel: Panel, *, lag: int = 1, window: int = 1) -> RepeatingErrors:
    """Differences between totals of `window` periods that lie `lag` periods apart, within each history.

    They are counted from a series' first demand on, before which it was not yet on sale, and left out where
    either total holds an unknown period.

    Args:
        panel: Histories as known at the origin.
        lag: Periods between the two totals: a season's length for MASE and RMSSE of single periods.
        window: Periods summed.

    Raises:
        ValueError: lag or window below 1.
    """
    if lag < 1 or window < 1:
        raise ValueError(f"lag and window must be at least 1, got {lag} and {window}")
    absolute, squared = _repeating(panel.values, panel.offsets, lag, window)
    return RepeatingErrors(absolute, squared)


@dataclass(frozen=True)
class PointAccuracy:
    """Accuracy of point forecasts, series by series.

    Attributes:
        ids: unique_id of each series.
        mase: shape (series,); NaN where the history is too short or too constant to scale by, or no actual known.
        rmsse: Likewise.
        smape: Share between 0 and 2, shape (series,); NaN where no actual is known.
    """

    ids: tuple[Hashable, ...]
    mase: FloatArray
    rmsse: FloatArray
    smape: FloatArray

    def pooled(self) -> "PooledAccuracy":
        """The means over the series that can be measured."""
        measured = int(np.isfinite(self.mase).sum())
        return PooledAccuracy(_mean_known(self.mase), _mean_known(self.rmsse), _mean_known(self.smape), measured)


@dataclass(frozen=True)
class PooledAccuracy:
    """Means over series of `PointAccuracy`; NaN where no series at all could be measured.

    Attributes:
        scaled_series: Number of series behind mase and rmsse.
    """

    mase: float
    rmsse: float
    smape: float
    scaled_series: int


def point_accuracy(history: Panel, actual: FloatArray, mean: FloatArray, *, season_periods: int = 1) -> PointAccuracy:
    """MASE, RMSSE and sMAPE of every series of a panel.

    As `mase`, `rmsse` and `smape` do it, but unknown periods (NaN) of history and actual are left out and
    histories count from their first demand on.

    Args:
        history: What was known at the origin.
        actual: Units per period after it, shape (series, horizon), NaN = unknown.
        mean: Forecasts, shape (series, horizon).
        season_periods: Length of a season.

    Raises:
        ValueError: A shape that does not fit, a forecast that is NaN, or season_periods below 1.
    """
    if actual.ndim != 2 or len(actual) != len(history.ids):
        raise ValueError(f"actual must have shape ({len(history.ids)}, horizon), got {actual.shape}")
    if mean.shape != actual.shape:
        raise ValueError(f"mean must have the shape of actual {actual.shape}, got {mean.shape}")
    if np.isnan(mean).any():
        series = int(np.flatnonzero(np.isnan(mean).any(axis=1))[0])
        raise ValueError(f"mean must be a number in every period, got NaN for {history.ids[series]!r}")
    scale = repeating_errors(history, lag=season_periods)
    error = np.abs(actual - mean)
    return PointAccuracy(
        history.ids,
        _ratio(_row_means(error), scale.absolute),
        np.sqrt(_ratio(_row_means(error**2), scale.squared)),
        _row_means(_symmetric_errors(actual, mean)),
    )


def stock_cost(
    actual: ArrayLike, quantile: ArrayLike, *, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> FloatArray:
    """What stocking the forecast quantile would have cost: too much is held, too little is missed.

    The newsvendor's cost holding_cost·(quantile − actual)+ + shortage_cost·(actual − quantile)+. On average it is
    least at the true quantile of level shortage_cost / (shortage_cost + holding_cost), and it is
    (shortage_cost + holding_cost) times the `pinball_loss` at that level.

    Args:
        actual: Units demanded in the window.
        quantile: Units stocked for it, of the shape of actual.
        holding_cost: Money per unit left over at the end of the window, a number or of the shape of actual.
        shortage_cost: Money per unit short, lost margin and goodwill, likewise.

    Returns:
        Money, in the currency of the costs, of the shape of actual.

    Raises:
        ValueError: Shapes that do not agree, NaN, or a cost that is negative or infinite.

    Source: Arrow, Harris & Marschak (1951), Econometrica 19(3).
    """
    seen, said = _checked_pair(actual, quantile, "quantile")
    costs = {"holding_cost": holding_cost, "shortage_cost": shortage_cost}
    rates = {name: np.asarray(cost, dtype=np.float64) for name, cost in costs.items()}
    for name, rate in rates.items():
        if not (np.isfinite(rate) & (rate >= 0)).all():
            raise ValueError(
                f"{name} must be finite and not negative, got {rate[~(np.isfinite(rate) & (rate >= 0))][0]}"
            )
        if rate.shape not in ((), seen.shape):
            raise ValueError(f"{name} must be a number or have the shape of actual {seen.shape}, got {rate.shape}")
    left_over, short = np.maximum(said - seen, 0.0), np.maximum(seen - said, 0.0)
    return np.asarray(rates["holding_cost"] * left_over + rates["shortage_cost"] * short)


def tail_weighted_pinball(actual: ArrayLike, quantiles: ArrayLike, *, levels: ArrayLike) -> float:
    """Scaled pinball losses over several levels, averaged with weights level², which stress the upper tail.

    Stock is decided in that tail; the plain average is mostly the loss around the median.

    Args:
        actual: Units, shape (forecast,).
        quantiles: Units, shape (forecast, level).
        levels: Probabilities, ascending, shape (level,).

    Raises:
        ValueError: Shapes that do not agree, levels that do not rise within (0, 1), quantiles that fall, NaN, or
            nothing demanded.

    Source: the weight is that of Gneiting & Ranjan (2011), Journal of Business & Economic Statistics 29(3).
    """
    probability, seen, said = checked_quantiles(actual, quantiles, levels)
    losses = [scaled_pinball(seen, said[:, number], level=level) for number, level in enumerate(probability.tolist())]
    return float(np.average(losses, weights=probability**2))


@kernel
def _repeating(values: FloatArray, offsets: IntArray, lag: int, window: int) -> tuple[FloatArray, FloatArray]:
    absolute = np.full(len(offsets) - 1, np.nan)
    squared = np.full(len(offsets) - 1, np.nan)
    for series in range(len(offsets) - 1):
        start, end = offsets[series], offsets[series + 1]
        while start < end and not values[start] > 0.0:
            start += 1
        length = end - start
        if length < lag + window:
            continue
        total, known = np.zeros(length + 1), np.zeros(length + 1)
        for period in range(length):
            value = values[start + period]
            unknown = np.isnan(value)
            total[period + 1] = total[period] + (0.0 if unknown else value)
            known[period + 1] = known[period] + (0.0 if unknown else 1.0)
        compared, sum_absolute, sum_squared = 0, 0.0, 0.0
        for late in range(lag, length - window + 1):
            early = late - lag
            counted = known[late + window] - known[late] + known[early + window] - known[early]
            if counted < 2 * window:
                continue
            difference = (total[late + window] - total[late]) - (total[early + window] - total[early])
            compared += 1
            sum_absolute += abs(difference)
            sum_squared += difference * difference
        if compared:
            absolute[series] = sum_absolute / compared
            squared[series] = sum_squared / compared
    return absolute, squared


def _repeating_errors(history: ArrayLike, season_periods: int) -> FloatArray:
    past = np.asarray(history, dtype=np.float64)
    if len(past) <= season_periods:
        raise ValueError(f"history must be longer than season_periods {season_periods}, got {len(past)}")
    return np.abs(past[season_periods:] - past[:-season_periods])


def _symmetric_errors(actual: FloatArray, mean: FloatArray) -> FloatArray:
    size = np.abs(actual) + np.abs(mean)
    error = np.where(np.isnan(size), np.nan, 0.0)
    np.divide(2.0 * np.abs(actual - mean), size, out=error, where=size > 0)
    return error


def _row_means(matrix: FloatArray) -> FloatArray:
    """Mean of what is known in each row, NaN where nothing is."""
    known = (~np.isnan(matrix)).sum(axis=1)
    return _ratio(np.nansum(matrix, axis=1), known.astype(np.float64))


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """top / bottom, NaN where there is nothing to divide by."""
    quotient = np.full(len(top), np.nan)
    np.divide(top, bottom, out=quotient, where=bottom > 0)
    return quotient


def _mean_known(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def checked_quantiles(
    actual: ArrayLike, quantiles: ArrayLike, levels: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Levels, actuals (forecast,) and quantiles (forecast, level) as arrays, refused unless they fit together."""
    probability = checked_levels(levels)
    seen, said = np.asarray(actual, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    if seen.ndim != 1 or said.shape != (len(seen), len(probability)):
        raise ValueError(
            f"quantiles must have shape (forecast, {len(probability)}) for actual of shape (forecast,), "
            f"got {said.shape} and {seen.shape}"
        )
    if np.isnan(seen).any() or np.isnan(said).any():
        raise ValueError("actual and quantiles must not hold NaN")
    if (np.diff(said, axis=1) < 0).any():
        row = int(np.flatnonzero((np.diff(said, axis=1) < 0).any(axis=1))[0])
        raise ValueError(f"quantiles must not fall from level to level, got {said[row].tolist()} in row {row}")
    return probability, seen, said


def checked_levels(levels: ArrayLike) -> FloatArray:
    """The levels as an array, refused unless they rise strictly within (0, 1)."""
    probability = np.asarray(levels, dtype=np.float64)
    if probability.ndim != 1 or not len(probability):
        raise ValueError(f"levels must be a list of at least one number, got {levels!r}")
    if not (((probability > 0) & (probability < 1)).all() and (np.diff(probability) > 0).all()):
        raise ValueError(f"levels must rise strictly within (0, 1), got {probability.tolist()}")
    return probability


def _checked_pair(actual: ArrayLike, forecast: ArrayLike, name: str) -> tuple[FloatArray, FloatArray]:
    seen: NDArray[np.float64] = np.asarray(actual, dtype=np.float64)
    said: NDArray[np.float64] = np.asarray(forecast, dtype=np.float64)
    if seen.shape != said.shape:
        raise ValueError(f"{name} must have the shape of actual {seen.shape}, got {said.shape}")
    if not seen.size:
        raise ValueError(f"actual and {name} must hold at least one value, got none")
    if np.isnan(seen).any() or np.isnan(said).any():
        raise ValueError(f"actual and {name} must not hold NaN")
    return seen, said
