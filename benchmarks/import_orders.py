"""`stockwright import orders` as a process by the wall clock, against the driver's own limit.

The limit is a process too: it reads the same file with pyarrow and hands an order per document and a line and a
movement per row to SQLite's `executemany` in one transaction, into the same tables with their indexes and triggers,
and checks, links and balances nothing. The file is the public Online Retail order book (541,909 lines) where
it is kept on this machine, else the demo company's.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from measure import REPOSITORY, Claim, alternately, real_file, run

from data.connection import initialise
from data.samples import demo_company

COLUMNS = {
    "Online Retail": ("InvoiceNo", "InvoiceDate", "CustomerID", "StockCode", "Quantity", "UnitPrice"),
    "plain": ("order_id", "order_date", "customer_id", "sku", "quantity", "unit_price"),
}
RAW = "--raw"


def order_file(folder: Path) -> tuple[Path, list[str]]:
    """The order book and the options it is imported with."""
    real = real_file("online_retail.parquet")
    if real is not None:
        return real, ["--time-zone", "Europe/London", "--currency", "GBP"]
    path = folder / "orders.parquet"
    orders = demo_company(end=date(2026, 11, 22), days=1500, skus=400).orders
    orders.drop(columns="shipped_at").to_parquet(path, index=False)
    return path, ["--time-zone", "Europe/Berlin", "--currency", "EUR"]


def import_raw(path: Path, database: Path) -> None:
    """The same rows through the driver, unchecked."""
    table = pq.read_table(path)
    names = COLUMNS["Online Retail" if "InvoiceNo" in table.column_names else "plain"]
    order, placed, party, sku, quantity, price = (table[name].combine_chunks() for name in names)
    orders, parties, skus = (column.cast(pa.string()).dictionary_encode("encode") for column in (order, party, sku))
    order_ids, party_ids, sku_ids = (pc.add(one.indices, 1).to_pylist() for one in (orders, parties, skus))
    moments = pc.strftime(placed, "%Y-%m-%d %H:%M:%S").to_pylist()
    quantities = quantity.to_pylist()
    micros = pc.cast(pc.round(pc.multiply(price, 1e6)), pa.int64())
    cents = pc.divide(pc.multiply(quantity, micros), 10_000).to_pylist()
    heads = dict(zip(order_ids, zip(party_ids, moments, strict=True), strict=True))
    numbers = range(1, len(order_ids) + 1)
    connection = sqlite3.connect(database, isolation_level=None)
    pragmas = "journal_mode=WAL synchronous=FULL foreign_keys=OFF ignore_check_constraints=ON cache_size=-131072"
    for pragma in pragmas.split():
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO party (kind, external_ref, name) VALUES ('customer', ?1, ?1)",
        ((str(one),) for one in parties.dictionary.to_pylist()),
    )
    connection.executemany(
        "INSERT INTO sku (code, display_code, name) VALUES (?1, ?1, ?1)",
        ((one,) for one in skus.dictionary.to_pylist()),
    )
    connection.executemany(
        "INSERT INTO sales_order (id, channel_id, external_ref, party_id, placed_at, business_date, currency, status)"
        " VALUES (?, 1, ?, ?, ?, ?, 'GBP', 'closed')",
        (
            (number, ref, *heads[number], heads[number][1][:10])
            for number, ref in enumerate(orders.dictionary.to_pylist(), start=1)
        ),
    )
    connection.executemany(
        "INSERT INTO order_line (id, sales_order_id, line_no, sku_id, location_id, quantity, quantity_shipped,"
        " unit_price_micros, amount_minor) VALUES (?1, ?2, ?1, ?3, 1, ?4, ?4, ?5, ?6)",
        zip(numbers, order_ids, sku_ids, quantities, micros.to_pylist(), cents, strict=True),
    )
    connection.executemany(
        "INSERT INTO stock_move (id, sku_id, quantity, source_location_id, destination_location_id, effective_at,"
        " recorded_at, kind, order_line_id) VALUES (?1, ?2, ?3, 1, 2, ?4, ?4, 'sale', ?1)",
        zip(numbers, sku_ids, quantities, moments, strict=True),
    )
    connection.execute("COMMIT")
    connection.close()


def benchmark(quick: bool) -> list[Claim]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with TemporaryDirectory() as name:
        folder = Path(name)
        path, options = order_file(folder)
        initialise(f"sqlite:///{folder / 'new.db'}").close()
        lines = pq.read_metadata(path).num_rows

        def timed(*command: str) -> None:
            shutil.copy(folder / "new.db", folder / "filled.db")
            subprocess.run([sys.executable, *command], env=environment, check=True, stdout=subprocess.DEVNULL)
            for leftover in folder.glob("filled.db*"):
                leftover.unlink()

        filled = folder / "filled.db"
        ours, limit = alternately(
            lambda: timed(
                "-m", "service.cli", "import", "orders", str(path), "--database", f"sqlite:///{filled}", *options
            ),
            lambda: timed(str(Path(__file__)), RAW, str(path), str(filled)),
            rounds=1 if quick else 3,
        )
    rate, most = ours.per_second(lines), limit.per_second(lines)
    return [
        Claim("import of an order book against its rows sent raw", rate, most, "lines/s", ">= 0.5", lines),
        Claim("lines per second", rate, None, "lines/s", ">= 40000", lines),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == [RAW]:
        import_raw(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        run(str(__doc__), benchmark)
