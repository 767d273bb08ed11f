"""One replication of a whole scenario in one array: where everything lies, and how it is laid out.

Compiled functions hand each other two pointers: `m` to that array (floats in it are read by `as_reals`), and `q` to
the queue of events. The header says where each part begins. What comes and goes (waiting entries, orders, lines,
parcels and what is in them, batches, goods under way) are cells of one width from one pool, so that memory is bounded
by what is open, not by what has been.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.calendars import pickup_ticks, promise_times
from simulation.event_queue import NEVER, event_key, push
from simulation.lean import Numbers, part
from simulation.scenario import Scenario
from simulation.tables import (
    ALLOCATION,
    LOOKS_BELOW,
    ON_HAND,
    PIPELINE_COUNT,
    PIPELINE_START,
    RATIONING,
    RESERVE,
    REVIEW_PERIOD,
    Tables,
)
from simulation.tally_columns import POINT_SUMS, STATION_SUMS, STREAM_SUMS

# The header: single numbers, and where parts begin

(
    NOW,
    STAMPS,
    SCHEDULED,
    FULL,
    FREE,  # the first cell given back, −1 for none
    USED,  # cells that were ever used
    CELL_ROOM,
    REPLICATION,
    POINT_COUNT,
    STREAM_COUNT,
    STATION_COUNT,
    CLASS_COUNT,
    SITES_CLASS,
    LOG_COUNT,
    LOG_ROOM,
    HOURS,  # an address
    CELLS,
    POINTS,
    POINT_STATES,
    POINT_TALLIES,
    COSTS,
    UNIT_COSTS,
    POINT_KEYS,
    WAITING,
    STREAMS,
    STREAM_STATES,
    STREAM_TALLIES,
    CHANCES,
    STREAM_KEYS,
    JOB_KEYS,
    PROMISES,
    PICKUPS,
    STATIONS,
    STATION_STATES,
    STATION_TALLIES,
    WAITS,
    PER_UNIT,
    CARRIERS,
    CARRIER_RISKS,
    WHOLE,
    REAL,
    DISTRIBUTIONS,
    JOBS,
    LOG,
    HEADER,
) = range(45)

POINT_KEY_WIDTH, STREAM_KEY_WIDTH = 10, 24
PROMISE_WIDTH = 16
LOG_WIDTH = 6

# State of a stock point, a stream and a station

(
    P_ON_HAND,
    P_ON_ORDER,
    P_BACKORDERED,
    P_OWED,
    P_SINCE,
    P_SHORT,
    P_ENTRIES,
    P_RECEIPTS,
    P_ORDERS,
    P_DAY,
    P_OF_DAY,
    P_CUSTOMER,
    P_REVIEW,
    P_OLDEST,
    P_NEWEST,
    P_LOOKS_BELOW,  # under continuous review
    P_DEMAND_OF_DAY,
    P_FILLED_OF_DAY,
    P_KEPT_BACK,  # the reserve, where the site rations
) = range(19)
P_GAPS, P_SIZES, POINT_STATE = 19, 23, 27  # of the next four customers

S_OPEN, S_ORDER, S_CLASS, S_HOURS_AT, S_HOURS_COUNT, S_PICKUPS_AT, S_PICKUPS_COUNT = range(7)
S_GAPS, S_LINES, STREAM_STATE = 7, 11, 15  # of the next four orders

T_IN_HAND, T_QUEUED, T_HEAD, T_TAIL, T_SINCE, T_HOURS_AT, T_HOURS_COUNT, STATION_STATE = range(8)

# Cells. The first word links free ones; the last is a stamp, which tells whether a cell is still what it was.

CELL, STAMP, NEXT = 16, 15, 0
E_BEFORE, E_NUMBER, E_ASKED, E_UNITS, E_ASKER, E_PRIORITY, E_LIST = range(1, 8)  # an entry that waits
G_ORDERED, G_ARRIVING, G_PRICE = range(1, 4)  # goods under way
K_UNITS, K_KEY = range(1, 3)  # a restock
B_UNITS = 1  # a batch
L_POINT, L_UNITS, L_COLLECTED, L_ORDER = range(1, 5)  # a line of an order
I_LINE, I_UNITS = range(1, 3)  # what a parcel holds of a line
W_ORDER, W_NUMBER, W_UNITS, W_STEP, W_ITEMS, W_IS_BACK, W_JOINED, W_JOB = range(1, 9)  # a parcel, or a return
(
    O_STREAM,
    O_NUMBER,
    O_ARRIVAL,
    O_PROMISE,
    O_LINES,
    O_WAITING,
    O_UNDER_WAY,
    O_DELIVERED,  # last delivery, −1 before the first
    O_LOST,
    O_TURNED_AWAY,
    O_PASSES,
    O_PARCELS,
    O_ENDED,
    O_HELD,  # by whom it is still needed
) = range(1, 15)

CUSTOMER = -1
"""Who asks: a customer, a line (its cell, from 0), or another site (−2 − its point)."""

_SLOTS = 2**24
MOST_CELLS = _SLOTS


def memory_of(scenario: Scenario, tables: Tables, *, cells: int, log_rows: int, wait_bins: int) -> tuple[IntArray, int]:
    """The beginning of the array of a replication that has not begun, and the length of it all.

    Args:
        scenario: The world.
        tables: Its columns; they must outlive the answer, which holds addresses of their distributions.
        cells: Room for so much that is open at once.
        log_rows: Room in the log; 0: none is kept.
        wait_bins: Of a station's histogram.

    Returns:
        What the array begins with; the rest (cells, jobs of orders, the log) may hold anything.
    """
    points, streams, stations = len(scenario.points), len(scenario.streams), len(scenario.stations)
    classes = sorted({0, 1} | {stream.priority for stream in scenario.streams})
    pickups = _pickups(scenario)
    parts = {
        POINTS: tables.points,
        POINT_STATES: _point_states(tables),
        POINT_TALLIES: _zeros(points, POINT_SUMS),
        COSTS: _zeros(points),
        UNIT_COSTS: _bits(tables.unit_cost),
        POINT_KEYS: tables.point_keys,
        WAITING: _zeros(points, len(classes), 2) - 1,
        STREAMS: tables.streams,
        STREAM_STATES: _stream_states(scenario, classes, pickups),
        STREAM_TALLIES: _zeros(streams, STREAM_SUMS),
        CHANCES: _bits(tables.stream_chances),
        STREAM_KEYS: tables.stream_keys,
        JOB_KEYS: tables.job_keys,
        PROMISES: _promises(scenario),
        PICKUPS: np.concatenate([_zeros(0), *pickups]),
        STATIONS: tables.stations,
        STATION_STATES: _zeros(stations, STATION_STATE),
        STATION_TALLIES: _zeros(stations, STATION_SUMS),
        WAITS: _zeros(stations, wait_bins),
        PER_UNIT: _bits(tables.station_per_unit),
        CARRIERS: tables.carriers,
        CARRIER_RISKS: _bits(tables.carrier_chances),
        WHOLE: tables.whole,
        REAL: _bits(tables.real),
        DISTRIBUTIONS: tables.inverses,
    }
    header = _zeros(HEADER)
    header[POINT_COUNT], header[STREAM_COUNT], header[STATION_COUNT] = points, streams, stations
    header[CLASS_COUNT], header[SITES_CLASS], header[LOG_ROOM] = len(classes), classes.index(1), log_rows
    header[FREE], header[CELL_ROOM] = -1, cells
    reached = HEADER
    for begins, numbers in parts.items():
        header[begins] = reached
        reached += numbers.size
    for begins, size in ((CELLS, cells * CELL), (JOBS, cells * stations), (LOG, log_rows * LOG_WIDTH)):
        header[begins] = reached
        reached += size
    return np.concatenate([header, *(numbers.ravel() for numbers in parts.values())]), reached


def _zeros(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


def _bits(numbers: FloatArray) -> IntArray:
    return np.ascontiguousarray(numbers).view(np.int64)


def _point_states(tables: Tables) -> IntArray:
    states = _zeros(len(tables.points), POINT_STATE)
    for state, row in zip(states, tables.points, strict=True):
        pipeline = row[PIPELINE_START] + 1 + 2 * np.arange(row[PIPELINE_COUNT])
        state[P_ON_HAND], state[P_ON_ORDER] = row[ON_HAND], tables.whole[pipeline].sum()
        state[P_DAY], state[P_OLDEST], state[P_NEWEST] = -1, -1, -1
        state[P_LOOKS_BELOW] = row[LOOKS_BELOW] if row[REVIEW_PERIOD] == 0 else -NEVER
        state[P_KEPT_BACK] = row[RESERVE] if row[ALLOCATION] == RATIONING else 0
    return states


def _stream_states(scenario: Scenario, classes: Sequence[int], pickups: Sequence[IntArray]) -> IntArray:
    states = _zeros(len(scenario.streams), STREAM_STATE)
    reached = 0
    for state, stream, ticks in zip(states, scenario.streams, pickups, strict=True):
        state[S_CLASS] = classes.index(stream.priority)
        state[S_PICKUPS_AT], state[S_PICKUPS_COUNT] = reached, len(ticks)
        reached += len(ticks)
    return states


def _pickups(scenario: Scenario) -> list[IntArray]:
    """Of the carrier of each stream."""
    by_name = {carrier.name: carrier.pickups for carrier in scenario.carriers}
    return [pickup_ticks(by_name.get(stream.carrier, ()), scenario.first_weekday) for stream in scenario.streams]


def _promises(scenario: Scenario) -> IntArray:
    """Of each stream: cut-off, days until the dispatch by day of the week, early and late, and the carrier's ticks."""
    by_name = {carrier.name: carrier.promised_days for carrier in scenario.carriers}
    rows = _zeros(len(scenario.streams), PROMISE_WIDTH)
    for row, stream in zip(rows, scenario.streams, strict=True):
        promise = promise_times(
            stream.cut_off, stream.working_days, by_name.get(stream.carrier, 0.0), scenario.first_weekday
        )
        row[:] = [promise.cut_off, *promise.early, *promise.late, promise.carrier]
    return rows


# What every compiled part uses


@part
def schedule(m: Numbers, q: Numbers, tick: int, rank: int, place: int, payload: int) -> None:
    """Add an event; where there is no room the replication will have to begin anew with more."""
    m[SCHEDULED] += 1
    if not push(q, tick, event_key(rank, place, m[SCHEDULED]), payload):
        m[FULL] = 1


@part
def new_cell(m: Numbers) -> int:
    """Number of a cell of one's own; −1, and the replication will have to begin anew, where there is none."""
    cell = m[FREE]
    if cell >= 0:
        m[FREE] = m[m[CELLS] + cell * CELL + NEXT]
    elif m[USED] < m[CELL_ROOM]:
        cell = m[USED]
        m[USED] += 1
    else:
        m[FULL] = 1
        return -1
    at = m[CELLS] + cell * CELL
    m[STAMPS] += 1
    m[at + STAMP] = m[STAMPS]
    m[at + NEXT] = -1
    return cell


@part
def free_cell(m: Numbers, cell: int) -> None:
    """Give a cell back."""
    at = m[CELLS] + cell * CELL
    m[at + STAMP] = 0
    m[at + NEXT] = m[FREE]
    m[FREE] = cell


@part
def stamped(m: Numbers, cell: int) -> int:
    """A payload that `still_there` knows."""
    return m[m[CELLS] + cell * CELL + STAMP] * _SLOTS + cell


@part
def still_there(m: Numbers, payload: int) -> int:
    """The cell of a payload; −1 when it has been given back since."""
    cell = payload % _SLOTS
    return cell if m[m[CELLS] + cell * CELL + STAMP] == payload // _SLOTS else -1


@part
def note(m: Numbers, event: int, place: int, number: int, units: int, level: int) -> None:
    """Write a row of the log, where one is kept."""
    if m[LOG_ROOM] == 0:
        return
    if m[LOG_COUNT] == m[LOG_ROOM]:
        m[FULL] = 1
        return
    at = m[LOG] + m[LOG_COUNT] * LOG_WIDTH
    m[LOG_COUNT] += 1
    m[at] = m[NOW]
    m[at + 1] = event
    m[at + 2] = place
    m[at + 3] = number
    m[at + 4] = units
    m[at + 5] = level
