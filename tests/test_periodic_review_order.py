"""The order of a periodic review: it counts what arrives and what is lost, and costs little in the long run."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from optimization.periodic_review import periodic_review_order

COSTS = {"holding_cost": 1.0, "shortage_cost": 9.0}


def ordered(paths, on_hand, due, *, lead_time, review_period=1, lost_sales=True, **costs):
    given = {"lead_time": lead_time, "review_period": review_period, "lost_sales": lost_sales} | COSTS | costs
    return periodic_review_order(paths, on_hand, due, **given)


def run_until_arrival(path, on_hand, due, *, lost_sales):
    """One path, period by period: arrive, sell."""
    stock = on_hand
    for arriving, demand in zip(due, path, strict=False):
        stock += arriving - demand
        if lost_sales:
            stock = max(stock, 0)
    return stock


def least_cost_order(paths, on_hand, due, *, lead_time, lost_sales, holding_cost, shortage_cost):
    """Smallest order with the least cost at the counts it answers for, by trying each."""
    stock = np.array([run_until_arrival(path, on_hand, due, lost_sales=lost_sales) for path in paths])
    needed = np.cumsum(paths[:, lead_time:], axis=1) - stock[:, None]
    costs = []
    for quantity in range(max(int(needed.max()), 0) + 1):
        short = np.maximum(needed - quantity, 0)
        left = np.maximum(quantity - needed, 0)
        charged = short[:, -1].sum() if lost_sales else short.sum()
        costs.append(holding_cost * left.sum() + shortage_cost * charged)
    costs = np.array(costs)
    return int(np.flatnonzero(costs <= costs.min() * (1 + 1e-9))[0])


# Timing


@pytest.mark.parametrize("lost_sales", [True, False])
def test_known_demand_is_covered_to_the_unit(lost_sales):
    paths = np.tile([4, 4, 4, 7], (10, 1))
    order = ordered(paths, 4, [0, 4, 4], lead_time=3, lost_sales=lost_sales)
    assert (order.projected_stock, order.target_level, order.order_quantity) == (0, 7, 7)


def test_what_is_due_now_arrives_before_demand_is_sold():
    paths = np.tile([5, 5, 5], (3, 1))
    assert ordered(paths, 0, [5, 5], lead_time=2).projected_stock == 0
    assert ordered(paths, 5, [0, 5], lead_time=2).projected_stock == 0
    assert ordered(paths, 0, [0, 10], lead_time=2).projected_stock == 5  # the first five are lost


def test_with_backorders_it_does_not_matter_when_orders_arrive():
    paths = np.random.default_rng(3).poisson(4, (200, 4))
    orders = [ordered(paths, -2, due, lead_time=3, lost_sales=False) for due in ([9, 0, 0], [3, 3, 3], [0, 0, 9])]
    assert len({int(order.order_quantity) for order in orders}) == 1
    assert all(order.inventory_position == 7 for order in orders)


def test_what_is_lost_on_the_way_is_not_owed():
    paths = np.tile([10, 3], (5, 1))
    assert ordered(paths, 2, [0], lead_time=1, lost_sales=True).order_quantity == 3
    assert ordered(paths, 2, [0], lead_time=1, lost_sales=False).order_quantity == 11


# What is ordered


@pytest.mark.parametrize("lost_sales", [True, False])
def test_without_a_lead_time_it_is_the_newsvendors_order(lost_sales):
    paths = np.random.default_rng(1).negative_binomial(2, 0.2, (1000, 1))
    order = ordered(paths, 3, [], lead_time=0, lost_sales=lost_sales, shortage_cost=4.0)
    assert order.critical_fractile == pytest.approx(0.8)
    assert order.order_quantity == np.quantile(paths, 0.8, method="inverted_cdf") - 3


def test_with_backorders_the_position_is_raised_to_the_fractile_of_demand_over_the_protection_interval():
    paths = np.random.default_rng(2).poisson(6, (999, 4))
    order = ordered(paths, 5, [6, 0, 7], lead_time=3, lost_sales=False, shortage_cost=19.0)
    assert order.order_up_to_level == np.quantile(paths.sum(axis=1), 0.95, method="inverted_cdf")
    assert order.order_quantity == order.order_up_to_level - 18


histories = st.integers(0, 3).flatmap(
    lambda lead: st.integers(1, 3).flatmap(
        lambda review: st.tuples(
            st.just(lead),
            st.just(review),
            st.lists(
                st.lists(st.integers(0, 9), min_size=lead + review, max_size=lead + review), min_size=1, max_size=12
            ),
            st.integers(0, 20),
            st.lists(st.integers(0, 9), min_size=lead, max_size=lead),
        )
    )
)
money = st.sampled_from([0.0, 0.5, 1.0, 4.0, 30.0])


@given(histories, money, money)
@settings(max_examples=150)
def test_with_backorders_no_other_order_costs_less_on_the_paths(history, holding_cost, shortage_cost):
    lead_time, review_period, paths, on_hand, due = history
    costs = {"holding_cost": holding_cost, "shortage_cost": shortage_cost, "lost_sales": False}
    order = ordered(paths, on_hand, due, lead_time=lead_time, review_period=review_period, **costs)
    assert order.order_quantity == least_cost_order(np.array(paths), on_hand, due, lead_time=lead_time, **costs)


@given(histories, money, money)
@settings(max_examples=150)
def test_with_lost_sales_no_other_order_costs_less_when_a_unit_left_over_bears_its_carry(history, holding, shortage):
    lead_time, review_period, paths, on_hand, due = history
    costs = {"holding_cost": holding, "shortage_cost": shortage, "lost_sales": True}
    order = ordered(paths, on_hand, due, lead_time=lead_time, review_period=review_period, **costs)
    costs["holding_cost"] *= 1 + np.log(1 + lead_time / 4 / review_period)
    assert order.order_quantity == least_cost_order(np.array(paths), on_hand, due, lead_time=lead_time, **costs)


@given(histories, money, money)
def test_lost_sales_never_ask_for_more_than_backorders(history, holding_cost, shortage_cost):
    lead_time, _, paths, on_hand, due = history
    paths = np.array(paths)[:, : lead_time + 1]
    costs = {"holding_cost": holding_cost, "shortage_cost": shortage_cost}
    lost = ordered(paths, on_hand, due, lead_time=lead_time, lost_sales=True, **costs)
    waiting = ordered(paths, on_hand, due, lead_time=lead_time, lost_sales=False, **costs)
    assert lost.order_quantity <= waiting.order_quantity


def test_figures_re_derive_the_order():
    rng = np.random.default_rng(4)
    for lost_sales in (True, False):
        order = ordered(
            rng.poisson(3, (50, 40, 5)), rng.integers(0, 30, 50), rng.integers(0, 9, (50, 3)),
            lead_time=3, review_period=2, lost_sales=lost_sales,
        )  # fmt: skip
        assert (order.order_quantity == np.maximum(np.rint(order.target_level - order.projected_stock), 0)).all()
        assert (order.order_quantity == np.maximum(order.order_up_to_level - order.inventory_position, 0)).all()
        assert 0 < (order.order_quantity == 0).sum() < 50


def test_each_sku_is_ordered_on_its_own():
    rng = np.random.default_rng(5)
    paths, on_hand, due = rng.poisson(5, (20, 30, 4)), rng.integers(0, 9, 20), rng.integers(0, 9, (20, 2))
    shortage = rng.uniform(1, 50, 20)
    together = ordered(paths, on_hand, due, lead_time=2, review_period=2, shortage_cost=shortage)
    for sku in range(20):
        alone = ordered(paths[sku], on_hand[sku], due[sku], lead_time=2, review_period=2, shortage_cost=shortage[sku])
        for name, value in vars(alone).items():
            assert value == getattr(together, name)[sku], name


# Ends of the range


@pytest.mark.parametrize("lost_sales", [True, False])
def test_nothing_is_ordered_where_shortage_or_demand_is_nothing(lost_sales):
    demand = np.random.default_rng(6).poisson(5, (1, 30, 4))
    for paths, costs in ((demand, {"shortage_cost": 0.0}), (0 * demand, {}), (demand, {"shortage_cost": 0.0} | FREE)):
        order = ordered(paths, 0, np.zeros((1, 2), int), lead_time=2, review_period=2, lost_sales=lost_sales, **costs)
        assert order.order_quantity == [0]
        assert all(np.isfinite(value).all() for value in vars(order).values())


FREE = {"holding_cost": 0.0}


@pytest.mark.parametrize("lost_sales", [True, False])
def test_stock_that_costs_nothing_covers_every_path(lost_sales):
    paths = np.random.default_rng(7).poisson(5, (1, 30, 4))
    order = ordered(paths, 0, [[0, 0]], lead_time=2, review_period=2, lost_sales=lost_sales, **FREE)
    expected = (paths[:, :, 2:] if lost_sales else paths).sum(axis=2).max()
    assert (order.order_quantity, order.critical_fractile) == (expected, 1)


def test_large_figures_stay_exact():
    paths = np.array([[[10**12, 10**12 + 1]]])
    assert ordered(paths, 0, [[10**12]], lead_time=1).order_quantity == 10**12 + 1
    assert ordered(paths, 0, [[0]], lead_time=1, lost_sales=False).order_quantity == 2 * 10**12 + 1


def test_no_sku_at_all_is_no_order():
    assert ordered(np.zeros((0, 5, 1), int), [], np.zeros((0, 0), int), lead_time=0).order_quantity.shape == (0,)


# The long run


def transitions(demand, lead_time, most_stock, most_ordered):
    """Where each state (stock, first order due, …) goes by each order, and its cost, for a demand's chances."""
    states = list(itertools.product(range(most_stock + 1), *[range(most_ordered + 1)] * (lead_time - 1)))
    number = {state: index for index, state in enumerate(states)}
    after = np.empty((len(states), most_ordered + 1, len(demand)), int)
    for index, (stock, *due) in enumerate(states):
        for sold in range(len(demand)):
            left = max(stock - sold, 0)
            for quantity in range(most_ordered + 1):
                arriving, *later = [*due, quantity]
                after[index, quantity, sold] = number[min(left + arriving, most_stock), *later]
    return states, after


def long_run_cost(demand, after, period_cost, choose):
    """Cost per period of the chosen orders, by value iteration to 0.01 %."""
    value = np.zeros(len(after))
    while True:
        new = period_cost + choose(value[after] @ demand)
        change = new - value
        if np.ptp(change) < 1e-4 * change.max():
            return change.mean()
        value = new - new[0]


@pytest.mark.parametrize(
    ("lead_time", "shortage_cost", "optimum"),
    [
        (1, 4, 4.04),
        (1, 9, 5.44),
        (1, 19, 6.68),
        (1, 39, 7.84),
        (2, 4, 4.40),
        (2, 9, 6.09),
        (2, 19, 7.66),
        (2, 39, 9.11),
    ],
)
def test_lost_sales_cost_within_one_percent_of_the_optimum_and_less_than_any_base_stock(
    lead_time, shortage_cost, optimum
):
    """Zipkin (2008): Poisson demand of mean 5, holding cost 1. The optimum is found again here."""
    rng = np.random.default_rng(8)
    law = stats.poisson(5)
    chances = np.append(law.pmf(np.arange(19)), law.sf(18))
    most_ordered = int(law.ppf(shortage_cost / (shortage_cost + 1))) + 2
    states, after = transitions(chances, lead_time, {1: 24, 2: 28}[lead_time], most_ordered)
    stock, *due = np.array(states).T
    left = stock[:, None] - np.arange(20)
    period_cost = (np.maximum(left, 0) + shortage_cost * np.maximum(-left, 0)) @ chances

    def cost_of(orders):
        rows = np.arange(len(states)), np.minimum(orders, most_ordered)
        return long_run_cost(chances, after, period_cost, lambda values: values[rows])

    best = long_run_cost(chances, after, period_cost, lambda values: values.min(axis=1))
    assert best == pytest.approx(optimum, abs=0.006)
    number = 40_000 // lead_time**2
    paths = np.broadcast_to(rng.poisson(5, (1, number, lead_time + 1)), (len(states), number, lead_time + 1))
    pipeline = np.stack([np.zeros_like(stock), *due], axis=1)  # what was due now is in the stock already
    order = ordered(paths, stock, pipeline, lead_time=lead_time, shortage_cost=shortage_cost)
    ours = cost_of(order.order_quantity)
    position = stock + sum(due)
    base_stock = min(cost_of(np.maximum(level - position, 0)) for level in range(5 * lead_time, 5 * lead_time + 16))
    assert ours < 1.01 * best
    assert ours < base_stock


@pytest.mark.parametrize("review_period", [1, 2])
def test_with_backorders_the_level_is_the_one_with_the_least_long_run_cost(review_period):
    """Demand of 0, 1 or 4, equally likely: all paths are enumerated, so the level's cost is exact."""
    lead_time, shortage_cost = 2, 5.0
    paths = np.array(list(itertools.product([0, 1, 4], repeat=lead_time + review_period)))
    order = ordered(
        paths, 1, [0, 1], lead_time=lead_time, review_period=review_period, lost_sales=False, shortage_cost=5.0
    )
    counted = np.cumsum(paths, axis=1)[:, lead_time:]
    costs = [
        np.maximum(level - counted, 0).mean() + shortage_cost * np.maximum(counted - level, 0).mean()
        for level in range(20)
    ]
    assert order.order_up_to_level == np.argmin(costs)


# Refusals


GOOD = {
    "demand_paths": np.ones((2, 3, 3), int),
    "on_hand": [1, 1],
    "on_order_by_period": [[0, 0], [0, 0]],
    "lead_time": 2,
    "review_period": 1,
    "lost_sales": True,
    **COSTS,
}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"demand_paths": np.ones((2, 3, 4), int)}, "demand_paths must have shape (sku, path, 3)"),
        ({"demand_paths": np.ones((2, 0, 3), int)}, "with a path at least, got (2, 0, 3)"),
        ({"demand_paths": np.full((2, 3, 3), 0.5)}, "demand_paths of SKU 0, [0], [0] must be whole units, got 0.5"),
        ({"demand_paths": np.full((2, 3, 3), np.nan)}, "must be whole units, got nan"),
        ({"demand_paths": np.full((2, 3, 3), -1)}, "demand_paths of SKU 0, [0], [0] must be at least 0, got -1"),
        ({"demand_paths": np.full((2, 3, 3), "x")}, "demand_paths must be whole units"),
        ({"on_hand": [1, -1]}, "on_hand of SKU 1 must be at least 0, got -1"),
        ({"on_hand": [1, 1, 1]}, "on_hand must be one number or one per SKU, shape (2,), got shape (3,)"),
        ({"on_hand": 1e300}, "on_hand must be at most 9007199254740992"),
        ({"on_order_by_period": [0, 0]}, "on_order_by_period must have shape (2, 2) (sku, lead_time), got (2,)"),
        ({"on_order_by_period": [[0, 0], [0, -3]]}, "on_order_by_period of SKU 1, [1] must be at least 0, got -3"),
        ({"lead_time": -1}, "lead_time must be a whole number of periods, at least 0, got -1"),
        ({"lead_time": 2.0}, "lead_time must be a whole number of periods, at least 0, got 2.0"),
        ({"review_period": 0}, "review_period must be a whole number of periods, at least 1, got 0"),
        ({"holding_cost": [1.0, np.inf]}, "holding_cost of SKU 1 must be finite and at least 0, got inf"),
        ({"shortage_cost": -1.0}, "shortage_cost must be finite and at least 0, got -1.0"),
        ({"shortage_cost": np.nan}, "shortage_cost must be finite and at least 0, got nan"),
    ],
)
def test_what_is_wrong_is_named(wrong, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        periodic_review_order(**(GOOD | wrong))


def test_backorders_are_stock_below_zero():
    assert periodic_review_order(**(GOOD | {"on_hand": [-1, -3], "lost_sales": False})).order_quantity.tolist() == [
        4,
        6,
    ]
