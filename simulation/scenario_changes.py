"""What-if: a scenario made from another by changing some of it. `Scenario`'s methods say what each means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from numbers import Real
from typing import Any

import numpy as np

from simulation.distributions import constant
from simulation.scenario import Carrier, OrderStream, Policy, Scenario, Station, StockPoint
from simulation.scenario_checks import ScenarioError, places_of, unknown

WORLD = tuple(field.name for field in fields(Scenario))
COLUMNS = tuple(field.name for field in fields(StockPoint))
LEVELS = ("reorder_point", "order_up_to_level", "order_quantity")
RULE = (*LEVELS, "review_period_days", "first_review_day", "parameters")
KINDS: dict[str, type] = {"streams": OrderStream, "stations": Station, "carriers": Carrier}


def changed(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """See `Scenario.with_`."""
    for name in changes:
        if name not in WORLD + COLUMNS + RULE:
            raise ScenarioError(
                f"with_ takes fields of a scenario, a stock point or a policy, {unknown(name, WORLD + COLUMNS + RULE)}"
            )
    world: dict[str, Any] = {name: value for name, value in changes.items() if name in WORLD}
    columns = {name: value for name, value in changes.items() if name in COLUMNS}
    rule = {name: value for name, value in changes.items() if name in RULE}
    if "points" in world and len(changes) > len(world):
        raise ScenarioError(
            f"with_ takes points or their columns, not both; got points and {', '.join(columns | rule)}"
        )
    if columns or rule:
        world["points"] = _with_rule(_with_columns(scenario.points, columns), rule)
    return replace(scenario, **world)


def _with_columns(points: Sequence[StockPoint], changes: Mapping[str, object]) -> tuple[StockPoint, ...]:
    owners = list(points)
    columns = {name: _column(points, owners, name, given) for name, given in changes.items()}
    return _renewed(owners, columns)


def _with_rule(points: Sequence[StockPoint], changes: Mapping[str, object]) -> tuple[StockPoint, ...]:
    """Stock points whose policies have other parameters; one that never ordered follows the rule from now on."""
    if not changes:
        return tuple(points)
    policies = [point.policy for point in points]
    columns = {name: _column(points, policies, name, given) for name, given in changes.items()}
    levels = [name for name in LEVELS if name in columns]
    new = [
        replace(policy, kind="reorder")
        if old.kind == "none" and any(getattr(policy, one) for one in levels)
        else policy
        for old, policy in zip(policies, _renewed(policies, columns), strict=True)
    ]
    return _renewed(points, {"policy": new})


def _renewed(records: Sequence[Any], columns: Mapping[str, Sequence[object]]) -> tuple[Any, ...]:
    """Records with fields from columns; those that do not change are kept."""
    if not columns:
        return tuple(records)
    rows = zip(*columns.values(), strict=True)
    return tuple(
        replace(record, **dict(zip(columns, row, strict=True))) for record, row in zip(records, rows, strict=True)
    )


def _column(points: Sequence[StockPoint], owners: Sequence[Any], name: str, given: Any) -> list[object]:
    """A field of the owners (the points, or their policies): a value for all, an array, a mapping, or a function.

    Raises:
        ScenarioError: a key of the mapping that names no stock point, or an array of another length.
    """
    fitted = _fitted(Policy if name in RULE else StockPoint, name)
    if isinstance(given, np.ndarray) and name != "parameters":
        if given.shape != (len(points),):
            raise ScenarioError(f"{name} must have one value for each of {len(points)} points, got shape {given.shape}")
        return [fitted(value) for value in given.tolist()]
    if hasattr(given, "to_dict") and hasattr(given, "index"):
        given = given.to_dict()
    if isinstance(given, Mapping):
        chosen = by_point(points, name, given)
        return [
            fitted(value) if has else getattr(owner, name) for owner, (has, value) in zip(owners, chosen, strict=True)
        ]
    if callable(given):
        return [fitted(given(getattr(owner, name))) for owner in owners]
    return [fitted(given)] * len(owners)


def by_point(points: Sequence[StockPoint], what: str, given: Mapping[Any, Any]) -> list[tuple[bool, Any]]:
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


@cache
def _types(kind: type) -> dict[str, str]:
    return {field.name: str(field.type) for field in fields(kind)}


def _fitted(kind: type, name: str) -> Callable[[Any], Any]:
    """How a value becomes that field: a number where a distribution is wanted is a constant, 30.0 units are 30."""
    hint = _types(kind)[name]
    if "Distribution" in hint:
        return lambda value: constant(float(value)) if isinstance(value, Real) else value
    if hint == "int":
        return lambda value: int(value) if isinstance(value, float) and value.is_integer() else value
    return lambda value: value


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
