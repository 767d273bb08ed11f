"""From the ledger to a scenario: stock, goods under way, demand, supply, costs and the plan's own policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from data import demand_history, position_rows
from data.connection import Database
from orders.terms import Terms, read_terms
from service.demand_paths import demand_paths
from service.planning_inputs import PlanningInputs, closing_moment, default_as_of, planning_inputs
from service.replay import cut_days, goods_under_way, opening_stock, recent_rate, units_after
from service.stock_levels import PERIOD_DAYS, PERIODS_PER_YEAR, planned_demand, set_levels

if TYPE_CHECKING:
    from simulation.distributions import Distribution
    from simulation.scenario import Scenario, StockPoint

DAYS_PER_YEAR = PERIOD_DAYS * PERIODS_PER_YEAR
Demand = Literal["forecast", "replayed"]
_LEVELS = ("reorder_point", "order_up_to_level")
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LedgerWorld:
    """What a scenario is made of.

    Attributes:
        known: What was known when its days began.
        forecasts: Demand as planned then, on the index of `known.points`.
        items: One row per stock point of the scenario, in its order: point (of `known.points`), sku, name, location,
            source (the supplier), abc (by value of demand), demand_value (a year's), lead_time_days,
            lead_time_sd_days, unit_cost, unit_price, pack_size, moq, recent_rate (units a day, before the first), and
            of a world that was planned reorder_point and order_up_to_level.
        units: Demand, shape (path, day, item).
        on_hand: Units before the first day, shape (item,).
        arrivals: Units under way by the day they are expected, shape (day, item), and a row of what comes later.
        demand: Whether paths of the forecast, or replayed as it was.
        left_out_share: Share of replayed demand that fell on items that had not sold before, which no plan could know.
    """

    known: PlanningInputs
    forecasts: pd.DataFrame
    items: pd.DataFrame
    units: IntArray
    on_hand: IntArray
    arrivals: IntArray
    demand: Demand
    left_out_share: float = 0.0

    @property
    def days(self) -> int:
        """Length."""
        return int(self.units.shape[1])

    @property
    def starts(self) -> date:
        """The first day."""
        return self.known.as_of + timedelta(days=1)

    def chosen(self, positions: Any) -> LedgerWorld:
        """The same with some of the items only, by position."""
        return replace(
            self,
            items=self.items.iloc[positions].reset_index(drop=True),
            units=self.units[:, :, positions],
            on_hand=self.on_hand[positions],
            arrivals=self.arrivals[:, positions],
        )


def scenario_from_ledger(
    database: Database,
    *,
    as_of: date | None = None,
    weeks: int = 8,
    demand: Demand = "replayed",
    paths: int = 30,
    seed: int = 1,
    at: datetime | None = None,
) -> Scenario:
    """The company as the ledger knows it, ready to be simulated and varied.

    Stock and goods under way are as the ledger has them, the policy is what the plan recommends, and what is not on
    the shelf is not sold. Points without demand are left out.

    Args:
        database: Where the history is.
        as_of: The last day that counts; the last complete business day by default.
        weeks: How many. Replayed, they are the last ones up to as_of, and the plan is that of their start; with the
            forecast, they are the ones after it.
        demand: "replayed" as it was ordered, or possible futures of the "forecast".
        paths: How many futures.
        seed: Of the futures.
        at: Now, for what the planner said since the last day.

    Raises:
        NothingToPlan: there are no orders.
        TooShortToReplay: too little history lies before the weeks.
        LimitsConflict: target, floor and budget contradict each other.
    """
    return scenario_of(ledger_world(database, as_of=as_of, weeks=weeks, demand=demand, paths=paths, seed=seed, at=at))


def ledger_world(
    database: Database,
    *,
    as_of: date | None = None,
    weeks: int = 8,
    demand: Demand = "replayed",
    paths: int = 30,
    seed: int = 1,
    at: datetime | None = None,
) -> LedgerWorld:
    """What `scenario_from_ledger` makes a scenario of, from which to vary; it takes the same arguments."""
    with database.reading() as connection:
        terms = read_terms(connection)
        if demand == "replayed":
            last = as_of or default_as_of(connection)
            history = demand_history.daily_demand(connection, as_of=last, currency=terms.currency)
            days = PERIOD_DAYS * weeks
            cut = cut_days(last, history, cuts=1, window_days=days)[0]
            return as_planned(_past_world(connection, cut, history, terms, days))
        known = planning_inputs(connection, as_of=as_of, terms=terms, at=at)
    return forecast_world(database, known, planned_demand(known), weeks=weeks, paths=paths, seed=seed)


def forecast_world(
    database: Database,
    known: PlanningInputs,
    forecasts: pd.DataFrame,
    *,
    weeks: int = 8,
    paths: int = 30,
    seed: int = 1,
) -> LedgerWorld:
    """The weeks after the last day known, from inputs that were read before.

    Args:
        database: Where goods under way are.
        known: What a plan rests on.
        forecasts: Demand as planned, as `planned_demand` gives it.
        weeks: How many.
        paths: How many possible futures.
        seed: Of the futures.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    with database.reading() as connection:
        pipeline = _pipeline(connection, known)
    units = demand_paths(known, weeks=weeks, paths=paths, seed=seed)
    is_kept = units.any(axis=(0, 1)) | (forecasts["mean"].to_numpy() > 0)
    rate = forecasts["weekly_rate"].to_numpy() / PERIOD_DAYS
    return as_planned(_world(known, forecasts, np.flatnonzero(is_kept), rate, units, pipeline, "forecast"))


def past_world(database: Database, cut: date, history: pd.DataFrame, terms: Terms, *, days: int) -> LedgerWorld:
    """The days after a past one as they were, and what was known at its close; nothing is planned yet.

    Args:
        database: Where stock and purchases are.
        cut: The last day known.
        history: As `demand_history.daily_demand` gives it, up to the end of the replay at least.
        terms: Standing assumptions, as they are now.
        days: How many to replay.
    """
    with database.reading() as connection:
        return _past_world(connection, cut, history, terms, days)


def _past_world(connection: Connection, cut: date, history: pd.DataFrame, terms: Terms, days: int) -> LedgerWorld:
    known = planning_inputs(connection, as_of=cut, terms=terms)
    pipeline = _pipeline(connection, known)
    units = units_after(known, history, days)
    kept = np.flatnonzero(np.isin(known.points.index.to_numpy(), known.demand["unique_id"].unique()))
    world = _world(known, planned_demand(known), kept, recent_rate(known), units[None], pipeline, "replayed")
    return replace(world, left_out_share=float(1 - units[:, kept].sum() / max(units.sum(), 1)))


def as_planned(world: LedgerWorld) -> LedgerWorld:
    """The world with the levels that the plan recommends.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    levels = planned_levels(world.items, world.known, world.forecasts)
    return replace(world, items=world.items.assign(**{name: levels[name] for name in _LEVELS}))


def _pipeline(connection: Connection, known: PlanningInputs) -> pd.DataFrame:
    return position_rows.on_order(connection, closed_at=closing_moment(known.as_of, known.terms.time_zone))


def _world(
    known: PlanningInputs,
    forecasts: pd.DataFrame,
    kept: IntArray,
    daily_rate: Any,
    units: IntArray,
    pipeline: pd.DataFrame,
    demand: Demand,
) -> LedgerWorld:
    from forecasting.demand_class import abc_classes

    points = known.points.iloc[kept]
    weekly = forecasts["weekly_rate"].to_numpy()[kept]
    value = points["unit_price"].to_numpy() * weekly * PERIODS_PER_YEAR
    columns = ["sku", "name", "location", "unit_cost", "unit_price", "pack_size", "moq", "lead_time_days"]
    items = points[[*columns, "lead_time_sd_days"]].reset_index(drop=True)
    items.insert(0, "point", kept)
    items["source"] = _sources(points)
    items["demand_value"] = value
    items["abc"] = abc_classes(value if value.any() else weekly)
    items["recent_rate"] = daily_rate[kept]
    return LedgerWorld(
        known=known,
        forecasts=forecasts,
        items=items,
        units=units[:, :, kept],
        on_hand=opening_stock(points, daily_rate[kept], weeks=known.terms.opening_stock_weeks),
        arrivals=goods_under_way(points, pipeline, known.as_of, units.shape[1]),
        demand=demand,
    )


def _sources(points: pd.DataFrame) -> list[str]:
    """Each point's supplier by name, told apart from our own places."""
    ours = set(points["location"])
    named = points["supplier"].fillna("").astype(str).replace("", "unknown supplier").tolist()
    return [f"supplier {name}" if name in ours else name for name in named]


def assumptions(world: LedgerWorld) -> tuple[str, ...]:
    """On what a scenario rests, in words."""
    items, known = world.items, world.known
    points = known.points.iloc[items["point"]]
    weeks = world.days // PERIOD_DAYS
    if world.demand == "forecast":
        told = (
            f"Demand: {len(world.units)} possible futures of the forecast over the {weeks} weeks after {known.as_of}."
        )
    else:
        told = f"Demand: as it was ordered in the {weeks} weeks after {known.as_of}, of which the plan knew nothing."
    said = [told, "What is not on the shelf when it is asked for is lost. Levels stay as they were set at the start."]
    uncounted = int((~points["is_counted"]).sum())
    if uncounted:
        assumed = f"{known.terms.opening_stock_weeks:g} weeks of demand are assumed on hand"
        said.append(f"{assumed} for {uncounted:,} of {len(points):,} items, which were never counted.")
    unmeasured = int((~points["lead_time_source"].str.startswith("measured")).sum())
    if unmeasured:
        said.append(f"Lead times of {unmeasured:,} of {len(points):,} items are as told, not measured on receipts.")
    return tuple(said)


# The scenario


def scenario_of(world: LedgerWorld, *, name: str = "as planned", levels: pd.DataFrame | None = None) -> Scenario:
    """A world as a scenario.

    Args:
        world: As `ledger_world` gives it.
        name: What reports call it.
        levels: As `planned_levels` gives them; those of a world that was planned by default.
    """
    from simulation.scenario import Scenario

    items = world.items if levels is None else world.items.assign(**{column: levels[column] for column in _LEVELS})
    lead_times = _lead_times(items)
    rows = enumerate(zip(items.to_dict("records"), lead_times, strict=True))
    return Scenario(
        name=name,
        points=tuple(_stock_point(world, position, row, lead_time) for position, (row, lead_time) in rows),
        first_weekday=world.starts.weekday(),
    )


def planned_levels(
    items: pd.DataFrame, known: PlanningInputs, forecasts: pd.DataFrame, *, fill_rate_target: float | None = None
) -> pd.DataFrame:
    """Reorder points and order-up-to levels of a world's items, planned for what is known.

    Args:
        items: As a world's, with the column point.
        known: What the plan rests on.
        forecasts: On the index of `known.points`.
        fill_rate_target: By value; the term by default.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    frame = set_levels(known, forecasts, fill_rate_target=fill_rate_target).frame
    return frame.iloc[items["point"]][list(_LEVELS)].astype(np.int64).reset_index(drop=True)


def _lead_times(items: pd.DataFrame) -> list[Distribution]:
    """Each item's lead time, those of the same mean and deviation one and the same."""
    from simulation.distributions import constant, gamma

    known: dict[tuple[float, float], Distribution] = {}
    for days in (moments := _moments(items)):
        if days not in known:
            known[days] = gamma(*days) if days[1] > 0 else constant(days[0])
    return [known[days] for days in moments]


def _moments(items: pd.DataFrame) -> list[tuple[float, float]]:
    means = np.maximum(items["lead_time_days"].to_numpy(dtype=np.float64), 1.0)
    return list(zip(means.tolist(), items["lead_time_sd_days"].to_numpy(dtype=np.float64).tolist(), strict=True))


def _stock_point(world: LedgerWorld, position: int, row: Mapping[Any, Any], lead_time: Distribution) -> StockPoint:
    from simulation.scenario import Demand, Policy, StockPoint

    terms = world.known.terms
    arrivals = world.arrivals[:, position]
    return StockPoint(
        sku=str(row["sku"]),
        site=str(row["location"]),
        source=str(row["source"]),
        on_hand=int(world.on_hand[position]),
        pipeline=tuple((float(day), int(arrivals[day])) for day in np.flatnonzero(arrivals)),
        demand=Demand(kind="paths", paths=np.ascontiguousarray(world.units[:, :, position])),
        policy=Policy(
            kind="reorder",
            name="as planned",
            reorder_point=int(row["reorder_point"]),
            order_up_to_level=int(row["order_up_to_level"]),
            review_period_days=float(terms.review_period_days),
        ),
        lead_time=lead_time,
        whole_day_lead_time=True,
        pack_size=int(row["pack_size"]),
        moq=int(row["moq"]),
        on_shortage="lost",
        unit_cost=float(row["unit_cost"]),
        unit_price=float(row["unit_price"]),
        order_cost=float(terms.order_cost),
        holding_cost=float(row["unit_cost"]) * terms.holding_cost_rate / DAYS_PER_YEAR,
        shortage_cost=max(float(row["unit_price"]) - float(row["unit_cost"]), 0.0),
    )
