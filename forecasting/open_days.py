"""Days on which the business is open: a calendar of them, and how many each period has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd

from forecasting.panel import BoolArray, IntArray, Panel
from forecasting.period import DAY, Labels, Period

MONDAY_TO_FRIDAY = "Mon Tue Wed Thu Fri"
EVERY_DAY = np.busdaycalendar("1111111")


@dataclass(frozen=True)
class OpenDays(Period):
    """So many open days of a business that does not work from Monday to Friday.

    Attributes:
        weekmask: Weekdays on which it is open, 1 or 0 for each from Monday on ("1111110").
    """

    weekmask: str = "1111100"

    @property
    def usual_season(self) -> int:
        """Open days of a week."""
        return self.weekmask.count("1") if self.length == 1 else 1

    def between(self, first: Labels, last: Labels) -> tuple[IntArray, BoolArray]:
        """Whole periods from one day to the next, and whether nothing is left over."""
        days = open_between(whole_days(first), whole_days(last), self._calendar)
        return days // self.length, days % self.length == 0

    def after(self, last: Labels, steps: IntArray) -> Labels:
        """The days so many periods after others."""
        days = np.busday_offset(whole_days(last), steps * self.length, roll="forward", busdaycal=self._calendar)
        return np.asarray(days, dtype="datetime64[s]")

    @property
    def _calendar(self) -> np.busdaycalendar:
        return np.busdaycalendar(self.weekmask, self._closed)


def open_days_ahead(
    panel: Panel, horizon: int, *, open_days: str | None = None, holidays: Iterable[date] = ()
) -> IntArray:
    """Open days of the periods to come, by which a forecast per open day is multiplied.

    Args:
        panel: A dated panel of whole days, labelled as `panel_of_lines` does.
        horizon: Periods ahead, at least 1.
        open_days: Weekdays on which the business is open; by default every day.
        holidays: Further days on which it is closed; those of the coming periods too.

    Returns:
        Shape (series, horizon). Periods that are made of n open days have n, whatever is given.

    Raises:
        ValueError: horizon is below 1; the panel is not dated, or not in whole days; bad open_days or holidays.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    calendar = open_calendar(open_days, holidays, by_default="1111111")
    return _open_days_of(panel.future(horizon), _dated(panel), calendar)


def per_open_day(panel: Panel, *, open_days: str | None = None, holidays: Iterable[date] = ()) -> Panel:
    """The panel with each period's units divided by its number of open days; one without any is unknown.

    Months and weeks differ in their open days. Forecasts of such a panel are units per open day: multiply each by
    `open_days_ahead`. Arguments and errors are those of that function.
    """
    period = _dated(panel)
    calendar = open_calendar(open_days, holidays, by_default="1111111")
    back = np.arange(len(panel.values)) - np.repeat(panel.offsets[1:] - 1, panel.lengths)
    labels = period.after(np.repeat(np.asarray(panel.ends), panel.lengths), back)
    days = _open_days_of(labels, period, calendar)
    rates = np.where(days > 0, panel.values / np.maximum(days, 1), np.nan)
    return replace(panel, values=rates, whole=np.zeros(len(panel.ids), dtype=np.bool_))


def _dated(panel: Panel) -> Period:
    if panel.ends is None or panel.period is None or panel.period.unit == "number":
        raise ValueError("a panel needs ends and a period of days, weeks or months to have open days")
    if panel.period.unit == "second" and panel.period.length % DAY:
        raise ValueError(f"open days are those of periods of whole days, got {panel.period}")
    return panel.period


def _open_days_of(labels: Labels, period: Period, calendar: np.busdaycalendar) -> IntArray:
    if period.unit == "business day":
        return np.full(labels.shape, period.length, dtype=np.int64)
    days = whole_days(labels)
    if period.unit == "second":
        return open_between(days - (period.length // DAY - 1), days + 1, calendar)
    month = days.astype("datetime64[M]")
    at_start = days == month.astype("datetime64[D]")
    at_end = days + 1 == (month + 1).astype("datetime64[D]")
    if not (at_start | at_end).all():
        raise ValueError(f"months must be labelled by their first or last day, got {days[~(at_start | at_end)][0]}")
    first = np.where(at_start, month, month + 1 - period.length)
    return open_between(whole_days(first), whole_days(first + period.length), calendar)


def open_calendar(open_days: str | None, holidays: Iterable[date], *, by_default: str) -> np.busdaycalendar:
    """The calendar of a business that is open on some weekdays, holidays apart.

    Raises:
        ValueError: No weekday is open or one is not known, or a holiday is no date.
    """
    if isinstance(holidays, str | bytes | date) or not isinstance(holidays, Iterable):
        raise ValueError(f"holidays must be a list of dates, got {holidays!r}")
    closed = np.array([day_number(one, "a holiday") for one in holidays], dtype=np.int64).astype("datetime64[D]")
    try:
        return np.busdaycalendar(by_default if open_days is None else open_days, closed)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"open_days must name the open weekdays, such as {MONDAY_TO_FRIDAY!r} or '1111100', got {open_days!r}:"
            f" {error}"
        ) from None


def day_number(given: object, name: str) -> int:
    """A day as its number since 1970-01-01."""
    refused = f"{name} must be a date of the business without time of day or time zone, got {given!r}"
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given)
        except ValueError:
            raise ValueError(refused) from None
    if getattr(given, "tzinfo", None) is not None or not isinstance(given, date | np.datetime64) or pd.isna(given):
        raise ValueError(refused)
    moment = np.datetime64(given.replace(tzinfo=None) if isinstance(given, datetime) else given)
    day = moment.astype("datetime64[D]")
    if day != moment:
        raise ValueError(refused)
    return int(day.astype(np.int64))


def whole_days(moments: Labels) -> Labels:
    """Moments as the days they fall on."""
    days: Labels = np.asarray(moments, dtype="datetime64[D]")
    return days


def open_between(first: Labels, until: Labels, calendar: np.busdaycalendar) -> IntArray:
    """Open days from one day on, up to the day before another."""
    return np.asarray(np.busday_count(first, until, busdaycal=calendar), dtype=np.int64)


def next_open(day: IntArray, calendar: np.busdaycalendar) -> IntArray:
    """Each day that is open, and for others the first open one after; days as numbers since 1970-01-01."""
    rolled = np.busday_offset(day.astype("datetime64[D]"), 0, roll="forward", busdaycal=calendar)
    return np.asarray(rolled).astype(np.int64)
