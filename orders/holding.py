"""Orders wait on hold until somebody releases or approves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from data import sales_rows
from data.connection import Database
from data.sales_rows import OrderHead
from orders.allocating import change_status, locked
from orders.commands import Command, carry_out
from orders.doubts import end_doubts, hold_of, open_doubts
from orders.errors import InvalidRequest, NotPossible
from orders.model import Actor, HoldKind, OrderStatus, Permission

_CANNOT_WAIT = (OrderStatus.DRAFT, OrderStatus.SHIPPED, OrderStatus.CLOSED, OrderStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Held:
    """An order's state and what it still waits for."""

    order_id: int
    status: str
    holds: tuple[str, ...]


def hold_order(
    database: Database, order_id: int, kind: str, reason: str, *, key: str, actor: Actor, at: datetime
) -> Held:
    """Put an order on hold: its stock stays reserved, and nothing of it is shipped.

    Args:
        kind: credit, address, fraud, stock or review.
        reason: Why, for people.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is a draft, nothing of it is open, or it is on hold for this already.
        InvalidRequest: the kind is unknown, or no reason is given.
    """
    actor.require(Permission.REVIEW)
    if kind not in list(HoldKind):
        raise InvalidRequest("hold", " or ".join(HoldKind), kind)
    require_reason(reason)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, order_id)
        if head.status in _CANNOT_WAIT:
            raise NotPossible(str(head), "hold", head.status)
        if any(kind == existing for _, existing, _ in sales_rows.open_holds(command.sql, order_id)):
            raise NotPossible(str(head), f"hold for {kind}", f"on hold for {kind}")
        add_hold(command, head, kind, reason)
        change_status(command, head, lines, "hold")
        return _held(command, head)

    asked = {"order": order_id, "kind": kind, "reason": reason}
    return _answer(carry_out(database, act, action="hold order", request=asked, key=key, actor=actor, at=at))


def add_hold(command: Command, head: OrderHead, kind: str, reason: str) -> None:
    """Write a hold and tell it; the order's state is the caller's to change."""
    sales_rows.insert_hold(
        command.sql, order_id=head.id, kind=kind, reason=reason, at=command.moment, by=command.actor.name
    )
    command.tell(head.id, "held", f"On hold ({kind}): {reason}", {"hold": kind})


def release_order(
    database: Database, order_id: int, kind: str, reason: str, *, key: str, actor: Actor, at: datetime
) -> Held:
    """Release one hold; the order goes on where it stood once the last one is released.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is not on hold for this.
        InvalidRequest: no reason is given.
    """
    actor.require(Permission.REVIEW)
    require_reason(reason)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, order_id)
        if not end_holds(command, head, [kind], reason):
            raise NotPossible(str(head), f"release from {kind}", head.status)
        change_status(command, head, lines, "release")
        return _held(command, head)

    asked = {"order": order_id, "kind": kind, "reason": reason}
    return _answer(carry_out(database, act, action="release order", request=asked, key=key, actor=actor, at=at))


def end_holds(command: Command, head: OrderHead, kinds: Sequence[str], reason: str) -> int:
    """End an order's open holds of these kinds and tell it; how many there were."""
    ended = [hold for hold in sales_rows.open_holds(command.sql, head.id) if hold[1] in kinds]
    for hold_id, kind, _ in ended:
        sales_rows.release_hold(command.sql, hold_id, at=command.moment, by=command.actor.name, reason=reason)
        command.move("hold", hold_id, "held", "release", "released", what=f"the {kind} hold of {head}")
        command.tell(head.id, "released", f"Released ({kind}): {reason}", {"hold": kind})
    return len(ended)


def approve_order(database: Database, order_id: int, reason: str, *, key: str, actor: Actor, at: datetime) -> Held:
    """Accept an order as it is: its open discrepancies are accepted and its review hold is released.

    Other holds stay.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is a draft, or there is nothing to approve.
        InvalidRequest: no reason is given.
    """
    actor.require(Permission.REVIEW)
    require_reason(reason)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, order_id)
        doubts = open_doubts(command, order_id)
        if head.status == OrderStatus.DRAFT:
            raise NotPossible(str(head), "approve", head.status, ["place"])
        end_doubts(command, head, doubts, "accept", reason)
        kinds = [HoldKind.REVIEW, *(kind for doubt in doubts if (kind := hold_of(doubt)))]
        if not end_holds(command, head, kinds, f"approved: {reason}") and not doubts:
            raise NotPossible(str(head), "approve", "not waiting for approval")
        command.tell(head.id, "approved", f"Approved as it is: {reason}", {"discrepancies": len(doubts)})
        change_status(command, head, lines, "release")
        return _held(command, head)

    asked = {"order": order_id, "reason": reason}
    return _answer(carry_out(database, act, action="approve order", request=asked, key=key, actor=actor, at=at))


def add_note(database: Database, order_id: int, note: str, *, key: str, actor: Actor, at: datetime) -> None:
    """Write a note on an order's timeline.

    Raises:
        UnknownThing: there is no such order.
        InvalidRequest: the note is empty or longer than 2,000 characters.
    """
    actor.require(Permission.SELL)
    if not 0 < len(note.strip()) <= 2000:
        raise InvalidRequest("note", "1 to 2,000 characters", note[:40])

    def act(command: Command) -> dict[str, Any]:
        head, _ = locked(command, order_id)
        command.tell(head.id, "note", note.strip())
        return {}

    carry_out(database, act, action="add note", request={"order": order_id, "note": note}, key=key, actor=actor, at=at)


def require_reason(reason: str) -> None:
    """Refuse what is done without saying why.

    Raises:
        InvalidRequest: the reason is empty.
    """
    if not reason.strip():
        raise InvalidRequest("reason", "given", reason)


def _held(command: Command, head: OrderHead) -> dict[str, Any]:
    kinds = tuple(kind for _, kind, _ in sales_rows.open_holds(command.sql, head.id))
    return asdict(Held(head.id, head.status, kinds))


def _answer(response: dict[str, Any]) -> Held:
    return Held(response["order_id"], response["status"], tuple(response["holds"]))
