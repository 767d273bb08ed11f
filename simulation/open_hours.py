"""`calendars.first_open`, `work_ends` and `open_ticks` for compiled loops that know open hours by a pointer.

`hours` points to three lists one after the other, `count` numbers each: when intervals open, when they close, and how
many open ticks there were before; see `calendars.OpenTime`.
"""

from __future__ import annotations

from simulation.lean import Numbers, part


@part
def first_open(hours: Numbers, count: int, tick: int) -> int:
    """The first tick from this one on at which it is open."""
    return max(tick, hours[_interval(hours, count, tick)])


@part
def work_ends(hours: Numbers, count: int, start: int, work: int) -> int:
    """When work begun at `start` is done."""
    interval = _interval(hours, count, start)
    begin = max(start, hours[interval])
    if begin + work <= hours[count + interval]:
        return begin + work
    worked = hours[2 * count + interval] + begin - hours[interval] + work
    low, high = interval, count - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if hours[2 * count + middle] < worked:
            low = middle
        else:
            high = middle - 1
    return hours[low] + worked - hours[2 * count + low]


@part
def open_ticks(hours: Numbers, count: int, start: int, end: int) -> int:
    """Open ticks from `start` until before `end`."""
    return _open_before(hours, count, end) - _open_before(hours, count, start)


@part
def _open_before(hours: Numbers, count: int, tick: int) -> int:
    interval = _interval(hours, count, tick)
    return hours[2 * count + interval] + max(tick - hours[interval], 0)


@part
def _interval(hours: Numbers, count: int, tick: int) -> int:
    """The first interval that closes after a tick."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) >> 1
        if hours[count + middle] > tick:
            high = middle
        else:
            low = middle + 1
    return low
