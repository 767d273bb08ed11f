"""The textbook's inventory program, replayed number by number through the plain interpreter.

The program draws everything from one stream of a multiplicative generator that runs on through nine policies. Fed with
the same numbers in the same order, the interpreter comes to the printed costs; one month is a day of the scenario.

Source: A. M. Law, "Simulation Modeling and Analysis", section 1.5 (the program), chapter 7 (the generator).
"""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from simulation.distributions import discrete, exponential, uniform
from simulation.interpreter import run_plain
from simulation.interpreter_agenda import Uniforms
from simulation.scenario import TICKS_PER_DAY, Demand, Policy, Scenario, StockPoint
from simulation.tallies import Tallies

PRINTED = {
    (20, 40): (126.61, 99.26, 9.25, 18.10),
    (20, 60): (122.74, 90.52, 17.39, 14.83),
    (20, 80): (123.86, 87.36, 26.24, 10.26),
    (20, 100): (125.32, 81.37, 36.00, 7.95),
    (40, 60): (126.37, 98.43, 25.99, 1.95),
    (40, 80): (125.46, 88.40, 35.92, 1.14),
    (40, 100): (132.34, 84.62, 46.42, 1.30),
    (60, 80): (150.02, 105.69, 44.02, 0.31),
    (60, 100): (143.20, 89.05, 53.91, 0.24),
}
"""(s, S) → total, ordering, holding and shortage cost a month, in the program's order."""

MONTHS = 120
INTERDEMAND_MEAN = 0.1
FIRST_SEED = 1973272912


def generator(number: int) -> Iterator[float]:
    """Numbers of the prime modulus multiplicative generator, at the 24 bits the program keeps."""
    while True:
        number = number * 630360016 % (2**31 - 1)
        yield (number >> 7 | 1) / 2**24


def program(numbers: Iterator[float]) -> Uniforms:
    """Hands the program's numbers to the interpreter, on the program's clock of single precision.

    The program inverts the exponential from above, and its clock rounds each time: the number handed on is the chance
    at which the interpreter's inverse leads to the program's next demand.
    """
    clock = np.float32(0)

    def next_number(purpose: str, node: str, entity: int, draw: int, replication: int) -> float:
        nonlocal clock
        number = next(numbers)
        if purpose != "interarrival":
            return number
        before, clock = clock, np.float32(clock - np.float32(INTERDEMAND_MEAN * math.log(number)))
        return max(-math.expm1(-float(clock - before) / INTERDEMAND_MEAN), 2.0**-50)

    return next_number


def scenario(reorder_below: int, level: int) -> Scenario:
    """Monthly review: below s, order up to S."""
    demand = Demand(
        "renewal", interarrival=exponential(INTERDEMAND_MEAN), size=discrete((1, 2, 3, 4), (0.167, 0.333, 0.333, 0.167))
    )
    policy = Policy("reorder", reorder_point=reorder_below - 1, order_up_to_level=level, review_period_days=1.0)
    point = StockPoint(
        "item", on_hand=60, demand=demand, policy=policy, lead_time=uniform(0.5, 1.0), on_shortage="backorder"
    )
    return Scenario(points=(point,))


def monthly_costs(tallies: Tallies) -> tuple[float, float, float, float]:
    """As the program works them out, in single precision: setup 32, 3 a unit; a month 1 to hold, 5 to be short."""
    points = tallies.points
    ordering = float(np.float32(32 * points.orders.item() + 3 * points.ordered.item()) / np.float32(MONTHS))
    holding = 1 * points.on_hand_ticks.item() / (MONTHS * TICKS_PER_DAY)
    shortage = 5 * points.backordered_ticks.item() / (MONTHS * TICKS_PER_DAY)
    return ordering + holding + shortage, ordering, holding, shortage


@cache
def costs_of_all_policies() -> dict[tuple[int, int], tuple[float, float, float, float]]:
    """All nine, in the program's order, on one stream."""
    numbers = generator(FIRST_SEED)
    return {
        policy: monthly_costs(
            run_plain(scenario(*policy), days=MONTHS, replications=1, seed=0, uniforms=program(numbers))
        )
        for policy in PRINTED
    }


@pytest.mark.parametrize("policy", PRINTED, ids=str)
def test_the_same_numbers_lead_to_the_textbooks_costs(policy: tuple[int, int]) -> None:
    assert costs_of_all_policies()[policy] == pytest.approx(PRINTED[policy], abs=0.005)
