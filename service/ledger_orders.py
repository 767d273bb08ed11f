"""Orders through a warehouse: what the ledger knows of them, and what of its stations has to be assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from data import order_flow_rows
from data.connection import Database
from data.errors import StockwrightError
from service.ledger_scenario import LedgerWorld, scenario_of
from service.planning_inputs import closing_moment

if TYPE_CHECKING:
    from simulation.scenario import Calendar, Carrier, OrderStream, Scenario, Station
    from simulation.tallies import Tallies

LEARNT_DAYS = 91
RETURNS_LEARNT_DAYS = 365
MINUTES_PER_DAY = 24 * 60
MOST_OUTCOMES = 400
_EARLIEST, _LATEST = 0.005, 0.995

FloatArray = npt.NDArray[np.float64]


class NoOrdersThere(StockwrightError):
    """Nothing was ordered from a place in the weeks from which orders are learnt."""

    def __init__(self, site: str) -> None:
        self.site = site
        super().__init__(f"no orders from {site!r} in the last {LEARNT_DAYS} days, from which they could be learnt")


@dataclass(frozen=True)
class Warehouse:
    """What no ledger says of a warehouse: how long work takes, who does it, and when.

    Attributes:
        opens, closes: Hours of a working day.
        working_days: Weekdays, 0 for Monday.
        pick_minutes, pick_minutes_per_unit: To pick an order: its walk, and each unit.
        pack_minutes, inspect_minutes: To pack one; to look at one that came back.
        load: Share of their hours that pickers and packers work on average; as many of them are there.
        pickup: Hour at which the carrier comes; None: whenever a parcel is ready.
        cut_off: Hour until which an order is promised for the same day.
        hourly_wage: Of everybody, in the company's currency.
        return_cost: Postage of a parcel that comes back, as far as the company pays it.
    """

    opens: float = 8.0
    closes: float = 18.0
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    pick_minutes: float = 8.0
    pick_minutes_per_unit: float = 0.5
    pack_minutes: float = 5.0
    inspect_minutes: float = 10.0
    load: float = 0.75
    pickup: float | None = 18.0
    cut_off: float = 14.0
    hourly_wage: float = 20.0
    return_cost: float = 0.0


@dataclass(frozen=True, eq=False)
class OrderFlow:
    """What the ledger says of the orders of a place.

    Attributes:
        site: The place.
        orders_per_day: On average.
        hours: Weekdays on which orders come, and between which hours of the day.
        by_hour: Share of orders that come in each hour of the day, shape (24,).
        lines, units: Of orders and of lines, as they were.
        demand: Units asked for of each SKU, by SKU.
        carrier: Who takes most parcels.
        transit: Days from shipment to delivery, as they were.
        lost_share: Of parcels.
        returned_share: Of orders, by units.
        return_delay: Days from delivery to receipt, as they were.
        restocked_share: Of units that came back.
    """

    site: str
    orders_per_day: float
    hours: tuple[tuple[int, ...], float, float]
    by_hour: FloatArray
    lines: FloatArray
    units: FloatArray
    demand: pd.Series
    carrier: str
    transit: FloatArray
    lost_share: float
    returned_share: float
    return_delay: FloatArray
    restocked_share: float


def order_flow(database: Database, world: LedgerWorld, *, site: str | None = None) -> OrderFlow:
    """What orders from a place were like in the last `LEARNT_DAYS` before the world begins; returns, in the last year.

    Args:
        database: Where the orders are.
        world: Whose stock they will take.
        site: The place; that of most lines by default.

    Raises:
        NoOrdersThere: there were none.
    """
    zone = world.known.terms.time_zone
    until = closing_moment(world.known.as_of, zone)
    since, year = until - timedelta(days=LEARNT_DAYS), until - timedelta(days=RETURNS_LEARNT_DAYS)
    with database.reading() as connection:
        lines = order_flow_rows.lines_placed(connection, since=year, until=until)
        parcels = order_flow_rows.parcels_shipped(connection, since=year, until=until)
        returns = order_flow_rows.returns_received(connection, since=year, until=until)
    recent = lines[lines["placed_at"] >= pd.Timestamp(since)]
    if site is None:
        site = "" if recent.empty else str(recent["location"].value_counts().index[0])
    here = recent[(recent["location"] == site) & recent["sku"].isin(_skus(world, site))]
    if here.empty:
        raise NoOrdersThere(site)
    orders = here.groupby("order_id").agg(placed_at=("placed_at", "first"), lines=("sku", "size"))
    placed = orders["placed_at"].dt.tz_convert(zone)
    hour = (placed.dt.hour + placed.dt.minute / 60).to_numpy()
    arrived = parcels[parcels["delivered_at"].notna()]
    delay = _days(returns["received_at"] - returns["delivered_at"])
    back = returns["disposition"].fillna("restock") == "restock"
    return OrderFlow(
        site=site,
        orders_per_day=len(orders) / LEARNT_DAYS,
        hours=(
            tuple(sorted(set(placed.dt.day_of_week.tolist()))),
            float(np.floor(np.quantile(hour, _EARLIEST))),
            float(np.ceil(np.quantile(hour, _LATEST))),
        ),
        by_hour=np.bincount(placed.dt.hour.to_numpy(), minlength=24) / len(orders),
        lines=_outcomes(orders["lines"].to_numpy(dtype=np.float64)),
        units=_outcomes(here["units"].to_numpy(dtype=np.float64)),
        demand=here.groupby("sku")["units"].sum(),
        carrier="carrier" if parcels.empty else str(parcels["carrier"].value_counts().index[0]),
        transit=_outcomes(np.maximum(_days(arrived["delivered_at"] - arrived["shipped_at"]), 0.0)),
        lost_share=float((parcels["status"] == "lost").mean()) if len(parcels) else 0.0,
        returned_share=float(min(lines["returned"].sum() / max(lines["units"].sum(), 1), 0.9)),
        return_delay=_outcomes(np.maximum(delay[~np.isnan(delay)], 0.0)),
        restocked_share=float((returns["quantity"] * back).sum() / returns["quantity"].sum()) if len(returns) else 1.0,
    )


def _skus(world: LedgerWorld, site: str) -> list[str]:
    items = world.items
    return [str(sku) for sku in items.loc[items["location"] == site, "sku"]]


def _days(spans: pd.Series) -> FloatArray:
    return np.asarray(spans.dt.total_seconds().to_numpy(dtype=np.float64) / 86_400)


def _outcomes(values: FloatArray) -> FloatArray:
    """At most `MOST_OUTCOMES` of them that stand for all, evenly spread over their ranks."""
    if len(values) <= MOST_OUTCOMES:
        return values
    ranks = ((np.arange(MOST_OUTCOMES) + 0.5) / MOST_OUTCOMES * len(values)).astype(np.int64)
    return np.asarray(np.sort(values)[ranks])


# The scenario


def orders_scenario(world: LedgerWorld, flow: OrderFlow, warehouse: Warehouse = Warehouse()) -> Scenario:
    """One place as a scenario of orders: its stock, a stream of orders that takes it, stations, a carrier, returns.

    Orders come evenly over the hours in which they came, and ask for SKUs by their share of units. What is short is
    waited for, so that an order is late rather than lost.

    Args:
        world: As planned, from the ledger.
        flow: As `order_flow` gives it.
        warehouse: What is assumed.
    """
    from simulation.scenario import Demand, Scenario

    items = world.items
    here = world.chosen(
        np.flatnonzero(((items["location"] == flow.site) & items["sku"].isin(flow.demand.index)).to_numpy())
    )
    stock = scenario_of(here)
    points = tuple(replace(point, demand=Demand(), on_shortage="backorder") for point in stock.points)
    return Scenario(
        name="as it is",
        points=points,
        streams=(_stream(flow, warehouse, tuple(point.sku for point in points)),),
        stations=_stations(flow, warehouse),
        carriers=(_carrier(world, flow, warehouse),),
        first_weekday=stock.first_weekday,
    )


def _stream(flow: OrderFlow, warehouse: Warehouse, skus: tuple[str, ...]) -> OrderStream:
    from simulation.distributions import constant, empirical, exponential
    from simulation.scenario import Calendar, OrderStream, Returns

    weekdays, first, last = flow.hours
    open_share = len(weekdays) / 7 * (last - first) / 24
    delay = empirical(flow.return_delay) if len(flow.return_delay) else constant(10.0)
    return OrderStream(
        name="online",
        site=flow.site,
        interarrival=exponential(open_share / flow.orders_per_day),
        hours=Calendar(shifts=tuple((day, first / 24, last / 24) for day in weekdays)),
        skus=skus,
        weights=tuple(float(flow.demand[sku]) for sku in skus),
        lines=empirical(flow.lines),
        units=empirical(flow.units),
        route=("pick", "pack"),
        carrier=flow.carrier,
        cut_off=warehouse.cut_off / 24,
        working_days=warehouse.working_days,
        returns=Returns(
            probability=flow.returned_share,
            delay=delay,
            station="inspect",
            restock_probability=flow.restocked_share,
            cost_per_return=warehouse.return_cost,
        ),
    )


def _stations(flow: OrderFlow, warehouse: Warehouse) -> tuple[Station, ...]:
    """Pickers and packers, so many that they work the share of their hours that is assumed."""
    from simulation.distributions import gamma
    from simulation.scenario import Station

    calendar = _shifts(warehouse)
    units_per_order = float(flow.lines.mean() * flow.units.mean())
    open_minutes = (warehouse.closes - warehouse.opens) * 60 * len(warehouse.working_days) / 7
    minutes = {
        "pick": (warehouse.pick_minutes, warehouse.pick_minutes_per_unit, 1.0),
        "pack": (warehouse.pack_minutes, 0.0, 1.0),
        "inspect": (warehouse.inspect_minutes, 0.0, max(flow.returned_share, 0.02)),
    }
    return tuple(
        Station(
            name=name,
            servers=max(1, ceil(flow.orders_per_day * share * (each + per_unit * units_per_order)
                                / (open_minutes * warehouse.load))),
            service=gamma(each / MINUTES_PER_DAY, each / MINUTES_PER_DAY / 2),
            per_unit=per_unit / MINUTES_PER_DAY,
            calendar=calendar,
            cost_per_hour=warehouse.hourly_wage,
        )
        for name, (each, per_unit, share) in minutes.items()
    )  # fmt: skip


def _shifts(warehouse: Warehouse) -> Calendar:
    from simulation.scenario import Calendar

    return Calendar(shifts=tuple((day, warehouse.opens / 24, warehouse.closes / 24) for day in warehouse.working_days))


def _carrier(world: LedgerWorld, flow: OrderFlow, warehouse: Warehouse) -> Carrier:
    from simulation.distributions import constant, empirical
    from simulation.scenario import Carrier

    pickups: tuple[tuple[int, float], ...] = ()
    if warehouse.pickup is not None:
        pickups = tuple((day, warehouse.pickup / 24) for day in warehouse.working_days)
    days = world.known.terms.transit_days
    return Carrier(
        name=flow.carrier,
        pickups=pickups,
        transit=empirical(flow.transit) if len(flow.transit) else constant(days),
        loss_probability=flow.lost_share,
        cost_per_parcel=world.known.terms.parcel_cost,
        promised_days=float(np.ceil(np.quantile(flow.transit, 0.95))) if len(flow.transit) else ceil(days),
    )


def said_flow(flow: OrderFlow, warehouse: Warehouse, scenario: Scenario) -> tuple[str, ...]:
    """What is known and what is assumed, in words."""
    servers = ", ".join(f"{station.servers} to {station.name}" for station in scenario.stations)
    weekdays, first, last = flow.hours
    pickup = "at any time" if warehouse.pickup is None else f"at {warehouse.pickup:g}:00"
    return (
        f"Known from the last {LEARNT_DAYS} days: {flow.orders_per_day:,.1f} orders a day from {flow.site} on"
        f" {len(weekdays)} days a week between {first:g}:00 and {last:g}:00, {flow.lines.mean():.1f} lines of"
        f" {flow.units.mean():.1f} units each.",
        f"Known from the last year: {flow.returned_share:.1%} of units come back, {flow.restocked_share:.0%} of them"
        f" fit for sale.",
        f"Assumed: {servers}; open from {warehouse.opens:g}:00 to {warehouse.closes:g}:00 on"
        f" {len(warehouse.working_days)} days; {warehouse.pick_minutes:g} minutes to pick an order and"
        f" {warehouse.pick_minutes_per_unit:g} for each unit, {warehouse.pack_minutes:g} to pack, the carrier comes"
        f" {pickup}.",
    )


def contribution(scenario: Scenario, tallies: Tallies) -> FloatArray:
    """What is left of sales in each replication, over its measured days, shape (replication,).

    Margin of what customers got; less the margin of what came back fit for sale, and the price of what did not; less
    transport, postage of returns and work.
    """
    from simulation.scenario_measures import costs

    sums = tallies.points
    price = np.array([point.unit_price for point in scenario.points])
    cost = np.array([point.unit_cost for point in scenario.points])
    sold = sums.filled + sums.served_late - sums.restocked
    kinds = costs(scenario, tallies)
    spent = sum(kinds[kind].numerator[:, 0] for kind in ("transport", "returns", "labour"))
    return np.asarray(sold @ (price - cost) - sums.written_off @ price - spent)
