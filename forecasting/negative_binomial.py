"""Quantiles of demand counts given by mean and variance."""

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.panel import BoolArray, FloatArray, IntArray

POISSON_DISPERSION = 1e-6
LEAST_LOGARITHM = -700.0
"""Logarithm of the smallest probability of no demand at all that a float still tells from 0."""
MOST_STEPS = 20_000
"""Units up to which probabilities are added up one by one."""
WIDENINGS = 60
NEAR_NORMAL = 1e8
"""Mean squared over variance from which the normal law, put right for skewness, errs by some 1e-8 of its spread."""
MOST_UNITS = 2.0**62
"""Largest quantity that is told, short of the largest whole number."""


def negative_binomial_quantiles(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> IntArray:
    """Smallest whole quantity that demand stays at or below with each probability.

    Demand is negative binomial with the given moments; where the variance does not exceed the mean
    (by a millionth) it is Poisson, the limit.

    Args:
        mean: Units, ≥ 0, shape (series,).
        variance: Units², shape (series, level): one distribution per level asked, or (series, 1).
        levels: Probabilities in (0, 1), shape (level,), or (series, level) where each series has its own.

    Returns:
        Shape (series, level); 0 where the mean is 0.

    Source: Johnson, Kemp & Kotz, Univariate Discrete Distributions, 3rd ed., chapters 4 and 5.
    """
    asked = (len(mean), np.shape(levels)[-1])
    level = np.ascontiguousarray(np.broadcast_to(levels, asked), dtype=np.float64)
    centre = np.ascontiguousarray(mean, dtype=np.float64)
    spread = np.ascontiguousarray(np.broadcast_to(variance, asked), dtype=np.float64)
    quantiles = np.zeros(asked, dtype=np.int64)
    left = np.zeros(asked, dtype=np.bool_)
    _by_counting(centre, spread, level, quantiles, left)
    if left.any():
        quantiles[left] = _far_from_nothing(centre[np.nonzero(left)[0]], spread[left], level[left])
    return quantiles


@kernel
def _by_counting(
    mean: FloatArray, variance: FloatArray, levels: FloatArray, quantiles: IntArray, left: BoolArray
) -> None:
    """Add up probabilities from the first unit that has any; what would take too many steps is left."""
    count = levels.shape[1]
    for i in range(len(mean)):
        if not mean[i] > 0.0:
            continue
        column = 0
        while column < count:
            stop = column + 1
            while stop < count and variance[i, stop] == variance[i, column] and levels[i, stop] >= levels[i, stop - 1]:
                stop += 1
            if not _count(mean[i], variance[i, column], levels[i, column:stop], quantiles[i, column:stop]):
                left[i, column:stop] = True
            column = stop


@inline
def _count(mean: float, variance: float, levels: FloatArray, quantiles: IntArray) -> bool:
    """Quantiles at rising levels of one distribution; whether that took few enough steps."""
    is_poisson = variance <= mean * (1.0 + POISSON_DISPERSION)
    success = 1.0 if is_poisson else mean / variance
    shape = 0.0 if is_poisson else mean * success / (1.0 - success)
    log_none = -mean if is_poisson else shape * np.log(success)
    if log_none < LEAST_LOGARITHM:
        return False
    probability = np.exp(log_none)
    reached = probability
    units = 0
    for number in range(len(levels)):
        while reached < levels[number]:
            if units >= MOST_STEPS:
                return False
            if is_poisson:
                probability *= mean / (units + 1.0)
            else:
                probability *= (shape + units) / (units + 1.0) * (1.0 - success)
            units += 1
            reached += probability
        quantiles[number] = units
    return True


def _far_from_nothing(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> IntArray:
    is_near_normal = mean**2 > NEAR_NORMAL * np.maximum(variance, mean)
    quantiles = np.empty(len(mean), dtype=np.int64)
    for rows, method in ((is_near_normal, _by_expansion), (~is_near_normal, _by_inversion)):
        if rows.any():
            quantiles[rows] = method(mean[rows], variance[rows], levels[rows])
    return quantiles


def _by_expansion(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> IntArray:
    """Of distributions all but normal, one row each: Cornish and Fisher's first correction, for skewness."""
    from scipy import special

    spread = np.maximum(variance, mean)
    normal = special.ndtri(levels)
    skewness = (2 * spread / mean - 1) / np.sqrt(spread)
    guess = mean + np.sqrt(spread) * (normal + skewness * (normal**2 - 1) / 6) - 0.5
    found: IntArray = np.ceil(np.clip(guess, 0.0, MOST_UNITS)).astype(np.int64)
    return found


def _by_inversion(mean: FloatArray, variance: FloatArray, levels: FloatArray) -> IntArray:
    """Of distributions that stand far from nothing, one row each: a guess, put right where it errs.

    The guess is the quantile of the shifted gamma law (Pearson's type III) that shares mean, variance and skewness.
    """
    from scipy import special

    spread = np.maximum(variance, mean * (1 + POISSON_DISPERSION))
    skewness = (2 * spread / mean - 1) / np.sqrt(spread)
    shape, scale = 4 / skewness**2, np.sqrt(spread) * skewness / 2
    guess = np.ceil(np.maximum(mean + scale * (special.gammaincinv(shape, levels) - shape) - 0.5, 0.0))
    errs = negative_binomial_probability(guess, mean, spread) < levels
    errs |= negative_binomial_probability(guess - 1, mean, spread) >= levels
    found: IntArray = np.minimum(guess, MOST_UNITS).astype(np.int64)
    if errs.any():
        found[errs] = _by_halving(mean[errs], spread[errs], levels[errs], guess[errs])
    return found


def _by_halving(mean: FloatArray, spread: FloatArray, levels: FloatArray, guess: FloatArray) -> IntArray:
    """An interval around each guess, widened until it holds the quantile and then halved."""
    step = np.maximum(np.sqrt(spread) * 0.02, 1.0)
    low, high = np.floor(np.maximum(guess - step, -1.0)), np.ceil(guess + step)
    for _ in range(WIDENINGS):
        is_high = negative_binomial_probability(low, mean, spread) >= levels
        is_low = negative_binomial_probability(high, mean, spread) < levels
        if not (is_high | is_low).any():
            break
        step = step * 2
        low = np.where(is_high, np.floor(np.maximum(low - step, -1.0)), low)
        high = np.where(is_low, np.ceil(high + step), high)
    while True:
        middle = np.floor((low + high) / 2)
        is_open = (low < middle) & (middle < high)
        if not is_open.any():
            found: IntArray = np.minimum(high, MOST_UNITS).astype(np.int64)
            return found
        covers = negative_binomial_probability(middle, mean, spread) >= levels
        high = np.where(is_open & covers, middle, high)
        low = np.where(is_open & ~covers, middle, low)


def negative_binomial_probability(units: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Probability that demand stays at or below so many units; 0 below nothing.

    Args:
        units: Whole or not (the probability then runs smoothly between whole numbers), any shape.
        mean: Units, > 0, likewise.
        variance: Units², likewise; Poisson's where it does not exceed the mean by a millionth.
    """
    from scipy import special

    spread = np.maximum(variance, mean * (1 + POISSON_DISPERSION))
    is_near_normal = mean**2 > NEAR_NORMAL * spread
    success = mean / spread
    shape = mean * success / (1 - success)
    # The incomplete beta function takes milliseconds where its arguments are large: there they are replaced.
    shape = np.where(is_near_normal, 1.0, shape)
    reached = np.where(is_near_normal, 0.0, np.maximum(units, 0.0)) + 1.0
    exact = special.betainc(shape, reached, success)
    skewness = (2 * spread / mean - 1) / np.sqrt(spread)
    normal = np.clip((units + 0.5 - mean) / np.sqrt(spread), -30.0, 30.0)
    density = np.exp(-(normal**2) / 2) / np.sqrt(2 * np.pi)
    expanded = special.ndtr(normal) - density * skewness * (normal**2 - 1) / 6
    return np.where(units < 0, 0.0, np.where(is_near_normal, np.clip(expanded, 0.0, 1.0), exact))
