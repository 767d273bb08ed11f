"""What every page begins with: its question, the day of its numbers, and what to do while there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from dashboard import queries
from dashboard.formats import age, count, day
from data.errors import StockwrightError
from orders.insights import Standing


def start_page(question: str, *, needs_plan: bool = True, needs_orders: bool = True) -> Standing:
    """Title, dates and the last check; stops the page with the next step where there is nothing to show yet."""
    st.subheader(question, anchor=False)
    try:
        where = queries.standing()
    except StockwrightError as refusal:
        st.error(str(refusal))
        st.stop()
    _say_dates(where)
    if needs_orders and not where.has_orders:
        _nothing_yet(
            "No orders yet.",
            "Import your own orders, or see the made-up company in a database of its own:",
            "stockwright import orders FILE\nstockwright demo",
        )
    if needs_plan and where.plan_id is None:
        _nothing_yet("No plan yet.", "Orders are in. Make the first plan:", "stockwright plan")
    return where


def _say_dates(where: Standing) -> None:
    checked = _last_check()
    if where.as_of is None or where.planned_at is None:
        st.caption(checked)
        return
    said = f"Data as of **{day(where.as_of)}** · planned {day(where.planned_at)}, {where.planned_at:%H:%M}"
    st.caption(f"{said} ({where.terms.time_zone})  \n{checked}")
    if not where.has_counted_stock:
        st.warning(
            "Stock was never counted; positions are assumed from weeks of demand."
            " Import a count: `stockwright import stock FILE`"
        )


def _last_check() -> str:
    """Whether the records added up when they were last checked, in one line of Markdown."""
    found = queries.latest_check(queries.version())
    if found is None:
        return ":gray[Never checked whether the records add up: run] `stockwright check`"
    ago = age(queries.now() - found["checked_at"])
    promises = [finding for finding in found["findings"] if finding["broken"]]
    if not promises:
        said = f"✓ Checked {ago} ago: all {len(found['findings'])} promises of the records hold"
        return f":green[{said}] :gray[(took {found['seconds']:.1f} s)]"
    first = promises[0]
    said = f"✗ Checked {ago} ago: {count(len(promises), 'promise')} broken, first “{plain(first['promise'])}”"
    return f":red[**{said} ({count(first['broken'], 'case')})**] · to see each: `stockwright check`"


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
