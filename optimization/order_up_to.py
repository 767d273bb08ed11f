"""Periodic review (R, S): every R periods the inventory position is raised to the order-up-to level S.

An order placed at a review arrives a lead time L later and must last until the next one arrives, so that demand of
the protection interval R + L decides. What is short is backordered.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray
from optimization.demand_distributions import TIE, Demand, short_after, smallest_level
from optimization.figures import figures, require
from optimization.newsvendor import share_met


@dataclass(frozen=True)
class OrderUpTo:
    """Attributes:
    order_up_to_level: S, units; whole where demand is.
    safety_stock: S less mean demand of the protection interval.
    k: Safety stock in standard deviations of that demand; 0 where there is none.
    protection_demand_mean: Units over review period + lead time.
    protection_demand_sd: Units.
    cycle_service_level: Share of cycles without a stockout.
    fill_rate: Share of demand met from stock; 1 where nothing is demanded.
    """

    order_up_to_level: FloatArray
    safety_stock: FloatArray
    k: FloatArray
    protection_demand_mean: FloatArray
    protection_demand_sd: FloatArray
    cycle_service_level: FloatArray
    fill_rate: FloatArray


@dataclass(frozen=True)
class OrderUpToCost:
    """Attributes:
    order_up_to_level: S, units; whole where demand is.
    expected_on_hand: Units at the end of a period, on average over the cycle.
    expected_backorders: Units, likewise.
    cost_rate: Money per period for both.
    """

    order_up_to_level: FloatArray
    expected_on_hand: FloatArray
    expected_backorders: FloatArray
    cost_rate: FloatArray


def order_up_to_for_cycle_service(
    demand: Demand,
    *,
    review_period: ArrayLike,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
    cycle_service_level: ArrayLike,
) -> OrderUpTo:
    """Smallest level with which this share of cycles has no stockout: P(demand of R + L ≤ S).

    Args:
        demand: Of one period, one distribution per SKU, independent from period to period.
        review_period: R, periods, > 0.
        lead_time: L, periods, ≥ 0.
        lead_time_sd: Periods; demand is then fitted as `demand.over` says.
        cycle_service_level: Strictly between 0 and 1. Not the fill rate.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> policy = order_up_to_for_cycle_service(
    ...     NormalDemand(100.0, 30.0), review_period=1, lead_time=4, cycle_service_level=0.97
    ... )
    >>> policy.order_up_to_level.round(2)
    np.float64(626.17)
    """
    target = _share(cycle_service_level, "cycle_service_level")
    protection = demand.over(*_spans(review_period, lead_time, lead_time_sd))
    return order_up_to_at(
        demand,
        protection.fractile(target, 1 - target),
        review_period=review_period,
        lead_time=lead_time,
        lead_time_sd=lead_time_sd,
    )


def order_up_to_for_fill_rate(
    demand: Demand,
    *,
    review_period: ArrayLike,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
    fill_rate: ArrayLike,
) -> OrderUpTo:
    """Smallest level with which this share of demand is met from stock (service of type 2).

    The units first short in a cycle are those short at its end less those short already at its start:
    n(S) over R + L − n(S) over L = (1 − β) R × mean demand of a period.

    Args:
        demand: As in `order_up_to_for_cycle_service`; so are the periods.
        review_period: R, periods, > 0.
        lead_time: L, periods, ≥ 0.
        lead_time_sd: Periods.
        fill_rate: β, strictly between 0 and 1.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th ed., on (R, S) systems.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> policy = order_up_to_for_fill_rate(NormalDemand(100.0, 30.0), review_period=1, lead_time=4, fill_rate=0.97)
    >>> policy.order_up_to_level.round(4)
    np.float64(587.6176)
    """
    target = _share(fill_rate, "fill_rate")
    protection = demand.over(*_spans(review_period, lead_time, lead_time_sd))
    some = protection.mean > 0

    def reached(level: FloatArray) -> NDArray[np.bool_]:
        met = order_up_to_at(
            demand, level, review_period=review_period, lead_time=lead_time, lead_time_sd=lead_time_sd
        ).fill_rate
        return np.where(some, 1 - met <= (1 - target) * (1 + TIE), level >= 0)

    level = smallest_level(reached, around=protection.mean, step=protection.sd, whole=demand.whole)
    return order_up_to_at(demand, level, review_period=review_period, lead_time=lead_time, lead_time_sd=lead_time_sd)


def order_up_to_at(
    demand: Demand,
    order_up_to_level: ArrayLike,
    *,
    review_period: ArrayLike,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
) -> OrderUpTo:
    """The service of a given level; arguments and errors as in `order_up_to_for_cycle_service`.

    >>> from optimization.count_distributions import PoissonDemand
    >>> order_up_to_at(PoissonDemand(10.0), 70, review_period=4, lead_time=2).fill_rate.round(4)
    np.float64(0.9901)
    """
    level = figures(order_up_to_level, "order_up_to_level")
    both, spread = _spans(review_period, lead_time, lead_time_sd)
    review, lead = np.asarray(review_period, np.float64), np.asarray(lead_time, np.float64)
    protection = demand.over(both, spread)
    fresh = np.maximum(protection.losses(level).loss - short_after(demand, level, lead, spread), 0.0)
    mean, sd = protection.mean, protection.sd
    safety = level - mean
    return OrderUpTo(
        order_up_to_level=np.broadcast_to(level, safety.shape),
        safety_stock=np.asarray(safety),
        k=np.where(sd > 0, safety / np.where(sd > 0, sd, 1.0), 0.0),
        protection_demand_mean=mean,
        protection_demand_sd=sd,
        cycle_service_level=protection.cumulative(level),
        fill_rate=np.clip(share_met(fresh, np.asarray(review * demand.mean)), 0.0, 1.0),
    )


def order_up_to(
    demand: Demand,
    *,
    review_period: ArrayLike,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> OrderUpToCost:
    """Level with the least holding and backorder cost, counted at the end of each of the R periods of a cycle.

    The smallest S that covers p/(h + p) of demand over L + 1, …, L + R periods on average. What reviews and orders
    cost depends on R alone and is not in it.

    Args:
        demand: As in `order_up_to_for_cycle_service`.
        review_period: R, whole periods, ≥ 1.
        lead_time: L, periods, ≥ 0.
        lead_time_sd: Periods.
        holding_cost: h, money per unit and period, > 0.
        shortage_cost: p, money per unit backordered and period, > 0.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> best = order_up_to(
    ...     NormalDemand(50.0, 8.0), review_period=1, lead_time=4, holding_cost=0.18, shortage_cost=0.7
    ... )
    >>> best.order_up_to_level.round(4), best.cost_rate.round(4)
    (np.float64(264.7669), np.float64(4.4668))
    """
    holding = figures(holding_cost, "holding_cost", least=0.0, exclude_least=True)
    shortage = figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True)
    review, totals = _totals(demand, review_period, lead_time, lead_time_sd)
    ratio, complement = shortage / (holding + shortage), holding / (holding + shortage)

    def reached(level: FloatArray) -> NDArray[np.bool_]:
        within = _average(review, totals, lambda total: total.cumulative(level))
        beyond = _average(review, totals, lambda total: total.exceedance(level))
        return np.where(ratio < complement, within >= ratio * (1 - TIE), beyond <= complement * (1 + TIE))

    around = _average(review, totals, lambda total: total.mean)
    level = smallest_level(reached, around=around, step=totals[-1].sd, whole=demand.whole)
    return _costed(level, review, totals, holding, shortage)


def order_up_to_cost(
    demand: Demand,
    order_up_to_level: ArrayLike,
    *,
    review_period: ArrayLike,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> OrderUpToCost:
    """Cost of a given level; arguments and errors as in `order_up_to`, but either cost may be 0.

    >>> from optimization.count_distributions import PoissonDemand
    >>> cost = order_up_to_cost(
    ...     PoissonDemand(10.0), 70, review_period=4, lead_time=2, holding_cost=1.0, shortage_cost=9.0
    ... )
    >>> cost.cost_rate.round(3)
    np.float64(26.008)
    """
    level = figures(order_up_to_level, "order_up_to_level")
    holding = figures(holding_cost, "holding_cost", least=0.0)
    shortage = figures(shortage_cost, "shortage_cost", least=0.0)
    review, totals = _totals(demand, review_period, lead_time, lead_time_sd)
    return _costed(level, review, totals, holding, shortage)


def _costed(
    level: FloatArray, review: FloatArray, totals: list[Demand], holding: FloatArray, shortage: FloatArray
) -> OrderUpToCost:
    short = _average(review, totals, lambda total: total.losses(level).loss)
    left = _average(review, totals, lambda total: total.losses(level).complementary_loss)
    return OrderUpToCost(
        order_up_to_level=np.broadcast_to(level, short.shape),
        expected_on_hand=left,
        expected_backorders=short,
        cost_rate=np.asarray(holding * left + shortage * short),
    )


def _totals(
    demand: Demand, review_period: ArrayLike, lead_time: ArrayLike, lead_time_sd: ArrayLike
) -> tuple[FloatArray, list[Demand]]:
    """R, and demand over L + 1, L + 2, … periods to the longest review period."""
    review = figures(review_period, "review_period", least=1.0)
    require(review == np.floor(review), "review_period must be a whole number where periods are counted", review)
    lead = figures(lead_time, "lead_time", least=0.0)
    return review, [demand.over(lead + step, lead_time_sd) for step in range(1, int(review.max()) + 1)]


def _average(review: FloatArray, totals: list[Demand], figure: Callable[[Demand], FloatArray]) -> FloatArray:
    """Mean over each SKU's own R periods."""
    summed = np.zeros(())
    for step, total in enumerate(totals, start=1):
        summed = summed + np.where(step <= review, figure(total), 0.0)
    return np.asarray(summed / review)


def _spans(review_period: ArrayLike, lead_time: ArrayLike, lead_time_sd: ArrayLike) -> tuple[FloatArray, FloatArray]:
    review = figures(review_period, "review_period", least=0.0, exclude_least=True)
    lead = figures(lead_time, "lead_time", least=0.0)
    return np.asarray(review + lead), figures(lead_time_sd, "lead_time_sd", least=0.0)


def _share(value: ArrayLike, name: str) -> FloatArray:
    return figures(value, name, least=0.0, most=1.0, exclude_least=True, exclude_most=True)
