"""The default point forecast: several methods averaged, which on real demand beats picking one."""

from __future__ import annotations

import numpy as np

from forecasting.chunks import chunks_of, side_by_side
from forecasting.decomposition import seasonal_indices
from forecasting.holt_winters import holt_winters
from forecasting.panel import BoolArray, FloatArray, Panel
from forecasting.smoothing import damped_trend, simple_exponential_smoothing
from forecasting.theta import dynamic_optimised_theta


def combined_forecast(
    panel: Panel, *, horizon: int, season_length: int = 1, season: FloatArray | None = None, threads: int = 1
) -> FloatArray:
    """Mean demand in each of the next periods: the average of what several methods foresee.

    Simple exponential smoothing, damped trend and dynamic optimised Theta on demand freed of its season, put back in
    season; where a series itself shows one, additive Holt-Winters with a damped trend, whose indices move, is one more.

    Args:
        panel: Histories; unknown periods teach nothing.
        horizon: Periods ahead, at least 1.
        season_length: Periods per season, at least 1.
        season: Multiplicative indices of the periods to come, shape (series, season length), where they are known from
            elsewhere; by default each series' own, if it has a season.
        threads: Workers side by side; the result does not depend on how many.

    Returns:
        Units, never negative, shape (series, horizon); 0 where nothing is known.

    Raises:
        ValueError: horizon or season_length below 1.

    Source: Makridakis, Spiliotis & Assimakopoulos (2020), International Journal of Forecasting 36(1), on combining.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")

    def of(part: slice) -> FloatArray:
        few = panel.between(part.start, part.stop)
        own = seasonal_indices(few, season_length if season is None else season.shape[1], kind="multiplicative")
        return _combined(few, horizon, own if season is None else season[part], (own != 1.0).any(axis=1))

    return np.concatenate(side_by_side(of, chunks_of(len(panel.ids)), threads=threads))


def _combined(panel: Panel, horizon: int, season: FloatArray, shows_season: BoolArray) -> FloatArray:
    season_length = season.shape[1]
    plain = free_of_season(panel, season)
    members = (simple_exponential_smoothing(plain), damped_trend(plain), dynamic_optimised_theta(plain))
    ahead = np.tile(season, (1, horizon // season_length + 1))[:, :horizon]
    total = sum((member.forecast(horizon) for member in members), np.zeros((len(panel.ids), horizon))) * ahead
    count = np.full(len(panel.ids), float(len(members)))
    seasonal = np.flatnonzero(shows_season)
    if len(seasonal):
        moving = holt_winters(
            panel.chosen(seasonal), season_length=season_length, seasonal="additive", trend="damped"
        ).forecast(horizon)
        total[seasonal] += moving
        count[seasonal] += 1.0
    return np.asarray(total / count[:, None])


def free_of_season(panel: Panel, season: FloatArray) -> Panel:
    """Demand divided by its season's indices, given for the periods after the last, shape (series, season length)."""
    length = season.shape[1]
    if length == 1:
        return panel
    lengths = panel.lengths
    back = np.arange(len(panel.values)) - np.repeat(panel.offsets[1:], lengths)
    index = season[np.repeat(np.arange(len(panel.ids)), lengths), back % length]
    return panel.with_values(panel.values / index)
