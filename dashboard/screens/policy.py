"""What does service cost? The least stock for every fill rate, today beside it; the chosen target in the URL."""

from urllib.parse import quote, urlencode

import pandas as pd
import streamlit as st

from dashboard import charts, policy_charts, queries
from dashboard.formats import count, money, share
from dashboard.page_head import plain, refusals_shown, start_page
from dashboard.stock_forms import tall
from service.service_cost import Chosen, NothingDemanded, ServiceCost, ServicePoint, assumptions, verdict
from service.stock_levels import LimitsConflict

MOST_ROWS = 300
column = st.column_config


def show_answer(cost: ServiceCost) -> None:
    """Today against the best, in a sentence, and on what that rests."""
    st.markdown(f"**{plain(verdict(cost))}**")
    st.caption(plain(" ".join(assumptions(cost))))


def plan_of(cost: ServiceCost, version: str) -> ServicePoint | None:
    """What the plan's own target comes to; None where it cannot be reached."""
    try:
        return queries.service_at(version, cost.terms.fill_rate_target).point
    except LimitsConflict:
        return None


def choose(cost: ServiceCost) -> float:
    """The fill rate to look at; the plan's own until another is chosen."""
    lowest, highest = (round(end * 100, 1) for end in cost.choices)
    usual = min(max(round(cost.terms.fill_rate_target * 100, 1), lowest), highest)
    if lowest >= highest:
        return highest / 100
    chosen = st.slider(
        "Demand to be met from stock, by value",
        min_value=lowest,
        max_value=highest,
        value=usual,
        step=0.1,
        format="%.1f %%",
        key="target",
        bind="query-params",
    )
    return float(chosen) / 100


def show_choice(cost: ServiceCost, chosen: Chosen) -> None:
    """What the chosen fill rate takes, beside today, and what more of it would cost."""
    currency, today, point = cost.terms.currency, cost.today, chosen.point
    more = point.stock_value - today.stock_value
    points = round((point.fill_rate - today.fill_rate) * 100, 1)
    left, right = st.columns(2, gap="small")
    left.metric(
        "Average stock at cost",
        money(point.stock_value, currency),
        f"{more:+,.0f} to today",
        delta_color="inverse",
        border=True,
    )
    said = f"{points:+.1f} points to today" if points else "as today"
    right.metric(
        "Demand met",
        share(point.fill_rate),
        said,
        delta_color="normal" if points else "off",
        delta_arrow="auto" if points else "off",
        border=True,
    )
    left.metric("One more point costs", money(chosen.price_of_point, currency), border=True, help="Stock, at cost")
    right.metric(
        "Holding it for a year",
        money(chosen.holding_cost, currency),
        border=True,
        help=f"{cost.terms.holding_cost_rate:.0%} of its value, a term",
    )
    st.markdown(":small[" + plain(" ".join(chosen.prices)) + "]")
    _say_budget(cost, chosen)


def _say_budget(cost: ServiceCost, chosen: Chosen) -> None:
    budget, currency = cost.terms.stock_budget, cost.terms.currency
    if budget is None:
        return
    best = cost.curve.fill_rate_at(budget)
    reach = "less than the items' floors need" if best is None else f"enough for {best:.1%}"
    if chosen.point.stock_value > budget:
        st.warning(plain(f"This is above the stock budget of {money(budget, currency)}, which is {reach}."))
    else:
        st.caption(plain(f"The stock budget of {money(budget, currency)} is {reach}."))


def show_classes(chosen: Chosen, currency: str) -> None:
    """Money and fill rate by class of value, today and then."""
    classes = chosen.classes
    table = classes.assign(
        today_stock_value=classes["today_stock_value"].round(),
        stock_value=classes["stock_value"].round(),
        change=(classes["stock_value"] - classes["today_stock_value"]).round(),
        today_fill_rate=classes["today_fill_rate"] * 100,
        fill_rate=classes["fill_rate"] * 100,
    )
    shown = ["abc", "items", "today_stock_value", "stock_value", "change", "today_fill_rate", "fill_rate"]
    st.dataframe(
        table[shown],
        key="classes",
        hide_index=True,
        column_config={
            "abc": column.TextColumn("Class", width=60),
            "items": column.NumberColumn("Items", format="localized", width=70),
            "today_stock_value": column.NumberColumn(f"Stock now, {currency}", format="localized", width=120),
            "stock_value": column.NumberColumn("Then", format="localized", width=100),
            "change": column.NumberColumn("Change", format="localized", width=100),
            "today_fill_rate": column.NumberColumn("Met now", format="%.1f %%", width=90),
            "fill_rate": column.NumberColumn("Then", format="%.1f %%", width=90),
        },
    )
    st.caption("A: the items that make up the first 80 % of the value of demand, B the next 15 %, C the rest.")


def show_moves(chosen: Chosen, currency: str) -> None:
    """The items whose stock changes most, with the reason for the new level."""
    moves = chosen.moves
    title, action = st.columns([5, 1], vertical_alignment="bottom")
    title.markdown("#### What would change")
    if moves.empty:
        st.info("Nothing: today's reorder points are those of this fill rate already.")
        return
    action.download_button(
        "Download all",
        data=lambda: moves.to_csv(index=False, float_format="%.4f").encode("utf-8-sig"),
        file_name=f"policy-{chosen.target:.1%}.csv".replace("%", ""),
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )
    shown = moves.head(MOST_ROWS)
    table = pd.DataFrame(
        {
            "link": [_link(one.sku, one.location) for one in shown.itertuples()],
            "name": shown["name"],
            "location": shown["location"],
            "from": shown["from_reorder_point"],
            "to": shown["to_reorder_point"],
            "money": shown["money"].round(),
            "points": shown["points"],
            "why": shown["why"],
        }
    )
    st.dataframe(
        table,
        key="moves",
        hide_index=True,
        height=tall(len(table), 14),
        column_config={
            "link": column.LinkColumn("SKU", display_text=r"#(.*)$", width=80, help="Opens the item"),
            "name": column.TextColumn("Name", width=170),
            "location": column.TextColumn("At", width=80),
            "from": column.NumberColumn("Reorder at", format="localized", width=76, help="What today's stock implies"),
            "to": column.NumberColumn("Then", format="localized", width=60),
            "money": column.NumberColumn(f"Stock, {currency}", format="localized", width=80),
            "points": column.NumberColumn(
                "Points", format="%+.3f", width=64, help="Change of the fill rate of everything, in points"
            ),
            "why": column.TextColumn("Why there", width=700),
        },
    )
    more = f", the first {MOST_ROWS:,} shown" if len(moves) > MOST_ROWS else ""
    st.caption(
        plain(
            f"{count(len(moves), 'item')} change{'s' if len(moves) == 1 else ''}, most money first{more}:"
            f" {money(chosen.freed, currency)} freed, {money(chosen.put_in, currency)} put in."
            " Levels follow the target among the terms; nothing here changes it."
        )
    )


def _link(sku: str, location: str) -> str:
    """The item's page; what follows # is what the table shows."""
    return f"item?{urlencode({'sku': sku, 'location': location})}#{quote(sku)}"


where = start_page("What does service cost?")
with refusals_shown():
    version = queries.version()
    try:
        cost = queries.cost_of_service(version)
    except NothingDemanded as nothing:
        st.info(f"{nothing}. Import more of your history: `stockwright import orders FILE`")
        st.stop()
    currency = cost.terms.currency
    show_answer(cost)
    drawn, told = st.columns([1.75, 1], gap="large")
    with told:
        chosen = queries.service_at(version, choose(cost))
        show_choice(cost, chosen)
        st.page_link("screens/terms.py", label=":primary[Plan with it: set the target, the floor or the budget]")
    with drawn:
        figure = policy_charts.service_curve(cost, plan_of(cost, version), chosen)
        st.plotly_chart(figure, config=charts.CONFIG, key="service-curve")
        show_classes(chosen, currency)
    show_moves(chosen, currency)
