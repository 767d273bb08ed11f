"""Counts whose mean wanders: negative binomial demand, with or without extra zeros.

Demand of a period, given all before, is negative binomial with mean m and variance v·m. The mean is exponentially
smoothed, m ← m + α·(demand − m), and v, the variance over the mean, stays: customers come more or less often while
what one of them takes stays as it is (the counts are those of Poisson customers with logarithmic quantities).
The zero-inflated model adds periods, a fixed share of them, in which nobody comes at all.

The mean starts at that of the whole history, counted as one period: n periods later a period weighs 1 / (n + 1)
until that falls below α. Unknown periods are left out. For the likelihood demand is rounded to whole units.

α, v and the zero share are those of the greatest likelihood on a grid that is refined around the best. A short
history hardly tells, so that its choice leans on a prior of explicit weight: α is lognormal around `USUAL_ALPHA`,
v lognormal around 1 + √mean, the power law with exponent 1.5 that demand across items tends to follow, and the zero
share has density proportional to 1 − share. Weight 0 is plain maximum likelihood.

Source: Snyder, Ord & Beaumont (2012), International Journal of Forecasting 28(2): the negative binomial and the
undamped, smoothed mean. The variance of totals under exponential smoothing: Hyndman, Koehler, Ord & Snyder,
Forecasting with Exponential Smoothing (2008), chapter 6.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.baselines import checked_horizon, repeated
from forecasting.compiled import inline, kernel
from forecasting.negative_binomial import negative_binomial_quantiles
from forecasting.panel import FloatArray, IntArray, Panel

ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
USUAL_ALPHA = 0.1
PRIOR_FACTOR_OF_ALPHA = math.e
PRIOR_FACTOR_OF_DISPERSION = 3.0
"""What one standard deviation of the prior multiplies α or v by."""
MOST_DEMAND = 1e12
LEAST_MEAN = 1e-12
LEAST_SHARE = 1e-3
MOST_SHARE = 0.98
DISPERSIONS = 9
SHARES = 3
"""Lanes of the coarse grid: dispersions a factor of 4 apart, and zero shares up to the share of zeros seen."""
SEARCHES = 10
MANY = 120
"""From here on the logarithm of a product of rising factors is quicker by Stirling's series."""
FEW = 8
"""So many factors, none below `LEAST_MEAN` nor far above `MOST_DEMAND`, change a product by less than 1e130 times."""
LOG_1E150 = 150.0 * math.log(10.0)


LEAST_LEVEL = 1e-12
"""Stands for levels that the extra zeros reach alone, whose quantile is 0."""


@dataclass(frozen=True)
class NegativeBinomialLevel:
    """Attributes:
    rate: Mean demand per period after the last, units, shape (series,); 0 where nothing was demanded.
    fitted: The mean as it stood before each period, shaped like the panel's values; NaN where the series has no
        known period at all.
    alpha: Smoothing constant, shape (series,).
    dispersion: v, variance over mean, at least 1, shape (series,).
    gain: Weight of a further period, α or more in a short history, shape (series,).
    log_likelihood: Of the demand, rounded to whole units, shape (series,).
    """

    rate: FloatArray
    fitted: FloatArray
    alpha: FloatArray
    dispersion: FloatArray
    gain: FloatArray
    log_likelihood: FloatArray

    def forecast(self, horizon: int) -> FloatArray:
        """The mean repeated, shape (series, horizon)."""
        return repeated(self.rate, horizon)

    def variance(self, horizon: int) -> FloatArray:
        """Variance of the demand of each period to come, v·m·(1 + (h − 1)·gain²), shape (series, horizon)."""
        return (self.rate * self.dispersion)[:, None] * (1.0 + _wandered(self.gain, horizon))

    def quantiles(self, levels: Sequence[float], horizon: int) -> IntArray:
        """Smallest whole demand of each period that is not exceeded with each probability.

        Returns:
            Shape (series, horizon, level); negative binomial with the mean and the variance of the period.

        Raises:
            ValueError: A level outside (0, 1), or horizon below 1.
        """
        asked = _checked_levels(levels)
        variance = self.variance(horizon)
        return negative_binomial_quantiles(self.forecast(horizon).ravel(), variance.reshape(-1, 1), asked).reshape(
            *variance.shape, len(asked)
        )

    def total_quantiles(self, levels: Sequence[float], horizon: int) -> IntArray:
        """The same of the total demand of the next `horizon` periods, shape (series, level).

        Its variance is v·m·Σ (1 + j·gain)² over j from 0 to horizon − 1: a surprise moves all that follow.

        Raises:
            ValueError: A level outside (0, 1), or horizon below 1.
        """
        return _total_quantiles(self.rate, self.rate * self.dispersion, self.gain, levels, horizon)


@dataclass(frozen=True)
class ZeroInflatedLevel:
    """Attributes:
    rate: Mean demand per period after the last, units, shape (series,); 0 where nothing was demanded.
    fitted: The mean as it stood before each period, shaped like the panel's values; NaN where the series has no
        known period at all.
    alpha: Smoothing constant, shape (series,).
    dispersion: v, variance over mean of the periods in which customers may come, at least 1, shape (series,).
    zero_share: Share of periods in which nobody comes, in [0, 1), shape (series,).
    gain: Weight of a further period, α or more in a short history, shape (series,).
    log_likelihood: Of the demand, rounded to whole units, shape (series,).
    """

    rate: FloatArray
    fitted: FloatArray
    alpha: FloatArray
    dispersion: FloatArray
    zero_share: FloatArray
    gain: FloatArray
    log_likelihood: FloatArray

    def forecast(self, horizon: int) -> FloatArray:
        """The mean repeated, shape (series, horizon)."""
        return repeated(self.rate, horizon)

    def variance(self, horizon: int) -> FloatArray:
        """Variance of the demand of each period to come, shape (series, horizon).

        w·(1 + (h − 1)·gain² / (1 − zero share)) with w = m·(v + m·zero share / (1 − zero share)), that of the first.
        """
        grown = _wandered(self.gain, horizon) / (1.0 - self.zero_share)[:, None]
        return self._first_variance()[:, None] * (1.0 + grown)

    def quantiles(self, levels: Sequence[float], horizon: int) -> IntArray:
        """Smallest whole demand of each period that is not exceeded with each probability.

        Returns:
            Shape (series, horizon, level): zero with the zero share, otherwise negative binomial.

        Raises:
            ValueError: A level outside (0, 1), or horizon below 1.
        """
        asked = _checked_levels(levels)
        open_share = 1.0 - self.zero_share
        mean = self.rate / open_share
        spread = self._first_variance() / open_share**2
        variance = (mean * self.dispersion)[:, None] + spread[:, None] * _wandered(self.gain, horizon)
        level = (asked - self.zero_share[:, None]) / open_share[:, None]
        each = np.repeat(np.maximum(level, LEAST_LEVEL), horizon, axis=0)
        quantiles = negative_binomial_quantiles(np.repeat(mean, horizon), variance.reshape(-1, 1), each)
        shaped = quantiles.reshape(*variance.shape, len(asked))
        return np.where(level[:, None, :] > 0, shaped, 0)

    def total_quantiles(self, levels: Sequence[float], horizon: int) -> IntArray:
        """The same of the total demand of the next `horizon` periods, shape (series, level).

        Negative binomial with the mean and the variance of the total, for in a total the extra zeros are averaged
        out; so that for a single period `quantiles` is sharper.

        Raises:
            ValueError: A level outside (0, 1), or horizon below 1.
        """
        return _total_quantiles(self.rate, self._first_variance(), self.gain, levels, horizon)

    def _first_variance(self) -> FloatArray:
        return self.rate * (self.dispersion + self.rate * self.zero_share / (1.0 - self.zero_share))


def negative_binomial_level(
    panel: Panel, *, alphas: Sequence[float] = ALPHAS, prior_weight: float = 1.0
) -> NegativeBinomialLevel:
    """Negative binomial demand around a smoothed mean, as the module says.

    Args:
        panel: Histories.
        alphas: Grid to choose from, each in (0, 1].
        prior_weight: Weight of the prior, ≥ 0; 0 for plain maximum likelihood.

    Raises:
        ValueError: The grid is empty or leaves (0, 1], prior_weight is negative, or demand exceeds `MOST_DEMAND`.
    """
    grid = _checked_alphas(alphas)
    _check_demand(panel, prior_weight)
    rate, fitted, chosen, extra, gain, likelihood = _negative_binomial_levels(
        panel.values, panel.offsets, grid, float(prior_weight)
    )
    return NegativeBinomialLevel(
        rate=rate, fitted=fitted, alpha=chosen, dispersion=1.0 + extra, gain=gain, log_likelihood=likelihood
    )


def zero_inflated_level(
    panel: Panel, *, alphas: Sequence[float] = ALPHAS, prior_weight: float = 1.0
) -> ZeroInflatedLevel:
    """Zero-inflated negative binomial demand around a smoothed mean, as the module says.

    Where no share of extra zeros is likelier than none, this is `negative_binomial_level`.

    Args, Raises: as `negative_binomial_level`.
    """
    plain = negative_binomial_level(panel, alphas=alphas, prior_weight=prior_weight)
    rate, fitted, alpha, extra, share, gain, likelihood = _zero_inflated_levels(
        panel.values,
        panel.offsets,
        _checked_alphas(alphas),
        plain.alpha,
        plain.dispersion - 1.0,
        plain.log_likelihood,
        float(prior_weight),
    )
    return ZeroInflatedLevel(
        rate=rate,
        fitted=fitted,
        alpha=alpha,
        dispersion=1.0 + extra,
        zero_share=share,
        gain=gain,
        log_likelihood=likelihood,
    )


def _checked_alphas(alphas: Sequence[float]) -> FloatArray:
    grid = np.asarray(alphas, dtype=np.float64)
    if grid.ndim != 1 or not len(grid) or not ((grid > 0) & (grid <= 1)).all():
        raise ValueError(f"alphas must be numbers in (0, 1], got {list(alphas)}")
    return grid


def _check_demand(panel: Panel, prior_weight: float) -> None:
    if not 0 <= prior_weight < np.inf:
        raise ValueError(f"prior_weight must be finite and at least 0, got {prior_weight}")
    refused = panel.values > MOST_DEMAND
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        series = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        raise ValueError(
            f"demand of {panel.ids[series]!r} must be at most {MOST_DEMAND:.0e} to be counted, "
            f"got {panel.values[first]}"
        )


def _checked_levels(levels: Sequence[float]) -> FloatArray:
    asked = np.asarray(levels, dtype=np.float64)
    if asked.ndim != 1 or not ((asked > 0) & (asked < 1)).all():
        raise ValueError(f"levels must lie strictly between 0 and 1, got {list(levels)}")
    return asked


def _wandered(gain: FloatArray, horizon: int) -> FloatArray:
    """Variance that the mean has gathered before each period to come, over that of the first demand."""
    return gain[:, None] ** 2 * np.arange(checked_horizon(horizon))


def _total_quantiles(
    rate: FloatArray, variance: FloatArray, gain: FloatArray, levels: Sequence[float], horizon: int
) -> IntArray:
    asked = _checked_levels(levels)
    h = float(checked_horizon(horizon))
    of_sums = h + gain * h * (h - 1) + gain**2 * (h - 1) * h * (2 * h - 1) / 6
    return negative_binomial_quantiles(h * rate, (variance * of_sums)[:, None], asked)


@kernel
def _negative_binomial_levels(
    values: FloatArray, offsets: IntArray, alphas: FloatArray, prior_weight: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    series = len(offsets) - 1
    rate, alpha, extra = np.zeros(series), np.zeros(series), np.zeros(series)
    gain, likelihood = np.zeros(series), np.zeros(series)
    fitted = np.full(len(values), np.nan)
    longest = _longest(offsets)
    history, counts, path = np.empty(longest), np.empty(longest), np.empty(longest)
    coarse, score = np.empty(DISPERSIONS), np.empty(DISPERSIONS)
    fine, fine_score = np.empty(5), np.empty(5)
    for i in range(series):
        start, stop = offsets[i], offsets[i + 1]
        known = _known_demand(values[start:stop], history, counts)
        demand, count, before = history[:known], counts[:known], path[:known]
        mean, ratio = _mean_and_ratio(demand)
        usual = np.log1p(np.sqrt(mean))
        for lane in range(DISPERSIONS):
            coarse[lane] = 4.0 * max(1.0, ratio) * 4.0 ** (lane + 1 - DISPERSIONS)
        coarse[0] = 0.0
        best = -np.inf
        for one in alphas:
            leaning = prior_weight * _log_density(np.log(one / USUAL_ALPHA), PRIOR_FACTOR_OF_ALPHA)
            _smooth(demand, mean, one, before)
            _log_likelihoods(count, before, coarse, score)
            _lean_on_usual_dispersion(coarse, usual, prior_weight, score)
            lane = _highest(score)
            if score[lane] + leaning > best:
                best, alpha[i], extra[i] = score[lane] + leaning, one, coarse[lane]
        rate[i] = _smooth(demand, mean, alpha[i], before)
        for step in (2.0**0.5, 2.0**0.125, 2.0**0.03125):
            for lane in range(5):
                fine[lane] = extra[i] * step ** (lane - 2)
            _log_likelihoods(count, before, fine, fine_score)
            likeliest = fine_score.copy()
            _lean_on_usual_dispersion(fine, usual, prior_weight, fine_score)
            lane = _highest(fine_score)
            extra[i], likelihood[i] = fine[lane], likeliest[lane]
        likelihood[i] -= _log_factorials(count)
        gain[i] = max(alpha[i], 1.0 / (known + 1))
        if known:
            _spread_over_periods(values[start:stop], before, rate[i], fitted[start:stop])
    return rate, fitted, alpha, extra, gain, likelihood


@kernel
def _zero_inflated_levels(
    values: FloatArray,
    offsets: IntArray,
    alphas: FloatArray,
    plain_alpha: FloatArray,
    plain_extra: FloatArray,
    plain_likelihood: FloatArray,
    prior_weight: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """From the model without extra zeros: dispersion and zero share at its α, then α at those, then those again."""
    series = len(offsets) - 1
    rate, gain, share = np.zeros(series), np.zeros(series), np.zeros(series)
    alpha, extra, likelihood = plain_alpha.copy(), plain_extra.copy(), plain_likelihood.copy()
    fitted = np.full(len(values), np.nan)
    longest = _longest(offsets)
    history, counts, path = np.empty(longest), np.empty(longest), np.empty(longest)
    one_extra, one_share, score = np.empty(1), np.empty(1), np.empty(1)
    for i in range(series):
        start, stop = offsets[i], offsets[i + 1]
        known = _known_demand(values[start:stop], history, counts)
        demand, count, before = history[:known], counts[:known], path[:known]
        mean, ratio = _mean_and_ratio(demand)
        zeros = np.sum(count == 0.0)
        rate[i] = _smooth(demand, mean, alpha[i], before)
        if mean > 0 and zeros > 0:
            factorials = _log_factorials(count)
            usual = np.log1p(np.sqrt(mean))
            one_extra[0], score[0] = extra[i], likelihood[i] + factorials
            _lean_on_usual_dispersion(one_extra, usual, prior_weight, score)
            most_share = min(zeros / known, MOST_SHARE)
            extra[i], share[i] = _inflation_on_grid(
                count, before, usual, prior_weight, 4.0 * max(1.0, ratio), most_share, extra[i], score[0]
            )
            if share[i] > 0.0:
                step = most_share / (2 * SHARES)
                extra[i], share[i] = _climbed(count, before, usual, prior_weight, extra[i], share[i], 2.0, step)
                one_extra[0], one_share[0] = extra[i], share[i]
                best = -np.inf
                for one in alphas:
                    _smooth(demand, mean, one, before)
                    _inflated_log_likelihoods(count, before, one_extra, one_share, score)
                    score[0] += prior_weight * _log_density(np.log(one / USUAL_ALPHA), PRIOR_FACTOR_OF_ALPHA)
                    if score[0] > best:
                        best, alpha[i] = score[0], one
                rate[i] = _smooth(demand, mean, alpha[i], before)
                if alpha[i] != plain_alpha[i]:
                    extra[i], share[i] = _climbed(
                        count, before, usual, prior_weight, extra[i], share[i], np.sqrt(2.0), step / 2
                    )
                one_extra[0], one_share[0] = extra[i], share[i]
                _inflated_log_likelihoods(count, before, one_extra, one_share, score)
                likelihood[i] = score[0] - factorials
        gain[i] = max(alpha[i], 1.0 / (known + 1))
        if known:
            _spread_over_periods(values[start:stop], before, rate[i], fitted[start:stop])
    return rate, fitted, alpha, extra, share, gain, likelihood


@inline
def _inflation_on_grid(
    count: FloatArray,
    before: FloatArray,
    usual: float,
    prior_weight: float,
    most_extra: float,
    most_share: float,
    plain_extra: float,
    plain_score: float,
) -> tuple[float, float]:
    """Dispersion and zero share, the latter 0 unless some share scores above the model without."""
    lanes = DISPERSIONS * SHARES
    extras, shares, score = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    for lane in range(lanes):
        extras[lane] = most_extra * 4.0 ** (lane // SHARES + 1 - DISPERSIONS)
        shares[lane] = most_share * (lane % SHARES + 0.5) / SHARES
    extras[:SHARES] = 0.0
    _inflated_scores(count, before, extras, shares, usual, prior_weight, score)
    lane = _highest(score)
    if score[lane] > plain_score:
        return extras[lane], shares[lane]
    return plain_extra, 0.0


@inline
def _climbed(
    count: FloatArray,
    before: FloatArray,
    usual: float,
    prior_weight: float,
    extra: float,
    share: float,
    factor: float,
    step: float,
) -> tuple[float, float]:
    """Dispersion and zero share after moves to the best of eight neighbours, which draw near when none is better."""
    extras, shares, score = np.empty(9), np.empty(9), np.empty(9)
    for _ in range(SEARCHES):
        for lane in range(9):
            extras[lane] = extra * factor ** (lane // 3 - 1)
            shares[lane] = min(max(share + step * (lane % 3 - 1), LEAST_SHARE), MOST_SHARE)
        _inflated_scores(count, before, extras, shares, usual, prior_weight, score)
        best = _highest(score)
        if score[best] > score[4]:
            extra, share = extras[best], shares[best]
        else:
            factor, step = np.sqrt(factor), step / 2
    return extra, share


@inline
def _inflated_scores(
    count: FloatArray,
    before: FloatArray,
    extras: FloatArray,
    shares: FloatArray,
    usual: float,
    prior_weight: float,
    score: FloatArray,
) -> None:
    _inflated_log_likelihoods(count, before, extras, shares, score)
    _lean_on_usual_dispersion(extras, usual, prior_weight, score)
    for lane in range(len(score)):
        score[lane] += prior_weight * np.log1p(-shares[lane])


@inline
def _longest(offsets: IntArray) -> int:
    longest = 1
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


@inline
def _known_demand(values: FloatArray, history: FloatArray, counts: FloatArray) -> int:
    """Known demand and the same in whole units, packed to the left; their number."""
    known = 0
    for value in values:
        if not np.isnan(value):
            history[known] = value
            counts[known] = max(np.floor(value + 0.5), 1.0) if value > 0 else 0.0
            known += 1
    return known


@inline
def _mean_and_ratio(demand: FloatArray) -> tuple[float, float]:
    """Mean and variance over mean; 0 and 1 where there is none."""
    known = len(demand)
    total = 0.0
    for value in demand:
        total += value
    if total == 0.0:
        return 0.0, 1.0
    mean = total / known
    squares = 0.0
    for value in demand:
        squares += (value - mean) * (value - mean)
    return mean, squares / known / mean


@inline
def _smooth(demand: FloatArray, mean: float, alpha: float, before: FloatArray) -> float:
    """The smoothed mean before each demand, into `before`, and after the last."""
    for t in range(len(demand)):
        before[t] = mean
        mean += max(alpha, 1.0 / (t + 2)) * (demand[t] - mean)
        if mean < LEAST_MEAN:
            mean = LEAST_MEAN if before[t] > 0 else 0.0
    return mean


@inline
def _spread_over_periods(values: FloatArray, before: FloatArray, last: float, fitted: FloatArray) -> None:
    known = 0
    for t in range(len(values)):
        fitted[t] = before[known] if known < len(before) else last
        known += not np.isnan(values[t])


@inline
def _log_density(distance: float, factor: float) -> float:
    """Log of a normal density, up to a constant, whose standard deviation is log(factor)."""
    return -0.5 * (distance / math.log(factor)) ** 2


@inline
def _lean_on_usual_dispersion(extras: FloatArray, usual: float, prior_weight: float, score: FloatArray) -> None:
    for lane in range(len(extras)):
        score[lane] += prior_weight * _log_density(np.log1p(extras[lane]) - usual, PRIOR_FACTOR_OF_DISPERSION)


@inline
def _highest(score: FloatArray) -> int:
    highest = 0
    for lane in range(1, len(score)):
        if score[lane] > score[highest]:
            highest = lane
    return highest


@inline
def _log_factorials(counts: FloatArray) -> float:
    total = 0.0
    for count in counts:
        if count > 1:
            total += math.lgamma(count + 1.0)
    return total


@inline
def _per_unit(extra: float) -> float:
    """−log of the chance of no demand, over the mean: log(1 + extra) / extra."""
    return math.log1p(extra) / extra if extra > 0 else 1.0


@inline
def _log_likelihoods(counts: FloatArray, before: FloatArray, extras: FloatArray, logs: FloatArray) -> None:
    """Log-likelihood, but for the factorials, of negative binomials with variance (1 + extra)·mean.

    P(y) · y! = Π (mean + j·extra) / (1 + extra)^y · exp(−mean · log(1 + extra) / extra), j from 0 to y − 1: Poisson
    where extra is 0. Periods without demand need no more than the sum of their means.
    """
    lanes = len(extras)
    raised, product = np.ones(lanes), np.ones(lanes)
    logs[:] = 0.0
    means, demanded = 0.0, 0.0
    for t in range(len(counts)):
        means += before[t]
        if counts[t] > 0:
            demanded += counts[t]
            _multiply_rising(before[t], raised, extras, counts[t], product, logs)
    for lane in range(lanes):
        logs[lane] += np.log(product[lane]) - demanded * np.log1p(extras[lane]) - means * _per_unit(extras[lane])


@inline
def _inflated_log_likelihoods(
    counts: FloatArray, before: FloatArray, extras: FloatArray, shares: FloatArray, logs: FloatArray
) -> None:
    """The same with a share of further zeros, above 0, in each lane: the other periods have mean / (1 − share)."""
    lanes = len(extras)
    raised, per_unit, product = 1.0 / (1.0 - shares), np.empty(lanes), np.ones(lanes)
    for lane in range(lanes):
        per_unit[lane] = _per_unit(extras[lane]) * raised[lane]
    logs[:] = 0.0
    means, demanded, demands = 0.0, 0.0, 0
    for t in range(len(counts)):
        if counts[t] > 0:
            means += before[t]
            demanded += counts[t]
            demands += 1
            _multiply_rising(before[t], raised, extras, counts[t], product, logs)
        else:
            for lane in range(lanes):
                none = shares[lane] + (1.0 - shares[lane]) * np.exp(-before[t] * per_unit[lane])
                product[lane] = _within_range(product[lane] * none, lane, logs)
    for lane in range(lanes):
        logs[lane] += np.log(product[lane]) + demands * np.log1p(-shares[lane])
        logs[lane] -= demanded * np.log1p(extras[lane]) + means * per_unit[lane]


@inline
def _within_range(product: float, lane: int, logs: FloatArray) -> float:
    """The product, a part of it moved to its logarithm before it can overflow or vanish."""
    if product > 1e75:
        logs[lane] += LOG_1E150
        return product * 1e-150
    if product < 1e-75:
        logs[lane] -= LOG_1E150
        return product * 1e150
    return product


@inline
def _multiply_rising(
    mean: float, raised: FloatArray, extras: FloatArray, count: float, product: FloatArray, logs: FloatArray
) -> None:
    """Multiply by mean·raised + j·extra for j from 0 to count − 1, or add the logarithm where these are many."""
    if count > MANY:
        for lane in range(len(extras)):
            logs[lane] += _log_rising(mean * raised[lane], extras[lane], count)
        return
    for done in range(0, int(count), FEW):
        batch = min(int(count) - done, FEW)
        for lane in range(len(extras)):
            rising = _rising(mean * raised[lane] + done * extras[lane], extras[lane], batch)
            product[lane] = _within_range(product[lane] * rising, lane, logs)


@inline
def _rising(first: float, step: float, count: int) -> float:
    """Π (first + j·step) over j from 0 to count − 1, by fours so that the processor multiplies side by side."""
    product = 1.0
    for j in range(0, count - 3, 4):
        at = first + j * step
        product *= (at * (at + step)) * ((at + 2.0 * step) * (at + 3.0 * step))
    for j in range(count - count % 4, count):
        product *= first + j * step
    return product


@inline
def _log_rising(mean: float, extra: float, count: float) -> float:
    """Σ log(mean + j·extra) over j from 0 to count − 1, by Stirling's series where gamma functions would cancel."""
    if extra * count <= 1e-12 * mean:
        return count * math.log(mean)
    size = mean / extra
    after = size + count
    if size < 20.0:
        return count * math.log(extra) + math.lgamma(after) - math.lgamma(size)
    near = (1.0 / after - 1.0 / size) / 12.0 - (1.0 / after**3 - 1.0 / size**3) / 360.0
    return count * math.log(extra * after) + (size - 0.5) * math.log1p(count / size) - count + near
