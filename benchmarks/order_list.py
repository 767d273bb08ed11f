"""The order list and the funnel of open orders on a million orders, on SQLite and on PostgreSQL.

Two years of orders with three lines each, the same ones in both databases: 1 % are open, half of these from the last
month and the others from any time; 20,000 customers, 5 channels and 11 countries of which some are rare. Each time is
of one call from Python to Python, in a transaction that is open, after one call to warm up. "Worst" filters are those
that let pass almost nothing of what an index leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from measure import Claim, Figure, alternately, run, seconds
from servers import postgresql
from sqlalchemy import Connection, insert, select, text

from data import schema
from data.connection import Database, open_database
from orders.order_list import OPEN_STATUSES, OrderFilter, PageKey, funnel, order_page

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAYS, CUSTOMERS, SKUS, CHUNK = 730, 20_000, 2_000, 50_000
CHANNELS = {"web": 0.45, "shop": 0.3, "market": 0.2, "phone": 0.049, "fair": 0.001}
COUNTRIES = {"DE": 0.5, "AT": 0.1, "CH": 0.1, "FR": 0.1, "NL": 0.08, "PL": 0.06, "IT": 0.04, "ES": 0.0149, "SE": 0.004,
             "IS": 0.001, "MT": 0.0001}  # fmt: skip
OPEN = {"draft": 0.05, "placed": 0.2, "on_hold": 0.1, "allocated": 0.25, "partially_allocated": 0.1,
        "backordered": 0.2, "partially_shipped": 0.1}  # fmt: skip
FINISHED = {"shipped": 0.03, "closed": 0.93, "cancelled": 0.04}
PAYMENTS = {"none": 0.1, "authorised": 0.02, "partially_captured": 0.001, "captured": 0.839,
            "partially_refunded": 0.01, "refunded": 0.03}  # fmt: skip
HOLDS = {"credit": 0.4, "address": 0.3, "fraud": 0.1, "stock": 0.15, "review": 0.05}
LIMIT_MS = "< 50"
FILTERS = {
    "no filter": OrderFilter(),
    "one state (on hold)": OrderFilter(statuses=("on_hold",)),
    "one state (closed, 92 %)": OrderFilter(statuses=("closed",)),
    "all open states": OrderFilter(statuses=OPEN_STATUSES),
    "channel (45 %)": OrderFilter(channel="web"),
    "channel (0.1 %)": OrderFilter(channel="fair"),
    "customer by reference": OrderFilter(customer="C000700"),
    "customer by name (4 %)": OrderFilter(customer="a"),
    "customer by name (few)": OrderFilter(customer="aab"),
    "reference (45 %)": OrderFilter(text="w"),
    "reference (ten orders)": OrderFilter(text="w011234"),
    "reference (none)": OrderFilter(text="nothing"),
    "country (50 %)": OrderFilter(country="DE"),
    "country (0.1 %)": OrderFilter(country="IS"),
    "country (none)": OrderFilter(country="XX"),
    "days (a month)": OrderFilter(placed_from=date(2025, 12, 1), placed_to=date(2025, 12, 31)),
    "hold (credit)": OrderFilter(hold="credit"),
    "payment (0.1 %)": OrderFilter(payment_status="partially_captured"),
    "open discrepancies": OrderFilter(only_discrepancies=True),
    "value (0.03 %)": OrderFilter(min_value_minor=88_000),
    "SKU (24 %)": OrderFilter(sku="S00000"),
    "SKU (0.1 %)": OrderFilter(sku="S01000"),
    "open states and country (0.1 %)": OrderFilter(statuses=OPEN_STATUSES, country="IS"),
    "worst: value (none)": OrderFilter(min_value_minor=10**9),
    "worst: SKU (24 %) and value (none)": OrderFilter(sku="S00000", min_value_minor=10**9),
    "worst: customer (4 %) and value (none)": OrderFilter(customer="a", min_value_minor=10**9),
    "worst: open states, country, channel, value (none)": OrderFilter(
        statuses=OPEN_STATUSES, country="DE", channel="web", min_value_minor=10**9
    ),
}


# Orders


def fill(url: str, orders: int) -> None:
    """Make the tables and fill them."""
    database = open_database(url)
    with database.writing() as connection:
        place = _write_master_data(connection)
        if connection.dialect.name == "postgresql":  # the references are right; checking them takes longest
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for rows in _orders(orders):
            connection.execute(insert(schema.sales_order), rows)
        connection.execute(text(LINES), {"place": place})
        _write_holds(connection)
    _settle(database)
    database.close()


# SKU of rank r is asked for with a density of r to the power −2/3.
LINES = f"""
INSERT INTO order_line (sales_order_id, line_no, sku_id, location_id, quantity, unit_price_micros, amount_minor)
SELECT id, line_no, 1 + luck * luck / 1000003 * luck / 1000003 * {SKUS} / 1000003, :place, 1, 9990000, 999
FROM (SELECT o.id, n.line_no, (o.id * 3 + n.line_no) * 7919 % 1000003 AS luck FROM sales_order o
 CROSS JOIN (SELECT 1 AS line_no UNION ALL SELECT 2 UNION ALL SELECT 3) AS n) AS numbered ORDER BY id, line_no
"""


def _write_master_data(connection: Connection) -> int:
    """Channels, customers and SKUs; gives the id of the place that sells."""
    channels = [{"code": code, "time_zone": "UTC", "currency": "EUR"} for code in CHANNELS]
    customers = [
        {"kind": "customer", "external_ref": f"C{number:06d}", "name": f"{_letters(number)} Ltd {number}"}
        for number in range(CUSTOMERS)
    ]
    codes = [f"S{number:05d}" for number in range(SKUS)]
    place = {"code": "EAST", "name": "East", "kind": "warehouse", "is_external": False, "time_zone": "UTC"}
    connection.execute(insert(schema.channel), channels)
    connection.execute(insert(schema.party), customers)
    connection.execute(insert(schema.sku), [{"code": code, "display_code": code, "name": code} for code in codes])
    connection.execute(insert(schema.location), place)
    wanted = select(schema.location.c.id).where(schema.location.c.code == "EAST")
    return int(connection.execute(wanted).scalar_one())


def _letters(number: int) -> str:
    return chr(65 + number % 26) + chr(97 + number // 26 % 26) + chr(97 + number // 676 % 26)


def _orders(count: int) -> Iterator[list[dict[str, Any]]]:
    """Oldest first, each entered a while after it was placed, in chunks."""
    luck = np.random.default_rng(5)

    def drawn(shares: dict[str, float]) -> list[str]:
        share = np.array(list(shares.values()))
        return luck.choice(list(shares), count, p=share / share.sum()).tolist()

    age = np.sort(luck.uniform(0, DAYS * 86_400, count))[::-1] + luck.exponential(3600, count)
    is_open = luck.random(count) < np.where(age < 30 * 86_400, 0.005 * DAYS / 30, 0.005)
    status = np.where(is_open, drawn(OPEN), drawn(FINISHED)).tolist()
    channel, country, payment = drawn(CHANNELS), drawn(COUNTRIES), drawn(PAYMENTS)
    party = (luck.random(count) ** 1.5 * CUSTOMERS).astype(int).clip(0, CUSTOMERS - 1) + 1
    value = luck.lognormal(8.3, 0.9, count).astype(int)
    since = age * luck.random(count)
    channel_id = {code: number for number, code in enumerate(CHANNELS, start=1)}
    for first in range(0, count, CHUNK):
        rows = []
        for one in range(first, min(count, first + CHUNK)):
            placed_at = NOW - timedelta(seconds=float(age[one]))
            rows.append(
                {
                    "id": one + 1,
                    "channel_id": channel_id[channel[one]],
                    "external_ref": f"{channel[one][0].upper()}{one + 100_001:07d}",
                    "party_id": int(party[one]),
                    "placed_at": placed_at,
                    "business_date": placed_at.date(),
                    "currency": "EUR",
                    "country": country[one],
                    "status": status[one],
                    "status_since": NOW - timedelta(seconds=float(since[one])),
                    "line_count": 3,
                    "value_minor": int(value[one]),
                    "payment_status": payment[one],
                    "promised_date": placed_at.date() + timedelta(days=4),
                }
            )
        yield rows


def _write_holds(connection: Connection) -> None:
    """A hold or two on each order on hold, a discrepancy in each draft, and settled ones on one order in twenty."""
    order, luck = schema.sales_order.c, np.random.default_rng(3)
    held = connection.execute(select(order.id).where(order.status == "on_hold").order_by(order.id)).scalars()
    kinds, shares = list(HOLDS), list(HOLDS.values())
    rows = [
        {"sales_order_id": one, "kind": str(kind), "reason": "r", "held_at": NOW, "held_by": "x"}
        for one in held
        for kind in luck.choice(kinds, 1 + int(luck.random() < 0.2), replace=False, p=shares)
    ]
    connection.execute(insert(schema.order_hold), rows)
    for statement in (
        "INSERT INTO order_hold (sales_order_id, kind, reason, held_at, held_by, released_at, released_by)"
        " SELECT id, 'fraud', 'r', placed_at, 'x', placed_at, 'y' FROM sales_order WHERE id % 20 = 0",
        "INSERT INTO discrepancy"
        " (sales_order_id, kind, is_blocking, message, suggestion, fix, status, raised_at, decided_at)"
        " SELECT id, 'price', false, 'm', 's', '{}', 'fixed', placed_at, placed_at FROM sales_order WHERE id % 20 = 1",
        "INSERT INTO discrepancy (sales_order_id, kind, is_blocking, message, suggestion, fix, status, raised_at)"
        " SELECT id, 'price', true, 'm', 's', '{}', 'open', placed_at FROM sales_order WHERE status = 'draft'",
    ):
        connection.execute(text(statement))


def _settle(database: Database) -> None:
    """What PostgreSQL does by itself within minutes of such a load; SQLite does nothing."""
    if database.writer.dialect.name == "postgresql":
        with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


# Times


def measured(database: Database, name: str, orders: int, rounds: int) -> list[Claim]:
    claims = []
    with database.reading() as connection:

        def claim(what: str, work: Callable[[], object]) -> None:
            work()
            claims.append(Claim(f"{name}: {what}", _milliseconds(work, rounds), None, "ms", LIMIT_MS, orders))

        for what, wanted in FILTERS.items():
            claim(f"first page, {what}", partial(order_page, connection, wanted))
        claim("funnel of open orders", partial(funnel, connection, at=NOW))
        for what, wanted, numbers in (
            ("no filter", OrderFilter(), (10, 1000)),
            ("one state (closed, 92 %)", OrderFilter(statuses=("closed",)), (10, 1000)),
            ("all open states", OrderFilter(statuses=OPEN_STATUSES), (10, orders // 10_000 + 5)),
        ):
            keys = dict(islice(_keys(connection, wanted), max(numbers)))
            claims += [
                _deep(connection, wanted, keys[number], f"{name}: page {number:,}, {what}", rounds, orders)
                for number in numbers
            ]
        claims.append(_cut_short(connection, name, orders))
    return claims


def _cut_short(connection: Connection, name: str, orders: int) -> Claim:
    """First pages that are not full although the list may go on, because they looked at as many orders as they may."""
    cut = [what for what, wanted in FILTERS.items() if order_page(connection, wanted).looked_to is not None]
    what = f"{name}: first pages that say where to look on before they are full ({'; '.join(cut) or 'none'})"
    return Claim(what, Figure.exactly(len(cut)), None, f"of {len(FILTERS)}", None, orders)


def _keys(connection: Connection, wanted: OrderFilter) -> Iterator[tuple[int, PageKey]]:
    """Number of each page from the second on → its key, by going through the pages."""
    key, number = order_page(connection, wanted).next, 2
    while key is not None:
        yield number, key
        key, number = order_page(connection, wanted, after=key).next, number + 1


def _deep(connection: Connection, wanted: OrderFilter, key: PageKey, what: str, rounds: int, orders: int) -> Claim:
    late, first = alternately(
        lambda: order_page(connection, wanted, after=key), lambda: order_page(connection, wanted), rounds=4 * rounds
    )
    return Claim(f"{what} against page 1", _as_ms(late), _as_ms(first), "ms", "<= 1.5", orders)


def _milliseconds(work: Callable[[], object], rounds: int) -> Figure:
    return _as_ms(Figure.of([seconds(work) for _ in range(rounds)]))


def _as_ms(figure: Figure) -> Figure:
    return Figure(*(1000 * value for value in (figure.median, figure.least, figure.most)))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()


def benchmark(quick: bool) -> list[Claim]:
    orders, rounds = (100_000, 7) if quick else (1_000_000, 15)
    claims = []
    with TemporaryDirectory() as folder, postgresql() as server:
        for name, url in (("SQLite", f"sqlite:///{Path(folder) / 'orders.db'}"), ("PostgreSQL", server)):
            fill(url, orders)
            with opened(url) as database:
                claims += measured(database, name, orders, rounds)
    return claims


if __name__ == "__main__":
    run(str(__doc__), benchmark)
