"""`stockwright check` finds what no import could have done, on both databases, and finds nothing after imports."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from orders.checking import check
from orders.importing import FileImport, StockImport, import_items, import_purchases, import_stock

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
    """Past the triggers, as somebody with a database shell could."""
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE stock_move DISABLE TRIGGER USER"))
        else:
            for trigger in ("stock_move_no_update", "stock_move_no_delete"):
                connection.execute(text(f"DROP TRIGGER {trigger}"))
        for statement in statements:
            connection.execute(text(statement))
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE stock_move ENABLE TRIGGER USER"))


def test_after_imports_everything_adds_up(busy):
    assert broken(busy) == {}
    assert len(check(busy)) == 8


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
    found = broken(busy)["stock movements can be neither changed nor deleted"]
    assert found.broken == 1
    assert "stock_move_no_delete" in found.examples[0]
    assert "stockwright init" in found.examples[0]
