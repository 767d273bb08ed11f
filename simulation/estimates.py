"""What replications say about a mean, a ratio, a quantile or a difference, and how sure they are of it.

Replications are independent of each other; what happens within one is not. So every interval here is made over
replications (or over long batches of one run), never over days or orders.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray

MOST_REPLICATIONS = 10**9


@dataclass(frozen=True)
class Estimate:
    """A mean and how far the truth may lie from it.

    Attributes:
        mean: The estimate.
        half_width: Of the interval around it; NaN where nothing is known of it, as with one replication.
        level: Share of such intervals that hold the truth, if the estimate is near normal.
        count: Replications (or batches) behind it.
    """

    mean: float
    half_width: float
    level: float
    count: int

    @property
    def lower(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half_width

    @property
    def upper(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half_width

    def holds(self, value: float) -> bool:
        """Whether the value lies in the interval; an unknown interval holds everything."""
        return not (value < self.lower or value > self.upper)

    def __str__(self) -> str:
        return f"{self.mean:.6g} ± {self.half_width:.3g} ({100 * self.level:.4g} %, n = {self.count})"


@dataclass(frozen=True, eq=False)
class Estimates:
    """Many estimates from the same replications; `estimates[i]` is one of them.

    Attributes:
        mean, half_width: Arrays of one shape.
        level, count: As in `Estimate`, common to all.
    """

    mean: FloatArray
    half_width: FloatArray
    level: float
    count: int

    @property
    def lower(self) -> FloatArray:
        """Lower ends of the intervals."""
        return np.asarray(self.mean - self.half_width)

    @property
    def upper(self) -> FloatArray:
        """Upper ends of the intervals."""
        return np.asarray(self.mean + self.half_width)

    def __getitem__(self, position: int | tuple[int, ...]) -> Estimate:
        return Estimate(float(self.mean[position]), float(self.half_width[position]), self.level, self.count)


@dataclass(frozen=True)
class QuantileEstimate:
    """A quantile over replications with its interval, which need not be symmetric.

    Attributes:
        chance: Of which quantile: 0.9 is exceeded by one replication in ten.
        value: The estimate.
        lower, upper: Ends of the interval, each a replication's value; −inf or inf where there are too few
            replications for an end.
        level: Least chance with which the interval holds the true quantile, whatever the distribution.
        count: Replications.
    """

    chance: float
    value: float
    lower: float
    upper: float
    level: float
    count: int


# Means


def mean_estimate(values: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Mean and interval of one value per replication, by Student's t.

    Exact for independent normal values. Intervals of few replications of a skewed measure hold the truth less
    often than they say.

    Args:
        values: Shape (replication,). One NaN makes the estimate NaN.
        level: Strictly between 0 and 1.

    Returns:
        Half-width t((1 + level)/2; n − 1) · s/√n; NaN for a single replication; exactly 0 where all are equal.

    Raises:
        ValueError: no replication, another shape, an infinite value or a level out of range.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 4.5.

    >>> print(mean_estimate([1.0, 2.0, 3.0, 4.0]))
    2.5 ± 2.05 (95 %, n = 4)
    """
    return mean_estimates(_replications("values", values, 1), level=level)[()]


def mean_estimates(values: npt.ArrayLike, *, level: float = 0.95) -> Estimates:
    """`mean_estimate` of many measures at once.

    Args:
        values: Shape (replication, …).
        level: Strictly between 0 and 1.

    Returns:
        Estimates of shape (…).

    >>> mean_estimates([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]).half_width.round(3)
    array([2.484, 0.   ])
    """
    given = _replications("values", values)
    # From the first value, so that equal replications have a half-width of exactly 0.
    deviations = given - given[0]
    spread = deviations - deviations.mean(axis=0)
    error = np.sqrt(_sum_of_squares(spread) / max(len(given) - 1, 1) / len(given))
    return _estimates(given[0] + deviations.mean(axis=0), error, level, len(given))


def batch_means(series: npt.ArrayLike, *, batches: int = 20) -> FloatArray:
    """Means of batches of equal length of one long run, its warm-up left out before.

    Args:
        series: Shape (time,). What does not fill a batch is left out at the beginning, nearest to the warm-up.
        batches: At least 2.

    Returns:
        Shape (batches,).

    Raises:
        ValueError: fewer than two batches or a series shorter than them.

    >>> batch_means([9.0, 1.0, 2.0, 3.0, 4.0], batches=2)
    array([1.5, 3.5])
    """
    given = _replications("series", series, 1)
    if batches < 2:
        raise ValueError(f"batches must be at least 2, got {batches}")
    length = len(given) // batches
    if length == 0:
        raise ValueError(f"series must be at least as long as its {batches} batches, got {len(given)} values")
    return np.asarray(given[len(given) - length * batches :].reshape(batches, length).mean(axis=1))


def batch_means_estimate(series: npt.ArrayLike, *, batches: int = 20, level: float = 0.95) -> Estimate:
    """Mean and interval of the steady state from one long run, by batch means.

    Right where batches are so long that their means hardly depend on each other: `lag_one_correlation` of
    `batch_means` should be near 0 (of independent ones it lies within ±2/√batches in 95 % of cases). Correlated
    batches give intervals that are too narrow.

    Args:
        series: Shape (time,), the warm-up left out.
        batches: 10 to 30 serve well.
        level: Strictly between 0 and 1.

    Raises:
        ValueError: as `batch_means` and `mean_estimate`.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3.

    >>> print(batch_means_estimate([1.0, 3.0, 2.0, 4.0, 3.0, 5.0], batches=3))
    3 ± 2.48 (95 %, n = 3)
    """
    return mean_estimate(batch_means(series, batches=batches), level=level)


def lag_one_correlation(series: npt.ArrayLike) -> float:
    """Correlation of each value with the next; NaN where all are equal.

    >>> lag_one_correlation([1.0, -1.0, 1.0, -1.0])
    -0.75
    """
    given = _replications("series", series, 1)
    deviations = given - given.mean()
    total = float(deviations @ deviations)
    return float(deviations[1:] @ deviations[:-1]) / total if total > 0 else float("nan")


# Ratios


def ratio_estimate(parts: npt.ArrayLike, wholes: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """A ratio of two means with its interval: fill rate is units filled over units asked for.

    All parts over all wholes, so that a replication with much demand counts more and one without any is
    harmless; the mean of the replications' own ratios answers another question. The standard error is the
    jackknife's: how much the ratio moves when each replication in turn is left out.

    Args:
        parts: Numerators, shape (replication,).
        wholes: Denominators, shape (replication,), none below 0.
        level: Strictly between 0 and 1.

    Returns:
        NaN where the wholes add up to 0; half-width NaN where all of the whole lies in one replication.

    Raises:
        ValueError: unequal shapes, a whole below 0, or as `mean_estimate`.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3 (regenerative method); B. Efron
    and R. Tibshirani, An Introduction to the Bootstrap, chapter 11 (the jackknife).

    >>> print(ratio_estimate([90.0, 45.0, 30.0], [100.0, 50.0, 40.0]))
    0.868421 ± 0.168 (95 %, n = 3)
    """
    return ratio_estimates(_replications("parts", parts, 1), _replications("wholes", wholes, 1), level=level)[()]


def ratio_estimates(parts: npt.ArrayLike, wholes: npt.ArrayLike, *, level: float = 0.95) -> Estimates:
    """`ratio_estimate` of many measures at once: parts and wholes of shape (replication, …)."""
    above, below = _ratio_parts(parts, wholes)
    without = _ratios_leaving_one_out(above, below)
    return _estimates(_share(above.sum(axis=0), below.sum(axis=0)), _jackknife_error(without), level, len(above))


# Differences under the same luck


def difference_estimate(values: npt.ArrayLike, baseline: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Mean of values less baseline, replication by replication, with its interval.

    Replication i of both met the same luck (one seed, common random numbers), or at least both have as many
    replications. If the interval leaves out 0, the difference is real at that level.

    Args:
        values, baseline: Shape (replication,), paired.
        level: Strictly between 0 and 1.

    Raises:
        ValueError: unequal shapes, or as `mean_estimate`.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 10.2.1 (paired-t).

    >>> print(difference_estimate([12.0, 15.0, 11.0], [10.0, 12.0, 10.0]))
    2 ± 2.48 (95 %, n = 3)
    """
    given, against = _paired(values, baseline)
    return mean_estimate(given - against, level=level)


def ratio_difference_estimate(
    parts: npt.ArrayLike,
    wholes: npt.ArrayLike,
    baseline_parts: npt.ArrayLike,
    baseline_wholes: npt.ArrayLike,
    *,
    level: float = 0.95,
) -> Estimate:
    """Difference of two ratios, such as fill rates, under the same luck, with its interval.

    Both ratios are left without the same replication in turn, so that luck they share cancels.

    Args:
        parts, wholes: Of the one, shape (replication,), as for `ratio_estimate`.
        baseline_parts, baseline_wholes: Of the other, paired with them.
        level: Strictly between 0 and 1.

    Raises:
        ValueError: unequal shapes, or as `ratio_estimate`.

    >>> print(ratio_difference_estimate([95.0, 48.0], [100.0, 50.0], [90.0, 45.0], [100.0, 50.0]))
    0.0533333 ± 0.0635 (95 %, n = 2)
    """
    above, below = _ratio_parts(parts, wholes)
    base_above, base_below = _ratio_parts(baseline_parts, baseline_wholes)
    _paired(above, base_above)
    without = _ratios_leaving_one_out(above, below) - _ratios_leaving_one_out(base_above, base_below)
    difference = _share(above.sum(axis=0), below.sum(axis=0)) - _share(base_above.sum(axis=0), base_below.sum(axis=0))
    return _estimates(difference, _jackknife_error(without), level, len(above))[()]


def variance_reduction(values: npt.ArrayLike, baseline: npt.ArrayLike) -> float:
    """How many times fewer replications the difference needs because both met the same luck.

    Variance the difference would have with independent luck over the variance it has: 1 where sharing luck
    changes nothing, below 1 where it harms, inf where the difference is always the same.

    Args:
        values, baseline: Shape (replication,), at least two, paired.

    >>> variance_reduction([1.0, 2.0, 3.0, 4.0], [1.1, 2.0, 3.1, 4.0]) > 100
    True
    """
    given, against = _paired(values, baseline)
    if len(given) < 2:
        raise ValueError(f"values must hold at least 2 replications, got {len(given)}")
    apart = given.var(ddof=1) + against.var(ddof=1)
    differences = given - against
    together = (differences - differences[0]).var(ddof=1)
    if together == 0:
        return float("inf") if apart > 0 else 1.0
    return float(apart / together)


def simultaneous_level(level: float, comparisons: int) -> float:
    """Level of each of several intervals so that all of them together hold at `level` (Bonferroni).

    Args:
        level: Of all together, strictly between 0 and 1.
        comparisons: At least 1.

    >>> round(simultaneous_level(0.95, 5), 6)
    0.99
    """
    _check_level(level)
    if comparisons < 1:
        raise ValueError(f"comparisons must be at least 1, got {comparisons}")
    return 1 - (1 - level) / comparisons


def differences_from_first(values: npt.ArrayLike, *, level: float = 0.95) -> Estimates:
    """Each system less the first, with intervals that all hold together at `level` (Bonferroni).

    Args:
        values: Shape (system, replication), at least two systems; replication i of each met the same luck.
        level: Of all intervals together.

    Returns:
        Estimates of shape (system − 1,), of the second system first; their `level` is that of each by itself.

    Raises:
        ValueError: fewer than two systems, or as `mean_estimate`.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 10.3.1.

    >>> costs = [[10.0, 12.0, 11.0], [9.0, 11.5, 10.0], [14.0, 15.5, 15.0]]
    >>> against_first = differences_from_first(costs)
    >>> against_first.mean.round(3), against_first.level
    (array([-0.833,  3.833]), 0.975)
    """
    given = _replications("values", values, 2)
    if len(given) < 2:
        raise ValueError(f"values must hold at least 2 systems, got {len(given)}")
    return mean_estimates((given[1:] - given[0]).T, level=simultaneous_level(level, len(given) - 1))


# Quantiles


def quantile_estimate(values: npt.ArrayLike, chance: float, *, level: float = 0.95) -> QuantileEstimate:
    """A quantile over replications, with an interval between two of their values.

    What a year may cost at worst is a quantile, not a mean. The number of replications below the true quantile is
    binomial, so the interval holds for any distribution.

    Args:
        values: Shape (replication,).
        chance: Strictly between 0 and 1.
        level: Strictly between 0 and 1.

    Returns:
        The value interpolates between the two nearest replications.

    Raises:
        ValueError: a chance out of range, or as `mean_estimate`.

    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2.

    >>> median = quantile_estimate(np.arange(1.0, 21.0), 0.5)
    >>> median.value, median.lower, median.upper
    (10.5, 6.0, 15.0)
    """
    given = np.sort(_replications("values", values, 1))
    _check_level(level)
    if not 0 < chance < 1:
        raise ValueError(f"chance must lie strictly between 0 and 1, got {chance}")
    if np.isnan(given).any():
        return QuantileEstimate(chance, *(float("nan"),) * 3, level, len(given))
    lower, upper = _interval_ranks(len(given), chance, level)
    return QuantileEstimate(
        chance=chance,
        value=float(np.quantile(given, chance)),
        lower=float(given[lower - 1]) if lower >= 1 else -float("inf"),
        upper=float(given[upper - 1]) if upper <= len(given) else float("inf"),
        level=level,
        count=len(given),
    )


# How many replications


def enough(values: npt.ArrayLike, relative_half_width: float, *, level: float = 0.95, least: int = 10) -> bool:
    """Whether replications may stop: the half-width is small enough against the mean.

    Looked at again and again, a rule like this stops a little too gladly when chance makes the spread look small;
    `least` keeps that within a percent or two of the level.

    Args:
        values: Shape (replication,), those so far.
        relative_half_width: Half-width wanted over the mean, above 0: 0.05 is ± 5 %.
        level: Strictly between 0 and 1.
        least: Replications before the question is asked, at least 2.

    Raises:
        ValueError: a half-width not above 0, least below 2, or as `mean_estimate`.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 9.4.1 (sequential procedure).

    >>> enough([100.0, 101.0] * 6, 0.01)
    True
    >>> enough([100.0, 101.0], 0.01)
    False
    """
    _check_relative(relative_half_width)
    if least < 2:
        raise ValueError(f"least must be at least 2 replications, got {least}")
    seen = mean_estimate(values, level=level)
    return seen.count >= least and seen.half_width <= relative_half_width * abs(seen.mean)


def replications_needed(values: npt.ArrayLike, *, relative_half_width: float, level: float = 0.95) -> int:
    """How many replications in all should bring the half-width down to a share of the mean.

    Judged from mean and spread of those so far, which a few replications know only roughly.

    Args:
        values: Shape (replication,), at least two.
        relative_half_width: Half-width wanted over the mean, above 0.
        level: Strictly between 0 and 1.

    Returns:
        At least those there are; at most 10⁹, which stands for "never" where the mean is 0.

    Raises:
        ValueError: fewer than two replications, a NaN, a half-width not above 0, or as `mean_estimate`.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 9.4.1.

    >>> replications_needed([95.0, 105.0, 98.0, 102.0], relative_half_width=0.02)
    22
    """
    _check_relative(relative_half_width)
    _check_level(level)
    given = _replications("values", values, 1)
    if len(given) < 2 or np.isnan(given).any():
        raise ValueError(f"values must be at least 2 replications without NaN, got {given.tolist()[:5]}")
    wanted = relative_half_width * abs(float(given.mean()))
    sd = float(np.sqrt(_sum_of_squares((given - given[0]) - (given - given[0]).mean()) / (len(given) - 1)))

    def suffices(count: int) -> bool:
        return bool(_t_quantile(level, count) * sd <= wanted * math.sqrt(count))

    return _first(suffices, len(given), MOST_REPLICATIONS)


# Pieces


def _estimates(mean: FloatArray, error: FloatArray, level: float, count: int) -> Estimates:
    _check_level(level)
    width = np.full(np.shape(mean), np.nan) if count < 2 else _t_quantile(level, count) * error
    return Estimates(np.asarray(mean), np.asarray(width), level, count)


def _t_quantile(level: float, count: int) -> float:
    """Quantile of Student's t with count − 1 degrees of freedom that a two-sided interval needs."""
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, (1 + level) / 2))


def _sum_of_squares(deviations: FloatArray) -> FloatArray:
    return np.asarray((deviations * deviations).sum(axis=0))


def _ratio_parts(parts: npt.ArrayLike, wholes: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    above, below = _replications("parts", parts), _replications("wholes", wholes)
    if above.shape != below.shape:
        raise ValueError(f"parts and wholes must have one shape, got {above.shape} and {below.shape}")
    if (below < 0).any():
        raise ValueError(f"wholes must not lie below 0, got {np.nanmin(below)}")
    return above, below


def _ratios_leaving_one_out(above: FloatArray, below: FloatArray) -> FloatArray:
    return _share(above.sum(axis=0) - above, below.sum(axis=0) - below)


def _jackknife_error(without: FloatArray) -> FloatArray:
    count = len(without)
    deviations = without - without[0]
    return np.asarray(np.sqrt((count - 1) / count * _sum_of_squares(deviations - deviations.mean(axis=0))))


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """NaN where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0))


def _interval_ranks(count: int, chance: float, level: float) -> tuple[int, int]:
    """Ranks (from 1) of the two order statistics; 0 and count + 1 where there is none far enough out."""
    from scipy.special import bdtr

    at_most = bdtr(np.arange(count + 1), count, chance)
    tail = (1 - level) / 2
    lower = int(np.searchsorted(at_most, tail, side="right"))
    upper = int(np.searchsorted(at_most, 1 - tail, side="left")) + 1
    return lower, upper


def _first(holds: Callable[[int], bool], least: int, most: int) -> int:
    """The smallest number for which a growing condition holds, or the most."""
    reach = least
    while reach < most and not holds(reach):
        least, reach = reach + 1, min(2 * reach, most)
    while least < reach:
        middle = (least + reach) // 2
        if holds(middle):
            reach = middle
        else:
            least = middle + 1
    return reach


def _replications(name: str, values: npt.ArrayLike, ndim: int | None = None) -> FloatArray:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim == 0 or (ndim is not None and given.ndim != ndim) or len(given) == 0:
        wanted = {None: "(replication, …)", 1: "(n,)", 2: "(system, replication)"}[ndim]
        raise ValueError(f"{name} must have shape {wanted} and hold at least one value, got {given.shape}")
    if np.isinf(given).any():
        raise ValueError(f"{name} must be finite, got {given[np.isinf(given)][0]}")
    return given


def _paired(values: npt.ArrayLike, baseline: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    given, against = _replications("values", values, 1), _replications("baseline", baseline, 1)
    if given.shape != against.shape:
        raise ValueError(f"values and baseline must be paired, got {len(given)} and {len(against)} replications")
    return given, against


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")


def _check_relative(relative_half_width: float) -> None:
    if not (math.isfinite(relative_half_width) and relative_half_width > 0):
        raise ValueError(f"relative_half_width must be above 0, got {relative_half_width}")
