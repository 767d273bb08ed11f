"""The calendar of demand: promotions, holidays, events and one-offs, for everything, a category or one SKU."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from data import demand_input_rows
from data.connection import Database
from orders.commands import Command, carry_out
from orders.demand_inputs import item, number_within, period, place_id, said
from orders.errors import InvalidRequest, UnknownThing
from orders.forecast_overrides import MOST_TIMES
from orders.model import Actor, Permission
from orders.requests import plain, words


class EventKind(StrEnum):
    """What an event is; a one-off will not come again."""

    PROMOTION = "promotion"
    HOLIDAY = "holiday"
    EVENT = "event"
    ONE_OFF = "one_off"


@dataclass(frozen=True, slots=True)
class DemandEvent:
    """Days on which demand is not as usual.

    Attributes:
        name: What people call it; the same name each time that it returns lets its effect be learnt.
        kind: promotion, holiday, event or one_off.
        starts: The first day.
        until: The last day.
        reason: Where it is known from, or why it is entered.
        category: Only items of this category; not together with `sku`.
        sku: Only this SKU.
        location: Only at this place of ours.
        uplift: The factor by which demand is expected to change, such as 1.5; None leaves it to the forecast.
        is_excluded_from_history: Whether the demand of these days is not to teach the forecast; for one-offs.
    """

    name: str
    kind: str
    starts: date
    until: date
    reason: str
    category: str | None = None
    sku: str | None = None
    location: str | None = None
    uplift: float | None = None
    is_excluded_from_history: bool = False


@dataclass(frozen=True, slots=True)
class EventAdded:
    """An event that is on the calendar now; `scope` is all, category or sku."""

    number: int
    name: str
    scope: str


def add_event(database: Database, request: DemandEvent, *, key: str, actor: Actor, at: datetime) -> EventAdded:
    """Put an event on the calendar.

    Raises:
        UnknownThing: there is no such SKU, category or location.
        InvalidRequest: the kind is unknown, the days or the uplift are impossible, no name or reason is given, both
            a category and a SKU are named, the SKU is a bundle, or something else than a one-off is to be left out
            of history.
    """
    actor.require(Permission.FORECAST)
    if request.kind not in list(EventKind):
        raise InvalidRequest("kind", " or ".join(EventKind), request.kind)
    name, reason = words("name", request.name, most=100), words("reason", request.reason)
    starts, until = period(request.starts, request.until)
    uplift = None if request.uplift is None else number_within("uplift", request.uplift, 0, MOST_TIMES)
    if request.category is not None and request.sku is not None:
        raise InvalidRequest("scope", "a category or a SKU, not both", f"{request.category} and {request.sku}")
    if request.is_excluded_from_history and request.kind != EventKind.ONE_OFF:
        wanted = "one_off where its days are left out of history, as from what returns the forecast is to learn"
        raise InvalidRequest("kind", wanted, request.kind)

    def act(command: Command) -> dict[str, Any]:
        category = None if request.category is None else _category(command, request.category)
        sku = None if request.sku is None else item(command, request.sku)
        scope = "category" if category is not None else "sku" if sku is not None else "all"
        row = {
            "name": name, "kind": str(request.kind), "from_date": starts, "until_date": until, "scope": scope,
            "category": category, "sku_id": None if sku is None else sku.id,
            "location_id": place_id(command, request.location), "uplift": uplift,
            "is_excluded_from_history": bool(request.is_excluded_from_history), **said(command, reason),
        }  # fmt: skip
        (number,) = demand_input_rows.add(command.connection, "event", [row])
        command.announce("demand.event_added", "demand_event", number, asked)
        return {"number": number, "name": name, "scope": scope}

    asked = {**plain(request), "name": name, "reason": reason, "uplift": uplift}
    return EventAdded(**carry_out(database, act, action="add event", request=asked, key=key, actor=actor, at=at))


def _category(command: Command, named: str) -> str:
    category = demand_input_rows.category_named(command.connection, words("category", named))
    if category is None:
        raise UnknownThing("category", named, hint="no item is in it")
    return category
