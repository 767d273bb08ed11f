"""The days of a stock point, compiled: what arrives, what spoils, who asks, what is ordered, midnight after midnight.

Each order is followed by itself here; `periodic_plain_days` is the shorter way where that is not needed. The rules are
those of docs/simulation/rules.md.

"""

from __future__ import annotations

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable
from simulation.periodic_arrays import (
    BACKORDERS,
    BREAK_COUNT,
    FIRST_REVIEW,
    MOQ,
    OPENING,
    ORDER_QUANTITY,
    ORDER_UP_TO_LEVEL,
    PACK_SIZE,
    PIPELINE_COUNT,
    PIPELINE_START,
    POLICY_KIND,
    REORDER,
    REVIEW_PERIOD,
    SHELF_DAYS,
    YIELD_ROW,
)
from simulation.periodic_state import (
    ARRIVED,
    ARRIVING,
    BACKORDERED,
    BACKORDERED_TICKS,
    CYCLES,
    DEMAND,
    DUE,
    END_OF_LIFE,
    IN_STOCK_TICKS,
    ISSUED,
    LEAVING,
    LIST_PRICE,
    LOT_HEAD,
    LOT_TAIL,
    NEVER_DAY,
    NO_BACKORDER_TICKS,
    NOT_FILLED,
    NOT_FILLED_EVENTS,
    ON_HAND,
    ON_HAND_TICKS,
    ON_ORDER,
    ON_ORDER_TICKS,
    ORDERED,
    ORDERS,
    PRICE,
    QUEUE_HEAD,
    QUEUE_TAIL,
    RECEIVED,
    SERVED_LATE,
    SHORT,
    SHORT_CYCLES,
    SPOILED,
    STATE_WIDTH,
    THROUGH,
    WAIT,
    KeyArray,
    UnitArray,
    add_ticks,
    waited,
)
from simulation.periodic_supply import grown, highest_position, insert, order_size, room, send
from simulation.scenario import TICKS_PER_DAY


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
                queue = grown(queue)
            state[QUEUE_TAIL] = insert(queue, 0, state[QUEUE_TAIL], day, units, units, LIST_PRICE)
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
    next_review = NEVER_DAY
    if reorders and period > 0:
        next_review = policy[FIRST_REVIEW] + max(0, -(-(first_day - policy[FIRST_REVIEW]) // period)) * period
    orders_at, level, quantity = highest_position(policy), policy[ORDER_UP_TO_LEVEL], policy[ORDER_QUANTITY]
    pack, moq = columns[PACK_SIZE], columns[MOQ]
    plain, has_breaks = columns[YIELD_ROW] < 0 and columns[BREAK_COUNT] == 0, columns[BREAK_COUNT] > 0
    measured_day, day_after = -(-warm_up // TICKS_PER_DAY), len(units)
    counted_from = first_day - (first_day > 0)
    next_due = queue[head, DUE] if head < tail else NEVER_DAY
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
            next_due = queue[head, DUE] if head < tail else NEVER_DAY
            on_hand += arriving
            received += arriving
            if has_breaks:
                paid[0] += arriving * (unit_cost if price == LIST_PRICE else break_cost[price])
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
                    lots, lot_head, lot_tail = room(lots, lot_head, lot_tail)
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
                            queue, head, tail = room(queue, head, tail)
                        due = int(np.int64(dues[day])) if orders_today == 0 else -1
                        tail = send(
                            columns, keys, outages, table, break_units, horizon, replication, day, orders_today, order,
                            due, queue, head, tail,
                        )  # fmt: skip
                        next_due = queue[head, DUE] if head < tail else NEVER_DAY
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
                queue, head, tail = room(queue, head, tail)
            due = int(np.int64(dues[day]))
            if plain and orders_today == 0 and due >= 0:
                if due < day_after:
                    tail = insert(queue, head, tail, due, order, order, LIST_PRICE)
            else:
                tail = send(
                    columns, keys, outages, table, break_units, horizon, replication, day, orders_today, order,
                    due if orders_today == 0 else -1, queue, head, tail,
                )  # fmt: skip
            next_due = queue[head, DUE] if head < tail else NEVER_DAY

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
