"""One warehouse that supplies many retailers."""

from itertools import product

import numpy as np
import pytest
from scipy import integrate, stats

from optimization.count_windows import binomial_window, negative_binomial_window, poisson_window
from optimization.one_warehouse import (
    one_warehouse_base_stock,
    one_warehouse_exact,
    one_warehouse_fill_rate,
    one_warehouse_metric,
    one_warehouse_two_moment,
)
from optimization.serial_systems import serial_base_stock_poisson, serial_cost_poisson

UNLIKE = {"demand_mean": [0.8, 2.0, 0.2], "lead_time": [1.0, 0.5, 2.0], "warehouse_lead_time": 1.5}
COSTS = {"warehouse_holding_cost": 1.0, "holding_cost": [1.5, 1.2, 2.0], "shortage_cost": [10.0, 25.0, 5.0]}


def _waiting(level, rate, time, total, warehouse_time):
    """P(O_i = n) by the definition: sums over demand at the warehouse, who owns what is short, and demand since."""
    demand = np.arange(60)
    chance = stats.poisson.pmf(demand, total * warehouse_time)
    short = np.maximum(demand - level, 0)
    late = np.array([(chance * stats.binom.pmf(n, short, rate / total)).sum() for n in range(60)])
    return np.convolve(late, stats.poisson.pmf(np.arange(60), rate * time))


def test_exact_figures_agree_with_their_definition():
    system = one_warehouse_exact(4, [2, 3, 1], **UNLIKE, **COSTS)
    cost = 0.0
    for place, stock in enumerate((2, 3, 1)):
        pmf = _waiting(4, UNLIKE["demand_mean"][place], UNLIKE["lead_time"][place], 3.0, 1.5)
        n = np.arange(len(pmf))
        on_hand, owed = (pmf * np.maximum(stock - n, 0)).sum(), (pmf * np.maximum(n - stock, 0)).sum()
        assert system.on_hand[place] == pytest.approx(on_hand, rel=1e-12)
        assert system.expected_backorders[place] == pytest.approx(owed, rel=1e-12)
        assert system.fill_rate[place] == pytest.approx(pmf[:stock].sum(), rel=1e-12)
        cost += COSTS["holding_cost"][place] * on_hand + COSTS["shortage_cost"][place] * owed
    demand = np.arange(60)
    there = (stats.poisson.pmf(demand, 4.5) * np.maximum(4 - demand, 0)).sum()
    assert system.cost_rate == pytest.approx(cost + there, rel=1e-12)


@pytest.mark.parametrize("lot", [1, 4])
def test_orders_that_are_followed_one_by_one_wait_as_long(lot):
    """Each order's way: the warehouse's lot that it comes from, its wait there, its arrival, the customer it serves."""
    rng, count, level, stocks = np.random.default_rng(11), 400_000, 3, (2, 4, 1)
    rates = np.array(UNLIKE["demand_mean"])
    at = np.cumsum(rng.exponential(1 / rates.sum(), count))
    retailer = rng.choice(3, count, p=rates / rates.sum())
    # The warehouse's order that brings unit n was set off by the demand that took the position below its level.
    unit = np.arange(count)
    trigger = (unit - level - lot + 1) // lot * lot + lot - 1 if lot > 1 else unit - level
    arrived = np.where(trigger >= 0, at[np.maximum(trigger, 0)] + 1.5, 0.0)
    shipped = np.maximum(at, arrived)
    system = one_warehouse_exact(level, stocks, **UNLIKE, warehouse_order_quantity=lot)
    assert system.warehouse_delay == pytest.approx((shipped - at)[1000:].mean(), rel=0.02)
    for place, stock in enumerate(stocks):
        own = retailer == place
        when, comes = at[own], shipped[own] + UNLIKE["lead_time"][place]
        wait = np.maximum(comes[:-stock] - when[stock:], 0.0)[500:]
        assert system.fill_rate[place] == pytest.approx((wait == 0).mean(), abs=0.012)
        assert system.expected_backorders[place] == pytest.approx(rates[place] * wait.mean(), rel=0.04)


def test_one_retailer_is_a_serial_system():
    asked = {"demand_mean": [4.0], "lead_time": [1.0], "warehouse_lead_time": 2.0}
    costs = {"warehouse_holding_cost": 1.0, "holding_cost": [1.5], "shortage_cost": [20.0]}
    serial = {
        "echelon_holding_cost": [0.5, 1.0], "lead_time": [1.0, 2.0], "shortage_cost": 20.0, "demand_mean": 4.0,
    }  # fmt: skip
    here = one_warehouse_exact(6, [7], **asked, **costs)
    there = serial_cost_poisson([7, 13], **serial)
    assert here.cost_rate + 1.0 * 4.0 * 1.0 == pytest.approx(there.cost_rate, rel=1e-12)
    assert here.expected_backorders[0] == pytest.approx(there.expected_backorders, rel=1e-12)
    best = one_warehouse_base_stock(**asked, **costs)
    assert best.cost_rate + 4.0 == pytest.approx(serial_base_stock_poisson(**serial).cost_rate, rel=1e-12)


def test_an_empty_warehouse_only_lengthens_the_lead_times():
    for evaluate in (one_warehouse_exact, one_warehouse_metric, one_warehouse_two_moment):
        system = evaluate(0, [2, 3, 1], **UNLIKE)
        mean = np.array(UNLIKE["demand_mean"]) * (np.array(UNLIKE["lead_time"]) + 1.5)
        assert system.fill_rate == pytest.approx(stats.poisson.cdf(np.array([2, 3, 1]) - 1, mean), rel=1e-12)


def test_an_ample_warehouse_makes_every_retailer_a_newsvendor():
    system = one_warehouse_exact(100, [2, 3, 1], **UNLIKE)
    mean = np.array(UNLIKE["demand_mean"]) * np.array(UNLIKE["lead_time"])
    assert system.fill_rate == pytest.approx(stats.poisson.cdf(np.array([2, 3, 1]) - 1, mean), rel=1e-12)
    assert system.warehouse_on_hand == pytest.approx(100 - 4.5)
    assert system.warehouse_delay == pytest.approx(0.0, abs=1e-15)


def test_metric_is_poisson_with_the_mean_delay():
    system = one_warehouse_metric(4, [2, 3, 1], **UNLIKE)
    demand = np.arange(80)
    short = (stats.poisson.pmf(demand, 4.5) * np.maximum(demand - 4, 0)).sum()
    mean = np.array(UNLIKE["demand_mean"]) * (np.array(UNLIKE["lead_time"]) + short / 3.0)
    assert system.warehouse_backorders == pytest.approx(short, rel=1e-12)
    assert system.fill_rate == pytest.approx(stats.poisson.cdf([1, 2, 0], mean), rel=1e-12)


def test_two_moments_are_those_of_the_exact_distribution():
    system = one_warehouse_two_moment(4, [2, 3, 1], **UNLIKE)
    for place, stock in enumerate((2, 3, 1)):
        pmf = _waiting(4, UNLIKE["demand_mean"][place], UNLIKE["lead_time"][place], 3.0, 1.5)
        n = np.arange(len(pmf))
        mean = (pmf * n).sum()
        variance = (pmf * (n - mean) ** 2).sum()
        fitted = stats.nbinom(mean**2 / (variance - mean), mean / variance)
        assert system.fill_rate[place] == pytest.approx(fitted.cdf(stock - 1), rel=1e-9)


def test_two_moments_come_closer_than_one():
    exact = one_warehouse_exact(2, [3, 3], demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=4.0)
    one = one_warehouse_metric(2, [3, 3], demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=4.0)
    two = one_warehouse_two_moment(2, [3, 3], demand_mean=[1.0, 1.0], lead_time=1.0, warehouse_lead_time=4.0)
    assert np.abs(two.fill_rate - exact.fill_rate).max() < np.abs(one.fill_rate - exact.fill_rate).max()
    assert two.expected_backorders.sum() < exact.expected_backorders.sum() * 1.02
    assert one.expected_backorders.sum() < exact.expected_backorders.sum()


def test_a_lot_at_the_warehouse_is_the_average_over_its_positions():
    lots = one_warehouse_exact(2, [2, 3, 1], **UNLIKE, **COSTS, warehouse_order_quantity=5)
    each = one_warehouse_exact(np.arange(2, 7), [2, 3, 1], **UNLIKE, **COSTS)
    assert lots.cost_rate == pytest.approx(each.cost_rate.mean(), rel=1e-12)
    assert lots.fill_rate == pytest.approx(each.fill_rate.mean(axis=0), rel=1e-12)
    assert lots.warehouse_delay == pytest.approx(each.warehouse_delay.mean(), rel=1e-12)


@pytest.mark.parametrize("lot", [1, 3])
def test_no_other_levels_cost_less(lot):
    asked = {**UNLIKE, "demand_mean": [0.8, 1.5], "lead_time": [1.0, 0.5], "warehouse_order_quantity": lot}
    costs = {"warehouse_holding_cost": 1.0, "holding_cost": [1.5, 1.2], "shortage_cost": [10.0, 25.0]}
    best = one_warehouse_base_stock(**asked, **costs)
    grid = np.array(list(product(range(10), range(8), range(8))))
    all_costs = one_warehouse_exact(grid[:, 0], grid[:, 1:], **asked, **costs).cost_rate
    assert best.cost_rate == pytest.approx(all_costs.min(), rel=1e-12)
    again = one_warehouse_exact(best.warehouse_base_stock, best.retailer_base_stock, **asked, **costs)
    assert again.cost_rate == best.cost_rate


@pytest.mark.parametrize("target", [0.5, 0.9, [0.99, 0.3]])
def test_no_other_levels_meet_the_fill_rates_with_less_holding(target):
    asked = {**UNLIKE, "demand_mean": [0.8, 1.5], "lead_time": [1.0, 0.5]}
    costs = {"warehouse_holding_cost": 1.0, "holding_cost": [1.5, 1.2]}
    best = one_warehouse_fill_rate(fill_rate_target=target, **asked, **costs)
    assert (best.fill_rate >= target).all()
    grid = np.array(list(product(range(12), range(9), range(9))))
    tried = one_warehouse_exact(grid[:, 0], grid[:, 1:], **asked, **costs)
    meets = (tried.fill_rate >= target).all(axis=1)
    assert best.cost_rate == pytest.approx(tried.cost_rate[meets].min(), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_halving_ranges_finds_what_trying_every_level_finds(seed):
    rng = np.random.default_rng(seed)
    retailers = int(rng.integers(1, 4))
    asked = {
        "demand_mean": rng.uniform(0, 3, retailers),
        "lead_time": rng.uniform(0, 2, retailers),
        "warehouse_lead_time": rng.uniform(0, 2.5),
        "warehouse_holding_cost": rng.choice([0.0, 0.1, 1.0, 10.0]),
        "holding_cost": rng.uniform(0.1, 3, retailers),
    }
    shortage = rng.uniform(0.1, 50, retailers)
    best = one_warehouse_base_stock(**asked, shortage_cost=shortage)
    best_filled = one_warehouse_fill_rate(**asked, fill_rate_target=0.9)
    ratio = shortage / (shortage + asked["holding_cost"])
    total = max(asked["demand_mean"].sum(), 1e-300)
    costs, filled = [], []
    for level in range(36):
        pmfs = [
            _waiting(level, rate, time, total, asked["warehouse_lead_time"])
            for rate, time in zip(asked["demand_mean"], asked["lead_time"], strict=True)
        ]
        cumulated = [np.cumsum(pmf) for pmf in pmfs]
        stocks = [int(np.argmax(one >= part)) for one, part in zip(cumulated, ratio, strict=True)]
        need = [int(np.argmax(one >= 0.9)) + 1 for one in cumulated]
        costs.append(one_warehouse_exact(level, stocks, **asked, shortage_cost=shortage).cost_rate)
        filled.append(one_warehouse_exact(level, need, **asked).cost_rate)
    assert best.cost_rate == pytest.approx(min(costs), rel=1e-10)
    assert best_filled.cost_rate == pytest.approx(min(filled), rel=1e-10)


def test_nothing_demanded_needs_nothing():
    system = one_warehouse_base_stock(**{**UNLIKE, "demand_mean": [0.0, 0.0, 0.0]}, **COSTS)
    assert system.warehouse_base_stock == 0
    assert system.retailer_base_stock.tolist() == [0, 0, 0]
    assert system.cost_rate == 0.0
    assert system.fill_rate.tolist() == [1.0, 1.0, 1.0]


def test_very_large_and_very_small_demand():
    """At a mean of a million all is as good as normal: what the warehouse is short of, and what it leaves to come."""
    large = {"demand_mean": [2e5, 8e5], "lead_time": 0.5, "warehouse_lead_time": 1.0}
    exact = one_warehouse_exact(1_000_500, [101_000, 402_000], **large)
    for place, (share, stock) in enumerate(((0.2, 101_000), (0.8, 402_000))):

        def served(short, share=share, stock=stock):
            mean, variance = share * (short + 5e5), share * (1 - share) * short + share * 5e5
            return stats.norm.cdf((stock - 0.5 - mean) / np.sqrt(variance))

        late = integrate.quad(lambda b: served(b) * stats.norm.pdf(b, -500, 1000), 0, 8000)[0]
        expected = served(0.0) * stats.norm.cdf(0.5) + late
        assert exact.fill_rate[place] == pytest.approx(expected, abs=2e-4)
    assert exact.warehouse_backorders == pytest.approx(
        1000 * (stats.norm.pdf(0.5) - 0.5 * stats.norm.sf(0.5)), rel=1e-3
    )
    small = one_warehouse_exact(0, [1, 0], demand_mean=[1e-9, 1e-9], lead_time=1.0, warehouse_lead_time=1.0)
    assert small.fill_rate.tolist() == [pytest.approx(1.0), 0.0]
    assert small.expected_backorders[1] == pytest.approx(2e-9, rel=1e-9)


def test_many_skus_are_answered_one_by_one():
    rng = np.random.default_rng(5)
    demand, time, ahead = rng.uniform(0, 3, (4, 3)), rng.uniform(0, 2, (4, 3)), rng.uniform(0, 3, 4)
    together = one_warehouse_base_stock(demand_mean=demand, lead_time=time, warehouse_lead_time=ahead, **COSTS)
    for sku in range(4):
        alone = one_warehouse_base_stock(
            demand_mean=demand[sku], lead_time=time[sku], warehouse_lead_time=ahead[sku], **COSTS
        )
        assert together.warehouse_base_stock[sku] == alone.warehouse_base_stock
        assert together.retailer_base_stock[sku].tolist() == alone.retailer_base_stock.tolist()
        assert together.cost_rate[sku] == alone.cost_rate


def test_windows_are_the_distributions_they_are_named_after():
    for mean in (0.0, 0.3, 7.0, 2e4):
        window = poisson_window(mean)
        assert window.probabilities == pytest.approx(stats.poisson.pmf(window.outcomes(), mean), rel=1e-9, abs=1e-18)
    for count, chance in ((0, 0.3), (9, 0.0), (9, 1.0), (9, 0.35), (50_000, 0.2)):
        window = binomial_window(count, chance)
        expected = stats.binom.pmf(window.outcomes(), count, chance)
        assert window.probabilities == pytest.approx(expected, rel=1e-9, abs=1e-18)
        assert 0 <= window.smallest <= window.largest() <= count
    for mean, variance in ((0.01, 0.02), (5.0, 5.1), (5.0, 60.0), (0.5, 40.0), (1e4, 1e6)):
        window = negative_binomial_window(mean, variance)
        expected = stats.nbinom.pmf(window.outcomes(), mean**2 / (variance - mean), mean / variance)
        assert window.probabilities == pytest.approx(expected, rel=1e-8, abs=1e-16)
        assert window.mean() == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"demand_mean": [-1.0, 1.0, 1.0]}, r"demand_mean must be at least 0 and finite, got -1\.0 \(index 0\)"),
        ({"lead_time": [1.0, 2.0]}, "must be of shape"),
        ({"holding_cost": [1.0, 0.0, 1.0]}, "holding_cost must be more than 0"),
        ({"shortage_cost": 0.0}, "shortage_cost must be more than 0"),
        ({"warehouse_order_quantity": 1.5}, r"warehouse_order_quantity must be whole, got 1\.5"),
        ({"demand_mean": [], "lead_time": 1.0, "holding_cost": 1.0, "shortage_cost": 1.0}, "at least one retailer"),
    ],
)
def test_refuses_by_name(change, said):
    with pytest.raises(ValueError, match=said):
        one_warehouse_base_stock(**{**UNLIKE, **COSTS, **change})
