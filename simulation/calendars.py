"""When stations are open, orders come, carriers call and dispatch is promised: calendars as intervals of ticks.

An `OpenTime` lists when something works: the shifts of every week up to the end of the run (and two weeks more, so
that what is found there is right), without outages and breakdowns. It is open at a tick where opens ≤ tick < closes.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from simulation.arrays import IntArray, WordArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable, distribution_table, value_at
from simulation.scenario import TICKS_PER_DAY, Breakdowns, Calendar, Outage
from simulation.streams import stream_key, uniform_at

TICKS_PER_WEEK = 7 * TICKS_PER_DAY

NEVER = 2**62
"""A tick after every run."""

_TICKS_BEYOND = 2 * TICKS_PER_WEEK
_NOWHERE = np.empty((0, 2), dtype=np.int64)


class OpenTime(NamedTuple):
    """When something works; without intervals it always does.

    Attributes:
        opens: First tick of each interval, ascending.
        closes: First tick after it; the last interval never ends.
        worked_before: Open ticks before each interval.
    """

    opens: IntArray
    closes: IntArray
    worked_before: IntArray


class PromiseTimes(NamedTuple):
    """What is promised to orders of a stream, for `promised`.

    Attributes:
        cut_off: Ticks after midnight by which an order is dealt with the same day.
        early: Days until the day of the promised dispatch, of orders by the cut-off, by day of the run modulo 7;
            −1 where nothing is promised.
        late: The same of later orders.
        carrier: Ticks that the carrier promises to take.
    """

    cut_off: int
    early: IntArray
    late: IntArray
    carrier: int


@kernel
def ticks_of(days: float) -> int:
    """Days in whole ticks, rounded half up."""
    return math.floor(days * 86_400_000.0 + 0.5)


def open_intervals(
    calendar: Calendar,
    outages: Sequence[Outage],
    downtimes: IntArray | None,
    first_weekday: int,
    horizon_ticks: int,
) -> OpenTime:
    """When a station works, or when orders of a stream come.

    Args:
        calendar: Its week.
        outages: Its own only, see `outages_of`; they may overlap.
        downtimes: First tick and first tick after each breakdown, shape (breakdown, 2), as `breakdown_intervals`
            draws them; None for none.
        first_weekday: Weekday of day 0, 0 for Monday.
        horizon_ticks: End of the run. Two weeks after it everything is taken to be open for ever.
    """
    end = horizon_ticks + _TICKS_BEYOND
    closed = [_closed_hours(calendar, first_weekday, end)]
    if outages:
        last_day = end / TICKS_PER_DAY
        days = [(min(outage.start_day, last_day), min(outage.end_day, last_day)) for outage in outages]
        closed.append(np.array([(ticks_of(start), ticks_of(stop)) for start, stop in days]))
    if downtimes is not None and len(downtimes):
        closed.append(downtimes)
    together = np.concatenate(closed).astype(np.int64)
    return _open_between(together[np.argsort(together[:, 0], kind="stable")], end)


def outages_of(place: str, outages: Iterable[Outage]) -> tuple[Outage, ...]:
    """Those of one supplier, site or station."""
    return tuple(outage for outage in outages if outage.place == place)


def _closed_hours(calendar: Calendar, first_weekday: int, end: int) -> IntArray:
    """What lies between the shifts, as (first tick, first tick after), shape (interval, 2)."""
    if calendar.shifts is None:
        return np.empty((0, 2), dtype=np.int64)
    week = sorted(
        (
            (weekday - first_weekday) % 7 * TICKS_PER_DAY + ticks_of(opens),
            (weekday - first_weekday) % 7 * TICKS_PER_DAY + ticks_of(closes),
        )
        for weekday, opens, closes in calendar.shifts
    )
    shifts = np.array(week, dtype=np.int64).reshape(-1, 2)
    weeks = np.arange(-(-end // TICKS_PER_WEEK), dtype=np.int64) * TICKS_PER_WEEK
    tiled = (weeks[:, None, None] + shifts).reshape(-1, 2)
    starts = np.concatenate([[0], tiled[:, 1]])
    ends = np.concatenate([tiled[:, 0], [end]])
    between = np.stack([starts, np.minimum(ends, end)], axis=1)
    return np.asarray(between[between[:, 0] < between[:, 1]])


@kernel
def _open_between(closed: IntArray, end: int) -> OpenTime:
    """The complement of closed intervals in the order of their beginnings, open for ever after `end`."""
    opens = np.empty(len(closed) + 1, dtype=np.int64)
    closes = np.empty(len(closed) + 1, dtype=np.int64)
    worked_before = np.empty(len(closed) + 1, dtype=np.int64)
    count, worked, reached = 0, 0, 0
    for interval in range(len(closed)):
        start, stop = min(closed[interval, 0], end), min(closed[interval, 1], end)
        if stop <= start:
            continue
        if start > reached:
            opens[count], closes[count], worked_before[count] = reached, start, worked
            worked += start - reached
            count += 1
        reached = max(reached, stop)
    if count == 0 and reached == 0:
        return OpenTime(opens[:0], closes[:0], worked_before[:0])
    opens[count], closes[count], worked_before[count] = reached, NEVER, worked
    count += 1
    return OpenTime(opens[:count].copy(), closes[:count].copy(), worked_before[:count].copy())


@kernel
def first_open(open_time: OpenTime, tick: int) -> int:
    """The first tick from this one on at which it is open."""
    if len(open_time.closes) == 0:
        return tick
    return int(max(tick, open_time.opens[_interval(open_time.closes, tick)]))


@kernel
def work_ends(open_time: OpenTime, start: int, work: int) -> int:
    """When work begun at `start` is done: the first tick by which that many open ticks have passed since.

    What begins while it is closed waits for the opening, also when it takes no time; what is done at the very end
    of a shift is done at its closing tick. As the clock of an order stream's hours: the next arrival after `start`.
    """
    if len(open_time.closes) == 0:
        return start + work
    interval = _interval(open_time.closes, start)
    begin = max(start, open_time.opens[interval])
    if begin + work <= open_time.closes[interval]:
        return int(begin + work)
    worked = open_time.worked_before[interval] + begin - open_time.opens[interval] + work
    low, high = interval, len(open_time.closes) - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if open_time.worked_before[middle] < worked:
            low = middle
        else:
            high = middle - 1
    return int(open_time.opens[low] + worked - open_time.worked_before[low])


@kernel
def open_ticks(open_time: OpenTime, start: int, end: int) -> int:
    """Open ticks from `start` until before `end`."""
    return _open_before(open_time, end) - _open_before(open_time, start)


@kernel
def _open_before(open_time: OpenTime, tick: int) -> int:
    if len(open_time.closes) == 0:
        return tick
    interval = _interval(open_time.closes, tick)
    return int(open_time.worked_before[interval] + max(tick - open_time.opens[interval], 0))


@kernel
def _interval(closes: IntArray, tick: int) -> int:
    """The first interval that closes after a tick."""
    low, high = 0, len(closes) - 1
    while low < high:
        middle = (low + high) >> 1
        if closes[middle] > tick:
            high = middle
        else:
            low = middle + 1
    return low


def breakdown_intervals(
    station: str, breakdowns: Breakdowns, *, seed: int, replication: int, horizon_ticks: int
) -> IntArray:
    """When a station is down in a replication, up to the end of the run.

    The n-th breakdown begins its `time_between` after the repair before it (the first: after day 0) and takes its
    `repair`, both drawn at number n.

    Returns:
        First tick and first tick after each, shape (breakdown, 2).

    Raises:
        ValueError: breakdowns that take no time, so that they would never reach the end of the run.
    """
    if breakdowns.time_between.mean + breakdowns.repair.mean <= 0:
        raise ValueError(f"time_between of station {station} must be above 0 on average, got {breakdowns.time_between}")
    table = distribution_table((breakdowns.time_between, breakdowns.repair))
    keys = np.array([stream_key(seed, purpose, station) for purpose in ("time between", "repair")], dtype=np.uint64)
    downtimes = np.empty((_breakdowns(table, keys, replication, horizon_ticks, _NOWHERE), 2), dtype=np.int64)
    _breakdowns(table, keys, replication, horizon_ticks, downtimes)
    return downtimes


@kernel
def _breakdowns(
    table: DistributionTable, keys: WordArray, replication: int, horizon_ticks: int, downtimes: IntArray
) -> int:
    """Number of breakdowns; as many as there is room for are written down.

    Times between are the first distribution and key, repairs the second.
    """
    count = 0
    works = 0
    while True:
        fails = works + ticks_of(value_at(table, 0, uniform_at(keys[0, 0], keys[0, 1], 0, count, replication)))
        if fails > horizon_ticks:
            return count
        works = fails + ticks_of(value_at(table, 1, uniform_at(keys[1, 0], keys[1, 1], 0, count, replication)))
        if count < len(downtimes):
            downtimes[count, 0], downtimes[count, 1] = fails, works
        count += 1


def pickup_ticks(pickups: Sequence[tuple[int, float]], first_weekday: int) -> IntArray:
    """A carrier's pick-ups of a week, as ascending ticks after the midnight that begins day 0, for `next_pickup`."""
    ticks = ((weekday - first_weekday) % 7 * TICKS_PER_DAY + ticks_of(time) for weekday, time in pickups)
    return np.array(sorted({tick % TICKS_PER_WEEK for tick in ticks}), dtype=np.int64)


@kernel
def next_pickup(pickups: IntArray, tick: int) -> int:
    """The carrier's first pick-up at or after a tick; this tick where it has none."""
    if len(pickups) == 0:
        return tick
    week = tick // TICKS_PER_WEEK
    within = tick - week * TICKS_PER_WEEK
    for pickup in pickups:
        if pickup >= within:
            return int(week * TICKS_PER_WEEK + pickup)
    return int((week + 1) * TICKS_PER_WEEK + pickups[0])


def promise_times(
    cut_off: float | None, working_days: Sequence[int], promised_days: float, first_weekday: int
) -> PromiseTimes:
    """What `promised` needs.

    Args:
        cut_off: Fraction of a day; None: nothing is promised.
        working_days: Weekdays of dispatch; none: nothing is promised.
        promised_days: Of the carrier; 0 without one.
        first_weekday: Weekday of day 0.
    """
    if cut_off is None or not working_days:
        return PromiseTimes(0, np.full(7, -1), np.full(7, -1), 0)
    works = [(first_weekday + day) % 7 in working_days for day in range(7)]
    early = [next(ahead for ahead in range(8) if works[(day + ahead) % 7]) for day in range(7)]
    late = [next(ahead for ahead in range(1, 8) if works[(day + ahead) % 7]) for day in range(7)]
    return PromiseTimes(ticks_of(cut_off), np.array(early), np.array(late), ticks_of(promised_days))


@kernel
def promised(promise: PromiseTimes, tick: int) -> int:
    """By when an order placed at a tick is promised; `NEVER` where nothing is.

    By the cut-off of a working day: at the end of that day, otherwise of the next working day, and the carrier's
    promised time after it.
    """
    day = tick // TICKS_PER_DAY
    in_time = tick - day * TICKS_PER_DAY <= promise.cut_off
    ahead = promise.early[day % 7] if in_time else promise.late[day % 7]
    if ahead < 0:
        return NEVER
    return int((day + ahead + 1) * TICKS_PER_DAY + promise.carrier)
