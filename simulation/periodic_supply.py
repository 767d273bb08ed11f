"""What a policy orders, when it arrives, how much of it and at what price; and the orders under way."""

from __future__ import annotations

import numpy as np

from simulation.arrays import IntArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable, value_at
from simulation.periodic_arrays import (
    BREAK_COUNT,
    BREAK_START,
    LEAD_DAYS,
    LEAD_TIME,
    LEAD_TIME_ROW,
    MOQ,
    ORDER_QUANTITY,
    ORDER_UP_TO_LEVEL,
    OUTAGE_COUNT,
    OUTAGE_START,
    PACK_SIZE,
    REORDER_POINT,
    YIELD,
    YIELD_ROW,
)
from simulation.periodic_state import (
    ARRIVING,
    DUE,
    LEAVING,
    LIST_PRICE,
    ON_ORDER,
    ORDER_WIDTH,
    ORDERED,
    ORDERS,
    PRICE,
    QUEUE_HEAD,
    QUEUE_TAIL,
    KeyArray,
)
from simulation.scenario import TICKS_PER_DAY
from simulation.streams import uniform_at


@kernel
def highest_position(policy: IntArray) -> int:
    """The highest inventory position at which a policy orders."""
    if policy[ORDER_QUANTITY] > 0:
        return int(policy[REORDER_POINT])
    return min(int(policy[REORDER_POINT]), int(policy[ORDER_UP_TO_LEVEL]) - 1)


@kernel
def order_size(position: int, orders_at: int, level: int, quantity: int, pack: int, moq: int) -> int:
    """Units to order at an inventory position at or below `orders_at`."""
    order = level - position
    if quantity > 0:
        order = ((orders_at - position) // quantity + 1) * quantity
    order = max(order, moq)
    return order if pack == 1 else (order + pack - 1) // pack * pack


@kernel
def place_order(
    columns: IntArray,
    keys: KeyArray,
    outages: IntArray,
    table: DistributionTable,
    break_units: IntArray,
    horizon: int,
    replication: int,
    day: int,
    units: int,
    state: IntArray,
    queue: IntArray,
) -> None:
    """Place the order that a Python function asked for at a review; `queue` has room for one more."""
    pack = columns[PACK_SIZE]
    order = (max(units, columns[MOQ]) + pack - 1) // pack * pack
    state[ORDERS] += 1
    state[ORDERED] += order
    state[ON_ORDER] += order
    if state[QUEUE_TAIL] == len(queue):
        _, state[QUEUE_HEAD], state[QUEUE_TAIL] = moved_up(queue, state[QUEUE_HEAD], state[QUEUE_TAIL])
    number, due = int(np.int64(0)), int(np.int64(-1))
    state[QUEUE_TAIL] = send(
        columns, keys, outages, table, break_units, horizon, replication, day, number, order, due, queue,
        state[QUEUE_HEAD], state[QUEUE_TAIL],
    )  # fmt: skip


@kernel
def send(
    columns: IntArray,
    keys: KeyArray,
    outages: IntArray,
    table: DistributionTable,
    break_units: IntArray,
    horizon: int,
    replication: int,
    day: int,
    number: int,
    order: int,
    due: int,
    queue: IntArray,
    head: int,
    tail: int,
) -> int:
    """Put an order, the given number of its day, under way if it arrives within the run; returns the new tail.

    `due` is the day it arrives, −1 where that is to be drawn; `queue` has room.
    """
    if due < 0:
        due = due_day(columns, keys, outages, table, replication, day, number)
    if due * TICKS_PER_DAY >= horizon:
        return tail
    arriving = order
    if columns[YIELD_ROW] >= 0:
        arriving = units_arriving(columns, keys, table, replication, day, number, order)
    return insert(queue, head, tail, due, arriving, order, price_row(columns, break_units, order))


@kernel
def due_day(
    columns: IntArray,
    keys: KeyArray,
    outages: IntArray,
    table: DistributionTable,
    replication: int,
    day: int,
    number: int,
) -> int:
    """The day on which an order, the given number of its day, arrives: after an outage and a lead time."""
    lead_days = columns[LEAD_DAYS]
    if lead_days < 0:
        luck = uniform_at(keys[LEAD_TIME, 0], keys[LEAD_TIME, 1], number, day, replication)
        lead_days = max(1, int(value_at(table, columns[LEAD_TIME_ROW], luck) + 0.5))
    first = columns[OUTAGE_START]
    for row in range(first, first + columns[OUTAGE_COUNT]):
        if outages[row, 0] <= day * TICKS_PER_DAY and day < outages[row, 1]:
            return int(outages[row, 1] + lead_days)
    return int(day + lead_days)


@kernel
def units_arriving(
    columns: IntArray, keys: KeyArray, table: DistributionTable, replication: int, day: int, number: int, units: int
) -> int:
    """What arrives of an order of so many units, the given number of its day."""
    luck = uniform_at(keys[YIELD, 0], keys[YIELD, 1], number, day, replication)
    return int(units * value_at(table, columns[YIELD_ROW], luck) + 0.5)


@kernel
def price_row(columns: IntArray, break_units: IntArray, units: int) -> int:
    """The last price break that an order of so many units reaches."""
    price = LIST_PRICE
    first = columns[BREAK_START]
    for row in range(first, first + columns[BREAK_COUNT]):
        if units >= break_units[row]:
            price = row
    return price


@kernel
def insert(queue: IntArray, head: int, tail: int, due: int, arriving: int, leaving: int, price: int) -> int:
    """Put an order behind all that arrive no later; returns the new tail."""
    row = tail
    while row > head and queue[row - 1, DUE] > due:
        for column in range(ORDER_WIDTH):
            queue[row, column] = queue[row - 1, column]
        row -= 1
    queue[row, DUE] = due
    queue[row, ARRIVING] = arriving
    queue[row, LEAVING] = leaving
    queue[row, PRICE] = price
    return tail + 1


@kernel
def room(rows: IntArray, head: int, tail: int) -> tuple[IntArray, int, int]:
    """Room for at least one more row at the tail: rows before the head are given up, or twice as many are held."""
    if 2 * head < len(rows):
        rows = grown(rows)
    return moved_up(rows, head, tail)


@kernel
def moved_up(rows: IntArray, head: int, tail: int) -> tuple[IntArray, int, int]:
    for row in range(head, tail):
        for column in range(rows.shape[1]):
            rows[row - head, column] = rows[row, column]
    return rows, 0, tail - head


@kernel
def grown(rows: IntArray) -> IntArray:
    more = np.empty((2 * len(rows), rows.shape[1]), dtype=np.int64)
    more[: len(rows)] = rows
    return more
