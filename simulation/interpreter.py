"""The plain interpreter: every rule of docs/simulation/rules.md in plain Python, event by event.

It is what the compiled executors are tested against, and runs what they cannot: policies that are Python callables on
scenarios of events, and numbers handed in by whoever replays another program's. A hundred times slower than they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulation.arrays import IntArray
from simulation.calendars import OpenTime, open_intervals, outages_of
from simulation.interpreter_agenda import Agenda, Luck, Rank, Uniforms, World, ticks_of
from simulation.interpreter_orders import Stream
from simulation.interpreter_stations import Station
from simulation.interpreter_stock import Point, by_day
from simulation.scenario import TICKS_PER_DAY, Scenario
from simulation.scenario import Station as StationSpec
from simulation.tallies import DailySeries, EventLog, Tallies, empty_tallies

_LOG_COLUMNS = ("replication", "tick", "event", "place", "number", "units", "level")


def run_plain(
    scenario: Scenario,
    *,
    days: float,
    replications: int,
    seed: int,
    warm_up_days: float = 0.0,
    first_replication: int = 0,
    daily: bool = False,
    log: bool = False,
    uniforms: Uniforms | None = None,
) -> Tallies:
    """Replications of any scenario, in plain Python.

    Args:
        scenario: The world.
        days: From day 0 to the end of the run, the warm-up included; above 0.
        replications: How many, at least 1.
        seed: Of the random numbers.
        warm_up_days: After these the sums begin anew; at least 0, below `days`.
        first_replication: Number of the first replication, at least 0.
        daily: Keep the state at the end of each whole day.
        log: Keep the event log.
        uniforms: Called for each random number in place of the addressed ones, as (purpose, node, entity, draw,
            replication), in the order in which they are needed (see Luck in docs/simulation/rules.md); gives a number
            strictly between 0 and 1.

    Raises:
        ValueError: days, replications or warm-up out of range, or a policy that answers with no whole units.
    """
    if days <= 0 or not 0 <= warm_up_days < days:
        raise ValueError(f"days must be above 0 and warm_up_days from 0 to below them, got {days} and {warm_up_days}")
    if replications < 1:
        raise ValueError(f"replications must be at least 1, got {replications}")
    if first_replication < 0:
        raise ValueError(f"first_replication must be at least 0, got {first_replication}")
    tallies = empty_tallies(
        replications,
        len(scenario.points),
        len(scenario.streams),
        len(scenario.stations),
        days=days - warm_up_days,
        first=first_replication,
    )
    series = _empty_series(scenario, replications, int(days)) if daily else None
    rows: list[tuple[int, ...]] = []
    for replication in range(replications):
        luck = Luck(seed, first_replication + replication, uniforms)
        run = Replication(scenario, luck, end=ticks_of(days), log=log)
        run.run(warm_up_end=ticks_of(warm_up_days), days=int(days))
        run.write(tallies, replication)
        if series is not None:
            run.write_days(series, replication)
        rows += run.world.rows
    return replace(tallies, daily=series, log=_event_log(rows) if log else None)


class Replication:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, luck: Luck, *, end: int, log: bool) -> None:
        outages: dict[str, list[tuple[int, int]]] = {}
        for outage in scenario.outages:
            outages.setdefault(outage.place, []).append((ticks_of(outage.start_day), ticks_of(outage.end_day)))
        self.world = World(Agenda(), luck, outages, len(scenario.streams), keeps_log=log)
        self._scenario = scenario
        self._end = end
        self._points = self._make_points()
        self._stations = [self._make_station(position) for position in range(len(scenario.stations))]
        self._streams = self._make_streams()
        self._states: list[tuple[list[tuple[int, int, int]], list[tuple[int, int]]]] = []

    def _make_points(self) -> list[Point]:
        scenario = self._scenario
        allocations = {site.name: site.allocation for site in scenario.sites}
        points = [
            Point(spec, position, allocations.get(spec.site, "fifo"), self.world)
            for position, spec in enumerate(scenario.points)
        ]
        by_name = {(point.spec.sku, point.spec.site): point for point in points}
        for point in points:
            point.source = by_name.get((point.spec.sku, point.spec.source))
        return points

    def _make_station(self, position: int) -> Station:
        spec = self._scenario.stations[position]
        return Station(spec, position, self._working_time(spec), self.world)

    def _working_time(self, spec: StationSpec) -> OpenTime:
        outages = outages_of(spec.name, self._scenario.outages)
        downtimes = self._downtimes(spec)
        return open_intervals(spec.calendar, outages, downtimes, self._scenario.first_weekday, self._end)

    def _downtimes(self, spec: StationSpec) -> IntArray | None:
        """When a station breaks down, and when it is repaired, shape (breakdown, 2)."""
        if spec.breakdowns is None:
            return None
        luck, repaired = self.world.luck, 0
        downtimes: list[tuple[int, int]] = []
        while True:
            number = len(downtimes)
            fails = repaired + luck.ticks(spec.breakdowns.time_between, "time between", spec.name, 0, number)
            if fails > self._end:
                return np.array(downtimes, dtype=np.int64).reshape(-1, 2)
            repaired = fails + luck.ticks(spec.breakdowns.repair, "repair", spec.name, 0, number)
            downtimes.append((fails, repaired))

    def _make_streams(self) -> list[Stream]:
        scenario = self._scenario
        points = {(point.spec.sku, point.spec.site): point for point in self._points}
        stations = {station.spec.name: station for station in self._stations}
        carriers = {carrier.name: carrier for carrier in scenario.carriers}
        return [
            Stream(
                spec,
                position,
                points=points,
                stations=stations,
                carrier=carriers[spec.carrier] if spec.carrier else None,
                hours=open_intervals(spec.hours, (), None, scenario.first_weekday, self._end),
                world=self.world,
                first_weekday=scenario.first_weekday,
            )
            for position, spec in enumerate(scenario.streams)
        ]

    def run(self, *, warm_up_end: int, days: int) -> None:
        """From day 0 to the end."""
        agenda = self.world.agenda
        for day in range(1, days + 1):
            agenda.at(day * TICKS_PER_DAY, Rank.END_OF_DAY, 0, self._note_state)
        if warm_up_end > 0:
            agenda.at(warm_up_end, Rank.END_OF_DAY, 0, self._end_warm_up)
        for point in self._points:
            point.start()
        for stream in self._streams:
            stream.plan_next_order(0)
        agenda.run_until(self._end)

    def _note_state(self) -> None:
        points = [(point.on_hand, point.on_order, point.backordered) for point in self._points]
        stations = [(station.in_queue, station.in_hand) for station in self._stations]
        self._states.append((points, stations))

    def _end_warm_up(self) -> None:
        for point in self._points:
            point.end_warm_up()
        for station in self._stations:
            station.end_warm_up()
        for stream in self._streams:
            stream.sums.reset()

    def write(self, tallies: Tallies, replication: int) -> None:
        """Put the sums in their places."""
        for position, point in enumerate(self._points):
            point.write(tallies.points, replication)
            tallies.purchase_cost[replication, position] = point.purchase_cost
        for stream in self._streams:
            stream.write(tallies.streams, replication)
        for station in self._stations:
            station.write(tallies.stations, tallies.stations.wait_histogram, replication)

    def write_days(self, series: DailySeries, replication: int) -> None:
        """Put the states of the days in their places."""
        for day, (points, stations) in enumerate(self._states):
            for position, state in enumerate(points):
                for name, units in zip(("on_hand", "on_order", "backordered"), state, strict=True):
                    getattr(series, name)[replication, day, position] = units
            for position, (in_queue, in_hand) in enumerate(stations):
                series.in_queue[replication, day, position] = in_queue
                series.in_service[replication, day, position] = in_hand
        for position, point in enumerate(self._points):
            series.demand[replication, :, position] = by_day(point.demand_by_day, len(self._states))
            series.filled[replication, :, position] = by_day(point.filled_by_day, len(self._states))


def _empty_series(scenario: Scenario, replications: int, days: int) -> DailySeries:
    points, stations = (replications, days, len(scenario.points)), (replications, days, len(scenario.stations))
    shapes = dict.fromkeys(("on_hand", "on_order", "backordered", "demand", "filled"), points)
    shapes |= dict.fromkeys(("in_queue", "in_service"), stations)
    return DailySeries(**{name: np.zeros(shape, dtype=np.int64) for name, shape in shapes.items()})


def _event_log(rows: list[tuple[int, ...]]) -> EventLog:
    columns = np.array(rows, dtype=np.int64).reshape(-1, len(_LOG_COLUMNS)).T
    return EventLog(**{name: column.copy() for name, column in zip(_LOG_COLUMNS, columns, strict=True)})
