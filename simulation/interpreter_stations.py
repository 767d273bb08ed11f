"""Stations in the plain interpreter: queues, servers, and work that goes on while the station is open."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from simulation.arrays import IntArray
from simulation.calendars import OpenTime, first_open, work_ends
from simulation.interpreter_agenda import Event, Rank, Sums, World, ticks_of
from simulation.scenario import Station as StationSpec
from simulation.tallies import STATION_FIELDS, WAIT_BINS, WAIT_BINS_PER_OCTAVE


class Work(Protocol):
    """What a station works on: a parcel on its route, or a return to be inspected."""

    units: int
    order_key: int

    def taken_in(self, station: str) -> int:
        """Count a job of the order at the station; its number."""

    def service_node(self, station: str) -> tuple[str, int]:
        """Node and entity of the luck of its service."""

    def work_done(self) -> None:
        """The station has finished it."""


@dataclass(eq=False)
class Job:
    """Work at one station."""

    work: Work
    number: int
    joined: int


class Station:
    """Servers side by side behind one queue."""

    def __init__(self, spec: StationSpec, position: int, open_time: OpenTime, world: World) -> None:
        self.spec = spec
        self.position = position
        self._open_time = open_time
        self._world = world
        self._queue: deque[Job] = deque()
        self._in_hand = 0
        self._sums = Sums([name for name in STATION_FIELDS if name != "wait_histogram"])
        self._histogram = np.zeros(WAIT_BINS, dtype=np.int64)
        self._measured_to = 0

    @property
    def in_queue(self) -> int:
        """Jobs waiting for a server."""
        return len(self._queue)

    @property
    def in_hand(self) -> int:
        """Jobs that a server has begun."""
        return self._in_hand

    def join(self, work: Work) -> bool:
        """Take a job in, unless the queue is full."""
        self.measure()
        self._sums.add("arrivals")
        has_server = self._in_hand < self.spec.servers
        if not has_server and 0 <= self.spec.queue_limit <= self.in_queue:
            self._sums.add("turned_away")
            self._log(Event.TURNED_AWAY, work)
            return False
        job = Job(work, work.taken_in(self.spec.name), self._world.now)
        if has_server:
            self._begin(job)
        else:
            self._queue.append(job)
            self._log(Event.WORK_QUEUED, work)
        return True

    def _begin(self, job: Job) -> None:
        self._in_hand += 1
        self._count_start(first_open(self._open_time, self._world.now) - job.joined)
        end = work_ends(self._open_time, self._world.now, self._work_ticks(job))
        self._world.agenda.at(int(end), Rank.WORK_DONE, self.position, partial(self._done, job))
        self._log(Event.WORK_BEGUN, job.work)

    def _work_ticks(self, job: Job) -> int:
        node, entity = job.work.service_node(self.spec.name)
        service = self._world.luck.value(self.spec.service, "service", node, entity, job.number)
        return ticks_of(service + job.work.units * self.spec.per_unit)

    def _done(self, job: Job) -> None:
        self.measure()
        self._in_hand -= 1
        self._log(Event.WORK_DONE, job.work)
        if self._queue:
            self._begin(self._queue.popleft())
        job.work.work_done()

    def _log(self, event: Event, work: Work) -> None:
        self._world.log(event, self.position, work.order_key, work.units, self.in_queue)

    # What is counted

    def _count_start(self, wait: int) -> None:
        self._sums.add("started")
        self._sums.add("waited", int(wait > 0))
        self._sums.add("wait", int(wait))
        self._histogram[wait_bin(int(wait))] += 1

    def measure(self) -> None:
        """Add the time since the last change to the integrals."""
        now, before = self._world.now, self._measured_to
        self._measured_to = now
        self._sums.add("queue_ticks", (now - before) * self.in_queue)
        self._sums.add("busy_ticks", (now - before) * self._in_hand)
        self._sums.add("working_ticks", open_between(self._open_time, before, now) * self._in_hand)

    def end_warm_up(self) -> None:
        """All sums begin anew."""
        self.measure()
        self._sums.reset()
        self._histogram[:] = 0

    def write(self, tallies: object, histogram: IntArray, replication: int) -> None:
        """The sums, and the state at the end."""
        self.measure()
        self._sums.add("in_queue_end", self.in_queue)
        self._sums.add("in_service_end", self._in_hand)
        self._sums.write(tallies, replication, self.position)
        histogram[replication, self.position] = self._histogram


def wait_bin(wait: int) -> int:
    """The bin of a wait in ticks.

    >>> wait_bin(0), wait_bin(1), wait_bin(3)
    (0, 64, 128)
    """
    return min(math.floor(WAIT_BINS_PER_OCTAVE * math.log2(1 + wait)), WAIT_BINS - 1)


def open_between(open_time: OpenTime, start: int, end: int) -> int:
    """Ticks from one to another at which a station works."""
    if not len(open_time.opens):
        return end - start
    overlap = np.minimum(open_time.closes, end) - np.maximum(open_time.opens, start)
    return int(np.maximum(overlap, 0).sum())
