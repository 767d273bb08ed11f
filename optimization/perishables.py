"""Goods that must be thrown away at a certain age: what an order-up-to level wastes, and which one to choose."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.figures import figures, require

Issuing = Literal["FIFO", "LIFO"]
PMF_ROUNDING = 1e-9
MOST_TRANSITIONS = 2e7
STILL = 1e-15
MOST_STEPS = 200_000


@dataclass(frozen=True)
class PerishableStock:
    """Attributes, averages per period in the long run, each of shape (...):
    order_up_to_level: Whole units on hand after each order.
    outdated: Units thrown away.
    lost: Units of demand that found no stock.
    on_hand: Units left at the end of a period, before the outdated ones are taken away.
    order_mean: Units ordered: what is sold and what is outdated.
    fill_rate: Share of demand met; 1 where there is no demand.
    waste_rate: Share of what is ordered that is outdated; 0 where nothing is ordered.
    cost_rate: Holding, lost and outdated units at their costs.
    """

    order_up_to_level: IntArray
    outdated: FloatArray
    lost: FloatArray
    on_hand: FloatArray
    order_mean: FloatArray
    fill_rate: FloatArray
    waste_rate: FloatArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class WasteAwareOrder:
    """Attributes:
    order_quantity: Units to order now, a multiple of pack_size, shape (...).
    expected_waste: Units expected to outdate before the order after this one arrives, shape (...).
    """

    order_quantity: FloatArray
    expected_waste: FloatArray


def perishable_stock(
    *,
    order_up_to_level: ArrayLike,
    demand_pmf: ArrayLike,
    shelf_life: int,
    issuing: Issuing = "FIFO",
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
    outdating_cost: ArrayLike = 0.0,
) -> PerishableStock:
    """Exact long-run figures when stock is raised to the same level every period.

    Each period: order up to the level (fresh units, that arrive at once), meet demand from the oldest units (FIFO)
    or the freshest (LIFO), lose what is missing, then throw away what has been there for shelf_life periods. From
    the stationary distribution of the stock by age, which has (level + 1) ** (shelf_life − 1) states.

    Args:
        order_up_to_level: Whole units, ≥ 0, shape (...).
        demand_pmf: Chance of a demand of 0, 1, 2, … units in a period, shape (..., units).
        shelf_life: Periods in which a unit can be sold, ≥ 1.
        issuing: "FIFO": customers get the oldest unit; "LIFO": they take the freshest.
        holding_cost: Money per unit left at the end of a period, ≥ 0. Costs are one number or shape (...).
        shortage_cost: Money per unit of lost demand, the margin included, ≥ 0.
        outdating_cost: Money per unit thrown away, what it cost included, ≥ 0.

    Raises:
        ValueError: Out of range, shapes that do not fit, or more than 20 million combinations of
            stock by age and demand.

    Source: Nahmias (1982), a review of perishable inventory theory.

    >>> stock = perishable_stock(order_up_to_level=2, demand_pmf=[0.5, 0.0, 0.5], shelf_life=2, outdating_cost=3.0)
    >>> stock.outdated.round(6), stock.cost_rate.round(6)
    (np.float64(0.333333), np.float64(1.0))
    """
    levels = figures(order_up_to_level, "order_up_to_level", least=0.0)
    require(levels == np.round(levels), "order_up_to_level must be whole units", levels)
    pmf = _checked_pmf(demand_pmf)
    _check_life(shelf_life, issuing)
    shape = np.broadcast_shapes(levels.shape, pmf.shape[:-1])
    level = np.broadcast_to(levels, shape).astype(np.int64)
    rows = np.broadcast_to(pmf, (*shape, pmf.shape[-1])).reshape(-1, pmf.shape[-1])
    outdated = np.array(
        [_outdated(row, int(one), shelf_life, issuing) for row, one in zip(rows, level.ravel(), strict=True)]
    ).reshape(shape)
    return _figures_of(level, pmf, outdated, _costs(holding_cost, shortage_cost, outdating_cost, shape))


def perishable_order_up_to(
    *,
    demand_pmf: ArrayLike,
    shelf_life: int,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    outdating_cost: ArrayLike,
    issuing: Issuing = "FIFO",
) -> PerishableStock:
    """The order-up-to level with the least exact cost, and its figures.

    All levels up to that of the newsvendor are tried, which is the best for goods that keep. Model, arguments and
    errors are those of `perishable_stock`; where there are too many states, use `perishable_order_up_to_approximate`.

    >>> best = perishable_order_up_to(
    ...     demand_pmf=[0.1, 0.2, 0.4, 0.2, 0.1], shelf_life=2, holding_cost=0.1, shortage_cost=3.0, outdating_cost=4.0)
    >>> best.order_up_to_level, best.waste_rate.round(4)
    (array(3), np.float64(0.0775))
    """
    pmf = _checked_pmf(demand_pmf)
    _check_life(shelf_life, issuing)
    shape = pmf.shape[:-1]
    costs = _costs(holding_cost, shortage_cost, outdating_cost, shape)
    rows = pmf.reshape(-1, pmf.shape[-1])
    holding, lost, waste = (each.ravel() for each in costs)
    chosen, outdated = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
    for i, row in enumerate(rows):
        known = _period_costs(row, holding[i], lost[i])
        most = int(np.argmin(known))
        _refuse_large(most, shelf_life, len(row))
        tried = np.array([_outdated(row, level, shelf_life, issuing) for level in range(most + 1)])
        chosen[i] = int(np.argmin(known[: most + 1] + waste[i] * tried))
        outdated[i] = tried[chosen[i]]
    return _figures_of(chosen.reshape(shape), pmf, outdated.reshape(shape), costs)


def perishable_order_up_to_approximate(
    *,
    demand_pmf: ArrayLike,
    shelf_life: int,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    outdating_cost: ArrayLike,
) -> PerishableStock:
    """A good order-up-to level where the exact one takes too long, for customers who get the oldest units (FIFO).

    Outdating is taken to be E[(S − D)⁺] / m per period, with D the demand of m = shelf_life periods: what would be
    thrown away if all stock were fresh every m periods. That is exact for m = 1 and otherwise too little, so the
    level is somewhat high where much is wasted. All figures but those of waste are exact for the level.

    Arguments and errors are those of `perishable_order_up_to`.

    Source: the lower bound of Chazan and Gal (1977).

    >>> perishable_order_up_to_approximate(
    ...     demand_pmf=[0.1, 0.2, 0.4, 0.2, 0.1], shelf_life=2, holding_cost=0.1, shortage_cost=3.0, outdating_cost=4.0
    ... ).order_up_to_level
    array(3)
    """
    pmf = _checked_pmf(demand_pmf)
    _check_life(shelf_life, "FIFO")
    shape = pmf.shape[:-1]
    costs = _costs(holding_cost, shortage_cost, outdating_cost, shape)
    rows = pmf.reshape(-1, pmf.shape[-1])
    holding, lost, waste = (each.ravel() for each in costs)
    chosen, outdated = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
    for i, row in enumerate(rows):
        over_life = row
        for _ in range(shelf_life - 1):
            over_life = np.convolve(over_life, row)[: len(row)]
        left = np.concatenate([[0.0], np.cumsum(np.cumsum(over_life[: len(row)]))])[: len(row)] / shelf_life
        chosen[i] = int(np.argmin(_period_costs(row, holding[i], lost[i]) + waste[i] * left))
        outdated[i] = left[chosen[i]]
    return _figures_of(chosen.reshape(shape), pmf, outdated.reshape(shape), costs)


def waste_aware_order(
    *,
    stock_by_life: ArrayLike,
    demand_mean: ArrayLike,
    order_up_to_level: ArrayLike,
    on_order_by_period: ArrayLike = (),
    review_period: int = 1,
    pack_size: ArrayLike = 1.0,
    issuing: Issuing = "FIFO",
) -> WasteAwareOrder:
    """What to order now when some of the stock will outdate before it can be sold: the EWA policy.

    The stock expected to outdate before the next order but one can arrive does not count as stock. It is projected
    with mean demand, period by period: sell, throw away what has reached its last period, receive.

    Args:
        stock_by_life: Units on hand by the periods they can still be sold: column 0 for those in their last one;
            shape (..., shelf_life).
        demand_mean: Units per period, ≥ 0, one number or shape (...).
        order_up_to_level: Units wanted for lead time and review period, safety stock included; likewise.
        on_order_by_period: Units that arrive, fresh, at the start of the next period, the one after, and so on up to
            the one in which what is ordered now arrives, shape (..., lead_time); none where that is at once.
        review_period: Periods from this chance to order to the next, ≥ 1.
        pack_size: Orders are rounded up to a multiple of it, > 0.
        issuing: "FIFO": customers get the oldest unit; "LIFO": they take the freshest.

    Raises:
        ValueError: Out of range, or shapes that do not fit.

    Source: Broekmeulen and van Donselaar (2009).

    >>> waste_aware_order(stock_by_life=[6.0, 0.0, 5.0], demand_mean=4.0, order_up_to_level=14.0, review_period=2)
    WasteAwareOrder(order_quantity=array(5.), expected_waste=array(2.))
    """
    stock = figures(stock_by_life, "stock_by_life", least=0.0)
    due = figures(on_order_by_period, "on_order_by_period", least=0.0)
    if stock.ndim == 0 or stock.shape[-1] == 0:
        raise ValueError(f"stock_by_life must have one column per period of shelf life, got shape {stock.shape}")
    _check_life(stock.shape[-1], issuing)
    if review_period < 1:
        raise ValueError(f"review_period must be at least 1, got {review_period}")
    shape = stock.shape[:-1]
    if due.size == 0:
        due = np.zeros((*shape, 0))
    if due.shape[:-1] != shape:
        raise ValueError(f"on_order_by_period must have shape {(*shape, 'lead_time')}, got {due.shape}")
    mean = _fitted(demand_mean, "demand_mean", shape)
    wanted = _fitted(order_up_to_level, "order_up_to_level", shape)
    pack = _fitted(pack_size, "pack_size", shape)
    require(pack > 0, "pack_size must be positive", pack)
    waste = _projected_waste(
        np.array(stock).reshape(-1, stock.shape[-1]),
        np.array(due).reshape(mean.size, due.shape[-1]),
        np.array(mean).ravel(),
        due.shape[-1] + review_period - 1,
        issuing == "FIFO",
    ).reshape(shape)
    missing = wanted - (stock.sum(axis=-1) + due.sum(axis=-1) - waste)
    packs = np.ceil(np.maximum(missing, 0.0) / pack - 1e-9)
    return WasteAwareOrder(order_quantity=np.asarray(packs * pack), expected_waste=np.asarray(waste))


def _check_life(shelf_life: int, issuing: str) -> None:
    if shelf_life < 1 or shelf_life != int(shelf_life):
        raise ValueError(f"shelf_life must be a whole number of periods, at least 1, got {shelf_life}")
    if issuing not in ("FIFO", "LIFO"):
        raise ValueError(f"issuing must be FIFO or LIFO, got {issuing}")


def _checked_pmf(demand_pmf: ArrayLike) -> FloatArray:
    pmf = figures(demand_pmf, "demand_pmf", least=0.0)
    if pmf.ndim == 0 or pmf.shape[-1] == 0:
        raise ValueError(f"demand_pmf must have shape (..., units), got {pmf.shape}")
    totals = pmf.sum(axis=-1)
    require(np.abs(totals - 1.0) <= PMF_ROUNDING, "demand_pmf must sum to 1 over units", totals)
    return np.asarray(pmf / totals[..., None])


def _costs(
    holding_cost: ArrayLike, shortage_cost: ArrayLike, outdating_cost: ArrayLike, shape: tuple[int, ...]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    return (
        _fitted(holding_cost, "holding_cost", shape),
        _fitted(shortage_cost, "shortage_cost", shape),
        _fitted(outdating_cost, "outdating_cost", shape),
    )


def _fitted(value: ArrayLike, name: str, shape: tuple[int, ...]) -> FloatArray:
    given = figures(value, name, least=0.0)
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must fit shape {shape}, got shape {given.shape}") from None


def _period_costs(pmf: FloatArray, holding_cost: float, shortage_cost: float) -> FloatArray:
    """Cost of a period but for waste, for every level up to the largest demand."""
    left = np.concatenate([[0.0], np.cumsum(np.cumsum(pmf))])[: len(pmf)]
    short = np.concatenate([np.cumsum((np.cumsum(pmf[::-1])[::-1] - pmf)[::-1])[::-1]])
    return np.asarray(holding_cost * left + shortage_cost * short)


def _figures_of(
    level: IntArray, pmf: FloatArray, outdated: FloatArray, costs: tuple[FloatArray, FloatArray, FloatArray]
) -> PerishableStock:
    units = np.arange(pmf.shape[-1])
    away = level[..., None] - units
    on_hand = (pmf * np.maximum(away, 0)).sum(axis=-1)
    lost = (pmf * np.maximum(-away, 0)).sum(axis=-1)
    mean = pmf @ units
    sold = np.maximum(mean - lost, 0.0)
    ordered = sold + outdated
    holding, shortage, waste = costs
    return PerishableStock(
        order_up_to_level=level,
        outdated=outdated,
        lost=np.asarray(lost),
        on_hand=np.asarray(on_hand),
        order_mean=np.asarray(ordered),
        fill_rate=np.asarray(np.where(mean > 0, sold / np.where(mean > 0, mean, 1.0), 1.0)),
        waste_rate=np.asarray(np.where(ordered > 0, outdated / np.where(ordered > 0, ordered, 1.0), 0.0)),
        cost_rate=np.asarray(holding * on_hand + shortage * lost + waste * outdated),
    )


def _refuse_large(level: int, shelf_life: int, units: int) -> None:
    transitions = float(level + 1) ** (shelf_life - 1) * units
    if transitions > MOST_TRANSITIONS:
        raise ValueError(
            f"(order_up_to_level + 1) ** (shelf_life - 1) stocks by age times the demands must be at most "
            f"{MOST_TRANSITIONS:g}, got {transitions:.3g} for level {level}, shelf_life {shelf_life}, {units} demands"
        )


def _outdated(pmf: FloatArray, level: int, shelf_life: int, issuing: str) -> float:
    until = int(np.flatnonzero(pmf)[-1]) + 1
    _refuse_large(level, shelf_life, until)
    if shelf_life == 1:
        return float((pmf * np.maximum(level - np.arange(len(pmf)), 0)).sum())
    return float(_long_run_waste(np.array(pmf[:until]), level, shelf_life, issuing == "FIFO"))


@kernel
def _take(stock: FloatArray, demand: float, oldest_first: bool) -> None:
    """Remove demand from stock by remaining life, as far as it goes."""
    life = stock.shape[0]
    for step in range(life):
        i = step if oldest_first else life - 1 - step
        taken = min(stock[i], demand)
        stock[i] -= taken
        demand -= taken


@kernel
def _long_run_waste(pmf: FloatArray, level: int, life: int, oldest_first: bool) -> float:
    """Units outdated per period, from the stationary distribution of stock by remaining life.

    Half of each step stays where it is, which leaves the distribution the same and ends cycles.
    """
    base = level + 1
    states = base ** (life - 1)
    units = pmf.shape[0]
    to = np.full((states, units), -1, dtype=np.int64)
    waste = np.zeros(states)
    reached = np.zeros(states, dtype=np.bool_)
    queue = np.empty(states, dtype=np.int64)
    queue[0], reached[0], count, done = 0, True, 1, 0
    stock = np.empty(life)
    while done < count:
        state = queue[done]
        done += 1
        for d in range(units):
            if pmf[d] == 0.0:
                continue
            rest, total = state, 0
            for i in range(life - 1):
                stock[i] = rest % base
                total += rest % base
                rest //= base
            stock[life - 1] = level - total
            _take(stock, float(d), oldest_first)
            waste[state] += pmf[d] * stock[0]
            after = 0
            for i in range(life - 1, 0, -1):
                after = after * base + int(stock[i])
            to[state, d] = after
            if not reached[after]:
                reached[after] = True
                queue[count] = after
                count += 1
    chance, after_step = np.zeros(states), np.zeros(states)
    chance[0] = 1.0
    for _ in range(MOST_STEPS):
        for k in range(count):
            after_step[queue[k]] = 0.5 * chance[queue[k]]
        for k in range(count):
            state = queue[k]
            if chance[state] > 0.0:
                for d in range(units):
                    if pmf[d] > 0.0:
                        after_step[to[state, d]] += 0.5 * chance[state] * pmf[d]
        moved = 0.0
        for k in range(count):
            state = queue[k]
            moved += abs(after_step[state] - chance[state])
            chance[state] = after_step[state]
        if moved < STILL * count:
            break
    average, total_chance = 0.0, 0.0
    for k in range(count):
        average += chance[queue[k]] * waste[queue[k]]
        total_chance += chance[queue[k]]
    return average / total_chance


@kernel
def _projected_waste(
    stock: FloatArray, due: FloatArray, mean: FloatArray, periods: int, oldest_first: bool
) -> FloatArray:
    skus, life = stock.shape
    waste = np.zeros(skus)
    for sku in range(skus):
        shelf = stock[sku]
        for period in range(periods):
            _take(shelf, mean[sku], oldest_first)
            waste[sku] += shelf[0]
            for i in range(life - 1):
                shelf[i] = shelf[i + 1]
            shelf[life - 1] = due[sku, period] if period < due.shape[1] else 0.0
    return waste
