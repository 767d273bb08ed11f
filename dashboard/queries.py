"""Reads of the pages, kept until the data changes.

What is kept is kept under the version that it was read at, which is why functions take one that they do not use
(an argument that began with an underscore would be left out of the key).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from data import check_run_rows, demand_input_rows, insight_rows, plan_rows
from data.connection import Database, open_database
from orders import insights
from orders.insights import Standing, ToDo
from orders.model import Actor
from service import items, service_cost, stock_levels
from service import ledger_scenario as ledger
from service import what_if_comparison as what_ifs
from service import what_if_orders as warehouses
from service.items import ItemView, Outlook
from service.ledger_orders import OrderFlow, order_flow
from service.planning_inputs import PlanningInputs, planning_inputs
from service.service_cost import Chosen, ServiceCost
from service.settings import read_settings
from service.what_if import Changes, chosen_items
from service.what_if_comparison import Comparison

SPARK_WEEKS = 26
MOST_COMPARISONS = 24


@st.cache_resource(show_spinner=False)
def _opened(url: str) -> Database:
    return open_database(url)


def database() -> Database:
    """The database that the settings name.

    Raises:
        DatabaseUnavailable: it cannot be opened.
    """
    return _opened(read_settings().database_url)


def actor() -> Actor:
    """In whose name the pages act."""
    return Actor(read_settings().actor)


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def version() -> str:
    """Changes with every write that a page shows, and with the database."""
    opened = database()
    with opened.reading() as connection:
        return f"{opened} {insight_rows.data_version(connection)}"


@st.cache_data(show_spinner=False, max_entries=4)
def _standing(at_version: str) -> Standing:  # noqa: ARG001
    with database().reading() as connection:
        return insights.standing(connection)


def standing() -> Standing:
    """Where the company stands."""
    return _standing(version())


@st.cache_data(show_spinner="Reading the plan …", max_entries=4)
def recommendations(at_version: str, plan_id: int) -> pd.DataFrame:  # noqa: ARG001
    """The plan's recommendations and what was decided on them."""
    with database().reading() as connection:
        return insights.recommendations(connection, plan_id)


@st.cache_data(show_spinner="Looking for what needs you …", max_entries=4)
def to_do(at_version: str, plan_id: int) -> list[ToDo]:
    """Everything that waits for the planner, most money first."""
    where, plan = standing(), recommendations(at_version, plan_id)
    if where.as_of is None:
        return []
    with database().reading() as connection:
        return insights.to_do(connection, plan, as_of=where.as_of, terms=where.terms)


@st.cache_data(show_spinner="Adding up the weeks …", max_entries=4)
def weekly(at_version: str, plan_id: int) -> dict[str, Any]:
    """Weekly sales of a year, stock and purchases of half a year."""
    where, plan = standing(), recommendations(at_version, plan_id)
    if where.as_of is None:
        return {}
    terms = where.terms
    with database().reading() as connection:
        return {
            "sales": insights.weekly_sales(connection, as_of=where.as_of, weeks=52, currency=terms.currency),
            "stock": insights.weekly_stock(connection, plan, as_of=where.as_of, weeks=SPARK_WEEKS, terms=terms),
            "purchases": insights.weekly_purchases(
                connection, as_of=where.as_of, weeks=SPARK_WEEKS, time_zone=terms.time_zone
            ),
        }


@st.cache_data(show_spinner=False, max_entries=4)
def latest_proof(at_version: str) -> dict[str, Any] | None:  # noqa: ARG001
    """The newest proof's figures."""
    with database().reading() as connection:
        row = plan_rows.latest_proof(connection)
    return None if row is None else dict(row.result)


@st.cache_data(show_spinner=False, max_entries=4)
def latest_check(at_version: str) -> dict[str, Any] | None:  # noqa: ARG001
    """When the records were last held against each other and what was found; None when they never were."""
    with database().reading() as connection:
        row = check_run_rows.latest(connection)
    return None if row is None else dict(row._mapping)


@st.cache_resource(show_spinner="Reading all histories and forecasting …", max_entries=2)
def _outlook(history: str) -> Outlook:  # noqa: ARG001
    return items.outlook(database(), as_of=standing().as_of, at=now())


def outlook() -> Outlook:
    """Histories and forecasts; they change with imports, plans and terms, not with approvals.

    Raises:
        NothingToPlan: there are no orders.
    """
    opened = database()
    with opened.reading() as connection:
        history = insight_rows.history_version(connection)
    return _outlook(f"{opened} {history}")


@st.cache_data(show_spinner=False, max_entries=64)
def item(at_version: str, sku: str, location: str) -> ItemView | None:  # noqa: ARG001
    """One item in time."""
    return items.item_view(database(), outlook(), sku=sku, location=location)


@st.cache_resource(show_spinner="Reading all histories and forecasting …", max_entries=2)
def _expected(known: str) -> tuple[PlanningInputs, pd.DataFrame]:  # noqa: ARG001
    with database().reading() as connection:
        inputs = planning_inputs(connection, as_of=standing().as_of, at=now())
    return inputs, stock_levels.planned_demand(inputs)


def demand_version(*, with_overrides: bool) -> str:
    """Changes with the history and with what the planner says of past demand and coming events.

    Args:
        with_overrides: Whether it changes with overrides of forecasts too.
    """
    said = [
        demand_input_rows.outlier_decisions,
        demand_input_rows.events,
        demand_input_rows.successions,
        demand_input_rows.analogues,
    ]
    if with_overrides:
        said.append(demand_input_rows.overrides)
    opened = database()
    with opened.reading() as connection:
        words = [[row.id for row in read(connection, is_open=True)] for read in said]
        return f"{opened} {insight_rows.history_version(connection)} {words}"


@st.cache_resource(show_spinner="Finding the least stock for every fill rate …", max_entries=2)
def _cost_of_service(at_version: str, known: str) -> ServiceCost:  # noqa: ARG001
    inputs, forecasts = _expected(known)
    return service_cost.cost_of(database(), inputs, forecasts)


def cost_of_service(at_version: str) -> ServiceCost:
    """What service costs as planned now.

    Raises:
        NothingToPlan, NothingDemanded, LimitsConflict: as `service_cost`.
    """
    return _cost_of_service(at_version, demand_version(with_overrides=True))


@st.cache_resource(show_spinner="Setting the levels …", max_entries=24)
def _chosen(at_version: str, known: str, fill_rate: float) -> Chosen:
    return service_cost.at_target(_cost_of_service(at_version, known), fill_rate)


def service_at(at_version: str, fill_rate: float) -> Chosen:
    """The best levels for a fill rate.

    Raises:
        LimitsConflict: no levels reach it.
    """
    return _chosen(at_version, demand_version(with_overrides=True), fill_rate)


@st.cache_resource(show_spinner="Reading the ledger and drawing possible futures …", max_entries=3)
def _world(at_version: str, known: str, weeks: int) -> ledger.LedgerWorld:  # noqa: ARG001
    inputs, forecasts = _expected(known)
    return ledger.forecast_world(database(), inputs, forecasts, weeks=weeks, paths=what_ifs.REPLICATIONS)


def what_if_world(weeks: int, scope: str) -> ledger.LedgerWorld:
    """The company ahead: the items of a scope over so many weeks.

    Raises:
        NothingToPlan, LimitsConflict: as `ledger_world`.
        WrongChange: an unknown scope.
    """
    return chosen_items(_world(version(), demand_version(with_overrides=True), weeks), scope)


@st.cache_resource(show_spinner=False, max_entries=2)
def _simulated(at_version: str, known: str) -> dict[Any, Any]:  # noqa: ARG001
    """What was simulated at a version, by what was asked; filled by `what_if`."""
    return {}


def what_if(weeks: int, scope: str, changes: Changes, progress: what_ifs.Progress) -> Comparison:
    """The plan beside a changed world; the same question is simulated once.

    Raises:
        NothingToPlan, LimitsConflict, WrongChange: as `what_if_world` and `compare`.
    """
    kept = _simulated(version(), demand_version(with_overrides=True))
    asked = (weeks, scope, changes)
    comparison: Comparison | None = kept.get(asked)
    if comparison is None:
        world, base = what_if_world(weeks, scope), kept.get((weeks, scope))
        comparison = what_ifs.compare(world, changes, base=base, progress=progress)
        while len(kept) >= MOST_COMPARISONS:
            kept.pop(next(iter(kept)), None)
        kept[weeks, scope], kept[asked] = comparison.base, comparison
    return comparison


@st.cache_resource(show_spinner="Reading how orders come …", max_entries=4)
def _order_flow(at_version: str, known: str, weeks: int, site: str | None) -> OrderFlow:
    return order_flow(database(), _world(at_version, known, weeks), site=site)


def flow_of_orders(weeks: int, site: str | None) -> OrderFlow:
    """How orders of a place come, and what comes back.

    Raises:
        NoOrdersThere: none did.
    """
    return _order_flow(version(), demand_version(with_overrides=True), weeks, site)


@st.cache_resource(show_spinner="Simulating every order …", max_entries=24)
def _what_if_orders(
    at_version: str, known: str, weeks: int, site: str | None, changes: warehouses.OrderChanges
) -> warehouses.OrderComparison:
    flow = _order_flow(at_version, known, weeks, site)
    return warehouses.compare_orders(_world(at_version, known, weeks), flow, changes)


def what_if_orders(weeks: int, site: str | None, changes: warehouses.OrderChanges) -> warehouses.OrderComparison:
    """A warehouse as it is beside a changed one; the same question is simulated once.

    Raises:
        NoOrdersThere, WrongChange: as `order_flow` and `compare_orders`.
    """
    return _what_if_orders(version(), demand_version(with_overrides=True), weeks, site, changes)
