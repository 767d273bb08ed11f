"""One order of many SKUs against scenarios of their demand, within limits that they share.

Costs add up over SKUs and only the limits tie them together, so that the order is the same however demands move
together, and each SKU's mean cost is a convex function of its quantity with a kink at each scenario's demand: a linear
program of segments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.compiled import kernel
from optimization.infeasible import Infeasible
from optimization.level_conflicts import conflict_of
from optimization.order_packs import whole_packs
from optimization.ordering_scenarios import (
    OrderingTerms,
    OrderLimitOutcome,
    ScenarioProblem,
    checked_scenarios,
    costs_by_scenario,
    slack,
)
from optimization.segments import LEVEL, Certificate, SegmentProgram, lower_bound, reduced_costs, solve

TIE = 1e-12
GAP = 1e-10
BLOCKS, SINGLE = 32, 32
MOST_ZOOMS = 3


@dataclass(frozen=True, eq=False)
class SampleAverageOrder:
    """Attributes, of shape (sku,) up to fill_rate:
    order_quantity: Units with the least mean cost, unrounded.
    whole_order_quantity: Whole packs near it that keep the limits, units.
    expected_shortage: Mean units short under the whole order.
    expected_left_over: Mean units left over under the whole order.
    fill_rate: Share of the demand met under the whole order; 1 where nothing is demanded.
    expected_cost: Mean cost of order_quantity, money.
    whole_expected_cost: Mean cost of whole_order_quantity.
    joint_cycle_service_level: Share of the scenarios in which the whole order leaves no SKU short: this depends on
        how demands move together.
    limits: What each came to, with its price.
    certificate: Proof that no quantities have a lower mean cost over these scenarios.
    """

    order_quantity: FloatArray
    whole_order_quantity: IntArray
    expected_shortage: FloatArray
    expected_left_over: FloatArray
    fill_rate: FloatArray
    expected_cost: float
    whole_expected_cost: float
    joint_cycle_service_level: float
    limits: tuple[OrderLimitOutcome, ...]
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class ContinuousOrder:
    """The optimum before packs.

    Attributes:
        order_quantity: Units, shape (sku,).
        price: Of the limits, shape (limit,).
        certificate: How good it is.
    """

    order_quantity: FloatArray
    price: FloatArray
    certificate: Certificate


def sample_average_order(demand_scenarios: ArrayLike, terms: OrderingTerms) -> SampleAverageOrder:
    """Quantities of one joint order with the least mean cost over scenarios of demand, exact.

    With q_i what is ordered of SKU i, I_i its inventory position and D_is its demand in scenario s of S,

        minimise    Σ_i c_i·q_i + (1/S)·Σ_s [h_i·(I_i + q_i − D_is)⁺ + p_i·(D_is − I_i − q_i)⁺]
        subject to  least ≤ Σ_i weight_i·q_i ≤ most   for each limit
                    least_i ≤ q_i ≤ most_i

    Without limits that bind, q_i is the smallest that raises the share of the scenarios it covers to
    (p_i − c_i)/(p_i + h_i), the newsvendor's. Whole packs are chosen near q, by what each saves while the limits have
    room; they are not proven to be the best whole ones, but `whole_expected_cost` less `expected_cost` is the most
    that could be saved.

    Args:
        demand_scenarios: Units over the protection interval, equally likely, ≥ 0, shape (scenario, sku). Their order
            does not matter.
        terms: Costs, inventory positions and limits.

    Raises:
        ValueError: A shape, NaN or range that is wrong.
        Infeasible: The limits contradict each other.

    Source: Shapiro, Dentcheva & Ruszczyński, Lectures on Stochastic Programming (2009), chapters 1 and 5.

    >>> from optimization.ordering_scenarios import OrderLimit
    >>> scenarios = [[20, 5], [30, 9], [25, 8], [60, 20], [40, 12]]
    >>> limit = OrderLimit("budget", [10.0, 30.0], at_most=600.0, unit="EUR")
    >>> terms = OrderingTerms(shortage_cost=[6.0, 15.0], holding_cost=[1.0, 3.0], limits=[limit])
    >>> order = sample_average_order(scenarios, terms)
    >>> order.order_quantity, round(order.limits[0].price, 4)
    (array([33.,  9.]), -0.18)
    """
    scenarios = checked_scenarios(demand_scenarios)
    problem = ScenarioProblem.of_checked(scenarios, terms)
    best = continuous_order(problem)
    whole = whole_packs(problem, best.order_quantity, best.price)
    bought = whole.astype(np.float64)
    short, demanded = problem.shortages(bought), problem.demand.mean(axis=1)
    unmet = np.divide(np.minimum(short, demanded), demanded, out=np.zeros(len(short)), where=demanded > 0)
    return SampleAverageOrder(
        order_quantity=best.order_quantity,
        whole_order_quantity=whole,
        expected_shortage=short,
        expected_left_over=problem.left_over(bought),
        fill_rate=1 - unmet,
        expected_cost=float(problem.costs(best.order_quantity).sum()),
        whole_expected_cost=float(problem.costs(bought).sum()),
        joint_cycle_service_level=float(costs_by_scenario(scenarios, bought, problem).is_served.mean()),
        limits=problem.outcomes(bought, best.price),
        certificate=best.certificate,
    )


def continuous_order(problem: ScenarioProblem) -> ContinuousOrder:
    """The best quantities before packs.

    Raises:
        Infeasible: The limits contradict each other.
    """
    alone = newsvendor_order(problem)
    reached = problem.weight @ alone
    kept = (reached >= problem.at_least - slack(problem.at_least)) & (
        reached <= problem.at_most + slack(problem.at_most)
    )
    if kept.all():
        cost = float(problem.costs(alone).sum())
        return ContinuousOrder(alone, np.zeros(len(kept)), Certificate("newsvendor", cost, cost, 0.0, 0, 0))
    return _order_within_limits(problem)


def newsvendor_order(problem: ScenarioProblem) -> FloatArray:
    """The smallest best quantity of each SKU by itself, shape (sku,)."""
    level = _newsvendor_levels(problem.demand, problem.lowest, problem.holding, problem.shortage, problem.purchase)
    return quantities(problem, level)


def quantities(problem: ScenarioProblem, level: FloatArray) -> FloatArray:
    """What raises each SKU to a level, within what it must and may buy, shape (sku,)."""
    return np.asarray(np.clip(level - problem.position, problem.least, problem.most))


def segment_program(problem: ScenarioProblem) -> SegmentProgram:
    """The levels above the lowest as segments between demands; limits net of the least quantities."""
    offsets, width, fill, hold = _segments(problem.demand, problem.lowest, problem.highest)
    base = problem.weight @ problem.least
    return SegmentProgram(
        offsets=offsets,
        width=width,
        fill=fill,
        hold=hold,
        cost=np.array([-problem.shortage, problem.holding, problem.purchase]),
        measure=np.full(len(base), LEVEL),
        weight=problem.weight,
        least=problem.at_least - base,
        most=problem.at_most - base,
    )


def _order_within_limits(problem: ScenarioProblem) -> ContinuousOrder:
    program = segment_program(problem)
    found = _near_the_margin(problem, program)
    return found or _solved(problem, program, program)


def _near_the_margin(problem: ScenarioProblem, program: SegmentProgram) -> ContinuousOrder | None:
    """The optimum by segments in blocks, single ones where the prices of the blocks are undecided; None where that
    does not prove it."""
    skus = len(problem.least)
    if len(program.width) <= skus * (BLOCKS + SINGLE):
        return None
    rank = np.arange(len(program.width)) - np.repeat(program.offsets[:-1], np.diff(program.offsets))
    blocks = rank % max(1, problem.demand.shape[1] // BLOCKS) == 0
    price = _solved(problem, program, _in_blocks(program, blocks)).price
    for _ in range(MOST_ZOOMS):
        scale = (problem.shortage + problem.holding + problem.purchase)[program.sku()]
        undecided = np.abs(reduced_costs(program, price)) / np.where(scale > 0, scale, 1.0)
        near = np.zeros(len(rank), dtype=np.bool_)
        near[np.argpartition(undecided, SINGLE * skus)[: SINGLE * skus]] = True
        single = near | np.concatenate(([False], near[:-1]))
        found = _solved(problem, program, _in_blocks(program, blocks | single))
        if found.certificate.gap <= GAP:
            return found
        price = found.price
    return None


def _in_blocks(program: SegmentProgram, begins: BoolArray) -> SegmentProgram:
    """The program with segments merged into those where `begins` holds, or a SKU begins."""
    begins = begins.copy()
    begins[program.offsets[:-1][np.diff(program.offsets) > 0]] = True
    block = np.cumsum(begins) - 1
    width = np.bincount(block, program.width).astype(np.float64)
    return replace(
        program,
        offsets=np.concatenate((block, [len(width)]))[program.offsets],
        width=width,
        fill=np.bincount(block, program.width * program.fill) / width,
        hold=np.bincount(block, program.width * program.hold) / width,
    )


def _solved(problem: ScenarioProblem, program: SegmentProgram, merged: SegmentProgram) -> ContinuousOrder:
    """What a program of the same segments, merged or not, says, and what its prices prove of all of them."""
    optimum = solve(merged)
    if optimum.violation > 0:
        raise _refusal(problem, merged)
    raised = np.bincount(merged.sku(), optimum.taken, minlength=len(problem.least))
    quantity = np.minimum(problem.least + raised, problem.most)
    cost, start = float(problem.costs(quantity).sum()), float(problem.costs(problem.least).sum())
    bound = min(start + lower_bound(program, optimum.price), cost)
    gap = (cost - bound) / cost if cost > 0 else 0.0
    found = optimum.certificate
    return ContinuousOrder(
        quantity, optimum.price, Certificate("sifting", cost, bound, gap, found.rounds, found.columns)
    )


def _refusal(problem: ScenarioProblem, program: SegmentProgram) -> Infeasible:
    """Which limits cannot be kept together, and the least change of one of them that settles it."""
    base = problem.weight @ problem.least
    conflict = conflict_of(program)
    names = [limit.name for limit in problem.limits]
    sides = {"least": "at least", "most": "at most"}
    asked = [
        f"{names[row]} {side} {limit:g}"
        for row in conflict.rows
        for side, limit in (("at least", problem.at_least[row]), ("at most", problem.at_most[row]))
        if np.isfinite(limit)
    ]
    changes = [(one, float(one.limit + base[one.row])) for one in conflict.changes]
    settling = [f"{names[one.row]} {sides[one.side]} {to:,.6g}" for one, to in changes]
    remedy = f"; any one of these settles it: {'; '.join(settling)}" if settling else "; no single change settles it"
    return Infeasible(
        f"limits contradict each other or the least and most quantities: {' and '.join(asked)}{remedy}",
        best_fill_rate=None,
        smallest_budget=None,
        limits=tuple(names[row] for row in conflict.rows),
        changes=tuple((names[one.row], to) for one, to in changes),
    )


@kernel
def _newsvendor_levels(
    demand: FloatArray, lowest: FloatArray, holding: FloatArray, shortage: FloatArray, purchase: FloatArray
) -> FloatArray:
    """The smallest level at which one unit more costs no less; never above the largest demand, unless lowest is."""
    skus, scenarios = demand.shape
    level = np.empty(skus)
    for sku in range(skus):
        h, p, c = holding[sku], shortage[sku], purchase[sku]
        fewest = 0
        most = scenarios
        while fewest < most:
            covered = (fewest + most) // 2
            net = scenarios * c + covered * h - (scenarios - covered) * p
            if net >= -TIE * scenarios * (c + h + p):
                most = covered
            else:
                fewest = covered + 1
        level[sku] = lowest[sku]
        if fewest > 0:
            level[sku] = max(lowest[sku], demand[sku, fewest - 1])
    return level


@kernel
def _segments(
    demand: FloatArray, lowest: FloatArray, highest: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Where each SKU's segments begin, and their widths and shares of scenarios that are short or not."""
    skus, scenarios = demand.shape
    width, fill, hold = (
        np.empty(skus * (scenarios + 1)),
        np.empty(skus * (scenarios + 1)),
        np.empty(skus * (scenarios + 1)),
    )
    offsets = np.zeros(skus + 1, dtype=np.int64)
    count = 0
    for sku in range(skus):
        level, covered = lowest[sku], 0
        while covered < scenarios and demand[sku, covered] <= level:
            covered += 1
        while level < highest[sku]:
            upper = min(demand[sku, covered], highest[sku]) if covered < scenarios else highest[sku]
            width[count] = upper - level
            hold[count] = covered / scenarios
            fill[count] = (scenarios - covered) / scenarios
            count += 1
            level = upper
            while covered < scenarios and demand[sku, covered] <= level:
                covered += 1
        offsets[sku + 1] = count
    return offsets, width[:count].copy(), fill[:count].copy(), hold[:count].copy()
