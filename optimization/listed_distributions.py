"""Demand known by values, samples, quantiles, a mixture of distributions, or the caller's own functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from optimization import loss
from optimization.arrays import FloatArray
from optimization.demand_distributions import TIE, Demand, spell
from optimization.figures import figures
from optimization.loss import Loss


@dataclass(frozen=True)
class DiscreteDemand(Demand):
    """Demand with a given list of values and their probabilities.

    Attributes:
        values: Units, shape (value,) or (sku, value), in any order.
        probabilities: Of the values, shape (value,) or (sku, value).

    Raises:
        ValueError: NaN or infinite, a negative probability, or a sum other than 1.

    >>> DiscreteDemand([1, 2, 3], [0.25, 0.5, 0.25]).quantile(0.75)
    array(2.)
    """

    values: ArrayLike
    probabilities: ArrayLike

    def __post_init__(self) -> None:
        values, probabilities = np.broadcast_arrays(*loss.discrete(self.values, self.probabilities))
        order = np.argsort(values, axis=-1, kind="stable")
        object.__setattr__(self, "values", np.take_along_axis(values, order, axis=-1))
        object.__setattr__(self, "probabilities", np.take_along_axis(probabilities, order, axis=-1))

    @classmethod
    def from_samples(cls, samples: ArrayLike) -> Self:
        """Demand known by equally likely samples, shape (sample,) or (sku, sample).

        Raises:
            ValueError: NaN or infinite, or no sample.
        """
        drawn = figures(samples, "samples")
        if drawn.ndim == 0 or drawn.shape[-1] == 0:
            raise ValueError(f"samples must have at least one sample per SKU, got shape {drawn.shape}")
        return cls(drawn, np.full(drawn.shape[-1], 1 / drawn.shape[-1]))

    @property
    def mean(self) -> FloatArray:
        return np.asarray((self._values * self._probabilities).sum(axis=-1))

    @property
    def variance(self) -> FloatArray:
        return np.asarray(((self._values - self.mean[..., None]) ** 2 * self._probabilities).sum(axis=-1))

    @property
    def lowest(self) -> FloatArray:
        return np.asarray(np.where(self._probabilities > 0, self._values, np.inf).min(axis=-1))

    @property
    def highest(self) -> FloatArray:
        return np.asarray(np.where(self._probabilities > 0, self._values, -np.inf).max(axis=-1))

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> "DiscreteDemand":
        """Total of a whole number of periods, the same for all SKUs, of one SKU's whole-number demand.

        Raises:
            ValueError: Another number of periods, periods_sd other than 0, or values that are not whole or differ
                by SKU.
        """
        span, span_sd = spell(periods, periods_sd)
        if span.ndim or span != np.floor(span) or span_sd.any():
            raise ValueError(
                f"periods must be one whole number under discrete demand, got {periods!r} (sd {periods_sd!r})"
            )
        if self._values.ndim != 1 or (self._values != np.floor(self._values)).any():
            raise ValueError("values must be whole and of one SKU to be added up over periods")
        low = self._values[0]
        one = np.bincount((self._values - low).astype(np.int64), weights=self._probabilities)
        total = np.ones(1)
        for _ in range(int(span)):
            total = np.convolve(total, one)
        return DiscreteDemand(low * span + np.arange(len(total)), total / total.sum())

    def exceedance(self, x: ArrayLike) -> FloatArray:
        above = self._values > np.asarray(x, np.float64)[..., None]
        return np.asarray((above * self._probabilities).sum(axis=-1))

    def cumulative(self, x: ArrayLike) -> FloatArray:
        within = self._values <= np.asarray(x, np.float64)[..., None]
        return np.asarray((within * self._probabilities).sum(axis=-1))

    def losses(self, x: ArrayLike) -> Loss:
        return loss.discrete_loss(x, values=self._values, probabilities=self._probabilities)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        within = np.cumsum(self._probabilities, axis=-1)
        beyond = np.cumsum(self._probabilities[..., ::-1], axis=-1)[..., ::-1]
        beyond = np.concatenate([beyond[..., 1:], np.zeros_like(beyond[..., :1])], axis=-1)
        low, high = ratio[..., None], complement[..., None]
        reached = np.where(low < high, within >= low * (1 - TIE), beyond <= high * (1 + TIE))
        levels = np.where(reached, self._values, np.inf).min(axis=-1)
        return np.asarray(np.maximum(levels, self.lowest))

    @property
    def _values(self) -> FloatArray:
        return np.asarray(self.values)

    @property
    def _probabilities(self) -> FloatArray:
        return np.asarray(self.probabilities)


@dataclass(frozen=True)
class QuantileDemand(Demand):
    """Demand known by some of its quantiles, and taken as uniform between neighbouring ones.

    What lies below the lowest level counts as the lowest quantile, and what lies above the highest level as the
    highest: a forecast's highest level should lie beyond the service that is asked for.

    Attributes:
        levels: Probabilities, rising within [0, 1], shape (level,).
        quantiles: Units, never falling along a row, shape (level,) or (sku, level).

    Raises:
        ValueError: Levels or quantiles that are not as said.

    >>> QuantileDemand([0.1, 0.5, 0.9], [2.0, 6.0, 14.0]).quantile(0.8)
    array(12.)
    """

    levels: ArrayLike
    quantiles: ArrayLike

    def __post_init__(self) -> None:
        levels, quantiles = loss.quantile_table(self.levels, self.quantiles)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "quantiles", quantiles)

    @property
    def mean(self) -> FloatArray:
        return self.losses(self.lowest).loss + self.lowest

    @property
    def variance(self) -> FloatArray:
        levels, away = self._levels, self._quantiles - self.mean[..., None]
        low, high = away[..., :-1], away[..., 1:]
        between = (np.diff(levels) * (low**2 + low * high + high**2) / 3).sum(axis=-1)
        return np.asarray(between + levels[0] * away[..., 0] ** 2 + (1 - levels[-1]) * away[..., -1] ** 2)

    @property
    def lowest(self) -> FloatArray:
        return np.asarray(self._quantiles[..., 0])

    @property
    def highest(self) -> FloatArray:
        return np.asarray(self._quantiles[..., -1])

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return 1 - self.cumulative(x)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        levels, level = self._levels, np.asarray(x, np.float64)[..., None]
        low, high = self._quantiles[..., :-1], self._quantiles[..., 1:]
        share = np.where(high > low, (level - low) / np.where(high > low, high - low, 1.0), level >= low)
        within = levels[0] * (level[..., 0] >= self.lowest) + (1 - levels[-1]) * (level[..., 0] >= self.highest)
        return np.asarray(within + (np.diff(levels) * np.clip(share, 0.0, 1.0)).sum(axis=-1))

    def losses(self, x: ArrayLike) -> Loss:
        return loss.quantile_loss(x, levels=self._levels, quantiles=self._quantiles)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        levels = self._levels
        if len(levels) == 1:
            return np.broadcast_to(self.lowest, np.broadcast_shapes(self.lowest.shape, ratio.shape))
        wanted = np.where(ratio < complement, ratio, 1 - complement)
        place = np.clip(np.searchsorted(levels, wanted) - 1, 0, len(levels) - 2)
        share = np.clip((wanted - levels[place]) / (levels[place + 1] - levels[place]), 0.0, 1.0)
        rows, place = np.broadcast_arrays(self._quantiles[..., 0], place)
        table = np.broadcast_to(self._quantiles, (*rows.shape, len(levels)))
        low = np.take_along_axis(table, place[..., None], axis=-1)[..., 0]
        high = np.take_along_axis(table, place[..., None] + 1, axis=-1)[..., 0]
        return np.asarray(low + (high - low) * share)

    @property
    def _levels(self) -> FloatArray:
        return np.asarray(self.levels)

    @property
    def _quantiles(self) -> FloatArray:
        return np.asarray(self.quantiles)


@dataclass(frozen=True)
class MixedDemand(Demand):
    """Demand that follows one of several distributions, each with its weight.

    So a lead time of 2, 3 or 5 periods, with their probabilities, is exact:
    `MixedDemand([demand.over(n) for n in (2, 3, 5)], probabilities)`.

    Attributes:
        parts: Distributions over the same SKUs.
        weights: Their probabilities, shape (part,).

    Raises:
        ValueError: Not as many weights as parts, a negative one, a sum other than 1, or whole parts with others.

    >>> from optimization.count_distributions import PoissonDemand
    >>> demand = PoissonDemand(4.0)
    >>> MixedDemand([demand.over(1), demand.over(3)], [0.5, 0.5]).quantile(0.95)
    array(17.)
    """

    parts: Sequence[Demand]
    weights: ArrayLike

    def __post_init__(self) -> None:
        _, weights = loss.discrete(np.arange(float(len(self.parts))), self.weights)
        if weights.ndim != 1 or len({part.whole for part in self.parts}) != 1:
            raise ValueError("parts must all be of whole units, or none, with one weight each")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "whole", self.parts[0].whole)

    @property
    def mean(self) -> FloatArray:
        return self._sum([part.mean for part in self.parts])

    @property
    def variance(self) -> FloatArray:
        mean = self.mean
        return self._sum([part.variance + (part.mean - mean) ** 2 for part in self.parts])

    @property
    def lowest(self) -> FloatArray:
        return np.asarray(np.min(np.stack(np.broadcast_arrays(*(part.lowest for part in self.parts))), axis=0))

    @property
    def highest(self) -> FloatArray:
        return np.asarray(np.max(np.stack(np.broadcast_arrays(*(part.highest for part in self.parts))), axis=0))

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return self._sum([part.exceedance(x) for part in self.parts])

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return self._sum([part.cumulative(x) for part in self.parts])

    def losses(self, x: ArrayLike) -> Loss:
        losses = [part.losses(x) for part in self.parts]
        return Loss(self._sum([one.loss for one in losses]), self._sum([one.complementary_loss for one in losses]))

    def _sum(self, terms: Sequence[FloatArray]) -> FloatArray:
        total = np.zeros(())
        for weight, term in zip(np.asarray(self.weights), terms, strict=True):
            total = total + weight * term
        return np.asarray(total)


@dataclass(frozen=True)
class GivenDemand(Demand):
    """Demand whose functions the caller knows, say from another library.

    Attributes:
        demand_mean, demand_sd: Units.
        cumulative_function: P(X ≤ x) of an array of levels.
        loss_function: E[(X − x)⁺] of an array of levels.
        quantile_function: The level of an array of probabilities; where it is left out, it is searched for.

    >>> from scipy import special
    >>> exponential = GivenDemand(10.0, 10.0, lambda x: -np.expm1(-x / 10), lambda x: 10 * np.exp(-x / 10))
    >>> exponential.quantile(0.5).round(4)
    np.float64(6.9315)
    """

    demand_mean: ArrayLike
    demand_sd: ArrayLike
    cumulative_function: Callable[[FloatArray], ArrayLike]
    loss_function: Callable[[FloatArray], ArrayLike]
    quantile_function: Callable[[FloatArray], ArrayLike] | None = None

    def __post_init__(self) -> None:
        figures(self.demand_mean, "demand_mean")
        figures(self.demand_sd, "demand_sd", least=0.0)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(self.demand_mean, np.float64)

    @property
    def variance(self) -> FloatArray:
        return np.asarray(np.asarray(self.demand_sd, np.float64) ** 2)

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return 1 - self.cumulative(x)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return np.asarray(self.cumulative_function(np.asarray(x, np.float64)), np.float64)

    def losses(self, x: ArrayLike) -> Loss:
        level = np.asarray(x, np.float64)
        short = np.asarray(self.loss_function(level), np.float64)
        return Loss(short, np.asarray(np.maximum(short - self.mean + level, 0.0)))

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        if self.quantile_function is None:
            return super()._level(ratio, complement)
        return np.asarray(self.quantile_function(ratio), np.float64)
