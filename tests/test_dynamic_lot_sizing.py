"""Lots over a known demand: the plan is the cheapest there is, and adds up."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.dynamic_lot_sizing import least_unit_cost, silver_meal, wagner_whitin

RULES = [wagner_whitin, silver_meal, least_unit_cost]


def least_cost(demand, order_cost, holding_cost, purchase_cost):
    """Wagner and Whitin's recursion as plain loops: from the last period, try every next order."""
    n = len(demand)
    best = [0.0] * (n + 1)
    for t in range(n - 1, -1, -1):
        options = [best[t + 1]] if demand[t] == 0 else []
        for j in range(t + 1, n + 1):
            cost = order_cost[t] + best[j]
            for i in range(t, j):
                cost += (purchase_cost[t] + sum(holding_cost[t:i])) * demand[i]
            options.append(cost)
        best[t] = min(options)
    return best[0]


def cost_of(quantities, demand, order_cost, holding_cost, purchase_cost, on_hand=0.0):
    """What a plan costs, walked through period by period; a shortage is an error."""
    stock, cost = on_hand, 0.0
    for t, quantity in enumerate(quantities):
        stock += quantity - demand[t]
        assert stock > -1e-6
        cost += order_cost[t] * (quantity > 0) + purchase_cost[t] * quantity + holding_cost[t] * max(stock, 0.0)
    return cost


def random_plans(seed, skus, periods, zeros=0.3):
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 100, (skus, periods)) * (rng.random((skus, periods)) > zeros)
    costs = [rng.integers(0, top, (skus, periods)).astype(float) for top in (300, 5, 20)]
    return demand.astype(float), *costs


@pytest.mark.known_answers("wagner_whitin")
def test_published_plans_come_out(known_case, within):
    inputs = known_case["inputs"]
    periods = inputs.get("num_periods", np.size(inputs["demand"]))
    plan = wagner_whitin(
        demand=np.broadcast_to(np.asarray(inputs["demand"], dtype=float), (periods,)),
        order_cost=inputs["fixed_cost"],
        holding_cost=inputs["holding_cost"],
        purchase_cost=inputs.get("purchase_cost", 0.0),
    )
    assert plan.cost == within("cost")
    if "order_quantities" in known_case["expected"]:
        assert plan.order_quantities == within("order_quantities")


def test_textbook_plan_of_four_periods():
    # Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., Example 3.9.
    plan = wagner_whitin(demand=[90.0, 120.0, 80.0, 70.0], order_cost=500.0, holding_cost=2.0)
    assert plan.order_quantities.tolist() == [210, 0, 150, 0]
    assert plan.stock.tolist() == [120, 0, 70, 0]
    assert (plan.cost, plan.cost_of_orders, plan.cost_of_holding, plan.cost_of_purchases) == (1380, 1000, 380, 0)


def test_buys_ahead_of_a_price_rise_and_waits_for_a_price_fall():
    # stockpyl's instance scmo_ww_hw_c.
    demand = [400.0, 500.0, 500.0, 1100.0, 900.0]
    plan = wagner_whitin(demand=demand, order_cost=100.0, holding_cost=0.1, purchase_cost=[3.0, 1.0, 4.0, 6.0, 6.0])
    assert plan.order_quantities.tolist() == [400, 3000, 0, 0, 0]
    assert plan.cost == pytest.approx(4940)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_plain_recursion_on_random_costs(seed):
    demand, *costs = random_plans(seed, skus=60, periods=9)
    plans = wagner_whitin(demand=demand, order_cost=costs[0], holding_cost=costs[1], purchase_cost=costs[2])
    expected = [least_cost(*(each[i] for each in (demand, *costs))) for i in range(len(demand))]
    assert plans.cost == pytest.approx(np.array(expected), rel=1e-12)


def test_equals_trying_every_set_of_order_periods():
    demand, *costs = random_plans(7, skus=12, periods=7, zeros=0.2)
    plans = wagner_whitin(demand=demand, order_cost=costs[0], holding_cost=costs[1], purchase_cost=costs[2])
    for sku in range(len(demand)):
        row, (fixed, holding, price) = demand[sku], [each[sku] for each in costs]
        least = np.inf
        for chosen in itertools.product([False, True], repeat=7):
            opened = np.flatnonzero(chosen)
            total, possible = fixed[opened].sum(), True
            for i in np.flatnonzero(row):
                ways = [price[t] + holding[t:i].sum() for t in opened if t <= i]
                possible = possible and bool(ways)
                total += min(ways, default=0.0) * row[i]
            least = min(least, total) if possible else least
        assert plans.cost[sku] == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("rule", RULES)
@given(data=st.data())
def test_a_plan_meets_demand_and_costs_what_it_says(rule, data):
    n = data.draw(st.integers(1, 12))
    amounts = st.one_of(st.just(0.0), st.floats(0.001, 1e6))
    row = st.lists(amounts, min_size=n, max_size=n)
    demand, fixed, holding, price = (data.draw(row) for _ in range(4))
    start = data.draw(amounts)
    plan = rule(demand=demand, order_cost=fixed, holding_cost=holding, purchase_cost=price, on_hand=start)
    walked = np.cumsum(np.array(plan.order_quantities) - demand) + start
    scale = start + sum(demand) + 1.0
    assert plan.stock == pytest.approx(walked, abs=1e-9 * scale)
    assert (plan.stock >= 0).all()
    costs = cost_of(plan.order_quantities, demand, fixed, holding, price, start)
    assert plan.cost == pytest.approx(costs, rel=1e-9, abs=1e-9 * scale * (1 + sum(holding)))


@pytest.mark.parametrize("rule", [silver_meal, least_unit_cost])
@given(seed=st.integers(0, 10_000))
def test_a_rule_of_thumb_is_never_cheaper(rule, seed):
    demand, fixed, holding, price = random_plans(seed, skus=20, periods=15)
    costs = {"order_cost": fixed, "holding_cost": holding, "purchase_cost": price}
    assert (rule(demand=demand, **costs).cost >= wagner_whitin(demand=demand, **costs).cost - 1e-6).all()


def test_silver_meal_stops_when_the_cost_per_period_rises():
    # By hand: 100; (100 + 20) / 2 = 60; (100 + 20 + 2·60) / 3 = 80, so the third period starts a lot;
    # 100; (100 + 10) / 2 = 55.
    plan = silver_meal(demand=[30.0, 20.0, 60.0, 10.0], order_cost=100.0, holding_cost=1.0)
    assert plan.order_quantities.tolist() == [50, 0, 70, 0]
    assert plan.cost == 100 + 20 + 100 + 10


def test_least_unit_cost_stops_when_the_cost_per_unit_rises():
    # By hand: 100 / 30 = 3.3; 120 / 50 = 2.4; 240 / 110 = 2.2; 270 / 120 = 2.25, so the fourth starts a lot.
    plan = least_unit_cost(demand=[30.0, 20.0, 60.0, 10.0], order_cost=100.0, holding_cost=1.0)
    assert plan.order_quantities.tolist() == [110, 0, 0, 10]


@pytest.mark.parametrize("rule", RULES)
def test_no_order_is_placed_for_no_demand(rule):
    plan = rule(demand=[0.0, 0.0, 5.0, 0.0], order_cost=10.0, holding_cost=1.0)
    assert plan.order_quantities.tolist() == [0, 0, 5, 0]
    assert plan.cost == 10
    nothing = rule(demand=[0.0, 0.0], order_cost=10.0, holding_cost=1.0)
    assert nothing.cost == 0


def test_orders_each_period_when_orders_are_free_and_once_when_holding_is():
    demand = [3.0, 1.0, 4.0, 1.0, 5.0]
    assert wagner_whitin(demand=demand, order_cost=0.0, holding_cost=1.0).order_quantities.tolist() == demand
    assert wagner_whitin(demand=demand, order_cost=1.0, holding_cost=0.0).order_quantities.tolist() == [14, 0, 0, 0, 0]


def test_buys_in_a_cheap_period_without_demand():
    plan = wagner_whitin(demand=[0.0, 0.0, 50.0], order_cost=10.0, holding_cost=1.0, purchase_cost=[9.0, 1.0, 9.0])
    assert plan.order_quantities.tolist() == [0, 50, 0]
    assert plan.cost == 10 + 50 + 50


def test_stock_on_hand_is_used_first():
    plan = wagner_whitin(demand=[40.0, 60.0, 80.0], order_cost=10.0, holding_cost=1.0, on_hand=70.0)
    assert plan.order_quantities.tolist() == [0, 30, 80]
    assert plan.stock.tolist() == [30, 0, 0]
    assert plan.cost == 20 + 30
    full = wagner_whitin(demand=[40.0, 60.0], order_cost=10.0, holding_cost=1.0, on_hand=120.0)
    assert full.order_quantities.tolist() == [0, 0]
    assert full.stock.tolist() == [80, 20]


def test_each_sku_depends_on_itself_alone():
    demand, fixed, holding, price = random_plans(3, skus=30, periods=40)
    together = wagner_whitin(demand=demand, order_cost=fixed, holding_cost=holding, purchase_cost=price)
    for i in (0, 13, 29):
        alone = wagner_whitin(demand=demand[i], order_cost=fixed[i], holding_cost=holding[i], purchase_cost=price[i])
        assert alone.cost == together.cost[i]
        assert (alone.order_quantities == together.order_quantities[i]).all()


def test_costs_broadcast_against_demand():
    demand = np.array([[90.0, 120.0, 80.0, 70.0]] * 2)
    plans = wagner_whitin(demand=demand, order_cost=[[500.0], [0.0]], holding_cost=2.0, on_hand=[0.0, 90.0])
    assert plans.cost.tolist() == [1380, 0]
    assert plans.order_quantities.shape == (2, 4)


def test_a_year_of_days_agrees_with_the_quadratic_recursion():
    rng = np.random.default_rng(5)
    n = 365
    demand, fixed, price = rng.integers(0, 30, n) * 1.0, rng.integers(50, 200, n) * 1.0, rng.integers(5, 9, n) * 1.0
    holding = rng.random(n) * 0.2
    rate = price - np.concatenate([[0], np.cumsum(holding)[:-1]])
    total = np.concatenate([[0], np.cumsum(demand)])
    best = np.zeros(n + 1)
    for t in range(n - 1, -1, -1):
        best[t] = (fixed[t] + rate[t] * (total[t + 1 :] - total[t]) + best[t + 1 :]).min()
        if demand[t] == 0:
            best[t] = min(best[t], best[t + 1])
    expected = best[0] + (demand * (np.cumsum(holding) - holding)).sum()
    plan = wagner_whitin(demand=demand, order_cost=fixed, holding_cost=holding, purchase_cost=price)
    assert plan.cost == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"demand": [1.0, -2.0]}, r"demand must be at least 0 .*got -2.0 \(index 1\)"),
        ({"demand": []}, "demand must have at least one period"),
        ({"demand": 3.0}, "demand must have at least one period"),
        ({"order_cost": float("nan")}, "order_cost must be at least 0 and finite, got nan"),
        ({"holding_cost": [1.0, 2.0, 3.0]}, r"holding_cost must fit shape \(2,\)"),
        ({"on_hand": [1.0, 2.0]}, "on_hand must fit shape"),
        ({"purchase_cost": -1.0}, "purchase_cost must be at least 0"),
    ],
)
def test_refuses_what_is_not_a_plan(changed, message):
    arguments = {"demand": [1.0, 2.0], "order_cost": 1.0, "holding_cost": 1.0} | changed
    with pytest.raises(ValueError, match=message):
        wagner_whitin(**arguments)
