"""Which days the company trades, and moments as whole seconds since the first midnight.

Every moment is local wall-clock time (Europe/Berlin) without a zone. Nothing happens
between 23:00 and 07:00, so no moment falls into a daylight-saving gap or fold.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.samples.arrays import BoolArray, IntArray

HOUR = 3600
DAY = 24 * HOUR
SUNDAY = 6
NOT_YET = -1

PUBLIC_HOLIDAYS = ("01-01", "05-01", "10-03", "12-25", "12-26")
CLOSE_OF_HISTORY = 16 * HOUR
"""The export was made at 16:00 of the last day."""

# Deliveries, returns and receipts are drawn before it is known whether they fall into the history.
DAYS_BEYOND_END = 400


@dataclass(frozen=True)
class TradingCalendar:
    start: date
    days: int

    @property
    def now(self) -> int:
        """The moment the history ends: nothing later is known."""
        return (self.days - 1) * DAY + CLOSE_OF_HISTORY

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """Dates of the history and of `DAYS_BEYOND_END` more."""
        return np.datetime64(self.start, "D") + np.arange(self.days + DAYS_BEYOND_END)

    @cached_property
    def weekday(self) -> IntArray:
        """Monday is 0, shape (days + DAYS_BEYOND_END,)."""
        return (self.dates.astype(np.int64) + 3) % 7

    @cached_property
    def day_of_year(self) -> IntArray:
        """1 January is 1, shape (days + DAYS_BEYOND_END,)."""
        first = self.dates.astype("datetime64[Y]").astype("datetime64[D]")
        day_of_year: IntArray = (self.dates - first).astype(np.int64) + 1
        return day_of_year

    @cached_property
    def is_open(self) -> BoolArray:
        """Whether store and warehouses work that day: not on Sundays and public holidays."""
        month_days = [str(day)[5:] for day in self.dates]
        is_open: BoolArray = (self.weekday != SUNDAY) & ~np.isin(month_days, PUBLIC_HOLIDAYS)
        return is_open

    @cached_property
    def _open_days(self) -> IntArray:
        return np.flatnonzero(self.is_open)

    def add_working_days(self, day: IntArray, working_days: IntArray) -> IntArray:
        """The n-th working day after `day`; n = 0 is `day` itself or the next open one."""
        first_open = np.searchsorted(self._open_days, day)
        on_open_day = self.is_open[day]
        working_day: IntArray = self._open_days[first_open + working_days - (~on_open_day & (working_days > 0))]
        return working_day

    def open_day(self, day: IntArray) -> IntArray:
        """`day` itself or the next open one."""
        return self.add_working_days(day, np.zeros_like(day))

    def timestamps(self, seconds: IntArray) -> NDArray[np.datetime64]:
        """Moments as timestamps; `NOT_YET` becomes NaT."""
        moments = np.datetime64(self.start, "s") + seconds.astype("timedelta64[s]")
        return np.where(seconds == NOT_YET, np.datetime64("NaT"), moments).astype("datetime64[us]")

    def midnights(self, day: IntArray) -> NDArray[np.datetime64]:
        return self.timestamps(day * DAY)


def known_by(now: int, seconds: IntArray) -> IntArray:
    """Moments up to `now`, later ones as `NOT_YET`."""
    return np.where(seconds <= now, seconds, NOT_YET)


def moment(rng: np.random.Generator, day: IntArray, opens: float, closes: float) -> IntArray:
    """A moment of `day` between the hours `opens` and `closes`."""
    return day * DAY + rng.integers(int(opens * HOUR), int(closes * HOUR), size=day.shape)
