"""Which sale a credit undoes, checked against a reading of the rule unit by unit."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orders.returns import (
    MORE_THAN_BOUGHT,
    NEVER_BOUGHT,
    NO_CUSTOMER,
    NO_SUCH_ORDER,
    CreditLine,
    SoldLine,
    link_credits,
)

START = datetime(2024, 1, 1, 9, tzinfo=UTC)


def sold(handle, *, quantity, hours=0, price=2, order=None):
    at = START + timedelta(hours=hours)
    return SoldLine(handle, order or f"S{handle}", at, at.date(), quantity, price)


def credited(handle, *, quantity, hours=100, price=2, order=None, buyer="ann", sku="A"):
    at = START + timedelta(hours=hours)
    return CreditLine(handle, buyer, sku, order, at, at.date(), quantity, price)


def linked(credits, sales, *, buyer="ann"):
    parts = link_credits(credits, {(buyer, "A"): sales})
    return [(part.credit, part.sale, part.quantity, part.is_cancellation, part.unlinked_reason) for part in parts]


def test_takes_the_latest_earlier_sale_at_its_own_price_first():
    sales = [
        sold("old, same price", quantity=5, hours=0),
        sold("new, same price", quantity=2, hours=10),
        sold("newest, other price", quantity=9, hours=20, price=3),
        sold("later", quantity=9, hours=101),
    ]
    assert linked([credited("c", quantity=10)], sales) == [
        ("c", "new, same price", 2, False, None),
        ("c", "old, same price", 5, False, None),
        ("c", "newest, other price", 3, False, None),
    ]


def test_on_the_day_of_the_sale_it_is_a_cancellation_and_from_midnight_on_a_return():
    sales = [sold("s", quantity=9)]
    assert linked([credited("c", quantity=4, hours=14)], sales) == [("c", "s", 4, True, None)]
    assert linked([credited("c", quantity=4, hours=15)], sales) == [("c", "s", 4, False, None)]


def test_a_credit_at_the_moment_of_the_sale_may_undo_it():
    assert linked([credited("c", quantity=1, hours=0)], [sold("s", quantity=1)]) == [("c", "s", 1, True, None)]


def test_no_unit_is_undone_twice():
    credits = [credited("c1", quantity=3, hours=50), credited("c2", quantity=3, hours=60)]
    assert linked(credits, [sold("s", quantity=4)]) == [
        ("c1", "s", 3, False, None),
        ("c2", "s", 1, False, None),
        ("c2", None, 2, False, MORE_THAN_BOUGHT),
    ]


def test_credits_are_taken_in_the_order_of_their_time_however_they_came():
    late, early = credited("a late", quantity=3, hours=60), credited("b early", quantity=3, hours=50)
    assert linked([late, early], [sold("s", quantity=3)]) == [
        ("b early", "s", 3, False, None),
        ("a late", None, 3, False, MORE_THAN_BOUGHT),
    ]


def test_a_credit_that_names_an_order_takes_from_that_order_alone():
    sales = [sold("1", quantity=2, order="S1"), sold("2", quantity=9, hours=10, order="S2")]
    assert linked([credited("c", quantity=3, order="S1", buyer="S1")], sales, buyer="S1") == [
        ("c", "1", 2, False, None),
        ("c", None, 1, False, MORE_THAN_BOUGHT),
    ]


def test_what_cannot_be_linked_says_why():
    assert linked([credited("c", quantity=1, buyer=None)], []) == [("c", None, 1, False, NO_CUSTOMER)]
    assert linked([credited("c", quantity=1, buyer="bob")], [sold("s", quantity=1)]) == [
        ("c", None, 1, False, NEVER_BOUGHT)
    ]
    assert linked([credited("c", quantity=1)], [sold("s", quantity=1, hours=101)]) == [
        ("c", None, 1, False, NEVER_BOUGHT)
    ]
    assert linked([credited("c", quantity=1, order="S9", buyer="S9")], []) == [("c", None, 1, False, NO_SUCH_ORDER)]


# Any book

buyers = st.sampled_from(["ann", "bob"])
skus = st.sampled_from(["A", "B"])
prices = st.integers(1, 2)


@st.composite
def books(draw):
    """Sales at different hours, so that "the latest" is one, and credits of all sorts."""
    hours = draw(st.lists(st.integers(0, 60), unique=True, max_size=6))
    sales = {}
    for handle, hour in enumerate(hours):
        key = (draw(buyers), draw(skus))
        sale = sold(handle, quantity=draw(st.integers(0, 4)), hours=hour, price=draw(prices), order=f"S{handle % 3}")
        sales.setdefault(key, []).append(sale)
    credits = [
        credited(
            handle,
            quantity=draw(st.integers(1, 7)),
            hours=draw(st.integers(0, 80)),
            price=draw(prices),
            buyer=draw(st.one_of(buyers, st.none())),
            sku=draw(skus),
        )
        for handle in range(draw(st.integers(0, 5)))
    ]
    return credits, sales


def units_undone(credits, sales):
    """The rule read unit by unit: the best sale of each unit among those still open, until none is left."""
    still_open = {sale.handle: sale.quantity for lines in sales.values() for sale in lines}
    undone = {}
    for credit in sorted(credits, key=lambda credit: (credit.credited_at, credit.handle)):
        for _ in range(credit.quantity):
            candidates = [
                sale
                for sale in sales.get((credit.buyer, credit.sku), [])
                if credit.buyer is not None and sale.sold_at <= credit.credited_at and still_open[sale.handle]
            ]
            best = max(
                candidates,
                key=lambda sale: (sale.unit_price_micros == credit.unit_price_micros, sale.sold_at),
                default=None,
            )
            key = (credit.handle, None if best is None else best.handle)
            undone[key] = undone.get(key, 0) + 1
            if best is not None:
                still_open[best.handle] -= 1
    return undone


@given(book=books())
def test_parts_are_the_rule_read_unit_by_unit(book):
    credits, sales = book
    parts = link_credits(credits, sales)
    assert {(part.credit, part.sale): part.quantity for part in parts} == units_undone(credits, sales)
    assert len({(part.credit, part.sale) for part in parts}) == len(parts)


@given(book=books())
def test_parts_sum_to_their_credit_and_undo_no_more_than_was_sold_before(book):
    credits, sales = book
    parts = link_credits(credits, sales)
    by_handle = {sale.handle: sale for lines in sales.values() for sale in lines}
    for credit in credits:
        mine = [part for part in parts if part.credit == credit.handle]
        assert sum(part.quantity for part in mine) == credit.quantity
        assert all(part.quantity > 0 and (part.sale is None) == (part.unlinked_reason is not None) for part in mine)
        undone = [by_handle[part.sale] for part in mine if part.sale is not None]
        assert all(sale.sold_at <= credit.credited_at for sale in undone)
        cancels = [part.is_cancellation for part in mine if part.sale is not None]
        assert cancels == [sale.sold_at.date() == credit.credited_at.date() for sale in undone]
    for handle, sale in by_handle.items():
        assert sum(part.quantity for part in parts if part.sale == handle) <= sale.quantity


@given(book=books(), seed=st.randoms(use_true_random=False))
def test_the_order_in_which_credits_and_sales_are_given_does_not_matter(book, seed):
    credits, sales = book
    shuffled = {key: seed.sample(lines, len(lines)) for key, lines in sales.items()}
    assert link_credits(seed.sample(credits, len(credits)), shuffled) == link_credits(credits, sales)
