"""Requests as they come in: checked values, and one JSON text for equal ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from orders.errors import InvalidRequest
from orders.model import as_decimal
from orders.money import MICROS, exponent, micros_per_minor
from orders.pricing import MOST_MINOR, MOST_PRICE, MOST_UNITS, in_micros


def plain(request: object) -> Any:
    """A request as JSON knows it: the same for equal requests, however their numbers were written."""
    if is_dataclass(request):
        return {field.name: plain(getattr(request, field.name)) for field in fields(request)}
    if isinstance(request, Mapping):
        return {str(name): plain(value) for name, value in request.items()}
    if isinstance(request, Sequence) and not isinstance(request, str):
        return [plain(value) for value in request]
    if isinstance(request, Decimal):
        return format(request.normalize(), "f")
    if isinstance(request, datetime | date):
        return request.isoformat()
    return request


def whole(field: str, value: object, *, least: int = 1, most: int = MOST_UNITS) -> int:
    """A whole number within bounds.

    Raises:
        InvalidRequest: it is none, or outside.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidRequest(field, f"a whole number from {least} to {most}", value)
    return value


def words(field: str, value: object, *, most: int = 500) -> str:
    """Text that says something, without blanks around it.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if not isinstance(value, str) or not 0 < len(value.strip()) <= most:
        raise InvalidRequest(field, f"given, in 1 to {most} characters", value)
    return value.strip()


def micros(field: str, value: object) -> int:
    """A unit price or cost in millionths.

    Raises:
        InvalidRequest: it is no exact number of at most six decimals, is negative or beyond all measure.
    """
    number = as_decimal(field, value)
    scaled = None if number is None else in_micros(number)
    if scaled is None or not 0 <= scaled <= MOST_PRICE * MICROS:
        raise InvalidRequest(field, f"a number from 0 to {MOST_PRICE} with at most 6 decimals", str(value))
    return scaled


def minor(field: str, value: object, currency: str, *, least: int = 1) -> int:
    """An amount of money in minor units of its currency.

    Args:
        field: What it is called.
        value: An exact number of the currency's units.
        currency: ISO 4217.
        least: Minor units.

    Raises:
        InvalidRequest: it is no exact number, is less than the least, or has more decimals than the currency.
    """
    number = as_decimal(field, value)
    scaled = None if number is None else in_micros(number)
    amount, finer = (0, 1) if scaled is None else divmod(scaled, micros_per_minor(currency))
    if finer or not least <= amount <= MOST_MINOR:
        sign = "above" if least else "of at least"
        wanted = f"an amount {sign} 0 with at most {exponent(currency)} decimals, as {currency} has"
        raise InvalidRequest(field, wanted, str(value))
    return amount
