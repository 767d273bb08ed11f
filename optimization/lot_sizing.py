"""Whole lots that suppliers accept: packs, minimum orders, and what to order now."""

import math
from fractions import Fraction


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
) -> int:
    """What to order now so that the inventory position reaches the order-up-to level.

    Nothing while the position is above reorder_point, else the smallest multiple of pack_size that is
    at least the missing quantity and at least moq. At the reorder point itself it is time to order.

    Returns:
        Units; 0 also where nothing is missing.

    Raises:
        ValueError: moq negative, pack_size below 1, or a level below the reorder point.

    >>> order_quantity_to(120, 35, reorder_point=40, moq=24, pack_size=12)
    96
    """
    _check_pack(moq=moq, pack_size=pack_size)
    if order_up_to_level < reorder_point:
        raise ValueError(f"order_up_to_level must be at least reorder_point {reorder_point}, got {order_up_to_level}")
    missing = order_up_to_level - inventory_position
    if inventory_position > reorder_point or missing <= 0:
        return 0
    return _packs_for(max(missing, moq), pack_size) * pack_size


def _packs_for(quantity: int, pack_size: int) -> int:
    return -(-quantity // pack_size)


def _check_pack(*, moq: int, pack_size: int) -> None:
    if moq < 0:
        raise ValueError(f"moq must not be negative, got {moq}")
    if pack_size < 1:
        raise ValueError(f"pack_size must be at least 1, got {pack_size}")
