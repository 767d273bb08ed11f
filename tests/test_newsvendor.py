"""The quantity for one uncertain period."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.continuous_distributions import (
    ExponentialDemand,
    GammaDemand,
    LognormalDemand,
    NormalDemand,
    UniformDemand,
)
from optimization.count_distributions import (
    BinomialDemand,
    CompoundPoissonDemand,
    NegativeBinomialDemand,
    PoissonDemand,
)
from optimization.listed_distributions import DiscreteDemand, GivenDemand, MixedDemand, QuantileDemand
from optimization.newsvendor import newsvendor, newsvendor_cost, newsvendor_profit, newsvendor_profit_at

DEMANDS = {
    "normal": NormalDemand(50.0, 8.0),
    "gamma": GammaDemand(50.0, 60.0),
    "lognormal": LognormalDemand(50.0, 30.0),
    "exponential": ExponentialDemand(50.0),
    "uniform": UniformDemand(20.0, 90.0),
    "poisson": PoissonDemand(15.0),
    "negative binomial": NegativeBinomialDemand(9.0, 5.0),
    "binomial": BinomialDemand(30, 0.3),
    "compound": CompoundPoissonDemand(3.0, [0.6, 0.3, 0.0, 0.1]),
    "discrete": DiscreteDemand([0, 2, 9, 5], [0.4, 0.3, 0.1, 0.2]),
    "samples": DiscreteDemand.from_samples([3.5, 1.0, 9.0, 4.0, 4.0]),
    "quantiles": QuantileDemand([0.1, 0.5, 0.9], [5.0, 20.0, 65.0]),
    "mixed": MixedDemand([NormalDemand(30.0, 3.0), NormalDemand(60.0, 9.0)], [0.3, 0.7]),
}

every = pytest.mark.parametrize("demand", DEMANDS.values(), ids=DEMANDS)


def demand_of(inputs):
    """Demand of a published case."""
    if "demand_pmf" in inputs:
        pmf = inputs["demand_pmf"]
        return DiscreteDemand([float(value) for value in pmf], list(pmf.values()))
    if "demand_sd" in inputs:
        return NormalDemand(inputs["demand_mean"], inputs["demand_sd"])
    return PoissonDemand(inputs["demand_mean"])


@pytest.mark.known_answers("newsvendor_normal", "newsvendor_poisson", "newsvendor_discrete")
def test_known_quantities(known_case, within):
    inputs = known_case["inputs"]
    best = newsvendor(demand_of(inputs), holding_cost=inputs["holding_cost"], shortage_cost=inputs["stockout_cost"])
    assert best.order_quantity == within("base_stock_level")
    assert best.expected_cost == within("cost")


@pytest.mark.known_answers("newsvendor_cost")
def test_known_costs(known_case, within):
    inputs = known_case["inputs"]
    result = newsvendor_cost(
        demand_of(inputs),
        inputs["base_stock_level"],
        holding_cost=inputs["holding_cost"],
        shortage_cost=inputs["stockout_cost"],
    )
    assert result.expected_cost == within("cost")


@pytest.mark.known_answers("newsvendor_explicit_profit")
def test_known_profits(known_case, within):
    inputs = known_case["inputs"]
    best = newsvendor_profit(
        demand_of(inputs),
        revenue=inputs["revenue"],
        purchase_cost=inputs["purchase_cost"],
        salvage_value=inputs["salvage_value"],
        holding_cost=inputs["holding_cost"],
        shortage_cost=inputs["stockout_cost"],
    )
    assert best.order_quantity == within("base_stock_level")
    assert best.expected_profit == within("profit")


def test_textbook_newsboy():
    """Snyder & Shen, 2nd ed., example 4.3: h = 0.18, p = 0.70, N(50, 8²)."""
    best = newsvendor(NormalDemand(50.0, 8.0), holding_cost=0.18, shortage_cost=0.70)
    assert best.order_quantity == pytest.approx(56.6, abs=0.05)
    assert best.expected_cost == pytest.approx(1.9976, abs=1e-4)


def test_textbook_profit():
    """The same example in prices: a paper sells at 1.00, costs 0.30 and is taken back at 0.12.

    The ratio and the quantity are those above, and the profit is the margin on mean demand less that cost.
    """
    best = newsvendor_profit(NormalDemand(50.0, 8.0), revenue=1.0, purchase_cost=0.3, salvage_value=0.12)
    assert best.critical_ratio == pytest.approx(0.7 / 0.88)
    assert best.expected_profit == pytest.approx(0.7 * 50 - 1.997605193176645)


@every
@pytest.mark.parametrize(("holding_cost", "shortage_cost"), [(1.0, 1.0), (1.0, 19.0), (5.0, 1.0), (1e-6, 1.0)])
def test_no_other_quantity_costs_less(demand, holding_cost, shortage_cost):
    best = newsvendor(demand, holding_cost=holding_cost, shortage_cost=shortage_cost)
    steps = np.array([-20, -5, -1, 1, 4, 30]) * (1.0 if demand.whole else 0.37)
    others = newsvendor_cost(
        demand, best.order_quantity + steps, holding_cost=holding_cost, shortage_cost=shortage_cost
    )
    assert (others.expected_cost >= best.expected_cost * (1 - 1e-12)).all()


def test_cost_is_that_of_a_long_run():
    rng = np.random.default_rng(7)
    sold = rng.gamma(4.0, 12.0, 400_000)
    cost = 2 * np.maximum(60 - sold, 0) + 9 * np.maximum(sold - 60, 0)
    result = newsvendor_cost(GammaDemand(48.0, 24.0), 60.0, holding_cost=2.0, shortage_cost=9.0)
    assert result.expected_cost == pytest.approx(cost.mean(), abs=4 * cost.std() / np.sqrt(len(cost)))


def test_profit_of_every_quantity_by_counting():
    probability = np.array([0.2, 0.5, 0.3])
    demand = DiscreteDemand([1, 2, 3], probability)
    prices = {
        "revenue": 10.0,
        "purchase_cost": 4.0,
        "salvage_value": 1.0,
        "holding_cost": 0.5,
        "shortage_cost": 2.0,
    }
    by_hand = []
    for bought in range(5):
        profit = 0.0
        for units, chance in zip((1, 2, 3), probability, strict=True):
            sold = min(units, bought)
            profit += chance * (10 * sold - 4 * bought + 0.5 * (bought - sold) - 2 * (units - sold))
        by_hand.append(profit)
    assert newsvendor_profit_at(demand, np.arange(5), **prices).expected_profit == pytest.approx(by_hand)
    best = newsvendor_profit(demand, **prices)
    assert best.order_quantity == np.argmax(by_hand)
    assert best.expected_sales == pytest.approx(2.1 if best.order_quantity == 3 else 1.8)


def test_the_smallest_of_equally_good_quantities_is_chosen():
    """Sums of tenths do not meet the ratio exactly in binary; the lower of two that cost the same is still found."""
    demand = DiscreteDemand(np.arange(1, 11), np.full(10, 0.1))
    ratio = np.arange(1, 10)
    best = newsvendor(demand, holding_cost=10.0 - ratio, shortage_cost=ratio)
    assert (best.order_quantity == ratio).all()


def test_extreme_costs_keep_their_digits():
    best = newsvendor(NormalDemand(0.0, 1.0), holding_cost=[1e-30, 1.0], shortage_cost=[1.0, 1e-30])
    # Φ(−z) = 1e−30 at z = 11.46402468844… (60 digits of erfc)
    assert best.order_quantity == pytest.approx([11.464024688443616, -11.464024688443616], rel=1e-12)
    assert (best.expected_cost > 0).all()


@pytest.mark.parametrize("mean", [1e-3, 1.0, 1e3, 1e6])
def test_small_and_large_means_are_planned(mean):
    for demand in (PoissonDemand(mean), NegativeBinomialDemand(mean, np.sqrt(mean) + mean), GammaDemand(mean, mean)):
        best = newsvendor(demand, holding_cost=1.0, shortage_cost=99.0)
        assert best.cycle_service_level >= 0.99 - 1e-12
        assert np.isfinite(best.expected_cost)
        if demand.whole:
            assert demand.cumulative(best.order_quantity - 1) < 0.99


def test_no_shortage_cost_needs_nothing():
    costs = {"holding_cost": 1.0, "shortage_cost": 0.0}
    assert newsvendor(PoissonDemand(5.0), **costs).order_quantity == 0
    assert newsvendor(NormalDemand(5.0, 1.0), **costs).order_quantity == 0
    assert newsvendor(UniformDemand(3.0, 8.0), **costs).order_quantity == 3
    assert newsvendor(DiscreteDemand([2, 4], [0.5, 0.5]), **costs).expected_cost == pytest.approx(0, abs=0)


def test_free_holding_covers_all_demand_where_it_has_a_limit():
    costs = {"holding_cost": 0.0, "shortage_cost": 1.0}
    assert newsvendor(UniformDemand(3.0, 8.0), **costs).order_quantity == 8
    assert newsvendor(DiscreteDemand([2, 4], [0.5, 0.5]), **costs).order_quantity == 4
    assert newsvendor(BinomialDemand(9, 0.2), **costs).order_quantity == 9
    assert newsvendor(NormalDemand(5.0, 0.0), **costs).order_quantity == 5
    with pytest.raises(ValueError, match="a unit left over must cost something where demand has no limit"):
        newsvendor(PoissonDemand(5.0), **costs)


def test_nothing_demanded_needs_nothing():
    best = newsvendor(PoissonDemand([0.0, 2.0]), holding_cost=1.0, shortage_cost=4.0)
    assert best.order_quantity[0] == 0
    assert best.expected_cost[0] == 0
    assert best.fill_rate[0] == 1


def test_costs_may_differ_by_sku():
    many = newsvendor(PoissonDemand([6.0, 20.0]), holding_cost=[1.0, 2.0], shortage_cost=4.0)
    for place, (mean, holding) in enumerate([(6.0, 1.0), (20.0, 2.0)]):
        one = newsvendor(PoissonDemand(mean), holding_cost=holding, shortage_cost=4.0)
        assert many.order_quantity[place] == one.order_quantity
        assert many.expected_cost[place] == one.expected_cost


def test_a_distribution_from_elsewhere_may_be_given():
    exponential = GivenDemand(
        50.0,
        50.0,
        lambda x: -np.expm1(-np.maximum(x, 0) / 50),
        lambda x: 50 * np.exp(-x / 50),
        lambda probability: -50 * np.log1p(-probability),
    )
    given_, ours = (
        newsvendor(demand, holding_cost=1.0, shortage_cost=4.0) for demand in (exponential, ExponentialDemand(50.0))
    )
    assert given_.order_quantity == pytest.approx(ours.order_quantity)
    assert given_.expected_cost == pytest.approx(ours.expected_cost)


@given(
    values=st.lists(st.integers(0, 30), min_size=1, max_size=6, unique=True),
    weights=st.lists(st.integers(1, 9), min_size=6, max_size=6),
    holding=st.integers(1, 20),
    shortage=st.integers(0, 20),
)
def test_brute_force_finds_nothing_better(values, weights, holding, shortage):
    weight = np.array(weights[: len(values)], dtype=float)
    demand = DiscreteDemand(values, weight / weight.sum())
    best = newsvendor(demand, holding_cost=holding, shortage_cost=shortage)
    every_level = newsvendor_cost(demand, np.arange(32), holding_cost=holding, shortage_cost=shortage)
    assert best.expected_cost == pytest.approx(every_level.expected_cost.min(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holding_cost": -1.0}, "holding_cost must be at least 0 and finite, got -1.0"),
        ({"shortage_cost": [1.0, np.nan]}, r"shortage_cost must be at least 0 and finite, got nan \(index 1\)"),
    ],
)
def test_refuses_costs_out_of_range(change, message):
    with pytest.raises(ValueError, match=message):
        newsvendor(NormalDemand(5.0, 1.0), **({"holding_cost": 1.0, "shortage_cost": 1.0} | change))


def test_refuses_prices_without_a_best_quantity():
    with pytest.raises(ValueError, match=r"revenue \+ shortage_cost must be at least purchase_cost, got -1"):
        newsvendor_profit(PoissonDemand(5.0), revenue=1.0, purchase_cost=2.0)
    with pytest.raises(ValueError, match=r"purchase_cost \+ holding_cost must be at least salvage_value, got -1"):
        newsvendor_profit(PoissonDemand(5.0), revenue=9.0, purchase_cost=2.0, salvage_value=3.0)
