"""Payments of an order: authorised, taken and given back."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.order_actions import carry_out, done
from dashboard.order_queries import OrderStory, Record
from dashboard.page_head import plain
from orders.model import OrderStatus
from orders.money import exponent, format_minor
from orders.paying import Authorisation, authorise_payment, capture_payment, refund_payment


def payments_form(order: OrderStory) -> None:
    """Authorise a payment of the order; take money of those that it has, and give it back."""
    currency = order.head["currency"]
    for payment in order.payments:
        _payment(order, payment)
    if order.status == OrderStatus.CANCELLED:
        return
    left = order.head["value_minor"] - sum(payment["authorised_minor"] for payment in order.payments)
    with st.form(f"authorise-{order.state}", border=False):
        reference, method, amount, act = st.columns([2, 1.2, 1.2, 1.2], vertical_alignment="bottom")
        number = reference.text_input("Reference of the provider", key=f"pay-ref-{order.state}")
        how = method.text_input("Method", value="card", key=f"pay-method-{order.state}")
        how_much = amount.text_input(
            f"Amount, {currency}", value=_plain_amount(max(left, 0), currency), key=f"pay-amount-{order.state}"
        )
        wanted = act.form_submit_button("Record as authorised", width="stretch", key=f"authorise-it-{order.state}")
    if wanted:
        request = Authorisation(order.id, number, how, _amount(how_much))
        paid = carry_out(authorise_payment, request, state=order.state)
        if paid is not None:
            done(f"{order.head['external_ref']}: {format_minor(paid.authorised_minor, currency)} authorised.")


def _payment(order: OrderStory, payment: Record) -> None:
    currency, number = payment["currency"], payment["id"]
    to_capture = payment["authorised_minor"] - payment["captured_minor"]
    to_refund = payment["captured_minor"] - payment["refunded_minor"]
    said, capture, refund = st.columns([2.2, 1.2, 1.2], vertical_alignment="center")
    said.markdown(
        f"**{plain(payment['external_ref'])}** · {plain(payment['method'])}  \n:small[authorised"
        f" {format_minor(payment['authorised_minor'], currency)} · taken"
        f" {format_minor(payment['captured_minor'], currency)} · given back"
        f" {format_minor(payment['refunded_minor'], currency)}]"
    )
    if to_capture and order.status != OrderStatus.CANCELLED:
        with capture.popover("Take money…", width="stretch"), st.form(f"capture-{number}-{order.state}", border=False):
            amount = st.text_input(
                f"Amount, {currency}", value=_plain_amount(to_capture, currency), key=f"take-{number}-{order.state}"
            )
            if st.form_submit_button("Take it", type="primary", key=f"take-it-{number}-{order.state}"):
                asked = (order.id, payment["external_ref"], _amount(amount))
                if carry_out(capture_payment, *asked, state=order.state):
                    done(f"{order.head['external_ref']}: {currency} {amount} taken.")
    if to_refund:
        with refund.popover("Give back…", width="stretch"), st.form(f"refund-{number}-{order.state}", border=False):
            amount = st.text_input(
                f"Amount, {currency}", value=_plain_amount(to_refund, currency), key=f"give-{number}-{order.state}"
            )
            reason = st.text_input("Why", key=f"why-give-{number}-{order.state}")
            if st.form_submit_button("Give it back", type="primary", key=f"give-it-{number}-{order.state}"):
                back = (order.id, payment["external_ref"], _amount(amount), reason)
                if carry_out(refund_payment, *back, state=order.state):
                    done(f"{order.head['external_ref']}: {currency} {amount} given back.")


def _plain_amount(minor: int, currency: str) -> str:
    decimals = exponent(currency)
    return f"{minor / 10**decimals:.{decimals}f}"


def _amount(typed: str) -> Any:
    """What was typed, for the use case to judge: it refuses what is no exact number."""
    return typed.strip()
