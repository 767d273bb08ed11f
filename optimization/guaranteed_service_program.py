"""Cheapest guaranteed service times in any network: a linear program, its variables whole where loops ask for it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.guaranteed_service import (
    GuaranteedServicePlan,
    PossibleTimes,
    TimeGraph,
    guaranteed_service_plan,
    possible_times,
    stage_weights,
)
from optimization.service_network import ServiceNetwork

Method = Literal["linear program", "mixed-integer program"]
WHOLE = 1e-6
TOLERANCE = 1e-10
MOST_PAIRS = 20_000_000
# The solver stops at an absolute gap of 1e-6: costs are scaled to a total of this, so that no gap is left to see.
SCALED_COST = 1e4


@dataclass(frozen=True)
class GuaranteedServiceProgram:
    """Attributes:
    plan: The cheapest found.
    method: Whether the linear program answered in whole times by itself or its variables had to be made whole.
    lower_bound: No plan has a cost rate below, up to the solver's tolerance.
    gap: (cost rate − lower bound) / cost rate: 0 where the plan is proven to be cheapest.
    """

    plan: GuaranteedServicePlan
    method: Method
    lower_bound: float
    gap: float


def guaranteed_service_program(network: ServiceNetwork, *, time_limit: float = np.inf) -> GuaranteedServiceProgram:
    """Cheapest promises in any network without cycles.

    For every stage, with x a time that SI can have and y one that S can have,

        z_y = [S ≥ y]      w_x = [SI ≥ x]      p_xy = [SI = x and S = y]

        minimise    Σ h·k·σ·√(x + T − y)·p_xy           over x + T ≥ y
        subject to  Σ_y p_xy = w_x − w_next(x)          Σ_x p_xy = z_y − z_next(y)
                    z_y of a supplier ≤ w_x of its customer, x the least time not below y

    where all variables lie between 0 and 1. In a network without loops the corners of these limits are
    whole: they couple neighbours on a tree, each pair by its exact hull. There the linear program is the
    whole answer. With loops its optimum may be fractional (it is then a bound); the z are then made whole,
    and everything else follows.

    Args:
        network: Any; long times in networks with loops make a large program.
        time_limit: Seconds for the whole-number search; then the best found counts, with its gap.

    Raises:
        ValueError: time_limit not positive, or times so long that the program would not fit.

    Source: the marginal polytope of a pairwise model is its local one on trees (Wainwright & Jordan,
        Graphical models, exponential families, and variational inference, 2008, section 4); the model is
        Graves & Willems (2000).

    >>> from optimization.service_network import service_network
    >>> network = service_network(
    ...     ["steel", "frame", "axle", "cart"],
    ...     [("steel", "frame"), ("steel", "axle"), ("frame", "cart"), ("axle", "cart")],
    ...     processing_time=[10, 2, 3, 1], holding_cost=[1.0, 2.0, 2.0, 6.0], demand_bound_constant=2.0,
    ...     demand_sd=[0.0, 0.0, 0.0, 10.0], external_outbound_time=[None, None, None, 0],
    ... )
    >>> answer = guaranteed_service_program(network)
    >>> answer.plan.stages_that_hold_stock, answer.plan.outbound_service_time, answer.gap
    (('steel', 'cart'), array([0, 2, 3, 0]), 0.0)
    """
    if not time_limit > 0:
        raise ValueError(f"time_limit must be positive, got {time_limit}")
    graph = TimeGraph.of(network)
    program = _Program.of(network, graph, possible_times(graph))
    share, relaxed = program.relaxation()
    plan = program.plan(network, graph, share)
    method: Method = "linear program"
    bound = relaxed
    if np.abs(share - np.rint(share)).max(initial=0.0) > WHOLE:
        method = "mixed-integer program"
        found, bound = program.whole(relaxed, time_limit)
        if found is not None:
            plan = min(plan, program.plan(network, graph, found), key=lambda one: one.cost_rate)
    bound = min(max(bound, relaxed), plan.cost_rate)
    gap = (plan.cost_rate - bound) / plan.cost_rate if plan.cost_rate > 0 else 0.0
    proven = gap <= WHOLE
    return GuaranteedServiceProgram(
        plan=plan, method=method, lower_bound=plan.cost_rate if proven else bound, gap=0.0 if proven else gap
    )


def _kept(network: ServiceNetwork, promises: IntArray) -> IntArray:
    """Promises cut to what each stage can keep; those of a whole answer stay as they are."""
    kept = promises.copy()
    for _ in network.names:
        inbound = network.external_inbound_time.copy()
        np.maximum.at(inbound, network.customer, kept[network.supplier])
        shorter = np.minimum(kept, inbound + network.processing_time)
        if (shorter == kept).all():
            break
        kept = shorter
    return kept


@dataclass(frozen=True)
class _Program:
    """Columns: a threshold for every possible time but the least of each node, then the pairs.

    Attributes:
        times: Possible times of each node.
        threshold: Column of each possible time; −1 for the least of a node, which is reached for certain.
        promises_end: Thresholds of promises come first, up to here.
        cost: Per column.
        most: Upper limit per column.
        equal: Sparse rows that must meet equal_to.
        equal_to: Their right sides.
        below: Sparse rows that must not exceed below_than.
        below_than: Their right sides.
    """

    times: PossibleTimes
    threshold: IntArray
    promises_end: int
    cost: FloatArray
    most: FloatArray
    equal: Any
    equal_to: FloatArray
    below: Any
    below_than: FloatArray

    @staticmethod
    def of(network: ServiceNetwork, graph: TimeGraph, times: PossibleTimes) -> "_Program":
        from scipy.sparse import csr_array

        stages = len(network.names)
        many = np.diff(times.first)
        if int(many[:stages] @ many[stages:]) > MOST_PAIRS:
            raise ValueError(
                f"pairs of service times must be at most {MOST_PAIRS}, got {int(many[:stages] @ many[stages:])}:"
                " count in longer periods"
            )
        threshold = np.ones(times.time.size, dtype=np.int64)
        threshold[times.first[:-1]] = 0
        promises_end = int(threshold[: times.first[stages]].sum())
        thresholds = int(threshold.sum())
        threshold = np.where(threshold > 0, threshold.cumsum() - 1, -1)
        pairs = _Pairs.of(graph, times, stage_weights(network) * np.sqrt(float(graph.period)))
        columns = thresholds + pairs.cost.size

        pair = thresholds + np.arange(pairs.cost.size)
        place = np.arange(times.time.size)
        starts = np.zeros(times.time.size, dtype=bool)
        starts[times.first[:-1]] = True
        follows = np.flatnonzero(~starts)
        rows = np.concatenate([pairs.inbound, pairs.outbound, follows, follows - 1])
        cells = np.concatenate([pair, pair, threshold[follows], threshold[follows]])
        values = np.concatenate([np.ones(2 * pair.size), np.full(follows.size, -1.0), np.ones(follows.size)])
        late, customer_time = _precedence(network, times)
        certain = threshold[late] < 0
        impossible = customer_time < 0
        most = np.ones(columns)
        most[threshold[late[impossible & ~certain]]] = 0.0
        bound = ~certain & ~impossible
        bound[bound] = threshold[customer_time[bound]] >= 0
        count = int(bound.sum())
        sides = np.concatenate([threshold[late[bound]], threshold[customer_time[bound]]])
        signs = np.concatenate([np.ones(count), np.full(count, -1.0)])
        return _Program(
            times=times,
            threshold=threshold,
            promises_end=promises_end,
            cost=np.concatenate([np.zeros(thresholds), pairs.cost]),
            most=most,
            equal=csr_array((values, (rows, cells)), shape=(place.size, columns)),
            equal_to=starts.astype(np.float64),
            below=csr_array((signs, (np.tile(np.arange(count), 2), sides)), shape=(count, columns)),
            below_than=np.zeros(count),
        )

    def relaxation(self) -> tuple[FloatArray, float]:
        """The linear program's thresholds of promises, at a corner, and its cost."""
        from scipy.optimize import linprog

        scale = self.cost.max(initial=0.0) or 1.0
        answer = linprog(
            self.cost / scale,
            A_ub=self.below if self.below_than.size else None,
            b_ub=self.below_than if self.below_than.size else None,
            A_eq=self.equal,
            b_eq=self.equal_to,
            bounds=np.column_stack([np.zeros_like(self.most), self.most]),
            method="highs-ds",
            options={"dual_feasibility_tolerance": TOLERANCE, "primal_feasibility_tolerance": TOLERANCE},
        )
        if answer.x is None or answer.status != 0:
            raise RuntimeError(f"HiGHS must end with an optimum, got {answer.message}")
        return answer.x[: self.promises_end], float(answer.fun) * scale

    def whole(self, relaxed: float, time_limit: float) -> tuple[FloatArray | None, float]:
        """Whole thresholds of promises, None if time runs out first, and a bound of the cost."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        scale = (relaxed if relaxed > 0 else self.cost.max(initial=0.0) or 1.0) / SCALED_COST
        limits = [LinearConstraint(self.equal, self.equal_to, self.equal_to)]
        if self.below_than.size:
            limits.append(LinearConstraint(self.below, -np.inf, self.below_than))
        answer = milp(
            self.cost / scale,
            integrality=(np.arange(self.cost.size) < self.promises_end).astype(np.int64),
            bounds=Bounds(np.zeros_like(self.most), self.most),
            constraints=limits,
            options={"mip_rel_gap": 0.0} | ({"time_limit": time_limit} if np.isfinite(time_limit) else {}),
        )
        if answer.status not in (0, 1):
            raise RuntimeError(f"HiGHS must end with an optimum or out of time, got {answer.message}")
        bound = relaxed if answer.mip_dual_bound is None else float(answer.mip_dual_bound) * scale
        found = None if answer.x is None else answer.x[: self.promises_end]
        return found, bound if np.isfinite(bound) else relaxed

    def plan(self, network: ServiceNetwork, graph: TimeGraph, share: FloatArray) -> GuaranteedServicePlan:
        """Each stage promises the largest time whose threshold is at least half reached, or what it can keep."""
        chosen = []
        for stage in range(len(network.names)):
            first, end = self.times.first[stage], self.times.first[stage + 1]
            reached = share[self.threshold[first + 1 : end]] >= 0.5
            chosen.append(self.times.time[first + int(reached.sum())])
        return guaranteed_service_plan(network, _kept(network, np.array(chosen, dtype=np.int64) * graph.period))


@dataclass(frozen=True)
class _Pairs:
    """Attributes, of shape (pair,):
    inbound: Place of the inbound time among all possible times.
    outbound: Place of the outbound time.
    cost: Of the stage with these two.
    """

    inbound: IntArray
    outbound: IntArray
    cost: FloatArray

    @staticmethod
    def of(graph: TimeGraph, times: PossibleTimes, weight: FloatArray) -> "_Pairs":
        stages = weight.size
        inbound, outbound, cost = [], [], []
        for stage in range(stages):
            net = times.of(stages + stage)[:, None] + graph.processing_time[stage] - times.of(stage)[None, :]
            x, y = np.nonzero(net >= 0)
            inbound.append(times.first[stages + stage] + x)
            outbound.append(times.first[stage] + y)
            cost.append(weight[stage] * np.sqrt(net[x, y]))
        return _Pairs(np.concatenate(inbound), np.concatenate(outbound), np.concatenate(cost))


def _precedence(network: ServiceNetwork, times: PossibleTimes) -> tuple[IntArray, IntArray]:
    """Places of each arc's promises, and of the customer's least inbound time not below each; −1: none."""
    stages = len(network.names)
    promise, inbound = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for one, other in zip(network.supplier.tolist(), network.customer.tolist(), strict=True):
        ready = times.of(stages + other)
        where = np.searchsorted(ready, times.of(one))
        promise.append(np.arange(times.first[one], times.first[one + 1]))
        inbound.append(np.where(where < ready.size, times.first[stages + other] + where, -1))
    return np.concatenate(promise), np.concatenate(inbound)
