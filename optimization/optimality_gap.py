"""How far from the best order a given one may be, judged by fresh scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from optimization.arrays import FloatArray
from optimization.ordering_scenarios import OrderingTerms, ScenarioProblem, checked_order, checked_scenarios, slack
from optimization.sample_average import continuous_order


@dataclass(frozen=True, eq=False)
class OptimalityGap:
    """Attributes:
    gap: Mean over the batches of what the order costs beyond the batch's own best order, money. On average more than
        the true gap, since every batch's best knows its scenarios beforehand.
    gap_at_most: With the confidence asked for the order's true mean cost is at most this much above the best.
    expected_cost: Mean cost of the order over the batches.
    lower_bound: Mean cost of the batches' best orders: on average no order costs less.
    relative_gap_at_most: gap_at_most over expected_cost; 0 where both are.
    batch_gap: What the order costs beyond each batch's best, shape (batch,).
    scenarios_per_batch: Their number.
    """

    gap: float
    gap_at_most: float
    expected_cost: float
    lower_bound: float
    relative_gap_at_most: float
    batch_gap: FloatArray
    scenarios_per_batch: int


def optimality_gap(
    order_quantity: ArrayLike,
    demand_scenarios: ArrayLike,
    terms: OrderingTerms,
    *,
    batches: int = 20,
    confidence: float = 0.95,
) -> OptimalityGap:
    """Upper confidence limit on what an order costs beyond the best, by multiple replications.

    The scenarios are cut into batches of equal size in the order given. In each, the order and the batch's best order
    meet the same scenarios, so that luck common to both cancels; the differences G_k are independent and on average at
    least the true gap, which therefore lies in [0, mean G + t·sd(G)/√batches], t being Student's quantile. The best
    order is sought among unrounded ones.

    Args:
        order_quantity: The order to judge, units, ≥ 0, one number or shape (sku,). It must keep the limits.
        demand_scenarios: Drawn independently of each other and not used to find the order, units over the protection
            interval, shape (scenario, sku).
        terms: As the order was made under.
        batches: At least 2; thirty or so make t small. They must divide the scenarios evenly.
        confidence: Strictly between 0 and 1.

    Raises:
        ValueError: A shape, NaN or range that is wrong, or an order that breaks a limit.
        Infeasible: The limits contradict each other.

    Source: Mak, Morton & Wood, Monte Carlo bounding techniques for determining solution quality in stochastic
        programs, Operations Research Letters 24 (1999).

    >>> scenarios = np.random.default_rng(1).poisson(20, size=(600, 3))
    >>> terms = OrderingTerms(shortage_cost=4.0, holding_cost=1.0)
    >>> judged = optimality_gap([24, 24, 24], scenarios, terms, batches=20)
    >>> round(judged.expected_cost, 2), round(judged.gap_at_most, 2)
    (19.67, 0.81)
    """
    scenarios = checked_scenarios(demand_scenarios)
    order = checked_order(order_quantity, scenarios.shape[1])
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence}")
    if batches < 2 or len(scenarios) % batches:
        raise ValueError(f"batches must be at least 2 and divide the {len(scenarios)} scenarios evenly, got {batches}")
    _check_order(ScenarioProblem.of_checked(scenarios[:1], terms), order)
    costs = np.empty((batches, 2))
    for number, batch in enumerate(np.split(scenarios, batches)):
        problem = ScenarioProblem.of_checked(batch, terms)
        costs[number] = problem.costs(order).sum(), continuous_order(problem).certificate.bound
    gaps = np.maximum(costs[:, 0] - costs[:, 1], 0.0)
    mean_cost, lower_bound = costs.mean(axis=0).tolist()
    student = float(special.stdtrit(batches - 1, confidence))
    at_most = max(float(gaps.mean() + student * gaps.std(ddof=1) / np.sqrt(batches)), 0.0)
    return OptimalityGap(
        gap=float(gaps.mean()),
        gap_at_most=at_most,
        expected_cost=mean_cost,
        lower_bound=lower_bound,
        relative_gap_at_most=at_most / mean_cost if mean_cost > 0 else 0.0,
        batch_gap=gaps,
        scenarios_per_batch=len(scenarios) // batches,
    )


def _check_order(problem: ScenarioProblem, order: FloatArray) -> None:
    """Refuse an order that breaks what every order must keep, since it could be better than the best."""
    outside = (order < problem.least - slack(problem.least)) | (order > problem.most + slack(problem.most))
    if outside.any():
        sku = int(np.flatnonzero(outside)[0])
        raise ValueError(
            f"order_quantity must lie between {problem.least[sku]:g} and {problem.most[sku]:g}, "
            f"got {order[sku]:g} (index {sku})"
        )
    for outcome in problem.outcomes(order, np.zeros(len(problem.limits))):
        if not outcome.is_kept:
            asked = [
                f"{side} {limit:g}"
                for side, limit in (("at least", outcome.at_least), ("at most", outcome.at_most))
                if limit is not None
            ]
            raise ValueError(
                f"order_quantity must keep limit {outcome.name}, {' and '.join(asked)}, got {outcome.reached:g}"
            )
