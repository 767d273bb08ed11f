"""Orders: their lines, their parcels on the route and with the carrier, and what comes back.

`s` is a stream's position; `o`, `line` and `w` are the cells of an order, a line, and a parcel or return.
"""

from __future__ import annotations

import numpy as np

from simulation.event_queue import NEVER
from simulation.lean import Numbers, as_reals, drawn, luck, part, shifted, value_of
from simulation.memory import (
    CARRIER_RISKS,
    CARRIERS,
    CELL,
    CELLS,
    CHANCES,
    DISTRIBUTIONS,
    I_LINE,
    I_UNITS,
    JOBS,
    L_COLLECTED,
    L_ORDER,
    L_POINT,
    L_UNITS,
    NEXT,
    NOW,
    O_ARRIVAL,
    O_DELIVERED,
    O_ENDED,
    O_HELD,
    O_LINES,
    O_LOST,
    O_NUMBER,
    O_PARCELS,
    O_PASSES,
    O_PROMISE,
    O_STREAM,
    O_TURNED_AWAY,
    O_UNDER_WAY,
    O_WAITING,
    PICKUPS,
    PROMISE_WIDTH,
    PROMISES,
    REAL,
    REPLICATION,
    S_CLASS,
    S_GAPS,
    S_HOURS_AT,
    S_HOURS_COUNT,
    S_OPEN,
    S_ORDER,
    S_PICKUPS_AT,
    S_PICKUPS_COUNT,
    STATION_COUNT,
    STREAM_COUNT,
    STREAM_KEY_WIDTH,
    STREAM_KEYS,
    STREAM_STATE,
    STREAM_STATES,
    STREAM_TALLIES,
    STREAMS,
    W_IS_BACK,
    W_ITEMS,
    W_NUMBER,
    W_ORDER,
    W_STEP,
    W_UNITS,
    WHOLE,
    free_cell,
    new_cell,
    note,
    schedule,
)
from simulation.open_hours import work_ends
from simulation.point_events import (
    DELIVERY,
    LOG_DELIVERY,
    LOG_DISPATCHED,
    LOG_ORDER,
    LOG_RETURN,
    ORDER,
    RETURN,
    ask,
    backorders,
    look,
    plan_restock,
    point_tallies,
)
from simulation.scenario import TICKS_PER_DAY
from simulation.station_events import finish, hours_at, join
from simulation.streams import block_at
from simulation.tables import (
    CARRIER,
    CARRIER_CHANCES,
    CARRIER_COLUMNS,
    CHOICE_COUNT,
    CHOICE_START,
    DELAY,
    DELAY_CHANCE,
    INSPECTION,
    LIMIT,
    LINES,
    LOSS_CHANCE,
    RESTOCK_CHANCE,
    RETURN_CHANCE,
    RETURN_DELAY,
    REWORK,
    ROUTE_COUNT,
    ROUTE_START,
    SHIP_COMPLETE,
    STREAM_CHANCES,
    STREAM_COLUMNS,
    STREAM_INTERARRIVAL,
    STREAM_PRIORITY,
    TRANSIT,
    UNITS,
)
from simulation.tally_columns import (
    CANCELLED,
    DELIVERED,
    DONE,
    IN_FULL,
    ON_TIME,
    ON_TIME_IN_FULL,
    PARCELS,
    PARCELS_LATE,
    PARCELS_LOST,
    RETURNS,
    REWORKED,
    STREAM_LINES,
    STREAM_ORDERS,
    STREAM_SUMS,
    STREAM_TURNED_AWAY,
    STREAM_UNITS,
    TIME_IN_SYSTEM,
    WRITTEN_OFF,
)

(
    _INTERARRIVAL_KEY,
    _LINES_KEY,
    _SKU_KEY,
    _UNITS_KEY,
    _REWORK_KEY,
    _RETURNED_KEY,
    _RETURN_DELAY_KEY,
    _RESTOCKED_KEY,
    _TRANSIT_KEY,
    _DELAYED_KEY,
    _DELAY_KEY,
    _LOST_KEY,
) = range(0, STREAM_KEY_WIDTH, 2)


@part
def _row(m: Numbers, s: int) -> int:
    return m[STREAMS] + s * STREAM_COLUMNS


@part
def stream_state(m: Numbers, s: int) -> int:
    """Where the state of a stream begins."""
    return m[STREAM_STATES] + s * STREAM_STATE


@part
def _sums(m: Numbers, s: int) -> int:
    return m[STREAM_TALLIES] + s * STREAM_SUMS


@part
def _key(m: Numbers, s: int, purpose: int) -> Numbers:
    return shifted(m, m[STREAM_KEYS] + s * STREAM_KEY_WIDTH + purpose)


@part
def _cell(m: Numbers, cell: int) -> int:
    return m[CELLS] + cell * CELL


@part
def _drawn(m: Numbers, s: int, distribution: int, purpose: int, entity: int, draw: int) -> float:
    return drawn(shifted(m, m[DISTRIBUTIONS]), distribution, _key(m, s, purpose), entity, draw, m[REPLICATION])


@part
def _happens(m: Numbers, s: int, chance: float, purpose: int, entity: int, draw: int) -> bool:
    if chance <= 0.0 or chance >= 1.0:
        return chance > 0.0
    return luck(_key(m, s, purpose), entity, draw, m[REPLICATION]) < chance


@part
def _ticks(days: float) -> int:
    return int(days * TICKS_PER_DAY + 0.5)


# Orders come


@part
def plan_next_order(m: Numbers, q: Numbers, s: int) -> None:
    """Schedule the stream's next order, if it has so many; luck is drawn for four at a time."""
    row, state = _row(m, s), stream_state(m, s)
    number = m[state + S_ORDER]
    if m[row + LIMIT] > 0 and number >= m[row + LIMIT]:
        return
    if number & 3 == 0:
        key, distributions = _key(m, s, _INTERARRIVAL_KEY), shifted(m, m[DISTRIBUTIONS])
        u = block_at(np.uint64(key[0]), np.uint64(key[1]), 0, number >> 2, m[REPLICATION])
        at, distribution = state + S_GAPS, m[row + STREAM_INTERARRIVAL]
        m[at] = _ticks(value_of(distributions, distribution, u[0]))
        m[at + 1] = _ticks(value_of(distributions, distribution, u[1]))
        m[at + 2] = _ticks(value_of(distributions, distribution, u[2]))
        m[at + 3] = _ticks(value_of(distributions, distribution, u[3]))
    gap = m[state + S_GAPS + (number & 3)]
    tick = m[NOW] + gap
    if m[state + S_HOURS_COUNT] > 0:
        tick = work_ends(hours_at(m, m[state + S_HOURS_AT]), m[state + S_HOURS_COUNT], m[NOW], gap)
    schedule(m, q, tick, ORDER, s, number)


@part
def order_comes(m: Numbers, q: Numbers, s: int, number: int) -> None:
    """An order asks for everything; what is there sets out; policies look; the next order is known."""
    o = _new_order(m, s, number)
    if o < 0:
        return
    order = _cell(m, o)
    lines = m[order + O_LINES]
    line = lines
    while line >= 0:
        _ask_for(m, q, line, m[_cell(m, line) + L_UNITS], True)
        line = m[_cell(m, line) + NEXT]
    if lines >= 0:
        send_collected(m, q, o)
    else:
        _send(m, q, o, -1, 0)
    _end_if_nothing_is_left(m, o)
    line = lines
    while line >= 0:
        look(m, q, m[_cell(m, line) + L_POINT])
        line = m[_cell(m, line) + NEXT]
    _let_go(m, o)
    m[stream_state(m, s) + S_ORDER] = number + 1
    plan_next_order(m, q, s)


@part
def _new_order(m: Numbers, s: int, number: int) -> int:
    """An order with its lines, counted, and held by whoever made it; −1 when there is no room."""
    o = new_cell(m)
    if o < 0:
        return -1
    order = _cell(m, o)
    for word in range(1, O_HELD):
        m[order + word] = 0
    m[order + O_STREAM] = s
    m[order + O_NUMBER] = number
    m[order + O_ARRIVAL] = m[NOW]
    m[order + O_PROMISE] = _promised(m, s)
    m[order + O_LINES] = -1
    m[order + O_DELIVERED] = -1
    m[order + O_HELD] = 1
    for station in range(m[STATION_COUNT]):
        m[m[JOBS] + o * m[STATION_COUNT] + station] = 0
    lines, units = _draw_lines(m, s, o)
    sums = _sums(m, s)
    m[stream_state(m, s) + S_OPEN] += 1
    m[sums + STREAM_ORDERS] += 1
    m[sums + STREAM_LINES] += lines
    m[sums + STREAM_UNITS] += units
    note(m, LOG_ORDER, s, number, units, lines)
    return o


@part
def _draw_lines(m: Numbers, s: int, o: int) -> tuple[int, int]:
    """Give an order its lines; how many they are, and units in all."""
    row, order = _row(m, s), _cell(m, o)
    number = m[order + O_NUMBER]
    lines, units_in_all = 0, 0
    if m[row + CHOICE_COUNT] == 0:
        return 0, 0
    last = -1
    for draw in range(int(_drawn(m, s, m[row + LINES], _LINES_KEY, 0, number) + 0.5)):
        point = _draw_point(m, s, number, draw)
        units = max(int(_drawn(m, s, m[row + UNITS], _UNITS_KEY, number, draw) + 0.5), 1)
        units_in_all += units
        line = m[order + O_LINES]
        while line >= 0 and m[_cell(m, line) + L_POINT] != point:
            line = m[_cell(m, line) + NEXT]
        if line >= 0:
            m[_cell(m, line) + L_UNITS] += units
            continue
        line = new_cell(m)
        if line < 0:
            return lines, units_in_all
        at = _cell(m, line)
        m[at + L_POINT] = point
        m[at + L_UNITS] = units
        m[at + L_COLLECTED] = 0
        m[at + L_ORDER] = o
        if last < 0:
            m[order + O_LINES] = line
        else:
            m[_cell(m, last) + NEXT] = line
        last = line
        lines += 1
    return lines, units_in_all


@part
def _draw_point(m: Numbers, s: int, number: int, draw: int) -> int:
    """The first point whose weights, added up, exceed the share drawn of them all."""
    row, r = _row(m, s), as_reals(m)
    first, count = m[row + CHOICE_START], m[row + CHOICE_COUNT]
    if count == 1:
        return m[m[WHOLE] + first]
    share = luck(_key(m, s, _SKU_KEY), number, draw, m[REPLICATION]) * r[m[REAL] + first + count - 1]
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) >> 1
        if r[m[REAL] + first + middle] > share:
            high = middle
        else:
            low = middle + 1
    return m[m[WHOLE] + first + low]


@part
def _promised(m: Numbers, s: int) -> int:
    """See `calendars.promised`."""
    at = m[PROMISES] + s * PROMISE_WIDTH
    day = m[NOW] // TICKS_PER_DAY
    late = 7 if m[NOW] - day * TICKS_PER_DAY > m[at] else 0
    ahead = m[at + 1 + late + day % 7]
    return NEVER if ahead < 0 else (day + ahead + 1) * TICKS_PER_DAY + m[at + 15]


@part
def _ask_for(m: Numbers, q: Numbers, line: int, units: int, counted: bool) -> None:
    """A line asks at its point."""
    at = _cell(m, line)
    order, p = _cell(m, m[at + L_ORDER]), m[at + L_POINT]
    s = m[order + O_STREAM]
    priority, list_of = m[_row(m, s) + STREAM_PRIORITY], m[stream_state(m, s) + S_CLASS]
    met = ask(m, q, p, units, line, priority, list_of, -1, counted)
    m[at + L_COLLECTED] += met
    if met < units:
        if backorders(m, p):
            m[order + O_WAITING] += units - met
        else:
            m[order + O_LOST] = 1


@part
def piece_comes(m: Numbers, q: Numbers, line: int, units: int) -> None:
    """Units that a line waited for are there."""
    at = _cell(m, line)
    o = m[at + L_ORDER]
    m[at + L_COLLECTED] += units
    m[_cell(m, o) + O_WAITING] -= units
    send_collected(m, q, o)


@part
def gives_up(m: Numbers, q: Numbers, line: int, units: int) -> None:
    """A line waits for these units no longer."""
    o = m[_cell(m, line) + L_ORDER]
    order = _cell(m, o)
    m[order + O_HELD] += 1
    m[order + O_WAITING] -= units
    m[order + O_LOST] = 1
    send_collected(m, q, o)
    _end_if_nothing_is_left(m, o)
    _let_go(m, o)


@part
def send_collected(m: Numbers, q: Numbers, o: int) -> None:
    """Make a parcel of what is there, unless the order is shipped complete and something waits."""
    order = _cell(m, o)
    if m[_row(m, m[order + O_STREAM]) + SHIP_COMPLETE] != 0 and m[order + O_WAITING] > 0:
        return
    first, last, units = -1, -1, 0
    line = m[order + O_LINES]
    while line >= 0:
        at = _cell(m, line)
        if m[at + L_COLLECTED] > 0:
            item = new_cell(m)
            if item < 0:
                return
            m[_cell(m, item) + I_LINE] = line
            m[_cell(m, item) + I_UNITS] = m[at + L_COLLECTED]
            units += m[at + L_COLLECTED]
            m[at + L_COLLECTED] = 0
            if last < 0:
                first = item
            else:
                m[_cell(m, last) + NEXT] = item
            last = item
        line = m[at + NEXT]
    if first >= 0:
        _send(m, q, o, first, units)


@part
def _send(m: Numbers, q: Numbers, o: int, items: int, units: int) -> None:
    w = new_cell(m)
    if w < 0:
        return
    order, at = _cell(m, o), _cell(m, w)
    m[at + W_ORDER] = o
    m[at + W_NUMBER] = m[order + O_PARCELS]
    m[at + W_UNITS] = units
    m[at + W_STEP] = 0
    m[at + W_ITEMS] = items
    m[at + W_IS_BACK] = 0
    m[order + O_PARCELS] += 1
    m[order + O_UNDER_WAY] += 1
    m[order + O_HELD] += 1
    _go_on(m, q, w)


@part
def _end_if_nothing_is_left(m: Numbers, o: int) -> None:
    """The order ends when nothing of it waits or is under way."""
    order = _cell(m, o)
    if m[order + O_WAITING] != 0 or m[order + O_UNDER_WAY] != 0 or m[order + O_ENDED] != 0:
        return
    m[order + O_ENDED] = 1
    s = m[order + O_STREAM]
    sums = _sums(m, s)
    m[stream_state(m, s) + S_OPEN] -= 1
    m[sums + DONE] += 1
    if m[order + O_DELIVERED] < 0:
        m[sums + (STREAM_TURNED_AWAY if m[order + O_TURNED_AWAY] != 0 else CANCELLED)] += 1
        return
    on_time = m[order + O_DELIVERED] <= m[order + O_PROMISE]
    in_full = m[order + O_LOST] == 0
    m[sums + DELIVERED] += 1
    m[sums + IN_FULL] += in_full
    m[sums + ON_TIME] += on_time
    m[sums + ON_TIME_IN_FULL] += on_time and in_full
    m[sums + TIME_IN_SYSTEM] += m[order + O_DELIVERED] - m[order + O_ARRIVAL]


@part
def _let_go(m: Numbers, o: int) -> None:
    """One less needs the order; when it has ended and nobody does, it is forgotten."""
    order = _cell(m, o)
    m[order + O_HELD] -= 1
    if m[order + O_HELD] > 0 or m[order + O_ENDED] == 0:
        return
    line = m[order + O_LINES]
    while line >= 0:
        following = m[_cell(m, line) + NEXT]
        free_cell(m, line)
        line = following
    free_cell(m, o)


@part
def _forget_parcel(m: Numbers, w: int) -> None:
    """Nothing more will happen to a parcel."""
    o = m[_cell(m, w) + W_ORDER]
    item = m[_cell(m, w) + W_ITEMS]
    while item >= 0:
        following = m[_cell(m, item) + NEXT]
        free_cell(m, item)
        item = following
    free_cell(m, w)
    _let_go(m, o)


# On the route


@part
def _go_on(m: Numbers, q: Numbers, w: int) -> None:
    """Join the next station, or leave after the last."""
    at = _cell(m, w)
    row = _row(m, m[_cell(m, m[at + W_ORDER]) + O_STREAM])
    step = m[at + W_STEP]
    if step == m[row + ROUTE_COUNT]:
        _dispatch(m, q, w)
    elif not join(m, q, m[m[WHOLE] + m[row + ROUTE_START] + step], w):
        _turned_away(m, q, w)


@part
def work_done(m: Numbers, q: Numbers, t: int, w: int) -> None:
    """A station has finished a job: it goes on, begins its route again, leaves, or is inspected."""
    finish(m, q, t, w)
    at = _cell(m, w)
    order = _cell(m, m[at + W_ORDER])
    s = m[order + O_STREAM]
    if m[at + W_IS_BACK] != 0:
        inspected(m, q, w)
        return
    m[at + W_STEP] += 1
    if m[at + W_STEP] == m[_row(m, s) + ROUTE_COUNT]:
        number = m[order + O_PASSES]
        m[order + O_PASSES] += 1
        chance = as_reals(m)[m[CHANCES] + s * STREAM_CHANCES + REWORK]
        if _happens(m, s, chance, _REWORK_KEY, m[order + O_NUMBER], number):
            m[_sums(m, s) + REWORKED] += 1
            m[at + W_STEP] = 0
    _go_on(m, q, w)


@part
def _turned_away(m: Numbers, q: Numbers, w: int) -> None:
    o = m[_cell(m, w) + W_ORDER]
    order = _cell(m, o)
    _back_into_stock(m, q, w)
    m[order + O_TURNED_AWAY] = 1
    m[order + O_LOST] = 1
    m[order + O_UNDER_WAY] -= 1
    _end_if_nothing_is_left(m, o)
    _forget_parcel(m, w)


@part
def _order_key(m: Numbers, o: int) -> int:
    return m[_cell(m, o) + O_NUMBER] * m[STREAM_COUNT] + m[_cell(m, o) + O_STREAM]


@part
def _back_into_stock(m: Numbers, q: Numbers, w: int) -> None:
    key = _order_key(m, m[_cell(m, w) + W_ORDER])
    item = m[_cell(m, w) + W_ITEMS]
    while item >= 0:
        at = _cell(m, item)
        plan_restock(m, q, m[_cell(m, m[at + I_LINE]) + L_POINT], m[at + I_UNITS], key)
        item = m[at + NEXT]


# With the carrier. A payload tells whether the parcel is delivered or found lost: 2 · cell, + 1 when lost.


@part
def _dispatch(m: Numbers, q: Numbers, w: int) -> None:
    at = _cell(m, w)
    order = _cell(m, m[at + W_ORDER])
    s, number, parcel = m[order + O_STREAM], m[order + O_NUMBER], m[at + W_NUMBER]
    m[_sums(m, s) + PARCELS] += 1
    note(m, LOG_DISPATCHED, s, number, m[at + W_UNITS], parcel)
    carrier = m[_row(m, s) + CARRIER]
    if carrier < 0:
        schedule(m, q, m[NOW], DELIVERY, s, 2 * w)
        return
    row, risks = m[CARRIERS] + carrier * CARRIER_COLUMNS, m[CARRIER_RISKS] + carrier * CARRIER_CHANCES
    arrives = _next_pickup(m, s) + _ticks(_drawn(m, s, m[row + TRANSIT], _TRANSIT_KEY, number, parcel))
    if _happens(m, s, as_reals(m)[risks + DELAY_CHANCE], _DELAYED_KEY, number, parcel):
        arrives += _ticks(_drawn(m, s, m[row + DELAY], _DELAY_KEY, number, parcel))
        m[_sums(m, s) + PARCELS_LATE] += 1
    is_lost = _happens(m, s, as_reals(m)[risks + LOSS_CHANCE], _LOST_KEY, number, parcel)
    schedule(m, q, arrives, DELIVERY, s, 2 * w + is_lost)


@part
def _next_pickup(m: Numbers, s: int) -> int:
    """See `calendars.next_pickup`."""
    state = stream_state(m, s)
    count = m[state + S_PICKUPS_COUNT]
    if count == 0:
        return m[NOW]
    pickups = m[PICKUPS] + m[state + S_PICKUPS_AT]
    week = m[NOW] // (7 * TICKS_PER_DAY) * (7 * TICKS_PER_DAY)
    for at in range(pickups, pickups + count):
        if week + m[at] >= m[NOW]:
            return week + m[at]
    return week + 7 * TICKS_PER_DAY + m[pickups]


@part
def parcel_comes(m: Numbers, q: Numbers, payload: int) -> None:
    """A parcel is delivered, or found lost."""
    w = payload >> 1
    at = _cell(m, w)
    o = m[at + W_ORDER]
    order = _cell(m, o)
    is_lost = payload & 1 == 1
    level = -1 - m[at + W_NUMBER] if is_lost else m[at + W_NUMBER]
    note(m, LOG_DELIVERY, m[order + O_STREAM], m[order + O_NUMBER], m[at + W_UNITS], level)
    if is_lost:
        _found_lost(m, q, w)
        return
    m[order + O_DELIVERED] = m[NOW]
    stays = not _plan_return(m, q, w)
    m[order + O_UNDER_WAY] -= 1
    _end_if_nothing_is_left(m, o)
    if stays:
        _forget_parcel(m, w)


@part
def _found_lost(m: Numbers, q: Numbers, w: int) -> None:
    """Its units are written off and asked for again; then policies look."""
    o = m[_cell(m, w) + W_ORDER]
    order = _cell(m, o)
    m[_sums(m, m[order + O_STREAM]) + PARCELS_LOST] += 1
    items = m[_cell(m, w) + W_ITEMS]
    item = items
    while item >= 0:
        line, units = m[_cell(m, item) + I_LINE], m[_cell(m, item) + I_UNITS]
        m[point_tallies(m, m[_cell(m, line) + L_POINT]) + WRITTEN_OFF] += units
        _ask_for(m, q, line, units, False)
        item = m[_cell(m, item) + NEXT]
    send_collected(m, q, o)
    m[order + O_UNDER_WAY] -= 1
    _end_if_nothing_is_left(m, o)
    item = items
    while item >= 0:
        look(m, q, m[_cell(m, m[_cell(m, item) + I_LINE]) + L_POINT])
        item = m[_cell(m, item) + NEXT]
    _forget_parcel(m, w)


# Coming back


@part
def _plan_return(m: Numbers, q: Numbers, w: int) -> bool:
    """Whether a delivered parcel comes back; then it is scheduled."""
    at = _cell(m, w)
    order = _cell(m, m[at + W_ORDER])
    s, number = m[order + O_STREAM], m[order + O_NUMBER]
    chance = as_reals(m)[m[CHANCES] + s * STREAM_CHANCES + RETURN_CHANCE]
    if not _happens(m, s, chance, _RETURNED_KEY, number, m[at + W_NUMBER]):
        return False
    delay = _drawn(m, s, m[_row(m, s) + RETURN_DELAY], _RETURN_DELAY_KEY, number, m[at + W_NUMBER])
    m[at + W_IS_BACK] = 1
    schedule(m, q, m[NOW] + _ticks(delay), RETURN, s, w)
    return True


@part
def return_arrives(m: Numbers, q: Numbers, s: int, w: int) -> None:
    """A return joins the inspection, or is dealt with at once."""
    inspection = m[_row(m, s) + INSPECTION]
    if inspection < 0:
        inspected(m, q, w)
    elif not join(m, q, inspection, w):
        _end_return(m, q, w, False)


@part
def inspected(m: Numbers, q: Numbers, w: int) -> None:
    """A return goes back into stock, or is written off."""
    at = _cell(m, w)
    order = _cell(m, m[at + W_ORDER])
    s = m[order + O_STREAM]
    chance = as_reals(m)[m[CHANCES] + s * STREAM_CHANCES + RESTOCK_CHANCE]
    _end_return(m, q, w, _happens(m, s, chance, _RESTOCKED_KEY, m[order + O_NUMBER], m[at + W_NUMBER]))


@part
def _end_return(m: Numbers, q: Numbers, w: int, is_good: bool) -> None:
    at = _cell(m, w)
    order = _cell(m, m[at + W_ORDER])
    s = m[order + O_STREAM]
    m[_sums(m, s) + RETURNS] += 1
    note(m, LOG_RETURN, s, m[order + O_NUMBER], m[at + W_UNITS] if is_good else 0, m[at + W_NUMBER])
    if is_good:
        _back_into_stock(m, q, w)
    else:
        item = m[at + W_ITEMS]
        while item >= 0:
            p = m[_cell(m, m[_cell(m, item) + I_LINE]) + L_POINT]
            m[point_tallies(m, p) + WRITTEN_OFF] += m[_cell(m, item) + I_UNITS]
            item = m[_cell(m, item) + NEXT]
    _forget_parcel(m, w)
