"""What every page begins with: its question, the day of its numbers, and what to do while there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from dashboard import queries
from dashboard.formats import day
from data.errors import StockwrightError
from orders.insights import Standing


def start_page(question: str, *, needs_plan: bool = True) -> Standing:
    """Title and dates; stops the page with the next step where there is nothing to show yet."""
    st.subheader(question, anchor=False)
    try:
        where = queries.standing()
    except StockwrightError as refusal:
        st.error(str(refusal))
        st.stop()
    _say_dates(where)
    if not where.has_orders:
        _nothing_yet(
            "No orders yet.",
            "Import your own orders, or see the made-up company in a database of its own:",
            "stockwright import orders FILE\nstockwright demo",
        )
    if needs_plan and where.plan_id is None:
        _nothing_yet("No plan yet.", "Orders are in. Make the first plan:", "stockwright plan")
    return where


def _say_dates(where: Standing) -> None:
    if where.as_of is None or where.planned_at is None:
        return
    said = f"Data as of **{day(where.as_of)}** · planned {day(where.planned_at)}, {where.planned_at:%H:%M}"
    st.caption(f"{said} ({where.terms.time_zone})")
    if not where.has_counted_stock:
        st.warning(
            "Stock was never counted; positions are assumed from weeks of demand."
            " Import a count: `stockwright import stock FILE`"
        )


def _nothing_yet(what: str, then: str, commands: str) -> None:
    with st.container(border=True):
        st.markdown(f"**{what}** {then}")
        st.code(commands, language=None)
    st.stop()


def in_url(name: str, choices: Sequence[str], otherwise: str | None) -> str | None:
    """The choice that the URL names; for labels that carry counts, which a bound widget would put there."""
    asked = st.query_params.get(name)
    return asked if asked in choices else otherwise


def to_url(name: str, key: str) -> None:
    """Callback: the URL names what the widget of that key has chosen."""
    chosen = st.session_state[key]
    if chosen is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = chosen


@contextmanager
def refusals_shown() -> Iterator[None]:
    """Show a refusal as one line instead of stopping the page with a traceback."""
    try:
        yield
    except StockwrightError as refusal:
        st.error(str(refusal))


def plain(text: str) -> str:
    """Text of the data as it stands, without meaning anything in Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]{}<>#|~$:" else sign for sign in text)
