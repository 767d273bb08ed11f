"""What a period is: a day, a week, a month, a working day, or just the next number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Labels = NDArray[Any]
"""Labels, datetime64[s], or whole numbers."""

DAY = 86_400
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "D": DAY, "W": 7 * DAY}
_MONTHS = {"M": 1, "MS": 1, "ME": 1, "Q": 3, "QS": 3, "QE": 3, "Y": 12, "YS": 12, "YE": 12}
_SEASONS = {("second", 3_600): 24, ("second", DAY): 7, ("second", 7 * DAY): 52, ("month", 1): 12, ("month", 3): 4}


@dataclass(frozen=True)
class Period:
    """A length of time that demand is counted in.

    Attributes:
        unit: Of the length: seconds, calendar months, business days, or plain numbers without a calendar.
        length: In that unit, at least 1.
        holidays: Days on which a business that works Monday to Friday is closed; for business days only.
    """

    unit: Literal["second", "month", "business day", "number"]
    length: int
    holidays: tuple[date, ...] = ()

    @classmethod
    def named(cls, name: str, *, holidays: Sequence[date] = ()) -> Period:
        """The period that pandas calls by that name: D, 7D, W, W-SUN, h, 15min, MS, ME, QS, YE, B.

        Raises:
            ValueError: naming what is not known.
        """
        found = re.fullmatch(r"(\d*)([A-Za-z]+)(-[A-Z]{3})?", name)
        count, unit = (int(found[1] or 1), found[2]) if found else (0, "")
        if unit in _SECONDS and count:
            return cls("second", count * _SECONDS[unit])
        if unit in _MONTHS and count:
            return cls("month", count * _MONTHS[unit])
        if unit == "B" and count:
            return cls("business day", count, tuple(holidays))
        known = ", ".join([*_SECONDS, "MS", "ME", "QS", "QE", "YS", "YE", "B"])
        raise ValueError(f"period must be one of {known}, with a number before it or not, got {name!r}")

    @property
    def usual_season(self) -> int:
        """Periods after which demand usually repeats itself; 1 where nothing is usual."""
        if self.unit == "business day":
            return 5 if self.length == 1 else 1
        return _SEASONS.get((self.unit, self.length), 1)

    def between(self, first: Labels, last: Labels) -> tuple[IntArray, NDArray[np.bool_]]:
        """Whole periods from one moment to the next, and whether nothing is left over."""
        if self.unit == "number":
            units = np.asarray(last, dtype=np.int64) - np.asarray(first, dtype=np.int64)
        elif self.unit == "month":
            units = _month(last) - _month(first)
        elif self.unit == "business day":
            units = np.busday_count(
                np.asarray(first, dtype="datetime64[D]"), np.asarray(last, dtype="datetime64[D]"), holidays=self._closed
            ).astype(np.int64)
        else:
            units = (np.asarray(last) - np.asarray(first)).astype("timedelta64[s]").astype(np.int64)
        return units // self.length, units % self.length == 0

    def after(self, last: Labels, steps: IntArray) -> Labels:
        """The moments so many periods after others; what stands on a month's end stays there."""
        units = steps * self.length
        if self.unit == "number":
            numbers: Labels = np.asarray(last, dtype=np.int64) + units
            return numbers
        if self.unit == "second":
            moments: Labels = np.asarray(last, dtype="datetime64[s]") + units.astype("timedelta64[s]")
            return moments
        days = np.asarray(last, dtype="datetime64[D]")
        if self.unit == "business day":
            days = np.busday_offset(days, units, roll="forward", holidays=self._closed)
        else:
            days = _months_later(days, units)
        return np.asarray(days, dtype="datetime64[s]")

    @property
    def _closed(self) -> Labels:
        return np.array(self.holidays, dtype="datetime64[D]")

    def __str__(self) -> str:
        for table, unit in ((_SECONDS, "second"), ({"MS": 1, "QS": 3, "YS": 12}, "month")):
            for name, length in reversed(table.items()):
                if unit == self.unit and self.length % length == 0:
                    count = self.length // length
                    return name if count == 1 else f"{count}{name}"
        return {"business day": "B", "number": "number"}[self.unit]


def _month(moments: Labels) -> IntArray:
    return np.asarray(moments, dtype="datetime64[M]").astype(np.int64)


def _months_later(days: Labels, months: IntArray) -> Labels:
    """The same day of a later month, the last one where that month is shorter or the day was the last."""
    month = days.astype("datetime64[M]")
    day = (days - month.astype("datetime64[D]")).astype(np.int64)
    last_day = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) - 1
    later = month + months
    longest = ((later + 1).astype("datetime64[D]") - later.astype("datetime64[D]")).astype(np.int64) - 1
    moved: Labels = later.astype("datetime64[D]") + np.where(day == last_day, longest, np.minimum(day, longest))
    return moved


def inferred_period(code: IntArray, moments: Labels, names: Sequence[object]) -> Period:
    """The period that all series are counted in, from the steps between their rows.

    It is the greatest one of which every step is a multiple: calendar months where all rows stand on the first or
    all on the last of a month, else the greatest common divisor of the steps. A single row per series says nothing and
    is taken for days.

    Args:
        code: Number of each row's series, rising, shape (row,).
        moments: Rising within a series, each once, shape (row,); datetime64[s] or whole numbers.
        names: unique_id of each series.

    Raises:
        ValueError: naming a series that is counted in longer periods than others, without a gap.
    """
    is_number = moments.dtype.kind != "M"
    within = code[1:] == code[:-1]
    if not within.any():
        return Period("number", 1) if is_number else Period("second", DAY)
    months = None if is_number else _month_starts_or_ends(moments)
    if is_number:
        unit: Literal["second", "month", "number"] = "number"
        steps = np.diff(moments).astype(np.int64)[within]
    elif months is not None:
        unit, steps = "month", np.diff(months)[within]
    else:
        unit, steps = "second", np.diff(moments).astype("timedelta64[s]").astype(np.int64)[within]
    length = int(np.gcd.reduce(steps))
    if unit == "second" and length < DAY and steps.min() >= DAY:
        raise ValueError("ds must step by whole periods; give period= where rows carry times of day")
    _refuse_mixed(steps, code[1:][within], length, names, unit)
    return Period(unit, length)


def _month_starts_or_ends(moments: Labels) -> IntArray | None:
    days = moments.astype("datetime64[D]")
    month = days.astype("datetime64[M]")
    starts = (moments == month.astype("datetime64[s]")).all()
    ends = (days + 1 == (month + 1).astype("datetime64[D]")).all()
    return month.astype(np.int64) if starts or ends else None


LEAST_ROWS_OF_ANOTHER = 8
"""Rows at one longer step without a gap, from which a series is surely counted in other periods."""


def _refuse_mixed(steps: IntArray, code: IntArray, length: int, names: Sequence[object], unit: str) -> None:
    starts = np.flatnonzero(np.concatenate(([True], code[1:] != code[:-1])))
    least, most = np.minimum.reduceat(steps, starts), np.maximum.reduceat(steps, starts)
    rows = np.diff(np.concatenate((starts, [len(code)]))) + 1
    other = (least == most) & (least > length) & (rows >= LEAST_ROWS_OF_ANOTHER)
    if other.any():
        first = int(np.flatnonzero(other)[0])
        raise ValueError(
            f"all series must be counted in the same periods, got steps of {least[first]} {unit}s without a gap for"
            f" {names[code[starts[first]]]!r} and of {length} elsewhere: give period= if they are gaps"
        )
