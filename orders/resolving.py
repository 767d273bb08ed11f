"""The discrepancy queue is worked off: a suggestion or another fix is carried out, or the order is kept as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from data import discrepancy_rows, sales_rows
from data.connection import Database
from data.discrepancy_rows import OpenDiscrepancy
from data.sales_rows import Line, OrderHead
from orders.allocating import change_status, locked
from orders.cancelling import cancel_units, discard
from orders.changing import LineChange, OrderChange, apply_change
from orders.commands import Command, carry_out
from orders.doubts import end_doubts, hold_of, open_doubts
from orders.errors import InvalidRequest, NotPossible, UnknownThing
from orders.fixes import applied, cancels
from orders.holding import end_holds, require_reason
from orders.model import Actor, Address, OrderStatus, Permission, as_decimal
from orders.placing import draft_request, place_locked_draft, reverify_draft


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where the order stands after a discrepancy was decided on, and how many of it are still open."""

    order_id: int
    status: str
    still_open: int


def fix_discrepancy(
    database: Database,
    discrepancy_id: int,
    *,
    fix: Mapping[str, Any] | None = None,
    place: bool = False,
    key: str,
    actor: Actor,
    at: datetime,
) -> Resolved:
    """Carry out the suggested fix of a discrepancy, or another one of the same layout.

    A draft is corrected and verified again; a placed order is changed or cancelled, and released once nothing doubtful
    is left.

    Args:
        fix: See `orders.verification`; None for the suggested one.
        place: Place a draft in the same transaction when nothing blocking is left.

    Raises:
        UnknownThing: there is no open discrepancy of that id.
        InvalidRequest: there is nothing that a machine could carry out, or the fix is impossible.
    """
    actor.require(Permission.SELL)

    def act(command: Command) -> dict[str, Any]:
        doubt = _found(command, discrepancy_id)
        head, lines = locked(command, doubt.sales_order_id)
        wanted = doubt.fix if fix is None else fix
        if not wanted:
            raise InvalidRequest("fix", f"given ({doubt.suggestion})", dict(wanted))
        if head.status == OrderStatus.DRAFT:
            _fix_draft(command, head, doubt, wanted, place=place)
        else:
            _fix_placed(command, head, lines, doubt, wanted)
        return _answer(command, doubt.sales_order_id)

    asked = {"discrepancy": discrepancy_id, "fix": None if fix is None else dict(fix), "place": place}
    return Resolved(**carry_out(database, act, action="fix discrepancy", request=asked, key=key, actor=actor, at=at))


def accept_discrepancy(
    database: Database, discrepancy_id: int, reason: str, *, key: str, actor: Actor, at: datetime
) -> Resolved:
    """Keep an order as it is in one respect; it is released once nothing doubtful is left.

    Raises:
        UnknownThing: there is no open discrepancy of that id.
        NotPossible: the order cannot be placed with it.
        InvalidRequest: no reason is given.
    """
    actor.require(Permission.REVIEW)
    require_reason(reason)

    def act(command: Command) -> dict[str, Any]:
        doubt = _found(command, discrepancy_id)
        head, lines = locked(command, doubt.sales_order_id)
        if doubt.is_blocking:
            raise NotPossible(str(head), "accept", f"impossible: {doubt.message}", ["fix", "cancel"])
        end_doubts(command, head, [doubt], "accept", reason)
        command.tell(head.id, "accepted", f"Accepted: {doubt.message}. {reason}", {"kind": doubt.kind})
        _release_if_settled(command, head, lines, doubt, reason)
        return _answer(command, doubt.sales_order_id)

    asked = {"discrepancy": discrepancy_id, "reason": reason}
    return Resolved(**carry_out(database, act, action="accept discrepancy", request=asked, key=key, actor=actor, at=at))


def _found(command: Command, discrepancy_id: int) -> OpenDiscrepancy:
    doubt = discrepancy_rows.find(command.sql, discrepancy_id)
    if doubt is None:
        raise UnknownThing("open discrepancy", str(discrepancy_id))
    return doubt


def _fix_draft(
    command: Command, head: OrderHead, doubt: OpenDiscrepancy, fix: Mapping[str, Any], *, place: bool
) -> None:
    end_doubts(command, head, [doubt], "fix", doubt.suggestion)
    command.tell(head.id, "fixed", f"Fixed: {doubt.message}. {doubt.suggestion}", {"kind": doubt.kind})
    if cancels(fix):
        discard(command, head, doubt.message)
        return
    reverify_draft(command, head, applied(draft_request(command, head), fix))
    still = open_doubts(command, head.id)
    if place and not any(other.is_blocking for other in still):
        place_locked_draft(command, head)


def _fix_placed(
    command: Command, head: OrderHead, lines: list[Line], doubt: OpenDiscrepancy, fix: Mapping[str, Any]
) -> None:
    command.tell(head.id, "fixed", f"Fixed: {doubt.message}. {doubt.suggestion}", {"kind": doubt.kind})
    end_doubts(command, head, [doubt], "fix", doubt.suggestion)
    if cancels(fix):
        still_open = {line.line_no: line.still_open for line in lines if line.still_open}
        cancel_units(command, head, lines, still_open, doubt.message)
        return
    apply_change(command, _as_change(head, doubt, fix))
    head, lines = locked(command, head.id)
    _release_if_settled(command, head, lines, doubt, doubt.suggestion)


def _as_change(head: OrderHead, doubt: OpenDiscrepancy, fix: Mapping[str, Any]) -> OrderChange:
    """A fix of the request's layout as a change of the placed order.

    Raises:
        InvalidRequest: it sets what cannot be changed after placing.
    """
    reason = f"{doubt.message}: {doubt.suggestion}"
    settings = dict(fix.get("set", {}))
    if "line" not in fix:
        if set(settings) != {"ship_to"}:
            raise InvalidRequest("fix: set", "ship_to, as the order is placed (approve or cancel it)", settings)
        return OrderChange(head.id, reason, ship_to=Address(**settings["ship_to"]))
    if fix.get("drop") is True:
        return OrderChange(head.id, reason, (LineChange(fix["line"], quantity=0),))
    if not settings or not set(settings) <= {"quantity", "unit_price"}:
        raise InvalidRequest("fix: set", "quantity or unit_price, as the order is placed", settings)
    price: Decimal | None = as_decimal("fix: unit_price", settings.get("unit_price"))
    return OrderChange(head.id, reason, (LineChange(fix["line"], quantity=settings.get("quantity"), unit_price=price),))


def _release_if_settled(
    command: Command, head: OrderHead, lines: list[Line], doubt: OpenDiscrepancy, reason: str
) -> None:
    """End the hold that the discrepancy put the order on, once no other one needs it."""
    kind, others = hold_of(doubt), {hold_of(other) for other in open_doubts(command, head.id)}
    if head.status == OrderStatus.DRAFT or kind is None or kind in others:
        return
    if end_holds(command, head, [kind], reason):
        change_status(command, head, lines, "release")


def _answer(command: Command, order_id: int) -> dict[str, Any]:
    head = sales_rows.lock_order(command.sql, order_id)
    still_open = len(open_doubts(command, order_id))
    return asdict(Resolved(order_id, "" if head is None else head.status, still_open))
