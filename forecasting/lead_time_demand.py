"""How much may be demanded before the next replenishment arrives: the distribution of the total.

Safety stock answers to the quantiles of the total over the protection interval. Adding up quantiles of
single periods overstocks, and treating the forecast errors of successive periods as independent
understocks, because a level that is wrong stays wrong. So totals themselves are forecast at past origins, and what they
missed by says how far the next one may stray.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecasting.chunks import chunks_of, side_by_side
from forecasting.coming_season import coming_season
from forecasting.expected_level import expected_level
from forecasting.frames import Missing, panel_from_frame
from forecasting.lead_times import LeadTimes, lead_times_of
from forecasting.panel import MOST_UNITS, FloatArray, IntArray, Panel
from forecasting.period import Period
from forecasting.pooling import USUAL_POOL, Pool, learnt_pool
from forecasting.rolling_totals import TotalsAtOrigins, totals_at_origins
from forecasting.spread import Moments
from forecasting.stock_outs import with_stock_outs
from forecasting.total_distribution import TotalDistribution

ORIGINS = 6
"""Origins at which totals are forecast: the end of the history and five before it."""
LONGEST_SHARE = 1 / 3
"""Share of a history that a window may take up, for its errors to be seen."""
HORIZON_EXPONENT = 1.5
"""Power with which errors grow beyond the longest window seen: between independent errors (1) and a wrong level (2)."""

Pooling = Pool | Literal["auto", "usual"]


@dataclass(frozen=True)
class LeadTimeDemand:
    """Demand over the protection interval (lead time plus review period).

    Attributes:
        ids: unique_id of each series.
        mean: Units, shape (series,).
        sd: Units, shape (series,).
        levels: Probabilities, ascending, shape (level,).
        quantiles: Units, never falling along a row, shape (series, level); whole for series of whole units.
        pool: What the panel taught.
    """

    ids: tuple[Hashable, ...]
    mean: FloatArray
    sd: FloatArray
    levels: FloatArray
    quantiles: FloatArray
    pool: Pool = USUAL_POOL


def lead_time_demand(
    demand: pd.DataFrame | Panel,
    *,
    periods: Any,
    quantiles: Sequence[float],
    in_stock: Any = None,
    periods_sd: Any = 0.0,
    season_length: int | None = None,
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
    """Distribution of the total demand over the periods after each series' last observation.

    Args:
        demand: A panel (its column in_stock heeded), or a long frame of one row per series and period, as
            `panel_from_frame` takes it with keys, ds, y, in_stock, period, missing and as_of.
        periods: Protection interval in periods, > 0, maybe fractional; add the review period yourself. A number; a
            column of the frame, by name; one per series, keyed by unique_id; or a distribution of lead times, a
            mapping (or a frame with columns periods, probability and maybe unique_id) from periods to probability.
        quantiles: Levels asked for, in (0, 1).
        in_stock: Column, or a value per row: False or 0 where the period was out of stock, so that its sales are only a
            lower bound of demand; a fraction where a part of it was.
        periods_sd: Standard deviation of the interval in periods, a number or keyed by unique_id.
        season_length: Periods per season; what is usual for the period by default, 1 for none.
        groups: Group of each series, such as its category, whose season it shares where pool is "auto": a column of the
            frame, or keyed by unique_id; all in one by default.
        pool: "auto" learns from the panel what `LEAST_SERIES` and more series teach, and takes what usually holds
            for smaller ones; "usual" takes that always; a `Pool` learnt before. Given a pool, a series' result
            depends on that series alone.
        period, keys, ds, y, missing, as_of: As `panel_from_frame` takes them.
        threads: Workers side by side; the result does not depend on how many.

    Returns:
        One row per series, sorted by key: unique_id (or the keys), mean, sd and a column per level, named `q0.95`
        and the like; whole numbers where the series is counted in whole units.

    Raises:
        ValueError: What `panel_from_frame` refuses, a level outside (0, 1), periods not positive or missing for a
            series, periods_sd negative, a season_length below 1, more than `MOST_UNITS` demanded in a period.
    """
    periods, groups = (_column_by_series(demand, one, keys) for one in (periods, groups))
    panel = panel_of(demand, in_stock=in_stock, period=period, keys=keys, ds=ds, y=y, missing=missing, as_of=as_of)
    result = lead_time_demand_of_panel(
        panel,
        periods=periods,
        periods_sd=periods_sd,
        quantiles=quantiles,
        season_length=season_length,
        groups=groups,
        pool=pool,
        threads=threads,
    )
    return pd.DataFrame(
        key_columns(result.ids, keys)
        | {"mean": result.mean, "sd": result.sd}
        | quantile_columns(result.levels, result.quantiles)
    )


def lead_time_paths(
    demand: pd.DataFrame | Panel,
    *,
    periods: Any,
    paths: int,
    seed: int,
    in_stock: Any = None,
    periods_sd: Any = 0.0,
    season_length: int | None = None,
    groups: Any = None,
    pool: Pooling = "auto",
    period: str | Period | None = None,
    keys: str | Sequence[str] = "unique_id",
    ds: str = "ds",
    y: str = "y",
    missing: Missing = "zero",
    as_of: Any = None,
    threads: int = 1,
) -> IntArray:
    """Possible totals of demand over the periods after each series' last observation, equally likely.

    Args:
        demand: As `lead_time_demand` takes it, with all that is not named here.
        paths: How many per series, at least 1.
        seed: Of the order in which a series' totals stand. A series' luck follows from seed and unique_id alone, and
            the totals cover the distribution evenly, so that few paths go far.
        periods, in_stock, periods_sd, season_length, groups, pool, period, keys, ds, y, missing, as_of, threads: As
            `lead_time_demand` takes them.

    Returns:
        Whole units, shape (series, path), series sorted by key.

    Raises:
        ValueError: As `lead_time_demand`, and fewer than one path.
    """
    if paths < 1:
        raise ValueError(f"paths must be at least 1, got {paths}")
    periods, groups = (_column_by_series(demand, one, keys) for one in (periods, groups))
    panel = panel_of(demand, in_stock=in_stock, period=period, keys=keys, ds=ds, y=y, missing=missing, as_of=as_of)
    lead_times = lead_times_of(panel.ids, periods, periods_sd)
    distribution, _ = _distribution(panel, lead_times, (season_length, groups), pool, threads)
    return distribution.paths(panel.ids, paths=paths, seed=seed)


def lead_time_demand_of_panel(
    panel: Panel,
    *,
    periods: Any,
    periods_sd: Any = 0.0,
    quantiles: Sequence[float],
    season_length: int | None = None,
    groups: Any = None,
    pool: Pooling = "auto",
    threads: int = 1,
) -> LeadTimeDemand:
    """Distribution of the total demand over the periods after the panel's last.

    At past origins the total of the next periods (rounded up, then scaled down in proportion) is forecast from
    what was known there: the mean of three exponentially weighted averages, and the level that many smoothers expect,
    each heard as well as it had forecast by then, on demand freed of its season. A negative binomial law says how mean
    and variance follow from these, from the mean of all history and from the errors seen by then, single periods' and
    totals'. What it weighs how, and how far its levels have to be moved to hold as often as they say, is learnt from
    all series' past totals (`Pool`). Where the history is too short for windows of the length asked, the longest
    feasible ones are scaled up by (periods / window)^1.5 in variance. A varying protection interval adds
    rate² · periods_sd²; a distribution of lead times gives the mixture.

    Args:
        panel: Histories; unknown periods teach nothing.
        periods: Protection interval, > 0: a number, one per series in the panel's order or keyed by unique_id, or a
            distribution of lead times as `lead_time_demand` takes it.
        periods_sd: Its standard deviation, ≥ 0, scalar or per series.
        quantiles: Levels asked for, in (0, 1), in any order.
        season_length, groups, pool, threads: As `lead_time_demand` takes them.

    Returns:
        Zeros throughout for series without a known period or without any demand.

    Raises:
        ValueError: A level outside (0, 1), periods not positive and finite, periods_sd negative.

    Source: the negative binomial for lead-time demand: Snyder, Ord & Beaumont (2012), International Journal of
        Forecasting 28(2); calibration of levels: Kuleshov, Fenner & Ermon (2018), ICML 35.
    """
    levels = checked_levels(quantiles)
    lead_times = lead_times_of(panel.ids, periods, periods_sd)
    distribution, learnt = _distribution(panel, lead_times, (season_length, groups), pool, threads)
    pieces = side_by_side(
        lambda part: distribution.chosen(part).quantiles(levels), chunks_of(len(panel.ids)), threads=threads
    )
    return LeadTimeDemand(
        ids=panel.ids,
        mean=distribution.mean,
        sd=distribution.sd,
        levels=levels,
        quantiles=np.concatenate(pieces) if pieces else np.empty((0, len(levels))),
        pool=learnt,
    )


def learn_pool(
    panel: Panel, *, periods: Any, season_length: int | None = None, least_series: int = 1, threads: int = 1
) -> Pool:
    """What a panel teaches about totals of these lengths, to be used for it or for others like it.

    Args:
        panel: Histories.
        periods: Protection intervals, as `lead_time_demand_of_panel` takes them.
        season_length: Periods per season.
        least_series: Series with past totals from which anything is learnt.
        threads: Workers side by side.
    """
    windows = _feasible(panel, lead_times_of(panel.ids, periods, 0.0))
    season = coming_season(panel, season_length, is_shared=False)
    return learnt_pool(
        totals_of_panel(panel, windows, season, np.zeros_like(windows), threads), windows, least_series=least_series
    )


def _distribution(
    panel: Panel, lead_times: LeadTimes, seasons: tuple[int | None, Any], pool: Pooling, threads: int
) -> tuple[TotalDistribution, Pool]:
    windows = _feasible(panel, lead_times)
    season_length, groups = seasons
    season = coming_season(panel, season_length, is_shared=pool == "auto", groups=groups)
    totals = totals_of_panel(panel, windows, season, np.zeros_like(windows), threads, learning=pool == "auto")
    learnt = pool_for(pool, totals, windows)
    moments = end_moments(learnt, totals, windows)
    seen = _season_sums(season, windows.astype(np.float64))
    means, excesses = [], []
    for periods in lead_times.periods.T:
        factor = _season_sums(season, periods) / seen
        means.append(moments.mean * factor)
        longer = periods / windows
        excesses.append(moments.excess * np.where(longer > 1, longer**HORIZON_EXPONENT, longer))
    mean = np.stack(means, axis=1)
    rate = (mean / lead_times.periods * lead_times.weights).sum(axis=1)
    return (
        TotalDistribution(
            means=mean,
            excesses=np.stack(excesses, axis=1),
            weights=lead_times.weights,
            interval_variance=(rate * lead_times.sd) ** 2,
            is_whole=panel.is_whole,
            pool=learnt,
        ),
        learnt,
    )


def pool_for(pool: Pooling, totals: TotalsAtOrigins, windows: IntArray) -> Pool:
    """The pool that was given, the usual one, or what these totals teach."""
    if isinstance(pool, Pool):
        return pool
    if pool not in ("auto", "usual"):
        raise ValueError(f"pool must be auto, usual or a Pool, got {pool!r}")
    return USUAL_POOL if pool == "usual" else learnt_pool(totals, windows)


def end_moments(pool: Pool, totals: TotalsAtOrigins, windows: IntArray) -> Moments:
    """Moments of each series' total after the end of its history."""
    at_end = np.zeros(totals.mean.shape, dtype=np.bool_)
    at_end[:, 0] = True
    return pool.moments(totals.rows(at_end), windows.astype(np.float64))


def totals_of_panel(
    panel: Panel, windows: IntArray, season: FloatArray, lead: IntArray, threads: int, *, learning: bool = True
) -> TotalsAtOrigins:
    """Totals forecast at past origins, and at the end of the history alone where nothing is to be learnt."""

    _refuse_absurd(panel)

    def of(part: slice) -> TotalsAtOrigins:
        few, few_leads = panel.between(part.start, part.stop), lead[part]
        rival = expected_level(few, windows[part], lead=few_leads, season=season[part])
        origins = ORIGINS if learning else 1
        return totals_at_origins(few, windows[part], lead=few_leads, origins=origins, season=season[part], rival=rival)

    return TotalsAtOrigins.joined(side_by_side(of, chunks_of(len(panel.ids)), threads=threads))


def _refuse_absurd(panel: Panel) -> None:
    absurd = panel.values > MOST_UNITS
    if absurd.any():
        first = int(np.flatnonzero(absurd)[0])
        series = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        raise ValueError(
            f"demand of {panel.ids[series]!r} must be at most {MOST_UNITS:.0e} units a period,"
            f" got {panel.values[first]}"
        )


def _feasible(panel: Panel, lead_times: LeadTimes) -> IntArray:
    """Whole periods of each series' window, as long as asked or as its history allows."""
    asked = np.maximum(np.ceil(lead_times.mean - 1e-9), 1.0).astype(np.int64)
    longest = np.maximum((panel.lengths * LONGEST_SHARE).astype(np.int64), 1)
    return np.minimum(asked, longest)


def _season_sums(season: FloatArray, periods: FloatArray) -> FloatArray:
    """Sum of the indices of so many periods to come, the last one in part, shape (series,)."""
    length = season.shape[1]
    running = np.concatenate((np.zeros((len(season), 1)), np.cumsum(season, axis=1)), axis=1)
    whole = np.floor(periods).astype(np.int64)
    series = np.arange(len(season))
    full = (whole // length) * running[:, -1] + running[series, whole % length]
    return np.asarray(full + (periods - whole) * season[series, whole % length])


def panel_of(demand: pd.DataFrame | Panel, *, in_stock: Any, **frame: Any) -> Panel:
    """The panel itself, or the one that the frame holds, with what stock-outs hid."""
    if not isinstance(demand, Panel):
        return with_stock_outs(panel_from_frame(demand, in_stock=in_stock, **frame))
    for name, given in (("in_stock", in_stock), ("period", frame["period"]), ("as_of", frame["as_of"])):
        if given is not None:
            raise ValueError(f"a panel says {name} itself: give it there, got {given!r}")
    return with_stock_outs(demand)


def _column_by_series(demand: pd.DataFrame | Panel, given: Any, keys: str | Sequence[str]) -> Any:
    """The column that was named, one value per series; anything but a frame's column's name is given back."""
    if not isinstance(demand, pd.DataFrame) or not isinstance(given, str):
        return given
    names = [keys] if isinstance(keys, str) else list(keys)
    for wanted in (given, *names):
        if wanted not in demand.columns:
            raise ValueError(f"demand must have a column {wanted}, got {', '.join(map(str, demand.columns))}")
    values = demand.groupby(names[0] if len(names) == 1 else names, sort=True, observed=True)[given]
    counts = values.nunique(dropna=False)
    if (counts > 1).any():
        first = counts.index[counts > 1][0]
        raise ValueError(f"{given} must be one value per series, got {counts[first]} for {first!r}")
    return values.first()


def checked_levels(quantiles: Sequence[float]) -> FloatArray:
    """The levels asked for, rising, each once.

    Raises:
        ValueError: None, or one outside (0, 1).
    """
    levels = np.unique(np.asarray(quantiles, dtype=np.float64))
    if not len(levels) or not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"quantiles must be levels strictly between 0 and 1, got {quantiles!r}")
    return levels


def key_columns(ids: tuple[Hashable, ...], keys: str | Sequence[str]) -> dict[str, object]:
    """Columns that name the series, as the keys are named."""
    if isinstance(keys, str) or len(keys) == 1:
        return {keys if isinstance(keys, str) else keys[0]: pd.Index(ids)}
    parts: list[tuple[Hashable, ...]] = [one if isinstance(one, tuple) else (one,) for one in ids]
    return {name: pd.Index([part[number] for part in parts]) for number, name in enumerate(keys)}


def quantile_columns(levels: FloatArray, quantiles: FloatArray) -> dict[str, object]:
    """A column per level, of whole numbers where all are."""
    whole = not (quantiles % 1.0 > 0).any()
    typed = quantiles.astype(np.int64) if whole else quantiles
    return {f"q{level:.15g}": typed[:, column] for column, level in enumerate(levels)}
