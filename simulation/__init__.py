"""Replays of demand against replenishment policies, to prove a recommendation before it is followed."""

from simulation.compare import compare_policies, fill_rate_at_stock_value, service_curve
from simulation.measures import (
    Estimate,
    Measures,
    ReplicationMeasures,
    estimate,
    replication_measures,
    sku_measures,
)
from simulation.policies import ReorderPolicy, cover_policy
from simulation.replicate import SimulationResult, draw_lead_times, simulate, simulate_policies
from simulation.stock_scenario import StockScenario
from simulation.stock_process import StockTotals, StockTrace, run_stock, trace_stock
from simulation.streams import philox_4x32, sku_key, uniforms, whole_day_lead_times

__all__ = [
    "Estimate",
    "Measures",
    "ReorderPolicy",
    "ReplicationMeasures",
    "SimulationResult",
    "StockScenario",
    "StockTotals",
    "StockTrace",
    "compare_policies",
    "cover_policy",
    "draw_lead_times",
    "estimate",
    "fill_rate_at_stock_value",
    "philox_4x32",
    "replication_measures",
    "run_stock",
    "service_curve",
    "simulate",
    "simulate_policies",
    "sku_key",
    "sku_measures",
    "trace_stock",
    "uniforms",
    "whole_day_lead_times",
]
