"""Base stock with backorders and with lost sales."""

import math

import numpy as np
import pytest

from optimization.base_stock import (
    base_stock,
    base_stock_at,
    base_stock_for_cycle_service,
    base_stock_for_fill_rate,
    continuous_base_stock,
    continuous_base_stock_at,
    continuous_base_stock_for_fill_rate,
)
from optimization.continuous_distributions import GammaDemand, LognormalDemand, NormalDemand
from optimization.count_distributions import (
    BinomialDemand,
    CompoundPoissonDemand,
    NegativeBinomialDemand,
    PoissonDemand,
)
from optimization.listed_distributions import DiscreteDemand
from optimization.lost_sales import (
    continuous_lost_sales,
    continuous_lost_sales_at,
    continuous_lost_sales_for_fill_rate,
    periodic_lost_sales,
    periodic_lost_sales_approximation,
    periodic_lost_sales_approximation_at,
    periodic_lost_sales_at,
    periodic_lost_sales_bracket,
)

DEMANDS = {
    "normal": NormalDemand(50.0, 8.0),
    "gamma": GammaDemand(5.0, 4.0),
    "poisson": PoissonDemand(3.0),
    "negative binomial": NegativeBinomialDemand(4.0, 3.0),
    "binomial": BinomialDemand(10, 0.3),
    "compound": CompoundPoissonDemand(1.5, [0.5, 0.3, 0.2]),
}

every = pytest.mark.parametrize("demand", DEMANDS.values(), ids=DEMANDS)


def stock_of_a_long_run(demand, level, lead):
    """Net stock at the end of each period: arrive, order up to the level, sell, count."""
    on_hand, pipeline = level, [0.0] * lead
    counted = np.empty(len(demand))
    for period, units in enumerate(demand):
        if lead:
            on_hand += pipeline.pop(0)
        ordered = level - on_hand - sum(pipeline)
        if lead:
            pipeline.append(ordered)
        else:
            on_hand += ordered
        on_hand -= units
        counted[period] = on_hand
    return counted


# Backorders, periodic review


@pytest.mark.known_answers("base_stock_normal", "base_stock_poisson")
def test_known_base_stocks(known_case, within):
    inputs = known_case["inputs"]
    if "demand_sd" in inputs:
        demand = NormalDemand(inputs["demand_mean"], inputs["demand_sd"])
    else:
        demand = PoissonDemand(inputs["demand_mean"])
    costs = {"holding_cost": inputs["holding_cost"], "shortage_cost": inputs["stockout_cost"]}
    best = base_stock(demand, lead_time=inputs["lead_time"], **costs)
    assert best.base_stock_level == within("base_stock_level")
    assert best.cost_rate(**costs) == within("cost")


@pytest.mark.known_answers("simulation_vs_analytic")
def test_a_simulated_base_stock_costs_what_theory_says(known_case, within):
    inputs = known_case["inputs"]
    demand = NormalDemand(inputs["demand_mean"], inputs["demand_sd"])
    level, lead = inputs["base_stock_level"], inputs["lead_time"]
    costs = {"holding_cost": inputs["holding_cost"], "shortage_cost": inputs["stockout_cost"]}
    drawn = np.random.default_rng(11).normal(inputs["demand_mean"], inputs["demand_sd"], 200_000)
    # The recursion as a sum: what is on hand is the level less the demand of the last lead + 1 periods.
    net = level - np.convolve(drawn, np.ones(lead + 1), mode="valid")
    assert net[:300] == pytest.approx(stock_of_a_long_run(drawn[: 300 + lead], level, lead)[lead:])
    simulated = (costs["holding_cost"] * np.maximum(net, 0) + costs["shortage_cost"] * np.maximum(-net, 0)).mean()
    analytic = base_stock_at(demand, level, lead_time=lead).cost_rate(**costs)
    assert analytic == within("long_run_cost_per_period")
    assert simulated == within("long_run_cost_per_period")
    assert analytic == pytest.approx(known_case["expected"]["long_run_cost_per_period"], rel=1e-7)


@every
@pytest.mark.parametrize("lead_time", [0, 2])
def test_no_other_base_stock_costs_less(demand, lead_time):
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0}
    best = base_stock(demand, lead_time=lead_time, **costs)
    others = base_stock_at(demand, best.base_stock_level + np.array([-3, -1, 1, 3]), lead_time=lead_time)
    assert (others.cost_rate(**costs) >= best.cost_rate(**costs) * (1 - 1e-12)).all()


@every
@pytest.mark.parametrize("lead_time", [0, 2])
def test_periodic_targets_are_met_by_the_smallest_level(demand, lead_time):
    unit = 1.0 if demand.whole else 1e-5
    filled = base_stock_for_fill_rate(demand, lead_time=lead_time, fill_rate=0.97)
    assert filled.fill_rate >= 0.97 - 1e-10
    assert base_stock_at(demand, filled.base_stock_level - unit, lead_time=lead_time).fill_rate < 0.97
    covered = base_stock_for_cycle_service(demand, lead_time=lead_time, cycle_service_level=0.97)
    assert covered.ready_rate >= 0.97 - 1e-10
    assert base_stock_at(demand, covered.base_stock_level - unit, lead_time=lead_time).ready_rate < 0.97


def test_periodic_fill_rate_is_that_of_a_long_run():
    rng = np.random.default_rng(5)
    drawn = rng.negative_binomial(3.2, 3.2 / 7.2, 60_000).astype(float)
    net = stock_of_a_long_run(drawn, 17.0, 2)
    before = net + drawn
    met = np.minimum(np.maximum(before, 0), drawn).sum() / drawn.sum()
    result = base_stock_at(NegativeBinomialDemand(4.0, 3.0), 17, lead_time=2)
    assert result.fill_rate == pytest.approx(met, abs=4e-3)
    assert result.ready_rate == pytest.approx((net >= 0).mean(), abs=6e-3)
    assert result.expected_on_hand == pytest.approx(np.maximum(net, 0).mean(), abs=0.12)


def test_without_lead_time_the_fill_rate_is_the_newsvendor_s():
    """P = {0: ½, 2: ½} with one unit: half of the demand is met."""
    result = base_stock_at(DiscreteDemand([0, 2], [0.5, 0.5]), 1, lead_time=0)
    assert result.fill_rate == pytest.approx(0.5)
    assert base_stock_at(LognormalDemand(9.0, 3.0), 0.0, lead_time=0).fill_rate == pytest.approx(0, abs=1e-12)


def test_a_varying_lead_time_takes_more_stock():
    for demand in (NormalDemand(50.0, 8.0), GammaDemand(50.0, 20.0), PoissonDemand(50.0)):
        certain, varying = (
            base_stock_for_fill_rate(demand, lead_time=4, lead_time_sd=sd, fill_rate=0.99) for sd in (0.0, 1.0)
        )
        assert varying.base_stock_level > certain.base_stock_level


# Backorders, continuous review


@pytest.mark.known_answers("base_stock_poisson_fill_rate")
def test_known_fill_rate_base_stocks(known_case, within):
    inputs = known_case["inputs"]
    best = continuous_base_stock_for_fill_rate(
        PoissonDemand(inputs["demand_rate"]), lead_time=inputs["lead_time"], fill_rate=inputs["target_fill_rate"]
    )
    for name in known_case["expected"]:
        assert getattr(best, name) == within(name)


def test_continuous_optimum_is_the_newsvendor_of_a_lead_time():
    costs = {"holding_cost": 1.0, "shortage_cost": 19.0}
    best = continuous_base_stock(PoissonDemand([0.4, 3.0]), lead_time=[5.0, 2.0], **costs)
    for change in (-1, 1):
        other = continuous_base_stock_at(PoissonDemand([0.4, 3.0]), best.base_stock_level + change, lead_time=[5, 2])
        assert (other.cost_rate(**costs) >= best.cost_rate(**costs)).all()


def compound_fill_rate(waiting, weights, stock):
    """Σ P(X = x) E[min(B, S − x)]/E[B], term by term."""
    sizes = np.arange(1, len(weights) + 1)
    probability = np.diff(waiting.cumulative(np.arange(stock)), prepend=0.0)
    taken = [np.minimum(sizes, stock - x) @ weights for x in range(stock)]
    return probability @ taken / (sizes @ weights)


@pytest.mark.parametrize("stock", [1, 5, 12])
def test_compound_customers_are_met_in_part(stock):
    demand = CompoundPoissonDemand(1.5, [0.5, 0.3, 0.0, 0.2])
    met = continuous_base_stock_at(demand, stock, lead_time=2.0).fill_rate
    assert met == pytest.approx(compound_fill_rate(demand.over(2.0), np.array([0.5, 0.3, 0, 0.2]), stock), rel=1e-10)


@pytest.mark.parametrize("stock", [1, 5, 30, 200])
def test_negative_binomial_demand_comes_in_logarithmic_sizes(stock):
    demand = NegativeBinomialDemand(4.0, 3.0)
    failing = 1 - 4 / 9
    sizes = np.arange(1, 400)
    weights = failing**sizes / sizes
    met = continuous_base_stock_at(demand, stock, lead_time=2.0).fill_rate
    assert met == pytest.approx(compound_fill_rate(demand.over(2.0), weights / weights.sum(), stock), rel=1e-9)


@pytest.mark.parametrize("mean", [1e-3, 1.0, 1e3, 1e5])
def test_continuous_fill_rates_are_reached_at_small_and_large_means(mean):
    for demand in (PoissonDemand(mean), NegativeBinomialDemand(mean, 1.3 * math.sqrt(mean))):
        best = continuous_base_stock_for_fill_rate(demand, lead_time=1.0, fill_rate=0.99)
        assert best.fill_rate >= 0.99 - 1e-12
        less = continuous_base_stock_at(demand, best.base_stock_level - 1, lead_time=1.0)
        assert less.fill_rate < 0.99


def test_nothing_demanded_needs_no_stock():
    for demand in (PoissonDemand(0.0), NegativeBinomialDemand(0.0, 0.0)):
        assert continuous_base_stock_for_fill_rate(demand, lead_time=2.0, fill_rate=0.9).base_stock_level == 0
        best = base_stock_for_fill_rate(demand, lead_time=2, fill_rate=0.9)
        assert (best.base_stock_level, best.fill_rate) == (0, 1)


# Lost sales


def test_erlang_s_formula():
    """a = 2: B(3) = (8/6)/(1 + 2 + 2 + 8/6)."""
    result = continuous_lost_sales_at(demand_rate=2.0, lead_time=1.0, base_stock_level=[0, 1, 3])
    assert result.fill_rate == pytest.approx([0, 1 - 2 / 3, 1 - (8 / 6) / (5 + 8 / 6)])
    assert result.expected_on_hand == pytest.approx([0, 1 - 2 / 3, 3 - 2 * result.fill_rate[2]])


@pytest.mark.parametrize(("rate", "lead"), [(0.01, 3.0), (2.0, 1.0), (40.0, 2.5), (2e4, 1.0)])
def test_no_other_lost_sales_level_costs_less(rate, lead):
    costs = {"holding_cost": 1.0, "shortage_cost": 30.0}
    best = continuous_lost_sales(demand_rate=rate, lead_time=lead, **costs)
    level = best.base_stock_level + np.array([-5, -1, 1, 2, 40])
    others = continuous_lost_sales_at(demand_rate=rate, lead_time=lead, base_stock_level=np.maximum(level, 0))
    assert (others.cost_rate(**costs) >= best.cost_rate(**costs) * (1 - 1e-12)).all()


def test_lost_sales_targets_are_met_by_the_smallest_level():
    best = continuous_lost_sales_for_fill_rate(demand_rate=[0.5, 9.0], lead_time=3.0, fill_rate=[0.9, 0.999])
    assert (best.fill_rate >= [0.9, 0.999]).all()
    less = continuous_lost_sales_at(demand_rate=[0.5, 9.0], lead_time=3.0, base_stock_level=best.base_stock_level - 1)
    assert (less.fill_rate < [0.9, 0.999]).all()


def test_no_lead_time_or_no_demand_keeps_the_least():
    costs = {"holding_cost": 1.0, "shortage_cost": 5.0}
    nothing = continuous_lost_sales(demand_rate=0.0, lead_time=1.0, **costs)
    assert (nothing.base_stock_level, nothing.fill_rate) == (0, 1)
    assert continuous_lost_sales(demand_rate=2.0, lead_time=0.0, **costs).base_stock_level == 1


def lost_sales_of_a_long_run(drawn, level, lead):
    on_hand, pipeline, sold, left = level, [0] * lead, 0, 0
    for units in drawn:
        if lead:
            on_hand += pipeline.pop(0)
        ordered = level - on_hand - sum(pipeline)
        if lead:
            pipeline.append(ordered)
        else:
            on_hand += ordered
        now = min(on_hand, units)
        on_hand -= now
        sold, left = sold + now, left + on_hand
    return sold / drawn.sum(), left / len(drawn)


@pytest.mark.parametrize(("level", "lead"), [(3, 0), (6, 1), (9, 2), (11, 3)])
def test_periodic_lost_sales_are_those_of_a_long_run(level, lead):
    drawn = np.random.default_rng(2).poisson(2.0, 60_000)
    met, left = lost_sales_of_a_long_run(drawn, level, lead)
    result = periodic_lost_sales_at(PoissonDemand(2.0), level, lead_time=lead)
    assert result.fill_rate == pytest.approx(met, abs=4e-3)
    assert result.expected_on_hand == pytest.approx(left, abs=0.04)


def test_periodic_lost_sales_without_lead_time_are_the_newsvendor_s():
    demand = PoissonDemand(2.0)
    result = periodic_lost_sales_at(demand, 3, lead_time=0)
    assert result.lost_sales == pytest.approx(demand.losses(3).loss)
    assert result.expected_on_hand == pytest.approx(demand.losses(3).complementary_loss)


def test_a_cycle_does_not_keep_lost_sales_from_settling():
    """One unit, one asked for each period, one period on its way: sold every other period."""
    result = periodic_lost_sales_at(DiscreteDemand([1], [1.0]), 1, lead_time=1)
    assert result.fill_rate == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("shortage_cost", [0.0, 2.0, 9.0, 60.0])
@pytest.mark.parametrize("demand", [PoissonDemand(2.0), NegativeBinomialDemand(1.5, 2.0)], ids=["poisson", "spread"])
def test_periodic_lost_sales_optimum_is_the_best_of_all_levels(demand, shortage_cost):
    costs = {"holding_cost": 1.0, "shortage_cost": shortage_cost}
    for lead_time in (0, 1, 2):
        best = periodic_lost_sales(demand, lead_time=lead_time, **costs)
        every_level = [
            float(periodic_lost_sales_at(demand, level, lead_time=lead_time).cost_rate(**costs)) for level in range(22)
        ]
        assert best.base_stock_level == int(np.argmin(np.round(every_level, 10)))
        near = periodic_lost_sales_approximation(demand, lead_time=lead_time, **costs)
        assert every_level[int(near.base_stock_level)] <= 1.06 * min(every_level)
        bracket = periodic_lost_sales_bracket(demand, lead_time=lead_time, **costs)
        assert bracket.lowest <= best.base_stock_level <= bracket.highest


def test_the_approximation_is_exact_without_lead_time():
    demand = NegativeBinomialDemand(1.5, 2.0)
    for level in (0, 3, 8):
        near = periodic_lost_sales_approximation_at(demand, level, lead_time=0)
        exact = periodic_lost_sales_at(demand, level, lead_time=0)
        assert near.fill_rate == pytest.approx(exact.fill_rate, rel=1e-12, abs=1e-12)
        assert near.expected_on_hand == pytest.approx(exact.expected_on_hand, rel=1e-12, abs=1e-12)


def test_the_approximation_is_near_for_long_lead_times():
    drawn = np.random.default_rng(4).poisson(2.0, 60_000)
    met, left = lost_sales_of_a_long_run(drawn, 26, 9)
    near = periodic_lost_sales_approximation_at(PoissonDemand(2.0), 26, lead_time=9)
    assert near.fill_rate == pytest.approx(met, abs=0.025)
    assert near.expected_on_hand == pytest.approx(left, rel=0.1)


def test_a_stock_far_below_demand_is_always_on_its_way():
    near = periodic_lost_sales_approximation_at(PoissonDemand(5000.0), 3, lead_time=2)
    assert near.fill_rate == pytest.approx(0, abs=1e-3)
    assert near.expected_on_hand == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: base_stock_at(PoissonDemand(1), 1, lead_time=-1), "lead_time must be at least 0"),
        (
            lambda: base_stock_for_fill_rate(PoissonDemand(1), lead_time=1, fill_rate=1.0),
            "fill_rate must be more than 0 and less than 1",
        ),
        (
            lambda: base_stock(PoissonDemand(1), lead_time=1, holding_cost=0, shortage_cost=1),
            "a unit left over must cost something",
        ),
        (
            lambda: continuous_base_stock_at(BinomialDemand(3, 0.5), 1, lead_time=1),
            "demand must come as Poisson customers in continuous review, got BinomialDemand",
        ),
        (
            lambda: continuous_lost_sales_at(demand_rate=1, lead_time=1, base_stock_level=[1, 1.5]),
            r"base_stock_level must be a whole number, got 1.5 \(index 1\)",
        ),
        (lambda: periodic_lost_sales_at(PoissonDemand(1), 200, lead_time=4), "use periodic_lost_sales_approximation"),
        (lambda: periodic_lost_sales_at(NormalDemand(1, 1), 2, lead_time=1), "demand must be of whole units"),
        (lambda: periodic_lost_sales_at(PoissonDemand([1, 2]), 2, lead_time=1), "demand must be of one SKU"),
        (lambda: periodic_lost_sales_at(PoissonDemand(1), 2.5, lead_time=1), "base_stock_level must be one whole"),
    ],
)
def test_refuses_what_has_no_base_stock(call, message):
    with pytest.raises(ValueError, match=message):
        call()
