"""One warehouse that supplies many retailers, all by base stock, under Poisson demand.

Every unit sold is ordered at once, by the retailer from the warehouse and by the warehouse from a supplier that never
fails. The warehouse serves first come, first served, and ships late what it lacks. So retailer i waits for

    O_i = B_i + D_i      B_i its units among those the warehouse is short of, D_i its demand over its lead time

and has S_i − O_i in stock, or owes it. The units the warehouse is short of, (D_0 − S_0)⁺, belong to the retailers as
their demand rates do: B_i is binomial given them. That gives O_i exactly; METRIC takes it as Poisson with the same
mean, and the two-moment approximation as negative binomial with the same mean and variance.

Retailers lie on the last axis and SKUs on the axis before it: shape (retailer,) or (sku, retailer), and () or (sku,)
for what the warehouse has once. Stock under way to the retailers, λ_i L_i whatever the levels, is not counted.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.count_windows import TAIL, Window, binomial_window, negative_binomial_window, poisson_window
from optimization.figures import figures, require

Number = TypeVar("Number", np.float64, np.int64)

MOST_UNITS = 1e9


@dataclass(frozen=True)
class WarehouseSystem:
    """Attributes:
    warehouse_base_stock: S_0, units: the warehouse orders whenever its inventory position is below it, shape (...).
    retailer_base_stock: S_i, units, shape (..., retailer).
    cost_rate: Holding cost of what lies at the warehouse and the retailers, and shortage cost of the retailers'
        customers who wait, money per period, shape (...).
    warehouse_on_hand: Mean units at the warehouse, shape (...).
    warehouse_backorders: Mean units that the warehouse owes the retailers, shape (...).
    warehouse_delay: Mean wait of a retailer's order for the warehouse's stock, periods, shape (...).
    on_hand: Mean units at each retailer, shape (..., retailer).
    expected_backorders: Mean units that customers wait for, shape (..., retailer).
    fill_rate: Share of demand served from stock at once, shape (..., retailer); 1 where nothing is demanded.
    """

    warehouse_base_stock: IntArray
    retailer_base_stock: IntArray
    cost_rate: FloatArray
    warehouse_on_hand: FloatArray
    warehouse_backorders: FloatArray
    warehouse_delay: FloatArray
    on_hand: FloatArray
    expected_backorders: FloatArray
    fill_rate: FloatArray


# Given levels


def one_warehouse_exact(
    warehouse_base_stock: ArrayLike,
    retailer_base_stock: ArrayLike,
    *,
    demand_mean: ArrayLike,
    lead_time: ArrayLike,
    warehouse_lead_time: ArrayLike,
    warehouse_holding_cost: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
    warehouse_order_quantity: ArrayLike = 1,
) -> WarehouseSystem:
    """Stocks, waits and costs of given levels, exact.

    Args:
        warehouse_base_stock: S_0, whole units, shape (...).
        retailer_base_stock: S_i, whole units, shape (..., retailer).
        demand_mean: λ_i, units per period, ≥ 0, shape (..., retailer). Demand is Poisson, one unit at a time.
        lead_time: L_i, periods from the warehouse to retailer i, ≥ 0, shape (..., retailer).
        warehouse_lead_time: L_0, periods from the supplier to the warehouse, ≥ 0, shape (...).
        warehouse_holding_cost: h_0, money per unit on hand and period, ≥ 0, shape (...).
        holding_cost: h_i, money per unit on hand and period, ≥ 0, shape (..., retailer).
        shortage_cost: p_i, money per unit that customers wait for and period, ≥ 0, shape (..., retailer).
        warehouse_order_quantity: Q_0, whole units ≥ 1 that the warehouse orders at a time, when its position
            falls below S_0. With a reorder point r that is S_0 = r + 1; the position moves from S_0 to S_0 + Q_0 − 1.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Simon (1971); Graves (1985); Axsäter, Inventory Control, 3rd ed., chapter 10.

    >>> system = one_warehouse_exact(
    ...     4, [3, 3], demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=2.0,
    ...     warehouse_holding_cost=1.0, holding_cost=2.0, shortage_cost=20.0,
    ... )
    >>> system.cost_rate.round(4), system.fill_rate.round(4)
    (np.float64(11.5028), array([0.8269, 0.8269]))
    """
    return _evaluated(
        warehouse_base_stock, retailer_base_stock, _exact, demand_mean, lead_time, warehouse_lead_time,
        warehouse_holding_cost, holding_cost, shortage_cost, warehouse_order_quantity,
    )  # fmt: skip


def one_warehouse_metric(
    warehouse_base_stock: ArrayLike,
    retailer_base_stock: ArrayLike,
    *,
    demand_mean: ArrayLike,
    lead_time: ArrayLike,
    warehouse_lead_time: ArrayLike,
    warehouse_holding_cost: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
    warehouse_order_quantity: ArrayLike = 1,
) -> WarehouseSystem:
    """`one_warehouse_exact` by METRIC: what a retailer waits for is taken as Poisson, with the exact mean.

    True waits vary more than that, so that high service looks better than it is.

    Source: Sherbrooke (1968).

    >>> system = one_warehouse_metric(4, [3, 3], demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=2.0)
    >>> system.fill_rate.round(4)
    array([0.8357, 0.8357])
    """
    return _evaluated(
        warehouse_base_stock, retailer_base_stock, _metric, demand_mean, lead_time, warehouse_lead_time,
        warehouse_holding_cost, holding_cost, shortage_cost, warehouse_order_quantity,
    )  # fmt: skip


def one_warehouse_two_moment(
    warehouse_base_stock: ArrayLike,
    retailer_base_stock: ArrayLike,
    *,
    demand_mean: ArrayLike,
    lead_time: ArrayLike,
    warehouse_lead_time: ArrayLike,
    warehouse_holding_cost: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
    warehouse_order_quantity: ArrayLike = 1,
) -> WarehouseSystem:
    """`one_warehouse_exact` with what a retailer waits for taken as negative binomial, mean and variance exact.

    Source: Graves (1985).

    >>> system = one_warehouse_two_moment(4, [3, 3], demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=2.0)
    >>> system.fill_rate.round(4)
    array([0.826, 0.826])
    """
    return _evaluated(
        warehouse_base_stock, retailer_base_stock, _two_moment, demand_mean, lead_time, warehouse_lead_time,
        warehouse_holding_cost, holding_cost, shortage_cost, warehouse_order_quantity,
    )  # fmt: skip


# Best levels


def one_warehouse_base_stock(
    *,
    demand_mean: ArrayLike,
    lead_time: ArrayLike,
    warehouse_lead_time: ArrayLike,
    warehouse_holding_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    warehouse_order_quantity: ArrayLike = 1,
) -> WarehouseSystem:
    """Base-stock levels with the least holding and shortage cost, exact.

    For a level of the warehouse each retailer has a newsvendor's problem. More stock at the warehouse costs more
    there, and less at every retailer: so the cost at the lower end of a range of S_0 with the retailers' cost at its
    upper end bounds the whole range from below, and ranges are halved until none can hold anything better.

    Args: As `one_warehouse_exact`; holding_cost and shortage_cost > 0.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    >>> system = one_warehouse_base_stock(
    ...     demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=2.0,
    ...     warehouse_holding_cost=1.0, holding_cost=2.0, shortage_cost=20.0,
    ... )
    >>> int(system.warehouse_base_stock), system.retailer_base_stock, system.cost_rate.round(4)
    (5, array([3, 3]), np.float64(11.1676))
    """
    problem = _Problem.of(
        demand_mean, lead_time, warehouse_lead_time, warehouse_holding_cost, holding_cost, shortage_cost,
        warehouse_order_quantity,
    )  # fmt: skip
    require(problem.holding > 0, "holding_cost must be more than 0", problem.holding)
    require(problem.shortage > 0, "shortage_cost must be more than 0", problem.shortage)
    ratio = problem.shortage / (problem.shortage + problem.holding)

    def level(one: "_Sku", waiting: Window, retailer: int) -> int:
        return waiting.quantile(float(ratio[one.index][retailer]))

    return problem.optimised(level, _least_cost)


def one_warehouse_fill_rate(
    *,
    fill_rate_target: ArrayLike,
    demand_mean: ArrayLike,
    lead_time: ArrayLike,
    warehouse_lead_time: ArrayLike,
    warehouse_holding_cost: ArrayLike,
    holding_cost: ArrayLike,
    warehouse_order_quantity: ArrayLike = 1,
) -> WarehouseSystem:
    """Base-stock levels with the least holding cost at which each retailer meets its fill rate, exact.

    Args: As `one_warehouse_exact`, and
        fill_rate_target: Share of demand to be served from stock at once, ≥ 0 and < 1, shape (..., retailer).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    >>> system = one_warehouse_fill_rate(
    ...     fill_rate_target=0.95, demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=2.0,
    ...     warehouse_holding_cost=1.0, holding_cost=2.0,
    ... )
    >>> int(system.warehouse_base_stock), system.retailer_base_stock, system.fill_rate.round(3)
    (5, array([4, 4]), array([0.958, 0.958]))
    """
    problem = _Problem.of(
        demand_mean, lead_time, warehouse_lead_time, warehouse_holding_cost, holding_cost, 0.0,
        warehouse_order_quantity,
    )  # fmt: skip
    target = figures(fill_rate_target, "fill_rate_target", least=0.0, most=1.0, exclude_most=True)
    target = _fitting(target, problem.demand.shape, "fill_rate_target")

    def level(one: "_Sku", waiting: Window, retailer: int) -> int:
        wanted = float(target[one.index][retailer])
        return waiting.quantile(wanted) + 1 if wanted > 0 and one.demand[retailer] > 0 else 0

    return problem.optimised(level, _least_holding)


# What is asked, checked and spread out to (sku, retailer)

Waiting = Callable[["_Sku", int], list[Window]]
Level = Callable[["_Sku", Window, int], int]


@dataclass(frozen=True)
class _Sku:
    """One SKU: figures of shape (retailer,), the warehouse's demand less its position above S_0, and O_i by S_0."""

    index: tuple[int, ...]
    demand: FloatArray
    lead_time: FloatArray
    warehouse_holding: float
    holding: FloatArray
    shortage: FloatArray
    missing: Window
    known: dict[int, list[Window]] = field(default_factory=dict)

    def waiting(self, warehouse_level: int) -> list[Window]:
        """Exact O_i of each retailer."""
        if warehouse_level not in self.known:
            self.known[warehouse_level] = _exact(self, warehouse_level)
        return self.known[warehouse_level]

    def per_retailer(self, distribution: Callable[[float, float], Window]) -> list[Window]:
        """A distribution of each retailer by demand rate and lead time, found once where they are alike."""
        alike: dict[tuple[float, float], Window] = {}
        pairs = [(float(rate), float(time)) for rate, time in zip(self.demand, self.lead_time, strict=True)]
        for pair in pairs:
            if pair not in alike:
                alike[pair] = distribution(*pair)
        return [alike[pair] for pair in pairs]


@dataclass(frozen=True)
class _Problem:
    """Figures of shape (..., retailer) for retailers and (...) for the warehouse."""

    demand: FloatArray
    lead_time: FloatArray
    holding: FloatArray
    shortage: FloatArray
    warehouse_lead_time: FloatArray
    warehouse_holding: FloatArray
    order_quantity: IntArray

    @classmethod
    def of(
        cls,
        demand_mean: ArrayLike,
        lead_time: ArrayLike,
        warehouse_lead_time: ArrayLike,
        warehouse_holding_cost: ArrayLike,
        holding_cost: ArrayLike,
        shortage_cost: ArrayLike,
        warehouse_order_quantity: ArrayLike,
        level: IntArray | None = None,
        levels: IntArray | None = None,
    ) -> "_Problem":
        """Spread out to a common shape, in which given levels count too."""
        asked = np.zeros(1) if levels is None else np.atleast_1d(levels)
        retailers = [
            np.atleast_1d(figures(demand_mean, "demand_mean", least=0.0)),
            np.atleast_1d(figures(lead_time, "lead_time", least=0.0)),
            np.atleast_1d(figures(holding_cost, "holding_cost", least=0.0)),
            np.atleast_1d(figures(shortage_cost, "shortage_cost", least=0.0)),
        ]
        warehouse = [
            figures(warehouse_lead_time, "warehouse_lead_time", least=0.0),
            figures(warehouse_holding_cost, "warehouse_holding_cost", least=0.0),
        ]
        quantity = _whole(warehouse_order_quantity, "warehouse_order_quantity", least=1.0)
        try:
            count = np.broadcast_shapes(asked.shape, *(one.shape for one in retailers))
            top = () if level is None else level.shape
            shape = np.broadcast_shapes(count[:-1], quantity.shape, top, *(one.shape for one in warehouse))
        except ValueError:
            given = ", ".join(str(one.shape) for one in [*retailers, asked, *warehouse, quantity])
            raise ValueError(
                "demand_mean, lead_time, holding_cost, shortage_cost and retailer_base_stock must be of shape "
                "(retailer,) or (sku, retailer), and warehouse_lead_time, warehouse_holding_cost, "
                f"warehouse_order_quantity and warehouse_base_stock of shape () or (sku,), got {given}"
            ) from None
        if count[-1] == 0:
            raise ValueError("demand_mean must be given for at least one retailer, got none")
        demand, time, holding, shortage = (np.broadcast_to(one, (*shape, count[-1])) for one in retailers)
        warehouse_time, warehouse_holding = (np.broadcast_to(one, shape) for one in warehouse)
        return cls(demand, time, holding, shortage, warehouse_time, warehouse_holding, np.broadcast_to(quantity, shape))

    def skus(self) -> list[_Sku]:
        return [
            _Sku(
                index=sku,
                demand=self.demand[sku],
                lead_time=self.lead_time[sku],
                warehouse_holding=float(self.warehouse_holding[sku]),
                holding=self.holding[sku],
                shortage=self.shortage[sku],
                missing=_missing(
                    float(self.demand[sku].sum() * self.warehouse_lead_time[sku]), int(self.order_quantity[sku])
                ),
            )
            for sku in np.ndindex(self.warehouse_holding.shape)
        ]

    def optimised(self, level: Level, search: Callable[[_Sku, Level], int]) -> WarehouseSystem:
        skus = self.skus()
        best = np.zeros(self.warehouse_holding.shape, dtype=np.int64)
        levels = np.zeros(self.demand.shape, dtype=np.int64)
        waiting = []
        for one in skus:
            chosen = search(one, level)
            best[one.index] = chosen
            waiting.append((one.waiting(chosen), one))
            levels[one.index] = _levels(one, chosen, level)
        return self.system(waiting, best, levels)

    def system(self, waiting: list[tuple[list[Window], _Sku]], level: IntArray, levels: IntArray) -> WarehouseSystem:
        shape = self.demand.shape
        on_hand, owed, filled = np.zeros(shape), np.zeros(shape), np.ones(shape)
        there, missing = np.zeros(shape[:-1]), np.zeros(shape[:-1])
        for windows, one in waiting:
            there[one.index] = one.missing.under(int(level[one.index]))
            missing[one.index] = one.missing.over(int(level[one.index]))
            for retailer, window in enumerate(windows):
                place, stock = (*one.index, retailer), int(levels[one.index][retailer])
                on_hand[place], owed[place] = window.under(stock), window.over(stock)
                if one.demand[retailer] > 0:
                    filled[place] = window.below(stock)
        rate = self.demand.sum(axis=-1)
        cost = self.warehouse_holding * there + (self.holding * on_hand + self.shortage * owed).sum(axis=-1)
        return WarehouseSystem(
            warehouse_base_stock=np.asarray(level),
            retailer_base_stock=np.asarray(levels),
            cost_rate=np.asarray(cost),
            warehouse_on_hand=there,
            warehouse_backorders=missing,
            warehouse_delay=np.asarray(np.where(rate > 0, missing / np.where(rate > 0, rate, 1.0), 0.0)),
            on_hand=on_hand,
            expected_backorders=owed,
            fill_rate=np.minimum(filled, 1.0),
        )


def _evaluated(
    warehouse_base_stock: ArrayLike,
    retailer_base_stock: ArrayLike,
    waiting: Waiting,
    demand_mean: ArrayLike,
    lead_time: ArrayLike,
    warehouse_lead_time: ArrayLike,
    warehouse_holding_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    warehouse_order_quantity: ArrayLike,
) -> WarehouseSystem:
    level = _whole(warehouse_base_stock, "warehouse_base_stock", least=-MOST_UNITS)
    levels = _whole(retailer_base_stock, "retailer_base_stock", least=-MOST_UNITS)
    problem = _Problem.of(
        demand_mean, lead_time, warehouse_lead_time, warehouse_holding_cost, holding_cost, shortage_cost,
        warehouse_order_quantity, level, levels,
    )  # fmt: skip
    shape = problem.demand.shape
    level, levels = np.broadcast_to(level, shape[:-1]), np.broadcast_to(levels, shape)
    return problem.system([(waiting(one, int(level[one.index])), one) for one in problem.skus()], level, levels)


# What a retailer waits for


def _missing(mean: float, order_quantity: int) -> Window:
    """Demand over the warehouse's lead time less what its position, uniform over a lot, exceeds S_0 by."""
    position = Window(np.full(order_quantity, 1.0 / order_quantity), 1 - order_quantity)
    return poisson_window(mean).plus(position)


def _exact(one: _Sku, warehouse_level: int) -> list[Window]:
    total = float(one.demand.sum())
    short = one.missing
    cut = max(warehouse_level - short.smallest, 0)  # outcomes below the level: nothing is short
    least = max(short.smallest - warehouse_level, 0)
    if cut >= len(short.probabilities):
        chances = np.ones(1)
    else:
        chances = short.probabilities[cut:].copy()
        chances[0] += short.probabilities[:cut].sum()

    def waiting(rate: float, time: float) -> Window:
        share = rate / total if total > 0 else 0.0
        expected = len(chances) * share
        most = int(np.ceil(expected + TAIL / 3 + np.sqrt((TAIL / 3) ** 2 + 2 * TAIL * expected)))
        late = Window(_thinned(chances, share, min(most, len(chances) - 1)), 0)
        return late.plus(binomial_window(least, share)).plus(poisson_window(rate * time))

    return one.per_retailer(waiting)


@kernel
def _thinned(chances: FloatArray, share: float, most: int) -> FloatArray:
    """Distribution, up to most, of how many of X belong to one retailer, by Horner's rule on Σ P(X = b)(1 − q + qz)ᵇ.

    Its rows are binomial, and only positive terms are added.
    """
    late = np.zeros(most + 1)
    for b in range(len(chances) - 1, -1, -1):
        for k in range(min(len(chances) - 1 - b, most), 0, -1):
            late[k] = late[k] * (1 - share) + late[k - 1] * share
        late[0] = late[0] * (1 - share) + chances[b]
    return late


def _metric(one: _Sku, warehouse_level: int) -> list[Window]:
    total, short = float(one.demand.sum()), one.missing.over(warehouse_level)
    delay = short / total if total > 0 else 0.0
    return one.per_retailer(lambda rate, time: poisson_window(rate * (time + delay)))


def _two_moment(one: _Sku, warehouse_level: int) -> list[Window]:
    total, short = float(one.demand.sum()), one.missing.over(warehouse_level)
    beyond = np.maximum(one.missing.outcomes() - warehouse_level, 0.0)
    variance = float(one.missing.probabilities @ (beyond - short) ** 2)

    def waiting(rate: float, time: float) -> Window:
        share = rate / total if total > 0 else 0.0
        mean = rate * time + share * short
        return negative_binomial_window(mean, mean + share * share * max(variance - short, 0.0))

    return one.per_retailer(waiting)


# The search for the warehouse's level


def _levels(one: _Sku, warehouse_level: int, level: Level) -> IntArray:
    windows = one.waiting(warehouse_level)
    return np.array([level(one, window, retailer) for retailer, window in enumerate(windows)], dtype=np.int64)


def _retailers_cost(one: _Sku, warehouse_level: int, levels: IntArray) -> float:
    windows = one.waiting(warehouse_level)
    parts = [
        holding * window.under(int(stock)) + shortage * window.over(int(stock))
        for holding, shortage, window, stock in zip(one.holding, one.shortage, windows, levels, strict=True)
    ]
    return float(sum(parts))


def _least_cost(one: _Sku, level: Level) -> int:
    """Retailers' least costs fall with the warehouse's level, and its own rise."""

    def retailers(warehouse_level: int) -> float:
        return _retailers_cost(one, warehouse_level, _levels(one, warehouse_level, level))

    return _branch_and_bound(one, retailers, lambda _, high: retailers(high))


def _least_holding(one: _Sku, level: Level) -> int:
    """The levels that retailers need fall with the warehouse's level, and what given levels hold rises."""

    def retailers(warehouse_level: int) -> float:
        return _retailers_cost(one, warehouse_level, _levels(one, warehouse_level, level))

    def least(low: int, high: int) -> float:
        return _retailers_cost(one, low, _levels(one, high, level))

    return _branch_and_bound(one, retailers, least)


def _branch_and_bound(one: _Sku, retailers: Callable[[int], float], least: Callable[[int, int], float]) -> int:
    """The best level from 0 to one that never lacks anything; of equals the lowest."""

    def warehouse(level: int) -> float:
        return one.warehouse_holding * one.missing.under(level)

    low, high = 0, max(one.missing.largest(), 0)
    found = {level: warehouse(level) + retailers(level) for level in {low, high}}
    best = min(found.values())
    ranges = [(warehouse(low) + least(low, high), low, high)]
    while ranges:
        bound, low, high = heapq.heappop(ranges)
        if bound > best * (1 + 1e-12):
            break
        middle = (low + high) // 2
        if middle == low:
            continue
        found[middle] = warehouse(middle) + retailers(middle)
        best = min(best, found[middle])
        for start, end in ((low, middle), (middle, high)):
            heapq.heappush(ranges, (warehouse(start) + least(start, end), start, end))
    return min(level for level, cost in found.items() if cost <= best * (1 + 1e-12))


# Checks


def _whole(value: ArrayLike, name: str, *, least: float) -> IntArray:
    given = figures(value, name, least=least, most=MOST_UNITS)
    require(given == np.floor(given), f"{name} must be whole", given)
    return given.astype(np.int64)


def _fitting(given: NDArray[Number], shape: tuple[int, ...], name: str) -> NDArray[Number]:
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must fit the shape {shape}, got {given.shape}") from None
