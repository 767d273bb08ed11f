"""The same command under the same key, 64 times at once: one effect and 64 equal answers.

Eight processes of eight threads each begin together, as a client does that was cut off and asks again, and again. With
another request under the key, one of the 64 is carried out and all others are refused.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from measure import Claim, Figure, run
from oversell import prepare
from rivals import KINDS, Rivals, fresh_url, is_broken
from sqlalchemy import text

from data.connection import Database, open_database
from orders.cancelling import Cancellation, CancelLine, cancel_order
from orders.checking import broken_promises, check
from orders.model import Actor, LineRequest, OrderRequest
from orders.placing import place_order
from orders.shipping import ShipLine, Shipping, ship_order
from orders.stocking import Adjustment, StockLine, StockTransfer, adjust_stock, transfer_stock

PROCESSES, THREADS = 8, 8
TIMES = PROCESSES * THREADS
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OFTEN = 1_000_000


def act(database: Database, verb: str, key: str, what: int) -> str:
    """One command; its answer as text."""
    how: dict[str, Any] = {"key": key, "actor": Actor("benchmark"), "at": NOW}
    answer: Any
    if verb == "place":
        ordered = (LineRequest("CUP", 1 + what, Decimal(10)), LineRequest("MUG", 1, Decimal(10)))
        answer = place_order(database, OrderRequest("WEB", f"of {key}", ordered), **how)
    elif verb == "ship":
        answer = ship_order(database, Shipping(1, (ShipLine(1, 1 + what),)), **how)
    elif verb == "cancel":
        answer = cancel_order(database, Cancellation(1, "enough", (CancelLine(2, 1 + what),)), **how)
    elif verb == "adjust":
        answer = adjust_stock(database, Adjustment("CUP", "EAST", 1 + what, "found"), **how)
    else:
        moved = StockTransfer("EAST", "WEST", (StockLine("MUG", 1 + what),), "moved")
        answer = transfer_stock(database, moved, **how)
    return json.dumps(asdict(answer))


VERBS = ("place", "ship", "cancel", "adjust", "transfer")
EFFECTS = ("sales_order", "order_line", "cancellation", "stock_move", "command", "outbox", "audit_log",
           "transition", "order_event", "reservation")  # fmt: skip


def counted(database: Database) -> Counter[str]:
    """Rows of every table that a command may write to."""
    with database.reading() as connection:
        return Counter(
            {table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in EFFECTS}
        )


def claims_of(kind: str, runs: int) -> list[Claim]:
    """What one kind of database does in so many runs of every command."""
    with fresh_url(kind) as url:
        database = open_database(url)
        prepare(database, {"CUP": OFTEN, "MUG": 2 * OFTEN})
        basis = OrderRequest("WEB", "basis", tuple(LineRequest(sku, 10_000, Decimal(10)) for sku in ("CUP", "MUG")))
        place_order(database, basis, key="basis", actor=Actor("benchmark"), at=NOW)
        act(database, "ship", "begin", 0)  # so that every further unit that leaves changes as much
        different = repeated = unrefused = 0
        with Rivals(url, processes=PROCESSES, threads=THREADS) as rivals:
            for number in range(runs):
                for verb in VERBS:
                    before = counted(database)
                    act(database, verb, f"{verb} alone {number}", 0)
                    alone = counted(database)
                    said = rivals.run(act, [(verb, f"{verb} same {number}", 0)] * TIMES)
                    together = counted(database)
                    different += len({*said}) > 1 or is_broken(said[0])
                    repeated += together - alone != alone - before
                    said = rivals.run(act, [(verb, f"{verb} other {number}", what) for what in range(TIMES)])
                    unrefused += Counter(one == "KeyReused" for one in said) != {False: 1, True: TIMES - 1}
                    unrefused += any(is_broken(one) for one in said)
        findings = len(broken_promises(check(database)))
        database.close()
    n, what = runs * len(VERBS), f"{kind}: the same key {TIMES} times at once"
    return [
        Claim(f"{what}: commands whose answers differed", Figure.exactly(different), None, "commands", "<= 0", n),
        Claim(f"{what}: commands with more than one effect", Figure.exactly(repeated), None, "commands", "<= 0", n),
        Claim(
            f"{what}, for {TIMES} different requests: commands not carried out once and refused otherwise",
            Figure.exactly(unrefused), None, "commands", "<= 0", n,
        ),
        Claim(f"{kind}: broken promises found by the check afterwards", Figure.exactly(findings), None, "promises",
              "<= 0", 1),
    ]  # fmt: skip


def benchmark(quick: bool) -> list[Claim]:
    return [*chain.from_iterable(claims_of(kind, 1 if quick else 10) for kind in KINDS)]


if __name__ == "__main__":
    run(__doc__ or "", benchmark)
