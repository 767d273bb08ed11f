"""Base stock: every unit sold is ordered again at once, so that the inventory position stays at one level.

What is short is backordered. In periodic review each period a shipment arrives, the position is raised to the base
stock, demand comes, and what is on hand or short is counted; so demand of lead time + 1 periods decides. In
continuous review an order follows each demand, and demand of one lead time decides. Where sales are lost instead, see
`lost_sales`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray
from optimization.compiled import kernel
from optimization.count_distributions import CompoundPoissonDemand, NegativeBinomialDemand, PoissonDemand
from optimization.demand_distributions import TIE, Demand, short_after, smallest_level
from optimization.figures import figures, require
from optimization.loss import Loss
from optimization.newsvendor import best_level, share_met


@dataclass(frozen=True)
class BaseStock:
    """Attributes:
    base_stock_level: S, units; whole where demand is.
    safety_stock: S less mean demand of the risk period.
    fill_rate: Share of demand met from stock at once; 1 where nothing is demanded.
    ready_rate: Periodic: share of periods that end without a backorder. Continuous: share of time with stock on hand.
    expected_on_hand: Units, at the end of a period or at any time.
    expected_backorders: Units, likewise.
    """

    base_stock_level: FloatArray
    safety_stock: FloatArray
    fill_rate: FloatArray
    ready_rate: FloatArray
    expected_on_hand: FloatArray
    expected_backorders: FloatArray

    def cost_rate(self, *, holding_cost: ArrayLike, shortage_cost: ArrayLike) -> FloatArray:
        """Money per period for units on hand and units backordered.

        Raises:
            ValueError: NaN, infinite or negative.
        """
        holding, shortage = _costs(holding_cost, shortage_cost)
        return np.asarray(holding * self.expected_on_hand + shortage * self.expected_backorders)


# Periodic review


def base_stock(
    demand: Demand,
    *,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> BaseStock:
    """Periodic base stock with the least holding and backorder cost: the newsvendor of lead time + 1 periods.

    Args:
        demand: Of one period, one distribution per SKU, independent from period to period.
        lead_time: L, periods, ≥ 0; 0 if an order serves the demand of the period it is placed in.
        lead_time_sd: Periods; demand over the risk period is then fitted as `demand.over` says.
        holding_cost: h, money per unit on hand at the end of a period, ≥ 0.
        shortage_cost: p, money per unit backordered at the end of a period, ≥ 0.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 4.3.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> best = base_stock(NormalDemand(50.0, 8.0), lead_time=4, holding_cost=0.18, shortage_cost=0.7)
    >>> best.base_stock_level.round(4), best.cost_rate(holding_cost=0.18, shortage_cost=0.7).round(4)
    (np.float64(264.7669), np.float64(4.4668))
    """
    holding, shortage = _costs(holding_cost, shortage_cost)
    risk = demand.over(figures(lead_time, "lead_time", least=0.0) + 1, lead_time_sd)
    return base_stock_at(demand, best_level(risk, holding, shortage), lead_time=lead_time, lead_time_sd=lead_time_sd)


def base_stock_at(
    demand: Demand, base_stock_level: ArrayLike, *, lead_time: ArrayLike, lead_time_sd: ArrayLike = 0.0
) -> BaseStock:
    """What a given periodic base stock does; arguments and errors as in `base_stock`.

    The fill rate counts each unit short once, in the period in which it is demanded: it is 1 − [n(S) over L + 1
    periods − n(S) over L periods]/mean demand of a period.

    >>> from optimization.count_distributions import PoissonDemand
    >>> base_stock_at(PoissonDemand(18.0), 105, lead_time=4).fill_rate.round(4)
    np.float64(0.9856)
    """
    span = figures(lead_time, "lead_time", least=0.0)
    level = figures(base_stock_level, "base_stock_level")
    risk = demand.over(span + 1, lead_time_sd)
    losses = risk.losses(level)
    fresh = np.maximum(losses.loss - short_after(demand, level, span, lead_time_sd), 0.0)
    met = np.clip(share_met(fresh, demand.mean), 0.0, 1.0)
    return _measured(level, risk.mean, losses, met, risk.cumulative(level))


def base_stock_for_fill_rate(
    demand: Demand, *, lead_time: ArrayLike, lead_time_sd: ArrayLike = 0.0, fill_rate: ArrayLike
) -> BaseStock:
    """Smallest periodic base stock that meets this share of demand from stock.

    Args:
        demand: Of one period, as in `base_stock`.
        lead_time: Periods, ≥ 0.
        lead_time_sd: Periods.
        fill_rate: Strictly between 0 and 1.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> from optimization.count_distributions import PoissonDemand
    >>> base_stock_for_fill_rate(PoissonDemand(18.0), lead_time=4, fill_rate=0.95).base_stock_level
    array(100.)
    """
    target = _share(fill_rate, "fill_rate")
    span = figures(lead_time, "lead_time", least=0.0)

    def filled(level: FloatArray) -> FloatArray:
        return base_stock_at(demand, level, lead_time=span, lead_time_sd=lead_time_sd).fill_rate

    level = _first(filled, target, demand.over(span + 1, lead_time_sd))
    return base_stock_at(demand, level, lead_time=span, lead_time_sd=lead_time_sd)


def base_stock_for_cycle_service(
    demand: Demand, *, lead_time: ArrayLike, lead_time_sd: ArrayLike = 0.0, cycle_service_level: ArrayLike
) -> BaseStock:
    """Smallest periodic base stock with which this share of periods ends without a backorder.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> from optimization.count_distributions import PoissonDemand
    >>> base_stock_for_cycle_service(PoissonDemand(18.0), lead_time=4, cycle_service_level=0.95).base_stock_level
    array(106.)
    """
    target = _share(cycle_service_level, "cycle_service_level")
    risk = demand.over(figures(lead_time, "lead_time", least=0.0) + 1, lead_time_sd)
    level = risk.fractile(target, 1 - target)
    return base_stock_at(demand, level, lead_time=lead_time, lead_time_sd=lead_time_sd)


# Continuous review


def continuous_base_stock(
    demand: Demand, *, lead_time: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> BaseStock:
    """Continuous base stock with the least holding and backorder cost.

    Args:
        demand: Of a unit of time, one distribution per SKU: Poisson, compound Poisson, negative binomial (customers
            whose sizes are logarithmic), or a continuous one.
        lead_time: Units of time, ≥ 0. Under Poisson demand it may vary from order to order, with this mean
            (Palm's theorem).
        holding_cost: h, money per unit on hand and unit of time, ≥ 0.
        shortage_cost: p, money per unit backordered and unit of time, ≥ 0.

    Raises:
        ValueError: NaN, infinite or out of range, or another distribution.

    Source: Zipkin, Foundations of Inventory Management, section 6.2.

    >>> from optimization.count_distributions import PoissonDemand
    >>> best = continuous_base_stock(PoissonDemand(0.4), lead_time=5, holding_cost=1.0, shortage_cost=19.0)
    >>> best.base_stock_level
    array(5.)
    """
    holding, shortage = _costs(holding_cost, shortage_cost)
    span = figures(lead_time, "lead_time", least=0.0)
    return continuous_base_stock_at(demand, best_level(demand.over(span), holding, shortage), lead_time=span)


def continuous_base_stock_at(demand: Demand, base_stock_level: ArrayLike, *, lead_time: ArrayLike) -> BaseStock:
    """What a given continuous base stock does; arguments and errors as in `continuous_base_stock`.

    Orders of customers may be met in part. Single units find stock with P(X ≤ S − 1), as time does.

    >>> from optimization.count_distributions import PoissonDemand
    >>> result = continuous_base_stock_at(PoissonDemand(0.4), 5, lead_time=5)
    >>> result.fill_rate.round(6), result.expected_backorders.round(6)
    (np.float64(0.947347), np.float64(0.022488))
    """
    span = figures(lead_time, "lead_time", least=0.0)
    level = figures(base_stock_level, "base_stock_level")
    waiting = demand.over(span)
    ready = waiting.cumulative(np.ceil(level) - 1 if demand.whole else level)
    met = np.where(demand.mean > 0, _met_at_once(demand, waiting, level, ready), 1.0)
    return _measured(level, waiting.mean, waiting.losses(level), met, ready)


def continuous_base_stock_for_fill_rate(demand: Demand, *, lead_time: ArrayLike, fill_rate: ArrayLike) -> BaseStock:
    """Smallest continuous base stock that meets this share of demand from stock.

    Raises:
        ValueError: NaN, infinite or out of range, or a distribution `continuous_base_stock` does not take.

    >>> from optimization.count_distributions import PoissonDemand
    >>> continuous_base_stock_for_fill_rate(PoissonDemand(0.4), lead_time=5, fill_rate=0.9).base_stock_level
    array(5.)
    """
    target = _share(fill_rate, "fill_rate")
    span = figures(lead_time, "lead_time", least=0.0)

    def filled(level: FloatArray) -> FloatArray:
        return continuous_base_stock_at(demand, level, lead_time=span).fill_rate

    return continuous_base_stock_at(demand, _first(filled, target, demand.over(span)), lead_time=span)


def _met_at_once(demand: Demand, waiting: Demand, level: FloatArray, ready: FloatArray) -> FloatArray:
    """Share of units that find stock: a customer's n-th unit does if fewer than S − n + 1 are on order."""
    if not demand.whole or isinstance(demand, PoissonDemand):
        return ready
    require(level == np.floor(level), "base_stock_level must be a whole number", level)
    if isinstance(demand, CompoundPoissonDemand) and isinstance(waiting, CompoundPoissonDemand):
        return _met_by_size(demand, waiting, level)
    if isinstance(demand, NegativeBinomialDemand):
        return _met_by_logarithmic_size(demand, waiting, level, ready)
    raise ValueError(f"demand must come as Poisson customers in continuous review, got {type(demand).__name__}")


def _met_by_size(demand: CompoundPoissonDemand, waiting: CompoundPoissonDemand, level: FloatArray) -> FloatArray:
    weights = np.asarray(demand.size_probabilities, np.float64)
    taken_before = np.cumsum(weights[::-1])[::-1]
    probabilities = np.asarray(waiting.distribution.probabilities, np.float64)
    met = np.cumsum(np.convolve(probabilities, taken_before / taken_before.sum()))
    place = np.clip(level - 1, 0, len(met) - 1).astype(np.int64)
    return np.where(level >= 1, np.minimum(met[place], 1.0), 0.0)


def _met_by_logarithmic_size(
    demand: NegativeBinomialDemand, waiting: Demand, level: FloatArray, ready: FloatArray
) -> FloatArray:
    mean, variance = np.broadcast_arrays(demand.mean, demand.variance)
    spread = variance > mean * (1 + 1e-10)
    failing = np.where(spread, 1 - mean / np.where(spread, variance, 1.0), 0.5)
    successes = np.where(spread, waiting.mean * (1 - failing) / failing, 1.0)
    parts = np.broadcast_arrays(level, successes, failing, ready)
    flat = [np.ascontiguousarray(part, dtype=np.float64).ravel() for part in parts]
    met = _logarithmic_share(*flat).reshape(parts[0].shape)
    return np.where(spread, met, ready)


@kernel
def _logarithmic_share(level: FloatArray, successes: FloatArray, failing: FloatArray, ready: FloatArray) -> FloatArray:
    """Σ P(X = x) E[min(B, S − x)]/E[B] over x below S, from relative probabilities that are scaled to `ready`."""
    met = np.zeros(len(level))
    for i in range(len(level)):
        stock, q = int(level[i]), failing[i]
        if stock < 1:
            continue
        # P(B > j) E[B] cancels its own scale: weights qʲ/j, with mean q/(1 − q) and sum −ln(1 − q).
        covered = np.zeros(stock + 1)
        beyond, weight = -np.log1p(-q), 1.0
        for m in range(1, stock + 1):
            covered[m] = covered[m - 1] + max(beyond, 0.0)
            weight *= q
            beyond -= weight / m
        total, shared, probability = 0.0, 0.0, 1.0
        for x in range(stock):
            total += probability
            shared += probability * covered[stock - x]
            if total > 1e200:
                total, shared, probability = total * 1e-200, shared * 1e-200, probability * 1e-200
            probability *= q * (x + successes[i]) / (x + 1)
        met[i] = min(ready[i] * shared / total * (1 - q) / q, 1.0)
    return met


def _first(filled: Callable[[FloatArray], FloatArray], target: FloatArray, around: Demand) -> FloatArray:
    def reached(level: FloatArray) -> NDArray[np.bool_]:
        return np.asarray(1 - filled(level) <= (1 - target) * (1 + TIE))

    # Where nothing is demanded nothing is needed.
    some = around.mean > 0
    return smallest_level(
        lambda level: np.where(some, reached(level), level >= 0),
        around=around.mean,
        step=around.sd,
        whole=around.whole,
    )


def _measured(
    level: FloatArray, mean: FloatArray, losses: Loss, fill_rate: FloatArray, ready_rate: FloatArray
) -> BaseStock:
    return BaseStock(
        base_stock_level=np.broadcast_to(level, losses.loss.shape),
        safety_stock=np.asarray(level - mean),
        fill_rate=np.asarray(fill_rate),
        ready_rate=ready_rate,
        expected_on_hand=losses.complementary_loss,
        expected_backorders=losses.loss,
    )


def _costs(holding_cost: ArrayLike, shortage_cost: ArrayLike) -> tuple[FloatArray, FloatArray]:
    return figures(holding_cost, "holding_cost", least=0.0), figures(shortage_cost, "shortage_cost", least=0.0)


def _share(value: ArrayLike, name: str) -> FloatArray:
    return figures(value, name, least=0.0, most=1.0, exclude_least=True, exclude_most=True)
