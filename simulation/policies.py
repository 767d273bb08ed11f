"""Rules that say when and how much to reorder."""

from dataclasses import dataclass

import numpy as np

from simulation.arrays import MOST_UNITS, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class ReorderPolicy:
    """Periodic review (R, s, S): at or below the reorder point, order up to a level.

    On a review day a SKU whose inventory position (on hand + on order − backordered) is at or below its
    reorder point, and below its order-up-to level, is ordered: the missing units or the smallest order,
    whichever is more, rounded up to whole packs.

    Attributes:
        name: What reports call the policy.
        reorder_point: s, units, shape (sku,). Negative: reorder only once that much is backordered.
        order_up_to_level: S, units, at least s, shape (sku,). S − 1 as the reorder point makes a base stock.

    Raises:
        ValueError: not whole numbers, shapes that differ, or a level below its reorder point.
    """

    name: str
    reorder_point: IntArray
    order_up_to_level: IntArray

    def __post_init__(self) -> None:
        for field in ("reorder_point", "order_up_to_level"):
            object.__setattr__(self, field, self._checked(field))
        if self.reorder_point.shape != self.order_up_to_level.shape:
            raise ValueError(
                f"policy {self.name}: reorder_point and order_up_to_level must have one shape, "
                f"got {self.reorder_point.shape} and {self.order_up_to_level.shape}"
            )
        below = np.flatnonzero(self.order_up_to_level < self.reorder_point)
        if below.size:
            at = below[0]
            raise ValueError(
                f"policy {self.name}: order_up_to_level must be at least reorder_point, "
                f"got {self.order_up_to_level[at]} and {self.reorder_point[at]} at position {at}"
            )

    def subset(self, positions: IntArray) -> "ReorderPolicy":
        """The policy of the SKUs at some positions, in that order."""
        return ReorderPolicy(self.name, self.reorder_point[positions], self.order_up_to_level[positions])

    def _checked(self, field: str) -> IntArray:
        given = np.asarray(getattr(self, field))
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise ValueError(
                f"policy {self.name}: {field} must hold whole numbers of shape (sku,), "
                f"got dtype {given.dtype} of shape {given.shape}"
            )
        wrong = np.flatnonzero((given < -MOST_UNITS) | (given > MOST_UNITS))
        if wrong.size:
            raise ValueError(
                f"policy {self.name}: {field} must lie between {-MOST_UNITS} and {MOST_UNITS}, "
                f"got {given[wrong[0]]} at position {wrong[0]}"
            )
        units = given.astype(np.int64)
        units.setflags(write=False)
        return units


def cover_policy(name: str, demand_mean_per_day: FloatArray, *, weeks_of_cover: float) -> ReorderPolicy:
    """Weeks of cover, the rule of thumb: at each review top up to so many weeks of mean demand.

    It looks neither at how variable demand is nor at how long supply takes, and so stands as the baseline.

    Args:
        name: What reports call the policy.
        demand_mean_per_day: Units, at least 0, shape (sku,).
        weeks_of_cover: At least 0.

    Returns:
        Order-up-to levels rounded up to whole units, each with a reorder point one unit below.

    Raises:
        ValueError: negative or not finite cover or demand.
    """
    if not (np.isfinite(weeks_of_cover) and weeks_of_cover >= 0):
        raise ValueError(f"weeks_of_cover must be finite and at least 0, got {weeks_of_cover}")
    mean = np.asarray(demand_mean_per_day, dtype=np.float64)
    wrong = np.flatnonzero(~(np.isfinite(mean) & (mean >= 0)))
    if wrong.size:
        at = wrong[0]
        raise ValueError(f"demand_mean_per_day must be finite and at least 0, got {mean[at]} at position {at}")
    # Rounded first: 0.1 a day for 10 weeks is 7 units, not the 8 that binary fractions would make of it.
    level = np.ceil(np.round(mean * 7 * weeks_of_cover, 9)).astype(np.int64)
    return ReorderPolicy(name, reorder_point=level - 1, order_up_to_level=level)
