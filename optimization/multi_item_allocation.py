"""Safety stocks of many SKUs that share one service target and one budget, under normal lead-time demand.

    least  Σ h_i σ_i z_i        over z_i in [least_safety_factor, most_safety_factor]
    with   Σ σ_i L(z_i) ≤ (1 − β) Σ μ_i        units short per cycle, L the standard normal loss
    and    Σ c_i σ_i z_i ≤ budget              value of the safety stocks at cost

The problem is convex. With prices λ of a unit short and ν of a unit of budget, each SKU follows from them alone: its
chance to run short is (h_i + ν c_i)/λ, within its bounds. So two numbers are sought, whatever the number of SKUs: the
budget's weight t, between costs alone and budget alone, and for each t the λ that just meets the service.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from optimization.arrays import FloatArray
from optimization.figures import figures, require

MOST_STEPS = 200
CLOSE = 2e-15  # relative, of units short: sums of many figures are no better
FARTHEST = 37.0  # standard deviations at which a normal tail is still more than nothing in floating point


class ServiceOutOfReach(Exception):
    """No safety stocks meet the service target within bounds and budget.

    Attributes:
        best_fill_rate: The highest aggregate fill rate that bounds and budget allow; minus infinity where the
            budget does not carry the least safety stocks.
        smallest_budget: The least budget that meets the target; None where the bounds rule it out anyway.
    """

    def __init__(self, conflict: str, *, best_fill_rate: float, smallest_budget: float | None) -> None:
        super().__init__(conflict)
        self.best_fill_rate = best_fill_rate
        self.smallest_budget = smallest_budget


@dataclass(frozen=True)
class SharedSafetyStock:
    """Attributes:
    safety_stock: σ z, units, unrounded, shape (sku,).
    total_holding_cost: Σ h σ z, money per period.
    expected_shortage: Units short per cycle, all SKUs together.
    fill_rate: 1 − expected_shortage / Σ μ, of all SKUs together; 1 where nothing is demanded.
    stock_value: Σ c σ z, money.
    shortage_price: λ, what it costs per period to have one unit less short per cycle; 0 where more service than
        asked comes for nothing.
    budget_price: ν, what one more unit of budget saves per period; 0 where the budget is not used up, infinite
        where the target just fits it.
    """

    safety_stock: FloatArray
    total_holding_cost: float
    expected_shortage: float
    fill_rate: float
    stock_value: float
    shortage_price: float
    budget_price: float


def shared_safety_stock(
    *,
    lead_time_demand_mean: ArrayLike,
    lead_time_demand_sd: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike,
    fill_rate_target: float,
    budget: float | None = None,
    least_safety_factor: ArrayLike = -3.0,
    most_safety_factor: ArrayLike = 5.0,
) -> SharedSafetyStock:
    """Safety stocks with the least holding cost that together meet a fill rate within a budget, exact.

    The fill rate is of all SKUs together: units not short per cycle, over units demanded per lead time. Items that
    are cheap to hold serve more than it, dear ones less.

    Args:
        lead_time_demand_mean: μ, units, ≥ 0, shape (sku,).
        lead_time_demand_sd: σ, units, ≥ 0, shape (sku,); where it is 0 the safety stock is 0.
        holding_cost: h, money per unit and period, ≥ 0.
        unit_cost: c, money per unit, ≥ 0.
        fill_rate_target: β, in (0, 1).
        budget: Most that the safety stocks may be worth; a negative safety stock frees money. None for no limit.
        least_safety_factor: z at least, between −37 and most_safety_factor.
        most_safety_factor: z at most, up to 37.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.
        ServiceOutOfReach: Bounds or budget do not allow the target.

    Source: Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th ed., chapter 6; the
        solution by prices is the usual Lagrangian of a separable convex program.

    >>> shared = shared_safety_stock(
    ...     lead_time_demand_mean=[100, 40, 250, 15, 60], lead_time_demand_sd=[30, 25, 60, 12, 10],
    ...     holding_cost=[2, 5, 0.8, 12, 3], unit_cost=[10, 20, 5, 60, 9], fill_rate_target=0.98, budget=1579.5183,
    ... )
    >>> shared.safety_stock.round(1), round(shared.total_holding_cost, 2)
    (array([ 42.3,  22.5, 109.3,   0.8,  12.7]), 331.74)
    """
    items = _Items.of(
        lead_time_demand_mean, lead_time_demand_sd, holding_cost, unit_cost, least_safety_factor, most_safety_factor
    )
    if not 0 < fill_rate_target < 1:
        raise ValueError(f"fill_rate_target must lie strictly between 0 and 1, got {fill_rate_target}")
    if budget is not None and not np.isfinite(budget):
        raise ValueError(f"budget must be finite, got {budget}")
    allowed = (1 - fill_rate_target) * float(items.mean.sum())
    unavoidable = items.shortage(items.most)
    if unavoidable > allowed:
        raise ServiceOutOfReach(
            f"at most_safety_factor {unavoidable:.6g} units are short per cycle, and a fill rate of "
            f"{fill_rate_target} allows {allowed:.6g}",
            best_fill_rate=_most_service(items, budget),
            smallest_budget=None,
        )
    if budget is None:
        return items.answer(*_cheapest(items, 0.0, allowed), 0.0)
    weight = _budget_weight(items, allowed, budget)
    if weight is None:
        smallest = items.value(_cheapest(items, 1.0, allowed)[0])
        raise ServiceOutOfReach(
            f"budget must be at least {smallest:.6g} for a fill rate of {fill_rate_target}, got {budget:.6g}",
            best_fill_rate=_most_service(items, budget),
            smallest_budget=smallest,
        )
    return items.answer(*_cheapest(items, weight, allowed), weight)


@dataclass(frozen=True)
class _Items:
    """The SKUs whose demand varies, in units in which their mean cost is 1: all figures of shape (sku,)."""

    varying: np.ndarray
    mean: FloatArray
    sd: FloatArray
    holding: FloatArray
    cost: FloatArray
    least: FloatArray
    most: FloatArray
    holding_unit: float
    cost_unit: float

    @classmethod
    def of(
        cls,
        lead_time_demand_mean: ArrayLike,
        lead_time_demand_sd: ArrayLike,
        holding_cost: ArrayLike,
        unit_cost: ArrayLike,
        least_safety_factor: ArrayLike,
        most_safety_factor: ArrayLike,
    ) -> "_Items":
        given = [
            figures(lead_time_demand_mean, "lead_time_demand_mean", least=0.0),
            figures(lead_time_demand_sd, "lead_time_demand_sd", least=0.0),
            figures(holding_cost, "holding_cost", least=0.0),
            figures(unit_cost, "unit_cost", least=0.0),
            figures(least_safety_factor, "least_safety_factor", least=-FARTHEST, most=FARTHEST),
            figures(most_safety_factor, "most_safety_factor", least=-FARTHEST, most=FARTHEST),
        ]
        try:
            mean, sd, holding, cost, least, most = (np.atleast_1d(one) for one in np.broadcast_arrays(*given))
        except ValueError:
            shapes = ", ".join(str(one.shape) for one in given)
            raise ValueError(f"all figures must be one number or one per SKU, got shapes {shapes}") from None
        if mean.ndim != 1:
            raise ValueError(f"all figures must be one number or one per SKU, got shape {mean.shape}")
        require(least <= most, "least_safety_factor must be at most most_safety_factor", least)
        varying = sd > 0
        holding_unit, cost_unit = (float(one[varying].sum()) / max(int(varying.sum()), 1) for one in (holding, cost))
        holding_unit, cost_unit = holding_unit or 1.0, cost_unit or 1.0
        return cls(
            varying=varying,
            mean=mean,
            sd=sd[varying],
            holding=holding[varying] / holding_unit,
            cost=cost[varying] / cost_unit,
            least=least[varying],
            most=most[varying],
            holding_unit=holding_unit,
            cost_unit=cost_unit,
        )

    def weighed(self, weight: float) -> FloatArray:
        """Cost of a unit of safety stock where the budget counts by this weight and holding by the rest."""
        return (1 - weight) * self.holding + weight * self.cost

    def shortage(self, factor: FloatArray) -> float:
        density = np.exp(-0.5 * factor * factor) / np.sqrt(2 * np.pi)
        return float((self.sd * np.maximum(density - factor * special.ndtr(-factor), 0.0)).sum())

    def value(self, factor: FloatArray) -> float:
        return self.cost_unit * float((self.cost * self.sd * factor).sum())

    def answer(self, factor: FloatArray, price: float, weight: float) -> SharedSafetyStock:
        stock = np.zeros(len(self.varying))
        stock[self.varying] = self.sd * factor
        short, demanded = self.shortage(factor), float(self.mean.sum())
        kept = 1 - weight
        return SharedSafetyStock(
            safety_stock=stock,
            total_holding_cost=self.holding_unit * float((self.holding * self.sd * factor).sum()),
            expected_shortage=short,
            fill_rate=1 - short / demanded if demanded > 0 else 1.0,
            stock_value=self.value(factor),
            shortage_price=self.holding_unit * (price / kept if kept > 0 else np.inf),
            budget_price=self.holding_unit / self.cost_unit * (weight / kept if kept > 0 else np.inf),
        )


def _factors(items: _Items, unit: FloatArray, price: float) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """z at a price of a unit short, the chance of running short that it aims at, and where no bound binds."""
    chance = unit / price
    wished = -special.ndtri(np.minimum(chance, 1.0))
    factor = np.clip(wished, items.least, items.most)
    return factor, chance, (wished > items.least) & (wished < items.most)


def _cheapest(items: _Items, weight: float, allowed: float, guess: float = np.nan) -> tuple[FloatArray, float]:
    """The z that cost least, the budget counting by its weight, with no more than allowed short; and λ, near guess.

    Newton's method on the logarithms of λ and of the units short, kept within a bracket.
    """
    unit = items.weighed(weight)
    resting = np.where(unit > 0, items.least, items.most)
    if items.shortage(resting) <= allowed:
        return resting, 0.0
    paid = unit > 0
    low = np.log((unit[paid] / special.ndtr(-items.least[paid])).min())
    high = np.log((unit[paid] / special.ndtr(-items.most[paid])).max())
    guess = np.log(guess) if guess > 0 else np.nan
    at = guess if low < guess < high else (low + high) / 2
    for _ in range(MOST_STEPS):
        factor, chance, free = _factors(items, unit, float(np.exp(at)))
        short = items.shortage(factor)
        if abs(short - allowed) <= CLOSE * allowed:
            break
        if short > allowed:
            low = at
        else:
            high = at
        density = np.exp(-0.5 * factor[free] ** 2) / np.sqrt(2 * np.pi)
        falling = float((items.sd[free] * chance[free] ** 2 / density).sum())
        step = np.log(short / allowed) * short / falling if falling > 0 and short > 0 else np.nan
        inside = low < at + step < high
        following = at + step if inside else (low + high) / 2
        if abs(following - at) <= 1e-15 * (1 + abs(at)) or not low < following < high:
            break
        at = following
    price = float(np.exp(at))
    return _factors(items, unit, price)[0], price


def _budget_weight(items: _Items, allowed: float, budget: float) -> float | None:
    """How much the budget must count for the safety stocks to fit it; None where even alone it does not suffice."""
    if items.value(_cheapest(items, 0.0, allowed)[0]) <= budget:
        return 0.0
    slack = 1e-12 * items.cost_unit * float((items.cost * items.sd).sum())
    smallest = items.value(_cheapest(items, 1.0, allowed)[0])
    if smallest > budget + slack:
        return None
    if smallest >= budget - slack:
        return 1.0
    low, high, at, price = 0.0, 1.0, 0.5, np.nan
    for _ in range(MOST_STEPS):
        factor, price = _cheapest(items, at, allowed, price)
        excess = items.value(factor) - budget
        if abs(excess) <= slack / 1000:
            return at
        if excess > 0:
            low = at
        else:
            high = at
        following = at - excess / _value_slope(items, at, price)
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - at) <= 4e-16 or not low < following < high:
            return following
        at = following
    return high


def _value_slope(items: _Items, weight: float, price: float) -> float:
    """By how much the stock value changes with the budget's weight, the units short held; −∞ where it jumps."""
    if price == 0:
        return -np.inf
    unit = items.weighed(weight)
    factor, chance, free = _factors(items, unit, price)
    spread = (items.sd * np.sqrt(2 * np.pi) * np.exp(0.5 * factor * factor))[free]
    turning, chance, cost = (items.cost - items.holding)[free], chance[free], items.cost[free]
    curvature = float((spread * chance * chance).sum())
    if curvature == 0:
        return -np.inf
    along = float((spread * chance * turning).sum()) / curvature
    slope = -items.cost_unit * float((cost * spread * (turning - chance * along)).sum()) / price
    return slope if slope < 0 else -np.inf


def _most_service(items: _Items, budget: float | None) -> float:
    """The best aggregate fill rate within bounds and budget; −∞ where the least stocks already cost more."""
    demanded = float(items.mean.sum())
    if demanded == 0:
        return 1.0 if items.shortage(items.most) == 0 else -np.inf
    if budget is None or items.value(items.most) <= budget:
        return 1 - items.shortage(items.most) / demanded
    if items.value(items.least) > budget:
        return -np.inf
    unit = items.cost
    paid = unit > 0
    low = np.log((unit[paid] / special.ndtr(-items.least[paid])).min())
    high = np.log((unit[paid] / special.ndtr(-items.most[paid])).max())
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return 1 - items.shortage(_factors(items, unit, float(np.exp(low)))[0]) / demanded
        if items.value(_factors(items, unit, float(np.exp(middle)))[0]) > budget:
            high = middle
        else:
            low = middle
