"""(r, Q) under normal lead-time demand: order Q once the inventory position falls to r, stock watched all the time."""

from dataclasses import dataclass
from math import erfc, exp, inf, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from optimization.arrays import FloatArray
from optimization.compiled import kernel
from optimization.figures import figures

FAR = 40.0
NARROW = 0.5
TINY = 1e-17
VANISHING = 1e-120
HALVINGS = 200
NEWTON_STEPS = 200
ROOT_TWO = sqrt(2.0)
DENSITY_AT_ZERO = 1 / sqrt(2 * pi)
GAUSS_NODES = (np.polynomial.legendre.leggauss(8)[0] + 1) / 2
GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(8)[1] / 2


@dataclass(frozen=True)
class ReorderPolicy:
    """Attributes:
    reorder_point: r, units, unrounded; may be negative where owing some demand is cheap.
    order_quantity: Q, units, unrounded; 0 means that each unit demanded is ordered at once.
    cost_rate: Expected cost per period.
    """

    reorder_point: FloatArray
    order_quantity: FloatArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class ReorderMeasures:
    """What an (r, Q) policy does in the long run, per period.

    Attributes:
        on_hand: Expected stock, units.
        backorders: Expected units owed.
        fill_rate: Share of demand delivered at once; 1 where there is no demand.
        ready_rate: Share of time with stock on hand.
        cycle_service_level: Chance that nothing is owed just before an order arrives.
        orders: Expected number of orders.
        order_cost_rate: Money for ordering.
        holding_cost_rate: Money for stock.
        shortage_cost_rate: Money for backorders.
        cost_rate: The sum of the three.
    """

    on_hand: FloatArray
    backorders: FloatArray
    fill_rate: FloatArray
    ready_rate: FloatArray
    cycle_service_level: FloatArray
    orders: FloatArray
    order_cost_rate: FloatArray
    holding_cost_rate: FloatArray
    shortage_cost_rate: FloatArray
    cost_rate: FloatArray


def normal_reorder_policy(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> ReorderPolicy:
    """The (r, Q) policy of least expected cost per period, r and Q together, exactly.

    Unmet demand waits. The inventory position is spread evenly over (r, r + Q], so that cost is
    (Kλ + ∫ g(y) dy)/Q over that span, with g(y) = h E[(y − D)+] + p E[(D − y)+]. At the optimum
    g(r) = g(r + Q) = cost: the cost c is where the area between c and g below it is Kλ.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units: λL.
        lead_time_demand_sd: Its sd, ≥ 0: σ√L for a sure lead time, √(Lσ² + λ²σ_L²) for one that varies (orders
            arriving in the order they were placed in).
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        shortage_cost: p, money per unit owed and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Zheng (1992), On properties of stochastic inventory systems, Management Science 38(1); Snyder & Shen,
    Fundamentals of Supply Chain Theory, 2nd ed., equations 5.7 and 5.9.

    >>> normal_reorder_policy(
    ...     demand_rate=1300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, shortage_cost=7.5,
    ... )
    ReorderPolicy(reorder_point=array(126.86706337), order_quantity=array(328.44914228), cost_rate=array(78.07114627))
    """
    rate, mean, sd, fixed, holding, shortage = np.broadcast_arrays(
        *_demand(demand_rate, lead_time_demand_mean, lead_time_demand_sd),
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True),
    )
    best = critical_level(holding, shortage)
    found = _cheapest_policies(*_flat(fixed * rate, mean, sd, holding, shortage, best))
    return ReorderPolicy(*(figure.reshape(mean.shape) for figure in found))


def normal_reorder_point(
    *,
    order_quantity: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> FloatArray:
    """Best reorder point r for a given Q, exactly: g(r) = g(r + Q).

    It is the one with a fill rate of p/(p + h).

    Args:
        order_quantity: Q, units, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units.
        lead_time_demand_sd: Its sd, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        shortage_cost: p, money per unit owed and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., equation 5.9.

    >>> normal_reorder_point(
    ...     order_quantity=300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     holding_cost=0.225, shortage_cost=7.5,
    ... ).round(4)
    np.float64(129.4273)
    """
    quantity = figures(order_quantity, "order_quantity", least=0.0)
    mean = figures(lead_time_demand_mean, "lead_time_demand_mean")
    sd = figures(lead_time_demand_sd, "lead_time_demand_sd", least=0.0)
    holding = figures(holding_cost, "holding_cost", least=0.0, exclude_least=True)
    shortage = figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True)
    return _points(quantity, mean, sd, holding / (holding + shortage), critical_level(holding, shortage))


def normal_reorder_point_for_fill_rate(
    *,
    order_quantity: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    fill_rate: ArrayLike,
) -> FloatArray:
    """Reorder point at which a given Q has a fill rate, exactly: n(r) − n(r + Q) = (1 − β) Q.

    Args:
        order_quantity: Q, units, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units.
        lead_time_demand_sd: Its sd, ≥ 0.
        fill_rate: β, share of demand delivered at once, strictly between 0 and 1. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Hadley & Whitin (1963), Analysis of Inventory Systems, chapter 4; Zipkin (2000), Foundations of
    Inventory Management, chapter 6.

    >>> normal_reorder_point_for_fill_rate(
    ...     order_quantity=300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5, fill_rate=0.99
    ... ).round(2)
    np.float64(155.75)
    """
    beta = figures(fill_rate, "fill_rate", least=0.0, most=1.0, exclude_least=True, exclude_most=True)
    return _points(
        figures(order_quantity, "order_quantity", least=0.0),
        figures(lead_time_demand_mean, "lead_time_demand_mean"),
        figures(lead_time_demand_sd, "lead_time_demand_sd", least=0.0),
        1 - beta,
        np.asarray(ndtri(beta)),
    )


def normal_policy_for_fill_rate(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    fill_rate: ArrayLike,
) -> ReorderPolicy:
    """The cheapest (r, Q) policy with a fill rate, r and Q together, exactly.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units.
        lead_time_demand_sd: Its sd, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        fill_rate: β, share of demand delivered at once, strictly between 0 and 1. Shapes broadcast.

    Returns:
        The policy; its cost is of ordering and holding.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> normal_policy_for_fill_rate(
    ...     demand_rate=1300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, fill_rate=0.98,
    ... )
    ReorderPolicy(reorder_point=array(136.89555567), order_quantity=array(331.05503673), cost_rate=array(75.18296123))
    """
    rate, mean, sd, fixed, holding, beta = np.broadcast_arrays(
        *_demand(demand_rate, lead_time_demand_mean, lead_time_demand_sd),
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(fill_rate, "fill_rate", least=0.0, most=1.0, exclude_least=True, exclude_most=True),
    )
    found = _cheapest_filling_policies(*_flat(fixed * rate, mean, sd, holding, 1 - beta, ndtri(beta)))
    return ReorderPolicy(*(figure.reshape(mean.shape) for figure in found))


def normal_policy_for_cycle_service(
    *,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    cycle_service_level: ArrayLike,
) -> ReorderPolicy:
    """The cheapest (r, Q) policy with a cycle service level, exactly.

    r = μ + zσ whatever Q is; Q is best for that r.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        lead_time_demand_mean: μ, mean demand during a lead time, units.
        lead_time_demand_sd: σ, its sd, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand and period, > 0.
        cycle_service_level: Chance that nothing is owed just before an order arrives, strictly between 0 and 1.
            Shapes broadcast.

    Returns:
        The policy; its cost is of ordering and holding.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> normal_policy_for_cycle_service(
    ...     demand_rate=1300.0, lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, cycle_service_level=0.95,
    ... )
    ReorderPolicy(reorder_point=array(179.55758466), order_quantity=array(304.09498263), cost_rate=array(84.44682764))
    """
    rate, mean, sd, fixed, holding, alpha = np.broadcast_arrays(
        *_demand(demand_rate, lead_time_demand_mean, lead_time_demand_sd),
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(cycle_service_level, "cycle_service_level", least=0.0, most=1.0, exclude_least=True, exclude_most=True),
    )
    found = _cheapest_quantities(*_flat(fixed * rate, mean, sd, holding, ndtri(alpha)))
    return ReorderPolicy(*(figure.reshape(mean.shape) for figure in found))


def normal_reorder_measures(
    *,
    reorder_point: ArrayLike,
    order_quantity: ArrayLike,
    demand_rate: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    order_cost: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
) -> ReorderMeasures:
    """What a given (r, Q) policy holds, owes, delivers and costs in the long run, exactly.

    Args:
        reorder_point: r, units, may be negative.
        order_quantity: Q, units, ≥ 0; at 0 every unit demanded is an order.
        demand_rate: λ, units per period, ≥ 0.
        lead_time_demand_mean: Mean demand during a lead time, units.
        lead_time_demand_sd: Its sd, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand and period, ≥ 0.
        shortage_cost: p, money per unit owed and period, ≥ 0. Shapes broadcast.

    Returns:
        The measures; where Q is 0 and there is demand, orders are infinite, and so is their cost unless K is 0.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., equation 5.7 (cost).

    >>> measures = normal_reorder_measures(
    ...     reorder_point=126.8, order_quantity=328.5, demand_rate=1300.0,
    ...     lead_time_demand_mean=1300 / 12, lead_time_demand_sd=150 / 12**0.5,
    ...     order_cost=8.0, holding_cost=0.225, shortage_cost=7.5,
    ... )
    >>> measures.cost_rate.round(4), measures.fill_rate.round(4)
    (np.float64(78.0712), np.float64(0.9708))
    """
    point, quantity, rate, mean, sd, fixed, holding, shortage = np.broadcast_arrays(
        figures(reorder_point, "reorder_point"),
        figures(order_quantity, "order_quantity", least=0.0),
        *_demand(demand_rate, lead_time_demand_mean, lead_time_demand_sd),
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0),
        figures(shortage_cost, "shortage_cost", least=0.0),
    )
    found = _averages(*_flat(point - mean, quantity, sd))
    on_hand, backorders, missed, served = (figure.reshape(mean.shape) for figure in found)
    orders = np.where(rate > 0, rate, 0.0) / np.where(quantity > 0, quantity, 1.0)
    orders = np.where((quantity == 0) & (rate > 0), inf, orders)
    return reorder_measures(
        on_hand=on_hand,
        backorders=backorders,
        fill_rate=np.where(rate > 0, 1 - missed, 1.0),
        ready_rate=1 - missed,
        cycle_service_level=served,
        orders=orders,
        order_cost=fixed,
        holding_cost=holding,
        shortage_cost=shortage,
    )


def reorder_measures(
    *,
    on_hand: FloatArray,
    backorders: FloatArray,
    fill_rate: FloatArray,
    ready_rate: FloatArray,
    cycle_service_level: FloatArray,
    orders: FloatArray,
    order_cost: FloatArray,
    holding_cost: FloatArray,
    shortage_cost: FloatArray,
) -> ReorderMeasures:
    """Measures with the costs that follow from them; orders without limit cost nothing where an order does not."""
    ordering = order_cost * np.where(order_cost > 0, orders, 0.0)
    keeping, owing = holding_cost * on_hand, shortage_cost * backorders
    shape = np.broadcast_shapes(ordering.shape, keeping.shape, owing.shape)
    figures_found = (
        on_hand,
        backorders,
        fill_rate,
        ready_rate,
        cycle_service_level,
        orders,
        ordering,
        keeping,
        owing,
        ordering + keeping + owing,
    )
    return ReorderMeasures(*(np.array(np.broadcast_to(figure, shape)) for figure in figures_found))


def _demand(rate: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    return (
        figures(rate, "demand_rate", least=0.0),
        figures(mean, "lead_time_demand_mean"),
        figures(sd, "lead_time_demand_sd", least=0.0),
    )


def critical_level(holding: FloatArray, shortage: FloatArray) -> FloatArray:
    """Φ⁻¹(p/(h + p)), from the smaller of the two shares so that neither loses its digits."""
    total = holding + shortage
    z = np.where(holding < shortage, -ndtri(holding / total), ndtri(shortage / total))
    return np.asarray(z)


def _points(
    quantity: FloatArray, mean: FloatArray, sd: FloatArray, missed: FloatArray, critical: FloatArray
) -> FloatArray:
    """Reorder points that leave a share of demand to wait; `critical` is that share's quantile."""
    quantity, mean, sd, missed, critical = np.broadcast_arrays(quantity, mean, sd, missed, critical)
    found = _filling_points(*_flat(quantity, sd, missed, critical))
    return np.asarray(mean + found.reshape(mean.shape))


def _flat(*arrays: FloatArray) -> list[FloatArray]:
    return [np.ascontiguousarray(array, dtype=np.float64).ravel() for array in arrays]


# Kernels. Demand X is standard normal: positions are measured from mean lead-time demand, in its sd.


@kernel
def density(z: float) -> float:
    """φ(z)."""
    return DENSITY_AT_ZERO * exp(-0.5 * z * z)


@kernel
def exceeding(z: float) -> float:
    """P(X > z)."""
    return 0.5 * erfc(z / ROOT_TWO)


@kernel
def loss(z: float) -> float:
    """E[(X − z)+]."""
    return max(density(z) - z * exceeding(z), 0.0)


@kernel
def second_loss(z: float) -> float:
    """½ E[((X − z)+)²], which is the loss summed from z on."""
    return max(0.5 * ((z * z + 1) * exceeding(z) - z * density(z)), 0.0)


@kernel
def mean_density(low: float, high: float) -> float:
    """Average of φ between two levels."""
    if high - low >= NARROW:
        return (exceeding(low) - exceeding(high)) / (high - low)
    total = 0.0
    for i in range(len(GAUSS_NODES)):
        total += GAUSS_WEIGHTS[i] * density(low + (high - low) * GAUSS_NODES[i])
    return total


@kernel
def mean_exceeding(low: float, high: float) -> float:
    """Average of P(X > z) between two levels."""
    if high - low >= NARROW:
        return (loss(low) - loss(high)) / (high - low)
    total = 0.0
    for i in range(len(GAUSS_NODES)):
        total += GAUSS_WEIGHTS[i] * exceeding(low + (high - low) * GAUSS_NODES[i])
    return total


@kernel
def mean_loss(low: float, high: float) -> float:
    """Average of E[(X − z)+] between two levels."""
    if high - low >= NARROW:
        return (second_loss(low) - second_loss(high)) / (high - low)
    total = 0.0
    for i in range(len(GAUSS_NODES)):
        total += GAUSS_WEIGHTS[i] * loss(low + (high - low) * GAUSS_NODES[i])
    return total


@kernel
def _lower_level(cost: float, h: float, p: float, best: float) -> float:
    """Where g falls to `cost`, left of its minimum; Newton from the left, where g is convex and too high."""
    z = -cost / p
    for _ in range(NEWTON_STEPS):
        excess, slope = (h + p) * loss(-z) - p * z - cost, (h + p) * exceeding(-z) - p
        if excess <= 0 or slope >= 0 or z - excess / slope <= z:
            break
        z -= excess / slope
    return min(z, best)


@kernel
def _upper_level(cost: float, h: float, p: float, best: float) -> float:
    """Where g rises to `cost`, right of its minimum."""
    return -_lower_level(cost, p, h, -best)


@kernel
def _area(cost: float, low: float, high: float, h: float, p: float) -> float:
    """∫ (cost − g) between two levels."""
    if high - low < NARROW or low > 0 or high < 0:
        return (high - low) * (cost - h * mean_loss(-high, -low) - p * mean_loss(low, high))
    tails = second_loss(-low) + second_loss(high)
    return high * (cost - h * high / 2) - low * (cost + p * low / 2) - (h + p) * (0.5 - tails)


@kernel
def _cheapest_policies(
    order_cost_rate: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    holding_cost: FloatArray,
    shortage_cost: FloatArray,
    critical: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Newton on the cost c from above: the area below it is convex in c, with slope r + Q − r."""
    point, quantity, cost = np.empty(len(mean)), np.empty(len(mean)), np.empty(len(mean))
    for i in range(len(mean)):
        unit = holding_cost[i] + shortage_cost[i]
        h, p = holding_cost[i] / unit, shortage_cost[i] / unit
        fixed, s, best = order_cost_rate[i] / unit, sd[i], critical[i]
        sure = sqrt(2 * fixed * h * p)
        if (sure / h > FAR * s and sure / p > FAR * s) or s == 0:
            # Where both ends are far from the mean, the area is that of sure demand less s²/2.
            c = sqrt(sure * sure + h * p * s * s)
            low, high = -c / p, c / h
        else:
            wanted = fixed / (s * s)
            c = sure / s + DENSITY_AT_ZERO
            low, high = best, best
            for _ in range(NEWTON_STEPS if fixed > 0 else 0):
                low, high = _lower_level(c, h, p, best), _upper_level(c, h, p, best)
                if high <= low or not (_area(c, low, high, h, p) - wanted) / (high - low) > TINY * c:
                    break
                c -= (_area(c, low, high, h, p) - wanted) / (high - low)
            if fixed == 0:
                c = h * loss(-best) + p * loss(best)
            low, high, c = low * s, high * s, c * s
        point[i], quantity[i], cost[i] = mean[i] + low, high - low, c * unit
    return point, quantity, cost


@kernel
def _filling_point(q: float, missed: float, critical: float) -> float:
    """Level r with an average of `missed` for P(X > z) between r and r + q."""
    low, high = critical - q, critical
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if mean_exceeding(middle, middle + q) > missed:
            low = middle
        else:
            high = middle
    return high


@kernel
def _filling_points(quantity: FloatArray, sd: FloatArray, missed: FloatArray, critical: FloatArray) -> FloatArray:
    points = np.empty(len(quantity))
    for i in range(len(quantity)):
        if sd[i] <= VANISHING * quantity[i]:
            points[i] = -missed[i] * quantity[i]
        else:
            points[i] = sd[i] * _filling_point(quantity[i] / sd[i], missed[i], critical[i])
    return points


@kernel
def _cheapest_filling_policies(
    order_cost_rate: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    holding_cost: FloatArray,
    missed: FloatArray,
    critical: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Halves the range of Q by the sign of the cost's slope along the policies that meet the target.

    With w = hβ / average φ, the price at which r is best, a position costs G = h E[(z − X)+] + w P(X > z), and
    the slope has the sign of G(r + Q) Q − Kλ − ∫ G. G falls, then rises, so that there is one such Q.
    """
    point, quantity, cost = np.empty(len(mean)), np.empty(len(mean)), np.empty(len(mean))
    for i in range(len(mean)):
        fixed, s, alpha = order_cost_rate[i] / holding_cost[i], sd[i], missed[i]
        sure = sqrt(2 * fixed)
        if s <= VANISHING * sure or s == 0:
            point[i], quantity[i] = mean[i] - alpha * sure / (1 - alpha), sure / (1 - alpha)
            cost[i] = holding_cost[i] * (1 - alpha) * sure
            continue
        wanted = fixed / (s * s)
        low, high = 0.0, (sure / s + 1) / (1 - alpha) if fixed > 0 else 0.0
        while fixed > 0 and _filling_slope(high, wanted, alpha, critical[i]) < 0:
            low, high = high, 2 * high
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if middle <= low or middle >= high:
                break
            if _filling_slope(middle, wanted, alpha, critical[i]) < 0:
                low = middle
            else:
                high = middle
        r = _filling_point(high, alpha, critical[i])
        ordering = wanted / high if high > 0 else 0.0
        point[i], quantity[i] = mean[i] + s * r, s * high
        cost[i] = holding_cost[i] * s * (ordering + mean_loss(-r - high, -r))
    return point, quantity, cost


@kernel
def _filling_slope(q: float, wanted: float, missed: float, critical: float) -> float:
    low = _filling_point(q, missed, critical)
    high = low + q
    price = (1 - missed) / mean_density(low, high)
    gain = loss(-high) - mean_loss(-high, -low) + price * (exceeding(high) - missed)
    return q * gain - wanted


@kernel
def _cheapest_quantities(
    order_cost_rate: FloatArray, mean: FloatArray, sd: FloatArray, holding_cost: FloatArray, critical: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Q at which stock of the highest position costs as much as the average, r being given."""
    point, quantity, cost = np.empty(len(mean)), np.empty(len(mean)), np.empty(len(mean))
    for i in range(len(mean)):
        fixed, s, z = order_cost_rate[i] / holding_cost[i], sd[i], critical[i]
        sure = sqrt(2 * fixed)
        point[i] = mean[i] + s * z
        if s <= VANISHING * sure or s == 0:
            quantity[i], cost[i] = sure, holding_cost[i] * sure
            continue
        wanted = fixed / (s * s)
        low, high = 0.0, sure / s + 1 if fixed > 0 else 0.0
        while fixed > 0 and high * (loss(-z - high) - mean_loss(-z - high, -z)) < wanted:
            low, high = high, 2 * high
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if middle <= low or middle >= high:
                break
            if middle * (loss(-z - middle) - mean_loss(-z - middle, -z)) < wanted:
                low = middle
            else:
                high = middle
        ordering = wanted / high if high > 0 else 0.0
        quantity[i], cost[i] = s * high, holding_cost[i] * s * (ordering + mean_loss(-z - high, -z))
    return point, quantity, cost


@kernel
def _averages(
    point: FloatArray, quantity: FloatArray, sd: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Units on hand, units owed, share of demand that waits, chance that a cycle is served."""
    on_hand, owed = np.empty(len(sd)), np.empty(len(sd))
    missed, served = np.empty(len(sd)), np.empty(len(sd))
    for i in range(len(sd)):
        low, high, s = point[i], point[i] + quantity[i], sd[i]
        if s <= VANISHING * max(abs(low), abs(high)):
            above, below = max(high, 0.0) - max(low, 0.0), max(-low, 0.0) - max(-high, 0.0)
            width = above + below
            on_hand[i] = above * (max(high, 0.0) + max(low, 0.0)) / (2 * width) if width > 0 else max(low, 0.0)
            owed[i] = below * (max(-low, 0.0) + max(-high, 0.0)) / (2 * width) if width > 0 else max(-low, 0.0)
            missed[i] = below / width if width > 0 else (1.0 if low < 0 else 0.0)
            served[i] = 1.0 if low >= 0 else 0.0
            continue
        low, high = low / s, high / s
        on_hand[i], owed[i] = s * mean_loss(-high, -low), s * mean_loss(low, high)
        missed[i], served[i] = min(mean_exceeding(low, high), 1.0), exceeding(-low)
    return on_hand, owed, missed, served
