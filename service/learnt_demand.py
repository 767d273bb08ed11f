"""The history that a forecast learns from: what was ordered, as the planner reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from service.demand_adjusting import demand_that_counts
from service.demand_said import DemandSaid
from service.likeness import likened
from service.succession import inherited, succession_words

Notes = Mapping[int, Sequence[str]]
"""What is to be told at a point, by its position."""

NAMED_DAYS = 3
"""Days that are named one by one; more are told by the first and the last."""

_COLUMNS = ["sku_id", "location_id", "ds", "y", "in_stock"]


def demand_counted(ordered: pd.DataFrame, excluded: pd.DataFrame) -> pd.DataFrame:
    """Demand without what is not to count.

    A day that does not count at all has y = 0 and in_stock = False: that at least nothing was demanded, which is how a
    forecast is told that it knows nothing of a day. Its week is then judged by its other days, or is unknown itself.

    Args:
        ordered: sku_id, location_id, ds, y and in_stock, one row per SKU, place and day.
        excluded: As `demand_input_frames.excluded_demand` gives it. Days before the first row of a SKU at a place are
            left out, since it was not there yet.
    """
    if excluded.empty:
        return ordered
    keys = ["sku_id", "location_id"]
    first = ordered.groupby(keys)["ds"].min().rename("first")
    excluded = excluded.join(first, on=keys)
    excluded = excluded[excluded["ds"] >= excluded["first"]].drop(columns="first")
    counted = demand_that_counts(ordered[_COLUMNS], excluded)
    is_unknown = counted["y"].isna().to_numpy()
    in_stock = counted["in_stock"].to_numpy(dtype=bool, na_value=False) & ~is_unknown
    return counted.assign(y=counted["y"].fillna(0.0), in_stock=in_stock)


@dataclass(frozen=True)
class LearntDemand:
    """Demand as the forecast is to learn it.

    Attributes:
        counted: What was ordered, without what does not count.
        demand: The same after successors inherited and new SKUs borrowed.
        notes: What is to be told of it at each point, by its position.
    """

    counted: pd.DataFrame
    demand: pd.DataFrame
    notes: Notes


def demand_learnt(ordered: pd.DataFrame, said: DemandSaid, *, points: pd.DataFrame, as_of: date) -> LearntDemand:
    """Demand as the forecast is to learn it.

    First what does not count is left out; then successors inherit; then new SKUs borrow from their analogues, as
    these were before successors inherited from them.

    Args:
        ordered: sku_id, location_id, ds, y and in_stock, one row per SKU, place and day.
        said: What the planner said.
        points: Where SKUs are planned, on a range: sku_id, sku, location_id.
        as_of: The last day known.
    """
    counted = demand_counted(ordered, said.excluded)
    demand = inherited(counted, said.successions, as_of=as_of)
    demand, borrowed = likened(demand, said.analogues, of=counted, points=points, as_of=as_of)
    notes: dict[int, list[str]] = defaultdict(list)
    for found in (
        _left_out_words(ordered, said.excluded, points),
        succession_words(said.successions, points, as_of=as_of),
        {position: [words] for position, words in borrowed.items()},
    ):
        for position, told in found.items():
            notes[position] += told
    return LearntDemand(counted, demand, dict(notes))


def _left_out_words(ordered: pd.DataFrame, excluded: pd.DataFrame, points: pd.DataFrame) -> dict[int, list[str]]:
    """Demand that was left out of the history, by point; days without any are not worth a word."""
    if excluded.empty:
        return {}
    keys = ["sku_id", "location_id"]
    lost = excluded.merge(ordered[[*keys, "ds", "y"]], on=[*keys, "ds"], how="inner")
    lost["units"] = np.minimum(lost["units"].fillna(lost["y"]), lost["y"])
    lost = lost[lost["units"] > 0].merge(points[keys].assign(position=np.arange(len(points))), on=keys)
    words = {}
    for position, rows in lost.groupby("position"):
        days = [f"{day.day} {day:%b %Y}" for day in rows["ds"]]
        when = (
            f"on {' and '.join(days)}" if len(days) <= NAMED_DAYS else f"on {len(days)} days, {days[0]} to {days[-1]}"
        )
        words[int(position)] = [f"left out of the history: {rows['units'].sum():,.0f} ordered {when}"]
    return words
