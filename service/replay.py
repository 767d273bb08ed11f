"""A past day and the weeks that followed it, ready to be replayed against any policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data import position_rows
from data.connection import Database
from data.errors import StockwrightError
from orders.terms import Terms
from service.planning_inputs import PlanningInputs, closing_moment, planning_inputs
from service.stock_levels import PERIOD_DAYS, Levels

if TYPE_CHECKING:
    from simulation import ReorderPolicy, StockScenario

LEAST_HISTORY_DAYS = 112
RECENT_DAYS = 91
_KEYS = ["sku_id", "location_id"]


class TooShortToReplay(StockwrightError):
    """There are too few weeks of orders to keep some out of the fit."""

    def __init__(self, days: int, wanted: int) -> None:
        self.days, self.wanted = days, wanted
        super().__init__(f"a replay needs {wanted} days of orders, the database holds {days}: import more history")


@dataclass(frozen=True, eq=False)
class PastWeeks:
    """What was known at the close of a past day, and what the days after it brought.

    Points that had not sold by then are left out, since no plan could know of them.

    Attributes:
        known: What a plan on that day rests on.
        kept: Positions in `known.points` of the scenario's SKUs, shape (sku,).
        recent_rate: Mean units per day of the `RECENT_DAYS` before, shape (sku,).
        scenario: The days after it, with stock and goods under way as they were.
        left_out_share: Share of the days' demand that fell on points left out.
    """

    known: PlanningInputs
    kept: Any
    recent_rate: Any
    scenario: StockScenario
    left_out_share: float


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


def past_weeks(database: Database, cut: date, demand: pd.DataFrame, terms: Terms, *, days: int) -> PastWeeks:
    """The `days` days after the cut, and what was known at its close.

    Args:
        database: Where stock and purchases are.
        cut: The last day known.
        demand: As `demand_history.daily_demand` gives it, up to the end of the replay at least.
        terms: Standing assumptions, as they are now.
        days: How many to replay.
    """
    with database.reading() as connection:
        known = planning_inputs(connection, as_of=cut, terms=terms)
        pipeline = position_rows.on_order(connection, closed_at=closing_moment(cut, terms.time_zone))
    sold_before = np.isin(known.points.index.to_numpy(), known.demand["unique_id"].unique())
    kept = np.flatnonzero(sold_before)
    units = units_after(known, demand, days)
    rate = recent_rate(known)[kept]
    return PastWeeks(
        known=known,
        kept=kept,
        recent_rate=rate,
        scenario=_scenario(known, kept, rate, units[:, kept], pipeline),
        left_out_share=float(1 - units[:, kept].sum() / max(units.sum(), 1)),
    )


def planned_policy(name: str, past: PastWeeks, levels: Levels) -> ReorderPolicy:
    """The policy that follows the levels, for the SKUs of the replay."""
    from simulation import ReorderPolicy

    frame = levels.frame.iloc[past.kept]
    return ReorderPolicy(
        name,
        frame["reorder_point"].to_numpy(dtype=np.int64),
        frame["order_up_to_level"].to_numpy(dtype=np.int64),
    )


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


def _scenario(known: PlanningInputs, kept: Any, rate: Any, demand: Any, pipeline: pd.DataFrame) -> StockScenario:
    """Every policy's common ground: stock and pipeline as the ledger knows them, else the assumed weeks."""
    from simulation import StockScenario

    points, terms = known.points.iloc[kept], known.terms
    return StockScenario(
        skus=tuple((points["sku"] + " at " + points["location"]).tolist()),
        demand=demand,
        on_hand=opening_stock(points, rate, weeks=terms.opening_stock_weeks),
        pipeline=goods_under_way(points, pipeline, known.as_of, len(demand)),
        lead_time_mean_days=np.maximum(points["lead_time_days"].to_numpy(), 1.0),
        lead_time_sd_days=points["lead_time_sd_days"].to_numpy(),
        review_period_days=terms.review_period_days,
        unit_cost=points["unit_cost"].to_numpy(),
        unit_margin=np.maximum(points["unit_price"].to_numpy() - points["unit_cost"].to_numpy(), 0.0),
        pack_size=points["pack_size"].to_numpy(),
        moq=points["moq"].to_numpy(),
        on_shortage="lost",
    )


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
