"""Selling the last units from many processes at once: exactly as many as there are, and nobody waits for ever.

Eight processes place orders for more than there is, each order refused unless all of it is in stock: orders of one
line, of one SKU on two lines, and of two SKUs on lines in opposite order. Then 64 buyers want one unit. The peer is the
fault that all this is about, written down here and nowhere in the product: read what is left, then write one less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from measure import Claim, Figure, run
from rivals import KINDS, Rivals, fresh_url, is_broken, outcome
from sqlalchemy import text

from data import master_rows
from data.connection import Database, open_database
from orders.checking import broken_promises, check
from orders.master import ChannelSettings, set_channel
from orders.model import Actor, LineRequest, OrderRequest
from orders.placing import place_order
from orders.stocking import Adjustment, adjust_stock

PROCESSES, THREADS = 8, 8
ACTOR, NOW, PRICE = Actor("benchmark"), datetime(2026, 11, 2, 9, tzinfo=UTC), Decimal(10)

SHAPES: dict[str, tuple[str, int, tuple[tuple[int, int], ...]]] = {
    "one": ("of one line", 1, ((0, 1),)),
    "twice": ("with one SKU on two lines", 4, ((0, 1), (0, 3))),
    "opposite": ("of two SKUs, lines in opposite order", 1, ((0, 1), (1, 1))),
}
"""Shape → how it is called, units of each SKU in an order, lines as (SKU, units)."""


def buy(database: Database, ref: str, lines: Sequence[tuple[str, int]]) -> str:
    """One order, all or nothing; what became of it."""
    wanted = tuple(LineRequest(sku, units, PRICE) for sku, units in lines)
    request = OrderRequest("WEB", ref, wanted, when_short="refuse")
    place_order(database, request, key=ref, actor=ACTOR, at=NOW)
    return "sold"


def buy_many(database: Database, process: int, number: int, shape: str, orders: int) -> Counter[str]:
    """One process's orders, one after the other; the outcomes."""
    _, _, pattern = SHAPES[shape]
    lines = [(f"{shape}-{number}-{sku}".upper(), units) for sku, units in pattern]
    lines = lines[::-1] if process % 2 else lines
    return Counter(outcome(buy, database, f"{shape} {number} {process} {order}", lines) for order in range(orders))


def prepare(database: Database, skus: dict[str, int]) -> None:
    """SKUs with so many units each, in two places."""
    with database.writing() as connection:
        master_rows.sku_ids(connection, [{"code": code, "display_code": code, "name": code} for code in skus])
        known = master_rows.location_ids(connection)
        for place in ("EAST", "WEST"):
            if place not in known:
                master_rows.add_location(connection, code=place, name=place, kind="warehouse", time_zone="UTC")
    set_channel(database, ChannelSettings("WEB", "refuse", "EUR", "UTC"), key="channel", actor=ACTOR, at=NOW)
    for code, units in skus.items():
        for place, part in (("EAST", units - units // 2), ("WEST", units // 2)):
            if part:
                found = Adjustment(code, place, part, "opening", unit_cost=Decimal(1))
                adjust_stock(database, found, key=f"{code} {place}", actor=ACTOR, at=NOW)


def reserved(database: Database, sku: str) -> int:
    """Units of a SKU that the ledger has promised to orders."""
    with database.reading() as connection:
        return int(
            connection.execute(
                text(
                    "SELECT coalesce(sum(r.quantity), 0) FROM reservation r JOIN sku s ON s.id = r.sku_id"
                    " WHERE s.code = :sku AND r.status = 'active'"
                ),
                {"sku": sku},
            ).scalar_one()
        )


def claims_of(kind: str, runs: int, stocked: int) -> list[Claim]:
    """What one kind of database does in so many runs of everything, with so many units each."""
    with fresh_url(kind) as url:
        database = open_database(url)
        stock = {
            f"{shape}-{number}-{sku}".upper(): stocked
            for shape, (_, _, pattern) in SHAPES.items()
            for number in range(runs)
            for sku in dict(pattern)
        }
        prepare(database, stock | {f"LAST-{number}": 1 for number in range(runs)})
        claims, broken = [], 0
        with Rivals(url, processes=PROCESSES) as rivals:
            for shape, (name, units, _) in SHAPES.items():
                orders = stocked // units * 8 // 5 // PROCESSES
                sold, wrong = [], 0
                for number in range(runs):
                    given = [(process, number, shape, orders) for process in range(PROCESSES)]
                    said: Counter[str] = sum(rivals.run(buy_many, given), Counter())
                    broken += sum(count for what, count in said.items() if is_broken(what))
                    by_ledger = [
                        reserved(database, sku) for sku in stock if sku.startswith(f"{shape}-{number}-".upper())
                    ]
                    sold.append(said["sold"] * units)
                    refused = said["InsufficientStock"]
                    is_right = {*by_ledger, sold[-1]} == {stocked} and said["sold"] + refused == orders * PROCESSES
                    wrong += not is_right
                what = (
                    f"{kind}: {stocked} units wanted {stocked * 8 // 5} times by {PROCESSES} processes, orders {name}"
                )
                claims.append(Claim(f"{what}: units sold", Figure.of(sold), None, "units", f">= {stocked}", runs))
                claims.append(_none(f"{what}: runs that sold another number", wrong, "runs", runs))
        with Rivals(url, processes=PROCESSES, threads=THREADS) as rivals:
            wrong, buyers = 0, PROCESSES * THREADS
            for number in range(runs):
                given = [(f"last {number} {buyer}", [(f"LAST-{number}", 1)]) for buyer in range(buyers)]
                said = Counter(rivals.run(buy, given))
                broken += sum(count for what, count in said.items() if is_broken(what))
                wrong += (
                    said != {"sold": 1, "InsufficientStock": buyers - 1} or reserved(database, f"LAST-{number}") != 1
                )
            claims.append(
                _none(f"{kind}: {buyers} buyers for one unit: runs without exactly one winner", wrong, "runs", runs)
            )
        claims.append(_none(f"{kind}: deadlocks and other breaks", broken, "orders", runs))
        findings = len(broken_promises(check(database)))
        claims.append(_none(f"{kind}: broken promises found by the check afterwards", findings, "promises", 1))
        database.close()
    return claims


def _none(claim: str, count: int, unit: str, n: int) -> Claim:
    return Claim(claim, Figure.exactly(count), None, unit, "<= 0", n)


# The fault, so that it is known that this would find it


def buy_unguarded(database: Database, orders: int) -> int:
    """Units that one process sells by reading what is left and writing one less."""
    sold = 0
    for _ in range(orders):
        with database.writing() as connection:
            left = connection.execute(text("SELECT units FROM unguarded")).scalar_one()
            if left > 0:
                connection.execute(text("UPDATE unguarded SET units = :units"), {"units": left - 1})
                sold += 1
    return sold


def unguarded(runs: int, stocked: int) -> Claim:
    """How much more than there is the fault sells on PostgreSQL."""
    sold: list[Any] = []
    with fresh_url("PostgreSQL") as url:
        database = open_database(url)
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE unguarded (units bigint NOT NULL)"))
            connection.execute(text("INSERT INTO unguarded VALUES (0)"))
        with Rivals(url, processes=PROCESSES) as rivals:
            for _ in range(runs):
                with database.writing() as connection:
                    connection.execute(text("UPDATE unguarded SET units = :units"), {"units": stocked})
                sold.append(sum(rivals.run(buy_unguarded, [(stocked,)] * PROCESSES)))
        database.close()
    what = f"PostgreSQL: {stocked} units and a read-then-write without a guard (not ours): units sold"
    return Claim(what, Figure.of(sold), None, "units", f"> {stocked}", runs)


def benchmark(quick: bool) -> list[Claim]:
    runs, stocked = (1, 120) if quick else (10, 500)
    return [*chain.from_iterable(claims_of(kind, runs, stocked) for kind in KINDS), unguarded(runs, stocked)]


if __name__ == "__main__":
    run(__doc__ or "", benchmark)
