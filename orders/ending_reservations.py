"""Reservations end once: consumed, released, or expired when their time has passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from data import balance_rows
from data.balance_rows import BalanceKey, Reserved
from orders.commands import Command


def expire_lapsed(command: Command, sku_ids: Sequence[int] | None = None) -> int:
    """End the soft reservations of these SKUs, or of any, that lapsed by now.

    The SKUs' balances are locked by the caller.

    Returns:
        Units that are free again.
    """
    lapsed = balance_rows.lapsed(command.sql, at=command.moment, sku_ids=sku_ids)
    expired = [
        reservation for reservation in lapsed if end_reservation(command, reservation, "expire", reservation.quantity)
    ]
    freed: dict[BalanceKey, int] = defaultdict(int)
    for reservation in expired:
        freed[reservation.key] += reservation.quantity
    failed = balance_rows.change_balances(command.sql, {key: (0, -units) for key, units in freed.items()})
    if failed is not None:
        raise RuntimeError(f"balance {failed} has fewer units allocated than are reserved: run stockwright check")
    return sum(freed.values())


def end_reservation(command: Command, reservation: Reserved, event: str, units: int) -> bool:
    """Consume, release or expire units of a reservation, the rest staying reserved; whether it was still active."""
    ended = {"consume": "consumed", "release": "released", "expire": "expired"}[event]
    if not balance_rows.resolve(command.sql, reservation, status=ended, quantity=units, at=command.moment):
        return False
    command.move("reservation", reservation.id, "active", event, ended, what=f"reservation {reservation.id}")
    return True
