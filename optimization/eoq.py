"""The lot size at which ordering and holding cost the same, and its close relatives.

Demand is steady and known, and every order costs the same whatever its size. The relatives let customers wait
(planned backorders), let the lot arrive while it is made (production), tell what another quantity would cost, and
keep to order cycles that fit one another (powers of two).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray
from optimization.figures import require


@dataclass(frozen=True)
class EconomicOrder:
    """Attributes:
    order_quantity: Units per order, unrounded.
    cost_rate: Ordering and holding cost per period at that quantity; the purchase price is not in it.
    """

    order_quantity: FloatArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class EconomicOrderWithBackorders:
    """Attributes:
    order_quantity: Units per order, unrounded.
    stockout_fraction: Share of the time without stock, which is also the share of demand that waits.
    largest_backorder: Units waiting when the next delivery begins.
    cost_rate: Ordering, holding and stockout cost per period.
    """

    order_quantity: FloatArray
    stockout_fraction: FloatArray
    largest_backorder: FloatArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class QuantityCost:
    """Attributes:
    cost_rate: Ordering and holding cost per period.
    cost_ratio: The same, divided by the least there can be; infinity where the least is nothing.
    """

    cost_rate: FloatArray
    cost_ratio: FloatArray


@dataclass(frozen=True)
class PowerOfTwoOrder:
    """Attributes:
    cycle_time: Periods between orders; infinity without demand, zero where ordering is free.
    order_quantity: Units per order, unrounded.
    cost_rate: Ordering and holding cost per period.
    cost_ratio: The same, divided by that of the economic order quantity: 1 to 1.0607.
    """

    cycle_time: FloatArray
    order_quantity: FloatArray
    cost_rate: FloatArray
    cost_ratio: FloatArray


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
    holding = _positive(holding_cost, "holding_cost")
    return EconomicOrder(*_least(rate, fixed, holding))


def economic_order_quantity_with_backorders(
    *, demand_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike, stockout_cost: ArrayLike
) -> EconomicOrderWithBackorders:
    """Order quantity √(2Kλ(h + p)/(hp)) where customers wait and waiting costs money.

    Nobody is lost: what is demanded without stock is delivered from the next order. With h/(h + p) of every cycle
    out of stock, a unit's wait and a unit's storage balance.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        stockout_cost: p, money per unit that waits and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.5, equations (3.27) to (3.29).

    >>> order = economic_order_quantity_with_backorders(
    ...     demand_rate=1200.0, order_cost=50.0, holding_cost=3.0, stockout_cost=9.0)
    >>> order.order_quantity.round(2), order.stockout_fraction, order.cost_rate.round(2)
    (np.float64(230.94), array(0.25), np.float64(519.62))
    """
    rate = _checked(demand_rate, "demand_rate")
    fixed = _checked(order_cost, "order_cost")
    holding = _positive(holding_cost, "holding_cost")
    waiting = _positive(stockout_cost, "stockout_cost")
    return _with_backorders(rate, fixed, holding, waiting, rising=np.ones(()))


def economic_production_quantity(
    *, demand_rate: ArrayLike, production_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike
) -> EconomicOrder:
    """Lot √(2Kλ/(h(1 − λ/μ))) where the lot arrives at the rate it is made, and is sold meanwhile.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        production_rate: μ, units per period while it is made, more than λ.
        order_cost: K, money per set-up, ≥ 0.
        holding_cost: h, money per unit and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range, or a production that does not keep up with demand.

    Source: Taft (1918); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.6, equations (3.31)
    and (3.32).

    >>> economic_production_quantity(demand_rate=1200.0, production_rate=1600.0, order_cost=50.0, holding_cost=3.0)
    EconomicOrder(order_quantity=array(400.), cost_rate=array(300.))
    """
    rate = _checked(demand_rate, "demand_rate")
    rising = _rising(rate, production_rate)
    fixed = _checked(order_cost, "order_cost")
    holding = _positive(holding_cost, "holding_cost")
    return EconomicOrder(*_least(rate, fixed, holding * rising))


def economic_production_quantity_with_backorders(
    *,
    demand_rate: ArrayLike,
    production_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> EconomicOrderWithBackorders:
    """Lot √(2Kλ(h + p)/(hp(1 − λ/μ))) where the lot arrives while it is made and customers wait.

    Production starts again when `largest_backorder` units wait. With a production of endless speed this is
    `economic_order_quantity_with_backorders`, with an endless stockout cost `economic_production_quantity`.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        production_rate: μ, units per period while it is made, more than λ.
        order_cost: K, money per set-up, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        stockout_cost: p, money per unit that waits and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range, or a production that does not keep up with demand.

    >>> order = economic_production_quantity_with_backorders(
    ...     demand_rate=1200.0, production_rate=1600.0, order_cost=50.0, holding_cost=3.0, stockout_cost=9.0)
    >>> order.order_quantity.round(2), order.largest_backorder.round(2), order.cost_rate.round(2)
    (np.float64(461.88), np.float64(28.87), np.float64(259.81))
    """
    rate = _checked(demand_rate, "demand_rate")
    rising = _rising(rate, production_rate)
    fixed = _checked(order_cost, "order_cost")
    holding = _positive(holding_cost, "holding_cost")
    waiting = _positive(stockout_cost, "stockout_cost")
    return _with_backorders(rate, fixed, holding, waiting, rising)


def order_quantity_cost(
    order_quantity: ArrayLike, *, demand_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike
) -> QuantityCost:
    """What a quantity costs that is not the economic one: Kλ/Q + hQ/2, which is (Q/Q* + Q*/Q)/2 times the least.

    Args:
        order_quantity: Q, units per order, > 0.
        demand_rate: λ, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.2.

    >>> order_quantity_cost(400.0, demand_rate=1200.0, order_cost=50.0, holding_cost=3.0)
    QuantityCost(cost_rate=array(750.), cost_ratio=array(1.25))
    """
    quantity = _positive(order_quantity, "order_quantity")
    rate = _checked(demand_rate, "demand_rate")
    fixed = _checked(order_cost, "order_cost")
    holding = _positive(holding_cost, "holding_cost")
    cost = fixed * (rate / quantity) + holding * quantity / 2
    return QuantityCost(*_against_least(cost, rate, fixed, holding))


def power_of_two_order(
    *, demand_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike, base_period: ArrayLike = 1.0
) -> PowerOfTwoOrder:
    """The best order cycle among base_period × …, ¼, ½, 1, 2, 4, …, so that the orders of many SKUs fall together.

    The cost is at most 3/(2√2) = 1.0607 times that of the economic order quantity, whatever the figures.

    Args:
        demand_rate: λ, units per period, ≥ 0.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit and period, > 0.
        base_period: Length of one cycle that is allowed, periods, > 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Roundy (1985); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.3.

    >>> weekly = power_of_two_order(demand_rate=1200.0, order_cost=50.0, holding_cost=3.0, base_period=1 / 52)
    >>> (weekly.cycle_time * 52).round(), weekly.order_quantity.round(1), weekly.cost_ratio.round(4)
    (np.float64(8.0), np.float64(184.6), np.float64(1.0032))
    """
    rate = _checked(demand_rate, "demand_rate")
    fixed = _checked(order_cost, "order_cost")
    holding = _positive(holding_cost, "holding_cost")
    base = _positive(base_period, "base_period")
    rate, fixed, holding, base = np.broadcast_arrays(rate, fixed, holding, base)
    traded = (rate > 0) & (fixed > 0)
    ideal = np.sqrt(2 * fixed / (holding * np.where(traded, rate, 1.0)))
    doublings = np.ceil(np.log2(np.where(traded, ideal, 1.0) / base) - 0.5)
    cycle = np.where(traded, base * np.exp2(doublings), 1.0)
    quantity = np.where(traded, rate * cycle, 0.0)
    cost = np.where(traded, fixed / cycle + holding * quantity / 2, 0.0)
    return PowerOfTwoOrder(
        np.asarray(np.where(traded, cycle, np.where(rate > 0, 0.0, np.inf))),
        quantity,
        *_against_least(cost, rate, fixed, holding),
    )


def _least(rate: FloatArray, fixed: FloatArray, holding: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Economic quantity and its cost."""
    return np.asarray(np.sqrt(2 * fixed * rate / holding)), np.asarray(np.sqrt(2 * fixed * rate * holding))


def _with_backorders(
    rate: FloatArray, fixed: FloatArray, holding: FloatArray, waiting: FloatArray, rising: FloatArray
) -> EconomicOrderWithBackorders:
    """Stock climbs to the share `rising` of the lot: all of it where it arrives whole."""
    without = holding / (holding + waiting)
    both = holding * (waiting / (holding + waiting)) * rising
    quantity, cost = _least(rate, fixed, both)
    return EconomicOrderWithBackorders(
        quantity, np.broadcast_to(without, quantity.shape), np.asarray(quantity * rising * without), cost
    )


def _against_least(
    cost: FloatArray, rate: FloatArray, fixed: FloatArray, holding: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """A cost, and how many times the least cost it is."""
    least = _least(rate, fixed, holding)[1]
    ratio = cost / np.where(least > 0, least, 1.0)
    return np.asarray(cost), np.where(least > 0, ratio, np.where(cost > 0, np.inf, 1.0))


def _rising(rate: FloatArray, production_rate: ArrayLike) -> FloatArray:
    """Share of a lot that stock climbs by while it is made: 1 − λ/μ."""
    production = _positive(production_rate, "production_rate")
    require(production > rate, "production_rate must be more than demand_rate", production)
    return np.asarray((production - rate) / production)


def _checked(value: ArrayLike, name: str) -> FloatArray:
    given = np.asarray(value, dtype=np.float64)
    require(np.isfinite(given) & (given >= 0), f"{name} must be finite and not negative", given)
    return given


def _positive(value: ArrayLike, name: str) -> FloatArray:
    given = _checked(value, name)
    require(given > 0, f"{name} must be positive", given)
    return given
