"""Overrides: for some weeks the planner knows better than the forecast, says why, and it ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from data import demand_input_rows
from data.connection import Database
from orders.commands import Command, carry_out
from orders.demand_inputs import item, number_within, period, place_id, said, today
from orders.errors import InvalidRequest
from orders.model import Actor, Permission
from orders.requests import plain, words

MOST_UNITS_A_WEEK = 1e9
MOST_TIMES = 1000.0


class OverrideKind(StrEnum):
    """What an override does to the forecast."""

    SET = "set"
    MULTIPLY = "multiply"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Override:
    """What demand will be from one day to another.

    Attributes:
        sku: Its code, in any case.
        kind: set (to `value` units a week), multiply (the forecast by `value`), add (`value` units a week; they may
            be negative).
        value: Units a week or a factor. Without a location, units a week are meant for all places together.
        until: The last day; after it the forecast holds again.
        reason: Why, for whoever looks at it later.
        location: Of ours; None for all.
        starts: The first day; None for the day on which it is said.
        weekly_rate_statistical: What the forecast says without it; None takes it from the newest plan.
    """

    sku: str
    kind: str
    value: float
    until: date
    reason: str
    location: str | None = None
    starts: date | None = None
    weekly_rate_statistical: float | None = None


@dataclass(frozen=True, slots=True)
class OverrideSet:
    """An override that was recorded, the forecast it replaces, and the older ones that it supersedes on some days."""

    number: int
    sku: str
    weekly_rate_statistical: float | None
    supersedes: tuple[int, ...]


def override_forecast(database: Database, request: Override, *, key: str, actor: Actor, at: datetime) -> OverrideSet:
    """Record an override; on days that older ones cover too it wins.

    Raises:
        UnknownThing: there is no such SKU or location.
        InvalidRequest: the SKU is a bundle, the place is not ours, the kind is unknown, the value is impossible, no
            reason is given, or the last day is over already or lies before the first.
    """
    actor.require(Permission.FORECAST)
    if request.kind not in list(OverrideKind):
        raise InvalidRequest("kind", " or ".join(OverrideKind), request.kind)
    value, reason = _value(request), words("reason", request.reason)
    given = request.weekly_rate_statistical
    known_rate = None if given is None else number_within("weekly_rate_statistical", given, 0, MOST_UNITS_A_WEEK)

    def act(command: Command) -> dict[str, Any]:
        current = today(command)
        if request.until < current:
            raise InvalidRequest("until", f"{current} or later", str(request.until))
        starts, until = period(request.starts or current, request.until)
        sku, location_id = item(command, request.sku), place_id(command, request.location)
        rate = known_rate
        if rate is None:
            rate = demand_input_rows.statistical_rate(command.connection, sku_id=sku.id, location_id=location_id)
        older = demand_input_rows.overrides(command.connection, sku_id=sku.id, is_open=True)
        row = {
            "sku_id": sku.id, "location_id": location_id, "from_date": starts, "until_date": until,
            "kind": str(request.kind), "value": value, "weekly_rate_statistical": rate, **said(command, reason),
        }  # fmt: skip
        (number,) = demand_input_rows.add(command.connection, "override", [row])
        superseded = [one.id for one in older if _overlap(one, location_id, max(starts, current), until)]
        command.announce("demand.override_set", "forecast_override", number, {**asked, "supersedes": superseded})
        for one in superseded:
            command.announce("demand.override_superseded", "forecast_override", one, {"by": number})
        return {
            "number": number, "sku": sku.display_code, "weekly_rate_statistical": rate, "supersedes": superseded,
        }  # fmt: skip

    asked = {**plain(request), "value": value, "weekly_rate_statistical": known_rate, "reason": reason}
    answer = carry_out(database, act, action="override forecast", request=asked, key=key, actor=actor, at=at)
    return OverrideSet(**{**answer, "supersedes": tuple(answer["supersedes"])})


def _value(request: Override) -> float:
    if request.kind == OverrideKind.SET:
        return number_within("rate", request.value, 0, MOST_UNITS_A_WEEK)
    if request.kind == OverrideKind.MULTIPLY:
        return number_within("multiply", request.value, 0, MOST_TIMES)
    return number_within("add", request.value, -MOST_UNITS_A_WEEK, MOST_UNITS_A_WEEK)


def _overlap(other: Row[Any], location_id: int | None, starts: date, until: date) -> bool:
    same_place = other.location_id is None or location_id is None or other.location_id == location_id
    return bool(same_place and other.from_date <= until and starts <= other.until_date)


# Looking at them


@dataclass(frozen=True, slots=True)
class ListedOverride:
    """An override and how it stands.

    Attributes:
        status: planned (its first day is to come), active, superseded (a newer one covers all the days that are left),
            expired or withdrawn.
        superseded_by: Newer ones that cover some of the days that are left.
    """

    number: int
    sku: str
    location: str | None
    kind: str
    value: float
    weekly_rate_statistical: float | None
    from_date: date
    until_date: date
    status: str
    superseded_by: tuple[int, ...]
    reason: str
    recorded_by: str
    recorded_at: datetime
    withdrawn_by: str | None
    withdrawal_reason: str | None


def list_overrides(
    connection: Connection, *, on: date, sku_id: int | None = None, is_open: bool = True
) -> list[ListedOverride]:
    """Overrides, the newest first.

    Args:
        connection: An open transaction.
        on: The day on which one looks.
        sku_id: Only this SKU's.
        is_open: Leave out what is expired or withdrawn.
    """
    rows = demand_input_rows.overrides(connection, sku_id=sku_id)
    newest_first = sorted(rows, key=lambda row: (row.recorded_at, row.id), reverse=True)
    listed = [_listed(row, newest_first[:index], on) for index, row in enumerate(newest_first)]
    return [one for one in listed if not is_open or one.status not in ("expired", "withdrawn")]


def _listed(row: Row[Any], newer: Sequence[Row[Any]], on: date) -> ListedOverride:
    left = max(row.from_date, on)
    winners = [
        one
        for one in newer
        if one.sku_id == row.sku_id
        and one.withdrawn_at is None
        and _overlap(one, row.location_id, left, row.until_date)
    ]
    is_live = row.withdrawn_at is None and row.until_date >= on
    return ListedOverride(
        number=row.id,
        sku=row.sku,
        location=row.location,
        kind=row.kind,
        value=row.value,
        weekly_rate_statistical=row.weekly_rate_statistical,
        from_date=row.from_date,
        until_date=row.until_date,
        status=_status(row, winners, on, left),
        superseded_by=tuple(sorted(one.id for one in winners)) if is_live else (),
        reason=row.reason,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
        withdrawn_by=row.withdrawn_by,
        withdrawal_reason=row.withdrawal_reason,
    )


def _status(row: Row[Any], winners: Sequence[Row[Any]], on: date, left: date) -> str:
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.until_date < on:
        return "expired"
    if _cover(
        [one for one in winners if one.location_id is None or one.location_id == row.location_id], left, row.until_date
    ):
        return "superseded"
    return "planned" if row.from_date > on else "active"


def _cover(winners: Sequence[Row[Any]], first: date, last: date) -> bool:
    """Whether these cover every day of a period together."""
    for one in sorted(winners, key=lambda row: row.from_date):
        if one.from_date <= first <= one.until_date:
            first = one.until_date + timedelta(days=1)
    return first > last
