"""The distribution of each series' total: its moments, quantiles and equally likely outcomes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from forecasting.negative_binomial import negative_binomial_quantiles
from forecasting.panel import BoolArray, FloatArray, IntArray
from forecasting.pooling import Pool
from forecasting.spread import LEAST_MEAN, Moments

OUTCOMES = 255
"""Levels between which a path's total is interpolated."""
_TAILS = np.array([0.9985, 0.999, 0.9995, 0.9999])
_FINE = np.concatenate((1 - _TAILS[::-1], (np.arange(OUTCOMES) + 0.5) / OUTCOMES, _TAILS))


@dataclass(frozen=True)
class TotalDistribution:
    """Attributes:
    means: Units, one for each possible lead time, shape (series, outcome).
    excesses: Variance beyond Poisson's, units², likewise.
    weights: Probability of each lead time, shape (series, outcome).
    interval_variance: What a varying protection interval adds, units², shape (series,).
    is_whole: Whether the series is counted in whole units, shape (series,).
    pool: Which says what levels to ask for.
    """

    means: FloatArray
    excesses: FloatArray
    weights: FloatArray
    interval_variance: FloatArray
    is_whole: BoolArray
    pool: Pool

    @property
    def mean(self) -> FloatArray:
        """Units, shape (series,)."""
        return np.asarray((self.means * self.weights).sum(axis=1))

    @property
    def sd(self) -> FloatArray:
        """Units, shape (series,)."""
        within = ((self._variances()) * self.weights).sum(axis=1)
        between = ((self.means - self.mean[:, None]) ** 2 * self.weights).sum(axis=1)
        return np.asarray(np.sqrt(within + between))

    def chosen(self, part: slice) -> TotalDistribution:
        """Some of the series."""
        return TotalDistribution(
            self.means[part],
            self.excesses[part],
            self.weights[part],
            self.interval_variance[part],
            self.is_whole[part],
            self.pool,
        )

    def quantiles(self, levels: FloatArray) -> FloatArray:
        """Units at each level, never falling along a row, shape (series, level)."""
        if self.means.shape[1] == 1:
            return self._of_one_lead_time(0, levels)
        outcomes, chances = self._outcomes()
        order = np.argsort(outcomes, axis=1, kind="stable")
        sorted_outcomes = np.take_along_axis(outcomes, order, axis=1)
        reached = np.cumsum(np.take_along_axis(chances, order, axis=1), axis=1)
        reached /= np.maximum(reached[:, -1:], 1e-300)
        columns = [(reached < level - 1e-12).sum(axis=1) for level in levels]
        last = outcomes.shape[1] - 1
        places = np.minimum(np.stack(columns, axis=1), last)
        return np.asarray(np.take_along_axis(sorted_outcomes, places, axis=1))

    def paths(self, ids: tuple[Hashable, ...], *, paths: int, seed: int) -> IntArray:
        """Equally likely totals, evenly spread over the distribution and shuffled, shape (series, path)."""
        levels = (np.arange(paths) + 0.5) / paths
        fine = self.quantiles(_FINE)
        totals = np.empty((len(ids), paths), dtype=np.int64)
        for number, one in enumerate(ids):
            luck = np.random.default_rng([seed, crc32(repr(one).encode())])
            between = np.interp(levels, _FINE, fine[number])
            totals[number] = luck.permutation(np.floor(between + luck.random(paths)))
        return totals

    def _variances(self) -> FloatArray:
        floor = np.where(self.is_whole[:, None], self.means, 0.0)
        spread = floor + self.excesses + self.interval_variance[:, None]
        return np.where(self.means > 0, spread, 0.0)

    def _of_one_lead_time(self, outcome: int, levels: FloatArray) -> FloatArray:
        asked = self.pool.asked(levels, Moments(self.means[:, outcome], self.excesses[:, outcome]))
        mean, variance = self.means[:, outcome], self._variances()[:, outcome]
        quantiles = np.zeros((len(mean), len(levels)))
        whole = self.is_whole & (mean > LEAST_MEAN)
        if whole.any():
            quantiles[whole] = negative_binomial_quantiles(mean[whole], variance[whole, None], asked[whole])
        broken = ~self.is_whole & (mean > LEAST_MEAN)
        if broken.any():
            quantiles[broken] = _gamma_quantiles(mean[broken], variance[broken], asked[broken])
        return np.maximum.accumulate(quantiles, axis=1)

    def _outcomes(self) -> tuple[FloatArray, FloatArray]:
        """Many outcomes of every lead time and their probabilities, shape (series, outcome · level)."""
        edges = np.concatenate(([0.0], (_FINE[1:] + _FINE[:-1]) / 2, [1.0]))
        width = np.diff(edges)
        each = [self._of_one_lead_time(number, _FINE) for number in range(self.means.shape[1])]
        chances = [self.weights[:, number, None] * width for number in range(self.means.shape[1])]
        return np.concatenate(each, axis=1), np.concatenate(chances, axis=1)


def _gamma_quantiles(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> FloatArray:
    """Of demand that is not counted in whole units, at each series' own levels, shape (series, level)."""
    from scipy import special

    spread = np.maximum(variance, (1e-6 * mean) ** 2)
    shape = mean**2 / spread
    return np.asarray(special.gammaincinv(shape[:, None], levels) * (spread / mean)[:, None])
