"""Safety stock and reorder points from the demand during the lead time."""

import numpy as np
import pytest

from optimization.continuous_distributions import GammaDemand, NormalDemand
from optimization.count_distributions import NegativeBinomialDemand, PoissonDemand
from optimization.listed_distributions import DiscreteDemand, QuantileDemand
from optimization.safety_stock import (
    cycle_service_safety_stock,
    fill_rate_of,
    fill_rate_safety_stock,
    simple_fill_rate_safety_stock,
)

DEMANDS = {
    "normal": NormalDemand(50.0, 11.4),
    "gamma": GammaDemand(50.0, 40.0),
    "poisson": PoissonDemand(8.0),
    "negative binomial": NegativeBinomialDemand(20.0, 15.0),
    "samples": DiscreteDemand.from_samples([12.0, 40.0, 55.0, 30.0, 80.0, 31.0]),
    "quantiles": QuantileDemand([0.0, 0.25, 0.5, 0.75, 1.0], [5.0, 20.0, 32.0, 50.0, 100.0]),
}

every = pytest.mark.parametrize("demand", DEMANDS.values(), ids=DEMANDS)


@pytest.mark.known_answers("safety_stock_type1", "safety_stock_lead_time_variability")
def test_known_cycle_service(known_case, within):
    inputs = known_case["inputs"]
    demand = NormalDemand(inputs["demand_mean"], inputs["demand_sd"])
    lead_time_demand = demand.over(inputs["lead_time"], inputs["lead_time_sd"])
    result = cycle_service_safety_stock(lead_time_demand, cycle_service_level=inputs["cycle_service_level"])
    assert result.lead_time_demand_sd == within("sigma_DL")
    assert result.safety_stock == within("safety_stock")
    assert result.reorder_point == within("reorder_point")


@pytest.mark.known_answers("safety_stock_type2")
def test_known_simple_fill_rate(known_case, within):
    inputs = known_case["inputs"]
    result = simple_fill_rate_safety_stock(
        NormalDemand(inputs["lead_time_demand_mean"], inputs["lead_time_demand_sd"]),
        fill_rate=inputs["fill_rate"],
        order_quantity=inputs["order_quantity"],
    )
    assert result.reorder_point == within("reorder_point")
    assert result.k == within("k")


@pytest.mark.known_answers("safety_stock_type2_exact")
def test_known_exact_fill_rate(known_case, within):
    inputs = known_case["inputs"]
    result = fill_rate_safety_stock(
        NormalDemand(inputs.get("lead_time_demand_mean", 0.0), inputs["lead_time_demand_sd"]),
        fill_rate=inputs["fill_rate"],
        order_quantity=inputs["order_quantity"],
    )
    assert result.safety_stock == within("safety_stock")


@pytest.mark.parametrize(("lead_time_sd", "published"), [(4, 12927), (3, 9760), (2, 6628)])
def test_published_table_of_lead_time_variability(lead_time_sd, published):
    """Chopra & Meindl: 2,500 a day, sd 500, 7 days, 90 %."""
    demand = NormalDemand(2500.0, 500.0).over(7, lead_time_sd)
    result = cycle_service_safety_stock(demand, cycle_service_level=0.9)
    assert result.safety_stock == pytest.approx(published, abs=1.0)


@every
def test_cycle_service_is_reached_by_the_smallest_level(demand):
    for target in (0.5, 0.9, 0.999):
        result = cycle_service_safety_stock(demand, cycle_service_level=target)
        assert result.cycle_service_level >= target - 1e-12
        before = result.reorder_point - (1 if demand.whole else 1e-6)
        assert demand.cumulative(before) < target


@every
@pytest.mark.parametrize("lot", [1.0, 10.0, 200.0])
@pytest.mark.parametrize("target", [0.3, 0.9, 0.9999])
def test_fill_rate_is_reached_by_the_smallest_level(demand, lot, target):
    result = fill_rate_safety_stock(demand, fill_rate=target, order_quantity=lot)
    reached = fill_rate_of(demand, reorder_point=result.reorder_point, order_quantity=lot)
    before = result.reorder_point - (1 if demand.whole else 1e-5 * max(1.0, float(demand.sd)))
    assert reached >= target - 1e-10
    assert fill_rate_of(demand, reorder_point=before, order_quantity=lot) < target


@every
def test_the_simple_rule_errs_on_the_safe_side(demand):
    for lot in (1.0, 10.0, 200.0):
        for target in (0.9, 0.99):
            exact = fill_rate_safety_stock(demand, fill_rate=target, order_quantity=lot)
            simple = simple_fill_rate_safety_stock(demand, fill_rate=target, order_quantity=lot)
            assert simple.safety_stock >= exact.safety_stock - 1e-8
            assert simple.expected_shortage <= (1 - target) * lot * (1 + 1e-9)


def test_fill_rate_of_poisson_demand_by_counting():
    """The position is equally often at r + 1, …, r + Q, and a unit is met if fewer were demanded in a lead time."""
    units = np.arange(60)
    at_most = PoissonDemand(8.0).cumulative(units)
    exact = np.mean([at_most[position - 1] for position in range(11, 31)])
    assert fill_rate_of(PoissonDemand(8.0), reorder_point=10, order_quantity=20) == pytest.approx(exact, rel=1e-12)


def test_fill_rate_of_poisson_demand_in_a_long_run():
    """Customers one by one at 4 a day, 20 ordered at a position of 10, two days' lead time."""
    rng = np.random.default_rng(3)
    arrival = np.cumsum(rng.exponential(1 / 4, 300_000))
    known = np.searchsorted(arrival, arrival - 2.0)
    net_before = 10 + 20 - known % 20 - (np.arange(len(arrival)) - known)
    met = (net_before[1000:] >= 1).mean()
    assert met == pytest.approx(fill_rate_of(PoissonDemand(4.0).over(2), reorder_point=10, order_quantity=20), abs=2e-3)


def test_extreme_targets_and_sizes_have_finite_answers():
    demand = NormalDemand([1e-3, 1.0, 1e6], [1e-3, 50.0, 1e4])
    for rule in (fill_rate_safety_stock, simple_fill_rate_safety_stock):
        result = rule(demand, fill_rate=[1e-6, 0.5, 1 - 1e-12], order_quantity=[1e-3, 1e6, 1e-2])
        assert np.isfinite(result.reorder_point).all()
        assert np.isfinite(result.k).all()


def test_each_sku_is_answered_alone():
    demand = NormalDemand([50.0, 900.0, 3.0], [11.4, 300.0, 2.0])
    together = fill_rate_safety_stock(demand, fill_rate=[0.9, 0.99, 0.5], order_quantity=[200.0, 50.0, 1.0])
    for place, (mean, sd, target, lot) in enumerate([(50, 11.4, 0.9, 200), (900, 300, 0.99, 50), (3, 2, 0.5, 1)]):
        alone = fill_rate_safety_stock(NormalDemand(mean, sd), fill_rate=target, order_quantity=lot)
        assert alone.reorder_point == together.reorder_point[place]


def test_certain_demand_needs_no_safety_stock():
    certain = NormalDemand(40.0, 0.0)
    assert cycle_service_safety_stock(certain, cycle_service_level=0.99).safety_stock == 0
    # 5 % of a lot of 20 may be short: ordering one unit late does it.
    result = fill_rate_safety_stock(certain, fill_rate=0.95, order_quantity=20.0)
    assert result.reorder_point == pytest.approx(39.0)
    assert result.k == 0


@pytest.mark.parametrize("target", [0.0, 1.0, 1.2, np.nan])
def test_refuses_service_that_is_no_share(target):
    with pytest.raises(ValueError, match="cycle_service_level must be more than 0 and less than 1"):
        cycle_service_safety_stock(NormalDemand(1.0, 1.0), cycle_service_level=target)
    with pytest.raises(ValueError, match="fill_rate must be more than 0 and less than 1"):
        fill_rate_safety_stock(NormalDemand(1.0, 1.0), fill_rate=target, order_quantity=1.0)


def test_refuses_a_lot_of_nothing():
    with pytest.raises(ValueError, match=r"order_quantity must be more than 0 and finite, got 0.0 \(index 1\)"):
        fill_rate_safety_stock(NormalDemand(1.0, 1.0), fill_rate=0.9, order_quantity=[1.0, 0.0])
