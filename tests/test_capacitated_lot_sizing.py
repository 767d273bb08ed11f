"""Lots within a capacity: none are cheaper, none use more than there is, and what is missing is named."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from optimization.capacitated_lot_sizing import CapacityShort, NoPlanInTime, capacitated_lot_sizing
from optimization.dynamic_lot_sizing import wagner_whitin


def least_cost(demand, order_cost, holding_cost, purchase_cost, capacity, use=None, setup=None):
    """Every set of lots, with the cheapest quantities for each by a linear program in quantities and stocks."""
    items, periods = demand.shape
    use = np.ones(items) if use is None else np.asarray(use, dtype=float)
    setup = np.zeros(items) if setup is None else np.asarray(setup, dtype=float)
    size = items * periods
    balance = np.zeros((size, 2 * size))
    for i, t in itertools.product(range(items), range(periods)):
        row = i * periods + t
        balance[row, row], balance[row, size + row] = 1.0, -1.0
        if t:
            balance[row, size + row - 1] = 1.0
    limits = np.zeros((periods, 2 * size))
    for i in range(items):
        limits[np.arange(periods), i * periods + np.arange(periods)] = use[i]
    cost = np.concatenate([purchase_cost.ravel(), holding_cost.ravel()])
    best = np.inf
    for chosen in itertools.product([0.0, 1.0], repeat=size):
        lots = np.array(chosen).reshape(items, periods)
        room = capacity - setup @ lots
        if (room < 0).any():
            continue
        bounds = [(0, None if lot else 0) for lot in chosen] + [(0, None)] * size
        answer = linprog(cost, A_ub=limits, b_ub=room, A_eq=balance, b_eq=demand.ravel(), bounds=bounds)
        if answer.status == 0:
            best = min(best, answer.fun + (order_cost * lots).sum())
    return best


def checked(plan, demand, capacity, use=1.0, setup=0.0, on_hand=0.0):
    """The plan itself, once its parts add up."""
    demand, quantities = np.atleast_2d(demand), np.atleast_2d(plan.order_quantities)
    stock = np.reshape(on_hand, (-1, 1)) + np.cumsum(quantities - demand, axis=1)
    assert (stock > -1e-6).all()
    assert np.atleast_2d(plan.stock) == pytest.approx(stock, abs=1e-6)
    used = (np.reshape(use, (-1, 1)) * quantities + np.reshape(setup, (-1, 1)) * (quantities > 0)).sum(axis=0)
    assert plan.capacity_used == pytest.approx(used)
    assert (used <= np.asarray(capacity) * (1 + 1e-6) + 1e-6).all()
    assert plan.cost == pytest.approx(plan.cost_of_orders + plan.cost_of_holding + plan.cost_of_purchases)
    assert plan.lower_bound <= plan.cost
    return plan


@pytest.mark.parametrize("solver", ["HiGHS", "CBC"])
@pytest.mark.known_answers("capacitated_lot_sizing")
def test_published_plans_come_out(known_case, within, solver):
    inputs = known_case["inputs"]
    plan = capacitated_lot_sizing(
        demand=inputs["demand"],
        order_cost=inputs["fixed_cost"],
        holding_cost=inputs["holding_cost"],
        capacity=inputs["capacity"],
        purchase_cost=inputs.get("purchase_cost", 0.0),
        on_hand=inputs.get("initial_inventory_level", 0.0),
        capacity_per_order=inputs.get("setup_time", 0.0),
        solver=solver,
    )
    assert plan.cost == within("cost")
    assert plan.gap == 0
    checked(plan, inputs["demand"], inputs["capacity"], setup=inputs.get("setup_time", 0.0))


def random_problem(seed, items, periods):
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 60, (items, periods)) * (rng.random((items, periods)) > 0.2) * 1.0
    costs = [rng.integers(low, high, (items, periods)) * 1.0 for low, high in ((20, 150), (0, 4), (0, 3))]
    return rng, demand, costs


@pytest.mark.parametrize("seed", range(3))
def test_one_item_costs_the_least_of_all_sets_of_lots(seed):
    rng, demand, costs = random_problem(seed, 1, 6)
    capacity = rng.integers(40, 80, 6) * 1.0
    plan = capacitated_lot_sizing(
        demand=demand[0], order_cost=costs[0][0], holding_cost=costs[1][0], purchase_cost=costs[2][0], capacity=capacity
    )
    checked(plan, demand, capacity)
    assert plan.cost == pytest.approx(least_cost(demand, *costs, capacity), rel=1e-9)


@pytest.mark.parametrize("solver", ["HiGHS", "CBC"])
@pytest.mark.parametrize("seed", [10, 11])
def test_items_that_share_a_capacity_with_setup_times_cost_the_least(seed, solver):
    _, demand, costs = random_problem(seed, 2, 3)
    use, setup = np.array([1.0, 2.0]), np.array([10.0, 15.0])
    capacity = np.full(3, 175.0)
    plan = capacitated_lot_sizing(
        demand=demand,
        order_cost=costs[0],
        holding_cost=costs[1],
        purchase_cost=costs[2],
        capacity=capacity,
        capacity_per_unit=use,
        capacity_per_order=setup,
        solver=solver,
    )
    checked(plan, demand, capacity, use, setup)
    assert plan.cost == pytest.approx(least_cost(demand, *costs, capacity, use, setup), rel=1e-9)


def test_without_a_limit_each_item_has_the_plan_of_wagner_and_whitin():
    _, demand, costs = random_problem(4, 3, 12)
    plan = capacitated_lot_sizing(
        demand=demand, order_cost=costs[0], holding_cost=costs[1], purchase_cost=costs[2], capacity=1e6
    )
    alone = wagner_whitin(demand=demand, order_cost=costs[0], holding_cost=costs[1], purchase_cost=costs[2])
    assert plan.cost == pytest.approx(alone.cost.sum(), rel=1e-12)


def test_more_capacity_never_costs_more():
    _, demand, costs = random_problem(6, 1, 8)
    plans = [
        capacitated_lot_sizing(demand=demand, order_cost=costs[0], holding_cost=costs[1], capacity=capacity).cost
        for capacity in (60.0, 80.0, 120.0, 1000.0)
    ]
    assert plans == sorted(plans, reverse=True)


def test_stock_on_hand_frees_capacity():
    arguments = {"order_cost": 10.0, "holding_cost": 1.0, "capacity": 30.0}
    with pytest.raises(CapacityShort):
        capacitated_lot_sizing(demand=[40.0, 10.0], **arguments)
    plan = checked(
        capacitated_lot_sizing(demand=[40.0, 10.0], on_hand=25.0, **arguments), [40.0, 10.0], 30.0, on_hand=25.0
    )
    assert plan.order_quantities.tolist() == [25, 0]
    assert plan.cost == 10 + 10


def test_says_by_which_period_capacity_is_short_and_by_how_much():
    with pytest.raises(CapacityShort, match=r"up to period 2 must fit .* got 25 too little") as short:
        capacitated_lot_sizing(
            demand=[50.0, 90.0, 85.0, 500.0], order_cost=1.0, holding_cost=1.0, capacity=[100.0, 50.0, 50.0, 50.0]
        )
    assert (short.value.period, short.value.missing) == (2, 25)


def test_says_when_setup_times_take_the_capacity_that_is_missing():
    # Both items are due in period 1, so their two setups of 20 and 100 units must fit 120 of capacity up to then.
    with pytest.raises(CapacityShort) as short:
        capacitated_lot_sizing(
            demand=[[0.0, 50.0, 10.0], [0.0, 50.0, 10.0]],
            order_cost=1.0,
            holding_cost=1.0,
            capacity=[60.0, 60.0, 500.0],
            capacity_per_order=20.0,
        )
    assert short.value.period == 1
    assert short.value.missing == pytest.approx(20.0)


@pytest.mark.parametrize("solver", ["HiGHS", "CBC"])
def test_stops_in_time_with_a_plan_and_a_proven_gap(solver):
    rng = np.random.default_rng(1)
    demand = rng.integers(0, 100, (12, 16)) * 1.0
    capacity = np.full(16, demand.sum() / 16 * 1.15 + 60)
    capacity[:2] *= 1.6
    plan = capacitated_lot_sizing(
        demand=demand,
        order_cost=300.0,
        holding_cost=1.0,
        capacity=capacity,
        capacity_per_order=8.0,
        time_limit=0.5,
        solver=solver,
    )
    checked(plan, demand, capacity, setup=np.full(12, 8.0))
    assert 0 <= plan.gap < 1


def test_has_a_plan_however_short_the_time():
    _, demand, costs = random_problem(9, 12, 10)
    arguments = {"demand": demand, "order_cost": costs[0], "holding_cost": costs[1], "capacity": 380.0}
    hasty = checked(capacitated_lot_sizing(**arguments, time_limit=1e-6), demand, 380.0)
    patient = capacitated_lot_sizing(**arguments, relative_gap=0.02)
    assert hasty.lower_bound <= patient.cost <= hasty.cost
    assert 0 < hasty.gap < 1


def test_says_when_no_plan_was_found_in_time():
    # By hand: the first item must be made whole in period 1 and the second in period 0, where only one setup fits;
    # moving no more of the first than period 1 is short of, as the plan without a search does, leads nowhere.
    arguments = {
        "demand": [[0.0, 5.0], [0.0, 1.0]],
        "order_cost": 1.0,
        "holding_cost": [[1.0], [2.0]],
        "capacity": [10.0, 22.0],
        "capacity_per_order": 9.0,
    }
    with pytest.raises(NoPlanInTime, match="within time_limit 1e-06 s"):
        capacitated_lot_sizing(**arguments, time_limit=1e-6)
    assert capacitated_lot_sizing(**arguments).order_quantities.tolist() == [[0, 5], [1, 0]]


def test_a_wider_gap_is_reported_as_such():
    _, demand, costs = random_problem(8, 4, 8)
    exact = capacitated_lot_sizing(demand=demand, order_cost=costs[0], holding_cost=costs[1], capacity=130.0)
    quick = capacitated_lot_sizing(
        demand=demand, order_cost=costs[0], holding_cost=costs[1], capacity=130.0, relative_gap=0.2
    )
    assert quick.lower_bound <= exact.cost * (1 + 1e-9) <= quick.cost * (1 + 2e-9)
    assert quick.gap <= 0.2 + 1e-9


def test_no_demand_needs_no_capacity():
    plan = capacitated_lot_sizing(demand=[0.0, 0.0], order_cost=5.0, holding_cost=1.0, capacity=0.0)
    assert (plan.cost, plan.gap, plan.order_quantities.tolist()) == (0, 0, [0, 0])


def test_free_lots_and_stock_cost_nothing():
    plan = capacitated_lot_sizing(demand=[3.0, 9.0], order_cost=0.0, holding_cost=0.0, capacity=[6.0, 6.0])
    assert (plan.cost, plan.gap) == (0, 0)
    checked(plan, [3.0, 9.0], [6.0, 6.0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"demand": [[-1.0]]}, "demand must be at least 0"),
        ({"demand": 4.0}, "demand must have shape"),
        ({"capacity": [1.0, 2.0, 3.0]}, r"capacity must fit shape \(2,\)"),
        ({"order_cost": np.inf}, "order_cost must be at least 0 and finite, got inf"),
        ({"solver": "abacus"}, "solver must be HiGHS or CBC, got abacus"),
        ({"time_limit": 0.0}, "time_limit must be positive"),
    ],
)
def test_refuses_what_is_no_problem(changed, message):
    arguments = {"demand": [1.0, 2.0], "order_cost": 1.0, "holding_cost": 1.0, "capacity": 10.0} | changed
    with pytest.raises(ValueError, match=message):
        capacitated_lot_sizing(**arguments)
