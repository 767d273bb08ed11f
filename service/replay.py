"""A past day and the weeks that followed it: what was asked for, what was held and what was under way."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from data.errors import StockwrightError
from service.planning_inputs import PlanningInputs
from service.stock_levels import PERIOD_DAYS

LEAST_HISTORY_DAYS = 112
RECENT_DAYS = 91
_KEYS = ["sku_id", "location_id"]


class TooShortToReplay(StockwrightError):
    """There are too few weeks of orders to keep some out of the fit."""

    def __init__(self, days: int, wanted: int) -> None:
        self.days, self.wanted = days, wanted
        super().__init__(f"a replay needs {wanted} days of orders, the database holds {days}: import more history")


def cut_days(as_of: date, demand: pd.DataFrame, *, cuts: int, window_days: int) -> list[date]:
    """Days to replay from, oldest first: the last window ends on as_of and windows do not overlap.

    Args:
        as_of: The last day replayed.
        demand: As `demand_history.daily_demand` gives it.
        cuts: How many.
        window_days: Days replayed after each.

    Raises:
        TooShortToReplay: less than `LEAST_HISTORY_DAYS` lie before the first cut.
    """
    first = demand["ds"].min().date() if len(demand) else as_of
    held, wanted = (as_of - first).days + 1, window_days * cuts + LEAST_HISTORY_DAYS
    if held < wanted:
        raise TooShortToReplay(held, wanted)
    return [as_of - timedelta(days=window_days * back) for back in range(cuts, 0, -1)]


def units_after(known: PlanningInputs, demand: pd.DataFrame, days: int) -> Any:
    """Units demanded on each day after the cut, shape (day, point)."""
    cut = pd.Timestamp(known.as_of)
    ids = known.points[_KEYS].assign(point=np.arange(len(known.points)))
    after = demand[(demand["ds"] > cut) & (demand["ds"] <= cut + pd.Timedelta(days=days))]
    after = after.merge(ids, on=_KEYS, how="inner")
    day = (after["ds"] - cut).dt.days.to_numpy() - 1
    units = np.zeros((days, len(known.points)), dtype=np.int64)
    np.add.at(units, (day, after["point"].to_numpy()), after["y"].to_numpy().astype(np.int64))
    return units


def recent_rate(known: PlanningInputs) -> Any:
    """Mean units per day of the `RECENT_DAYS` up to the cut, shape (point,)."""
    recent = known.demand[known.demand["ds"] > pd.Timestamp(known.as_of) - pd.Timedelta(days=RECENT_DAYS)]
    sums = recent.groupby("unique_id")["y"].sum().reindex(known.points.index, fill_value=0.0)
    return sums.to_numpy() / RECENT_DAYS


def opening_stock(points: pd.DataFrame, rate: Any, *, weeks: float) -> Any:
    """Units free to be sold at the close of the day, shape (point,): as counted, else the assumed weeks of demand.

    Args:
        points: Rows of `PlanningInputs.points`.
        rate: Units a day, shape (point,).
        weeks: Assumed where stock was never counted.
    """
    assumed = np.ceil(rate * PERIOD_DAYS * weeks)
    counted = np.maximum(points["on_hand"].to_numpy() - points["unshipped"].to_numpy(), 0)
    return np.where(points["is_counted"].to_numpy(), counted, assumed).astype(np.int64)


def goods_under_way(points: pd.DataFrame, pipeline: pd.DataFrame, cut: date, days: int) -> Any:
    """Open purchase orders by the day they are expected, shape (day, point).

    What is late comes first thing. What is expected after the replay is on order throughout: it stands in a
    further row, which the replay does not reach.
    """
    arrivals = np.zeros((days + 1, len(points)), dtype=np.int64)
    ids = points[_KEYS].assign(point=np.arange(len(points)))
    due = pipeline[(pipeline["status"] != "draft")].merge(ids, on=_KEYS, how="inner")
    if due.empty:
        return arrivals
    expected = pd.to_datetime(due["expected_date"]).fillna(pd.Timestamp(cut) + pd.Timedelta(days=PERIOD_DAYS))
    day = np.clip((expected - pd.Timestamp(cut)).dt.days.to_numpy() - 1, 0, days)
    np.add.at(arrivals, (day, due["point"].to_numpy()), due["on_order"].to_numpy().astype(np.int64))
    return arrivals
