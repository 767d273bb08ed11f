"""Who holds units: what orders have reserved, and what is kept for somebody who has not ordered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from dashboard import queries, stock_queries
from dashboard.formats import age, count
from dashboard.stock_actions import act, form_key, release, said_freed, said_reserved
from dashboard.stock_forms import Setting, choose_sku, tall
from dashboard.stock_queries import Record
from orders.reserving import SoftReservation, expire_reservations, reserve_stock

column = st.column_config


def reservations_form(setting: Setting) -> None:
    """Every soft reservation, by when it ends; ticked ones are released."""
    held = stock_queries.reservations(setting.version, None)
    with st.expander("Keep units for somebody who has not ordered", expanded="sku" in st.query_params):
        _reserve_form(setting)
    if not held:
        st.info("Nothing is kept for anybody who has not ordered. What orders have is under their SKU.")
        return
    lapsed = [one for one in held if one["expires_at"] <= queries.now()]
    if lapsed:
        note, go = st.columns([3, 1], vertical_alignment="center")
        units = sum(int(one["quantity"]) for one in lapsed)
        note.warning(f"{count(len(lapsed), 'reservation')} of {count(units, 'unit')} lapsed and still hold stock.")
        if go.button("End what lapsed", key=f"{form_key('expire')}-post", type="primary", width="stretch"):
            act("expire", expire_reservations, say=said_freed("Ended what had lapsed"))
    show_reservations(setting, held, key="soft", most=14)


def _reserve_form(setting: Setting) -> None:
    which, what = st.columns(2, gap="large")
    with which:
        item = choose_sku(setting, key="reserve")
        sells = [code for code, place in setting.places.items() if place["kind"] in ("warehouse", "store")]
        place = st.selectbox(
            "From",
            ["", *sells],
            key="reserve-place",
            format_func=lambda code: setting.named(code) if code else "any place that sells",
        )
    if item is None:
        what.caption("Name the SKU first.")
        return
    form = form_key("reserve")
    with what, st.form(f"{form}-form", border=False):
        units, days = st.columns(2)
        quantity = units.number_input("Units", min_value=1, value=1, step=1, key=f"{form}-units")
        kept = days.number_input("For how many days", min_value=1, max_value=366, value=7, key=f"{form}-days")
        purpose = st.text_input("For whom or what", key=f"{form}-purpose", placeholder="quote 881")
        wanted_now = st.form_submit_button("Keep them", type="primary", key=f"{form}-post")
    if wanted_now:
        request = SoftReservation(item.sku, int(quantity), purpose, place or None, int(kept) * 24 * 60)
        act("reserve", reserve_stock, request, say=said_reserved(purpose))


def show_reservations(setting: Setting, held: Sequence[Record], *, key: str, most: int) -> None:
    """Who holds what; soft reservations that are ticked can be released."""
    is_one_sku = key != "soft"
    moment = queries.now()
    frame = pd.DataFrame(
        {
            "sku": [one["sku"] for one in held],
            "name": [one["name"] for one in held],
            "units": [int(one["quantity"]) for one in held],
            "for": [_held_for(one) for one in held],
            "location": [one["location"] for one in held],
            "lot": [one["lot"] for one in held],
            "ends": [_ends(one, moment) for one in held],
            "since": [setting.local(one["reserved_at"]).replace(tzinfo=None) for one in held],
            "order": [None if one["order_id"] is None else f"/order_desk?order={one['order_id']}" for one in held],
        }
    )
    hidden = ["sku", "name", "since"] if is_one_sku else []
    hidden += [] if frame["lot"].notna().any() else ["lot"]
    hidden += [] if is_one_sku and frame["order"].notna().any() else ["order"]
    name = f"{key}-{abs(hash(tuple(one['id'] for one in held)))}"
    picked = st.dataframe(
        frame.drop(columns=hidden),
        key=name,
        hide_index=True,
        height=tall(len(frame), most),
        placeholder="",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "sku": column.TextColumn("SKU", width=100),
            "name": column.TextColumn("Name", width=240),
            "units": column.NumberColumn("Units", width=52, format="localized"),
            "for": column.TextColumn("For", width=170 if is_one_sku else 240),
            "location": column.TextColumn("Location", width=95),
            "lot": column.TextColumn("Lot", width=70),
            "since": column.DatetimeColumn("Since", format="D MMM, HH:mm", width=110),
            "ends": column.TextColumn("Ends", width=95 if is_one_sku else 140),
            "order": column.LinkColumn("Order", display_text="Open", width=52),
        },
    )
    soft = [one["id"] for row in picked["selection"]["rows"] if (one := held[row])["kind"] == "soft"]
    if any(one["kind"] == "soft" for one in held):
        label = f"Release {count(len(soft), 'reservation')}" if soft else "Release what is ticked"
        if st.button(label, key=f"release-{key}", disabled=not soft):
            release(soft)


def _held_for(one: Record) -> str:
    if one["kind"] == "soft":
        return str(one["purpose"] or "")
    customer = f", {one['customer']}" if one["customer"] else ""
    return f"order {one['order_ref']}{customer}"


def _ends(one: Record, moment: datetime) -> str:
    if one["expires_at"] is None:
        return "when shipped"
    if one["expires_at"] <= moment:
        return f"lapsed {age(moment - one['expires_at'])} ago"
    return f"in {age(one['expires_at'] - moment)}"
