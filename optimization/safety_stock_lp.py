"""Reorder points for SKUs that share fill-rate targets, budgets, space and suppliers, by linear programming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray, per_sku
from optimization.level_bound import stock_error
from optimization.level_limits import Limit, LimitOutcome
from optimization.level_problem import BUDGET, FLOOR, TARGET, LevelProblem, Objective, level_problem
from optimization.level_refusal import refusal
from optimization.level_rounding import rounded
from optimization.segments import Certificate, SegmentOptimum, solve

Method = Literal["sifting", "highs", "cbc"]


@dataclass(frozen=True, eq=False)
class StockLevels:
    """Attributes, of shape (sku,) up to next_unit_worth:
    reorder_point: Whole units of inventory position.
    safety_stock: Reorder point minus mean demand over the protection interval, units; negative where running short
        is cheaper.
    order_up_to_level: Reorder point plus order quantity, units.
    cover: Periods that the reorder point lasts at the mean rate; 0 where nothing is demanded.
    expected_shortage: Units short per replenishment cycle.
    fill_rate: Share of demand met from stock.
    average_stock_value: Money at cost in expected stock on hand.
    next_unit_cost: What the next unit of reorder point would add to the objective; inf at its highest.
    next_unit_worth: What the limits' prices say that unit is worth.
    is_held_by: "" where limits and prices settle the level, else "fill rate floor", "lowest" or "highest".
    total_stock_value: Sum of average_stock_value.
    achieved_fill_rate: Aggregate after rounding, weighted by the value of demand.
    holding_cost: Money per period after rounding.
    optimal_holding_cost: The same before rounding; where it is the objective, no reorder points that meet every
        limit cost less than this minus `stock_error`.
    price_of_fill_rate: Objective per period of one more percentage point of aggregate fill rate.
    value_of_budget: Objective per period gained by one more unit of money in the budget; None without
        a budget. Where holding cost is the objective it is above 0 only where SKUs differ in holding_cost_rate,
        since otherwise the least holding cost is the least stock already.
    binding: Names of the limits that hold the objective up.
    limits: What each came to, with its price.
    certificate: Proof that the program has no better answer.
    stock_error: Objective by which whole reorder points could be better than the certificate's bound, at most: along
        the straight lines between its corners the program takes stock on hand to be a little more than it is.
    hull_error: Most by which the aggregate fill rate before rounding may be too hopeful, since fill rates that are
        not concave are taken along their hull; the figures after rounding are not.
    """

    reorder_point: IntArray
    safety_stock: FloatArray
    order_up_to_level: FloatArray
    cover: FloatArray
    expected_shortage: FloatArray
    fill_rate: FloatArray
    average_stock_value: FloatArray
    next_unit_cost: FloatArray
    next_unit_worth: FloatArray
    is_held_by: tuple[str, ...]
    total_stock_value: float
    achieved_fill_rate: float
    holding_cost: float
    optimal_holding_cost: float
    price_of_fill_rate: float
    value_of_budget: float | None
    binding: tuple[str, ...]
    limits: tuple[LimitOutcome, ...]
    certificate: Certificate
    stock_error: float
    hull_error: float


def safety_stock_levels(
    *,
    names: Sequence[str],
    levels: ArrayLike,
    lead_time_demand: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    demand_rate: ArrayLike,
    order_quantity: ArrayLike,
    unit_cost: ArrayLike,
    unit_value: ArrayLike,
    fill_rate_target: float | None,
    fill_rate_floor: ArrayLike = 0.0,
    holding_cost_rate: ArrayLike,
    stock_budget: float | None = None,
    limits: Sequence[Limit] = (),
    objective: Objective = "holding cost",
    reorder_point_min: ArrayLike = 0,
    reorder_point_max: ArrayLike | None = None,
    review_demand: ArrayLike = 0.0,
    method: Method = "sifting",
) -> StockLevels:
    """Best reorder points within an aggregate fill rate, each SKU's floor and cap, a budget and any shared limits.

    With r the reorder point, X demand over the protection interval, μ its mean and Q the order quantity, the share of
    demand unmet u(r) and the units backordered b(r) are those of positions spread evenly over r+1 … r+Q (see
    `LotCurves`), and expected stock on hand is r − μ + (Q+1)/2 + b(r), and half a review period's demand. Along its
    hull u is convex and piecewise linear, and b is taken so between the same corners, so r is a sum of segments whose
    worth falls: a linear program without binaries.

        minimise    Σ h_i·c_i·stock_i
        subject to  Σ w_i·λ_i·u_i ≤ (1 − target)·Σ w_i·λ_i
                    u_i ≤ 1 − floor_i,   min_i ≤ r_i ≤ max_i
                    Σ c_i·stock_i ≤ budget
                    and every `Limit`

    or, with another objective, the stock's value instead of its holding cost, or the demand unmet. Of the levels the
    optimum leaves at most one per shared limit between whole numbers: these are rounded up, most fill rate per money
    first, while the limits allow, else down; `achieved_fill_rate` and the outcomes of `limits` are what then results.

    Args:
        names: SKU (and location) as messages should call them, n of them.
        levels: Probabilities, strictly ascending in (0, 1), shape (k,).
        lead_time_demand: Quantiles at those levels of demand over lead time plus review period, whole units,
            never falling along a row, shape (n, k).
        lead_time_demand_mean: μ, units, shape (n,).
        demand_rate: λ, units per period, shape (n,). 0 = not demanded: reorder point 0, no stock.
        order_quantity: Q, average replenishment lot in units, at least the demand of a review period,
            shape (n,).
        unit_cost: c, money per unit in stock, shape (n,).
        unit_value: w, weight of a unit short (price, margin or 1), shape (n,).
        fill_rate_target: Aggregate, weighted by w·λ, in (0, 1); None = none.
        fill_rate_floor: Least per SKU, in [0, 1), scalar or shape (n,).
        holding_cost_rate: h, per period and money of stock, > 0, scalar or shape (n,).
        stock_budget: Most average stock value at cost; None = no limit.
        limits: Further limits that SKUs share.
        objective: What is made best: least "holding cost" or "stock value", or the highest "fill rate".
        reorder_point_min: Lowest per SKU, whole, ≥ 0, scalar or shape (n,).
        reorder_point_max: Highest per SKU, whole, scalar or shape (n,); None = as far as the quantiles can vouch.
        review_demand: Mean demand between two reviews, units, scalar or shape (n,): half of it is on hand besides.
        method: "sifting" scales; "highs" and "cbc" solve the same program written out in PuLP.

    Raises:
        ValueError: A shape, NaN or range that is wrong, or quantiles that fall, with the SKU's name.
        Infeasible: The limits contradict each other.

    Source: Hadley & Whitin, Analysis of Inventory Systems (1963), chapter 4 (positions); Silver, Pyke & Thomas,
        Inventory and Production Management in Supply Chains, 4th ed., chapter 6 (fill rate, exchange curves); the
        segments are the usual separable convex programming.
    """
    problem = level_problem(
        names=names,
        levels=levels,
        lead_time_demand=lead_time_demand,
        lead_time_demand_mean=lead_time_demand_mean,
        demand_rate=demand_rate,
        order_quantity=order_quantity,
        unit_cost=unit_cost,
        unit_value=unit_value,
        fill_rate_target=fill_rate_target,
        fill_rate_floor=fill_rate_floor,
        holding_cost_rate=holding_cost_rate,
        stock_budget=stock_budget,
        limits=limits,
        objective=objective,
        reorder_point_min=reorder_point_min,
        reorder_point_max=reorder_point_max,
        review_demand=review_demand,
    )
    optimum = _optimum(problem, fill_rate_target, stock_budget, method)
    fractional = problem.reorder_point(optimum.taken)
    whole = rounded(problem, fractional)
    spread = _Spread(len(problem.names), problem.demanded)
    rate = per_sku(demand_rate, "demand_rate", problem.names)
    demanded = problem.demanded
    lots = spread(problem.lot)
    reorder_point = spread(whole).astype(np.int64)
    unmet = problem.curves.unmet_at(whole)
    stock_value = problem.cost * problem.on_hand(whole)
    outcomes = problem.outcomes(whole, optimum.price)
    next_cost, next_worth = problem.next_unit(whole, optimum.price)
    named = {outcome.name: outcome for outcome in outcomes}
    held = problem.held_by(whole)
    is_held = [""] * len(problem.names)
    for sku, by in zip(np.flatnonzero(demanded).tolist(), held, strict=True):
        is_held[sku] = by
    return StockLevels(
        reorder_point=reorder_point,
        safety_stock=reorder_point - spread(problem.mean),
        order_up_to_level=np.where(demanded, reorder_point + lots, 0.0),
        cover=np.divide(reorder_point, rate, out=np.zeros(len(rate)), where=rate > 0),
        expected_shortage=spread(unmet * problem.lot),
        fill_rate=1 - spread(unmet),
        average_stock_value=spread(stock_value),
        next_unit_cost=spread(next_cost),
        next_unit_worth=spread(next_worth),
        is_held_by=tuple(is_held),
        total_stock_value=float(stock_value.sum()),
        achieved_fill_rate=problem.fill_rate(whole),
        holding_cost=float(problem.holding @ stock_value),
        optimal_holding_cost=problem.holding_cost_of(optimum.taken),
        price_of_fill_rate=named[TARGET].price / 100 if TARGET in named else 0.0,
        value_of_budget=None if stock_budget is None else -named[BUDGET].price + 0.0,
        binding=_binding(outcomes, held, problem, fractional),
        limits=outcomes,
        certificate=optimum.certificate,
        stock_error=stock_error(problem, optimum.price),
        hull_error=problem.hull_error(fractional),
    )


class _Spread:
    """Puts figures of the SKUs with demand among all, 0 for the others."""

    def __init__(self, count: int, demanded: BoolArray) -> None:
        self.count, self.demanded = count, demanded

    def __call__(self, figures: FloatArray | IntArray) -> FloatArray:
        every = np.zeros(self.count)
        every[self.demanded] = figures
        return every


def _optimum(problem: LevelProblem, target: float | None, budget: float | None, method: Method) -> SegmentOptimum:
    """The best segments, or the reason why there are none."""
    program = problem.program
    if method == "sifting":
        optimum: SegmentOptimum | None = solve(program)
    elif len(program.width):
        from optimization.pulp_model import solve_in_pulp

        optimum = solve_in_pulp(program, method)
    else:
        optimum = solve(program)
    if optimum is None or optimum.violation > 0:
        raise refusal(problem, fill_rate_target=target, stock_budget=budget)
    return optimum


def _binding(
    outcomes: Sequence[LimitOutcome], held: Sequence[str], problem: LevelProblem, fractional: FloatArray
) -> tuple[str, ...]:
    totals = problem.sums(fractional)
    binding = [
        outcome.name
        for outcome, total in zip(outcomes, totals.tolist(), strict=True)
        if outcome.binds or (outcome.at_most is not None and total >= outcome.at_most * (1 - 1e-7))
    ]
    return (*binding, *([FLOOR] if FLOOR in held else []))
