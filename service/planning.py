"""The one composition: history → forecast → policy → recommendation that explains its arithmetic.

The command line, the dashboard, the proof and the notebooks all come through here. What a database does not
hold comes from the planner's terms, and every recommendation lists what it assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from data import demand_history, order_rows, plan_rows, position_rows
from data.connection import Database
from data.errors import StockwrightError
from orders.errors import UnknownThing
from orders.model import Actor, Permission
from orders.money import amount_minor, exponent
from orders.terms import Terms, read_terms

LEVELS = (
    0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9,
    0.925, 0.95, 0.965, 0.98, 0.99, 0.995, 0.999, 0.9999,
)  # fmt: skip
PERIOD_DAYS = 7
PERIODS_PER_YEAR = 365.25 / PERIOD_DAYS
MEASURED_RECEIPTS = 5
"""Receipts of a supplier from which its own lead times say more than what was quoted."""

Progress = Callable[[str], None]


def silent(stage: str) -> None:
    """Progress that nobody watches."""
    del stage


class NothingToPlan(StockwrightError):
    """The database holds no orders from which demand could be read."""

    def __init__(self) -> None:
        super().__init__("there is nothing to plan: import orders first (stockwright import orders FILE)")


class AsOfOutOfRange(StockwrightError):
    """The day to plan as of lies before the first order."""

    def __init__(self, as_of: date, first: str) -> None:
        self.as_of = as_of
        super().__init__(f"--as-of must not lie before the first order ({first}), got {as_of}")


class LimitsConflict(StockwrightError):
    """Target, floors and budget cannot all be kept.

    `best_fill_rate` is what the budget can buy, `smallest_budget` what the target needs, in the company's
    currency; None where it has no answer.
    """

    def __init__(self, conflict: str, best_fill_rate: float | None, smallest_budget: float | None) -> None:
        self.conflict, self.best_fill_rate, self.smallest_budget = conflict, best_fill_rate, smallest_budget
        super().__init__(f"no plan keeps all limits: {conflict}")


class NoPlan(StockwrightError):
    """Nothing was planned yet."""

    def __init__(self) -> None:
        super().__init__("there is no plan yet: run `stockwright plan` first")


@dataclass(frozen=True)
class PlanningInputs:
    """What a plan rests on, as known at the close of `as_of`.

    points: One row per SKU and location, indexed 0, 1, …: sku_id, sku, name, category, location_id, location,
        supplier_id, supplier, lead_time_days, lead_time_sd_days, lead_time_source, moq, pack_size,
        terms_source, unit_cost, cost_source, unit_price, on_hand, on_order, unshipped, is_counted.
    demand: Long daily frame: unique_id (the point's index), ds, y and in_stock.
    """

    as_of: date
    terms: Terms
    points: pd.DataFrame
    demand: pd.DataFrame


@dataclass(frozen=True)
class Levels:
    """Forecast and policy of each point, on the index of `PlanningInputs.points`.

    frame: weekly_rate, mean, sd (demand over the protection interval), lot_size, reorder_point,
        order_up_to_level, safety_stock, expected_shortage, fill_rate, stock_value.
    quantiles: Of demand over the protection interval at `LEVELS`, shape (point, level).
    """

    frame: pd.DataFrame
    quantiles: Any
    achieved_fill_rate: float
    stock_value: float
    price_of_fill_rate: float
    value_of_budget: float | None
    binding: tuple[str, ...]


@dataclass(frozen=True)
class PlanResult:
    """A stored plan: its id, what it achieves, and how long each stage took in seconds."""

    plan_id: int
    as_of: date
    summary: dict[str, Any]
    seconds: dict[str, float]


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


def make_plan(
    database: Database,
    *,
    as_of: date | None = None,
    actor: Actor,
    at: datetime,
    progress: Progress = silent,
) -> PlanResult:
    """Plan every SKU at every location and store the recommendations.

    Args:
        database: Where the history is, and the plan goes.
        as_of: The last day that counts; the last complete business day by default.
        actor: Who plans.
        at: Now.
        progress: Told the name of each stage as it begins.

    Raises:
        NothingToPlan: there are no orders.
        AsOfOutOfRange: nothing was ordered by that day.
        LimitsConflict: target, floor and budget contradict each other.
    """
    actor.require(Permission.PLAN)
    seconds: dict[str, float] = {}
    with _timed("read history", seconds, progress), database.reading() as connection:
        inputs = planning_inputs(connection, as_of=as_of)
    with _timed("forecast demand", seconds, progress):
        forecasts = forecast_demand(inputs)
    with _timed("set stock levels", seconds, progress):
        levels = set_levels(inputs, forecasts)
    with _timed("recommend", seconds, progress):
        rows = recommend(inputs, levels)
    with _timed("store the plan", seconds, progress), database.writing() as connection:
        summary = _summary(inputs, levels, rows)
        plan_id = plan_rows.write_plan(
            connection,
            as_of=inputs.as_of,
            created_at=at,
            created_by=actor.name,
            terms=asdict(inputs.terms),
            summary=summary,
            recommendations=rows,
        )
    return PlanResult(plan_id, inputs.as_of, summary, seconds)


@contextmanager
def _timed(stage: str, seconds: dict[str, float], progress: Progress) -> Iterator[None]:
    progress(stage)
    started = perf_counter()
    yield
    seconds[stage] = perf_counter() - started


def has_orders(connection: Connection) -> bool:
    """Whether anything was ever ordered."""
    return order_rows.first_business_date(connection) is not None


def recommended(connection: Connection, *, sku: str | None = None) -> list[dict[str, Any]]:
    """The newest plan's recommendations as programs read them, most margin at risk first.

    Args:
        connection: An open transaction.
        sku: Only this SKU's, in any case.

    Raises:
        NoPlan: nothing was planned yet.
        UnknownThing: there is no such SKU in the plan.
    """
    plan = plan_rows.latest_plan(connection)
    if plan is None:
        raise NoPlan
    rows = plan_rows.recommendations(connection, plan.id)
    if sku is not None:
        rows = [row for row in rows if row.sku.upper() == sku.upper()]
        if not rows:
            raise UnknownThing("SKU", sku, hint="the newest plan does not hold it")
    return [
        {
            "sku": row.sku,
            "location": row.location,
            "status": row.status,
            "order_quantity": row.order_quantity,
            "reorder_point": row.reorder_point,
            "order_up_to_level": row.order_up_to_level,
            "safety_stock": row.safety_stock,
            "inventory_position": row.inventory_position,
            "supplier": row.supplier,
            "order_value": row.order_value_minor / 10 ** exponent(row.currency),
            "currency": row.currency,
            "as_of": plan.as_of.isoformat(),
            "reason": row.reason,
            "assumptions": row.assumptions,
        }
        for row in rows
    ]


# What is known


def planning_inputs(connection: Connection, *, as_of: date | None = None, terms: Terms | None = None) -> PlanningInputs:
    """Read what a plan as of that day rests on.

    Raises:
        NothingToPlan: there are no orders.
        AsOfOutOfRange: nothing was ordered by that day.
    """
    terms = terms or read_terms(connection)
    as_of = as_of or default_as_of(connection)
    closed_at = closing_moment(as_of, terms.time_zone)
    points = position_rows.stocking_points(connection)
    home = _home_location(connection, terms)
    points["location_id"] = points["location_id"].fillna(home[0]).astype(np.int64)
    points["location"] = points["location"].fillna(home[1])
    keys = ["sku_id", "location_id"]
    demand = demand_history.daily_demand(connection, as_of=as_of, currency=terms.currency)
    if demand.empty:
        first = order_rows.first_business_date(connection)
        raise NothingToPlan if first is None else AsOfOutOfRange(as_of, str(first))
    points = points.merge(_prices(demand, terms, as_of), on=keys, how="left")
    points = _with_supply(connection, points, terms, closed_at)
    points = _with_position(connection, points, as_of, closed_at)
    ids = points[keys].assign(unique_id=np.arange(len(points)))
    empty_days = demand_history.stock_out_days(connection, as_of=as_of, closed_at=closed_at, time_zone=terms.time_zone)
    daily = _flagged(demand, empty_days).merge(ids, on=keys, how="inner")
    return PlanningInputs(as_of, terms, points, daily[["unique_id", "ds", "y", "in_stock"]])


def _home_location(connection: Connection, terms: Terms) -> tuple[int, str]:
    """Where SKUs are planned that no order, stock or purchase places anywhere."""
    from data import master_rows

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


# What will be demanded


def forecast_demand(inputs: PlanningInputs) -> pd.DataFrame:
    """Demand over each point's protection interval (lead time + review period).

    Returns:
        On the index of the points: weekly_rate, mean, sd and a column q<level> per level.
    """
    from forecasting import lead_time_demand

    points = inputs.points
    weeks = (points["lead_time_days"] + inputs.terms.review_period_days) / PERIOD_DAYS
    weeks_sd = points["lead_time_sd_days"] / PERIOD_DAYS
    result = lead_time_demand(
        inputs.demand,
        as_of=inputs.as_of,
        period_days=PERIOD_DAYS,
        periods=weeks,
        periods_sd=weeks_sd,
        quantiles=LEVELS,
    ).set_index("unique_id")
    result = result.reindex(points.index, fill_value=0)
    result.insert(0, "weekly_rate", result["mean"] / weeks)
    return result


# What to hold


def set_levels(inputs: PlanningInputs, forecasts: pd.DataFrame, *, fill_rate_target: float | None = None) -> Levels:
    """Reorder points and order-up-to levels by linear programming across all points.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    from optimization import Infeasible, safety_stock_levels

    points, terms = inputs.points, inputs.terms
    target = terms.fill_rate_target if fill_rate_target is None else fill_rate_target
    quantiles = forecasts[[f"q{level}" for level in LEVELS]].to_numpy(dtype=np.int64)
    lots = lot_sizes(inputs, forecasts)
    try:
        levels = safety_stock_levels(
            names=(points["sku"] + " at " + points["location"]).tolist(),
            levels=LEVELS,
            lead_time_demand=quantiles,
            lead_time_demand_mean=forecasts["mean"].to_numpy(),
            demand_rate=forecasts["weekly_rate"].to_numpy(),
            order_quantity=lots,
            unit_cost=np.maximum(points["unit_cost"].to_numpy(), 1e-6),  # what costs nothing is still not hoarded
            unit_value=_unit_values(points, forecasts),
            fill_rate_target=target,
            fill_rate_floor=min(terms.fill_rate_floor, target),
            holding_cost_rate=terms.holding_cost_rate / PERIODS_PER_YEAR,
            stock_budget=terms.stock_budget,
        )
    except Infeasible as conflict:
        raise LimitsConflict(str(conflict), conflict.best_fill_rate, conflict.smallest_budget) from conflict
    frame = pd.DataFrame(
        {
            "weekly_rate": forecasts["weekly_rate"],
            "mean": forecasts["mean"],
            "sd": forecasts["sd"],
            "lot_size": lots.astype(np.int64),
            "reorder_point": levels.reorder_point,
            "order_up_to_level": np.ceil(levels.order_up_to_level).astype(np.int64),
            "safety_stock": levels.safety_stock,
            "expected_shortage": levels.expected_shortage,
            "fill_rate": levels.fill_rate,
            "stock_value": levels.average_stock_value,
        },
        index=points.index,
    )
    return Levels(
        frame=frame,
        quantiles=quantiles,
        achieved_fill_rate=levels.achieved_fill_rate,
        stock_value=levels.total_stock_value,
        price_of_fill_rate=levels.price_of_fill_rate * PERIODS_PER_YEAR,
        value_of_budget=levels.value_of_budget,
        binding=tuple(str(limit) for limit in levels.binding),
    )


def _unit_values(points: pd.DataFrame, forecasts: pd.DataFrame) -> Any:
    """What a unit short weighs: its price; one each where nothing in demand has a price in our currency."""
    price = points["unit_price"].to_numpy()
    return price if (price * forecasts["weekly_rate"].to_numpy()).any() else np.ones(len(price))


def lot_sizes(inputs: PlanningInputs, forecasts: pd.DataFrame) -> Any:
    """Replenishment lots in whole packs near the economic order quantity, shape (point,)."""
    from optimization import economic_order_quantity, lot_size

    points, terms = inputs.points, inputs.terms
    rate = forecasts["weekly_rate"].to_numpy()
    holding = np.maximum(points["unit_cost"].to_numpy(), 1e-6) * terms.holding_cost_rate / PERIODS_PER_YEAR
    economic = economic_order_quantity(
        demand_rate=rate, order_cost=np.full(len(rate), terms.order_cost), holding_cost=holding
    ).order_quantity
    most = np.maximum(rate * PERIODS_PER_YEAR, 1.0)  # a lot beyond a year's demand is a bet, not an economy
    review = rate * terms.review_period_days / PERIOD_DAYS
    return np.array(
        [
            lot_size(economic_quantity=min(quantity, cap), review_demand=need, moq=moq, pack_size=pack)
            for quantity, cap, need, moq, pack in zip(
                economic.tolist(),
                most.tolist(),
                review.tolist(),
                points["moq"].tolist(),
                points["pack_size"].tolist(),
                strict=True,
            )
        ],
        dtype=np.float64,
    )


# What to do


def recommend(inputs: PlanningInputs, levels: Levels) -> list[dict[str, Any]]:
    """One recommendation per point, with its arithmetic, reason and assumptions, as rows to store."""
    from optimization import order_quantity_to, shortage_curves

    points, terms = inputs.points, inputs.terms
    on_hand = points["on_hand"].to_numpy().copy()
    assumed = np.ceil(levels.frame["weekly_rate"].to_numpy() * terms.opening_stock_weeks).astype(np.int64)
    is_counted = points["is_counted"].to_numpy()
    on_hand[~is_counted] = assumed[~is_counted]
    position = on_hand + points["on_order"].to_numpy() - points["unshipped"].to_numpy()
    mean = levels.frame["mean"].to_numpy()
    short = np.zeros(len(points))
    has_demand = mean > 0
    if has_demand.any():
        curves = shortage_curves(np.array(LEVELS), levels.quantiles[has_demand], mean[has_demand])
        short[has_demand] = curves.at(np.maximum(position[has_demand], 0).astype(float))
        short += np.where(has_demand, np.maximum(-position, 0), 0)
    records = []
    columns = {name: levels.frame[name].tolist() for name in levels.frame.columns}
    for index, point in enumerate(points.to_dict("records")):
        level = {name: values[index] for name, values in columns.items()}
        quantity = (
            order_quantity_to(
                level["order_up_to_level"],
                int(position[index]),
                reorder_point=level["reorder_point"],
                moq=point["moq"],
                pack_size=point["pack_size"],
            )
            if level["mean"] > 0
            else 0
        )
        records.append(
            _recommendation(inputs, point, level, int(on_hand[index]), int(position[index]), quantity, short[index])
        )
    return records


def _recommendation(
    inputs: PlanningInputs,
    point: Mapping[str, Any],
    level: Mapping[str, Any],
    on_hand: int,
    position: int,
    quantity: int,
    short: float,
) -> dict[str, Any]:
    terms = inputs.terms
    cost_micros = round(point["unit_cost"] * 1e6)
    margin = max(point["unit_price"] - point["unit_cost"], 0.0)
    return {
        "sku_id": int(point["sku_id"]),
        "location_id": int(point["location_id"]),
        "supplier_id": None if pd.isna(point["supplier_id"]) else int(point["supplier_id"]),
        "status": "order" if quantity else "none",
        "order_quantity": quantity,
        "reorder_point": level["reorder_point"],
        "order_up_to_level": level["order_up_to_level"],
        "safety_stock": round(level["safety_stock"], 2),
        "inventory_position": position,
        "on_hand": on_hand,
        "on_order": int(point["on_order"]),
        "unit_cost_micros": cost_micros,
        "order_value_minor": amount_minor(quantity, cost_micros, terms.currency),
        "currency": terms.currency,
        "margin_at_risk_minor": round(short * margin * 10 ** exponent(terms.currency)) if quantity else 0,
        "reason": _reason(inputs, point, level, position, quantity),
        "assumptions": _assumptions(inputs, point, on_hand),
        "numbers": {
            "weekly_rate": round(level["weekly_rate"], 3),
            "protection_days": round(point["lead_time_days"] + terms.review_period_days, 2),
            "lead_time_days": round(point["lead_time_days"], 2),
            "lead_time_sd_days": round(point["lead_time_sd_days"], 2),
            "demand_over_protection": round(level["mean"], 2),
            "demand_sd_over_protection": round(level["sd"], 2),
            "lot_size": level["lot_size"],
            "fill_rate": round(level["fill_rate"], 4),
            "unit_price": round(point["unit_price"], 4),
            "unshipped": int(point["unshipped"]),
            "moq": int(point["moq"]),
            "pack_size": int(point["pack_size"]),
            "stock_value": round(level["stock_value"], 2),
        },
    }


def _reason(
    inputs: PlanningInputs, point: Mapping[str, Any], level: Mapping[str, Any], position: int, quantity: int
) -> str:
    if level["mean"] <= 0:
        return "No demand to plan for: nothing was sold in the periods that count, so nothing is ordered."
    days = point["lead_time_days"] + inputs.terms.review_period_days
    need = (
        f"{level['mean']:.0f} ± {level['sd']:.0f} units are expected over {days:.0f} days"
        f" (lead time {point['lead_time_days']:.0f} + review {inputs.terms.review_period_days})"
    )
    point_text = f"reorder point {level['reorder_point']}"
    if quantity:
        packs = f", in packs of {point['pack_size']}" if point["pack_size"] > 1 else ""
        least = f", at least {point['moq']}" if point["moq"] > 1 else ""
        return (
            f"Position {position} is at or below the {point_text}: {need}. Ordering {quantity} reaches the level"
            f" {level['order_up_to_level']}{packs}{least}."
        )
    left = (position - level["reorder_point"]) / level["weekly_rate"] * PERIOD_DAYS
    when = f"about {left:.0f} days from now" if left < 365 else "more than a year from now"
    return f"Position {position} is above the {point_text}, which it reaches {when}: {need}."


def _assumptions(inputs: PlanningInputs, point: Mapping[str, Any], on_hand: int) -> list[str]:
    """What did not come from the data but from the planner's terms, in words."""
    terms = inputs.terms
    said = []
    if not point["is_counted"]:
        said.append(f"on hand {on_hand}: {terms.opening_stock_weeks:g} weeks of demand, as no stock was counted")
    if point["lead_time_source"] == "default":
        said.append(f"lead time {terms.lead_time_days:g} ± {terms.lead_time_sd_days:g} days: default")
    elif point["lead_time_source"] == "item":
        said.append(f"lead time {point['lead_time_days']:g} days as quoted, ± {terms.lead_time_sd_days:g} by default")
    if point["cost_source"] == "default":
        share = f"{terms.unit_cost_share:.0%} of the mean price"
        said.append(f"unit cost {point['unit_cost']:.2f} {terms.currency}: {share}, default")
    lots = [
        *([f"least order {terms.moq}"] if point["moq_source"] == "default" else []),
        *([f"packs of {terms.pack_size}"] if point["pack_size_source"] == "default" else []),
    ]
    if lots:
        said.append(f"{', '.join(lots)}: default")
    if pd.isna(point["supplier_id"]):
        said.append("supplier unknown")
    return said


def _summary(inputs: PlanningInputs, levels: Levels, rows: list[dict[str, Any]]) -> dict[str, Any]:
    ordered = [row for row in rows if row["status"] == "order"]
    return {
        "skus": int(inputs.points["sku_id"].nunique()),
        "points": len(rows),
        "orders": len(ordered),
        "order_value_minor": sum(row["order_value_minor"] for row in ordered),
        "currency": inputs.terms.currency,
        "fill_rate_target": inputs.terms.fill_rate_target,
        "achieved_fill_rate": levels.achieved_fill_rate,
        "average_stock_value": levels.stock_value,
        "holding_cost_per_point_of_fill_rate": levels.price_of_fill_rate,
        "value_of_budget": levels.value_of_budget,
        "binding": list(levels.binding),
        "stock_out_days": int((~inputs.demand["in_stock"]).sum()),
        "assumed_stock": int((~inputs.points["is_counted"]).sum()),
    }
