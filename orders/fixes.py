"""Fixes of an order: what the discrepancy queue suggests, laid out for JSON so that one click applies it.

A fix is one of

    {"set": {"currency": "EUR"}}, {"set": {"ship_to": {…}}}
    {"line": 2, "set": {"sku": "A-12"}}, likewise quantity, tax_rate and unit_price ("12.5"; null: the list price)
    {"line": 2, "drop": true}
    {"cancel": true}
    {}: nothing that a machine can do, only a person can say
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from orders.errors import InvalidRequest
from orders.model import Address, LineRequest, OrderRequest, as_decimal
from orders.money import MICROS
from orders.pricing import MOST_PRICE, MOST_UNITS, in_micros


def applied(request: OrderRequest, fix: Mapping[str, Any]) -> OrderRequest:
    """The order with one fix applied.

    A dropped line renumbers those after it: verify again before the next fix.

    Raises:
        InvalidRequest: the fix is none of those that this module names, names a line that is not there, sets an
            impossible value, drops the last line, or cancels: then no order is left.
    """
    if set(fix) == {"set"}:
        return replace(request, **_settings(fix["set"], _ORDER_SETTINGS))
    if set(fix) not in ({"line", "set"}, {"line", "drop"}):
        raise InvalidRequest("fix", 'laid out as {"set": …}, {"line": …, "set": …} or {"line": …, "drop": true}', fix)
    line_no, lines = fix["line"], request.lines
    if type(line_no) is not int or not 1 <= line_no <= len(lines):
        raise InvalidRequest("fix: line", f"a line of the order, 1 to {len(lines)}", line_no)
    if "set" in fix:
        changed: tuple[LineRequest, ...] = (replace(lines[line_no - 1], **_settings(fix["set"], _LINE_SETTINGS)),)
    elif fix["drop"] is not True:
        raise InvalidRequest("fix: drop", "true", fix["drop"])
    elif len(lines) == 1:
        raise InvalidRequest("fix: drop", "a line of several, as an order has at least one", line_no)
    else:
        changed = ()
    return replace(request, lines=(*lines[: line_no - 1], *changed, *lines[line_no:]))


def cancels(fix: Mapping[str, Any]) -> bool:
    """Whether the fix is to cancel the order."""
    return fix.get("cancel") is True


def _settings(given: object, known: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given or not set(given) <= set(known):
        raise InvalidRequest("fix: set", f"made of {', '.join(known)}", given)
    return {name: known[name](value) for name, value in given.items()}


def _currency_setting(value: object) -> str:
    if not isinstance(value, str) or not is_code(value, letters=3):
        raise InvalidRequest("fix: currency", "a code such as EUR", value)
    return value


def _address_setting(value: object) -> Address:
    known = {part.name for part in fields(Address)}
    is_address = isinstance(value, Mapping) and set(value) <= known
    if not isinstance(value, Mapping) or not is_address or not all(isinstance(v, str | None) for v in value.values()):
        raise InvalidRequest("fix: ship_to", f"texts for {', '.join(sorted(known))}", value)
    if value.get("country") is not None and not is_code(value["country"], letters=2):
        raise InvalidRequest("fix: country", "a code of two capitals such as DE", value["country"])
    return Address(**value)


def _sku_setting(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest("fix: sku", "a code", value)
    return value.strip()


def _quantity_setting(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MOST_UNITS:
        raise InvalidRequest("fix: quantity", f"a whole number from 1 to {MOST_UNITS}", value)
    return value


def _price_setting(value: object) -> Decimal | None:
    return _exact_setting("unit_price", value, most=MOST_PRICE)


def _rate_setting(value: object) -> Decimal | None:
    return _exact_setting("tax_rate", value, most=1)


def _exact_setting(name: str, value: object, *, most: int) -> Decimal | None:
    number = as_decimal(f"fix: {name}", value)
    micros = 0 if number is None else in_micros(number)
    if micros is None or not 0 <= micros <= most * MICROS:
        raise InvalidRequest(f"fix: {name}", f"a number from 0 to {most} with at most six decimals, or none", value)
    return number


_ORDER_SETTINGS: dict[str, Callable[[Any], Any]] = {"currency": _currency_setting, "ship_to": _address_setting}
_LINE_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "sku": _sku_setting,
    "quantity": _quantity_setting,
    "unit_price": _price_setting,
    "tax_rate": _rate_setting,
}


def is_code(text: str, *, letters: int) -> bool:
    """Whether a text has the form of an ISO code of a country (2 letters) or a currency (3): ASCII capitals."""
    return len(text) == letters and text.isascii() and text.isalpha() and text.isupper()
