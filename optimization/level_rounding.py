"""Whole reorder points from a linear program's fractional ones."""

from __future__ import annotations

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.level_problem import WHOLE, LevelProblem


def rounded(problem: LevelProblem, reorder_point: FloatArray) -> IntArray:
    """Whole levels: up where the upper limits allow, most fill rate per money first, else down.

    Where a fill rate is then missed, since it is not concave or a level went down, the cheapest units are
    added that upper limits allow.
    """
    nearest = np.rint(reorder_point)
    settled = np.abs(reorder_point - nearest) <= WHOLE * np.maximum(1.0, reorder_point)
    down = np.where(settled, nearest, np.floor(reorder_point)).astype(np.int64)
    up = np.where(settled, nearest, np.ceil(reorder_point)).astype(np.int64)
    gain = problem.share * (problem.curves.unmet_at(down) - problem.curves.unmet_at(up))
    money = problem.cost * (problem.on_hand(up) - problem.on_hand(down))
    open_skus = np.flatnonzero(~settled)
    worth = gain[open_skus] / np.maximum(money[open_skus], 1e-300)
    for sku in open_skus[np.argsort(-worth, kind="stable")]:
        raised = down.copy()
        raised[sku] = up[sku]
        if _within_upper_limits(problem, raised):
            down = raised
    return _repaired(problem, down)


def _repaired(problem: LevelProblem, whole: IntArray) -> IntArray:
    tops = problem.curves.level[problem.curves.offsets[1:] - 1]
    rates = [
        (weight, limit.at_least)
        for limit, weight in zip(problem.limits, problem.weights, strict=True)
        if limit.measure == "fill rate" and limit.at_least is not None and weight.any()
    ]
    refused = np.zeros(len(whole), dtype=np.bool_)
    for weight, least in rates:
        for _ in range(len(problem.limits) + 4):
            unmet = problem.curves.unmet_at(whole)
            if 1 - weight @ unmet >= least - 1e-12:
                break
            up = np.minimum(whole + 1, tops)
            gain = weight * (unmet - problem.curves.unmet_at(up))
            money = problem.cost * (problem.on_hand(up) - problem.on_hand(whole))
            worth = np.where((up > whole) & (gain > 0) & ~refused, gain / np.maximum(money, 1e-300), -1.0)
            best = int(np.argmax(worth)) if len(worth) else 0
            if not len(worth) or worth[best] < 0:
                break
            raised = whole.copy()
            raised[best] = up[best]
            if _within_upper_limits(problem, raised):
                whole = raised
            else:
                refused[best] = True
    return whole


def _within_upper_limits(problem: LevelProblem, whole: IntArray) -> bool:
    return all(
        limit.at_most is None or total <= limit.at_most * (1 + 1e-9)
        for limit, total in zip(problem.limits, problem.sums(whole).tolist(), strict=True)
    )
