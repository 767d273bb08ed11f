"""How a stock point orders: the policies' rule, and what an order's luck makes of it, for compiled loops.

`row` points to the columns of a stock point, `whole` and `real` to the long lists, `keys` to its keys.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from simulation.lean import Numbers, Reals, drawn, part, shifted
from simulation.scenario import TICKS_PER_DAY
from simulation.tables import (
    BREAK_COUNT,
    BREAK_START,
    FUNCTION,
    LEAD_TIME,
    LOOKS_BELOW,
    MOQ,
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

_REALS: Any = types.CPointer(types.float64)  # type: ignore[no-untyped-call]
_SIGNATURE = types.int64(types.int64, types.int64, types.int64, types.float64, _REALS, types.int64)


@lru_cache(maxsize=64)
def policy_address(function: Any) -> tuple[int, Any]:
    """The address of a user's compiled policy, and what must be kept while it is used; compiled once a process.

    Args:
        function: function(on_hand, on_order, backordered, day, parameters) → units, as compiled by `numba.njit`.
    """

    @numba.cfunc(_SIGNATURE)
    def called(on_hand, on_order, backordered, day, first, count):  # type: ignore[no-untyped-def]
        return np.int64(function(on_hand, on_order, backordered, day, numba.carray(first, (count,))))  # type: ignore[attr-defined]

    return int(called.address or 0), called


def _call_at(
    _typing: Any, address: Any, on_hand: Any, on_order: Any, owed: Any, day: Any, parameters: Any, count: Any
) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole, real = ir.IntType(64), ir.DoubleType()
        kind = ir.FunctionType(whole, [whole, whole, whole, real, real.as_pointer(), whole])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

    return types.int64(address, on_hand, on_order, owed, day, parameters, count), generate


_call = cast(Callable[[int, int, int, int, float, Reals, int], int], intrinsic(_call_at))
"""Call the function at an address with the numbers of `policy_address`."""


@part
def units_to_order(row: Numbers, real: Reals, on_hand: int, on_order: int, owed: int, tick: int) -> int:
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
    if position > row[LOOKS_BELOW]:
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


@part
def price_of(row: Numbers, whole: Numbers, real: Reals, unit_cost: float, units: int) -> float:
    """Of a unit, in an order of so many."""
    price = unit_cost
    for at in range(row[BREAK_START], row[BREAK_START] + row[BREAK_COUNT]):
        if units >= whole[at]:
            price = real[at]
    return price


@part
def arrival_tick(
    row: Numbers,
    whole: Numbers,
    keys: Numbers,
    distributions: Numbers,
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


@part
def _outage_end(outages: Numbers, count: int, tick: int) -> int:
    """The end of the outage that a tick falls into; the tick itself when it falls into none."""
    for outage in range(count):
        if outages[2 * outage] > tick:
            break
        if tick < outages[2 * outage + 1]:
            return outages[2 * outage + 1]
    return tick


@part
def arriving_units(
    row: Numbers, keys: Numbers, distributions: Numbers, units: int, tick: int, number_of_day: int, replication: int
) -> int:
    """What arrives of the units that left at a tick."""
    if row[YIELD] < 0:
        return units
    day = tick // TICKS_PER_DAY
    share = drawn(distributions, row[YIELD], shifted(keys, YIELD_KEY), number_of_day, day, replication)
    return int(units * share + 0.5)
