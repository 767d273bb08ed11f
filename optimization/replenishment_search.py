"""The search over suppliers' orders: from whom, and how many containers; the SKUs follow.

Given what suppliers' orders are as a whole, the relaxation of `replenishment_columns` leaves few SKUs fractional. So
branch and bound runs over the suppliers' columns alone; around the best leaves `order_rounding` makes the SKUs whole.
The search's bound holds for whole SKUs too, and proves the gap. Where that gap is too wide, `supplier_bounds` narrows
it if each SKU has one supplier, and HiGHS goes on from there with every column whole.
"""

import time
from dataclasses import dataclass, replace

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.mixed_program import Status
from optimization.order_outcome import broken_rules, order_costs, supplier_orders
from optimization.order_rounding import CORES, rounded_orders
from optimization.replenishment_columns import OrderProgram, OrderRound, order_program, shared_skus
from optimization.supplier_bounds import supplier_bounds, suppliers_apart
from optimization.tree_search import Leaf, TreeSearch

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
        packs = None if found.values is None else _packs_of(full, round_, found.values)
        return RoundSolution(found.status, packs, found.bound)
    return _Round(round_, full, relative_gap, end).solved()


class _Round:
    """A search of its own kind after the other, until the gap is proven or time is up."""

    def __init__(self, round_: OrderRound, full: OrderProgram, relative_gap: float, end: float) -> None:
        self.round, self.full, self.relative_gap, self.end = round_, full, relative_gap, end
        self.offset = round_.shortage_without
        relaxed = order_program(round_, whole_packs=False).program
        self.search = TreeSearch(relaxed, offset=self.offset, relative_slack=relative_gap / 3, end=end)
        self.packs: IntArray | None = None
        self.start: FloatArray | None = None
        self.cost, self.bound = np.inf, -np.inf

    def solved(self) -> RoundSolution:
        self.search.run()
        self.bound = self.search.bound
        if self.bound == np.inf:
            return RoundSolution("infeasible", None, np.inf)
        if not shared_skus(self.round).any():
            self._round_leaves()
        if not self.proven:
            return self._by_highs()
        return RoundSolution("optimal", self.packs, self.bound)

    @property
    def proven(self) -> bool:
        return bool(self.cost - self.bound <= self.relative_gap * abs(self.cost) + 1e-9) and self.packs is not None

    def _round_leaves(self) -> None:
        """Whole packs near the best leaves, and where that proves too little, each supplier by itself."""
        leaves = sorted(self.search.leaves)[:LEAVES]
        for leaf in leaves[:1]:
            self._round_leaf(leaf, CORES[:1])
            if not self.proven and suppliers_apart(self.full):
                self._each_supplier(leaf)
        for leaf in leaves:
            if not self.proven and leaf.cost < self.cost:
                self._round_leaf(leaf, CORES)

    def _round_leaf(self, leaf: Leaf, cores: tuple[int, ...]) -> None:
        orders = rounded_orders(self.round, self.full, leaf.values, leaf.row_price, cores=cores, end=self.end)
        for order in orders:
            if self.offset + order.cost < self.cost:
                self.cost = self.offset + order.cost
                self.packs = _packs_by_offer(self.full, self.round, order.packs)
                self.start = _start(self.full, order.packs, leaf)
            if self.proven:
                return

    def _each_supplier(self, leaf: Leaf) -> None:
        """A bound by suppliers, and whole packs near the suppliers' orders that it finds best."""
        slack = self.relative_gap / 3 * abs(leaf.cost)
        apart = supplier_bounds(self.full, leaf.row_price, offset=self.offset, slack=slack, end=self.end)
        self.bound = max(self.bound, min(apart.bound, self.cost))
        if np.isnan(apart.values).any():
            return
        self._take(_packs_of(self.full, self.round, apart.values))
        if not self.proven:
            self._round_leaf(replace(leaf, values=apart.values[: len(leaf.values)]), CORES)

    def _take(self, packs: IntArray) -> None:
        """An order if it keeps the round's limits and is the cheapest so far."""
        cost = order_costs(self.round, packs, supplier_orders(self.round, packs)).total
        if cost < self.cost and not broken_rules(self.round, packs):
            self.cost, self.packs, self.start = cost, packs, None

    def _by_highs(self) -> RoundSolution:
        left = max(self.end - time.monotonic(), 0.1)
        rest = self.full.program.solve(
            offset=self.offset, relative_gap=self.relative_gap, time_limit=left, start=self.start
        )
        if rest.values is not None and rest.objective < self.cost:
            self.packs, self.cost = _packs_of(self.full, self.round, rest.values), rest.objective
        self.bound = min(max(self.bound, rest.bound), self.cost)
        if self.packs is None:
            return RoundSolution(rest.status, None, self.bound)
        return RoundSolution("optimal" if self.proven else "time limit", self.packs, self.bound)


def _packs_of(full: OrderProgram, round_: OrderRound, values: FloatArray) -> IntArray:
    return full.packs(values, len(round_.offers.sku))


def _packs_by_offer(full: OrderProgram, round_: OrderRound, packs: FloatArray) -> IntArray:
    summed = np.bincount(full.modes.offer, packs, minlength=len(round_.offers.sku))
    return np.rint(summed).astype(np.int64)


def _start(full: OrderProgram, packs: FloatArray, leaf: Leaf) -> FloatArray:
    """A whole order as the program's columns; NaN where the solver works the rest out."""
    start = np.full(len(full.program.cost), np.nan)
    start[full.mode_packs], start[full.mode_used] = packs, packs > 0
    shared = np.flatnonzero(full.program.whole[: len(leaf.values)])
    start[shared] = np.rint(leaf.values[shared])
    return start
