"""Policies side by side under the same luck, and what service each amount of stock buys."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simulation.measures import MEASURE_NAMES, estimate
from simulation.policies import ReorderPolicy
from simulation.replicate import simulate_policies
from simulation.stock_scenario import StockScenario

if TYPE_CHECKING:
    import pandas as pd


def compare_policies(
    scenario: StockScenario, policies: Sequence[ReorderPolicy], *, replications: int, seed: int
) -> "pd.DataFrame":
    """Every measure of every policy, and its difference from the first policy.

    All policies meet the same demand and lead times, so differences are taken replication by replication:
    their intervals are as a rule far narrower than those of the measures themselves.

    Args:
        scenario: Demand, opening stock and supply.
        policies: At least one, names unique; the first is the one compared against.
        replications: At least 1; intervals need 2.
        seed: Of the lead times.

    Returns:
        One row per policy and measure: policy, measure, mean, half_width (of the 95 % interval),
        difference (policy less first policy) and difference_half_width.

    Raises:
        ValueError: no policy, a name given twice, or what `simulate` refuses.
    """
    import pandas as pd

    names = [policy.name for policy in policies]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"policies must be at least one, each with a name of its own, got {names}")
    results = simulate_policies(scenario, policies, replications=replications, seed=seed)
    baseline = results[0].by_replication
    rows = []
    for result in results:
        for measure in MEASURE_NAMES:
            values = getattr(result.by_replication, measure)
            own, difference = estimate(values), estimate(values - getattr(baseline, measure))
            rows.append(
                {
                    "policy": result.policy,
                    "measure": measure,
                    "mean": own.mean,
                    "half_width": own.half_width,
                    "difference": difference.mean,
                    "difference_half_width": difference.half_width,
                }
            )
    return pd.DataFrame(rows)


def service_curve(
    scenario: StockScenario,
    label: str,
    policies: Mapping[float, ReorderPolicy],
    *,
    replications: int,
    seed: int,
) -> "pd.DataFrame":
    """What a family of policies buys as its parameter grows: stock value against service.

    Args:
        scenario: Demand, opening stock and supply.
        label: Name of the family, such as "weeks of cover".
        policies: A policy for each value of the parameter, such as a target or a number of weeks.
        replications: At least 1.
        seed: Of the lead times; curves of one seed share their luck and can be compared.

    Returns:
        One row per parameter, in the order given: label, parameter, average_stock_value, fill_rate,
        value_fill_rate, lost_margin, orders_per_week (order lines), all means over replications.

    Raises:
        ValueError: no policy, or what `simulate` refuses.
    """
    import pandas as pd

    if not policies:
        raise ValueError(f"policies of curve {label} must be at least one, got none")
    results = simulate_policies(scenario, list(policies.values()), replications=replications, seed=seed)
    return pd.DataFrame(
        {
            "label": label,
            "parameter": list(policies),
            **{
                measure: [getattr(result.measures, measure).mean for result in results]
                for measure in ("average_stock_value", "fill_rate", "value_fill_rate", "lost_margin", "orders_per_week")
            },
        }
    )


def fill_rate_at_stock_value(curve: "pd.DataFrame", stock_value: float) -> float:
    """Fill rate that a family of policies reaches with a given average stock value.

    Straight lines join the simulated points in order of stock value. A point that fills less than a cheaper
    one counts as that one, since nobody would pay for it: the answer never falls as stock grows.

    Args:
        curve: Rows of one label from `service_curve`.
        stock_value: Average value of stock, in the currency of unit costs.

    Returns:
        NaN below the cheapest or above the dearest point: the curve says nothing there, and is not extended.

    Raises:
        ValueError: a curve without points or of more than one label.
    """
    labels = list(dict.fromkeys(curve["label"]))
    if len(labels) != 1:
        raise ValueError(f"curve must hold the points of one label, got {labels}")
    points = curve.groupby("average_stock_value")["fill_rate"].max().cummax()
    return float(np.interp(stock_value, points.index.to_numpy(), points.to_numpy(), left=np.nan, right=np.nan))
