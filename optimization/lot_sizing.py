"""Whole lots that suppliers accept: packs, minimum orders, and what to order now."""

import math
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray

Rounding = Literal["never above", "nearest", "up"]
LARGEST = 2**53


def lot_size(*, economic_quantity: float, review_demand: float, moq: int = 1, pack_size: int = 1) -> int:
    """Replenishment lot of one SKU: whole packs near the economic quantity.

    The multiple of pack_size nearest to economic_quantity (the upper of two equally near, since a lot too
    large costs less than one too small by as much), but at least moq and at least the demand of a review
    period, so that one order per review keeps up.

    Args:
        economic_quantity: Units, ≥ 0, as `economic_order_quantity` gives it.
        review_demand: Units demanded between two chances to order, ≥ 0.
        moq: Smallest quantity the supplier accepts, units, ≥ 0.
        pack_size: Units per pack, ≥ 1.

    Returns:
        Units, a positive multiple of pack_size.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> lot_size(economic_quantity=47.0, review_demand=10.0, moq=24, pack_size=12)
    48
    """
    _check_pack(moq=moq, pack_size=pack_size)
    for name, value in (("economic_quantity", economic_quantity), ("review_demand", review_demand)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and not negative, got {value}")
    nearest = math.floor(Fraction(economic_quantity) / pack_size + Fraction(1, 2))
    least = max(_packs_for(moq, pack_size), _packs_for(math.ceil(review_demand), pack_size), 1)
    return max(nearest, least) * pack_size


def order_quantity_to(
    order_up_to_level: int,
    inventory_position: int,
    *,
    reorder_point: int,
    moq: int = 1,
    pack_size: int = 1,
    rounding: Rounding = "up",
) -> int:
    """What to order now so that the inventory position reaches the order-up-to level.

    Nothing while the position is above reorder_point, else the missing quantity in packs, rounded as
    `rounded_quantity` says. At the reorder point itself it is time to order. By default the result is the smallest
    multiple of pack_size that is at least the missing quantity and at least moq.

    Returns:
        Units; 0 also where nothing is missing, and where rounding "never above" leaves no lot that fits.

    Raises:
        ValueError: moq negative, pack_size below 1, a level below the reorder point, or another rounding.

    >>> order_quantity_to(120, 35, reorder_point=40, moq=24, pack_size=12)
    96
    >>> order_quantity_to(120, 35, reorder_point=40, moq=24, pack_size=12, rounding="never above")
    84
    """
    _check_rounding(rounding)
    _check_pack(moq=moq, pack_size=pack_size)
    if order_up_to_level < reorder_point:
        raise ValueError(f"order_up_to_level must be at least reorder_point {reorder_point}, got {order_up_to_level}")
    missing = order_up_to_level - inventory_position
    if inventory_position > reorder_point or missing <= 0:
        return 0
    return int(rounded_quantity(missing, moq=moq, pack_size=pack_size, rounding=rounding))


def rounded_quantity(
    quantity: ArrayLike,
    *,
    moq: ArrayLike = 0,
    pack_size: ArrayLike = 1,
    maximum_quantity: ArrayLike = np.inf,
    rounding: Rounding,
) -> IntArray:
    """Quantities that suppliers accept, near those wanted, by a rule that is chosen and not implied.

        "up"           the smallest multiple of the pack that is at least the quantity and at least moq
        "nearest"      the nearest multiple, the upper of two equally near, but at least moq
        "never above"  the largest multiple that is not above the quantity; nothing where that is below moq

    Nothing wanted is nothing ordered. maximum_quantity (a full shelf, a supplier's limit) holds for each rule: the
    largest multiple up to it is ordered instead, and nothing where that is below moq.

    Args:
        quantity: Units wanted, ≥ 0; shapes broadcast.
        moq: Smallest quantity accepted, units, ≥ 0.
        pack_size: Units per pack, whole, ≥ 1.
        maximum_quantity: Most units allowed, ≥ 0.
        rounding: The rule.

    Raises:
        ValueError: NaN or out of range, with the place in the broadcast shape, or another rule.

    >>> [int(rounded_quantity(31, pack_size=12, rounding=rule)) for rule in ("never above", "nearest", "up")]
    [24, 36, 36]
    """
    _check_rounding(rounding)
    wanted, least, pack, most = np.broadcast_arrays(
        *(np.asarray(one, dtype=np.float64) for one in (quantity, moq, pack_size, maximum_quantity))
    )
    _check_range("quantity", wanted, (wanted >= 0) & (wanted <= LARGEST), "at least 0 and finite")
    _check_range("moq", least, (least >= 0) & (least <= LARGEST), "at least 0 and finite")
    whole = (pack >= 1) & (pack <= LARGEST) & (pack == np.floor(pack))
    _check_range("pack_size", pack, whole, "a whole number of at least 1")
    _check_range("maximum_quantity", most, most >= 0, "at least 0")
    below = np.floor(wanted / pack)
    if rounding == "never above":
        packs = below
    elif rounding == "up":
        packs = np.ceil(wanted / pack)
    else:
        packs = below + (2 * (wanted - below * pack) >= pack)
    fewest = np.ceil(least / pack)
    if rounding != "never above":
        packs = np.maximum(packs, fewest)
    packs = np.minimum(packs, np.floor(np.minimum(most, LARGEST) / pack))
    packs = np.where((wanted > 0) & (packs >= fewest), packs, 0.0)
    return np.asarray(packs * pack, dtype=np.int64)


def _check_range(name: str, given: FloatArray, accepted: BoolArray, wanted: str) -> None:
    refused = np.argwhere(~accepted)
    if len(refused):
        place = tuple(int(axis) for axis in refused[0])
        where = f" of SKU {place[0]}" if len(place) == 1 else f" at {place}" if place else ""
        raise ValueError(f"{name}{where} must be {wanted}, got {given[place]:g}")


def _check_rounding(rounding: str) -> None:
    if rounding not in ("never above", "nearest", "up"):
        raise ValueError(f'rounding must be "never above", "nearest" or "up", got {rounding!r}')


def _packs_for(quantity: int, pack_size: int) -> int:
    return -(-quantity // pack_size)


def _check_pack(*, moq: int, pack_size: int) -> None:
    if moq < 0:
        raise ValueError(f"moq must not be negative, got {moq}")
    if pack_size < 1:
        raise ValueError(f"pack_size must be at least 1, got {pack_size}")
