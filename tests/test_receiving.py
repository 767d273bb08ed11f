"""Purchase orders are placed, sent, received in parts and cancelled; what comes goes to whoever waits for it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert

from data import master_rows
from data.schema import plan_run, recommendation
from orders.errors import DecisionRefused, InsufficientStock, InvalidRequest, NotPossible, OverReceived, UnknownThing
from orders.importing import FileImport, StockImport, import_purchases, import_stock
from orders.master import Bundle, BundleComponent, set_bundle
from orders.purchasing import (
    Approval,
    PurchaseLine,
    PurchaseRequest,
    approve_recommendation,
    cancel_purchase_order,
    place_purchase_order,
    send_purchase_order,
    withdraw_approval,
)
from orders.receiving import Receipt, ReceiptLine, receive_purchase
from orders.stocking import reverse_move

SOON = date(2026, 3, 20)
CUPS = PurchaseLine("CUP", 10, Decimal("2.5"))


def buy(shop, *lines, number="P1", send=True, **more):
    request = PurchaseRequest("ACME", more.pop("place", "EAST"), lines or (CUPS,), number, send=send, **more)
    return shop.do(place_purchase_order, request)


def receive(shop, *lines, number="P1", at=None, **more):
    return shop.do(receive_purchase, Receipt(number, tuple(ReceiptLine(*line) for line in lines), **more), at=at)


def progress(rows_of, shop):
    """(quantity, received, cancelled) of each purchase order line."""
    rows = rows_of(shop.database, "purchase_order_line")
    return [(row["quantity"], row["quantity_received"], row["quantity_cancelled"]) for row in rows]


# Placing and sending


def test_a_purchase_order_is_a_draft_until_it_is_sent(shop, same_again, rows_of):
    done = buy(shop, CUPS, PurchaseLine("MUG", 3, Decimal("0.001"), SOON), send=False)
    assert (done.number, done.status) == ("P1", "draft")
    same_again(shop, done)
    later = shop.NOW + timedelta(days=2)
    sent = shop.do(send_purchase_order, "P1", at=later)
    assert sent.status == "ordered"
    (order,) = rows_of(shop.database, "purchase_order")
    assert (order["status"], order["ordered_at"], order["currency"]) == ("ordered", later, "EUR")
    lines = rows_of(shop.database, "purchase_order_line")
    assert [(line["quantity"], line["unit_cost_micros"], line["expected_date"]) for line in lines] == [
        (10, 2_500_000, None), (3, 1_000, SOON),
    ]  # fmt: skip
    assert shop.rows("SELECT from_state, event, to_state, actor FROM transition WHERE machine = 'purchase order'") == [
        ("draft", "send", "ordered", "tester")
    ]


def test_numbers_are_given_where_none_is_named(shop):
    numbers = {buy(shop, number=None).number for _ in range(3)}
    taken = f"PO-{max(int(number.removeprefix('PO-')) for number in numbers) + 2}"
    buy(shop, number=taken)
    last = buy(shop, number=None).number
    assert len(numbers | {taken, last}) == 5
    assert last == f"{taken}/2"


def test_a_cost_that_is_not_named_is_the_one_last_paid(shop, refused, rows_of):
    with refused(shop, InvalidRequest, "line 1: unit_cost must be given, as no cost of SKU CUP is known in EUR"):
        buy(shop, PurchaseLine("CUP", 1))
    buy(shop)
    receive(shop)
    buy(shop, PurchaseLine("CUP", 1), number="P2")
    assert rows_of(shop.database, "purchase_order_line")[-1]["unit_cost_micros"] == 2_500_000
    with refused(shop, InvalidRequest, "no cost of SKU CUP is known in USD"):
        buy(shop, PurchaseLine("CUP", 1), number="P3", currency="USD")


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"supplier": " "}, InvalidRequest, "supplier must be given"),
        ({"location": "CUSTOMER"}, InvalidRequest, "location must be a place of ours"),
        ({"lines": ()}, InvalidRequest, "lines must be at least one"),
        ({"lines": (PurchaseLine("PEN", 1, Decimal(1)),)}, UnknownThing, "there is no SKU 'PEN'"),
        ({"lines": (PurchaseLine("CUP", 0, Decimal(1)),)}, InvalidRequest, "line 1: quantity"),
        ({"lines": (PurchaseLine("CUP", 1, Decimal(-1)),)}, InvalidRequest, "line 1: unit_cost must be a number"),
        ({"number": "P1"}, InvalidRequest, "number must be one that no purchase order has, got 'P1'"),
    ],
)
def test_an_impossible_purchase_is_refused_by_name(shop, refused, change, error, match):
    buy(shop)
    given = {"supplier": "ACME", "location": "EAST", "lines": (CUPS,), "number": "P2"} | change
    with refused(shop, error, match):
        shop.do(place_purchase_order, PurchaseRequest(**given))


def test_what_was_sent_is_not_sent_again(shop, refused):
    buy(shop)
    with refused(shop, NotPossible, "cannot send purchase order P1: it is ordered"):
        shop.do(send_purchase_order, "P1")
    with refused(shop, UnknownThing, "there is no purchase order 'P9'"):
        shop.do(send_purchase_order, "P9")


# Receiving


def test_everything_open_comes_at_its_cost(shop, same_again, rows_of):
    buy(shop, CUPS, PurchaseLine("MUG", 3, Decimal(4)), currency="USD")
    done = receive(shop)
    assert (done.status, [(move.sku, move.quantity, move.source, move.destination) for move in done.moves]) == (
        "received", [("CUP", 10, "SUPPLIER", "EAST"), ("MUG", 3, "SUPPLIER", "EAST")],
    )  # fmt: skip
    same_again(shop, done)
    assert (shop.shelf("CUP", "EAST"), shop.shelf("MUG", "EAST")) == ((10, 0), (3, 0))
    moves = rows_of(shop.database, "stock_move")
    assert [(move["kind"], move["unit_cost_micros"], move["currency"]) for move in moves] == [
        ("receipt", 2_500_000, "USD"), ("receipt", 4_000_000, "USD"),
    ]  # fmt: skip
    assert [move["purchase_order_line_id"] for move in moves] == [
        line["id"] for line in rows_of(shop.database, "purchase_order_line")
    ]


def test_a_purchase_order_comes_in_parts(shop, rows_of):
    buy(shop, CUPS, PurchaseLine("MUG", 3, Decimal(4)))
    assert receive(shop, ("CUP", 4)).status == "ordered"
    assert receive(shop, ("MUG", 3)).status == "ordered"
    assert progress(rows_of, shop) == [(10, 4, 0), (3, 3, 0)]
    later = shop.NOW + timedelta(days=5)
    last = receive(shop, at=later)
    assert (last.status, [(move.sku, move.quantity) for move in last.moves]) == ("received", [("CUP", 6)])
    cup, mug = rows_of(shop.database, "purchase_order_line")
    assert (cup["received_at"], mug["received_at"]) == (later, shop.NOW)


def test_units_fill_the_lines_of_their_sku_in_order(shop, rows_of):
    buy(shop, CUPS, PurchaseLine("CUP", 5, Decimal(3)))
    receive(shop, ("CUP", 12))
    assert progress(rows_of, shop) == [(10, 10, 0), (5, 2, 0)]
    receive(shop, ("CUP", 3, 2))
    assert progress(rows_of, shop) == [(10, 10, 0), (5, 5, 0)]


def test_several_deliveries_of_one_line_add_up_before_they_are_refused(shop, refused):
    buy(shop)
    with refused(shop, OverReceived, r"cannot receive 5 of SKU CUP: 4 open \(purchase order P1\)") as refusal:
        receive(shop, ("CUP", 6), ("CUP", 5))
    assert (refusal.value.received, refusal.value.still_open) == (5, 4)


def test_more_than_was_ordered_comes_only_when_it_is_allowed(shop, refused, rows_of):
    buy(shop)
    with refused(shop, OverReceived, "cannot receive 11 of SKU CUP: 10 open"):
        receive(shop, ("CUP", 11))
    assert receive(shop, ("CUP", 11), allow_over=True).status == "received"
    assert progress(rows_of, shop) == [(10, 11, 0)]
    assert shop.shelf("CUP", "EAST") == (11, 0)


def test_goods_for_inspection_are_not_sold_yet(shop):
    buy(shop)
    order = shop.order("1", CUP=4)
    assert receive(shop, ("CUP", 6), to_location="DOCK").allocated == 0
    assert (shop.state(order), shop.shelf("CUP", "DOCK")) == (("backordered", 0, 4), (6, 0))
    assert receive(shop, ("CUP", 3)).allocated == 3
    assert shop.state(order) == ("partially_allocated", 3, 1)


def test_what_comes_goes_to_the_most_urgent_then_to_who_came_first(shop):
    first, second, urgent = shop.order("1", CUP=4), shop.order("2", CUP=4), shop.order("3", priority=5, CUP=4)
    buy(shop)
    assert receive(shop).allocated == 10
    assert [shop.state(order) for order in (urgent, first, second)] == [
        ("allocated", 4, 0), ("allocated", 4, 0), ("partially_allocated", 2, 2),
    ]  # fmt: skip


def test_goods_that_are_tracked_come_with_their_lot(shop, refused):
    buy(shop, PurchaseLine("MILK", 10, Decimal(1)))
    with refused(shop, InvalidRequest, "lot must be given, as SKU MILK is tracked by lot"):
        receive(shop)
    receive(shop, ("MILK", 6, None, "L1", SOON), ("MILK", 3, 1, "L2"))
    receive(shop, ("MILK", 1, None, "L1"))
    assert (shop.shelf("MILK", "EAST", "L1"), shop.shelf("MILK", "EAST", "L2")) == ((7, 0), (3, 0))
    assert shop.rows("SELECT code, expires_on IS NULL FROM lot ORDER BY code") == [("L1", False), ("L2", True)]


@pytest.mark.parametrize(
    ("line", "error", "match"),
    [
        (("MUG", 1), UnknownThing, "there is no SKU 'MUG': purchase order P1 does not have it"),
        (("CUP", 1, 7), UnknownThing, "purchase order P1 does not have it in line 7"),
        (("CUP", 0), InvalidRequest, "line 1: quantity must be a whole number"),
    ],
)
def test_an_impossible_receipt_is_refused_by_name(shop, refused, line, error, match):
    buy(shop)
    with refused(shop, error, match):
        receive(shop, line)


def test_only_what_was_sent_and_is_open_comes(shop, refused):
    buy(shop, send=False)
    with refused(shop, NotPossible, "cannot receive purchase order P1: it is draft"):
        receive(shop)
    with refused(shop, UnknownThing, "there is no purchase order 'P9'"):
        receive(shop, number="P9")
    shop.do(send_purchase_order, "P1")
    receive(shop)
    with refused(shop, NotPossible, "cannot receive purchase order P1: it is received"):
        receive(shop)


def test_a_bundle_is_not_bought(shop, refused):
    shop.do(set_bundle, Bundle("MUG", (BundleComponent("CUP", 2),)))
    with refused(shop, InvalidRequest, "sku must be no bundle"):
        buy(shop, PurchaseLine("MUG", 1, Decimal(1)))


# Cancelling


def test_a_purchase_order_of_which_nothing_came_is_cancelled(shop, same_again, rows_of, refused):
    buy(shop)
    done = shop.do(cancel_purchase_order, "P1", "too dear")
    assert (done.status, done.units) == ("cancelled", 10)
    same_again(shop, done)
    assert progress(rows_of, shop) == [(10, 0, 10)]
    with refused(shop, NotPossible, "cannot cancel purchase order P1: it is cancelled"):
        shop.do(cancel_purchase_order, "P1", "too dear")
    with refused(shop, NotPossible, "cannot receive purchase order P1: it is cancelled"):
        receive(shop)


def test_what_came_stays_when_the_rest_is_cancelled(shop, rows_of):
    buy(shop, CUPS, PurchaseLine("MUG", 3, Decimal(4)))
    receive(shop, ("CUP", 4))
    done = shop.do(cancel_purchase_order, "P1", "out of print")
    assert (done.status, done.units) == ("received", 9)
    assert progress(rows_of, shop) == [(10, 4, 6), (3, 0, 3)]
    assert shop.shelf("CUP", "EAST") == (4, 0)


def test_a_draft_is_cancelled_too_but_not_without_a_reason(shop, refused):
    buy(shop, send=False)
    with refused(shop, InvalidRequest, "reason must be given"):
        shop.do(cancel_purchase_order, "P1", " ")
    assert shop.do(cancel_purchase_order, "P1", "a mistake").status == "cancelled"


def test_every_step_leaves_a_message(shop):
    buy(shop, send=False)
    shop.do(send_purchase_order, "P1")
    receive(shop, ("CUP", 1))
    shop.do(cancel_purchase_order, "P1", "enough")
    wanted = [f"purchase_order.{step}" for step in ("placed", "sent", "received", "cancelled")]
    assert [topic for (topic,) in shop.rows("SELECT topic FROM outbox WHERE entity = 'purchase order'")] == wanted


# Purchase orders from files and from recommendations


def test_what_a_stock_file_said_is_on_order_is_received_like_any_other(shop, company, rows_of):
    def says_on_order(units):
        file = company.file([{"sku": "CUP", "location": "EAST", "on_hand": 0, "on_order": units}])
        assert not company.other(import_stock, StockImport(file)).errors.total

    says_on_order(10)
    (number,) = (row["number"] for row in rows_of(shop.database, "purchase_order"))
    receive(shop, ("CUP", 4), number=number)
    (move,) = rows_of(shop.database, "stock_move")
    says_on_order(3)
    assert progress(rows_of, shop) == [(10, 4, 6), (3, 0, 0)]
    assert shop.rows("SELECT status FROM purchase_order ORDER BY id") == [("received",), ("ordered",)]
    assert shop.do(reverse_move, move["id"], "never came").reopened == number


def test_an_imported_receipt_is_reversed_like_any_other(shop, company, rows_of):
    line = {"po_number": "77", "supplier": "ACME", "sku": "CUP", "location": "EAST", "quantity": 5, "unit_cost": 2}
    file = company.file([line | {"ordered_at": "2026-01-05 10:00", "received_at": "2026-01-12 10:00"}])
    assert not company.other(import_purchases, FileImport(file)).errors.total
    (move,) = rows_of(shop.database, "stock_move")
    assert shop.do(reverse_move, move["id"], "never came").reopened == "77"
    assert (progress(rows_of, shop), shop.shelf("CUP", "EAST")) == ([(5, 0, 0)], (0, 0))
    receive(shop, number="77")
    assert shop.shelf("CUP", "EAST") == (5, 0)


@pytest.fixture
def recommendations(shop):
    """The ids of two open recommendations of one plan."""
    plan = {"as_of": SOON, "created_at": shop.NOW, "created_by": "tester", "terms": {}, "summary": {}}
    advised = {
        "status": "order", "order_quantity": 7, "reorder_point": 3, "order_up_to_level": 9, "safety_stock": 1.0,
        "inventory_position": 2, "on_hand": 2, "on_order": 0, "unit_cost_micros": 1_000_000, "order_value_minor": 700,
        "currency": "EUR", "margin_at_risk_minor": 0, "reason": "low", "assumptions": [],
        "numbers": {"lead_time_days": 5.0},
    }  # fmt: skip
    ids = []
    with shop.database.writing() as connection:
        places, skus = master_rows.location_ids(connection), master_rows.known_skus(connection)
        run = connection.execute(insert(plan_run).values(plan).returning(plan_run.c.id)).scalar_one()
        for sku in ("CUP", "MUG"):
            row = advised | {"plan_run_id": run, "sku_id": skus[sku], "location_id": places["EAST"]}
            ids.append(
                connection.execute(insert(recommendation).values(row).returning(recommendation.c.id)).scalar_one()
            )
    return ids


def test_an_approved_recommendation_is_sent_and_received(shop, recommendations, rows_of, refused):
    number = {shop.do(approve_recommendation, Approval(one)).purchase_order for one in recommendations}
    assert len(number) == 1
    shop.do(send_purchase_order, *number)
    with refused(shop, DecisionRefused, "cannot be withdrawn: its purchase order was sent"):
        shop.do(withdraw_approval, recommendations[0])
    receive(shop, number=next(iter(number)))
    assert progress(rows_of, shop) == [(7, 7, 0), (7, 7, 0)]


def test_a_draft_ends_with_its_last_line_and_says_so(shop, recommendations, refused):
    cup, mug = recommendations
    for one in (cup, mug):
        shop.do(approve_recommendation, Approval(one))
    ended = "SELECT event, to_state FROM transition WHERE machine = 'purchase order'"
    shop.do(withdraw_approval, cup)
    assert (shop.rows(ended), shop.rows("SELECT status FROM purchase_order")) == ([], [("draft",)])
    shop.do(withdraw_approval, mug)
    assert (shop.rows(ended), shop.rows("SELECT status FROM purchase_order")) == (
        [("cancel", "cancelled")], [("cancelled",)],
    )  # fmt: skip


def test_a_cancelled_draft_takes_no_more_approvals_and_none_back(shop, recommendations, refused):
    cup, mug = recommendations
    first = shop.do(approve_recommendation, Approval(cup)).purchase_order
    shop.do(cancel_purchase_order, first, "not now")
    with refused(shop, DecisionRefused, "cannot be withdrawn: its purchase order was cancelled"):
        shop.do(withdraw_approval, cup)
    assert shop.do(approve_recommendation, Approval(mug)).purchase_order == f"{first}/2"


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_no_line_joins_a_draft_that_is_sent_at_the_same_time(shop, recommendations, at_once):
    cup, mug = recommendations
    number = shop.do(approve_recommendation, Approval(cup)).purchase_order
    sent, joined = at_once(
        lambda: shop.do(send_purchase_order, number), lambda: shop.do(approve_recommendation, Approval(mug))
    )
    assert sent.status == "ordered"
    last = shop.rows("SELECT topic FROM outbox ORDER BY id")[-1][0]
    was_sent_first = last == "recommendation.approved"
    assert joined.purchase_order == (f"{number}/2" if was_sent_first else number)


# At once


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_deliveries_at_once_never_exceed_what_was_ordered(shop, at_once):
    buy(shop, PurchaseLine("CUP", 20, Decimal(1)), PurchaseLine("MUG", 20, Decimal(1)))
    orders = [shop.order(str(number), CUP=5, MUG=5) for number in range(4)]

    def delivering(*lines):
        return lambda: receive(shop, *lines)

    forth, back = (("CUP", 3), ("MUG", 3)), (("MUG", 3), ("CUP", 3))
    outcomes = at_once(*(delivering(*lines) for lines in (forth, back) * 4))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {type(refusal) for refusal in refusals} == {OverReceived}
    assert len(refusals) == 2  # six deliveries of three fit into twenty
    assert (shop.shelf("CUP", "EAST"), shop.shelf("MUG", "EAST")) == ((18, 18), (18, 18))
    assert sum(shop.state(order)[1] for order in orders) == 36


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_receipts_and_orders_at_once_leave_no_unit_unexplained(shop, at_once):
    buy(shop, PurchaseLine("CUP", 40, Decimal(1)))

    def delivering():
        for _ in range(10):
            receive(shop, ("CUP", 4))

    def ordering(name):
        return lambda: [shop.order(f"{name} {number}", CUP=2) for number in range(10)]

    outcomes = at_once(delivering, ordering("a"), ordering("b"))
    assert [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, InsufficientStock)] == []
    ((allocated,),) = shop.rows("SELECT sum(quantity_allocated) FROM order_line")
    on_hand, reserved = shop.shelf("CUP", "EAST")
    assert (on_hand, reserved) == (40, allocated)


def test_so_many_units_serve_the_first_of_many_waiting_orders(shop):
    waiting = [shop.order(f"W{number:02}", CUP=2) for number in range(45)]
    shop.do(
        place_purchase_order, PurchaseRequest("Acme", "EAST", (PurchaseLine("CUP", 61, Decimal(1)),), "P1", send=True)
    )
    assert shop.do(receive_purchase, Receipt("P1")).allocated == 61
    states = [shop.state(order) for order in waiting]
    assert states == [("allocated", 2, 0)] * 30 + [("partially_allocated", 1, 1)] + [("backordered", 0, 2)] * 14
