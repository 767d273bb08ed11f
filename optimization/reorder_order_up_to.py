"""(s, S): at each review, order up to S where the inventory position is at or below s."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.count_demand import (
    CountDemand,
    CountLosses,
    CountRuns,
    cheapest_level,
    cost_at,
    count_losses,
    count_runs,
    counts_from_pmf,
    left_at,
    mixed_counts,
    negative_binomial_counts,
    poisson_counts,
    short_at,
    sku_rows,
    summed_counts,
)
from optimization.figures import figures, require

SMALL_ORDER = 1.5


@dataclass(frozen=True)
class PeriodicDemand:
    """Whole-unit demand over the spans that decide an (s, S) policy; made by `poisson_periods` and its like.

    Period by period: what was ordered a lead time ago arrives, stock is reviewed and perhaps ordered, demand
    comes, and at the period's end stock and backorders are counted. With a review period of R only every R-th
    period is one of review.

    Attributes:
        mean: Units per period, of the SKUs' shape.
        review_period: R, periods, ≥ 1, likewise.
        between_reviews: Demand of R periods.
        until_arrival: Demand of the L periods before an order of now arrives; none where it arrives at once.
        until_next_arrival: Demand of L + R periods.
        until_count: Demand of L + 1, …, L + R periods, each with chance 1/R: until the end of a period drawn at random.
    """

    mean: FloatArray
    review_period: IntArray
    between_reviews: CountDemand
    until_arrival: CountDemand
    until_next_arrival: CountDemand
    until_count: CountDemand


@dataclass(frozen=True)
class ReviewPolicy:
    """Attributes:
    reorder_point: s, units; an inventory position of s or less is raised to S.
    order_up_to_level: S, units.
    cost_rate: Expected cost per period.
    """

    reorder_point: IntArray
    order_up_to_level: IntArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class ReviewMeasures:
    """What an (s, S) policy does in the long run, per period.

    Attributes:
        on_hand: Expected stock at the end of a period, units.
        backorders: Expected units owed at the end of a period.
        fill_rate: Share of demand that is met in its own period; 1 where there is no demand.
        ready_rate: Share of periods that end without backorders.
        orders: Expected number of orders.
        order_cost_rate: Money for ordering.
        holding_cost_rate: Money for stock.
        shortage_cost_rate: Money for backorders.
        cost_rate: The sum of the three.
    """

    on_hand: FloatArray
    backorders: FloatArray
    fill_rate: FloatArray
    ready_rate: FloatArray
    orders: FloatArray
    order_cost_rate: FloatArray
    holding_cost_rate: FloatArray
    shortage_cost_rate: FloatArray
    cost_rate: FloatArray


@dataclass(frozen=True)
class ApproximateReviewPolicy:
    """Attributes:
    reorder_point: s, units, unrounded.
    order_up_to_level: S, units, unrounded.
    """

    reorder_point: FloatArray
    order_up_to_level: FloatArray


# Demand


def poisson_periods(
    demand_mean: ArrayLike, *, lead_time: ArrayLike = 0, review_period: ArrayLike = 1
) -> PeriodicDemand:
    """Poisson demand, independent from period to period.

    Args:
        demand_mean: Units per period, ≥ 0.
        lead_time: L, whole periods, ≥ 0; at 0 an order meets the demand of its own period.
        review_period: R, whole periods, ≥ 1. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite, out of range or not whole.

    >>> poisson_periods(6.0, lead_time=2).until_next_arrival.mean().round(9)
    np.float64(18.0)
    """
    means = figures(demand_mean, "demand_mean", least=0.0)
    means, lead, review = np.broadcast_arrays(means, *_spans(lead_time, review_period))
    longest = int(review.max(initial=1))
    return PeriodicDemand(
        mean=means,
        review_period=review,
        between_reviews=poisson_counts(means * review),
        until_arrival=poisson_counts(means * lead),
        until_next_arrival=poisson_counts(means * (lead + review)),
        until_count=_until_count([poisson_counts(means * (lead + j)) for j in range(1, longest + 1)], review),
    )


def negative_binomial_periods(
    demand_mean: ArrayLike, demand_sd: ArrayLike, *, lead_time: ArrayLike = 0, review_period: ArrayLike = 1
) -> PeriodicDemand:
    """Negative binomial demand, independent from period to period: for demand more scattered than Poisson.

    Args:
        demand_mean: μ, units per period, ≥ 0.
        demand_sd: σ, units, of one period's demand, with σ² ≥ μ; 0 where μ is 0.
        lead_time: L, whole periods, ≥ 0; at 0 an order meets the demand of its own period.
        review_period: R, whole periods, ≥ 1. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite, out of range, not whole, or σ² below μ.

    >>> negative_binomial_periods(6.0, 4.0, review_period=2).between_reviews.mean().round(9)
    np.float64(12.0)
    """
    means, sds = figures(demand_mean, "demand_mean", least=0.0), figures(demand_sd, "demand_sd", least=0.0)
    means, sds, lead, review = np.broadcast_arrays(means, sds, *_spans(lead_time, review_period))
    longest = int(review.max(initial=1))

    def over(periods: IntArray) -> CountDemand:
        return negative_binomial_counts(means * periods, sds * np.sqrt(periods))

    return PeriodicDemand(
        mean=means,
        review_period=review,
        between_reviews=over(review),
        until_arrival=over(lead),
        until_next_arrival=over(lead + review),
        until_count=_until_count([over(lead + j) for j in range(1, longest + 1)], review),
    )


def pmf_periods(demand_pmf: ArrayLike, *, lead_time: ArrayLike = 0, review_period: ArrayLike = 1) -> PeriodicDemand:
    """Demand of any distribution, independent from period to period.

    Args:
        demand_pmf: demand_pmf[..., k] is the probability of k units in a period, shape (units,) or (sku, units).
        lead_time: L, whole periods, ≥ 0; at 0 an order meets the demand of its own period.
        review_period: R, whole periods, ≥ 1. Numbers, or one per row of demand_pmf.

    Raises:
        ValueError: Probabilities that are negative or do not sum to 1; spans out of range, not whole or of
            another shape.

    >>> pmf_periods([0.5, 0.25, 0.25], lead_time=1).until_next_arrival.mean()
    array(1.5)
    """
    one = counts_from_pmf(demand_pmf)
    lead, review = _spans(lead_time, review_period)
    if np.broadcast_shapes(lead.shape, review.shape, one.shape) != one.shape:
        raise ValueError(f"lead_time and review_period must be single or of shape {one.shape}")
    lead, review = np.broadcast_to(lead, one.shape), np.broadcast_to(review, one.shape)
    longest = int(review.max(initial=1))
    return PeriodicDemand(
        mean=one.mean(),
        review_period=review,
        between_reviews=summed_counts(one, review),
        until_arrival=summed_counts(one, lead),
        until_next_arrival=summed_counts(one, lead + review),
        until_count=_until_count([summed_counts(one, lead + j) for j in range(1, longest + 1)], review),
    )


def _spans(lead_time: ArrayLike, review_period: ArrayLike) -> tuple[IntArray, IntArray]:
    return _whole(lead_time, "lead_time", least=0), _whole(review_period, "review_period", least=1)


def _whole(value: ArrayLike, name: str, *, least: float = -np.inf) -> IntArray:
    given = figures(value, name, least=least)
    require(given == np.floor(given), f"{name} must be whole", given)
    return given.astype(np.int64)


def _until_count(laws: list[CountDemand], review: IntArray) -> CountDemand:
    if len(laws) == 1:
        return laws[0]
    return mixed_counts(laws, [(review > j) / review for j in range(len(laws))])


# Exact policies


def s_s_policy(
    demand: PeriodicDemand, *, order_cost: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike
) -> ReviewPolicy:
    """The (s, S) policy of least expected cost per period, exactly.

    Unmet demand waits. Where several policies cost the same, S is the lowest found and s the highest at which
    one more period without ordering costs at least the average.

    Args:
        demand: Demand and its spans, as `poisson_periods` makes them.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand at a period's end, > 0.
        shortage_cost: p, money per unit owed at a period's end, > 0. Shapes broadcast with the SKUs'.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Zheng & Federgruen (1991), Finding optimal (s, S) policies is about as simple as evaluating a single
    policy, Operations Research 39(4); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., algorithm 4.2.

    >>> s_s_policy(poisson_periods(6.0), order_cost=5.0, holding_cost=1.0, shortage_cost=4.0)
    ReviewPolicy(reorder_point=array(4), order_up_to_level=array(10), cost_rate=array(8.03411156))
    """
    shape, rows, review, costs = _aligned(
        demand,
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
        figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True),
    )
    s, level, cost = _cheapest_policies(
        rows,
        costs[0] / review,
        costs[1],
        costs[2],
        count_runs(demand.between_reviews),
        count_losses(demand.until_count),
    )
    return ReviewPolicy(s.reshape(shape), level.reshape(shape), cost.reshape(shape))


def s_s_measures(
    demand: PeriodicDemand,
    *,
    reorder_point: ArrayLike,
    order_up_to_level: ArrayLike,
    order_cost: ArrayLike = 0.0,
    holding_cost: ArrayLike = 0.0,
    shortage_cost: ArrayLike = 0.0,
) -> ReviewMeasures:
    """What a given (s, S) policy holds, owes, delivers and costs in the long run, exactly.

    Without any demand the position is taken to stay at S.

    Args:
        demand: Demand and its spans, as `poisson_periods` makes them.
        reorder_point: s, whole units, may be negative.
        order_up_to_level: S, whole units, more than s.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand at a period's end, ≥ 0.
        shortage_cost: p, money per unit owed at a period's end, ≥ 0. Shapes broadcast with the SKUs'.

    Raises:
        ValueError: NaN, infinite, out of range or not whole.

    >>> measures = s_s_measures(poisson_periods(6.0), reorder_point=4, order_up_to_level=10)
    >>> measures.fill_rate.round(4), measures.orders.round(4)
    (np.float64(0.9382), np.float64(0.682))
    """
    low, high = _whole(reorder_point, "reorder_point"), _whole(order_up_to_level, "order_up_to_level")
    low, high = np.broadcast_arrays(low, high)
    require(high > low, "order_up_to_level must be more than reorder_point", high)
    fixed, holding, shortage = (
        figures(value, name, least=0.0)
        for value, name in (
            (order_cost, "order_cost"), (holding_cost, "holding_cost"), (shortage_cost, "shortage_cost"),
        )
    )  # fmt: skip
    shape, rows, review, (levels, widths) = _aligned(demand, high.astype(np.float64), (high - low).astype(np.float64))
    orders, on_hand, backorders, ready, unmet = _averages(
        rows,
        levels.astype(np.int64),
        widths.astype(np.int64),
        count_runs(demand.between_reviews),
        count_losses(demand.until_count),
        count_losses(demand.until_arrival),
        count_losses(demand.until_next_arrival),
    )
    wanted = demand.mean.ravel()[rows] * review
    fill = 1 - np.clip(unmet / np.where(wanted > 0, wanted, 1.0), 0.0, 1.0)
    on_hand, backorders, orders = (figure.reshape(shape) for figure in (on_hand, backorders, orders / review))
    ordering, keeping, owing = np.broadcast_arrays(fixed * orders, holding * on_hand, shortage * backorders)
    return ReviewMeasures(
        on_hand=on_hand,
        backorders=backorders,
        fill_rate=fill.reshape(shape),
        ready_rate=ready.reshape(shape),
        orders=orders,
        order_cost_rate=ordering,
        holding_cost_rate=keeping,
        shortage_cost_rate=owing,
        cost_rate=np.asarray(ordering + keeping + owing),
    )


def s_s_policy_for_fill_rate(
    demand: PeriodicDemand, *, fill_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike
) -> ReviewPolicy:
    """The cheapest (s, S) policy whose fill rate is at least a target, exactly.

    Searches every S − s that could be cheaper than the best found, each with the lowest S that meets the target.

    Args:
        demand: Demand and its spans, as `poisson_periods` makes them.
        fill_rate: Least share of demand to be met in its own period, strictly between 0 and 1.
        order_cost: K, money per order, ≥ 0.
        holding_cost: h, money per unit on hand at a period's end, > 0. Shapes broadcast with the SKUs'.

    Returns:
        The policy; its cost is of ordering and holding. Without any demand s = −1 and S = 0.

    Raises:
        ValueError: NaN, infinite or out of range.

    >>> s_s_policy_for_fill_rate(poisson_periods(6.0), fill_rate=0.95, order_cost=5.0, holding_cost=1.0)
    ReviewPolicy(reorder_point=array(5), order_up_to_level=array(9), cost_rate=array(7.24930482))
    """
    shape, rows, review, costs = _aligned(
        demand,
        figures(fill_rate, "fill_rate", least=0.0, most=1.0, exclude_least=True, exclude_most=True),
        figures(order_cost, "order_cost", least=0.0),
        figures(holding_cost, "holding_cost", least=0.0, exclude_least=True),
    )
    s, level, cost = _cheapest_filling_policies(
        rows,
        costs[0],
        costs[1] / review,
        costs[2],
        demand.mean.ravel()[rows] * review,
        review,
        count_runs(demand.between_reviews),
        count_losses(demand.until_count),
        count_losses(demand.until_arrival),
        count_losses(demand.until_next_arrival),
    )
    return ReviewPolicy(s.reshape(shape), level.reshape(shape), cost.reshape(shape))


def _aligned(
    demand: PeriodicDemand, *given: FloatArray
) -> tuple[tuple[int, ...], IntArray, IntArray, list[FloatArray]]:
    """One shape for SKUs and figures; which SKU, review period and figure count at each place of it."""
    shape = np.broadcast_shapes(demand.mean.shape, *(one.shape for one in given))
    rows = sku_rows(demand.mean.shape, shape)
    flat = [np.ascontiguousarray(np.broadcast_to(one, shape)).ravel() for one in given]
    return shape, rows, demand.review_period.ravel()[rows], flat


# Approximations


def power_approximation(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    lead_time: ArrayLike = 0.0,
) -> ApproximateReviewPolicy:
    """The revised power approximation of the best (s, S), from mean and sd of demand alone.

    With μ' and σ' the mean and sd of demand over the lead time and one period:
    S − s = 1.30 μ^0.494 (K/h)^0.506 (1 + σ'²/μ²)^0.116, z = √((S − s)/σ' · h/p) and
    s = 0.973 μ' + σ' (0.183/z + 1.063 − 2.192 z). Fitted for moderate order costs: see
    `bounded_power_approximation` where S − s is below 1.5 periods' demand.

    Args:
        demand_mean: μ, units per period, > 0.
        demand_sd: σ, units, of one period's demand, ≥ 0.
        order_cost: K, money per order, > 0.
        holding_cost: h, money per unit on hand at a period's end, > 0.
        shortage_cost: p, money per unit owed at a period's end, > 0.
        lead_time: Periods, ≥ 0; at 0 an order meets the demand of its own period. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Ehrhardt & Mosier (1984), A revision of the power approximation for computing (s, S) policies,
    Management Science 30; Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., equations 4.77 to 4.80.

    >>> power_approximation(demand_mean=50.0, demand_sd=8.0, order_cost=2.5, holding_cost=0.18, shortage_cost=0.7)
    ApproximateReviewPolicy(reorder_point=array(40.19461696), order_up_to_level=array(74.29017011))
    """
    mean = figures(demand_mean, "demand_mean", least=0.0, exclude_least=True)
    sd = figures(demand_sd, "demand_sd", least=0.0)
    fixed = figures(order_cost, "order_cost", least=0.0, exclude_least=True)
    holding = figures(holding_cost, "holding_cost", least=0.0, exclude_least=True)
    shortage = figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=True)
    periods = figures(lead_time, "lead_time", least=0.0) + 1
    mean, sd, fixed, holding, shortage, periods = np.broadcast_arrays(mean, sd, fixed, holding, shortage, periods)
    spread = sd * np.sqrt(periods)
    width = 1.30 * mean**0.494 * (fixed / holding) ** 0.506 * (1 + (spread / mean) ** 2) ** 0.116
    weight = np.sqrt(width * holding / shortage)
    safety = 0.183 * spread**1.5 / weight + 1.063 * spread - 2.192 * np.sqrt(spread) * weight
    s = 0.973 * mean * periods + safety
    return ApproximateReviewPolicy(reorder_point=np.asarray(s), order_up_to_level=np.asarray(s + width))


def bounded_power_approximation(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    lead_time: ArrayLike = 0.0,
) -> ApproximateReviewPolicy:
    """The power approximation, kept below the best base-stock level where orders are small.

    Where S − s is less than 1.5 periods' demand, s and S are at most μ' + Φ⁻¹(p/(p + h)) σ', the level that would
    be best if ordering cost nothing.

    Args and errors: as `power_approximation`.

    Source: Ehrhardt & Mosier (1984); Silver, Pyke & Peterson, Inventory Management and Production Planning and
    Scheduling, 3rd ed.

    >>> bounded_power_approximation(
    ...     demand_mean=50.0, demand_sd=8.0, order_cost=2.5, holding_cost=0.18, shortage_cost=0.7
    ... )
    ApproximateReviewPolicy(reorder_point=array(40.19461696), order_up_to_level=array(56.60395593))
    """
    from scipy.special import ndtri

    plain = power_approximation(
        demand_mean=demand_mean,
        demand_sd=demand_sd,
        order_cost=order_cost,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        lead_time=lead_time,
    )
    mean, sd, holding, shortage, periods = (
        np.asarray(value, dtype=np.float64)
        for value in (demand_mean, demand_sd, holding_cost, shortage_cost, np.asarray(lead_time) + 1.0)
    )
    most = mean * periods - ndtri(holding / (holding + shortage)) * sd * np.sqrt(periods)
    small = plain.order_up_to_level - plain.reorder_point < SMALL_ORDER * mean
    return ApproximateReviewPolicy(
        reorder_point=np.asarray(np.where(small, np.minimum(plain.reorder_point, most), plain.reorder_point)),
        order_up_to_level=np.asarray(
            np.where(small, np.minimum(plain.order_up_to_level, most), plain.order_up_to_level)
        ),
    )


# Kernels


@kernel
def _leaving(sku: int, step: CountRuns) -> float:
    """Probability that there is any demand between two reviews."""
    low, high = step.offsets[sku], step.offsets[sku + 1]
    leaving = 0.0
    for i in range(high - 1, low - 1 if step.first[sku] > 0 else low, -1):
        leaving += step.probabilities[i]
    return leaving


@kernel
def _visits(visits: FloatArray, known: int, wanted: int, leaving: float, sku: int, step: CountRuns) -> FloatArray:
    """Expected reviews between orders that find the position at S − j, for j from `known` up to below `wanted`.

    The array is replaced by a longer one where it is too short. Without demand the only review is at S.
    """
    if wanted > len(visits):
        visits = np.concatenate((visits, np.empty(max(len(visits), wanted - len(visits)))))
    low, first = step.offsets[sku], step.first[sku]
    last = first + step.offsets[sku + 1] - low - 1
    for j in range(known, wanted):
        total = 1.0 if j == 0 else 0.0
        for k in range(max(first, 1), min(j, last) + 1):
            total += step.probabilities[low + k - first] * visits[j - k]
        visits[j] = total / leaving if leaving > 0 else total
    return visits


@kernel
def _cycle(
    level: int, width: int, order_cost: float, h: float, p: float, visits: FloatArray, sku: int, counted: CountLosses
) -> tuple[float, float]:
    """Expected money and reviews from one order up to `level` until the next one, `width` units below."""
    money, reviews = order_cost, 0.0
    for j in range(width):
        money += visits[j] * cost_at(level - j, sku, h, p, counted)
        reviews += visits[j]
    return money, reviews


@kernel
def _cheapest_policies(
    rows: IntArray,
    order_cost: FloatArray,
    holding_cost: FloatArray,
    shortage_cost: FloatArray,
    step: CountRuns,
    counted: CountLosses,
) -> tuple[IntArray, IntArray, FloatArray]:
    s, level, cost = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), np.empty(len(rows))
    for place in range(len(rows)):
        sku = rows[place]
        fixed, h, p = order_cost[place], holding_cost[place], shortage_cost[place]
        leaving = _leaving(sku, step)
        best = cheapest_level(sku, h, p, counted)
        if leaving == 0:
            s[place], level[place], cost[place] = best - 1, best, cost_at(best, sku, h, p, counted)
            continue
        # From the level that is best without an order cost down, until ordering later would cost more.
        visits = np.empty(64)
        low, top, money, reviews = best, best, fixed, 0.0
        while True:
            low -= 1
            visits = _visits(visits, top - low - 1, top - low, leaving, sku, step)
            money += visits[top - low - 1] * cost_at(low + 1, sku, h, p, counted)
            reviews += visits[top - low - 1]
            if money <= reviews * cost_at(low, sku, h, p, counted):
                break
        least = money / reviews
        # Up, as long as a level alone costs no more than the best policy; each gain draws s up, never beyond `best`.
        trial, known = top + 1, top - low
        while cost_at(trial, sku, h, p, counted) <= least:
            visits = _visits(visits, known, trial - low, leaving, sku, step)
            known = max(known, trial - low)
            money, reviews = _cycle(trial, trial - low, fixed, h, p, visits, sku, counted)
            if money < least * reviews:
                top = trial
                while low + 1 < best and money <= reviews * cost_at(low + 1, sku, h, p, counted):
                    low += 1
                    money, reviews = _cycle(top, top - low, fixed, h, p, visits, sku, counted)
                least = money / reviews
            trial += 1
        s[place], level[place], cost[place] = low, top, least
    return s, level, cost


@kernel
def _averages(
    rows: IntArray,
    levels: IntArray,
    widths: IntArray,
    step: CountRuns,
    counted: CountLosses,
    arriving: CountLosses,
    next_arriving: CountLosses,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Per review: orders, units on hand and owed, share of periods without backorders, units not met at once."""
    orders, on_hand, owed = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows))
    ready, unmet = np.empty(len(rows)), np.empty(len(rows))
    for place in range(len(rows)):
        sku, level, width = rows[place], levels[place], widths[place]
        leaving = _leaving(sku, step)
        visits = _visits(np.empty(width), 0, width, leaving, sku, step)
        reviews, left, short, shy, late = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(width):
            y = level - j
            owing = short_at(y, sku, counted)
            reviews += visits[j]
            left += visits[j] * left_at(y, sku, counted)
            short += visits[j] * owing
            shy += visits[j] * (owing - short_at(y + 1, sku, counted))
            late += visits[j] * (short_at(y, sku, next_arriving) - short_at(y, sku, arriving))
        orders[place] = 1.0 / reviews if leaving > 0 else 0.0
        on_hand[place], owed[place] = left / reviews, short / reviews
        ready[place], unmet[place] = min(max(1.0 - (shy / reviews), 0.0), 1.0), late / reviews
    return orders, on_hand, owed, ready, unmet


@kernel
def _unmet(
    level: int, width: int, visits: FloatArray, sku: int, arriving: CountLosses, next_arriving: CountLosses
) -> float:
    late, reviews = 0.0, 0.0
    for j in range(width):
        late += visits[j] * (short_at(level - j, sku, next_arriving) - short_at(level - j, sku, arriving))
        reviews += visits[j]
    return late / reviews


@kernel
def _cheapest_filling_policies(
    rows: IntArray,
    fill_rate: FloatArray,
    order_cost: FloatArray,
    holding_cost: FloatArray,
    step_mean: FloatArray,
    review_period: IntArray,
    step: CountRuns,
    counted: CountLosses,
    arriving: CountLosses,
    next_arriving: CountLosses,
) -> tuple[IntArray, IntArray, FloatArray]:
    """For each width S − s the lowest S that meets the target; it rises by at most one from a width to the next.

    Stops at a bound below all greater widths w. A cycle has at least w/μ reviews, and at most (k + c)/μ of them
    within any k units, where c is E[D²]/μ (Lorden's inequality). So stock at the start of a period, which must be
    positive at a share β of them, lies among k units with a chance of at most (k + c)/w, and is on average
    (βw − c)²/(2w) at least; at the end it is less by no more than the period's demand.
    """
    s, level, cost = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), np.empty(len(rows))
    for place in range(len(rows)):
        sku, target, fixed, h = rows[place], fill_rate[place], order_cost[place], holding_cost[place]
        leaving = _leaving(sku, step)
        s[place], level[place], cost[place] = -1, 0, h * left_at(0, sku, counted)
        if leaving == 0:
            continue
        squares = 0.0
        for i in range(step.offsets[sku], step.offsets[sku + 1]):
            squares += step.probabilities[i] * (step.first[sku] + i - step.offsets[sku]) ** 2
        spill = squares / step_mean[place]
        allowed = (1 - target) * step_mean[place]
        visits = np.empty(64)
        top, width, least = 0, 0, np.inf
        while True:
            width += 1
            visits = _visits(visits, width - 1, width, leaving, sku, step)
            while _unmet(top, width, visits, sku, arriving, next_arriving) > allowed:
                top += 1
            money, reviews = _cycle(top, width, fixed, h, 0.0, visits, sku, counted)
            if money < least * reviews:
                least = money / reviews
                s[place], level[place], cost[place] = top - width, top, least
            enough = max(target * width - spill, 0.0) ** 2 / (2 * width) - step_mean[place] / review_period[place]
            if h * enough >= least:
                break
    return s, level, cost
