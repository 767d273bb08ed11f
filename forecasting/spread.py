"""How far totals stray from their forecast: one law, learnt from many series, that weighs each series' own errors.

The distribution of a total is negative binomial with mean m and variance m + s. The law says what m and s are, given
what stood at the origin: the forecast, what others forecast, and the errors seen by then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.panel import FloatArray
from forecasting.rolling_totals import TotalsAtOrigins

OWN_PERIODS = 8.0
"""Errors of a series' own from which it is heard as much as the law of all."""
WINDOW_GROWTH = 1.2
"""Power with which squared errors grow with the window, where a series' own totals do not tell yet."""
USUAL = np.array([2.5, 0.5, -1.2, 0.0, 1.2, -0.5, 0.7, 0.0, 0.0])
"""Law of demand that nothing is known of; learnt on weekly and daily sales, each panel counting alike."""
DOUBT = 5.0
"""Rows by which a coefficient is held to its usual value."""
PULL_DOUBT = 0.3
"""Share of the rows by which other forecasts are held to their usual pull: common shocks make rows alike."""
MOST_ROWS = 6_000
LARGEST_PULL = 3.0
"""Share of the level by which another forecast counts as standing above it, at most."""
LEAST_SHARE = 0.2
"""Share of the level below which no pull takes the mean."""
LEAST_MEAN = 1e-6
"""Units below which a forecast total is none."""
SHAPES = (-7.0, 16.0)
"""Logarithms between which the negative binomial's shape is told apart from none."""


@dataclass(frozen=True)
class Moments:
    """Attributes, one value a row:
    mean: Units.
    excess: Variance beyond that of Poisson, units².
    """

    mean: FloatArray
    excess: FloatArray


@dataclass(frozen=True)
class SpreadLaw:
    """Attributes:
    coefficients: Of `_known`'s columns, then the pulls of the mean of all history and of the rival forecast,
        shape (9,).
    """

    coefficients: FloatArray

    def moments(self, totals: TotalsAtOrigins, windows: FloatArray) -> Moments:
        """Mean and excess variance of the total of each row; both 0 where the forecast is 0."""
        columns, size, pulls = _known(totals, windows)
        floored, log_excess = _applied(self.coefficients, columns, size, pulls)
        is_some = totals.mean > LEAST_MEAN
        mean = np.where(is_some, floored * totals.mean / np.exp(size), 0.0)
        return Moments(mean, np.where(is_some, np.exp(log_excess), 0.0))


USUAL_LAW = SpreadLaw(USUAL)


def learnt_law(totals: TotalsAtOrigins, windows: FloatArray) -> SpreadLaw:
    """The law under which what came was likeliest, held to the usual one as if `DOUBT` rows had shown it.

    Args:
        totals: Rows with a forecast above 0 and a known actual, shape (row,).
        windows: Periods that each total sums, shape (row,).
    """
    from scipy import optimize

    count = len(totals.mean)
    if count > MOST_ROWS:
        every = np.linspace(0, count - 1, MOST_ROWS).astype(np.int64)
        chosen = np.zeros(count, dtype=np.bool_)
        chosen[every] = True
        totals, windows, count = totals.rows(chosen), windows[chosen], MOST_ROWS
    rows = _known(totals, windows)
    held = np.full(len(USUAL), DOUBT)
    held[-2:] = PULL_DOUBT * count
    found = optimize.minimize(
        _unlikeliness, USUAL, args=(rows, totals.actual, held), jac=True, method="L-BFGS-B", options={"maxiter": 100}
    )
    return SpreadLaw(np.asarray(found.x))


_Rows = tuple[FloatArray, FloatArray, FloatArray]


def _known(totals: TotalsAtOrigins, windows: FloatArray) -> _Rows:
    """What the law looks at: columns of shape (…, 7), the forecast's logarithm, and the two pulls (…, 2).

    A series' own errors count with weight w = n / (n + `OWN_PERIODS`), n being their number; the law of all with 1 − w.
    """
    mean = np.maximum(np.nan_to_num(totals.mean), 1e-3)
    rate = np.maximum(mean / windows, 0.02)
    steps, seen = np.nan_to_num(totals.steps), np.nan_to_num(totals.totals)
    variance = (np.nan_to_num(totals.step_variance) * steps + rate) / (steps + 1.0)
    # A normal error's mean size is √(2/π) of its standard deviation; 0.8 √rate stands for Poisson's.
    deviation = (np.nan_to_num(totals.step_deviation) * steps + 0.8 * np.sqrt(rate)) / (steps + 1.0)
    grown = variance * windows**WINDOW_GROWTH
    total = (np.nan_to_num(totals.total_variance) * seen + 2.0 * grown) / (seen + 2.0)
    own = steps / (steps + OWN_PERIODS)
    size = np.log(mean)
    dispersion = np.log(variance * windows) - size
    calm = np.log(deviation**2 * (np.pi / 2)) - np.log(variance)
    growth = np.log(total) - np.log(variance * windows)
    one = np.ones_like(mean)
    columns = np.stack(
        (one - own, (one - own) * size, own, own * size, own * dispersion, own * calm, own * growth), axis=-1
    )
    pulls = np.stack((np.nan_to_num(totals.history), np.nan_to_num(totals.rival)), axis=-1)
    return columns, size, np.minimum(pulls, LARGEST_PULL)


def _applied(
    coefficients: FloatArray, columns: FloatArray, size: FloatArray, pulls: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean, and logarithm of the excess variance."""
    mean = np.exp(size) * np.maximum(1.0 + _weighted(pulls, coefficients[-2:]), LEAST_SHARE)
    log_excess = np.clip(_weighted(columns, coefficients[:-2]) + size, -15.0, 60.0)
    return mean, log_excess


def _weighted(columns: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Σ cᵢ · columnᵢ, added one by one: a matrix product's last bit depends on how many rows there are."""
    total = np.zeros(columns.shape[:-1])
    for number, coefficient in enumerate(coefficients.tolist()):
        total += coefficient * columns[..., number]
    return total


def _unlikeliness(
    coefficients: FloatArray, rows: _Rows, actual: FloatArray, held: FloatArray
) -> tuple[float, FloatArray]:
    """Minus the negative binomial's log-likelihood, with what holds the coefficients, and its gradient."""
    from scipy import special

    columns, _, pulls = rows
    mean, log_excess = _applied(coefficients, *rows)
    log_shape = 2 * np.log(mean) - log_excess
    shape = np.exp(np.clip(log_shape, *SHAPES))
    share = shape / (shape + mean)
    likelihood = (
        special.gammaln(actual + shape)
        - special.gammaln(shape)
        + shape * np.log(share)
        + special.xlogy(actual, mean / (shape + mean))
    )
    by_shape = (
        special.digamma(actual + shape) - special.digamma(shape) + np.log(share) + 1 - (actual + shape) / (shape + mean)
    )
    by_log_shape = np.where((log_shape > SHAPES[0]) & (log_shape < SHAPES[1]), by_shape * shape, 0.0)
    by_log_mean = actual - mean * (actual + shape) / (shape + mean) + 2 * by_log_shape
    share_of_level = 1.0 + _weighted(pulls, coefficients[-2:])
    by_pull = np.where(share_of_level > LEAST_SHARE, by_log_mean / np.maximum(share_of_level, LEAST_SHARE), 0.0)
    gradient = np.concatenate((-by_log_shape @ columns, by_pull @ pulls))
    astray = coefficients - USUAL
    return float(-likelihood.sum() + held @ astray**2), -gradient + 2 * held * astray
