"""Which sale a credit undoes: pure matching of credit lines with the order lines they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

NO_CUSTOMER = "no customer on the credit"
NEVER_BOUGHT = "no earlier sale of this SKU to this customer"
MORE_THAN_BOUGHT = "more credited than this customer had bought before"
NO_SUCH_ORDER = "the order it names holds no such line"


@dataclass(frozen=True)
class SoldLine:
    """A sale that a credit may undo. `handle` is the caller's own name for it; `quantity` what is still open."""

    handle: Any
    order: str
    sold_at: datetime
    business_date: date
    quantity: int
    unit_price_micros: int


@dataclass(frozen=True)
class CreditLine:
    """A credited quantity (> 0) of one SKU, as one line of a credit note."""

    handle: Any
    buyer: Any
    sku: Any
    order: str | None
    credited_at: datetime
    business_date: date
    quantity: int
    unit_price_micros: int


@dataclass(frozen=True)
class CreditPart:
    """So many units of a credit and the sale they undo, or why none was found.

    A part is a cancellation when it undoes its order before that business day ends: the goods cannot have
    left. Otherwise it is a return.
    """

    credit: Any
    sale: Any
    quantity: int
    is_cancellation: bool
    unlinked_reason: str | None


def link_credits(
    credits: Iterable[CreditLine], sales: Mapping[tuple[Any, Any], Sequence[SoldLine]]
) -> list[CreditPart]:
    """Split every credit into parts, each undoing one sale or none.

    Credits are taken in the order in which they were given. Each takes from this buyer's earlier sales of
    the SKU: those at its own price first, and among these the latest, because people send back what they
    bought last. No sale is undone twice. A credit that names an order takes from that order alone.

    Args:
        credits: In any order; the parts come back by (credited_at, handle).
        sales: (buyer, sku) → that buyer's sales of it, in any order.

    Returns:
        Parts whose quantities sum, per credit, to the credit's quantity.
    """
    left: dict[Any, int] = {}
    by_time = {key: sorted(lines, key=lambda line: line.sold_at) for key, lines in sales.items()}
    parts: list[CreditPart] = []
    for credit in sorted(credits, key=lambda credit: (credit.credited_at, credit.handle)):
        parts.extend(_parts(credit, by_time.get((credit.buyer, credit.sku), ()), left))
    return parts


def _parts(credit: CreditLine, sales: Sequence[SoldLine], left: dict[Any, int]) -> list[CreditPart]:
    candidates = [sale for sale in sales if _can_undo(credit, sale)]
    latest_first = candidates[::-1]
    preferred = [sale for sale in latest_first if sale.unit_price_micros == credit.unit_price_micros]
    others = [sale for sale in latest_first if sale.unit_price_micros != credit.unit_price_micros]
    parts, wanted = [], credit.quantity
    for sale in preferred + others:
        taken = min(wanted, left.setdefault(sale.handle, sale.quantity))
        if taken > 0:
            left[sale.handle] -= taken
            wanted -= taken
            undone_at_once = sale.business_date == credit.business_date
            parts.append(CreditPart(credit.handle, sale.handle, taken, undone_at_once, None))
        if wanted == 0:
            return parts
    return [*parts, CreditPart(credit.handle, None, wanted, False, _why_unlinked(credit, bool(candidates)))]


def _can_undo(credit: CreditLine, sale: SoldLine) -> bool:
    if credit.order is not None:
        return sale.order == credit.order
    return credit.buyer is not None and sale.sold_at <= credit.credited_at


def _why_unlinked(credit: CreditLine, had_candidates: bool) -> str:
    if credit.order is not None and not had_candidates:
        return NO_SUCH_ORDER
    if credit.buyer is None and credit.order is None:
        return NO_CUSTOMER
    return MORE_THAN_BOUGHT if had_candidates else NEVER_BOUGHT
