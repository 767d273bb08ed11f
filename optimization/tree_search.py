"""Branch and bound over the whole columns of a program, each node one warm start of the simplex method."""

import heapq
import time
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.mixed_program import ProgramArrays

WHOLE = 1e-6
CANDIDATES = 8


@dataclass(frozen=True, order=True)
class _Node:
    """Bounds on the whole columns, and what the relaxation costs and chooses within them."""

    cost: float
    number: int
    lower: FloatArray = field(compare=False)
    upper: FloatArray = field(compare=False)
    chosen: FloatArray = field(compare=False)

    @property
    def open(self) -> IntArray:
        """Which of these columns are not whole."""
        return np.flatnonzero(np.abs(self.chosen - np.rint(self.chosen)) > WHOLE)


@dataclass(frozen=True, order=True)
class Leaf:
    """A solution: its cost, every column's value, every row's dual value."""

    cost: float
    values: FloatArray = field(compare=False)
    row_price: FloatArray = field(compare=False)


class TreeSearch:
    """Best bound first, plunging from each node to a leaf; branches where both children rise most.

    Attributes:
        leaves: Solutions found.
    """

    def __init__(
        self, program: ProgramArrays, *, offset: float, end: float, relative_slack: float = 0.0, slack: float = 0.0
    ) -> None:
        """Once a solution is known, only what is cheaper by more than the slack is looked for.

        Args:
            program: To minimise.
            offset: Added to its cost.
            end: When to stop, by the monotonic clock.
            relative_slack: Share of a solution's cost.
            slack: In the unit of the cost.
        """
        self.columns = np.flatnonzero(program.whole).astype(np.int32)
        self.lower, self.upper = program.lower[self.columns], program.upper[self.columns]
        self.highs = program.opened(offset=offset, whole=False, time_limit=max(end - time.monotonic(), 0.1))
        self.relative_slack, self.slack, self.end = relative_slack, slack, end
        self.numbers = count()
        self.rise, self.trials = np.zeros((2, len(self.columns))), np.zeros((2, len(self.columns)))
        self.waiting: list[_Node] = []
        self.leaves: list[Leaf] = []
        self.cutoff = np.inf
        self.unsolved = np.inf

    @property
    def bound(self) -> float:
        """No solution costs less; infinite where there is none."""
        return min([self.cutoff, self.unsolved, *(node.cost for node in self.waiting)])

    def leaf_at(self, whole: FloatArray) -> Leaf | None:
        """The solution with these values of the whole columns; None where there is none."""
        before, self.cutoff = self.cutoff, np.inf
        self._run(whole, whole)
        self.cutoff = before
        return self._leaf() if self._optimal() else None

    def run(self) -> None:
        """Search until no waiting node can lead below the cutoff, or time is up."""
        node = self._solved(self.lower, self.upper, -np.inf)
        while node is not None or (self.waiting and self.waiting[0].cost < self.cutoff):
            node = heapq.heappop(self.waiting) if node is None else node
            if time.monotonic() > self.end:
                heapq.heappush(self.waiting, node)
                return
            node = self._expanded(node)

    def _expanded(self, node: _Node) -> _Node | None:
        """The better child; the other waits. None at a leaf, or where no child can lead below the cutoff."""
        if not len(node.open):
            self._reach(node)
            return None
        children = sorted(child for child in self._children(node) if child.cost < self.cutoff)
        for child in children[1:]:
            heapq.heappush(self.waiting, child)
        return children[0] if children else None

    def _reach(self, node: _Node) -> None:
        leaf = self.leaf_at(np.rint(node.chosen))
        if leaf is None:
            self._run(node.lower, node.upper)
            leaf = self._leaf()
        self.leaves.append(leaf)
        self.cutoff = min(self.cutoff, node.cost - max(self.relative_slack * abs(node.cost), self.slack))

    def _leaf(self) -> Leaf:
        solution = self.highs.getSolution()
        cost = float(self.highs.getInfo().objective_function_value)
        return Leaf(cost, np.asarray(solution.col_value), np.asarray(solution.row_dual))

    def _children(self, node: _Node) -> list[_Node]:
        """Of the most promising columns, tried in turn, the children of the one that raises both costs most."""
        fraction = node.chosen - np.floor(node.chosen)
        distance = np.maximum(np.array([fraction, 1 - fraction]), WHOLE)
        known = self.rise / np.maximum(self.trials, 1)
        usual = self.rise.sum(axis=1) / np.maximum(self.trials.sum(axis=1), 1)
        expected = np.maximum(np.where(self.trials > 0, known, usual[:, None]) * distance, WHOLE).prod(axis=0)
        best, highest = [], -np.inf
        for tried, place in enumerate(sorted(node.open.tolist(), key=lambda one: -float(expected[one]))):
            reliable = bool((self.trials[:, place] >= 2).all())
            if tried == CANDIDATES or (tried and reliable and expected[place] <= highest):
                break
            pair, rises = self._tried(node, place, distance[:, place])
            score = float(np.prod(np.maximum(rises, WHOLE)))
            if score > highest:
                best, highest = pair, score
        return best

    def _tried(self, node: _Node, place: int, distance: FloatArray) -> tuple[list[_Node], FloatArray]:
        """Both children at a column, as far as they can lead below the cutoff, and how much each rises."""
        pair, rises = [], np.full(2, 1e12)
        for side in (0, 1):
            lower, upper = node.lower.copy(), node.upper.copy()
            if side:
                lower[place] = np.ceil(node.chosen[place])
            else:
                upper[place] = np.floor(node.chosen[place])
            child = self._solved(lower, upper, node.cost)
            if child is not None:
                pair.append(child)
                rises[side] = max(child.cost - node.cost, 0.0)
                self.rise[side, place] += rises[side] / distance[side]
                self.trials[side, place] += 1
        return pair, rises

    def _solved(self, lower: FloatArray, upper: FloatArray, least: float) -> _Node | None:
        """The node of these bounds, whose cost is known to be at least so much; None where it leads to nothing cheap.

        Where the simplex method does not end, the search does, and keeps what is known as a bound.
        """
        import highspy

        self._run(lower, upper)
        if self.highs.getModelStatus() in {
            highspy.HighsModelStatus.kInfeasible,
            highspy.HighsModelStatus.kObjectiveBound,
        }:
            return None
        if not self._optimal():
            self.highs.clearSolver()
            self._run(lower, upper)
        if not self._optimal():
            self.unsolved, self.end = min(self.unsolved, least), -np.inf
            return None
        chosen = np.asarray(self.highs.getSolution().col_value)[self.columns]
        cost = float(self.highs.getInfo().objective_function_value)
        return _Node(cost, next(self.numbers), lower, upper, chosen)

    def _run(self, lower: FloatArray, upper: FloatArray) -> None:
        self.highs.changeColsBounds(len(self.columns), self.columns, lower, upper)
        self.highs.setOptionValue("objective_bound", min(self.cutoff, 1e200))
        self.highs.run()

    def _optimal(self) -> bool:
        import highspy

        return bool(self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)
