"""What needs me today? Ranked by money, each line ending in something to do."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, queries
from dashboard.formats import count, money, share
from dashboard.page_head import plain, start_page
from orders import insights
from orders.insights import TO_APPROVE, Standing, ToDo

SHOWN_AT_FIRST = 8
KINDS = ("order", "out of stock", "late supply", "too much stock", "parcel")


def cards(where: Standing, plan: pd.DataFrame, weekly: dict[str, pd.DataFrame]) -> None:
    currency, stock = where.terms.currency, weekly["stock"]
    waiting = plan[plan["state"] == TO_APPROVE]
    served, value, orders, risk = st.columns(4)
    target = f"target {share(where.summary['fill_rate_target'])}"
    promised = share(where.summary["achieved_fill_rate"])
    with served:
        if stock.empty:
            st.metric(
                "Fill rate promised",
                promised,
                border=True,
                height="stretch",
                delta=target,
                delta_color="off",
                delta_arrow="off",
                help="Share of demand, by value, that the plan expects to meet from stock.",
            )
        else:
            st.metric(
                "Demand in stock now",
                share(stock["in_stock"].iloc[-1]),
                border=True,
                height="stretch",
                delta=f"plan promises {promised}, {target}",
                delta_color="off",
                delta_arrow="off",
                chart_data=stock["in_stock"] * 100,
                help="Share of expected demand, by value, whose SKU has something on hand where it is asked for;"
                f" the line shows the last {len(stock)} weeks. The promise is a fill rate: the share of demand met.",
            )
    with value:
        planned = where.summary["average_stock_value"]
        if stock.empty:
            st.metric(
                "Stock the plan needs, at cost",
                money(planned, currency),
                border=True,
                height="stretch",
                delta="on average; never counted",
                delta_color="off",
                delta_arrow="off",
                help="Average stock at cost that the reorder points lead to.",
            )
        else:
            st.metric(
                "Stock value at cost",
                money(stock["value"].iloc[-1], currency),
                border=True,
                height="stretch",
                delta=f"plan needs {money(planned, currency)} on average",
                delta_color="off",
                delta_arrow="off",
                chart_data=stock["value"],
                chart_type="area",
                help=f"Units on hand at the unit cost of today; the line shows the last {len(stock)} weeks.",
            )
    with orders:
        suppliers = waiting.loc[waiting["supplier"] != "", "supplier"].nunique()
        said = count(len(waiting), "line") + (f", {count(suppliers, 'supplier')}" if suppliers else "")
        st.metric(
            "Orders to approve",
            money(waiting["order_value"].sum(), currency),
            border=True,
            height="stretch",
            delta=said,
            delta_color="off",
            delta_arrow="off",
            chart_data=weekly["purchases"],
            chart_type="bar",
            help="Value at cost of the recommendations that nobody has decided on. The bars show what was ordered"
            f" from suppliers in each of the last {len(weekly['purchases'])} weeks, to compare.",
        )
    with risk:
        largest = waiting["margin_at_risk"].sort_values(ascending=False)
        top = largest.iloc[:10].sum() / largest.sum() if largest.sum() else 0.0
        st.metric(
            "Margin at risk",
            money(largest.sum(), currency),
            border=True,
            height="stretch",
            delta=f"{top:.0%} of it in the first {min(10, len(largest))} lines",
            delta_color="off",
            delta_arrow="off",
            chart_data=largest.iloc[:26],
            chart_type="bar",
            help="Margin expected to be lost until the next delivery if nothing is ordered. The bars show the lines"
            " with most at risk.",
        )


def show_to_do(one: ToDo, currency: str, number: int) -> None:
    amount, matter, action = st.columns([1.15, 4.5, 1.45], vertical_alignment="center")
    amount.markdown(f"**{money(one.money, currency)}**  \n:small[:gray[{one.money_says}]]")
    matter.markdown(f"**{plain(one.title)}**  \n:small[:gray[{plain(one.detail)}]]")
    with action:
        if one.page:
            st.page_link(
                f"pages/{one.page}.py", label=f":primary[{plain(one.action)}]", query_params=dict(one.query)
            )
        else:
            with st.popover(f":primary[{plain(one.action)}]", type="tertiary", key=f"rows-{number}"):
                st.dataframe(
                    one.rows,
                    hide_index=True,
                    width=760,
                    height=min(420, 38 + 35 * len(one.rows)),
                    column_config=case_columns(currency),
                )


def case_columns(currency: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "sku": "SKU",
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
            key="show",
            bind="query-params",
            label_visibility="collapsed",
            format_func=lambda name: f"{name} ({sum(one.kind == name for one in things)})",
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
