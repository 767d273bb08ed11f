"""Payments as rows: amounts only grow, by guarded statements, and never past what was authorised or captured."""

from __future__ import annotations

from typing import Any, NamedTuple

from data.driver import Driver


class Payment(NamedTuple):
    """A payment of an order; amounts in minor units of its currency."""

    id: int
    external_ref: str
    method: str
    currency: str
    authorised_minor: int
    captured_minor: int
    refunded_minor: int


_PAYMENT = (
    "SELECT id, external_ref, method, currency, authorised_minor, captured_minor, refunded_minor FROM payment"
    " WHERE sales_order_id = ?"
)


def payments(sql: Driver, order_id: int) -> list[Payment]:
    """An order's payments, oldest first."""
    return [Payment(*row) for row in sql.rows(f"{_PAYMENT} ORDER BY id", (order_id,))]


def insert_payment(
    sql: Driver, *, order_id: int, external_ref: str, method: str, currency: str, amount_minor: int, at: Any
) -> int | None:
    """A new payment's id; None when the order has one of this reference."""
    row = sql.row(
        "INSERT INTO payment (sales_order_id, external_ref, method, currency, authorised_minor, authorised_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sales_order_id, external_ref) DO NOTHING RETURNING id",
        (order_id, external_ref, method, currency, amount_minor, at),
    )
    return None if row is None else int(row[0])


def capture(sql: Driver, payment_id: int, amount_minor: int) -> bool:
    """Take so much more of what was authorised; whether it was there."""
    changed = sql.execute(
        "UPDATE payment SET captured_minor = captured_minor + ?"
        " WHERE id = ? AND captured_minor + ? <= authorised_minor",
        (amount_minor, payment_id, amount_minor),
    )
    return changed == 1


def refund(sql: Driver, payment_id: int, amount_minor: int) -> bool:
    """Give so much more back of what was captured; whether it was there."""
    changed = sql.execute(
        "UPDATE payment SET refunded_minor = refunded_minor + ? WHERE id = ? AND refunded_minor + ? <= captured_minor",
        (amount_minor, payment_id, amount_minor),
    )
    return changed == 1


def set_payment_status(sql: Driver, order_id: int, status: str) -> None:
    """Store how far an order is paid. Its version stays: nothing that a change was priced on is different."""
    sql.execute("UPDATE sales_order SET payment_status = ? WHERE id = ?", (status, order_id))
