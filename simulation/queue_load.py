"""How much of what a station can do its orders ask for: at 1 and above its queue grows without end."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simulation.distributions import Distribution
from simulation.scenario import Calendar, OrderStream, Scenario, Station

if TYPE_CHECKING:
    import pandas as pd

ALMOST = 1e-12
"""Loads this close below 1 are 1 that was rounded."""


class UnstableQueueWarning(UserWarning):
    """A station is asked for more than it can do; what is measured there depends on how long is simulated."""


class StationLoad(NamedTuple):
    """What a station is asked for, in the long run.

    Attributes:
        station: Its name.
        arrivals_per_day: Jobs a day: orders × visits.
        work_per_day: Working time asked for, server-days a day.
        capacity_per_day: What its servers can work: servers × share of open time × share of time not broken down.
        load: work / capacity.
    """

    station: str
    arrivals_per_day: float
    work_per_day: float
    capacity_per_day: float
    load: float


def station_loads(scenario: Scenario) -> pd.DataFrame:
    """Offered load of each station: a row for each, columns as in `StationLoad`.

    Jobs are counted as if every order came whole, in one parcel: an order begins its route 1 / (1 − rework
    probability) times and is sent 1 / (1 − loss probability) times, and joins its inspection with its return
    probability. Orders to be cancelled are not taken off, nor are outages.
    """
    import pandas as pd

    return pd.DataFrame(loads(scenario), columns=list(StationLoad._fields))


def warn_of_unstable_queues(scenario: Scenario, *, stacklevel: int = 2) -> None:
    """Warn of each station whose load is 1 or more and whose queue has no limit.

    Args:
        scenario: With stations, perhaps.
        stacklevel: Whose line the warning is about: 2 the caller's, 3 that of its caller, as for `warnings.warn`.
    """
    limits = {station.name: station.queue_limit for station in scenario.stations}
    for one in loads(scenario):
        if one.load >= 1 - ALMOST and limits[one.station] < 0:
            warnings.warn(
                f"station {one.station} is asked for {one.load:.3g} times what it can do ({one.arrivals_per_day:.4g} "
                f"jobs a day with {one.work_per_day:.3g} days of work, of a capacity of {one.capacity_per_day:.3g}): "
                "its queue grows as long as orders come",
                UnstableQueueWarning,
                stacklevel=stacklevel,
            )


def loads(scenario: Scenario) -> list[StationLoad]:
    """Load of each station, in their order."""
    jobs = {station.name: 0.0 for station in scenario.stations}
    units = dict(jobs)
    for stream in scenario.streams:
        of_order = mean_whole(stream.lines, 0) * mean_whole(stream.units, 1)
        for name, rate in job_rates(scenario, stream):
            jobs[name] += rate
            units[name] += rate * of_order
    return [_load(station, jobs[station.name], units[station.name]) for station in scenario.stations]


def job_rates(scenario: Scenario, stream: OrderStream) -> list[tuple[str, float]]:
    """(station, jobs a day) that a stream brings, a station as often as it is on the way."""
    orders = open_share(stream.hours) / stream.interarrival.mean
    lost = {carrier.name: carrier.loss_probability for carrier in scenario.carriers}.get(stream.carrier, 0.0)
    rate = orders / (1 - lost) / (1 - stream.rework_probability)
    inspected = [(stream.returns.station, orders * stream.returns.probability)] if stream.returns.station else []
    return [(name, rate) for name in stream.route] + inspected


def _load(station: Station, jobs: float, units: float) -> StationLoad:
    work = jobs * station.service.mean + units * station.per_unit
    capacity = station.servers * open_share(station.calendar) * up_share(station)
    return StationLoad(station.name, jobs, work, capacity, work / capacity)


def open_share(calendar: Calendar) -> float:
    """Share of a week that is open."""
    if calendar.shifts is None:
        return 1.0
    return sum(closes - opens for _, opens, closes in calendar.shifts) / 7


def up_share(station: Station) -> float:
    """Share of time that the station is not broken down."""
    if station.breakdowns is None:
        return 1.0
    up, down = station.breakdowns.time_between.mean, station.breakdowns.repair.mean
    return up / (up + down)


def mean_whole(distribution: Distribution, least: int) -> float:
    """Mean of what is drawn, rounded to whole numbers and raised to at least that many.

    Exact where the values are whole and high enough; otherwise to about a thousandth.
    """
    if distribution.whole and distribution.least >= least:
        return distribution.mean
    if distribution.kind in ("constant", "discrete", "empirical"):
        values = np.array(distribution.values or distribution.parameters)
        chances = np.array(distribution.chances or (1.0,))
    else:
        values = distribution.quantiles((np.arange(4096) + 0.5) / 4096)
        chances = np.full(4096, 1 / 4096)
    return float(np.maximum(np.floor(values + 0.5), least) @ chances)
