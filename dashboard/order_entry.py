"""A new order is entered, or a draft edited: one form, of which what was typed stays until it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.order_actions import Undo, carry_out, done, succeeds
from dashboard.order_queries import OrderStory, channels
from dashboard.order_queue import in_words
from orders.cancelling import Cancellation, cancel_order
from orders.master import ChannelSettings, set_channel
from orders.model import Address, LineRequest, OrderRequest, OrderStatus, WhenShort
from orders.money import format_minor
from orders.placing import Placed, draft_order, edit_draft, place_draft, place_order

ADDRESS_PARTS = {
    "name": "Name",
    "line1": "Street",
    "line2": "More",
    "postcode": "Postcode",
    "city": "City",
    "region": "Region",
    "country": "Country (2 letters)",
}
WHEN_SHORT = {
    None: "as its channel says",
    WhenShort.BACKORDER.value: "the rest waits",
    WhenShort.PARTIAL.value: "the rest is cancelled",
    WhenShort.REFUSE.value: "refuse the order",
}
EMPTY_LINES = 3
_NUMBER = "new-order-number"


def new_order_form(local_now: datetime) -> None:
    """Enter an order: place it, or keep it as a draft."""
    known = channels(queries.version())
    if not known:
        _first_channel()
        return
    number = st.session_state.setdefault(_NUMBER, f"DESK-{local_now:%y%m%d-%H%M%S}")
    blank = OrderRequest(known[0], number, ())
    with st.form(f"new-{number}", enter_to_submit=False):
        request = _request(blank, f"new-{number}", known)
        act, keep, _ = st.columns([1, 1, 3])
        wanted = act.form_submit_button("Place the order", type="primary", width="stretch", key="place-new")
        kept = keep.form_submit_button("Keep as a draft", width="stretch", key="keep-new")
    if wanted:
        _taken(carry_out(place_order, request, state=number))
    elif kept:
        _taken(carry_out(draft_order, request, state=number))


def _taken(placed: Placed | None) -> None:
    """Open the new order, and say how it stands."""
    if placed is None:
        return
    st.session_state.pop(_NUMBER, None)
    st.query_params.from_dict({"order": str(placed.order_id)})
    if placed.status == OrderStatus.DRAFT:
        why = f": {placed.discrepancies[0]}" if placed.discrepancies else ""
        discard = Undo(cancel_order, (Cancellation(placed.order_id, "entered by mistake"),), "after entry")
        done(f"{placed.external_ref} is kept as a draft{why}.", discard)
    value = format_minor(placed.value_minor, placed.currency)
    done(f"{placed.external_ref} is placed and {in_words(placed.status)}: {value}.")


def _first_channel() -> None:
    st.markdown("There is no sales channel yet: name the first one, such as *phone* or *web*.")
    with st.form("first-channel", border=False):
        name, act, _ = st.columns([2, 1, 3], vertical_alignment="bottom")
        code = name.text_input("Channel", key="first-channel-code")
        wanted = act.form_submit_button("Make the channel", type="primary", width="stretch", key="first-channel-it")
    if wanted and succeeds(set_channel, ChannelSettings(code), state="first channel"):
        done(f"Channel {code} is there: enter its first order.")


def edit_draft_form(order: OrderStory) -> None:
    """Change what a draft says; it is verified again."""
    draft = order.draft
    if draft is None:
        return
    with st.form(f"edit-{order.state}", border=False, enter_to_submit=False):
        request = _request(draft, order.state, [draft.channel], is_new=False)
        save, place, _ = st.columns([1, 1.2, 3])
        kept = save.form_submit_button("Save", width="stretch", key=f"save-{order.state}")
        wanted = place.form_submit_button("Save and place", type="primary", width="stretch", key=f"both-{order.state}")
    if not (kept or wanted):
        return
    edited = carry_out(edit_draft, order.id, request, state=order.state)
    if edited is None:
        return
    if not wanted:
        done(f"{edited.external_ref} is saved.")
    placed = carry_out(place_draft, order.id, state=f"saved {order.state}")
    if placed is not None:
        done(f"{placed.external_ref} is placed and {in_words(placed.status)}.")


def _request(before: OrderRequest, state: str, known: Sequence[str], *, is_new: bool = True) -> OrderRequest:
    """The fields of an order as they stand in the form."""
    first = st.columns([1, 1.5, 1.3, 1.7])
    channel = first[0].selectbox("Channel", known, key=f"channel-{state}", disabled=not is_new)
    reference = first[1].text_input(
        "Order number", value=before.external_ref, key=f"ref-{state}", disabled=not is_new,
        help="The channel's own; never twice on one channel",
    )  # fmt: skip
    customer = first[2].text_input("Customer number", value=before.customer or "", key=f"customer-{state}")
    name = first[3].text_input(
        "Customer name", value=before.customer_name or "", key=f"customer-name-{state}", placeholder="of a new customer"
    )
    st.caption("Lines: type into the table; a line without a SKU does not count. What is doubtful is said afterwards.")
    lines = st.data_editor(
        _line_rows(before),
        key=f"lines-{state}",
        hide_index=True,
        num_rows="dynamic",
        placeholder="",
        column_config={
            "sku": st.column_config.TextColumn("SKU", width="medium"),
            "quantity": st.column_config.NumberColumn("Quantity", min_value=1, step=1, default=1),
            "unit_price": st.column_config.NumberColumn(
                "Unit price", min_value=0.0, format="%.6g", help="Empty: the list price"
            ),
            "tax": st.column_config.NumberColumn("Tax, %", min_value=0.0, max_value=100.0, format="%.4g"),
        },
    )
    second = st.columns([1.3, 1, 0.8, 1.6], vertical_alignment="bottom")
    when_short = second[0].selectbox(
        "When something is short", list(WHEN_SHORT), key=f"short-{state}", format_func=lambda name: WHEN_SHORT[name],
        index=list(WHEN_SHORT).index(before.when_short),
    )  # fmt: skip
    promised = second[1].date_input(
        "Promised for", value=before.promised_date, format="YYYY-MM-DD", key=f"promised-new-{state}"
    )
    priority = second[2].number_input("Priority", value=before.priority, step=1, key=f"priority-new-{state}")
    includes = second[3].checkbox("Prices include the tax", value=before.prices_include_tax, key=f"includes-{state}")
    st.caption("Ship to: leave all of it empty for an order that is collected, or that its channel sends.")
    ship_to = address_fields(before.ship_to or Address(), f"new-{state}")
    return OrderRequest(
        channel=channel,
        external_ref=reference.strip(),
        lines=_line_requests(before, lines.to_dict("records")),
        customer=customer.strip() or None,
        customer_name=name.strip() or None,
        currency=before.currency,
        ship_to=ship_to,
        prices_include_tax=includes,
        when_short=when_short,
        priority=int(priority),
        promised_date=promised if isinstance(promised, date) else None,
        soft_reservations=before.soft_reservations,
    )


def _line_rows(before: OrderRequest) -> pd.DataFrame:
    rows = [
        {
            "sku": line.sku,
            "quantity": _number_or_none(line.quantity),
            "unit_price": _number_or_none(line.unit_price),
            "tax": None if line.tax_rate is None else float(line.tax_rate * 100),
        }
        for line in before.lines
    ] or [{"sku": "", "quantity": 1, "unit_price": None, "tax": None}] * EMPTY_LINES
    frame = pd.DataFrame(rows, columns=["sku", "quantity", "unit_price", "tax"])
    return frame.astype({"sku": "str", "quantity": "float64", "unit_price": "float64", "tax": "float64"})


def _number_or_none(value: Any) -> float | None:
    """For the table; what is no number is left for whoever edits the draft to fill in."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _line_requests(before: OrderRequest, rows: Sequence[dict[Any, Any]]) -> tuple[LineRequest, ...]:
    """Rows with a SKU as lines; a whole number is a quantity, anything else is left to the verification."""
    lines = []
    for row in rows:
        code = "" if pd.isna(row["sku"]) else str(row["sku"]).strip()
        if not code:
            continue
        quantity = 1 if pd.isna(row["quantity"]) else row["quantity"]
        rate = price_of(row["tax"])
        lines.append(
            LineRequest(
                code,
                int(quantity) if float(quantity).is_integer() else quantity,
                price_of(row["unit_price"]),
                None if rate is None else rate / 100,
                before.lines[0].tax_name if before.lines else "tax",
            )
        )
    return tuple(lines)


def price_of(cell: Any) -> Decimal | None:
    """An exact price from a cell of a table, whose shortest text is what was typed; None from an empty one."""
    return None if cell is None or pd.isna(cell) else Decimal(repr(float(cell)))


def address_fields(old: Address, state: str) -> Address | None:
    """Fields of an address; None when all of them are empty."""
    given: dict[str, str | None] = {}
    first, second = st.columns([1.3, 1.5, 1]), st.columns([0.8, 1.2, 1, 1])
    for (part, label), column in zip(ADDRESS_PARTS.items(), (*first, *second), strict=True):
        typed = column.text_input(label, value=getattr(old, part) or "", key=f"{part}-{state}").strip()
        given[part] = (typed.upper() if part == "country" else typed) or None
    return Address(**given) if any(given.values()) else None
