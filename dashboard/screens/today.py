"""What needs me today? Ranked by money, each line ending in something to do."""

from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from dashboard import charts, queries
from dashboard.formats import count, money, share
from dashboard.page_head import in_url, plain, start_page, to_url
from orders import insights
from orders.insights import TO_APPROVE, Standing, ToDo

SHOWN_AT_FIRST = 8
KINDS = ("order", "stuck order", "out of stock", "late supply", "too much stock", "parcel")


def card(label: str, value: str, note: str, chart: Any, meaning: str, chart_type: Any = "line") -> None:
    st.metric(
        label,
        value,
        delta=note,
        delta_color="off",
        delta_arrow="off",
        chart_data=chart,
        chart_type=chart_type,
        help=meaning,
        border=True,
        height="stretch",
    )


def cards(where: Standing, plan: pd.DataFrame, weekly: dict[str, Any]) -> None:
    """Four numbers, each with what to compare it to and how it came about."""
    service, value, orders, risk = st.columns(4)
    is_counted = not weekly["stock"].empty
    with service:
        (service_now if is_counted else service_promised)(where, weekly["stock"])
    with value:
        (stock_now if is_counted else stock_needed)(where, weekly["stock"])
    waiting = plan[plan["state"] == TO_APPROVE]
    with orders:
        orders_waiting(where, waiting, weekly["purchases"])
    with risk:
        margin_at_risk(where, waiting)


def service_now(where: Standing, stock: pd.DataFrame) -> None:
    promised, target = share(where.summary["achieved_fill_rate"]), share(where.summary["fill_rate_target"])
    card(
        "Demand in stock now",
        share(stock["in_stock"].iloc[-1]),
        f"plan promises {promised}, target {target}",
        stock["in_stock"] * 100,
        "Share of expected demand, by value, whose SKU has something on hand where it is asked for;"
        f" the line shows the last {len(stock)} weeks. What the plan promises is a fill rate: the share of demand met.",
    )


def service_promised(where: Standing, _stock: pd.DataFrame) -> None:
    card(
        "Fill rate promised",
        share(where.summary["achieved_fill_rate"]),
        f"target {share(where.summary['fill_rate_target'])}",
        None,
        "Share of demand, by value, that the plan expects to meet from stock.",
    )


def stock_now(where: Standing, stock: pd.DataFrame) -> None:
    currency = where.terms.currency
    card(
        "Stock value at cost",
        money(stock["value"].iloc[-1], currency),
        f"plan needs {money(where.summary['average_stock_value'], currency)} on average",
        stock["value"],
        f"Units on hand at today's unit cost; the line shows the last {len(stock)} weeks.",
        "area",
    )


def stock_needed(where: Standing, _stock: pd.DataFrame) -> None:
    card(
        "Stock the plan needs, at cost",
        money(where.summary["average_stock_value"], where.terms.currency),
        "on average; never counted",
        None,
        "Average stock at cost that the reorder points lead to.",
    )


def orders_waiting(where: Standing, waiting: pd.DataFrame, purchases: Any) -> None:
    suppliers = waiting.loc[waiting["supplier"] != "", "supplier"].nunique()
    card(
        "Orders to approve",
        money(waiting["order_value"].sum(), where.terms.currency),
        count(len(waiting), "line") + (f", {count(suppliers, 'supplier')}" if suppliers else ""),
        purchases,
        "Value at cost of the recommendations that nobody has decided on. The bars compare: what was ordered"
        f" from suppliers in each of the last {len(purchases)} weeks.",
        "bar",
    )


def margin_at_risk(where: Standing, waiting: pd.DataFrame) -> None:
    lines = waiting["margin_at_risk"].sort_values(ascending=False)
    total, first = lines.sum(), min(10, len(lines))
    card(
        "Margin at risk",
        money(total, where.terms.currency),
        f"{lines.iloc[:first].sum() / total:.0%} of it in {count(first, 'line')}" if total else "nothing to lose",
        lines.iloc[: queries.SPARK_WEEKS],
        "Margin expected to be lost until the next delivery if nothing is ordered. The bars show the lines"
        " with most at risk.",
        "bar",
    )


def show_to_do(one: ToDo, currency: str, number: int) -> None:
    amount, matter, action = st.columns([1.15, 4.5, 1.45], vertical_alignment="center")
    amount.markdown(f"**{money(one.money, currency)}**  \n:small[:gray[{one.money_says}]]")
    matter.markdown(f"**{plain(one.title)}**  \n:small[:gray[{plain(one.detail)}]]")
    with action:
        if one.page:
            st.page_link(f"screens/{one.page}.py", label=f":primary[{plain(one.action)}]", query_params=dict(one.query))
        else:
            with st.popover(f":primary[{plain(one.action)}]", type="tertiary", key=f"rows-{number}"):
                st.dataframe(
                    with_links(one.rows),
                    hide_index=True,
                    width=760,
                    height=min(420, 38 + 35 * len(one.rows)),
                    column_config=case_columns(currency),
                )


def with_links(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of items, each with the address of its page."""
    if "sku" not in rows:
        return rows
    items = rows[["sku", "location"]].to_dict("records")
    linked = rows.copy()
    linked.insert(0, "page", [f"/item?{urlencode(item)}" for item in items])
    return linked


def case_columns(currency: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "sku": "SKU",
        "page": column.LinkColumn("Item", display_text="Open", width=60),
        "name": column.TextColumn("Name", width="medium"),
        "location": "Location",
        "on_hand": column.NumberColumn("On hand", format="localized"),
        "excess_units": column.NumberColumn("Too many", format="localized"),
        "excess_value": column.NumberColumn(f"Tied up, {currency}", format="%.0f"),
        "last_sold": column.DateColumn("Last sold", format="D MMM YYYY"),
        "tracking_number": "Tracking number",
        "order": "Order",
        "service": "Service",
        "promised_date": column.DateColumn("Promised", format="D MMM YYYY"),
        "value": column.NumberColumn(f"Order value, {currency}", format="%.2f"),
    }


where = start_page("What needs me today?")
assert where.plan_id is not None
version, currency = queries.version(), where.terms.currency
plan = queries.recommendations(version, where.plan_id)
weekly = queries.weekly(version, where.plan_id)
things = queries.to_do(version, where.plan_id)
cards(where, plan, weekly)

listed, pictured = st.columns([3, 2], gap="large")
with listed:
    found = [kind for kind in KINDS if any(one.kind == kind for one in things)]
    head, chosen = st.columns([1, 3.2], vertical_alignment="center")
    head.markdown("#### Do next")
    with chosen:
        kind = st.pills(
            "Show only",
            found,
            key="chosen-kind",
            default=in_url("show", found, None),
            on_change=to_url,
            args=("show", "chosen-kind"),
            label_visibility="collapsed",
            format_func=lambda name: f"{name} ({sum(one.kind == name for one in things):,})",
        )
    wanted = [one for one in things if kind in (None, one.kind)]
    everything = st.session_state.get("everything", False)
    with st.container(gap="xsmall"):
        for number, one in enumerate(wanted if everything else wanted[:SHOWN_AT_FIRST]):
            with st.container(border=True):
                show_to_do(one, currency, number)
    if not wanted:
        st.success("Nothing waits for you: no order to approve, nothing late, nothing out of stock.")
    if len(wanted) > SHOWN_AT_FIRST:
        st.toggle(f"Show all {len(wanted)}", key="everything")
with pictured:
    st.markdown(f"#### Sales a week, {currency}")
    st.plotly_chart(charts.weekly_sales(weekly["sales"], currency), config=charts.CONFIG, key="sales")
    st.markdown("#### How long the stock lasts")
    if weekly["stock"].empty:
        st.caption("Stock was never counted. Import a count: `stockwright import stock FILE`")
    else:
        st.plotly_chart(
            charts.stock_by_cover(insights.stock_by_cover(plan), currency), config=charts.CONFIG, key="cover"
        )
        st.caption("At the rate the plan expects, at today's cost.")
