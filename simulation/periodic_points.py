"""Stock points one after the other, each through all replications."""

from __future__ import annotations

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.compiled import kernel
from simulation.periodic_arrays import ASKED, DAILY_DEMAND, DEMAND_KIND, LEAD_DAYS, PATH_COUNT, POLICY_KIND
from simulation.periodic_days import begin, run_days
from simulation.periodic_luck import fill_demand, fill_due_days
from simulation.periodic_plain_days import is_plain, run_plain_days
from simulation.periodic_state import LOT_WIDTH, ORDER_WIDTH, STATE_WIDTH, UnitArray, World, finish, paid_in_all
from simulation.scenario import TICKS_PER_DAY

FIRST_ROOM = 32
"""Rows for orders under way and for lots, to begin with."""


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
    # Of a function called with 0 as it stands, numba would compile one version more.
    start = int(np.int64(0))
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
                    start,
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
