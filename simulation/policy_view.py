"""What a policy written in Python is shown, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulation.arrays import MOST_UNITS, IntArray


@dataclass(frozen=True, eq=False)
class PolicyView:
    """Stock points as they stand when their policy looks, columns side by side.

    The interpreter shows one point at a time, the periodic kernel all points of the policy of a review at once; a
    function of columns serves both.

    Attributes:
        sku: Names, one for each point.
        site: Where they lie.
        day: Days since the start, whole at midnight.
        replication: Which future this is.
        on_hand: Units, shape (point,).
        on_order: Units ordered and not yet received, shape (point,).
        backordered: Units that customers, orders and other sites wait for, shape (point,).
        demand_by_day: Units asked for by customers and orders on each whole day before this one, since day 0,
            shape (point, day).
    """

    sku: tuple[str, ...]
    site: tuple[str, ...]
    day: float
    replication: int
    on_hand: IntArray
    on_order: IntArray
    backordered: IntArray
    demand_by_day: IntArray

    @property
    def inventory_position(self) -> IntArray:
        """On hand + on order − backordered, shape (point,)."""
        return np.asarray(self.on_hand + self.on_order - self.backordered)

    def __len__(self) -> int:
        return len(self.sku)


def wanted_units(name: str, function: Callable[..., object], view: PolicyView) -> IntArray:
    """What a policy wants to order for each point it is shown; 0 or less is nothing.

    Args:
        name: Of the policy, for the message.
        function: Takes a `PolicyView`, gives whole numbers, one for each of its points; one number for one point.
        view: What it is shown.

    Raises:
        ValueError: another number of answers, or one that is no whole number of at most 2²⁸.
    """
    answer = np.atleast_1d(np.asarray(function(view)))
    if answer.shape != (len(view),):
        raise ValueError(
            f"policy {name!r} must answer with units for {len(view)} stock points, got shape {answer.shape}"
        )
    if answer.dtype.kind not in "iuf" or not np.all(np.isfinite(answer)) or np.any(answer != np.floor(answer)):
        raise ValueError(f"policy {name!r} must answer with whole units, got {answer.tolist()} on day {view.day:g}")
    if np.any(answer > MOST_UNITS):
        raise ValueError(
            f"policy {name!r} must order at most {MOST_UNITS} units, got {answer.max()} on day {view.day:g}"
        )
    return answer.astype(np.int64)
