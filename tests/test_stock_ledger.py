"""The ledger only grows, balances are its sum, and nothing is created or lost on the way."""

import sqlite3
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from data.append_only import missing_triggers, protect
from orders.importing import FileImport, StockImport, import_purchases, import_stock

DAY = date(2024, 1, 1)
CHANGES = {
    "update": "UPDATE stock_move SET quantity = quantity + 1",
    "update of one": "UPDATE stock_move SET reason = 'x' WHERE id = (SELECT min(id) FROM stock_move)",
    "delete": "DELETE FROM stock_move",
    "delete of one": "DELETE FROM stock_move WHERE id = (SELECT max(id) FROM stock_move)",
}
COPY_OF_FIRST = (
    "INTO stock_move SELECT id, sku_id, lot_id, 77, source_location_id, destination_location_id, effective_at,"
    " recorded_at, kind, reason, unit_cost_micros, currency, order_line_id, rma_line_id, purchase_order_line_id,"
    " import_batch_id, reverses_id, command_key FROM stock_move WHERE id = (SELECT min(id) FROM stock_move)"
)


@pytest.fixture
def traded(company):
    """A company with five units sold of one SKU and three of another."""
    sold = {"order_id": 1, "order_date": "2024-01-01 10:00", "customer_id": 7, "unit_price": 2}
    company.orders([{**sold, "sku": "A", "quantity": 5}, {**sold, "sku": "B", "quantity": 3}])
    return company


# Append-only


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_movement_cannot_be_changed_or_deleted(traded, rows_of, change):
    before = rows_of(traded.database, "stock_move")
    assert [move["quantity"] for move in before] == [5, 3]
    with pytest.raises(DBAPIError, match="append-only: reverse them"), traded.database.writing() as connection:
        connection.execute(text(CHANGES[change]))
    assert rows_of(traded.database, "stock_move") == before


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("change", ["TRUNCATE stock_move CASCADE", "TRUNCATE sku CASCADE", "TRUNCATE audit_log"])
def test_movements_cannot_be_truncated(traded, rows_of, change):
    with pytest.raises(DBAPIError, match="append-only"), traded.database.writing() as connection:
        connection.execute(text(change))
    assert [move["quantity"] for move in rows_of(traded.database, "stock_move")] == [5, 3]


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("recursive_triggers", ["ON", "OFF"])
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
def test_a_movement_cannot_be_replaced_by_any_sqlite_program(traded, rows_of, recursive_triggers, verb):
    before = rows_of(traded.database, "stock_move")
    foreign = sqlite3.connect(traded.database.url.database)
    foreign.execute(f"PRAGMA recursive_triggers={recursive_triggers}")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        foreign.execute(f"{verb} {COPY_OF_FIRST}")
    foreign.close()
    assert rows_of(traded.database, "stock_move") == before


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_movement_cannot_be_replaced_by_an_upsert(traded, rows_of):
    statement = f"INSERT {COPY_OF_FIRST} ON CONFLICT (id) DO UPDATE SET quantity = excluded.quantity"
    with pytest.raises(DBAPIError, match="append-only"), traded.database.writing() as connection:
        connection.execute(text(statement))
    assert [move["quantity"] for move in rows_of(traded.database, "stock_move")] == [5, 3]


def test_a_dropped_trigger_is_reported_and_made_again(traded):
    with traded.database.writing() as connection:
        assert missing_triggers(connection) == []
        on = " ON stock_move" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER stock_move_no_update{on}"))
        assert missing_triggers(connection) == ["stock_move_no_update"]
        protect(connection)
        assert missing_triggers(connection) == []
    with pytest.raises(DBAPIError, match="append-only"), traded.database.writing() as connection:
        connection.execute(text(CHANGES["update"]))


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_switched_off_trigger_is_reported(traded):
    with traded.database.writing() as connection:
        connection.execute(text("ALTER TABLE stock_move DISABLE TRIGGER stock_move_no_update"))
        assert missing_triggers(connection) == ["stock_move_no_update"]


# Checks behind the balances

BALANCE = (
    "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand, allocated)"
    " SELECT min(s.id), max(p.id), 0, :external, :on_hand, :allocated FROM sku s, location p"
)


@pytest.mark.parametrize(("on_hand", "allocated"), [(-1, 0), (0, 1), (4, 5), (4, -1)])
def test_a_place_of_ours_never_holds_less_than_nothing_or_than_is_allocated(traded, on_hand, allocated):
    with pytest.raises(IntegrityError, match="never_oversold"), traded.database.writing() as connection:
        connection.execute(text(f"{BALANCE} WHERE NOT p.is_external"), {
            "external": False, "on_hand": on_hand, "allocated": allocated,
        })  # fmt: skip


def test_outside_our_walls_a_balance_may_be_negative(traded, rows_of):
    kinds = {place["id"]: place["kind"] for place in rows_of(traded.database, "location")}
    held = {kinds[row["location_id"]]: 0 for row in rows_of(traded.database, "stock_balance")}
    for row in rows_of(traded.database, "stock_balance"):
        held[kinds[row["location_id"]]] += row["on_hand"]
    assert held == {"before_stockwright": -8, "customer": 8}


@pytest.mark.parametrize(
    "changed", [{"quantity": "0"}, {"quantity": "-1"}, {"destination_location_id": "source_location_id"}]
)
def test_a_movement_takes_something_from_one_place_to_another(traded, changed):
    columns = [
        "sku_id",
        "quantity",
        "source_location_id",
        "destination_location_id",
        "effective_at",
        "recorded_at",
        "kind",
    ]
    chosen = ", ".join(changed.get(column, column) for column in columns)
    with pytest.raises(IntegrityError), traded.database.writing() as connection:
        connection.execute(text(f"INSERT INTO stock_move ({', '.join(columns)}) SELECT {chosen} FROM stock_move"))


# Any history

codes = st.sampled_from(["A", "B", "b", "C"])
days = st.integers(0, 6)
places = st.sampled_from(["MAIN", "EAST"])


def moment(day, hour):
    return f"{DAY + timedelta(days=day)} {hour:02d}:00:00"


@st.composite
def order_files(draw):
    """Orders with and without shipping times, and credits of all sorts."""
    says_shipping = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        order, day = draw(st.integers(1, 6)), draw(days)
        is_sale = draw(st.integers(0, 3)) > 0
        quantity = draw(st.integers(1, 9))
        shipped = draw(st.booleans())
        rows.append(
            {
                "order_id": f"{'S' if is_sale else 'R'}{order}",
                "order_date": moment(day, draw(st.sampled_from([9, 23]))),
                "customer_id": draw(st.sampled_from(["7", "8", ""])),
                "sku": draw(codes),
                "quantity": quantity if is_sale else -quantity,
                "unit_price": draw(st.sampled_from(["2", "2.5", "0"])),
                "location": draw(places),
                "cancelled_quantity": draw(st.integers(0, quantity)) if is_sale and draw(st.booleans()) else 0,
                "returns_order": draw(st.sampled_from(["", "S1", "S2"])) if not is_sale else "",
                "disposition": draw(st.sampled_from(["", "restock", "scrap"])) if not is_sale else "",
                **({"shipped_at": moment(day, 23) if shipped else ""} if says_shipping else {}),
            }
        )
    return "orders", rows


@st.composite
def stock_files(draw):
    counted = draw(st.dictionaries(st.tuples(st.sampled_from("ABC"), places), st.integers(0, 40), min_size=1))
    on_order = draw(st.sampled_from(["", 5]))
    rows = [
        {"sku": sku, "location": place, "on_hand": on_hand, "on_order": on_order}
        for (sku, place), on_hand in counted.items()
    ]
    return "stock", rows, draw(days)


@st.composite
def purchase_files(draw):
    number = draw(st.integers(1, 10**6))
    rows = [
        {
            "po_number": f"PO{number}",
            "supplier": "Acme",
            "sku": draw(st.sampled_from("ABC")),
            "location": draw(places),
            "quantity": draw(st.integers(1, 30)),
            "unit_cost": 1,
            "ordered_at": moment(0, 8),
            "received_at": draw(st.sampled_from(["", moment(draw(days), 8)])),
            "received_quantity": draw(st.sampled_from(["", 0, 3, 40])),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    return "purchases", rows


def carry_out(company, step):
    match step:
        case ("orders", rows):
            return company.orders(rows)
        case ("stock", rows, day):
            counted_at = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(days=day, hours=12)
            return company.other(import_stock, StockImport(company.file(rows), counted_at=counted_at))
        case (_, rows):
            return company.other(import_purchases, FileImport(company.file(rows)))


@settings(max_examples=max(settings.default.max_examples // 2, 10))
@given(steps=st.lists(st.one_of(order_files(), order_files(), stock_files(), purchase_files()), max_size=6))
def test_balances_are_the_sum_of_movements_and_nothing_is_lost_whatever_is_imported(
    new_database, company_in, ledger_faults, dump, steps
):
    with new_database() as database:
        company = company_in(database)
        opening = [{"sku": code, "location": "MAIN", "on_hand": 500} for code in "ABC"]
        known = {"order_id": "S0", "order_date": moment(0, 1), "quantity": 1, "unit_price": 1}
        company.orders([{**known, "sku": code} for code in "ABC"])
        company.other(import_stock, StockImport(company.file(opening), counted_at=datetime(2024, 1, 1, tzinfo=UTC)))
        for step in steps:
            before = dump(database)
            report = carry_out(company, step)
            if report.status == "rejected":
                assert dump(database) == before
            assert sum(report.counts.values()) == len(step[1])
            assert ledger_faults(database) == []
