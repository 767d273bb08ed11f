"""Scenarios of stock points from pandas frames: items, their demand, the lead times seen, what is under way."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simulation.arrays import IntArray
from simulation.distributions import Distribution, constant, empirical, gamma
from simulation.scenario import Demand, Policy, Scenario, Site, StockPoint
from simulation.scenario_checks import ScenarioError, unknown

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {field.name: str(field.type) for field in fields(StockPoint)}
RULE = {
    field.name: str(field.type)
    for field in fields(Policy)
    if field.name not in ("kind", "name", "parameters", "function")
}
LEVELS = ("reorder_point", "order_up_to_level", "order_quantity")
MOST_CELLS = 2**28
"""Most path-days that are held: 2 GiB."""


def from_frames(
    items: pd.DataFrame,
    demand: pd.DataFrame | None,
    lead_times: pd.DataFrame | None,
    pipeline: pd.DataFrame | None,
    *,
    start: object,
    days: int | None,
    name: str,
    sites: tuple[Site, ...],
) -> Scenario:
    """See `Scenario.from_frames`."""
    columns = _columns(items)
    keys = _Keys(items)
    first = _first_date(start, demand)
    if demand is not None:
        columns["demand"] = _paths(keys, demand, first, days)
    if lead_times is not None:
        columns["lead_time"] = _seen(items, keys, lead_times, columns.get("lead_time"))
    if pipeline is not None:
        columns["pipeline"] = _under_way(keys, pipeline, first)
    rows = zip(*columns.values(), strict=True)
    return Scenario(
        name=name,
        points=tuple(StockPoint(**dict(zip(columns, row, strict=True))) for row in rows),
        sites=sites,
        first_weekday=0 if first is None else first.weekday(),
    )


# Items


def _columns(items: pd.DataFrame) -> dict[str, list[Any]]:
    """The stock points' fields, each as a list."""
    known = [*COLUMNS, *RULE, "lead_time_sd"]
    for column in items.columns:
        if column not in known:
            raise ScenarioError(f"items has an unknown column, {unknown(str(column), known)}")
    _need(items, "items", "sku")
    of = _labels(items)
    columns: dict[str, list[Any]] = {}
    for column in items.columns:
        if column in COLUMNS:
            columns[column] = _values(items[column], column, COLUMNS[column], of)
    if "lead_time_sd" in items:
        columns["lead_time"] = _gammas(items, columns, of)
    rule = {column: _values(items[column], column, RULE[column], of) for column in items.columns if column in RULE}
    if rule:
        columns["policy"] = _policies(columns, rule)
    return columns


def _labels(items: pd.DataFrame) -> list[str]:
    sites = items["site"] if "site" in items else ["site"] * len(items)
    return [f"SKU {sku} at {site}" for sku, site in zip(items["sku"], sites, strict=True)]


def _values(column: pd.Series[Any], name: str, hint: str, of: Sequence[str]) -> list[Any]:
    """Plain values of a column: whole numbers where units are wanted, distributions where they are."""
    if "Distribution" in hint:
        return [constant(float(value)) if isinstance(value, Real) else value for value in column.tolist()]
    if hint == "int":
        return list(_units(name, column, of).tolist())
    if hint == "float":
        return [float(value) if isinstance(value, Decimal) else value for value in column.tolist()]
    if hint == "str":
        return [value if isinstance(value, str) else str(value) for value in column.tolist()]
    return list(column.tolist())


def _units(name: str, column: pd.Series[Any], of: Sequence[str] | None = None) -> IntArray:
    """Whole numbers, also where a frame holds them as floats or decimals.

    Raises:
        ScenarioError: one is not; names the row.
    """
    import pandas as pd

    given = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(given) | (given != np.floor(given)) | (np.abs(given) > 2**53)
    if wrong.any():
        at = int(wrong.argmax())
        whose = f"of {of[at]}" if of is not None else f"in row {column.index[at]}"
        raise ScenarioError(f"{name} {whose} must be a whole number, got {column.iloc[at]!r}")
    return np.asarray(given.astype(np.int64))


def _gammas(items: pd.DataFrame, columns: dict[str, list[Any]], of: Sequence[str]) -> list[Distribution]:
    if "lead_time" not in columns:
        raise ScenarioError("items has lead_time_sd, which needs a column lead_time with the means, got none")
    both = zip(items["lead_time"].tolist(), items["lead_time_sd"].tolist(), of, strict=True)
    return [_gamma(mean, sd, whose) for mean, sd, whose in both]


def _gamma(mean: object, sd: object, whose: str) -> Distribution:
    if not isinstance(mean, Real) or not isinstance(sd, Real):
        raise ScenarioError(f"lead_time and lead_time_sd of {whose} must be numbers, got {mean!r} and {sd!r}")
    try:
        return gamma(float(mean), float(sd)) if sd else constant(float(mean))
    except ValueError as reason:
        raise ScenarioError(f"lead_time of {whose}: {reason}") from None


def _policies(columns: dict[str, list[Any]], rule: dict[str, list[Any]]) -> list[Policy]:
    """Each point's rule; points with the same one share it."""
    if "policy" in columns:
        raise ScenarioError(f"items has both a column policy and {', '.join(rule)}: one of them must go")
    if not any(level in rule for level in LEVELS):
        raise ScenarioError(
            f"items has {', '.join(rule)}, which needs a column {', '.join(LEVELS[:-1])} or {LEVELS[-1]}"
        )
    made: dict[tuple[Any, ...], Policy] = {}
    rows = list(zip(*rule.values(), strict=True))
    for row in set(rows):
        made[row] = Policy("reorder", **dict(zip(rule, row, strict=True)))
    return [made[row] for row in rows]


# Long frames


class _Keys:
    """Which stock point a row of a long frame is about."""

    def __init__(self, items: pd.DataFrame) -> None:
        import pandas as pd

        self.names = ["sku", "site"] if "site" in items else ["sku"]
        self.labels = _labels(items)
        self.count = len(items)
        self.index = self._index(items)
        if self.index.has_duplicates:
            twice = self.labels[int(np.asarray(self.index.duplicated()).argmax())]
            raise ScenarioError(f"items has {twice} twice: each pair of SKU and site must be one row")
        skus = pd.Index(items["sku"].astype(str))
        self.by_sku = None if skus.has_duplicates else skus

    def _index(self, frame: pd.DataFrame) -> pd.Index[Any]:
        import pandas as pd

        if len(self.names) == 1:
            return pd.Index(frame["sku"].astype(str))
        return pd.MultiIndex.from_arrays([frame[name].astype(str) for name in self.names])

    def positions(self, frame: pd.DataFrame, title: str) -> npt.NDArray[np.intp]:
        """The position of each row's stock point.

        Raises:
            ScenarioError: a row of none of them.
        """
        if "site" in self.names and "site" not in frame and self.by_sku is not None:
            keys, index = self.by_sku_of(frame), self.by_sku
        else:
            _need(frame, title, *self.names)
            keys, index = self._index(frame), self.index
        found = np.asarray(index.get_indexer(keys))
        if (found < 0).any():
            key = keys[int((found < 0).argmax())]
            came = " at ".join(key) if isinstance(key, tuple) else str(key)
            known = [label.removeprefix("SKU ") for label in self.labels] if isinstance(key, tuple) else list(index)
            raise ScenarioError(f"{title} must be of stock points in items, {unknown(came, known)}")
        return found

    @staticmethod
    def by_sku_of(frame: pd.DataFrame) -> pd.Index[Any]:
        import pandas as pd

        return pd.Index(frame["sku"].astype(str))


def _need(frame: pd.DataFrame, title: str, *names: str) -> None:
    for name in names:
        if name not in frame:
            raise ScenarioError(f"{title} must have a column {name!r}, got {', '.join(map(str, frame.columns))}")


def _only(frame: pd.DataFrame, title: str, *names: str) -> None:
    for column in frame.columns:
        if column not in names:
            raise ScenarioError(f"{title} has an unknown column, {unknown(str(column), names)}")


def _first_date(start: object, demand: pd.DataFrame | None) -> pd.Timestamp | None:
    """Date of day 0, where dates are used."""

    if start is not None:
        return _date(start, "start")
    if demand is None or "date" not in demand or demand.empty:
        return None
    return _date(_dates(demand, "demand").min(), "date of demand")


def _dates(frame: pd.DataFrame, title: str) -> pd.Series[Any]:
    """The column `date`, in local time where it has a time zone; text as YYYY-MM-DD."""
    import pandas as pd

    try:
        dates = pd.to_datetime(frame["date"], format="ISO8601")
    except (ValueError, TypeError) as reason:
        raise ScenarioError(f"date of {title} must hold dates: {str(reason).splitlines()[0]}") from None
    return dates.dt.tz_localize(None)


def _date(given: Any, what: str) -> pd.Timestamp:
    import pandas as pd

    try:
        date = pd.Timestamp(given)
    except (ValueError, TypeError):
        raise ScenarioError(f"{what} must be a date, got {given!r}") from None
    if pd.isna(date):
        raise ScenarioError(f"{what} must be a date, got {given!r}")
    return date.tz_localize(None).normalize()


def _days(frame: pd.DataFrame, title: str, first: pd.Timestamp | None) -> npt.NDArray[np.float64]:
    """Days since day 0 of each row, from a column `day` or `date`."""
    import pandas as pd

    if ("day" in frame) == ("date" in frame):
        raise ScenarioError(f"{title} must have a column day or date, one of them, got {', '.join(frame.columns)}")
    if "day" in frame:
        given = pd.to_numeric(frame["day"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        if first is None:
            raise ScenarioError(f"{title} has dates, which need start, the date of day 0; got None")
        since = _dates(frame, title) - first
        given = (since / pd.Timedelta(days=1)).to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(given >= 0)
    if wrong.any():
        at = int(wrong.argmax())
        column = "day" if "day" in frame else "date"
        since_when = "" if first is None or column == "day" else f" ({first:%Y-%m-%d})"
        raise ScenarioError(
            f"{column} of {title} in row {frame.index[at]} must not lie before day 0{since_when}, "
            f"got {frame[column].iloc[at]}"
        )
    return np.asarray(given)


def _paths(keys: _Keys, frame: pd.DataFrame, first: pd.Timestamp | None, days: int | None) -> list[Demand]:
    """Demand of each point by path and day."""
    _only(frame, "demand", "sku", "site", "day", "date", "units", "path")
    _need(frame, "demand", "sku", "units")
    points = keys.positions(frame, "demand")
    day = np.floor(_days(frame, "demand", first)).astype(np.int64)
    units = _units("units of demand", frame["units"])
    if (units < 0).any():
        at = int((units < 0).argmax())
        raise ScenarioError(f"units of demand in row {frame.index[at]} must be at least 0, got {units[at]}")
    path = _units("path of demand", frame["path"]) if "path" in frame else np.zeros(len(frame), dtype=np.int64)
    if (path < 0).any():
        raise ScenarioError(f"path of demand must be numbered from 0, got {path.min()}")
    length = int(day.max(initial=-1)) + 1 if days is None else days
    if (day >= length).any():
        at = int((day >= length).argmax())
        raise ScenarioError(f"demand must end by day {length} (days), got day {day[at]} in row {frame.index[at]}")
    shape = (keys.count, int(path.max(initial=0)) + 1, length)
    if np.prod(shape, dtype=np.float64) > MOST_CELLS:
        raise ScenarioError(f"demand must not fill more than {MOST_CELLS} path-days, got {' × '.join(map(str, shape))}")
    cells = np.zeros(shape, dtype=np.int64)
    np.add.at(cells.reshape(-1), (points * shape[1] + path) * length + day, units)
    cells.setflags(write=False)
    return [Demand("paths", paths=of_point) for of_point in cells]


def _seen(
    items: pd.DataFrame, keys: _Keys, frame: pd.DataFrame, given: list[Distribution] | None
) -> list[Distribution]:
    """Lead time of each point from what was observed, by the keys that the frame has."""
    _only(frame, "lead_times", "sku", "site", "source", "days")
    _need(frame, "lead_times", "days")
    by = [name for name in ("sku", "site", "source") if name in frame]
    for name in by:
        if name not in items:
            raise ScenarioError(f"lead_times has a column {name!r}, which items must have too, got {', '.join(items)}")
    if not by:
        raise ScenarioError("lead_times must have a column sku, site or source, got days only")
    samples = {
        key if isinstance(key, tuple) else (key,): _sample(days, key)
        for key, days in frame.astype(dict.fromkeys(by, str)).groupby(by)["days"]
    }
    rows = zip(*(items[name].astype(str) for name in by), strict=True)
    chosen: list[Distribution] = []
    for position, key in enumerate(rows):
        if key in samples:
            chosen.append(samples[key])
        elif given is not None:
            chosen.append(given[position])
        else:
            raise ScenarioError(
                f"{keys.labels[position]} must have rows in lead_times, or a lead_time in items, got neither"
            )
    return chosen


def _sample(days: pd.Series[Any], key: Hashable) -> Distribution:
    try:
        sample = empirical(days.to_numpy(dtype=np.float64))
    except ValueError as reason:
        raise ScenarioError(f"lead_times of {key}: {reason}") from None
    return sample


def _under_way(keys: _Keys, frame: pd.DataFrame, first: pd.Timestamp | None) -> list[tuple[tuple[float, int], ...]]:
    """(day, units) of each point, by day; rows of 0 units are left out."""
    _only(frame, "pipeline", "sku", "site", "day", "date", "units")
    _need(frame, "pipeline", "sku", "units")
    points = keys.positions(frame, "pipeline")
    days = _days(frame, "pipeline", first)
    units = _units("units of the pipeline", frame["units"])
    rows: list[list[tuple[float, int]]] = [[] for _ in range(keys.count)]
    for point, day, quantity in sorted(zip(points.tolist(), days.tolist(), units.tolist(), strict=True)):
        if quantity:
            rows[point].append((day, quantity))
    return [tuple(one) for one in rows]
