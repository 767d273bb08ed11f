"""(s, S) policies: the published table, exhaustive search, chains solved as linear equations, and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, ndtri, xlogy

from optimization.reorder_order_up_to import (
    bounded_power_approximation,
    negative_binomial_periods,
    pmf_periods,
    poisson_periods,
    power_approximation,
    s_s_measures,
    s_s_policy,
    s_s_policy_for_fill_rate,
)


def poisson_pmf(mean, size):
    units = np.arange(size)
    return np.exp(xlogy(units, mean) - mean - gammaln(units + 1))


def total_pmf(pmf, periods):
    total = np.ones(1)
    for _ in range(periods):
        total = np.convolve(total, pmf)
    return total


def cost_of_levels(levels, pmf, h, p):
    """E[h (y − D)+ + p (D − y)+] at each level, summed over all demands."""
    gap = levels[:, None] - np.arange(len(pmf))
    return (h * np.maximum(gap, 0) + p * np.maximum(-gap, 0)) @ pmf


def cheapest_by_enumeration(pmf, fixed, h, p, lead_time=0, review_period=1, *, widest, highest):
    """Least cost over all S up to `highest` and S − s up to `widest`, by the renewal equation in plain loops."""
    step = total_pmf(pmf, review_period)
    step = np.concatenate((step, np.zeros(max(widest - len(step), 0))))
    visits = np.zeros(widest)
    visits[0] = 1 / (1 - step[0])
    for j in range(1, widest):
        visits[j] = step[1 : j + 1] @ visits[j - 1 :: -1][:j] / (1 - step[0])
    levels = np.arange(-widest, highest + 1)
    spans = [total_pmf(pmf, lead_time + j) for j in range(1, review_period + 1)]
    each = sum(cost_of_levels(levels, span, h, p) for span in spans) / review_period
    least = (np.inf, 0, 0)
    for top in range(highest + 1):
        down = each[widest + top : widest + top - min(widest, widest + top) : -1]
        costs = (fixed / review_period + np.cumsum(visits[: len(down)] * down)) / np.cumsum(visits[: len(down)])
        best = int(np.argmin(costs))
        if costs[best] < least[0]:
            least = (float(costs[best]), top - best - 1, top)
    return least


def measures_by_chain(pmf, s, top, lead_time, review_period):
    """Orders, stock, backorders, fill and ready rate from the position's stationary law, solved as equations."""
    width = top - s
    step = total_pmf(pmf, review_period)
    chain = np.zeros((width, width))
    for i in range(width):
        for units, chance in enumerate(step):
            chain[i, i + units if i + units < width else 0] += chance
    equations = np.vstack((chain.T - np.eye(width), np.ones(width)))
    shares = np.linalg.lstsq(equations, np.append(np.zeros(width), 1.0), rcond=None)[0]
    ordering = sum(
        share * chance for i, share in enumerate(shares) for units, chance in enumerate(step) if i + units >= width
    )
    levels = top - np.arange(width)
    on_hand = backorders = ready = met = 0.0
    for j in range(1, review_period + 1):
        before, until = total_pmf(pmf, lead_time + j - 1), total_pmf(pmf, lead_time + j)
        gap = levels[:, None] - np.arange(len(until))
        on_hand += shares @ (np.maximum(gap, 0) @ until) / review_period
        backorders += shares @ (np.maximum(-gap, 0) @ until) / review_period
        ready += shares @ ((gap >= 0) @ until) / review_period
        stock = np.maximum(levels[:, None] - np.arange(len(before)), 0)
        for units, chance in enumerate(pmf):
            met += chance * shares @ (np.minimum(stock, units) @ before) / review_period
    return ordering / review_period, on_hand, backorders, met / (np.arange(len(pmf)) @ pmf), ready


@pytest.mark.known_answers("ss_exact_poisson")
def test_finds_the_published_policies(known_case, within):
    given_figures = known_case["inputs"]
    costs = {
        "order_cost": given_figures["fixed_cost"],
        "holding_cost": given_figures["holding_cost"],
        "shortage_cost": given_figures["stockout_cost"],
    }
    demand = poisson_periods(given_figures["demand_mean"])
    policy = s_s_policy(demand, **costs)
    assert policy.cost_rate == within("cost_rate")
    assert policy.order_up_to_level == known_case["expected"]["S"]
    published = s_s_measures(
        demand, reorder_point=known_case["expected"]["s"], order_up_to_level=known_case["expected"]["S"], **costs
    )
    assert published.cost_rate == within("cost_rate")
    if given_figures["demand_mean"] < 65:
        assert policy.reorder_point == known_case["expected"]["s"]


@pytest.mark.known_answers("ss_power_approx")
def test_power_approximation_is_the_published_one(known_case, within):
    given_figures = known_case["inputs"]
    policy = power_approximation(
        demand_mean=given_figures["demand_mean"],
        demand_sd=given_figures["demand_sd"],
        order_cost=given_figures["fixed_cost"],
        holding_cost=given_figures["holding_cost"],
        shortage_cost=given_figures["stockout_cost"],
    )
    assert policy.reorder_point == within("s")
    assert policy.order_up_to_level == within("S")


def test_every_mean_of_the_published_table_costs_what_enumeration_finds():
    means = np.arange(10, 76)
    policy = s_s_policy(poisson_periods(means), order_cost=64.0, holding_cost=1.0, shortage_cost=9.0)
    for place, mean in enumerate(means):
        pmf = poisson_pmf(mean, 220)
        cost, s, top = cheapest_by_enumeration(pmf, 64.0, 1.0, 9.0, widest=120, highest=180)
        assert policy.cost_rate[place] == pytest.approx(cost, rel=1e-11)
        assert policy.order_up_to_level[place] == top
        if mean < 65:
            assert policy.reorder_point[place] == s


def test_the_textbook_example_comes_out():
    policy = s_s_policy(poisson_periods(6.0), order_cost=5.0, holding_cost=1.0, shortage_cost=4.0)
    assert (policy.reorder_point, policy.order_up_to_level) == (4, 10)
    assert policy.cost_rate == pytest.approx(8.034111561471642, rel=1e-13)


@given(
    weights=st.lists(st.integers(0, 9), min_size=2, max_size=7).filter(lambda some: sum(some[1:]) > 0),
    fixed=st.floats(0, 60),
    shortage=st.floats(0.3, 40),
    lead_time=st.integers(0, 3),
    review_period=st.integers(1, 3),
)
def test_no_policy_is_cheaper_than_the_one_found(weights, fixed, shortage, lead_time, review_period):
    pmf = np.array(weights) / sum(weights)
    demand = pmf_periods(pmf, lead_time=lead_time, review_period=review_period)
    policy = s_s_policy(demand, order_cost=fixed, holding_cost=1.0, shortage_cost=shortage)
    cost, _, _ = cheapest_by_enumeration(pmf, fixed, 1.0, shortage, lead_time, review_period, widest=250, highest=120)
    assert policy.cost_rate == pytest.approx(cost, rel=1e-9)
    told = s_s_measures(
        demand,
        reorder_point=policy.reorder_point,
        order_up_to_level=policy.order_up_to_level,
        order_cost=fixed,
        holding_cost=1.0,
        shortage_cost=shortage,
    )
    assert told.cost_rate == pytest.approx(cost, rel=1e-9)


@given(
    weights=st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda some: sum(some[1:]) > 0),
    s=st.integers(-4, 12),
    width=st.integers(1, 12),
    lead_time=st.integers(0, 3),
    review_period=st.integers(1, 3),
)
def test_measures_are_those_of_the_positions_chain(weights, s, width, lead_time, review_period):
    pmf = np.array(weights) / sum(weights)
    told = s_s_measures(
        pmf_periods(pmf, lead_time=lead_time, review_period=review_period),
        reorder_point=s,
        order_up_to_level=s + width,
    )
    orders, on_hand, backorders, fill, ready = measures_by_chain(pmf, s, s + width, lead_time, review_period)
    assert told.orders == pytest.approx(orders, abs=1e-9)
    assert told.on_hand == pytest.approx(on_hand, abs=1e-9)
    assert told.backorders == pytest.approx(backorders, abs=1e-9)
    assert told.fill_rate == pytest.approx(fill, abs=1e-9)
    assert told.ready_rate == pytest.approx(ready, abs=1e-9)


def test_a_simulated_shop_behaves_as_told():
    lead_time, review_period, s, top = 2, 3, 14, 31
    told = s_s_measures(
        negative_binomial_periods(3.0, 2.5, lead_time=lead_time, review_period=review_period),
        reorder_point=s,
        order_up_to_level=top,
    )
    random = np.random.default_rng(5)
    periods = 120_000
    demands = random.negative_binomial(9 / 3.25, 3 / 6.25, periods)
    arrivals = np.zeros(periods + lead_time + 1, dtype=int)
    net, position = top, top
    orders = stock = owed = met = ready = 0
    for period, demand in enumerate(demands.tolist()):
        if period % review_period == 0 and position <= s:
            arrivals[period + lead_time] += top - position
            position = top
            orders += 1
        net += arrivals[period]
        met += min(max(net, 0), demand)
        net -= demand
        position -= demand
        stock += max(net, 0)
        owed += max(-net, 0)
        ready += net >= 0
    assert told.orders == pytest.approx(orders / periods, rel=0.02)
    assert told.on_hand == pytest.approx(stock / periods, rel=0.02)
    assert told.backorders == pytest.approx(owed / periods, rel=0.08)
    assert told.fill_rate == pytest.approx(met / demands.sum(), abs=0.005)
    assert told.ready_rate == pytest.approx(ready / periods, abs=0.005)


def test_negative_binomial_and_its_probabilities_give_one_policy():
    mean, sd = 4.0, 3.0
    size, share = mean**2 / (sd**2 - mean), mean / sd**2
    units = np.arange(400)
    pmf = np.exp(
        gammaln(units + size) - gammaln(size) - gammaln(units + 1) + size * np.log(share) + units * np.log1p(-share)
    )
    costs = {"order_cost": 30.0, "holding_cost": 1.0, "shortage_cost": 12.0}
    named = s_s_policy(negative_binomial_periods(mean, sd, lead_time=2, review_period=2), **costs)
    listed = s_s_policy(pmf_periods(pmf, lead_time=2, review_period=2), **costs)
    assert (named.reorder_point, named.order_up_to_level) == (listed.reorder_point, listed.order_up_to_level)
    assert named.cost_rate == pytest.approx(listed.cost_rate, rel=1e-11)


@pytest.mark.parametrize(("lead_time", "review_period"), [(0, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("fill_rate", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("pmf", [[0.35, 0.3, 0.0, 0.2, 0.1, 0.05], [0.9, 0, 0, 0, 0, 0, 0, 0.1]], ids=["mixed", "rare"])
def test_the_cheapest_policy_for_a_fill_rate_is_the_one_enumeration_finds(lead_time, review_period, fill_rate, pmf):
    demand = pmf_periods(pmf, lead_time=lead_time, review_period=review_period)
    s, top = np.meshgrid(np.arange(-20, 40), np.arange(0, 70), indexing="ij")
    s, top = s[s < top], top[s < top]
    every = s_s_measures(demand, reorder_point=s, order_up_to_level=top, order_cost=9.0, holding_cost=0.7)
    cheapest = every.cost_rate[every.fill_rate >= fill_rate - 1e-12].min()
    policy = s_s_policy_for_fill_rate(demand, fill_rate=fill_rate, order_cost=9.0, holding_cost=0.7)
    assert policy.cost_rate == pytest.approx(cheapest, rel=1e-12)
    told = s_s_measures(demand, reorder_point=policy.reorder_point, order_up_to_level=policy.order_up_to_level)
    assert told.fill_rate >= fill_rate - 1e-12


def test_costless_orders_give_the_critical_base_stock():
    policy = s_s_policy(poisson_periods(20.0, lead_time=3), order_cost=0.0, holding_cost=1.0, shortage_cost=19.0)
    reached = np.cumsum(poisson_pmf(80.0, 300))
    assert policy.order_up_to_level == np.searchsorted(reached, 0.95)
    assert policy.reorder_point == policy.order_up_to_level - 1


def test_no_demand_costs_nothing_and_orders_nothing():
    costs = {"order_cost": 64.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    for demand in (poisson_periods(0.0, lead_time=2), pmf_periods([1.0]), negative_binomial_periods(0.0, 0.0)):
        policy = s_s_policy(demand, **costs)
        assert (policy.reorder_point, policy.order_up_to_level, policy.cost_rate) == (-1, 0, 0)
        told = s_s_measures(demand, reorder_point=2, order_up_to_level=5, **costs)
        assert (told.on_hand, told.orders, told.fill_rate, told.cost_rate) == (5, 0, 1, 5)
        target = s_s_policy_for_fill_rate(demand, fill_rate=0.9, order_cost=64.0, holding_cost=1.0)
        assert (target.reorder_point, target.order_up_to_level, target.cost_rate) == (-1, 0, 0)


@pytest.mark.parametrize("mean", [1e-9, 1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("shortage_cost", [1e-3, 9.0, 1e9])
def test_tiny_and_huge_demand_and_prices_give_numbers(mean, shortage_cost):
    demand = poisson_periods(mean)
    costs = {"order_cost": 64.0, "holding_cost": 1.0, "shortage_cost": shortage_cost}
    policy = s_s_policy(demand, **costs)
    told = s_s_measures(demand, reorder_point=policy.reorder_point, order_up_to_level=policy.order_up_to_level, **costs)
    assert told.cost_rate == pytest.approx(policy.cost_rate, rel=1e-9)
    assert 0 <= told.fill_rate <= 1
    nearby = s_s_measures(
        demand,
        reorder_point=policy.reorder_point + np.array([-1, 0, 1, -1, 0, -1]),
        order_up_to_level=np.maximum(
            policy.order_up_to_level + np.array([-1, -1, 0, 0, 1, 1]), policy.reorder_point + 2
        ),
        **costs,
    )
    assert (nearby.cost_rate >= policy.cost_rate * (1 - 1e-9)).all()


def test_each_sku_is_decided_alone():
    means, costs = np.array([0.4, 7.0, 31.0]), np.array([5.0, 64.0, 200.0])
    together = s_s_policy(
        poisson_periods(means[:, None], lead_time=[[0], [1], [2]]),
        order_cost=costs,
        holding_cost=1.0,
        shortage_cost=9.0,
    )
    assert together.cost_rate.shape == (3, 3)
    for i in range(3):
        for j in range(3):
            alone = s_s_policy(
                poisson_periods(means[i], lead_time=i), order_cost=costs[j], holding_cost=1.0, shortage_cost=9.0
            )
            assert together.cost_rate[i, j] == alone.cost_rate
            assert together.reorder_point[i, j] == alone.reorder_point
            assert together.order_up_to_level[i, j] == alone.order_up_to_level


def test_review_periods_may_differ_between_skus():
    costs = {"order_cost": 20.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    together = s_s_policy(poisson_periods(3.0, lead_time=1, review_period=[1, 4]), **costs)
    alone = s_s_policy(poisson_periods(3.0, lead_time=1, review_period=1), **costs)
    rows = s_s_policy(pmf_periods(np.tile(poisson_pmf(3.0, 60), (2, 1)), lead_time=1, review_period=[1, 4]), **costs)
    assert together.cost_rate[0] == pytest.approx(alone.cost_rate, rel=1e-13)
    assert together.cost_rate[1] > alone.cost_rate
    assert rows.cost_rate == pytest.approx(together.cost_rate, rel=1e-11)


def test_a_bounded_approximation_stays_below_the_best_base_stock():
    figures = {"demand_sd": 8.0, "order_cost": 2.5, "holding_cost": 0.18, "shortage_cost": 0.7}
    bounded = bounded_power_approximation(demand_mean=50.0, lead_time=2, **figures)
    assert bounded.order_up_to_level == pytest.approx(150 + ndtri(0.7 / 0.88) * 8 * np.sqrt(3))
    for mean, order_cost in ((50.0, 2500.0), (5.0, 64.0)):
        few = figures | {"order_cost": order_cost, "demand_mean": mean}
        assert bounded_power_approximation(**few) == power_approximation(**few)


def test_the_power_approximation_costs_little_more_than_the_optimum():
    means = np.array([5.0, 20.0, 60.0])
    costs = {"order_cost": 64.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    demand = poisson_periods(means, lead_time=2)
    near = power_approximation(demand_mean=means, demand_sd=np.sqrt(means), lead_time=2, **costs)
    told = s_s_measures(
        demand,
        reorder_point=np.rint(near.reorder_point),
        order_up_to_level=np.rint(near.order_up_to_level),
        **costs,
    )
    best = s_s_policy(demand, **costs).cost_rate
    assert (told.cost_rate >= best).all()
    assert (told.cost_rate < 1.05 * best).all()


def test_the_power_approximation_holds_for_sure_demand():
    policy = power_approximation(demand_mean=50.0, demand_sd=0.0, order_cost=2.5, holding_cost=0.18, shortage_cost=0.7)
    assert policy.reorder_point == pytest.approx(0.973 * 50)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: poisson_periods([1.0, -2.0]), r"demand_mean must be at least 0 and finite, got -2.0 \(index 1\)"),
        (lambda: poisson_periods(1.0, lead_time=1.5), "lead_time must be whole, got 1.5"),
        (lambda: poisson_periods(1.0, review_period=0), "review_period must be at least 1"),
        (lambda: negative_binomial_periods(4.0, 1.0), "at least its mean"),
        (lambda: pmf_periods([0.5, 0.4]), "pmf must sum to 1, got 0.9"),
        (lambda: pmf_periods([0.5, 0.5], lead_time=[1, 2]), "lead_time and review_period must be single"),
        (
            lambda: s_s_policy(poisson_periods(1.0), order_cost=1.0, holding_cost=0.0, shortage_cost=1.0),
            "holding_cost must be more than 0",
        ),
        (
            lambda: s_s_policy(poisson_periods(1.0), order_cost=np.nan, holding_cost=1.0, shortage_cost=1.0),
            "order_cost must be at least 0 and finite, got nan",
        ),
        (
            lambda: s_s_measures(poisson_periods(1.0), reorder_point=4, order_up_to_level=4),
            "order_up_to_level must be more than reorder_point, got 4",
        ),
        (
            lambda: s_s_measures(poisson_periods(1.0), reorder_point=4.5, order_up_to_level=6),
            "reorder_point must be whole, got 4.5",
        ),
        (
            lambda: s_s_policy_for_fill_rate(poisson_periods(1.0), fill_rate=1.0, order_cost=1.0, holding_cost=1.0),
            "fill_rate must be more than 0 and less than 1 and finite, got 1.0",
        ),
        (
            lambda: power_approximation(
                demand_mean=0.0, demand_sd=0.0, order_cost=1.0, holding_cost=1.0, shortage_cost=1.0
            ),
            "demand_mean must be more than 0",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()
