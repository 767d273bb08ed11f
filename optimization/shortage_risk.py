"""One order of many SKUs that also weighs how bad the worst scenarios are.

The shortages of all SKUs in a scenario are felt together, so the cost no longer adds up over SKUs: here it matters that
demands rise together. The program is solved by sifting: a master program knows a few levels of each SKU and a few bad
scenarios; the weights it gives to scenarios turn the rest into newsvendors, one for each SKU, whose levels enter the
next master, as do the scenarios that turn out worse than it knew. The weights give a lower bound on any order's cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.highs import solve_lp
from optimization.order_packs import whole_packs
from optimization.ordering_scenarios import (
    OrderingTerms,
    OrderLimitOutcome,
    ScenarioCosts,
    ScenarioProblem,
    checked_scenarios,
    costs_by_scenario,
    slack,
)
from optimization.sample_average import continuous_order, quantities
from optimization.segments import Certificate

GAP = 1e-8
NOTHING = 1e-14
MOST_ROUNDS = 60
WHOLE_PROGRAM = 400_000
COARSE = 4
ROUNDS_BEFORE_ALL_IS_KEPT = 10


@dataclass(frozen=True, eq=False)
class RiskAverseOrder:
    """Attributes:
    order_quantity: Units with the least risk-averse cost, unrounded, shape (sku,).
    whole_order_quantity: Whole packs near it that keep the limits, units, shape (sku,).
    expected_cost: Mean cost of order_quantity, money.
    shortage_cost_at_risk: Mean cost of its shortages over the worst scenarios: the conditional value at risk.
    tail_begins_at: Shortage cost beyond which a scenario counts among the worst: the value at risk.
    risk_averse_cost: expected_cost + risk_weight · shortage_cost_at_risk.
    whole_expected_cost, whole_shortage_cost_at_risk: The same of whole_order_quantity.
    scenario_weight: Weight of each scenario's shortages in shortage_cost_at_risk at the optimum: between 0 and 1 over
        tail_share times the number of scenarios, shape (scenario,).
    limits: What each came to, with its price.
    certificate: Proof of how near the best order_quantity is over these scenarios.
    """

    order_quantity: FloatArray
    whole_order_quantity: IntArray
    expected_cost: float
    shortage_cost_at_risk: float
    tail_begins_at: float
    risk_averse_cost: float
    whole_expected_cost: float
    whole_shortage_cost_at_risk: float
    scenario_weight: FloatArray
    limits: tuple[OrderLimitOutcome, ...]
    certificate: Certificate


@dataclass(frozen=True)
class TailMean:
    """Attributes:
    mean: Over the worst share of the scenarios: the conditional value at risk.
    begins_at: What is exceeded only by scenarios of that share: the value at risk.
    """

    mean: float
    begins_at: float


def tail_mean(costs: ArrayLike, *, tail_share: float) -> TailMean:
    """Mean of the worst costs: the conditional value at risk of equally likely scenarios.

    Where the share ends within a scenario, that one counts in part.

    Args:
        costs: One per scenario, shape (scenario,).
        tail_share: Of the scenarios, in (0, 1]; 1 gives the mean of all.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Rockafellar & Uryasev, Optimization of conditional value-at-risk, Journal of Risk 2 (2000).

    >>> tail_mean([0.0, 10.0, 20.0, 90.0], tail_share=0.375)
    TailMean(mean=66.66666666666667, begins_at=20.0)
    """
    given = np.asarray(costs, dtype=np.float64)
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise ValueError(f"costs must be finite, one per scenario, got shape {given.shape}")
    return _tail_mean(given, _checked_tail(tail_share))


def risk_averse_order(
    demand_scenarios: ArrayLike, terms: OrderingTerms, *, tail_share: float, risk_weight: float
) -> RiskAverseOrder:
    """Quantities with the least mean cost plus a weight on the shortage cost of the worst scenarios.

        minimise    mean cost + risk_weight · CVaR of Σ_i p_i·(D_is − I_i − q_i)⁺
        subject to  the limits, least and most quantities of `sample_average_order`

    CVaR is the mean over the worst tail_share of the scenarios, all SKUs' shortages added up within each.

    Args:
        demand_scenarios: Units over the protection interval, equally likely, ≥ 0, shape (scenario, sku).
        terms: Costs, inventory positions and limits.
        tail_share: Share of the scenarios that count as the worst, in (0, 1].
        risk_weight: ≥ 0; 0 gives the order of `sample_average_order`.

    Raises:
        ValueError: A shape, NaN or range that is wrong.
        Infeasible: The limits contradict each other.

    Source: Rockafellar & Uryasev, Optimization of conditional value-at-risk, Journal of Risk 2 (2000), for CVaR as a
        linear program.

    >>> scenarios = [[4, 5], [5, 6], [9, 6], [10, 12]]
    >>> terms = OrderingTerms(shortage_cost=3.0, holding_cost=1.0)
    >>> order = risk_averse_order(scenarios, terms, tail_share=0.25, risk_weight=1.0)
    >>> order.order_quantity, order.shortage_cost_at_risk
    (array([10., 12.]), 0.0)
    """
    scenarios = checked_scenarios(demand_scenarios)
    problem = ScenarioProblem.of_checked(scenarios, terms)
    tail = _checked_tail(tail_share)
    if not (np.isfinite(risk_weight) and risk_weight >= 0):
        raise ValueError(f"risk_weight must be finite and not negative, got {risk_weight}")
    sifting = _Sifting(scenarios, problem, tail, float(risk_weight))
    sifting.run()
    whole = sifting.whole_order()
    at_best = costs_by_scenario(scenarios, sifting.order_quantity, problem)
    at_whole = costs_by_scenario(scenarios, whole.astype(np.float64), problem)
    risk = _tail_mean(at_best.shortage_cost, tail)
    return RiskAverseOrder(
        order_quantity=sifting.order_quantity,
        whole_order_quantity=whole,
        expected_cost=float(at_best.cost.mean()),
        shortage_cost_at_risk=risk.mean,
        tail_begins_at=risk.begins_at,
        risk_averse_cost=sifting.objective,
        whole_expected_cost=float(at_whole.cost.mean()),
        whole_shortage_cost_at_risk=_tail_mean(at_whole.shortage_cost, tail).mean,
        scenario_weight=sifting.weight,
        limits=problem.outcomes(whole.astype(np.float64), sifting.price),
        certificate=sifting.certificate(),
    )


class _Sifting:
    """Master programs over ever more levels and scenarios, until prices and weights suit all of them.

    Attributes:
        levels: That the master knows, ascending along each row and padded by the last, shape (sku, level).
        bad: Scenarios that the master knows, shape (scenario,).
        order_quantity, objective: The best so far.
        weight, price: Of scenarios and limits, with the best bound so far.
        bound: No order costs less.
    """

    def __init__(self, scenarios: FloatArray, problem: ScenarioProblem, tail: float, risk_weight: float) -> None:
        self.scenarios, self.problem, self.tail, self.risk_weight = scenarios, problem, tail, risk_weight
        self.by_sku = np.ascontiguousarray(scenarios.T)
        self.order = np.argsort(self.by_sku, axis=1, kind="stable")
        neutral = continuous_order(problem)
        self.order_quantity, self.price = neutral.order_quantity, neutral.price
        self.objective, self.bound = np.inf, -np.inf
        self.size = self._cost(costs_by_scenario(scenarios, problem.least, problem))
        self.weight = np.zeros(len(scenarios))
        self.rounds = self.columns = 0
        self.bad = np.zeros(len(scenarios), dtype=np.bool_)
        self.learnt = np.empty((scenarios.shape[1], 0))
        self.is_whole = scenarios.size * len(scenarios) <= WHOLE_PROGRAM

    def run(self) -> None:
        """Until the gap is closed."""
        shortage = self._try(self.order_quantity)
        weight = _tail_weights(shortage, self.tail)
        self._bound_by(weight, self.price)
        if self._is_closed():
            return
        self._begin(shortage, weight)
        while self.rounds < MOST_ROUNDS and not self._is_closed():
            level, weight, price = self._master()
            self.rounds += 1
            shortage = self._try(quantities(self.problem, level))
            self.bad |= _tail_weights(shortage, self.tail) > 0
            best = self._bound_by(weight, price)
            self._learn(level, best)

    def whole_order(self) -> IntArray:
        """Whole packs: of those that scenario weights lead to from packs below, near or above the best quantities,
        as far as upper limits allow these, the ones with the least cost, shape (sku,)."""
        problem, costs = self.problem, _WeighedCosts(self)
        share = self.order_quantity / problem.pack
        candidates = []
        for packs in (share, np.rint(share), np.ceil(share)):
            start = packs * problem.pack
            reached = problem.weight @ start
            if (reached <= problem.at_most + slack(problem.at_most)).all() and (start <= problem.most).all():
                candidates.append(whole_packs(problem, start, self.price, costs=costs))
        if not candidates:
            candidates.append(whole_packs(problem, self.order_quantity, self.price, costs=costs))
        outcomes = [costs_by_scenario(self.scenarios, one.astype(np.float64), problem) for one in candidates]
        return candidates[int(np.argmin([self._cost(outcome) for outcome in outcomes]))]

    def certificate(self) -> Certificate:
        gap = max(self.objective - self.bound, 0.0) / self.objective if self.objective > 0 else 0.0
        return Certificate("sifting", self.objective, min(self.bound, self.objective), gap, self.rounds, self.columns)

    def _is_closed(self) -> bool:
        return self.objective - self.bound <= GAP * self.objective + NOTHING * self.size

    def _begin(self, shortage: FloatArray, weight: FloatArray) -> None:
        """Every level and scenario where the program is small, else some around the risk-neutral order."""
        problem = self.problem
        low, high = problem.lowest[:, None], problem.highest[:, None]
        every = np.clip(problem.demand, low, high)
        if self.is_whole:
            self.levels = np.hstack((low, every, high))
            self.bad[:] = True
            return
        neutral = (problem.position + self.order_quantity)[:, None]
        wary = self._newsvendors(weight, self.price)[0][:, None]
        ranks = np.linspace(0, len(self.scenarios) - 1, COARSE).astype(np.int64)
        self.levels = np.sort(np.hstack((low, every[:, ranks], neutral, wary, high)), axis=1)
        self.bad |= _tail_weights(shortage, min(1.0, 2 * self.tail)) > 0

    def _learn(self, level: FloatArray, best: FloatArray) -> None:
        """Let the next master know the levels that weights and prices ask for, and those beside where it stands."""
        below, above = _neighbours(self.problem.demand, level)
        low, high = self.problem.lowest, self.problem.highest
        fresh = np.clip(np.column_stack((best, below, level, above)), low[:, None], high[:, None])
        keeps_all = self.is_whole or self.rounds >= ROUNDS_BEFORE_ALL_IS_KEPT
        kept = self.levels if keeps_all else np.column_stack((low, high, self.learnt))
        self.learnt = fresh
        self.levels = _distinct(np.sort(np.hstack((kept, fresh)), axis=1))

    def _try(self, order_quantity: FloatArray) -> FloatArray:
        """Shortage cost of each scenario; the order is kept where it is the best so far."""
        outcome = costs_by_scenario(self.scenarios, order_quantity, self.problem)
        cost = self._cost(outcome)
        if cost < self.objective:
            self.order_quantity, self.objective = order_quantity, cost
        return outcome.shortage_cost

    def _cost(self, outcome: ScenarioCosts) -> float:
        return float(outcome.cost.mean()) + self.risk_weight * _tail_mean(outcome.shortage_cost, self.tail).mean

    def _bound_by(self, weight: FloatArray, price: FloatArray) -> FloatArray:
        """The levels that weights and prices ask for; both are kept where they prove more than any before."""
        level, cost = self._newsvendors(weight, price)
        limit = np.where(price > 0, self.problem.at_least, np.where(price < 0, self.problem.at_most, 0.0))
        bound = float(cost.sum() + price @ limit)
        if bound > self.bound:
            self.bound, self.weight, self.price = bound, weight, price
        return level

    def _newsvendors(self, weight: FloatArray, price: FloatArray) -> tuple[FloatArray, FloatArray]:
        problem = self.problem
        each = 1 / len(self.scenarios) + self.risk_weight * weight
        net = problem.purchase - price @ problem.weight
        return _weighted_newsvendors(
            self.by_sku, self.order, each, problem.lowest, problem.highest, problem.position,
            problem.holding, problem.shortage, net,
        )  # fmt: skip

    def _master(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Levels, scenario weights and prices of the limits, from what the master knows."""
        problem, bad = self.problem, np.flatnonzero(self.bad)
        sku, step = np.nonzero(np.diff(self.levels, axis=1) > 0)
        lower, upper = self.levels[sku, step], self.levels[sku, step + 1]
        self.columns = len(sku)
        cost, relief = _steps(self.by_sku, bad, sku, lower, upper, problem.holding, problem.shortage, problem.purchase)
        start = costs_by_scenario(self.scenarios, problem.least, problem).shortage_cost[bad]
        size, money = _mean_size(start), _mean_size(cost)
        tail = self.risk_weight * size / (self.tail * len(self.scenarios)) / money
        rows = len(problem.limits)
        limits = problem.weight[:, sku] * (upper - lower)
        each = np.array([_mean_size(limit) for limit in limits])
        base = problem.weight @ problem.least
        answer = solve_lp(
            cost=np.concatenate((cost / money, [self.risk_weight * size / money], np.full(len(bad), tail))),
            upper=np.concatenate((np.ones(len(sku)), np.full(1 + len(bad), np.inf))),
            matrix=np.block(
                [
                    [relief / size, np.ones((len(bad), 1)), np.eye(len(bad))],
                    [limits / each[:, None], np.zeros((rows, 1 + len(bad)))],
                ]
            ),
            least=np.concatenate((start / size, (problem.at_least - base) / each)),
            most=np.concatenate((np.full(len(bad), np.inf), (problem.at_most - base) / each)),
        )
        share = np.clip(answer.x[: len(sku)], 0.0, 1.0)
        level = problem.lowest + np.bincount(sku, share * (upper - lower), minlength=len(problem.least))
        weight = np.zeros(len(self.scenarios))
        if self.risk_weight > 0:
            weight[bad] = answer.dual[: len(bad)] * money / size / self.risk_weight
        return level, self._possible_weights(weight), self._possible_prices(answer.dual[len(bad) :] * money / each)

    def _possible_weights(self, weight: FloatArray) -> FloatArray:
        """Weights without what the solver's tolerance added."""
        weight = np.clip(weight, 0.0, 1 / (self.tail * len(weight)))
        return np.asarray(weight / max(1.0, float(weight.sum())))

    def _possible_prices(self, price: FloatArray) -> FloatArray:
        """Prices without what the solver's tolerance put on sides that have no limit."""
        highest = np.where(np.isfinite(self.problem.at_least), np.inf, 0.0)
        lowest = np.where(np.isfinite(self.problem.at_most), -np.inf, 0.0)
        return np.clip(price, lowest, highest)


class _WeighedCosts:
    """Costs of SKUs with scenarios' shortages at the weights of the optimum, so that they add up over SKUs."""

    def __init__(self, sifting: _Sifting) -> None:
        self.problem, self.by_sku = sifting.problem, sifting.by_sku
        self.each = 1 / len(sifting.scenarios) + sifting.risk_weight * sifting.weight

    def costs(self, order_quantity: FloatArray) -> FloatArray:
        return np.array([self.cost_of(sku, quantity) for sku, quantity in enumerate(order_quantity.tolist())])

    def cost_of(self, sku: int, order_quantity: float) -> float:
        problem = self.problem
        level = float(problem.position[sku]) + order_quantity
        kept_and_short = _weighed(self.by_sku[sku], self.each, level, problem.holding[sku], problem.shortage[sku])
        return float(problem.purchase[sku]) * order_quantity + kept_and_short


def _checked_tail(tail_share: float) -> float:
    if not 0 < tail_share <= 1:
        raise ValueError(f"tail_share must be more than 0 and at most 1, got {tail_share}")
    return float(tail_share)


def _tail_mean(costs: FloatArray, tail: float) -> TailMean:
    weight = _tail_weights(costs, tail)
    return TailMean(float(weight @ costs), float(costs[weight > 0].min()))


def _tail_weights(costs: FloatArray, tail: float) -> FloatArray:
    """Weights of the worst scenarios, summing to 1; the first of equally bad ones count."""
    most = 1 / (tail * len(costs))
    order = np.argsort(-costs, kind="stable")
    weight = np.zeros(len(costs))
    weight[order] = np.clip(1 - most * np.arange(len(costs)), 0.0, most)
    return weight


def _mean_size(figures: FloatArray) -> float:
    """Mean of those that are not 0, 1 where all are."""
    present = np.abs(figures[figures != 0])
    return float(present.mean()) if len(present) else 1.0


def _neighbours(demand: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The demands next below and next above each level, or the level where there is none."""
    below = np.where(demand < level[:, None], demand, -np.inf).max(axis=1)
    above = np.where(demand > level[:, None], demand, np.inf).min(axis=1)
    return np.where(np.isfinite(below), below, level), np.where(np.isfinite(above), above, level)


def _distinct(levels: FloatArray) -> FloatArray:
    """Each ascending row without repetitions, padded by its last."""
    repeated = np.hstack((np.zeros((len(levels), 1), dtype=np.bool_), np.diff(levels, axis=1) <= 0))
    kept = np.sort(np.where(repeated, np.inf, levels), axis=1)
    kept = np.where(np.isfinite(kept), kept, levels[:, -1:])
    return np.asarray(kept[:, : int((~repeated).sum(axis=1).max())])


@kernel
def _steps(
    demand: FloatArray,
    bad: IntArray,
    sku: IntArray,
    lower: FloatArray,
    upper: FloatArray,
    holding: FloatArray,
    shortage: FloatArray,
    purchase: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """What each step between levels costs in the mean, and what shortage cost it saves each bad scenario."""
    cost, relief = np.empty(len(sku)), np.empty((len(bad), len(sku)))
    scenarios = demand.shape[1]
    for step in range(len(sku)):
        one, low, high = sku[step], lower[step], upper[step]
        saved = 0.0
        for scenario in range(scenarios):
            saved += min(max(demand[one, scenario] - low, 0.0), high - low)
        saved /= scenarios
        cost[step] = (purchase[one] + holding[one]) * (high - low) - (holding[one] + shortage[one]) * saved
        for row in range(len(bad)):
            relief[row, step] = shortage[one] * min(max(demand[one, bad[row]] - low, 0.0), high - low)
    return cost, relief


@kernel
def _weighed(demand: FloatArray, weight: FloatArray, level: float, holding: float, shortage: float) -> float:
    """Mean holding cost of a SKU, and its shortage costs at the scenarios' weights."""
    cost = 0.0
    for scenario in range(len(demand)):
        missing = demand[scenario] - level
        if missing > 0:
            cost += shortage * weight[scenario] * missing
        else:
            cost -= holding / len(demand) * missing
    return cost


@kernel
def _weighted_newsvendors(
    demand: FloatArray,
    order: IntArray,
    weight: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    position: FloatArray,
    holding: FloatArray,
    shortage: FloatArray,
    net: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The best level of each SKU where scenarios' shortages have weights and units cost `net`, and what it costs."""
    skus, scenarios = demand.shape
    level, cost = np.empty(skus), np.empty(skus)
    total = weight.sum()
    for sku in range(skus):
        best, beyond = lowest[sku], total
        for covered in range(scenarios):
            scenario = order[sku, covered]
            upper = demand[sku, scenario]
            if upper > best:
                if net[sku] + holding[sku] * covered / scenarios - shortage[sku] * beyond >= 0:
                    break
                best = min(upper, highest[sku])
                if upper >= highest[sku]:
                    break
            beyond -= weight[scenario]
        else:
            if net[sku] + holding[sku] < 0:
                best = highest[sku]
        level[sku] = best
        cost[sku] = net[sku] * (best - position[sku])
        cost[sku] += _weighed(demand[sku], weight, best, holding[sku], shortage[sku])
    return level, cost
