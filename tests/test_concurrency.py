"""Processes that act at once on one database: nothing is sold twice, nobody waits for ever, all is added up.

PostgreSQL is where it counts; SQLite lets one writer in at a time.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from orders.checking import broken_promises, check
from orders.reserving import SoftReservation, reserve_stock

WORKER = Path(__file__).parent / "concurrent_worker.py"
PROCESSES = 8


class Workers:
    """Processes that wait for work, and begin it together."""

    def __init__(self):
        self.processes = [
            subprocess.Popen(
                [sys.executable, str(WORKER)],
                env=os.environ | {"PYTHONPATH": str(WORKER.parent.parent)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]

    def say(self, process, text):
        process.stdin.write(text + "\n")
        process.stdin.flush()

    def run(self, database, *works):
        """Gives each piece of work to a process of its own; what each of them answered."""
        url = database.url.render_as_string(hide_password=False)
        busy = self.processes[: len(works)]
        for process, work in zip(busy, works, strict=True):
            self.say(process, json.dumps({"url": url, **work}))
        for process in busy:
            assert process.stdout.readline() == "ready\n"
        for process in busy:
            self.say(process, "go")
        return [json.loads(process.stdout.readline()) for process in busy]

    def tasks(self, database, *lists):
        """The same for lists of orders to place: the outcomes of each process."""
        said = self.run(database, *[{"tasks": tasks} for tasks in lists])
        assert [one for outcomes in said for one in outcomes if "broke" in one] == []
        return said

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait(timeout=30)
            process.stdout.close()


@pytest.fixture(scope="module")
def workers():
    started = Workers()
    yield started
    started.close()


@pytest.fixture
def shop(shop):
    yield shop
    assert broken_promises(check(shop.database)) == []


def order(ref, *lines, key=None, **more):
    return {"ref": ref, "lines": lines, "key": key or f"key of {ref}", "when_short": "refuse", **more}


def refusals(outcomes):
    return Counter(one.get("refused", "done") for one in outcomes)


def test_two_processes_that_want_the_last_unit_get_it_once(shop, workers):
    for number in range(8):
        shop.stock("CUP", "EAST", 1)
        said = workers.tasks(shop.database, *[[order(f"{process} {number}", ["CUP", 1])] for process in range(2)])
        assert refusals(one for outcomes in said for one in outcomes) == {"done": 1, "InsufficientStock": 1}
    assert shop.shelf("CUP", "EAST") == (8, 8)


def test_the_last_units_are_each_sold_once(shop, workers):
    """Ten units and four dozen buyers."""
    shop.stock("CUP", "EAST", 7)
    shop.stock("CUP", "WEST", 3)
    said = workers.tasks(
        shop.database,
        *[[order(f"{process} {number}", ["CUP", 1]) for number in range(12)] for process in range(4)],
    )
    assert refusals(one for outcomes in said for one in outcomes) == {"done": 10, "InsufficientStock": 38}
    assert shop.shelf("CUP", "EAST") == (7, 7)
    assert shop.shelf("CUP", "WEST") == (3, 3)


def test_lines_in_opposite_order_do_not_stop_each_other(shop, workers):
    for sku in ("CUP", "MUG"):
        shop.stock(sku, "EAST", 100)
        shop.stock(sku, "WEST", 100)
    there, back = (["CUP", 1], ["MUG", 1], ["CUP", 1]), (["MUG", 1], ["CUP", 1], ["MUG", 1])
    said = workers.tasks(
        shop.database,
        *[[order(f"{process} {number}", *(there, back)[process % 2]) for number in range(15)] for process in range(4)],
    )
    assert refusals(one for outcomes in said for one in outcomes) == {"done": 60}
    assert sum(shop.shelf(sku, place)[1] for sku in ("CUP", "MUG") for place in ("EAST", "WEST")) == 180


def test_orders_that_take_over_reservations_do_not_stop_others(shop, workers):
    """The reserved SKU comes last in the order in which all are locked, and is the first that is known."""
    for sku in ("CUP", "MUG"):
        shop.stock(sku, "EAST", 150)
    soft = [shop.do(reserve_stock, SoftReservation("MUG", 1, "a quote", minutes=60)).ids for _ in range(30)]
    lines = (["CUP", 1], ["MUG", 1])
    said = workers.tasks(
        shop.database,
        [order(f"kept {number}", *lines, soft_reservations=ids) for number, ids in enumerate(soft)],
        *[[order(f"{process} {number}", *lines) for number in range(30)] for process in range(3)],
    )
    assert refusals(one for outcomes in said for one in outcomes) == {"done": 120}
    assert shop.shelf("CUP", "EAST") == shop.shelf("MUG", "EAST") == (150, 120)


def test_the_same_key_at_once_has_one_effect_and_one_answer(shop, workers):
    shop.stock("CUP", "EAST", 20)
    for number in range(5):
        task = order(f"once {number}", ["CUP", 1])
        said = workers.tasks(shop.database, *[[task]] * PROCESSES)
        answers = [outcomes[0]["answer"] for outcomes in said]
        assert answers == [answers[0]] * PROCESSES
    assert shop.shelf("CUP", "EAST") == (20, 5)
    assert shop.rows("SELECT count(*) FROM sales_order") == [(5,)]


def test_the_same_key_at_once_for_different_orders_is_taken_once(shop, workers):
    shop.stock("CUP", "EAST", 20)
    said = workers.tasks(shop.database, *[[order(f"r{number}", ["CUP", 1], key="k")] for number in range(PROCESSES)])
    assert refusals(one for outcomes in said for one in outcomes) == {"done": 1, "KeyReused": PROCESSES - 1}
    assert shop.shelf("CUP", "EAST") == (20, 1)


def test_the_same_reference_at_once_is_placed_once(shop, workers):
    shop.stock("CUP", "EAST", 20)
    shop.stock("MUG", "EAST", 20)
    for number in range(5):
        said = workers.tasks(
            shop.database,
            *[
                [order(f"r{number}", [("CUP", "MUG")[process % 2], 1], key=f"k {number} {process}")]
                for process in range(PROCESSES)
            ],
        )
        assert refusals(one for outcomes in said for one in outcomes) == {"done": 1, "OrderExists": PROCESSES - 1}
    assert shop.rows("SELECT count(*) FROM sales_order") == [(5,)]


def test_selling_shipping_counting_receiving_and_cancelling_at_once_add_up(shop, workers):
    for sku in ("CUP", "MUG"):
        for place in ("EAST", "WEST"):
            shop.stock(sku, place, 20)
    roles = ["sell", "sell", "ship", "give_up", "count", "carry", "receive"]
    said = workers.run(
        shop.database,
        *[{"traffic": {"role": role, "seed": number, "seconds": 2.5}} for number, role in enumerate(roles)],
    )
    assert [kind for one in said for kind in one if kind.startswith("broke")] == []
    assert all(one["done"] for one in said)
