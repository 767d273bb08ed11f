"""The words of the order-management core: who acts, what they may do, what a line of an order file is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import IntEnum, StrEnum
from typing import Any

from orders.errors import InvalidRequest, NotAllowed


class Permission(StrEnum):
    """What an actor may be allowed to do."""

    IMPORT = "import data"
    SET_TERMS = "set planning terms"
    PLAN = "plan"
    APPROVE = "approve recommendations"
    MANAGE_MASTER_DATA = "manage master data"
    SELL = "enter and change orders"
    REVIEW = "hold, release and approve orders"
    FULFIL = "allocate and ship orders"
    TAKE_PAYMENT = "record payments"
    MOVE_STOCK = "move, count and adjust stock"
    PURCHASE = "place and receive purchase orders"
    CHECK = "check and seal the records"
    FORECAST = "override forecasts and say what demand will be"


@dataclass(frozen=True)
class Actor:
    """Who does something: a person's or a system's name, as the audit trail shows it."""

    name: str

    def may(self, permission: Permission) -> bool:
        """Whether this actor holds the permission; everything is allowed until roles exist."""
        return bool(permission)

    def require(self, permission: Permission) -> None:
        """Refuse an actor without the permission.

        Raises:
            NotAllowed: naming both.
        """
        if not self.may(permission):
            raise NotAllowed(self.name, permission.value)


class LineKind(IntEnum):
    """What a line of an order file is."""

    SALE = 0
    CREDIT = 1
    CHARGE = 2
    WRITE_OFF = 3
    FOUND = 4


class LocationKind(StrEnum):
    """Places of ours where goods can be. Only from a warehouse or a store are they sold."""

    WAREHOUSE = "warehouse"
    STORE = "store"
    IN_TRANSIT = "in_transit"
    INSPECTION = "inspection"
    QUARANTINE = "quarantine"


class OrderStatus(StrEnum):
    """Where an order stands; derived from its lines (`lifecycle.order_status`)."""

    DRAFT = "draft"
    PLACED = "placed"
    ON_HOLD = "on_hold"
    ALLOCATED = "allocated"
    PARTIALLY_ALLOCATED = "partially_allocated"
    BACKORDERED = "backordered"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class WhenShort(StrEnum):
    """What to do with an order of which not everything is in stock."""

    REFUSE = "refuse"
    BACKORDER = "backorder"
    PARTIAL = "partial"


class HoldKind(StrEnum):
    """Why an order waits."""

    CREDIT = "credit"
    ADDRESS = "address"
    FRAUD = "fraud"
    STOCK = "stock"
    REVIEW = "review"


class Disposition(StrEnum):
    """What becomes of returned goods."""

    RESTOCK = "restock"
    SCRAP = "scrap"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an order goes. `country` is an ISO 3166 code of two letters."""

    name: str | None = None
    line1: str | None = None
    line2: str | None = None
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """For JSON."""
        return {"name": self.name, "line1": self.line1, "line2": self.line2, "postcode": self.postcode,
                "city": self.city, "region": self.region, "country": self.country}  # fmt: skip

    @property
    def missing(self) -> tuple[str, ...]:
        """What a carrier would ask for and is not there."""
        return tuple(part for part in ("name", "line1", "city", "country") if not (getattr(self, part) or "").strip())


@dataclass(frozen=True, slots=True)
class LineRequest:
    """A line to be ordered.

    Attributes:
        sku: Its code, in any case.
        quantity: Units.
        unit_price: Exact, at most six decimals; None takes the SKU's list price.
        tax_rate: Share of the price, such as 0.2; None for no tax line.
        tax_name: What the tax is called.
    """

    sku: str
    quantity: int
    unit_price: Decimal | None = None
    tax_rate: Decimal | None = None
    tax_name: str = "tax"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as a customer gives it.

    Attributes:
        channel: Code of the sales channel.
        external_ref: The channel's own number of the order; never twice on one channel.
        lines: At least one.
        customer: The customer's reference, None for an unknown buyer.
        customer_name: Their name, for a new one.
        currency: ISO 4217; None takes the channel's.
        ship_to: Where it goes.
        prices_include_tax: Whether unit prices hold the tax of `tax_rate` already.
        when_short: refuse, backorder or partial; None takes the channel's.
        priority: Higher is served first when stock is short.
        promised_date: The day by which it was promised to be there.
        soft_reservations: Ids of soft reservations that this order takes over.
    """

    channel: str
    external_ref: str
    lines: tuple[LineRequest, ...]
    customer: str | None = None
    customer_name: str | None = None
    currency: str | None = None
    ship_to: Address | None = None
    prices_include_tax: bool = False
    when_short: str | None = None
    priority: int = 0
    promised_date: date | None = None
    soft_reservations: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the same text for equal orders, whatever the kind of number that a price was given as."""
        lines = [
            {"sku": line.sku, "quantity": line.quantity, "unit_price": _text(line.unit_price),
             "tax_rate": _text(line.tax_rate), "tax_name": line.tax_name}
            for line in self.lines
        ]  # fmt: skip
        return {
            "channel": self.channel,
            "external_ref": self.external_ref,
            "lines": lines,
            "customer": self.customer,
            "customer_name": self.customer_name,
            "currency": self.currency,
            "ship_to": None if self.ship_to is None else self.ship_to.as_dict(),
            "prices_include_tax": self.prices_include_tax,
            "when_short": self.when_short,
            "priority": self.priority,
            "promised_date": None if self.promised_date is None else self.promised_date.isoformat(),
            "soft_reservations": list(self.soft_reservations),
        }


def order_request(given: Mapping[str, Any]) -> OrderRequest:
    """An order from what `OrderRequest.as_dict` gave, or a JSON file of that layout.

    Raises:
        InvalidRequest: a field is unknown, missing, or not of its kind.
    """
    known = {field.name for field in fields(OrderRequest)}
    _refuse_unknown("order", given, known)
    for name in ("channel", "external_ref", "lines"):
        if not given.get(name):
            raise InvalidRequest(name, "given", given.get(name))
    ship_to, promised = given.get("ship_to"), given.get("promised_date")
    if ship_to is not None:
        _refuse_unknown("ship_to", ship_to, {field.name for field in fields(Address)})
    return OrderRequest(
        channel=str(given["channel"]),
        external_ref=str(given["external_ref"]),
        lines=tuple(_line_request(line, number) for number, line in enumerate(given["lines"], start=1)),
        customer=given.get("customer"),
        customer_name=given.get("customer_name"),
        currency=given.get("currency"),
        ship_to=None if ship_to is None else Address(**ship_to),
        prices_include_tax=bool(given.get("prices_include_tax", False)),
        when_short=given.get("when_short"),
        priority=int(given.get("priority") or 0),
        promised_date=_day("promised_date", promised),
        soft_reservations=tuple(int(number) for number in given.get("soft_reservations") or ()),
    )


def _line_request(given: Mapping[str, Any], number: int) -> LineRequest:
    where = f"line {number}"
    _refuse_unknown(where, given, {field.name for field in fields(LineRequest)})
    if not given.get("sku"):
        raise InvalidRequest(f"{where}: sku", "given", given.get("sku"))
    return LineRequest(
        sku=str(given["sku"]),
        quantity=given.get("quantity", 1),
        unit_price=as_decimal(f"{where}: unit_price", given.get("unit_price")),
        tax_rate=as_decimal(f"{where}: tax_rate", given.get("tax_rate")),
        tax_name=given.get("tax_name") or "tax",
    )


def as_decimal(field: str, value: object) -> Decimal | None:
    """An exact number from text, an int or a Decimal; None stays None.

    Raises:
        InvalidRequest: it is none, or a float, which is not exact.
    """
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            return Decimal(value)
        except InvalidOperation as error:
            raise InvalidRequest(field, "an exact number such as '12.50'", value) from error
    if isinstance(value, float):  # JSON has no other; its shortest text is what was written
        return Decimal(repr(value))
    raise InvalidRequest(field, "an exact number such as '12.50'", value)


def _day(field: str, value: object) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidRequest(field, "a date such as 2026-11-22", value) from error


def _text(number: Decimal | None) -> str | None:
    return None if number is None else format(number.normalize(), "f")


def _refuse_unknown(where: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidRequest(where, f"made of {', '.join(sorted(known))}", ", ".join(unknown))
