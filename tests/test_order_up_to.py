"""Periodic review up to a level."""

import numpy as np
import pytest

from optimization.base_stock import base_stock, base_stock_for_fill_rate
from optimization.continuous_distributions import ExponentialDemand, GammaDemand, NormalDemand
from optimization.count_distributions import (
    CompoundPoissonDemand,
    NegativeBinomialDemand,
    PoissonDemand,
)
from optimization.order_up_to import (
    order_up_to,
    order_up_to_at,
    order_up_to_cost,
    order_up_to_for_cycle_service,
    order_up_to_for_fill_rate,
)

DEMANDS = {
    "normal": NormalDemand(100.0, 30.0),
    "gamma": GammaDemand(10.0, 12.0),
    "exponential": ExponentialDemand(4.0),
    "poisson": PoissonDemand(3.0),
    "negative binomial": NegativeBinomialDemand(4.0, 3.0),
    "compound": CompoundPoissonDemand(1.5, [0.5, 0.3, 0.2]),
}

every = pytest.mark.parametrize("demand", DEMANDS.values(), ids=DEMANDS)


@pytest.mark.known_answers("periodic_review_RS")
def test_known_answers(known_case, within):
    inputs = known_case["inputs"]
    demand = NormalDemand(inputs["demand_mean"], inputs["demand_sd"])
    spans = {"review_period": inputs["review_period"], "lead_time": inputs["lead_time"]}
    if inputs["service_type"] == "type2":
        policy = order_up_to_for_fill_rate(demand, **spans, fill_rate=inputs["service"])
    else:
        policy = order_up_to_for_cycle_service(demand, **spans, cycle_service_level=inputs["service"])
    assert policy.order_up_to_level == within("order_up_to")


@every
@pytest.mark.parametrize(("review_period", "lead_time"), [(1, 0), (1, 4), (5, 2), (2.5, 0.5)])
def test_targets_are_met_by_the_smallest_level(demand, review_period, lead_time):
    spans = {"review_period": review_period, "lead_time": lead_time}
    unit = 1.0 if demand.whole else 1e-5
    filled = order_up_to_for_fill_rate(demand, **spans, fill_rate=0.95)
    assert filled.fill_rate >= 0.95 - 1e-10
    assert order_up_to_at(demand, filled.order_up_to_level - unit, **spans).fill_rate < 0.95
    covered = order_up_to_for_cycle_service(demand, **spans, cycle_service_level=0.95)
    assert covered.cycle_service_level >= 0.95 - 1e-10
    assert order_up_to_at(demand, covered.order_up_to_level - unit, **spans).cycle_service_level < 0.95


def long_run(drawn, level, review, lead):
    """Net stock before and after each period's demand: arrive, order if it is review, sell, count."""
    on_hand, position = float(level), float(level)
    due = np.zeros(len(drawn) + lead + 1)
    before, after = np.empty(len(drawn)), np.empty(len(drawn))
    for period, units in enumerate(drawn):
        if period % review == 0:
            due[period + lead] += level - position
            position = level
        on_hand += due[period]
        before[period] = on_hand
        on_hand -= units
        position -= units
        after[period] = on_hand
    return before, after


@pytest.mark.parametrize(("review", "lead", "level"), [(1, 0, 6), (4, 2, 24), (3, 5, 30)])
def test_service_and_cost_are_those_of_a_long_run(review, lead, level):
    drawn = np.random.default_rng(8).negative_binomial(3.2, 3.2 / 7.2, 60_000)
    demand = NegativeBinomialDemand(4.0, 3.0)
    before, after = long_run(drawn, level, review, lead)
    spans = {"review_period": review, "lead_time": lead}
    service = order_up_to_at(demand, level, **spans)
    met = np.minimum(np.maximum(before, 0), drawn).sum() / drawn.sum()
    assert service.fill_rate == pytest.approx(met, abs=5e-3)
    ends = after[lead + review - 1 :: review]
    assert service.cycle_service_level == pytest.approx((ends >= 0).mean(), abs=1e-2)
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0}
    simulated = (np.maximum(after, 0) + 9 * np.maximum(-after, 0)).mean()
    assert order_up_to_cost(demand, level, **spans, **costs).cost_rate == pytest.approx(simulated, rel=0.02)


@every
@pytest.mark.parametrize(("review_period", "lead_time"), [(1, 0), (4, 2)])
@pytest.mark.parametrize("shortage_cost", [0.5, 1.0, 20.0])
def test_no_other_level_costs_less(demand, review_period, lead_time, shortage_cost):
    given = {
        "review_period": review_period,
        "lead_time": lead_time,
        "holding_cost": 1.0,
        "shortage_cost": shortage_cost,
    }
    best = order_up_to(demand, **given)
    others = order_up_to_cost(demand, best.order_up_to_level + np.array([-7, -1, 1, 7]), **given)
    assert (others.cost_rate >= best.cost_rate * (1 - 1e-12)).all()


def test_a_review_every_period_is_a_base_stock():
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0}
    for demand in (NormalDemand(100.0, 30.0), PoissonDemand(7.0)):
        policy = order_up_to(demand, review_period=1, lead_time=3, **costs)
        same = base_stock(demand, lead_time=3, **costs)
        assert policy.order_up_to_level == pytest.approx(same.base_stock_level, rel=1e-11)
        assert policy.cost_rate == pytest.approx(same.cost_rate(**costs))
        filled = order_up_to_for_fill_rate(demand, review_period=1, lead_time=3, fill_rate=0.95)
        same = base_stock_for_fill_rate(demand, lead_time=3, fill_rate=0.95)
        assert filled.order_up_to_level == pytest.approx(same.base_stock_level, rel=1e-11)


def test_review_periods_may_differ_by_sku():
    given = {"lead_time": 2, "holding_cost": 1.0, "shortage_cost": 9.0}
    many = order_up_to(PoissonDemand([3.0, 8.0]), review_period=[1, 5], **given)
    for place, (mean, review) in enumerate([(3.0, 1), (8.0, 5)]):
        one = order_up_to(PoissonDemand(mean), review_period=review, **given)
        assert many.order_up_to_level[place] == one.order_up_to_level
        assert many.cost_rate[place] == one.cost_rate


def test_a_varying_lead_time_takes_more_stock():
    for demand in (NormalDemand(100.0, 30.0), PoissonDemand(20.0), NegativeBinomialDemand(20.0, 9.0)):
        for target in ({"fill_rate": 0.98}, {"cycle_service_level": 0.98}):
            rule = order_up_to_for_fill_rate if "fill_rate" in target else order_up_to_for_cycle_service
            certain, varying = (
                rule(demand, review_period=2, lead_time=4, lead_time_sd=sd, **target) for sd in (0.0, 1.5)
            )
            assert varying.order_up_to_level > certain.order_up_to_level


@pytest.mark.parametrize("mean", [1e-3, 1.0, 1e6])
def test_small_and_large_means_have_finite_levels(mean):
    for demand in (PoissonDemand(mean), GammaDemand(mean, mean), NormalDemand(mean, mean / 3)):
        policy = order_up_to_for_fill_rate(demand, review_period=7, lead_time=2, fill_rate=0.999)
        assert np.isfinite(policy.order_up_to_level)
        assert policy.fill_rate >= 0.999 - 1e-9


def test_nothing_demanded_needs_no_stock():
    policy = order_up_to_for_fill_rate(PoissonDemand([0.0, 3.0]), review_period=2, lead_time=1, fill_rate=0.9)
    assert policy.order_up_to_level[0] == 0
    assert policy.fill_rate[0] == 1
    cost = order_up_to(PoissonDemand(0.0), review_period=2, lead_time=1, holding_cost=1.0, shortage_cost=2.0)
    assert (cost.order_up_to_level, cost.cost_rate) == (0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"review_period": 0.0}, "review_period must be more than 0"),
        ({"lead_time": [1.0, -1.0]}, r"lead_time must be at least 0 and finite, got -1.0 \(index 1\)"),
        ({"lead_time_sd": np.inf}, "lead_time_sd must be at least 0 and finite, got inf"),
        ({"fill_rate": 1.0}, "fill_rate must be more than 0 and less than 1 and finite, got 1.0"),
    ],
)
def test_refuses_what_is_out_of_range(change, message):
    with pytest.raises(ValueError, match=message):
        order_up_to_for_fill_rate(
            NormalDemand(5.0, 1.0), **({"review_period": 1.0, "lead_time": 1.0, "fill_rate": 0.9} | change)
        )


def test_counts_costs_by_whole_periods():
    with pytest.raises(ValueError, match="review_period must be a whole number where periods are counted"):
        order_up_to(PoissonDemand(1.0), review_period=1.5, lead_time=1, holding_cost=1.0, shortage_cost=1.0)
