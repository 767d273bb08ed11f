"""What service costs: the efficient frontier of stock and fill rate, where today lies off it, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray, per_sku
from optimization.level_problem import TARGET, LevelProblem, level_problem
from optimization.level_refusal import refusal
from optimization.segments import FILL, SegmentProgram, solve

SAME = 1e-9
STRAIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class Frontier:
    """The least stock for every fill rate, linear between its corners.

    Attributes:
        fill_rate: Aggregate, weighted by the value of demand, rising, shape (corner,).
        stock_value: Average stock at cost, shape (corner,).
        holding_cost: Per period, shape (corner,).
        price: Money of stock per whole of fill rate (divide by 100 for a point) just above each corner, never
            falling; inf above the last, shape (corner,).
        is_exact: Whether all corners are there; False where `most_corners` left some out, so that the curve between
            the given ones lies a little above the true one.
    """

    fill_rate: FloatArray
    stock_value: FloatArray
    holding_cost: FloatArray
    price: FloatArray
    is_exact: bool

    def stock_value_at(self, fill_rate: float) -> float | None:
        """Least stock that meets a fill rate; None beyond the frontier."""
        if fill_rate > self.fill_rate[-1]:
            return None
        return float(np.interp(fill_rate, self.fill_rate, self.stock_value))

    def fill_rate_at(self, stock_value: float) -> float | None:
        """Highest fill rate that a stock can buy; None below the frontier."""
        if stock_value < self.stock_value[0]:
            return None
        return float(np.interp(stock_value, self.stock_value, self.fill_rate))


@dataclass(frozen=True, eq=False)
class Policy:
    """What given reorder points come to.

    Attributes:
        reorder_point: Whole units, shape (sku,).
        sku_fill_rate: Shape (sku,).
        sku_stock_value: Money at cost, shape (sku,).
        fill_rate: Aggregate, weighted by the value of demand.
        stock_value: Money at cost.
        holding_cost: Per period.
    """

    reorder_point: IntArray
    sku_fill_rate: FloatArray
    sku_stock_value: FloatArray
    fill_rate: float
    stock_value: float
    holding_cost: float


@dataclass(frozen=True, eq=False)
class Move:
    """One SKU's step to the frontier.

    Attributes:
        sku: Its number.
        reorder_point: From and to.
        stock_value: Change of its average stock, money.
        fill_rate: Change of the aggregate.
    """

    sku: int
    reorder_point: tuple[int, int]
    stock_value: float
    fill_rate: float


def frontier(*, lowest_fill_rate: float = 0.0, most_corners: int = 20_000, **asked: Any) -> Frontier:
    """The exact frontier of average stock and aggregate fill rate.

    Without shared limits all corners come from one sort of the segments by money per fill rate. With limits, the
    least stock is a convex function of the target, linear between corners: where the lines of two known corners
    cross, the program is solved again, until no crossing lies below the curve (Eisner & Severance).

    It is the program's frontier: between the corners of a SKU's hull it takes fill rate and stock along straight
    lines, so that whole levels may hold a little less (`stock_error` of `safety_stock_levels` bounds it).

    Args:
        lowest_fill_rate: Where to begin, in [0, 1).
        most_corners: At most so many.
        **asked: As `safety_stock_levels`, without fill_rate_target, objective and method.

    Raises:
        ValueError: As `safety_stock_levels`.
        Infeasible: Floors or limits contradict each other.

    Source: Eisner & Severance, Journal of the ACM 23 (1976) 619-635 (parametric search); Silver, Pyke & Thomas,
        4th ed., chapter 6 (exchange curves).
    """
    if most_corners < 2:
        raise ValueError(f"most_corners must be at least 2, got {most_corners}")
    if not 0 <= lowest_fill_rate < 1:
        raise ValueError(f"lowest_fill_rate must be at least 0 and less than 1, got {lowest_fill_rate}")
    problem = level_problem(**asked, fill_rate_target=0.5, objective="stock value")
    row = [limit.name for limit in problem.limits].index(TARGET)
    return _frontier(problem, row, lowest_fill_rate, most_corners)


def policy(reorder_point: ArrayLike, **asked: Any) -> Policy:
    """What today's reorder points come to, in the same figures as the frontier.

    Args:
        reorder_point: Whole units, 0 or more, shape (sku,).
        **asked: As `frontier`.

    Raises:
        ValueError: A shape or a reorder point that cannot be.
    """
    return _checked_policy(_free_problem(asked), reorder_point)


def _checked_policy(problem: LevelProblem, reorder_point: ArrayLike) -> Policy:
    given = np.asarray(reorder_point)
    if given.shape != (len(problem.names),):
        raise ValueError(f"reorder_point must be one per SKU ({len(problem.names)}), got shape {given.shape}")
    if (given < 0).any() or (given != np.rint(given)).any():
        wrong = int(np.flatnonzero((given < 0) | (given != np.rint(given)))[0])
        raise ValueError(f"reorder_point of {problem.names[wrong]} must be whole and at least 0, got {given[wrong]}")
    return _policy(problem, given.astype(np.int64))


def reorder_point_of_stock(on_hand: ArrayLike, **asked: Any) -> IntArray:
    """The reorder points whose expected stock on hand is nearest to what is held on average, from below.

    Args:
        on_hand: Average units in stock, ≥ 0, shape (sku,).
        **asked: As `frontier`.

    Returns:
        Whole units, 0 where even that holds more, and at most what the demand quantiles can vouch for; shape (sku,).

    Raises:
        ValueError: A shape or a stock that cannot be.
    """
    return _of_stock(_free_problem(asked), on_hand)


def implied_policies(on_hand: Sequence[ArrayLike], **asked: Any) -> tuple[Policy, ...]:
    """The policies that average stocks imply: `reorder_point_of_stock` of each, and what it comes to.

    Args:
        on_hand: Average units in stock of each policy, ≥ 0, each of shape (sku,).
        **asked: As `frontier`.

    Raises:
        ValueError: A shape or a stock that cannot be.
    """
    problem = _free_problem(asked)
    return tuple(_policy(problem, _of_stock(problem, held)) for held in on_hand)


def _of_stock(problem: LevelProblem, on_hand: ArrayLike) -> IntArray:
    held = per_sku(on_hand, "on_hand", problem.names)[problem.demanded]
    low = np.zeros(len(held), dtype=np.int64)
    high = problem.curves.level[problem.curves.offsets[1:] - 1]
    while (low < high).any():
        middle = (low + high + 1) // 2
        fits = problem.on_hand(middle) <= held
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    found = np.zeros(len(problem.names), dtype=np.int64)
    found[problem.demanded] = np.maximum(low, 0)
    return found


def moves(today: ArrayLike, target: ArrayLike, **asked: Any) -> tuple[Move, ...]:
    """The steps from one set of reorder points to another, those that free most money per fill rate lost first.

    First what frees stock, then what buys fill rate most cheaply: done in this order, stock never exceeds the larger
    of the two and every step is the best of those left.

    Args:
        today: Reorder points, shape (sku,).
        target: Reorder points, such as those of `safety_stock_levels`, shape (sku,).
        **asked: As `frontier`.
    """
    problem = _free_problem(asked)
    before, after = _checked_policy(problem, today), _checked_policy(problem, target)
    share = np.zeros(len(problem.names))
    share[problem.demanded] = problem.share
    changed = np.flatnonzero(before.reorder_point != after.reorder_point)
    money = (after.sku_stock_value - before.sku_stock_value)[changed]
    service = (share * (after.sku_fill_rate - before.sku_fill_rate))[changed]
    worth = np.abs(money) / np.maximum(np.abs(service), 1e-300)
    order = np.lexsort((np.where(money < 0, -worth, worth), money >= 0))
    return tuple(
        Move(
            int(changed[one]),
            (int(before.reorder_point[changed[one]]), int(after.reorder_point[changed[one]])),
            float(money[one]),
            float(service[one]),
        )
        for one in order
    )


def _free_problem(asked: dict[str, Any]) -> LevelProblem:
    """The SKUs without what only restricts choices: a policy in use may break any limit."""
    dropped = ("limits", "stock_budget", "fill_rate_floor", "reorder_point_min", "reorder_point_max")
    free = {name: value for name, value in asked.items() if name not in dropped}
    return level_problem(**free, fill_rate_target=None, objective="stock value")


def _policy(problem: LevelProblem, reorder_point: IntArray) -> Policy:
    own = reorder_point[problem.demanded]
    fill, value = np.ones(len(reorder_point)), np.zeros(len(reorder_point))
    fill[problem.demanded] = 1 - problem.curves.unmet_at(own)
    value[problem.demanded] = problem.cost * problem.on_hand(own)
    return Policy(
        reorder_point=reorder_point,
        sku_fill_rate=fill,
        sku_stock_value=value,
        fill_rate=problem.fill_rate(own),
        stock_value=float(value.sum()),
        holding_cost=float(problem.holding @ value[problem.demanded]),
    )


def _frontier(problem: LevelProblem, row: int, lowest: float, most_corners: int) -> Frontier:
    program = _without_target(problem.program, row)
    base_rate = problem.fill_rate(problem.curves.lowest)
    if not np.isfinite(program.most).any() and not np.isfinite(program.least).any():
        taken_order = _by_money_per_fill(program)
        rates, stock, holding = _cumulated(problem, taken_order, base_rate)
        is_exact = True
    else:
        rates, stock, holding, is_exact = _searched(problem, program, row, base_rate, most_corners)
    if len(rates) > most_corners:
        kept = np.unique(np.linspace(0, len(rates) - 1, most_corners).astype(np.int64))
        rates, stock, holding, is_exact = rates[kept], stock[kept], holding[kept], False
    begin = int(np.searchsorted(rates, lowest, side="right")) - 1
    if begin >= 0:
        rates, stock, holding = rates[begin:], stock[begin:], holding[begin:]
    price = np.append(np.diff(stock) / np.maximum(np.diff(rates), 1e-300), np.inf)
    return Frontier(rates, stock, holding, price, is_exact)


def _without_target(program: SegmentProgram, row: int) -> SegmentProgram:
    least = program.least.copy()
    least[row] = -np.inf
    return replace(program, least=least)


def _by_money_per_fill(program: SegmentProgram) -> IntArray:
    """Segments worth taking, cheapest fill rate first; within a SKU they come in order by themselves."""
    money = program.costs()
    share = program.fill * _share_of(program)
    useful = np.flatnonzero(share > 0)
    return useful[np.argsort(money[useful] / share[useful], kind="stable")]


def _share_of(program: SegmentProgram) -> FloatArray:
    """Weight in the aggregate of each segment's SKU, shape (segment,)."""
    row = int(np.flatnonzero(program.measure == FILL)[0])
    return np.asarray(program.weight[row][program.sku()])


def _cumulated(problem: LevelProblem, order: IntArray, base_rate: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    program = problem.program
    sku, width = program.sku(), program.width
    money = problem.cost[sku] * program.hold * width
    gained = problem.share[sku] * program.fill * width
    start = problem.cost * problem.on_hand(problem.curves.lowest)
    rates = base_rate + np.concatenate(([0.0], np.cumsum(gained[order])))
    stock = start.sum() + np.concatenate(([0.0], np.cumsum(money[order])))
    holding = problem.holding @ start + np.concatenate(([0.0], np.cumsum((problem.holding[sku] * money)[order])))
    return rates, stock, holding


def _searched(
    problem: LevelProblem, program: SegmentProgram, row: int, base_rate: float, most_corners: int
) -> tuple[FloatArray, FloatArray, FloatArray, bool]:
    """Corners by crossing lines: each solved target gives a point and, by its price, a line below the curve."""

    def solved(rate: float | None) -> tuple[float, float, float, float] | None:
        least = program.least.copy()
        if rate is not None:
            least[row] = rate - base_rate
        optimum = solve(replace(program, least=least))
        if optimum.violation > 0:
            return None
        sku = program.sku()
        reached = base_rate + float((problem.share[sku] * program.fill) @ optimum.taken)
        start = problem.cost * problem.on_hand(problem.curves.lowest)
        money = float(start.sum() + (problem.cost[sku] * program.hold) @ optimum.taken)
        holding = float(problem.holding @ start + (problem.holding * problem.cost)[sku] * program.hold @ optimum.taken)
        return reached, money, holding, float(optimum.price[row])

    first = solved(None)
    if first is None:
        raise refusal(problem, fill_rate_target=None, stock_budget=None)
    top = _highest(program, row)
    last = solved(base_rate + top * (1 - SAME))
    if last is None or last[0] <= first[0]:
        return np.array([first[0]]), np.array([first[1]]), np.array([first[2]]), True
    corners, open_pairs, is_exact = [first, last], [(first, last)], True
    while open_pairs:
        left, right = open_pairs.pop()
        if len(corners) >= most_corners:
            is_exact = False
            break
        steepness = right[3] - left[3]
        chord = (right[1] - left[1]) / max(right[0] - left[0], 1e-300)
        if steepness <= SAME * abs(right[3]) or chord - left[3] <= SAME * abs(right[3]):
            continue
        crossing = (left[1] - left[3] * left[0] - right[1] + right[3] * right[0]) / steepness
        crossing = min(max(crossing, left[0]), right[0])
        if crossing - left[0] <= SAME or right[0] - crossing <= SAME:
            continue
        below = left[1] + left[3] * (crossing - left[0])
        found = solved(crossing)
        if found is None:
            continue
        corners.append(found)
        if found[1] - below > SAME * abs(right[1] - left[1]) + SAME * abs(below):
            open_pairs += [(left, found), (found, right)]
    found_corners = _without_straight_ones(np.array(sorted(corners)))
    return found_corners[:, 0], found_corners[:, 1], found_corners[:, 2], is_exact


def _without_straight_ones(corners: FloatArray) -> FloatArray:
    """Points at which the curve bends, shape (corner, figure); solving also finds some between two bends."""
    kept = [corners[0]]
    for number in range(1, len(corners)):
        here = corners[number]
        if here[0] - kept[-1][0] <= SAME:
            continue
        while len(kept) > 1:
            before = (kept[-1][1] - kept[-2][1]) / (kept[-1][0] - kept[-2][0])
            after = (here[1] - kept[-1][1]) / (here[0] - kept[-1][0])
            if after - before > STRAIGHT * abs(before):
                break
            kept.pop()
        kept.append(here)
    return np.array(kept)


def _highest(program: SegmentProgram, row: int) -> float:
    """Most fill rate that the other limits allow above the lowest levels."""
    cost = np.zeros_like(program.cost)
    cost[FILL] = -program.weight[row]
    return -solve(replace(program, cost=cost)).certificate.objective
