"""Sharing out what is there when it does not suffice: who gets how many whole units, or whole packs.

Locations, or customers, lie on the last axis and SKUs on the axis before it: shape (location,) or (sku, location),
and () or (sku,) for what a SKU has once. Nothing is lost: what is given and what is left over add up to what was
available. Of two that have an equal claim to the last pack, the earlier gets it.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.figures import figures, require

Number = TypeVar("Number", np.float64, np.int64)

MOST_UNITS = 1e9  # so that the product of two quantities is an exact 64-bit integer
NEARLY_WHOLE = 1e-9


@dataclass(frozen=True)
class StockShares:
    """Attributes:
    quantity: Units for each location, multiples of the pack size, shape (..., location).
    left_over: Units that nobody gets: because all have what they asked for, or less than a pack; shape (...).
    """

    quantity: IntArray
    left_over: IntArray


@dataclass(frozen=True)
class ValuedShares:
    """Attributes:
    quantity: Units for each location, multiples of the pack size, shape (..., location).
    left_over: Units that nobody gets, since no further pack could be sold or less than a pack is left, shape (...).
    expected_value: Value of what the quantities are expected to sell, beyond what on_hand sells, money, shape (...).
    next_value: What one more pack would be expected to sell, money, shape (...).
    """

    quantity: IntArray
    left_over: IntArray
    expected_value: FloatArray
    next_value: FloatArray


def proportional_shares(available: ArrayLike, weight: ArrayLike, *, pack_size: ArrayLike = 1) -> StockShares:
    """Everything, in proportion to weights, in whole packs by largest remainders.

    Each gets the whole packs of its exact share; the packs still missing go to the largest remainders. Nobody is a
    whole pack away from the exact share.

    Args:
        available: Whole units ≥ 0, shape (...).
        weight: Any figures ≥ 0, shape (..., location); where all are 0 nobody gets anything.
        pack_size: Whole units ≥ 1, shape (...).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Hamilton's method of apportionment.

    >>> proportional_shares(100, [1.0, 1.0, 1.0])
    StockShares(quantity=array([34, 33, 33]), left_over=array(0))
    """
    claims = figures(weight, "weight", least=0.0)
    stock, claims, pack = _spread(available, claims, pack_size, "weight")
    total = claims.sum(axis=-1, keepdims=True)
    packs = stock // pack
    exact = np.where(total > 0, claims / np.where(total > 0, total, 1.0) * packs[..., None], 0.0)
    given = np.where(total[..., 0] > 0, packs, 0)
    return _in_packs(_largest_remainders(exact, given), stock, pack)


def fair_shares(available: ArrayLike, requested: ArrayLike, *, pack_size: ArrayLike = 1) -> StockShares:
    """What is asked for where it suffices, else the same part of every request, by largest remainders.

    Args:
        available: Whole units ≥ 0, shape (...).
        requested: Whole units ≥ 0, shape (..., location); counted up to whole packs.
        pack_size: Whole units ≥ 1, shape (...).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    >>> fair_shares(10, [9, 6, 3])
    StockShares(quantity=array([5, 3, 2]), left_over=array(0))
    """
    stock, wanted, pack = _requests(available, requested, pack_size)
    return _in_packs(_fair_packs(stock // pack, wanted), stock, pack)


def priority_shares(
    available: ArrayLike, requested: ArrayLike, priority: ArrayLike, *, pack_size: ArrayLike = 1
) -> StockShares:
    """The lowest priority number first, in full while it lasts; equals share fairly.

    Args:
        available: Whole units ≥ 0, shape (...).
        requested: Whole units ≥ 0, shape (..., location); counted up to whole packs.
        priority: Rank, 1 before 2, shape (..., location).
        pack_size: Whole units ≥ 1, shape (...).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    >>> priority_shares(10, [9, 6, 3], [2, 1, 2])
    StockShares(quantity=array([3, 6, 1]), left_over=array(0))
    """
    stock, wanted, pack = _requests(available, requested, pack_size)
    rank = _fitting(figures(priority, "priority"), wanted.shape, "priority")
    packs, given = stock // pack, np.zeros_like(wanted)
    for one in np.unique(rank):
        given += _fair_packs(packs - given.sum(axis=-1), np.where(rank == one, wanted, 0))
    return _in_packs(given, stock, pack)


def equal_cover_shares(
    available: ArrayLike, on_hand: ArrayLike, demand_rate: ArrayLike, *, pack_size: ArrayLike = 1
) -> StockShares:
    """Everything, so that stock lasts equally long wherever anything is sent, by largest remainders.

    Locations whose own stock lasts longer than that get nothing. So, but for the rounding, the shortest
    cover is as long as can be.

    Args:
        available: Whole units ≥ 0, shape (...).
        on_hand: Units there already, negative where customers wait, shape (..., location).
        demand_rate: Units per period ≥ 0, shape (..., location); who sells nothing gets nothing.
        pack_size: Whole units ≥ 1, shape (...).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    >>> equal_cover_shares(60, [10, 50, 0], [5.0, 5.0, 10.0])
    StockShares(quantity=array([13,  0, 47]), left_over=array(0))
    """
    rate = figures(demand_rate, "demand_rate", least=0.0)
    stock, rate, pack = _spread(available, rate, pack_size, "demand_rate")
    held = _fitting(figures(on_hand, "on_hand"), rate.shape, "on_hand")
    packs = stock // pack
    with np.errstate(divide="ignore", invalid="ignore"):
        cover = np.where(rate > 0, held / rate, np.inf)
        order = np.argsort(cover, axis=-1, kind="stable")
        sorted_held = np.take_along_axis(np.where(rate > 0, held, 0.0), order, axis=-1)
        sorted_rate = np.take_along_axis(rate, order, axis=-1)
        sent = (packs * pack)[..., None].astype(np.float64)
        common = (sent + np.cumsum(sorted_held, axis=-1)) / np.cumsum(sorted_rate, axis=-1)
    lowest = np.fmin.reduce(common, axis=-1, keepdims=True)  # the cover all reach that are sent anything
    anyone = np.asarray((rate > 0).any(axis=-1))
    exact = np.where(rate > 0, np.maximum(np.where(anyone[..., None], lowest, 0.0) * rate - held, 0.0), 0.0)
    total = exact.sum(axis=-1, keepdims=True)
    scaled = np.where(total > 0, exact / np.where(total > 0, total, 1.0) * packs[..., None], 0.0)
    return _in_packs(_largest_remainders(scaled, np.where(anyone & (packs > 0), packs, 0)), stock, pack)


def expected_value_shares(
    available: ArrayLike,
    demand_pmf: ArrayLike,
    *,
    unit_value: ArrayLike = 1.0,
    on_hand: ArrayLike = 0,
    pack_size: ArrayLike = 1,
) -> ValuedShares:
    """Quantities that are expected to sell for most before the next chance to send anything, exact.

    Each pack goes where it is likeliest to sell, weighed by value: the worth of a further pack falls with every pack
    a location has, so that no other way of sharing sells for more.

    Args:
        available: Whole units ≥ 0, shape (...).
        demand_pmf: Probability of 0, 1, 2, … units at each location, ≥ 0, adding up to 1,
            shape (..., location, value).
        unit_value: Money per unit sold, ≥ 0, shape (..., location).
        on_hand: Whole units there already, negative where customers wait, shape (..., location).
        pack_size: Whole units ≥ 1, shape (...).

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Fox, Discrete optimization via marginal analysis, Management Science 13 (1966).

    >>> shares = expected_value_shares(3, [[0.2, 0.5, 0.3], [0.5, 0.0, 0.5]])
    >>> shares.quantity, shares.expected_value
    (array([1, 2]), array(1.8))
    """
    pmf = figures(demand_pmf, "demand_pmf", least=0.0)
    if pmf.ndim < 2 or pmf.shape[-1] == 0:
        raise ValueError(f"demand_pmf must be of shape (location, value) or (sku, location, value), got {pmf.shape}")
    total = pmf.sum(axis=-1)
    require(np.abs(total - 1) <= 1e-9, "demand_pmf must add up to 1", total)
    stock, total, pack = _spread(available, total, pack_size, "demand_pmf")
    value = _fitting(figures(unit_value, "unit_value", least=0.0), total.shape, "unit_value")
    held = _fitting(_whole(on_hand, "on_hand", least=-MOST_UNITS), total.shape, "on_hand")
    shape, locations, values = total.shape[:-1], total.shape[-1], pmf.shape[-1]
    above = np.cumsum(np.broadcast_to(pmf, (*total.shape, values))[..., ::-1], axis=-1)[..., ::-1]
    sells = np.zeros((*total.shape, values))  # the chance that a unit sells: P(D > 0), P(D > 1), …
    sells[..., :-1] = np.minimum(above[..., 1:] / total[..., None], 1.0)
    rows = (-1, locations)
    given, worth, following = _by_marginal_value(
        (stock // pack).reshape(-1),
        sells.reshape(-1, locations, values),
        value.reshape(rows),
        held.reshape(rows),
        pack.reshape(-1),
    )
    shares = _in_packs(given.reshape(total.shape), stock, pack)
    return ValuedShares(shares.quantity, shares.left_over, worth.reshape(shape), following.reshape(shape))


@kernel
def _by_marginal_value(
    packs: IntArray, sells: FloatArray, value: FloatArray, on_hand: IntArray, pack_size: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Packs of each SKU and location, (sku, location); what they sell for, and what the next one would, (sku,)."""
    skus, locations = value.shape
    given = np.zeros((skus, locations), dtype=np.int64)
    worth, following = np.zeros(skus), np.zeros(skus)
    gain = np.zeros(locations)
    for sku in range(skus):
        size = pack_size[sku]
        for location in range(locations):
            gain[location] = _pack_gain(sells[sku, location], value[sku, location], on_hand[sku, location], size)
        for _ in range(packs[sku]):
            best = gain.argmax()
            if gain[best] <= 0.0:
                break
            worth[sku] += gain[best]
            given[sku, best] += 1
            stock = on_hand[sku, best] + given[sku, best] * size
            gain[best] = _pack_gain(sells[sku, best], value[sku, best], stock, size)
        following[sku] = gain.max()
    return given, worth, following


@kernel
def _pack_gain(sells: FloatArray, value: float, stock: int, size: int) -> float:
    """What a pack is expected to sell for, on top of the stock."""
    waiting = min(max(-stock, 0), size)
    expected = float(waiting)
    for unit in range(max(stock, 0), min(stock + size, len(sells))):
        expected += sells[unit]
    return value * expected


def _largest_remainders(exact: FloatArray, packs: IntArray) -> IntArray:
    """Whole packs next to the exact ones, adding up to packs."""
    whole = np.floor(exact + NEARLY_WHOLE)
    return _completed(whole.astype(np.int64), exact - whole, packs)


def _fair_packs(packs: IntArray, wanted: IntArray) -> IntArray:
    """All that is wanted, or the same part of it, in exact integers."""
    total = wanted.sum(axis=-1)
    given = np.minimum(packs, total)
    divisor = np.maximum(total, 1)[..., None]
    product = wanted * given[..., None]
    return _completed(product // divisor, product % divisor, given)


def _completed(whole: IntArray, remainder: FloatArray | IntArray, packs: IntArray) -> IntArray:
    """One more for the largest remainders, so that each row adds up to packs."""
    order = np.argsort(-remainder, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    missing = packs - whole.sum(axis=-1)
    return np.asarray(whole + (rank < missing[..., None]))


def _in_packs(packs: IntArray, stock: IntArray, pack: IntArray) -> StockShares:
    quantity = packs * pack[..., None]
    return StockShares(quantity, np.asarray(stock - quantity.sum(axis=-1)))


def _requests(available: ArrayLike, requested: ArrayLike, pack_size: ArrayLike) -> tuple[IntArray, IntArray, IntArray]:
    """Units available, whole packs wanted, and units per pack."""
    wanted = _whole(requested, "requested", least=0.0)
    stock, wanted, pack = _spread(available, wanted, pack_size, "requested")
    return stock, -(-wanted // pack[..., None]), pack


def _spread(
    available: ArrayLike, claims: NDArray[Number], pack_size: ArrayLike, name: str
) -> tuple[IntArray, NDArray[Number], IntArray]:
    """Available and pack size of shape (...), claims of shape (..., location)."""
    stock, pack = _whole(available, "available", least=0.0), _whole(pack_size, "pack_size", least=1.0)
    if claims.ndim == 0 or claims.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one location on its last axis, got shape {claims.shape}")
    try:
        shape: tuple[int, ...] = np.broadcast_shapes(stock.shape, pack.shape, claims.shape[:-1])
    except ValueError:
        raise ValueError(
            f"available and pack_size must be one number or one per SKU of {name}, got shapes {stock.shape}, "
            f"{pack.shape} and {claims.shape}"
        ) from None
    spread = np.broadcast_to(claims, (*shape, claims.shape[-1]))
    return np.broadcast_to(stock, shape), spread, np.broadcast_to(pack, shape)


def _fitting(given: NDArray[Number], shape: tuple[int, ...], name: str) -> NDArray[Number]:
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must fit the shape {shape} of SKUs and locations, got {given.shape}") from None


def _whole(value: ArrayLike, name: str, *, least: float) -> IntArray:
    given = figures(value, name, least=least, most=MOST_UNITS)
    require(given == np.floor(given), f"{name} must be whole", given)
    return given.astype(np.int64)
