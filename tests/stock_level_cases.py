"""Random SKUs whose stock levels are asked for, and what each whole level comes to, position by position."""

import numpy as np
from scipy import stats

from optimization import shortage_curves

LEVELS = np.array([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995])


def assortment(count, seed, *, usual_demand=6.0, lots=(0.4, 1.5), same_holding=True):
    """Random SKUs with negative binomial demand, all of them demanded."""
    luck = np.random.default_rng(seed)
    mean = np.exp(luck.normal(np.log(usual_demand), 0.9, count))
    success = (mean / (mean + 0.4 * mean**1.5))[:, None]
    cost = np.exp(luck.normal(2, 1, count)).round(2)
    return {
        "names": [f"SKU-{number}" for number in range(count)],
        "levels": LEVELS,
        "lead_time_demand": stats.nbinom.ppf(LEVELS, mean[:, None] * success / (1 - success), success).astype(int),
        "lead_time_demand_mean": mean,
        "demand_rate": mean / 3,
        "order_quantity": np.ceil(np.maximum(mean * luck.uniform(*lots, count), 1)),
        "unit_cost": cost,
        "unit_value": cost * luck.uniform(1.1, 2.0, count),
        "holding_cost_rate": 0.005 if same_holding else luck.uniform(0.002, 0.01, count),
    }


def every_level(asked):
    """Per SKU, fill rate and stock on hand at each whole reorder point, its positions taken one by one."""
    curves = shortage_curves(asked["levels"], asked["lead_time_demand"], asked["lead_time_demand_mean"])
    review = np.broadcast_to(asked.get("review_demand", 0.0), len(asked["names"]))
    found = []
    for sku, (knots, short) in enumerate(zip(curves.knots, curves.shortage, strict=True)):
        lot, mean = int(asked["order_quantity"][sku]), asked["lead_time_demand_mean"][sku]
        knots, at = np.unique(knots, return_index=True)
        short = short[at]
        positions = np.arange(knots[-1] + lot + 1)
        each = positions[: knots[-1] + 1]
        slope = (short[-2] - short[-1]) / (knots[-1] - knots[-2])
        tail = np.maximum(short[-1] - slope * (positions - knots[-1]), 0.0)
        n = np.where(positions > knots[-1], tail, np.interp(positions, knots, short))
        on_hand = np.lib.stride_tricks.sliding_window_view(positions - mean + n, lot)[1:].mean(axis=1)
        found.append((1 - (n[each] - n[each + lot]) / lot, on_hand + review[sku] / 2))
    return found
