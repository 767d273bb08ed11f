"""Where is my stock? All of it, one SKU, or something to do with it, as the URL says."""

import streamlit as st

from dashboard import queries, stock_queries
from dashboard.page_head import in_url, plain, refusals_shown, start_page
from dashboard.stock_actions import say_what_happened
from dashboard.stock_forms import (
    Setting,
    adjust_form,
    count_form,
    go,
    transfer_form,
)
from dashboard.stock_keeping import reservations_form
from dashboard.stock_levels import show_levels, when_and_how
from dashboard.stock_of_sku import show_sku
from dashboard.stock_receiving import receive_form

LEVELS = "levels"
FORMS = {
    "count": count_form,
    "transfer": transfer_form,
    "adjust": adjust_form,
    "receive": receive_form,
    "reservations": reservations_form,
}


def nothing_yet() -> None:
    """What to do while there is no SKU, or no place for it."""
    with st.container(border=True):
        st.markdown("**No stock yet.** Import your orders, then a count of your stock, or see the made-up company:")
        st.code("stockwright import orders FILE\nstockwright import stock FILE\nstockwright demo", language=None)
    st.stop()


def tabs(current: str) -> None:
    """What can be done here; the choice is in the URL, and the widget follows it."""
    key = f"do-{current}-{st.query_params.get('sku', '')}"

    def chosen() -> None:
        wanted = st.session_state[key] or LEVELS
        go(do=None if wanted == LEVELS else wanted, po=None, sku=None, moves=None, reverse=None, place=None)

    st.segmented_control(
        "What",
        [LEVELS, *FORMS],
        default=current,
        key=key,
        on_change=chosen,
        format_func=lambda name: name.capitalize(),
        label_visibility="collapsed",
        required=True,
    )


where = start_page("Where is my stock?", needs_plan=False, needs_orders=False)
with refusals_shown():
    version = queries.version()
    places, zone = stock_queries.places(version), where.terms.time_zone
    if not places or not stock_queries.has_skus(version):
        nothing_yet()
    setting = Setting(version, stock_queries.today(zone), zone, where.terms.currency, places)
    do, code = in_url("do", list(FORMS), LEVELS) or LEVELS, st.query_params.get("sku")
    choices, dates = st.columns([1, 1.15], vertical_alignment="bottom")
    with choices:
        tabs(do)
    say_what_happened()
    if do != LEVELS:
        FORMS[do](setting)
    elif code:
        found = [one for one in stock_queries.find_skus(version, code) if one.code == code.strip().upper()]
        if found:
            show_sku(setting, found[0])
        else:
            st.info(f"There is no SKU {plain(code)}.")
            st.button("All stock", key="to-levels", on_click=go, kwargs={"sku": None})
    else:
        with dates:
            when_and_how(setting)
        show_levels(setting)
