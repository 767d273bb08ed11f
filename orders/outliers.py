"""Decisions on outliers: a day or an order line beyond the usual is demand, or is not to teach the forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from data import demand_input_rows
from data.connection import Database
from data.master_rows import StockItem
from orders.commands import Command, carry_out
from orders.demand_inputs import day, item, place_id, said
from orders.errors import InvalidRequest, NotPossible, UnknownThing
from orders.model import Actor, Permission
from orders.requests import plain, words


class OutlierVerdict(StrEnum):
    """What the planner makes of it."""

    ACCEPTED = "accepted"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class OutlierDecision:
    """A verdict on what was ordered of a SKU on a day, or by one order line.

    Attributes:
        sku: Its code, in any case.
        decision: accepted (it is demand, however unusual) or excluded (the forecast does not learn from it).
        reason: Why.
        day: The business day; for an order line it may be left out.
        location: Of ours; None for all where it was ordered. Not for an order line, which has its own.
        order_id: The order, where only one line is meant.
        line_no: Which of its lines.
    """

    sku: str
    decision: str
    reason: str
    day: date | None = None
    location: str | None = None
    order_id: int | None = None
    line_no: int | None = None


@dataclass(frozen=True, slots=True)
class OutlierDecided:
    """A verdict that was recorded, and the older ones about the same that it replaces."""

    number: int
    sku: str
    day: date
    decision: str
    replaces: tuple[int, ...]


def decide_outlier(
    database: Database, request: OutlierDecision, *, key: str, actor: Actor, at: datetime
) -> OutlierDecided:
    """Record a verdict; of several about the same the newest counts, until it is withdrawn.

    Raises:
        UnknownThing: there is no such SKU, location or order line.
        InvalidRequest: the verdict is unknown, no reason or neither day nor order line is given, nothing of the SKU
            was ordered then and there, or the line is of another SKU or day.
        NotPossible: the line's whole day is excluded already.
    """
    actor.require(Permission.FORECAST)
    if request.decision not in list(OutlierVerdict):
        raise InvalidRequest("decision", " or ".join(OutlierVerdict), request.decision)
    reason = words("reason", request.reason)
    if request.day is None and request.order_id is None:
        raise InvalidRequest("day", "given, or an order line", None)
    if request.day is not None:
        day("day", request.day)
    if (request.order_id is None) != (request.line_no is None):
        raise InvalidRequest("order line", "an order and the number of its line", request.order_id or request.line_no)

    def act(command: Command) -> dict[str, Any]:
        sku = item(command, request.sku)
        if request.order_id is not None and request.line_no is not None:
            row = _line(command, request, sku, request.order_id, request.line_no)
        else:
            row = _day_of_item(command, request, sku)
        known = demand_input_rows.outlier_decisions(command.connection, sku_id=sku.id, is_open=True)
        same_day = [one for one in known if one.day == row["day"]]
        replaced = [
            one.id
            for one in same_day
            if one.order_line_id == row["order_line_id"] and one.location_id == row["location_id"]
        ]
        if row["order_line_id"] is not None:
            _require_open_day(sku, row, same_day)
        row |= {"sku_id": sku.id, "decision": str(request.decision), **said(command, reason)}
        (number,) = demand_input_rows.add(command.connection, "outlier", [row])
        told = {**asked, "day": row["day"].isoformat()}
        command.announce(f"demand.outlier_{request.decision}", "outlier_decision", number, told)
        return {
            "number": number, "sku": sku.display_code, "day": row["day"].isoformat(),
            "decision": str(request.decision), "replaces": replaced,
        }  # fmt: skip

    asked = {**plain(request), "reason": reason}
    answer = carry_out(database, act, action="decide outlier", request=asked, key=key, actor=actor, at=at)
    return OutlierDecided(**{**answer, "day": date.fromisoformat(answer["day"]), "replaces": tuple(answer["replaces"])})


def _day_of_item(command: Command, request: OutlierDecision, sku: StockItem) -> dict[str, Any]:
    location_id = place_id(command, request.location)
    if not demand_input_rows.was_ordered_on(
        command.connection, sku_id=sku.id, location_id=location_id, day=request.day
    ):
        where = f" at {request.location}" if request.location else ""
        wanted = f"a business day on which {sku.display_code} was ordered{where}"
        raise InvalidRequest("day", wanted, str(request.day))
    return {"location_id": location_id, "day": request.day, "order_line_id": None}


def _line(command: Command, request: OutlierDecision, sku: StockItem, order_id: int, line_no: int) -> dict[str, Any]:
    if request.location is not None:
        raise InvalidRequest("location", "left out for an order line, which has its own", request.location)
    line = demand_input_rows.line_of_order(command.connection, order_id, line_no)
    if line is None:
        raise UnknownThing("line", f"{line_no} of order #{order_id}")
    if line.sku_id != sku.id:
        raise InvalidRequest("order line", f"one of SKU {sku.display_code}", f"line {line_no}")
    if request.day not in (None, line.business_date):
        raise InvalidRequest("day", f"that of the order, {line.business_date}, or left out", str(request.day))
    return {"location_id": line.location_id, "day": line.business_date, "order_line_id": line.id}


def _require_open_day(sku: StockItem, row: dict[str, Any], same_day: list[Any]) -> None:
    """Refuse a verdict on a line of a day that does not count at all: it would change nothing."""
    about = [one for one in same_day if one.order_line_id is None and one.location_id in (None, row["location_id"])]
    if about and about[-1].decision == OutlierVerdict.EXCLUDED:
        whole = f"excluded whole by outlier {about[-1].id}"
        raise NotPossible(f"a line of {sku.display_code} on {row['day']}", "decide on", whole)
