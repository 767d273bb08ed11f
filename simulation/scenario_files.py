"""Scenarios as plain data and JSON, to be kept and shared; what is read back equals what was written.

Fields at their default are left out. Distributions are written as `{"kind": "gamma", "mean": 3.0, "sd": 1.0}`,
arrays and tuples as lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np

from simulation.distributions import Distribution
from simulation.scenario import Scenario, StockPoint
from simulation.scenario_checks import ScenarioError, label, unknown

FORMAT = 1
"""Written with every scenario; a later one that cannot be read here says so."""


def to_dict(scenario: Scenario) -> dict[str, Any]:
    """See `Scenario.to_dict`."""
    for point in scenario.points:
        if point.policy.function is not None:
            raise ScenarioError(_has_function(point))
    return {"format": FORMAT} | _plain_record(scenario)


def to_json(scenario: Scenario) -> str:
    """See `Scenario.to_json`."""
    return json.dumps(to_dict(scenario), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_dict(content: Mapping[str, Any]) -> Scenario:
    """See `Scenario.from_dict`."""
    if not isinstance(content, Mapping):
        raise ScenarioError(f"a scenario must be an object of fields, got {content!r:.80}")
    if content.get("format", FORMAT) != FORMAT:
        raise ScenarioError(f"format of the scenario must be {FORMAT}, got {content['format']!r}")
    scenario = _record(Scenario, {name: value for name, value in content.items() if name != "format"}, "scenario")
    assert isinstance(scenario, Scenario)
    return scenario


def from_json(text: str) -> Scenario:
    """See `Scenario.from_json`."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as reason:
        raise ScenarioError(f"a scenario must be JSON, {reason}") from None
    return from_dict(content)


def _has_function(point: StockPoint) -> str:
    function = point.policy.function
    name = getattr(function, "__name__", None) or repr(function)
    return (
        f"policy of {label(point)} calls a function ({name}), which no file can hold: "
        "write the scenario with a policy by parameters, and give it the function after reading (with_policy)"
    )


# Writing


def _plain_record(record: Any) -> dict[str, Any]:
    return {
        name: _plain(value)
        for name, default in _defaults(record.__class__)
        if not _is_default(value := getattr(record, name), default)
    }


def _is_default(value: Any, default: Any) -> bool:
    if value is default or isinstance(value, np.ndarray) or default is MISSING:
        return value is default
    return bool(value == default)


def _plain(value: Any) -> Any:
    if isinstance(value, Distribution):
        return value.to_dict()
    if is_dataclass(value):
        return _plain_record(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """Fields in order, with their default, or MISSING."""
    return tuple((field.name, _default(field)) for field in fields(kind))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


# Reading


def _record(kind: type, content: Any, where: str) -> Any:
    """A record of a mapping of its fields; `where` is the way to it, for messages."""
    if not isinstance(content, Mapping):
        raise ScenarioError(f"{where} must be an object of fields, got {content!r:.80}")
    readers = _readers(kind)
    for name in content:
        if name not in readers:
            raise ScenarioError(f"{where} has an unknown field, {unknown(str(name), readers)}")
    for name, default in _defaults(kind):
        if default is MISSING and name not in content:
            raise ScenarioError(f"{where} must have a field {name!r}, got {', '.join(content) or 'none'}")
    return kind(**{name: readers[name](value, f"{where}.{name}") for name, value in content.items()})


@cache
def _readers(kind: type) -> dict[str, Callable[[Any, str], Any]]:
    """For each field how its value is read: a record, several, a distribution, or as it stands."""
    hints = get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in fields(kind) if field.name != "function"}


def _reader(hint: Any) -> Callable[[Any, str], Any]:
    kinds: list[Any] = [one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one)]
    if not kinds:
        return _as_it_stands
    kind = kinds[0]
    if getattr(hint, "__origin__", None) is tuple:
        return lambda value, where: _records(kind, value, where)
    read = _distribution if kind is Distribution else lambda value, where: _record(kind, value, where)
    return lambda value, where: None if value is None else read(value, where)


def _as_it_stands(content: Any, _where: str) -> Any:
    return content


def _records(kind: type, content: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(content, list | tuple):
        raise ScenarioError(f"{where} must be a list, got {content!r:.80}")
    return tuple(_record(kind, one, f"{where}[{position}]") for position, one in enumerate(content))


def _distribution(content: Any, where: str) -> Distribution:
    if not isinstance(content, Mapping):
        raise ScenarioError(f"{where} must be an object with a kind, got {content!r:.80}")
    try:
        return Distribution.from_dict(content)
    except ValueError as reason:
        raise ScenarioError(f"{where}: {reason}") from None
