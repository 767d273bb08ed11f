"""Serial systems: each stage supplies the next, and the last meets random demand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, signal, special, stats

from optimization.serial_systems import (
    serial_base_stock_discrete,
    serial_base_stock_normal,
    serial_base_stock_poisson,
    serial_cost_discrete,
    serial_cost_normal,
    serial_cost_poisson,
    serial_newsvendor_normal,
    serial_newsvendor_poisson,
)

THREE = {"echelon_holding_cost": [3.0, 2.0, 2.0], "lead_time": [1.0, 1.0, 2.0], "shortage_cost": 37.12}


def _asked(known_case):
    asked = known_case["inputs"]
    names = {
        "echelon_holding_cost": "echelon_holding_cost_downstream_first",
        "lead_time": "lead_time_downstream_first",
        "shortage_cost": "stockout_cost",
        "demand_mean": "demand_mean",
        "demand_sd": "demand_sd",
    }
    return {ours: asked[theirs] for ours, theirs in names.items() if theirs in asked}


@pytest.mark.known_answers("ssm_serial_normal", "ssm_serial_poisson")
def test_known_answers(known_case, within):
    best = serial_base_stock_normal if known_case["family"] == "ssm_serial_normal" else serial_base_stock_poisson
    system = best(**_asked(known_case))
    for name in known_case["expected"]:
        assert getattr(system, name) == within(name)


# Oracles


def _by_values(holding, pmfs, shortage, given=None):
    """Clark and Scarf's recursion on costs, in plain loops over levels that are surely wide enough.

    Every stage's holding counts as if its lead times covered what the first stage's does.
    """
    most = sum(len(pmf) - 1 for pmf in pmfs)
    bottom, top = -most, 2 * most
    cost = {u: (shortage + sum(holding)) * max(-u, 0) for u in range(bottom - most, top + 1)}
    levels = []
    for stage, (own, pmf) in enumerate(zip(holding, pmfs, strict=True)):
        bottom_here = min(cost) + len(pmf) - 1
        induced = {u: own * u + value for u, value in cost.items()}
        here = {y: sum(p * induced[y - d] for d, p in enumerate(pmf)) for y in range(bottom_here, top + 1)}
        level = min(here, key=lambda y: (round(here[y], 10), y)) if given is None else given[stage]
        levels.append(level)
        cost = {y: here[min(y, level)] for y in here}
    return levels, here[levels[-1]]


def _poisson(mean):
    return stats.poisson.pmf(np.arange(int(mean + 12 * np.sqrt(mean) + 25)), mean)


def _simulated(levels, pmf, holding, lead_time, shortage, *, paths=4000, periods=60, warm=25):
    """Mean cost and backorders of echelon base-stock levels, by moving goods about; and the error of the cost."""
    rng = np.random.default_rng(7)
    stages = len(levels)
    local = np.diff(levels, prepend=0)
    on_hand = [np.full(paths, local[j]) for j in range(stages)]
    owed = [np.zeros(paths, dtype=int) for _ in range(stages)]  # what stage j still owes its customer
    due = [[np.zeros(paths, dtype=int) for _ in range(time)] for time in lead_time]
    value = np.cumsum(holding[::-1])[::-1]
    costs, waiting = [], []
    demand = np.zeros(paths, dtype=int)
    for period in range(periods):
        ordered = demand  # base-stock policies pass each period's demand on
        for j in reversed(range(stages)):
            sent = ordered
            if j < stages - 1:
                owed[j + 1] = owed[j + 1] + ordered
                sent = np.minimum(owed[j + 1], on_hand[j + 1])
                owed[j + 1], on_hand[j + 1] = owed[j + 1] - sent, on_hand[j + 1] - sent
            due[j].append(sent)
            on_hand[j] = on_hand[j] + due[j].pop(0)
        met = np.minimum(owed[0], on_hand[0])
        owed[0], on_hand[0] = owed[0] - met, on_hand[0] - met
        demand = rng.choice(len(pmf), p=pmf, size=paths)
        served = np.minimum(demand, on_hand[0])
        on_hand[0], owed[0] = on_hand[0] - served, owed[0] + demand - served
        if period >= warm:
            held = sum(value[j] * on_hand[j] for j in range(stages))
            moving = sum(value[j + 1] * sum(due[j]) for j in range(stages - 1) if lead_time[j])
            costs.append(held + moving + shortage * owed[0])
            waiting.append(owed[0])
    by_path = np.mean(costs, axis=0)
    return by_path.mean(), np.mean(waiting), by_path.std() / np.sqrt(paths)


# Normal demand


def test_one_stage_is_a_newsvendor():
    system = serial_base_stock_normal(
        echelon_holding_cost=[2.0], lead_time=[4.0], shortage_cost=18.0, demand_mean=100.0, demand_sd=15.0
    )
    z = special.ndtri(0.9)
    assert system.echelon_base_stock == pytest.approx([400 + 30 * z], rel=1e-13)
    assert system.cost_rate == pytest.approx(20 * 30 * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), rel=1e-12)


def test_two_stages_agree_with_numerical_integration():
    holding, lead_time, shortage = (1.5, 1.0), (2.0, 3.0), 20.0
    system = serial_base_stock_normal(
        echelon_holding_cost=holding, lead_time=lead_time, shortage_cost=shortage, demand_mean=30.0, demand_sd=6.0
    )
    first, second = stats.norm(60, 6 * np.sqrt(2)), stats.norm(90, 6 * np.sqrt(3))
    level_1 = first.ppf((shortage + 1) / (shortage + 2.5))
    assert system.echelon_base_stock[0] == pytest.approx(level_1, rel=1e-12)

    def first_cost(y):
        z = (y - 60) / (6 * np.sqrt(2))
        loss = 6 * np.sqrt(2) * (stats.norm.pdf(z) - z * stats.norm.sf(z))
        return 1.5 * (y - 60) + (shortage + 2.5) * loss

    def second_cost(y):
        below = integrate.quad(
            lambda d: first_cost(y - d) * second.pdf(d), y - level_1, 90 + 9 * 6 * np.sqrt(3), epsabs=1e-11
        )[0]
        return (y - 90) + first_cost(level_1) * second.cdf(y - level_1) + below

    best = system.echelon_base_stock[1]
    assert system.cost_rate == pytest.approx(second_cost(best), rel=1e-10)
    assert second_cost(best) < min(second_cost(best - 0.01), second_cost(best + 0.01))


def _on_a_grid(holding, deviations, shortage, *, step, wide):
    """The recursion on costs themselves, on a grid, with straight lines beyond its ends; without the means."""
    u = np.arange(-wide, wide + step / 2, step)
    cost, levels = (shortage + sum(holding)) * np.maximum(-u, 0), []
    for own, sd in zip(holding, deviations, strict=True):
        induced = own * u + cost
        reach = np.arange(1, int(8 * sd / step) + 1)
        weights = np.exp(-((np.concatenate((-reach[::-1], [0], reach)) * step / sd) ** 2) / 2)
        left = induced[0] - reach[::-1] * (induced[1] - induced[0])
        right = induced[-1] + reach * (induced[-1] - induced[-2])
        smooth = signal.fftconvolve(np.concatenate((left, induced, right)), weights / weights.sum(), "valid")
        best = int(smooth.argmin())
        levels.append(u[best])
        cost = np.where(u < u[best], smooth, smooth[best])
    return levels, smooth[best]


def test_three_stages_agree_with_a_fine_grid():
    levels, cost = _on_a_grid((3, 2, 2), np.sqrt((1, 1, 2)), 37.12, step=0.001, wide=30)
    system = serial_base_stock_normal(**THREE, demand_mean=5.0, demand_sd=1.0)
    assert system.cost_rate == pytest.approx(cost + 5 * (2 * 1 + 2 * 2), rel=1e-7)
    assert system.echelon_base_stock == pytest.approx(np.array([5, 10, 20]) + levels, abs=2e-3)


def test_no_levels_nearby_cost_less():
    asked = {**THREE, "demand_mean": 5.0, "demand_sd": 1.0}
    best = serial_base_stock_normal(**asked)
    assert serial_cost_normal(best.echelon_base_stock, **asked).cost_rate == pytest.approx(best.cost_rate, rel=1e-13)
    steps = np.array([[i, j, k] for i in (-0.3, 0, 0.3) for j in (-0.3, 0, 0.3) for k in (-0.3, 0, 0.3)])
    for step in steps[np.abs(steps).sum(axis=1) > 0]:
        assert serial_cost_normal(best.echelon_base_stock + step, **asked).cost_rate > best.cost_rate


def test_given_levels_waiting_customers_are_what_the_shortage_cost_is_paid_for():
    asked = {**THREE, "demand_mean": 5.0, "demand_sd": 1.0}
    cheap = serial_cost_normal([6.0, 11.0, 22.0], **asked)
    dear = serial_cost_normal([6.0, 11.0, 22.0], **{**asked, "shortage_cost": 137.12})
    assert dear.cost_rate - cheap.cost_rate == pytest.approx(100 * cheap.expected_backorders, rel=1e-11)


def test_a_level_above_one_upstream_binds_nobody():
    high = serial_cost_poisson([9, 11, 10], **THREE, demand_mean=2.0)
    low = serial_cost_poisson([9, 10, 10], **THREE, demand_mean=2.0)
    assert high.cost_rate == low.cost_rate
    assert high.local_base_stock.tolist() == [9.0, 1.0, 0.0]


def test_best_levels_cost_what_is_said_even_where_they_fall_upstream():
    asked = {
        "echelon_holding_cost": [1.0, 30.0], "lead_time": [2.0, 1.0], "shortage_cost": 0.5, "demand_mean": 5.0,
        "demand_sd": 3.0,
    }  # fmt: skip
    best = serial_base_stock_normal(**asked)
    assert best.echelon_base_stock[1] < best.echelon_base_stock[0]
    again = serial_cost_normal(best.echelon_base_stock, **asked)
    assert again.cost_rate == pytest.approx(best.cost_rate, rel=1e-12)
    assert again.expected_backorders == pytest.approx(best.expected_backorders, rel=1e-12)


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 20)), min_size=1, max_size=4),
    st.floats(0.1, 1000),
    st.floats(0.001, 1e4),
    st.floats(0, 1e3),
)
@settings(max_examples=20)
def test_best_levels_lie_between_the_newsvendor_bounds(stages, shortage, mean, sd):
    asked = {
        "echelon_holding_cost": [own for own, _ in stages],
        "lead_time": [time for _, time in stages],
        "shortage_cost": shortage,
        "demand_mean": mean,
        "demand_sd": sd,
    }
    system, bounds = serial_base_stock_normal(**asked), serial_newsvendor_normal(**asked)
    slack = 1e-9 * (mean + sd) * (1 + sum(asked["lead_time"]))
    assert np.isfinite(system.cost_rate)
    assert (system.echelon_base_stock >= bounds.lower - slack).all()
    assert (system.echelon_base_stock <= bounds.upper + slack).all()


@pytest.mark.parametrize("mean", [1e-3, 1.0, 1e6])
def test_figures_scale_with_the_unit(mean):
    asked = {**THREE, "demand_mean": 5.0, "demand_sd": 1.0}
    unit = serial_base_stock_normal(**asked)
    scaled = serial_base_stock_normal(**{**asked, "demand_mean": 5.0 * mean, "demand_sd": mean})
    assert scaled.cost_rate == pytest.approx(mean * unit.cost_rate, rel=1e-12)
    assert scaled.echelon_base_stock == pytest.approx(mean * unit.echelon_base_stock, rel=1e-12)


def test_splitting_a_lead_time_at_a_stage_that_adds_no_cost_changes_nothing():
    """Where stage 2 adds no cost it passes all on, and its lead time is as good as the first stage's."""
    one = serial_base_stock_normal(
        echelon_holding_cost=[2.0], lead_time=[5.0], shortage_cost=9.0, demand_mean=10.0, demand_sd=3.0
    )
    two = serial_base_stock_normal(
        echelon_holding_cost=[0.0, 2.0], lead_time=[2.0, 3.0], shortage_cost=9.0, demand_mean=10.0, demand_sd=3.0
    )
    assert two.echelon_base_stock.tolist() == [np.inf, pytest.approx(one.echelon_base_stock[0], rel=1e-12)]
    assert two.local_base_stock[1] == 0.0
    assert two.cost_rate == pytest.approx(one.cost_rate + 2.0 * 10 * 2, rel=1e-12)


def test_certain_demand_needs_no_stock_beyond_what_is_under_way():
    system = serial_base_stock_normal(**THREE, demand_mean=5.0, demand_sd=0.0)
    assert system.echelon_base_stock.tolist() == [5.0, 10.0, 20.0]
    assert system.cost_rate == pytest.approx(5 * (2 * 1 + 2 * 2))
    assert system.expected_backorders == 0.0
    nothing = serial_base_stock_normal(**THREE, demand_mean=0.0, demand_sd=0.0)
    assert nothing.echelon_base_stock.tolist() == [0.0, 0.0, 0.0]
    assert nothing.cost_rate == 0.0


def test_very_unequal_stages_agree_with_a_fine_grid():
    holding, lead_time = (1e-3, 1.0, 300.0), (1e-3, 10.0, 0.01)
    levels, cost = _on_a_grid(holding, np.sqrt(lead_time), 1e5, step=0.002, wide=100)
    system = serial_base_stock_normal(
        echelon_holding_cost=holding, lead_time=lead_time, shortage_cost=1e5, demand_mean=5.0, demand_sd=1.0
    )
    transit = 5 * (1e-3 + 300 * 10.001)
    assert system.cost_rate - transit == pytest.approx(cost, rel=1e-5)
    assert system.echelon_base_stock == pytest.approx(5 * np.cumsum(lead_time) + levels, abs=4e-3)


# Whole-number demand


@pytest.mark.parametrize(
    ("holding", "lead_time", "shortage", "mean"),
    [
        ([1.0], [2.0], 9.0, 3.0),
        ([0.25, 2.5], [0.5, 1.0], 9.0, 4.0),
        ([1.0, 0.5, 0.25], [0.5, 0.25, 1.0], 20.0, 5.0),
        ([2.0, 1.0, 1.0], [1.0, 0.0, 0.5], 0.7, 6.0),
        ([1.0, 1.0], [1.0, 1.0], 5.0, 0.01),
    ],
)
def test_poisson_levels_and_costs_agree_with_plain_loops(holding, lead_time, shortage, mean):
    asked = {
        "echelon_holding_cost": holding,
        "lead_time": lead_time,
        "shortage_cost": shortage,
        "demand_mean": mean,
    }
    pmfs = [_poisson(mean * time) for time in lead_time]
    levels, cost = _by_values(holding, pmfs, shortage)
    system = serial_base_stock_poisson(**asked)
    assert system.echelon_base_stock.tolist() == levels
    assert system.cost_rate == pytest.approx(cost, rel=1e-10)
    other = sorted(level + 1 + j for j, level in enumerate(levels))
    given = serial_cost_poisson(other, **asked)
    assert given.cost_rate == pytest.approx(_by_values(holding, pmfs, shortage, other)[1], rel=1e-10)


def test_discrete_levels_agree_with_plain_loops():
    pmf = np.array([0.5, 0.1, 0.0, 0.3, 0.1])
    double = np.convolve(pmf, pmf)
    levels, cost = _by_values([1.0, 0.5, 0.2], [double, pmf, double], 12.0)
    system = serial_base_stock_discrete(
        pmf, echelon_holding_cost=[1.0, 0.5, 0.2], lead_time=[1, 1, 2], shortage_cost=12.0
    )
    assert system.echelon_base_stock.tolist() == levels
    assert system.cost_rate == pytest.approx(cost - 1.4 * (0.5 + 0.2), rel=1e-12)


@pytest.mark.parametrize("lead_time", [[1, 2], [0, 1]])
def test_goods_that_are_moved_about_cost_what_is_said(lead_time):
    pmf, holding, levels = [0.4, 0.3, 0.2, 0.1], [1.0, 0.5], [3, 5]
    system = serial_cost_discrete(levels, pmf, echelon_holding_cost=holding, lead_time=lead_time, shortage_cost=10.0)
    cost, waiting, error = _simulated(levels, pmf, holding, lead_time, 10.0)
    assert system.cost_rate == pytest.approx(cost, abs=4 * error)
    assert system.expected_backorders == pytest.approx(waiting, abs=4 * error / 10)


def test_poisson_approaches_normal_where_the_mean_is_large():
    asked = {"echelon_holding_cost": [1.0, 1.0], "lead_time": [1.0, 2.0], "shortage_cost": 20.0}
    whole = serial_base_stock_poisson(**asked, demand_mean=1e5)
    smooth = serial_base_stock_normal(**asked, demand_mean=1e5, demand_sd=np.sqrt(1e5))
    assert whole.echelon_base_stock == pytest.approx(smooth.echelon_base_stock, abs=5)
    assert whole.cost_rate == pytest.approx(smooth.cost_rate, rel=2e-5)


@pytest.mark.parametrize("mean", [0.0, 1e-6])
def test_hardly_any_demand_needs_no_stock(mean):
    system = serial_base_stock_poisson(**THREE, demand_mean=mean)
    assert system.echelon_base_stock.tolist() == [0.0, 0.0, 0.0]
    assert system.cost_rate == pytest.approx(mean * (6 + 37.12 * 4), rel=1e-9)
    assert system.expected_backorders == pytest.approx(4 * mean, abs=1e-15)


def test_poisson_levels_lie_between_the_newsvendor_bounds():
    for holding in ([0.25, 0.25, 0.25, 0.25], [0.25, 2.5, 2.5, 0.25], [2.5, 0.25, 0.25, 2.5]):
        asked = {"echelon_holding_cost": holding, "lead_time": 0.25, "shortage_cost": 9.0, "demand_mean": 16.0}
        bounds = serial_newsvendor_poisson(**asked)
        levels = serial_base_stock_poisson(**asked).echelon_base_stock
        assert (bounds.lower <= levels).all()
        assert (levels <= bounds.upper).all()


def test_poisson_bounds_are_quantiles():
    bounds = serial_newsvendor_poisson(
        echelon_holding_cost=[1.0, 2.0], lead_time=[0.5, 1.0], shortage_cost=10.0, demand_mean=8.0
    )
    assert bounds.lower.tolist() == stats.poisson.ppf([12 / 13, 10 / 13], [4, 12]).tolist()
    assert bounds.upper.tolist() == stats.poisson.ppf([12 / 13, 10 / 12], [4, 12]).tolist()


def test_a_review_period_is_the_first_stages_longer_protection():
    continuous = serial_base_stock_normal(**{**THREE, "lead_time": [2.0, 1.0, 2.0]}, demand_mean=5.0, demand_sd=1.0)
    reviewed = serial_base_stock_normal(**THREE, demand_mean=5.0, demand_sd=1.0, review_period=1.0)
    assert reviewed.echelon_base_stock == pytest.approx(continuous.echelon_base_stock, rel=1e-13)
    assert reviewed.cost_rate == pytest.approx(continuous.cost_rate - 5 * (2 + 2), rel=1e-12)


def test_a_review_of_poisson_demand_is_the_discrete_model():
    pmf = _poisson(2.0)
    reviewed = serial_base_stock_poisson(**THREE, demand_mean=2.0, review_period=1.0)
    discrete = serial_base_stock_discrete(pmf / pmf.sum(), **THREE)
    assert reviewed.echelon_base_stock.tolist() == discrete.echelon_base_stock.tolist()
    assert reviewed.cost_rate == pytest.approx(discrete.cost_rate, rel=1e-10)


# Many SKUs, and refusals


def test_many_skus_are_answered_one_by_one():
    holding = np.array([[3.0, 2.0, 2.0], [1.0, 0.0, 0.5]])
    for best, more in ((serial_base_stock_normal, {"demand_sd": [1.0, 4.0]}), (serial_base_stock_poisson, {})):
        together = best(
            echelon_holding_cost=holding, lead_time=[1.0, 1.0, 2.0], shortage_cost=[37.12, 5.0],
            demand_mean=[5.0, 30.0], **more,
        )  # fmt: skip
        for sku in range(2):
            alone = best(
                echelon_holding_cost=holding[sku], lead_time=[1.0, 1.0, 2.0], shortage_cost=[37.12, 5.0][sku],
                demand_mean=[5.0, 30.0][sku], **{name: values[sku] for name, values in more.items()},
            )  # fmt: skip
            assert together.echelon_base_stock[sku].tolist() == alone.echelon_base_stock.tolist()
            assert together.cost_rate[sku] == alone.cost_rate
            assert together.expected_backorders[sku] == alone.expected_backorders


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shortage_cost": 0.0}, "shortage_cost must be more than 0 and finite, got 0.0"),
        (
            {"echelon_holding_cost": [1.0, -1.0, 1.0]},
            r"echelon_holding_cost must be at least 0 .* got -1.0 \(index 1\)",
        ),
        ({"lead_time": [1.0, np.nan, 1.0]}, "lead_time must be at least 0 and finite, got nan"),
        ({"lead_time": [1.0, 1.0]}, "must be of shape"),
        ({"demand_sd": [1.0, 2.0]}, "demand_sd must fit the shape"),
        ({"echelon_holding_cost": [], "lead_time": []}, "at least one stage"),
    ],
)
def test_refuses_by_name(change, said):
    with pytest.raises(ValueError, match=said):
        serial_base_stock_normal(**{**THREE, "demand_mean": 5.0, "demand_sd": 1.0, **change})


def test_refuses_parts_of_units_and_of_periods():
    with pytest.raises(ValueError, match=r"echelon_base_stock must be whole, got 1\.5"):
        serial_cost_poisson([1.5, 2.0, 3.0], **THREE, demand_mean=5.0)
    with pytest.raises(ValueError, match=r"lead_time must be whole periods, got 0\.5"):
        serial_base_stock_discrete([0.5, 0.5], echelon_holding_cost=[1.0], lead_time=[0.5], shortage_cost=1.0)
    with pytest.raises(ValueError, match="demand_pmf must add up to 1"):
        serial_base_stock_discrete([0.5, 0.4], echelon_holding_cost=[1.0], lead_time=[1], shortage_cost=1.0)
    with pytest.raises(ValueError, match="echelon_base_stock must fit the shape"):
        serial_cost_poisson([1, 2], **THREE, demand_mean=5.0)
