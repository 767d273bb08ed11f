"""How a stock point stands, and what it has come to so far: one row of whole numbers for each replication."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable
from simulation.periodic_arrays import BREAK_COUNT
from simulation.scenario import TICKS_PER_DAY
from simulation.step_tables import StepTables

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

NEVER_DAY = 2**62
LIST_PRICE = -1
"""In place of a price break: the unit cost."""


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
