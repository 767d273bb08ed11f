"""Stock as of any moment is the fold of the movements until then, and every number names the movements behind it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from data import master_rows, schema
from data.ledger_rows import RebuiltBalance, rebuilt_balances
from orders.errors import InvalidRequest, MixedCurrencies
from orders.importing import FileImport, StockImport, import_items, import_purchases, import_stock
from orders.stock_history import ValuationMethod, movements, on_hand_as_of, stock_age, stock_value

START = datetime(2024, 1, 1, tzinfo=UTC)
FIFO, AVERAGE = ValuationMethod.FIFO, ValuationMethod.MOVING_AVERAGE
MICROS = 1_000_000
PLACES = ("EAST", "WEST", "SUPPLIER", "CUSTOMER", "ADJUSTMENT")
OURS = ("EAST", "WEST")


def moment(day):
    return START + timedelta(days=day)


class Ledger:
    """A database with two SKUs and two places, into which movements are written as they come."""

    def __init__(self, database):
        self.database = database
        with database.writing() as connection:
            self.skus = master_rows.sku_ids(
                connection, [{"code": code, "display_code": code, "name": code} for code in "AB"]
            )
            for code in OURS:
                master_rows.add_location(connection, code=code, name=code, kind="warehouse", time_zone="UTC")
            self.places = master_rows.location_ids(connection)

    def write(self, *moves):
        """Movements of sku, source, destination, quantity, effective and recorded day; balances are their sum."""
        rows = [
            {
                "sku_id": self.skus[move["sku"]],
                "lot_id": move.get("lot", 0),
                "quantity": move["quantity"],
                "source_location_id": self.places[move["source"]],
                "destination_location_id": self.places[move["destination"]],
                "effective_at": moment(move["day"]),
                "recorded_at": moment(move.get("recorded", move["day"])),
                "kind": move.get("kind", "transfer"),
                "unit_cost_micros": move.get("cost"),
                "currency": move.get("currency", "EUR") if "cost" in move else None,
                "reverses_id": move.get("reverses"),
            }
            for move in moves
        ]
        with self.database.writing() as connection:
            connection.execute(insert(schema.stock_move), rows)
            connection.execute(schema.stock_balance.delete())
            changes: Counter[tuple[int, int, int]] = Counter()
            for move in connection.execute(select(schema.stock_move)).all():
                changes[move.sku_id, move.destination_location_id, move.lot_id] += move.quantity
                changes[move.sku_id, move.source_location_id, move.lot_id] -= move.quantity
            ours = {self.places[code] for code in OURS}
            names = ("sku_id", "location_id", "lot_id", "is_external", "on_hand")
            balances = [(sku, place, lot, place not in ours, units) for (sku, place, lot), units in changes.items()]
            connection.execute(
                insert(schema.stock_balance), [dict(zip(names, balance, strict=True)) for balance in balances]
            )

    def ids(self):
        with self.database.reading() as connection:
            return list(connection.execute(select(schema.stock_move.c.id).order_by(schema.stock_move.c.id)).scalars())

    def folded(self, moves, *, at, known_at=None, places=OURS):
        """(sku, place, lot) → units, by walking the movements."""
        units: Counter[tuple[str, str, int]] = Counter()
        for move in moves:
            if move["day"] <= at and (known_at is None or move.get("recorded", move["day"]) <= known_at):
                units[move["sku"], move["destination"], move.get("lot", 0)] += move["quantity"]
                units[move["sku"], move["source"], move.get("lot", 0)] -= move["quantity"]
        return {key: count for key, count in units.items() if count and key[1] in places}

    def asked(self, *, at, known_at=None, **where):
        skus, places = ({id_: code for code, id_ in ids.items()} for ids in (self.skus, self.places))
        with self.database.reading() as connection:
            found = on_hand_as_of(
                connection, at=moment(at), known_at=None if known_at is None else moment(known_at), **where
            )
        return {
            (skus[row.sku_id], places[row.location_id], row.lot_id): row.on_hand
            for row in found.itertuples(index=False)
        }


@pytest.fixture
def ledger(database):
    return Ledger(database)


def received(day, quantity, cost=None, **more):
    priced = {} if cost is None else {"cost": cost}
    return {"sku": "A", "source": "SUPPLIER", "destination": "EAST", "quantity": quantity, "day": day,
            "kind": "receipt"} | priced | more  # fmt: skip


def sold(day, quantity, **more):
    return {"sku": "A", "source": "EAST", "destination": "CUSTOMER", "quantity": quantity, "day": day,
            "kind": "sale"} | more  # fmt: skip


days = st.integers(0, 5)


@st.composite
def ledgers(draw):
    """Movements dated in one order and recorded in another, after which nothing of ours is below zero."""
    route = st.lists(st.sampled_from(PLACES), min_size=2, max_size=2, unique=True)
    moves: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(4, 14))):
        source, destination = draw(route)
        day = draw(days)
        moves.append(
            {"sku": draw(st.sampled_from("AAB")), "lot": draw(st.integers(0, 1)), "source": source, "day": day,
             "destination": destination, "quantity": draw(st.integers(1, 9)), "recorded": day + draw(st.integers(0, 4))}
        )  # fmt: skip
    units: Counter[tuple[str, str, int]] = Counter()
    for move in moves:
        units[move["sku"], move["destination"], move["lot"]] += move["quantity"]
        units[move["sku"], move["source"], move["lot"]] -= move["quantity"]
    missing = [
        {"sku": sku, "lot": lot, "source": "ADJUSTMENT", "destination": place, "quantity": -count, "day": draw(days),
         "recorded": 12, "kind": "found"}
        for (sku, place, lot), count in units.items() if place in OURS and count < 0
    ]  # fmt: skip
    return moves + missing


# As of any moment


@settings(max_examples=10)
@given(moves=ledgers())
def test_stock_as_of_any_moment_is_the_fold_of_what_had_happened_and_was_known(new_database, moves):
    with new_database() as database:
        ledger = Ledger(database)
        ledger.write(*moves)
        for at in range(-1, 7):
            assert ledger.asked(at=at) == ledger.folded(moves, at=at)
            for known_at in (0, 4, 12):
                assert ledger.asked(at=at, known_at=known_at) == ledger.folded(moves, at=at, known_at=known_at)
        for place in OURS:
            where = {"sku_id": ledger.skus["A"], "location_id": ledger.places[place]}
            expected = {k: n for k, n in ledger.folded(moves, at=4).items() if k[:2] == ("A", place)}
            assert ledger.asked(at=4, **where) == expected


@settings(max_examples=10)
@given(moves=ledgers())
def test_balances_rebuilt_from_movements_are_the_ones_that_are_kept(new_database, moves):
    with new_database() as database:
        ledger = Ledger(database)
        ledger.write(*moves)
        assert_rebuilt(database)


def assert_rebuilt(database):
    with database.reading() as connection:
        kept = {
            (row.sku_id, row.location_id, row.lot_id): RebuiltBalance(row.on_hand, row.allocated)
            for row in connection.execute(select(schema.stock_balance))
        }
        rebuilt = rebuilt_balances(connection)
    assert kept.items() >= rebuilt.items()
    assert all(kept[key] == RebuiltBalance(0, 0) for key in kept.keys() - rebuilt.keys())


def test_rebuilt_balances_count_active_reservations(ledger):
    ledger.write(received(0, 9), received(0, 5, destination="WEST"))
    key = {"sku_id": ledger.skus["A"], "location_id": ledger.places["EAST"], "lot_id": 0}
    soft = {**key, "kind": "soft", "reserved_at": moment(1), "expires_at": moment(2)}
    with ledger.database.writing() as connection:
        connection.execute(
            insert(schema.reservation),
            [
                {**soft, "quantity": 4, "status": "active", "resolved_at": None},
                {**soft, "quantity": 2, "status": "expired", "resolved_at": moment(2)},
                {**soft, "quantity": 1, "status": "active", "resolved_at": None},
            ],
        )
        at_east = schema.stock_balance.c.location_id == ledger.places["EAST"]
        connection.execute(schema.stock_balance.update().where(at_east).values(allocated=5))
        assert rebuilt_balances(connection)[ledger.skus["A"], ledger.places["EAST"], 0] == RebuiltBalance(9, 5)
    assert_rebuilt(ledger.database)


def test_the_far_past_is_read_from_the_movements_alone(ledger):
    moves = [received(0, 9), *(sold(day, 1) for day in range(1, 6))]
    ledger.write(*moves)
    with ledger.database.writing() as connection:
        connection.execute(schema.stock_balance.delete())
    assert ledger.asked(at=1) == {("A", "EAST", 0): 8}


def test_a_back_dated_entry_can_make_the_past_negative(ledger):
    ledger.write(received(5, 9), sold(2, 4, recorded=6))
    assert ledger.asked(at=3) == {("A", "EAST", 0): -4}
    assert ledger.asked(at=3, known_at=5) == {}
    assert ledger.asked(at=5, known_at=5) == {("A", "EAST", 0): 9}
    assert ledger.asked(at=5) == {("A", "EAST", 0): 5}


# Where a number comes from


@settings(max_examples=10)
@given(moves=ledgers(), limit=st.integers(1, 5), span=st.tuples(days, days))
def test_pages_hold_every_movement_once_and_add_up_to_the_stock(new_database, moves, limit, span):
    with new_database() as database:
        ledger = Ledger(database)
        ledger.write(*moves)
        numbered = list(zip(ledger.ids(), moves, strict=True))
        since, until = min(span), max(span)
        for places in (OURS, ("EAST",)):
            shown = paged(ledger, places, limit, since=moment(since), until=moment(until))
            touching = [
                (move["day"], id_)
                for id_, move in numbered
                if move["sku"] == "A" and since < move["day"] <= until
                and {move["source"], move["destination"]} & set(places)
            ]  # fmt: skip
            assert [(line.effective_at, line.id) for line in shown] == [
                (moment(day), id_) for day, id_ in sorted(touching, reverse=True)
            ]
            before, after = (
                sum(n for key, n in ledger.folded(moves, at=at, places=places).items() if key[0] == "A")
                for at in (since, until)
            )
            assert before + sum(line.change for line in shown) == after
            for newer, older in pairwise(shown):
                assert newer.on_hand_after - newer.change == older.on_hand_after
            if shown:
                assert shown[0].on_hand_after == after


def paged(ledger, places, limit, **span):
    shown, key = [], None
    location = None if places == OURS else ledger.places[places[0]]
    with ledger.database.reading() as connection:
        while True:
            page = movements(connection, sku_id=ledger.skus["A"], location_id=location, before=key, limit=limit, **span)
            assert len(page.lines) <= limit
            shown += page.lines
            key = page.next
            if key is None:
                return shown


def test_pages_break_between_movements_of_one_moment(ledger):
    ledger.write(*(received(3, units) for units in range(1, 6)))
    shown = paged(ledger, OURS, 2)
    assert [(line.quantity, line.on_hand_after) for line in shown] == [(5, 15), (4, 10), (3, 6), (2, 3), (1, 1)]


def test_a_move_between_our_places_changes_one_place_and_not_the_company(ledger):
    ledger.write(received(0, 9), {"sku": "A", "source": "EAST", "destination": "WEST", "quantity": 4, "day": 1})
    everywhere, east = (paged(ledger, places, 5)[0] for places in (OURS, ("EAST",)))
    assert (everywhere.change, everywhere.on_hand_after) == (0, 9)
    assert (east.change, east.on_hand_after) == (-4, 5)
    assert (east.source, east.destination, east.quantity) == ("EAST", "WEST", 4)


@pytest.fixture
def traded(company):
    """Counted stock, a receipt, an order shipped from stock and partly sent back, and history from before."""
    company.other(import_items, FileImport(company.file([{"sku": "A", "unit_cost": 4}])))
    stock = company.file([{"sku": "A", "location": "EAST", "on_hand": 20}])
    company.other(import_stock, StockImport(stock, counted_at=START))
    bought = {"po_number": "P-7", "supplier": "Acme", "sku": "A", "location": "EAST", "quantity": 10, "unit_cost": 6,
              "ordered_at": "2024-01-02", "received_at": "2024-01-10"}  # fmt: skip
    company.other(import_purchases, FileImport(company.file([bought])))
    line = {"sku": "A", "location": "EAST", "customer_id": "C1", "unit_price": 9}
    sale = {"order_id": "S-1", "order_date": "2024-01-20 10:00", "quantity": 25, "shipped_at": "2024-01-20 12:00"}
    back = {"order_id": "R-1", "order_date": "2024-02-01 11:00", "quantity": -3, "shipped_at": "2024-02-01 12:00"}
    company.orders([line | sale, line | back | {"returns_order": "S-1"}])
    company.orders([{**line, "order_id": "S-0", "order_date": "2023-05-05 10:00", "quantity": 7}])
    return company.database


def sku_id(database, code="A"):
    with database.reading() as connection:
        return master_rows.known_skus(connection)[code]


def test_each_movement_names_the_document_and_the_file_it_comes_from(traded):
    with traded.reading() as connection:
        page = movements(connection, sku_id=sku_id(traded))
    assert page.next is None
    assert [(line.kind, line.cause, line.change, line.on_hand_after) for line in page.lines] == [
        ("return", "return R-1", 3, 8),
        ("sale", "order S-1", -25, 5),
        ("receipt", "purchase order P-7", 10, 30),
        ("opening", "file file1.csv", 20, 20),
    ]
    returned, sale, receipt, _ = page.lines
    assert (returned.rma, returned.order_ref, sale.order_ref, receipt.purchase_order) == ("R-1", "S-1", "S-1", "P-7")
    assert (sale.source, sale.destination, sale.caused_by) == ("EAST", "CUSTOMER", "tester")
    assert [line.import_file for line in page.lines] == ["file3.csv", "file3.csv", "file2.csv", "file1.csv"]


def test_counts_and_reversals_are_named_too(ledger):
    ledger.write(received(0, 9), sold(1, 2))
    sale = ledger.ids()[-1]
    ledger.write({**sold(2, 2), "source": "CUSTOMER", "destination": "EAST", "kind": "reversal", "reverses": sale})
    ledger.write({**sold(3, 1), "destination": "ADJUSTMENT", "kind": "count"})
    with ledger.database.writing() as connection:
        command = {"key": "k1", "actor": "Ann", "request_hash": "0" * 64, "response": {}, "recorded_at": moment(3)}
        connection.execute(insert(schema.command).values(command))
        sheet = {
            "location_id": ledger.places["EAST"],
            "counted_at": moment(3),
            "counted_by": "Ann",
            "command_key": "k1",
        }
        number = connection.execute(
            insert(schema.count_sheet).values(sheet).returning(schema.count_sheet.c.id)
        ).scalar()
        found = {"count_sheet_id": number, "sku_id": ledger.skus["A"], "expected": 9, "counted": 8, "reason": "lost"}
        connection.execute(insert(schema.count_line).values(found | {"stock_move_id": ledger.ids()[-1]}))
    assert [line.cause for line in paged(ledger, OURS, 9)] == [
        f"count {number}", f"reversal of movement {sale}", "sale", "receipt",
    ]  # fmt: skip


# What it was worth


def test_stock_is_valued_by_what_was_paid_and_history_from_before_costs_nothing(traded):
    with traded.reading() as connection:
        fifo, average = (stock_value(connection, at=moment(60), method=method) for method in (FIFO, AVERAGE))
    # 20 at 4 and 10 at 6; of 25 sold the last 3 that left come back
    assert fifo.cost_of_goods_sold_micros == (20 * 4 + 5 * 6 - 3 * 6) * MICROS
    assert fifo.value_micros == 8 * 6 * MICROS
    assert (fifo.value_minor, fifo.currency) == (4800, "EUR")
    mean = (20 * 4 + 10 * 6) * MICROS / 30
    assert average.cost_of_goods_sold_micros == pytest.approx(22 * mean, abs=2)
    assert average.value_micros == pytest.approx(8 * mean, abs=2)
    assert average.value_micros + average.cost_of_goods_sold_micros == 140 * MICROS
    (valuation,) = fifo.by_sku.values()
    assert (valuation.units, valuation.units_without_cost, valuation.units_short) == (8, 0, 0)


def test_stock_is_valued_as_of_a_moment(traded):
    with traded.reading() as connection:
        values = [stock_value(connection, at=moment(day), method=FIFO).value_micros for day in (-1, 0, 8, 9, 20, 32)]
    assert values == [cost * MICROS for cost in (0, 80, 80, 140, 30, 48)]


def test_value_as_known_then_leaves_out_what_was_recorded_later(ledger):
    ledger.write(received(0, 10, 5), sold(2, 4), received(1, 10, 9, recorded=7))
    with ledger.database.reading() as connection:
        now, then = (
            stock_value(connection, at=moment(3), method=AVERAGE, known_at=known_at) for known_at in (None, moment(6))
        )
    assert (then.value_micros, then.cost_of_goods_sold_micros) == (6 * 5, 4 * 5)
    assert (now.value_micros, now.cost_of_goods_sold_micros) == (16 * 7, 4 * 7)


def test_losses_supplier_returns_and_reversals_find_their_place(ledger):
    ledger.write(
        received(0, 10, 5),
        {**sold(1, 2), "destination": "ADJUSTMENT", "kind": "write_off"},
        {**sold(2, 3), "destination": "SUPPLIER", "kind": "reversal"},
        sold(3, 1),
    )
    sale = ledger.ids()[-1]
    ledger.write({**sold(4, 1), "source": "CUSTOMER", "destination": "EAST", "kind": "reversal", "reverses": sale})
    with ledger.database.reading() as connection:
        value = stock_value(connection, at=moment(9), method=FIFO)
    assert (value.shrinkage_micros, value.returned_to_supplier_micros) == (10, 15)
    assert (value.cost_of_goods_sold_micros, value.value_micros) == (0, 25)


def test_costs_in_two_currencies_are_not_added(ledger):
    ledger.write(received(0, 1, 5), received(1, 1, 5, currency="USD"))
    with ledger.database.reading() as connection:
        with pytest.raises(MixedCurrencies, match="stock value needs costs in one currency, got EUR, USD") as refused:
            stock_value(connection, at=moment(1), method=FIFO)
        assert refused.value.currencies == ("EUR", "USD")
        assert stock_value(connection, at=moment(0), method=FIFO).value_micros == 5


@pytest.mark.parametrize("method", list(ValuationMethod))
def test_an_empty_ledger_is_worth_nothing(database, method):
    with database.reading() as connection:
        value = stock_value(connection, at=moment(0), method=method)
        assert (value.value_micros, value.by_sku, value.currency) == (0, {}, "EUR")
        assert on_hand_as_of(connection, at=moment(0)).empty
        assert stock_age(connection, at=moment(0)).empty
        assert rebuilt_balances(connection) == {}


# How old it is


def test_stock_is_as_old_as_its_layers(ledger):
    ledger.write(
        received(0, 10, 5), received(40, 6, 7), received(70, 3, 8), sold(71, 8),
        received(99, 4, 2, sku="B", destination="WEST"),
    )  # fmt: skip
    with ledger.database.reading() as connection:
        aged = stock_age(connection, at=moment(100))
    # 2 units are 100 days old, 6 are 60, 3 are exactly 30; of B 4 are 1 day old
    assert [tuple(row) for row in aged.fillna(-1).itertuples(index=False)] == [
        (ledger.skus["A"], 30, 90, 9, 6 * 7 + 3 * 8),
        (ledger.skus["A"], 90, 180, 2, 2 * 5),
        (ledger.skus["B"], 0, 30, 4, 4 * 2),
    ]
    with ledger.database.reading() as connection:
        two = stock_age(connection, at=moment(100), bounds_days=(31,))
    assert [tuple(row) for row in two.fillna(-1).itertuples(index=False)] == [
        (ledger.skus["A"], 0, 31, 3, 3 * 8),
        (ledger.skus["A"], 31, -1, 8, 2 * 5 + 6 * 7),
        (ledger.skus["B"], 0, 31, 4, 4 * 2),
    ]


# Refusals


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_refuses_what_cannot_be_asked(database):
    naive = datetime(2024, 1, 1)  # noqa: DTZ001
    with database.reading() as connection:
        for ask in (
            lambda: on_hand_as_of(connection, at=naive),
            lambda: stock_value(connection, at=naive, method=FIFO),
            lambda: stock_age(connection, at=naive),
        ):
            with pytest.raises(InvalidRequest, match="at must be a moment with a time zone, got '2024-01-01T00:00:00'"):
                ask()
        with pytest.raises(InvalidRequest, match="until must be a moment with a time zone"):
            movements(connection, sku_id=1, until=naive)
        with pytest.raises(InvalidRequest, match="limit must be 1 or more, got 0"):
            movements(connection, sku_id=1, limit=0)
        for bounds in ((30, 30), (0, 9), (9, 3)):
            with pytest.raises(InvalidRequest, match="bounds_days must be ascending days from 1"):
                stock_age(connection, at=moment(1), bounds_days=bounds)
