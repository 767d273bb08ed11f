"""(r, Q) for whole units: order Q once the inventory position is r or less, stock being watched all the time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.count_demand import (
    CountDemand,
    CountLosses,
    CountRuns,
    cheapest_level,
    compound_poisson_counts,
    cost_at,
    count_losses,
    count_runs,
    counts_from_pmf,
    geometric_counts,
    left_at,
    logarithmic_counts,
    negative_binomial_counts,
    poisson_counts,
    short_at,
    sku_rows,
)
from optimization.figures import figures, require
from optimization.reorder_point import ReorderMeasures, reorder_measures


@dataclass(frozen=True)
class CustomerDemand:
    """Customers who come at random, one after the other, and take whole units each; made by `poisson_customers`
    and its like.

    Attributes:
        customer_rate: Customers per period, of the SKUs' shape.
        batch: Units one customer takes.
        lead_time_demand: Units of all customers who come during a lead time.
    """

    customer_rate: FloatArray
    batch: CountDemand
    lead_time_demand: CountDemand


@dataclass(frozen=True)
class UnitReorderPolicy:
    """Attributes:
    reorder_point: r, units; an inventory position of r or less calls for an order.
    order_quantity: Q, units; as many Q as bring the position above r.
    cost_rate: Expected cost per period.
    """

    reorder_point: IntArray
    order_quantity: IntArray
    cost_rate: FloatArray


# Demand


def poisson_customers(demand_rate: ArrayLike, lead_time: ArrayLike) -> CustomerDemand:
    """Customers who take one unit each.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        lead_time: L, periods, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or negative.

    >>> poisson_customers(1.5, 2.0).lead_time_demand.mean().round(9)
    np.float64(3.0)
    """
    rate, lead = np.broadcast_arrays(
        figures(demand_rate, "demand_rate", least=0.0), figures(lead_time, "lead_time", least=0.0)
    )
    return CustomerDemand(rate, _ones(rate.shape), poisson_counts(rate * lead))


def unit_customers(demand_rate: ArrayLike, lead_time_demand: CountDemand) -> CustomerDemand:
    """Customers who take one unit each, where lead-time demand has a law of its own: for lead times that vary.

    The law of Poisson demand over a lead time of several possible lengths is `mixed_counts` of `poisson_counts`;
    over a gamma lead time it is `negative_binomial_counts` with mean λE[L] and variance λE[L] + λ²Var[L]. Orders
    must arrive in the order in which they were placed, and lead times must not depend on demand.

    Args:
        demand_rate: λ, units per period, ≥ 0, of the law's shape or single.
        lead_time_demand: Units demanded during a lead time.

    Raises:
        ValueError: NaN, infinite, negative, or of another shape.

    >>> unit_customers(2.0, negative_binomial_counts(4.0, 3.0)).lead_time_demand.mean().round(9)
    np.float64(4.0)
    """
    rate = figures(demand_rate, "demand_rate", least=0.0)
    if np.broadcast_shapes(rate.shape, lead_time_demand.shape) != lead_time_demand.shape:
        raise ValueError(f"demand_rate must be single or of shape {lead_time_demand.shape}, got {rate.shape}")
    shape = lead_time_demand.shape
    return CustomerDemand(np.broadcast_to(rate, shape), _ones(shape), lead_time_demand)


def compound_poisson_customers(customer_rate: ArrayLike, batch_pmf: ArrayLike, lead_time: ArrayLike) -> CustomerDemand:
    """Customers who take several units at a time.

    Args:
        customer_rate: Customers per period, ≥ 0.
        batch_pmf: batch_pmf[..., k] is the probability that a customer takes k units, shape (units,) or
            (sku, units). If all batches share a divisor, count in multiples of it.
        lead_time: L, periods, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite, negative, or probabilities that do not sum to 1.

    >>> compound_poisson_customers(0.5, [0.0, 0.5, 0.5], 4.0).lead_time_demand.mean().round(9)
    np.float64(3.0)
    """
    return _batch_customers(customer_rate, counts_from_pmf(batch_pmf), lead_time)


def stuttering_poisson_customers(
    customer_rate: ArrayLike, mean_batch: ArrayLike, lead_time: ArrayLike
) -> CustomerDemand:
    """Customers who take 1, 2, … units, geometrically distributed.

    Args:
        customer_rate: Customers per period, ≥ 0.
        mean_batch: Units a customer takes on average, ≥ 1.
        lead_time: L, periods, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> stuttering_poisson_customers(0.5, 2.0, 4.0).lead_time_demand.mean().round(9)
    np.float64(4.0)
    """
    return _batch_customers(customer_rate, geometric_counts(mean_batch), lead_time)


def negative_binomial_customers(demand_mean: ArrayLike, demand_sd: ArrayLike, lead_time: ArrayLike) -> CustomerDemand:
    """Customers whose batches make the demand of any span negative binomial.

    Batches follow the logarithmic series; customers come at a rate of −μ²/(σ² − μ) · ln(μ/σ²).

    Args:
        demand_mean: μ, units per period, ≥ 0.
        demand_sd: σ, units, of one period's demand, with σ² ≥ μ; 0 where μ is 0.
        lead_time: L, periods, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite, negative, or σ² below μ.

    >>> negative_binomial_customers(2.0, 2.0, 1.5).lead_time_demand.mean().round(9)
    np.float64(3.0)
    """
    mean, sd, lead = np.broadcast_arrays(
        figures(demand_mean, "demand_mean", least=0.0),
        figures(demand_sd, "demand_sd", least=0.0),
        figures(lead_time, "lead_time", least=0.0),
    )
    negative_binomial_counts(mean, sd)
    variance = np.maximum(sd**2, mean)
    ratio = np.where(variance > 0, (variance - mean) / np.where(variance > 0, variance, 1.0), 0.0)
    per_unit = np.where(ratio > 0, -np.log1p(-ratio) * (1 - ratio) / np.where(ratio > 0, ratio, 1.0), 1.0)
    return CustomerDemand(
        customer_rate=mean * per_unit,
        batch=logarithmic_counts(ratio),
        lead_time_demand=negative_binomial_counts(mean * lead, sd * np.sqrt(lead)),
    )


def _batch_customers(customer_rate: ArrayLike, batch: CountDemand, lead_time: ArrayLike) -> CustomerDemand:
    rate = figures(customer_rate, "customer_rate", least=0.0)
    lead = figures(lead_time, "lead_time", least=0.0)
    shape = np.broadcast_shapes(rate.shape, lead.shape, batch.shape)
    rows = sku_rows(batch.shape, shape)
    spread = CountDemand(
        first=batch.first.ravel()[rows].reshape(shape),
        offsets=np.concatenate(([0], np.cumsum(np.diff(batch.offsets)[rows]))).astype(np.int64),
        probabilities=np.concatenate([batch.run(int(row)) for row in rows]) if rows.size else np.zeros(0),
    )
    return CustomerDemand(np.broadcast_to(rate, shape), spread, compound_poisson_counts(rate * lead, spread))


def _ones(shape: tuple[int, ...]) -> CountDemand:
    number = int(np.prod(shape))
    return CountDemand(np.ones(shape, dtype=np.int64), np.arange(number + 1, dtype=np.int64), np.ones(number))


# Policies


def unit_reorder_policy(
    demand: CustomerDemand, *, order_cost: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> UnitReorderPolicy:
    """The (r, Q) policy of least expected cost per period, exactly.

    Unmet demand waits. The inventory position after ordering is equally likely to be any of r + 1, …, r + Q, so
    that cost is (K × customers who set off an order + Σ g(y))/Q with g the cost of position y after a lead
    time. The best Q positions are next to each other because g is convex; Q grows until the next position alone
    costs as much as the best average. Where several Q cost the same, the least is taken.

    Args:
        demand: Customers and lead-time demand, as `poisson_customers` makes them.
        order_cost: K, money per order, however many Q it is for, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        shortage_cost: p, money per unit owed and period, > 0. Shapes broadcast with the SKUs'.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Federgruen & Zheng (1992), An efficient algorithm for computing an optimal (r, Q) policy in continuous
    review stochastic inventory systems, Operations Research 40(4); Snyder & Shen, Fundamentals of Supply Chain
    Theory, 2nd ed., equation 5.48 (Poisson demand).

    >>> unit_reorder_policy(poisson_customers(1.5, 2.0), order_cost=100.0, holding_cost=20.0, shortage_cost=150.0)
    UnitReorderPolicy(reorder_point=array(3), order_quantity=array(5), cost_rate=array(107.92358063))
    """
    shape, rows, costs = _aligned(
        demand,
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True),
    )
    fixed = costs[0] * demand.customer_rate.ravel()[rows]
    found = _cheapest_policies(
        rows, fixed, costs[1], costs[2], count_runs(demand.batch), count_losses(demand.lead_time_demand)
    )
    return _policy(shape, found)


def unit_reorder_point(
    demand: CustomerDemand, *, order_quantity: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> IntArray:
    """Best reorder point r for a given Q: the lowest with least holding and shortage cost.

    Args:
        demand: Customers and lead-time demand, as `poisson_customers` makes them.
        order_quantity: Q, whole units, ≥ 1.
        holding_cost: h, money per unit on hand and period, > 0.
        shortage_cost: p, money per unit owed and period, > 0. Shapes broadcast with the SKUs'.

    Raises:
        ValueError: NaN, infinite, out of range or not whole.

    >>> unit_reorder_point(poisson_customers(1.5, 2.0), order_quantity=9, holding_cost=20.0, shortage_cost=150.0)
    array(2)
    """
    shape, rows, given = _aligned(
        demand,
        _whole(order_quantity, "order_quantity", least=1),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True),
    )
    found = _best_points(rows, given[0].astype(np.int64), given[1], given[2], count_losses(demand.lead_time_demand))
    return found.reshape(shape)


def unit_reorder_measures(
    demand: CustomerDemand,
    *,
    reorder_point: ArrayLike,
    order_quantity: ArrayLike,
    order_cost: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
) -> ReorderMeasures:
    """What a given (r, Q) policy holds, owes, delivers and costs in the long run, exactly.

    A customer whose batch is partly on hand takes that part at once and waits for the rest. The cycle service
    level is the chance that nothing is owed just before an order of Q or its multiple arrives, all of the demand
    until then counted.

    Args:
        demand: Customers and lead-time demand, as `poisson_customers` makes them.
        reorder_point: r, whole units, may be negative.
        order_quantity: Q, whole units, ≥ 1.
        order_cost: K, money per order, however many Q it is for, ≥ 0.
        holding_cost: h, money per unit on hand and period, ≥ 0.
        shortage_cost: p, money per unit owed and period, ≥ 0. Shapes broadcast with the SKUs'.

    Raises:
        ValueError: NaN, infinite, out of range or not whole.

    >>> measures = unit_reorder_measures(poisson_customers(1.5, 2.0), reorder_point=3, order_quantity=5)
    >>> measures.fill_rate.round(4), measures.cycle_service_level.round(4), measures.orders.round(4)
    (np.float64(0.8666), np.float64(0.6472), np.float64(0.3))
    """
    fixed, holding, shortage = (
        figures(value, name, least=0.0)
        for value, name in (
            (order_cost, "order_cost"), (holding_cost, "holding_cost"), (shortage_cost, "shortage_cost"),
        )
    )  # fmt: skip
    shape, rows, given = _aligned(
        demand, _whole(reorder_point, "reorder_point"), _whole(order_quantity, "order_quantity", least=1)
    )
    figures_found = _averages(
        rows,
        given[0].astype(np.int64),
        given[1].astype(np.int64),
        count_runs(demand.batch),
        count_losses(demand.lead_time_demand),
    )
    ordering, on_hand, backorders, unmet, ready, served = (figure.reshape(shape) for figure in figures_found)
    return reorder_measures(
        on_hand=on_hand,
        backorders=backorders,
        fill_rate=np.asarray(1 - unmet),
        ready_rate=ready,
        cycle_service_level=served,
        orders=np.asarray(ordering * demand.customer_rate),
        order_cost=fixed,
        holding_cost=holding,
        shortage_cost=shortage,
    )


def unit_reorder_point_for_fill_rate(
    demand: CustomerDemand, *, order_quantity: ArrayLike, fill_rate: ArrayLike
) -> IntArray:
    """Lowest reorder point at which a given Q reaches a fill rate, exactly.

    Args:
        demand: Customers and lead-time demand, as `poisson_customers` makes them.
        order_quantity: Q, whole units, ≥ 1.
        fill_rate: Least share of units to be delivered at once, strictly between 0 and 1. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite, out of range or not whole.

    >>> unit_reorder_point_for_fill_rate(poisson_customers(1.5, 2.0), order_quantity=5, fill_rate=0.95)
    array(5)
    """
    shape, rows, given = _aligned(
        demand,
        _whole(order_quantity, "order_quantity", least=1),
        _target(fill_rate, "fill_rate"),
    )
    found = _filling_points(
        rows, given[0].astype(np.int64), given[1], count_runs(demand.batch), count_losses(demand.lead_time_demand)
    )
    return found.reshape(shape)


def unit_policy_for_fill_rate(
    demand: CustomerDemand, *, fill_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike
) -> UnitReorderPolicy:
    """The cheapest (r, Q) policy whose fill rate is at least a target, exactly.

    Args:
        demand: Customers and lead-time demand, as `poisson_customers` makes them.
        fill_rate: Least share of units to be delivered at once, strictly between 0 and 1.
        order_cost: K, money per order, however many Q it is for, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0. Shapes broadcast with the SKUs'.

    Returns:
        The policy; its cost is of ordering and holding. Without any demand r = −1 and Q = 1.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> unit_policy_for_fill_rate(poisson_customers(1.5, 2.0), fill_rate=0.95, order_cost=100.0, holding_cost=20.0)
    UnitReorderPolicy(reorder_point=array(4), order_quantity=array(7), cost_rate=array(122.02791217))
    """
    return _for_target(demand, _target(fill_rate, "fill_rate"), order_cost, holding_cost, cycles=False)


def unit_policy_for_cycle_service(
    demand: CustomerDemand, *, cycle_service_level: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike
) -> UnitReorderPolicy:
    """The cheapest (r, Q) policy whose cycle service level is at least a target, exactly.

    Args:
        demand: Customers and lead-time demand, as `poisson_customers` makes them.
        cycle_service_level: Least chance that nothing is owed when an order arrives, strictly between 0 and 1.
        order_cost: K, money per order, however many Q it is for, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0. Shapes broadcast with the SKUs'.

    Returns:
        The policy; its cost is of ordering and holding. Without any demand r = −1 and Q = 1.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> unit_policy_for_cycle_service(
    ...     poisson_customers(1.5, 2.0), cycle_service_level=0.95, order_cost=100.0, holding_cost=20.0
    ... )
    UnitReorderPolicy(reorder_point=array(6), order_quantity=array(4), cost_rate=array(147.62177166))
    """
    target = _target(cycle_service_level, "cycle_service_level")
    return _for_target(demand, target, order_cost, holding_cost, cycles=True)


def _for_target(
    demand: CustomerDemand, target: FloatArray, order_cost: ArrayLike, holding_cost: ArrayLike, *, cycles: bool
) -> UnitReorderPolicy:
    shape, rows, given = _aligned(
        demand,
        target,
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
    )
    fixed = given[1] * demand.customer_rate.ravel()[rows]
    found = _cheapest_serving_policies(
        rows, given[0], cycles, fixed, given[2], count_runs(demand.batch), count_losses(demand.lead_time_demand)
    )
    return _policy(shape, found)


def _policy(shape: tuple[int, ...], found: tuple[IntArray, IntArray, FloatArray]) -> UnitReorderPolicy:
    point, quantity, cost = found
    return UnitReorderPolicy(point.reshape(shape), quantity.reshape(shape), cost.reshape(shape))


def _target(value: ArrayLike, name: str) -> FloatArray:
    return figures(value, name, least=0.0, most=1.0, exclude_least=True, exclude_most=True)


def _whole(value: ArrayLike, name: str, *, least: float = -np.inf) -> FloatArray:
    given = figures(value, name, least=least)
    require(given == np.floor(given), f"{name} must be whole", given)
    return given


def _aligned(demand: CustomerDemand, *given: FloatArray) -> tuple[tuple[int, ...], IntArray, list[FloatArray]]:
    """One shape for SKUs and figures; which SKU and figure count at each place of it."""
    shape = np.broadcast_shapes(demand.customer_rate.shape, *(one.shape for one in given))
    flat = [np.ascontiguousarray(np.broadcast_to(one, shape)).ravel() for one in given]
    return shape, sku_rows(demand.customer_rate.shape, shape), flat


# Kernels


@kernel
def _exceeding(size: int, sku: int, batch: CountRuns) -> float:
    """Probability that a customer takes more than `size` units."""
    total = 0.0
    low = batch.offsets[sku]
    for i in range(batch.offsets[sku + 1] - 1, max(low, low + size + 1 - batch.first[sku]) - 1, -1):
        total += batch.probabilities[i]
    return total


@kernel
def _batch_mean(sku: int, batch: CountRuns) -> float:
    total = 0.0
    for i in range(batch.offsets[sku], batch.offsets[sku + 1]):
        total += batch.probabilities[i] * (batch.first[sku] + i - batch.offsets[sku])
    return total


@kernel
def _ordering(quantity: int, sku: int, batch: CountRuns) -> float:
    """E[min(B, Q)]/Q, the share of customers who set off an order."""
    total = 0.0
    for i in range(batch.offsets[sku], batch.offsets[sku + 1]):
        total += batch.probabilities[i] * min(batch.first[sku] + i - batch.offsets[sku], quantity)
    return total / quantity


@kernel
def _unmet(point: int, quantity: int, sku: int, batch: CountRuns, losses: CountLosses) -> float:
    """Share of units that wait: Σ P(B ≥ k) P(position − lead-time demand < k) over k ≥ 1, per unit demanded.

    Counted per customer's k-th unit; from the greatest batch down so that P(B ≥ k) is summed as it goes.
    """
    low = batch.offsets[sku]
    last = batch.first[sku] + batch.offsets[sku + 1] - low - 1
    reaching, waiting, units = 0.0, 0.0, 0.0
    for k in range(last, 0, -1):
        if k >= batch.first[sku]:
            reaching += batch.probabilities[low + k - batch.first[sku]]
        units += reaching
        waiting += reaching * (short_at(point + 1 - k, sku, losses) - short_at(point + quantity + 1 - k, sku, losses))
    return min(max(waiting / (units * quantity), 0.0), 1.0) if units > 0 else 0.0


@kernel
def _unserved(point: int, quantity: int, sku: int, batch: CountRuns, losses: CountLosses) -> float:
    """Chance that something is owed just before an order arrives, from the position just before it was placed.

    A batch of b sets an order off from r + u, for u from 1 to min(b, Q), and leaves the position at r + u − b.
    """
    owing, orders = 0.0, 0.0
    for i in range(batch.offsets[sku], batch.offsets[sku + 1]):
        b = batch.first[sku] + i - batch.offsets[sku]
        some = min(b, quantity)
        orders += batch.probabilities[i] * some
        owing += batch.probabilities[i] * (
            short_at(point + 1 - b, sku, losses) - short_at(point + some + 1 - b, sku, losses)
        )
    return min(max(owing / orders, 0.0), 1.0) if orders > 0 else 0.0


@kernel
def _cheapest_policies(
    rows: IntArray,
    order_cost_rate: FloatArray,
    holding_cost: FloatArray,
    shortage_cost: FloatArray,
    batch: CountRuns,
    losses: CountLosses,
) -> tuple[IntArray, IntArray, FloatArray]:
    point, quantity, cost = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), np.empty(len(rows))
    for place in range(len(rows)):
        sku, fixed, h, p = rows[place], order_cost_rate[place], holding_cost[place], shortage_cost[place]
        best = cheapest_level(sku, h, p, losses)
        low, q = best - 1, 1
        stock = cost_at(best, sku, h, p, losses)
        ordering = fixed * _exceeding(0, sku, batch)
        point[place], quantity[place], cost[place] = low, q, ordering + stock
        longest = batch.first[sku] + batch.offsets[sku + 1] - batch.offsets[sku] - 1
        below, above = cost_at(low, sku, h, p, losses), cost_at(low + q + 1, sku, h, p, losses)
        while min(below, above) < cost[place]:
            if below < above:
                stock += below
                low -= 1
                below = cost_at(low, sku, h, p, losses)
            else:
                stock += above
                above = cost_at(low + q + 2, sku, h, p, losses)
            if q < longest:
                ordering += fixed * _exceeding(q, sku, batch)
            q += 1
            if ordering + stock < cost[place] * q:
                point[place], quantity[place], cost[place] = low, q, (ordering + stock) / q
    return point, quantity, cost


@kernel
def _best_points(
    rows: IntArray, quantities: IntArray, holding_cost: FloatArray, shortage_cost: FloatArray, losses: CountLosses
) -> IntArray:
    """Lowest r with g(r + 1) ≤ g(r + Q + 1): moving up by one would not gain."""
    points = np.empty(len(rows), np.int64)
    for place in range(len(rows)):
        sku, q, h, p = rows[place], quantities[place], holding_cost[place], shortage_cost[place]
        high = cheapest_level(sku, h, p, losses) - 1
        low = high - q
        while high - low > 1:
            middle = low + (high - low) // 2
            if cost_at(middle + 1, sku, h, p, losses) <= cost_at(middle + q + 1, sku, h, p, losses):
                high = middle
            else:
                low = middle
        points[place] = high
    return points


@kernel
def _averages(
    rows: IntArray, points: IntArray, quantities: IntArray, batch: CountRuns, losses: CountLosses
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Share of customers who set off an order; units on hand, owed; share waiting; time with stock; cycles served."""
    ordering, on_hand, owed = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows))
    unmet, ready, served = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows))
    for place in range(len(rows)):
        sku, r, q = rows[place], points[place], quantities[place]
        left, short = 0.0, 0.0
        for y in range(r + 1, r + q + 1):
            left += left_at(y, sku, losses)
            short += short_at(y, sku, losses)
        ordering[place] = _ordering(q, sku, batch)
        on_hand[place], owed[place] = left / q, short / q
        unmet[place] = _unmet(r, q, sku, batch, losses)
        out = (short_at(r, sku, losses) - short_at(r + q, sku, losses)) / q
        ready[place] = min(max(1.0 - out, 0.0), 1.0)
        served[place] = 1.0 - _unserved(r, q, sku, batch, losses)
    return ordering, on_hand, owed, unmet, ready, served


@kernel
def _missed(cycles: bool, point: int, quantity: int, sku: int, batch: CountRuns, losses: CountLosses) -> float:
    if cycles:
        return _unserved(point, quantity, sku, batch, losses)
    return _unmet(point, quantity, sku, batch, losses)


@kernel
def _lowest_point(cycles: bool, allowed: float, quantity: int, sku: int, batch: CountRuns, losses: CountLosses) -> int:
    """Lowest r at which what is missed is allowed; nothing is met from r = −Q or below."""
    low = -quantity
    step = 1
    while _missed(cycles, low + step, quantity, sku, batch, losses) > allowed:
        low += step
        step *= 2
    high = low + step
    while high - low > 1:
        middle = low + (high - low) // 2
        if _missed(cycles, middle, quantity, sku, batch, losses) > allowed:
            low = middle
        else:
            high = middle
    return high


@kernel
def _filling_points(
    rows: IntArray, quantities: IntArray, fill_rate: FloatArray, batch: CountRuns, losses: CountLosses
) -> IntArray:
    points = np.empty(len(rows), np.int64)
    for place in range(len(rows)):
        sku = rows[place]
        if _exceeding(0, sku, batch) == 0:
            points[place] = -quantities[place]
            continue
        points[place] = _lowest_point(False, 1 - fill_rate[place], quantities[place], sku, batch, losses)
    return points


@kernel
def _stock(point: int, quantity: int, sku: int, losses: CountLosses) -> float:
    """Σ of units left over the positions r + 1, …, r + Q."""
    total = 0.0
    for y in range(point + 1, point + quantity + 1):
        total += left_at(y, sku, losses)
    return total


@kernel
def _cheapest_serving_policies(
    rows: IntArray,
    target: FloatArray,
    cycles: bool,
    order_cost_rate: FloatArray,
    holding_cost: FloatArray,
    batch: CountRuns,
    losses: CountLosses,
) -> tuple[IntArray, IntArray, FloatArray]:
    """For each Q the lowest r that meets the target, which moves by little from one Q to the next.

    Stops at a bound below all greater Q: net stock takes no value with a chance of more than 1/Q, and must be
    positive with chance β, so that stock is β²Q/2 at least.
    """
    point, quantity, cost = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), np.empty(len(rows))
    for place in range(len(rows)):
        sku, fixed, h, allowed = rows[place], order_cost_rate[place], holding_cost[place], 1 - target[place]
        point[place], quantity[place], cost[place] = -1, 1, h * left_at(0, sku, losses)
        if _exceeding(0, sku, batch) == 0:
            continue
        longest = batch.first[sku] + batch.offsets[sku + 1] - batch.offsets[sku] - 1
        q, r = 1, _lowest_point(cycles, allowed, 1, sku, batch, losses)
        stock, ordering, least = _stock(r, 1, sku, losses), _exceeding(0, sku, batch), np.inf
        while True:
            average = (fixed * ordering + h * stock) / q
            if average < least:
                point[place], quantity[place], cost[place], least = r, q, average, average
            if h * target[place] ** 2 * q / 2 >= least:
                break
            before = r
            if q < longest:
                ordering += _exceeding(q, sku, batch)
            q += 1
            while _missed(cycles, r, q, sku, batch, losses) > allowed:
                r += 1
            while _missed(cycles, r - 1, q, sku, batch, losses) <= allowed:
                r -= 1
            if r == before:
                stock += left_at(r + q, sku, losses)
            elif r == before - 1:
                stock += left_at(r + 1, sku, losses)
            else:
                stock = _stock(r, q, sku, losses)
    return point, quantity, cost
