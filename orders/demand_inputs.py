"""What all that the planner says of demand has in common: an item, a place, days, numbers, and a way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from data import demand_input_rows
from data.connection import Database
from data.master_rows import StockItem
from orders.booking import our_place, stock_items
from orders.commands import Command, carry_out
from orders.errors import InvalidRequest, NotPossible, UnknownThing
from orders.model import Actor, Permission
from orders.requests import words
from orders.terms import terms_in_force

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)


class InputKind(StrEnum):
    """What the planner can say of demand."""

    OVERRIDE = "override"
    EVENT = "event"
    SUCCESSION = "succession"
    ANALOGUE = "analogue"
    OUTLIER = "outlier"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was taken back."""

    kind: str
    number: int


def withdraw_input(
    database: Database, kind: str, number: int, reason: str | None, *, key: str, actor: Actor, at: datetime
) -> Withdrawn:
    """Take back something that was said of demand: plans made from now on are made without it.

    Plans as of a day before keep it, as it was known then. What it had superseded holds again.

    Args:
        kind: override, event, succession, analogue or outlier.
        number: Its number.
        reason: Why, if there is anything to say.

    Raises:
        InvalidRequest: there is no such kind.
        UnknownThing: there is none of that number.
        NotPossible: it was withdrawn already, or it is an override that has expired.
    """
    actor.require(Permission.FORECAST)
    if kind not in list(InputKind):
        raise InvalidRequest("kind", " or ".join(InputKind), kind)
    why = None if reason is None else words("reason", reason)

    def act(command: Command) -> dict[str, Any]:
        _require_open(command, kind, number)
        done = demand_input_rows.withdraw(
            command.connection, kind, number, at=command.at, by=command.actor.name, reason=why
        )
        if not done:
            raise NotPossible(f"{kind} {number}", "withdraw", "withdrawn already")
        entity = demand_input_rows.TABLES[kind].name
        command.announce(f"demand.{kind}_withdrawn", entity, number, {"number": number, "reason": why})
        return {"kind": str(kind), "number": number}

    asked = {"kind": str(kind), "number": number, "reason": why}
    return Withdrawn(**carry_out(database, act, action=f"withdraw {kind}", request=asked, key=key, actor=actor, at=at))


def _require_open(command: Command, kind: str, number: int) -> None:
    reads = {
        InputKind.OVERRIDE: demand_input_rows.overrides,
        InputKind.EVENT: demand_input_rows.events,
        InputKind.SUCCESSION: demand_input_rows.successions,
        InputKind.ANALOGUE: demand_input_rows.analogues,
        InputKind.OUTLIER: demand_input_rows.outlier_decisions,
    }
    found = reads[InputKind(kind)](command.connection, number=number)
    if not found:
        raise UnknownThing(kind, str(number))
    if found[0].withdrawn_at is not None:
        raise NotPossible(f"{kind} {number}", "withdraw", "withdrawn already")
    if kind == InputKind.OVERRIDE and found[0].until_date < today(command):
        raise NotPossible(f"{kind} {number}", "withdraw", f"expired since {found[0].until_date}")


def today(command: Command) -> date:
    """The business day on which the command is given, where the company is."""
    return command.at.astimezone(ZoneInfo(terms_in_force(command.sql).time_zone)).date()


def said(command: Command, reason: str) -> dict[str, Any]:
    """Who says it, when and why: the columns that every row of these has."""
    return {
        "reason": reason,
        "recorded_at": command.at,
        "recorded_by": command.actor.name,
        "command_key": command.key,
    }


def item(command: Command, code: str) -> StockItem:
    """The SKU of that code.

    Raises:
        UnknownThing: there is none.
        InvalidRequest: it is a bundle, whose demand is that of its components.
    """
    return stock_items(command, [code])[0]


def place_id(command: Command, code: str | None) -> int | None:
    """The place of ours of that code; None means everywhere.

    Raises:
        UnknownThing: there is none.
        InvalidRequest: it is outside our walls.
    """
    return None if code is None else our_place(command, "location", code).id


def period(first: date, last: date) -> tuple[date, date]:
    """Days from the first to the last, both included.

    Raises:
        InvalidRequest: the last lies before the first, or one lies beyond all calendars.
    """
    day("from", first)
    if day("until", last) < first:
        raise InvalidRequest("until", f"{first} or later", str(last))
    return first, last


def day(field: str, value: date) -> date:
    """A day that calendars reach.

    Raises:
        InvalidRequest: it is none.
    """
    if isinstance(value, datetime) or not isinstance(value, date) or not FIRST_DAY <= value <= LAST_DAY:
        raise InvalidRequest(field, f"a day from {FIRST_DAY} to {LAST_DAY}", str(value))
    return value


def number_within(field: str, value: object, least: float, most: float, *, above: bool = False) -> float:
    """A finite number within bounds; with `above`, more than the least.

    Raises:
        InvalidRequest: it is none, or outside.
    """
    wanted = f"a number {'above' if above else 'from'} {least:g} {'and at most' if above else 'to'} {most:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise InvalidRequest(field, wanted, value)
    if not least <= value <= most or (above and value == least):
        raise InvalidRequest(field, wanted, value)
    return float(value)
