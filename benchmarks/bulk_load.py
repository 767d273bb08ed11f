"""Writing a checked order book into orders, lines, movements and balances, against the same SQL sent raw.

Ours is the writing transaction of an import, from the checked rows in memory to the commit: it also looks up and
makes customers and SKUs, links credits with the sales they undo, writes cancellations, returns, charges and
corrections of stock, and remembers every document's content. The limit is the least that stores the same order
headers, lines, sales movements and balances: arrays into a staging table (`executemany`, `COPY`) and one set-based
statement for each table, sent through the driver alone, with customers and SKUs in place. Both write into freshly
migrated databases, files and a server with the disk's guarantees on, every constraint, foreign key and trigger
included. The file is the public Online Retail order book (541,909 lines) where it is kept on this machine, else the
demo company's; `--quick` takes its first orders.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
from import_orders import order_file
from measure import Claim, Figure, run, seconds
from servers import postgresql
from sqlalchemy import Table, insert, make_url, select, text

from data import schema
from data.connection import Database, open_database
from data.importers.problems import Problems
from orders.importing import OrderImport
from orders.importing.book import Book
from orders.importing.order_book import read_book, store_orders
from orders.model import Actor

LOADER = Actor("benchmark")
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
QUICK_LINES = 100_000
MASTER_DATA = (schema.import_batch, schema.channel, schema.location, schema.party, schema.sku)
STAGED: dict[Table, tuple[str, tuple[str, ...]]] = {
    schema.sales_order: (
        "staged_order",
        ("id", "channel_id", "external_ref", "party_id", "placed_at", "business_date", "country", "currency", "status",
         "status_since", "line_count", "value_minor", "import_batch_id"),
    ),
    schema.order_line: (
        "staged_line",
        ("id", "sales_order_id", "line_no", "sku_id", "location_id", "quantity", "quantity_cancelled",
         "quantity_shipped", "quantity_returned", "unit_price_micros", "amount_minor"),
    ),
}  # fmt: skip
"""Table → its staging table, and the columns that both write."""

MOVES = (
    "INSERT INTO stock_move (sku_id, quantity, source_location_id, destination_location_id, effective_at, kind,"
    " order_line_id, recorded_at, import_batch_id) SELECT l.sku_id, l.quantity_shipped,"
    " (SELECT id FROM location WHERE kind = 'before_stockwright'), (SELECT id FROM location WHERE kind = 'customer'),"
    " o.placed_at, 'sale', l.id, o.status_since, o.import_batch_id FROM staged_line l"
    " JOIN sales_order o ON o.id = l.sales_order_id WHERE l.quantity_shipped > 0 ORDER BY l.id"
)
BALANCES = (
    "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand) WITH moved AS ("
    " SELECT sku_id, lot_id, source_location_id, destination_location_id, sum(quantity) AS quantity FROM stock_move"
    " GROUP BY sku_id, lot_id, source_location_id, destination_location_id"
    ") SELECT s.sku_id, s.location_id, s.lot_id, p.is_external, sum(s.quantity) FROM ("
    " SELECT sku_id, destination_location_id AS location_id, lot_id, quantity FROM moved UNION ALL"
    " SELECT sku_id, source_location_id, lot_id, -quantity FROM moved"
    ") AS s JOIN location p ON p.id = s.location_id GROUP BY s.sku_id, s.location_id, s.lot_id, p.is_external"
)

Columns = Mapping[str, Any]
Rows = Mapping[Table, Columns]
"""What both write, by table and column."""

NewUrl = Callable[[bool], str]
"""Makes a fresh migrated database, with the master data in place or without, and gives its URL."""


def checked_book(path: Path, options: Sequence[str], database: Database) -> tuple[Book, OrderImport]:
    """The file's lines, read and checked."""
    request = OrderImport(path, time_zone=options[1], currency=options[3])
    errors = Problems()
    _, book = read_book(database, request, errors=errors, warnings=Problems())
    if book is None:
        raise SystemExit(f"{path.name} cannot be imported: {errors.counts}")
    return book, request


def first_lines(path: Path, lines: int, folder: Path) -> Path:
    """A file of the first lines of another."""
    shorter = folder / "first_lines.parquet"
    pq.write_table(pq.read_table(path).slice(0, lines), shorter)
    return shorter


def store(url: str, book: Book, request: OrderImport) -> float:
    """Seconds of our transaction."""
    database = open_database(url)
    unread = replace(book, rows=replace(book.rows))  # without what an earlier run has worked out of it

    def work() -> None:
        report = store_orders(database, unread, request, actor=LOADER, at=NOW, errors=Problems(), warnings=Problems())
        if report.stored_lines != len(book.rows):
            raise SystemExit(f"stored {report.stored_lines} lines of {len(book.rows)}: {report.errors.counts}")

    taken = seconds(work)
    database.close()
    return taken


def store_raw(url: str, rows: Rows) -> float:
    """Seconds of the raw transaction."""
    database = open_database(url)
    connection = database.writer.raw_connection()
    driver: Any = connection.driver_connection
    send = _send_to_postgresql if isinstance(driver, psycopg.Connection) else _send_to_sqlite
    taken = seconds(lambda: send(driver, rows))
    connection.close()
    database.close()
    return taken


def _send_to_sqlite(driver: Any, rows: Rows) -> None:
    cursor = driver.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    for table, (staged, columns) in STAGED.items():
        others = ", ".join(f"{name} {'INTEGER' if name in _whole(table) else 'TEXT'}" for name in columns[1:])
        cursor.execute(f"CREATE TEMP TABLE {staged} (id INTEGER PRIMARY KEY, {others})")
        lists = [values.tolist() if isinstance(values, np.ndarray) else values for values in rows[table].values()]
        marks = ", ".join("?" * len(columns))
        cursor.executemany(f"INSERT INTO {staged} VALUES ({marks})", zip(*lists, strict=True))
    _fill(cursor)
    cursor.execute("COMMIT")


def _send_to_postgresql(driver: Any, rows: Rows) -> None:
    cursor = driver.cursor()
    for table, (staged, columns) in STAGED.items():
        cursor.execute(f"CREATE TEMP TABLE {staged} AS SELECT {', '.join(columns)} FROM {table.name} WITH NO DATA")
        buffer = io.BytesIO()
        pv.write_csv(pa.table(dict(rows[table])), buffer, pv.WriteOptions(include_header=False))
        with cursor.copy(f"COPY {staged} FROM STDIN (FORMAT csv)") as copy:
            copy.write(buffer.getvalue())
    _fill(cursor)
    driver.commit()


def _fill(cursor: Any) -> None:
    for table, (staged, columns) in STAGED.items():
        cursor.execute(f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {staged}")
    cursor.execute(MOVES)
    cursor.execute(BALANCES)


def _whole(table: Table) -> set[str]:
    return {column.name for column in table.columns if column.type.python_type is int}


def written_rows(database: Database) -> Rows:
    """The headers and lines of a filled database, as columns for the driver."""
    rows = {}
    with database.reading() as connection:
        for table, (_, columns) in STAGED.items():
            found = connection.execute(text(f"SELECT {', '.join(columns)} FROM {table.name} ORDER BY id")).all()
            whole = _whole(table) - {"party_id"}
            rows[table] = {
                name: np.array(values, dtype=np.int64) if name in whole else list(values)
                for name, values in zip(columns, zip(*found, strict=True), strict=True)
            }
    return rows


def copy_master_data(source: Database, target: Database) -> None:
    """What orders refer to."""
    with source.reading() as reading, target.writing() as writing:
        for table in MASTER_DATA:
            there = set(writing.execute(select(table.c.id)).scalars())
            new = [dict(row._mapping) for row in reading.execute(select(table)) if row.id not in there]
            if new:
                writing.execute(insert(table), new)


def in_turn(new_url: NewUrl, book: Book, request: OrderImport, rows: Rows, *, rounds: int) -> tuple[Figure, Figure]:
    """Lines per second of ours and of the raw statements, each into a database of its own."""
    pairs = [(store(new_url(False), book, request), store_raw(new_url(True), rows)) for _ in range(rounds)]
    own, raw = (Figure.of(taken) for taken in zip(*pairs, strict=True))
    return own.per_second(len(book.rows)), raw.per_second(len(book.rows))


def sqlite_files(folder: Path, filled: Database) -> NewUrl:
    """Copies of a migrated file."""
    numbers = count()
    for name in ("empty", "with_master_data"):
        database = open_database(f"sqlite:///{folder / name}.db")
        if name == "with_master_data":
            copy_master_data(filled, database)
        database.close()

    def new_url(with_master_data: bool) -> str:
        for used in folder.glob("run*.db*"):
            used.unlink()
        template = folder / ("with_master_data.db" if with_master_data else "empty.db")
        return f"sqlite:///{shutil.copy(template, folder / f'run{next(numbers)}.db')}"

    return new_url


def postgresql_databases(server: str, filled: Database) -> NewUrl:
    """Copies of a migrated database; what the last one left to write to disk is written before the next begins."""
    numbers = count()
    used: list[str] = []

    def administer(statement: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement)

    def url_of(name: str) -> str:
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    for name in ("empty", "with_master_data"):
        administer(f"CREATE DATABASE {name}")
        database = open_database(url_of(name))
        if name == "with_master_data":
            copy_master_data(filled, database)
        database.close()

    def new_url(with_master_data: bool) -> str:
        while used:
            administer(f"DROP DATABASE {used.pop()}")
        used.append(f"run{next(numbers)}")
        administer(f"CREATE DATABASE {used[0]} TEMPLATE {'with_master_data' if with_master_data else 'empty'}")
        administer("CHECKPOINT")
        return url_of(used[0])

    return new_url


def fsync(server: str) -> str:
    with psycopg.connect(server) as connection:
        (setting,) = connection.execute("SHOW fsync").fetchone() or ("unknown",)
    return str(setting)


def claims(database: str, ours: Figure, raw: Figure, lines: int) -> list[Claim]:
    what = f"{database}: a checked order book into orders, lines, movements and balances"
    return [
        Claim(f"{what}, against the same SQL sent raw", ours, raw, "lines/s", ">= 0.8", lines),
        Claim(f"{what}, everything an import writes", ours, None, "lines/s", None, lines),
    ]


def benchmark(quick: bool) -> list[Claim]:
    rounds = 2 if quick else 3
    with TemporaryDirectory() as name, postgresql() as server:
        folder = Path(name)
        path, options = order_file(folder)
        if quick:
            path = first_lines(path, QUICK_LINES, folder)
        filled = open_database(f"sqlite:///{folder / 'filled.db'}")
        book, request = checked_book(path, options, filled)
        store(str(filled.url), book, request)
        rows = written_rows(filled)
        lines = len(book.rows)
        on_sqlite = in_turn(sqlite_files(folder, filled), book, request, rows, rounds=rounds)
        on_postgresql = in_turn(postgresql_databases(server, filled), book, request, rows, rounds=rounds)
        label = f"PostgreSQL (fsync {fsync(server)})"
        filled.close()
    return [*claims("SQLite", *on_sqlite, lines), *claims(label, *on_postgresql, lines)]


if __name__ == "__main__":
    run(str(__doc__), benchmark)
