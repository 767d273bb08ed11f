"""Which limits contradict each other, and what would settle it, in words."""

from __future__ import annotations

import numpy as np

from optimization.arrays import FloatArray
from optimization.infeasible import Infeasible
from optimization.level_conflicts import conflict_of, least_change
from optimization.level_limits import Limit
from optimization.level_problem import BUDGET, TARGET, LevelProblem


def refusal(problem: LevelProblem, *, fill_rate_target: float | None, stock_budget: float | None) -> Infeasible:
    """What to raise where the problem's limits cannot all be kept.

    Args:
        problem: One without an answer.
        fill_rate_target: The aggregate asked for, if any.
        stock_budget: The budget given, if any.
    """
    target, budget = fill_rate_target, stock_budget
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


def _extreme(problem: LevelProblem, row: int, side: str, base: FloatArray) -> float | None:
    change = least_change(problem.program, row, side)
    return None if change is None else float(change.limit + base[row])


def _in_words(
    problem: LevelProblem,
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
