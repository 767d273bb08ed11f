"""Whole reorder points from a linear program's fractional ones."""

from __future__ import annotations

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.level_limits import MEASURES
from optimization.level_problem import WHOLE, LevelProblem
from optimization.lot_shortage import LotCurves
from optimization.segments import FILL, HOLD


def rounded(problem: LevelProblem, reorder_point: FloatArray) -> IntArray:
    """Whole levels: up where the upper limits allow, most fill rate per money first, else down.

    Where a fill rate is then missed, since it is not concave or a level went down, the units are added that meet it
    most cheaply and that upper limits allow.
    """
    nearest = np.rint(reorder_point)
    settled = np.abs(reorder_point - nearest) <= WHOLE * np.maximum(1.0, reorder_point)
    levels = _WholeLevels(problem, np.where(settled, nearest, np.floor(reorder_point)).astype(np.int64))
    up = np.where(settled, nearest, np.ceil(reorder_point)).astype(np.int64)
    gain = problem.share * (levels.unmet - problem.curves.unmet_at(up))
    money = problem.cost * (problem.on_hand(up) - levels.on_hand)
    open_skus = np.flatnonzero(~settled)
    worth = gain[open_skus] / np.maximum(money[open_skus], 1e-300)
    for sku in open_skus[np.argsort(-worth, kind="stable")].tolist():
        levels.raise_within_limits(sku, int(up[sku]))
    for limit, weight in zip(problem.limits, problem.weights, strict=True):
        if limit.measure == "fill rate" and limit.at_least is not None and weight.any():
            _repair(levels, weight, limit.at_least)
    return levels.whole


class _WholeLevels:
    """Whole levels with what they come to, of which one SKU at a time is raised while the upper limits allow."""

    def __init__(self, problem: LevelProblem, whole: IntArray) -> None:
        self.problem, self.whole = problem, whole
        self.unmet, self.on_hand = problem.curves.unmet_at(whole), problem.on_hand(whole)
        self.totals = problem.sums(whole)
        self.most = np.array([np.inf if limit.at_most is None else limit.at_most for limit in problem.limits])
        self.measures = np.array([MEASURES[limit.measure] for limit in problem.limits], dtype=np.int64)

    def unmet_of(self, sku: int, level: int) -> float:
        return float(self.problem.curves.of_sku(sku).unmet_at(np.array([level]))[0])

    def on_hand_of(self, sku: int, level: int) -> float:
        problem = self.problem
        backorders = float(problem.curves.of_sku(sku).backorders_at(np.array([level]))[0])
        beside = (problem.lot[sku] + 1) / 2 + problem.review[sku] / 2
        return float(level - problem.mean[sku] + beside + backorders)

    def raise_within_limits(self, sku: int, level: int) -> bool:
        """Raise a SKU to a level unless that breaks an upper limit."""
        unmet, on_hand = self.unmet_of(sku, level), self.on_hand_of(sku, level)
        gains = np.where(
            self.measures == FILL,
            self.unmet[sku] - unmet,
            np.where(self.measures == HOLD, on_hand - self.on_hand[sku], level - self.whole[sku]),
        )
        totals = self.totals + self.problem.weights[:, sku] * gains
        if (totals > self.most * (1 + 1e-9)).any():
            return False
        self.whole[sku], self.unmet[sku], self.on_hand[sku], self.totals = level, unmet, on_hand, totals
        return True


def _repair(levels: _WholeLevels, weight: FloatArray, least: float) -> None:
    """Meet one fill rate: each time the SKU that gains most per money goes towards its next corner of the hull, as far
    as is still needed; between corners a single unit may gain next to nothing.
    """
    problem = levels.problem
    missing = _missing(levels, weight, least)
    if missing <= 0:
        return
    up = _next_corner(problem.curves, levels.whole)
    gain = weight * (levels.unmet - problem.curves.unmet_at(up))
    money = problem.cost * (problem.on_hand(up) - levels.on_hand)
    worth = np.where(gain > 0, gain / np.maximum(money, 1e-300), -1.0)
    refused = 0
    while missing > 0 and refused < len(problem.limits) + 4:
        best = int(np.argmax(worth))
        if worth[best] < 0:
            return
        level = _as_far_as_needed(levels, best, int(up[best]), missing / weight[best])
        if not levels.raise_within_limits(best, level):
            worth[best] = -1.0
            refused += 1
            continue
        missing = _missing(levels, weight, least)
        up[best] = _next_corner(problem.curves.of_sku(best), levels.whole[best : best + 1])[0]
        gained = weight[best] * (levels.unmet[best] - levels.unmet_of(best, int(up[best])))
        spent = problem.cost[best] * (levels.on_hand_of(best, int(up[best])) - levels.on_hand[best])
        worth[best] = gained / max(spent, 1e-300) if gained > 0 else -1.0


def _missing(levels: _WholeLevels, weight: FloatArray, least: float) -> float:
    return float(least - 1e-12 - (1 - weight @ levels.unmet))


def _next_corner(curves: LotCurves, whole: IntArray) -> IntArray:
    """The hull's first corner above each level; the level itself at the top."""
    sku = np.repeat(np.arange(len(whole)), np.diff(curves.offsets))
    passed = np.bincount(sku, curves.level <= whole[sku], minlength=len(whole)).astype(np.int64)
    above = np.minimum(curves.offsets[:-1] + passed, curves.offsets[1:] - 1)
    return np.asarray(np.maximum(whole, curves.level[above]))


def _as_far_as_needed(levels: _WholeLevels, sku: int, high: int, gain: float) -> int:
    """The lowest level above a SKU's own that meets so much more of its demand, or the highest."""
    low, wanted = int(levels.whole[sku]), levels.unmet[sku] - gain
    while high - low > 1:
        middle = (low + high) // 2
        if levels.unmet_of(sku, middle) <= wanted:
            high = middle
        else:
            low = middle
    return high
