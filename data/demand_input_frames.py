"""What the planner says of demand, as frames to plan with.

Each read takes `closed_at`, the moment whose knowledge counts: what was said at or after it is not seen, and what
was withdrawn at or after it still holds. A plan as it would have been made on a day of the past takes the close of
that day; a plan made today takes this moment, so that what the planner said this morning counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Row, Table, or_, select, text

from data.schema import demand_event, forecast_override, item_analogue, item_succession, order_line, outlier_decision

_KEYS = ["sku_id", "location_id", "ds"]


def active_overrides(connection: Connection, *, as_of: date, closed_at: datetime) -> pd.DataFrame:
    """Overrides that cover days after `as_of`, oldest first: where several cover a day, the last one wins.

    Returns:
        id, sku_id, location_id (missing: over all places), from_date and until_date (datetime64, both included),
        kind (set, multiply or add), value (units a week, or a factor), weekly_rate_statistical (as it was when the
        override was recorded, missing where nothing was planned yet), reason, recorded_at, recorded_by.
    """
    c = forecast_override.c
    columns = [
        c.id, c.sku_id, c.location_id, c.from_date, c.until_date, c.kind, c.value, c.weekly_rate_statistical,
        c.reason, c.recorded_at, c.recorded_by,
    ]  # fmt: skip
    frame = _read(connection, forecast_override, columns, closed_at, c.until_date > as_of)
    return frame.sort_values(["recorded_at", "id"], ignore_index=True)


def overrides_in_force(connection: Connection, *, since: date, until: date) -> pd.DataFrame:
    """Overrides that covered days of a period and were not withdrawn, to measure afterwards what they were worth.

    Returns:
        The columns of `active_overrides`, for days from `since` to `until`, both included.
    """
    c = forecast_override.c
    columns = [
        c.id, c.sku_id, c.location_id, c.from_date, c.until_date, c.kind, c.value, c.weekly_rate_statistical,
        c.reason, c.recorded_at, c.recorded_by,
    ]  # fmt: skip
    frame = _read(connection, forecast_override, columns, None, (c.until_date >= since) & (c.from_date <= until))
    return frame.sort_values(["recorded_at", "id"], ignore_index=True)


def demand_events(connection: Connection, *, closed_at: datetime) -> pd.DataFrame:
    """The calendar of promotions, holidays and events, past and to come, by their first day.

    Returns:
        id, name, kind (promotion, holiday, event or one_off), from_date and until_date (datetime64, both included),
        scope (all, category or sku), category, sku_id, location_id (missing: at all places), uplift (the factor by
        which demand is expected to change, missing where the planner named none), is_excluded_from_history, reason,
        recorded_at, recorded_by.
    """
    c = demand_event.c
    columns = [
        c.id, c.name, c.kind, c.from_date, c.until_date, c.scope, c.category, c.sku_id, c.location_id, c.uplift,
        c.is_excluded_from_history, c.reason, c.recorded_at, c.recorded_by,
    ]  # fmt: skip
    frame = _read(connection, demand_event, columns, closed_at)
    return frame.sort_values(["from_date", "id"], ignore_index=True)


def successions(connection: Connection, *, closed_at: datetime) -> pd.DataFrame:
    """Which SKU takes over from which.

    Returns:
        id, old_sku_id, new_sku_id, from_date (datetime64), share (of the old one's demand, above 0 and at most 1;
        the shares of one old SKU add up to at most 1), run_down_note, recorded_at, recorded_by.
    """
    c = item_succession.c
    columns = [
        c.id, c.old_sku_id, c.new_sku_id, c.from_date, c.share, c.run_down_note, c.recorded_at, c.recorded_by,
    ]  # fmt: skip
    frame = _read(connection, item_succession, columns, closed_at)
    return frame.sort_values(["from_date", "id"], ignore_index=True)


def analogues(connection: Connection, *, closed_at: datetime) -> pd.DataFrame:
    """Which SKUs a new one is like.

    Returns:
        sku_id, analogue_sku_id, weight (those of one SKU add up to 1), sorted by both.
    """
    c = item_analogue.c
    frame = _read(connection, item_analogue, [c.sku_id, c.analogue_sku_id, c.weight], closed_at)
    frame["weight"] /= frame.groupby("sku_id")["weight"].transform("sum")
    return frame.sort_values(["sku_id", "analogue_sku_id"], ignore_index=True)


def excluded_demand(connection: Connection, *, as_of: date, closed_at: datetime) -> pd.DataFrame:
    """Demand up to `as_of` that is not to count in the forecast's history.

    It comes from decisions on outliers, of which the newest about a day counts, and from one-off events that are
    marked so, unless the day of an item was accepted by a decision of its own.

    Returns:
        sku_id, location_id, ds (datetime64), units: how many units of that day do not count, those of single order
        lines, or missing where the whole day counts as unknown. Days on which nothing was ordered are among them.
        One row per SKU, location and day, sorted.
    """
    c = outlier_decision.c
    columns = [c.id, c.sku_id, c.location_id, c.day, c.order_line_id, c.decision, c.recorded_at]
    decisions = _read(connection, outlier_decision, columns, closed_at, c.day <= as_of)
    days = demand_events(connection, closed_at=closed_at)
    days = days[days["is_excluded_from_history"].astype(bool) & (days["from_date"] <= pd.Timestamp(as_of))]
    if decisions.empty and days.empty:
        return _excluded([], [])
    places = _places(connection)
    whole, lines = _decided(decisions.sort_values(["recorded_at", "id"]), places)
    accepted = {key for key, decision in whole.items() if decision == "accepted"}
    out = {key for key, decision in whole.items() if decision == "excluded"}
    out |= _event_days(days, places, as_of) - accepted
    units = _units_of(connection, {line: key for line, key in lines.items() if key not in out})
    return _excluded(sorted(out), sorted(units.items()))


_Key = tuple[int, int, np.datetime64]


def _excluded(whole: Sequence[_Key], units: Sequence[tuple[_Key, float]]) -> pd.DataFrame:
    keys = [*whole, *(key for key, _ in units)]
    columns: Any = list(zip(*keys, strict=True)) or [(), (), ()]
    frame = pd.DataFrame(
        {
            "sku_id": np.array(columns[0], dtype=np.int64),
            "location_id": np.array(columns[1], dtype=np.int64),
            "ds": np.array(columns[2], dtype="datetime64[D]").astype("datetime64[s]"),
            "units": np.array([np.nan] * len(whole) + [number for _, number in units], dtype=np.float64),
        }
    )
    return frame.sort_values(_KEYS, ignore_index=True)


def _decided(decisions: pd.DataFrame, places: pd.DataFrame) -> tuple[dict[_Key, str], dict[int, _Key]]:
    """The newest decision on each whole day, and the day of each excluded line, told in the order they were made.

    A decision on a day also settles the lines that were decided on before.
    """
    where: dict[int, list[int]] = places.groupby("sku_id")["location_id"].agg(list).to_dict()
    whole: dict[_Key, str] = {}
    lines: dict[int, _Key] = {}
    for row in decisions.itertuples():
        day = np.datetime64(row.day, "D")
        named = where.get(row.sku_id, []) if pd.isna(row.location_id) else [int(row.location_id)]
        keys: list[_Key] = [(int(row.sku_id), location, day) for location in named]
        if pd.isna(row.order_line_id):
            whole |= dict.fromkeys(keys, row.decision)
            lines = {line: key for line, key in lines.items() if key not in keys}
        elif row.decision == "excluded":
            lines[int(row.order_line_id)] = keys[0]
        else:
            lines.pop(int(row.order_line_id), None)
    return whole, lines


def _event_days(events: pd.DataFrame, places: pd.DataFrame, as_of: date) -> set[_Key]:
    keys: set[_Key] = set()
    for event in events.itertuples():
        hit = places
        if event.scope == "category":
            hit = hit[hit["category"] == event.category]
        elif event.scope == "sku":
            hit = hit[hit["sku_id"] == event.sku_id]
        if not pd.isna(event.location_id):
            hit = hit[hit["location_id"] == event.location_id]
        last = min(np.datetime64(event.until_date, "D"), np.datetime64(as_of, "D"))
        pairs = list(zip(hit["sku_id"].tolist(), hit["location_id"].tolist(), strict=True))
        for day in np.arange(np.datetime64(event.from_date, "D"), last + 1):
            keys |= {(sku_id, location_id, day) for sku_id, location_id in pairs}
    return keys


def _places(connection: Connection) -> pd.DataFrame:
    """Where each SKU was ever ordered from, with its category."""
    rows = connection.execute(
        text(
            "SELECT k.sku_id, k.location_id, s.category FROM (SELECT DISTINCT sku_id, location_id FROM order_line) AS k"
            " JOIN sku s ON s.id = k.sku_id"
        )
    ).all()
    return pd.DataFrame(rows, columns=["sku_id", "location_id", "category"])


def _units_of(connection: Connection, lines: dict[int, _Key]) -> dict[_Key, float]:
    """Units of demand of these order lines per SKU, location and day: ordered, less cancelled before shipping."""
    c, ids = order_line.c, sorted(lines)
    units: dict[_Key, float] = {}
    for start in range(0, len(ids), 500):
        wanted = select(c.id, c.quantity - c.quantity_cancelled).where(c.id.in_(ids[start : start + 500]))
        for line, number in connection.execute(wanted):
            units[lines[line]] = units.get(lines[line], 0.0) + float(number)
    return {key: number for key, number in units.items() if number > 0}


_DAYS = ("from_date", "until_date", "day")
_IDS = ("sku_id", "location_id", "order_line_id")


def _read(
    connection: Connection, table: Table, columns: Sequence[Any], closed_at: datetime | None, *more: Any
) -> pd.DataFrame:
    """Rows known at a moment (None: at last), with days as datetime64 and what refers to other rows as integers."""
    wanted = select(*columns).where(*more)
    c = table.c
    if closed_at is None:
        wanted = wanted.where(c.withdrawn_at.is_(None))
    else:
        wanted = wanted.where(c.recorded_at < closed_at, or_(c.withdrawn_at.is_(None), c.withdrawn_at >= closed_at))
    rows: Sequence[Row[Any]] = connection.execute(wanted).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=[column.name for column in columns])
    for name in frame.columns:
        if name in _DAYS:
            frame[name] = frame[name].to_numpy().astype("datetime64[D]").astype("datetime64[s]")
        elif table.c[name].nullable and name in _IDS:
            frame[name] = frame[name].astype("Int64")
        elif name == "id" or name.endswith("_id"):
            frame[name] = frame[name].astype(np.int64)
        elif name in ("value", "share", "weight", "uplift", "weekly_rate_statistical"):
            frame[name] = frame[name].astype(np.float64)
        elif name == "recorded_at":
            frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
