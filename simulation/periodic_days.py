"""The days of stock points, compiled: what arrives, who asks, what is ordered, one midnight after the other.

Everything of a periodic scenario happens at midnights, so that a stock point is followed day by day without a list
of events. Points and replications are independent of each other. The rules are those of docs/simulation/rules.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable, value_at
from simulation.periodic_arrays import (
    ASKED,
    BACKORDERS,
    BREAK_COUNT,
    BREAK_START,
    DAILY_DEMAND,
    DEMAND_KIND,
    FIRST_REVIEW,
    LEAD_DAYS,
    LEAD_TIME,
    LEAD_TIME_ROW,
    MOQ,
    NO_DEMAND,
    OPENING,
    ORDER_QUANTITY,
    ORDER_UP_TO_LEVEL,
    OUTAGE_COUNT,
    OUTAGE_START,
    PACK_SIZE,
    PATH_COUNT,
    PATH_DAYS,
    PATH_START,
    PIPELINE_COUNT,
    PIPELINE_START,
    POLICY_KIND,
    REORDER,
    REORDER_POINT,
    REVIEW_PERIOD,
    SHELF_DAYS,
    SIZE,
    SIZE_ROW,
    YIELD,
    YIELD_ROW,
)
from simulation.scenario import TICKS_PER_DAY
from simulation.step_tables import StepTables, number_at, whole_number_at
from simulation.streams import uniform_at

UnitArray = npt.NDArray[np.int32]
KeyArray = npt.NDArray[np.uint64]

# Where a stock point's state and sums stand in its row, int64. The sums come last: a warm-up sets them to 0.
ON_HAND, ON_ORDER, BACKORDERED, SHORT, ISSUED, ARRIVED = range(6)
QUEUE_HEAD, QUEUE_TAIL, LOT_HEAD, LOT_TAIL, WAIT = range(6, 11)
DEMAND, DEMAND_EVENTS, NOT_FILLED, NOT_FILLED_EVENTS, SERVED_LATE = range(11, 16)
ORDERS, ORDERED, RECEIVED, SPOILED, CYCLES, SHORT_CYCLES = range(16, 22)
ON_HAND_TICKS, ON_ORDER_TICKS, BACKORDERED_TICKS, IN_STOCK_TICKS, NO_BACKORDER_TICKS = range(22, 27)
STATE_WIDTH = 27

# Columns of an order under way, and of a lot that will spoil.
DUE, ARRIVING, LEAVING, PRICE = range(4)
ORDER_WIDTH = 4
END_OF_LIFE, THROUGH = range(2)
LOT_WIDTH = 2
FIRST_ROOM = 32

_NEVER = 2**62
_LIST_PRICE = -1
_BEYOND = 2**31 - 1
_SELDOM = 14
"""From this review period on, lead times are drawn one by one."""


class World(NamedTuple):
    """What a run of days reads and never changes.

    Loops take its parts one by one: a compiled call copies a whole tuple of arrays, which costs more than a day.

    Attributes:
        columns, unit_cost, pipeline, break_units, break_cost, path_units, outages, table, steps: See
            `PeriodicArrays`.
        policies: See `policy_arrays`.
        keys: Words of each point's streams of sizes, lead times and yields, shape (point, 3, 2).
        horizon: First tick that is not run.
        warm_up: Tick at which sums begin anew.
    """

    columns: IntArray
    unit_cost: FloatArray
    pipeline: IntArray
    break_units: IntArray
    break_cost: FloatArray
    path_units: UnitArray
    outages: IntArray
    table: DistributionTable
    steps: StepTables
    policies: IntArray
    keys: KeyArray
    horizon: int
    warm_up: int


@kernel
def run_points(
    world: World,
    first_point: int,
    last_point: int,
    first_replication: int,
    sums: IntArray,
    cost: FloatArray,
    daily: UnitArray,
) -> None:
    """Run stock points from the first to before the last, all replications and days.

    Args:
        world: Points and policies; those that ask a Python function are left out.
        first_point, last_point: Which of them.
        first_replication: Number of the replication of row 0.
        sums: Filled with each point's row, shape (STATE_WIDTH, replication, point).
        cost: Filled with purchase costs, shape (replication, point).
        daily: Filled with states by day where it holds any, shape (5, replication, day, point).
    """
    days = -(-world.horizon // TICKS_PER_DAY)
    units, dues = np.zeros(days, dtype=np.int32), np.zeros(days, dtype=np.int32)
    arriving, receipts = np.zeros(days, dtype=np.int64), np.zeros(days, dtype=np.int32)
    words = np.empty((4, (days + 3) // 4), dtype=np.uint32)
    queue = np.empty((FIRST_ROOM, ORDER_WIDTH), dtype=np.int64)
    lots = np.empty((FIRST_ROOM, LOT_WIDTH), dtype=np.int64)
    state = np.empty(STATE_WIDTH, dtype=np.int64)
    paid = np.zeros(1, dtype=np.float64)
    columns, policies, keys = world.columns, world.policies, world.keys
    for point in range(first_point, last_point):
        if policies[point, POLICY_KIND] == ASKED:
            continue
        for row in range(sums.shape[1]):
            replication = first_replication + row
            if row == 0 or columns[point, DEMAND_KIND] == DAILY_DEMAND or columns[point, PATH_COUNT] > 1:
                fill_demand(
                    columns[point], keys[point], world.path_units, world.table, world.steps, replication, units, words
                )
            if row == 0 or columns[point, LEAD_DAYS] < 0:
                fill_due_days(columns[point], policies[point], keys[point], world.steps, replication, dues, words)
            paid[0] = 0.0
            if is_plain(columns[point]) and daily.shape[2] == 0:
                run_plain_days(
                    columns[point],
                    policies[point],
                    keys[point],
                    world.pipeline,
                    world.outages,
                    world.table,
                    world.warm_up,
                    replication,
                    units,
                    dues,
                    arriving,
                    receipts,
                    state,
                )
            else:
                queue = begin(columns[point], world.pipeline, world.horizon, state, queue, lots)
                queue, lots = run_days(
                    columns[point],
                    policies[point],
                    keys[point],
                    world.unit_cost[point],
                    world.break_units,
                    world.break_cost,
                    world.outages,
                    world.table,
                    world.horizon,
                    world.warm_up,
                    replication,
                    0,
                    days,
                    units,
                    dues,
                    state,
                    paid,
                    queue,
                    lots,
                    daily[:, row, :, point],
                )
            finish(world.horizon, world.warm_up, units, state, daily[:, row, :, point])
            for field in range(STATE_WIDTH):
                sums[field, row, point] = state[field]
            cost[row, point] = paid_in_all(columns[point], world.unit_cost[point], state, paid)


@kernel
def fill_demand(
    columns: IntArray,
    keys: KeyArray,
    path_units: UnitArray,
    table: DistributionTable,
    steps: StepTables,
    replication: int,
    units: UnitArray,
    words: npt.NDArray[np.uint32],
) -> None:
    """Units that a stock point is asked for on each day.

    Args:
        columns, keys: The point's.
        path_units, table, steps: See `World`.
        replication: Number.
        units: Filled, shape (day,).
        words: Room for random words, shape (4, at least a quarter of the days).
    """
    days = len(units)
    if columns[DEMAND_KIND] == NO_DEMAND:
        units[:] = 0
    elif columns[DEMAND_KIND] != DAILY_DEMAND:
        known = columns[PATH_DAYS]
        start = columns[PATH_START] + known * (replication % columns[PATH_COUNT])
        for day in range(days):
            units[day] = path_units[start + day] if day < known else 0
    else:
        place = columns[SIZE_ROW]
        fill_words(keys[SIZE, 0], keys[SIZE, 1], replication, words, (days + 3) // 4)
        which = steps.table[place]
        if which >= 0:
            start = steps.start[which]
            last_word, number, index = steps.last_word[start:], steps.number[start:], steps.leading[which]
            for day in range(days):
                units[day] = number_at(last_word, number, index, int(words[day & 3, day >> 2]))
        else:
            for day in range(days):
                units[day] = whole_number_at(table, place, int(words[day & 3, day >> 2]))


@kernel
def fill_due_days(
    columns: IntArray,
    policy: IntArray,
    keys: KeyArray,
    steps: StepTables,
    replication: int,
    dues: UnitArray,
    words: npt.NDArray[np.uint32],
) -> None:
    """Day on which the first order of each day would arrive, −1 where it is drawn when it is placed.

    Many lead times at once cost a tenth of one at a time.

    Args:
        columns, policy, keys: The point's.
        steps: See `World`.
        replication: Number.
        dues: Filled, shape (day,).
        words: Room for random words, shape (4, at least a quarter of the days).
    """
    dues[:] = -1
    if columns[OUTAGE_COUNT] > 0:
        return
    if columns[LEAD_DAYS] > 0:
        for day in range(len(dues)):
            dues[day] = min(day + columns[LEAD_DAYS], _BEYOND)
    elif policy[POLICY_KIND] == REORDER and policy[REVIEW_PERIOD] < _SELDOM:
        which = steps.table[columns[LEAD_TIME_ROW]]
        if which >= 0:
            fill_words(keys[LEAD_TIME, 0], keys[LEAD_TIME, 1], replication, words, (len(dues) + 3) // 4)
            start = steps.start[which]
            last_word, number, index = steps.last_word[start:], steps.number[start:], steps.leading[which]
            for day in range(len(dues)):
                lead_days = number_at(last_word, number, index, int(words[day & 3, day >> 2]))
                dues[day] = min(day + max(1, lead_days), _BEYOND)


@kernel
def fill_words(key0: np.uint64, key1: np.uint64, replication: int, words: npt.NDArray[np.uint32], blocks: int) -> None:
    """Random words of entity 0 by day, those of day d at [d mod 4, d div 4]: the words behind `block_at`.

    Each block is computed by itself and without a branch, so that the compiler works at several at once.
    """
    half = np.uint64(32)
    word = np.uint64(0xFFFFFFFF)
    last = np.uint64(replication) & word
    for block in range(blocks):
        c0, c1, c2, c3 = np.uint64(block), np.uint64(0), np.uint64(0), last
        k0, k1 = key0, key1
        for _ in range(10):
            product0 = c0 * np.uint64(0xD2511F53)
            product1 = c2 * np.uint64(0xCD9E8D57)
            c0, c1, c2, c3 = (
                (product1 >> half) ^ c1 ^ k0,
                product1 & word,
                (product0 >> half) ^ c3 ^ k1,
                product0 & word,
            )
            k0 = (k0 + np.uint64(0x9E3779B9)) & word
            k1 = (k1 + np.uint64(0xBB67AE85)) & word
        words[0, block] = c0
        words[1, block] = c1
        words[2, block] = c2
        words[3, block] = c3


@kernel
def begin(
    columns: IntArray, pipeline: IntArray, horizon: int, state: IntArray, queue: IntArray, lots: IntArray
) -> IntArray:
    """A point's row, pipeline and opening lot before day 0; returns `queue`, another where it had to grow."""
    state[:] = 0
    state[ON_HAND] = columns[OPENING]
    state[ARRIVED] = columns[OPENING]
    first = columns[PIPELINE_START]
    for row in range(first, first + columns[PIPELINE_COUNT]):
        day, units = pipeline[row, 0], pipeline[row, 1]
        state[ON_ORDER] += units
        if day * TICKS_PER_DAY < horizon:
            if state[QUEUE_TAIL] == len(queue):
                queue = _grown(queue)
            state[QUEUE_TAIL] = _insert(queue, 0, state[QUEUE_TAIL], day, units, units, _LIST_PRICE)
    if columns[SHELF_DAYS] > 0:
        lots[0, END_OF_LIFE] = columns[SHELF_DAYS]
        lots[0, THROUGH] = columns[OPENING]
        state[LOT_TAIL] = 1
    return queue


@kernel
def run_days(
    columns: IntArray,
    policy: IntArray,
    keys: KeyArray,
    unit_cost: float,
    break_units: IntArray,
    break_cost: FloatArray,
    outages: IntArray,
    table: DistributionTable,
    horizon: int,
    warm_up: int,
    replication: int,
    first_day: int,
    last_day: int,
    units: UnitArray,
    dues: UnitArray,
    state: IntArray,
    paid: FloatArray,
    queue: IntArray,
    lots: IntArray,
    daily: UnitArray,
) -> tuple[IntArray, IntArray]:
    """Run the midnights of a stock point from `first_day` to before `last_day`.

    Args:
        columns, policy, keys, unit_cost: The point's.
        break_units, break_cost, outages, table, horizon, warm_up: See `World`.
        replication: Number, the address of its luck.
        first_day, last_day: Days; what stood through the day before the first is counted too.
        units: Asked for, by day from day 0.
        dues: See `fill_due_days`.
        state: The point's row, brought up to date, but for what `finish` adds.
        paid: Purchase cost where there are price breaks, one number, brought up to date.
        queue: Orders under way in order of arrival, rows `state[QUEUE_HEAD]` to `state[QUEUE_TAIL]`.
        lots: Lots in order of their end, likewise.
        daily: Filled with the states of its days, shape (5, day).

    Returns:
        `queue` and `lots`, which are others where they had to grow.
    """
    on_hand, on_order, backordered = state[ON_HAND], state[ON_ORDER], state[BACKORDERED]
    short, issued, arrived = state[SHORT], state[ISSUED], state[ARRIVED]
    head, tail, lot_head, lot_tail = state[QUEUE_HEAD], state[QUEUE_TAIL], state[LOT_HEAD], state[LOT_TAIL]
    not_filled, not_filled_events, served_late = state[NOT_FILLED], state[NOT_FILLED_EVENTS], state[SERVED_LATE]
    orders, ordered, received, spoiled = state[ORDERS], state[ORDERED], state[RECEIVED], state[SPOILED]
    cycles, short_cycles = state[CYCLES], state[SHORT_CYCLES]
    # Whole days; ticks are made of them below.
    on_hand_days, on_order_days, backordered_days, out_days, backorder_days = 0, 0, 0, 0, 0

    waits, shelf_days = columns[BACKORDERS] != 0, columns[SHELF_DAYS]
    reorders, period = policy[POLICY_KIND] == REORDER, policy[REVIEW_PERIOD]
    continuous = reorders and period == 0
    next_review = _NEVER
    if reorders and period > 0:
        next_review = policy[FIRST_REVIEW] + max(0, -(-(first_day - policy[FIRST_REVIEW]) // period)) * period
    orders_at, level, quantity = highest_position(policy), policy[ORDER_UP_TO_LEVEL], policy[ORDER_QUANTITY]
    pack, moq = columns[PACK_SIZE], columns[MOQ]
    plain, has_breaks = columns[YIELD_ROW] < 0 and columns[BREAK_COUNT] == 0, columns[BREAK_COUNT] > 0
    measured_day, day_after = -(-warm_up // TICKS_PER_DAY), len(units)
    counted_from = first_day - (first_day > 0)
    next_due = queue[head, DUE] if head < tail else _NEVER
    follow = daily.shape[1]

    for day in range(first_day, last_day):
        if day > 0:
            on_hand_days += on_hand
            on_order_days += on_order
            if on_hand == 0:
                out_days += 1
            if backordered > 0:
                backordered_days += backordered
                backorder_days += 1
            if follow > 0:
                daily[0, day - 1], daily[1, day - 1], daily[2, day - 1] = on_hand, on_order, backordered
        if day == measured_day:
            for field in range(DEMAND, STATE_WIDTH):
                state[field] = 0
            not_filled, not_filled_events, served_late = 0, 0, 0
            orders, ordered, received, spoiled, cycles, short_cycles, paid[0] = 0, 0, 0, 0, 0, 0, 0.0
            on_hand_days, on_order_days, backordered_days, out_days, backorder_days = 0, 0, 0, 0, 0
            counted_from = day
            state[ON_HAND], state[ON_ORDER], state[BACKORDERED] = on_hand, on_order, backordered
            add_ticks(state, day * TICKS_PER_DAY - warm_up)
            state[WAIT] = waited(backordered, units, day, warm_up)

        while next_due == day:
            arriving, price = queue[head, ARRIVING], queue[head, PRICE]
            on_order -= queue[head, LEAVING]
            head += 1
            next_due = queue[head, DUE] if head < tail else _NEVER
            on_hand += arriving
            received += arriving
            if has_breaks:
                paid[0] += arriving * (unit_cost if price == _LIST_PRICE else break_cost[price])
            if backordered > 0:
                served = min(on_hand, backordered)
                on_hand -= served
                backordered -= served
                issued += served
                served_late += served
            cycles += 1
            short_cycles += short
            short = 0
            if shelf_days > 0:
                arrived += arriving
                if lot_tail == len(lots):
                    lots, lot_head, lot_tail = _room(lots, lot_head, lot_tail)
                lots[lot_tail, END_OF_LIFE], lots[lot_tail, THROUGH] = day + shelf_days, arrived
                lot_tail += 1

        orders_today = 0
        if shelf_days > 0:
            while lot_head < lot_tail and lots[lot_head, END_OF_LIFE] == day:
                gone = lots[lot_head, THROUGH] - issued
                lot_head += 1
                if gone > 0:
                    on_hand -= gone
                    issued += gone
                    spoiled += gone
                    position = on_hand + on_order - backordered
                    if continuous and position <= orders_at:
                        order = order_size(position, orders_at, level, quantity, pack, moq)
                        orders += 1
                        ordered += order
                        on_order += order
                        if tail == len(queue):
                            queue, head, tail = _room(queue, head, tail)
                        due = dues[day] if orders_today == 0 else -1
                        tail = _send(
                            columns, keys, outages, table, break_units, horizon, replication, day, orders_today, order,
                            due, queue, head, tail,
                        )  # fmt: skip
                        next_due = queue[head, DUE] if head < tail else _NEVER
                        orders_today += 1

        wanted = int(units[day])
        met = min(wanted, on_hand)
        on_hand -= met
        if met < wanted:
            short = 1
            not_filled += wanted - met
            not_filled_events += 1
            if waits:
                backordered += wanted - met
        if shelf_days > 0:
            issued += met
        if day < follow:
            daily[3, day], daily[4, day] = wanted, met
        looks = continuous and wanted > 0
        if day == next_review:
            looks = True
            next_review += period
        position = on_hand + on_order - backordered
        if looks and position <= orders_at:
            order = order_size(position, orders_at, level, quantity, pack, moq)
            orders += 1
            ordered += order
            on_order += order
            if tail == len(queue):
                queue, head, tail = _room(queue, head, tail)
            due = int(dues[day])
            if plain and orders_today == 0 and due >= 0:
                if due < day_after:
                    tail = _insert(queue, head, tail, due, order, order, _LIST_PRICE)
            else:
                tail = _send(
                    columns, keys, outages, table, break_units, horizon, replication, day, orders_today, order,
                    due if orders_today == 0 else -1, queue, head, tail,
                )  # fmt: skip
            next_due = queue[head, DUE] if head < tail else _NEVER

    counted_days = last_day - 1 - counted_from
    state[ON_HAND], state[ON_ORDER], state[BACKORDERED] = on_hand, on_order, backordered
    state[SHORT], state[ISSUED], state[ARRIVED] = short, issued, arrived
    state[QUEUE_HEAD], state[QUEUE_TAIL], state[LOT_HEAD], state[LOT_TAIL] = head, tail, lot_head, lot_tail
    state[NOT_FILLED], state[NOT_FILLED_EVENTS], state[SERVED_LATE] = not_filled, not_filled_events, served_late
    state[ORDERS], state[ORDERED], state[RECEIVED], state[SPOILED] = orders, ordered, received, spoiled
    state[CYCLES], state[SHORT_CYCLES] = cycles, short_cycles
    state[ON_HAND_TICKS] += on_hand_days * TICKS_PER_DAY
    state[ON_ORDER_TICKS] += on_order_days * TICKS_PER_DAY
    state[BACKORDERED_TICKS] += backordered_days * TICKS_PER_DAY
    state[IN_STOCK_TICKS] += (counted_days - out_days) * TICKS_PER_DAY
    state[NO_BACKORDER_TICKS] += (counted_days - backorder_days) * TICKS_PER_DAY
    return queue, lots


@kernel
def is_plain(columns: IntArray) -> bool:
    """Whether goods that arrive on one day may be added up: they keep, arrive as ordered and have one price."""
    return bool(columns[SHELF_DAYS] == 0 and columns[YIELD_ROW] < 0 and columns[BREAK_COUNT] == 0)


@kernel
def run_plain_days(
    columns: IntArray,
    policy: IntArray,
    keys: KeyArray,
    pipeline: IntArray,
    outages: IntArray,
    table: DistributionTable,
    warm_up: int,
    replication: int,
    units: UnitArray,
    dues: UnitArray,
    arriving: IntArray,
    receipts: UnitArray,
    state: IntArray,
) -> None:
    """All midnights of a stock point of which `is_plain` is true: what `begin` and `run_days` do, three times faster.

    Args:
        columns, policy, keys: The point's.
        pipeline, outages, table, warm_up: See `World`.
        replication: Number, the address of its luck.
        units, dues: Asked for, and when an order would arrive, by day.
        arriving, receipts: Room for units and how many orders arrive, by day, all 0 and left so.
        state: Filled, but for what `finish` adds.
    """
    state[:] = 0
    on_hand, on_order, backordered, short = columns[OPENING], 0, 0, 0
    not_filled, not_filled_events, served_late = 0, 0, 0
    orders, ordered, received, cycles, short_cycles = 0, 0, 0, 0, 0
    on_hand_days, on_order_days, backordered_days, out_days, backorder_days = 0, 0, 0, 0, 0
    first, days = columns[PIPELINE_START], len(units)
    for row in range(first, first + columns[PIPELINE_COUNT]):
        on_order += pipeline[row, 1]
        if pipeline[row, 0] < days:
            arriving[pipeline[row, 0]] += pipeline[row, 1]
            receipts[pipeline[row, 0]] += 1
    waits, period = columns[BACKORDERS] != 0, policy[REVIEW_PERIOD]
    continuous = policy[POLICY_KIND] == REORDER and period == 0
    next_review = policy[FIRST_REVIEW] if policy[POLICY_KIND] == REORDER and period > 0 else _NEVER
    orders_at, level, quantity = highest_position(policy), policy[ORDER_UP_TO_LEVEL], policy[ORDER_QUANTITY]
    if policy[POLICY_KIND] != REORDER:
        orders_at = -_NEVER
    pack, moq = columns[PACK_SIZE], columns[MOQ]
    measured_day = min(-(-warm_up // TICKS_PER_DAY), days)

    for measured in range(2):
        if measured:
            not_filled, not_filled_events, served_late = 0, 0, 0
            orders, ordered, received, cycles, short_cycles = 0, 0, 0, 0, 0
            on_hand_days, on_order_days, backordered_days, out_days, backorder_days = 0, 0, 0, 0, 0
            state[WAIT] = waited(backordered, units, measured_day, warm_up)
            state[ON_HAND], state[ON_ORDER], state[BACKORDERED] = on_hand, on_order, backordered
            add_ticks(state, measured_day * TICKS_PER_DAY - warm_up)
        for day in range(measured_day if measured else 0, days if measured else measured_day):
            if receipts[day] > 0:
                on_hand += arriving[day]
                on_order -= arriving[day]
                received += arriving[day]
                cycles += receipts[day]
                short_cycles += short
                short = 0
                arriving[day] = 0
                receipts[day] = 0
                if backordered > 0:
                    served = min(on_hand, backordered)
                    on_hand -= served
                    backordered -= served
                    served_late += served
            wanted = int(units[day])
            met = min(wanted, on_hand)
            on_hand -= met
            if met < wanted:
                short = 1
                not_filled += wanted - met
                not_filled_events += 1
                if waits:
                    backordered += wanted - met
            position = on_hand + on_order - backordered
            if position <= orders_at and (day == next_review or (continuous and wanted > 0)):
                order = order_size(position, orders_at, level, quantity, pack, moq)
                orders += 1
                ordered += order
                on_order += order
                due = int(dues[day])
                if due < 0:
                    due = due_day(columns, keys, outages, table, replication, day, 0)
                if due < days:
                    arriving[due] += order
                    receipts[due] += 1
            if day == next_review:
                next_review += period
            on_hand_days += on_hand
            on_order_days += on_order
            out_days += on_hand == 0
            if backordered > 0:
                backordered_days += backordered
                backorder_days += 1

    # The last day may be cut short: `finish` counts it.
    last = days - 1
    if measured_day <= last:
        on_hand_days -= on_hand
        on_order_days -= on_order
        out_days -= on_hand == 0
        backordered_days -= backordered
        backorder_days -= backordered > 0
    state[ON_HAND], state[ON_ORDER], state[BACKORDERED] = on_hand, on_order, backordered
    state[NOT_FILLED], state[NOT_FILLED_EVENTS], state[SERVED_LATE] = not_filled, not_filled_events, served_late
    state[ORDERS], state[ORDERED], state[RECEIVED] = orders, ordered, received
    state[CYCLES], state[SHORT_CYCLES] = cycles, short_cycles
    counted_days = max(0, last - measured_day)
    state[ON_HAND_TICKS] += on_hand_days * TICKS_PER_DAY
    state[ON_ORDER_TICKS] += on_order_days * TICKS_PER_DAY
    state[BACKORDERED_TICKS] += backordered_days * TICKS_PER_DAY
    state[IN_STOCK_TICKS] += (counted_days - out_days) * TICKS_PER_DAY
    state[NO_BACKORDER_TICKS] += (counted_days - backorder_days) * TICKS_PER_DAY


@kernel
def finish(horizon: int, warm_up: int, units: UnitArray, state: IntArray, daily: UnitArray) -> None:
    """Count what stands from the last midnight to the end of the run, and the waits that are still going on."""
    days = len(units)
    last = (days - 1) * TICKS_PER_DAY
    if warm_up > last:
        state[DEMAND:] = 0
        state[WAIT] = waited(state[BACKORDERED], units, days, warm_up)
    for day in range(-(-warm_up // TICKS_PER_DAY), days):
        state[DEMAND] += units[day]
        state[DEMAND_EVENTS] += units[day] > 0
    add_ticks(state, horizon - max(last, warm_up))
    if daily.shape[1] == days:
        for field in range(3):
            daily[field, days - 1] = state[field]
    # Until now `WAIT` was the time waited before the measured time by units that waited at its start.
    state[WAIT] += state[BACKORDERED_TICKS] - waited(state[BACKORDERED], units, days, horizon)


@kernel
def paid_in_all(columns: IntArray, unit_cost: float, state: IntArray, paid: FloatArray) -> float:
    """Purchase cost; what arrives is added up by price only where there are price breaks."""
    return float(paid[0]) if columns[BREAK_COUNT] > 0 else float(state[RECEIVED] * unit_cost)


@kernel
def add_ticks(state: IntArray, ticks: int) -> None:
    """Count the state as it stands for so many ticks."""
    state[ON_HAND_TICKS] += state[ON_HAND] * ticks
    state[ON_ORDER_TICKS] += state[ON_ORDER] * ticks
    state[BACKORDERED_TICKS] += state[BACKORDERED] * ticks
    if state[ON_HAND] > 0:
        state[IN_STOCK_TICKS] += ticks
    if state[BACKORDERED] == 0:
        state[NO_BACKORDER_TICKS] += ticks


@kernel
def waited(backordered: int, units: UnitArray, day: int, tick: int) -> int:
    """Unit-ticks that the units backordered now have waited: they are the last that were asked for before `day`."""
    total = 0
    while backordered > 0:
        day -= 1
        of_day = min(backordered, int(units[day]))
        backordered -= of_day
        total += of_day * (tick - day * TICKS_PER_DAY)
    return total


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
def _send(
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
    return _insert(queue, head, tail, due, arriving, order, price_row(columns, break_units, order))


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
    price = _LIST_PRICE
    first = columns[BREAK_START]
    for row in range(first, first + columns[BREAK_COUNT]):
        if units >= break_units[row]:
            price = row
    return price


@kernel
def place_order(
    world: World, point: int, replication: int, day: int, units: int, state: IntArray, queue: IntArray
) -> None:
    """Place the order that a Python function asked for at a review; `queue` has room for one more."""
    if units <= 0:
        return
    columns = world.columns[point]
    pack = columns[PACK_SIZE]
    order = (max(units, columns[MOQ]) + pack - 1) // pack * pack
    state[ORDERS] += 1
    state[ORDERED] += order
    state[ON_ORDER] += order
    if state[QUEUE_TAIL] == len(queue):
        _, state[QUEUE_HEAD], state[QUEUE_TAIL] = _moved_up(queue, state[QUEUE_HEAD], state[QUEUE_TAIL])
    state[QUEUE_TAIL] = _send(
        columns, world.keys[point], world.outages, world.table, world.break_units, world.horizon, replication, day, 0,
        order, -1, queue, state[QUEUE_HEAD], state[QUEUE_TAIL],
    )  # fmt: skip


@kernel
def _insert(queue: IntArray, head: int, tail: int, due: int, arriving: int, leaving: int, price: int) -> int:
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
def _room(rows: IntArray, head: int, tail: int) -> tuple[IntArray, int, int]:
    """Room for at least one more row at the tail: rows before the head are given up, or twice as many are held."""
    if 2 * head < len(rows):
        rows = _grown(rows)
    return _moved_up(rows, head, tail)


@kernel
def _moved_up(rows: IntArray, head: int, tail: int) -> tuple[IntArray, int, int]:
    for row in range(head, tail):
        for column in range(rows.shape[1]):
            rows[row - head, column] = rows[row, column]
    return rows, 0, tail - head


@kernel
def _grown(rows: IntArray) -> IntArray:
    more = np.empty((2 * len(rows), rows.shape[1]), dtype=np.int64)
    more[: len(rows)] = rows
    return more
