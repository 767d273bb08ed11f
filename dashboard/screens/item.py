"""How does this item sell, what will it sell, and how will its stock go? SKU and location live in the URL."""

from datetime import timedelta
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, queries
from dashboard.formats import count, money, units
from dashboard.page_head import plain, refusals_shown, start_page
from orders.insights import APPROVED, TO_APPROVE
from service.items import HISTORY_WEEKS, ItemView, stock_projection

BOOKS = ("customer orders", "purchase orders", "returns")
HISTORY_DAYS = 26 * 7
LINE_IN_URL = {"sku": "sku", "at": "location", "q": "sku", "state": "state"}


def choose(points: pd.DataFrame, first: tuple[str, str]) -> tuple[str, str]:
    """The SKU and location that the URL or the reader names."""
    labels = dict(zip(points["sku"], points["sku"] + " · " + points["name"], strict=True))
    at_sku, at_place = st.columns([3, 1])
    codes = list(labels)
    asked = st.query_params.get("sku", first[0])
    sku = at_sku.selectbox(
        "SKU",
        codes,
        index=codes.index(asked) if asked in codes else 0,
        key="chosen-sku",
        format_func=lambda code: labels[code],
        help="Type a part of the code or the name",
    )
    places = sorted(points.loc[points["sku"] == sku, "location"])
    wanted = st.query_params.get("location", first[1] if sku == first[0] else "")
    place = at_place.selectbox(
        "Location",
        places,
        index=places.index(wanted) if wanted in places else 0,
        key=f"chosen-location-{sku}",
    )
    if (st.query_params.get("sku"), st.query_params.get("location")) != (sku, place):
        st.query_params.update({"sku": sku, "location": place})
    return sku, place


def facts(view: ItemView, line: dict[str, Any] | None, currency: str) -> None:
    """Who supplies it on which terms, and how it stands, in one row."""
    point = view.point
    supplier = point["supplier"] if isinstance(point["supplier"], str) else "no known supplier"
    priced = point if line is None else line
    cost, price = priced["unit_cost"], priced["unit_price"]
    category = f"{point['category']} · " if isinstance(point["category"], str) else ""
    st.markdown(
        plain(
            f"{category}{supplier} · lead time {point['lead_time_days']:.0f} ±"
            f" {point['lead_time_sd_days']:.0f} days ({point['lead_time_source']})"
            f" · at least {point['moq']:,}, packs of {point['pack_size']:,}"
            f" · costs {cost:,.2f} {currency}, sells at {price:,.2f} {currency}"
        )
    )
    if line is None:
        return
    cover = line["cover_weeks"]
    shown = {
        "On hand": (f"{line['on_hand']:,}", "assumed" if not point["is_counted"] else ""),
        "On order": (f"{line['on_order']:,}", ""),
        "To ship": (f"{line['unshipped']:,}", ""),
        "Position": (f"{line['inventory_position']:,}", ""),
        "Reorder point": (f"{line['reorder_point']:,}", ""),
        "Expected a week": (units(line["weekly_rate"]), ""),
        "Weeks left": ("∞" if cover == float("inf") else f"{cover:,.1f}", ""),
    }
    for column, (name, (value, note)) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(f"{name}{f' ({note})' if note else ''}", value)


def arrivals(view: ItemView) -> pd.DataFrame:
    """What comes on which day; what is late or undated is taken for tomorrow."""
    tomorrow = pd.Timestamp(view.as_of) + pd.Timedelta(days=1)
    rows = []
    for line in view.open_purchases.to_dict("records"):
        expected = line["expected_date"]
        is_late = pd.isna(expected) or pd.Timestamp(expected) < tomorrow
        state = "no date" if pd.isna(expected) else "late" if is_late else line["status"]
        day = tomorrow if is_late else pd.Timestamp(expected)
        rows.append((day, line["open_quantity"], f"{line['number']} ({state})"))
    frame = pd.DataFrame(rows, columns=["ds", "units", "what"])
    return frame[frame["ds"] <= view.forecast["ds"].max()] if len(frame) else frame


def stock_picture(view: ItemView, line: dict[str, Any] | None) -> None:
    point = view.point
    expected = partial(
        stock_projection,
        as_of=view.as_of,
        on_hand=int(point["on_hand"] if line is None else line["on_hand"]),
        unshipped=int(point["unshipped"]),
        weekly_rate=float(view.forecast["mean"].iloc[0]) if len(view.forecast) else 0.0,
    )
    coming = view.open_purchases[["expected_date", "open_quantity"]]
    without = expected(arrivals=coming)
    with_order = None
    if line is not None and line["state"] == TO_APPROVE:
        due = view.as_of + timedelta(days=round(point["lead_time_days"]))
        ours = pd.DataFrame({"expected_date": [due], "open_quantity": [line["order_quantity"]]})
        with_order = expected(arrivals=ours if coming.empty else pd.concat([coming, ours]))
    since = pd.Timestamp(view.as_of) - pd.Timedelta(days=HISTORY_DAYS)
    reorder_point = None if line is None else int(line["reorder_point"])
    st.plotly_chart(
        charts.stock(
            view.stock,
            without,
            with_order,
            arrivals(view),
            reorder_point=reorder_point,
            as_of=view.as_of,
            since=since,
        ),
        config=charts.CONFIG,
        key="stock",
    )
    if view.stock.empty:
        st.caption("Stock was never counted here: no history, and the projection starts from an assumption.")


def advice(line: dict[str, Any] | None, currency: str) -> None:
    with st.container(border=True):
        if line is None:
            st.markdown("#### Not planned yet")
            st.caption("It came after the last plan. Make a new one: `stockwright plan`")
            return
        if line["state"] == APPROVED:
            st.markdown(f"#### {line['approved_quantity']:,} approved")
            st.caption(f"On draft purchase order {line['purchase_order']}")
        elif line["state"] == TO_APPROVE:
            st.markdown(f"#### Order {line['order_quantity']:,}")
            st.caption(
                f"{money(line['order_value'], currency)} at cost ·"
                f" {money(line['margin_at_risk'], currency)} margin at risk"
            )
        else:
            st.markdown("#### Order nothing")
        st.markdown(plain(line["reason"]))
        with st.container(horizontal=True, gap="xsmall"):
            for assumed in line["assumptions"]:
                st.badge(plain(assumed), color="orange")
            if not line["assumptions"]:
                st.badge("All measured", color="green")
        can_approve = line["state"] == TO_APPROVE
        st.page_link(
            "screens/recommendations.py",
            label=":primary[The arithmetic, and approve]" if can_approve else ":primary[The arithmetic]",
            query_params={name: line[key] for name, key in LINE_IN_URL.items()},
        )


def returns(view: ItemView) -> None:
    back, sold = view.records.returns, view.records.sold_in_a_year
    with st.container(border=True):
        total = int(back["units"].sum()) if len(back) else 0
        st.markdown("#### Came back")
        if not total:
            st.caption(f"Nothing of {count(sold, 'unit')} shipped in a year.")
            return
        rate = f" of {sold:,} shipped ({total / sold:.1%})" if sold else ""
        st.caption(f"{count(total, 'unit')}{rate} in a year")
        reasons = back["reason"].fillna("no reason given")
        by_reason = back["units"].groupby(reasons).sum()
        for reason, number in by_reason.sort_values(ascending=False).items():
            st.markdown(f":small[{plain(str(reason))}: **{number:,}**]")


def books(view: ItemView, currency: str) -> None:
    chosen = st.segmented_control(
        "Books", BOOKS, default=BOOKS[0], key="books", bind="query-params", label_visibility="collapsed"
    )
    column = st.column_config
    days = {
        name: column.DateColumn(label, format="D MMM YYYY")
        for name, label in (
            ("business_date", "Date"),
            ("ordered_at", "Ordered"),
            ("expected_date", "Expected"),
            ("received_at", "Received"),
        )
    }
    frames = {
        "customer orders": view.records.orders,
        "purchase orders": view.records.purchases,
        "returns": view.records.returns,
    }
    frame = frames[chosen or BOOKS[0]].drop(columns="currency", errors="ignore")
    if frame.empty:
        st.caption(f"No {chosen} of this item.")
        return
    st.dataframe(
        frame.dropna(axis="columns", how="all"),
        hide_index=True,
        height=min(330, 38 + 35 * len(frame)),
        column_config=days
        | {
            "order": "Order",
            "channel": "Channel",
            "country": "Country",
            "promotion": "Promotion",
            "number": "Number",
            "status": "Status",
            "supplier": "Supplier",
            "reason": "Reason",
            "disposition": "Goods",
            "returns": column.NumberColumn("Returns", format="localized"),
            "units": column.NumberColumn("Units", format="localized"),
            "quantity": column.NumberColumn("Quantity", format="localized"),
            "cancelled": column.NumberColumn("Cancelled", format="localized"),
            "shipped": column.NumberColumn("Shipped", format="localized"),
            "received": column.NumberColumn("Received units", format="localized"),
            "unit_price": column.NumberColumn("Unit price", format="%.2f"),
            "unit_cost": column.NumberColumn(f"Unit cost, {currency}", format="%.2f"),
        },
    )


where = start_page("How does this item sell, and how will its stock go?")
with refusals_shown():
    currency, version = where.terms.currency, queries.version()
    plan = queries.recommendations(version, where.plan_id or 0)
    known = queries.outlook()
    first = (str(plan["sku"].iloc[0]), str(plan["location"].iloc[0])) if len(plan) else ("", "")
    sku, location = choose(known.points, first)
    view = queries.item(version, sku, location)
    if view is None:
        st.info("There is no such item.")
        st.stop()
    found = plan[(plan["sku"] == sku) & (plan["location"] == location)]
    line = found.iloc[0].to_dict() if len(found) else None
    facts(view, line, currency)
    pictured, said = st.columns([2.6, 1], gap="medium")
    with pictured:
        st.markdown("#### Units ordered a week, and what the next weeks may bring")
        st.plotly_chart(
            charts.demand(view.weeks, view.forecast, view.days_out, view.as_of),
            config=charts.CONFIG,
            key="demand",
        )
        st.markdown("#### Stock, as it was and as it is expected")
        stock_picture(view, line)
    with said:
        advice(line, currency)
        returns(view)
    books(view, currency)
    st.caption(
        f"Demand of the last {HISTORY_WEEKS} weeks, stock of the last {HISTORY_DAYS // 7};"
        " the newest 50 lines of each book."
    )
