"""One order whole: where it stands, what to do next, its lines, its story and its books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.formats import age, count, day, units
from dashboard.order_actions import say_what_happened
from dashboard.order_forms import ACTIONS, possible, show_changes, suggested
from dashboard.order_html import lines_table, served_from, timeline
from dashboard.order_queries import OrderStory, Record, still_open
from dashboard.order_queue import in_words, show_discrepancy
from dashboard.page_head import in_url, plain, to_url
from orders.model import OrderStatus
from orders.money import format_minor

LINES_AT_ONCE, EVENTS_AT_ONCE = 100, 40
BOOKS = ("reservations", "parcels", "payments", "stock movements", "changes", "holds", "discrepancies", "routing")
BADGES = {
    OrderStatus.DRAFT: "violet",
    OrderStatus.PLACED: "gray",
    OrderStatus.ON_HOLD: "orange",
    OrderStatus.ALLOCATED: "blue",
    OrderStatus.PARTIALLY_ALLOCATED: "yellow",
    OrderStatus.BACKORDERED: "red",
    OrderStatus.PARTIALLY_SHIPPED: "yellow",
    OrderStatus.SHIPPED: "green",
    OrderStatus.CLOSED: "green",
    OrderStatus.CANCELLED: "gray",
}


def show_order(order: OrderStory, time_zone: str) -> None:
    """Everything about one order."""
    zone = ZoneInfo(time_zone)
    _facts(order, zone)
    say_what_happened()
    left, right = st.columns([2.15, 1], gap="medium")
    with left:
        _next(order, zone)
        _doubts(order)
        _lines(order)
        _routing(order)
    with right:
        _timeline(order.events, zone)
    _books(order, zone)


# Where it stands


def _facts(order: OrderStory, zone: ZoneInfo) -> None:
    head = order.head
    customer = head["customer_name"] or "unknown buyer"
    address = [head[part] for part in ("name", "line1", "line2")]
    town = " ".join(part for part in (head["postcode"], head["city"]) if part)
    going_to = ", ".join(part for part in (*address, town, head["region"], head["country"]) if part)
    if order.draft is not None and order.draft.ship_to is not None:
        to = order.draft.ship_to
        going_to = ", ".join(part for part in (to.name, to.line1, to.postcode, to.city, to.country) if part)
    badge, stood = f":{BADGES[order.status]}-badge", age(queries.now() - (head["status_since"] or head["placed_at"]))
    promised = head["promised_date"]
    facts = {
        "Customer": _two_lines(customer, head["customer"] if head["customer"] not in (None, customer) else ""),
        "Status": f"{badge}[{in_words(order.status)}]  \n:small[for {stood}]",
        "Value": _two_lines(_worth(order), _tax(order)),
        "Payment": _two_lines(in_words(head["payment_status"]), _taken(order)),
        "Entered" if order.draft else "Placed": _two_lines(
            _at(head["placed_at"], zone),
            f"on {head['channel']}" + (f" by {head['placed_by']}" if head["placed_by"] else ", imported"),
        ),
        "Promised": _promised(promised, order, queries.now().astimezone(zone).date()),
        "Ship to": plain(going_to) or "no address given",
    }
    with st.container(border=True):
        widths = [1.5, 1.2, 1.3, 1.15, 1.6, 1.2, 2]
        for column, (name, value) in zip(st.columns(widths), facts.items(), strict=True):
            column.markdown(f":small[:gray[{name}]]  \n{value}")


def _two_lines(first: str, second: str) -> str:
    return f"**{plain(first)}**" + (f"  \n:small[{plain(second)}]" if second else "")


def _worth(order: OrderStory) -> str:
    if order.draft is None:
        return format_minor(order.head["value_minor"], order.head["currency"])
    return f"{count(len(order.draft.lines), 'line')}, not priced yet"


def _tax(order: OrderStory) -> str:
    if not order.taxes:
        return ""
    total = sum(tax["amount_minor"] for tax in order.taxes)
    return f"{format_minor(total, order.head['currency'])} of it tax"


def _taken(order: OrderStory) -> str:
    kept = sum(payment["captured_minor"] - payment["refunded_minor"] for payment in order.payments)
    return f"{format_minor(kept, order.head['currency'])} taken" if kept else ""


def _promised(promised: date | None, order: OrderStory, today: date) -> str:
    if promised is None:
        return "no date"
    is_open = any(still_open(line) for line in order.lines)
    late = (today - promised).days
    if is_open and late > 0:
        return f":red[**{day(promised)}**]  \n:small[:red[{count(late, 'day')} late]]"
    return f"**{day(promised)}**"


def _at(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{day(local)}, {local:%H:%M}"


# What to do


def _next(order: OrderStory, zone: ZoneInfo) -> None:
    """What the order waits for, in one sentence, and what can be done now."""
    actions = possible(order)
    with st.container(border=True):
        st.markdown(f"**{plain(_waits_for(order, zone))}**")
        show_changes(order)
        key = f"do-{order.state}"
        chosen = st.segmented_control(
            "What to do",
            actions,
            key=key,
            default=in_url("do", actions, suggested(order)),
            on_change=to_url,
            args=("do", key),
            label_visibility="collapsed",
        )
        if chosen is not None:
            ACTIONS[chosen](order)


def _waits_for(order: OrderStory, zone: ZoneInfo) -> str:
    doubts = order.open_discrepancies
    blocking = sum(doubt["is_blocking"] for doubt in doubts)
    if order.status == OrderStatus.DRAFT:
        if blocking:
            return f"A draft that cannot be placed yet: {count(blocking, 'thing')} to put right below."
        return "A draft, and nothing keeps it from being placed."
    if order.status == OrderStatus.ON_HOLD:
        holds = "; ".join(
            f"{hold['kind']}, since {_at(hold['held_at'], zone)} by {hold['held_by']}" for hold in order.open_holds
        )
        then = "decide on what is doubtful below" if doubts else "release it once that is settled"
        return f"On hold ({holds}): {then}."
    waiting = [line for line in order.lines if line["quantity_backordered"]]
    if waiting:
        goods = ", ".join(
            f"{units(line['quantity_backordered'])} of {line['sku']}{_expected(line)}" for line in waiting
        )
        ready = order.units("quantity_allocated")
        return f"Waits for {goods}." + (f" {count(ready, 'unit')} can be shipped now." if ready else "")
    if order.unserved:
        return f"Nothing is reserved for {count(order.unserved, 'unit')} yet: allocate it."
    if order.units("quantity_allocated"):
        return f"Everything open is reserved ({count(order.units('quantity_allocated'), 'unit')}): ship it."
    ended = {OrderStatus.SHIPPED: "Everything is shipped: close it when nothing more is expected.",
             OrderStatus.CLOSED: "Closed: nothing more is expected.", OrderStatus.CANCELLED: "Cancelled."}  # fmt: skip
    return ended.get(order.status, "Nothing is open.")


def _expected(line: Record) -> str:
    promised = line["promised_date"]
    return f" (expected {day(promised)})" if promised else " (nothing on order)"


def _doubts(order: OrderStory) -> None:
    for doubt in sorted(order.open_discrepancies, key=lambda doubt: not doubt["is_blocking"]):
        with st.container(border=True):
            show_discrepancy(doubt, order.id, order.head["external_ref"], order.head["currency"])


# Lines


def _lines(order: OrderStory) -> None:
    if order.draft is not None:
        _draft_lines(order)
        return
    start = 0
    if len(order.lines) > LINES_AT_ONCE:
        pages = -(-len(order.lines) // LINES_AT_ONCE)
        start = LINES_AT_ONCE * (int(st.number_input("Page of lines", 1, pages, key=f"lines-{order.id}")) - 1)
    shown = order.lines[start : start + LINES_AT_ONCE]
    st.html(lines_table(shown, order.head["currency"], served_from(order.reservations)))


def _draft_lines(order: OrderStory) -> None:
    assert order.draft is not None
    rows = [
        (number, line.sku, line.quantity, None if line.unit_price is None else float(line.unit_price))
        for number, line in enumerate(order.draft.lines, start=1)
    ]
    column = st.column_config
    st.dataframe(
        pd.DataFrame(rows, columns=["line", "sku", "quantity", "unit_price"]),
        hide_index=True,
        column_config={
            "line": column.NumberColumn("Line", width=50),
            "sku": "SKU",
            "quantity": column.NumberColumn("Quantity", format="localized"),
            "unit_price": column.NumberColumn("Unit price", format="%.2f", help="Empty: the list price"),
        },
    )


def _routing(order: OrderStory) -> None:
    if not order.routings:
        return
    newest = order.routings[0]
    reason = str(newest["reason"])
    said = f"{reason[:1].upper()}{reason[1:]}."
    cost = format_minor(newest["cost_minor"], newest["currency"])
    better = newest["next_best_cost_minor"]
    other = f" against {format_minor(better, newest['currency'])} for the next best" if better is not None else ""
    st.caption(f"**Why from there?** {plain(said)} Shipping: {cost}{other}.")


# Story and books


def _timeline(events: Sequence[Record], zone: ZoneInfo) -> None:
    st.markdown("#### What happened")
    if not events:
        st.caption("It was imported as it is: nothing happened to it here.")
        return
    shown = events[-EVENTS_AT_ONCE:]
    if len(events) > len(shown) and st.toggle(f"From the beginning ({len(events):,})", key="whole-story"):
        shown = events
    st.html(timeline(shown, zone))


def _books(order: OrderStory, zone: ZoneInfo) -> None:
    books: dict[str, Sequence[Record]] = {
        "reservations": order.reservations,
        "parcels": order.parcels,
        "payments": order.payments,
        "stock movements": order.moves,
        "changes": order.changes,
        "holds": order.holds,
        "discrepancies": order.discrepancies,
        "routing": order.routings,
    }
    filled = [name for name in BOOKS if books[name]]
    if not filled:
        return
    key = f"book-{order.id}"
    chosen = st.segmented_control(
        "Books",
        filled,
        key=key,
        default=in_url("book", filled, filled[0]),
        on_change=to_url,
        args=("book", key),
        format_func=lambda name: f"{name} ({len(books[name]):,})",
        label_visibility="collapsed",
    )
    if chosen is not None:
        frame = book_frame(books[chosen], zone, order.head["currency"])
        st.dataframe(frame, hide_index=True, placeholder="", key=f"book-{chosen}-{order.state}")


_LEFT_OUT = ("id", "fix", "parts", "order_version", "priced")


def book_frame(records: Sequence[Record], zone: ZoneInfo, currency: str) -> pd.DataFrame:
    """A book of an order for reading: local times, amounts with their currency, no numbers that only machines use."""
    rows = []
    for record in records:
        row: dict[str, Any] = {}
        for name, value in record.items():
            if name in _LEFT_OUT or name == "currency":
                continue
            if name == "next_best":
                value = ", ".join(
                    f"{part['quantity']} of line {part['line']} from {part['location']}" for part in value
                )
            label = in_words(name.removesuffix("_minor")).capitalize().replace("Sku", "SKU")
            if isinstance(value, datetime):
                value = value.astimezone(zone).replace(tzinfo=None)
            elif name in ("kind", "status") and value is not None:
                value = in_words(value)
            elif name.endswith("_minor") and value is not None:
                value = format_minor(value, record.get("currency", currency))
            row[label] = value
        if isinstance(record.get("priced"), dict):
            row["What changes"] = ", ".join(record["priced"]["differences"])
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.dropna(axis="columns", how="all")
