"""Lots that suppliers accept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.lot_sizing import lot_size, order_quantity_to, rounded_quantity

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


rules = st.sampled_from(["never above", "nearest", "up"])


@given(st.integers(0, 300), minimums, packs, st.integers(0, 300), rules)
def test_a_rounded_quantity_is_the_accepted_one_its_rule_names(wanted, moq, pack, most, rule):
    rounded = int(rounded_quantity(wanted, moq=moq, pack_size=pack, maximum_quantity=most, rounding=rule))
    accepted = [q for q in range(0, 1000, pack) if q >= max(moq, 1) and q <= most]
    if rule == "never above":
        best = [q for q in accepted if q <= wanted][-1:]
    elif rule == "up":
        best = [q for q in accepted if q >= wanted][:1] or accepted[-1:]
    else:
        best = sorted(accepted, key=lambda q: (abs(q - wanted), -q))[:1]
    assert rounded == (best[0] if best and wanted > 0 else 0)


@given(st.integers(0, 300), minimums, packs)
def test_never_above_is_never_above(wanted, moq, pack):
    assert rounded_quantity(wanted, moq=moq, pack_size=pack, rounding="never above") <= wanted


def test_each_sku_is_rounded_by_its_own_terms():
    rounded = rounded_quantity([31, 31, 0, 5], moq=[0, 40, 10, 10], pack_size=[12, 12, 6, 4], rounding="up")
    assert rounded.tolist() == [36, 48, 0, 12]


@pytest.mark.parametrize("wanted", [0.001, 1e-12, 7.5, 1e6, 1e15])
def test_quantities_of_every_size_are_rounded_within_a_pack(wanted):
    down, up = (rounded_quantity(wanted, pack_size=7, rounding=rule) for rule in ("never above", "up"))
    assert down <= wanted <= up
    assert up - down == 7
    assert np.array([down, up]).dtype == np.int64


def test_the_missing_quantity_is_rounded_by_the_rule_that_is_chosen():
    terms = {"reorder_point": 40, "pack_size": 12}
    ordered = [order_quantity_to(120, 35, **terms, rounding=rule) for rule in ("never above", "nearest", "up")]
    assert ordered == [84, 84, 96]


def test_says_which_quantity_cannot_be_rounded():
    with pytest.raises(ValueError, match="quantity of SKU 1 must be at least 0 and finite, got nan"):
        rounded_quantity([1.0, float("nan")], rounding="up")
    with pytest.raises(ValueError, match='rounding must be "never above", "nearest" or "up", got \'down\''):
        rounded_quantity(1.0, rounding="down")
    with pytest.raises(ValueError, match="pack_size must be a whole number of at least 1, got 0"):
        rounded_quantity(1.0, pack_size=0, rounding="up")
