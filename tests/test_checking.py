"""`stockwright check` finds what no import could have done, on both databases, and finds nothing after imports."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from data.append_only import APPEND_ONLY, protect
from data.check_rows import QUESTIONS
from orders.checking import check, check_and_remember
from orders.importing import FileImport, StockImport, import_items, import_purchases, import_stock
from orders.model import Actor
from orders.paying import Authorisation, authorise_payment, capture_payment
from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
from orders.receiving import Receipt, receive_purchase
from orders.shipping import ShipLine, Shipping, ship_order
from orders.stocking import Adjustment, adjust_stock, reverse_move

UNGUARDED = [("payment", "ck_payment_never_over_refunded"), ("order_line", "ck_order_line_progress")]
COUNTED = datetime(2024, 1, 1, tzinfo=UTC)
LINE = {"order_date": "2024-03-05 10:00", "customer_id": "C1", "unit_price": 2}


@pytest.fixture
def busy(company):
    """A company with counted stock, a receipt, sales from stock and from history, a cancellation and a return."""
    company.other(import_items, FileImport(company.file([{"sku": "A"}, {"sku": "B"}])))
    stock = [{"sku": sku, "location": "EAST", "on_hand": 20} for sku in "AB"]
    company.other(import_stock, StockImport(company.file(stock), counted_at=COUNTED))
    bought = {"po_number": "P1", "supplier": "Acme", "sku": "A", "location": "EAST", "quantity": 5, "unit_cost": 1,
              "ordered_at": "2024-02-01", "received_at": "2024-02-09"}  # fmt: skip
    company.other(import_purchases, FileImport(company.file([bought])))
    company.orders(
        [
            {**LINE, "order_id": "S1", "sku": "A", "quantity": 6, "location": "EAST", "shipped_at": "2024-03-05 12:00"},
            {**LINE, "order_id": "S1", "sku": "B", "quantity": 4, "location": "EAST", "shipped_at": "2024-03-05 12:00"},
        ]
    )
    company.orders([{**LINE, "order_id": "S2", "sku": "A", "quantity": 9}])
    company.orders(
        [
            {**LINE, "order_id": "C2", "order_date": "2024-03-05 11:00", "sku": "A", "quantity": -2},
            {**LINE, "order_id": "R1", "order_date": "2024-03-20 11:00", "sku": "A", "quantity": -3},
        ]
    )
    return company.database


def broken(database):
    return {finding.promise: finding for finding in check(database) if not finding.holds}


def tamper(database, *statements):
    """Past the triggers and checks, as somebody with a database shell could."""
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            for table in APPEND_ONLY:
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            for table, check_name in UNGUARDED:
                connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {check_name}"))
        else:
            for table in APPEND_ONLY:
                for event in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{event}"))
            connection.execute(text("PRAGMA ignore_check_constraints=ON"))
        for statement in statements:
            connection.execute(text(statement))
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA ignore_check_constraints=OFF"))
        protect(connection)
        if connection.dialect.name == "postgresql":
            for table in APPEND_ONLY:
                connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def test_after_imports_everything_adds_up(busy):
    assert broken(busy) == {}
    assert len(check(busy)) == len(QUESTIONS) + 2


def test_an_empty_database_adds_up(database):
    assert broken(database) == {}


@pytest.mark.parametrize(
    ("statement", "promise", "named"),
    [
        (
            "UPDATE stock_balance SET on_hand = on_hand + 1 WHERE sku_id = (SELECT id FROM sku WHERE code = 'B')"
            " AND location_id = (SELECT id FROM location WHERE code = 'EAST')",
            "a balance is the sum of its movements",
            "sku B, location EAST, lot 0, on_hand 17, moved 16",
        ),
        (
            "DELETE FROM stock_balance WHERE sku_id = (SELECT id FROM sku WHERE code = 'B')"
            " AND location_id = (SELECT id FROM location WHERE code = 'EAST')",
            "over all locations every SKU adds up to zero",
            "sku B, on_hand -16",
        ),
        (
            "UPDATE stock_move SET quantity = 1 WHERE kind = 'sale' AND sku_id = (SELECT id FROM sku WHERE code = 'B')",
            "an order line's shipped quantity is what the ledger moved to the customer for it",
            "order_ref S1, line_no 2, quantity_shipped 4, moved 1",
        ),
        (
            "DELETE FROM cancellation",
            "an order line's cancelled quantity is the sum of its cancellations",
            "quantity_cancelled 2, cancelled 0",
        ),
        (
            "UPDATE rma_line SET quantity = 1 WHERE quantity = 3",
            "an order line's returned quantity is the sum of its returns, and no more than was shipped",
            "quantity_returned 3, returned 1",
        ),
        (
            "UPDATE stock_balance SET is_external = true WHERE sku_id = (SELECT id FROM sku WHERE code = 'B')"
            " AND location_id = (SELECT id FROM location WHERE code = 'EAST')",
            "a balance says whether its location is ours",
            "sku B, location EAST",
        ),
    ],
)
def test_what_was_tampered_with_is_named(busy, statement, promise, named):
    tamper(busy, statement)
    found = broken(busy)
    assert promise in found
    assert any(named in example for example in found[promise].examples), found[promise].examples


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_missing_triggers_are_named_with_what_to_do(busy):
    with busy.writing() as connection:
        connection.execute(text("DROP TRIGGER stock_move_no_delete"))
    found = broken(busy)["movements, timelines, state changes and the audit trail can be neither changed nor deleted"]
    assert found.broken == 1
    assert "stock_move_no_delete" in found.examples[0]
    assert "stockwright init" in found.examples[0]


# Orders, reservations and logs


@pytest.fixture
def trading(tampered_shop):
    """An order half shipped, one that waits, a payment, a lot, a receipt, a reversed count, and a sealed trail."""
    shop = tampered_shop
    shop.stock("CUP", "EAST", 9)
    shop.stock("MILK", "EAST", 4, lot="L1")
    bought = PurchaseRequest("Acme", "EAST", (PurchaseLine("MUG", 3, Decimal(1)),), number="P1", send=True)
    shop.do(place_purchase_order, bought)
    shop.do(receive_purchase, Receipt("P1"))
    half = shop.order("S1", CUP=4, MILK=2)
    shop.do(ship_order, Shipping(half, (ShipLine(1, 3),)))
    shop.order("S2", MUG=5)
    shop.do(authorise_payment, Authorisation(half, "PAY1", "card", Decimal(30)))
    shop.do(capture_payment, half, "PAY1", Decimal(20))
    lost = shop.do(adjust_stock, Adjustment("CUP", "EAST", -1, "broken"))
    shop.do(reverse_move, lost.move.id, "it was not")
    check_and_remember(shop.database, actor=shop.ACTOR, at=shop.NOW)
    return shop.database


def test_a_trading_company_adds_up(trading):
    assert broken(trading) == {}


@pytest.mark.parametrize(
    ("statement", "promise", "named"),
    [
        (
            "UPDATE stock_balance SET allocated = allocated + 1 WHERE allocated = 1",
            "what a balance has allocated is what is reserved on it",
            "sku CUP, location EAST, lot 0, allocated 2, reserved 1",
        ),
        (
            "UPDATE order_line SET quantity_allocated = 0 WHERE quantity_allocated = 1",
            "what an order line has allocated is what is reserved for it",
            "order_ref S1, line_no 1, quantity_allocated 0, reserved 1",
        ),
        (
            "INSERT INTO transition (machine, entity_id, from_state, event, to_state, occurred_at, actor, command_key)"
            " SELECT machine, entity_id, from_state, event, to_state, occurred_at, actor, command_key FROM transition"
            " WHERE machine = 'reservation'",
            "a reservation ends at most once",
            "ends 2",
        ),
        (
            "DELETE FROM outbox WHERE topic = 'order.shipped'",
            "the outbox holds the messages of every command, and no others",
            "announced 1, messages 0",
        ),
        (
            "UPDATE order_line SET quantity_backordered = quantity_backordered + 9 WHERE quantity_backordered > 0",
            "every unit of an order line is cancelled, shipped or open, and none is counted twice",
            "order_ref S2, line_no 1, quantity 5",
        ),
        (
            "UPDATE payment SET refunded_minor = captured_minor + 1",
            "refunds do not exceed what was captured, nor captures what was authorised, in the order's currency",
            "order_ref S1, payment PAY1, authorised_minor 3000, captured_minor 2000, refunded_minor 2001",
        ),
        (
            "UPDATE sales_order SET value_minor = value_minor + 1 WHERE external_ref = 'S2'",
            "an order is worth what its lines and the taxes on top add up to",
            "order_ref S2, value_minor 2501, lines_and_taxes 2500",
        ),
        (
            "UPDATE sales_order SET status = 'allocated' WHERE external_ref = 'S1'",
            "an order's state is what its lines and holds say",
            "order_ref S1, status allocated, derived partially_shipped",
        ),
        (
            "UPDATE transition SET from_state = 'backordered' WHERE event = 'ship'",
            "changes of state follow each other without a gap, and the last one is where the thing stands",
            "machine order",
        ),
        (
            "DELETE FROM lot",
            "a lot belongs to the SKU that is moved in it",
            "sku MILK",
        ),
        (
            "UPDATE stock_move SET quantity = 7 WHERE kind = 'reversal'",
            "a reversal undoes exactly the movement that it names",
            "quantity 1, reversed 7",
        ),
        (
            "UPDATE purchase_order_line SET quantity_received = 2",
            "a purchase order line has received what the ledger moved in for it",
            "purchase_order P1, line_no 1, quantity_received 2, moved 3",
        ),
        (
            "UPDATE audit_log SET actor = 'nobody' WHERE action = 'order.shipped'",
            "the sealed audit trail is as it was sealed",
            "is not as it was sealed",
        ),
        (
            "DELETE FROM audit_log WHERE action = 'order.shipped'",
            "the sealed audit trail is as it was sealed",
            "is gone",
        ),
        (
            "DELETE FROM audit_seal WHERE id = 2",
            "the sealed audit trail is as it was sealed",
            "seal 2 is missing before it",
        ),
    ],
)
def test_what_was_tampered_with_in_orders_and_logs_is_named(trading, statement, promise, named):
    tamper(trading, statement)
    found = broken(trading)
    assert promise in found
    assert any(named in example for example in found[promise].examples), found[promise].examples


def test_the_outcome_of_a_check_is_kept_for_the_dashboard(trading, rows_of):
    tamper(trading, "UPDATE stock_balance SET on_hand = on_hand + 1 WHERE NOT is_external")
    check_and_remember(trading, actor=Actor("night job"), at=COUNTED)
    first, last = rows_of(trading, "check_run")
    assert (first["broken"], last["broken"], last["checked_by"], last["checked_at"]) == (0, 2, "night job", COUNTED)


def test_what_is_sealed_once_is_sealed_in_the_order_in_which_it_was_committed(trading, rows_of):
    before = rows_of(trading, "audit_seal")
    assert [row["id"] for row in before] == list(range(1, len(before) + 1))
    check_and_remember(trading, actor=Actor("night job"), at=COUNTED)
    assert rows_of(trading, "audit_seal") == before
