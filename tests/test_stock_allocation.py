"""Sharing out stock that does not suffice."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.stock_allocation import (
    equal_cover_shares,
    expected_value_shares,
    fair_shares,
    priority_shares,
    proportional_shares,
)

requests = st.lists(st.integers(0, 60), min_size=1, max_size=6)


@given(st.integers(0, 300), st.lists(st.floats(0, 1e6), min_size=1, max_size=7), st.integers(1, 9))
def test_proportional_shares_add_up_and_are_less_than_a_pack_from_exact(available, weight, pack):
    shares = proportional_shares(available, weight, pack_size=pack)
    assert shares.quantity.sum() + shares.left_over == available
    assert (shares.quantity >= 0).all()
    assert (shares.quantity % pack == 0).all()
    if sum(weight) > 0:
        exact = np.array(weight) / sum(weight) * (available // pack * pack)
        assert shares.left_over < pack
        assert (np.abs(shares.quantity - exact) < pack * (1 + 1e-6)).all()


def test_seats_of_a_textbook_apportionment():
    """Hamilton's method with populations 1450, 3400, 5150 and 10 seats, and 5 parties sharing 100 seats by hand."""
    assert proportional_shares(10, [1450, 3400, 5150]).quantity.tolist() == [2, 3, 5]
    votes = [47_000, 16_000, 15_900, 12_000, 6_000, 3_100]
    assert proportional_shares(10, votes).quantity.tolist() == [5, 2, 1, 1, 1, 0]


@given(st.integers(0, 200), requests, st.integers(1, 7))
def test_fair_shares_never_exceed_what_is_asked_nor_what_is_there(available, requested, pack):
    shares = fair_shares(available, requested, pack_size=pack)
    wanted = -(-np.array(requested) // pack) * pack
    assert shares.quantity.sum() + shares.left_over == available
    assert (shares.quantity <= wanted).all()
    assert (shares.quantity % pack == 0).all()
    if wanted.sum() <= available:
        assert shares.quantity.tolist() == wanted.tolist()
    else:
        assert shares.left_over < pack
        exact = wanted * (available // pack * pack) / wanted.sum()
        assert (np.abs(shares.quantity - exact) < pack).all()


def test_fair_shares_are_exact_for_very_large_quantities():
    shares = fair_shares(999_999_999, [1_000_000_000, 1_000_000_000, 1])
    assert shares.quantity.sum() == 999_999_999
    assert shares.quantity.tolist() == [499_999_999, 499_999_999, 1]  # shares 499,999,999.25 and 0.5


@given(st.integers(0, 150), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 3)), min_size=1, max_size=6))
def test_nobody_is_served_before_a_more_urgent_request_is_filled(available, claims):
    requested, priority = map(list, zip(*claims, strict=True))
    shares = priority_shares(available, requested, priority)
    assert shares.quantity.sum() + shares.left_over == available
    left = available
    for rank in sorted(set(priority)):
        members = [place for place, one in enumerate(priority) if one == rank]
        alone = fair_shares(left, [requested[place] for place in members])
        assert shares.quantity[members].tolist() == alone.quantity.tolist()
        left = int(alone.left_over)
    assert shares.left_over == left


def test_stock_lasts_equally_long_wherever_something_is_sent():
    shares = equal_cover_shares(6000, [1000, 5000, 0, 0], [500.0, 500.0, 1000.0, 0.0])
    assert shares.quantity.tolist() == [1333, 0, 4667, 0]
    cover = (np.array([1000, 0]) + shares.quantity[[0, 2]]) / [500.0, 1000.0]
    assert cover == pytest.approx(14 / 3, abs=0.001)
    waiting = equal_cover_shares(30, [-20, 0], [10.0, 10.0])
    assert waiting.quantity.tolist() == [25, 5]


@given(
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(-5, 20), st.sampled_from([0.0, 0.5, 1.0, 3.0])), min_size=2, max_size=4),
)
def test_nobody_is_sent_a_unit_that_another_needs_by_more_than_rounding(available, places):
    held, rate = np.array([one for one, _ in places]), np.array([two for _, two in places])
    shares = equal_cover_shares(available, held, rate)
    assert (shares.quantity >= 0).all()
    assert shares.quantity.sum() + shares.left_over == available
    selling = rate > 0
    if not selling.any():
        assert shares.left_over == available
        return
    assert shares.left_over == 0
    assert shares.quantity[~selling].sum() == 0
    fewer, more = ((held + shares.quantity + step)[selling] / rate[selling] for step in (-1, 1))
    sent = shares.quantity[selling] > 0
    assert (fewer[sent][:, None] <= more[None, :] + 1e-9).all()


def _best_by_trying_all(available, pmf, value, held, pack):
    def sold(place, units):
        stock = held[place] + units
        owed = max(-held[place], 0)
        demand = np.arange(len(pmf[place]))
        now = min(units, owed) + (pmf[place] * np.minimum(demand, max(stock, 0))).sum()
        before = (pmf[place] * np.minimum(demand, max(held[place], 0))).sum()
        return value[place] * (now - before)

    packs = range(available // pack + 1)
    return max(
        sum(sold(place, count * pack) for place, count in enumerate(counts))
        for counts in product(packs, repeat=len(pmf))
        if sum(counts) * pack <= available
    )


@given(
    st.integers(0, 9),
    st.integers(1, 3),
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 9), min_size=6, max_size=6).filter(any),
            st.sampled_from([0.0, 1.0, 2.5]),
            st.integers(-3, 3),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_no_other_way_of_sharing_sells_for_more(available, pack, places):
    weights, value, held = zip(*places, strict=True)
    pmf = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    shares = expected_value_shares(available, pmf, unit_value=value, on_hand=held, pack_size=pack)
    assert shares.quantity.sum() + shares.left_over == available
    assert (shares.quantity % pack == 0).all()
    assert shares.expected_value == pytest.approx(
        _best_by_trying_all(available, pmf, value, held, pack), rel=1e-9, abs=1e-12
    )
    more = expected_value_shares(available + pack, pmf, unit_value=value, on_hand=held, pack_size=pack)
    assert shares.next_value == pytest.approx(more.expected_value - shares.expected_value, abs=1e-9)


def test_nothing_is_sent_where_it_cannot_sell():
    shares = expected_value_shares(10, [[0.5, 0.5], [1.0, 0.0]])
    assert shares.quantity.tolist() == [1, 0]
    assert shares.left_over == 9
    assert shares.next_value == 0.0


def test_many_skus_are_shared_out_one_by_one():
    rng = np.random.default_rng(1)
    available, requested, pack = rng.integers(0, 50, 30), rng.integers(0, 30, (30, 4)), rng.integers(1, 4, 30)
    pmf = rng.dirichlet(np.ones(9), (30, 4))
    rank, rate = rng.integers(1, 3, (30, 4)), rng.uniform(0, 3, (30, 4))
    together = {
        "fair": fair_shares(available, requested, pack_size=pack),
        "priority": priority_shares(available, requested, rank, pack_size=pack),
        "proportional": proportional_shares(available, rate, pack_size=pack),
        "cover": equal_cover_shares(available, requested, rate, pack_size=pack),
        "value": expected_value_shares(available, pmf, on_hand=requested, pack_size=pack),
    }
    for sku in range(30):
        only = {"pack_size": pack[sku]}
        alone = {
            "fair": fair_shares(available[sku], requested[sku], **only),
            "priority": priority_shares(available[sku], requested[sku], rank[sku], **only),
            "proportional": proportional_shares(available[sku], rate[sku], **only),
            "cover": equal_cover_shares(available[sku], requested[sku], rate[sku], **only),
            "value": expected_value_shares(available[sku], pmf[sku], on_hand=requested[sku], **only),
        }
        for name, shares in alone.items():
            assert together[name].quantity[sku].tolist() == shares.quantity.tolist()
            assert together[name].left_over[sku] == shares.left_over


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fair_shares(-1, [1]), r"available must be at least 0 and at most 1e\+09 and finite, got -1"),
        (lambda: fair_shares(1.5, [1]), r"available must be whole, got 1\.5"),
        (lambda: fair_shares([1, 2], [[1], [2], [3]]), "available and pack_size must be one number or one per SKU"),
        (lambda: fair_shares(1, 1), "requested must have at least one location"),
        (lambda: fair_shares(1, [1, 2], pack_size=0), "pack_size must be at least 1"),
        (lambda: priority_shares(1, [1, 2], [1, 2, 3]), "priority must fit the shape"),
        (lambda: proportional_shares(1, [1.0, np.nan]), r"weight must be at least 0 and finite, got nan \(index 1\)"),
        (lambda: expected_value_shares(1, [[0.5, 0.4]]), r"demand_pmf must add up to 1, got 0\.9"),
        (lambda: expected_value_shares(1, [0.5, 0.5]), "demand_pmf must be of shape"),
    ],
)
def test_refuses_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()
