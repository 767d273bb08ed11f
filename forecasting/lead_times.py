"""How long the next replenishment takes: a number for all, one for each series, or a distribution."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from forecasting.panel import MOST_PERIODS, FloatArray


@dataclass(frozen=True)
class LeadTimes:
    """Attributes:
    periods: Possible protection intervals, > 0, shape (series, outcome).
    weights: Their probabilities, rows summing to 1, shape (series, outcome).
    sd: Standard deviation around each outcome, shape (series,).
    """

    periods: FloatArray
    weights: FloatArray
    sd: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Periods expected, shape (series,)."""
        return np.asarray((self.periods * self.weights).sum(axis=1))


def lead_times_of(ids: tuple[Hashable, ...], periods: Any, periods_sd: Any) -> LeadTimes:
    """Lead times of each series, from whatever form they are given in.

    Args:
        ids: unique_id of each series.
        periods: A number; an array in the series' order; a Series keyed by unique_id, or a mapping where these are no
            numbers; a mapping from periods to probability, for all; or a frame with columns periods, probability and
            maybe unique_id.
        periods_sd: Like the first three.

    Raises:
        ValueError: naming the series and what is wrong: none given, not positive, not finite, probabilities that do
            not sum to 1.
    """
    sd = _per_series(ids, periods_sd, "periods_sd", positive=False)
    if isinstance(periods, Mapping) and periods and not any(isinstance(key, Real) for key in periods):
        periods = pd.Series(periods)
    if isinstance(periods, Mapping):
        periods = pd.DataFrame({"periods": list(periods), "probability": list(periods.values())})
    if isinstance(periods, pd.DataFrame):
        return LeadTimes(*_distributions(ids, periods), sd)
    single = _per_series(ids, periods, "periods", positive=True)[:, None]
    return LeadTimes(single, np.ones_like(single), sd)


def _per_series(ids: tuple[Hashable, ...], value: Any, name: str, *, positive: bool) -> FloatArray:
    if isinstance(value, pd.Series):
        missing = [one for one in ids if one not in value.index]
        if missing:
            raise ValueError(f"{name} must be given for every series, got none for {missing[0]!r}")
        if not value.index.is_unique:
            raise ValueError(f"{name} must be given once for every series, got several for the same")
        value = value.loc[list(ids)].to_numpy(dtype=np.float64)
    try:
        numbers = np.broadcast_to(np.asarray(value, dtype=np.float64), (len(ids),))
    except (ValueError, TypeError):
        raise ValueError(
            f"{name} must be one number or one per series ({len(ids)}), got shape {np.shape(value)}"
        ) from None
    accepted = (numbers <= MOST_PERIODS) & ((numbers > 0) if positive else (numbers >= 0))
    if not accepted.all():
        first = int(np.flatnonzero(~accepted)[0])
        wanted = "positive" if positive else "not negative"
        most = f", at most {MOST_PERIODS:,}" if np.isfinite(numbers[first]) and numbers[first] > 0 else ""
        raise ValueError(f"{name} of {ids[first]!r} must be finite and {wanted}{most}, got {numbers[first]}")
    return np.array(numbers)


def _distributions(ids: tuple[Hashable, ...], frame: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    for name in ("periods", "probability"):
        if name not in frame.columns:
            raise ValueError(f"a distribution of lead times must have a column {name}, got {list(frame.columns)}")
    outcomes, chances = _numbers(frame, "periods"), _numbers(frame, "probability")
    accepted = (outcomes > 0) & (outcomes <= MOST_PERIODS)
    if not accepted.all():
        raise ValueError(f"lead times must be positive, at most {MOST_PERIODS:,}, got {outcomes[~accepted][0]}")
    accepted = (chances >= 0) & (chances <= 1 + 1e-6)
    if not accepted.all():
        raise ValueError(f"probabilities of lead times must lie between 0 and 1, got {chances[~accepted][0]}")
    if "unique_id" not in frame.columns:
        _check_sum(float(chances.sum()), "all series")
        shape = (len(ids), len(outcomes))
        return np.broadcast_to(outcomes, shape).copy(order="C"), np.broadcast_to(chances, shape).copy(order="C")
    numbers = {one: number for number, one in enumerate(ids)}
    rows = frame.groupby("unique_id", sort=False).indices
    widest = max((len(row) for row in rows.values()), default=1)
    periods, weights = np.ones((len(ids), widest)), np.zeros((len(ids), widest))
    for one, number in numbers.items():
        if one not in rows:
            raise ValueError(f"periods must be given for every series, got none for {one!r}")
        row = rows[one]
        _check_sum(float(chances[row].sum()), repr(one))
        periods[number, : len(row)] = outcomes[row]
        weights[number, : len(row)] = chances[row]
    return periods, weights


def _numbers(frame: pd.DataFrame, name: str) -> FloatArray:
    try:
        numbers: FloatArray = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        raise ValueError(f"{name} of a distribution of lead times must be numbers, got {frame[name].dtype}") from None
    return numbers


def _check_sum(total: float, whose: str) -> None:
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"probabilities of the lead times of {whose} must sum to 1, got {total}")
