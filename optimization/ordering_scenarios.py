"""Orders of many SKUs judged over scenarios of demand: what they cost, how far they serve, and what limits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray
from optimization.compiled import kernel
from optimization.figures import figures, require

LARGEST = 2**53
SAME = 1e-12  # relative, by which a level may lie below a demand and still be meant to meet it


@dataclass(frozen=True, eq=False)
class OrderLimit:
    """A limit on what a set of SKUs is ordered in together. SKUs outside the set have weight 0.

    Attributes:
        name: What planners call it: "budget", "space at EAST", "minimum of ACME".
        weight: Per unit ordered, such as its price or volume, ≥ 0, one number or shape (sku,).
        at_least: None = no lower limit.
        at_most: None = no upper limit.
        unit: Of the sum, such as "EUR" or "m³".
    """

    name: str
    weight: ArrayLike
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def checked_weight(self, skus: int) -> FloatArray:
        """The weights, shape (sku,).

        Raises:
            ValueError: A limit or weight that cannot be, by the limit's name.
        """
        for side, limit in (("at_least", self.at_least), ("at_most", self.at_most)):
            if limit is not None and not (np.isfinite(limit) and limit >= 0):
                raise ValueError(f"{side} of limit {self.name} must be finite and not negative, got {limit}")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"limit {self.name} must not ask for more than it allows, "
                f"got at_least {self.at_least} and at_most {self.at_most}"
            )
        name = f"weight of limit {self.name}"
        return _per_sku(figures(self.weight, name, least=0.0), name, skus)


@dataclass(frozen=True)
class OrderLimitOutcome:
    """What a limit came to.

    Attributes:
        name, unit, at_least, at_most: As asked.
        reached: The sum in the whole order.
        is_kept: Whether the whole order keeps it. Only a lower limit, or least quantities, can be missed, where packs
            do not fit into the limits.
        price: Change of the best cost, before rounding, per unit by which the limit rises: above 0 where a lower
            limit costs, below 0 where an upper limit does, 0 where neither binds.
    """

    name: str
    unit: str
    at_least: float | None
    at_most: float | None
    reached: float
    is_kept: bool
    price: float


@dataclass(frozen=True, eq=False)
class OrderingTerms:
    """What one order of many SKUs costs, and what it must keep to.

    Attributes, each one number or of shape (sku,) except limits:
        shortage_cost: p, money per unit of demand not met over the scenarios' interval, ≥ 0.
        holding_cost: h, money per unit left over at its end, ≥ 0: storage until it is sold, or price less salvage.
        purchase_cost: c, money per unit ordered, ≥ 0. 0 where the goods will be needed sooner or later, so that only
            their time on the shelf costs.
        inventory_position: Units on hand and on order, less what is backordered; negative where more is owed.
        least_quantity: Units this order must buy, ≥ 0.
        most_quantity: Units it may buy, at least least_quantity, may be infinite.
        pack_size: Units per pack, whole, ≥ 1.
        limits: What SKUs share.
    """

    shortage_cost: ArrayLike
    holding_cost: ArrayLike = 0.0
    purchase_cost: ArrayLike = 0.0
    inventory_position: ArrayLike = 0.0
    least_quantity: ArrayLike = 0.0
    most_quantity: ArrayLike = np.inf
    pack_size: ArrayLike = 1
    limits: Sequence[OrderLimit] = ()


@dataclass(frozen=True, eq=False)
class ScenarioProblem:
    """Terms and scenarios, checked. A level is an inventory position after ordering.

    Attributes, of shape (sku,) unless said otherwise:
        demand: Ascending along each row, shape (sku, scenario).
        shortage, holding, purchase, position, least, most, pack: As in `OrderingTerms`.
        weight: Of the limits, shape (limit, sku).
        at_least: Shape (limit,), −inf where there is none.
        at_most: Shape (limit,), inf where there is none.
        limits: As asked.
    """

    demand: FloatArray
    shortage: FloatArray
    holding: FloatArray
    purchase: FloatArray
    position: FloatArray
    least: FloatArray
    most: FloatArray
    pack: FloatArray
    weight: FloatArray
    at_least: FloatArray
    at_most: FloatArray
    limits: tuple[OrderLimit, ...]

    @classmethod
    def of(cls, demand_scenarios: ArrayLike, terms: OrderingTerms) -> ScenarioProblem:
        """Check scenarios, shape (scenario, sku), and terms.

        Raises:
            ValueError: A shape, NaN or range that is wrong, by name and index.
        """
        return cls.of_checked(checked_scenarios(demand_scenarios), terms)

    @classmethod
    def of_checked(cls, scenarios: FloatArray, terms: OrderingTerms) -> ScenarioProblem:
        """The same for scenarios that `checked_scenarios` has passed."""
        skus = scenarios.shape[1]

        def one(name: str, at_least: float = 0.0) -> FloatArray:
            return _per_sku(figures(getattr(terms, name), name, least=at_least), name, skus)

        least = one("least_quantity")
        most = np.asarray(terms.most_quantity, dtype=np.float64)
        require(~np.isnan(most), "most_quantity must be a number", most)
        most = _per_sku(most, "most_quantity", skus)
        require(most >= least, "most_quantity must be at least least_quantity", most)
        pack = one("pack_size", 1.0)
        require((pack == np.floor(pack)) & (pack <= LARGEST), "pack_size must be a whole number", pack)
        limits = tuple(terms.limits)
        return cls(
            demand=np.sort(np.ascontiguousarray(scenarios.T), axis=1),
            shortage=one("shortage_cost"),
            holding=one("holding_cost"),
            purchase=one("purchase_cost"),
            position=one("inventory_position", -np.inf),
            least=least,
            most=most,
            pack=pack,
            weight=np.array([limit.checked_weight(skus) for limit in limits]).reshape(len(limits), skus),
            at_least=np.array([-np.inf if limit.at_least is None else limit.at_least for limit in limits]),
            at_most=np.array([np.inf if limit.at_most is None else limit.at_most for limit in limits]),
            limits=limits,
        )

    @property
    def lowest(self) -> FloatArray:
        """Level below which no order leaves a SKU, shape (sku,)."""
        return np.asarray(self.position + self.least)

    @property
    def highest(self) -> FloatArray:
        """Level above which no order needs to go, shape (sku,): the largest demand, or a lower limit's alone."""
        needed = np.maximum(self.demand[:, -1], self.lowest)
        for weight, least in zip(self.weight, self.at_least, strict=True):
            if np.isfinite(least):
                counts = weight > 0
                needed[counts] = np.maximum(needed[counts], self.position[counts] + least / weight[counts])
        return np.asarray(np.clip(needed, self.lowest, self.position + self.most))

    def shortages(self, order_quantity: FloatArray) -> FloatArray:
        """Mean units short, shape (sku,)."""
        return _shortages(self.demand, self.position + order_quantity)

    def left_over(self, order_quantity: FloatArray) -> FloatArray:
        """Mean units left over, shape (sku,)."""
        return _left_over(self.demand, self.position + order_quantity)

    def costs(self, order_quantity: FloatArray) -> FloatArray:
        """Mean cost of each SKU, shape (sku,)."""
        return np.asarray(
            self.purchase * order_quantity
            + self.holding * self.left_over(order_quantity)
            + self.shortage * self.shortages(order_quantity)
        )

    def cost_of(self, sku: int, order_quantity: float) -> float:
        """Mean cost of one SKU."""
        short, left = _short_and_left(self.demand[sku], self.position[sku] + order_quantity)
        return float(self.purchase[sku] * order_quantity + self.holding[sku] * left + self.shortage[sku] * short)

    def outcomes(self, order_quantity: FloatArray, price: FloatArray) -> tuple[OrderLimitOutcome, ...]:
        """What each limit comes to under an order, with the limits' prices."""
        return tuple(
            OrderLimitOutcome(
                limit.name,
                limit.unit,
                limit.at_least,
                limit.at_most,
                reached=float(reached),
                is_kept=bool(least - slack(least) <= reached <= most + slack(most)),
                price=float(one) + 0.0,
            )
            for limit, reached, least, most, one in zip(
                self.limits, self.weight @ order_quantity, self.at_least, self.at_most, price, strict=True
            )
        )


@dataclass(frozen=True, eq=False)
class ScenarioCosts:
    """What an order comes to in each scenario.

    Attributes:
        cost: Purchases, holding and shortage together, money, shape (scenario,).
        shortage_cost: Of it for shortages, shape (scenario,).
        is_served: Whether no SKU is short, shape (scenario,).
    """

    cost: FloatArray
    shortage_cost: FloatArray
    is_served: BoolArray


def scenario_costs(demand_scenarios: ArrayLike, order_quantity: ArrayLike, terms: OrderingTerms) -> ScenarioCosts:
    """What an order costs in each scenario, whatever limits it breaks.

    Args:
        demand_scenarios: Units over the protection interval, ≥ 0, shape (scenario, sku).
        order_quantity: Units, ≥ 0, one number or shape (sku,).
        terms: Costs and inventory positions.

    Raises:
        ValueError: A shape, NaN or range that is wrong.

    >>> scenario_costs([[4, 1], [9, 7]], [6, 2], OrderingTerms(shortage_cost=5.0, holding_cost=1.0)).cost
    array([ 3., 40.])
    """
    scenarios = checked_scenarios(demand_scenarios)
    problem = ScenarioProblem.of_checked(scenarios, terms)
    return costs_by_scenario(scenarios, checked_order(order_quantity, scenarios.shape[1]), problem)


def costs_by_scenario(scenarios: FloatArray, order_quantity: FloatArray, problem: ScenarioProblem) -> ScenarioCosts:
    """`scenario_costs` of checked arguments."""
    level = problem.position + order_quantity
    bought = float(problem.purchase @ order_quantity)
    kept, short, served = _by_scenario(np.ascontiguousarray(scenarios), level, problem.holding, problem.shortage)
    return ScenarioCosts(bought + kept + short, short, served)


@dataclass(frozen=True, eq=False)
class JointService:
    """Attributes:
    joint_cycle_service_level: Share of the scenarios in which no SKU of the set is short, shape () or (set,).
    standard_error: Of that share, as scenarios drawn independently would have it.
    cycle_service_level: Share of the scenarios in which each SKU is not short, shape (sku,).
    """

    joint_cycle_service_level: FloatArray
    standard_error: FloatArray
    cycle_service_level: FloatArray


def joint_service(demand_scenarios: ArrayLike, level: ArrayLike, *, members: ArrayLike = True) -> JointService:
    """Chance that all SKUs of a set are served, such as all parts of a repair or all lines of a customer.

    Under independent demand it would be the product of the SKUs' own chances; demand that rises together makes it
    larger, up to the smallest of them.

    Args:
        demand_scenarios: Units over the protection interval, ≥ 0, shape (scenario, sku).
        level: Units that can be sold by then: inventory position after ordering, one number or shape (sku,).
        members: Which SKUs belong to the set, shape (sku,), or to each of several, shape (set, sku). A set of none is
            always served.

    Raises:
        ValueError: A shape, NaN or range that is wrong.

    >>> joint_service([[4, 1], [9, 2], [5, 3], [2, 9]], [5, 3])
    JointService(joint_cycle_service_level=array(0.5), standard_error=array(0.25),
                 cycle_service_level=array([0.75, 0.75]))
    """
    scenarios = checked_scenarios(demand_scenarios)
    skus = scenarios.shape[1]
    chosen = np.asarray(members)
    if chosen.dtype != np.bool_ or chosen.ndim > 2 or (chosen.ndim > 0 and chosen.shape[-1] != skus):
        raise ValueError(f"members must be true or false per SKU ({skus}), got {chosen.dtype} of shape {chosen.shape}")
    levels = _per_sku(figures(level, "level"), "level", skus)
    served = scenarios <= levels + SAME * np.abs(levels)
    chosen = np.broadcast_to(chosen, (*chosen.shape[:-1], skus))
    lacking = (~served).astype(np.float64) @ chosen.astype(np.float64).T
    share = np.asarray((lacking == 0).mean(axis=0))
    error = np.asarray(np.sqrt(share * (1 - share) / len(scenarios)))
    return JointService(share, error, np.asarray(served.mean(axis=0)))


def checked_scenarios(demand_scenarios: ArrayLike) -> FloatArray:
    """Scenarios as floats, shape (scenario, sku).

    Raises:
        ValueError: Another shape, no scenario or no SKU, or demand that is NaN, infinite or negative.
    """
    scenarios = figures(demand_scenarios, "demand_scenarios", least=0.0)
    if scenarios.ndim != 2 or 0 in scenarios.shape:
        raise ValueError(f"demand_scenarios must have shape (scenario, sku), got {scenarios.shape}")
    return scenarios


def checked_order(order_quantity: ArrayLike, skus: int) -> FloatArray:
    """Quantities, shape (sku,).

    Raises:
        ValueError: Another shape, or quantities that are NaN, infinite or negative.
    """
    return _per_sku(figures(order_quantity, "order_quantity", least=0.0), "order_quantity", skus)


def slack(limit: FloatArray | float) -> FloatArray | float:
    """By how much a sum may pass a limit and keep it: what rounding of floats may come to."""
    return 1e-9 * np.maximum(1.0, np.abs(np.where(np.isfinite(limit), limit, 0.0)))


def _per_sku(given: FloatArray, name: str, skus: int) -> FloatArray:
    if given.shape not in ((), (skus,)):
        raise ValueError(f"{name} must be one number or one per SKU ({skus}), got shape {given.shape}")
    return np.asarray(np.broadcast_to(given, (skus,)))


@kernel
def _short_and_left(demand: FloatArray, level: float) -> tuple[float, float]:
    short = left = 0.0
    for one in demand:
        if one > level:
            short += one - level
        else:
            left += level - one
    return short / len(demand), left / len(demand)


@kernel
def _shortages(demand: FloatArray, level: FloatArray) -> FloatArray:
    short = np.empty(len(level))
    for sku in range(len(level)):
        short[sku] = _short_and_left(demand[sku], level[sku])[0]
    return short


@kernel
def _left_over(demand: FloatArray, level: FloatArray) -> FloatArray:
    left = np.empty(len(level))
    for sku in range(len(level)):
        left[sku] = _short_and_left(demand[sku], level[sku])[1]
    return left


@kernel
def _by_scenario(
    demand: FloatArray, level: FloatArray, holding: FloatArray, shortage: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Holding cost, shortage cost, and whether all is served, of each scenario."""
    scenarios, skus = demand.shape
    kept, short = np.zeros(scenarios), np.zeros(scenarios)
    served = np.ones(scenarios, dtype=np.bool_)
    for scenario in range(scenarios):
        for sku in range(skus):
            missing = demand[scenario, sku] - level[sku]
            if missing > 0:
                short[scenario] += shortage[sku] * missing
                served[scenario] &= missing <= SAME * abs(level[sku])
            else:
                kept[scenario] -= holding[sku] * missing
    return kept, short, served
