"""The real order book of 541,909 lines: what a planner knows about it is what the import stores."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text

from data.connection import open_database
from data.demand_history import daily_demand
from orders.importing import OrderImport, import_orders
from orders.importing.order_book import UNCHANGED
from orders.model import Actor

pytestmark = pytest.mark.real_data

CHARGES = r"POST|DOT|M|D|S|B|C2|BANK CHARGES|AMAZONFEE|CRUK|PADS|GIFT_0001_.*"
MICROS = 1_000_000
OUR_LINES = """
    SELECT s.code, sum(l.quantity * l.unit_price_micros) AS value
    FROM order_line l JOIN sku s ON s.id = l.sku_id GROUP BY s.code
"""
CANCELLED = """
    SELECT s.code, -c.quantity * c.unit_price_micros AS value
    FROM cancellation c JOIN order_line l ON l.id = c.order_line_id JOIN sku s ON s.id = l.sku_id
"""
RETURNED = """
    SELECT s.code, -r.quantity * r.unit_price_micros AS value FROM rma_line r JOIN sku s ON s.id = r.sku_id
"""
CHARGED = "SELECT code, quantity * unit_price_micros AS value FROM charge"


@pytest.fixture(scope="module")
def book(online_retail_file):
    """The raw file as pandas reads it, with what its columns say in so many words."""
    raw = pd.read_parquet(online_retail_file)
    codes = raw["StockCode"].str.upper()
    return raw.assign(
        code=codes,
        is_charge=codes.str.fullmatch(CHARGES),
        on_note=raw["InvoiceNo"].str.startswith("C"),
        micros=(raw["UnitPrice"] * MICROS).round().astype("int64"),
        day=raw["InvoiceDate"].dt.normalize(),
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    opened = open_database(f"sqlite:///{tmp_path_factory.mktemp('real') / 'real.db'}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def report(database, online_retail_file):
    return again(database, online_retail_file)


def again(database, path):
    request = OrderImport(path, time_zone="Europe/London", currency="GBP")
    return import_orders(database, request, actor=Actor("tester"), at=datetime(2024, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def demand(report, database):
    with database.reading() as connection:
        return daily_demand(connection, as_of=date(2011, 12, 31), currency="GBP")


def query(database, statement):
    with database.reading() as connection:
        result = connection.execute(text(statement))
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def test_every_line_is_accounted_for(report, book):
    assert report.totals["lines"] == sum(report.counts.values()) == report.stored_lines == 541_909
    assert report.totals["units"] == 5_176_450
    assert report.totals["value"] == 9_747_747.93
    assert (report.totals["orders"], report.totals["customers"]) == (25_900, 4_372)
    assert (report.totals["first_day"], report.totals["last_day"]) == ("2010-12-01", "2011-12-09")


def test_credit_notes_are_cancellations_returns_and_charges(report, book):
    notes = book[book["on_note"]]
    assert len(notes) == 9_288
    assert notes["InvoiceNo"].nunique() == 3_836
    credited = sum(count for name, count in report.counts.items() if name == "cancellations" or "return" in name)
    assert credited == (~notes["is_charge"]).sum()
    assert credited + notes["is_charge"].sum() == 9_288
    assert report.counts["charges"] == book["is_charge"].sum()


def test_write_offs_are_what_was_thrown_away(report, book):
    thrown = book[(book["Quantity"] < 0) & ~book["on_note"]]
    assert report.counts["write-offs"] == len(thrown) == 1_336
    assert (thrown["UnitPrice"] == 0).all()


def test_goods_found_are_invoices_that_nobody_pays_anything_on(report, book):
    worth = book.assign(worth=(book["UnitPrice"] != 0) | book["CustomerID"].notna())
    is_worth_something = worth.groupby("InvoiceNo")["worth"].transform("any")
    found = ~is_worth_something & (book["Quantity"] > 0) & ~book["is_charge"]
    assert report.counts["goods found"] == found.sum()
    assert report.counts["order lines"] == ((book["Quantity"] > 0) & ~book["is_charge"] & ~found).sum()


def test_oddities_are_counted_as_they_are_known(report):
    counts = report.warnings.counts
    assert counts["exact duplicate of an earlier line: kept"] == 5_268
    assert counts["no customer"] == 135_080
    assert counts["no description"] == 1_454
    assert report.errors.total == 0


def test_spellings_of_one_code_are_one_sku(report, database, book):
    goods = book[~book["is_charge"]]
    assert goods["StockCode"].nunique() > goods["code"].nunique()
    skus = query(database, "SELECT code, display_code FROM sku")
    assert set(skus["code"]) == set(goods["code"])
    first_spelling = goods.drop_duplicates("code").set_index("code")["StockCode"]
    assert (first_spelling.reindex(skus["code"]).to_numpy() == skus["display_code"]).all()


def test_what_is_stored_is_worth_what_the_file_is_per_code(report, database, book):
    stored = pd.concat([query(database, part) for part in (OUR_LINES, CANCELLED, RETURNED, CHARGED)])
    wanted = (book["Quantity"].astype("int64") * book["micros"]).groupby(book["code"]).sum()
    ours = stored.groupby("code")["value"].sum().reindex(wanted.index, fill_value=0)
    assert (ours - wanted).loc[lambda difference: difference != 0].to_dict() == {}
    assert round(wanted.sum() / MICROS, 2) == 9_747_747.93


def test_units_of_every_sku_are_all_somewhere(report, database, book):
    """Sold less credited, found less written off, is what the file's quantities sum to."""
    moved = query(
        database,
        "SELECT s.code, sum(CASE WHEN p.kind = 'customer' THEN m.quantity"
        " WHEN q.kind = 'customer' THEN -m.quantity WHEN m.kind = 'found' THEN m.quantity"
        " ELSE -m.quantity END) AS units"
        " FROM stock_move m JOIN sku s ON s.id = m.sku_id JOIN location p ON p.id = m.destination_location_id"
        " JOIN location q ON q.id = m.source_location_id GROUP BY s.code",
    ).set_index("code")["units"]
    goods = book[~book["is_charge"]]
    wanted = goods.groupby("code")["Quantity"].sum()
    assert moved.reindex(wanted.index, fill_value=0).to_dict() == wanted.to_dict()


def cancelled_on_the_day(book):
    """Units of each (code, day) that one customer ordered and had credited by the end of that day.

    Read unit by unit: a credit of goods takes the customer's earlier lines of the code, those at its price
    first and among these the latest; what it takes from a line of its own day was cancelled.
    """
    goods = book[~book["is_charge"] & book["CustomerID"].notna()]
    credits = goods[goods["Quantity"] < 0]
    pairs = credits[["CustomerID", "code"]].drop_duplicates()
    lines = goods[goods["Quantity"] > 0].merge(pairs, on=["CustomerID", "code"])
    sold = {}
    for row in lines.itertuples():
        sold.setdefault((row.CustomerID, row.code), []).append([row.InvoiceDate, row.micros, row.Quantity])
    cancelled = {}
    for row in credits.sort_values("InvoiceDate", kind="stable").itertuples():
        wanted = -row.Quantity
        candidates = [sale for sale in sold.get((row.CustomerID, row.code), []) if sale[0] <= row.InvoiceDate]
        for sale in sorted(candidates, key=lambda sale: (sale[1] == row.micros, sale[0]), reverse=True):
            taken = min(wanted, sale[2])
            sale[2] -= taken
            wanted -= taken
            if sale[0].normalize() == row.day:
                cancelled[row.code, row.day] = cancelled.get((row.code, row.day), 0) + taken
    return pd.Series(cancelled, dtype="int64")


def test_demand_is_what_was_sold_less_what_was_cancelled_the_same_day(demand, database, book):
    skus = query(database, "SELECT id, code FROM sku").set_index("id")["code"]
    ours = demand.groupby(demand["sku_id"].map(skus))["y"].sum()
    nobody_pays = ~((book["UnitPrice"] != 0) | book["CustomerID"].notna()).groupby(book["InvoiceNo"]).transform("any")
    sold = book[(book["Quantity"] > 0) & ~book["is_charge"] & ~nobody_pays].groupby("code")["Quantity"].sum()
    cancelled = cancelled_on_the_day(book).groupby(level=0).sum()
    wanted = sold.sub(cancelled, fill_value=0)
    wanted = wanted[wanted > 0]
    assert ours.to_dict() == wanted.astype(float).to_dict()


@pytest.mark.parametrize("units", [74_215, 80_995])
def test_huge_orders_that_were_cancelled_at_once_are_no_demand(demand, database, units):
    line = query(
        database,
        "SELECT l.quantity_cancelled, l.quantity_shipped, l.quantity_returned, l.sku_id, o.status, o.business_date"
        f" FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id WHERE l.quantity = {units}",
    )
    assert line[["quantity_cancelled", "quantity_shipped", "quantity_returned"]].to_numpy().tolist() == [[units, 0, 0]]
    assert line["status"].tolist() == ["cancelled"]
    same_day = demand[(demand["sku_id"] == line["sku_id"][0]) & (demand["ds"] == line["business_date"][0])]
    assert same_day["y"].sum() < 100


def test_there_are_no_sales_on_saturdays(report, database):
    days = pd.to_datetime(query(database, "SELECT DISTINCT business_date FROM sales_order")["business_date"])
    assert set(days.dt.day_of_week) == {0, 1, 2, 3, 4, 6}


def test_balances_are_the_sum_of_movements_and_nothing_is_lost(report, database):
    came, went = (
        query(
            database,
            f"SELECT sku_id, {end}_location_id AS location_id, sum(quantity) AS units FROM stock_move GROUP BY 1, 2",
        ).set_index(["sku_id", "location_id"])["units"]
        for end in ("destination", "source")
    )
    folded = came.sub(went, fill_value=0)
    balances = query(database, "SELECT sku_id, location_id, on_hand FROM stock_balance")
    assert balances.set_index(["sku_id", "location_id"])["on_hand"].to_dict() == folded.to_dict()
    assert (balances.groupby("sku_id")["on_hand"].sum() == 0).all()


def test_importing_it_again_changes_not_a_byte(report, database, online_retail_file):
    def digest():
        with database.writer.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return hashlib.sha256(Path(database.url.database).read_bytes()).hexdigest()

    before = digest()
    repeated = again(database, online_retail_file)
    assert (repeated.counts, repeated.stored_lines) == ({UNCHANGED: 541_909}, 0)
    assert repeated.totals == report.totals
    assert digest() == before
