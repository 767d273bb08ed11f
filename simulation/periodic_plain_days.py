"""The days of a stock point whose goods keep, arrive as ordered and have one price: the same, three times faster."""

from __future__ import annotations

from simulation.arrays import IntArray
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
    BACKORDERED,
    BACKORDERED_TICKS,
    CYCLES,
    IN_STOCK_TICKS,
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
    RECEIVED,
    SERVED_LATE,
    SHORT_CYCLES,
    WAIT,
    KeyArray,
    UnitArray,
    add_ticks,
    waited,
)
from simulation.periodic_supply import due_day, highest_position, order_size
from simulation.scenario import TICKS_PER_DAY


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
    next_review = policy[FIRST_REVIEW] if policy[POLICY_KIND] == REORDER and period > 0 else NEVER_DAY
    orders_at, level, quantity = highest_position(policy), policy[ORDER_UP_TO_LEVEL], policy[ORDER_QUANTITY]
    if policy[POLICY_KIND] != REORDER:
        orders_at = -NEVER_DAY
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
