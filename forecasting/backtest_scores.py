"""How good forecasts of totals turned out to be, by method, class, origin or series."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from forecasting.accuracy import checked_levels
from forecasting.calibration import clustered_means, pit
from forecasting.panel import BoolArray, FloatArray, IntArray

KEYS = ["unique_id", "origin", "method"]
SCALES = ["scale_absolute", "scale_squared"]

CostPerUnit: TypeAlias = "float | Mapping[Hashable, float] | pd.Series[float]"


@dataclass(frozen=True)
class PairedComparison:
    """One method's scaled pinball less another's, on the forecasts both made.

    Attributes:
        difference: Mean pinball loss of the candidate less that of the reference, averaged over levels, per unit
            of demand: below 0 the candidate is better.
        standard_error: Of the difference, clustered by origin; infinite with a single origin.
        origins: Number of origins.
        forecasts: Number of forecasts each made.
    """

    difference: float
    standard_error: float
    origins: int
    forecasts: int


@dataclass(frozen=True)
class Backtest:
    """Forecasts of totals beside what came.

    Attributes:
        frame: One row per series, origin and method: unique_id, origin (periods before the panel's end at which
            the forecast was made), method, actual and mean (units in the window), one column of units per level
            (`q0.95`), scale_absolute and scale_squared (`repeating_errors` of totals over such windows up to the
            origin, one window apart; NaN where the history is too short) and whatever `labelled` added.
        levels: Probabilities, ascending, shape (level,).
        left_out: Per origin the number of series left out: not_begun (no demand yet) and unknown (the window
            holds an unknown period).
    """

    frame: pd.DataFrame
    levels: FloatArray
    left_out: pd.DataFrame

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order they were given."""
        return [str(name) for name in pd.unique(self.frame["method"])]

    def labelled(self, labels: "Mapping[Hashable, object] | pd.Series[Any]", *, name: str = "class") -> "Backtest":
        """The same forecasts with a column to group by, such as the demand class of each series.

        Raises:
            ValueError: A series has no label.
        """
        return replace(self, frame=self.frame.assign(**{name: _of_each(self.frame, labels, name)}))

    def beside(self, forecasts: pd.DataFrame) -> "Backtest":
        """These forecasts and others of the same totals, made elsewhere.

        Args:
            forecasts: unique_id, origin, method, mean and a column per level, as in `frame`; a method's name must
                be new. Rows for series and origins that are not in the backtest are dropped.

        Raises:
            ValueError: A column is missing, a value is NaN, a row is repeated, a method is already there, or all
                rows are dropped.
        """
        columns = [*KEYS, "mean", *quantile_names(self.levels)]
        checked = _checked_forecasts(forecasts, columns)
        twice = sorted({str(name) for name in checked["method"].unique()} & set(self.methods))
        if twice:
            raise ValueError(f"method must be a new name, got {twice[0]!r} again")
        tasks = self.frame.drop(columns=["method", "mean", *quantile_names(self.levels)])
        tasks = tasks.drop_duplicates(["unique_id", "origin"])
        joined = checked[columns].merge(tasks, on=["unique_id", "origin"], how="inner")
        if joined.empty:
            raise ValueError("forecasts must be for series and origins of the backtest, got none that is")
        return replace(self, frame=pd.concat([self.frame, joined[self.frame.columns]], ignore_index=True))

    def common(self) -> "Backtest":
        """Only the series and origins that every method forecast, so that all are judged by the same."""
        made = self.frame.groupby(["unique_id", "origin"], sort=False, observed=True)["method"].transform("size")
        return replace(self, frame=self.frame[made == len(self.methods)].reset_index(drop=True))

    def scores(
        self, by: str | Sequence[str] = "method", *, holding_cost: float = 1.0, shortage_cost: float = 19.0
    ) -> pd.DataFrame:
        """How good each method was, overall or by class, origin or any other column of `frame`.

        Args:
            by: Column or columns to group by, besides the method.
            holding_cost: Money per unit left over at the end of a window.
            shortage_cost: Money per unit short; stock is then set to the quantile of level shortage_cost /
                (shortage_cost + holding_cost), between the levels by straight lines, at most the outermost.

        Returns:
            One row per method and group:
            forecasts, series, origins: how many there were of each.
            mase, rmsse: absolute and root squared error over that of repeating the total of the window before,
                mase averaged over forecasts and rmsse over series, where the history is long enough.
            bias: forecast less actual, per unit of actual demand.
            pinball_0.9 …, pinball, tail_pinball: pinball loss per unit of actual demand, by level, averaged, and
                averaged with weights level².
            coverage_0.9 …, coverage_se_0.9 …: share of actuals at or below the quantile, and its standard error
                clustered by origin (`clustered_coverage`).
            cost: `stock_cost` per unit of actual demand.
            What cannot be measured (nothing demanded, no scale) is NaN.

        Raises:
            ValueError: by is not a column, or a cost is not positive.
        """
        keys, group = self._groups(by)
        loss, actual = self._losses(), self._actual()
        error = self.frame["mean"].to_numpy(dtype=np.float64) - actual
        demanded = _total(actual, group)
        levels = [f"{level:g}" for level in self.levels]
        per_level = np.stack([_over(_total(column, group), demanded) for column in loss.T], axis=1)
        covered, covered_error = clustered_means(self._covered(), self._origin_codes(), group)
        columns: dict[str, FloatArray | IntArray] = {
            "forecasts": np.bincount(group),
            "series": self._distinct("unique_id", group),
            "origins": self._distinct("origin", group),
            "mase": self._mase(error, group),
            "rmsse": self._rmsse(error, group),
            "bias": _over(_total(error, group), demanded),
            "pinball": per_level.mean(axis=1),
            "tail_pinball": np.average(per_level, axis=1, weights=self.levels**2),
            "cost": _over(_total(self._costs(holding_cost, shortage_cost).sum(axis=1), group), demanded),
        }
        columns |= {f"pinball_{name}": per_level[:, number] for number, name in enumerate(levels)}
        for number, name in enumerate(levels):
            columns[f"coverage_{name}"] = covered[:, number]
            columns[f"coverage_se_{name}"] = covered_error[:, number]
        return pd.concat([keys, pd.DataFrame(columns, index=keys.index)], axis=1)

    def costs(
        self, by: str | Sequence[str] = "method", *, holding_cost: CostPerUnit, shortage_cost: CostPerUnit
    ) -> pd.DataFrame:
        """What stocking by each method would have cost over all windows, in money.

        Each series is stocked to its quantile of level shortage_cost / (shortage_cost + holding_cost), as in
        `scores`.

        Args:
            by: Column or columns to group by, besides the method.
            holding_cost: Money per unit left over at the end of a window, one for all or by unique_id.
            shortage_cost: Money per unit short, likewise.

        Returns:
            One row per method and group: stock, shortage and cost, the sum of both.

        Raises:
            ValueError: by is not a column, a series has no cost, or a cost is not positive.
        """
        keys, group = self._groups(by)
        lost = self._costs(holding_cost, shortage_cost)
        stock, shortage = (_total(column, group, len(keys)) for column in lost.T)
        return keys.assign(stock=stock, shortage=shortage, cost=stock + shortage)

    def calibration(self, by: str | Sequence[str] = "method") -> pd.DataFrame:
        """Nominal levels against what was covered, overall or by demand class or any other column.

        Whole-number quantiles cover more than their level even if they are right: then the level lies between
        the share of actuals below the quantile and the share at or below it.

        Returns:
            One row per method, group and level: level, below, covered, standard_error (of covered, clustered by
            origin), forecasts, origins.
        """
        keys, group = self._groups(by)
        origin = self._origin_codes()
        covered, error = clustered_means(self._covered(), origin, group)
        below, _ = clustered_means(self._below(), origin, group)
        number = len(self.levels)
        counts = {"forecasts": np.bincount(group), "origins": self._distinct("origin", group)}
        repeated = keys.loc[keys.index.repeat(number)].reset_index(drop=True)
        return repeated.assign(
            level=np.tile(self.levels, len(keys)),
            below=below.ravel(),
            covered=covered.ravel(),
            standard_error=error.ravel(),
            **{name: np.repeat(count, number) for name, count in counts.items()},
        )

    def pit(self, *, seed: int) -> FloatArray:
        """Randomised probability integral transform of each row of `frame`; quantiles that cross are sorted first.

        Rows of one series and origin share their random number, so that methods compare.
        """
        task = self.frame.groupby(["unique_id", "origin"], sort=False, observed=True).ngroup().to_numpy()
        uniforms = np.random.default_rng(seed).random(int(task.max(initial=-1)) + 1)[task]
        said = np.sort(self._quantiles(), axis=1)
        return pit(self._actual(), said, levels=self.levels, uniforms=uniforms)

    def pit_histogram(self, by: str | Sequence[str] = "method", *, seed: int) -> pd.DataFrame:
        """How often `pit` fell between neighbouring levels: density 1 throughout if forecasts are right.

        Forecasts too sure of themselves show a ∪, ones too unsure a ∩, ones too low rise to the right. Bins end at
        the levels, between which quantiles say nothing of the shape.

        Returns:
            One row per method, group and bin: left, right, share of forecasts, density (share / width of the bin).
        """
        keys, group = self._groups(by)
        edges = np.concatenate(([0.0], self.levels, [1.0]))
        bins = len(edges) - 1
        place = np.searchsorted(self.levels, self.pit(seed=seed))
        counts = np.bincount(group * bins + place, minlength=len(keys) * bins).reshape(-1, bins)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        repeated = keys.loc[keys.index.repeat(bins)].reset_index(drop=True)
        return repeated.assign(
            left=np.tile(edges[:-1], len(keys)),
            right=np.tile(edges[1:], len(keys)),
            share=share.ravel(),
            density=(share / np.diff(edges)).ravel(),
        )

    def worst(
        self, number: int, *, method: str, weight: "Mapping[Hashable, float] | pd.Series[float] | None" = None
    ) -> pd.DataFrame:
        """The series whose forecasts lost most.

        Args:
            number: How many to name.
            method: Whose forecasts.
            weight: What a unit of each series counts, such as its value; 1 if not given.

        Returns:
            Worst first: unique_id, forecasts, actual and mean (units over all windows), loss (pinball, averaged
            over levels and summed over windows, × weight) and share_of_loss.

        Raises:
            ValueError: The method is not in the backtest, or a series has no weight.
        """
        chosen = self._rows_of(method)
        frame = self.frame[chosen]
        loss = self._losses()[chosen].mean(axis=1)
        if weight is not None:
            loss = loss * np.asarray(_of_each(frame, weight, "weight"), dtype=np.float64)
        by_series = frame.assign(loss=loss).groupby("unique_id", sort=False, observed=True)
        result = by_series.agg(
            forecasts=("actual", "size"), actual=("actual", "sum"), mean=("mean", "sum"), loss=("loss", "sum")
        ).reset_index()
        total = float(result["loss"].sum())
        result["share_of_loss"] = result["loss"] / total if total > 0 else 0.0
        return result.sort_values("loss", ascending=False, kind="stable").head(number).reset_index(drop=True)

    def compared(self, candidate: str, reference: str) -> PairedComparison:
        """Whether one method beats another, paired on the series and origins that both forecast.

        The standard error is that of a ratio of sums, linearised, with origins as clusters.

        Raises:
            ValueError: A method is not in the backtest, they share no forecast, or nothing was demanded.
        """
        losses = self.frame[["unique_id", "origin", "actual"]].assign(loss=self._losses().mean(axis=1))
        sides = [losses[self._rows_of(name)] for name in (candidate, reference)]
        pairs = sides[0].merge(sides[1].drop(columns="actual"), on=["unique_id", "origin"], suffixes=("", "_reference"))
        demanded = float(pairs["actual"].sum())
        if not demanded > 0:
            raise ValueError(f"{candidate!r} and {reference!r} must share forecasts of some demand, got none")
        gain = pairs["loss"].to_numpy() - pairs["loss_reference"].to_numpy()
        difference = float(gain.sum()) / demanded
        residual = gain - difference * pairs["actual"].to_numpy()
        origin, _ = pd.factorize(pairs["origin"])
        _, error = clustered_means(residual[:, None], origin, np.zeros(len(pairs), dtype=np.int64))
        scaled = float(error[0, 0]) * len(pairs) / demanded
        return PairedComparison(difference, scaled, int(origin.max()) + 1, len(pairs))

    def losses_by_series(self) -> pd.DataFrame:
        """Mean pinball loss in units, averaged over levels and origins, one row per series and column per method.

        Only of series and origins that every method forecast; column `forecasts` counts the origins.
        """
        shared = self.common()
        losses = shared.frame[["unique_id", "method"]].assign(loss=shared._losses().mean(axis=1))
        series, ids = pd.factorize(losses["unique_id"])
        table = losses.assign(unique_id=series).pivot_table(index="unique_id", columns="method", values="loss")
        counts = np.bincount(series, minlength=len(ids)) // max(len(self.methods), 1)
        table = table.reindex(index=np.arange(len(ids)), columns=self.methods)
        return table.set_axis(pd.Index(ids, name="unique_id", tupleize_cols=False)).assign(forecasts=counts)

    def _quantiles(self) -> FloatArray:
        values: FloatArray = self.frame[quantile_names(self.levels)].to_numpy(dtype=np.float64)
        return values

    def _actual(self) -> FloatArray:
        actual: FloatArray = self.frame["actual"].to_numpy(dtype=np.float64)
        return actual

    def _losses(self) -> FloatArray:
        """Pinball loss, units, shape (row, level)."""
        short: FloatArray = self._actual()[:, None] - self._quantiles()
        return np.asarray(np.maximum(self.levels * short, (self.levels - 1.0) * short))

    def _covered(self) -> FloatArray:
        covered: BoolArray = self._actual()[:, None] <= self._quantiles()
        return covered.astype(np.float64)

    def _below(self) -> FloatArray:
        below: BoolArray = self._actual()[:, None] < self._quantiles()
        return below.astype(np.float64)

    def _costs(self, holding_cost: CostPerUnit, shortage_cost: CostPerUnit) -> FloatArray:
        """Money lost on what was left over and on what was short, shape (row, 2)."""
        holding = self._cost_of_each(holding_cost, "holding_cost")
        shortage = self._cost_of_each(shortage_cost, "shortage_cost")
        over = self._quantile_at(shortage / (shortage + holding)) - self._actual()
        return np.stack((holding * np.maximum(over, 0.0), shortage * np.maximum(-over, 0.0)), axis=1)

    def _cost_of_each(self, cost: CostPerUnit, name: str) -> FloatArray:
        if isinstance(cost, Mapping | pd.Series):
            costs: FloatArray = np.asarray(_of_each(self.frame, cost, name), dtype=np.float64)
        else:
            costs = np.full(len(self.frame), float(cost))
        wrong = ~(np.isfinite(costs) & (costs > 0))
        if wrong.any():
            raise ValueError(f"{name} must be positive, got {costs[wrong][0]:g} for {_first_id(self.frame, wrong)!r}")
        return costs

    def _quantile_at(self, level: FloatArray) -> FloatArray:
        """Each row's quantile at its level, between those asked by straight lines, at most the outermost."""
        row, quantiles = np.arange(len(level)), self._quantiles()
        place = np.interp(level, self.levels, np.arange(len(self.levels)))
        lower = np.floor(place).astype(np.int64)
        upper = np.minimum(lower + 1, len(self.levels) - 1)
        share = place - lower
        return np.asarray((1.0 - share) * quantiles[row, lower] + share * quantiles[row, upper])

    def _origin_codes(self) -> IntArray:
        codes: IntArray = np.asarray(pd.factorize(self.frame["origin"])[0], dtype=np.int64)
        return codes

    def _mase(self, error: FloatArray, group: IntArray) -> FloatArray:
        scale = self.frame["scale_absolute"].to_numpy(dtype=np.float64)
        scaled = scale > 0
        ratio = np.abs(error[scaled]) / scale[scaled]
        number = int(group.max(initial=-1)) + 1
        return _over(_total(ratio, group[scaled], number), np.bincount(group[scaled], minlength=number))

    def _rmsse(self, error: FloatArray, group: IntArray) -> FloatArray:
        scale = self.frame["scale_squared"].to_numpy(dtype=np.float64)
        scaled = scale > 0
        series, _ = pd.factorize(self.frame["unique_id"])
        width = int(series.max(initial=0)) + 1
        pair, where = np.unique(group[scaled] * width + series[scaled], return_inverse=True)
        mean = _over(_total(error[scaled] ** 2 / scale[scaled], where, len(pair)), np.bincount(where))
        number = int(group.max(initial=-1)) + 1
        return _over(_total(np.sqrt(mean), pair // width, number), np.bincount(pair // width, minlength=number))

    def _distinct(self, column: str, group: IntArray) -> IntArray:
        codes, _ = pd.factorize(self.frame[column])
        width = int(codes.max(initial=0)) + 1
        found = np.unique(group * width + codes) // width
        return np.bincount(found, minlength=int(group.max(initial=-1)) + 1)

    def _groups(self, by: str | Sequence[str]) -> tuple[pd.DataFrame, IntArray]:
        """The groups, methods in their order and other labels sorted, and the number of each row's group."""
        asked = [by] if isinstance(by, str) else list(by)
        names = ["method", *(name for name in asked if name != "method")]
        for name in names:
            if name not in self.frame.columns:
                raise ValueError(f"by must name columns of the backtest, got {name!r}")
        group = np.zeros(len(self.frame), dtype=np.int64)
        for name in names:
            codes, labels = pd.factorize(self.frame[name], sort=name != "method", use_na_sentinel=False)
            group = group * max(len(labels), 1) + codes
        _, first, where = np.unique(group, return_index=True, return_inverse=True)
        return self.frame[names].iloc[first].reset_index(drop=True), where.astype(np.int64)

    def _rows_of(self, method: str) -> BoolArray:
        if method not in self.methods:
            raise ValueError(f"method must be one of {', '.join(self.methods)}, got {method!r}")
        return np.asarray(self.frame["method"] == method)


def scored(frame: pd.DataFrame) -> Backtest:
    """Forecasts of any origin with their actuals, to be scored like our own.

    Args:
        frame: One row per series, origin and method: unique_id, origin, method, actual, mean and a column of units
            per level (`q0.95`); optionally scale_absolute and scale_squared, without which MASE and RMSSE are NaN.
            Further columns may serve to group by.

    Raises:
        ValueError: A column is missing, a value is NaN, a row is repeated, or there is no quantile column.
    """
    levels = checked_levels(sorted(_level_of(name) for name in frame.columns if _level_of(name) > 0))
    checked = _checked_forecasts(frame, [*KEYS, "actual", "mean", *quantile_names(levels)])
    missing = {name: np.nan for name in SCALES if name not in checked.columns}
    nothing = pd.DataFrame({"origin": [], "not_begun": [], "unknown": []}, dtype=np.int64)
    return Backtest(checked.assign(**missing), levels, nothing)


def quantile_names(levels: FloatArray) -> list[str]:
    """Column names of quantiles: q0.5, q0.95 …"""
    return [f"q{level:g}" for level in levels]


def _total(values: FloatArray, group: IntArray, number: int = 0) -> FloatArray:
    return np.asarray(np.bincount(group, weights=values, minlength=number), dtype=np.float64)


def _over(top: FloatArray, bottom: FloatArray | IntArray) -> FloatArray:
    """top / bottom, NaN where the bottom is 0."""
    quotient = np.full(len(top), np.nan)
    np.divide(top, bottom, out=quotient, where=bottom > 0)
    return quotient


def _level_of(column: object) -> float:
    """The level a column name such as q0.95 stands for, 0 if it is none."""
    if not (isinstance(column, str) and column.startswith("q")):
        return 0.0
    try:
        return float(column[1:])
    except ValueError:
        return 0.0


def _checked_forecasts(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    for name in columns:
        if name not in frame.columns:
            raise ValueError(f"forecasts must have a column {name}, got {', '.join(map(str, frame.columns))}")
    numbers = [name for name in columns if name not in KEYS]
    wrong = ~np.isfinite(frame[numbers].to_numpy(dtype=np.float64, na_value=np.nan)).all(axis=1)
    if wrong.any():
        row = frame.iloc[int(np.flatnonzero(wrong)[0])]
        raise ValueError(
            f"forecasts must be finite, got {row[numbers].to_dict()} by {row['method']!r} for {row['unique_id']!r}"
        )
    repeated = frame.duplicated(KEYS)
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise ValueError(
            f"forecasts must have one row per series, origin and method, got several by {row['method']!r} for "
            f"{row['unique_id']!r} at origin {row['origin']}"
        )
    return frame.reset_index(drop=True)


def _of_each(frame: pd.DataFrame, values: "Mapping[Hashable, object] | pd.Series[Any]", name: str) -> list[object]:
    """The value of each row's series."""
    lookup = dict(values.items())
    for one in frame["unique_id"].unique():
        if one not in lookup:
            raise ValueError(f"{name} must be given for every series, got none for {one!r}")
    return [lookup[one] for one in frame["unique_id"]]


def _first_id(frame: pd.DataFrame, wrong: BoolArray) -> object:
    found: object = frame["unique_id"].iloc[int(np.flatnonzero(wrong)[0])]
    return found
