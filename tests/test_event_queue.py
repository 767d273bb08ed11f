"""The event queue gives events back by tick, rank, place and the order in which they were scheduled."""

import heapq
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulation import event_queue as queues
from simulation.arrays import IntArray
from simulation.event_queue import NEVER, event_queue
from simulation.lean import lean, pointer_to

Event = tuple[int, int, int]


@lean
def push(queue: IntArray, tick: int, key: int, payload: int) -> bool:
    return queues.push(pointer_to(queue), tick, key, payload)


@lean
def pop(queue: IntArray) -> tuple[int, int, int]:
    return queues.pop(pointer_to(queue))


@lean
def event_key(rank: int, place: int, sequence: int) -> int:
    return queues.event_key(rank, place, sequence)


@lean
def rank_and_place(key: int) -> tuple[int, int]:
    return queues.key_rank(key), queues.key_place(key)


@lean
def next_tick(queue: IntArray) -> int:
    return queues.next_tick(pointer_to(queue))


def played(events: list[Event], capacity: int, pops: list[int]) -> tuple[list[Event], list[Event]]:
    """The same pushes and pops on ours and on heapq: what came out of each."""
    ours, theirs = event_queue(capacity), []
    out: tuple[list[Event], list[Event]] = [], []
    for event, popped in zip(events, pops, strict=True):
        assert push(ours, *event)
        heapq.heappush(theirs, event)
        for _ in range(min(popped, len(theirs))):
            out[1].append(heapq.heappop(theirs))
            out[0].append(tuple(int(x) for x in pop(ours)))
    while theirs:
        assert next_tick(ours) == theirs[0][0]
        out[1].append(heapq.heappop(theirs))
        out[0].append(tuple(int(x) for x in pop(ours)))
    assert next_tick(ours) == NEVER
    return out


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=60))
def test_few_events_come_as_from_a_plain_heap(drawn: list[tuple[int, int]]) -> None:
    events = [(tick, event_key(6, 0, number), number) for number, (tick, _) in enumerate(drawn)]
    ours, theirs = played(events, 64, [popped for _, popped in drawn])
    assert ours == theirs


def test_many_events_come_as_from_a_plain_heap() -> None:
    luck = random.Random(5)
    for spread in (1, 50, 10**4, 10**9):
        now, events, pops = 0, [], []
        for number in range(6_000):
            far = spread * 1_000 if luck.random() < 0.01 else spread
            now += luck.randrange(2)
            events.append((now + luck.randrange(far), event_key(luck.randrange(11), luck.randrange(9), number), number))
            pops.append(0 if number < 3_000 else luck.randrange(3))
        ours, theirs = played(events, 6_000, pops)
        assert ours == theirs


def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    queue = event_queue(3)
    assert [push(queue, tick, tick, tick) for tick in (3, 1, 2, 0)] == [True, True, True, False]
    assert [int(pop(queue)[0]) for _ in range(3)] == [1, 2, 3]


def test_a_full_calendar_refuses_and_keeps_what_it_has() -> None:
    queue = event_queue(2_000)
    ticks = np.random.default_rng(3).permutation(2_000)
    assert all(push(queue, tick, 0, tick) for tick in ticks)
    assert not push(queue, 5_000, 0, 0)
    assert [int(pop(queue)[0]) for _ in range(2_000)] == list(range(2_000))


def test_keys_order_by_rank_then_place_then_sequence() -> None:
    parts = [(0, 5, 9), (0, 6, 0), (6, 0, 0), (6, 0, 1), (10, 0, 0)]
    keys = [event_key(*part) for part in parts]
    assert keys == sorted(keys)
    assert [rank_and_place(key) for key in keys] == [part[:2] for part in parts]
