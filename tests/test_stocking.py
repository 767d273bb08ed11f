"""Stock that is moved, counted, found and written off stays explained, and what was promised is not moved away."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from orders.counting import Count, CountLine, count_stock
from orders.errors import (
    AlreadyReversed,
    BeingChanged,
    CannotReverse,
    InsufficientStock,
    InvalidRequest,
    KeyReused,
    NotPossible,
    UnknownThing,
)
from orders.master import Bundle, BundleComponent, set_bundle
from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
from orders.receiving import Receipt, ReceiptLine, receive_purchase
from orders.shipping import Shipping, ship_order
from orders.stocking import (
    Adjustment,
    StockLine,
    StockTransfer,
    adjust_stock,
    reverse_move,
    track_lots,
    transfer_stock,
)

SOON, LATER = date(2026, 3, 20), date(2026, 6, 1)


def transfer(shop, source, destination, *lines, reason="nearer"):
    return shop.do(transfer_stock, StockTransfer(source, destination, lines, reason))


def counted(shop, place, *lines, **more):
    return shop.do(count_stock, Count(place, lines), **more)


# Transfers


def test_a_transfer_moves_units_and_says_why(shop, same_again):
    shop.stock("CUP", "EAST", 10)
    done = transfer(shop, "east", "WEST", StockLine("cup", 4), reason=" nearer ")
    assert [(move.sku, move.quantity, move.source, move.destination) for move in done.moves] == [
        ("CUP", 4, "EAST", "WEST")
    ]
    assert (shop.shelf("CUP", "EAST"), shop.shelf("CUP", "WEST")) == ((6, 0), (4, 0))
    assert shop.rows("SELECT kind, reason FROM stock_move WHERE id = :id", id=done.moves[0].id) == [
        ("transfer", "nearer")
    ]
    same_again(shop, done)


@pytest.mark.parametrize("place", ["WEST", "DOCK", "CAGE", "VAN"])
def test_goods_go_to_every_kind_of_place_of_ours_and_back(shop, place):
    shop.stock("CUP", "EAST", 3)
    transfer(shop, "EAST", place, StockLine("CUP", 3))
    transfer(shop, place, "EAST", StockLine("CUP", 2))
    assert (shop.shelf("CUP", "EAST"), shop.shelf("CUP", place)) == ((2, 0), (1, 0))


def test_reserved_units_are_not_moved_away(shop, refused):
    shop.stock("CUP", "EAST", 10)
    shop.order("1", CUP=7)
    transfer(shop, "EAST", "CAGE", StockLine("CUP", 3))
    with refused(shop, InsufficientStock, "cannot take 1 of SKU CUP at EAST: 0 available") as refusal:
        transfer(shop, "EAST", "CAGE", StockLine("CUP", 1))
    assert (refusal.value.requested, refusal.value.available, refusal.value.location) == (1, 0, "EAST")


def test_a_transfer_of_several_lines_is_all_or_nothing(shop, refused):
    shop.stock("CUP", "EAST", 10)
    shop.stock("MUG", "EAST", 1)
    with refused(shop, InsufficientStock, "cannot take 2 of SKU MUG at EAST: 1 available"):
        transfer(shop, "EAST", "WEST", StockLine("CUP", 4), StockLine("MUG", 2))


def test_lines_of_one_sku_add_up_before_they_are_refused(shop, refused):
    shop.stock("CUP", "EAST", 10)
    with refused(shop, InsufficientStock, "cannot take 11 of SKU CUP at EAST: 10 available"):
        transfer(shop, "EAST", "WEST", StockLine("CUP", 6), StockLine("CUP", 5))


def test_goods_that_come_to_where_they_are_sold_go_to_whoever_waits(shop):
    shop.stock("CUP", "DOCK", 10)
    order = shop.order("1", CUP=6)
    assert shop.state(order) == ("backordered", 0, 6)
    assert transfer(shop, "DOCK", "CAGE", StockLine("CUP", 1)).allocated == 0
    assert transfer(shop, "DOCK", "EAST", StockLine("CUP", 4)).allocated == 4
    assert shop.state(order) == ("partially_allocated", 4, 2)
    assert transfer(shop, "DOCK", "EAST", StockLine("CUP", 5)).allocated == 2
    assert (shop.state(order), shop.shelf("CUP", "EAST")) == (("allocated", 6, 0), (9, 6))


@pytest.mark.parametrize(
    ("source", "destination", "line", "error", "match"),
    [
        ("EAST", "EAST", StockLine("CUP", 1), InvalidRequest, "destination must be another place"),
        ("SUPPLIER", "EAST", StockLine("CUP", 1), InvalidRequest, "source must be a place of ours, got 'SUPPLIER'"),
        ("EAST", "NOWHERE", StockLine("CUP", 1), UnknownThing, "there is no location 'NOWHERE'"),
        ("EAST", "WEST", StockLine("PEN", 1), UnknownThing, "there is no SKU 'PEN'"),
        ("EAST", "WEST", StockLine("CUP", 0), InvalidRequest, "line 1: quantity must be a whole number"),
        ("EAST", "WEST", StockLine("CUP", True), InvalidRequest, "quantity"),
        ("EAST", "WEST", StockLine("CUP", 10**13), InvalidRequest, "quantity"),
        ("EAST", "WEST", StockLine("CUP", 1, "L1"), InvalidRequest, "lot must be left out, as SKU CUP is not tracked"),
        ("EAST", "WEST", StockLine("MILK", 1, "L1"), UnknownThing, "there is no lot 'L1'"),
    ],
)
def test_an_impossible_transfer_is_refused_by_name(shop, refused, source, destination, line, error, match):
    shop.stock("CUP", "EAST", 5)
    with refused(shop, error, match):
        transfer(shop, source, destination, line)


def test_a_transfer_needs_lines_and_a_reason(shop, refused):
    with refused(shop, InvalidRequest, "lines must be at least one"):
        transfer(shop, "EAST", "WEST")
    with refused(shop, InvalidRequest, "reason must be given"):
        transfer(shop, "EAST", "WEST", StockLine("CUP", 1), reason=" ")


def test_a_key_is_for_one_request(shop, refused):
    shop.stock("CUP", "EAST", 5)
    done = shop.do(adjust_stock, Adjustment("CUP", "EAST", -1, "broken"), key="once")
    assert shop.do(adjust_stock, Adjustment("CUP", "EAST", -1, "broken"), key="once") == done
    with refused(shop, KeyReused):
        shop.do(adjust_stock, Adjustment("CUP", "EAST", -2, "broken"), key="once")


# Lots


@pytest.fixture
def dairy(shop):
    """Milk at EAST: 3 that expired, 4 that expire soon, 5 that expire later, 6 that keep."""
    shop.stock("MILK", "EAST", 5, lot="later", expires_on=LATER)
    shop.stock("MILK", "EAST", 6, lot="keeps")
    shop.stock("MILK", "EAST", 3, lot="old", expires_on=shop.NOW.date())
    shop.stock("MILK", "EAST", 4, lot="soon", expires_on=SOON)
    return shop


def test_what_expires_first_moves_first_and_expired_goods_stay(dairy):
    done = transfer(dairy, "EAST", "WEST", StockLine("MILK", 12))
    assert sorted((move.lot, move.quantity) for move in done.moves) == [("keeps", 3), ("later", 5), ("soon", 4)]
    assert dairy.shelf("MILK", "EAST", "old") == (3, 0)


def test_a_lot_moves_when_it_is_named_and_is_not_taken_twice(dairy, refused):
    with refused(dairy, InsufficientStock, "cannot take 13 of SKU MILK at EAST: 12 available"):
        transfer(dairy, "EAST", "WEST", StockLine("MILK", 13), StockLine("MILK", 3, "later"))
    done = transfer(dairy, "EAST", "WEST", StockLine("MILK", 5), StockLine("MILK", 3, "soon"))
    assert sorted((move.lot, move.quantity) for move in done.moves) == [("later", 4), ("soon", 4)]
    done = transfer(dairy, "EAST", "CAGE", StockLine("MILK", 3, "old"))
    assert [(move.lot, move.quantity) for move in done.moves] == [("old", 3)]


def test_a_lot_is_the_same_wherever_it_is(dairy, rows_of):
    dairy.stock("MILK", "WEST", 2, lot="soon")
    dairy.stock("MILK", "WEST", 2, lot="later", expires_on=LATER)
    assert len(rows_of(dairy.database, "lot")) == 4
    assert dairy.shelf("MILK", "WEST", "soon") == (2, 0)


def test_a_lot_does_not_change_its_expiry(dairy, refused):
    with refused(dairy, InvalidRequest, "that of lot soon, which expires on 2026-03-20"):
        dairy.stock("MILK", "WEST", 2, lot="soon", expires_on=LATER)
    with refused(dairy, InvalidRequest, "that of lot keeps, which expires never"):
        dairy.stock("MILK", "WEST", 2, lot="keeps", expires_on=LATER)


def test_goods_that_are_tracked_by_lot_name_one_and_others_none(shop, refused):
    with refused(shop, InvalidRequest, "lot must be given, as SKU MILK is tracked by lot"):
        shop.stock("MILK", "EAST", 1)
    with refused(shop, InvalidRequest, "lot must be left out, as SKU CUP is not tracked by lot"):
        shop.stock("CUP", "EAST", 1, lot="L1")
    with refused(shop, InvalidRequest, "lot must be left out, as SKU CUP is not tracked by lot"):
        shop.stock("CUP", "EAST", 1, expires_on=SOON)
    with refused(shop, InvalidRequest, "lot must be given"):
        counted(shop, "EAST", CountLine("MILK", 1, reason="there"))
    with refused(shop, UnknownThing, "there is no lot 'L9'"):
        shop.do(adjust_stock, Adjustment("MILK", "EAST", -1, "sour", lot="L9"))


def test_lots_are_tracked_from_when_no_untracked_unit_is_left(shop, refused):
    shop.stock("CUP", "CAGE", 2)
    with refused(shop, NotPossible, r"cannot track lots of SKU CUP: it is on hand without a lot \(2 units\)"):
        shop.do(track_lots, "CUP")
    shop.do(adjust_stock, Adjustment("CUP", "CAGE", -2, "gets a lot"))
    shop.do(track_lots, "cup")
    shop.stock("CUP", "CAGE", 2, lot="L1")
    assert shop.shelf("CUP", "CAGE", "L1") == (2, 0)


def test_no_stock_is_kept_of_a_bundle(shop, refused):
    shop.do(set_bundle, Bundle("MUG", (BundleComponent("CUP", 2),)))
    with refused(shop, InvalidRequest, "sku must be no bundle, as stock is kept of its components, got 'MUG'"):
        shop.stock("MUG", "EAST", 1)


# Found and written off


def test_what_is_found_costs_what_is_said_or_what_was_last_paid(shop):
    unknown = shop.stock("CUP", "EAST", 1).move
    said = shop.stock("CUP", "EAST", 1, unit_cost=Decimal("2.5")).move
    request = PurchaseRequest("ACME", "EAST", (PurchaseLine("CUP", 1, Decimal("3.125")),), "P1", "USD", send=True)
    shop.do(place_purchase_order, request)
    shop.do(receive_purchase, Receipt("P1"))
    known = shop.stock("CUP", "EAST", 1).move
    costs = shop.rows("SELECT id, kind, unit_cost_micros, currency FROM stock_move ORDER BY id")
    assert {row[0]: row[1:] for row in costs if row[1] == "found"} == {
        unknown.id: ("found", None, None),
        said.id: ("found", 2_500_000, "EUR"),
        known.id: ("found", 3_125_000, "USD"),
    }


@pytest.mark.parametrize(("scrap", "outside"), [(False, "ADJUSTMENT"), (True, "SCRAP")])
def test_what_is_written_off_leaves_the_shelf(shop, same_again, scrap, outside):
    shop.stock("CUP", "EAST", 5)
    done = shop.do(adjust_stock, Adjustment("CUP", "EAST", -2, "broken", scrap=scrap))
    assert shop.shelf("CUP", "EAST") == (3, 0)
    assert (done.move.source, done.move.destination, done.move.quantity) == ("EAST", outside, 2)
    same_again(shop, done)


def test_reserved_units_are_not_written_off(shop, refused):
    shop.stock("CUP", "EAST", 5)
    shop.order("1", CUP=4)
    with refused(shop, InsufficientStock, "cannot take 2 of SKU CUP at EAST: 1 available"):
        shop.do(adjust_stock, Adjustment("CUP", "EAST", -2, "broken"))


def test_what_is_found_goes_to_whoever_waits(shop):
    order = shop.order("1", CUP=4)
    assert shop.stock("CUP", "CAGE", 3).allocated == 0
    assert shop.stock("CUP", "WEST", 3).allocated == 3
    assert shop.state(order) == ("partially_allocated", 3, 1)


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (Adjustment("CUP", "EAST", 0, "why"), "change must be more or less than 0"),
        (Adjustment("CUP", "EAST", 1, ""), "reason must be given"),
        (Adjustment("CUP", "EAST", 1, "why", scrap=True), "scrap must be only for units that are written off"),
        (Adjustment("CUP", "EAST", -1, "why", unit_cost=Decimal(1)), "unit_cost must be only for units that are found"),
        (Adjustment("CUP", "EAST", 1, "why", unit_cost=Decimal("0.0000001")), "unit_cost must be a number from 0"),
        (Adjustment("CUP", "CUSTOMER", 1, "why"), "location must be a place of ours"),
    ],
)
def test_an_impossible_adjustment_is_refused_by_name(shop, refused, request_, match):
    shop.stock("CUP", "EAST", 5)
    with refused(shop, InvalidRequest, match):
        shop.do(adjust_stock, request_)


# Counts


def test_a_count_sets_what_is_on_hand_and_keeps_its_sheet(shop, same_again, rows_of):
    shop.stock("CUP", "EAST", 10)
    shop.stock("MUG", "EAST", 3)
    done = counted(
        shop, "EAST", CountLine("CUP", 8, reason="two broken"), CountLine("MUG", 3),
        CountLine("MILK", 4, "L1", "behind the door", SOON),
    )  # fmt: skip
    assert [shop.shelf(sku, "EAST") for sku in ("CUP", "MUG", "MILK")] == [(8, 0), (3, 0), (4, 0)]
    assert [(line.sku, line.lot, line.expected, line.counted) for line in done.lines] == [
        ("CUP", None, 10, 8), ("MUG", None, 3, 3), ("MILK", "L1", 0, 4),
    ]  # fmt: skip
    assert [line.move_id is None for line in done.lines] == [False, True, False]
    stored = [(row["expected"], row["counted"], row["reason"]) for row in rows_of(shop.database, "count_line")]
    assert stored == [(10, 8, "two broken"), (3, 3, ""), (0, 4, "behind the door")]
    (sheet,) = rows_of(shop.database, "count_sheet")
    assert (sheet["id"], sheet["counted_by"], sheet["counted_at"]) == (done.sheet_id, "tester", shop.NOW)
    moves = [move for move in rows_of(shop.database, "stock_move") if move["kind"] == "count"]
    assert [(move["quantity"], move["reason"]) for move in moves] == [(2, "two broken"), (4, "behind the door")]
    assert done.lost == ()
    same_again(shop, done)


def test_a_difference_needs_a_reason(shop, refused):
    shop.stock("CUP", "EAST", 10)
    wanted = "line 1: reason must be given, as 9 of SKU CUP are counted and 10 expected"
    with refused(shop, InvalidRequest, wanted):
        counted(shop, "EAST", CountLine("CUP", 9, reason=" "))


def test_a_count_below_what_is_reserved_takes_the_newest_reservations_back(shop, same_again):
    shop.stock("CUP", "EAST", 10)
    first, second, third = (shop.order(name, CUP=units) for name, units in (("1", 3), ("2", 4), ("3", 2)))
    done = counted(shop, "EAST", CountLine("CUP", 6, reason="stolen"))
    assert shop.shelf("CUP", "EAST") == (6, 6)
    assert [shop.state(order) for order in (first, second, third)] == [
        ("allocated", 3, 0), ("partially_allocated", 3, 1), ("backordered", 0, 2),
    ]  # fmt: skip
    assert [(lost.order_id, lost.order, lost.sku, lost.units) for lost in done.lost] == [
        (second, "2", "CUP", 1), (third, "3", "CUP", 2),
    ]  # fmt: skip
    told = shop.rows("SELECT sales_order_id, summary FROM order_event WHERE event = 'deallocated' ORDER BY 1")
    assert [order for order, _ in told] == [second, third]
    assert all("counted short at EAST" in summary for _, summary in told)
    same_again(shop, done)


def test_an_order_that_gets_its_units_elsewhere_has_not_lost_them(shop):
    shop.stock("CUP", "EAST", 5)
    order = shop.order("1", CUP=5)
    shop.stock("CUP", "WEST", 2)
    done = counted(shop, "EAST", CountLine("CUP", 2, reason="stolen"))
    assert shop.state(order) == ("partially_allocated", 4, 1)
    assert [(lost.order_id, lost.units) for lost in done.lost] == [(order, 1)]


def test_goods_counted_away_whole_leave_every_order_waiting(shop):
    shop.stock("CUP", "EAST", 4)
    orders = [shop.order(str(number), CUP=2) for number in range(2)]
    done = counted(shop, "EAST", CountLine("CUP", 0, reason="burnt"))
    assert [shop.state(order) for order in orders] == [("backordered", 0, 2)] * 2
    assert [lost.units for lost in done.lost] == [2, 2]


def test_a_count_above_what_was_expected_goes_to_whoever_waits(shop):
    shop.stock("CUP", "EAST", 2)
    order = shop.order("1", CUP=5)
    assert counted(shop, "EAST", CountLine("CUP", 4, reason="found")).allocated == 2
    assert shop.state(order) == ("partially_allocated", 4, 1)


def test_an_impossible_count_is_refused_by_name(shop, refused):
    shop.stock("CUP", "EAST", 2)
    with refused(shop, InvalidRequest, "lines must be each SKU and lot once, got 'CUP'"):
        counted(shop, "EAST", CountLine("CUP", 2), CountLine("cup", 2))
    with refused(shop, InvalidRequest, "line 1: counted must be a whole number from 0"):
        counted(shop, "EAST", CountLine("CUP", -1))
    with refused(shop, InvalidRequest, "lines must be at least one"):
        counted(shop, "EAST")


# Reversals


def receipt(shop, number="P1", ordered=10, came=None, place="EAST"):
    """The movement of a receipt."""
    line = PurchaseLine("CUP", ordered, Decimal(2))
    shop.do(place_purchase_order, PurchaseRequest("ACME", place, (line,), number, send=True))
    came = () if came is None else (ReceiptLine("CUP", came),)
    return shop.do(receive_purchase, Receipt(number, came)).moves[0].id


def test_a_reversal_is_a_movement_the_other_way_and_both_stay(shop, same_again, rows_of):
    shop.stock("CUP", "EAST", 5)
    wrong = transfer(shop, "EAST", "WEST", StockLine("CUP", 3)).moves[0]
    done = shop.do(reverse_move, wrong.id, "not moved")
    assert (shop.shelf("CUP", "EAST"), shop.shelf("CUP", "WEST")) == ((5, 0), (0, 0))
    last = rows_of(shop.database, "stock_move")[-1]
    assert (last["kind"], last["reverses_id"], last["reason"], last["quantity"]) == (
        "reversal", wrong.id, "not moved", 3,
    )  # fmt: skip
    assert (done.reverses_id, done.move.source, done.move.destination) == (wrong.id, "WEST", "EAST")
    same_again(shop, done)


def test_every_mistake_of_ours_can_be_reversed(shop):
    found = shop.stock("CUP", "EAST", 10).move.id
    written_off = shop.do(adjust_stock, Adjustment("CUP", "EAST", -1, "broken", scrap=True)).move.id
    count = counted(shop, "EAST", CountLine("CUP", 7, reason="missing")).lines[0].move_id
    received = receipt(shop)
    assert shop.shelf("CUP", "EAST") == (17, 0)
    for move, left in ((received, 7), (count, 9), (written_off, 10), (found, 0)):
        shop.do(reverse_move, move, "a mistake")
        assert shop.shelf("CUP", "EAST") == (left, 0)


def test_a_movement_is_reversed_once(shop, refused):
    found = shop.stock("CUP", "EAST", 10).move.id
    reversal = shop.do(reverse_move, found, "a mistake").move.id
    with refused(shop, AlreadyReversed, f"movement {found} is reversed already, by movement {reversal}"):
        shop.do(reverse_move, found, "a mistake")


def test_reserved_units_are_not_reversed_away(shop, refused):
    found = shop.stock("CUP", "EAST", 10).move.id
    shop.order("1", CUP=1)
    with refused(shop, InsufficientStock, "cannot take 10 of SKU CUP at EAST: 9 available"):
        shop.do(reverse_move, found, "a mistake")


def test_what_comes_back_by_a_reversal_goes_to_whoever_waits(shop):
    shop.stock("CUP", "EAST", 3)
    gone = shop.do(adjust_stock, Adjustment("CUP", "EAST", -3, "broken")).move.id
    order = shop.order("1", CUP=2)
    assert shop.do(reverse_move, gone, "they were whole").allocated == 2
    assert shop.state(order) == ("allocated", 2, 0)


def test_a_receipts_reversal_opens_its_purchase_order_again(shop, rows_of):
    move = receipt(shop)
    (line,) = rows_of(shop.database, "purchase_order_line")
    assert (line["quantity_received"], line["received_at"]) == (10, shop.NOW)
    done = shop.do(reverse_move, move, "another supplier's")
    assert done.reopened == "P1"
    (line,) = rows_of(shop.database, "purchase_order_line")
    assert (line["quantity_received"], line["received_at"]) == (0, None)
    assert shop.rows("SELECT status FROM purchase_order") == [("ordered",)]
    assert shop.rows("SELECT from_state, event, to_state FROM transition WHERE machine = 'purchase order'"
                     " ORDER BY id") == [
        ("draft", "send", "ordered"), ("ordered", "receive", "received"), ("received", "correct", "ordered"),
    ]  # fmt: skip
    shop.do(receive_purchase, Receipt("P1"))
    assert shop.shelf("CUP", "EAST") == (10, 0)


def test_one_of_several_receipts_is_reversed(shop, rows_of):
    first = receipt(shop, came=4)
    tomorrow = shop.NOW + timedelta(days=1)
    shop.do(receive_purchase, Receipt("P1", (ReceiptLine("CUP", 3),)), at=tomorrow)
    assert shop.do(reverse_move, first, "counted twice", at=tomorrow).reopened is None
    (line,) = rows_of(shop.database, "purchase_order_line")
    assert (line["quantity_received"], line["received_at"]) == (3, tomorrow)


@pytest.mark.parametrize(
    ("kind", "instead"), [("sale", "book what comes back as a return"), ("reversal", "book what really happened")]
)
def test_what_cannot_be_reversed_says_what_to_do(shop, refused, kind, instead):
    found = shop.stock("CUP", "EAST", 10).move.id
    if kind == "sale":
        shop.do(ship_order, Shipping(shop.order("1", CUP=2)))
    else:
        shop.do(reverse_move, found, "a mistake")
    ((move,),) = shop.rows("SELECT max(id) FROM stock_move")
    with refused(shop, CannotReverse, f"movement {move} is a {kind} and cannot be reversed: {instead}"):
        shop.do(reverse_move, move, "a mistake")


def test_there_is_nothing_to_reverse_where_nothing_moved(shop, refused):
    with refused(shop, UnknownThing, "there is no movement '77'"):
        shop.do(reverse_move, 77, "a mistake")


# Trail


def test_every_command_leaves_a_message_and_a_trail(shop):
    shop.stock("CUP", "EAST", 10)
    transfer(shop, "EAST", "WEST", StockLine("CUP", 1))
    counted(shop, "EAST", CountLine("CUP", 9))
    off = shop.do(adjust_stock, Adjustment("CUP", "EAST", -1, "broken")).move.id
    shop.do(reverse_move, off, "a mistake")
    wanted = ["stock.found", "stock.transferred", "stock.counted", "stock.written_off", "stock.reversed"]
    for table, column in (("outbox", "topic"), ("audit_log", "action")):
        found = shop.rows(f"SELECT {column} FROM {table} WHERE {column} LIKE 'stock.%' ORDER BY id")
        assert [topic for (topic,) in found] == wanted


# At once


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_stock_commands_at_once_lose_nothing_and_do_not_wait_for_ever(shop, at_once):
    for sku in ("CUP", "MUG"):
        for place in ("EAST", "WEST"):
            shop.stock(sku, place, 100)
    wrong = shop.stock("CUP", "EAST", 1).move.id

    def moving(source, destination, *skus):
        lines = tuple(StockLine(sku, 2) for sku in skus)
        return lambda: [transfer(shop, source, destination, *lines) for _ in range(8)]

    def counting():
        for units in range(8):
            counted(shop, "EAST", CountLine("MUG", 90 + units, reason="x"), CountLine("CUP", 80 + units, reason="x"))

    def ordering():
        for number in range(8):
            shop.order(f"order {number}", MUG=3, CUP=2)

    def reversing():
        shop.do(reverse_move, wrong, "a mistake")

    outcomes = at_once(
        moving("EAST", "WEST", "CUP", "MUG"), moving("WEST", "EAST", "MUG", "CUP"), counting, ordering,
        reversing, reversing,
    )  # fmt: skip
    raised = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [
        error for error in raised if not isinstance(error, (AlreadyReversed, BeingChanged, InsufficientStock))
    ] == []
    assert shop.rows("SELECT count(*) FROM stock_move WHERE reverses_id = :id", id=wrong)[0][0] <= 1
