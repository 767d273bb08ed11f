"""When SKUs share the cost of an order: how often to order, and which SKUs join each time.

An order goes out every `base_cycle_time`, and a SKU joins every one, every second or every m-th of them. The cost of
such a cyclic plan with base cycle T and multiples m_n is

    (K + Σ k_n/m_n)/T + T/2 Σ m_n h_n λ_n

where K is paid every base cycle, also in one that no SKU happens to join.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.figures import figures


@dataclass(frozen=True)
class JointReplenishment:
    """Attributes:
    base_cycle_time: Periods between orders; infinity without demand, 0 where no order costs anything.
    multiples: m, where a SKU joins every m-th order, shape (sku,); 0 where it has no demand and joins none.
    order_quantities: Units each time a SKU joins, unrounded, shape (sku,).
    cost_rate: Ordering and holding cost of all SKUs per period.
    """

    base_cycle_time: float
    multiples: IntArray
    order_quantities: FloatArray
    cost_rate: float


def silver_joint_replenishment(
    *, shared_order_cost: float, order_costs: ArrayLike, holding_costs: ArrayLike, demand_rates: ArrayLike
) -> JointReplenishment:
    """A good joint plan by Silver's rule of thumb, each SKU's multiple from one square root.

    The SKU with the least k/(hλ) joins every order; the others by how much rarer they would be ordered alone.

    Args:
        shared_order_cost: K, money per order whichever SKUs join, ≥ 0.
        order_costs: k, money each time a SKU joins, ≥ 0, shape (sku,) or one for all.
        holding_costs: h, money per unit and period, > 0, shape (sku,) or one for all.
        demand_rates: λ, units per period, ≥ 0, shape (sku,).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that differ.

    Source: Silver (1976), A simple method of determining order quantities in joint replenishments under
    deterministic demand.

    >>> plan = silver_joint_replenishment(shared_order_cost=600.0, order_costs=[120, 840, 300],
    ...     holding_costs=[160, 20, 50], demand_rates=[1, 1, 1])
    >>> plan.multiples, round(plan.base_cycle_time, 3), round(plan.cost_rate, 2)
    (array([1, 3, 1]), 3.103, 837.85)
    """
    shared, joining, rates, pull = _family(shared_order_cost, order_costs, holding_costs, demand_rates)
    return _plan(shared, joining, rates, pull, _silver_multiples(shared, joining, pull))


def optimal_joint_replenishment(
    *,
    shared_order_cost: float,
    order_costs: ArrayLike,
    holding_costs: ArrayLike,
    demand_rates: ArrayLike,
    most_multiple: int = 10_000,
) -> JointReplenishment:
    """The cheapest joint plan over all base cycles and whole multiples; never dearer than Silver's.

    For a given base cycle each SKU's best multiple is known, and it changes only at certain cycles. Going from long
    to short ones, every set of multiples that can be best is met, until the shared cost alone is more than can be
    gained.

    Args:
        shared_order_cost: K, money per order whichever SKUs join, ≥ 0.
        order_costs: k, money each time a SKU joins, ≥ 0, shape (sku,) or one for all.
        holding_costs: h, money per unit and period, > 0, shape (sku,) or one for all.
        demand_rates: λ, units per period, ≥ 0, shape (sku,).
        most_multiple: Largest multiple looked at, ≥ 1. It binds only where K is next to nothing: without K there is
            no best plan, since ever finer base cycles come ever closer to ordering each SKU on its own.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that differ.

    Source: Goyal (1974) and Wildeman, Frenk & Dekker (1997) search base cycles in a range for the same optimum.

    >>> plan = optimal_joint_replenishment(shared_order_cost=600.0, order_costs=[120, 840, 300],
    ...     holding_costs=[160, 20, 50], demand_rates=[1, 1, 1])
    >>> plan.multiples, round(plan.base_cycle_time, 3), round(plan.cost_rate, 2)
    (array([1, 3, 1]), 3.103, 837.85)
    """
    if most_multiple < 1:
        raise ValueError(f"most_multiple must be at least 1, got {most_multiple}")
    shared, joining, rates, pull = _family(shared_order_cost, order_costs, holding_costs, demand_rates)
    ordered = pull > 0
    best = np.zeros(len(pull), dtype=np.int64)
    best[ordered] = _best_multiples(shared, joining[ordered], pull[ordered], most_multiple)
    return _plan(shared, joining, rates, pull, best)


def _family(
    shared_order_cost: float, order_costs: ArrayLike, holding_costs: ArrayLike, demand_rates: ArrayLike
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """K, k, λ and hλ, checked."""
    shared = float(figures(shared_order_cost, "shared_order_cost", least=0.0))
    rates = figures(demand_rates, "demand_rates", least=0.0)
    if rates.ndim != 1 or not len(rates):
        raise ValueError(f"demand_rates must be one per SKU, got shape {rates.shape}")
    joining = figures(order_costs, "order_costs", least=0.0)
    holding = figures(holding_costs, "holding_costs", least=0.0, exclude_least=True)
    for name, given in (("order_costs", joining), ("holding_costs", holding)):
        if given.shape not in ((), rates.shape):
            raise ValueError(f"{name} must be one number or one per SKU ({len(rates)}), got shape {given.shape}")
    return shared, np.broadcast_to(joining, rates.shape), rates, holding * rates


def _plan(
    shared: float, joining: FloatArray, rates: FloatArray, pull: FloatArray, multiples: IntArray
) -> JointReplenishment:
    """The base cycle that suits the multiples, and what it costs."""
    ordered = multiples > 0
    per_order = shared * ordered.any() + float((joining[ordered] / multiples[ordered]).sum())
    held = float((pull * multiples).sum())
    cycle = math.sqrt(2 * per_order / held) if held > 0 else math.inf
    quantities = np.where(ordered, multiples * rates, 0.0) * (cycle if held > 0 else 0.0)
    return JointReplenishment(cycle, multiples, quantities, math.sqrt(2 * per_order * held))


def _silver_multiples(shared: float, joining: FloatArray, pull: FloatArray) -> IntArray:
    ordered = pull > 0
    alone = joining / np.where(ordered, pull, 1.0)  # half the square of the cycle of a SKU that orders alone
    paid = ordered & (shared + joining > 0)
    if not paid.any():
        return ordered.astype(np.int64)
    first = int(np.argmin(np.where(paid, alone, np.inf)))
    multiples = np.maximum(np.rint(np.sqrt(alone * (pull[first] / (shared + joining[first])))), 1.0)
    multiples[first] = 1.0
    return np.where(ordered, multiples, 0.0).astype(np.int64)


@kernel
def _best_multiples(shared: float, joining: FloatArray, pull: FloatArray, most_multiple: int) -> IntArray:
    """Multiples with the least (K + Σ k/m) Σ hλm.

    At base cycle T the best multiple of a SKU is the m with m(m − 1) ≤ 2k/(hλT²) ≤ m(m + 1). The walk goes down in
    T², one SKU's next multiple at a time, and ends where K/T and what the SKUs would cost alone exceed the best.
    """
    skus = len(pull)
    multiples = np.ones(skus, dtype=np.int64)
    best = multiples.copy()
    per_order, held, alone = shared + joining.sum(), pull.sum(), np.sqrt(2 * joining * pull).sum()
    least = math.sqrt(2 * per_order * held)
    waiting = [(-joining[sku] / pull[sku], sku) for sku in range(skus) if joining[sku] > 0 and most_multiple > 1]
    heapq.heapify(waiting)
    while waiting:
        negative, sku = waiting[0]
        if shared / math.sqrt(-negative) + alone >= least:
            break
        m = multiples[sku] + 1
        multiples[sku] = m
        per_order -= joining[sku] / m / (m - 1)
        held += pull[sku]
        cost = math.sqrt(2 * per_order * held)
        if cost < least:
            least = cost
            best[:] = multiples
        if m < most_multiple:
            heapq.heapreplace(waiting, (-2 * joining[sku] / pull[sku] / m / (m + 1), sku))
        else:
            heapq.heappop(waiting)
    return best
