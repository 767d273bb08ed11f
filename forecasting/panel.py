"""Many demand histories at once, of unequal length, as two plain arrays."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.period import DAY, Period

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LEAST_IN_STOCK_SHARE = 0.4
"""Share of a period that must have been in stock before its sales say what demand was.

At 0.4 a week is scaled up from three days on, by 2.5 at most; from one or two days the estimate
would be mostly the luck of those days.
"""
MOST_UNITS = 1e15
"""Units per period of which a total is told; more is a slip, and could no longer be told to the unit."""
MOST_PERIODS = 1_000_000
"""Periods that a series may span; a longer one is a slip in a date."""


@dataclass(frozen=True)
class Panel:
    """Ragged demand histories, oldest period first.

    Attributes:
        ids: unique_id of each series.
        values: Units demanded per period, all series end to end, shape (total,). NaN = unknown.
        offsets: Series i is `values[offsets[i]:offsets[i + 1]]`, shape (series + 1,).
        columns: What else is known of each period (in_stock, price, promotion, …), each shaped like values.
        ends: Label of each series' last period, datetime64[s] or whole numbers, shape (series,); None = not dated.
        period: What the periods are; None = not dated.
        whole: Whether each series is counted in whole units, shape (series,); None = as its values show.
    """

    ids: tuple[Hashable, ...]
    values: FloatArray
    offsets: IntArray
    columns: Mapping[str, FloatArray] = field(default_factory=dict)
    ends: NDArray[Any] | None = None
    period: Period | None = None
    whole: BoolArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, dtype=np.float64))
        object.__setattr__(self, "offsets", np.ascontiguousarray(self.offsets, dtype=np.int64))
        if len(self.offsets) != len(self.ids) + 1:
            raise ValueError(f"offsets must number {len(self.ids) + 1} (series + 1), got {len(self.offsets)}")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.values) or (np.diff(self.offsets) < 0).any():
            raise ValueError(f"offsets must rise from 0 to {len(self.values)}, got {self.offsets}")
        for name, column in self.columns.items():
            if column.shape != self.values.shape:
                raise ValueError(f"{name} must have the shape of values {self.values.shape}, got {column.shape}")
        refused = np.isinf(self.values) | (self.values < 0)
        if refused.any():
            first = int(np.flatnonzero(refused)[0])
            series = int(np.searchsorted(self.offsets, first, side="right")) - 1
            raise ValueError(
                f"demand of {self.ids[series]!r} must be finite and not negative, got {self.values[first]}"
            )

    @property
    def lengths(self) -> IntArray:
        """Periods known per series, shape (series,)."""
        return np.diff(self.offsets)

    @property
    def is_whole(self) -> BoolArray:
        """Whether a series is counted in whole units, shape (series,); true of one that holds nothing."""
        if self.whole is not None:
            return self.whole
        broken = np.concatenate(([0], np.cumsum((self.values % 1.0) > 0)))
        whole: BoolArray = broken[self.offsets[1:]] == broken[self.offsets[:-1]]
        return whole

    def with_values(self, values: FloatArray) -> Panel:
        """The same periods with other units, counted as before."""
        return replace(self, values=values, whole=self.is_whole)

    def between(self, start: int, stop: int) -> Panel:
        """The series from one number up to another, without copying them."""
        begin, end = int(self.offsets[start]), int(self.offsets[stop])
        return Panel(
            self.ids[start:stop],
            self.values[begin:end],
            self.offsets[start : stop + 1] - begin,
            {name: column[begin:end] for name, column in self.columns.items()},
            None if self.ends is None else self.ends[start:stop],
            self.period,
            None if self.whole is None else self.whole[start:stop],
        )

    def chosen(self, numbers: Sequence[int] | IntArray) -> Panel:
        """Some of the series, by number, in that order."""
        chosen = np.asarray(numbers, dtype=np.int64)
        lengths = self.lengths[chosen]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return Panel(
            tuple(self.ids[number] for number in chosen.tolist()),
            self.values[places],
            offsets,
            {name: column[places] for name, column in self.columns.items()},
            None if self.ends is None else self.ends[chosen],
            self.period,
            None if self.whole is None else self.whole[chosen],
        )

    def until(self, periods_back: int) -> Panel:
        """What was known so many periods ago; a series that had not begun is empty."""
        if periods_back < 0:
            raise ValueError(f"periods_back must not be negative, got {periods_back}")
        lengths = np.maximum(self.lengths - periods_back, 0)
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1] - offsets[:-1], lengths)
        columns = {name: column[places] for name, column in self.columns.items()}
        ends = self.ends
        if ends is not None and self.period is not None:
            ends = self.period.after(ends, np.full(len(ends), -periods_back))
        return Panel(self.ids, self.values[places], offsets, columns, ends, self.period, self.whole)

    def future(self, horizon: int) -> NDArray[Any]:
        """Labels of the periods to come, shape (series, horizon).

        Raises:
            ValueError: the panel is not dated.
        """
        if self.ends is None or self.period is None:
            raise ValueError("a panel without ends and period has no dates to come")
        steps = np.tile(np.arange(1, horizon + 1), (len(self.ids), 1))
        return self.period.after(np.repeat(self.ends[:, None], horizon, axis=1), steps)

    def to_frame(self) -> pd.DataFrame:
        """The histories as a long frame: unique_id, ds, y and the further columns.

        Raises:
            ValueError: the panel is not dated.
        """
        if self.ends is None or self.period is None:
            raise ValueError("a panel without ends and period has no dates to write")
        lengths = self.lengths
        back = np.arange(len(self.values)) - np.repeat(self.offsets[1:] - 1, lengths)
        ds = self.period.after(np.repeat(self.ends, lengths), back)
        columns = {"unique_id": pd.Index(self.ids).repeat(lengths), "ds": ds, "y": self.values}
        return pd.DataFrame(columns | dict(self.columns))

    def aligned(self) -> FloatArray:
        """The histories as a matrix of shape (series, longest), last periods in the last column.

        What a short series lacks on the left is NaN, hence "unknown" like any other gap.
        """
        lengths = self.lengths
        width = int(lengths.max(initial=0))
        matrix = np.full((len(self.ids), width), np.nan)
        matrix[np.arange(width) >= width - lengths[:, None]] = self.values
        return matrix

    def ragged(self, matrix: FloatArray) -> FloatArray:
        """Undo `aligned`: the (series, longest) matrix as one array shaped like `values`."""
        width = matrix.shape[1]
        inside = np.arange(width) >= width - self.lengths[:, None]
        values: FloatArray = matrix[inside]
        return values


def periodic_panel(
    daily: pd.DataFrame,
    *,
    as_of: date,
    period_days: int = 7,
    starts: Mapping[Hashable, date] | None = None,
) -> Panel:
    """Daily demand summed into periods that end on as_of, corrected for stock-outs.

    Periods are whole blocks of period_days counted backwards from as_of, which is the last day of
    the last one; the leading block that the start of the series cuts is left out. A day without a row is
    a day in stock without demand. On a stock-out day sales are only a lower bound of demand, so that a
    period with some of them is scaled up from its in-stock days, demand = sales on days with stock /
    share of the period in stock, never below what was sold; below a share of `LEAST_IN_STOCK_SHARE` it is
    unknown (NaN).

    Args:
        daily: One row per series and day: unique_id, ds (whole days, without time zone), y (units, ≥ 0) and
            optionally in_stock (False or 0 = stock-out day, a fraction = share of the day in stock).
        as_of: Last day that counts; rows after it are ignored.
        period_days: Length of a period.
        starts: First day of series that did not begin with their first row, by unique_id; rows before it
            are ignored, and a series without any row is one of zero demand.

    Returns:
        Every series of daily and starts, sorted by unique_id. Those without a whole period have length 0.

    Raises:
        ValueError: A column is missing, ds is not naive whole days, y is NaN, infinite or negative,
            in_stock lies outside [0, 1], or a series has two rows for one day.
    """
    if period_days < 1:
        raise ValueError(f"period_days must be at least 1, got {period_days}")
    last_day = _day_number(as_of, "as_of")
    days = _day_numbers(daily)
    code, unique = pd.factorize(_column(daily, "unique_id"), sort=True)
    if (code < 0).any():
        raise ValueError("unique_id must be given in every row, got a missing one")
    ids = tuple(unique.tolist())
    y = _checked_demand(daily, code, ids)
    in_stock = _checked_in_stock(daily, code, ids)
    _refuse_two_rows_for_a_day(code, days, ids)

    first_day = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(first_day, code, days)
    if starts is not None:
        ids, code, first_day = _with_starts(ids, code, first_day, starts)
    lengths = np.maximum(last_day - first_day + 1, 0) // period_days
    offsets = np.concatenate(([0], np.cumsum(lengths)))

    periods_back = (last_day - days) // period_days
    counted = (days <= last_day) & (periods_back < lengths[code]) & (days >= first_day[code])
    position = offsets[code[counted] + 1] - 1 - periods_back[counted]
    y, in_stock = y[counted], in_stock[counted]
    total = int(offsets[-1])
    ends, period = (
        np.full(len(ids), np.datetime64(last_day, "D").astype("datetime64[s]")),
        Period("second", period_days * DAY),
    )
    sold = np.bincount(position, weights=y, minlength=total)
    if (in_stock == 1.0).all():
        return Panel(ids, sold.astype(np.float64), offsets, {}, ends, period)
    sold_in_stock = np.bincount(position, weights=np.where(in_stock > 0, y, 0.0), minlength=total)
    share = 1.0 - np.bincount(position, weights=1.0 - in_stock, minlength=total) / period_days
    usable = share >= LEAST_IN_STOCK_SHARE - 1e-9
    demanded = np.maximum(sold, sold_in_stock / np.where(usable, share, 1.0))
    panel = Panel(ids, sold.astype(np.float64), offsets, {}, ends, period)
    return panel.with_values(np.where(usable, demanded, np.nan))


def _column(daily: pd.DataFrame, name: str) -> pd.Series[object]:
    if name not in daily.columns:
        raise ValueError(f"daily demand must have a column {name}, got {', '.join(map(str, daily.columns))}")
    return daily[name]


def _day_number(day: date, name: str) -> int:
    if isinstance(day, datetime) and day.tzinfo is not None:
        raise ValueError(f"{name} must be without time zone (a day of the business), got {day}")
    return int(np.datetime64(day, "D").astype(np.int64))


def _day_numbers(daily: pd.DataFrame) -> IntArray:
    """Days since 1970-01-01 of column ds."""
    ds = _column(daily, "ds")
    if isinstance(ds.dtype, pd.DatetimeTZDtype):
        raise ValueError(f"ds must be without time zone (days of the business), got {ds.dtype}")
    if not pd.api.types.is_datetime64_dtype(ds.dtype):
        raise ValueError(f"ds must be datetime64, got {ds.dtype}")
    moments = ds.to_numpy()
    if np.isnat(moments).any():
        raise ValueError("ds must be given in every row, got a missing one")
    whole: NDArray[np.datetime64] = moments.astype("datetime64[D]")
    if (whole != moments).any():
        raise ValueError(f"ds must be whole days, got {moments[whole != moments][0]}")
    return whole.astype(np.int64)


def _checked_demand(daily: pd.DataFrame, code: IntArray, ids: tuple[Hashable, ...]) -> FloatArray:
    y: FloatArray = _column(daily, "y").to_numpy(dtype=np.float64, na_value=np.nan)
    refused = ~np.isfinite(y) | (y < 0)
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        raise ValueError(
            f"demand y of {ids[code[first]]!r} must be finite and not negative, "
            f"got {y[first]} on {daily['ds'].iloc[first]:%Y-%m-%d}"
        )
    return y


def _checked_in_stock(daily: pd.DataFrame, code: IntArray, ids: tuple[Hashable, ...]) -> FloatArray:
    if "in_stock" not in daily.columns:
        return np.ones(len(daily))
    in_stock: FloatArray = daily["in_stock"].to_numpy(dtype=np.float64, na_value=np.nan)
    refused = ~((in_stock >= 0) & (in_stock <= 1))
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        raise ValueError(f"in_stock of {ids[code[first]]!r} must lie between 0 and 1, got {in_stock[first]}")
    return in_stock


def _refuse_two_rows_for_a_day(code: IntArray, days: IntArray, ids: tuple[Hashable, ...]) -> None:
    if not len(days):
        return
    earliest = int(days.min())
    key = code * (int(days.max()) - earliest + 1) + (days - earliest)
    repeated = pd.Series(key).duplicated().to_numpy()
    if repeated.any():
        first = int(np.flatnonzero(repeated)[0])
        day = np.datetime64(int(days[first]), "D")
        raise ValueError(f"a series must have one row per day, got several for {ids[code[first]]!r} on {day}")


def _with_starts(
    ids: tuple[Hashable, ...], code: IntArray, first_day: IntArray, starts: Mapping[Hashable, date]
) -> tuple[tuple[Hashable, ...], IntArray, IntArray]:
    """The series of the rows joined by those named only in starts, sorted again, with their first days."""
    known = set(ids)
    everyone = [*ids, *(one for one in starts if one not in known)]
    renumbered, unique = pd.factorize(pd.Series(everyone), sort=True)
    first = np.full(len(everyone), np.iinfo(np.int64).max)
    first[renumbered[: len(ids)]] = first_day
    joined = tuple(unique.tolist())
    for number, one in enumerate(joined):
        if one in starts:
            first[number] = _day_number(starts[one], f"start of {one!r}")
    return joined, renumbered[: len(ids)][code] if len(ids) else code, first
