"""Point forecasts period by period, made again at past origins and held against naive 2."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.accuracy import repeating_errors
from forecasting.backtest import Progress
from forecasting.naive2 import naive2
from forecasting.panel import FloatArray, IntArray, Panel

REFERENCE = "naive2"

PointMethod = Callable[[Panel, int], FloatArray]
"""Panel as known at the origin, horizon → units per period, shape (series, horizon)."""


@dataclass(frozen=True)
class PointBacktest:
    """Point forecasts beside what came.

    Attributes:
        frame: One row per series, origin, method and period ahead: unique_id, origin (periods before the panel's
            end), method, ahead (1 = the first period after the origin), actual, mean (units), scale_absolute and
            scale_squared (`repeating_errors` one season apart; NaN where the history is too short).
    """

    frame: pd.DataFrame

    def scores(self, by: str | Sequence[str] = "method") -> pd.DataFrame:
        """How good each method was, overall, by period ahead, by origin or by series.

        Args:
            by: Column or columns of `frame` to group by, besides the method.

        Returns:
            One row per method and group: forecasts (periods forecast), mase, rmsse, smape, bias (forecast less
            actual, per unit of actual demand) and owa (against naive 2 in the same group). MASE and sMAPE are
            averaged over series and origins, RMSSE is rooted per series and origin first, as the M competitions
            do it. What cannot be measured is NaN.

        Raises:
            ValueError: by is not a column.
        """
        asked = [by] if isinstance(by, str) else list(by)
        others = [name for name in asked if name != "method"]
        for name in others:
            if name not in self.frame.columns:
                raise ValueError(f"by must name columns of the backtest, got {name!r}")
        order = {name: number for number, name in enumerate(pd.unique(self.frame["method"]))}
        result = _averaged(_per_series(self.frame, others), ["method", *others])
        reference = result[result["method"] == REFERENCE]
        if others:
            paired = result[others].merge(reference, on=others, how="left")
        else:
            paired = reference.loc[reference.index.repeat(len(result))].reset_index(drop=True)
        result["owa"] = 0.5 * (_over(result["smape"], paired["smape"]) + _over(result["mase"], paired["mase"]))
        return result.sort_values(
            ["method", *others], key=lambda column: column.map(order) if column.name == "method" else column
        ).reset_index(drop=True)


def point_backtest(
    panel: Panel,
    methods: Mapping[str, PointMethod],
    *,
    horizon: int,
    origins: int,
    step: int | None = None,
    season_length: int = 1,
    progress: Progress | None = None,
) -> PointBacktest:
    """Point forecasts made at past origins, each knowing only what came before it, with naive 2 beside them.

    The last origin lies `horizon` periods before the end of the panel. Unknown periods are left out, and so are
    series without any demand before the origin.

    Args:
        panel: Histories, as far as known now.
        methods: Name → method; `naive2` is added.
        horizon: Periods ahead.
        origins: How many.
        step: Periods between origins; the horizon if not given.
        season_length: Periods in a season, for naive 2 and for the scales.
        progress: Told how far it is.

    Raises:
        ValueError: horizon, origins, step or season_length below 1, a method named naive2, or a method whose
            answer has the wrong shape or is not finite.
    """
    spacing = horizon if step is None else step
    numbers = {"horizon": horizon, "origins": origins, "step": spacing, "season_length": season_length}
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    if REFERENCE in methods:
        raise ValueError(f"methods must not hold {REFERENCE!r}, which is added to them")
    asked = dict(methods) | {REFERENCE: lambda known, ahead: naive2(known, horizon=ahead, season_length=season_length)}
    parts, made = [], 0
    for origin in range(horizon, horizon + origins * spacing, spacing):
        known = panel.until(origin)
        used, actual = _what_came(panel, known, origin, horizon)
        scale = repeating_errors(known, lag=season_length)
        for name, method in asked.items():
            mean = _checked_answer(name, method(known, horizon), known, horizon)
            parts.append(
                pd.DataFrame(
                    {
                        "unique_id": pd.Index(panel.ids, tupleize_cols=False).take(np.repeat(used, horizon)),
                        "origin": origin,
                        "method": name,
                        "ahead": np.tile(np.arange(1, horizon + 1), len(used)),
                        "actual": actual.ravel(),
                        "mean": mean[used].ravel(),
                        "scale_absolute": np.repeat(scale.absolute[used], horizon),
                        "scale_squared": np.repeat(scale.squared[used], horizon),
                    }
                )
            )
            made += 1
            if progress is not None:
                progress(made, origins * len(asked))
    frame = pd.concat(parts, ignore_index=True)
    return PointBacktest(frame[frame["actual"].notna()].reset_index(drop=True))


def _what_came(panel: Panel, known: Panel, origin: int, horizon: int) -> tuple[IntArray, FloatArray]:
    """Numbers of the series begun at the origin and their next periods, shape (begun, horizon)."""
    owner = np.repeat(np.arange(len(panel.ids)), known.lengths)
    demanded = np.bincount(owner, weights=known.values > 0, minlength=len(panel.ids))
    begun = np.flatnonzero(demanded).astype(np.int64)
    first = panel.offsets[1:][begun] - origin
    return begun, panel.values[first[:, None] + np.arange(horizon)]


def _checked_answer(name: str, answer: FloatArray, known: Panel, horizon: int) -> FloatArray:
    mean = np.asarray(answer, dtype=np.float64)
    if mean.shape != (len(known.ids), horizon):
        raise ValueError(f"method {name!r} must answer with shape ({len(known.ids)}, {horizon}), got {mean.shape}")
    wrong = ~np.isfinite(mean).all(axis=1)
    if wrong.any():
        one = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"method {name!r} must answer with finite numbers, got {mean[one]} for {known.ids[one]!r}")
    return mean


def _per_series(frame: pd.DataFrame, others: Sequence[str]) -> pd.DataFrame:
    """Measures of each series at each origin, by method and whatever else is asked."""
    error = frame["mean"] - frame["actual"]
    size = frame["mean"].abs() + frame["actual"].abs()
    measured = frame.assign(
        mase=_over(error.abs(), frame["scale_absolute"]),
        squared=_over(error**2, frame["scale_squared"]),
        smape=(2.0 * error.abs() / size.where(size > 0)).fillna(0.0),
        error=error,
    )
    keys = list(dict.fromkeys(["method", *others, "origin", "unique_id"]))
    table = measured.groupby(keys, sort=False, observed=True).agg(
        forecasts=("actual", "size"),
        mase=("mase", "mean"),
        squared=("squared", "mean"),
        smape=("smape", "mean"),
        error=("error", "sum"),
        actual=("actual", "sum"),
    )
    return table.assign(rmsse=np.sqrt(table["squared"])).reset_index()


def _averaged(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    grouped = table.groupby(list(keys), sort=False, observed=True)
    result = grouped[["mase", "rmsse", "smape"]].mean()
    sums = grouped[["forecasts", "error", "actual"]].sum()
    result.insert(0, "forecasts", sums["forecasts"])
    return result.assign(bias=_over(sums["error"], sums["actual"])).reset_index()


def _over(top: "pd.Series[float]", bottom: "pd.Series[float]") -> "pd.Series[float]":
    """top / bottom row by row, NaN where the bottom is not above 0."""
    return top / bottom.where(bottom > 0)
