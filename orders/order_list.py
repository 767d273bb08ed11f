"""The order list: a page at a time by filters, and where the open orders stand. Read-only."""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row

from data import order_list_rows
from data.order_list_rows import OrderFilter, Place
from orders.errors import InvalidRequest
from orders.lifecycle import PAYMENT
from orders.model import HoldKind, OrderStatus

__all__ = [
    "AGES", "MOST_ROWS", "OPEN_STATUSES", "Funnel", "FunnelStep", "OrderFilter", "OrderPage", "OrderRow", "PageKey",
    "Sort", "funnel", "order_page",
]  # fmt: skip

MOST_ROWS = 1000
OPEN_STATUSES = (
    OrderStatus.DRAFT,
    OrderStatus.PLACED,
    OrderStatus.ON_HOLD,
    OrderStatus.ALLOCATED,
    OrderStatus.PARTIALLY_ALLOCATED,
    OrderStatus.BACKORDERED,
    OrderStatus.PARTIALLY_SHIPPED,
)
AGES: Mapping[str, timedelta] = MappingProxyType(
    {
        "under 4 hours": timedelta(hours=4),
        "under 1 day": timedelta(days=1),
        "1 to 3 days": timedelta(days=3),
        "3 to 7 days": timedelta(days=7),
        "over 7 days": timedelta.max,
    }
)
"""How long an order has been in its state → the age at which the next one begins."""

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_KEY = struct.Struct(">cqq")


class Sort(StrEnum):
    """By when orders were placed; of those placed at one moment, by id."""

    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True)
class PageKey:
    """Where a page ended, so that the next one goes on there.

    Attributes:
        sort: How the list is sorted.
        placed_at: Of the order where it ended.
        id: Of the same order.
    """

    sort: Sort
    placed_at: datetime
    id: int

    def __str__(self) -> str:
        """As text for a URL."""
        micros = (self.placed_at - _EPOCH) // _MICROSECOND
        return urlsafe_b64encode(_KEY.pack(self.sort[:1].encode(), micros, self.id)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> PageKey:
        """The key that a page gave as this text.

        Raises:
            InvalidRequest: no page ever gave it.
        """
        try:
            initial, micros, order_id = _KEY.unpack(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            key = cls(_SORT_OF[initial], _EPOCH + micros * _MICROSECOND, order_id)
        except (KeyError, OverflowError, ValueError, struct.error) as error:
            raise _no_key(text) from error
        if str(key) != text or key.id < 1:
            raise _no_key(text)
        return key


_SORT_OF = {sort[:1].encode(): sort for sort in Sort}


def _no_key(text: str) -> InvalidRequest:
    return InvalidRequest("the page key", "one that a page of the order list gave", text)


@dataclass(frozen=True)
class OrderRow:
    """An order as a list shows it.

    Attributes:
        id: Ours.
        external_ref: The channel's reference.
        channel: Code of the channel.
        customer: The customer's name, where there is one.
        placed_at: When it was placed.
        business_date: The day of that where the sale was made.
        status: Where it stands.
        status_since: Since when.
        value_minor: What it is worth, in minor units of the currency.
        currency: Of the value.
        line_count: How many lines it has.
        country: Where it goes.
        priority: The higher, the sooner it is served.
        payment_status: How far it is paid.
        promised_date: When it was promised.
        holds: Kinds of the holds that are not released, in alphabetical order.
        open_discrepancies: How many discrepancies are open.
    """

    id: int
    external_ref: str
    channel: str
    customer: str | None
    placed_at: datetime
    business_date: date
    status: OrderStatus
    status_since: datetime | None
    value_minor: int
    currency: str
    line_count: int
    country: str | None
    priority: int
    payment_status: str
    promised_date: date | None
    holds: tuple[HoldKind, ...]
    open_discrepancies: int


@dataclass(frozen=True)
class OrderPage:
    """A page of the list.

    Attributes:
        rows: The orders.
        next: Where the next page goes on; None on the last page.
        looked_to: Set on a page that is not full although the list goes on: up to when it was looked. Where almost
            no order passes the filter, a page would else take as long as there are orders.
    """

    rows: tuple[OrderRow, ...]
    next: PageKey | None
    looked_to: datetime | None


def order_page(
    connection: Connection,
    wanted: OrderFilter,
    *,
    after: PageKey | None = None,
    limit: int = 50,
    sort: str = Sort.NEWEST,
) -> OrderPage:
    """A page of the orders that pass a filter, by one statement and in a time that does not grow with the page.

    Following `next` gives every order once; orders that are placed meanwhile do not shift the pages.

    Args:
        connection: An open transaction.
        wanted: Which orders. Spaces around its texts do not count.
        after: `next` of the page before; None for the first page.
        limit: Most orders on the page, 1 to 1,000.
        sort: `newest` or `oldest` first.

    Raises:
        InvalidRequest: the filter, the limit or the sort is impossible, or the key is one of the other sort.
    """
    if sort not in tuple(Sort):
        raise InvalidRequest("sort", " or ".join(Sort), sort)
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidRequest("limit", f"from 1 to {MOST_ROWS}", limit)
    if after is not None and after.sort != sort:
        raise InvalidRequest("the page key", f"one of a list sorted {sort} first", str(after))
    found = order_list_rows.page(
        connection,
        _checked(wanted),
        after=None if after is None else Place(after.placed_at, after.id),
        newest_first=sort == Sort.NEWEST,
        limit=limit,
    )
    rows = tuple(_order_row(row) for row in found.rows[:limit])
    if len(found.rows) > limit:
        return OrderPage(rows, PageKey(Sort(sort), rows[-1].placed_at, rows[-1].id), None)
    if found.looked_to is not None:
        return OrderPage(rows, PageKey(Sort(sort), *found.looked_to), found.looked_to.placed_at)
    return OrderPage(rows, None, None)


def _order_row(row: Row[Any]) -> OrderRow:
    given = {name: value for name, value in row._mapping.items() if name in _SHOWN}
    kinds = sorted(row.holds.split(",")) if row.holds else []
    known = {"status": OrderStatus(row.status), "holds": tuple(HoldKind(kind) for kind in kinds)}
    return OrderRow(**given | known)


_SHOWN = frozenset(one.name for one in fields(OrderRow))


def _checked(wanted: OrderFilter) -> OrderFilter:
    """The filter without spaces around its texts.

    Raises:
        InvalidRequest: it names something that cannot be.
    """
    for name, value, known in (
        *(("statuses", status, tuple(OrderStatus)) for status in wanted.statuses),
        ("hold", wanted.hold, tuple(HoldKind)),
        ("payment_status", wanted.payment_status, PAYMENT.states),
    ):
        if value is not None and value not in known:
            raise InvalidRequest(name, f"one of {', '.join(known)}", str(value))
    least = wanted.min_value_minor
    if least is not None and not -(2**63) <= least < 2**63:
        raise InvalidRequest("min_value_minor", "a number of 64 bits", least)
    first, last = wanted.placed_from, wanted.placed_to
    if first is not None and last is not None and last < first:
        raise InvalidRequest("placed_to", f"no day before placed_from ({first})", str(last))
    return replace(
        wanted,
        channel=_text("channel", wanted.channel),
        customer=_text("customer", wanted.customer),
        text=_text("text", wanted.text),
        country=_text("country", wanted.country),
        sku=_text("sku", wanted.sku),
    )


def _text(name: str, given: str | None) -> str | None:
    if given is None:
        return None
    if not given.isprintable():
        raise InvalidRequest(name, "printable text", given)
    return given.strip() or None


# The funnel


@dataclass(frozen=True)
class FunnelStep:
    """The orders in one state.

    Attributes:
        status: The state.
        orders: How many they are.
        value_minor: Currency → their value in its minor units.
        by_age: Age of `AGES` → how many have been in the state that long.
    """

    status: OrderStatus
    orders: int
    value_minor: Mapping[str, int]
    by_age: Mapping[str, int]


@dataclass(frozen=True)
class Funnel:
    """Where the open orders stand.

    Attributes:
        steps: Every open state, from draft to partially shipped.
        holds: Kind → how many holds are not released.
    """

    steps: tuple[FunnelStep, ...]
    holds: Mapping[HoldKind, int]


def funnel(connection: Connection, *, at: datetime) -> Funnel:
    """How many orders are open, in which states and for how long, by two statements that read only open orders.

    An order whose state has no date counts from when it was placed.
    """
    since = [at - age for age in AGES.values() if age != timedelta.max]
    rows = order_list_rows.open_orders_by_age(connection, statuses=OPEN_STATUSES, since=since)
    held = order_list_rows.open_holds(connection)
    return Funnel(
        tuple(_step(status, [row for row in rows if row.status == status]) for status in OPEN_STATUSES),
        {kind: held.get(kind, 0) for kind in HoldKind},
    )


def _step(status: OrderStatus, rows: list[Row[Any]]) -> FunnelStep:
    """One state from its rows, one per currency."""
    orders = sum(row.orders for row in rows)
    younger = [sum(getattr(row, f"younger_{number}") for row in rows) for number in range(len(AGES) - 1)]
    bounds = [0, *younger, orders]
    return FunnelStep(
        status,
        orders,
        {row.currency: int(row.value_minor) for row in sorted(rows, key=lambda row: str(row.currency))},
        {age: after - before for age, before, after in zip(AGES, bounds, bounds[1:], strict=False)},
    )
