"""Every use case in any order, on both databases: after each one, all that the design promises still holds.

The promises are held against the rows by plain Python, written from the design and not from the code: the ledger and
the logs are folded anew, and what a command should have done is worked out from its request.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from data import schema
from data.connection import open_database
from data.errors import StockwrightError
from orders.allocating import allocate_backorders, allocate_order
from orders.cancelling import Cancellation, CancelLine, cancel_order
from orders.changing import LineChange, OrderChange, change_order, confirm_change, propose_change, reject_change
from orders.checking import broken_promises, check, check_and_remember
from orders.counting import Count, CountLine, count_stock
from orders.errors import InsufficientStock, KeyReused, NotPossible, OrderExists, OrderRefused, OverReceived
from orders.fixes import applied
from orders.holding import add_note, approve_order, hold_order, release_order
from orders.lifecycle import MACHINES
from orders.master import (
    Bundle,
    BundleComponent,
    ChannelSettings,
    ListPrice,
    add_location,
    set_bundle,
    set_channel,
    set_list_price,
)
from orders.model import Actor, Address, LineRequest, OrderRequest
from orders.paying import Authorisation, authorise_payment, capture_payment, refund_payment
from orders.placing import draft_order, edit_draft, place_draft, place_order
from orders.purchasing import (
    PurchaseLine,
    PurchaseRequest,
    cancel_purchase_order,
    place_purchase_order,
    send_purchase_order,
)
from orders.receiving import Receipt, ReceiptLine, receive_purchase
from orders.reserving import SoftReservation, expire_reservations, release_reservation, reserve_stock
from orders.resolving import accept_discrepancy, fix_discrepancy
from orders.shipping import ShipLine, Shipping, close_order, ship_order
from orders.stock_history import on_hand_as_of
from orders.stocking import (
    Adjustment,
    StockLine,
    StockTransfer,
    adjust_stock,
    reverse_move,
    track_lots,
    transfer_stock,
)

ACTOR, START = Actor("tester"), datetime(2026, 11, 2, 9, tzinfo=UTC)
IS_DEEP = os.environ.get("HYPOTHESIS_PROFILE", "ci") != "ci"
STEPS = 50 if IS_DEEP else 25
MOST_EXAMPLES = int(os.environ.get("ORDER_MACHINE_EXAMPLES", "300"))
"""Of the deep profile: each of them is a database of its own."""

UNWATCHED = {"check_run", "audit_seal", "import_batch", "import_document", "plan_run", "recommendation", "decision",
             "proof_run", "term", "charge", "rma", "rma_line", "supplier_sku", "shipping_lane"}  # fmt: skip
WATCHED = [table for name, table in schema.metadata.tables.items() if name not in UNWATCHED]
SELLING, DONE = ("warehouse", "store"), ("shipped", "closed", "cancelled")
OPEN = ("placed", "allocated", "partially_allocated", "backordered", "partially_shipped")
PLAIN, OTHER, LOTTED, UNTRACKED, BUNDLE, UNPRICED = "TEA", "MUG", "MILK", "JAM", "GIFT", "WRAP"
STOCKED = [PLAIN, OTHER, LOTTED, UNTRACKED]
PARTS = {BUNDLE: {OTHER: 2, PLAIN: 1}}
PRICES = {PLAIN: "10.00", OTHER: "2.005", LOTTED: "1.333333", UNTRACKED: "0.999", BUNDLE: "12.01"}
LOTS = {"FRESH": date(2026, 11, 5), "LONG": date(2027, 3, 1), "KEEPS": None}
PLACES = ["EAST", "WEST", "QUAR"]
CHANNELS = {"WEB": ("EUR", "backorder"), "SHOP": ("EUR", "refuse"), "TOKYO": ("JPY", "partial")}
FULL = Address("Ann", "Road 1", None, "10115", "Berlin", None, "DE")
EXPONENT = {"EUR": 2, "JPY": 0}

Rows = dict[str, list[Any]]


def has_one(table: str, *states: str) -> Callable[[Any], bool]:
    """Whether there is a row, of one of these states if any are named."""
    return lambda machine: any(not states or row.status in states for row in machine.rows[table])


# What must hold, folded from the rows


def faults(rows: Rows) -> list[str]:
    """Everything that breaks a promise of the design, by its number there."""
    return [*_stock_faults(rows), *_reservation_faults(rows), *_order_faults(rows), *_value_faults(rows),
            *_supply_faults(rows), *_payment_faults(rows), *_log_faults(rows), *_state_faults(rows)]  # fmt: skip


def folded(moves: list[Any], until: datetime | None = None) -> Counter[tuple[int, int, int]]:
    """(SKU, location, lot) → units, by what was moved until a moment; never 0."""
    units: Counter[tuple[int, int, int]] = Counter()
    for move in moves:
        if until is None or move.effective_at <= until:
            units[move.sku_id, move.destination_location_id, move.lot_id] += move.quantity
            units[move.sku_id, move.source_location_id, move.lot_id] -= move.quantity
    return Counter({key: count for key, count in units.items() if count})


def _stock_faults(rows: Rows) -> list[str]:
    external = {place.id: place.is_external for place in rows["location"]}
    units = folded(rows["stock_move"])
    cached = {(row.sku_id, row.location_id, row.lot_id): row for row in rows["stock_balance"]}
    found = [f"I1: {key} folds to {units[key]}" for key in units if key not in cached]
    found += [f"I1: {row} folds to {units[key]}" for key, row in cached.items() if row.on_hand != units[key]]
    sums: Counter[int] = Counter()
    for (sku, _, _), row in cached.items():
        sums[sku] += row.on_hand
    found += [f"I2: SKU {sku} sums to {total}" for sku, total in sums.items() if total]
    for (_, place, _), row in cached.items():
        if row.is_external != external[place] or not (row.is_external or 0 <= row.allocated <= row.on_hand):
            found.append(f"I4: {row}")
    return found


def _reservation_faults(rows: Rows) -> list[str]:
    on_shelf: Counter[tuple[int, int, int]] = Counter()
    for_line: Counter[int] = Counter()
    for one in rows["reservation"]:
        if one.status == "active":
            on_shelf[one.sku_id, one.location_id, one.lot_id] += one.quantity
            for_line[one.order_line_id] += one.quantity
    found = [f"I3: {row}" for row in rows["stock_balance"]
             if row.allocated != on_shelf.pop((row.sku_id, row.location_id, row.lot_id), 0)]  # fmt: skip
    found += [f"I3: nothing is allocated on {key} for {units} reserved units" for key, units in on_shelf.items()]
    found += [f"I3: {line}" for line in rows["order_line"] if line.quantity_allocated != for_line[line.id]]
    ends: Counter[int] = Counter(log.entity_id for log in rows["transition"] if log.machine == "reservation")
    return found + [f"I5: {one} ended {ends[one.id]} times" for one in rows["reservation"]
                    if ends[one.id] != (one.status != "active")]  # fmt: skip


def _order_faults(rows: Rows) -> list[str]:
    shipped: Counter[int] = Counter()
    for move in rows["stock_move"]:
        if move.order_line_id is not None:
            shipped[move.order_line_id] += move.quantity if move.kind == "sale" else -move.quantity
    cancelled: Counter[int] = Counter()
    for row in rows["cancellation"]:
        cancelled[row.order_line_id] += row.quantity
    found, lines_of = [], defaultdict(list)
    for line in rows["order_line"]:
        lines_of[line.sales_order_id].append(line)
        still_open = line.quantity - line.quantity_cancelled - line.quantity_shipped
        if still_open < 0 or line.quantity_allocated + line.quantity_backordered > still_open:
            found.append(f"I9: {line}")
        if line.quantity_shipped != shipped[line.id] or line.quantity_cancelled != cancelled[line.id]:
            found.append(f"I9: {line} shipped {shipped[line.id]}, cancelled {cancelled[line.id]}")
        if not 0 <= line.quantity_returned <= line.quantity_shipped:
            found.append(f"I9: {line} has more returned than shipped")
    held = {hold.sales_order_id for hold in rows["order_hold"] if hold.released_at is None}
    drafts = {draft.sales_order_id for draft in rows["order_draft"]}
    doubted = {doubt.sales_order_id for doubt in rows["discrepancy"] if doubt.status == "open"}
    blocked = {doubt.sales_order_id for doubt in rows["discrepancy"] if doubt.status == "open" and doubt.is_blocking}
    twice = Counter((doubt.sales_order_id, doubt.line_no, doubt.kind, doubt.message) for doubt in rows["discrepancy"]
                    if doubt.status == "open")  # fmt: skip
    found += [f"{doubt} is open {times} times" for doubt, times in twice.items() if times > 1]
    for order in rows["sales_order"]:
        lines = lines_of[order.id]
        if (order.id in drafts) != (not lines) or (order.status == "draft" and lines):
            found.append(f"{order} is a draft or is not")
        if not lines:  # a draft, or one that was discarded
            continue
        if order.status not in (_derived(lines, order.id in held), *["closed"] * _is_shipped(lines)):
            found.append(f"state: {order} with {lines}")
        if order.line_count != sum(line.quantity_cancelled < line.quantity for line in lines):
            found.append(f"line count: {order} with {lines}")
        if order.status in DONE and order.id in held:
            found.append(f"{order} is done and still on hold")
        if order.id in blocked:
            found.append(f"{order} was placed with something impossible")
        if order.status == "cancelled" and order.id in doubted:
            found.append(f"{order} is cancelled and still doubted")
    return found


def _derived(lines: list[Any], is_held: bool) -> str:
    """Where an order stands, said another way than the code says it: unit by unit."""
    units: list[str] = []
    for line in lines:
        still_open = line.quantity - line.quantity_cancelled - line.quantity_shipped
        idle = still_open - line.quantity_allocated - line.quantity_backordered
        units += ["shipped"] * line.quantity_shipped + ["allocated"] * line.quantity_allocated
        units += ["backordered"] * line.quantity_backordered + ["idle"] * idle
    kinds = set(units)
    if kinds <= {"shipped"}:
        return "shipped" if kinds else "cancelled"
    if is_held:
        return "on_hold"
    if "shipped" in kinds:
        return "partially_shipped"
    if "allocated" in kinds:
        return "allocated" if kinds == {"allocated"} else "partially_allocated"
    return "backordered" if "backordered" in kinds else "placed"


def _is_shipped(lines: list[Any]) -> bool:
    return _derived(lines, False) == "shipped"


def rounded(exact: Fraction) -> int:
    """Half away from zero."""
    return int((Decimal(exact.numerator) / Decimal(exact.denominator)).to_integral_value(ROUND_HALF_UP))


def _value_faults(rows: Rows) -> list[str]:
    """I11: an order is worth its lines and the taxes on top, each for what is not cancelled."""
    kept = {line.id: Fraction(line.quantity - line.quantity_cancelled, line.quantity) for line in rows["order_line"]}
    worth: Counter[int] = Counter()
    for line in rows["order_line"]:
        worth[line.sales_order_id] += rounded(line.amount_minor * kept[line.id])
    for tax in rows["tax_line"]:
        if not tax.is_included:
            worth[tax.sales_order_id] += rounded(tax.amount_minor * kept[tax.order_line_id])
    return [f"I11: {order} is worth {worth[order.id]}" for order in rows["sales_order"]
            if order.value_minor != worth[order.id]]  # fmt: skip


def _supply_faults(rows: Rows) -> list[str]:
    came: Counter[int] = Counter()
    for move in rows["stock_move"]:
        if move.purchase_order_line_id is not None:
            came[move.purchase_order_line_id] += move.quantity if move.kind == "receipt" else -move.quantity
    open_orders = {line.purchase_order_id for line in rows["purchase_order_line"]
                   if line.quantity_received + line.quantity_cancelled < line.quantity}  # fmt: skip
    found = [f"supply: {line} received {came[line.id]}" for line in rows["purchase_order_line"]
             if line.quantity_received != came[line.id]]  # fmt: skip
    return found + [f"supply: {order} has open lines or has none" for order in rows["purchase_order"]
                    if (order.id in open_orders) != (order.status in ("draft", "ordered"))]  # fmt: skip


def _payment_faults(rows: Rows) -> list[str]:
    found = [f"I10: {row}" for row in rows["payment"]
             if not 0 <= row.refunded_minor <= row.captured_minor <= row.authorised_minor]  # fmt: skip
    paid: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows["payment"]:
        amounts = (row.authorised_minor, row.captured_minor, row.refunded_minor)
        paid[row.sales_order_id] = [sum(pair) for pair in zip(paid[row.sales_order_id], amounts, strict=True)]
    return found + [f"payment state: {order} with {paid[order.id]}" for order in rows["sales_order"]
                    if order.payment_status != _paid_so_far(*paid[order.id])]  # fmt: skip


def _paid_so_far(authorised: int, captured: int, refunded: int) -> str:
    if refunded > 0:
        return "refunded" if refunded == captured else "partially_refunded"
    if captured > 0:
        return "captured" if captured == authorised else "partially_captured"
    return "authorised" if authorised > 0 else "none"


def _log_faults(rows: Rows) -> list[str]:
    """I7: the outbox, the audit trail and the timeline hold what commands announced, and nothing else."""
    announced = {command.key: command.events for command in rows["command"]}
    sent = Counter(message.command_key for message in rows["outbox"])
    said = Counter((row.command_key, row.action, row.entity_id) for row in rows["audit_log"])
    found = [f"I7: {key} announced {events}, sent {sent[key]}" for key, events in announced.items()
             if events != sent[key]]  # fmt: skip
    found += [f"I7: messages of no command {key}" for key in sent if key not in announced]
    if said != Counter((message.command_key, message.topic, message.entity_id) for message in rows["outbox"]):
        found.append("I7: the audit trail and the outbox differ")
    told = Counter((event.command_key, event.sales_order_id) for event in rows["order_event"])
    orders = Counter((row.command_key, row.entity_id) for row in rows["outbox"] if row.entity == "order")
    return found if told == orders else [*found, "I7: timeline and outbox differ"]


def _state_faults(rows: Rows) -> list[str]:
    """I13: each thing went from where it began to where it stands along moves that its machine holds."""
    stands = {
        "order": {row.id: row.status for row in rows["sales_order"]},
        "reservation": {row.id: row.status for row in rows["reservation"]},
        "hold": {row.id: "held" if row.released_at is None else "released" for row in rows["order_hold"]},
        "change": {row.id: row.status for row in rows["order_change"]},
        "discrepancy": {row.id: row.status for row in rows["discrepancy"]},
        "purchase order": {row.id: row.status for row in rows["purchase_order"]},
        "payment": {row.id: row.payment_status for row in rows["sales_order"]},
    }
    found = []
    at = {(name, number): MACHINES[name].initial for name, all_of in stands.items() for number in all_of}
    allowed = {(name, move.source, move.event, move.target) for name in stands for move in MACHINES[name].moves}
    for log in rows["transition"]:
        if (log.machine, log.from_state, log.event, log.to_state) not in allowed:
            found.append(f"I13: {log} is no move")
        if at.get((log.machine, log.entity_id)) != log.from_state:
            found.append(f"I13: {log} does not follow {at.get((log.machine, log.entity_id))}")
        at[log.machine, log.entity_id] = log.to_state
    found += [f"I13: {name} {number} stands at {state}, logged {at[name, number]}"
              for name, all_of in stands.items() for number, state in all_of.items()
              if at[name, number] != state]  # fmt: skip
    return found


# The company that each example begins with


def _seed(database: Any) -> None:
    with database.writing() as connection:
        for code in (*STOCKED, BUNDLE, UNPRICED):
            connection.execute(insert(schema.sku).values(code=code, display_code=code, name=code.lower()))
    for code, kind, country in (("EAST", "warehouse", "DE"), ("WEST", "store", "FR"), ("QUAR", "quarantine", "DE")):
        add_location(database, code=code, name=code, kind=kind, time_zone="UTC", actor=ACTOR, country=country)
    numbers = iter(range(1000))
    how = lambda: {"key": f"seed {next(numbers)}", "actor": ACTOR, "at": START - timedelta(days=30)}  # noqa: E731
    for code, (currency, when_short) in CHANNELS.items():
        set_channel(database, ChannelSettings(code, when_short, currency, "Europe/Berlin"), **how())
    for code, price in PRICES.items():
        set_list_price(database, ListPrice(code, Decimal(price), "EUR"), **how())
    components = tuple(BundleComponent(sku, units) for sku, units in PARTS[BUNDLE].items())
    set_bundle(database, Bundle(BUNDLE, components), **how())
    track_lots(database, LOTTED, **how())
    for sku, place, units, lot in ((PLAIN, "EAST", 5, None), (PLAIN, "WEST", 3, None), (OTHER, "EAST", 8, None),
                                   (LOTTED, "EAST", 3, "FRESH"), (LOTTED, "WEST", 3, "LONG")):  # fmt: skip
        found = Adjustment(sku, place, units, "opening", lot, None if lot is None else LOTS[lot], Decimal("1.5"))
        adjust_stock(database, found, **how())


IN_HOUSE_AT_FIRST = {PLAIN: 8, OTHER: 8, LOTTED: 6, UNTRACKED: 0, UNPRICED: 0}


# What may be asked, each drawn from a source of luck

Draw = Callable[[Random], Any]


def one_of(*values: Any) -> Draw:
    return lambda luck: luck.choice(values)


numbers: Draw = lambda luck: luck.randrange(840)  # noqa: E731
few: Draw = lambda luck: luck.choice((1, 1, 2, 2, 3, 4, 6))  # noqa: E731
flags = one_of(False, True)
skus = one_of(PLAIN, PLAIN, OTHER, OTHER, LOTTED, LOTTED, UNTRACKED, BUNDLE, BUNDLE)
stocked, places, lots = one_of(*STOCKED), one_of(*PLACES), one_of(*LOTS)
prices = one_of(*[None] * 20, "10.00", "2.005", "0.335", "0")
rates = one_of(None, None, "0.19", "0.07")
reasons = one_of("asked for", "broken", "a mistake")
channels = one_of(*CHANNELS, "WEB", "WEB")
customers = one_of(None, "C1", "C2")
policies = one_of(None, None, "backorder", "backorder", "backorder", "refuse", "partial")
addresses = one_of(
    None,
    FULL,
    FULL,
    Address("Bob", "Way 2", None, None, "Lyon", None, "FR"),
    Address("Eve", None, None, None, None, None, "DE"),
)


def order_lines(luck: Random) -> tuple[LineRequest, ...]:
    def decimal(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    odd = one_of(*[None] * 14, "TEAA", UNPRICED)
    return tuple(
        LineRequest(odd(luck) or skus(luck), few(luck), decimal(prices(luck)), decimal(rates(luck)))
        for _ in range(luck.randint(1, 3))
    )


def always(machine: Any) -> bool:
    return True


has_orders = has_one("sales_order")
has_open_orders = has_one("sales_order", *OPEN)


def step(weight: int = 1, when: Callable[[Any], bool] = always, **given: Draw) -> Callable[[Any], Any]:
    """Marks something that the machine may do, how often, when, and with what.

    Rules of Hypothesis's own would repeat the short ones far more often than they place an order of several lines.
    """

    def marked(method: Any) -> Any:
        method.step = (weight, when, given)
        return method

    return marked


class OrderMachine(RuleBasedStateMachine):
    """Drives the use cases and keeps a book of its own of what they should have done.

    Attributes:
        rows: Every watched row as it was after the last step.
        in_house: SKU → units within our walls, by what the requests brought in and took out.
        ordered: (order, line number) → units ordered, cancelled and shipped, by the requests.
        asked: Order → the request as it was last given.
        past: Moment → stock in our places, as it was then.
    """

    opened: ClassVar[Callable[[], tuple[Any, Callable[[], None]]]]
    counts: ClassVar[Counter[str]]
    steps: ClassVar[dict[str, tuple[int, Callable[[Any], bool], dict[str, Any]]]]

    def __init__(self) -> None:
        super().__init__()
        self.database, self.drop = type(self).opened()
        self.now, self.key = START, 0
        self.rows = self._dump()
        self.names = {row.id: row.code for row in self.rows["sku"]}
        self.ids = {row.code: row.id for row in self.rows["sku"]}
        self.place_ids = {row.code: row.id for row in self.rows["location"]}
        self.in_house: Counter[str] = Counter(IN_HOUSE_AT_FIRST)
        self.ordered: dict[tuple[int, int], list[int]] = {}
        self.asked: dict[int, OrderRequest] = {}
        self.done: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self.past: dict[datetime, dict[tuple[int, int, int], int]] = {}
        self.is_new, self.repeats = True, Counter[int]()
        self.counts["examples"] += 1

    def teardown(self) -> None:
        self.database.close()
        self.drop()

    # Doing and looking

    def _dump(self) -> Rows:
        with self.database.reading() as connection:
            return {
                table.name: list(connection.execute(select(table).order_by(*table.primary_key.columns)))
                for table in WATCHED
            }

    def act(self, verb: Callable[..., Any], *given: Any, may: bool | None = None, **options: Any) -> Any:
        """Carry out a use case; None when it was refused (`refusal` says why), which must leave no trace.

        Args:
            may: Whether it must succeed or must be refused; None where that is not worked out here.
        """
        self.key, self.now = self.key + 1, self.now + timedelta(seconds=1)
        before, called = self.rows, dict(options, key=f"key {self.key}", actor=ACTOR)
        try:
            answer = verb(self.database, *given, **called, at=self.now)
        except StockwrightError as error:
            self.refusal = error
            if may:
                pytest.fail(f"{verb.__name__} {given} {options} was refused: {error!r}")
            assert self._dump() == before, f"{verb.__name__} was refused and left something"
            self.counts[f"refused {verb.__name__}"] += 1
            return None
        assert may is not False, f"{verb.__name__} {given} {options} should have been refused, and gave {answer}"
        self.counts[f"done {verb.__name__}"] += 1
        self.done.append((verb, given, called, answer))
        self.rows, self.is_new = self._dump(), True
        return SimpleNamespace(answer=answer, before=before)

    @invariant()
    def everything_holds(self) -> None:
        self.counts["steps"] += 1
        if not self.is_new:
            return
        self.is_new = False
        self.past[self.now] = stock = {key: units for key, units in folded(self.rows["stock_move"]).items()
                                       if not self._place(key[1]).is_external}  # fmt: skip
        found = faults(self.rows)
        assert not found, "\n".join(found)
        assert broken_promises(check(self.database)) == []
        in_house: Counter[str] = Counter(dict.fromkeys(self.in_house, 0))
        for (sku, _, _), units in stock.items():
            in_house[self.names[sku]] += units
        assert in_house == self.in_house
        for line in self.rows["order_line"]:
            number = (line.sales_order_id, line.line_no)
            assert [line.quantity, line.quantity_cancelled, line.quantity_shipped] == self.ordered[number], number

    def _place(self, number: int) -> Any:
        return next(place for place in self.rows["location"] if place.id == number)

    def _pick(self, rows: list[Any], pick: int) -> Any:
        return rows[pick % len(rows)]

    def _order(self, pick: int, *states: str) -> Any:
        """One of the orders, mostly one in one of these states."""
        some = [order for order in self.rows["sales_order"] if order.status in states]
        return self._pick(some if some and pick % 8 else self.rows["sales_order"], pick // 8)

    def _lines(self, order_id: int, rows: Rows | None = None) -> list[Any]:
        return [line for line in (rows or self.rows)["order_line"] if line.sales_order_id == order_id]

    def _open_holds(self, order_id: int) -> list[str]:
        return [hold.kind for hold in self.rows["order_hold"]
                if hold.sales_order_id == order_id and hold.released_at is None]  # fmt: skip

    def _open_doubts(self, order_id: int) -> list[Any]:
        return [doubt for doubt in self.rows["discrepancy"]
                if doubt.sales_order_id == order_id and doubt.status == "open"]  # fmt: skip

    def _is_tracked(self, sku: str) -> bool:
        return any(row.code == sku and row.is_lot_tracked for row in self.rows["sku"])

    def _is_fresh(self, lot: int) -> bool:
        until = next((row.expires_on for row in self.rows["lot"] if row.id == lot), None)
        return until is None or until > (self.now + timedelta(seconds=1)).date()

    def _available(self, sku: str, *, place: str | None = None, freed: tuple[int, ...] = ()) -> int:
        """Units that can be sold: unreserved, fresh, where it is sold; with what these soft reservations keep."""
        units = 0
        for row in self.rows["stock_balance"]:
            if row.sku_id == self.ids[sku] and self._sells(row.location_id, place) and self._is_fresh(row.lot_id):
                units += row.on_hand - row.allocated
        for one in self.rows["reservation"]:
            if one.id in freed and one.status == "active" and one.kind == "soft" and one.sku_id == self.ids[sku]:
                units += one.quantity * (self._sells(one.location_id, place) and self._is_fresh(one.lot_id))
        return units

    def _sells(self, number: int, place: str | None = None) -> bool:
        return self._place(number).kind in SELLING and place in (None, self._place(number).code)

    def _lapsed(self) -> tuple[int, ...]:
        now = self.now + timedelta(seconds=1)
        return tuple(one.id for one in self.rows["reservation"]
                     if one.status == "active" and one.expires_at is not None and one.expires_at <= now)  # fmt: skip

    def _served(self, *skus: str) -> None:
        """Nobody waits for what is there: to be asked right after a command that gives stock to who waits."""
        for sku in skus:
            waits = [line for line in self.rows["order_line"]
                     if line.sku_id == self.ids[sku] and line.quantity_backordered]  # fmt: skip
            assert not waits or self._available(sku) == 0, f"{self._available(sku)} of {sku} are there for {waits}"

    @rule(seed=st.integers(0, 2**24 - 1))
    def next_step(self, seed: int) -> None:
        self.repeats[seed] += 1
        luck = Random(f"{seed} {self.repeats[seed]}")  # Hypothesis likes to repeat itself, which would say nothing new
        ready = {name: weight for name, (weight, when, _) in self.steps.items() if when(self)}
        name = luck.choices(list(ready), list(ready.values()))[0]
        given = {argument: draw(luck) for argument, draw in self.steps[name][2].items()}
        note(f"{name} {given}")
        getattr(self, name)(**given)

    # Time, seals, and what must not be possible

    @step(step=one_of(timedelta(minutes=30), timedelta(hours=30), timedelta(days=2)))
    def time_passes(self, step: timedelta) -> None:
        self.now += step

    @step(pick=numbers)
    def the_past_can_be_rebuilt(self, pick: int) -> None:
        """I14: by our own fold, and by the use case that people ask."""
        moment = self._pick(list(self.past), pick)
        until = folded(self.rows["stock_move"], moment)
        assert {key: units for key, units in until.items() if not self._place(key[1]).is_external} == self.past[moment]
        for known_at in (None, moment):
            with self.database.reading() as connection:
                frame = on_hand_as_of(connection, at=moment, known_at=known_at)
            assert {(row.sku_id, row.location_id, row.lot_id): row.on_hand for row in frame.itertuples()} == self.past[
                moment
            ]

    @step(weight=3, when=lambda self: self.done, pick=numbers)
    def a_command_comes_again(self, pick: int) -> None:
        """I6: the same answer, and no row is another."""
        verb, given, called, answer = self._pick(self.done, pick)
        assert verb(self.database, *given, **called, at=self.now + timedelta(hours=1)) == answer
        assert self._dump() == self.rows
        self.counts["replayed"] += 1

    @step(when=lambda self: self.done and self.rows["sales_order"], pick=numbers)
    def a_key_comes_with_another_request(self, pick: int) -> None:
        key = self._pick(self.done, pick)[2]["key"]
        order = self.rows["sales_order"][0].id
        with pytest.raises(KeyReused):
            add_note(self.database, order, "another request", key=key, actor=ACTOR, at=self.now)
        assert self._dump() == self.rows

    @step(table=one_of("stock_move", "transition", "order_event", "audit_log"), pick=flags)
    def what_happened_cannot_be_changed(self, table: str, pick: bool) -> None:
        """I8."""
        column = {"stock_move": "quantity = quantity + 1", "audit_log": "actor = 'x'"}.get(table, "actor = 'x'")
        statement = f"UPDATE {table} SET {column}" if pick else f"DELETE FROM {table}"
        if self.rows[table]:
            with pytest.raises(DBAPIError, match=r"append-only"), self.database.writing() as connection:
                connection.execute(text(statement))
            assert self._dump() == self.rows

    @step()
    def the_trail_is_sealed(self) -> None:
        assert broken_promises(check_and_remember(self.database, actor=ACTOR, at=self.now)) == []

    # Selling

    def _request(self, reference: str, channel: str, lines: tuple[LineRequest, ...], **options: Any) -> OrderRequest:
        if channel == "TOKYO":  # where nothing is on a price list
            lines = tuple(
                LineRequest(line.sku, line.quantity, line.unit_price or Decimal("150.5"), line.tax_rate)
                for line in lines
            )
        return OrderRequest(channel, reference, lines, **options)

    def _exploded(self, request: OrderRequest) -> list[tuple[str, int]]:
        """(SKU, units) of each line that the order will have."""
        return [(sku, line.quantity * units) for line in request.lines
                for sku, units in PARTS.get(line.sku, {line.sku: 1}).items()]  # fmt: skip

    def _is_blocked(self, request: OrderRequest) -> bool:
        unknown = any(line.sku not in self.ids for line in request.lines)
        return unknown or any(line.sku == UNPRICED and line.unit_price is None for line in request.lines)

    def _policy(self, request: OrderRequest) -> str:
        stored = next(row.when_short for row in self.rows["channel"] if row.code == request.channel)
        return request.when_short or stored

    def _short(self, request: OrderRequest) -> dict[str, int]:
        """SKU → units that nobody could give it now."""
        wanted: Counter[str] = Counter()
        for sku, units in self._exploded(request):
            wanted[sku] += units
        freed = (*request.soft_reservations, *self._lapsed())
        return {sku: max(0, units - self._available(sku, freed=freed)) for sku, units in wanted.items()}

    def _may_place(self, request: OrderRequest) -> bool:
        short = self._short(request)
        wanted: Counter[str] = Counter()
        for sku, units in self._exploded(request):
            wanted[sku] += units
        policy = self._policy(request)
        nothing = all(short[sku] == units for sku, units in wanted.items())
        return not (policy == "refuse" and any(short.values())) and not (policy == "partial" and nothing)

    def _check_placed(self, placed: Any, request: OrderRequest, short: dict[str, int]) -> None:
        """The order is what was asked for, got all that there was, and costs what its lines and taxes do."""
        assert [(line.sku, line.quantity) for line in placed.lines] == self._exploded(request)
        missing: Counter[str] = Counter()
        for line in placed.lines:
            missing[line.sku] += line.backordered + line.cancelled
            assert line.allocated + line.backordered + line.cancelled == line.quantity
            self.ordered[placed.order_id, line.line_no] = [line.quantity, line.cancelled, 0]
        assert missing == Counter(short)
        kept = "cancelled" if self._policy(request) == "partial" else "backordered"
        assert all(getattr(line, kept) == line.quantity - line.allocated for line in placed.lines)
        amounts, taxes = [], []
        scale = 10 ** EXPONENT[placed.currency]
        for line in request.lines:
            price = line.unit_price if line.unit_price is not None else Decimal(self._list_price(line.sku))
            amounts.append(rounded(Fraction(price) * line.quantity * scale))
            taxes.append(rounded(Fraction(line.tax_rate or 0) * amounts[-1]))
        stored = self._lines(placed.order_id)
        assert sum(line.amount_minor for line in stored) == sum(amounts)
        stored_taxes = [tax.amount_minor for tax in self.rows["tax_line"] if tax.sales_order_id == placed.order_id]
        assert sum(stored_taxes) == sum(taxes)

    def _list_price(self, sku: str) -> Decimal:
        micros = next(row.list_price_micros for row in self.rows["sku"] if row.code == sku)
        return Decimal(micros) / 1_000_000

    @step(weight=6, channel=channels, lines=order_lines, customer=customers, to=addresses, when_short=policies,
          priority=one_of(0, 1, 2), pick=numbers, refuse=one_of(False, False, False, True))  # fmt: skip
    def place(self, channel: str, lines: Any, customer: Any, to: Any, when_short: Any, priority: int, pick: int,
              refuse: bool) -> None:  # fmt: skip
        soft = [one.id for one in self.rows["reservation"] if one.kind == "soft"]
        taken = tuple(soft[pick % len(soft) :][: pick % 3]) if soft else ()
        request = self._request(f"R{self.key + 1}", channel, lines, customer=customer, ship_to=to, priority=priority,
                                when_short=when_short, soft_reservations=taken)  # fmt: skip
        self._place_new(request, refuse_discrepancies=refuse)

    def _place_new(self, request: OrderRequest, **options: Any) -> Any:
        is_blocked = self._is_blocked(request)
        if is_blocked:
            done = self.act(place_order, request, may=not options.get("refuse_discrepancies"), **options)
            if done is not None:
                assert done.answer.status == "draft"
                assert done.answer.discrepancies
                self.asked[done.answer.order_id] = request
            return done
        may, short = self._may_place(request), self._short(request)
        done = self.act(place_order, request, may=may, **options)
        if done is None:
            assert isinstance(self.refusal, InsufficientStock)
        else:
            self._check_placed(done.answer, request, short)
            self.asked[done.answer.order_id] = request
        return done

    @step(weight=2, channel=channels, lines=order_lines, customer=customers, to=addresses, when_short=policies)
    def draft(self, channel: str, lines: Any, customer: Any, to: Any, when_short: Any) -> None:
        request = self._request(f"D{self.key + 1}", channel, lines, customer=customer, ship_to=to,
                                when_short=when_short)  # fmt: skip
        done = self.act(draft_order, request, may=True)
        self.asked[done.answer.order_id] = request

    @step(when=has_one("sales_order", "draft"), pick=numbers, lines=order_lines, to=addresses)
    def edit_a_draft(self, pick: int, lines: Any, to: Any) -> None:
        order = self._order(pick, "draft")
        was = self.asked[order.id]
        request = replace(self._request(was.external_ref, was.channel, lines), customer=was.customer, ship_to=to)
        if self.act(edit_draft, order.id, request, may=order.status == "draft"):
            self.asked[order.id] = request

    @step(weight=2, when=has_one("sales_order", "draft"), pick=numbers)
    def place_a_draft(self, pick: int) -> None:
        order = self._order(pick, "draft")
        request = self.asked[order.id]
        if order.status != "draft" or self._is_blocked(request):
            self.act(place_draft, order.id, may=False)
            assert isinstance(self.refusal, NotPossible if order.status != "draft" else OrderRefused)
            return
        may, short = self._may_place(request), self._short(request)
        done = self.act(place_draft, order.id, may=may)
        if done is not None:
            self._check_placed(done.answer, request, short)

    @step(when=has_orders, pick=numbers, lines=order_lines)
    def place_a_reference_again(self, pick: int, lines: Any) -> None:
        was = self.asked[self._order(pick).id]
        self.act(place_order, self._request(was.external_ref, was.channel, lines), may=False)
        assert isinstance(self.refusal, OrderExists)

    # Holding and deciding

    @step(
        weight=3,
        when=has_open_orders,
        pick=numbers,
        kind=one_of("credit", "address", "fraud", "stock", "review"),
        reason=reasons,
    )
    def hold(self, pick: int, kind: str, reason: str) -> None:
        order = self._order(pick, *OPEN)
        may = order.status in (*OPEN, "on_hold") and kind not in self._open_holds(order.id)
        if self.act(hold_order, order.id, kind, reason, may=may):
            assert self._status(order.id) == "on_hold"

    @step(
        weight=3,
        when=has_one("sales_order", "on_hold"),
        pick=numbers,
        kind=one_of("credit", "fraud", "review", "address"),
        reason=reasons,
    )
    def release(self, pick: int, kind: str, reason: str) -> None:
        order = self._order(pick, "on_hold")
        holds = self._open_holds(order.id)
        kind = holds[pick % len(holds)] if holds and pick % 4 else kind
        done = self.act(release_order, order.id, kind, reason, may=kind in holds)
        if done:
            assert sorted(done.answer.holds) == sorted(set(holds) - {kind})

    @step(weight=2, when=has_one("sales_order", "on_hold"), pick=numbers, reason=reasons)
    def approve(self, pick: int, reason: str) -> None:
        order = self._order(pick, "on_hold")
        is_doubted = bool(self._open_doubts(order.id)) or "review" in self._open_holds(order.id)
        if self.act(approve_order, order.id, reason, may=is_doubted and order.status != "draft"):
            assert not self._open_doubts(order.id)
            assert "review" not in self._open_holds(order.id)

    @step(when=has_orders, pick=numbers)
    def note(self, pick: int) -> None:
        self.act(add_note, self._order(pick).id, "a note", may=True)

    @step(
        weight=3,
        when=has_one("discrepancy", "open"),
        pick=numbers,
        place=flags,
        fix=one_of(*["suggested"] * 5, "drop", "quantity", "cancel"),
    )
    def fix_a_discrepancy(self, pick: int, place: bool, fix: str) -> None:
        doubt = self._doubt(pick)
        request = self.asked[doubt.sales_order_id]
        other = {"drop": {"line": doubt.line_no or 1, "drop": True}, "cancel": {"cancel": True},
                 "quantity": {"line": doubt.line_no or 1, "set": {"quantity": 2}}}.get(fix)  # fmt: skip
        may = None if doubt.status == "open" else False
        done = self.act(fix_discrepancy, doubt.id, fix=other, place=place, may=may)
        if done is None:
            return
        wanted = other or doubt.fix
        if wanted.get("cancel"):
            assert self._status(doubt.sales_order_id) in DONE
        elif doubt.sales_order_id in {draft.sales_order_id for draft in done.before["order_draft"]}:
            self.asked[doubt.sales_order_id] = applied(request, wanted)
        else:
            self._check_fixed(doubt, wanted)
        self._reread_lines(doubt.sales_order_id)

    def _check_fixed(self, doubt: Any, fix: dict[str, Any]) -> None:
        """What a suggested fix says of a line became true of the line of the order that it is about."""
        if "line" not in fix:
            return
        line = next(one for one in self._lines(doubt.sales_order_id) if one.line_no == fix["line"])
        setting = fix.get("set", {})
        assert line.quantity == setting.get("quantity", line.quantity)
        assert (
            line.unit_price_micros == Decimal(setting.get("unit_price", 0)) * 1_000_000 or "unit_price" not in setting
        )
        assert line.quantity == line.quantity_cancelled + line.quantity_shipped or not fix.get("drop")
        if fix == doubt.fix:
            assert self.names[line.sku_id] in doubt.message
            assert doubt.message.startswith(f"line {line.line_no}: ")
            assert line.bundle_id is None

    def _reread_lines(self, order_id: int) -> None:
        for line in self._lines(order_id):
            self.ordered[order_id, line.line_no] = [line.quantity, line.quantity_cancelled, line.quantity_shipped]

    @step(when=has_one("discrepancy", "open"), pick=numbers, reason=reasons)
    def accept_a_discrepancy(self, pick: int, reason: str) -> None:
        doubt = self._doubt(pick)
        self.act(accept_discrepancy, doubt.id, reason, may=doubt.status == "open" and not doubt.is_blocking)

    def _doubt(self, pick: int) -> Any:
        some = [doubt for doubt in self.rows["discrepancy"] if doubt.status == "open"]
        return self._pick(some or self.rows["discrepancy"], pick)

    # Changing and cancelling

    @step(weight=6, when=has_open_orders, pick=numbers,
          kind=one_of("quantity", "quantity", "price", "drop", "add", "address", "priority"), units=few, sku=skus,
          at_once=flags, is_stale=one_of(*[False] * 5, True))  # fmt: skip
    def change(self, pick: int, kind: str, units: int, sku: str, at_once: bool, is_stale: bool) -> None:
        order = self._order(pick, *OPEN, "on_hold")
        lines = self._lines(order.id)
        line = lines[pick % len(lines)].line_no if lines else 1
        changes = {
            "quantity": (LineChange(line, quantity=units),),
            "price": (LineChange(line, unit_price=Decimal(units) / 8),),
            "drop": (LineChange(line, quantity=0),), "add": (LineChange(None, sku, units, Decimal("1.5")),),
        }.get(kind, ())  # fmt: skip
        request = OrderChange(order.id, "the customer called", changes,
                              ship_to=FULL if kind == "address" else None,
                              priority=units if kind == "priority" else None,
                              version=order.version - 1 if is_stale else order.version)  # fmt: skip
        may = False if is_stale or order.status in (*DONE, "draft") else None
        if not at_once:
            self.act(propose_change, request, may=may)
            return
        if may is None and not changes:  # where it goes, and how urgent it is, can be said as long as it is open
            may = True
        done = self.act(change_order, request, may=may)
        if done is not None:
            self._book_change(order, request)

    def _book_change(self, order: Any, request: OrderChange) -> None:
        for change in request.lines:
            if change.line_no is None:
                new = PARTS.get(change.sku, {change.sku: 1})
                first = max(line_no for number, line_no in self.ordered if number == order.id) + 1
                for line_no, units in enumerate(new.values(), first):
                    self.ordered[order.id, line_no] = [units * change.quantity, 0, 0]
            elif change.quantity is not None:
                line = self.ordered[order.id, change.line_no]
                if change.quantity == 0:
                    line[1] = line[0] - line[2]
                else:
                    line[0] = change.quantity
        self._book_given_up(order)

    def _book_given_up(self, order: Any) -> None:
        """What `partial` cancels because it is short is read back: no request says it."""
        policy = order.when_short or next(row.when_short for row in self.rows["channel"] if row.id == order.channel_id)
        for line in self._lines(order.id):
            booked = self.ordered[order.id, line.line_no]
            if policy == "partial" and line.quantity_cancelled > booked[1]:
                booked[1] = line.quantity_cancelled

    @step(
        weight=4,
        when=has_one("order_change", "proposed"),
        pick=numbers,
        is_rejected=one_of(False, False, True),
        reason=reasons,
    )
    def decide_on_a_change(self, pick: int, is_rejected: bool, reason: str) -> None:
        some = [change for change in self.rows["order_change"] if change.status == "proposed"]
        change = self._pick(some or self.rows["order_change"], pick)
        order = next(row for row in self.rows["sales_order"] if row.id == change.sales_order_id)
        if is_rejected:
            self.act(reject_change, change.id, reason, may=change.status == "proposed")
            return
        may = None if change.status == "proposed" and order.version == change.order_version else False
        done = self.act(confirm_change, change.id, may=may)
        if done is not None:
            lines = [LineChange(line["line_no"], line["sku"], line["quantity"]) for line in change.request["lines"]]
            self._book_change(order, OrderChange(order.id, "", tuple(lines)))
            assert done.answer.value_minor - order.value_minor == change.difference_minor or self._gave_up(done, order)

    def _gave_up(self, done: Any, order: Any) -> bool:
        was = {line.id: line.quantity_cancelled for line in self._lines(order.id, done.before)}
        return any(line.quantity_cancelled > was.get(line.id, 0) for line in self._lines(order.id))

    @step(weight=5, when=has_orders, pick=numbers, units=few, whole=one_of(True, False, False), reason=reasons)
    def cancel(self, pick: int, units: int, whole: bool, reason: str) -> None:
        order = self._order(pick, *OPEN, "on_hold")
        lines = self._lines(order.id)
        still_open = {line.line_no: line.quantity - line.quantity_cancelled - line.quantity_shipped for line in lines}
        number = lines[pick % len(lines)].line_no if lines else 1
        units = 1 + units % (still_open[number] + 1) if lines else units  # at most one too many
        wanted = still_open if whole else {number: units}
        part = () if whole else (CancelLine(number, units),)
        may = order.status == "draft" or (order.status not in DONE and (whole or units <= still_open[number]))
        done = self.act(cancel_order, Cancellation(order.id, reason, part), may=may)
        if done is not None and order.status != "draft":
            for line_no, count in wanted.items():
                self.ordered[order.id, line_no][1] += count
            assert done.answer.units == sum(wanted.values())
            self._served(*{self.names[line.sku_id] for line in lines if wanted.get(line.line_no)
                           and line.quantity_allocated})  # fmt: skip

    # Allocating and shipping

    @step(weight=2, when=has_orders, pick=numbers)
    def allocate(self, pick: int) -> None:
        order = self._order(pick, "backordered", "partially_allocated", "on_hold")
        done = self.act(allocate_order, order.id, may=order.status not in (*DONE, "draft"))
        if done is not None:
            for line in self._lines(order.id):
                still_open = line.quantity - line.quantity_cancelled - line.quantity_shipped
                assert line.quantity_allocated + line.quantity_backordered == still_open
                assert not line.quantity_backordered or self._available(self.names[line.sku_id]) == 0

    @step()
    def allocate_what_waits(self) -> None:
        self.act(allocate_backorders, may=True)
        self._served(*STOCKED)

    @step(
        weight=7,
        when=has_open_orders,
        pick=numbers,
        units=few,
        how=one_of("all", "all", "line", "place", "parcel"),
        place=places,
    )
    def ship(self, pick: int, units: int, how: str, place: str) -> None:
        order = self._order(pick, *OPEN)
        lines = {line.id: line for line in self._lines(order.id)}
        number = next(iter(lines.values())).line_no if lines else 1
        there = self.place_ids[place] if how == "place" else None
        held: Counter[int] = Counter()
        for one in self.rows["reservation"]:
            if one.status == "active" and one.order_line_id in lines and there in (None, one.location_id):
                held[lines[one.order_line_id].line_no] += one.quantity
        units = 1 + units % (held[number] + 1)  # at most one too many
        wanted = Counter({number: units}) if how == "line" else held
        request = Shipping(order.id, (ShipLine(number, units),) if how == "line" else (),
                           place if how == "place" else None, "DHL" if how == "parcel" else None,
                           tracking_number=f"T{self.key}" if how == "parcel" else None)  # fmt: skip
        may = order.status in OPEN and bool(wanted) and all(held[line] >= count for line, count in wanted.items())
        if self.act(ship_order, request, may=may):
            of_line = {line.line_no: self.names[line.sku_id] for line in lines.values()}
            for line_no, count in wanted.items():
                self.ordered[order.id, line_no][2] += count
                self.in_house[of_line[line_no]] -= count

    @step(weight=2, when=has_one("sales_order", "shipped"), pick=numbers)
    def close(self, pick: int) -> None:
        order = self._order(pick, "shipped")
        self.act(close_order, order.id, may=order.status == "shipped")

    # Stock

    def _lot(self, sku: str, lot: str, pick: int) -> str | None:
        return lot if self._is_tracked(sku) != (pick % 10 == 0) else None

    @step(weight=2, source=places, destination=places, sku=stocked, units=few, lot=lots, other=stocked, pick=numbers)
    def transfer(self, source: str, destination: str, sku: str, units: int, lot: str, other: str, pick: int) -> None:
        named = None if pick % 3 == 0 else self._lot(sku, lot, pick)
        lines = (StockLine(sku, units, named), *[StockLine(other, 1)] * (pick % 2))
        done = self.act(transfer_stock, StockTransfer(source, destination, lines, "moved"))
        if done is not None:
            assert sum(move.quantity for move in done.answer.moves) == units + pick % 2
            if destination != "QUAR":
                self._served(sku)

    @step(weight=2, place=places, sku=stocked, units=one_of(*range(-4, 5)), lot=lots, pick=numbers)
    def adjust(self, place: str, sku: str, units: int, lot: str, pick: int) -> None:
        named = self._lot(sku, lot, pick)
        cost = Decimal("1.25") if units > 0 and pick % 2 else None
        until = LOTS[lot] if units > 0 and named is not None else None
        request = Adjustment(sku, place, units, "adjusted", named, until, cost, scrap=units < 0 and pick % 2 == 1)
        if self.act(adjust_stock, request):
            self.in_house[sku] += units
            if units > 0 and place != "QUAR":
                self._served(sku)

    @step(weight=2, place=places, sku=stocked, counted=one_of(*range(7)), lot=lots, other=stocked, pick=numbers)
    def count(self, place: str, sku: str, counted: int, lot: str, other: str, pick: int) -> None:
        lines = [CountLine(sku, counted, self._lot(sku, lot, pick), "counted")]
        if pick % 2 and other != sku:
            lines.append(CountLine(other, pick % 5, self._lot(other, lot, pick), "counted"))
        done = self.act(count_stock, Count(place, tuple(lines)))
        if done is not None:
            for line in done.answer.lines:
                self.in_house[line.sku] += line.counted - line.expected
            lost = sum(line.units for line in done.answer.lost)
            fell = Counter({line.id: line.quantity_allocated for line in done.before["order_line"]})
            fell.subtract({line.id: line.quantity_allocated for line in self.rows["order_line"]})
            assert lost == sum(units for units in fell.values() if units > 0)
            if place != "QUAR":
                self._served(*{line.sku for line in lines})

    @step(weight=2, pick=numbers, reason=reasons)
    def reverse(self, pick: int, reason: str) -> None:
        moves = self.rows["stock_move"]
        move = moves[-1 - pick % len(moves)]
        is_undone = any(row.reverses_id == move.id for row in moves)
        may = False if is_undone or move.kind in ("sale", "return", "reversal") else None
        if self.act(reverse_move, move.id, reason, may=may):
            source, target = self._place(move.source_location_id), self._place(move.destination_location_id)
            self.in_house[self.names[move.sku_id]] += move.quantity * (source.is_external - target.is_external) * -1
            self._served(self.names[move.sku_id])

    @step(when=lambda self: not self._is_tracked(UNTRACKED))
    def track_lots_from_now_on(self) -> None:
        loose = sum(row.on_hand for row in self.rows["stock_balance"]
                    if row.sku_id == self.ids[UNTRACKED] and row.lot_id == 0 and not row.is_external)  # fmt: skip
        self.act(track_lots, UNTRACKED, may=loose == 0)

    @step(weight=2, sku=one_of(*STOCKED, BUNDLE), units=few, minutes=one_of(10, 60, 3000),
          place=one_of(None, None, *PLACES))  # fmt: skip
    def reserve(self, sku: str, units: int, minutes: int, place: str | None) -> None:
        is_possible = sku != BUNDLE and place != "QUAR"
        may = is_possible and units <= self._available(sku, place=place, freed=self._lapsed())
        done = self.act(reserve_stock, SoftReservation(sku, units, "a quote", place, minutes), may=may)
        assert done is None or sum(part.quantity for part in done.answer.units) == units

    @step(when=lambda self: any(one.kind == "soft" for one in self.rows["reservation"]), pick=numbers)
    def release_a_reservation(self, pick: int) -> None:
        some = [one for one in self.rows["reservation"] if one.kind == "soft"]
        one = self._pick([one for one in some if one.status == "active"] or some, pick)
        if self.act(release_reservation, one.id, may=one.status == "active"):
            self._served(self.names[one.sku_id])

    @step()
    def expire(self) -> None:
        lapsed = [one for one in self.rows["reservation"] if one.id in self._lapsed()]
        done = self.act(expire_reservations, may=True)
        assert done.answer.units == sum(one.quantity for one in lapsed)
        self._served(*{self.names[one.sku_id] for one in lapsed})

    # Buying

    @step(weight=3, sku=stocked, units=few, other=stocked, place=places, is_sent=one_of(True, True, False),
          pick=numbers)  # fmt: skip
    def buy(self, sku: str, units: int, other: str, place: str, is_sent: bool, pick: int) -> None:
        lines = [PurchaseLine(sku, units, Decimal("1.125")), *[PurchaseLine(other, 3)] * (pick % 2)]
        number = [None, f"P{pick % 5}"][pick % 2]
        self.act(place_purchase_order, PurchaseRequest("S1", place, tuple(lines), number, send=is_sent))

    @step(when=has_one("purchase_order"), pick=numbers)
    def send(self, pick: int) -> None:
        order = self._purchase(pick, "draft")
        self.act(send_purchase_order, order.number, may=order.status == "draft")

    @step(when=has_one("purchase_order"), pick=numbers, reason=reasons)
    def cancel_a_purchase(self, pick: int, reason: str) -> None:
        order = self._purchase(pick, "draft", "ordered")
        self.act(cancel_purchase_order, order.number, reason, may=order.status in ("draft", "ordered"))

    @step(
        weight=5,
        when=has_one("purchase_order"),
        pick=numbers,
        units=few,
        lot=lots,
        place=one_of(None, None, *PLACES),
        over=flags,
    )
    def receive(self, pick: int, units: int, lot: str, place: str | None, over: bool) -> None:
        order = self._purchase(pick, "ordered")
        ordered = [line for line in self.rows["purchase_order_line"] if line.purchase_order_id == order.id]
        sku = self.names[ordered[pick % len(ordered)].sku_id]
        still_open = sum(max(0, line.quantity - line.quantity_received - line.quantity_cancelled)
                         for line in ordered if self.names[line.sku_id] == sku)  # fmt: skip
        is_whole = pick % 3 == 0
        lines = () if is_whole else (ReceiptLine(sku, units, None, self._lot(sku, lot, pick)),)
        may = None if order.status == "ordered" and (over or is_whole or units <= still_open) else False
        done = self.act(receive_purchase, Receipt(order.number, lines, place, allow_over=over), may=may)
        if done is not None:
            for move in done.answer.moves:
                self.in_house[move.sku] += move.quantity
            if any(move.destination != "QUAR" for move in done.answer.moves):
                self._served(*{move.sku for move in done.answer.moves})
        elif order.status == "ordered" and may is False:
            assert isinstance(self.refusal, OverReceived)

    def _purchase(self, pick: int, *states: str) -> Any:
        some = [order for order in self.rows["purchase_order"] if order.status in states]
        return self._pick(some if some and pick % 8 else self.rows["purchase_order"], pick // 8)

    # Paying

    @step(
        weight=2,
        when=has_orders,
        pick=numbers,
        amount=one_of("10", "25", "7.5"),
        reference=one_of("V1", "V2"),
    )
    def authorise(self, pick: int, amount: str, reference: str) -> None:
        order = self._order(pick)
        is_new = self._payment(order.id, reference) is None
        is_exact = order.currency != "JPY" or "." not in amount
        may = order.status != "cancelled" and is_new and is_exact
        self.act(authorise_payment, Authorisation(order.id, reference, "card", Decimal(amount)), may=may)

    @step(weight=3, when=lambda self: bool(self.rows["payment"]), pick=numbers, amount=one_of(None, "5", "10"))
    def capture(self, pick: int, amount: str | None) -> None:
        payment, order = self._paid(pick)
        left = payment.authorised_minor - payment.captured_minor
        wanted = left if amount is None else int(amount) * 10 ** EXPONENT[payment.currency]
        may = order.status != "cancelled" and 0 < wanted <= left
        done = self.act(capture_payment, order.id, payment.external_ref, amount and Decimal(amount), may=may)
        assert done is None or done.answer.captured_minor == payment.captured_minor + wanted

    @step(
        weight=3,
        when=lambda self: bool(self.rows["payment"]),
        pick=numbers,
        amount=one_of(None, "5", "10"),
        reason=reasons,
    )
    def refund(self, pick: int, amount: str | None, reason: str) -> None:
        payment, order = self._paid(pick)
        left, scale = payment.captured_minor - payment.refunded_minor, 10 ** EXPONENT[payment.currency]
        wanted = left if amount is None else int(amount) * scale
        may = 0 < wanted <= left
        amount_given = Decimal(wanted) / scale
        done = self.act(refund_payment, order.id, payment.external_ref, amount_given, reason, may=may)
        assert done is None or done.answer.refunded_minor == payment.refunded_minor + wanted

    def _payment(self, order_id: int, reference: str) -> Any:
        return next((row for row in self.rows["payment"]
                     if (row.sales_order_id, row.external_ref) == (order_id, reference)), None)  # fmt: skip

    def _paid(self, pick: int) -> tuple[Any, Any]:
        payment = self._pick(self.rows["payment"], pick)
        return payment, next(row for row in self.rows["sales_order"] if row.id == payment.sales_order_id)

    # How channels sell

    @step(code=one_of(*CHANNELS), when_short=one_of("refuse", "backorder", "partial"))
    def sell_otherwise(self, code: str, when_short: str) -> None:
        self.act(set_channel, ChannelSettings(code, when_short), may=True)

    def _status(self, order_id: int) -> str:
        return str(next(order.status for order in self.rows["sales_order"] if order.id == order_id))


OrderMachine.steps = {name: method.step for name, method in vars(OrderMachine).items() if hasattr(method, "step")}


# Running it


@pytest.fixture
def companies(
    database_kind: str, request: pytest.FixtureRequest, templates: Callable[[str], str], tmp_path: Any
) -> Callable[[], tuple[Any, Callable[[], None]]]:
    """Opens copies of the company, each with what drops it."""
    template = templates(database_kind)
    if database_kind == "sqlite":
        company = tmp_path / "company.db"
        shutil.copy(template, company)
        url = f"sqlite:///{company}"
    else:
        copy, drop = request.getfixturevalue("new_postgresql_url"), request.getfixturevalue("drop_postgresql")
        url = copy(template)
    database = open_database(url)
    _seed(database)
    database.close()

    def opened() -> tuple[Any, Callable[[], None]]:
        if database_kind == "sqlite":
            file = tmp_path / "example.db"
            shutil.copy(company, file)
            return open_database(f"sqlite:///{file}"), lambda: [left.unlink() for left in tmp_path.glob("example.db*")]
        example = copy(url.partition("?")[0].rpartition("/")[2])
        return open_database(example), lambda: drop(example)

    return opened


def test_everything_holds_whatever_is_done_in_whatever_order(
    companies: Any, database_kind: str, record_property: Any
) -> None:
    counts: Counter[str] = Counter()

    class Driven(OrderMachine):
        opened = staticmethod(companies)

    Driven.counts = counts
    profile = settings.default
    examples = min(profile.max_examples, MOST_EXAMPLES)
    run_state_machine_as_test(Driven, settings=settings(profile, max_examples=examples, stateful_step_count=STEPS))
    for name, count in sorted(counts.items()):
        record_property(name, count)
    verbs = {name.partition(" ")[2] for name in counts if name.startswith("done ")}
    print(f"\n{database_kind}: {counts['examples']} examples, {counts['steps']} steps,"
          f" {sum(count for name, count in counts.items() if name.startswith('done '))} commands carried out,"
          f" {sum(count for name, count in counts.items() if name.startswith('refused '))} refused,"
          f" {counts['replayed']} replayed")  # fmt: skip
    print({name: count for name, count in sorted(counts.items()) if " " in name})
    assert verbs >= {"place_order", "ship_order", "cancel_order", "receive_purchase", "count_stock"}
