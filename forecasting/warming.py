"""Compile beforehand what a plan needs, so that nobody waits for it: `python -m forecasting.warming`."""

from __future__ import annotations

import numpy as np

from forecasting.baselines import trailing_mean
from forecasting.censoring import unconstrained
from forecasting.demand_class import demand_classes
from forecasting.horizon import forecast
from forecasting.lead_time_demand import lead_time_demand_of_panel
from forecasting.outliers import bulk_orders
from forecasting.panel import Panel
from forecasting.tracking import tracking_signals

SEASON, PERIODS = 4, 40


def warm_up() -> None:
    """Call every kernel of the nightly plan and the review once; compiled ones are kept for later processes."""
    values = np.tile(np.arange(PERIODS, dtype=np.float64) % SEASON, 2)
    panel = Panel((0, 1), values, np.array([0, PERIODS, 2 * PERIODS]))
    lead_time_demand_of_panel(panel, periods=2.5, quantiles=[0.9], season_length=SEASON)
    forecast(panel, horizon=2, season_length=SEASON)
    bulk_orders(panel)
    demand_classes(panel)
    trailing_mean(panel)
    tracking_signals(panel, trailing_mean(panel).fitted)
    in_stock = np.ones(len(values))
    in_stock[5::7] = 0.0
    unconstrained(panel, in_stock)


if __name__ == "__main__":
    warm_up()
