"""(r, Q) policies: published figures, exhaustive search, numerical integration, and simulated shops."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize
from scipy.special import gammaln, ndtr, ndtri, xlogy

from optimization.count_demand import (
    counts_from_pmf,
    geometric_counts,
    mixed_counts,
    negative_binomial_counts,
    poisson_counts,
)
from optimization.count_reorder_point import (
    compound_poisson_customers,
    negative_binomial_customers,
    poisson_customers,
    stuttering_poisson_customers,
    unit_customers,
    unit_policy_for_cycle_service,
    unit_policy_for_fill_rate,
    unit_reorder_measures,
    unit_reorder_point,
    unit_reorder_point_for_fill_rate,
    unit_reorder_policy,
)
from optimization.reorder_point import (
    normal_policy_for_cycle_service,
    normal_policy_for_fill_rate,
    normal_reorder_measures,
    normal_reorder_point,
    normal_reorder_point_for_fill_rate,
    normal_reorder_policy,
)
from optimization.reorder_point_approximations import (
    eil_reorder_policy,
    eoqb_reorder_policy,
    eoqss_reorder_policy,
    loss_function_reorder_policy,
)

# Snyder & Shen's example 5.1, per year.
NORMAL = {"demand_rate": 1300.0, "lead_time_demand_mean": 1300 / 12, "lead_time_demand_sd": 150 / sqrt(12)}
COSTS = {"order_cost": 8.0, "holding_cost": 0.225, "shortage_cost": 7.5}


def normal_inputs(case):
    figures = case["inputs"]
    return {
        "demand_rate": figures["demand_mean"],
        "lead_time_demand_mean": figures["demand_mean"] * figures["lead_time"],
        "lead_time_demand_sd": figures["demand_sd"] * sqrt(figures["lead_time"]),
    } | prices(case)


def prices(case):
    figures = case["inputs"]
    return {
        "order_cost": figures["fixed_cost"],
        "holding_cost": figures["holding_cost"],
        "shortage_cost": figures["stockout_cost"],
    }


# Published figures


@pytest.mark.known_answers("rq_normal_approximations")
def test_approximations_give_the_published_policies(known_case, within):
    named = {"eoqb": eoqb_reorder_policy, "eoqss": eoqss_reorder_policy, "loss_function": loss_function_reorder_policy}
    for name in known_case["expected"]:
        policy = named[name](**normal_inputs(known_case))
        assert [float(policy.reorder_point), float(policy.order_quantity)] == within(name)


@pytest.mark.known_answers("rq_normal_cost")
def test_a_policy_costs_what_is_published(known_case, within):
    told = normal_reorder_measures(
        reorder_point=known_case["inputs"]["reorder_point"],
        order_quantity=known_case["inputs"]["order_quantity"],
        **normal_inputs(known_case),
    )
    assert told.cost_rate == within("cost_rate")


@pytest.mark.known_answers("rq_normal_eil_approx")
def test_the_iteration_of_hadley_and_whitin_ends_where_published(known_case, within):
    figures = known_case["inputs"]
    policy = eil_reorder_policy(
        demand_rate=figures["demand_mean"],
        lead_time_demand_mean=figures["lead_time_demand_mean"],
        lead_time_demand_sd=figures["lead_time_demand_sd"],
        order_cost=figures["fixed_cost"],
        holding_cost=figures["holding_cost"],
        shortage_cost_per_unit=figures["stockout_cost"],
    )
    assert policy.order_quantity == within("order_quantity")
    assert policy.reorder_point == within("reorder_point")
    assert np.rint(policy.order_quantity) == within("order_quantity_rounded")
    assert np.rint(policy.reorder_point) == within("reorder_point_rounded")


@pytest.mark.known_answers("rq_normal_exact")
def test_the_best_normal_policy_is_the_known_one(known_case, within):
    policy = normal_reorder_policy(**normal_inputs(known_case))
    assert policy.reorder_point == within("reorder_point")
    assert policy.order_quantity == within("order_quantity")
    assert policy.cost_rate == within("cost_rate")


@pytest.mark.known_answers("rq_poisson_cost")
def test_a_poisson_policy_costs_what_is_published(known_case, within):
    figures = known_case["inputs"]
    told = unit_reorder_measures(
        poisson_customers(figures["demand_mean"], figures["lead_time"]),
        reorder_point=figures["reorder_point"],
        order_quantity=figures["order_quantity"],
        **prices(known_case),
    )
    assert told.cost_rate == within("cost_rate")


@pytest.mark.known_answers("rq_poisson_exact")
def test_the_best_poisson_policy_is_the_known_one(known_case, within):
    demand = poisson_customers(known_case["inputs"]["demand_mean"], known_case["inputs"]["lead_time"])
    policy = unit_reorder_policy(demand, **prices(known_case))
    assert policy.reorder_point == within("reorder_point")
    assert policy.order_quantity == within("order_quantity")
    assert policy.cost_rate == within("cost_rate")


def test_textbook_examples_come_out():
    poisson = unit_reorder_policy(poisson_customers(1.5, 2.0), order_cost=100.0, holding_cost=20.0, shortage_cost=150.0)
    assert (poisson.reorder_point, poisson.order_quantity) == (3, 5)
    assert poisson.cost_rate == pytest.approx(107.92358063314975, rel=1e-12)
    point = normal_reorder_point(
        order_quantity=300.0,
        holding_cost=0.225,
        shortage_cost=7.5,
        lead_time_demand_mean=1300 / 12,
        lead_time_demand_sd=150 / sqrt(12),
    )
    assert point == pytest.approx(129.4272799, abs=1e-5)
    eil = eil_reorder_policy(order_cost=8.0, holding_cost=0.225, shortage_cost_per_unit=7.5, **NORMAL)
    assert eil.reorder_point == pytest.approx(213.97044213580244, rel=1e-8)
    assert eil.order_quantity == pytest.approx(318.5901810768729, rel=1e-8)
    assert eil.cost_rate == pytest.approx(95.45114022285196, rel=1e-8)


# Normal lead-time demand


def normal_by_integration(r, q, mean, sd):
    """Stock, backorders and the share of demand that waits, over positions from r to r + q."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    middles = (np.arange(400) + 0.5) / 400
    y = r + q * (middles[:, None] + nodes / 800).ravel()
    weight = np.tile(weights / 800, 400)
    z = (y - mean) / sd
    short = sd * (np.exp(-z * z / 2) / sqrt(2 * np.pi) - z * ndtr(-z))
    return weight @ (y - mean + short), weight @ short, weight @ ndtr(-z)


@given(
    r=st.floats(-200, 300),
    q=st.floats(0.01, 500),
    mean=st.floats(0, 200),
    sd=st.floats(1.0, 150),
)
def test_measures_are_averages_over_the_positions(r, q, mean, sd):
    told = normal_reorder_measures(
        reorder_point=r, order_quantity=q, demand_rate=50.0, lead_time_demand_mean=mean, lead_time_demand_sd=sd
    )
    on_hand, backorders, waiting = normal_by_integration(r, q, mean, sd)
    scale = abs(r) + q + mean + sd
    assert told.on_hand == pytest.approx(on_hand, abs=1e-11 * scale)
    assert told.backorders == pytest.approx(backorders, abs=1e-11 * scale)
    assert 1 - told.fill_rate == pytest.approx(waiting, abs=1e-10)
    assert told.cycle_service_level == pytest.approx(ndtr((r - mean) / sd), abs=1e-14)
    assert told.on_hand - told.backorders == pytest.approx(r + q / 2 - mean, abs=1e-10 * scale)


@given(
    rate=st.floats(1, 1e4),
    mean=st.floats(0, 1e3),
    sd=st.floats(0, 300),
    fixed=st.floats(0.01, 1e3),
    holding=st.floats(0.01, 10),
    ratio=st.floats(0.1, 1e3),
)
def test_the_best_normal_policy_balances_both_ends_and_the_average(rate, mean, sd, fixed, holding, ratio):
    demand = {"demand_rate": rate, "lead_time_demand_mean": mean, "lead_time_demand_sd": sd}
    costs = {"order_cost": fixed, "holding_cost": holding, "shortage_cost": holding * ratio}
    policy = normal_reorder_policy(**demand, **costs)

    def cost_at(position):
        told = normal_reorder_measures(
            reorder_point=position, order_quantity=0.0, **demand, **(costs | {"order_cost": 0})
        )
        return told.cost_rate

    r, q = policy.reorder_point, policy.order_quantity
    told = normal_reorder_measures(reorder_point=r, order_quantity=q, **demand, **costs)
    assert told.cost_rate == pytest.approx(policy.cost_rate, rel=1e-9)
    assert cost_at(r) == pytest.approx(policy.cost_rate, rel=1e-9)
    assert cost_at(r + q) == pytest.approx(policy.cost_rate, rel=1e-9)


def test_no_search_finds_a_cheaper_normal_policy():
    def cost(logs):
        return float(
            normal_reorder_measures(reorder_point=logs[0], order_quantity=np.exp(logs[1]), **NORMAL, **COSTS).cost_rate
        )

    found = optimize.minimize(cost, [100.0, 5.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    policy = normal_reorder_policy(**NORMAL, **COSTS)
    assert policy.cost_rate == pytest.approx(found.fun, rel=1e-11)
    assert policy.reorder_point == pytest.approx(found.x[0], abs=1e-3)
    assert policy.order_quantity == pytest.approx(np.exp(found.x[1]), abs=1e-3)


def test_sure_demand_gives_the_eoq_with_backorders():
    demand = {"demand_rate": 1300.0, "lead_time_demand_mean": 100.0, "lead_time_demand_sd": 0.0}
    quantity = sqrt(2 * 8 * 1300 * (0.225 + 7.5) / 0.225 / 7.5)
    for policy in (
        normal_reorder_policy(**demand, **COSTS),
        eoqb_reorder_policy(**demand, **COSTS),
        loss_function_reorder_policy(**demand, **COSTS),
    ):
        assert policy.order_quantity == pytest.approx(quantity, rel=1e-12)
        assert policy.reorder_point == pytest.approx(100 - quantity * 0.225 / 7.725, rel=1e-12)
    filled = normal_policy_for_fill_rate(fill_rate=0.9, order_cost=8.0, holding_cost=0.225, **demand)
    assert filled.order_quantity == pytest.approx(sqrt(2 * 8 * 1300 / 0.225) / 0.9)
    served = normal_policy_for_cycle_service(cycle_service_level=0.9, order_cost=8.0, holding_cost=0.225, **demand)
    assert (served.reorder_point, served.order_quantity) == (100, pytest.approx(sqrt(2 * 8 * 1300 / 0.225)))


def test_the_normal_optimum_is_continuous_where_demand_grows_sure():
    sds = np.geomspace(1e-12, 20, 200)
    policy = normal_reorder_policy(demand_rate=1300.0, lead_time_demand_mean=100.0, lead_time_demand_sd=sds, **COSTS)
    assert (np.diff(policy.cost_rate) > -1e-12).all()
    assert np.abs(np.diff(np.log(policy.order_quantity))).max() < 0.02


def test_costless_orders_give_the_critical_base_stock_level():
    policy = normal_reorder_policy(**NORMAL, **(COSTS | {"order_cost": 0.0}))
    z = ndtri(7.5 / 7.725)
    assert policy.order_quantity == 0
    assert policy.reorder_point == pytest.approx(1300 / 12 + z * 150 / sqrt(12))
    assert policy.cost_rate == pytest.approx(7.725 * np.exp(-z * z / 2) / sqrt(2 * np.pi) * 150 / sqrt(12))
    told = normal_reorder_measures(
        reorder_point=policy.reorder_point, order_quantity=0.0, **NORMAL, **(COSTS | {"order_cost": 0.0})
    )
    assert told.cost_rate == pytest.approx(policy.cost_rate)
    assert told.orders == np.inf


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("ratio", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("spread", [0.0, 1e-9, 1.0, 1e4])
def test_extreme_figures_give_numbers(scale, ratio, spread):
    demand = {"demand_rate": scale, "lead_time_demand_mean": scale, "lead_time_demand_sd": spread * scale}
    for fixed in (0.0, 1e-9, 1e9):
        costs = {"order_cost": fixed, "holding_cost": 1.0, "shortage_cost": ratio}
        policy = normal_reorder_policy(**demand, **costs)
        told = normal_reorder_measures(
            reorder_point=policy.reorder_point, order_quantity=policy.order_quantity, **demand, **costs
        )
        assert told.cost_rate == pytest.approx(policy.cost_rate, rel=1e-6, abs=1e-12)
        for near in (eoqb_reorder_policy(**demand, **costs), loss_function_reorder_policy(**demand, **costs)):
            assert np.isfinite([near.reorder_point, near.order_quantity]).all()
            worse = normal_reorder_measures(
                reorder_point=near.reorder_point, order_quantity=near.order_quantity, **demand, **costs
            )
            assert worse.cost_rate >= policy.cost_rate * (1 - 1e-6) - 1e-12
        filled = normal_policy_for_fill_rate(fill_rate=0.99, order_cost=fixed, holding_cost=1.0, **demand)
        served = normal_policy_for_cycle_service(cycle_service_level=0.99, order_cost=fixed, holding_cost=1.0, **demand)
        for target in (filled, served):
            assert np.isfinite([target.reorder_point, target.order_quantity, target.cost_rate]).all()


def test_no_demand_costs_nothing():
    demand = {"demand_rate": 0.0, "lead_time_demand_mean": 0.0, "lead_time_demand_sd": 0.0}
    for policy in (
        normal_reorder_policy(**demand, **COSTS),
        normal_policy_for_fill_rate(fill_rate=0.9, order_cost=8.0, holding_cost=1.0, **demand),
        eil_reorder_policy(order_cost=8.0, holding_cost=1.0, shortage_cost_per_unit=1.0, **demand),
    ):
        assert (policy.reorder_point, policy.order_quantity, policy.cost_rate) == (0, 0, 0)
    told = normal_reorder_measures(reorder_point=5.0, order_quantity=0.0, **demand, **COSTS)
    assert (told.fill_rate, told.orders, told.on_hand, told.cost_rate) == (1, 0, 5, 5 * 0.225)


@given(q=st.floats(1e-3, 1e4), sd=st.floats(0, 1e3), fill_rate=st.floats(0.01, 0.9999))
def test_the_reorder_point_for_a_fill_rate_reaches_it(q, sd, fill_rate):
    demand = {"lead_time_demand_mean": 70.0, "lead_time_demand_sd": sd}
    r = normal_reorder_point_for_fill_rate(order_quantity=q, fill_rate=fill_rate, **demand)
    told = normal_reorder_measures(reorder_point=r, order_quantity=q, demand_rate=1.0, **demand)
    assert told.fill_rate == pytest.approx(fill_rate, abs=1e-9)


def test_the_best_reorder_point_for_a_quantity_fills_the_critical_share():
    demand = {"lead_time_demand_mean": 70.0, "lead_time_demand_sd": 20.0}
    quantities = np.array([0.0, 1.0, 40.0, 5000.0])
    best = normal_reorder_point(order_quantity=quantities, holding_cost=1.0, shortage_cost=9.0, **demand)
    filled = normal_reorder_point_for_fill_rate(order_quantity=quantities, fill_rate=0.9, **demand)
    assert best == pytest.approx(filled, rel=1e-9)


@pytest.mark.parametrize("fill_rate", [0.3, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("sd", [3.0, 43.0, 400.0])
def test_the_cheapest_normal_policy_for_a_fill_rate_is_cheapest_among_all_quantities(fill_rate, sd):
    demand = NORMAL | {"lead_time_demand_sd": sd}
    policy = normal_policy_for_fill_rate(fill_rate=fill_rate, order_cost=8.0, holding_cost=0.225, **demand)
    quantities = policy.order_quantity * np.append(np.geomspace(0.05, 20, 400), 1.0)
    points = normal_reorder_point_for_fill_rate(
        order_quantity=quantities,
        fill_rate=fill_rate,
        lead_time_demand_mean=demand["lead_time_demand_mean"],
        lead_time_demand_sd=sd,
    )
    told = normal_reorder_measures(
        reorder_point=points, order_quantity=quantities, order_cost=8.0, holding_cost=0.225, **demand
    )
    assert policy.cost_rate <= told.cost_rate.min() * (1 + 1e-12)
    assert told.cost_rate[-1] == pytest.approx(policy.cost_rate, rel=1e-10)
    assert points[-1] == pytest.approx(policy.reorder_point, abs=1e-6)


@pytest.mark.parametrize("cycle_service_level", [0.2, 0.9, 0.999])
def test_the_cheapest_normal_policy_for_cycles_is_cheapest_among_all_quantities(cycle_service_level):
    policy = normal_policy_for_cycle_service(
        cycle_service_level=cycle_service_level, order_cost=8.0, holding_cost=0.225, **NORMAL
    )
    told = normal_reorder_measures(
        reorder_point=policy.reorder_point,
        order_quantity=policy.order_quantity * np.append(np.geomspace(0.05, 20, 400), 1.0),
        order_cost=8.0,
        holding_cost=0.225,
        **NORMAL,
    )
    assert told.cycle_service_level == pytest.approx(np.full(401, cycle_service_level))
    assert policy.cost_rate <= told.cost_rate.min() * (1 + 1e-12)
    assert told.cost_rate[-1] == pytest.approx(policy.cost_rate, rel=1e-12)


def test_the_eoq_with_backorders_costs_at_most_an_eighth_more():
    sds = np.geomspace(0.1, 1e5, 60)
    demand = NORMAL | {"lead_time_demand_sd": sds}
    near = eoqb_reorder_policy(**demand, **COSTS)
    told = normal_reorder_measures(
        reorder_point=near.reorder_point, order_quantity=near.order_quantity, **demand, **COSTS
    )
    excess = told.cost_rate / normal_reorder_policy(**demand, **COSTS).cost_rate - 1
    assert (excess > -1e-12).all()
    assert (excess < 1 / 8).all()


def test_approximations_solve_their_own_equations():
    near = loss_function_reorder_policy(**NORMAL, **COSTS)
    sd = NORMAL["lead_time_demand_sd"]
    z = (near.reorder_point - NORMAL["lead_time_demand_mean"]) / sd
    short = integrate.quad(lambda x: ndtr(-x), z, 40)[0] * sd
    second = integrate.quad(lambda x: (x - z) * ndtr(-x), z, 40)[0] * sd**2
    assert short == pytest.approx(0.225 * near.order_quantity / 7.725)
    assert near.order_quantity == pytest.approx(sqrt(2 * (8 * 1300 + 7.725 * second) / 0.225))


def test_a_shortage_too_cheap_to_order_for_is_named():
    with pytest.raises(ValueError, match=r"shortage_cost_per_unit must be more .* got 1.0 \(index 1\)"):
        eil_reorder_policy(
            demand_rate=10.0,
            lead_time_demand_mean=10.0,
            lead_time_demand_sd=3.0,
            order_cost=100.0,
            holding_cost=5.0,
            shortage_cost_per_unit=[100.0, 1.0],
        )


# Whole units


def count_costs(levels, pmf, h, p):
    gap = np.asarray(levels)[:, None] - np.arange(len(pmf))
    return (h * np.maximum(gap, 0) + p * np.maximum(-gap, 0)) @ pmf


def compound_pmf(expected, batch, size):
    """Of a Poisson number of batches, by adding up convolutions."""
    total, power = np.zeros(size), np.zeros(size)
    power[0] = 1.0
    for number in range(60):
        total += np.exp(xlogy(number, expected) - expected - gammaln(number + 1)) * power
        power = np.convolve(power, batch)[:size]
    return total


BATCHES = {"units": [0.0, 1.0], "mixed": [0.0, 0.5, 0.2, 0.0, 0.3], "some buy nothing": [0.4, 0.3, 0.0, 0.3]}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize(("fixed", "shortage"), [(0.0, 9.0), (3.0, 0.5), (40.0, 25.0)])
def test_enumeration_finds_no_cheaper_policy_for_whole_units(batch, fixed, shortage):
    rate, lead_time = 1.7, 2.0
    demand = compound_poisson_customers(rate, batch, lead_time)
    pmf = compound_pmf(rate * lead_time, batch, 120)
    levels = np.arange(-40, 100)
    each = np.concatenate(([0.0], np.cumsum(count_costs(levels, pmf, 1.0, shortage))))
    least = np.inf
    for q in range(1, 60):
        triggers = rate * sum(chance * min(units, q) for units, chance in enumerate(batch))
        least = min(least, ((fixed * triggers + each[q:] - each[:-q]) / q).min())
    costs = {"order_cost": fixed, "holding_cost": 1.0, "shortage_cost": shortage}
    policy = unit_reorder_policy(demand, **costs)
    assert policy.cost_rate == pytest.approx(least, rel=1e-12)
    told = unit_reorder_measures(
        demand, reorder_point=policy.reorder_point, order_quantity=policy.order_quantity, **costs
    )
    assert told.cost_rate == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("quantity", [1, 4, 25])
def test_the_best_reorder_point_of_whole_units_is_the_one_enumeration_finds(quantity):
    points = np.arange(-30, 40)
    demand = stuttering_poisson_customers(1.2, 2.5, 3.0)
    every = unit_reorder_measures(
        demand, reorder_point=points, order_quantity=quantity, holding_cost=1.0, shortage_cost=9.0
    )
    found = unit_reorder_point(demand, order_quantity=quantity, holding_cost=1.0, shortage_cost=9.0)
    assert found == points[np.argmin(every.cost_rate)]


def test_a_simulated_shop_with_batches_behaves_as_told():
    rate, lead_time, r, q = 0.8, 2.5, 4, 6
    batch = np.array([0.0, 0.5, 0.2, 0.0, 0.1, 0.0, 0.0, 0.0, 0.2])
    told = unit_reorder_measures(compound_poisson_customers(rate, batch, lead_time), reorder_point=r, order_quantity=q)
    random = np.random.default_rng(11)
    customers = 150_000
    times = np.cumsum(random.exponential(1 / rate, customers)).tolist()
    sizes = random.choice(len(batch), p=batch, size=customers).tolist()
    net = position = r + q
    waiting, first = [], 0
    now = stock = owed = with_stock = 0.0
    met = served = orders = 0
    for time, size in zip([*times, times[-1]], [*sizes, 0], strict=True):
        while first < len(waiting) and waiting[first][0] <= time:
            arrival, units = waiting[first]
            stock, owed = stock + max(net, 0) * (arrival - now), owed + max(-net, 0) * (arrival - now)
            with_stock += (net > 0) * (arrival - now)
            served += net >= 0
            net, now, first = net + units, arrival, first + 1
        stock, owed = stock + max(net, 0) * (time - now), owed + max(-net, 0) * (time - now)
        with_stock += (net > 0) * (time - now)
        now = time
        met += min(max(net, 0), size)
        net, position = net - size, position - size
        if position <= r:
            lots = -(-(r + 1 - position) // q)
            waiting.append((time + lead_time, lots * q))
            position += lots * q
            orders += 1
    assert told.on_hand == pytest.approx(stock / now, rel=0.02)
    assert told.backorders == pytest.approx(owed / now, rel=0.04)
    assert told.fill_rate == pytest.approx(met / sum(sizes), abs=0.006)
    assert told.ready_rate == pytest.approx(with_stock / now, abs=0.006)
    assert told.cycle_service_level == pytest.approx(served / first, abs=0.01)
    assert told.orders == pytest.approx(orders / now, rel=0.02)


def test_negative_binomial_demand_is_that_of_logarithmic_batches():
    mean, sd, lead_time = 3.0, 2.5, 1.5
    ratio = 1 - mean / sd**2
    sizes = np.arange(1, 120)
    batch = np.append(0.0, -(ratio**sizes) / sizes / np.log1p(-ratio))
    rate = mean / (sizes @ batch[1:])
    costs = {"order_cost": 12.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    named = negative_binomial_customers(mean, sd, lead_time)
    listed = compound_poisson_customers(rate, batch / batch.sum(), lead_time)
    first, second = unit_reorder_policy(named, **costs), unit_reorder_policy(listed, **costs)
    assert (first.reorder_point, first.order_quantity) == (second.reorder_point, second.order_quantity)
    assert first.cost_rate == pytest.approx(second.cost_rate, rel=1e-9)


def test_batches_of_one_are_plain_poisson_demand():
    costs = {"order_cost": 12.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    plain = unit_reorder_policy(poisson_customers(3.0, 2.0), **costs)
    for other in (
        compound_poisson_customers(3.0, [0.0, 1.0], 2.0),
        stuttering_poisson_customers(3.0, 1.0, 2.0),
        negative_binomial_customers(3.0, sqrt(3.0), 2.0),
        unit_customers(3.0, poisson_counts(6.0)),
    ):
        policy = unit_reorder_policy(other, **costs)
        assert (policy.reorder_point, policy.order_quantity) == (plain.reorder_point, plain.order_quantity)
        assert policy.cost_rate == pytest.approx(plain.cost_rate, rel=1e-12)


def test_a_lead_time_that_varies_mixes_the_laws_of_its_lengths():
    demand = unit_customers(2.0, mixed_counts([poisson_counts(2.0), poisson_counts(8.0)], [0.75, 0.25]))
    units = np.arange(80)
    pmf = sum(
        share * np.exp(xlogy(units, mean) - mean - gammaln(units + 1)) for share, mean in ((0.75, 2.0), (0.25, 8.0))
    )
    told = unit_reorder_measures(demand, reorder_point=5, order_quantity=7, holding_cost=1.0, shortage_cost=9.0)
    assert told.cost_rate == pytest.approx(count_costs(np.arange(6, 13), pmf, 1.0, 9.0).mean(), rel=1e-12)


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("target", [0.4, 0.9, 0.99])
def test_cheapest_policies_for_service_targets_are_the_ones_enumeration_finds(batch, target):
    demand = compound_poisson_customers(1.3, batch, 2.0)
    points, quantities = np.meshgrid(np.arange(-60, 40), np.arange(1, 90), indexing="ij")
    every = unit_reorder_measures(
        demand, reorder_point=points, order_quantity=quantities, order_cost=15.0, holding_cost=0.8
    )
    costs = {"order_cost": 15.0, "holding_cost": 0.8}
    filled = unit_policy_for_fill_rate(demand, fill_rate=target, **costs)
    served = unit_policy_for_cycle_service(demand, cycle_service_level=target, **costs)
    assert filled.cost_rate == pytest.approx(every.cost_rate[every.fill_rate >= target - 1e-12].min(), rel=1e-12)
    enough = every.cycle_service_level >= target - 1e-12
    assert served.cost_rate == pytest.approx(every.cost_rate[enough].min(), rel=1e-12)


@pytest.mark.parametrize("quantity", [1, 5, 40])
def test_the_lowest_reorder_point_for_a_fill_rate_is_found(quantity):
    points = np.arange(-50, 60)
    demand = stuttering_poisson_customers(1.2, 2.5, 3.0)
    filled = unit_reorder_measures(demand, reorder_point=points, order_quantity=quantity).fill_rate
    for fill_rate in (0.05, 0.6, 0.95, 0.9999):
        found = unit_reorder_point_for_fill_rate(demand, order_quantity=quantity, fill_rate=fill_rate)
        assert found == points[np.argmax(filled >= fill_rate)]


def test_whole_units_and_normal_demand_agree_where_demand_is_large():
    costs = {"order_cost": 50.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    whole = unit_reorder_policy(poisson_customers(1e4, 1.0), **costs)
    smooth = normal_reorder_policy(demand_rate=1e4, lead_time_demand_mean=1e4, lead_time_demand_sd=1e2, **costs)
    assert whole.cost_rate == pytest.approx(smooth.cost_rate, rel=2e-3)
    assert whole.order_quantity == pytest.approx(smooth.order_quantity, rel=5e-3)


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shortage_cost", [1e-3, 9.0, 1e9])
def test_tiny_and_huge_demand_and_prices_give_numbers(rate, shortage_cost):
    demand = poisson_customers(rate, 1.0)
    costs = {"order_cost": 20.0, "holding_cost": 1.0, "shortage_cost": shortage_cost}
    policy = unit_reorder_policy(demand, **costs)
    told = unit_reorder_measures(
        demand, reorder_point=policy.reorder_point, order_quantity=policy.order_quantity, **costs
    )
    assert told.cost_rate == pytest.approx(policy.cost_rate, rel=1e-9)
    assert 0 <= told.fill_rate <= 1
    target = unit_policy_for_fill_rate(demand, fill_rate=0.95, order_cost=20.0, holding_cost=1.0)
    assert np.isfinite(target.cost_rate)


def test_no_demand_at_all_keeps_nothing():
    demand = compound_poisson_customers(0.0, [0.0, 0.5, 0.5], 2.0)
    policy = unit_reorder_policy(demand, order_cost=20.0, holding_cost=1.0, shortage_cost=9.0)
    assert (policy.reorder_point, policy.order_quantity, policy.cost_rate) == (-1, 1, 0)


def test_each_sku_is_decided_alone():
    rates, fixed = np.array([0.3, 5.0, 80.0]), np.array([[1.0], [30.0]])
    costs = {"holding_cost": 1.0, "shortage_cost": 9.0}
    together = unit_reorder_policy(poisson_customers(rates, 2.0), order_cost=fixed, **costs)
    smooth = normal_reorder_policy(
        demand_rate=rates, lead_time_demand_mean=rates, lead_time_demand_sd=rates / 3, order_cost=fixed, **costs
    )
    assert together.cost_rate.shape == smooth.cost_rate.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            alone = unit_reorder_policy(poisson_customers(rates[j], 2.0), order_cost=fixed[i, 0], **costs)
            assert together.cost_rate[i, j] == alone.cost_rate
            single = normal_reorder_policy(
                demand_rate=rates[j],
                lead_time_demand_mean=rates[j],
                lead_time_demand_sd=rates[j] / 3,
                order_cost=fixed[i, 0],
                **costs,
            )
            assert smooth.cost_rate[i, j] == single.cost_rate


# Laws of whole-unit demand


@given(mean=st.floats(0.01, 300), extra=st.floats(0, 20))
def test_negative_binomial_probabilities_are_those_of_the_formula(mean, extra):
    variance = mean * (1 + extra)
    law = negative_binomial_counts(mean, sqrt(variance))
    units = int(law.first) + np.arange(len(law.run(0)))
    if variance / mean - 1 < 1e-6:
        expected = np.exp(xlogy(units, mean) - mean - gammaln(units + 1))
    else:
        size, share = mean**2 / (variance - mean), mean / variance
        expected = np.exp(
            gammaln(units + size) - gammaln(size) - gammaln(units + 1) + size * np.log(share) + units * np.log1p(-share)
        )
    assert law.run(0) == pytest.approx(expected, rel=1e-4, abs=1e-10)
    assert law.mean() == pytest.approx(mean, rel=1e-9)


def test_a_law_of_any_mean_has_that_mean():
    means = np.array([0.0, 1e-9, 1.0, 745.0, 1e6])
    assert poisson_counts(means).mean() == pytest.approx(means, rel=1e-12)
    assert geometric_counts([1.0, 2.5, 40.0]).mean() == pytest.approx([1.0, 2.5, 40.0], rel=1e-12)
    assert compound_poisson_customers(2000.0, [0.0, 0.5, 0.5], 1.0).lead_time_demand.mean() == pytest.approx(3000.0)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (
            lambda: poisson_customers([1.0, -1.0], 2.0),
            r"demand_rate must be at least 0 and finite, got -1.0 \(index 1\)",
        ),
        (lambda: compound_poisson_customers(1.0, [0.5, 0.6], 2.0), "pmf must sum to 1, got 1.1"),
        (lambda: stuttering_poisson_customers(1.0, 0.5, 2.0), "mean must be at least 1"),
        (lambda: negative_binomial_customers(4.0, 1.0, 2.0), "at least its mean"),
        (lambda: unit_customers([1.0, 2.0], poisson_counts(1.0)), "demand_rate must be single or of shape"),
        (lambda: counts_from_pmf(1.0), r"pmf must have shape \(units,\) or \(sku, units\), got \(\)"),
        (lambda: mixed_counts([poisson_counts(1.0)], [0.5]), "weights must sum to 1, got 0.5"),
        (
            lambda: unit_reorder_measures(poisson_customers(1.0, 1.0), reorder_point=1, order_quantity=0),
            "order_quantity must be at least 1",
        ),
        (
            lambda: unit_reorder_measures(poisson_customers(1.0, 1.0), reorder_point=1.5, order_quantity=2),
            "reorder_point must be whole, got 1.5",
        ),
        (
            lambda: unit_reorder_policy(
                poisson_customers(1.0, 1.0), order_cost=1.0, holding_cost=1.0, shortage_cost=0.0
            ),
            "shortage_cost must be more than 0",
        ),
        (
            lambda: normal_reorder_policy(**(NORMAL | {"lead_time_demand_sd": -1.0}), **COSTS),
            "lead_time_demand_sd must be at least 0",
        ),
        (
            lambda: normal_reorder_policy(**NORMAL, **(COSTS | {"holding_cost": np.inf})),
            "holding_cost must be more than 0",
        ),
        (
            lambda: normal_policy_for_fill_rate(fill_rate=0.0, order_cost=1.0, holding_cost=1.0, **NORMAL),
            "fill_rate must be more than 0 and less than 1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()
