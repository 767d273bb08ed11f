"""An order file becomes orders, credits, charges and corrections of stock: all of it, once, or nothing."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.errors import UnreadableFile
from data.position_rows import unshipped
from data.schema import command, order_event
from orders.checking import check
from orders.importing import FileImport, StockImport, import_items, import_stock
from orders.importing.order_book import UNCHANGED
from orders.returns import MORE_THAN_BOUGHT, NEVER_BOUGHT, NO_CUSTOMER, NO_SUCH_ORDER

RETAIL_COLUMNS = {
    "order_id": "InvoiceNo", "sku": "StockCode", "description": "Description", "quantity": "Quantity",
    "order_date": "InvoiceDate", "unit_price": "UnitPrice", "customer_id": "CustomerID", "country": "Country",
}  # fmt: skip
KINDS = {
    "order lines", "cancellations", "returns linked to an order", "returns linked in part", "returns not linked",
    "charges", "write-offs", "goods found", UNCHANGED,
}  # fmt: skip


def line(order_id="1", order_date="2024-01-01 10:00:00", sku="A", quantity=1, unit_price="2", customer_id="7", **more):
    return {"order_id": order_id, "order_date": order_date, "customer_id": customer_id, "sku": sku,
            "quantity": quantity, "unit_price": unit_price, **more}  # fmt: skip


def retail(rows):
    """The same rows under the names of the online-retail layout."""
    return [{RETAIL_COLUMNS[name]: value for name, value in row.items()} for row in rows]


def counted(report):
    """The counts that are not zero."""
    return {name: count for name, count in report.counts.items() if count}


def problems(report):
    return [(item.row, item.column, item.value, item.problem) for item in report.errors.shown()]


@pytest.fixture
def credits_of(rows_of):
    """What was undone: (order line, quantity) of cancellations, and (order line, quantity, why not) of returns."""

    def read(database):
        cancelled = [(row["order_line_id"], row["quantity"]) for row in rows_of(database, "cancellation")]
        lines = rows_of(database, "rma_line")
        return cancelled, [(row["order_line_id"], row["quantity"], row["unlinked_reason"]) for row in lines]

    return read


# Layouts and formats

CONTENT = [
    line("536365", "2011-01-13 00:00:00", "85123A", 6, 2.55, 17850, country="Jersey", description="Café £5 mug"),
    line("536365", "2011-01-13 00:00:00", "71053", 8, 3.39, 17850, country="Jersey", description="LANTERN, white"),
    line("C536379", "2011-01-14 09:41:00", "85123a", -1, 2.55, 17850, country="Jersey", description="Café £5 mug"),
    line("536380", "2011-12-25 23:59:00", "POST", 1, 18, "", country="Éire", description=""),
    line("536381", "2011-12-26 10:00:00", "21730", -3, 0, "", country="Éire", description="damaged; thrown away"),
]  # fmt: skip


def frame(rows):
    typed = pd.DataFrame(rows)
    for name in typed.columns.intersection(["order_date", "InvoiceDate"]):
        typed[name] = pd.to_datetime(typed[name])
    for name in typed.columns.intersection(["customer_id", "CustomerID"]):
        typed[name] = pd.to_numeric(typed[name])
    return typed


def as_us(rows):
    """Dates as 1/13/2011 0:00, as American spreadsheets export them."""
    changed = []
    for row in rows:
        name = "order_date" if "order_date" in row else "InvoiceDate"
        at = datetime.fromisoformat(row[name])
        changed.append({**row, name: f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02d}"})
    return changed


def with_typed_cells(rows, *, dates_alone=False):
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(list(rows[0]))
    for row in frame(rows).to_dict("records"):
        cells = [None if pd.isna(cell) or cell == "" else cell for cell in row.values()]
        cells = [cell.to_pydatetime() if isinstance(cell, pd.Timestamp) else cell for cell in cells]
        midnight = datetime.min.time()
        sheet.append(
            [c.date() if dates_alone and isinstance(c, datetime) and c.time() == midnight else c for c in cells]
        )
    return book


WRITERS = {
    "utf-8.csv": lambda path, rows, write: write(path, rows),
    "latin-1.csv": lambda path, rows, write: write(path, rows, encoding="latin-1"),
    "with-bom.csv": lambda path, rows, write: write(path, rows, encoding="utf-8-sig"),
    "semicolons.csv": lambda path, rows, write: write(path, rows, delimiter=";"),
    "tabs.tsv": lambda path, rows, write: write(path, rows, delimiter="\t"),
    "american.csv": lambda path, rows, write: write(path, as_us(rows)),
    "book.xlsx": lambda path, rows, _: with_typed_cells(rows).save(path),
    "dates.xlsx": lambda path, rows, _: with_typed_cells(rows, dates_alone=True).save(path),
    "typed.parquet": lambda path, rows, _: frame(rows).to_parquet(path),
    "texts.parquet": lambda path, rows, _: pd.DataFrame(rows).astype(str).to_parquet(path),
}


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("layout", ["plain", "online retail"])
@pytest.mark.parametrize("name", list(WRITERS))
def test_the_same_content_is_the_same_orders_in_any_format(
    company, new_database, company_in, write_csv, dump, tmp_path, name, layout
):
    rows = CONTENT if layout == "plain" else retail(CONTENT)
    wanted = company.orders(rows, charge_codes=("post",))
    WRITERS[name](tmp_path / name, rows, write_csv)
    with new_database() as database:
        report = company_in(database).orders(tmp_path / name, charge_codes=("post",))
        assert (report.counts, report.totals) == (wanted.counts, wanted.totals)
        assert report.warnings.counts == wanted.warnings.counts
        assert dump(database, without=["import_batch"]) == dump(company.database, without=["import_batch"])
    assert company.orders(tmp_path / name, charge_codes=("post",)).counts == {UNCHANGED: 5}


def test_a_file_becomes_the_rows_that_it_says(company, rows_of):
    report = company.orders(retail(CONTENT), time_zone="Europe/London", currency="GBP")
    assert counted(report) == {"order lines": 2, "returns linked to an order": 1, "charges": 1, "write-offs": 1}
    assert report.totals == {
        "lines": 5, "orders": 4, "skus": 3, "customers": 1, "units": 11, "value": 57.87,
        "currency": "GBP", "first_day": "2011-01-13", "last_day": "2011-12-26",
    }  # fmt: skip
    (order,) = rows_of(company.database, "sales_order")
    assert (order["external_ref"], order["placed_at"], order["business_date"], order["country"], order["status"]) == (
        "536365", datetime(2011, 1, 13, tzinfo=UTC), date(2011, 1, 13), "Jersey", "closed",
    )  # fmt: skip
    first, second = rows_of(company.database, "order_line")
    assert (first["line_no"], first["quantity"], first["quantity_returned"], first["amount_minor"]) == (1, 6, 1, 1530)
    assert (second["line_no"], second["quantity"], second["unit_price_micros"]) == (2, 8, 3_390_000)
    (charge,) = rows_of(company.database, "charge")
    assert (charge["code"], charge["external_ref"], charge["amount_minor"]) == ("POST", "536380", 1800)
    moves = [(move["kind"], move["quantity"], move["reason"]) for move in rows_of(company.database, "stock_move")]
    assert sorted(moves, key=repr) == [
        ("return", 1, None), ("sale", 6, None), ("sale", 8, None), ("write_off", 3, "damaged; thrown away"),
    ]  # fmt: skip


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_days_and_months_that_could_change_places_are_not_guessed(company, write_csv, tmp_path, rows_of):
    rows = [line("1", "03/04/2024 10:00"), line("2", "05/06/2024 10:00")]
    with pytest.raises(UnreadableFile, match=r"order_date can be read as .*%m/%d/%Y.* or .*%d/%m/%Y.*--date-format"):
        company.orders(rows)
    assert rows_of(company.database, "sales_order") == []
    company.orders(rows, date_format="%d/%m/%Y %H:%M")
    assert [order["business_date"] for order in rows_of(company.database, "sales_order")] == [
        date(2024, 4, 3), date(2024, 6, 5),
    ]  # fmt: skip


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_one_date_that_can_be_read_in_one_way_only_decides_for_all(company, rows_of):
    company.orders([line("1", "03/04/2024"), line("2", "05/13/2024")])
    assert [order["business_date"] for order in rows_of(company.database, "sales_order")] == [
        date(2024, 3, 4), date(2024, 5, 13),
    ]  # fmt: skip


def test_columns_are_found_by_mapping_and_whatever_their_spelling(company, rows_of):
    report = company.orders(
        [{"Bestellung": "1", "ORDER DATE": "2024-01-01", "Sku": "A", "Qty": 3, "unit-price": 2, "ignored": "x"}],
        mapping={"order_id": "bestellung", "quantity": "Qty"},
    )
    assert counted(report) == {"order lines": 1}
    assert rows_of(company.database, "order_line")[0]["quantity"] == 3


# SKUs


def test_spellings_of_a_code_are_one_sku_shown_as_it_first_came(company, rows_of):
    report = company.orders([line("1", sku="Ab-1"), line("2", sku="AB-1"), line("3", sku=" ab-1 ")])
    (sku,) = rows_of(company.database, "sku")
    assert (sku["code"], sku["display_code"]) == ("AB-1", "Ab-1")
    assert report.warnings.counts["the same code is spelled in several ways: the first spelling is shown"] == 2
    company.orders([line("4", sku="aB-1")])
    assert [row["display_code"] for row in rows_of(company.database, "sku")] == ["Ab-1"]


def test_a_sku_is_named_by_its_most_frequent_description(company, rows_of):
    company.orders([
        line("1", sku="A", description="mug"),
        line("2", sku="A", description="blue mug"),
        line("3", sku="a", description="blue mug"),
        line("4", sku="B", description=""),
    ])  # fmt: skip
    assert {row["code"]: row["name"] for row in rows_of(company.database, "sku")} == {"A": "blue mug", "B": "B"}


def test_charges_never_become_skus(company, rows_of):
    report = company.orders([
        line(sku="A"), line(sku="Postage"), line(sku="shipping"), line(sku="FEE", line_type="charge"),
        line(sku="DISCOUNT", line_type="goods"), line("2", sku="discount", quantity=-1, unit_price="-3"),
    ])  # fmt: skip
    assert counted(report) == {"order lines": 2, "charges": 4}
    assert {row["code"] for row in rows_of(company.database, "sku")} == {"A", "DISCOUNT"}
    charges = rows_of(company.database, "charge")
    assert [(row["code"], row["amount_minor"]) for row in charges] == [
        ("POSTAGE", 200), ("SHIPPING", 200), ("FEE", 200), ("DISCOUNT", 300),
    ]  # fmt: skip
    (order,) = rows_of(company.database, "sales_order")
    assert [row["sales_order_id"] for row in charges] == [order["id"]] * 3 + [None]


def test_codes_of_charges_may_end_in_anything(company, rows_of):
    company.orders([line(sku="gift_0001_20"), line(sku="giftwrap"), line(sku="PO")], charge_codes=("GIFT_0001_*", "po"))
    assert {row["code"] for row in rows_of(company.database, "sku")} == {"GIFTWRAP"}


# Times


def test_an_orders_time_is_that_of_its_first_line(company, rows_of):
    report = company.orders([
        line("1", "2024-01-02 10:00:00"), line("2", "2024-01-05 10:00:00"), line("1", "2024-01-01 08:00:00", sku="B"),
    ])  # fmt: skip
    assert rows_of(company.database, "sales_order")[0]["placed_at"] == datetime(2024, 1, 2, 10, tzinfo=UTC)
    shown = [(item.row, item.value) for item in report.warnings.shown() if "several times" in item.problem]
    assert shown == [(2, "1")]


@pytest.mark.parametrize(
    ("written", "placed_at", "business_date"),
    [
        ("2011-07-01 00:30:00", "2011-06-30T23:30:00+00:00", date(2011, 7, 1)),
        ("2011-06-30 23:59:59", "2011-06-30T22:59:59+00:00", date(2011, 6, 30)),
        ("2011-01-01 00:00:00", "2011-01-01T00:00:00+00:00", date(2011, 1, 1)),
        ("2011-06-30T23:30:00Z", "2011-06-30T23:30:00+00:00", date(2011, 7, 1)),
        ("2011-07-01T01:30:00+02:00", "2011-06-30T23:30:00+00:00", date(2011, 7, 1)),
        ("2011-10-30 01:30:00", "2011-10-30T00:30:00+00:00", date(2011, 10, 30)),
        ("2011-03-27 01:30:00", "2011-03-27T01:00:00+00:00", date(2011, 3, 27)),
    ],
)  # fmt: skip
def test_a_moment_is_kept_in_utc_and_its_day_is_that_of_the_place(company, rows_of, written, placed_at, business_date):
    company.orders([line(order_date=written)], time_zone="Europe/London")
    (order,) = rows_of(company.database, "sales_order")
    assert (order["placed_at"], order["business_date"]) == (datetime.fromisoformat(placed_at), business_date)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_hours_that_came_twice_or_never_are_said(company):
    report = company.orders(
        [line("1", "2011-10-30 01:30:00"), line("2", "2011-03-27 01:30:00"), line("3", "2011-10-30 02:30:00")],
        time_zone="Europe/London",
    )
    assert [(item.row, item.value, item.problem) for item in report.warnings.shown() if "hour" in item.problem] == [
        (2, "2011-10-30T01:30:00", "this hour came twice in Europe/London: the first was taken"),
        (3, "2011-03-27T01:30:00", "this hour does not exist in Europe/London: moved to the next that does"),
    ]


def test_a_channel_keeps_its_zone_and_currency(company, rows_of):
    company.orders([line("1", "2011-07-01 00:30:00")], channel="web", time_zone="Europe/London", currency="gbp")
    company.orders([line("2", "2011-07-02 00:30:00")], channel="web")
    orders = rows_of(company.database, "sales_order")
    assert [(order["placed_at"].hour, order["currency"]) for order in orders] == [(23, "GBP"), (23, "GBP")]


# Credits


def test_a_credit_on_the_day_of_the_sale_cancels_it_and_is_no_demand(company, rows_of, credits_of):
    report = company.orders([
        line("1", "2024-01-01 10:00:00", quantity=74215),
        line("C1", "2024-01-01 10:12:00", quantity=-74215),
    ])  # fmt: skip
    assert counted(report) == {"order lines": 1, "cancellations": 1}
    (sale,) = rows_of(company.database, "order_line")
    assert (sale["quantity_cancelled"], sale["quantity_shipped"], sale["quantity_returned"]) == (74215, 0, 0)
    assert rows_of(company.database, "sales_order")[0]["status"] == "cancelled"
    assert credits_of(company.database) == ([(sale["id"], 74215)], [])
    assert rows_of(company.database, "stock_move") == []


def test_a_later_credit_is_a_return_of_shipped_goods(company, rows_of, credits_of):
    report = company.orders([line("1"), line("C1", "2024-01-02 00:00:00", quantity=-1)])
    assert counted(report) == {"order lines": 1, "returns linked to an order": 1}
    (sale,) = rows_of(company.database, "order_line")
    assert (sale["quantity_cancelled"], sale["quantity_shipped"], sale["quantity_returned"]) == (0, 1, 1)
    assert credits_of(company.database) == ([], [(sale["id"], 1, None)])


def test_the_day_of_a_sale_ends_at_midnight_where_it_was_made(company):
    sale = line("1", "2011-07-01 00:30:00")  # 23:30 UTC of the day before
    same_day, next_day = line("C1", "2011-07-01 23:30:00", quantity=-1), line("C2", "2011-07-02 00:10:00", quantity=-1)
    report = company.orders([{**sale, "quantity": 2}, same_day, next_day], time_zone="Europe/London")
    assert counted(report) == {"order lines": 1, "cancellations": 1, "returns linked to an order": 1}


def test_a_credit_is_split_over_orders_and_says_what_it_could_not_link(company, rows_of, credits_of):
    report = company.orders([
        line("1", "2024-01-01 10:00:00", quantity=2),
        line("2", "2024-01-02 10:00:00", quantity=3, unit_price="2.5"),
        line("C1", "2024-01-05 10:00:00", quantity=-4),
        line("C2", "2024-01-06 10:00:00", quantity=-3),
    ])  # fmt: skip
    assert counted(report) == {"order lines": 2, "returns linked to an order": 1, "returns linked in part": 1}
    first, second = (row["id"] for row in rows_of(company.database, "order_line"))
    assert credits_of(company.database) == ([], [
        (first, 2, None), (second, 2, None), (second, 1, None), (None, 2, MORE_THAN_BOUGHT),
    ])  # fmt: skip


def test_the_parts_of_a_credit_are_worth_what_the_credit_is(company, rows_of):
    bought = [line(str(day), f"2024-01-0{day} 10:00:00", unit_price="0.335") for day in (1, 2, 3)]
    company.orders([*bought, line("C1", "2024-01-08 10:00:00", quantity=-3, unit_price="0.335")])
    amounts = [row["amount_minor"] for row in rows_of(company.database, "rma_line")]
    assert len(amounts) == 3
    assert sum(amounts) == 101  # 3 × 0.335 = 1.005, half a cent up; each part alone would be 0.34


def test_a_credit_that_is_a_cancellation_and_a_return_is_both(company, credits_of, rows_of):
    report = company.orders([
        line("1", "2024-01-01 10:00:00", quantity=2),
        line("2", "2024-01-02 10:00:00", quantity=3),
        line("C1", "2024-01-02 11:00:00", quantity=-4),
    ])  # fmt: skip
    assert counted(report) == {"order lines": 2, "returns linked to an order": 1}
    first, second = (row["id"] for row in rows_of(company.database, "order_line"))
    assert credits_of(company.database) == ([(second, 3)], [(first, 1, None)])


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    ("credit", "why"),
    [
        (line("C1", "2024-01-05", quantity=-1, customer_id=""), NO_CUSTOMER),
        (line("C1", "2024-01-05", quantity=-1, customer_id="8"), NEVER_BOUGHT),
        (line("C1", "2024-01-05", quantity=-1, sku="B"), NEVER_BOUGHT),
        (line("C1", "2023-12-31", quantity=-1), NEVER_BOUGHT),
        (line("C1", "2024-01-05", quantity=-1, returns_order="99"), NO_SUCH_ORDER),
        (line("C1", "2024-01-05", quantity=-1, sku="B", returns_order="1"), NO_SUCH_ORDER),
    ],
)
def test_a_return_without_its_sale_is_kept_with_the_reason(company, credits_of, credit, why):
    report = company.orders([line("1", "2024-01-01"), credit])
    assert counted(report) == {"order lines": 1, "returns not linked": 1}
    assert credits_of(company.database) == ([], [(None, 1, why)])
    assert report.warnings.counts[f"return not linked to an order: {why}"] == 1


def test_a_return_that_names_its_order_goes_there_whoever_sends_it_back(company, credits_of, rows_of):
    company.orders([
        line("1", "2024-01-01"), line("2", "2024-01-02"),
        line("R1", "2024-01-05", quantity=-1, customer_id="", returns_order="1"),
    ])  # fmt: skip
    first = rows_of(company.database, "order_line")[0]["id"]
    assert credits_of(company.database) == ([], [(first, 1, None)])


def test_a_later_file_undoes_what_an_earlier_one_stored(company, rows_of, credits_of, ledger_faults):
    company.orders([line("1", "2024-01-01 10:00:00", quantity=5), line("2", "2024-01-02 10:00:00", quantity=5)])
    report = company.orders([
        line("C1", "2024-01-02 11:00:00", quantity=-5),
        line("C2", "2024-01-03 11:00:00", quantity=-2),
        line("C3", "2024-01-04 11:00:00", quantity=-4),
    ])  # fmt: skip
    assert counted(report) == {"cancellations": 1, "returns linked to an order": 1, "returns linked in part": 1}
    first, second = rows_of(company.database, "order_line")
    assert (second["quantity_cancelled"], second["quantity_shipped"], second["quantity_returned"]) == (5, 0, 0)
    assert (first["quantity_cancelled"], first["quantity_shipped"], first["quantity_returned"]) == (0, 5, 5)
    assert [order["status"] for order in rows_of(company.database, "sales_order")] == ["closed", "cancelled"]
    assert credits_of(company.database)[1] == [
        (first["id"], 2, None), (first["id"], 3, None), (None, 1, MORE_THAN_BOUGHT),
    ]  # fmt: skip
    assert ledger_faults(company.database) == []


def undone_by(company, rows_of, quantities, *, sold=10, **sale):
    """Sell in one file, credit on the same day in further ones; the movements, and what is wrong with the books."""
    company.orders([line("1", "2024-01-01 10:00:00", quantity=sold, **sale)])
    for number, quantity in enumerate(quantities):
        report = company.orders([line(f"C{number}", f"2024-01-01 11:0{number}:00", quantity=-quantity)])
        assert counted(report) == {"cancellations": 1}
    moves = [
        (move["id"], move["kind"], move["quantity"], move["reverses_id"])
        for move in rows_of(company.database, "stock_move")
    ]
    return moves, [finding for finding in check(company.database) if not finding.holds]


def test_a_sale_that_a_later_file_cancels_whole_is_reversed(company, rows_of, ledger_faults):
    ((sale, *_), _), faults = undone_by(company, rows_of, [10])
    first, reversal = rows_of(company.database, "stock_move")
    assert (reversal["kind"], reversal["quantity"], reversal["reverses_id"]) == ("reversal", 10, sale)
    assert (reversal["source_location_id"], reversal["destination_location_id"], reversal["effective_at"]) == (
        first["destination_location_id"], first["source_location_id"], first["effective_at"],
    )  # fmt: skip
    (head,) = rows_of(company.database, "sales_order")
    assert (head["status"], head["line_count"], head["value_minor"], head["version"]) == ("cancelled", 0, 0, 2)
    assert faults == ledger_faults(company.database) == []


def test_of_a_sale_that_a_later_file_cancels_in_part_the_rest_is_sold_again(company, rows_of, ledger_faults):
    moves, faults = undone_by(company, rows_of, [4, 1, 5])
    ids = [move[0] for move in moves]
    assert moves == [
        (ids[0], "sale", 10, None),
        (ids[1], "reversal", 10, ids[0]), (ids[2], "sale", 6, None),
        (ids[3], "reversal", 6, ids[2]), (ids[4], "sale", 5, None),
        (ids[5], "reversal", 5, ids[4]),
    ]  # fmt: skip
    assert {move["effective_at"] for move in rows_of(company.database, "stock_move")} == {
        datetime(2024, 1, 1, 10, tzinfo=UTC)
    }
    (sale,) = rows_of(company.database, "order_line")
    assert (sale["quantity_cancelled"], sale["quantity_shipped"]) == (10, 0)
    assert faults == ledger_faults(company.database) == []


def test_two_credit_notes_of_one_file_reverse_a_stored_sale_once(company, rows_of, ledger_faults):
    company.orders([line("1", quantity=10, unit_price="3.33"), line("1", sku="B", quantity=1, unit_price="5")])
    company.orders([
        line("C1", "2024-01-01 11:00:00", quantity=-2, unit_price="3.33"),
        line("C2", "2024-01-01 12:00:00", quantity=-3, unit_price="3.33"),
        line("C3", "2024-01-02 12:00:00", quantity=-1, unit_price="3.33"),
    ])  # fmt: skip
    moved = [(move["kind"], move["quantity"]) for move in rows_of(company.database, "stock_move")]
    assert moved == [("sale", 10), ("sale", 1), ("return", 1), ("reversal", 10), ("sale", 5)]
    (head,) = rows_of(company.database, "sales_order")
    assert (head["status"], head["line_count"], head["value_minor"]) == ("closed", 2, 5 * 333 + 500)
    assert [finding for finding in check(company.database) if not finding.holds] == []
    assert ledger_faults(company.database) == []


def test_goods_of_ours_that_a_later_file_cancels_are_back_on_the_shelf(company, rows_of, ledger_faults):
    company.other(import_items, FileImport(company.file([{"sku": "A", "name": "A"}])))
    counted_at = datetime(2023, 12, 1, tzinfo=UTC)
    stock = company.file([{"sku": "A", "location": "East", "on_hand": 30}])
    company.other(import_stock, StockImport(stock, counted_at=counted_at))
    _, faults = undone_by(company, rows_of, [4], location="East", shipped_at="2024-01-01 10:30:00")
    places = {row["id"]: row["code"] for row in rows_of(company.database, "location")}
    on_hand = {places[row["location_id"]]: row["on_hand"] for row in rows_of(company.database, "stock_balance")}
    assert (on_hand["EAST"], on_hand["CUSTOMER"]) == (24, 6)
    with company.database.reading() as connection:
        before_it_left = unshipped(connection, as_of=date(2024, 1, 1), closed_at=datetime(2024, 1, 1, 10, tzinfo=UTC))
    assert before_it_left["unshipped"].tolist() == [6]
    assert faults == ledger_faults(company.database) == []


def test_what_a_command_has_shipped_comes_back_as_a_return_even_on_the_same_day(company, rows_of, credits_of):
    company.orders([line("1", "2024-01-01 10:00:00", quantity=10)])
    (head,) = rows_of(company.database, "sales_order")
    told = {"actor": "tester", "recorded_at": company.NOW}
    with company.database.writing() as connection:
        connection.execute(command.insert().values(key="k", request_hash="", response={}, **told))
        connection.execute(
            order_event.insert().values(
                sales_order_id=head["id"], event="shipped", summary="", details={}, occurred_at=company.NOW,
                command_key="k", **told,
            )
        )  # fmt: skip
    report = company.orders([line("C1", "2024-01-01 11:00:00", quantity=-4)])
    assert counted(report) == {"returns linked to an order": 1}
    assert credits_of(company.database) == ([], [(rows_of(company.database, "order_line")[0]["id"], 4, None)])
    assert rows_of(company.database, "sales_order") == [head]


@pytest.mark.parametrize(
    ("lines", "status", "line_count", "value_minor"),
    [
        ([{"shipped_at": "2024-01-02"}], "closed", 1, 1000),
        ([{"shipped_at": ""}], "placed", 1, 1000),
        ([{"shipped_at": ""}, {"shipped_at": "2024-01-02"}], "partially_shipped", 2, 2000),
        ([{"shipped_at": "", "cancelled_quantity": 5}, {"shipped_at": "2024-01-02"}], "closed", 1, 1000),
        ([{"shipped_at": "", "cancelled_quantity": 5}], "cancelled", 0, 0),
        ([{"shipped_at": "", "cancelled_quantity": 2}], "placed", 1, 600),
        ([{"shipped_at": "", "unit_price": "0.333", "cancelled_quantity": 1}], "placed", 1, 134),
    ],
)
def test_an_orders_header_says_what_its_lines_come_to(company, rows_of, lines, status, line_count, value_minor):
    stock = company.file([{"sku": "A", "location": "MAIN", "on_hand": 30}])
    company.other(import_items, FileImport(company.file([{"sku": "A", "name": "A"}])))
    company.other(import_stock, StockImport(stock, counted_at=datetime(2023, 12, 1, tzinfo=UTC)))
    report = company.orders([line(**{"quantity": 5, "location": "MAIN", **more}) for more in lines])
    assert report.status != "rejected", problems(report)
    (head,) = rows_of(company.database, "sales_order")
    assert (head["status"], head["line_count"], head["value_minor"]) == (status, line_count, value_minor)
    assert head["status_since"] == head["placed_at"]
    assert [finding for finding in check(company.database) if not finding.holds] == []


def test_returned_goods_go_where_the_file_says(company, rows_of):
    company.orders([line("1", quantity=9)])
    back = {"order_date": "2024-01-05", "quantity": -1, "location": "East"}
    company.orders([
        line("R1", **back, shipped_at="2024-01-06", disposition="restock", return_reason="too big"),
        line("R2", **back, shipped_at="2024-01-07", disposition="scrap"),
        line("R3", **back, shipped_at="", disposition="restock"),
    ])  # fmt: skip
    places = {row["id"]: row["code"] for row in rows_of(company.database, "location")}
    moved = [
        (places[move["destination_location_id"]], move["effective_at"].day, move["reason"])
        for move in rows_of(company.database, "stock_move")
        if move["kind"] == "return"
    ]
    assert moved == [("EAST", 6, "too big"), ("SCRAP", 7, None), ("BEFORE_STOCKWRIGHT", 5, None)]


# Corrections of stock, and duplicates


def test_what_is_worth_nothing_to_nobody_corrects_stock(company, rows_of):
    nobody = {"customer_id": "", "unit_price": "0"}
    report = company.orders([
        line("1", **nobody, quantity=-4, sku="A", description="thrown away"),
        line("2", **nobody, quantity=6, sku="A", description="found"),
        line("3", unit_price="0", quantity=1),  # a gift to a customer is a sale
        line("4", customer_id="", quantity=1), line("4", **nobody, quantity=1, sku="B"),  # free with what was paid
    ])  # fmt: skip
    assert counted(report) == {"order lines": 3, "write-offs": 1, "goods found": 1}
    moves = [row for row in rows_of(company.database, "stock_move") if row["kind"] != "sale"]
    places = {row["id"]: row["kind"] for row in rows_of(company.database, "location")}
    assert [
        (move["kind"], move["quantity"], places[move["source_location_id"]], places[move["destination_location_id"]])
        for move in moves
    ] == [("write_off", 4, "before_stockwright", "adjustment"), ("found", 6, "adjustment", "before_stockwright")]
    assert [move["reason"] for move in moves] == ["thrown away", "found"]
    assert {row["external_ref"] for row in rows_of(company.database, "sales_order")} == {"3", "4"}


def test_a_credit_note_credits_even_what_is_worth_nothing(company):
    report = company.orders(retail([line("C1", quantity=-4, unit_price="0", customer_id="")]))
    assert counted(report) == {"returns not linked": 1}


def test_exact_duplicates_are_kept_and_said(company, rows_of):
    report = company.orders([line(), line(), line(quantity=2), line()])
    assert len(rows_of(company.database, "order_line")) == 4
    problem = "exact duplicate of an earlier line: kept"
    assert report.warnings.counts[problem] == 2
    assert [item.row for item in report.warnings.shown() if item.problem == problem] == [3, 5]


# Bad cells


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_every_bad_cell_is_reported_at_once_with_its_place_and_value(company, dump):
    before = dump(company.database)
    report = company.orders([
        line(),
        line("2", quantity="many"),
        line("3", quantity="1.5"),
        line("4", quantity="0"),
        line("5", unit_price="cheap"),
        line("", quantity="99999999"),
        line("7", sku=" "),
        line("8", "yesterday"),
        line("9", ""),
        line("10", shipped_at="soon"),
        line("11", cancelled_quantity="-1"),
        line("12", unit_price=""),
        line("13", quantity=""),
        line("14", cancelled_quantity="x"),
    ])  # fmt: skip
    assert problems(report) == [
        (3, "quantity", "many", "quantity must be a whole number"),
        (4, "quantity", "1.5", "quantity must be a whole number"),
        (5, "quantity", "0", "quantity must not be 0"),
        (6, "unit_price", "cheap", "unit_price must be a number"),
        (7, "order_id", None, "order_id is missing"),
        (7, "quantity", "99999999", "quantity must not exceed 10,000,000"),
        (8, "sku", None, "sku is missing"),
        (9, "order_date", "yesterday", "order_date must be a date or time"),
        (10, "order_date", "None", "order_date must be a date or time"),
        (11, "shipped_at", "soon", "shipped_at must be a date or time"),
        (12, "cancelled_quantity", "-1", "cancelled_quantity must be a whole number, 0 or more"),
        (13, "unit_price", "None", "unit_price must be a number"),
        (14, "quantity", "None", "quantity must be a whole number"),
        (15, "cancelled_quantity", "x", "cancelled_quantity must be a whole number, 0 or more"),
    ]
    assert (report.status, report.errors.total, report.stored_lines) == ("rejected", 14, 0)
    assert dump(company.database) == before


CONTRADICTIONS = {
    "a credit note's quantity must be negative": (retail([line("C1", quantity=2)]), "quantity", "2"),
    "unit_price of goods must not be negative": ([line(unit_price="-2")], "unit_price", "-2.0"),
    "cancelled_quantity must not exceed quantity": ([line(cancelled_quantity=2)], "cancelled_quantity", "2"),
    "quantity × unit_price is too large to be stored": (
        [line(quantity=10**7, unit_price="99999999")], "quantity", "10000000",
    ),
    "lines of one order name several channels": ([line(channel="b"), line(channel="a")], "channel", "a"),
}  # fmt: skip


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("problem", list(CONTRADICTIONS))
def test_lines_that_contradict_themselves_keep_the_file_out(company, dump, problem):
    rows, column, value = CONTRADICTIONS[problem]
    fine = line("99") if "sku" in rows[0] else retail([line("99")])[0]
    before = dump(company.database)
    report = company.orders([fine, *rows])
    assert problems(report) == [(len(rows) + 2, column, value, problem)]
    assert report.counts == {"refused with the file": len(rows) + 1}
    assert dump(company.database) == before


def test_all_problems_are_counted_and_a_hundred_shown(company):
    report = company.orders([line(str(n), quantity="x") for n in range(150)] + [line(sku="")])
    assert report.errors.counts == {"quantity must be a whole number": 150, "sku is missing": 1}
    assert len(report.errors.shown()) == 100
    assert "sku is missing" in {item.problem for item in report.errors.shown()}


def test_goods_cannot_leave_a_place_that_does_not_hold_them(company, dump, write_csv, tmp_path):
    items = write_csv(tmp_path / "items.csv", [{"sku": "A"}])
    stock = write_csv(tmp_path / "stock.csv", [{"sku": "A", "location": "EAST", "on_hand": 5}])
    company.other(import_items, FileImport(items))
    company.other(import_stock, StockImport(stock, counted_at=datetime(2023, 12, 1, tzinfo=UTC)))
    before = dump(company.database)
    shipped = {"location": "EAST", "shipped_at": "2024-01-02"}
    report = company.orders([line("1", quantity=4, **shipped), line("2", sku="a", quantity=3, **shipped)])
    assert problems(report) == [
        (2, "shipped_at", None, "A at EAST: the lines shipped from it exceed the stock by 2"),
    ]  # fmt: skip
    assert dump(company.database) == before


@pytest.mark.parametrize("place", ["CUSTOMER", "supplier"])
def test_nothing_is_served_from_outside_our_walls(company, dump, place):
    from orders.errors import InvalidTerm

    before = dump(company.database)
    with pytest.raises(InvalidTerm, match="location must be a place of ours"):
        company.orders([line(location=place)])
    assert dump(company.database) == before


# Again, partly, changed, and on trial


@pytest.mark.parametrize("layout", ["plain", "online retail"])
def test_the_same_content_again_changes_no_row(company, dump, layout):
    rows = CONTENT if layout == "plain" else retail(CONTENT)
    first = company.orders(rows)
    before = dump(company.database)
    again = company.orders(list(reversed(rows)))
    assert (again.status, again.counts, again.stored_lines) == ("accepted_with_warnings", {UNCHANGED: 5}, 0)
    assert again.totals == first.totals
    assert dump(company.database) == before


def test_a_longer_export_adds_only_the_new_orders(company, dump, rows_of):
    company.orders([line("1"), line("2")])
    before = dump(company.database)
    report = company.orders([line("2"), line("3"), line("3", sku="B"), line("1")])
    assert counted(report) == {"order lines": 2, UNCHANGED: 2}
    assert (report.stored_lines, sum(report.counts.values())) == (2, 4)
    after = dump(company.database)
    for name in ("sales_order", "order_line", "stock_move", "import_document"):
        assert set(before[name]) < set(after[name])
    assert len(rows_of(company.database, "sales_order")) == 3


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    "changed",
    [
        [line("1"), line("2", quantity=2)],
        [line("1"), line("2"), line("2", sku="B")],
        [line("1"), line("2", unit_price="2.000001")],
        [line("1"), line("2", "2024-01-01 10:00:01")],
        [line("1"), line("2", customer_id="8")],
    ],
)
def test_a_stored_order_is_not_changed_by_an_import(company, dump, changed):
    company.orders([line("1"), line("2")])
    before = dump(company.database)
    report = company.orders([*changed, line("3")])
    assert problems(report) == [
        (3, "order_id", "2", "this order is stored already with other content: history is not changed by an import"),
    ]  # fmt: skip
    assert report.counts == {"refused with the file": len(changed) + 1}
    assert dump(company.database) == before


def test_channels_number_their_orders_each_for_itself(company, rows_of):
    company.orders([line("1")], channel="web")
    assert counted(company.orders([line("1")], channel="shop")) == {"order lines": 1}
    assert len(rows_of(company.database, "sales_order")) == 2


@pytest.mark.parametrize("rows", [CONTENT, [line(location="west")], [line("", quantity="x")]])
def test_a_dry_run_reports_the_same_and_stores_nothing(company, dump, rows):
    before = dump(company.database)
    trial = company.orders(rows, dry_run=True)
    assert dump(company.database) == before
    real = company.orders(rows)
    assert {**trial.as_dict(), "dry_run": False} == real.as_dict()


# Any file

CHARGES = {"plain": "SHIPPING", "online retail": "POST"}


@st.composite
def files(draw):
    """(layout, rows): orders at hours of their own, with goods, free goods, charges and credits of all sorts."""
    layout = draw(st.sampled_from(["plain", "online retail"]))
    hours = draw(st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=7))
    rows = []
    for number, hour in enumerate(hours):
        is_note = draw(st.booleans())
        customer = draw(st.sampled_from(["7", "8", ""]))
        at = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour)).strftime("%Y-%m-%d %H:%M:%S")
        for _ in range(draw(st.integers(1, 3))):
            negative = draw(st.integers(0, 4)) == 0 or is_note
            rows.append(
                line(
                    f"C{number}" if is_note else f"S{number}",
                    at,
                    draw(st.sampled_from(["A", "g", "G", CHARGES[layout]])),
                    draw(st.integers(1, 4)) * (-1 if negative else 1),
                    draw(st.sampled_from(["0", "2", "2.5"])),
                    customer,
                )
            )
    return layout, draw(st.permutations(rows))


def kind_of(row, rows, layout):
    """The rule in words, for one line."""
    free, nobody = float(row["unit_price"]) == 0, row["customer_id"] == ""
    if row["sku"].upper() == CHARGES[layout]:
        return "charges"
    if row["quantity"] < 0:
        on_note = layout == "online retail" and row["order_id"].startswith("C")
        return "write-offs" if free and nobody and not on_note else "credit"
    worth_nothing = all(float(other["unit_price"]) == 0 for other in rows if other["order_id"] == row["order_id"])
    return "goods found" if nobody and worth_nothing else "order lines"


def outcomes(rows, layout):
    """What becomes of each line, credits being matched unit by unit."""
    kinds = [kind_of(row, rows, layout) for row in rows]
    still_open = {n: row["quantity"] for n, row in enumerate(rows) if kinds[n] == "order lines"}
    expected = Counter(kind for kind in kinds if kind != "credit")
    credits = [n for n, kind in enumerate(kinds) if kind == "credit"]
    for number in sorted(credits, key=lambda n: (rows[n]["order_date"], n)):
        credit, undone = rows[number], set()
        for _ in range(-credit["quantity"]):
            candidates = [
                n
                for n, left in still_open.items()
                if left and credit["customer_id"] and rows[n]["customer_id"] == credit["customer_id"]
                and rows[n]["sku"].upper() == credit["sku"].upper() and rows[n]["order_date"] <= credit["order_date"]
            ]  # fmt: skip
            best = max(
                candidates,
                key=lambda n: (rows[n]["unit_price"] == credit["unit_price"], rows[n]["order_date"], n),
                default=None,
            )
            undone.add("nothing" if best is None else rows[best]["order_date"][:10] == credit["order_date"][:10])
            if best is not None:
                still_open[best] -= 1
        if undone == {"nothing"}:
            expected["returns not linked"] += 1
        elif "nothing" in undone:
            expected["returns linked in part"] += 1
        else:
            expected["cancellations" if undone == {True} else "returns linked to an order"] += 1
    return expected


@pytest.mark.parametrize("database_kind", ["sqlite"])
@given(file=files())
def test_every_line_of_any_file_is_accounted_for_as_the_rules_say(new_database, company_in, file):
    layout, rows = file
    with new_database() as database:
        report = company_in(database).orders(rows if layout == "plain" else retail(rows))
    assert report.status != "rejected"
    assert set(report.counts) == KINDS
    assert sum(report.counts.values()) == len(rows)
    assert counted(report) == outcomes(rows, layout)


@pytest.mark.parametrize("database_kind", ["sqlite"])
@given(file=files(), kept=st.sets(st.integers(0, 6)))
@example(file=("plain", [line("S0"), line("S1")]), kept={0})
def test_importing_a_part_first_and_then_all_stores_the_same_sales(new_database, company_in, ledger_faults, file, kept):
    layout, rows = file
    rows = rows if layout == "plain" else retail(rows)
    key = "order_id" if layout == "plain" else "InvoiceNo"
    part = [row for row in rows if int(row[key][1:]) in kept]

    def stored(database):
        with database.reading() as connection:
            return sorted(
                tuple(row)
                for row in connection.exec_driver_sql(
                    "SELECT external_ref, line_no, quantity, amount_minor FROM order_line"
                    " JOIN sales_order o ON o.id = sales_order_id"
                )
            )

    with new_database() as at_once, new_database() as in_parts:
        company_in(at_once).orders(rows)
        stepwise = company_in(in_parts)
        if part:
            stepwise.orders(part)
        report = stepwise.orders(rows)
        assert report.counts.get(UNCHANGED, 0) == len(part)
        assert sum(report.counts.values()) == len(rows)
        assert stored(in_parts) == stored(at_once)
        assert ledger_faults(in_parts) == []


# Unreadable files


def damaged(name):
    return lambda folder: (folder / name).write_text("order_id,sku\nthis is no such file\n") and folder / name


UNREADABLE = {
    "there is no file": lambda folder: folder / "absent.csv",
    "is empty: wanted a header line": lambda folder: (folder / "empty.csv").touch() or folder / "empty.csv",
    "holds no rows": lambda folder: (folder / "head.csv").write_text("order_id,sku,quantity\n") and folder / "head.csv",
    "lacks order_date, sku, quantity, unit_price": lambda folder: (
        (folder / "few.csv").write_text("order_id\n1\n") and folder / "few.csv"
    ),
    "wanted a .csv, .xlsx or .parquet file": damaged("orders.pdf"),
    "is no readable XLSX file": damaged("orders.xlsx"),
    "is no Parquet file": damaged("orders.parquet"),
    "is no readable CSV file": lambda folder: (
        (folder / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n") and folder / "ragged.csv"
    ),
}


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("why", list(UNREADABLE))
def test_a_file_that_cannot_be_used_is_refused_in_one_line(company, dump, tmp_path, why):
    before = dump(company.database)
    path = UNREADABLE[why](tmp_path)
    with pytest.raises(UnreadableFile) as refused:
        company.orders(Path(path))
    assert why in str(refused.value)
    assert path.name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert dump(company.database) == before


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"mapping": {"order_id": "Nr"}}, "has no column 'Nr'; it has order_id, order_date"),
        ({"mapping": {"order": "order_id"}}, "cannot map 'order': wanted one of order_id, order_date"),
        ({"time_zone": "London"}, "there is no time zone 'London'"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(company, options, why):
    with pytest.raises(UnreadableFile, match=why):
        company.orders([line()], **options)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_semicolons_go_with_decimal_commas(company, rows_of):
    company.folder.mkdir()
    path = company.folder / "european.csv"
    path.write_text(
        "order_id;order_date;sku;description;quantity;unit_price\n"
        "1;2024-01-02;A;cup, blue;3;2,50\n"
        "1;2024-01-02;B;mug;2;1\n"
    )
    report = company.orders(path)
    assert report.status != "rejected", report.errors.counts
    assert [row["unit_price_micros"] for row in rows_of(company.database, "order_line")] == [2_500_000, 1_000_000]
    assert {row["name"] for row in rows_of(company.database, "sku")} == {"cup, blue", "mug"}


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_times_that_only_sometimes_name_their_zone_are_refused(company):
    rows = [
        {"order_id": "1", "order_date": "2024-01-02 10:00", "sku": "A", "quantity": 1, "unit_price": 1},
        {"order_id": "2", "order_date": "2024-01-02T10:00:00Z", "sku": "A", "quantity": 1, "unit_price": 1},
    ]
    with pytest.raises(UnreadableFile, match="order_date mixes times with and without a zone"):
        company.orders(rows)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_rows_of_blanks_below_a_spreadsheet_are_no_lines(company):
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["order_id", "order_date", "sku", "quantity", "unit_price"], [1, date(2024, 1, 2), "A", 3, 2.5]):
        book.active.append(row)
    for row in (3, 4):
        book.active.cell(row, 1, " ")
    company.folder.mkdir()
    book.save(company.folder / "blanks.xlsx")
    report = company.orders(company.folder / "blanks.xlsx")
    assert (report.status == "rejected", report.stored_lines) == (False, 1)
