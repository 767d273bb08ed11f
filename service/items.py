"""One SKU at one location in time: what it sold, what it may sell, and how its stock will go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from data import demand_history, insight_rows
from data.connection import Database
from orders.insights import ItemRecords, item_records
from orders.terms import Terms
from service.planning_inputs import closing_moment, default_as_of, planning_inputs
from service.stock_levels import PERIOD_DAYS, planned_band

BAND = (0.05, 0.25, 0.75, 0.95)
FORECAST_WEEKS = 12
HISTORY_WEEKS = 52


@dataclass(frozen=True)
class Outlook:
    """Demand of every item, past and expected, as the plan sees it.

    points: sku, name, category, location, supplier and terms of each, as `PlanningInputs.points`.
    demand: unique_id (index of `points`), ds, y, in_stock: what was ordered.
    learnt: The same columns as the forecast reads them, see `PlanningInputs.demand`.
    forecast: unique_id, ds (last day of the week), mean, q0.05, q0.25, q0.75, q0.95, with the planner's word applied.
    """

    as_of: date
    terms: Terms
    points: pd.DataFrame
    demand: pd.DataFrame
    learnt: pd.DataFrame
    forecast: pd.DataFrame


@dataclass(frozen=True)
class ItemView:
    """One item in time.

    Attributes:
        point: Its row of `Outlook.points`.
        as_of: The last day known.
        weeks: week (last day), sold (units), days_out (days that ended without stock), estimate (demand as
            the forecast reads the week: NaN where too few days were in stock to tell).
        days_out: Days that ended without stock, datetime64.
        forecast: ds, mean, q0.05, q0.25, q0.75, q0.95, weekly.
        stock: ds, on_hand at the close of days with a movement; empty where stock was never counted.
        records: Orders, purchases and returns.
    """

    point: pd.Series
    as_of: date
    weeks: pd.DataFrame
    days_out: pd.DataFrame
    forecast: pd.DataFrame
    stock: pd.DataFrame
    open_purchases: pd.DataFrame
    records: ItemRecords


def outlook(database: Database, *, as_of: date | None = None, at: datetime | None = None) -> Outlook:
    """Histories and forecast bands of all items; the forecast learns from all, so that all are read.

    Args:
        database: Where the history is.
        as_of: The last day known; the last complete business day by default.
        at: Now, so that what the planner said today counts; else what they had said by the close of `as_of`.

    Raises:
        NothingToPlan: there are no orders.
    """
    with database.reading() as connection:
        inputs = planning_inputs(connection, as_of=as_of or default_as_of(connection), at=at)
    band = planned_band(inputs, weeks=FORECAST_WEEKS, quantiles=BAND)
    return Outlook(inputs.as_of, inputs.terms, inputs.points, inputs.ordered, inputs.demand, band)


def item_view(database: Database, known: Outlook, *, sku: str, location: str) -> ItemView | None:
    """Everything about one item; None when there is no such SKU at that location."""
    found = known.points[(known.points["sku"] == sku) & (known.points["location"] == location)]
    if found.empty:
        return None
    point = found.iloc[0]
    key = {"sku_id": int(point["sku_id"]), "location_id": int(point["location_id"])}
    with database.reading() as connection:
        closing = demand_history.daily_closing_stock(
            connection,
            closed_at=closing_moment(known.as_of, known.terms.time_zone),
            time_zone=known.terms.time_zone,
            sku_id=key["sku_id"],
        )
        records = item_records(connection, **key, as_of=known.as_of)
        purchases = insight_rows.open_purchase_lines(connection)
    of_item = (purchases["sku_id"] == key["sku_id"]) & (purchases["location_id"] == key["location_id"])
    is_here = closing["location_id"] == key["location_id"]
    demand = known.demand[known.demand["unique_id"] == found.index[0]]
    learnt = known.learnt[known.learnt["unique_id"] == found.index[0]]
    band = known.forecast[known.forecast["unique_id"] == found.index[0]]
    return ItemView(
        point=point,
        as_of=known.as_of,
        weeks=_weeks(demand, learnt, known.as_of),
        days_out=demand.loc[~demand["in_stock"].astype(bool), ["ds"]].reset_index(drop=True),
        forecast=band.drop(columns="unique_id").reset_index(drop=True),
        stock=closing.loc[is_here, ["ds", "on_hand"]].reset_index(drop=True),
        open_purchases=purchases[of_item].reset_index(drop=True),
        records=records,
    )


def _weeks(demand: pd.DataFrame, learnt: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The last year in weeks that end with as_of, as the forecast cuts them.

    Args:
        demand: Of one item, as it was ordered.
        learnt: The same as the forecast reads it.
        as_of: The last day known.
    """
    from forecasting import unconstrained_panel

    columns = ["week", "sold", "days_out", "estimate"]
    if learnt.empty:
        return pd.DataFrame({"week": pd.to_datetime([])} | {name: [] for name in columns[1:]})
    estimate = unconstrained_panel(learnt, as_of=as_of, period_days=PERIOD_DAYS).values[-HISTORY_WEEKS:]
    ago = (pd.Timestamp(as_of) - demand["ds"]).dt.days // PERIOD_DAYS
    sold = demand["y"].groupby(ago).sum()
    out = (~demand["in_stock"].astype(bool)).groupby(ago).sum()
    numbers = np.arange(len(estimate))[::-1]
    return pd.DataFrame(
        {
            "week": [pd.Timestamp(as_of - timedelta(days=PERIOD_DAYS * int(number))) for number in numbers],
            "sold": sold.reindex(numbers, fill_value=0.0).to_numpy(),
            "days_out": out.reindex(numbers, fill_value=0).to_numpy(),
            "estimate": estimate,
        }
    )


def stock_projection(
    *,
    as_of: date,
    on_hand: int,
    unshipped: int,
    weekly_rate: float,
    arrivals: pd.DataFrame,
    days: int = FORECAST_WEEKS * PERIOD_DAYS,
) -> pd.DataFrame:
    """Stock expected at the close of each coming day, never below nothing: what is not there is not sold.

    Args:
        as_of: The last day known.
        on_hand: Units at its close.
        unshipped: Units of these that are promised already.
        weekly_rate: Expected demand.
        arrivals: expected_date and open_quantity; what is late, or has no date, comes on the next day.
        days: How far to look.

    Returns:
        ds (datetime64), on_hand (units); the first row is as_of itself.
    """
    coming = np.zeros(days + 1)
    for row in arrivals.to_dict("records"):
        expected = row["expected_date"]
        day = 1 if pd.isna(expected) else max(1, (expected - as_of).days)
        if day <= days:
            coming[day] += row["open_quantity"]
    level = np.empty(days + 1)
    level[0] = on_hand
    left = on_hand - unshipped
    for day in range(1, days + 1):
        left = max(left + coming[day] - weekly_rate / PERIOD_DAYS, 0.0)
        level[day] = left
    return pd.DataFrame({"ds": pd.date_range(pd.Timestamp(as_of), periods=days + 1), "on_hand": level})
