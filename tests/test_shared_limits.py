"""Limits that SKUs share: what they come to, what they cost, and which of them cannot be kept together."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from optimization import Infeasible, Limit, safety_stock_levels
from optimization.level_problem import level_problem
from optimization.segments import solve
from tests.stock_level_cases import assortment, every_level

TARGET = "fill rate"


def figures(asked, reorder_points):
    """Fill rate, stock on hand and order-up-to level of each SKU."""
    found = [(fill[r], held[r]) for (fill, held), r in zip(every_level(asked), reorder_points, strict=True)]
    fill, held = np.array(found).T
    return {"fill rate": fill, "stock": held, "order-up-to level": reorder_points + asked["order_quantity"]}


def value_of_demand(asked):
    return asked["unit_value"] * asked["demand_rate"]


def upper_hull(heights):
    """Corners of the least concave curve above whole levels."""
    corners = [0]
    while corners[-1] < len(heights) - 1:
        at = corners[-1]
        steepness = (heights[at + 1 :] - heights[at]) / np.arange(1, len(heights) - at)
        corners.append(at + 1 + int(np.flatnonzero(steepness >= steepness.max() * (1 - 1e-9))[-1]))
    return np.array(corners)


def best(asked, limits, *, objective="holding cost", lowest=0, highest=None, corners_only=True):
    """The best objective by linprog, shares of the hull's corners (or of all levels); None where limits contradict."""
    count = len(asked["names"])
    lowest = np.broadcast_to(lowest, count)
    owner, fill, held, upto = [], [], [], []
    for sku, (rates, stock) in enumerate(every_level(asked)):
        last = len(rates) - 1 if highest is None else min(len(rates) - 1, int(np.broadcast_to(highest, count)[sku]))
        allowed = rates[lowest[sku] : max(last, lowest[sku]) + 1]
        corners = lowest[sku] + (upper_hull(allowed) if corners_only else np.arange(len(allowed)))
        owner.append(np.full(len(corners), sku))
        fill.append(rates[corners])
        held.append(stock[corners])
        upto.append(corners + asked["order_quantity"][sku])
    owner, fill, held, upto = map(np.concatenate, (owner, fill, held, upto))
    by_measure = {"fill rate": fill, "stock": held, "order-up-to level": upto}
    rows, sides = [], []
    for limit in limits:
        weight = np.broadcast_to(np.asarray(limit.weight, dtype=float), count)
        weight = weight / weight.sum() if limit.measure == "fill rate" else weight
        row = weight[owner] * by_measure[limit.measure]
        if limit.at_least is not None:
            rows.append(-row)
            sides.append(-limit.at_least)
        if limit.at_most is not None:
            rows.append(row)
            sides.append(limit.at_most)
    share = value_of_demand(asked) / value_of_demand(asked).sum()
    rate = np.broadcast_to(asked["holding_cost_rate"], count) if objective == "holding cost" else np.ones(count)
    cost = -share[owner] * fill if objective == "fill rate" else (rate * asked["unit_cost"])[owner] * held
    size = np.abs(np.array(rows)).max(axis=1) if rows else np.zeros(0)
    solved = linprog(
        cost,
        A_ub=np.array(rows) / size[:, None] if rows else None,
        b_ub=np.array(sides) / size if rows else None,
        A_eq=(owner == np.arange(count)[:, None]).astype(float),
        b_eq=np.ones(count),
    )
    return solved.fun if solved.status == 0 else None


def target(asked, at_least):
    """The aggregate target written as a limit."""
    return Limit(TARGET, "fill rate", value_of_demand(asked), at_least=at_least)


def random_limits(asked, seed):
    """Some limits of every kind, drawn around what a plan without them comes to."""
    luck = np.random.default_rng(seed)
    count = len(asked["names"])
    free = figures(asked, safety_stock_levels(**asked, fill_rate_target=0.94).reorder_point)
    of_class, at_site = luck.random(count) < 0.5, luck.random(count) < 0.6
    of_class[0], at_site[-1] = True, True
    supplier = np.arange(count) % 3 == 1
    volume, cost = luck.uniform(0.01, 0.2, count), asked["unit_cost"]
    by = [value_of_demand(asked), asked["demand_rate"], asked["demand_rate"] / luck.integers(1, 9, count)]
    reached = {
        "space": volume * at_site @ free["stock"],
        "money": cost @ free["stock"],
        "supplier": cost * supplier @ free["order-up-to level"],
    }
    possible = [
        Limit("class by value", "fill rate", by[0] * of_class, at_least=0.96),
        Limit("class by units", "fill rate", by[1] * ~of_class + 1e-3, at_least=0.9),
        Limit("lines", "fill rate", by[2], at_least=0.95),
        Limit("space", "stock", volume * at_site, at_most=reached["space"] * luck.uniform(0.9, 1.05), unit="m³"),
        Limit("money", "stock", cost, at_most=reached["money"] * luck.uniform(0.98, 1.1), unit="EUR"),
        Limit("minimum", "order-up-to level", cost * supplier, at_least=reached["supplier"] * luck.uniform(0.9, 1.1)),
        Limit(
            "maximum",
            "order-up-to level",
            cost * ~supplier,
            at_most=1.02 * cost * ~supplier @ free["order-up-to level"],
        ),
    ]
    return [limit for limit in possible if luck.random() < 0.6]


@pytest.mark.parametrize("seed", range(18))
def test_another_program_finds_the_same_optimum_under_any_limits(seed):
    luck = np.random.default_rng(1000 + seed)
    asked = assortment(9, seed, same_holding=seed % 2 == 0)
    if seed % 3 == 0:
        asked["review_demand"] = asked["demand_rate"] * luck.uniform(0, 1, 9)
    limits = random_limits(asked, seed)
    objective = ("holding cost", "stock value", "fill rate")[seed % 3]
    lowest = luck.integers(0, 4, 9) if seed % 4 == 1 else 0
    highest = np.maximum(asked["lead_time_demand"][:, -2], 4) if seed % 4 in (1, 2) else None
    wanted = None if objective == "fill rate" else 0.94
    given = asked | {
        "limits": limits,
        "fill_rate_target": wanted,
        "objective": objective,
        "reorder_point_min": lowest,
        "reorder_point_max": highest,
    }
    every = [*limits, *([target(asked, wanted)] if wanted else [])]
    expected = best(asked, every, objective=objective, lowest=lowest, highest=highest)
    if expected is None:
        with pytest.raises(Infeasible):
            safety_stock_levels(**given)
        return
    stock = safety_stock_levels(**given)
    share = value_of_demand(asked) / value_of_demand(asked).sum()
    base = figures(asked, np.broadcast_to(lowest, 9))
    rate = np.broadcast_to(asked["holding_cost_rate"], 9)
    begun = {
        "holding cost": rate * asked["unit_cost"] @ base["stock"],
        "stock value": asked["unit_cost"] @ base["stock"],
        "fill rate": -share @ base["fill rate"],
    }[objective]
    assert begun + stock.certificate.objective == pytest.approx(expected, rel=1e-7)
    assert stock.certificate.gap < 1e-9
    if objective == "holding cost":
        assert stock.optimal_holding_cost == pytest.approx(expected, rel=1e-7)


@pytest.fixture(scope="module")
def answers():
    """Assortments with limits that can be kept, and their answers."""
    found = []
    for seed in range(12):
        asked = assortment(9, seed, same_holding=seed % 2 == 0)
        limits = random_limits(asked, seed)
        try:
            found.append((asked, limits, safety_stock_levels(**asked, fill_rate_target=0.94, limits=limits)))
        except Infeasible:
            continue
    return found


def test_what_each_limit_reached_is_what_the_levels_come_to(answers):
    for asked, limits, stock in answers:
        found = figures(asked, stock.reorder_point)
        for limit, outcome in zip(limits, stock.limits[1:], strict=True):
            weight = np.asarray(limit.weight)
            total = weight @ found[limit.measure] / (weight.sum() if limit.measure == "fill rate" else 1)
            assert (outcome.name, outcome.reached) == (limit.name, pytest.approx(total, rel=1e-9))
        assert stock.limits[0].reached == pytest.approx(stock.achieved_fill_rate)
        np.testing.assert_allclose(stock.fill_rate, found["fill rate"], atol=1e-12)
        np.testing.assert_allclose(stock.average_stock_value, asked["unit_cost"] * found["stock"], rtol=1e-9)


def test_every_price_lies_between_the_costs_of_a_little_less_and_a_little_more(answers):
    binding = set()
    for asked, limits, stock in answers:
        every = [target(asked, 0.94), *limits]
        now = best(asked, every)
        for number, outcome in enumerate(stock.limits):
            side = "at_least" if outcome.at_least is not None else "at_most"
            limit = getattr(every[number], side)
            step = 3e-5 * limit
            costs = []
            for shift in (-step, step):
                moved = [*every]
                moved[number] = replace(every[number], **{side: limit + shift})
                costs.append(best(asked, moved))
            before = -np.inf if costs[0] is None else (now - costs[0]) / step
            after = np.inf if costs[1] is None else (costs[1] - now) / step
            slack = 1e-6 * now / step * 1e-2 + 1e-6 * abs(outcome.price)
            assert before - slack <= outcome.price <= after + slack
            binding.update({outcome.name} if outcome.binds else ())
    assert len(binding) >= 5  # the claim is empty for limits that never bind


@pytest.mark.parametrize("seed", range(6))
def test_the_best_service_of_a_budget_is_the_target_whose_least_stock_is_that_budget(seed):
    asked = assortment(12, 50 + seed)
    wanted = 0.9 + 0.01 * seed
    least = best(asked, [target(asked, wanted)], objective="stock value")
    stock = safety_stock_levels(**asked, fill_rate_target=None, stock_budget=least, objective="fill rate")
    base = float(value_of_demand(asked) @ figures(asked, np.zeros(12, dtype=int))["fill rate"])
    reached = base / value_of_demand(asked).sum() - stock.certificate.objective
    assert reached == pytest.approx(wanted, abs=1e-8)
    assert stock.total_stock_value <= least * (1 + 1e-9)
    assert stock.value_of_budget > 0
    assert stock.price_of_fill_rate == 0
    other = safety_stock_levels(**asked, fill_rate_target=wanted, objective="stock value")
    assert 1 / other.limits[0].price == pytest.approx(stock.value_of_budget, rel=1e-6)


def test_least_stock_and_least_holding_cost_differ_where_holding_rates_do():
    asked = assortment(30, 3, same_holding=False)
    by_cost = safety_stock_levels(**asked, fill_rate_target=0.95)
    by_stock = safety_stock_levels(**asked, fill_rate_target=0.95, objective="stock value")
    assert by_stock.total_stock_value < by_cost.total_stock_value
    assert by_cost.holding_cost < by_stock.holding_cost
    assert by_stock.limits[0].objective == "stock value"


def test_levels_stay_between_the_lowest_and_the_highest_asked_for():
    asked = assortment(20, 8)
    free = safety_stock_levels(**asked, fill_rate_target=0.94)
    lowest, highest = np.zeros(20, dtype=int), np.full(20, 10_000)
    lowest[:6], highest[6:12] = free.reorder_point[:6] + 2, np.maximum(free.reorder_point[6:12] - 1, 0)
    stock = safety_stock_levels(**asked, fill_rate_target=0.94, reorder_point_min=lowest, reorder_point_max=highest)
    assert (stock.reorder_point >= lowest).all()
    assert (stock.reorder_point <= highest).all()
    assert stock.achieved_fill_rate >= 0.94
    held = set(stock.is_held_by[:6]), set(stock.is_held_by[6:12])
    assert held == ({"lowest"}, {"highest"})
    assert np.isinf(stock.next_unit_cost[6:12]).all()
    assert stock.holding_cost > free.holding_cost


def test_fixed_levels_are_kept_and_what_they_come_to_is_said():
    asked = assortment(5, 9)
    given = asked["lead_time_demand"][:, 6]
    stock = safety_stock_levels(**asked, fill_rate_target=None, reorder_point_min=given, reorder_point_max=given)
    assert (stock.reorder_point == given).all()
    np.testing.assert_allclose(stock.fill_rate, figures(asked, given)["fill rate"])
    assert stock.binding == ()


def test_beyond_its_level_a_unit_is_not_worth_its_cost(answers):
    """But for those SKUs, one per limit at most, that lie between two levels before rounding."""
    for _, _, stock in answers:
        is_worth_more = stock.next_unit_worth > stock.next_unit_cost * (1 + 1e-6) + 1e-12
        assert is_worth_more.sum() <= len(stock.limits)


@pytest.mark.parametrize("seed", range(10))
def test_highs_and_cbc_find_the_same_optimum(seed):
    asked = assortment(25, 70 + seed, same_holding=seed % 2 == 0)
    given = asked | {"limits": random_limits(asked, seed), "fill_rate_target": 0.93}
    if best(asked, [target(asked, 0.93), *given["limits"]]) is None:
        for method in ("sifting", "highs", "cbc"):
            with pytest.raises(Infeasible):
                safety_stock_levels(**given, method=method)
        return
    ours = safety_stock_levels(**given)
    highs, cbc = (safety_stock_levels(**given, method=method) for method in ("highs", "cbc"))
    assert highs.optimal_holding_cost == pytest.approx(ours.optimal_holding_cost, rel=1e-9)
    assert cbc.optimal_holding_cost == pytest.approx(ours.optimal_holding_cost, rel=1e-7)


def test_whole_levels_are_better_than_the_program_by_the_stock_error_at_most(answers):
    """Shares of all whole levels instead of the hull's corners alone cost no more, and hardly less."""
    is_less = False
    for asked, limits, stock in answers:
        cheapest = best(asked, [target(asked, 0.94), *limits], corners_only=False)
        assert cheapest <= stock.optimal_holding_cost * (1 + 1e-9)
        assert cheapest >= (stock.optimal_holding_cost - stock.stock_error) * (1 - 1e-9)
        assert stock.stock_error <= 2e-3 * stock.optimal_holding_cost
        is_less = is_less or cheapest < stock.optimal_holding_cost * (1 - 1e-6)
    assert is_less


def test_the_stock_error_bounds_the_service_of_a_budget_too():
    asked = assortment(12, 77)
    budget = best(asked, [target(asked, 0.95)], objective="stock value")
    stock = safety_stock_levels(**asked, fill_rate_target=None, stock_budget=budget, objective="fill rate")
    money = Limit("money", "stock", asked["unit_cost"], at_most=budget)
    service = -best(asked, [money], objective="fill rate", corners_only=False)
    assert 0.95 - 1e-9 <= service <= 0.95 + stock.stock_error + 1e-9


# Limits that contradict each other


@pytest.fixture(scope="module")
def quarrels():
    """Assortments whose limits cannot be kept, with the refusals."""
    found = []
    for seed in range(14):
        asked = assortment(9, seed)
        limits = random_limits(asked, seed)
        tightened = [
            replace(limit, at_most=limit.at_most * 0.9)
            if limit.at_most
            else replace(limit, at_least=limit.at_least * 1.15 if limit.measure != "fill rate" else 0.985)
            for limit in limits
        ]
        try:
            safety_stock_levels(**asked, fill_rate_target=0.94, limits=tightened)
        except Infeasible as refused:
            found.append((asked, {limit.name: limit for limit in [target(asked, 0.94), *tightened]}, refused))
    return found


def test_of_the_limits_named_none_can_be_left_out_of_the_quarrel(quarrels):
    seen = set()
    for asked, limits, refused in quarrels:
        quarrel = [limits[name] for name in refused.limits]
        assert best(asked, quarrel) is None
        for one in quarrel:
            rest = [other for other in quarrel if other is not one]
            assert not rest or best(asked, rest) is not None
        seen.add(len(quarrel))
    assert {2, 3} <= seen


def test_the_change_named_settles_the_quarrel_and_a_hair_less_does_not(quarrels):
    seen = 0
    for asked, limits, refused in quarrels:
        for name, to in refused.changes:
            side = "at_least" if limits[name].at_least is not None else "at_most"
            asked_for = getattr(limits[name], side)
            hair = 1e-6 * max(abs(to), abs(asked_for))
            towards = np.sign(asked_for - to)
            for shift, is_possible in ((-towards * hair, True), (towards * hair, False)):
                changed = [
                    replace(limits[other], **{side: to + shift}) if other == name else limits[other]
                    for other in refused.limits
                ]
                assert (best(asked, changed) is not None) == is_possible
            seen += 1
    assert seen >= 10


def test_a_refusal_names_the_limits_and_the_least_changes_in_words():
    asked = assortment(9, 4)
    free = safety_stock_levels(**asked, fill_rate_target=0.94)
    space = Limit(
        "space at EAST", "stock", 0.1, at_most=0.08 * figures(asked, free.reorder_point)["stock"].sum(), unit="m³"
    )
    with pytest.raises(Infeasible) as refused:
        safety_stock_levels(**asked, fill_rate_target=0.99, limits=[space])
    words = str(refused.value)
    assert words.startswith("limits contradict each other: fill rate at least 0.99 and space at EAST at most ")
    assert " m³; any one of these settles it: fill rate at least 0." in words
    assert refused.value.limits == ("fill rate", "space at EAST")
    rate, room = (to for _, to in refused.value.changes)
    assert f"space at EAST at most {np.ceil(room * 1e6) / 1e6:,.6g}" in words
    assert refused.value.best_fill_rate == pytest.approx(rate)
    roomier = replace(space, at_most=room * (1 + 1e-9))
    assert safety_stock_levels(**asked, fill_rate_target=0.99, limits=[roomier]).certificate.gap < 1e-9


def test_a_floor_that_no_level_keeps_is_refused_with_the_sku_and_what_it_can_reach():
    asked = assortment(4, 5)
    with pytest.raises(
        Infeasible, match=r"fill_rate_floor of SKU-2 must be at most 0\.\d+, the most its highest level"
    ):
        safety_stock_levels(
            **asked, fill_rate_target=0.5, fill_rate_floor=[0, 0, 0.99, 0], reorder_point_max=[99, 99, 2, 99]
        )


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (
            Limit("x", "volume", 1.0, at_most=1.0),
            "measure of limit x must be one of fill rate, stock, order-up-to level",
        ),
        (Limit("x", "stock", [1.0], at_most=1.0), r"weight of limit x must be one number or one per SKU \(2\)"),
        (Limit("x", "stock", [1.0, -1.0], at_most=1.0), "weight of limit x must be finite and not negative, got -1"),
        (Limit("x", "stock", 1.0, at_least=1.0), "limit x on stock must be at_most, got at_least 1"),
        (Limit("x", "stock", 1.0, at_most=np.nan), "at_most of limit x must be finite, got nan"),
        (Limit("x", "fill rate", 1.0, at_most=0.9), "limit x on fill rate must be at_least, got at_most 0.9"),
        (Limit("x", "fill rate", 1.0, at_least=1.0), "limit x on fill rate must lie strictly between 0 and 1, got 1"),
        (
            Limit("x", "order-up-to level", 1.0, at_least=2.0, at_most=1.0),
            "limit x must not ask for more than it allows, got at_least 2.0 and at_most 1.0",
        ),
    ],
)
def test_refuses_limits_by_name(limit, message):
    with pytest.raises(ValueError, match=message):
        safety_stock_levels(**assortment(2, 0), fill_rate_target=0.9, limits=[limit])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reorder_point_min": [0, 5], "reorder_point_max": [9, 4]}, "reorder_point_max of SKU-1 must be at least its"),
        ({"reorder_point_min": 1.5}, "reorder_point_min of SKU-0 must be a whole number, got 1.5"),
        ({"reorder_point_min": -1}, "reorder_point_min of SKU-0 must be at least 0"),
        ({"review_demand": -1}, "review_demand of SKU-0 must be at least 0"),
    ],
)
def test_refuses_bounds_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        safety_stock_levels(**assortment(2, 0), fill_rate_target=0.9, **change)


def test_limits_on_skus_without_demand_ask_nothing():
    asked = assortment(3, 6)
    for name in ("lead_time_demand", "lead_time_demand_mean", "demand_rate", "order_quantity"):
        asked[name][1] = 0
    only = np.array([0.0, 1.0, 0.0])
    idle = [Limit("its rate", "fill rate", only, at_least=0.99), Limit("its space", "stock", only, at_most=0.0)]
    stock = safety_stock_levels(**asked, fill_rate_target=0.9, limits=idle)
    assert [outcome.price for outcome in stock.limits[1:]] == [0, 0]
    assert [outcome.reached for outcome in stock.limits[1:]] == [1, 0]


# Lots smaller than the demand of a lead time, and whole units


@pytest.mark.parametrize("seed", range(8))
def test_the_hull_error_bounds_how_far_the_programs_fill_rate_is_too_hopeful(seed):
    asked = assortment(6, 100 + seed, usual_demand=30.0, lots=(0.02, 0.15))
    given = {name: value for name, value in asked.items() if name != "names"} | {"fill_rate_target": 0.8}
    problem = level_problem(names=asked["names"], **given)
    taken = solve(problem.program).taken
    levels = problem.reorder_point(taken)
    true = 0.0
    for sku, (rates, _) in enumerate(every_level(asked)):
        true += problem.share[sku] * np.interp(levels[sku], np.arange(len(rates)), rates)
    stock = safety_stock_levels(**asked, fill_rate_target=0.8)
    assert -1e-9 <= 0.8 - true <= stock.hull_error + 1e-9
    assert stock.achieved_fill_rate >= 0.8


def test_no_lot_larger_than_the_demand_of_a_lead_time_has_a_hull_error():
    asked = assortment(40, 1, lots=(3.0, 6.0))
    assert safety_stock_levels(**asked, fill_rate_target=0.95).hull_error <= 2e-3


@pytest.mark.parametrize("seed", range(16))
def test_rounding_keeps_upper_limits_and_repairs_targets(seed):
    asked = assortment(7, 200 + seed, usual_demand=8.0, lots=(0.05, 1.0))
    limits = random_limits(asked, seed)
    try:
        stock = safety_stock_levels(**asked, fill_rate_target=0.93, limits=limits)
    except Infeasible:
        return
    has_upper = any(limit.at_most is not None for limit in limits)
    for outcome in stock.limits:
        if outcome.at_most is not None:
            assert outcome.reached <= outcome.at_most * (1 + 1e-9)
        elif not has_upper:
            assert outcome.reached >= outcome.at_least * (1 - 1e-9)


def test_a_single_sku_between_two_corners_of_its_hull_still_meets_its_target():
    """Bought one by one, 40 in a lead time: between 0 and half its demand the hull promises what no level keeps."""
    levels = stats.poisson.cdf(np.arange(90), 40.0)
    usable = (levels > 1e-9) & (levels < 1 - 1e-9)
    for wanted in (0.2, 0.5, 0.8, 0.95):
        stock = safety_stock_levels(
            names=["A"],
            levels=levels[usable],
            lead_time_demand=np.arange(90)[None, usable],
            lead_time_demand_mean=[40.0],
            demand_rate=[4.0],
            order_quantity=[1],
            unit_cost=[1.0],
            unit_value=[1.0],
            fill_rate_target=wanted,
            holding_cost_rate=0.01,
        )
        least = next(r for r in range(90) if stats.poisson.cdf(r, 40.0) >= wanted)
        assert stock.reorder_point.tolist() == [least]


def simulated(rate, lead_time, reorder_point, lot, *, periods, seed):
    """Fill rate, with its standard error, and stock on hand of unit demands in a Poisson stream; backorders wait."""
    luck = np.random.default_rng(seed)
    at = np.cumsum(luck.exponential(1 / rate, int(rate * periods)))
    count = len(at)
    # the position falls from r + Q to r + 1 and jumps at every Q-th demand, when a lot is ordered
    ordered_at = at[lot - 1 :: lot]
    arrived = np.searchsorted(ordered_at + lead_time, at, side="right") * lot
    before = reorder_point + lot + arrived - np.arange(count)  # net stock that each demand finds
    met = before > 0
    batches = met[: count // 40 * 40].reshape(40, -1).mean(axis=1)
    moments = np.linspace(at[count // 50], at[-1], 200_000)
    net = reorder_point + lot + np.searchsorted(ordered_at + lead_time, moments, side="right") * lot
    net = net - np.searchsorted(at, moments, side="right")
    return met.mean(), batches.std(ddof=1) / np.sqrt(40), np.maximum(net, 0).mean()


@pytest.mark.parametrize(("lot", "reorder_point"), [(1, 12), (4, 9), (4, 5), (10, 8), (40, 3), (40, 9)])
def test_a_simulated_system_meets_the_fill_rate_and_holds_the_stock_that_is_said(lot, reorder_point):
    """Ten units in a lead time; lots from one unit to four lead times' demand."""
    demand = np.arange(40)
    levels = stats.poisson.cdf(demand, 10.0)
    usable = levels < 1 - 1e-12
    stock = safety_stock_levels(
        names=["A"],
        levels=levels[usable],
        lead_time_demand=demand[None, usable],
        lead_time_demand_mean=[10.0],
        demand_rate=[5.0],
        order_quantity=[lot],
        unit_cost=[1.0],
        unit_value=[1.0],
        fill_rate_target=None,
        holding_cost_rate=0.01,
        reorder_point_min=reorder_point,
        reorder_point_max=reorder_point,
    )
    fill, error, on_hand = simulated(5.0, 2.0, reorder_point, lot, periods=120_000, seed=lot + reorder_point)
    assert error < 0.003
    assert stock.fill_rate[0] == pytest.approx(fill, abs=4 * error)
    assert stock.total_stock_value == pytest.approx(on_hand, rel=0.01)


# What is said of the limits


def test_prices_are_told_in_a_planners_words():
    asked = assortment(20, 11)
    free = safety_stock_levels(**asked, fill_rate_target=0.95)
    sentence = free.limits[0].sentence()
    assert sentence == (
        f"fill rate: one more point than 95.0% would cost {free.price_of_fill_rate:,.4g} of holding cost per period."
    )
    volume = np.linspace(0.02, 0.3, 20)
    room = float(volume @ figures(asked, free.reorder_point)["stock"])
    money = float(asked["unit_cost"] @ figures(asked, free.reorder_point)["order-up-to level"])
    limits = [
        Limit("space", "stock", volume, at_most=0.97 * room, unit="m³"),
        Limit("budget of the group", "stock", asked["unit_cost"], at_most=10 * money, unit="EUR"),
        Limit("minimum of ACME", "order-up-to level", asked["unit_cost"], at_least=1.1 * money, unit="EUR"),
    ]
    space, group = safety_stock_levels(**asked, fill_rate_target=0.95, limits=limits[:2]).limits[1:]
    assert space.price < 0
    assert space.sentence() == f"space: 1 m³ more would be worth {-space.price:,.4g} of holding cost per period."
    left = 10 * money - group.reached
    assert group.sentence() == f"budget of the group: {left:,.0f} EUR of {10 * money:,.0f} are left over."
    roomy = Limit("space", "stock", 0.01 * volume, at_most=0.0125 * room, unit="m³")
    spare = safety_stock_levels(**asked, fill_rate_target=0.95, limits=[roomy]).limits[1]
    assert spare.sentence() == (f"space: {roomy.at_most - spare.reached:.3g} m³ of {roomy.at_most:.3g} are left over.")
    minimum = safety_stock_levels(**asked, fill_rate_target=0.95, limits=limits[2:]).limits[1]
    assert minimum.price > 0
    cost = f"{1000 * minimum.price:,.4g} of holding cost per period"
    assert minimum.sentence() == f"minimum of ACME: the last 1,000 EUR of its minimum cost {cost}."
    best_service = safety_stock_levels(
        **asked, fill_rate_target=None, stock_budget=free.total_stock_value, objective="fill rate"
    )
    budget = best_service.limits[0]
    assert budget.sentence() == f"budget: one unit more would be worth {-100 * budget.price:,.3g} points of fill rate."
