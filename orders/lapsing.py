"""Soft reservations whose time has passed give their units back."""

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
    expired = [reservation for reservation in lapsed if _expire(command, reservation)]
    freed: dict[BalanceKey, int] = defaultdict(int)
    for reservation in expired:
        freed[reservation.key] += reservation.quantity
    failed = balance_rows.change_balances(command.sql, {key: (0, -units) for key, units in freed.items()})
    if failed is not None:
        raise RuntimeError(f"balance {failed} has fewer units allocated than are reserved: run stockwright check")
    return sum(freed.values())


def _expire(command: Command, reservation: Reserved) -> bool:
    ended = balance_rows.resolve(
        command.sql, reservation, status="expired", quantity=reservation.quantity, at=command.moment
    )
    if ended:
        what = f"reservation {reservation.id}"
        command.move("reservation", reservation.id, "active", "expire", "expired", what=what)
    return ended
