"""Where a supply network should hold safety stock when every stage promises a service time and keeps it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.service_network import ServiceNetwork

MOST_STATES = 2**31


@dataclass(frozen=True)
class GuaranteedServicePlan:
    """Attributes, of shape (stage,) but for the last two:
    names: The stages.
    inbound_service_time: SI, periods until a stage has all its inputs: the longest promise of its suppliers.
    outbound_service_time: S, periods within which a stage promises to deliver.
    net_replenishment_time: SI + T − S, periods that its stock has to bridge.
    safety_stock: k·σ·√(SI + T − S), units.
    base_stock_level: Mean demand over the net replenishment time plus safety stock, units.
    stage_cost: Holding cost of the safety stock, money per period.
    cost_rate: Its sum.
    stages_that_hold_stock: Names of the stages with safety stock, in the network's order.
    """

    names: tuple[str, ...]
    inbound_service_time: IntArray
    outbound_service_time: IntArray
    net_replenishment_time: IntArray
    safety_stock: FloatArray
    base_stock_level: FloatArray
    stage_cost: FloatArray
    cost_rate: float
    stages_that_hold_stock: tuple[str, ...]


def guaranteed_service_plan(network: ServiceNetwork, outbound_service_time: ArrayLike) -> GuaranteedServicePlan:
    """What given promises need in stock and cost.

    Demand over τ periods is taken to stay within τ·μ + k·σ·√τ, and demand beyond that is met by other
    means. A stage that has its inputs after SI periods, works T and promises S keeps stock for the
    τ = SI + T − S periods in between.

    Args:
        network: Of n stages.
        outbound_service_time: S, whole periods, ≥ 0, shape (stage,).

    Raises:
        ValueError: A promise that is longer than the stage takes or has committed to, with the stage's name.

    >>> from optimization.service_network import service_network
    >>> network = service_network(
    ...     ["maker", "shop"], [("maker", "shop")], processing_time=[8, 1], holding_cost=[1.0, 2.0],
    ...     demand_bound_constant=2.0, demand_sd=[0.0, 10.0], external_outbound_time=[None, 0],
    ... )
    >>> guaranteed_service_plan(network, [0, 0]).safety_stock.round(1)
    array([56.6, 20. ])
    """
    given = np.asarray(outbound_service_time, dtype=np.float64)
    if given.shape != (len(network.names),):
        raise ValueError(f"outbound_service_time must be one per stage ({len(network.names)}), got shape {given.shape}")
    for stage, time in enumerate(given.tolist()):
        if not (time >= 0 and time.is_integer()):
            raise ValueError(
                f"outbound_service_time of {network.names[stage]} must be whole periods from 0 on, got {time}"
            )
    outbound = given.astype(np.int64)
    inbound = network.external_inbound_time.copy()
    np.maximum.at(inbound, network.customer, outbound[network.supplier])
    _check_promises(network, inbound, outbound)
    net = inbound + network.processing_time - outbound
    safety_stock = network.demand_bound_constant * network.demand_sd * np.sqrt(net)
    stage_cost = network.holding_cost * safety_stock
    return GuaranteedServicePlan(
        names=network.names,
        inbound_service_time=inbound,
        outbound_service_time=outbound,
        net_replenishment_time=net,
        safety_stock=safety_stock,
        base_stock_level=network.demand_mean * net + safety_stock,
        stage_cost=stage_cost,
        cost_rate=math.fsum(stage_cost.tolist()),
        stages_that_hold_stock=tuple(network.names[i] for i in np.flatnonzero(safety_stock > 0)),
    )


def _check_promises(network: ServiceNetwork, inbound: IntArray, outbound: IntArray) -> None:
    takes = inbound + network.processing_time
    late = np.flatnonzero(outbound > np.minimum(takes, network.longest_outbound_time))
    if not late.size:
        return
    stage = late[0]
    name, promise = network.names[stage], outbound[stage]
    if promise > takes[stage]:
        raise ValueError(
            f"outbound_service_time of {name} must be at most {takes[stage]} (inbound {inbound[stage]} +"
            f" processing {network.processing_time[stage]}), got {promise}"
        )
    raise ValueError(
        f"outbound_service_time of {name} must be at most {network.longest_outbound_time[stage]},"
        f" its commitment, got {promise}"
    )


def guaranteed_service_tree(network: ServiceNetwork) -> GuaranteedServicePlan:
    """Cheapest promises in a network without loops, exactly.

    The network may be a chain, an assembly, a distribution tree or a mixture, in one piece or several, as
    long as no two stages are joined in two ways (seen without the arcs' directions). The cost
    Σ h·k·σ·√(SI + T − S) is concave, so some cheapest plan is a corner of

        0 ≤ S ≤ commitment,  S ≤ SI + T,  SI ≥ S of each supplier,  SI ≥ external inbound time

    At a corner each time follows from a bound through limits that hold with equality. Dynamic programming
    runs over the times that can arise so, which are whole numbers, at most three per stage of the network:
    no plan in fractions of a period is cheaper, and long times take no longer than short ones.

    Raises:
        ValueError: A network with a loop (use `guaranteed_service_program`), with a stage on it.

    Source: Graves & Willems, Optimizing strategic safety stock placement in supply chains, Manufacturing &
        Service Operations Management 2(1), 2000, with their erratum, 5(2), 2003.

    >>> from optimization.service_network import service_network
    >>> network = service_network(
    ...     ["maker", "packer", "shop"], [("maker", "packer"), ("packer", "shop")], processing_time=[8, 1, 1],
    ...     holding_cost=[1.0, 1.5, 2.0], demand_bound_constant=2.0, demand_sd=[0.0, 0.0, 10.0],
    ...     external_outbound_time=[None, None, 0],
    ... )
    >>> plan = guaranteed_service_tree(network)
    >>> plan.outbound_service_time, plan.stages_that_hold_stock, round(plan.cost_rate, 2)
    (array([0, 1, 0]), ('maker', 'shop'), 113.14)
    """
    graph = TimeGraph.of(network)
    labels = possible_times(graph)
    order, parent, closing = _rooted(graph.first, graph.other)
    if closing >= 0:
        name = network.names[closing % len(network.names)]
        raise ValueError(f"network must have no loops, got one that {name} lies on or hangs from")
    weight = stage_weights(network) * math.sqrt(graph.period)
    chosen = _cheapest(order, parent, labels.first, labels.time, graph.processing_time, weight)
    return guaranteed_service_plan(network, chosen[: len(network.names)] * graph.period)


def stage_weights(network: ServiceNetwork) -> FloatArray:
    """h·k·σ: what the first period of net replenishment time costs a stage."""
    return network.holding_cost * network.demand_bound_constant * network.demand_sd


@dataclass(frozen=True)
class TimeGraph:
    """The service times as nodes of a graph: S of stage i is node i, its SI node n + i.

    Edges join the times that a limit compares: SI and S of a stage (S ≤ SI + T), S of a supplier and SI of
    its customer (SI ≥ S).

    Attributes:
        period: Periods in one unit of time here: the greatest that divides all times.
        processing_time: Of the stages, shape (stage,).
        least: Of shape (node,).
        most: Of shape (node,).
        bounded: Whether a time may stop at most (a commitment), not only where its limits stop it.
        first: Edges of node v are first[v] up to first[v + 1], shape (node + 1,).
        other: Node at an edge's other end.
        shift: What the limit, met with equality, adds on the way to that end.
    """

    period: int
    processing_time: IntArray
    least: IntArray
    most: IntArray
    bounded: IntArray
    first: IntArray
    other: IntArray
    shift: IntArray

    @staticmethod
    def of(network: ServiceNetwork) -> "TimeGraph":
        count = len(network.names)
        times = (network.processing_time, network.external_inbound_time, network.longest_outbound_time)
        period = max(1, int(np.gcd.reduce(np.concatenate(times))))
        stages = np.arange(count)
        processing = network.processing_time // period
        from_node = np.concatenate([count + stages, stages, network.supplier, count + network.customer])
        to_node = np.concatenate([stages, count + stages, count + network.customer, network.supplier])
        shift = np.concatenate([processing, -processing, np.zeros(2 * network.supplier.size, dtype=np.int64)])
        by_node = np.argsort(from_node, kind="stable")
        committed = network.longest_outbound_time < network.longest_inbound_time + network.processing_time
        return TimeGraph(
            period=period,
            processing_time=processing,
            least=np.concatenate([np.zeros(count, dtype=np.int64), network.external_inbound_time // period]),
            most=np.concatenate([network.longest_outbound_time, network.longest_inbound_time]) // period,
            bounded=np.concatenate([committed, np.zeros(count, dtype=bool)]).astype(np.int64),
            first=np.concatenate([[0], np.bincount(from_node, minlength=2 * count).cumsum()]),
            other=to_node[by_node],
            shift=shift[by_node],
        )


@dataclass(frozen=True)
class PossibleTimes:
    """Attributes:
    first: Times of node v are first[v] up to first[v + 1], shape (node + 1,).
    time: Ascending within a node.
    """

    first: IntArray
    time: IntArray

    def of(self, node: int) -> IntArray:
        return self.time[self.first[node] : self.first[node + 1]]


def possible_times(graph: TimeGraph) -> PossibleTimes:
    """Every time that a corner of the limits can have (and, with loops, perhaps more)."""
    states = int((graph.most - graph.least + 1).sum())
    if states > MOST_STATES:
        raise ValueError(
            f"service times must be fewer than {MOST_STATES} over all stages, got {states}: count in longer periods"
        )
    node, time = _reached(graph.first, graph.other, graph.shift, graph.least, graph.most, graph.bounded)
    ascending = np.lexsort((time, node))
    count = np.bincount(node, minlength=graph.least.size)
    return PossibleTimes(first=np.concatenate([[0], count.cumsum()]), time=time[ascending])


@kernel
def _reached(
    first: IntArray, other: IntArray, shift: IntArray, least: IntArray, most: IntArray, bounded: IntArray
) -> tuple[IntArray, IntArray]:
    """Walk from the bounds of each time along limits met with equality."""
    nodes = least.size
    start = np.zeros(nodes + 1, dtype=np.int64)
    for v in range(nodes):
        start[v + 1] = start[v] + most[v] - least[v] + 1
    seen = np.zeros(start[nodes], dtype=np.uint8)
    node = np.empty(max(16, 4 * nodes), dtype=np.int64)
    time = np.empty(max(16, 4 * nodes), dtype=np.int64)
    count = 0
    for v in range(nodes):
        for bound in (least[v], most[v]):
            place = start[v] + bound - least[v]
            if (bound == least[v] or bounded[v]) and not seen[place]:
                seen[place] = 1
                node[count], time[count] = v, bound
                count += 1
    done = 0
    while done < count:
        v, at = node[done], time[done]
        done += 1
        for edge in range(first[v], first[v + 1]):
            w = other[edge]
            moved = at + shift[edge]
            if moved < least[w] or moved > most[w]:
                continue
            place = start[w] + moved - least[w]
            if seen[place]:
                continue
            seen[place] = 1
            if count == node.size:
                node = np.concatenate((node, np.empty_like(node)))
                time = np.concatenate((time, np.empty_like(time)))
            node[count], time[count] = w, moved
            count += 1
    return node[:count], time[:count]


@kernel
def _rooted(first: IntArray, other: IntArray) -> tuple[IntArray, IntArray, int]:
    """Nodes with parents before children, the parents (−1: a root), and a node that closes a loop or −1."""
    nodes = first.size - 1
    order = np.empty(nodes, dtype=np.int64)
    parent = np.full(nodes, -2, dtype=np.int64)
    count = 0
    closing = -1
    for root in range(nodes):
        if parent[root] != -2:
            continue
        parent[root] = -1
        order[count] = root
        done = count
        count += 1
        while done < count:
            v = order[done]
            done += 1
            for edge in range(first[v], first[v + 1]):
                w = other[edge]
                if parent[w] == -2:
                    parent[w] = v
                    order[count] = w
                    count += 1
                elif w != parent[v]:
                    closing = w
    return order, parent, closing


@kernel
def _cheapest(
    order: IntArray,
    parent: IntArray,
    first: IntArray,
    time: IntArray,
    processing_time: IntArray,
    weight: FloatArray,
) -> IntArray:
    """Dynamic programming from the leaves of a rooted tree of times to its roots, and back."""
    nodes = order.size
    stages = nodes // 2
    cost = np.zeros(time.size)
    start = np.zeros(nodes + 1, dtype=np.int64)
    for v in range(nodes):
        up = parent[v]
        start[v + 1] = start[v] + (first[up + 1] - first[up] if up >= 0 else 0)
    choice = np.zeros(start[nodes], dtype=np.int64)
    for i in range(nodes - 1, -1, -1):
        v = order[i]
        up = parent[v]
        if up < 0:
            continue
        a, a_end, b, b_end = first[v], first[v + 1], first[up], first[up + 1]
        if v == up + stages:
            _from_inbound(cost, choice, start[v], time, a, a_end, b, b_end, processing_time[up], weight[up])
        elif v + stages == up:
            _from_outbound(cost, choice, start[v], time, a, a_end, b, b_end, processing_time[v], weight[v])
        elif v < stages:
            _from_supplier(cost, choice, start[v], time, a, a_end, b, b_end)
        else:
            _from_customer(cost, choice, start[v], time, a, a_end, b, b_end)
    chosen = np.zeros(nodes, dtype=np.int64)
    for i in range(nodes):
        v = order[i]
        up = parent[v]
        if up >= 0:
            chosen[v] = choice[start[v] + chosen[up] - first[up]]
        else:
            chosen[v] = first[v] + np.argmin(cost[first[v] : first[v + 1]])
    return time[chosen]


@kernel
def _from_inbound(
    cost: FloatArray,
    choice: IntArray,
    start: int,
    time: IntArray,
    a: int,
    a_end: int,
    b: int,
    b_end: int,
    processing: int,
    weight: float,
) -> None:
    """Best inbound time (a to a_end) for each outbound time of the stage."""
    low = a
    for out in range(b, b_end):
        while low < a_end and time[low] + processing < time[out]:
            low += 1
        best, where = np.inf, a
        for inbound in range(low, a_end):
            total = cost[inbound] + weight * math.sqrt(float(time[inbound] + processing - time[out]))
            if total < best:
                best, where = total, inbound
        cost[out] += best
        choice[start + out - b] = where


@kernel
def _from_outbound(
    cost: FloatArray,
    choice: IntArray,
    start: int,
    time: IntArray,
    a: int,
    a_end: int,
    b: int,
    b_end: int,
    processing: int,
    weight: float,
) -> None:
    """Best outbound time (a to a_end) for each inbound time of the stage."""
    high = a
    for inbound in range(b, b_end):
        while high < a_end and time[high] <= time[inbound] + processing:
            high += 1
        best, where = np.inf, a
        for out in range(a, high):
            total = cost[out] + weight * math.sqrt(float(time[inbound] + processing - time[out]))
            if total < best:
                best, where = total, out
        cost[inbound] += best
        choice[start + inbound - b] = where


@kernel
def _from_supplier(
    cost: FloatArray, choice: IntArray, start: int, time: IntArray, a: int, a_end: int, b: int, b_end: int
) -> None:
    """Best promise of a supplier for each inbound time of its customer: none longer than that."""
    best, where, out = np.inf, a, a
    for inbound in range(b, b_end):
        while out < a_end and time[out] <= time[inbound]:
            if cost[out] < best:
                best, where = cost[out], out
            out += 1
        cost[inbound] += best
        choice[start + inbound - b] = where


@kernel
def _from_customer(
    cost: FloatArray, choice: IntArray, start: int, time: IntArray, a: int, a_end: int, b: int, b_end: int
) -> None:
    """Best inbound time of a customer for each promise of its supplier: none shorter than that."""
    best, where, inbound = np.inf, a, a_end - 1
    for out in range(b_end - 1, b - 1, -1):
        while inbound >= a and time[inbound] >= time[out]:
            if cost[inbound] <= best:
                best, where = cost[inbound], inbound
            inbound -= 1
        cost[out] += best
        choice[start + out - b] = where
