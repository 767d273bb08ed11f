"""What is raised where limits contradict each other."""

from __future__ import annotations


class Infeasible(Exception):
    """No reorder points satisfy everything asked.

    Attributes:
        conflict: What cannot be had together, and the least changes that would settle it, in words.
        limits: Names of the limits that contradict each other; none of them can be left out of the quarrel.
        changes: For each of these that can settle it alone, its name and where it would have to be.
        best_fill_rate: Highest aggregate fill rate that all other limits allow (without any, that the quantiles
            given can vouch for); None where the others cannot be kept either.
        smallest_budget: Least average stock value at cost that meets all else; None where no budget does.
    """

    def __init__(
        self,
        conflict: str,
        *,
        best_fill_rate: float | None,
        smallest_budget: float | None,
        limits: tuple[str, ...] = (),
        changes: tuple[tuple[str, float], ...] = (),
    ) -> None:
        super().__init__(conflict)
        self.conflict = conflict
        self.limits, self.changes = limits, changes
        self.best_fill_rate = best_fill_rate
        self.smallest_budget = smallest_budget
