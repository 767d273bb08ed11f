"""Stations: queues, servers, and work that goes on while the station is open.

`t` is a station's position, `w` the cell of a parcel or return. Open hours are three lists one after the other at an
address of their own, since breakdowns differ from replication to replication: when intervals open, when they close,
and how long the station has worked before; see `calendars.OpenTime`.
"""

from __future__ import annotations

import math

from simulation.lean import Numbers, as_reals, drawn, part, pointer_at, shifted
from simulation.memory import (
    CELL,
    CELLS,
    DISTRIBUTIONS,
    HOURS,
    JOB_KEYS,
    JOBS,
    NEXT,
    NOW,
    O_NUMBER,
    O_STREAM,
    PER_UNIT,
    REPLICATION,
    STATION_COUNT,
    STATION_STATE,
    STATION_STATES,
    STATION_TALLIES,
    STATIONS,
    STREAM_COUNT,
    T_HEAD,
    T_HOURS_AT,
    T_HOURS_COUNT,
    T_IN_HAND,
    T_QUEUED,
    T_SINCE,
    T_TAIL,
    W_JOB,
    W_JOINED,
    W_ORDER,
    W_UNITS,
    WAITS,
    note,
    schedule,
)
from simulation.open_hours import first_open, open_ticks, work_ends
from simulation.point_events import (
    LOG_TURNED_AWAY,
    LOG_WORK_BEGUN,
    LOG_WORK_DONE,
    LOG_WORK_QUEUED,
    WORK_DONE,
)
from simulation.scenario import TICKS_PER_DAY
from simulation.tables import QUEUE_LIMIT, SERVERS, SERVICE, STATION_COLUMNS
from simulation.tallies import WAIT_BINS, WAIT_BINS_PER_OCTAVE
from simulation.tally_columns import (
    ARRIVALS,
    BUSY_TICKS,
    QUEUE_TICKS,
    STARTED,
    STATION_SUMS,
    STATION_TURNED_AWAY,
    STATION_WAIT,
    WAITED,
    WORKING_TICKS,
)


@part
def station_state(m: Numbers, t: int) -> int:
    """Where the state of a station begins."""
    return m[STATION_STATES] + t * STATION_STATE


@part
def hours_at(m: Numbers, at: int) -> Numbers:
    """Open hours that begin at a place of the lists of hours."""
    return shifted(pointer_at(m[HOURS]), at)


@part
def measure_station(m: Numbers, t: int) -> None:
    """Add the time since the last change to the integrals."""
    state, sums = station_state(m, t), m[STATION_TALLIES] + t * STATION_SUMS
    before = m[state + T_SINCE]
    elapsed = m[NOW] - before
    if elapsed == 0:
        return
    m[state + T_SINCE] = m[NOW]
    m[sums + QUEUE_TICKS] += elapsed * m[state + T_QUEUED]
    m[sums + BUSY_TICKS] += elapsed * m[state + T_IN_HAND]
    if m[state + T_HOURS_COUNT] > 0:
        elapsed = open_ticks(hours_at(m, m[state + T_HOURS_AT]), m[state + T_HOURS_COUNT], before, m[NOW])
    m[sums + WORKING_TICKS] += elapsed * m[state + T_IN_HAND]


@part
def join(m: Numbers, q: Numbers, t: int, w: int) -> bool:
    """Take a job in, unless the queue is full."""
    measure_station(m, t)
    state, sums = station_state(m, t), m[STATION_TALLIES] + t * STATION_SUMS
    row, at = m[STATIONS] + t * STATION_COLUMNS, m[CELLS] + w * CELL
    m[sums + ARRIVALS] += 1
    has_server = m[state + T_IN_HAND] < m[row + SERVERS]
    if not has_server and 0 <= m[row + QUEUE_LIMIT] <= m[state + T_QUEUED]:
        m[sums + STATION_TURNED_AWAY] += 1
        _note_job(m, t, w, LOG_TURNED_AWAY)
        return False
    jobs = m[JOBS] + m[at + W_ORDER] * m[STATION_COUNT] + t
    m[at + W_JOB] = m[jobs]
    m[jobs] += 1
    m[at + W_JOINED] = m[NOW]
    if has_server:
        _begin(m, q, t, w)
        return True
    m[at + NEXT] = -1
    if m[state + T_QUEUED] == 0:
        m[state + T_HEAD] = w
    else:
        m[m[CELLS] + m[state + T_TAIL] * CELL + NEXT] = w
    m[state + T_TAIL] = w
    m[state + T_QUEUED] += 1
    _note_job(m, t, w, LOG_WORK_QUEUED)
    return True


@part
def finish(m: Numbers, q: Numbers, t: int, w: int) -> None:
    """A job is done; the next in the queue is begun."""
    measure_station(m, t)
    state = station_state(m, t)
    m[state + T_IN_HAND] -= 1
    _note_job(m, t, w, LOG_WORK_DONE)
    if m[state + T_QUEUED] > 0:
        following = m[state + T_HEAD]
        m[state + T_HEAD] = m[m[CELLS] + following * CELL + NEXT]
        m[state + T_QUEUED] -= 1
        _begin(m, q, t, following)


@part
def _begin(m: Numbers, q: Numbers, t: int, w: int) -> None:
    state, sums, at = station_state(m, t), m[STATION_TALLIES] + t * STATION_SUMS, m[CELLS] + w * CELL
    m[state + T_IN_HAND] += 1
    work = _working_time(m, t, w)
    begins, ends = m[NOW], m[NOW] + work
    if m[state + T_HOURS_COUNT] > 0:
        hours, count = hours_at(m, m[state + T_HOURS_AT]), m[state + T_HOURS_COUNT]
        begins, ends = first_open(hours, count, m[NOW]), work_ends(hours, count, m[NOW], work)
    wait = begins - m[at + W_JOINED]
    m[sums + STARTED] += 1
    if wait > 0:
        m[sums + WAITED] += 1
        m[sums + STATION_WAIT] += wait
    m[m[WAITS] + t * WAIT_BINS + wait_bin(wait)] += 1
    schedule(m, q, ends, WORK_DONE, t, w)
    _note_job(m, t, w, LOG_WORK_BEGUN)


@part
def wait_bin(wait: int) -> int:
    """The bin of the histogram that a wait falls into."""
    if wait == 0:
        return 0
    return min(int(WAIT_BINS_PER_OCTAVE * math.log2(1.0 + wait)), WAIT_BINS - 1)


@part
def _working_time(m: Numbers, t: int, w: int) -> int:
    row, at = m[STATIONS] + t * STATION_COLUMNS, m[CELLS] + w * CELL
    order = m[CELLS] + m[at + W_ORDER] * CELL
    key = shifted(m, m[JOB_KEYS] + 2 * (m[order + O_STREAM] * m[STATION_COUNT] + t))
    distributions = shifted(m, m[DISTRIBUTIONS])
    service = drawn(distributions, m[row + SERVICE], key, m[order + O_NUMBER], m[at + W_JOB], m[REPLICATION])
    return int((service + m[at + W_UNITS] * as_reals(m)[m[PER_UNIT] + t]) * TICKS_PER_DAY + 0.5)


@part
def _note_job(m: Numbers, t: int, w: int, event: int) -> None:
    at = m[CELLS] + w * CELL
    order = m[CELLS] + m[at + W_ORDER] * CELL
    key = m[order + O_NUMBER] * m[STREAM_COUNT] + m[order + O_STREAM]
    note(m, event, t, key, m[at + W_UNITS], m[station_state(m, t) + T_QUEUED])
