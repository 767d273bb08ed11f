"""What-if: a scenario made from another by changing some of it. `Scenario`'s methods say what each means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any

from simulation.demand_scaling import scaled_demand
from simulation.distributions import constant
from simulation.scenario import Carrier, OrderStream, Scenario, Station, StockPoint
from simulation.scenario_checks import ScenarioError, label, places_of, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = tuple(field.name for field in fields(StockPoint))
WORLD = tuple(field.name for field in fields(Scenario))
KINDS: dict[str, type] = {"streams": OrderStream, "stations": Station, "carriers": Carrier}
COSTS = ("unit_price", "order_cost", "holding_cost", "shortage_cost", "backorder_cost", "spoilage_cost", "volume")
FACTORS = ("demand", "lead_time", "patience", "unit_cost", *COSTS, "capacity", "transit")

Key = str | tuple[str, str]


def changed(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """See `Scenario.with_`."""
    columns: dict[str, list[object]] = {}
    world: dict[str, Any] = {}
    for name, value in changes.items():
        if name in WORLD:
            world[name] = value
        elif name in COLUMNS:
            columns[name] = _column(scenario.points, name, value)
        else:
            raise ScenarioError(f"with_ takes fields of a scenario or a stock point, {unknown(name, WORLD + COLUMNS)}")
    if columns:
        if "points" in world:
            raise ScenarioError(f"with_ takes either points or their columns, got points and {', '.join(columns)}")
        rows = zip(*columns.values(), strict=True)
        world["points"] = tuple(
            replace(point, **dict(zip(columns, row, strict=True)))
            for point, row in zip(scenario.points, rows, strict=True)
        )
    return replace(scenario, **world)


def _column(points: Sequence[StockPoint], name: str, given: object) -> list[object]:
    """A column of the stock points, from a value for all, a mapping, or a function of the old value."""
    if hasattr(given, "to_dict"):
        given = given.to_dict()
    fitted = _fitted(StockPoint, name)
    if isinstance(given, Mapping):
        chosen = _by_point(points, name, given)
        return [
            fitted(value) if has else getattr(point, name) for point, (has, value) in zip(points, chosen, strict=True)
        ]
    if callable(given):
        return [fitted(given(getattr(point, name))) for point in points]
    return [fitted(given)] * len(points)


def _by_point(points: Sequence[StockPoint], what: str, given: Mapping[Any, Any]) -> list[tuple[bool, Any]]:
    """For each point whether the mapping names it (its pair of SKU and site before its SKU), and the value.

    Raises:
        ScenarioError: a key that is neither an SKU nor a pair of the scenario.
    """
    pairs = {(point.sku, point.site) for point in points}
    skus = {point.sku for point in points}
    for key in given:
        if key not in pairs and key not in skus:
            wanted = [f"{sku} at {site}" for sku, site in pairs] if isinstance(key, tuple) else skus
            name = " at ".join(map(str, key)) if isinstance(key, tuple) else key
            raise ScenarioError(f"{what} by SKU, or by (SKU, site), must name stock points, {unknown(name, wanted)}")
    keys = [(point.sku, point.site) if (point.sku, point.site) in given else point.sku for point in points]
    return [(key in given, given.get(key)) for key in keys]


@lru_cache
def _distribution_fields(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind) if "Distribution" in str(field.type))


def _fitted(kind: type, name: str) -> Callable[[Any], Any]:
    """How a value becomes that field: a number where a distribution is wanted is a constant."""
    if name not in _distribution_fields(kind):
        return lambda value: value
    return lambda value: constant(float(value)) if isinstance(value, Real) else value


def with_part(scenario: Scenario, part: str, name: str, changes: Mapping[str, object]) -> Scenario:
    """A stream, station or carrier with some of its fields given anew; see `Scenario.with_stream`.

    Raises:
        ScenarioError: the scenario has none of that name, or it has no such field.
    """
    members = getattr(scenario, part)
    kind = KINDS[part]
    if name not in [member.name for member in members]:
        raise ScenarioError(f"{part} of the scenario: {unknown(name, [member.name for member in members])}")
    known = [field.name for field in fields(kind)]
    for field in changes:
        if field not in known:
            raise ScenarioError(f"{part[:-1]} {name} has no such field, {unknown(field, known)}")

    def renewed(member: Any) -> Any:
        values = {
            field: _fitted(kind, field)(value(getattr(member, field)) if callable(value) else value)
            for field, value in changes.items()
        }
        return replace(member, **values)

    world: dict[str, Any] = {part: tuple(renewed(one) if one.name == name else one for one in members)}
    return replace(scenario, **world)


def subset(scenario: Scenario, skus: Iterable[str]) -> Scenario:
    """See `Scenario.subset`."""
    kept = {skus} if isinstance(skus, str) else set(skus)
    known = {point.sku for point in scenario.points}
    for sku in kept - known:
        raise ScenarioError(f"subset must name SKUs of the scenario, {unknown(sku, known)}")
    streams = []
    for stream in scenario.streams:
        dropped = [sku for sku in stream.skus if sku not in kept]
        if dropped and len(dropped) < len(stream.skus):
            raise ScenarioError(
                f"stream {stream.name} asks for SKUs that are kept and for {dropped[0]}, which is not: "
                "its orders would not be the same"
            )
        if not dropped:
            streams.append(stream)
    points = tuple(point for point in scenario.points if point.sku in kept)
    sites = {point.site for point in points} | {stream.site for stream in streams}
    smaller = replace(
        scenario,
        points=points,
        streams=tuple(streams),
        sites=tuple(site for site in scenario.sites if site.name in sites),
        outages=(),
    )
    places = places_of(smaller)
    return replace(smaller, outages=tuple(outage for outage in scenario.outages if outage.place in places))


# Factors


def scaled(scenario: Scenario, factors: Mapping[str, float | Mapping[Any, float]]) -> Scenario:
    """See `Scenario.scaled`."""
    for name, given in factors.items():
        if name not in FACTORS:
            raise ScenarioError(f"scaled takes factors of amounts, {unknown(name, FACTORS)}")
        for factor in given.values() if isinstance(given, Mapping) else (given,):
            if not isinstance(factor, Real) or not 0 < factor < math.inf:
                raise ScenarioError(f"the factor of {name} must be a number above 0, got {factor!r}")
        scenario = SCALINGS[name](scenario, name, given)
    return scenario


def _scaled_column(scenario: Scenario, name: str, given: float | Mapping[Any, float]) -> Scenario:
    points = scenario.points
    chosen = _by_point(points, name, given) if isinstance(given, Mapping) else [(True, given)] * len(points)
    return replace(
        scenario,
        points=tuple(
            _scaled_point(point, name, factor) if has and factor != 1 else point
            for point, (has, factor) in zip(points, chosen, strict=True)
        ),
    )


def _scaled_point(point: StockPoint, name: str, factor: float) -> StockPoint:
    old = getattr(point, name)
    if name == "demand":
        return replace(point, demand=scaled_demand(old, factor, label(point)))
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
