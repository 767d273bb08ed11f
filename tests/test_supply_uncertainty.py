"""Orders to suppliers that stop for a while or deliver another quantity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimization.continuous_distributions import GammaDemand, NormalDemand, UniformDemand
from optimization.eoq import economic_order_quantity
from optimization.listed_distributions import DiscreteDemand
from optimization.supply_uncertainty import (
    eoq_with_additive_yield,
    eoq_with_disruptions,
    eoq_with_disruptions_approximation,
    eoq_with_disruptions_cost_rate,
    eoq_with_multiplicative_yield,
    newsvendor_with_additive_yield,
    newsvendor_with_disruptions,
    newsvendor_with_disruptions_cost_rate,
    newsvendor_with_multiplicative_yield,
)

TEXTBOOK = {
    "demand_rate": 1300.0,
    "order_cost": 8.0,
    "holding_cost": 0.225,
    "stockout_cost": 5.0,
    "disruption_rate": 1.5,
    "recovery_rate": 14.0,
}
PERIODIC = {
    "demand": 2000.0,
    "holding_cost": 0.25,
    "shortage_cost": 3.0,
    "disruption_probability": 0.04,
    "recovery_probability": 0.25,
}
figure = st.floats(1e-3, 1e3)


# Known answers


@pytest.mark.known_answers("eoq_disruptions")
def test_published_orders_under_disruptions(known_case, within):
    given = dict(known_case["inputs"])
    order = eoq_with_disruptions(order_cost=given.pop("fixed_cost"), **given)
    assert order.order_quantity == within("order_quantity")
    assert order.cost_rate == within("cost_rate")


@pytest.mark.known_answers("newsvendor_disruptions")
def test_published_levels_under_disruptions(known_case, within):
    given = known_case["inputs"]
    stock = newsvendor_with_disruptions(
        demand=given["demand"],
        holding_cost=given["holding_cost"],
        shortage_cost=given["stockout_cost"],
        disruption_probability=given["disruption_prob"],
        recovery_probability=given["recovery_prob"],
    )
    assert stock.order_up_to_level == within("base_stock_level")
    assert stock.cost_rate == within("cost")


@pytest.mark.known_answers("eoq_yield_uncertainty")
def test_published_orders_under_uncertain_yield(known_case, within):
    given = dict(known_case["inputs"])
    best = {"additive": eoq_with_additive_yield, "multiplicative": eoq_with_multiplicative_yield}
    order = best[given.pop("yield_type")](order_cost=given.pop("fixed_cost"), **given)
    assert order.order_quantity == within("order_quantity")
    assert order.cost_rate == within("cost_rate")


@pytest.mark.known_answers("newsvendor_yield_uncertainty")
def test_published_single_orders_under_uncertain_yield(known_case, within):
    given = known_case["inputs"]
    kind, _, law = given["yield_type"].partition(" ")
    best = {"additive": newsvendor_with_additive_yield, "multiplicative": newsvendor_with_multiplicative_yield}
    laws = {"uniform": (UniformDemand, "yield_lo", "yield_hi"), "normal": (NormalDemand, "yield_mean", "yield_sd")}
    distribution, *parameters = laws[law]
    order = best[kind](
        distribution(*(given[name] for name in parameters)),
        demand=given["demand"],
        holding_cost=given["holding_cost"],
        shortage_cost=given["stockout_cost"],
    )
    assert order.order_quantity == within("order_quantity")
    assert order.cost_rate == within("cost")


def test_figures_of_stockpyl():
    """stockpyl 1.0.2, run on the examples of Snyder & Shen, chapter 9."""
    near = eoq_with_disruptions_approximation(**TEXTBOOK)
    assert near.order_quantity == pytest.approx(773.1432417118889, rel=1e-12)
    assert near.cost_rate == pytest.approx(173.957229385175, rel=1e-12)
    assert eoq_with_disruptions_cost_rate(700, **TEXTBOOK) == pytest.approx(174.78711738886236, rel=1e-12)
    assert newsvendor_with_disruptions_cost_rate(1200, **PERIODIC) == pytest.approx(5710.344790717086, rel=1e-7)
    shares = {"demand_rate": 75000, "order_cost": 18500, "holding_cost": 0.06, "yield_mean": 0.8333, "yield_sd": 0.1443}
    order = eoq_with_multiplicative_yield(**shares)
    assert order.order_quantity == pytest.approx(254295.49151721434, rel=1e-9)
    assert order.cost_rate == pytest.approx(13095.525938975532, rel=1e-9)
    normal = newsvendor_with_additive_yield(NormalDemand(-2.0, 3.0), demand=40, holding_cost=1, shortage_cost=6)
    assert normal.order_quantity == pytest.approx(45.202711571634424, rel=1e-9)
    assert normal.cost_rate == pytest.approx(4.738546735411122, rel=1e-9)


# Disruptions under continuous review


def test_costs_under_disruptions_are_those_of_a_long_run_of_cycles():
    """Spells drawn one after the other: when stock runs out the supplier is up, or out for a remaining spell."""
    rng = np.random.default_rng(7)
    rate, fixed, holding, lost = 10.0, 20.0, 1.0, 8.0
    stops, starts, quantity, cycles = 0.8, 1.5, 12.0, 100_000
    length = quantity / rate
    spells = np.column_stack([rng.exponential(1 / stops, 400_000), rng.exponential(1 / starts, 400_000)]).ravel()
    changes = np.cumsum(spells)
    now, waited = 0.0, 0.0
    for _ in range(cycles):
        now += length
        spell = np.searchsorted(changes, now)
        if spell % 2:
            waited += changes[spell] - now
            now = changes[spell]
    simulated = (cycles * (fixed + holding * quantity**2 / (2 * rate)) + lost * rate * waited) / now
    exact = eoq_with_disruptions_cost_rate(
        quantity,
        demand_rate=rate,
        order_cost=fixed,
        holding_cost=holding,
        stockout_cost=lost,
        disruption_rate=stops,
        recovery_rate=starts,
    )
    assert exact == pytest.approx(simulated, rel=0.01)


@given(figure, figure, figure, figure, figure, figure)
def test_no_quantity_costs_less_under_disruptions(rate, fixed, holding, lost, stops, starts):
    costs = dict(zip(TEXTBOOK, (rate, fixed, holding, lost, stops, starts), strict=True))
    order = eoq_with_disruptions(**costs)
    others = order.order_quantity * np.geomspace(1e-4, 1e4, 2001)
    assert order.cost_rate == pytest.approx(eoq_with_disruptions_cost_rate(order.order_quantity, **costs), rel=1e-12)
    assert order.cost_rate <= eoq_with_disruptions_cost_rate(others, **costs).min() * (1 + 1e-12)


@given(figure, figure, figure)
def test_a_supplier_that_never_stops_is_the_economic_order_quantity(rate, fixed, holding):
    costs = {"demand_rate": rate, "order_cost": fixed, "holding_cost": holding}
    plain = economic_order_quantity(**costs)
    for best in (eoq_with_disruptions, eoq_with_disruptions_approximation):
        order = best(**costs, stockout_cost=5.0, disruption_rate=0.0, recovery_rate=1.0)
        assert order.order_quantity == pytest.approx(plain.order_quantity, rel=1e-12)
        assert order.cost_rate == pytest.approx(plain.cost_rate, rel=1e-12)


def test_the_approximation_is_close_where_cycles_outlast_the_spells():
    exact, near = eoq_with_disruptions(**TEXTBOOK), eoq_with_disruptions_approximation(**TEXTBOOK)
    cost = eoq_with_disruptions_cost_rate(near.order_quantity, **TEXTBOOK)
    assert exact.cost_rate <= cost <= exact.cost_rate * 1.0001


def test_free_orders_hold_stock_only_where_losses_outweigh_holding():
    costs = TEXTBOOK | {"order_cost": 0.0, "stockout_cost": np.array([0.14, 0.16]), "disruption_rate": 1.5}
    order = eoq_with_disruptions(**costs)
    assert (
        order.order_quantity[0] == 0
    )  # h = 0.225 ≥ pλ = 0.21: bought as it is sold, and lost while the supplier is out
    assert order.cost_rate[0] == pytest.approx(1300 * 0.14 * 1.5 / 15.5)
    assert order.order_quantity[1] > 0
    assert order.cost_rate[1] < 1300 * 0.16 * 1.5 / 15.5


@pytest.mark.parametrize("scale", [1e-3, 1e6])
def test_tiny_and_huge_figures_have_the_same_answer_in_other_units(scale):
    order, plain = eoq_with_disruptions(**TEXTBOOK | {"demand_rate": 1300 * scale}), eoq_with_disruptions(**TEXTBOOK)
    money = eoq_with_disruptions(**TEXTBOOK | {"demand_rate": 1300 * scale, "order_cost": 8 * scale})
    assert money.order_quantity == pytest.approx(plain.order_quantity * scale, rel=1e-12)
    assert money.cost_rate == pytest.approx(plain.cost_rate * scale, rel=1e-12)
    assert np.isfinite(order.order_quantity)
    extremes = np.array([1e-6, 1e6])
    spread = eoq_with_disruptions(
        **TEXTBOOK | {"disruption_rate": extremes[:, None], "recovery_rate": extremes, "stockout_cost": scale}
    )
    assert np.isfinite(spread.order_quantity).all()
    assert np.isfinite(spread.cost_rate).all()


def test_without_demand_nothing_is_ordered():
    nothing = [
        eoq_with_disruptions(**TEXTBOOK | {"demand_rate": 0.0}),
        eoq_with_disruptions_approximation(**TEXTBOOK | {"demand_rate": 0.0}),
        eoq_with_additive_yield(demand_rate=0, order_cost=5, holding_cost=1, yield_mean=-3, yield_sd=2),
        eoq_with_multiplicative_yield(demand_rate=0, order_cost=5, holding_cost=1, yield_mean=0.8, yield_sd=0.1),
    ]
    for order in nothing:
        assert order.order_quantity == 0
        assert order.cost_rate == 0
    stock = newsvendor_with_disruptions(**PERIODIC | {"demand": 0.0})
    assert (stock.order_up_to_level, stock.cost_rate) == (0, 0)


# Disruptions under periodic review


def cost_period_by_period(level, *, demand, holding_cost, shortage_cost, disruption_probability, recovery_probability):
    """Summed over how long the supplier has been out, which is a geometric tail."""
    out = disruption_probability / (disruption_probability + recovery_probability)
    periods = np.arange(5_000)
    longer = out * (1 - recovery_probability) ** periods
    chances = np.concatenate([[1 - out], longer[:-1] - longer[1:]])
    need = (periods + 1) * demand
    return chances @ (holding_cost * np.maximum(level - need, 0) + shortage_cost * np.maximum(need - level, 0))


@given(figure, figure, figure, st.floats(0, 1), st.floats(0.01, 1))
def test_no_level_costs_less_under_disruptions(demand, holding, shortage, fails, recovers):
    given = dict(zip(PERIODIC, (demand, holding, shortage, fails, recovers), strict=True))
    stock = newsvendor_with_disruptions(**given)
    assert stock.cost_rate == pytest.approx(cost_period_by_period(stock.order_up_to_level, **given), rel=1e-9)
    for other in (0.0, 0.5, *(stock.order_up_to_level / demand + np.array([-1, -0.5, 0.5, 1]))):
        cost = cost_period_by_period(other * demand, **given)
        assert stock.cost_rate <= cost * (1 + 1e-9)
        assert newsvendor_with_disruptions_cost_rate(other * demand, **given) == pytest.approx(cost, rel=1e-9)


def test_the_lower_of_two_equally_good_levels():
    """α/(α + β) (1 − β)² = h/(h + p) = 1/16: three and four periods of stock cost the same."""
    given = {"disruption_probability": 0.5 / 3, "recovery_probability": 0.5, "holding_cost": 1.0, "shortage_cost": 15.0}
    stock = newsvendor_with_disruptions(demand=7.0, **given)
    assert stock.order_up_to_level == 21
    assert stock.cost_rate == pytest.approx(newsvendor_with_disruptions_cost_rate(28.0, demand=7.0, **given))


def test_a_certain_supplier_needs_one_period_of_stock_and_long_disruptions_many():
    certain = newsvendor_with_disruptions(**PERIODIC | {"disruption_probability": 0.0})
    assert (certain.order_up_to_level, certain.cost_rate) == (2000, 0)
    one_period = newsvendor_with_disruptions(**PERIODIC | {"disruption_probability": 0.5, "recovery_probability": 1.0})
    assert one_period.order_up_to_level == 4000
    long = newsvendor_with_disruptions(**PERIODIC | {"recovery_probability": 1e-9})
    assert 1e9 < long.order_up_to_level / 2000 < 1e10
    assert np.isfinite(long.cost_rate)


# Yield


@given(figure, figure, figure, st.floats(-100, 100), st.floats(0, 100))
def test_no_order_costs_less_where_deliveries_differ_by_units(rate, fixed, holding, mean, sd):
    order = eoq_with_additive_yield(
        demand_rate=rate, order_cost=fixed, holding_cost=holding, yield_mean=mean, yield_sd=sd
    )

    def cost(quantity):
        return (2 * fixed * rate + holding * sd**2) / (2 * (quantity + mean)) + holding * (quantity + mean) / 2

    assert order.order_quantity >= 0
    assert order.cost_rate == pytest.approx(cost(order.order_quantity), rel=1e-6)
    received = (order.order_quantity + mean) * np.geomspace(0.01, 100, 201)
    assert order.cost_rate <= cost(received[received >= mean] - mean).min() * (1 + 1e-9)


def test_cost_of_uncertain_shares_is_that_of_a_long_run_of_orders():
    rng = np.random.default_rng(3)
    rate, fixed, holding, low, high = 100.0, 50.0, 2.0, 0.5, 0.9
    order = eoq_with_multiplicative_yield(
        demand_rate=rate, order_cost=fixed, holding_cost=holding, yield_mean=0.7, yield_sd=(high - low) / np.sqrt(12)
    )

    def simulated(quantity):
        received = quantity * rng.uniform(low, high, 400_000)
        return (len(received) * fixed + holding * (received**2).sum() / (2 * rate)) / (received.sum() / rate)

    assert order.cost_rate == pytest.approx(simulated(order.order_quantity), rel=2e-3)
    for factor in (0.8, 1.25):
        assert simulated(order.order_quantity * factor) > order.cost_rate


def test_a_certain_yield_is_ordered_away():
    costs = {"demand_rate": 1200, "order_cost": 50, "holding_cost": 3}
    plain = economic_order_quantity(**costs)
    missing = eoq_with_additive_yield(**costs, yield_mean=-15, yield_sd=0)
    assert missing.order_quantity == plain.order_quantity + 15
    assert missing.cost_rate == plain.cost_rate
    half = eoq_with_multiplicative_yield(**costs, yield_mean=0.5, yield_sd=0)
    assert half.order_quantity == plain.order_quantity * 2
    assert half.cost_rate == plain.cost_rate
    unasked = eoq_with_additive_yield(**costs, yield_mean=1000, yield_sd=0)
    assert unasked.order_quantity == 0
    assert unasked.cost_rate == pytest.approx(50 * 1200 / 1000 + 3 * 1000 / 2)


ADDITIVE = [UniformDemand(-8.0, 3.0), NormalDemand(-2.0, 3.0), DiscreteDemand([-10, -2, 0], [0.1, 0.3, 0.6])]
SHARES = [UniformDemand(0.3, 1.0), GammaDemand(0.8, 0.1), DiscreteDemand([0.5, 0.8, 1.0], [0.2, 0.3, 0.5])]


@pytest.mark.parametrize("holding", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("law", ADDITIVE, ids=lambda law: type(law).__name__)
def test_no_single_order_costs_less_where_the_delivery_differs_by_units(law, holding):
    order = newsvendor_with_additive_yield(law, demand=40.0, holding_cost=holding, shortage_cost=4.0)
    drawn = law.quantile((np.arange(20_000) + 0.5) / 20_000)

    def cost(quantity):
        left = quantity + drawn - 40
        return (holding * np.maximum(left, 0) + 4.0 * np.maximum(-left, 0)).mean()

    assert order.cost_rate == pytest.approx(cost(order.order_quantity), rel=1e-3)
    for step in (-3.0, -0.5, 0.5, 3.0):
        assert cost(order.order_quantity + step) >= cost(order.order_quantity) * (1 - 1e-6)


@pytest.mark.parametrize("holding", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("law", SHARES, ids=lambda law: type(law).__name__)
def test_no_single_order_costs_less_where_a_share_is_good(law, holding):
    order = newsvendor_with_multiplicative_yield(law, demand=40.0, holding_cost=holding, shortage_cost=4.0)
    drawn = law.quantile((np.arange(20_000) + 0.5) / 20_000)

    def cost(quantity):
        left = quantity * drawn - 40
        return (holding * np.maximum(left, 0) + 4.0 * np.maximum(-left, 0)).mean()

    assert order.cost_rate == pytest.approx(cost(order.order_quantity), rel=1e-3)
    for factor in (0.7, 0.97, 1.03, 1.4):
        assert cost(order.order_quantity * factor) >= cost(order.order_quantity) * (1 - 1e-6)


def test_a_uniform_share_has_its_closed_form():
    """Setting the derivative to zero gives (d/Q)² = (h b² + p a²)/(h + p) for shares between a and b."""
    holding, shortage = np.array([0.1, 1.0, 9.0]), np.array([5.0, 1.0, 0.5])
    order = newsvendor_with_multiplicative_yield(
        UniformDemand(0.4, 0.9), demand=100.0, holding_cost=holding, shortage_cost=shortage
    )
    share = np.sqrt((holding * 0.9**2 + shortage * 0.4**2) / (holding + shortage))
    assert order.order_quantity == pytest.approx(100 / share, rel=1e-12)


def test_every_sku_has_its_own_yield():
    law = UniformDemand(np.array([-5.0, -1.0]), np.array([0.0, 1.0]))
    together = newsvendor_with_additive_yield(law, demand=[10.0, 20.0], holding_cost=1.0, shortage_cost=[3.0, 9.0])
    second = newsvendor_with_additive_yield(UniformDemand(-1.0, 1.0), demand=20.0, holding_cost=1.0, shortage_cost=9.0)
    assert together.order_quantity[1] == second.order_quantity
    assert together.cost_rate[1] == second.cost_rate


def test_costs_of_nothing_have_an_answer():
    never_short = newsvendor_with_additive_yield(UniformDemand(-5.0, 1.0), demand=10, holding_cost=0, shortage_cost=2)
    assert (never_short.order_quantity, never_short.cost_rate) == (15, 0)
    for best, law in ((newsvendor_with_additive_yield, ADDITIVE[1]), (newsvendor_with_multiplicative_yield, SHARES[0])):
        nothing = best(law, demand=10.0, holding_cost=1.0, shortage_cost=0.0)
        assert nothing.order_quantity == 0
        assert nothing.cost_rate == pytest.approx(0.0, abs=1e-3)
    unasked = newsvendor_with_additive_yield(UniformDemand(20.0, 30.0), demand=10, holding_cost=1, shortage_cost=2)
    assert (unasked.order_quantity, unasked.cost_rate) == (0, 15)


# Refusals


def test_refuses_what_cannot_be_and_says_which_sku():
    with pytest.raises(ValueError, match=r"recovery_rate must be more than 0 and finite, got 0\.0 \(index 1\)"):
        eoq_with_disruptions(**TEXTBOOK | {"recovery_rate": [1.0, 0.0]})
    with pytest.raises(ValueError, match="holding_cost must be more than 0"):
        eoq_with_disruptions_approximation(**TEXTBOOK | {"holding_cost": 0.0})
    with pytest.raises(ValueError, match="order_quantity must be more than 0"):
        eoq_with_disruptions_cost_rate(0.0, **TEXTBOOK)
    with pytest.raises(ValueError, match="demand_rate must be more than 0"):
        eoq_with_disruptions_cost_rate(1.0, **TEXTBOOK | {"demand_rate": 0.0})
    with pytest.raises(
        ValueError, match=r"disruption_probability must be at least 0 and at most 1 and finite, got 1\.2"
    ):
        newsvendor_with_disruptions(**PERIODIC | {"disruption_probability": 1.2})
    with pytest.raises(ValueError, match="recovery_probability must be more than 0"):
        newsvendor_with_disruptions(**PERIODIC | {"recovery_probability": 0.0})
    with pytest.raises(ValueError, match="demand must be more than 0"):
        newsvendor_with_disruptions_cost_rate(1.0, **PERIODIC | {"demand": 0.0})
    with pytest.raises(ValueError, match="yield_mean must be more than 0"):
        eoq_with_multiplicative_yield(demand_rate=1, order_cost=1, holding_cost=1, yield_mean=0, yield_sd=0)
    with pytest.raises(ValueError, match="yield_sd must be at least 0 and finite, got nan"):
        eoq_with_additive_yield(demand_rate=1, order_cost=1, holding_cost=1, yield_mean=0, yield_sd=np.nan)
    with pytest.raises(ValueError, match="holding_cost must be more than 0 where the yield has no lower limit"):
        newsvendor_with_additive_yield(NormalDemand(0.0, 1.0), demand=1, holding_cost=0, shortage_cost=1)
    with pytest.raises(ValueError, match="the mean of yield_distribution must be more than 0"):
        newsvendor_with_multiplicative_yield(UniformDemand(-1.0, 1.0), demand=1, holding_cost=1, shortage_cost=1)
