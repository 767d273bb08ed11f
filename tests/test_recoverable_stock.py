"""Units that come back: the demand that is left over a lead time, and lots of purchases and recoveries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from optimization.eoq import economic_order_quantity
from optimization.recoverable_stock import (
    net_lead_time_demand,
    net_lead_time_demand_of_sales,
    net_lead_time_demand_of_units_out,
    schrady_lots,
    schrady_whole_lots,
)

DELAYS = [0.1, 0.2, 0.4, 0.3]
RETURNS = {"lead_time": 3, "return_share": 0.6, "return_delay_pmf": DELAYS}


def test_average_net_demand_is_that_of_a_simulation():
    rng = np.random.default_rng(4)
    mean, sd, paths = 20.0, 9.0, 200_000
    net = np.zeros(paths)
    # Negative binomial sales, whose sd is 9, in the lead time's periods 1 to 3 and the three before.
    success = mean / sd**2
    for sale in range(-2, 4):
        sold = rng.negative_binomial(mean * success / (1 - success), success, paths)
        chances = [0.6 * DELAYS[d] if 1 <= sale + d <= 3 else 0.0 for d in range(4)]
        net += (sold if sale >= 1 else 0) - rng.binomial(sold, sum(chances))
    answer = net_lead_time_demand(demand_mean=mean, demand_sd=sd, **RETURNS)
    assert answer.mean == pytest.approx(net.mean(), abs=0.1)
    assert answer.sd == pytest.approx(net.std(), rel=0.01)


def test_known_sales_narrow_the_net_demand_as_in_a_simulation():
    sales = [35, 5, 20]
    rng = np.random.default_rng(5)
    net = np.zeros(100_000)
    for sale, sold in enumerate(sales):
        back = 0.6 * sum(DELAYS[sale + 1 : sale + 4])
        net -= rng.binomial(sold, back, len(net))
    for sale in range(1, 4):
        sold = rng.poisson(20.0, len(net))
        net += sold - rng.binomial(sold, 0.6 * sum(DELAYS[: 4 - sale]))
    answer = net_lead_time_demand_of_sales(demand_mean=20.0, demand_sd=np.sqrt(20.0), **RETURNS, past_sales=sales)
    assert answer.mean == pytest.approx(net.mean(), abs=0.1)
    assert answer.sd == pytest.approx(net.std(), rel=0.01)
    average = net_lead_time_demand(demand_mean=20.0, demand_sd=np.sqrt(20.0), **RETURNS)
    assert answer.variance < average.variance


def test_units_out_count_by_their_chance_to_return_still():
    # Of a unit sold in the period just ended 0.06 came back at once, of one sold before 0.06 + 0.12.
    answer = net_lead_time_demand_of_units_out(
        demand_mean=0.0, demand_sd=0.0, lead_time=1, return_share=0.6, return_delay_pmf=DELAYS, units_out=[10.0, 8.0]
    )
    first, second = 0.12 / 0.94, 0.24 / 0.82
    assert answer.mean == pytest.approx(-(10 * first + 8 * second))
    assert answer.variance == pytest.approx(10 * first * (1 - first) + 8 * second * (1 - second))


def test_units_out_say_the_same_as_sales_when_nothing_can_have_come_back_yet():
    arguments = {
        "demand_mean": 20.0,
        "demand_sd": 5.0,
        "lead_time": 4,
        "return_share": 0.5,
        "return_delay_pmf": [0.0, 0.0, 1.0],
    }
    sales = net_lead_time_demand_of_sales(**arguments, past_sales=[30.0, 12.0])
    out = net_lead_time_demand_of_units_out(**arguments, units_out=[30.0, 12.0])
    assert out.mean == pytest.approx(float(sales.mean))
    assert out.variance == pytest.approx(float(sales.variance))


def test_average_sales_give_the_average_mean():
    arguments = {"demand_mean": 20.0, "demand_sd": 5.0, **RETURNS}
    known = net_lead_time_demand_of_sales(**arguments, past_sales=[20.0] * 4)
    assert known.mean == pytest.approx(float(net_lead_time_demand(**arguments).mean))
    assert known.mean == pytest.approx(3 * 20 * 0.4)


@given(
    mean=st.floats(0.001, 1e6),
    ratio=st.floats(0.0, 2.0),
    lead_time=st.integers(0, 12),
    share=st.floats(0.0, 1.0),
)
def test_mean_is_the_demand_that_does_not_return(mean, ratio, lead_time, share):
    net = net_lead_time_demand(
        demand_mean=mean, demand_sd=ratio * mean, lead_time=lead_time, return_share=share, return_delay_pmf=DELAYS
    )
    assert net.mean == pytest.approx(lead_time * mean * (1 - share), rel=1e-9, abs=1e-9 * mean)
    assert net.variance >= 0


def test_without_returns_the_lead_time_demand_is_plain():
    net = net_lead_time_demand(
        demand_mean=[5.0, 8.0], demand_sd=[2.0, 3.0], lead_time=[4, 0], return_share=0.0, return_delay_pmf=[1.0]
    )
    assert net.mean.tolist() == [20, 0]
    assert net.variance.tolist() == [16, 0]


def test_immediate_returns_thin_the_demand():
    net = net_lead_time_demand(demand_mean=5.0, demand_sd=2.0, lead_time=4, return_share=0.3, return_delay_pmf=[1.0])
    assert net.mean == pytest.approx(4 * 3.5)
    assert net.variance == pytest.approx(4 * (5 * 0.3 * 0.7 + 4 * 0.49))


def test_each_sku_depends_on_itself_alone():
    arguments = {"demand_mean": [5.0, 8.0], "demand_sd": [2.0, 3.0], "lead_time": [4, 2], "return_share": [0.3, 0.6]}
    delays = [[0.5, 0.5, 0.0], [0.0, 0.2, 0.8]]
    both = net_lead_time_demand(**arguments, return_delay_pmf=delays)
    for i in range(2):
        alone = net_lead_time_demand(
            **{name: values[i] for name, values in arguments.items()}, return_delay_pmf=delays[i]
        )
        assert (alone.mean, alone.variance) == (both.mean[i], both.variance[i])


def schrady_cost(purchase, batches, *, rate, share, buying, recovering, holding, waiting):
    """Cost per period of a cycle: one purchase, then whole batches, their stocks integrated piece by piece."""
    batch = share * purchase / ((1 - share) * batches)
    serviceable, cycle, waiting_units, waited = purchase**2 / (2 * rate), purchase / rate, share * batch, 0.0
    waited += waiting_units * cycle + share * rate * cycle**2 / 2
    waiting_units += share * rate * cycle
    for _ in range(batches):
        waiting_units -= batch
        assert waiting_units > -1e-6 * purchase
        length = batch / rate
        serviceable += batch * length / 2
        waited += waiting_units * length + share * rate * length**2 / 2
        waiting_units += share * rate * length
        cycle += length
    assert waiting_units == pytest.approx(share * batch)
    return (buying + batches * recovering + holding * serviceable + waiting * waited) / cycle


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize(
    ("buying", "recovering", "waiting"), [(100.0, 20.0, 1.0), (30.0, 80.0, 4.0), (500.0, 5.0, 0.0)]
)
def test_whole_lots_are_the_cheapest_cycle(share, buying, recovering, waiting):
    lots = schrady_whole_lots(
        demand_rate=1000.0,
        return_share=share,
        purchase_order_cost=buying,
        recovery_order_cost=recovering,
        holding_cost=5.0,
        return_holding_cost=waiting,
    )
    terms = {"rate": 1000.0, "share": share, "buying": buying, "recovering": recovering, "holding": 5.0}
    terms["waiting"] = waiting
    batches = int(lots.recoveries_per_purchase)
    assert lots.cost_rate == pytest.approx(schrady_cost(float(lots.purchase_quantity), batches, **terms))
    for others in {1, max(batches - 1, 1), batches, batches + 1, batches + 2}:
        best = minimize(
            lambda size, n=others: schrady_cost(float(np.exp(size[0])), n, **terms),
            x0=[np.log(float(lots.purchase_quantity))],
            method="Nelder-Mead",
            options={"maxiter": 60},
        )
        assert lots.cost_rate <= best.fun * (1 + 1e-9)


def test_schradys_quantities_cost_the_least_of_any_and_no_more_than_whole_lots():
    arguments = {
        "demand_rate": 1000.0,
        "return_share": np.array([0.1, 0.5, 0.8, 0.95]),
        "purchase_order_cost": 100.0,
        "recovery_order_cost": 20.0,
        "holding_cost": 5.0,
        "return_holding_cost": 1.0,
    }
    lots, whole = schrady_lots(**arguments), schrady_whole_lots(**arguments)
    assert (lots.cost_rate <= whole.cost_rate * (1 + 1e-12)).all()
    share, new = arguments["return_share"], 1 - arguments["return_share"]

    def cost(purchase, batch):
        ordering = 100 * 1000 * new / purchase + 20 * 1000 * share / batch
        return ordering + 2.5 * (new * purchase + share * batch) + 0.5 * share * (purchase + batch)

    assert cost(lots.purchase_quantity, lots.recovery_quantity) == pytest.approx(lots.cost_rate)
    for one, other in ((0.9, 1.0), (1.1, 1.0), (1.0, 0.9), (1.0, 1.1)):
        assert (cost(lots.purchase_quantity * one, lots.recovery_quantity * other) > lots.cost_rate).all()


@pytest.mark.parametrize("lots_of", [schrady_lots, schrady_whole_lots])
def test_without_returns_the_lot_is_the_economic_order_quantity(lots_of):
    lots = lots_of(
        demand_rate=1200.0,
        return_share=0.0,
        purchase_order_cost=50.0,
        recovery_order_cost=9.0,
        holding_cost=3.0,
        return_holding_cost=1.0,
    )
    economic = economic_order_quantity(demand_rate=1200.0, order_cost=50.0, holding_cost=3.0)
    assert lots.purchase_quantity == pytest.approx(float(economic.order_quantity))
    assert lots.cost_rate == pytest.approx(float(economic.cost_rate))
    assert (lots.recovery_quantity, lots.recoveries_per_purchase) == (0, 0)


@pytest.mark.parametrize("lots_of", [schrady_lots, schrady_whole_lots])
def test_no_demand_needs_no_lots(lots_of):
    lots = lots_of(
        demand_rate=0.0,
        return_share=0.5,
        purchase_order_cost=50.0,
        recovery_order_cost=9.0,
        holding_cost=3.0,
        return_holding_cost=1.0,
    )
    assert (lots.purchase_quantity, lots.recovery_quantity, lots.recoveries_per_purchase, lots.cost_rate) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"return_share": 1.2}, "return_share must be at least 0 and at most 1"),
        ({"lead_time": 1.5}, r"lead_time must be whole periods, got 1\.5"),
        ({"return_delay_pmf": [0.5, 0.4]}, r"return_delay_pmf must sum to 1 over delays, got 0\.9"),
        ({"return_delay_pmf": 1.0}, "return_delay_pmf must have at least one delay"),
        ({"demand_mean": [1.0, 2.0], "demand_sd": [1.0, 2.0, 3.0]}, "shapes must fit together"),
        ({"demand_sd": -1.0}, "demand_sd must be at least 0"),
    ],
)
def test_refuses_returns_that_cannot_be(changed, message):
    arguments = {"demand_mean": 5.0, "demand_sd": 2.0, **RETURNS} | changed
    with pytest.raises(ValueError, match=message):
        net_lead_time_demand(**arguments)


def test_refuses_free_recovery_of_a_whole_number_of_batches():
    with pytest.raises(ValueError, match="recovery_order_cost must be more than 0 where units return"):
        schrady_whole_lots(
            demand_rate=10.0,
            return_share=0.5,
            purchase_order_cost=5.0,
            recovery_order_cost=0.0,
            holding_cost=1.0,
            return_holding_cost=0.0,
        )
