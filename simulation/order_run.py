"""Replications of a whole scenario, event by event: the loop, the room it works in, and what is read from it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.calendars import OpenTime, breakdown_intervals, open_intervals, outages_of
from simulation.event_queue import clear, event_queue, key_place, key_rank, next_tick, pop
from simulation.lean import Numbers, as_reals, lean, part, pointer_to, shifted
from simulation.memory import (
    CELL,
    CELLS,
    CLASS_COUNT,
    COSTS,
    CUSTOMER,
    FULL,
    HOURS,
    LOG,
    LOG_COUNT,
    LOG_WIDTH,
    NEXT,
    NOW,
    P_BACKORDERED,
    P_DEMAND_OF_DAY,
    P_FILLED_OF_DAY,
    P_ON_HAND,
    P_ON_ORDER,
    P_OWED,
    POINT_COUNT,
    POINT_TALLIES,
    REPLICATION,
    S_HOURS_AT,
    S_HOURS_COUNT,
    S_OPEN,
    STATION_COUNT,
    STATION_STATE,
    STATION_STATES,
    STATION_TALLIES,
    STREAM_COUNT,
    STREAM_STATE,
    STREAM_STATES,
    STREAM_TALLIES,
    T_HOURS_AT,
    T_HOURS_COUNT,
    T_IN_HAND,
    T_QUEUED,
    WAITING,
    WAITS,
    memory_of,
)
from simulation.order_events import (
    gives_up,
    order_comes,
    parcel_comes,
    piece_comes,
    plan_next_order,
    return_arrives,
    stream_state,
    work_done,
)
from simulation.point_events import (
    ASK,
    DELIVERY,
    ORDER,
    PATIENCE_ENDS,
    RECEIPT,
    RESTOCK,
    RETURN,
    REVIEW,
    SPOILAGE,
    WORK_DONE,
    customer_comes,
    end_cycle,
    expect,
    look,
    measure_point,
    patience_ends,
    point_state,
    point_tallies,
    receive,
    restock,
    review,
    serve,
    spoil,
    start_point,
)
from simulation.scenario import TICKS_PER_DAY, Scenario
from simulation.station_events import measure_station, station_state
from simulation.tables import Tables
from simulation.tallies import POINT_FIELDS, STATION_FIELDS, STREAM_FIELDS, WAIT_BINS, DailySeries, EventLog, Tallies
from simulation.tally_columns import (
    BACKORDERED_END,
    IN_QUEUE_END,
    IN_SERVICE_END,
    ON_HAND_END,
    ON_ORDER_END,
    OPEN_END,
    OWED_END,
    POINT_SUMS,
    STATION_SUMS,
    STREAM_SUMS,
)

_CELLS, _EVENTS, _LOG_ROWS = 2048, 1024, 4096
_MOST_MEMORY_WORDS = 2**27


# The loop


@lean
def replication_of_orders(memory: IntArray, queue: IntArray, span: IntArray, days: IntArray) -> bool:
    """Run a replication whose memory has not begun.

    Args:
        memory: Of the replication; holds the sums when it is done.
        queue: Of its events, any content.
        span: End of the warm-up and of the run, ticks.
        days: Filled with the states of the days: of each day five numbers for each point (on hand, on order,
            backordered, demand, filled), then two for each station (in queue, in hand). Of length 0: not wanted.

    Returns:
        Whether there was room for everything; if not, begin anew with more.
    """
    m, q = pointer_to(memory), pointer_to(queue)
    clear(q)
    _start(m, q)
    day, width = 1, 5 * m[POINT_COUNT] + 2 * m[STATION_COUNT]
    measured = span[0] == 0
    while m[FULL] == 0:
        border = span[1] if measured else span[0]
        if len(days) >= day * width and width > 0:
            border = min(border, day * TICKS_PER_DAY)
        if not _run_until(m, q, border):
            return False
        m[NOW] = border
        if border == day * TICKS_PER_DAY and len(days) >= day * width:
            _note_states(m, shifted(pointer_to(days), (day - 1) * width))
            day += 1
        if border == span[0] and not measured:
            _begin_anew(m)
            measured = True
        if border == span[1]:
            _close(m)
            return True
    return False


@part
def _start(m: Numbers, q: Numbers) -> None:
    for p in range(m[POINT_COUNT]):
        start_point(m, q, p)
    for s in range(m[STREAM_COUNT]):
        plan_next_order(m, q, s)


@part
def _run_until(m: Numbers, q: Numbers, border: int) -> bool:
    """Everything before a tick; False when room ran out."""
    while next_tick(q) < border:
        tick, key, payload = pop(q)
        m[NOW] = tick
        rank, place = key_rank(key), key_place(key)
        if rank == ASK:
            customer_comes(m, q, place, payload)
        elif rank == WORK_DONE:
            work_done(m, q, place, payload)
        elif rank == RECEIPT:
            receive(m, q, place, payload)
            _serve_who_waits(m, q, place)
            end_cycle(m, place)
        elif rank == ORDER:
            order_comes(m, q, place, payload)
        elif rank == DELIVERY:
            parcel_comes(m, q, payload)
        elif rank == RETURN:
            return_arrives(m, q, place, payload)
        elif rank == RESTOCK:
            restock(m, q, place, payload)
            _serve_who_waits(m, q, place)
        elif rank == SPOILAGE:
            spoil(m, q, place, payload)
        elif rank == PATIENCE_ENDS:
            asker, units = patience_ends(m, place, payload)
            if units > 0:
                if asker > CUSTOMER:
                    gives_up(m, q, asker, units)
                look(m, q, place)
        elif rank == REVIEW:
            review(m, q, place)
        if m[FULL] != 0:
            return False
    return True


@part
def _serve_who_waits(m: Numbers, q: Numbers, p: int) -> None:
    """Serve entries by class, then by who asked first, with what there is for each."""
    for list_of in range(m[CLASS_COUNT]):
        cell = m[m[WAITING] + 2 * (p * m[CLASS_COUNT] + list_of)]
        while cell >= 0:
            following = m[m[CELLS] + cell * CELL + NEXT]
            asker, units = serve(m, p, cell)
            if units == 0:
                break
            if asker < CUSTOMER:
                expect(m, q, -2 - asker, units, 0.0)
            elif asker > CUSTOMER:
                piece_comes(m, q, asker, units)
            cell = following


@part
def _begin_anew(m: Numbers) -> None:
    """The warm-up is over: all sums are 0 again."""
    for p in range(m[POINT_COUNT]):
        measure_point(m, p)
        as_reals(m)[m[COSTS] + p] = 0.0
    for t in range(m[STATION_COUNT]):
        measure_station(m, t)
    for at in range(m[POINT_TALLIES], m[POINT_TALLIES] + m[POINT_COUNT] * POINT_SUMS):
        m[at] = 0
    for at in range(m[STREAM_TALLIES], m[STREAM_TALLIES] + m[STREAM_COUNT] * STREAM_SUMS):
        m[at] = 0
    for at in range(m[STATION_TALLIES], m[STATION_TALLIES] + m[STATION_COUNT] * STATION_SUMS):
        m[at] = 0
    for at in range(m[WAITS], m[WAITS] + m[STATION_COUNT] * WAIT_BINS):
        m[at] = 0


@part
def _note_states(m: Numbers, days: Numbers) -> None:
    """The states at a midnight, and the day's demand, which begins anew."""
    for p in range(m[POINT_COUNT]):
        state = point_state(m, p)
        days[5 * p] = m[state + P_ON_HAND]
        days[5 * p + 1] = m[state + P_ON_ORDER]
        days[5 * p + 2] = m[state + P_BACKORDERED]
        days[5 * p + 3] = m[state + P_DEMAND_OF_DAY]
        days[5 * p + 4] = m[state + P_FILLED_OF_DAY]
        m[state + P_DEMAND_OF_DAY] = 0
        m[state + P_FILLED_OF_DAY] = 0
    at = 5 * m[POINT_COUNT]
    for t in range(m[STATION_COUNT]):
        days[at + 2 * t] = m[station_state(m, t) + T_QUEUED]
        days[at + 2 * t + 1] = m[station_state(m, t) + T_IN_HAND]


@part
def _close(m: Numbers) -> None:
    """The run is over: the state at the end."""
    for p in range(m[POINT_COUNT]):
        measure_point(m, p)
        state, sums = point_state(m, p), point_tallies(m, p)
        m[sums + ON_HAND_END] = m[state + P_ON_HAND]
        m[sums + ON_ORDER_END] = m[state + P_ON_ORDER]
        m[sums + BACKORDERED_END] = m[state + P_BACKORDERED]
        m[sums + OWED_END] = m[state + P_OWED]
    for s in range(m[STREAM_COUNT]):
        m[m[STREAM_TALLIES] + s * STREAM_SUMS + OPEN_END] = m[stream_state(m, s) + S_OPEN]
    for t in range(m[STATION_COUNT]):
        measure_station(m, t)
        sums = m[STATION_TALLIES] + t * STATION_SUMS
        m[sums + IN_QUEUE_END] = m[station_state(m, t) + T_QUEUED]
        m[sums + IN_SERVICE_END] = m[station_state(m, t) + T_IN_HAND]


# The room


class _Room(NamedTuple):
    """How memory begins, memory at work, and the queue."""

    begins: IntArray
    memory: IntArray
    queue: IntArray


class OrderRun:
    """Replications of a scenario, one after the other in the same room, which grows when it is too small.

    Args:
        scenario: The world.
        tables: Its columns.
        seed: Of the breakdowns' luck; that of everything else is in the tables.
        warm_up: Its end, ticks.
        end: Of the run, ticks.
        days: Whole days of the daily series; 0: it is not wanted.
        log: Whether a log is kept.
    """

    def __init__(
        self, scenario: Scenario, tables: Tables, seed: int, *, warm_up: int, end: int, days: int, log: bool
    ) -> None:
        self._scenario, self._tables, self._seed = scenario, tables, seed
        self._span = np.array([warm_up, end], dtype=np.int64)
        self._width = 5 * len(scenario.points) + 2 * len(scenario.stations)
        self._days = np.zeros((days, self._width), dtype=np.int64)
        self._cells, self._events, self._log_rows = _CELLS, _EVENTS, _LOG_ROWS if log else 0
        self._room = self._make_room()
        self._breaks = any(station.breakdowns is not None for station in scenario.stations)
        self._hours = self._open_hours(0)

    @property
    def cells(self) -> int:
        """Room for so much that is open at once, as far as it has grown."""
        return self._cells

    def fill(self, tallies: Tallies) -> Tallies:
        """Run as many replications as there is place for."""
        count = tallies.replications
        states = np.zeros((count, *self._days.shape), dtype=np.int64)
        rows: list[IntArray] = []
        for replication in range(count):
            self._run(tallies.first_replication + replication)
            self._write(tallies, replication)
            states[replication] = self._days
            if self._log_rows:
                rows.append(self._log(tallies.first_replication + replication))
        return replace(
            tallies,
            daily=_series(states, len(self._scenario.points)) if len(self._days) else None,
            log=_event_log(rows) if self._log_rows else None,
        )

    def _run(self, replication: int) -> None:
        if self._breaks:
            self._hours = self._open_hours(replication)
        lists, places = self._hours
        while True:
            memory = self._room.memory
            memory[: len(self._room.begins)] = self._room.begins
            memory[REPLICATION], memory[HOURS] = replication, lists.ctypes.data
            self._place_hours(memory, places)
            if replication_of_orders(memory, self._room.queue, self._span, self._days.ravel()):
                return
            self._grow()

    def _grow(self) -> None:
        """Twice the room for everything."""
        self._cells, self._events, self._log_rows = 2 * self._cells, 2 * self._events, 2 * self._log_rows
        self._room = self._make_room()

    def _make_room(self) -> _Room:
        begins, size = memory_of(
            self._scenario, self._tables, cells=self._cells, log_rows=self._log_rows, wait_bins=WAIT_BINS
        )
        if size > _MOST_MEMORY_WORDS:
            raise MemoryError(
                f"scenario {self._scenario.name!r} has more than {self._cells // 2:,} orders, parcels and goods open at"
                " once, or a log that long: some queue grows without end, or the run is too long for a log"
            )
        return _Room(begins, np.empty(size, dtype=np.int64), event_queue(self._events))

    def _open_hours(self, replication: int) -> tuple[IntArray, list[tuple[int, int]]]:
        """When streams and stations work in a replication: lists, and where each begins in them, with its length."""
        lists, places, reached = [np.zeros(1, dtype=np.int64)], [], 1
        for hours in [*self._stream_hours(), *self._station_hours(replication)]:
            count = len(hours.opens)
            places.append((reached, count))
            lists += [hours.opens, hours.closes, hours.worked_before]
            reached += 3 * count
        return np.concatenate(lists), places

    def _stream_hours(self) -> list[OpenTime]:
        weekday, end = self._scenario.first_weekday, int(self._span[1])
        return [open_intervals(stream.hours, (), None, weekday, end) for stream in self._scenario.streams]

    def _station_hours(self, replication: int) -> list[OpenTime]:
        scenario, end = self._scenario, int(self._span[1])
        hours = []
        for station in scenario.stations:
            downtimes = None
            if station.breakdowns is not None:
                downtimes = breakdown_intervals(
                    station.name, station.breakdowns, seed=self._seed, replication=replication, horizon_ticks=end
                )
            outages = outages_of(station.name, scenario.outages)
            hours.append(open_intervals(station.calendar, outages, downtimes, scenario.first_weekday, end))
        return hours

    def _place_hours(self, memory: IntArray, places: list[tuple[int, int]]) -> None:
        streams = len(self._scenario.streams)
        for s, (at, count) in enumerate(places[:streams]):
            state = memory[STREAM_STATES] + s * STREAM_STATE
            memory[state + S_HOURS_AT], memory[state + S_HOURS_COUNT] = at, count
        for t, (at, count) in enumerate(places[streams:]):
            state = memory[STATION_STATES] + t * STATION_STATE
            memory[state + T_HOURS_AT], memory[state + T_HOURS_COUNT] = at, count

    # What is read from it

    def _write(self, tallies: Tallies, replication: int) -> None:
        points = self._part(POINT_TALLIES, len(self._scenario.points), POINT_SUMS)
        streams = self._part(STREAM_TALLIES, len(self._scenario.streams), STREAM_SUMS)
        stations = self._part(STATION_TALLIES, len(self._scenario.stations), STATION_SUMS)
        for column, name in enumerate(POINT_FIELDS):
            getattr(tallies.points, name)[replication] = points[:, column]
        for column, name in enumerate(STREAM_FIELDS):
            getattr(tallies.streams, name)[replication] = streams[:, column]
        for column, name in enumerate(name for name in STATION_FIELDS if name != "wait_histogram"):
            getattr(tallies.stations, name)[replication] = stations[:, column]
        tallies.stations.wait_histogram[replication] = self._part(WAITS, len(self._scenario.stations), WAIT_BINS)
        costs: FloatArray = self._part(COSTS, 1, len(self._scenario.points)).view(np.float64)
        tallies.purchase_cost[replication] = costs[0]

    def _part(self, part: int, rows: int, width: int) -> IntArray:
        memory = self._room.memory
        return np.asarray(memory[memory[part] : memory[part] + rows * width].reshape(rows, width))

    def _log(self, replication: int) -> IntArray:
        """Rows of a replication, its number in front."""
        rows = self._part(LOG, int(self._room.memory[LOG_COUNT]), LOG_WIDTH)
        return np.column_stack([np.full(len(rows), replication, dtype=np.int64), rows])


def _series(states: IntArray, points: int) -> DailySeries:
    """From states of shape (replication, day, number)."""
    of_points, of_stations = states[:, :, : 5 * points], states[:, :, 5 * points :]
    on_hand, on_order, backordered, demand, filled = (of_points[:, :, column::5].copy() for column in range(5))
    in_queue, in_service = (of_stations[:, :, column::2].copy() for column in range(2))
    return DailySeries(on_hand, on_order, backordered, in_queue, in_service, demand, filled)


def _event_log(rows: list[IntArray]) -> EventLog:
    columns = np.concatenate([np.zeros((0, 1 + LOG_WIDTH), dtype=np.int64), *rows]).T
    return EventLog(*(column.copy() for column in columns))
