"""Payments of orders are authorised, captured and refunded, never more than there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from data import payment_rows, sales_rows
from data.connection import Database
from data.driver import Driver
from data.payment_rows import Payment
from data.sales_rows import OrderHead
from orders.commands import Command, carry_out
from orders.errors import AmountRefused, InvalidRequest, NotPossible, UnknownThing
from orders.model import Actor, OrderStatus, Permission
from orders.money import format_minor
from orders.requests import minor, plain, whole, words


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Money that a customer's bank keeps ready for an order.

    Attributes:
        order: The order's id.
        external_ref: The payment provider's own number of it.
        method: Such as card or invoice.
        amount: Exact, in the order's currency.
    """

    order: int
    external_ref: str
    method: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment and how far its order is paid; amounts in minor units of the currency."""

    order_id: int
    external_ref: str
    currency: str
    authorised_minor: int
    captured_minor: int
    refunded_minor: int
    payment_status: str


class Amounts(Protocol):
    """What the state of an order's payments is derived from, in minor units."""

    @property
    def authorised_minor(self) -> int: ...
    @property
    def captured_minor(self) -> int: ...
    @property
    def refunded_minor(self) -> int: ...


def payment_status(payments: Sequence[Amounts]) -> str:
    """How far an order is paid, by all of its payments together.

    What is given back counts before what is still to be taken: an order of which everything captured was refunded
    is refunded, even if more was authorised than captured.
    """
    authorised = sum(payment.authorised_minor for payment in payments)
    captured = sum(payment.captured_minor for payment in payments)
    refunded = sum(payment.refunded_minor for payment in payments)
    if authorised == 0:
        return "none"
    if captured == 0:
        return "authorised"
    if refunded:
        return "refunded" if refunded == captured else "partially_refunded"
    return "captured" if captured == authorised else "partially_captured"


def authorise_payment(
    database: Database, request: Authorisation, *, key: str, actor: Actor, at: datetime
) -> PaymentState:
    """Record that a payment is authorised; nothing of it is taken yet.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is cancelled.
        InvalidRequest: the order has a payment of this reference, or the amount is not positive or finer than the
            currency.
    """
    actor.require(Permission.TAKE_PAYMENT)
    reference, method = words("external_ref", request.external_ref, most=200), words("method", request.method, most=50)

    def act(command: Command) -> dict[str, Any]:
        head = _locked(command, request.order)
        _require_live(head, "authorise a payment of")
        amount = minor("amount", request.amount, head.currency)
        number = payment_rows.insert_payment(
            command.sql, order_id=head.id, external_ref=reference, method=method, currency=head.currency,
            amount_minor=amount, at=command.moment,
        )  # fmt: skip
        if number is None:
            raise InvalidRequest("external_ref", f"new, as {head} has a payment of this reference", reference)
        return _settle(command, head, reference, "authorise", amount, {"method": method})

    answer = carry_out(database, act, action="authorise payment", request=plain(request), key=key, actor=actor, at=at)
    return PaymentState(**answer)


def capture_payment(
    database: Database,
    order: int,
    external_ref: str,
    amount: Decimal | None = None,
    *,
    key: str,
    actor: Actor,
    at: datetime,
) -> PaymentState:
    """Take money that was authorised; no amount takes all that is left of it.

    Raises:
        UnknownThing: there is no such order or payment.
        NotPossible: the order is cancelled.
        AmountRefused: less is left.
        InvalidRequest: the amount is not positive, or finer than the currency.
    """
    actor.require(Permission.TAKE_PAYMENT)

    def act(command: Command) -> dict[str, Any]:
        head = _locked(command, order)
        _require_live(head, "capture a payment of")
        payment = _payment(command, head, external_ref)
        left = payment.authorised_minor - payment.captured_minor
        wanted = left if amount is None else minor("amount", amount, head.currency)
        _take(command.sql, payment_rows.capture, payment, wanted, "capture", left)
        return _settle(command, head, external_ref, "capture", wanted, {})

    asked = {"order": order, "external_ref": external_ref, "amount": plain(amount)}
    return PaymentState(
        **carry_out(database, act, action="capture payment", request=asked, key=key, actor=actor, at=at)
    )


def refund_payment(
    database: Database,
    order: int,
    external_ref: str,
    amount: Decimal,
    reason: str,
    *,
    key: str,
    actor: Actor,
    at: datetime,
) -> PaymentState:
    """Give captured money back.

    Raises:
        UnknownThing: there is no such order or payment.
        AmountRefused: less was captured and not refunded yet.
        InvalidRequest: the amount is not positive or finer than the currency, or no reason is given.
    """
    actor.require(Permission.TAKE_PAYMENT)
    why = words("reason", reason)

    def act(command: Command) -> dict[str, Any]:
        head = _locked(command, order)
        payment = _payment(command, head, external_ref)
        wanted = minor("amount", amount, head.currency)
        left = payment.captured_minor - payment.refunded_minor
        _take(command.sql, payment_rows.refund, payment, wanted, "refund", left)
        return _settle(command, head, external_ref, "refund", wanted, {"reason": why})

    asked = {"order": order, "external_ref": external_ref, "amount": plain(amount), "reason": why}
    return PaymentState(**carry_out(database, act, action="refund payment", request=asked, key=key, actor=actor, at=at))


def _locked(command: Command, order: int) -> OrderHead:
    head = sales_rows.lock_order(command.sql, whole("order", order))
    if head is None:
        raise UnknownThing("order", str(order))
    return head


def _require_live(head: OrderHead, event: str) -> None:
    if head.status == OrderStatus.CANCELLED:
        raise NotPossible(str(head), event, head.status)


def _payment(command: Command, head: OrderHead, external_ref: str) -> Payment:
    known = {payment.external_ref: payment for payment in payment_rows.payments(command.sql, head.id)}
    if external_ref not in known:
        raise UnknownThing("payment", external_ref, hint=f"{head} has {', '.join(known) or 'none'}")
    return known[external_ref]


def _take(
    sql: Driver, verb: Callable[[Driver, int, int], bool], payment: Payment, wanted: int, event: str, left: int
) -> None:
    if wanted == 0 or not verb(sql, payment.id, wanted):
        shown = format_minor(wanted, payment.currency) if wanted else "what is left"
        raise AmountRefused(event, shown, format_minor(left, payment.currency))


def _settle(
    command: Command, head: OrderHead, external_ref: str, event: str, amount: int, details: dict[str, str]
) -> dict[str, Any]:
    """Derive how far the order is paid, log the move if it is one, and tell of it; the answer of the command."""
    payments = payment_rows.payments(command.sql, head.id)
    status = payment_status(payments)
    if status != head.payment_status:
        command.move("payment", head.id, head.payment_status, event, status, what=f"the payments of {head}")
        payment_rows.set_payment_status(command.sql, head.id, status)
    past = {"authorise": "authorised", "capture": "captured", "refund": "refunded"}[event]
    summary = f"Payment {external_ref}: {format_minor(amount, head.currency)} {past}"
    if "reason" in details:
        summary += f" ({details['reason']})"
    told = {"payment": external_ref, "amount_minor": amount, "currency": head.currency, "status": status, **details}
    command.tell(head.id, f"payment {past}", summary, told)
    (payment,) = (one for one in payments if one.external_ref == external_ref)
    return asdict(
        PaymentState(
            head.id, external_ref, payment.currency, payment.authorised_minor, payment.captured_minor,
            payment.refunded_minor, status,
        )
    )  # fmt: skip
