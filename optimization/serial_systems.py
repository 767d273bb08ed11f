"""Base-stock levels of a serial system: each stage supplies the next, and the last one meets random demand.

Stages are counted downstream first: stage 1 meets the customers, stage N orders from a supplier that never fails.
The echelon of a stage is the stage and everything below it, goods in transit between them included. Holding is paid
by echelon: h_j is what a unit costs more at stage j than at stage j + 1, so that a unit on the shelf of stage j or on
its way to stage j − 1 costs h_j + … + h_N per period. The cost rate counts that, and the shortage cost of each unit
that waits; ordering is free. Under these assumptions no policy costs less than the best echelon base-stock levels.

Figures are per period. Stages lie on the last axis, and SKUs on the axis before it: shape (stage,) or (sku, stage)
for what differs by stage, () or (sku,) for the rest.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from optimization.arrays import FloatArray, IntArray
from optimization.count_windows import poisson_window
from optimization.figures import figures, require
from optimization.serial_recursions import discrete_recursion, normal_recursion

Number = TypeVar("Number", np.float64, np.int64)


@dataclass(frozen=True)
class SerialSystem:
    """Attributes:
    echelon_base_stock: S_j, units: each stage orders whenever the inventory position of its echelon is below it;
        infinite where the stage adds no holding cost, so that all that is upstream may as well be sent on.
        Shape (..., stage).
    local_base_stock: The same policy by the position of each stage alone, units, shape (..., stage).
    cost_rate: Holding and shortage cost per period, goods in transit between the stages included, shape (...).
    expected_backorders: Customers' units waiting at a random moment (at the end of a period, under periodic
        review), shape (...).
    """

    echelon_base_stock: FloatArray
    local_base_stock: FloatArray
    cost_rate: FloatArray
    expected_backorders: FloatArray


@dataclass(frozen=True)
class NewsvendorBounds:
    """Attributes, all of shape (..., stage), in units:
    lower: No best level is lower.
    upper: No best level is higher.
    heuristic: Half-way between the two, unrounded.
    """

    lower: FloatArray
    upper: FloatArray
    heuristic: FloatArray


# Normal demand


def serial_base_stock_normal(
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    review_period: ArrayLike = 0.0,
) -> SerialSystem:
    """Best levels where demand over a time t is normal with mean μt and variance σ²t, independent between times.

    Exact up to rounding: the levels are zeros of the recursion's slopes, not points of a grid. Where σ is large
    beside μ the normal counts demand that is negative; take a distribution of whole numbers then.

    Args:
        echelon_holding_cost: h_j, money per unit and period, ≥ 0, downstream first, shape (..., stage).
        lead_time: Periods from order to arrival where the supplier has stock, ≥ 0, downstream first.
        shortage_cost: p, money per unit that waits and period, > 0.
        demand_mean: μ, units per period, ≥ 0.
        demand_sd: σ, units per square root of a period, ≥ 0.
        review_period: 0 where the stages may order at any time. Otherwise the periods between reviews at which all
            stages order, with stock and waiting customers counted just before the next.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Clark & Scarf (1960); Chen & Zheng (1994); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed.,
        section 6.2.

    >>> system = serial_base_stock_normal(
    ...     echelon_holding_cost=[3.0, 2.0, 2.0], lead_time=[1.0, 1.0, 2.0], shortage_cost=37.12,
    ...     demand_mean=5.0, demand_sd=1.0,
    ... )
    >>> system.echelon_base_stock.round(3), system.cost_rate.round(3)
    (array([ 6.491, 12.018, 22.705]), np.float64(47.66))
    """
    return _normal(
        _Stages.of(echelon_holding_cost, lead_time, shortage_cost, demand_mean, review_period, free=False),
        demand_sd,
        None,
    )


def serial_cost_normal(
    echelon_base_stock: ArrayLike,
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    review_period: ArrayLike = 0.0,
) -> SerialSystem:
    """What given echelon levels cost; the rest as in `serial_base_stock_normal`.

    Shortages may cost nothing here.

    >>> serial_cost_normal(
    ...     [7.0, 12.0, 23.0], echelon_holding_cost=[3.0, 2.0, 2.0], lead_time=[1.0, 1.0, 2.0], shortage_cost=37.12,
    ...     demand_mean=5.0, demand_sd=1.0,
    ... ).cost_rate.round(3)
    np.float64(48.05)
    """
    return _normal(
        _Stages.of(echelon_holding_cost, lead_time, shortage_cost, demand_mean, review_period, free=True),
        demand_sd,
        figures(echelon_base_stock, "echelon_base_stock"),
    )


def serial_newsvendor_normal(
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    review_period: ArrayLike = 0.0,
) -> NewsvendorBounds:
    """Bounds of the best levels by two newsvendors a stage, and their middle as a rule of thumb.

    Both count the demand over the lead times from the customer up to the stage. The upper bound pays the holding
    cost h_j alone, the lower one h_1 + … + h_j; both pay p + h_{j+1} + … + h_N when short.

    Args: As `serial_base_stock_normal`.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Shang & Song (2003).

    >>> serial_newsvendor_normal(
    ...     echelon_holding_cost=[3.0, 2.0, 2.0], lead_time=[1.0, 1.0, 2.0], shortage_cost=37.12,
    ...     demand_mean=5.0, demand_sd=1.0,
    ... ).heuristic.round(3)
    array([ 6.491, 12.027, 22.634])
    """
    stages = _Stages.of(echelon_holding_cost, lead_time, shortage_cost, demand_mean, review_period, free=False)
    spread = figures(demand_sd, "demand_sd", least=0.0)[..., None] * np.sqrt(np.cumsum(stages.protection, axis=-1))
    mean = stages.mean_demand()
    low, high = stages.fractiles()
    with np.errstate(invalid="ignore"):
        lower = mean + np.where(spread > 0, spread * special.ndtri(low), 0.0)
        upper = np.where(high < 1, mean + np.where(spread > 0, spread * special.ndtri(high), 0.0), np.inf)
    return NewsvendorBounds(lower, upper, (lower + upper) / 2)


# Poisson demand


def serial_base_stock_poisson(
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
    demand_mean: ArrayLike,
    review_period: ArrayLike = 0.0,
) -> SerialSystem:
    """Best whole levels under Poisson demand, exact; of several that cost the same the lowest.

    Args: As `serial_base_stock_normal`, without demand_sd.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Clark & Scarf (1960); Chen & Zheng (1994); examples in Shang & Song (2003), table 1.

    >>> serial_base_stock_poisson(
    ...     echelon_holding_cost=[0.25, 0.25, 0.25, 0.25], lead_time=0.25, shortage_cost=9.0, demand_mean=16.0
    ... ).echelon_base_stock
    array([ 8., 13., 18., 22.])
    """
    stages = _Stages.of(echelon_holding_cost, lead_time, shortage_cost, demand_mean, review_period, free=False)
    return _discrete(stages, stages.poisson(), None)


def serial_cost_poisson(
    echelon_base_stock: ArrayLike,
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
    demand_mean: ArrayLike,
    review_period: ArrayLike = 0.0,
) -> SerialSystem:
    """What given whole echelon levels cost under Poisson demand, exact; see `serial_cost_normal`.

    >>> serial_cost_poisson(
    ...     [8, 13, 18, 23], echelon_holding_cost=[0.25, 0.25, 0.25, 0.25], lead_time=0.25, shortage_cost=9.0,
    ...     demand_mean=16.0,
    ... ).cost_rate.round(3)
    np.float64(12.714)
    """
    stages = _Stages.of(echelon_holding_cost, lead_time, shortage_cost, demand_mean, review_period, free=True)
    return _discrete(stages, stages.poisson(), _whole(echelon_base_stock))


def serial_newsvendor_poisson(
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
    demand_mean: ArrayLike,
    review_period: ArrayLike = 0.0,
) -> NewsvendorBounds:
    """`serial_newsvendor_normal` under Poisson demand: whole bounds, and their middle unrounded.

    >>> serial_newsvendor_poisson(
    ...     echelon_holding_cost=[0.25, 0.25, 0.25, 0.25], lead_time=0.25, shortage_cost=9.0, demand_mean=16.0
    ... ).heuristic
    array([ 8. , 13.5, 18. , 22.5])
    """
    stages = _Stages.of(echelon_holding_cost, lead_time, shortage_cost, demand_mean, review_period, free=False)
    low, high = stages.fractiles()
    mean = stages.mean_demand()
    lower = _poisson_quantile(low, mean)
    upper = np.where(high < 1, _poisson_quantile(np.where(high < 1, high, 0.5), mean), np.inf)
    return NewsvendorBounds(lower, upper, (lower + upper) / 2)


# Any whole-number demand, reviewed every period


def serial_base_stock_discrete(
    demand_pmf: ArrayLike,
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
) -> SerialSystem:
    """Best whole levels where demand per period has any distribution, exact, with a review every period.

    In each period orders arrive, all stages order, demand comes, and stock and waiting customers are counted. So
    the first stage has to last its lead time and one period more.

    Args:
        demand_pmf: Probability of 0, 1, 2, … units per period, ≥ 0, adding up to 1, shape (..., value).
            Periods are independent.
        echelon_holding_cost: h_j, money per unit and period, ≥ 0, downstream first, shape (..., stage).
        lead_time: Whole periods ≥ 0, downstream first, shape (..., stage).
        shortage_cost: p, money per unit that waits and period, > 0.

    Raises:
        ValueError: NaN, infinite or out of range, or shapes that do not fit.

    Source: Clark & Scarf (1960); Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 6.2.

    >>> serial_base_stock_discrete(
    ...     [0.4, 0.3, 0.2, 0.1], echelon_holding_cost=[1.0, 0.5], lead_time=[1, 2], shortage_cost=10.0
    ... ).echelon_base_stock
    array([4., 7.])
    """
    pmf = _checked_pmf(demand_pmf)
    mean = pmf @ np.arange(pmf.shape[-1])
    stages = _Stages.of(echelon_holding_cost, lead_time, shortage_cost, mean, 1.0, free=False)
    return _discrete(stages, stages.convolved(pmf), None)


def serial_cost_discrete(
    echelon_base_stock: ArrayLike,
    demand_pmf: ArrayLike,
    *,
    echelon_holding_cost: ArrayLike,
    lead_time: ArrayLike,
    shortage_cost: ArrayLike,
) -> SerialSystem:
    """What given whole echelon levels cost; the rest as in `serial_base_stock_discrete`.

    >>> serial_cost_discrete(
    ...     [4, 8], [0.4, 0.3, 0.2, 0.1], echelon_holding_cost=[1.0, 0.5], lead_time=[1, 2], shortage_cost=10.0
    ... ).cost_rate.round(4)
    np.float64(5.2565)
    """
    pmf = _checked_pmf(demand_pmf)
    mean = pmf @ np.arange(pmf.shape[-1])
    stages = _Stages.of(echelon_holding_cost, lead_time, shortage_cost, mean, 1.0, free=True)
    return _discrete(stages, stages.convolved(pmf), _whole(echelon_base_stock))


# What is asked, checked and spread out to (sku, stage)


@dataclass(frozen=True)
class _Stages:
    """shape: (...), of the SKUs; lead_time, holding and protection: (..., stage); shortage and mean: (...)."""

    shape: tuple[int, ...]
    holding: FloatArray
    lead_time: FloatArray
    protection: FloatArray
    shortage: FloatArray
    mean: FloatArray

    @classmethod
    def of(
        cls,
        echelon_holding_cost: ArrayLike,
        lead_time: ArrayLike,
        shortage_cost: ArrayLike,
        demand_mean: ArrayLike,
        review_period: ArrayLike,
        *,
        free: bool,
    ) -> "_Stages":
        holding = np.atleast_1d(figures(echelon_holding_cost, "echelon_holding_cost", least=0.0))
        time = np.atleast_1d(figures(lead_time, "lead_time", least=0.0))
        shortage = figures(shortage_cost, "shortage_cost", least=0.0, exclude_least=not free)
        mean = figures(demand_mean, "demand_mean", least=0.0)
        review = figures(review_period, "review_period", least=0.0)
        try:
            holding, time = np.broadcast_arrays(holding, time)
            shape = np.broadcast_shapes(holding.shape[:-1], shortage.shape, mean.shape, review.shape)
        except ValueError:
            raise ValueError(
                "echelon_holding_cost and lead_time must be of shape (stage,) or (sku, stage) and shortage_cost, "
                f"demand_mean and review_period of shape () or (sku,), got {holding.shape}, {time.shape}, "
                f"{shortage.shape}, {mean.shape} and {review.shape}"
            ) from None
        if holding.shape[-1] == 0:
            raise ValueError("echelon_holding_cost must be given for at least one stage, got none")
        time = np.broadcast_to(time, (*shape, time.shape[-1]))
        protection = time.copy()
        protection[..., 0] += review
        return cls(
            shape=shape,
            holding=np.broadcast_to(holding, time.shape),
            lead_time=time,
            protection=protection,
            shortage=np.broadcast_to(shortage, shape),
            mean=np.broadcast_to(mean, shape),
        )

    def mean_demand(self) -> FloatArray:
        """Over the lead times from the customer up to each stage, shape (..., stage)."""
        return np.asarray(self.mean[..., None] * np.cumsum(self.protection, axis=-1))

    def transit_cost(self) -> FloatArray:
        """Of goods under way between the stages, shape (...)."""
        below = np.cumsum(self.lead_time, axis=-1) - self.lead_time
        return np.asarray(self.mean * (self.holding * below).sum(axis=-1))

    def fractiles(self) -> tuple[FloatArray, FloatArray]:
        """Critical ratios of the lower and the upper newsvendor, shape (..., stage)."""
        total = self.holding.sum(axis=-1, keepdims=True)
        short = self.shortage[..., None] + total - np.cumsum(self.holding, axis=-1)
        return short / (self.shortage[..., None] + total), short / (short + self.holding)

    def spread(self, given: NDArray[Number]) -> NDArray[Number]:
        """Given levels in the shape (..., stage)."""
        try:
            return np.broadcast_to(given, self.holding.shape)
        except ValueError:
            raise ValueError(
                f"echelon_base_stock must fit the shape {self.holding.shape} of SKUs and stages, got {given.shape}"
            ) from None

    def poisson(self) -> "_LeadTimeDemand":
        parts = [poisson_window(float(mean)) for mean in (self.mean[..., None] * self.protection).ravel()]
        return _LeadTimeDemand([part.probabilities for part in parts], [part.smallest for part in parts])

    def convolved(self, pmf: FloatArray) -> "_LeadTimeDemand":
        require(self.lead_time == np.floor(self.lead_time), "lead_time must be whole periods", self.lead_time)
        spread = np.broadcast_to(pmf, (*self.shape, pmf.shape[-1])).reshape(-1, pmf.shape[-1])
        periods = self.protection.reshape(len(spread), -1).astype(np.int64)
        return _LeadTimeDemand(
            [
                _convolution_power(row, int(count))
                for row, counts in zip(spread, periods, strict=True)
                for count in counts
            ],
            [0] * periods.size,
        )


@dataclass(frozen=True)
class _LeadTimeDemand:
    """Probabilities of each SKU's stages, one after the other, and the demand that each first one belongs to."""

    probabilities: list[FloatArray]
    smallest: list[int]

    def of(self, sku: int, stages: int) -> tuple[FloatArray, IntArray, IntArray]:
        rows = slice(sku * stages, (sku + 1) * stages)
        parts = self.probabilities[rows]
        starts = np.cumsum([0, *(len(part) for part in parts)])
        return np.concatenate(parts), starts, np.array(self.smallest[rows], dtype=np.int64)


def _checked_pmf(demand_pmf: ArrayLike) -> FloatArray:
    pmf = np.atleast_1d(figures(demand_pmf, "demand_pmf", least=0.0))
    if pmf.shape[-1] == 0:
        raise ValueError("demand_pmf must hold at least one probability, got none")
    total = pmf.sum(axis=-1)
    require(np.abs(total - 1) <= 1e-9, "demand_pmf must add up to 1", total)
    return np.asarray(pmf / total[..., None])


def _whole(echelon_base_stock: ArrayLike) -> IntArray:
    levels = figures(echelon_base_stock, "echelon_base_stock")
    require(levels == np.floor(levels), "echelon_base_stock must be whole", levels)
    return levels.astype(np.int64)


# Distributions over a lead time


def _poisson_quantile(probability: FloatArray, mean: FloatArray) -> FloatArray:
    """The smallest whole x with P(X ≤ x) ≥ probability."""
    guess = np.maximum(np.ceil(special.pdtrik(probability, np.where(mean > 0, mean, 1.0))), 0.0)
    lower = np.maximum(guess - 1, 0.0)
    nearest = np.where(special.pdtr(lower, mean) >= probability, lower, guess)
    nearest = np.where(special.pdtr(nearest, mean) >= probability, nearest, nearest + 1)
    return np.asarray(np.where(mean > 0, nearest, 0.0))


def _convolution_power(pmf: FloatArray, count: int) -> FloatArray:
    """Probabilities of the sum of count independent demands."""
    power, square = np.ones(1), pmf
    while count:
        if count % 2:
            power = np.convolve(power, square)
        count //= 2
        if count:
            square = np.convolve(square, square)
    return power


# SKU by SKU


def _normal(stages: _Stages, demand_sd: ArrayLike, given: FloatArray | None) -> SerialSystem:
    sd = figures(demand_sd, "demand_sd", least=0.0)
    try:
        sd = np.broadcast_to(sd, stages.shape)
    except ValueError:
        raise ValueError(f"demand_sd must fit the shape {stages.shape} of SKUs, got {sd.shape}") from None
    mean = stages.mean_demand()
    scale = np.where(sd > 0, sd, 1.0)  # the recursion runs on standard demand: the levels of any σ are its multiples
    root = np.sqrt(stages.protection) * (sd > 0)[..., None]
    wanted = np.zeros(mean.shape) if given is None else (stages.spread(given) - mean) / scale[..., None]
    levels, cost, waiting = np.empty(mean.shape), np.empty(stages.shape), np.empty(stages.shape)
    for sku in np.ndindex(stages.shape):
        holding, shortage = stages.holding[sku].copy(), float(stages.shortage[sku])
        levels[sku], cost[sku] = normal_recursion(holding, root[sku], shortage, wanted[sku], given is None)
        waiting[sku] = normal_recursion(np.zeros(len(holding)), root[sku], 1.0, levels[sku], False)[1]
    if given is None:
        echelon = np.where(stages.holding > 0, mean + scale[..., None] * levels, np.inf)
    else:
        echelon = stages.spread(given).copy()
    return _system(echelon, stages.transit_cost() + scale * cost, np.maximum(scale * waiting, 0.0) + 0.0)


def _discrete(stages: _Stages, demand: _LeadTimeDemand, given: IntArray | None) -> SerialSystem:
    mean = stages.mean_demand()
    wanted = np.zeros(mean.shape, dtype=np.int64) if given is None else _binding(stages.spread(given))
    levels = np.empty(mean.shape, dtype=np.int64)
    cost, waiting = np.empty(stages.shape), np.empty(stages.shape)
    for row, sku in enumerate(np.ndindex(stages.shape)):
        holding, shortage = stages.holding[sku].copy(), float(stages.shortage[sku])
        parts = demand.of(row, len(holding))
        levels[sku], low, rise = discrete_recursion(holding, *parts, shortage, wanted[sku], given is None)
        cost[sku] = shortage * (mean[sku][-1] - low) + rise
        _, low, rise = discrete_recursion(np.zeros(len(holding)), *parts, 1.0, _binding(levels[sku]), False)
        waiting[sku] = mean[sku][-1] - low + rise
    if given is None:
        echelon = np.where(stages.holding > 0, levels, np.inf)
    else:
        echelon = stages.spread(given).astype(np.float64)
    return _system(echelon, stages.transit_cost() + cost, np.maximum(waiting, 0.0) + 0.0)


def _binding(levels: NDArray[Number]) -> NDArray[Number]:
    """No level above one further upstream: that much could never be there."""
    lowest: NDArray[Number] = np.minimum.accumulate(levels[..., ::-1], axis=-1)[..., ::-1].copy()
    return lowest


def _system(echelon: FloatArray, cost: FloatArray, waiting: FloatArray) -> SerialSystem:
    with np.errstate(invalid="ignore"):
        own = np.diff(_binding(echelon), axis=-1, prepend=0.0)
    local = np.where(np.isnan(own), 0.0, own)  # ∞ − ∞: what is upstream passes everything on
    return SerialSystem(echelon, local, np.asarray(cost), np.asarray(waiting))
