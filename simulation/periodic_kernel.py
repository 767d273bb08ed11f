"""Scenarios in which everything happens at midnight, run day by day: the fastest of the three executors.

Stock points are independent of each other here, so that any number of threads, and any subset of SKUs or
replications, comes to the same numbers, which are those of the event executors too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple
from weakref import ReferenceType, ref

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.periodic_arrays import (
    ASKED,
    BACKORDERS,
    POLICY_KIND,
    PeriodicArrays,
    not_periodic_policy,
    periodic_arrays,
    policy_arrays,
)
from simulation.periodic_points import run_points
from simulation.periodic_policies import run_asking
from simulation.periodic_state import (
    BACKORDERED,
    BACKORDERED_TICKS,
    CYCLES,
    DEMAND,
    DEMAND_EVENTS,
    IN_STOCK_TICKS,
    NO_BACKORDER_TICKS,
    NOT_FILLED,
    NOT_FILLED_EVENTS,
    ON_HAND,
    ON_HAND_TICKS,
    ON_ORDER,
    ON_ORDER_TICKS,
    ORDERED,
    ORDERS,
    RECEIVED,
    SERVED_LATE,
    SHORT_CYCLES,
    SPOILED,
    STATE_WIDTH,
    WAIT,
    UnitArray,
    World,
)
from simulation.scenario import TICKS_PER_DAY, Policy, Scenario, StockPoint
from simulation.tallies import (
    POINT_FIELDS,
    DailySeries,
    PointTallies,
    Tallies,
    empty_tallies,
)

CELLS_AT_ONCE = 20_000_000
"""Points × replications × days between two moments at which a run can be broken off."""


def run_periodic(
    scenario: Scenario,
    *,
    days: float,
    replications: int,
    seed: int,
    warm_up_days: float = 0.0,
    first_replication: int = 0,
    daily: bool = False,
    threads: int = 1,
) -> Tallies:
    """Run a scenario in which everything happens at midnight.

    Args:
        scenario: One of which `not_periodic` says nothing.
        days: Length of a replication, the warm-up included.
        replications: How many.
        seed: Of the luck.
        warm_up_days: What is left out of the sums, from the start.
        first_replication: Number of the first; replications 0 to 9 and 10 to 19 are together 0 to 19.
        daily: Whether to keep the states by day.
        threads: How many work side by side; the numbers do not depend on it.

    Returns:
        Sums by replication and stock point.

    Raises:
        ValueError: the scenario is not periodic, or days, replications, warm-up or threads out of range.
    """
    if (why := not_periodic(scenario)) is not None:
        raise ValueError(f"scenario {scenario.name!r} is not periodic: {why}")
    _check_run(days, replications, warm_up_days, first_replication, threads)
    arrays = _prepared(scenario, draws_per_point=int(days) * replications)
    tallies = run_periodic_arrays(
        arrays,
        policy_arrays([point.policy for point in scenario.points]),
        days=days,
        replications=replications,
        seed=seed,
        warm_up_days=warm_up_days,
        first_replication=first_replication,
        daily=daily,
        threads=threads,
        asked={place: point.policy for place, point in enumerate(scenario.points) if point.policy.kind == "callable"},
    )
    return _with_idle_stations(tallies, len(scenario.stations)) if scenario.stations else tallies


def run_periodic_arrays(
    arrays: PeriodicArrays,
    policies: IntArray,
    *,
    days: float,
    replications: int,
    seed: int,
    warm_up_days: float = 0.0,
    first_replication: int = 0,
    daily: bool = False,
    threads: int = 1,
    asked: Mapping[int, Policy] = MappingProxyType({}),
) -> Tallies:
    """Run stock points that were made into arrays before, under policies of their own.

    Args:
        arrays: Of `periodic_arrays`.
        policies: Of `policy_arrays`, one row for each point.
        days, replications, seed, warm_up_days, first_replication, daily, threads: As for `run_periodic`.
        asked: Those policies that are Python functions, by position of their point.

    Raises:
        ValueError: another number of policies than points, a Python function that is missing in `asked`, or what
            `run_periodic` refuses.
    """
    if len(policies) != len(arrays):
        raise ValueError(f"policies must have a row for each of the {len(arrays)} stock points, got {len(policies)}")
    if missing := set(np.flatnonzero(policies[:, POLICY_KIND] == ASKED).tolist()) ^ set(asked):
        raise ValueError(f"asked must hold the policies that are Python functions, got others at positions {missing}")
    _check_run(days, replications, warm_up_days, first_replication, threads)
    world = World(
        arrays.columns,
        arrays.unit_cost,
        arrays.pipeline,
        arrays.break_units,
        arrays.break_cost,
        arrays.path_units,
        arrays.outages,
        arrays.table,
        arrays.steps,
        policies,
        arrays.keys(seed),
        int(days * TICKS_PER_DAY + 0.5),
        int(warm_up_days * TICKS_PER_DAY + 0.5),
    )
    points, whole_days = len(arrays), int(days)
    sums = np.empty((STATE_WIDTH, replications, points), dtype=np.int64)
    cost = np.empty((replications, points))
    series = np.zeros((5, replications, whole_days if daily else 0, points), dtype=np.int32)

    def work(span: tuple[int, int]) -> None:
        run_points(world, *span, first_replication, sums, cost, series)

    spans = list(_spans(points, max(1, CELLS_AT_ONCE // max(1, replications * (whole_days + 1))), threads))
    if threads == 1:
        for span in spans:
            work(span)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, spans))
    run_asking(world, arrays, asked, first_replication, sums, cost, series)
    return _tallies(arrays, sums, cost, series if daily else None, days - warm_up_days, first_replication)


def not_periodic(scenario: Scenario) -> str | None:
    """Why the periodic kernel cannot run a scenario, in one sentence; None where it can."""
    if scenario.streams:
        return f"order stream {scenario.streams[0].name!r} brings orders one by one."
    sites = {point.site for point in scenario.points}
    sources = {point.source for point in scenario.points}
    for outage in scenario.outages:
        if outage.place in sources and not float(outage.end_day).is_integer():
            return f"the outage of {outage.place!r} ends between two midnights, on day {outage.end_day:g}."
    for point in scenario.points:
        if (why := _not_periodic_point(point, sites)) is not None:
            return f"{point.sku!r} at {point.site!r} {why}."
    return None


def _not_periodic_point(point: StockPoint, sites: set[str]) -> str | None:
    lead_time = point.lead_time
    if point.source in sites:
        return f"is supplied by the site {point.source!r}, whose stock it shares with others"
    if point.demand.kind in ("renewal", "events"):
        return "has demand between midnights"
    if point.patience is not None and point.on_shortage == "backorder":
        return "has customers whose patience ends"
    if not point.whole_day_lead_time and not (lead_time.whole and lead_time.least >= 1):
        return "has lead times that are not whole days of at least one"
    if point.pipeline and not all(float(day).is_integer() for day, _ in point.pipeline):
        return "has goods under way that arrive between midnights"
    if not float(point.shelf_life_days).is_integer():
        return "has a shelf life that is not whole days"
    return not_periodic_policy(point.policy)


class _Prepared(NamedTuple):
    """The last scenario's arrays, since a run is often made in parts: a few replications at a time."""

    scenario: ReferenceType[Scenario]
    draws_per_point: int
    arrays: PeriodicArrays


_last: list[_Prepared] = []


def _prepared(scenario: Scenario, *, draws_per_point: int) -> PeriodicArrays:
    """A scenario's arrays, those made before where they do; which they are changes no number."""
    for made in _last[:]:
        if made.scenario() is scenario and draws_per_point <= 4 * made.draws_per_point:
            return made.arrays
    arrays = periodic_arrays(scenario.points, scenario.outages, draws_per_point=draws_per_point)
    _last[:] = [_Prepared(ref(scenario), draws_per_point, arrays)]
    return arrays


def _check_run(days: float, replications: int, warm_up_days: float, first_replication: int, threads: int) -> None:
    if not 0 < days < np.inf:
        raise ValueError(f"days must be above 0, got {days}")
    if not 0 <= warm_up_days < days:
        raise ValueError(f"warm_up_days must be at least 0 and below the {days:g} days of the run, got {warm_up_days}")
    if replications < 1:
        raise ValueError(f"replications must be at least 1, got {replications}")
    if not 0 <= first_replication <= 2**32 - replications:
        raise ValueError(f"first_replication must lie between 0 and {2**32 - replications}, got {first_replication}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")


def _spans(points: int, most: int, threads: int) -> Iterator[tuple[int, int]]:
    """Points in runs of a length at most, several for each thread."""
    length = max(1, min(most, points if threads == 1 else -(-points // (4 * threads))))
    for first in range(0, points, length):
        yield first, min(first + length, points)


_FIELDS = {
    "demand": DEMAND,
    "demand_events": DEMAND_EVENTS,
    "served_late": SERVED_LATE,
    "wait": WAIT,
    "orders": ORDERS,
    "ordered": ORDERED,
    "received": RECEIVED,
    "spoiled": SPOILED,
    "cycles": CYCLES,
    "stock_out_cycles": SHORT_CYCLES,
    "on_hand_ticks": ON_HAND_TICKS,
    "on_order_ticks": ON_ORDER_TICKS,
    "backordered_ticks": BACKORDERED_TICKS,
    "in_stock_ticks": IN_STOCK_TICKS,
    "no_backorder_ticks": NO_BACKORDER_TICKS,
    "on_hand_end": ON_HAND,
    "on_order_end": ON_ORDER,
    "backordered_end": BACKORDERED,
}


def _tallies(
    arrays: PeriodicArrays, sums: IntArray, cost: FloatArray, series: UnitArray | None, days: float, first: int
) -> Tallies:
    replications, points = cost.shape
    nothing = empty_tallies(replications, 0, 0, 0, days=days, first=first)
    zeros = np.zeros((replications, points), dtype=np.int64)
    known = {name: sums[row] for name, row in _FIELDS.items()}
    known["filled"] = sums[DEMAND] - sums[NOT_FILLED]
    known["filled_events"] = sums[DEMAND_EVENTS] - sums[NOT_FILLED_EVENTS]
    known["lost"] = np.where(arrays.columns[:, BACKORDERS] != 0, 0, sums[NOT_FILLED])
    by_point = PointTallies(**{name: known.get(name, zeros) for name in POINT_FIELDS})
    return Tallies(days, first, by_point, nothing.streams, nothing.stations, cost, _daily(series))


def _with_idle_stations(tallies: Tallies, stations: int) -> Tallies:
    """The same with stations at which nobody works, since no order comes."""
    nothing = empty_tallies(
        tallies.replications, 0, 0, stations, days=tallies.days, first=tallies.first_replication
    ).stations
    if (daily := tallies.daily) is not None:
        empty = np.zeros((*daily.on_hand.shape[:2], stations), dtype=np.int64)
        daily = replace(daily, in_queue=empty, in_service=empty)
    return replace(tallies, stations=nothing, daily=daily)


def _daily(series: UnitArray | None) -> DailySeries | None:
    if series is None:
        return None
    on_hand, on_order, backordered, demand, filled = series.astype(np.int64)
    nothing = np.zeros((*on_hand.shape[:2], 0), dtype=np.int64)
    return DailySeries(on_hand, on_order, backordered, nothing, nothing, demand, filled)
