"""A new SKU takes over from an old one: the history it inherits, and the demand that it will be handed.

What is past is settled in the history, so that the forecast learns from it; what is to come, in the forecast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import pandas as pd

from service.demand_adjusting import PERIOD_DAYS

_ROUNDING = 1e-9
_HISTORY = ["ds", "y", "in_stock"]


def inherited(demand: pd.DataFrame, successions: pd.DataFrame, *, as_of: date) -> pd.DataFrame:
    """Daily demand as if successors had always been there, for successions that have begun by `as_of`.

    Until its first day, the old SKU's demand counts as the successor's by its share and as the old one's by the rest;
    from that day on each has what was ordered of it. Where nothing is to be left of the old one, what is still
    ordered of it after all its successors have begun counts as theirs. Units stay whole and none is lost: what a
    share of a day leaves over is carried to the next. A day on which the old one was sold out is one for the
    successor too; that the successor was not there yet, before its first sale, is none.

    Args:
        demand: sku_id, location_id, ds, y and in_stock, one row per SKU, place and day.
        successions: As `demand_input_frames.successions` gives them, without circles.
        as_of: The last day known.

    Returns:
        The same columns. Rows of SKUs without a succession are as they were.
    """
    begun = successions[successions["from_date"] <= pd.Timestamp(as_of)]
    if begun.empty:
        return demand
    is_concerned = demand["sku_id"].isin({*begun["old_sku_id"], *begun["new_sku_id"]})
    frames = [demand[~is_concerned]]
    for location_id, rows in demand[is_concerned].groupby("location_id"):
        histories = {int(sku_id): one[_HISTORY] for sku_id, one in rows.groupby("sku_id")}
        for sku_id, history in _handed_down(histories, begun).items():
            frames.append(history.assign(sku_id=sku_id, location_id=location_id))
    columns = ["sku_id", "location_id", *_HISTORY]
    return pd.concat([frame[columns] for frame in frames if len(frame)], ignore_index=True)


def handed_over(
    forecasts: pd.DataFrame,
    successions: pd.DataFrame,
    *,
    points: pd.DataFrame,
    as_of: date,
    after: date,
    protection_days: Any,
) -> pd.DataFrame:
    """Forecasts with the demand that successors take over after `as_of`, by the days of the interval that they have.

    From its first day on a successor is expected to meet its share of the old SKU's rate at the same place, and the
    old one loses it. Means, standard deviations and quantiles add up, as if both sold much or little together.

    Args:
        forecasts: On the index of the points: weekly_rate, mean, sd (of demand over the interval) and q<level>.
        successions: As `demand_input_frames.successions` gives them, those that have begun among them.
        points: On the same index, with sku_id and location_id.
        as_of: The last day known: successions that have begun by then are in the history already.
        after: The day before the interval, `as_of` or later.
        protection_days: Length of the interval in days, above 0, shape (point,).

    Returns:
        The same columns; rows that nothing is handed to or taken from are as they were.
    """
    to_come = successions[successions["from_date"] > pd.Timestamp(as_of)]
    if to_come.empty:
        return forecasts
    flow = _Flow(successions, as_of, after)
    days = np.broadcast_to(np.asarray(protection_days, dtype=np.float64), (len(points),))
    names = [name for name in forecasts.columns if name in ("mean", "sd") or str(name).startswith("q")]
    before = forecasts[names].to_numpy(dtype=np.float64) / days[:, None]
    planned, changed = before.copy(), np.zeros(len(points), dtype=bool)
    keys = zip(points["sku_id"].tolist(), points["location_id"].tolist(), strict=True)
    place = {key: position for position, key in enumerate(keys)}
    concerned = {*to_come["old_sku_id"].tolist(), *to_come["new_sku_id"].tolist()}
    for (sku_id, location_id), position in place.items():
        if sku_id not in concerned:
            continue
        shares = flow.over(sku_id, float(days[position]))
        planned[position] = sum(
            share * before[place[one, location_id]] for one, share in shares.items() if (one, location_id) in place
        )
        changed[position] = shares != {sku_id: 1.0}
    return _rewritten(forecasts, names, planned * days[:, None], changed, days)


def heirs_places(points: pd.DataFrame, successions: pd.DataFrame, analogues: pd.DataFrame) -> pd.DataFrame:
    """Stocking points with successors where the old SKUs are, and SKUs that are nowhere yet where their analogues are.

    Args:
        points: As `position_rows.stocking_points` gives them: the place is missing for a SKU without any.
        successions: As `demand_input_frames.successions` gives them.
        analogues: As `demand_input_frames.analogues` gives them.
    """
    if successions.empty and analogues.empty:
        return points
    codes = points.dropna(subset=["location_id"]).drop_duplicates("location_id").set_index("location_id")["location"]
    placed: dict[int, set[int]] = defaultdict(set)
    for sku_id, location_id in zip(points["sku_id"].tolist(), points["location_id"].tolist(), strict=True):
        if not pd.isna(location_id):
            placed[int(sku_id)].add(int(location_id))
    known = {sku_id: set(places) for sku_id, places in placed.items()}
    edges = _edges(successions)
    for new, like in analogues.groupby("sku_id")["analogue_sku_id"]:
        if not placed[int(new)]:
            placed[int(new)] = set().union(*(placed[int(one)] for one in like))
    for old in _oldest_first(edges):
        for edge in edges[old]:
            placed[int(edge.new_sku_id)] |= placed[old]
    about = points.drop_duplicates("sku_id").set_index("sku_id")[["sku", "name", "category"]]
    added = [
        {"sku_id": sku_id, **about.loc[sku_id].to_dict(), "location_id": one, "location": codes[one]}
        for sku_id in sorted(placed)
        if sku_id in about.index
        for one in sorted(placed[sku_id] - known.get(sku_id, set()))
    ]
    if not added:
        return points
    has_place_now = points["location_id"].isna() & points["sku_id"].isin([row["sku_id"] for row in added])
    return pd.concat([points[~has_place_now], pd.DataFrame(added)[points.columns]], ignore_index=True)


def succession_words(successions: pd.DataFrame, points: pd.DataFrame, *, as_of: date) -> dict[int, list[str]]:
    """What is to be told at each point (its position) about successions that concern it."""
    keys = zip(points["sku_id"].tolist(), points["location_id"].tolist(), strict=True)
    place = {key: position for position, key in enumerate(keys)}
    names = dict(zip(points["sku_id"].tolist(), points["sku"].tolist(), strict=True))
    left: dict[int, float] = defaultdict(lambda: 1.0)
    words: dict[int, list[str]] = defaultdict(list)
    for one in successions.itertuples():
        old, new = int(one.old_sku_id), int(one.new_sku_id)
        left[old] = max(left[old] - one.share, 0.0)
        has_begun = one.from_date <= pd.Timestamp(as_of)
        when = f"{'since' if has_begun else 'from'} {one.from_date.day} {one.from_date:%b %Y}"
        what = f"{one.share:.0%} of the demand for" if one.share < 1 - _ROUNDING else "from"
        note = f" ({one.run_down_note})" if one.run_down_note else ""
        rest = f"{left[old]:.0%} of its demand is left" if left[old] > _ROUNDING else "no more demand is expected"
        for (sku_id, location_id), position in place.items():
            if sku_id == old and (new, location_id) in place:
                words[position].append(f"{names[new]} takes over {when}: {rest}{note}")
            elif sku_id == new and (old, location_id) in place:
                own = ", whose history counts here" if has_begun else ""
                words[position].append(f"takes over {what} {names[old]} {when}{own}")
    return words


# Who takes over from whom


def _edges(successions: pd.DataFrame) -> dict[int, list[Any]]:
    """Successions of each old SKU, by their first day."""
    edges: dict[int, list[Any]] = defaultdict(list)
    for one in successions.itertuples():
        edges[int(one.old_sku_id)].append(one)
    return edges


def _oldest_first(edges: Mapping[int, Sequence[Any]]) -> list[int]:
    """SKUs with successors, each after those whose demand it takes over itself."""
    order: TopologicalSorter[int] = TopologicalSorter()
    for old, own in edges.items():
        for one in own:
            order.add(int(one.new_sku_id), old)
    return [sku_id for sku_id in order.static_order() if sku_id in edges]


# History


def _handed_down(histories: dict[int, pd.DataFrame], successions: pd.DataFrame) -> dict[int, pd.DataFrame]:
    edges = _edges(successions)
    for old in _oldest_first(edges):
        if old not in histories:
            continue
        rest, parts = _parted(histories[old], edges[old])
        histories[old] = rest
        for edge, part in zip(edges[old], parts, strict=True):
            new = int(edge.new_sku_id)
            histories[new] = _joined(histories.get(new), part, edge.from_date)
    return histories


def _parted(history: pd.DataFrame, edges: Sequence[Any]) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """What is left of an old SKU's history, and what each successor gets of it."""
    history = history.sort_values("ds")
    days, rest = history["ds"].to_numpy(), history["y"].to_numpy(dtype=np.float64)
    taken = sum(np.where(days >= np.datetime64(one.from_date), one.share, 0.0) for one in edges)
    total = sum(one.share for one in edges)
    is_over = (days >= np.datetime64(max(one.from_date for one in edges))) & (total >= 1 - _ROUNDING)
    parts, given = [], np.zeros(len(days))
    for one in edges:
        is_before = days < np.datetime64(one.from_date)
        share = np.where(is_before, one.share / np.maximum(1 - taken, _ROUNDING), np.where(is_over, one.share, 0.0))
        part = _whole_part(rest, np.minimum(share / np.maximum(1 - given, _ROUNDING), 1.0))
        rest, given = rest - part, given + share
        frame = history.assign(y=part, in_stock=history["in_stock"].to_numpy(dtype=bool) | ~is_before)
        parts.append(frame[is_before | (part > 0)])
    left = history.assign(y=rest)
    return (left.assign(in_stock=True) if total >= 1 - _ROUNDING else left), parts


def _whole_part(units: Any, share: Any) -> Any:
    """A share of whole units, in whole units: what a day leaves over is carried to the next."""
    so_far = np.floor(np.cumsum(units * share) + 0.5 + _ROUNDING)
    return np.clip(np.diff(so_far, prepend=0.0), 0.0, units)


def _joined(own: pd.DataFrame | None, part: pd.DataFrame, starts: pd.Timestamp) -> pd.DataFrame:
    if own is None:
        return part
    first_sale = own.loc[own["y"] > 0, "ds"].min()
    there_since = starts if pd.isna(first_sale) else min(starts, first_sale)
    own = own[own["ds"] >= there_since]
    both = pd.concat([own, part], ignore_index=True).astype({"in_stock": bool})
    return both.groupby("ds", as_index=False).agg({"y": "sum", "in_stock": "all"})


# Forecast


class _Flow:
    """Whose demand a SKU will have on the days of an interval, counted from 0."""

    def __init__(self, successions: pd.DataFrame, as_of: date, after: date) -> None:
        start = pd.Timestamp(after) + pd.Timedelta(days=1)
        past: dict[int, float] = defaultdict(float)
        self.into: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
        self.out_of: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for one in successions.itertuples():
            old, new = int(one.old_sku_id), int(one.new_sku_id)
            if one.from_date <= pd.Timestamp(as_of):
                past[old] += one.share
                continue
            day = max((one.from_date - start).days, 0)
            share = min(one.share / max(1 - past[old], _ROUNDING), 1.0)
            self.into[new].append((old, day, share))
            self.out_of[old].append((day, share))

    def over(self, sku_id: int, length: float) -> dict[int, float]:
        """SKU → share of its own rate that this SKU has on average over the interval."""
        turns = sorted({day for day in self._days(sku_id) if day < length})
        shares: dict[int, float] = defaultdict(float)
        for first, last in zip([0, *turns], [*turns, length], strict=True):
            for one, share in self._kept(sku_id, first).items():
                shares[one] += share * (last - first) / length
        return {one: share for one, share in shares.items() if share > 0} if turns else {sku_id: 1.0}

    def _days(self, sku_id: int) -> set[int]:
        """Days on which something changes for this SKU, or for one that it takes over from."""
        days = {day for day, _ in self.out_of[sku_id]}
        for old, day, _ in self.into[sku_id]:
            days |= {day} | self._days(old)
        return days

    def _all(self, sku_id: int, day: int) -> dict[int, float]:
        """What comes to a SKU on a day, before it hands on any of it."""
        shares = defaultdict(float, {sku_id: 1.0})
        for old, first, share in self.into[sku_id]:
            if first <= day:
                for one, part in self._all(old, day).items():
                    shares[one] += part * share
        return shares

    def _kept(self, sku_id: int, day: int) -> dict[int, float]:
        left = max(1 - sum(share for first, share in self.out_of[sku_id] if first <= day), 0.0)
        left = 0.0 if left < _ROUNDING else left
        return {one: part * left for one, part in self._all(sku_id, day).items()}


def _rewritten(forecasts: pd.DataFrame, names: list[str], units: Any, changed: Any, days: Any) -> pd.DataFrame:
    result = forecasts.copy()
    for column, name in enumerate(names):
        old = forecasts[name].to_numpy()
        new = np.rint(units[:, column]) if old.dtype.kind in "iu" else units[:, column]
        result[name] = np.where(changed, new.astype(old.dtype), old)
    rate = result["mean"].to_numpy() / days * PERIOD_DAYS
    return result.assign(weekly_rate=np.where(changed, rate, forecasts["weekly_rate"].to_numpy()))
