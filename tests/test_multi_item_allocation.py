"""Safety stocks of many SKUs that share a service target and a budget."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from optimization.multi_item_allocation import ServiceOutOfReach, shared_safety_stock

FIVE = {
    "lead_time_demand_mean": [100, 40, 250, 15, 60],
    "lead_time_demand_sd": [30, 25, 60, 12, 10],
    "holding_cost": [2, 5, 0.8, 12, 3],
    "unit_cost": [10, 20, 5, 60, 9],
    "fill_rate_target": 0.98,
}


@pytest.mark.known_answers("multi_item_allocation")
def test_known_answers(known_case, within):
    asked = known_case["inputs"]
    shared = shared_safety_stock(
        lead_time_demand_mean=asked["lead_time_demand_mean"],
        lead_time_demand_sd=asked["lead_time_demand_sd"],
        holding_cost=asked["holding_cost"],
        unit_cost=asked["unit_cost"],
        fill_rate_target=asked["beta"],
        budget=asked["safety_stock_budget"],
        least_safety_factor=asked["z_bounds"][0],
        most_safety_factor=asked["z_bounds"][1],
    )
    for name in known_case["expected"]:
        assert getattr(shared, name) == within(name)


def _loss(z):
    return stats.norm.pdf(z) - z * stats.norm.sf(z)


def _random_items(seed, count):
    rng = np.random.default_rng(seed)
    sd = rng.uniform(1, 50, count)
    return {
        "lead_time_demand_mean": sd * rng.uniform(1, 5, count),
        "lead_time_demand_sd": sd,
        "holding_cost": rng.lognormal(0, 1, count),
        "unit_cost": rng.lognormal(2, 1, count),
    }


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_a_general_solver(seed):
    items, target = _random_items(seed, 6), 0.97
    sd, holding, cost = (np.asarray(items[name]) for name in ("lead_time_demand_sd", "holding_cost", "unit_cost"))
    free = shared_safety_stock(**items, fill_rate_target=target)
    with pytest.raises(ServiceOutOfReach) as refused:
        shared_safety_stock(**items, fill_rate_target=target, budget=-1e9)
    smallest = refused.value.smallest_budget
    budget = smallest + 0.4 * (free.stock_value - smallest)
    shared = shared_safety_stock(**items, fill_rate_target=target, budget=budget)
    allowed = (1 - target) * np.sum(items["lead_time_demand_mean"])
    solved = optimize.minimize(
        lambda z: (holding * sd * z).sum(),
        np.full(6, 1.5),
        jac=lambda _: holding * sd,
        bounds=[(-3, 5)] * 6,
        constraints=[
            {"type": "ineq", "fun": lambda z: (allowed - (sd * _loss(z)).sum()) / allowed},
            {"type": "ineq", "fun": lambda z: (budget - (cost * sd * z).sum()) / abs(budget)},
        ],
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert shared.total_holding_cost == pytest.approx(solved.fun, rel=1e-5)
    assert shared.total_holding_cost <= solved.fun * (1 + 1e-7)
    assert shared.expected_shortage == pytest.approx(allowed, rel=1e-11)
    assert shared.stock_value == pytest.approx(budget, rel=1e-11)


@given(st.integers(0, 10_000), st.floats(0.5, 0.9999), st.floats(0.001, 0.999))
def test_prices_prove_the_answer(seed, target, part):
    """The Lagrangian at the prices, least over each z alone, is a lower bound on the cost, and equals it."""
    items = _random_items(seed, 40)
    sd, holding, cost = (np.asarray(items[name]) for name in ("lead_time_demand_sd", "holding_cost", "unit_cost"))
    free = shared_safety_stock(**items, fill_rate_target=target)
    with pytest.raises(ServiceOutOfReach) as refused:
        shared_safety_stock(**items, fill_rate_target=target, budget=-1e9)
    budget = part * free.stock_value + (1 - part) * refused.value.smallest_budget
    shared = shared_safety_stock(**items, fill_rate_target=target, budget=budget)
    allowed = (1 - target) * np.sum(items["lead_time_demand_mean"])
    short, paid = shared.shortage_price, holding + shared.budget_price * cost
    z = np.clip(stats.norm.isf(np.minimum(paid / short, 1)), -3, 5) if short > 0 else np.full(40, -3.0)
    bound = (sd * (paid * z + short * _loss(z))).sum() - short * allowed - shared.budget_price * budget
    scale = abs(bound) + short * allowed + shared.budget_price * abs(budget)
    assert shared.total_holding_cost == pytest.approx(bound, rel=1e-9, abs=1e-10 * scale)
    assert shared.expected_shortage <= allowed * (1 + 1e-11)
    assert shared.stock_value <= budget + 1e-11 * (cost * sd * 5).sum()


def test_without_a_budget_all_run_short_in_proportion_to_their_holding_cost():
    shared = shared_safety_stock(**FIVE)
    chance = stats.norm.sf(shared.safety_stock / np.array(FIVE["lead_time_demand_sd"]))
    assert chance / np.array(FIVE["holding_cost"]) == pytest.approx(1 / shared.shortage_price, rel=1e-10)
    assert shared.fill_rate == pytest.approx(0.98, rel=1e-13)
    assert shared.budget_price == 0.0


def test_a_budget_that_suffices_changes_nothing():
    free = shared_safety_stock(**FIVE)
    ample = shared_safety_stock(**FIVE, budget=free.stock_value + 1)
    assert ample.safety_stock.tolist() == free.safety_stock.tolist()
    assert ample.budget_price == 0.0


def test_prices_are_what_the_next_unit_costs():
    budget, step = 1579.5183096360513, 1e-3
    base = shared_safety_stock(**FIVE, budget=budget)
    more = shared_safety_stock(**FIVE, budget=budget + step)
    less = shared_safety_stock(**FIVE, budget=budget - step)
    saved = (less.total_holding_cost - more.total_holding_cost) / (2 * step)
    assert base.budget_price > 0
    assert base.budget_price == pytest.approx(saved, rel=1e-5)
    demanded, shift = 465.0, 1e-7
    higher = shared_safety_stock(**{**FIVE, "fill_rate_target": 0.98 + shift}, budget=budget)
    lower = shared_safety_stock(**{**FIVE, "fill_rate_target": 0.98 - shift}, budget=budget)
    paid = (higher.total_holding_cost - lower.total_holding_cost) / (2 * shift * demanded)
    assert base.shortage_price == pytest.approx(paid, rel=1e-4)


def test_the_smallest_budget_named_is_one_that_fits():
    with pytest.raises(ServiceOutOfReach, match="budget must be at least") as refused:
        shared_safety_stock(**FIVE, budget=1000.0)
    smallest = refused.value.smallest_budget
    assert shared_safety_stock(**FIVE, budget=smallest).fill_rate == pytest.approx(0.98, rel=1e-12)
    with pytest.raises(ServiceOutOfReach):
        shared_safety_stock(**FIVE, budget=smallest * (1 - 1e-9))
    reachable = refused.value.best_fill_rate
    assert reachable < 0.98
    again = shared_safety_stock(**{**FIVE, "fill_rate_target": reachable - 1e-9}, budget=1000.0)
    assert again.stock_value == pytest.approx(1000.0, rel=1e-6)


def test_a_target_beyond_the_bounds_is_refused():
    with pytest.raises(ServiceOutOfReach, match="at most_safety_factor") as refused:
        shared_safety_stock(**FIVE, most_safety_factor=0.5)
    assert refused.value.smallest_budget is None
    sd, mean = np.array(FIVE["lead_time_demand_sd"]), np.array(FIVE["lead_time_demand_mean"])
    assert refused.value.best_fill_rate == pytest.approx(1 - _loss(0.5) * sd.sum() / mean.sum())


def test_a_modest_target_leaves_all_at_their_least():
    shared = shared_safety_stock(**{**FIVE, "fill_rate_target": 0.01}, least_safety_factor=[-1, -1, -1, -0.5, -1])
    assert shared.safety_stock.tolist() == [-30.0, -25.0, -60.0, -6.0, -10.0]
    assert shared.shortage_price == 0.0


def test_items_that_cost_nothing_to_hold_are_held_to_their_bound():
    shared = shared_safety_stock(**{**FIVE, "holding_cost": [2, 5, 0, 12, 3]})
    assert shared.safety_stock[2] == 5 * 60
    nothing = shared_safety_stock(**{**FIVE, "holding_cost": 0, "unit_cost": 0}, budget=0.0)
    assert nothing.total_holding_cost == 0.0
    assert nothing.safety_stock.tolist() == [150.0, 125.0, 300.0, 60.0, 50.0]


def test_items_whose_demand_is_certain_need_no_safety_stock():
    shared = shared_safety_stock(**{**FIVE, "lead_time_demand_sd": [30, 0, 60, 12, 0]}, budget=2000.0)
    assert shared.safety_stock[[1, 4]].tolist() == [0.0, 0.0]
    certain = shared_safety_stock(**{**FIVE, "lead_time_demand_sd": 0.0})
    assert (certain.total_holding_cost, certain.fill_rate, certain.expected_shortage) == (0.0, 1.0, 0.0)


def test_costs_of_very_different_size_keep_their_proportions():
    items = _random_items(3, 200)
    rng = np.random.default_rng(4)
    items["holding_cost"] = 10 ** rng.uniform(-6, 6, 200)
    shared = shared_safety_stock(**items, fill_rate_target=0.99)
    factor = shared.safety_stock / items["lead_time_demand_sd"]
    free = (factor > -3) & (factor < 5)
    chance = stats.norm.sf(factor[free])
    assert chance * shared.shortage_price == pytest.approx(items["holding_cost"][free], rel=1e-9)
    assert shared.fill_rate == pytest.approx(0.99, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_stock_scales_with_the_unit(scale):
    one = shared_safety_stock(**FIVE, budget=1579.5)
    scaled = shared_safety_stock(
        **{**FIVE, "lead_time_demand_mean": scale * np.array(FIVE["lead_time_demand_mean"])}
        | {"lead_time_demand_sd": scale * np.array(FIVE["lead_time_demand_sd"])},
        budget=1579.5 * scale,
    )
    assert scaled.safety_stock == pytest.approx(scale * one.safety_stock, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fill_rate_target": 1.0}, r"strictly between 0 and 1, got 1\.0"),
        ({"holding_cost": [1, 1, -1, 1, 1]}, r"holding_cost must be at least 0 and finite, got -1\.0 \(index 2\)"),
        ({"unit_cost": [1, 2]}, "one number or one per SKU"),
        ({"budget": np.inf}, "budget must be finite, got inf"),
        ({"least_safety_factor": 6}, "least_safety_factor must be at most most_safety_factor"),
        ({"most_safety_factor": 50}, "most_safety_factor must be at least -37 and at most 37"),
    ],
)
def test_refuses_by_name(change, said):
    with pytest.raises(ValueError, match=said):
        shared_safety_stock(**{**FIVE, **change})
