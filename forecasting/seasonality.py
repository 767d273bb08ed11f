"""Seasons: profiles pooled across SKUs, and the decomposition of one item."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

LEAST_VARIANCE = 1e-4
"""Variance of multipliers below which a season is 1 % and not worth telling apart."""

MOST_GROWTH = 3.0
"""Growth or decline over one season believed of series of less than two."""


@dataclass(frozen=True)
class SeasonalProfiles:
    """What each season multiplies the level of each series by.

    Attributes:
        profile: Multipliers, each row of mean 1, shape (series, season_length).
        group_profile: Those of each series' group, without what is its own, likewise.
        weight_own: How far a series follows its own past seasons rather than its group's, 0 to 1, shape (series,).
        weight_group: How far its group's profile is believed rather than a flat one, 0 to 1, shape (series,).
        phase: Season of each series' last period, shape (series,).
    """

    profile: FloatArray
    group_profile: FloatArray
    weight_own: FloatArray
    weight_group: FloatArray
    phase: IntArray

    def of_group(self) -> SeasonalProfiles:
        """The same with nothing of the items' own: each follows its group."""
        return replace(self, profile=self.group_profile, weight_own=np.zeros_like(self.weight_own))

    def ahead(self, horizon: int) -> FloatArray:
        """Multipliers of the periods after the last one, shape (series, horizon)."""
        season = (self.phase[:, None] + 1 + np.arange(horizon)) % self.profile.shape[1]
        ahead: FloatArray = np.take_along_axis(self.profile, season, axis=1)
        return ahead

    def past(self, panel: Panel) -> FloatArray:
        """Multipliers of the panel's own periods, shaped like its values: divide demand by them to run a level model.

        Raises:
            ValueError: The panel does not have as many series as the profiles.
        """
        if len(panel.ids) != len(self.profile):
            raise ValueError(f"panel must have the {len(self.profile)} series of the profiles, got {len(panel.ids)}")
        season = _seasons(panel, self.phase, self.profile.shape[1])
        return self.profile[np.repeat(np.arange(len(panel.ids)), panel.lengths), season]


def seasonal_profiles(
    panel: Panel, *, season_length: int, phase: ArrayLike, groups: Sequence[Hashable] | None = None
) -> SeasonalProfiles:
    """Multiplicative seasons by group, each item's own as far as its history supports them.

    Demand of a period is level · multiplier of its season, with variance φ·mean, φ of its own for each series. Levels
    are centred moving averages over a season; with one to two seasons of history, the mean with the growth that the
    group's such series show between the periods they have in both, and with less, the mean. A first round of levels
    gives group multipliers, a second round levels of the demand divided by these.

    The group's multiplier is Σ demand/φ over Σ level/φ of its series with at least one whole season. Multipliers of
    groups scatter around 1, and those of items around their group's, as gamma variables with variances τ² estimated
    from the data by moments (what chance does not explain; for items, what one season says of the next, less one
    standard error); the profiles are their means given the counts:

        group = (Σ demand/φ' + 1/τ²) / (Σ level/φ' + 1/τ²),  item = group · (demand/φ + 1/τ²) / (level·group/φ + 1/τ²)

    so that more seasons and more steady demand mean more weight of one's own. φ is taken from the changes between like
    seasons, if there are two; otherwise all deviation from the group counts as noise, and the item follows the group.
    Within one season a trend looks like a season; a group whose longest history spans y seasons is therefore shrunk to
    flat by a further y − ½ below one and a half, and is flat below one.

    Args:
        panel: Units demanded.
        season_length: Periods per season cycle m, at least 2 (12 months, 52 weeks, 7 days).
        phase: Season (0 to m − 1) of the last period: one for all, or one per series.
        groups: Group of each series, such as its category; all in one by default.

    Raises:
        ValueError: season_length below 2, phase outside 0 to m − 1 or not one per series, groups not one per series.
    """
    m = season_length
    if m < 2:
        raise ValueError(f"season_length must be at least 2, got {m}")
    number = len(panel.ids)
    at = _checked_phase(phase, number, m)
    group = np.zeros(number, np.int64) if groups is None else _codes(groups, number)
    count = int(group.max(initial=-1)) + 1
    known = _known_counts(panel)
    whole = known >= m
    growth = _growth(panel, group, count, known, m)

    profile = np.ones((number, m))
    local = np.empty_like(panel.values)
    for round in range(2):
        demand, level = np.zeros((number, m)), np.zeros((number, m))
        noise = np.ones(number)
        _season_sums(panel.values, panel.offsets, at, m, profile, growth[group], round > 0, demand, level, local, noise)
        demand, level = demand * whole[:, None] / noise[:, None], level * whole[:, None] / noise[:, None]
        raw = _raw_profiles(demand, level, group, count)
        own_variance = _own_variance(panel, local, at, raw[group], noise, group, count)
        by_group, weight_group = _shrunk_to_flat(raw, level, own_variance, group, count)
        believed = np.clip(_most_seasons(known, group, count, m) - 0.5, 0.0, 1.0)
        by_group = 1.0 + believed[:, None] * (by_group - 1.0)
        profile = by_group[group]
    prior = 1.0 / own_variance[group][:, None]
    expected = level * profile
    own = profile * (demand + prior) / (expected + prior)
    weight = (expected / (expected + prior)).mean(axis=1)
    return SeasonalProfiles(
        profile=own / own.mean(axis=1, keepdims=True),
        group_profile=profile / profile.mean(axis=1, keepdims=True),
        weight_own=weight,
        weight_group=(weight_group * believed)[group],
        phase=at,
    )


def _checked_phase(phase: ArrayLike, number: int, season_length: int) -> IntArray:
    given = np.asarray(phase)
    if number and (given.shape not in ((), (number,)) or not np.issubdtype(given.dtype, np.integer)):
        raise ValueError(
            f"phase must be one whole number or one per series ({number}), got {given.dtype} of shape {given.shape}"
        )
    at = np.broadcast_to(given, (number,)).astype(np.int64) if number else np.zeros(0, np.int64)
    if ((at < 0) | (at >= season_length)).any():
        raise ValueError(
            f"phase must lie between 0 and {season_length - 1}, got {at[(at < 0) | (at >= season_length)][0]}"
        )
    return at


def _codes(groups: Sequence[Hashable], number: int) -> IntArray:
    if len(groups) != number:
        raise ValueError(f"groups must be one per series ({number}), got {len(groups)}")
    code, _ = pd.factorize(pd.Series(list(groups), dtype=object), use_na_sentinel=False)
    return np.asarray(code, dtype=np.int64)


def _seasons(panel: Panel, phase: IntArray, season_length: int) -> IntArray:
    back = np.repeat(panel.offsets[1:] - 1, panel.lengths) - np.arange(len(panel.values))
    season: IntArray = (np.repeat(phase, panel.lengths) - back) % season_length
    return season


def _known_counts(panel: Panel) -> IntArray:
    known = np.concatenate(([0], np.cumsum(~np.isnan(panel.values))))
    return np.asarray(known[panel.offsets[1:]] - known[panel.offsets[:-1]], dtype=np.int64)


def _most_seasons(known: IntArray, group: IntArray, count: int, season_length: int) -> FloatArray:
    """Longest history in the group, in seasons; 0 below a whole one."""
    most = np.zeros(count)
    np.maximum.at(most, group, np.where(known >= season_length, known / season_length, 0.0))
    return most


def _growth(panel: Panel, group: IntArray, count: int, known: IntArray, m: int) -> FloatArray:
    """Logarithm of growth per period in each group's series of one to two seasons, from the seasons they have twice.

    Shrunk to none as a quarter of a season's worth of further unchanged periods would.
    """
    early, late, overlap = np.zeros(count), np.zeros(count), np.zeros(count)
    for series in np.flatnonzero((panel.lengths > m) & (panel.lengths < 2 * m) & (known >= m)):
        values = panel.values[panel.offsets[series] : panel.offsets[series + 1]]
        first, last = values[:-m], values[m:]
        both = ~np.isnan(first) & ~np.isnan(last)
        usual = float(np.nanmean(values))
        if usual > 0:
            early[group[series]] += first[both].sum() / usual
            late[group[series]] += last[both].sum() / usual
            overlap[group[series]] = max(overlap[group[series]], float(both.sum()))
    ratio = np.divide(late + 1.0, early + 1.0)
    own = overlap / (overlap + m / 4.0)
    return np.asarray(own * np.clip(np.log(ratio), -np.log(MOST_GROWTH), np.log(MOST_GROWTH)) / m)


def _raw_profiles(demand: FloatArray, level: FloatArray, group: IntArray, count: int) -> FloatArray:
    """Demand over level by season, of mean 1, per group; 1 where it has no evidence."""
    total, exposure = _per_group(demand, group, count), _per_group(level, group, count)
    raw = np.divide(total, exposure, out=np.ones_like(total), where=exposure > 0)
    usual = raw.mean(axis=1, keepdims=True)
    relative: FloatArray = np.divide(raw, usual, out=np.ones_like(raw), where=usual > 0)
    return relative


def _own_variance(
    panel: Panel, local: FloatArray, phase: IntArray, raw: FloatArray, noise: FloatArray, group: IntArray, count: int
) -> FloatArray:
    """Variance of items' multipliers around their group's, per group: what one year says of the next.

    The product of deviations one season apart is free of noise, which is independent from year to year.
    """
    products, squares = np.zeros(len(noise)), np.zeros(len(noise))
    _like_seasons(panel.values, panel.offsets, local, phase, raw, noise, products, squares)
    product, square = np.bincount(group, products, count), np.bincount(group, squares, count)
    found = np.divide(product, square, out=np.zeros(count), where=square > 0)
    error = np.sqrt(np.divide(1.0, square, out=np.zeros(count), where=square > 0))
    variance: FloatArray = np.maximum(found - error, LEAST_VARIANCE)
    return variance


def _shrunk_to_flat(
    raw: FloatArray, level: FloatArray, own_variance: FloatArray, group: IntArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Multipliers and weight of each group; level in units of noise, in which the variance of demand is its mean."""
    expected = level * raw[group]
    grouped = _per_group(expected, group, count)
    # Items that differ make the group's sum vary more than its noise: by this factor.
    crowding = 1.0 + own_variance[:, None] * np.divide(
        _per_group(expected**2, group, count), grouped, out=np.zeros_like(raw), where=grouped > 0
    )
    evidence = _per_group(level, group, count) / crowding
    chance = np.divide(1.0, evidence, out=np.full_like(raw, np.inf), where=evidence > 0)
    seen = np.isfinite(chance)
    cells = np.maximum(seen.sum(axis=1), 1)
    spread = np.where(seen, (raw - 1.0) ** 2 - np.where(seen, chance, 0.0) * np.maximum(raw, 0.1), 0.0).sum(axis=1)
    variance = np.maximum(spread / cells, LEAST_VARIANCE)[:, None]
    weight = np.where(seen, variance / (variance + chance), 0.0)
    profile = 1.0 + weight * (raw - 1.0)
    return profile / profile.mean(axis=1, keepdims=True), weight.mean(axis=1)


def _per_group(values: FloatArray, group: IntArray, count: int) -> FloatArray:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


@inline
def _noise(own: FloatArray, local: FloatArray, profile: FloatArray, phase: int, m: int) -> float:
    """Variance of demand per unit of its mean: from like seasons if there are half a season's worth, else all."""
    n = len(own)
    squared, scale, pairs = 0.0, 0.0, 0
    for t in range(m, n):
        now, before = local[t], local[t - m]
        if now > 0 and before > 0 and not np.isnan(own[t]) and not np.isnan(own[t - m]):
            season = (phase - (n - 1 - t)) % m
            squared += (own[t] / now - own[t - m] / before) ** 2 * now
            scale += profile[season] * (1.0 + now / before)
            pairs += 1
    if 2 * pairs < m or not scale > 0:
        squared, scale = 0.0, 0.0
        for t in range(n):
            if local[t] > 0 and not np.isnan(own[t]):
                season = (phase - (n - 1 - t)) % m
                squared += (own[t] - local[t] * profile[season]) ** 2 / local[t]
                scale += profile[season]
    # A level that holds the period itself takes up a part of what it deviates.
    return max(squared / scale * (m / (m - 1.0)) ** 2, 0.01) if scale > 0 else 1.0


@kernel
def _like_seasons(
    values: FloatArray,
    offsets: IntArray,
    local: FloatArray,
    phase: IntArray,
    profile: FloatArray,
    noise: FloatArray,
    products: FloatArray,
    squares: FloatArray,
) -> None:
    """Write Σ (demand − level·multiplier)·(the same a season before) and Σ of what they are compared with."""
    m = profile.shape[1]
    for series in range(len(offsets) - 1):
        last = offsets[series + 1]
        for t in range(offsets[series] + m, last):
            product = (values[t] * local[t]) * (values[t - m] * local[t - m])
            if not np.isnan(product):
                multiplier = profile[series, (phase[series] - (last - 1 - t)) % m]
                now, before = local[t] * multiplier, local[t - m] * multiplier
                scale = noise[series] * noise[series]
                products[series] += (values[t] - now) * (values[t - m] - before) / scale
                squares[series] += now * before / scale


@kernel
def _season_sums(
    values: FloatArray,
    offsets: IntArray,
    phase: IntArray,
    m: int,
    profile: FloatArray,
    growth: FloatArray,
    deseasonalise: bool,
    demand: FloatArray,
    level: FloatArray,
    local_out: FloatArray,
    noise: FloatArray,
) -> None:
    """Write demand and level summed by season, levels (NaN where there is none yet), and φ, variance over mean.

    Without multipliers yet (deseasonalise False) only periods with a whole season around them count.
    """
    for series in range(len(offsets) - 1):
        own = values[offsets[series] : offsets[series + 1]]
        n = len(own)
        # Running sums of demand and of what a level of 1 would have demanded, over the known periods.
        units, ones = np.zeros(n + 1), np.zeros(n + 1)
        grown = 0.0
        for t in range(n):
            season = (phase[series] - (n - 1 - t)) % m
            known = not np.isnan(own[t])
            units[t + 1] = units[t] + (own[t] if known else 0.0)
            ones[t + 1] = ones[t] + (profile[series, season] if known else 0.0)
            grown += profile[series, season] * np.exp(growth[series] * (t - n / 2)) if known else 0.0
        local = local_out[offsets[series] : offsets[series + 1]]
        local[:] = np.nan
        half = m // 2
        for t in range(n):
            if n < 2 * m:
                if grown > 0:
                    local[t] = units[n] / grown * (np.exp(growth[series] * (t - n / 2)) if n >= m else 1.0)
                    if n < m and ones[n] > 0:
                        local[t] = units[n] / ones[n]
                continue
            first, last = t - half, t + half + 1
            if not deseasonalise and (first < 0 or last > n):
                continue
            first, last = max(first, 0), min(last, n)
            sold, weight = units[last] - units[first], ones[last] - ones[first]
            if m % 2 == 0 and not deseasonalise:  # The season at both ends counts half at each.
                sold -= 0.5 * (units[first + 1] - units[first] + units[last] - units[last - 1])
                weight -= 0.5 * (ones[first + 1] - ones[first] + ones[last] - ones[last - 1])
            if weight > 1e-9:
                local[t] = max(sold, 0.0) / weight
        for t in range(n):
            if not np.isnan(own[t]) and not np.isnan(local[t]):
                season = (phase[series] - (n - 1 - t)) % m
                demand[series, season] += own[t]
                level[series, season] += local[t]
        noise[series] = _noise(own, local, profile[series], phase[series], m)


@dataclass(frozen=True)
class Decomposition:
    """One item's history as trend + seasonal + remainder.

    Attributes:
        trend: Units per period, shape (period,).
        seasonal: Units above or below the trend, one row per season length, shape (season, period).
        remainder: What is left, shape (period,); NaN where demand is unknown.
    """

    trend: FloatArray
    seasonal: FloatArray
    remainder: FloatArray


def decompose(values: ArrayLike, *, season_lengths: Sequence[int]) -> Decomposition:
    """Robust seasonal-trend decomposition by loess (STL; MSTL with several seasons), to look at one item.

    Unknown periods are bridged by straight lines before, and have no remainder after.

    Args:
        values: Units demanded per period, oldest first, shape (period,); NaN = unknown.
        season_lengths: Periods of each season, different and at least 2, such as (7, 365) for days.

    Raises:
        ValueError: values are not a row of known, finite numbers with gaps, or do not hold two of the longest season.

    Source: Cleveland, Cleveland, McRae & Terpenning (1990), Journal of Official Statistics 6(1); Bandara, Hyndman &
        Bergmeir (2021), "MSTL", arXiv 2107.13462. Computed by statsmodels.
    """
    demand = np.asarray(values, dtype=np.float64)
    lengths = sorted(season_lengths)
    if not lengths or lengths[0] < 2 or len(set(lengths)) < len(lengths):
        raise ValueError(f"season_lengths must be different whole numbers from 2, got {list(season_lengths)}")
    if demand.ndim != 1 or len(demand) < 2 * lengths[-1]:
        raise ValueError(f"values must hold two seasons of {lengths[-1]} periods in a row, got shape {demand.shape}")
    known = ~np.isnan(demand)
    if not known.any() or np.isinf(demand).any():
        raise ValueError("values must be finite where known, and known somewhere")
    periods = np.arange(len(demand))
    bridged = np.interp(periods, periods[known], demand[known])
    trend, seasonal = _stl(bridged, lengths)
    return Decomposition(trend, seasonal, np.where(known, bridged - trend - seasonal.sum(axis=0), np.nan))


def _stl(demand: FloatArray, lengths: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    from statsmodels.tsa.seasonal import MSTL, STL

    if np.ptp(demand) == 0:
        return demand, np.zeros((len(lengths), len(demand)))
    if len(lengths) == 1:
        fitted = STL(demand, period=lengths[0], robust=True).fit()
        return np.asarray(fitted.trend), np.asarray(fitted.seasonal)[None]
    fitted = MSTL(demand, periods=tuple(lengths), stl_kwargs={"robust": True}).fit()
    return np.asarray(fitted.trend), np.atleast_2d(np.asarray(fitted.seasonal).T)
