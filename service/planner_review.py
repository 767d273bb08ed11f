"""What the planner said of demand, what it was worth, and what of the past the planner should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from data import demand_input_frames, demand_input_rows
from data.connection import Database
from orders.forecast_overrides import list_overrides
from service.demand_said import DemandSaid, demand_said
from service.planning_inputs import PlanningInputs, known_until
from service.stock_levels import PERIOD_DAYS, with_planners_word

EARLIEST = date(1900, 1, 1)
LEAST_DAYS = 7
"""Days that must have passed before it is told what an override was worth."""


@dataclass(frozen=True)
class ValueAdded:
    """What overrides took away from the forecast's error.

    Attributes:
        overrides: How many are judged.
        share: Error taken away as a share of the demand on their days; below 0 they made it worse.
        standard_error: Of the share; infinite with fewer than two overrides.
        value: Error taken away, at cost, in the company's currency.
    """

    overrides: int
    share: float
    standard_error: float
    value: float


@dataclass(frozen=True)
class PlannerReview:
    """What the planner said of demand.

    Attributes:
        said: All of it, as the plan reads it.
        overrides: The newest first, withdrawn ones left out: number, sku, location (None: all places), kind, value,
            weekly_rate_statistical, from_date, until_date, status, reason, recorded_by; and of the days that have
            passed since it was said: days, actual, statistical and overridden (units), added (units of error that it
            took away, NaN where nothing can be said yet) and added_value (the same at cost).
        value_added: The same over all of them.
        flags: Unusual demand that nobody decided on, the most money first: unique_id, sku, name, location, day, units,
            times (as many as the largest other day), value (at cost), why, and of its largest order line order_id,
            order, line_no and order_units.
        decided: Decisions that stand, the newest first: number, sku, location, day, order, line, decision, reason,
            recorded_by.
    """

    said: DemandSaid
    overrides: pd.DataFrame
    value_added: ValueAdded
    flags: pd.DataFrame
    decided: pd.DataFrame

    def applied(self, forecasts: pd.DataFrame, points: pd.DataFrame, as_of: date, days: Any) -> pd.DataFrame:
        """Forecasts with the planner's word on the days to come, as the plan applies it; column said tells it."""
        done = with_planners_word(forecasts, self.said, points=points, as_of=as_of, after=as_of, protection_days=days)
        told = zip(done["event"], done["override"], strict=True)
        return done.assign(said=["; ".join(words for words in pair if words) for pair in told])

    def with_override(
        self,
        sku_id: int,
        location_id: int | None,
        kind: str,
        value: float,
        starts: date,
        until: date,
        reason: str,
        by: str,
    ) -> PlannerReview:
        """The same with one more override, the newest, which is not recorded."""
        new = pd.DataFrame(
            {
                "id": [0],
                "sku_id": [sku_id],
                "location_id": pd.array([location_id], dtype="Int64"),
                "from_date": [np.datetime64(starts, "s")],
                "until_date": [np.datetime64(until, "s")],
                "kind": [kind],
                "value": [value],
                "weekly_rate_statistical": [np.nan],
                "reason": [reason],
                "recorded_at": [pd.Timestamp(starts, tz="UTC")],
                "recorded_by": [by],
            }
        )
        kept = self.said.overrides
        both = new if kept.empty else pd.concat([kept, new[kept.columns]], ignore_index=True)
        return replace(self, said=replace(self.said, overrides=both))


def planner_review(database: Database, inputs: PlanningInputs, *, at: datetime) -> PlannerReview:
    """What the planner said by a moment, held against what came.

    Args:
        database: Where it is recorded.
        inputs: The histories, with the unusual demand that was found in them.
        at: Now.
    """
    as_of, time_zone = inputs.as_of, inputs.terms.time_zone
    with database.reading() as connection:
        said = demand_said(connection, as_of=as_of, known_at=known_until(connection, as_of, at, time_zone))
        decisions = demand_input_rows.outlier_decisions(connection, is_open=True)
        listed = _listed(connection, as_of)
        passed = demand_input_frames.overrides_in_force(connection, since=EARLIEST, until=as_of)
    worth = override_values(passed, points=inputs.points, demand=inputs.ordered, as_of=as_of, time_zone=time_zone)
    return PlannerReview(
        said=said,
        overrides=listed.merge(worth, on="number", how="left"),
        value_added=_pooled(worth),
        flags=_flags(inputs),
        decided=_decided(decisions),
    )


# Overrides


def _listed(connection: Connection, as_of: date) -> pd.DataFrame:
    columns = ["number", "sku", "location", "kind", "value", "weekly_rate_statistical", "from_date", "until_date",
               "status", "reason", "recorded_by"]  # fmt: skip
    found = list_overrides(connection, on=as_of + timedelta(days=1), is_open=False)
    rows = [[getattr(one, name) for name in columns] for one in found if one.status != "withdrawn"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"number": np.int64, "value": np.float64, "weekly_rate_statistical": np.float64})


def override_values(
    passed: pd.DataFrame, *, points: pd.DataFrame, demand: pd.DataFrame, as_of: date, time_zone: str
) -> pd.DataFrame:
    """How close overrides came to what was demanded, beside the forecast without them.

    Only days count that had passed by as_of, that came after the override was recorded, that no newer one covered,
    and on which the SKU was in stock wherever the override holds: elsewhere demand is not known.

    Args:
        passed: As `demand_input_frames.overrides_in_force`, oldest first.
        points: SKUs and locations with their unit costs.
        demand: Daily demand of the points.
        as_of: The last day known.
        time_zone: Of the business.

    Returns:
        number, days, actual, statistical, overridden (units on these days), added (units of error taken away),
        added_value (at cost); NaN where fewer than `LEAST_DAYS` have passed or no forecast was known.
    """
    rows = []
    for place, one in enumerate(passed.itertuples()):
        newer = list(passed.iloc[place + 1 :].itertuples())
        said_on = one.recorded_at.tz_convert(ZoneInfo(time_zone)).tz_localize(None).normalize()
        first = max(one.from_date, said_on)
        days = pd.date_range(first, min(one.until_date, pd.Timestamp(as_of)))
        covered = [_days_of(other) for other in newer if _same_goods(one, other)]
        for other in covered:
            days = days.difference(other)
        rows.append((one.id, *_compared(one, days, points, demand)))
    names = ["number", "days", "actual", "statistical", "overridden", "added", "added_value"]
    return pd.DataFrame(rows, columns=names).astype({"number": np.int64} | dict.fromkeys(names[1:], np.float64))


def _days_of(one: Any) -> pd.DatetimeIndex:
    return pd.date_range(one.from_date, one.until_date)


def _same_goods(one: Any, other: Any) -> bool:
    anywhere = pd.isna(one.location_id) or pd.isna(other.location_id)
    return bool(one.sku_id == other.sku_id and (anywhere or one.location_id == other.location_id))


def _compared(one: Any, days: pd.DatetimeIndex, points: pd.DataFrame, demand: pd.DataFrame) -> tuple[float, ...]:
    own = points[points["sku_id"] == one.sku_id]
    if not pd.isna(one.location_id):
        own = own[own["location_id"] == one.location_id]
    sold = demand[demand["unique_id"].isin(own.index) & demand["ds"].isin(days)]
    known = days.difference(pd.DatetimeIndex(sold.loc[~sold["in_stock"].astype(bool), "ds"]))
    if len(known) < LEAST_DAYS or own.empty or pd.isna(one.weekly_rate_statistical):
        return float(len(known)), np.nan, np.nan, np.nan, np.nan, np.nan
    actual = float(sold.loc[sold["ds"].isin(known), "y"].sum())
    weeks = len(known) / PERIOD_DAYS
    statistical = float(one.weekly_rate_statistical) * weeks
    changed = {"set": one.value * weeks, "multiply": statistical * one.value, "add": statistical + one.value * weeks}
    overridden = max(float(changed[one.kind]), 0.0)
    added = abs(actual - statistical) - abs(actual - overridden)
    return float(len(known)), actual, statistical, overridden, added, added * float(own["unit_cost"].mean())


def _pooled(worth: pd.DataFrame) -> ValueAdded:
    from forecasting.panel import Panel
    from forecasting.tracking import forecast_value_added

    judged = worth[worth["added"].notna()]
    numbers = tuple(judged["number"].tolist())
    panel = Panel(numbers, judged["actual"].to_numpy(), np.arange(len(numbers) + 1))
    found = forecast_value_added(panel, judged["overridden"].to_numpy(), judged["statistical"].to_numpy())
    return ValueAdded(len(judged), found.pooled_added, found.pooled_standard_error, float(judged["added_value"].sum()))


# Unusual demand


def _flags(inputs: PlanningInputs) -> pd.DataFrame:
    """Unusual days with the names of their items and their worth."""
    found, points = inputs.unusual, inputs.points
    named = points.loc[found["unique_id"], ["sku", "name", "location", "unit_cost"]].reset_index(drop=True)
    kept = ["unique_id", "units", "times", "why", "lines", "order_id", "order", "line_no", "order_units"]
    frame = found[kept].reset_index(drop=True).join(named).assign(day=found["ds"].to_numpy())
    frame["value"] = frame["units"] * frame["unit_cost"]
    return frame.drop(columns="unit_cost").sort_values("value", ascending=False, ignore_index=True)


def _decided(decisions: Sequence[Any]) -> pd.DataFrame:
    columns = ["number", "sku", "location", "day", "order", "line", "decision", "reason", "recorded_by"]
    rows = [
        (one.id, one.sku, one.location, one.day, one.order, one.line_no, one.decision, one.reason, one.recorded_by)
        for one in reversed(decisions)
    ]
    return pd.DataFrame(rows, columns=columns)
