"""Which orders are stuck? The desk, one order, or a new one, as the URL says."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, queries
from dashboard.formats import age, count, money
from dashboard.order_actions import say_what_happened
from dashboard.order_entry import new_order_form
from dashboard.order_queries import Desk, channels, desk, orders, queue, story
from dashboard.order_queue import in_words, show_queue
from dashboard.order_view import show_order
from dashboard.page_head import refusals_shown, start_page
from orders.errors import InvalidRequest
from orders.insights import Standing
from orders.lifecycle import PAYMENT
from orders.model import HoldKind, OrderStatus
from orders.money import exponent
from orders.order_list import AGES, OPEN_STATUSES, OrderFilter, OrderRow, PageKey, Sort

OLDEST_BAND = list(AGES)[-1]
SORTED = {Sort.OLDEST: "oldest first", Sort.NEWEST: "newest first"}
OPEN, ALL = "open", "all"
STATUSES = (OPEN, *OPEN_STATUSES, OrderStatus.SHIPPED.value, OrderStatus.CLOSED.value, OrderStatus.CANCELLED.value, ALL)
AGED_EVERY_MINUTES = 10  # while nothing else happens


def link(label: str, **parameters: str | None) -> None:
    """A link to this page that keeps what the URL says, but for the parameters named."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in parameters}
    named = {name: value for name, value in parameters.items() if value is not None}
    st.page_link("screens/order_desk.py", label=label, query_params={**kept, **named})


# How the open orders stand


def worth(amounts: Iterable[tuple[str, int]]) -> str:
    """Money in minor units, summed currency by currency; nothing where there is none."""
    sums: Counter[str] = Counter()
    for currency, amount in amounts:
        sums[currency] += amount
    shown = [(currency, amount / 10 ** exponent(currency)) for currency, amount in sorted(sums.items()) if amount]
    return " + ".join(money(amount, currency) for currency, amount in shown)


def cards(standing: Desk) -> None:
    """Open, on hold, waiting for goods, to decide: each with its money or its age."""
    steps = standing.funnel.steps
    everything, held, waiting, decided = st.columns(4)
    opened = sum(step.orders for step in steps)
    value = worth(pair for step in steps for pair in step.value_minor.items())
    card(everything, "Open orders", f"{opened:,}", value, "Of which something is neither shipped nor cancelled")
    on_hold = next(step for step in steps if step.status == OrderStatus.ON_HOLD)
    old = on_hold.by_age[OLDEST_BAND]
    note = worth(on_hold.value_minor.items()) + (f", {old:,} {OLDEST_BAND}" if old else "")
    meaning = "Their stock stays reserved, and nothing of them is shipped. Holds: " + (
        ", ".join(f"{kind} {number:,}" for kind, number in standing.funnel.holds.items() if number) or "none"
    )
    card(held, "On hold", f"{on_hold.orders:,}", note or "nothing is held", meaning)
    units = sum(int(row["units"]) for row in standing.waiting)
    note = f"{worth((row['currency'], int(row['value_minor'])) for row in standing.waiting)}, {count(units, 'unit')}"
    backordered = sum(row["orders"] for row in standing.waiting)
    card(waiting, "Waiting for goods", f"{backordered:,}", note if units else "nothing waits",
         "Orders with units that no place has, in any state")  # fmt: skip
    note = f"{standing.blocking:,} of them block their order" if standing.discrepancies else "nothing is doubtful"
    card(decided, "Discrepancies to decide", f"{standing.discrepancies:,}", note, "What is wrong or doubtful")


def card(column: DeltaGenerator, name: str, value: str, note: str, meaning: str) -> None:
    column.metric(name, value, delta=note, delta_color="off", delta_arrow="off", help=meaning, border=True)


def funnel(standing: Desk, chosen: str) -> None:
    """The picture; a click on a bar narrows the list to its state."""
    steps = pd.DataFrame(
        [
            {
                "status": str(step.status),
                "name": in_words(step.status),
                "says": " · ".join(filter(None, (f"{step.orders:,}", worth(step.value_minor.items())))),
                **step.by_age,
            }
            for step in standing.funnel.steps
        ]
    )
    key = f"funnel-{chosen}"
    st.plotly_chart(
        charts.order_funnel(steps, list(AGES), chosen),
        config=charts.CONFIG,
        key=key,
        on_select=lambda: narrow_to(key),
        selection_mode="points",
    )


def narrow_to(key: str) -> None:
    """Callback: the list shows the state whose bar was clicked; a second click shows all open ones again."""
    points = st.session_state[key]["selection"]["points"]
    if points:
        clicked = str(points[0]["y"])
        st.session_state["desk-status"] = OPEN if st.query_params.get("status") == clicked else clicked
        chosen("status", OPEN)


# The list


def chosen(name: str, nothing: str | None = None) -> None:
    """Callback: the URL says what the filter's widget says."""
    value = st.session_state[f"desk-{name}"]
    st.query_params.pop("page", None)
    if value in (None, "", nothing):
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value.isoformat() if isinstance(value, date) else str(value)


def day_of(name: str) -> date | None:
    """The day that the URL names."""
    try:
        return date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        return None


def pick(column: Any, label: str, name: str, options: list[str], nothing: str) -> str:
    asked = st.query_params.get(name, nothing)
    return str(
        column.selectbox(
            label,
            options,
            index=options.index(asked if asked in options else nothing),
            key=f"desk-{name}",
            on_change=chosen,
            args=(name, nothing),
            format_func=lambda code: SORTED.get(code, in_words(code)),
        )
    )


def typed(column: Any, label: str, name: str, hint: str) -> str | None:
    text = column.text_input(
        label, value=st.query_params.get(name, ""), key=f"desk-{name}", placeholder=hint, on_change=chosen, args=(name,)
    )
    return text.strip() or None


def filters(usual: str) -> tuple[OrderFilter, Sort]:
    """What the list is narrowed to and how it is sorted; all of it is in the URL, but for the usual state."""
    order = Sort.OLDEST if usual == OPEN else Sort.NEWEST
    columns = st.columns([1.4, 1.45, 1, 1, 1.5, 1.1, 1.1, 1.2, 0.9], vertical_alignment="bottom")
    text = typed(columns[0], "Search", "q", "order number")
    status = pick(columns[1], "Status", "status", list(STATUSES), usual)
    channel = pick(columns[2], "Channel", "channel", [ALL, *channels(queries.version())], ALL)
    hold = pick(columns[3], "Hold", "hold", [ALL, *HoldKind], ALL)
    customer = typed(columns[4], "Customer", "customer", "number or name")
    first, last = (
        column.date_input(
            label, value=day_of(name), key=f"desk-{name}", format="YYYY-MM-DD", on_change=chosen, args=(name,)
        )
        for column, label, name in ((columns[5], "Placed from", "from"), (columns[6], "to", "to"))
    )
    sort = pick(columns[7], "Sorted", "sort", list(SORTED), order)
    also = [name for name in ("country", "sku", "payment", "doubtful") if name in st.query_params]
    with columns[8].popover(f"More ({len(also)})" if also else "More", width="stretch"):
        country = typed(st, "Country", "country", "such as DE")
        sku = typed(st, "With SKU", "sku", "its code")
        payment = pick(st, "Payment", "payment", [ALL, *PAYMENT.states], ALL)
        doubtful = pick(st, "Discrepancies", "doubtful", [ALL, "with open ones"], ALL)
    is_found_anywhere = text is not None and "status" not in st.query_params
    statuses = () if status == ALL or is_found_anywhere else OPEN_STATUSES if status == OPEN else (status,)
    wanted = OrderFilter(
        statuses=tuple(str(status) for status in statuses),
        channel=None if channel == ALL else channel,
        customer=customer,
        text=text,
        country=None if country is None else country.upper(),
        placed_from=first if isinstance(first, date) else None,
        placed_to=last if isinstance(last, date) else None,
        hold=None if hold == ALL else hold,
        payment_status=None if payment == ALL else payment,
        only_discrepancies=doubtful != ALL,
        sku=sku,
    )
    return wanted, Sort(sort)


def page_key() -> PageKey | None:
    """Where the page of the URL begins."""
    try:
        return PageKey.read(st.query_params["page"]) if "page" in st.query_params else None
    except InvalidRequest:
        return None


def listed(rows: Sequence[OrderRow], zone: ZoneInfo, now: datetime) -> None:
    """A page of orders; a click on one opens it."""
    shown = [
        {
            "order": row.external_ref,
            "customer": row.customer or "",
            "channel": row.channel,
            "placed": row.placed_at.astimezone(zone).replace(tzinfo=None),
            "status": in_words(row.status),
            "for": age(now - (row.status_since or row.placed_at)),
            "value": None if row.status == OrderStatus.DRAFT else row.value_minor / 10 ** exponent(row.currency),
            "currency": row.currency,
            "lines": row.line_count or None,
            "holds": ", ".join(row.holds),
            "doubts": row.open_discrepancies or None,
            "promised": row.promised_date,
            "country": row.country or "",
            "payment": in_words(row.payment_status),
        }
        for row in rows
    ]
    column = st.column_config
    currencies = {row.currency for row in rows}
    value = "Value" if len(currencies) > 1 else f"Value, {currencies.pop()}"
    frame = pd.DataFrame(shown)
    clicked = st.dataframe(
        frame if value == "Value" else frame.drop(columns="currency"),
        key=f"orders-{hash(tuple(row.id for row in rows))}",
        hide_index=True,
        placeholder="",
        height=min(740, 36 + 33 * len(rows)),
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "order": column.TextColumn("Order", width=110),
            "customer": column.TextColumn("Customer", width=170),
            "channel": column.TextColumn("Channel", width=70),
            "placed": column.DatetimeColumn("Placed", format="D MMM YYYY, HH:mm", width=140),
            "status": column.TextColumn("Status", width=130),
            "for": column.TextColumn("For", width=70, help="How long it has been in this state"),
            "value": column.NumberColumn(value, format="accounting", width=95),
            "currency": column.TextColumn("", width=45),
            "lines": column.NumberColumn("Lines", width=50),
            "holds": column.TextColumn("Holds", width=100),
            "doubts": column.NumberColumn("To decide", width=75, help="Open discrepancies"),
            "promised": column.DateColumn("Promised", format="D MMM YYYY", width=95),
            "country": column.TextColumn("To", width=45),
            "payment": column.TextColumn("Payment", width=110),
        },
    )
    cells = clicked["selection"]["cells"]
    if cells:
        st.query_params["order"] = str(rows[int(cells[0][0])].id)
        st.rerun()


def order_list(zone: ZoneInfo, now: datetime, usual: str) -> None:
    """The filters and a page of the orders that pass them."""
    wanted, sort = filters(usual)
    page = orders(queries.version(), wanted, sort, page_key())
    if page.rows:
        listed(page.rows, zone, now)
    elif page.looked_to is None:
        st.info("No order fits these filters. Take one away, or choose all under Status.")
    previous, following = ("Newer", "Older") if sort == Sort.NEWEST else ("Older", "Newer")
    with st.container(horizontal=True, vertical_alignment="center"):
        if page.before is not None:
            link(f"‹ {previous}", page=str(page.before))
        if page.after is not None:
            link(f"{following} ›", page=str(page.after))
        if page.rows:
            st.caption(f"{count(len(page.rows), 'order')} on this page. Click one to open it.")
        if page.looked_to is not None:
            st.caption(f"Looked up to {page.looked_to.astimezone(zone):%Y-%m-%d}: go on to look further.")


# The three views


def show_desk(where: Standing) -> None:
    """What is stuck and what is to be decided, and the list."""
    now, zone = queries.now(), ZoneInfo(where.terms.time_zone)
    aged_at = now.replace(minute=now.minute // AGED_EVERY_MINUTES * AGED_EVERY_MINUTES, second=0, microsecond=0)
    standing = desk(queries.version(), aged_at)
    say_what_happened()
    if not where.has_orders:
        with st.container(border=True):
            st.markdown("**No orders yet.** Import your own, or enter the first one:")
            st.code("stockwright import orders FILE", language=None)
            link(":primary[**+ New order**]", new="1")
        return
    is_quiet = not any(step.orders for step in standing.funnel.steps)
    if is_quiet:
        st.info("No open orders: all that is known is shipped, closed or cancelled. Enter a new one with + New order.")
    else:
        cards(standing)
        pictured, decided = st.columns([1, 1.35], gap="medium")
        with pictured:
            st.markdown("#### Open orders, by how long they have stood there")
            funnel(standing, st.query_params.get("status", OPEN))
        with decided:
            st.markdown("#### To decide")
            show_queue(queue(queries.version()), standing.discrepancies)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### Orders", width="stretch")
        link(":primary[**+ New order**]", new="1")
    order_list(zone, now, ALL if is_quiet else OPEN)


def show_one(asked: str) -> None:
    order = story(queries.version(), int(asked)) if asked.isdecimal() else None
    where = start_page(
        "Where does this order stand?" if order is None else f"Where does order {order.head['external_ref']} stand?",
        needs_plan=False,
    )
    link("‹ All orders", order=None, do=None, book=None)
    if order is None:
        st.info("There is no such order.")
        return
    show_order(order, where.terms.time_zone)


# Streamlit leaves the address as it is when a link stays on its page: writing the parameters again puts them there.
st.query_params.from_dict({name: st.query_params.get_all(name) for name in st.query_params})
with refusals_shown():
    asked = st.query_params.get("order")
    if asked is not None:
        show_one(asked)
    elif "new" in st.query_params:
        where = start_page("What was ordered?", needs_plan=False, needs_orders=False)
        link("‹ All orders", new=None)
        say_what_happened()
        new_order_form(queries.now().astimezone(ZoneInfo(where.terms.time_zone)))
    else:
        where = start_page("Which orders are stuck?", needs_plan=False, needs_orders=False)
        show_desk(where)
