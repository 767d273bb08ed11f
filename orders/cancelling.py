"""Orders and parts of them are cancelled, and what was reserved for them goes to whoever waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from data import balance_rows, sales_rows
from data.balance_rows import BalanceKey
from data.connection import Database
from data.sales_rows import Line, OrderHead
from orders.allocating import change_status, free_for_backorders, locked
from orders.commands import Command, carry_out
from orders.doubts import end_doubts, open_doubts
from orders.ending_reservations import end_reservation
from orders.errors import InvalidRequest, NotPossible, UnknownThing
from orders.holding import end_holds, require_reason
from orders.lifecycle import order_status
from orders.model import Actor, HoldKind, OrderStatus, Permission
from orders.pricing import value_of

_NOTHING_TO_CANCEL = (OrderStatus.SHIPPED, OrderStatus.CLOSED, OrderStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class CancelLine:
    """Units of one line that are no longer wanted."""

    line_no: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What is cancelled and why; no lines for everything that is not shipped yet."""

    order_id: int
    reason: str
    lines: tuple[CancelLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was cancelled, and where the order stands."""

    order_id: int
    status: str
    units: int
    value_minor: int


def cancel_order(database: Database, request: Cancellation, *, key: str, actor: Actor, at: datetime) -> Cancelled:
    """Cancel an order, or units of it that are not shipped.

    Units that wait go first, then reserved ones; these are given to other orders that wait for them.

    Raises:
        UnknownThing: there is no such order or line.
        NotPossible: nothing of the order is open.
        InvalidRequest: no reason is given, or more is to be cancelled of a line than is open.
    """
    actor.require(Permission.SELL)
    require_reason(request.reason)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, request.order_id)
        if head.status == OrderStatus.DRAFT:
            units = 0
            discard(command, head, request.reason)
        elif head.status in _NOTHING_TO_CANCEL:
            raise NotPossible(str(head), "cancel", head.status)
        else:
            units = cancel_units(command, head, lines, _wanted(head, lines, request), request.reason)
        return asdict(Cancelled(head.id, head.status, units, head.value_minor))

    answer = carry_out(database, act, action="cancel order", request=asdict(request), key=key, actor=actor, at=at)
    return Cancelled(**answer)


def discard(command: Command, head: OrderHead, reason: str) -> None:
    """End a draft."""
    end_doubts(command, head, open_doubts(command, head.id), "drop", reason)
    command.move("order", head.id, head.status, "discard", OrderStatus.CANCELLED, what=str(head))
    sales_rows.set_head(command.sql, head, status=OrderStatus.CANCELLED, status_since=command.moment, line_count=0)
    command.tell(head.id, "discarded", f"The draft was discarded: {reason}")


def _wanted(head: OrderHead, lines: Sequence[Line], request: Cancellation) -> dict[int, int]:
    """Line number → units to cancel."""
    still_open = {line.line_no: line.still_open for line in lines}
    if not request.lines:
        return {number: units for number, units in still_open.items() if units}
    wanted: dict[int, int] = {}
    for line in request.lines:
        if line.line_no not in still_open:
            raise UnknownThing("line", str(line.line_no), hint=f"{head} has {', '.join(map(str, still_open))}")
        if line.line_no in wanted:
            raise InvalidRequest("lines", "named once each", line.line_no)
        if not 1 <= line.quantity <= still_open[line.line_no]:
            most = still_open[line.line_no]
            raise InvalidRequest(f"line {line.line_no}: quantity", f"1 to the {most} that are open", line.quantity)
        wanted[line.line_no] = line.quantity
    return wanted


def cancel_units(
    command: Command, head: OrderHead, lines: Sequence[Line], wanted: Mapping[int, int], reason: str
) -> int:
    """Cancel units of a locked order's lines by their numbers; how many."""
    touched = [line for line in lines if wanted.get(line.line_no)]
    balance_rows.lock_skus(command.sql, [line.sku_id for line in touched])
    freed = [line.sku_id for line in touched if give_up(command, line, wanted[line.line_no])]
    for line in touched:
        line.quantity_cancelled += wanted[line.line_no]
        sales_rows.set_progress(command.sql, line)
    sales_rows.insert_cancellations(
        command.sql,
        [
            (line.id, wanted[line.line_no], line.unit_price_micros, command.moment, reason, command.actor.name)
            for line in touched
        ],
    )
    head.value_minor = value_of(lines, sales_rows.taxes(command.sql, head.id))
    units = sum(wanted[line.line_no] for line in touched)
    goods = ", ".join(f"{wanted[line.line_no]} of {line.sku}" for line in touched)
    command.tell(head.id, "cancelled", f"Cancelled {goods}: {reason}", {"units": units})
    ends = not any(line.still_open for line in lines)
    if ends:
        end_doubts(command, head, open_doubts(command, head.id), "drop", reason)
        end_holds(command, head, list(HoldKind), "the order was cancelled")
    change_status(command, head, lines, _event(lines))
    free_for_backorders(command, freed)
    return units


def _event(lines: Sequence[Line]) -> str:
    status = order_status(lines, is_held=False)
    return {OrderStatus.CANCELLED: "cancel", OrderStatus.SHIPPED: "cancel rest"}.get(status, "cancel part")


def give_up(command: Command, line: Line, units: int) -> int:
    """Take open units from a line, those that wait first; how many reserved ones were released for that."""
    waiting = min(units, line.unallocated)
    line.quantity_backordered -= min(waiting, line.quantity_backordered)
    left = released = units - waiting
    changes: dict[BalanceKey, tuple[int, int]] = {}
    for one in reversed(balance_rows.reserved_for(command.sql, [line.id])):
        some = min(left, one.quantity)
        if some:
            end_reservation(command, one, "release", some)
            changes[one.key] = (0, changes.get(one.key, (0, 0))[1] - some)
            left -= some
    line.quantity_allocated -= released
    if left or balance_rows.change_balances(command.sql, changes) is not None:
        raise RuntimeError(f"line {line.id} has less reserved than it says: run stockwright check")
    return released
