"""The search over suppliers' orders: from whom, and how many containers; the SKUs follow.

Given what suppliers' orders are as a whole, the relaxation of `replenishment_columns` leaves few SKUs fractional. So
branch and bound runs over the suppliers' columns alone, each node one warm start of the simplex method; around the best
leaves `order_rounding` makes the SKUs whole. The search's bound holds for whole SKUs too, and proves the gap. Where
that gap is too wide, HiGHS goes on from there with every column whole.
"""

import heapq
import time
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.mixed_program import ProgramArrays, Status
from optimization.order_rounding import rounded_orders
from optimization.replenishment_columns import OrderProgram, OrderRound, order_program, shared_skus

WHOLE = 1e-6
CANDIDATES = 8
LEAVES = 3
SMALL_PROGRAM = 600


@dataclass(frozen=True)
class RoundSolution:
    """Attributes:
    status: "optimal" is proven to the gap asked for.
    packs: Per offer; None where no order was found.
    bound: No order costs less.
    """

    status: Status
    packs: IntArray | None
    bound: float


def solve_round(
    round_: OrderRound, *, relative_gap: float, time_limit: float, small: int = SMALL_PROGRAM
) -> RoundSolution:
    """The cheapest order found and the highest bound proven.

    Programs of at most `small` corners go to HiGHS at once.
    """
    end = time.monotonic() + time_limit
    full, offset = order_program(round_, whole_packs=True), round_.shortage_without
    if len(full.corners.packs) <= small:
        found = full.program.solve(offset=offset, relative_gap=relative_gap, time_limit=time_limit)
        return RoundSolution(found.status, _packs_of(full, round_, found.values), found.bound)
    relaxed = order_program(round_, whole_packs=False).program
    search = _SupplierSearch(relaxed, offset=offset, relative_gap=relative_gap / 3, end=end)
    search.run()
    if search.bound == np.inf:
        return RoundSolution("infeasible", None, np.inf)
    packs: IntArray | None = None
    start: FloatArray | None = None
    cost = np.inf
    for leaf in sorted(search.leaves)[:LEAVES] if not shared_skus(round_).any() else []:
        if leaf.cost >= cost:
            break
        for rounded in rounded_orders(round_, full, leaf.values, leaf.row_price, objective=leaf.cost, end=end):
            if offset + rounded.cost < cost:
                cost, packs = offset + rounded.cost, _packs_by_offer(full, round_, rounded.packs)
                start = _start(full, rounded.packs, leaf)
            if _proven(cost, search.bound, relative_gap):
                return RoundSolution("optimal", packs, search.bound)
    left = max(end - time.monotonic(), 0.1)
    rest = full.program.solve(offset=offset, relative_gap=relative_gap, time_limit=left, start=start)
    if rest.objective < cost:
        packs, cost = _packs_of(full, round_, rest.values), rest.objective
    bound = min(max(search.bound, rest.bound), cost)
    if packs is None:
        return RoundSolution(rest.status, None, bound)
    return RoundSolution("optimal" if _proven(cost, bound, relative_gap) else "time limit", packs, bound)


def _packs_of(full: OrderProgram, round_: OrderRound, values: FloatArray | None) -> IntArray | None:
    return None if values is None else full.packs(values, len(round_.offers.sku))


def _packs_by_offer(full: OrderProgram, round_: OrderRound, packs: FloatArray) -> IntArray:
    summed = np.bincount(full.modes.offer, packs, minlength=len(round_.offers.sku))
    return np.rint(summed).astype(np.int64)


def _start(full: OrderProgram, packs: FloatArray, leaf: "_Leaf") -> FloatArray:
    """A whole order as the program's columns; NaN where the solver works the rest out."""
    start = np.full(len(full.program.cost), np.nan)
    start[full.mode_packs], start[full.mode_used] = packs, packs > 0
    shared = np.flatnonzero(full.program.whole[: len(leaf.values)])
    start[shared] = np.rint(leaf.values[shared])
    return start


def _proven(objective: float, bound: float, relative_gap: float) -> bool:
    return bool(np.isfinite(objective) and objective - bound <= relative_gap * abs(objective) + 1e-9)


@dataclass(frozen=True, order=True)
class _Node:
    """Bounds on the suppliers' columns, and what the relaxation costs and chooses within them."""

    cost: float
    number: int
    lower: FloatArray = field(compare=False)
    upper: FloatArray = field(compare=False)
    chosen: FloatArray = field(compare=False)

    @property
    def open(self) -> IntArray:
        """Which of the suppliers' columns are not whole."""
        return np.flatnonzero(np.abs(self.chosen - np.rint(self.chosen)) > WHOLE)


@dataclass(frozen=True, order=True)
class _Leaf:
    """A relaxed solution whose suppliers' columns are whole: every column's value, every row's dual value."""

    cost: float
    values: FloatArray = field(compare=False)
    row_price: FloatArray = field(compare=False)


class _SupplierSearch:
    """Best bound first, plunging from each node to a leaf; branches where both children rise most."""

    def __init__(self, program: ProgramArrays, *, offset: float, relative_gap: float, end: float) -> None:
        self.columns = np.flatnonzero(program.whole).astype(np.int32)
        self.lower, self.upper = program.lower[self.columns], program.upper[self.columns]
        self.highs = program.opened(offset=offset, whole=False, time_limit=max(end - time.monotonic(), 0.1))
        self.relative_gap, self.end = relative_gap, end
        self.numbers = count()
        self.rise, self.trials = np.zeros((2, len(self.columns))), np.zeros((2, len(self.columns)))
        self.waiting: list[_Node] = []
        self.leaves: list[_Leaf] = []
        self.cutoff = np.inf
        self.out_of_time = False

    @property
    def bound(self) -> float:
        """No order costs less; infinite where there is none."""
        if self.out_of_time and not self.waiting:
            return -np.inf
        return min([self.cutoff, *(node.cost for node in self.waiting)])

    def run(self) -> None:
        """Search until no waiting node can lead below the cutoff, or time is up."""
        node = self._solved(self.lower, self.upper)
        while node is not None or (self.waiting and self.waiting[0].cost < self.cutoff):
            node = heapq.heappop(self.waiting) if node is None else node
            if time.monotonic() > self.end:
                self.out_of_time = True
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
        whole = np.rint(node.chosen)
        self._run(whole, whole)
        if not self._optimal():
            self._run(node.lower, node.upper)
        solution = self.highs.getSolution()
        self.leaves.append(_Leaf(node.cost, np.asarray(solution.col_value), np.asarray(solution.row_dual)))
        self.cutoff = min(self.cutoff, node.cost - self.relative_gap * abs(node.cost))

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
            child = self._solved(lower, upper)
            if child is not None:
                pair.append(child)
                rises[side] = max(child.cost - node.cost, 0.0)
                self.rise[side, place] += rises[side] / distance[side]
                self.trials[side, place] += 1
        return pair, rises

    def _solved(self, lower: FloatArray, upper: FloatArray) -> _Node | None:
        """The node of these bounds; None where it cannot lead below the cutoff."""
        import highspy

        self._run(lower, upper)
        status = self.highs.getModelStatus()
        if status in {highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kObjectiveBound}:
            return None
        if not self._optimal():
            self.highs.clearSolver()
            self._run(lower, upper)
        if not self._optimal():
            self.out_of_time = True
            self.end = -np.inf
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
