"""Reorder points for SKUs that share fill-rate targets, budgets, space and suppliers, by linear programming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray, per_sku
from optimization.level_conflicts import conflict_of, least_change
from optimization.level_limits import MEASURES, Limit, LimitOutcome
from optimization.lot_shortage import LotCurves, lot_curves, lowest_for
from optimization.segments import FILL, HOLD, LEVEL, Certificate, SegmentOptimum, SegmentProgram, reduced_costs, solve
from optimization.shortage import ShortageCurves, shortage_curves

Objective = Literal["holding cost", "stock value", "fill rate"]
Method = Literal["sifting", "highs", "cbc"]
WHOLE = 1e-5
FLOOR, TARGET, BUDGET = "fill rate floor", "fill rate", "budget"


class Infeasible(Exception):
    """No reorder points satisfy everything asked.

    Attributes:
        conflict: What cannot be had together, and the least changes that would settle it, in words.
        limits: Names of the limits that contradict each other; none of them can be left out of the quarrel.
        changes: For each of these that can settle it alone, its name and where it would have to be.
        best_fill_rate: Highest aggregate fill rate that all other limits allow (without any, that the quantiles
            given can vouch for); None where the others cannot be kept either.
        smallest_budget: Least average stock value at cost that meets all else; None where no budget does.
    """

    def __init__(
        self,
        conflict: str,
        *,
        best_fill_rate: float | None,
        smallest_budget: float | None,
        limits: tuple[str, ...] = (),
        changes: tuple[tuple[str, float], ...] = (),
    ) -> None:
        super().__init__(conflict)
        self.conflict = conflict
        self.limits, self.changes = limits, changes
        self.best_fill_rate = best_fill_rate
        self.smallest_budget = smallest_budget


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
    optimal_holding_cost: The same before rounding: no reorder points that meet every limit cost less (where the
        objective is another, that of its optimum).
    price_of_fill_rate: Objective per period of one more percentage point of aggregate fill rate.
    value_of_budget: Objective per period gained by one more unit of money in the budget; None without
        a budget. Where holding cost is the objective it is above 0 only where SKUs differ in holding_cost_rate,
        since otherwise the least holding cost is the least stock already.
    binding: Names of the limits that hold the objective up.
    limits: What each came to, with its price.
    certificate: Proof that nothing better exists before rounding.
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
    hull u is convex and piecewise linear as b is, so r is a sum of segments whose worth falls: a linear program
    without binaries.

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
    names = [str(one) for one in names]
    probabilities, quantiles = _checked_quantiles(levels, lead_time_demand, names)
    mean = per_sku(lead_time_demand_mean, "lead_time_demand_mean", names)
    rate = per_sku(demand_rate, "demand_rate", names)
    lot = per_sku(order_quantity, "order_quantity", names)
    cost = per_sku(unit_cost, "unit_cost", names)
    value = per_sku(unit_value, "unit_value", names)
    floor = per_sku(fill_rate_floor, "fill_rate_floor", names, most=1.0, exclude_most=True)
    holding = per_sku(holding_cost_rate, "holding_cost_rate", names, exclude_least=True)
    review = per_sku(review_demand, "review_demand", names)
    demanded = _checked_demanded(rate, mean, lot, names)
    lowest, highest = _checked_bounds(reorder_point_min, reorder_point_max, names)
    if fill_rate_target is not None and not 0 < fill_rate_target < 1:
        raise ValueError(f"fill_rate_target must lie strictly between 0 and 1, got {fill_rate_target}")
    if stock_budget is not None and not (np.isfinite(stock_budget) and stock_budget >= 0):
        raise ValueError(f"stock_budget must be finite and not negative, got {stock_budget}")
    if demanded.any() and not (value * rate).any():
        raise ValueError("unit_value must be positive for some SKU with demand, got 0 for all")

    asked = [*_usual_limits(value * rate, cost, fill_rate_target, stock_budget), *limits]
    problem = _Problem.of(
        curves=shortage_curves(probabilities, quantiles[demanded], mean[demanded]),
        mean=mean[demanded],
        lot=lot[demanded],
        cost=cost[demanded],
        demand_value=(value * rate)[demanded],
        floor=floor[demanded],
        holding=holding[demanded],
        review=review[demanded],
        lowest=lowest[demanded],
        highest=None if highest is None else highest[demanded],
        limits=asked,
        weights=np.array([limit.checked_weight(len(names))[demanded] for limit in asked]).reshape(
            len(asked), int(demanded.sum())
        ),
        objective=objective,
        names=[names[i] for i in np.flatnonzero(demanded)],
    )
    optimum = _optimum(problem, fill_rate_target, stock_budget, method)
    fractional = problem.reorder_point(optimum.taken)
    whole = problem.rounded(fractional)
    spread = _Spread(len(names), demanded)
    reorder_point = spread(whole).astype(np.int64)
    unmet = problem.curves.unmet_at(whole)
    stock_value = problem.cost * problem.on_hand(whole)
    outcomes = problem.outcomes(whole, optimum.price)
    next_cost, next_worth = problem.next_unit(whole, optimum.price)
    named = {outcome.name: outcome for outcome in outcomes}
    held = problem.held_by(whole, floor[demanded])
    is_held = [""] * len(names)
    for sku, by in zip(np.flatnonzero(demanded).tolist(), held, strict=True):
        is_held[sku] = by
    return StockLevels(
        reorder_point=reorder_point,
        safety_stock=reorder_point - mean,
        order_up_to_level=np.where(demanded, reorder_point + lot, 0.0),
        cover=np.divide(reorder_point, rate, out=np.zeros(len(names)), where=rate > 0),
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


def _usual_limits(
    demand_value: FloatArray, cost: FloatArray, target: float | None, budget: float | None
) -> list[Limit]:
    asked = []
    if target is not None:
        asked.append(Limit(TARGET, "fill rate", demand_value, at_least=target))
    if budget is not None:
        asked.append(Limit(BUDGET, "stock", cost, at_most=budget))
    return asked


@dataclass(frozen=True, eq=False)
class _Problem:
    """The SKUs with demand, the segments above their lowest reorder points, and the limits they share.

    Attributes:
        curves: Unmet share and backorders by reorder point.
        mean, lot, cost, holding, review: As in `safety_stock_levels`, shape (sku,).
        share: Weight of the SKU's fill rate in the aggregate; sums to 1.
        limits: What is shared.
        weights: Of the limits, fill rates' divided by their sum, shape (limit, sku).
        program: The linear program, its limits net of what the lowest reorder points come to.
        objective: What is made best.
        asked_lowest: Lowest reorder point asked for, before floors, shape (sku,).
    """

    curves: LotCurves
    mean: FloatArray
    lot: FloatArray
    cost: FloatArray
    holding: FloatArray
    review: FloatArray
    share: FloatArray
    limits: tuple[Limit, ...]
    weights: FloatArray
    program: SegmentProgram
    objective: Objective
    asked_lowest: IntArray
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        *,
        curves: ShortageCurves,
        mean: FloatArray,
        lot: FloatArray,
        cost: FloatArray,
        demand_value: FloatArray,
        floor: FloatArray,
        holding: FloatArray,
        review: FloatArray,
        lowest: IntArray,
        highest: IntArray | None,
        limits: Sequence[Limit],
        weights: FloatArray,
        objective: Objective,
        names: Sequence[str],
    ) -> _Problem:
        needed = lowest_for(curves, lot, 1 - floor)
        _check_floors(curves, lot, floor, needed, highest, names)
        known = curves.knots[:, -1]
        start = np.minimum(np.maximum(lowest, needed), np.maximum(known, lowest))
        top = np.maximum(known if highest is None else np.minimum(highest, known), start)
        lots = lot_curves(curves, lot, start, top)
        segments, offsets = _segments(lots)
        total = demand_value.sum()
        share = demand_value / total if total > 0 else demand_value
        sums = weights.sum(axis=1)
        is_rate = np.array([limit.measure == "fill rate" for limit in limits], dtype=np.bool_)
        weights = np.where(
            is_rate[:, None] & (sums[:, None] > 0), weights / np.where(sums > 0, sums, 1)[:, None], weights
        )
        charged = np.zeros((3, len(lot)))
        if objective == "fill rate":
            charged[FILL] = -share
        else:
            charged[HOLD] = cost * (holding if objective == "holding cost" else 1.0)
        problem = cls(
            curves=lots,
            mean=mean,
            lot=lot,
            cost=cost,
            holding=holding,
            review=review,
            share=share,
            limits=tuple(limits),
            weights=weights,
            program=SegmentProgram(
                offsets=offsets,
                width=segments[0],
                fill=segments[1],
                hold=segments[2],
                cost=charged,
                measure=np.array([MEASURES[limit.measure] for limit in limits], dtype=np.int64),
                weight=weights,
                least=np.full(len(limits), -np.inf),
                most=np.full(len(limits), np.inf),
            ),
            objective=objective,
            asked_lowest=lowest,
            names=tuple(names),
        )
        base = problem.sums(lots.lowest)
        means_something = ~is_rate | (sums > 0)
        least = [-np.inf if limit.at_least is None else limit.at_least for limit in limits]
        most = [np.inf if limit.at_most is None else limit.at_most for limit in limits]
        return replace(
            problem,
            program=replace(
                problem.program,
                least=np.where(means_something, np.array(least) - base, -np.inf) if limits else np.zeros(0),
                most=np.array(most) - base if limits else np.zeros(0),
            ),
        )

    def reorder_point(self, taken: FloatArray) -> FloatArray:
        """Levels that segments come to, shape (sku,)."""
        raised = np.bincount(self.program.sku(), taken, minlength=len(self.lot))
        return np.asarray(self.curves.lowest + raised, dtype=np.float64)

    def on_hand(self, reorder_point: FloatArray | IntArray) -> FloatArray:
        """Expected stock on hand, units, shape (sku,)."""
        backorders = self.curves.backorders_at(reorder_point)
        return np.asarray(reorder_point - self.mean + (self.lot + 1) / 2 + self.review / 2 + backorders)

    def fill_rate(self, reorder_point: FloatArray | IntArray) -> float:
        """Aggregate, weighted by the value of demand; 1 where nothing is demanded."""
        return float(1 - self.share @ self.curves.unmet_at(reorder_point))

    def sums(self, reorder_point: FloatArray | IntArray) -> FloatArray:
        """What each limit's measure comes to, shape (limit,)."""
        figures = {
            FILL: 1 - self.curves.unmet_at(reorder_point),
            HOLD: self.on_hand(reorder_point),
            LEVEL: np.asarray(reorder_point + self.lot),
        }
        return np.array(
            [
                weight @ figures[MEASURES[limit.measure]] if weight.any() or limit.measure != "fill rate" else 1.0
                for limit, weight in zip(self.limits, self.weights, strict=True)
            ]
        )

    def holding_cost_of(self, taken: FloatArray) -> float:
        """Holding cost per period as the program sees it, before rounding."""
        base = float(self.holding * self.cost @ self.on_hand(self.curves.lowest))
        return base + float((self.holding * self.cost)[self.program.sku()] * self.program.hold @ taken)

    def hull_error(self, reorder_point: FloatArray) -> float:
        """Most by which the fill rates of levels between the hull's corners are too hopeful together."""
        corners = np.zeros(len(self.lot), dtype=np.bool_)
        sku = np.repeat(np.arange(len(self.lot)), np.diff(self.curves.offsets))
        np.logical_or.at(corners, sku, np.abs(self.curves.level - reorder_point[sku]) <= WHOLE)
        return float((self.share * self.curves.hull_gap)[~corners].sum())

    def rounded(self, reorder_point: FloatArray) -> IntArray:
        """Whole levels: up where the upper limits allow, most fill rate per money first, else down.

        Where a fill rate is then missed, since it is not concave or a level went down, the cheapest units are
        added that upper limits allow.
        """
        nearest = np.rint(reorder_point)
        settled = np.abs(reorder_point - nearest) <= WHOLE * np.maximum(1.0, reorder_point)
        down = np.where(settled, nearest, np.floor(reorder_point)).astype(np.int64)
        up = np.where(settled, nearest, np.ceil(reorder_point)).astype(np.int64)
        gain = self.share * (self.curves.unmet_at(down) - self.curves.unmet_at(up))
        money = self.cost * (self.on_hand(up) - self.on_hand(down))
        open_skus = np.flatnonzero(~settled)
        worth = gain[open_skus] / np.maximum(money[open_skus], 1e-300)
        for sku in open_skus[np.argsort(-worth, kind="stable")]:
            raised = down.copy()
            raised[sku] = up[sku]
            if self._within_upper_limits(raised):
                down = raised
        return self._repaired(down)

    def _repaired(self, whole: IntArray) -> IntArray:
        tops = self.curves.level[self.curves.offsets[1:] - 1]
        rates = [
            (weight, limit.at_least)
            for limit, weight in zip(self.limits, self.weights, strict=True)
            if limit.measure == "fill rate" and limit.at_least is not None and weight.any()
        ]
        refused = np.zeros(len(whole), dtype=np.bool_)
        for weight, least in rates:
            for _ in range(len(self.limits) + 4):
                unmet = self.curves.unmet_at(whole)
                if 1 - weight @ unmet >= least - 1e-12:
                    break
                up = np.minimum(whole + 1, tops)
                gain = weight * (unmet - self.curves.unmet_at(up))
                money = self.cost * (self.on_hand(up) - self.on_hand(whole))
                worth = np.where((up > whole) & (gain > 0) & ~refused, gain / np.maximum(money, 1e-300), -1.0)
                best = int(np.argmax(worth)) if len(worth) else 0
                if not len(worth) or worth[best] < 0:
                    break
                raised = whole.copy()
                raised[best] = up[best]
                if self._within_upper_limits(raised):
                    whole = raised
                else:
                    refused[best] = True
        return whole

    def _within_upper_limits(self, whole: IntArray) -> bool:
        return all(
            limit.at_most is None or total <= limit.at_most * (1 + 1e-9)
            for limit, total in zip(self.limits, self.sums(whole).tolist(), strict=True)
        )

    def outcomes(self, whole: IntArray, price: FloatArray) -> tuple[LimitOutcome, ...]:
        words = {"holding cost": "holding cost per period", "stock value": "stock value", "fill rate": "fill rate"}
        return tuple(
            LimitOutcome(
                limit.name, limit.measure, limit.unit, limit.at_least, limit.at_most, float(reached),
                float(one) + 0.0, words[self.objective],
            )
            for limit, reached, one in zip(self.limits, self.sums(whole), price, strict=True)
        )  # fmt: skip

    def next_unit(self, whole: IntArray, price: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What one more unit would cost, and what the limits' prices say it is worth, shape (sku,) each."""
        program = self.program
        if not len(program.width):
            return np.full(len(whole), np.inf), np.zeros(len(whole))
        net = reduced_costs(program, price)
        segment = _segment_above(self.curves, program.offsets, whole)
        inside = segment >= 0
        safe = np.maximum(segment, 0)
        charged = program.costs()[safe]
        cost = np.where(inside, charged, np.inf)
        return cost, np.where(inside, charged - net[safe], 0.0)

    def held_by(self, whole: IntArray, floor: FloatArray) -> list[str]:
        tops = self.curves.level[self.curves.offsets[1:] - 1]
        at_bottom, at_top = whole <= self.curves.lowest, whole >= tops
        by_floor = at_bottom & (floor > 0) & (self.curves.lowest > self.asked_lowest)
        return [
            FLOOR if floored else ("highest" if top else ("lowest" if bottom else ""))
            for floored, top, bottom in zip(by_floor.tolist(), at_top.tolist(), at_bottom.tolist(), strict=True)
        ]


def _segments(lots: LotCurves) -> tuple[tuple[FloatArray, FloatArray, FloatArray], IntArray]:
    """Width, demand met and units held per unit of each segment, and where each SKU's begin."""
    last = lots.offsets[1:] - 1
    inner = np.ones(len(lots.level), dtype=np.bool_)
    inner[last] = False
    first = np.flatnonzero(inner)
    width = (lots.level[first + 1] - lots.level[first]).astype(np.float64)
    fill = (lots.unmet[first] - lots.unmet[first + 1]) / width
    hold = np.clip(1 - (lots.backorders[first] - lots.backorders[first + 1]) / width, 0.0, 1.0)
    offsets = lots.offsets - np.arange(len(lots.offsets))
    return (width, np.maximum(fill, 0.0), hold), offsets


def _segment_above(lots: LotCurves, offsets: IntArray, whole: IntArray) -> IntArray:
    """The segment that the next unit of each SKU lies in; −1 where there is none."""
    sku = np.repeat(np.arange(len(whole)), np.diff(lots.offsets))
    passed = np.bincount(sku, lots.level <= whole[sku], minlength=len(whole)).astype(np.int64) - 1
    count = np.diff(offsets)
    return np.where((passed < count) & (count > 0), offsets[:-1] + np.maximum(passed, 0), -1)


def _optimum(problem: _Problem, target: float | None, budget: float | None, method: Method) -> SegmentOptimum:
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
        raise _refusal(problem, target, budget)
    return optimum


def _refusal(problem: _Problem, target: float | None, budget: float | None) -> Infeasible:
    program, limits = problem.program, problem.limits
    base = problem.sums(problem.curves.lowest)
    conflict = conflict_of(program)
    quarrel = tuple(limits[row].name for row in conflict.rows)
    changes = tuple((limits[one.row].name, float(one.limit + base[one.row])) for one in conflict.changes)
    known = [limit.name for limit in limits]
    best = _extreme(problem, known.index(TARGET), "least", base) if target is not None else None
    needed = _extreme(problem, known.index(BUDGET), "most", base) if budget is not None else None
    words = _in_words(problem, quarrel, dict(changes), target, budget, best, needed, base)
    return Infeasible(words, best_fill_rate=best, smallest_budget=needed, limits=quarrel, changes=changes)


def _extreme(problem: _Problem, row: int, side: str, base: FloatArray) -> float | None:
    change = least_change(problem.program, row, side)
    return None if change is None else float(change.limit + base[row])


def _in_words(
    problem: _Problem,
    quarrel: tuple[str, ...],
    changes: dict[str, float],
    target: float | None,
    budget: float | None,
    best: float | None,
    needed: float | None,
    base: FloatArray,
) -> str:
    if quarrel == (TARGET,):
        return (
            f"fill_rate_target must be at most {best or 0:.6f}, the most the demand quantiles can vouch for, "
            f"got {target}; give higher levels"
        )
    if quarrel == (BUDGET,):
        least = float(base[[limit.name for limit in problem.limits].index(BUDGET)])
        also = "" if target is None or needed is None else f" and {needed:.2f} for fill rate {target}"
        return f"stock_budget must be at least {least:.2f} for the lots and fill rate floors alone{also}, got {budget}"
    if set(quarrel) == {TARGET, BUDGET} and needed is not None and best is not None:
        return (
            f"stock_budget must be at least {needed:.2f} for fill rate {target}, got {budget}, which allows {best:.6f}"
        )
    asked = {limit.name: limit for limit in problem.limits}
    settling = [_change_in_words(asked[name], limit) for name, limit in changes.items()]
    remedy = f"; any one of these settles it: {'; '.join(settling)}" if settling else "; no single change settles it"
    return f"limits contradict each other: {' and '.join(_limit_in_words(asked[name]) for name in quarrel)}{remedy}"


def _limit_in_words(limit: Limit) -> str:
    sides = [
        *([f"at least {limit.at_least:g}"] if limit.at_least is not None else []),
        *([f"at most {limit.at_most:g}"] if limit.at_most is not None else []),
    ]
    return f"{limit.name} {' and '.join(sides)}{f' {limit.unit}' if limit.unit else ''}"


def _change_in_words(limit: Limit, to: float) -> str:
    """The change, rounded to the side that still settles it."""
    lowered = limit.at_least is not None and to < limit.at_least
    shown = np.floor(to * 1e6) / 1e6 if lowered else np.ceil(to * 1e6) / 1e6
    return f"{limit.name} at {'least' if lowered else 'most'} {shown:,.6g}"


def _binding(
    outcomes: Sequence[LimitOutcome], held: Sequence[str], problem: _Problem, fractional: FloatArray
) -> tuple[str, ...]:
    totals = problem.sums(fractional)
    binding = [
        outcome.name
        for outcome, total in zip(outcomes, totals.tolist(), strict=True)
        if outcome.binds or (outcome.at_most is not None and total >= outcome.at_most * (1 - 1e-7))
    ]
    return (*binding, *([FLOOR] if FLOOR in held else []))


def _check_floors(
    curves: ShortageCurves,
    lot: FloatArray,
    floor: FloatArray,
    needed: IntArray,
    highest: IntArray | None,
    names: Sequence[str],
) -> None:
    top = curves.knots[:, -1] if highest is None else np.minimum(highest, curves.knots[:, -1])
    refused = (needed < 0) | ((needed > top) & (floor > 0))
    if not refused.any():
        return
    first = int(np.flatnonzero(refused)[0])
    reachable = 1 - lot_curves(curves, lot, top, top).unmet_at(top)[first]
    why = "the most its demand quantiles can vouch for" if needed[first] < 0 else "the most its highest level allows"
    raise Infeasible(
        f"fill_rate_floor of {names[first]} must be at most {reachable:.6f}, {why}, got {floor[first]}",
        best_fill_rate=None,
        smallest_budget=None,
        limits=(FLOOR,),
    )


def _checked_bounds(least: ArrayLike, most: ArrayLike | None, names: Sequence[str]) -> tuple[IntArray, IntArray | None]:
    lowest = _whole_numbers(per_sku(least, "reorder_point_min", names), "reorder_point_min", names)
    if most is None:
        return lowest, None
    highest = _whole_numbers(per_sku(most, "reorder_point_max", names), "reorder_point_max", names)
    crossed = highest < lowest
    if crossed.any():
        sku = int(np.flatnonzero(crossed)[0])
        raise ValueError(
            f"reorder_point_max of {names[sku]} must be at least its reorder_point_min {lowest[sku]}, "
            f"got {highest[sku]}"
        )
    return lowest, highest


def _whole_numbers(figures: FloatArray, name: str, names: Sequence[str]) -> IntArray:
    wrong = figures != np.rint(figures)
    if wrong.any():
        sku = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{name} of {names[sku]} must be a whole number, got {figures[sku]}")
    return figures.astype(np.int64)


def _checked_quantiles(
    levels: ArrayLike, lead_time_demand: ArrayLike, names: Sequence[str]
) -> tuple[FloatArray, IntArray]:
    probabilities = np.asarray(levels, dtype=np.float64)
    rising = probabilities.ndim == 1 and len(probabilities) > 0 and bool((np.diff(probabilities) > 0).all())
    if not rising or not ((probabilities > 0) & (probabilities < 1)).all():
        raise ValueError(f"levels must rise strictly between 0 and 1, got {probabilities.tolist()}")
    given = np.asarray(lead_time_demand, dtype=np.float64)
    if given.shape != (len(names), len(probabilities)):
        raise ValueError(
            f"lead_time_demand must have shape (SKU, level) = {(len(names), len(probabilities))}, got {given.shape}"
        )
    refusals = (
        (~np.isfinite(given) | (given < 0), "be finite and not negative"),
        (np.diff(given, axis=1, prepend=0) < 0, "not fall from level to level"),
        (given != np.rint(given), "be whole units"),
    )
    for refused, wanted in refusals:
        if refused.any():
            sku = int(np.flatnonzero(refused.any(axis=1))[0])
            raise ValueError(f"lead_time_demand of {names[sku]} must {wanted}, got {given[sku].tolist()}")
    return probabilities, given.astype(np.int64)


def _checked_demanded(rate: FloatArray, mean: FloatArray, lot: FloatArray, names: Sequence[str]) -> BoolArray:
    demanded = rate > 0
    unclear = demanded != (mean > 0)
    if unclear.any():
        sku = int(np.flatnonzero(unclear)[0])
        raise ValueError(
            f"demand_rate and lead_time_demand_mean of {names[sku]} must both be 0 or both positive, "
            f"got {rate[sku]} and {mean[sku]}"
        )
    if (demanded & (lot <= 0)).any():
        sku = int(np.flatnonzero(demanded & (lot <= 0))[0])
        raise ValueError(f"order_quantity of {names[sku]} must be positive, got {lot[sku]}")
    return demanded
