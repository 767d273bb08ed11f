"""What happens next: pending events by (tick, key), earliest first, in arrays allocated once.

Few events lie in a heap with four children to a node, which touches half the levels of a binary one and finds a
node's children beside each other. Above `MOST_IN_HEAP` they move to a calendar: days of equal width hold short
sorted lists, and the next event is nearly always in today's. Which of the two is at work does not show in the order.

Source of the calendar: R. Brown, "Calendar queues: a fast O(1) priority queue implementation for the simulation
event set problem", Communications of the ACM 31 (1988).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulation.arrays import IntArray
from simulation.compiled import kernel

MOST_IN_HEAP = 1_000
NEVER = 2**62
"""A tick after everything."""

_PLACES = 2**18
_SEQUENCES = 2**40
MOST_PLACES = _PLACES - 1

_SIZE, _CALENDAR, _FREE, _DAYS, _WIDTH, _TODAY = 0, 1, 2, 3, 4, 5
_SAMPLE = 32


class EventQueue(NamedTuple):
    """Room for pending events, all int64.

    Attributes:
        ticks, keys, payloads: Of each event, shape (capacity,).
        links: The next event of the same day (of a calendar), −1 for none, shape (capacity,).
        days: First event of each day (of a calendar), −1 for none.
        state: How many are pending, and how they lie.
    """

    ticks: IntArray
    keys: IntArray
    payloads: IntArray
    links: IntArray
    days: IntArray
    state: IntArray


def event_queue(capacity: int) -> EventQueue:
    """An empty queue with room for so many events.

    >>> queue = event_queue(8)
    >>> push(queue, 20, event_key(0, 3, 0), 7), push(queue, 10, event_key(6, 0, 1), 8)
    (True, True)
    >>> pop(queue)[0]
    10
    """
    days = 1
    while days < capacity:
        days *= 2

    def room(n: int) -> IntArray:
        return np.zeros(n, dtype=np.int64)

    return EventQueue(room(capacity), room(capacity), room(capacity), room(capacity), room(days), room(8))


@kernel
def event_key(rank: int, place: int, sequence: int) -> int:
    """What orders the events of one tick: rank, then place (below `MOST_PLACES`), then the order of scheduling."""
    return (rank * _PLACES + place) * _SEQUENCES + sequence


@kernel
def key_rank(key: int) -> int:
    """The rank within an `event_key`."""
    return key // (_PLACES * _SEQUENCES)


@kernel
def key_place(key: int) -> int:
    """The place within an `event_key`."""
    return key // _SEQUENCES % _PLACES


@kernel
def clear(queue: EventQueue) -> None:
    """Forget everything."""
    queue.state[:] = 0


@kernel
def push(queue: EventQueue, tick: int, key: int, payload: int) -> bool:
    """Add an event; False, and nothing changes, when the queue is full."""
    state = queue.state
    size = state[_SIZE]
    if size == len(queue.ticks):
        return False
    if state[_CALENDAR] == 0:
        if size < MOST_IN_HEAP:
            _push_heap(queue.ticks, queue.keys, queue.payloads, size, tick, key, payload)
            state[_SIZE] = size + 1
            return True
        _open_calendar(queue)
    elif size > 2 * state[_DAYS] and state[_DAYS] < len(queue.days):
        _lay_out(queue, 2 * state[_DAYS])
    node = state[_FREE]
    state[_FREE] = queue.links[node]
    queue.ticks[node], queue.keys[node], queue.payloads[node] = tick, key, payload
    _note(queue, node)
    state[_SIZE] = size + 1
    return True


@kernel
def next_tick(queue: EventQueue) -> int:
    """When the next event happens; `NEVER` when there is none."""
    if queue.state[_SIZE] == 0:
        return NEVER
    if queue.state[_CALENDAR] == 0:
        return queue.ticks[0]
    return queue.ticks[queue.days[_find_day(queue)]]


@kernel
def pop(queue: EventQueue) -> tuple[int, int, int]:
    """Take the next event out: (tick, key, payload). The queue must not be empty."""
    state = queue.state
    if state[_CALENDAR] == 0:
        first = queue.ticks[0], queue.keys[0], queue.payloads[0]
        state[_SIZE] -= 1
        _pop_heap(queue.ticks, queue.keys, queue.payloads, state[_SIZE])
        return first
    if 2 * state[_SIZE] < state[_DAYS] and state[_DAYS] > MOST_IN_HEAP:
        _lay_out(queue, state[_DAYS] // 2)
    node = _take(queue)
    state[_SIZE] -= 1
    return queue.ticks[node], queue.keys[node], queue.payloads[node]


@kernel
def _push_heap(
    ticks: IntArray, keys: IntArray, payloads: IntArray, hole: int, tick: int, key: int, payload: int
) -> None:
    while hole > 0:
        above = (hole - 1) >> 2
        if ticks[above] < tick or (ticks[above] == tick and keys[above] < key):
            break
        ticks[hole], keys[hole], payloads[hole] = ticks[above], keys[above], payloads[above]
        hole = above
    ticks[hole], keys[hole], payloads[hole] = tick, key, payload


@kernel
def _pop_heap(ticks: IntArray, keys: IntArray, payloads: IntArray, size: int) -> None:
    """Close the gap at the root with the last of size + 1 events."""
    tick, key = ticks[size], keys[size]
    hole = 0
    while True:
        child = 4 * hole + 1
        if child >= size:
            break
        best, best_tick, best_key = child, ticks[child], keys[child]
        for other in range(child + 1, min(child + 4, size)):
            if ticks[other] < best_tick or (ticks[other] == best_tick and keys[other] < best_key):
                best, best_tick, best_key = other, ticks[other], keys[other]
        if tick < best_tick or (tick == best_tick and key < best_key):
            break
        ticks[hole], keys[hole], payloads[hole] = best_tick, best_key, payloads[best]
        hole = best
    ticks[hole], keys[hole], payloads[hole] = tick, key, payloads[size]


@kernel
def _open_calendar(queue: EventQueue) -> None:
    """Move the heap's events, which stay where they are, to days."""
    state, links = queue.state, queue.links
    size = state[_SIZE]
    for node in range(size, len(links)):
        links[node] = node + 1
    links[len(links) - 1] = -1
    state[_FREE], state[_CALENDAR] = size, 1
    latest = queue.ticks[:size].max()
    state[_DAYS], state[_TODAY] = 1, 0
    state[_WIDTH] = max(1, (latest - queue.ticks[0]) // size)
    queue.days[0] = -1
    for node in range(size):
        links[node] = queue.days[0]
        queue.days[0] = node
    days = 1
    while days < size and 2 * days <= len(queue.days):
        days *= 2
    _share_out(queue, days)


@kernel
def _lay_out(queue: EventQueue, days: int) -> None:
    """Another number of days, as wide as three gaps between the events next to come."""
    state = queue.state
    sample = min(_SAMPLE, state[_SIZE])
    first = last = np.int64(-1)
    chain = np.int64(-1)
    for _ in range(sample):
        node = _take_kept(queue)
        if first < 0:
            first = queue.ticks[node]
        last = queue.ticks[node]
        queue.links[node] = chain
        chain = node
    if sample > 1:
        state[_WIDTH] = max(1, 3 * (last - first) // (sample - 1))
    while chain >= 0:
        node = chain
        chain = queue.links[node]
        queue.links[node] = queue.days[0]
        queue.days[0] = node
    _share_out(queue, days)


@kernel
def _share_out(queue: EventQueue, days: int) -> None:
    """Put every event into the day it belongs to."""
    state, links = queue.state, queue.links
    chain = np.int64(-1)
    earliest = np.int64(NEVER)
    for day in range(state[_DAYS]):
        node = queue.days[day]
        while node >= 0:
            after = links[node]
            links[node] = chain
            chain = node
            earliest = min(earliest, queue.ticks[node])
            node = after
    queue.days[:days] = -1
    state[_DAYS] = days
    state[_TODAY] = 0 if earliest == NEVER else earliest // state[_WIDTH]
    while chain >= 0:
        node = chain
        chain = links[node]
        _note(queue, node)


@kernel
def _note(queue: EventQueue, node: int) -> None:
    """Write an event into its day, in order."""
    state, links = queue.state, queue.links
    tick, key = queue.ticks[node], queue.keys[node]
    date = tick // state[_WIDTH]
    state[_TODAY] = min(state[_TODAY], date)
    day = date & (state[_DAYS] - 1)
    before, at = np.int64(-1), queue.days[day]
    while at >= 0 and (queue.ticks[at] < tick or (queue.ticks[at] == tick and queue.keys[at] < key)):
        before, at = at, links[at]
    links[node] = at
    if before < 0:
        queue.days[day] = node
    else:
        links[before] = node


@kernel
def _find_day(queue: EventQueue) -> int:
    """The day whose first event is the next; today moves on to it."""
    state = queue.state
    days, width = state[_DAYS], state[_WIDTH]
    date = state[_TODAY]
    for _ in range(days):
        node = queue.days[date & (days - 1)]
        if node >= 0 and queue.ticks[node] < (date + 1) * width:
            state[_TODAY] = date
            return date & (days - 1)
        date += 1
    best = np.int64(-1)
    for day in range(days):
        node = queue.days[day]
        if node >= 0 and (best < 0 or queue.ticks[node] < queue.ticks[queue.days[best]]):
            best = day
    state[_TODAY] = queue.ticks[queue.days[best]] // width
    return best


@kernel
def _take_kept(queue: EventQueue) -> int:
    day = _find_day(queue)
    node = queue.days[day]
    queue.days[day] = queue.links[node]
    return node


@kernel
def _take(queue: EventQueue) -> int:
    """Take the next event out of its day; its place is free for another."""
    node = _take_kept(queue)
    queue.links[node] = queue.state[_FREE]
    queue.state[_FREE] = node
    return node
