"""All stock: a row of numbers, one picture, and the table of what lies where, as it stands or as of a past day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, stock_queries
from dashboard.formats import count, day, money
from dashboard.page_head import in_url, plain
from dashboard.stock_forms import DAY, Setting, go, tall
from dashboard.stock_queries import ROWS_OF_A_FILE, Moment, unit_value
from data.errors import StockwrightError
from data.stock_level_rows import EXPIRING_WITHIN, Level, LevelFilter, LevelKey, LevelPage, Only
from orders.money import exponent
from orders.stock_history import StockValue, ValuationMethod

METHODS = {"FIFO": ValuationMethod.FIFO, "moving average": ValuationMethod.MOVING_AVERAGE}
LATER = ("count", "are left out")
ONLY_HELP = (
    "Short: at a place that sells, orders wait or nothing is left to promise. "
    f"Expiring: expired, or within {EXPIRING_WITHIN.days} days. "
    "Never counted: no count and no opening stock was ever entered."
)
column = st.column_config


def first_page() -> None:
    """Callback: another filter begins at the first row."""
    st.query_params.pop("after", None)
    st.session_state.pop("levels-before", None)


# From when, and by which method


def past_day() -> date | None:
    """The past day that the URL names."""
    try:
        return date.fromisoformat(st.query_params.get("close", ""))
    except ValueError:
        return None


def method_in_url() -> str:
    """How stock is valued."""
    return in_url("method", list(METHODS), "FIFO") or "FIFO"


def when_and_how(setting: Setting) -> None:
    """The widgets for the day, for what is known of it, and for the way of valuing."""
    asked = past_day()
    method, at, then = st.columns([1.5, 1.15, 1.5], vertical_alignment="bottom")

    def valued() -> None:
        go(method=None if st.session_state["method-chosen"] == "FIFO" else st.session_state["method-chosen"])

    method.segmented_control(
        "Valued by", list(METHODS), default=method_in_url(), key="method-chosen", required=True, on_change=valued
    )
    key = f"close-{asked}"

    def moved() -> None:
        chosen: date | None = st.session_state[key]
        first_page()
        go(close=None if chosen is None else chosen.isoformat())

    at.date_input(
        "As of the close of",
        value=asked,
        max_value=setting.today - timedelta(days=1),
        key=key,
        format="DD/MM/YYYY",
        on_change=moved,
        help="A past day; empty for stock as it stands now",
    )
    if asked is not None:

        def known() -> None:
            first_page()
            go(later="no" if st.session_state["later-entries"] == LATER[1] else None)

        then.segmented_control(
            "Later entries",
            LATER,
            default=LATER[1] if st.query_params.get("later") == "no" else LATER[0],
            key="later-entries",
            required=True,
            on_change=known,
            help="Left out: as it was known then, before corrections and late postings",
        )


def moment_in_url(setting: Setting) -> Moment | None:
    """The past moment that the URL names; None for now."""
    asked = past_day()
    if asked is None or asked >= setting.today:
        return None
    return stock_queries.close_of(asked, setting.time_zone, as_known_then=st.query_params.get("later") == "no")


def worth_of(method: ValuationMethod, moment: Moment | None = None) -> StockValue | None:
    """What stock is worth; None, and why in one line, where it cannot be said."""
    try:
        return stock_queries.value(stock_queries.ledger_version(), method, moment)
    except StockwrightError as refusal:
        st.warning(f"No value of stock: {plain(str(refusal))}")
        return None


def units_of(worth: StockValue) -> int:
    """Units of everything that is valued."""
    return sum(valued.units for valued in worth.by_sku.values())


# Numbers and picture


def show_levels(setting: Setting) -> None:
    """Numbers, picture and the table of all stock."""
    method, moment = METHODS[method_in_url()], moment_in_url(setting)
    worth = worth_of(method, moment)
    if moment is None:
        cards(setting, worth)
        if worth is not None and units_of(worth):
            picture(setting, method, worth.currency)
    else:
        _say_past(setting, moment, worth)
    wanted = filters(setting, moment)
    after = stock_queries.key_from_text(st.query_params.get("after"))
    page = _page(setting, wanted, moment, after)
    if not page.rows:
        _nothing_found(wanted)
        return
    table(setting, page.rows, worth, moment)
    below(setting, page, wanted, moment, worth)


def cards(setting: Setting, worth: StockValue | None) -> None:
    """Five numbers, each with what to compare it to."""
    total = stock_queries.sums(setting.version, setting.today)
    columns = st.columns(5)
    holding = count(len(setting.places), "place")
    _card(columns[0], "Units on hand", f"{total.units:,}", f"at {holding}",
          "At all places of ours, also those that do not sell")  # fmt: skip
    value = "—" if worth is None else money(worth.value_minor / 10 ** exponent(worth.currency), worth.currency)
    assumed = 0 if worth is None else sum(valued.units_without_cost for valued in worth.by_sku.values())
    meaning = "What the units on hand cost." + (
        f" {count(assumed, 'unit')} came without any known cost and count as 0." if assumed else ""
    )
    _card(columns[1], "Value at cost", value, f"by {method_in_url()}", meaning)
    note = f"of {total.sold_at:,}" + (f" · {count(total.waiting, 'unit')} waited for" if total.waiting else "")
    _card(columns[2], "Out of stock where sold", f"{total.out_of_stock:,}", note,
          "SKUs at places that sell, each place for itself, of which nothing is left to promise: sold, reserved or"
          " expired")  # fmt: skip
    _card(columns[3], "Units reserved", f"{total.reserved:,}", f"{total.kept_softly:,} without an order",
          "Set aside for orders, or softly for somebody who has not ordered")  # fmt: skip
    expiring = sum(total.expiring.values())
    note = "no lot"
    if expiring:
        note = count(total.expiring_lots, "lot") + (f", {total.expired:,} expired" if total.expired else "")
        if worth is not None:
            at_stake = sum(held * unit_value(worth, sku) for sku, held in total.expiring.items())
            note += f" · {money(at_stake, worth.currency)}"
    _card(columns[4], f"Units expiring in {EXPIRING_WITHIN.days} days", f"{expiring:,}", note,
          "Of lots that expire soon or have expired, wherever they lie")  # fmt: skip


def _card(where: Any, name: str, value: str, note: str, meaning: str) -> None:
    where.metric(
        name, value, delta=note, delta_color="off", delta_arrow="off", help=meaning, border=True, height="stretch"
    )


def picture(setting: Setting, method: ValuationMethod, currency: str) -> None:
    """Where the value lies and how old it is."""
    at_ledger = stock_queries.ledger_version()
    by_place = stock_queries.value_by_place(at_ledger, method)
    by_age = stock_queries.value_by_age(at_ledger, setting.today)
    st.plotly_chart(charts.stock_by_place_and_age(by_place, by_age, currency), config=charts.CONFIG, key="where")


def _say_past(setting: Setting, moment: Moment, worth: StockValue | None) -> None:
    said, back = st.columns([5, 1], vertical_alignment="center")
    known = "as it was known then" if moment.known_at else "by everything that is known now"
    held = ""
    if worth is not None:
        value = money(worth.value_minor / 10 ** exponent(worth.currency), worth.currency)
        held = f" {units_of(worth):,} units, {value} at cost by {method_in_url()}."
    said.info(
        f"**Stock as of the close of {day(setting.local(moment.at))}** ({setting.time_zone}), {known}.{held}"
        " Reservations, orders and deliveries of that day are not kept."
    )
    back.button("Back to now", key="to-now", on_click=go, width="stretch",
                kwargs={"close": None, "later": None, "after": None})  # fmt: skip


# The table


def filters(setting: Setting, moment: Moment | None) -> LevelFilter:
    """What the URL asks for, and the widgets that change it."""
    words, place, category, only = st.columns([1.4, 1.5, 1.5, 2.3], vertical_alignment="bottom")
    search = words.text_input("SKU or name", key="q", bind="query-params", placeholder="all", on_change=first_page)
    locations = place.multiselect(
        "Location", list(setting.places), key="location", bind="query-params", placeholder="all", on_change=first_page
    )
    kinds = category.multiselect(
        "Category",
        stock_queries.categories(setting.version),
        key="category",
        bind="query-params",
        placeholder="all",
        on_change=first_page,
    )
    wanted = only.segmented_control(
        "Only",
        [one.value for one in Only],
        key="only",
        bind="query-params",
        disabled=moment is not None,
        on_change=first_page,
        help=ONLY_HELP,
    )
    return LevelFilter(
        search=(search or "").strip(),
        locations=tuple(locations),
        categories=tuple(kinds),
        only=Only(wanted) if wanted and moment is None else None,
    )


def _page(
    setting: Setting,
    wanted: LevelFilter,
    moment: Moment | None,
    after: LevelKey | None,
    limit: int = stock_queries.ROWS_OF_A_PAGE,
) -> LevelPage:
    if moment is None:
        return stock_queries.levels(setting.version, wanted, setting.today, after, limit)
    return stock_queries.levels_as_of(setting.version, wanted, moment, after, limit)


def _nothing_found(wanted: LevelFilter) -> None:
    if wanted != LevelFilter() or past_day() is not None:
        st.info("No stock fits these filters.")
        return
    with st.container(border=True):
        st.markdown(
            "**Stock was never counted.** Import a count, or enter one here: *never counted* above lists everything"
            " that was sold, and *Count* takes what is there."
        )
        st.code("stockwright import stock FILE", language=None)


def table(setting: Setting, rows: Sequence[Level], worth: StockValue | None, moment: Moment | None) -> None:
    """A page of rows; a click on a SKU opens it."""
    frame = for_eyes(level_frame(setting, rows, worth, moment))
    if not stock_queries.tracks_lots(setting.version):
        frame = frame.drop(columns=["lot", "expires"])
    name = f"open-{abs(hash(tuple(row.key for row in rows)))}"

    def open_sku() -> None:
        go(sku=str(st.session_state[name]["label"]), moves=None, reverse=None)

    st.dataframe(
        frame,
        hide_index=True,
        height=tall(len(frame), 18),
        placeholder="",
        column_config={
            "sku": column.ButtonColumn(
                "SKU", type="tertiary", alignment="left", width=100, key=name, on_click=open_sku, pinned=True
            )
        }
        | level_columns(setting.currency if worth is None else worth.currency),
    )


def level_frame(
    setting: Setting, rows: Sequence[Level], worth: StockValue | None, moment: Moment | None
) -> pd.DataFrame:
    """Rows as the file holds them."""
    frame = pd.DataFrame(
        {
            "sku": [row.sku for row in rows],
            "name": [row.name for row in rows],
            "location": [row.location for row in rows],
            "lot": [row.lot for row in rows],
            "expires": [row.expires_on for row in rows],
            "on_hand": [row.on_hand for row in rows],
            "reserved": [row.reserved for row in rows],
            "available": [row.available(setting.today) for row in rows],
            "backordered": [row.backordered for row in rows],
            "inbound": [row.inbound for row in rows],
            "expected": [row.inbound_on for row in rows],
            "value": [None if worth is None else round(row.on_hand * unit_value(worth, row.sku_id), 2) for row in rows],
            "counted": [None if row.counted_at is None else setting.local(row.counted_at).date() for row in rows],
            "category": [row.category for row in rows],
        }
    )
    if moment is None:
        return frame
    return frame.drop(columns=["reserved", "available", "backordered", "inbound", "expected", "counted"])


def for_eyes(frame: pd.DataFrame) -> pd.DataFrame:
    """The same in whole money, without the zeros that say nothing, and with a word where nobody counted."""
    shown = frame.copy()
    for name in ("reserved", "backordered", "inbound"):
        if name in shown:
            shown[name] = shown[name].astype("Int64").where(shown[name] != 0)
    shown["value"] = shown["value"].astype("Float64").round()
    if "counted" in shown:
        shown["counted"] = [f"{at.day} {at:%b %Y}" if isinstance(at, date) else "never" for at in shown["counted"]]
    return shown


def level_columns(currency: str) -> dict[str, Any]:
    """How the columns of levels are shown."""
    number = partial(column.NumberColumn, format="localized")
    return {
        "name": column.TextColumn("Name", width=230),
        "location": column.TextColumn("Location", width=100),
        "lot": column.TextColumn("Lot", width=65),
        "expires": column.DateColumn("Expires", format=DAY, width=92),
        "on_hand": number("On hand", width=68),
        "reserved": number("Reserved", width=72),
        "available": number("Available", width=74, help="At a place that sells: neither reserved nor expired"),
        "backordered": number("Waited for", width=80, help="Units that orders wait for at this place"),
        "inbound": number("Inbound", width=66, help="To come from suppliers to this place, drafts left out"),
        "expected": column.DateColumn("Expected", format=DAY, width=92, help="The first of what is inbound"),
        "value": column.NumberColumn(f"Value, {currency}", format="localized", width=88,
                                     help="At the SKU's average cost"),
        "counted": column.TextColumn("Counted", width=92, help="The last count, or the opening stock"),
        "category": column.TextColumn("Category", width=85),
    }  # fmt: skip


def below(
    setting: Setting, page: LevelPage, wanted: LevelFilter, moment: Moment | None, worth: StockValue | None
) -> None:
    """What is shown, the other pages, and the rows as a file."""
    first, last = page.rows[0].sku, page.rows[-1].sku
    past: list[str] = st.session_state.setdefault("levels-before", [])
    here = st.query_params.get("after", "")
    said, back, on, file = st.columns([3.4, 0.9, 0.9, 1.4], vertical_alignment="center")
    more = "" if page.next is None else "; more follow"
    said.caption(f"{count(len(page.rows), 'row')}, {plain(first)} to {plain(last)}{more}. Click a SKU to open it.")

    def earlier() -> None:
        go(after=(past.pop() if past else "") or None)

    def later(key: LevelKey) -> None:
        past.append(here)
        go(after=stock_queries.key_to_text(key))

    if here:
        back.button("Previous" if past else "First rows", key="levels-previous", on_click=earlier, width="stretch")
    if page.next is not None:
        on.button("Next", key="levels-next", on_click=later, args=(page.next,), width="stretch")

    def as_file() -> bytes:
        rows = _page(setting, wanted, moment, None, ROWS_OF_A_FILE).rows
        return str(level_frame(setting, rows, worth, moment).to_csv(index=False)).encode("utf-8-sig")

    named = setting.today if moment is None else setting.local(moment.at).date()
    file.download_button(
        "Download CSV",
        as_file,
        file_name=f"stock-{named.isoformat()}.csv",
        mime="text/csv",
        key="levels-csv",
        on_click="ignore",
        width="stretch",
        help=f"The rows that the filters leave, at most {ROWS_OF_A_FILE:,}",
    )
