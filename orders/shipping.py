"""Goods leave: what is reserved for an order goes to the customer, in one plain step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from data import balance_rows, master_rows, parcel_rows, sales_rows
from data.balance_rows import BalanceKey, Move, Reserved
from data.connection import Database
from data.sales_rows import Line, OrderHead
from orders.allocating import change_status, kept_lines, locked
from orders.commands import Command, carry_out
from orders.ending_reservations import end_reservation
from orders.errors import InvalidRequest, NotAllocated, NotPossible, UnknownThing
from orders.model import Actor, OrderStatus, Permission

_CAN_SHIP = (
    OrderStatus.PLACED, OrderStatus.ALLOCATED, OrderStatus.PARTIALLY_ALLOCATED, OrderStatus.BACKORDERED,
    OrderStatus.PARTIALLY_SHIPPED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShipLine:
    """Units of one line that leave."""

    line_no: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Shipping:
    """What leaves, and how.

    Attributes:
        order_id: The order.
        lines: Which units; none for everything that is reserved.
        location: Only from this place; None for all places.
        carrier: Who takes it; given with a tracking number.
        service: Such as ground or express.
        tracking_number: The carrier's; never twice with one carrier.
    """

    order_id: int
    lines: tuple[ShipLine, ...] = ()
    location: str | None = None
    carrier: str | None = None
    service: str = "ground"
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True)
class Shipped:
    """What left, and where the order stands."""

    order_id: int
    status: str
    units: int


def ship_order(database: Database, request: Shipping, *, key: str, actor: Actor, at: datetime) -> Shipped:
    """Ship reserved units of an order: they go from their place and lot to the customer.

    Raises:
        UnknownThing: there is no such order, line or location.
        NotPossible: the order is on hold, a draft, or nothing of it is open.
        NotAllocated: more is to be shipped than is reserved (there).
        InvalidRequest: a quantity is not positive, a line is named twice, or a parcel lacks its number.
    """
    actor.require(Permission.FULFIL)
    _require_sound(request)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, request.order_id)
        if head.status not in _CAN_SHIP:
            raise NotPossible(str(head), "ship", head.status)
        reserved = balance_rows.reserved_for(command.sql, [line.id for line in lines])
        place = None if request.location is None else _place(command, request.location)
        usable = [one for one in reserved if place is None or one.location_id == place]
        taken = _taken(head, lines, usable, request)
        balance_rows.lock_skus(command.sql, [one.sku_id for one, _ in taken])
        _move_out(command, lines, taken)
        _write_parcel(command, head, request)
        change_status(command, head, lines, "ship")
        units = sum(units for _, units in taken)
        command.tell(head.id, "shipped", _text(lines, taken, request), {"units": units})
        return asdict(Shipped(head.id, head.status, units))

    answer = carry_out(database, act, action="ship order", request=asdict(request), key=key, actor=actor, at=at)
    return Shipped(**answer)


def close_order(database: Database, order_id: int, *, key: str, actor: Actor, at: datetime) -> None:
    """Close a shipped order: nothing more is expected of it.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: something of it is not shipped yet, or it is closed.
    """
    actor.require(Permission.FULFIL)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, order_id)
        command.move("order", head.id, head.status, "close", OrderStatus.CLOSED, what=str(head))
        sales_rows.set_head(
            command.sql, head, status=OrderStatus.CLOSED, status_since=command.moment, line_count=kept_lines(lines)
        )
        command.tell(head.id, "closed", "Closed: nothing more is expected")
        return {}

    carry_out(database, act, action="close order", request={"order": order_id}, key=key, actor=actor, at=at)


def _require_sound(request: Shipping) -> None:
    numbers = [line.line_no for line in request.lines]
    if len(set(numbers)) < len(numbers):
        raise InvalidRequest("lines", "named once each", numbers)
    for line in request.lines:
        if line.quantity < 1:
            raise InvalidRequest(f"line {line.line_no}: quantity", "1 or more", line.quantity)
    if (request.carrier is None) != (request.tracking_number is None):
        raise InvalidRequest("carrier", "given together with tracking_number", request.carrier)


def _place(command: Command, code: str) -> int:
    places = master_rows.location_ids(command.connection)
    if code.upper() not in places:
        raise UnknownThing("location", code)
    return places[code.upper()]


def _taken(
    head: OrderHead, lines: Sequence[Line], reserved: Sequence[Reserved], request: Shipping
) -> list[tuple[Reserved, int]]:
    """Reservations and the units of each that leave; what was reserved first leaves first."""
    of_line: dict[int, list[Reserved]] = defaultdict(list)
    for one in reserved:
        of_line[one.order_line_id or 0].append(one)
    by_number = {line.line_no: line for line in lines}
    wanted = {line.line_no: line.quantity for line in request.lines} or {
        line.line_no: sum(one.quantity for one in of_line[line.id]) for line in lines
    }
    taken: list[tuple[Reserved, int]] = []
    for number, quantity in wanted.items():
        if number not in by_number:
            raise UnknownThing("line", str(number), hint=f"{head} has {', '.join(map(str, by_number))}")
        line, left = by_number[number], quantity
        held = sum(one.quantity for one in of_line[line.id])
        if held < quantity:
            raise NotAllocated(head.external_ref, line.sku, quantity, held, request.location)
        for one in of_line[line.id]:
            units = min(left, one.quantity)
            if units:
                taken.append((one, units))
                left -= units
    if not taken:
        raise NotAllocated(head.external_ref, "of any line", 1, 0, request.location)
    return taken


def _move_out(command: Command, lines: Sequence[Line], taken: Sequence[tuple[Reserved, int]]) -> None:
    sql = command.sql
    customer = balance_rows.external_id(sql, "customer")
    changes: dict[BalanceKey, tuple[int, int]] = defaultdict(lambda: (0, 0))
    moves = []
    for one, units in taken:
        end_reservation(command, one, "consume", units)
        outside = (one.sku_id, customer, one.lot_id)
        changes[one.key] = (changes[one.key][0] - units, changes[one.key][1] - units)
        changes[outside] = (changes[outside][0] + units, 0)
        moves.append(
            Move(one.sku_id, one.lot_id, units, one.location_id, customer, command.moment, "sale",
                 order_line_id=one.order_line_id)
        )  # fmt: skip
    balance_rows.open_balances(sql, [key for key in changes if key[1] == customer])
    failed = balance_rows.change_balances(sql, changes)
    if failed is not None:
        raise RuntimeError(f"balance {failed} holds less than is reserved on it: run stockwright check")
    balance_rows.write_moves(sql, moves, recorded_at=command.moment, key=command.key)
    shipped: dict[int, int] = defaultdict(int)
    for one, units in taken:
        shipped[one.order_line_id or 0] += units
    for line in lines:
        if line.id in shipped:
            line.quantity_shipped += shipped[line.id]
            line.quantity_allocated -= shipped[line.id]
            sales_rows.set_progress(sql, line)


def _write_parcel(command: Command, head: OrderHead, request: Shipping) -> None:
    if request.carrier is None or request.tracking_number is None:
        return
    is_new = parcel_rows.insert(
        command.sql, head.id, head.external_ref, request.carrier, request.service, request.tracking_number,
        command.moment, command.sql.day(head.promised_date),
    )  # fmt: skip
    if not is_new:
        raise InvalidRequest("tracking_number", f"new with {request.carrier}", request.tracking_number)


def _text(lines: Sequence[Line], taken: Sequence[tuple[Reserved, int]], request: Shipping) -> str:
    units: dict[int, int] = defaultdict(int)
    for one, quantity in taken:
        units[one.order_line_id or 0] += quantity
    goods = ", ".join(f"{units[line.id]} of {line.sku}" for line in lines if line.id in units)
    by = f" with {request.carrier}, {request.tracking_number}" if request.carrier else ""
    return f"Shipped {goods}{by}"
