"""Goods with a shelf life: exact waste of a level, the best level, and orders that foresee waste."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from optimization.perishables import (
    perishable_order_up_to,
    perishable_order_up_to_approximate,
    perishable_stock,
    waste_aware_order,
)

COSTS = {"holding_cost": 0.1, "shortage_cost": 5.0, "outdating_cost": 4.0}


def poisson(mean, units=30):
    chances = stats.poisson.pmf(np.arange(units), mean)
    return chances / chances.sum()


def one_period(stock, demand, issuing):
    """Stock by remaining life after a period, what was lost and what was thrown away, in plain steps."""
    stock = list(stock)
    order = range(len(stock)) if issuing == "FIFO" else reversed(range(len(stock)))
    for life in order:
        taken = min(stock[life], demand)
        stock[life] -= taken
        demand -= taken
    return [*stock[1:], 0], demand, stock[0]


def waste_by_linear_equations(level, pmf, shelf_life, issuing):
    """Stationary chances solved for at once, over all stocks that can be reached from an empty shelf."""
    states = [(0,) * shelf_life]
    for state in states:
        for demand in np.flatnonzero(pmf):
            after, _, _ = one_period((*state[:-1], state[-1] + level - sum(state)), demand, issuing)
            if tuple(after) not in states:
                states.append(tuple(after))
    step, waste = np.zeros((len(states), len(states))), np.zeros(len(states))
    for i, state in enumerate(states):
        for demand in np.flatnonzero(pmf):
            after, _, outdated = one_period((*state[:-1], state[-1] + level - sum(state)), demand, issuing)
            step[i, states.index(tuple(after))] += pmf[demand]
            waste[i] += pmf[demand] * outdated
    equations = np.vstack([step.T - np.eye(len(states)), np.ones(len(states))])
    chances = np.linalg.lstsq(equations, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]
    return chances @ waste


@pytest.mark.parametrize("issuing", ["FIFO", "LIFO"])
@pytest.mark.parametrize(("shelf_life", "level"), [(2, 6), (3, 5), (4, 3)])
def test_waste_solves_the_equations_of_the_stationary_stock(shelf_life, level, issuing):
    pmf = np.array([0.2, 0.1, 0.3, 0.25, 0.15])
    stock = perishable_stock(order_up_to_level=level, demand_pmf=pmf, shelf_life=shelf_life, issuing=issuing)
    expected = waste_by_linear_equations(level, pmf, shelf_life, issuing)
    assert stock.outdated == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("issuing", ["FIFO", "LIFO"])
def test_a_simulated_shelf_wastes_and_loses_as_much(issuing):
    level, shelf_life, periods = 12, 3, 40_000
    rng = np.random.default_rng(11)
    shelf, lost, outdated, left = [0] * shelf_life, 0.0, 0.0, 0.0
    for demand in rng.poisson(6.0, periods):
        shelf[-1] += level - sum(shelf)
        left += max(level - demand, 0)
        shelf, missing, thrown = one_period(shelf, demand, issuing)
        lost, outdated = lost + missing, outdated + thrown
    stock = perishable_stock(
        order_up_to_level=level, demand_pmf=poisson(6.0), shelf_life=shelf_life, issuing=issuing, **COSTS
    )
    assert stock.outdated == pytest.approx(outdated / periods, abs=0.03)
    assert stock.lost == pytest.approx(lost / periods, abs=0.01)
    assert stock.on_hand == pytest.approx(left / periods, abs=0.05)
    assert stock.cost_rate == pytest.approx(0.1 * stock.on_hand + 5 * stock.lost + 4 * stock.outdated)


def test_goods_of_one_period_are_the_newsvendors():
    pmf = poisson(8.0)
    best = perishable_order_up_to(demand_pmf=pmf, shelf_life=1, holding_cost=0.0, shortage_cost=3.0, outdating_cost=1.0)
    assert best.order_up_to_level == stats.poisson.ppf(0.75, 8.0)
    assert best.outdated == pytest.approx((pmf * np.maximum(best.order_up_to_level - np.arange(30), 0)).sum())
    approximate = perishable_order_up_to_approximate(
        demand_pmf=pmf, shelf_life=1, holding_cost=0.0, shortage_cost=3.0, outdating_cost=1.0
    )
    assert (approximate.order_up_to_level, approximate.cost_rate) == (best.order_up_to_level, best.cost_rate)


@settings(max_examples=15)
@given(data=st.data())
def test_the_best_level_is_the_cheapest_of_all(data):
    weights = data.draw(st.lists(st.integers(0, 6), min_size=2, max_size=6).filter(any))
    pmf = np.array(weights) / sum(weights)
    shelf_life = data.draw(st.integers(1, 3))
    issuing = data.draw(st.sampled_from(["FIFO", "LIFO"]))
    costs = {name: data.draw(st.integers(0, 9)) / 2 for name in COSTS}
    best = perishable_order_up_to(demand_pmf=pmf, shelf_life=shelf_life, issuing=issuing, **costs)
    levels = np.arange(2 * len(pmf))
    every = perishable_stock(order_up_to_level=levels, demand_pmf=pmf, shelf_life=shelf_life, issuing=issuing, **costs)
    assert best.cost_rate == pytest.approx(every.cost_rate.min(), abs=1e-9)
    assert (np.diff(every.outdated) >= -1e-9).all()


def test_freshest_first_wastes_more_and_a_longer_life_less():
    def waste(shelf_life, issuing):
        return perishable_stock(
            order_up_to_level=9, demand_pmf=poisson(5.0, 20), shelf_life=shelf_life, issuing=issuing
        ).outdated

    assert waste(3, "LIFO") > waste(3, "FIFO")
    assert waste(1, "FIFO") > waste(2, "FIFO") > waste(3, "FIFO") > waste(4, "FIFO") > 0


@settings(max_examples=20)
@given(weights=st.lists(st.integers(0, 6), min_size=2, max_size=7).filter(any), shelf_life=st.integers(1, 3))
def test_the_approximation_wastes_no_less_than_it_says(weights, shelf_life):
    pmf = np.array(weights) / sum(weights)
    said = perishable_order_up_to_approximate(demand_pmf=pmf, shelf_life=shelf_life, **COSTS)
    exact = perishable_stock(order_up_to_level=said.order_up_to_level, demand_pmf=pmf, shelf_life=shelf_life, **COSTS)
    assert exact.outdated >= said.outdated - 1e-9
    assert exact.lost == pytest.approx(said.lost)


@pytest.mark.parametrize(("mean", "shelf_life"), [(5.0, 2), (5.0, 3), (10.0, 2), (3.0, 4)])
def test_the_approximate_level_costs_little_more_than_the_best(mean, shelf_life):
    pmf = poisson(mean)
    best = perishable_order_up_to(demand_pmf=pmf, shelf_life=shelf_life, **COSTS)
    level = perishable_order_up_to_approximate(demand_pmf=pmf, shelf_life=shelf_life, **COSTS).order_up_to_level
    cost = perishable_stock(order_up_to_level=level, demand_pmf=pmf, shelf_life=shelf_life, **COSTS).cost_rate
    assert best.cost_rate <= cost <= 1.05 * best.cost_rate


def test_certain_demand_wastes_what_exceeds_it_over_a_life():
    # Four units a period, three periods: of a level of 12 none is left to outdate, of 15 three are every third period.
    pmf = [0.0, 0.0, 0.0, 0.0, 1.0]
    assert perishable_stock(order_up_to_level=12, demand_pmf=pmf, shelf_life=3).outdated == pytest.approx(0.0)
    assert perishable_stock(order_up_to_level=15, demand_pmf=pmf, shelf_life=3).outdated == pytest.approx(1.0)


def test_no_demand_and_no_stock():
    still = perishable_stock(order_up_to_level=4, demand_pmf=[1.0], shelf_life=2)
    assert (still.fill_rate, still.outdated) == (1.0, pytest.approx(2.0))
    empty = perishable_stock(order_up_to_level=0, demand_pmf=[0.5, 0.5], shelf_life=2)
    assert (empty.fill_rate, empty.waste_rate, empty.order_mean) == (0.0, 0.0, 0.0)


def test_each_sku_depends_on_itself_alone():
    pmf = np.array([poisson(3.0, 15), poisson(5.0, 15)])
    both = perishable_order_up_to(demand_pmf=pmf, shelf_life=2, **COSTS)
    for i in range(2):
        alone = perishable_order_up_to(demand_pmf=pmf[i], shelf_life=2, **COSTS)
        assert (alone.order_up_to_level, alone.cost_rate) == (both.order_up_to_level[i], both.cost_rate[i])


def test_an_order_replaces_what_will_be_thrown_away():
    # Two periods to bridge of 4 units each: 6 in their last, of which 2 outdate, 5 that keep.
    order = waste_aware_order(stock_by_life=[6.0, 0.0, 5.0], demand_mean=4.0, order_up_to_level=14.0, review_period=2)
    assert (order.expected_waste, order.order_quantity) == (2, 5)
    # Taking the freshest first, 5 − 4 of the fresh are left and all 6 outdate.
    fresh = waste_aware_order(
        stock_by_life=[6.0, 0.0, 5.0], demand_mean=4.0, order_up_to_level=14.0, review_period=2, issuing="LIFO"
    )
    assert (fresh.expected_waste, fresh.order_quantity) == (6, 9)


def test_an_order_counts_what_is_on_its_way_and_comes_in_packs():
    # Lead time 2: period 0 sells 3 of 5 and outdates 2; 4 arrive, 3 are sold; then 6 more.
    order = waste_aware_order(
        stock_by_life=[5.0, 0.0, 0.0],
        demand_mean=3.0,
        order_up_to_level=16.0,
        on_order_by_period=[4.0, 6.0],
        pack_size=4.0,
    )
    assert order.expected_waste == 2
    assert order.order_quantity == 4
    none = waste_aware_order(stock_by_life=[0.0, 0.0, 30.0], demand_mean=3.0, order_up_to_level=16.0)
    assert none.order_quantity == 0


def simulated_cost(level, pmf, shelf_life, lead_time, foresee):
    """Cost per period of ordering with or without an eye on waste, on the same demand."""
    rng = np.random.default_rng(3)
    shelf, pipeline, cost = np.zeros(shelf_life), [0.0] * lead_time, 0.0
    mean = pmf @ np.arange(len(pmf))
    for demand in rng.choice(len(pmf), size=1500, p=pmf):
        shelf[-1] += pipeline.pop(0)
        if foresee:
            order = waste_aware_order(
                stock_by_life=shelf, demand_mean=mean, order_up_to_level=level, on_order_by_period=[*pipeline, 0.0]
            ).order_quantity
        else:
            order = max(level - shelf.sum() - sum(pipeline), 0.0)
        pipeline.append(float(order))
        after, missing, thrown = one_period(shelf, demand, "FIFO")
        shelf = np.array(after, dtype=float)
        cost += 5.0 * missing + 1.0 * thrown + 0.02 * shelf.sum()
    return cost / 1500


def test_foreseeing_waste_costs_less_where_orders_take_time():
    pmf = poisson(5.0, 20)
    plain, foreseen = (
        min(simulated_cost(float(level), pmf, 3, 2, foresee) for level in (17, 20)) for foresee in (False, True)
    )
    assert foreseen <= plain


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"order_up_to_level": 1.5}, "order_up_to_level must be whole units, got 1.5"),
        ({"order_up_to_level": -1}, "order_up_to_level must be at least 0"),
        ({"demand_pmf": [0.5, 0.4]}, "demand_pmf must sum to 1 over units, got 0.9"),
        ({"shelf_life": 0}, "shelf_life must be a whole number of periods, at least 1, got 0"),
        ({"issuing": "random"}, "issuing must be FIFO or LIFO, got random"),
        ({"outdating_cost": -1.0}, "outdating_cost must be at least 0"),
        ({"order_up_to_level": 900, "shelf_life": 4}, "stocks by age times the demands must be at most"),
    ],
)
def test_refuses_what_is_no_shelf(changed, message):
    arguments = {"order_up_to_level": 3, "demand_pmf": [0.5, 0.5], "shelf_life": 2} | changed
    with pytest.raises(ValueError, match=message):
        perishable_stock(**arguments)
