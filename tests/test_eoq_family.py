"""The relatives of the economic order quantity: backorders, production, other quantities, powers of two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.eoq import (
    economic_order_quantity,
    economic_order_quantity_with_backorders,
    economic_production_quantity,
    economic_production_quantity_with_backorders,
    order_quantity_cost,
    power_of_two_order,
)

positive = st.floats(1e-3, 1e6)


@pytest.mark.known_answers("eoq")
def test_published_order_quantities(known_case, within):
    given = known_case["inputs"]
    order = economic_order_quantity(
        demand_rate=given["demand_rate"], order_cost=given["fixed_cost"], holding_cost=given["holding_cost"]
    )
    assert order.order_quantity == within("order_quantity")
    assert order.cost_rate == within("cost_rate")


@pytest.mark.known_answers("eoq_backorders")
def test_published_order_quantities_with_backorders(known_case, within):
    given = known_case["inputs"]
    order = economic_order_quantity_with_backorders(
        demand_rate=given["demand_rate"],
        order_cost=given["fixed_cost"],
        holding_cost=given["holding_cost"],
        stockout_cost=given["stockout_cost"],
    )
    assert order.order_quantity == within("order_quantity")
    assert order.stockout_fraction == within("stockout_fraction")
    assert order.cost_rate == within("cost_rate")


@pytest.mark.known_answers("epq")
def test_published_production_quantities(known_case, within):
    given = known_case["inputs"]
    order = economic_production_quantity(
        demand_rate=given["demand_rate"],
        production_rate=given["production_rate"],
        order_cost=given["fixed_cost"],
        holding_cost=given["holding_cost"],
    )
    assert order.order_quantity == within("order_quantity")
    assert order.cost_rate == within("cost_rate")


def test_figures_of_stockpyl():
    """stockpyl 1.0.2, run on its examples 3.1 and 3.8 and the one of its production quantity."""
    candy = {"demand_rate": 1300, "order_cost": 8, "holding_cost": 0.225}
    waiting = economic_order_quantity_with_backorders(**candy, stockout_cost=5)
    assert waiting.order_quantity == pytest.approx(310.81255515896464, rel=1e-12)
    assert waiting.stockout_fraction == pytest.approx(0.0430622009569378, rel=1e-12)
    assert waiting.cost_rate == pytest.approx(66.92136355097325, rel=1e-12)
    made = economic_production_quantity(**candy, production_rate=1700)
    assert made.order_quantity == pytest.approx(626.8084945889684, rel=1e-12)
    assert made.cost_rate == pytest.approx(33.183979125298336, rel=1e-12)
    assert order_quantity_cost(500, **candy).cost_rate == pytest.approx(8 * 1300 / 500 + 0.225 * 500 / 2)


def cost_followed_through_a_cycle(quantity, without, *, rate, production, fixed, holding, waiting):
    """Ordering, holding and waiting cost per period, the areas above and below zero taken from the trajectory."""
    up, down = production - rate, rate
    peak = quantity * (1 - rate / production)
    lowest = -peak * without
    times = np.array([0.0, peak / up, peak / up + peak / down])
    level = np.interp(fine := np.linspace(0, times[-1], 200_001), times, [lowest, lowest + peak, lowest])
    step = fine[1]
    stock = np.trapezoid(np.maximum(level, 0), dx=step)
    backlog = np.trapezoid(np.maximum(-level, 0), dx=step)
    return (fixed + holding * stock + waiting * backlog) / times[-1], (level < 0).mean(), -lowest


@pytest.mark.parametrize("production", [1e9, 1600.0])
def test_costs_are_those_of_the_cycle_followed_through(production):
    costs = {"rate": 1200.0, "fixed": 50.0, "holding": 3.0, "waiting": 9.0, "production": production}
    order = economic_production_quantity_with_backorders(
        demand_rate=1200, production_rate=production, order_cost=50, holding_cost=3, stockout_cost=9
    )
    quantity, without = float(order.order_quantity), float(order.stockout_fraction)
    followed, share, largest = cost_followed_through_a_cycle(quantity, without, **costs)
    assert order.cost_rate == pytest.approx(followed, rel=1e-6)
    assert order.stockout_fraction == pytest.approx(share, abs=1e-4)
    assert order.largest_backorder == pytest.approx(largest, rel=1e-9)
    for factor, other in ((0.9, without), (1.1, without), (1.0, 0.9 * without), (1.0, 1.1 * without)):
        assert cost_followed_through_a_cycle(factor * quantity, other, **costs)[0] > followed


@given(positive, positive, positive, positive)
def test_endless_speed_and_endless_patience_cost_are_the_simpler_models(rate, fixed, holding, waiting):
    costs = {"demand_rate": rate, "order_cost": fixed, "holding_cost": holding}
    plain = economic_order_quantity(**costs)
    backorders = economic_order_quantity_with_backorders(**costs, stockout_cost=waiting)
    fast = economic_production_quantity_with_backorders(**costs, production_rate=1e25, stockout_cost=waiting)
    dear = economic_order_quantity_with_backorders(**costs, stockout_cost=1e25)
    assert economic_production_quantity(**costs, production_rate=1e25).cost_rate == pytest.approx(plain.cost_rate)
    assert fast.order_quantity == pytest.approx(backorders.order_quantity)
    assert fast.cost_rate == pytest.approx(backorders.cost_rate)
    assert dear.cost_rate == pytest.approx(plain.cost_rate)
    assert backorders.cost_rate <= plain.cost_rate * (1 + 1e-12)


@given(positive, positive, positive, st.floats(0.01, 100))
def test_a_quantity_off_by_a_factor_costs_the_well_known_ratio(rate, fixed, holding, factor):
    costs = {"demand_rate": rate, "order_cost": fixed, "holding_cost": holding}
    best = economic_order_quantity(**costs)
    other = order_quantity_cost(best.order_quantity * factor, **costs)
    assert other.cost_ratio == pytest.approx((factor + 1 / factor) / 2)
    assert other.cost_rate == pytest.approx(best.cost_rate * (factor + 1 / factor) / 2)


@given(positive, positive, positive, st.floats(1e-3, 1e3))
def test_power_of_two_cycles_cost_at_most_six_percent_more(rate, fixed, holding, base):
    costs = {"demand_rate": rate, "order_cost": fixed, "holding_cost": holding}
    order = power_of_two_order(**costs, base_period=base)
    assert 1 - 1e-12 <= order.cost_ratio <= 1.0607
    doublings = np.log2(order.cycle_time / base)
    assert doublings == pytest.approx(round(float(doublings)), abs=1e-9)
    for other in (order.cycle_time / 2, order.cycle_time * 2):
        assert order.cost_rate <= order_quantity_cost(rate * other, **costs).cost_rate * (1 + 1e-12)


def test_every_sku_has_its_own_answer():
    rates, fixed = np.array([10.0, 20.0, 30.0]), np.array([[1.0], [2.0]])
    order = economic_order_quantity_with_backorders(
        demand_rate=rates, order_cost=fixed, holding_cost=1, stockout_cost=[1, 2, 3]
    )
    assert order.order_quantity.shape == order.stockout_fraction.shape == order.largest_backorder.shape == (2, 3)
    alone = economic_order_quantity_with_backorders(demand_rate=20, order_cost=2, holding_cost=1, stockout_cost=2)
    assert order.order_quantity[1, 1] == alone.order_quantity
    assert order.cost_rate[1, 1] == alone.cost_rate


def test_nothing_demanded_or_ordered_for_free_costs_nothing():
    for rate, fixed in ((0.0, 5.0), (5.0, 0.0), (0.0, 0.0)):
        costs = {"demand_rate": rate, "order_cost": fixed, "holding_cost": 2.0}
        waiting = economic_order_quantity_with_backorders(**costs, stockout_cost=1.0)
        made = economic_production_quantity(**costs, production_rate=10.0)
        rounded = power_of_two_order(**costs)
        for order in (waiting, made, rounded):
            assert order.order_quantity == 0
            assert order.cost_rate == 0
        assert rounded.cost_ratio == 1
        assert rounded.cycle_time == (0 if rate else np.inf)
        assert order_quantity_cost(4.0, **costs).cost_rate == 4.0
        assert order_quantity_cost(4.0, **costs).cost_ratio == np.inf


def test_refuses_what_cannot_be_and_says_which_sku():
    costs = {"demand_rate": [1.0, 5.0], "order_cost": 1.0, "holding_cost": 1.0}
    with pytest.raises(ValueError, match=r"production_rate must be more than demand_rate, got 5\.0 \(index 1\)"):
        economic_production_quantity(**costs, production_rate=5.0)
    with pytest.raises(ValueError, match=r"stockout_cost must be positive, got 0\.0 \(index 1\)"):
        economic_order_quantity_with_backorders(**costs, stockout_cost=[1.0, 0.0])
    with pytest.raises(ValueError, match="order_quantity must be positive"):
        order_quantity_cost(0.0, **costs)
    with pytest.raises(ValueError, match="base_period must be positive"):
        power_of_two_order(**costs, base_period=0.0)
    with pytest.raises(ValueError, match="order_cost must be finite and not negative, got inf"):
        power_of_two_order(demand_rate=1, order_cost=np.inf, holding_cost=1)
