"""Count distributions as arrays: from the smallest to the largest outcome that counts, adding up to 1.

Each probability follows from its neighbour, from the mode outwards, so that large means lose no digits.
"""

from dataclasses import dataclass

import numpy as np

from optimization.arrays import FloatArray

TAIL = 46.0  # −ln of the probability that is left out on each side


@dataclass(frozen=True)
class Window:
    """Attributes:
    probabilities: Of smallest, smallest + 1, …, shape (outcome,).
    smallest: The outcome that the first probability belongs to.
    """

    probabilities: FloatArray
    smallest: int

    def largest(self) -> int:
        return self.smallest + len(self.probabilities) - 1

    def outcomes(self) -> FloatArray:
        return np.arange(self.smallest, self.largest() + 1, dtype=np.float64)

    def mean(self) -> float:
        return float(self.probabilities @ self.outcomes())

    def plus(self, other: "Window") -> "Window":
        """The sum with an independent other."""
        return Window(np.convolve(self.probabilities, other.probabilities), self.smallest + other.smallest)

    def below(self, level: int) -> float:
        """P(X < level)."""
        return float(self.probabilities[: max(level - self.smallest, 0)].sum())

    def over(self, level: int) -> float:
        """E[(X − level)⁺]."""
        return float((self.probabilities * np.maximum(self.outcomes() - level, 0.0)).sum())

    def under(self, level: int) -> float:
        """E[(level − X)⁺]."""
        return float((self.probabilities * np.maximum(level - self.outcomes(), 0.0)).sum())

    def quantile(self, probability: float) -> int:
        """The smallest outcome x with P(X ≤ x) ≥ probability."""
        place = int(np.searchsorted(np.cumsum(self.probabilities), probability * (1 - 1e-15)))
        return self.smallest + min(place, len(self.probabilities) - 1)


def poisson_window(mean: float) -> Window:
    """Poisson; by Chernoff's bounds what is left out on each side has a probability below e^−46.

    >>> poisson_window(0.5).probabilities[:3].round(4)
    array([0.6065, 0.3033, 0.0758])
    """
    first, last = _chernoff(mean)
    mode = int(mean)
    rising = mean / np.arange(mode + 1, last + 1)
    falling = np.arange(mode, first, -1) / mean if mean > 0 else np.zeros(0)
    return _from_mode(falling, rising, first)


def binomial_window(count: int, chance: float) -> Window:
    """Binomial: how many of count, each by chance.

    >>> binomial_window(2, 0.5).probabilities
    array([0.25, 0.5 , 0.25])
    """
    if chance >= 1.0:
        return Window(np.ones(1), count)
    first, last = _chernoff(count * chance)
    first, last = max(first, count - _chernoff(count * (1 - chance))[1]), min(last, count)
    mode = min(int((count + 1) * chance), count)
    up, down = np.arange(mode, last), np.arange(mode, first, -1)
    odds = chance / (1 - chance)
    rising = (count - up) / (up + 1) * odds
    falling = down / (count - down + 1) / odds if chance > 0 else np.zeros(0)
    return _from_mode(falling, rising, first)


def negative_binomial_window(mean: float, variance: float) -> Window:
    """Negative binomial with this mean and a variance above it; Poisson where it is not above.

    >>> negative_binomial_window(2.0, 4.0).probabilities[:3].round(4)
    array([0.25  , 0.25  , 0.1875])
    """
    if variance <= mean * (1 + 1e-12) or mean == 0:
        return poisson_window(mean)
    shape, over = mean * mean / (variance - mean), (variance - mean) / variance
    mode = max(int((shape - 1) * over / (1 - over)), 0)
    # From the mode on, terms fall at least as fast as a geometric series by `over`, and as a gamma tail does.
    reach = int(np.ceil(TAIL / -np.log(over) + np.sqrt(2 * TAIL * variance) + 2 * TAIL * variance / mean))
    first = max(int(np.floor(mean - np.sqrt(2 * TAIL * variance))), 0)
    first = min(first, mode)
    up, down = np.arange(mode, mode + reach), np.arange(mode, first, -1)
    return _from_mode(down / ((down - 1 + shape) * over), (up + shape) / (up + 1) * over, first)


def _chernoff(mean: float) -> tuple[int, int]:
    first = int(max(np.floor(mean - np.sqrt(2 * TAIL * mean)), 0))
    last = int(np.ceil(mean + TAIL / 3 + np.sqrt((TAIL / 3) ** 2 + 2 * TAIL * mean)))
    return first, last


def _from_mode(falling: FloatArray, rising: FloatArray, first: int) -> Window:
    """From the ratios of neighbours: below the mode downwards, and above it upwards."""
    relative = np.concatenate((np.cumprod(falling)[::-1], [1.0], np.cumprod(rising)))
    return Window(relative / relative.sum(), first)
