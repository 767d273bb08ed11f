"""The usual approximations of the best (r, Q) under normal lead-time demand, by name.

They are quick to work out by hand; `normal_reorder_policy` is exact and as easy to call. The cost of each is told by
`normal_reorder_measures`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from optimization.arrays import FloatArray
from optimization.figures import figures, require
from optimization.loss import normal_loss, normal_second_order_loss
from optimization.reorder_point import ReorderPolicy, critical_level, normal_reorder_point

HALVINGS = 200
DENSITY_AT_ZERO = 1 / np.sqrt(2 * np.pi)
FURTHEST = 38.0


@dataclass(frozen=True)
class ApproximateReorderPolicy:
    """Attributes:
    reorder_point: r, units, unrounded.
    order_quantity: Q, units, unrounded.
    """

    reorder_point: FloatArray
    order_quantity: FloatArray


def eoqb_reorder_policy(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> ApproximateReorderPolicy:
    """EOQ with backorders: Q = √(2Kλ(h + p)/(hp)) as if demand were sure, and the best r for that Q.

    Its cost is at most an eighth above the optimum.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units.
        lead_time_demand_sd: Its sd, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        shortage_cost: p, money per unit owed and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Zheng (1992), On properties of stochastic inventory systems, Management Science 38(1); Snyder & Shen,
    Fundamentals of Supply Chain Theory, 2nd ed., equations 3.27 and 5.9.

    >>> policy = eoqb_reorder_policy(
    ...     demand_rate=1300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, shortage_cost=7.5,
    ... )
    >>> policy.reorder_point.round(2), policy.order_quantity.round(2)
    (np.float64(128.64), np.float64(308.57))
    """
    rate, mean, sd, fixed, holding, shortage = _inputs(
        demand_rate, lead_time_demand_mean, lead_time_demand_sd, order_cost, holding_cost, shortage_cost
    )
    quantity = np.asarray(np.sqrt(2 * fixed * rate * (holding + shortage) / holding / shortage))
    point = normal_reorder_point(
        order_quantity=quantity,
        lead_time_demand_mean=mean,
        lead_time_demand_sd=sd,
        holding_cost=holding,
        shortage_cost=shortage,
    )
    return ApproximateReorderPolicy(point, quantity)


def eoqss_reorder_policy(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> ApproximateReorderPolicy:
    """EOQ plus safety stock: Q = √(2Kλ/h) and r = μ + Φ⁻¹(p/(p + h)) σ, each as if the other did not matter.

    Args and errors: as `eoqb_reorder_policy`.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., equations 3.4 and 5.21.

    >>> policy = eoqss_reorder_policy(
    ...     demand_rate=1300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, shortage_cost=7.5,
    ... )
    >>> policy.reorder_point.round(2), policy.order_quantity.round(2)
    (np.float64(190.34), np.float64(304.05))
    """
    rate, mean, sd, fixed, holding, shortage = _inputs(
        demand_rate, lead_time_demand_mean, lead_time_demand_sd, order_cost, holding_cost, shortage_cost
    )
    quantity = np.asarray(np.sqrt(2 * fixed * rate / holding))
    return ApproximateReorderPolicy(np.asarray(mean + sd * critical_level(holding, shortage)), quantity)


def loss_function_reorder_policy(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> ApproximateReorderPolicy:
    """The loss-function approximation: as if the position r + Q never left demand unmet.

    n(r) = hQ/(h + p) and Q = √(2(Kλ + (h + p) n₂(r))/h), with n and n₂ the first- and second-order loss of
    lead-time demand.

    Args and errors: as `eoqb_reorder_policy`.

    Source: Hadley & Whitin (1963), Analysis of Inventory Systems; Snyder & Shen, Fundamentals of Supply Chain
    Theory, 2nd ed., equations 5.28 and 5.29.

    >>> policy = loss_function_reorder_policy(
    ...     demand_rate=1300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, shortage_cost=7.5,
    ... )
    >>> policy.reorder_point.round(2), policy.order_quantity.round(2)
    (np.float64(126.87), np.float64(328.45))
    """
    rate, mean, sd, fixed, holding, shortage = _inputs(
        demand_rate, lead_time_demand_mean, lead_time_demand_sd, order_cost, holding_cost, shortage_cost
    )
    total = holding + shortage
    sure = np.sqrt(2 * fixed * rate * total / holding / shortage)
    uncertain = sd > 1e-100 * sure
    spread = np.where(uncertain, sd, 1.0)
    wanted = 2 * fixed * rate / spread / spread / total
    # (h + p)/h n² − 2 n₂ falls from infinity to below 0 at the critical level: one level gives Kλ.
    high = critical_level(holding, shortage)
    low = np.minimum(-np.sqrt((1 + wanted) * holding / shortage), high) - 1

    def excess(z: FloatArray) -> FloatArray:
        return np.asarray(total / holding * normal_loss(z).loss ** 2 - 2 * normal_second_order_loss(z).loss - wanted)

    z = _halved(low, high, lambda z: excess(z) > 0)
    point = np.where(uncertain, mean + sd * z, mean - sure * holding / total)
    quantity = np.where(uncertain, spread * total / holding * normal_loss(z).loss, sure)
    return ApproximateReorderPolicy(np.asarray(point), np.asarray(quantity))


def eil_reorder_policy(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost_per_unit: ArrayLike,
) -> ReorderPolicy:
    """The expected-inventory-level approximation: what Hadley and Whitin's iteration between Q and r ends in.

    P(D > r) = Qh/(pλ) and Q = √(2λ(K + p n(r))/h), with n(r) the expected shortage per cycle. A unit that is
    short costs p once, however long it is owed, and stock is counted as if nothing were ever owed.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units.
        lead_time_demand_sd: Its sd, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        shortage_cost_per_unit: p, money per unit that is short, > 0. Shapes broadcast.

    Returns:
        The policy; its cost is the approximate one: h (r − μ + Q/2) + λ (K + p n(r))/Q. Without demand Q is 0 and
        r the mean.

    Raises:
        ValueError: NaN, infinite or out of range; or p so small that no r and Q fit the equations, because
            letting demand wait is then always cheaper than ordering for it.

    Source: Hadley & Whitin (1963), Analysis of Inventory Systems, chapter 4; Snyder & Shen, Fundamentals of Supply
    Chain Theory, 2nd ed., algorithm 5.1; the example is Nahmias, Production and Operations Analysis, Harvey's
    Specialty Shop.

    >>> policy = eil_reorder_policy(
    ...     demand_rate=200.0, lead_time_demand_mean=100.0, lead_time_demand_sd=25.0,
    ...     order_cost=50.0, holding_cost=2.0, shortage_cost_per_unit=25.0,
    ... )
    >>> policy.reorder_point.round(2), policy.order_quantity.round(2)
    (np.float64(142.57), np.float64(110.77))
    """
    rate, mean, sd, fixed, holding, shortage = _inputs(
        demand_rate,
        lead_time_demand_mean,
        lead_time_demand_sd,
        order_cost,
        holding_cost,
        shortage_cost_per_unit,
        shortage_name="shortage_cost_per_unit",
    )
    sells = rate > 0
    value = shortage * np.where(sells, rate, 1.0)
    # With P = P(D > r) and Q = Ppλ/h, the equations ask a + b n(z) = P². The gap grows in z between the two
    # levels where 2φ(z) = b and has no zero of interest elsewhere.
    ordering = np.where(sells, 2 * holding * fixed / shortage / value, 0.0)
    short = np.where(sells, 2 * holding * sd / value, 0.0)

    def gap(z: FloatArray) -> FloatArray:
        return np.asarray(ordering + short * normal_loss(z).loss - ndtr(-z) ** 2)

    ratio = np.clip(short / 2 / DENSITY_AT_ZERO, np.exp(-0.5 * FURTHEST**2), 1.0)
    widest = np.sqrt(-2 * np.log(ratio))
    possible = ~sells | (gap(-widest) <= 0)
    require(
        possible,
        "shortage_cost_per_unit must be more for an order to pay: P(D > r) = Q × holding_cost/(shortage_cost_per_unit"
        " × demand_rate) has no solution",
        shortage,
    )
    z = _halved(-widest, widest, lambda z: gap(z) <= 0)
    exceeding = ndtr(-z)
    quantity = np.where(sells, exceeding * value / holding, 0.0)
    point = np.where(sells, mean + sd * z, mean)
    lost = fixed + shortage * sd * normal_loss(z).loss
    cycles = rate / np.where(quantity > 0, quantity, 1.0)
    cost = np.where(sells, holding * (point - mean + quantity / 2) + np.where(lost > 0, lost, 0.0) * cycles, 0.0)
    return ReorderPolicy(np.asarray(point), np.asarray(quantity), np.asarray(cost))


def _inputs(
    rate: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    shortage_name: str = "shortage_cost",
) -> tuple[FloatArray, ...]:
    return tuple(
        np.broadcast_arrays(
            figures(rate, "demand_rate", least=0.0),
            figures(mean, "lead_time_demand_mean"),
            figures(sd, "lead_time_demand_sd", least=0.0),
            figures(order_cost, "order_cost", least=0.0),
            figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
            figures(shortage_cost, shortage_name, least=0.0, exclude_least=True),
        )
    )


def _halved(low: FloatArray, high: FloatArray, below: Callable[[FloatArray], NDArray[np.bool_]]) -> FloatArray:
    """Lowest level found at which `below` no longer holds, between one where it does and one where it does not."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if ((middle <= low) | (middle >= high)).all():
            break
        under = below(middle)
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray(high)
