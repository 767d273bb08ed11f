"""Limits that SKUs share, and what each comes to, in the planner's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray
from optimization.segments import FILL, HOLD, LEVEL

Measure = Literal["fill rate", "stock", "order-up-to level"]
MEASURES: dict[Measure, int] = {"fill rate": FILL, "stock": HOLD, "order-up-to level": LEVEL}
REACHED = 1e-9


@dataclass(frozen=True, eq=False)
class Limit:
    """A limit on what a set of SKUs comes to together. SKUs outside the set have weight 0.

    Attributes:
        name: What planners call it: "budget", "space at EAST", "fill rate of class A", "minimum of ACME".
        measure: What is summed: the share of demand met (weights are demand per period, by revenue, units or
            lines), average stock on hand (weights are money or m³ per unit), or order-up-to levels (weights as for
            stock: a supplier's minimum is one on the value of the levels, since those are what is bought up to).
        weight: ≥ 0, one number or shape (sku,).
        at_least: None = no lower limit; not for "stock", which is never asked to be large.
        at_most: None = no upper limit; not for "fill rate".
        unit: Of the sum, such as "EUR" or "m³".
    """

    name: str
    measure: Measure
    weight: ArrayLike
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def checked_weight(self, skus: int) -> FloatArray:
        """The weights, one per SKU.

        Raises:
            ValueError: A measure, limit or weight that cannot be, by the limit's name.
        """
        if self.measure not in MEASURES:
            raise ValueError(f"measure of limit {self.name} must be one of {', '.join(MEASURES)}, got {self.measure}")
        weight = np.asarray(self.weight, dtype=np.float64)
        if weight.shape not in ((), (skus,)):
            raise ValueError(
                f"weight of limit {self.name} must be one number or one per SKU ({skus}), got shape {weight.shape}"
            )
        if not (np.isfinite(weight) & (weight >= 0)).all():
            wrong = weight[~(np.isfinite(weight) & (weight >= 0))].flat[0]
            raise ValueError(f"weight of limit {self.name} must be finite and not negative, got {wrong}")
        for side, limit in (("at_least", self.at_least), ("at_most", self.at_most)):
            if limit is not None and not np.isfinite(limit):
                raise ValueError(f"{side} of limit {self.name} must be finite, got {limit}")
        if self.measure == "stock" and self.at_least is not None:
            raise ValueError(f"limit {self.name} on stock must be at_most, got at_least {self.at_least}")
        if self.measure == "fill rate" and self.at_most is not None:
            raise ValueError(f"limit {self.name} on fill rate must be at_least, got at_most {self.at_most}")
        if self.measure == "fill rate" and self.at_least is not None and not 0 < self.at_least < 1:
            raise ValueError(f"limit {self.name} on fill rate must lie strictly between 0 and 1, got {self.at_least}")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"limit {self.name} must not ask for more than it allows, "
                f"got at_least {self.at_least} and at_most {self.at_most}"
            )
        return np.asarray(np.broadcast_to(weight, (skus,)))


@dataclass(frozen=True)
class LimitOutcome:
    """What a limit came to.

    Attributes:
        name, measure, unit, at_least, at_most: As asked.
        reached: The sum in the answer, after rounding.
        price: Change of the objective per unit by which the limit rises: above 0 where a lower limit costs, below 0
            where an upper limit does, 0 where neither binds.
        objective: What the price is in, such as "holding cost per period".
    """

    name: str
    measure: Measure
    unit: str
    at_least: float | None
    at_most: float | None
    reached: float
    price: float
    objective: str

    @property
    def binds(self) -> bool:
        """Whether the answer would be better without it."""
        return self.price != 0

    def sentence(self) -> str:
        """What the limit costs, or how far from it the answer is, in words."""
        if self.measure == "fill rate":
            return self._of_fill_rate()
        unit = f" {self.unit}" if self.unit else ""
        if self.price < 0:
            step, size = _step(self.unit)
            gain = -self.price * size
            return f"{self.name}: {step} more would be worth {_amount(self.objective, gain)}."
        if self.price > 0:
            step, size = _step(self.unit)
            return f"{self.name}: the last {step} of its minimum cost {_amount(self.objective, self.price * size)}."
        if self.at_most is not None:
            return f"{self.name}: {_plain(self.at_most - self.reached)}{unit} of {_plain(self.at_most)} are left over."
        least = _plain(self.at_least or 0)
        return f"{self.name}: {_plain(self.reached)}{unit} lie above the minimum of {least} by themselves."

    def _of_fill_rate(self) -> str:
        if self.price > 0:
            return (
                f"{self.name}: one more point than {self.at_least or 0:.1%} would cost "
                f"{_amount(self.objective, self.price / 100)}."
            )
        return f"{self.name}: {self.reached:.1%} is above the {self.at_least or 0:.1%} asked for by itself."


def _step(unit: str) -> tuple[str, float]:
    """A planner's step of a unit: 1,000 of money, one of anything else."""
    if len(unit) == 3 and unit.isupper():
        return f"1,000 {unit}", 1000.0
    return (f"1 {unit}" if unit else "one unit"), 1.0


def _plain(figure: float) -> str:
    """Whole where it is large, else to three figures."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:,.3g}"


def _amount(objective: str, figure: float) -> str:
    if objective == "fill rate":
        return f"{figure * 100:,.3g} points of fill rate"
    return f"{figure:,.4g} of {objective}"
