"""A writer is killed at random moments: what it had acknowledged is there, and asking again does nothing twice.

A process places orders and ships them, and after each command writes down that it was answered, as a server's client
would. It is killed (SIGKILL) at a random moment, 200 times on SQLite and on PostgreSQL. Then the command that was not
acknowledged is sent once more under its key: it may have been carried out or not, and must be there once.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, count
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import sleep

from measure import Claim, Figure, run
from oversell import prepare
from rivals import KINDS, fresh_url
from sqlalchemy import text

from data.connection import Database, open_database
from orders.checking import broken_promises, check
from orders.model import Actor, LineRequest, OrderRequest
from orders.placing import place_order
from orders.shipping import Shipping, ship_order

ACTOR, NOW = Actor("benchmark"), datetime(2026, 11, 2, 9, tzinfo=UTC)
LONGEST_SECONDS = 0.15
"""After the first acknowledgement, within which the writer is killed."""

PATIENCE_SECONDS = 60


def command(database: Database, number: int) -> int:
    """The command of that number: even ones place an order of two lines, odd ones ship it; the order's id."""
    reference = f"R{number // 2}"
    if number % 2 == 0:
        lines = (LineRequest("CUP", 2, Decimal(10)), LineRequest("MUG", 1, Decimal(10)))
        request = OrderRequest("WEB", reference, lines, when_short="refuse")
        return place_order(database, request, key=f"key {number}", actor=ACTOR, at=NOW).order_id
    with database.reading() as connection:
        order = connection.execute(
            text("SELECT id FROM sales_order WHERE external_ref = :ref"), {"ref": reference}
        ).scalar_one()
    return ship_order(database, Shipping(order), key=f"key {number}", actor=ACTOR, at=NOW).order_id


def write(url: str, first: int, end: Connection) -> None:
    """Carries commands out until it is killed, and says after each that it was answered."""
    database = open_database(url)
    for number in count(first):
        command(database, number)
        end.send_bytes(str(number).encode())


@dataclass
class Killing:
    """Commands that were acknowledged before a kill, and the one that was not."""

    acknowledged: range
    next: int


def killings(url: str, kills: int, luck: random.Random) -> Iterator[Killing]:
    """Starts a writer, kills it, and so on; each goes on after the command that the last one was at."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["data.connection", "orders.placing", "orders.shipping"])
    first = 0
    for _ in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=write, args=(url, first, theirs), daemon=True)
        process.start()
        theirs.close()
        if not wait([ours], PATIENCE_SECONDS) or process.pid is None:
            raise RuntimeError("the writer acknowledged nothing")
        sleep(luck.uniform(0, LONGEST_SECONDS))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        heard = list(_heard(ours))
        if heard != list(range(first, first + len(heard))):
            raise RuntimeError(f"acknowledgements out of order: {heard}")
        yield Killing(range(first, first + len(heard)), first + len(heard))
        first += len(heard) + 1


def _heard(end: Connection) -> Iterator[int]:
    """Numbers that were acknowledged; a message that the kill cut off was none."""
    while True:
        try:
            yield int(end.recv_bytes())
        except (EOFError, OSError):
            return


def claims_of(kind: str, kills: int) -> list[Claim]:
    luck = random.Random(11)
    with fresh_url(kind) as url:
        database = open_database(url)
        prepare(database, {"CUP": 10**6, "MUG": 10**6})
        acknowledged: list[int] = []
        begun = carried_out = commands = 0
        for killing in killings(url, kills, luck):
            acknowledged += killing.acknowledged
            was_there = _is_there(database, killing.next)
            carried_out += was_there
            begun += 1
            command(database, killing.next)  # the client asks once more
            commands = killing.next + 1
        lost = sum(not _is_there(database, number) for number in acknowledged)
        wrong = _not_once(database, commands)
        findings = len(broken_promises(check(database)))
        database.close()
    what = f"{kind}: writer killed {kills} times"
    return [
        Claim(f"{what}: acknowledged commands lost", Figure.exactly(lost), None, "commands", "<= 0", len(acknowledged)),
        Claim(f"{what}: orders not there once and shipped once", Figure.exactly(wrong), None, "orders", "<= 0",
              (commands + 1) // 2),
        Claim(f"{what}: kills between a commit and its acknowledgement", Figure.exactly(carried_out), None, "kills",
              None, begun),
        Claim(f"{kind}: broken promises found by the check afterwards", Figure.exactly(findings), None, "promises",
              "<= 0", 1),
    ]  # fmt: skip


def _is_there(database: Database, number: int) -> bool:
    with database.reading() as connection:
        found = connection.execute(text("SELECT 1 FROM command WHERE key = :key"), {"key": f"key {number}"})
        return found.one_or_none() is not None


def _not_once(database: Database, commands: int) -> int:
    """Orders that are not exactly as all commands up to there, each carried out once, would have them."""
    expected = {f"R{number // 2}": "allocated" for number in range(0, commands, 2)}
    expected |= {f"R{number // 2}": "shipped" for number in range(1, commands, 2)}
    with database.reading() as connection:
        orders = connection.execute(
            text(
                "SELECT o.external_ref, o.status, count(DISTINCT l.id), sum(l.quantity),"
                " (SELECT coalesce(sum(m.quantity), 0) FROM stock_move m JOIN order_line ml ON ml.id = m.order_line_id"
                " WHERE ml.sales_order_id = o.id) FROM sales_order o JOIN order_line l ON l.sales_order_id = o.id"
                " GROUP BY o.id, o.external_ref, o.status"
            )
        ).all()
    seen = {row[0]: tuple(row[1:]) for row in orders}
    wanted = {ref: (status, 2, 3, 3 if status == "shipped" else 0) for ref, status in expected.items()}
    return sum(seen.get(ref) != wanted.get(ref) for ref in seen.keys() | wanted.keys()) + len(orders) - len(seen)


def benchmark(quick: bool) -> list[Claim]:
    return [*chain.from_iterable(claims_of(kind, 10 if quick else 200) for kind in KINDS)]


if __name__ == "__main__":
    run(__doc__ or "", benchmark)
