"""The discrepancy queue: what is wrong, what would put it right in one click, and what else may be done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import queries
from dashboard.formats import age, count
from dashboard.order_actions import carry_out, done, run
from dashboard.order_queries import QUEUE_LIMIT, Record
from dashboard.page_head import in_url, plain, to_url
from data.errors import StockwrightError
from orders.cancelling import Cancellation, cancel_order
from orders.money import exponent, format_minor
from orders.resolving import accept_discrepancy, fix_discrepancy

AT_FIRST, MORE = 3, 10


def in_words(code: str) -> str:
    """partially_allocated as people read it."""
    return code.replace("_", " ").replace("sku", "SKU")


def fix_label(fix: Mapping[str, Any], currency: str) -> str | None:
    """What a fix does, in a few words for a button; None when there is nothing that a machine could do."""
    if fix.get("cancel"):
        return "Cancel the order"
    if fix.get("drop"):
        return f"Drop line {fix['line']}"
    for name, value in fix.get("set", {}).items():
        if name == "unit_price":
            return "Charge the list price" if value is None else f"Charge {_price(value, currency)}"
        if name == "tax_rate":
            return "Take no tax" if value is None else f"Take {Decimal(value) * 100:f} % tax"
        if name == "ship_to":
            return "Use this address"
        return {"sku": f"Use SKU {value}", "quantity": f"Order {value}", "currency": f"Use {value}"}[name]
    return None


def _price(text: str, currency: str) -> str:
    decimals = max(exponent(currency), -int(Decimal(text).normalize().as_tuple().exponent))
    return f"{currency} {Decimal(text):,.{decimals}f}"


def show_queue(rows: Sequence[Record], total: int) -> None:
    """The queue, narrowed to a kind if one is chosen; the first few at first."""
    kinds = Counter(row["kind"] for row in rows)
    if not rows:
        st.caption("Nothing to decide. What is wrong or doubtful about a new order appears here.")
        return
    chosen = st.pills(
        "Kind",
        list(kinds),
        key="queue-kind",
        default=in_url("kind", list(kinds), None),
        on_change=to_url,
        args=("kind", "queue-kind"),
        label_visibility="collapsed",
        wrap=True,
        format_func=lambda kind: f"{in_words(kind)} ({kinds[kind]:,})",
    )
    shown = [row for row in rows if chosen in (None, row["kind"])]
    acceptable = [row for row in shown if not row["is_blocking"]]
    if chosen and len(acceptable) > 1:
        with st.popover(f"Accept all {len(acceptable):,} as they are…"):
            _accept_many(acceptable, chosen)
    many = st.session_state.get("queue-shown", AT_FIRST)
    for row in shown[:many]:
        _show_in_queue(row)
    if len(shown) > many:
        label = f"Show {min(MORE, len(shown) - many)} more of {len(shown) - many:,}"
        if st.button(label, key="queue-more", type="tertiary"):
            st.session_state["queue-shown"] = many + MORE
            st.rerun()
    if total > QUEUE_LIMIT:
        st.caption(f"These are the first {QUEUE_LIMIT} of {total:,}; the rest moves up as they are decided.")


def _show_in_queue(row: Record) -> None:
    said, act = st.columns([1.2, 1], vertical_alignment="center")
    text = said.container(gap="xxsmall")
    with text, st.container(horizontal=True, gap="small", vertical_alignment="center"):
        order_link(row["sales_order_id"], str(row["external_ref"]))
        since = age(queries.now() - row["raised_at"])
        worth = "kept a draft" if row["is_blocking"] else format_minor(row["value_minor"], row["currency"])
        st.markdown(f":small[:gray[{plain(row['channel'])} · {worth} · {since}]]", width="content")
        if row["is_blocking"]:
            st.badge("blocks", color="red")
    text.markdown(_said(row))
    with act:
        show_choices(row, row["sales_order_id"], str(row["external_ref"]))


def order_link(order_id: int, reference: str) -> None:
    """A link to an order that keeps what the URL says besides."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in ("order", "do", "new")}
    target = {**kept, "order": str(order_id)}
    st.page_link("screens/order_desk.py", label=f":primary[**{plain(reference)}**]", query_params=target)


def _said(doubt: Record) -> str:
    message = str(doubt["message"])
    return f"{plain(message[:1].upper() + message[1:])}.  \n:small[:gray[{plain(doubt['suggestion'])}]]"


def show_discrepancy(doubt: Record, order_id: int, reference: str, currency: str) -> None:
    """One discrepancy of an order that is open already."""
    said, act = st.columns([1.35, 1], vertical_alignment="center")
    blocks = ":red-badge[blocks] " if doubt["is_blocking"] else ""
    said.markdown(blocks + _said(doubt))
    with act:
        show_choices({**doubt, "currency": currency}, order_id, reference)


def show_choices(doubt: Record, order_id: int, reference: str) -> None:
    """The suggested fix, to accept it as it is, or to cancel the order."""
    state, label = f"discrepancy {doubt['id']}", fix_label(doubt["fix"], doubt["currency"])
    with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
        if label is not None and st.button(
            plain(label), key=f"fix-{doubt['id']}", type="primary", help=plain(doubt["suggestion"])
        ):
            # A draft was meant to be placed when it came: it is, once nothing blocks it any more.
            fixed = carry_out(fix_discrepancy, doubt["id"], state=state, place=True)
            if fixed is not None:
                done(f"{reference}: {label[0].lower()}{label[1:]}. {_standing(fixed.status, fixed.still_open)}")
        if not doubt["is_blocking"]:
            with st.popover("Accept…"):
                _accept_one(doubt, reference, state)
        if not doubt["fix"].get("cancel"):
            with st.popover("Cancel…"):
                cancel_form(order_id, reference, state, str(doubt["message"]))


def _standing(status: str, still_open: int) -> str:
    left = f", {count(still_open, 'discrepancy')} left".replace("discrepancys", "discrepancies") if still_open else ""
    return f"The order is {in_words(status)} now{left}."


def _accept_one(doubt: Record, reference: str, state: str) -> None:
    with st.form(f"accept-{doubt['id']}", border=False):
        reason = st.text_input("Why is it right as it is?", key=f"reason-{doubt['id']}")
        wanted = st.form_submit_button("Accept as it is", type="primary", key=f"accept-it-{doubt['id']}")
    if wanted:
        accepted = carry_out(accept_discrepancy, doubt["id"], reason, state=state)
        if accepted is not None:
            done(f"{reference}: accepted as it is. {_standing(accepted.status, accepted.still_open)}")


def _accept_many(rows: Sequence[Record], kind: str) -> None:
    with st.form("accept-many", border=False):
        st.markdown(f"Accept **{len(rows):,}** of *{in_words(kind)}* as they are.")
        reason = st.text_input("Why are they right?", key="accept-many-reason")
        wanted = st.form_submit_button("Accept all of them", type="primary", key="accept-many-it")
    if not wanted:
        return
    accepted, refused = 0, ""
    for row in rows:
        try:
            run(accept_discrepancy, row["id"], reason, state=f"discrepancy {row['id']}")
            accepted += 1
        except StockwrightError as refusal:  # somebody else may have decided on it meanwhile
            refused = refused or str(refusal)
    if accepted:
        rest = f" {len(rows) - accepted:,} were refused: {refused}" if refused else ""
        done(f"Accepted {accepted:,} of {in_words(kind)}: {reason}.{rest}")
    st.error(plain(refused))


def cancel_form(order_id: int, reference: str, state: str, reason: str = "") -> None:
    """Cancel a whole order, after its reason."""
    with st.form(f"cancel-{state}", border=False):
        given = st.text_input("Why is it cancelled?", value=reason, key=f"cancel-reason-{state}")
        st.caption("Nothing of it can be shipped afterwards. This cannot be undone.")
        wanted = st.form_submit_button("Cancel the order", type="primary", key=f"cancel-it-{state}")
    if wanted:
        cancelled = carry_out(cancel_order, Cancellation(order_id, given), state=state)
        if cancelled is not None:
            units = count(cancelled.units, "unit")
            done(f"{reference}: {f'{units} cancelled' if cancelled.units else 'the draft is discarded'}.")
