"""Amounts of a scenario multiplied by factors. `Scenario.scaled` says what each means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

from simulation.demand_scaling import scaled_demand
from simulation.scenario import Carrier, Scenario, Station, StockPoint
from simulation.scenario_changes import by_point
from simulation.scenario_checks import ScenarioError, label, unknown

COSTS = ("unit_price", "order_cost", "holding_cost", "shortage_cost", "backorder_cost", "spoilage_cost", "volume")
FACTORS = ("demand", "lead_time", "patience", "unit_cost", *COSTS, "capacity", "transit")


def scaled(scenario: Scenario, factors: Mapping[str, float | Mapping[Any, float]]) -> Scenario:
    """See `Scenario.scaled`."""
    for name, given in factors.items():
        if name not in FACTORS:
            raise ScenarioError(f"scaled takes factors of amounts, {unknown(name, FACTORS)}")
        if hasattr(given, "to_dict"):
            given = given.to_dict()
        for factor in given.values() if isinstance(given, Mapping) else (given,):
            if not isinstance(factor, Real) or not 0 < factor < math.inf:
                raise ScenarioError(f"the factor of {name} must be a number above 0, got {factor!r}")
        scenario = SCALINGS[name](scenario, name, given)
    return scenario


def _scaled_column(scenario: Scenario, name: str, given: float | Mapping[Any, float]) -> Scenario:
    points = scenario.points
    chosen = by_point(points, name, given) if isinstance(given, Mapping) else [(True, given)] * len(points)
    return replace(
        scenario,
        points=tuple(
            _scaled_point(point, name, factor) if has and factor != 1 else point
            for point, (has, factor) in zip(points, chosen, strict=True)
        ),
    )


def _scaled_point(point: StockPoint, name: str, factor: float) -> StockPoint:
    try:
        return _multiplied(point, name, factor)
    except ValueError as reason:
        raise ScenarioError(f"{name} of {label(point)} cannot be multiplied by {factor:g}: {reason}") from None


def _multiplied(point: StockPoint, name: str, factor: float) -> StockPoint:
    old = getattr(point, name)
    if name == "demand":
        return replace(point, demand=scaled_demand(old, factor))
    if name == "unit_cost":
        breaks = tuple((quantity, cost * factor) for quantity, cost in point.price_breaks)
        return replace(point, unit_cost=old * factor, price_breaks=breaks)
    if name in ("lead_time", "patience"):
        return point if old is None else replace(point, **{name: old.scaled(factor)})
    return replace(point, **{name: old * factor})


def _scaled_demand(scenario: Scenario, name: str, given: float | Mapping[Any, float]) -> Scenario:
    """Of the stock points, and the orders of the streams."""
    if isinstance(given, Mapping):
        named = {stream.name for stream in scenario.streams}
        factors = {key: factor for key, factor in given.items() if key in named}
        points: float | Mapping[Any, float] = {key: factor for key, factor in given.items() if key not in named}
    else:
        factors = {stream.name: given for stream in scenario.streams}
        points = given
    streams = tuple(
        replace(stream, interarrival=stream.interarrival.scaled(1 / factors[stream.name]))
        if factors.get(stream.name, 1) != 1
        else stream
        for stream in scenario.streams
    )
    return replace(_scaled_column(scenario, name, points), streams=streams)


def _scaled_parts(part: str, field_factors: Callable[[Any, float], dict[str, Any]]) -> Callable[..., Scenario]:
    """Scaling of stations or carriers by name."""

    def scale(scenario: Scenario, name: str, given: float | Mapping[Any, float]) -> Scenario:
        members = getattr(scenario, part)
        known = [member.name for member in members]
        for key in given if isinstance(given, Mapping) else ():
            if key not in known:
                raise ScenarioError(f"{name} by name must name {part} of the scenario, {unknown(key, known)}")
        factors = given if isinstance(given, Mapping) else dict.fromkeys(known, given)
        world: dict[str, Any] = {
            part: tuple(
                replace(one, **field_factors(one, factors[one.name])) if one.name in factors else one for one in members
            )
        }
        return replace(scenario, **world)

    return scale


def _faster(station: Station, factor: float) -> dict[str, Any]:
    return {"service": station.service.scaled(1 / factor), "per_unit": station.per_unit / factor}


def _slower(carrier: Carrier, factor: float) -> dict[str, Any]:
    return {"transit": carrier.transit.scaled(factor)}


SCALINGS: dict[str, Callable[..., Scenario]] = {
    **dict.fromkeys(("lead_time", "patience", "unit_cost", *COSTS), _scaled_column),
    "demand": _scaled_demand,
    "capacity": _scaled_parts("stations", _faster),
    "transit": _scaled_parts("carriers", _slower),
}
