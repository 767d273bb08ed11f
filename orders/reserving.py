"""Stock is kept for somebody who has not ordered yet, for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from data import balance_rows, lot_rows, stocking_rows
from data.balance_rows import BalanceKey, Shelf
from data.connection import Database
from data.master_rows import StockItem
from orders.allocating import free_for_backorders
from orders.allocation import pick_lots
from orders.booking import our_place, stock_items
from orders.commands import Command, carry_out
from orders.ending_reservations import end_reservation, expire_lapsed
from orders.errors import InsufficientStock, InvalidRequest, NotPossible, UnknownThing
from orders.model import Actor, Permission
from orders.requests import plain, whole, words

LONGEST = timedelta(days=366)
"""Who wants goods kept for longer should order them."""


@dataclass(frozen=True, slots=True)
class SoftReservation:
    """Units to be kept, for so many minutes or until a moment with a time zone.

    Attributes:
        sku: Its code.
        quantity: Units.
        purpose: For what, such as a quote's number.
        location: A place that sells; None for any.
        minutes: For how long.
        expires_at: Until when, if no minutes are given.
    """

    sku: str
    quantity: int
    purpose: str
    location: str | None = None
    minutes: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReservedUnits:
    """Units of one lot at one place; `lot` is None for goods that are not tracked by lot."""

    id: int
    location: str
    lot: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class SoftlyReserved:
    """What is kept, and until when (ISO 8601, UTC); an order takes it over by the ids."""

    sku: str
    expires_at: str
    units: tuple[ReservedUnits, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(part.id for part in self.units)


def reserve_stock(
    database: Database, request: SoftReservation, *, key: str, actor: Actor, at: datetime
) -> SoftlyReserved:
    """Keep units of a SKU from being promised to others, all or none.

    They come from one place if any has enough, the one with the most; of each place, what expires first.

    Raises:
        UnknownThing: there is no such SKU or location.
        InvalidRequest: the quantity is not positive, the place does not sell, or the end is not given once, lies
            in the past or more than a year ahead.
        InsufficientStock: fewer units are available.
    """
    actor.require(Permission.SELL)
    quantity = whole("quantity", request.quantity)
    purpose = words("purpose", request.purpose)
    until = _until(request, at)

    def act(command: Command) -> dict[str, Any]:
        (item,) = stock_items(command, [request.sku])
        only = None if request.location is None else _selling_place(command, request.location)
        balance_rows.lock_skus(command.sql, [item.id])
        taken, places = _take(command, item, quantity, only)
        ids = balance_rows.reserve_softly(
            command.sql, taken, purpose=purpose, at=command.moment, until=command.sql.moment(until)
        )
        codes = lot_rows.codes(command.sql, [lot for (_, _, lot), _ in taken])
        units = [
            asdict(ReservedUnits(number, places[key[1]], codes.get(key[2]), part))
            for number, (key, part) in zip(ids, taken, strict=True)
        ]
        answer = {"sku": item.display_code, "expires_at": until.astimezone(UTC).isoformat(), "units": units}
        command.announce("stock.reserved", "sku", item.id, {"purpose": purpose, **answer})
        return answer

    answer = carry_out(database, act, action="reserve stock", request=plain(request), key=key, actor=actor, at=at)
    return SoftlyReserved(answer["sku"], answer["expires_at"], tuple(ReservedUnits(**part) for part in answer["units"]))


def _until(request: SoftReservation, at: datetime) -> datetime:
    if (request.minutes is None) == (request.expires_at is None):
        raise InvalidRequest("minutes", "given, or else expires_at", request.minutes)
    if request.minutes is not None:
        most = int(LONGEST / timedelta(minutes=1))
        return at + timedelta(minutes=whole("minutes", request.minutes, most=most))
    until = request.expires_at
    if until is None or until.tzinfo is None or not at < until <= at + LONGEST:
        wanted = f"a moment with a time zone, after now and within {LONGEST.days} days"
        raise InvalidRequest("expires_at", wanted, str(until))
    return until


def _selling_place(command: Command, code: str) -> int:
    place = our_place(command, "location", code)
    if not place.sells:
        raise InvalidRequest("location", "a warehouse or store", code)
    return place.id


def _take(
    command: Command, item: StockItem, quantity: int, only: int | None
) -> tuple[list[tuple[BalanceKey, int]], dict[int, str]]:
    """(balance, units) that are allocated now, and the codes of the places; lapsed reservations end if need be."""
    shelves = _shelves(command, item, only)
    if sum(shelf.available for shelf in shelves) < quantity and expire_lapsed(command, [item.id]):
        shelves = _shelves(command, item, only)
    available = sum(shelf.available for shelf in shelves)
    if available < quantity:
        place = shelves[0].location if only is not None and shelves else None
        raise InsufficientStock(item.display_code, quantity, available, location=place)
    taken = _from_places(shelves, quantity)
    failed = balance_rows.change_balances(command.sql, {key: (0, units) for key, units in taken})
    if failed is not None:
        raise InsufficientStock(item.display_code, quantity, available)
    return taken, {shelf.location_id: shelf.location for shelf in shelves}


def _shelves(command: Command, item: StockItem, only: int | None) -> list[Shelf]:
    shelves = balance_rows.shelves(command.sql, [item.id], sold_until=command.at.date())
    return [shelf for shelf in shelves if only in (None, shelf.location_id)]


def _from_places(shelves: Sequence[Shelf], quantity: int) -> list[tuple[BalanceKey, int]]:
    by_place: dict[int, list[Shelf]] = defaultdict(list)
    for shelf in shelves:
        by_place[shelf.location_id].append(shelf)
    has = {place: sum(shelf.available for shelf in held) for place, held in by_place.items()}
    taken: list[tuple[BalanceKey, int]] = []
    left = quantity
    for place in sorted(has, key=lambda place: (-has[place], place)):
        units = min(left, has[place])
        lots = [(shelf.lot_id, shelf.expires_on, shelf.available) for shelf in by_place[place]]
        sku = by_place[place][0].sku_id
        taken += [((sku, place, lot), part) for lot, part in pick_lots(lots, units)]
        left -= units
    return taken


@dataclass(frozen=True, slots=True)
class Freed:
    """Units that nobody keeps any more, and how many of them waiting orders got."""

    units: int
    allocated: int


def release_reservation(database: Database, reservation_id: int, *, key: str, actor: Actor, at: datetime) -> Freed:
    """End a soft reservation before its time; its units go to orders that wait for them.

    Raises:
        UnknownThing: there is no such soft reservation.
        NotPossible: it ended already.
    """
    actor.require(Permission.SELL)
    number = whole("reservation_id", reservation_id)

    def act(command: Command) -> dict[str, Any]:
        sku = stocking_rows.sku_reserved_by(command.sql, number)
        if sku is None:
            raise UnknownThing("soft reservation", str(number))
        balance_rows.lock_skus(command.sql, [sku])
        found = balance_rows.soft_reservations(command.sql, [number])
        if not found or not end_reservation(command, found[0], "release", found[0].quantity):
            raise NotPossible(f"reservation {number}", "release", "ended")
        balance_rows.change_balances(command.sql, {found[0].key: (0, -found[0].quantity)})
        command.announce("stock.released", "sku", sku, {"reservation": number, "units": found[0].quantity})
        return asdict(Freed(found[0].quantity, free_for_backorders(command, [sku])))

    asked = {"reservation": number}
    return Freed(**carry_out(database, act, action="release reservation", request=asked, key=key, actor=actor, at=at))


def expire_reservations(database: Database, *, key: str, actor: Actor, at: datetime) -> Freed:
    """End all soft reservations whose time has passed; their units go to orders that wait for them."""
    actor.require(Permission.SELL)

    def act(command: Command) -> dict[str, Any]:
        skus = sorted({lapsed.sku_id for lapsed in balance_rows.lapsed(command.sql, at=command.moment)})
        if not skus:
            return asdict(Freed(0, 0))
        balance_rows.lock_skus(command.sql, skus)
        units = expire_lapsed(command, skus)
        for sku in skus:
            command.announce("stock.reservations_expired", "sku", sku, {})
        return asdict(Freed(units, free_for_backorders(command, skus)))

    return Freed(**carry_out(database, act, action="expire reservations", request={}, key=key, actor=actor, at=at))
