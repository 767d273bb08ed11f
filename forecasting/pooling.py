"""What a panel teaches about each of its series: the law of errors, and how often its levels really held.

A pool is learnt once, from totals that were forecast at past origins and have come since. Given a pool, what is said of
one series depends on that series alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.negative_binomial import negative_binomial_probability
from forecasting.panel import FloatArray, IntArray
from forecasting.rolling_totals import TotalsAtOrigins
from forecasting.spread import LEAST_MEAN, USUAL_LAW, Moments, SpreadLaw, learnt_law

LEAST_SERIES = 100
"""Series with past totals from which a panel teaches; fewer are forecast by what usually holds."""
DOUBTED_WINDOWS = 0.5
"""Windows of time as which the usual pool counts beside the panel's own: all series share a window's luck."""
DOUBTED_MEAN_WINDOWS = 5.0
"""Windows as which the usual pool counts in what moves all levels or means alike: so does a season that lifts all."""
FREAK = 10.0
"""Times its expected units, and one more, at which a total that came is capped when means are corrected."""
FACTORS = (0.7, 2.0)
"""Between which a factor of the mean lies."""
LARGEST_SHIFT = np.log(8.0)
"""Logarithm of the odds by which a level may be moved, at most."""
LEAST_BEYOND = 10.0
"""Past totals that must lie beyond a level for its shift to be read off them."""
MOST_ROWS = 20_000
UNSTEADINESS = (0.08, 0.27, 0.87, 2.7, 9.0)
"""Squared coefficients of variation, beyond Poisson's, at which shifts are read off and drawn through in between."""
LEAST_ROWS = 500.0
"""Past totals of like unsteadiness as which those of all count in a shift."""
_CENTRES = np.log(UNSTEADINESS)
FURTHEST = (1e-13, 1 - 1e-13)
"""Levels beyond which none is asked of a distribution."""
_GRID = 1 / (1 + np.exp(-np.linspace(-9.2, 9.2, 231)))


@dataclass(frozen=True)
class Pool:
    """Attributes:
    law: Mean and spread of a total, given what is known at its origin.
    levels: Rising levels in (0, 1), shape (level,).
    shifts: What to add to the log-odds of each so that it holds as often as it says, by how unsteady the total is
        (`UNSTEADINESS`), shape (unsteadiness, level).
    factors: What the law's mean is to be multiplied by, likewise, shape (unsteadiness,): items that sell by fits and
        starts come back from silences that the averages take for the end.
    series: Series that taught it; 0 for the usual pool.
    windows: Windows of time, end to end, that it was learnt on.
    """

    law: SpreadLaw
    levels: FloatArray
    shifts: FloatArray
    factors: FloatArray
    series: int
    windows: float

    def moments(self, totals: TotalsAtOrigins, windows: FloatArray) -> Moments:
        """Mean and excess variance of the total of each row."""
        return _corrected(self.law.moments(totals, windows), self.factors)

    def asked(self, levels: FloatArray, moments: Moments) -> FloatArray:
        """Levels to ask of each total's distribution so that these are held, shape (series, level)."""
        odds = _log_odds(np.clip(levels, *FURTHEST))
        at_levels = np.stack([np.interp(odds, _log_odds(self.levels), row) for row in self.shifts])
        unsteadiness = np.log(_unsteadiness(moments))
        shift = np.stack([np.interp(unsteadiness, _CENTRES, column) for column in at_levels.T], axis=1)
        return np.asarray(1 / (1 + np.exp(-np.maximum.accumulate(odds + shift, axis=1))))


USUAL_POOL = Pool(
    law=USUAL_LAW,
    levels=np.array([0.01, 0.1, 0.5, 0.9, 0.99]),
    shifts=np.tile([-0.3, 0.0, 0.05, 0.1, 0.5], (len(UNSTEADINESS), 1)),
    factors=np.array([1.0, 1.0, 1.05, 1.15, 1.25]),
    series=0,
    windows=0.0,
)


def learnt_pool(totals: TotalsAtOrigins, windows: IntArray, *, least_series: int = LEAST_SERIES) -> Pool:
    """What past totals teach, drawn to the usual pool as if that were `DOUBTED_WINDOWS` windows of time.

    Args:
        totals: One row per series and origin, as `totals_at_origins` gives them.
        windows: Periods that each series' total sums, shape (series,).
        least_series: Series with a past total that it takes; from fewer the usual pool is kept.

    Source: reading levels off past forecasts' probability integral transform is Kuleshov, Fenner & Ermon (2018),
        ICML 35; the transform for counts, Czado, Gneiting & Held (2009), Biometrics 65(4).
    """
    taught = ~np.isnan(totals.actual) & (totals.mean > LEAST_MEAN)
    series = int(taught.any(axis=1).sum())
    if series < least_series:
        return USUAL_POOL
    rows = totals.rows(taught)
    row_windows = np.repeat(windows[:, None], taught.shape[1], axis=1)[taught].astype(np.float64)
    span = float(taught.sum(axis=1)[taught.any(axis=1)].mean())
    heard = span / (span + DOUBTED_WINDOWS)
    own = learnt_law(rows, row_windows)
    law = SpreadLaw(USUAL_LAW.coefficients + heard * (own.coefficients - USUAL_LAW.coefficients))
    moments = law.moments(rows, row_windows)
    factors = _factors(rows.actual, moments, span / (span + DOUBTED_MEAN_WINDOWS))
    levels, shifts = _shifts_by_unsteadiness(rows.actual, _corrected(moments, factors))
    return Pool(law, levels, _heard(levels, shifts, span), factors, series, span)


def _heard(levels: FloatArray, shifts: FloatArray, span: float) -> FloatArray:
    """Shifts as far as so many windows tell: less of what moves all levels alike than of what spreads them."""
    centre = np.stack([np.interp(0.0, _log_odds(levels), row) for row in shifts])[:, None]
    of_spread, of_centre = span / (span + DOUBTED_WINDOWS), span / (span + DOUBTED_MEAN_WINDOWS)
    return np.asarray(of_spread * (shifts - centre) + of_centre * centre)


def _factors(actual: FloatArray, moments: Moments, heard: float) -> FloatArray:
    """Units that came per unit expected, among totals of like unsteadiness, drawn to the usual; freaks are capped."""
    nearest = _nearest(moments)
    came = np.minimum(actual, FREAK * (moments.mean + 1.0))
    factors = []
    for number, usual in enumerate(USUAL_POOL.factors):
        if usual == 1.0:  # steady demand is not corrected: there, a wrong mean and a common season look the same
            factors.append(usual)
            continue
        alike = nearest == number
        share = heard * alike.sum() / (alike.sum() + LEAST_ROWS)
        ratio = came[alike].sum() / max(moments.mean[alike].sum(), 1e-9) if alike.any() else usual
        factors.append(usual * (np.clip(ratio, *FACTORS) / usual) ** share)
    return np.array(factors)


def _corrected(moments: Moments, factors: FloatArray) -> Moments:
    factor = np.interp(np.log(_unsteadiness(moments)), _CENTRES, factors)
    return Moments(moments.mean * factor, moments.excess * factor**2)


def _nearest(moments: Moments) -> IntArray:
    nearest: IntArray = np.abs(np.log(_unsteadiness(moments))[:, None] - _CENTRES).argmin(axis=1)
    return nearest


def _shifts_by_unsteadiness(actual: FloatArray, moments: Moments) -> tuple[FloatArray, FloatArray]:
    """Shifts among totals alike, drawn to those of all; levels, and shape (unsteadiness, level)."""
    levels, of_all = _shifts(actual, moments)
    nearest = _nearest(moments)
    rows = []
    for number in range(len(UNSTEADINESS)):
        alike = nearest == number
        share = alike.sum() / (alike.sum() + LEAST_ROWS)
        if not alike.any():
            rows.append(of_all)
            continue
        own_levels, own = _shifts(actual[alike], Moments(moments.mean[alike], moments.excess[alike]))
        at_levels = np.interp(_log_odds(levels), _log_odds(own_levels), own)
        rows.append(share * at_levels + (1 - share) * of_all)
    return levels, np.stack(rows)


def _unsteadiness(moments: Moments) -> FloatArray:
    """Squared coefficient of variation of the total's mean, beyond what Poisson's law gives it."""
    mean = np.maximum(moments.mean, 1e-9)
    return np.asarray(np.clip(moments.excess / mean**2, 1e-6, 1e6))


def _shifts(actual: FloatArray, moments: Moments) -> tuple[FloatArray, FloatArray]:
    """How the log-odds of levels must move for past totals to lie below them as often as they say."""
    if len(actual) > MOST_ROWS:
        every = np.linspace(0, len(actual) - 1, MOST_ROWS).astype(np.int64)
        actual, moments = actual[every], Moments(moments.mean[every], moments.excess[every])
    below = negative_binomial_probability(actual - 1.0, moments.mean, moments.mean + moments.excess)
    upto = negative_binomial_probability(actual, moments.mean, moments.mean + moments.excess)
    width = np.maximum(upto - below, 1e-12)
    held = np.array([np.clip((level - below) / width, 0.0, 1.0).mean() for level in _GRID])
    held = np.maximum.accumulate(held) + np.arange(len(_GRID)) * 1e-12
    beyond = LEAST_BEYOND / len(actual)
    levels = _GRID[(beyond <= _GRID) & (1 - beyond >= _GRID)]
    if not len(levels):
        levels = np.array([0.5])
    needed = np.clip(np.interp(levels, held, _GRID), _GRID[0], _GRID[-1])
    return levels, np.clip(_log_odds(needed) - _log_odds(levels), -LARGEST_SHIFT, LARGEST_SHIFT)


def _log_odds(levels: FloatArray) -> FloatArray:
    return np.asarray(np.log(levels) - np.log1p(-levels))
