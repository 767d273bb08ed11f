"""Placing an order against the same SQL statements sent raw through the driver, on SQLite and on PostgreSQL.

Ours is `place_order` with a key: two lines, an address and a known customer; it is verified, priced, routed and
reserved, and its answer, messages and audit trail are written. The peer is what remains when all thinking is taken
away: the very statements that such an order sends, recorded beforehand, with their values, new ids filled in, through
the driver's cursor on a connection that stays open. Both commit each order for good (SQLite: WAL, synchronous=FULL;
PostgreSQL: fsync on), in turn, each in a database of its own.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from measure import Claim, Figure, run
from servers import postgresql
from sqlalchemy import text

from data import driver
from data.connection import Database, open_database
from orders.model import Actor, Address, LineRequest, OrderRequest
from orders.placing import place_order

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SKUS, CUSTOMERS, RECORDED = 500, 200, 40
FIRST_ORDER, FIRST_LINE, LAST_LINE = 1_000_000_000, 2_000_000_000, 3_000_000_000
"""Ids of orders and lines lie between these: so large that no other value of a statement is mistaken for one."""


def fill(database: Database) -> None:
    """A channel, two warehouses, SKUs with list prices and plenty of stock, and customers with an order each."""
    zone = "'UTC'"
    statements = (
        f"INSERT INTO channel (code, time_zone, currency) VALUES ('WEB', {zone}, 'EUR')",
        "INSERT INTO location (code, name, kind, is_external, time_zone, country) VALUES"
        f" ('EAST', 'East', 'warehouse', false, {zone}, 'DE')",
        "INSERT INTO party (kind, external_ref, name) SELECT 'customer', :ref, :ref",
        "INSERT INTO sku (code, display_code, name, list_price_micros, list_price_currency)"
        " SELECT :code, :code, :code, 12500000, 'EUR'",
        "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand)"
        " SELECT s.id, p.id, 0, p.is_external, CASE WHEN p.is_external THEN -1000000 ELSE 1000000 END"
        " FROM sku s, location p"
        " WHERE p.code IN ('EAST', 'ADJUSTMENT')",
        "INSERT INTO stock_move (sku_id, quantity, source_location_id, destination_location_id, effective_at,"
        " recorded_at, kind) SELECT s.id, 1000000, a.id, p.id, :at, :at, 'opening' FROM sku s, location a, location p"
        " WHERE a.code = 'ADJUSTMENT' AND p.code = 'EAST'",
        "INSERT INTO sales_order (id, channel_id, external_ref, party_id, placed_at, business_date, currency, status)"
        f" SELECT {FIRST_ORDER}, c.id, 'first', p.id, :at, :day, 'EUR', 'closed' FROM channel c, party p LIMIT 1",
        "INSERT INTO order_line (id, sales_order_id, line_no, sku_id, location_id, quantity, quantity_cancelled,"
        f" unit_price_micros, amount_minor) SELECT {FIRST_LINE}, {FIRST_ORDER}, 1, s.id, p.id, 1, 1, 0, 0"
        " FROM sku s, location p WHERE p.code = 'EAST' LIMIT 1",
    )
    at = driver_moment(database)
    with database.writing() as connection:
        for number, statement in enumerate(statements):
            rows: Sequence[dict[str, Any]] = [{"at": at, "day": str(NOW.date())}] if ":at" in statement else [{}]
            rows = [{"ref": f"C{n}"} for n in range(CUSTOMERS)] if number == 2 else rows
            rows = [{"code": f"SKU-{n}"} for n in range(SKUS)] if number == 3 else rows
            connection.execute(text(statement), rows if len(rows) > 1 else rows[0])
        if connection.dialect.name == "postgresql":
            for table, first in (("sales_order", FIRST_ORDER), ("order_line", FIRST_LINE)):
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {first})"))


def driver_moment(database: Database) -> Any:
    return NOW.replace(tzinfo=None).isoformat(" ", "microseconds") if database.url.drivername == "sqlite" else NOW


def order(number: int) -> OrderRequest:
    luck = random.Random(number)
    skus = luck.sample(range(SKUS), 2)
    return OrderRequest(
        "WEB",
        f"R{number}",
        tuple(LineRequest(f"SKU-{sku}", luck.randint(1, 5)) for sku in skus),
        customer=f"C{luck.randrange(CUSTOMERS)}",
        ship_to=Address("Ann Example", "Road 1", None, "10115", "Berlin", None, "DE"),
    )


def place(database: Database, number: int) -> float:
    """Seconds for one order."""
    request = order(number)
    started = perf_counter()
    place_order(database, request, key=f"key-{number}", actor=Actor("benchmark"), at=NOW)
    return perf_counter() - started


# The same statements, raw


@dataclass
class Recording:
    """The statements of one order, in the driver's own dialect, and what they were called with."""

    number: int
    statements: list[tuple[str, tuple[Any, ...], bool]]


@contextmanager
def recorded(statements: list[tuple[str, tuple[Any, ...], bool]]) -> Iterator[None]:
    """Keep every statement that goes through `Driver` meanwhile."""
    usual = driver.Driver.__init__

    class Cursor:
        def __init__(self, cursor: Any) -> None:
            self._cursor = cursor

        def __getattr__(self, name: str) -> Any:
            return getattr(self._cursor, name)

        def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
            gives_rows = sql.startswith("SELECT") or "RETURNING" in sql
            statements.append((sql, tuple(values), gives_rows))
            return self._cursor.execute(sql, values)

    def init(self: driver.Driver, connection: Any) -> None:
        usual(self, connection)
        self._cursor = Cursor(self._cursor)

    driver.Driver.__init__ = init  # type: ignore[method-assign]
    try:
        yield
    finally:
        driver.Driver.__init__ = usual  # type: ignore[method-assign]


def replay(connection: Any, recording: Recording, number: int, *, is_sqlite: bool) -> float:
    """Seconds for one order of recorded statements, under a new key and reference and with the ids that come back."""
    renamed = {f"R{recording.number}": f"R{number}", f"key-{recording.number}": f"key-{number}"}
    started = perf_counter()
    cursor = connection.cursor()
    if is_sqlite:
        cursor.execute("BEGIN IMMEDIATE")
    order_id, lines = 0, [0]
    old_lines = sorted(
        {v for _, vs, _ in recording.statements for v in vs if type(v) is int and FIRST_LINE <= v < LAST_LINE}
    )
    for sql, values, gives_rows in recording.statements:
        given = [
            value if type(value) is not int and type(value) is not str
            else renamed.get(value, value) if type(value) is str
            else value if not FIRST_ORDER <= value < LAST_LINE
            else order_id if value < FIRST_LINE
            else lines[old_lines.index(value)]
            for value in values
        ]  # fmt: skip
        cursor.execute(sql, given)
        if gives_rows:
            rows = cursor.fetchall()
            if sql.startswith("INSERT INTO sales_order"):
                order_id = rows[0][0]
            elif sql.startswith("INSERT INTO order_line"):
                lines = [row[0] for row in rows]
    connection.commit()
    cursor.close()
    return perf_counter() - started


def raw_connection(database: Database) -> Any:
    """A connection of the driver with the settings that ours has."""
    if database.url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(database.url.database), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON",
                       "temp_store=MEMORY", "cache_size=-131072"):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")
        return connection
    import psycopg

    return psycopg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False))


def compare(kind: str, new_url: Callable[[], str], *, orders: int) -> list[Claim]:
    """Both in turn, `orders` each."""
    is_sqlite = kind == "SQLite"
    ours, theirs = open_database(new_url()), open_database(new_url())
    for database in (ours, theirs):
        fill(database)
    recordings = []
    for number in range(RECORDED):
        statements: list[tuple[str, tuple[Any, ...], bool]] = []
        with recorded(statements):
            place(theirs, -1 - number)
        recordings.append(Recording(-1 - number, statements))
    raw = raw_connection(theirs)
    for number in range(100):  # both warm: prepared statements, caches
        place(ours, -1000 - number)
        replay(raw, recordings[number % RECORDED], 10**6 + number, is_sqlite=is_sqlite)
    mine, other = [], []
    for number in range(orders):
        mine.append(place(ours, number))
        other.append(replay(raw, recordings[number % RECORDED], number, is_sqlite=is_sqlite))
    raw.close()
    for database in (ours, theirs):
        database.close()
    count = len(recordings[0].statements)
    return [
        Claim(f"{kind}: placing an order of two lines ({count} statements), p50", _milliseconds(mine),
              _milliseconds(other), "ms", "<= 1.5", orders),
        Claim(f"{kind}: orders placed in a second by one process", Figure.exactly(orders / sum(mine)),
              Figure.exactly(orders / sum(other)), "orders/s", None, orders),
    ]  # fmt: skip


def _milliseconds(seconds: Sequence[float]) -> Figure:
    """The median, between the first and the ninth decile."""
    tenths = quantiles(seconds, n=10)
    return Figure(tenths[4] * 1e3, tenths[0] * 1e3, tenths[8] * 1e3)


def new_database(url: str, name: str) -> str:
    """Another database on the server of a URL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.replace("/postgres?", f"/{name}?")


def benchmark(quick: bool) -> list[Claim]:
    orders = 1_000 if quick else 5_000
    claims: list[Claim] = []
    with TemporaryDirectory() as folder:
        names = iter(f"sqlite:///{Path(folder) / f'{name}.db'}" for name in ("ours", "raw"))
        claims += compare("SQLite", lambda: next(names), orders=orders)
    with postgresql() as url:
        databases = (new_database(url, name) for name in ("ours", "raw"))
        claims += compare("PostgreSQL", lambda: next(databases), orders=orders)
    return claims


if __name__ == "__main__":
    run(str(__doc__), benchmark)
