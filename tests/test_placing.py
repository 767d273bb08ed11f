"""What becomes of an order when it is placed: refused, waiting, given up in part, or kept until it is put right."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from orders.errors import InsufficientStock, InvalidRequest, KeyReused, OrderExists, OrderRefused, UnknownThing
from orders.holding import approve_order
from orders.importing import OrderImport, import_orders
from orders.model import Address, LineRequest, OrderRequest
from orders.placing import draft_order, edit_draft, place_draft, place_order
from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
from orders.resolving import accept_discrepancy, fix_discrepancy

HERE = Address("Ann", "1 High Street", None, "1000", "Ghent", None, "BE")


def order(reference, *lines, **more):
    asked = tuple(LineRequest(sku, units, Decimal(5)) for sku, units in lines)
    return OrderRequest("WEB", reference, asked, **{"currency": "EUR", "ship_to": HERE, **more})


def test_what_waits_is_promised_for_when_goods_come_not_for_what_the_order_took_itself(shop):
    shop.stock("MUG", "EAST", 5)
    assert shop.do(place_order, order("S1", ("MUG", 8))).lines[0].promised_date is None
    due = PurchaseLine("MUG", 10, Decimal(1), date(2026, 3, 9))
    shop.do(place_purchase_order, PurchaseRequest("Acme", "EAST", (due,), send=True))
    assert shop.do(place_order, order("S2", ("MUG", 2))).lines[0].promised_date == "2026-03-09"


def test_two_lines_of_one_sku_share_what_is_there(shop):
    shop.stock("CUP", "EAST", 5)
    placed = shop.do(place_order, order("S1", ("CUP", 3), ("cup", 4)))
    assert [(line.allocated, line.backordered) for line in placed.lines] == [(3, 0), (2, 2)]
    assert shop.shelf("CUP", "EAST") == (5, 5)


def test_refuse_takes_all_or_nothing(shop, dump):
    shop.stock("CUP", "EAST", 5)
    before = dump(shop.database)
    with pytest.raises(InsufficientStock) as refused:
        shop.do(place_order, order("S1", ("CUP", 3), ("CUP", 4), when_short="refuse"))
    assert (refused.value.sku, refused.value.requested, refused.value.available) == ("CUP", 7, 5)
    assert dump(shop.database) == before


def test_partial_gives_up_what_is_short(shop, rows_of):
    shop.stock("CUP", "EAST", 5)
    placed = shop.do(place_order, order("S1", ("CUP", 3), ("MUG", 4), when_short="partial"))
    assert (placed.status, placed.value_minor) == ("allocated", 1500)
    assert [(line.allocated, line.backordered, line.cancelled) for line in placed.lines] == [(3, 0, 0), (0, 0, 4)]
    assert [row["reason"] for row in rows_of(shop.database, "cancellation")] == ["out of stock"]
    with pytest.raises(InsufficientStock):
        shop.do(place_order, order("S2", ("MUG", 4), when_short="partial"))


def test_the_lot_that_expires_first_is_reserved_and_an_expired_one_never(shop):
    for lot, day in (("OLD", date(2026, 3, 2)), ("SOON", date(2026, 3, 20)), ("LATE", date(2026, 6, 1))):
        shop.stock("MILK", "EAST", 4, lot=lot, expires_on=day)
    placed = shop.do(place_order, order("S1", ("MILK", 9)))
    assert (placed.lines[0].allocated, placed.lines[0].backordered) == (8, 1)
    assert [shop.shelf("MILK", "EAST", lot)[1] for lot in ("OLD", "SOON", "LATE")] == [0, 4, 4]


def test_a_reference_is_never_used_twice_on_a_channel(shop, dump):
    shop.do(place_order, order("S1", ("CUP", 1)))
    before = dump(shop.database)
    with pytest.raises(OrderExists, match="channel WEB has order S1 already"):
        shop.do(place_order, order("S1", ("CUP", 1)))
    assert dump(shop.database) == before


def test_the_same_key_gives_the_same_answer_and_places_once(shop, dump):
    shop.stock("CUP", "EAST", 5)
    first = shop.do(place_order, order("S1", ("CUP", 3)), key="k")
    before = dump(shop.database)
    assert shop.do(place_order, order("S1", ("CUP", 3)), key="k") == first
    with pytest.raises(KeyReused):
        shop.do(place_order, order("S1", ("CUP", 4)), key="k")
    assert dump(shop.database) == before


@pytest.mark.parametrize(
    ("asked", "refusal", "why"),
    [
        (OrderRequest("PHONE", "S1", (LineRequest("CUP", 1),)), UnknownThing, "there is no channel 'PHONE'"),
        (OrderRequest("WEB", "S1", ()), InvalidRequest, "lines must be at least one"),
        (OrderRequest("WEB", " ", (LineRequest("CUP", 1),)), InvalidRequest, "external_ref must be 1 to 100"),
        (order("S1", ("CUP", 1), when_short="wait"), InvalidRequest, "when_short must be refuse or backorder"),
    ],
)
def test_what_is_no_order_is_refused_and_leaves_nothing(shop, dump, asked, refusal, why):
    before = dump(shop.database)
    with pytest.raises(refusal, match=why):
        shop.do(place_order, asked)
    assert dump(shop.database) == before


def test_what_blocks_keeps_a_draft_that_can_be_put_right_and_placed(shop, rows_of):
    shop.stock("CUP", "EAST", 5)
    placed = shop.do(place_order, order("S1", ("CUPP", 2)))
    assert (placed.status, placed.lines) == ("draft", ())
    with pytest.raises(OrderRefused, match="there is no SKU 'CUPP'"):
        shop.do(place_draft, placed.order_id)
    (doubt,) = rows_of(shop.database, "discrepancy")
    assert (doubt["kind"], doubt["fix"]) == ("unknown_sku", {"line": 1, "set": {"sku": "CUP"}})
    assert shop.do(edit_draft, placed.order_id, order("S1", ("CUP", 2))).discrepancies == ()
    assert [row["status"] for row in rows_of(shop.database, "discrepancy")] == ["fixed"]
    assert shop.do(place_draft, placed.order_id).status == "allocated"
    assert rows_of(shop.database, "order_draft") == []


def test_a_fix_is_one_click(shop, rows_of):
    shop.stock("CUP", "EAST", 5)
    shop.do(place_order, order("S1", ("CUPP", 2)))
    (doubt,) = rows_of(shop.database, "discrepancy")
    resolved = fix_discrepancy(shop.database, doubt["id"], place=True, key="fix", actor=shop.ACTOR, at=shop.NOW)
    assert (resolved.status, resolved.still_open) == ("allocated", 0)


def test_an_order_can_be_refused_instead_of_kept(shop, dump):
    before = dump(shop.database)
    with pytest.raises(OrderRefused) as refused:
        place_order(
            shop.database, order("S1", ("CUPP", 2), ("MUG", 0)), key="k", actor=shop.ACTOR, at=shop.NOW,
            refuse_discrepancies=True,
        )  # fmt: skip
    assert len(refused.value.discrepancies) == 2
    assert dump(shop.database) == before


def test_a_doubtful_order_keeps_its_stock_and_waits_until_it_is_accepted_or_approved(shop, rows_of):
    shop.stock("CUP", "EAST", 5)
    half = Address("Ann", None, None, None, None, None, "BE")
    for reference in ("S1", "S2"):
        placed = shop.do(place_order, order(reference, ("CUP", 2), ship_to=half))
        assert (placed.status, placed.lines[0].allocated) == ("on_hold", 2)
    first, second = rows_of(shop.database, "discrepancy")
    assert shop.do(accept_discrepancy, first["id"], "collected").status == "allocated"
    assert shop.do(approve_order, second["sales_order_id"], "collected").status == "allocated"
    assert {row["released_by"] for row in rows_of(shop.database, "order_hold")} == {"tester"}


def test_a_draft_reserves_nothing(shop):
    shop.stock("CUP", "EAST", 5)
    assert shop.do(draft_order, order("S1", ("CUP", 2))).status == "draft"
    assert shop.shelf("CUP", "EAST") == (5, 0)


def test_the_business_date_is_the_channels(shop, rows_of):
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    with shop.database.writing() as connection:
        connection.exec_driver_sql("UPDATE channel SET time_zone = 'Europe/Berlin'")
    shop.do(place_order, order("S1", ("CUP", 1)), at=late)
    assert rows_of(shop.database, "sales_order")[0]["business_date"] == date(2026, 3, 3)


def test_taxes_are_lines_and_the_order_is_worth_them(shop, rows_of):
    shop.stock("CUP", "EAST", 9)
    lines = (LineRequest("CUP", 3, Decimal("3.33"), Decimal("0.21"), "VAT"),)
    placed = shop.do(place_order, OrderRequest("WEB", "S1", lines, currency="EUR"))
    included = OrderRequest("WEB", "S2", lines, currency="EUR", prices_include_tax=True)
    assert (placed.value_minor, shop.do(place_order, included).value_minor) == (999 + 210, 999)
    taxes = [(row["amount_minor"], row["is_included"]) for row in rows_of(shop.database, "tax_line")]
    assert taxes == [(210, False), (173, True)]  # 9.99 × 0.21 = 2.0979; 9.99 × 0.21 / 1.21 = 1.7338


def test_an_import_does_not_bring_a_placed_order_again(shop, write_csv, tmp_path, dump):
    shop.stock("CUP", "EAST", 5)
    shop.do(place_order, order("S1", ("CUP", 2)))
    row = {"order_id": "S1", "order_date": "2026-03-02 10:00", "customer_id": "C", "sku": "CUP", "quantity": 2,
           "unit_price": 5}  # fmt: skip
    path = write_csv(tmp_path / "orders.csv", [row])
    before = dump(shop.database)
    report = import_orders(shop.database, OrderImport(path, channel="WEB"), actor=shop.ACTOR, at=shop.NOW)
    assert report.errors.counts == {
        "an order of this number was entered here: what was placed is not imported again": 1
    }
    assert dump(shop.database) == before
