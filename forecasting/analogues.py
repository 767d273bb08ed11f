"""New items: what others like them did after launch, and the histories they inherit."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from forecasting.panel import BoolArray, FloatArray, Panel

LEAST_SPREAD = 0.05
"""Variance, relative to the square of its mean, of the levels of items alike, at least."""

UNTOLD_SPREAD = 0.5
"""The same where one analogue cannot tell it: a new item sells from half to twice as much."""

STEADY_PERIODS = 8
"""Last periods since launch known of any analogue, whose mean is what is expected after them."""


@dataclass(frozen=True)
class LaunchDemand:
    """Demand of new items in the periods after the last one, as their analogues had it since their launches.

    Attributes:
        ids: The new items.
        analogues: Of each, those whose history was used.
        mean: Units per period, shape (new, horizon).
        noise: Variance of each period if the scale were known, units², shape (new, horizon). The total over periods has
            the variance Σ noise + (scale_error · Σ mean)², as the scale is common to them.
        scale: What the analogues' mean profile is multiplied by, shape (new,).
        scale_error: Standard deviation of the scale, relative to it, shape (new,).
    """

    ids: tuple[Hashable, ...]
    analogues: tuple[tuple[Hashable, ...], ...]
    mean: FloatArray
    noise: FloatArray
    scale: FloatArray
    scale_error: FloatArray


@dataclass(frozen=True)
class Succession:
    """One item takes the place of another.

    Attributes:
        old: Item that goes.
        new: Item that comes.
        at: First moment that counts as the new item's; demand before it is inherited.
        share: Of the old item's demand, what the new one inherits, above 0 and at most 1.
    """

    old: Hashable
    new: Hashable
    at: date
    share: float = 1.0


@dataclass(frozen=True)
class _Launch:
    profile: FloatArray  # units in each period since launch, for a scale of 1
    level: float
    spread: float  # of levels, relative variance
    dispersion: float  # variance of a period over its mean


def analogues_in_group(
    panel: Panel, groups: Sequence[Hashable], new: Sequence[Hashable], *, least_periods: int
) -> dict[Hashable, tuple[Hashable, ...]]:
    """For each new item the other items of its group with at least so many known periods.

    Args:
        panel: Histories; a new item is one of its series, however short.
        groups: Group of each series, such as its category.
        new: Items to find analogues for.
        least_periods: Known periods that an analogue must have, at least 1.

    Returns:
        Analogues by new item, in the panel's order; none where the group has nobody else.

    Raises:
        ValueError: groups are not one per series, a new item is not in the panel, or least_periods is below 1.
    """
    if len(groups) != len(panel.ids):
        raise ValueError(f"groups must be one per series ({len(panel.ids)}), got {len(groups)}")
    if least_periods < 1:
        raise ValueError(f"least_periods must be at least 1, got {least_periods}")
    number = {one: series for series, one in enumerate(panel.ids)}
    missing = [one for one in new if one not in number]
    if missing:
        raise ValueError(f"new items must be series of the panel, got {missing[0]!r}")
    known = np.concatenate(([0], np.cumsum(~np.isnan(panel.values))))
    periods = known[panel.offsets[1:]] - known[panel.offsets[:-1]]
    fresh = set(new)
    members: dict[Hashable, list[Hashable]] = {}
    for series, one in enumerate(panel.ids):
        if one not in fresh and periods[series] >= least_periods:
            members.setdefault(groups[series], []).append(one)
    return {one: tuple(members.get(groups[number[one]], ())) for one in new}


def launch_demand(panel: Panel, analogues: Mapping[Hashable, Sequence[Hashable]], *, horizon: int) -> LaunchDemand:
    """Demand of new items: the mean launch profile of their analogues, scaled by what is known of them.

    Every history is taken to begin with its item's launch. In the k-th period since launch the analogues sold

        p_k = mean level · Σ demand in their k-th period / Σ level,  over those that have a k-th known period,

    their levels being means over the periods since launch that all of them have. After the longest history comes the
    mean of its last `STEADY_PERIODS`. Levels of items alike scatter, relative to their mean, with the variance τ² that
    the analogues' have (less noise, at least `LEAST_SPREAD`; of a single one, `UNTOLD_SPREAD`), and a period with the
    variance φ·mean. With O units demanded so far where the profile says P, the new item's scale is, as of a gamma law,

        scale = (O/φ + 1/τ²) / (P/φ + 1/τ²),  relative error 1 / sqrt(O/φ + 1/τ²).

    Args:
        panel: Histories of analogues and new items; a new item without a series has sold nothing yet.
        analogues: Items alike, by new item, chosen by the planner or with `analogues_in_group`.
        horizon: Periods after the last one, at least 1.

    Returns:
        A row per new item; one whose analogues never sold, or that has none, is given its own mean demand.

    Raises:
        ValueError: An analogue is not in the panel or is the item itself, or horizon is below 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    chosen = {one: _histories(panel, one, others) for one, others in analogues.items()}
    size = len(chosen)
    mean, noise = np.zeros((size, horizon)), np.zeros((size, horizon))
    scale, scale_error = np.ones(size), np.zeros(size)
    for row, (new, alike) in enumerate(chosen.items()):
        own = _own_history(panel, new)
        launch = _launch([*alike.values()] if any(map(_mean, alike.values())) else [own], len(own) + horizon)
        scale[row], scale_error[row] = _scale(own, launch)
        mean[row] = scale[row] * launch.profile[len(own) :]
        noise[row] = launch.dispersion * mean[row]
    return LaunchDemand(
        ids=tuple(chosen),
        analogues=tuple(tuple(alike) for alike in chosen.values()),
        mean=mean,
        noise=noise,
        scale=scale,
        scale_error=scale_error,
    )


def with_analogues(panel: Panel, analogues: Mapping[Hashable, Sequence[Hashable]], *, periods: int) -> Panel:
    """The panel with new items' histories led by those of their analogues, so that any model can run on them.

    In each of the `periods` before a new item's first one, one of its analogues stands in for it, taking turns: its
    demand then, times scale · (mean level of the analogues / its own level), the scale being that of `launch_demand`.
    Taking turns keeps season and spread, which a mean of them would lose. The item's own periods stay as they are.
    All series must end in the same period.

    Args:
        panel: Histories; new items must be among them, if only with a length of 0.
        analogues: Items alike, by new item.
        periods: To put in front, at least 1; as many as the analogues have.

    Returns:
        The same series in the same order, those of new items longer; further columns are unknown (NaN) in front.

    Raises:
        ValueError: As for `launch_demand`, periods below 1, a new item is not in the panel, or series end apart.
    """
    if periods < 1:
        raise ValueError(f"periods must be at least 1, got {periods}")
    if panel.ends is not None and len(np.unique(panel.ends)) > 1:
        raise ValueError(f"all series must end in the same period, got {min(panel.ends)} to {max(panel.ends)}")
    number = {one: series for series, one in enumerate(panel.ids)}
    lead: dict[int, FloatArray] = {}
    for new, others in analogues.items():
        if new not in number:
            raise ValueError(f"new items must be series of the panel, got {new!r}")
        alike = [*_histories(panel, new, others).values()]
        lead[number[new]] = _standing_in(_own_history(panel, new), alike, periods)
    return _led(panel, lead)


def succeeded(demand: pd.DataFrame, successions: Sequence[Succession]) -> pd.DataFrame:
    """Histories with old items' demand moved to their successors.

    Of the old item's demand before `at`, the share goes to the new item, period by period, and the rest stays; what the
    old one still sells from `at` on is its own. No unit is lost or counted twice. Successions take effect in the order
    of their dates, so that a successor's successor inherits all of it; shares of one old item at one date are of the
    same whole.

    Args:
        demand: unique_id, ds, y and any further columns (which a period that only the old item had keeps).
        successions: Who follows whom.

    Returns:
        The same columns, sorted by unique_id and ds; old rows remain, with what is left to them.

    Raises:
        ValueError: A column is missing, an item has two rows for one ds, an item follows itself, an old item has no
            demand, a share lies outside (0, 1] or those of one item at one date sum to more than 1.
    """
    missing = [name for name in ("unique_id", "ds", "y") if name not in demand.columns]
    if missing:
        raise ValueError(f"demand must have a column {missing[0]}, got {', '.join(map(str, demand.columns))}")
    _refuse_successions(successions)
    frame = demand.copy()
    frame["y"] = frame["y"].astype(np.float64)
    twice = frame.duplicated(["unique_id", "ds"])
    if twice.any():
        first = frame[twice].iloc[0]
        raise ValueError(f"an item must have one row per ds, got several for {first['unique_id']!r} on {first['ds']}")
    moves: dict[tuple[pd.Timestamp, Hashable], list[Succession]] = {}
    for one in successions:
        moves.setdefault((pd.Timestamp(one.at), one.old), []).append(one)
    for (at, old), followers in sorted(moves.items(), key=lambda move: move[0][0]):
        frame = _moved(frame, old, at, followers)
    return frame.sort_values(["unique_id", "ds"], ignore_index=True)


def _histories(panel: Panel, new: Hashable, others: Sequence[Hashable]) -> dict[Hashable, FloatArray]:
    """Histories of the analogues that know at least one period."""
    number = {one: series for series, one in enumerate(panel.ids)}
    histories = {}
    for one in others:
        if one == new:
            raise ValueError(f"an item must not be its own analogue, got {one!r}")
        if one not in number:
            raise ValueError(f"analogues of {new!r} must be series of the panel, got {one!r}")
        history = panel.values[panel.offsets[number[one]] : panel.offsets[number[one] + 1]]
        if not np.isnan(history).all():
            histories[one] = history
    return histories


def _own_history(panel: Panel, new: Hashable) -> FloatArray:
    if new not in panel.ids:
        return np.zeros(0)
    series = panel.ids.index(new)
    return panel.values[panel.offsets[series] : panel.offsets[series + 1]]


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def _levels(alike: Sequence[FloatArray]) -> FloatArray:
    """Mean demand of each over the periods since launch that all have; over its own, where that says nothing."""
    common = min(len(one) for one in alike)
    levels = np.array([_mean(one[:common]) for one in alike])
    return levels if (levels > 0).all() else np.array([_mean(one) for one in alike])


def _launch(alike: Sequence[FloatArray], periods: int) -> _Launch:
    levels = _levels(alike)
    longest = max(len(one) for one in alike)
    since = np.full((len(alike), longest), np.nan)
    for row, one in enumerate(alike):
        since[row, : len(one)] = one
    known = ~np.isnan(since)
    units, scale = np.nansum(since, axis=0), levels @ known
    told = scale > 0
    profile = np.interp(np.arange(longest), np.flatnonzero(told), units[told] / scale[told]) if told.any() else units
    steady = float(profile[-STEADY_PERIODS:].mean()) if longest else 0.0
    dispersion = _dispersion(since, levels[:, None] * profile)
    profile = np.concatenate((profile, np.full(max(periods - longest, 0), steady)))[:periods]
    return _Launch(profile * levels.mean(), float(levels.mean()), _spread(levels, known, dispersion), dispersion)


def _dispersion(demand: FloatArray, expected: FloatArray) -> float:
    """Variance of a period's demand over its mean, around the analogues' own levels; one period as irregular as they
    are large is added, lest a few alike ones claim certainty.
    """
    known = ~np.isnan(demand)
    total = float(expected[known].sum())
    if not total > 1e-100:
        return 1.0
    usual = total / known.sum()
    squared = float(((demand - expected)[known] ** 2).sum())
    freedom = max(float(known.sum()) - len(demand) + 1.0, 1.0)
    return float((squared / usual + usual) / freedom)


def _spread(levels: FloatArray, known: BoolArray, dispersion: float) -> float:
    if len(levels) < 2 or not levels.mean() > 1e-100:
        return UNTOLD_SPREAD
    by_noise = float((dispersion / np.maximum(known.sum(axis=1), 1)).mean()) / float(levels.mean())
    own: float = max(float((levels / levels.mean()).var(ddof=1)) - by_noise, 0.0)
    # Few analogues hardly tell it: one more's worth of what is assumed without any.
    return max((own * (len(levels) - 1) + UNTOLD_SPREAD) / len(levels), LEAST_SPREAD)


def _scale(own: FloatArray, launch: _Launch) -> tuple[float, float]:
    known = ~np.isnan(own)
    sold = float(own[known].sum()) / launch.dispersion
    expected = float(launch.profile[: len(own)][known].sum()) / launch.dispersion
    prior = 1.0 / launch.spread
    return (sold + prior) / (expected + prior), 1.0 / float(np.sqrt(sold + prior))


def _standing_in(own: FloatArray, alike: Sequence[FloatArray], periods: int) -> FloatArray:
    """Demand of the periods before an item's own, oldest first, as far back as an analogue knows."""
    if not any(map(_mean, alike)):
        return np.zeros(0)
    launch = _launch(alike, len(own) + 1)
    scale, _ = _scale(own, launch)
    levels = _levels(alike)
    lead = []
    for back in range(len(own), len(own) + periods):
        turns = [(back + turn) % len(alike) for turn in range(len(alike))]
        able = [turn for turn in turns if len(alike[turn]) > back and levels[turn] > 0]
        if not able:
            break
        lead.append(alike[able[0]][len(alike[able[0]]) - 1 - back] / levels[able[0]])
    return scale * launch.level * np.array(lead[::-1])


def _led(panel: Panel, lead: Mapping[int, FloatArray]) -> Panel:
    nothing = np.zeros(0)
    fronts = [lead.get(series, nothing) for series in range(len(panel.ids))]
    offsets = panel.offsets + np.concatenate(([0], np.cumsum([len(front) for front in fronts])))

    def joined(values: FloatArray, pieces: Sequence[FloatArray]) -> FloatArray:
        parts = []
        for series, front in enumerate(pieces):
            parts += [front, values[panel.offsets[series] : panel.offsets[series + 1]]]
        return np.concatenate(parts) if parts else values

    unknown = [np.full(len(front), np.nan) for front in fronts]
    columns = {name: joined(column.astype(np.float64), unknown) for name, column in panel.columns.items()}
    return replace(panel, values=joined(panel.values, fronts), offsets=offsets.astype(np.int64), columns=columns)


def _refuse_successions(successions: Sequence[Succession]) -> None:
    shares: dict[tuple[Hashable, date], float] = {}
    for one in successions:
        if one.old == one.new:
            raise ValueError(f"an item must not follow itself, got {one.old!r}")
        if not 0 < one.share <= 1:
            raise ValueError(f"share of {one.old!r} for {one.new!r} must lie in (0, 1], got {one.share}")
        shares[one.old, one.at] = shares.get((one.old, one.at), 0.0) + one.share
        if shares[one.old, one.at] > 1 + 1e-9:
            raise ValueError(f"shares of {one.old!r} must sum to 1 at most, got {shares[one.old, one.at]}")


def _moved(frame: pd.DataFrame, old: Hashable, at: pd.Timestamp, followers: Sequence[Succession]) -> pd.DataFrame:
    is_old = frame["unique_id"] == old
    if not is_old.any():
        raise ValueError(f"an old item must have demand to be followed, got none for {old!r}")
    leaving = is_old & (frame["ds"] < at)
    for one in followers:
        inherited = frame[leaving].assign(unique_id=one.new, y=frame.loc[leaving, "y"] * one.share)
        frame = pd.concat([frame, inherited], ignore_index=True)
        leaving = leaving.reindex(frame.index, fill_value=False)
    left = max(1.0 - sum(one.share for one in followers), 0.0)
    frame.loc[leaving, "y"] = frame.loc[leaving, "y"] * (left if left > 1e-12 else 0.0)
    keys = ["unique_id", "ds"]
    if not frame.duplicated(keys).any():
        return frame
    # A sum with an unknown is unknown; the successor's own row comes first and keeps its further columns.
    unknown = frame["y"].isna().groupby([frame["unique_id"], frame["ds"]]).transform("any")
    total = frame.groupby(keys)["y"].transform("sum")
    return frame.assign(y=total.where(~unknown)).drop_duplicates(keys, keep="first").reset_index(drop=True)
