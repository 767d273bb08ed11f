"""Purchase orders of which something is to come: drafts are sent, and goods are received in one part or several."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd
import streamlit as st

from dashboard import stock_queries
from dashboard.formats import money
from dashboard.page_head import plain
from dashboard.stock_actions import Said, act, form_key, said_received
from dashboard.stock_forms import DAY, Setting, day_in, tall, text_in
from dashboard.stock_queries import Record
from orders.purchasing import Purchase, send_purchase_order
from orders.receiving import Receipt, ReceiptLine, receive_purchase

column = st.column_config


def receive_form(setting: Setting) -> None:
    """Purchase orders of which something is to come; the one that the URL names opened."""
    number = st.query_params.get("po")
    search = st.text_input("Search", key="receive-search", placeholder="number, supplier, SKU or name", width=340)
    found = stock_queries.open_purchases(setting.version, search)
    if not found:
        st.info(
            "No purchase order fits." if search else "Nothing is on order. Approve recommendations, or write one: "
            "`stockwright purchases place SUPPLIER --line SKU=50 --to PLACE --send`"
        )  # fmt: skip
        return
    listed, opened = st.columns([1.38, 1], gap="medium")
    with listed:
        _purchase_table(setting, found)
        late = [one for one in found if _is_late(one, setting.today)]
        total = sum(int(one["value_micros"]) for one in found if one["currency"] == setting.currency) / 1e6
        more = f"the first {len(found)}" if len(found) == stock_queries.MANY else f"{len(found):,}"
        st.caption(f"{more} to come, {money(total, setting.currency)} at cost · {len(late):,} late")
    with opened, st.container(border=True):
        chosen = next((one for one in found if one["number"] == number), None)
        if chosen is None:
            st.caption("Choose a purchase order to receive it." if number is None else f"{plain(number)} is not open.")
        elif chosen["status"] == "draft":
            _send_form(chosen)
        else:
            _receipt_form(setting, chosen)


def _is_late(one: Record, today: date) -> bool:
    return one["status"] == "ordered" and one["expected"] is not None and one["expected"] < today


def _purchase_table(setting: Setting, found: Sequence[Record]) -> None:
    frame = pd.DataFrame(
        {
            "number": [one["number"] for one in found],
            "state": [
                "draft" if one["status"] == "draft" else "late" if _is_late(one, setting.today) else "sent"
                for one in found
            ],
            "expected": [one["expected"] for one in found],
            "supplier": [one["supplier"] for one in found],
            "to": [one["location"] for one in found],
            "lines": [one["lines"] for one in found],
            "units": [int(one["units"]) for one in found],
            "value": [round(int(one["value_micros"]) / 1e6) for one in found],
        }
    )

    def open_one() -> None:
        st.query_params["po"] = str(st.session_state["purchase-click"]["label"])

    st.dataframe(
        frame,
        hide_index=True,
        height=tall(len(frame), 16),
        placeholder="",
        column_config={
            "number": column.ButtonColumn(
                "Number", type="tertiary", alignment="left", width=98, key="purchase-click", on_click=open_one
            ),
            "state": column.TextColumn("State", width=52),
            "expected": column.DateColumn("Expected", format=DAY, width=92),
            "supplier": column.TextColumn("Supplier", width=140),
            "to": column.TextColumn("To", width=98),
            "lines": column.NumberColumn("Lines", width=48),
            "units": column.NumberColumn("Units", width=60, format="localized"),
            "value": column.NumberColumn("At cost", width=66, format="localized", help="What is open of it"),
        },
    )


def _send_form(one: Record) -> None:
    st.markdown(f"#### {plain(one['number'])} is a draft")
    st.caption("Send it to the supplier in your own way, then say so here: from then on its goods may come.")
    if st.button("It is sent", key=f"{form_key('send')}-post", type="primary"):

        def say(sent: Purchase) -> Said:
            return Said(f"{sent.number} is sent; its goods may be received.")

        act("send", send_purchase_order, str(one["number"]), say=say)


def _receipt_form(setting: Setting, one: Record) -> None:
    lines = stock_queries.open_lines(setting.version, str(one["number"]))
    supplier = f" from {plain(one['supplier'])}" if one["supplier"] else ""
    st.markdown(f"#### Receive {plain(one['number'])}{supplier}")
    form = form_key("receive")
    tracked = any(line["is_lot_tracked"] for line in lines)
    frame = pd.DataFrame(
        {
            "sku": [line["sku"] for line in lines],
            "name": [line["name"] for line in lines],
            "open": [int(line["still_open"]) for line in lines],
            "came": pd.array([int(line["still_open"]) for line in lines], dtype="Int64"),
            "lot": ["" for _ in lines],
            "expires": pd.Series([pd.NaT for _ in lines], dtype="datetime64[ns]"),
        }
    )
    with st.form(f"{form}-form", border=False):
        filled = st.data_editor(
            frame if tracked else frame[["sku", "name", "open", "came"]],
            placeholder="",
            key=f"{form}-rows-{one['number']}",
            hide_index=True,
            height=tall(len(lines), 12),
            disabled=["sku", "name", "open"],
            column_config={
                "sku": column.TextColumn("SKU", width=84),
                "name": column.TextColumn("Name", width=95 if tracked else 220),
                "open": column.NumberColumn("Open", width=48, format="localized"),
                "came": column.NumberColumn("Came", width=76, min_value=0, step=1),
                "lot": column.TextColumn("Lot", width=66, help="For a SKU that is tracked by lot"),
                "expires": column.DateColumn("Expires", format=DAY, width=104, help="Of a new lot"),
            },
        )
        place = st.selectbox(
            "Put it at",
            list(setting.places),
            index=list(setting.places).index(one["location"]) if one["location"] in setting.places else 0,
            key=f"{form}-place-{one['number']}",
            format_func=setting.named,
            help="A place for inspection keeps it from being sold until it is moved on",
        )
        over = st.checkbox("More came than was ordered, and is kept", key=f"{form}-over-{one['number']}")
        wanted_now = st.form_submit_button("Receive", type="primary", key=f"{form}-post")
    st.caption("What is left open stays on order. Orders that wait for it get theirs at once.")
    if not wanted_now:
        return
    came = _receipt_lines(lines, filled)
    if not came:
        st.error("Nothing came: fill in at least one number.")
        return
    act("receive", receive_purchase, Receipt(str(one["number"]), tuple(came), place, over), say=said_received)


def _receipt_lines(lines: Sequence[Record], filled: pd.DataFrame) -> list[ReceiptLine]:
    return [
        ReceiptLine(
            str(line["sku"]),
            int(row["came"]),
            int(line["line_no"]),
            (text_in(row.get("lot")) or None) if line["is_lot_tracked"] else None,
            day_in(row.get("expires")) if line["is_lot_tracked"] else None,
        )
        for line, row in zip(lines, filled.to_dict("records"), strict=True)
        if not pd.isna(row["came"]) and int(row["came"]) > 0
    ]
