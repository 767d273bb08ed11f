"""Demand forecasts: histories in, distributions out."""

from forecasting.accuracy import bias, coverage, mase, pinball_loss, scaled_pinball
from forecasting.baselines import TrailingMean, trailing_mean
from forecasting.calendars import panel_of_lines, units_left_out
from forecasting.combine import combined_forecast
from forecasting.frames import panel_from_frame
from forecasting.horizon import forecast
from forecasting.lead_time_demand import (
    LeadTimeDemand,
    lead_time_demand,
    lead_time_demand_of_panel,
    lead_time_paths,
    learn_pool,
)
from forecasting.negative_binomial import negative_binomial_quantiles
from forecasting.open_days import open_days_ahead, per_open_day
from forecasting.panel import Panel, periodic_panel
from forecasting.period import Period
from forecasting.pooling import USUAL_POOL, Pool
from forecasting.stock_outs import unconstrained_panel

__all__ = [
    "USUAL_POOL",
    "LeadTimeDemand",
    "Panel",
    "Period",
    "Pool",
    "TrailingMean",
    "bias",
    "combined_forecast",
    "coverage",
    "forecast",
    "lead_time_demand",
    "lead_time_demand_of_panel",
    "lead_time_paths",
    "learn_pool",
    "mase",
    "negative_binomial_quantiles",
    "open_days_ahead",
    "panel_from_frame",
    "panel_of_lines",
    "per_open_day",
    "periodic_panel",
    "pinball_loss",
    "scaled_pinball",
    "trailing_mean",
    "unconstrained_panel",
    "units_left_out",
]
