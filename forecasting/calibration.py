"""Whether a forecast says rightly how sure it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forecasting.accuracy import checked_quantiles
from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray


@dataclass(frozen=True)
class ClusteredShare:
    """Attributes:
    share: Share covered.
    standard_error: Of the share, infinite with a single origin, which cannot say how origins differ.
    forecasts: Number of forecasts.
    origins: Number of origins they were made at.
    """

    share: float
    standard_error: float
    forecasts: int
    origins: int


def clustered_coverage(covered: ArrayLike, origins: ArrayLike) -> ClusteredShare:
    """Share covered, with a standard error that lets all series err together at an origin.

    A week that is bad for one series is bad for many, so that a thousand forecasts made at one origin say far
    less than a thousand origins would. The standard error is √(G/(G−1)·Σ_g (Σ_i∈g (c_i − share))²) / n over the G
    origins. Origins whose windows overlap are still taken as independent: space them a window apart.

    Args:
        covered: True (or 1) where the actual was at or below its quantile, shape (forecast,).
        origins: Which origin each forecast was made at, any labels, shape (forecast,).

    Raises:
        ValueError: Shapes that do not agree, NaN, or nothing to compare.

    Source: Liang & Zeger (1986), Biometrika 73(1), for a mean, with the usual G/(G−1).
    """
    hit = np.asarray(covered, dtype=np.float64)
    label = np.asarray(origins)
    if hit.ndim != 1 or hit.shape != label.shape:
        raise ValueError(f"covered and origins must be of one length, got shapes {hit.shape} and {label.shape}")
    if not hit.size:
        raise ValueError("covered must hold at least one value, got none")
    if not ((hit >= 0) & (hit <= 1)).all():
        raise ValueError("covered must be true or false, or lie between 0 and 1")
    _, origin = np.unique(label, return_inverse=True)
    share, error = clustered_means(hit[:, None], origin, np.zeros(len(hit), dtype=np.int64))
    return ClusteredShare(float(share[0, 0]), float(error[0, 0]), len(hit), int(origin.max()) + 1)


def clustered_means(values: FloatArray, origins: IntArray, groups: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean of each column by group, and its standard error clustered by origin as in `clustered_coverage`.

    Args:
        values: shape (forecast, column).
        origins: Numbers from 0, shape (forecast,).
        groups: Numbers from 0, each of which occurs, shape (forecast,).

    Returns:
        Means and standard errors, each of shape (group, column).
    """
    width = int(origins.max(initial=0)) + 1
    cell, cell_of_row = np.unique(groups * width + origins, return_inverse=True)
    group_of_cell = cell // width
    size, clusters = np.bincount(groups), np.bincount(group_of_cell)
    means = _sums(values, groups, len(size)) / size[:, None]
    swing = _sums(values - means[groups], cell_of_row, len(cell))
    variance = _sums(swing**2, group_of_cell, len(size)) / size[:, None] ** 2
    correction = np.where(clusters > 1, clusters / np.maximum(clusters - 1.0, 1.0), 1.0)
    error = np.sqrt(correction[:, None] * variance)
    return means, np.where(clusters[:, None] > 1, error, np.inf)


def pit(actual: ArrayLike, quantiles: ArrayLike, *, levels: ArrayLike, uniforms: ArrayLike) -> FloatArray:
    """Randomised probability integral transform of whole-number demand: uniform on (0, 1) if all is well.

    A whole number y stands for the interval y ± ½, of which `uniforms` picks a point, so that a forecast of
    few units can be judged like one of many. The distribution function rises in straight lines from 0 at −½
    through the levels at their quantiles. Where several levels share a quantile, its interval holds their
    probability and what leads half-way to the neighbouring levels, evenly. Beyond the last quantile the function
    nears 1 exponentially, going on as steeply as it rose before. Quantiles below 0 are read as 0.

    Args:
        actual: Units, shape (forecast,).
        quantiles: Units, not falling along a row, shape (forecast, level).
        levels: Probabilities, ascending, shape (level,).
        uniforms: Numbers in [0, 1] drawn independently of the forecasts, shape (forecast,).

    Returns:
        shape (forecast,), in [0, 1].

    Raises:
        ValueError: Shapes that do not agree, levels that do not rise within (0, 1), quantiles that fall, uniforms
            outside [0, 1], or NaN.

    Source: for counts, Czado, Gneiting & Held (2009), Biometrics 65(4).
    """
    probability, seen, said = checked_quantiles(actual, quantiles, levels)
    chance = np.asarray(uniforms, dtype=np.float64)
    if chance.shape != seen.shape:
        raise ValueError(f"uniforms must have the shape of actual {seen.shape}, got {chance.shape}")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError("uniforms must lie between 0 and 1")
    return _distribution_at(seen - 0.5 + chance, np.maximum(said, 0.0), probability)


def _sums(values: FloatArray, groups: IntArray, number: int) -> FloatArray:
    """Column sums by group, each in the order of the rows; shape (group, column)."""
    columns = [np.bincount(groups, weights=column, minlength=number) for column in values.T]
    return np.stack(columns, axis=1) if columns else np.zeros((number, 0))


@kernel
def _distribution_at(points: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Probability below each point, which lies half a unit around a whole number; shape (forecast,)."""
    result = np.empty(len(points))
    last = len(levels) - 1
    for row in range(len(points)):
        said, point = quantiles[row], points[row]
        place, height, width = -0.5, 0.0, said[0] + 0.5
        first, reach = 0, 0.5
        result[row] = 0.0
        while True:
            tied = first
            while tied < last and said[tied + 1] == said[first]:
                tied += 1
            lower = levels[first] - (levels[first] - (levels[first - 1] if first else 0.0)) * reach / width
            if point < said[first] - reach:
                result[row] = _between(point, place, height, said[first] - reach, lower)
                break
            before = reach
            if tied == last:
                rest = 1.0 - levels[last]
                steepness = (levels[last] - lower) / before / rest
                upper = 1.0 - rest * np.exp(-0.5 * steepness)
                if point >= said[last] + 0.5:
                    result[row] = 1.0 - rest * np.exp(-steepness * (point - said[last]))
                else:
                    result[row] = _between(point, said[last] - before, lower, said[last] + 0.5, upper)
                break
            width = said[tied + 1] - said[tied]
            reach = min(0.5, width / 2)
            upper = levels[tied] + (levels[tied + 1] - levels[tied]) * reach / width
            if point < said[tied] + reach:
                result[row] = _between(point, said[first] - before, lower, said[tied] + reach, upper)
                break
            place, height, first = said[tied] + reach, upper, tied + 1
    return result


@inline
def _between(point: float, left: float, low: float, right: float, high: float) -> float:
    """Straight line from (left, low) to (right, high)."""
    return low + (high - low) * min(max((point - left) / (right - left), 0.0), 1.0)
