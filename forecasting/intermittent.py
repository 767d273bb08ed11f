"""Rates of demand that comes now and then: Croston's method and its descendants.

Unknown periods are left out, as if they had not been. All methods answer with a rate, units per period, which is the
mean of what may come, not what a period looks like: most periods of such an item see nothing at all.

What is smoothed starts as a plain mean: its n-th value counts 1/n until that falls below the smoothing constant, and
the constant from there on. So the first value, however odd, does not linger in a short history, and no start needs
to be guessed.

Where several constants are offered, each series takes the one with the least squared one-step error. A short history
hardly tells one from another, so that this choice leans towards `USUAL_CONSTANT`: least is
n · log(sum of squares) + prior_weight · (log(constant / USUAL_CONSTANT))², a lognormal prior on the constant whose
weight is explicit, 0 for none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.baselines import repeated
from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

CONSTANTS = (0.02, 0.05, 0.1, 0.2, 0.3)
USUAL_CONSTANT = 0.1
MOST_AGGREGATED_PERIODS = 52
SILENCE = 1e-150
"""What decays below this is zero; still smaller numbers would slow the processor down."""


@dataclass(frozen=True)
class _Rate:
    rate: FloatArray
    fitted: FloatArray

    def forecast(self, horizon: int) -> FloatArray:
        """The rate repeated, shape (series, horizon)."""
        return repeated(self.rate, horizon)


@dataclass(frozen=True)
class CrostonRate(_Rate):
    """Attributes:
    rate: Units per period after the last period, shape (series,); 0 where nothing was demanded.
    fitted: The rate as it stood before each period, shaped like the panel's values; 0 before the first demand, NaN
        up to and with the first known period.
    size: Smoothed size of a demand, units, shape (series,).
    interval: Smoothed periods from one demand to the next, shape (series,); 0 where nothing was demanded.
    alpha: Smoothing constant of both, shape (series,).
    """

    size: FloatArray
    interval: FloatArray
    alpha: FloatArray


@dataclass(frozen=True)
class TsbRate(_Rate):
    """Attributes:
    rate: Units per period after the last period, shape (series,); 0 where nothing was demanded.
    fitted: The rate as it stood before each period, shaped like the panel's values; 0 before the first demand, NaN
        up to and with the first known period.
    size: Smoothed size of a demand, units, shape (series,).
    probability: Smoothed chance that a period has a demand, shape (series,).
    alpha: Smoothing constant of the size, shape (series,).
    beta: Smoothing constant of the probability, shape (series,).
    """

    size: FloatArray
    probability: FloatArray
    alpha: FloatArray
    beta: FloatArray


@dataclass(frozen=True)
class AggregatedRate(_Rate):
    """Attributes:
    rate: Units per period after the last period, shape (series,); 0 where nothing was demanded.
    fitted: The rate as it stood before each period, shaped like the panel's values; NaN up to and with the first
        known period.
    periods: Periods in the longest bucket, shape (series,).
    """

    periods: IntArray


def croston(panel: Panel, *, alphas: Sequence[float] = CONSTANTS, prior_weight: float = 1.0) -> CrostonRate:
    """Size over interval, both smoothed at each demand.

    Rate = size / interval, where size ← size + α·(demand − size) and interval ← interval + α·(periods since the last
    demand − interval) whenever something is demanded. It is some α/2 too high (`sba` is not) and, as nothing
    changes while nothing is demanded, it never sees that an item has died (`tsb` does).

    Args:
        panel: Histories.
        alphas: Grid to choose from, each in (0, 1]; one of them fixes it.
        prior_weight: How strongly the choice leans towards `USUAL_CONSTANT`, ≥ 0.

    Raises:
        ValueError: The grid is empty or leaves (0, 1], or prior_weight is negative.

    Source: Croston (1972), Operational Research Quarterly 23(3).
    """
    return _croston(panel, alphas, prior_weight, correction=0.0)


def sba(panel: Panel, *, alphas: Sequence[float] = CONSTANTS, prior_weight: float = 1.0) -> CrostonRate:
    """Croston's rate times 1 − α/2, which takes its bias away but for a trifle.

    Args, Raises: as `croston`.

    Source: Syntetos & Boylan (2005), International Journal of Forecasting 21(2).
    """
    return _croston(panel, alphas, prior_weight, correction=0.5)


def tsb(
    panel: Panel,
    *,
    alphas: Sequence[float] = CONSTANTS,
    betas: Sequence[float] = CONSTANTS,
    prior_weight: float = 1.0,
) -> TsbRate:
    """Size times probability; the probability is smoothed in every period, so that the rate decays in silence.

    Rate = probability · size, where probability ← probability + β·(1 or 0 − probability) at each known period and
    size ← size + α·(demand − size) whenever something is demanded.

    Args:
        panel: Histories.
        alphas: Grid for the size, each in (0, 1].
        betas: Grid for the probability, each in (0, 1].
        prior_weight: How strongly the choice leans towards `USUAL_CONSTANT`, ≥ 0.

    Raises:
        ValueError: A grid is empty or leaves (0, 1], or prior_weight is negative.

    Source: Teunter, Syntetos & Babai (2011), European Journal of Operational Research 214(3).
    """
    of_size, of_probability = _checked_grid(alphas, "alphas"), _checked_grid(betas, "betas")
    penalty = _penalty(of_size, prior_weight)[:, None] + _penalty(of_probability, prior_weight)
    rate, fitted, size, probability, chosen = _tsb(
        panel.values, panel.offsets, of_size, of_probability, penalty.ravel()
    )
    return TsbRate(
        rate=rate,
        fitted=fitted,
        size=size,
        probability=probability,
        alpha=of_size[chosen // len(of_probability)],
        beta=of_probability[chosen % len(of_probability)],
    )


def adida(panel: Panel, *, alphas: Sequence[float] = CONSTANTS, prior_weight: float = 1.0) -> AggregatedRate:
    """Demand summed into buckets as long as the mean time between demands, smoothed, and divided up again.

    The buckets lie end to end and end with the last period; the first one that the start of the history cuts is left
    out. Their length is the mean number of periods from one demand to the next, rounded. `fitted` is the same made at
    the end of every earlier period, with the length and the constant that the whole history chose; until a
    bucket is full, it is the mean.

    Args:
        panel: Histories.
        alphas: Grid to choose from, each in (0, 1]. Errors of buckets beginning at any period count.
        prior_weight: How strongly the choice leans towards `USUAL_CONSTANT`, ≥ 0.

    Raises:
        ValueError: The grid is empty or leaves (0, 1], or prior_weight is negative.

    Source: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011), Journal of the Operational Research
        Society 62(3).
    """
    return _aggregated(panel, alphas, prior_weight, every_length=False)


def imapa(panel: Panel, *, alphas: Sequence[float] = CONSTANTS, prior_weight: float = 1.0) -> AggregatedRate:
    """Mean of the rates of `adida` over all lengths of buckets from 1 to the mean time between demands.

    The longest are of `MOST_AGGREGATED_PERIODS`.

    Args, Raises: as `adida`.

    Source: Petropoulos & Kourentzes (2015), Journal of the Operational Research Society 66(6).
    """
    return _aggregated(panel, alphas, prior_weight, every_length=True)


def _croston(panel: Panel, alphas: Sequence[float], prior_weight: float, *, correction: float) -> CrostonRate:
    grid = _checked_grid(alphas, "alphas")
    rate, fitted, size, interval, chosen = _croston_rates(
        panel.values, panel.offsets, grid, 1.0 - correction * grid, _penalty(grid, prior_weight)
    )
    return CrostonRate(rate=rate, fitted=fitted, size=size, interval=interval, alpha=grid[chosen])


def _aggregated(panel: Panel, alphas: Sequence[float], prior_weight: float, *, every_length: bool) -> AggregatedRate:
    grid = _checked_grid(alphas, "alphas")
    rate, fitted, periods = _aggregated_rates(
        panel.values, panel.offsets, grid, _penalty(grid, prior_weight), every_length
    )
    return AggregatedRate(rate=rate, fitted=fitted, periods=periods)


def _checked_grid(constants: Sequence[float], name: str) -> FloatArray:
    grid = np.asarray(constants, dtype=np.float64)
    if grid.ndim != 1 or not len(grid) or not ((grid > 0) & (grid <= 1)).all():
        raise ValueError(f"{name} must be numbers in (0, 1], got {list(constants)}")
    return grid


def _penalty(grid: FloatArray, prior_weight: float) -> FloatArray:
    if not 0 <= prior_weight < np.inf:
        raise ValueError(f"prior_weight must be finite and at least 0, got {prior_weight}")
    penalty: FloatArray = prior_weight * np.log(grid / USUAL_CONSTANT) ** 2
    return penalty


@inline
def _best(squared_error: FloatArray, judged: int, penalty: FloatArray) -> int:
    """Number of the constant whose squared errors and penalty are least; the first of equals."""
    best, least = 0, np.inf
    for lane in range(len(penalty)):
        score = judged * np.log(squared_error[lane] + SILENCE) + penalty[lane]
        if score < least:
            best, least = lane, score
    return best


@kernel
def _croston_rates(
    values: FloatArray, offsets: IntArray, alphas: FloatArray, factor: FloatArray, penalty: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]:
    series, lanes = len(offsets) - 1, len(alphas)
    rate, size, interval = np.zeros(series), np.zeros(series), np.zeros(series)
    chosen = np.zeros(series, np.int64)
    fitted = np.empty(len(values))
    lane_size, lane_interval, lane_rate = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    error = np.empty(lanes)
    for i in range(series):
        start, stop = offsets[i], offsets[i + 1]
        lane_size[:] = 0.0
        lane_interval[:] = 0.0
        lane_rate[:] = 0.0
        error[:] = 0.0
        demands, since, judged = 0, 0, 0
        for t in range(start, stop):
            demand = values[t]
            if np.isnan(demand):
                continue
            since += 1
            if demands:
                judged += 1
                for lane in range(lanes):
                    missed = demand - lane_rate[lane]
                    error[lane] += missed * missed
            if demand > 0:
                demands += 1
                for lane in range(lanes):
                    gain = max(alphas[lane], 1.0 / demands)
                    lane_size[lane] += gain * (demand - lane_size[lane])
                    lane_interval[lane] += gain * (since - lane_interval[lane])
                    lane_rate[lane] = factor[lane] * lane_size[lane] / lane_interval[lane]
                since = 0
        best = _best(error, judged, penalty)
        chosen[i] = best
        rate[i], size[i], interval[i] = lane_rate[best], lane_size[best], lane_interval[best]
        _croston_path(values, start, stop, alphas[best], factor[best], fitted)
    return rate, fitted, size, interval, chosen


@inline
def _croston_path(values: FloatArray, start: int, stop: int, alpha: float, factor: float, fitted: FloatArray) -> None:
    size, interval, rate = 0.0, 0.0, np.nan
    demands, since = 0, 0
    for t in range(start, stop):
        fitted[t] = rate
        demand = values[t]
        if np.isnan(demand):
            continue
        since += 1
        if demand > 0:
            demands += 1
            gain = max(alpha, 1.0 / demands)
            size += gain * (demand - size)
            interval += gain * (since - interval)
            since = 0
        rate = factor * size / interval if demands else 0.0


@kernel
def _tsb(
    values: FloatArray, offsets: IntArray, alphas: FloatArray, betas: FloatArray, penalty: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, IntArray]:
    series, sizes, chances = len(offsets) - 1, len(alphas), len(betas)
    rate, size, probability = np.zeros(series), np.zeros(series), np.zeros(series)
    chosen = np.zeros(series, np.int64)
    fitted = np.empty(len(values))
    lane_size, lane_chance = np.empty(sizes), np.empty(chances)
    error = np.empty(sizes * chances)
    for i in range(series):
        start, stop = offsets[i], offsets[i + 1]
        lane_size[:] = 0.0
        lane_chance[:] = 0.0
        error[:] = 0.0
        demands, known = 0, 0
        for t in range(start, stop):
            demand = values[t]
            if np.isnan(demand):
                continue
            if demands:
                for a in range(sizes):
                    for b in range(chances):
                        missed = demand - lane_chance[b] * lane_size[a]
                        error[a * chances + b] += missed * missed
            known += 1
            happened = 0.0
            if demand > 0:
                happened = 1.0
                demands += 1
                for a in range(sizes):
                    lane_size[a] += max(alphas[a], 1.0 / demands) * (demand - lane_size[a])
            for b in range(chances):
                chance = lane_chance[b] + max(betas[b], 1.0 / known) * (happened - lane_chance[b])
                lane_chance[b] = chance if chance > SILENCE else 0.0
        best = _best(error, known, penalty)
        chosen[i] = best
        size[i], probability[i] = lane_size[best // chances], lane_chance[best % chances]
        rate[i] = size[i] * probability[i]
        _tsb_path(values, start, stop, alphas[best // chances], betas[best % chances], fitted)
    return rate, fitted, size, probability, chosen


@inline
def _tsb_path(values: FloatArray, start: int, stop: int, alpha: float, beta: float, fitted: FloatArray) -> None:
    size, chance, rate = 0.0, 0.0, np.nan
    demands, known = 0, 0
    for t in range(start, stop):
        fitted[t] = rate
        demand = values[t]
        if np.isnan(demand):
            continue
        known += 1
        happened = 0.0
        if demand > 0:
            happened = 1.0
            demands += 1
            size += max(alpha, 1.0 / demands) * (demand - size)
        chance += max(beta, 1.0 / known) * (happened - chance)
        if chance < SILENCE:
            chance = 0.0
        rate = size * chance


@kernel
def _aggregated_rates(
    values: FloatArray, offsets: IntArray, alphas: FloatArray, penalty: FloatArray, every_length: bool
) -> tuple[FloatArray, FloatArray, IntArray]:
    series, lanes = len(offsets) - 1, len(alphas)
    rate = np.zeros(series)
    periods = np.ones(series, np.int64)
    fitted = np.zeros(len(values))
    longest = 1
    for i in range(series):
        longest = max(longest, offsets[i + 1] - offsets[i])
    demand = np.empty(longest)
    bucket = np.empty(longest)
    summed = np.empty(longest)
    level = np.empty((longest, lanes))
    for i in range(series):
        start, stop = offsets[i], offsets[i + 1]
        known, demands, last = 0, 0, 0
        for t in range(start, stop):
            if not np.isnan(values[t]):
                demand[known] = values[t]
                known += 1
                if values[t] > 0:
                    demands += 1
                    last = known
        if demands:
            periods[i] = min(max(int(np.floor(last / demands + 0.5)), 1), known)
        if every_length:
            periods[i] = min(periods[i], MOST_AGGREGATED_PERIODS)
        shortest = 1 if every_length else periods[i]
        summed[:known] = 0.0
        bucket[:known] = 0.0
        for length in range(1, periods[i] + 1):
            for t in range(length - 1, known):
                bucket[t] += demand[t - length + 1]
            if length >= shortest:
                _add_bucket_rates(demand[:known], bucket, length, alphas, penalty, level, summed)
        lengths = periods[i] - shortest + 1
        standing, place = np.nan, 0
        for t in range(start, stop):
            fitted[t] = standing
            if not np.isnan(values[t]):
                standing = summed[place] / lengths
                place += 1
        if known:
            rate[i] = standing
    return rate, fitted, periods


@inline
def _add_bucket_rates(
    demand: FloatArray,
    bucket: FloatArray,
    length: int,
    alphas: FloatArray,
    penalty: FloatArray,
    level: FloatArray,
    summed: FloatArray,
) -> None:
    """Smooth `bucket[t]`, the demand of the `length` periods up to t, and add the rates to `summed`.

    The bucket before the one that ends with period t ends with t − length, so that the chains of buckets, one for
    each period they may begin at, take one pass.
    """
    lanes, known = len(alphas), len(demand)
    error = np.zeros(lanes)
    for t in range(length - 1, known):
        number = (t + 1) // length
        if number == 1:
            level[t, :] = bucket[t]
            continue
        for lane in range(lanes):
            missed = bucket[t] - level[t - length, lane]
            error[lane] += missed * missed
            level[t, lane] = level[t - length, lane] + max(alphas[lane], 1.0 / number) * missed
    best = _best(error, known // length - 1, penalty)
    total = 0.0
    for t in range(known):
        total += demand[t]
        summed[t] += total / (t + 1) if t < length - 1 else level[t, best] / length
