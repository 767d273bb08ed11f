"""The economic order quantity where the price falls with the quantity.

An all-units discount holds for every unit of an order that is large enough, an incremental one only for the units
beyond each breakpoint. Price lists are given as breakpoints and the unit cost from each of them on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.figures import figures, require


@dataclass(frozen=True)
class DiscountedOrder:
    """Attributes:
    order_quantity: Units per order, unrounded.
    region: Place in the price list, from 0: the last breakpoint that the quantity reaches.
    cost_rate: Purchase, ordering and holding cost per period.
    """

    order_quantity: FloatArray
    region: IntArray
    cost_rate: FloatArray


def all_units_discount_order(
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost_rate: ArrayLike,
    breakpoints: ArrayLike,
    unit_costs: ArrayLike,
) -> DiscountedOrder:
    """Order quantity with the least cost where one price holds for the whole order.

    In each region of the price list the best quantity is its economic quantity, or its breakpoint where that is
    larger; the cheapest region wins, and of equally cheap ones the one with the smaller order.

    Args:
        demand_rate: λ, units per period, ≥ 0, shape () or (sku,).
        order_cost: K, money per order, ≥ 0, shape () or (sku,).
        holding_cost_rate: Share of its price that a unit in stock costs per period, > 0, shape () or (sku,).
        breakpoints: Least quantity of each region, rising from 0, shape (region,) or (sku, region); shorter lists
            are filled up with infinity.
        unit_costs: Price per unit in each region, > 0, never rising, of the same shapes.

    Raises:
        ValueError: NaN, out of range, or a price list that is not as said.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.4, equations (3.18) and (3.19).

    >>> all_units_discount_order(demand_rate=1000.0, order_cost=200.0, holding_cost_rate=0.2,
    ...     breakpoints=[0, 200, 500], unit_costs=[500, 475, 450])
    DiscountedOrder(order_quantity=array(500.), region=array(2), cost_rate=array(472900.))
    """
    rate, fixed, share = _per_order(demand_rate, order_cost, holding_cost_rate)
    starts, prices, offered = _price_list(breakpoints, unit_costs)
    economic = np.sqrt(2 * fixed * rate / (share * prices))
    quantity = np.maximum(economic, starts)
    ends = _ends(starts, offered)
    ordering = fixed * rate / np.where(quantity > 0, quantity, 1.0)
    cost = prices * rate + ordering + share * prices * quantity / 2
    cost = np.where(offered & (quantity < ends), cost, np.inf)
    region = np.asarray(np.argmin(cost, axis=-1))
    return DiscountedOrder(_of_region(quantity, region), region, _of_region(cost, region))


def incremental_discount_order(
    *,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost_rate: ArrayLike,
    breakpoints: ArrayLike,
    unit_costs: ArrayLike,
) -> DiscountedOrder:
    """Order quantity with the least cost where each price holds for the units beyond its breakpoint only.

    An order of Q units in region j costs c̄_j + c_j Q, where c̄_j is what the units below the breakpoint cost more.
    That acts like a larger order cost, so that the best quantity of the region is √(2(K + c̄_j)λ/(i c_j)). Stock is
    held at the average price of its order.

    Args:
        demand_rate: λ, units per period, ≥ 0, shape () or (sku,).
        order_cost: K, money per order, ≥ 0, shape () or (sku,).
        holding_cost_rate: i, share of its price that a unit in stock costs per period, > 0, shape () or (sku,).
        breakpoints: Least quantity of each region, rising from 0, shape (region,) or (sku, region); shorter lists
            are filled up with infinity.
        unit_costs: c, price per further unit in each region, > 0, never rising, of the same shapes.

    Raises:
        ValueError: NaN, out of range, or a price list that is not as said.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 3.4, equations (3.20) to (3.22).

    >>> order = incremental_discount_order(demand_rate=2400.0, order_cost=150.0, holding_cost_rate=0.25,
    ...     breakpoints=[0, 300, 600], unit_costs=[100, 90, 80])
    >>> order.order_quantity.round(2), order.region, order.cost_rate.round(2)
    (np.float64(1481.89), array(2), np.float64(222762.81))
    """
    rate, fixed, share = _per_order(demand_rate, order_cost, holding_cost_rate)
    starts, prices, offered = _price_list(breakpoints, unit_costs)
    saved = (prices[..., :-1] - prices[..., 1:]) * starts[..., 1:]
    extra = np.concatenate([np.zeros_like(prices[..., :1]), np.cumsum(saved, axis=-1)], axis=-1)
    quantity = np.sqrt(2 * (fixed + extra) * rate / (share * prices))
    cost = prices * rate + share * extra / 2 + np.sqrt(2 * (fixed + extra) * rate * share * prices)
    # The price of an order is the least of all regions' lines, so the least cost lies in its own region by itself.
    best = np.asarray(np.argmin(np.where(offered, cost, np.inf), axis=-1))
    chosen = _of_region(quantity, best)
    region = np.asarray((offered & (starts <= chosen[..., None])).sum(axis=-1) - 1)
    return DiscountedOrder(chosen, region, _of_region(cost, best))


def _per_order(
    demand_rate: ArrayLike, order_cost: ArrayLike, holding_cost_rate: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Checked, each with an axis for the regions behind its SKUs."""
    rate = figures(demand_rate, "demand_rate", least=0.0)
    fixed = figures(order_cost, "order_cost", least=0.0)
    share = figures(holding_cost_rate, "holding_cost_rate", least=0.0, exclude_least=True)
    return rate[..., None], fixed[..., None], share[..., None]


def _price_list(breakpoints: ArrayLike, unit_costs: ArrayLike) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Breakpoints, unit costs and which regions there are, all of one shape."""
    given = np.asarray(breakpoints, dtype=np.float64)
    prices = figures(unit_costs, "unit_costs", least=0.0, exclude_least=True)
    if given.ndim == 0 or prices.ndim == 0 or given.shape[-1] != prices.shape[-1] or given.shape[-1] == 0:
        raise ValueError(f"breakpoints and unit_costs must be as many, got shapes {given.shape} and {prices.shape}")
    require(given[..., 0] == 0, "breakpoints must begin with 0", given[..., 0])
    starts, prices = np.broadcast_arrays(given, prices)
    offered = np.isfinite(starts)
    rises = starts[..., 1:] > starts[..., :-1]
    both_absent = np.isposinf(starts[..., 1:]) & np.isposinf(starts[..., :-1])
    require(rises | both_absent, "breakpoints must rise", starts[..., 1:])
    falls = prices[..., 1:] <= prices[..., :-1]
    require(falls | ~offered[..., 1:], "unit_costs must not rise with the quantity", prices[..., 1:])
    return np.where(offered, starts, 0.0), prices, offered


def _ends(starts: FloatArray, offered: BoolArray) -> FloatArray:
    """Where the next region begins; infinity for the last."""
    beyond = np.full((*starts.shape[:-1], 1), np.inf)
    return np.concatenate([np.where(offered, starts, np.inf)[..., 1:], beyond], axis=-1)


def _of_region(values: FloatArray, region: IntArray) -> FloatArray:
    return np.asarray(np.take_along_axis(values, region[..., None], axis=-1)[..., 0])
