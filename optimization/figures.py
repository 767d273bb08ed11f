"""Checks of figures whose shapes broadcast, naming the one that is refused."""

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray


def figures(
    value: ArrayLike,
    name: str,
    *,
    least: float = -np.inf,
    most: float = np.inf,
    exclude_least: bool = False,
    exclude_most: bool = False,
) -> FloatArray:
    """Finite floats within the range asked for, in the shape they came in.

    Raises:
        ValueError: A figure that is NaN, infinite or out of range; says which, where there are several.

    >>> figures([1.0, -2.0], "holding_cost", least=0.0)
    Traceback (most recent call last):
    ValueError: holding_cost must be at least 0 and finite, got -2.0 (index 1)
    """
    given = np.asarray(value, dtype=np.float64)
    above = given > least if exclude_least else given >= least
    below = given < most if exclude_most else given <= most
    low = "" if np.isinf(least) else f"{'more than' if exclude_least else 'at least'} {least:g} and "
    high = "" if np.isinf(most) else f"{'less than' if exclude_most else 'at most'} {most:g} and "
    require(np.isfinite(given) & above & below, f"{name} must be {low}{high}finite", given)
    return given


def require(accepted: np.ndarray, rule: str, given: ArrayLike) -> None:
    """Refuse with `rule`, what came and, where there are several, its index.

    Raises:
        ValueError: Not all are accepted.
    """
    accepted = np.asarray(accepted)
    if accepted.all():
        return
    place = tuple(int(i) for i in np.argwhere(~accepted)[0])
    came = np.broadcast_to(np.asarray(given), accepted.shape)[place]
    where = f" (index {place[0] if len(place) == 1 else place})" if place else ""
    raise ValueError(f"{rule}, got {came}{where}")
