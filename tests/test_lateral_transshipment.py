"""Stock moved between locations: never dearer than leaving it, and never dearer than any other plan."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.lateral_transshipment import cumulative_demand_pmf, lateral_transshipment


def cost_of(transfer, *, net_stock, demand_pmf, transfer_cost, transfer_time, shortage_cost, holding_cost):
    """Sum over locations, periods and demands, as the model is written down."""
    places, periods, width = demand_pmf.shape
    total = sum(
        transfer[i, j] * (transfer_cost[i, j] + transfer_time[i, j] * holding_cost[j])
        for i, j in itertools.product(range(places), repeat=2)
        if transfer[i, j]
    )
    for j, u, d in itertools.product(range(places), range(periods), range(width)):
        arrived = sum(transfer[i, j] for i in range(places) if transfer_time[i, j] <= u)
        units = net_stock[j] - transfer[j].sum() + arrived
        total += demand_pmf[j, u, d] * (shortage_cost[j] * max(d - units, 0) + holding_cost[j] * max(units - d, 0))
    return total


def cheapest_by_enumeration(problem):
    stock = problem["net_stock"]
    places, periods = problem["demand_pmf"].shape[:2]
    lanes = [
        (i, j)
        for i, j in itertools.product(range(places), repeat=2)
        if i != j and np.isfinite(problem["transfer_cost"][i, j]) and problem["transfer_time"][i, j] < periods
    ]
    best = np.inf
    for units in itertools.product(*(range(max(stock[i], 0) + 1) for i, _ in lanes)):
        transfer = np.zeros((places, places), dtype=int)
        for lane, sent in zip(lanes, units, strict=True):
            transfer[lane] = sent
        if (transfer.sum(axis=1) <= np.maximum(stock, 0)).all():
            best = min(best, cost_of(transfer, **problem))
    return best


def random_problem(seed, *, places, periods):
    rng = np.random.default_rng(seed)
    transfer_cost = rng.uniform(0, 3, (places, places)) * (rng.random((places, places)) < 0.8)
    transfer_cost[rng.random((places, places)) < 0.1] = np.inf
    return {
        "net_stock": rng.integers(-2, 4, places),
        "demand_pmf": cumulative_demand_pmf(rng.integers(0, 3, (places, 4, periods))),
        "transfer_cost": transfer_cost,
        "transfer_time": rng.integers(0, periods + 1, (places, places)),
        "shortage_cost": rng.uniform(0, 4, places),
        "holding_cost": rng.uniform(0, 1, places) * (rng.random() < 0.6),
    }


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 3))
def test_no_plan_is_cheaper(seed, places, periods):
    problem = random_problem(seed, places=places, periods=periods)
    plan = lateral_transshipment(**problem)
    assert plan.total_cost == pytest.approx(cheapest_by_enumeration(problem), rel=1e-8, abs=1e-8)
    assert plan.total_cost == pytest.approx(cost_of(plan.transfer, **problem), rel=1e-10, abs=1e-10)
    assert plan.total_cost_before == pytest.approx(
        cost_of(np.zeros((places, places), dtype=int), **problem), rel=1e-10, abs=1e-10
    )


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 4))
def test_units_are_neither_made_nor_lost_nor_sent_without_being_there(seed, places, periods):
    problem = random_problem(seed, places=places, periods=periods)
    plan = lateral_transshipment(**problem)
    assert (plan.transfer >= 0).all()
    assert (plan.transfer.sum(axis=1) <= np.maximum(problem["net_stock"], 0)).all()
    assert plan.net_stock_after.sum() == problem["net_stock"].sum()
    assert not plan.transfer[~np.isfinite(problem["transfer_cost"])].any()
    assert not np.diagonal(plan.transfer).any()
    assert plan.total_cost <= plan.total_cost_before + 1e-9
    parts = plan.transfer_cost + plan.shortage_cost + plan.holding_cost
    assert plan.total_cost == pytest.approx(parts)


def two_shops(**changes):
    """Nine units where two to four are wanted, four where five to ten are."""
    given = {
        "net_stock": [9, 4],
        "demand_pmf": cumulative_demand_pmf([[[2], [3], [4]], [[5], [6], [10]]]),
        "transfer_cost": [[0.0, 1.0], [1.0, 0.0]],
        "shortage_cost": 5.0,
    }
    return lateral_transshipment(**(given | changes))


def test_transfers_are_worked_out_by_hand():
    # A unit more in the second shop saves 5, 5·2/3 (its 6th) or 5/3 (its 7th to 10th) and costs 1; a unit less in
    # the first costs nothing down to 4 and then 5/3. So it gives five.
    plan = two_shops()
    assert plan.transfer.tolist() == [[0, 5], [0, 0]]
    assert plan.net_stock_after.tolist() == [4, 9]
    np.testing.assert_allclose(plan.expected_shortage_before, [0, 3])
    np.testing.assert_allclose(plan.expected_shortage, [0, 1 / 3])
    assert (plan.transfer_cost, plan.shortage_cost, plan.holding_cost) == (5.0, pytest.approx(5 / 3), 0.0)


def test_each_unit_moves_only_while_it_saves_more_than_it_costs():
    assert two_shops(transfer_cost=[[0, 1.7], [0, 0]]).transfer[0, 1] == 2
    assert two_shops(transfer_cost=[[0, 3.4], [0, 0]]).transfer[0, 1] == 1
    assert two_shops(transfer_cost=[[0, 5.1], [0, 0]]).transfer[0, 1] == 0
    assert two_shops(transfer_cost=[[0, np.inf], [0, 0]]).transfer[0, 1] == 0


def test_transfer_that_arrives_after_the_periods_given_is_never_made():
    assert two_shops(transfer_time=0).transfer.sum() == 5
    assert two_shops(transfer_time=1).transfer.sum() == 0


def test_faster_lane_is_worth_a_higher_price_while_customers_wait():
    # One unit is short for three periods: 3 periods of 2 each saved at once for 5, or 1 period later for 1.
    demand = np.zeros((3, 3, 2))
    demand[:2, :, 0] = 1
    demand[2, :, 1] = 1
    given = {"net_stock": [1, 1, 0], "demand_pmf": demand, "holding_cost": 0.0}
    cost = np.full((3, 3), np.inf)
    cost[0, 2], cost[1, 2] = 5.0, 1.0
    time = np.array([[0, 0, 0], [0, 0, 2], [0, 0, 0]])
    dear = lateral_transshipment(**given, shortage_cost=2.5, transfer_cost=cost, transfer_time=time)
    assert dear.transfer[:, 2].tolist() == [1, 0, 0]
    cheap = lateral_transshipment(**given, shortage_cost=1.8, transfer_cost=cost, transfer_time=time)
    assert cheap.transfer[:, 2].tolist() == [0, 1, 0]


def test_backorders_are_filled_from_elsewhere():
    plan = lateral_transshipment(
        net_stock=[5, -3],
        demand_pmf=[[[1.0]], [[1.0]]],
        transfer_cost=1.0,
        shortage_cost=2.0,
    )
    assert plan.transfer.tolist() == [[0, 3], [0, 0]]
    assert plan.expected_shortage_before.tolist() == [0.0, 3.0]
    assert plan.total_cost == 3.0


def test_nothing_moves_without_need_even_where_moving_is_free():
    plan = lateral_transshipment(
        net_stock=[5, 5], demand_pmf=[[[0.5, 0.5]], [[0.5, 0.5]]], transfer_cost=0.0, shortage_cost=2.0
    )
    assert plan.transfer.sum() == 0


def test_surplus_goes_where_keeping_it_is_cheaper():
    plan = lateral_transshipment(
        net_stock=[4, 0],
        demand_pmf=[[[1.0], [1.0]]] * 2,
        transfer_cost=1.0,
        shortage_cost=1.0,
        holding_cost=[3.0, 0.5],
    )
    assert plan.transfer.tolist() == [[0, 4], [0, 0]]
    assert plan.total_cost == 4 * 1.0 + 4 * 2 * 0.5


def test_each_sku_of_many_is_as_if_it_were_alone():
    problems = [random_problem(seed, places=3, periods=2) for seed in range(20)]
    width = max(one["demand_pmf"].shape[-1] for one in problems)
    for one in problems:
        one["demand_pmf"] = np.pad(one["demand_pmf"], [(0, 0), (0, 0), (0, width - one["demand_pmf"].shape[-1])])
    together = lateral_transshipment(**{name: np.stack([one[name] for one in problems]) for name in problems[0]})
    for sku, problem in enumerate(problems):
        alone = lateral_transshipment(**problem)
        assert together.transfer[sku].tolist() == alone.transfer.tolist()
        assert together.total_cost[sku] == alone.total_cost
        assert together.expected_shortage[sku].tolist() == alone.expected_shortage.tolist()


def test_large_stocks_and_extreme_costs_are_no_trouble():
    demand = cumulative_demand_pmf(np.arange(1000).reshape(1, 1000, 1).repeat(2, axis=0))
    plan = lateral_transshipment(
        net_stock=[1_000_000, 0], demand_pmf=demand, transfer_cost=1e-6, shortage_cost=[1e6, 1e9]
    )
    assert plan.transfer.tolist() == [[0, 999], [0, 0]]
    assert plan.shortage_cost == 0


def test_demand_is_counted_from_paths():
    pmf = cumulative_demand_pmf([[[0, 1], [2, 0]], [[0, 0], [0, 0]]])
    assert pmf.tolist() == [[[0.5, 0, 0.5], [0, 0.5, 0.5]], [[1, 0, 0], [1, 0, 0]]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"net_stock": [1.5, 2]}, r"net_stock must be whole units, got 1\.5 \(index 0\)"),
        ({"net_stock": 3}, r"net_stock must have shape \(location,\) or \(sku, location\), got shape \(\)"),
        ({"demand_pmf": [[0.5, 0.5]]}, r"demand_pmf must have shape \(2, period, d\), got shape \(1, 2\)"),
        ({"demand_pmf": [[[0.5, 0.4]], [[1.0, 0.0]]]}, "demand_pmf must sum to 1 in every period, got 0.9"),
        ({"demand_pmf": [[[1.5, -0.5]], [[1.0, 0.0]]]}, "demand_pmf must be at least 0"),
        ({"transfer_cost": [[0, -1], [1, 0]]}, r"transfer_cost must be at least 0, got -1\.0 \(index \(0, 1\)\)"),
        ({"transfer_cost": [[0, float("nan")], [1, 0]]}, "transfer_cost must be at least 0, got nan"),
        ({"transfer_cost": [1.0, 2.0, 3.0]}, "transfer_cost must have a shape that broadcasts to"),
        ({"transfer_time": 0.5}, "transfer_time must be whole periods, got 0.5"),
        ({"transfer_time": -1}, "transfer_time must be at least 0"),
        ({"shortage_cost": -1.0}, "shortage_cost must be at least 0"),
        ({"shortage_cost": [1.0, 2.0, 3.0]}, "shortage_cost must have a shape that broadcasts to"),
        ({"holding_cost": float("inf")}, "holding_cost must be at least 0 and finite, got inf"),
    ],
)
def test_figure_out_of_range_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        two_shops(**changes)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([[0.5]], "demand_paths must be whole units"),
        ([[-1]], "demand_paths must be at least 0"),
        ([1, 2], r"demand_paths must have shape \(…, path, period\), got shape \(2,\)"),
        (np.empty((2, 0, 3)), "demand_paths must have shape"),
    ],
)
def test_paths_that_are_no_demand_are_refused(paths, message):
    with pytest.raises(ValueError, match=message):
        cumulative_demand_pmf(paths)
