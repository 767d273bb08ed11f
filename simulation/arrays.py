"""Array types of the simulators and the checks made where arrays enter them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MOST_UNITS = 2**28
"""Largest quantity of one SKU. Stock on hand, on order and owed never exceed the sum of four quantities of
this size, so that the simulators may count in 32-bit integers without overflow."""


def whole_numbers(
    name: str, values: npt.ArrayLike, skus: Sequence[str], *, ndim: int, least: int = -MOST_UNITS
) -> IntArray:
    """A read-only copy of integers whose last axis is the SKU.

    Args:
        name: What the numbers are, for the message.
        values: Integers of any width, shape (sku,) or (day, sku).
        skus: Names along the last axis.
        ndim: 1 for (sku,), 2 for (day, sku).
        least: Smallest value allowed; the largest is `MOST_UNITS`.

    Raises:
        ValueError: not integers, another shape, or a value out of range; names the SKU.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got dtype {given.dtype}")
    _check_shape(name, given, skus, ndim)
    wrong = (given < least) | (given > MOST_UNITS)
    if wrong.any():
        at = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise ValueError(f"{_cell(name, skus, at)} must lie between {least} and {MOST_UNITS}, got {given[at]}")
    units = given.astype(np.int64)
    units.setflags(write=False)
    return units


def finite_numbers(name: str, values: npt.ArrayLike, skus: Sequence[str], *, least: float = -np.inf) -> FloatArray:
    """A read-only copy of finite numbers, shape (sku,).

    Raises:
        ValueError: another shape, a value that is not finite or lies below `least`; names the SKU.
    """
    given = np.array(values, dtype=np.float64)
    _check_shape(name, given, skus, 1)
    wrong = ~np.isfinite(given) | (given < least)
    if wrong.any():
        at = np.unravel_index(int(wrong.argmax()), wrong.shape)
        wanted = "finite" if np.isinf(least) else f"finite and at least {least:g}"
        raise ValueError(f"{_cell(name, skus, at)} must be {wanted}, got {given[at]}")
    given.setflags(write=False)
    return given


def _check_shape(name: str, given: npt.NDArray[Any], skus: Sequence[str], ndim: int) -> None:
    if given.ndim != ndim or given.shape[-1] != len(skus):
        wanted = f"({len(skus)},)" if ndim == 1 else f"(days, {len(skus)})"
        raise ValueError(f"{name} must have shape {wanted}, got {given.shape}")


def _cell(name: str, skus: Sequence[str], at: tuple[Any, ...]) -> str:
    day = f" on day {at[0]}" if len(at) == 2 else ""
    return f"{name} of SKU {skus[at[-1]]}{day}"
