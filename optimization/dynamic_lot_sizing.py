"""What to order in each period of a known demand: the cheapest plan, and two rules of thumb to compare it with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray
from optimization.compiled import kernel
from optimization.figures import figures

ROUNDING = 4e-16
Rule = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class LotPlan:
    """Attributes; the shapes are those of demand, and the same without its last axis:
    order_quantities: Units ordered at the start of each period, shape (..., period).
    stock: Units left at the end of each period, shape (..., period).
    cost: Money over the whole horizon; the sum of the next three.
    cost_of_orders: Fixed cost of the orders placed.
    cost_of_holding: Cost of the stock left at the end of each period.
    cost_of_purchases: Units bought at the price of their period.
    """

    order_quantities: FloatArray
    stock: FloatArray
    cost: FloatArray
    cost_of_orders: FloatArray
    cost_of_holding: FloatArray
    cost_of_purchases: FloatArray


def wagner_whitin(
    *,
    demand: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    purchase_cost: ArrayLike = 0.0,
    on_hand: ArrayLike = 0.0,
) -> LotPlan:
    """The plan of least cost for a demand that is known period by period.

    Each period: the order arrives at once, demand is met in full, what is left is charged holding cost. Every cost
    may vary by period, and prices may move either way: where a low price is worth it, the plan buys ahead. Stock
    already on hand meets the first demand; where it exceeds all demand, the rest is held to the end. Of two plans
    that cost the same, the one whose first lots are smaller.

    The recursion F_t = min_j {K_t + a_t (D_j − D_t) + F_j}, with D cumulated demand and a_t the price less the
    holding cost cumulated before t, is answered from the lower convex hull of the points (D_j, F_j), so that a plan
    of n periods takes n log n steps.

    Args:
        demand: Units per period, ≥ 0, shape (period,) or (..., period), for instance (sku, period).
        order_cost: K_t, money per order placed in the period, ≥ 0.
        holding_cost: h_t, money per unit left at the end of the period, ≥ 0.
        purchase_cost: c_t, money per unit bought in the period, ≥ 0. The three costs broadcast against demand: one
            number, (period,), (sku, 1) or (sku, period).
        on_hand: Units before the first period, ≥ 0, one number or shape (sku,).

    Raises:
        ValueError: NaN, infinite or negative figures, no period, or shapes that do not fit demand.

    Source: Wagner and Whitin (1958); Wagelmans, van Hoesel and Kolen (1992) for the hull.

    >>> plan = wagner_whitin(demand=[90.0, 120.0, 80.0, 70.0], order_cost=500.0, holding_cost=2.0)
    >>> plan.order_quantities
    array([210.,   0., 150.,   0.])
    >>> plan.cost
    array(1380.)
    """
    return _plan(_cheapest, demand, order_cost, holding_cost, purchase_cost, on_hand)


def silver_meal(
    *,
    demand: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    purchase_cost: ArrayLike = 0.0,
    on_hand: ArrayLike = 0.0,
) -> LotPlan:
    """The rule of Silver and Meal: let a lot cover more periods as long as its cost per period does not rise.

    The cost is the fixed cost and holding the lot; prices are not looked at, though they are in the plan's cost.
    For comparison with `wagner_whitin`, whose arguments and errors it shares: the rule never costs less.

    Source: Silver and Meal (1973).

    >>> plan = silver_meal(demand=[100.0, 10.0, 10.0, 100.0], order_cost=60.0, holding_cost=1.0)
    >>> plan.order_quantities, plan.cost
    (array([120.,   0.,   0., 100.]), array(150.))
    """
    return _plan(_least_cost_per_period, demand, order_cost, holding_cost, purchase_cost, on_hand)


def least_unit_cost(
    *,
    demand: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    purchase_cost: ArrayLike = 0.0,
    on_hand: ArrayLike = 0.0,
) -> LotPlan:
    """The rule of least unit cost: let a lot cover more periods as long as its cost per unit does not rise.

    The cost is the fixed cost and holding the lot; prices are not looked at, though they are in the plan's cost.
    For comparison with `wagner_whitin`, whose arguments and errors it shares: the rule never costs less.

    >>> plan = least_unit_cost(demand=[100.0, 10.0, 10.0, 100.0], order_cost=60.0, holding_cost=1.0)
    >>> plan.order_quantities, plan.cost
    (array([100., 120.,   0.,   0.]), array(330.))
    """
    return _plan(_least_cost_per_unit, demand, order_cost, holding_cost, purchase_cost, on_hand)


def _plan(
    rule: Rule,
    demand: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    purchase_cost: ArrayLike,
    on_hand: ArrayLike,
) -> LotPlan:
    wanted = figures(demand, "demand", least=0.0)
    if wanted.ndim == 0 or wanted.shape[-1] == 0:
        raise ValueError(f"demand must have at least one period on its last axis, got shape {wanted.shape}")
    fixed = _fitted(order_cost, "order_cost", wanted.shape)
    holding = _fitted(holding_cost, "holding_cost", wanted.shape)
    price = _fitted(purchase_cost, "purchase_cost", wanted.shape)
    start = _fitted(on_hand, "on_hand", wanted.shape[:-1])
    net, left = net_of(wanted, start)
    rows = (-1, wanted.shape[-1])
    needed = _writable(net.reshape(rows))
    quantities = rule(needed, *(_writable(each.reshape(rows)) for each in (fixed, holding, price)))
    ordered = quantities.reshape(wanted.shape)
    stock = left + _stock(quantities, needed).reshape(wanted.shape)
    orders = np.where(ordered > 0, fixed, 0.0).sum(axis=-1)
    held = (holding * stock).sum(axis=-1)
    bought = (price * ordered).sum(axis=-1)
    return LotPlan(
        order_quantities=ordered,
        stock=stock,
        cost=np.asarray(orders + held + bought),
        cost_of_orders=np.asarray(orders),
        cost_of_holding=np.asarray(held),
        cost_of_purchases=np.asarray(bought),
    )


def _fitted(value: ArrayLike, name: str, shape: tuple[int, ...]) -> FloatArray:
    given = figures(value, name, least=0.0)
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must fit shape {shape}, that of demand, got shape {given.shape}") from None


def _writable(given: FloatArray) -> FloatArray:
    """C order and writable, so that kernels are compiled once and not per kind of array."""
    return np.require(given, np.float64, ["C", "W"])


def net_of(demand: FloatArray, on_hand: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Demand that stock on hand does not meet, and what is left of that stock after each period."""
    if not on_hand.any():
        return demand, np.zeros(demand.shape)
    left = np.empty(demand.shape)
    net = np.empty(demand.shape)
    stock = np.array(on_hand)
    for period in range(demand.shape[-1]):
        used = np.minimum(stock, demand[..., period])
        net[..., period] = demand[..., period] - used
        stock = stock - used
        left[..., period] = stock
    return net, left


@kernel
def _stock(quantities: FloatArray, demand: FloatArray) -> FloatArray:
    """Units left after each period; summed from the next order backwards, so that it ends at exactly 0."""
    skus, periods = demand.shape
    stock = np.zeros((skus, periods))
    for sku in range(skus):
        for t in range(periods - 1, 0, -1):
            if quantities[sku, t] == 0.0:
                stock[sku, t - 1] = stock[sku, t] + demand[sku, t]
    return stock


@kernel
def _cheapest(demand: FloatArray, order_cost: FloatArray, holding_cost: FloatArray, price: FloatArray) -> FloatArray:
    skus, n = demand.shape
    quantities = np.zeros((skus, n))
    needed = np.empty(n + 1)
    rate = np.empty(n)
    best = np.empty(n + 1)
    covered_to = np.empty(n, dtype=np.int64)
    hull = np.empty(n + 1, dtype=np.int64)
    for sku in range(skus):
        needed[0] = 0.0
        held = 0.0
        for t in range(n):
            needed[t + 1] = needed[t] + demand[sku, t]
            rate[t] = price[sku, t] - held
            held += holding_cost[sku, t]
        best[n] = 0.0
        hull[0] = n
        top = 0
        for t in range(n - 1, -1, -1):
            # From the nearest point (top) towards the farthest (0) the slopes rise: look for where they pass −rate.
            a = rate[t]
            low, high = 0, top
            while low < high:
                middle = (low + high + 1) // 2
                near, far = hull[middle], hull[middle - 1]
                slack = ROUNDING * (abs(best[far]) + abs(best[near]) + abs(a) * needed[far])
                if best[far] - best[near] + a * (needed[far] - needed[near]) < -slack:
                    high = middle - 1
                else:
                    low = middle
            j = hull[low]
            best[t] = order_cost[sku, t] + a * (needed[j] - needed[t]) + best[j]
            covered_to[t] = j
            if demand[sku, t] == 0.0 and best[t + 1] <= best[t]:
                best[t] = best[t + 1]
                covered_to[t] = t
            if needed[hull[top]] == needed[t]:
                top -= 1
            while top >= 1:
                near, far = hull[top], hull[top - 1]
                across, along = needed[near] - needed[t], needed[far] - needed[t]
                slack = ROUNDING * (abs(best[far]) + abs(best[near]) + abs(best[t])) * along
                if (best[near] - best[t]) * along > (best[far] - best[t]) * across + slack:
                    top -= 1
                else:
                    break
            top += 1
            hull[top] = t
        t = 0
        while t < n:
            if covered_to[t] == t:
                t += 1
                continue
            for i in range(t, covered_to[t]):
                quantities[sku, t] += demand[sku, i]
            t = covered_to[t]
    return quantities


def _least_cost_per_period(
    demand: FloatArray, order_cost: FloatArray, holding_cost: FloatArray, _price: FloatArray
) -> FloatArray:
    return _while_average_falls(demand, order_cost, holding_cost, False)


def _least_cost_per_unit(
    demand: FloatArray, order_cost: FloatArray, holding_cost: FloatArray, _price: FloatArray
) -> FloatArray:
    return _while_average_falls(demand, order_cost, holding_cost, True)


@kernel
def _while_average_falls(
    demand: FloatArray, order_cost: FloatArray, holding_cost: FloatArray, per_unit: bool
) -> FloatArray:
    skus, n = demand.shape
    quantities = np.zeros((skus, n))
    for sku in range(skus):
        t = 0
        while t < n:
            if demand[sku, t] == 0.0:
                t += 1
                continue
            units = demand[sku, t]
            cost = order_cost[sku, t]
            carried = 0.0
            average = cost / units if per_unit else cost
            j = t + 1
            while j < n:
                carried += holding_cost[sku, j - 1]
                longer = cost + carried * demand[sku, j]
                more = units + demand[sku, j]
                new = longer / more if per_unit else longer / (j + 1 - t)
                if new > average:
                    break
                cost, units, average = longer, more, new
                j += 1
            quantities[sku, t] = units
            t = j
    return quantities
