"""What should I order today, and why? Filters and the line explained live in the URL."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, queries
from dashboard.approving import approve, say_what_happened, withdraw
from dashboard.explaining import explain
from dashboard.formats import count, day, money
from dashboard.page_head import in_url, plain, refusals_shown, start_page, to_url
from orders.insights import APPROVED, NOTHING, TO_APPROVE

STATES = (TO_APPROVE, APPROVED, NOTHING)
Line = dict[str, Any]


# Choosing


def filtered(plan: pd.DataFrame) -> pd.DataFrame:
    """The lines that the filters leave; the filters are in the URL."""
    state, supplier, location, category, search = st.columns([3.9, 2.1, 1.6, 1.6, 1.7], vertical_alignment="bottom")
    chosen_state = state.segmented_control(
        "Show",
        STATES,
        key="chosen-state",
        default=in_url("state", STATES, TO_APPROVE),
        on_change=to_url,
        args=("state", "chosen-state"),
        format_func=lambda name: f"{name} ({int((plan['state'] == name).sum()):,})",
    )
    choices = {
        name: column.multiselect(
            name.capitalize(), names(plan, name), key=name, bind="query-params", placeholder=f"All {everything}"
        )
        for name, everything, column in (
            ("supplier", "suppliers", supplier),
            ("location", "locations", location),
            ("category", "categories", category),
        )
    }
    text = search.text_input("Search", key="q", bind="query-params", placeholder="SKU or name")
    kept = plan if chosen_state is None else plan[plan["state"] == chosen_state]
    for column, wanted in choices.items():
        if wanted:
            kept = kept[kept[column].isin(wanted)]
    if text:
        words = kept["sku"] + " " + kept["name"]
        kept = kept[words.str.contains(text, case=False, regex=False)]
    return kept.reset_index(drop=True)


def names(plan: pd.DataFrame, column: str) -> list[str]:
    return sorted(set(plan[column]) - {""})


def table(lines: pd.DataFrame, currency: str) -> tuple[list[int], int]:
    """The lines; returns the rows ticked and the one to explain."""
    column = st.column_config
    most = float(lines["margin_at_risk"].max()) if len(lines) else 0.0
    shown = lines.assign(
        cover_weeks=lines["cover_weeks"].replace(float("inf"), float("nan")).round(1),
        quantity=lines["order_quantity"].where(lines["state"] != APPROVED, lines["approved_quantity"]),
        order_value=lines["order_value"].round(),
        margin_at_risk=lines["margin_at_risk"].round(),
    )
    order = [
        "sku",
        "name",
        "location",
        "quantity",
        "order_value",
        "margin_at_risk",
        "inventory_position",
        "reorder_point",
        "cover_weeks",
        "supplier",
        "purchase_order",
    ]
    if not (lines["purchase_order"] != "").any():
        order.remove("purchase_order")
    key = f"lines-{hash(tuple(lines['id']))}-{hash(tuple(lines['decision_id']))}"
    chosen = st.dataframe(
        shown[order],
        key=key,
        hide_index=True,
        height=624,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        column_config={
            "sku": column.TextColumn("SKU", width=78),
            "name": column.TextColumn("Name", width=168),
            "location": column.TextColumn("Location", width=92),
            "quantity": column.NumberColumn("Order", format="localized", width=58),
            "order_value": column.NumberColumn(f"Value, {currency}", format="localized", width=82),
            "margin_at_risk": column.ProgressColumn(
                f"At risk, {currency}",
                format="localized",
                min_value=0,
                max_value=max(most, 1.0),
                width=112,
                help="Margin expected to be lost until the next delivery if nothing is ordered",
            ),
            "inventory_position": column.NumberColumn(
                "Position", format="localized", width=66, help="On hand + on order − not yet shipped"
            ),
            "reorder_point": column.NumberColumn("Reorder at", format="localized", width=76),
            "cover_weeks": column.NumberColumn(
                "Weeks left", format="%.1f", width=76, help="On hand at the expected rate"
            ),
            "supplier": column.TextColumn("Supplier", width=160),
            "purchase_order": column.TextColumn("Draft", width=90),
        },
    )
    selection = chosen["selection"]
    rows, cells = list(selection["rows"]), list(selection["cells"])
    if cells:
        return rows, int(cells[0][0])
    if len(rows) == 1:
        return rows, int(rows[0])
    return rows, linked_row(lines)


def linked_row(lines: pd.DataFrame) -> int:
    """The line that the URL names (sku, at), else the first."""
    is_meant = (lines["sku"] == st.query_params.get("sku")) & (lines["location"] == st.query_params.get("at"))
    return int(is_meant.to_numpy().argmax()) if len(lines) else 0


# Deciding


def decide(line: Line) -> None:
    """Approve, with another quantity and its reason if need be; or take the approval back."""
    if line["state"] == APPROVED:
        reason = f" ({plain(line['approval_reason'])})" if line["approval_reason"] else ""
        st.markdown(
            f"Approved: **{line['approved_quantity']:,}** on draft **{plain(line['purchase_order'])}**{reason}."
        )
        if line["is_draft"]:
            st.button("Withdraw approval", on_click=withdraw, args=([line["id"]],), key="withdraw")
        return
    if line["state"] == NOTHING:
        return
    amount, why, act = st.columns([1.1, 2.2, 1.2], vertical_alignment="bottom")
    quantity = amount.number_input(
        "Quantity",
        min_value=1,
        value=int(line["order_quantity"]),
        step=int(line["numbers"]["pack_size"]),
        key=f"quantity-{line['id']}",
    )
    is_other = quantity != line["order_quantity"]
    reason = why.text_input(
        "Reason",
        key=f"reason-{line['id']}",
        disabled=not is_other,
        placeholder="why another quantity" if is_other else "only for another quantity",
    )
    act.button(
        f"Approve {quantity:,}",
        type="primary",
        key="approve",
        width="stretch",
        on_click=approve,
        args=([line], int(quantity) if is_other else None, reason or None),
    )


# Proving


def show_proof(result: dict[str, Any] | None) -> None:
    st.markdown("#### Would it have worked?")
    if result is None:
        st.caption("No proof yet. Replay past weeks against a rule of thumb: `stockwright prove`")
        return
    st.markdown(plain(str(result.get("verdict", ""))))
    if result.get("curve"):
        st.plotly_chart(charts.proof(result), config=charts.CONFIG, key="proof")
    cuts = len(result.get("cuts", []))
    st.caption(
        f"Proof as of {day(date.fromisoformat(result['as_of']))}: plans made on {count(cuts, 'past day')}"
        f" from what was known then, replayed over the {result['window_days']} days that followed."
        " Up and to the left is better."
    )


where = start_page("What should I order today, and why?")
with refusals_shown():
    currency, version = where.terms.currency, queries.version()
    plan = queries.recommendations(version, where.plan_id or 0)
    lines = filtered(plan)
    say_what_happened()
    listed, explained = st.columns([1.55, 1], gap="medium")
    with listed:
        totals, act = st.columns([2.4, 1], vertical_alignment="center")
        rows, row = table(lines, currency) if len(lines) else ([], 0)
        chosen = lines.iloc[rows] if rows else lines
        waiting = chosen[chosen["state"] == TO_APPROVE]
        totals.markdown(
            f"**{count(len(chosen), 'line')}** {'ticked' if rows else 'shown'}"
            f" · **{money(chosen['order_value'].sum(), currency)}** at cost"
            f" · **{money(chosen['margin_at_risk'].sum(), currency)}** margin at risk"
        )
        if len(waiting):
            act.button(
                f"Approve {'ticked' if rows else 'all shown'} ({len(waiting):,})",
                key="approve-many",
                width="stretch",
                on_click=approve,
                args=(waiting.to_dict("records"),),
                help="Makes draft purchase orders, one per supplier and location. Can be undone.",
            )
        if not len(lines):
            st.info("No line fits these filters.")
    with explained, st.container(border=True):
        if len(lines):
            line: Line = lines.iloc[row].to_dict()
            explain(line, currency)
            decide(line)
        else:
            st.caption("Nothing to explain.")
    cost, worked = st.columns(2, gap="large")
    with cost:
        st.markdown("#### What the lines shown cost")
        ordering = lines[lines["order_value"] > 0]
        if len(ordering):
            st.plotly_chart(charts.order_value(ordering, currency), config=charts.CONFIG, key="order-value")
        else:
            st.caption("Nothing to pay for.")
    with worked:
        show_proof(queries.latest_proof(version))
