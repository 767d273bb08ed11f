"""Stock points that nobody but customers and suppliers touch, each by itself: the fastest way to run them.

The next customer and the next review are scalars beside a small queue of receipts, four customers' luck comes from
one block, and integrals over time grow only where the state changes: ∫ x dt over [W, T] is
x(T)·T − x(W)·W − Σ Δx·t, summed in 64 bits, in which an overflow on the way does no harm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.event_queue import NEVER, clear, event_queue, next_tick, pop, push
from simulation.lean import lean, part, pointer_to, shifted, value_of
from simulation.quantiles import EXPONENTIAL, log_of_rest
from simulation.replenishing import arrival_tick, arriving_units, price_of, units_to_order
from simulation.scenario import TICKS_PER_DAY
from simulation.streams import block_at
from simulation.tables import (
    BACKORDERS,
    DAILY,
    DEMAND_COUNT,
    DEMAND_KIND,
    DEMAND_PATHS,
    DEMAND_START,
    EVENTS,
    FIXED_SIZE,
    INTERARRIVAL,
    LOOKS_BELOW,
    NO_DEMAND,
    ON_HAND,
    PIPELINE_COUNT,
    PIPELINE_START,
    POINT_COLUMNS,
    RENEWAL,
    REVIEW_DAYS,
    REVIEW_PERIOD,
    SIZE,
    Tables,
)
from simulation.tally_columns import (
    BACKORDERED_END,
    BACKORDERED_TICKS,
    CYCLES,
    DEMAND,
    DEMAND_EVENTS,
    FILLED,
    FILLED_EVENTS,
    IN_STOCK_TICKS,
    LOST,
    NO_BACKORDER_TICKS,
    ON_HAND_END,
    ON_HAND_TICKS,
    ON_ORDER_END,
    ON_ORDER_TICKS,
    ORDERED,
    ORDERS,
    RECEIVED,
    SERVED_LATE,
    STOCK_OUT_CYCLES,
    WAIT,
)

INTERARRIVAL_KEY, SIZE_KEY = 0, 1


class StockRoom(NamedTuple):
    """Where one point's replication keeps what is under way.

    Attributes:
        receipts: Their queue; a payload is a row of the next two.
        under_way: (units ordered, units arriving, next free row), shape (capacity, 3).
        prices: Of a unit, shape (capacity,).
        waiting: (tick, units) of each customer who waits, a ring whose length is a power of two.
        customers: (tick, units) of the next four, shape (4, 2).
        state: On order; Σ Δ·t of it; first free row; day of the last order; orders of that day; scheduled so far.
    """

    receipts: IntArray
    under_way: IntArray
    prices: FloatArray
    waiting: IntArray
    customers: IntArray
    state: IntArray


_ON_ORDER, _ON_ORDER_MOMENT, _FREE, _DAY, _OF_DAY, _SCHEDULED = range(6)


def stock_room(under_way: int, waiting: int) -> StockRoom:
    """Room for so many orders under way and so many customers waiting (a power of two)."""
    return StockRoom(
        receipts=event_queue(under_way),
        under_way=np.zeros((under_way, 3), dtype=np.int64),
        prices=np.zeros(under_way),
        waiting=np.zeros((waiting, 2), dtype=np.int64),
        customers=np.zeros((4, 2), dtype=np.int64),
        state=np.zeros(6, dtype=np.int64),
    )


@lean
def stock_events(
    tables: Tables, point: int, room: StockRoom, span: IntArray, done: int, sums: IntArray, costs: FloatArray
) -> int:
    """Run replications of one stock point, from `done` on.

    Args:
        tables: The scenario's.
        point: Which one.
        room: To work in.
        span: End of the warm-up and of the run, ticks; number of the first replication.
        done: Replications that are there already.
        sums: Filled, shape (replication, POINT_SUMS).
        costs: Of what was received, filled, shape (replication,).

    Returns:
        Replications that are there now; fewer than wanted when some room was too small for the next.
    """
    for replication in range(done, len(sums)):
        cost = _replication(tables, point, room, span, span[2] + replication, sums[replication])
        if cost < 0:
            return replication
        costs[replication] = cost
    return len(sums)


@part
def _replication(
    tables: Tables, point: int, room: StockRoom, span: IntArray, replication: int, sums: IntArray
) -> float:
    """Fill the sums of one replication; its purchase cost, or −1 when some room is full."""
    row, whole = shifted(pointer_to(tables.points), point * POINT_COLUMNS), pointer_to(tables.whole)
    state, waiting, customers, under_way = room.state, room.waiting, room.customers, room.under_way
    receipts = pointer_to(room.receipts)
    clear(receipts)
    state[:] = 0
    state[_DAY] = -1
    for slot in range(len(under_way)):
        under_way[slot, 2] = slot + 1
    for entry in range(row[PIPELINE_COUNT]):
        at = row[PIPELINE_START] + 2 * entry
        if not _send(room, whole[at], whole[at + 1], whole[at + 1], tables.unit_cost[point], 0):
            return -1.0

    on_hand = row[ON_HAND]
    backordered = 0
    position = on_hand + state[_ON_ORDER]
    head = 0
    queued = 0
    cycle_is_short = 0
    cost = 0.0
    below = row[LOOKS_BELOW] if row[REVIEW_PERIOD] == 0 else -NEVER
    first_review, period = tables.real[row[REVIEW_DAYS]], tables.real[row[REVIEW_DAYS] + 1]
    review = int(first_review * TICKS_PER_DAY + 0.5) if row[REVIEW_PERIOD] > 0 else NEVER
    reviews = 0
    receipt = next_tick(receipts)
    block = 0
    _next_four(tables, point, customers, block, 0, replication)
    next_customer = 0
    tick = customers[0, 0]
    backorders = row[BACKORDERS] != 0
    ring = len(waiting) - 1
    poisson = row[DEMAND_KIND] == RENEWAL and row[FIXED_SIZE] >= 0
    poisson &= tables.distributions.kind[row[INTERARRIVAL]] == EXPONENTIAL
    mean = tables.distributions.parameters[row[INTERARRIVAL], 0]
    key0 = np.uint64(tables.point_keys[point, INTERARRIVAL_KEY, 0])
    key1 = np.uint64(tables.point_keys[point, INTERARRIVAL_KEY, 1])

    for phase in range(2):
        limit = span[phase]
        begin = 0 if phase == 0 else span[0]
        sums[:] = 0
        cost = 0.0
        on_hand_moment = -on_hand * begin
        in_stock_moment = -begin if on_hand > 0 else 0
        backordered_moment = -backordered * begin
        no_backorder_moment = -begin if backordered == 0 else 0
        state[_ON_ORDER_MOMENT] = -state[_ON_ORDER] * begin
        demand = 0
        customers_served = 0
        short = 0
        short_customers = 0
        while True:
            boundary = min(receipt, review + 1, limit)
            while tick < boundary:
                units = customers[next_customer, 1]
                if units < on_hand:
                    on_hand -= units
                    position -= units
                    on_hand_moment += units * tick
                    demand += units
                    customers_served += units > 0
                elif units > 0:
                    demand += units
                    customers_served += 1
                    met = on_hand
                    if met > 0:
                        in_stock_moment += tick
                    on_hand_moment += met * tick
                    on_hand = 0
                    position -= met
                    missing = units - met
                    if missing > 0:
                        short += missing
                        short_customers += 1
                        cycle_is_short = 1
                        if backorders:
                            if queued > ring:
                                return -1.0
                            at = (head + queued) & ring
                            waiting[at, 0], waiting[at, 1] = tick, missing
                            queued += 1
                            if backordered == 0:
                                no_backorder_moment += tick
                            backordered += missing
                            backordered_moment -= missing * tick
                            position -= missing
                if position <= below and units > 0:
                    ordered = _order(tables, point, room, on_hand, backordered, tick, replication, sums)
                    if ordered < 0:
                        return -1.0
                    position += ordered
                    receipt = next_tick(receipts)
                    boundary = min(boundary, receipt)
                next_customer += 1
                if next_customer == 4:
                    block += 1
                    if poisson:
                        _next_four_of_poisson(customers, key0, key1, mean, block, tick, replication)
                    else:
                        _next_four(tables, point, customers, block, tick, replication)
                    next_customer = 0
                tick = customers[next_customer, 0]

            now = min(receipt, review)
            if now >= limit:
                break
            if receipt <= review:
                _, _, slot = pop(receipts)
                ordered, arriving = under_way[slot, 0], under_way[slot, 1]
                cost += arriving * room.prices[slot]
                under_way[slot, 2] = state[_FREE]
                state[_FREE] = slot
                state[_ON_ORDER] -= ordered
                state[_ON_ORDER_MOMENT] += ordered * now
                position += arriving - ordered
                sums[RECEIVED] += arriving
                sums[CYCLES] += 1
                sums[STOCK_OUT_CYCLES] += cycle_is_short
                cycle_is_short = 0
                if backordered > 0 and arriving > 0:
                    left = arriving
                    while queued > 0 and left > 0:
                        served = min(left, waiting[head, 1])
                        sums[SERVED_LATE] += served
                        sums[WAIT] += served * (now - waiting[head, 0])
                        left -= served
                        waiting[head, 1] -= served
                        if waiting[head, 1] == 0:
                            head = (head + 1) & ring
                            queued -= 1
                    backordered -= arriving - left
                    backordered_moment += (arriving - left) * now
                    if backordered == 0:
                        no_backorder_moment -= now
                    arriving = left
                if arriving > 0:
                    if on_hand == 0:
                        in_stock_moment -= now
                    on_hand += arriving
                    on_hand_moment -= arriving * now
                receipt = next_tick(receipts)
            else:
                ordered = _order(tables, point, room, on_hand, backordered, now, replication, sums)
                if ordered < 0:
                    return -1.0
                position += ordered
                receipt = next_tick(receipts)
                reviews += 1
                review = int((first_review + reviews * period) * TICKS_PER_DAY + 0.5)

        sums[DEMAND], sums[DEMAND_EVENTS] = demand, customers_served
        sums[FILLED], sums[FILLED_EVENTS] = demand - short, customers_served - short_customers
        sums[LOST] = 0 if backorders else short
        sums[ON_HAND_TICKS] = on_hand_moment + on_hand * limit
        sums[IN_STOCK_TICKS] = in_stock_moment + (limit if on_hand > 0 else 0)
        sums[BACKORDERED_TICKS] = backordered_moment + backordered * limit
        sums[NO_BACKORDER_TICKS] = no_backorder_moment + (limit if backordered == 0 else 0)
        sums[ON_ORDER_TICKS] = state[_ON_ORDER_MOMENT] + state[_ON_ORDER] * limit
        sums[ON_HAND_END], sums[ON_ORDER_END], sums[BACKORDERED_END] = on_hand, state[_ON_ORDER], backordered
    return cost


@part
def _order(
    tables: Tables,
    point: int,
    room: StockRoom,
    on_hand: int,
    backordered: int,
    tick: int,
    replication: int,
    sums: IntArray,
) -> int:
    """Let the policy look: the units ordered, or −1 when there is no room for the order."""
    row, state = shifted(pointer_to(tables.points), point * POINT_COLUMNS), room.state
    whole, real, distributions = pointer_to(tables.whole), pointer_to(tables.real), pointer_to(tables.inverses)
    units = units_to_order(row, real, on_hand, state[_ON_ORDER], backordered, tick)
    if units == 0:
        return 0
    day = tick // TICKS_PER_DAY
    if day != state[_DAY]:
        state[_DAY], state[_OF_DAY] = day, 0
    number = state[_OF_DAY]
    state[_OF_DAY] += 1
    keys = pointer_to(tables.point_keys[point])
    arrives = arrival_tick(row, whole, keys, distributions, tick, number, replication)
    arriving = arriving_units(row, keys, distributions, units, tick, number, replication)
    price = price_of(row, whole, real, tables.unit_cost[point], units)
    sums[ORDERS] += 1
    sums[ORDERED] += units
    return units if _send(room, arrives, units, arriving, price, tick) else -1


@part
def _send(room: StockRoom, arrives: int, units: int, arriving: int, price: float, tick: int) -> bool:
    """Put an order under way; False when there is no room."""
    state = room.state
    slot = state[_FREE]
    if slot == len(room.under_way):
        return False
    state[_FREE] = room.under_way[slot, 2]
    room.under_way[slot, 0], room.under_way[slot, 1], room.prices[slot] = units, arriving, price
    state[_ON_ORDER] += units
    state[_ON_ORDER_MOMENT] -= units * tick
    state[_SCHEDULED] += 1
    return push(pointer_to(room.receipts), arrives, state[_SCHEDULED], slot)


@part
def _next_four_of_poisson(
    customers: IntArray, key0: np.uint64, key1: np.uint64, mean: float, block: int, tick: int, replication: int
) -> None:
    """`_next_four` where the customers' sizes are fixed and stay as they are; the inverse is that of `value_at`."""
    luck0, luck1, luck2, luck3 = block_at(key0, key1, 0, block, replication)
    gap0 = int(-mean * log_of_rest(luck0) * TICKS_PER_DAY + 0.5)
    gap1 = int(-mean * log_of_rest(luck1) * TICKS_PER_DAY + 0.5)
    gap2 = int(-mean * log_of_rest(luck2) * TICKS_PER_DAY + 0.5)
    gap3 = int(-mean * log_of_rest(luck3) * TICKS_PER_DAY + 0.5)
    customers[0, 0] = tick + gap0
    customers[1, 0] = tick + gap0 + gap1
    customers[2, 0] = tick + gap0 + gap1 + gap2
    customers[3, 0] = tick + gap0 + gap1 + gap2 + gap3


@part
def _next_four(tables: Tables, point: int, customers: IntArray, block: int, tick: int, replication: int) -> None:
    """When the next four customers come, and what they ask for; `tick` is when the last one came."""
    row, keys, distributions = tables.points[point], tables.point_keys[point], pointer_to(tables.inverses)
    kind = row[DEMAND_KIND]
    if kind == NO_DEMAND:
        customers[:, 0] = NEVER
        return
    if kind == RENEWAL:
        distribution = row[INTERARRIVAL]
        luck = block_at(
            np.uint64(keys[INTERARRIVAL_KEY, 0]), np.uint64(keys[INTERARRIVAL_KEY, 1]), 0, block, replication
        )
        gaps = (
            int(value_of(distributions, distribution, luck[0]) * TICKS_PER_DAY + 0.5),
            int(value_of(distributions, distribution, luck[1]) * TICKS_PER_DAY + 0.5),
            int(value_of(distributions, distribution, luck[2]) * TICKS_PER_DAY + 0.5),
            int(value_of(distributions, distribution, luck[3]) * TICKS_PER_DAY + 0.5),
        )
        for customer in range(4):
            tick += gaps[customer]
            customers[customer, 0] = tick
    elif kind == EVENTS:
        for customer in range(4):
            number = 4 * block + customer
            at = row[DEMAND_START] + number
            there = number < row[DEMAND_COUNT]
            customers[customer, 0] = tables.whole[at] if there else NEVER
            customers[customer, 1] = tables.whole[at + row[DEMAND_COUNT]] if there else 0
        return
    else:
        for customer in range(4):
            customers[customer, 0] = (4 * block + customer) * TICKS_PER_DAY
        if kind != DAILY:
            path = replication % row[DEMAND_PATHS]
            for customer in range(4):
                day = 4 * block + customer
                at = row[DEMAND_START] + path * row[DEMAND_COUNT] + day
                customers[customer, 1] = tables.whole[at] if day < row[DEMAND_COUNT] else 0
            return
    if row[FIXED_SIZE] >= 0:
        customers[:, 1] = row[FIXED_SIZE]
        return
    luck = block_at(np.uint64(keys[SIZE_KEY, 0]), np.uint64(keys[SIZE_KEY, 1]), 0, block, replication)
    for customer in range(4):
        customers[customer, 1] = int(value_of(distributions, row[SIZE], luck[customer]) + 0.5)
