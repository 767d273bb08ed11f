"""How much to have for one uncertain period: the level that balances too much against too little."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray
from optimization.demand_distributions import Demand
from optimization.figures import figures, require


@dataclass(frozen=True)
class Newsvendor:
    """Attributes:
    order_quantity: Units to have at the start of the period; what is on hand already counts.
    critical_ratio: p/(h + p), the share of periods that the best quantity covers.
    cycle_service_level: P(X ≤ order_quantity); for whole units it may exceed the critical ratio.
    fill_rate: Share of demand met; 1 where nothing is demanded.
    expected_shortage: Units short.
    expected_leftover: Units left over.
    expected_cost: Money per period, of units short and left over.
    """

    order_quantity: FloatArray
    critical_ratio: FloatArray
    cycle_service_level: FloatArray
    fill_rate: FloatArray
    expected_shortage: FloatArray
    expected_leftover: FloatArray
    expected_cost: FloatArray


@dataclass(frozen=True)
class NewsvendorProfit:
    """Attributes:
    order_quantity: Units to buy.
    critical_ratio: Margin lost per unit short over that and the loss per unit left over.
    cycle_service_level: P(X ≤ order_quantity).
    fill_rate: Share of demand met; 1 where nothing is demanded.
    expected_sales: Units sold.
    expected_leftover: Units left over.
    expected_profit: Money per period.
    """

    order_quantity: FloatArray
    critical_ratio: FloatArray
    cycle_service_level: FloatArray
    fill_rate: FloatArray
    expected_sales: FloatArray
    expected_leftover: FloatArray
    expected_profit: FloatArray


def newsvendor(demand: Demand, *, holding_cost: ArrayLike, shortage_cost: ArrayLike) -> Newsvendor:
    """Quantity with the least expected cost of units left over and units short.

    The smallest y with P(X ≤ y) ≥ p/(h + p). Where shortage_cost is 0 that is the least demand there can be, and
    under normal demand, which has no least, 0.

    Args:
        demand: Of the period, one distribution per SKU.
        holding_cost: h, money per unit left over, ≥ 0; above 0 where demand has no limit and shortage_cost is above 0.
        shortage_cost: p, money per unit short, ≥ 0.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 4.3.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> result = newsvendor(NormalDemand(50.0, 8.0), holding_cost=0.18, shortage_cost=0.7)
    >>> result.order_quantity.round(4), result.expected_cost.round(4)
    (np.float64(56.604), np.float64(1.9976))
    """
    holding, shortage = _costs(holding_cost, shortage_cost)
    return newsvendor_cost(demand, best_level(demand, holding, shortage), holding_cost=holding, shortage_cost=shortage)


def newsvendor_cost(
    demand: Demand, order_quantity: ArrayLike, *, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> Newsvendor:
    """Expected cost of a given quantity: h n̄(y) + p n(y).

    Args:
        demand: As in `newsvendor`.
        order_quantity: y, units.
        holding_cost: h, money per unit left over, ≥ 0.
        shortage_cost: p, money per unit short, ≥ 0.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> from optimization.count_distributions import PoissonDemand
    >>> newsvendor_cost(PoissonDemand(6.0), [7, 8, 9], holding_cost=1.0, shortage_cost=4.0).expected_cost.round(3)
    array([3.85 , 3.57 , 3.806])
    """
    holding, shortage = _costs(holding_cost, shortage_cost)
    level = figures(order_quantity, "order_quantity")
    losses = demand.losses(level)
    short, left = losses.loss, losses.complementary_loss
    return Newsvendor(
        order_quantity=np.broadcast_to(level, np.broadcast_shapes(level.shape, short.shape)),
        critical_ratio=critical_ratio(shortage, holding),
        cycle_service_level=demand.cumulative(level),
        fill_rate=share_met(short, demand.mean),
        expected_shortage=short,
        expected_leftover=left,
        expected_cost=np.asarray(holding * left + shortage * short),
    )


def newsvendor_profit(
    demand: Demand,
    *,
    revenue: ArrayLike,
    purchase_cost: ArrayLike,
    salvage_value: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
) -> NewsvendorProfit:
    """Quantity with the greatest expected profit.

    A unit short loses revenue − purchase_cost + shortage_cost; a unit left over loses purchase_cost − salvage_value +
    holding_cost. The quantity is the smallest that covers the first over the sum of both. Where a sale earns nothing,
    nothing beyond the least demand is bought.

    Args:
        demand: Of the period, one distribution per SKU.
        revenue: Money per unit sold, ≥ 0.
        purchase_cost: Money per unit bought, ≥ 0, at most revenue + shortage_cost.
        salvage_value: Money earned per unit left over; negative where its disposal costs.
        holding_cost: Money per unit left over besides, ≥ 0.
        shortage_cost: Money per unit short besides the lost sale, ≥ 0.

    Raises:
        ValueError: NaN, infinite or out of range; also where a unit left over costs nothing and demand has no limit.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 4.3.

    >>> from optimization.count_distributions import PoissonDemand
    >>> best = newsvendor_profit(PoissonDemand(50.0), revenue=7.0, purchase_cost=2.5, salvage_value=1.5)
    >>> best.order_quantity, best.expected_profit.round(4)
    (array(56.), np.float64(214.5173))
    """
    short, left = _unit_losses(revenue, purchase_cost, salvage_value, holding_cost, shortage_cost)
    return newsvendor_profit_at(
        demand,
        best_level(demand, left, short),
        revenue=revenue,
        purchase_cost=purchase_cost,
        salvage_value=salvage_value,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
    )


def newsvendor_profit_at(
    demand: Demand,
    order_quantity: ArrayLike,
    *,
    revenue: ArrayLike,
    purchase_cost: ArrayLike,
    salvage_value: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
) -> NewsvendorProfit:
    """Expected profit of a given quantity; arguments and errors as in `newsvendor_profit`.

    (revenue − purchase_cost) E[X] less what units short and units left over lose.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> newsvendor_profit_at(NormalDemand(50.0, 8.0), 50.0, revenue=7.0, purchase_cost=2.5).expected_profit.round(3)
    np.float64(202.659)
    """
    short, left = _unit_losses(revenue, purchase_cost, salvage_value, holding_cost, shortage_cost)
    level = figures(order_quantity, "order_quantity")
    losses = demand.losses(level)
    margin = np.asarray(revenue, np.float64) - np.asarray(purchase_cost)
    profit = margin * demand.mean - short * losses.loss - left * losses.complementary_loss
    return NewsvendorProfit(
        order_quantity=np.broadcast_to(level, np.broadcast_shapes(level.shape, losses.loss.shape)),
        critical_ratio=critical_ratio(short, left),
        cycle_service_level=demand.cumulative(level),
        fill_rate=share_met(losses.loss, demand.mean),
        expected_sales=np.asarray(demand.mean - losses.loss),
        expected_leftover=losses.complementary_loss,
        expected_profit=np.asarray(profit),
    )


def best_level(demand: Demand, holding_cost: FloatArray, shortage_cost: FloatArray) -> FloatArray:
    """The smallest level that covers shortage_cost/(holding_cost + shortage_cost) of demand.

    Raises:
        ValueError: No finite level is best.
    """
    level = demand.fractile(shortage_cost, holding_cost)
    require(level < np.inf, "a unit left over must cost something where demand has no limit", holding_cost)
    return np.where(np.isneginf(level), 0.0, level)


def critical_ratio(below: FloatArray, above: FloatArray) -> FloatArray:
    """below/(below + above), and 0 where both are."""
    total = below + above
    return np.asarray(below / np.where(total > 0, total, 1.0))


def share_met(short: FloatArray, demanded: FloatArray) -> FloatArray:
    """1 − short/demanded, and 1 where nothing is demanded."""
    return np.where(demanded > 0, 1 - short / np.where(demanded > 0, demanded, 1.0), 1.0)


def _costs(holding_cost: ArrayLike, shortage_cost: ArrayLike) -> tuple[FloatArray, FloatArray]:
    return figures(holding_cost, "holding_cost", least=0.0), figures(shortage_cost, "shortage_cost", least=0.0)


def _unit_losses(
    revenue: ArrayLike,
    purchase_cost: ArrayLike,
    salvage_value: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> tuple[FloatArray, FloatArray]:
    """What a unit short and a unit left over lose."""
    price, cost = figures(revenue, "revenue", least=0.0), figures(purchase_cost, "purchase_cost", least=0.0)
    salvage = figures(salvage_value, "salvage_value")
    holding, shortage = _costs(holding_cost, shortage_cost)
    short, left = price - cost + shortage, cost - salvage + holding
    require(short >= 0, "revenue + shortage_cost must be at least purchase_cost", short)
    require(left >= 0, "purchase_cost + holding_cost must be at least salvage_value", left)
    return np.asarray(short), np.asarray(left)
