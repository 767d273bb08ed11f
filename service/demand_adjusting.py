"""The planner's word in the forecast: overrides and uplifts applied to demand over the protection interval, and told.

Demand is taken as spread evenly over the days of the interval. What covers a part of them changes that part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

PERIOD_DAYS = 7
GUESSED_RATE_SD = 0.5
"""Spread of a rate that the planner names where there is no forecast whose shape could be scaled, as a share of it."""
LEAST_SCALABLE_MEAN = 1.0
"""Units over the interval below which a forecast's shape says too little to be scaled up."""

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def adjusted(
    forecasts: pd.DataFrame, overrides: pd.DataFrame, *, points: pd.DataFrame, as_of: date, protection_days: Any
) -> pd.DataFrame:
    """Forecasts with overrides applied, and what was done told in words.

    On each day the newest override that covers it wins. A rate that is set, or added, for all places is shared
    among them as the forecast shares demand, evenly where it expects none. The quantiles and the sd scale with the
    mean where a rate is set or multiplied, and the quantiles shift where units are added; none falls below zero.
    Where hardly anything was forecast there is no shape to scale: what the planner names is then taken as certain
    to ± 50 % (sd), with negative binomial quantiles.

    Args:
        forecasts: On the index of the points: weekly_rate, mean, sd (of demand over the interval) and q<level>.
        overrides: As `demand_input_frames.active_overrides` gives them, oldest first.
        points: On the same index, with sku_id and location_id.
        as_of: The last day known; the interval begins the day after.
        protection_days: Length of the interval in days, above 0, shape (point,); fractions count as parts of a day.

    Returns:
        The forecasts, adjusted, with weekly_rate_statistical (the rate without overrides) and override (the words,
        empty where nothing was done).

    Raises:
        ValueError: the frames have different indexes, or an interval is not above 0.
    """
    days = _checked(forecasts, points, protection_days)
    shares = _shares(forecasts, points)
    by_sku = {sku: list(rows.itertuples()) for sku, rows in overrides.groupby("sku_id")}
    before = _Forecasts(forecasts)
    changed: dict[int, tuple[_Adjusted, str]] = {}
    rows = zip(points["sku_id"].tolist(), points["location_id"].tolist(), strict=True)
    for position, (sku_id, location_id) in enumerate(rows):
        own = [one for one in by_sku.get(sku_id, []) if pd.isna(one.location_id) or one.location_id == location_id]
        parts = _parts(own, as_of, float(days[position]))
        if parts:
            point = before.point(position, float(days[position]), float(shares[position]))
            changed[position] = _overridden(point, parts)
    result = before.with_changes(changed, days, told="override")
    return result.assign(weekly_rate_statistical=forecasts["weekly_rate"])


def uplifted(
    forecasts: pd.DataFrame, events: pd.DataFrame, *, points: pd.DataFrame, as_of: date, protection_days: Any
) -> pd.DataFrame:
    """Forecasts with the uplifts that the planner expects of coming events; apply overrides afterwards.

    Only events with an uplift count; leave out those whose effect the forecast has learnt itself. Where several
    cover a day their factors multiply.

    Args:
        forecasts: As for `adjusted`.
        events: As `demand_input_frames.demand_events` gives them.
        points: On the same index, with sku_id, location_id and category.
        as_of: The last day known.
        protection_days: As for `adjusted`.

    Returns:
        The forecasts with an additional column event (the words, empty where nothing was done).

    Raises:
        ValueError: as for `adjusted`.
    """
    days = _checked(forecasts, points, protection_days)
    coming = events[events["uplift"].notna() & (events["until_date"] > pd.Timestamp(as_of))]
    hits = [(one, _hit(one, points)) for one in coming.itertuples()]
    before = _Forecasts(forecasts)
    changed: dict[int, tuple[_Adjusted, str]] = {}
    for position, length in enumerate(days.tolist()):
        own = [(one, *_covered(one, as_of, length)) for one, hit in hits if hit[position]]
        factors = np.ones(int(np.ceil(length)))
        for one, first, last in own:
            factors[first:last] *= one.uplift
        words = "; ".join(_event_words(one) for one, first, last in own if first < last)
        if words:
            point = before.point(position, length, 1.0)
            factor = float((_weights(length) * factors).sum() / length)
            changed[position] = (_scaled(point, point.mean * factor, 0.0), words)
    return before.with_changes(changed, days, told="event")


def overrides_without_point(overrides: pd.DataFrame, points: pd.DataFrame) -> list[int]:
    """Ids of overrides whose SKU is not planned at the place that they name, so that they change nothing."""
    planned = set(zip(points["sku_id"].tolist(), points["location_id"].tolist(), strict=True))
    skus = set(points["sku_id"].tolist())
    return [
        int(one.id)
        for one in overrides.itertuples()
        if (one.sku_id not in skus if pd.isna(one.location_id) else (one.sku_id, int(one.location_id)) not in planned)
    ]


def demand_that_counts(demand: pd.DataFrame, excluded: pd.DataFrame) -> pd.DataFrame:
    """Daily demand that the forecast is to learn from.

    Args:
        demand: Long daily frame with sku_id, location_id, ds and y; days without demand may be absent. Further columns
            stay, and are missing on days that are new.
        excluded: As `demand_input_frames.excluded_demand` gives it.

    Returns:
        Demand in the same order, then the excluded days that it did not hold: y is NaN where the whole day is excluded,
        and less the units that are.
    """
    keys = ["sku_id", "location_id", "ds"]
    if excluded.empty:
        return demand
    known = pd.MultiIndex.from_frame(demand[keys])
    out = excluded.set_index(keys)["units"]
    is_out = known.isin(out.index)
    y = demand["y"].to_numpy(np.float64).copy()
    y[is_out] = np.maximum(y[is_out] - out.reindex(known[is_out]).to_numpy(), 0.0)
    new = excluded.loc[
        ~pd.MultiIndex.from_frame(excluded[keys]).isin(known) & excluded["units"].isna().to_numpy(), keys
    ]
    return pd.concat([demand.assign(y=y), new], ignore_index=True) if len(new) else demand.assign(y=y)


# The interval and what covers it


@dataclass(frozen=True)
class _Part:
    """An override and how many days of the interval it decides."""

    override: Any
    days: float


def _parts(overrides: Sequence[Any], as_of: date, length: float) -> list[_Part]:
    """Who decides how much of the interval, in the order in which they begin to; the newest wins on each day."""
    winner = np.full(int(np.ceil(length)), -1)
    for number, one in enumerate(overrides):
        first, last = _covered(one, as_of, length)
        winner[first:last] = number
    weights = _weights(length)
    order = [int(one) for one in dict.fromkeys(winner.tolist()) if one >= 0]
    return [_Part(overrides[one], float(weights[winner == one].sum())) for one in order]


def _covered(one: Any, as_of: date, length: float) -> tuple[int, int]:
    """First day of the interval, counted from 0, that is covered, and the first that is not any more."""
    start = as_of + timedelta(days=1)
    most = int(np.ceil(length))
    first = min(max((one.from_date.date() - start).days, 0), most)
    return first, max(first, min((one.until_date.date() - start).days + 1, most))


def _weights(length: float) -> FloatArray:
    """How much of each day lies in the interval: 1, and the rest for the last."""
    days: FloatArray = np.minimum(1.0, length - np.arange(np.ceil(length)))
    return days


# One point


@dataclass(frozen=True)
class _Adjusted:
    mean: float
    sd: float
    quantiles: FloatArray
    is_guess: bool = False


@dataclass(frozen=True)
class _Point:
    """A point's forecast over its interval of `length` days, and its share of what is said for all places."""

    mean: float
    sd: float
    quantiles: FloatArray
    levels: FloatArray
    length: float
    share: float

    @property
    def weekly_rate(self) -> float:
        return self.mean / self.length * PERIOD_DAYS


class _Forecasts:
    """The frame of forecasts as arrays, and back."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.names = [str(name) for name in frame.columns if re.fullmatch(r"q[01]?\.?\d+", str(name))]
        self.levels = np.array([float(name[1:]) for name in self.names])
        self.mean, self.sd = frame["mean"].to_numpy(np.float64), frame["sd"].to_numpy(np.float64)
        self.quantiles = frame[self.names].to_numpy(np.float64)

    def point(self, position: int, length: float, share: float) -> _Point:
        mean, sd = float(self.mean[position]), float(self.sd[position])
        return _Point(mean, sd, self.quantiles[position], self.levels, length, share)

    def with_changes(
        self, changed: Mapping[int, tuple[_Adjusted, str]], days: FloatArray, *, told: str
    ) -> pd.DataFrame:
        """The frame with these rows changed; quantiles that were integers still are."""
        mean, sd, quantiles = self.mean.copy(), self.sd.copy(), self.quantiles.copy()
        rate, words = self.frame["weekly_rate"].to_numpy(np.float64).copy(), [""] * len(mean)
        for position, (new, said) in changed.items():
            mean[position], sd[position], quantiles[position], words[position] = new.mean, new.sd, new.quantiles, said
            rate[position] = new.mean / days[position] * PERIOD_DAYS
        types = {name: self.frame[name].dtype for name in self.names}
        table = pd.DataFrame(quantiles, columns=self.names, index=self.frame.index)
        whole = table.astype({name: kind for name, kind in types.items() if kind.kind in "iu"})
        columns = {name: whole[name] for name in self.names}
        return self.frame.assign(weekly_rate=rate, mean=mean, sd=sd, **columns, **{told: words})


def _overridden(point: _Point, parts: Sequence[_Part]) -> tuple[_Adjusted, str]:
    scaled, shift, said = point.mean, 0.0, []
    for part in parts:
        one, days = part.override, part.days
        share = point.share if pd.isna(one.location_id) else 1.0
        before = point.mean / point.length * days
        if one.kind == "set":
            after = one.value * share * days / PERIOD_DAYS
        elif one.kind == "multiply":
            after = before * one.value
        else:
            after = max(before + one.value * share * days / PERIOD_DAYS, 0.0)
        if one.kind == "add":
            shift += after - before
        else:
            scaled += after - before
        said.append(_words(one, point, after / days * PERIOD_DAYS, days))
    total = max(scaled, 0.0) + shift
    is_named = any(part.override.kind != "multiply" for part in parts)
    if is_named and point.mean < LEAST_SCALABLE_MEAN and total > point.mean:
        changed = _guessed(total, point.levels)
    else:
        changed = _scaled(point, max(scaled, 0.0), shift)
    guess = f"; its spread is assumed, ± {GUESSED_RATE_SD:.0%}, as hardly anything was forecast"
    return changed, "; ".join(said) + (guess if changed.is_guess else "")


def _scaled(point: _Point, mean: float, shift: float) -> _Adjusted:
    """The point's distribution scaled to another mean, then shifted by units."""
    total = max(mean + shift, 0.0)
    if total <= 0:
        return _Adjusted(0.0, 0.0, np.zeros(len(point.quantiles)))
    ratio = mean / point.mean if point.mean > 0 else 1.0
    quantiles = np.maximum(point.quantiles * ratio + shift, 0.0)
    if (point.quantiles == np.rint(point.quantiles)).all():
        quantiles = np.rint(quantiles)
    return _Adjusted(total, point.sd * ratio, quantiles)


def _guessed(mean: float, levels: FloatArray) -> _Adjusted:
    """Negative binomial demand of which only the mean was named."""
    from scipy.stats import nbinom

    shape = 1 / GUESSED_RATE_SD**2
    quantiles = np.asarray(nbinom.ppf(levels, shape, shape / (shape + mean)), dtype=np.float64)
    return _Adjusted(mean, float(np.sqrt(mean + (mean * GUESSED_RATE_SD) ** 2)), quantiles, is_guess=True)


# Words


def _words(one: Any, point: _Point, weekly: float, days: float) -> str:
    by = f"override by {one.recorded_by} until {_day(one.until_date)}"
    where = " over all places" if pd.isna(one.location_id) and point.share < 1 and one.kind != "multiply" else ""
    here = f", {_rate(weekly)} here," if where else ""
    if one.kind == "set":
        what = f"{_rate(one.value)} a week{where}{here}"
    elif one.kind == "multiply":
        what = f"{one.value:g} times the forecast, {_rate(weekly)} a week"
    else:
        what = f"{one.value:+g} a week{where}, {_rate(weekly)} a week{' here,' if where else ''}"
    partly = "" if days >= point.length else f" on {days:g} of {point.length:.4g} days"
    return f"{by}: {what} instead of {_rate(point.weekly_rate)}{partly} ({one.reason})"


def _event_words(one: Any) -> str:
    kind = one.kind.replace("_", "-")
    days = f"{_day(one.from_date)} to {_day(one.until_date)}"
    return f"{kind} {one.name}, {days}: {one.uplift:g} times the usual demand, says {one.recorded_by} ({one.reason})"


def _rate(units: float) -> str:
    return f"{units:,.0f}" if units >= 100 else f"{units:.3g}"


def _day(day: Any) -> str:
    return f"{day.day} {day:%b %Y}"


# Frames


def _checked(forecasts: pd.DataFrame, points: pd.DataFrame, protection_days: Any) -> FloatArray:
    if not forecasts.index.equals(points.index):
        raise ValueError(
            f"forecasts and points must have the same index, got {len(forecasts)} and {len(points)} rows that differ"
        )
    days = np.broadcast_to(np.asarray(protection_days, dtype=np.float64), (len(points),))
    if not (np.isfinite(days) & (days > 0)).all():
        worst = days[~(np.isfinite(days) & (days > 0))][0]
        raise ValueError(f"protection_days must be above 0 for every point, got {worst:g}")
    return days


def _shares(forecasts: pd.DataFrame, points: pd.DataFrame) -> FloatArray:
    """Each point's share of its SKU's demand over all places; even where none is expected."""
    rate = forecasts["weekly_rate"]
    total = rate.groupby(points["sku_id"]).transform("sum").to_numpy()
    even = 1 / rate.groupby(points["sku_id"]).transform("size").to_numpy()
    shares: FloatArray = np.where(total > 0, rate.to_numpy() / np.where(total > 0, total, 1.0), even)
    return shares


def _hit(event: Any, points: pd.DataFrame) -> Any:
    """Which points an event concerns."""
    hit = np.ones(len(points), dtype=bool)
    if event.scope == "category":
        hit &= (points["category"] == event.category).to_numpy(dtype=bool, na_value=False)
    elif event.scope == "sku":
        hit &= points["sku_id"].to_numpy() == event.sku_id
    if not pd.isna(event.location_id):
        hit &= points["location_id"].to_numpy() == event.location_id
    return hit
