"""The last order for a part that will not be made again."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, pdtr

from optimization.arrays import FloatArray
from optimization.figures import figures, require

Chances = Callable[[FloatArray], FloatArray]
HALVINGS = 200


@dataclass(frozen=True)
class FinalOrder:
    """Attributes, of shape (...) unless said:
    order_quantity: Units to buy now, on top of what is on hand.
    stock_target: Units to start with, on hand and bought; on hand alone where that is already more.
    cost: Expected discounted money: purchase, holding and the alternative, less what is left fetches.
    shortage: Expected units, over all periods, that the alternative must supply.
    left_over: Expected units left after the last period.
    coverage: Chance that stock lasts through the last period.
    on_hand: Expected units left at the end of each period, shape (..., period).
    """

    order_quantity: FloatArray
    stock_target: FloatArray
    cost: FloatArray
    shortage: FloatArray
    left_over: FloatArray
    coverage: FloatArray
    on_hand: FloatArray


@dataclass(frozen=True)
class _Terms:
    """What an added unit costs, each of shape (sku, period) or (sku,): purchase, and what being left or short adds."""

    purchase: FloatArray
    held: FloatArray  # discounted holding cost of a unit left at the end of the period
    saved: FloatArray  # discounted cost of the alternative saved where demand up to the period exceeds stock
    salvage: FloatArray  # discounted


def final_order(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    purchase_cost: ArrayLike,
    holding_cost: ArrayLike,
    alternative_cost: ArrayLike,
    salvage_value: ArrayLike = 0.0,
    discount_factor: ArrayLike = 1.0,
    on_hand: ArrayLike = 0.0,
) -> FinalOrder:
    """How much to buy when a part can be bought once more and then never again, for normal demand.

    Each period meets its demand from stock; what stock cannot meet is supplied otherwise, at alternative_cost (a
    redesign, a broker, a trade-in). Period t (from 0) counts discount_factor ** t, what is left after the last of
    n periods fetches salvage_value · discount_factor ** n. Demand of the periods is independent, so that demand up
    to a period is normal with the sums of means and variances; where periods share their uncertainty (nobody knows
    how fast the installed base shrinks), raise demand_sd.

    Args:
        demand_mean: Units per period, ≥ 0, usually falling; shape (period,) or (..., period).
        demand_sd: Units, ≥ 0, one number or broadcasting to that shape.
        purchase_cost: Money per unit bought now, ≥ 0. This and the next are one number or shape (...).
        holding_cost: Money per unit left at the end of a period, ≥ 0.
        alternative_cost: Money per unit that stock cannot supply, ≥ 0: one number, (..., 1) or (..., period). Once
            discounted it may not rise over time.
        salvage_value: Money per unit left at the end, at most holding_cost + the last alternative_cost; negative
            where scrapping costs.
        discount_factor: What money is worth one period later, in (0, 1].
        on_hand: Units there already, ≥ 0.

    Returns:
        Units unrounded.

    Raises:
        ValueError: Out of range, shapes that do not fit, an alternative that gets dearer, or a salvage value that
            makes it worth buying units only to have them left.

    Source: the newsvendor, whose overage is holding over time; one period is the newsvendor.

    >>> order = final_order(demand_mean=[100.0, 60.0, 30.0, 10.0], demand_sd=[20.0, 15.0, 10.0, 5.0],
    ...     purchase_cost=10.0, holding_cost=1.0, alternative_cost=40.0)
    >>> order.order_quantity.round(1), order.coverage.round(3)
    (np.float64(211.6), np.float64(0.664))
    """
    mean = figures(demand_mean, "demand_mean", least=0.0)
    _check_periods(mean)
    sd = _fitted(figures(demand_sd, "demand_sd", least=0.0), "demand_sd", mean.shape)
    terms, start = _terms(
        mean.shape, purchase_cost, holding_cost, alternative_cost, salvage_value, discount_factor, on_hand
    )
    rows = (-1, mean.shape[-1])
    total = np.cumsum(mean, axis=-1).reshape(rows)
    spread = np.sqrt(np.cumsum(sd**2, axis=-1)).reshape(rows)

    def below(units: FloatArray) -> FloatArray:
        return _normal_below(units[:, None], total, spread)

    target = _least_cost_stock(terms, below, start, whole=False)
    left = _normal_left(target[:, None], total, spread)
    return _order(terms, target, start, left, total, below(target), mean.shape)


def final_order_poisson(
    *,
    demand_mean: ArrayLike,
    purchase_cost: ArrayLike,
    holding_cost: ArrayLike,
    alternative_cost: ArrayLike,
    salvage_value: ArrayLike = 0.0,
    discount_factor: ArrayLike = 1.0,
    on_hand: ArrayLike = 0.0,
) -> FinalOrder:
    """`final_order` for Poisson demand and whole units: exact, and right for the few units of spare parts.

    Arguments, model and errors are those of `final_order`; on_hand must be whole.

    >>> order = final_order_poisson(
    ...     demand_mean=[3.0, 2.0, 1.0], purchase_cost=10.0, holding_cost=1.0, alternative_cost=100.0)
    >>> order.order_quantity, order.coverage.round(3)
    (array(9.), np.float64(0.916))
    """
    mean = figures(demand_mean, "demand_mean", least=0.0)
    _check_periods(mean)
    terms, start = _terms(
        mean.shape, purchase_cost, holding_cost, alternative_cost, salvage_value, discount_factor, on_hand
    )
    require(start == np.round(start), "on_hand must be whole units", start)
    total = np.cumsum(mean, axis=-1).reshape(-1, mean.shape[-1])

    def below(units: FloatArray) -> FloatArray:
        return np.asarray(pdtr(np.floor(units)[:, None], total))

    target = _least_cost_stock(terms, below, start, whole=True)
    left = _poisson_left(target[:, None], total)
    return _order(terms, target, start, left, total, below(target), mean.shape)


def _check_periods(mean: FloatArray) -> None:
    if mean.ndim == 0 or mean.shape[-1] == 0:
        raise ValueError(f"demand_mean must have at least one period on its last axis, got shape {mean.shape}")


def _fitted(given: FloatArray, name: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must fit shape {shape}, got shape {given.shape}") from None


def _terms(
    shape: tuple[int, ...],
    purchase_cost: ArrayLike,
    holding_cost: ArrayLike,
    alternative_cost: ArrayLike,
    salvage_value: ArrayLike,
    discount_factor: ArrayLike,
    on_hand: ArrayLike,
) -> tuple[_Terms, FloatArray]:
    outer, periods = shape[:-1], shape[-1]
    purchase = _fitted(figures(purchase_cost, "purchase_cost", least=0.0), "purchase_cost", outer).ravel()
    holding = _fitted(figures(holding_cost, "holding_cost", least=0.0), "holding_cost", outer).ravel()
    salvage = _fitted(figures(salvage_value, "salvage_value"), "salvage_value", outer).ravel()
    worth = figures(discount_factor, "discount_factor", least=0.0, most=1.0, exclude_least=True)
    discount = _fitted(worth, "discount_factor", outer).ravel()
    alternative = _fitted(figures(alternative_cost, "alternative_cost", least=0.0), "alternative_cost", shape)
    start = _fitted(figures(on_hand, "on_hand", least=0.0), "on_hand", outer).ravel()
    powers = discount[:, None] ** np.arange(periods + 1)
    supplied = alternative.reshape(-1, periods) * powers[:, :-1]
    saved = supplied - np.concatenate([supplied[:, 1:], np.zeros((len(supplied), 1))], axis=1)
    require(
        (saved >= -1e-12 * supplied).all(axis=1).reshape(outer),
        "alternative_cost must not rise over time once discounted",
        alternative.max(axis=-1),
    )
    fetched = salvage * powers[:, -1]
    held = holding[:, None] * powers[:, :-1]
    require(
        (fetched <= (held + saved)[:, -1]).reshape(outer),
        "salvage_value must be at most the holding_cost and alternative_cost of the last period, discounted",
        salvage.reshape(outer),
    )
    require(
        (purchase + held.sum(axis=1) >= fetched).reshape(outer),
        "salvage_value must not make units worth buying only to have them left",
        salvage.reshape(outer),
    )
    return _Terms(purchase, held, np.maximum(saved, 0.0), fetched), start


def _least_cost_stock(terms: _Terms, below: Chances, start: FloatArray, *, whole: bool) -> FloatArray:
    """The stock at which one more unit no longer pays, at least what is there; by halving, for all SKUs at once."""

    def slope(units: FloatArray) -> FloatArray:
        under = below(units)
        gain = (terms.saved * (1.0 - under)).sum(axis=1)
        burden = (terms.held * under).sum(axis=1) - terms.salvage * under[:, -1]
        return np.asarray(terms.purchase + burden - gain)

    low = np.array(start)
    done = slope(low) >= 0.0
    high = low + 1.0
    for _ in range(HALVINGS):
        more = ~done & (slope(high) < 0.0) & (below(high)[:, -1] < 1.0)
        if not more.any():
            break
        high = np.where(more, low + 2.0 * (high - low), high)
    for _ in range(HALVINGS):
        middle = np.floor(0.5 * (low + high)) if whole else 0.5 * (low + high)
        inside = (middle > low) & (middle < high)
        if not inside.any():
            break
        pays = slope(middle) < 0.0
        low, high = np.where(inside & pays, middle, low), np.where(inside & ~pays, middle, high)
    return np.where(done, start, high)


def _order(
    terms: _Terms,
    target: FloatArray,
    start: FloatArray,
    left: FloatArray,
    total: FloatArray,
    below: FloatArray,
    shape: tuple[int, ...],
) -> FinalOrder:
    outer = shape[:-1]
    short = np.maximum(left - target[:, None] + total, 0.0)
    cost = (
        terms.purchase * (target - start)
        + (terms.held * left).sum(axis=1)
        + (terms.saved * short).sum(axis=1)
        - terms.salvage * left[:, -1]
    )
    return FinalOrder(
        order_quantity=(target - start).reshape(outer),
        stock_target=target.reshape(outer),
        cost=cost.reshape(outer),
        shortage=short[:, -1].reshape(outer),
        left_over=left[:, -1].reshape(outer),
        coverage=below[:, -1].reshape(outer),
        on_hand=left.reshape(shape),
    )


def _normal_below(units: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    certain = sd <= 0
    away = (units - mean) / np.where(certain, 1.0, sd)
    return np.asarray(np.where(certain, away >= 0, ndtr(away)))


def _normal_left(units: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    certain = sd <= 0
    away = (units - mean) / np.where(certain, 1.0, sd)
    density = np.exp(-0.5 * away**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.where(certain, np.maximum(away, 0.0), np.maximum(sd * (away * ndtr(away) + density), 0.0)))


def _poisson_left(units: FloatArray, mean: FloatArray) -> FloatArray:
    under, under_less = pdtr(units, mean), np.where(units >= 1, pdtr(np.maximum(units - 1.0, 0.0), mean), 0.0)
    return np.asarray(np.maximum(units * under - mean * under_less, 0.0))
