"""Replications of a scenario: the same demand again and again, each time with other lead times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulation.arrays import IntArray
from simulation.measures import Measures, ReplicationMeasures, replication_measures, sku_measures
from simulation.policies import ReorderPolicy
from simulation.stock_scenario import StockScenario
from simulation.stock_process import StockTotals, join_replications, run_stock
from simulation.streams import sku_key, uniforms, whole_day_lead_times

if TYPE_CHECKING:
    import pandas as pd

_CELLS_AT_ONCE = 100_000
"""Replications × SKUs run side by side, so that memory stays bounded."""


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What replications of a scenario under one policy came to.

    Attributes:
        policy: The policy's name.
        measures: Means and 95 % intervals.
        by_replication: The values behind them, shape (replication,) each.
        by_sku: Frame of `sku_measures`.
        totals: Units and days, shape (replication, sku) each.
    """

    policy: str
    measures: Measures
    by_replication: ReplicationMeasures
    by_sku: "pd.DataFrame"
    totals: StockTotals


def draw_lead_times(scenario: StockScenario, *, replications: int, seed: int) -> IntArray:
    """Lead times of every order that could be placed, shape (replication, review, sku).

    Each depends on the seed, the SKU's name, the replication and the day of the order alone: it stays when
    SKUs, replications or policies are added, and two policies that order on one day wait equally long.

    Raises:
        ValueError: replications below 1.
    """
    _check_replications(replications)
    return _lead_times(scenario, range(replications), seed)


def simulate(scenario: StockScenario, policy: ReorderPolicy, *, replications: int, seed: int) -> SimulationResult:
    """Replay a scenario under a policy.

    Args:
        scenario: Demand, opening stock and supply.
        policy: Reorder points and levels of the scenario's SKUs.
        replications: At least 1; intervals need 2.
        seed: Of the lead times; other policies under the same seed meet the same luck.

    Raises:
        ValueError: replications below 1 or a policy of another shape.
    """
    return simulate_policies(scenario, [policy], replications=replications, seed=seed)[0]


def simulate_policies(
    scenario: StockScenario, policies: Sequence[ReorderPolicy], *, replications: int, seed: int
) -> list[SimulationResult]:
    """Replay a scenario under each policy with common lead times, drawn once.

    Returns:
        Results in the order of the policies, each equal to that of `simulate` alone.

    Raises:
        ValueError: replications below 1 or a policy of another shape.
    """
    _check_replications(replications)
    at_once = max(1, _CELLS_AT_ONCE // len(scenario.skus))
    parts: list[list[StockTotals]] = [[] for _ in policies]
    for start in range(0, replications, at_once):
        lead_times = _lead_times(scenario, range(start, min(start + at_once, replications)), seed)
        for part, policy in zip(parts, policies, strict=True):
            part.append(run_stock(scenario, policy, lead_times=lead_times))
    return [_result(scenario, policy, join_replications(part)) for policy, part in zip(policies, parts, strict=True)]


def _result(scenario: StockScenario, policy: ReorderPolicy, totals: StockTotals) -> SimulationResult:
    by_replication = replication_measures(scenario, totals)
    return SimulationResult(
        policy.name, Measures.over(by_replication), by_replication, sku_measures(scenario, totals), totals
    )


def _lead_times(scenario: StockScenario, replications: range, seed: int) -> IntArray:
    keys = np.array([sku_key(sku) for sku in scenario.skus], dtype=np.uint64)
    days = scenario.review_days
    chances = uniforms(seed, "lead time", keys, np.array(replications)[:, np.newaxis, np.newaxis], days[:, np.newaxis])
    return whole_day_lead_times(chances, scenario.lead_time_mean_days, scenario.lead_time_sd_days)


def _check_replications(replications: int) -> None:
    if replications < 1:
        raise ValueError(f"replications must be at least 1, got {replications}")
