"""Demand of each coming period on its own: what a forecast band shows. Totals are in `lead_time_demand`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.chunks import chunks_of, side_by_side
from forecasting.combine import combined_forecast
from forecasting.coming_season import coming_season
from forecasting.frames import Missing
from forecasting.lead_time_demand import (
    Pooling,
    checked_levels,
    end_moments,
    key_columns,
    panel_of,
    pool_for,
    quantile_columns,
    totals_of_panel,
)
from forecasting.panel import FloatArray, IntArray, Panel
from forecasting.period import Period
from forecasting.total_distribution import TotalDistribution

BAND = (0.05, 0.25, 0.5, 0.75, 0.95)


def forecast(
    demand: pd.DataFrame | Panel,
    *,
    horizon: int,
    season_length: int | None = None,
    quantiles: Sequence[float] = BAND,
    in_stock: Any = None,
    groups: Any = None,
    pool: Pooling = "auto",
    period: str | Period | None = None,
    keys: str | Sequence[str] = "unique_id",
    ds: str = "ds",
    y: str = "y",
    missing: Missing = "zero",
    as_of: Any = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Distribution of demand in each of the next periods on its own, for a forecast band.

    The mean is the default combination's; how far single periods stray is learnt from past ones, forecast the first, a
    middle and the last period ahead, and drawn through in between. Not for safety stock: quantiles of single periods
    do not add up to those of the total (`lead_time_demand`).

    Args:
        demand: A panel, or a long frame as `panel_from_frame` takes it with keys, ds, y, in_stock, period, missing and
            as_of.
        horizon: Periods ahead, at least 1.
        season_length: Periods per season; what is usual for the period by default, 1 for none.
        quantiles: Levels asked for, in (0, 1).
        in_stock, groups, pool, period, keys, ds, y, missing, as_of, threads: As `lead_time_demand` takes them.

    Returns:
        One row per series and future period, sorted: unique_id (or the keys), ds (its label; 1, 2, … where the panel is
        not dated), mean and a column per level. The spread never falls with the horizon.

    Raises:
        ValueError: What `lead_time_demand` refuses, or horizon below 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    levels = checked_levels(quantiles)
    panel = panel_of(demand, in_stock=in_stock, period=period, keys=keys, ds=ds, y=y, missing=missing, as_of=as_of)
    season = coming_season(panel, season_length, is_shared=pool == "auto", groups=groups)
    mean = combined_forecast(panel, horizon=horizon, season=season, threads=threads)
    bands = _bands(panel, mean, season, levels, pool, threads)
    series = len(panel.ids)
    ahead = panel.future(horizon) if panel.ends is not None else np.tile(np.arange(1, horizon + 1), (series, 1))
    numbers = np.repeat(np.arange(series), horizon)
    names = {
        name: pd.Index(column).take(numbers) if series else pd.Index([])
        for name, column in key_columns(panel.ids, keys).items()
    }
    columns = names | {"ds": ahead.reshape(-1), "mean": mean.reshape(-1)}
    return pd.DataFrame(columns | quantile_columns(levels, bands.reshape(-1, len(levels))))


def _bands(
    panel: Panel, mean: FloatArray, season: FloatArray, levels: FloatArray, pool: Pooling, threads: int
) -> FloatArray:
    """Quantiles of each period ahead, shape (series, horizon, level)."""
    horizon = mean.shape[1]
    bands = np.zeros((len(panel.ids), horizon, len(levels)))
    one = np.ones(len(panel.ids), dtype=np.int64)
    leads = np.unique([0, (horizon - 1) // 3, horizon - 1])
    spreads, pools = [], []
    for lead in leads.tolist():
        totals = totals_of_panel(panel, one, season, _reached(panel, lead), threads, learning=pool == "auto")
        learnt = pool_for(pool, totals, one)
        moments = end_moments(learnt, totals, one)
        spreads.append(moments.excess / np.maximum(moments.mean, 1e-12))
        pools.append(learnt)
    relative = np.maximum.accumulate(np.stack(spreads, axis=1), axis=1)
    for step in range(horizon):
        nearest = int(np.abs(leads - step).argmin())
        dispersion = _between(leads, relative, step)
        distribution = TotalDistribution(
            means=mean[:, step : step + 1],
            excesses=(dispersion * mean[:, step])[:, None],
            weights=np.ones((len(mean), 1)),
            interval_variance=np.zeros(len(mean)),
            is_whole=panel.is_whole,
            pool=pools[nearest],
        )
        pieces = side_by_side(
            lambda part, whole=distribution: whole.chosen(part).quantiles(levels),  # type: ignore[misc]
            chunks_of(len(mean)),
            threads=threads,
        )
        bands[:, step] = np.concatenate(pieces)
    return bands


def _reached(panel: Panel, lead: int) -> IntArray:
    """How far ahead each history is long enough to have been forecast, shape (series,)."""
    return np.minimum(lead, np.maximum(panel.lengths // 3 - 1, 0))


def _between(leads: FloatArray, relative: FloatArray, step: int) -> FloatArray:
    """Dispersion a step ahead, on the straight line between those seen."""
    upper = int(np.searchsorted(leads, step))
    if leads[upper] == step:
        return relative[:, upper]
    share = (step - leads[upper - 1]) / (leads[upper] - leads[upper - 1])
    return np.asarray(relative[:, upper - 1] * (1 - share) + relative[:, upper] * share)
