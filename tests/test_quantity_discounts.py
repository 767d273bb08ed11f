"""Order quantities under price lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.eoq import economic_order_quantity
from optimization.quantity_discounts import all_units_discount_order, incremental_discount_order


def terms(given):
    return {
        "demand_rate": given["demand_rate"],
        "order_cost": given["fixed_cost"],
        "holding_cost_rate": given["holding_cost_rate"],
        "breakpoints": given["breakpoints"],
        "unit_costs": given["unit_costs"],
    }


@pytest.mark.known_answers("eoq_all_units_discount")
def test_published_orders_under_all_units_discounts(known_case, within):
    order = all_units_discount_order(**terms(known_case["inputs"]))
    assert order.order_quantity == within("order_quantity")
    assert order.region == within("region")
    assert order.cost_rate == within("cost_rate")


@pytest.mark.known_answers("eoq_incremental_discount")
def test_published_orders_under_incremental_discounts(known_case, within):
    order = incremental_discount_order(**terms(known_case["inputs"]))
    assert order.order_quantity == within("order_quantity")
    assert order.region == within("region")
    assert order.cost_rate == within("cost_rate")


def test_figures_of_stockpyl():
    """stockpyl 1.0.2 on the example of its incremental discounts."""
    order = incremental_discount_order(
        demand_rate=2400,
        order_cost=150,
        holding_cost_rate=0.25,
        breakpoints=[0, 300, 600],
        unit_costs=[100, 90, 80],
    )
    assert order.order_quantity == pytest.approx(1481.8906842274164, rel=1e-12)
    assert order.region == 2
    assert order.cost_rate == pytest.approx(222762.8136845483, rel=1e-12)


def price_of_an_order(quantity, breakpoints, unit_costs, incremental):
    """Money for the whole order, unit by unit of the price list."""
    if not incremental:
        return quantity * unit_costs[np.searchsorted(breakpoints, quantity, side="right") - 1]
    ends = np.append(breakpoints[1:], np.inf)
    within = np.clip(np.asarray(quantity)[..., None], breakpoints, ends) - breakpoints
    return within @ unit_costs


def cost_rate(quantity, incremental, *, demand_rate, order_cost, holding_cost_rate, breakpoints, unit_costs):
    price = price_of_an_order(quantity, np.asarray(breakpoints), np.asarray(unit_costs), incremental)
    return (order_cost + price) * demand_rate / quantity + holding_cost_rate * price / 2


@st.composite
def price_lists(draw):
    regions = draw(st.integers(1, 5))
    steps = draw(st.lists(st.floats(0.5, 500), min_size=regions - 1, max_size=regions - 1))
    falls = draw(st.lists(st.floats(0.5, 1.0), min_size=regions, max_size=regions))
    return {
        "demand_rate": draw(st.floats(1, 1e4)),
        "order_cost": draw(st.floats(0.1, 1e4)),
        "holding_cost_rate": draw(st.floats(0.01, 2)),
        "breakpoints": [0.0, *np.cumsum(steps).tolist()],
        "unit_costs": (100 * np.cumprod(falls)).tolist(),
    }


@pytest.mark.parametrize(
    ("best", "incremental"), [(all_units_discount_order, False), (incremental_discount_order, True)]
)
@given(terms=price_lists())
def test_no_quantity_costs_less(best, incremental, terms):
    order = best(**terms)
    quantity = float(order.order_quantity)
    assert order.cost_rate == pytest.approx(cost_rate(quantity, incremental, **terms), rel=1e-9)
    others = np.concatenate([np.geomspace(1e-2, 1e6, 4001), terms["breakpoints"][1:]])
    assert order.cost_rate <= cost_rate(others, incremental, **terms).min() * (1 + 1e-12)
    reached = [start for start in terms["breakpoints"] if start <= quantity]
    assert order.region == len(reached) - 1


@pytest.mark.parametrize("best", [all_units_discount_order, incremental_discount_order])
def test_one_price_is_the_economic_order_quantity(best):
    order = best(demand_rate=1200, order_cost=50, holding_cost_rate=0.3, breakpoints=[0], unit_costs=[10])
    plain = economic_order_quantity(demand_rate=1200, order_cost=50, holding_cost=3)
    assert order.order_quantity == plain.order_quantity
    assert order.cost_rate == pytest.approx(float(plain.cost_rate) + 12_000)
    same = best(demand_rate=1200, order_cost=50, holding_cost_rate=0.3, breakpoints=[0, 200, 900], unit_costs=[10] * 3)
    assert same.order_quantity == plain.order_quantity
    assert same.region == 1


@pytest.mark.parametrize("best", [all_units_discount_order, incremental_discount_order])
def test_price_lists_of_many_skus_differ_in_length(best):
    lists, prices = [[0, 200, 500], [0, 40, np.inf], [0, np.inf, np.inf]], [[9, 8, 7], [5, 3, 1], [4, 4, 4]]
    costs = {"order_cost": 20.0, "holding_cost_rate": 0.2}
    together = best(demand_rate=[1000, 50, 7], breakpoints=lists, unit_costs=prices, **costs)
    for sku, (rate, regions) in enumerate([(1000, 3), (50, 2), (7, 1)]):
        alone = best(demand_rate=rate, breakpoints=lists[sku][:regions], unit_costs=prices[sku][:regions], **costs)
        assert together.order_quantity[sku] == alone.order_quantity
        assert together.region[sku] == alone.region
        assert together.cost_rate[sku] == alone.cost_rate


@pytest.mark.parametrize("best", [all_units_discount_order, incremental_discount_order])
def test_without_demand_nothing_is_ordered(best):
    order = best(demand_rate=0, order_cost=5, holding_cost_rate=0.2, breakpoints=[0, 10], unit_costs=[3, 2])
    assert (order.order_quantity, order.region, order.cost_rate) == (0, 0, 0)


def test_free_ordering_still_takes_a_price_break_that_pays():
    terms = {"demand_rate": 1000, "order_cost": 0, "holding_cost_rate": 0.2, "breakpoints": [0, 100]}
    taken = all_units_discount_order(**terms, unit_costs=[10, 9])
    assert (taken.order_quantity, taken.region) == (100, 1)
    assert taken.cost_rate == pytest.approx(9000 + 0.2 * 9 * 50)
    left = all_units_discount_order(**terms, unit_costs=[10, 9.999])
    assert (left.order_quantity, left.region, left.cost_rate) == (0, 0, 10_000)


@pytest.mark.parametrize("best", [all_units_discount_order, incremental_discount_order])
def test_refuses_a_price_list_that_is_none(best):
    costs = {"demand_rate": 1, "order_cost": 1, "holding_cost_rate": 0.1}
    with pytest.raises(ValueError, match=r"breakpoints must begin with 0, got 5\.0"):
        best(**costs, breakpoints=[5, 10], unit_costs=[2, 1])
    with pytest.raises(ValueError, match=r"breakpoints must rise, got 10\.0 \(index \(1, 1\)\)"):
        best(**costs, breakpoints=[[0, 10, 20], [0, 10, 10]], unit_costs=[3, 2, 1])
    with pytest.raises(ValueError, match=r"unit_costs must not rise with the quantity, got 3\.0"):
        best(**costs, breakpoints=[0, 10], unit_costs=[2, 3])
    with pytest.raises(ValueError, match="must be as many, got shapes"):
        best(**costs, breakpoints=[0, 10], unit_costs=[2])
    with pytest.raises(ValueError, match="breakpoints must rise, got nan"):
        best(**costs, breakpoints=[0, np.nan], unit_costs=[2, 1])
    with pytest.raises(ValueError, match="unit_costs must be more than 0"):
        best(**costs, breakpoints=[0, 10], unit_costs=[2, 0])
