"""What if something were different? The plan beside a changed world, with intervals; the question in the URL."""

from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd
import streamlit as st

from dashboard import charts, queries, what_if_charts
from dashboard.formats import count
from dashboard.order_actions import run
from dashboard.page_head import plain, refusals_shown, start_page
from dashboard.stock_forms import tall
from dashboard.what_if_warehouse import show_warehouse
from data.errors import StockwrightError
from orders.terms import Terms
from service.ledger_scenario import LedgerWorld, assumptions
from service.what_if import SCOPES, Changes, changes_from_text
from service.what_if_comparison import (
    Comparison,
    costs_by_kind,
    headline,
    items_hit,
    measures_table,
    said_measures,
    stock_fan,
)
from service.what_if_runs import SavedWhatIf, remove_what_if, save_what_if, saved_what_ifs

MOST_ROWS = 100
WEEKS, USUAL_WEEKS = (4, 8, 13, 26), 8
NOBODY = "nobody"
PARTS = ("Stock", "Warehouse")
_SAID, _TURN = "what-if-said", "what-if-turn"
column = st.column_config


# The question


def usual_answers(terms: Terms, weeks: int) -> dict[str, Any]:
    """What every widget shows while nothing is different, by its name in the URL."""
    return {
        "lead_time": 1.0,
        "demand": 1.0,
        "unit_cost": 1.0,
        "supplier": NOBODY,
        "fails": (1, min(6, weeks)),
        "holding": round(terms.holding_cost_rate * 100, 1),
        "order_cost": float(terms.order_cost),
        "review": int(terms.review_period_days),
        "target": round(terms.fill_rate_target * 100, 1),
        "anew": False,
    }


def choose_view() -> tuple[int, str]:
    """How many weeks, of which items."""
    left, right = st.columns([1, 1.3])
    weeks = left.selectbox(
        "Weeks ahead",
        WEEKS,
        index=WEEKS.index(USUAL_WEEKS),
        key="weeks",
        bind="query-params",
    )
    scope = right.selectbox(
        "Items",
        SCOPES,
        key="items",
        bind="query-params",
        help="A, B and C: classes by value of demand; top 50: the 50 most valuable",
    )
    return int(weeks), str(scope)


def choose_changes(world: LedgerWorld, terms: Terms, weeks: int) -> Changes:
    """What is to be different."""
    usual = usual_answers(terms, weeks)
    factor: dict[str, Any] = {"step": 0.05, "format": "× %.2f", "bind": "query-params"}
    lead_time = st.slider("Lead times", 0.25, 4.0, usual["lead_time"], key="lead_time", **factor)
    demand = st.slider("Demand", 0.25, 3.0, usual["demand"], key="demand", **factor)
    unit_cost = st.slider("Unit costs", 0.5, 2.0, usual["unit_cost"], key="unit_cost", **factor)
    suppliers = [NOBODY, *sorted(set(world.items["source"]))]
    if st.session_state.get("supplier", NOBODY) not in suppliers:
        st.session_state["supplier"] = NOBODY
    supplier = st.selectbox("Supplier who fails", suppliers, key="supplier", bind="query-params")
    first, last = usual["fails"]
    if supplier != NOBODY:
        first, last = st.slider("In weeks", 1, weeks, usual["fails"], key="fails", bind="query-params")
        st.caption("Orders placed meanwhile wait for its end; what is under way still comes.")
    with st.expander("Costs and terms", expanded=False):
        holding = st.number_input(
            "Holding cost, % of value a year", 0.0, 500.0, usual["holding"], 1.0, key="holding", bind="query-params"
        )
        order_cost = st.number_input(
            f"Order line, {terms.currency}", 0.0, 1e6, usual["order_cost"], 1.0, key="order_cost", bind="query-params"
        )
        review = st.number_input("Review every … days", 1, 91, usual["review"], key="review", bind="query-params")
        target = st.number_input(
            "Demand to be met, %", 1.0, 99.9, usual["target"], 0.5, key="target", bind="query-params"
        )
    anew = st.toggle(
        "Plan the levels for it too",
        key="anew",
        bind="query-params",
        help="A third case: reorder points planned for these lead times, demand and costs. That a supplier fails is"
        " not foreseen.",
    )
    return Changes(
        lead_time=lead_time,
        demand=demand,
        unit_cost=unit_cost,
        holding_cost_rate=None if holding == usual["holding"] else holding / 100,
        order_cost=None if order_cost == usual["order_cost"] else order_cost,
        review_period_days=None if review == usual["review"] else int(review),
        fill_rate_target=None if target == usual["target"] else target / 100,
        supplier="" if supplier == NOBODY else supplier,
        fails_from_week=first,
        fails_until_week=last,
        plans_anew=anew,
    )


def show_what_is_saved(question: dict[str, str], terms: Terms) -> None:
    """Questions kept under a name: to open, to keep this one, to take off the list."""
    said = st.session_state.pop(_SAID, "")
    saved = {one.name: one for one in saved_what_ifs(queries.database())}
    with st.popover("Saved what-ifs", width="stretch"):
        for one in saved.values():
            left, right = st.columns([5, 1], vertical_alignment="center")
            said_by = f"saved by {one.saved_by}, {one.saved_at:%-d %b %Y}"
            left.button(
                plain(one.name), key=f"open-{one.name}", on_click=open_saved, args=(one, terms),
                width="stretch", help=said_by,
            )  # fmt: skip
            if right.button("✕", key=f"remove-{one.name}", help="Take off the list", type="tertiary"):
                _act(remove_what_if, one.name, said=f"{one.name} is off the list.")
        if not saved:
            st.caption("Nothing is saved yet. A name keeps what is set here; the address of this page is a link to it.")
        with st.form("save", border=False, clear_on_submit=True):
            name = st.text_input("Save this one as", placeholder="New Year in Ningbo", max_chars=80)
            if st.form_submit_button("Save"):
                _act(save_what_if, name, question, said=f"Saved as {name.strip()}.")
    if said:
        st.caption(f":green[✓] {plain(said)}")


def _act(use_case: Any, *asked: Any, said: str) -> None:
    """Run a use case, say what was done and run the page again; a refusal is shown here."""
    turn = st.session_state.setdefault(_TURN, 0)
    try:
        run(use_case, *asked, state=f"what-if-{turn}")
    except StockwrightError as refusal:
        st.error(plain(str(refusal)))
        return
    st.session_state[_TURN] = turn + 1
    st.session_state[_SAID] = said
    st.rerun()


def open_saved(one: SavedWhatIf, terms: Terms) -> None:
    """Callback: the widgets, and with them the URL, show a saved question."""
    changes, weeks = changes_from_text(one.question), int(one.question.get("weeks", USUAL_WEEKS))
    answers = usual_answers(terms, weeks) | {
        "lead_time": changes.lead_time,
        "demand": changes.demand,
        "unit_cost": changes.unit_cost,
        "anew": changes.plans_anew,
    }
    if changes.supplier:
        answers["supplier"] = changes.supplier
        answers["fails"] = (min(changes.fails_from_week, weeks), min(changes.fails_until_week, weeks))
    asked = {
        "holding": (changes.holding_cost_rate, 100),
        "order_cost": (changes.order_cost, 1),
        "review": (changes.review_period_days, 1),
        "target": (changes.fill_rate_target, 100),
    }
    answers |= {name: round(value * factor, 9) for name, (value, factor) in asked.items() if value is not None}
    st.session_state.update(answers, weeks=weeks, items=one.question.get("items", SCOPES[0]))
    st.session_state[_SAID] = f"{one.name} is open."


# The answer


def simulated(weeks: int, scope: str, changes: Changes) -> Comparison:
    """The comparison, with a bar while it is made."""
    place = st.empty()

    def progress(done: int, total: int) -> None:
        place.progress(done / total, text=f"Simulating: {done} of {total} futures")

    comparison = queries.what_if(weeks, scope, changes, progress)
    place.empty()
    return comparison


def show_measures(comparison: Comparison) -> None:
    """Each measure as planned and changed, and what lies between, with intervals."""
    said = said_measures(comparison)
    titles = {name: column.TextColumn(name.rstrip("23 ").capitalize()) for name in said.columns}
    titles["measure"] = column.TextColumn("", width=150)
    st.dataframe(said, key="measures", hide_index=True, column_config=titles, height=tall(len(said), 10))


def show_items(comparison: Comparison, currency: str) -> None:
    """The items that lose most, with the way to each."""
    hit = items_hit(comparison)
    hit = hit[(hit["lost_margin"].abs() > 0.005) | ((hit["stock_value"] - hit["base_stock_value"]).abs() > 0.5)]
    st.markdown("#### Who is hit most")
    if hit.empty:
        st.info("No item differs from the plan.")
        return
    rows = hit.head(MOST_ROWS)
    table = pd.DataFrame(
        {
            "link": [
                f"item?{urlencode({'sku': one.sku, 'location': one.location})}#{quote(one.sku)}"
                for one in rows.itertuples()
            ],
            "name": rows["name"],
            "location": rows["location"],
            "supplier": rows["source"],
            "abc": rows["abc"],
            "before": rows["base_fill_rate"] * 100,
            "after": rows["fill_rate"] * 100,
            "stock": (rows["stock_value"] - rows["base_stock_value"]).round(),
            "lost": rows["lost_margin"].round(),
            "luck": rows["half_width"].round(),
        }
    )
    st.dataframe(
        table,
        key="hit",
        hide_index=True,
        height=tall(len(table), 12),
        column_config={
            "link": column.LinkColumn("SKU", display_text=r"#(.*)$", width=80, help="Opens the item"),
            "name": column.TextColumn("Name", width=220),
            "location": column.TextColumn("At", width=90),
            "supplier": column.TextColumn("Supplier", width=190),
            "abc": column.TextColumn("Class", width=50),
            "before": column.NumberColumn("Met, planned", format="%.1f %%", width=90),
            "after": column.NumberColumn("Met, then", format="%.1f %%", width=90),
            "stock": column.NumberColumn(f"Stock, {currency}", format="localized", width=90, help="Change"),
            "lost": column.NumberColumn(f"More margin lost, {currency}", format="localized", width=140),
            "luck": column.NumberColumn("±", format="localized", width=60, help="95 % interval"),
        },
    )
    more = f", the first {MOST_ROWS} shown" if len(hit) > MOST_ROWS else ""
    st.caption(f"{count(len(hit), 'item')} differ{'s' if len(hit) == 1 else ''}, most lost margin first{more}.")


def show_answer(comparison: Comparison, currency: str) -> None:
    """Sentence, differences, figures, stock to come and costs."""
    st.markdown(f"**{plain(headline(comparison))}**")
    if len(comparison.outcomes) > 1:
        figure = what_if_charts.differences(measures_table(comparison), currency)
        st.plotly_chart(figure, config=charts.CONFIG, key="differences")
    show_measures(comparison)
    st.caption(
        f"Means of {comparison.replications} futures and their 95 % intervals. Each future brings all cases the same"
        " demand and the same luck with lead times, so that differences are known better than the figures themselves."
        " “Luck” marks a difference whose interval holds 0."
    )
    fan_at, costs_at = st.columns([1.6, 1], gap="large")
    with fan_at:
        st.markdown(f"**Stock at cost, {currency}** :small[:gray[median, and where 9 of 10 futures lie]]")
        fans = {one.name: stock_fan(one) for one in comparison.outcomes}
        st.plotly_chart(
            what_if_charts.stock_fans(fans, comparison.world.starts, currency), config=charts.CONFIG, key="fans"
        )
    with costs_at:
        st.markdown(f"**Costs over {comparison.world.days} days, {currency}** :small[:gray[beside the goods]]")
        st.plotly_chart(what_if_charts.costs(costs_by_kind(comparison), currency), config=charts.CONFIG, key="costs")


def show_stock() -> None:
    """Stock as planned and with something different."""
    asked_at, told_at = st.columns([1, 3], gap="large")
    with asked_at:
        weeks, scope = choose_view()
        world = queries.what_if_world(weeks, scope)
        terms = world.known.terms
        changes = choose_changes(world, terms, weeks)
        show_what_is_saved({**changes.as_text(), "weeks": str(weeks), "items": scope}, terms)
    if world.items.empty:
        told_at.info("No item of these is expected to be demanded. Choose others on the left.")
        return
    with told_at:
        comparison = simulated(weeks, scope, changes)
        show_answer(comparison, terms.currency)
    if len(comparison.outcomes) > 1:
        show_items(comparison, terms.currency)
    st.caption(plain(" ".join(assumptions(world))))


where = start_page("What if something were different?")
with refusals_shown():
    part = st.segmented_control(
        "Of what", PARTS, default=PARTS[0], key="part", bind="query-params", required=True, label_visibility="collapsed"
    )
    if part == PARTS[1]:
        show_warehouse()
    else:
        show_stock()
