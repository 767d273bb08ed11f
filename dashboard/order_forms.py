"""What can be done with an order, each as a form: a refusal is said in the form, and what was typed stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formats import count
from dashboard.order_actions import Undo, carry_out, done, succeeds
from dashboard.order_entry import ADDRESS_PARTS, address_fields, edit_draft_form, price_of
from dashboard.order_payments import payments_form
from dashboard.order_queries import OrderStory, Record, still_open
from dashboard.order_queue import cancel_form, in_words
from dashboard.page_head import plain
from orders.allocating import allocate_order
from orders.cancelling import Cancellation, CancelLine, cancel_order
from orders.changing import LineChange, OrderChange, change_order, confirm_change, propose_change, reject_change
from orders.holding import add_note, approve_order, hold_order, release_order
from orders.model import Address, HoldKind, OrderStatus
from orders.money import format_minor
from orders.placing import place_draft
from orders.shipping import ShipLine, Shipping, close_order, ship_order

_ENDED = (OrderStatus.SHIPPED, OrderStatus.CLOSED, OrderStatus.CANCELLED)


def possible(order: OrderStory) -> list[str]:
    """What can be done with the order as it stands."""
    is_draft, is_open = order.status == OrderStatus.DRAFT, order.status not in (*_ENDED, OrderStatus.DRAFT)
    reviewed = any(hold["kind"] == HoldKind.REVIEW for hold in order.open_holds)
    wanted = {
        "Place": is_draft and not any(doubt["is_blocking"] for doubt in order.open_discrepancies),
        "Edit": is_draft,
        "Release": order.status == OrderStatus.ON_HOLD,
        "Approve": is_open and (bool(order.open_discrepancies) or reviewed),
        "Ship": order.allows("ship") and bool(order.units("quantity_allocated")),
        "Allocate": is_open and order.unserved > 0,
        "Change": is_open,
        "Address": is_open,
        "Hold": is_open and len(order.open_holds) < len(HoldKind),
        "Cancel": is_open,
        "Discard": is_draft,
        "Close": order.allows("close"),
        "Payments": not is_draft and (order.status != OrderStatus.CANCELLED or bool(order.payments)),
        "Note": True,
    }
    return [name for name, can in wanted.items() if can]


def suggested(order: OrderStory) -> str | None:
    """What most likely comes next."""
    can = possible(order)
    if order.proposed:
        return None
    if order.status == OrderStatus.ON_HOLD and not order.open_discrepancies:
        return "Release"
    if order.status in (OrderStatus.PLACED, OrderStatus.BACKORDERED) and "Allocate" in can:
        return "Allocate"
    return next((name for name in ("Place", "Ship", "Close") if name in can), None)


# Drafts


def _place(order: OrderStory) -> None:
    st.caption("Places the draft: it is priced, routed and reserved.")
    if st.button("Place the order", type="primary", key=f"place-{order.state}"):
        placed = carry_out(place_draft, order.id, state=order.state)
        if placed is not None:
            value = format_minor(placed.value_minor, placed.currency)
            done(f"{placed.external_ref} is placed and {in_words(placed.status)}: {value}.")


# Waiting and reviewing


def _hold(order: OrderStory) -> None:
    held = {hold["kind"] for hold in order.open_holds}
    with st.form(f"hold-{order.state}", border=False):
        kind, why, act = st.columns([1, 3, 1], vertical_alignment="bottom")
        chosen = kind.selectbox(
            "Hold for", [one.value for one in HoldKind if one not in held], key=f"kind-{order.state}"
        )
        reason = why.text_input("Why", key=f"why-hold-{order.state}", placeholder="Its stock stays reserved")
        wanted = act.form_submit_button("Put on hold", type="primary", width="stretch", key=f"hold-it-{order.state}")
    if wanted:
        now = carry_out(hold_order, order.id, chosen, reason, state=order.state)
        if now is not None:
            undo = Undo(release_order, (order.id, chosen, "put on hold by mistake"), f"after {order.state}")
            done(f"{_name(order)} is on hold for {chosen}.", undo)


def _release(order: OrderStory) -> None:
    reasons = {hold["kind"]: hold["reason"] for hold in order.open_holds}
    with st.form(f"release-{order.state}", border=False):
        kind, why, act = st.columns([1, 3, 1], vertical_alignment="bottom")
        chosen = kind.selectbox("Release from", list(reasons), key=f"release-kind-{order.state}")
        reason = why.text_input("Why may it go on?", key=f"why-release-{order.state}")
        wanted = act.form_submit_button("Release", type="primary", width="stretch", key=f"release-it-{order.state}")
    for name, said in reasons.items():
        st.caption(f"{name}: {plain(said)}")
    if wanted:
        now = carry_out(release_order, order.id, chosen, reason, state=order.state)
        if now is not None:
            undo = Undo(hold_order, (order.id, chosen, reasons[chosen]), f"after {order.state}")
            done(f"{_name(order)} is released from {chosen} and {in_words(now.status)} now.", undo)


def _approve(order: OrderStory) -> None:
    with st.form(f"approve-{order.state}", border=False):
        why, act = st.columns([4, 1], vertical_alignment="bottom")
        reason = why.text_input(
            "Why is it right as it is?",
            key=f"why-approve-{order.state}",
            placeholder="Accepts every open discrepancy and ends the review; other holds stay",
        )
        wanted = act.form_submit_button("Approve", type="primary", width="stretch", key=f"approve-it-{order.state}")
    if wanted:
        now = carry_out(approve_order, order.id, reason, state=order.state)
        if now is not None:
            done(f"{_name(order)} is approved as it is and {in_words(now.status)} now.")


def _note(order: OrderStory) -> None:
    with st.form(f"note-{order.state}", border=False):
        text, act = st.columns([4, 1], vertical_alignment="bottom")
        note = text.text_input("Note for the timeline", key=f"note-text-{order.state}", max_chars=2000)
        wanted = act.form_submit_button("Write it down", width="stretch", key=f"note-it-{order.state}")
    if wanted and succeeds(add_note, order.id, note, state=order.state):
        done(f"Noted on {_name(order)}.")


# Stock


def _allocate(order: OrderStory) -> None:
    st.caption(f"Reserves what is in stock for the {count(order.unserved, 'unit')} that have none; the rest waits.")
    if st.button("Allocate now", type="primary", key=f"allocate-{order.state}"):
        before = order.units("quantity_allocated")
        served = carry_out(allocate_order, order.id, state=order.state)
        if served is not None:
            new = served.allocated - before
            got = f"{count(new, 'unit')} reserved" if new else "nothing more is in stock"
            waits = f", {count(served.backordered, 'unit')} waiting" if served.backordered else ""
            done(f"{_name(order)}: {got}{waits}.")


def _ship(order: OrderStory) -> None:
    places = sorted({str(one["location"]) for one in order.reserved})
    everywhere = "all places"
    place = everywhere
    if len(places) > 1:
        place = st.segmented_control(
            "From", [everywhere, *places], default=everywhere, required=True, key=f"from-{order.state}"
        ) or everywhere  # fmt: skip
    held = _reserved_lines(order, None if place == everywhere else place)
    with st.form(f"ship-{order.state}", border=False, enter_to_submit=False):
        column = st.column_config
        edited = st.data_editor(
            held,
            key=f"ship-lines-{place}-{order.state}",
            hide_index=True,
            disabled=["line", "sku", "from", "reserved"],
            column_config={
                "line": column.NumberColumn("Line", width=50),
                "sku": "SKU",
                "from": "Reserved at",
                "reserved": column.NumberColumn("Reserved", format="localized"),
                "ship": column.NumberColumn("Ship now", min_value=0, step=1, required=True, help="The rest stays"),
            },
        )
        carrier, service, tracking, act = st.columns([1.2, 1, 2, 1.2], vertical_alignment="bottom")
        with_whom = carrier.text_input("Carrier", key=f"carrier-{order.state}", placeholder="none: no parcel")
        how = service.text_input("Service", value="ground", key=f"service-{order.state}")
        number = tracking.text_input("Tracking number", key=f"tracking-{order.state}")
        wanted = act.form_submit_button("Ship", type="primary", width="stretch", key=f"ship-it-{order.state}")
    st.caption("Shipping less than is reserved, or from one place only, splits the order: the rest stays open.")
    if not wanted:
        return
    lines = tuple(ShipLine(int(row["line"]), int(row["ship"])) for row in edited.to_dict("records") if row["ship"] > 0)
    if not lines:
        st.error("Nothing is marked to be shipped.")
        return
    request = Shipping(
        order.id,
        lines,
        location=None if place == everywhere else place,
        carrier=with_whom.strip() or None,
        service=how.strip() or "ground",
        tracking_number=number.strip() or None,
    )
    shipped = carry_out(ship_order, request, state=order.state)
    if shipped is not None:
        done(f"{_name(order)}: {count(shipped.units, 'unit')} shipped. It is {in_words(shipped.status)} now.")


def _reserved_lines(order: OrderStory, place: str | None) -> pd.DataFrame:
    """What is reserved per line, at one place or all."""
    held: dict[int, dict[str, Any]] = {}
    for one in order.reserved:
        if place is not None and one["location"] != place:
            continue
        row = held.setdefault(one["line_no"], {"line": one["line_no"], "sku": one["sku"], "from": set(), "reserved": 0})
        row["from"].add(one["location"])
        row["reserved"] += one["quantity"]
    rows = [{**row, "from": ", ".join(sorted(row["from"])), "ship": row["reserved"]} for row in held.values()]
    return pd.DataFrame(sorted(rows, key=lambda row: row["line"]), columns=["line", "sku", "from", "reserved", "ship"])


def _close(order: OrderStory) -> None:
    st.caption("Closes the order: nothing more is expected of it. This cannot be undone.")
    wanted = st.button("Close the order", type="primary", key=f"close-{order.state}")
    if wanted and succeeds(close_order, order.id, state=order.state):
        done(f"{_name(order)} is closed.")


# Changing


def _change(order: OrderStory) -> None:
    """Edit the lines; what that costs is said before it is confirmed."""
    before = pd.DataFrame(
        [
            {
                "line": line["line_no"],
                "sku": line["sku"],
                "quantity": int(line["quantity"]),
                "unit_price": line["unit_price_micros"] / 1e6,
                "still_open": still_open(line),
            }
            for line in order.lines
        ]
    )
    with st.form(f"change-{order.state}", border=False, enter_to_submit=False):
        column = st.column_config
        edited = st.data_editor(
            before,
            key=f"change-lines-{order.state}",
            hide_index=True,
            num_rows="dynamic",
            placeholder="",
            disabled=["line", "still_open"],
            column_config={
                "line": column.NumberColumn("Line", width=50),
                "sku": column.TextColumn(
                    "SKU", help="Only of a new line; to change one, delete its line and add another"
                ),
                "quantity": column.NumberColumn("Quantity", min_value=0, step=1, help="In all; 0 cancels what is open"),
                "unit_price": column.NumberColumn(
                    f"Unit price, {order.head['currency']}",
                    min_value=0.0,
                    format="%.6g",
                    help="New lines: empty for list price",
                ),
                "still_open": column.NumberColumn("Still open", help="Neither shipped nor cancelled"),
            },
        )
        why, when, first, act = st.columns([2.6, 1.2, 0.8, 1.2], vertical_alignment="bottom")
        reason = why.text_input("Why", key=f"why-change-{order.state}")
        promised = when.date_input(
            "Promised", value=order.head["promised_date"], format="YYYY-MM-DD", key=f"promised-{order.state}"
        )
        priority = first.number_input(
            "Priority", value=int(order.head["priority"]), step=1, key=f"priority-{order.state}"
        )
        wanted = act.form_submit_button(
            "Price the change", type="primary", width="stretch", key=f"change-it-{order.state}"
        )
    st.caption("Add a line below the last one; delete a line to cancel what is open of it.")
    if not wanted:
        return
    request = OrderChange(
        order.id,
        reason,
        line_changes(order.lines, edited.to_dict("records")),
        priority=int(priority) if int(priority) != order.head["priority"] else None,
        promised_date=promised if isinstance(promised, date) and promised != order.head["promised_date"] else None,
        version=order.head["version"],
    )
    proposed = carry_out(propose_change, request, state=order.state)
    if proposed is not None:
        undo = Undo(reject_change, (proposed.change_id, "proposed by mistake"), f"after {order.state}")
        done(f"Priced a change of {_name(order)}: confirm or reject it below.", undo)


def line_changes(lines: Any, edited: list[dict[Any, Any]]) -> tuple[LineChange, ...]:
    """What an edited table of lines asks for; rows that are gone cancel what is open of them."""
    known: Mapping[int, Record] = {line["line_no"]: line for line in lines}
    kept: set[int] = set()
    changes: list[LineChange] = []
    for row in edited:
        price = price_of(row["unit_price"])
        quantity = None if pd.isna(row["quantity"]) else int(row["quantity"])
        number = None if pd.isna(row["line"]) else int(row["line"])
        code = str(row["sku"] or "").strip()
        if number is None:
            if code:
                changes.append(LineChange(None, code, quantity, price))
            continue
        kept.add(number)
        line = known[number]
        other_quantity = None if quantity == line["quantity"] else quantity
        other_price = None if price is None or price == Decimal(line["unit_price_micros"]) / 1_000_000 else price
        other_code = None if code == line["sku"] else code
        if (other_quantity, other_price, other_code) != (None, None, None):
            changes.append(LineChange(number, other_code, other_quantity, other_price))
    changes += [
        LineChange(number, quantity=0) for number, line in known.items() if number not in kept and still_open(line)
    ]
    return tuple(changes)


def show_changes(order: OrderStory) -> None:
    """Proposed changes with what they cost, to be confirmed or rejected."""
    for change in order.proposed:
        with st.container(border=True):
            said, act = st.columns([3.4, 1.6], vertical_alignment="center")
            difference = change["difference_minor"]
            sign = "+" if difference > 0 else "−" if difference < 0 else "±"
            amount = format_minor(abs(difference), order.head["currency"])
            new = format_minor(change["priced"]["value_minor"], order.head["currency"])
            what = "; ".join(change["priced"]["differences"])
            said.markdown(
                f"**Change {change['id']}: {plain(what)}**  \n**{sign} {amount}**, the order would be worth {new}."
                f"  \n:small[:gray[{plain(change['reason'])} · proposed by {plain(change['proposed_by'])}]]"
            )
            with act, st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
                state = f"change {change['id']}"
                if st.button("Confirm", type="primary", key=f"confirm-{change['id']}"):
                    confirmed = carry_out(confirm_change, change["id"], state=state)
                    if confirmed is not None:
                        done(f"Change {change['id']} is confirmed: {_name(order)} is worth {new} now.")
                with st.popover("Reject…"), st.form(f"reject-{change['id']}", border=False):
                    reason = st.text_input("Why not?", key=f"why-reject-{change['id']}")
                    wanted = st.form_submit_button("Reject the change", type="primary", key=f"reject-it-{change['id']}")
                    if wanted and succeeds(reject_change, change["id"], reason, state=state):
                        done(f"Change {change['id']} is rejected: {_name(order)} stays as it was.")


def _address(order: OrderStory) -> None:
    old = Address(**{part: order.head[part] for part in ADDRESS_PARTS})
    with st.form(f"address-{order.state}", border=False):
        new = address_fields(old, order.state)
        why, act = st.columns([4, 1], vertical_alignment="bottom")
        reason = why.text_input("Why", key=f"why-address-{order.state}", placeholder="such as: customer moved")
        wanted = act.form_submit_button(
            "Change address", type="primary", width="stretch", key=f"address-it-{order.state}"
        )
    if not wanted:
        return
    if new is None or new == old:
        st.error("The address is the one that the order has.")
        return
    changed = carry_out(change_order, OrderChange(order.id, reason, ship_to=new), state=order.state)
    if changed is not None:
        done(f"{_name(order)} goes to {', '.join(filter(None, (new.line1, new.city, new.country)))} now.")


def _cancel(order: OrderStory) -> None:
    whole = "the whole order" if order.units("quantity_shipped") == 0 else "all that is not shipped"
    how = st.segmented_control(
        "Cancel", [whole, "some units"], default=whole, required=True, key=f"cancel-what-{order.state}"
    )
    if how != "some units":
        cancel_form(order.id, _name(order), order.state)
        return
    rows = [
        {"line": line["line_no"], "sku": line["sku"], "still_open": still_open(line), "cancel": 0}
        for line in order.lines
        if still_open(line)
    ]
    with st.form(f"cancel-some-{order.state}", border=False, enter_to_submit=False):
        column = st.column_config
        edited = st.data_editor(
            pd.DataFrame(rows),
            key=f"cancel-lines-{order.state}",
            hide_index=True,
            disabled=["line", "sku", "still_open"],
            column_config={
                "line": column.NumberColumn("Line", width=50),
                "sku": "SKU",
                "still_open": column.NumberColumn("Still open", format="localized"),
                "cancel": column.NumberColumn("Cancel", min_value=0, step=1, required=True),
            },
        )
        reason = st.text_input("Why", key=f"why-cancel-{order.state}")
        wanted = st.form_submit_button("Cancel these units", type="primary", key=f"cancel-some-it-{order.state}")
    if not wanted:
        return
    lines = tuple(
        CancelLine(int(row["line"]), int(row["cancel"])) for row in edited.to_dict("records") if row["cancel"] > 0
    )
    if not lines:
        st.error("No units are marked to be cancelled.")
        return
    cancelled = carry_out(cancel_order, Cancellation(order.id, reason, lines), state=order.state)
    if cancelled is not None:
        value = format_minor(cancelled.value_minor, order.head["currency"])
        done(f"{_name(order)}: {count(cancelled.units, 'unit')} cancelled, it is worth {value} now.")


def _discard(order: OrderStory) -> None:
    cancel_form(order.id, _name(order), order.state)


def _name(order: OrderStory) -> str:
    return str(order.head["external_ref"])


ACTIONS: dict[str, Callable[[OrderStory], None]] = {
    "Place": _place,
    "Edit": edit_draft_form,
    "Release": _release,
    "Approve": _approve,
    "Ship": _ship,
    "Allocate": _allocate,
    "Change": _change,
    "Address": _address,
    "Hold": _hold,
    "Cancel": _cancel,
    "Discard": _discard,
    "Close": _close,
    "Payments": payments_form,
    "Note": _note,
}
"""What can be done → its form."""
