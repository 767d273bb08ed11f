"""Continuous demand: normal, gamma, lognormal, exponential and uniform."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from optimization import loss
from optimization.arrays import FloatArray
from optimization.demand_distributions import Demand, MeanAndSdDemand
from optimization.figures import figures, require
from optimization.loss import Loss


@dataclass(frozen=True)
class NormalDemand(MeanAndSdDemand):
    """Normal demand. Where the sd exceeds half the mean, over 2 % of it lies below zero: prefer gamma.

    Raises:
        ValueError: NaN or infinite, or demand_sd below 0.

    >>> NormalDemand(50.0, 8.0).over(5).sd.round(4)
    np.float64(17.8885)
    """

    def __post_init__(self) -> None:
        figures(self.demand_mean, "demand_mean")
        figures(self.demand_sd, "demand_sd", least=0.0)

    @property
    def lowest(self) -> FloatArray:
        return np.where(self.sd > 0, -np.inf, self.mean)

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return np.asarray(special.ndtr(-self._standard(x)))

    def cumulative(self, x: ArrayLike) -> FloatArray:
        # All of a demand without spread lies at its mean.
        return np.asarray(special.ndtr(self._standard(x)))

    def losses(self, x: ArrayLike) -> Loss:
        return loss.normal_loss(x, mean=self.demand_mean, sd=self.demand_sd)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        return np.asarray(self.mean + self.sd * normal_fractile(ratio, complement))

    def _standard(self, x: ArrayLike) -> FloatArray:
        above, sd = np.asarray(x, np.float64) - self.mean, self.sd
        certain = np.where(above >= 0, np.inf, -np.inf)
        return np.where(sd > 0, above / np.where(sd > 0, sd, 1.0), certain)


def normal_fractile(ratio: FloatArray, complement: FloatArray) -> FloatArray:
    """Standard normal z with Φ(z) = ratio = 1 − complement, from the smaller of the two."""
    z: FloatArray = np.where(ratio < complement, special.ndtri(ratio), -special.ndtri(complement))
    return z


@dataclass(frozen=True)
class GammaDemand(MeanAndSdDemand):
    """Gamma demand: never negative, skewed to the right; exponential where the sd equals the mean.

    Raises:
        ValueError: NaN, infinite or negative, or spread without a mean.

    >>> GammaDemand.from_shape(shape=4.0, scale=25.0)
    GammaDemand(demand_mean=array(100.), demand_sd=array(50.))
    """

    def __post_init__(self) -> None:
        figures(self.demand_mean, "demand_mean", least=0.0)
        figures(self.demand_sd, "demand_sd", least=0.0)
        self._refuse_spread_without_mean()

    @classmethod
    def from_shape(cls, *, shape: ArrayLike, scale: ArrayLike) -> Self:
        """Gamma demand of this shape and scale.

        Raises:
            ValueError: Not above 0 and finite.
        """
        alpha = figures(shape, "shape", least=0.0, exclude_least=True)
        unit = figures(scale, "scale", least=0.0, exclude_least=True)
        return cls(np.asarray(alpha * unit), np.asarray(np.sqrt(alpha) * unit))

    def exceedance(self, x: ArrayLike) -> FloatArray:
        level, shape, scale, spread = self._parts(x)
        return np.where(spread, special.gammaincc(shape, np.maximum(level, 0.0) / scale), level < self.mean)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        level, shape, scale, spread = self._parts(x)
        return np.where(spread, special.gammainc(shape, np.maximum(level, 0.0) / scale), level >= self.mean)

    def losses(self, x: ArrayLike) -> Loss:
        level, shape, scale, spread = self._parts(x)
        return _certain_where(~spread, level - self.mean, loss.gamma_loss(level, shape=shape, scale=scale))

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        _, shape, scale, spread = self._parts(0.0)
        low, high = special.gammaincinv(shape, ratio), special.gammainccinv(shape, complement)
        return np.where(spread, scale * np.where(ratio < complement, low, high), self.mean)

    def _parts(self, x: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
        mean, sd = self.mean, self.sd
        spread = sd > 0
        ratio = np.where(spread, mean / np.where(spread, sd, 1.0), 1.0)
        return np.asarray(x, np.float64), ratio**2, np.where(spread, sd / ratio, 1.0), spread


@dataclass(frozen=True)
class LognormalDemand(MeanAndSdDemand):
    """Lognormal demand with this mean and sd (of demand itself, not of its logarithm).

    Raises:
        ValueError: NaN or infinite, demand_mean not above 0, or demand_sd negative.

    >>> LognormalDemand(100.0, 30.0).quantile(0.5).round(4)
    np.float64(95.7826)
    """

    def __post_init__(self) -> None:
        figures(self.demand_mean, "demand_mean", least=0.0, exclude_least=True)
        figures(self.demand_sd, "demand_sd", least=0.0)

    @classmethod
    def from_logarithm(cls, *, log_mean: ArrayLike, log_sd: ArrayLike) -> Self:
        """Demand whose logarithm has this mean and sd.

        Raises:
            ValueError: NaN or infinite, or log_sd below 0.
        """
        centre, spread = figures(log_mean, "log_mean"), figures(log_sd, "log_sd", least=0.0)
        mean = np.exp(centre + spread**2 / 2)
        return cls(np.asarray(mean), np.asarray(mean * np.sqrt(np.expm1(spread**2))))

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> Self:
        """A lognormal with the mean and variance of the total: a fit, since a sum of lognormals is not one."""
        figures(periods, "periods", least=0.0, exclude_least=True)
        return super().over(periods, periods_sd)

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return np.asarray(special.ndtr(-self._standard(x)))

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return np.asarray(special.ndtr(self._standard(x)))

    def losses(self, x: ArrayLike) -> Loss:
        log_mean, log_sd = self._logarithm()
        return loss.lognormal_loss(x, log_mean=log_mean, log_sd=log_sd)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        log_mean, log_sd = self._logarithm()
        level = np.exp(log_mean + log_sd * normal_fractile(ratio, complement))
        return np.where(log_sd > 0, level, self.mean)

    def _logarithm(self) -> tuple[FloatArray, FloatArray]:
        variance = np.log1p((self.sd / self.mean) ** 2)
        return np.asarray(np.log(self.mean) - variance / 2), np.asarray(np.sqrt(variance))

    def _standard(self, x: ArrayLike) -> FloatArray:
        log_mean, log_sd = self._logarithm()
        level = np.asarray(x, np.float64)
        above = np.where(level > 0, np.log(np.where(level > 0, level, 1.0)) - log_mean, -np.inf)
        certain = np.where(level >= self.mean, np.inf, -np.inf)
        return np.where(log_sd > 0, above / np.where(log_sd > 0, log_sd, 1.0), certain)


@dataclass(frozen=True)
class ExponentialDemand(Demand):
    """Exponential demand.

    Raises:
        ValueError: NaN, infinite or negative.

    >>> ExponentialDemand(100.0).quantile(0.9).round(4)
    np.float64(230.2585)
    """

    demand_mean: ArrayLike

    def __post_init__(self) -> None:
        figures(self.demand_mean, "demand_mean", least=0.0)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(self.demand_mean, np.float64)

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.mean**2)

    def over(self, periods: ArrayLike, periods_sd: ArrayLike = 0.0) -> GammaDemand:
        """A gamma distribution; where the number of periods varies, fitted by mean and variance."""
        return GammaDemand(self.mean, self.mean).over(periods, periods_sd)

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return GammaDemand(self.mean, self.mean).exceedance(x)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return GammaDemand(self.mean, self.mean).cumulative(x)

    def losses(self, x: ArrayLike) -> Loss:
        return loss.exponential_loss(x, mean=self.demand_mean)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        return np.asarray(self.mean * np.where(ratio < complement, -np.log1p(-ratio), -np.log(complement)))


@dataclass(frozen=True)
class UniformDemand(Demand):
    """Demand that is uniform between low and high.

    Raises:
        ValueError: NaN or infinite, or high below low.

    >>> UniformDemand(20.0, 60.0).fractile(3.0, 1.0)
    array(50.)
    """

    low: ArrayLike
    high: ArrayLike

    def __post_init__(self) -> None:
        low, high = figures(self.low, "low"), figures(self.high, "high")
        require(high >= low, "high must be at least low", high)

    @property
    def mean(self) -> FloatArray:
        return np.asarray((self.lowest + self.highest) / 2)

    @property
    def variance(self) -> FloatArray:
        return np.asarray((self.highest - self.lowest) ** 2 / 12)

    @property
    def lowest(self) -> FloatArray:
        return np.broadcast_arrays(np.asarray(self.low, np.float64), np.asarray(self.high))[0]

    @property
    def highest(self) -> FloatArray:
        return np.broadcast_arrays(np.asarray(self.high, np.float64), np.asarray(self.low))[0]

    def exceedance(self, x: ArrayLike) -> FloatArray:
        return self._share(self.highest - np.asarray(x), np.asarray(x) < self.highest)

    def cumulative(self, x: ArrayLike) -> FloatArray:
        return self._share(np.asarray(x) - self.lowest, np.asarray(x) >= self.lowest)

    def losses(self, x: ArrayLike) -> Loss:
        return loss.uniform_loss(x, low=self.low, high=self.high)

    def _level(self, ratio: FloatArray, complement: FloatArray) -> FloatArray:
        return np.asarray(self.lowest * complement + self.highest * ratio)

    def _share(self, part: FloatArray, certain: NDArray[np.bool_]) -> FloatArray:
        width = self.highest - self.lowest
        return np.where(width > 0, np.clip(part / np.where(width > 0, width, 1.0), 0.0, 1.0), certain)


def _certain_where(certain: NDArray[np.bool_], above: FloatArray, else_: Loss) -> Loss:
    return Loss(
        np.where(certain, np.maximum(-above, 0.0), else_.loss),
        np.where(certain, np.maximum(above, 0.0), else_.complementary_loss),
    )
