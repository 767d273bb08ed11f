"""Order lines become demand per calendar period: days, weeks, months or open days."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import pandas as pd

from forecasting.calendar_grid import EPOCH, CalendarGrid, grid_named
from forecasting.frames import Missing, series_of_rows
from forecasting.open_days import EVERY_DAY, MONDAY_TO_FRIDAY, day_number, next_open, open_between, open_calendar
from forecasting.panel import MOST_PERIODS, BoolArray, FloatArray, IntArray, Panel

Closed = Literal["next", "unknown", "zero"]


class _Given(TypedDict, total=False):
    keys: str | Sequence[str]
    ds: str
    y: str
    time_zone: str | None
    open_days: str | None
    holidays: Iterable[date]
    closed: Closed
    missing: Missing
    starts: Mapping[Hashable, date] | None
    as_of: date | None
    keep_first: bool
    keep_last: bool


def panel_of_lines(
    lines: pd.DataFrame,
    *,
    period: str,
    keys: str | Sequence[str] = "unique_id",
    ds: str = "ds",
    y: str = "y",
    time_zone: str | None = None,
    open_days: str | None = None,
    holidays: Iterable[date] = (),
    closed: Closed = "next",
    missing: Missing = "zero",
    starts: Mapping[Hashable, date] | None = None,
    as_of: date | None = None,
    keep_first: bool = False,
    keep_last: bool = False,
) -> Panel:
    """Order lines, any number per series and moment, summed into calendar periods.

    A period is known by its last day, that is also its label (months named MS, QS or YS: by the first). One that is
    not over at as_of is left out, and so is the first one if the series started within it; days on which the business
    is closed are not waited for. Several days, weeks or open days (7D, 2W-SUN, 10B) are blocks counted back from the
    last one that is over; several months are counted from January 1970, so that QE are quarters of the calendar.
    `units_left_out` says what was demanded outside the periods.

    Args:
        lines: One row per order line, in any order.
        period: D, W (= W-SUN: weeks that end on Sunday), W-MON to W-SAT, MS or ME (calendar months), QS or QE, YS or
            YE (QE-MAR: quarters of a year that ends in March; QS-FEB: that start in February), or B (open days); a
            number before it for several.
        keys: Column of the series, or several (SKU and location), which then make tuples.
        ds: Column of the moment: days or moments of the business without time zone, or moments with one.
        y: Column of units, finite and not negative: what was ordered less what was cancelled before shipping.
        time_zone: Where the business is ("Europe/Berlin"); says which day a moment with a time zone falls on.
        open_days: Weekdays on which the business is open, as numpy writes them: "Mon Tue Wed Thu Fri" or "1111100". By
            default every day, for B those.
        holidays: Further days on which it is closed.
        closed: What becomes of days without business. next: demand on them counts on the next open day, and a period
            of closed days alone is one of no demand. unknown: the same, but such a period is unknown (NaN). zero:
            demand counts on the day it came, every day is waited for, and a period of closed days without a line is
            one of no demand. Periods of open days (B) have no closed ones and need next.
        missing: What any other period without a line is: nothing demanded, or unknown.
        starts: First day of series that did not begin with their first line, by unique_id; earlier lines are left
            out. A series without any line is one of no demand.
        as_of: Last day that counts, for all series. By default that of its last line for each: what no longer sells
            then does not show it, and the period of the last line mostly counts as not over.
        keep_first: Keep the first period even if the series started within it.
        keep_last: Keep the last period even if it is not over.

    Returns:
        Every series of lines and starts, sorted by key. Those without a whole period have length 0.

    Raises:
        ValueError: naming the column, the series and what is wrong: missing column, key, moment or unit, units
            infinite or negative, mixed time zones, a time zone without time_zone or the reverse, an unknown period or
            time zone, a weekmask that opens on no day, a holiday that is no date, a series that spans more than a
            million periods, a series without lines while as_of is not given.
    """
    return _place(
        lines,
        period,
        keys=keys,
        ds=ds,
        y=y,
        time_zone=time_zone,
        open_days=open_days,
        holidays=holidays,
        closed=closed,
        missing=missing,
        starts=starts,
        as_of=as_of,
        keep_first=keep_first,
        keep_last=keep_last,
    ).panel


def units_left_out(lines: pd.DataFrame, *, period: str, **given: Unpack[_Given]) -> pd.DataFrame:
    """What `panel_of_lines` with the same arguments leaves out: with the panel's units it makes those of the lines.

    Returns:
        A row per series of the panel: unique_id, before (units demanded before the first period, or before the series
        started) and after (units demanded after the last one).
    """
    placed = _place(lines, period, **given)
    ids = pd.Series(list(placed.panel.ids), dtype=None if placed.panel.ids else object)
    return pd.DataFrame({"unique_id": ids, "before": placed.before, "after": placed.after})


@dataclass(frozen=True)
class _Lines:
    """Checked order lines: the number of each one's series, its day (since 1970-01-01) and its units."""

    ids: tuple[Hashable, ...]
    code: IntArray
    day: IntArray
    units: FloatArray


@dataclass(frozen=True)
class _Placed:
    """The panel, and the units of each series that lie before and after its periods, shape (series,)."""

    panel: Panel
    before: FloatArray
    after: FloatArray


def _place(
    lines: pd.DataFrame,
    period: str,
    *,
    keys: str | Sequence[str] = "unique_id",
    ds: str = "ds",
    y: str = "y",
    time_zone: str | None = None,
    open_days: str | None = None,
    holidays: Iterable[date] = (),
    closed: Closed = "next",
    missing: Missing = "zero",
    starts: Mapping[Hashable, date] | None = None,
    as_of: date | None = None,
    keep_first: bool = False,
    keep_last: bool = False,
) -> _Placed:
    by_open_days = isinstance(period, str) and period.endswith("B")
    _check_choices(closed, missing, by_open_days)
    calendar = open_calendar(open_days, holidays, by_default=MONDAY_TO_FRIDAY if by_open_days else "1111111")
    grid, block, spacing = grid_named(period, calendar)
    counting = EVERY_DAY if closed == "zero" else calendar
    rows = _read(lines, [keys] if isinstance(keys, str) else list(keys), ds, y, time_zone)
    rows = replace(rows, day=next_open(rows.day, counting))
    rows, start = _with_starts(rows, starts, counting)
    end = _last_days(rows, as_of)

    last = _last_period(grid, end, counting, keep=keep_last)
    lengths = np.where(start > end, 0, _lengths(grid, start, last, block, counting, keep=keep_first))
    _refuse_too_long(lengths, rows.ids)
    offsets = np.concatenate(([0], np.cumsum(lengths)))

    back = (last[rows.code] - grid.number(rows.day)) // block
    is_after = (back < 0) | (rows.day > end[rows.code])
    is_before = ~is_after & ((back >= lengths[rows.code]) | (rows.day < start[rows.code]))
    place = np.where(is_after | is_before, -1, offsets[rows.code + 1] - 1 - back)
    values = _summed(place, rows.units, int(offsets[-1]))
    if missing == "unknown" or closed == "unknown":
        is_closed = _closed_periods(grid, offsets, last, block, calendar)
        unknown = is_closed & (closed == "unknown") | ~is_closed & (missing == "unknown")
        unknown[place[place >= 0]] = False
        values[unknown] = np.nan
    ends = grid.label(last).astype("datetime64[D]").astype("datetime64[s]")
    return _Placed(
        Panel(rows.ids, values, offsets, {}, ends, spacing),
        _summed(np.where(is_before, rows.code, -1), rows.units, len(rows.ids)),
        _summed(np.where(is_after, rows.code, -1), rows.units, len(rows.ids)),
    )


def _check_choices(closed: str, missing: str, by_open_days: bool) -> None:
    if closed not in ("next", "unknown", "zero"):
        raise ValueError(f"closed must be next, unknown or zero, got {closed!r}")
    if by_open_days and closed != "next":
        raise ValueError(f"closed must be next where periods are open days (B), got {closed!r}")
    if missing not in ("zero", "unknown"):
        raise ValueError(f"missing must be zero or unknown, got {missing!r}")


def _read(lines: pd.DataFrame, keys: list[str], ds: str, y: str, time_zone: str | None) -> _Lines:
    if not isinstance(lines, pd.DataFrame):
        raise ValueError(f"lines must be a frame of one row per order line, got {type(lines).__name__}")
    for name in (*keys, ds, y):
        if list(lines.columns).count(name) != 1:
            raise ValueError(f"lines must have one column {name}, got {', '.join(map(str, lines.columns))}")
    code, ids = series_of_rows(lines, keys)
    day = _days_of_business(lines[ds], ds, time_zone, code, ids)
    return _Lines(ids, code, day, _units(lines[y], y, code, ids, day))


def _days_of_business(
    column: pd.Series[Any], name: str, time_zone: str | None, code: IntArray, ids: tuple[Hashable, ...]
) -> IntArray:
    """Day of each line where the business is, since 1970-01-01."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        raise ValueError(f"{name} must be days or moments, got {column.dtype}")
    moments = _in_numpy(column) if pd.api.types.is_datetime64_any_dtype(column.dtype) else _parsed(column, name)
    absent = moments.isna().to_numpy()
    if absent.any():
        raise ValueError(f"{name} of {ids[code[absent.argmax()]]!r} must be given in every line, got a missing one")
    has_zone = isinstance(moments.dtype, pd.DatetimeTZDtype)
    if has_zone and time_zone is None:
        raise ValueError(f"time_zone must say which day is meant where {name} has a time zone ({moments.dtype})")
    if time_zone is not None and not has_zone and len(moments):
        raise ValueError(f"{name} must have a time zone where time_zone is given ({time_zone}), got {moments.dtype}")
    if has_zone:
        moments = _local(moments, time_zone)
    days: IntArray = moments.to_numpy().astype("datetime64[D]").astype(np.int64)
    return days


def _in_numpy(column: pd.Series[Any]) -> pd.Series[Any]:
    """Moments that pandas keeps in Arrow as it keeps them itself."""
    if not isinstance(column.dtype, pd.ArrowDtype):
        return column
    zone = column.dt.tz
    return column.astype("datetime64[us]" if zone is None else pd.DatetimeTZDtype("us", zone))


def _parsed(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    if pd.api.types.infer_dtype(column, skipna=True) in ("integer", "floating", "mixed-integer", "mixed-integer-float"):
        raise ValueError(f"{name} must be days or moments, got numbers")
    try:
        return pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError) as error:
        if "Mixed timezones" in str(error) or "tz-aware" in str(error):
            raise ValueError(f"{name} must not mix time zones: give all moments in UTC") from None
        reason = str(error).partition(". You")[0]
        raise ValueError(f"{name} must be days or moments (ISO 8601 where text): {reason}") from None


def _local(moments: pd.Series[Any], time_zone: str | None) -> pd.Series[Any]:
    if not isinstance(time_zone, str):
        raise ValueError(f"time_zone must be a name such as 'Europe/Berlin', got {time_zone!r}")
    try:
        return moments.dt.tz_convert(time_zone).dt.tz_localize(None)
    except (ValueError, LookupError, TypeError, OSError):
        raise ValueError(f"time_zone must be a name such as 'Europe/Berlin', got {time_zone!r}") from None


def _units(column: pd.Series[Any], name: str, code: IntArray, ids: tuple[Hashable, ...], day: IntArray) -> FloatArray:
    try:
        units: FloatArray = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        raise ValueError(f"demand {name} must be numbers, got {column.dtype}") from None
    refused = ~np.isfinite(units) | (units < 0)
    if refused.any():
        first = int(refused.argmax())
        raise ValueError(
            f"demand {name} of {ids[code[first]]!r} must be finite and not negative (what was ordered less what was"
            f" cancelled), got {units[first]} on {np.datetime64(int(day[first]), 'D')}"
        )
    return units


def _with_starts(
    rows: _Lines, starts: Mapping[Hashable, date] | None, counting: np.busdaycalendar
) -> tuple[_Lines, IntArray]:
    """Lines whose series are joined by those named only in starts, sorted again, and the first day of each series."""
    start = np.full(len(rows.ids), np.iinfo(np.int64).max)
    np.minimum.at(start, rows.code, rows.day)
    if not starts:
        return rows, start
    known = set(rows.ids)
    everyone = pd.Series([*rows.ids, *(one for one in starts if one not in known)], dtype=object)
    renumbered, unique = pd.factorize(everyone, sort=True)
    renumbered = renumbered[: len(rows.ids)].astype(np.int64)
    ids, first = tuple(unique.tolist()), np.zeros(len(unique), dtype=np.int64)
    first[renumbered] = start
    named = [number for number, one in enumerate(ids) if one in starts]
    given = [day_number(starts[ids[number]], f"start of {ids[number]!r}") for number in named]
    first[named] = next_open(np.array(given, dtype=np.int64), counting)
    return replace(rows, ids=ids, code=renumbered[rows.code]), first


def _last_days(rows: _Lines, as_of: date | None) -> IntArray:
    """Last day that counts of each series."""
    if as_of is not None:
        return np.full(len(rows.ids), day_number(as_of, "as_of"))
    nothing = np.iinfo(np.int64).min
    last = np.full(len(rows.ids), nothing)
    np.maximum.at(last, rows.code, rows.day)
    if (last == nothing).any():
        raise ValueError(f"as_of must be given for series without lines, such as {rows.ids[int(last.argmin())]!r}")
    return last


def _last_period(grid: CalendarGrid, end: IntArray, counting: np.busdaycalendar, *, keep: bool) -> IntArray:
    """Number of the last period that is over at each end, or of the one that had begun."""
    number = grid.number(end)
    if keep:
        return number - (grid.first(number) > end)
    to_come = open_between((end + 1).astype("datetime64[D]"), grid.first(number + 1).astype("datetime64[D]"), counting)
    return number - (to_come > 0)


def _lengths(
    grid: CalendarGrid, start: IntArray, last: IntArray, block: int, counting: np.busdaycalendar, *, keep: bool
) -> IntArray:
    """Blocks of periods from each series' start to its last one."""
    number = grid.number(start)
    missed = open_between(grid.first(number).astype("datetime64[D]"), start.astype("datetime64[D]"), counting)
    periods = last - number + 1
    blocks: IntArray = -(-periods // block) if keep else (periods - (missed > 0)) // block
    return np.maximum(blocks, 0)


def _refuse_too_long(lengths: IntArray, ids: tuple[Hashable, ...]) -> None:
    if lengths.max(initial=0) > MOST_PERIODS:
        longest = int(np.argmax(lengths))
        raise ValueError(f"{ids[longest]!r} must span at most {MOST_PERIODS:,} periods, got {lengths[longest]:,}")


def _closed_periods(
    grid: CalendarGrid, offsets: IntArray, last: IntArray, block: int, calendar: np.busdaycalendar
) -> BoolArray:
    """Which of all periods have no open day, shape (total,)."""
    is_closed = np.zeros(int(offsets[-1]), dtype=np.bool_)
    lengths = np.diff(offsets)
    if not len(is_closed):
        return is_closed
    begun = lengths > 0
    earliest = int((last - lengths * block + 1)[begun].min())
    numbers = np.arange(earliest, int(last[begun].max()) + 2)
    opened = open_between(np.full(len(numbers), EPOCH), grid.first(numbers).astype("datetime64[D]"), calendar)
    for series in np.flatnonzero(begun):
        edges = last[series] + 1 - earliest - block * np.arange(lengths[series], -1, -1)
        is_closed[offsets[series] : offsets[series + 1]] = np.diff(opened[edges]) == 0
    return is_closed


def _summed(place: IntArray, units: FloatArray, places: int) -> FloatArray:
    """Units at each place; those at -1 are at none."""
    counted = place >= 0
    return np.bincount(place[counted], weights=units[counted], minlength=places).astype(np.float64)
