"""Reads of the order desk, kept until the data changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st
from sqlalchemy import Row

from dashboard.queries import database
from data import draft_rows, insight_rows, open_order_rows, order_story_rows
from data.driver import Driver
from orders import order_list
from orders.lifecycle import ORDER
from orders.model import OrderRequest, OrderStatus, order_request
from orders.order_list import Funnel, OrderFilter, OrderRow, PageKey, Sort

QUEUE_LIMIT = 200
"""Discrepancies that the queue reads at once; the rest moves up as these are decided."""

PAGE = 50
"""Orders on a page of the list."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class OrderStory:
    """One order whole; each part as `order_story_rows` says, in plain dicts.

    Attributes:
        draft: What it asks for while it is a draft, else None.
    """

    head: Record
    lines: Sequence[Record]
    events: Sequence[Record]
    holds: Sequence[Record]
    discrepancies: Sequence[Record]
    changes: Sequence[Record]
    routings: Sequence[Record]
    payments: Sequence[Record]
    parcels: Sequence[Record]
    reservations: Sequence[Record]
    moves: Sequence[Record]
    taxes: Sequence[Record]
    draft: OrderRequest | None

    @property
    def id(self) -> int:
        return int(self.head["id"])

    @property
    def status(self) -> OrderStatus:
        return OrderStatus(self.head["status"])

    @property
    def state(self) -> str:
        """Another text after each command on the order: what a click was made on."""
        last = self.events[-1]["id"] if self.events else 0
        return f"{self.id}-{self.head['version']}-{last}"

    @property
    def open_holds(self) -> list[Record]:
        return [hold for hold in self.holds if hold["released_at"] is None]

    @property
    def open_discrepancies(self) -> list[Record]:
        return [doubt for doubt in self.discrepancies if doubt["status"] == "open"]

    @property
    def proposed(self) -> list[Record]:
        """Changes that wait to be confirmed or rejected."""
        return [change for change in self.changes if change["status"] == "proposed"]

    @property
    def reserved(self) -> list[Record]:
        """Active reservations."""
        return [one for one in self.reservations if one["status"] == "active"]

    def units(self, column: str) -> int:
        """A quantity of all lines together."""
        return sum(int(line[column]) for line in self.lines)

    @property
    def unserved(self) -> int:
        """Open units for which nothing is reserved."""
        return sum(still_open(line) - int(line["quantity_allocated"]) for line in self.lines)

    def allows(self, event: str) -> bool:
        """Whether the state of the order admits an event of its life."""
        return any(move.source == self.status and move.event == event for move in ORDER.moves)


def still_open(line: Record) -> int:
    """Units of a line neither cancelled nor shipped."""
    return int(line["quantity"]) - int(line["quantity_cancelled"]) - int(line["quantity_shipped"])


@st.cache_data(show_spinner=False, max_entries=64)
def story(at_version: str, order_id: int) -> OrderStory | None:  # noqa: ARG001
    """One order; None when there is none of that id."""
    rows = order_story_rows
    with database().reading() as connection:
        head = rows.find(connection, order_id=order_id)
        if head is None:
            return None
        is_draft = head.status == OrderStatus.DRAFT
        return OrderStory(
            head=dict(head._mapping),
            lines=_dicts(rows.lines(connection, order_id)),
            events=_dicts(rows.events(connection, order_id)),
            holds=_dicts(rows.holds(connection, order_id)),
            discrepancies=_dicts(rows.discrepancies(connection, order_id)),
            changes=_dicts(rows.changes(connection, order_id)),
            routings=_dicts(rows.routings(connection, order_id)),
            payments=_dicts(rows.payments(connection, order_id)),
            parcels=_dicts(rows.parcels(connection, order_id)),
            reservations=_dicts(rows.reservations(connection, order_id)),
            moves=_dicts(rows.moves(connection, order_id)),
            taxes=_dicts(rows.taxes(connection, order_id)),
            draft=order_request(draft_rows.read(Driver(connection), order_id)) if is_draft else None,
        )


@st.cache_data(show_spinner=False, max_entries=8)
def queue(at_version: str) -> list[Record]:  # noqa: ARG001
    """The first open discrepancies of all orders, blocking ones first, then oldest first."""
    with database().reading() as connection:
        return _dicts(order_story_rows.queue(connection, limit=QUEUE_LIMIT))


@dataclass(frozen=True)
class Desk:
    """How the open orders stand.

    Attributes:
        funnel: By state and age.
        waiting: Per currency: currency, orders, units and value_minor of what waits for goods.
        discrepancies: Open ones.
        blocking: Those of them that block their order.
    """

    funnel: Funnel
    waiting: Sequence[Record]
    discrepancies: int
    blocking: int


@st.cache_data(show_spinner="Counting open orders …", max_entries=8)
def desk(at_version: str, at: datetime) -> Desk:  # noqa: ARG001
    """The open orders, aged as of a moment."""
    with database().reading() as connection:
        return Desk(
            order_list.funnel(connection, at=at),
            _dicts(open_order_rows.backordered(connection)),
            *open_order_rows.discrepancies(connection),
        )


@dataclass(frozen=True)
class Orders:
    """A page of the order list, and where the pages before and behind it end; None where there is none.

    Attributes:
        rows: The orders, sorted as asked.
        looked_to: Up to when was looked, where the search stopped before the page was full.
    """

    rows: Sequence[OrderRow]
    before: PageKey | None
    after: PageKey | None
    looked_to: datetime | None


@st.cache_data(show_spinner="Looking for orders …", max_entries=32)
def orders(at_version: str, wanted: OrderFilter, sort: Sort, key: PageKey | None) -> Orders:  # noqa: ARG001
    """The first page of the list, or the one that begins at a key; before it, if the key is one of the other sort.

    Raises:
        InvalidRequest: the filter is impossible.
    """
    backwards = key is not None and key.sort != sort
    with database().reading() as connection:
        page = order_list.order_page(connection, wanted, after=key, limit=PAGE, sort=sort if key is None else key.sort)
    rows = page.rows[::-1] if backwards else page.rows
    other = Sort.OLDEST if sort == Sort.NEWEST else Sort.NEWEST
    before = PageKey(other, rows[0].placed_at, rows[0].id) if rows and key is not None else None
    if not backwards:
        return Orders(rows, before, page.next, page.looked_to)
    after = PageKey(sort, rows[-1].placed_at, rows[-1].id) if rows else None
    return Orders(rows, page.next if rows else None, after, page.looked_to)


@st.cache_data(show_spinner=False, max_entries=4)
def channels(at_version: str) -> list[str]:  # noqa: ARG001
    """Codes of the sales channels."""
    with database().reading() as connection:
        return insight_rows.channels(connection)


def _dicts(rows: Iterable[Row[Any]]) -> list[Record]:
    return [dict(row._mapping) for row in rows]
