"""Whole reorder points from a linear program's fractional ones."""

from __future__ import annotations

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.level_problem import WHOLE, LevelProblem


def rounded(problem: LevelProblem, reorder_point: FloatArray) -> IntArray:
    """Whole levels: up where the upper limits allow, most fill rate per money first, else down.

    Where a fill rate is then missed, since it is not concave or a level went down, the units are added that meet it
    most cheaply and that upper limits allow.
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
    for limit, weight in zip(problem.limits, problem.weights, strict=True):
        if limit.measure == "fill rate" and limit.at_least is not None and weight.any():
            whole = _raised_to(problem, whole, weight, limit.at_least)
    return whole


def _raised_to(problem: LevelProblem, whole: IntArray, weight: FloatArray, least: float) -> IntArray:
    """Levels that meet one fill rate: each time the SKU that gains most per money goes towards its next corner of the
    hull, as far as is still needed; between corners a single unit may gain next to nothing.
    """
    refused = np.zeros(len(whole), dtype=np.bool_)
    while refused.sum() < len(problem.limits) + 4:
        unmet = problem.curves.unmet_at(whole)
        missing = least - 1e-12 - (1 - weight @ unmet)
        if missing <= 0:
            break
        up = _next_corner(problem, whole)
        gain = weight * (unmet - problem.curves.unmet_at(up))
        money = problem.cost * (problem.on_hand(up) - problem.on_hand(whole))
        worth = np.where((gain > 0) & ~refused, gain / np.maximum(money, 1e-300), -1.0)
        best = int(np.argmax(worth)) if len(worth) else 0
        if not len(worth) or worth[best] < 0:
            break
        raised = whole.copy()
        raised[best] = _as_far_as_needed(problem, best, int(whole[best]), int(up[best]), missing / weight[best])
        if _within_upper_limits(problem, raised):
            whole = raised
        else:
            refused[best] = True
    return whole


def _next_corner(problem: LevelProblem, whole: IntArray) -> IntArray:
    """The hull's first corner above each level; the level itself at the top."""
    curves = problem.curves
    sku = np.repeat(np.arange(len(whole)), np.diff(curves.offsets))
    passed = np.bincount(sku, curves.level <= whole[sku], minlength=len(whole)).astype(np.int64)
    last = curves.offsets[1:] - 1
    return np.asarray(np.maximum(whole, curves.level[np.minimum(curves.offsets[:-1] + passed, last)]))


def _as_far_as_needed(problem: LevelProblem, sku: int, low: int, high: int, gain: float) -> int:
    """The lowest level in (low, high] that meets so much more of the SKU's demand, or the highest."""
    curve = problem.curves.of_sku(sku)
    wanted = curve.unmet_at(np.array([low]))[0] - gain
    while high - low > 1:
        middle = (low + high) // 2
        if curve.unmet_at(np.array([middle]))[0] <= wanted:
            high = middle
        else:
            low = middle
    return high


def _within_upper_limits(problem: LevelProblem, whole: IntArray) -> bool:
    return all(
        limit.at_most is None or total <= limit.at_most * (1 + 1e-9)
        for limit, total in zip(problem.limits, problem.sums(whole).tolist(), strict=True)
    )
