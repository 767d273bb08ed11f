"""Goods of a purchase order come, in one delivery or several, and go to whoever waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from data import balance_rows, master_rows, purchase_rows
from data.balance_rows import Move
from data.connection import Database
from data.master_rows import Place, StockItem
from data.purchase_rows import BoughtLine, PurchaseHead
from orders.allocating import free_for_backorders
from orders.booking import BookedMove, NamedLot, book, lots_for, our_place, read_moves, shown, stock_items
from orders.commands import Command, carry_out
from orders.errors import NotPossible, OverReceived, UnknownThing
from orders.model import Actor, Permission
from orders.purchasing import locked
from orders.requests import plain, whole


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """Units of a SKU that came.

    Attributes:
        sku: Its code.
        quantity: Units.
        line_no: The purchase order's line; None for the SKU's open ones, in their order.
        lot: For a SKU that is tracked by lot.
        expires_on: When a new lot expires.
    """

    sku: str
    quantity: int
    line_no: int | None = None
    lot: str | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery.

    Attributes:
        number: The purchase order's.
        lines: What came; none for everything that is open.
        to_location: A place of ours, such as one for inspection; None for the purchase order's.
        allow_over: More than is open may have come.
    """

    number: str
    lines: tuple[ReceiptLine, ...] = ()
    to_location: str | None = None
    allow_over: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """What came in, where the purchase order stands, and how many units waiting orders got."""

    number: str
    status: str
    moves: tuple[BookedMove, ...]
    allocated: int


def receive_purchase(database: Database, request: Receipt, *, key: str, actor: Actor, at: datetime) -> Received:
    """Book goods of a purchase order in at their cost; orders that wait for them get theirs at once.

    Raises:
        UnknownThing: there is no such purchase order, line, location or SKU.
        NotPossible: it is not ordered, or nothing of it is open.
        OverReceived: more came than is open, and that is not allowed.
        InvalidRequest: a quantity is not positive, the place is not ours, or lots do not fit.
    """
    actor.require(Permission.PURCHASE)
    for number, line in enumerate(request.lines, 1):
        whole(f"line {number}: quantity", line.quantity)

    def act(command: Command) -> dict[str, Any]:
        head = locked(command, request.number)
        if head.status != "ordered":
            raise NotPossible(str(head), "receive", head.status)
        ordered = purchase_rows.lines(command.sql, head.id)
        came = list(request.lines) or _everything_open(head, ordered)
        items = stock_items(command, [line.sku for line in came])
        place = _place(command, head, request)
        parts = _parts(head, ordered, came, items, allow_over=request.allow_over)
        named = [NamedLot(item, one.lot, one.expires_on) for one, item in zip(came, items, strict=True)]
        lots = lots_for(command, named)
        skus = [item.id for item in items]
        balance_rows.lock_skus(command.sql, skus)
        supplier = balance_rows.external_id(command.sql, "supplier")
        booked = book(
            command,
            [
                Move(
                    line.sku_id, lots[number], units, supplier, place.id, command.moment, "receipt",
                    unit_cost_micros=line.unit_cost_micros, currency=head.currency, purchase_order_line_id=line.id,
                )
                for number, line, units in parts
            ],
        )  # fmt: skip
        for _, line, units in parts:
            purchase_rows.receive(command.sql, line.id, units, at=command.moment)
        status = _close(command, head)
        payload = {"number": head.number, "location": place.code, "status": status, "moves": shown(booked)}
        command.announce("purchase_order.received", "purchase order", head.id, payload)
        allocated = free_for_backorders(command, skus) if place.sells else 0
        return {"number": head.number, "status": status, "moves": shown(booked), "allocated": allocated}

    answer = carry_out(database, act, action="receive purchase", request=plain(request), key=key, actor=actor, at=at)
    return Received(answer["number"], answer["status"], read_moves(answer["moves"]), answer["allocated"])


def _everything_open(head: PurchaseHead, ordered: Sequence[BoughtLine]) -> list[ReceiptLine]:
    came = [ReceiptLine(line.sku_code, line.still_open, line.line_no) for line in ordered if line.still_open]
    if not came:
        raise NotPossible(str(head), "receive", "complete")
    return came


def _place(command: Command, head: PurchaseHead, request: Receipt) -> Place:
    if request.to_location is not None:
        return our_place(command, "to_location", request.to_location)
    return master_rows.get_place(command.connection, head.location_id)


def _parts(
    head: PurchaseHead,
    ordered: Sequence[BoughtLine],
    came: Sequence[ReceiptLine],
    items: Sequence[StockItem],
    *,
    allow_over: bool,
) -> list[tuple[int, BoughtLine, int]]:
    """(position of what came, purchase order line, units): open lines are filled in their order.

    What is more than is open goes to the last of the lines that it may belong to.
    """
    still_open = {line.id: line.still_open for line in ordered}
    parts = []
    for position, (one, item) in enumerate(zip(came, items, strict=True)):
        lines = [line for line in ordered if line.sku_id == item.id and one.line_no in (None, line.line_no)]
        if not lines:
            where = "" if one.line_no is None else f" in line {one.line_no}"
            raise UnknownThing("SKU", item.display_code, hint=f"{head} does not have it{where}")
        fits = sum(still_open[line.id] for line in lines)
        if one.quantity > fits and not allow_over:
            raise OverReceived(head.number, item.display_code, one.quantity, fits)
        left = one.quantity
        for line in lines:
            units = left if line is lines[-1] else min(left, still_open[line.id])
            if units:
                parts.append((position, line, units))
                still_open[line.id] = max(0, still_open[line.id] - units)
                left -= units
    return parts


def _close(command: Command, head: PurchaseHead) -> str:
    if purchase_rows.is_open(command.sql, head.id):
        return head.status
    command.move("purchase order", head.id, head.status, "receive", "received", what=str(head))
    purchase_rows.set_status(command.sql, head.id, "received")
    return "received"
