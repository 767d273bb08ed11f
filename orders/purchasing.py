"""From an approved recommendation to a draft purchase order, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from data import plan_rows, purchase_rows
from data.connection import Database
from orders.commands import Command, carry_out
from orders.errors import DecisionRefused
from orders.model import Actor, Permission


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
        lines = [_approve(command.connection, request, actor, at) for request in requests]
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
            _withdraw(command.connection, number, actor, at)
            command.announce("recommendation.withdrawn", "recommendation", number, {})
        return {}

    asked = {"withdraw": list(recommendation_ids)}
    carry_out(database, act, action="withdraw", request=asked, key=key, actor=actor, at=at)


def _withdraw(connection: Connection, number: int, actor: Actor, at: datetime) -> None:
    _lock(connection, number)
    last = plan_rows.last_decision(connection, number)
    if last is None or last.outcome != "approved":
        raise DecisionRefused(number, "is not approved: there is nothing to withdraw")
    if purchase_rows.status_of_line(connection, last.purchase_order_line_id) != "draft":
        raise DecisionRefused(number, "cannot be withdrawn: its purchase order was sent")
    purchase_rows.cancel_line(connection, last.purchase_order_line_id)
    plan_rows.write_decision(
        connection,
        {
            "recommendation_id": number,
            "outcome": "withdrawn",
            "quantity": last.quantity,
            "purchase_order_line_id": last.purchase_order_line_id,
            "decided_at": at,
            "decided_by": actor.name,
        },
    )


def _approve(connection: Connection, request: Approval, actor: Actor, at: datetime) -> DraftedLine:
    number = request.recommendation_id
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
    order_id, order = _draft(connection, advised, actor, at)
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
            "decided_at": at,
            "decided_by": actor.name,
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


def _draft(connection: Connection, advised: Any, actor: Actor, at: datetime) -> tuple[int, str]:
    """The plan's draft for this supplier and location, made when there is none."""
    number = f"SW-{advised.plan_run_id}-{advised.supplier_id or 0}-{advised.location_id}"
    draft = purchase_rows.open_draft(connection, number)
    if draft is not None:
        return draft
    number = purchase_rows.free_number(connection, number)
    order = purchase_rows.write_order(
        connection,
        number=number,
        supplier_id=advised.supplier_id,
        location_id=advised.location_id,
        status="draft",
        currency=advised.currency,
        ordered_at=at,
        created_by=actor.name,
        lines=[],
    )
    return order, number
