"""Totals forecast again at past origins, as a planner standing there would have, and how wrong they were by then.

Whatever stands at an origin rests on periods before it alone, but for the seasonal indices, which are those of the
whole history; so what is learnt from past origins holds for the next. One pass over a series serves all its origins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.compiled import inline, kernel
from forecasting.panel import BoolArray, FloatArray, IntArray, Panel

LEAST_KNOWN = 6
"""Known periods before an origin from which something can be learnt."""
HALF_LIFE = 30.0
"""Periods in which an error's weight halves."""
RIVAL_SHARE = 0.7
"""Share of the level that the rival forecast has, where there is one."""
SLOW, MIDDLE, FAST = 0.06, 0.15, 0.4
"""Shares by which the three averages forget; their mean follows shifts and outlives freak periods."""


@dataclass(frozen=True)
class TotalsAtOrigins:
    """One row per series and origin; the origin of column 0 is the end of the history.

    Attributes, each of shape (series, origin):
        mean: Forecast total of the window, units; NaN where there is no such origin.
        history: How far the mean of all that is known stands above the level, as a share of it.
        rival: How far the rival forecast does; 0 without a rival.
        step_variance: Mean squared error of one-period forecasts by then.
        step_deviation: Mean absolute error of these.
        total_variance: Mean squared error of totals by then.
        steps: Sum of weights behind the one-period errors.
        totals: Sum of weights behind the totals' errors, in windows that do not overlap.
        actual: What the window brought; NaN where it is not known (or lies ahead, as all of column 0).
    """

    mean: FloatArray
    history: FloatArray
    rival: FloatArray
    step_variance: FloatArray
    step_deviation: FloatArray
    total_variance: FloatArray
    steps: FloatArray
    totals: FloatArray
    actual: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[TotalsAtOrigins]) -> TotalsAtOrigins:
        """Series after series."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    def rows(self, chosen: BoolArray) -> TotalsAtOrigins:
        """Those of the rows, in one line."""
        return TotalsAtOrigins(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def totals_at_origins(
    panel: Panel,
    windows: IntArray,
    *,
    lead: IntArray | int = 0,
    origins: int = 1,
    season: FloatArray | None = None,
    rival: FloatArray | None = None,
) -> TotalsAtOrigins:
    """Forecasts of totals at the end of the history and at origins before it, and what was known of their errors.

    Args:
        panel: Histories; unknown periods teach nothing.
        windows: Whole periods that a total sums, ≥ 1, shape (series,).
        lead: Periods between an origin and its window, one for all or shape (series,).
        origins: How many, the end of the history counted. They stand a window apart where the history allows,
            closer where it is short, and none stands where fewer than `LEAST_KNOWN` periods lie before it.
        season: Multiplicative indices of the periods after the last one, shape (series, season length).
        rival: Level that another method expects per period of the window, free of season, as it stood after each
            period, shaped like the panel's values.
    """
    table = np.full((len(panel.ids), origins, 9), np.nan)
    _walk(
        panel.values,
        panel.offsets,
        windows,
        np.ascontiguousarray(np.broadcast_to(lead, windows.shape), dtype=np.int64),
        np.ones((len(panel.ids), 1)) if season is None else season,
        np.empty(0) if rival is None else rival,
        0.5 ** (1 / HALF_LIFE),
        table,
    )
    return TotalsAtOrigins(*(np.ascontiguousarray(table[:, :, column]) for column in range(9)))


@inline
def _spacing(n: int, w: int, lead: int, origins: int) -> int:
    """Periods between origins: a window, or fewer where they would not fit."""
    room = n - lead - w - max(LEAST_KNOWN, n // 3)
    fitting = room // max(origins - 2, 1)
    return max(1, min(w, fitting))


@kernel
def _walk(
    values: FloatArray,
    offsets: IntArray,
    windows: IntArray,
    leads: IntArray,
    season: FloatArray,
    rival: FloatArray,
    kept: float,
    table: FloatArray,
) -> None:
    longest, reach = 0, 0
    for i in range(len(windows)):
        longest = max(longest, offsets[i + 1] - offsets[i])
        reach = max(reach, leads[i] + windows[i])
    level = np.empty(longest + 1)
    demanded = np.empty(longest + 1)
    known = np.empty(longest + 1)
    index = np.empty(longest + reach + 1)
    length = season.shape[1]
    for i in range(len(windows)):
        start, n, w, lead = offsets[i], offsets[i + 1] - offsets[i], windows[i], leads[i]
        index[0] = 0.0
        for p in range(n + lead + w):
            index[p + 1] = index[p] + season[i, (p - n) % length]
        apart = _spacing(n, w, lead, table.shape[1])
        slow, middle, fast = 0.0, 0.0, 0.0
        slow_weight, middle_weight, fast_weight = 0.0, 0.0, 0.0
        squares, deviations, steps = 0.0, 0.0, 0.0
        total_squares, totals = 0.0, 0.0
        level[0], demanded[0], known[0] = 0.0, 0.0, 0.0
        for t in range(1, n + 1):
            units = values[start + t - 1]
            is_known = not np.isnan(units)
            demanded[t] = demanded[t - 1] + (units if is_known else 0.0)
            known[t] = known[t - 1] + (1.0 if is_known else 0.0)
        for t in range(n + 1):
            if t > 0:
                units = values[start + t - 1]
                factor = index[t] - index[t - 1]
                level[t] = level[t - 1]
                if known[t] > known[t - 1]:
                    if known[t - 1] >= 2.0:
                        error = units - level[t - 1] * factor
                        squares = kept * squares + error * error
                        deviations = kept * deviations + abs(error)
                        steps = kept * steps + 1.0
                    plain = units / factor
                    slow = (1.0 - SLOW) * slow + plain + 1e-150
                    middle = (1.0 - MIDDLE) * middle + plain + 1e-150
                    fast = (1.0 - FAST) * fast + plain + 1e-150
                    slow_weight = (1.0 - SLOW) * slow_weight + 1.0
                    middle_weight = (1.0 - MIDDLE) * middle_weight + 1.0
                    fast_weight = (1.0 - FAST) * fast_weight + 1.0
                    level[t] = (slow / slow_weight + middle / middle_weight + fast / fast_weight) / 3.0
                    if len(rival):
                        level[t] += RIVAL_SHARE * (rival[start + t - 1] - level[t])
                begin = t - w
                origin = begin - lead
                if origin >= 0 and known[origin] >= 2.0 and known[t] - known[begin] == w:
                    error = demanded[t] - demanded[begin] - level[origin] * (index[t] - index[begin])
                    total_squares = kept * total_squares + error * error
                    totals = kept * totals + 1.0
            back = n - t
            first = lead + w
            if back == 0:
                column = 0
            elif back >= first and (back - first) % apart == 0:
                column = 1 + (back - first) // apart
            else:
                continue
            if column >= table.shape[1] or known[t] == 0.0 or (column > 0 and (known[t] < LEAST_KNOWN or 3 * t < n)):
                continue
            row = table[i, column]
            window_index = index[t + lead + w] - index[t + lead]
            row[0] = level[t] * window_index
            least = max(level[t], 1e-12)
            row[1] = (demanded[t] / known[t] - level[t]) / least
            row[2] = (rival[start + t - 1] - level[t]) / least if len(rival) else 0.0
            row[3] = squares / max(steps, 1e-9)
            row[4] = deviations / max(steps, 1e-9)
            row[5] = total_squares / max(totals, 1e-9)
            row[6] = steps
            row[7] = totals / w
            if column > 0 and known[t + lead + w] - known[t + lead] == w:
                row[8] = demanded[t + lead + w] - demanded[t + lead]
