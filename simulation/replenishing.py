"""How a stock point orders: the policies' rule, and what an order's luck makes of it, for compiled loops.

`row` points to the columns of a stock point, `whole` and `real` to the long lists, `keys` to its keys.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from simulation.arrays import FloatArray, IntArray
from simulation.event_queue import NEVER
from simulation.lean import drawn, lean, shifted
from simulation.scenario import TICKS_PER_DAY
from simulation.tables import (
    BREAK_COUNT,
    BREAK_START,
    FUNCTION,
    LEAD_TIME,
    MOQ,
    NEVER_ORDERS,
    ORDER_QUANTITY,
    ORDER_UP_TO,
    OUTAGE_COUNT,
    OUTAGE_START,
    PACK_SIZE,
    PARAMETER_COUNT,
    PARAMETER_START,
    POLICY_KIND,
    REORDER_POINT,
    REORDERS,
    WHOLE_DAYS,
    YIELD,
)

LEAD_TIME_KEY, YIELD_KEY = 6, 8

_SIGNATURE = types.int64(
    types.int64, types.int64, types.int64, types.float64, types.CPointer(types.float64), types.int64
)


def policy_address(function: Any) -> tuple[int, Any]:
    """The address of a user's compiled policy, and what must be kept while it is used.

    Args:
        function: function(on_hand, on_order, backordered, day, parameters) → units, as compiled by `numba.njit`.
    """

    @numba.cfunc(_SIGNATURE)
    def called(on_hand, on_order, backordered, day, first, count):  # type: ignore[no-untyped-def]
        return np.int64(function(on_hand, on_order, backordered, day, numba.carray(first, (count,))))

    return called.address, called


@intrinsic
def _call(_typing, address, on_hand, on_order, backordered, day, parameters, count):  # type: ignore[no-untyped-def]
    """Call the function at an address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole, real = ir.IntType(64), ir.DoubleType()
        kind = ir.FunctionType(whole, [whole, whole, whole, real, real.as_pointer(), whole])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

    return types.int64(*(types.int64,) * 4, types.float64, parameters, types.int64), generate


@lean
def looks_below(row: IntArray) -> int:
    """The inventory position at or below which the policy may order: nothing can happen above it."""
    if row[POLICY_KIND] == NEVER_ORDERS:
        return -NEVER
    if row[POLICY_KIND] != REORDERS:
        return NEVER
    if row[ORDER_QUANTITY] > 0:
        return row[REORDER_POINT]
    return min(row[REORDER_POINT], row[ORDER_UP_TO] - 1)


@lean
def units_to_order(row: IntArray, real: FloatArray, on_hand: int, on_order: int, owed: int, tick: int) -> int:
    """What the policy of a stock point asks for at a moment: 0 or more units, at least the moq, in whole packs.

    Args:
        row: The point's columns.
        real: The long list with the parameters.
        on_hand: Units.
        on_order: Units.
        owed: Backordered, other sites' units included.
        tick: Now.
    """
    position = on_hand + on_order - owed
    if position > looks_below(row):
        return 0
    if row[POLICY_KIND] != REORDERS:
        units = _call(
            row[FUNCTION],
            on_hand,
            on_order,
            owed,
            tick / TICKS_PER_DAY,
            shifted(real, row[PARAMETER_START]),
            row[PARAMETER_COUNT],
        )
        if units <= 0:
            return 0
    elif row[ORDER_QUANTITY] > 0:
        quantity = row[ORDER_QUANTITY]
        units = ((row[REORDER_POINT] - position) // quantity + 1) * quantity
    else:
        units = row[ORDER_UP_TO] - position
    pack = row[PACK_SIZE]
    return (max(units, row[MOQ]) + pack - 1) // pack * pack


@lean
def price_of(row: IntArray, whole: IntArray, real: FloatArray, unit_cost: float, units: int) -> float:
    """Of a unit, in an order of so many."""
    price = unit_cost
    for at in range(row[BREAK_START], row[BREAK_START] + row[BREAK_COUNT]):
        if units >= whole[at]:
            price = real[at]
    return price


@lean
def arrival_tick(
    row: IntArray,
    whole: IntArray,
    keys: IntArray,
    distributions: IntArray,
    tick: int,
    number_of_day: int,
    replication: int,
) -> int:
    """When goods that leave the source now arrive: after its outage, and a lead time.

    Args:
        row: The point's columns.
        whole: The long list with the outages.
        keys: The point's keys.
        distributions: `lean.inverses` of them.
        tick: Of the order or the dispatch.
        number_of_day: Which order or piece of that day it is.
        replication: Number.
    """
    day = tick // TICKS_PER_DAY
    days = drawn(distributions, row[LEAD_TIME], shifted(keys, LEAD_TIME_KEY), number_of_day, day, replication)
    if row[WHOLE_DAYS] != 0:
        lead_time = max(1, int(days + 0.5)) * TICKS_PER_DAY
    else:
        lead_time = int(days * TICKS_PER_DAY + 0.5)
    return _outage_end(shifted(whole, row[OUTAGE_START]), row[OUTAGE_COUNT], tick) + lead_time


@lean
def _outage_end(outages: IntArray, count: int, tick: int) -> int:
    """The end of the outage that a tick falls into; the tick itself when it falls into none."""
    for outage in range(count):
        if outages[2 * outage] > tick:
            break
        if tick < outages[2 * outage + 1]:
            return outages[2 * outage + 1]
    return tick


@lean
def arriving_units(
    row: IntArray, keys: IntArray, distributions: IntArray, units: int, tick: int, number_of_day: int, replication: int
) -> int:
    """What arrives of the units that left at a tick."""
    if row[YIELD] < 0:
        return units
    day = tick // TICKS_PER_DAY
    share = drawn(distributions, row[YIELD], shifted(keys, YIELD_KEY), number_of_day, day, replication)
    return int(units * share + 0.5)
