"""How much to order when suppliers fail: they stop for a while (disruptions), or send another quantity (yield).

Demand is steady and known throughout, so that these quantities guard against the supplier alone. Continuous demand
with an order cost gives the relatives of the economic order quantity, one period or a run of periods without order
cost those of the newsvendor.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray
from optimization.compiled import kernel
from optimization.demand_distributions import Demand, smallest_level
from optimization.eoq import EconomicOrder
from optimization.figures import figures, require

TIE = 1e-13  # two levels whose costs differ by rounding alone are equally good: the lower one is taken
SERIES_BELOW = 0.5
SERIES_TERMS = 20


@dataclass(frozen=True)
class DisruptionStock:
    """Attributes:
    order_up_to_level: Units on hand and on order after each period's order.
    cost_rate: Expected holding and shortage cost per period.
    """

    order_up_to_level: FloatArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class YieldOrder:
    """Attributes:
    order_quantity: Units to order, unrounded.
    cost_rate: Expected holding and shortage cost of the period.
    """

    order_quantity: FloatArray
    cost_rate: FloatArray


# Disruptions under continuous review


def eoq_with_disruptions(
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    disruption_rate: ArrayLike,
    recovery_rate: ArrayLike,
) -> EconomicOrder:
    """Order quantity with the least cost where the supplier stops and starts again at random.

    Orders are placed when stock runs out and arrive at once while the supplier is up. Spells up and down have
    exponential lengths. What is demanded while stock and supplier are both out is lost. The expected cost of a cycle
    over its expected length has a single valley, whose bottom is found to the last digits.

    Args:
        demand_rate: d, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        stockout_cost: p, money per unit that is lost, ≥ 0.
        disruption_rate: λ, disruptions per period while the supplier is up, ≥ 0.
        recovery_rate: μ, recoveries per period while it is down, > 0. Shapes broadcast.

    Returns:
        The quantity is 0, and means buying as it is sold, where nothing speaks for a stock: K = 0 and h ≥ pλ.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Parlar & Berkin (1991); Berk & Arreola-Risa (1994); Snyder & Shen, Fundamentals of Supply Chain Theory,
    2nd ed., section 9.2, equation (9.5).

    >>> order = eoq_with_disruptions(demand_rate=1300.0, order_cost=8.0, holding_cost=0.225, stockout_cost=5.0,
    ...     disruption_rate=1.5, recovery_rate=14.0)
    >>> order.order_quantity.round(2), order.cost_rate.round(2)
    (np.float64(772.81), np.float64(173.95))
    """
    given = _disrupted(demand_rate, order_cost, holding_cost, stockout_cost, disruption_rate, recovery_rate)
    rate, *_, stops, starts = given
    odds, ordering, losing = _scaled(*given)
    spans = _best_spans(odds.ravel(), ordering.ravel(), losing.ravel()).reshape(rate.shape)
    return EconomicOrder(np.asarray(rate * (spans / (stops + starts))), _disrupted_cost(spans, *given))


def eoq_with_disruptions_approximation(
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    disruption_rate: ArrayLike,
    recovery_rate: ArrayLike,
) -> EconomicOrder:
    """Snyder's closed form for `eoq_with_disruptions`, which takes long-run odds for the supplier's state.

    Each order finds the supplier down with probability λ/(λ + μ), as if the last order were long ago. Close where a
    cycle is long beside the spells; its cost_rate is hQ and is not what the quantity would cost: for that see
    `eoq_with_disruptions_cost_rate`.

    Args, Raises: As `eoq_with_disruptions`.

    Source: Snyder (2014), A tight approximation for a continuous-review inventory model with supplier disruptions.

    >>> order = eoq_with_disruptions_approximation(demand_rate=1300.0, order_cost=8.0, holding_cost=0.225,
    ...     stockout_cost=5.0, disruption_rate=1.5, recovery_rate=14.0)
    >>> order.order_quantity.round(2), order.cost_rate.round(2)
    (np.float64(773.14), np.float64(173.96))
    """
    given = _disrupted(demand_rate, order_cost, holding_cost, stockout_cost, disruption_rate, recovery_rate)
    rate, _, holding, _, stops, starts = given
    odds, ordering, losing = _scaled(*given)
    loss = ordering + odds * losing
    root = odds + np.sqrt(odds**2 + 2 * loss)
    quantity = rate * (2 * loss / np.where(root > 0, root, 1.0) / (stops + starts))
    return EconomicOrder(np.asarray(quantity), np.asarray(holding * quantity))


def eoq_with_disruptions_cost_rate(
    order_quantity: ArrayLike,
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    disruption_rate: ArrayLike,
    recovery_rate: ArrayLike,
) -> FloatArray:
    """Ordering, holding and lost-sales cost per period of any order quantity under disruptions.

    Args:
        order_quantity: Units per order, > 0.
        demand_rate: More than 0; the other figures as in `eoq_with_disruptions`.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> eoq_with_disruptions_cost_rate(700.0, demand_rate=1300.0, order_cost=8.0, holding_cost=0.225,
    ...     stockout_cost=5.0, disruption_rate=1.5, recovery_rate=14.0).round(4)
    np.float64(174.7871)
    """
    quantity = figures(order_quantity, "order_quantity", least=0.0, exclude_least=True)
    figures(demand_rate, "demand_rate", least=0.0, exclude_least=True)
    given = _disrupted(demand_rate, order_cost, holding_cost, stockout_cost, disruption_rate, recovery_rate)
    return _disrupted_cost(quantity / given[0] * (given[4] + given[5]), *given)


def _disrupted(
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    disruption_rate: ArrayLike,
    recovery_rate: ArrayLike,
) -> tuple[FloatArray, ...]:
    """Checked and of one shape."""
    return tuple(
        np.broadcast_arrays(
            figures(demand_rate, "demand_rate", least=0.0),
            figures(order_cost, "order_cost", least=0.0),
            figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
            figures(stockout_cost, "stockout_cost", least=0.0),
            figures(disruption_rate, "disruption_rate", least=0.0),
            figures(recovery_rate, "recovery_rate", least=0.0, exclude_least=True),
        )
    )


def _scaled(
    rate: FloatArray, fixed: FloatArray, holding: FloatArray, lost: FloatArray, stops: FloatArray, starts: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """λ/μ, and the costs K and p measured by what holding costs, with 1/(λ + μ) as the unit of time.

    Both costs are nothing without demand.
    """
    both, sold = stops + starts, rate > 0
    ordering = fixed * both / (holding * np.where(sold, rate, 1.0)) * both
    return stops / starts, np.where(sold, ordering, 0.0), np.where(sold, lost * both / holding, 0.0)


def _disrupted_cost(
    spans: FloatArray,
    rate: FloatArray,
    fixed: FloatArray,
    holding: FloatArray,
    lost: FloatArray,
    stops: FloatArray,
    starts: FloatArray,
) -> FloatArray:
    """Cost per period where a lot lasts for `spans` units of 1/(λ + μ) periods."""
    both, odds = stops + starts, stops / starts
    down = -odds * np.expm1(-spans)
    cycle = spans + down
    cost = fixed * both + rate * (holding * spans**2 / (2 * both) + lost * down)
    as_sold = rate * lost * (odds / (1 + odds))
    return np.asarray(np.where(cycle > 0, cost / np.where(cycle > 0, cycle, 1.0), as_sold))


@kernel
def _curved(x: float) -> float:
    """1 − (1 + x) e⁻ˣ without cancellation."""
    if x >= SERIES_BELOW:
        return -math.expm1(-x) - x * math.exp(-x)
    term, total = x * x / 2, 0.0
    for n in range(2, SERIES_TERMS):
        total += term * (n - 1)
        term *= -x / (n + 1)
    return total


@kernel
def _slope(x: float, odds: float, ordering: float, losing: float) -> float:
    """Of the cost rate at span x, times something positive.

    Written as A(x) − K (1 + r e⁻ˣ) − p r B(x), the ratio A/B and B both rise, hence one change of sign.
    """
    up = math.exp(-x)
    held = x * x / 2 * (1 - odds * up) - odds * x * math.expm1(-x)
    return held - ordering * (1 + odds * up) - odds * losing * _curved(x)


@kernel
def _best_span(odds: float, ordering: float, losing: float) -> float:
    if ordering <= 0 and odds * losing <= 1 + odds:
        return 0.0
    high = math.sqrt(2 * (ordering * (1 + odds) + odds * losing))
    low = high
    while low > 0 and _slope(low, odds, ordering, losing) >= 0:
        high = low
        low /= 2
    while True:
        middle = low + (high - low) / 2
        if not low < middle < high:
            return high
        if _slope(middle, odds, ordering, losing) >= 0:
            high = middle
        else:
            low = middle


@kernel
def _best_spans(odds: FloatArray, ordering: FloatArray, losing: FloatArray) -> FloatArray:
    spans = np.empty(len(odds))
    for sku in range(len(odds)):
        spans[sku] = _best_span(odds[sku], ordering[sku], losing[sku])
    return spans


# Disruptions under periodic review


def newsvendor_with_disruptions(
    *,
    demand: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    disruption_probability: ArrayLike,
    recovery_probability: ArrayLike,
) -> DisruptionStock:
    """Order-up-to level with the least cost where the supplier is out for some periods at a time.

    Every period the same quantity is demanded, and customers wait while it is short. An order arrives in the period
    it is placed unless the supplier is out. The level covers 1 + n periods, the fewest for which the chance of no
    longer disruption is at least p/(p + h).

    Args:
        demand: d, units per period, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        shortage_cost: p, money per unit that waits and period, ≥ 0.
        disruption_probability: α, that the supplier is out in the next period if it is up in this, from 0 to 1.
        recovery_probability: β, that it is up in the next period if it is out in this, above 0, to 1. Shapes
            broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 9.3, equations (9.14) and (9.18).

    >>> newsvendor_with_disruptions(demand=2000.0, holding_cost=0.25, shortage_cost=3.0,
    ...     disruption_probability=0.04, recovery_probability=0.25).order_up_to_level
    array(8000.)
    """
    quantity, holding, shortage, fails, recovers = np.broadcast_arrays(
        *_interrupted(demand, holding_cost, shortage_cost, disruption_probability, recovery_probability)
    )
    held = holding / (holding + shortage)
    # Fewest periods n for which q (1 − β)ⁿ, the chance of being out for longer, is at most h/(h + p).
    allowed = np.minimum(held / np.where(fails > 0, fails / (fails + recovers), 1.0), 1.0)
    waits = np.maximum(np.ceil(np.log(allowed) / _log_goes_on(recovers) * (1 - TIE)), 1.0)
    waits = np.where((fails > 0) & (allowed < 1 - TIE), waits, 0.0)
    cost = _interrupted_cost(waits, quantity, holding, shortage, fails, recovers)
    return DisruptionStock(np.asarray(quantity * (1 + waits)), cost)


def newsvendor_with_disruptions_cost_rate(
    order_up_to_level: ArrayLike,
    *,
    demand: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    disruption_probability: ArrayLike,
    recovery_probability: ArrayLike,
) -> FloatArray:
    """Expected holding and shortage cost per period of any order-up-to level under disruptions.

    Args:
        order_up_to_level: Units.
        demand: More than 0; the other figures as in `newsvendor_with_disruptions`.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> newsvendor_with_disruptions_cost_rate(1200.0, demand=2000.0, holding_cost=0.25, shortage_cost=3.0,
    ...     disruption_probability=0.04, recovery_probability=0.25).round(4)
    np.float64(5710.3448)
    """
    level = figures(order_up_to_level, "order_up_to_level")
    figures(demand, "demand", least=0.0, exclude_least=True)
    given = _interrupted(demand, holding_cost, shortage_cost, disruption_probability, recovery_probability)
    return _interrupted_cost(level / given[0] - 1, *given)


def _interrupted(
    demand: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    disruption_probability: ArrayLike,
    recovery_probability: ArrayLike,
) -> tuple[FloatArray, ...]:
    return (
        figures(demand, "demand", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(shortage_cost, "shortage_cost", least=0.0),
        figures(disruption_probability, "disruption_probability", least=0.0, most=1.0),
        figures(recovery_probability, "recovery_probability", least=0.0, most=1.0, exclude_least=True),
    )


def _log_goes_on(recovers: FloatArray) -> FloatArray:
    """Logarithm of the chance that a disruption lasts another period."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-recovers))


def _interrupted_cost(
    waits: FloatArray,
    demand: FloatArray,
    holding: FloatArray,
    shortage: FloatArray,
    fails: FloatArray,
    recovers: FloatArray,
) -> FloatArray:
    """Cost per period where stock covers `waits` periods of a disruption, be it a fraction of one.

    The number N of periods that the supplier has been out has P(N > n) = q (1 − β)ⁿ with q = α/(α + β), hence
    E[(N − n)⁺] = q (1 − β)ⁿ/β and E[(n − N)⁺] = n − q (1 − (1 − β)ⁿ)/β.
    """
    out, covered = fails / (fails + recovers), np.maximum(waits, 0.0)
    whole = np.floor(covered)
    ends = np.where(whole > 0, -np.expm1(np.maximum(whole, 1.0) * _log_goes_on(recovers)), 0.0)
    longer = out * (1 - ends)
    missed = longer / recovers - (covered - whole) * longer + np.maximum(-waits, 0.0)
    left = np.maximum(whole - out * ends / recovers, 0.0) + (covered - whole) * (1 - longer)
    return np.asarray(demand * (holding * left + shortage * missed))


# Uncertain yield under continuous review


def eoq_with_additive_yield(
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    yield_mean: ArrayLike,
    yield_sd: ArrayLike,
) -> EconomicOrder:
    """Order quantity √(2Kλ/h + σ²) − μ where deliveries differ from orders by a random number of units.

    The difference does not depend on the size of the order, and only its mean and sd matter.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        yield_mean: μ, units received beyond those ordered; negative where units are missing.
        yield_sd: σ, units, ≥ 0. Shapes broadcast.

    Returns:
        The quantity is 0 where more comes unasked than is wanted. Without demand nothing is ordered.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 9.4, equations (9.22) and (9.23).

    >>> order = eoq_with_additive_yield(demand_rate=75000.0, order_cost=18500.0, holding_cost=0.06,
    ...     yield_mean=-15000.0, yield_sd=9000.0)
    >>> order.order_quantity.round(), order.cost_rate.round(2)
    (np.float64(230246.0), np.float64(12914.78))
    """
    rate = figures(demand_rate, "demand_rate", least=0.0)
    fixed = figures(order_cost, "order_cost", least=0.0)
    holding = figures(holding_cost, "holding_cost", least=0.0, exclude_least=True)
    mean, sd = figures(yield_mean, "yield_mean"), figures(yield_sd, "yield_sd", least=0.0)
    best = np.hypot(np.sqrt(2 * fixed * rate / holding), sd)
    received = np.maximum(best, mean)
    spread = best * (best / np.where(received > 0, received, 1.0))
    cost = holding * (spread + received) / 2
    ordered = np.broadcast_to(rate > 0, cost.shape)
    return EconomicOrder(np.where(ordered, received - mean, 0.0), np.where(ordered, cost, 0.0))


def eoq_with_multiplicative_yield(
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    yield_mean: ArrayLike,
    yield_sd: ArrayLike,
) -> EconomicOrder:
    """Order quantity √(2Kλ/(h(σ² + μ²))) where a random share of each order is good.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        yield_mean: μ, share of an order that is received on average, > 0.
        yield_sd: σ, of that share, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 9.4.

    >>> order = eoq_with_multiplicative_yield(demand_rate=1200.0, order_cost=50.0, holding_cost=3.0,
    ...     yield_mean=0.8, yield_sd=0.1)
    >>> order.order_quantity.round(2), order.cost_rate.round(2)
    (np.float64(248.07), np.float64(604.67))
    """
    rate = figures(demand_rate, "demand_rate", least=0.0)
    fixed = figures(order_cost, "order_cost", least=0.0)
    holding = figures(holding_cost, "holding_cost", least=0.0, exclude_least=True)
    mean = figures(yield_mean, "yield_mean", least=0.0, exclude_least=True)
    spread = np.hypot(mean, figures(yield_sd, "yield_sd", least=0.0))
    quantity = np.sqrt(2 * fixed * rate / holding) / spread
    return EconomicOrder(np.asarray(quantity), np.asarray(np.sqrt(2 * fixed * rate * holding) * (spread / mean)))


# Uncertain yield in one period


def newsvendor_with_additive_yield(
    yield_distribution: Demand, *, demand: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> YieldOrder:
    """Order quantity d − F⁻¹(h/(h + p)) where a delivery differs from the order by a random number of units.

    Args:
        yield_distribution: Units received beyond those ordered, below zero where units are missing: say
            `UniformDemand(-20.0, 5.0)`, `NormalDemand`, `DiscreteDemand` or `DiscreteDemand.from_samples`.
        demand: d, units, ≥ 0.
        holding_cost: h, money per unit left over, ≥ 0.
        shortage_cost: p, money per unit short, ≥ 0. Shapes broadcast.

    Returns:
        Never less than 0: what comes unasked is not sent back.

    Raises:
        ValueError: NaN, infinite or out of range, or no finite order is enough.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 9.5, equations (9.27) and (9.28).

    >>> from optimization.continuous_distributions import UniformDemand
    >>> newsvendor_with_additive_yield(UniformDemand(-0.5, 0.5), demand=1.5, holding_cost=15.0, shortage_cost=75.0)
    YieldOrder(order_quantity=array(1.83333333), cost_rate=array(6.25))
    """
    wanted, holding, shortage = _one_period(demand, holding_cost, shortage_cost)
    least_yield = yield_distribution.fractile(holding, shortage)
    require(least_yield > -np.inf, "holding_cost must be more than 0 where the yield has no lower limit", holding)
    missing = np.minimum(least_yield, wanted)
    losses = yield_distribution.losses(missing)
    cost = holding * losses.loss + shortage * losses.complementary_loss
    return YieldOrder(np.asarray(wanted - missing), np.asarray(cost))


def newsvendor_with_multiplicative_yield(
    yield_distribution: Demand, *, demand: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> YieldOrder:
    """Order quantity d/t where a random share Z of the order is good, and t solves E[Z; Z > t] = E[Z] p/(h + p).

    Args:
        yield_distribution: Share of the order received, with a mean above 0: say `UniformDemand(0.7, 1.0)`.
        demand: d, units, ≥ 0.
        holding_cost: h, money per unit left over, > 0.
        shortage_cost: p, money per unit short, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: the derivative of h E[(QZ − d)⁺] + p E[(d − QZ)⁺], set to zero; Henig & Gerchak (1990).

    >>> from optimization.continuous_distributions import UniformDemand
    >>> order = newsvendor_with_multiplicative_yield(UniformDemand(0.7, 1.0),
    ...     demand=100.0, holding_cost=1.0, shortage_cost=4.0)
    >>> order.order_quantity.round(2), order.cost_rate.round(2)
    (np.float64(129.97), np.float64(15.69))
    """
    wanted, holding, shortage = _one_period(demand, holding_cost, shortage_cost)
    require(holding > 0, "holding_cost must be more than 0", holding)
    mean = yield_distribution.mean
    require(mean > 0, "the mean of yield_distribution must be more than 0", mean)
    within = mean * (shortage / (holding + shortage)) * (1 + TIE)

    def reached(share: FloatArray) -> np.ndarray:
        good = share * yield_distribution.exceedance(share) + yield_distribution.losses(share).loss
        return np.asarray((share > 0) & (good <= within))

    share = smallest_level(reached, around=mean, step=yield_distribution.sd, whole=False)
    quantity = np.where(shortage > 0, wanted / share, 0.0)
    losses = yield_distribution.losses(share)
    cost = quantity * (holding * losses.loss + shortage * losses.complementary_loss)
    return YieldOrder(quantity, np.asarray(np.where(shortage > 0, cost, 0.0)))


def _one_period(
    demand: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    wanted = figures(demand, "demand", least=0.0)
    holding = figures(holding_cost, "holding_cost", least=0.0)
    shortage = figures(shortage_cost, "shortage_cost", least=0.0)
    return wanted, holding, shortage
