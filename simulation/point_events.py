"""Stock points among other parts of a scenario: who asks, who waits, what spoils and how stock is replenished.

`m` points to the replication (`memory.py`), `q` to its queue of events, `p` is a point's position.
"""

from __future__ import annotations

import numpy as np

from simulation.lean import Numbers, as_reals, drawn, part, shifted, value_of
from simulation.memory import (
    B_UNITS,
    CELL,
    CELLS,
    CLASS_COUNT,
    COSTS,
    CUSTOMER,
    DISTRIBUTIONS,
    E_ASKED,
    E_ASKER,
    E_BEFORE,
    E_LIST,
    E_NUMBER,
    E_PRIORITY,
    E_UNITS,
    G_ARRIVING,
    G_ORDERED,
    G_PRICE,
    K_KEY,
    K_UNITS,
    NEXT,
    NOW,
    P_BACKORDERED,
    P_CUSTOMER,
    P_DAY,
    P_DEMAND_OF_DAY,
    P_ENTRIES,
    P_FILLED_OF_DAY,
    P_GAPS,
    P_KEPT_BACK,
    P_LOOKS_BELOW,
    P_NEWEST,
    P_OF_DAY,
    P_OLDEST,
    P_ON_HAND,
    P_ON_ORDER,
    P_ORDERS,
    P_OWED,
    P_RECEIPTS,
    P_REVIEW,
    P_SHORT,
    P_SINCE,
    P_SIZES,
    POINT_KEY_WIDTH,
    POINT_KEYS,
    POINT_STATE,
    POINT_STATES,
    POINT_TALLIES,
    POINTS,
    REAL,
    REPLICATION,
    SITES_CLASS,
    UNIT_COSTS,
    WAITING,
    WHOLE,
    free_cell,
    new_cell,
    note,
    schedule,
    stamped,
    still_there,
)
from simulation.replenishing import arrival_tick, arriving_units, price_of, units_to_order
from simulation.scenario import TICKS_PER_DAY
from simulation.streams import block_at
from simulation.tables import (
    ALLOCATION,
    BACKORDERS,
    DAILY,
    DEMAND_COUNT,
    DEMAND_KIND,
    DEMAND_PATHS,
    DEMAND_START,
    FIFO,
    FIXED_SIZE,
    INTERARRIVAL,
    NO_DEMAND,
    PATHS,
    PATIENCE,
    PIPELINE_COUNT,
    PIPELINE_START,
    POINT_COLUMNS,
    POLICY_KIND,
    RENEWAL,
    REVIEW_DAYS,
    REVIEW_PERIOD,
    SHELF_LIFE,
    SIZE,
    SOURCE,
)
from simulation.tally_columns import (
    BACKORDERED_TICKS,
    CYCLES,
    DEMAND,
    DEMAND_EVENTS,
    FILLED,
    FILLED_EVENTS,
    IN_STOCK_TICKS,
    INTERNAL_DEMAND,
    INTERNAL_FILLED,
    LOST,
    NO_BACKORDER_TICKS,
    ON_HAND_TICKS,
    ON_ORDER_TICKS,
    ORDERED,
    ORDERS,
    POINT_SUMS,
    RECEIVED,
    RESTOCKED,
    SERVED_LATE,
    SPOILED,
    STOCK_OUT_CYCLES,
    WAIT,
)

RECEIPT, RESTOCK, SPOILAGE, WORK_DONE, DELIVERY, RETURN, ASK, ORDER, PATIENCE_ENDS = range(9)
REVIEW = 10
"""Ranks of events."""

(
    LOG_RECEIPT,
    LOG_RESTOCK,
    LOG_SPOILAGE,
    LOG_WORK_DONE,
    LOG_DELIVERY,
    LOG_RETURN,
    LOG_DEMAND,
    LOG_ORDER,
    LOG_PATIENCE,
    LOG_ORDER_PLACED,
    LOG_WORK_BEGUN,
    LOG_DISPATCHED,
    LOG_WORK_QUEUED,
    LOG_TURNED_AWAY,
) = range(14)

_INTERARRIVAL_KEY, _SIZE_KEY, _PATIENCE_KEY = 0, 2, 4


@part
def point_state(m: Numbers, p: int) -> int:
    """Where the state of a point begins."""
    return m[POINT_STATES] + p * POINT_STATE


@part
def point_tallies(m: Numbers, p: int) -> int:
    """Where the sums of a point begin."""
    return m[POINT_TALLIES] + p * POINT_SUMS


@part
def _row(m: Numbers, p: int) -> Numbers:
    return shifted(m, m[POINTS] + p * POINT_COLUMNS)


@part
def _keys(m: Numbers, p: int) -> Numbers:
    return shifted(m, m[POINT_KEYS] + p * POINT_KEY_WIDTH)


@part
def _net_stock(m: Numbers, state: int) -> int:
    return m[state + P_ON_HAND] - m[state + P_BACKORDERED] - m[state + P_OWED]


@part
def measure_point(m: Numbers, p: int) -> None:
    """Add the time since the last change to the integrals."""
    state, sums = point_state(m, p), point_tallies(m, p)
    elapsed = m[NOW] - m[state + P_SINCE]
    if elapsed == 0:
        return
    m[state + P_SINCE] = m[NOW]
    m[sums + ON_HAND_TICKS] += elapsed * m[state + P_ON_HAND]
    m[sums + ON_ORDER_TICKS] += elapsed * m[state + P_ON_ORDER]
    m[sums + BACKORDERED_TICKS] += elapsed * m[state + P_BACKORDERED]
    if m[state + P_ON_HAND] > 0:
        m[sums + IN_STOCK_TICKS] += elapsed
    if m[state + P_BACKORDERED] == 0:
        m[sums + NO_BACKORDER_TICKS] += elapsed


@part
def start_point(m: Numbers, q: Numbers, p: int) -> None:
    """Schedule what is known on day 0."""
    row, state = _row(m, p), point_state(m, p)
    _keep(m, q, p, m[state + P_ON_HAND])
    for entry in range(row[PIPELINE_COUNT]):
        at = m[WHOLE] + row[PIPELINE_START] + 2 * entry
        price = 0.0 if row[SOURCE] >= 0 else as_reals(m)[m[UNIT_COSTS] + p]
        _send(m, q, p, m[at], m[at + 1], m[at + 1], price)
    if row[DEMAND_KIND] != NO_DEMAND:
        _plan_next_customer(m, q, p, 0)
    if row[REVIEW_PERIOD] > 0 and row[POLICY_KIND] != 0:
        _plan_review(m, q, p)


# Demand


@part
def _plan_next_customer(m: Numbers, q: Numbers, p: int, number: int) -> None:
    """Schedule the customer of this number, day or position, if there is one; luck is drawn for four at a time."""
    row, state, keys = _row(m, p), point_state(m, p), _keys(m, p)
    kind = row[DEMAND_KIND]
    which = number & 3
    if kind == RENEWAL:
        if which == 0:
            _draw_gaps(m, row, keys, state + P_GAPS, number >> 2)
        tick = m[NOW] + m[state + P_GAPS + which]
    elif kind == DAILY:
        tick = number * TICKS_PER_DAY
    elif number >= row[DEMAND_COUNT]:
        return
    elif kind == PATHS:
        tick = number * TICKS_PER_DAY
    else:
        tick = m[m[WHOLE] + row[DEMAND_START] + number]
    m[state + P_CUSTOMER] = number
    schedule(m, q, tick, ASK, p, number)


@part
def _draw_gaps(m: Numbers, row: Numbers, keys: Numbers, to: int, block: int) -> None:
    distributions = shifted(m, m[DISTRIBUTIONS])
    u = block_at(np.uint64(keys[0]), np.uint64(keys[1]), 0, block, m[REPLICATION])
    m[to] = int(value_of(distributions, row[INTERARRIVAL], u[0]) * TICKS_PER_DAY + 0.5)
    m[to + 1] = int(value_of(distributions, row[INTERARRIVAL], u[1]) * TICKS_PER_DAY + 0.5)
    m[to + 2] = int(value_of(distributions, row[INTERARRIVAL], u[2]) * TICKS_PER_DAY + 0.5)
    m[to + 3] = int(value_of(distributions, row[INTERARRIVAL], u[3]) * TICKS_PER_DAY + 0.5)


@part
def _draw_sizes(m: Numbers, row: Numbers, keys: Numbers, to: int, block: int) -> None:
    distributions = shifted(m, m[DISTRIBUTIONS])
    u = block_at(np.uint64(keys[_SIZE_KEY]), np.uint64(keys[_SIZE_KEY + 1]), 0, block, m[REPLICATION])
    m[to] = int(value_of(distributions, row[SIZE], u[0]) + 0.5)
    m[to + 1] = int(value_of(distributions, row[SIZE], u[1]) + 0.5)
    m[to + 2] = int(value_of(distributions, row[SIZE], u[2]) + 0.5)
    m[to + 3] = int(value_of(distributions, row[SIZE], u[3]) + 0.5)


@part
def _size(m: Numbers, p: int, number: int) -> int:
    row, state = _row(m, p), point_state(m, p)
    kind = row[DEMAND_KIND]
    if kind in (RENEWAL, DAILY):
        if row[FIXED_SIZE] >= 0:
            return row[FIXED_SIZE]
        if number & 3 == 0:
            _draw_sizes(m, row, _keys(m, p), state + P_SIZES, number >> 2)
        return m[state + P_SIZES + (number & 3)]
    at = m[WHOLE] + row[DEMAND_START] + number
    if kind == PATHS:
        return m[at + m[REPLICATION] % row[DEMAND_PATHS] * row[DEMAND_COUNT]]
    return m[at + row[DEMAND_COUNT]]


@part
def customer_comes(m: Numbers, q: Numbers, p: int, number: int) -> None:
    """A customer asks; the policy looks; the next customer is known."""
    units = _size(m, p, number)
    if units > 0:
        ask(m, q, p, units, CUSTOMER, 0, 0, number, True)
        look(m, q, p)
    _plan_next_customer(m, q, p, number + 1)


@part
def ask(
    m: Numbers, q: Numbers, p: int, units: int, asker: int, priority: int, list_of: int, number: int, counted: bool
) -> int:
    """Meet what can be met at once; the rest waits or is lost.

    Args:
        m: The replication.
        q: Its events.
        p: The point.
        units: Above 0.
        asker: `CUSTOMER`, a line, or −2 − another point.
        priority: Of the asker.
        list_of: Class of that priority.
        number: Of the customer, for the log.
        counted: Whether this is demand; not so for units asked for again.

    Returns:
        Units met.
    """
    measure_point(m, p)
    row, state, sums = _row(m, p), point_state(m, p), point_tallies(m, p)
    met = min(units, _available(m, state, priority))
    rest = units - met
    is_site = asker < CUSTOMER
    waits = rest > 0 and (is_site or row[BACKORDERS] != 0)
    _take(m, p, met)
    if rest > 0:
        m[state + P_SHORT] = 1
    if is_site:
        m[sums + INTERNAL_DEMAND] += units
        m[sums + INTERNAL_FILLED] += met
    elif counted:
        m[sums + DEMAND] += units
        m[sums + DEMAND_EVENTS] += 1
        m[sums + FILLED] += met
        m[sums + FILLED_EVENTS] += rest == 0
        m[state + P_DEMAND_OF_DAY] += units
        m[state + P_FILLED_OF_DAY] += met
    if waits:
        _wait(m, q, p, rest, asker, priority, list_of)
    else:
        m[sums + LOST] += rest
    note(m, LOG_DEMAND, p, number, units, _net_stock(m, state))
    return met


@part
def backorders(m: Numbers, p: int) -> bool:
    """Whether what customers and orders are not given at once waits."""
    return _row(m, p)[BACKORDERS] != 0


@part
def _available(m: Numbers, state: int, priority: int) -> int:
    if priority > 0:
        return max(m[state + P_ON_HAND] - m[state + P_KEPT_BACK], 0)
    return m[state + P_ON_HAND]


@part
def _wait(m: Numbers, q: Numbers, p: int, units: int, asker: int, priority: int, list_of: int) -> None:
    row, state = _row(m, p), point_state(m, p)
    number = m[state + P_ENTRIES]
    m[state + P_ENTRIES] += 1
    cell = new_cell(m)
    if cell < 0:
        return
    if row[ALLOCATION] == FIFO:
        list_of = 0
    ends = m[WAITING] + 2 * (p * m[CLASS_COUNT] + list_of)
    at = m[CELLS] + cell * CELL
    m[at + E_BEFORE] = m[ends + 1]
    m[at + E_NUMBER] = number
    m[at + E_ASKED] = m[NOW]
    m[at + E_UNITS] = units
    m[at + E_ASKER] = asker
    m[at + E_PRIORITY] = priority
    m[at + E_LIST] = ends
    if m[ends] < 0:
        m[ends] = cell
    else:
        m[m[CELLS] + m[ends + 1] * CELL + NEXT] = cell
    m[ends + 1] = cell
    if asker < CUSTOMER:
        m[state + P_OWED] += units
        return
    m[state + P_BACKORDERED] += units
    if row[PATIENCE] >= 0:
        keys = shifted(_keys(m, p), _PATIENCE_KEY)
        days = drawn(shifted(m, m[DISTRIBUTIONS]), row[PATIENCE], keys, 0, number, m[REPLICATION])
        schedule(m, q, m[NOW] + int(days * TICKS_PER_DAY + 0.5), PATIENCE_ENDS, p, stamped(m, cell))


@part
def drop_entry(m: Numbers, cell: int) -> None:
    """An entry waits no longer."""
    at = m[CELLS] + cell * CELL
    ends, before, after = m[at + E_LIST], m[at + E_BEFORE], m[at + NEXT]
    if before < 0:
        m[ends] = after
    else:
        m[m[CELLS] + before * CELL + NEXT] = after
    if after < 0:
        m[ends + 1] = before
    else:
        m[m[CELLS] + after * CELL + E_BEFORE] = before
    free_cell(m, cell)


@part
def patience_ends(m: Numbers, p: int, payload: int) -> tuple[int, int]:
    """What an entry waits for is lost; who asked, and how many units, or (CUSTOMER, 0) if it waits no longer."""
    cell = still_there(m, payload)
    if cell < 0:
        return CUSTOMER, 0
    measure_point(m, p)
    state, at = point_state(m, p), m[CELLS] + cell * CELL
    units, asker, number = m[at + E_UNITS], m[at + E_ASKER], m[at + E_NUMBER]
    m[state + P_BACKORDERED] -= units
    m[point_tallies(m, p) + LOST] += units
    drop_entry(m, cell)
    note(m, LOG_PATIENCE, p, number, units, _net_stock(m, state))
    return asker, units


@part
def serve(m: Numbers, p: int, cell: int) -> tuple[int, int]:
    """Give an entry what can be given; who asked for it and how many units it got. The entry may be gone then."""
    state, sums, at = point_state(m, p), point_tallies(m, p), m[CELLS] + cell * CELL
    asker = m[at + E_ASKER]
    units = min(m[at + E_UNITS], _available(m, state, m[at + E_PRIORITY]))
    if units == 0:
        return asker, 0
    _take(m, p, units)
    if asker < CUSTOMER:
        m[state + P_OWED] -= units
    else:
        m[state + P_BACKORDERED] -= units
        m[sums + SERVED_LATE] += units
        m[sums + WAIT] += units * (m[NOW] - m[at + E_ASKED])
    m[at + E_UNITS] -= units
    if m[at + E_UNITS] == 0:
        drop_entry(m, cell)
    return asker, units


# Stock


@part
def _keep(m: Numbers, q: Numbers, p: int, units: int) -> None:
    """What came in is there until its shelf life ends."""
    row, state = _row(m, p), point_state(m, p)
    if row[SHELF_LIFE] == 0 or units == 0:
        return
    cell = new_cell(m)
    if cell < 0:
        return
    m[m[CELLS] + cell * CELL + B_UNITS] = units
    if m[state + P_OLDEST] < 0:
        m[state + P_OLDEST] = cell
    else:
        m[m[CELLS] + m[state + P_NEWEST] * CELL + NEXT] = cell
    m[state + P_NEWEST] = cell
    schedule(m, q, m[NOW] + row[SHELF_LIFE], SPOILAGE, p, stamped(m, cell))


@part
def _take(m: Numbers, p: int, units: int) -> None:
    """Issue units, oldest first."""
    state = point_state(m, p)
    m[state + P_ON_HAND] -= units
    while units > 0 and m[state + P_OLDEST] >= 0:
        at = m[CELLS] + m[state + P_OLDEST] * CELL
        taken = min(units, m[at + B_UNITS])
        m[at + B_UNITS] -= taken
        units -= taken
        if m[at + B_UNITS] == 0:
            _drop_oldest(m, state)


@part
def _drop_oldest(m: Numbers, state: int) -> None:
    oldest = m[state + P_OLDEST]
    m[state + P_OLDEST] = m[m[CELLS] + oldest * CELL + NEXT]
    free_cell(m, oldest)


@part
def spoil(m: Numbers, q: Numbers, p: int, payload: int) -> None:
    """Throw away what is left of a batch, which is the oldest; the policy looks."""
    cell = still_there(m, payload)
    if cell < 0:
        return
    measure_point(m, p)
    state = point_state(m, p)
    units = m[m[CELLS] + cell * CELL + B_UNITS]
    _drop_oldest(m, state)
    m[state + P_ON_HAND] -= units
    m[point_tallies(m, p) + SPOILED] += units
    note(m, LOG_SPOILAGE, p, -1, units, _net_stock(m, state))
    look(m, q, p)


@part
def plan_restock(m: Numbers, q: Numbers, p: int, units: int, order_key: int) -> None:
    """Units of an order go back into stock, as the next event."""
    cell = new_cell(m)
    if cell < 0:
        return
    m[m[CELLS] + cell * CELL + K_UNITS] = units
    m[m[CELLS] + cell * CELL + K_KEY] = order_key
    schedule(m, q, m[NOW], RESTOCK, p, cell)


@part
def restock(m: Numbers, q: Numbers, p: int, cell: int) -> None:
    """Units are back in stock; who waits is to be served."""
    measure_point(m, p)
    state = point_state(m, p)
    units, order_key = m[m[CELLS] + cell * CELL + K_UNITS], m[m[CELLS] + cell * CELL + K_KEY]
    free_cell(m, cell)
    m[state + P_ON_HAND] += units
    _keep(m, q, p, units)
    m[point_tallies(m, p) + RESTOCKED] += units
    note(m, LOG_RESTOCK, p, order_key, units, _net_stock(m, state))


@part
def receive(m: Numbers, q: Numbers, p: int, cell: int) -> None:
    """Goods arrive; who waits is to be served, then the cycle ends."""
    measure_point(m, p)
    state, sums, at = point_state(m, p), point_tallies(m, p), m[CELLS] + cell * CELL
    arriving = m[at + G_ARRIVING]
    m[state + P_ON_ORDER] -= m[at + G_ORDERED]
    r = as_reals(m)
    r[m[COSTS] + p] += arriving * r[at + G_PRICE]
    free_cell(m, cell)
    m[state + P_ON_HAND] += arriving
    _keep(m, q, p, arriving)
    m[sums + RECEIVED] += arriving
    note(m, LOG_RECEIPT, p, m[state + P_RECEIPTS], arriving, _net_stock(m, state))
    m[state + P_RECEIPTS] += 1


@part
def end_cycle(m: Numbers, p: int) -> None:
    """A receipt has served who waited."""
    state, sums = point_state(m, p), point_tallies(m, p)
    m[sums + CYCLES] += 1
    m[sums + STOCK_OUT_CYCLES] += m[state + P_SHORT]
    m[state + P_SHORT] = 0


# Replenishment


@part
def look(m: Numbers, q: Numbers, p: int) -> None:
    """Let a policy of continuous review decide."""
    state = point_state(m, p)
    if _net_stock(m, state) + m[state + P_ON_ORDER] <= m[state + P_LOOKS_BELOW]:
        _decide(m, q, p)


@part
def review(m: Numbers, q: Numbers, p: int) -> None:
    """A policy of periodic review looks, and will again."""
    _decide(m, q, p)
    m[point_state(m, p) + P_REVIEW] += 1
    _plan_review(m, q, p)


@part
def _plan_review(m: Numbers, q: Numbers, p: int) -> None:
    r, at = as_reals(m), m[REAL] + _row(m, p)[REVIEW_DAYS]
    number = m[point_state(m, p) + P_REVIEW]
    schedule(m, q, int((r[at] + number * r[at + 1]) * TICKS_PER_DAY + 0.5), REVIEW, p, 0)


@part
def _decide(m: Numbers, q: Numbers, p: int) -> None:
    """Order what the policy wants; a site that supplies looks in its turn, and so up to the supplier."""
    while True:
        row, state = _row(m, p), point_state(m, p)
        owed = m[state + P_BACKORDERED] + m[state + P_OWED]
        real = shifted(as_reals(m), m[REAL])
        units = units_to_order(row, real, m[state + P_ON_HAND], m[state + P_ON_ORDER], owed, m[NOW])
        if units == 0:
            return
        measure_point(m, p)
        m[state + P_ON_ORDER] += units
        m[point_tallies(m, p) + ORDERS] += 1
        m[point_tallies(m, p) + ORDERED] += units
        note(m, LOG_ORDER_PLACED, p, m[state + P_ORDERS], units, _net_stock(m, state))
        m[state + P_ORDERS] += 1
        source = row[SOURCE]
        if source < 0:
            cost = as_reals(m)[m[UNIT_COSTS] + p]
            expect(m, q, p, units, price_of(row, shifted(m, m[WHOLE]), real, cost, units))
            return
        met = ask(m, q, source, units, -2 - p, 1, m[SITES_CLASS], -1, True)
        if met > 0:
            expect(m, q, p, met, 0.0)
        above = point_state(m, source)
        if _net_stock(m, above) + m[above + P_ON_ORDER] > m[above + P_LOOKS_BELOW]:
            return
        p = source


@part
def expect(m: Numbers, q: Numbers, p: int, units: int, price: float) -> None:
    """Units are under way from the source, from now on."""
    row, state, keys = _row(m, p), point_state(m, p), _keys(m, p)
    day = m[NOW] // TICKS_PER_DAY
    if day != m[state + P_DAY]:
        m[state + P_DAY] = day
        m[state + P_OF_DAY] = 0
    number = m[state + P_OF_DAY]
    m[state + P_OF_DAY] += 1
    distributions = shifted(m, m[DISTRIBUTIONS])
    arrives = arrival_tick(row, shifted(m, m[WHOLE]), keys, distributions, m[NOW], number, m[REPLICATION])
    arriving = arriving_units(row, keys, distributions, units, m[NOW], number, m[REPLICATION])
    _send(m, q, p, arrives, units, arriving, price)


@part
def _send(m: Numbers, q: Numbers, p: int, arrives: int, units: int, arriving: int, price: float) -> None:
    cell = new_cell(m)
    if cell < 0:
        return
    at = m[CELLS] + cell * CELL
    m[at + G_ORDERED] = units
    m[at + G_ARRIVING] = arriving
    as_reals(m)[at + G_PRICE] = price
    schedule(m, q, arrives, RECEIPT, p, cell)
