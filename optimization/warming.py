"""Compile beforehand what a plan needs, so that nobody waits for it: `python -m optimization.warming`."""

from __future__ import annotations

import numpy as np

from optimization.frontier import frontier
from optimization.safety_stock_lp import safety_stock_levels
from optimization.segments import MASTER_COLUMNS

LEVELS = np.arange(1, 20) / 20


def warm_up() -> None:
    """Call every kernel of the nightly plan once; compiled ones are kept for later processes."""
    skus = MASTER_COLUMNS // len(LEVELS) + 20  # more segments than one master program takes one by one
    demand = np.round(np.outer(1 + np.arange(skus) % 50, 1 + 4 * LEVELS)).astype(np.int64)
    asked = {
        "names": [str(number) for number in range(skus)],
        "levels": LEVELS,
        "lead_time_demand": demand,
        "lead_time_demand_mean": demand.mean(axis=1),
        "demand_rate": demand.mean(axis=1) / 3,
        "order_quantity": np.full(skus, 5.0),
        "unit_cost": 1.0 + np.arange(skus) % 7,
        "unit_value": 2.0,
        "holding_cost_rate": 0.01,
    }
    safety_stock_levels(**asked, fill_rate_target=0.9, fill_rate_floor=0.5)
    frontier(**asked)


if __name__ == "__main__":
    warm_up()
