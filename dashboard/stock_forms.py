"""Forms of the inventory page: count, transfer, adjust, and reverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import stock_queries
from dashboard.formats import count, day
from dashboard.page_head import plain
from dashboard.stock_actions import (
    act,
    form_key,
    said_adjusted,
    said_counted,
    said_reversed,
    said_transferred,
)
from dashboard.stock_queries import ROWS_OF_A_SHEET, Record
from data.lot_rows import HeldLot
from data.stock_level_rows import Level, LevelFilter, Only, SkuRow
from orders.counting import Count, CountLine, count_stock
from orders.stock_history import MovementLine
from orders.stocking import Adjustment, StockLine, StockTransfer, adjust_stock, reverse_move, transfer_stock

FOUND, WRITTEN_OFF, SCRAPPED = "Found", "Written off", "Scrapped"
AS_IT_EXPIRES = "what expires first"
NEW_LOT = "a new lot …"
_COUNTED = {"in stock": Only.IN_STOCK, "everything known": None, "never counted": Only.NEVER_COUNTED}

DAY = "D MMM YYYY"
_ROW, _HEAD = 33, 36
"""Heights of a table's row and of its head with its frame, in pixels."""

column = st.column_config


def tall(rows: int, most: int) -> int:
    """The height of a table that shows so many rows, and scrolls beyond the most."""
    return _HEAD + _ROW * min(rows, most)


@dataclass(frozen=True)
class Setting:
    """What every form needs to know.

    Attributes:
        version: Of the data.
        today: Where the business is.
        time_zone: Of the business.
        currency: Of the business.
        places: Code → id, name and kind of each place of ours.
    """

    version: str
    today: date
    time_zone: str
    currency: str
    places: Mapping[str, Record]

    def named(self, code: str) -> str:
        """A place's code, and its name where that says more."""
        name = str(self.places[code]["name"])
        kind = str(self.places[code]["kind"]).replace("_", " ")
        says = name if name.upper() != code else kind
        return f"{code} · {says}"

    def local(self, moment: datetime) -> datetime:
        """A moment where the business is."""
        return moment.astimezone(ZoneInfo(self.time_zone))


def go(**parameters: str | None) -> None:
    """Put parameters into the URL, or take those that are None out of it."""
    for name, value in parameters.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value


def choose_place(label: str, setting: Setting, *, key: str, nth: int = 0) -> str:
    """A place of ours: the one that the URL names (`at`) or that has most of the SKU that it names, else the nth."""
    order = {"warehouse": 0, "store": 1}
    codes = sorted(setting.places, key=lambda code: (order.get(str(setting.places[code]["kind"]), 2), code))
    asked = st.query_params.get("at", "") or _where_most_is(setting)
    if asked in codes:
        codes.remove(asked)
        codes.insert(0, asked)
    first = min(nth, len(codes) - 1)
    return str(st.selectbox(label, codes, index=first, key=f"{key}-{asked}", format_func=setting.named))


def _where_most_is(setting: Setting) -> str:
    """The place with most of the SKU that the URL names; empty when there is none."""
    asked = st.query_params.get("sku", "").strip().upper()
    named = [one for one in stock_queries.find_skus(setting.version, asked) if one.code == asked] if asked else []
    if not named:
        return ""
    wanted = LevelFilter(sku_id=named[0].id, only=Only.IN_STOCK)
    rows = stock_queries.levels(setting.version, wanted, setting.today, None, stock_queries.MANY).rows
    return max(rows, key=lambda row: row.on_hand).location if rows else ""


def choose_sku(setting: Setting, *, key: str) -> SkuRow | None:
    """A SKU by its code, or by a part of its code or name."""
    asked = st.query_params.get("sku", "")
    search = st.text_input("SKU", value=asked, key=f"{key}-search-{asked}", placeholder="code, or a part of the name")
    if not search.strip():
        return None
    found = stock_queries.find_skus(setting.version, search)
    if not found:
        st.caption(f"No SKU has “{plain(search)}” in its code or name.")
        return None
    if len(found) == 1:
        st.caption(plain(f"{found[0].sku} · {found[0].name}"))
        return found[0]
    names = {one.sku: one for one in found}
    return names[
        st.selectbox(
            f"Which of {len(found)}{' or more' if len(found) == stock_queries.MATCHES else ''}",
            list(names),
            key=f"{key}-which",
            format_func=lambda code: f"{code} · {names[code].name}",
        )
    ]


def search_box(key: str) -> str:
    """A part of a code or name; the SKU that the URL names at first."""
    asked = st.query_params.get("sku", "")
    return str(st.text_input("SKU or name", value=asked, key=f"{key}-{asked}", placeholder="all")).strip()


def _sheet(setting: Setting, wanted: LevelFilter) -> tuple[Level, ...]:
    page = stock_queries.levels(setting.version, wanted, setting.today, None, ROWS_OF_A_SHEET)
    if page.next is not None:
        st.caption(f"These are the first {ROWS_OF_A_SHEET}: search, or choose fewer, for the others.")
    return page.rows


def _hidden(rows: Sequence[Level]) -> list[str]:
    """Columns of lots, where no row has one."""
    return [] if any(row.lot for row in rows) else ["lot", "expires"]


def _digest(rows: Sequence[Level]) -> str:
    """Changes when other rows are shown, whose numbers must not be taken for those of these."""
    return str(abs(hash(tuple(row.key for row in rows))))


# Counting


def count_form(setting: Setting) -> None:
    """A count sheet of one place: what is expected, what is there, and why they differ."""
    at, which, words, more = st.columns([1.5, 2.2, 1.5, 1.6], vertical_alignment="bottom")
    with at:
        place = choose_place("Place", setting, key="count-place")
    choice = which.segmented_control("Which", list(_COUNTED), default="in stock", key="count-which", required=True)
    with words:
        search = search_box("count-search")
    is_filled = more.toggle("Fill in what is expected", key="count-fill", help="Then only differences need typing")
    only = _COUNTED[choice or "in stock"]
    wanted = LevelFilter(search=search, locations=(place,), only=only, is_complete=bool(search) and only is None)
    rows = _sheet(setting, wanted)
    form = form_key("count")
    frame = pd.DataFrame(
        {
            "sku": [row.sku for row in rows],
            "name": [row.name for row in rows],
            "lot": [row.lot for row in rows],
            "expires": [row.expires_on for row in rows],
            "reserved": [row.reserved for row in rows],
            "expected": [row.on_hand for row in rows],
            "counted": pd.array([row.on_hand if is_filled else None for row in rows], dtype="Int64"),
            "reason": ["" for _ in rows],
        }
    )
    with st.form(f"{form}-form", border=False):
        filled = st.data_editor(
            frame.drop(columns=_hidden(rows)),
            placeholder="",
            key=f"{form}-rows-{place}-{is_filled}-{_digest(rows)}",
            hide_index=True,
            height=tall(len(rows), 14),
            disabled=["sku", "name", "lot", "expires", "reserved", "expected"],
            column_config={
                "sku": column.TextColumn("SKU", width=100),
                "name": column.TextColumn("Name", width=260),
                "lot": column.TextColumn("Lot", width=80),
                "expires": column.DateColumn("Expires", format=DAY, width=100),
                "reserved": column.NumberColumn("Reserved", width=80, format="localized"),
                "expected": column.NumberColumn("Expected", width=80, format="localized"),
                "counted": column.NumberColumn("Counted", width=90, min_value=0, step=1, help="Empty: not counted"),
                "reason": column.TextColumn("Reason", width=220, help="Where it differs; else the one below"),
            },
        ) if rows else frame  # fmt: skip
        if not rows:
            st.caption("Nothing fits. Choose *everything known*, or name a SKU to count it here for the first time.")
        with st.expander("Goods that are not on the sheet"):
            besides = _besides(form)
        reason, go = st.columns([3, 1], vertical_alignment="bottom")
        why = reason.text_input("Reason for all differences without one", key=f"{form}-why", placeholder="cycle count")
        wanted_now = go.form_submit_button(f"Post the count at {place}", type="primary", key=f"{form}-post",
                                           width="stretch")  # fmt: skip
    if not wanted_now:
        return
    lines = _count_lines(rows, filled, why) + _besides_lines(besides, why)
    if not lines:
        st.error("Nothing is counted yet: fill in at least one number.")
        return
    act("count", count_stock, Count(place, tuple(lines)), say=said_counted(place))


def _besides(form: str) -> pd.DataFrame:
    empty = pd.DataFrame(
        {
            "sku": pd.Series(dtype="str"),
            "lot": pd.Series(dtype="str"),
            "expires": pd.Series(dtype="datetime64[ns]"),
            "counted": pd.Series(dtype="Int64"),
            "reason": pd.Series(dtype="str"),
        }
    )
    return st.data_editor(
        empty,
        placeholder="",
        key=f"{form}-besides",
        hide_index=True,
        num_rows="dynamic",
        column_config={
            "sku": column.TextColumn("SKU", width=120, required=True),
            "lot": column.TextColumn("Lot", width=100, help="For a SKU that is tracked by lot"),
            "expires": column.DateColumn("Expires", format=DAY, width=120, help="Of a new lot"),
            "counted": column.NumberColumn("Counted", width=90, min_value=0, step=1, required=True),
            "reason": column.TextColumn("Reason", width=260),
        },
    )


def _count_lines(rows: Sequence[Level], filled: pd.DataFrame, why: str) -> list[CountLine]:
    lines = []
    for row, counted, reason in zip(rows, filled["counted"], filled["reason"], strict=True):
        if not pd.isna(counted):
            lines.append(CountLine(row.sku, int(counted), row.lot, text_in(reason) or why))
    return lines


def _besides_lines(besides: pd.DataFrame, why: str) -> list[CountLine]:
    return [
        CountLine(
            text_in(row["sku"]),
            int(row["counted"]),
            text_in(row["lot"]) or None,
            text_in(row["reason"]) or why,
            day_in(row["expires"]),
        )
        for row in besides.to_dict("records")
        if text_in(row["sku"]) and not pd.isna(row["counted"])
    ]


def text_in(cell: Any) -> str:
    """What was typed into a cell of text."""
    return cell.strip() if isinstance(cell, str) else ""


def day_in(cell: Any) -> date | None:
    """What was typed into a cell of days."""
    return None if cell is None or pd.isna(cell) else pd.Timestamp(cell).date()


# Transfers


def transfer_form(setting: Setting) -> None:
    """What goes from one place to another: any number of SKUs and lots."""
    if len(setting.places) < 2:
        st.info("There is only one place. Add another: `stockwright locations add EAST --country DE`")
        return
    one, other, words = st.columns([1.6, 1.6, 1.6], vertical_alignment="bottom")
    with one:
        source = choose_place("From", setting, key="transfer-from")
    with other:
        destination = choose_place("To", setting, key="transfer-to", nth=1)
    with words:
        search = search_box("transfer-search")
    rows = _sheet(setting, LevelFilter(search=search, locations=(source,), only=Only.IN_STOCK))
    if not rows:
        st.info(f"{source} has nothing of that.")
        return
    form = form_key("transfer")
    frame = pd.DataFrame(
        {
            "sku": [row.sku for row in rows],
            "name": [row.name for row in rows],
            "lot": [row.lot for row in rows],
            "expires": [row.expires_on for row in rows],
            "on_hand": [row.on_hand for row in rows],
            "free": [row.on_hand - row.reserved for row in rows],
            "move": pd.array([None] * len(rows), dtype="Int64"),
        }
    )
    with st.form(f"{form}-form", border=False):
        filled = st.data_editor(
            frame.drop(columns=_hidden(rows)),
            placeholder="",
            key=f"{form}-rows-{source}-{_digest(rows)}",
            hide_index=True,
            height=tall(len(rows), 14),
            disabled=["sku", "name", "lot", "expires", "on_hand", "free"],
            column_config={
                "sku": column.TextColumn("SKU", width=100),
                "name": column.TextColumn("Name", width=280),
                "lot": column.TextColumn("Lot", width=90),
                "expires": column.DateColumn("Expires", format=DAY, width=110),
                "on_hand": column.NumberColumn("On hand", width=80, format="localized"),
                "free": column.NumberColumn("Not reserved", width=100, format="localized"),
                "move": column.NumberColumn("Move", width=90, min_value=1, step=1),
            },
        )
        reason, go = st.columns([3, 1], vertical_alignment="bottom")
        why = reason.text_input("Reason", key=f"{form}-why", placeholder="closer to demand")
        label = f"Move from {source} to {destination}"
        wanted_now = go.form_submit_button(label, type="primary", key=f"{form}-post", width="stretch")
    if not wanted_now:
        return
    lines = tuple(
        StockLine(row.sku, int(units), row.lot)
        for row, units in zip(rows, filled["move"], strict=True)
        if not pd.isna(units)
    )
    if not lines:
        st.error("Nothing is to be moved yet: fill in at least one number.")
        return
    request = StockTransfer(source, destination, lines, why)
    act("transfer", transfer_stock, request, say=said_transferred(source, destination))


# Found, written off, scrapped


def adjust_form(setting: Setting) -> None:
    """Goods that are there and should not be, or should be there and are not."""
    said, done, _ = st.columns([1.4, 1.4, 1], gap="large")
    with said:
        item = choose_sku(setting, key="adjust")
        place = choose_place("Place", setting, key="adjust-place")
    if item is None:
        done.caption("Name the SKU first.")
        return
    form = form_key("adjust")
    with said:
        what = st.segmented_control("What", [FOUND, WRITTEN_OFF, SCRAPPED], default=WRITTEN_OFF, key="adjust-what",
                                    required=True)  # fmt: skip
        lots = stock_queries.held_lots(setting.version, item.id, setting.places[place]["id"])
        lot, expires = _choose_lot(item, lots, setting, key=form, is_new=what == FOUND)
    with done, st.form(f"{form}-form"):
        st.markdown(f"**{plain(item.sku)}** at **{place}**: {_there(setting, item, place, lot)}")
        units = st.number_input(f"Units {str(what).lower()}", min_value=1, value=1, step=1, key=f"{form}-units")
        cost = None
        if what == FOUND:
            cost = st.text_input(f"Unit cost, {setting.currency}", key=f"{form}-cost", placeholder="as last bought")
        why = st.text_input("Reason", key=f"{form}-why", placeholder="broken in aisle 4")
        wanted_now = st.form_submit_button("Book it", type="primary", key=f"{form}-post")
    if not wanted_now:
        return
    try:
        unit_cost = Decimal(cost.strip()) if cost and cost.strip() else None
    except InvalidOperation:
        st.error(f"The unit cost must be a number such as 12.50, got {plain(str(cost))}.")
        return
    change = int(units) if what == FOUND else -int(units)
    request = Adjustment(item.sku, place, change, why, lot, expires, unit_cost, what == SCRAPPED)
    act("adjust", adjust_stock, request, say=said_adjusted(place, str(what)))


def _there(setting: Setting, item: SkuRow, place: str, lot: str | None) -> str:
    wanted = LevelFilter(sku_id=item.id, locations=(place,), only=Only.IN_STOCK)
    rows = stock_queries.levels(setting.version, wanted, setting.today, None, stock_queries.MANY).rows
    held = [row for row in rows if lot in (None, row.lot)]
    return f"{sum(row.on_hand for row in held):,} on hand, {sum(row.reserved for row in held):,} of them reserved"


def _choose_lot(
    item: SkuRow, lots: Sequence[tuple[str, HeldLot]], setting: Setting, *, key: str, is_new: bool
) -> tuple[str | None, date | None]:
    """A lot that is there, or a new one with its expiry; none for a SKU that is not tracked by lot."""
    if not item.is_lot_tracked:
        return None, None
    held = dict(lots)
    choices = [*held, *([NEW_LOT] if is_new else [])]
    if not choices:
        st.caption("No lot of it is there.")
        return None, None

    def named(code: str) -> str:
        lot = held.get(code)
        if lot is None:
            return code
        ends = lot.expires_on
        until = "" if ends is None else f", {'expired' if ends <= setting.today else 'expires'} {day(ends)}"
        return f"{code}: {lot.on_hand:,} on hand{until}"

    chosen = st.selectbox("Lot", choices, key=f"{key}-lot-{is_new}", format_func=named)
    if chosen != NEW_LOT:
        return str(chosen), None
    code = st.text_input("New lot", key=f"{key}-new-lot", placeholder="as printed on the goods")
    expires = st.date_input("Expires", value=None, min_value=setting.today, key=f"{key}-expires", format="DD/MM/YYYY")
    return code.strip() or None, expires


# Reversing


def reverse_form(line: MovementLine) -> None:
    """Undo one movement, after its reason."""
    form = form_key(f"reverse-{line.id}")
    kind = line.kind.replace("_", " ")
    with st.form(f"{form}-form"):
        lot = f" of lot {plain(line.lot)}" if line.lot else ""
        st.markdown(
            f"**Reverse movement {line.id}**: {count(line.quantity, 'unit')}{lot} went from {plain(line.source)} to"
            f" {plain(line.destination)} ({plain(', '.join(dict.fromkeys((kind, line.cause))))}). They go back,"
            " and both movements stay in the ledger."
        )
        reason, go, no = st.columns([4, 1, 1], vertical_alignment="bottom")
        why = reason.text_input("Why was it wrong?", key=f"{form}-why")
        wanted_now = go.form_submit_button("Reverse", type="primary", key=f"{form}-post", width="stretch")
        dropped = no.form_submit_button("Leave it", key=f"{form}-no", width="stretch")
    if dropped:
        st.query_params.pop("reverse", None)
        st.rerun()
    if wanted_now:
        act(f"reverse-{line.id}", reverse_move, line.id, why, say=said_reversed)
