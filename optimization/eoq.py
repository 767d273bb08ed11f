"""The lot size at which ordering and holding cost the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray


@dataclass(frozen=True)
class EconomicOrder:
    """Attributes:
    order_quantity: Units per order, unrounded.
    cost_rate: Ordering and holding cost per period at that quantity; the purchase price is not in it.
    """

    order_quantity: FloatArray
    cost_rate: FloatArray


def economic_order_quantity(*, demand_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike) -> EconomicOrder:
    """Order quantity √(2Kλ/h) with the least ordering and holding cost under steady demand.

    Demand is constant and known, every order costs the same whatever its size and arrives whole.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Harris (1913); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.2.

    >>> economic_order_quantity(demand_rate=1200.0, order_cost=50.0, holding_cost=3.0)
    EconomicOrder(order_quantity=array(200.), cost_rate=array(600.))
    """
    rate = _checked(demand_rate, "demand_rate")
    fixed = _checked(order_cost, "order_cost")
    holding = _checked(holding_cost, "holding_cost")
    if not (holding > 0).all():
        raise ValueError(f"holding_cost must be positive, got {holding.min()}")
    return EconomicOrder(
        order_quantity=np.asarray(np.sqrt(2 * fixed * rate / holding)),
        cost_rate=np.asarray(np.sqrt(2 * fixed * rate * holding)),
    )


def _checked(value: ArrayLike, name: str) -> FloatArray:
    figures = np.asarray(value, dtype=np.float64)
    refused = ~(np.isfinite(figures) & (figures >= 0))
    if refused.any():
        raise ValueError(f"{name} must be finite and not negative, got {figures[refused].flat[0]}")
    return figures
