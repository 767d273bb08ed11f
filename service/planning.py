"""The one composition: history → forecast → policy → recommendation that explains its arithmetic.

The command line, the dashboard, the proof and the notebooks all come through here. What a database does not
hold comes from the planner's terms, and every recommendation lists what it assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

from data import plan_rows
from data.connection import Database
from data.errors import StockwrightError
from orders.errors import UnknownThing
from orders.model import Actor, Permission
from orders.money import exponent
from service.demand_adjusting import overrides_without_point
from service.ledger_scenario import scenario_from_ledger as scenario_from_ledger
from service.planning_inputs import PlanningInputs, planning_inputs
from service.recommending import recommend
from service.stock_levels import Levels, planned_demand, set_levels

Progress = Callable[[str], None]


def silent(stage: str) -> None:
    """Progress that nobody watches."""
    del stage


class NoPlan(StockwrightError):
    """Nothing was planned yet."""

    def __init__(self) -> None:
        super().__init__("there is no plan yet: run `stockwright plan` first")


@dataclass(frozen=True)
class PlanResult:
    """A stored plan: its id, what it achieves, and how long each stage took in seconds."""

    plan_id: int
    as_of: date
    summary: dict[str, Any]
    seconds: dict[str, float]


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
        at: Now; what the planner said by now counts, or by the close of a day further back.
        progress: Told the name of each stage as it begins.

    Raises:
        NothingToPlan: there are no orders.
        AsOfOutOfRange: nothing was ordered by that day.
        OtherCurrency: nothing was ordered in the company's currency.
        LimitsConflict: target, floor and budget contradict each other.
    """
    actor.require(Permission.PLAN)
    seconds: dict[str, float] = {}
    with _timed("read history", seconds, progress), database.reading() as connection:
        inputs = planning_inputs(connection, as_of=as_of, at=at)
    with _timed("forecast demand", seconds, progress):
        forecasts = planned_demand(inputs)
    with _timed("set stock levels", seconds, progress):
        levels = set_levels(inputs, forecasts)
    with _timed("recommend", seconds, progress):
        rows = recommend(inputs, levels, forecasts)
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
        "limits": list(levels.limits),
        "optimality_gap": levels.optimality_gap,
        "stock_out_days": int((~inputs.ordered["in_stock"]).sum()),
        "assumed_stock": int((~inputs.points["is_counted"]).sum()),
        "unusual_orders": len(inputs.unusual),
        "overrides_without_point": overrides_without_point(inputs.said.overrides, inputs.points),
    }
