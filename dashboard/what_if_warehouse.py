"""The warehouse's part of the what-if page: orders, capacity, cut-off and returns beside what is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, queries, what_if_charts
from dashboard.page_head import plain
from dashboard.stock_forms import tall
from service.ledger_orders import NoOrdersThere, said_flow
from service.what_if_orders import (
    REPLICATIONS,
    USUAL,
    OrderChanges,
    OrderComparison,
    orders_headline,
    orders_table,
    stations_table,
)

WEEKS = 13
column = st.column_config


def show_warehouse() -> None:
    """Orders through a warehouse as it is and with something different."""
    asked_at, told_at = st.columns([1, 3], gap="large")
    with asked_at:
        site = _site()
        changes = _choose()
    with told_at:
        try:
            comparison = queries.what_if_orders(WEEKS, site, changes)
        except NoOrdersThere as nothing:
            st.info(f"{plain(str(nothing))}. Choose another place on the left.")
            return
        _show(comparison, queries.what_if_world(WEEKS, "all").known.terms.currency)


def _site() -> str | None:
    places = sorted(set(queries.what_if_world(WEEKS, "all").items["location"]))
    usual = queries.flow_of_orders(WEEKS, None).site
    index = places.index(usual) if usual in places else 0
    return st.selectbox("Place", places, index=index, key="site", bind="query-params") if places else None


def _choose() -> OrderChanges:
    factor: dict[str, Any] = {"step": 0.05, "format": "× %.2f", "bind": "query-params"}
    hour: dict[str, Any] = {"step": 0.5, "format": "%.1f h", "bind": "query-params"}
    orders = st.slider("Orders", 0.25, 5.0, 1.0, key="orders", **factor)
    capacity = st.slider("Capacity of every station", 0.25, 3.0, 1.0, key="capacity", **factor)
    returns = st.slider("Returns", 0.25, 5.0, 1.0, key="returns", **factor)
    cut_off = st.slider("Same day for orders until", 8.0, 20.0, USUAL.cut_off, key="cut_off", **hour)
    closes = st.slider("Work, and pick-up, until", 12.0, 22.0, USUAL.closes, key="closes", **hour)
    return OrderChanges(
        orders=orders,
        capacity=capacity,
        returns=returns,
        cut_off=None if cut_off == USUAL.cut_off else cut_off,
        closes=None if closes == USUAL.closes else closes,
    )


def _show(comparison: OrderComparison, currency: str) -> None:
    st.markdown(f"**{plain(orders_headline(comparison))}**")
    st.plotly_chart(what_if_charts.stations(stations_table(comparison)), config=charts.CONFIG, key="stations")
    said = _said(orders_table(comparison), currency, is_changed=len(comparison.results) > 1)
    titles = {name: column.TextColumn(name.capitalize()) for name in said.columns}
    titles["measure"] = column.TextColumn("", width=180)
    st.dataframe(said, key="orders-measures", hide_index=True, column_config=titles, height=tall(len(said), 10))
    st.caption(
        f"Means of {REPLICATIONS} futures of {WEEKS} weeks and their 95 % intervals; every future brings both cases the"
        " same luck. Left of sales: margin of what customers keep, less returns unfit for sale, parcels and work."
    )
    told = said_flow(comparison.flow, comparison.warehouse, comparison.results[0].scenario)
    st.caption("  \n".join(plain(one) for one in told))


def _said(table: pd.DataFrame, currency: str, *, is_changed: bool) -> pd.DataFrame:
    """Texts: measure, as it is, and where something is changed: changed, difference."""
    rows = list(table.itertuples())
    said = {
        "measure": [row.measure for row in rows],
        "as it is": [_amount(row.unit, row.base, row.base_half_width, currency) for row in rows],
    }
    if is_changed:
        said["changed"] = [_amount(row.unit, row.changed, row.changed_half_width, currency) for row in rows]
        said["difference"] = [_difference(row) for row in rows]
    return pd.DataFrame(said)


def _amount(unit: str, value: float, width: float, currency: str) -> str:
    if unit == "share":
        return f"{value * 100:.1f} % ± {width * 100:.1f}"
    if unit == "money":
        return f"{currency} {value:,.0f} ± {width:,.0f}"
    return f"{value:,.1f} ± {width:,.1f}{' days' if unit == 'days' else ''}"


def _difference(row: Any) -> str:
    if not (row.difference or row.half_width):
        return "same"
    luck = "" if abs(row.difference) > row.half_width else " (luck)"
    if row.unit == "share":
        return f"{row.difference * 100:+.1f} ± {row.half_width * 100:.1f} points{luck}"
    decimals = 0 if row.unit == "money" else 1
    return f"{row.difference:+,.{decimals}f} ± {row.half_width:,.{decimals}f}{luck}"
