"""Demand in whole units: Poisson, negative binomial, binomial and compound Poisson."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization import loss
from optimization.arrays import FloatArray
from optimization.compiled import kernel
from optimization.demand_distributions import TIE, Demand, MeanAndSdDemand, spell, total_variance
from optimization.figures import figures, require
from optimization.listed_distributions import DiscreteDemand
from optimization.loss import Loss


@dataclass(frozen=True)
class PoissonDemand(Demand):
    """Poisson demand: single units, asked for independently.

    Raises:
        ValueError: NaN, infinite or negative.

    >>> PoissonDemand(6.0).fractile(4.0, 1.0)
    array(8.)
    """

    whole: ClassVar[bool] = True
    demand_mean: ArrayLike

    def __post_init__(self) -> None:
        figures(self.demand_mean, "demand_mean", least=0.0)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(self.demand_mean, np.float64)

    @property
    def variance(self) -> FloatArray:
        return self.mean

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> Demand:
        """Poisson; where the number of periods varies, negative binomial with the total's mean and variance,
        which is exact where that number follows a gamma distribution."""
        span, span_sd = spell(periods, periods_sd)
        mean = np.asarray(span * self.mean)
        if not span_sd.any():
            return PoissonDemand(mean)
        variance = total_variance(self.mean, self.variance, span, span_sd)
        return NegativeBinomialDemand(mean, np.asarray(np.sqrt(variance)))

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return _tail_of_counts(x, lambda k: loss.poisson_tails(k, self.mean)[0], 1.0)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return _tail_of_counts(x, lambda k: loss.poisson_tails(k, self.mean)[1], 0.0)

    def losses(self, x: ArrayLike) -> Loss:
        return loss.poisson_loss(x, mean=self.demand_mean)


@dataclass(frozen=True)
class NegativeBinomialDemand(MeanAndSdDemand):
    """Negative binomial demand: whole units whose variance exceeds the mean; Poisson where they are equal.

    Raises:
        ValueError: NaN, infinite or negative, or a variance below the mean.

    >>> NegativeBinomialDemand.from_successes(successes=6.0, success_probability=0.4).quantile(0.9)
    array(15.)
    """

    whole: ClassVar[bool] = True

    def __post_init__(self) -> None:
        mean = figures(self.demand_mean, "demand_mean", least=0.0)
        sd = figures(self.demand_sd, "demand_sd", least=0.0)
        self._refuse_spread_without_mean()
        require(sd**2 >= mean * (1 - TIE), "demand_sd must be at least the square root of demand_mean", sd)

    @classmethod
    def from_successes(cls, *, successes: ArrayLike, success_probability: ArrayLike) -> Self:
        """Failures before this many successes, which need not be a whole number.

        Raises:
            ValueError: NaN or infinite, successes below 0, or success_probability outside (0, 1].
        """
        r = figures(successes, "successes", least=0.0)
        p = figures(success_probability, "success_probability", least=0.0, most=1.0, exclude_least=True)
        mean = np.asarray(r * (1 - p) / p)
        return cls(mean, np.asarray(np.sqrt(mean / p)))

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return _tail_of_counts(x, lambda k: self._tails(k)[0], 1.0)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return _tail_of_counts(x, lambda k: self._tails(k)[1], 0.0)

    def losses(self, x: ArrayLike) -> Loss:
        r, p, q, spread = self._parts()
        counts, poisson = loss.counts_loss(x, r, p, q), loss.poisson_loss(x, mean=self.mean)
        return Loss(
            np.where(spread, counts.loss, poisson.loss),
            np.where(spread, counts.complementary_loss, poisson.complementary_loss),
        )

    def _tails(self, k: FloatArray) -> tuple[FloatArray, FloatArray]:
        r, p, q, spread = self._parts()
        counts, poisson = loss.negative_binomial_tails(k, r, p, q), loss.poisson_tails(k, self.mean)
        return np.where(spread, counts[0], poisson[0]), np.where(spread, counts[1], poisson[1])

    def _parts(self) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
        """r, p, 1 − p, and where that is not as good as Poisson."""
        mean, variance = self.mean, self.variance
        spread = variance > mean * (1 + 1e-10)
        excess = np.where(spread, variance - mean, 1.0)
        total = np.where(spread, variance, 2.0)
        return np.where(spread, mean**2 / excess, 1.0), np.where(spread, mean / total, 0.5), excess / total, spread


@dataclass(frozen=True)
class BinomialDemand(Demand):
    """Binomial demand: each of `trials` customers buys one unit with this probability.

    Raises:
        ValueError: NaN or infinite, trials negative or not whole, or success_probability outside [0, 1].

    >>> BinomialDemand(10, 0.5).quantile(0.9)
    array(7.)
    """

    whole: ClassVar[bool] = True
    trials: ArrayLike
    success_probability: ArrayLike

    def __post_init__(self) -> None:
        n = figures(self.trials, "trials", least=0.0)
        require(n == np.floor(n), "trials must be a whole number", n)
        figures(self.success_probability, "success_probability", least=0.0, most=1.0)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(np.asarray(self.trials, np.float64) * np.asarray(self.success_probability))

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.mean * (1 - np.asarray(self.success_probability, np.float64)))

    @property
    def highest(self) -> FloatArray:
        return np.where(self.variance > 0, np.asarray(self.trials, np.float64), self.mean)

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> "BinomialDemand":
        """Binomial, of a whole number of periods.

        Raises:
            ValueError: Not whole, or periods_sd other than 0.
        """
        span, span_sd = spell(periods, periods_sd)
        require(span == np.floor(span), "periods must be a whole number under binomial demand", span)
        require(span_sd == 0, "periods_sd must be 0 under binomial demand", span_sd)
        return BinomialDemand(np.asarray(span * np.asarray(self.trials, np.float64)), self.success_probability)

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return _tail_of_counts(x, lambda k: self._tails(k)[0], 1.0)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return _tail_of_counts(x, lambda k: self._tails(k)[1], 0.0)

    def losses(self, x: ArrayLike) -> Loss:
        return loss.binomial_loss(x, trials=self.trials, success_probability=self.success_probability)

    def _tails(self, k: FloatArray) -> tuple[FloatArray, FloatArray]:
        return loss.binomial_tails(k, np.asarray(self.trials, np.float64), np.asarray(self.success_probability))


@dataclass(frozen=True)
class CompoundPoissonDemand(Demand):
    """Customers who come as a Poisson process and take a random number of units each; one SKU.

    Attributes:
        customer_rate: Customers per period, ≥ 0.
        size_probabilities: Probability that a customer takes 1, 2, … units, shape (size,).

    Raises:
        ValueError: NaN or infinite, a negative figure, or probabilities that do not sum to 1.

    >>> CompoundPoissonDemand(2.0, [0.5, 0.5]).mean
    array(3.)
    """

    whole: ClassVar[bool] = True
    customer_rate: float
    size_probabilities: ArrayLike

    def __post_init__(self) -> None:
        if figures(self.customer_rate, "customer_rate", least=0.0).ndim:
            raise ValueError("customer_rate must be one number")
        weights = figures(self.size_probabilities, "size_probabilities", least=0.0)
        if weights.ndim != 1:
            raise ValueError(f"size_probabilities must be of one SKU, got shape {weights.shape}")
        _, weights = loss.discrete(np.arange(1.0, len(weights) + 1), weights)
        object.__setattr__(self, "size_probabilities", weights)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(self.customer_rate * (self._sizes * self._weights).sum())

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.customer_rate * (self._sizes**2 * self._weights).sum())

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> Demand:
        """Compound Poisson, with as many more customers; the number of periods must be certain.

        Raises:
            ValueError: More than one number of periods, or periods_sd other than 0.
        """
        span, span_sd = spell(periods, periods_sd)
        if span.ndim or span_sd.any():
            raise ValueError(f"periods must be one certain number under compound demand, got {periods!r}")
        return CompoundPoissonDemand(float(self.customer_rate * span), self._weights)

    @cached_property
    def distribution(self) -> DiscreteDemand:
        """The probabilities of 0, 1, … units, to where less than 1e-20 of the largest one is left.

        Source: Panjer (1981), Recursive evaluation of a family of compound distributions.
        """
        reach = float(self.mean + 12 * self.sd + 60 * len(self._weights)) + 20
        probabilities = _compound_poisson(float(self.customer_rate), self._weights, int(reach))
        return DiscreteDemand(np.arange(len(probabilities), dtype=np.float64), probabilities)

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return self.distribution.exceedance(x)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return self.distribution.cumulative(x)

    def losses(self, x: ArrayLike) -> Loss:
        return self.distribution.losses(x)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        return self.distribution.fractile(ratio, complement)

    @property
    def _sizes(self) -> FloatArray:
        return np.arange(1.0, len(self._weights) + 1)

    @property
    def _weights(self) -> FloatArray:
        return np.asarray(self.size_probabilities)


@kernel
def _compound_poisson(rate: float, weights: FloatArray, reach: int) -> FloatArray:
    """Panjer's recursion from any start, scaled down whenever it grows large, and scaled to 1 at its end."""
    probability = np.zeros(reach + 1)
    probability[0] = 1.0
    for x in range(1, reach + 1):
        weighted = 0.0
        for size in range(1, min(x, len(weights)) + 1):
            weighted += size * weights[size - 1] * probability[x - size]
        probability[x] = rate * weighted / x
        if probability[x] > 1e150:
            for y in range(x + 1):
                probability[y] *= 1e-150
    total = probability.sum()
    for x in range(reach + 1):
        probability[x] /= total
    return probability


def _tail_of_counts(x: ArrayLike, tail: Callable[[FloatArray], FloatArray], below_zero: float) -> FloatArray:
    level = np.asarray(x, np.float64)
    return np.where(level < 0, below_zero, tail(np.floor(np.maximum(level, 0.0))))
