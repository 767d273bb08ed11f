"""The last order: no other quantity costs less, and what it promises holds in a simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from optimization.end_of_life import final_order, final_order_poisson

FALLING = [100.0, 60.0, 30.0, 10.0]
COSTS = {"purchase_cost": 10.0, "holding_cost": 1.0, "alternative_cost": 40.0}


def simulated_costs(bought, demand, *, purchase, holding, alternative, salvage, discount):
    """Cost of each path of demand, walked through period by period."""
    stock, cost = np.full(len(demand), float(bought)), purchase * bought
    for t in range(demand.shape[1]):
        supplied = np.maximum(demand[:, t] - stock, 0.0)
        stock = np.maximum(stock - demand[:, t], 0.0)
        cost = cost + discount**t * (holding * stock + alternative[t] * supplied)
    return cost - discount ** demand.shape[1] * salvage * stock


def poisson_cost(units, mean, *, purchase, holding, alternative, salvage, discount):
    """Expected cost of a quantity by summing over cumulated Poisson demand."""
    cost, short_before = purchase * units, 0.0
    possible = np.arange(150)
    for t, total in enumerate(np.cumsum(mean)):
        chance = stats.poisson.pmf(possible, total)
        left = (chance * np.maximum(units - possible, 0)).sum()
        short = (chance * np.maximum(possible - units, 0)).sum()
        cost += discount**t * (holding * left + alternative[t] * (short - short_before))
        short_before = short
    return cost - discount ** len(mean) * salvage * left


def test_one_period_is_the_newsvendor():
    # Costs of being short 40 − 10, of being left with a unit 10 + 1 − 0.9 · 4.
    order = final_order(demand_mean=[50.0], demand_sd=8.0, salvage_value=4.0, discount_factor=0.9, **COSTS)
    ratio = 30.0 / (30.0 + 11.0 - 3.6)
    assert order.order_quantity == pytest.approx(stats.norm.ppf(ratio, 50.0, 8.0), rel=1e-12)
    assert order.coverage == pytest.approx(ratio)


def test_certain_demand_is_bought_for_as_long_as_holding_costs_less_than_the_alternative():
    # A unit used in period t is held t times: 10 + 12 · t < 40 up to t = 2.
    order = final_order(
        demand_mean=FALLING, demand_sd=0.0, purchase_cost=10.0, holding_cost=12.0, alternative_cost=40.0
    )
    assert order.order_quantity == pytest.approx(190.0)
    assert order.shortage == pytest.approx(10.0)
    assert order.cost == pytest.approx(1900 + 12 * (90 + 30) + 400)
    assert order.on_hand == pytest.approx([90.0, 30.0, 0.0, 0.0], abs=1e-9)


def test_costs_and_figures_are_those_of_a_simulation():
    order = final_order(
        demand_mean=FALLING, demand_sd=[20.0, 15.0, 8.0, 2.0], salvage_value=2.0, discount_factor=0.95, **COSTS
    )
    rng = np.random.default_rng(2)
    demand = rng.normal(FALLING, [20.0, 15.0, 8.0, 2.0], (400_000, 4))
    total = np.cumsum(demand, axis=1)
    left = np.maximum(float(order.order_quantity) - total, 0.0)
    assert order.on_hand == pytest.approx(left.mean(axis=0), abs=0.1)
    assert order.left_over == pytest.approx(left[:, -1].mean(), abs=0.1)
    assert order.coverage == pytest.approx((left[:, -1] > 0).mean(), abs=0.003)
    terms = {"purchase": 10.0, "holding": 1.0, "alternative": [40.0] * 4, "salvage": 2.0, "discount": 0.95}
    costs = simulated_costs(float(order.order_quantity), demand, **terms)
    assert order.cost == pytest.approx(costs.mean(), rel=2e-3)


@settings(max_examples=25)
@given(data=st.data())
def test_no_other_quantity_costs_less_for_poisson_demand(data):
    draw = data.draw
    periods = draw(st.integers(1, 5))
    mean = draw(st.lists(st.floats(0.0, 8.0), min_size=periods, max_size=periods))
    alternative = sorted(draw(st.lists(st.integers(0, 60), min_size=periods, max_size=periods)), reverse=True)
    purchase, holding = draw(st.integers(1, 20)), draw(st.integers(0, 5))
    salvage = draw(st.integers(-3, min(purchase, holding + alternative[-1])))
    discount = draw(st.sampled_from([0.8, 1.0]))
    order = final_order_poisson(
        demand_mean=mean,
        purchase_cost=purchase,
        holding_cost=holding,
        alternative_cost=alternative,
        salvage_value=salvage,
        discount_factor=discount,
    )
    terms = {
        "purchase": purchase,
        "holding": holding,
        "alternative": alternative,
        "salvage": salvage,
        "discount": discount,
    }
    every = [poisson_cost(units, mean, **terms) for units in range(70)]
    assert order.cost == pytest.approx(min(every), abs=1e-8)
    assert order.cost == pytest.approx(every[int(order.order_quantity)], abs=1e-8)


@pytest.mark.parametrize("nudge", [-3.0, -0.5, 0.5, 3.0])
def test_moving_away_from_the_quantity_costs_more(nudge):
    best = final_order(demand_mean=FALLING, demand_sd=15.0, discount_factor=0.97, **COSTS)
    # Stock already there costs nothing to buy: buying nothing on top of it prices any quantity.
    moved = float(best.order_quantity) + nudge
    other = final_order(
        demand_mean=FALLING,
        demand_sd=15.0,
        discount_factor=0.97,
        purchase_cost=1e6,
        holding_cost=1.0,
        alternative_cost=40.0,
        on_hand=moved,
    )
    assert other.order_quantity == 0
    assert other.cost + 10.0 * moved > best.cost


def test_what_is_on_hand_is_not_bought():
    alone = final_order(demand_mean=FALLING, demand_sd=10.0, **COSTS)
    some = final_order(demand_mean=FALLING, demand_sd=10.0, on_hand=70.0, **COSTS)
    assert some.order_quantity == pytest.approx(float(alone.order_quantity) - 70.0)
    assert some.stock_target == pytest.approx(float(alone.stock_target))
    plenty = final_order(demand_mean=FALLING, demand_sd=10.0, on_hand=900.0, **COSTS)
    assert (plenty.order_quantity, plenty.stock_target) == (0, 900)


def test_nothing_is_bought_without_demand_or_with_a_cheap_alternative():
    assert final_order_poisson(demand_mean=[0.0, 0.0], **COSTS).order_quantity == 0
    assert final_order(demand_mean=[0.0, 0.0], demand_sd=0.0, **COSTS).cost == 0
    cheap = final_order(demand_mean=FALLING, demand_sd=10.0, purchase_cost=10, holding_cost=1, alternative_cost=9)
    assert cheap.order_quantity == 0
    assert cheap.cost == pytest.approx(9 * 200, rel=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_quantities_scale_with_demand(scale):
    order = final_order(demand_mean=np.array(FALLING) * scale, demand_sd=12.0 * scale, **COSTS)
    unit = final_order(demand_mean=FALLING, demand_sd=12.0, **COSTS)
    assert order.order_quantity == pytest.approx(scale * float(unit.order_quantity), rel=1e-9)


def test_many_poisson_units_are_nearly_normal():
    mean = np.array([9e5, 4e5, 1e5])
    poisson = final_order_poisson(demand_mean=mean, **COSTS)
    normal = final_order(demand_mean=mean, demand_sd=np.sqrt(mean), **COSTS)
    assert poisson.order_quantity == pytest.approx(float(normal.order_quantity), abs=3.0)
    assert poisson.cost == pytest.approx(float(normal.cost), rel=1e-6)


def test_each_sku_depends_on_itself_alone():
    mean = np.array([[9.0, 4.0, 1.0], [200.0, 150.0, 90.0]])
    both = final_order_poisson(demand_mean=mean, purchase_cost=[10.0, 2.0], holding_cost=1.0, alternative_cost=40.0)
    for i, purchase in enumerate([10.0, 2.0]):
        alone = final_order_poisson(
            demand_mean=mean[i], purchase_cost=purchase, holding_cost=1.0, alternative_cost=40.0
        )
        assert (alone.order_quantity, alone.cost) == (both.order_quantity[i], both.cost[i])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"alternative_cost": [10.0, 40.0]}, "alternative_cost must not rise over time once discounted"),
        ({"salvage_value": 13.0}, "salvage_value must not make units worth buying only to have them left"),
        ({"salvage_value": 50.0}, "salvage_value must be at most"),
        ({"demand_mean": 4.0}, "demand_mean must have at least one period"),
        ({"demand_sd": [1.0, 2.0, 3.0]}, r"demand_sd must fit shape \(2,\)"),
        ({"discount_factor": 0.0}, "discount_factor must be more than 0"),
        ({"on_hand": -1.0}, "on_hand must be at least 0"),
    ],
)
def test_refuses_what_has_no_last_order(changed, message):
    with pytest.raises(ValueError, match=message):
        final_order(**({"demand_mean": [5.0, 2.0], "demand_sd": 1.0} | COSTS | changed))


def test_refuses_parts_of_a_unit_where_units_are_whole():
    with pytest.raises(ValueError, match=r"on_hand must be whole units, got 0.5"):
        final_order_poisson(demand_mean=[5.0], on_hand=0.5, **COSTS)
