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
LARGEST_SHIFT = np.log(8.0)
"""Logarithm of the odds by which a level may be moved, at most."""
LEAST_BEYOND = 10.0
"""Past totals that must lie beyond a level for its shift to be read off them."""
MOST_ROWS = 20_000
_GRID = 1 / (1 + np.exp(-np.linspace(-9.2, 9.2, 231)))


@dataclass(frozen=True)
class Pool:
    """Attributes:
    law: Mean and spread of a total, given what is known at its origin.
    levels: Rising levels in (0, 1), shape (level,).
    shifts: What to add to the log-odds of each so that it holds as often as it says, shape (level,).
    series: Series that taught it; 0 for the usual pool.
    windows: Windows of time, end to end, that it was learnt on.
    """

    law: SpreadLaw
    levels: FloatArray
    shifts: FloatArray
    series: int
    windows: float

    def asked(self, levels: FloatArray) -> FloatArray:
        """Levels to ask of the law's distribution so that these are held, shape (level,)."""
        odds = _log_odds(levels)
        shifted = odds + np.interp(odds, _log_odds(self.levels), self.shifts)
        return np.asarray(1 / (1 + np.exp(-np.maximum.accumulate(shifted))))


USUAL_POOL = Pool(
    law=USUAL_LAW,
    levels=np.array([0.01, 0.1, 0.5, 0.9, 0.99]),
    shifts=np.array([-0.3, 0.0, 0.05, 0.1, 0.5]),
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
    levels, shifts = _shifts(rows.actual, own.moments(rows, row_windows))
    return Pool(law, levels, heard * shifts, series, span)


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
