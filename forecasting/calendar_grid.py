"""Where calendar periods begin and end: days, weeks, months of a year that starts when it will, open days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forecasting.open_days import OpenDays, open_between
from forecasting.panel import IntArray
from forecasting.period import DAY, Period

EPOCH = np.datetime64("0001-01-01", "D")
"""Day from which open days are counted."""
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS_OF = {"M": 1, "Q": 3, "Y": 12}
MONDAY = int(np.datetime64("1970-01-05", "D").astype(np.int64))


class CalendarGrid(Protocol):
    """Calendar periods of one kind, numbered in the order of time; days are numbers since 1970-01-01."""

    def number(self, day: IntArray) -> IntArray:
        """Number of the period in which demand of a day counts."""

    def first(self, number: IntArray) -> IntArray:
        """First day of a period."""

    def label(self, number: IntArray) -> IntArray:
        """Day by which a period is known."""


@dataclass(frozen=True)
class _Weeks:
    """Stretches of so many days, of which one ends on the day `end`."""

    days: int
    end: int

    def number(self, day: IntArray) -> IntArray:
        return -((self.end - day) // self.days)

    def first(self, number: IntArray) -> IntArray:
        return self.label(number) - (self.days - 1)

    def label(self, number: IntArray) -> IntArray:
        return self.end + number * self.days


@dataclass(frozen=True)
class _Months:
    """Stretches of so many months, of which one starts with the month `start` (0 = January 1970)."""

    months: int
    start: int
    labelled_by_first: bool

    def number(self, day: IntArray) -> IntArray:
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return (month - self.start) // self.months

    def first(self, number: IntArray) -> IntArray:
        month = self.start + number * self.months
        return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)

    def label(self, number: IntArray) -> IntArray:
        return self.first(number) if self.labelled_by_first else self.first(number + 1) - 1


@dataclass(frozen=True)
class _Open:
    """Single open days; a closed one belongs to the next open one."""

    calendar: np.busdaycalendar

    def number(self, day: IntArray) -> IntArray:
        return open_between(np.full(day.shape, EPOCH), day.astype("datetime64[D]"), self.calendar)

    def first(self, number: IntArray) -> IntArray:
        days = np.busday_offset(np.full(number.shape, EPOCH), number, roll="forward", busdaycal=self.calendar)
        return days.astype(np.int64)

    def label(self, number: IntArray) -> IntArray:
        return self.first(number)


def grid_named(name: str, calendar: np.busdaycalendar) -> tuple[CalendarGrid, int, Period]:
    """The grid of single periods, how many of them make one, and what that is.

    Several months make one single period, since their grid is that of the calendar.

    Raises:
        ValueError: naming what is not known.
    """
    found = re.fullmatch(r"(\d{0,4})(D|W|B|[MQY][SE]?)(?:-([A-Z]{3}))?", name) if isinstance(name, str) else None
    count, unit, anchor = (int(found[1] or 1), found[2], found[3]) if found else (0, "", None)
    if count and unit == "D" and anchor is None:
        return _Weeks(1, 0), count, Period("second", count * DAY)
    if count and unit == "W" and (anchor or "SUN") in WEEKDAYS:
        return _Weeks(7, MONDAY + WEEKDAYS.index(anchor or "SUN")), count, Period("second", 7 * count * DAY)
    if count and unit == "B" and anchor is None:
        return _Open(calendar), count, _open_period(count, calendar)
    if count and unit[:1] in MONTHS_OF and (anchor is None or (unit[0] != "M" and anchor in MONTHS)):
        by_first, months = unit.endswith("S"), count * MONTHS_OF[unit[0]]
        start = 0 if anchor is None else MONTHS.index(anchor) + (not by_first)
        return _Months(months, start, by_first), 1, Period("month", months)
    raise ValueError(
        "period must be D, W, W-MON to W-SUN, MS, ME, QS, QE, YS, YE (QE-MAR) or B, with a number up to 9999 before it"
        f" or not, got {name!r}"
    )


def _open_period(count: int, calendar: np.busdaycalendar) -> Period:
    holidays = tuple(calendar.holidays.tolist())
    weekmask = "".join(str(int(is_open)) for is_open in calendar.weekmask)
    if weekmask == "1111100":
        return Period("business day", count, holidays)
    return OpenDays("business day", count, holidays, weekmask)
