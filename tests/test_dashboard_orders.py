"""The order desk: what is stuck, decided and done on it is what the database says, and each click acts once."""

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
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import func, insert, select
from streamlit.runtime.scriptrunner import RerunData, RerunException, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from data import check_run_rows, insight_rows, schema
from data.connection import Database
from orders.changing import LineChange, OrderChange, propose_change
from orders.holding import hold_order
from orders.importing import FileImport, StockImport, import_items, import_stock
from orders.model import Address, LineRequest, OrderRequest
from orders.order_list import Sort
from orders.paying import Authorisation, authorise_payment
from orders.placing import draft_order, place_order

REPOSITORY = Path(__file__).parent.parent
APP = REPOSITORY / "dashboard" / "app.py"
HOME = Address("Ann", "1 High Street", None, "1000", "Ghent", None, "BE")
OpenDesk = Callable[..., AppTest]


@pytest.fixture
def open_desk(monkeypatch: pytest.MonkeyPatch) -> OpenDesk:
    """Opens the order desk on a database, with a URL's parameters."""

    def opened(database: Database, **parameters: object) -> AppTest:
        monkeypatch.setenv("STOCKWRIGHT_DATABASE_URL", database.url.render_as_string(hide_password=False))
        monkeypatch.setenv("STOCKWRIGHT_ACTOR", "planner")
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in parameters.items():
            test.query_params[name] = str(value)
        test.switch_page("screens/order_desk.py").run()
        assert not test.exception
        return test

    return opened


def said(page: AppTest) -> str:
    """Every text of the page, without what keeps signs from being markup."""
    texts = [element.value for kind in ("markdown", "caption", "info", "error") for element in page.get(kind)]
    return "\n".join([*texts, *(element.proto.body for element in page.get("html"))]).replace("\\", "")


def click(page: AppTest, label: str, number: int = 0) -> AppTest:
    """The button of that label, which must be there."""
    found = [button for button in page.button if button.label == label]
    assert len(found) > number, (label, [button.label for button in page.button])
    found[number].click().run()
    assert not page.exception
    return page


def type_in(page: AppTest, label: str, text: str) -> None:
    (field,) = (field for field in page.text_input if field.label == label)
    field.input(text)


def parameter(page: AppTest, name: str) -> str:
    """What the URL says."""
    given = page.query_params[name]
    return given if isinstance(given, str) else given[0]


def listed(page: AppTest) -> list[str]:
    """The orders of the list."""
    (frame,) = (frame.value for frame in page.dataframe if "order" in frame.value)
    return list(frame["order"])


def metric(page: AppTest, label: str) -> str:
    (found,) = (shown.value for shown in page.metric if shown.label == label)
    return str(found)


def asked(reference: str, *lines: tuple[str, int, str], **more: Any) -> OrderRequest:
    """An order of (SKU, units, price) lines to a whole address."""
    wanted = tuple(LineRequest(sku, units, Decimal(price)) for sku, units, price in lines)
    return OrderRequest("WEB", reference, wanted, currency="EUR", **({"ship_to": HOME} | more))


@pytest.fixture
def busy(shop: Any) -> Any:
    """A shop with an order in most states: allocated A-1, partly A-2, held A-3, draft A-4, doubted A-5."""
    shop.stock("CUP", "EAST", 20)
    shop.stock("MUG", "WEST", 5)
    shop.ids = {
        "A-1": shop.order("A-1", CUP=2),
        "A-2": shop.order("A-2", CUP=1, MUG=8),
        "A-3": shop.order("A-3", CUP=3),
    }
    shop.do(hold_order, shop.ids["A-3"], "credit", "two invoices are overdue")
    shop.ids["A-4"] = shop.do(place_order, asked("A-4", ("CUP", 1, "5"), ("MOG", 1, "5"))).order_id
    shop.ids["A-5"] = shop.do(
        place_order, asked("A-5", ("CUP", 1, "5"), ship_to=Address(name="Ann", city="Ghent", country="BE"))
    ).order_id
    return shop


def status(shop: Any, reference: str) -> str:
    return str(shop.rows("SELECT status FROM sales_order WHERE external_ref = :ref", ref=reference)[0][0])


# Which orders are stuck


def test_the_desk_counts_what_the_database_holds(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database)
    (open_orders,) = busy.rows("SELECT count(*), sum(value_minor) FROM sales_order")
    assert metric(page, "Open orders") == str(open_orders[0]) == "5"
    deltas = {shown.label: shown.delta for shown in page.metric}
    assert deltas["Open orders"] == f"EUR {open_orders[1] / 100:.2f}"
    held = busy.rows("SELECT count(DISTINCT sales_order_id) FROM order_hold WHERE released_at IS NULL")
    assert metric(page, "On hold") == str(held[0][0]) == "2"
    (waiting,) = busy.rows(
        "SELECT count(DISTINCT sales_order_id), sum(quantity_backordered), sum(quantity_backordered * 5)"
        " FROM order_line WHERE quantity_backordered > 0"
    )
    assert metric(page, "Waiting for goods") == str(waiting[0])
    assert deltas["Waiting for goods"] == f"EUR {waiting[2]:.2f}, {waiting[1]} units"
    assert metric(page, "Discrepancies to decide") == "2"
    assert deltas["Discrepancies to decide"] == "1 of them block their order"


def test_filters_in_the_url_narrow_the_list(busy: Any, open_desk: OpenDesk) -> None:
    assert set(listed(open_desk(busy.database))) == set(busy.ids)
    assert listed(open_desk(busy.database, status="on_hold")) == ["A-3", "A-5"]
    assert listed(open_desk(busy.database, hold="address")) == ["A-5"]
    assert listed(open_desk(busy.database, sku="MUG")) == ["A-2"]
    assert listed(open_desk(busy.database, q="a-2")) == ["A-2"]
    page = open_desk(busy.database, status="closed")
    assert "No order fits these filters" in said(page)
    page.selectbox(key="desk-status").set_value("allocated").run()
    assert listed(page) == ["A-1"]
    assert parameter(page, "status") == "allocated"


def test_a_search_finds_orders_that_are_no_longer_open(busy: Any, open_desk: OpenDesk) -> None:
    click(open_desk(busy.database, order=busy.ids["A-1"]), "Ship")
    assert "A-1" not in listed(open_desk(busy.database))
    assert listed(open_desk(busy.database, q="A-1")) == ["A-1"]


def test_impossible_filters_are_refused_in_one_line(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, **{"from": "2026-03-02", "to": "2026-03-01"})
    assert len(page.error) == 1
    assert "placed_to must be no day before placed_from" in page.error[0].value


def test_pages_lead_to_every_order_once_and_back(busy: Any, open_desk: OpenDesk, monkeypatch: Any) -> None:
    from dashboard import order_queries

    monkeypatch.setattr(order_queries, "PAGE", 2)
    for sort in Sort:
        page, seen, pages = open_desk(busy.database, sort=sort), [], []
        while True:
            seen += listed(page)
            pages.append(listed(page))
            onwards = {link.proto.label[-1]: link.proto.query_string for link in page.get("page_link")}
            if "›" not in onwards:
                break
            key = re.search(r"page=([^&]+)", onwards["›"])[1]
            page = open_desk(busy.database, sort=sort, page=key)
        assert sorted(seen) == sorted(busy.ids)
        (back,) = (link for link in page.get("page_link") if link.proto.label.startswith("‹ "))
        key = re.search(r"page=([^&]+)", back.proto.query_string)[1]
        assert listed(open_desk(busy.database, sort=sort, page=key)) == pages[-2]


def test_a_click_on_an_order_opens_it(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database)
    (frame,) = (frame for frame in page.dataframe if "order" in frame.value)
    row = listed(page).index("A-2")
    page.session_state[frame.key] = {"selection": {"rows": [], "columns": [], "cells": [[row, "customer"]]}}
    page.run()
    assert page.subheader[0].value == "Where does order A-2 stand?"
    assert parameter(page, "order") == str(busy.ids["A-2"])


# Deciding


def test_one_click_carries_the_suggestion_out_and_places_the_draft(busy: Any, open_desk: OpenDesk) -> None:
    assert status(busy, "A-4") == "draft"
    page = click(open_desk(busy.database), "Use SKU MUG")
    assert "A-4: use SKU MUG. The order is" in said(page)
    lines = busy.rows(
        "SELECT s.code, l.quantity FROM order_line l JOIN sku s ON s.id = l.sku_id WHERE l.sales_order_id = :id"
        " ORDER BY l.line_no",
        id=busy.ids["A-4"],
    )
    assert lines == [("CUP", 1), ("MUG", 1)]


def test_an_order_is_accepted_as_it_is_only_with_a_reason(busy: Any, open_desk: OpenDesk) -> None:
    page = click(open_desk(busy.database), "Accept as it is")
    assert [error.value for error in page.error] == ["reason must be given, got ''"]
    assert status(busy, "A-5") == "on_hold"
    type_in(page, "Why is it right as it is?", "is collected")
    click(page, "Accept as it is")
    assert status(busy, "A-5") == "allocated"
    assert "A-5: accepted as it is" in said(page)


def test_many_discrepancies_of_a_kind_are_accepted_at_once(busy: Any, open_desk: OpenDesk) -> None:
    somewhere = Address(name="Bob", city="Ghent", country="BE")
    for number in range(3):
        busy.do(place_order, asked(f"B-{number}", ("CUP", number + 1, "5"), ship_to=somewhere))
    page = open_desk(busy.database, kind="incomplete_address")
    type_in(page, "Why are they right?", "the channel knows it")
    click(page, "Accept all of them")
    left = busy.rows("SELECT kind FROM discrepancy WHERE status = 'open'")
    assert left == [("unknown_sku",)]
    assert "Accepted 4 of incomplete address" in said(page)


def test_the_queue_shows_what_blocks_first(busy: Any, open_desk: OpenDesk) -> None:
    messages = [element.value for element in open_desk(busy.database).markdown if ":small[:gray[" in element.value]
    texts = "\n".join(messages)
    assert texts.index("there is no SKU") < texts.index("The address must have")


# One order


def test_an_order_tells_its_whole_story(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-2"])
    text = said(page)
    assert re.search(r"Waits for 3 of MUG \([^)]+\)\. 6 units can be shipped now\.", text)
    for (summary,) in busy.rows("SELECT summary FROM order_event WHERE sales_order_id = :id", id=busy.ids["A-2"]):
        assert summary in text
    (reason,) = busy.rows("SELECT reason FROM routing WHERE sales_order_id = :id", id=busy.ids["A-2"])[0]
    assert reason[1:] in text
    for location in ("EAST", "WEST"):
        assert f">{location}</td>" in text


def test_text_of_the_data_is_never_markup(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-1"], do="Note")
    type_in(page, "Note for the timeline", "<img src=x onerror=alert(1)> **bold**")
    click(page, "Write it down")
    html = "\n".join(element.proto.body for element in page.get("html"))
    assert "&lt;img src=x" in html
    assert "<img" not in html


def test_an_unknown_order_is_said(busy: Any, open_desk: OpenDesk) -> None:
    for asked_for in ("999", "none of this"):
        assert "There is no such order" in said(open_desk(busy.database, order=asked_for))


def test_what_can_be_done_is_what_the_state_allows(busy: Any, open_desk: OpenDesk) -> None:
    def offered(reference: str) -> set[str]:
        page = open_desk(busy.database, order=busy.ids[reference])
        (control,) = (one for one in page.get("button_group") if one.label == "What to do")
        return set(control.options)

    assert offered("A-1") == {"Ship", "Change", "Address", "Hold", "Cancel", "Payments", "Note"}
    assert offered("A-2") == offered("A-1") | {"Allocate"}
    assert offered("A-3") == {"Release", "Change", "Address", "Hold", "Cancel", "Payments", "Note"}
    assert offered("A-4") == {"Edit", "Discard", "Note"}
    assert "Approve" in offered("A-5")


def test_holding_is_undone_with_one_click(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-1"], do="Hold")
    click(page, "Put on hold")
    assert page.error[0].value == "reason must be given, got ''"
    type_in(page, "Why", "asks about the price")
    click(page, "Put on hold")
    assert status(busy, "A-1") == "on_hold"
    click(page, "Undo")
    assert status(busy, "A-1") == "allocated"
    assert "Undone." in said(page)


def test_a_held_order_is_released_with_a_reason(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-3"])
    assert "On hold (credit, since" in said(page)
    type_in(page, "Why may it go on?", "paid this morning")
    click(page, "Release")
    assert status(busy, "A-3") == "allocated"


def test_what_a_click_did_is_said_even_where_a_second_click_ends_its_run(
    busy: Any, open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_desk(busy.database, order=busy.ids["A-3"])
    type_in(page, "Why may it go on?", "paid this morning")
    clicks = iter(["the second"])

    def overtaken(*asked: object) -> None:
        """The first access to the session after the order is released: here Streamlit yields to the next click."""
        del asked
        if next(clicks, None):
            run = get_script_run_ctx()
            raise RerunException(RerunData(query_string=run.query_string, page_script_hash=run.page_script_hash))

    monkeypatch.setattr(type(st.query_params), "pop", overtaken)
    click(page, "Release")
    assert next(clicks, None) is None
    assert status(busy, "A-3") == "allocated"
    assert "A-3 is released from credit and allocated now." in said(page)


def test_a_reviewed_order_is_approved(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-5"], do="Approve")
    (field,) = (field for field in page.text_input if field.key and field.key.startswith("why-approve"))
    field.input("the customer collects it")
    click(page, "Approve")
    assert status(busy, "A-5") == "allocated"


def edit(page: AppTest, key_begins: str, **edits: Any) -> None:
    """Edits of a table: rows that are changed, added or deleted."""
    keys = [key for key in page.session_state._state.filtered_state if key.startswith(key_begins)]
    assert len(keys) == 1, keys
    page.session_state[keys[0]] = {"edited_rows": {}, "added_rows": [], "deleted_rows": []} | edits


def test_shipping_a_part_splits_the_order(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-2"], do="Ship")
    edit(page, "ship-lines", edited_rows={1: {"ship": 2}})
    type_in(page, "Carrier", "DHL")
    type_in(page, "Tracking number", "JD1")
    click(page, "Ship")
    assert status(busy, "A-2") == "partially_shipped"
    lines = (
        "SELECT quantity_shipped, quantity_allocated, quantity_backordered FROM order_line WHERE sales_order_id = :id"
    )
    assert sorted(busy.rows(lines, id=busy.ids["A-2"])) == [(1, 0, 0), (2, 3, 3)]
    assert busy.rows("SELECT carrier, tracking_number FROM parcel") == [("DHL", "JD1")]
    assert "3 units shipped" in said(page)


def test_a_tracking_number_without_a_carrier_is_refused_and_stays_typed(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-1"])
    type_in(page, "Tracking number", "JD2")
    click(page, "Ship")
    assert len(page.error) == 1
    assert "carrier must be given together with tracking" in page.error[0].value
    assert status(busy, "A-1") == "allocated"
    (field,) = (field for field in page.text_input if field.label == "Tracking number")
    assert field.value == "JD2"


def test_a_double_click_ships_once(busy: Any, open_desk: OpenDesk) -> None:
    pages = [open_desk(busy.database, order=busy.ids["A-1"]) for _ in range(2)]
    for page in pages:
        page.session_state["nonce"] = "the same browser session"
    for page in pages:
        click(page, "Ship")
        assert not page.error
    assert busy.rows("SELECT count(*), sum(quantity) FROM stock_move WHERE kind = 'sale'") == [(1, 2)]


def test_a_change_is_priced_before_it_is_confirmed(busy: Any, open_desk: OpenDesk) -> None:
    value = "SELECT value_minor FROM sales_order WHERE external_ref = 'A-1'"
    page = open_desk(busy.database, order=busy.ids["A-1"], do="Change")
    edit(
        page,
        "change-lines",
        edited_rows={0: {"quantity": 4, "unit_price": 4.5}},
        added_rows=[{"sku": "mug", "quantity": 2, "unit_price": 3.25}],
    )
    (field,) = (field for field in page.text_input if field.key and field.key.startswith("why-change"))
    field.input("more guests")
    click(page, "Price the change")
    assert busy.rows(value) == [(1000,)]
    assert "+ EUR 14.50" in said(page)  # 4 × 4.50 + 2 × 3.25 − 2 × 5.00
    assert "worth EUR 24.50" in said(page)
    click(page, "Confirm")
    assert busy.rows(value) == [(2450,)]
    assert busy.state(busy.ids["A-1"]) == ("partially_allocated", 4, 2)


def test_a_deleted_row_cancels_what_is_open_of_it(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-2"], do="Change")
    edit(page, "change-lines", deleted_rows=[1])
    (field,) = (field for field in page.text_input if field.key and field.key.startswith("why-change"))
    field.input("no mugs")
    click(page, "Price the change")
    click(page, "Confirm")
    assert busy.state(busy.ids["A-2"]) == ("allocated", 1, 0)


def test_a_proposed_change_is_rejected_with_a_reason(busy: Any, open_desk: OpenDesk) -> None:
    one_more = OrderChange(busy.ids["A-1"], "one more", (LineChange(1, quantity=3),))
    busy.do(propose_change, one_more)
    page = open_desk(busy.database, order=busy.ids["A-1"])
    type_in(page, "Why not?", "too late")
    click(page, "Reject the change")
    assert busy.rows("SELECT status FROM order_change") == [("rejected",)]
    assert busy.state(busy.ids["A-1"]) == ("allocated", 2, 0)


def test_units_and_whole_orders_are_cancelled_with_a_reason(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-2"], do="Cancel")
    (how,) = (one for one in page.get("button_group") if one.label == "Cancel")
    how.set_value("some units").run()
    edit(page, "cancel-lines", edited_rows={1: {"cancel": 4}})
    (field,) = (field for field in page.text_input if field.key and field.key.startswith("why-cancel"))
    field.input("fewer guests")
    click(page, "Cancel these units")
    assert busy.state(busy.ids["A-2"]) == ("allocated", 5, 0)
    page = open_desk(busy.database, order=busy.ids["A-2"], do="Cancel")
    type_in(page, "Why is it cancelled?", "party is off")
    click(page, "Cancel the order")
    assert status(busy, "A-2") == "cancelled"
    assert "5 units cancelled" in said(page)


def test_another_address_ends_the_hold_for_it(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-5"], do="Address")
    type_in(page, "Street", "2 Low Street")
    (field,) = (field for field in page.text_input if field.key and field.key.startswith("why-address"))
    field.input("the customer wrote")
    click(page, "Change address")
    assert status(busy, "A-5") == "allocated"
    assert "2 Low Street" in said(page)


def test_imported_orders_are_allocated_from_the_desk(company: Any, open_desk: OpenDesk) -> None:
    company.other(import_items, FileImport(company.file([{"sku": "A"}])))
    stock = company.file([{"sku": "A", "location": "EAST", "on_hand": 4}])
    company.other(import_stock, StockImport(stock, counted_at=datetime(2023, 12, 1, tzinfo=UTC)))
    row = {"order_id": "1", "order_date": "2024-05-01 10:00", "customer_id": "c", "sku": "A", "quantity": 6,
           "unit_price": "9.50", "country": "BE", "location": "EAST", "shipped_at": ""}  # fmt: skip
    assert not company.orders([row], currency="EUR").errors.total
    (order,) = (row[0] for row in _rows(company.database, "SELECT id FROM sales_order"))
    page = open_desk(company.database, order=order)
    assert "Nothing is reserved for 6 units yet: allocate it." in said(page)
    click(page, "Allocate now")
    assert "1: 4 units reserved, 2 units waiting." in said(page)
    assert _rows(company.database, "SELECT quantity_allocated, quantity_backordered FROM order_line") == [(4, 2)]


def test_what_is_not_there_cannot_be_allocated(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, order=busy.ids["A-2"], do="Allocate")
    click(page, "Allocate now")
    assert "A-2: nothing more is in stock, 3 units waiting." in said(page)


def test_payments_are_taken_and_given_back(busy: Any, open_desk: OpenDesk) -> None:
    order = busy.ids["A-1"]
    busy.do(authorise_payment, Authorisation(order, "PAY-1", "card", Decimal(10)))
    page = open_desk(busy.database, order=order, do="Payments")
    amounts = [field for field in page.text_input if field.label == "Amount, EUR"]
    assert amounts[0].value == "10.00"
    amounts[0].input("12,50")
    click(page, "Take it")
    assert len(page.error) == 1
    amounts = [field for field in page.text_input if field.label == "Amount, EUR"]
    amounts[0].input("10")
    click(page, "Take it")
    page = open_desk(busy.database, order=order, do="Payments")
    amounts = [field for field in page.text_input if field.label == "Amount, EUR"]
    amounts[0].input("2.50")
    type_in(page, "Why", "scratched")
    click(page, "Give it back")
    assert busy.rows("SELECT authorised_minor, captured_minor, refunded_minor FROM payment") == [(1000, 1000, 250)]


def test_a_shipped_order_is_closed(busy: Any, open_desk: OpenDesk) -> None:
    page = click(open_desk(busy.database, order=busy.ids["A-1"]), "Ship")
    assert "Everything is shipped: close it" in said(page)
    click(page, "Close the order")
    assert status(busy, "A-1") == "closed"


# New orders


def new_order(page: AppTest, reference: str, rows: dict[int, dict[str, Any]]) -> None:
    type_in(page, "Order number", reference)
    edit(page, "lines-new", edited_rows=rows)
    for label, text in {"Name": "Ann", "Street": "1 High Street", "City": "Ghent", "Country (2 letters)": "be"}.items():
        type_in(page, label, text)


def test_an_order_is_entered_and_placed(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, new=1)
    new_order(page, "N-1", {0: {"sku": "cup", "quantity": 3, "unit_price": 4.2}})
    click(page, "Place the order")
    assert page.subheader[0].value == "Where does order N-1 stand?"
    assert "N-1 is placed and allocated: EUR 12.60." in said(page)
    (placed,) = busy.rows("SELECT status, value_minor, country, placed_by FROM sales_order WHERE external_ref = 'N-1'")
    assert placed == ("allocated", 1260, "BE", "planner")


def test_what_is_refused_stays_in_the_form(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, new=1)
    new_order(page, "A-1", {0: {"sku": "CUP"}})
    click(page, "Place the order")
    assert "has order A-1 already" in page.error[0].value
    (field,) = (field for field in page.text_input if field.label == "Street")
    assert field.value == "1 High Street"
    page = open_desk(busy.database, new=1)
    click(page, "Place the order")
    assert page.error[0].value == "lines must be at least one, got 0"


def test_a_draft_is_kept_edited_and_placed(busy: Any, open_desk: OpenDesk) -> None:
    page = open_desk(busy.database, new=1)
    new_order(page, "N-2", {0: {"sku": "CAP", "quantity": 2, "unit_price": 5}})
    click(page, "Keep as a draft")
    assert status(busy, "N-2") == "draft"
    assert "there is no SKU" in said(page)
    order = int(parameter(page, "order"))
    page = open_desk(busy.database, order=order, do="Edit")
    edit(page, "lines-", edited_rows={0: {"sku": "CUP"}})
    click(page, "Save")
    assert busy.rows("SELECT count(*) FROM discrepancy WHERE sales_order_id = :id AND status = 'open'", id=order) == [
        (0,)
    ]
    click(page, "Place the order")
    assert busy.state(order) == ("allocated", 2, 0)


def test_saving_and_placing_a_draft_is_one_click(busy: Any, open_desk: OpenDesk) -> None:
    order = busy.do(draft_order, asked("N-3", ("CUP", 2, "5"))).order_id
    page = open_desk(busy.database, order=order, do="Edit")
    edit(page, "lines-", edited_rows={0: {"quantity": 1}})
    click(page, "Save and place")
    assert busy.state(order) == ("allocated", 1, 0)


# Nothing to show, and much


def test_a_company_with_history_only_is_told_how_to_enter_an_order(company: Any, open_desk: OpenDesk) -> None:
    row = {"order_id": "1", "order_date": "2024-05-01 10:00", "customer_id": "c", "sku": "A", "quantity": 1,
           "unit_price": "9.50", "country": "BE"}  # fmt: skip
    assert not company.orders([row], currency="EUR").errors.total
    page = open_desk(company.database)
    assert "No open orders" in said(page)
    assert any("+ New order" in link.proto.label for link in page.get("page_link"))
    assert listed(page) == ["1"]
    (number,) = (row[0] for row in _rows(company.database, "SELECT id FROM sales_order"))
    assert "It was imported as it is" in said(open_desk(company.database, order=number))


def _rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def test_an_empty_database_is_given_its_first_channel(database: Database, open_desk: OpenDesk) -> None:
    page = open_desk(database)
    assert "No orders yet" in said(page)
    assert page.code[0].value == "stockwright import orders FILE"
    page = open_desk(database, new=1)
    type_in(page, "Channel", "phone")
    click(page, "Make the channel")
    assert [channel.options for channel in page.selectbox if channel.label == "Channel"] == [["phone"]]


# The line above every page


def test_every_page_says_whether_the_records_added_up(busy: Any, open_desk: OpenDesk) -> None:
    assert "Never checked whether the records add up" in open_desk(busy.database).caption[0].value
    fine = {"promise": "goods balance", "broken": 0, "examples": []}
    broken = {"promise": "reservations agree", "broken": 3, "examples": ["SKU 1"]}

    def check(hours_ago: float, *findings: dict[str, Any]) -> str:
        with busy.database.writing() as connection:
            check_run_rows.write(
                connection,
                checked_at=datetime.now(UTC) - timedelta(hours=hours_ago),
                checked_by="tester",
                seconds=0.4,
                broken=sum(finding["broken"] > 0 for finding in findings),
                findings=findings,
            )
        return str(open_desk(busy.database).caption[0].value)

    assert check(3.1, fine, fine) == ":green[✓ Checked 3 h ago: all 2 promises of the records hold] :gray[(took 0.4 s)]"
    said = check(0.2, fine, broken)
    assert said.startswith(":red[**✗ Checked 12 min ago: 1 promise broken, first “reservations agree” (3 cases)**]")


def test_each_command_changes_the_data_version_even_one_that_commits_late(busy: Any) -> None:
    def version() -> str:
        with busy.database.reading() as connection:
            return insight_rows.data_version(connection)

    seen = [version()]
    busy.do(hold_order, busy.ids["A-1"], "fraud", "another name on the card")
    seen.append(version())
    with busy.database.writing() as connection:
        (key, largest) = connection.exec_driver_sql("SELECT max(command_key), max(id) FROM outbox").one()
        message = {"command_key": key, "topic": "late", "entity": "order", "entity_id": 1, "payload": {},
                   "recorded_at": busy.NOW}  # fmt: skip
        connection.execute(insert(schema.outbox).values(id=largest + 2, **message))
    seen.append(version())
    with busy.database.writing() as connection:
        connection.execute(insert(schema.outbox).values(id=largest + 1, **message))
    seen.append(version())
    assert len(set(seen)) == len(seen)


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
            env=os.environ | {"STOCKWRIGHT_ACTOR": "planner", "PYTHONPATH": str(REPOSITORY)},
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
def test_a_day_at_the_desk_in_the_browser(busy: Any, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    for number in range(3):
        busy.do(hold_order, busy.order(f"H-{number}", CUP=1), "fraud", "another name on the card")
    with serving(Path(str(busy.database.url.database))) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1440, "height": 1300}, locale="en-GB")
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda sent: (
                None
                if sent.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
                else wrong.append(sent.url)
            ),
        )

        def settle() -> None:
            page.wait_for_function(SETTLED, timeout=PATIENCE_MS)

        page.goto(f"{address}/order_desk")
        page.get_by_role("heading", name="Which orders are stuck?").wait_for(timeout=PATIENCE_MS)
        settle()
        # A bar of the picture narrows the list, and the URL says so.
        page.wait_for_function("document.querySelectorAll('.js-plotly-plot .barlayer .point').length > 0")
        row = page.locator(".js-plotly-plot .ytick", has_text="on hold").bounding_box()
        area = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        page.mouse.click(area["x"] + 30, row["y"] + row["height"] / 2, delay=60)
        page.wait_for_url("**status=on_hold**", timeout=PATIENCE_MS)
        settle()
        # A click on a row opens its order, and the link back keeps the filter.
        grid = page.locator("[data-testid=stDataFrame] canvas").first
        grid.scroll_into_view_if_needed()
        box = grid.bounding_box()
        page.mouse.move(box["x"] + 40, box["y"] + 55)
        page.mouse.click(box["x"] + 40, box["y"] + 55, delay=120)
        page.get_by_role("heading", name="Where does order A-3 stand?").wait_for(timeout=PATIENCE_MS)
        page.wait_for_url("**order=**", timeout=PATIENCE_MS)
        settle()
        # A double click releases once, and can be undone.
        page.get_by_label("Why may it go on?").fill("paid this morning")
        page.get_by_role("button", name="Release", exact=True).last.dblclick()
        page.get_by_text("A-3 is released from credit and allocated now.").wait_for(timeout=PATIENCE_MS)
        settle()
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("Undone.").wait_for(timeout=PATIENCE_MS)
        settle()
        page.get_by_role("link", name="All orders").click()
        page.get_by_role("heading", name="Which orders are stuck?").wait_for(timeout=PATIENCE_MS)
        settle()
        page.wait_for_function("!location.search.includes('order=')")
        assert "status=on_hold" in page.url
        # What is wrong with a draft is put right by one click, here on a page that a link opens.
        page.goto(f"{address}/order_desk?order={busy.ids['A-4']}")
        page.get_by_role("button", name="Use SKU MUG").click(timeout=PATIENCE_MS)
        page.get_by_text("A-4: use SKU MUG.").wait_for(timeout=PATIENCE_MS)
        settle()
        page.screenshot(path=str(tmp_path / "order.png"), animations="disabled")
        assert page.locator("[data-testid=stException]").count() == 0
        assert wrong == []
        browser.close()
    assert status(busy, "A-3") == "on_hold"
    assert status(busy, "A-4") == "partially_allocated"
    with busy.database.reading() as connection:
        event = schema.order_event.c
        wanted = select(func.count()).where(event.event == "released", event.sales_order_id == busy.ids["A-3"])
        assert connection.execute(wanted).scalar_one() == 1
