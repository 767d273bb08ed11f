"""The nine (s, S) policies of a textbook's inventory system: exact means, shared luck, and the best of them.

Law's system: 60 units at first; customers on average every 0.1 months ask for 1 to 4; at the beginning of each of 120
months, if stock is below s, S less stock is ordered and comes after 0.5 to 1 months. An order costs 32 and 3 a unit,
stock 1 and a backorder 5 per unit and month. A month is a day of the scenario.

Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 1.5.
"""

import json
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from simulation.distributions import discrete, exponential, uniform
from simulation.estimates import mean_estimate, variance_reduction
from simulation.event_kernel import run_events
from simulation.interpreter import run_plain
from simulation.ranking import select_best
from simulation.scenario import TICKS_PER_DAY, Demand, Policy, Scenario, StockPoint
from tests.conftest import shared_folder

POLICIES = [(20, 40), (20, 60), (20, 80), (20, 100), (40, 60), (40, 80), (40, 100), (60, 80), (60, 100)]
NAMES = [f"{s}-{S}" for s, S in POLICIES]
MONTHS = 120
FIRST_STOCK = 60
SIZES, CHANCES = (1, 2, 3, 4), (0.167, 0.333, 0.333, 0.167)
ORDER_COST, UNIT_COST, HOLDING_COST, SHORTAGE_COST = 32.0, 3.0, 1.0, 5.0
REPLICATIONS = 2000
PARTS = ("total", "ordering", "holding", "shortage")


def law_scenario(reorder_below, order_up_to):
    policy = Policy("reorder", reorder_point=reorder_below - 1, order_up_to_level=order_up_to, review_period_days=1.0)
    customers = Demand("renewal", interarrival=exponential(0.1), size=discrete(SIZES, CHANCES))
    point = StockPoint(
        "ITEM",
        on_hand=FIRST_STOCK,
        demand=customers,
        policy=policy,
        lead_time=uniform(0.5, 1.0),
        on_shortage="backorder",
    )
    return Scenario(points=(point,))


def monthly_costs(executor, policy, replications):
    """Costs of a month by part, each of shape (replication,)."""
    sums = executor(law_scenario(*policy), days=float(MONTHS), replications=replications, seed=2024).points
    ordering = (ORDER_COST * sums.orders + UNIT_COST * sums.ordered)[:, 0] / MONTHS
    holding = HOLDING_COST * sums.on_hand_ticks[:, 0] / TICKS_PER_DAY / MONTHS
    shortage = SHORTAGE_COST * sums.backordered_ticks[:, 0] / TICKS_PER_DAY / MONTHS
    return dict(zip(PARTS, (ordering + holding + shortage, ordering, holding, shortage), strict=True))


@cache
def simulated(policy):
    return monthly_costs(run_events, policy, REPLICATIONS)


@cache
def totals():
    """Monthly totals of the nine policies under the same luck, shape (policy, replication)."""
    return np.stack([simulated(policy)["total"] for policy in POLICIES])


# What the costs are, exactly


@cache
def demand_chances(months, most=140):
    """Chance of each demand of a span of time: compound Poisson, by Panjer's recursion."""
    rate = 10.0 * months
    chances = np.zeros(most + 1)
    chances[0] = np.exp(-rate)
    for units in range(1, most + 1):
        chances[units] = sum(
            rate * size / units * chance * chances[units - size]
            for size, chance in zip(SIZES, CHANCES, strict=True)
            if size <= units
        )
    return chances


@cache
def expected(policy):
    """Mean monthly costs over the 120 months: the stock at reviews is a Markov chain, each month an integral."""
    reorder_below, order_up_to = policy
    lowest = -200
    stock = np.arange(lowest, 101)
    ordered = np.where(stock < reorder_below, order_up_to - stock, 0)
    held, short = mean_levels(stock, ordered)
    chance = np.zeros(len(stock))
    chance[FIRST_STOCK - lowest] = 1.0
    means = dict.fromkeys(PARTS, 0.0)
    for _ in range(MONTHS):
        means["ordering"] += chance @ (ORDER_COST * (ordered > 0) + UNIT_COST * ordered) / MONTHS
        means["holding"] += HOLDING_COST * chance @ held / MONTHS
        means["shortage"] += SHORTAGE_COST * chance @ short / MONTHS
        after_order = np.bincount(stock + ordered - lowest, chance, len(stock))
        chance = np.convolve(after_order[::-1], demand_chances(1.0))[: len(stock)][::-1]
    means["total"] = means["ordering"] + means["holding"] + means["shortage"]
    return means


def mean_levels(stock, ordered):
    """Mean units on hand and short over the month that begins with each stock; the order comes within it."""
    held, short = np.zeros(len(stock)), np.zeros(len(stock))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    for begins in (0.0, 0.5):
        for moment, weight in zip(begins + (nodes + 1) / 4, weights / 4, strict=True):
            chances = demand_chances(float(moment))
            arrived = max(0.0, 2 * moment - 1)
            for level, share in ((stock, 1 - arrived), (stock + ordered, arrived)):
                left = level[:, None] - np.arange(len(chances))
                held += weight * share * np.maximum(left, 0) @ chances
                short += weight * share * np.maximum(-left, 0) @ chances
    return held, short


def known_cases():
    path = shared_folder() / "cases" / "simulation.json"
    cases = json.loads(path.read_text())["cases"] if path.is_file() else []
    return [case for case in cases if case["id"].startswith("law_inv_expected_")]


@pytest.mark.parametrize("case", known_cases(), ids=lambda case: case["id"])
def test_the_means_computed_here_are_the_published_ones(case):
    assert expected((case["params"]["s"], case["params"]["S"])) == pytest.approx(case["expected"], rel=1e-9)


# What simulation makes of them


def standard_errors_off(values, mean):
    seen = mean_estimate(values)
    return abs(seen.mean - mean) / (values.std(ddof=1) / np.sqrt(seen.count))


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
def test_simulated_costs_agree_with_their_exact_means(policy):
    for part in PARTS:
        assert standard_errors_off(simulated(policy)[part], expected(policy)[part]) <= 4, part


@pytest.mark.parametrize("policy", [(20, 60), (60, 100)], ids=["20-60", "60-100"])
def test_the_plain_interpreter_tells_the_same_costs(policy):
    plain = monthly_costs(run_plain, policy, 5)
    for part in PARTS:
        assert plain[part].tolist() == simulated(policy)[part][:5].tolist(), part


@pytest.mark.parametrize(("left", "right"), list(combinations(range(9), 2)), ids=lambda at: NAMES[at])
def test_shared_luck_sharpens_the_difference_of_each_pair(left, right):
    assert variance_reduction(totals()[left], totals()[right]) >= 2.5


def test_the_best_of_the_nine_is_found_as_often_as_promised():
    """400 times, each with the replications in another order."""
    best = int(np.argmin([expected(policy)["total"] for policy in POLICIES]))
    luck = np.random.Generator(np.random.Philox(9))
    found = sum(kn(luck.permutation(REPLICATIONS)).selected == best for _ in range(400))
    assert found >= 0.95 * 400


def kn(order):
    return select_best(lambda policy, first, count: totals()[policy, order[first : first + count]], 9, indifference=1.0)
