"""A chain's daily sales, forecast in one process: prints seconds and peak memory in GiB, for `forecasting.py`."""

from __future__ import annotations

import resource

import numpy as np
from measure import seconds

from forecasting import Panel, Period, lead_time_demand_of_panel

SERIES, DAYS, AT_ONCE = 30_000, 1_900, 1_000


def daily_panel() -> Panel:
    """Slow and fast movers with a week in them, ending on one day."""
    luck = np.random.default_rng(1)
    week = 1 + 0.3 * np.sin(np.arange(DAYS) * 2 * np.pi / 7)
    values = np.empty(SERIES * DAYS)
    for start in range(0, SERIES, AT_ONCE):
        rate = luck.gamma(0.5, 2.0, (AT_ONCE, 1))
        values[start * DAYS : (start + AT_ONCE) * DAYS] = luck.poisson(rate * week).ravel()
    ends = np.full(SERIES, np.datetime64("2026-06-30", "s"))
    return Panel(tuple(range(SERIES)), values, np.arange(SERIES + 1) * DAYS, {}, ends, Period.named("D"))


if __name__ == "__main__":
    panel = daily_panel()
    taken = seconds(lambda: lead_time_demand_of_panel(panel, periods=14.0, quantiles=(0.5, 0.9, 0.99), threads=2))
    print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
