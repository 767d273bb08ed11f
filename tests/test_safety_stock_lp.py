"""Reorder points of SKUs that compete for one budget and share one fill rate."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from optimization import Infeasible, safety_stock_levels, shortage_curves

LEVELS = np.array([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995])


def assortment(count, seed, *, levels=LEVELS, same_holding=True, usual_demand=7.4):
    """Random SKUs with negative binomial demand."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(np.log(usual_demand), 1.0, count))
    variance = mean + 0.5 * mean**1.6
    success = (mean / variance)[:, None]
    demand = stats.nbinom.ppf(levels, mean[:, None] * success / (1 - success), success).astype(int)
    cost = np.exp(rng.normal(2, 1, count)).round(2)
    return {
        "names": [f"SKU-{number}" for number in range(count)],
        "levels": levels,
        "lead_time_demand": demand,
        "lead_time_demand_mean": mean,
        "demand_rate": mean / 3,
        "order_quantity": np.ceil(np.maximum(mean * rng.uniform(0.4, 1.5, count), 1)),
        "unit_cost": cost,
        "unit_value": cost * rng.uniform(1.1, 2.0, count),
        "holding_cost_rate": 0.005 if same_holding else rng.uniform(0.002, 0.01, count),
    }


def exact_poisson(mean, most):
    """Cumulative probabilities as levels, so that the quantiles say everything."""
    return stats.poisson.cdf(np.arange(most), mean), np.arange(most)[None, :]


def outcomes_of_every_level(asked):
    """Per SKU, share of demand unmet and units backordered at every whole r, positions r + 1 … r + Q one by one."""
    curves = shortage_curves(asked["levels"], asked["lead_time_demand"], asked["lead_time_demand_mean"])
    found = []
    for knots, short, lot in zip(curves.knots, curves.shortage, asked["order_quantity"].astype(int), strict=True):
        keep = np.append(np.diff(knots) > 0, True)
        knots, short = knots[keep], short[keep]
        slope = (short[-2] - short[-1]) / (knots[-1] - knots[-2])
        positions = np.arange(knots[-1] + lot + 1)
        beyond = np.maximum(short[-1] - slope * (positions - knots[-1]), 0.0)
        n = np.where(positions > knots[-1], beyond, np.interp(positions, knots, short))
        each = np.arange(knots[-1] + 1)
        backorders = np.array([n[r + 1 : r + lot + 1].mean() for r in each])
        found.append(np.stack(((n[each] - n[each + lot]) / lot, backorders), axis=1))
    return found


def outcomes(asked, reorder_points):
    return np.array([one[r] for one, r in zip(outcomes_of_every_level(asked), reorder_points, strict=True)]).T


def stock_value(asked, reorder_points):
    _, backorders = outcomes(asked, reorder_points)
    on_hand = reorder_points - asked["lead_time_demand_mean"] + (asked["order_quantity"] + 1) / 2 + backorders
    return asked["unit_cost"] * on_hand


def fill_rate(asked, reorder_points):
    weight = asked["unit_value"] * asked["demand_rate"]
    return 1 - weight @ outcomes(asked, reorder_points)[0] / weight.sum()


def hull(points, heights):
    """Corners of the lower convex hull, by trying every pair of points as an edge below all others."""
    corners, at = [0], 0
    while at < len(points) - 1:
        slopes = (heights[at + 1 :] - heights[at]) / (points[at + 1 :] - points[at])
        at += 1 + int(np.flatnonzero(slopes <= slopes.min() * (1 - 1e-9))[-1])
        corners.append(at)
    return np.array(corners)


def smallest_holding_cost(asked, *, target, budget=None, floor=0.0):
    """The same program for HiGHS, its unmet share a hull over all whole reorder points, one weight per corner."""
    count = len(asked["names"])
    holding = np.broadcast_to(asked["holding_cost_rate"], count)
    weight = asked["unit_value"] * asked["demand_rate"] / (asked["unit_value"] * asked["demand_rate"]).sum()
    cost, unmet, value, owner = [], [], [], []
    for sku, found in enumerate(outcomes_of_every_level(asked)):
        every = np.arange(len(found))
        allowed = found[:, 0] <= 1 - floor + 1e-12
        every, found = every[allowed], found[allowed]
        corners = hull(every, found[:, 0])
        on_hand = every[corners] - asked["lead_time_demand_mean"][sku] + (asked["order_quantity"][sku] + 1) / 2
        money = asked["unit_cost"][sku] * (on_hand + found[corners, 1])
        cost.append(holding[sku] * money)
        value.append(money)
        unmet.append(weight[sku] * found[corners, 0])
        owner.append(np.full(len(corners), sku))
    cost, unmet, value, owner = map(np.concatenate, (cost, unmet, value, owner))
    rows, limits = [unmet], [1 - target]
    if budget is not None:
        rows.append(value)
        limits.append(budget)
    one_each = (owner == np.arange(count)[:, None]).astype(float)
    solved = linprog(cost, A_ub=np.array(rows), b_ub=limits, A_eq=one_each, b_eq=np.ones(count))
    return solved.fun if solved.status == 0 else None


def test_the_shortage_curve_of_exact_probabilities_is_exact():
    levels, demand = exact_poisson(4.0, 22)
    curve = shortage_curves(levels, demand, np.array([4.0]))
    support = np.arange(80)
    for reorder_point in range(15):
        short = np.maximum(support - reorder_point, 0) @ stats.poisson.pmf(support, 4.0)
        assert curve.at(np.array([reorder_point]))[0] == pytest.approx(short, abs=1e-6)


def test_the_shortage_curve_of_some_thirty_quantiles_comes_close():
    mean = np.array([80.0])
    levels = np.append(np.linspace(0.05, 0.95, 26), [0.965, 0.975, 0.985, 0.99, 0.995, 0.999])
    demand = stats.poisson.ppf(levels, mean[:, None]).astype(int)
    curve = shortage_curves(levels, demand, mean)
    support = np.arange(400)
    for reorder_point in (80, 90, 100):
        short = np.maximum(support - reorder_point, 0) @ stats.poisson.pmf(support, 80.0)
        assert curve.at(np.array([reorder_point]))[0] == pytest.approx(short, abs=0.02)


@pytest.mark.parametrize("seed", range(10))
def test_shortage_curves_start_at_the_mean_fall_and_are_convex(seed):
    asked = assortment(40, seed)
    curves = shortage_curves(asked["levels"], asked["lead_time_demand"], asked["lead_time_demand_mean"])
    np.testing.assert_allclose(curves.shortage[:, 0], asked["lead_time_demand_mean"], rtol=0.02)
    for widths, slopes in zip(curves.widths(), curves.slopes(), strict=True):
        assert (np.diff(slopes[widths > 0]) <= 1e-9).all()
        assert (slopes[widths > 0] > 0).all()
        assert (slopes <= 1 + 1e-9).all()


@pytest.mark.parametrize("target", [0.9, 0.95, 0.99])
def test_a_single_sku_gets_the_smallest_reorder_point_that_meets_the_target(target):
    levels, demand = exact_poisson(6.0, 25)
    lot = 10
    met = [stats.poisson.cdf(np.arange(r, r + lot), 6.0).mean() for r in range(30)]  # positions r + 1 … r + Q
    wanted = next(r for r in range(30) if met[r] >= target)
    stock = safety_stock_levels(
        names=["A"],
        levels=levels,
        lead_time_demand=demand,
        lead_time_demand_mean=[6.0],
        demand_rate=[2.0],
        order_quantity=[lot],
        unit_cost=[5.0],
        unit_value=[9.0],
        fill_rate_target=target,
        holding_cost_rate=0.01,
    )
    assert stock.reorder_point.tolist() == [wanted]
    assert stock.safety_stock.tolist() == [wanted - 6.0]
    assert stock.order_up_to_level.tolist() == [wanted + lot]
    assert stock.achieved_fill_rate >= target
    assert stock.binding == ("fill rate",)


@pytest.mark.parametrize("seed", range(30))
def test_highs_finds_the_same_holding_cost(seed):
    asked = assortment(12, seed, same_holding=seed % 2 == 0)
    floor = 0.7 if seed % 3 == 0 else 0.0
    free = safety_stock_levels(**asked, fill_rate_target=0.95, fill_rate_floor=floor)
    budget = free.total_stock_value * 0.998 if seed % 2 else None
    expected = smallest_holding_cost(asked, target=0.95, budget=budget, floor=floor)
    if expected is None:
        with pytest.raises(Infeasible):
            safety_stock_levels(**asked, fill_rate_target=0.95, fill_rate_floor=floor, stock_budget=budget)
        return
    stock = safety_stock_levels(**asked, fill_rate_target=0.95, fill_rate_floor=floor, stock_budget=budget)
    assert stock.optimal_holding_cost == pytest.approx(expected, rel=1e-7)
    assert stock.certificate.gap < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_no_whole_reorder_points_are_cheaper_than_the_program_says(seed):
    """Three slow movers, all reorder points tried; rounding costs less than one unit of each rounded SKU."""
    asked = assortment(3, 100 + seed, usual_demand=2.0)
    stock = safety_stock_levels(**asked, fill_rate_target=0.92)
    highest = np.minimum(asked["lead_time_demand"][:, -1] + 1, 45)
    tried = np.array(list(itertools.product(*(range(most + 1) for most in highest))))
    weight = asked["unit_value"] * asked["demand_rate"]
    each = outcomes_of_every_level(asked)
    unmet, backorders = (
        np.stack([one[tried[:, sku], part] for sku, one in enumerate(each)], axis=1) for part in (0, 1)
    )
    on_hand = tried - asked["lead_time_demand_mean"] + backorders + (asked["order_quantity"] + 1) / 2
    costs = on_hand @ asked["unit_cost"] * asked["holding_cost_rate"]
    meets = 1 - unmet @ weight / weight.sum() >= 0.92
    cheapest = costs[meets].min()
    assert stock.optimal_holding_cost <= cheapest + 1e-9
    assert cheapest <= stock.holding_cost + 1e-9
    assert stock.holding_cost <= stock.optimal_holding_cost + 0.005 * asked["unit_cost"].max()
    assert stock.achieved_fill_rate >= 0.92


def test_the_figures_reported_are_those_of_the_reorder_points():
    asked = assortment(30, 1)
    stock = safety_stock_levels(**asked, fill_rate_target=0.97)
    unmet, _ = outcomes(asked, stock.reorder_point)
    np.testing.assert_allclose(stock.fill_rate, 1 - unmet)
    np.testing.assert_allclose(stock.expected_shortage, unmet * asked["order_quantity"])
    np.testing.assert_allclose(stock.average_stock_value, stock_value(asked, stock.reorder_point))
    np.testing.assert_allclose(stock.cover, stock.reorder_point / asked["demand_rate"])
    assert stock.achieved_fill_rate == pytest.approx(fill_rate(asked, stock.reorder_point))
    assert stock.total_stock_value == pytest.approx(stock.average_stock_value.sum())
    assert stock.value_of_budget is None


def test_every_sku_meets_its_floor():
    asked = assortment(30, 2)
    floor = np.linspace(0.5, 0.98, 30)
    stock = safety_stock_levels(**asked, fill_rate_target=0.9, fill_rate_floor=floor)
    assert (stock.fill_rate >= floor - 1e-9).all()
    assert "fill rate floor" in stock.binding


def test_a_budget_too_small_is_refused_with_what_would_be_possible():
    asked = assortment(15, 3)
    stock = safety_stock_levels(**asked, fill_rate_target=0.95)
    budget = stock.total_stock_value * 0.8
    with pytest.raises(Infeasible, match="stock_budget must be at least") as refused:
        safety_stock_levels(**asked, fill_rate_target=0.95, stock_budget=budget)
    best, needed = refused.value.best_fill_rate, refused.value.smallest_budget
    assert best < 0.95
    assert needed > budget
    # What is said to be possible is, and what lies just beyond is not.
    for target, money in ((best - 1e-6, budget), (0.95, needed * (1 + 1e-6))):
        assert smallest_holding_cost(asked, target=target, budget=money) is not None
        possible = safety_stock_levels(**asked, fill_rate_target=target, stock_budget=money)
        assert possible.total_stock_value <= money * (1 + 1e-9)
    for target, money in ((best + 1e-5, budget), (0.95, needed * (1 - 1e-5))):
        assert smallest_holding_cost(asked, target=target, budget=money) is None
        with pytest.raises(Infeasible):
            safety_stock_levels(**asked, fill_rate_target=target, stock_budget=money)


def test_a_budget_below_the_lots_alone_names_only_the_budget_needed():
    asked = assortment(5, 4)
    with pytest.raises(Infeasible, match="for the lots and fill rate floors alone") as refused:
        safety_stock_levels(**asked, fill_rate_target=0.95, stock_budget=1.0)
    assert refused.value.best_fill_rate is None
    needed = safety_stock_levels(**asked, fill_rate_target=0.95).total_stock_value
    assert refused.value.smallest_budget == pytest.approx(needed, rel=0.05)


def test_a_target_beyond_the_quantiles_is_refused_whatever_the_budget():
    with pytest.raises(Infeasible, match="give higher levels") as refused:
        safety_stock_levels(**assortment(5, 5), fill_rate_target=1 - 1e-9)
    assert 0.99 < refused.value.best_fill_rate < 1
    assert refused.value.smallest_budget is None


def test_rounding_never_breaks_the_budget():
    for seed in range(10):
        asked = assortment(4, 200 + seed)
        with pytest.raises(Infeasible) as refused:
            safety_stock_levels(**asked, fill_rate_target=0.95, stock_budget=0.0)
        money = refused.value.smallest_budget * (1 + 1e-7)
        stock = safety_stock_levels(**asked, fill_rate_target=0.95, stock_budget=money)
        assert stock.total_stock_value <= money * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_price_of_fill_rate_lies_between_the_costs_of_less_and_of_more(seed):
    asked = assortment(25, 300 + seed)
    step = 1e-4
    cost = [smallest_holding_cost(asked, target=0.95 + shift) for shift in (-step, 0.0, step)]
    price = safety_stock_levels(**asked, fill_rate_target=0.95).price_of_fill_rate
    before, after = (cost[1] - cost[0]) / (100 * step), (cost[2] - cost[1]) / (100 * step)
    assert before * (1 - 1e-5) <= price <= after * (1 + 1e-5)
    assert price > 0


@pytest.mark.parametrize("seed", range(5))
def test_the_value_of_the_budget_lies_between_the_savings_of_more_and_of_less(seed):
    asked = assortment(60, 400 + seed, same_holding=False)
    free = safety_stock_levels(**asked, fill_rate_target=0.95)
    with pytest.raises(Infeasible) as refused:
        safety_stock_levels(**asked, fill_rate_target=0.95, stock_budget=0.0)
    budget = 0.2 * free.total_stock_value + 0.8 * refused.value.smallest_budget
    step = 1e-3 * (free.total_stock_value - refused.value.smallest_budget)
    cost = [smallest_holding_cost(asked, target=0.95, budget=budget + shift) for shift in (-step, 0.0, step)]
    stock = safety_stock_levels(**asked, fill_rate_target=0.95, stock_budget=budget)
    more, less = (cost[1] - cost[2]) / step, (cost[0] - cost[1]) / step
    assert more - 1e-6 <= stock.value_of_budget <= less + 1e-6
    assert stock.value_of_budget > 0
    assert {"budget", "fill rate"} <= set(stock.binding)


def test_a_sku_without_demand_holds_nothing():
    asked = assortment(3, 6)
    asked["lead_time_demand"][1] = 0
    for name in ("lead_time_demand_mean", "demand_rate", "order_quantity"):
        asked[name][1] = 0
    stock = safety_stock_levels(**asked, fill_rate_target=0.95)
    assert stock.reorder_point[1] == 0
    assert stock.average_stock_value[1] == 0
    assert stock.order_up_to_level[1] == 0
    assert stock.fill_rate[1] == 1


def test_nothing_demanded_at_all_needs_no_stock():
    stock = safety_stock_levels(
        names=["A"],
        levels=[0.9],
        lead_time_demand=[[0]],
        lead_time_demand_mean=[0],
        demand_rate=[0],
        order_quantity=[0],
        unit_cost=[1],
        unit_value=[1],
        fill_rate_target=0.95,
        holding_cost_rate=0.01,
    )
    assert stock.total_stock_value == 0
    assert stock.achieved_fill_rate == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit_cost": [1.0, np.nan]}, "unit_cost of SKU-1 must be at least 0 and finite, got nan"),
        ({"unit_value": [1.0]}, r"unit_value must be one number or one per SKU \(2\), got shape \(1,\)"),
        ({"order_quantity": [1.0, 0.0]}, "order_quantity of SKU-1 must be positive, got 0"),
        ({"demand_rate": [0.0, 1.0]}, "of SKU-0 must both be 0 or both positive"),
        ({"levels": [0.9, 0.5]}, "levels must rise strictly between 0 and 1"),
        ({"lead_time_demand": [[1, 2], [3, 2]]}, "lead_time_demand of SKU-1 must not fall"),
        ({"lead_time_demand": [[1, 2], [3, 4.5]]}, "lead_time_demand of SKU-1 must be whole units"),
        ({"lead_time_demand": [[1, np.nan], [3, 4]]}, "lead_time_demand of SKU-0 must be finite"),
        ({"lead_time_demand": [[1, 2, 3], [3, 4, 5]]}, r"must have shape \(SKU, level\) = \(2, 2\)"),
        ({"fill_rate_target": 1.0}, "fill_rate_target must lie strictly between 0 and 1, got 1"),
        ({"fill_rate_floor": 1.0}, "fill_rate_floor of SKU-0 must be at least 0 and less than 1"),
        ({"holding_cost_rate": 0.0}, "holding_cost_rate of SKU-0 must be more than 0"),
        ({"stock_budget": np.nan}, "stock_budget must be finite and not negative, got nan"),
        ({"unit_value": 0.0}, "unit_value must be positive for some SKU"),
    ],
)
def test_refuses_figures_by_name(change, message):
    asked = {
        "names": ["SKU-0", "SKU-1"],
        "levels": [0.5, 0.9],
        "lead_time_demand": [[1, 2], [3, 4]],
        "lead_time_demand_mean": [1.1, 3.2],
        "demand_rate": [0.4, 1.0],
        "order_quantity": [2, 4],
        "unit_cost": [1.0, 2.0],
        "unit_value": [2.0, 3.0],
        "fill_rate_target": 0.9,
        "holding_cost_rate": 0.01,
    }
    with pytest.raises(ValueError, match=message):
        safety_stock_levels(**(asked | change))


def test_rounding_thousands_of_skus_hardly_overshoots_the_target():
    asked = assortment(4000, 7, levels=np.append(np.linspace(0.05, 0.95, 26), [0.975, 0.99, 0.995, 0.999]))
    stock = safety_stock_levels(**asked, fill_rate_target=0.97)
    assert 0.97 <= stock.achieved_fill_rate < 0.9701
    assert stock.certificate.gap < 1e-9
