"""Demand forecasts: histories in, distributions out."""

from forecasting.accuracy import bias, coverage, mase, pinball_loss, scaled_pinball
from forecasting.baselines import TrailingMean, trailing_mean
from forecasting.combine import CombinedLevel, combined_level
from forecasting.lead_time_demand import (
    LeadTimeDemand,
    forecast,
    lead_time_demand,
    lead_time_demand_of_panel,
)
from forecasting.negative_binomial import negative_binomial_quantiles
from forecasting.panel import Panel, periodic_panel
from forecasting.smoothing import SmoothedLevel, exponential_smoothing

__all__ = [
    "CombinedLevel",
    "LeadTimeDemand",
    "Panel",
    "SmoothedLevel",
    "TrailingMean",
    "bias",
    "combined_level",
    "coverage",
    "exponential_smoothing",
    "forecast",
    "lead_time_demand",
    "lead_time_demand_of_panel",
    "mase",
    "negative_binomial_quantiles",
    "periodic_panel",
    "pinball_loss",
    "scaled_pinball",
    "trailing_mean",
]
