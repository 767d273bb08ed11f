"""On what does the plan rest? The planner's standing assumptions, and a button that plans again."""

import streamlit as st

from dashboard import queries
from dashboard.formats import money, share
from dashboard.page_head import start_page
from data.errors import StockwrightError
from orders.errors import InvalidTerm
from orders.money import format_minor
from orders.terms import MEANINGS, Terms, set_terms, term_values
from service.planning import make_plan

GROUPS: dict[str, dict[str, str]] = {
    "What the plan should achieve": {
        "fill_rate_target": "Fill rate target, share of 1",
        "fill_rate_floor": "Fill rate floor, share of 1",
        "stock_budget": "Stock budget, {currency}",
        "review_period_days": "Review period, days",
    },
    "What orders and stock cost": {
        "order_cost": "Order cost, {currency} a line",
        "holding_cost_rate": "Holding cost, share of value a year",
        "unit_cost_share": "Unit cost, share of price",
    },
    "Where an item says nothing": {
        "lead_time_days": "Lead time, days",
        "lead_time_sd_days": "Lead time deviation, days",
        "moq": "Least order, units",
        "pack_size": "Pack size, units",
        "opening_stock_weeks": "Stock never counted, weeks",
    },
    "Orders": {
        "price_tolerance": "Price tolerance, share of price",
        "unusual_quantity_ratio": "Unusual quantity, ratio",
        "duplicate_window_hours": "Duplicate order within, hours",
        "parcel_cost": "Parcel, {currency}",
        "parcel_cost_abroad": "Parcel abroad, {currency}",
        "transit_days": "Transit, days",
        "transit_days_abroad": "Transit abroad, days",
    },
    "The company": {
        "currency": "Currency",
        "time_zone": "Time zone",
        "default_location": "Default location",
    },
}


def form(terms: Terms) -> None:
    """All terms as texts; what is wrong is said under the field that is wrong."""
    values, wrong = term_values(terms), st.session_state.get("wrong-term")
    with st.form("terms", border=True):
        for column, (group, names) in zip(st.columns(len(GROUPS), gap="large"), GROUPS.items(), strict=True):
            column.markdown(f"**{group}**")
            for name, label in names.items():
                column.text_input(
                    label.format(currency=terms.currency),
                    value=values[name],
                    key=f"term-{name}",
                    help=f"{MEANINGS[name][:1].upper()}{MEANINGS[name][1:]}.",
                )
                if wrong is not None and wrong[0] == name:
                    column.error(wrong[1])
        st.form_submit_button("Save terms", type="primary", on_click=save, args=(values,))
    if wrong is not None and wrong[0] not in values:
        st.error(wrong[1])


def save(before: dict[str, str]) -> None:
    """Set what was changed, all or none."""
    changed = {
        name: st.session_state[f"term-{name}"].strip()
        for name, value in before.items()
        if st.session_state[f"term-{name}"].strip() != value
    }
    st.session_state.pop("wrong-term", None)
    st.session_state.pop("saved-terms", None)
    try:
        set_terms(queries.database(), changed, actor=queries.actor(), at=queries.now())
    except InvalidTerm as refusal:
        st.session_state["wrong-term"] = (refusal.name, str(refusal))
    except StockwrightError as refusal:
        st.session_state["wrong-term"] = ("", str(refusal))
    else:
        st.session_state["saved-terms"] = sorted(changed)


def plan_again() -> None:
    """Make a plan here and now, stage by stage."""
    with st.status("Planning …", expanded=True) as status:
        try:
            result = make_plan(
                queries.database(),
                actor=queries.actor(),
                at=queries.now(),
                progress=lambda stage: status.update(label=f"Planning: {stage} …"),
            )
        except StockwrightError as refusal:
            status.update(label="No plan was made", state="error")
            st.error(str(refusal))
            return
        summary = result.summary
        value = format_minor(summary["order_value_minor"], summary["currency"])
        st.markdown(f"Plan {result.plan_id}: {summary['orders']:,} orders, {value}")
        status.update(label=f"Planned in {sum(result.seconds.values()):.1f} s", state="complete")
    st.session_state["planned"] = result.plan_id
    st.rerun()


where = start_page("On what does the plan rest?", needs_plan=False)
form(where.terms)
saved = st.session_state.get("saved-terms")
if saved is not None and "wrong-term" not in st.session_state:
    said = f"Saved: {', '.join(saved)}." if saved else "Nothing was changed."
    st.success(f"{said} The next plan uses the terms as they stand here.")
again, told = st.columns([1, 5], vertical_alignment="center")
wanted = again.button("Plan again", key="plan-again", width="stretch")
if where.plan_id is None:
    told.markdown("There is no plan yet.")
else:
    made = "New plan" if st.session_state.get("planned") == where.plan_id else "Plan"
    summary, currency = where.summary, where.summary["currency"]
    stock = money(summary["average_stock_value"], currency)
    point = money(summary["holding_cost_per_point_of_fill_rate"], currency)
    told.markdown(
        f"{made} {where.plan_id}: **{summary['orders']:,} orders**, "
        f"fill rate **{share(summary['achieved_fill_rate'])}** promised,"
        f" **{stock}** of stock on average. One more point of fill rate costs {point} a year to hold."
    )
if wanted:
    plan_again()
