"""What service costs: the least stock for every fill rate, today's place beside it, and the way there."""

import itertools

import numpy as np
import pytest

from optimization import Infeasible, Limit, safety_stock_levels
from optimization.frontier import frontier, moves, policy, reorder_point_of_stock
from tests.stock_level_cases import assortment, every_level


def two_or_three_slow_movers(seed):
    """Some units a period each, in lots of all sizes."""
    luck = np.random.default_rng(seed)
    return assortment(int(luck.integers(2, 4)), seed, usual_demand=1.5, lots=(0.2, 4.0))


def along_the_corners(rates, held):
    """Fill rate and stock of whole levels along straight lines between the corners of the fill rate's concave hull."""
    corners = [0]
    while corners[-1] < len(rates) - 1:
        at = corners[-1]
        steepness = (rates[at + 1 :] - rates[at]) / np.arange(1, len(rates) - at)
        corners.append(at + 1 + int(np.flatnonzero(steepness >= steepness.max() * (1 - 1e-9))[-1]))
    every = np.arange(len(rates))
    return np.interp(every, corners, rates[corners]), np.interp(every, corners, held[corners])


def every_choice(asked, each):
    """All combinations of whole reorder points, with their fill rates and stock values."""
    weight = asked["unit_value"] * asked["demand_rate"]
    weight = weight / weight.sum()
    chosen = np.array(list(itertools.product(*(range(len(fill)) for fill, _ in each))))
    rate = sum(weight[sku] * fill[chosen[:, sku]] for sku, (fill, _) in enumerate(each))
    value = sum(asked["unit_cost"][sku] * held[chosen[:, sku]] for sku, (_, held) in enumerate(each))
    return chosen, rate, value


def limits_of(asked, seed):
    """Limits that cut into the frontier without forbidding all of it."""
    luck = np.random.default_rng(seed)
    count = len(asked["names"])
    stock = safety_stock_levels(**asked, fill_rate_target=0.93)
    volume, supplier = luck.uniform(0.01, 0.2, count), np.arange(count) % 3 == 0
    held = stock.average_stock_value / asked["unit_cost"]
    bought = asked["unit_cost"] * supplier @ stock.order_up_to_level
    return [
        Limit("space", "stock", volume, at_most=1.02 * volume @ held, unit="m³"),
        Limit("minimum", "order-up-to level", asked["unit_cost"] * supplier, at_least=0.98 * bought, unit="EUR"),
        Limit("odd ones", "fill rate", asked["demand_rate"] * ~supplier, at_least=0.75),
    ]


def least_stock(asked, target, **more):
    """The optimum before rounding: what the lowest levels hold, and what the program adds."""
    stock = safety_stock_levels(**asked, fill_rate_target=target, objective="stock value", **more)
    return stock.optimal_holding_cost / asked["holding_cost_rate"]


@pytest.mark.parametrize("seed", range(4))
def test_the_frontier_is_the_least_stock_at_any_target(seed):
    asked = assortment(25, seed)
    curve = frontier(**asked)
    assert curve.is_exact
    for target in np.random.default_rng(seed).uniform(curve.fill_rate[0], curve.fill_rate[-1], 12):
        assert curve.stock_value_at(target) == pytest.approx(least_stock(asked, target), rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_with_limits_too_the_frontier_is_the_least_stock_at_any_target(seed):
    asked = assortment(12, 20 + seed)
    limits = limits_of(asked, seed)
    curve = frontier(**asked, limits=limits)
    free = frontier(**asked)
    assert curve.is_exact
    for target in np.random.default_rng(seed).uniform(curve.fill_rate[0], curve.fill_rate[-1], 12):
        found = curve.stock_value_at(target)
        assert found == pytest.approx(least_stock(asked, target, limits=limits), rel=1e-6)
        assert found >= free.stock_value_at(target) * (1 - 1e-9)
    with pytest.raises(Infeasible):
        safety_stock_levels(**asked, fill_rate_target=curve.fill_rate[-1] + 1e-5, limits=limits)


@pytest.mark.parametrize("limited", [False, True])
def test_the_frontier_rises_ever_more_steeply_and_its_prices_are_its_slopes(limited):
    asked = assortment(15, 3)
    curve = frontier(**asked, limits=limits_of(asked, 3) if limited else ())
    assert (np.diff(curve.fill_rate) > 0).all()
    assert (np.diff(curve.stock_value) >= -1e-9).all()
    slopes = np.diff(curve.stock_value) / np.diff(curve.fill_rate)
    assert (np.diff(slopes) >= -1e-6 * slopes[1:]).all()
    np.testing.assert_allclose(curve.price[:-1], slopes, rtol=1e-9)
    assert curve.price[-1] == np.inf
    np.testing.assert_allclose(curve.holding_cost, 0.005 * curve.stock_value, rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_no_choice_of_whole_levels_lies_above_the_frontier(seed):
    """Stock taken along the program's lines; as it is, it may be less by the straight lines' error and no more."""
    asked = two_or_three_slow_movers(seed)
    curve = frontier(**asked)
    each = every_level(asked)
    straight = [along_the_corners(*one) for one in each]
    _, rate, value = every_choice(asked, straight)
    within = rate >= curve.fill_rate[0]
    least = np.interp(rate[within], curve.fill_rate, curve.stock_value)
    assert (value[within] >= least * (1 - 1e-9)).all()
    _, rate, true_value = every_choice(asked, each)
    error = sum(
        cost * (line - held).max()
        for cost, (_, line), (_, held) in zip(asked["unit_cost"], straight, each, strict=True)
    )
    assert error < 0.02 * curve.stock_value[-1]
    assert (true_value >= np.interp(rate, curve.fill_rate, curve.stock_value) - error - 1e-9).all()
    # each corner is a choice, so that no lower curve is one
    for corner_rate, corner_value in zip(curve.fill_rate, curve.stock_value, strict=True):
        assert ((np.abs(rate - corner_rate) < 1e-9) & (np.abs(true_value - corner_value) < 1e-6)).any()


@pytest.mark.parametrize("seed", range(4))
def test_no_choice_within_a_limit_lies_above_the_frontier_of_that_limit(seed):
    asked = two_or_three_slow_movers(50 + seed)
    straight = [along_the_corners(*one) for one in every_level(asked)]
    chosen, rate, value = every_choice(asked, straight)
    volume = np.linspace(0.2, 1.0, len(straight))
    room = sum(volume[sku] * held[chosen[:, sku]] for sku, (_, held) in enumerate(straight))
    limit = Limit("space", "stock", volume, at_most=float(np.quantile(room, 0.3)))
    curve = frontier(**asked, limits=[limit])
    allowed = room <= limit.at_most
    assert rate[allowed].max() <= curve.fill_rate[-1] + 1e-7
    allowed &= rate >= curve.fill_rate[0]
    least = np.interp(rate[allowed], curve.fill_rate, curve.stock_value)
    assert (value[allowed] >= least * (1 - 1e-7)).all()


def test_service_of_a_stock_and_stock_of_a_service_are_inverse():
    curve = frontier(**assortment(10, 5))
    for target in (0.6, 0.9, 0.97):
        assert curve.fill_rate_at(curve.stock_value_at(target)) == pytest.approx(target)
    assert curve.stock_value_at(1.0) is None
    assert curve.fill_rate_at(0.0) is None
    assert curve.fill_rate_at(1e12) == curve.fill_rate[-1]


def test_a_frontier_can_begin_at_a_fill_rate_and_keep_fewer_corners():
    asked = assortment(40, 6)
    whole = frontier(**asked)
    high = frontier(**asked, lowest_fill_rate=0.9)
    assert high.fill_rate[0] <= 0.9 < high.fill_rate[1]
    assert set(high.fill_rate) <= set(whole.fill_rate)
    few = frontier(**asked, most_corners=20)
    assert len(few.fill_rate) == 20
    assert not few.is_exact
    assert whole.is_exact
    for target in (0.7, 0.9, 0.98):
        assert few.stock_value_at(target) >= whole.stock_value_at(target) * (1 - 1e-12)


def test_a_budget_ends_the_frontier_where_it_is_spent():
    asked = assortment(10, 7)
    whole = frontier(**asked)
    budget = whole.stock_value_at(0.95)
    ended = frontier(**asked, stock_budget=budget)
    assert ended.fill_rate[-1] == pytest.approx(0.95, abs=1e-6)
    assert ended.stock_value[-1] == pytest.approx(budget, rel=1e-6)


def test_floors_raise_the_frontier_where_they_ask_for_more_than_it_gives():
    asked = assortment(20, 8)
    whole, floored = frontier(**asked), frontier(**asked, fill_rate_floor=0.85)
    target = max(floored.fill_rate[0], 0.9)
    assert floored.fill_rate[0] >= 0.85
    assert floored.stock_value_at(target) > whole.stock_value_at(target)


def test_limits_that_contradict_each_other_have_no_frontier():
    asked = assortment(6, 9)
    with pytest.raises(Infeasible, match="stock_budget must be at least"):
        frontier(**asked, stock_budget=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"most_corners": 1}, "most_corners must be at least 2, got 1"),
        ({"lowest_fill_rate": 1.0}, "lowest_fill_rate must be at least 0 and less than 1, got 1.0"),
    ],
)
def test_refuses_what_no_frontier_can_have(change, message):
    with pytest.raises(ValueError, match=message):
        frontier(**assortment(2, 0), **change)


# Today, and the way to the frontier


def test_a_policy_is_what_its_levels_come_to_one_by_one():
    asked = assortment(12, 10)
    given = asked["lead_time_demand"][:, 4]
    found = policy(given, **asked)
    each = every_level(asked)
    fill = np.array([rates[r] for (rates, _), r in zip(each, given, strict=True)])
    value = np.array([held[r] for (_, held), r in zip(each, given, strict=True)]) * asked["unit_cost"]
    weight = asked["unit_value"] * asked["demand_rate"]
    np.testing.assert_allclose(found.sku_fill_rate, fill, atol=1e-12)
    np.testing.assert_allclose(found.sku_stock_value, value, rtol=1e-9)
    assert found.fill_rate == pytest.approx(weight @ fill / weight.sum())
    assert found.stock_value == pytest.approx(value.sum())
    assert found.holding_cost == pytest.approx(0.005 * value.sum())


def test_no_policy_lies_above_the_frontier():
    asked = assortment(20, 11, lots=(1.0, 3.0))
    curve = frontier(**asked)
    luck = np.random.default_rng(11)
    for _ in range(50):
        found = policy(luck.integers(0, asked["lead_time_demand"][:, -1] + 1), **asked)
        # between two corners the program takes stock along a line, by less than a thousandth above what it is
        assert found.fill_rate <= curve.fill_rate_at(found.stock_value * 1.001) + 1e-12


def test_a_policy_in_use_may_break_every_limit():
    asked = assortment(5, 12)
    free = policy(np.zeros(5, dtype=int), **asked)
    limited = policy(
        np.zeros(5, dtype=int),
        **asked,
        stock_budget=1.0,
        fill_rate_floor=0.9,
        reorder_point_min=3,
        limits=[Limit("space", "stock", 1.0, at_most=0.1)],
    )
    assert limited.fill_rate == free.fill_rate
    assert limited.stock_value == free.stock_value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], r"reorder_point must be one per SKU \(3\), got shape \(2,\)"),
        ([1, 2.5, 3], "reorder_point of SKU-1 must be whole and at least 0, got 2.5"),
        ([1, 2, -3], "reorder_point of SKU-2 must be whole and at least 0, got -3"),
    ],
)
def test_refuses_reorder_points_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        policy(given, **assortment(3, 0))


def test_the_reorder_point_of_a_stock_is_the_highest_that_holds_no_more():
    asked = assortment(15, 13)
    luck = np.random.default_rng(13)
    each = every_level(asked)
    held = np.array([luck.uniform(0, stock[-1] * 1.2) for _, stock in each])
    found = reorder_point_of_stock(held, **asked)
    for sku, (_, stock) in enumerate(each):
        fits = np.flatnonzero(stock <= held[sku])
        assert found[sku] == (min(fits[-1], len(stock) - 1) if len(fits) else 0)


def test_the_stock_of_a_policy_leads_back_to_its_reorder_points():
    asked = assortment(15, 14)
    given = asked["lead_time_demand"][:, 6]
    held = policy(given, **asked).sku_stock_value / asked["unit_cost"]
    assert (reorder_point_of_stock(held * (1 + 1e-12), **asked) == given).all()


def test_moves_lead_from_today_to_the_target_and_nowhere_else():
    asked = assortment(20, 15)
    today = asked["lead_time_demand"][:, 6]
    target = safety_stock_levels(**asked, fill_rate_target=0.95).reorder_point
    steps = moves(today, target, **asked)
    before, after = policy(today, **asked), policy(target, **asked)
    assert sum(step.stock_value for step in steps) == pytest.approx(after.stock_value - before.stock_value)
    assert sum(step.fill_rate for step in steps) == pytest.approx(after.fill_rate - before.fill_rate)
    reached = today.copy()
    for step in steps:
        assert reached[step.sku] == step.reorder_point[0]
        reached[step.sku] = step.reorder_point[1]
    assert (reached == target).all()
    assert len({step.sku for step in steps}) == len(steps)
    assert moves(target, target, **asked) == ()


def test_moves_first_free_stock_then_buy_service_the_best_of_each_first():
    asked = assortment(20, 16)
    today = asked["lead_time_demand"][:, 6]
    target = safety_stock_levels(**asked, fill_rate_target=0.95).reorder_point
    steps = moves(today, target, **asked)
    money = np.array([step.stock_value for step in steps])
    service = np.array([step.fill_rate for step in steps])
    frees = money < 0
    assert 0 < frees.sum() < len(steps)
    assert frees[: frees.sum()].all()
    per_point = np.abs(money) / np.abs(service)
    assert (np.diff(per_point[frees]) <= 1e-9 * per_point[frees][1:]).all()
    assert (np.diff(per_point[~frees]) >= -1e-9 * per_point[~frees][1:]).all()
    largest = max(policy(today, **asked).stock_value, policy(target, **asked).stock_value)
    assert (policy(today, **asked).stock_value + np.cumsum(money) <= largest * (1 + 1e-12)).all()


def test_what_is_not_demanded_has_no_place_on_the_frontier():
    asked = assortment(4, 17)
    for name in ("lead_time_demand", "lead_time_demand_mean", "demand_rate", "order_quantity"):
        asked[name][1] = 0
    found = policy([5, 7, 5, 5], **asked)
    assert found.sku_stock_value[1] == 0
    assert found.sku_fill_rate[1] == 1
    assert reorder_point_of_stock([9.0, 9.0, 9.0, 9.0], **asked)[1] == 0
    assert frontier(**asked).is_exact
