"""Lots that suppliers accept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization import lot_size, order_quantity_to

packs = st.integers(1, 24)
minimums = st.integers(0, 80)


@given(st.integers(-50, 200), st.integers(-50, 100), st.integers(0, 80), minimums, packs)
def test_an_order_is_the_smallest_accepted_one_that_reaches_the_level(position, reorder_point, lot, moq, pack):
    level = reorder_point + lot
    ordered = order_quantity_to(level, position, reorder_point=reorder_point, moq=moq, pack_size=pack)
    if position > reorder_point or position >= level:
        assert ordered == 0
    else:
        accepted = [q for q in range(0, 1000, pack) if q >= moq and position + q >= level]
        assert ordered == accepted[0]


@given(st.floats(0, 300), st.floats(0, 100), minimums, packs)
def test_a_lot_is_the_accepted_one_nearest_the_economic_quantity(economic, review_demand, moq, pack):
    lot = lot_size(economic_quantity=economic, review_demand=review_demand, moq=moq, pack_size=pack)
    accepted = [q for q in range(pack, 1000, pack) if q >= moq and q >= review_demand]
    assert lot in accepted
    assert abs(lot - economic) <= min(abs(q - economic) for q in accepted) + 1e-9


def test_of_two_equally_near_lots_the_larger_is_taken():
    assert lot_size(economic_quantity=18.0, review_demand=0.0, pack_size=12) == 24


def test_at_the_reorder_point_it_is_time_to_order():
    assert order_quantity_to(50, 20, reorder_point=20) == 30
    assert order_quantity_to(50, 21, reorder_point=20) == 0


def test_refuses_impossible_terms():
    with pytest.raises(ValueError, match="pack_size must be at least 1, got 0"):
        order_quantity_to(5, 0, reorder_point=1, pack_size=0)
    with pytest.raises(ValueError, match="moq must not be negative, got -1"):
        lot_size(economic_quantity=1, review_demand=1, moq=-1)
    with pytest.raises(ValueError, match="economic_quantity must be finite and not negative, got nan"):
        lot_size(economic_quantity=float("nan"), review_demand=1)
    with pytest.raises(ValueError, match="order_up_to_level must be at least reorder_point 9, got 5"):
        order_quantity_to(5, 0, reorder_point=9)
