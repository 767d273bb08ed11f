"""What `value_at` needs to know of a distribution: its inverse as a few numbers, steps or a curve."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulation.arrays import FloatArray
from simulation.quantiles import CURVE_END, CURVE_PIECES

TAIL = 2.0**-34
"""Steps end where less than this chance is left: half the chance of the rarest number of a stream."""

MOST_STEPS = 2**20
_CURVED_SHAPE = 8.0
_NORMAL_SHAPE = 1e8
_NODES = (1 - np.cos(np.pi * np.arange(6) / 5)) / 2
_TO_COEFFICIENTS = np.linalg.inv(np.vander(_NODES, increasing=True))


class Row(NamedTuple):
    """A distribution's part of a `DistributionTable`."""

    kind: int
    parameters: tuple[float, ...] = ()
    length: int = 0
    values: FloatArray = np.empty(0)
    chances: FloatArray = np.empty(0)


def steps(values: FloatArray, cumulative: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Number of buckets, values with the index behind them, and chances of the same length.

    The index says for each of a power of two of equally wide buckets of chances at which value it begins.
    """
    chances = cumulative.copy()
    chances[-1] = 1.0
    buckets = 1 << (len(values) - 1).bit_length()
    index = np.minimum(np.searchsorted(chances, np.arange(buckets + 1) / buckets), len(values) - 1)
    padding = np.ones(len(index))
    return float(buckets), np.concatenate([values, index.astype(np.float64)]), np.concatenate([chances, padding])


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
    if shape >= _NORMAL_SHAPE:
        return curve(lambda z: z + (z**2 - 1) / (3 * shape**0.5) + (z**3 - 7 * z) / (36 * shape))
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


def _log_gamma_quantile(shape: float, z: FloatArray) -> FloatArray:
    """Where x is tiny, the chance is x^shape / Γ(shape + 1) but for a factor 1 − x · shape / (shape + 1)."""
    from scipy.special import gammaln, log_ndtr

    x = _gamma_quantile(shape, z)
    small = x < 1e-9
    logarithm = np.log(x, where=~small, out=np.empty_like(x))
    logarithm[small] = (log_ndtr(z[small]) + gammaln(shape + 1)) / shape
    return logarithm


def poisson_steps(mean: float) -> tuple[FloatArray, FloatArray]:
    """Counts that matter and their cumulative chances."""
    from scipy.special import pdtr, pdtrc

    spread = 8 * mean**0.5
    counts = np.arange(max(0.0, np.floor(mean - spread)), np.ceil(mean + spread) + 40)
    return _that_matter(counts, pdtr(counts, mean), pdtrc(counts, mean))


def negative_binomial_steps(size: float, probability: float) -> tuple[FloatArray, FloatArray]:
    """Counts that matter and their cumulative chances; `size` successes of `probability` are waited for."""
    from scipy.special import betainc, betaincc

    last = 64.0
    while betaincc(size, last + 1, probability) >= TAIL:
        last *= 2
        if last > 2**40:
            break
    low, high = 0.0, last
    while high - low > 1:
        middle = np.floor((low + high) / 2)
        if betainc(size, middle + 1, probability) < TAIL:
            low = middle
        else:
            high = middle
    first = low
    if last - first > 4 * MOST_STEPS:
        raise ValueError(
            f"a negative binomial distribution must not spread over more than {MOST_STEPS} counts,"
            f" got about {last - first:.0f}"
        )
    counts = np.arange(first, last + 1)
    return _that_matter(counts, betainc(size, counts + 1, probability), betaincc(size, counts + 1, probability))


def _that_matter(counts: FloatArray, reached: FloatArray, left: FloatArray) -> tuple[FloatArray, FloatArray]:
    first = int(np.argmax(reached >= TAIL))
    last = int(np.argmax(left < TAIL))
    return counts[first : last + 1], reached[first : last + 1]
