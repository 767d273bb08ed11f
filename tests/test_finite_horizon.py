"""Random demand over a few periods: no policy costs less, and the published figures come out."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from optimization.dynamic_lot_sizing import wagner_whitin
from optimization.finite_horizon import (
    finite_horizon_policy,
    finite_horizon_policy_normal,
    finite_horizon_tables,
    normal_demand_pmf,
    poisson_demand_pmf,
)


def least_expected_cost(pmf, start, *, order, purchase, holding, shortage, discount, end_holding, end_shortage):
    """The recursion as it is written: every order up to all the demand that could still come."""
    periods = len(pmf)

    @cache
    def from_level(t, level):
        if t == periods:
            return end_holding * max(level, 0) + end_shortage * max(-level, 0)
        options = []
        for after in range(level, max(level, sum(len(row) - 1 for row in pmf[t:])) + 1):
            cost = order[t] * (after > level) + purchase[t] * (after - level)
            for demand, chance in enumerate(pmf[t]):
                left = after - demand
                if chance:
                    now = holding[t] * max(left, 0) + shortage[t] * max(-left, 0)
                    cost += chance * (now + discount[t] * from_level(t + 1, left))
            options.append(cost)
        return min(options)

    return from_level(0, start)


def for_periods(values, periods):
    """A published parameter: one number, one per period, or one more whose first is not used."""
    values = np.atleast_1d(np.asarray(values, dtype=float))
    return values[1:] if len(values) == periods + 1 else np.broadcast_to(values, (periods,))


@pytest.mark.known_answers("finite_horizon_dp")
def test_published_policies_come_out(known_case, within):
    inputs = known_case["inputs"]
    periods = inputs["num_periods"]
    names = {
        "demand_mean": "demand_mean",
        "demand_sd": "demand_sd",
        "holding_cost": "holding_cost",
        "shortage_cost": "stockout_cost",
        "order_cost": "fixed_cost",
        "purchase_cost": "purchase_cost",
    }
    policy = finite_horizon_policy_normal(
        **{ours: for_periods(inputs[theirs], periods) for ours, theirs in names.items()},
        discount_factor=for_periods(inputs.get("discount_factor", 1.0), periods),
        terminal_holding_cost=inputs["terminal_holding_cost"],
        terminal_shortage_cost=inputs["terminal_stockout_cost"],
        on_hand=inputs.get("initial_inventory_level", 0),
        tail_sds=4.0,
    )
    assert policy.cost == within("total_cost")
    if "order_up_to" in known_case["expected"]:
        assert policy.order_up_to_level == within("order_up_to")
    if "reorder_points" in known_case["expected"]:
        assert policy.reorder_point == within("reorder_points")


def test_textbook_figures_with_an_order_cost():
    # The example of stockpyl's finite_horizon_dp.
    policy = finite_horizon_policy_normal(
        demand_mean=[100.0] * 5,
        demand_sd=20.0,
        holding_cost=1.0,
        shortage_cost=20.0,
        order_cost=50.0,
        purchase_cost=2.0,
        terminal_holding_cost=1.0,
        terminal_shortage_cost=20.0,
        tail_sds=4.0,
    )
    assert policy.reorder_point.tolist() == [110, 110, 110, 110, 111]
    assert policy.order_up_to_level.tolist() == [133, 133, 133, 133, 126]
    assert policy.cost == pytest.approx(1558.6946467384012, rel=1e-12)


def chances(draw, units):
    weights = np.array(draw(st.lists(st.integers(0, 5), min_size=units, max_size=units)), dtype=float)
    weights[draw(st.integers(0, units - 1))] += 1.0
    return (weights / weights.sum()).tolist()


@settings(max_examples=60)
@given(data=st.data())
def test_no_policy_costs_less(data):
    draw = data.draw
    periods, units = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    pmf = [chances(draw, units) for _ in range(periods)]

    def each(most):
        return draw(st.lists(st.integers(0, most).map(lambda n: n / 2), min_size=periods, max_size=periods))

    order, purchase, holding, shortage = each(20), each(10), each(6), each(20)
    discount = draw(st.lists(st.sampled_from([0.5, 0.9, 1.0]), min_size=periods, max_size=periods))
    end_holding, end_shortage = draw(st.integers(0, 4)) / 2, draw(st.integers(0, 20)) / 2
    start = draw(st.integers(-4, 8))
    policy = finite_horizon_policy(
        demand_pmf=pmf,
        order_cost=order,
        purchase_cost=purchase,
        holding_cost=holding,
        shortage_cost=shortage,
        discount_factor=discount,
        terminal_holding_cost=end_holding,
        terminal_shortage_cost=end_shortage,
        on_hand=start,
    )
    expected = least_expected_cost(
        pmf,
        start,
        order=order,
        purchase=purchase,
        holding=holding,
        shortage=shortage,
        discount=discount,
        end_holding=end_holding,
        end_shortage=end_shortage,
    )
    assert policy.cost == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_a_salvage_value_at_the_end_is_counted():
    pmf = [[0.2, 0.3, 0.5], [0.5, 0.3, 0.2]]
    costs = {"order": [2.0] * 2, "purchase": [4.0] * 2, "holding": [1.0] * 2, "shortage": [9.0] * 2}
    expected = least_expected_cost(pmf, 1, **costs, discount=[0.9] * 2, end_holding=-3.0, end_shortage=5.0)
    policy = finite_horizon_policy(
        demand_pmf=pmf,
        order_cost=2.0,
        purchase_cost=4.0,
        holding_cost=1.0,
        shortage_cost=9.0,
        discount_factor=0.9,
        terminal_holding_cost=-3.0,
        terminal_shortage_cost=5.0,
        on_hand=1,
    )
    assert policy.cost == pytest.approx(expected, rel=1e-12)


def test_certain_demand_gives_the_plan_of_wagner_and_whitin():
    demand = [7, 0, 12, 3, 3, 9, 0, 20]
    order, purchase = [20.0, 25.0, 15.0, 30.0, 18.0, 22.0, 9.0, 40.0], [3.0, 1.0, 4.0, 2.0, 5.0, 2.0, 6.0, 2.0]
    pmf = np.zeros((8, 21))
    pmf[np.arange(8), demand] = 1.0
    policy = finite_horizon_policy(
        demand_pmf=pmf, order_cost=order, purchase_cost=purchase, holding_cost=0.8, shortage_cost=1e4
    )
    plan = wagner_whitin(demand=demand, order_cost=order, purchase_cost=purchase, holding_cost=0.8)
    assert policy.cost == pytest.approx(float(plan.cost), rel=1e-12)


def test_one_period_is_the_newsvendor():
    pmf = poisson_demand_pmf(demand_mean=[[12.0]])
    policy = finite_horizon_policy(demand_pmf=pmf, holding_cost=2.0, shortage_cost=18.0)
    level = stats.poisson.ppf(0.9, 12.0)
    assert policy.order_up_to_level.tolist() == [[level]]
    units = np.arange(200)
    chance = stats.poisson.pmf(units, 12.0)
    expected = (chance * (2 * np.maximum(level - units, 0) + 18 * np.maximum(units - level, 0))).sum()
    assert policy.cost == pytest.approx([expected], rel=1e-12)


def test_a_long_horizon_starts_like_the_endless_one():
    # Zheng & Federgruen (1991), first row of their table for Poisson demand: mean 10, K = 64, h = 1, p = 9, no lead
    # time: s = 6, S = 40.
    pmf = np.tile(poisson_demand_pmf(demand_mean=10.0), (60, 1))
    policy = finite_horizon_policy(demand_pmf=pmf, holding_cost=1.0, shortage_cost=9.0, order_cost=64.0)
    assert (policy.reorder_point[0], policy.order_up_to_level[0]) == (6, 40)


def test_reorder_points_fall_and_levels_follow_the_end():
    pmf = np.broadcast_to(poisson_demand_pmf(demand_mean=20.0), (12, poisson_demand_pmf(demand_mean=20.0).size))
    policy = finite_horizon_policy(
        demand_pmf=pmf, holding_cost=1.0, shortage_cost=10.0, order_cost=100.0, purchase_cost=5.0
    )
    assert policy.two_levels_suffice.all()
    assert (policy.reorder_point <= policy.order_up_to_level).all()
    assert policy.order_up_to_level[-1] < policy.order_up_to_level[0]


def test_nothing_is_ordered_where_owing_is_cheaper_than_buying():
    policy = finite_horizon_policy(demand_pmf=[[0.5, 0.5]] * 3, holding_cost=1.0, shortage_cost=1.0, purchase_cost=9.0)
    assert policy.order_up_to_level.tolist() == [-np.inf] * 3
    assert policy.reorder_point.tolist() == [-np.inf] * 3
    assert policy.two_levels_suffice.all()
    assert policy.cost == pytest.approx(0.5 + 1.0 + 1.5)


def test_nothing_costs_nothing():
    policy = finite_horizon_policy(demand_pmf=[[1.0]] * 2, holding_cost=1.0, shortage_cost=1.0, order_cost=3.0)
    assert policy.cost == 0
    free = finite_horizon_policy(demand_pmf=[[0.5, 0.5]] * 2, holding_cost=0.0, shortage_cost=1.0)
    assert free.cost == 0


def test_tables_hold_the_policy():
    pmf = poisson_demand_pmf(demand_mean=[4.0, 8.0, 2.0])
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0, "order_cost": 10.0, "purchase_cost": 1.0}
    tables = finite_horizon_tables(demand_pmf=pmf, **costs, on_hand=3)
    policy = finite_horizon_policy(demand_pmf=pmf, **costs, on_hand=3)
    assert tables.cost_to_go[0, tables.level == 3] == policy.cost
    for t in range(3):
        orders = tables.order_to[t] > tables.level
        assert tables.level[orders].max() == policy.reorder_point[t]
        assert (tables.order_to[t][orders] == policy.order_up_to_level[t]).all()


def test_each_sku_depends_on_itself_alone():
    mean = np.array([[5.0, 9.0, 4.0], [50.0, 20.0, 30.0]])
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0}
    both = finite_horizon_policy_normal(
        demand_mean=mean, demand_sd=mean / 4, order_cost=[[10.0], [40.0]], on_hand=[2, 30], **costs
    )
    for i, (order_cost, on_hand) in enumerate([(10.0, 2), (40.0, 30)]):
        alone = finite_horizon_policy_normal(
            demand_mean=mean[i], demand_sd=mean[i] / 4, order_cost=order_cost, on_hand=on_hand, **costs
        )
        assert alone.cost == both.cost[i]
        assert (alone.order_up_to_level == both.order_up_to_level[i]).all()


def test_fine_units_bring_the_rounded_normal_to_the_normal():
    mean, sd = np.full(4, 300.0), 60.0
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0, "order_cost": 200.0}
    rounded = finite_horizon_policy(demand_pmf=normal_demand_pmf(demand_mean=mean, demand_sd=sd), **costs)
    normal = finite_horizon_policy_normal(demand_mean=mean, demand_sd=sd, **costs)
    assert rounded.cost == pytest.approx(float(normal.cost), rel=1e-4)
    assert rounded.order_up_to_level == pytest.approx(normal.order_up_to_level, abs=1)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 0.0), (0.001, 0.01), (4.0, 0.0), (20.0, 5.0), (3.0, 9.0)])
def test_rounded_normal_keeps_all_of_the_demand(mean, sd):
    pmf = normal_demand_pmf(demand_mean=mean, demand_sd=sd)
    assert pmf.sum() == pytest.approx(1.0, abs=1e-14)
    if sd == 0:
        assert pmf[round(mean)] == 1
    else:
        units = np.arange(1, len(pmf))
        expected = stats.norm.cdf(units + 0.5, mean, sd) - stats.norm.cdf(units - 0.5, mean, sd)
        assert pmf[1:] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("mean", [0.0, 0.001, 1.0, 50.0, 1e4])
def test_poisson_chances_are_those_of_the_poisson(mean):
    pmf = poisson_demand_pmf(demand_mean=mean)
    assert pmf == pytest.approx(stats.poisson.pmf(np.arange(len(pmf)), mean), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"demand_pmf": [[0.5, 0.6]]}, r"demand_pmf must sum to 1 over units, got 1.1 at index \(0,\)"),
        ({"demand_pmf": [0.5, 0.5]}, "demand_pmf must have shape"),
        ({"demand_pmf": [[1.5, -0.5]]}, "demand_pmf must be at least 0"),
        ({"discount_factor": 0.0}, "discount_factor must be more than 0"),
        ({"discount_factor": 1.01}, "discount_factor must be .*at most 1"),
        ({"on_hand": 0.5}, "on_hand must be whole units, got 0.5"),
        ({"order_cost": [1.0, 2.0, 3.0]}, r"order_cost must fit shape \(1,\)"),
        ({"terminal_holding_cost": -5.0, "terminal_shortage_cost": 9.0}, "worth buying only to have them left"),
        ({"terminal_holding_cost": -5.0, "purchase_cost": 9.0}, "terminal_holding_cost must be at least minus"),
    ],
)
def test_refuses_what_has_no_policy(changed, message):
    arguments = {"demand_pmf": [[0.5, 0.5]], "holding_cost": 1.0, "shortage_cost": 9.0} | changed
    with pytest.raises(ValueError, match=message):
        finite_horizon_policy(**arguments)


def test_refuses_demand_counted_in_units_that_are_too_small():
    with pytest.raises(ValueError, match="demand must be counted in larger units"):
        finite_horizon_policy_normal(demand_mean=[1e6] * 12, demand_sd=1e5, holding_cost=1.0, shortage_cost=9.0)
