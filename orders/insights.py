"""Read-only questions of the planner: where things stand, and what should be done first.

Amounts in frames are money in the company's currency, as floats for reading and charts; what is booked comes
from integers elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from data import demand_history, insight_rows, plan_rows, purchase_rows
from orders.money import exponent
from orders.terms import Terms, read_terms

TO_APPROVE, APPROVED, NOTHING = "to approve", "approved", "nothing to order"
MOST_COVER_WEEKS = 26.0
"""Weeks of expected demand beyond which stock is called too much."""
LEAST_COVER_WEEKS = 1.0
"""Weeks of expected demand under which a late delivery leaves a SKU short."""
UNSOLD_DAYS = 91
LOST_PARCEL_DAYS = 30
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Standing:
    """What is known at all, and from when: the line above every page.

    planned_at is in the company's time zone; plan_id, as_of and planned_at are None before the first plan.
    """

    has_orders: bool
    has_counted_stock: bool
    terms: Terms
    plan_id: int | None
    as_of: date | None
    planned_at: datetime | None
    summary: Mapping[str, Any]


def standing(connection: Connection) -> Standing:
    """Where the company stands."""
    terms = read_terms(connection)
    plan = plan_rows.latest_plan(connection)
    return Standing(
        has_orders=insight_rows.has_orders(connection),
        has_counted_stock=insight_rows.has_counted_stock(connection),
        terms=terms,
        plan_id=None if plan is None else plan.id,
        as_of=None if plan is None else plan.as_of,
        planned_at=None if plan is None else plan.created_at.astimezone(ZoneInfo(terms.time_zone)),
        summary={} if plan is None else plan.summary,
    )


def recommendations(connection: Connection, plan_id: int) -> pd.DataFrame:
    """A plan's recommendations with what was decided on them, most margin at risk first.

    Returns:
        One row per SKU and location: id, sku_id, location_id, sku, name, category, location, supplier, state
        (to approve, approved, nothing to order), order_quantity, order_value, margin_at_risk, on_hand,
        on_order, unshipped, inventory_position, reorder_point, order_up_to_level, safety_stock, weekly_rate,
        cover_weeks (on hand over the weekly rate), unit_cost, unit_price, weekly_margin, weekly_value,
        on_hand_value, reason, assumptions, numbers; of the decision standing: decision_id (0 without),
        approved_quantity, approval_reason, purchase_order, is_draft.
    """
    decided = {row["recommendation_id"]: row for row in insight_rows.standing_decisions(connection, plan_id)}
    planned = plan_rows.recommendations(connection, plan_id)
    rows = [_recommendation(row._mapping, decided.get(row.id)) for row in planned]
    return pd.DataFrame(rows, columns=list(_RECOMMENDATION_COLUMNS))


_RECOMMENDATION_COLUMNS = (
    "id", "sku_id", "location_id", "sku", "name", "category", "location", "supplier", "state", "currency",
    "order_quantity", "order_value", "margin_at_risk", "on_hand", "on_order", "unshipped",
    "inventory_position", "reorder_point", "order_up_to_level", "safety_stock", "weekly_rate", "cover_weeks",
    "unit_cost", "unit_price", "weekly_margin", "weekly_value", "on_hand_value", "reason", "assumptions",
    "numbers", "decision_id", "approved_quantity", "approval_reason", "purchase_order", "is_draft",
)  # fmt: skip


def _recommendation(row: Mapping[Any, Any], decided: Mapping[str, Any] | None) -> dict[str, Any]:
    scale = 10 ** exponent(row["currency"])
    numbers = row["numbers"]
    unit_cost, unit_price = row["unit_cost_micros"] / 1e6, float(numbers["unit_price"])
    rate = float(numbers["weekly_rate"])
    is_approved = decided is not None and decided["outcome"] == "approved"
    state = APPROVED if is_approved else TO_APPROVE if row["status"] == "order" else NOTHING
    same = ("id", "sku_id", "location_id", "sku", "name", "location", "currency", "order_quantity", "on_hand",
            "on_order", "inventory_position", "reorder_point", "order_up_to_level", "safety_stock", "reason",
            "assumptions", "numbers")  # fmt: skip
    return {name: row[name] for name in same} | {
        "category": row["category"] or "",
        "supplier": row["supplier"] or "",
        "state": state,
        "order_value": row["order_value_minor"] / scale,
        "margin_at_risk": row["margin_at_risk_minor"] / scale,
        "unshipped": int(numbers["unshipped"]),
        "weekly_rate": rate,
        "cover_weeks": row["on_hand"] / rate if rate > 0 else np.inf if row["on_hand"] > 0 else 0.0,
        "unit_cost": unit_cost,
        "unit_price": unit_price,
        "weekly_margin": rate * max(unit_price - unit_cost, 0.0),
        "weekly_value": rate * unit_price,
        "on_hand_value": row["on_hand"] * unit_cost,
        "decision_id": 0 if decided is None else decided["decision_id"],
        "approved_quantity": decided["quantity"] if decided is not None and is_approved else 0,
        "approval_reason": (decided["reason"] or "") if decided is not None and is_approved else "",
        "purchase_order": (decided["purchase_order"] or "") if decided is not None and is_approved else "",
        "is_draft": decided is not None and is_approved and decided["purchase_order_status"] == "draft",
    }


# How it has been going


def weekly_sales(connection: Connection, *, as_of: date, weeks: int, currency: str) -> pd.DataFrame:
    """What was sold and what came back in weeks that end with as_of, oldest first.

    Returns:
        week (datetime64, its last day), units, value, returned_units, returned_value (values: of what was
        sold in that currency); weeks before the first sale are left out.
    """
    after = as_of - weeks * WEEK
    sold = insight_rows.daily_sales(connection, after=after, until=as_of, currency=currency)
    back = insight_rows.daily_returns(connection, after=after, until=as_of, currency=currency)
    scale = 10 ** exponent(currency)
    ends = pd.DatetimeIndex([pd.Timestamp(as_of - number * WEEK) for number in reversed(range(weeks))])
    by_week = {
        "units": _weekly(sold, "units", as_of, ends),
        "value": _weekly(sold, "value", as_of, ends) / scale,
        "returned_units": _weekly(back, "units", as_of, ends),
        "returned_value": _weekly(back, "value", as_of, ends) / scale,
    }
    frame = pd.DataFrame(by_week, index=ends).rename_axis("week").reset_index()
    first = frame["units"].gt(0).to_numpy().argmax() if len(frame) else 0
    return frame.iloc[first:].reset_index(drop=True)


def _weekly(daily: pd.DataFrame, column: str, as_of: date, ends: pd.DatetimeIndex) -> pd.Series[float]:
    ago = (pd.Timestamp(as_of) - daily["ds"]).dt.days // 7
    week = pd.Timestamp(as_of) - pd.to_timedelta(ago * 7, unit="D")
    return daily[column].groupby(week).sum().reindex(ends, fill_value=0.0)


def weekly_purchases(connection: Connection, *, as_of: date, weeks: int, time_zone: str) -> pd.Series[float]:
    """Value of what was ordered from suppliers in weeks that end with as_of, at cost, oldest first."""
    since = datetime.combine(as_of - weeks * WEEK + timedelta(days=1), time(), ZoneInfo(time_zone))
    rows = insight_rows.purchases_by_day(connection, since=since)
    ends = pd.DatetimeIndex([pd.Timestamp(as_of - number * WEEK) for number in reversed(range(weeks))])
    ordered = demand_history.business_days(rows["ordered_at"], time_zone)
    days = pd.DataFrame({"ds": ordered, "value": rows["value"]})
    days = days[days["ds"] <= pd.Timestamp(as_of)].astype({"value": "float64"})
    return _weekly(days, "value", as_of, ends)


def weekly_stock(connection: Connection, plan: pd.DataFrame, *, as_of: date, weeks: int, terms: Terms) -> pd.DataFrame:
    """Stock at the close of weeks that end with as_of, valued at today's cost.

    Args:
        connection: An open transaction.
        plan: `recommendations`, whose weekly value of demand weighs the SKUs.
        as_of: The last day.
        weeks: How many.
        terms: The company's time zone.

    Returns:
        week (datetime64), value (money), in_stock (share of demand, by value, whose SKU and location had
        something on hand); no rows where stock was never counted.
    """
    closed_at = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(terms.time_zone))
    closing = demand_history.daily_closing_stock(connection, closed_at=closed_at, time_zone=terms.time_zone)
    if closing.empty:
        return pd.DataFrame({"week": pd.to_datetime([]), "value": [], "in_stock": []})
    known = {sku: micros / 1e6 for sku, micros in purchase_rows.unit_costs(connection).items()}
    assumed = plan.groupby("sku_id")["unit_cost"].mean().to_dict()
    closing["unit_cost"] = closing["sku_id"].map(assumed | known).fillna(0.0)
    weight = plan[["sku_id", "location_id", "weekly_value"]]
    closing = closing.merge(weight, on=["sku_id", "location_id"], how="left").fillna({"weekly_value": 0.0})
    rows = []
    for number in reversed(range(weeks)):
        end = pd.Timestamp(as_of - number * WEEK)
        now = closing[(closing["ds"] <= end) & ~(closing["next_ds"] <= end)]
        demand = now["weekly_value"].sum()
        sellable = now.loc[now["on_hand"] > 0, "weekly_value"].sum()
        rows.append((end, (now["on_hand"] * now["unit_cost"]).sum(), sellable / demand if demand else np.nan))
    return pd.DataFrame(rows, columns=["week", "value", "in_stock"]).dropna()


def stock_by_cover(plan: pd.DataFrame) -> pd.DataFrame:
    """Stock by how long it lasts at the expected rate.

    Returns:
        cover (text, in order), items (SKUs at locations), value (money, at cost).
    """
    bands = {
        "none": plan["on_hand"] <= 0,
        "under 2 weeks": (plan["on_hand"] > 0) & (plan["cover_weeks"] < 2),
        "2 to 8 weeks": (plan["cover_weeks"] >= 2) & (plan["cover_weeks"] < 8),
        "8 to 26 weeks": (plan["cover_weeks"] >= 8) & (plan["cover_weeks"] <= MOST_COVER_WEEKS),
        "over 26 weeks": plan["cover_weeks"] > MOST_COVER_WEEKS,
    }
    held = plan["on_hand_value"]
    rows = [(name, int(inside.sum()), held[inside].sum()) for name, inside in bands.items()]
    return pd.DataFrame(rows, columns=["cover", "items", "value"])


# What to do


@dataclass(frozen=True)
class ToDo:
    """One thing to do, and where to do it.

    Attributes:
        kind: order, stuck order, out of stock, late supply, too much stock or parcel.
        money: What doing nothing costs, in the company's currency.
        money_says: What that money is, in two or three words.
        title: What is the matter.
        detail: The numbers behind it.
        page: The page where it is done; empty when `rows` is all there is.
        query: That page's filters.
        action: What the link says.
        rows: The single cases, for a table; empty without.
    """

    kind: str
    money: float
    money_says: str
    title: str
    detail: str
    page: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)


def to_do(connection: Connection, plan: pd.DataFrame, *, as_of: date, terms: Terms) -> list[ToDo]:
    """Everything that waits for the planner, most money first."""
    purchases = insight_rows.open_purchase_lines(connection)
    since = datetime.combine(as_of - timedelta(days=LOST_PARCEL_DAYS), time(), ZoneInfo(terms.time_zone))
    parcels = insight_rows.parcels_in_trouble(connection, as_of=as_of, lost_since=since)
    sold = insight_rows.last_sold(connection)
    counted = plan if insight_rows.has_counted_stock(connection) else plan.iloc[:0]
    found = [
        *orders_to_approve(plan, terms),
        *stuck_orders(insight_rows.stuck_orders(connection, currency=terms.currency), terms),
        *out_of_stock(counted, purchases),
        *late_supply(purchases, counted, as_of=as_of, terms=terms),
        *too_much_stock(counted, sold, as_of=as_of, terms=terms),
        *parcel_trouble(parcels, terms=terms),
    ]
    return sorted(found, key=lambda one: -one.money)


def orders_to_approve(plan: pd.DataFrame, terms: Terms) -> list[ToDo]:
    """One entry per supplier; one per SKU where the supplier is unknown."""
    waiting = plan[plan["state"] == TO_APPROVE]
    found = []
    for supplier, lines in waiting[waiting["supplier"] != ""].groupby("supplier"):
        first = lines.iloc[0]
        found.append(
            ToDo(
                kind="order",
                money=float(lines["margin_at_risk"].sum()),
                money_says="margin at risk",
                title=f"Order {_count(len(lines), 'line')} from {supplier}",
                detail=f"{_money(lines['order_value'].sum(), terms)} at cost{_empty_ones(lines)}."
                f" Most at risk: {first['sku']} at {first['location']}",
                page="recommendations",
                query={"supplier": str(supplier), "state": TO_APPROVE},
                action="Review and approve",
            )
        )
    found += [
        ToDo(
            kind="order",
            money=line["margin_at_risk"],
            money_says="margin at risk",
            title=f"Order {line['order_quantity']:,} of {line['sku']} {line['name']}",
            detail=f"{_money(line['order_value'], terms)} at cost. Position {line['inventory_position']:,},"
            f" reorder point {line['reorder_point']:,}",
            page="recommendations",
            query={"sku": line["sku"], "at": line["location"]},
            action="Review and approve",
        )
        for line in waiting[waiting["supplier"] == ""].to_dict("records")
    ]
    return found


def _empty_ones(lines: pd.DataFrame) -> str:
    empty = int((lines["on_hand"] <= 0).sum())
    return f", {empty} out of stock now" if empty else ""


def stuck_orders(stuck: insight_rows.StuckOrders, terms: Terms) -> list[ToDo]:
    """One entry for all orders that wait for a decision at the order desk."""
    if not stuck.orders:
        return []
    detail = f"{stuck.on_hold:,} on hold and {_count(stuck.drafts, 'draft')}"
    return [
        ToDo(
            kind="stuck order",
            money=stuck.value_minor / 10 ** exponent(terms.currency),
            money_says="on hold",
            title=f"Decide on {_count(stuck.orders, 'stuck order')}",
            detail=f"{detail}; {_count(stuck.discrepancies, 'doubt')} with a suggested fix",
            page="order_desk",
            query={"status": "on_hold"},
            action="Go to the order desk",
        )
    ]


def out_of_stock(plan: pd.DataFrame, purchases: pd.DataFrame) -> list[ToDo]:
    """SKUs without stock for which nothing is left to approve: the supply under way has to come sooner."""
    empty = plan[(plan["on_hand"] <= 0) & (plan["weekly_rate"] > 0) & (plan["state"] != TO_APPROVE)]
    found = []
    for line in empty.to_dict("records"):
        coming = purchases[(purchases["sku_id"] == line["sku_id"]) & (purchases["location_id"] == line["location_id"])]
        found.append(
            ToDo(
                kind="out of stock",
                money=line["weekly_margin"],
                money_says="margin lost a week",
                title=f"{line['sku']} is out of stock at {line['location']}: {line['name']}",
                detail=f"{line['weekly_rate']:.1f} asked for a week. {_coming(coming)}",
                page="item",
                query={"sku": line["sku"], "location": line["location"]},
                action="See supply",
            )
        )
    return found


def _coming(lines: pd.DataFrame) -> str:
    if lines.empty:
        return "Nothing is on order: its reorder point is not reached"
    first = lines.iloc[0]
    when = f"expected {day_text(first['expected_date'])}" if first["expected_date"] else "no date"
    state = "draft, still to be sent" if first["status"] == "draft" else when
    return f"{first['open_quantity']:,} come with {first['number']} ({state})"


def late_supply(purchases: pd.DataFrame, plan: pd.DataFrame, *, as_of: date, terms: Terms) -> list[ToDo]:
    """Purchase orders past their expected day, with the SKUs that have less than a week left."""
    known = purchases.dropna(subset=["expected_date"])
    late = known[(known["status"] == "ordered") & (known["expected_date"] < as_of)]
    stock = plan[["sku_id", "location_id", "location", "on_hand", "cover_weeks", "weekly_margin"]]
    late = late.merge(stock, on=["sku_id", "location_id"], how="left")
    found = []
    for number, lines in late.groupby("number", sort=False):
        short = lines[lines["cover_weeks"] < LEAST_COVER_WEEKS].sort_values("weekly_margin", ascending=False)
        worst = short.iloc[0] if len(short) else lines.iloc[0]
        days = (as_of - lines["expected_date"].min()).days
        value = _money((lines["open_quantity"] * lines["unit_cost"]).sum(), terms)
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        effect = f"leaves {', '.join(short['sku'].iloc[:3])}{more} short"
        supplier = worst["supplier"] or "an unknown supplier"
        found.append(
            ToDo(
                kind="late supply",
                money=float(short["weekly_margin"].sum()),
                money_says="margin lost a week",
                title=f"{number} from {supplier} is {_count(days, 'day')} late",
                detail=f"{_count(len(lines), 'line')}, {value}: "
                + (effect if len(short) else "nothing runs short within a week"),
                page="item",
                query={"sku": worst["sku"], "location": worst["location"] or ""},
                action=f"See {worst['sku']}",
                rows=_late_lines(lines),
            )
        )
    return found


def _late_lines(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[["sku", "name", "location", "open_quantity", "expected_date", "on_hand"]]


def too_much_stock(plan: pd.DataFrame, sold: pd.DataFrame, *, as_of: date, terms: Terms) -> list[ToDo]:
    """Stock beyond 26 weeks of demand, per category: money that could buy what sells."""
    held = plan[plan["cover_weeks"] > MOST_COVER_WEEKS].merge(sold, on=["sku_id", "location_id"], how="left")
    held["excess_units"] = np.ceil(held["on_hand"] - MOST_COVER_WEEKS * held["weekly_rate"]).astype(np.int64)
    held["excess_value"] = held["excess_units"] * held["unit_cost"]
    held = held.sort_values("excess_value", ascending=False)
    unsold_since = pd.Timestamp(as_of - timedelta(days=UNSOLD_DAYS))
    columns = ["sku", "name", "location", "on_hand", "excess_units", "excess_value", "last_sold"]
    found = []
    for category, lines in held.groupby("category"):
        excess = float(lines["excess_value"].sum())
        unsold = int((pd.to_datetime(lines["last_sold"]) < unsold_since).sum())
        slow = f"; {unsold} not sold for {UNSOLD_DAYS // 7} weeks" if unsold else ""
        found.append(
            ToDo(
                kind="too much stock",
                money=excess * terms.holding_cost_rate / 12,
                money_says="to hold it a month",
                title=f"{category or 'No category'}: {_money(excess, terms)} beyond"
                f" {MOST_COVER_WEEKS:.0f} weeks of cover",
                detail=f"{_count(len(lines), 'item')} to clear, move or buy less of{slow}."
                f" Largest: {lines.iloc[0]['sku']}",
                rows=lines[columns],
                action="Which ones",
            )
        )
    return found


def parcel_trouble(parcels: pd.DataFrame, *, terms: Terms) -> list[ToDo]:
    """Overdue and lost parcels per carrier, at the value of their orders."""
    scale = 10 ** exponent(terms.currency)
    parcels = parcels.assign(value=parcels["value"].astype("float64") / scale)
    says = {
        "in_transit": ("late", "Ask the carrier, tell the customers"),
        "lost": (f"lost in the last {LOST_PARCEL_DAYS} days", "Send again or refund, and claim"),
    }
    found = []
    for (status, carrier), cases in parcels.groupby(["status", "carrier"]):
        state, action = says[str(status)]
        found.append(
            ToDo(
                kind="parcel",
                money=float(cases["value"].sum()),
                money_says="of orders waiting",
                title=f"{_count(len(cases), 'parcel')} {state} with {carrier}",
                detail=f"{action}. Oldest promise: {day_text(cases['promised_date'].min())}",
                rows=cases[["tracking_number", "order", "service", "promised_date", "value"]],
                action="Tracking numbers",
            )
        )
    return found


def day_text(day: Any) -> str:
    """A day for people: 3 Jul 2025."""
    return "unknown" if pd.isna(day) else f"{day.day} {day:%b %Y}"


def _money(amount: float, terms: Terms) -> str:
    return f"{terms.currency} {amount:,.0f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# One item


@dataclass(frozen=True)
class ItemRecords:
    """What the books say about a SKU at a location; frames as `insight_rows` describes them."""

    orders: pd.DataFrame
    purchases: pd.DataFrame
    returns: pd.DataFrame
    sold_in_a_year: int


def item_records(connection: Connection, *, sku_id: int, location_id: int, as_of: date, limit: int = 50) -> ItemRecords:
    """The newest orders and purchases of an item, and a year's reasons for its returns."""
    key = {"sku_id": sku_id, "location_id": location_id}
    since = as_of - timedelta(days=365)
    return ItemRecords(
        orders=insight_rows.item_orders(connection, **key, limit=limit),
        purchases=insight_rows.item_purchases(connection, **key, limit=limit),
        returns=insight_rows.item_returns(connection, **key, since=since),
        sold_in_a_year=insight_rows.item_sold_since(connection, **key, since=since),
    )
