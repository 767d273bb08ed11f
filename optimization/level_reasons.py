"""Why a stock level is what it is, and what would change it, in a sentence."""

from __future__ import annotations

import math

from optimization.level_problem import TARGET
from optimization.safety_stock_lp import StockLevels


def level_reason(levels: StockLevels, sku: int, *, name: str = "", currency: str = "") -> str:
    """Why one SKU's reorder point is what it is, and what would raise it.

    Args:
        levels: The answer it is part of.
        sku: Its number.
        name: What to call it.
        currency: Of its stock.
    """
    who = f"{name}: " if name else ""
    point, safety = int(levels.reorder_point[sku]), float(levels.safety_stock[sku])
    mean = point - safety
    if mean <= 0:
        return f"{who}nothing is demanded, so that nothing is held."
    sign = "+" if safety >= 0 else "−"
    made = f"{who}reorder point {point:,} = {mean:,.1f} expected over the protection interval {sign} {abs(safety):,.1f}"
    outcome = f"{made} of safety stock, which meets {levels.fill_rate[sku]:.1%} of its demand"
    return f"{outcome}; {why_not_more(levels, sku, currency=currency)}."


def why_not_more(levels: StockLevels, sku: int, *, currency: str = "") -> str:
    """What keeps one SKU's level from rising, without the level itself: its own bounds, or the limits' prices.

    Args:
        levels: The answer it is part of.
        sku: Its number, of one with demand.
        currency: Of its stock, and the period where costs are per period: "EUR a week".
    """
    held, cost, worth = levels.is_held_by[sku], levels.next_unit_cost[sku], levels.next_unit_worth[sku]
    if held == "fill rate floor":
        return "its own floor asks for so much, and the shared limits for no more: a lower floor would lower it"
    if held == "highest":
        return "it is the highest allowed, or the most that its demand quantiles can vouch for"
    if held == "lowest":
        return f"it is the lowest allowed, and {_next(cost, worth, currency)}"
    return f"{_next(cost, worth, currency)}{_what_would_raise_it(levels, sku)}"


def _next(cost: float, worth: float, currency: str) -> str:
    if math.isinf(cost):
        return "of a unit more its demand quantiles know nothing"
    if cost < 0:  # where service itself is what is made best, a unit brings some and takes what limits leave for others
        points = f"the next unit would bring {-100 * cost:,.3g} points of the whole fill rate"
        return f"{points}, and what it takes of the limits brings {max(-100 * worth, 0.0):,.3g} elsewhere"
    unit = f" {currency}" if currency else ""
    return f"the next unit would cost {cost:,.3g}{unit} and is worth {max(worth, 0.0):,.3g} at the prices of the limits"


def _what_would_raise_it(levels: StockLevels, sku: int) -> str:
    """How far the price of fill rate would have to rise for one unit more, where that alone sets the level."""
    priced = [one for one in levels.limits if one.binds]
    cost, worth = levels.next_unit_cost[sku], levels.next_unit_worth[sku]
    if len(priced) != 1 or priced[0].name != TARGET or worth <= 0 or cost <= worth:
        return ""
    now = priced[0].price / 100
    return f": it rises once a point of fill rate is worth {now * cost / worth:,.4g} instead of {now:,.4g}"
