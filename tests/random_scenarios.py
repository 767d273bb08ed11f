"""Small scenarios of every kind, for tests of agreement between executors and of invariants.

`random_scenario` makes one from a `random.Random`, in under a millisecond: for loops over hundreds of them, numbered
by the seed. `scenarios()` is the same as a hypothesis strategy, which shrinks what fails and takes ten times as long.

Times are mostly multiples of a quarter of a day, so that many events fall on the same tick, where the order of events
matters most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from simulation.distributions import (
    Distribution,
    constant,
    discrete,
    exponential,
    gamma,
    hyperexponential,
    poisson,
    triangular,
    uniform,
)
from simulation.scenario import (
    ALWAYS_OPEN,
    Breakdowns,
    Calendar,
    Carrier,
    Demand,
    OrderStream,
    Outage,
    Policy,
    Returns,
    Scenario,
    Site,
    Station,
    StockPoint,
)

CompiledPolicy = Callable[..., object]

CHANCES = (0.0, 0.25, 0.6, 1.0)
LOW_CHANCES = (0.0, 0.2, 0.5)
CONTINUOUS = (
    exponential(0.5),
    uniform(0.25, 1.5),
    triangular(0.2, 0.4, 1.5),
    gamma(0.7, 0.3),
    hyperexponential((0.4, 0.6), (0.2, 0.9)),
)
SIZES = (
    constant(1),
    constant(3),
    poisson(1.5),
    discrete((0, 1, 4), (0.3, 0.5, 0.2)),
    discrete((1, 2, 6), (0.5, 0.3, 0.2)),
)
INTERARRIVALS = (
    constant(0.5),
    constant(0.75),
    exponential(0.4),
    discrete((0, 0.5, 1), (0.3, 0.4, 0.3)),
    gamma(0.6, 0.4),
)
OFFICE_HOURS = Calendar(tuple((day, 0.25, 0.75) for day in range(5)))
NIGHTS = Calendar(tuple((day, opens, opens + 0.25) for day in range(7) for opens in (0.0, 0.75)))
CALENDARS = (ALWAYS_OPEN, ALWAYS_OPEN, OFFICE_HOURS, NIGHTS)
PICKUPS = ((), tuple((day, 0.75) for day in range(5)), ((1, 0.0), (4, 0.5)))


def scenario_of(number: int, compiled: CompiledPolicy | None = None) -> Scenario:
    """The random scenario of this number."""
    return random_scenario(Random(number), compiled)


def run_of(number: int) -> dict[str, Any]:
    """What an executor is called with for that scenario."""
    return random_run(Random(-1 - number))


def daily_scenario_of(number: int) -> Scenario:
    """A random scenario in which everything happens at midnight: what the periodic kernel runs, too."""
    random = Random(number)
    points = tuple(_midnight_point(random, sku) for sku in ("a", "b", "c")[: random.randint(1, 3)])
    starts = random.sample((0.0, 3.0, 6.5), random.randint(0, 2))
    outages = tuple(Outage("mill", start, int(start) + random.randint(1, 3)) for start in starts)
    rationing = random.choice((Site("site"), Site("site", "rationing")))
    return Scenario(points=points, outages=outages, sites=(rationing,))


def daily_run_of(number: int) -> dict[str, Any]:
    """What an executor is called with for that scenario: whole days."""
    run = run_of(number)
    return {**run, "days": int(run["days"]), "warm_up_days": int(run["warm_up_days"])}


def scenarios(compiled: CompiledPolicy | None = None) -> st.SearchStrategy[Scenario]:
    """Random scenarios that shrink."""
    return st.randoms(use_true_random=False).map(lambda random: random_scenario(random, compiled))


def runs() -> st.SearchStrategy[dict[str, Any]]:
    """What an executor is called with, beside the scenario."""
    return st.randoms(use_true_random=False).map(random_run)


def random_run(random: Random) -> dict[str, Any]:
    """Days, warm-up, replications and seed."""
    return {
        "days": random.choice((6, 9.5, 14)),
        "warm_up_days": random.choice((0.0, 0.0, 2.0, 2.25)),
        "replications": random.randint(1, 2),
        "first_replication": random.choice((0, 3)),
        "seed": random.randint(0, 10),
    }


def random_scenario(random: Random, compiled: CompiledPolicy | None = None) -> Scenario:
    """Stock alone, stations alone, or both; a warehouse and perhaps shops that it supplies.

    Args:
        random: What decides.
        compiled: A compiled policy that some points shall have; its parameters are 4 and 9.
    """
    points = _points(random, compiled)
    names = ("pick", "pack")[: random.randint(0, 2)]
    streams = [
        _stream(random, name, site, [point.sku for point in points if point.site == site], names)
        for name, site in (("web", "dc"), ("shop", "north"))[: random.randint(0 if points else 1, 2)]
    ]
    sites = sorted({point.site for point in points} | {stream.site for stream in streams})
    places = sorted({*sites, *names, *(point.source for point in points)})
    return Scenario(
        points=tuple(random.sample(points, len(points))),
        sites=tuple(Site(site, random.choice(("fifo", "priority", "rationing"))) for site in sites),
        streams=tuple(streams),
        stations=tuple(_station(random, name) for name in names),
        carriers=(_carrier(random),),
        outages=tuple(_outage(random, places) for _ in range(random.randint(0, 2))),
        first_weekday=random.randint(0, 6),
    )


def _points(random: Random, compiled: CompiledPolicy | None) -> list[StockPoint]:
    skus = ("a", "b", "c")[: random.choice((0, 1, 1, 2, 3))]
    points = [_point(random, sku, "dc", random.choice(("far", "near")), compiled) for sku in skus]
    for site in ("north", "south")[: random.randint(0, 2)]:
        source = random.choice(("dc", "dc", "near"))
        points += [_point(random, sku, site, source, compiled) for sku in skus[:2]]
    return points


def _point(random: Random, sku: str, site: str, source: str, compiled: CompiledPolicy | None) -> StockPoint:
    return StockPoint(
        sku,
        site,
        source,
        on_hand=random.randint(0, 15),
        pipeline=tuple((_days(random, 12), random.randint(1, 6)) for _ in range(random.randint(0, 2))),
        demand=_demand(random),
        policy=_policy(random, compiled),
        lead_time=_duration(random, most_quarters=12),
        whole_day_lead_time=random.random() < 0.5,
        pack_size=random.choice((1, 1, 4)),
        moq=random.choice((0, 0, 6)),
        on_shortage=random.choice(("lost", "backorder", "backorder")),
        patience=random.choice((None, _duration(random))),
        reserve=random.choice((0, 2, 4)),
        shelf_life_days=random.choice((0.0, 0.0, 0.0, 1.0, 2.5)),
        yield_rate=random.choice((None, None, uniform(0.5, 1.0), discrete((0.0, 0.5, 1.0), (0.2, 0.3, 0.5)))),
        unit_cost=random.choice((0.0, 2.5)),
        price_breaks=random.choice(((), ((4, 2.0), (8, 1.1)))),
    )


def _midnight_point(random: Random, sku: str) -> StockPoint:
    point = _point(random, sku, "site", "mill", None)
    return replace(
        point,
        demand=_demand(random, ("none", "daily", "daily", "paths")),
        pipeline=tuple((float(int(day)), units) for day, units in point.pipeline),
        policy=replace(
            point.policy,
            review_period_days=float(int(point.policy.review_period_days)),
            first_review_day=float(int(point.policy.first_review_day)),
        ),
        whole_day_lead_time=True,
        patience=None,
        shelf_life_days=float(int(point.shelf_life_days)),
    )


def _demand(
    random: Random, kinds: Sequence[str] = ("none", "renewal", "renewal", "daily", "paths", "events")
) -> Demand:
    kind = random.choice(kinds)
    match kind:
        case "renewal":
            return Demand("renewal", interarrival=random.choice(INTERARRIVALS), size=random.choice(SIZES))
        case "daily":
            return Demand("daily", size=random.choice(SIZES))
        case "paths":
            shape = random.randint(1, 2), 6
            return Demand("paths", paths=np.array([[random.randint(0, 4) for _ in range(6)] for _ in range(shape[0])]))
        case "events":
            times = sorted(_days(random, 40) for _ in range(random.randint(0, 12)))
            quantities = np.array([random.randint(0, 5) for _ in times], dtype=np.int64)
            return Demand("events", times=np.array(times, dtype=float), quantities=quantities)
    return Demand()


def _policy(random: Random, compiled: CompiledPolicy | None) -> Policy:
    """Continuous or periodic review, by quantity or up to a level; seldom none."""
    kind = random.choice(("reorder",) * 6 + ("none", "compiled"))
    period, first = random.choice((0.0, 0.0, 0.5, 1.0, 1.3, 3.0)), random.choice((0.0, 0.25, 1.0))
    if kind == "none":
        return Policy()
    if kind == "compiled" and compiled is not None:
        return Policy("compiled", "own", 0, 0, 0, period, first, parameters=(4.0, 9.0), function=compiled)
    reorder_point = random.randint(-1, 8)
    level = reorder_point + random.randint(0, 8)
    return Policy("reorder", "rule", reorder_point, level, random.choice((0, 0, 1, 5)), period, first)


def _station(random: Random, name: str) -> Station:
    return Station(
        name,
        servers=random.randint(1, 2),
        service=_duration(random, most_quarters=3),
        per_unit=random.choice((0.0, 0.0, 0.05)),
        queue_limit=random.choice((-1, -1, 0, 1, 3)),
        calendar=random.choice(CALENDARS),
        breakdowns=random.choice(
            (None, None, Breakdowns(_duration(random, least_quarters=2), _duration(random, most_quarters=4)))
        ),
    )


def _carrier(random: Random) -> Carrier:
    return Carrier(
        "van",
        pickups=random.choice(PICKUPS),
        transit=_duration(random),
        delay_probability=random.choice(CHANCES),
        delay=_duration(random),
        loss_probability=random.choice(LOW_CHANCES),
        promised_days=random.choice((0.0, 1.0, 1.5)),
    )


def _stream(random: Random, name: str, site: str, skus: Sequence[str], stations: Sequence[str]) -> OrderStream:
    """Orders for what the site holds, through some of the stations, some of them twice."""
    return OrderStream(
        name,
        random.choice(INTERARRIVALS),
        site=site,
        hours=random.choice(CALENDARS),
        skus=tuple(random.sample(skus, len(skus))),
        weights=tuple(random.choice((1.0, 0.5, 3.0)) for _ in skus),
        lines=random.choice((constant(1), constant(2), poisson(1.5))) if skus else constant(0),
        units=random.choice(SIZES),
        priority=random.randint(0, 2),
        ship_complete=random.random() < 0.5,
        route=tuple(random.choice(stations) for _ in range(random.randint(0, 3) if stations else 0)),
        limit=random.choice((0, 0, 5)),
        rework_probability=random.choice(LOW_CHANCES),
        carrier=random.choice(("", "van")),
        cut_off=random.choice((None, 0.5, 0.25)),
        working_days=random.choice(((0, 1, 2, 3, 4), (5,), (0, 2, 6))),
        returns=Returns(
            probability=random.choice(CHANCES),
            delay=_duration(random),
            station=random.choice(("", *stations)),
            restock_probability=random.choice(CHANCES),
        ),
    )


def _outage(random: Random, places: Sequence[str]) -> Outage:
    start = _days(random, 12)
    return Outage(random.choice(places), start, start + random.choice((0.5, 1.0, 4.0)))


def _duration(random: Random, *, least_quarters: int = 0, most_quarters: int = 8) -> Distribution:
    """About a day: a constant, a choice of two values, or something continuous."""
    days = random.randint(least_quarters, most_quarters) / 4
    return random.choice((constant(days), discrete((days, days + 0.5), (0.5, 0.5)), random.choice(CONTINUOUS)))


def _days(random: Random, most_quarters: int) -> float:
    return random.randint(0, most_quarters) / 4
