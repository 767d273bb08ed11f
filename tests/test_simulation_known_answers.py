"""Simulations against formulas: base stock, (r, Q), periodic review, queues, loss systems, networks, Law's system.

A mean agrees when it lies within four standard errors of the formula, over at least 30 replications; a tenth of a
percent is forgiven for the start of a run. Every formula is written down here; the public cases are run as well, and
the formulas have to reproduce them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from simulation.distributions import (
    Distribution,
    constant,
    discrete,
    erlang,
    exponential,
    gamma,
    hyperexponential,
    lognormal,
    poisson,
    uniform,
)
from simulation.estimates import Estimate, mean_estimate
from simulation.results import SimulationResult
from simulation.run import simulate
from simulation.scenario import Demand, OrderStream, Policy, Scenario, Station, StockPoint
from tests.conftest import shared_folder

REPLICATIONS = 40
Params = Mapping[str, Any]
Answers = Mapping[str, float]
Found = Mapping[str, Estimate]


def public_cases(*prefixes: str) -> list[tuple[Params, Answers]]:
    """Parameters and expected figures of the public cases whose name begins so; none where they are not kept."""
    path = shared_folder() / "cases" / "simulation.json"
    cases = json.loads(path.read_text())["cases"] if path.is_file() else []
    return [(case["params"], case["expected"] or {}) for case in cases if case["id"].startswith(prefixes)]


def check(found: Found, expected: Answers) -> None:
    """All expected figures, each within four standard errors."""
    assert expected
    for name, answer in expected.items():
        estimate = found[name]
        assert estimate.count >= 30
        error = estimate.half_width / float(special.stdtrit(estimate.count - 1, (1 + estimate.level) / 2))
        assert abs(estimate.mean - answer) <= max(4 * error, 0.001 * abs(answer)), (name, estimate, answer)


def both(own: list[Params], formula: Callable[[Params], Answers], *prefixes: str) -> list[tuple[Params, Answers]]:
    """The public cases and some of our own, with what the formula says of those."""
    return [*public_cases(*prefixes), *((params, formula(params)) for params in own)]


def check_formula(formula: Callable[[Params], Answers], *prefixes: str) -> None:
    for params, expected in public_cases(*prefixes):
        mine = formula(params)
        for name, value in expected.items():
            assert mine[name] == pytest.approx(value, rel=1e-6), name


def long_run(scenario: Scenario, *, warm_up: float, days: float, **options: Any) -> SimulationResult:
    return simulate(
        scenario, days=warm_up + days, warm_up_days=warm_up, seed=20, **({"replications": REPLICATIONS} | options)
    )


def stock(**fields: Any) -> Scenario:
    return Scenario(points=(StockPoint("item", **fields),))


# Stock reviewed continuously


def palm(params: Params) -> Answers:
    """(S − 1, S) with backorders: Poisson demand makes what is on order Poisson, whatever the lead time (Palm)."""
    on_order = stats.poisson(params["lam"] * params["L"])
    held = np.arange(params["S"] + 1)
    on_hand = float(((params["S"] - held) * on_order.pmf(held)).sum())
    backorders = on_hand - params["S"] + params["lam"] * params["L"]
    in_stock = float(on_order.cdf(params["S"] - 1))
    return {
        "P_no_backorder": float(on_order.cdf(params["S"])),
        "fill_rate": in_stock,
        "ready_rate": in_stock,
        "on_hand": on_hand,
        "backorders": backorders,
        "mean_wait": backorders / params["lam"],
    }


LEAD_TIMES: dict[str, Callable[[float], Distribution]] = {
    "constant": constant,
    "exponential": exponential,
    "uniform": lambda mean: uniform(0.0, 2 * mean),
    "gamma": lambda mean: gamma(mean, 0.5 * mean),
    "erlang": lambda mean: erlang(3, mean),
    "lognormal": lambda mean: lognormal(mean, mean),
}


def base_stock(params: Params, lead_time: Distribution, on_shortage: str) -> SimulationResult:
    scenario = stock(
        on_hand=params["S"],
        demand=Demand("renewal", interarrival=exponential(1 / params["lam"])),
        policy=Policy("reorder", reorder_point=params["S"] - 1, order_up_to_level=params["S"]),
        lead_time=lead_time,
        on_shortage=on_shortage,
    )
    return long_run(scenario, warm_up=15 * params["L"], days=3000 / params["lam"] + 20 * params["L"])


@pytest.mark.parametrize("lead_time", LEAD_TIMES)
@pytest.mark.parametrize(
    ("params", "expected"),
    both([{"lam": 5, "L": 2, "S": 11}, {"lam": 0.5, "L": 6, "S": 4}], palm, "basestock_poisson"),
)
def test_base_stock_with_backorders_is_palms(params: Params, expected: Answers, lead_time: str) -> None:
    result = base_stock(params, LEAD_TIMES[lead_time](params["L"]), "backorder")
    names = {
        "P_no_backorder": "no_backorder_share",
        "fill_rate": "fill_rate",
        "ready_rate": "ready_rate",
        "on_hand": "average_on_hand",
        "backorders": "average_backorders",
        "mean_wait": "mean_wait",
    }
    check({name: result.estimate(ours) for name, ours in names.items()}, expected)


def erlang_b(servers: int, load: float) -> float:
    blocked = 1.0
    for used in range(1, servers + 1):
        blocked = load * blocked / (used + load * blocked)
    return blocked


def lost_sales(params: Params) -> Answers:
    """(S − 1, S) with lost sales: units on order are the busy servers of a loss system."""
    load = params["lam"] * params["L"]
    lost = erlang_b(params["S"], load)
    return {"fill_rate": 1 - lost, "lost": lost, "on_hand": params["S"] - load * (1 - lost)}


@pytest.mark.parametrize("lead_time", ["constant", "exponential", "uniform"])
@pytest.mark.parametrize(("params", "expected"), both([{"lam": 4, "L": 1.5, "S": 9}], lost_sales, "basestock_lost"))
def test_base_stock_with_lost_sales_is_a_loss_system(params: Params, expected: Answers, lead_time: str) -> None:
    result = base_stock(params, LEAD_TIMES[lead_time](params["L"]), "lost")
    names = {"fill_rate": "fill_rate", "lost": "lost_share", "on_hand": "average_on_hand"}
    check({name: result.estimate(ours) for name, ours in names.items()}, expected)


def reorder_point(params: Params) -> Answers:
    """(r, Q): the inventory position is uniform on r + 1 … r + Q and independent of lead-time demand."""
    node, weight = np.polynomial.legendre.leggauss(200)
    lead = (params["a"] + params["b"]) / 2 + (params["b"] - params["a"]) / 2 * node
    units = np.arange(0, params["r"] + params["Q"] + 1)
    demand = (stats.poisson.pmf(units[:, None], params["lam"] * lead) * weight / 2).sum(axis=1)
    at_most = np.cumsum(demand)
    on_hand_at = np.cumsum(at_most) - at_most  # Σ (y − x) P(x) over x < y, for a position y
    positions = np.arange(params["r"] + 1, params["r"] + params["Q"] + 1)
    on_hand = float(on_hand_at[positions].mean())
    backorders = on_hand - float(positions.mean()) + params["lam"] * float((lead * weight).sum() / 2)
    orders = params["lam"] / params["Q"]
    return {
        "cost": params["K"] * orders + params["h"] * on_hand + params["p"] * backorders,
        "fill": float(at_most[positions - 1].mean()),
        "on_hand": on_hand,
        "backorders": backorders,
        "orders_per_day": orders,
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    both([{"lam": 4.0, "a": 1.0, "b": 1.5, "r": 5, "Q": 12, "K": 10, "h": 0.1, "p": 1.0}], reorder_point, "rq_poisson"),
)
def test_fixed_order_quantities_leave_the_position_uniform(params: Params, expected: Answers) -> None:
    lam, quantity = params["lam"], params["Q"]
    scenario = stock(
        on_hand=params["r"] + quantity,
        demand=Demand("renewal", interarrival=exponential(1 / lam)),
        policy=Policy("reorder", reorder_point=params["r"], order_quantity=quantity),
        lead_time=uniform(params["a"], params["b"]),
        on_shortage="backorder",
        order_cost=params["K"],
        holding_cost=params["h"],
        backorder_cost=params["p"],
    )
    # The phase of the cycle is forgotten at the rate λ (2π / Q)² / 2.
    result = long_run(scenario, warm_up=0.4 * quantity**2 / lam, days=200 * quantity / lam)
    per_week = result.estimate("orders_per_week")
    check(
        {
            "cost": result.estimate("total_cost"),
            "fill": result.estimate("fill_rate"),
            "on_hand": result.estimate("average_on_hand"),
            "backorders": result.estimate("average_backorders"),
            "orders_per_day": Estimate(per_week.mean / 7, per_week.half_width / 7, per_week.level, per_week.count),
        },
        expected,
    )


# Stock reviewed by the day


def daily_base_stock(params: Params) -> Answers:
    """Ordered before the day's demand, there L days later: after it, stock is S less the demand of L + 1 days."""
    mean, level = params["lam"] * (params["L"] + 1), params["S"]
    after, before = stats.poisson(mean), stats.poisson(params["lam"] * params["L"])
    held = np.arange(level + 1)

    def short(demand: Any) -> float:
        return float(((level - held) * demand.pmf(held)).sum()) - level + float(demand.mean())

    return {
        "on_hand_end": level - mean + short(after),
        "backorders_end": short(after),
        "cycle_service": float(after.cdf(level)),
        "fill_rate": 1 - (short(after) - short(before)) / params["lam"],
    }


@pytest.mark.parametrize("executor", ["periodic", "events", "plain"])
@pytest.mark.parametrize(
    ("params", "expected"), both([{"lam": 3, "L": 1, "S": 8}], daily_base_stock, "periodic_basestock")
)
def test_daily_base_stock(params: Params, expected: Answers, executor: Any) -> None:
    # Our review comes after the demand of its midnight, so it is the textbook's of the next day: L + 1 days ahead.
    scenario = stock(
        on_hand=params["S"],
        demand=Demand("daily", size=poisson(params["lam"])),
        policy=Policy("reorder", reorder_point=params["S"] - 1, order_up_to_level=params["S"], review_period_days=1.0),
        lead_time=constant(params["L"] + 1),
        whole_day_lead_time=True,
        on_shortage="backorder",
    )
    days = 150 if executor == "plain" else 2000
    result = long_run(scenario, warm_up=10 + 5 * params["L"], days=days, executor=executor)
    names = {
        "on_hand_end": "average_on_hand",
        "backorders_end": "average_backorders",
        "cycle_service": "no_backorder_share",
        "fill_rate": "fill_rate",
    }
    check({name: result.estimate(ours) for name, ours in names.items()}, expected)


@pytest.mark.parametrize("executor", ["events", "plain"])
@pytest.mark.parametrize(("params", "expected"), public_cases("law_inv_expected"))
def test_laws_inventory_system(params: Params, expected: Answers, executor: Any) -> None:
    # A month is a day here; orders are placed when stock is below s, so at s − 1 or less.
    low, high = params["lag"][1:]
    scenario = stock(
        on_hand=params["I0"],
        demand=Demand(
            "renewal",
            interarrival=exponential(params["interdemand_mean"]),
            size=discrete([1, 2, 3, 4], params["size_pmf"]),
        ),
        policy=Policy("reorder", reorder_point=params["s"] - 1, order_up_to_level=params["S"], review_period_days=1.0),
        lead_time=uniform(low, high),
        on_shortage="backorder",
        order_cost=params["K"],
        unit_cost=params["i"],
        holding_cost=params["h"],
        backorder_cost=params["pi"],
    )
    replications = 30 if executor == "plain" else 400
    result = simulate(scenario, days=params["months"], seed=9, replications=replications, executor=executor)
    by_replication = result.by_replication
    ordering = mean_estimate(by_replication["ordering_cost"] + by_replication["purchase_cost"])
    found = {
        "total": result.estimate("total_cost"),
        "ordering": ordering,
        "holding": result.estimate("holding_cost"),
        "shortage": result.estimate("backorder_cost"),
    }
    check(found, expected)


# Queues


def queue(arrivals: float, service: Distribution, *, servers: int = 1, limit: int = -1, orders: int = 0) -> Scenario:
    return Scenario(
        streams=(OrderStream("orders", exponential(1 / arrivals), route=("desk",), limit=orders),),
        stations=(Station("desk", servers, service, queue_limit=limit),),
    )


def at_the_desk(result: SimulationResult) -> Found:
    rows = result.by_station[result.by_station["station"] == "desk"].set_index("measure")
    names = {
        "P_wait": "wait_probability",
        "Wq": "wait",
        "Lq": "queue_length",
        "W": "time_in_system",
        "L": "in_system",
        "util": "utilisation",
        "Wq_p95": "wait_p95",
        "P_loss": "turned_away_share",
    }
    count = result.replications
    return {
        name: Estimate(rows.loc[ours, "mean"], rows.loc[ours, "half_width"], 0.95, count)
        for name, ours in names.items()
    } | {"order_time": result.estimate("order_time")}


def settled(rate: float, load: float) -> float:
    """A time after which a queue that began empty has nearly forgotten it: 1 / rate (1 − √load)² some times."""
    return 4.0 / (rate * (1 - load**0.5) ** 2)


def erlang_c(params: Params) -> Answers:
    """M/M/c in steady state."""
    load, servers = params["lam"] / params["mu"], params["c"]
    lost = erlang_b(servers, load)
    waits = lost / (1 - load / servers * (1 - lost))
    spare = servers * params["mu"] - params["lam"]
    wait = waits / spare
    return {
        "P_wait": waits,
        "Wq": wait,
        "Lq": params["lam"] * wait,
        "W": wait + 1 / params["mu"],
        "L": params["lam"] * wait + load,
        "util": load / servers,
        "Wq_p95": max(0.0, float(np.log(waits / 0.05) / spare)),
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    both(
        [{"lam": 4.0, "mu": 1, "c": 5}, {"lam": 12.0, "mu": 5.0, "c": 3}, {"lam": 0.8, "mu": 1, "c": 1}],
        erlang_c,
        "mm1_rho",
        "mmc",
        "mm2",
        "mm3",
        "mm5",
    ),
)
def test_several_servers_are_erlangs(params: Params, expected: Answers) -> None:
    load = params["lam"] / params["mu"] / params["c"]
    warm_up = settled(params["mu"] * params["c"], load)
    result = long_run(
        queue(params["lam"], exponential(1 / params["mu"]), servers=params["c"]),
        warm_up=warm_up,
        days=4 * warm_up + 500,
    )
    found = at_the_desk(result)
    check(found, expected)
    check({"W": found["order_time"]}, {"W": expected["W"]})


def pollaczek(arrivals: float, mean: float, scv: float) -> Answers:
    """M/G/1 in steady state (Pollaczek and Khinchine)."""
    load = arrivals * mean
    wait = load * mean * (1 + scv) / 2 / (1 - load)
    return {"Wq": wait, "Lq": arrivals * wait}


def balanced(mean: float, scv: float) -> Distribution:
    """The hyperexponential of two branches that bring equal shares of the mean."""
    first = (1 + ((scv - 1) / (scv + 1)) ** 0.5) / 2
    return hyperexponential([first, 1 - first], [mean / 2 / first, mean / 2 / (1 - first)])


SERVICES: dict[str, Callable[[float, float], Distribution]] = {
    "gamma": lambda mean, scv: gamma(mean, mean * scv**0.5),
    "hyperexponential": balanced,
    "lognormal": lambda mean, scv: lognormal(mean, mean * scv**0.5),
}


def one_server(arrivals: float, mean: float, service: Distribution, scv: float) -> Found:
    load = arrivals * mean
    warm_up = settled(1 / mean, load) * (1 + scv) / 2
    return at_the_desk(long_run(queue(arrivals, service), warm_up=warm_up, days=4 * warm_up + 500 * mean))


@pytest.mark.parametrize(
    ("params", "expected"),
    both([{"lam": 0.5, "service": 1.0}], lambda p: pollaczek(p["lam"], p["service"], 0.0), "md1"),
)
def test_a_constant_service_is_khinchines(params: Params, expected: Answers) -> None:
    check(one_server(params["lam"], params["service"], constant(params["service"]), 0.0), expected)


def any_service(params: Params) -> Answers:
    return pollaczek(params["lam"], params["mean_service"], params["scv"])


@pytest.mark.parametrize(
    ("family", "params", "expected"),
    [
        (family, params, expected)
        for params, expected in both(
            [{"lam": 0.6, "mean_service": 1.0, "scv": 0.5}, {"lam": 3.0, "mean_service": 0.2, "scv": 2.0}],
            any_service,
            "mg1",
        )
        for family in SERVICES
        if params["scv"] >= 1 or family != "hyperexponential"  # which spreads at least as far as the exponential
    ],
)
def test_a_service_of_any_distribution_is_khinchines(params: Params, expected: Answers, family: str) -> None:
    mean, scv = params["mean_service"], params["scv"]
    check(one_server(params["lam"], mean, SERVICES[family](mean, scv), scv), expected)


@pytest.mark.parametrize("family", ["exponential", "constant", "gamma"])
@pytest.mark.parametrize(
    ("params", "expected"), both([{"c": 3, "a": 2.0}], lambda p: {"P_loss": erlang_b(p["c"], p["a"])}, "erlangB")
)
def test_losses_do_not_depend_on_the_service_distribution(params: Params, expected: Answers, family: str) -> None:
    scenario = queue(params["a"], LEAD_TIMES[family](1.0), servers=params["c"], limit=0)
    check(at_the_desk(long_run(scenario, warm_up=20.0, days=2000 / params["a"])), expected)


def waits_from_empty(params: Params) -> float:
    """Mean wait of the first customers of an M/M/1 queue that began empty.

    Lindley's recursion of the number found: each finds what the one before found, that one, less those served between
    them, which are geometric.
    """
    customers, service = params["n_customers"], params["mu"] / (params["lam"] + params["mu"])
    found = np.zeros(customers + 1)
    found[0] = 1.0
    total = 0.0
    for _ in range(customers):
        total += float(found @ np.arange(customers + 1)) / params["mu"]
        after = np.zeros(customers + 1)
        for present in range(1, customers + 1):
            left = np.arange(1, present + 1)
            after[left] += found[present - 1] * (1 - service) * service ** (present - left)
            after[0] += found[present - 1] * service**present
        found = after
    return total / customers


@pytest.mark.parametrize(
    "params", [*(params for params, _ in public_cases("mm1_transient")), {"lam": 0.5, "mu": 1.0, "n_customers": 10}]
)
def test_the_first_waits_of_an_empty_queue_are_lindleys(params: Params) -> None:
    scenario = queue(params["lam"], exponential(1 / params["mu"]), orders=params["n_customers"])
    result = simulate(scenario, days=20 * params["n_customers"] / params["lam"], seed=3, replications=1000)
    found, expected = at_the_desk(result)["Wq"], waits_from_empty(params)
    check({"Wq": found}, {"Wq": expected})
    assert expected < erlang_c({"lam": params["lam"], "mu": params["mu"], "c": 1})["Wq"] - 3 * found.half_width


# Networks of queues


def jackson(params: Params) -> Answers:
    """Stations one after the other, each as if by itself at its effective rate; orders may begin again."""
    again = params.get("p_return", 0.0)
    rate = params["lam"] / (1 - again)
    by_station = [erlang_c({"lam": rate, "mu": one["mu"], "c": one["c"]})["W"] for one in params["stations"]]
    per_pass = sum(by_station)
    return {"effective_rate": rate, "W_per_pass": per_pass, "sojourn_total": per_pass / (1 - again)}


def network(params: Params) -> Found:
    names = [f"step {position}" for position in range(len(params["stations"]))]
    again = params.get("p_return", 0.0)
    rate = params["lam"] / (1 - again)
    scenario = Scenario(
        streams=(OrderStream("orders", exponential(1 / params["lam"]), route=tuple(names), rework_probability=again),),
        stations=tuple(
            Station(name, one["c"], exponential(1 / one["mu"]))
            for name, one in zip(names, params["stations"], strict=True)
        ),
    )
    slowest = 0.5 * max(settled(one["mu"] * one["c"], rate / one["mu"] / one["c"]) for one in params["stations"])
    result = long_run(scenario, warm_up=slowest, days=slowest + 300.0, replications=32)
    rows = result.by_station.set_index(["station", "measure"])
    passes = [
        Estimate(*rows.loc[(name, "time_in_system"), ["mean", "half_width"]], 0.95, result.replications)
        for name in names
    ]
    # Waits at the stations are independent in a Jackson network; half-widths are added as if they were not.
    per_pass = Estimate(sum(one.mean for one in passes), sum(one.half_width for one in passes), 0.95, 32)
    rate_found = rows.loc[(names[0], "arrivals_per_day"), ["mean", "half_width"]]
    return {
        "effective_rate": Estimate(*rate_found, 0.95, result.replications),
        "W_per_pass": per_pass,
        "sojourn_total": result.estimate("order_time"),
    }


STEPS = [{"mu": 2.0, "c": 3}, {"mu": 5.0, "c": 1}, {"mu": 3.0, "c": 2}]


@pytest.mark.parametrize(
    ("params", "expected"),
    both([{"lam": 4.0, "stations": STEPS}, {"lam": 3.0, "p_return": 0.2, "stations": STEPS}], jackson, "jackson_feed"),
)
def test_stations_in_a_row_are_jacksons(params: Params, expected: Answers) -> None:
    check(network(params), expected)


# The formulas


def test_the_formulas_reproduce_the_public_cases() -> None:
    check_formula(palm, "basestock_poisson")
    check_formula(lost_sales, "basestock_lost")
    check_formula(reorder_point, "rq_poisson")
    check_formula(daily_base_stock, "periodic_basestock")
    check_formula(erlang_c, "mm1_rho")
    check_formula(lambda p: pollaczek(p["lam"], p["service"], 0.0), "md1")
    check_formula(any_service, "mg1")
    check_formula(lambda p: {"P_loss": erlang_b(p["c"], p["a"])}, "erlangB")
    check_formula(jackson, "jackson_feed")
