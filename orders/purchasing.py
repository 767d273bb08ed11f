"""Purchase orders until the goods come: drafted by hand or from approved recommendations, sent, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from data import master_rows, plan_rows, purchase_rows
from data.connection import Database
from data.purchase_rows import PurchaseHead
from orders.booking import last_cost, our_place, stock_items
from orders.commands import Command, carry_out
from orders.errors import DecisionRefused, InvalidRequest, NotPossible, UnknownThing
from orders.model import Actor, Permission
from orders.money import currency_code
from orders.requests import micros, plain, whole, words
from orders.terms import terms_in_force


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """Units of a SKU to be bought; no cost takes the one last known, in the purchase order's currency."""

    sku: str
    quantity: int
    unit_cost: Decimal | None = None
    expected_date: date | None = None


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """What is to be bought.

    Attributes:
        supplier: The supplier's reference; a new one is made.
        location: The place of ours to which it comes.
        lines: At least one.
        number: Its number; None for the next of ours.
        currency: ISO 4217; None for the company's.
        send: It is sent already; otherwise it is a draft.
    """

    supplier: str
    location: str
    lines: tuple[PurchaseLine, ...]
    number: str | None = None
    currency: str | None = None
    send: bool = False


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase order's number and where it stands."""

    number: str
    status: str


def place_purchase_order(
    database: Database, request: PurchaseRequest, *, key: str, actor: Actor, at: datetime
) -> Purchase:
    """Write a purchase order, as a draft or as sent at this moment.

    Raises:
        UnknownThing: there is no such location or SKU.
        InvalidRequest: the number is taken, the place is not ours, a quantity is not positive, or a cost is
            neither given nor known in the order's currency.
    """
    actor.require(Permission.PURCHASE)
    supplier = words("supplier", request.supplier, most=200)
    given = None if request.number is None else words("number", request.number, most=100)
    quantities = [whole(f"line {number}: quantity", line.quantity) for number, line in enumerate(request.lines, 1)]
    if not quantities:
        raise InvalidRequest("lines", "at least one", [])

    def act(command: Command) -> dict[str, Any]:
        sql = command.sql
        place = our_place(command, "location", request.location)
        currency = currency_code(request.currency or terms_in_force(sql).currency)
        items = stock_items(command, [line.sku for line in request.lines])
        costs = [_cost(command, number, currency, request.lines[number], items[number]) for number in range(len(items))]
        supplier_id = master_rows.party_id(command.connection, "supplier", supplier)
        number = f"new {command.key}" if given is None else given
        order_id = purchase_rows.insert_order(
            sql, number=number, supplier_id=supplier_id, location_id=place.id, status="draft", currency=currency,
            at=command.moment, by=command.actor.name,
        )  # fmt: skip
        if order_id is None:
            raise InvalidRequest("number", "one that no purchase order has", number)
        if given is None:
            number = purchase_rows.free_number(command.connection, f"PO-{order_id}")
            purchase_rows.rename(sql, order_id, number)
        lines = zip(request.lines, items, quantities, costs, strict=True)
        purchase_rows.insert_lines(
            sql,
            [
                (order_id, line_no, item.id, quantity, cost, sql.day(line.expected_date))
                for line_no, (line, item, quantity, cost) in enumerate(lines, 1)
            ],
        )
        placed = {"number": number, "supplier": supplier, "location": place.code, "lines": plain(request.lines)}
        command.announce("purchase_order.placed", "purchase order", order_id, placed)
        if request.send:
            _send(command, PurchaseHead(order_id, number, "draft", place.id, currency))
        return asdict(Purchase(number, "ordered" if request.send else "draft"))

    answer = carry_out(
        database, act, action="place purchase order", request=plain(request), key=key, actor=actor, at=at
    )
    return Purchase(**answer)


def _cost(command: Command, number: int, currency: str, line: PurchaseLine, item: master_rows.StockItem) -> int:
    field = f"line {number + 1}: unit_cost"
    if line.unit_cost is not None:
        return micros(field, line.unit_cost)
    cost, known_in = last_cost(command, item)
    if cost is None or known_in != currency:
        raise InvalidRequest(field, f"given, as no cost of SKU {item.display_code} is known in {currency}", None)
    return cost


def send_purchase_order(database: Database, number: str, *, key: str, actor: Actor, at: datetime) -> Purchase:
    """A draft goes to its supplier: from now on its lead time runs, and goods may come.

    Raises:
        UnknownThing: there is no such purchase order.
        NotPossible: it is no draft.
    """
    actor.require(Permission.PURCHASE)

    def act(command: Command) -> dict[str, Any]:
        head = locked(command, number)
        _send(command, head)
        return asdict(Purchase(head.number, "ordered"))

    asked = {"number": number}
    return Purchase(
        **carry_out(database, act, action="send purchase order", request=asked, key=key, actor=actor, at=at)
    )


def _send(command: Command, head: PurchaseHead) -> None:
    command.move("purchase order", head.id, head.status, "send", "ordered", what=str(head))
    purchase_rows.set_status(command.sql, head.id, "ordered", ordered_at=command.moment)
    command.announce("purchase_order.sent", "purchase order", head.id, {"number": head.number})


@dataclass(frozen=True, slots=True)
class PurchaseCancelled:
    """How many units are no longer to come, and where the purchase order stands."""

    number: str
    status: str
    units: int


def cancel_purchase_order(
    database: Database, number: str, reason: str, *, key: str, actor: Actor, at: datetime
) -> PurchaseCancelled:
    """What is open of a purchase order is not to come any more; what came stays received.

    Raises:
        UnknownThing: there is no such purchase order.
        NotPossible: it is received or cancelled already.
        InvalidRequest: no reason is given.
    """
    actor.require(Permission.PURCHASE)
    why = words("reason", reason)

    def act(command: Command) -> dict[str, Any]:
        head = locked(command, number)
        if head.status not in ("draft", "ordered"):
            raise NotPossible(str(head), "cancel", head.status)
        units = sum(line.still_open for line in purchase_rows.lines(command.sql, head.id))
        is_begun = purchase_rows.is_begun(command.sql, head.id)
        event, status = ("cancel rest", "received") if is_begun else ("cancel", "cancelled")
        command.move("purchase order", head.id, head.status, event, status, what=str(head))
        purchase_rows.cancel_open(command.sql, head.id)
        purchase_rows.set_status(command.sql, head.id, status)
        payload = {"number": head.number, "reason": why, "units": units, "status": status}
        command.announce("purchase_order.cancelled", "purchase order", head.id, payload)
        return asdict(PurchaseCancelled(head.number, status, units))

    asked = {"number": number, "reason": why}
    return PurchaseCancelled(
        **carry_out(database, act, action="cancel purchase order", request=asked, key=key, actor=actor, at=at)
    )


def locked(command: Command, number: str) -> PurchaseHead:
    """The purchase order, held until the transaction ends.

    Raises:
        UnknownThing: there is none of this number.
    """
    head = purchase_rows.lock_order(command.sql, number)
    if head is None:
        raise UnknownThing("purchase order", number)
    return head


# Recommendations


@dataclass(frozen=True)
class Approval:
    """Order what was recommended, or another quantity with the reason for it."""

    recommendation_id: int
    quantity: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class DraftedLine:
    """The draft purchase order that an approval made."""

    purchase_order: str
    purchase_order_line_id: int
    quantity: int


def approve_recommendation(
    database: Database, request: Approval, *, key: str, actor: Actor, at: datetime
) -> DraftedLine:
    """Approve one recommendation; see `approve_recommendations`."""
    return approve_recommendations(database, [request], key=key, actor=actor, at=at)[0]


def approve_recommendations(
    database: Database, requests: Sequence[Approval], *, key: str, actor: Actor, at: datetime
) -> list[DraftedLine]:
    """Make draft purchase orders of recommendations, all or none; the next plan counts them as on order.

    Approvals of one plan for the same supplier and location share a draft.

    Returns:
        The drafted lines, in the order of the requests.

    Raises:
        DecisionRefused: there is no such recommendation, it is approved already, the quantity is not positive,
            or it differs from the recommended one without a reason.
        KeyReused: the key came with another request before.
    """
    actor.require(Permission.APPROVE)

    def act(command: Command) -> dict[str, Any]:
        lines = [_approve(command, request) for request in requests]
        for request, line in zip(requests, lines, strict=True):
            drafted = {"purchase_order": line.purchase_order, "quantity": line.quantity}
            command.announce("recommendation.approved", "recommendation", request.recommendation_id, drafted)
        return {"lines": [asdict(line) for line in lines]}

    asked = {"approve": [asdict(request) for request in requests]}
    answer = carry_out(database, act, action="approve", request=asked, key=key, actor=actor, at=at)
    return [DraftedLine(**line) for line in answer["lines"]]


def withdraw_approval(database: Database, recommendation_id: int, *, key: str, actor: Actor, at: datetime) -> None:
    """Withdraw one approval; see `withdraw_approvals`."""
    withdraw_approvals(database, [recommendation_id], key=key, actor=actor, at=at)


def withdraw_approvals(
    database: Database, recommendation_ids: Sequence[int], *, key: str, actor: Actor, at: datetime
) -> None:
    """Undo approvals, all or none: their draft lines are cancelled and the recommendations stand open again.

    Raises:
        DecisionRefused: one does not exist or is not approved, or its purchase order is no draft any more.
        KeyReused: the key came with another request before.
    """
    actor.require(Permission.APPROVE)

    def act(command: Command) -> dict[str, Any]:
        for number in recommendation_ids:
            _withdraw(command, number)
            command.announce("recommendation.withdrawn", "recommendation", number, {})
        return {}

    asked = {"withdraw": list(recommendation_ids)}
    carry_out(database, act, action="withdraw", request=asked, key=key, actor=actor, at=at)


def _withdraw(command: Command, number: int) -> None:
    connection = command.connection
    _lock(connection, number)
    last = plan_rows.last_decision(connection, number)
    if last is None or last.outcome != "approved":
        raise DecisionRefused(number, "is not approved: there is nothing to withdraw")
    order = purchase_rows.lock_order_of_line(command.sql, last.purchase_order_line_id)
    if order.status == "cancelled":
        raise DecisionRefused(number, "cannot be withdrawn: its purchase order was cancelled")
    if order.status != "draft":
        raise DecisionRefused(number, "cannot be withdrawn: its purchase order was sent")
    if purchase_rows.cancel_line(connection, last.purchase_order_line_id) is not None:
        command.move("purchase order", order.id, "draft", "cancel", "cancelled", what=str(order))
    plan_rows.write_decision(
        connection,
        {
            "recommendation_id": number,
            "outcome": "withdrawn",
            "quantity": last.quantity,
            "purchase_order_line_id": last.purchase_order_line_id,
            "decided_at": command.at,
            "decided_by": command.actor.name,
        },
    )


def _approve(command: Command, request: Approval) -> DraftedLine:
    connection, number = command.connection, request.recommendation_id
    advised = _lock(connection, number)
    last = plan_rows.last_decision(connection, number)
    if last is not None and last.outcome == "approved":
        raise DecisionRefused(number, "is approved already")
    quantity = advised.order_quantity if request.quantity is None else request.quantity
    if quantity < 1:
        raise DecisionRefused(number, f"cannot be approved for {quantity} units: wanted 1 or more")
    if quantity != advised.order_quantity and not request.reason:
        raise DecisionRefused(number, "needs a reason, as the quantity is not the recommended one")
    planned_on = plan_rows.as_of(connection, advised.plan_run_id) + timedelta(days=1)
    expected = planned_on + timedelta(days=round(advised.numbers["lead_time_days"]))
    order_id, order = _draft(command, advised)
    line = purchase_rows.add_line(
        connection,
        order_id,
        sku_id=advised.sku_id,
        quantity=quantity,
        unit_cost_micros=advised.unit_cost_micros,
        expected_date=expected,
    )
    plan_rows.write_decision(
        connection,
        {
            "recommendation_id": number,
            "outcome": "approved",
            "quantity": quantity,
            "purchase_order_line_id": line,
            "reason": request.reason,
            "decided_at": command.at,
            "decided_by": command.actor.name,
        },
    )
    return DraftedLine(order, line, quantity)


def _lock(connection: Connection, recommendation_id: int) -> Any:
    """The recommendation, its plan being held: decisions on one plan share drafts, so they go one by one."""
    advised = plan_rows.find_recommendation(connection, recommendation_id)
    if advised is None:
        raise DecisionRefused(recommendation_id, "does not exist")
    plan_rows.lock_plan(connection, advised.plan_run_id)
    return advised


def _draft(command: Command, advised: Any) -> tuple[int, str]:
    """The plan's draft for this supplier and location, made when there is none; nobody sends it meanwhile."""
    connection = command.connection
    number = f"SW-{advised.plan_run_id}-{advised.supplier_id or 0}-{advised.location_id}"
    draft = purchase_rows.open_draft(connection, number)
    if draft is not None and locked(command, draft[1]).status == "draft":
        return draft
    number = purchase_rows.free_number(connection, number)
    order = purchase_rows.write_order(
        connection,
        number=number,
        supplier_id=advised.supplier_id,
        location_id=advised.location_id,
        status="draft",
        currency=advised.currency,
        ordered_at=command.at,
        created_by=command.actor.name,
        lines=[],
    )
    return order, number
