"""What a plan rests on: demand, prices, supply terms and positions, as known at the close of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from data import demand_history, master_rows, order_rows, position_rows
from data.errors import StockwrightError
from orders.money import exponent
from orders.terms import Terms, read_terms
from service.demand_said import DemandSaid, demand_said
from service.learnt_demand import Notes, demand_learnt
from service.succession import heirs_places
from service.unusual_demand import unusual_demand

MEASURED_RECEIPTS = 5
"""Receipts of a supplier from which its own lead times say more than what was quoted."""


class NothingToPlan(StockwrightError):
    """The database holds no orders from which demand could be read."""

    def __init__(self) -> None:
        super().__init__("there is nothing to plan: import orders first (stockwright import orders FILE)")


class AsOfOutOfRange(StockwrightError):
    """The day to plan as of lies before the first order."""

    def __init__(self, as_of: date, first: str) -> None:
        self.as_of = as_of
        super().__init__(f"--as-of must not lie before the first order ({first}), got {as_of}")


class OtherCurrency(StockwrightError):
    """Nothing was ever sold in the company's currency, so that nothing has a price."""

    def __init__(self, currency: str, found: str) -> None:
        self.currency, self.found = currency, found
        super().__init__(
            f"all orders are in {found} and the company's currency is {currency}:"
            f" run `stockwright terms set currency={found}`"
        )


@dataclass(frozen=True)
class PlanningInputs:
    """What a plan rests on, as known at the close of `as_of`.

    points: One row per SKU and location, indexed 0, 1, …: sku_id, sku, name, category, location_id, location,
        supplier_id, supplier, lead_time_days, lead_time_sd_days, lead_time_source, moq, pack_size,
        terms_source, unit_cost, cost_source, unit_price, on_hand, on_order, unshipped, is_counted.
    demand: Long daily frame to forecast from: unique_id (the point's index), ds, y and in_stock. Successors have
        inherited, new SKUs borrowed, and what does not count is left out (days of which nothing is known have y = 0
        and in_stock = False).
    ordered: The same columns as the order book and the ledger have them.
    said: What the planner said of demand.
    unusual: Bulk orders that nobody has judged yet, as `unusual_demand` gives them.
    notes: What is to be told of the history of a point, by its index.
    """

    as_of: date
    terms: Terms
    points: pd.DataFrame
    demand: pd.DataFrame
    ordered: pd.DataFrame
    said: DemandSaid
    unusual: pd.DataFrame
    notes: Notes


def has_orders(connection: Connection) -> bool:
    """Whether anything was ever ordered."""
    return order_rows.first_business_date(connection) is not None


def default_as_of(connection: Connection) -> date:
    """The last complete business day: the latest on which something was ordered that a later one follows.

    Raises:
        NothingToPlan: there are no orders.
    """
    latest = order_rows.last_business_dates(connection, count=2)
    if not latest:
        raise NothingToPlan
    day: date = latest[-1]
    return day


def closing_moment(as_of: date, time_zone: str) -> datetime:
    """The moment at which the business day ends."""
    return datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(time_zone)).astimezone(UTC)


def known_until(connection: Connection, as_of: date, at: datetime | None, time_zone: str) -> datetime:
    """The moment before which the planner must have said something for a plan to heed it.

    A plan as of the last complete day, or a later one, is made to be followed: what was said this morning counts.
    A plan of a day further back heeds what had been said by that day's close, as does one that is not told the time.

    Args:
        connection: An open transaction.
        as_of: The plan's day.
        at: Now, or None.
        time_zone: The zone in which a day is meant.
    """
    closed_at = closing_moment(as_of, time_zone)
    if at is None or as_of < default_as_of(connection):
        return closed_at
    return max(closed_at, at + timedelta(microseconds=1))


def planning_inputs(
    connection: Connection, *, as_of: date | None = None, terms: Terms | None = None, at: datetime | None = None
) -> PlanningInputs:
    """Read what a plan as of that day rests on.

    Args:
        connection: An open transaction.
        as_of: The last day that counts; the last complete business day by default.
        terms: Standing assumptions; those in force by default.
        at: Now, for a plan to be followed: see `known_until`.

    Raises:
        NothingToPlan: there are no orders.
        AsOfOutOfRange: nothing was ordered by that day.
        OtherCurrency: nothing was ordered in the company's currency.
    """
    terms = terms or read_terms(connection)
    as_of = as_of or default_as_of(connection)
    closed_at = closing_moment(as_of, terms.time_zone)
    said = demand_said(connection, as_of=as_of, known_at=known_until(connection, as_of, at, terms.time_zone))
    points = heirs_places(position_rows.stocking_points(connection), said.successions, said.analogues)
    home = _home_location(connection, terms)
    points["location_id"] = points["location_id"].fillna(home[0]).astype(np.int64)
    points["location"] = points["location"].fillna(home[1])
    keys = ["sku_id", "location_id"]
    demand = demand_history.daily_demand(connection, as_of=as_of, currency=terms.currency)
    if demand.empty:
        first = order_rows.first_business_date(connection)
        raise NothingToPlan if first is None else AsOfOutOfRange(as_of, str(first))
    if not demand["priced"].any():
        raise OtherCurrency(terms.currency, order_rows.usual_currency(connection))
    points = points.merge(_prices(demand, terms, as_of), on=keys, how="left")
    points = _with_supply(connection, points, terms, closed_at)
    points = _with_position(connection, points, as_of, closed_at)
    empty_days = demand_history.stock_out_days(connection, as_of=as_of, closed_at=closed_at, time_zone=terms.time_zone)
    daily = _flagged(demand, empty_days)
    learnt = demand_learnt(daily, said, points=points, as_of=as_of)
    columns = ["unique_id", "ds", "y", "in_stock"]
    return PlanningInputs(
        as_of=as_of,
        terms=terms,
        points=points,
        demand=_by_point(learnt.demand, points)[columns],
        ordered=_by_point(daily, points)[columns],
        said=said,
        unusual=unusual_demand(connection, _by_point(learnt.counted, points), said.accepted),
        notes=learnt.notes,
    )


def _by_point(daily: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Rows with the index of their point."""
    keys = ["sku_id", "location_id"]
    return daily.merge(points[keys].assign(unique_id=np.arange(len(points))), on=keys, how="inner")


def _home_location(connection: Connection, terms: Terms) -> tuple[int, str]:
    """Where SKUs are planned that no order, stock or purchase places anywhere."""
    places = {row.code: row.id for row in master_rows.internal_locations(connection)}
    code = terms.default_location if terms.default_location in places else min(places, default="")
    return places.get(code, 0), code


def _flagged(demand: pd.DataFrame, empty_days: pd.DataFrame) -> pd.DataFrame:
    """Demand with a flag for the days that ended without stock, those without demand among them."""
    keys = ["sku_id", "location_id", "ds"]
    if empty_days.empty:
        return demand.assign(in_stock=True)
    flagged = demand.merge(empty_days.assign(in_stock=False), on=keys, how="outer")
    flagged["in_stock"] = flagged["in_stock"].isna()
    flagged["y"] = flagged["y"].fillna(0.0)
    return flagged


def _prices(demand: pd.DataFrame, terms: Terms, as_of: date) -> pd.DataFrame:
    """Mean price of the last year's sales in the company's currency, in money, of each SKU and location."""
    recent = demand[demand["ds"] > pd.Timestamp(as_of) - pd.Timedelta(days=365)]
    sums = recent.groupby(["sku_id", "location_id"], as_index=False)[["priced", "value"]].sum()
    sums["unit_price"] = sums["value"] / sums["priced"].where(sums["priced"] > 0) / 10 ** exponent(terms.currency)
    return sums[["sku_id", "location_id", "unit_price"]]


def _with_supply(connection: Connection, points: pd.DataFrame, terms: Terms, closed_at: datetime) -> pd.DataFrame:
    points = points.merge(position_rows.supply_terms(connection), on="sku_id", how="left")
    points["unit_price"] = points["unit_price"].fillna(0.0)
    cost = points["unit_cost_micros"].astype("Float64") / 1e6
    points["cost_source"] = np.where(cost.notna(), "item", "default")
    points["unit_cost"] = cost.fillna(points["unit_price"] * terms.unit_cost_share).astype(float)
    for name in ("moq", "pack_size"):
        points[f"{name}_source"] = np.where(points[name].notna(), "item", "default")
    points["moq"] = points["moq"].fillna(terms.moq).astype(np.int64)
    points["pack_size"] = points["pack_size"].fillna(terms.pack_size).astype(np.int64)
    return _with_lead_times(points, position_rows.received_lead_times(connection, closed_at=closed_at), terms)


def _with_lead_times(points: pd.DataFrame, received: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    """The supplier's own lead times where enough were seen, else the item's, else the default."""
    seen = received.groupby("supplier_id")["lead_time_days"].agg(["mean", "std", "count"]).reset_index()
    seen = seen[seen["count"] >= MEASURED_RECEIPTS]
    points["supplier_id"] = points["supplier_id"].astype("Int64")
    points = points.merge(seen.astype({"supplier_id": "Int64"}), on="supplier_id", how="left")
    is_measured, is_quoted = points["mean"].notna(), points["lead_time_days"].notna()
    points["lead_time_source"] = np.select(
        [is_measured, is_quoted],
        ["measured on " + points["count"].fillna(0).astype(int).astype(str) + " receipts of the supplier", "item"],
        "default",
    )
    quoted = points["lead_time_days"].astype("Float64").fillna(terms.lead_time_days)
    points["lead_time_days"] = points["mean"].fillna(quoted).astype(float)
    points["lead_time_sd_days"] = points["std"].fillna(terms.lead_time_sd_days).astype(float)
    return points.drop(columns=["mean", "std", "count"])


def _with_position(connection: Connection, points: pd.DataFrame, as_of: date, closed_at: datetime) -> pd.DataFrame:
    keys = ["sku_id", "location_id"]
    on_hand = position_rows.on_hand(connection, closed_at=closed_at)
    ordered = position_rows.on_order(connection, closed_at=closed_at)
    on_order = ordered.groupby(keys, as_index=False)["on_order"].sum()
    unshipped = position_rows.unshipped(connection, as_of=as_of, closed_at=closed_at)
    for frame in (on_hand, on_order, unshipped):
        points = points.merge(frame.astype(np.int64), on=keys, how="left")
    points["is_counted"] = points["on_hand"].notna()
    quantities = ["on_hand", "on_order", "unshipped"]
    points[quantities] = points[quantities].fillna(0).astype(np.int64)
    return points
