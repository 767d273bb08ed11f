"""A process of its own that acts on a database when it is told to: several of them trade at once in the tests.

It reads one line of JSON for each piece of work, {"url": …, "tasks": […]} or {"url": …, "traffic": …}, says when it is
ready, begins at the next line, and answers with one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from time import monotonic, sleep
from typing import Any

from sqlalchemy import text

from data.connection import Database, open_database
from data.errors import StockwrightError
from orders.allocating import allocate_backorders
from orders.cancelling import Cancellation, cancel_order
from orders.changing import LineChange, OrderChange, change_order
from orders.counting import Count, CountLine, count_stock
from orders.holding import hold_order, release_order
from orders.model import Actor, LineRequest, OrderRequest
from orders.placing import place_order
from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
from orders.receiving import Receipt, ReceiptLine, receive_purchase
from orders.reserving import SoftReservation, expire_reservations, reserve_stock
from orders.shipping import ShipLine, Shipping, ship_order
from orders.stocking import StockLine, StockTransfer, transfer_stock

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SKUS, PLACES = ["CUP", "MUG", "MILK"], ["EAST", "WEST"]


def place(database: Database, key: str, **task: Any) -> dict[str, Any]:
    lines = tuple(LineRequest(sku, units, Decimal(5)) for sku, units in task.pop("lines"))
    soft = tuple(task.pop("soft_reservations", ()))
    request = OrderRequest("WEB", task.pop("ref"), lines, currency="EUR", soft_reservations=soft, **task)
    return asdict(place_order(database, request, key=key, actor=Actor("worker"), at=AT))


def outcome(database: Database, task: dict[str, Any]) -> dict[str, Any]:
    """What a task answered, what refused it, or how it broke."""
    try:
        return {"answer": place(database, **task)}
    except StockwrightError as refusal:
        return {"refused": type(refusal).__name__}
    except Exception as error:
        return {"broke": repr(error)}


class Traffic:
    """Random commands of one role for a while, on the same few SKUs as all others."""

    def __init__(self, database: Database, *, role: str, seed: int, seconds: float) -> None:
        self.database, self.role, self.seconds = database, role, seconds
        self.luck, self.number = Random(seed), 0
        self.name = f"{role} {seed}"

    def run(self) -> dict[str, int]:
        said: Counter[str] = Counter()
        until = monotonic() + self.seconds
        while monotonic() < until:
            self.number += 1
            try:
                getattr(self, self.role)()
                said["done"] += 1
            except StockwrightError as refusal:
                said[type(refusal).__name__] += 1
            except Exception as error:
                said[f"broke: {error!r}"] += 1
            sleep(self.luck.random() / 50)  # SQLite's queue is not fair: who never rests would keep all others out
        return said

    def do(self, verb: Any, *request: Any) -> Any:
        key = f"{self.name} {self.number} {verb.__name__}"
        return verb(self.database, *request, key=key, actor=Actor("worker"), at=AT)

    def skus(self) -> list[str]:
        return self.luck.sample(SKUS, self.luck.randint(1, len(SKUS)))

    def order(self) -> int:
        """Any that can still be shipped; 0 when there is none."""
        with self.database.reading() as connection:
            found = connection.execute(
                text(
                    "SELECT id FROM sales_order WHERE status IN ('allocated', 'partially_allocated', 'backordered',"
                    " 'partially_shipped')"
                )
            ).scalars()
            return self.luck.choice([*found, 0])

    def sell(self) -> None:
        soft: tuple[int, ...] = ()
        if self.luck.random() < 0.3:
            soft = self.do(reserve_stock, SoftReservation(self.luck.choice(SKUS), 1, "a quote", minutes=5)).ids
        lines = tuple(LineRequest(sku, self.luck.randint(1, 4), Decimal(5)) for sku in self.skus())
        self.do(place_order, OrderRequest("WEB", f"{self.name} {self.number}", lines, soft_reservations=soft))

    def ship(self) -> None:
        part = (ShipLine(1, 1),) if self.luck.random() < 0.5 else ()
        self.do(ship_order, Shipping(self.order(), part))

    def give_up(self) -> None:
        order, chance = self.order(), self.luck.random()
        if chance < 0.4:
            self.do(cancel_order, Cancellation(order, "gone"))
        elif chance < 0.7:
            changed = LineChange(1, quantity=self.luck.randint(1, 5))
            self.do(change_order, OrderChange(order, "other", (changed,)))
        else:
            self.do(hold_order, order, "fraud", "odd")
            self.do(release_order, order, "fraud", "fine")

    def count(self) -> None:
        lines = tuple(CountLine(sku, self.luck.randint(3, 12), self.lot(sku), reason="counted") for sku in self.skus())
        self.do(count_stock, Count(self.luck.choice(PLACES), lines))

    def carry(self) -> None:
        source, destination = self.luck.sample(PLACES, 2)
        lines = tuple(StockLine(sku, 1) for sku in self.skus())
        self.do(transfer_stock, StockTransfer(source, destination, lines, "moved"))
        self.do(expire_reservations)
        self.do(allocate_backorders)

    def receive(self) -> None:
        lines = tuple(PurchaseLine(sku, self.luck.randint(2, 12), Decimal(1)) for sku in self.skus())
        request = PurchaseRequest("S", self.luck.choice(PLACES), lines, f"{self.name} {self.number}", send=True)
        number = self.do(place_purchase_order, request).number
        came = tuple(ReceiptLine(line.sku, line.quantity, lot=self.lot(line.sku)) for line in lines)
        self.do(receive_purchase, Receipt(number, came))

    def lot(self, sku: str) -> str | None:
        """Often a new one: a balance that nobody can have locked."""
        return f"L{self.luck.randrange(500)}" if sku == "MILK" else None


def main() -> None:
    database, opened = None, ""
    for line in sys.stdin:
        work = json.loads(line)
        if database is None or opened != work["url"]:
            if database is not None:
                database.close()
            opened, database = work["url"], open_database(work["url"])
        print("ready", flush=True)
        sys.stdin.readline()
        if "tasks" in work:
            said: Any = [outcome(database, task) for task in work["tasks"]]
        else:
            said = Traffic(database, **work["traffic"]).run()
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
