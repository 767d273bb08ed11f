"""Master data: places of ours, what parcels from them cost, list prices, bundles, and how channels sell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from data import master_rows
from data.connection import Database
from data.importers.order_files import resolve_time_zone
from data.importers.problems import WHOLE_FILE, Problems
from data.master_rows import StockItem
from orders.booking import our_place
from orders.commands import Command, carry_out
from orders.errors import InvalidRequest, InvalidTerm, NotPossible, UnknownThing
from orders.model import Actor, LocationKind, Permission, WhenShort
from orders.money import currency_code
from orders.requests import micros, minor, plain, whole, words
from orders.terms import terms_in_force

# Locations


def add_location(
    database: Database, *, code: str, name: str, kind: str, time_zone: str, actor: Actor, country: str | None = None
) -> None:
    """Add a place of ours; nothing happens when there is one of that code already.

    Raises:
        InvalidTerm: the kind is none of ours.
        InvalidRequest: the country is no code of two letters.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)
    if kind not in list(LocationKind):
        raise InvalidTerm("location kind", kind, " or ".join(LocationKind))
    resolve_time_zone(time_zone)
    where = None if country is None else country_code("country", country)
    with database.writing() as connection:
        if code.upper() not in master_rows.location_ids(connection):
            master_rows.add_location(
                connection, code=code.upper(), name=name, kind=kind, time_zone=time_zone, country=where
            )


def country_code(field: str, text: str) -> str:
    """An ISO 3166 code such as DE.

    Raises:
        InvalidRequest: the text is not two letters.
    """
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise InvalidRequest(field, "an ISO 3166 code such as DE", text)
    return code


def ensure_locations(connection: Connection, codes: Iterable[str], *, time_zone: str, warnings: Problems) -> None:
    """Make the locations of these codes that are new, as warehouses, and say so.

    Raises:
        InvalidTerm: a code is that of a location outside our walls, such as CUSTOMER.
    """
    known = master_rows.location_ids(connection)
    ours = {place.code for place in master_rows.internal_locations(connection)}
    for code in codes:
        if code in known and code not in ours:
            raise InvalidTerm("location", code, f"a place of ours, none of {', '.join(sorted(set(known) - ours))}")
        if code not in known:
            master_rows.add_location(connection, code=code, name=code, kind=LocationKind.WAREHOUSE, time_zone=time_zone)
            warnings.add(f"location {code} is new: made as a warehouse", positions=WHOLE_FILE, column="location")


@dataclass(frozen=True, slots=True)
class ShippingLane:
    """What a parcel from a place of ours to a country costs in the company's currency, and how long it takes."""

    location: str
    country: str
    parcel_cost: Decimal
    transit_days: float


def set_shipping_lane(database: Database, request: ShippingLane, *, key: str, actor: Actor, at: datetime) -> None:
    """Set what a parcel costs and takes, in place of the terms' general values.

    Raises:
        UnknownThing: there is no such location.
        InvalidRequest: the place is not ours, the country is no code of two letters, the cost is negative or finer
            than the currency, or the days are not between 0 and 365.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)
    country = country_code("country", request.country)
    if not 0 <= request.transit_days <= 365:
        raise InvalidRequest("transit_days", "from 0 to 365", request.transit_days)

    def act(command: Command) -> dict[str, Any]:
        place = our_place(command, "location", request.location)
        cost = minor("parcel_cost", request.parcel_cost, terms_in_force(command.sql).currency, least=0)
        master_rows.set_lane(
            command.connection,
            location_id=place.id,
            country=country,
            parcel_cost_minor=cost,
            transit_days=float(request.transit_days),
        )
        command.announce("shipping_lane.set", "location", place.id, plain(request))
        return {}

    carry_out(database, act, action="set shipping lane", request=plain(request), key=key, actor=actor, at=at)


# SKUs


@dataclass(frozen=True, slots=True)
class ListPrice:
    """What a SKU costs where an order names no price; no price takes it off the list."""

    sku: str
    price: Decimal | None
    currency: str | None = None


def set_list_price(database: Database, request: ListPrice, *, key: str, actor: Actor, at: datetime) -> None:
    """Set a SKU's list price, in the company's currency where none is named.

    Raises:
        UnknownThing: there is no such SKU.
        InvalidRequest: the price is negative or has more than six decimals.
        InvalidTerm: the currency is no code of three letters.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)

    def act(command: Command) -> dict[str, Any]:
        item = _items(command, [request.sku])[0]
        price = None if request.price is None else micros("price", request.price)
        currency = currency_code(request.currency or terms_in_force(command.sql).currency)
        master_rows.set_list_price(
            command.connection, item.id, price_micros=price, currency=None if price is None else currency
        )
        command.announce("sku.list_price_set", "sku", item.id, plain(request))
        return {}

    carry_out(database, act, action="set list price", request=plain(request), key=key, actor=actor, at=at)


@dataclass(frozen=True, slots=True)
class BundleComponent:
    """Units of a SKU in one bundle."""

    sku: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """A SKU that is sold as others; no components make it a SKU like any other."""

    sku: str
    components: tuple[BundleComponent, ...]


def set_bundle(database: Database, request: Bundle, *, key: str, actor: Actor, at: datetime) -> None:
    """Say what a bundle consists of; orders placed before stay as they were.

    Raises:
        UnknownThing: there is no such SKU.
        InvalidRequest: a component is a bundle, the bundle itself, or there twice, or its quantity is not positive.
        NotPossible: stock of the SKU is on hand, it is tracked by lot, or it is a component of a bundle.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)
    quantities = [
        whole(f"component {number}: quantity", part.quantity, most=10**6)
        for number, part in enumerate(request.components, 1)
    ]

    def act(command: Command) -> dict[str, Any]:
        item, *parts = _items(command, [request.sku, *(part.sku for part in request.components)])
        _require_sound_bundle(command, item, parts)
        master_rows.set_components(
            command.connection, item.id, {part.id: units for part, units in zip(parts, quantities, strict=True)}
        )
        command.announce("bundle.set", "sku", item.id, plain(request))
        return {}

    carry_out(database, act, action="set bundle", request=plain(request), key=key, actor=actor, at=at)


def _items(command: Command, codes: list[str]) -> list[StockItem]:
    """SKUs by their codes, bundles too, held until the transaction ends."""
    wanted = [words("sku", code).upper() for code in codes]
    found = master_rows.stock_items(command.connection, wanted, lock=True)
    for code in wanted:
        if code not in found:
            raise UnknownThing("SKU", code)
    return [found[code] for code in wanted]


def _require_sound_bundle(command: Command, item: StockItem, parts: list[StockItem]) -> None:
    for number, part in enumerate(parts):
        if part.id == item.id or part in parts[:number]:
            raise InvalidRequest("components", "other SKUs, each once", part.display_code)
        if part.is_bundle:
            raise InvalidRequest("components", "no bundles themselves", part.display_code)
    if not parts:
        return
    name = f"SKU {item.display_code}"
    if master_rows.has_stock(command.connection, item.id):
        raise NotPossible(name, "make a bundle of", "in stock")
    if item.is_lot_tracked:
        raise NotPossible(name, "make a bundle of", "tracked by lot")
    if containing := master_rows.bundles_with(command.connection, item.id):
        raise NotPossible(name, "make a bundle of", f"part of {', '.join(containing)}")


# Channels


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How a sales channel sells; None leaves what it has, or takes the company's for a new channel.

    Attributes:
        code: The channel.
        when_short: refuse, backorder or partial: what becomes of an order of which not everything is in stock.
        currency: ISO 4217, for orders that name none.
        time_zone: In which a day is the channel's business day.
    """

    code: str
    when_short: str | None = None
    currency: str | None = None
    time_zone: str | None = None


def set_channel(database: Database, request: ChannelSettings, *, key: str, actor: Actor, at: datetime) -> None:
    """Change how a channel sells, or make a new one; orders placed before stay as they were.

    Raises:
        InvalidRequest: the code is empty, or `when_short` is none that we know.
        InvalidTerm: the currency is no code of three letters.
        UnreadableFile: there is no such time zone.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)
    code = words("code", request.code, most=100)
    values: dict[str, str] = {}
    if request.when_short is not None:
        if request.when_short not in list(WhenShort):
            raise InvalidRequest("when_short", " or ".join(WhenShort), request.when_short)
        values["when_short"] = str(request.when_short)
    if request.currency is not None:
        values["currency"] = currency_code(request.currency)
    if request.time_zone is not None:
        resolve_time_zone(request.time_zone)
        values["time_zone"] = request.time_zone

    def act(command: Command) -> dict[str, Any]:
        terms = terms_in_force(command.sql)
        number = master_rows.channel_id(command.connection, code, time_zone=terms.time_zone, currency=terms.currency)
        master_rows.set_channel(command.connection, number, values)
        command.announce("channel.set", "channel", number, {"code": code, **values})
        return {}

    carry_out(database, act, action="set channel", request=plain(request), key=key, actor=actor, at=at)
