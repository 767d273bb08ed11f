"""Quantiles of demand counts given by mean and variance."""

from collections.abc import Callable

import numpy as np

from forecasting.panel import FloatArray, IntArray

POISSON_DISPERSION = 1e-6


def negative_binomial_quantiles(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> IntArray:
    """Smallest whole quantity that demand stays at or below with each probability.

    Demand is negative binomial with the given moments; where the variance does not exceed the mean
    (by a millionth) it is Poisson, the limit.

    Args:
        mean: Units, ≥ 0, shape (series,).
        variance: Units², shape (series, level): one distribution per level asked, or (series, 1).
        levels: Probabilities in (0, 1), shape (level,).

    Returns:
        Shape (series, level); 0 where the mean is 0.

    Source: Johnson, Kemp & Kotz, Univariate Discrete Distributions, 3rd ed., chapters 4 and 5.
    """
    from scipy import special

    asked = (len(mean), len(levels))
    centre = np.broadcast_to(mean[:, None], asked)
    spread = np.broadcast_to(variance, asked)
    level = np.broadcast_to(levels, asked)
    quantiles = np.zeros(asked, dtype=np.int64)
    overdispersed = (centre > 0) & (spread > centre * (1 + POISSON_DISPERSION))
    regular = (centre > 0) & ~overdispersed

    rate = centre[regular]
    guess = special.pdtrik(level[regular], rate)
    quantiles[regular] = _smallest_covering(guess, level[regular], lambda k: special.pdtr(k, rate))

    success = centre[overdispersed] / spread[overdispersed]
    shape = centre[overdispersed] * success / (1 - success)
    guess = special.nbdtrik(level[overdispersed], shape, success)
    quantiles[overdispersed] = _smallest_covering(
        guess, level[overdispersed], lambda k: special.betainc(shape, k + 1.0, success)
    )
    return quantiles


def _smallest_covering(
    guess: FloatArray, levels: FloatArray, probability_up_to: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """The continuous inverse rounded up, then put right by the distribution itself where rounding erred."""
    quantile = np.ceil(np.maximum(guess, 0.0))
    quantile = np.where(
        (quantile > 0) & (probability_up_to(np.maximum(quantile - 1, 0)) >= levels), quantile - 1, quantile
    )
    return np.where(probability_up_to(quantile) < levels, quantile + 1, quantile)
