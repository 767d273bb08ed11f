"""Approvals made from a page, said back, and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

import streamlit as st

from dashboard import queries
from dashboard.formats import count
from dashboard.page_head import plain
from data.errors import StockwrightError
from orders.purchasing import Approval, approve_recommendation, withdraw_approval

Line = Mapping[str, Any]


def nonce() -> str:
    """A text of this browser session; with the last decision's id it makes a double click one approval."""
    return str(st.session_state.setdefault("nonce", token_hex(8)))


def approve(lines: Sequence[Line], quantity: int | None = None, reason: str | None = None) -> None:
    """Approve lines until one is refused; what was done and refused is said on the next run."""
    done, orders = [], set()
    for line in lines:
        key = f"dashboard:{nonce()}:approve:{line['id']}:{line['decision_id']}"
        request = Approval(line["id"], quantity, reason)
        try:
            drafted = approve_recommendation(
                queries.database(), request, key=key, actor=queries.actor(), at=queries.now()
            )
        except StockwrightError as refusal:
            st.session_state["refused"] = f"{line['sku']} at {line['location']}: {refusal}"
            break
        done.append(line["id"])
        orders.add(drafted.purchase_order)
    if done:
        st.session_state["approved"] = {"ids": done, "orders": sorted(orders)}


def withdraw(ids: Sequence[int]) -> None:
    """Take approvals back by the ids of their recommendations."""
    where = queries.standing()
    plan = queries.recommendations(queries.version(), where.plan_id or 0)
    last = dict(zip(plan["id"], plan["decision_id"], strict=True))
    for number in ids:
        key = f"dashboard:{nonce()}:withdraw:{number}:{last.get(number, 0)}"
        try:
            withdraw_approval(queries.database(), number, key=key, actor=queries.actor(), at=queries.now())
        except StockwrightError as refusal:
            st.session_state["refused"] = str(refusal)
            break
    st.session_state.pop("approved", None)


def say_what_happened() -> None:
    """The last approvals with their draft orders and a way back, or the last refusal."""
    refused = st.session_state.pop("refused", None)
    if refused:
        st.error(refused)
    approved = st.session_state.get("approved")
    if approved:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            orders = ", ".join(approved["orders"])
            lines = count(len(approved["ids"]), "line")
            noun = "purchase order" if len(approved["orders"]) == 1 else "purchase orders"
            st.markdown(
                f"**Approved {lines}: draft {noun} {plain(orders)}.** The next plan counts this as on order.",
                width="stretch",
            )
            st.button("Undo", key="undo", on_click=withdraw, args=(approved["ids"],))
