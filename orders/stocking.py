"""Stock that nobody buys or sells is moved, found or written off, and mistakes in the ledger are reversed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from data import balance_rows, lot_rows, master_rows, purchase_rows, stocking_rows
from data.balance_rows import Move
from data.connection import Database
from data.master_rows import Place, StockItem
from data.stocking_rows import StoredMove
from orders.allocating import free_for_backorders
from orders.booking import (
    BookedMove,
    NamedLot,
    book,
    existing_lot,
    last_cost,
    lots_for,
    our_place,
    pick,
    read_moves,
    shown,
    stock_items,
)
from orders.commands import Command, carry_out
from orders.errors import AlreadyReversed, CannotReverse, InvalidRequest, NotPossible, UnknownThing
from orders.model import Actor, Permission
from orders.pricing import MOST_UNITS
from orders.requests import micros, plain, whole, words
from orders.terms import terms_in_force

_INSTEAD = {
    "sale": "book what comes back as a return",
    "return": "write the goods off, or ship them again",
    "reversal": "book what really happened as a new movement",
}
"""Kinds of movements that are not reversed → what to do."""


@dataclass(frozen=True, slots=True)
class StockLine:
    """Units of a SKU; of one that is tracked by lot, no lot takes what expires first."""

    sku: str
    quantity: int
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class StockTransfer:
    """Goods to be brought from one place of ours to another."""

    source: str
    destination: str
    lines: tuple[StockLine, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Transferred:
    """The movements of a transfer, and how many units waiting orders got of it."""

    moves: tuple[BookedMove, ...]
    allocated: int


def transfer_stock(database: Database, request: StockTransfer, *, key: str, actor: Actor, at: datetime) -> Transferred:
    """Move units that are not reserved between two places of ours, of whatever kind.

    What comes to a warehouse or store is given to orders that wait for it.

    Raises:
        UnknownThing: there is no such location, SKU or lot.
        InvalidRequest: a place is not ours or both are the same, a quantity is not positive, or lots are named
            for a SKU without.
        InsufficientStock: fewer unreserved units are there; expired lots move only when they are named.
    """
    actor.require(Permission.MOVE_STOCK)
    reason = words("reason", request.reason)
    quantities = [whole(f"line {number}: quantity", line.quantity) for number, line in enumerate(request.lines, 1)]
    if not quantities:
        raise InvalidRequest("lines", "at least one", [])

    def act(command: Command) -> dict[str, Any]:
        source = our_place(command, "source", request.source)
        destination = our_place(command, "destination", request.destination)
        if source.id == destination.id:
            raise InvalidRequest("destination", "another place than the source", request.destination)
        items = stock_items(command, [line.sku for line in request.lines])
        skus = [item.id for item in items]
        balance_rows.lock_skus(command.sql, skus)
        moves = _transfer_moves(command, request, items, quantities, source, destination)
        booked = book(command, [move._replace(reason=reason) for move in moves])
        payload = {"source": source.code, "destination": destination.code, "reason": reason, "moves": shown(booked)}
        command.announce("stock.transferred", "location", destination.id, payload)
        allocated = free_for_backorders(command, skus) if destination.sells else 0
        return {"moves": shown(booked), "allocated": allocated}

    answer = carry_out(database, act, action="transfer stock", request=plain(request), key=key, actor=actor, at=at)
    return Transferred(read_moves(answer["moves"]), answer["allocated"])


def _transfer_moves(
    command: Command,
    request: StockTransfer,
    items: list[StockItem],
    quantities: list[int],
    source: Place,
    destination: Place,
) -> list[Move]:
    """A movement per SKU and lot: lots that are named first, so that first-expiring-first-out takes of the rest."""
    wanted: dict[tuple[int, int], int] = defaultdict(int)
    unnamed: dict[StockItem, int] = defaultdict(int)
    for line, item, quantity in zip(request.lines, items, quantities, strict=True):
        if item.is_lot_tracked and line.lot is None:
            unnamed[item] += quantity
        else:
            wanted[item.id, existing_lot(command, NamedLot(item, line.lot))] += quantity
    for item, quantity in unnamed.items():
        taken = {lot: units for (sku, lot), units in wanted.items() if sku == item.id}
        for lot, units in pick(command, item, source, quantity, taken):
            wanted[item.id, lot] += units
    return [
        Move(sku, lot, units, source.id, destination.id, command.moment, "transfer")
        for (sku, lot), units in sorted(wanted.items())
    ]


# Found and written off


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Units that are there and should not be, or should be there and are not.

    Attributes:
        sku: Its code.
        location: A place of ours.
        change: Units found (above 0) or written off (below 0).
        reason: Why.
        lot: For a SKU that is tracked by lot.
        expires_on: When a new lot expires.
        unit_cost: What a found unit cost, in the company's currency; None takes the last known.
        scrap: Units written off are scrapped, not lost.
    """

    sku: str
    location: str
    change: int
    reason: str
    lot: str | None = None
    expires_on: date | None = None
    unit_cost: Decimal | None = None
    scrap: bool = False


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The movement of an adjustment, and how many units waiting orders got of it."""

    move: BookedMove
    allocated: int


def adjust_stock(database: Database, request: Adjustment, *, key: str, actor: Actor, at: datetime) -> Adjusted:
    """Book units as found, or write off units that are not reserved.

    Raises:
        UnknownThing: there is no such location, SKU or lot.
        InvalidRequest: the place is not ours, nothing changes, no reason is given, or the lot, cost or scrap do
            not fit.
        InsufficientStock: fewer unreserved units are there than are written off; a count goes further.
    """
    actor.require(Permission.MOVE_STOCK)
    reason = words("reason", request.reason)
    is_found = whole("change", request.change, least=-MOST_UNITS) > 0
    if request.change == 0:
        raise InvalidRequest("change", "more or less than 0", 0)
    if is_found and request.scrap:
        raise InvalidRequest("scrap", "only for units that are written off", request.scrap)
    if not is_found and (request.unit_cost is not None or request.expires_on is not None):
        field = "unit_cost" if request.unit_cost is not None else "expires_on"
        raise InvalidRequest(field, "only for units that are found", str(getattr(request, field)))

    def act(command: Command) -> dict[str, Any]:
        place = our_place(command, "location", request.location)
        (item,) = stock_items(command, [request.sku])
        move = (_found if is_found else _written_off)(command, request, item, place)
        balance_rows.lock_skus(command.sql, [item.id])
        (booked,) = book(command, [move._replace(reason=reason)])
        topic = "stock.found" if is_found else "stock.written_off"
        command.announce(topic, "sku", item.id, {"location": place.code, "reason": reason, **asdict(booked)})
        allocated = free_for_backorders(command, [item.id]) if is_found and place.sells else 0
        return {"move": asdict(booked), "allocated": allocated}

    answer = carry_out(database, act, action="adjust stock", request=plain(request), key=key, actor=actor, at=at)
    return Adjusted(BookedMove(**answer["move"]), answer["allocated"])


def _found(command: Command, request: Adjustment, item: StockItem, place: Place) -> Move:
    (lot,) = lots_for(command, [NamedLot(item, request.lot, request.expires_on)])
    cost, currency = last_cost(command, item)
    if request.unit_cost is not None:
        cost, currency = micros("unit_cost", request.unit_cost), terms_in_force(command.sql).currency
    adjustment = balance_rows.external_id(command.sql, "adjustment")
    return Move(item.id, lot, request.change, adjustment, place.id, command.moment, "found", None, cost, currency)


def _written_off(command: Command, request: Adjustment, item: StockItem, place: Place) -> Move:
    lot = existing_lot(command, NamedLot(item, request.lot))
    outside = balance_rows.external_id(command.sql, "scrap" if request.scrap else "adjustment")
    return Move(item.id, lot, -request.change, place.id, outside, command.moment, "write_off")


# Mistakes


@dataclass(frozen=True, slots=True)
class Reversed:
    """The movement that undoes another, the purchase order that is open again, and what waiting orders got."""

    move: BookedMove
    reverses_id: int
    reopened: str | None
    allocated: int


def reverse_move(database: Database, move_id: int, reason: str, *, key: str, actor: Actor, at: datetime) -> Reversed:
    """Undo a movement that should never have been booked by one the other way; both stay in the ledger.

    Reversing a receipt opens its purchase order line again by as many units.

    Raises:
        UnknownThing: there is no such movement.
        CannotReverse: it is a sale, a return or a reversal; the error says what to do.
        AlreadyReversed: it was reversed before.
        InsufficientStock: the units are reserved or no longer there.
    """
    actor.require(Permission.MOVE_STOCK)
    reason = words("reason", reason)
    number = whole("move_id", move_id)

    def act(command: Command) -> dict[str, Any]:
        found = stocking_rows.moves(command.sql, [number])
        if not found:
            raise UnknownThing("movement", str(number))
        (move,) = found
        if move.kind in _INSTEAD:
            raise CannotReverse(move.id, move.kind, _INSTEAD[move.kind])
        purchase = _purchase_of(command, move)
        balance_rows.lock_skus(command.sql, [move.sku_id])
        reversal = stocking_rows.reversal_of(command.sql, move.id)
        if reversal is not None:
            raise AlreadyReversed(move.id, reversal)
        (booked,) = book(command, [_opposite(command, move, reason)])
        reopened = None if purchase is None else _correct_receipt(command, move, purchase)
        payload = {"reverses": move.id, "kind": move.kind, "reason": reason, "reopened": reopened, **asdict(booked)}
        command.announce("stock.reversed", "sku", move.sku_id, payload)
        allocated = free_for_backorders(command, [move.sku_id])
        return {"move": asdict(booked), "reverses_id": move.id, "reopened": reopened, "allocated": allocated}

    asked = {"move": number, "reason": reason}
    answer = carry_out(database, act, action="reverse movement", request=asked, key=key, actor=actor, at=at)
    return Reversed(**{**answer, "move": BookedMove(**answer["move"])})


def _opposite(command: Command, move: StoredMove, reason: str) -> Move:
    return Move(
        sku_id=move.sku_id,
        lot_id=move.lot_id,
        quantity=move.quantity,
        source_location_id=move.destination_location_id,
        destination_location_id=move.source_location_id,
        effective_at=command.moment,
        kind="reversal",
        reason=reason,
        unit_cost_micros=move.unit_cost_micros,
        currency=move.currency,
        purchase_order_line_id=move.purchase_order_line_id,
        reverses_id=move.id,
    )


def _purchase_of(command: Command, move: StoredMove) -> purchase_rows.PurchaseHead | None:
    """The purchase order of a receipt, held until the transaction ends."""
    if move.kind != "receipt" or move.purchase_order_line_id is None:
        return None
    return purchase_rows.lock_order_of_line(command.sql, move.purchase_order_line_id)


def _correct_receipt(command: Command, move: StoredMove, purchase: purchase_rows.PurchaseHead) -> str | None:
    """Take a receipt back from its line; the purchase order's number if that opens it again."""
    line = move.purchase_order_line_id
    if line is None:
        raise LookupError(f"movement {move.id} is no receipt of a purchase order")
    if not purchase_rows.unreceive(command.sql, line, move.quantity):
        raise NotPossible(str(purchase), f"take {move.quantity} received units back from", "received with fewer")
    if purchase.status != "received" or not purchase_rows.is_open(command.sql, purchase.id):
        return None
    command.move("purchase order", purchase.id, "received", "correct", "ordered", what=str(purchase))
    purchase_rows.set_status(command.sql, purchase.id, "ordered")
    return purchase.number


# Lots


def track_lots(database: Database, sku: str, *, key: str, actor: Actor, at: datetime) -> None:
    """From now on keep goods of a SKU apart by lot.

    Raises:
        UnknownThing: there is no such SKU.
        InvalidRequest: it is a bundle.
        NotPossible: units of it are on hand that belong to no lot: write them off, and book them as found with one.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)

    def act(command: Command) -> dict[str, Any]:
        (item,) = stock_items(command, [sku], lock=True)
        untracked = lot_rows.untracked_units(command.sql, item.id)
        if untracked:
            raise NotPossible(f"SKU {item.display_code}", "track lots of", f"on hand without a lot ({untracked} units)")
        master_rows.track_lots(command.connection, item.id)
        command.announce("sku.lots_tracked", "sku", item.id, {"sku": item.display_code})
        return {}

    carry_out(database, act, action="track lots", request={"sku": sku}, key=key, actor=actor, at=at)
