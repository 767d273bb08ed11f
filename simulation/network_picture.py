"""Where suppliers, sites, pipelines and stations stand in a picture of the network, and what they hold by day."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.scenario import Scenario

if TYPE_CHECKING:
    from simulation.results import SimulationResult


@dataclass(frozen=True, eq=False)
class NetworkPicture:
    """Things in a plane and what they hold at the end of each day.

    Attributes:
        name, kind, x, y: Of each thing; kinds are "supplier", "on hand", "under way", "backordered" and "jobs".
        amounts: Units or jobs, shape (day, thing).
        edges: ((x, x′), (y, y′)) of each line between two things.
    """

    name: tuple[str, ...]
    kind: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    amounts: FloatArray
    edges: tuple[tuple[tuple[float, float], tuple[float, float]], ...]

    @property
    def kinds(self) -> list[str]:
        """Those there are, in the order of legends."""
        return list(dict.fromkeys(self.kind))

    @property
    def most(self) -> dict[str, float]:
        """Largest amount of each kind on any day."""
        kinds = np.array(self.kind)
        return {kind: float(self.amounts[:, kinds == kind].max(initial=0.0)) for kind in self.kinds}

    @property
    def width(self) -> float:
        """Largest x."""
        return max(self.x, default=0.0)

    def label(self, thing: int, amount: float) -> str:
        """What stands beside it."""
        if self.kind[thing] == "supplier":
            return self.name[thing]
        number = f"{amount:,.0f}" if amount >= 10 or amount == round(amount) else f"{amount:.1f}"
        if self.kind[thing] == "backordered":
            return f"owes {number}" if amount > 0 else ""
        return f"{self.name[thing]} {number}" if self.name[thing] else number


def network_picture(result: SimulationResult, *, replication: int | None = None) -> NetworkPicture:
    """The network of a run with states by day: of one replication, by position, or the mean over all."""
    scenario, series = result.scenario, result.daily_series()
    columns = _columns(scenario)
    x = {place: float(column) for column, places in enumerate(columns) for place in places}
    y = {place: _height(i, len(places)) for places in columns for i, place in enumerate(places)}

    def by_day(states: IntArray) -> FloatArray:
        return np.asarray(states.mean(axis=0) if replication is None else states[replication], dtype=np.float64)

    on_hand, on_order, owed = by_day(series.on_hand), by_day(series.on_order), by_day(series.backordered)
    jobs = by_day(series.in_queue + series.in_service)
    sites, links = _sites(scenario), _links(scenario)
    suppliers = [place for place in columns[0] if place not in sites]
    nothing = np.zeros(len(on_hand))
    things: list[tuple[str, str, float, float, FloatArray]]
    things = [(name, "supplier", x[name], y[name], nothing) for name in suppliers]
    for site in sites:
        here = [i for i, point in enumerate(scenario.points) if point.site == site]
        things.append((site, "on hand", x[site], y[site], on_hand[:, here].sum(axis=1)))
        things.append((site, "backordered", x[site], y[site] + 0.16, owed[:, here].sum(axis=1)))
    for source, site in links:
        along = [i for i, point in enumerate(scenario.points) if (point.source, point.site) == (source, site)]
        middle = (x[source] + x[site]) / 2, (y[source] + y[site]) / 2
        things.append(("", "under way", *middle, on_order[:, along].sum(axis=1)))
    for i, station in enumerate(scenario.stations):
        things.append((station.name, "jobs", x[station.name], y[station.name], jobs[:, i]))
    joined = links + _routes(scenario)
    edges = tuple(((x[one], x[other]), (y[one], y[other])) for one, other in joined)
    names, kinds, across, up, amounts = zip(*things, strict=True)
    return NetworkPicture(names, kinds, across, up, np.column_stack(amounts), edges)


def _columns(scenario: Scenario) -> list[list[str]]:
    """Suppliers, then sites by their distance from them, then stations by their place in a route."""
    sites, sources = _sites(scenario), {p.site: p.source for p in scenario.points}
    suppliers = list(dict.fromkeys(p.source for p in scenario.points if p.source not in sites))
    depth: dict[str, int] = {}
    for site in sites:
        chain = [site]
        while sources.get(chain[-1], "") in sites and sources[chain[-1]] not in chain:
            chain.append(sources[chain[-1]])
        depth[site] = len(chain)
    far = max(depth.values(), default=0)
    step = {station.name: 0 for station in scenario.stations}
    for stream in scenario.streams:
        for position, name in enumerate(stream.route):
            step[name] = max(step[name], position)
    by_depth = [[site for site in sites if depth[site] == d] for d in range(1, far + 1)]
    deepest = max(step.values(), default=-1)
    by_step = [[name for name in step if step[name] == d] for d in range(deepest + 1)]
    return [suppliers, *by_depth, *by_step]


def _sites(scenario: Scenario) -> list[str]:
    return list(dict.fromkeys(point.site for point in scenario.points))


def _links(scenario: Scenario) -> list[tuple[str, str]]:
    return list(dict.fromkeys((point.source, point.site) for point in scenario.points))


def _routes(scenario: Scenario) -> list[tuple[str, str]]:
    sites = _sites(scenario)
    pairs = []
    for stream in scenario.streams:
        start = [stream.site] if stream.site in sites else []
        stops = [*start, *stream.route]
        pairs += list(pairwise(stops))
    return list(dict.fromkeys(pairs))


def _height(position: int, count: int) -> float:
    """From top to bottom, centred."""
    return 0.0 if count == 1 else 0.7 - 1.4 * position / (count - 1)
