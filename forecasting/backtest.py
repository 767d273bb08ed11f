"""Forecasts of totals made again at past origins, and what came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecasting.accuracy import checked_levels, repeating_errors
from forecasting.backtest_scores import Backtest, quantile_names
from forecasting.panel import FloatArray, IntArray, Panel

__all__ = ["Backtest", "Method", "Progress", "TotalForecast", "Totals", "backtest"]

Progress = Callable[[int, int], None]
"""Called with the number of forecasts made and that of all to be made, counted in methods × origins."""


class Totals(Protocol):
    """What a method answers: `TotalForecast`, or anything with these, such as `LeadTimeDemand`."""

    @property
    def mean(self) -> FloatArray: ...
    @property
    def levels(self) -> FloatArray: ...
    @property
    def quantiles(self) -> FloatArray | IntArray: ...


@dataclass(frozen=True)
class TotalForecast:
    """Distribution of the total demand over a window, one row per series of the panel.

    Attributes:
        mean: Units, shape (series,).
        levels: Probabilities, ascending, shape (level,).
        quantiles: Units, not falling along a row, shape (series, level).
    """

    mean: FloatArray
    levels: FloatArray
    quantiles: FloatArray


Method = Callable[[Panel, int, FloatArray], Totals]
"""Panel as known at the origin, periods in the window that follows it, levels → distribution of the total."""


def backtest(
    panel: Panel,
    methods: Mapping[str, Method],
    *,
    window: int,
    origins: int,
    step: int | None = None,
    levels: ArrayLike,
    progress: Progress | None = None,
) -> Backtest:
    """Forecasts of totals made at past origins, each knowing only what came before it.

    The last origin lies `window` periods before the end of the panel, each earlier one `step` further back. Left
    out, and counted, are windows with an unknown period and series without any demand before the origin: of what
    has not begun no method can know. Where series end in different periods, each one's origins count back from its
    own end, so that an origin is no longer one date for all: standard errors clustered by origin then say less.

    Args:
        panel: Histories, as far as known now.
        methods: Name → method; each is given the whole panel as it was at the origin.
        window: Periods summed, the lead time plus review period for instance.
        origins: How many.
        step: Periods between origins; a window's length if not given, so that windows do not overlap.
        levels: Probabilities, ascending.
        progress: Told how far it is.

    Raises:
        ValueError: window, origins or step below 1, no method, levels that do not rise within (0, 1), or a method
            whose answer has the wrong shape, falls along the levels or is not finite.
    """
    probability = checked_levels(levels)
    spacing = window if step is None else step
    for name, number in {"window": window, "origins": origins, "step": spacing}.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    if not methods:
        raise ValueError("methods must hold at least one, got none")
    parts, counts = [], []
    for turn in range(origins):
        task = _Task.at(panel, window + turn * spacing, window)
        counts.append(task.counts)
        for number, (name, method) in enumerate(methods.items()):
            answer = method(task.known, window, probability)
            parts.append(task.rows(name, answer, probability))
            if progress is not None:
                progress(turn * len(methods) + number + 1, origins * len(methods))
    return Backtest(pd.concat(parts, ignore_index=True), probability, pd.DataFrame(counts))


@dataclass(frozen=True)
class _Task:
    """What is known at one origin, and what came after it.

    Attributes:
        origin: Periods before the end.
        known: The panel as it was.
        actual: Total of the window, shape (series,), NaN where left out.
        scale_absolute, scale_squared: shape (series,).
        counts: Row of `Backtest.left_out`.
    """

    origin: int
    known: Panel
    actual: FloatArray
    scale_absolute: FloatArray
    scale_squared: FloatArray
    counts: dict[str, int]

    @staticmethod
    def at(panel: Panel, origin: int, window: int) -> "_Task":
        known = panel.until(origin)
        owner = np.repeat(np.arange(len(panel.ids)), known.lengths)
        begun = np.bincount(owner, weights=known.values > 0, minlength=len(panel.ids)) > 0
        total = np.full(len(panel.ids), np.nan)
        first = panel.offsets[1:][begun] - origin
        total[begun] = panel.values[first[:, None] + np.arange(window)].sum(axis=1)
        unknown = int(np.isnan(total[begun]).sum())
        scale = repeating_errors(known, lag=window, window=window)
        counts = {"origin": origin, "not_begun": int((~begun).sum()), "unknown": unknown}
        return _Task(origin, known, total, scale.absolute, scale.squared, counts)

    def rows(self, method: str, answer: Totals, levels: FloatArray) -> pd.DataFrame:
        mean, quantiles = self._checked(method, answer, levels)
        used = np.flatnonzero(~np.isnan(self.actual))
        columns: dict[str, object] = {
            "unique_id": pd.Index(self.known.ids, tupleize_cols=False).take(used),
            "origin": self.origin,
            "method": method,
            "actual": self.actual[used],
            "mean": mean[used],
        }
        columns |= {name: quantiles[used, number] for number, name in enumerate(quantile_names(levels))}
        columns |= {"scale_absolute": self.scale_absolute[used], "scale_squared": self.scale_squared[used]}
        return pd.DataFrame(columns)

    def _checked(self, method: str, answer: Totals, levels: FloatArray) -> tuple[FloatArray, FloatArray]:
        series, number = len(self.known.ids), len(levels)
        mean = np.asarray(answer.mean, dtype=np.float64)
        quantiles = np.asarray(answer.quantiles, dtype=np.float64)
        if not np.array_equal(answer.levels, levels):
            raise ValueError(f"method {method!r} must answer for levels {levels.tolist()}, got {answer.levels}")
        if mean.shape != (series,) or quantiles.shape != (series, number):
            raise ValueError(
                f"method {method!r} must answer with mean ({series},) and quantiles ({series}, {number}), "
                f"got {mean.shape} and {quantiles.shape}"
            )
        wrong = ~(np.isfinite(mean) & np.isfinite(quantiles).all(axis=1)) | (np.diff(quantiles, axis=1) < 0).any(axis=1)
        if wrong.any():
            one = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"method {method!r} must answer with finite quantiles that do not fall, got mean {mean[one]} and "
                f"quantiles {quantiles[one].tolist()} for {self.known.ids[one]!r} at origin {self.origin}"
            )
        return mean, quantiles
