"""Payments: never more captured than authorised, never more refunded than captured, and the order says how far."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.cancelling import Cancellation, cancel_order
from orders.errors import AmountRefused, InvalidRequest, NotPossible, UnknownThing
from orders.lifecycle import PAYMENT
from orders.model import Address, LineRequest, OrderRequest
from orders.paying import Authorisation, authorise_payment, capture_payment, payment_status, refund_payment
from orders.placing import place_order


def authorise(shop, order, amount, reference="pay 1", method="card"):
    return shop.do(authorise_payment, Authorisation(order, reference, method, Decimal(amount)))


def capture(shop, order, amount=None, reference="pay 1"):
    return shop.do(capture_payment, order, reference, None if amount is None else Decimal(amount))


def refund(shop, order, amount, reference="pay 1", reason="broken"):
    return shop.do(refund_payment, order, reference, Decimal(amount), reason)


def status(shop, order):
    return shop.rows("SELECT payment_status FROM sales_order WHERE id = :order", order=order)[0][0]


@pytest.fixture
def order(shop):
    """An order over 50.00 euros."""
    shop.stock("CUP", "EAST", 10)
    return shop.order("1", CUP=10)


def test_a_payment_is_authorised_captured_and_refunded(shop, order, same_again):
    done = authorise(shop, order, "50")
    assert (done.authorised_minor, done.captured_minor, done.payment_status) == (5000, 0, "authorised")
    same_again(shop, done)
    done = capture(shop, order, "20.5")
    assert (done.captured_minor, done.payment_status, status(shop, order)) == (2050,) + ("partially_captured",) * 2
    same_again(shop, done)
    done = capture(shop, order)
    assert (done.captured_minor, done.payment_status, status(shop, order)) == (5000,) + ("captured",) * 2
    done = refund(shop, order, "0.01")
    assert (done.refunded_minor, done.payment_status) == (1, "partially_refunded")
    done = refund(shop, order, "49.99")
    assert (done.refunded_minor, done.payment_status, status(shop, order)) == (5000,) + ("refunded",) * 2
    same_again(shop, done)
    moves = shop.rows("SELECT from_state, event, to_state, entity_id FROM transition WHERE machine = 'payment'")
    assert moves == [
        ("none", "authorise", "authorised", order),
        ("authorised", "capture", "partially_captured", order),
        ("partially_captured", "capture", "captured", order),
        ("captured", "refund", "partially_refunded", order),
        ("partially_refunded", "refund", "refunded", order),
    ]
    told = shop.rows("SELECT event, summary FROM order_event WHERE event LIKE 'payment%' ORDER BY id")
    assert told[0] == ("payment authorised", "Payment pay 1: EUR 50.00 authorised")
    assert told[-1] == ("payment refunded", "Payment pay 1: EUR 49.99 refunded (broken)")


def test_no_more_is_captured_than_is_authorised(shop, order, refused):
    authorise(shop, order, "50")
    capture(shop, order, "45")
    with refused(shop, AmountRefused, "cannot capture EUR 5.01: EUR 5.00 available"):
        capture(shop, order, "5.01")
    capture(shop, order, "5")
    with refused(shop, AmountRefused, "cannot capture what is left: EUR 0.00 available"):
        capture(shop, order)


def test_no_more_is_refunded_than_is_captured(shop, order, refused):
    authorise(shop, order, "50")
    with refused(shop, AmountRefused, "cannot refund EUR 1.00: EUR 0.00 available"):
        refund(shop, order, "1")
    capture(shop, order, "30")
    refund(shop, order, "29")
    with refused(shop, AmountRefused, "cannot refund EUR 1.01: EUR 1.00 available"):
        refund(shop, order, "1.01")


def test_each_payment_has_its_own_limits_and_all_make_the_orders_state(shop, order, refused):
    authorise(shop, order, "30", "gift")
    authorise(shop, order, "20", "card")
    capture(shop, order, reference="card")
    assert status(shop, order) == "partially_captured"
    with refused(shop, AmountRefused, "cannot refund EUR 21.00: EUR 20.00 available"):
        refund(shop, order, "21", "card")
    capture(shop, order, reference="gift")
    assert status(shop, order) == "captured"
    authorise(shop, order, "1", "more")
    assert status(shop, order) == "partially_captured"


def test_an_order_that_was_refunded_can_be_paid_again(shop, order):
    authorise(shop, order, "50")
    capture(shop, order, "30")
    refund(shop, order, "30")
    assert status(shop, order) == "refunded"
    capture(shop, order, "20")
    assert status(shop, order) == "partially_refunded"
    authorise(shop, order, "30", "second")
    capture(shop, order, reference="second")
    assert status(shop, order) == "partially_refunded"


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity", "1e30"])
def test_an_amount_is_positive_and_no_finer_than_the_currency(shop, order, refused, amount):
    with refused(shop, InvalidRequest, "amount must be an amount above 0 with at most 2 decimals, as EUR has"):
        authorise(shop, order, amount)


@pytest.mark.parametrize(
    ("currency", "fits", "minor", "finer"), [("JPY", "500", 500, "500.5"), ("KWD", "0.125", 125, "0.1255")]
)
def test_amounts_have_the_decimals_of_the_orders_currency(shop, refused, currency, fits, minor, finer):
    goes_to = Address("Ann", "1 High Street", None, "1000", "Ghent", None, "BE")
    lines = (LineRequest("CUP", 1, Decimal(5)),)
    placed = shop.do(place_order, OrderRequest("WEB", "2", lines, currency=currency, ship_to=goes_to))
    assert authorise(shop, placed.order_id, fits).authorised_minor == minor
    with refused(shop, InvalidRequest, f"as {currency} has"):
        authorise(shop, placed.order_id, finer, "pay 2")


def test_a_payment_is_named_once(shop, order, refused):
    authorise(shop, order, "50")
    with refused(shop, InvalidRequest, "external_ref must be new, as order 1 has a payment of this reference"):
        authorise(shop, order, "50")


def test_orders_and_payments_that_are_not_there_are_refused_by_name(shop, order, refused):
    with refused(shop, UnknownThing, "there is no order '99'"):
        authorise(shop, 99, "1")
    with refused(shop, UnknownThing, "there is no payment 'pay 1': order 1 has none"):
        capture(shop, order)
    authorise(shop, order, "50")
    with refused(shop, UnknownThing, "there is no payment 'pay 2': order 1 has pay 1"):
        refund(shop, order, "1", "pay 2")
    with refused(shop, InvalidRequest, "reason must be given"):
        refund(shop, order, "1", reason="")


def test_nothing_more_is_taken_for_a_cancelled_order_but_it_is_refunded(shop, order, refused):
    authorise(shop, order, "50")
    capture(shop, order, "10")
    shop.do(cancel_order, Cancellation(order, "changed their mind"))
    with refused(shop, NotPossible, "cannot capture a payment of order 1: it is cancelled"):
        capture(shop, order)
    with refused(shop, NotPossible, "cannot authorise a payment of order 1: it is cancelled"):
        authorise(shop, order, "5", "pay 2")
    assert refund(shop, order, "10").payment_status == "refunded"


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_captures_and_refunds_at_once_never_exceed_what_there_is(shop, order, at_once):
    authorise(shop, order, "50")
    outcomes = at_once(*(lambda: capture(shop, order, "8"),) * 8)
    assert sum(isinstance(outcome, AmountRefused) for outcome in outcomes) == 2
    outcomes = at_once(*(lambda: refund(shop, order, "20"),) * 4)
    assert sum(isinstance(outcome, AmountRefused) for outcome in outcomes) == 2
    assert shop.rows("SELECT captured_minor, refunded_minor FROM payment") == [(4800, 4000)]
    assert not any(isinstance(outcome, Exception) and not isinstance(outcome, AmountRefused) for outcome in outcomes)


# The state, from the payments


def paid(authorised, captured=0, refunded=0):
    return SimpleNamespace(authorised_minor=authorised, captured_minor=captured, refunded_minor=refunded)


@pytest.mark.parametrize(
    ("payments", "expected"),
    [
        ([], "none"),
        ([paid(5)], "authorised"),
        ([paid(5, 3)], "partially_captured"),
        ([paid(5, 5)], "captured"),
        ([paid(5, 5), paid(2)], "partially_captured"),
        ([paid(5, 5, 1)], "partially_refunded"),
        ([paid(5, 3, 3)], "refunded"),
        ([paid(5, 5, 5), paid(2, 2)], "partially_refunded"),
        ([paid(5, 5, 5), paid(2)], "refunded"),
    ],
)
def test_how_far_an_order_is_paid(payments, expected):
    assert payment_status(payments) == expected


@given(st.lists(st.tuples(st.sampled_from(["authorise", "capture", "refund"]), st.integers(0, 2), st.integers(1, 9))))
def test_every_state_that_payments_come_to_is_in_the_table(steps):
    payments, state = {}, payment_status([])
    for event, number, amount in steps:
        payment = payments.get(number)
        if event == "authorise" and payment is None:
            payments[number] = paid(amount)
        elif event == "capture" and payment and payment.captured_minor + amount <= payment.authorised_minor:
            payment.captured_minor += amount
        elif event == "refund" and payment and payment.refunded_minor + amount <= payment.captured_minor:
            payment.refunded_minor += amount
        else:
            continue
        after = payment_status(list(payments.values()))
        assert after == state or PAYMENT.allows(state, event, after)
        state = after
