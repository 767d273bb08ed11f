"""How high each coming period stands in its season: told by the series itself, or shared among many."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.combine import free_of_season
from forecasting.decomposition import LEAST_INDEX, seasonal_indices
from forecasting.panel import FloatArray, IntArray, Panel
from forecasting.pooling import LEAST_SERIES
from forecasting.seasonality import seasonal_profiles


def coming_season(panel: Panel, season_length: int | None, *, is_shared: bool, groups: Any = None) -> FloatArray:
    """Multiplicative indices of the periods to come.

    Args:
        panel: Histories.
        season_length: Periods per season; what is usual for the panel's period by default.
        is_shared: Whether series may learn from each other: then, where `LEAST_SERIES` of them know a whole season,
            each follows its group's (`seasonal_profiles`), and departs from it where a test finds a season of its own
            in what is left (`seasonal_indices`). Otherwise it has a season only where that test finds one.
        groups: Group of each series, such as its category, in their order or keyed by unique_id; all in one by default.

    Returns:
        At least `LEAST_INDEX`, shape (series, season length); 1 throughout where there is no season.

    Raises:
        ValueError: season_length below 1, or groups not one per series.
    """
    if season_length is not None and season_length < 1:
        raise ValueError(f"season_length must be at least 1, got {season_length}")
    length = season_length or (panel.period.usual_season if panel.period else 1)
    if length == 1:
        return np.ones((len(panel.ids), 1))
    if is_shared and int((panel.lengths >= length).sum()) >= LEAST_SERIES:
        named = None if groups is None else _per_series(panel, groups)
        profiles = seasonal_profiles(panel, season_length=length, phase=_phase(panel, length), groups=named)
        of_group = np.maximum(profiles.of_group().ahead(length), LEAST_INDEX)
        own = seasonal_indices(free_of_season(panel, of_group), length, kind="multiplicative")
        season = of_group * own
        return np.asarray(np.maximum(season / season.mean(axis=1, keepdims=True), LEAST_INDEX))
    return seasonal_indices(panel, length, kind="multiplicative")


def _phase(panel: Panel, length: int) -> IntArray:
    """Season of each series' last period, counted from the earliest end; the same where nothing is dated."""
    if panel.ends is None or panel.period is None or not len(panel.ids):
        return np.zeros(len(panel.ids), dtype=np.int64)
    steps, _ = panel.period.between(np.full(len(panel.ids), panel.ends.min()), panel.ends)
    phase: IntArray = steps % length
    return phase


def _per_series(panel: Panel, groups: Any) -> Sequence[Hashable]:
    if isinstance(groups, pd.Series):
        missing = [one for one in panel.ids if one not in groups.index]
        if missing:
            raise ValueError(f"groups must be given for every series, got none for {missing[0]!r}")
        named: list[Hashable] = groups.loc[list(panel.ids)].fillna("").tolist()
        return named
    if len(groups) != len(panel.ids):
        raise ValueError(f"groups must be one per series ({len(panel.ids)}), got {len(groups)}")
    return list(groups)
