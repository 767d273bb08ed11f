"""What may be demanded: one frozen object per distribution, with one figure per SKU in each field.

A distribution answers what the stock models ask: its `mean` and `sd`, `cumulative(x)` = P(X ≤ x), `exceedance(x)` =
P(X > x), `losses(x)`, the `fractile` that balances two costs, and its total `over` several periods. Fields and
questions broadcast: fields of shape (sku,) and a level of shape (sku,) give answers of shape (sku,). A distribution
of `whole` units has whole levels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray
from optimization.figures import figures, require
from optimization.loss import Loss

Reached = Callable[[FloatArray], NDArray[np.bool_]]

# Two costs that balance to within rounding leave both neighbouring levels equally good: the lower one is taken.
TIE = 1e-12
DOUBLINGS = 2000
HALVINGS = 2100


class Demand(ABC):
    """Demand of one period, of a lead time, or of any other span, per SKU."""

    whole: ClassVar[bool] = False

    @property
    @abstractmethod
    def mean(self) -> FloatArray:
        """Units."""

    @property
    @abstractmethod
    def variance(self) -> FloatArray:
        """Units squared."""

    @property
    def sd(self) -> FloatArray:
        """Units."""
        return np.asarray(np.sqrt(self.variance))

    @property
    def lowest(self) -> FloatArray:
        """Smallest demand there can be."""
        return np.zeros(self.mean.shape)

    @property
    def highest(self) -> FloatArray:
        """Largest demand there can be; infinity where there is no limit."""
        return np.where(self.variance > 0, np.inf, self.mean)

    @abstractmethod
    def exceedance(self, x: ArrayLike) -> FloatArray:
        """P(X > x)."""

    @abstractmethod
    def cumulative(self, x: ArrayLike) -> FloatArray:
        """P(X ≤ x)."""

    @abstractmethod
    def losses(self, x: ArrayLike) -> Loss:
        """Expected units short of demand, and left over, with x in stock."""

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> "Demand":
        """Total demand of this many periods, independent of one another; see the distribution for `periods_sd`.

        Raises:
            ValueError: NaN, infinite or negative, or a distribution whose totals have no closed form.
        """
        span, span_sd = spell(periods, periods_sd)
        if (span == 1).all() and not span_sd.any():
            return self
        raise ValueError(
            f"{type(self).__name__} over periods must be given as a distribution of its own,"
            f" got {periods!r} periods with sd {periods_sd!r}"
        )

    def fractile(self, below: ArrayLike, above: ArrayLike) -> FloatArray:
        """Smallest level x with P(X ≤ x) ≥ below/(below + above).

        `below` is what a unit less than demand costs and `above` what a unit more costs, so that levels far in either
        tail keep their digits. Where nothing is lost below, and under normal demand, `lowest` may be minus infinity.
        """
        under, over = np.asarray(below, dtype=np.float64), np.asarray(above, dtype=np.float64)
        total = np.where(under + over > 0, under + over, 1.0)
        ratio, complement = under / total, over / total
        inside = (ratio > 0) & (complement > 0)
        level = self._level(np.where(inside, ratio, 0.5), np.where(inside, complement, 0.5))
        return np.where(ratio <= 0, self.lowest, np.where(complement <= 0, self.highest, level))

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest level x with P(X ≤ x) ≥ probability.

        Raises:
            ValueError: Outside [0, 1].
        """
        level = figures(probability, "probability", least=0.0, most=1.0)
        return self.fractile(level, 1 - level)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        rare = ratio < complement

        def reached(x: FloatArray) -> NDArray[np.bool_]:
            low, high = self.cumulative(x) >= ratio * (1 - TIE), self.exceedance(x) <= complement * (1 + TIE)
            return np.where(rare, low, high)

        return smallest_level(reached, around=self.mean, step=self.sd, whole=self.whole)


def smallest_level(reached: Reached, *, around: ArrayLike, step: ArrayLike, whole: bool) -> FloatArray:
    """Smallest level per SKU at which `reached` is true, as it is at every higher level and at no lower one.

    Looks outwards from `around` by doubled steps, then halves the gap: to one unit where levels are whole, else to
    the last digit. A SKU's answer does not depend on the others.

    Raises:
        ValueError: No level is enough, or none is too low.
    """
    centre, stride = np.broadcast_arrays(np.asarray(around, np.float64), np.asarray(step, np.float64))
    centre = np.floor(centre) if whole else centre
    centre = np.broadcast_to(centre, np.broadcast_shapes(centre.shape, np.shape(reached(centre))))
    least = np.ones(()) if whole else np.maximum(np.abs(centre) * 1e-6, 1e-6)
    stride = np.broadcast_to(np.maximum(np.ceil(stride) if whole else stride, least), centre.shape)
    high = _outwards(reached, centre, stride, until=True)
    low = _outwards(reached, centre, -stride, until=False)
    low, high = np.where(reached(centre), low, centre), np.where(reached(centre), centre, high)
    for _ in range(HALVINGS):
        middle = np.floor(low + (high - low) / 2) if whole else low + (high - low) / 2
        inside = (middle > low) & (middle < high)
        if not inside.any():
            break
        enough = reached(middle)
        high = np.where(inside & enough, middle, high)
        low = np.where(inside & ~enough, middle, low)
    return high


def _outwards(reached: Reached, centre: FloatArray, stride: FloatArray, *, until: bool) -> FloatArray:
    level = centre
    for doubling in range(DOUBLINGS):
        there = reached(level) == until
        if there.all():
            return level
        level = np.where(there, level, centre + stride * 2.0 ** min(doubling, 1000))
        require(there | np.isfinite(level), "a finite level must reach the target", level)
    raise ValueError(f"a finite level must reach the target, got none within {DOUBLINGS} steps")


def short_after(demand: Demand, level: FloatArray, periods: ArrayLike, periods_sd: ArrayLike) -> FloatArray:
    """Expected units short after this many periods, with the level in stock at their start."""
    if not np.any(periods) and not np.any(periods_sd):
        return np.asarray(np.maximum(-level, 0.0))
    return demand.over(periods, periods_sd).losses(level).loss


def spell(periods: ArrayLike, periods_sd: ArrayLike) -> tuple[FloatArray, FloatArray]:
    return figures(periods, "periods", least=0.0), figures(periods_sd, "periods_sd", least=0.0)


def total_variance(mean: FloatArray, variance: FloatArray, periods: FloatArray, periods_sd: FloatArray) -> FloatArray:
    """Variance of a random number of independent demands: L σ² + μ² σ_L²."""
    total: FloatArray = np.asarray(periods * variance + (mean * periods_sd) ** 2)
    return total


@dataclass(frozen=True)
class MeanAndSdDemand(Demand):
    demand_mean: ArrayLike
    demand_sd: ArrayLike

    @property
    def mean(self) -> FloatArray:
        return np.broadcast_arrays(np.asarray(self.demand_mean, np.float64), np.asarray(self.demand_sd))[0]

    @property
    def variance(self) -> FloatArray:
        return np.broadcast_arrays(np.asarray(self.demand_sd, np.float64) ** 2, np.asarray(self.demand_mean))[0]

    @property
    def sd(self) -> FloatArray:
        return np.broadcast_arrays(np.asarray(self.demand_sd, np.float64), np.asarray(self.demand_mean))[0]

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> Self:
        """Total of `periods` periods; where their number varies, the same kind of distribution with the total's
        mean L·μ and variance L·σ² + μ²·σ_L²."""
        span, span_sd = spell(periods, periods_sd)
        variance = total_variance(self.mean, self.variance, span, span_sd)
        return type(self)(np.asarray(span * self.mean), np.asarray(np.sqrt(variance)))

    def _refuse_spread_without_mean(self) -> None:
        mean, sd = self.mean, self.sd
        require((mean > 0) | (sd == 0), "demand_sd must be 0 where demand_mean is 0", sd)
