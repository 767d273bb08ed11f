"""What the parts of the plain interpreter share: the agenda of events, the luck, the log and the measuring of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import floor

import numpy as np

from simulation.arrays import IntArray
from simulation.distributions import Distribution
from simulation.scenario import TICKS_PER_DAY
from simulation.streams import stream_key, uniform_at

Uniforms = Callable[[str, str, int, int, int], float]
"""(purpose, node, entity, draw, replication) → a number strictly between 0 and 1, in place of the addressed one."""


def ticks_of(days: float) -> int:
    """A duration, or a moment, in whole ticks."""
    return floor(days * TICKS_PER_DAY + 0.5)


def units_of(drawn: float) -> int:
    """A number drawn, as whole units."""
    return floor(drawn + 0.5)


class Rank(IntEnum):
    """What comes first among the events of one tick."""

    END_OF_DAY = -1
    RECEIPT = 0
    RESTOCK = 1
    SPOILAGE = 2
    WORK_DONE = 3
    DELIVERY = 4
    RETURN = 5
    DEMAND = 6
    ORDER = 7
    PATIENCE = 8
    REVIEW = 10


class Agenda:
    """Events to come, by tick, rank, place and the order in which they were scheduled."""

    def __init__(self) -> None:
        self.now = 0
        self._events: list[tuple[int, int, int, int, Callable[[], None]]] = []
        self._scheduled = 0

    def at(self, tick: int, rank: Rank, place: int, action: Callable[[], None]) -> None:
        """Schedule what happens at a tick, which is not in the past."""
        heapq.heappush(self._events, (tick, int(rank), place, self._scheduled, action))
        self._scheduled += 1

    def run_until(self, end: int) -> None:
        """Let happen what comes before a tick, and the end of the day at it."""
        while self._events and self._events[0][:2] < (end, Rank.RECEIPT):
            self.now, _, _, _, action = heapq.heappop(self._events)
            action()
        self.now = end


class Luck:
    """Random numbers of one replication, by address."""

    def __init__(self, seed: int, replication: int, uniforms: Uniforms | None) -> None:
        self._seed = seed
        self.replication = replication
        self._uniforms = uniforms
        self._keys: dict[tuple[str, str], tuple[np.uint64, np.uint64]] = {}

    def uniform(self, purpose: str, node: str, entity: int, draw: int) -> float:
        """The number at an address, strictly between 0 and 1."""
        if self._uniforms is not None:
            return float(self._uniforms(purpose, node, entity, draw, self.replication))
        if (purpose, node) not in self._keys:
            first, second = stream_key(self._seed, purpose, node)
            self._keys[purpose, node] = np.uint64(first), np.uint64(second)
        key0, key1 = self._keys[purpose, node]
        return float(uniform_at(key0, key1, entity, draw, self.replication))

    def value(self, distribution: Distribution, purpose: str, node: str, entity: int, draw: int) -> float:
        """A draw of a distribution."""
        return float(distribution.quantile(self.uniform(purpose, node, entity, draw)))

    def ticks(self, distribution: Distribution, purpose: str, node: str, entity: int, draw: int) -> int:
        """A duration drawn in days, in ticks."""
        return ticks_of(self.value(distribution, purpose, node, entity, draw))

    def happens(self, probability: float, purpose: str, node: str, entity: int, draw: int) -> bool:
        """Whether something of this probability happens; without a draw where it cannot."""
        return probability > 0 and self.uniform(purpose, node, entity, draw) < probability


class Event(IntEnum):
    """Codes of the log, see `tallies.EVENT_NAMES`."""

    RECEIPT = 0
    RESTOCK = 1
    SPOILAGE = 2
    WORK_DONE = 3
    DELIVERY = 4
    RETURN_INSPECTED = 5
    DEMAND = 6
    ORDER = 7
    PATIENCE_ENDED = 8
    ORDER_PLACED = 9
    WORK_BEGUN = 10
    DISPATCHED = 11
    WORK_QUEUED = 12
    TURNED_AWAY = 13


@dataclass
class World:
    """One replication while it runs.

    Attributes:
        agenda: Events to come.
        luck: Its random numbers.
        outages: (start, end) in ticks by place, ascending.
        streams: Number of order streams, for the keys of orders in the log.
        rows: (replication, tick, event, place, number, units, level), where a log is kept.
    """

    agenda: Agenda
    luck: Luck
    outages: dict[str, list[tuple[int, int]]]
    streams: int
    keeps_log: bool
    rows: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def now(self) -> int:
        return self.agenda.now

    @property
    def today(self) -> int:
        return self.agenda.now // TICKS_PER_DAY

    def log(self, event: Event, place: int, number: int, units: int, level: int) -> None:
        """Write a row, where a log is kept."""
        if self.keeps_log:
            self.rows.append((self.luck.replication, self.now, int(event), place, number, units, level))

    def end_of_outage(self, place: str, tick: int) -> int:
        """The tick itself, or the end of the outage it falls into."""
        for start, end in self.outages.get(place, ()):
            if start <= tick < end:
                tick = end
        return tick


class Sums:
    """Counts by name, beginning anew at the end of the warm-up."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.reset()

    def reset(self) -> None:
        """Everything is 0 again."""
        self._counts = dict.fromkeys(self._names, 0)

    def add(self, name: str, units: int = 1) -> None:
        """Count so many more."""
        self._counts[name] += units

    def write(self, tallies: object, replication: int, position: int) -> None:
        """Into arrays of those names, at [replication, position]."""
        for name, count in self._counts.items():
            column: IntArray = getattr(tallies, name)
            column[replication, position] = count
