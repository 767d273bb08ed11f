"""Possible futures of demand day by day: the forecast's totals, spread over weeks and weekdays as demand falls."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from service.planning_inputs import PlanningInputs
from service.stock_levels import PERIOD_DAYS, planned_band, weekly_panel

RECENT_DAYS = 182
COMPANYS_UNITS = 50.0
"""Units of its own from which a point's weekdays count as much as the company's."""
LEAST_CONCENTRATION = 0.05

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def demand_paths(inputs: PlanningInputs, *, weeks: int, paths: int, seed: int) -> IntArray:
    """Equally likely futures of every point after the last day known, the planner's word on what is to come heeded.

    The total over the weeks is a path of the forecast of that total, so that a level that is wrong stays wrong
    throughout a path. Given the total, weeks are Dirichlet-multinomial about the forecast of each week, as far apart
    as the forecast of one week says; days follow the weekdays of the last `RECENT_DAYS`.

    Args:
        inputs: What is known.
        weeks: How many ahead, at least 1.
        paths: How many.
        seed: A point's luck follows from seed, SKU and location alone.

    Returns:
        Units, shape (path, day, point).
    """
    points = inputs.points
    totals, expected, week_sd = _forecast(inputs, weeks=weeks, paths=paths, seed=seed)
    weekdays = weekday_shares(inputs)
    units = np.zeros((paths, weeks * PERIOD_DAYS, len(points)), dtype=np.int64)
    for point, (sku, location) in enumerate(zip(points["sku"], points["location"], strict=True)):
        if expected[point].sum() <= 0:
            continue
        luck = np.random.default_rng([seed, crc32(f"{sku}@{location}".encode())])
        by_week = _weeks(luck, totals[point], expected[point], week_sd[point])
        by_day = luck.multinomial(by_week, weekdays[point])
        units[:, :, point] = by_day.reshape(paths, -1)
    return units


def weekday_shares(inputs: PlanningInputs) -> FloatArray:
    """Share of each of the seven days after the last one known, in order, shape (point, 7).

    A point's own weekdays count by its units; the company's stand in for what it has not shown.
    """
    recent = inputs.ordered[inputs.ordered["ds"] > pd.Timestamp(inputs.as_of) - pd.Timedelta(days=RECENT_DAYS)]
    days_after = (recent["ds"] - pd.Timestamp(inputs.as_of)).dt.days.to_numpy() - 1
    own = np.zeros((len(inputs.points), PERIOD_DAYS))
    np.add.at(own, (recent["unique_id"].to_numpy(), days_after % PERIOD_DAYS), recent["y"].to_numpy())
    everyones = own.sum(axis=0)
    company = everyones / everyones.sum() if everyones.sum() > 0 else np.full(PERIOD_DAYS, 1 / PERIOD_DAYS)
    shares = own + COMPANYS_UNITS * company
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _forecast(inputs: PlanningInputs, *, weeks: int, paths: int, seed: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Totals (point, path), the expectation of each week (point, week), and one week's sd (point,)."""
    from forecasting import forecast, lead_time_demand, lead_time_paths

    points = inputs.points
    panel, groups = weekly_panel(inputs), points["category"]
    totals = np.zeros((len(points), paths), dtype=np.int64)
    positions = np.asarray(panel.ids, dtype=np.int64)
    totals[positions] = lead_time_paths(panel, periods=float(weeks), paths=paths, seed=seed, groups=groups)
    one_week = lead_time_demand(panel, periods=1.0, quantiles=(0.5,), groups=groups).set_index("unique_id")
    week_sd = one_week["sd"].reindex(points.index, fill_value=0.0).to_numpy()
    own = _by_week(forecast(panel, horizon=weeks, quantiles=(0.5,), groups=groups), len(points), weeks)
    said = inputs.said
    if said.successions.empty and said.events.empty and said.overrides.empty:
        return totals, own, week_sd
    expected = _by_week(planned_band(inputs, weeks=weeks, quantiles=(0.5,)), len(points), weeks)
    before, after = own.sum(axis=1), expected.sum(axis=1)
    factor = np.divide(after, before, out=np.zeros(len(points)), where=before > 0)
    changed = np.floor(totals * factor[:, None] + 0.5).astype(np.int64)
    for point in np.flatnonzero((totals.sum(axis=1) == 0) & (after > 0)):
        changed[point] = np.random.default_rng([seed, int(point)]).poisson(after[point], paths)
    return changed, expected, week_sd * np.where(before > 0, factor, 1.0)


def _by_week(band: pd.DataFrame, points: int, weeks: int) -> FloatArray:
    """The means of a forecast of each week, shape (point, week)."""
    table = band.assign(week=band.groupby("unique_id").cumcount())
    expected = np.zeros((points, weeks))
    expected[table["unique_id"].to_numpy(dtype=np.int64), table["week"].to_numpy()] = table["mean"].to_numpy()
    return np.maximum(expected, 0.0)


def _weeks(luck: np.random.Generator, totals: IntArray, expected: FloatArray, week_sd: float) -> IntArray:
    """Each total over its weeks, shape (path, week).

    The concentration A solves what the law of total variance asks of a mean week of share p = 1 / weeks:
    sd² = p(1−p) (E[T²] + A E[T]) / (1 + A) + p² Var[T].
    """
    shares = expected / expected.sum()
    weeks = len(shares)
    if weeks == 1:
        return totals[:, None].copy()
    mean, second = float(totals.mean()), float((totals.astype(np.float64) ** 2).mean())
    within = week_sd**2 - float(totals.var()) / weeks**2
    wanted = within / ((1 / weeks) * (1 - 1 / weeks))
    if wanted <= mean:
        return np.asarray(luck.multinomial(totals, shares), dtype=np.int64)
    concentration = max((second - wanted) / (wanted - mean), LEAST_CONCENTRATION)
    gammas = luck.standard_gamma(np.maximum(shares * concentration, 1e-9), size=(len(totals), weeks)) + 1e-300
    drawn = gammas / gammas.sum(axis=1, keepdims=True)
    return np.asarray(luck.multinomial(totals, drawn), dtype=np.int64)
