"""The inventory page: it shows what the ledger says, of now and of the past, and acts on it once."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import queries
from data.connection import Database
from data.stock_level_rows import LevelFilter, Only, levels, levels_as_of, sums
from orders.importing import OrderImport, import_orders
from orders.model import Actor
from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
from orders.reserving import SoftReservation, reserve_stock
from orders.stock_history import ValuationMethod, on_hand_as_of, stock_value
from orders.stocking import Adjustment, StockLine, StockTransfer, adjust_stock, reverse_move, transfer_stock

REPOSITORY = Path(__file__).parent.parent
APP = REPOSITORY / "dashboard" / "app.py"
OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the inventory on a database, with a URL's parameters, at a moment."""

    def opened(database: Database, *, at: datetime | None = None, **parameters: str) -> AppTest:
        monkeypatch.setenv("STOCKWRIGHT_DATABASE_URL", database.url.render_as_string(hide_password=False))
        monkeypatch.setenv("STOCKWRIGHT_ACTOR", "keeper")
        if at is not None:
            monkeypatch.setattr(queries, "now", lambda: at)
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in parameters.items():
            test.query_params[name] = value
        test.switch_page("screens/inventory.py").run()
        assert not test.exception
        return test

    return opened


@pytest.fixture
def stocked(shop: Any) -> Any:
    """A shop with cups at two places, milk in two lots, a purchase order under way, and an order that waits."""
    shop.stock("CUP", "EAST", 30, unit_cost=Decimal("2"))
    shop.stock("CUP", "CAGE", 4, unit_cost=Decimal("2"))
    shop.stock("MILK", "EAST", 10, lot="OLD", expires_on=date(2026, 3, 20), unit_cost=Decimal("1"))
    shop.stock("MILK", "EAST", 6, lot="GONE", expires_on=date(2026, 3, 1), unit_cost=Decimal("1"))
    shop.stock("MILK", "WEST", 20, lot="NEW", expires_on=date(2027, 3, 1), unit_cost=Decimal("1"))
    lines = (PurchaseLine("MUG", 50, Decimal(3), date(2026, 3, 12)), PurchaseLine("CUP", 5, Decimal(2)))
    shop.bought = shop.do(place_purchase_order, PurchaseRequest("Clay", "WEST", lines, send=True)).number
    shop.waiting = shop.order("W-1", MUG=7)
    shop.taken = shop.order("T-1", CUP=12)
    return shop


def text_of(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind)).replace("\\", "")


def shown(page: AppTest) -> Any:
    """The table of levels, as people see it."""
    return page.dataframe[0].value


def rows_of(frame: Any, *columns: str) -> set[tuple[Any, ...]]:
    cells = frame[list(columns)].astype(object)
    return {tuple(row) for row in cells.where(cells.notna(), "").itertuples(index=False)}


def table_key(page: AppTest, beginning: str) -> str:
    """The whole key of the table whose key begins so."""
    keys = (frame.proto.id.split("-", 2)[-1] for frame in page.dataframe if frame.proto.id)
    return next(key for key in keys if re.match(beginning, key))


def fill(page: AppTest, form: str, cells: dict[int, dict[str, Any]]) -> None:
    edits = {"edited_rows": cells, "added_rows": [], "deleted_rows": []}
    page.session_state[table_key(page, rf"{form}-\d+-rows")] = edits


# What lies where


def test_the_table_says_what_each_place_holds_of_each_lot(stocked: Any, open_page: OpenPage) -> None:
    frame = shown(open_page(stocked.database, at=stocked.NOW))
    assert rows_of(frame[frame["on_hand"] > 0], "sku", "location", "lot", "on_hand", "available") == {
        ("CUP", "CAGE", "", 4, 0),
        ("CUP", "EAST", "", 30, 18),
        ("MILK", "EAST", "OLD", 10, 10),
        ("MILK", "EAST", "GONE", 6, 0),
        ("MILK", "WEST", "NEW", 20, 20),
    }
    assert rows_of(frame[frame["on_hand"] == 0], "sku", "location") >= {("CUP", "WEST"), ("MUG", "WEST")}


def test_what_is_coming_and_waited_for_stands_once_per_sku_and_place(stocked: Any, open_page: OpenPage) -> None:
    frame = shown(open_page(stocked.database, at=stocked.NOW))
    assert int(frame["inbound"].sum()) == 55
    assert int(frame["backordered"].sum()) == 7
    coming = frame[(frame["sku"] == "MUG") & (frame["location"] == "WEST")].iloc[0]
    assert (coming["inbound"], coming["expected"]) == (50, date(2026, 3, 12))
    assert (frame["value"] == frame["on_hand"] * frame["sku"].map({"CUP": 2, "MILK": 1, "MUG": 0})).all()


def test_the_numbers_above_are_the_sums_of_the_rows(stocked: Any, open_page: OpenPage) -> None:
    page = open_page(stocked.database, at=stocked.NOW)
    metrics = {metric.label: metric for metric in page.metric}
    assert metrics["Units on hand"].value == "70"
    assert metrics["Value at cost"].value == "EUR 104"
    assert metrics["Units reserved"].value == "12"
    assert metrics["Units expiring in 30 days"].value == "16"
    assert "6 expired" in metrics["Units expiring in 30 days"].delta
    assert "7 units waited for" in metrics["Out of stock where sold"].delta


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"only": "expiring"}, {("MILK", "EAST", "OLD"), ("MILK", "EAST", "GONE")}),
        ({"q": "iLk", "location": "WEST"}, {("MILK", "WEST", "NEW")}),
        ({"only": "in stock", "q": "cup"}, {("CUP", "CAGE", ""), ("CUP", "EAST", "")}),
        ({"q": "100%"}, set()),
    ],
)
def test_filters_in_the_url_narrow_the_table(
    stocked: Any, open_page: OpenPage, parameters: dict[str, str], wanted: set[tuple[str, ...]]
) -> None:
    page = open_page(stocked.database, at=stocked.NOW, **parameters)
    if not wanted:
        assert "No stock fits these filters" in text_of(page)
        return
    frame = shown(page)
    assert rows_of(frame, "sku", "location", "lot") == wanted


def test_short_is_what_waits_or_has_nothing_left_where_it_is_sold(stocked: Any, open_page: OpenPage) -> None:
    frame = shown(open_page(stocked.database, at=stocked.NOW, only="short"))
    assert set(frame["location"]) <= {"EAST", "WEST"}
    assert (frame["available"] == 0).all()
    assert "MILK" not in set(frame["sku"])
    assert int(frame["backordered"].sum()) == 7


def test_pages_by_key_are_the_whole_list_however_small_they_are(stocked: Any) -> None:
    today, until = date(2026, 3, 2), date(2026, 4, 1)
    with stocked.database.reading() as connection:
        kinds = ({}, {"only": Only.IN_STOCK}, {"only": Only.SHORT}, {"search": "m"}, {"is_complete": True})
        for wanted in (LevelFilter(**kind) for kind in kinds):
            whole = levels(connection, wanted, today=today, expiring_until=until, limit=1000)
            assert whole.next is None
            pieces, after = [], None
            while True:
                page = levels(connection, wanted, today=today, expiring_until=until, after=after, limit=2)
                pieces += page.rows
                after = page.next
                if after is None:
                    break
            assert tuple(pieces) == whole.rows
            assert [row.key for row in whole.rows] == sorted(row.key for row in whole.rows)
            if not wanted.search and wanted.only is None:
                total = sums(connection, today=today, expiring_until=until)
                assert (sum(row.on_hand for row in whole.rows), sum(row.reserved for row in whole.rows)) == (
                    total.units, total.reserved,
                )  # fmt: skip


def test_never_counted_means_no_count_and_no_opening_stock(stocked: Any, open_page: OpenPage) -> None:
    never = {"at": stocked.NOW, "only": "never counted"}
    assert ("CUP", "EAST") in rows_of(shown(open_page(stocked.database, **never)), "sku", "location")
    page = open_page(stocked.database, at=stocked.NOW, do="count", sku="CUP")
    fill(page, "count", {0: {"counted": 30}})
    page.button(key="count-0-post").click().run()
    assert not page.error
    left = rows_of(shown(open_page(stocked.database, **never)), "sku", "location")
    assert ("CUP", "EAST") not in left
    assert ("CUP", "CAGE") in left


# The past


def test_a_past_day_is_shown_as_the_ledger_has_it(shop: Any, open_page: OpenPage) -> None:
    shop.do(adjust_stock, Adjustment("CUP", "EAST", 10, "opening", unit_cost=Decimal(2)))
    later = shop.NOW + timedelta(days=3)
    shop.do(adjust_stock, Adjustment("CUP", "EAST", -4, "broken"), at=later)
    shop.do(transfer_stock, StockTransfer("EAST", "VAN", (StockLine("CUP", 3),), "fair"), at=later)
    now = shop.NOW + timedelta(days=5)
    assert rows_of(shown(open_page(shop.database, at=now)), "location", "on_hand") == {("EAST", 3), ("VAN", 3)}
    page = open_page(shop.database, at=now, close=shop.NOW.date().isoformat())
    assert rows_of(shown(page), "location", "on_hand") == {("EAST", 10)}
    assert "Stock as of the close of Mon 2 Mar 2026" in text_of(page)
    assert "10 units, EUR 20" in text_of(page)
    assert "reserved" not in shown(page)


def test_a_past_day_as_known_then_leaves_later_entries_out(shop: Any, open_page: OpenPage) -> None:
    shop.stock("CUP", "EAST", 10)
    made = shop.do(adjust_stock, Adjustment("CUP", "EAST", -4, "broken"))
    shop.do(reverse_move, made.move.id, "not broken", at=shop.NOW + timedelta(days=1))
    now = shop.NOW + timedelta(days=3)
    before = shop.NOW.date().isoformat()
    assert "10 units" not in text_of(open_page(shop.database, at=now, close=before, later="no"))
    assert rows_of(shown(open_page(shop.database, at=now, close=before, later="no")), "on_hand") == {(6,)}


def test_pages_of_the_past_agree_with_the_ledger(stocked: Any) -> None:
    stocked.do(
        transfer_stock, StockTransfer("EAST", "WEST", (StockLine("CUP", 5),), "x"), at=stocked.NOW + timedelta(2)
    )
    for days in (0, 1, 2):
        at = stocked.NOW + timedelta(days=days)
        with stocked.database.reading() as connection:
            ledger = on_hand_as_of(connection, at=at)
            found, after = [], None
            while True:
                page = levels_as_of(connection, LevelFilter(), at=at, after=after, limit=2)
                found += page.rows
                after = page.next
                if after is None:
                    break
        assert {(row.sku_id, row.location_id, row.lot_id, row.on_hand) for row in found} == {
            tuple(int(number) for number in row) for row in ledger.itertuples(index=False)
        }
        assert len(found) == len(ledger)


# One SKU


def test_a_sku_shows_its_places_its_holders_and_its_movements(stocked: Any, open_page: OpenPage) -> None:
    stocked.do(reserve_stock, SoftReservation("CUP", 5, "quote 9", minutes=60))
    page = open_page(stocked.database, at=stocked.NOW, sku="CUP")
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics == {
        "On hand": "34", "Reserved": "17", "Not for sale": "4", "Available": "13", "Waited for": "0",
        "Inbound": "5", "Value by FIFO": "EUR 68.00",
    }  # fmt: skip
    held = next(frame.value for frame in page.dataframe if "for" in frame.value)
    assert rows_of(held, "units", "for") == {(5, "quote 9"), (12, "order T-1")}
    moves = next(frame.value for frame in page.dataframe if "after" in frame.value)
    assert list(moves["after"]) == [34, 30]
    assert list(moves["way"]) == ["ADJUSTMENT → CAGE", "ADJUSTMENT → EAST"]
    assert len(page.get("plotly_chart")) == 1
    assert "**13** now" in text_of(page)


def test_older_movements_are_pages_that_go_on_where_the_last_one_ended(shop: Any, open_page: OpenPage) -> None:
    for number in range(30):
        shop.do(adjust_stock, Adjustment("CUP", "EAST", 1 + number, "opening"), at=shop.NOW + timedelta(hours=number))
    after = [sum(range(1, number + 1)) for number in range(30, 0, -1)]
    page = open_page(shop.database, at=shop.NOW + timedelta(days=9), sku="CUP")
    first = next(frame.value for frame in page.dataframe if "after" in frame.value)
    page.button(key="moves-older").click().run()
    rest = next(frame.value for frame in page.dataframe if "after" in frame.value)
    assert list(first["after"]) + list(rest["after"]) == after


def test_a_movement_is_reversed_after_its_reason(shop: Any, open_page: OpenPage) -> None:
    shop.stock("CUP", "EAST", 10)
    made = shop.do(adjust_stock, Adjustment("CUP", "EAST", -4, "broken"))
    page = open_page(shop.database, at=shop.NOW, sku="CUP", reverse=str(made.move.id))
    page.button(key=f"reverse-{made.move.id}-0-post").click().run()
    assert "reason must be given" in page.error[0].value
    assert shop.shelf("CUP", "EAST") == (6, 0)
    page.text_input(key=f"reverse-{made.move.id}-0-why").input("another pallet")
    page.button(key=f"reverse-{made.move.id}-0-post").click().run()
    assert shop.shelf("CUP", "EAST") == (10, 0)
    assert f"Reversed movement {made.move.id}: 4 units of CUP back" in text_of(page)
    moves = next(frame.value for frame in page.dataframe if "after" in frame.value)
    assert "write off (reversed)" in set(moves["kind"])


def test_an_unknown_sku_is_said(shop: Any, open_page: OpenPage) -> None:
    assert "There is no SKU NOPE" in text_of(open_page(shop.database, sku="NOPE"))


# Doing


def test_a_count_is_posted_once_and_names_the_orders_that_lost_stock(stocked: Any, open_page: OpenPage) -> None:
    page = open_page(stocked.database, at=stocked.NOW, do="count", sku="CUP")
    fill(page, "count", {0: {"counted": 8}})
    page.button(key="count-0-post").click().run()
    assert "reason must be given" in page.error[0].value
    fill(page, "count", {0: {"counted": 8}})
    page.text_input(key="count-0-why").input("cycle count")
    page.button(key="count-0-post").click().run()
    assert not page.error
    assert "Counted 1 line at EAST: 1 differ (+0 −22 units)" in text_of(page)
    assert re.search(r"Order \[T-1\].* waits again for 4 units of CUP", text_of(page))
    assert stocked.shelf("CUP", "EAST") == (8, 8)
    assert stocked.rows("SELECT expected, counted, reason FROM count_line") == [(30, 8, "cycle count")]


def test_a_count_is_undone_by_reversing_its_movements(stocked: Any, open_page: OpenPage) -> None:
    page = open_page(stocked.database, at=stocked.NOW, do="count", sku="CUP")
    fill(page, "count", {0: {"counted": 8, "reason": "wrong shelf"}})
    page.button(key="count-0-post").click().run()
    page.button(key="stock-undo").click().run()
    assert "Undone: 1 movement reversed" in text_of(page)
    assert stocked.shelf("CUP", "EAST") == (30, 12)


def test_a_transfer_moves_the_units_and_can_be_undone(stocked: Any, open_page: OpenPage) -> None:
    page = open_page(stocked.database, at=stocked.NOW, do="transfer", sku="CUP")
    fill(page, "transfer", {0: {"move": 25}})
    page.text_input(key="transfer-0-why").input("nearer")
    page.button(key="transfer-0-post").click().run()
    assert "cannot take 25 of SKU CUP at EAST: 18 available" in text_of(page)
    fill(page, "transfer", {0: {"move": 7}})
    page.button(key="transfer-0-post").click().run()
    assert "Moved 7 units of CUP from EAST to WEST" in text_of(page)
    assert stocked.shelf("CUP", "WEST") == (7, 0)
    page.button(key="stock-undo").click().run()
    assert stocked.shelf("CUP", "WEST") == (0, 0)
    assert stocked.shelf("CUP", "EAST") == (30, 12)


def test_a_double_click_adjusts_once_and_a_second_booking_twice(stocked: Any, open_page: OpenPage) -> None:
    pages = [open_page(stocked.database, at=stocked.NOW, do="adjust", sku="CUP") for _ in range(2)]
    for page in pages:
        page.session_state["nonce"] = "the same browser session"
    for page in pages:
        page.text_input(key="adjust-0-why").input("dropped")
        page.button(key="adjust-0-post").click().run()
        assert not page.error
        assert "Written off 1 unit of CUP at EAST" in text_of(page)
    assert stocked.shelf("CUP", "EAST") == (29, 12)
    page.text_input(key="adjust-1-why").input("dropped")
    page.button(key="adjust-1-post").click().run()
    assert stocked.shelf("CUP", "EAST") == (28, 12)


def test_part_of_a_purchase_is_received_and_serves_who_waits(stocked: Any, open_page: OpenPage) -> None:
    page = open_page(stocked.database, at=stocked.NOW, do="receive", po=stocked.bought)
    fill(page, "receive", {0: {"came": 20}, 1: {"came": 0}})
    page.button(key="receive-0-post").click().run()
    assert not page.error
    assert f"Received 20 units of {stocked.bought} at WEST; more of it is to come" in text_of(page)
    assert "Orders that waited got 7 units" in text_of(page)
    assert stocked.shelf("MUG", "WEST") == (20, 7)
    page.button(key="receive-1-post").click().run()
    assert "it is complete" in text_of(page)
    assert stocked.shelf("MUG", "WEST") == (50, 7)
    assert "Nothing is on order" in text_of(page)


def test_a_draft_is_sent_before_its_goods_come(shop: Any, open_page: OpenPage) -> None:
    lines = (PurchaseLine("MILK", 5, Decimal(1)),)
    number = shop.do(place_purchase_order, PurchaseRequest("Farm", "EAST", lines)).number
    page = open_page(shop.database, at=shop.NOW, do="receive", po=number)
    page.button(key="send-0-post").click().run()
    assert f"{number} is sent" in text_of(page)
    page.button(key="receive-0-post").click().run()
    assert "lot" in page.error[0].value
    fill(page, "receive", {0: {"lot": "M1", "expires": "2026-04-01"}})
    page.button(key="receive-0-post").click().run()
    assert shop.shelf("MILK", "EAST", "M1") == (5, 0)
    assert shop.rows("SELECT expires_on FROM lot") in ([("2026-04-01",)], [(date(2026, 4, 1),)])


def test_soft_reservations_are_released_and_lapsed_ones_ended(stocked: Any, open_page: OpenPage) -> None:
    stocked.do(reserve_stock, SoftReservation("CUP", 5, "quote 9", minutes=60))
    stocked.do(reserve_stock, SoftReservation("MILK", 2, "cart", minutes=5))
    now = stocked.NOW + timedelta(minutes=30)
    page = open_page(stocked.database, at=now, do="reservations")
    assert "1 reservation of 2 units lapsed" in text_of(page)
    page.button(key="expire-0-post").click().run()
    assert "Ended what had lapsed: 2 units free again" in text_of(page)
    name = table_key(page, r"soft-\d+")
    page.session_state[name] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    page.run()
    page.button(key="release-soft").click().run()
    assert "Released 1 reservation: 5 units free again" in text_of(page)
    assert stocked.shelf("CUP", "EAST") == (30, 12)


def test_units_are_kept_for_somebody(stocked: Any, open_page: OpenPage) -> None:
    page = open_page(stocked.database, at=stocked.NOW, do="reservations", sku="CUP")
    page.number_input(key="reserve-0-units").set_value(19)
    page.text_input(key="reserve-0-purpose").input("quote 9")
    page.button(key="reserve-0-post").click().run()
    assert "cannot take 19 of SKU CUP: 18 available" in text_of(page)
    page.number_input(key="reserve-0-units").set_value(18)
    page.button(key="reserve-0-post").click().run()
    assert "Kept 18 units of CUP at EAST for quote 9." in text_of(page)
    assert stocked.shelf("CUP", "EAST") == (30, 30)


# Nothing to show


def test_without_anything_the_page_says_how_to_begin(database: Database, open_page: OpenPage) -> None:
    assert "stockwright import stock FILE" in open_page(database).code[0].value


def test_imported_history_alone_can_be_counted_here(database: Database, open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [f"{number},2024-01-0{1 + number % 9} 10:00,c1,A-{number % 3},1,9.50,DE" for number in range(12)]
    path.write_text("\n".join(["order_id,order_date,customer_id,sku,quantity,unit_price,country", *rows]))
    at = datetime(2024, 6, 1, 12, tzinfo=UTC)
    assert not import_orders(database, OrderImport(path, currency="EUR"), actor=Actor("tester"), at=at).errors.total
    page = open_page(database, at=at)
    assert "Stock was never counted" in text_of(page)
    assert page.code[0].value == "stockwright import stock FILE"
    never = shown(open_page(database, at=at, only="never counted"))
    assert set(never["sku"]) == {"A-0", "A-1", "A-2"}
    assert set(never["counted"]) == {"never"}
    page = open_page(database, at=at, do="count", sku="A-1")
    page.segmented_control(key="count-which").set_value("never counted").run()
    fill(page, "count", {0: {"counted": 9}})
    page.text_input(key="count-0-why").input("first count")
    page.button(key="count-0-post").click().run()
    assert not page.error
    frame = shown(open_page(database, at=at))
    assert rows_of(frame, "sku", "on_hand") == {("A-1", 9)}


def test_value_by_place_and_age_add_up_to_the_value_of_the_ledger(stocked: Any, open_page: OpenPage) -> None:
    from dashboard import stock_queries

    open_page(stocked.database, at=stocked.NOW)
    with stocked.database.reading() as connection:
        worth = stock_value(connection, at=stocked.NOW, method=ValuationMethod.FIFO)
    version = stock_queries.ledger_version()
    places = stock_queries.value_by_place(version, ValuationMethod.FIFO)
    ages = stock_queries.value_by_age(version, stocked.NOW.date())
    assert places["value"].sum() == pytest.approx(worth.value_micros / 1e6)
    assert ages["value"].sum() == pytest.approx(worth.value_micros / 1e6)
    assert places["units"].sum() == ages["units"].sum() == 70


# In a real browser

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run",
)  # fmt: skip
SETTLED = """() =>
  document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'
  && !document.querySelector('[data-testid=stSkeleton]')"""
PATIENCE_MS = 60_000


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """The address of the dashboard of a database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = file.with_suffix(".log")
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "dashboard", "--database", f"sqlite:///{file.name}",
             "--port", str(port), "--no-browser"],
            cwd=file.parent,
            env=os.environ | {"STOCKWRIGHT_ACTOR": "keeper", "PYTHONPATH": str(REPOSITORY)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            until = time.monotonic() + 120
            while "Dashboard ready: " not in log.read_text():
                assert time.monotonic() < until, log.read_text()
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
            yield f"http://localhost:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.mark.browser
@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_day_in_the_stockroom_in_the_browser(stocked: Any, tmp_path: Path, scheme: str) -> None:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    stocked.do(adjust_stock, Adjustment("CUP", "EAST", -3, "broken"))
    with serving(Path(str(stocked.database.url.database))) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1440, "height": 1500}, locale="en-GB", color_scheme=scheme)
        wrong: list[str] = []
        ours = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda sent: None if sent.url.startswith(ours) else wrong.append(sent.url))

        def settle() -> None:
            page.wait_for_function(SETTLED, timeout=PATIENCE_MS)

        def click_cell(table: int, *, right: int, down: int) -> None:
            grid = page.locator("[data-testid=stDataFrame] canvas").nth(table)
            grid.scroll_into_view_if_needed()
            box = grid.bounding_box()
            left = box["x"] + (right if right > 0 else box["width"] + right)
            page.mouse.move(left, box["y"] + down)
            page.mouse.click(left, box["y"] + down, delay=120)

        page.goto(f"{address}/inventory?location=EAST&only=in+stock")
        page.get_by_role("heading", name="Where is my stock?").wait_for(timeout=PATIENCE_MS)
        settle()
        page.wait_for_function("document.querySelectorAll('.js-plotly-plot .barlayer .point').length > 0")
        page.screenshot(path=str(tmp_path / "levels.png"), animations="disabled")
        # A click on a SKU opens it, and its button asks why a movement was wrong.
        click_cell(0, right=40, down=52)
        page.wait_for_url("**sku=CUP**", timeout=PATIENCE_MS)
        page.get_by_text("Why this number").wait_for(timeout=PATIENCE_MS)
        settle()
        grids = page.locator("[data-testid=stDataFrame] canvas").count()
        click_cell(grids - 1, right=-40, down=52)
        page.get_by_label("Why was it wrong?").fill("it was a jug")
        # A double click reverses once.
        page.get_by_role("button", name="Reverse", exact=True).dblclick()
        page.get_by_text("Reversed movement").wait_for(timeout=PATIENCE_MS)
        settle()
        page.screenshot(path=str(tmp_path / "sku.png"), animations="disabled")
        # From the SKU to a form that has it already; what it does can be undone.
        page.get_by_role("button", name="Adjust…").click()
        page.get_by_text("30 on hand, 12 of them reserved").wait_for(timeout=PATIENCE_MS)
        assert "do=adjust" in page.url
        settle()
        page.get_by_label("Reason").fill("dropped")
        page.get_by_role("button", name="Book it").dblclick()
        page.get_by_text("Written off 1 unit of CUP at EAST").wait_for(timeout=PATIENCE_MS)
        settle()
        assert stocked.shelf("CUP", "EAST") == (29, 12)
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("Undone: 1 movement reversed").wait_for(timeout=PATIENCE_MS)
        settle()
        # The filters of the link are still there.
        page.get_by_text("Levels", exact=True).click()
        page.wait_for_function("!location.search.includes('do=')")
        settle()
        assert "location=EAST" in page.url
        assert page.locator("[data-testid=stException]").count() == 0
        assert wrong == []
        browser.close()
    assert stocked.shelf("CUP", "EAST") == (30, 12)
