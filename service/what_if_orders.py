"""What if a warehouse were different: orders, capacity, cut-off and returns beside what is, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from service.ledger_orders import OrderFlow, Warehouse, contribution, orders_scenario
from service.ledger_scenario import LedgerWorld
from service.stock_levels import PERIOD_DAYS
from service.what_if import MOST_FACTOR, WrongChange
from service.what_if_comparison import SEED

if TYPE_CHECKING:
    from simulation.results import SimulationResult
    from simulation.scenario import Scenario

AS_IT_IS, CHANGED = "as it is", "changed"
KEPT = "promises kept"
USUAL = Warehouse()
REPLICATIONS = 20
WARM_UP_DAYS = 7


@dataclass(frozen=True)
class OrderChanges:
    """What is to be different; everything stays as it is by default.

    Attributes:
        orders: Factor on how many come.
        capacity: Factor on how fast every station works.
        returns: Factor on the share that comes back.
        cut_off: Hour until which an order is promised for the same day; None: as it is.
        closes: Hour until which people work and at which the carrier comes; None: as it is.
    """

    orders: float = 1.0
    capacity: float = 1.0
    returns: float = 1.0
    cut_off: float | None = None
    closes: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            WrongChange: by name, what was wanted and what came.
        """
        for name in ("orders", "capacity", "returns"):
            if not 0 < getattr(self, name) <= MOST_FACTOR:
                raise WrongChange(name, f"a factor above 0 and at most {MOST_FACTOR:g}", getattr(self, name))
        for name in ("cut_off", "closes"):
            hour = getattr(self, name)
            if hour is not None and not 0 < hour < 24:
                raise WrongChange(name, "an hour between 0 and 24", hour)


@dataclass(frozen=True, eq=False)
class OrderComparison:
    """A warehouse as it is and changed.

    Attributes:
        flow: What the ledger says of its orders.
        warehouse: What is assumed of it.
        changes: What differs.
        results: As it is; and changed, unless nothing is.
    """

    flow: OrderFlow
    warehouse: Warehouse
    changes: OrderChanges
    results: tuple[SimulationResult, ...]


def changed_orders(
    world: LedgerWorld, flow: OrderFlow, changes: OrderChanges, warehouse: Warehouse = USUAL
) -> Scenario:
    """The warehouse as a scenario with what is to be different; as many people work as work there now.

    Raises:
        WrongChange: the day would close before it opens.
    """
    base = orders_scenario(world, flow, warehouse)
    if changes == OrderChanges():
        return base
    closes = warehouse.closes if changes.closes is None else changes.closes
    if closes <= warehouse.opens:
        raise WrongChange("closes", f"after {warehouse.opens:g}:00, when the day opens", closes)
    later = replace(
        warehouse,
        closes=closes,
        pickup=warehouse.pickup if changes.closes is None or warehouse.pickup is None else closes,
        cut_off=warehouse.cut_off if changes.cut_off is None else changes.cut_off,
    )
    servers = {station.name: station.servers for station in base.stations}
    scenario = orders_scenario(world, flow, later)
    stations = tuple(replace(station, servers=servers[station.name]) for station in scenario.stations)
    scenario = replace(scenario, name=CHANGED, stations=stations).scaled(
        demand=changes.orders, capacity=changes.capacity
    )
    (stream,) = scenario.streams
    share = min(stream.returns.probability * changes.returns, 1.0)
    return replace(scenario, streams=(replace(stream, returns=replace(stream.returns, probability=share)),))


def compare_orders(
    world: LedgerWorld,
    flow: OrderFlow,
    changes: OrderChanges,
    *,
    warehouse: Warehouse = USUAL,
    replications: int = REPLICATIONS,
    seed: int = SEED,
) -> OrderComparison:
    """Simulate the warehouse as it is and with changes under the same luck, a week of warm-up left out.

    Raises:
        WrongChange: the day would close before it opens.
    """
    from simulation.run import simulate

    cases = [OrderChanges()] if changes == OrderChanges() else [OrderChanges(), changes]
    days = world.days + WARM_UP_DAYS
    results = tuple(
        simulate(
            changed_orders(world, flow, case, warehouse),
            days=days,
            warm_up_days=WARM_UP_DAYS,
            replications=replications,
            seed=seed,
        )
        for case in cases
    )
    return OrderComparison(flow, warehouse, changes, results)


def orders_table(comparison: OrderComparison) -> pd.DataFrame:
    """Each measure of the orders as they are and changed, and their difference, with 95 % intervals.

    Returns:
        measure, unit ("share", "days", "number", "money"), base, base_half_width, changed, changed_half_width,
        difference, half_width.
    """
    from simulation.estimates import difference_estimate, mean_estimate

    base, other = comparison.results[0], comparison.results[-1]
    rows = []
    for name, (measure, unit) in _MEASURES.items():
        before, after = (one.overall[measure].estimates() for one in (base, other))
        both = other.overall[measure].difference(base.overall[measure])
        rows.append(
            _row(name, unit, (before.mean[0], before.half_width[0]), (after.mean[0], after.half_width[0]), both)
        )
    left = [contribution(one.scenario, one.tallies) for one in (base, other)]
    first, second = (mean_estimate(values) for values in left)
    both = difference_estimate(left[1], left[0])
    rows.append(_row("left of sales", "money", (first.mean, first.half_width), (second.mean, second.half_width), both))
    return pd.DataFrame(rows)


_MEASURES = {
    KEPT: ("on_time", "share"),
    "days to the customer": ("order_time", "days"),
    "orders a day": ("orders_per_day", "number"),
    "parcels that come back": ("returned_share", "share"),
    "orders open at the end": ("open_orders", "number"),
}


def _row(name: str, unit: str, before: tuple[Any, Any], after: tuple[Any, Any], difference: Any) -> dict[str, Any]:
    return {
        "measure": name, "unit": unit,
        "base": float(before[0]), "base_half_width": float(before[1]),
        "changed": float(after[0]), "changed_half_width": float(after[1]),
        "difference": float(difference.mean), "half_width": float(difference.half_width),
    }  # fmt: skip


def stations_table(comparison: OrderComparison) -> pd.DataFrame:
    """How busy each station is and how long orders wait there.

    Returns:
        scenario, station, servers, utilisation (share of open hours), wait_hours, wait_p95_hours.
    """
    rows = []
    for one in comparison.results:
        frame = one.by_station.pivot(index="station", columns="measure", values="mean")
        for station in one.scenario.stations:
            of_it = frame.loc[station.name]
            rows.append(
                {
                    "scenario": one.scenario.name,
                    "station": station.name,
                    "servers": station.servers,
                    "utilisation": float(of_it["utilisation"]),
                    "wait_hours": float(of_it["wait"]) * 24,
                    "wait_p95_hours": float(of_it["wait_p95"]) * 24,
                }
            )
    return pd.DataFrame(rows)


def promised_same_day(flow: OrderFlow, warehouse: Warehouse, cut_off: float | None = None) -> float:
    """Share of orders that are promised for the day on which they come."""
    hour = warehouse.cut_off if cut_off is None else cut_off
    whole = int(hour)
    by_then = float(flow.by_hour[:whole].sum()) + (hour - whole) * float(flow.by_hour[whole])
    return by_then * len(warehouse.working_days) / PERIOD_DAYS


def said_order_changes(comparison: OrderComparison) -> list[str]:
    """What is different, in words; empty where nothing is."""
    changes, warehouse = comparison.changes, comparison.warehouse
    factors = {name: getattr(changes, name) for name in ("orders", "capacity", "returns")}
    said = [f"{name} × {factor:g}" for name, factor in factors.items() if factor != 1]
    if changes.cut_off is not None and changes.cut_off != warehouse.cut_off:
        said.append(f"the cut-off at {changes.cut_off:g}:00 instead of {warehouse.cut_off:g}:00")
    if changes.closes is not None and changes.closes != warehouse.closes:
        said.append(f"work and pick-up until {changes.closes:g}:00 instead of {warehouse.closes:g}:00")
    return said


def orders_headline(comparison: OrderComparison) -> str:
    """What the change comes to, in a sentence or two."""
    table = orders_table(comparison).set_index("measure")
    kept, took = table.loc[KEPT], table.loc["days to the customer"]
    flow, warehouse, said = comparison.flow, comparison.warehouse, said_order_changes(comparison)
    before = promised_same_day(flow, warehouse)
    if not said:
        return (
            f"As it is, {kept.base:.1%} of the promises to customers of {flow.site} are kept"
            f" (± {kept.base_half_width * 100:.1f} points) and {before:.0%} of orders are promised for the same day."
            " Change something to see what it does."
        )
    after = promised_same_day(flow, warehouse, comparison.changes.cut_off)
    same_day = f" The same day is promised to {after:.0%} of orders instead of {before:.0%}." if after != before else ""
    luck = "" if abs(kept.difference) > kept.half_width else ", no more than luck may bring"
    return (
        f"With {', '.join(said)}, promises kept go from {kept.base:.1%} to {kept.changed:.1%}"
        f" ({kept.difference * 100:+.1f} ± {kept.half_width * 100:.1f} points{luck}); an order takes"
        f" {took.changed:.1f} days instead of {took.base:.1f}.{same_day}"
    )
