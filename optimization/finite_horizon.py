"""Random demand over a known number of periods: the best reorder point and order-up-to level of each period."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtr

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.figures import figures

PeriodCosts = Callable[[IntArray], FloatArray]
WIDEST_TAIL = 9.0
PMF_ROUNDING = 1e-9
SAME_SLOPE = 1e-12
MOST_STEPS = 1e10


@dataclass(frozen=True)
class FiniteHorizonPolicy:
    """Attributes:
    reorder_point: Order in the period when stock, less backorders, is at or below it; equal to the order-up-to
        level where every lower stock is raised to it (always so without an order cost); −inf where no order is
        worth it however short stock is. Shape (..., period).
    order_up_to_level: What to raise stock to then; −inf where there is nothing to order. Shape (..., period).
    two_levels_suffice: False where the best orders of the period follow another pattern than the two levels, as
        they may when the order cost rises over time: see `finite_horizon_tables`. Shape (..., period).
    cost: Expected discounted cost of the horizon from the stock on hand, shape (...).
    """

    reorder_point: FloatArray
    order_up_to_level: FloatArray
    two_levels_suffice: np.ndarray
    cost: FloatArray


@dataclass(frozen=True)
class FiniteHorizonTables:
    """What is best from every level of stock, for one SKU.

    Attributes:
    level: Stock less backorders before ordering, whole units in steps of 1, shape (level,).
    order_to: Stock after ordering; the level itself where nothing is ordered, shape (period, level).
    cost_to_go: Expected discounted cost from the start of the period on; the last row is what the end costs.
        Shape (period + 1, level).
    """

    level: IntArray
    order_to: IntArray
    cost_to_go: FloatArray


@dataclass(frozen=True)
class _Costs:
    """Costs of one SKU, each of shape (period,), and of its end."""

    order: FloatArray
    purchase: FloatArray
    holding: FloatArray
    shortage: FloatArray
    discount: FloatArray
    end_holding: float
    end_shortage: float


def finite_horizon_policy(
    *,
    demand_pmf: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    order_cost: ArrayLike = 0.0,
    purchase_cost: ArrayLike = 0.0,
    discount_factor: ArrayLike = 1.0,
    terminal_holding_cost: ArrayLike = 0.0,
    terminal_shortage_cost: ArrayLike = 0.0,
    on_hand: ArrayLike = 0,
) -> FiniteHorizonPolicy:
    """Least expected cost of a horizon whose demand is random, period by period, by dynamic programming.

    Each period: order (it arrives at once), meet demand, back-order what is missing, pay holding on what is left and
    shortage on what is owed. Exact for the demand given: the grid of levels is widened until nothing outside it can
    matter.

    Args:
        demand_pmf: Chance of a demand of 0, 1, 2, … units, shape (..., period, units); sums to 1 on its last axis.
        holding_cost: Money per unit left at the end of a period, ≥ 0.
        shortage_cost: Money per unit owed at the end of a period, ≥ 0.
        order_cost: Money per order, ≥ 0.
        purchase_cost: Money per unit, ≥ 0. These four and the next are one number or fit (..., period).
        discount_factor: What money is worth one period later, in (0, 1].
        terminal_holding_cost: Money per unit left at the very end, on top of the last period's; negative where the
            unit still fetches something. One number or shape (...), as the next two.
        terminal_shortage_cost: Money per unit owed at the very end, ≥ 0.
        on_hand: Whole units before the first period, negative where units are owed.

    Raises:
        ValueError: Out of range, shapes that do not fit, chances that do not sum to 1, or a terminal value that
            makes it worth buying units only to have them left; demand in units so small that the tables would be huge.

    Source: Scarf (1960); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., sections 4.3.3 and 4.4.3.

    >>> coin = [[0.5, 0.0, 0.5]] * 2
    >>> policy = finite_horizon_policy(demand_pmf=coin, holding_cost=1.0, shortage_cost=9.0, order_cost=5.0)
    >>> policy.order_up_to_level, policy.reorder_point, policy.cost
    (array([2., 2.]), array([2., 0.]), array(9.5))
    """
    pmf = _checked_pmf(demand_pmf)
    costs, starts = _rows(
        pmf.shape[:-1],
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        order_cost=order_cost,
        purchase_cost=purchase_cost,
        discount_factor=discount_factor,
        terminal_holding_cost=terminal_holding_cost,
        terminal_shortage_cost=terminal_shortage_cost,
        on_hand=on_hand,
    )
    rows = pmf.reshape(-1, *pmf.shape[-2:])
    tables = [
        _tables(one, cost, start, _expected_period_costs(one, cost), lowest=0)
        for one, cost, start in zip(rows, costs, starts, strict=True)
    ]
    return _policy(tables, starts, pmf.shape[:-1])


def finite_horizon_tables(
    *,
    demand_pmf: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    order_cost: ArrayLike = 0.0,
    purchase_cost: ArrayLike = 0.0,
    discount_factor: ArrayLike = 1.0,
    terminal_holding_cost: float = 0.0,
    terminal_shortage_cost: float = 0.0,
    on_hand: int = 0,
) -> FiniteHorizonTables:
    """For one SKU, the best order and the cost to go from every level of stock that can matter.

    Arguments, model and errors are those of `finite_horizon_policy`, with demand_pmf of shape (period, units).

    >>> tables = finite_horizon_tables(demand_pmf=[[0.5, 0.0, 0.5]], holding_cost=1.0, shortage_cost=9.0)
    >>> dict(zip(tables.level.tolist(), tables.order_to[0].tolist(), strict=True))[0]
    2
    """
    pmf = _checked_pmf(demand_pmf)
    if pmf.ndim != 2:
        raise ValueError(f"demand_pmf must be of one SKU, shape (period, units), got shape {pmf.shape}")
    costs, starts = _rows(
        pmf.shape[:-1],
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        order_cost=order_cost,
        purchase_cost=purchase_cost,
        discount_factor=discount_factor,
        terminal_holding_cost=terminal_holding_cost,
        terminal_shortage_cost=terminal_shortage_cost,
        on_hand=on_hand,
    )
    return _tables(pmf, costs[0], starts[0], _expected_period_costs(pmf, costs[0]), lowest=0)


def finite_horizon_policy_normal(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    order_cost: ArrayLike = 0.0,
    purchase_cost: ArrayLike = 0.0,
    discount_factor: ArrayLike = 1.0,
    terminal_holding_cost: ArrayLike = 0.0,
    terminal_shortage_cost: ArrayLike = 0.0,
    on_hand: ArrayLike = 0,
    tail_sds: float | None = None,
) -> FiniteHorizonPolicy:
    """`finite_horizon_policy` for normal demand, as the textbook does it: whole levels, exact costs of a period.

    Holding and shortage of a period are those of the normal itself; for the stock of the next period demand is
    rounded to whole units, and what is below 0 counts as 0. A unit should be small beside demand_sd (an sd of 3
    or more): else give `normal_demand_pmf` or another pmf to `finite_horizon_policy`.

    Args:
        demand_mean: Units per period, ≥ 0, shape (period,) or (..., period).
        demand_sd: Units, > 0, broadcasts with demand_mean.
        tail_sds: None keeps all of the demand. A number leaves out, for the next period's stock, demand further than
            so many of the greatest sd below the least and above the greatest mean, and its chance with it: the
            published figures do so with 4, which makes costs look smaller by about one in ten thousand.

    The other arguments, the answer and the errors are those of `finite_horizon_policy`.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., algorithm 4.1.

    >>> policy = finite_horizon_policy_normal(
    ...     demand_mean=[100.0] * 5, demand_sd=20.0, holding_cost=1.0, shortage_cost=20.0, order_cost=50.0,
    ...     purchase_cost=2.0, terminal_holding_cost=1.0, terminal_shortage_cost=20.0, on_hand=0)
    >>> policy.order_up_to_level
    array([133., 133., 133., 133., 126.])
    >>> policy.reorder_point
    array([110., 110., 110., 110., 111.])
    """
    mean = figures(demand_mean, "demand_mean", least=0.0)
    sd = figures(demand_sd, "demand_sd", least=0.0, exclude_least=True)
    mean, sd = _together(mean, sd)
    costs, starts = _rows(
        mean.shape,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        order_cost=order_cost,
        purchase_cost=purchase_cost,
        discount_factor=discount_factor,
        terminal_holding_cost=terminal_holding_cost,
        terminal_shortage_cost=terminal_shortage_cost,
        on_hand=on_hand,
    )
    if tail_sds is not None and not tail_sds > 0:
        raise ValueError(f"tail_sds must be more than 0, or None, got {tail_sds}")
    tables = []
    for row_mean, row_sd, cost, start in zip(
        mean.reshape(-1, mean.shape[-1]), sd.reshape(-1, mean.shape[-1]), costs, starts, strict=True
    ):
        width = 2 * WIDEST_TAIL * row_sd
        _refuse_small_units(float((row_mean + width).max()), float(width.sum()))
        pmf = _rounded_normal(row_mean, row_sd) if tail_sds is None else _cut_normal(row_mean, row_sd, tail_sds)
        lowest = math.floor((row_mean - WIDEST_TAIL * row_sd).min())
        tables.append(_tables(pmf, cost, start, _normal_period_costs(row_mean, row_sd, cost), lowest=min(0, lowest)))
    return _policy(tables, starts, mean.shape)


def normal_demand_pmf(*, demand_mean: ArrayLike, demand_sd: ArrayLike) -> FloatArray:
    """Chances of whole demands of 0, 1, 2, … when normal demand is rounded; what is below 0 counts as 0.

    Args:
        demand_mean: Units, ≥ 0.
        demand_sd: Units, ≥ 0; broadcasts with demand_mean.

    Returns:
        Chances of shape (..., units), as long as the widest of them needs.

    >>> normal_demand_pmf(demand_mean=2.0, demand_sd=0.5)[:5].round(3)
    array([0.001, 0.157, 0.683, 0.157, 0.001])
    """
    mean = figures(demand_mean, "demand_mean", least=0.0)
    sd = figures(demand_sd, "demand_sd", least=0.0)
    return _rounded_normal(*_together(mean, sd))


def poisson_demand_pmf(*, demand_mean: ArrayLike) -> FloatArray:
    """Chances of whole demands of 0, 1, 2, … when demand is Poisson.

    Args:
        demand_mean: Units, ≥ 0.

    Returns:
        Chances of shape (..., units), as long as the widest of them needs; below 1e-16 is cut off.

    >>> poisson_demand_pmf(demand_mean=[0.0, 1.0])[:, :3].round(3)
    array([[1.   , 0.   , 0.   ],
           [0.368, 0.368, 0.184]])
    """
    mean = figures(demand_mean, "demand_mean", least=0.0)
    highest = float(mean.max(initial=0.0))
    units = np.arange(math.ceil(highest + WIDEST_TAIL * math.sqrt(highest)) + 20.0)
    rate = np.maximum(mean[..., None], np.finfo(float).tiny)
    pmf = np.where(mean[..., None] > 0, np.exp(units * np.log(rate) - rate - gammaln(units + 1.0)), units == 0)
    return np.asarray(pmf / pmf.sum(axis=-1, keepdims=True))


def _together(mean: FloatArray, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    try:
        mean, sd = np.broadcast_arrays(mean, sd)
    except ValueError:
        raise ValueError(f"demand_sd must fit demand_mean's shape {mean.shape}, got shape {sd.shape}") from None
    return mean, sd


def _rounded_normal(mean: FloatArray, sd: FloatArray) -> FloatArray:
    units = np.arange(math.ceil(float((mean + WIDEST_TAIL * sd).max(initial=0.0))) + 2.0)
    return _chances_between(units, mean, sd, first=-np.inf)


def _cut_normal(mean: FloatArray, sd: FloatArray, tail_sds: float) -> FloatArray:
    lowest = max(0, round(mean.min() - tail_sds * sd.max()))
    units = np.arange(round(mean.max() + tail_sds * sd.max()) + 1.0)
    return np.where(units >= lowest, _chances_between(units, mean, sd, first=-0.5), 0.0)


def _chances_between(units: FloatArray, mean: FloatArray, sd: FloatArray, *, first: float) -> FloatArray:
    """Chance that demand lies within half a unit of each, from the side of the normal that keeps digits."""
    edges = np.concatenate([[first], units + 0.5])
    spread = np.where(sd > 0, sd, 1.0)[..., None]
    away = (edges - mean[..., None]) / spread
    away = np.where(sd[..., None] > 0, away, np.where(edges > mean[..., None], np.inf, -np.inf))
    below, above = np.diff(ndtr(away)), -np.diff(ndtr(-away))
    return np.asarray(np.where(away[..., :-1] > 0, above, below))


def _checked_pmf(demand_pmf: ArrayLike) -> FloatArray:
    pmf = figures(demand_pmf, "demand_pmf", least=0.0)
    if pmf.ndim < 2 or 0 in pmf.shape[-2:]:
        raise ValueError(f"demand_pmf must have shape (..., period, units) with one of each or more, got {pmf.shape}")
    totals = pmf.sum(axis=-1)
    off = np.abs(totals - 1.0) > PMF_ROUNDING
    if off.any():
        place = tuple(int(i) for i in np.argwhere(off)[0])
        raise ValueError(f"demand_pmf must sum to 1 over units, got {totals[place]} at index {place}")
    return np.asarray(pmf / totals[..., None])


def _rows(
    shape: tuple[int, ...],
    *,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    order_cost: ArrayLike,
    purchase_cost: ArrayLike,
    discount_factor: ArrayLike,
    terminal_holding_cost: ArrayLike,
    terminal_shortage_cost: ArrayLike,
    on_hand: ArrayLike,
) -> tuple[list[_Costs], list[int]]:
    """Costs and first stock of each SKU, checked."""
    if len(shape) == 0 or shape[-1] == 0:
        raise ValueError(f"demand must have at least one period, got shape {shape}")
    by_period = [
        _fitted(figures(value, name, least=0.0), name, shape).reshape(-1, shape[-1])
        for value, name in (
            (order_cost, "order_cost"),
            (purchase_cost, "purchase_cost"),
            (holding_cost, "holding_cost"),
            (shortage_cost, "shortage_cost"),
        )
    ]
    discount = figures(discount_factor, "discount_factor", least=0.0, most=1.0, exclude_least=True)
    by_period.append(_fitted(discount, "discount_factor", shape).reshape(-1, shape[-1]))
    left = _fitted(figures(terminal_holding_cost, "terminal_holding_cost"), "terminal_holding_cost", shape[:-1])
    owed = figures(terminal_shortage_cost, "terminal_shortage_cost", least=0.0)
    owed = _fitted(owed, "terminal_shortage_cost", shape[:-1])
    start = _fitted(figures(on_hand, "on_hand"), "on_hand", shape[:-1]).ravel()
    if (start != np.round(start)).any():
        raise ValueError(f"on_hand must be whole units, got {start[start != np.round(start)][0]}")
    costs = []
    for sku, (end_holding, end_shortage) in enumerate(zip(left.ravel(), owed.ravel(), strict=True)):
        order, purchase, holding, shortage, worth = (each[sku] for each in by_period)
        cost = _Costs(order, purchase, holding, shortage, worth, float(end_holding), float(end_shortage))
        _refuse_buying_to_keep(cost, sku)
        costs.append(cost)
    return costs, [int(units) for units in start]


def _fitted(given: FloatArray, name: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        return np.array(np.broadcast_to(given, shape))
    except ValueError:
        raise ValueError(f"{name} must fit shape {shape}, got shape {given.shape}") from None


def _refuse_buying_to_keep(cost: _Costs, sku: int) -> None:
    if cost.end_holding < -cost.end_shortage:
        raise ValueError(
            f"terminal_holding_cost must be at least minus terminal_shortage_cost {cost.end_shortage}, "
            f"got {cost.end_holding} (index {sku})"
        )
    kept = cost.end_holding
    for t in range(len(cost.order) - 1, -1, -1):
        kept = cost.holding[t] + cost.discount[t] * kept
        if cost.purchase[t] + kept < 0:
            raise ValueError(
                f"terminal_holding_cost must not make units worth buying only to have them left, "
                f"got {cost.end_holding} (index {sku}), with which each one bought in period {t} earns "
                f"{-(cost.purchase[t] + kept):g}"
            )


def _expected_period_costs(pmf: FloatArray, cost: _Costs) -> PeriodCosts:
    periods, units = pmf.shape
    none = np.zeros((periods, 1))
    below = np.cumsum(pmf, axis=-1)
    above = np.cumsum(pmf[:, ::-1], axis=-1)[:, ::-1] - pmf
    left = np.concatenate([none, np.cumsum(below, axis=-1)], axis=-1)
    short = np.concatenate([np.cumsum(above[:, ::-1], axis=-1)[:, ::-1], none], axis=-1)

    def at(levels: IntArray) -> FloatArray:
        inside = np.clip(levels, 0, units)
        on_hand = left[:, inside] + np.maximum(levels - units, 0)
        owed = short[:, inside] + np.maximum(-levels, 0)
        return np.asarray(cost.holding[:, None] * on_hand + cost.shortage[:, None] * owed)

    return at


def _normal_period_costs(mean: FloatArray, sd: FloatArray, cost: _Costs) -> PeriodCosts:
    def at(levels: IntArray) -> FloatArray:
        away = (levels - mean[:, None]) / sd[:, None]
        density = np.exp(-0.5 * away**2) / math.sqrt(2 * math.pi)
        owed = np.maximum(sd[:, None] * (density - away * ndtr(-away)), 0.0)
        on_hand = np.maximum(sd[:, None] * (density + away * ndtr(away)), 0.0)
        return np.asarray(cost.holding[:, None] * on_hand + cost.shortage[:, None] * owed)

    return at


def _tables(
    pmf: FloatArray, cost: _Costs, start: int, period_costs: PeriodCosts, *, lowest: int
) -> FiniteHorizonTables:
    """The recursion on a grid of levels, widened until what lies beyond it provably does not matter.

    Upwards: with K_t ≥ γ K_{t+1} the cost of a level after ordering is K-convex, so once it exceeds its minimum by
    more than K it never comes back; else, and at the latest, a level that covers the largest demand of all periods.
    Downwards: below a level ≤ 0 at which every period orders (or, where shortage costs less than buying, none does)
    the cost to go is a straight line; at the latest, the lowest level that can be reached.
    """
    pmf = np.require(pmf, np.float64, ["C", "W"])
    mean = pmf @ np.arange(pmf.shape[1])
    possible = [np.flatnonzero(row) for row in pmf]
    most_demanded = int(sum(units[-1] for units in possible))
    spans = sum(float(units[-1] - units[0] + 1) for units in possible)
    convex = bool((cost.order[:-1] >= cost.discount[:-1] * cost.order[1:]).all())
    ceiling = max(start, most_demanded, 1)
    floor = min(start, lowest) - most_demanded - 1
    high = min(ceiling, max(start, math.ceil(2.0 * mean.max()) + 10)) if convex else ceiling
    low = max(floor, min(start, lowest) - 1)
    slopes, buys = _slopes_below(cost)
    while True:
        _refuse_small_units(high - low + 1, spans)
        levels = np.arange(low, high + 1)
        cost_to_go, order_to, risen, straight = _recursion(
            pmf,
            np.ascontiguousarray(period_costs(levels)),
            low,
            cost.order,
            cost.purchase,
            cost.discount,
            slopes,
            buys,
            cost.end_holding,
            cost.end_shortage,
        )
        wide_up, wide_down = risen or high == ceiling, straight or low == floor
        if wide_up and wide_down:
            return FiniteHorizonTables(level=levels, order_to=order_to, cost_to_go=cost_to_go)
        width = high - low + 1
        high = high if wide_up else min(ceiling, high + width)
        low = low if wide_down else max(floor, low - width)


def _refuse_small_units(levels: float, spans: float) -> None:
    if levels * (spans + 1.0) > MOST_STEPS:
        raise ValueError(
            f"demand must be counted in larger units (packs, hundreds), got {levels:g} levels of stock for {spans:g} "
            f"possible demands, over all periods"
        )


def _slopes_below(cost: _Costs) -> tuple[FloatArray, IntArray]:
    """What one unit less costs, per period, far below any level of use (the last is the end's), and what is done
    there: 1 where a unit is bought, −1 where owing it is cheaper, 0 where it is the same."""
    slopes = np.empty(len(cost.order) + 1)
    slopes[-1] = cost.end_shortage
    buys = np.empty(len(cost.order), dtype=np.int64)
    for t in range(len(cost.order) - 1, -1, -1):
        owing = cost.shortage[t] + cost.discount[t] * slopes[t + 1]
        slopes[t] = min(cost.purchase[t], owing)
        same = abs(owing - cost.purchase[t]) <= SAME_SLOPE * max(owing, cost.purchase[t])
        buys[t] = 0 if same else np.sign(owing - cost.purchase[t])
    return slopes, buys


@kernel
def _recursion(
    pmf: FloatArray,
    period_cost: FloatArray,
    low: int,
    order_cost: FloatArray,
    purchase_cost: FloatArray,
    discount: FloatArray,
    slopes: FloatArray,
    buys: IntArray,
    end_holding: float,
    end_shortage: float,
) -> tuple[FloatArray, IntArray, bool, bool]:
    """Cost to go and order by period and level; whether cost has risen enough above, and is straight below."""
    periods, units = pmf.shape
    size = period_cost.shape[1]
    to_go = np.empty((periods + 1, size))
    order_to = np.empty((periods, size), dtype=np.int64)
    after = np.empty(size)
    tail, tail_mean = np.empty(units + 1), np.empty(units + 1)
    risen, straight = True, True
    for i in range(size):
        level = float(low + i)
        to_go[periods, i] = end_holding * level if level >= 0.0 else -end_shortage * level
    for t in range(periods - 1, -1, -1):
        first, last = 0, units - 1
        while first < last and pmf[t, first] == 0.0:
            first += 1
        while last > first and pmf[t, last] == 0.0:
            last -= 1
        tail[units], tail_mean[units] = 0.0, 0.0
        for d in range(units - 1, -1, -1):
            tail[d] = tail[d + 1] + pmf[t, d]
            tail_mean[d] = tail_mean[d + 1] + d * pmf[t, d]
        for i in range(size):
            ahead = 0.0
            for d in range(first, min(last, i) + 1):
                ahead += pmf[t, d] * to_go[t + 1, i - d]
            if i < last:
                beyond = max(i + 1, first)
                ahead += tail[beyond] * (to_go[t + 1, 0] - slopes[t + 1] * i) + slopes[t + 1] * tail_mean[beyond]
            after[i] = period_cost[t, i] + discount[t] * ahead
        best, best_at = np.inf, size - 1
        for i in range(size - 1, -1, -1):
            stay = after[i]
            ordering = order_cost[t] + best - purchase_cost[t] * (low + i)
            if ordering < stay - 1e-13 * abs(stay):
                to_go[t, i], order_to[t, i] = ordering, low + best_at
            else:
                to_go[t, i], order_to[t, i] = stay, low + i
            with_price = stay + purchase_cost[t] * (low + i)
            if with_price <= best:
                best, best_at = with_price, i
        if not after[size - 1] + purchase_cost[t] * (low + size - 1) > best + order_cost[t]:
            risen = False
        orders = order_to[t, 0] > low
        if (buys[t] == 1 and not orders) or (buys[t] == -1 and orders):
            straight = False
    return to_go, order_to, risen, straight


def _policy(tables: list[FiniteHorizonTables], starts: list[int], shape: tuple[int, ...]) -> FiniteHorizonPolicy:
    points = [_two_levels(row, table.level) for table in tables for row in table.order_to]
    reached = [table.cost_to_go[0, start - table.level[0]] for table, start in zip(tables, starts, strict=True)]
    return FiniteHorizonPolicy(
        reorder_point=np.array([reorder for reorder, _, _ in points]).reshape(shape),
        order_up_to_level=np.array([up_to for _, up_to, _ in points]).reshape(shape),
        two_levels_suffice=np.array([enough for _, _, enough in points]).reshape(shape),
        cost=np.array(reached).reshape(shape[:-1]),
    )


def _two_levels(order_to: IntArray, level: IntArray) -> tuple[float, float, bool]:
    """Reorder point and order-up-to level of a period, and whether they tell all of its orders."""
    if order_to[0] == level[0]:
        return -np.inf, -np.inf, bool((order_to == level).all())
    others = np.flatnonzero(order_to != order_to[0])
    after = int(others[0]) if len(others) else len(level)
    return float(level[after - 1]), float(order_to[0]), bool((order_to[after:] == level[after:]).all())
