"""The planner's standing assumptions: what a file does not say, and what the plan should achieve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from data import term_rows
from data.connection import Database
from data.driver import Driver
from data.errors import UnreadableFile
from data.importers.order_files import resolve_time_zone
from orders.errors import InvalidTerm
from orders.model import Actor, Permission
from orders.money import currency_code


@dataclass(frozen=True)
class Terms:
    """Values that hold wherever an item, a file or an option says nothing else.

    Units: days, hours, whole weeks, shares of 1; `order_cost`, `stock_budget` and parcels in the company's currency.
    """

    currency: str = "EUR"
    time_zone: str = "UTC"
    default_location: str = "MAIN"
    lead_time_days: float = 14.0
    lead_time_sd_days: float = 3.0
    review_period_days: int = 7
    unit_cost_share: float = 0.5
    moq: int = 1
    pack_size: int = 1
    order_cost: float = 0.0
    holding_cost_rate: float = 0.25
    fill_rate_target: float = 0.95
    fill_rate_floor: float = 0.5
    stock_budget: float | None = None
    opening_stock_weeks: float = 4.0
    price_tolerance: float = 0.25
    duplicate_window_hours: float = 24.0
    unusual_quantity_ratio: float = 10.0
    parcel_cost: float = 5.0
    parcel_cost_abroad: float = 15.0
    transit_days: float = 2.0
    transit_days_abroad: float = 5.0


MEANINGS: dict[str, str] = {
    "currency": "the company's currency, ISO 4217",
    "time_zone": "the company's time zone, in which a day is a business day",
    "default_location": "where orders are served from when a file names no location",
    "lead_time_days": "days from order to receipt, for items that name none and have no receipts",
    "lead_time_sd_days": "standard deviation of the lead time, days, where receipts do not show it",
    "review_period_days": "days between two looks at a SKU",
    "unit_cost_share": "unit cost as a share of the mean selling price, for items without a cost",
    "moq": "least units per order line, for items that name none",
    "pack_size": "units per pack, for items that name none",
    "order_cost": "cost of one order line, in the company's currency; from it come the economic lots",
    "holding_cost_rate": "cost of holding stock for a year, as a share of its value",
    "fill_rate_target": "share of demand, by value, to be met from stock",
    "fill_rate_floor": "least fill rate of any single SKU",
    "stock_budget": "most money that may be tied up in average stock, at cost; none for no limit",
    "opening_stock_weeks": "weeks of demand assumed on hand where no stock was ever counted",
    "price_tolerance": "how far an order's price may lie from the usual one, as a share of it, before somebody looks",
    "duplicate_window_hours": "hours within which a customer's same order again is taken for a duplicate; 0 for never",
    "unusual_quantity_ratio": "how many times the largest recent line of a SKU a line may be before somebody looks",
    "parcel_cost": "cost of a parcel within the country, in the company's currency, where no lane says otherwise",
    "parcel_cost_abroad": "cost of a parcel abroad, in the company's currency, where no lane says otherwise",
    "transit_days": "days that a parcel takes within the country, where no lane says otherwise",
    "transit_days_abroad": "days that a parcel takes abroad, where no lane says otherwise",
}


def read_terms(connection: Connection) -> Terms:
    """The terms in force."""
    stored = {name: value for name, value in term_rows.read(connection).items() if name in MEANINGS}
    return replace(Terms(), **{name: parse_term(name, value) for name, value in stored.items()})


def terms_in_force(sql: Driver) -> Terms:
    """The terms in force, for use cases that run often: parsed once for as long as nobody sets others."""
    return _parsed(tuple(tuple(row) for row in sql.rows("SELECT name, value FROM term ORDER BY name")))


@lru_cache(maxsize=8)
def _parsed(stored: tuple[tuple[str, str], ...]) -> Terms:
    return replace(Terms(), **{name: parse_term(name, value) for name, value in stored if name in MEANINGS})


def set_terms(database: Database, values: Mapping[str, str], *, actor: Actor, at: datetime) -> Terms:
    """Set terms from their texts, all or none, and return those now in force.

    Raises:
        InvalidTerm: a name is unknown or a value is not one that it can have.
    """
    actor.require(Permission.SET_TERMS)
    parsed = {name: parse_term(name, value) for name, value in values.items()}
    with database.writing() as connection:
        terms = replace(read_terms(connection), **parsed)
        if terms.fill_rate_floor > terms.fill_rate_target:
            raise InvalidTerm(
                "fill_rate_floor", str(terms.fill_rate_floor), f"at most fill_rate_target ({terms.fill_rate_target})"
            )
        term_rows.write(connection, {name: _as_text(value) for name, value in parsed.items()}, actor.name, at)
    return terms


def adopt_terms(connection: Connection, values: Mapping[str, str], *, actor: Actor, at: datetime) -> dict[str, str]:
    """Set those of the terms that nobody ever set; what a company's first file says of it holds for it.

    Returns:
        The terms that were set.
    """
    stored = term_rows.read(connection)
    adopted = {name: _as_text(parse_term(name, value)) for name, value in values.items() if name not in stored}
    term_rows.write(connection, adopted, actor.name, at)
    return adopted


def parse_term(name: str, value: str) -> Any:
    """The value of a term from its text.

    Raises:
        InvalidTerm: naming the term, what was wanted and what came.
    """
    if name not in MEANINGS:
        raise InvalidTerm("term", name, f"one of {', '.join(MEANINGS)}")
    wanted, read = _WANTED[name]
    try:
        return read(value.strip())
    except (ValueError, TypeError) as error:
        raise InvalidTerm(name, value, wanted) from error


def term_values(terms: Terms) -> dict[str, str]:
    """Every term with its value as text."""
    return {field.name: _as_text(getattr(terms, field.name)) for field in fields(terms)}


def _as_text(value: object) -> str:
    return "none" if value is None else repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _number(least: float, most: float, *, open_ends: bool = False) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = float(text)
        inside = least < number < most if open_ends else least <= number <= most
        if not inside:
            raise ValueError(text)
        return number

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


def _budget(text: str) -> float | None:
    return None if text.lower() in ("none", "") else _number(0, 1e12, open_ends=True)(text)


def _time_zone(text: str) -> str:
    try:
        return resolve_time_zone(text)
    except UnreadableFile as error:
        raise ValueError(text) from error


def _code(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text.upper()


_WANTED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "currency": ("an ISO 4217 code such as EUR", currency_code),
    "time_zone": ("a time zone such as Europe/London", _time_zone),
    "default_location": ("the code of a location", _code),
    "lead_time_days": ("days from 0 to 730", _number(0, 730)),
    "lead_time_sd_days": ("days from 0 to 365", _number(0, 365)),
    "review_period_days": ("whole days from 1 to 90", _whole(1, 90)),
    "unit_cost_share": ("strictly between 0 and 1", _number(0, 1, open_ends=True)),
    "moq": ("a whole number from 1", _whole(1, 10**9)),
    "pack_size": ("a whole number from 1", _whole(1, 10**9)),
    "order_cost": ("an amount from 0", _number(0, 1e9)),
    "holding_cost_rate": ("a share of value per year above 0, at most 5", _number(1e-6, 5)),
    "fill_rate_target": ("strictly between 0 and 1", _number(0, 1, open_ends=True)),
    "fill_rate_floor": ("from 0 to below 1", _number(0, 0.9999)),
    "stock_budget": ("an amount above 0, or none", _budget),
    "opening_stock_weeks": ("weeks from 0 to 104", _number(0, 104)),
    "price_tolerance": ("a share from 0 to 100", _number(0, 100)),
    "duplicate_window_hours": ("hours from 0 to 8760", _number(0, 8760)),
    "unusual_quantity_ratio": ("a number from 1 to 1000000", _number(1, 1e6)),
    "parcel_cost": ("an amount from 0", _number(0, 1e9)),
    "parcel_cost_abroad": ("an amount from 0", _number(0, 1e9)),
    "transit_days": ("days from 0 to 365", _number(0, 365)),
    "transit_days_abroad": ("days from 0 to 365", _number(0, 365)),
}
