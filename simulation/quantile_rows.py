"""What `value_at` needs to know of a distribution: its inverse as a few numbers, steps or a curve."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulation.arrays import FloatArray
from simulation.quantiles import CURVE_END, CURVE_PIECES, STEPS

TAIL = 2.0**-34
"""Steps end where less than this chance is left: half the chance of the rarest number of a stream."""

_NEXT_TO_NOTHING = 2.0**-60

MOST_STEPS = 2**16
"""Longest list of counts of a negative binomial; wider ones become curves."""

_CURVED_SHAPE = 8.0
_EXPANDED_SHAPE = 1e5
_NODES = (1 - np.cos(np.pi * np.arange(6) / 5)) / 2
_TO_COEFFICIENTS = np.linalg.inv(np.vander(_NODES, increasing=True))


class Row(NamedTuple):
    """A distribution's part of a `DistributionTable`."""

    kind: int
    parameters: tuple[float, ...] = ()
    length: int = 0
    values: FloatArray = np.empty(0)
    chances: FloatArray = np.empty(0)


def step_row(values: FloatArray, cumulative: FloatArray) -> Row:
    """Row of ascending values with their cumulative chances, the last of them 1 but for rounding.

    Behind the values comes an index: for each of a power of two of equally wide buckets of chances, and for 1, the
    first value that is reached there.
    """
    chances = cumulative.copy()
    chances[-1] = 1.0
    buckets = 1 << (len(values) - 1).bit_length()
    index = np.searchsorted(chances, np.arange(buckets + 1) / buckets)
    padding = np.ones(len(index))
    return Row(
        STEPS, (float(buckets),), len(values), np.concatenate([values, index]), np.concatenate([chances, padding])
    )


def curve(height: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Coefficients of a piecewise polynomial through a smooth function of z, flat, lowest power first."""
    width = 2 * CURVE_END / CURVE_PIECES
    z = -CURVE_END + width * (np.arange(CURVE_PIECES)[:, None] + _NODES)
    z[1:, 0] = z[:-1, -1]
    heights = height(z.ravel()).reshape(z.shape)
    return np.asarray((heights @ _TO_COEFFICIENTS.T).ravel())


def gamma_is_log(shape: float) -> bool:
    """Whether `gamma_curve` gives logarithms."""
    return shape < _CURVED_SHAPE


def gamma_curve(shape: float) -> FloatArray:
    """Gamma quantiles along z: of the logarithm of x below a shape of 8, of (x − shape) / √shape from there on."""
    if shape >= _EXPANDED_SHAPE:
        return curve(lambda z: _expanded_gamma_quantile(shape, z))
    if gamma_is_log(shape):
        return curve(lambda z: _log_gamma_quantile(shape, z))
    return curve(lambda z: (_gamma_quantile(shape, z) - shape) / shape**0.5)


def _gamma_quantile(shape: float, z: FloatArray) -> FloatArray:
    from scipy.special import gammainccinv, gammaincinv, ndtr

    upper = z > 0
    x = np.empty_like(z)
    x[upper] = gammainccinv(shape, ndtr(-z[upper]))
    x[~upper] = gammaincinv(shape, ndtr(z[~upper]))
    return x


def _expanded_gamma_quantile(shape: float, z: FloatArray) -> FloatArray:
    """Of (x − shape) / √shape: the Cornish-Fisher expansion, to 10⁻¹² from a shape of 10⁵ on.

    The iterations of `gammaincinv` lose the tails of shapes above 10⁶.
    """
    return np.asarray(
        z
        + (z**2 - 1) / (3 * shape**0.5)
        + (z**3 - 7 * z) / (36 * shape)
        - (3 * z**4 + 7 * z**2 - 16) / (810 * shape**1.5)
        + (9 * z**5 + 256 * z**3 - 433 * z) / (38880 * shape**2)
    )


def _log_gamma_quantile(shape: float, z: FloatArray) -> FloatArray:
    """Where x is tiny, the chance is x^shape / Γ(shape + 1) · (1 − x · shape / (shape + 1))."""
    from scipy.special import gammaln, log_ndtr

    x = _gamma_quantile(shape, z)
    small = x < 1e-9
    logarithm = np.log(x, where=~small, out=np.empty_like(x))
    logarithm[small] = (log_ndtr(z[small]) + gammaln(shape + 1)) / shape + x[small] / (shape + 1)
    return logarithm


def poisson_steps(mean: float) -> tuple[FloatArray, FloatArray]:
    """Counts that matter and their cumulative chances."""
    from scipy.special import pdtr, pdtrc

    spread = 8 * mean**0.5
    counts = np.arange(max(0.0, np.floor(mean - spread)), np.ceil(mean + spread) + 40)
    return _that_matter(counts, pdtr(counts, mean), pdtrc(counts, mean))


def negative_binomial_ends(size: float, probability: float) -> tuple[float, float]:
    """Counts outside which next to nothing lies; `size` successes of `probability` are waited for."""
    from scipy.special import betainc, betaincc

    last = 64.0
    while betaincc(size, last + 1, probability) >= _NEXT_TO_NOTHING:
        last *= 2
    first, beyond = 0.0, last
    while beyond - first > 1:
        middle = np.floor((first + beyond) / 2)
        if betainc(size, middle + 1, probability) < _NEXT_TO_NOTHING:
            first = middle
        else:
            beyond = middle
    return first, last


def negative_binomial_steps(
    size: float, probability: float, first: float, last: float
) -> tuple[FloatArray, FloatArray]:
    """Counts that matter and their cumulative chances, from the ratio of each count's chance to the one before."""
    counts = np.arange(first, last + 1)
    ratios = (counts[:-1] + size) / (counts[:-1] + 1) * (1 - probability)
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    chances = np.exp(logarithms - logarithms.max())
    chances /= chances.sum()
    return _that_matter(counts, np.cumsum(chances), np.append(np.cumsum(chances[:0:-1])[::-1], 0.0))


def negative_binomial_curve(size: float, probability: float) -> FloatArray:
    """Along z the logarithm of one more than the count, made continuous as the incomplete beta function does it."""
    from scipy.special import betainc, betaincc, ndtr

    def height(z: FloatArray) -> FloatArray:
        low, high = np.full_like(z, -40.0), np.full_like(z, 60.0)
        for _ in range(60):
            middle = (low + high) / 2
            more = np.exp(middle)
            reached = np.where(
                z > 0,
                betaincc(size, more, probability) <= ndtr(-z),
                betainc(size, more, probability) >= ndtr(z),
            )
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        return np.asarray((low + high) / 2)

    return curve(height)


def _that_matter(counts: FloatArray, reached: FloatArray, left: FloatArray) -> tuple[FloatArray, FloatArray]:
    first = int(np.argmax(reached >= TAIL))
    last = int(np.argmax(left < TAIL))
    return counts[first : last + 1], reached[first : last + 1]
