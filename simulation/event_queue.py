"""What happens next: pending events by (tick, key), earliest first, in one array allocated once.

Few events lie in a heap with four children to a node, which touches half the levels of a binary one and finds a
node's children beside each other. Above `MOST_IN_HEAP` they move to a calendar: days of equal width hold short
sorted lists, and the next event is nearly always in today's. Which of the two is at work does not show in the order.

The array holds a few numbers of state, then ticks, keys, payloads, links and days, one part after the other. The
compiled functions take a pointer to it.

Source of the calendar: R. Brown, "Calendar queues: a fast O(1) priority queue implementation for the simulation
event set problem", Communications of the ACM 31 (1988).
"""

from __future__ import annotations

import numpy as np

from simulation.arrays import IntArray
from simulation.lean import Numbers, part

MOST_IN_HEAP = 1_000
NEVER = 2**62
"""A tick after everything."""

_PLACES = 2**18
_SEQUENCES = 2**40
MOST_PLACES = _PLACES - 1

_SIZE, _CALENDAR, _FREE, _DAYS, _WIDTH, _TODAY, _CAPACITY, _MOST_DAYS, _TICKS = range(9)
_SAMPLE = 32


def event_queue(capacity: int) -> IntArray:
    """An empty queue with room for so many events."""
    days = 1
    while days < capacity:
        days *= 2
    queue = np.zeros(_TICKS + 4 * capacity + days, dtype=np.int64)
    queue[_CAPACITY], queue[_MOST_DAYS] = capacity, days
    return queue


@part
def event_key(rank: int, place: int, sequence: int) -> int:
    """What orders the events of one tick: rank, then place (below `MOST_PLACES`), then the order of scheduling."""
    return (rank * _PLACES + place) * _SEQUENCES + sequence


@part
def key_rank(key: int) -> int:
    """The rank within an `event_key`."""
    return key // (_PLACES * _SEQUENCES)


@part
def key_place(key: int) -> int:
    """The place within an `event_key`."""
    return key // _SEQUENCES % _PLACES


@part
def clear(q: Numbers) -> None:
    """Forget everything."""
    for word in range(_CAPACITY):
        q[word] = 0


@part
def push(q: Numbers, tick: int, key: int, payload: int) -> bool:
    """Add an event; False, and nothing changes, when the queue is full."""
    size = q[_SIZE]
    if size == q[_CAPACITY]:
        return False
    if q[_CALENDAR] == 0 and size < MOST_IN_HEAP:
        capacity = q[_CAPACITY]
        hole = _TICKS + size
        q[_SIZE] = size + 1
        while hole > _TICKS:
            above = ((hole - _TICKS - 1) >> 2) + _TICKS
            if q[above] < tick or (q[above] == tick and q[above + capacity] < key):
                break
            q[hole] = q[above]
            q[hole + capacity] = q[above + capacity]
            q[hole + 2 * capacity] = q[above + 2 * capacity]
            hole = above
        q[hole] = tick
        q[hole + capacity] = key
        q[hole + 2 * capacity] = payload
        return True
    return _push_calendar(q, tick, key, payload)


@part
def next_tick(q: Numbers) -> int:
    """When the next event happens; `NEVER` when there is none."""
    if q[_SIZE] == 0:
        return NEVER
    if q[_CALENDAR] == 0:
        return q[_TICKS]
    return q[_TICKS + q[_first_day(q) + _find_day(q)]]


@part
def pop(q: Numbers) -> tuple[int, int, int]:
    """Take the next event out: (tick, key, payload). The queue must not be empty."""
    if q[_CALENDAR] != 0:
        return _pop_calendar(q)
    capacity = q[_CAPACITY]
    first = q[_TICKS], q[_TICKS + capacity], q[_TICKS + 2 * capacity]
    size = q[_SIZE] - 1
    q[_SIZE] = size
    last = _TICKS + size
    tick, key = q[last], q[last + capacity]
    hole = 0
    while True:
        child = 4 * hole + 1
        if child >= size:
            break
        best, best_tick, best_key = child, q[_TICKS + child], q[_TICKS + child + capacity]
        for other in range(child + 1, min(child + 4, size)):
            other_tick = q[_TICKS + other]
            if other_tick < best_tick or (other_tick == best_tick and q[_TICKS + other + capacity] < best_key):
                best, best_tick, best_key = other, other_tick, q[_TICKS + other + capacity]
        if tick < best_tick or (tick == best_tick and key < best_key):
            break
        to, source = _TICKS + hole, _TICKS + best
        q[to] = best_tick
        q[to + capacity] = best_key
        q[to + 2 * capacity] = q[source + 2 * capacity]
        hole = best
    to = _TICKS + hole
    q[to] = tick
    q[to + capacity] = key
    q[to + 2 * capacity] = q[last + 2 * capacity]
    return first


# The calendar. Nodes are places of the parts, from 0; days hold the first node of their list, −1 for none.


@part
def _first_day(q: Numbers) -> int:
    return _TICKS + 4 * q[_CAPACITY]


@part
def _first_link(q: Numbers) -> int:
    return _TICKS + 3 * q[_CAPACITY]


@part
def _push_calendar(q: Numbers, tick: int, key: int, payload: int) -> bool:
    if q[_CALENDAR] == 0:
        _open_calendar(q)
    elif q[_SIZE] > 2 * q[_DAYS] and q[_DAYS] < q[_MOST_DAYS]:
        _lay_out(q, 2 * q[_DAYS])
    node = q[_FREE]
    q[_FREE] = q[_first_link(q) + node]
    q[_TICKS + node] = tick
    q[_TICKS + q[_CAPACITY] + node] = key
    q[_TICKS + 2 * q[_CAPACITY] + node] = payload
    _note(q, node)
    q[_SIZE] += 1
    return True


@part
def _pop_calendar(q: Numbers) -> tuple[int, int, int]:
    if 2 * q[_SIZE] < q[_DAYS] and q[_DAYS] > MOST_IN_HEAP:
        _lay_out(q, q[_DAYS] // 2)
    node = _take(q)
    q[_first_link(q) + node] = q[_FREE]
    q[_FREE] = node
    q[_SIZE] -= 1
    at = _TICKS + node
    return q[at], q[at + q[_CAPACITY]], q[at + 2 * q[_CAPACITY]]


@part
def _open_calendar(q: Numbers) -> None:
    """Move the heap's events, which stay where they are, to days."""
    size, links = q[_SIZE], _first_link(q)
    for node in range(size, q[_CAPACITY]):
        q[links + node] = node + 1
    q[_FREE] = size
    q[_CALENDAR] = 1
    latest = q[_TICKS]
    for node in range(size):
        latest = max(latest, q[_TICKS + node])
    q[_DAYS] = 1
    q[_WIDTH] = max(1, (latest - q[_TICKS]) // size)
    day = _first_day(q)
    q[day] = -1
    for node in range(size):
        q[links + node] = q[day]
        q[day] = node
    days = 1
    while days < size and 2 * days <= q[_MOST_DAYS]:
        days *= 2
    _share_out(q, days)


@part
def _lay_out(q: Numbers, days: int) -> None:
    """Another number of days, as wide as three gaps between the events next to come."""
    links, day = _first_link(q), _first_day(q)
    sample = min(_SAMPLE, q[_SIZE])
    first = last = chain = -1
    for _ in range(sample):
        node = _take(q)
        if first < 0:
            first = q[_TICKS + node]
        last = q[_TICKS + node]
        q[links + node] = chain
        chain = node
    if sample > 1:
        q[_WIDTH] = max(1, 3 * (last - first) // (sample - 1))
    while chain >= 0:
        node = chain
        chain = q[links + node]
        q[links + node] = q[day]
        q[day] = node
    _share_out(q, days)


@part
def _share_out(q: Numbers, days: int) -> None:
    """Put every event into the day it belongs to."""
    links, first_day = _first_link(q), _first_day(q)
    chain = -1
    earliest = NEVER
    for day in range(q[_DAYS]):
        node = q[first_day + day]
        while node >= 0:
            after = q[links + node]
            q[links + node] = chain
            chain = node
            earliest = min(earliest, q[_TICKS + node])
            node = after
    for day in range(days):
        q[first_day + day] = -1
    q[_DAYS] = days
    q[_TODAY] = 0 if earliest == NEVER else earliest // q[_WIDTH]
    while chain >= 0:
        node = chain
        chain = q[links + node]
        _note(q, node)


@part
def _note(q: Numbers, node: int) -> None:
    """Write an event into its day, in order."""
    links, capacity = _first_link(q), q[_CAPACITY]
    tick, key = q[_TICKS + node], q[_TICKS + capacity + node]
    date = tick // q[_WIDTH]
    q[_TODAY] = min(q[_TODAY], date)
    day = _first_day(q) + (date & (q[_DAYS] - 1))
    before, at = -1, q[day]
    while at >= 0 and (q[_TICKS + at] < tick or (q[_TICKS + at] == tick and q[_TICKS + capacity + at] < key)):
        before, at = at, q[links + at]
    q[links + node] = at
    if before < 0:
        q[day] = node
    else:
        q[links + before] = node


@part
def _find_day(q: Numbers) -> int:
    """The day whose first event is the next; today moves on to it."""
    days, width, first_day = q[_DAYS], q[_WIDTH], _first_day(q)
    date = q[_TODAY]
    for _ in range(days):
        node = q[first_day + (date & (days - 1))]
        if node >= 0 and q[_TICKS + node] < (date + 1) * width:
            q[_TODAY] = date
            return date & (days - 1)
        date += 1
    best = -1
    for day in range(days):
        node = q[first_day + day]
        if node >= 0 and (best < 0 or q[_TICKS + node] < q[_TICKS + q[first_day + best]]):
            best = day
    q[_TODAY] = q[_TICKS + q[first_day + best]] // width
    return best


@part
def _take(q: Numbers) -> int:
    """Take the next event out of its day."""
    day = _first_day(q) + _find_day(q)
    node = q[day]
    q[day] = q[_first_link(q) + node]
    return node
