"""Approvals made from a page, said back, and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from secrets import token_hex
from typing import Any

import streamlit as st

from dashboard import queries
from dashboard.formats import count
from dashboard.page_head import plain
from data.errors import StockwrightError
from orders.purchasing import Approval, approve_recommendations, withdraw_approvals

Line = Mapping[str, Any]


def nonce() -> str:
    """A text of this browser session; with the last decision's id it makes a double click one approval."""
    return str(st.session_state.setdefault("nonce", token_hex(8)))


def approve(lines: Sequence[Line], quantity: int | None = None, reason: str | None = None) -> None:
    """Approve lines, all or none; what was done or refused is said on the next run."""
    requests = [Approval(line["id"], quantity, reason) for line in lines]
    key = _key("approve", [(line["id"], line["decision_id"]) for line in lines])
    try:
        drafted = approve_recommendations(
            queries.database(), requests, key=key, actor=queries.actor(), at=queries.now()
        )
    except StockwrightError as refusal:
        st.session_state["refused"] = f"Nothing was approved: {refusal}"
        return
    orders = sorted({line.purchase_order for line in drafted})
    st.session_state["approved"] = {"ids": [line["id"] for line in lines], "orders": orders}


def withdraw(ids: Sequence[int]) -> None:
    """Take approvals back, all or none, by the ids of their recommendations."""
    where = queries.standing()
    plan = queries.recommendations(queries.version(), where.plan_id or 0)
    last = dict(zip(plan["id"], plan["decision_id"], strict=True))
    key = _key("withdraw", [(number, last.get(number, 0)) for number in ids])
    try:
        withdraw_approvals(queries.database(), ids, key=key, actor=queries.actor(), at=queries.now())
    except StockwrightError as refusal:
        st.session_state["refused"] = f"Nothing was withdrawn: {refusal}"
    st.session_state.pop("approved", None)


def _key(action: str, decided: Sequence[tuple[Any, Any]]) -> str:
    """The same for a second click on the same lines in the same state, and for nothing else."""
    return f"dashboard:{nonce()}:{action}:{sha256(repr(decided).encode()).hexdigest()}"


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
