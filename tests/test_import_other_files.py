"""Items, stock, purchases and parcels: read whole or not at all, every bad cell said, nothing twice."""

from datetime import UTC, date, datetime

import pytest

from data import position_rows
from data.errors import UnreadableFile
from orders.importing import (
    FileImport,
    StockImport,
    import_items,
    import_parcels,
    import_purchases,
    import_stock,
)

AGAIN = "stored already: left as it is"
COUNTED = datetime(2024, 3, 1, 18, tzinfo=UTC)

ITEM = {"sku": "A", "name": "Mug", "category": "Kitchen", "supplier": "Acme", "lead_time_days": "10", "moq": "24",
        "pack_size": "12", "unit_cost": "1.255", "volume": "0.5"}  # fmt: skip
PURCHASE = {"po_number": "P1", "supplier": "Acme", "sku": "A", "location": "EAST", "quantity": "30",
            "unit_cost": "1.2", "ordered_at": "2024-01-01 09:00:00", "received_at": ""}  # fmt: skip
PARCEL = {"parcel_id": "X1", "order_id": "1", "carrier": "DHL", "service": "express", "tracking_number": "T1",
          "shipped_at": "2024-01-02 09:00:00", "promised_date": "2024-01-03", "delivered_at": "2024-01-03 12:00:00",
          "status": "delivered"}  # fmt: skip


class Files:
    """The four imports over rows."""

    def __init__(self, company):
        self.company = company

    def items(self, *rows, **options):
        return self.company.other(import_items, FileImport(self.company.file(rows), **options))

    def stock(self, *rows, counted_at=COUNTED, **options):
        request = StockImport(self.company.file(rows), counted_at=counted_at, **options)
        return self.company.other(import_stock, request)

    def purchases(self, *rows, **options):
        return self.company.other(import_purchases, FileImport(self.company.file(rows), **options))

    def parcels(self, *rows, **options):
        return self.company.other(import_parcels, FileImport(self.company.file(rows), **options))


@pytest.fixture
def files(company):
    return Files(company)


@pytest.fixture
def on_hand(company, rows_of):
    """(SKU, location) → units at places of ours."""

    def read():
        skus = {row["id"]: row["code"] for row in rows_of(company.database, "sku")}
        places = {row["id"]: row["code"] for row in rows_of(company.database, "location")}
        return {
            (skus[row["sku_id"]], places[row["location_id"]]): row["on_hand"]
            for row in rows_of(company.database, "stock_balance")
            if not row["is_external"]
        }

    return read


def problems(report):
    assert report.status == "rejected"
    return [(item.row, item.column, item.value, item.problem) for item in report.errors.shown()]


def counted(sku, on_hand, location="EAST", **more):
    return {"sku": sku, "location": location, "on_hand": on_hand, **more}


# Items


def test_an_item_becomes_a_sku_with_its_supply_terms(files, company, rows_of):
    assert files.items(ITEM, {"sku": "b"}).counts == {"items added": 2, "items updated": 0}
    first, second = rows_of(company.database, "sku")
    assert (first["code"], first["name"], first["category"], first["volume_litres"]) == ("A", "Mug", "Kitchen", 0.5)
    assert (second["code"], second["display_code"], second["name"]) == ("B", "b", "b")
    terms = rows_of(company.database, "supplier_sku")[0]
    (supplier,) = rows_of(company.database, "party")
    assert (supplier["kind"], supplier["name"], terms["supplier_id"]) == ("supplier", "Acme", supplier["id"])
    assert (terms["lead_time_days"], terms["moq"], terms["pack_size"], terms["unit_cost_micros"]) == (
        10.0, 24, 12, 1_255_000,
    )  # fmt: skip


def test_an_empty_cell_leaves_what_was_known(files, company, rows_of):
    files.items(ITEM)
    assert files.items({"sku": "a", "moq": "48", "name": " ", "unit_cost": ""}).counts == {
        "items added": 0, "items updated": 1,
    }  # fmt: skip
    (sku,) = rows_of(company.database, "sku")
    (terms,) = rows_of(company.database, "supplier_sku")
    assert (sku["name"], sku["category"]) == ("Mug", "Kitchen")
    assert (terms["moq"], terms["pack_size"], terms["unit_cost_micros"]) == (48, 12, 1_255_000)


def test_every_bad_cell_of_an_item_file_is_said(files, company, dump):
    before = dump(company.database)
    report = files.items(
        ITEM,
        {"sku": ""},
        {"sku": "B", "lead_time_days": "soon", "moq": "0"},
        {"sku": "C", "pack_size": "1.5", "unit_cost": "-1"},
        {"sku": "D", "volume": "big", "lead_time_days": "-2"},
        {"sku": "a"},
    )
    assert problems(report) == [
        (3, "sku", None, "sku is missing"),
        (4, "lead_time_days", "soon", "lead_time_days must be a number, 0 or more"),
        (4, "moq", "0", "moq must be a whole number, 1 or more"),
        (5, "pack_size", "1.5", "pack_size must be a whole number, 1 or more"),
        (5, "unit_cost", "-1", "unit_cost must be a number, 0 or more"),
        (6, "lead_time_days", "-2", "lead_time_days must be a number, 0 or more"),
        (6, "volume", "big", "volume must be a number, 0 or more"),
        (7, "sku", None, "sku came before in this file"),
    ]
    assert report.counts == {"refused with the file": 6}
    assert dump(company.database) == before


# Stock


def test_a_first_count_is_opening_stock_at_the_moment_of_the_count(files, company, rows_of, on_hand, ledger_faults):
    files.items(ITEM, {"sku": "B"}, {"sku": "C"})
    report = files.stock(counted("a", 40), counted("B", 7, "west"), counted("C", 0))
    assert report.counts == {"opening stock": 3, "counted again": 0}
    assert on_hand() == {("A", "EAST"): 40, ("B", "WEST"): 7, ("C", "EAST"): 0}
    moves = rows_of(company.database, "stock_move")
    assert [(move["kind"], move["quantity"], move["effective_at"]) for move in moves] == [
        ("opening", 40, COUNTED), ("opening", 7, COUNTED),
    ]  # fmt: skip
    assert [(move["unit_cost_micros"], move["currency"]) for move in moves] == [(1_255_000, "EUR"), (None, None)]
    assert ledger_faults(company.database) == []


def test_a_second_count_moves_only_the_difference(files, company, rows_of, on_hand, ledger_faults):
    files.items(ITEM, {"sku": "B"}, {"sku": "C"})
    files.stock(counted("A", 40), counted("B", 7), counted("C", 3))
    later = COUNTED.replace(month=4)
    report = files.stock(counted("A", 45), counted("B", 2), counted("C", 3), counted_at=later)
    assert report.counts == {"opening stock": 0, "counted again": 3}
    assert on_hand() == {("A", "EAST"): 45, ("B", "EAST"): 2, ("C", "EAST"): 3}
    places = {row["id"]: row["code"] for row in rows_of(company.database, "location")}
    assert [
        (move["kind"], move["quantity"], places[move["source_location_id"]], places[move["destination_location_id"]])
        for move in rows_of(company.database, "stock_move")[3:]
    ] == [("count", 5, "ADJUSTMENT", "EAST"), ("count", 5, "EAST", "ADJUSTMENT")]
    assert ledger_faults(company.database) == []


def test_a_count_written_down_late_is_compared_with_the_stock_of_its_own_moment(files, on_hand, ledger_faults, company):
    files.items(ITEM)
    files.stock(counted("A", 40))
    files.purchases({**PURCHASE, "received_at": "2024-03-10 09:00:00"})
    assert on_hand() == {("A", "EAST"): 70}
    files.stock(counted("A", 38), counted_at=datetime(2024, 3, 5, tzinfo=UTC))  # two were lost before the receipt
    assert on_hand() == {("A", "EAST"): 68}
    assert ledger_faults(company.database) == []


def test_a_late_count_below_what_left_since_is_refused(files, company, dump, on_hand):
    files.items(ITEM)
    files.stock(counted("A", 40))
    company.orders([{"order_id": 1, "order_date": "2024-03-08", "customer_id": 7, "sku": "A", "quantity": 30,
                     "unit_price": 2, "location": "EAST", "shipped_at": "2024-03-09"}])  # fmt: skip
    before = dump(company.database)
    report = files.stock(counted("A", 25), counted_at=datetime(2024, 3, 5, tzinfo=UTC))
    assert problems(report) == [(2, "on_hand", "25", "A at EAST: what left since this count exceeds it by 5")]
    assert dump(company.database) == before
    assert on_hand() == {("A", "EAST"): 10}


def test_what_is_on_order_becomes_purchase_orders_by_place_and_day(files, company, rows_of):
    files.items(ITEM, {"sku": "B"})
    files.stock(
        counted("A", 1, on_order=12, expected_date="2024-03-20"),
        counted("B", 1, on_order=5, expected_date="2024-03-20"),
        counted("A", 1, "WEST", on_order=9),
        counted("B", 1, "WEST", on_order=0),
    )
    orders = {row["id"]: row for row in rows_of(company.database, "purchase_order")}
    assert [(row["status"], row["ordered_at"]) for row in orders.values()] == [("ordered", COUNTED)] * 2
    lines = rows_of(company.database, "purchase_order_line")
    assert {(row["quantity"], row["expected_date"]) for row in lines} == {
        (12, date(2024, 3, 20)), (5, date(2024, 3, 20)), (9, None),
    }  # fmt: skip
    with company.database.reading() as connection:
        expected = position_rows.on_order(connection, closed_at=datetime(2024, 3, 2, tzinfo=UTC))
    assert sorted(expected["on_order"]) == [5, 9, 12]


def test_a_later_stock_file_says_anew_what_is_on_order(files, company):
    files.items(ITEM, {"sku": "B"})
    files.stock(counted("A", 1, on_order=12), counted("B", 1, on_order=5))
    files.stock(counted("A", 1, on_order=4, expected_date="2024-03-28"), counted("B", 1))
    with company.database.reading() as connection:
        open_lines = position_rows.on_order(connection, closed_at=datetime(2024, 4, 2, tzinfo=UTC))
    assert sorted(open_lines["on_order"]) == [4, 5]


def test_every_bad_cell_of_a_stock_file_is_said(files, company, dump):
    files.items(ITEM)
    before = dump(company.database)
    report = files.stock(
        counted("A", "-1"),
        counted("", 1),
        counted("A", "", "WEST", on_order="x"),
        counted("A", 1, "NORTH", expected_date="soon", on_order="-3"),
        counted("a", 5, "east"),
        counted("A", "many", ""),
    )
    assert problems(report) == [
        (2, "on_hand", "-1", "on_hand must be a whole number, 0 or more"),
        (3, "sku", None, "sku is missing"),
        (4, "on_hand", None, "on_hand is missing"),
        (4, "on_order", "x", "on_order must be a whole number, 0 or more"),
        (5, "on_order", "-3", "on_order must be a whole number, 0 or more"),
        (5, "expected_date", "soon", "expected_date must be a date"),
        (6, "sku and location", None, "sku and location came before in this file"),
        (7, "location", None, "location is missing"),
        (7, "on_hand", "many", "on_hand must be a whole number, 0 or more"),
    ]
    assert dump(company.database) == before


def test_stock_of_an_unknown_sku_is_refused(files, company, dump):
    files.items(ITEM)
    before = dump(company.database)
    report = files.stock(counted("A", 1), counted("nope", 1))
    assert problems(report) == [(3, "sku", "NOPE", "unknown SKU: import its item or its orders first")]
    assert dump(company.database) == before


# Purchases


def test_received_lines_are_receipts_and_open_ones_are_on_order(files, company, rows_of, on_hand, ledger_faults):
    files.items(ITEM, {"sku": "B"})
    report = files.purchases(
        {**PURCHASE, "received_at": "2024-01-11 09:00:00"},
        {**PURCHASE, "sku": "B"},
        {**PURCHASE, "po_number": "P2", "received_at": "2024-01-12 09:00:00", "received_quantity": "20"},
        {**PURCHASE, "po_number": "P3", "received_at": "2024-01-12 09:00:00", "received_quantity": "35"},
    )
    assert report.counts == {"received lines": 3, "open lines": 1}
    assert {row["number"]: row["status"] for row in rows_of(company.database, "purchase_order")} == {
        "P1": "ordered", "P2": "received", "P3": "received",
    }  # fmt: skip
    assert [
        (row["line_no"], row["quantity"], row["quantity_received"], row["quantity_cancelled"])
        for row in rows_of(company.database, "purchase_order_line")
    ] == [(1, 30, 30, 0), (2, 30, 0, 0), (1, 30, 20, 10), (1, 30, 35, 0)]
    assert on_hand() == {("A", "EAST"): 85}
    assert {(m["kind"], m["unit_cost_micros"], m["currency"]) for m in rows_of(company.database, "stock_move")} == {
        ("receipt", 1_200_000, "EUR")
    }
    with company.database.reading() as connection:
        lead_times = position_rows.received_lead_times(connection, closed_at=COUNTED)
        open_lines = position_rows.on_order(connection, closed_at=COUNTED)
        before = position_rows.on_order(connection, closed_at=datetime(2024, 1, 10, tzinfo=UTC))
    assert sorted(lead_times["lead_time_days"]) == [10.0, 11.0, 11.0]
    assert open_lines["on_order"].tolist() == [30]
    assert before["on_order"].tolist() == [30, 30, 30, 30]
    assert ledger_faults(company.database) == []


def test_every_bad_cell_of_a_purchase_file_is_said(files, company, dump):
    files.items(ITEM)
    before = dump(company.database)
    report = files.purchases(
        {**PURCHASE, "po_number": "", "supplier": ""},
        {**PURCHASE, "sku": "", "location": ""},
        {**PURCHASE, "quantity": "0", "unit_cost": "x"},
        {**PURCHASE, "quantity": "", "ordered_at": ""},
        {**PURCHASE, "ordered_at": "then", "received_at": "now", "expected_date": "never"},
        {**PURCHASE, "received_quantity": "-1"},
    )
    assert set(problems(report)) == {
        (2, "po_number", None, "po_number is missing"),
        (2, "supplier", None, "supplier is missing"),
        (3, "sku", None, "sku is missing"),
        (3, "location", None, "location is missing"),
        (4, "quantity", "0", "quantity must be a whole number, 1 or more"),
        (4, "unit_cost", "x", "unit_cost must be a number, 0 or more"),
        (5, "quantity", None, "quantity is missing"),
        (5, "ordered_at", "None", "ordered_at must be a date or time"),
        (6, "ordered_at", "then", "ordered_at must be a date or time"),
        (6, "received_at", "now", "received_at must be a date or time"),
        (6, "expected_date", "never", "expected_date must be a date"),
        (7, "received_quantity", "-1", "received_quantity must be a whole number, 0 or more"),
    }
    assert dump(company.database) == before


def test_unknown_skus_and_stored_purchase_orders_are_refused(files, company, dump):
    files.items(ITEM)
    files.purchases(PURCHASE)
    before = dump(company.database)
    report = files.purchases({**PURCHASE, "po_number": "P2"}, {**PURCHASE, "quantity": "31"}, {**PURCHASE, "sku": "Z"})
    assert set(problems(report)) == {
        (3, "po_number", "P1", "this purchase order is stored already"),
        (4, "po_number", "P1", "this purchase order is stored already"),
        (4, "sku", "Z", "unknown SKU: import its item first"),
    }
    assert dump(company.database) == before


def test_lines_of_one_purchase_order_agree_on_its_head(files, company, dump):
    files.items(ITEM)
    before = dump(company.database)
    report = files.purchases(
        PURCHASE,
        {**PURCHASE, "supplier": "Bolt"},
        {**PURCHASE, "location": "WEST"},
        {**PURCHASE, "ordered_at": "2024-01-02"},
    )
    assert problems(report) == [
        (3, "supplier", "Bolt", "lines of one purchase order differ in supplier"),
        (4, "location", "WEST", "lines of one purchase order differ in location"),
        (5, "ordered_at", "2024-01-02T00:00:00", "lines of one purchase order differ in ordered_at"),
    ]
    assert dump(company.database) == before


# Parcels


@pytest.fixture
def ordered(files, company):
    company.orders([{"order_id": "1", "order_date": "2024-01-01", "sku": "A", "quantity": 1, "unit_price": 2}])
    return files


def test_a_parcel_is_kept_with_its_order(ordered, company, rows_of):
    lost = {**PARCEL, "parcel_id": "", "tracking_number": "T2", "status": "lost", "delivered_at": ""}
    assert ordered.parcels(PARCEL, lost).counts == {"delivered": 1, "lost": 1}
    first, second = rows_of(company.database, "parcel")
    (order,) = rows_of(company.database, "sales_order")
    assert (first["sales_order_id"], first["external_ref"], first["carrier"]) == (order["id"], "X1", "DHL")
    assert (first["promised_date"], first["delivered_at"]) == (date(2024, 1, 3), datetime(2024, 1, 3, 12, tzinfo=UTC))
    assert (second["external_ref"], second["status"], second["delivered_at"]) == ("T2", "lost", None)


def test_every_bad_cell_of_a_parcel_file_is_said(ordered, company, dump):
    before = dump(company.database)
    report = ordered.parcels(
        {**PARCEL, "order_id": "", "carrier": "", "service": ""},
        {**PARCEL, "tracking_number": "", "shipped_at": ""},
        {**PARCEL, "tracking_number": "T3", "status": "gone", "delivered_at": ""},
        {**PARCEL, "tracking_number": "T4", "delivered_at": ""},
        {**PARCEL, "tracking_number": "T5", "status": "lost"},
        {**PARCEL, "tracking_number": "T5", "promised_date": "soon"},
    )
    found = set(problems(report))
    assert found == {
        (2, "order_id", None, "order_id is missing"),
        (2, "carrier", None, "carrier is missing"),
        (2, "service", None, "service is missing"),
        (3, "tracking_number", None, "tracking_number is missing"),
        (3, "shipped_at", "None", "shipped_at must be a date or time"),
        (4, "status", "gone", "status must be one of in_transit, delivered, lost, returned_to_sender"),
        (5, "delivered_at", "delivered", "a delivered parcel, and no other, has a delivered_at"),
        (6, "delivered_at", "lost", "a delivered parcel, and no other, has a delivered_at"),
        (7, "promised_date", "soon", "promised_date must be a date"),
        (7, "carrier and tracking_number", None, "carrier and tracking_number came before in this file"),
    }
    assert dump(company.database) == before


def test_a_stored_parcel_learns_where_it_is_now(ordered, company, rows_of):
    ordered.parcels({**PARCEL, "status": "in_transit", "delivered_at": ""})
    report = ordered.parcels(PARCEL, {**PARCEL, "parcel_id": "X2", "tracking_number": "T2"})
    assert report.counts == {"delivered": 2}
    stored = {row["tracking_number"]: row for row in rows_of(company.database, "parcel")}
    assert sorted(stored) == ["T1", "T2"]
    assert (stored["T1"]["external_ref"], stored["T1"]["status"]) == ("X1", "delivered")
    assert stored["T1"]["delivered_at"] == datetime(2024, 1, 3, 12, tzinfo=UTC)


def test_a_parcel_of_no_order_or_of_another_one_is_refused(ordered, company, dump):
    company.orders([{"order_id": "2", "order_date": "2024-01-01", "sku": "A", "quantity": 1, "unit_price": 2}])
    ordered.parcels(PARCEL)
    before = dump(company.database)
    report = ordered.parcels({**PARCEL, "order_id": "9", "tracking_number": "T9"}, {**PARCEL, "order_id": "2"})
    assert set(problems(report)) == {
        (2, "order_id", "9", "there is no such order"),
        (3, "order_id", "2", "this parcel is stored with another order"),
    }
    assert dump(company.database) == before


# All of them

ROWS = {
    "items": [{**ITEM, "moq": "48"}, {"sku": "N"}],
    "stock": [counted("A", 4, on_order=3), counted("A", 1, "NEW")],
    "purchases": [{**PURCHASE, "received_at": "2024-01-11"}, {**PURCHASE, "location": "EAST"}],
    "parcels": [PARCEL],
}
BAD = {
    "items": {**ITEM, "moq": "x"},
    "stock": counted("A", "x"),
    "purchases": {**PURCHASE, "quantity": "x"},
    "parcels": {**PARCEL, "tracking_number": "T7", "status": "x"},
}


@pytest.mark.parametrize("kind", list(ROWS))
def test_the_same_file_again_changes_no_row(ordered, company, dump, kind):
    path = company.file(ROWS[kind])
    verbs = {"items": import_items, "stock": import_stock, "purchases": import_purchases, "parcels": import_parcels}
    request = StockImport(path) if kind == "stock" else FileImport(path)
    assert company.other(verbs[kind], request).stored_lines == len(ROWS[kind])
    before = dump(company.database)
    again = company.other(verbs[kind], request)
    assert (again.counts, again.stored_lines) == ({AGAIN: len(ROWS[kind])}, 0)
    assert dump(company.database) == before


@pytest.mark.parametrize("kind", list(ROWS))
def test_a_dry_run_reports_the_same_and_stores_nothing(ordered, company, dump, kind):
    before = dump(company.database)
    trial = getattr(ordered, kind)(*ROWS[kind], dry_run=True)
    assert dump(company.database) == before
    real = getattr(ordered, kind)(*ROWS[kind])
    assert {**trial.as_dict(), "dry_run": False} == real.as_dict()
    assert sum(real.counts.values()) == len(ROWS[kind])


@pytest.mark.parametrize("kind", list(ROWS))
def test_one_bad_cell_keeps_all_of_a_file_out(ordered, company, dump, kind):
    before = dump(company.database)
    report = getattr(ordered, kind)(*ROWS[kind], BAD[kind])
    assert report.status == "rejected"
    assert report.counts == {"refused with the file": len(ROWS[kind]) + 1}
    assert dump(company.database) == before


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(("kind", "lacking"), [
    ("items", "sku"), ("stock", "sku, location, on_hand"),
    ("purchases", "po_number, supplier, sku, location, quantity, ordered_at"),
    ("parcels", "order_id, carrier, service, tracking_number, shipped_at, status"),
])  # fmt: skip
def test_a_file_without_its_columns_is_refused_in_one_line(files, kind, lacking):
    with pytest.raises(UnreadableFile, match=f"lacks {lacking} ") as refused:
        getattr(files, kind)({"colour": "red"})
    assert "\n" not in str(refused.value)


def test_a_count_of_the_same_figures_at_a_later_moment_is_another_count(files, company, on_hand):
    files.items(ITEM)
    files.stock(counted("A", 40))
    files.purchases({**PURCHASE, "received_at": "2024-03-10 09:00:00"})
    assert files.stock(counted("A", 40), counted_at=COUNTED.replace(month=4)).counts == {
        "opening stock": 0, "counted again": 1,
    }  # fmt: skip
    assert on_hand() == {("A", "EAST"): 40}


def test_nothing_is_stocked_outside_our_walls(files, company, dump):
    from orders.errors import InvalidTerm

    files.items(ITEM)
    before = dump(company.database)
    with pytest.raises(InvalidTerm, match="location must be a place of ours"):
        files.stock(counted("A", 1, "customer"))
    assert dump(company.database) == before
