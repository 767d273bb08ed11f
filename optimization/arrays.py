"""Checks that name the SKU whose figure is refused."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def per_sku(
    value: ArrayLike,
    name: str,
    names: Sequence[str],
    *,
    least: float = 0.0,
    most: float = np.inf,
    exclude_least: bool = False,
    exclude_most: bool = False,
) -> FloatArray:
    """One finite float per SKU within the range asked for; a single number counts for all.

    Raises:
        ValueError: A shape other than () or (sku,), or a figure that is NaN, infinite or out of range.
    """
    given = np.asarray(value, dtype=np.float64)
    if given.shape not in ((), (len(names),)):
        raise ValueError(f"{name} must be one number or one per SKU ({len(names)}), got shape {given.shape}")
    figures = np.broadcast_to(given, (len(names),))
    above = figures > least if exclude_least else figures >= least
    below = figures < most if exclude_most else figures <= most
    accepted = np.isfinite(figures) & above & below
    if not accepted.all():
        first = int(np.flatnonzero(~accepted)[0])
        low = f"{'more than' if exclude_least else 'at least'} {least:g}"
        high = "" if np.isinf(most) else f" and {'less than' if exclude_most else 'at most'} {most:g}"
        raise ValueError(f"{name} of {names[first]} must be {low}{high} and finite, got {figures[first]}")
    return figures
