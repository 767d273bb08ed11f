"""What is asked of stock levels, checked, as segments of the SKUs with demand under the limits they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray, per_sku
from optimization.infeasible import Infeasible
from optimization.level_limits import MEASURES, Limit, LimitOutcome
from optimization.lot_shortage import LotCurves, lot_curves, lowest_for
from optimization.segments import FILL, HOLD, LEVEL, SegmentProgram, reduced_costs
from optimization.shortage import ShortageCurves, shortage_curves

Objective = Literal["holding cost", "stock value", "fill rate"]
WHOLE = 1e-5
FLOOR, TARGET, BUDGET = "fill rate floor", "fill rate", "budget"


@dataclass(frozen=True, eq=False)
class LevelProblem:
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
        names: Of all SKUs, shape (n,).
        demanded: Which of them have demand; the shapes (sku,) are of these, shape (n,).
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
    demanded: BoolArray

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
        demanded: BoolArray,
    ) -> LevelProblem:
        of_demanded = [names[i] for i in np.flatnonzero(demanded).tolist()]
        needed = lowest_for(curves, lot, 1 - floor)
        _check_floors(curves, lot, floor, needed, highest, of_demanded)
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
            demanded=demanded,
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

    def outcomes(self, whole: IntArray, price: FloatArray) -> tuple[LimitOutcome, ...]:
        """What each limit comes to, with its price."""
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

    def held_by(self, whole: IntArray) -> list[str]:
        """Per SKU: its floor, its lowest or its highest level, or "" where limits and prices settle it."""
        tops = self.curves.level[self.curves.offsets[1:] - 1]
        at_bottom, at_top = whole <= self.curves.lowest, whole >= tops
        by_floor = at_bottom & (self.curves.lowest > self.asked_lowest)
        by_lowest = at_bottom & ~by_floor & ((self.asked_lowest > 0) | ~at_top)
        return [
            FLOOR if floored else ("lowest" if bottom else ("highest" if top else ""))
            for floored, bottom, top in zip(by_floor.tolist(), by_lowest.tolist(), at_top.tolist(), strict=True)
        ]


def level_problem(
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
) -> LevelProblem:
    """The program of `safety_stock_levels`, which says what the arguments mean.

    Raises:
        ValueError: A shape, NaN or range that is wrong, or quantiles that fall, with the SKU's name.
        Infeasible: A floor that no level keeps.
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
    return LevelProblem.of(
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
        names=names,
        demanded=demanded,
    )


def _usual_limits(
    demand_value: FloatArray, cost: FloatArray, target: float | None, budget: float | None
) -> list[Limit]:
    asked = []
    if target is not None:
        asked.append(Limit(TARGET, "fill rate", demand_value, at_least=target))
    if budget is not None:
        asked.append(Limit(BUDGET, "stock", cost, at_most=budget))
    return asked


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
