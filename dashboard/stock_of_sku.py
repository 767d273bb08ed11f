"""One SKU: where it lies, what can be promised of it and when, who holds it, how old it is, and how it came to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd
import streamlit as st

from dashboard import charts, stock_queries
from dashboard.formats import count, day, money
from dashboard.page_head import plain
from dashboard.stock_forms import Setting, go, reverse_form, tall
from dashboard.stock_keeping import show_reservations
from dashboard.stock_levels import for_eyes, level_columns, level_frame, worth_of
from dashboard.stock_queries import MOVES_OF_A_PAGE, unit_value
from data.stock_level_rows import Level, LevelFilter, SkuRow
from orders.promising import Promisable
from orders.stock_history import MovementLine, StockValue, ValuationMethod

NOT_REVERSED = ("sale", "return", "reversal")
"""Kinds of movements that are undone in another way."""
LEAST_HORIZON, AFTER_THE_LAST = timedelta(days=42), timedelta(days=7)

column = st.column_config


def show_sku(setting: Setting, item: SkuRow) -> None:
    """All that is known of a SKU's stock."""
    _head(item)
    page = stock_queries.levels(setting.version, LevelFilter(sku_id=item.id), setting.today, None, stock_queries.MANY)
    worth = worth_of(ValuationMethod.FIFO)
    _cards(setting, item, page.rows, worth)
    _where(setting, item, page.rows, worth)
    promised, held = st.columns([1.15, 1], gap="large")
    with promised:
        _promises(setting, item)
    with held:
        st.markdown("#### Held for")
        found = stock_queries.reservations(setting.version, item.id)
        if found:
            show_reservations(setting, found, key=f"sku-{item.id}", most=6)
        else:
            st.caption("Nothing of it is reserved.")
        st.markdown("#### How old it is")
        _ages(setting, item, worth)
    _movements(setting, item)


def _head(item: SkuRow) -> None:
    said = [plain(item.category)] if item.category else []
    said += ["tracked by lot"] if item.is_lot_tracked else []
    name, acts = st.columns([1.35, 1], vertical_alignment="center")
    small = f" :small[:gray[{' · '.join(said)}]]" if said else ""
    name.markdown(f"#### {plain(item.sku)} · {plain(item.name)}{small}")
    with acts, st.container(horizontal=True, horizontal_alignment="right", gap="small", vertical_alignment="center"):
        away = {"sku": None, "moves": None, "reverse": None, "place": None}
        st.button("← All stock", key="to-levels", type="tertiary", on_click=go, kwargs=away)
        st.page_link("screens/item.py", label=":primary[Demand and plan]", query_params={"sku": item.sku})
        for form in ("count", "transfer", "adjust"):
            st.button(f"{form.capitalize()}…", key=f"sku-{form}", on_click=go, kwargs={"do": form})


def _cards(setting: Setting, item: SkuRow, rows: Sequence[Level], worth: StockValue | None) -> None:
    on_hand, reserved = sum(row.on_hand for row in rows), sum(row.reserved for row in rows)
    available = sum(row.available(setting.today) for row in rows)
    shown = {
        "On hand": (on_hand, ""),
        "Reserved": (reserved, "For orders, or softly for somebody who has not ordered"),
        "Not for sale": (on_hand - reserved - available, "Not reserved, but expired or at a place that does not sell"),
        "Available": (available, "On hand − reserved − not for sale"),
        "Waited for": (sum(row.backordered for row in rows), "Units that orders wait for"),
        "Inbound": (sum(row.inbound for row in rows), "To come from suppliers, drafts left out"),
    }
    columns = st.columns(len(shown) + 1)
    for where, (name, (units, meaning)) in zip(columns, shown.items(), strict=False):
        where.metric(name, f"{units:,}", help=meaning or None)
    value = 0.0 if worth is None else on_hand * unit_value(worth, item.id)
    columns[-1].metric("Value by FIFO", "—" if worth is None else money(value, worth.currency))


def _where(setting: Setting, item: SkuRow, rows: Sequence[Level], worth: StockValue | None) -> None:
    if not rows:
        st.info("Never counted, bought or moved at a place of ours. Enter what is there under *Count…*.")
        return
    frame = for_eyes(level_frame(setting, rows, worth, None)).drop(columns=["sku", "name", "category"])
    frame.insert(0, "place", [setting.named(row.location) for row in rows])
    hidden = ["location"] if item.is_lot_tracked else ["location", "lot", "expires"]
    st.dataframe(
        frame.drop(columns=hidden),
        hide_index=True,
        height=tall(len(frame), 10),
        placeholder="",
        column_config={"place": column.TextColumn("Place", width=200)}
        | level_columns(setting.currency if worth is None else worth.currency),
    )


# Promises


def _promises(setting: Setting, item: SkuRow) -> None:
    title, which = st.columns([1.7, 1], vertical_alignment="center")
    title.markdown("#### What can be promised, by when")
    sells = [code for code, place in setting.places.items() if place["kind"] in ("warehouse", "store")]
    place = which.selectbox(
        "Where",
        ["", *sells],
        key="promise-place",
        label_visibility="collapsed",
        format_func=lambda code: code or "all that sell",
    )
    where = setting.places[place]["id"] if place else None
    found = stock_queries.promisable(setting.version, item.id, where, setting.today)
    coming = pd.DataFrame(
        [
            (line.arrives_on, line.units, line.purchase_order + (" (late)" if line.is_overdue else ""))
            for line in found.inbound
            if line.arrives_on is not None
        ],
        columns=["day", "units", "what"],
    )
    owed = pd.DataFrame(
        [(max(line.due_on or setting.today, setting.today), line.units) for line in found.promised],
        columns=["day", "units"],
    )
    until = max([setting.today + LEAST_HORIZON, *(last + AFTER_THE_LAST for last in [*coming["day"], *owed["day"]])])
    days = [when for when in found.available.days if when <= until]
    units = list(found.available.units[: len(days)])
    st.plotly_chart(charts.promises(days, units, coming, owed, until=until), config=charts.CONFIG, key="promises")
    st.caption(" · ".join(_promises_in_words(found, until)))
    if found.promised:
        waiting = {"sku": item.sku, "status": "backordered"}
        st.page_link("screens/order_desk.py", label=":primary[Orders that wait for it]", query_params=waiting)


def _promises_in_words(found: Promisable, until: date) -> list[str]:
    days, units = found.available.days, found.available.units
    said = [f"**{units[0]:,}** now"]
    changes = [
        (when, has)
        for when, has, before in zip(days[1:], units[1:], units, strict=False)
        if has != before and when <= until
    ]
    said += [f"**{has:,}** from {day(when)}" for when, has in changes[:3]]
    undated = sum(line.units for line in found.inbound if line.arrives_on is None)
    said += [f"{count(undated, 'unit')} on order without a date promise nothing"] if undated else []
    said += ["late deliveries are taken for tomorrow"] if any(line.is_overdue for line in found.inbound) else []
    waiting = sum(line.units for line in found.promised)
    said += [f"{count(waiting, 'unit')} promised to orders that wait"] if waiting else []
    return said


# Age


def _ages(setting: Setting, item: SkuRow, worth: StockValue | None) -> None:
    layers = worth.by_sku[item.id].layers if worth is not None and item.id in worth.by_sku else ()
    if worth is None or not layers:
        st.caption("Nothing is there.")
        return
    ages = stock_queries.value_by_age(stock_queries.ledger_version(), setting.today, item.id)
    shown = ages[ages["units"] > 0].assign(value=ages["value"].round())
    st.dataframe(
        shown,
        hide_index=True,
        height=tall(len(shown), 5),
        column_config={
            "age": column.TextColumn("With us for", width=130),
            "units": column.ProgressColumn(
                "Units", format="localized", min_value=0, max_value=int(shown["units"].max()), width=200
            ),
            "value": column.NumberColumn(f"Value, {worth.currency}", format="localized", width=100),
        },
    )
    oldest = setting.local(layers[0].received_at)
    st.caption(f"The oldest came on {day(oldest)}. The oldest are taken to leave first, wherever they lie.")


# Movements


def _movements(setting: Setting, item: SkuRow) -> None:
    title, which = st.columns([3, 1], vertical_alignment="center")
    title.markdown("#### Why this number: every movement, newest first")
    codes = ["", *setting.places]
    asked = st.query_params.get("place", "")
    key = f"moves-place-{asked}"

    def moved() -> None:
        go(place=st.session_state[key] or None, moves=None, reverse=None)

    place = which.selectbox(
        "At",
        codes,
        index=codes.index(asked) if asked in codes else 0,
        key=key,
        on_change=moved,
        label_visibility="collapsed",
        format_func=lambda code: code or "at all places of ours",
    )
    before = stock_queries.move_key_from_text(st.query_params.get("moves"))
    location = setting.places[place]["id"] if place else None
    found = stock_queries.movements(setting.version, item.id, location, before)
    lines = found.page.lines
    if not lines:
        st.caption("Nothing moved here. Sales that were imported as history left before stock was kept.")
        return
    can_go_back = [line.kind not in NOT_REVERSED and line.id not in found.reversed for line in lines]
    asked_move = st.query_params.get("reverse", "")
    for line, is_possible in zip(lines, can_go_back, strict=True):
        if str(line.id) == asked_move and is_possible:
            reverse_form(line)
    _movement_table(setting, lines, can_go_back, found.reversed)
    said, back, on = st.columns([4, 1, 1], vertical_alignment="center")
    counted = f"on hand at {place}" if place else "on hand at all places of ours together"
    said.caption(f"{count(len(lines), 'movement')}; *After* is {counted}.")
    if before is not None:
        back.button("Newest", key="moves-newest", on_click=go, kwargs={"moves": None}, width="stretch")
    if found.page.next is not None:
        older = stock_queries.move_key_to_text(found.page.next)
        on.button("Older", key="moves-older", on_click=go, kwargs={"moves": older}, width="stretch")


def _movement_table(
    setting: Setting, lines: Sequence[MovementLine], can_go_back: Sequence[bool], undone: frozenset[int]
) -> None:
    frame = pd.DataFrame(
        {
            "number": [str(line.id) for line in lines],
            "when": [setting.local(line.effective_at).replace(tzinfo=None) for line in lines],
            "kind": [line.kind.replace("_", " ") + (" (reversed)" if line.id in undone else "") for line in lines],
            "way": [f"{line.source} → {line.destination}" for line in lines],
            "lot": [line.lot for line in lines],
            "change": [f"{line.change:+,}" if line.change else f"({line.quantity:,})" for line in lines],
            "after": [line.on_hand_after for line in lines],
            "cause": [line.cause if line.cause != line.kind.replace("_", " ") else "" for line in lines],
            "reason": [line.reason for line in lines],
            "by": [line.caused_by for line in lines],
            "reverse": ["Reverse…" if possible else None for possible in can_go_back],
        }
    )
    hidden = [name for name in ("lot", "reason") if not frame[name].notna().any()]

    def ask() -> None:
        go(reverse=str(lines[st.session_state["reverse-click"]["row"]].id))

    st.dataframe(
        frame.drop(columns=hidden),
        hide_index=True,
        height=tall(len(frame), MOVES_OF_A_PAGE),
        placeholder="",
        column_config={
            "number": column.TextColumn("No.", width=62),
            "when": column.DatetimeColumn(
                "When", format="D MMM YYYY, HH:mm", width=138, help=f"Where the business is: {setting.time_zone}"
            ),
            "kind": column.TextColumn("Kind", width=126),
            "way": column.TextColumn("From → to", width=180),
            "lot": column.TextColumn("Lot", width=65),
            "change": column.TextColumn(
                "Units", width=58, alignment="right", help="In brackets: between places of ours, none more or fewer"
            ),
            "after": column.NumberColumn("After", format="localized", width=58),
            "cause": column.TextColumn("Because of", width=190),
            "reason": column.TextColumn("Reason", width=180),
            "by": column.TextColumn("By", width=75),
            "reverse": column.ButtonColumn("", type="tertiary", width=84, key="reverse-click", on_click=ask),
        },
    )
