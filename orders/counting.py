"""A place is counted: the ledger is set to what is there, even when more was promised than there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from data import balance_rows, lot_rows, sales_rows, stocking_rows
from data.balance_rows import BalanceKey, Move
from data.connection import Database
from data.master_rows import Place, StockItem
from orders.allocating import free_for_backorders, take_back
from orders.booking import NamedLot, book, last_cost, lots_for, our_place, stock_items
from orders.commands import Command, carry_out
from orders.errors import InvalidRequest
from orders.model import Actor, Permission
from orders.requests import plain, whole, words


@dataclass(frozen=True, slots=True)
class CountLine:
    """Units of a SKU that were counted; the reason is asked for where they are not as many as expected."""

    sku: str
    counted: int
    lot: str | None = None
    reason: str = ""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted at a place of ours; SKUs and lots that it does not name stay as they are."""

    location: str
    lines: tuple[CountLine, ...]


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A line of a count sheet; `move_id` is None where there was nothing to correct."""

    sku: str
    lot: str | None
    expected: int
    counted: int
    move_id: int | None


@dataclass(frozen=True, slots=True)
class LostStock:
    """Units that an order has no longer reserved because they were not there."""

    order_id: int
    order: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The count sheet, which orders lost stock, and how many units waiting orders got."""

    sheet_id: int
    lines: tuple[CountedLine, ...]
    lost: tuple[LostStock, ...]
    allocated: int


def count_stock(database: Database, request: Count, *, key: str, actor: Actor, at: datetime) -> Counted:
    """Set what is on hand to what was counted, and keep the sheet.

    Where less is there than is reserved, the newest reservations end, and their orders wait again; what is there
    more is given to orders that wait.

    Raises:
        UnknownThing: there is no such location or SKU.
        InvalidRequest: the place is not ours, a SKU and lot is there twice, a count is negative or differs
            without a reason, or lots do not fit.
        BeingChanged: another command is changing an order whose reservation would have to end: count again.
    """
    actor.require(Permission.MOVE_STOCK)
    counted = [whole(f"line {number}: counted", line.counted, least=0) for number, line in enumerate(request.lines, 1)]
    if not counted:
        raise InvalidRequest("lines", "at least one", [])

    def act(command: Command) -> dict[str, Any]:
        place = our_place(command, "location", request.location)
        items = stock_items(command, [line.sku for line in request.lines])
        keys = _keys(command, request, items, place)
        skus = [item.id for item in items]
        _hold_orders(command, dict(zip(keys, counted, strict=True)))
        balance_rows.lock_skus(command.sql, skus)
        balance_rows.open_balances(command.sql, keys)
        shelf = [balance_rows.on_shelf(command.sql, key) for key in keys]
        expected = [on_hand for on_hand, _ in shelf]
        _require_reasons(request, items, expected)
        losing = _end_reservations(command, keys, counted, [allocated for _, allocated in shelf], place)
        moved = _correct(command, request, items, keys, expected)
        sheet = _write_sheet(command, request, place, keys, expected, moved)
        allocated = free_for_backorders(command, skus) if place.sells else 0
        codes = lot_rows.codes(command.sql, [lot for _, _, lot in keys])
        lines = [
            CountedLine(item.display_code, codes.get(key[2]), was, line.counted, move)
            for line, item, key, was, move in zip(request.lines, items, keys, expected, moved, strict=True)
        ]
        answer = {
            "sheet_id": sheet,
            "lines": [asdict(line) for line in lines],
            "lost": [asdict(lost) for lost in _lost(command, losing)],
            "allocated": allocated,
        }
        command.announce("stock.counted", "location", place.id, {"location": place.code, **answer})
        return answer

    answer = carry_out(database, act, action="count stock", request=plain(request), key=key, actor=actor, at=at)
    return Counted(
        sheet_id=answer["sheet_id"],
        lines=tuple(CountedLine(**line) for line in answer["lines"]),
        lost=tuple(LostStock(**lost) for lost in answer["lost"]),
        allocated=answer["allocated"],
    )


def _keys(command: Command, request: Count, items: Sequence[StockItem], place: Place) -> list[BalanceKey]:
    named = [NamedLot(item, line.lot, line.expires_on) for line, item in zip(request.lines, items, strict=True)]
    keys = [(item.id, place.id, lot) for item, lot in zip(items, lots_for(command, named), strict=True)]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise InvalidRequest("lines", "each SKU and lot once", items[number].display_code)
    return keys


def _hold_orders(command: Command, counted: dict[BalanceKey, int]) -> None:
    """Hold the orders that will probably lose stock before any balance is held, as every command on orders does."""
    lines = [
        reservation.order_line_id
        for key, units in sorted(counted.items())
        if units < balance_rows.on_shelf(command.sql, key)[1]
        for reservation in balance_rows.reserved_on(command.sql, key)
        if reservation.order_line_id is not None
    ]
    for order in sorted(set(sales_rows.orders_of_lines(command.sql, lines).values())):
        sales_rows.lock_order(command.sql, order)


def _require_reasons(request: Count, items: Sequence[StockItem], expected: Sequence[int]) -> None:
    for number, (line, item, was) in enumerate(zip(request.lines, items, expected, strict=True), 1):
        if line.counted != was and not line.reason.strip():
            wanted = f"given, as {line.counted} of SKU {item.display_code} are counted and {was} expected"
            raise InvalidRequest(f"line {number}: reason", wanted, line.reason)


@dataclass(frozen=True, slots=True)
class _Losing:
    """An order line before any of its reservations ended."""

    order_id: int
    line_id: int
    allocated: int


def _end_reservations(
    command: Command, keys: Sequence[BalanceKey], counted: Sequence[int], allocated: Sequence[int], place: Place
) -> list[_Losing]:
    """End the newest reservations of what is not there, and say what the lines had."""
    short = {key: has - units for key, units, has in zip(keys, counted, allocated, strict=True) if units < has}
    reserved = {key: balance_rows.reserved_on(command.sql, key) for key in short}
    of_line = sales_rows.orders_of_lines(
        command.sql, [one.order_line_id for some in reserved.values() for one in some if one.order_line_id is not None]
    )
    before = sales_rows.lines(command.sql, sorted(set(of_line.values()))) if of_line else {}
    for key in sorted(short):
        take_back(command, reserved[key], units=short[key], reason=f"counted short at {place.code}")
    return [
        _Losing(order, line.id, line.quantity_allocated)
        for order, lines in before.items()
        for line in lines
        if line.id in of_line
    ]


def _lost(command: Command, losing: Sequence[_Losing]) -> list[LostStock]:
    """What the lines have less than before, once others that could have helped out did."""
    orders = sorted({line.order_id for line in losing})
    if not orders:
        return []
    now = {line.id: line for lines in sales_rows.lines(command.sql, orders).values() for line in lines}
    heads = sales_rows.lock_free_orders(command.sql, orders)  # all of them are held by this command
    return [
        LostStock(was.order_id, heads[was.order_id].external_ref, now[was.line_id].sku, was.allocated - has)
        for was in losing
        if (has := now[was.line_id].quantity_allocated) < was.allocated
    ]


def _correct(
    command: Command, request: Count, items: Sequence[StockItem], keys: Sequence[BalanceKey], expected: Sequence[int]
) -> list[int | None]:
    """Move what differs from or to adjustment; the movement of each line, None where nothing does."""
    adjustment = balance_rows.external_id(command.sql, "adjustment")
    moves: dict[int, Move] = {}
    for number, (line, item, key, was) in enumerate(zip(request.lines, items, keys, expected, strict=True)):
        sku, place, lot = key
        reason = line.reason.strip()
        if line.counted > was:
            cost, currency = last_cost(command, item)
            moves[number] = Move(
                sku, lot, line.counted - was, adjustment, place, command.moment, "count", reason, cost, currency
            )
        elif line.counted < was:
            moves[number] = Move(sku, lot, was - line.counted, place, adjustment, command.moment, "count", reason)
    booked = book(command, list(moves.values()))
    ids = dict(zip(moves, [move.id for move in booked], strict=True))
    return [ids.get(number) for number in range(len(keys))]


def _write_sheet(
    command: Command,
    request: Count,
    place: Place,
    keys: Sequence[BalanceKey],
    expected: Sequence[int],
    moved: Sequence[int | None],
) -> int:
    sheet = stocking_rows.insert_count_sheet(
        command.sql, location_id=place.id, at=command.moment, by=command.actor.name, key=command.key
    )
    stocking_rows.insert_count_lines(
        command.sql,
        [
            (sheet, sku, lot, was, line.counted, words("reason", line.reason) if line.reason.strip() else "", move)
            for line, (sku, _, lot), was, move in zip(request.lines, keys, expected, moved, strict=True)
        ],
    )
    return sheet
