"""Many demand histories at once, of unequal length, as two plain arrays."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LEAST_IN_STOCK_SHARE = 0.4
"""Share of a period that must have been in stock before its sales say what demand was.

At 0.4 a week is scaled up from three days on, by 2.5 at most; from one or two days the estimate
would be mostly the luck of those days.
"""


@dataclass(frozen=True)
class Panel:
    """Ragged demand histories, oldest period first, all ending in the same period.

    Attributes:
        ids: unique_id of each series.
        values: Units demanded per period, all series end to end, shape (total,). NaN = unknown.
        offsets: Series i is `values[offsets[i]:offsets[i + 1]]`, shape (series + 1,).
    """

    ids: tuple[Hashable, ...]
    values: FloatArray
    offsets: IntArray

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.ids) + 1:
            raise ValueError(f"offsets must number {len(self.ids) + 1} (series + 1), got {len(self.offsets)}")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.values) or (np.diff(self.offsets) < 0).any():
            raise ValueError(f"offsets must rise from 0 to {len(self.values)}, got {self.offsets}")
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
    sold = np.bincount(position, weights=y, minlength=total)
    if (in_stock == 1.0).all():
        return Panel(ids, sold.astype(np.float64), offsets)
    sold_in_stock = np.bincount(position, weights=np.where(in_stock > 0, y, 0.0), minlength=total)
    share = 1.0 - np.bincount(position, weights=1.0 - in_stock, minlength=total) / period_days
    usable = share >= LEAST_IN_STOCK_SHARE - 1e-9
    demanded = np.maximum(sold, sold_in_stock / np.where(usable, share, 1.0))
    return Panel(ids, np.where(usable, demanded, np.nan), offsets)


def _column(daily: pd.DataFrame, name: str) -> "pd.Series[object]":
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
