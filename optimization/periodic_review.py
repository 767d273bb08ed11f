"""How much to order at a review, judged on sample paths of demand, with backorders or with lost sales."""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel

Number = TypeVar("Number", np.int64, np.float64)

_ROUNDING = 1e-12
_MOST_UNITS = 2**53


@dataclass(frozen=True)
class PeriodicReviewOrder:
    """What to order now, and the figures it follows from; each of shape (sku,).

    order_quantity = max(round(target_level − projected_stock), 0).

    Attributes:
        order_quantity: Units to order now.
        projected_stock: Stock at the moment the order arrives, without it: the mean over the paths, units. Below zero
            where more is backordered than there is.
        critical_fractile: The least chance that demand up to a count is covered; with review_period 1 exactly so.
        target_level: What the order raises projected_stock to, units. Below projected_stock where there is too much.
        inventory_position: on_hand and all on order, less what is backordered, before the order, units.
        order_up_to_level: inventory_position + target_level − projected_stock: with backorders the same whatever
            there is, with lost sales lower the more will be lost until the order arrives.
    """

    order_quantity: IntArray
    projected_stock: FloatArray
    critical_fractile: FloatArray
    target_level: FloatArray
    inventory_position: IntArray
    order_up_to_level: IntArray


def periodic_review_order(
    demand_paths: ArrayLike,
    on_hand: ArrayLike,
    on_order_by_period: ArrayLike,
    *,
    lead_time: int,
    review_period: int,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    lost_sales: bool,
) -> PeriodicReviewOrder:
    """The order of a periodic review that costs least per period in the long run, or nearly so.

    In each period first what is due arrives, then the order is placed, then demand is sold, then stock is counted.
    It is now period 0, before anything has arrived: on_hand is the last period's count, and what is due in period t
    is on_order_by_period[..., t], so that [..., 0] arrives at once. An order of lead time L placed now arrives at the
    start of period L; the next chance to order is R periods later, so this order answers for the counts of
    periods L to L+R−1.

    Along each path the stock is run up to the arrival, so that what was lost on the way is not owed later. `need` is
    the demand from the arrival up to a count, less the stock then found on the same path. With N(q) = the share of
    paths on which need ≤ q, added up over the R counts, and A(q) that share at the last count, the order is the
    smallest whole q ≥ 0 with

    - backorders: N(q)/R ≥ p/(p+h). The position is raised to the critical fractile of demand over the protection
      interval, taken over the counts that the order answers for; for review_period 1 it is that of L+1 periods.
      This is optimal for demand that is independent and alike from period to period.
    - lost sales: p·A(q) + g·N(q) ≥ p, where g = h·(1 + ln(1 + L/(4R))). For review_period 1 this is the fractile
      p/(p+g) of demand less projected stock. A unit too many is held for longer than until the next arrival, since
      orders placed before it is noticed bring more; that logarithm is ours, fitted to the exact optimum of some sixty
      cases (docs/optimization/lost-sales-periodic-review.md). With lead_time 0 it is the newsvendor's p/(p+h).

    Args:
        demand_paths: Whole units ≥ 0, shape (sku, path, lead_time + review_period), the first being the demand of
            period 0. Equally likely; demand may depend on the period and on what came before. For a single SKU
            (path, lead_time + review_period).
        on_hand: Whole units, shape (sku,) or one number; below zero what is backordered, with lost_sales not allowed.
        on_order_by_period: Whole units ≥ 0, shape (sku, lead_time), for a single SKU (lead_time,).
        lead_time: L, whole periods ≥ 0.
        review_period: R, whole periods ≥ 1.
        holding_cost: h ≥ 0, money per unit counted in stock and period; one number or shape (sku,).
        shortage_cost: p ≥ 0, money per unit lost, or with backorders per unit backordered and period. Where it is 0
            nothing is ordered.
        lost_sales: Whether unmet demand is lost, otherwise it waits.

    Raises:
        ValueError: A shape other than these, a figure that is negative, not whole or not finite, or a lead_time or
            review_period out of range.

    Source: van Jaarsveld & Arts, Projected inventory-level policies for lost sales inventory systems (2024), Operations
    Research, for ordering against the projected stock; Zipkin, Old and new methods for lost-sales inventory systems
    (2008), Operations Research, for the optimum to compare with.

    >>> paths = np.random.default_rng(1).poisson(5, size=(2, 1000, 3))
    >>> order = periodic_review_order(
    ...     paths, [4, 0], [[3, 5], [3, 5]], lead_time=2, review_period=1,
    ...     holding_cost=1.0, shortage_cost=9.0, lost_sales=True,
    ... )
    >>> order.order_quantity
    array([6, 7])
    """
    lead, review = _periods(lead_time, "lead_time", 0), _periods(review_period, "review_period", 1)
    paths = _whole(demand_paths, "demand_paths")
    _check_shape(paths, lead + review)
    skus = paths.shape[:-2]
    stock = _of_skus(_whole(on_hand, "on_hand", least=0 if lost_sales else -_MOST_UNITS), "on_hand", skus)
    due = _whole(on_order_by_period, "on_order_by_period")
    if due.shape != (*skus, lead):
        raise ValueError(f"on_order_by_period must have shape {(*skus, lead)} (sku, lead_time), got {due.shape}")
    holding = _of_skus(_money(holding_cost, "holding_cost"), "holding_cost", skus)
    shortage = _of_skus(_money(shortage_cost, "shortage_cost"), "shortage_cost", skus)

    if lost_sales:
        surplus = holding * (1 + np.log1p(lead / (4 * review)))
        at_count, at_last, wanted = surplus, shortage, shortage
        fractile = _share(shortage, shortage + review * surplus)
    else:
        at_count, at_last, wanted = holding + shortage, np.zeros_like(shortage), review * shortage
        fractile = _share(shortage, holding + shortage)
    number = math.prod(skus)
    missing, projected = _missing_and_projected(
        paths.reshape(number, *paths.shape[-2:]),
        stock.reshape(number),
        due.reshape(number, lead),
        np.stack([at_count, at_last, wanted], axis=-1).reshape(number, 3),
        lost_sales,
    )
    missing, projected = missing.reshape(skus), projected.reshape(skus)
    position = stock + due.sum(axis=-1)
    return PeriodicReviewOrder(
        order_quantity=np.asarray(np.maximum(missing, 0)),
        projected_stock=projected,
        critical_fractile=fractile,
        target_level=np.asarray(projected + missing),
        inventory_position=np.asarray(position),
        order_up_to_level=np.asarray(position + missing),
    )


@kernel
def _missing_and_projected(
    paths: IntArray, on_hand: IntArray, due: IntArray, weights: FloatArray, lost_sales: bool
) -> tuple[IntArray, FloatArray]:
    """Per SKU the smallest quantity, of either sign, that weighs enough, and the mean stock before it arrives.

    weights per SKU: of each count covered, of the last count covered once more, and what is wanted of a path.
    """
    skus, runs, periods = paths.shape
    lead = due.shape[1]
    missing, projected = np.empty(skus, np.int64), np.empty(skus)
    needs = np.empty((periods - lead, runs), np.int64)
    for sku in range(skus):
        total = 0
        for run in range(runs):
            stock = on_hand[sku]
            for period in range(lead):
                stock += due[sku, period] - paths[sku, run, period]
                if lost_sales and stock < 0:
                    stock = 0
            total += stock
            need = -stock
            for period in range(lead, periods):
                need += paths[sku, run, period]
                needs[period - lead, run] = need
        projected[sku] = total / runs
        missing[sku] = _smallest_enough(needs, weights[sku])
    return missing, projected


@kernel
def _smallest_enough(needs: IntArray, weights: FloatArray) -> int:
    """Smallest quantity whose covered needs weigh enough, found by halving; with nothing wanted, at most 0."""
    runs = needs.shape[1]
    low, high = needs.min() - 1, needs.max()
    if weights[2] <= 0:
        return min(int(low), 0)
    wanted = weights[2] * runs * (1 - _ROUNDING)
    while high - low > 1:
        middle = low + (high - low) // 2
        covered = 0
        last = 0
        for count in range(needs.shape[0]):
            last = 0
            for run in range(runs):
                last += needs[count, run] <= middle
            covered += last
        if weights[0] * covered + weights[1] * last >= wanted:
            high = middle
        else:
            low = middle
    return int(high)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _periods(value: int, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of periods, at least {least}, got {value!r}")
    return int(value)


def _whole(value: ArrayLike, name: str, *, least: int = 0) -> IntArray:
    """The figures as whole numbers, refused where one is not."""
    given = np.asarray(value)
    if given.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be whole units, got values of type {given.dtype}")
    if given.dtype.kind == "f":
        _refuse(~(np.isfinite(given) & (given == np.floor(given))), given, name, "whole units")
    _refuse(given > _MOST_UNITS, given, name, f"at most {_MOST_UNITS}")
    _refuse(given < least, given, name, f"at least {least}")
    return np.ascontiguousarray(given, dtype=np.int64).reshape(given.shape)


def _money(value: ArrayLike, name: str) -> FloatArray:
    given = np.asarray(value, dtype=np.float64)
    _refuse(~(np.isfinite(given) & (given >= 0)), given, name, "finite and at least 0")
    return given


def _refuse(refused: NDArray[np.bool_], given: NDArray[np.generic], name: str, wanted: str) -> None:
    if refused.any():
        first = np.unravel_index(int(np.argmax(refused)), given.shape)
        place = "".join(f" of SKU {index}" if axis == 0 else f", [{index}]" for axis, index in enumerate(first))
        raise ValueError(f"{name}{place} must be {wanted}, got {given[first]}")


def _check_shape(paths: IntArray, periods: int) -> None:
    if paths.ndim not in (2, 3) or paths.shape[-1] != periods or paths.shape[-2] < 1:
        wanted = f"(sku, path, {periods}), periods being lead_time + review_period, with a path at least"
        raise ValueError(f"demand_paths must have shape {wanted}, got {paths.shape}")


def _of_skus(given: NDArray[Number], name: str, skus: tuple[int, ...]) -> NDArray[Number]:
    if given.shape not in ((), skus):
        raise ValueError(f"{name} must be one number or one per SKU, shape {skus}, got shape {given.shape}")
    return np.ascontiguousarray(np.broadcast_to(given, skus)).reshape(skus)
